//! Opens every host path that a domain names, once (path_resolution(7)): what is mounted later is the
//! inode found here, whatever happens to the path meanwhile.

pub mod blkio;

use std::os::fd::{AsRawFd, OwnedFd};

use browndog_xml::domain::{Account, Domain, Filesystem, FilesystemSource, HostdevKind, Origin, Sourced};
use browndog_xml::value::AbsPath;
use nix::errno::Errno;
use nix::libc;

use crate::plan::step::{Beneath, c_string};
use crate::sys;

/// What a path is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A directory.
    Directory,
    /// A regular file.
    File,
    /// A character device and its number.
    Char(u64),
    /// A block device and its number.
    Block(u64),
    /// A socket, a FIFO, …
    Other,
}

/// What a source is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Purpose {
    /// The container's root directory.
    Root,
    /// The source of `filesystems[i]`.
    Filesystem(usize),
    /// The node of `hostdevs[i]`.
    Hostdev(usize),
    /// A node of the host's `/dev` that cannot be made (started without root).
    Node(usize),
    /// The terminal of `consoles[i]` (the RFC's `tty`).
    Tty(usize),
    /// The empty base mount namespace, where it is pinned.
    Base,
    /// The browndog program, for the built-in PID 1.
    Program,
}

/// One path, looked up.
#[derive(Debug)]
pub struct Found {
    /// What for.
    pub purpose: Purpose,
    /// The path.
    pub path: String,
    /// Who asked.
    pub origin: Origin,
    /// What it is, or why it could not be opened.
    pub kind: Result<Kind, Errno>,
    /// The O_PATH descriptor.
    pub fd: Option<OwnedFd>,
}

/// Everything looked up.
#[derive(Debug, Default)]
pub struct Survey {
    /// Sources, in the order of the plan's first slots.
    pub found: Vec<Found>,
    /// For `filesystems[i]`: what its target is in the root directory; `None` where another
    /// filesystem of the document covers it.
    pub targets: Vec<Option<Result<Kind, Errno>>>,
    /// Whether `/proc`, `/sys` and `/dev` are there in the root directory.
    pub kernel_targets: [bool; 3],
    /// What of the host's network the document names.
    pub network: crate::net::facts::Facts,
    /// The block devices of the document's limits.
    pub blkio: blkio::Blkio,
    /// What the document's sets of processors and memory nodes are compared with.
    pub online: blkio::Online,
    /// The terminal that the RFC's `tty` names for the first console, or why it is not used.
    pub terminal: Option<Result<OwnedFd, String>>,
    /// The container's passwd file, where `inituser` or `initgroup` needs it.
    pub passwd: Option<String>,
    /// The container's group file, likewise.
    pub group: Option<String>,
}

/// Device nodes every container gets: name and number (null(4), full(4), random(4), tty(4)).
pub const NODES: [(&str, u32, u32); 6] =
    [("null", 1, 3), ("zero", 1, 5), ("full", 1, 7), ("random", 1, 8), ("urandom", 1, 9), ("tty", 5, 0)];

impl Survey {
    /// Looks at the host. `bind_nodes`: the host's device nodes will be bound, not made.
    pub fn look(domain: &Domain, bind_nodes: bool, built_in_init: bool) -> Self {
        let mut survey = Self::default();
        let root = domain.filesystems.iter().find(|filesystem| is_root(filesystem));
        let (path, origin) = match root {
            Some(filesystem) => host_path(filesystem).unwrap_or(("/".to_owned(), filesystem.origin)),
            None => ("/".to_owned(), NO_ROOT),
        };
        survey.open(Purpose::Root, &path, origin);
        for (index, filesystem) in domain.filesystems.iter().enumerate() {
            if let (false, Some((path, origin))) = (is_root(filesystem), host_path(filesystem)) {
                survey.open(Purpose::Filesystem(index), &path, origin);
            }
        }
        for (index, hostdev) in domain.hostdevs.iter().enumerate() {
            if let HostdevKind::Storage(path) | HostdevKind::Misc(path) = &hostdev.kind {
                survey.open(Purpose::Hostdev(index), path.value.as_str(), path.origin);
            }
        }
        if bind_nodes {
            for (index, (name, ..)) in NODES.iter().enumerate() {
                survey.open(Purpose::Node(index), &format!("/dev/{name}"), NODE);
            }
        }
        survey.open_base();
        if built_in_init {
            survey.open(Purpose::Program, "/proc/self/exe", PROGRAM);
        }
        survey.look_at_targets(domain);
        survey.read_accounts(domain);
        survey.network = crate::net::facts::Facts::look(domain);
        survey.blkio = blkio::Blkio::look(domain);
        survey.terminal = domain.consoles.first().and_then(|console| console.tty.as_ref()).map(open_terminal);
        survey.online = blkio::Online::look(domain);
        survey
    }

    /// Everything `domain` names, assumed to be there and a directory: for plans that are printed,
    /// compared and explained, and never started.
    pub fn assume(domain: &Domain, bind_nodes: bool) -> Self {
        let mut survey = Self::default();
        let mut assume = |purpose, path: &str, origin, kind| {
            survey.found.push(Found { purpose, path: path.to_owned(), origin, kind: Ok(kind), fd: None });
        };
        let root = domain.filesystems.iter().find(|filesystem| is_root(filesystem)).and_then(host_path);
        let (path, origin) = root.unwrap_or(("/".to_owned(), NO_ROOT));
        assume(Purpose::Root, &path, origin, Kind::Directory);
        for (index, filesystem) in domain.filesystems.iter().enumerate() {
            if let (false, Some((path, origin))) = (is_root(filesystem), host_path(filesystem)) {
                assume(Purpose::Filesystem(index), &path, origin, Kind::Directory);
            }
        }
        for (index, hostdev) in domain.hostdevs.iter().enumerate() {
            match &hostdev.kind {
                HostdevKind::Storage(path) => {
                    assume(Purpose::Hostdev(index), path.value.as_str(), path.origin, Kind::Block(0));
                }
                HostdevKind::Misc(path) => {
                    assume(Purpose::Hostdev(index), path.value.as_str(), path.origin, Kind::Char(0));
                }
                _ => {}
            }
        }
        if bind_nodes {
            for (index, (name, ..)) in NODES.iter().enumerate() {
                assume(Purpose::Node(index), &format!("/dev/{name}"), NODE, Kind::Char(0));
            }
        }
        survey.targets = domain.filesystems.iter().map(|_| Some(Ok(Kind::Directory))).collect();
        survey.kernel_targets = [true; 3];
        survey.network = crate::net::facts::Facts::assume(domain);
        survey.blkio = blkio::Blkio::assume(domain);
        survey
    }

    /// The index of what was opened for `purpose`.
    pub fn index(&self, purpose: Purpose) -> Option<usize> {
        self.found.iter().position(|found| found.purpose == purpose)
    }

    /// What was opened for `purpose`.
    pub fn get(&self, purpose: Purpose) -> Option<&Found> {
        self.found.iter().find(|found| found.purpose == purpose)
    }

    fn open(&mut self, purpose: Purpose, path: &str, origin: Origin) {
        let opened = sys::openat2(libc::AT_FDCWD, &c_string(path), libc::O_PATH, 0, 0).map(sys::adopt);
        let (kind, fd) = match opened {
            Ok(fd) => (kind_of(&fd), Some(fd)),
            Err(errno) => (Err(errno), None),
        };
        self.found.push(Found { purpose, path: path.to_owned(), origin, kind, fd });
    }

    /// The base namespace is an offer: without it the launcher's mount table is copied.
    fn open_base(&mut self) {
        if let Some(fd) = crate::base::open() {
            let path = crate::base::PATH.to_owned();
            self.found.push(Found {
                purpose: Purpose::Base,
                path,
                origin: BASE,
                kind: Ok(Kind::Other),
                fd: Some(fd),
            });
        }
    }

    fn look_at_targets(&mut self, domain: &Domain) {
        self.kernel_targets = ["/proc", "/sys", "/dev"].map(|path| self.look_beneath_root(path).is_ok());
        for (index, filesystem) in domain.filesystems.iter().enumerate() {
            let target = filesystem.target.value.as_str();
            let covered = domain.filesystems[..index]
                .iter()
                .any(|other| !is_root(other) && is_below(target, other.target.value.as_str()));
            let looked = if covered { None } else { Some(self.look_beneath_root(target)) };
            self.targets.push(looked);
        }
    }

    fn open_beneath(&self, purpose: Purpose, path: &str, flags: i32) -> Result<OwnedFd, Errno> {
        let found = self.get(purpose).ok_or(Errno::ENOENT)?;
        let fd = found.fd.as_ref().ok_or(Errno::ENOENT)?;
        let beneath = Beneath::new(path);
        sys::openat2(fd.as_raw_fd(), beneath.as_c_str(), flags, 0, RESOLVE_IN_ROOT).map(sys::adopt)
    }

    fn look_beneath_root(&self, path: &str) -> Result<Kind, Errno> {
        kind_of(&self.open_beneath(Purpose::Root, path, libc::O_PATH)?)
    }

    /// Reads a file as the container will see it: from the filesystem of the document that covers it,
    /// else from the root.
    fn read_inside(&self, domain: &Domain, path: &str) -> Option<String> {
        let cover = domain
            .filesystems
            .iter()
            .enumerate()
            .filter(|(_, filesystem)| {
                !is_root(filesystem) && is_below(path, filesystem.target.value.as_str())
            })
            .max_by_key(|(_, filesystem)| filesystem.target.value.as_str().len());
        let fd = match cover {
            Some((index, filesystem)) => {
                let rest = &path[filesystem.target.value.as_str().trim_end_matches('/').len()..];
                self.open_beneath(Purpose::Filesystem(index), rest, libc::O_RDONLY)
            }
            None => self.open_beneath(Purpose::Root, path, libc::O_RDONLY),
        };
        std::io::read_to_string(std::io::Read::take(std::fs::File::from(fd.ok()?), ACCOUNT_FILE_MAX)).ok()
    }

    fn read_accounts(&mut self, domain: &Domain) {
        let named = |account: &Option<_>| {
            matches!(account, Some(browndog_xml::domain::Sourced { value: Account::Name(_), .. }))
        };
        if domain.init.user.is_some() || named(&domain.init.group) {
            self.passwd = self.read_inside(domain, "/etc/passwd");
            self.group = self.read_inside(domain, "/etc/group");
        }
    }
}

/// A passwd file larger than this is not read further (bytes).
const ACCOUNT_FILE_MAX: u64 = 4 << 20;

/// RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS (openat2(2)).
pub const RESOLVE_IN_ROOT: u64 = libc::RESOLVE_IN_ROOT | libc::RESOLVE_NO_MAGICLINKS;

const NO_ROOT: Origin = Origin::Default(
    "the document names no root file system: the host's tree is used, with private mounts on top",
);
const NODE: Origin = Origin::Default("every container gets null, zero, full, random, urandom and tty");
const BASE: Origin = Origin::Default("this host has a base mount namespace: see 'browndog host'");
const PROGRAM: Origin = Origin::Default("several applications need a process 1 that waits for them");

/// Opens a terminal of the host, without it becoming the caller's, and without waiting for its line.
fn open_terminal(path: &Sourced<AbsPath>) -> Result<OwnedFd, String> {
    use std::io::IsTerminal;
    let flags = libc::O_RDWR | libc::O_NOCTTY | libc::O_NONBLOCK;
    match sys::openat2(libc::AT_FDCWD, &c_string(path.value.as_str()), flags, 0, 0).map(sys::adopt) {
        Ok(fd) if fd.is_terminal() => Ok(fd),
        Ok(_) => Err("it is no terminal".to_owned()),
        Err(errno) => Err(format!("{} ({errno})", errno.desc())),
    }
}

/// Whether this filesystem is the root.
pub fn is_root(filesystem: &Filesystem) -> bool {
    filesystem.target.value.as_str().trim_end_matches('/').is_empty()
}

/// Whether `path` is `dir` or below it.
pub fn is_below(path: &str, dir: &str) -> bool {
    let dir = dir.trim_end_matches('/');
    path.strip_prefix(dir).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

fn host_path(filesystem: &Filesystem) -> Option<(String, Origin)> {
    match &filesystem.source {
        FilesystemSource::Host(path) | FilesystemSource::Block(path) => {
            Some((path.value.as_str().to_owned(), path.origin))
        }
        FilesystemSource::Image { file } => Some((file.value.as_str().to_owned(), file.origin)),
        FilesystemSource::Container(_) | FilesystemSource::Ram { .. } => None,
    }
}

fn kind_of(fd: &OwnedFd) -> Result<Kind, Errno> {
    let stat = nix::sys::stat::fstat(fd)?;
    Ok(match stat.st_mode & libc::S_IFMT {
        libc::S_IFDIR => Kind::Directory,
        libc::S_IFREG => Kind::File,
        libc::S_IFCHR => Kind::Char(stat.st_rdev),
        libc::S_IFBLK => Kind::Block(stat.st_rdev),
        _ => Kind::Other,
    })
}
