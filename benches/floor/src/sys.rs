//! System calls, each as thin as it gets. The only file with `unsafe`.

use std::cell::UnsafeCell;
use std::ffi::{CStr, c_char, c_int, c_long};
use std::sync::atomic::AtomicU64;

/// The error number of a failed call.
pub type Errno = i32;

/// The command line without its first word, unchanged in memory.
pub enum Arguments {
    /// As `main` got it.
    Main(*const *const c_char),
    /// As a test or an embedding program made it.
    Given(std::slice::Iter<'static, &'static CStr>),
}

impl Arguments {
    /// From the arguments of the C function `main`.
    pub fn of_main(count: c_int, arguments: *const *const c_char) -> Self {
        if count < 1 {
            return Self::Given([].iter());
        }
        Self::Main(arguments.wrapping_add(1))
    }
    /// The words that are left, as execve wants them; none where there are no more.
    pub fn rest(&mut self) -> Option<Words> {
        match self {
            // SAFETY: `at` is within main's vector, see `next`.
            Self::Main(at) => Some(Words(*at)).filter(|words| !unsafe { *words.0 }.is_null()),
            Self::Given(_) => None,
        }
    }
    /// From words without a command name.
    pub fn of(words: &'static [&'static CStr]) -> Self {
        Self::Given(words.iter())
    }
}

/// A null-terminated part of main's argument vector.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Words(*const *const c_char);

impl Iterator for Arguments {
    type Item = &'static CStr;
    fn next(&mut self) -> Option<&'static CStr> {
        let at = match self {
            Self::Given(words) => return words.next().copied(),
            Self::Main(at) => at,
        };
        // SAFETY: `at` is within main's vector, which ends with a null pointer that is never passed.
        let word = unsafe { **at };
        if word.is_null() {
            return None;
        }
        *at = at.wrapping_add(1);
        // SAFETY: a non-null entry of main's vector is a terminated string that lives as long as the process.
        Some(unsafe { CStr::from_ptr(word) })
    }
}

fn checked(result: c_long) -> Result<c_long, Errno> {
    if result >= 0 {
        return Ok(result);
    }
    // SAFETY: has no requirement.
    let errno = unsafe { libc::__errno_location() };
    // SAFETY: the C library's errno location is valid in every thread.
    Err(unsafe { *errno })
}

/// One system call whose arguments are numbers or pointers that outlive it.
macro_rules! call {
    ($number:ident $(, $argument:expr)*) => {{
        // SAFETY: pointer arguments come from references that live until the call returns, with the
        // sizes the call's manual page asks for; the kernel checks everything else.
        checked(unsafe { libc::syscall(libc::$number $(, $argument)*) })
    }};
}

/// Writes the parts to standard error; there is nobody left to tell when that fails.
pub fn say(parts: &[&[u8]]) {
    for part in parts {
        if call!(SYS_write, 2, part.as_ptr(), part.len()).is_err() {
            return;
        }
    }
}

const STACK_SIZE: usize = 64 * 1024;

/// The child's stack while it borrows our memory. We are suspended meanwhile, so one is enough.
#[repr(C, align(16))]
struct Stack(UnsafeCell<[u8; STACK_SIZE]>);
// SAFETY: only the one child that runs while this process is suspended uses it.
unsafe impl Sync for Stack {}
static STACK: Stack = Stack(UnsafeCell::new([0; STACK_SIZE]));

/// The C library crate's constant does not fit its type.
const CLONE_INTO_CGROUP: u64 = 0x2_0000_0000;

/// clone3(2): `child(argument)` runs in the new process and never returns. Gives its pid and pidfd.
pub fn clone3<T>(
    flags: u64,
    cgroup: Option<c_int>,
    child: extern "C" fn(&T) -> !,
    argument: &T,
) -> Result<(c_int, c_int), Errno> {
    let mut pidfd: c_int = -1;
    // SAFETY: all-zero is a valid clone_args.
    let mut arguments: libc::clone_args = unsafe { std::mem::zeroed() };
    arguments.flags = flags | libc::CLONE_PIDFD as u64;
    arguments.pidfd = (&raw mut pidfd) as u64;
    arguments.exit_signal = libc::SIGCHLD as u64;
    if flags & libc::CLONE_VM as u64 != 0 {
        arguments.stack = STACK.0.get() as u64;
        arguments.stack_size = STACK_SIZE as u64;
    }
    if let Some(cgroup) = cgroup {
        arguments.flags |= CLONE_INTO_CGROUP;
        arguments.cgroup = cgroup as u64;
    }
    let size = size_of::<libc::clone_args>();
    // SAFETY: `arguments` is valid for `size` bytes. The child either has a copy of this stack or runs on
    // STACK while we are suspended (CLONE_VFORK); it calls `child` and never leaves the block.
    let result =
        unsafe { clone_and_call(&raw const arguments, size, child as usize, argument as *const T as usize) };
    if result < 0 {
        return Err(-result as Errno);
    }
    Ok((result as c_int, pidfd))
}

/// # Safety
/// `arguments` is valid for `size` bytes; a child that shares memory has a stack of its own;
/// `child` is a function of one pointer argument that never returns.
#[cfg(target_arch = "x86_64")]
unsafe fn clone_and_call(
    arguments: *const libc::clone_args,
    size: usize,
    child: usize,
    argument: usize,
) -> isize {
    let result;
    // SAFETY: as the function's contract says; the parent's registers are as the kernel leaves them.
    unsafe {
        std::arch::asm!(
            "syscall",
            "test rax, rax",
            "jnz 2f",
            "xor ebp, ebp",
            "mov rdi, r9",
            "call r8",
            "ud2",
            "2:",
            inlateout("rax") libc::SYS_clone3 as isize => result,
            in("rdi") arguments, in("rsi") size, in("r8") child, in("r9") argument,
            lateout("rcx") _, lateout("r11") _,
        );
    }
    result
}

/// # Safety
/// As on the other architecture.
#[cfg(target_arch = "aarch64")]
unsafe fn clone_and_call(
    arguments: *const libc::clone_args,
    size: usize,
    child: usize,
    argument: usize,
) -> isize {
    let result;
    // SAFETY: as the function's contract says; the parent's registers are as the kernel leaves them.
    unsafe {
        std::arch::asm!(
            "svc 0",
            "cbnz x0, 2f",
            "mov x29, xzr",
            "mov x0, x3",
            "blr x2",
            "brk 1",
            "2:",
            inlateout("x0") arguments => result,
            in("x1") size, in("x2") child, in("x3") argument, in("x8") libc::SYS_clone3,
        );
    }
    result
}

/// Ends the process at once.
pub fn exit(status: i32) -> ! {
    // SAFETY: _exit(2) has no requirement.
    unsafe { libc::_exit(status) }
}

/// execve(2) with one argument and one variable; returns only to fail.
pub fn execve(program: &CStr) -> Errno {
    let argv = [program.as_ptr(), std::ptr::null()];
    let env = [c"PATH=/bin".as_ptr(), std::ptr::null()];
    call!(SYS_execve, program.as_ptr(), argv.as_ptr(), env.as_ptr()).err().unwrap_or(0)
}

/// execve(2) of words with our own environment; returns only to fail.
pub fn exec_words(words: Words) -> Errno {
    unsafe extern "C" {
        // environ(7); the crate libc names it for glibc alone.
        static environ: *const *const c_char;
    }
    // SAFETY: the C library's variable; nothing here changes the environment.
    let environment = unsafe { environ };
    // SAFETY: `rest` gave words only where the first is not null, and main's vector outlives us.
    let program = unsafe { *words.0 };
    call!(SYS_execve, program, words.0, environment).err().unwrap_or(0)
}

/// waitid(2) for the process behind `pidfd`, which may have shared our memory; its exit status.
pub fn wait(pidfd: c_int) -> Result<i32, Errno> {
    wait_usage(pidfd).map(|(status, ..)| status)
}

/// waitid(2): exit status, peak memory in KiB, and page faults that needed no device, its children's included.
pub fn wait_usage(pidfd: c_int) -> Result<(i32, u32, u32), Errno> {
    // SAFETY: all-zero is a valid rusage.
    let mut usage: libc::rusage = unsafe { std::mem::zeroed() };
    // SAFETY: all-zero is a valid siginfo_t.
    let mut info: libc::siginfo_t = unsafe { std::mem::zeroed() };
    let flags = libc::WEXITED | libc::__WALL;
    while let Err(errno) = call!(SYS_waitid, libc::P_PIDFD, pidfd, &raw mut info, flags, &raw mut usage) {
        if errno != libc::EINTR {
            return Err(errno);
        }
    }
    // SAFETY: waitid succeeded, so the status field of the union is set.
    let status = unsafe { info.si_status() };
    let status = if info.si_code == libc::CLD_EXITED { status } else { 128 + status };
    Ok((status, usage.ru_maxrss as u32, usage.ru_minflt as u32))
}

/// mount(2).
pub fn mount(source: &CStr, target: &CStr, kind: &CStr, flags: u64, data: &CStr) -> Result<(), Errno> {
    call!(SYS_mount, source.as_ptr(), target.as_ptr(), kind.as_ptr(), flags, data.as_ptr()).map(drop)
}
/// umount2(2) with MNT_DETACH.
pub fn detach(target: &CStr) -> Result<(), Errno> {
    call!(SYS_umount2, target.as_ptr(), libc::MNT_DETACH).map(drop)
}
/// pivot_root(2).
pub fn pivot_root(new: &CStr, old: &CStr) -> Result<(), Errno> {
    call!(SYS_pivot_root, new.as_ptr(), old.as_ptr()).map(drop)
}
/// openat(2) with O_CLOEXEC, relative to the working directory.
pub fn open(path: &CStr, flags: c_int) -> Result<c_int, Errno> {
    call!(SYS_openat, libc::AT_FDCWD, path.as_ptr(), flags | libc::O_CLOEXEC, 0o600).map(|fd| fd as c_int)
}
/// openat(2) with O_CLOEXEC.
pub fn open_at(dir: c_int, path: &CStr, flags: c_int) -> Result<c_int, Errno> {
    call!(SYS_openat, dir, path.as_ptr(), flags | libc::O_CLOEXEC, 0).map(|fd| fd as c_int)
}
/// write(2).
pub fn write(fd: c_int, bytes: &[u8]) -> Result<(), Errno> {
    call!(SYS_write, fd, bytes.as_ptr(), bytes.len()).map(drop)
}
/// close(2).
pub fn close(fd: c_int) -> Result<(), Errno> {
    call!(SYS_close, fd).map(drop)
}
/// mkdirat(2).
pub fn mkdir_at(dir: c_int, path: &CStr) -> Result<(), Errno> {
    call!(SYS_mkdirat, dir, path.as_ptr(), 0o755).map(drop)
}
/// unlinkat(2) of a directory.
pub fn rmdir_at(dir: c_int, path: &CStr) -> Result<(), Errno> {
    call!(SYS_unlinkat, dir, path.as_ptr(), libc::AT_REMOVEDIR).map(drop)
}
/// unlinkat(2) of a file.
pub fn unlink(path: &CStr) -> Result<(), Errno> {
    call!(SYS_unlinkat, libc::AT_FDCWD, path.as_ptr(), 0).map(drop)
}
/// mknodat(2) of a character device, open to everyone.
pub fn character_node(path: &CStr, major: u32, minor: u32) -> Result<(), Errno> {
    let mode = libc::S_IFCHR | 0o666;
    call!(SYS_mknodat, libc::AT_FDCWD, path.as_ptr(), mode, libc::makedev(major, minor)).map(drop)
}
/// symlinkat(2).
pub fn symlink(to: &CStr, path: &CStr) -> Result<(), Errno> {
    call!(SYS_symlinkat, to.as_ptr(), libc::AT_FDCWD, path.as_ptr()).map(drop)
}
/// chdir(2).
pub fn chdir(path: &CStr) -> Result<(), Errno> {
    call!(SYS_chdir, path.as_ptr()).map(drop)
}
/// fchdir(2).
pub fn fchdir(dir: c_int) -> Result<(), Errno> {
    call!(SYS_fchdir, dir).map(drop)
}
/// chroot(2).
pub fn chroot(path: &CStr) -> Result<(), Errno> {
    call!(SYS_chroot, path.as_ptr()).map(drop)
}
/// umask(2), which cannot fail.
pub fn umask(mask: u32) {
    if call!(SYS_umask, mask).is_err() {
        exit(125);
    }
}
/// sethostname(2).
pub fn sethostname(name: &[u8]) -> Result<(), Errno> {
    call!(SYS_sethostname, name.as_ptr(), name.len()).map(drop)
}
/// unshare(2).
pub fn unshare(flags: c_int) -> Result<(), Errno> {
    call!(SYS_unshare, flags).map(drop)
}
/// setns(2).
pub fn setns(fd: c_int, kind: c_int) -> Result<(), Errno> {
    call!(SYS_setns, fd, kind).map(drop)
}
/// getpid(2).
pub fn getpid() -> i32 {
    // SAFETY: getpid(2) has no requirement.
    unsafe { libc::getpid() }
}

/// open_tree(2): a detached copy of the mount at `path` and what is below it.
pub fn clone_tree(path: &CStr) -> Result<c_int, Errno> {
    let flags = libc::OPEN_TREE_CLONE | libc::OPEN_TREE_CLOEXEC | libc::AT_RECURSIVE as u32;
    call!(SYS_open_tree, libc::AT_FDCWD, path.as_ptr(), flags).map(|fd| fd as c_int)
}
/// move_mount(2): attaches a detached mount.
pub fn attach(tree: c_int, target: &CStr) -> Result<(), Errno> {
    let flags = libc::MOVE_MOUNT_F_EMPTY_PATH;
    call!(SYS_move_mount, tree, c"".as_ptr(), libc::AT_FDCWD, target.as_ptr(), flags).map(drop)
}

/// fsopen(2), fsconfig(2) for each option, fsmount(2): a detached mount.
pub fn make_mount(kind: &CStr, options: &[(&CStr, &CStr)], attributes: u64) -> Result<c_int, Errno> {
    let context = call!(SYS_fsopen, kind.as_ptr(), libc::FSOPEN_CLOEXEC)? as c_int;
    for (key, value) in options {
        let value = value.as_ptr();
        let _done = call!(SYS_fsconfig, context, libc::FSCONFIG_SET_STRING, key.as_ptr(), value, 0)?;
    }
    let nothing = std::ptr::null::<c_char>();
    let _done = call!(SYS_fsconfig, context, libc::FSCONFIG_CMD_CREATE, nothing, nothing, 0)?;
    let mount = call!(SYS_fsmount, context, libc::FSMOUNT_CLOEXEC, attributes)?;
    close(context)?;
    Ok(mount as c_int)
}

/// Sets the loopback interface of our network namespace up: socket(2), ioctl(2), close(2).
pub fn loopback_up() -> Result<(), Errno> {
    let socket = call!(SYS_socket, libc::AF_INET, libc::SOCK_DGRAM | libc::SOCK_CLOEXEC, 0)? as c_int;
    // SAFETY: all-zero is a valid ifreq.
    let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
    request.ifr_name[0] = b'l' as c_char;
    request.ifr_name[1] = b'o' as c_char;
    request.ifr_ifru.ifru_flags = (libc::IFF_UP | libc::IFF_RUNNING) as i16;
    let _done = call!(SYS_ioctl, socket, libc::SIOCSIFFLAGS, &raw const request)?;
    close(socket)
}

/// prctl(2) with one argument.
pub fn prctl(option: c_int, value: u64) -> Result<(), Errno> {
    call!(SYS_prctl, option, value, 0, 0, 0).map(drop)
}

/// capset(2) of all three sets to `kept`.
pub fn capset(kept: u64) -> Result<(), Errno> {
    const VERSION_3: u32 = 0x2008_0522;
    let header = [VERSION_3, 0];
    let (low, high) = (kept as u32, (kept >> 32) as u32);
    let data = [low, low, 0, high, high, 0];
    call!(SYS_capset, header.as_ptr(), data.as_ptr()).map(drop)
}

/// seccomp(2): installs `filter`.
pub fn seccomp(filter: &[libc::sock_filter]) -> Result<(), Errno> {
    let program = libc::sock_fprog { len: filter.len() as u16, filter: filter.as_ptr().cast_mut() };
    call!(SYS_seccomp, libc::SECCOMP_SET_MODE_FILTER, 0, &raw const program).map(drop)
}

/// clock_gettime(2) CLOCK_MONOTONIC in nanoseconds, without entering the kernel.
pub fn now() -> u64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `time` is valid for one timespec.
    let failed = unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &raw mut time) };
    if failed != 0 {
        exit(125);
    }
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
}

/// A page that parent and child share, however the child was made: one slot per step.
pub fn shared_slots() -> Result<&'static [AtomicU64; 64], Errno> {
    let (access, kind) = (libc::PROT_READ | libc::PROT_WRITE, libc::MAP_SHARED | libc::MAP_ANONYMOUS);
    let size = size_of::<[AtomicU64; 64]>();
    // SAFETY: a new mapping, aligned to a page, at an address the kernel chooses.
    let page = unsafe { libc::mmap(std::ptr::null_mut(), size, access, kind, -1, 0) };
    if page == libc::MAP_FAILED {
        return Err(libc::ENOMEM);
    }
    // SAFETY: the mapping is zeroed, large enough, aligned, and never unmapped.
    Ok(unsafe { &*page.cast() })
}

/// sched_setaffinity(2) of this process to one CPU.
pub fn run_on(cpu: usize) -> Result<(), Errno> {
    let mask = [1_u64 << (cpu % 64)];
    call!(SYS_sched_setaffinity, 0, size_of_val(&mask), mask.as_ptr()).map(drop)
}

/// pipe2(2).
pub fn pipe() -> Result<[c_int; 2], Errno> {
    let mut ends = [-1; 2];
    let _done = call!(SYS_pipe2, ends.as_mut_ptr(), libc::O_CLOEXEC)?;
    Ok(ends)
}
/// read(2) of one byte; an end of file is EPIPE.
pub fn read_byte(fd: c_int) -> Result<u8, Errno> {
    let mut byte = [0];
    match call!(SYS_read, fd, byte.as_mut_ptr(), 1)? {
        0 => Err(libc::EPIPE),
        _ => Ok(byte[0]),
    }
}
/// kill(2) with SIGKILL.
pub fn kill(pid: c_int) -> Result<(), Errno> {
    call!(SYS_kill, pid, libc::SIGKILL).map(drop)
}
/// Sleeps until a signal ends the process.
pub fn pause() -> ! {
    loop {
        // SAFETY: pause(2) has no requirement.
        let _interrupted = unsafe { libc::pause() };
    }
}
