//! A container's network that can be found again when its launcher was killed.
//!
//! With the last process of a network namespace the kernel moves its hardware to the machine's first
//! namespace, and destroys every device made of software (default_device_exit_net of net/core/dev.c), also
//! one of the host's that has moved in. So such a namespace is pinned, as ip-netns(8) does, until its
//! devices are back: the launcher takes the pin away, or the next command does so in its place.

use std::fmt::Write as _;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::Write as _;
use std::os::fd::OwnedFd;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::Path;

use nix::errno::Errno;
use nix::fcntl::{Flock, FlockArg};
use nix::libc;

use super::back::{Back, move_back};
use super::make::{lost, number_of};
use super::rtnetlink::Routing;
use crate::errno_of;
use crate::path::c_string;
use crate::sys;

/// The pins: the namespace of the start INSTANCE on `INSTANCE`, and beside it, in `INSTANCE.devices`, which its
/// launcher keeps locked (flock(2)) for as long as it lives, whose network it is to be given back to and what:
/// `home INODE`, then `NAME up|down INDEX` for each device, twice
/// where it has moved: the index is the one inside, 0 before.
const DIR: &str = "/run/browndog-netns";

/// Where the namespace of a start is pinned.
pub(crate) fn path_of(instance: &str) -> String {
    format!("{DIR}/{instance}")
}

fn devices_of(path: &str) -> String {
    format!("{path}.devices")
}

/// Which network namespace this thread is in.
fn home() -> Result<u64, Errno> {
    fs::metadata("/proc/thread-self/ns/net").map(|meta| meta.ino()).map_err(errno_of)
}

/// The lock of a pin: who holds it lives.
pub type Hold = Flock<File>;

/// Pins the network namespace of process `pid`; the caller keeps the lock until it takes the pin away.
pub(crate) fn make(path: &str, pid: i32) -> Result<Hold, Errno> {
    let home = format!("home {}\n", home()?);
    let mut written = write_first(path, &home);
    for _ in 0..TRIES {
        // Until there is a file in it, the directory is taken away again by whoever removes the last other pin.
        if !matches!(written, Err(Errno::ENOENT | Errno::EEXIST | Errno::EWOULDBLOCK)) {
            break;
        }
        written = write_first(path, &home);
    }
    let hold = written?;
    drop(File::create(path).map_err(errno_of)?);
    let namespace = c_string(&format!("/proc/{pid}/ns/net"));
    sys::mount(Some(&namespace), &c_string(path), None, libc::MS_BIND, None)?;
    Ok(hold)
}

/// Each lost to another command that did all its work in the moment between two calls.
const TRIES: u32 = 1000;

/// Locked before anything is in it.
fn write_first(path: &str, home: &str) -> Result<Hold, Errno> {
    DirBuilder::new().recursive(true).mode(0o700).create(DIR).map_err(errno_of)?;
    let mut options = OpenOptions::new();
    let options = options.write(true).create(true).truncate(true).mode(0o600).custom_flags(libc::O_NOFOLLOW);
    let file = options.open(devices_of(path)).map_err(errno_of)?;
    let mut hold = Flock::lock(file, FlockArg::LockExclusiveNonblock).map_err(|(_, errno)| errno)?;
    // Somebody has cleaned up before it was locked: it is no pin any more.
    let inode = |found: std::io::Result<fs::Metadata>| found.map(|found| found.ino()).map_err(errno_of);
    if inode(hold.metadata())? != inode(fs::symlink_metadata(devices_of(path)))? {
        return Err(Errno::ENOENT);
    }
    hold.write_all(home.as_bytes()).map_err(errno_of)?;
    Ok(hold)
}

/// Notes a device that is about to move into the pinned namespace, or has as number `index`.
pub(super) fn note(path: &str, name: &str, was_up: bool, index: u32) -> Result<(), Errno> {
    let mut line = String::new();
    crate::disregard(writeln!(line, "{name} {} {index}", if was_up { "up" } else { "down" }));
    let file = OpenOptions::new().append(true).open(devices_of(path));
    file.and_then(|mut file| file.write_all(line.as_bytes())).map_err(errno_of)
}

/// The starts whose networks are pinned.
pub fn instances() -> Vec<String> {
    let names = fs::read_dir(DIR).into_iter().flatten().flatten();
    let names = names.filter_map(|entry| entry.file_name().into_string().ok());
    let mut all: Vec<String> = names.map(|name| name.trim_end_matches(".devices").to_owned()).collect();
    all.sort();
    all.dedup();
    all
}

/// The same as [`give_back`] where its launcher is gone: it does not hold the lock any more.
///
/// # Errors
/// Those of [`give_back`].
pub fn give_back_unheld(instance: &str) -> Result<Vec<String>, String> {
    let file =
        OpenOptions::new().read(true).custom_flags(libc::O_NOFOLLOW).open(devices_of(&path_of(instance)));
    // One that cannot be opened, or that somebody holds, is somebody's.
    match file.map(|file| Flock::lock(file, FlockArg::LockExclusiveNonblock)) {
        Ok(Ok(_hold)) => give_back(instance),
        Ok(Err(_)) | Err(_) => Ok(Vec::new()),
    }
}

/// Gives the devices of a pinned network back to the host and takes the pin away; returns their names.
/// Nothing is done in another network namespace than the one that they came from.
///
/// # Errors
/// Which device could not be given back, and why: then it stays where it is, pinned; or which is lost.
pub fn give_back(instance: &str) -> Result<Vec<String>, String> {
    let (back, gone) = take_back(instance)?;
    gone.first().map_or(Ok(back), |name| Err(lost(name)))
}

/// The same; returns which came back, and which are lost.
pub(super) fn take_back(instance: &str) -> Result<(Vec<String>, Vec<String>), String> {
    let path = path_of(instance);
    let text = fs::read_to_string(devices_of(&path)).unwrap_or_default();
    let mut lines = text.lines();
    let of: Option<u64> = lines.next().and_then(|line| line.strip_prefix("home ")?.parse().ok());
    if of.is_some() && of != home().ok() {
        return Ok((Vec::new(), Vec::new()));
    }
    let failed = |what: &str| {
        let what = what.to_owned();
        move |errno: Errno| format!("cannot give {what} back to the host: {} ({errno})", errno.desc())
    };
    let mut back = Vec::new();
    let mut gone: Vec<&str> = Vec::new();
    if let Some(netns) = open(&path) {
        let inside = Routing::open_in(&netns).map_err(failed("the devices"))?;
        let lines: Vec<&str> = lines.collect();
        for line in &lines {
            let [name, state, index] = line.split(' ').collect::<Vec<_>>()[..] else { continue };
            // Its number is known: what has its name in there may be the container's own.
            let is_of_it = |other: &str| other.strip_prefix(name).is_some_and(|rest| rest.starts_with(' '));
            if index == "0" && lines.iter().any(|other| is_of_it(other) && !other.ends_with(" 0")) {
                continue;
            }
            let index = match index.parse() {
                Ok(0) | Err(_) => inside.index_of(name),
                Ok(index) => Ok(index),
            };
            let moved = index.and_then(|index| move_back(name, &netns, index, state == "up"));
            match moved {
                Ok(Back::Home) => back.push(name.to_owned()),
                Ok(Back::As(now)) => {
                    back.push(format!("{name} (as {now}: its name is another link's by now)"));
                }
                // It never went, is back already, or is not in there any more.
                Ok(Back::Gone) | Err(Errno::ENODEV) => gone.push(name),
                Err(errno) => return Err(failed(name)(errno)),
            }
        }
    }
    remove(&path).map_err(failed("the container's network"))?;
    let is_lost =
        |name: &&str| !back.iter().any(|back| came_back(back, name)) && number_of(name) == Err(Errno::ENODEV);
    let gone = gone.into_iter().filter(is_lost).map(str::to_owned).collect();
    Ok((back, gone))
}

/// Whether `back` tells of this device, under whatever name.
fn came_back(back: &str, name: &str) -> bool {
    back.strip_prefix(name).is_some_and(|rest| rest.is_empty() || rest.starts_with(" (as "))
}

fn open(path: &str) -> Option<OwnedFd> {
    let fd = File::open(path).map(OwnedFd::from).ok()?;
    // A file that nothing was mounted on yet.
    crate::sys::paths::is_namespace(&fd).then_some(fd)
}

fn remove(path: &str) -> Result<(), Errno> {
    match sys::umount2(&c_string(path), libc::MNT_DETACH) {
        Ok(()) | Err(Errno::EINVAL | Errno::ENOENT) => {}
        Err(errno) => return Err(errno),
    }
    for file in [path, &devices_of(path)] {
        match fs::remove_file(Path::new(file)) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(errno_of(error)),
            _ => {}
        }
    }
    // Others may have theirs there.
    crate::disregard(fs::remove_dir(DIR));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pin_is_made_and_taken_away_while_others_are() {
        if !nix::unistd::geteuid().is_root() {
            eprintln!("skipped: pinning a network needs root");
            return;
        }
        let own = std::process::id() as i32;
        std::thread::scope(|scope| {
            for thread in 0..4 {
                let _handle = scope.spawn(move || {
                    // As in the names of starts, which commands take away whose launcher is gone: this one is not.
                    for turn in 0..200 {
                        let path = path_of(&format!("{own}-pin{thread}.{turn}"));
                        let hold = make(&path, own).unwrap_or_else(|errno| panic!("{path}: {errno}"));
                        assert_eq!(remove(&path), Ok(()), "{path}");
                        drop(hold);
                    }
                });
            }
        });
    }
}
