//! What several tests share.

#![allow(dead_code, reason = "each test uses its part")]

pub mod mutator;
pub mod oracle;
pub mod rows;
pub mod scan;
pub mod verdict;

use std::path::Path;

/// The documents of `tests/accept`, by name.
pub fn accepted() -> Vec<(String, String)> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/accept");
    let mut found: Vec<(String, String)> = std::fs::read_dir(directory)
        .expect("the directory is readable")
        .map(|entry| {
            let path = entry.expect("a directory lists its entries").path();
            let text = std::fs::read_to_string(&path).expect("a listed file is readable");
            (path.file_name().expect("a file has a name").to_string_lossy().into_owned(), text)
        })
        .collect();
    found.sort();
    found
}
