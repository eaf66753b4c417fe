//! The root file system and `lxc.mount.*`.

use super::build::Build;
use super::parse::{FILES, Line, refuse, stranger};
use crate::convert::binds::{self, Bind, Bound};
use crate::convert::mounting::{OWN, Options, filesystem, options, ram};
use crate::convert::{Element, Findings, Place};
use crate::source::Span;
use crate::value::quoted;

/// What is mounted.
#[derive(Default)]
pub(super) struct Mounts {
    root: Option<Element>,
    root_path: Option<String>,
    read_only: Option<Place>,
    entries: Vec<Element>,
    /// Device nodes that were to be mounted.
    pub(super) nodes: Vec<Element>,
}

impl Mounts {
    /// The root first, the rest in its order.
    pub(super) fn take(&mut self, findings: &mut Findings) -> Vec<Element> {
        if let Some(place) = self.read_only {
            match &mut self.root {
                Some(root) => root.children.push(Element::new("readonly").at(place)),
                None => findings.lost(
                    place,
                    "lxc.rootfs.options",
                    "lxc.rootfs.options: without a root file system of its own there is nothing to mount read-only",
                ),
            }
        }
        self.root.take().into_iter().chain(self.entries.drain(..)).collect()
    }
}

/// `lxc.rootfs.path`. What cannot be carried is an error: without it, the container's root would
/// be the host's.
pub(super) fn rootfs(build: &mut Build<'_>, line: &Line) {
    let (backend, path) = match line.value.split_once(':') {
        Some((backend, path)) if !line.value.starts_with('/') => (backend, path),
        _ if line.value.starts_with("/dev/") => ("lvm", line.value.as_str()),
        _ => ("dir", line.value.as_str()),
    };
    let element = match backend {
        "dir" | "btrfs" => filesystem("mount", "dir", path, "/", line.place),
        "lvm" | "nbd" if path.starts_with("/dev/") => filesystem("block", "dev", path, "/", line.place),
        "loop" => filesystem("file", "file", path, "/", line.place),
        _ => {
            let what = format!("a root file system of kind {} cannot be carried", quoted(backend));
            return build.wrong(line, &what, "mount it on the host and name the directory: dir:/PATH");
        }
    };
    build.mounts.root_path = Some(path.trim_end_matches('/').to_owned());
    build.mounts.root = Some(element);
}

pub(super) fn rootfs_options(build: &mut Build<'_>, line: &Line) {
    for option in line.value.split(',').map(str::trim).filter(|option| !option.is_empty()) {
        match option {
            "ro" => build.mounts.read_only = Some(line.place),
            "rw" | "defaults" => {}
            _ => build.lost(line, &format!("the mount option {} cannot be said", quoted(option))),
        }
    }
}

pub(super) fn autodev(build: &mut Build<'_>, line: &Line) {
    if line.value != "1" {
        build.lost(line, "/dev is always a file system of the container's own");
    }
}

pub(super) fn auto(build: &mut Build<'_>, line: &Line) {
    for word in line.value.split_whitespace() {
        let why = match word.trim_end_matches(":force") {
            "proc" | "proc:mixed" | "sys" | "sys:ro" | "sys:mixed" | "cgroup" | "cgroup:mixed"
            | "cgroup:ro" | "cgroup:rw" => continue,
            "proc:rw" => "the parts of /proc that reach the host stay read-only",
            "sys:rw" => "/sys stays read-only",
            full if full.starts_with("cgroup-full") => {
                "a container sees its own control group, not the host's tree"
            }
            shared if shared.starts_with("shmounts") => "no mounts are passed into a running container",
            _ => {
                let what = format!("{} is not one of lxc's automatic mounts", quoted(word));
                build.wrong(
                    line,
                    &what,
                    "they are proc, sys, cgroup and cgroup-full, with :mixed, :ro or :rw",
                );
                continue;
            }
        };
        build.lost(line, &format!("{word}: {why}"));
    }
}

pub(super) fn entry(build: &mut Build<'_>, line: &Line) {
    mount(build, line, &line.value);
}

/// `lxc.mount.fstab`: entries in a file of their own.
pub(super) fn fstab(build: &mut Build<'_>, line: &Line) {
    if build.findings.reports.len() >= FILES {
        return build.wrong(line, &format!("more than {FILES} files are read"), "leave some out");
    }
    let files = match (build.surroundings.include)(&line.value) {
        Ok(files) => files,
        Err(why) if build.surroundings.without_includes => return build.lost(line, &why),
        Err(why) => return build.wrong(line, &why, super::parse::UNREAD),
    };
    for file in files {
        if build.findings.reports.len() >= FILES {
            return build.wrong(line, &format!("more than {FILES} files are read"), "leave some out");
        }
        if let Some(span) = stranger(&file, is_entry) {
            let what = "the line is not an entry of a mount table: SOURCE TARGET TYPE OPTIONS 0 0";
            return refuse(&mut build.findings, file, span, &line.written, what);
        }
        let source = build.findings.reports.len();
        let text = file.text().to_owned();
        build.findings.reports.push((file, crate::report::Report::default()));
        let mut start = 0;
        for raw in text.split_inclusive('\n') {
            let entry = raw.trim();
            if !entry.is_empty() && !entry.starts_with('#') {
                let at = start + (raw.len() - raw.trim_start().len());
                let place = Place { source, span: Span::new(at, at + entry.len()) };
                let row = Line { place, key_place: place, value: entry.to_owned(), ..line.clone() };
                mount(build, &row, entry);
            }
            start += raw.len();
        }
    }
}

/// A line of fstab(5), by its shape: `SOURCE TARGET TYPE OPTIONS 0 0`.
fn is_entry(line: &str) -> bool {
    let fields: Vec<&str> = line.split_whitespace().collect();
    let word = |text: &str| {
        text.len() <= 32 && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte))
    };
    let [source, target, kind, _, rest @ ..] = &fields[..] else { return false };
    let place = source.contains('/') || target.contains('/');
    place && word(kind) && rest.len() <= 2 && rest.iter().all(|number| number.parse::<u8>().is_ok())
}

/// A field of fstab(5): blanks in it are written `\040`.
fn field(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('\\') {
        out.push_str(&rest[..at]);
        let code = rest.get(at + 1..at + 4).and_then(|digits| u8::from_str_radix(digits, 8).ok());
        match code.filter(u8::is_ascii) {
            Some(code) => {
                out.push(char::from(code));
                rest = &rest[at + 4..];
            }
            None => {
                out.push('\\');
                rest = &rest[at + 1..];
            }
        }
    }
    out.push_str(rest);
    out
}

fn mount(build: &mut Build<'_>, line: &Line, entry: &str) {
    let fields: Vec<String> = entry.split_whitespace().map(field).collect();
    let [source, target, kind, rest @ ..] = &fields[..] else {
        let help = "write SOURCE TARGET TYPE OPTIONS 0 0, as in fstab(5)";
        return build.wrong(line, &format!("{} is not an entry of a mount table", quoted(entry)), help);
    };
    let Some(target) = inside(build, line, target) else { return };
    let mut options = options(rest.first().map_or("", String::as_str));
    if OWN.iter().any(|(own, place)| own == kind && *place == target) {
        return;
    }
    let element = if options.bind && options.relative {
        filesystem("bind", "dir", &format!("/{}", source.trim_start_matches('/')), &target, line.place)
    } else if options.bind {
        match bound(build, line, source, &target, &options) {
            Some(element) => element,
            None => return,
        }
    } else if kind == "tmpfs" {
        if matches!(target.as_str(), "/dev" | "/dev/shm") {
            // Every container has these, of its own sizes.
            return;
        }
        let (bytes, mode) = options.of_memory();
        let (element, more) = ram(bytes, mode, &target, line.place);
        build.extend(more);
        element
    } else if source.starts_with("/dev/") {
        filesystem("block", "dev", source, &target, line.place)
    } else {
        return build
            .lost(line, &format!("{target}: a file system of kind {} cannot be mounted", quoted(kind)));
    };
    let element =
        if options.read_only { element.holding(Element::new("readonly").at(line.place)) } else { element };
    if options.optional && element.attributes.contains(&("type", "mount".to_owned())) && target != "/" {
        build.extend([Element::new("browndog:optional").with("target", &target).at(line.place)]);
    }
    build.mounts.entries.push(element);
    let left = options.left();
    if !left.is_empty() {
        let list = left.join(",");
        build.lost(line, &format!("{target}: the mount options {} cannot be said", quoted(&list)));
    }
}

/// A bind mount of the host's: as a file system, which is given back, or as the nodes that it is of.
fn bound(
    build: &mut Build<'_>,
    line: &Line,
    source: &str,
    target: &str,
    options: &Options<'_>,
) -> Option<Element> {
    let (optional, file) = (options.optional, options.file);
    let bind = Bind { source, target, optional, file, place: line.place, key: &line.written };
    match binds::bind(&bind, &build.surroundings, &mut build.findings) {
        Bound::Mounted(element) => return Some(element),
        Bound::Masked(mask) => build.extend([mask]),
        Bound::Given(nodes) => build.mounts.nodes.extend(nodes),
    }
    None
}

/// The target inside: relative ones are below the root, absolute ones have to begin with the path
/// of the root on the host.
fn inside(build: &mut Build<'_>, line: &Line, target: &str) -> Option<String> {
    let Some(absolute) = target.strip_prefix('/') else { return Some(format!("/{target}")) };
    let root = build.mounts.root_path.clone();
    match root.as_deref().filter(|root| !root.is_empty()) {
        None => Some(format!("/{absolute}")),
        Some(root) => match target.strip_prefix(root) {
            Some("") => Some("/".to_owned()),
            Some(rest) if rest.starts_with('/') => Some(rest.to_owned()),
            _ => {
                build.lost(line, &format!("{target} is not below the root file system: lxc passes over it"));
                None
            }
        },
    }
}
