//! What the canonical writer looks for in a text that was checked already.

use super::{Lexer, TagEnd, Token, decode_attribute};
use crate::bytes;
use crate::source::Span;

/// The comments of a document, with their delimiters.
pub(crate) fn comments(text: &str) -> Vec<Span> {
    let mut lexer = Lexer::new(text);
    let mut found = Vec::new();
    loop {
        if lexer.peek() == Some(b'<') && lexer.text[lexer.at..].starts_with(b"<!--") {
            let start = lexer.at;
            lexer.comment(start);
            found.push(Span::new(start, lexer.at));
            continue;
        }
        if lexer.peek().is_some_and(|byte| byte != b'<') {
            lexer.at += bytes::find(b'<', &lexer.text[lexer.at..]).unwrap_or(lexer.text.len() - lexer.at);
            continue;
        }
        // Tags, CDATA and instructions one by one: next() itself would pass over comments.
        match lexer.text.get(lexer.at + 1) {
            None => return found,
            Some(b'!') => drop(lexer.declaration(lexer.at)),
            Some(b'?') => lexer.instruction(lexer.at),
            _ => {
                let mut raw = Vec::new();
                if let Token::Start { name } = lexer.next() {
                    let _end = lexer.attributes(name.start as usize, &mut raw);
                }
            }
        }
    }
}

/// The elements of a well-formed document, from `<` to the end of the end tag.
pub(crate) fn ranges(text: &str) -> Vec<std::ops::Range<usize>> {
    let mut lexer = Lexer::new(text);
    let (mut found, mut open, mut raw) = (Vec::new(), Vec::new(), Vec::new());
    loop {
        match lexer.next() {
            Token::Start { name } => {
                let start = name.start as usize - 1;
                match lexer.attributes(start, &mut raw) {
                    TagEnd::Open => open.push(start),
                    TagEnd::Empty | TagEnd::Missing => found.push(start..lexer.at),
                }
            }
            Token::End { .. } => found.extend(open.pop().map(|start| start..lexer.at)),
            Token::Eof => return found,
            Token::Text { .. } | Token::Cdata { .. } => {}
        }
    }
}

/// The prefixes that the start tag at `tag` declares: `xmlns:NAME`, and what it stands for.
pub(crate) fn declarations(text: &str, tag: Span) -> Vec<(String, String)> {
    let mut lexer = Lexer::new(text);
    lexer.at = tag.end as usize;
    let mut raw = Vec::new();
    let _end = lexer.attributes(tag.start as usize, &mut raw);
    let part = |span: Span| &text[span.start as usize..span.end as usize];
    raw.iter()
        .filter(|raw| part(raw.name).starts_with("xmlns:"))
        .map(|raw| (part(raw.name).to_owned(), decode_attribute(part(raw.value))))
        .collect()
}
