//! Where in a JSON text a value stands: the parser that reads it does not say.

use crate::source::Span;

/// The place of the value that `pointer` (`/process/args/0`) names, or of the innermost one on the
/// way that is there. An object's member is shown with its key.
pub(super) fn place(text: &str, pointer: &str) -> Span {
    let mut walker = Walker { bytes: text.as_bytes(), at: 0 };
    walker.blank();
    let mut found = Span::new(walker.at, (walker.at + 1).min(text.len()));
    for part in pointer.split('/').skip(1) {
        let part = part.replace("~1", "/").replace("~0", "~");
        match walker.descend(&part) {
            Some(span) => found = span,
            None => break,
        }
    }
    found
}

/// What RFC 6901 writes for a key.
pub(super) fn escaped(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}

struct Walker<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Walker<'_> {
    fn peek(&self) -> u8 {
        self.bytes.get(self.at).copied().unwrap_or(0)
    }

    fn blank(&mut self) {
        while matches!(self.peek(), b' ' | b'\t' | b'\n' | b'\r') {
            self.at += 1;
        }
    }

    /// Goes to the member or entry `part` of the value here; gives its place.
    fn descend(&mut self, part: &str) -> Option<Span> {
        match self.peek() {
            b'{' => self.member(part),
            b'[' => self.entry(part.parse().ok()?),
            _ => None,
        }
    }

    fn member(&mut self, name: &str) -> Option<Span> {
        self.at += 1;
        loop {
            self.blank();
            if self.peek() != b'"' {
                return None;
            }
            let start = self.at;
            self.string();
            let written = std::str::from_utf8(&self.bytes[start..self.at]).ok()?;
            let key: String = serde_json::from_str(written).ok()?;
            let end = self.at;
            self.blank();
            if self.peek() != b':' {
                return None;
            }
            self.at += 1;
            self.blank();
            if key == name {
                return Some(Span::new(start, end));
            }
            self.skip();
            self.blank();
            if self.peek() != b',' {
                return None;
            }
            self.at += 1;
        }
    }

    fn entry(&mut self, index: usize) -> Option<Span> {
        self.at += 1;
        for _ in 0..index {
            self.blank();
            self.skip();
            self.blank();
            if self.peek() != b',' {
                return None;
            }
            self.at += 1;
        }
        self.blank();
        let (start, mut end) = (self.at, Walker { bytes: self.bytes, at: self.at });
        end.skip();
        // A long entry is shown by where it begins.
        let line = self.bytes[start..end.at].iter().position(|&byte| byte == b'\n');
        (end.at > start).then(|| Span::new(start, line.map_or(end.at, |line| start + line)))
    }

    fn string(&mut self) {
        self.at += 1;
        while self.at < self.bytes.len() {
            match self.peek() {
                b'"' => break,
                b'\\' => self.at += 2,
                _ => self.at += 1,
            }
        }
        self.at = (self.at + 1).min(self.bytes.len());
    }

    /// Passes over one value.
    fn skip(&mut self) {
        let mut depth = 0_usize;
        while self.at < self.bytes.len() {
            match self.peek() {
                b'"' => self.string(),
                b'{' | b'[' => {
                    depth += 1;
                    self.at += 1;
                }
                b'}' | b']' => {
                    depth = depth.saturating_sub(1);
                    self.at += 1;
                }
                b',' if depth == 0 => return,
                _ => {
                    self.at += 1;
                    if depth > 0 {
                        continue;
                    }
                    while !matches!(self.peek(), b',' | b'}' | b']' | 0 | b' ' | b'\n' | b'\r' | b'\t') {
                        self.at += 1;
                    }
                }
            }
            if depth == 0 {
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pointer_finds_its_member_and_its_entry() {
        let text = "{ \"a\": {\"b]\": [1, \"x\\\"y\", {\"c/d\": true}]},\n \"z\": null }";
        let at = |pointer: &str| {
            let span = place(text, pointer);
            &text[span.start as usize..span.end as usize]
        };
        assert_eq!(at(""), "{");
        assert_eq!(at("/z"), "\"z\"");
        assert_eq!(at("/a/b]"), "\"b]\"");
        assert_eq!(at("/a/b]/1"), "\"x\\\"y\"");
        assert_eq!(at("/a/b]/2/c~1d"), "\"c/d\"");
        assert_eq!(at("/a/missing/deeper"), "\"a\"");
    }
}
