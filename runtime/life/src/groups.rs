//! The control groups of a domain as directories: killing, freezing and removing them.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use browndog_runtime::exec::live::remove_group;

use crate::error::{LifeError, Result};
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
    let mut all: Vec<i32> = text.lines().filter_map(|line| line.parse().ok()).collect();
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

/// Kills every process of the groups: `cgroup.kill` where there is one; elsewhere each process, again and
/// again until there is none, thawed so that a frozen one can die.
pub fn kill(groups: &[Group]) {
    let unified = groups.iter().find(|group| group.controller == crate::record::UNIFIED);
    if let Some(group) = unified
        && fs::write(group.path.join("cgroup.kill"), "1").is_ok()
    {
        return;
    }
    let Some(group) = unified.or(groups.first()) else { return };
    if group.controller == "freezer" {
        crate::disregard(fs::write(group.path.join("freezer.state"), "FROZEN"));
    } else {
        crate::disregard(fs::write(group.path.join("cgroup.freeze"), "1"));
    }
    for pid in processes(&group.path) {
        // ESRCH: it has ended meanwhile.
        crate::disregard(nix::sys::signal::kill(
            nix::unistd::Pid::from_raw(pid),
            nix::sys::signal::Signal::SIGKILL,
        ));
    }
    thaw(groups);
}

/// Thaws the groups, where they are frozen.
pub fn thaw(groups: &[Group]) {
    for group in groups {
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
    if let Some(group) = record.unified().filter(|group| group.join("cgroup.freeze").exists()) {
        return Ok(Freezer::V2(group.to_owned()));
    }
    if let Some(group) = record.group("freezer") {
        return Ok(Freezer::V1(group.to_owned()));
    }
    Err(LifeError::refused(
        format!("'{}' cannot be suspended: it has no control group that can be frozen", record.name),
        "start it as root, or in a control group of version 2 that is handed over to you: \
         systemd-run --user --scope -p Delegate=yes browndog start NAME",
    ))
}

/// Freezes or thaws a domain and waits until the kernel says that it is.
///
/// # Errors
/// There is no freezer, or a process could not be frozen in time; it is thawed again then.
pub fn set_frozen(record: &Record, frozen: bool) -> Result<()> {
    let (path, value, state): (PathBuf, &str, Box<dyn Fn() -> bool>) = match freezer(record)? {
        Freezer::V2(group) => {
            let events = group.join("cgroup.events");
            let done = move || keyed(&events, "frozen") == Some(u64::from(frozen));
            (group.join("cgroup.freeze"), if frozen { "1" } else { "0" }, Box::new(done))
        }
        Freezer::V1(group) => {
            let value = if frozen { "FROZEN" } else { "THAWED" };
            let file = group.join("freezer.state");
            let done = {
                let file = file.clone();
                move || fs::read_to_string(&file).is_ok_and(|text| text.trim() == value)
            };
            (file, value, Box::new(done))
        }
    };
    fs::write(&path, value).map_err(|error| LifeError::file("write", &path, error))?;
    if wait_until(FREEZE_WITHIN, state) {
        return Ok(());
    }
    thaw(&record.groups);
    Err(LifeError::refused(
        format!("'{}' could not be {} in time", record.name, if frozen { "frozen" } else { "thawed" }),
        "a process that waits for a device in the kernel cannot be frozen: try again later",
    ))
}

/// A process in the kernel is frozen when it returns from there.
const FREEZE_WITHIN: Duration = Duration::from_secs(10);

/// Removes what was made on the host for a domain, newest first; returns what was there, and what could
/// not be removed.
pub fn remove(made: &[Made]) -> (Vec<String>, Vec<String>) {
    let (mut removed, mut left) = (Vec::new(), Vec::new());
    for made in made.iter().rev() {
        match made {
            Made::Group { path, shared } => {
                let there = path.exists();
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
            Made::Target { root, path } => match remove_target(root, path) {
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
fn remove_target(root: &Path, path: &Path) -> std::io::Result<bool> {
    let relative = path.strip_prefix("/").unwrap_or(path);
    let path = std::ffi::CString::new(relative.as_os_str().as_encoded_bytes())?;
    Ok(browndog_runtime::targets::remove_unused(&fs::File::open(root)?.into(), &path)?)
}

#[cfg(test)]
mod tests {
    use std::os::fd::AsRawFd;
    use std::os::unix::fs::{DirBuilderExt, PermissionsExt};

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
            .map(|path| Made::Target { root: root.clone(), path: path.into() })
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
    fn a_keyed_file_is_read_by_whole_keys() {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), "oom 3\noom_kill 2\n").unwrap();
        assert_eq!(keyed(file.path(), "oom_kill"), Some(2));
        assert_eq!(keyed(file.path(), "oom"), Some(3));
        assert_eq!(keyed(file.path(), "o"), None);
    }
}
