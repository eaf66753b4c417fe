//! Paths of the container, as steps carry them.

use std::ffi::{CStr, CString};

/// A path beneath the container's root: relative, and never followed out of it
/// (openat2(2), RESOLVE_IN_ROOT).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Beneath {
    whole: CString,
    dir: CString,
    name: CString,
}

impl Beneath {
    /// From an absolute path in the container. `/` becomes `.`.
    pub fn new(absolute: &str) -> Self {
        let relative = absolute.trim_matches('/');
        let relative = if relative.is_empty() { "." } else { relative };
        let (dir, name) = relative.rsplit_once('/').unwrap_or((".", relative));
        Self { whole: c_string(relative), dir: c_string(dir), name: c_string(name) }
    }
    /// The relative path.
    pub fn as_c_str(&self) -> &CStr {
        &self.whole
    }
    /// The directory it stands in, relative.
    pub fn dir(&self) -> &CStr {
        &self.dir
    }
    /// Its last component.
    pub fn name(&self) -> &CStr {
        &self.name
    }
    /// The directory it stands in.
    pub fn parent(&self) -> Self {
        Self::new(&self.dir.to_string_lossy())
    }
    /// The absolute form, for people.
    pub fn shown(&self) -> String {
        let text = self.whole.to_string_lossy();
        if text == "." { "/".to_owned() } else { format!("/{text}") }
    }
}

/// A C string from text that the checked domain has shown to be free of NUL.
pub(crate) fn c_string(text: &str) -> CString {
    CString::new(text.replace('\0', "")).expect("NUL was removed")
}
