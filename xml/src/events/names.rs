//! Names by the tables of XML 1.0, fifth edition.

use super::Lexer;
use crate::codes::Code;
use crate::limits;
use crate::source::Span;

/// What the bytes of names have been.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Classes(u8);

const NAME: u8 = 1;
const START: u8 = 2;
const COLON: u8 = 4;
const BEYOND_ASCII: u8 = 8;

/// What a byte can be in a name. Bytes beyond ASCII are taken for parts of names until the name is whole.
static CLASS: [u8; 256] = {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        table[byte] = match byte as u8 {
            b'a'..=b'z' | b'A'..=b'Z' | b'_' => NAME | START,
            b':' => NAME | START | COLON,
            b'0'..=b'9' | b'-' | b'.' => NAME,
            0x80.. => NAME | START | BEYOND_ASCII,
            _ => 0,
        };
        byte += 1;
    }
    table
};

impl Classes {
    /// Whether a name has a colon.
    pub(crate) const fn has_colon(self) -> bool {
        self.0 & COLON != 0
    }
}

/// Whether `byte` begins a name, as far as a byte can tell.
pub(super) const fn is_name_start(byte: u8) -> bool {
    CLASS[byte as usize] & START != 0
}

/// Whether `byte` stands in a name, as far as a byte can tell.
pub(super) const fn is_name(byte: u8) -> bool {
    CLASS[byte as usize] & NAME != 0
}

/// `NameStartChar`.
pub(crate) const fn is_name_start_char(character: char) -> bool {
    matches!(character,
        ':' | '_' | 'A'..='Z' | 'a'..='z'
        | '\u{C0}'..='\u{D6}' | '\u{D8}'..='\u{F6}' | '\u{F8}'..='\u{2FF}' | '\u{370}'..='\u{37D}'
        | '\u{37F}'..='\u{1FFF}' | '\u{200C}'..='\u{200D}' | '\u{2070}'..='\u{218F}'
        | '\u{2C00}'..='\u{2FEF}' | '\u{3001}'..='\u{D7FF}' | '\u{F900}'..='\u{FDCF}'
        | '\u{FDF0}'..='\u{FFFD}' | '\u{10000}'..='\u{EFFFF}')
}

/// `NameChar`.
const fn is_name_char(character: char) -> bool {
    is_name_start_char(character)
        || matches!(character,
            '-' | '.' | '0'..='9' | '\u{B7}' | '\u{300}'..='\u{36F}' | '\u{203F}'..='\u{2040}')
}

impl Lexer<'_> {
    /// `Name ::= NameStartChar (NameChar)*`, taken as long as it lasts. What is no name's character is
    /// a fault of the kind `code`.
    #[inline]
    pub(super) fn name(&mut self, code: Code) -> Span {
        let before = self.classes;
        self.classes = Classes::default();
        let name = self.name_bytes();
        // What an instruction is named is shown nowhere, so that it may be of any length.
        if name.len() > limits::NAME_BYTES && code != Code::BadInstruction {
            self.long_name(name.start as usize);
        }
        if self.classes.0 & BEYOND_ASCII != 0 {
            self.check_name(name, code);
        }
        self.classes.0 |= before.0;
        name
    }

    /// The same without a look at its characters.
    #[inline]
    pub(super) fn name_bytes(&mut self) -> Span {
        let start = self.at;
        let mut seen = 0;
        while let Some(&byte) = self.text.get(self.at) {
            let class = CLASS[usize::from(byte)];
            if class & NAME == 0 {
                break;
            }
            seen |= class;
            self.at += 1;
        }
        self.classes.0 |= seen;
        Span::new(start, self.at)
    }

    #[cold]
    fn long_name(&mut self, start: usize) {
        let message =
            format!("this name is {} bytes long, the limit is {}", self.at - start, limits::NAME_BYTES);
        self.fault(Code::Limit, start, self.after_character(start), message);
    }

    /// A name with characters beyond ASCII: the first that is none of a name's is said.
    #[cold]
    fn check_name(&mut self, name: Span, code: Code) {
        let text = String::from_utf8_lossy(self.bytes(name));
        let wrong = text.char_indices().find(|&(at, character)| match at {
            0 => !is_name_start_char(character),
            _ => !is_name_char(character),
        });
        let Some((at, character)) = wrong else { return };
        // What XML has nowhere was reported for itself.
        if !super::references::is_char(character) {
            return;
        }
        let what = if at == 0 && is_name_char(character) { "begin" } else { "stand in" };
        let message = format!("the character U+{:04X} cannot {what} a name", character as u32);
        let at = name.start as usize + at;
        self.fault(code, at, at + character.len_utf8(), message);
    }
}
