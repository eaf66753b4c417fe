//! What a safe default adds: masks, read-only paths, capabilities, no_new_privs, a filter.

use std::ffi::CStr;

use libc::{MS_BIND, MS_RDONLY, MS_REMOUNT, sock_filter};

use crate::sys::{self, Errno};

const MASKED: [&CStr; 6] = [
    c"/proc/kcore",
    c"/proc/keys",
    c"/proc/timer_list",
    c"/proc/latency_stats",
    c"/proc/sched_debug",
    c"/proc/kmsg",
];
const READ_ONLY: [&CStr; 5] = [c"/proc/bus", c"/proc/fs", c"/proc/irq", c"/proc/sys", c"/proc/sysrq-trigger"];

/// chown dac_override fowner fsetid kill setgid setuid setpcap net_bind_service net_raw sys_chroot
/// mknod audit_write setfcap: what container engines keep.
const KEPT: u64 = 0xA804_25FB;
const LAST_CAPABILITY: u64 = 40;

/// A filter of about the size of an engine's default, that allows everything but one number.
const FILTER: [sock_filter; 64] = filter();

const fn filter() -> [sock_filter; 64] {
    let load = (libc::BPF_LD | libc::BPF_W | libc::BPF_ABS) as u16;
    let equal = (libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K) as u16;
    let answer = (libc::BPF_RET | libc::BPF_K) as u16;
    let mut filter = [sock_filter { code: equal, jt: 0, jf: 0, k: 0x7fff_0000 }; 64];
    filter[0] = sock_filter { code: load, jt: 0, jf: 0, k: 0 };
    filter[63] = sock_filter { code: answer, jt: 0, jf: 0, k: libc::SECCOMP_RET_ALLOW };
    filter
}

/// Restricts the calling process for the payload.
pub fn confine(proc_is_mounted: bool) -> Result<(), Errno> {
    if proc_is_mounted {
        for path in MASKED {
            absent_is_fine(sys::mount(c"/dev/null", path, c"", MS_BIND, c""))?;
        }
        for path in READ_ONLY {
            absent_is_fine(sys::mount(path, path, c"", MS_BIND, c""))?;
            absent_is_fine(sys::mount(path, path, c"", MS_BIND | MS_REMOUNT | MS_RDONLY, c""))?;
        }
    }
    for capability in (0..=LAST_CAPABILITY).filter(|bit| KEPT >> bit & 1 == 0) {
        sys::prctl(libc::PR_CAPBSET_DROP, capability)?;
    }
    sys::prctl(libc::PR_SET_NO_NEW_PRIVS, 1)?;
    sys::seccomp(&FILTER)?;
    sys::capset(KEPT)
}

/// A path this kernel does not have needs no cover.
fn absent_is_fine(result: Result<(), Errno>) -> Result<(), Errno> {
    match result {
        Err(libc::ENOENT) => Ok(()),
        other => other,
    }
}
