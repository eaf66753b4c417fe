//! After every scene, whatever became of it: nothing of ours still runs, is mounted, or has a group.
//!
//! What a scene had to say about leaks it has said by then; this is so that a runtime that leaves
//! things behind harms neither the next scene nor the machine.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// How long the kernel may take to end what was killed, on a busy machine.
const PATIENCE: Duration = Duration::from_secs(15);

/// Ends every process of a container below `work` and every runtime started with `token` but for
/// `keep`, takes mounts below `work` away, and removes control groups named for this process.
pub fn sweep(work: &Path, token: &str, keep: u32) {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let left = processes(work, token, keep);
        for pid in &left {
            // One that ended meanwhile is what is wanted.
            let _gone = kill(Pid::from_raw(pid.cast_signed()), Signal::SIGKILL).is_ok();
        }
        if left.is_empty() {
            break;
        }
        if Instant::now() > deadline {
            eprintln!("browndog conformance: processes {left:?} of the scene cannot be ended");
            break;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    mounts(work);
    let mark = own_mark();
    groups(&mark);
    crate::runtimes::libvirt::session::clear_after(work);
    crate::snapshot::state_files(&mark).iter().for_each(|path| {
        let gone = if path.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) };
        if let Err(error) = gone {
            eprintln!(
                "browndog conformance: {} was left behind and cannot be removed: {error}",
                path.display()
            );
        }
    });
}

/// Processes that bear the token in their environment, live in a mount namespace of their own whose
/// tree comes from `work`, or were started for a container of ours by name: a container's environment is
/// its own, and a monitor's may be empty.
fn processes(work: &Path, token: &str, keep: u32) -> Vec<u32> {
    let own = crate::host::namespace("self", "mnt");
    let mark = format!("BROWNDOG_CANARY={token}");
    let name = own_mark();
    let place = work.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
    let ours = |pid: &u32| {
        let read = |file: &str| fs::read(format!("/proc/{pid}/{file}")).unwrap_or_default();
        let zombie = String::from_utf8_lossy(&read("stat"))
            .rsplit_once(')')
            .is_some_and(|(_, rest)| rest.starts_with(" Z"));
        if zombie || *pid == std::process::id() || *pid == keep {
            return false;
        }
        if read("environ").split(|b| *b == 0).any(|word| word == mark.as_bytes()) {
            return true;
        }
        if String::from_utf8_lossy(&read("cmdline")).contains(&name) {
            return true;
        }
        let elsewhere = crate::host::namespace(&pid.to_string(), "mnt").is_some_and(|n| Some(n) != own);
        elsewhere && String::from_utf8_lossy(&read("mountinfo")).lines().any(|line| comes_from(line, &place))
    };
    let names = fs::read_dir("/proc").into_iter().flatten().flatten();
    names.filter_map(|e| e.file_name().to_str()?.parse().ok()).filter(ours).collect()
}

/// How the names of this process's containers begin.
pub(crate) fn own_mark() -> String {
    format!("bdc-{}-", std::process::id())
}

/// Whether a line of mountinfo shows something of `place` elsewhere than there. Somebody else's mount namespace,
/// a copy of the host's, has the mounts of a scene where the scene has them: that makes nobody ours.
fn comes_from(line: &str, place: &str) -> bool {
    // proc_pid_mountinfo(5): the fifth field is where it is mounted.
    let at = line.split(' ').nth(4).unwrap_or_default();
    line.contains(place) && !at.contains(place)
}

fn mounts(work: &Path) {
    let mut below: Vec<String> = crate::probe::mounts::table("self")
        .into_iter()
        .map(|m| m.target)
        .filter(|t| Path::new(t).starts_with(work))
        .collect();
    below.reverse();
    for target in below {
        if let Err(errno) = nix::mount::umount2(target.as_str(), nix::mount::MntFlags::MNT_DETACH) {
            eprintln!("browndog conformance: {target} stays mounted: {errno}");
        }
    }
}

fn groups(mark: &str) {
    let mut found = Vec::new();
    let mut open = vec![PathBuf::from("/sys/fs/cgroup")];
    while let Some(directory) = open.pop() {
        for entry in fs::read_dir(&directory).into_iter().flatten().flatten() {
            if entry.file_type().is_ok_and(|t| t.is_dir()) {
                if entry.path().to_string_lossy().contains(mark) {
                    found.push(entry.path());
                }
                open.push(entry.path());
            }
        }
    }
    found.sort_by_key(|p| std::cmp::Reverse(p.as_os_str().len()));
    for path in found {
        // A group is busy for a moment after its last process has ended.
        let deadline = Instant::now() + PATIENCE;
        while let Err(error) = fs::remove_dir(&path) {
            if error.kind() == std::io::ErrorKind::NotFound {
                break;
            }
            if Instant::now() > deadline {
                eprintln!(
                    "browndog conformance: {} was left behind and cannot be removed: {error}",
                    path.display()
                );
                break;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_of_the_hosts_mounts_makes_nobody_ours() {
        let place = "browndog-conformance-X";
        let copied = "90 27 0:46 / /tmp/browndog-conformance-X/volumes/rw/sub rw,relatime - tmpfs none rw";
        let bound =
            "91 27 254:0 /tmp/browndog-conformance-X/a /tmp/browndog-conformance-X/b rw - ext4 /dev/vda rw";
        let root = "92 1 254:0 /tmp/browndog-conformance-X/scene/root / rw - ext4 /dev/vda rw";
        let layered =
            "93 1 0:50 / / rw - overlay overlay rw,upperdir=/tmp/browndog-conformance-X/scene/upper";
        for (line, ours) in [(copied, false), (bound, false), (root, true), (layered, true)] {
            assert_eq!(comes_from(line, place), ours, "{line}");
        }
    }
}
