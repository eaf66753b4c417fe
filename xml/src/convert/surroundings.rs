//! What of a machine a conversion may look at: the reader itself opens nothing.

use super::Include;

/// A device node of the host, by its path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    /// Where the host has it.
    pub path: String,
    /// A block device, or a character device.
    pub block: bool,
}

/// What a path of the host is.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Seen {
    /// Nobody has looked.
    Unknown,
    /// Nothing has this path, or a link leads to nothing.
    Missing,
    /// A directory, and the device nodes in it, also further down.
    Directory(Vec<Node>),
    /// A node of a character or a block device.
    Node(Node),
    /// Something else.
    Other,
}

/// What is asked of the machine, or of who converts. [`Surroundings::none`] knows of nothing.
#[derive(Clone, Copy)]
pub struct Surroundings<'a> {
    /// The files that a configuration names.
    pub include: Include<'a>,
    /// Whether a file that cannot be included is left out, and said, in the place of an error.
    pub without_includes: bool,
    /// What a path of the host is.
    pub look: &'a dyn Fn(&str) -> Seen,
    /// The absolute path, in the root file system at the first, of the program of the second name that is found by
    /// the third, the value of PATH.
    pub program: &'a dyn Fn(&str, &str, &str) -> Option<String>,
}

impl Surroundings<'_> {
    /// Nothing can be looked at.
    pub const fn none() -> Surroundings<'static> {
        Surroundings {
            include: &|path| Err(format!("{path} is not read")),
            without_includes: false,
            look: &|_| Seen::Unknown,
            program: &|_, _, _| None,
        }
    }
}

impl std::fmt::Debug for Surroundings<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Surroundings")
            .field("without_includes", &self.without_includes)
            .finish_non_exhaustive()
    }
}
