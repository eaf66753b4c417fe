//! `&…;`: the five entities every document has, and characters by number.

use super::Lexer;
use crate::bytes;
use crate::codes::Code;
use crate::report::Diagnostic;
use crate::source::Span;

/// A reference at the start of `text`: its length and its character. `Err` has a message and how
/// many bytes it is about.
fn reference(text: &[u8]) -> Result<(usize, char), (usize, &'static str, Option<&'static str>)> {
    let stop = text.iter().take(16).position(|&byte| byte == b';');
    let Some(end) = stop else {
        return Err((1, "'&' begins no reference here", Some("write '&amp;' for the character itself")));
    };
    let character = match &text[1..end] {
        b"amp" => '&',
        b"lt" => '<',
        b"gt" => '>',
        b"quot" => '"',
        b"apos" => '\'',
        [b'#', number @ ..] => {
            let parsed = match number {
                [b'x', digits @ ..] => std::str::from_utf8(digits)
                    .ok()
                    .filter(|digits| plain(digits))
                    .and_then(|digits| u32::from_str_radix(digits, 16).ok()),
                digits => std::str::from_utf8(digits)
                    .ok()
                    .filter(|digits| plain(digits))
                    .and_then(|digits| digits.parse().ok()),
            };
            let Some(character) = parsed.and_then(char::from_u32).filter(|&character| is_char(character))
            else {
                return Err((end + 1, "this reference is to a character that XML does not have", None));
            };
            character
        }
        name if !name.is_empty() && name.iter().all(|&byte| super::is_name(byte)) => {
            return Err((
                end + 1,
                "this entity is not defined",
                Some("only amp, lt, gt, quot and apos are; there is no DTD"),
            ));
        }
        _ => return Err((1, "'&' begins no reference here", Some("write '&amp;' for the character itself"))),
    };
    Ok((end + 1, character))
}

fn plain(digits: &str) -> bool {
    !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// `Char ::= #x9 | #xA | #xD | [#x20-#xD7FF] | [#xE000-#xFFFD] | [#x10000-#x10FFFF]`.
pub(crate) const fn is_char(character: char) -> bool {
    matches!(character, '\t' | '\n' | '\r' | '\u{20}'..='\u{D7FF}' | '\u{E000}'..='\u{FFFD}' | '\u{10000}'..)
}

impl Lexer<'_> {
    pub(super) fn check_references(&mut self, start: usize, end: usize) {
        let text = self.text;
        for found in bytes::find_all(b'&', &text[start..end]) {
            let at = start + found;
            if let Err((length, message, help)) = reference(&text[at..end]) {
                if self.doctype && length > 1 {
                    continue;
                }
                let mut fault = Diagnostic::error(Code::BadReference, Span::new(at, at + length), message);
                fault.help = help.map(Into::into);
                self.keep_fault(fault);
            }
        }
    }
}

/// An attribute's value: references resolved, white space made blanks.
pub(crate) fn decode_attribute(raw: &str) -> String {
    decode(raw, |raw, out| {
        out.extend(
            raw.replace("\r\n", " ")
                .chars()
                .map(|it| if matches!(it, '\t' | '\n' | '\r') { ' ' } else { it }),
        )
    })
}

/// Character data: references resolved, line ends made `\n`.
pub(crate) fn decode_text(raw: &str) -> String {
    decode(raw, |raw, out| out.push_str(&raw.replace("\r\n", "\n").replace('\r', "\n")))
}

fn decode(mut raw: &str, plain: impl Fn(&str, &mut String)) -> String {
    let mut out = String::with_capacity(raw.len());
    while let Some(at) = raw.find('&') {
        plain(&raw[..at], &mut out);
        match reference(&raw.as_bytes()[at..]) {
            Ok((length, character)) => {
                out.push(character);
                raw = &raw[at + length..];
            }
            Err(_) => {
                out.push('&');
                raw = &raw[at + 1..];
            }
        }
    }
    plain(raw, &mut out);
    out
}
