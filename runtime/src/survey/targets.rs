//! Mount points that are missing, and where one that is a link to nothing leads.

use std::collections::HashSet;
use std::os::fd::{AsRawFd, OwnedFd, RawFd};

use browndog_xml::domain::Domain;
use nix::errno::Errno;
use nix::libc;
use nix::sys::stat::fstat;

use super::covering::Prefixes;
use super::{Kind, Purpose, Survey};
use crate::beneath::LINKS;
use crate::path::{Beneath, RESOLVE_IN_ROOT, c_string};
use crate::sys;

/// The resolver's file, which the document's name servers are put over.
pub(crate) const RESOLV_CONF: &str = "/etc/resolv.conf";

/// A mount point in the root directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Looked {
    /// What it is; `None` where another filesystem of the document covers it.
    pub kind: Option<Result<Kind, Errno>>,
    /// Where it is to be made, where that is another place than its name: a link on the way leads to nothing.
    pub leads: Option<String>,
}

impl Survey {
    /// Looks at a target of the document; `before` are the targets that are mounted on earlier.
    pub(super) fn look_at_target(&self, target: &str, before: &Before<'_>) -> Looked {
        if Beneath::new(target).kernel().is_some() || before.cover(target) {
            // What is below the kernel's file systems is of the container's own.
            return Looked { kind: None, leads: None };
        }
        let kind = self.look_beneath_root(target);
        let Err(Errno::ENOENT) = kind else { return Looked { kind: Some(kind), leads: None } };
        let root = self.get(Purpose::Root).and_then(|root| root.fd.as_ref());
        match root.map(|root| end_of(root.as_raw_fd(), target)) {
            None => Looked { kind: Some(kind), leads: None },
            Some(Err(errno)) => Looked { kind: Some(Err(errno)), leads: None },
            Some(Ok(end)) => {
                let kind = (!before.cover(&end)).then_some(kind);
                let leads = (Beneath::new(&end) != Beneath::new(target)).then_some(end);
                Looked { kind, leads }
            }
        }
    }

    /// Where a mount point has to be made, or another start has made it. Whoever finds all of his there, made
    /// by nobody of us, loses none, and takes no lock: the kernel goes through all of a file's locks, which
    /// took 140 us with 1,000 containers on one tree.
    pub(super) fn hold_root(&mut self) {
        let missing = |looked: &Option<Result<Kind, Errno>>| matches!(looked, Some(Err(_)));
        let resolver = self.resolver.as_ref().map(|resolver| &resolver.kind);
        if self.kernel_targets == [true; 3] && !self.targets.iter().chain(resolver).any(missing) {
            return;
        }
        let own = self.found.first().filter(|found| found.kind == Ok(Kind::Directory) && found.path != "/");
        self.hold = own.and_then(|found| crate::targets::hold(found.fd.as_ref()?.as_raw_fd()));
    }

    /// The resolver's file, where the document has name servers.
    pub(super) fn look_at_resolver(&mut self, domain: &Domain, before: &Before<'_>) {
        if !domain.nameservers.is_empty() {
            self.resolver = Some(self.look_at_target(RESOLV_CONF, before));
        }
    }
}

/// Whether the kernel copies no mount of this file: it is in none of this namespace's (open_tree(2)).
pub(super) fn stands_apart(file: &OwnedFd) -> bool {
    const CLONE: u32 = 1 | libc::O_CLOEXEC as u32 | libc::AT_EMPTY_PATH as u32;
    matches!(sys::open_tree(file.as_raw_fd(), c"", CLONE).map(sys::adopt), Err(Errno::EINVAL))
}

/// The targets that are mounted on earlier.
#[derive(Debug, Default)]
pub(super) struct Before<'a> {
    targets: HashSet<&'a str>,
    prefixes: Prefixes,
}

impl<'a> Before<'a> {
    /// Adds one. Named twice is named.
    pub(super) fn add(&mut self, target: &'a str) {
        let target = target.trim_end_matches('/');
        let _new = self.targets.insert(target);
        self.prefixes.add(target);
    }

    fn cover(&self, path: &str) -> bool {
        self.prefixes.of(path.trim_end_matches('/')).any(|dir| self.targets.contains(dir))
    }
}

/// The path, without a link, that `path` leads to beneath the root, also where nothing is there.
pub(super) fn end_of(root: RawFd, path: &str) -> Result<String, Errno> {
    let mut rest: Vec<String> = path.split('/').rev().map(str::to_owned).collect();
    let mut end: Vec<String> = Vec::new();
    let mut links = 0;
    // Below what is not there, nothing is.
    let mut missing = usize::MAX;
    while let Some(name) = rest.pop() {
        match name.as_str() {
            "" | "." => continue,
            ".." => {
                // Above the root is the root.
                drop(end.pop());
                continue;
            }
            _ => end.push(name),
        }
        if end.len() > missing {
            continue;
        }
        let here = c_string(&end.join("/"));
        let found = match sys::openat2(root, &here, libc::O_PATH | libc::O_NOFOLLOW, 0, RESOLVE_IN_ROOT) {
            Ok(found) => sys::adopt(found),
            Err(Errno::ENOENT) => {
                missing = end.len();
                continue;
            }
            Err(errno) => return Err(errno),
        };
        missing = usize::MAX;
        if fstat(&found)?.st_mode & libc::S_IFMT != libc::S_IFLNK {
            continue;
        }
        links += 1;
        if links > LINKS {
            return Err(Errno::ELOOP);
        }
        let mut says = [0_u8; libc::PATH_MAX as usize];
        let length = sys::paths::read_link(found.as_raw_fd(), &mut says)?;
        let says = std::str::from_utf8(&says[..length]).map_err(|_| Errno::EILSEQ)?;
        if says.starts_with('/') {
            end.clear();
        } else {
            drop(end.pop());
        }
        rest.extend(says.split('/').rev().map(str::to_owned));
    }
    Ok(format!("/{}", end.join("/")))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case::relative("../run/resolve/stub", Ok("/run/resolve/stub"))]
    #[case::absolute("/run/stub", Ok("/run/stub"))]
    #[case::above_the_root("../../../../../x/y", Ok("/x/y"))]
    #[case::through_a_directory_that_is_a_link("/var/run/stub", Ok("/run/stub"))]
    #[case::by_three_links("second", Ok("/third"))]
    #[case::a_loop("loop", Err(Errno::ELOOP))]
    #[case::onto_the_kernels("/dev/stub", Ok("/dev/stub"))]
    fn a_link_to_nothing_leads_somewhere_beneath_the_root(
        #[case] says: &str,
        #[case] end: Result<&str, Errno>,
    ) {
        let root = tempfile::tempdir().expect("a directory");
        let at = |name: &str| root.path().join(name);
        for dir in ["etc", "run", "var"] {
            std::fs::create_dir(at(dir)).expect("a directory");
        }
        symlink("/run", at("var/run")).expect("a link");
        symlink("/etc/loop", at("etc/loop")).expect("a link");
        symlink("again", at("etc/second")).expect("a link");
        symlink("/third", at("etc/again")).expect("a link");
        symlink(says, at("etc/resolv.conf")).expect("a link");
        let fd: OwnedFd = std::fs::File::open(root.path()).expect("it is there").into();
        assert_eq!(end_of(fd.as_raw_fd(), "/etc/resolv.conf"), end.map(str::to_owned));
    }
}
