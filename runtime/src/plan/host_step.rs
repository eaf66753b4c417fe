//! The steps of the launcher.

use std::ffi::{CStr, CString};

use super::cgroup::ReadBack;
use super::context::Own;
use super::device_policy::Rule;
use super::step::Slot;
use crate::path::{Beneath, TargetKind};
use crate::sys::MountAttr;

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
    /// `fsopen(fstype)`, `fsconfig(source = device, options)`, `fsmount(attrs)`: a detached tree of a device's file
    /// system.
    MountDevice {
        /// The surveyed or the loop device.
        device: Slot,
        /// The kernel's name of the file system.
        fstype: CString,
        /// Superblock and mount.
        readonly: bool,
        /// Options of the file system's own, as key and value.
        options: &'static [(&'static CStr, &'static CStr)],
        /// MOUNT_ATTR_* of the mount.
        attrs: u64,
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
    /// `unshare(CLONE_NEWNS)`, a shared tmpfs at [`super::step::STAGE`]: flags of what is copied from there are locked.
    EnterStage,
    /// `write(/proc/CHILD/oom_score_adj, 0)`: with an id map the file is not the child's to open (proc(5)).
    ResetOomScore,
    /// `write(/proc/self/FILE, VALUE)`: of the launcher itself, from which the child has it.
    ResetOwn(Own),
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
    /// `setns(host, CLONE_NEWNS); open(/proc/CHILD/ns/mnt)`: back; the stage stays for [`HostStep::LockMounts`].
    LeaveStage,
    /// `read(said)`: until the child has mounted everything.
    AwaitMounts,
    /// `setns(child); open_tree(root); setns(stage); move_mount(tree, STAGE/locked); setns(host)`: the child gets
    /// its own mounts back as a unit that it cannot take apart (mount_namespaces(7)).
    LockMounts,
    /// `write(go)`: the child goes on with what is locked.
    GoOn,
    /// `mkdirat` or `openat(O_CREAT)` beneath the root's source, where it is missing; undone after.
    MakeTarget {
        /// The surveyed root directory.
        root: Slot,
        /// Path in the container.
        target: Beneath,
        /// Whether it is made as a directory or as a file.
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
        uid: crate::idmap::Map,
        /// The same for groups.
        gid: crate::idmap::Map,
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
