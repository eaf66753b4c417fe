//! `&…;`: the five entities every document has, and characters by number.

use std::borrow::Cow;

use super::Lexer;
use crate::bytes;
use crate::codes::Code;
use crate::report::Diagnostic;
use crate::source::Span;

/// A reference at the start of `text`: its length and its character. `Err` has a message and how
/// many bytes it is about.
fn reference(text: &[u8]) -> Result<(usize, char), (usize, &'static str, Option<&'static str>)> {
    let numbered = text.get(1) == Some(&b'#');
    let begin = 1 + usize::from(numbered);
    let length = text[begin..].iter().take_while(|&&byte| super::is_name(byte)).count();
    let end = begin + length;
    if text.get(end) != Some(&b';') || !numbered && length == 0 {
        return Err((1, "'&' begins no reference here", Some("write '&amp;' for the character itself")));
    }
    let name = &text[begin..end];
    let character = match name {
        _ if numbered => match numbered_character(name) {
            Some(character) => character,
            None => return Err((end + 1, "this reference is to a character that XML does not have", None)),
        },
        b"amp" => '&',
        b"lt" => '<',
        b"gt" => '>',
        b"quot" => '"',
        b"apos" => '\'',
        _ => {
            return Err((
                end + 1,
                "this entity is not defined",
                Some("only amp, lt, gt, quot and apos are; there is no DTD"),
            ));
        }
    };
    Ok((end + 1, character))
}

/// `[0-9]+` or `'x' [0-9a-fA-F]+`, of any length, if that is a character's number.
fn numbered_character(number: &[u8]) -> Option<char> {
    let (digits, radix) = match number {
        [b'x', digits @ ..] => (digits, 16),
        digits => (digits, 10),
    };
    if digits.is_empty() {
        return None;
    }
    let mut value = 0_u32;
    for &digit in digits {
        // No character has a number that large.
        value = value.saturating_mul(radix).saturating_add(char::from(digit).to_digit(radix)?);
    }
    char::from_u32(value).filter(|&character| is_char(character))
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
    decode(raw, |raw, out| out.push_str(&line_ends(raw)))
}

/// Line ends made `\n`, as a processor does with everything it reads.
pub(crate) fn line_ends(raw: &str) -> Cow<'_, str> {
    match raw.contains('\r') {
        true => Cow::Owned(raw.replace("\r\n", "\n").replace('\r', "\n")),
        false => Cow::Borrowed(raw),
    }
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
