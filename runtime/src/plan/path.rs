//! Paths of the container, as steps carry them.

use std::borrow::Cow;
use std::ffi::{CStr, CString};

/// A path beneath the container's root: relative, and never followed out of it
/// (openat2(2), RESOLVE_IN_ROOT).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Beneath {
    /// The path, then the directory it stands in, each with a NUL behind it.
    text: Cow<'static, [u8]>,
    /// Where the last component begins.
    name: u32,
    /// See [`Self::in_procfs`].
    by_name: bool,
}

/// `/DIR/NAME` beneath the root, made by the compiler: `beneath!("proc", "keys")`, or `beneath!("proc")`. Most paths
/// of most starts are the same.
macro_rules! beneath {
    ($name:literal) => {
        $crate::plan::path::Beneath::fixed(concat!($name, "\0.\0"), ".")
    };
    ($dir:literal, $name:literal) => {
        $crate::plan::path::Beneath::fixed(concat!($dir, "/", $name, "\0", $dir, "\0"), $dir)
    };
}
pub(crate) use beneath;

/// The name of a step on such a path, and the path: `at!("mount", "dev", "pts")`.
macro_rules! at {
    ($verb:literal, $name:literal) => {
        (concat!($verb, ":/", $name), $crate::plan::path::beneath!($name))
    };
    ($verb:literal, $dir:literal, $name:literal) => {
        (concat!($verb, ":/", $dir, "/", $name), $crate::plan::path::beneath!($dir, $name))
    };
}
pub(crate) use at;

impl Beneath {
    /// For [`beneath`]: both texts in one, and the directory, which is `.` without one.
    pub(crate) const fn fixed(text: &'static str, dir: &'static str) -> Self {
        let name = if matches!(dir.as_bytes(), b".") { 0 } else { dir.len() as u32 + 1 };
        Self { text: Cow::Borrowed(text.as_bytes()), name, by_name: false }
    }
    /// From an absolute path in the container. `/` becomes `.`.
    pub fn new(absolute: &str) -> Self {
        if absolute.contains('\0') {
            return Self::new(&absolute.replace('\0', ""));
        }
        let bytes = absolute.as_bytes();
        let is_other = |byte: &u8| *byte != b'/';
        let relative = match (bytes.iter().position(is_other), bytes.iter().rposition(is_other)) {
            (Some(first), Some(last)) => &bytes[first..=last],
            _ => b".",
        };
        let slash = relative.iter().rposition(|byte| *byte == b'/');
        let dir = slash.map_or(&b"."[..], |slash| &relative[..slash]);
        Self {
            text: Cow::Owned([relative, b"\0", dir, b"\0"].concat()),
            name: slash.map_or(0, |slash| slash as u32 + 1),
            by_name: false,
        }
    }
    /// As a name in the root of a procfs, if it is one, that the kernel never makes a link: reached from a
    /// descriptor of that directory, which serves all of them. Where the directory turns out to be anything else,
    /// the whole path is resolved as any other.
    pub const fn in_procfs(mut self) -> Self {
        const PROC: &[u8] = b"proc/";
        let text = match &self.text {
            Cow::Borrowed(text) => text,
            Cow::Owned(text) => text.as_slice(),
        };
        self.by_name =
            self.name as usize == PROC.len() && matches!(text.split_at_checked(PROC.len()), Some((PROC, _)));
        self
    }
    /// Whether [`Self::in_procfs`] was asked for, and it is one.
    pub fn is_by_name(&self) -> bool {
        self.by_name
    }
    fn from(&self, start: usize) -> &CStr {
        CStr::from_bytes_until_nul(self.text.get(start..).unwrap_or_default()).unwrap_or_default()
    }
    /// The relative path.
    pub fn as_c_str(&self) -> &CStr {
        self.from(0)
    }
    /// The directory it stands in, relative.
    pub fn dir(&self) -> &CStr {
        self.from(self.as_c_str().count_bytes() + 1)
    }
    /// Its last component.
    pub fn name(&self) -> &CStr {
        self.from(self.name as usize)
    }
    /// The directory it stands in.
    pub fn parent(&self) -> Self {
        Self::new(&self.dir().to_string_lossy())
    }
    /// The absolute form, for people.
    pub fn shown(&self) -> String {
        let text = self.as_c_str().to_string_lossy();
        if text == "." { "/".to_owned() } else { ["/", &text].concat() }
    }
}

/// A C string from text that the checked domain has shown to be free of NUL.
pub(crate) fn c_string(text: &str) -> CString {
    without_nul(CString::new(text))
}

/// The same from text that nobody else needs.
pub(crate) fn c_owned(text: String) -> CString {
    without_nul(CString::new(text))
}

fn without_nul(text: Result<CString, std::ffi::NulError>) -> CString {
    text.unwrap_or_else(|refused| {
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
    #[case("/sys", beneath!("sys"))]
    #[case("/dev/null", beneath!("dev", "null"))]
    #[case("/sys/devices/virtual/powercap", beneath!("sys/devices/virtual", "powercap"))]
    fn the_compiler_makes_the_same(#[case] path: &str, #[case] fixed: Beneath) {
        assert_eq!(fixed, Beneath::new(path));
    }

    #[rstest::rstest]
    #[case("/proc/keys", true)]
    #[case("/proc/sys/kernel", false)]
    #[case("/sys/firmware", false)]
    #[case("/proc", false)]
    fn only_names_in_the_root_of_proc_are_reached_by_name(#[case] path: &str, #[case] by_name: bool) {
        assert_eq!(Beneath::new(path).in_procfs().is_by_name(), by_name);
        assert!(!Beneath::new(path).is_by_name());
    }

    #[test]
    fn no_name_that_is_covered_is_a_link() {
        let names = browndog_xml::covers::COVERS.iter().map(|(path, _)| *path);
        for path in names.filter(|path| Beneath::new(path).in_procfs().is_by_name()) {
            let link = std::fs::symlink_metadata(path).is_ok_and(|found| found.is_symlink());
            assert!(!link, "{path} is a link");
        }
    }
}
