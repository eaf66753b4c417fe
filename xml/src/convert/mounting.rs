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
            // Mount points are made, and mounts are private to the container.
            "defaults" | "rw" | "create=dir" | "create=file" | "private" | "rprivate" => {}
            _ => match option.strip_prefix("size=") {
                Some(size) => options.size = Some(size),
                None => options.lost.push(option),
            },
        }
    }
    options
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

/// A file system in memory of this size.
pub(super) fn ram(bytes: u64, target: &str, place: Place) -> Element {
    let usage = Element::new("source").with("usage", bytes.div_ceil(1024)).with("units", "KiB");
    let element = Element::new("filesystem").with("type", "ram").at(place);
    element.holding(usage).holding(Element::new("target").with("dir", target))
}

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
