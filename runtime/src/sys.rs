//! The system calls that nix does not wrap, or wraps with an allocation, as thin safe functions.
//!
//! This file and those below it are the runtime's only ones with `unsafe` in them. Nothing here decides, locks or
//! allocates, and nothing retries but [`openat2`], so that everything may be called between clone and exec.
#![allow(unsafe_code)]

pub mod arena;
pub mod entry;
pub mod identity;

use std::ffi::{CStr, c_char, c_int, c_long};
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};

use nix::errno::Errno;
use nix::libc;
use nix::sys::resource::Resource;

mod bpf;
mod child_memory;
mod clone;
pub mod context;
mod loops;
pub mod memory;
pub mod monitor;
pub mod mount_id;
mod mounts;
pub mod paths;
pub mod spawn;
pub mod terminal;
pub mod wait;

pub use bpf::{
    administers_machine, attach_device_policy, count_device_policies, detach_device_policy, device_policies,
    device_policy_instructions, load_device_policy, pin_program, pinned_program,
};
pub use child_memory::{ChildMemory, Progress, STEPS_MAX};
pub use clone::{CloneArgs, clone3};
pub use loops::{configure_loop, free_loop_device};
pub use mounts::{
    MountAttr, detached_mount, is_procfs, is_sysfs, mount, mount_device, mount_setattr, move_mount,
    open_tree, pivot_root, umount2,
};
pub use terminal::{open_pty_peer, unread};

type Result<T> = std::result::Result<T, Errno>;

/// Turns the return value of `libc::syscall` into a result.
fn check(ret: c_long) -> Result<c_long> {
    if ret == -1 { Err(Errno::last()) } else { Ok(ret) }
}

fn owned(ret: c_long) -> Result<OwnedFd> {
    let fd = check(ret)? as RawFd;
    // SAFETY: the kernel has just returned this number as a new descriptor of this process; nothing
    // else knows it yet, so the `OwnedFd` is its only owner.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// `_exit_group(status)`: no exit handlers, nothing flushed.
pub fn exit_now(status: c_int) -> ! {
    loop {
        // SAFETY: exit_group takes a number and does not return.
        let _never: c_long = unsafe { libc::syscall(libc::SYS_exit_group, status) };
    }
}

/// Takes a descriptor number that this process owns and nothing else in it does.
pub fn adopt(fd: RawFd) -> OwnedFd {
    // SAFETY: callers pass a number the kernel stored for them (CLONE_PIDFD), owned by nobody yet.
    unsafe { OwnedFd::from_raw_fd(fd) }
}

/// Descriptor 0, 1 or 2.
pub fn standard(fd: RawFd) -> BorrowedFd<'static> {
    debug_assert!((0..3).contains(&fd));
    // SAFETY: these three are open from the first line of `main` on (`entry::take_over`), and nobody closes them.
    unsafe { BorrowedFd::borrow_raw(fd) }
}

/// `struct open_how` of openat2(2): flags, mode, resolve.
#[repr(C)]
struct OpenHow(u64, u64, u64);

/// How often a lookup is tried again that something was renamed beside, anywhere on the machine.
const OPEN_TRIES: usize = 64;

/// `openat2(dir, path, flags, mode, resolve)`: openat2(2). Where the kernel cannot tell whether `..` stays beneath, since
/// something was renamed or mounted meanwhile, it says EAGAIN, and is asked again, a bounded number of times.
pub fn openat2(dir: RawFd, path: &CStr, flags: c_int, mode: u32, resolve: u64) -> Result<RawFd> {
    let how = OpenHow((flags | libc::O_CLOEXEC) as u32 as u64, mode.into(), resolve);
    let mut opened = Err(Errno::EAGAIN);
    for _ in 0..OPEN_TRIES {
        // SAFETY: `path` and `how` live through the call; the size is that of the structure.
        let ret = unsafe {
            libc::syscall(
                libc::SYS_openat2,
                dir,
                path.as_ptr(),
                std::ptr::from_ref(&how),
                size_of::<OpenHow>(),
            )
        };
        opened = check(ret).map(|fd| fd as RawFd);
        if opened != Err(Errno::EAGAIN) || resolve == 0 {
            break;
        }
    }
    opened
}

/// Opens a path of the host, close-on-exec.
pub fn open(path: &CStr, flags: c_int) -> Result<OwnedFd> {
    openat2(libc::AT_FDCWD, path, flags, 0, 0).map(adopt)
}

/// `mkdirat(dir, path, mode)`: mkdir(2).
pub fn mkdirat(dir: RawFd, path: &CStr, mode: u32) -> Result<()> {
    // SAFETY: the string lives through the call.
    check(unsafe { libc::syscall(libc::SYS_mkdirat, dir, path.as_ptr(), mode) }).map(drop)
}

/// `mknodat(dir, path, mode, dev)`: mknod(2).
pub fn mknodat(dir: RawFd, path: &CStr, mode: u32, dev: u64) -> Result<()> {
    // SAFETY: the string lives through the call.
    check(unsafe { libc::syscall(libc::SYS_mknodat, dir, path.as_ptr(), mode, dev) }).map(drop)
}

/// `symlinkat(target, dir, path)`: symlink(2).
pub fn symlinkat(target: &CStr, dir: RawFd, path: &CStr) -> Result<()> {
    // SAFETY: both strings live through the call.
    check(unsafe { libc::syscall(libc::SYS_symlinkat, target.as_ptr(), dir, path.as_ptr()) }).map(drop)
}

/// `fchownat(dir, path, uid, gid, flags)`: chown(2).
pub fn fchownat(dir: RawFd, path: &CStr, uid: u32, gid: u32, flags: c_int) -> Result<()> {
    // SAFETY: the string lives through the call.
    check(unsafe { libc::syscall(libc::SYS_fchownat, dir, path.as_ptr(), uid, gid, flags) }).map(drop)
}

/// `unlinkat(dir, path, flags)`: unlink(2), rmdir(2).
pub fn unlinkat(dir: RawFd, path: &CStr, flags: c_int) -> Result<()> {
    // SAFETY: the string lives through the call.
    check(unsafe { libc::syscall(libc::SYS_unlinkat, dir, path.as_ptr(), flags) }).map(drop)
}

/// Gives the terminal `to` the window size of the terminal `from` (ioctl_tty(2)); nothing where `from`
/// is no terminal.
pub fn copy_window_size(from: RawFd, to: RawFd) {
    let mut size = libc::winsize { ws_row: 0, ws_col: 0, ws_xpixel: 0, ws_ypixel: 0 };
    // SAFETY: TIOCGWINSZ fills one winsize.
    let got = unsafe { libc::syscall(libc::SYS_ioctl, from, libc::TIOCGWINSZ, &raw mut size) };
    if got == 0 {
        // SAFETY: TIOCSWINSZ reads one winsize that lives through the call.
        let _set: c_long = unsafe { libc::syscall(libc::SYS_ioctl, to, libc::TIOCSWINSZ, &raw const size) };
    }
}

/// `fstatvfs(fd)`: the mount flags ST_* of the mount that `fd` stands on (statvfs(3), `f_flag`; one
/// fstatfs(2) and no allocation in the C library).
pub fn mount_flags(fd: RawFd) -> Result<u64> {
    let mut buffer = std::mem::MaybeUninit::<libc::statvfs>::zeroed();
    // SAFETY: `buffer` has room for one statvfs, which the call fills.
    let ret = unsafe { libc::fstatvfs(fd, buffer.as_mut_ptr()) };
    let _zero: c_long = check(ret.into())?;
    // SAFETY: every bit pattern is a statvfs; it was zeroed, then filled.
    Ok(unsafe { buffer.assume_init() }.f_flag)
}

/// `chdir(path)`: chdir(2).
pub fn chdir(path: &CStr) -> Result<()> {
    // SAFETY: the string lives through the call.
    check(unsafe { libc::syscall(libc::SYS_chdir, path.as_ptr()) }).map(drop)
}

/// `chroot(path)`: chroot(2).
pub fn chroot(path: &CStr) -> Result<()> {
    // SAFETY: the string lives through the call.
    check(unsafe { libc::syscall(libc::SYS_chroot, path.as_ptr()) }).map(drop)
}

/// `sethostname(name)`: sethostname(2).
pub fn sethostname(name: &CStr) -> Result<()> {
    // SAFETY: pointer and length are those of the string without its NUL.
    check(unsafe { libc::syscall(libc::SYS_sethostname, name.as_ptr(), name.to_bytes().len()) }).map(drop)
}

/// System calls of up to five plain numbers: no pointer goes in.
macro_rules! plain_calls {
    ($($(#[$doc:meta])* $name:ident($($arg:ident: $kind:ty),*) = $number:ident;)*) => {$(
        $(#[$doc])*
        pub fn $name($($arg: $kind),*) -> Result<c_long> {
            // SAFETY: this call takes numbers only, and cannot touch memory.
            check(unsafe { libc::syscall(libc::$number, $($arg as c_long),*) })
        }
    )*};
}

plain_calls! {
    /// `fchdir(fd)`: chdir(2).
    fchdir(fd: RawFd) = SYS_fchdir;
    /// `close(fd)`: close(2).
    close(fd: RawFd) = SYS_close;
    /// `dup3(old, new, flags)`: dup(2).
    dup3(old: RawFd, new: RawFd, flags: c_int) = SYS_dup3;
    /// `close_range(first, last, flags)`: close_range(2).
    close_range(first: u32, last: u32, flags: u32) = SYS_close_range;
    /// `setsid()`: setsid(2).
    setsid() = SYS_setsid;
    /// `setns(fd, nstype)`: setns(2).
    setns(fd: RawFd, nstype: c_int) = SYS_setns;
    /// `unshare(flags)`: unshare(2).
    unshare(flags: c_int) = SYS_unshare;
    /// `umask(mask)`: umask(2).
    umask(mask: u32) = SYS_umask;
    /// `setresuid(r, e, s)`: setresuid(2).
    setresuid(r: u32, e: u32, s: u32) = SYS_setresuid;
    /// `setfsuid(uid)`: setfsuid(2), of the calling thread alone.
    setfsuid(uid: u32) = SYS_setfsuid;
    /// `setfsgid(gid)`: setfsgid(2), likewise.
    setfsgid(gid: u32) = SYS_setfsgid;
    /// `setresgid(r, e, s)`: setresgid(2).
    setresgid(r: u32, e: u32, s: u32) = SYS_setresgid;
    /// `personality(persona)`: personality(2).
    personality(persona: u64) = SYS_personality;
    /// `pidfd_send_signal(pidfd, signal, NULL, 0)`: pidfd_send_signal(2).
    pidfd_send_signal(pidfd: RawFd, signal: c_int, info: usize, flags: u32) = SYS_pidfd_send_signal;
    /// `pidfd_open(pid, flags)`: pidfd_open(2).
    pidfd_open(pid: i32, flags: u32) = SYS_pidfd_open;
}

/// prctl(2) with numbers only.
pub fn prctl(option: c_int, a: u64, b: u64, c: u64, d: u64) -> Result<c_long> {
    // SAFETY: callers use options whose arguments are numbers (PR_SET_NO_NEW_PRIVS, PR_CAPBSET_DROP,
    // PR_CAPBSET_READ, PR_SET_PDEATHSIG, PR_CAP_AMBIENT, PR_SET_DUMPABLE, PR_SET_SECUREBITS); none is a pointer.
    check(unsafe { libc::syscall(libc::SYS_prctl, option, a, b, c, d) })
}

/// `setgroups(groups)`: setgroups(2).
pub fn setgroups(groups: &[u32]) -> Result<()> {
    // SAFETY: pointer and length are those of the slice.
    check(unsafe { libc::syscall(libc::SYS_setgroups, groups.len(), groups.as_ptr()) }).map(drop)
}

/// Permitted, effective and inheritable capability sets as 64-bit masks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CapSets {
    /// Effective.
    pub effective: u64,
    /// Permitted.
    pub permitted: u64,
    /// Inheritable.
    pub inheritable: u64,
}

#[repr(C)]
struct CapHeader {
    version: u32,
    pid: c_int,
}

/// _LINUX_CAPABILITY_VERSION_3.
const CAP_VERSION_3: u32 = 0x2008_0522;

/// `capset(self, sets)`: capset(2).
pub fn capset(sets: CapSets) -> Result<()> {
    let header = CapHeader { version: CAP_VERSION_3, pid: 0 };
    let low = |mask: u64| mask as u32;
    let high = |mask: u64| (mask >> 32) as u32;
    let data: [u32; 6] = [
        low(sets.effective),
        low(sets.permitted),
        low(sets.inheritable),
        high(sets.effective),
        high(sets.permitted),
        high(sets.inheritable),
    ];
    // SAFETY: version 3 reads a header and two 12-byte records; both arrays live through the call.
    check(unsafe { libc::syscall(libc::SYS_capset, std::ptr::from_ref(&header), data.as_ptr()) }).map(drop)
}

/// `capget(self)`: capget(2).
pub fn capget() -> Result<CapSets> {
    let header = CapHeader { version: CAP_VERSION_3, pid: 0 };
    let mut data = [0_u32; 6];
    // SAFETY: version 3 writes two 12-byte records; the array has room for both.
    let ret = unsafe { libc::syscall(libc::SYS_capget, std::ptr::from_ref(&header), data.as_mut_ptr()) };
    let _zero: c_long = check(ret)?;
    let join = |low: usize| u64::from(data[low]) | (u64::from(data[low + 3]) << 32);
    Ok(CapSets { effective: join(0), permitted: join(1), inheritable: join(2) })
}

/// One instruction of a seccomp filter (`struct sock_filter`).
pub type Instruction = libc::sock_filter;

/// `seccomp(SECCOMP_SET_MODE_FILTER, flags, program)`: seccomp(2).
pub fn seccomp_filter(program: &[Instruction]) -> Result<()> {
    let filter = libc::sock_fprog { len: program.len() as u16, filter: program.as_ptr().cast_mut() };
    // SAFETY: the kernel reads `len` instructions from `filter` and writes nothing; both live through
    // the call.
    check(unsafe {
        libc::syscall(libc::SYS_seccomp, libc::SECCOMP_SET_MODE_FILTER, 0, std::ptr::from_ref(&filter))
    })
    .map(drop)
}

/// `setrlimit(resource, soft, hard)`: prlimit(2) on the caller.
pub fn setrlimit(resource: Resource, soft: u64, hard: u64) -> Result<()> {
    let limit = libc::rlimit64 { rlim_cur: soft, rlim_max: hard };
    let none: *mut libc::rlimit64 = std::ptr::null_mut();
    // SAFETY: the kernel reads one rlimit64 that lives through the call; the old value is not asked for.
    check(unsafe {
        libc::syscall(libc::SYS_prlimit64, 0, resource as libc::c_long, std::ptr::from_ref(&limit), none)
    })
    .map(drop)
}

/// NULL-terminated array of pointers to C strings, kept together with them: what execve(2) takes.
#[derive(Debug)]
pub struct StringArray {
    strings: Vec<std::ffi::CString>,
    pointers: Vec<*const c_char>,
}

// SAFETY: the pointers point into the heap blocks of `strings`, which are never changed and move with
// the structure; they are only read, by execve.
unsafe impl Sync for StringArray {}
// SAFETY: as above.
unsafe impl Send for StringArray {}

impl StringArray {
    /// Takes the strings.
    pub fn new(strings: Vec<std::ffi::CString>) -> Self {
        let mut pointers: Vec<*const c_char> = strings.iter().map(|text| text.as_ptr()).collect();
        pointers.push(std::ptr::null());
        Self { strings, pointers }
    }
    /// The strings.
    pub fn strings(&self) -> &[std::ffi::CString] {
        &self.strings
    }
}

impl Clone for StringArray {
    fn clone(&self) -> Self {
        Self::new(self.strings.clone())
    }
}

/// `execve(path, argv, env)`: execve(2). Returns only on failure.
pub fn execve(path: &CStr, argv: &StringArray, env: &StringArray) -> Errno {
    // SAFETY: path and both arrays are C strings and NULL-terminated arrays that live through the call.
    let _minus_one: c_long = unsafe {
        libc::syscall(libc::SYS_execve, path.as_ptr(), argv.pointers.as_ptr(), env.pointers.as_ptr())
    };
    Errno::last()
}

/// `execveat(fd, "", argv, env, AT_EMPTY_PATH)`: execveat(2). Returns only on failure.
pub fn execveat(fd: RawFd, argv: &StringArray, env: &StringArray) -> Errno {
    // SAFETY: the empty path and both arrays live through the call.
    let _minus_one: c_long = unsafe {
        libc::syscall(
            libc::SYS_execveat,
            fd,
            c"".as_ptr(),
            argv.pointers.as_ptr(),
            env.pointers.as_ptr(),
            libc::AT_EMPTY_PATH,
        )
    };
    Errno::last()
}

/// Sets the signals of `set`, one bit a signal, to their default action, except those that cannot be set.
pub fn reset_signals(set: u64) -> Result<()> {
    // The kernel's sigaction: handler, flags, restorer, mask; all zero is SIG_DFL.
    let default = [0_u64; 4];
    for signal in 1..=64 {
        if set >> (signal - 1) & 1 == 0 || signal == libc::SIGKILL || signal == libc::SIGSTOP {
            continue;
        }
        let old: *mut u64 = std::ptr::null_mut();
        // SAFETY: the kernel reads a 32-byte sigaction (8-byte mask) that lives through the call.
        let _zero: c_long =
            check(unsafe { libc::syscall(libc::SYS_rt_sigaction, signal, default.as_ptr(), old, 8) })?;
    }
    Ok(())
}

/// Sets the calling thread's mask of blocked signals, one bit a signal; returns the old one.
pub fn set_signal_mask(mask: u64) -> Result<u64> {
    let mut old: u64 = 0;
    // SAFETY: the kernel reads one 8-byte mask and writes another; both live through the call.
    check(unsafe {
        libc::syscall(
            libc::SYS_rt_sigprocmask,
            libc::SIG_SETMASK,
            std::ptr::from_ref(&mask),
            std::ptr::from_mut(&mut old),
            8,
        )
    })
    .map(|_| old)
}

/// Brings the loopback interface of the current network namespace up (netdevice(7), SIOCSIFFLAGS).
pub fn loopback_up() -> Result<()> {
    // SAFETY: socket(2) takes numbers.
    let socket = owned(unsafe {
        libc::syscall(libc::SYS_socket, libc::AF_INET, libc::SOCK_DGRAM | libc::SOCK_CLOEXEC, 0)
    })?;
    // SAFETY: all zero is an ifreq.
    let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
    request.ifr_name[0] = b'l' as c_char;
    request.ifr_name[1] = b'o' as c_char;
    request.ifr_ifru.ifru_flags = libc::IFF_UP as i16;
    // SAFETY: SIOCSIFFLAGS reads one ifreq, which lives through the call.
    check(unsafe {
        libc::syscall(libc::SYS_ioctl, socket.as_raw_fd(), libc::SIOCSIFFLAGS, std::ptr::from_ref(&request))
    })
    .map(drop)
}

/// Makes the terminal `fd` the controlling terminal of the caller's session (ioctl_tty(2)).
pub fn set_controlling_terminal(fd: RawFd) -> Result<()> {
    // SAFETY: TIOCSCTTY takes a number.
    check(unsafe { libc::syscall(libc::SYS_ioctl, fd, libc::TIOCSCTTY, 0) }).map(drop)
}

/// `getrandom(buffer, GRND_INSECURE)`: getrandom(2), which never waits; since Linux 5.6.
pub fn random(buffer: &mut [u8]) -> Result<usize> {
    // SAFETY: pointer and length are those of the slice.
    check(unsafe {
        libc::syscall(libc::SYS_getrandom, buffer.as_mut_ptr(), buffer.len(), libc::GRND_INSECURE)
    })
    .map(|count| count as usize)
}

/// Reads up to `buffer.len()` bytes.
pub fn read(fd: RawFd, buffer: &mut [u8]) -> Result<usize> {
    // SAFETY: pointer and length are those of the slice.
    check(unsafe { libc::syscall(libc::SYS_read, fd, buffer.as_mut_ptr(), buffer.len()) })
        .map(|count| count as usize)
}

/// Writes the bytes of `buffer`, as many as the kernel takes.
pub fn write(fd: RawFd, buffer: &[u8]) -> Result<usize> {
    // SAFETY: pointer and length are those of the slice.
    check(unsafe { libc::syscall(libc::SYS_write, fd, buffer.as_ptr(), buffer.len()) })
        .map(|count| count as usize)
}

/// Whether the other end of a pipe is closed (`poll` with no wait says POLLHUP).
pub fn hung_up(fd: RawFd) -> Result<bool> {
    let at_once = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    poll_hang_up(fd, &at_once)
}

/// Waits until the other end of a pipe is closed.
pub fn wait_for_hang_up(fd: RawFd) -> Result<bool> {
    poll_hang_up(fd, std::ptr::null())
}

fn poll_hang_up(fd: RawFd, timeout: *const libc::timespec) -> Result<bool> {
    let mut poll = libc::pollfd { fd, events: 0, revents: 0 };
    let no_mask: *const u64 = std::ptr::null();
    // SAFETY: one pollfd, alive through the call; the timeout is null or a timespec of the caller's, alive
    // as long; no signal mask.
    let ret =
        unsafe { libc::syscall(libc::SYS_ppoll, std::ptr::from_mut(&mut poll), 1, timeout, no_mask, 8) };
    Ok(check(ret)? > 0 && poll.revents & libc::POLLHUP != 0)
}

/// Nanoseconds of CLOCK_MONOTONIC (clock_gettime(2)).
pub fn monotonic_ns() -> u64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the call fills one timespec; CLOCK_MONOTONIC always exists.
    let ret = unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &raw mut time) };
    nanoseconds(ret.into(), &time)
}

/// Nanoseconds since the machine was started, sleep included: CLOCK_BOOTTIME (clock_gettime(2)).
///
/// By the system call: for once or twice in a process it costs less than to find the vDSO and enter it.
pub fn boottime_ns() -> u64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the call fills one timespec; CLOCK_BOOTTIME always exists.
    let ret = unsafe { libc::syscall(libc::SYS_clock_gettime, libc::CLOCK_BOOTTIME, &raw mut time) };
    nanoseconds(ret, &time)
}

fn nanoseconds(ret: c_long, time: &libc::timespec) -> u64 {
    debug_assert_eq!(ret, 0);
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
}
