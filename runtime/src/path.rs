//! Paths of the container, as steps carry them.

use std::borrow::Cow;
use std::ffi::{CStr, CString};

use nix::libc;

/// A place in the descriptor table that the launcher and the child share.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Slot(pub u16);

/// RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS (openat2(2)).
pub const RESOLVE_IN_ROOT: u64 = libc::RESOLVE_IN_ROOT | libc::RESOLVE_NO_MAGICLINKS;

/// A file system of the kernel's that every container has: its mount is held from the moment it is made, and every
/// later step that means it, or a place below it, begins at that descriptor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Kernel {
    /// `/proc`.
    Proc,
    /// `/sys`.
    Sys,
    /// `/dev`.
    Dev,
}

impl Kernel {
    /// All, in the order of [`crate::plan::Plan::kernel`].
    pub const ALL: [Self; 3] = [Self::Proc, Self::Sys, Self::Dev];

    const fn name(self) -> &'static str {
        match self {
            Self::Proc => "proc",
            Self::Sys => "sys",
            Self::Dev => "dev",
        }
    }
    /// Its mount point, absolute.
    pub const fn path(self) -> &'static str {
        match self {
            Self::Proc => "/proc",
            Self::Sys => "/sys",
            Self::Dev => "/dev",
        }
    }
}

/// From where a path is looked up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// Beneath the container's root. Links are followed there; what leads into a file system of the kernel's is refused.
    Root,
    /// A mount point of the kernel's: an ordinary directory of the root, and from its mount on what is mounted there.
    On(Kernel),
    /// Below such a mount; no link is followed.
    Below(Kernel),
    /// Likewise, and nothing that is mounted below it is entered.
    Within(Kernel),
    /// A tree that is held, or a place below it; no link is followed.
    Tree(Slot),
    /// Beneath the root, whatever links make of it: never planned, only for [`crate::plan::mutate`].
    Loose,
}

/// A path beneath the container's root: relative, and never followed out of it
/// (openat2(2), RESOLVE_IN_ROOT).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Beneath {
    /// The path, then the directory it stands in, each with a NUL behind it.
    text: Cow<'static, [u8]>,
    /// Where the last component begins.
    name: u16,
    /// Where that begins which is looked up from `place`.
    rest: u16,
    place: Place,
}

/// `/DIR/NAME` beneath the root, made by the compiler: `beneath!("proc", "keys")`, or `beneath!("proc")`. Most paths
/// of most starts are the same.
macro_rules! beneath {
    ($name:literal) => {
        $crate::path::Beneath::fixed(concat!($name, "\0.\0"), ".")
    };
    ($dir:literal, $name:literal) => {
        $crate::path::Beneath::fixed(concat!($dir, "/", $name, "\0", $dir, "\0"), $dir)
    };
}
pub(crate) use beneath;

/// The name of a step on such a path, and the path: `at!("mount", "dev", "pts")`.
macro_rules! at {
    ($verb:literal, $name:literal) => {
        (concat!($verb, ":/", $name), $crate::path::beneath!($name))
    };
    ($verb:literal, $dir:literal, $name:literal) => {
        (concat!($verb, ":/", $dir, "/", $name), $crate::path::beneath!($dir, $name))
    };
}
pub(crate) use at;

/// Longer than any path that the kernel takes (PATH_MAX): what is longer is cut here, and refused there.
const LONGEST: usize = 8000;

/// Where a relative path stands, and the length of what is left out when it is looked up from there.
const fn place_of(path: &[u8]) -> (Place, u16) {
    let mut index = 0;
    while index < Kernel::ALL.len() {
        let kernel = Kernel::ALL[index];
        let name = kernel.name().as_bytes();
        let mut at = 0;
        while at < name.len() && at < path.len() && path[at] == name[at] {
            at += 1;
        }
        if at == name.len() {
            match path.split_at(at).1 {
                [] | [0, ..] => return (Place::On(kernel), 0),
                [b'/', ..] => return (Place::Below(kernel), at as u16 + 1),
                _ => {}
            }
        }
        index += 1;
    }
    (Place::Root, 0)
}

impl Beneath {
    /// For [`beneath`]: both texts in one, and the directory, which is `.` without one.
    pub(crate) const fn fixed(text: &'static str, dir: &'static str) -> Self {
        let name = if matches!(dir.as_bytes(), b".") { 0 } else { dir.len() as u16 + 1 };
        let (place, rest) = place_of(text.as_bytes());
        Self { text: Cow::Borrowed(text.as_bytes()), name, rest, place }
    }
    /// From an absolute path in the container. `/` becomes `.`; `.` between slashes means nothing and is left out.
    pub fn new(absolute: &str) -> Self {
        let mut path: Vec<u8> = Vec::with_capacity(2 * absolute.len() + 4);
        let mut up = false;
        for part in absolute.split('/').filter(|part| !matches!(*part, "" | ".")) {
            up |= part == "..";
            if !path.is_empty() {
                path.push(b'/');
            }
            path.extend(part.bytes().filter(|byte| *byte != 0));
        }
        path.truncate(LONGEST);
        if path.is_empty() {
            path.push(b'.');
        }
        // What goes up again may be anywhere, and is judged where it is found to be.
        let (place, rest) = if up { (Place::Root, 0) } else { place_of(&path) };
        let slash = path.iter().rposition(|byte| *byte == b'/');
        let end = path.len();
        path.push(0);
        match slash {
            Some(slash) => path.extend_from_within(..slash),
            None => path.push(b'.'),
        }
        path.push(0);
        debug_assert!(end <= LONGEST);
        Self { text: Cow::Owned(path), name: slash.map_or(0, |slash| slash as u16 + 1), rest, place }
    }
    /// `suffix` below a tree that is held in `tree` and stands, or will stand, at `target`; that itself where `suffix`
    /// is empty.
    pub fn on_tree(tree: Slot, target: &str, suffix: &str) -> Self {
        let base = Self::new(target);
        let mut whole = Self::new(&[target, "/", suffix].concat());
        let length = base.as_c_str().count_bytes();
        whole.rest = match (base.as_c_str().to_bytes(), whole.as_c_str().count_bytes()) {
            (b".", 1) if whole.as_c_str().to_bytes() == b"." => 1,
            (b".", _) => 0,
            (_, all) => all.min(length + 1) as u16,
        };
        whole.place = Place::Tree(tree);
        whole
    }
    /// Nothing that is mounted below the kernel's file system is entered on the way: the place itself is the kernel's.
    pub const fn within(mut self) -> Self {
        if let Place::Below(kernel) = self.place {
            self.place = Place::Within(kernel);
        }
        self
    }
    /// The opposite: for a tree of the host's, on which more may be mounted.
    pub const fn across(mut self) -> Self {
        if let Place::Within(kernel) = self.place {
            self.place = Place::Below(kernel);
        }
        self
    }
    /// For [`crate::plan::mutate`]: by its path, as if nothing were held; `false` where it is so already.
    pub(crate) fn loosen(&mut self) -> bool {
        let held = !matches!(self.place, Place::Tree(_) | Place::Loose);
        if held {
            (self.place, self.rest) = (Place::Loose, 0);
        }
        held
    }
    /// From where it is looked up.
    pub fn place(&self) -> Place {
        self.place
    }
    /// The kernel's file system at or below whose mount point it is.
    pub fn kernel(&self) -> Option<Kernel> {
        match self.place {
            Place::On(kernel) | Place::Below(kernel) | Place::Within(kernel) => Some(kernel),
            Place::Root | Place::Tree(_) | Place::Loose => None,
        }
    }
    fn from(&self, start: usize) -> &CStr {
        CStr::from_bytes_until_nul(self.text.get(start..).unwrap_or_default()).unwrap_or_default()
    }
    /// The relative path.
    pub fn as_c_str(&self) -> &CStr {
        self.from(0)
    }
    /// What of it is looked up from [`Self::place`]; nothing for the place itself.
    pub fn rest(&self) -> &CStr {
        self.from(self.rest.into())
    }
    /// The directory it stands in, relative.
    pub fn dir(&self) -> &CStr {
        self.from(self.as_c_str().count_bytes() + 1)
    }
    /// What of that directory is looked up from [`Self::place`]; nothing for the place itself.
    pub fn dir_rest(&self) -> &CStr {
        let dir = self.dir();
        if dir.count_bytes() < self.rest.into() {
            return c"";
        }
        self.from(self.as_c_str().count_bytes() + 1 + usize::from(self.rest))
    }
    /// Its last component.
    pub fn name(&self) -> &CStr {
        self.from(self.name.into())
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

/// The same from words of a command line, which are text or are not.
pub(crate) fn c_bytes(bytes: &[u8]) -> CString {
    without_nul(CString::new(bytes))
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
    #[case("/proc/keys", Place::Below(Kernel::Proc), "keys", "")]
    #[case("//proc/./sys//kernel/", Place::Below(Kernel::Proc), "sys/kernel", "sys")]
    #[case("/dev/net/tun", Place::Below(Kernel::Dev), "net/tun", "net")]
    #[case("/sys", Place::On(Kernel::Sys), "sys", ".")]
    #[case("/./dev/", Place::On(Kernel::Dev), "dev", ".")]
    #[case("/process/keys", Place::Root, "process/keys", "process")]
    #[case("/proc/../data", Place::Root, "proc/../data", "proc/..")]
    #[case("/data", Place::Root, "data", ".")]
    fn what_is_of_the_kernels_begins_at_its_mount(
        #[case] path: &str,
        #[case] place: Place,
        #[case] rest: &str,
        #[case] dir: &str,
    ) {
        let beneath = Beneath::new(path);
        assert_eq!(beneath.place(), place);
        assert_eq!([beneath.rest(), beneath.dir_rest()].map(CStr::to_string_lossy), [rest, dir]);
    }

    #[test]
    fn within_is_only_what_stands_below_the_kernels_mount() {
        assert_eq!(beneath!("proc", "keys").within().place(), Place::Within(Kernel::Proc));
        assert_eq!(beneath!("proc").within().place(), Place::On(Kernel::Proc));
        assert_eq!(beneath!("srv").within().place(), Place::Root);
    }

    #[rstest::rstest]
    #[case("/", "", "", "/")]
    #[case("/", "/proc/x", "proc/x", "/proc/x")]
    #[case("/srv/", "", "", "/srv")]
    #[case("/srv", "/a/b", "a/b", "/srv/a/b")]
    fn below_a_tree_is_what_follows_its_target(
        #[case] target: &str,
        #[case] suffix: &str,
        #[case] rest: &str,
        #[case] shown: &str,
    ) {
        let beneath = Beneath::on_tree(Slot(3), target, suffix);
        assert_eq!(beneath.place(), Place::Tree(Slot(3)));
        assert_eq!((beneath.rest().to_string_lossy().as_ref(), beneath.shown().as_str()), (rest, shown));
    }

    #[test]
    fn a_path_that_is_too_long_stays_too_long() {
        let long = Beneath::new(&"/abcdefg".repeat(9000));
        assert!(long.as_c_str().count_bytes() > 4096);
        assert_eq!(long.name().count_bytes(), LONGEST - usize::from(long.name));
    }

    /// The kernel's own names that every container has covered: none of them is a link there.
    #[test]
    fn no_name_that_is_covered_is_a_link() {
        for (path, _) in browndog_xml::covers::COVERS {
            let link = std::fs::symlink_metadata(path).is_ok_and(|found| found.is_symlink());
            assert!(!link, "{path} is a link");
        }
    }
}
