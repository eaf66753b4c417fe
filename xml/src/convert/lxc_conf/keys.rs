//! Every key, and what becomes of it.

use super::build::{self, Build};
use super::parse::Line;
use super::{cgroup, mounts, net};

/// How a setting is carried.
pub(super) type Carry = fn(&mut Build<'_>, &Line);

/// What becomes of a key.
#[derive(Clone, Copy)]
pub(super) enum Use {
    /// Carried; the last one holds.
    Scalar(Carry),
    /// Carried; they add up.
    List(Carry),
    /// Always so in a container of the lxc dialect.
    Held,
    /// Not carried, for this reason.
    Lost(&'static str),
}

/// One key, or with a dot at the end all keys that begin so.
pub(super) struct Row {
    pub(super) key: &'static str,
    pub(super) usage: Use,
}

const fn row(key: &'static str, usage: Use) -> Row {
    Row { key, usage }
}

const HOOK: &str = "no program of the host runs when a container starts or ends";
const SIGNAL: &str = "which signal ends a container is said when it is ended, not in its document";
const LOG: &str = "what is logged is not part of a container's document";
const START: &str = "whether and when it starts by itself is not part of its document: browndog autostart";
const CONSOLE: &str =
    "where the console's output goes is not part of the document: browndog console, browndog logs";
const GROUP: &str = "where its control group is, is decided by <resource><partition>";
const MONITOR: &str = "there is no monitor that could be set up so";
const LSM: &str = "the profile is taken as it is; nothing is added to it";
const FILTER: &str = "a filter of one's own cannot be named: the default filter holds";

static ROWS: &[Row] = &[
    row("lxc.apparmor.allow_incomplete", Use::Lost(LSM)),
    row("lxc.apparmor.allow_nesting", Use::Lost(LSM)),
    row("lxc.apparmor.profile", Use::Scalar(build::apparmor)),
    row("lxc.apparmor.raw", Use::Lost(LSM)),
    row("lxc.arch", Use::Scalar(build::arch)),
    row("lxc.autodev", Use::Scalar(mounts::autodev)),
    row("lxc.autodev.tmpfs.size", Use::Lost("the size of /dev is fixed")),
    row("lxc.cap.drop", Use::List(build::cap_drop)),
    row("lxc.cap.keep", Use::List(build::cap_keep)),
    row("lxc.cgroup.", Use::List(cgroup::legacy)),
    row("lxc.cgroup.dir", Use::Lost(GROUP)),
    row("lxc.cgroup.dir.", Use::Lost(GROUP)),
    row("lxc.cgroup.relative", Use::Lost(GROUP)),
    row("lxc.cgroup2.", Use::List(cgroup::unified)),
    row("lxc.console.buffer.", Use::Lost(CONSOLE)),
    row("lxc.console.logfile", Use::Lost(CONSOLE)),
    row("lxc.console.path", Use::Scalar(build::console_path)),
    row("lxc.console.rotate", Use::Lost(CONSOLE)),
    row("lxc.console.size", Use::Lost(CONSOLE)),
    row("lxc.environment", Use::List(build::environment)),
    row("lxc.environment.", Use::Lost("there are no hooks, and one environment")),
    row("lxc.ephemeral", Use::Lost("a container that is not defined leaves nothing behind: browndog run")),
    row("lxc.execute.cmd", Use::Lost("it is for lxc-execute; what runs is lxc.init.cmd")),
    row("lxc.group", Use::Lost("there are no groups of containers")),
    row("lxc.hook.", Use::Lost(HOOK)),
    row("lxc.idmap", Use::List(build::idmap)),
    row("lxc.init.cmd", Use::Scalar(build::init_cmd)),
    row("lxc.init.cwd", Use::Scalar(build::init_cwd)),
    row("lxc.init.gid", Use::Scalar(build::init_gid)),
    row("lxc.init.groups", Use::Scalar(build::groups)),
    row("lxc.init.uid", Use::Scalar(build::init_uid)),
    row("lxc.keyring.session", Use::Lost("a session keyring is not chosen in the document")),
    row("lxc.kmsg", Use::Lost("there is no /dev/kmsg in a container")),
    row("lxc.log.", Use::Lost(LOG)),
    row("lxc.monitor.", Use::Lost(MONITOR)),
    row("lxc.mount.auto", Use::List(mounts::auto)),
    row("lxc.mount.entry", Use::List(mounts::entry)),
    row("lxc.mount.fstab", Use::Scalar(mounts::fstab)),
    row("lxc.namespace.clone", Use::Lost("which namespaces a container has follows from its document")),
    row("lxc.namespace.keep", Use::Scalar(net::keep)),
    row("lxc.namespace.share.", Use::Scalar(net::share)),
    row("lxc.net", Use::Held),
    row("lxc.net.", Use::List(net::setting)),
    row("lxc.no_new_privs", Use::Scalar(build::no_new_privs)),
    row("lxc.pivotdir", Use::Held),
    row("lxc.prlimit.", Use::Scalar(build::prlimit)),
    row("lxc.proc.", Use::Lost("files below /proc/PID are not written at the start")),
    row("lxc.pty.max", Use::Held),
    row("lxc.rootfs.backend", Use::Lost("the form of the path says what it is")),
    row("lxc.rootfs.managed", Use::Lost("no tool deletes a root file system on its own")),
    row("lxc.rootfs.mount", Use::Lost("where on the host the root is put together is not chosen")),
    row("lxc.rootfs.options", Use::Scalar(mounts::rootfs_options)),
    row("lxc.rootfs.path", Use::Scalar(mounts::rootfs)),
    row("lxc.sched.core", Use::Lost("core scheduling cannot be asked for")),
    row("lxc.seccomp.", Use::Lost(FILTER)),
    row("lxc.selinux.context", Use::Scalar(build::selinux)),
    row("lxc.selinux.context.keyring", Use::Lost(LSM)),
    row("lxc.signal.", Use::Lost(SIGNAL)),
    row("lxc.start.", Use::Lost(START)),
    row("lxc.sysctl.", Use::Scalar(build::sysctl)),
    row("lxc.time.offset.", Use::Scalar(build::time_offset)),
    row("lxc.tty.dir", Use::Lost("terminals stand in /dev")),
    row("lxc.tty.max", Use::Scalar(build::tty_max)),
    row("lxc.uts.name", Use::Scalar(build::uts_name)),
];

/// Keys of version 2 under the names of version 3.
pub(super) const OLD: &[(&str, &str)] = &[
    ("lxc.aa_allow_incomplete", "lxc.apparmor.allow_incomplete"),
    ("lxc.aa_profile", "lxc.apparmor.profile"),
    ("lxc.console", "lxc.console.path"),
    ("lxc.devttydir", "lxc.tty.dir"),
    ("lxc.haltsignal", "lxc.signal.halt"),
    ("lxc.id_map", "lxc.idmap"),
    ("lxc.init_cmd", "lxc.init.cmd"),
    ("lxc.init_gid", "lxc.init.gid"),
    ("lxc.init_uid", "lxc.init.uid"),
    ("lxc.logfile", "lxc.log.file"),
    ("lxc.loglevel", "lxc.log.level"),
    ("lxc.mount", "lxc.mount.fstab"),
    ("lxc.pts", "lxc.pty.max"),
    ("lxc.rebootsignal", "lxc.signal.reboot"),
    ("lxc.rootfs", "lxc.rootfs.path"),
    ("lxc.se_context", "lxc.selinux.context"),
    ("lxc.seccomp", "lxc.seccomp.profile"),
    ("lxc.stopsignal", "lxc.signal.stop"),
    ("lxc.syslog", "lxc.log.syslog"),
    ("lxc.tty", "lxc.tty.max"),
    ("lxc.utsname", "lxc.uts.name"),
];

/// The row of a key of version 3: its own, else the longest that it begins with.
pub(super) fn row_of(key: &str) -> Option<&'static Row> {
    let exact = ROWS.iter().find(|row| row.key == key);
    let begins = |row: &&Row| row.key.ends_with('.') && key.len() > row.key.len() && key.starts_with(row.key);
    exact.or_else(|| ROWS.iter().filter(begins).max_by_key(|row| row.key.len()))
}

/// Whether keys begin so: alone and empty, it takes all of them back.
pub(super) fn is_group(key: &str) -> bool {
    let below = |row: &Row| row.key.strip_prefix(key).is_some_and(|rest| rest.starts_with('.'));
    ROWS.iter().any(below)
}

/// The key that is meant by one whose beginning is misspelt: `lxc.group.devices.allow`.
pub(super) fn near_group(key: &str) -> Option<String> {
    let mut ends = key.match_indices('.').skip(1).map(|(at, _)| at);
    ends.find_map(|at| {
        let (begins, rest) = key.split_at(at);
        let groups = ROWS.iter().filter_map(|row| row.key.strip_suffix('.'));
        let near = crate::nearest::nearest(begins, groups)?;
        let whole = [near, rest].concat();
        row_of(&whole).is_some().then_some(whole)
    })
}

/// Every key, for suggestions.
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    ROWS.iter().map(|row| row.key)
}
