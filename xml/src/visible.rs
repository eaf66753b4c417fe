//! Foreign text as it is shown: no character of it steers a terminal or changes how a line reads unseen.
//!
//! Whatever a document, a container, a log or a name brings goes through one of these functions before it is
//! printed for people.

use std::borrow::Cow;
use std::fmt::Write as _;

/// Whether a character is shown by its number: controls (C0, DEL, C1), characters that turn the direction of
/// a line, and those that have no width and no shape.
pub fn is_hidden(character: char) -> bool {
    character.is_control() || is_invisible(character)
}

/// Characters that change how a line reads without being seen, and are no controls.
pub(crate) const fn is_invisible(character: char) -> bool {
    matches!(character,
        '\u{61C}' | '\u{180E}' | '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2060}'..='\u{206F}'
        | '\u{FEFF}' | '\u{FFF9}'..='\u{FFFB}' | '\u{E0000}'..='\u{E007F}')
}

/// `text` as a part of one line: tabs as blanks, line ends and hidden characters as `\u{…}`.
pub fn visible(text: &str) -> Cow<'_, str> {
    shown(text, |_| false)
}

/// The same for a text of several lines: its line ends stay.
pub fn visible_lines(text: &str) -> Cow<'_, str> {
    shown(text, |character| character == '\n')
}

fn shown(text: &str, stays: impl Fn(char) -> bool) -> Cow<'_, str> {
    // Most texts are ASCII without controls, which is seen by their bytes.
    let plain = |byte: u8| matches!(byte, b' '..=b'~') || stays(char::from(byte)) && byte.is_ascii();
    if text.bytes().all(plain) || !text.chars().any(|character| is_hidden(character) && !stays(character)) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    for character in text.chars() {
        match character {
            character if stays(character) => out.push(character),
            '\t' => out.push_str("    "),
            character if is_hidden(character) => out.extend(character.escape_unicode()),
            character => out.push(character),
        }
    }
    Cow::Owned(out)
}

/// JSON with every hidden character that may stand in it raw as an escape: the same value.
pub fn visible_json(json: &str) -> Cow<'_, str> {
    // Outside of strings JSON is ASCII; what is hidden there is white space, which stays.
    let hidden = |character: char| is_hidden(character) && !matches!(character, '\n' | '\r' | '\t');
    if json.is_ascii() && !json.contains('\u{7F}') || !json.chars().any(hidden) {
        return Cow::Borrowed(json);
    }
    let mut out = String::with_capacity(json.len() + 16);
    for character in json.chars() {
        if hidden(character) {
            for unit in character.encode_utf16(&mut [0; 2]) {
                // Writing to a String cannot fail.
                write!(out, "\\u{unit:04x}").unwrap_or_default();
            }
        } else {
            out.push(character);
        }
    }
    Cow::Owned(out)
}

/// The bytes of a stream, such as a log, for a terminal: as they come, in pieces.
///
/// Line ends (also `\r\n`) and tabs stay, hidden characters are shown as `\u{…}`, and bytes that are not UTF-8
/// as `\x…`.
#[derive(Debug, Default)]
pub struct VisibleBytes {
    /// What the next piece may complete: the beginning of a character, or a carriage return.
    pending: Vec<u8>,
}

impl VisibleBytes {
    /// What can be shown with this piece.
    pub fn push(&mut self, piece: &[u8]) -> String {
        self.pending.extend_from_slice(piece);
        let bytes = std::mem::take(&mut self.pending);
        let mut out = String::with_capacity(bytes.len());
        let mut rest = bytes.as_slice();
        while !rest.is_empty() {
            let (valid, broken) = match std::str::from_utf8(rest) {
                Ok(valid) => (valid, None),
                Err(error) => {
                    let (valid, _) = rest.split_at(error.valid_up_to());
                    (std::str::from_utf8(valid).unwrap_or_default(), Some(error.error_len()))
                }
            };
            rest = &rest[valid.len()..];
            let held = match broken {
                None => valid.strip_suffix('\r'),
                Some(_) => None,
            };
            show_stream(held.unwrap_or(valid), &mut out);
            if held.is_some() {
                self.pending.push(b'\r');
            }
            match broken {
                None => {}
                // The beginning of a character.
                Some(None) => {
                    self.pending.extend_from_slice(rest);
                    rest = &[];
                }
                Some(Some(length)) => {
                    show_bytes(&rest[..length], &mut out);
                    rest = &rest[length..];
                }
            }
        }
        out
    }

    /// What is left at the end of the stream.
    pub fn finish(&mut self) -> String {
        let mut out = String::new();
        match std::mem::take(&mut self.pending).as_slice() {
            b"\r" => out.extend('\r'.escape_unicode()),
            bytes => show_bytes(bytes, &mut out),
        }
        out
    }
}

fn show_bytes(bytes: &[u8], out: &mut String) {
    for byte in bytes {
        // Writing to a String cannot fail.
        write!(out, "\\x{byte:02x}").unwrap_or_default();
    }
}

fn show_stream(text: &str, out: &mut String) {
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '\n' | '\t' => out.push(character),
            '\r' if characters.peek() == Some(&'\n') => {}
            character if is_hidden(character) => out.extend(character.escape_unicode()),
            character => out.push(character),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("plain é 漢 \u{A0}x", "plain é 漢 \u{A0}x")]
    #[case("a\tb", "a    b")]
    #[case("\x1b]0;x\x07", "\\u{1b}]0;x\\u{7}")]
    #[case("\u{9b}31m\u{7f}", "\\u{9b}31m\\u{7f}")]
    #[case("\u{202e}\u{2066}\u{200f}\u{61c}", "\\u{202e}\\u{2066}\\u{200f}\\u{61c}")]
    #[case("\u{feff}\u{2028}\u{2029}\u{e0041}", "\\u{feff}\\u{2028}\\u{2029}\\u{e0041}")]
    #[case("a\nb", "a\\u{a}b")]
    fn what_steers_a_terminal_is_shown_by_its_number(#[case] text: &str, #[case] expected: &str) {
        assert_eq!(visible(text), expected);
    }

    #[test]
    fn what_is_harmless_costs_no_memory() {
        for text in ["", "a b", "héllo 漢字"] {
            assert!(matches!(visible(text), Cow::Borrowed(_)), "{text}");
            assert!(matches!(visible_json(text), Cow::Borrowed(_)), "{text}");
        }
        assert!(matches!(visible_lines("a\nb\n"), Cow::Borrowed(_)));
        assert_eq!(visible_lines("a\n\u{9b}\n"), "a\n\\u{9b}\n");
    }

    #[test]
    fn a_stream_keeps_its_lines_and_shows_what_is_no_text() {
        let mut stream = VisibleBytes::default();
        let shown: String = [&b"a\r"[..], b"\nb\rc\t\xc2", b"\x9bd\xff\xe6\xbc", b"\xa2\x1b[31m\r"]
            .iter()
            .map(|piece| stream.push(piece))
            .collect();
        assert_eq!(shown + &stream.finish(), "a\nb\\u{d}c\t\\u{9b}d\\xff漢\\u{1b}[31m\\u{d}");
        assert_eq!(stream.push(b"\xe6"), "");
        assert_eq!(stream.finish(), "\\xe6");
    }

    proptest! {
        #[test]
        fn nothing_hidden_is_left(text in any::<String>()) {
            prop_assert!(!visible(&text).chars().any(is_hidden));
            prop_assert!(!visible_lines(&text).chars().any(|it| is_hidden(it) && it != '\n'));
            // What is shown is shown alike when it is looked through again.
            let shown = visible(&text);
            prop_assert_eq!(visible(&shown), shown.as_ref());
        }

        #[test]
        fn json_keeps_its_value(text in any::<String>(), hidden in prop::collection::vec(prop::char::any(), 0..9)) {
            let value = serde_json::json!({ (text.clone()): [hidden.into_iter().collect::<String>(), text] });
            let written = value.to_string();
            let shown = visible_json(&written);
            prop_assert!(!shown.chars().any(is_hidden));
            prop_assert_eq!(serde_json::from_str::<serde_json::Value>(&shown).unwrap(), value);
        }

        #[test]
        fn a_stream_is_shown_alike_in_any_pieces(bytes in any::<Vec<u8>>(), cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..4)) {
            let mut whole = VisibleBytes::default();
            let expected = whole.push(&bytes) + &whole.finish();
            let mut places: Vec<usize> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
            places.extend([0, bytes.len()]);
            places.sort_unstable();
            let mut pieces = VisibleBytes::default();
            let shown: String = places.windows(2).map(|pair| pieces.push(&bytes[pair[0]..pair[1]])).collect();
            let shown = shown + &pieces.finish();
            prop_assert!(!shown.chars().any(|it| is_hidden(it) && !matches!(it, '\n' | '\t')));
            prop_assert_eq!(shown, expected);
        }
    }
}
