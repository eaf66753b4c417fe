//! What a process inherits and a container must not: priorities, policies, personality, limits.

use nix::errno::Errno;
use nix::libc;
use nix::sys::resource::Resource;

use super::{Result, check};

/// System calls that take numbers only.
macro_rules! numbers {
    ($($(#[$doc:meta])* $name:ident($($arg:ident: $kind:ty),*) = $call:expr;)*) => {$(
        $(#[$doc])*
        pub fn $name($($arg: $kind),*) -> Result<i64> {
            // SAFETY: this call takes numbers only, and cannot touch memory.
            check(unsafe { $call })
        }
    )*};
}

numbers! {
    /// 20 minus the nice value of the caller: getpriority(2), as the kernel says it.
    getpriority() = libc::syscall(libc::SYS_getpriority, libc::PRIO_PROCESS, 0);
    /// `setpriority(PRIO_PROCESS, 0, nice)`: setpriority(2).
    setpriority(nice: i32) = libc::syscall(libc::SYS_setpriority, libc::PRIO_PROCESS, 0, nice);
    /// `sched_getscheduler(0)`: sched_setscheduler(2).
    sched_getscheduler() = libc::syscall(libc::SYS_sched_getscheduler, 0);
    /// `ioprio_get(IOPRIO_WHO_PROCESS, 0)`: ioprio_set(2).
    ioprio_get() = libc::syscall(libc::SYS_ioprio_get, 1, 0);
    /// `ioprio_set(IOPRIO_WHO_PROCESS, 0, IOPRIO_CLASS_NONE)`: ioprio_set(2).
    ioprio_reset() = libc::syscall(libc::SYS_ioprio_set, 1, 0, 0);
}

/// `sched_setscheduler(0, SCHED_OTHER, 0)`: sched_setscheduler(2).
pub fn sched_other() -> Result<()> {
    let priority: libc::c_int = 0;
    // SAFETY: the kernel reads one sched_param, which is one int and lives through the call.
    check(unsafe {
        libc::syscall(libc::SYS_sched_setscheduler, 0, libc::SCHED_OTHER, std::ptr::from_ref(&priority))
    })
    .map(drop)
}

/// `sched_setaffinity(0, every processor)`: sched_setaffinity(2). The kernel takes those of the cpuset.
pub fn all_processors() -> Result<()> {
    set_affinity(&[u64::MAX; 128])
}

fn set_affinity(mask: &[u64]) -> Result<()> {
    // SAFETY: the kernel reads as many bytes as it is told, all of `mask`.
    check(unsafe { libc::syscall(libc::SYS_sched_setaffinity, 0, size_of_val(mask), mask.as_ptr()) })
        .map(drop)
}

/// Where the calling thread may run.
fn affinity() -> Result<[u64; WORDS]> {
    let mut mask = [0_u64; WORDS];
    let (size, into) = (size_of_val(&mask), mask.as_mut_ptr());
    // SAFETY: the kernel fills at most `size` bytes, all of `mask`.
    check(unsafe { libc::syscall(libc::SYS_sched_getaffinity, 0, size, into) }).map(|_| mask)
}

/// The calling thread kept on the processor that it runs on, until this is dropped: sched_setaffinity(2).
#[derive(Debug)]
pub struct OneProcessor {
    /// Those it may run on otherwise.
    others: [u64; WORDS],
}

/// Masks of 1024 processors; where there are more, nobody is kept anywhere.
const WORDS: usize = 16;

impl OneProcessor {
    /// `None` where the thread has no choice, or the kernel refuses: nothing depends on it but time.
    pub fn stay() -> Option<Self> {
        let others = affinity().ok()?;
        let mut here: libc::c_uint = 0;
        let none: *const u64 = std::ptr::null();
        // SAFETY: the call fills one number; nodes are not asked for. By the call, not by the vDSO, which costs
        // two page faults to enter.
        let _zero = check(unsafe { libc::syscall(libc::SYS_getcpu, &raw mut here, none, none) }).ok()?;
        let mut one = [0; WORDS];
        *one.get_mut(here as usize / 64)? = 1 << (here % 64);
        (others != one && set_affinity(&one).is_ok()).then(|| Self { others })
    }
}

impl Drop for OneProcessor {
    fn drop(&mut self) {
        crate::disregard(set_affinity(&self.others));
    }
}

/// The mode of the caller's memory policy: get_mempolicy(2). MPOL_DEFAULT where the kernel has none.
pub fn memory_mode() -> Result<i32> {
    let mut mode: libc::c_int = 0;
    let none: *const u64 = std::ptr::null();
    // SAFETY: the call fills one int; no node mask is asked for.
    let got = check(unsafe {
        libc::syscall(libc::SYS_get_mempolicy, std::ptr::from_mut(&mut mode), none, 0, none, 0)
    });
    match got {
        Ok(_) => Ok(mode),
        Err(Errno::ENOSYS) => Ok(libc::MPOL_DEFAULT),
        Err(errno) => Err(errno),
    }
}

/// `keyctl(KEYCTL_JOIN_SESSION_KEYRING, NULL)`: a new, empty session keyring (keyctl(2)).
pub fn new_session_keyring() -> Result<()> {
    const JOIN_SESSION_KEYRING: i32 = 1;
    let none: *const libc::c_char = std::ptr::null();
    // SAFETY: a null name asks for an anonymous keyring.
    check(unsafe { libc::syscall(libc::SYS_keyctl, JOIN_SESSION_KEYRING, none) }).map(drop)
}

/// `keyctl(KEYCTL_GET_KEYRING_ID, KEY_SPEC_SESSION_KEYRING, 0)`: which session keyring there is (keyctl(2)).
pub fn session_keyring() -> Result<i64> {
    const GET_KEYRING_ID: i32 = 0;
    const SESSION_KEYRING: i32 = -3;
    // SAFETY: this operation takes numbers only.
    check(unsafe { libc::syscall(libc::SYS_keyctl, GET_KEYRING_ID, SESSION_KEYRING, 0) })
}

/// Soft and hard limit of a resource: prlimit(2) on the caller.
pub fn getrlimit(resource: Resource) -> Result<(u64, u64)> {
    let mut limit = libc::rlimit64 { rlim_cur: 0, rlim_max: 0 };
    let none: *const libc::rlimit64 = std::ptr::null();
    // SAFETY: the call fills one rlimit64; no new value is given.
    let _zero = check(unsafe {
        libc::syscall(libc::SYS_prlimit64, 0, resource as libc::c_long, none, std::ptr::from_mut(&mut limit))
    })?;
    Ok((limit.rlim_cur, limit.rlim_max))
}

/// Whether the caller ignores the signal: sigaction(2).
pub fn ignores(signal: libc::c_int) -> Result<bool> {
    /// SIG_IGN.
    const IGNORED: u64 = 1;
    // The kernel's sigaction: handler, flags, restorer, mask.
    let mut now = [0_u64; 4];
    let none: *const u64 = std::ptr::null();
    // SAFETY: the kernel writes one 32-byte sigaction (8-byte mask), all of `now`; nothing new is given.
    let _zero = check(unsafe { libc::syscall(libc::SYS_rt_sigaction, signal, none, now.as_mut_ptr(), 8) })?;
    Ok(now[0] == IGNORED)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_stays_where_it_is_and_is_as_free_as_before() {
        let before = affinity().expect("a mask");
        let count = |mask: [u64; WORDS]| mask.iter().map(|word| word.count_ones()).sum::<u32>();
        let Some(stay) = OneProcessor::stay() else {
            assert_eq!(count(before), 1);
            return;
        };
        let during = affinity().expect("a mask");
        assert_eq!(count(during), 1);
        assert!(during.iter().zip(&before).all(|(one, all)| one & all == *one));
        assert!(OneProcessor::stay().is_none(), "there is no choice any more");
        drop(stay);
        assert_eq!(affinity(), Ok(before));
    }
}
