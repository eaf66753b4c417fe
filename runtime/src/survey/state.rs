//! Which trees of the host that a container gets hold the state of browndog's own, and where in them.
//!
//! That is told by device and inode, from the state's directory up: a path may lead to it by links, by `..` and by mounts.

use std::collections::HashSet;
use std::os::fd::{AsRawFd, OwnedFd};

use browndog_xml::domain::{Domain, FilesystemSource};
use nix::errno::Errno;
use nix::libc;
use nix::sys::stat::fstat;

use super::{Found, Kind, Purpose, Survey, is_root, owner_of};
use crate::path::c_string;
use crate::sys;

/// Root's, on every machine.
const USUAL: &str = "/run/browndog";

/// As many directories as a path may have.
const DEPTH: usize = libc::PATH_MAX as usize / 2;

/// A tree in which state would be seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shown {
    /// Which: [`Purpose::Root`] or [`Purpose::Filesystem`].
    pub tree: Purpose,
    /// Where in it, without links; empty where all of it is state.
    pub rest: String,
    /// Whose it is on the host.
    pub owner: u32,
}

type Identity = (u64, u64);

fn identity(fd: &OwnedFd) -> Result<Identity, Errno> {
    fstat(fd).map(|stat| (stat.st_dev, stat.st_ino))
}

fn directory(path: &str) -> Result<OwnedFd, Errno> {
    sys::open(&c_string(path), libc::O_PATH | libc::O_DIRECTORY)
}

fn above(fd: &OwnedFd) -> Result<OwnedFd, Errno> {
    let flags = libc::O_PATH | libc::O_DIRECTORY;
    sys::openat2(fd.as_raw_fd(), c"..", flags, 0, libc::RESOLVE_NO_SYMLINKS).map(sys::adopt)
}

/// Where the kernel says that it is.
fn place_of(fd: &OwnedFd) -> Option<String> {
    let place = std::fs::read_link(format!("/proc/self/fd/{}", fd.as_raw_fd())).ok()?;
    place.into_os_string().into_string().ok().filter(|place| place.starts_with('/'))
}

impl Survey {
    /// Looks for it in every tree of the host; `more` are directories beside the usual one.
    pub fn look_for_state(&mut self, domain: &Domain, more: &[String]) {
        let mut seen = HashSet::new();
        for path in std::iter::once(USUAL).chain(more.iter().map(String::as_str)) {
            let Ok(state) = directory(path) else { continue };
            let Ok(own) = identity(&state) else { continue };
            if seen.insert(own) {
                let owner = owner_of(&state, path).map_or(0, |owner| owner.uid);
                self.look_above(domain, &state, owner);
                self.look_within(domain, own, owner);
            }
        }
        self.state.sort_by_key(|shown| shown.tree);
    }

    /// What of it would be seen in a tree.
    pub fn state_in(&self, tree: Purpose) -> &[Shown] {
        let from = self.state.partition_point(|shown| shown.tree < tree);
        let end = self.state.partition_point(|shown| shown.tree <= tree);
        &self.state[from..end]
    }

    fn trees(&self, domain: &Domain) -> impl Iterator<Item = &Found> {
        let of_host = |at: usize| matches!(domain.filesystems[at].source, FilesystemSource::Host(_));
        let root = domain.filesystems.iter().position(is_root).is_none_or(of_host);
        self.found.iter().filter(move |found| match found.purpose {
            Purpose::Root => root,
            Purpose::Filesystem(at) => of_host(at),
            _ => false,
        })
    }

    /// Trees of which the state is a part: their directory is one above it.
    fn look_above(&mut self, domain: &Domain, state: &OwnedFd, owner: u32) {
        let Some(place) = place_of(state) else { return };
        let names: Vec<&str> = place.split('/').filter(|name| !name.is_empty()).collect();
        let directories = self.trees(domain).filter(|found| found.kind == Ok(Kind::Directory));
        let trees: Vec<(&Found, Identity)> =
            directories.filter_map(|found| Some((found, identity(found.fd.as_ref()?).ok()?))).collect();
        let (mut at, mut shown) = (above(state), Vec::new());
        for start in (0..names.len()).rev() {
            let Ok(here) = at else { break };
            let rest = names[start..].join("/");
            let Ok(own) = identity(&here) else { break };
            for (found, _) in trees.iter().filter(|(_, tree)| *tree == own) {
                // By another mount of the same directory it may not be there.
                if found.fd.as_ref().is_some_and(|tree| is_there(tree, &rest, state)) {
                    shown.push(Shown { tree: found.purpose, rest: rest.clone(), owner });
                }
            }
            at = above(&here);
        }
        self.state.extend(shown);
    }

    /// Trees that are the state's directory, or a part of it.
    fn look_within(&mut self, domain: &Domain, state: Identity, owner: u32) {
        let within =
            self.trees(domain).filter(|found| found.fd.as_ref().is_some_and(|fd| is_within(fd, state)));
        let shown: Vec<Shown> =
            within.map(|found| Shown { tree: found.purpose, rest: String::new(), owner }).collect();
        self.state.extend(shown);
    }
}

fn is_there(tree: &OwnedFd, rest: &str, state: &OwnedFd) -> bool {
    let resolve = libc::RESOLVE_BENEATH | libc::RESOLVE_NO_SYMLINKS;
    let found = sys::openat2(tree.as_raw_fd(), &c_string(rest), libc::O_PATH, 0, resolve).map(sys::adopt);
    found.is_ok_and(|found| identity(&found).is_ok_and(|found| Ok(found) == identity(state)))
}

/// Whether this is the directory `state`, or something in it. Most lie on another file system: then one look is enough.
fn is_within(fd: &OwnedFd, state: Identity) -> bool {
    let Ok(stat) = fstat(fd) else { return false };
    if stat.st_dev != state.0 {
        return false;
    }
    let mut at = match stat.st_mode & libc::S_IFMT {
        libc::S_IFDIR => fd.try_clone().map_err(crate::errno_of),
        // From a file no path leads up.
        _ => match place_of(fd).as_deref().and_then(|place| place.rsplit_once('/')) {
            Some((dir, _)) => directory(if dir.is_empty() { "/" } else { dir }),
            None => return false,
        },
    };
    let mut last = None;
    for _ in 0..DEPTH {
        let Ok(here) = at else { return false };
        let Ok(own) = identity(&here) else { return false };
        if own == state {
            return true;
        }
        if last.replace(own) == Some(own) {
            return false;
        }
        at = above(&here);
    }
    false
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    /// A container with `source` of a host that has its state in `run/state`.
    #[rstest::rstest]
    #[case::above("", Some("run/state"))]
    #[case::a_part("run", Some("state"))]
    #[case::by_a_link("link", Some("run/state"))]
    #[case::and_up_again("run/state/../..", Some("run/state"))]
    #[case::itself("run/state", Some(""))]
    #[case::deeper("run/state/domains", Some(""))]
    #[case::a_file_of_it("run/state/events", Some(""))]
    #[case::beside_it("run/other", None)]
    fn it_is_where_its_tree_is(#[case] source: &str, #[case] is: Option<&str>) {
        let dir = tempfile::tempdir().expect("a directory");
        let at = |name: &str| dir.path().join(name);
        for name in ["run/state/domains", "run/other", "root"] {
            std::fs::create_dir_all(at(name)).expect("a directory");
        }
        std::fs::write(at("run/state/events"), "").expect("a file");
        symlink(dir.path(), at("link")).expect("a link");
        let xml = format!(
            "<domain type='lxc'><name>a</name><memory>65536</memory>\
             <os><type>exe</type><init>/bin/true</init></os><devices><console/>\
             <filesystem type='mount'><source dir='{}'/><target dir='/'/></filesystem>\
             <filesystem type='mount'><source dir='{}'/><target dir='/mnt'/></filesystem></devices></domain>",
            at("root").display(),
            at(source).display(),
        );
        let source = browndog_xml::source::Source::new("test.xml", &xml);
        let domain = browndog_xml::read(&source).domain.expect("a document without errors");
        let mut survey = Survey::look(&domain, false, false);
        survey.look_for_state(&domain, &[at("run/state").display().to_string()]);
        let tree = Purpose::Filesystem(1);
        let found = survey.state.iter().find(|shown| shown.tree == tree).map(|shown| shown.rest.as_str());
        assert_eq!((found, survey.state.len()), (is, usize::from(is.is_some())));
    }
}
