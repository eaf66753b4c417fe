//! Paths of the container, as steps carry them.

use std::ffi::{CStr, CString};

/// A path beneath the container's root: relative, and never followed out of it
/// (openat2(2), RESOLVE_IN_ROOT).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Beneath {
    whole: CString,
    dir: CString,
    /// Where the last component begins in `whole`.
    name: usize,
    /// See [`Self::in_procfs`].
    by_name: bool,
}

impl Beneath {
    /// From an absolute path in the container. `/` becomes `.`.
    pub fn new(absolute: &str) -> Self {
        let relative = absolute.trim_matches('/');
        let relative = if relative.is_empty() { "." } else { relative };
        let dir = relative.rsplit_once('/').map_or(".", |(dir, _)| dir);
        let whole = c_string(relative);
        // Looked for in what came of it: a NUL in front has been removed.
        let name = whole.as_bytes().iter().rposition(|byte| *byte == b'/').map_or(0, |slash| slash + 1);
        Self { whole, dir: c_string(dir), name, by_name: false }
    }
    /// A name in the root of a procfs that the kernel never makes a link: reached from a descriptor of that
    /// directory, which serves all of them. Where the directory turns out to be anything else, the whole
    /// path is resolved as any other.
    pub fn in_procfs(absolute: &str) -> Self {
        let path = Self::new(absolute);
        Self { by_name: path.dir() == c"proc", ..path }
    }
    /// Whether [`Self::in_procfs`] made it, and it is one.
    pub fn is_by_name(&self) -> bool {
        self.by_name
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
        let bytes = self.whole.to_bytes_with_nul().get(self.name..).unwrap_or_default();
        CStr::from_bytes_until_nul(bytes).unwrap_or_default()
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
    CString::new(text).unwrap_or_else(|refused| {
        let mut bytes = refused.into_vec();
        bytes.retain(|byte| *byte != 0);
        CString::new(bytes).expect("NUL was removed")
    })
}

/// What a mount target has to be, where it does not exist yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TargetKind {
    /// A directory (mode 0755).
    Directory,
    /// An empty file (mode 0644).
    File,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[rstest::rstest]
    #[case("/", ".", ".", ".")]
    #[case("/a", "a", ".", "a")]
    #[case("/a/b c/", "a/b c", "a", "b c")]
    #[case("/a\0b/c\0d", "ab/cd", "ab", "cd")]
    fn a_path_and_its_last_component(
        #[case] path: &str,
        #[case] whole: &str,
        #[case] dir: &str,
        #[case] name: &str,
    ) {
        let beneath = Beneath::new(path);
        let parts = [beneath.as_c_str(), beneath.dir(), beneath.name()].map(CStr::to_string_lossy);
        assert_eq!(parts, [whole, dir, name]);
    }

    #[rstest::rstest]
    #[case("/proc/keys", true)]
    #[case("/proc/sys/kernel", false)]
    #[case("/sys/firmware", false)]
    #[case("/proc", false)]
    fn only_names_in_the_root_of_proc_are_reached_by_name(#[case] path: &str, #[case] by_name: bool) {
        assert_eq!(Beneath::in_procfs(path).is_by_name(), by_name);
        assert!(!Beneath::new(path).is_by_name());
    }

    #[test]
    fn no_name_that_is_covered_is_a_link() {
        let names = browndog_xml::covers::COVERS.iter().map(|(path, _)| *path);
        for path in names.filter(|path| Beneath::in_procfs(path).is_by_name()) {
            let link = std::fs::symlink_metadata(path).is_ok_and(|found| found.is_symlink());
            assert!(!link, "{path} is a link");
        }
    }
}
