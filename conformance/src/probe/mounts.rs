//! The mount table, and attempts to change it or to get around it.

use std::fs;
use std::os::unix::fs::MetadataExt;

use nix::errno::Errno;
use nix::mount::{MntFlags, MsFlags, mount, umount2};

use super::Params;
use super::identity::{close, errno_of};
use crate::facts::{Facts, spell};
use crate::sys::{Arg, attempt};

/// One line of mountinfo.
#[derive(Debug)]
pub(crate) struct Mount {
    /// Major and minor number of the file system.
    pub(crate) device: String,
    pub(crate) root: String,
    pub(crate) target: String,
    pub(crate) options: String,
    pub(crate) propagation: Vec<String>,
    pub(crate) kind: String,
    pub(crate) source: String,
    pub(crate) super_options: String,
}

/// Reads `/proc/PID/mountinfo` (proc_pid_mountinfo(5)).
pub(crate) fn table(pid: &str) -> Vec<Mount> {
    parse(&fs::read_to_string(format!("/proc/{pid}/mountinfo")).unwrap_or_default())
}

/// Its lines.
pub(crate) fn parse(text: &str) -> Vec<Mount> {
    text.lines()
        .filter_map(|line| {
            let (left, right) = line.split_once(" - ")?;
            let left: Vec<&str> = left.split(' ').collect();
            let mut right = right.split(' ');
            Some(Mount {
                device: (*left.get(2)?).to_owned(),
                root: (*left.get(3)?).to_owned(),
                target: (*left.get(4)?).to_owned(),
                options: (*left.get(5)?).to_owned(),
                propagation: left.get(6..)?.iter().map(|s| (*s).to_owned()).collect(),
                kind: right.next()?.to_owned(),
                source: right.next()?.to_owned(),
                super_options: right.next().unwrap_or_default().to_owned(),
            })
        })
        .collect()
}

pub(super) fn list(_params: &Params, facts: &mut Facts) {
    let mounts = table("self");
    facts.set("mount.targets", mounts.iter().map(|m| m.target.clone()).collect::<Vec<_>>());
    facts.set("mount.count", mounts.len());
    let shared: Vec<String> = mounts
        .iter()
        .filter(|m| m.propagation.iter().any(|p| p.starts_with("shared:")))
        .map(|m| m.target.clone())
        .collect();
    facts.set("mount.shared", shared);
    let slaves: Vec<String> = mounts
        .iter()
        .filter(|m| m.propagation.iter().any(|p| p.starts_with("master:")))
        .map(|m| m.target.clone())
        .collect();
    facts.set("mount.slaves", slaves);
    let kinds: std::collections::BTreeSet<String> = mounts.iter().map(|m| m.kind.clone()).collect();
    facts.set("mount.kinds", kinds.into_iter().collect::<Vec<_>>());
    for mount in &mounts {
        let name = |what: &str| format!("mount.{}.{what}", mount.target);
        facts.set(name("options"), mount.options.split(',').map(str::to_owned).collect::<Vec<_>>());
        facts.set(name("kind"), mount.kind.clone());
        facts.set(name("root"), mount.root.clone());
        facts.set(name("source"), mount.source.clone());
        facts.set(name("super"), mount.super_options.split(',').map(str::to_owned).collect::<Vec<_>>());
    }
    if let Ok(root) = fs::metadata("/") {
        facts.set("mount.root_device", root.dev());
        facts.set("mount.root_inode", root.ino());
    }
}

/// Attempts that a container without `CAP_SYS_ADMIN` has to see refused.
pub(super) fn attempts(_params: &Params, facts: &mut Facts) {
    const NONE: Option<&str> = None;
    let mut put =
        |name: &str, outcome: Result<(), Errno>| facts.set(format!("mount.try.{name}"), spell(outcome));
    put("tmpfs", mount(Some("none"), "/mnt", Some("tmpfs"), MsFlags::empty(), NONE));
    put("bind", mount(Some("/etc"), "/mnt", NONE, MsFlags::MS_BIND, NONE));
    let moved = mount(Some("/proc"), "/mnt", NONE, MsFlags::MS_MOVE, NONE);
    if moved.is_ok() {
        // What comes after this looks at it.
        put("move_back", mount(Some("/mnt"), "/proc", NONE, MsFlags::MS_MOVE, NONE));
    }
    put("move", moved);
    put("remount_root_rw", mount(NONE, "/", NONE, MsFlags::MS_REMOUNT | MsFlags::MS_BIND, NONE));
    put("remount_sys_rw", mount(NONE, "/sys", NONE, MsFlags::MS_REMOUNT | MsFlags::MS_BIND, NONE));
    put("remount_proc", mount(NONE, "/proc", NONE, MsFlags::MS_REMOUNT, NONE));
    put("make_shared", mount(NONE, "/", NONE, MsFlags::MS_SHARED | MsFlags::MS_REC, NONE));
    put("proc", mount(Some("proc"), "/mnt", Some("proc"), MsFlags::empty(), NONE));
    put("sysfs", mount(Some("sysfs"), "/mnt", Some("sysfs"), MsFlags::empty(), NONE));
    put("cgroup2", mount(Some("cgroup2"), "/mnt", Some("cgroup2"), MsFlags::empty(), NONE));
    put("cgroup1", mount(Some("cgroup"), "/mnt", Some("cgroup"), MsFlags::empty(), Some("memory")));
    put("devpts", mount(Some("devpts"), "/mnt", Some("devpts"), MsFlags::empty(), NONE));
    put(
        "overlay",
        mount(Some("overlay"), "/mnt", Some("overlay"), MsFlags::empty(), Some("lowerdir=/etc:/tmp")),
    );
    put("bpf", mount(Some("bpf"), "/mnt", Some("bpf"), MsFlags::empty(), NONE));
    put("mqueue", mount(Some("mqueue"), "/mnt", Some("mqueue"), MsFlags::empty(), NONE));
    put("ramfs", mount(Some("ramfs"), "/mnt", Some("ramfs"), MsFlags::empty(), NONE));
    put("debugfs", mount(Some("debugfs"), "/mnt", Some("debugfs"), MsFlags::empty(), NONE));
    put("binfmt_misc", mount(Some("binfmt_misc"), "/mnt", Some("binfmt_misc"), MsFlags::empty(), NONE));
    put("pivot_root", nix::unistd::pivot_root(".", "."));
    uncover(facts);
    new_api(facts);
    queries(facts);
}

/// Every mount that covers something: unmount it, detach it, make it writable, bind over it.
fn uncover(facts: &mut Facts) {
    let mut lifted = Vec::new();
    let covers = table("self").into_iter().filter(|m| {
        (m.target.starts_with("/proc/") || m.target.starts_with("/sys"))
            && !m.target.starts_with("/sys/fs/cgroup")
    });
    let mut tried = 0;
    for cover in covers {
        tried += 1;
        let target = cover.target.as_str();
        let outcomes = [
            ("detach", umount2(target, MntFlags::MNT_DETACH)),
            (
                "remount",
                mount(
                    None::<&str>,
                    target,
                    None::<&str>,
                    MsFlags::MS_REMOUNT | MsFlags::MS_BIND,
                    None::<&str>,
                ),
            ),
            ("bind over", mount(Some("/etc"), target, None::<&str>, MsFlags::MS_BIND, None::<&str>)),
        ];
        lifted.extend(outcomes.iter().filter(|(_, o)| o.is_ok()).map(|(how, _)| format!("{target}: {how}")));
    }
    facts.set("mount.covers", tried);
    facts.set("mount.covers_lifted", lifted);
}

fn new_api(facts: &mut Facts) {
    let mut put = |name: &str, outcome: Result<i64, Errno>| {
        // What succeeds without a descriptor gives 0, which is the way back to the harness.
        if let Ok(fd @ 3..) = outcome {
            close(fd);
        }
        facts.set(format!("mount.try.{name}"), spell(outcome));
    };
    put("fsopen", attempt(libc::SYS_fsopen, &mut [Arg::In(b"tmpfs\0"), Arg::Int(0)]));
    put("fspick", attempt(libc::SYS_fspick, &mut [Arg::Int(libc::AT_FDCWD), Arg::In(b"/\0"), Arg::Int(0)]));
    put(
        "open_tree_clone",
        attempt(libc::SYS_open_tree, &mut [Arg::Int(libc::AT_FDCWD), Arg::In(b"/\0"), Arg::Int(1)]),
    );
    let attributes = [0_u8; 32];
    put(
        "mount_setattr",
        attempt(
            libc::SYS_mount_setattr,
            &mut [
                Arg::Int(libc::AT_FDCWD),
                Arg::In(b"/\0"),
                Arg::Int(0),
                Arg::In(&clear_readonly(attributes)),
                Arg::Int(32),
            ],
        ),
    );
    put(
        "move_mount",
        attempt(
            libc::SYS_move_mount,
            &mut [
                Arg::Int(libc::AT_FDCWD),
                Arg::In(b"/proc\0"),
                Arg::Int(libc::AT_FDCWD),
                Arg::In(b"/mnt\0"),
                Arg::Int(0),
            ],
        ),
    );
}

/// `struct mount_attr` with `attr_clr = MOUNT_ATTR_RDONLY`.
fn clear_readonly(mut attributes: [u8; 32]) -> [u8; 32] {
    attributes[8] = 1;
    attributes
}

/// statmount, listmount and nsfs about other mount namespaces.
fn queries(facts: &mut Facts) {
    // struct mnt_id_req: size, spare, mnt_id, param, mnt_ns_id; namespace 1 is nobody's, the next ones are the host's.
    let request = |namespace: u64| -> [u8; 32] {
        let mut bytes = [0_u8; 32];
        bytes[..4].copy_from_slice(&32_u32.to_ne_bytes());
        bytes[8..16].copy_from_slice(&u64::MAX.to_ne_bytes());
        bytes[24..32].copy_from_slice(&namespace.to_ne_bytes());
        bytes
    };
    let own = own_namespace();
    for (name, number) in [("statmount", 457), ("listmount", 458)] {
        let mut leaked = Vec::new();
        let mut supported = false;
        for namespace in (1..64_u64).filter(|n| Some(*n) != own) {
            let mut answer = [0_u8; 512];
            let size = if number == 457 { 512 } else { 64 };
            let outcome = attempt(
                number,
                &mut [Arg::In(&request(namespace)), Arg::Out(&mut answer), Arg::Int(size), Arg::Int(0)],
            );
            supported |= outcome != Err(Errno::ENOSYS);
            if outcome.is_ok() {
                leaked.push(namespace);
            }
        }
        if supported {
            facts.set(format!("mount.{name}_foreign"), leaked);
        } else {
            facts.unsupported(format!("mount.{name}_foreign"), name);
        }
    }
    // NS_MNT_GET_NEXT is _IOR(0xb7, 11, struct mnt_ns_info of 16 bytes).
    let request = 0x8010_b70b_u32.cast_signed();
    let outcome = fs::File::open("/proc/self/ns/mnt").map_err(errno_of).and_then(|file| {
        let mut info = [0_u8; 16];
        attempt(
            libc::SYS_ioctl,
            &mut [Arg::Int(std::os::fd::AsRawFd::as_raw_fd(&file)), Arg::Int(request), Arg::Out(&mut info)],
        )
    });
    match outcome {
        Err(Errno::ENOTTY) => facts.unsupported("mount.next_namespace", "nsfs mount iteration"),
        other => facts.attempt("mount.next_namespace", other),
    }
}

/// `NS_GET_MNTNS_ID`, `_IOR(0xb7, 5, u64)`: our own namespace may be asked about.
fn own_namespace() -> Option<u64> {
    let file = fs::File::open("/proc/self/ns/mnt").ok()?;
    let mut id = [0_u8; 8];
    let request = 0x8008_b705_u32.cast_signed();
    let fd = std::os::fd::AsRawFd::as_raw_fd(&file);
    let _number = attempt(libc::SYS_ioctl, &mut [Arg::Int(fd), Arg::Int(request), Arg::Out(&mut id)]).ok()?;
    Some(u64::from_ne_bytes(id))
}

/// Every kind of write, on the root and on a directory below it.
pub(super) fn writes(_params: &Params, facts: &mut Facts) {
    use std::os::unix::fs::PermissionsExt;
    let file = "/etc/hostname";
    facts.attempt_io("root.create", fs::write("/made-inside", "x"));
    facts.attempt_io("root.create_nested", fs::write("/etc/made-inside", "x"));
    facts.attempt_io("root.mkdir", fs::create_dir("/made-directory"));
    facts.attempt_io("root.append", fs::OpenOptions::new().append(true).open(file));
    facts.attempt("root.truncate", nix::unistd::truncate(file, 0));
    facts.attempt_io("root.chmod", fs::set_permissions(file, fs::Permissions::from_mode(0o600)));
    facts.attempt("root.chown", nix::unistd::chown(file, Some(nix::unistd::Uid::from_raw(0)), None));
    facts.attempt_io("root.link", fs::hard_link(file, "/etc/linked"));
    facts.attempt_io("root.symlink", std::os::unix::fs::symlink(file, "/etc/symlinked"));
    facts.attempt_io("root.rename", fs::rename(file, "/etc/renamed"));
    facts.attempt_io("root.unlink", fs::remove_file("/etc/group"));
    facts.attempt("root.mkfifo", nix::unistd::mkfifo("/etc/fifo", nix::sys::stat::Mode::S_IRWXU));
    let times = nix::sys::time::TimeSpec::new(1, 0);
    facts.attempt(
        "root.utimens",
        nix::sys::stat::utimensat(
            nix::fcntl::AT_FDCWD,
            file,
            &times,
            &times,
            nix::sys::stat::UtimensatFlags::FollowSymlink,
        ),
    );
    facts.attempt(
        "root.setxattr",
        attempt(
            libc::SYS_setxattr,
            &mut [
                Arg::In(b"/etc/passwd\0"),
                Arg::In(b"trusted.x\0"),
                Arg::In(b"1"),
                Arg::Int(1),
                Arg::Int(0),
            ],
        ),
    );
}

/// Volumes and memory file systems: `/ro`, `/rw`, `/ram` as the scene declares them.
pub(super) fn volumes(_params: &Params, facts: &mut Facts) {
    facts.attempt_io("volume.rw_write", fs::write("/rw/made-inside", "x"));
    facts.attempt_io("volume.ro_write", fs::write("/ro/made-inside", "x"));
    facts.attempt_io("volume.ro_nested_write", fs::write("/ro/sub/made-inside", "x"));
    facts.attempt_io("volume.ro_unlink", fs::remove_file("/ro/token"));
    facts.attempt_io("volume.read", fs::read("/ro/token"));
    facts.attempt(
        "volume.ro_remount",
        mount(None::<&str>, "/ro", None::<&str>, MsFlags::MS_REMOUNT | MsFlags::MS_BIND, None::<&str>),
    );
    facts.attempt("volume.ro_unmount", umount2("/ro", MntFlags::MNT_DETACH));
    facts.attempt_io("volume.device_open", fs::File::open("/rw/node"));
    facts.attempt_io("volume.exec", std::process::Command::new("/rw/probe-copy").args(["true"]).status());
    let owner = fs::metadata("/rw/token").map(|m| format!("{}:{}", m.uid(), m.gid()));
    facts.set("volume.owner", owner.unwrap_or_else(|e| e.to_string()));
    let mode = fs::metadata("/ram").map(|m| format!("{:o}", m.mode() & 0o7777));
    facts.set("ram.mode", mode.unwrap_or_else(|e| e.to_string()));
    let chunk = vec![1_u8; 1 << 16];
    let (mut written, mut end) = (0_u64, "ok".to_owned());
    if let Ok(mut file) = fs::File::create("/ram/fill") {
        for _ in 0..256 {
            match std::io::Write::write(&mut file, &chunk) {
                Ok(length) => written += length as u64,
                Err(error) => {
                    end = spell::<()>(Err(errno_of(error)));
                    break;
                }
            }
        }
    }
    facts.set("ram.written", written);
    facts.set("ram.end", end);
    facts.attempt_io("ram.remove", fs::remove_file("/ram/fill"));
}
