//! Mounts in the words of mount(8), which lxc and the OCI share.

use super::{Element, Place};

/// File systems of the kernel that every container has where they belong.
pub(super) const OWN: &[(&str, &str)] = &[
    ("proc", "/proc"),
    ("sysfs", "/sys"),
    ("devpts", "/dev/pts"),
    ("mqueue", "/dev/mqueue"),
    ("cgroup", "/sys/fs/cgroup"),
    ("cgroup2", "/sys/fs/cgroup"),
];

/// What the options of a mount say.
#[derive(Default)]
pub(super) struct Options<'a> {
    pub(super) bind: bool,
    pub(super) read_only: bool,
    pub(super) relative: bool,
    pub(super) optional: bool,
    /// A file is made as the mount point.
    pub(super) file: bool,
    pub(super) mode: Option<u32>,
    pub(super) size: Option<&'a str>,
    /// What the lxc dialect has no words for.
    pub(super) lost: Vec<&'a str>,
}

/// The options of a mount.
pub(super) fn options(text: &str) -> Options<'_> {
    let mut options = Options::default();
    for option in text.split(',').filter(|option| !option.is_empty()) {
        match option {
            "bind" | "rbind" => options.bind = true,
            "ro" => options.read_only = true,
            "relative" => options.relative = true,
            "optional" => options.optional = true,
            "create=file" => options.file = true,
            // Mount points are made, mounts are private to the container, and no device opens but in /dev.
            "defaults" | "rw" | "create=dir" | "private" | "rprivate" | "nodev" | "relatime" | "async" => {}
            _ => match (option.strip_prefix("size="), option.strip_prefix("mode=").map(mode)) {
                (Some(size), _) => options.size = Some(size),
                (_, Some(Some(mode))) => options.mode = Some(mode),
                _ => options.lost.push(option),
            },
        }
    }
    options
}

/// A mode in octal digits.
fn mode(text: &str) -> Option<u32> {
    u32::from_str_radix(text, 8).ok().filter(|mode| *mode <= 0o7777)
}

impl<'a> Options<'a> {
    /// Takes what holds of every file system in memory, and what can be said of one.
    pub(super) fn of_memory(&mut self) -> (Option<u64>, Option<u32>) {
        self.lost.retain(|option| *option != "nosuid");
        let bytes = self.size.and_then(tmpfs_size).filter(|bytes| *bytes > 0);
        if bytes.is_some() || matches!(self.size, Some("0" | "50%")) {
            self.size = None;
        }
        (bytes, self.mode.take().filter(|mode| *mode != crate::value::RAM_MODE))
    }

    /// What is left of the options, as it was written.
    pub(super) fn left(&self) -> Vec<String> {
        let mut left: Vec<String> = self.lost.iter().map(|option| (*option).to_owned()).collect();
        left.extend(self.size.map(|size| format!("size={size}")));
        left.extend(self.mode.map(|mode| format!("mode={mode:04o}")));
        left
    }
}

/// `size=` of a tmpfs in bytes; a share of the machine's memory is none.
pub(super) fn tmpfs_size(text: &str) -> Option<u64> {
    let digits = text.trim_end_matches(|character: char| character.is_ascii_alphabetic());
    let shift = match text[digits.len()..].to_ascii_lowercase().as_str() {
        "" => 0,
        "k" => 10,
        "m" => 20,
        "g" => 30,
        _ => return None,
    };
    crate::value::parse_u64(digits)?.checked_mul(1 << shift)
}

/// A file system in memory: of this size, or of half of the machine's memory as the kernel has it, and what has to be
/// said of it beside.
pub(super) fn ram(
    bytes: Option<u64>,
    mode: Option<u32>,
    target: &str,
    place: Place,
) -> (Element, Option<Element>) {
    // A size has to be written in any case; where it is not to hold, that is said beside.
    let usage = bytes.map_or(UNBOUNDED_KIB, |bytes| bytes.div_ceil(1024));
    let usage = Element::new("source").with("usage", usage).with("units", "KiB");
    let element = Element::new("filesystem").with("type", "ram").at(place);
    let more = Element::new("browndog:ram").with("target", target);
    let more = more.with_some("mode", mode.map(|mode| format!("{mode:04o}")));
    let more = more.with_some("size", bytes.is_none().then_some("half")).at(place);
    let more = (more.attributes.len() > 1).then_some(more);
    (element.holding(usage).holding(Element::new("target").with("dir", target)), more)
}

/// What is written where no size is to hold: half of a machine of 2 GiB, for who knows no `<browndog:ram>`.
const UNBOUNDED_KIB: u64 = 1 << 20;

/// A file system from a path: `attribute` names it in the source.
pub(super) fn filesystem(
    kind: &'static str,
    attribute: &'static str,
    source: &str,
    target: &str,
    place: Place,
) -> Element {
    let mut element = Element::new("filesystem").with("type", kind).at(place);
    if kind == "file" {
        element.children.push(Element::new("driver").with("type", "loop").with("format", "raw"));
    }
    element
        .holding(Element::new("source").with(attribute, source))
        .holding(Element::new("target").with("dir", target))
}
