//! System calls that no safe wrapper offers: attempts by number, for a probe that asks what a filter lets through.
//!
//! The only file of this crate with unsafe code.
#![allow(unsafe_code)]

use nix::errno::Errno;

/// An argument of an attempt.
#[derive(Debug)]
pub enum Arg<'a> {
    /// A flag, a descriptor, a size or a number of a thing; never where the call takes an address, for
    /// the binary itself lies below 4 GiB.
    Int(i32),
    /// The null pointer.
    Null,
    /// Memory that the call may read.
    In(&'a [u8]),
    /// Memory that the call may write: at most as much as it holds.
    Out(&'a mut [u8]),
}

/// Calls that would end, split or rearrange this process itself; they are refused with `EINVAL`.
const REFUSED: [libc::c_long; 10] = [
    libc::SYS_clone,
    libc::SYS_vfork,
    libc::SYS_fork,
    libc::SYS_exit,
    libc::SYS_exit_group,
    libc::SYS_munmap,
    libc::SYS_mremap,
    libc::SYS_brk,
    libc::SYS_rt_sigreturn,
    libc::SYS_arch_prctl,
];

/// Makes the call and hands back its answer.
pub(crate) fn attempt(number: libc::c_long, arguments: &mut [Arg<'_>]) -> Result<i64, Errno> {
    if REFUSED.contains(&number) {
        return Err(Errno::EINVAL);
    }
    let mut raw = [0_i64; 6];
    for (slot, argument) in raw.iter_mut().zip(arguments.iter_mut()) {
        *slot = match argument {
            Arg::Int(value) => i64::from(*value),
            Arg::Null => 0,
            Arg::In(bytes) => bytes.as_ptr() as i64,
            Arg::Out(bytes) => bytes.as_mut_ptr() as i64,
        };
    }
    // SAFETY: each of the six words is a number that the callers, all in this crate, pass where the call
    // takes no address, null, or the address of a borrowed buffer that outlives the call; the calls
    // that would take the process or its mappings apart are excluded above.
    let answer = unsafe { libc::syscall(number, raw[0], raw[1], raw[2], raw[3], raw[4], raw[5]) };
    if answer < 0 { Err(Errno::last()) } else { Ok(answer) }
}

/// A child in new namespaces, by clone(2) or by clone3(2), that ends at once.
pub(crate) fn clone_child(namespaces: nix::sched::CloneFlags, third: bool) -> Result<(), Errno> {
    use nix::sched::CloneFlags;
    // Nothing that would share memory with the child, or leave without one.
    let kinds = CloneFlags::CLONE_NEWNS
        | CloneFlags::CLONE_NEWCGROUP
        | CloneFlags::CLONE_NEWUTS
        | CloneFlags::CLONE_NEWIPC
        | CloneFlags::CLONE_NEWUSER
        | CloneFlags::CLONE_NEWPID
        | CloneFlags::CLONE_NEWNET;
    let flags = i64::from((namespaces & kinds).bits());
    let none = 0_i64;
    // struct clone_args, its first version of 64 bytes: flags first, the signal at the end in the fifth word.
    let arguments = [flags, 0, 0, 0, i64::from(libc::SIGCHLD), 0, 0, 0];
    let pid = if third {
        // SAFETY: as fork(2): the child has a copy of all memory and one thread; the kernel reads 64 bytes of an
        // array that outlives the call.
        unsafe { libc::syscall(libc::SYS_clone3, arguments.as_ptr(), 64_usize) }
    } else {
        // SAFETY: as fork(2), with no stack of its own; every word is a number.
        unsafe { libc::syscall(libc::SYS_clone, flags | i64::from(libc::SIGCHLD), none, none, none, none) }
    };
    if pid == 0 {
        // SAFETY: _exit(2) ends the child at once and runs nothing of ours.
        unsafe { libc::_exit(0) }
    }
    if pid < 0 {
        return Err(Errno::last());
    }
    let pid = nix::unistd::Pid::from_raw(i32::try_from(pid).unwrap_or(0));
    nix::sys::wait::waitpid(pid, None).map(drop)
}

/// Ignores a signal in this process (`signal(n, SIG_IGN)`), which its programs inherit.
pub fn ignore(signal: i32) -> Result<(), Errno> {
    dispose(signal, libc::SIG_IGN)
}

/// Gives a signal its default action again.
pub fn heed(signal: i32) -> Result<(), Errno> {
    dispose(signal, libc::SIG_DFL)
}

fn dispose(signal: i32, action: libc::sighandler_t) -> Result<(), Errno> {
    // SAFETY: both callers name an action of the kernel's, no function of ours that could run on a foreign stack.
    let before = unsafe { libc::signal(signal, action) };
    if before == libc::SIG_ERR { Err(Errno::last()) } else { Ok(()) }
}
