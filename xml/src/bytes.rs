//! Bytes found in a text with what every processor of the architecture has.
//!
//! The functions of the memchr crate ask, once a process, what else this processor can do: nine CPUID
//! instructions, each of which leaves the guest in a virtual machine, and all together take longer there than
//! reading a document. clippy.toml keeps them out of the other files.

/// SSE2, which x86-64 always has.
#[cfg(target_arch = "x86_64")]
fn vector(byte: u8) -> Option<memchr::arch::x86_64::sse2::memchr::One> {
    memchr::arch::x86_64::sse2::memchr::One::new(byte)
}

/// A machine word at a time. On other architectures the crate asks nobody either, but it says so nowhere.
#[cfg(not(target_arch = "x86_64"))]
fn vector(byte: u8) -> Option<memchr::arch::all::memchr::One> {
    Some(memchr::arch::all::memchr::One::new(byte))
}

/// Where `byte` is first.
pub(crate) fn find(byte: u8, text: &[u8]) -> Option<usize> {
    vector(byte)?.find(text)
}

/// Where `byte` is last.
pub(crate) fn find_last(byte: u8, text: &[u8]) -> Option<usize> {
    vector(byte)?.rfind(text)
}

/// How often `byte` is there.
pub(crate) fn count(byte: u8, text: &[u8]) -> usize {
    vector(byte).map_or(0, |one| one.iter(text).count())
}

/// Everywhere `byte` is.
pub(crate) fn find_all(byte: u8, text: &[u8]) -> impl Iterator<Item = usize> {
    let mut at = 0;
    std::iter::from_fn(move || {
        let found = at + find(byte, &text[at..])?;
        at = found + 1;
        Some(found)
    })
}

/// Where `word` begins first; nowhere if it is empty.
pub(crate) fn find_word(word: &[u8], text: &[u8]) -> Option<usize> {
    find_words(word, text).next()
}

/// Everywhere `word` begins, also within itself.
pub(crate) fn find_words(word: &[u8], text: &[u8]) -> impl Iterator<Item = usize> {
    // What comes after the last place for a whole word is not looked at.
    let places = (text.len() + 1).saturating_sub(word.len());
    let first = word.first().copied();
    let begins = first.map(|first| find_all(first, &text[..places]));
    begins.into_iter().flatten().filter(move |&at| text[at..].starts_with(word))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_a_plain_search_finds(text in "[ab]{0,80}", word in "[ab]{1,3}") {
            let (text, word) = (text.as_bytes(), word.as_bytes());
            let plain: Vec<usize> =
                text.windows(word.len()).enumerate().filter(|(_, part)| *part == word).map(|(at, _)| at).collect();
            prop_assert_eq!(find_words(word, text).collect::<Vec<_>>(), plain.clone());
            prop_assert_eq!(find_word(word, text), plain.first().copied());
            let letters: Vec<usize> = (0..text.len()).filter(|&at| text[at] == b'a').collect();
            prop_assert_eq!(find_all(b'a', text).collect::<Vec<_>>(), letters.clone());
            prop_assert_eq!(count(b'a', text), letters.len());
            prop_assert_eq!(find(b'a', text), letters.first().copied());
            prop_assert_eq!(find_last(b'a', text), letters.last().copied());
        }
    }

    #[test]
    fn an_empty_word_is_nowhere() {
        assert_eq!(find_word(b"", b"text"), None);
        assert_eq!(find_word(b"longer than the text", b"text"), None);
    }
}
