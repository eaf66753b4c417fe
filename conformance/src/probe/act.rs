//! Small commands the probe obeys.

use std::os::unix::process::CommandExt;
use std::time::Duration;

/// Obeys one command; the exit status.
pub(super) fn main(words: &[String]) -> i32 {
    let rest = &words[1..];
    match words[0].as_str() {
        "exit" => number(rest, 0),
        "true" => 0,
        "euid" => {
            println!("{}", nix::unistd::geteuid());
            0
        }
        "canary" => attend(),
        "sleep" => {
            std::thread::sleep(Duration::from_secs(u64::try_from(number(rest, 3600)).unwrap_or(0)));
            0
        }
        "unshare" => super::filter::leave(number(rest, 0)),
        "send" => send(rest),
        "ready" => {
            say("READY");
            main(rest)
        }
        "abort" => std::process::abort(),
        "shield" => shield(),
        "killall" => killall(),
        "trap" => trap(),
        "cat" => cat(),
        "flood" => flood(number(rest, 0)),
        "args" => {
            say(&serde_json::json!(rest).to_string());
            0
        }
        "say" => {
            say(rest.first().map_or("", String::as_str));
            number(rest.get(1..).unwrap_or_default(), 0)
        }
        "clock" => {
            let now = nix::time::clock_gettime(nix::time::ClockId::CLOCK_MONOTONIC);
            say(&now.map_or_else(
                |e| e.to_string(),
                |t| format!("{:.6}", t.tv_sec() as f64 * 1e3 + t.tv_nsec() as f64 / 1e6),
            ));
            0
        }
        "hold" => hold(rest.first().map_or("", String::as_str)),
        "limited" => limited(rest),
        "chroot" => chroot(rest),
        "hog" => hog(number(rest, 64)),
        other => super::siege::command(words).unwrap_or_else(|| {
            eprintln!("browndog probe: unknown command {other:?}");
            2
        }),
    }
}

/// Waits until whoever started it closes the pipe, or is gone.
fn attend() -> i32 {
    let ended = std::io::copy(&mut std::io::stdin().lock(), &mut std::io::sink());
    i32::from(ended.is_err())
}

fn number(words: &[String], default: i32) -> i32 {
    words.first().and_then(|w| w.parse().ok()).unwrap_or(default)
}

/// The null runtime: `chroot DIR PROGRAM ARG…`. The machine's own /proc, /sys and /dev lie in the root, so
/// that all that is not isolated can be seen and tried; that is for machines that are thrown away.
fn chroot(words: &[String]) -> i32 {
    let [directory, program, arguments @ ..] = words else {
        eprintln!("browndog probe: chroot wants DIR PROGRAM");
        return 2;
    };
    if !std::path::Path::new(crate::vm::job::LAB_MARK).exists() {
        eprintln!("browndog probe: chroot isolates nothing: only in a throw-away virtual machine");
        return 125;
    }
    let entered = show_machine(std::path::Path::new(directory))
        .and_then(|()| nix::unistd::chroot(directory.as_str()))
        .and_then(|()| nix::unistd::chdir("/"));
    if let Err(errno) = entered {
        eprintln!("browndog probe: chroot {directory}: {errno}");
        return 125;
    }
    let error = std::process::Command::new(program).args(arguments).exec();
    eprintln!("browndog probe: {program}: {error}");
    126
}

/// Binds the root onto itself, so that it is a mount, and the machine's interfaces into it. What is then done
/// to these mounts does not reach the ones they were made of, without which the guest could not go on.
fn show_machine(root: &std::path::Path) -> nix::Result<()> {
    use nix::mount::{MsFlags, mount};
    const NONE: Option<&str> = None;
    let bind = |source: &std::path::Path, target: &std::path::Path| {
        mount(Some(source), target, NONE, MsFlags::MS_BIND | MsFlags::MS_REC, NONE)?;
        mount(NONE, target, NONE, MsFlags::MS_PRIVATE | MsFlags::MS_REC, NONE)
    };
    bind(root, root)?;
    for name in ["proc", "sys", "dev"] {
        let target = root.join(name);
        // A link in its place would lead out of the root; a file takes no directory.
        if std::fs::symlink_metadata(&target).is_ok_and(|m| m.is_dir()) {
            bind(&std::path::Path::new("/").join(name), &target)?;
        }
    }
    Ok(())
}

/// Touches so many MiB and holds them for a moment.
fn hog(mebibytes: i32) -> i32 {
    let mut held = Vec::new();
    for _ in 0..mebibytes {
        let mut chunk = vec![0_u8; 1 << 20];
        for byte in chunk.iter_mut().step_by(4096) {
            *byte = 1;
        }
        held.push(chunk);
    }
    let _kept = std::hint::black_box(&held);
    0
}

/// A line on standard output, at once. Nobody listening is no reason to fail.
fn say(text: &str) {
    use std::io::Write;
    let mut out = std::io::stdout().lock();
    let _heard = writeln!(out, "{text}").and_then(|()| out.flush()).is_ok();
}

/// Signals with default actions, from a child to PID 1: the kernel drops them all.
fn shield() -> i32 {
    let me = std::process::id();
    if me != 1 {
        say("not PID 1");
        return 3;
    }
    for signal in ["TERM", "INT", "HUP", "QUIT", "USR1", "STOP", "KILL"] {
        let sent =
            std::process::Command::new(format!("/{}", super::NAME)).args(["send", "1", signal]).status();
        if !sent.is_ok_and(|s| s.success()) {
            say(&format!("SIG{signal} could not be sent"));
            return 4;
        }
    }
    say("alive");
    0
}

/// `send PID NAME`
fn send(words: &[String]) -> i32 {
    let [pid, name] = words else { return 2 };
    let (Ok(pid), Ok(signal)) = (pid.parse(), format!("SIG{name}").parse::<nix::sys::signal::Signal>())
    else {
        return 2;
    };
    i32::from(nix::sys::signal::kill(nix::unistd::Pid::from_raw(pid), signal).is_err())
}

/// A signal to every process there is; only as PID 1 of a namespace, where it stays inside.
fn killall() -> i32 {
    if std::process::id() != 1 {
        say("not PID 1");
        return 3;
    }
    let everybody = nix::unistd::Pid::from_raw(-1);
    match nix::sys::signal::kill(everybody, nix::sys::signal::Signal::SIGKILL) {
        Ok(()) | Err(nix::errno::Errno::ESRCH) => 0,
        Err(errno) => {
            say(&errno.to_string());
            4
        }
    }
}

/// Waits for a signal and says which.
fn trap() -> i32 {
    let mut set = nix::sys::signal::SigSet::empty();
    for signal in [
        nix::sys::signal::Signal::SIGTERM,
        nix::sys::signal::Signal::SIGINT,
        nix::sys::signal::Signal::SIGQUIT,
        nix::sys::signal::Signal::SIGHUP,
    ] {
        set.add(signal);
    }
    if let Err(errno) = set.thread_block() {
        say(&errno.to_string());
        return 3;
    }
    say("READY");
    match set.wait() {
        Ok(signal) => say(&format!("SIGNAL {signal}")),
        Err(errno) => say(&errno.to_string()),
    }
    50
}

/// Length and checksum of what comes in.
fn cat() -> i32 {
    use std::io::Read;
    let mut bytes = Vec::new();
    match std::io::stdin().lock().read_to_end(&mut bytes) {
        Ok(length) => {
            say(&format!("{length} {:016x}", checksum(&bytes)));
            0
        }
        Err(error) => {
            say(&error.to_string());
            3
        }
    }
}

/// FNV-1a.
pub(crate) fn checksum(bytes: &[u8]) -> u64 {
    bytes
        .iter()
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}

/// So many bytes, and then the end.
fn flood(bytes: i32) -> i32 {
    use std::io::Write;
    let line = [b"x".repeat(63), b"\n".to_vec()].concat();
    let mut out = std::io::stdout().lock();
    for _ in 0..bytes / 64 {
        if out.write_all(&line).is_err() {
            return 3;
        }
    }
    i32::from(out.flush().is_err())
}

/// Holds one of each kind of object, until a word comes.
fn hold(name: &str) -> i32 {
    use crate::sys::{Arg, attempt};
    use std::os::linux::net::SocketAddrExt;
    let key = super::ipc::KEY;
    let create = libc::IPC_CREAT | 0o666;
    let address = std::os::unix::net::SocketAddr::from_abstract_name(name);
    let socket = address.and_then(|a| std::os::unix::net::UnixListener::bind_addr(&a));
    let shm = attempt(libc::SYS_shmget, &mut [Arg::Int(key), Arg::Int(4096), Arg::Int(create)]);
    let msg = attempt(libc::SYS_msgget, &mut [Arg::Int(key), Arg::Int(create)]);
    let queue = attempt(
        libc::SYS_mq_open,
        &mut [
            Arg::In(b"browndog-canary\0"),
            Arg::Int(libc::O_CREAT | libc::O_RDWR),
            Arg::Int(0o666),
            Arg::Null,
        ],
    );
    let file = std::fs::write("/dev/shm/browndog-canary", name);
    let tcp = std::net::TcpListener::bind("127.0.0.1:0");
    let held = [
        ("socket", socket.is_ok()),
        ("shm", shm.is_ok()),
        ("msg", msg.is_ok()),
        ("queue", queue.is_ok()),
        ("file", file.is_ok()),
        ("tcp", tcp.is_ok()),
    ];
    // What it has not says why: it stands in the verdict.
    if let Err(errno) = &queue {
        eprintln!("browndog probe: mq_open: {errno}");
    }
    let names: Vec<&str> = held.iter().filter(|(_, h)| *h).map(|(n, _)| *n).collect();
    say(&format!("HOLDING {}", names.join(" ")));
    let mut word = String::new();
    let _released = std::io::stdin().read_line(&mut word).is_ok();
    0
}

/// `limited N PROGRAM ARG…`: with at most N descriptors.
fn limited(words: &[String]) -> i32 {
    let [limit, program, arguments @ ..] = words else { return 2 };
    let limit = limit.parse().unwrap_or(64);
    if let Err(errno) =
        nix::sys::resource::setrlimit(nix::sys::resource::Resource::RLIMIT_NOFILE, limit, limit)
    {
        eprintln!("browndog probe: setrlimit: {errno}");
        return 3;
    }
    let error = std::process::Command::new(program).args(arguments).exec();
    eprintln!("browndog probe: {program}: {error}");
    126
}
