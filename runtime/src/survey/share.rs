//! The namespaces of others that a document shares, opened once.

use std::os::fd::{AsRawFd, OwnedFd};

use browndog_xml::domain::{Domain, Origin, ShareTarget, Sourced};
use nix::errno::Errno;
use nix::libc;
use nix::sys::statfs::{NSFS_MAGIC, fstatfs};

use super::{Found, Kind, Purpose, Survey};
use crate::path::c_string;
use crate::sys;

/// A running domain that the document names, as the caller knows it: a pidfd of its init, or why there is
/// none.
#[derive(Clone, Debug)]
pub struct Peer {
    /// Its name.
    pub name: String,
    /// Its init.
    pub init: Result<std::sync::Arc<std::os::fd::OwnedFd>, String>,
}

/// What the document shares: the kind, its word in messages, and whose.
pub fn shared(domain: &Domain) -> impl Iterator<Item = (i32, &'static str, &Sourced<ShareTarget>)> {
    let share = &domain.share;
    let all = [
        (libc::CLONE_NEWNET, "net", &share.net),
        (libc::CLONE_NEWIPC, "ipc", &share.ipc),
        (libc::CLONE_NEWUTS, "uts", &share.uts),
    ];
    all.into_iter().filter_map(|(kind, word, target)| Some((kind, word, target.as_ref()?)))
}

/// Who has the namespace, in words.
pub(crate) fn whose(target: &ShareTarget) -> String {
    match target {
        ShareTarget::Name(name) => format!("domain '{name}'"),
        ShareTarget::Pid(pid) => format!("process {pid}"),
        ShareTarget::NetNs(name) => format!("/run/netns/{name}"),
    }
}

/// Why a namespace of this kind cannot be shared, and the way out.
#[derive(Clone, Debug)]
pub struct Refusal {
    /// CLONE_NEW*.
    pub kind: i32,
    /// Why.
    pub reason: String,
    /// The way out.
    pub help: String,
}

impl Survey {
    /// Opens what `domain` shares; `peers` are the running domains that it names.
    pub fn open_shared(&mut self, domain: &Domain, peers: &[Peer]) {
        for (kind, _, target) in shared(domain) {
            let path = whose(&target.value);
            match open(&target.value, peers) {
                Ok(fd) => self.found.push(Found::new(Purpose::Shared(kind), &path, target.origin, Some(fd))),
                Err((reason, help)) => self.not_shared.push(Refusal { kind, reason, help }),
            }
        }
    }

    /// The same, assumed to be there.
    pub(super) fn assume_shared(&mut self, domain: &Domain) {
        for (kind, _, target) in shared(domain) {
            let path = whose(&target.value);
            self.found.push(Found::new(Purpose::Shared(kind), &path, target.origin, None));
        }
    }
}

impl Found {
    /// What is no file of a tree.
    pub(super) fn new(purpose: Purpose, path: &str, origin: Origin, fd: Option<OwnedFd>) -> Self {
        let path = path.to_owned();
        Self {
            purpose,
            path,
            origin,
            kind: Ok(Kind::Other),
            owner: None,
            below: Vec::new(),
            contents: None,
            fd,
        }
    }
}

fn open(target: &ShareTarget, peers: &[Peer]) -> Result<OwnedFd, (String, String)> {
    let told = |errno: Errno| format!("{} ({errno})", errno.desc());
    match target {
        ShareTarget::Name(name) => {
            let peer = peers.iter().find(|peer| peer.name == *name).map(|peer| peer.init.clone());
            let init = peer.unwrap_or_else(|| Err("no such domain runs".to_owned()));
            let help = || format!("start it first: 'browndog start {name}'");
            let fd = init.map_err(|reason| (reason, help()))?;
            fd.try_clone().map_err(|error| (error.to_string(), help()))
        }
        ShareTarget::Pid(pid) => match sys::pidfd_open(*pid as i32, 0) {
            Ok(fd) => Ok(sys::adopt(fd as i32)),
            Err(errno) => {
                Err((told(errno), "give the number of a process that runs, as this host counts".to_owned()))
            }
        },
        ShareTarget::NetNs(name) => {
            let help = || format!("make it first: 'ip netns add {name}' (ip-netns(8))");
            if name.contains('/') || name == "." || name == ".." {
                return Err(("it is no name".to_owned(), "give the name of a file in /run/netns".to_owned()));
            }
            let path = c_string(&format!("/run/netns/{name}"));
            // Looked at first: what is no namespace is not opened.
            let found = sys::open(&path, libc::O_PATH).map_err(|errno| (told(errno), help()))?;
            if !fstatfs(&found).is_ok_and(|found| found.filesystem_type() == NSFS_MAGIC) {
                return Err(("it is no namespace".to_owned(), help()));
            }
            let link = c_string(&format!("/proc/self/fd/{}", found.as_raw_fd()));
            sys::open(&link, libc::O_RDONLY | libc::O_NONBLOCK).map_err(|errno| (told(errno), help()))
        }
    }
}
