//! Positive controls taken outside of the container: whether the machine has what a check tries to get at. Where it
//! has not, nothing that the check sees inside shows a wall.

use std::fs;
use std::os::unix::fs::FileTypeExt;
use std::path::Path;

use crate::facts::Facts;
use crate::sys::{Arg, attempt};

/// Looks, as root outside.
pub(crate) fn look(facts: &mut Facts) {
    let names = |directory: &str| fs::read_dir(directory).into_iter().flatten().flatten();
    let numbered = |e: &fs::DirEntry| e.file_name().to_string_lossy().bytes().all(|b| b.is_ascii_digit());
    facts.set("host.control.terminals", names("/dev/pts").filter(numbered).count());
    let socket = |e: &fs::DirEntry| e.file_type().is_ok_and(|t| t.is_socket());
    let answers = |e: fs::DirEntry| std::os::unix::net::UnixStream::connect(e.path()).is_ok();
    facts.set("host.control.sockets", names("/dev").filter(socket).map(answers).filter(|a| *a).count());
    facts.set("host.control.disk", disk());
    let lines = |path: &str| fs::read_to_string(path).map_or(0, |t| t.lines().count().saturating_sub(1));
    facts.set("host.control.routes", lines("/proc/net/route") + lines("/proc/net/arp"));
    for (name, target) in [("metadata", "169.254.169.254:80"), ("outside", "192.0.2.1:80")] {
        if let Ok(target) = target.parse() {
            let patience = std::time::Duration::from_millis(300);
            facts.set(format!("host.control.{name}"), crate::probe::reach(&target, patience));
        }
    }
    facts.set("host.control.addresses", crate::canary::host_addresses().join(" "));
    // getpid(2) by its x32 number.
    let x32 = attempt(0x4000_0000 | libc::SYS_getpid, &mut []);
    facts.set("host.control.x32", x32.is_ok());
    let there = crate::probe::procfs::NEIGHBOURS.iter().filter(|n| Path::new("/proc").join(n).exists());
    facts.set("host.control.neighbours", there.map(|n| (*n).to_owned()).collect::<Vec<_>>());
    let shown = ["irq", "slab"].iter().filter(|n| Path::new("/sys/kernel").join(n).exists());
    facts.set("host.control.kernel_shown", shown.map(|n| (*n).to_owned()).collect::<Vec<_>>());
    let agent = names("/sys/fs/cgroup").any(|e| e.path().join("release_agent").exists());
    facts.set("host.control.release_agent", agent);
    facts.set("host.control.handles", handles());
}

/// A disk of the machine that can be opened here.
fn disk() -> bool {
    let table = fs::read_to_string("/proc/partitions").unwrap_or_default();
    let names = table.lines().skip(2).filter_map(|line| line.split_whitespace().nth(3));
    names.map(|name| Path::new("/dev").join(name)).any(|path| fs::File::open(path).is_ok())
}

/// Whether files of the root can be opened by a handle here: some file systems take none that is made up.
fn handles() -> bool {
    let Ok(root) = fs::File::open("/") else { return false };
    let fd = std::os::fd::AsRawFd::as_raw_fd(&root);
    // Inode 2, generation 0, of kind FILEID_INO32_GEN, as the probe asks for it.
    let mut handle = [0_u8; 24];
    handle[..4].copy_from_slice(&8_u32.to_ne_bytes());
    handle[4..8].copy_from_slice(&1_u32.to_ne_bytes());
    handle[8..12].copy_from_slice(&2_u32.to_ne_bytes());
    let opened =
        attempt(libc::SYS_open_by_handle_at, &mut [Arg::Int(fd), Arg::In(&handle), Arg::Int(libc::O_RDONLY)]);
    if let Ok(fd) = opened {
        crate::probe::close(fd);
    }
    opened.is_ok()
}
