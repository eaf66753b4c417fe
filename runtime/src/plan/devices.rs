//! `/dev`: a small tmpfs with the nodes every program expects, a pseudo-terminal instance, shared
//! memory, message queues, and the nodes the document names.

use std::borrow::Cow;
use std::collections::HashSet;
use std::ffi::CStr;

use browndog_xml::domain::Origin;
use nix::libc;

use super::build::Builder;
use super::mounts::{ATTR_NOEXEC, ATTR_NOSUID, RESTRICT, mount_kernel, mount_new, sever};
use super::step::{Beneath, ChildStep, HostStep, Kernel, Slot, TargetKind};
use crate::path::at;
use crate::survey::devices::declared as declared_in;
use crate::survey::{Kind, NODES, Purpose};
use crate::sys::MountAttr;

pub(super) const DEV: Origin = Origin::Default("every container gets its own /dev");
pub(super) const AFTER_DEV: &str = "after /dev is there to hold it";

/// Links of every container: the step, where the link is, what it says.
const LINKS: [((&str, Beneath), &CStr); 5] = [
    (at!("link", "dev", "fd"), c"/proc/self/fd"),
    (at!("link", "dev", "stdin"), c"/proc/self/fd/0"),
    (at!("link", "dev", "stdout"), c"/proc/self/fd/1"),
    (at!("link", "dev", "stderr"), c"/proc/self/fd/2"),
    (at!("link", "dev", "ptmx"), c"pts/ptmx"),
];

/// Directories for what is mounted in it.
const DIRS: [(&str, Beneath); 3] =
    [at!("make-dir", "dev", "pts"), at!("make-dir", "dev", "shm"), at!("make-dir", "dev", "mqueue")];

/// The group `tty` of every Linux distribution: owner of a terminal's group side.
pub(super) const TTY_GID: u32 = 5;

/// Most terminals of one container (`max=` of devpts). Together, containers have what is left of
/// `kernel.pty.max` without `kernel.pty.reserve`, which the kernel keeps for instances that were mounted in the
/// host's first mount namespace: theirs never are.
const PTS_MAX: u32 = 1024;

/// Fills `/dev`.
pub(super) fn populate(b: &mut Builder<'_>) {
    let flags = libc::MS_NOSUID | libc::MS_NOEXEC | libc::MS_STRICTATIME;
    let why = "after /proc: the order is free, but before the nodes";
    let data = Some("mode=0755,size=64k,nr_inodes=1k");
    mount_kernel(b, ("mount:/dev", Kernel::Dev), c"tmpfs", flags, data, DEV, why);
    nodes(b);
    for ((id, target), value) in LINKS {
        b.child(id, ChildStep::MakeLink { value: Cow::Borrowed(value), target }, DEV, AFTER_DEV);
    }
    for (id, target) in DIRS {
        b.child(id, ChildStep::MakeDir { target, mode: 0o755 }, DEV, AFTER_DEV);
    }
    let gid = if b.host.has_gid(TTY_GID) && maps_gid(b, TTY_GID) { ",gid=5" } else { "" };
    let options = format!("ptmxmode=0666,mode=0620,max={PTS_MAX}{gid}");
    let no_exec = libc::MS_NOSUID | libc::MS_NOEXEC;
    let why =
        "an instance of its own, in its own mount namespace: the host's reserve of terminals is not for it";
    let (id, target) = at!("mount", "dev", "pts");
    // Held where terminals of it are opened for the launcher.
    let into = (super::console::count(b) > 0).then(|| b.slot(super::console::PTS));
    let data = Some(super::step::c_string(&options));
    b.child(id, ChildStep::MountNew { fstype: c"devpts", target, flags: no_exec, data, into }, DEV, why);
    let why = "POSIX shared memory (shm_overview(7))";
    mount_new(
        b,
        at!("mount", "dev", "shm"),
        c"tmpfs",
        no_exec | libc::MS_NODEV,
        Some("mode=1777,size=65536k"),
        DEV,
        why,
    );
    match &b.domain.share.ipc {
        Some(shared) if b.user_namespace => {
            let message =
                "there is no /dev/mqueue: the queues are another's, and so is the right to mount them";
            b.note(
                shared.origin,
                message,
                "mq_open(3) works; remove <idmap> or <lxc:shareipc> to see them as files",
            );
        }
        _ => {
            let why = "POSIX message queues of its own IPC namespace (mq_overview(7))";
            mount_new(b, at!("mount", "dev", "mqueue"), c"mqueue", no_exec | libc::MS_NODEV, None, DEV, why);
        }
    }
    super::console::populate(b);
    declared(b);
}

fn maps_gid(b: &Builder<'_>, gid: u32) -> bool {
    b.domain.idmap.as_ref().is_none_or(|idmap| {
        idmap.gid.iter().any(|range| range.value.start <= gid && gid - range.value.start < range.value.count)
    })
}

fn nodes(b: &mut Builder<'_>) {
    for (index, (name, major, minor)) in NODES.iter().enumerate() {
        let target = ["/dev/", name].concat();
        if binds_nodes(b) {
            bind_node(b, Purpose::Node(index), &target, DEV);
        } else {
            let step = ChildStep::MakeNode {
                target: Beneath::new(&target),
                mode: libc::S_IFCHR | 0o666,
                device: libc::makedev(*major, *minor),
            };
            b.child(("node", target), step, DEV, AFTER_DEV);
        }
    }
}

/// mknod(2) makes nodes that can be opened only for root of the initial user namespace.
fn binds_nodes(b: &Builder<'_>) -> bool {
    b.host.rootless || b.user_namespace || !b.host.makes_nodes
}

fn bind_node(b: &mut Builder<'_>, purpose: Purpose, target: &str, origin: Origin) {
    let Some(source) = b.source(purpose) else { return };
    let why = "where a node cannot be made, as in a user namespace, the host's can be shown";
    bind_slot(b, source, target, origin, why);
}

/// Binds what is open in `source` onto a file of `/dev`.
fn bind_slot(b: &mut Builder<'_>, source: Slot, target: &str, origin: Origin, why: &'static str) {
    let into = b.slot(["tree of ", target].concat());
    b.host_step(("clone-tree", target), HostStep::CloneTree { source, into }, origin, why);
    let restrictable = b.host.at_least(5, 12);
    if restrictable {
        let attr_set = ATTR_NOSUID | ATTR_NOEXEC;
        let attr = MountAttr { attr_set, propagation: libc::MS_PRIVATE, ..MountAttr::default() };
        b.host_step(("restrict", target), HostStep::Restrict { tree: into, attr }, origin, RESTRICT);
    }
    attach_file(b, into, target, origin, why);
    if !restrictable {
        sever(b, into, target);
    }
}

/// Binds a single file onto a target that is made for it.
pub(super) fn attach_file(b: &mut Builder<'_>, tree: Slot, target: &str, origin: Origin, why: &'static str) {
    let beneath = Beneath::new(target);
    let step = ChildStep::MakeTarget { target: beneath.clone(), kind: TargetKind::File };
    b.child(("make-target", target), step, origin, AFTER_DEV);
    b.child(("attach", target), ChildStep::Attach { tree, target: beneath }, origin, why);
}

/// The nodes that the document names.
fn declared(b: &mut Builder<'_>) {
    let declared = declared_in(b.domain);
    let mut made = if declared.is_empty() { HashSet::new() } else { b.made() };
    for (index, device) in declared.into_iter().enumerate() {
        let Some(found) = b.survey.get(Purpose::Device(index)) else { continue };
        let (mode, number) = match (found.kind, device.block) {
            (Ok(Kind::Block(number)), true) => (libc::S_IFBLK, number),
            (Ok(Kind::Char(number)), false) => (libc::S_IFCHR, number),
            (Ok(_), block) => {
                let kind = if block { "block" } else { "character" };
                let message = format!("{} is not a {kind} device", found.path);
                let help = "storage and disk take a block device, misc a character device";
                b.problem(device.origin, message, help);
                continue;
            }
            // Said already.
            (Err(_), _) => continue,
        };
        let target = device.target.unwrap_or_else(|| found.path.clone());
        if !target.starts_with("/dev/") || target.contains("/../") || !made.insert(target.clone()) {
            let message = format!("no node can be made at {target}: it is not below /dev, or there already");
            b.problem(device.origin, message, "give each device a path of its own below /dev");
            continue;
        }
        if binds_nodes(b) {
            bind_node(b, Purpose::Device(index), &target, device.origin);
            continue;
        }
        let beneath = Beneath::new(&target);
        let dir = beneath.parent();
        if dir.shown() != "/dev" {
            let step = ChildStep::MakeTarget { target: dir, kind: TargetKind::Directory };
            b.child(("make-target", &target), step, device.origin, AFTER_DEV);
        }
        let step = ChildStep::MakeNode { target: beneath, mode: mode | 0o660, device: number };
        b.child(("node", target), step, device.origin, AFTER_DEV);
    }
}
