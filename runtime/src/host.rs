//! What this machine can do, as a value: a plan is made from it, and fixtures of other machines can
//! stand in its place.

use std::path::Path;

use nix::libc;
use serde::Serialize;

mod context;
mod covers;
mod outer;

pub use browndog_xml::covers::Cover;
use browndog_xml::domain::Domain;
pub use context::COREDUMP_FILTER;
pub use context::Context;
pub(crate) use context::{CAP_SYS_NICE, LIMITS, TIMER_SLACK_NS};
pub(crate) use outer::user_namespaces;

use crate::idmap::{self, Ids};

/// Linux version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Kernel {
    /// Major.
    pub major: u32,
    /// Minor.
    pub minor: u32,
}

impl Kernel {
    /// The one that runs.
    pub fn running() -> Self {
        let uname = nix::sys::utsname::uname();
        parse_release(uname.as_ref().map_or("0.0", |name| name.release().to_str().unwrap_or("0.0")))
    }
}

impl std::fmt::Display for Kernel {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}

/// Where control groups are (cgroups(7)).
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase", tag = "layout")]
pub enum Cgroups {
    /// One unified hierarchy with all controllers.
    V2 {
        /// Its mount point.
        root: String,
        /// `cgroup.controllers` of its root.
        controllers: Vec<String>,
    },
    /// Controllers on version 1; perhaps a unified hierarchy without controllers beside them.
    V1 {
        /// Controller and mount point of its hierarchy.
        controllers: Vec<(String, String)>,
        /// The unified hierarchy of a hybrid layout.
        unified: Option<String>,
    },
    /// None that this caller may use.
    None {
        /// Why not.
        reason: String,
    },
}

/// The machine and the caller's place on it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Host {
    /// Kernel.
    pub kernel: Kernel,
    /// Effective user id of the caller, as the caller sees it.
    pub uid: u32,
    /// Whether the caller works as root of a user namespace of its own (started without root).
    pub rootless: bool,
    /// The ids that a caller without root has: its own as 0, then its subordinate ids. For everybody
    /// else empty: all.
    pub uid_map: Vec<[u32; 3]>,
    /// Likewise for groups.
    pub gid_map: Vec<[u32; 3]>,
    /// Highest capability (`/proc/sys/kernel/cap_last_cap`).
    pub last_capability: u8,
    /// Capabilities that the caller can pass on: its bounding set, or of it what a plan asks for.
    pub bounding: u64,
    /// Control groups.
    pub cgroups: Cgroups,
    /// Kernel interfaces that are not namespaced and that this kernel has; none where /proc does not tell.
    pub covers: Vec<(&'static str, Cover)>,
    /// What the caller would hand down.
    pub context: Context,
    /// Whether a device node can be made here; where not, the host's are bound.
    pub makes_nodes: bool,
    /// Whether a system call filter of an outer container's, or of a service manager's, is on.
    pub filtered: bool,
    /// Page size in bytes.
    pub page_size: u64,
    /// Machine name of uname(2): `x86_64`.
    pub machine: String,
}

/// Every capability up to the highest of a kernel.
pub(crate) fn capabilities(last: u8) -> u64 {
    if last >= 63 { u64::MAX } else { (1 << (last + 1)) - 1 }
}

/// Of the bounding set, what a plan for `domain` looks at.
pub(crate) fn asked(domain: &Domain, last: u8) -> u64 {
    domain.capabilities_kept(capabilities(last)) | CAP_SYS_NICE
}

impl Host {
    /// Reads this machine. Reads only what a start needs, and no mount table: its cost does not grow
    /// with the number of mounts or containers.
    pub fn probe() -> Self {
        Self::look(|_| u64::MAX)
    }

    /// The same for a plan of `domain`, which does not look at the whole of the bounding set: a call for each
    /// capability.
    pub(crate) fn probe_for(domain: &Domain) -> Self {
        Self::look(|last| asked(domain, last))
    }

    fn look(asked: impl FnOnce(u8) -> u64) -> Self {
        let uname = nix::sys::utsname::uname();
        let release = uname.as_ref().map_or("0.0", |name| name.release().to_str().unwrap_or("0.0"));
        let machine = uname.as_ref().map_or("", |name| name.machine().to_str().unwrap_or(""));
        let last_capability = last_known(|number| in_bounding_set(number).is_ok());
        let bounding = bounding_set(asked(last_capability), last_capability);
        let administers = may_administer();
        let rootless = !administers || !has_every_id();
        // What `run` enters, `plan` foretells.
        let ids = match (rootless, administers) {
            (false, _) => Ids { uid: Vec::new(), gid: Vec::new() },
            (true, true) => idmap::current(),
            (true, false) => idmap::ids(),
        };
        let kernel = parse_release(release);
        let covers = covers::of(kernel, |path| Path::new(path).exists());
        // keyrings(7): the file is there where the kernel has them.
        let keyrings = covers.iter().any(|(path, _)| *path == "/proc/keys");
        let filtered = outer::filtered();
        Self {
            kernel,
            uid: nix::unistd::geteuid().as_raw(),
            rootless,
            uid_map: ids.uid,
            gid_map: ids.gid,
            last_capability,
            bounding,
            cgroups: if rootless { probe_delegated() } else { probe_cgroups() },
            covers,
            context: Context::probe(keyrings, filtered),
            makes_nodes: rootless || outer::makes_nodes(filtered),
            filtered,
            page_size: 4096,
            machine: machine.to_owned(),
        }
    }

    /// The id of this host that a caller without root sees under another number: what the kernel wants
    /// in the map of a namespace below the caller's. `None` where the caller does not have all of them.
    pub fn from_host(map: &[[u32; 3]], first: u32, count: u32) -> Option<u32> {
        if map.is_empty() {
            return Some(first);
        }
        let holds = |[_, outside, length]: &&[u32; 3]| {
            first >= *outside
                && u64::from(first) + u64::from(count) <= u64::from(*outside) + u64::from(*length)
        };
        map.iter().find(holds).map(|[inside, outside, _]| inside + (first - outside))
    }

    /// Whether a container without an id map of its own has the group `gid`.
    pub fn has_gid(&self, gid: u32) -> bool {
        let holds = |[inside, _, count]: &[u32; 3]| gid >= *inside && gid - inside < *count;
        self.gid_map.is_empty() || self.gid_map.iter().any(holds)
    }

    /// Whether the kernel is at least `major.minor`.
    pub fn at_least(&self, major: u32, minor: u32) -> bool {
        self.kernel >= Kernel { major, minor }
    }

    /// A machine with pure cgroup v2 and a current kernel: a fixture for tests and documentation.
    pub fn fixture_v2() -> Self {
        Self {
            kernel: Kernel { major: 6, minor: 12 },
            uid: 0,
            rootless: false,
            uid_map: Vec::new(),
            gid_map: Vec::new(),
            last_capability: 40,
            bounding: (1 << 41) - 1,
            cgroups: Cgroups::V2 {
                root: "/sys/fs/cgroup".to_owned(),
                controllers: ["cpuset", "cpu", "io", "memory", "pids"].map(str::to_owned).to_vec(),
            },
            covers: browndog_xml::covers::COVERS.to_vec(),
            context: Context::default(),
            makes_nodes: true,
            filtered: false,
            page_size: 4096,
            machine: "x86_64".to_owned(),
        }
    }

    /// A machine with every controller on version 1 beside an empty unified hierarchy.
    pub fn fixture_hybrid() -> Self {
        let controllers = ["cpu", "cpuset", "memory", "devices", "freezer", "blkio", "pids"];
        Self {
            cgroups: Cgroups::V1 {
                controllers: controllers
                    .iter()
                    .map(|name| ((*name).to_owned(), format!("/sys/fs/cgroup/{name}")))
                    .collect(),
                unified: Some("/sys/fs/cgroup/unified".to_owned()),
            },
            ..Self::fixture_v2()
        }
    }

    /// A plain user on a current machine, who becomes root of a user namespace with one id.
    pub fn fixture_rootless() -> Self {
        Self {
            uid: 1000,
            rootless: true,
            uid_map: vec![[0, 1000, 1]],
            gid_map: vec![[0, 1000, 1]],
            cgroups: Cgroups::None { reason: "control groups of the host belong to root".to_owned() },
            ..Self::fixture_v2()
        }
    }

    /// A Debian 11 machine: no mount_setattr(2), no CLOSE_RANGE_CLOEXEC.
    pub fn fixture_5_10() -> Self {
        Self { kernel: Kernel { major: 5, minor: 10 }, ..Self::fixture_v2() }
    }
}

/// CAP_SYS_ADMIN, number 21 (linux/capability.h).
const CAP_SYS_ADMIN: u64 = 1 << 21;

fn may_administer() -> bool {
    crate::sys::capget().is_ok_and(|sets| sets.effective & CAP_SYS_ADMIN != 0)
}

/// Whether the caller's user namespace maps every id to itself, as the initial one does: of that an administrator
/// learns in one call, anybody from the map.
fn has_every_id() -> bool {
    crate::sys::administers_machine()
        || crate::small_file("/proc/self/uid_map").is_ok_and(|map| maps_everything(&map))
}

fn maps_everything(map: &str) -> bool {
    map.split_ascii_whitespace().eq(["0", "0", "4294967295"])
}

/// CAP_CHECKPOINT_RESTORE (linux/capability.h): the newest one, since Linux 5.9.
const NEWEST: u8 = 40;

/// The highest capability that this kernel knows, asked for from the newest on.
fn last_known(is_known: impl Fn(u8) -> bool) -> u8 {
    if is_known(NEWEST) {
        (NEWEST..63).find(|number| !is_known(number + 1)).unwrap_or(63)
    } else {
        (0..NEWEST).rev().find(|number| is_known(*number)).unwrap_or(0)
    }
}

/// PR_CAPBSET_READ, which refuses capabilities that the kernel does not know. Forty such calls take a third of what
/// /proc/self/status takes.
fn in_bounding_set(number: u8) -> nix::Result<bool> {
    crate::sys::prctl(libc::PR_CAPBSET_READ, number.into(), 0, 0, 0).map(|has| has == 1)
}

/// Of the capabilities `asked` for, those in the caller's bounding set.
fn bounding_set(asked: u64, last: u8) -> u64 {
    let is_held = |number: &u8| asked & (1 << number) != 0 && in_bounding_set(*number) == Ok(true);
    (0..=last.min(63)).filter(is_held).fold(0, |set, number| set | 1 << number)
}

fn read_number_of<T: std::str::FromStr>(path: &str) -> Option<T> {
    crate::beginning_of::<32>(path).ok()?.trim().parse().ok()
}

fn parse_release(release: &str) -> Kernel {
    let mut parts = release.split(|c: char| !c.is_ascii_digit()).map(|part| part.parse().unwrap_or(0));
    Kernel { major: parts.next().unwrap_or(0), minor: parts.next().unwrap_or(0) }
}

/// Controllers that a domain can ask something of.
pub const CONTROLLERS: [&str; 7] = ["cpu", "cpuset", "memory", "devices", "freezer", "blkio", "pids"];

const CGROUP_ROOT: &str = "/sys/fs/cgroup";

fn is_type(path: &str, magic: nix::sys::statfs::FsType) -> bool {
    nix::sys::statfs::statfs(Path::new(path)).is_ok_and(|stat| stat.filesystem_type() == magic)
}

/// What a plain user has of control groups: the group of version 2 that it is in, where that was handed over
/// to it (cgroup-v2.rst, delegation), as systemd does below `user@UID.service`.
///
/// Its processes are in that group, so that controllers cannot be handed down from it: those that are
/// already, are there.
fn probe_delegated() -> Cgroups {
    let none = || Cgroups::None { reason: "control groups of the host belong to root".to_owned() };
    let (root, whole) = match probe_cgroups() {
        Cgroups::V2 { root, .. } => (root, true),
        Cgroups::V1 { unified: Some(unified), .. } => (unified, false),
        _ => return none(),
    };
    let own = crate::small_file("/proc/self/cgroup").unwrap_or_default();
    let Some(own) = own.lines().find_map(|line| line.strip_prefix("0::/")) else { return none() };
    let root = format!("{root}/{own}").trim_end_matches('/').to_owned();
    let mine = |path: &str| nix::unistd::eaccess(path, nix::unistd::AccessFlags::W_OK).is_ok();
    if !mine(&root) || !mine(&format!("{root}/cgroup.procs")) {
        return none();
    }
    if !whole {
        return Cgroups::V1 { controllers: Vec::new(), unified: Some(root) };
    }
    let listed = crate::small_file(&format!("{root}/cgroup.subtree_control")).unwrap_or_default();
    Cgroups::V2 { root, controllers: listed.split_ascii_whitespace().map(str::to_owned).collect() }
}

fn probe_cgroups() -> Cgroups {
    use nix::sys::statfs::{CGROUP_SUPER_MAGIC, CGROUP2_SUPER_MAGIC};
    let first = if is_type(CGROUP_ROOT, CGROUP2_SUPER_MAGIC) { CGROUP_ROOT } else { "/sys/fs/cgroup/memory" };
    if nix::unistd::eaccess(first, nix::unistd::AccessFlags::W_OK) == Err(nix::errno::Errno::EROFS) {
        let reason =
            format!("control groups are mounted read-only here ({first}): an outer container does that");
        return Cgroups::None { reason };
    }
    if first == CGROUP_ROOT {
        let listed = crate::small_file(&format!("{CGROUP_ROOT}/cgroup.controllers")).unwrap_or_default();
        let controllers = listed.split_ascii_whitespace().map(str::to_owned).collect();
        return Cgroups::V2 { root: CGROUP_ROOT.to_owned(), controllers };
    }
    let controllers: Vec<(String, String)> = CONTROLLERS
        .iter()
        .map(|name| ((*name).to_owned(), [CGROUP_ROOT, "/", name].concat()))
        .filter(|(_, path)| is_type(path, CGROUP_SUPER_MAGIC))
        .collect();
    let unified = format!("{CGROUP_ROOT}/unified");
    let unified = is_type(&unified, CGROUP2_SUPER_MAGIC).then_some(unified);
    if controllers.is_empty() && unified.is_none() {
        return Cgroups::None { reason: format!("no control group file system at {CGROUP_ROOT}") };
    }
    Cgroups::V1 { controllers, unified }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn release_is_read_up_to_its_minor_number() {
        assert_eq!(parse_release("6.18.44-fc-v657"), Kernel { major: 6, minor: 18 });
        assert_eq!(parse_release("7.3.4+deb13-cloud-amd64"), Kernel { major: 7, minor: 3 });
    }

    #[test]
    fn the_bounding_set_is_the_one_that_proc_shows() {
        let status = fs::read_to_string("/proc/self/status").unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("CapBnd:")).unwrap();
        let shown = u64::from_str_radix(line.trim(), 16).unwrap();
        let last = fs::read_to_string("/proc/sys/kernel/cap_last_cap").unwrap();
        let host = Host::probe();
        assert_eq!((host.bounding, host.last_capability), (shown, last.trim().parse().unwrap()));
        assert_eq!(bounding_set(0xFF, host.last_capability), shown & 0xFF);
    }

    #[test]
    fn what_an_administrator_learns_in_one_call_is_what_the_map_says() {
        let map = fs::read_to_string("/proc/self/uid_map").unwrap();
        if crate::sys::administers_machine() {
            assert!(maps_everything(&map) && may_administer(), "{map}");
        }
        let is_initial = fs::read_link("/proc/self/ns/user").unwrap().as_os_str() == "user:[4026531837]";
        // A filter may say no to an administrator, and nothing says yes to anybody else.
        assert!(is_initial || !crate::sys::administers_machine());
        assert_eq!(has_every_id(), maps_everything(&map));
    }

    #[test]
    fn older_and_newer_kernels_have_their_last_capability_found() {
        for last in 0..=63 {
            assert_eq!(last_known(|number| number <= last), last);
        }
        let calls = std::cell::Cell::new(0);
        let count = |number| {
            calls.set(calls.get() + 1);
            number <= NEWEST
        };
        assert_eq!((last_known(count), calls.get()), (NEWEST, 2));
        assert_eq!(last_known(|_| false), 0);
    }

    #[test]
    fn who_has_every_id_is_told_by_a_link_or_by_the_map() {
        let map = fs::read_to_string("/proc/self/uid_map").unwrap();
        assert_eq!(has_every_id(), maps_everything(&map));
    }

    #[test]
    fn only_the_initial_user_namespace_maps_everything() {
        assert!(maps_everything("         0          0 4294967295\n"));
        assert!(!maps_everything("         0       1000          1\n"));
    }
}
