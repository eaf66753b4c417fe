//! Mutants that no observation can tell from the sound runtime, each with a reason a reader can check.

/// The beginning of a mutant's word, and why it changes nothing.
const EQUIVALENT: [(&str, &str); 1] = [(
    "drop-flag:mount:/dev:MS_STRICTATIME",
    "it decides when access times of nodes are written, which separates nothing",
)];

/// Why this mutant is equivalent, where it is.
pub(super) fn reason(word: &str) -> Option<&'static str> {
    EQUIVALENT.iter().find(|(start, _)| word.starts_with(start)).map(|(_, why)| *why)
}
