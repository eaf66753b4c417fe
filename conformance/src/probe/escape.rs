//! Known ways out, as attempts that do nothing where they work.

use std::fs::{self, OpenOptions};
use std::path::Path;

use nix::errno::Errno;
use nix::mount::{MsFlags, mount};

use super::Params;
use super::identity::{errno_of, nix_socket, write_existing};
use crate::facts::{Facts, spell};
use crate::sys::{Arg, attempt};

pub(super) fn escapes(params: &Params, facts: &mut Facts) {
    // Opening for write without writing: the binary of the runtime, if it is what runs here.
    facts.attempt_io("esc.own_exe_write_open", OpenOptions::new().write(true).open("/proc/self/exe"));
    disks(facts);
    chroot_tricks(facts);
    autoload(facts);
    handles(facts);
    facts.attempt_io(
        "esc.core_pattern_write",
        write_existing(
            "/proc/sys/kernel/core_pattern",
            &fs::read_to_string("/proc/sys/kernel/core_pattern").unwrap_or_default(),
        ),
    );
    facts.attempt_io("esc.binfmt_register", write_existing("/proc/sys/fs/binfmt_misc/register", ""));
    namespaces(facts);
    reboot_refused(facts);
    if let Some(path) = params.text("host_path") {
        for prefix in [
            "/proc/1/root",
            "/proc/1/cwd",
            "/proc/self/root/..",
            "/..",
            "/proc/self/fd/3",
            "/proc/self/fd/17",
            "/proc/1/fd/3",
        ] {
            facts.attempt_io(format!("esc.host_path_by.{prefix}"), fs::metadata(format!("{prefix}{path}")));
        }
    }
}

/// Block devices of the machine, through whatever name they have here.
fn disks(facts: &mut Facts) {
    let table = fs::read_to_string("/proc/partitions").unwrap_or_default();
    let mut opened = Vec::new();
    for line in table.lines().skip(2) {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let [major, minor, _, name] = fields.as_slice() else { continue };
        let (Ok(major), Ok(minor)) = (major.parse(), minor.parse()) else { continue };
        let path = format!("/tmp/disk-{name}");
        let device = nix::sys::stat::makedev(major, minor);
        let made = nix::sys::stat::mknod(
            path.as_str(),
            nix::sys::stat::SFlag::S_IFBLK,
            nix::sys::stat::Mode::S_IRUSR,
            device,
        );
        if made.is_ok() && fs::File::open(&path).is_ok() {
            opened.push((*name).to_owned());
        }
        if fs::File::open(format!("/dev/{name}")).is_ok() {
            opened.push(format!("/dev/{name}"));
        }
        for kind in ["ext4", "btrfs", "xfs"] {
            if mount(Some(path.as_str()), "/mnt", Some(kind), MsFlags::MS_RDONLY, None::<&str>).is_ok() {
                opened.push(format!("{name} mounted"));
            }
        }
    }
    facts.set("esc.disks_opened", opened);
}

/// A directory held open across a second chroot, and `..` as often as it takes.
fn chroot_tricks(facts: &mut Facts) {
    use std::os::unix::fs::MetadataExt;
    let before = fs::metadata("/").map(|m| (m.dev(), m.ino()));
    let climbed = (|| -> Result<bool, Errno> {
        let held = fs::File::open("/").map_err(errno_of)?;
        if let Err(error) = fs::create_dir("/tmp/jail")
            && error.kind() != std::io::ErrorKind::AlreadyExists
        {
            return Err(errno_of(error));
        }
        nix::unistd::chroot("/tmp/jail")?;
        nix::unistd::fchdir(&held)?;
        for _ in 0..64 {
            nix::unistd::chdir("..")?;
        }
        let here = fs::metadata(".").map_err(errno_of)?;
        let same = before.as_ref().is_ok_and(|b| *b == (here.dev(), here.ino()));
        nix::unistd::chroot(".")?;
        nix::unistd::chdir("/")?;
        Ok(same)
    })();
    match climbed {
        Ok(same) => facts.set("esc.chroot_climb_stays", same),
        Err(errno) => facts.set("esc.chroot_climb_stays", format!("{errno:?}")),
    }
    let after = fs::metadata("/").map(|m| (m.dev(), m.ino()));
    facts.set("esc.root_unchanged", matches!((&before, &after), (Ok(a), Ok(b)) if a == b));
}

/// Names that make the kernel ask for a module; the harness compares the module list outside.
fn autoload(facts: &mut Facts) {
    for family in [3, 5, 6, 9, 21, 23, 27, 28, 29, 30, 31, 33, 35, 36, 37, 39, 41, 43, 44] {
        let _worked = nix_socket(family, libc::SOCK_DGRAM, 0).is_ok();
    }
    let mut mounted = Vec::new();
    for kind in [
        "xfs", "btrfs", "nfs", "cifs", "hfs", "jfs", "minix", "udf", "squashfs", "reiserfs", "ntfs3", "exfat",
    ] {
        if mount(Some("none"), "/mnt", Some(kind), MsFlags::empty(), None::<&str>) != Err(Errno::EPERM) {
            mounted.push(kind);
        }
    }
    facts.set("esc.filesystems_asked_for", mounted);
    // 38 is AF_ALG: the crypto interface takes names of modules.
    facts.attempt("esc.crypto_socket", nix_socket(38, libc::SOCK_SEQPACKET, 0));
    let device = Path::new("/dev/net/tun");
    facts.attempt_io("esc.tun_open", OpenOptions::new().read(true).write(true).open(device));
}

fn handles(facts: &mut Facts) {
    let mut opened = 0;
    let mut last = Errno::UnknownErrno;
    let root = fs::File::open("/").ok();
    for inode in [1_u32, 2, 3, 11, 12, 64, 128, 256] {
        for kind in [1_i32, 2, 0x81, 0x4d] {
            let mut handle = [0_u8; 24];
            handle[..4].copy_from_slice(&8_u32.to_ne_bytes());
            handle[4..8].copy_from_slice(&kind.to_ne_bytes());
            handle[8..12].copy_from_slice(&inode.to_ne_bytes());
            let fd = root.as_ref().map_or(-1, std::os::fd::AsRawFd::as_raw_fd);
            match attempt(
                libc::SYS_open_by_handle_at,
                &mut [Arg::Int(fd), Arg::In(&handle), Arg::Int(libc::O_RDONLY)],
            ) {
                Ok(fd) => {
                    opened += 1;
                    super::identity::close(fd);
                }
                Err(errno) => last = errno,
            }
        }
    }
    facts.set("esc.handles_opened", opened);
    facts.set("esc.handles_last", format!("{last:?}"));
}

/// ioctls on namespace files that ask for what lies outside.
fn namespaces(facts: &mut Facts) {
    use std::os::fd::AsRawFd;
    for (name, file, request) in [
        ("pid_parent", "pid", 0xb702),
        ("user_parent", "user", 0xb702),
        ("pid_owner", "pid", 0xb701),
        ("net_owner", "net", 0xb701),
    ] {
        let outcome = fs::File::open(format!("/proc/self/ns/{file}"))
            .map_err(errno_of)
            .and_then(|f| attempt(libc::SYS_ioctl, &mut [Arg::Int(f.as_raw_fd()), Arg::Int(request)]))
            .inspect(|fd| super::identity::close(*fd));
        facts.set(format!("esc.ns_ioctl.{name}"), spell(outcome));
    }
    let outcome = fs::File::open("/proc/1/ns/mnt")
        .map_err(errno_of)
        .and_then(|f| attempt(libc::SYS_setns, &mut [Arg::Int(f.as_raw_fd()), Arg::Int(0)]));
    facts.set("esc.setns_init_mount", spell(outcome));
}

/// Commands that would act on the machine; magic numbers as in reboot(2). What `CAP_SYS_BOOT` in a
/// PID namespace allows (ending it) is asked for in a scene of its own.
fn reboot_refused(facts: &mut Facts) {
    for (name, command) in
        [("cad_on", 0x89ab_cdef_u32), ("cad_off", 0), ("kexec", 0x4558_4543), ("suspend", 0xd000_fce2)]
    {
        if nix::unistd::getpid().as_raw() != 1 {
            facts.set(
                format!("esc.reboot.{name}"),
                serde_json::json!({ "not_applicable": "asked only by PID 1 of a namespace" }),
            );
            continue;
        }
        let outcome = attempt(
            libc::SYS_reboot,
            &mut [
                Arg::Int(0xfee1_dead_u32.cast_signed()),
                Arg::Int(672_274_793),
                Arg::Int(command.cast_signed()),
                Arg::Null,
            ],
        );
        facts.set(format!("esc.reboot.{name}"), spell(outcome));
    }
}
