//! The catalogue: one area per file.

mod pid;

use crate::requirement::Check;

/// All checks in the order of the catalogue.
pub fn all() -> Vec<Check> {
    [pid::CHECKS].concat()
}

/// The check of this id.
pub fn find(id: &str) -> Option<Check> {
    all().into_iter().find(|c| c.id == id)
}
