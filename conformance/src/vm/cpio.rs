//! A cpio archive in the "newc" form, which the kernel unpacks into its first root file system.

/// An archive under construction.
#[derive(Debug, Default)]
pub struct Archive {
    bytes: Vec<u8>,
    inode: u32,
}

/// What an entry is; the numbers are the file type bits of `st_mode`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A regular file.
    File = 0o100_000,
    /// A directory.
    Directory = 0o040_000,
    /// A symbolic link; its content is the target.
    Link = 0o120_000,
    /// A character device.
    Character = 0o020_000,
}

impl Archive {
    /// Adds a directory; its parents have to be there already.
    pub fn directory(&mut self, path: &str, mode: u32) {
        self.entry(path, Kind::Directory, mode, (0, 0), &[]);
    }
    /// Adds a regular file.
    pub fn file(&mut self, path: &str, mode: u32, content: &[u8]) {
        self.entry(path, Kind::File, mode, (0, 0), content);
    }
    /// Adds a symbolic link.
    pub fn link(&mut self, path: &str, target: &str) {
        self.entry(path, Kind::Link, 0o777, (0, 0), target.as_bytes());
    }
    /// Adds a character device.
    pub fn character(&mut self, path: &str, mode: u32, major: u32, minor: u32) {
        self.entry(path, Kind::Character, mode, (major, minor), &[]);
    }

    /// Ends the archive and hands it out.
    pub fn finish(mut self) -> Vec<u8> {
        self.entry("TRAILER!!!", Kind::File, 0, (0, 0), &[]);
        self.bytes
    }

    fn entry(&mut self, path: &str, kind: Kind, mode: u32, device: (u32, u32), content: &[u8]) {
        let name = path.trim_start_matches('/');
        self.inode += 1;
        let size = u32::try_from(content.len()).unwrap_or(u32::MAX);
        let name_size = u32::try_from(name.len() + 1).unwrap_or(u32::MAX);
        // ino mode uid gid nlink mtime filesize devmajor devminor rdevmajor rdevminor namesize check
        let fields =
            [self.inode, kind as u32 | mode, 0, 0, 1, 0, size, 0, 0, device.0, device.1, name_size, 0];
        self.bytes.extend_from_slice(b"070701");
        for field in fields {
            self.bytes.extend_from_slice(format!("{field:08X}").as_bytes());
        }
        self.bytes.extend_from_slice(name.as_bytes());
        self.bytes.push(0);
        self.pad();
        self.bytes.extend_from_slice(content);
        self.pad();
    }

    /// Header plus name, and content, each end on a multiple of four.
    fn pad(&mut self) {
        while !self.bytes.len().is_multiple_of(4) {
            self.bytes.push(0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_header_starts_on_a_multiple_of_four_and_the_trailer_ends_it() {
        let mut archive = Archive::default();
        archive.directory("dev", 0o755);
        archive.character("dev/console", 0o600, 5, 1);
        archive.file("a", 0o644, b"12345");
        archive.link("l", "a");
        let bytes = archive.finish();
        let heads: Vec<usize> =
            bytes.windows(6).enumerate().filter(|(_, w)| w == b"070701").map(|(at, _)| at).collect();
        assert_eq!(heads.len(), 5);
        assert!(heads.iter().all(|at| at % 4 == 0), "{heads:?}");
        assert!(bytes.ends_with(b"TRAILER!!!\0\0\0\0") || bytes.windows(10).any(|w| w == b"TRAILER!!!"));
    }

    #[test]
    fn cpio_command_lists_what_was_written() {
        let mut archive = Archive::default();
        archive.directory("sub", 0o755);
        archive.file("sub/hello", 0o644, b"hello");
        let out = std::process::Command::new("cpio")
            .arg("-t")
            .stdin(std::process::Stdio::piped())
            .stdout(std::process::Stdio::piped())
            .stderr(std::process::Stdio::null())
            .spawn();
        let Ok(mut child) = out else {
            eprintln!("skipped: no cpio command on this machine");
            return;
        };
        std::io::Write::write_all(&mut child.stdin.take().expect("piped"), &archive.finish()).expect("write");
        let listed = child.wait_with_output().expect("wait");
        assert_eq!(String::from_utf8_lossy(&listed.stdout), "sub\nsub/hello\n");
    }
}
