//! /dev as it is, and devices tried by making and by opening.

use std::fs;
use std::os::unix::fs::{FileTypeExt, MetadataExt, OpenOptionsExt};
use std::path::Path;

use nix::sys::stat::{Mode, SFlag, major, makedev, minor, mknod};

use super::Params;
use super::identity::errno_of;
use crate::facts::{Facts, spell};

/// Devices whose possession is possession of the machine, or much of it.
const POWERFUL: [&str; 20] = [
    "mem",
    "port",
    "kmsg",
    "kvm",
    "fuse",
    "loop-control",
    "mapper/control",
    "net/tun",
    "vhost-net",
    "vhost-vsock",
    "uinput",
    "snapshot",
    "hwrng",
    "rtc0",
    "rtc",
    "hpet",
    "cpu_dma_latency",
    "userfaultfd",
    "loop0",
    "sda",
];

pub(super) fn list(_params: &Params, facts: &mut Facts) {
    let mut names = Vec::new();
    let mut nodes = Vec::new();
    walk(Path::new("/dev"), &mut names, &mut nodes, facts);
    names.sort();
    nodes.sort();
    facts.set("dev.names", names);
    facts.set("dev.nodes", nodes);
    for link in ["fd", "stdin", "stdout", "stderr", "ptmx", "core"] {
        let target =
            fs::read_link(format!("/dev/{link}")).map_or_else(|_| String::new(), |t| t.display().to_string());
        facts.set(format!("dev.link.{link}"), target);
    }
    if let Ok(meta) = fs::metadata("/dev") {
        facts.set("dev.device", meta.dev());
    }
    let present: Vec<&str> =
        POWERFUL.into_iter().filter(|n| Path::new(&format!("/dev/{n}")).exists()).collect();
    facts.set("dev.powerful", present);
    terminals(facts);
    works(facts);
}

fn walk(top: &Path, names: &mut Vec<String>, nodes: &mut Vec<String>, facts: &mut Facts) {
    for entry in fs::read_dir(top).into_iter().flatten().flatten() {
        let path = entry.path();
        let Ok(meta) = fs::symlink_metadata(&path) else { continue };
        let name =
            path.strip_prefix("/dev").map_or_else(|_| path.clone(), Path::to_owned).display().to_string();
        let kind = meta.file_type();
        if kind.is_dir() {
            // What programs make in /dev/shm and /dev/mqueue is theirs.
            names.push(name);
            if !["shm", "mqueue", "pts"].iter().any(|d| path.ends_with(d)) {
                walk(&path, names, nodes, facts);
            }
            continue;
        }
        if kind.is_char_device() || kind.is_block_device() {
            let letter = if kind.is_char_device() { 'c' } else { 'b' };
            let number = format!("{letter} {}:{}", major(meta.rdev()), minor(meta.rdev()));
            facts.set(format!("dev.node.{name}"), number.clone());
            facts.set(format!("dev.mode.{name}"), format!("{:o}", meta.mode() & 0o777));
            facts.set(format!("dev.owner.{name}"), format!("{}:{}", meta.uid(), meta.gid()));
            nodes.push(format!("{name} {number}"));
        }
        names.push(name);
    }
}

fn terminals(facts: &mut Facts) {
    let entries = fs::read_dir("/dev/pts").into_iter().flatten().flatten();
    let mut list: Vec<String> = entries.map(|e| e.file_name().to_string_lossy().into_owned()).collect();
    list.retain(|n| n != "ptmx");
    list.sort();
    facts.set("dev.pts", list);
    let opened: Vec<u32> = (0..64)
        .filter(|n| {
            let path = format!("/dev/pts/{n}");
            fs::OpenOptions::new()
                .read(true)
                .custom_flags(libc::O_NOCTTY | libc::O_NONBLOCK)
                .open(path)
                .is_ok()
        })
        .collect();
    facts.set("dev.pts_opened", opened);
    let master = nix::pty::posix_openpt(nix::fcntl::OFlag::O_RDWR | nix::fcntl::OFlag::O_NOCTTY);
    facts.set(
        "dev.ptmx_works",
        spell(master.and_then(|m| nix::pty::grantpt(&m).and_then(|()| nix::pty::unlockpt(&m)))),
    );
}

/// The everyday devices do what they are for.
fn works(facts: &mut Facts) {
    use std::io::{Read, Write};
    let read = |name: &str| -> std::io::Result<[u8; 16]> {
        let mut bytes = [7_u8; 16];
        fs::File::open(format!("/dev/{name}"))?.read_exact(&mut bytes)?;
        Ok(bytes)
    };
    facts.set("dev.zero_gives_zeros", read("zero").is_ok_and(|b| b == [0; 16]));
    facts.set("dev.urandom_gives_noise", read("urandom").is_ok_and(|b| b != [0; 16] && b != [7; 16]));
    facts.set("dev.null_gives_nothing", fs::read("/dev/null").is_ok_and(|b| b.is_empty()));
    let full = fs::OpenOptions::new().write(true).open("/dev/full").and_then(|mut f| f.write_all(b"x"));
    facts.attempt_io("dev.full_write", full);
    facts.attempt_io("dev.shm_write", fs::write("/dev/shm/browndog-probe", "x"));
    facts.attempt_io("dev.null_write", fs::write("/dev/null", "x"));
}

/// `mknod` for devices that nobody declared.
pub(super) fn make(_params: &Params, facts: &mut Facts) {
    let wanted = [
        ("mem", SFlag::S_IFCHR, 1, 1),
        ("kmsg", SFlag::S_IFCHR, 1, 11),
        ("port", SFlag::S_IFCHR, 1, 4),
        ("sda", SFlag::S_IFBLK, 8, 0),
        ("vda", SFlag::S_IFBLK, 254, 0),
        ("loop0", SFlag::S_IFBLK, 7, 0),
        ("fuse", SFlag::S_IFCHR, 10, 229),
        ("tun", SFlag::S_IFCHR, 10, 200),
        ("kvm", SFlag::S_IFCHR, 10, 232),
        ("ptmx", SFlag::S_IFCHR, 5, 2),
    ];
    for (name, kind, first, second) in wanted {
        let path = format!("/tmp/made-{name}");
        facts.attempt(
            format!("dev.mknod.{name}"),
            mknod(path.as_str(), kind, Mode::S_IRUSR | Mode::S_IWUSR, makedev(first, second)),
        );
        let opened = fs::OpenOptions::new().read(true).custom_flags(libc::O_NONBLOCK).open(&path);
        facts.set(format!("dev.mknod_open.{name}"), spell(opened.map(drop).map_err(errno_of)));
    }
}

/// Opens every node that the harness has put into the image at `/nodes`.
pub(super) fn sweep(_params: &Params, facts: &mut Facts) {
    let mut opened = Vec::new();
    let mut tried = 0;
    for entry in fs::read_dir("/nodes").into_iter().flatten().flatten() {
        tried += 1;
        let name = entry.file_name().to_string_lossy().into_owned();
        opened.extend(let_through(&entry.path()).into_iter().map(|letter| format!("{name} {letter}")));
    }
    opened.sort();
    facts.set("dev.sweep_tried", tried);
    facts.set("dev.sweep_opened", opened);
}

/// Of `r` and `w`, those for which a policy lets the node be opened.
fn let_through(node: &Path) -> Vec<&'static str> {
    use nix::errno::Errno;
    let opens = |read: bool, write: bool| {
        let mut how = fs::OpenOptions::new();
        let how = how.read(read).write(write).custom_flags(libc::O_NONBLOCK | libc::O_NOCTTY);
        match how.open(node).map(drop).map_err(errno_of) {
            // ENXIO and ENODEV: the policy let the open through and no driver answered.
            Ok(()) | Err(Errno::ENXIO | Errno::ENODEV | Errno::EIO | Errno::EBUSY) => true,
            Err(_) => false,
        }
    };
    let ways = [("r", opens(true, false)), ("w", opens(false, true))];
    ways.into_iter().filter(|(_, opened)| *opened).map(|(letter, _)| letter).collect()
}

/// Makes a node of each number that the harness has put into the image at `/nodes` in /dev, where nodes
/// work, and opens it.
pub(super) fn made(_params: &Params, facts: &mut Facts) {
    let (mut tried, mut made, mut opened) = (0, 0, Vec::new());
    let path = Path::new("/dev/browndog-try");
    for entry in fs::read_dir("/nodes").into_iter().flatten().flatten() {
        let Ok(meta) = fs::symlink_metadata(entry.path()) else { continue };
        let kind = SFlag::from_bits_truncate(meta.mode() & libc::S_IFMT);
        tried += 1;
        if mknod(path, kind, Mode::S_IRUSR | Mode::S_IWUSR, meta.rdev()).is_err() {
            continue;
        }
        made += 1;
        let name = entry.file_name().to_string_lossy().into_owned();
        opened.extend(let_through(path).into_iter().map(|letter| format!("{name} {letter}")));
        if fs::remove_file(path).is_err() {
            break;
        }
    }
    opened.sort();
    facts.set("dev.made_tried", tried);
    facts.set("dev.made", made);
    facts.set("dev.made_opened", opened);
}
