//! The device policy of a group, in both versions; read back.

use std::fs;
use std::io::Write;
use std::os::fd::{AsFd, AsRawFd, OwnedFd, RawFd};

use nix::errno::Errno;
use nix::libc;

use crate::errno_of;
use crate::plan::device_policy::Rule;
use crate::plan::step::c_string;
use crate::sys;

/// Version 1: nothing, then each rule; `devices.list` has to say the same.
pub(super) fn write_list(group: &str, rules: &[Rule]) -> Result<(), Errno> {
    let rules = lines(rules);
    write(group, "devices.deny", &["a"])?;
    write(group, "devices.allow", &rules)?;
    check_list(group, &rules)
}

fn lines<'a>(rules: impl IntoIterator<Item = &'a Rule>) -> Vec<String> {
    rules.into_iter().map(ToString::to_string).collect()
}

/// One write(2) a line: the kernel takes one rule at a time.
fn write(group: &str, file: &str, lines: &[impl AsRef<str>]) -> Result<(), Errno> {
    let path = [group, "/", file].concat();
    let mut file = fs::OpenOptions::new().write(true).open(path).map_err(errno_of)?;
    lines.iter().try_for_each(|line| file.write_all(line.as_ref().as_bytes())).map_err(errno_of)
}

fn check_list(group: &str, rules: &[String]) -> Result<(), Errno> {
    let list = fs::read_to_string([group, "/devices.list"].concat()).map_err(errno_of)?;
    let mut have: Vec<&str> = list.lines().collect();
    let mut want: Vec<&str> = rules.iter().map(String::as_str).collect();
    for lines in [&mut have, &mut want] {
        lines.sort_unstable();
        lines.dedup();
    }
    if have == want { Ok(()) } else { Err(Errno::ERANGE) }
}

/// The policy of a group that is in use becomes another one: what both allow opens at every moment.
pub(super) fn change(group: &str, old: &[Rule], new: &[Rule], program: Option<&[u64]>) -> Result<(), Errno> {
    match program {
        Some(program) => replace_policy(group, program),
        None => change_list(group, old, new),
    }
}

fn change_list(group: &str, old: &[Rule], new: &[Rule]) -> Result<(), Errno> {
    write(group, "devices.allow", &lines(new.iter().filter(|rule| !old.contains(rule))))?;
    write(group, "devices.deny", &lines(old.iter().filter(|rule| !new.contains(rule))))?;
    check_list(group, &lines(new))
}

fn open(group: &str) -> Result<OwnedFd, Errno> {
    sys::open(&c_string(group), libc::O_PATH | libc::O_DIRECTORY)
}

fn replace_policy(group: &str, program: &[u64]) -> Result<(), Errno> {
    let group = open(group)?;
    let old = sys::device_policies(group.as_fd())?;
    if old.len() > 1 {
        // One of them is somebody else's, and nothing says which.
        return Err(Errno::EBUSY);
    }
    let program = sys::load_device_policy(program)?;
    sys::attach_device_policy(group.as_fd(), program.as_raw_fd())?;
    // With both attached only what both allow opens.
    old.iter().try_for_each(|old| sys::detach_device_policy(group.as_fd(), old.as_fd()))?;
    if sys::count_device_policies(group.as_fd())? == 1 { Ok(()) } else { Err(Errno::ERANGE) }
}

/// Version 2: a program on the group, which goes with it: the one that is ready, else it is loaded. The group's
/// directory, open.
pub(super) fn attach_policy(group: &str, program: &[u64], ready: Option<RawFd>) -> Result<OwnedFd, Errno> {
    let group = open(group)?;
    match ready {
        Some(ready) => sys::attach_device_policy(group.as_fd(), ready)?,
        None => {
            let program = sys::load_device_policy(program)?;
            sys::attach_device_policy(group.as_fd(), program.as_raw_fd())?;
        }
    }
    if sys::count_device_policies(group.as_fd())? == 0 { Err(Errno::ERANGE) } else { Ok(group) }
}
