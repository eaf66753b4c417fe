//! Who the process is: ids, groups, maps, capabilities by listing and by effect.

use std::fs::{self, OpenOptions};
use std::io::Write;

use nix::errno::Errno;
use nix::sched::CloneFlags;
use nix::unistd::{Gid, Uid, seteuid, setgroups};

use super::Params;
use super::process::status;
use crate::facts::{Facts, spell};
use crate::sys::{Arg, attempt};

pub(super) fn user(params: &Params, facts: &mut Facts) {
    let columns = |field: &str| -> Vec<String> {
        status("self", field).unwrap_or_default().split_whitespace().map(str::to_owned).collect()
    };
    facts.set("user.uids", columns("Uid"));
    facts.set("user.gids", columns("Gid"));
    facts.set("user.groups", columns("Groups"));
    for map in ["uid_map", "gid_map"] {
        let text = fs::read_to_string(format!("/proc/self/{map}")).unwrap_or_default();
        let lines: Vec<String> =
            text.lines().map(|l| l.split_whitespace().collect::<Vec<_>>().join(" ")).collect();
        facts.set(format!("user.{map}"), lines);
        facts.attempt_io(
            format!("user.{map}_second_write"),
            write_existing(&format!("/proc/self/{map}"), "0 0 1\n"),
        );
    }
    facts.set("user.setgroups", fs::read_to_string("/proc/self/setgroups").unwrap_or_default().trim());
    if !Uid::current().is_root() {
        facts.attempt("user.become_root", seteuid(Uid::from_raw(0)));
        facts.attempt("user.add_group", setgroups(&[Gid::from_raw(0)]));
    }
    if let Some(path) = params.text("group_file") {
        facts.attempt_io("user.group_file_read", fs::read(path));
    }
    facts.attempt_io("user.create_file", fs::write("/tmp/made-inside", "x"));
}

/// Writes into a file that has to be there already.
pub(super) fn write_existing(path: &str, text: &str) -> std::io::Result<()> {
    OpenOptions::new().write(true).open(path)?.write_all(text.as_bytes())
}

pub(super) fn caps(_params: &Params, facts: &mut Facts) {
    for field in ["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"] {
        facts.set(format!("caps.{field}"), status("self", field).unwrap_or_default());
    }
    let last: i32 = fs::read_to_string("/proc/sys/kernel/cap_last_cap")
        .ok()
        .and_then(|t| t.trim().parse().ok())
        .unwrap_or(40);
    facts.set("caps.last", last);
    let bounding: Vec<i32> = (0..=last).filter(|n| prctl(libc::PR_CAPBSET_READ, *n) == Ok(1)).collect();
    facts.set("caps.bounding", bounding);
    let ambient: Vec<i32> = (0..=last)
        .filter(|n| {
            attempt(
                libc::SYS_prctl,
                &mut [Arg::Int(libc::PR_CAP_AMBIENT), Arg::Int(1), Arg::Int(*n), Arg::Int(0), Arg::Int(0)],
            ) == Ok(1)
        })
        .collect();
    facts.set("caps.ambient", ambient);
    facts.set("caps.securebits", prctl(libc::PR_GET_SECUREBITS, 0).unwrap_or(-1));
    facts.set("caps.keepcaps", prctl(libc::PR_GET_KEEPCAPS, 0).unwrap_or(-1));
    effects(facts);
}

/// Runs the setuid-root copy of the probe that the scene has put into the image.
pub(super) fn setuid_program(_params: &Params, facts: &mut Facts) {
    let output = std::process::Command::new("/setuid-probe").arg("euid").output();
    match output {
        Ok(output) => {
            let text = String::from_utf8_lossy(&output.stdout).trim().to_owned();
            facts.set("caps.setuid_program_euid", text.parse::<i64>().unwrap_or(-1));
        }
        Err(error) => facts.set("caps.setuid_program_euid", spell::<()>(Err(errno_of(error)))),
    }
}

/// `prctl(option, value, 0, 0, 0)`.
pub(super) fn prctl(option: i32, value: i32) -> Result<i64, Errno> {
    attempt(libc::SYS_prctl, &mut [Arg::Int(option), Arg::Int(value), Arg::Int(0), Arg::Int(0), Arg::Int(0)])
}

/// One real operation for each capability that no default set holds. Each is harmless where it works.
fn effects(facts: &mut Facts) {
    let mut put =
        |name: &str, outcome: Result<i64, Errno>| facts.set(format!("caps.try.{name}"), spell(outcome));
    let null = || Arg::Null;
    put(
        "sys_module",
        attempt(libc::SYS_delete_module, &mut [Arg::In(b"browndog_no_such_module\0"), Arg::Int(0)]),
    );
    put("sys_rawio_iopl", attempt(libc::SYS_iopl, &mut [Arg::Int(3)]));
    put("sys_rawio_ioperm", attempt(libc::SYS_ioperm, &mut [Arg::Int(0x80), Arg::Int(1), Arg::Int(1)]));
    put(
        "sys_admin_mount",
        attempt(
            libc::SYS_mount,
            &mut [Arg::In(b"none\0"), Arg::In(b"/tmp\0"), Arg::In(b"tmpfs\0"), Arg::Int(0), null()],
        ),
    );
    put(
        "sys_admin_sethostname",
        attempt(libc::SYS_sethostname, &mut [Arg::In(b"browndog-probe"), Arg::Int(14)]),
    );
    put("sys_admin_swapon", attempt(libc::SYS_swapon, &mut [Arg::In(b"/no-such-swap\0"), Arg::Int(0)]));
    put(
        "sys_admin_quotactl",
        attempt(
            libc::SYS_quotactl,
            &mut [Arg::Int(0x80_0001_u32.cast_signed()), null(), Arg::Int(0), null()],
        ),
    );
    put("sys_pacct", attempt(libc::SYS_acct, &mut [Arg::In(b"/no-such-file\0")]));
    put("sys_chroot", nix::unistd::chroot("/").map(|()| 0));
    put("sys_ptrace_other", trace_another_user());
    put("sys_nice", attempt(libc::SYS_setpriority, &mut [Arg::Int(0), Arg::Int(0), Arg::Int(-20)]));
    put("sys_resource", raise_limit());
    put("sys_time", attempt(libc::SYS_settimeofday, &mut [null(), Arg::In(&[0; 8])]));
    // Where it succeeds the kernel hangs up on the leader of the session, which the probe is.
    put(
        "sys_tty_config",
        crate::sys::ignore(libc::SIGHUP).and_then(|()| attempt(libc::SYS_vhangup, &mut [])),
    );
    put(
        "mknod",
        nix::sys::stat::mknod(
            "/tmp/mknod-try",
            nix::sys::stat::SFlag::S_IFCHR,
            nix::sys::stat::Mode::S_IRUSR,
            nix::sys::stat::makedev(1, 3),
        )
        .map(|()| 0),
    );
    // What brings a descriptor where it works is closed: it would be taken for one of the runtime's.
    let closed = |outcome: Result<i64, Errno>| outcome.inspect(|fd| close(*fd));
    put("dac_read_search", closed(open_by_handle()));
    put("syslog", attempt(libc::SYS_syslog, &mut [Arg::Int(8), null(), Arg::Int(4)]));
    put("bpf", closed(attempt(libc::SYS_bpf, &mut [Arg::Int(0), Arg::In(&[0; 64]), Arg::Int(64)])));
    put(
        "perfmon",
        closed(attempt(
            libc::SYS_perf_event_open,
            &mut [Arg::In(&perf_attribute()), Arg::Int(-1), Arg::Int(0), Arg::Int(-1), Arg::Int(0)],
        )),
    );
    put("linux_immutable", immutable());
    put("ipc_lock", lock_memory());
    put("net_admin", net_admin());
    put("net_raw", nix_socket(libc::AF_INET, libc::SOCK_RAW, 1));
    put("audit_control", audit(1001));
    put("audit_read", audit_multicast());
    put("wake_alarm", closed(attempt(libc::SYS_timerfd_create, &mut [Arg::Int(8), Arg::Int(0)])));
    put("block_suspend", write_existing("/sys/power/wake_lock", "browndog").map(|()| 0).map_err(errno_of));
    put(
        "mac_admin",
        write_existing("/sys/kernel/security/apparmor/.load", "x").map(|()| 0).map_err(errno_of),
    );
    put("sys_boot", attempt(libc::SYS_kexec_load, &mut [Arg::Int(0), Arg::Int(0), null(), Arg::Int(0)]));
    put(
        "checkpoint_restore",
        write_existing("/proc/sys/kernel/ns_last_pid", "1").map(|()| 0).map_err(errno_of),
    );
    let left = super::filter::child_leaves(CloneFlags::CLONE_NEWNS).unwrap_or(Err(Errno::ECHILD));
    put("sys_admin_unshare", left.map(|()| 0));
}

pub(super) fn errno_of(error: std::io::Error) -> Errno {
    Errno::from_raw(error.raw_os_error().unwrap_or(0))
}

fn raise_limit() -> Result<i64, Errno> {
    use nix::sys::resource::{Resource, getrlimit, setrlimit};
    let (soft, hard) = getrlimit(Resource::RLIMIT_CORE)?;
    if hard == libc::RLIM_INFINITY {
        // Nothing is left to raise: lower it first, as a process may.
        setrlimit(Resource::RLIMIT_CORE, 0, 4096)?;
    }
    let raised = setrlimit(Resource::RLIMIT_CORE, soft.min(4096), 1 << 40).map(|()| 0);
    raised.inspect(|_| {
        let _back = setrlimit(Resource::RLIMIT_CORE, soft, hard).is_ok();
    })
}

/// A handle as `name_to_handle_at` gives for the root inode of ext4: type 1, inode 2, generation 0.
fn open_by_handle() -> Result<i64, Errno> {
    let mut handle = [0_u8; 16];
    handle[..4].copy_from_slice(&8_u32.to_ne_bytes());
    handle[4..8].copy_from_slice(&1_i32.to_ne_bytes());
    handle[8..12].copy_from_slice(&2_u32.to_ne_bytes());
    let root = fs::File::open("/").map_err(errno_of)?;
    let fd = std::os::fd::AsRawFd::as_raw_fd(&root);
    attempt(libc::SYS_open_by_handle_at, &mut [Arg::Int(fd), Arg::In(&handle), Arg::Int(libc::O_PATH)])
}

/// `perf_event_attr` for kernel side CPU cycles of every process.
fn perf_attribute() -> [u8; 128] {
    let mut bytes = [0_u8; 128];
    bytes[0] = 1;
    bytes[4] = 128;
    bytes
}

fn immutable() -> Result<i64, Errno> {
    fs::write("/tmp/immutable", "x").map_err(errno_of)?;
    let file = fs::File::open("/tmp/immutable").map_err(errno_of)?;
    let fd = std::os::fd::AsRawFd::as_raw_fd(&file);
    // FS_IOC_SETFLAGS with FS_IMMUTABLE_FL, and off again where it worked.
    let request = 0x4008_6602;
    let done =
        attempt(libc::SYS_ioctl, &mut [Arg::Int(fd), Arg::Int(request), Arg::In(&16_i64.to_ne_bytes())]);
    if done.is_ok() {
        let _off =
            attempt(libc::SYS_ioctl, &mut [Arg::Int(fd), Arg::Int(request), Arg::In(&0_i64.to_ne_bytes())])?;
    }
    done
}

fn lock_memory() -> Result<i64, Errno> {
    use nix::sys::resource::{Resource, setrlimit};
    setrlimit(Resource::RLIMIT_MEMLOCK, 0, 0)?;
    let locked = attempt(libc::SYS_mlockall, &mut [Arg::Int(libc::MCL_CURRENT)]);
    if locked.is_ok() {
        let _unlocked = attempt(libc::SYS_munlockall, &mut [])?;
    }
    locked
}

/// `RTM_NEWLINK` that sets lo to the state it has, with acknowledgement.
fn net_admin() -> Result<i64, Errno> {
    super::netlink::request(0, 16, 1 | 4, &super::netlink::lo_up()).map(|_| 0)
}

/// An audit request of a type.
fn audit(kind: u16) -> Result<i64, Errno> {
    super::netlink::request(9, kind, 1 | 4, &[0; 40]).map(|_| 0)
}

/// A child that has become another user, and the attempt to trace it.
fn trace_another_user() -> Result<i64, Errno> {
    use std::os::unix::process::CommandExt;
    let child =
        std::process::Command::new(format!("/{}", super::NAME)).args(["sleep", "20"]).uid(1000).spawn();
    let mut child = child.map_err(errno_of)?;
    let pid = nix::unistd::Pid::from_raw(child.id().cast_signed());
    let traced = nix::sys::ptrace::attach(pid).map(|()| 0);
    let _ended = child.kill().and_then(|()| child.wait()).is_ok();
    traced
}

/// Listening to audit records needs `CAP_AUDIT_READ`; opening the socket does not.
fn audit_multicast() -> Result<i64, Errno> {
    let fd = super::netlink::open(9)?;
    let bound = nix::sys::socket::bind(fd, &nix::sys::socket::NetlinkAddr::new(0, 1));
    close(i64::from(fd));
    bound.map(|()| 0)
}

/// Opens a socket and closes it.
pub(super) fn nix_socket(family: i32, kind: i32, protocol: i32) -> Result<i64, Errno> {
    let fd = attempt(
        libc::SYS_socket,
        &mut [
            Arg::Int(family),
            Arg::Int(kind | libc::SOCK_CLOEXEC | libc::SOCK_NONBLOCK),
            Arg::Int(protocol),
        ],
    )?;
    close(fd);
    Ok(0)
}

/// Closes a descriptor that an attempt by number brought.
pub(crate) fn close(fd: i64) {
    if let Ok(fd) = i32::try_from(fd)
        && let Err(errno) = attempt(libc::SYS_close, &mut [Arg::Int(fd)])
    {
        eprintln!("browndog probe: close({fd}): {errno}");
    }
}
