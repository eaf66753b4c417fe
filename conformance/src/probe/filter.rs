//! What the system call filter lets through, by calling.

use std::fs;

use nix::errno::Errno;
use nix::sched::{CloneFlags, unshare};

use super::Params;
use super::process::status;
use crate::facts::{Facts, spell};
use crate::sys::{Arg, attempt};

/// Calls that no default filter lets through, with arguments that do nothing where it does, and the
/// errnos that only the kernel behind the filter gives for these arguments.
pub(super) fn seccomp(_params: &Params, facts: &mut Facts) {
    facts.set("seccomp.mode", status("self", "Seccomp").unwrap_or_default());
    facts.set("seccomp.filters", status("self", "Seccomp_filters").unwrap_or_default());
    facts.set("seccomp.no_new_privs", status("self", "NoNewPrivs").unwrap_or_default());
    let tasks: Vec<String> = fs::read_dir("/proc/self/task")
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|t| {
            let text = fs::read_to_string(t.path().join("status")).ok()?;
            Some(text.lines().find_map(|l| l.strip_prefix("Seccomp:"))?.trim().to_owned())
        })
        .collect();
    facts.set("seccomp.task_modes", tasks);
    let mut reached = Vec::new();
    for (name, outcome) in denied() {
        facts.set(format!("seccomp.call.{name}"), spell(outcome));
        if !matches!(outcome, Err(Errno::EPERM | Errno::ENOSYS | Errno::EACCES)) {
            reached.push(name);
        }
    }
    facts.set("seccomp.reached_the_kernel", reached);
    unknown(facts);
    namespaces(facts);
    personalities(facts);
    other_abis(facts);
}

fn denied() -> Vec<(&'static str, Result<i64, Errno>)> {
    let null = || Arg::Null;
    let int = Arg::Int;
    let call = |name: &'static str, number: libc::c_long, arguments: &mut [Arg<'_>]| {
        (name, attempt(number, arguments))
    };
    let mut word = [0_u8; 128];
    let mut all = vec![
        call("acct", libc::SYS_acct, &mut [Arg::In(b"/no-such\0")]),
        call("add_key", libc::SYS_add_key, &mut [null(), null(), null(), int(0), int(-2)]),
        call("bpf", libc::SYS_bpf, &mut [int(-1), null(), int(0)]),
        call("clock_adjtime", libc::SYS_clock_adjtime, &mut [int(0), null()]),
        call("clock_settime", libc::SYS_clock_settime, &mut [int(0), null()]),
        call("delete_module", libc::SYS_delete_module, &mut [null(), int(0)]),
        call("fanotify_init", libc::SYS_fanotify_init, &mut [int(-1), int(0)]),
        call("finit_module", libc::SYS_finit_module, &mut [int(-1), null(), int(0)]),
        call("fsconfig", libc::SYS_fsconfig, &mut [int(-1), int(0), null(), null(), int(0)]),
        call("fsmount", libc::SYS_fsmount, &mut [int(-1), int(0), int(0)]),
        call("fsopen", libc::SYS_fsopen, &mut [null(), int(0)]),
        call("fspick", libc::SYS_fspick, &mut [int(-1), null(), int(0)]),
        call("init_module", libc::SYS_init_module, &mut [null(), int(0), null()]),
        call("io_uring_setup", libc::SYS_io_uring_setup, &mut [int(0), null()]),
        call(
            "io_uring_enter",
            libc::SYS_io_uring_enter,
            &mut [int(-1), int(0), int(0), int(0), null(), int(0)],
        ),
        call("io_uring_register", libc::SYS_io_uring_register, &mut [int(-1), int(0), null(), int(0)]),
        call("ioperm", libc::SYS_ioperm, &mut [int(0), int(1), int(1)]),
        call("iopl", libc::SYS_iopl, &mut [int(3)]),
        call("kcmp", libc::SYS_kcmp, &mut [int(1), int(1), int(99), int(0), int(0)]),
        call("kexec_load", libc::SYS_kexec_load, &mut [int(0), int(99), null(), int(0)]),
        call("kexec_file_load", libc::SYS_kexec_file_load, &mut [int(-1), int(-1), int(0), null(), int(0)]),
    ];
    all.extend([
        call("keyctl", libc::SYS_keyctl, &mut [int(99), int(0), int(0), int(0), int(0)]),
        call("lookup_dcookie", libc::SYS_lookup_dcookie, &mut [int(0), Arg::Out(&mut word), int(1)]),
        call("mount", libc::SYS_mount, &mut [null(), null(), null(), int(0), null()]),
        call("mount_setattr", libc::SYS_mount_setattr, &mut [int(-1), null(), int(0), null(), int(0)]),
        call("move_mount", libc::SYS_move_mount, &mut [int(-1), null(), int(-1), null(), int(0)]),
        call("open_by_handle_at", libc::SYS_open_by_handle_at, &mut [int(-1), null(), int(0)]),
        call("open_tree", libc::SYS_open_tree, &mut [int(-1), null(), int(0)]),
        call("perf_event_open", libc::SYS_perf_event_open, &mut [null(), int(0), int(0), int(-1), int(0)]),
        call("pivot_root", libc::SYS_pivot_root, &mut [null(), null()]),
        call(
            "process_vm_readv",
            libc::SYS_process_vm_readv,
            &mut [int(0), null(), int(0), null(), int(0), int(9)],
        ),
        call(
            "process_vm_writev",
            libc::SYS_process_vm_writev,
            &mut [int(0), null(), int(0), null(), int(0), int(9)],
        ),
        call("quotactl", libc::SYS_quotactl, &mut [int(0), null(), int(0), null()]),
        call("reboot", libc::SYS_reboot, &mut [int(0), int(0), int(0), null()]),
        call("request_key", libc::SYS_request_key, &mut [null(), null(), null(), int(0)]),
        call("setns", libc::SYS_setns, &mut [int(-1), int(0)]),
        call("settimeofday", libc::SYS_settimeofday, &mut [null(), Arg::In(&[0; 8])]),
        call("swapon", libc::SYS_swapon, &mut [null(), int(0)]),
        call("swapoff", libc::SYS_swapoff, &mut [null()]),
        call("umount2", libc::SYS_umount2, &mut [null(), int(0)]),
        call("unshare", libc::SYS_unshare, &mut [int(-1)]),
        call("userfaultfd", libc::SYS_userfaultfd, &mut [int(-1)]),
        call("syslog", libc::SYS_syslog, &mut [int(99), null(), int(0)]),
        call("nfsservctl", 180, &mut [int(0)]),
        call("move_pages", libc::SYS_move_pages, &mut [int(1), int(0), null(), null(), null(), int(99)]),
        call("vhangup", libc::SYS_vhangup, &mut []),
    ]);
    all
}

/// Numbers above the newest: a library that tries them has to fall back.
fn unknown(facts: &mut Facts) {
    for number in [600, 777, 999, 100_000] {
        facts.attempt(format!("seccomp.unknown.{number}"), attempt(number, &mut []));
    }
    facts.attempt("seccomp.clone3_empty", attempt(libc::SYS_clone3, &mut [Arg::Null, Arg::Int(0)]));
}

fn namespaces(facts: &mut Facts) {
    let flags = [
        ("user", CloneFlags::CLONE_NEWUSER),
        ("mount", CloneFlags::CLONE_NEWNS),
        ("pid", CloneFlags::CLONE_NEWPID),
        ("net", CloneFlags::CLONE_NEWNET),
        ("ipc", CloneFlags::CLONE_NEWIPC),
        ("uts", CloneFlags::CLONE_NEWUTS),
        ("cgroup", CloneFlags::CLONE_NEWCGROUP),
        ("user_and_net", CloneFlags::CLONE_NEWUSER.union(CloneFlags::CLONE_NEWNET)),
        ("fs_and_user", CloneFlags::CLONE_FS.union(CloneFlags::CLONE_NEWUSER)),
    ];
    for (name, flag) in flags {
        match child_leaves(flag) {
            Ok(outcome) => facts.attempt(format!("seccomp.unshare.{name}"), outcome),
            // No answer of unshare(2) at all.
            Err(errno) => facts.set(format!("seccomp.unshare.{name}"), format!("no child: {errno:?}")),
        }
    }
    facts.attempt("seccomp.unshare.files", unshare(CloneFlags::CLONE_FILES));
    for (name, third) in [("clone", false), ("clone3", true)] {
        let made = crate::sys::clone_child(CloneFlags::CLONE_NEWUSER, third);
        facts.attempt(format!("seccomp.{name}.user"), made);
    }
}

/// Tries to leave namespaces in a child with one thread: where it succeeds, what is looked at afterwards
/// still is what the runtime made.
pub(super) fn child_leaves(flags: CloneFlags) -> Result<Result<(), Errno>, Errno> {
    let mut child = std::process::Command::new(format!("/{}", super::NAME));
    let ended = child.args(["unshare", &flags.bits().to_string()]).status();
    Ok(match ended.map_err(super::identity::errno_of)?.code() {
        Some(0) => Ok(()),
        code => Err(Errno::from_raw(code.unwrap_or(0))),
    })
}

/// The child: its status is the errno.
pub(super) fn leave(bits: i32) -> i32 {
    unshare(CloneFlags::from_bits_truncate(bits)).map_or_else(|errno| errno as i32, |()| 0)
}

fn personalities(facts: &mut Facts) {
    let now = attempt(libc::SYS_personality, &mut [Arg::Int(-1)]).unwrap_or(0);
    facts.set("seccomp.personality_now", now);
    for (name, value) in
        [("read_implies_exec", 0x040_0000), ("addr_no_randomize", 0x004_0000), ("addr_compat", 0x020_0000)]
    {
        facts.attempt(
            format!("seccomp.personality.{name}"),
            attempt(libc::SYS_personality, &mut [Arg::Int(value)]),
        );
    }
    // Back to what it was, whatever was let through.
    facts.attempt(
        "seccomp.personality.back",
        attempt(libc::SYS_personality, &mut [Arg::Int(i32::try_from(now).unwrap_or(0))]),
    );
}

/// The x32 numbers of the same calls: bit 30.
fn other_abis(facts: &mut Facts) {
    let x32 = |number: libc::c_long| 0x4000_0000 | number;
    facts.attempt("seccomp.x32.unshare", attempt(x32(libc::SYS_unshare), &mut [Arg::Int(-1)]));
    facts.attempt("seccomp.x32.keyctl", attempt(x32(libc::SYS_keyctl), &mut [Arg::Int(99)]));
    facts.attempt("seccomp.x32.getpid", attempt(x32(libc::SYS_getpid), &mut []));
}
