//! waitid(2) with the numbers as the kernel gives them: enumerations of signals end at 31, and a program may
//! be ended by a real-time signal as well.

use nix::errno::Errno;
use nix::libc;

/// A child that has changed its state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Waited {
    /// Its process id.
    pub pid: i32,
    /// `si_code`: CLD_EXITED, CLD_KILLED, CLD_DUMPED or another of sigaction(2).
    pub code: i32,
    /// `si_status`: the exit status, or the number of the signal.
    pub status: i32,
}

/// `waitid(kind, id, &info, options, NULL)`; `None` where WNOHANG found nobody.
///
/// # Errors
/// The errno of waitid(2).
pub fn waitid(kind: libc::idtype_t, id: u32, options: i32) -> Result<Option<Waited>, Errno> {
    let mut info = std::mem::MaybeUninit::<libc::siginfo_t>::zeroed();
    // SAFETY: the kernel writes at most one siginfo_t, which lives through the call.
    let ret = unsafe { libc::waitid(kind, id, info.as_mut_ptr(), options) };
    if ret == -1 {
        return Err(Errno::last());
    }
    // SAFETY: zeroed above, a valid value of this plain structure, and then filled by the kernel.
    let info = unsafe { info.assume_init() };
    // SAFETY: waitid(2) fills the fields of SIGCHLD, or leaves zeros where nobody was found.
    let pid = unsafe { info.si_pid() };
    // SAFETY: as above.
    let status = unsafe { info.si_status() };
    Ok((pid != 0).then_some(Waited { pid, code: info.si_code, status }))
}

/// `kill(pid, signal)` with any number that the kernel knows.
///
/// # Errors
/// The errno of kill(2).
pub fn kill(pid: i32, signal: i32) -> Result<(), Errno> {
    // SAFETY: kill takes two numbers.
    Errno::result(unsafe { libc::kill(pid, signal) }).map(drop)
}
