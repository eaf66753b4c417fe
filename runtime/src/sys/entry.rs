//! What a program has to do first that does not begin with Rust's own start code.
//!
//! That code reads the process's memory map to find the stack, and installs two signal handlers and a
//! second stack to say so when the stack overflows: a tenth of a millisecond with all its page faults,
//! for a message. What matters of it is done here.

use std::ffi::{CStr, OsStr, OsString, c_char, c_int};
use std::os::unix::ffi::OsStrExt;
use std::sync::OnceLock;

use nix::libc;

use super::{Result, check, openat2, reset_signals};

/// SIG_IGN as the kernel's sigaction has it: handler, flags, restorer, mask.
const IGNORE: [u64; 4] = [1, 0, 0, 0];

/// What the process was started with.
static ARGUMENTS: OnceLock<Vec<OsString>> = OnceLock::new();

/// The words of the command line, the program's name the first. Those of `std::env` are empty under musl,
/// which hands them to `main` alone and not, as glibc does, to every library.
#[expect(clippy::disallowed_methods, reason = "a program that begins with Rust's own start code")]
pub fn arguments() -> &'static [OsString] {
    ARGUMENTS.get_or_init(|| std::env::args_os().collect())
}

/// Children can be waited for afterwards: of who ignores SIGCHLD, as a caller may have left it, the kernel
/// takes them away, and nobody learns how they ended (wait(2), NOTES).
///
/// # Errors
/// The errno of sigaction(2).
pub fn keep_children() -> Result<()> {
    reset_signals(1 << (libc::SIGCHLD - 1))
}

/// Ignores a signal: sigaction(2). Whatever is executed inherits it.
///
/// # Errors
/// EINVAL for a number that is no signal's.
pub fn ignore(signal: c_int) -> Result<()> {
    let old: *mut u64 = std::ptr::null_mut();
    // SAFETY: the kernel reads one 32-byte sigaction (8-byte mask), a constant.
    check(unsafe { libc::syscall(libc::SYS_rt_sigaction, signal, IGNORE.as_ptr(), old, 8) }).map(drop)
}

/// For `main`, with its arguments: [`arguments`] are known afterwards.
///
/// Descriptors 0, 1 and 2 are open afterwards, so that no file of ours gets one of these numbers and is
/// inherited as such; a write to a pipe without a reader is an error, not the end. Gives whether it was that
/// already: whether SIGPIPE was ignored.
///
/// # Errors
/// The errno of poll(2), openat2(2), fcntl(2) or sigaction(2).
///
/// # Safety
/// `arguments` are `count` terminated strings that nobody changes meanwhile, as `main` gets them.
pub unsafe fn take_over(count: c_int, arguments: *const *const c_char) -> Result<bool> {
    // SAFETY: the caller's promise; the vector is not null even where it is empty.
    let given = unsafe { std::slice::from_raw_parts(arguments, usize::try_from(count).unwrap_or(0)) };
    // SAFETY: each of them is a terminated string.
    let word = |at: &*const c_char| OsStr::from_bytes(unsafe { CStr::from_ptr(*at) }.to_bytes()).to_owned();
    let _known: &Vec<OsString> = ARGUMENTS.get_or_init(|| given.iter().map(word).collect());
    let mut standard = [0, 1, 2].map(|fd| libc::pollfd { fd, events: 0, revents: 0 });
    let at_once = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    let no_mask: *const u64 = std::ptr::null();
    // SAFETY: three pollfds and one timespec, all alive through the call; no signal mask.
    let polled = unsafe {
        libc::syscall(
            libc::SYS_ppoll,
            standard.as_mut_ptr(),
            standard.len(),
            std::ptr::from_ref(&at_once),
            no_mask,
            8,
        )
    };
    let _ready = check(polled)?;
    for _closed in standard.iter().filter(|one| one.revents & libc::POLLNVAL != 0) {
        // The kernel gives the lowest free number, which is the closed one; it stays open.
        let fd = openat2(libc::AT_FDCWD, c"/dev/null", libc::O_RDWR, 0, 0)?;
        // SAFETY: F_SETFD takes a number; without FD_CLOEXEC the descriptor is inherited like the other two.
        let _zero = check(unsafe { libc::syscall(libc::SYS_fcntl, fd, libc::F_SETFD, 0) })?;
    }
    let mut old = [0_u64; 4];
    // SAFETY: the kernel reads one 32-byte sigaction (8-byte mask), a constant, and writes another.
    let _zero = check(unsafe {
        libc::syscall(libc::SYS_rt_sigaction, libc::SIGPIPE, IGNORE.as_ptr(), old.as_mut_ptr(), 8)
    })?;
    Ok(old[0] == IGNORE[0])
}
