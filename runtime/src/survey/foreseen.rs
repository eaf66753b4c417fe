//! What a start would fail of in the container, where everything stays as it is now.
//!
//! A start finds it out when the step comes, and says so; looking before costs calls that most starts do not need, so
//! only `plan` and `validate --run` look. What cannot be told from outside is left to the start.

use std::collections::HashSet;
use std::os::fd::{AsFd, AsRawFd};

use browndog_xml::domain::{Domain, Filesystem, FilesystemSource, Origin};
use nix::errno::Errno;
use nix::libc;

use super::covering::Targets;
use super::targets::end_of;
use super::{Kind, Purpose, Survey, foreign, is_below, is_root, kind_of};
use crate::headers;
use crate::path::{Beneath, c_string};
use crate::problem::Problem;
use crate::sys;

/// What a place inside will be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Seen {
    /// Nothing will have this path.
    Absent,
    /// It is this.
    There(Kind),
    /// It cannot be told from here.
    Unknown,
}

/// The file systems of the document, those before `end` mounted.
#[derive(Clone, Copy, Debug)]
struct Inside<'a> {
    filesystems: &'a [Filesystem],
    targets: &'a Targets<'a>,
    end: usize,
}

impl Inside<'_> {
    fn before(self, end: usize) -> Self {
        Self { end, ..self }
    }

    fn covering(&self, path: &str) -> Option<usize> {
        self.targets.covering_before(path, self.end)
    }
}

impl Survey {
    /// Every reason, with who asked. `own_program`: the document's program starts, and not one of the caller's.
    pub fn foreseen(&self, domain: &Domain, own_program: bool) -> Vec<Problem> {
        let mut found = Vec::new();
        let all = &domain.filesystems;
        let inside = Inside { filesystems: all, targets: &Targets::new(all), end: all.len() };
        self.foresee_targets(inside, &mut found);
        if !self.get(Purpose::Root).is_some_and(|root| root.kind == Ok(Kind::Directory)) {
            return found;
        }
        let mut missing = |origin, message: String, help: &str| {
            found.push(Problem { origin, message, help: help.to_owned() });
        };
        for (index, filesystem) in all.iter().enumerate().filter(|(_, filesystem)| !is_root(filesystem)) {
            let FilesystemSource::Container(source) = &filesystem.source else { continue };
            let path = source.value.as_str();
            if self.seen(inside.before(index), path) == Seen::Absent {
                let message = format!("there is no {path} in the container, of which this would be a copy");
                missing(source.origin, message, "create it in the root file system, or correct the path");
            }
        }
        let dir = &domain.init.dir;
        match self.seen(inside, dir.value.as_str()) {
            Seen::Absent => {
                let message = format!("the container has no directory {}", dir.value);
                missing(dir.origin, message, "create it in the root file system, or correct <initdir>");
            }
            Seen::There(kind) if kind != Kind::Directory => {
                let message = format!("{} is no directory in the container", dir.value);
                missing(dir.origin, message, "name a directory in <initdir>");
            }
            _ => {}
        }
        if own_program {
            self.foresee_program(domain, inside, &mut found);
        }
        found
    }

    fn foresee_program(&self, domain: &Domain, inside: Inside<'_>, found: &mut Vec<Problem>) {
        let Some(program) = domain.init.commands.first().map(|command| &command.program) else { return };
        if !program.value.starts_with('/') {
            return;
        }
        let mut problem = |message: String, help: &str| {
            found.push(Problem { origin: program.origin, message, help: help.to_owned() });
        };
        let help = "put it into the root file system, or correct the path";
        match self.seen(inside, &program.value) {
            Seen::Absent => problem(format!("the container has no {}", program.value), help),
            Seen::There(Kind::File) => {
                let Some(needed) = self.needed_by(domain, inside, &program.value) else { return };
                if self.seen(inside, &needed) == Seen::Absent {
                    let message =
                        format!("{} needs {needed} to run, which is not in the container", program.value);
                    problem(
                        message,
                        "put that into the root file system as well, or use a program that needs none",
                    );
                }
            }
            Seen::There(_) => problem(format!("{} is no program in the container", program.value), help),
            Seen::Unknown => {}
        }
    }

    /// The interpreter or loader that a program names.
    fn needed_by(&self, domain: &Domain, inside: Inside<'_>, program: &str) -> Option<String> {
        /// Headers and the loader's path are at the beginning of what linkers make.
        const BEGINNING: u64 = 65536;
        let file = self.open_inside(domain, inside.targets, program, libc::O_PATH).ok()?;
        let bytes = foreign::read(file.as_fd(), BEGINNING).ok()?;
        headers::needed(&bytes).filter(|path| path.starts_with('/'))
    }

    /// Where there is no place for what is mounted, and none can be made.
    fn foresee_targets(&self, inside: Inside<'_>, found: &mut Vec<Problem>) {
        for (index, filesystem) in inside.filesystems.iter().enumerate() {
            let (target, origin) = (filesystem.target.value.as_str(), filesystem.target.origin);
            if Beneath::new(target).kernel().is_some() {
                self.foresee_kernel_target(index, filesystem, found);
                continue;
            }
            let before = inside.before(index);
            let Some(cover) = before.covering(target) else { continue };
            let outer = &inside.filesystems[cover];
            if outer.readonly.is_some() && self.seen(before, target) == Seen::Absent {
                let message = format!(
                    "there is no {target} in what is mounted read-only on {}, and it cannot be made there",
                    outer.target.value
                );
                let help = "create it in the source, or mount that writable";
                found.push(Problem { origin, message, help: help.to_owned() });
            }
        }
    }

    /// procfs and sysfs have what they have: the container's, but for what is its own, what the host's have.
    fn foresee_kernel_target(&self, index: usize, filesystem: &Filesystem, found: &mut Vec<Problem>) {
        let (target, origin) = (filesystem.target.value.as_str(), filesystem.target.origin);
        let shown = Beneath::new(target).shown();
        let kernels = is_below(&shown, "/proc") || is_below(&shown, "/sys");
        if !kernels || OWN.iter().any(|own| is_below(&shown, own)) || of_a_process(&shown) {
            return;
        }
        let resolve = libc::RESOLVE_NO_SYMLINKS;
        let opened = sys::openat2(libc::AT_FDCWD, &c_string(&shown), libc::O_PATH, 0, resolve);
        let kind = opened.map(sys::adopt).and_then(|fd| kind_of(&fd));
        let source = match &filesystem.source {
            FilesystemSource::Ram { .. } => Some(Kind::Directory),
            _ => self.get(Purpose::Filesystem(index)).and_then(|found| found.kind.ok()),
        };
        let is_dir = |kind: Kind| kind == Kind::Directory;
        let message = match (kind, source) {
            (Err(Errno::ENOENT), _) => format!("there is no {shown}, and the kernel lets none be made there"),
            (Err(Errno::ELOOP), _) => {
                format!("{shown} is reached by a link of the kernel's, on which nothing is mounted")
            }
            (Ok(kind), Some(source)) if is_dir(kind) && !is_dir(source) => {
                format!("a file cannot be mounted on {shown}, which is a directory")
            }
            (Ok(kind), Some(source)) if !is_dir(kind) && is_dir(source) => {
                format!("a directory cannot be mounted on {shown}, which is a file")
            }
            _ => return,
        };
        let help = "name something that the kernel has there, or a place outside of /proc and /sys";
        found.push(Problem { origin, message, help: help.to_owned() });
    }

    /// What is at a path inside, once `filesystems` are mounted.
    fn seen(&self, inside: Inside<'_>, path: &str) -> Seen {
        let filesystems = inside.filesystems;
        if Beneath::new(path).kernel().is_some() || path.split('/').any(|part| part == "..") {
            return Seen::Unknown;
        }
        if inside.targets.reaches(path, inside.end) {
            // A mount point, or on the way to one: what is missing is made.
            return Seen::Unknown;
        }
        let purpose = match inside.covering(path) {
            None => Purpose::Root,
            Some(index) => match &filesystems[index].source {
                FilesystemSource::Host(_) => Purpose::Filesystem(index),
                // Empty, but for what is mounted in it.
                FilesystemSource::Ram { .. } => return Seen::Absent,
                _ => return Seen::Unknown,
            },
        };
        let target = match purpose {
            Purpose::Filesystem(index) => filesystems[index].target.value.as_str().trim_end_matches('/'),
            _ => "",
        };
        let Some(fd) = self.get(purpose).and_then(|found| found.fd.as_ref()) else { return Seen::Unknown };
        let rest = &path[target.len()..];
        match self.open_beneath(purpose, rest, libc::O_PATH).and_then(|fd| kind_of(&fd)) {
            Ok(kind) => match end_of(fd.as_raw_fd(), rest) {
                // A link into what another file system covers leads elsewhere inside.
                Ok(end) if self.is_where_it_seems(inside, purpose, target, rest, &end) => Seen::There(kind),
                _ => Seen::Unknown,
            },
            Err(Errno::ENOENT) => match end_of(fd.as_raw_fd(), rest) {
                Ok(end) if self.is_where_it_seems(inside, purpose, target, rest, &end) => Seen::Absent,
                _ => Seen::Unknown,
            },
            Err(_) => Seen::Unknown,
        }
    }

    /// Whether what `rest` leads to in the source, `end`, is there in the container as well.
    fn is_where_it_seems(
        &self,
        inside: Inside<'_>,
        purpose: Purpose,
        target: &str,
        rest: &str,
        end: &str,
    ) -> bool {
        if Beneath::new(end) == Beneath::new(rest) {
            return true;
        }
        // Links of a mounted tree are followed from the container's root, not from its own.
        purpose == Purpose::Root
            && target.is_empty()
            && inside.covering(end).is_none()
            && Beneath::new(end).kernel().is_none()
    }
}

/// What a container has of its own there.
const OWN: [&str; 9] = [
    "/proc/net",
    "/proc/sys/net",
    "/proc/self",
    "/proc/thread-self",
    "/sys/class/net",
    "/sys/devices/virtual/net",
    "/sys/fs/cgroup",
    "/proc/sys/user",
    "/proc/sysvipc",
];

/// `/proc/1` and its like.
fn of_a_process(path: &str) -> bool {
    path.strip_prefix("/proc/").is_some_and(|rest| rest.starts_with(|first: char| first.is_ascii_digit()))
}

/// Adds what is foreseen to what is planned, but for what has been said of the same place already.
pub(crate) fn add(problems: &mut Vec<Problem>, foreseen: Vec<Problem>) {
    let place = |problem: &Problem| match problem.origin {
        Origin::Xml(span) => Some((span.start, span.end)),
        Origin::Default(_) => None,
    };
    let mut said: HashSet<_> = problems.iter().filter_map(place).collect();
    problems
        .extend(foreseen.into_iter().filter(|problem| place(problem).is_none_or(|place| said.insert(place))));
}
