//! The steps of a start. Each variant is one kernel effect, documented by its call.
//!
//! A step owns everything it needs (C strings, numbers, slots) so that the child performs it without
//! allocating and without deciding anything; a decision belongs in [`super::plan`].

use std::borrow::Cow;
use std::ffi::{CStr, CString};

use nix::sys::resource::Resource;

use super::context::Reset;
use super::device_policy::Rule;
use crate::sys::{CapSets, Instruction, MountAttr, StringArray};

pub use super::cgroup::ReadBack;
pub use super::path::{Beneath, TargetKind};
pub(crate) use super::path::{c_owned, c_string};

/// A place in the descriptor table that the launcher and the child share.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Slot(pub u16);

/// Where the stage is: a directory of every host, and one that every container covers with its own.
pub const STAGE: &str = "/dev";

/// One step between clone and exec. A start has a hundred of them, mostly small ones: what is large is boxed.
#[derive(Clone, Debug)]
pub enum ChildStep {
    /// `write(slot, "0")`: enters a cgroup v1 group through its `tasks` (cgroups(7)): the child is one thread,
    /// and for a thread that moves itself the kernel need not stop all others, which takes a grace period of
    /// RCU, milliseconds (cgroup_procs_write_start, since Linux 5.5).
    JoinCgroup {
        /// The open `tasks`.
        tasks: Slot,
        /// Which controller, for messages.
        controller: &'static str,
    },
    /// `unshare(CLONE_NEWCGROUP)`: the groups joined become the roots the container sees.
    UnshareCgroup,
    /// `read(go)`: waits until the launcher has written the id maps or moved the interfaces.
    AwaitGo,
    /// `setresgid(0,0,0); setresuid(0,0,0)`: root of the new user namespace.
    BecomeRoot,
    /// `setns(slot, kind)`: joins a namespace that another domain or process has.
    JoinNamespace {
        /// The open namespace.
        slot: Slot,
        /// CLONE_NEWNET, CLONE_NEWIPC or CLONE_NEWUTS.
        kind: i32,
    },
    /// `setns(slot, CLONE_NEWNS); unshare(CLONE_NEWNS)`: a copy of the empty base mount namespace, where
    /// CLONE_NEWNS at clone would copy the launcher's, dearer with every mount of the host.
    EnterBase {
        /// The base namespace.
        base: Slot,
    },
    /// `fchdir(root); chroot(".")`: into the only tree that the namespace has beside its empty base.
    EnterRoot,
    /// `mount(NULL, "/", NULL, MS_REC|MS_PRIVATE)`: nothing done here reaches the host (mount_namespaces(7)).
    MakePrivate,
    /// `mount(NULL, target, NULL, MS_REC|MS_PRIVATE)`: an attached copy of a host's mount is its peer no more.
    Sever {
        /// Path in the container.
        target: Beneath,
    },
    /// `open_tree(AT_FDCWD, path, OPEN_TREE_CLONE|AT_RECURSIVE)` in the child's own mount namespace.
    CloneHostTree {
        /// Path on the host.
        path: CString,
        /// Where the detached tree goes.
        into: Slot,
    },
    /// `move_mount(slot, "", AT_FDCWD, "/")`: the root tree goes on top of the copied one.
    AttachRoot {
        /// The detached tree.
        tree: Slot,
    },
    /// `umount2(path, MNT_DETACH)`: the host's own instance below a shared root.
    DetachBelow {
        /// Path in the container.
        target: Beneath,
    },
    /// `mkdirat`/`openat` beneath the root, one component at a time, nothing where it exists.
    MakeTarget {
        /// Path in the container.
        target: Beneath,
        /// Directory or file.
        kind: TargetKind,
    },
    /// `mount(fstype, ".", fstype, flags, data)` on a target opened beneath the root.
    MountNew {
        /// Filesystem type.
        fstype: &'static CStr,
        /// Path in the container.
        target: Beneath,
        /// MS_* flags.
        flags: u64,
        /// Options.
        data: Option<CString>,
    },
    /// `open_tree(source beneath root, OPEN_TREE_CLONE|AT_RECURSIVE)`.
    CloneTree {
        /// Path in the container.
        source: Beneath,
        /// Where the detached tree goes.
        into: Slot,
    },
    /// `mount_setattr(slot, "", AT_EMPTY_PATH|AT_RECURSIVE, attr)`: before the tree can be reached.
    Restrict {
        /// The detached tree.
        tree: Slot,
        /// Attributes.
        attr: MountAttr,
    },
    /// `move_mount(slot, "", target)`: a detached tree goes beneath the root.
    Attach {
        /// The detached tree.
        tree: Slot,
        /// Path in the container.
        target: Beneath,
    },
    /// `mount_setattr(target, AT_RECURSIVE, attr)` on a mount beneath the root.
    SetAttr {
        /// Path in the container.
        target: Beneath,
        /// Attributes.
        attr: MountAttr,
        /// With everything mounted below it.
        recursive: bool,
    },
    /// `mount(NULL, ".", NULL, MS_REMOUNT|MS_BIND|flags)`: SetAttr for kernels before 5.12.
    Remount {
        /// Path in the container.
        target: Beneath,
        /// MS_* flags.
        flags: u64,
    },
    /// `fstatfs(target).f_flags`: reads back what was asked for; EROFS's opposite stops the start.
    Verify {
        /// Path in the container.
        target: Beneath,
        /// ST_* flags that must be set.
        flags: u64,
    },
    /// `mkdirat(target, mode)` beneath the root, new.
    MakeDir {
        /// Path in the container.
        target: Beneath,
        /// Mode.
        mode: u32,
    },
    /// `mknodat(target, mode, dev)` beneath the root.
    MakeNode {
        /// Path in the container.
        target: Beneath,
        /// S_IFCHR or S_IFBLK, and permissions.
        mode: u32,
        /// Device number.
        device: u64,
    },
    /// `symlinkat(value, target)` beneath the root.
    MakeLink {
        /// What the link says.
        value: Cow<'static, CStr>,
        /// Path in the container.
        target: Beneath,
    },
    /// `write(open(target, O_TRUNC))` beneath the root: a file of ours on a tmpfs of ours.
    WriteFile {
        /// Path in the container.
        target: Beneath,
        /// Contents.
        contents: Vec<u8>,
        /// Must exist already (a sysctl).
        existing: bool,
    },
    /// `fchdir(root); pivot_root(".", ".")`: pivot_root(2).
    Pivot,
    /// `umount2(".", MNT_DETACH); chdir("/")`: the host's tree is out of reach for good.
    DetachOldRoot,
    /// `sethostname(name)`.
    SetHostname {
        /// Name.
        name: CString,
    },
    /// `ioctl(SIOCSIFFLAGS, lo, IFF_UP)`.
    LoopbackUp,
    /// `setrlimit(resource, soft, hard)`.
    SetLimit {
        /// RLIMIT_*.
        resource: Resource,
        /// Its name.
        name: &'static str,
        /// Soft.
        soft: u64,
        /// Hard.
        hard: u64,
    },
    /// `set_mempolicy(mode, nodes)` (set_mempolicy(2)).
    SetMemoryPolicy {
        /// MPOL_PREFERRED or MPOL_INTERLEAVE.
        mode: i32,
        /// Its name.
        name: &'static str,
        /// Which nodes.
        nodes: Box<crate::sys::memory::Nodes>,
    },
    /// Puts a state of the caller's back to what the kernel starts with.
    Reset(Reset),
    /// `unshare(CLONE_NEWTIME)`: exec enters it (time_namespaces(7)).
    UnshareTime,
    /// `setsid()`.
    NewSession,
    /// `ioctl(slot, TIOCSCTTY)`; dup onto 0, 1, 2.
    TakeTerminal {
        /// The terminal.
        terminal: Slot,
    },
    /// `dup3` onto 0, 1 and 2.
    TakeStreams {
        /// Input, output, error.
        streams: [Slot; 3],
    },
    /// `personality(persona)`.
    SetPersonality {
        /// PER_*.
        persona: u64,
    },
    /// `umask(mask)`.
    SetUmask {
        /// Mask.
        mask: u32,
    },
    /// `chdir(path)` in the container.
    ChangeDir {
        /// Path.
        path: CString,
    },
    /// `prctl(PR_CAPBSET_DROP)` for every capability not kept.
    DropBounding {
        /// Mask of capabilities that stay.
        keep: u64,
        /// Highest capability of this kernel.
        last: u8,
    },
    /// `setgroups(groups)`.
    SetGroups {
        /// Supplementary groups.
        groups: Vec<u32>,
    },
    /// `setresgid(gid, gid, gid)`.
    SetGid {
        /// Group id in the container.
        gid: u32,
    },
    /// `setresuid(uid, uid, uid)`.
    SetUid {
        /// User id in the container.
        uid: u32,
    },
    /// `prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL)`.
    ClearAmbient,
    /// `capset(sets)`.
    SetCapabilities {
        /// The exact sets.
        sets: CapSets,
    },
    /// `prctl(PR_SET_NO_NEW_PRIVS, 1)`.
    NoNewPrivs,
    /// `seccomp(SECCOMP_SET_MODE_FILTER)`.
    Seccomp {
        /// The program.
        program: Cow<'static, [Instruction]>,
        /// What it is, for people.
        profile: &'static str,
    },
    /// `prctl(PR_SET_PDEATHSIG, SIGKILL)`, then looks whether the launcher is gone already.
    TieToLauncher,
    /// The actions of all signals to default, and none blocked (signal(7), sigprocmask(2)).
    ResetSignals,
    /// `close_range(3, ~0, CLOSE_RANGE_CLOEXEC)`: no descriptor of the host passes exec.
    CloseFds {
        /// CLOSE_RANGE_* flags that this kernel knows.
        flags: u32,
    },
    /// `execve(path, argv, env)`.
    Exec {
        /// Paths to try, in order; more than one only for a name looked up in PATH.
        paths: Vec<CString>,
        /// argv.
        argv: Box<StringArray>,
        /// Environment.
        env: Box<StringArray>,
    },
    /// `execveat(slot, "", argv, env, AT_EMPTY_PATH)`: the built-in PID 1, from a read-only mount.
    ExecBuiltInInit {
        /// The program.
        program: Slot,
        /// argv.
        argv: Box<StringArray>,
        /// Environment.
        env: Box<StringArray>,
    },
}

/// One step of the launcher, on the host.
#[derive(Clone, Debug)]
pub enum HostStep {
    /// `mkdir(path)`; undone by `rmdir`.
    MakeCgroup {
        /// Absolute path of the group's directory.
        path: String,
        /// A partition: may exist already, and stays while others use it.
        shared: bool,
    },
    /// `write(path, value)`, then read back.
    SetCgroup {
        /// Absolute path of the file.
        path: String,
        /// What is written.
        value: String,
        /// How it is read back.
        check: ReadBack,
    },
    /// Copies `cpuset.cpus` and `cpuset.mems` of the parent into a group where they are empty (cpuset(7)).
    InheritCpuset {
        /// The group above.
        parent: String,
        /// Absolute path of the group's directory.
        path: String,
    },
    /// `chown` of the group's directory and of the files that a delegatee writes (cgroup-v2.rst).
    DelegateCgroup {
        /// Absolute path of the group's directory.
        path: String,
        /// User id on the host.
        uid: u32,
        /// Group id on the host.
        gid: u32,
    },
    /// `open(path)` into a slot: a cgroup directory or, in version 1, its `tasks`.
    OpenCgroup {
        /// Absolute path.
        path: String,
        /// Where it goes.
        slot: Slot,
        /// A directory (CLONE_INTO_CGROUP) or a file that is written.
        directory: bool,
    },
    /// `open_tree(source, OPEN_TREE_CLONE|AT_RECURSIVE)`: a detached copy of a surveyed source.
    CloneTree {
        /// The surveyed source.
        source: Slot,
        /// Where the detached tree goes.
        into: Slot,
    },
    /// `mount_setattr(tree, AT_RECURSIVE, attr)`: before anyone can reach the tree.
    Restrict {
        /// The detached tree.
        tree: Slot,
        /// Attributes.
        attr: MountAttr,
    },
    /// `ioctl(loop, LOOP_CONFIGURE)`: a block device that goes with its last user.
    AttachLoop {
        /// The surveyed image.
        image: Slot,
        /// Opened, and configured, read-only.
        readonly: bool,
        /// Where the open loop device goes.
        into: Slot,
    },
    /// `fsopen(fstype)`, `fsconfig(source = device)`, `fsmount`: a detached tree of a device's file system.
    MountDevice {
        /// The surveyed or the loop device.
        device: Slot,
        /// The kernel's name of the file system.
        fstype: CString,
        /// Superblock and mount.
        readonly: bool,
        /// Where the detached tree goes.
        into: Slot,
    },
    /// `devices.deny`, `devices.allow` and `devices.list` (version 1), or `bpf(BPF_PROG_ATTACH)` (version 2):
    /// no device but these opens in the group.
    LimitDevices {
        /// Absolute path of the group's directory.
        path: String,
        /// Everything that is allowed.
        rules: Vec<Rule>,
        /// As the program of version 2; as a list without.
        program: Option<Vec<u64>>,
        /// The same program, where the base has it loaded already.
        ready: Option<Slot>,
    },
    /// `mount_setattr(tree, AT_RECURSIVE, MOUNT_ATTR_IDMAP)`: an id on the file system is that id in the container.
    MapTree {
        /// The detached tree.
        tree: Slot,
    },
    /// `unshare(CLONE_NEWNS)`, a shared tmpfs at [`STAGE`]: flags of what is copied from there are locked.
    EnterStage,
    /// `write(/proc/CHILD/oom_score_adj, 0)`: with an id map the file is not the child's to open (proc(5)).
    ResetOomScore,
    /// `move_mount(tree, STAGE/…)`: the child's copy of the stage gets the tree too.
    ShowTree {
        /// The detached tree.
        tree: Slot,
        /// Where on the stage.
        at: String,
        /// What the mount point is.
        kind: TargetKind,
    },
    /// `mount(NULL, at, NULL, MS_REMOUNT|MS_BIND|flags)` on the stage, for kernels before 5.12.
    RestrictShown {
        /// Where on the stage.
        at: String,
        /// MS_* flags.
        flags: u64,
    },
    /// `setns(host, CLONE_NEWNS)`: back; the stage goes with its namespace.
    LeaveStage,
    /// `mkdirat` or `openat(O_CREAT)` beneath the root's source, where it is missing; undone after.
    MakeTarget {
        /// The surveyed root directory.
        root: Slot,
        /// Path in the container.
        target: Beneath,
        /// Directory or file.
        kind: TargetKind,
    },
    /// A file on a tmpfs of its own, detached: `fsopen`, `fsmount`, `openat`, `open_tree`.
    MakeFileTree {
        /// Contents.
        contents: String,
        /// Where the detached tree goes.
        into: Slot,
    },
    /// A copy of a program in memory that nobody can change: `memfd_create`, `fcntl(F_ADD_SEALS)`.
    SealProgram {
        /// The surveyed program.
        source: Slot,
        /// Where the copy goes.
        into: Slot,
    },
    /// A devpts instance, detached: `fsopen`, `fsmount` (devpts in mount(8)).
    MakePts {
        /// Where the detached tree goes.
        into: Slot,
        /// The group of its terminals, as the host sees it.
        gid: Option<u32>,
    },
    /// Opens a console's terminal: master kept by the launcher, slave into a slot (pts(4)).
    OpenConsole {
        /// Index of the console.
        index: usize,
        /// The devpts instance.
        pts: Slot,
        /// Who owns it, as the host sees it, where that is not the launcher.
        owner: Option<u32>,
        /// Where the slave goes.
        slot: Slot,
    },
    /// `prctl(PR_SET_DUMPABLE, 0)`: no process of the container may look into ours, or at its program.
    Hide,
    /// `setns(of, kind)` for the time of the clone: what the launcher clones is born in there (setns(2)).
    Share {
        /// A pidfd, or the namespace's file.
        of: Slot,
        /// CLONE_NEWNET, CLONE_NEWIPC or CLONE_NEWUTS.
        kind: i32,
    },
    /// `setns(pidfd, kinds)` of the launcher: what it clones from here on is in there (setns(2)).
    EnterNamespaces {
        /// The process whose namespaces they are.
        of: Slot,
        /// CLONE_NEW* flags.
        kinds: i32,
    },
    /// Writes `/proc/PID/uid_map`, `gid_map` (user_namespaces(7)).
    WriteIdMaps {
        /// `inside outside count` lines.
        uid: crate::exec::rootless::Map,
        /// The same for groups.
        gid: crate::exec::rootless::Map,
    },
    /// `mount(/proc/CHILD/ns/net, /run/browndog-netns/INSTANCE, MS_BIND)`: undone when its devices are back.
    PinNetwork {
        /// The start.
        instance: String,
    },
    /// Makes a network interface and moves it into the container (rtnetlink(7)).
    AddInterface(Box<crate::net::Link>),
    /// Bounds one direction of a link at its end on the host (tc(8)), then reads the bound back.
    LimitInterface(crate::net::Limit),
    /// `write(go)`: the child goes on.
    Go,
}
