//! Every bound on what a document may contain, with its reason.

/// Largest document in bytes: no container needs a hundredth of it, and a reader of any file or pipe
/// can hold as much.
pub const DOCUMENT_BYTES: usize = 128 << 20;
/// Deepest nesting of elements. The deepest legal path is below 20; `<metadata>` may be deeper.
pub const DEPTH: usize = 256;
/// Most attributes on one element. The richest element of the schema has fewer than 40.
pub const ATTRIBUTES: usize = 256;
/// Longest name of an element or attribute in bytes.
pub const NAME_BYTES: usize = 1024;
/// Most diagnostics kept; the rest is counted. More than a reader will read, few enough to print.
pub const DIAGNOSTICS: usize = 200;
/// Most bytes of a source line that a rendering shows; longer lines are cut around the place.
pub const RENDERED_LINE_BYTES: usize = 160;
/// Most bytes of a message, a label or a help that a rendering shows: half a path of the kernel's longest.
pub const MESSAGE_BYTES: usize = 2048;
/// Most labels of one finding that a rendering shows.
pub const LABELS: usize = 8;
/// Most problems of a start, and most notes, that are shown; the rest is counted.
pub const PROBLEMS: usize = 100;
/// Most bytes of a value that a message quotes.
pub const QUOTED_BYTES: usize = 60;
