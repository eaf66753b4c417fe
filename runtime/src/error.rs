//! Why a domain did not start: the line that asked, the step, the call, the errno, and the way out.

use browndog_xml::domain::Origin;
use browndog_xml::limits;
pub use browndog_xml::report::Kind;
use browndog_xml::report::{Finding, render};
use browndog_xml::source::Source;
use nix::errno::Errno;

use crate::host::Host;
use crate::problem::Problem;

/// A start that failed. Nothing of it is left behind.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The document asks for what this host or browndog cannot do; nothing was tried.
    #[error("{} thing(s) cannot be done here", .0.len())]
    Refused(Vec<Problem>),
    /// A step failed.
    #[error("{}", .0)]
    Step(Box<FailedStep>),
    /// The launcher itself could not work (no memory, no descriptors).
    #[error("{what}: {errno}")]
    Launcher {
        /// What was tried.
        what: &'static str,
        /// Why not.
        errno: Errno,
    },
    /// The user namespace of a caller without privilege could not be entered.
    #[error("cannot set up a user namespace for uid {uid}: {what}: {errno}")]
    Rootless {
        /// The caller.
        uid: u32,
        /// What was tried.
        what: String,
        /// Why not.
        errno: Errno,
    },
    /// A program that is to enter a container that runs, and has not begun.
    #[error("{why}")]
    Entering {
        /// What it waited for.
        why: String,
        /// What to do.
        help: String,
        /// The signal that ended the wait.
        signal: Option<i32>,
    },
    /// A mutated plan outside a throw-away machine.
    #[error("{0}")]
    Mutation(String),
}

/// The step that failed.
#[derive(Clone, Debug)]
pub struct FailedStep {
    /// Where: `host`, `clone`, `attend` or `child`.
    pub stage: &'static str,
    /// Its number in the plan, from 1, and how many there are.
    pub number: (usize, usize),
    /// Its name.
    pub id: String,
    /// Its call, as in the printed plan.
    pub call: String,
    /// Who asked for it.
    pub origin: Origin,
    /// Why it failed.
    pub errno: Errno,
    /// What to do.
    pub hint: Option<String>,
}

impl std::fmt::Display for FailedStep {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (number, count) = self.number;
        write!(f, "{} step {number} of {count}, {}: {}", self.stage, self.id, self.call)?;
        if self.errno == Errno::ENOTRECOVERABLE && self.id.starts_with("verify:") {
            return write!(f, ": the kernel took the request, but the mount does not say so");
        }
        write!(f, " = {:?} ({})", self.errno, self.errno.desc())
    }
}

impl StartError {
    /// Exit status of `run` for this failure: 125, or what a shell says of a program that is not there
    /// (127) or cannot be executed (126).
    pub fn exit_code(&self) -> i32 {
        match self {
            Self::Step(step) if step.id == "exec" => match step.errno {
                Errno::ENOENT | Errno::ENOTDIR => 127,
                _ => 126,
            },
            Self::Entering { signal: Some(signal), .. } => 128 + signal,
            _ => 125,
        }
    }

    /// The error of a start as text: message, place in the document with the line itself, help.
    pub fn render(&self, domain: &str, source: &Source) -> String {
        self.render_as(Tried::START, domain, source)
    }

    /// The same in the words of another verb.
    pub fn render_as(&self, tried: Tried<'_>, domain: &str, source: &Source) -> String {
        let failed = |origin: Option<Origin>, help: Option<&str>| {
            draw(Kind::Error, &format!("{} '{domain}': {self}", tried.cannot), origin, help, source)
        };
        match self {
            Self::Refused(problems) => {
                let (before, after) = tried.nothing;
                let end = format!("{before}'{domain}'{after}");
                render_problems(Kind::Error, problems, source) + &draw(Kind::Error, &end, None, None, source)
            }
            Self::Step(step) => failed(Some(step.origin), step.hint.as_deref()),
            Self::Rootless { .. } => failed(None, Some(&crate::host::user_namespaces())),
            Self::Entering { help, .. } if !help.is_empty() => failed(None, Some(help)),
            _ => failed(None, None),
        }
    }
}

/// What was tried and has failed, in the words of its verb.
#[derive(Clone, Copy, Debug)]
pub struct Tried<'a> {
    /// Stands before the domain's name: `cannot start`.
    pub cannot: &'a str,
    /// Stands around the name in the line that ends a list of refusals.
    pub nothing: (&'a str, &'a str),
}

impl Tried<'_> {
    /// A start.
    pub const START: Self =
        Self { cannot: "cannot start", nothing: ("", " was not started; nothing was changed") };
    /// Another program in a container that runs.
    pub const EXECUTE: Self = Self { cannot: "cannot execute in", nothing: ("nothing was executed in ", "") };
}

/// Refusals or notes as text: the first [`limits::PROBLEMS`], and how many more there are.
pub fn render_problems(kind: Kind, problems: &[Problem], source: &Source) -> String {
    let shown = problems.iter().take(limits::PROBLEMS);
    let mut text: String = shown.map(|problem| render_problem(kind, problem, source)).collect();
    if let Some(more) = problems.len().checked_sub(limits::PROBLEMS).filter(|&more| more > 0) {
        text += &draw(kind, &format!("and {more} more of these"), None, None, source);
    }
    text
}

/// One refusal or note as text.
pub fn render_problem(kind: Kind, problem: &Problem, source: &Source) -> String {
    let help = Some(problem.help.as_str()).filter(|help| !help.is_empty());
    draw(kind, &problem.message, Some(problem.origin), help, source)
}

/// What `origin` asked for, with its place in the document; or whose default it is.
fn draw(kind: Kind, message: &str, origin: Option<Origin>, help: Option<&str>, source: &Source) -> String {
    let (span, default) = match origin {
        Some(Origin::Xml(span)) => (Some(span), None),
        Some(Origin::Default(reason)) => (None, Some(("asked for by default", reason))),
        None => (None, None),
    };
    let notes: Vec<(&str, &str)> = default.into_iter().chain(help.map(|help| ("help", help))).collect();
    render(&Finding { kind, code: None, message, span, labels: &[], notes: &notes }, source, false)
}

/// What to do about a step that failed with `errno`.
pub(crate) fn hint(id: &str, errno: Errno, host: &Host) -> Option<String> {
    match (id, errno) {
        ("clone", Errno::EPERM) if host.rootless => Some(crate::host::user_namespaces()),
        (id, Errno::EPERM | Errno::ENOSYS) if host.filtered => Some(match hint_of(id, errno) {
            Some(hint) => format!("{hint}; {FILTERED}"),
            None => FILTERED.to_owned(),
        }),
        _ => hint_of(id, errno),
    }
}

const FILTERED: &str = "a system call filter is on around browndog (Seccomp: 2 in /proc/self/status), as outer containers \
have one: it may be what refuses this call";

/// The same, whatever the machine.
pub(crate) fn hint_of(id: &str, errno: Errno) -> Option<String> {
    let text = match (id, errno) {
        ("exec", Errno::ENOENT) => {
            "no such program in the container (or the interpreter that its first line or ELF header names \
             is missing); correct <init>, or the root file system"
        }
        ("exec", Errno::EACCES) => {
            "the program is not executable, its file system is mounted noexec, it (or its interpreter) may not be read and \
             could not be looked at, or it leads to this program's own file on the host, which no container executes"
        }
        ("exec", Errno::EAGAIN) => {
            "somebody holds a lease on the program or an interpreter of it (fcntl(2), F_SETLEASE) and did not give it up: \
             it could not be looked at, and was not executed"
        }
        ("exec", Errno::ENOEXEC) => "not a program of this machine's architecture, and no script with #!",
        ("exec", Errno::ELOOP) => {
            "the program, or an interpreter that it names, is reached through a link of procfs to what a process has open \
             or runs (/proc/self/fd/3, /proc/self/exe), which is the host's way in: name the file itself"
        }
        ("exec", Errno::EXDEV) => {
            "what was executed is a file of the host's, by the host's mount: somebody has exchanged the program meanwhile"
        }
        ("change-dir", Errno::ELOOP | Errno::EXDEV) => {
            "the directory is reached through a link of procfs to what a process has open (/proc/self/fd/3), or lies \
             outside of the container: name a directory of the container itself"
        }
        ("mount:/proc" | "mount:/sys" | "attach:/sys" | "mount:/dev", Errno::ELOOP | Errno::ENOTDIR) => {
            "/proc, /sys and /dev must be ordinary directories in the root file system: replace the link or file by an \
             empty directory"
        }
        ("hold:/dev/null", Errno::ENODEV) => {
            "what stands at /dev/null of the container is not the null device"
        }
        (id, Errno::EXDEV) if is_about_a_place(id) => {
            "a link of the root file system or of a volume leads onto or below the container's own /proc, /sys or /dev: \
             replace the link, or name a place that is not the kernel's"
        }
        (id, Errno::EBUSY) if is_about_a_place(id) => {
            "a link of the root file system or of a volume leads onto the container's root itself, which would be hidden \
             by what is mounted there: replace the link by a directory, or name another place"
        }
        (id, Errno::ELOOP) if is_about_a_place(id) => {
            "there is a link on the way: below the container's /proc, /sys and /dev none is followed"
        }
        (id, Errno::EAGAIN) if is_about_a_place(id) => {
            "directories were renamed all the time while this place was looked up: end that, and start again"
        }
        ("change-dir", Errno::ENOTDIR) => "it is a file",
        ("change-dir", Errno::EACCES) => "the user that the program runs as may not enter it",
        ("set-uid" | "set-gid" | "set-groups", Errno::EINVAL) => {
            "this id has no place in the user namespace around us: see /proc/self/uid_map and gid_map"
        }
        ("set-uid" | "set-gid" | "set-groups", Errno::EPERM) => {
            "an outer container has taken CAP_SETUID or CAP_SETGID away"
        }
        (id, Errno::EPERM) if id.starts_with("node:") => {
            "an outer container has taken CAP_MKNOD away, or forbids this device"
        }
        (id, Errno::EPERM) if id.starts_with("add-interface") || id.starts_with("move-interface") => {
            "links need CAP_NET_ADMIN over the host's network: an outer container may have taken it away"
        }
        (id, Errno::EADDRNOTAVAIL) if id.starts_with("add-interface") => {
            "the kernel takes no such hardware address: not all zeros, and no group's"
        }
        (id, Errno::EROFS) if id.starts_with("make-cgroup") || id.starts_with("enable-controllers") => {
            "the control groups here are mounted read-only: an outer container does that"
        }
        (id, Errno::EPERM) if id.starts_with("set-rlimit") || id.starts_with("limit-resource") => {
            "above the caller's own hard limit, which only CAP_SYS_RESOURCE lifts: see ulimit -H"
        }
        ("change-dir", Errno::ENOENT) => "<initdir> names no directory of the container",
        ("clone", Errno::EPERM) => "start as root, with CAP_SYS_ADMIN",
        ("clone", Errno::ENOSPC) => {
            "a limit of namespaces is reached: see sysctl user.max_*_namespaces and how many containers run"
        }
        ("clone", Errno::ENOSYS) => "this kernel is older than 5.3, or a filter around us forbids clone3(2)",
        ("clone" | "await-go", Errno::EAGAIN) => "too many processes: see ulimit -u and pids.max",
        ("mount:/proc", Errno::EPERM) => {
            "the kernel wants to see a whole /proc before it makes one in a user namespace: something covers \
             parts of /proc here (an outer container does)"
        }
        ("pivot", Errno::EINVAL) => {
            "the root of this machine is an initramfs: move it onto a mount first (mount --move, chroot)"
        }
        (id, errno) if id.starts_with("set-cgroup:") => return Some(limit_hint(id, errno).to_owned()),
        (id, Errno::EACCES | Errno::EPERM) if id.starts_with("make-cgroup") || id == "make-leaf" => {
            "control groups belong to root: start as root, or ask for no limits"
        }
        (id, Errno::EEXIST) if id.starts_with("make-cgroup") || id == "make-leaf" => {
            "another start of this instance left it behind"
        }
        (id, Errno::EBUSY) if id.starts_with("enable-controllers") => {
            "processes sit in this group itself: the kernel hands controllers down from an inner group only \
             when it has none (cgroup-v2.rst, no internal process constraint)"
        }
        (id, Errno::ENOTDIR | Errno::EINVAL) if id.starts_with("attach") || id.starts_with("mount:") => {
            "source and target must both be directories, or both be files"
        }
        (id, Errno::ENOENT) if id.starts_with("attach") || id.starts_with("mount:") => {
            "the mount point is not there any more, or is hidden by what is mounted above it: look at the order of the \
             file systems in the document"
        }
        (id, Errno::ENOENT) if id.starts_with("clone-tree") => {
            "nothing of this name is in the container when its turn comes: look at the order of the file systems"
        }
        (id, Errno::EPERM) if id.starts_with("clone-tree") || id.starts_with("take-tree") => {
            "mounts here belong to an outer container, whose namespace root of this one does not administer: start \
             browndog with a mount namespace of its own (unshare -m)"
        }
        (id, Errno::EINVAL) if id.starts_with("clone-tree") => {
            "the mount is marked unbindable, or was taken away: findmnt -o TARGET,PROPAGATION shows it"
        }
        (id, Errno::ENOSPC) if id.starts_with("attach") || id.starts_with("clone-tree") => {
            "there are too many mounts: see sysctl fs.mount-max"
        }
        ("reset:keyring", Errno::EPERM | Errno::ENOSYS) => {
            "keyctl(2) is refused to browndog: an outer container's filter or a security module does that"
        }
        ("reset:keyring", Errno::EDQUOT) => "too many keys: see sysctl kernel.keys.root_maxkeys and maxkeys",
        ("set-time", Errno::ERANGE) => {
            "with this offset a clock would be before its beginning: take a smaller one"
        }
        ("mount-cgroup", Errno::EPERM | Errno::EBUSY) => {
            "control groups cannot be mounted here: an outer container covers or keeps them"
        }
        ("write-id-maps", Errno::EPERM) => {
            "the ids are not the caller's to give: start as root, or map ids of /etc/subuid and /etc/subgid"
        }
        (id, Errno::EPERM | Errno::EACCES) if id.starts_with("sysctl") => {
            "the kernel lets nobody of this user namespace change it"
        }
        ("seccomp" | "filter:privileged", Errno::EINVAL | Errno::ENOSYS) => {
            "this kernel has no system call filters (CONFIG_SECCOMP_FILTER): write <browndog:seccomp profile='none'/>"
        }
        ("filter:privileged", Errno::EACCES) => {
            "without no_new_privs the kernel takes a filter from CAP_SYS_ADMIN alone, which is not there"
        }
        (id, Errno::ELOOP) if id.starts_with("make-target") => {
            "links lead to each other there: name the place itself"
        }
        (id, Errno::ENOTDIR) if id.starts_with("make-target") => "something on the way to it is no directory",
        (id, Errno::EROFS) if id.starts_with("make-target") => {
            "the mount point is missing and the file system is read-only: create it in the root file system"
        }
        (id, Errno::EINVAL) if id.starts_with("sysctl") => "the kernel does not take this value",
        (id, Errno::ENOENT) if id.starts_with("sysctl") => "this kernel has no such setting in a container",
        (id, Errno::EINVAL | Errno::ENOSYS) if id.starts_with("restrict") => {
            "the file system of this mount cannot be restricted"
        }
        (id, Errno::EEXIST) if id.starts_with("add-interface") => {
            "an interface, an address or a route is there already: see ip link and ip addr"
        }
        (id, Errno::EOPNOTSUPP) if id.starts_with("add-interface") => {
            "this kernel has no driver for such a link: modprobe veth, bridge or macvlan"
        }
        (id, Errno::ENETUNREACH | Errno::EHOSTUNREACH) if id.starts_with("add-interface") => {
            "a gateway must be reachable: give the link an address of the gateway's network, or name the gateway as the \
             other end of an address of its own: <ip address='…' prefix='32' peer='GATEWAY'/>"
        }
        (id, Errno::EBUSY) if id.starts_with("add-interface") => {
            "the device serves another link already (a bridge's port, or a macvlan in passthrough mode)"
        }
        (id, Errno::EADDRINUSE) if id.starts_with("add-interface") => {
            "another macvlan of that device has this address, also 3 s later: give this one another <mac>, or end what has it"
        }
        (id, Errno::EADDRNOTAVAIL) if id.starts_with("add-interface") => {
            "no link can have such an address: correct <mac> or <ip>"
        }
        (id, Errno::EINVAL) if id.starts_with("add-interface") => {
            "the device takes no such link, also 3 s later: another container may have it in passthrough mode, or it has a \
             macvlan and this one is to be in passthrough mode; or an address or a gateway is none that a link can have"
        }
        (id, Errno::EINVAL) if id.starts_with("move-interface") => {
            "this device belongs to the host's network and cannot move (a bridge, or a wireless card)"
        }
        (id, Errno::ENOENT | Errno::EOPNOTSUPP) if id.starts_with("limit-inbound") => {
            "this kernel has no token bucket filter: modprobe sch_tbf, or remove <inbound>"
        }
        (id, Errno::ENOENT | Errno::EOPNOTSUPP) if id.starts_with("limit-outbound") => {
            "this kernel has no policer: modprobe sch_ingress, cls_u32 and act_police, or remove <outbound>"
        }
        (id, Errno::ERANGE) if id.starts_with("limit-inbound") || id.starts_with("limit-outbound") => {
            "the kernel took the bound and holds another: it would not be what the document says"
        }
        ("limit-devices", Errno::EPERM | Errno::ENOSYS | Errno::EINVAL) => {
            "the device policy of this machine needs bpf(2) with CAP_BPF and a kernel with CONFIG_CGROUP_BPF: an outer \
             container may forbid it"
        }
        ("limit-devices", Errno::ERANGE) => "the group's own policy is narrower: an outer container has one",
        (id, Errno::EINVAL) if id.starts_with("map-tree") => {
            "a file system below this directory cannot translate owners: unmount it, or shift its owners (chown)"
        }
        (id, Errno::ENOENT | Errno::ENODEV) if id.starts_with("attach-loop") => {
            "this machine has no loop devices: modprobe loop"
        }
        (id, Errno::ENODEV) if id.starts_with("mount-device") => {
            "the kernel has no driver for this file system: modprobe it, or look at /proc/filesystems"
        }
        (id, Errno::EBUSY) if id.starts_with("mount-device") => {
            "it is mounted elsewhere in another way, or another machine's device"
        }
        (id, Errno::EROFS | Errno::EACCES) if id.starts_with("mount-device") => {
            "the journal has to be replayed and the device is read-only: run fsck(8) on it"
        }
        ("write-id-maps", _) => "ids must be valid on the host, and ranges must not overlap",
        (_, errno) => return crate::advice::advice(errno).map(str::to_owned),
    };
    Some(text.to_owned())
}

fn is_about_a_place(id: &str) -> bool {
    let verb = id.split(':').next().unwrap_or_default();
    ["attach", "mount", "clone-tree", "make-target", "mask", "clone-mask", "hide-state", "sysctl", "node"]
        .contains(&verb)
}

/// What to do about a limit that the kernel does not take.
fn limit_hint(id: &str, errno: Errno) -> &'static str {
    match errno {
        Errno::ENOENT if id.contains("memsw") || id.contains("swap") => {
            "this kernel does not account swap: boot with swapaccount=1, or remove <swap_hard_limit>"
        }
        Errno::ENOENT if id.contains("weight") => {
            "this kernel shares no block device by weight: modprobe bfq, or remove <weight>"
        }
        Errno::ENOENT => "this kernel has no such limit",
        Errno::ENODEV => "the kernel limits whole disks only: see lsblk for their names",
        Errno::EACCES | Errno::ENOSPC if id.contains("cpuset") => {
            "the group above does not have these: see cpuset.cpus and cpuset.mems of the partition"
        }
        Errno::ERANGE => {
            "the kernel took the value and holds another: the limit would not be what the document says"
        }
        Errno::EINVAL => "the group above, or the kernel, does not allow this value",
        _ => "start as root, and see dmesg for what the kernel says",
    }
}
