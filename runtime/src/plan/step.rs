//! The steps of a start. Each variant is one kernel effect, documented by its call.
//!
//! A step owns everything it needs (C strings, numbers, slots) so that the child performs it without
//! allocating and without deciding anything; a decision belongs in [`super::plan`].

use std::borrow::Cow;
use std::ffi::{CStr, CString};

use nix::sys::resource::Resource;

use super::context::Reset;
use crate::sys::{CapSets, Instruction, MountAttr, StringArray};

pub use super::cgroup::ReadBack;
pub use super::host_step::HostStep;
pub use crate::path::{Beneath, Kernel, Place, Slot, TargetKind};
pub(crate) use crate::path::{c_bytes, c_owned, c_string};

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
    /// `write(says, number of the root's mount); read(go)`: everything is mounted, and waits to be locked.
    AskToLock,
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
    /// `mount(NULL, "/", NULL, MS_REC|MS_SLAVE)`: likewise, and what the launcher shows on the stage arrives.
    MakeSlave,
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
        /// Whether it is made as a directory or as a file.
        kind: TargetKind,
    },
    /// `mount(fstype, ".", fstype, flags, data)` on a target opened beneath the root. What later steps mean again is
    /// made first, and held: `fsopen`, `fsconfig`, `fsmount`, `move_mount`.
    MountNew {
        /// Filesystem type.
        fstype: &'static CStr,
        /// Path in the container.
        target: Beneath,
        /// MS_* flags.
        flags: u64,
        /// Options.
        data: Option<CString>,
        /// Where the mount is held.
        into: Option<Slot>,
    },
    /// `openat2(target)`, and a look whether it is the device (fstat(2)): held for what is made of it.
    Hold {
        /// Path in the container.
        target: Beneath,
        /// The number of the character device that it has to be; anything, only where [`super::mutate`] says so.
        device: Option<u64>,
        /// Where it is held.
        into: Slot,
    },
    /// `open_tree(slot, "", OPEN_TREE_CLONE|AT_RECURSIVE)`: another copy of what is held.
    CloneHeld {
        /// What is held.
        source: Slot,
        /// Where the detached tree goes.
        into: Slot,
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
    /// `write(openat2(target), contents)` on the container's own procfs.
    WriteFile {
        /// Path in the container.
        target: Beneath,
        /// Contents.
        contents: Vec<u8>,
    },
    /// `fchdir(root); pivot_root(".", ".")`: pivot_root(2).
    Pivot,
    /// `umount2(".", MNT_DETACH)`: the container's own tree as it was before it was locked, which lies on the host's.
    DetachUnlocked,
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
    /// `openat2(pts, "ptmx")`, `ioctl(TIOCGPTPEER)` in the container's own instance (pts(4)); the master
    /// side goes to the launcher (SCM_RIGHTS of unix(7)).
    OpenConsole {
        /// The devpts instance.
        pts: Slot,
        /// Index of the console.
        index: usize,
        /// Who owns it, in the container, where that is not its root.
        owner: Option<u32>,
        /// Where the slave side goes.
        slot: Slot,
    },
    /// `ioctl(slot, TIOCSCTTY)`; dup onto 0, 1, 2.
    TakeTerminal {
        /// The terminal.
        terminal: Slot,
    },
    /// `dup3` onto 0, 1 and 2.
    TakeStreams {
        /// Input, output, error; what is not given stays the caller's.
        streams: [Option<Slot>; 3],
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
    /// `fchdir(openat2(path, RESOLVE_IN_ROOT|RESOLVE_NO_MAGICLINKS))`, then a look whether that is inside (getcwd(2)).
    ChangeDir {
        /// Path.
        path: CString,
        /// RESOLVE_* of openat2(2).
        resolve: u64,
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
        /// What of it is lifted.
        lifted: super::seccomp::Lifted,
    },
    /// `prctl(PR_SET_PDEATHSIG, SIGKILL)`, then looks whether the launcher is gone already.
    TieToLauncher,
    /// The actions of all signals to default, and none blocked (signal(7), sigprocmask(2)).
    ResetSignals,
    /// `close_range(3, ~0)` around what stays until exec, none of which is a path's way to the host: the pipes to the
    /// launcher, and the sealed program of the built-in PID 1.
    CloseFds {
        /// CLOSE_RANGE_* flags: 0, since a descriptor that is only marked can still be reached.
        flags: u32,
        /// The program that is executed by its descriptor.
        keep: Option<Slot>,
    },
    /// Looks at the program and its interpreters while this process may still read what its user may not (openat2(2)).
    LookAtProgram {
        /// Paths to try, as at exec.
        paths: Vec<CString>,
        /// RESOLVE_* of openat2(2).
        resolve: u64,
    },
    /// `execve(path, argv, env)`, after the path and its interpreters are looked at (openat2(2)).
    Exec {
        /// Paths to try, in order; more than one only for a name looked up in PATH.
        paths: Vec<CString>,
        /// RESOLVE_* of openat2(2).
        resolve: u64,
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

/// The path of a step, in the kind of reference that the step is given in.
macro_rules! path_of {
    ($step:expr) => {
        match $step {
            Self::Sever { target }
            | Self::DetachBelow { target }
            | Self::MakeTarget { target, .. }
            | Self::MountNew { target, .. }
            | Self::Hold { target, .. }
            | Self::CloneTree { source: target, .. }
            | Self::Attach { target, .. }
            | Self::SetAttr { target, .. }
            | Self::Remount { target, .. }
            | Self::Verify { target, .. }
            | Self::MakeDir { target, .. }
            | Self::MakeNode { target, .. }
            | Self::MakeLink { target, .. }
            | Self::WriteFile { target, .. } => Some(target),
            _ => None,
        }
    };
}

impl ChildStep {
    /// The path of the container that it is about, where it is about one.
    pub fn path(&self) -> Option<&Beneath> {
        path_of!(self)
    }

    /// The same, to be changed.
    pub(super) fn path_mut(&mut self) -> Option<&mut Beneath> {
        path_of!(self)
    }
}
