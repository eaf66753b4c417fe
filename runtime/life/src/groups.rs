//! The control groups of a domain as directories: killing, freezing and removing them.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use browndog_runtime::exec::live::remove_group;
use browndog_runtime::exec::tree::is_group_at;

use crate::error::{LifeError, Result};
use crate::frozen;
use crate::record::{Group, Made, Record};

/// The first pause between two looks; doubled up to [`PAUSE_MAX`].
const PAUSE: Duration = Duration::from_micros(200);
const PAUSE_MAX: Duration = Duration::from_millis(20);

/// Looks until `done` says so, or `within` is over; says whether it did.
pub fn wait_until(within: Duration, mut done: impl FnMut() -> bool) -> bool {
    let deadline = Instant::now() + within;
    let mut pause = PAUSE;
    loop {
        if done() {
            return true;
        }
        if Instant::now() >= deadline {
            return false;
        }
        std::thread::sleep(pause);
        pause = (pause * 2).min(PAUSE_MAX);
    }
}

/// A value of a `key value` file (cgroup-v2.rst, flat keyed).
pub fn keyed(path: &Path, key: &str) -> Option<u64> {
    let text = fs::read_to_string(path).ok()?;
    text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(' ')?.trim().parse().ok())
}

/// Every process in the group and the groups below it.
pub fn processes(group: &Path) -> Vec<i32> {
    let text = fs::read_to_string(group.join("cgroup.procs")).unwrap_or_default();
    // 0: one of another PID namespace. Anything else is no process.
    let mut all: Vec<i32> =
        text.lines().filter_map(|line| line.parse().ok()).filter(|&pid| pid > 0).collect();
    for child in children(group) {
        all.extend(processes(&child));
    }
    all
}

fn children(group: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(group) else { return Vec::new() };
    let dirs = entries.flatten().filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()));
    dirs.map(|entry| entry.path()).collect()
}

/// Sends SIGKILL to a process that is in this group: held by its pidfd, and looked for again then.
fn kill_one(group: &Path, pid: i32) {
    use std::os::fd::AsRawFd;
    let Ok(fd) = browndog_runtime::sys::pidfd_open(pid, 0) else { return };
    let fd = browndog_runtime::sys::adopt(fd as i32);
    if processes(group).contains(&pid) {
        // ESRCH: it has ended meanwhile.
        crate::disregard(browndog_runtime::sys::pidfd_send_signal(fd.as_raw_fd(), nix::libc::SIGKILL, 0, 0));
    }
}

/// Kills every process of the groups: `cgroup.kill` where there is one; elsewhere each process, again and
/// again until there is none, thawed so that a frozen one can die. What is no control group is left alone.
pub fn kill(groups: &[Group]) {
    let groups: Vec<&Group> = groups.iter().filter(|group| is_group_at(&group.path)).collect();
    let unified = groups.iter().find(|group| group.controller == crate::record::UNIFIED);
    if let Some(group) = unified
        && fs::write(group.path.join("cgroup.kill"), "1").is_ok()
    {
        return;
    }
    let Some(group) = unified.or(groups.first()).copied() else { return };
    if group.controller == "freezer" {
        crate::disregard(fs::write(group.path.join("freezer.state"), "FROZEN"));
    } else {
        crate::disregard(fs::write(group.path.join("cgroup.freeze"), "1"));
    }
    processes(&group.path).into_iter().for_each(|pid| kill_one(&group.path, pid));
    thaw(groups);
}

/// Thaws the groups, where they are frozen.
pub fn thaw<'a>(groups: impl IntoIterator<Item = &'a Group>) {
    for group in groups.into_iter().filter(|group| is_group_at(&group.path)) {
        // Most groups have neither file.
        crate::disregard(fs::write(group.path.join("cgroup.freeze"), "0"));
        crate::disregard(fs::write(group.path.join("freezer.state"), "THAWED"));
    }
}

/// How a freezer is worked.
enum Freezer {
    V2(PathBuf),
    V1(PathBuf),
}

fn freezer(record: &Record) -> Result<Freezer> {
    let unified = record.unified().filter(|group| is_group_at(group));
    if let Some(group) = unified.filter(|group| group.join("cgroup.freeze").exists()) {
        return Ok(Freezer::V2(group.to_owned()));
    }
    if let Some(group) = record.group("freezer").filter(|group| is_group_at(group)) {
        return Ok(Freezer::V1(group.to_owned()));
    }
    Err(LifeError::refused(
        format!("'{}' cannot be suspended: it has no control group that can be frozen", record.name),
        "start it as root, or in a control group of version 2 that is handed over to you: \
         systemd-run --user --scope -p Delegate=yes browndog start NAME",
    ))
}

/// Freezes a domain and waits until the kernel says that it is.
///
/// # Errors
/// There is no freezer, or a process could not be frozen in time; it is thawed again then.
pub fn freeze(record: &Record) -> Result<()> {
    let (path, value, state): (PathBuf, &str, Box<dyn Fn() -> bool>) = match freezer(record)? {
        Freezer::V2(group) => {
            let events = group.join("cgroup.events");
            (group.join("cgroup.freeze"), "1", Box::new(move || keyed(&events, "frozen") == Some(1)))
        }
        Freezer::V1(group) => {
            let file = group.join("freezer.state");
            let state = file.clone();
            let done = move || fs::read_to_string(&state).is_ok_and(|text| text.trim() == "FROZEN");
            (file, "FROZEN", Box::new(done))
        }
    };
    fs::write(&path, value).map_err(|error| LifeError::file("write", &path, error))?;
    if wait_until(FREEZE_WITHIN, state) {
        return Ok(());
    }
    thaw(&record.groups);
    Err(LifeError::refused(
        format!("'{}' could not be frozen in time", record.name),
        "a process that waits for a device in the kernel cannot be frozen: try again later",
    ))
}

/// Thaws the domain's own groups, also those that others have frozen. Waits until the kernel says that they are thawed,
/// or that a group above them is frozen.
///
/// # Errors
/// A group that cannot be thawed.
pub fn thaw_own(record: &Record) -> Result<()> {
    for group in record.groups.iter().filter(|group| is_group_at(&group.path)) {
        for (file, value) in [("cgroup.freeze", "0"), ("freezer.state", "THAWED")] {
            let path = group.path.join(file);
            // Most groups have neither file.
            if path.exists() {
                fs::write(&path, value).map_err(|error| LifeError::file("write", &path, error))?;
            }
        }
    }
    let done = || frozen::frozen(&record.groups) != Some(true) || frozen::above(&record.groups).is_some();
    if wait_until(FREEZE_WITHIN, done) {
        return Ok(());
    }
    Err(LifeError::refused(format!("'{}' could not be thawed in time", record.name), "try again later"))
}

/// A process in the kernel is frozen when it returns from there. Less than a command waits for the answer
/// ([`crate::protocol::ask`]).
const FREEZE_WITHIN: Duration = Duration::from_secs(8);

/// Removes what was made on the host for a domain, newest first; returns what was there, and what could
/// not be removed.
pub fn remove(made: &[Made]) -> (Vec<String>, Vec<String>) {
    let (mut removed, mut left) = (Vec::new(), Vec::new());
    for made in made.iter().rev() {
        match made {
            Made::Group { path, shared } => {
                let there = path.exists();
                if there && !is_group_at(path) {
                    left.push(format!("left {}: it is no control group", path.display()));
                    continue;
                }
                match remove_group(&path.to_string_lossy(), *shared) {
                    Ok(()) if there && !shared => removed.push(path.display().to_string()),
                    Ok(()) => {}
                    Err(error) => left.push(error),
                }
            }
            Made::Link { name, number } => match browndog_runtime::net::remove_if(name, *number) {
                Ok(true) => removed.push(format!("the link {name}")),
                // The kernel has, with the container's network.
                Ok(false) => {}
                Err(errno) => left.push(format!("cannot remove the link {name}: {errno}")),
            },
            Made::Target { root, path, inode } => match remove_target(root, *inode, path) {
                Ok(true) => removed.push(format!("the mount point {} in {}", path.display(), root.display())),
                Ok(false) => {}
                Err(error) => {
                    left.push(format!("cannot remove {} in {}: {error}", path.display(), root.display()))
                }
            },
        }
    }
    (removed, left)
}

/// Removes what is still a mount point that was made, where nobody stands on that root any more.
fn remove_target(root: &Path, inode: Option<(u64, u64)>, path: &Path) -> std::io::Result<bool> {
    use nix::fcntl::{OFlag, open};
    let relative = path.strip_prefix("/").unwrap_or(path);
    let path = std::ffi::CString::new(relative.as_os_str().as_encoded_bytes())?;
    // Nothing is waited for: what stands there now may be a FIFO, and no link is followed to another root.
    let flags = OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
    let root = match open(root, flags, nix::sys::stat::Mode::empty()) {
        Err(nix::errno::Errno::ENOENT) => return Ok(false),
        // Another thing is in its place; O_NOFOLLOW says so of a link.
        Err(nix::errno::Errno::ENOTDIR | nix::errno::Errno::ELOOP) => return Err(other_root()),
        opened => opened?,
    };
    let found = nix::sys::stat::fstat(&root)?;
    if inode.is_some_and(|inode| inode != (found.st_dev, found.st_ino)) {
        return Err(other_root());
    }
    Ok(browndog_runtime::targets::remove_unused(&root, &path)?)
}

fn other_root() -> std::io::Error {
    std::io::Error::other("something else is in the place of that root directory now")
}

#[cfg(test)]
mod tests {
    use std::os::fd::AsRawFd;
    use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};

    use super::*;

    #[test]
    fn only_empty_mount_points_are_removed_and_never_outside_the_root() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().join("root");
        fs::create_dir_all(root.join("empty")).unwrap();
        fs::create_dir_all(root.join("full/inner")).unwrap();
        fs::write(root.join("file"), "").unwrap();
        fs::write(root.join("data"), "mine").unwrap();
        fs::create_dir(dir.path().join("outside")).unwrap();
        std::os::unix::fs::symlink("..", root.join("up")).unwrap();
        fs::create_dir(root.join("theirs")).unwrap();
        // As a start marks what it makes.
        for (path, mode) in
            [("empty", 0o1755), ("full", 0o1755), ("file", 0o1644), ("data", 0o1644), ("../outside", 0o1755)]
        {
            fs::set_permissions(root.join(path), fs::Permissions::from_mode(mode)).unwrap();
        }
        let made: Vec<Made> = ["/empty", "/full", "/file", "/data", "/theirs", "/none/at/all", "/up/outside"]
            .map(|path| Made::Target { root: root.clone(), path: path.into(), inode: None })
            .to_vec();
        let (removed, left) = remove(&made);
        assert_eq!((removed.len(), left), (2, Vec::new()), "{removed:?}");
        assert!(root.join("full/inner").exists() && root.join("data").exists());
        assert!(dir.path().join("outside").exists() && root.join("theirs").exists());
        let again = fs::DirBuilder::new().mode(0o1755).create(root.join("empty"));
        again.unwrap();
        let held = browndog_runtime::targets::hold(fs::File::open(&root).unwrap().as_raw_fd());
        assert_eq!(remove(&made).0, Vec::<String>::new(), "somebody stands on it");
        drop(held);
        assert_eq!(remove(&made).0.len(), 1);
    }

    #[test]
    fn what_stands_in_the_place_of_a_root_is_not_opened_and_not_touched() {
        let dir = tempfile::tempdir().unwrap();
        let make = |name: &str| {
            fs::create_dir_all(dir.path().join(name).join("proc")).unwrap();
            let marked = fs::Permissions::from_mode(0o1755);
            fs::set_permissions(dir.path().join(name).join("proc"), marked).unwrap();
            dir.path().join(name)
        };
        let (root, other) = (make("root"), make("other"));
        let inode = fs::metadata(&root).map(|found| (found.dev(), found.ino())).ok();
        let made = [Made::Target { root: root.clone(), path: "/proc".into(), inode }];
        fs::rename(&root, dir.path().join("moved")).unwrap();
        // Nobody opens the other end of it: whoever waits for that waits for ever.
        nix::unistd::mkfifo(&root, nix::sys::stat::Mode::S_IRWXU).unwrap();
        assert!(remove(&made).1[0].contains("something else is in the place"));
        fs::remove_file(&root).unwrap();
        std::os::unix::fs::symlink(&other, &root).unwrap();
        assert!(remove(&made).1[0].contains("something else is in the place"));
        fs::remove_file(&root).unwrap();
        fs::rename(&other, &root).unwrap();
        assert!(remove(&made).1[0].contains("something else is in the place"));
        assert!(root.join("proc").exists() && dir.path().join("moved/proc").exists());
        fs::rename(&root, &other).unwrap();
        fs::rename(dir.path().join("moved"), &root).unwrap();
        assert_eq!(remove(&made).0.len(), 1);
    }

    #[test]
    fn what_is_no_control_group_is_neither_killed_thawed_nor_removed() {
        let dir = tempfile::tempdir().unwrap();
        let mut sleeper = std::process::Command::new("sleep").arg("100").spawn().unwrap();
        fs::write(dir.path().join("cgroup.procs"), format!("{}\n-{0}\n0\n", sleeper.id())).unwrap();
        assert_eq!(processes(dir.path()), [sleeper.id() as i32]);
        fs::write(dir.path().join("freezer.state"), "mine").unwrap();
        let group = Group { controller: "freezer".to_owned(), path: dir.path().to_owned() };
        kill(std::slice::from_ref(&group));
        thaw([&group]);
        assert_eq!(fs::read_to_string(dir.path().join("freezer.state")).unwrap(), "mine");
        let (removed, left) = remove(&[Made::Group { path: dir.path().to_owned(), shared: false }]);
        assert_eq!((removed.len(), left.len()), (0, 1));
        assert_eq!(sleeper.try_wait().unwrap(), None);
        sleeper.kill().unwrap();
        assert!(sleeper.wait().is_ok());
    }

    #[test]
    fn a_keyed_file_is_read_by_whole_keys() {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), "oom 3\noom_kill 2\n").unwrap();
        assert_eq!(keyed(file.path(), "oom_kill"), Some(2));
        assert_eq!(keyed(file.path(), "oom"), Some(3));
        assert_eq!(keyed(file.path(), "o"), None);
    }
}
