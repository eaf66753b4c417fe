//! The system call filter of a container as the kernel holds it, read from outside and asked call by call.
//!
//! A call that a missing capability stops as well looks the same from inside with and without the
//! filter. Here it does not: each lock is looked at alone.

use std::io;

use nix::errno::Errno;
use nix::sys::wait::{WaitPidFlag, waitpid};
use nix::unistd::Pid;

use crate::facts::Facts;
use crate::sys::{Arg, attempt};

/// ptrace(2).
const SEIZE: i32 = 0x4206;
const INTERRUPT: i32 = 0x4207;
const DETACH: i32 = 17;
const SECCOMP_GET_FILTER: i32 = 0x420c;

/// Calls that no container with the default capabilities has business with, by their number for 64-bit
/// programs of this architecture.
const CALLS: [(&str, libc::c_long); 46] = [
    ("acct", libc::SYS_acct),
    ("add_key", libc::SYS_add_key),
    ("bpf", libc::SYS_bpf),
    ("clock_adjtime", libc::SYS_clock_adjtime),
    ("clock_settime", libc::SYS_clock_settime),
    ("create_module", 174),
    ("delete_module", libc::SYS_delete_module),
    ("fanotify_init", libc::SYS_fanotify_init),
    ("finit_module", libc::SYS_finit_module),
    ("fsconfig", libc::SYS_fsconfig),
    ("fsmount", libc::SYS_fsmount),
    ("fsopen", libc::SYS_fsopen),
    ("fspick", libc::SYS_fspick),
    ("init_module", libc::SYS_init_module),
    ("io_uring_enter", libc::SYS_io_uring_enter),
    ("io_uring_register", libc::SYS_io_uring_register),
    ("io_uring_setup", libc::SYS_io_uring_setup),
    ("ioperm", libc::SYS_ioperm),
    ("iopl", libc::SYS_iopl),
    ("kcmp", libc::SYS_kcmp),
    ("kexec_file_load", libc::SYS_kexec_file_load),
    ("kexec_load", libc::SYS_kexec_load),
    ("keyctl", libc::SYS_keyctl),
    ("lookup_dcookie", libc::SYS_lookup_dcookie),
    ("mount", libc::SYS_mount),
    ("mount_setattr", libc::SYS_mount_setattr),
    ("move_mount", libc::SYS_move_mount),
    ("nfsservctl", 180),
    ("open_by_handle_at", libc::SYS_open_by_handle_at),
    ("open_tree", libc::SYS_open_tree),
    ("perf_event_open", libc::SYS_perf_event_open),
    ("pivot_root", libc::SYS_pivot_root),
    ("quotactl", libc::SYS_quotactl),
    ("reboot", libc::SYS_reboot),
    ("request_key", libc::SYS_request_key),
    ("setns", libc::SYS_setns),
    ("settimeofday", libc::SYS_settimeofday),
    ("swapoff", libc::SYS_swapoff),
    ("swapon", libc::SYS_swapon),
    ("umount2", libc::SYS_umount2),
    ("unshare", libc::SYS_unshare),
    ("userfaultfd", libc::SYS_userfaultfd),
    ("x32 mount", 0x4000_0000 + libc::SYS_mount),
    ("x32 unshare", 0x4000_0000 + libc::SYS_unshare),
    ("x32 keyctl", 0x4000_0000 + libc::SYS_keyctl),
    ("x32 bpf", 0x4000_0000 + libc::SYS_bpf),
];

/// More of them: old, rare, or newer than the filters of most runtimes.
const RARE: [(&str, libc::c_long); 10] = [
    ("_sysctl", 156),
    ("get_kernel_syms", 177),
    ("open_tree_attr", 467),
    ("query_module", 178),
    ("quotactl_fd", 443),
    ("sysfs", 139),
    ("syslog", libc::SYS_syslog),
    ("uselib", 134),
    ("ustat", 136),
    ("vhangup", libc::SYS_vhangup),
];

/// The same kind of call for 32-bit programs (arch/x86/entry/syscalls/syscall_32.tbl).
const CALLS_32: [(&str, u32); 22] = [
    ("add_key", 286),
    ("bpf", 357),
    ("clock_settime", 264),
    ("delete_module", 129),
    ("fsopen", 430),
    ("init_module", 128),
    ("kexec_load", 283),
    ("keyctl", 288),
    ("mount", 21),
    ("mount_setattr", 442),
    ("move_mount", 429),
    ("open_by_handle_at", 342),
    ("perf_event_open", 336),
    ("pivot_root", 217),
    ("reboot", 88),
    ("request_key", 287),
    ("setns", 346),
    ("settimeofday", 79),
    ("swapon", 87),
    ("umount2", 52),
    ("unshare", 310),
    ("userfaultfd", 374),
];

/// AUDIT_ARCH_*.
const X86_64: u32 = 0xc000_003e;
const I386: u32 = 0x4000_0003;

/// SECCOMP_RET_*, of which the upper half is the action.
const ACTION: u32 = 0xffff_0000;
const LETS_THROUGH: [u32; 3] = [0x7ff0_0000, 0x7ffc_0000, 0x7fff_0000];

/// One instruction of classic BPF.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Op {
    code: u16,
    jt: u8,
    jf: u8,
    k: u32,
}

/// Reads the filters of `init` and notes what they let through.
pub fn look(facts: &mut Facts, init: u32) {
    if cfg!(not(target_arch = "x86_64")) {
        return;
    }
    let filters = match read(init) {
        Ok(filters) => filters,
        // This kernel, or who started us, does not let filters be read.
        Err(Errno::EIO | Errno::EINVAL | Errno::EACCES | Errno::EPERM) => {
            for fact in ["calls", "rare_calls", "calls_32", "clone_flags"] {
                facts.unsupported(format!("host.filter.{fact}"), "filters that can be read");
            }
            return;
        }
        Err(errno) => return facts.set("host.filter.error", errno.desc()),
    };
    facts.set("host.filter.count", filters.len());
    let through = |arch: u32, calls: &mut dyn Iterator<Item = (&'static str, u32)>| -> Vec<String> {
        calls
            .filter(|(_, nr)| lets_through(&filters, arch, *nr, 0))
            .map(|(name, _)| name.to_owned())
            .collect()
    };
    let numbers = |(name, nr): &(&'static str, libc::c_long)| (*name, u32::try_from(*nr).unwrap_or(u32::MAX));
    facts.set("host.filter.calls", through(X86_64, &mut CALLS.iter().map(numbers)));
    facts.set("host.filter.rare_calls", through(X86_64, &mut RARE.iter().map(numbers)));
    facts.set("host.filter.calls_32", through(I386, &mut CALLS_32.iter().copied()));
    let flags = [
        ("mnt", libc::CLONE_NEWNS),
        ("cgroup", libc::CLONE_NEWCGROUP),
        ("uts", libc::CLONE_NEWUTS),
        ("ipc", libc::CLONE_NEWIPC),
        ("user", libc::CLONE_NEWUSER),
        ("pid", libc::CLONE_NEWPID),
        ("net", libc::CLONE_NEWNET),
    ];
    let clone = u32::try_from(libc::SYS_clone).unwrap_or(u32::MAX);
    let open = flags.iter().filter(|(_, flag)| lets_through(&filters, X86_64, clone, flag.cast_unsigned()));
    facts.set("host.filter.clone_flags", open.map(|(name, _)| (*name).to_owned()).collect::<Vec<_>>());
}

/// All filters have to agree: the strictest answer holds (seccomp(2)).
fn lets_through(filters: &[Vec<Op>], arch: u32, number: u32, argument: u32) -> bool {
    filters.iter().all(|filter| {
        run(filter, arch, number, argument).is_some_and(|answer| LETS_THROUGH.contains(&(answer & ACTION)))
    })
}

/// Stops the process for a moment and copies its filters.
fn read(init: u32) -> Result<Vec<Vec<Op>>, Errno> {
    let pid = init.cast_signed();
    let ptrace = |request: i32, argument: i32| {
        attempt(libc::SYS_ptrace, &mut [Arg::Int(request), Arg::Int(pid), Arg::Int(argument), Arg::Null])
    };
    let _seized = ptrace(SEIZE, 0)?;
    let read = ptrace(INTERRUPT, 0)
        .and_then(|_| waitpid(Pid::from_raw(pid), Some(WaitPidFlag::__WALL)).map(|_| ()))
        .and_then(|()| copy(pid));
    let detached = ptrace(DETACH, 0);
    read.and_then(|filters| detached.map(|_| filters))
}

fn copy(pid: i32) -> Result<Vec<Vec<Op>>, Errno> {
    let mut filters = Vec::new();
    loop {
        let index = i32::try_from(filters.len()).unwrap_or(i32::MAX);
        let get = |memory: Arg<'_>| {
            attempt(
                libc::SYS_ptrace,
                &mut [Arg::Int(SECCOMP_GET_FILTER), Arg::Int(pid), Arg::Int(index), memory],
            )
        };
        let length = match get(Arg::Null) {
            Ok(length) => usize::try_from(length).unwrap_or(0),
            // No further one; or none at all, which is as good an answer.
            Err(Errno::ENOENT) => return Ok(filters),
            Err(Errno::EINVAL) if filters.is_empty() && unfiltered(pid).unwrap_or(false) => {
                return Ok(filters);
            }
            Err(errno) => return Err(errno),
        };
        let mut bytes = vec![0_u8; length * 8];
        let _count = get(Arg::Out(&mut bytes))?;
        filters.push(bytes.chunks_exact(8).map(op).collect());
    }
}

fn unfiltered(pid: i32) -> io::Result<bool> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
    Ok(status.lines().any(|line| line.split_whitespace().eq(["Seccomp:", "0"])))
}

fn op(bytes: &[u8]) -> Op {
    Op {
        code: u16::from_ne_bytes([bytes[0], bytes[1]]),
        jt: bytes[2],
        jf: bytes[3],
        k: u32::from_ne_bytes([bytes[4], bytes[5], bytes[6], bytes[7]]),
    }
}

/// Runs a filter on a call as the kernel would; `None` for what no filter of a container has.
fn run(filter: &[Op], arch: u32, number: u32, argument: u32) -> Option<u32> {
    let (mut at, mut a, mut x) = (0_usize, 0_u32, 0_u32);
    let mut memory = [0_u32; 16];
    loop {
        let Op { code, jt, jf, k } = *filter.get(at)?;
        at += 1;
        let jump = |taken: bool| usize::from(if taken { jt } else { jf });
        match code {
            0x20 => {
                a = match k {
                    0 => number,
                    4 => arch,
                    16 => argument,
                    _ => 0,
                }
            }
            0x00 => a = k,
            0x60 => a = *memory.get(k as usize)?,
            0x02 => *memory.get_mut(k as usize)? = a,
            0x01 => x = k,
            0x07 => x = a,
            0x87 => a = x,
            0x05 => at += k as usize,
            0x15 => at += jump(a == k),
            0x25 => at += jump(a > k),
            0x35 => at += jump(a >= k),
            0x45 => at += jump(a & k != 0),
            0x54 => a &= k,
            0x44 => a |= k,
            0x06 => return Some(k),
            0x16 => return Some(a),
            _ => return None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALLOW: u32 = 0x7fff_0000;
    const REFUSE: u32 = 0x0005_0001;

    const fn op(code: u16, jt: u8, jf: u8, k: u32) -> Op {
        Op { code, jt, jf, k }
    }

    /// Refuses mount of 64-bit programs, and clone with a new user namespace.
    fn filter() -> Vec<Op> {
        vec![
            op(0x20, 0, 0, 4),
            op(0x15, 0, 6, X86_64),
            op(0x20, 0, 0, 0),
            op(0x15, 3, 0, 165),
            op(0x15, 0, 3, 56),
            op(0x20, 0, 0, 16),
            op(0x45, 0, 1, 0x1000_0000),
            op(0x06, 0, 0, REFUSE),
            op(0x06, 0, 0, ALLOW),
        ]
    }

    #[test]
    fn a_filter_answers_by_architecture_number_and_argument() {
        let one = [filter()];
        assert!(!lets_through(&one, X86_64, 165, 0));
        assert!(lets_through(&one, I386, 21, 0));
        assert!(lets_through(&one, X86_64, 56, 17));
        assert!(!lets_through(&one, X86_64, 56, 0x1000_0000));
    }

    #[test]
    fn the_strictest_of_several_filters_decides_and_none_lets_everything_through() {
        let open = vec![op(0x06, 0, 0, ALLOW)];
        assert!(!lets_through(&[open.clone(), filter()], X86_64, 165, 0));
        assert!(lets_through(&[open], X86_64, 165, 0));
        assert!(lets_through(&[], X86_64, 165, 0));
    }

    #[test]
    fn an_instruction_of_no_filter_is_not_taken_for_leave() {
        assert!(!lets_through(&[vec![op(0xff, 0, 0, 0)]], X86_64, 0, 0));
        assert!(!lets_through(&[Vec::new()], X86_64, 0, 0));
    }
}
