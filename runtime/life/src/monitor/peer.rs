//! Who may command a monitor: its owner, by the place that the process is in, and not by its user id alone.
//!
//! A socket is reachable wherever its directory is, also in a container on the host's tree and on a mount that is
//! read-only; and the root of a container may be the host's user id 0. So a peer has to be in the monitor's own
//! PID namespace, in its user namespace or outside of it, and in no container's control groups. What cannot be
//! judged is refused.

use std::fs;
use std::os::fd::{AsRawFd, OwnedFd};

use browndog_runtime::plan::GROUP_SUFFIX;
use browndog_runtime::sys;
use nix::errno::Errno;

use crate::protocol::Connection;
use crate::record::Record;

/// Whether the process at the other end may command the monitor of this record's domain; its process id.
///
/// # Errors
/// Why not.
pub(super) fn judge(connection: &Connection, record: &Record) -> Result<i32, String> {
    let (uid, pid) = connection.peer().ok_or("the kernel does not say who it is")?;
    if uid != nix::unistd::geteuid().as_raw() && uid != 0 {
        return Err(format!("process {pid} of user {uid} is not the owner's"));
    }
    if pid <= 0 {
        return Err("it is in a PID namespace that the monitor does not see".to_owned());
    }
    // Kernels before 6.5 give no descriptor of the peer: then its number, as long as it lives.
    let pidfd = match sys::monitor::peer_pidfd(&connection) {
        Ok(pidfd) => pidfd,
        Err(Errno::ENOPROTOOPT | Errno::EINVAL) => {
            sys::adopt(sys::pidfd_open(pid, 0).map_err(|_| format!("process {pid} is gone"))? as i32)
        }
        Err(errno) => return Err(format!("process {pid} cannot be judged: {errno}")),
    };
    let numbers = numbers(&pidfd).ok_or_else(|| format!("process {pid} is gone"))?;
    let own = sys::pidfd_open(std::process::id().cast_signed(), 0).map(|fd| sys::adopt(fd as i32));
    let own = own.ok().and_then(|own| self::numbers(&own)).ok_or("the monitor's own place is not known")?;
    // It has a number in our namespace: in one further in it would have one more.
    if numbers.len() != own.len() {
        return Err(format!("process {pid} is in a container: its PID namespace is another"));
    }
    let shown = numbers.first().copied().unwrap_or(pid);
    user_namespace(shown)?;
    groups(shown, record)?;
    // All of that was of this process, and not of a later one with its number.
    match sys::pidfd_send_signal(pidfd.as_raw_fd(), 0, 0, 0) {
        Ok(_) | Err(Errno::EPERM) => Ok(pid),
        Err(_) => Err(format!("process {pid} is gone")),
    }
}

/// A process's number in each PID namespace from that of our /proc down to its own (proc_pid_fdinfo(5)).
fn numbers(pidfd: &OwnedFd) -> Option<Vec<i32>> {
    let text = fs::read_to_string(format!("/proc/self/fdinfo/{}", pidfd.as_raw_fd())).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("NSpid:"))?;
    let numbers: Vec<i32> = line.split_ascii_whitespace().map_while(|word| word.parse().ok()).collect();
    (numbers.first().is_some_and(|first| *first > 0)).then_some(numbers)
}

/// Not one inside ours. Those outside of ours cannot be looked at from here (ptrace(2), PTRACE_MODE_READ): theirs
/// is the owner, who has the user id.
fn user_namespace(pid: i32) -> Result<(), String> {
    let own = fs::read_link("/proc/self/ns/user").map_err(|error| format!("own user namespace: {error}"))?;
    match fs::read_link(format!("/proc/{pid}/ns/user")) {
        Ok(theirs) if theirs != own => {
            Err(format!("process {pid} is in a container: its user namespace is another"))
        }
        Err(error) if error.kind() == std::io::ErrorKind::PermissionDenied => Ok(()),
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(format!("process {pid} cannot be judged: {error}"))
        }
        // A kernel without user namespaces has no such file; then nobody is in one.
        _ => Ok(()),
    }
}

/// In no group of the domain's own, and in no other container's of ours, but where the monitor itself is in one.
fn groups(pid: i32, record: &Record) -> Result<(), String> {
    let read = |who: &str| fs::read_to_string(format!("/proc/{who}/cgroup"));
    let theirs = match read(&pid.to_string()) {
        Ok(text) => text,
        // A kernel without control groups: nobody is in any.
        Err(error) if error.kind() == std::io::ErrorKind::NotFound && record.groups.is_empty() => {
            return Ok(());
        }
        Err(error) => return Err(format!("process {pid} cannot be judged: {error}")),
    };
    let own = read("self").unwrap_or_default();
    let names: Vec<_> = record.groups.iter().filter_map(|group| group.path.file_name()?.to_str()).collect();
    let parts = |text: &str| -> Vec<String> {
        text.lines().flat_map(|line| line.split('/').skip(1)).map(str::to_owned).collect()
    };
    let around = parts(&own);
    let container = parts(&theirs).into_iter().find(|part| {
        names.contains(&part.as_str()) || (part.ends_with(GROUP_SUFFIX) && !around.contains(part))
    });
    match container {
        Some(group) => Err(format!("process {pid} is in a container: it is in the group {group}")),
        None => Ok(()),
    }
}
