//! The mount points of a mount table.

/// Mount points of proc_pid_mountinfo(5), each once; the first is the root.
pub(super) fn mount_points(table: &str) -> Vec<String> {
    let mut points: Vec<String> = Vec::new();
    for line in table.lines() {
        let Some(point) = line.split(' ').nth(4) else { continue };
        let point = unescape(point);
        if !points.contains(&point) {
            points.push(point);
        }
    }
    points
}

/// `\\040` and its like.
pub(crate) fn unescape(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((&first, tail)) = rest.split_first() {
        let octal = tail.get(..3).and_then(|digits| std::str::from_utf8(digits).ok());
        match octal.and_then(|digits| u8::from_str_radix(digits, 8).ok()).filter(|_| first == b'\\') {
            Some(byte) => {
                bytes.push(byte);
                rest = &tail[3..];
            }
            None => {
                bytes.push(first);
                rest = tail;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mount_points_are_read_with_their_odd_names() {
        let table = "1 0 8:1 / / rw - ext4 /dev/a rw\n2 1 0:3 / /a\\040b/c rw - tmpfs t rw\n3 1 0:4 / /a\\040b/c rw - x y z\n";
        assert_eq!(mount_points(table), ["/", "/a b/c"]);
        assert_eq!(unescape("\\134x\\9"), "\\x\\9");
    }
}
