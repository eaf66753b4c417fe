//! Opens every host path that a domain names, once (path_resolution(7)): what is mounted later is the
//! inode found here, whatever happens to the path meanwhile.

pub mod accounts;
mod assume;
mod base;
pub mod blkio;
pub mod covering;
pub mod devices;
mod exposed;
mod foreseen;
mod inside;
mod kernel;
pub(crate) mod mountinfo;
mod owner;
mod reach;
pub mod share;
mod sources;
pub mod state;
pub mod superblock;
pub mod targets;
mod terminals;
pub mod usb;

use std::os::fd::{AsFd, AsRawFd, OwnedFd};

use browndog_xml::domain::{Domain, Filesystem, FilesystemSource, Origin};
use nix::errno::Errno;
use nix::fcntl::AtFlags;
use nix::libc;
use nix::sys::stat::{fstat, fstatat};

pub use crate::device_policy::NODES;
pub use crate::foreign::Kind;
pub(crate) use crate::foreign::{self, kind};
use crate::path::{Beneath, c_string};
use crate::sys;
use covering::Targets;
pub(crate) use foreseen::add as add_foreseen;
pub use owner::Owner;
use owner::owner_of;
pub use sources::Sources;
use superblock::Contents;

/// The program's ends, for 0, 1 and 2; `None` where it has what the caller has.
pub type Ends = [Option<OwnedFd>; 3];

/// What a source is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Purpose {
    /// The container's root directory.
    Root,
    /// The source of `filesystems[i]`.
    Filesystem(usize),
    /// The node of [`devices::declared`]`[i]`.
    Device(usize),
    /// A node of the host's `/dev` that cannot be made (started without root).
    Node(usize),
    /// The terminal of `consoles[i]` (the RFC's `tty`).
    Tty(usize),
    /// The empty base mount namespace, where it is pinned.
    Base,
    /// The device policy of most containers, where it is pinned with the base.
    Policy,
    /// The browndog program, for the built-in PID 1.
    Program,
    /// Whose namespace of this CLONE_NEW* kind is shared.
    Shared(i32),
    /// The init of a container that runs (a pidfd), to be joined.
    Init,
    /// The terminal that a command in a running container gets.
    Terminal,
    /// Its standard input, output or error, where it gets none.
    Stream(usize),
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
    /// Whose it is and what it lies on, where the domain maps ids.
    pub owner: Option<Owner>,
    /// Mounts of the host below it, as suffixes of its path; looked for on a kernel that has to restrict
    /// each by itself.
    pub below: Vec<String>,
    /// What an image or a block device with a file system holds; `None` where it cannot be read.
    pub contents: Option<Contents>,
    /// The O_PATH descriptor.
    pub fd: Option<OwnedFd>,
}

/// Everything looked up.
#[derive(Debug, Default)]
pub struct Survey {
    /// Sources, in the order of the plan's first slots.
    pub found: Sources,
    /// For `filesystems[i]`: what its target is in the root directory; `None` where another
    /// filesystem of the document covers it.
    pub targets: Vec<Option<Result<Kind, Errno>>>,
    /// Where each of those is to be made, where that is another place than its name.
    pub leads: Vec<Option<String>>,
    /// What the resolver's file is in the root directory, where the document has name servers.
    pub resolver: Option<targets::Looked>,
    /// Whether `/proc`, `/sys` and `/dev` are there in the root directory.
    pub kernel_targets: [bool; 3],
    /// What stands there in the place of a directory: a link, or a file.
    pub kernel_refused: [Option<&'static str>; 3],
    /// Whether this program lies on a mount of no namespace, as a monitor's does, or in memory: of it there is no copy.
    pub program_apart: bool,
    /// The instructions of what was found for [`Purpose::Policy`]; none without.
    pub policy: Vec<u64>,
    /// What of the host's network the document names.
    pub network: crate::net::facts::Facts,
    /// The block devices of the document's limits.
    pub blkio: blkio::Blkio,
    /// What the document's sets of processors and memory nodes are compared with.
    pub online: blkio::Online,
    /// The terminal that the RFC's `tty` names for the first console, or why it is not used.
    pub terminal: Option<Result<OwnedFd, String>>,
    /// The lines of the container's passwd file that `inituser` or `initgroup` can mean.
    pub passwd: Option<String>,
    /// The lines of its group file, likewise.
    pub group: Option<String>,
    /// Why the passwd file could not be read, or not to its end.
    pub passwd_unread: Option<String>,
    /// Why the group file could not be, likewise.
    pub group_unread: Option<String>,
    /// What the paths of the extension's `mask` are; the errno where they are not there.
    pub masks: Vec<Result<Kind, Errno>>,
    /// Whether a link is on the way to it.
    pub linked_masks: Vec<bool>,
    /// Where the container would see the state of browndog's own, tree by tree.
    pub state: Vec<state::Shown>,
    /// The lock of the root's source, where that is a directory of its own that lacks a mount point.
    pub hold: Option<crate::targets::Hold>,
    /// Namespaces that cannot be shared, and why.
    pub not_shared: Vec<share::Refusal>,
    /// Mounts of the host below `/sys`, likewise.
    pub below_sys: Vec<String>,
    /// Whether owners are looked at: a system call for each source that few need.
    owners: bool,
}

impl Survey {
    /// Looks at the host. `bind_nodes`: the host's device nodes will be bound, not made.
    pub fn look(domain: &Domain, bind_nodes: bool, built_in_init: bool) -> Self {
        let mut survey = Self { owners: domain.idmap.is_some(), ..Self::default() };
        let root = domain.filesystems.iter().find(|filesystem| is_root(filesystem));
        match root.filter(|root| host_path(root).is_some()) {
            Some(filesystem) => survey.open_source(Purpose::Root, filesystem),
            None => survey.open(Purpose::Root, "/", root.map_or(NO_ROOT, |root| root.origin)),
        }
        for (index, filesystem) in domain.filesystems.iter().enumerate().filter(|(_, fs)| !is_root(fs)) {
            survey.open_source(Purpose::Filesystem(index), filesystem);
        }
        for (index, device) in devices::declared(domain).iter().enumerate() {
            survey.open_device(index, device);
        }
        if bind_nodes {
            for (index, (name, ..)) in NODES.iter().enumerate() {
                survey.open(Purpose::Node(index), &format!("/dev/{name}"), NODE);
            }
        }
        survey.open_base();
        if built_in_init {
            survey.open(Purpose::Program, "/proc/self/exe", PROGRAM);
            let program = survey.found.last().and_then(|found| found.fd.as_ref());
            survey.program_apart = program.is_some_and(targets::stands_apart);
        }
        survey.look_below();
        survey.look_at_targets(domain);
        survey.hold_root();
        survey.read_accounts_inside(domain);
        survey.look_at_masks(domain);
        survey.network = crate::net::facts::Facts::look(domain);
        survey.blkio = blkio::Blkio::look(domain);
        survey.terminal =
            domain.consoles.first().and_then(|console| console.tty.as_ref()).map(terminals::open);
        survey.online = blkio::Online::look(domain);
        survey
    }

    /// The index of what was opened for `purpose`.
    pub fn index(&self, purpose: Purpose) -> Option<usize> {
        self.found.index(purpose)
    }

    /// What was opened for `purpose`.
    pub fn get(&self, purpose: Purpose) -> Option<&Found> {
        self.found.index(purpose).map(|index| &self.found[index])
    }

    fn open(&mut self, purpose: Purpose, path: &str, origin: Origin) {
        let opened = sys::open(&c_string(path), libc::O_PATH);
        let (kind, fd) = match opened {
            Ok(fd) => (kind_of(&fd), Some(fd)),
            Err(errno) => (Err(errno), None),
        };
        let owner = if self.owners { fd.as_ref().and_then(|fd| owner_of(fd, path)) } else { None };
        self.found.push(Found {
            purpose,
            path: path.to_owned(),
            origin,
            kind,
            owner,
            below: Vec::new(),
            contents: None,
            fd,
        });
    }

    /// Opens a source of `filesystems`, and looks what it holds where that is to be mounted.
    fn open_source(&mut self, purpose: Purpose, filesystem: &Filesystem) {
        let Some((path, origin)) = host_path(filesystem) else { return };
        self.open(purpose, &path, origin);
        let found = self.found.last_mut().expect("just opened");
        if has_contents(filesystem)
            && let Some(fd) = &found.fd
        {
            found.contents = contents_of(fd);
        }
    }

    fn open_device(&mut self, index: usize, device: &devices::Declared) {
        let purpose = Purpose::Device(index);
        match &device.source {
            devices::Source::Path(path) => self.open(purpose, path, device.origin),
            devices::Source::Usb(wanted) => match usb::find(std::path::Path::new(usb::SYSFS), *wanted) {
                Ok(path) => self.open(purpose, &path, device.origin),
                Err(errno) => self.found.push(Found {
                    purpose,
                    path: wanted.to_string(),
                    origin: device.origin,
                    kind: Err(errno),
                    owner: None,
                    below: Vec::new(),
                    contents: None,
                    fd: None,
                }),
            },
        }
    }

    /// The mount table, on a kernel before 5.12 only: mount_setattr(2) reaches what is below by itself.
    fn look_below(&mut self) {
        if crate::host::Kernel::running() >= (crate::host::Kernel { major: 5, minor: 12 }) {
            return;
        }
        let table = std::fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
        let points = mountinfo::mount_points(&table);
        let below = |dir: &str| -> Vec<String> {
            let dir = dir.trim_end_matches('/');
            let strictly = |point: &&String| is_below(point, dir) && point.len() > dir.len() && *point != "/";
            points.iter().filter(strictly).map(|point| point[dir.len()..].to_owned()).collect()
        };
        self.below_sys = below("/sys");
        for found in self.found.iter_mut() {
            let tree = matches!(found.purpose, Purpose::Root | Purpose::Filesystem(_));
            let fd = found.fd.as_ref().filter(|_| tree && found.kind == Ok(Kind::Directory));
            let path = fd.and_then(|fd| std::fs::read_link(format!("/proc/self/fd/{}", fd.as_raw_fd())).ok());
            if let Some(path) = path {
                found.below = below(&path.to_string_lossy());
            }
        }
    }

    fn look_at_targets(&mut self, domain: &Domain) {
        if self.get(Purpose::Root).is_some_and(|root| !matches!(root.kind, Ok(Kind::Directory))) {
            // An image: what is in it shows when it is mounted.
            self.targets = domain.filesystems.iter().map(|_| None).collect();
            self.kernel_targets = [true; 3];
            return;
        }
        self.look_at_kernel_targets();
        // The targets so far: each is looked for by its own directories, and not compared with all others.
        let mut before = targets::Before::default();
        for filesystem in &domain.filesystems {
            let target = filesystem.target.value.as_str();
            let looked = self.look_at_target(target, &before);
            self.targets.push(looked.kind);
            self.leads.push(looked.leads);
            if !is_root(filesystem) {
                before.add(target);
            }
        }
        self.look_at_resolver(domain, &before);
    }

    /// A mount point that an earlier start has made is as good as missing: who uses it removes it.
    ///
    /// Most are names in the root directory that are no links: there a look is enough, and nothing is opened.
    fn look_beneath_root(&self, path: &str) -> Result<Kind, Errno> {
        let root = self.get(Purpose::Root).and_then(|root| root.fd.as_ref()).ok_or(Errno::ENOENT)?;
        let beneath = Beneath::new(path);
        let mut stat = None;
        if beneath.dir() == c"." && beneath.name() != c".." {
            let found = fstatat(root, beneath.name(), AtFlags::AT_SYMLINK_NOFOLLOW)?;
            stat = (found.st_mode & libc::S_IFMT != libc::S_IFLNK).then_some(found);
        }
        let stat = match stat {
            Some(stat) => stat,
            None => fstat(self.open_beneath(Purpose::Root, path, libc::O_PATH)?)?,
        };
        if crate::targets::is_ours(&stat) { Err(Errno::ENOENT) } else { Ok(kind(&stat)) }
    }

    /// The ends of pipes that the init gets as its descriptors.
    pub fn add_streams(&mut self, ends: Ends) {
        let ends = ends.into_iter().enumerate().filter(|(_, end)| end.is_some());
        self.found.extend(ends.map(|(number, fd)| Found {
            purpose: Purpose::Stream(number),
            path: "pipe".to_owned(),
            origin: NODE,
            kind: Ok(Kind::Other),
            owner: None,
            below: Vec::new(),
            contents: None,
            fd,
        }));
    }

    fn read_accounts_inside(&mut self, domain: &Domain) {
        let mut read = Self::default();
        read.read_accounts(domain, |path| {
            self.open_inside(domain, &Targets::new(&domain.filesystems), path, libc::O_PATH)
        });
        (self.passwd, self.passwd_unread) = (read.passwd, read.passwd_unread);
        (self.group, self.group_unread) = (read.group, read.group_unread);
    }
}

/// The container's account files (passwd(5), group(5)).
pub(crate) const PASSWD: &str = "/etc/passwd";
pub(crate) const GROUP: &str = "/etc/group";

const NO_ROOT: Origin = Origin::Default(
    "the document names no root file system: the host's tree is used, with private mounts on top",
);
const NODE: Origin = Origin::Default("every container gets null, zero, full, random, urandom and tty");
const PROGRAM: Origin = Origin::Default("several applications need a process 1 that waits for them");

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

/// Whether the source holds a file system that has to be mounted.
pub fn has_contents(filesystem: &Filesystem) -> bool {
    matches!(filesystem.source, FilesystemSource::Block(_) | FilesystemSource::Image { .. })
}

fn contents_of(fd: &OwnedFd) -> Option<Contents> {
    match foreign::reopen(fd.as_fd(), true) {
        Ok(file) => superblock::look(&file).ok(),
        Err(foreign::Unread::Filesystem) => Some(Contents::Other(foreign::KERNELS_OWN)),
        Err(_) => None,
    }
}

fn kind_of(fd: &OwnedFd) -> Result<Kind, Errno> {
    fstat(fd).map(|stat| kind(&stat))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn targets_are_looked_at_beneath_the_root_and_links_are_followed_there() {
        let root = tempfile::tempdir().expect("a directory");
        let at = |name: &str| root.path().join(name);
        std::fs::create_dir_all(at("kernel/sysfs")).expect("a directory");
        std::fs::write(at("file"), "").expect("a file");
        std::fs::create_dir(at("proc")).expect("a directory");
        symlink("/kernel/sysfs", at("sys")).expect("a link that leads out of the root for others");
        symlink("/dev", at("dev")).expect("a link to itself, beneath the root");
        let target = |path: &str| {
            format!("<filesystem type='mount'><source dir='/usr'/><target dir='{path}'/></filesystem>")
        };
        let xml = format!(
            "<domain type='lxc'><name>a</name><memory>65536</memory>\
             <os><type>exe</type><init>/bin/true</init></os><devices><console/>\
             <filesystem type='mount'><source dir='{}'/><target dir='/'/></filesystem>{}{}{}</devices></domain>",
            root.path().display(),
            target("/file"),
            target("/missing"),
            target("/sys/deeper"),
        );
        let source = browndog_xml::source::Source::new("test.xml", &xml);
        let domain = browndog_xml::read(&source).domain.expect("a document without errors");
        let survey = Survey::look(&domain, false, false);
        assert_eq!(survey.kernel_targets, [true; 3]);
        assert_eq!(survey.kernel_refused, [None, Some("a symbolic link"), Some("a symbolic link")]);
        let found = [Some(Ok(Kind::Directory)), Some(Ok(Kind::File)), Some(Err(Errno::ENOENT)), None];
        assert_eq!(survey.targets, found);
    }
}
