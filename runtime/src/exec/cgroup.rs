//! The launcher's work on control groups: made, written, read back, handed over, removed.

use std::fs::{self, OpenOptions};
use std::io::ErrorKind;
use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use nix::errno::Errno;
use nix::libc;

use super::undo::Made;
use super::{Launcher, tree};
use crate::locks::Lock;
use crate::plan::step::{HostStep, ReadBack, c_string};
use crate::plan::{GROUP_SUFFIX, Plan};
use crate::{errno_of, sys};

impl Launcher<'_> {
    pub(super) fn make_cgroup(&mut self, path: &str, shared: bool) -> Result<(), Errno> {
        if shared {
            // Until this start is in the partition, nobody whose container ends takes it away.
            let guard = lock_parent(path)?.shared(WAIT)?;
            self.partitions.push(guard);
        }
        on_cgroupfs(path)?;
        let (made, hold) = if shared { (fs::create_dir(path), None) } else { create_held(path) };
        match made {
            Ok(()) if shared => mark(path)?,
            Ok(()) => {}
            // Made by another start, or by an administrator: the mark tells.
            Err(error) if shared && error.kind() == ErrorKind::AlreadyExists => {}
            Err(error) => return Err(errno_of(error)),
        }
        self.undo.push(Made::Cgroup { path: path.to_owned(), shared, _hold: hold });
        Ok(())
    }
}

/// A group is made in a group and nowhere else: nobody makes links in a hierarchy, so nothing leads out of one.
fn on_cgroupfs(path: &str) -> Result<(), Errno> {
    let (parent, name) = path.rsplit_once('/').ok_or(Errno::EINVAL)?;
    let found = nix::sys::statfs::statfs(parent)?.filesystem_type();
    if tree::is_hierarchy(found) && !matches!(name, "" | "." | "..") { Ok(()) } else { Err(Errno::EXDEV) }
}

/// Makes a group and takes the lock that says, in every namespace, that its launcher lives. A command that cleans
/// up may come in between, and have it for a moment, or take the group away: then once more.
fn create_held(path: &str) -> (std::io::Result<()>, Option<tree::Hold>) {
    // A group inside another goes with that.
    if !path.ends_with(GROUP_SUFFIX) {
        return (fs::create_dir(path), None);
    }
    let mut made = fs::create_dir(path);
    for _ in 0..TRIES {
        if made.is_err() {
            break;
        }
        if let Some(hold) = tree::hold(path) {
            return (made, Some(hold));
        }
        std::thread::sleep(Duration::from_micros(100));
        if !fs::exists(path).unwrap_or(true) {
            made = fs::create_dir(path);
        }
    }
    // A stranger has the lock, which keeps the group from being taken away as well.
    (made, None)
}

/// Each lost to another command that did all its work in the moment between two calls.
const TRIES: u32 = 50;

/// How long a start waits for those that take a partition away, which they do in a moment.
const WAIT: Duration = Duration::from_secs(3);

/// The file that counts whom the kernel kills at the memory limit of this plan's container.
pub(super) fn oom_counter(plan: &Plan) -> Option<String> {
    plan.before.iter().find_map(|entry| {
        let HostStep::SetCgroup { path, .. } = &entry.step else { return None };
        let (group, file) = path.rsplit_once('/')?;
        let counter = match file {
            "memory.max" => "memory.events",
            "memory.limit_in_bytes" => "memory.oom_control",
            _ => return None,
        };
        Some([group, "/", counter].concat())
    })
}

/// What that file says.
pub(super) fn oom_kills(counter: &str) -> u64 {
    let text = fs::read_to_string(counter).unwrap_or_default();
    let count = text.lines().find_map(|line| line.strip_prefix("oom_kill ")?.trim().parse().ok());
    count.unwrap_or(0)
}

/// The sticky bit, which means nothing on a group: this partition is browndog's, and goes with its last
/// container. One that an administrator made, and gave limits, stays.
const OURS: u32 = 0o1000;

fn mark(path: &str) -> Result<(), Errno> {
    let mode = fs::Permissions::from_mode(0o755 | OURS);
    fs::set_permissions(path, mode).map_err(errno_of)
}

/// Whether a start made this group as a partition.
pub fn is_own_partition(path: &std::path::Path) -> bool {
    fs::metadata(path).is_ok_and(|found| found.permissions().mode() & OURS != 0)
}

/// The lock of the group above `path`: shared by starts, exclusive for a removal.
fn lock_parent(path: &str) -> Result<Lock, Errno> {
    let parent = path.rsplit_once('/').map_or("/", |(parent, _)| parent);
    let dir = sys::open(&c_string(parent), libc::O_PATH | libc::O_DIRECTORY)?;
    Lock::of(&dir)
}

/// Writes a file of a group and reads it back.
pub(super) fn set(path: &str, value: &str, check: ReadBack, page: u64) -> Result<(), Errno> {
    write(path, value)?;
    let same = match check {
        ReadBack::None => true,
        ReadBack::Same => read(path)? == value,
        ReadBack::Line => read(path)?.lines().any(|line| line == value),
        ReadBack::Default => read(path)?.lines().any(|line| line.trim_start_matches("default ") == value),
        ReadBack::Effective => read(&format!("{path}.effective"))? == value,
        ReadBack::Pages => {
            let wanted: u64 = value.parse().map_err(|_| Errno::EINVAL)?;
            read(path)?.parse::<u64>().is_ok_and(|have| have / page == wanted / page)
        }
    };
    // The kernel took the write and keeps something else: the limit does not hold.
    if same { Ok(()) } else { Err(Errno::ERANGE) }
}

pub(super) fn inherit_cpuset(parent: &str, path: &str) -> Result<(), Errno> {
    for name in ["cpuset.cpus", "cpuset.mems"] {
        let own = format!("{path}/{name}");
        if read(&own)?.is_empty() {
            write(&own, &read(&format!("{parent}/{name}"))?)?;
        }
    }
    Ok(())
}

/// What a delegatee writes (/sys/kernel/cgroup/delegate), of which this kernel may lack the second line.
const DELEGATED: [&str; 5] =
    ["cgroup.procs", "cgroup.threads", "cgroup.subtree_control", "memory.oom.group", "memory.reclaim"];

pub(super) fn delegate(path: &str, uid: u32, gid: u32) -> Result<(), Errno> {
    let chown = |path: &str| std::os::unix::fs::chown(path, Some(uid), Some(gid));
    chown(path).map_err(errno_of)?;
    for name in DELEGATED {
        match chown(&format!("{path}/{name}")) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(errno_of(error)),
            _ => {}
        }
    }
    Ok(())
}

fn write(path: &str, value: &str) -> Result<(), Errno> {
    use std::io::Write;
    // Never creates: a missing file is a missing controller.
    let mut file = OpenOptions::new().write(true).open(path).map_err(errno_of)?;
    file.write_all(value.as_bytes()).map_err(errno_of)
}

fn read(path: &str) -> Result<String, Errno> {
    fs::read_to_string(path).map(|text| text.trim_end().to_owned()).map_err(errno_of)
}

/// Removes a group. One whose last process has just ended may be busy for a moment.
pub(super) fn remove(path: &str, shared: bool, kill_group: Option<&str>) -> Result<(), String> {
    if shared {
        return remove_partition(path);
    }
    let mut pause = Duration::from_micros(50);
    let (mut killed, mut stays) = (false, None);
    loop {
        match fs::remove_dir(path) {
            Ok(()) => return Ok(()),
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
            Err(error) if pause > PAUSE_MAX => {
                let below = stays.map_or_else(String::new, |what: String| format!("; below it stays {what}"));
                return Err(format!("cannot remove {path}: {error}{below}"));
            }
            Err(_) => {}
        }
        if !killed {
            // A process that was put into the group by others: the group ends with its domain.
            if let Some(group) = kill_group {
                crate::disregard(fs::write(format!("{group}/cgroup.kill"), "1"));
            }
            killed = true;
        }
        // Groups that the container made below its own.
        stays = tree::empty(path).err();
        std::thread::sleep(pause);
        pause *= 2;
    }
}

/// A partition goes with its last container: not while another start is on its way into it, nor while
/// anything is in it.
fn remove_partition(path: &str) -> Result<(), String> {
    let mut pause = Duration::from_micros(50);
    loop {
        match lock_parent(path).and_then(|lock| lock.alone()) {
            // Fails while anything is in it.
            Ok(_lock) if is_own_partition(path.as_ref()) => crate::disregard(fs::remove_dir(path)),
            // A start beside it may be on its way into another partition, and takes a moment.
            Err(Errno::EWOULDBLOCK) if pause <= PAUSE_MAX && !has_children(path) => {
                std::thread::sleep(pause);
                pause *= 2;
                continue;
            }
            Ok(_) | Err(Errno::EWOULDBLOCK | Errno::ENOENT) => {}
            Err(errno) => return Err(format!("cannot lock the group above {path}: {errno}")),
        }
        return Ok(());
    }
}

fn has_children(path: &str) -> bool {
    let entries = fs::read_dir(path).into_iter().flatten().flatten();
    entries.into_iter().any(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()))
}

/// The last pause before giving up; all pauses together are twice that.
const PAUSE_MAX: Duration = Duration::from_millis(800);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_partition_waits_for_a_start_beside_it_and_goes() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("partition").to_string_lossy().into_owned();
        fs::create_dir(&path).expect("a directory");
        mark(&path).expect("a mark");
        let other = lock_parent(&path).and_then(|lock| lock.shared(WAIT)).expect("a lock");
        let removal = std::thread::spawn({
            let path = path.clone();
            move || remove_partition(&path)
        });
        std::thread::sleep(Duration::from_millis(20));
        assert!(fs::exists(&path).expect("looked at"), "the other start is not in its group yet");
        drop(other);
        assert_eq!(removal.join().expect("a thread"), Ok(()));
        assert!(!fs::exists(&path).expect("looked at"));
    }

    #[test]
    fn a_partition_that_somebody_is_in_stays_and_is_not_waited_for() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("partition").to_string_lossy().into_owned();
        fs::create_dir_all(format!("{path}/group")).expect("a directory");
        mark(&path).expect("a mark");
        let _other = lock_parent(&path).and_then(|lock| lock.shared(WAIT)).expect("a lock");
        assert_eq!(remove_partition(&path), Ok(()));
        assert!(fs::exists(&path).expect("looked at"));
    }
}
