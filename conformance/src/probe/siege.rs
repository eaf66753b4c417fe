//! What a hostile container does while somebody outside works on it.

use std::fs;
use std::io::Write;
use std::os::unix::fs::FileTypeExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use nix::mount::{MntFlags, umount2};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use rustix::fs::{CWD, RenameFlags, renameat_with};

use super::Params;
use crate::facts::{Facts, spell};

/// Seconds that a monitor may take to answer.
const ANSWER_S: i64 = 3;

/// The commands of a siege; the exit status, or none where the word is not one of them.
pub(super) fn command(words: &[String]) -> Option<i32> {
    let word = |at: usize| words.get(at).map_or("", String::as_str);
    Some(match words[0].as_str() {
        "pour" => pour(word(1).parse().unwrap_or(0)),
        "stopper" => stopper(),
        "swap" => swap(word(1), word(2)),
        "mislead" => status(mislead(word(1), word(2))),
        "relink" => status(relink(word(1), word(2))),
        "storm" => storm(word(1)),
        "reboot-by-child" => reboot_by_child(),
        "reboot" => reboot(),
        "inotifies" => inotifies(),
        "ptys" => ptys(word(1).parse().unwrap_or(8192)),
        _ => return None,
    })
}

fn status(outcome: std::io::Result<()>) -> i32 {
    match outcome {
        Ok(()) => 0,
        Err(error) => {
            eprintln!("browndog probe: {error}");
            1
        }
    }
}

/// A line on standard output; nobody listening is no reason to fail.
fn say(text: &str) {
    let mut out = std::io::stdout().lock();
    let _heard = writeln!(out, "{text}").and_then(|()| out.flush()).is_ok();
}

/// Writes so many bytes before it reads a single one, then reads all.
fn pour(bytes: usize) -> i32 {
    let line = [vec![b'x'; 63], vec![b'\n']].concat();
    let mut out = std::io::stdout().lock();
    for _ in 0..bytes / line.len() {
        if out.write_all(&line).is_err() {
            return 3;
        }
    }
    let read = std::io::copy(&mut std::io::stdin().lock(), &mut std::io::sink());
    let told = writeln!(out, "READ {}", read.as_ref().map_or(0, |n| *n)).and_then(|()| out.flush());
    i32::from(read.is_err() || told.is_err())
}

/// As PID 1: stops every other process of its namespace, again and again.
fn stopper() -> i32 {
    if std::process::id() != 1 {
        say("not PID 1");
        return 3;
    }
    say("READY");
    loop {
        // There is nobody to stop most of the time.
        let _stopped = kill(Pid::from_raw(-1), Signal::SIGSTOP).is_ok();
        std::thread::yield_now();
    }
}

/// Exchanges two names for ever.
fn swap(a: &str, b: &str) -> i32 {
    say("READY");
    loop {
        if let Err(errno) = renameat_with(CWD, a, CWD, b, RenameFlags::EXCHANGE) {
            eprintln!("browndog probe: renameat2: {errno}");
            return 1;
        }
    }
}

/// Puts a link to `to` in the place of a directory, which gets another name.
fn mislead(directory: &str, to: &str) -> std::io::Result<()> {
    fs::rename(directory, format!("{directory}.aside"))?;
    std::os::unix::fs::symlink(to, directory)
}

/// Puts a link in the place of a file or of nothing.
fn relink(path: &str, to: &str) -> std::io::Result<()> {
    let new = format!("{path}.new");
    std::os::unix::fs::symlink(to, &new)?;
    fs::rename(new, path)
}

/// Makes new processes for ever, and keeps their number in a file.
fn storm(file: &str) -> i32 {
    for number in 1_u64.. {
        let ended = std::process::Command::new(format!("/{}", super::NAME)).arg("true").status();
        let told = ended.is_ok() && fs::write(file, format!("{number}\n")).is_ok();
        if !told {
            return 1;
        }
    }
    0
}

/// As PID 1 of a namespace: a child asks for a reboot.
fn reboot_by_child() -> i32 {
    if std::process::id() != 1 {
        say("REBOOT not PID 1");
        return 3;
    }
    let ended = std::process::Command::new(format!("/{}", super::NAME)).arg("reboot").status();
    if ended.is_ok() { 9 } else { 4 }
}

/// Asks for one, where the parent is PID 1 of a namespace that is not the machine's own: there nobody is the probe.
fn reboot() -> i32 {
    let parent = fs::read_to_string("/proc/1/comm").unwrap_or_default();
    if nix::unistd::getppid().as_raw() != 1 || parent.trim() != super::NAME {
        say("REBOOT not below the probe");
        return 3;
    }
    say("ASKING");
    let outcome = nix::sys::reboot::reboot(nix::sys::reboot::RebootMode::RB_AUTOBOOT);
    say(&format!("REBOOT {}", spell(outcome)));
    0
}

/// Opens inotify instances until there are none left, says how many, and holds them until a file says that it is over.
fn inotifies() -> i32 {
    use nix::sys::inotify::{InitFlags, Inotify};
    let mut held = Vec::new();
    let end = loop {
        match Inotify::init(InitFlags::IN_CLOEXEC) {
            Ok(one) if held.len() < 8192 => held.push(one),
            Ok(_) => break "enough".to_owned(),
            Err(errno) => break spell::<()>(Err(errno)),
        }
    };
    if fs::write("/var/tmp/inotifies", format!("{} {end}\n", held.len())).is_err() {
        return 1;
    }
    while !Path::new("/var/tmp/over").exists() {
        std::thread::sleep(Duration::from_millis(5));
    }
    0
}

/// Opens terminals until there are none left, says how many, and holds them until a file says that it is over.
fn ptys(most: usize) -> i32 {
    let limit = nix::sys::resource::getrlimit(nix::sys::resource::Resource::RLIMIT_NOFILE);
    if let Ok((_, hard)) = limit {
        let raised = nix::sys::resource::setrlimit(nix::sys::resource::Resource::RLIMIT_NOFILE, hard, hard);
        if let Err(errno) = raised {
            eprintln!("browndog probe: setrlimit: {errno}");
        }
    }
    let mut held = Vec::new();
    let end = loop {
        if held.len() >= most {
            break "enough".to_owned();
        }
        match fs::File::options().read(true).write(true).open("/dev/ptmx") {
            Ok(file) => held.push(file),
            Err(error) => break spell::<()>(Err(super::identity::errno_of(error))),
        }
    };
    if fs::write("/var/tmp/ptys", format!("{} {end}\n", held.len())).is_err() {
        drop(held.pop());
    }
    while !Path::new("/var/tmp/over").exists() {
        std::thread::sleep(Duration::from_millis(5));
    }
    0
}

/// Sockets of a runtime's monitors below the directory `state`: who answers an order from inside.
pub(super) fn monitors(params: &Params, facts: &mut Facts) {
    let Some(state) = params.text("state") else { return };
    let (mut found, mut answered, mut said) = (Vec::new(), Vec::new(), Vec::new());
    let mut open = vec![PathBuf::from(state)];
    while let Some(directory) = open.pop() {
        for entry in fs::read_dir(&directory).into_iter().flatten().flatten() {
            let Ok(kind) = entry.file_type() else { continue };
            let path = entry.path();
            if kind.is_dir() {
                open.push(path);
            } else if kind.is_socket() {
                found.push(path.display().to_string());
                match order(&path) {
                    Ok(answer) => {
                        said.push(answer);
                        answered.push(path.display().to_string());
                    }
                    Err(error) => said.push(error.to_string()),
                }
            }
        }
    }
    facts.set("monitors.found", found);
    facts.set("monitors.answered", answered);
    facts.set("monitors.said", said);
    facts.attempt_io("monitors.state_written", fs::write(Path::new(state).join("made-inside"), "x"));
}

/// Asks a monitor to end its domain; its answer. Whatever kind of socket it listens on.
fn order(path: &Path) -> std::io::Result<String> {
    use nix::sys::socket::{
        AddressFamily, MsgFlags, SockFlag, SockType, UnixAddr, connect, recv, send, setsockopt, socket,
        sockopt::ReceiveTimeout,
    };
    let address = UnixAddr::new(path)?;
    let mut last = nix::errno::Errno::EPROTOTYPE;
    for kind in [SockType::SeqPacket, SockType::Stream, SockType::Datagram] {
        let fd = socket(AddressFamily::Unix, kind, SockFlag::SOCK_CLOEXEC, None)?;
        let raw = std::os::fd::AsRawFd::as_raw_fd(&fd);
        if let Err(errno) = connect(raw, &address) {
            last = errno;
            continue;
        }
        setsockopt(&fd, ReceiveTimeout, &nix::sys::time::TimeVal::new(ANSWER_S, 0))?;
        let _sent = send(raw, b"{\"op\":\"destroy\"}\n", MsgFlags::MSG_NOSIGNAL)?;
        let mut bytes = [0; 4096];
        let length = recv(raw, &mut bytes, MsgFlags::empty())?;
        if length == 0 {
            return Err(std::io::Error::other("it hung up"));
        }
        return Ok(String::from_utf8_lossy(&bytes[..length]).trim().to_owned());
    }
    Err(last.into())
}

/// Takes the container's own /proc, /sys and /dev away, one after the other, and looks at what is below.
pub(super) fn under(_params: &Params, facts: &mut Facts) {
    for (name, path) in [("dev", "/dev"), ("sys", "/sys"), ("proc", "/proc")] {
        let before = names(path);
        facts.set(format!("under.{name}.before"), before.len());
        let outcome = umount2(path, MntFlags::MNT_DETACH);
        let lifted = outcome.is_ok();
        facts.attempt(format!("under.{name}.unmount"), outcome);
        let after = if lifted { names(path) } else { Vec::new() };
        let shown = after.iter().take(8).map(|n| format!("{path}/{n}")).collect::<Vec<_>>();
        // An image has empty directories there, and perhaps a few files of its own.
        let host = match name {
            "proc" => after.iter().any(|n| n == "self" || n == "kcore" || n == "1"),
            "sys" => after.iter().any(|n| n == "kernel" || n == "class"),
            _ => after.iter().any(|n| n == "kmsg" || n == "mem" || n == "vda" || n == "rtc" || n == "kvm"),
        };
        facts.set(format!("under.{name}.of_the_host"), if host { shown } else { Vec::new() });
    }
}

fn names(directory: &str) -> Vec<String> {
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    entries.map(|e| e.file_name().to_string_lossy().into_owned()).collect()
}
