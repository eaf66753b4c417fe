//! browndog.
fn main() {}
