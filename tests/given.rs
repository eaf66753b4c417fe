//! What is named by hand, to be read or written over, is looked at before it is opened: nothing is waited for, and
//! a pipe that is handed over is read.
#![allow(unused_results, reason = "commands are built in steps")]

mod support;

use std::ffi::{OsStr, OsString};
use std::os::unix::fs::{FileTypeExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use rstest::rstest;
use support::{BROWNDOG, Case, text};

/// Runs with an end: killed where something is waited for.
fn bounded(words: &[OsString]) -> Output {
    let mut command = Command::new("timeout");
    command.args(["-s", "KILL", "30", BROWNDOG]).args(words);
    command.stdin(Stdio::null()).output().expect("timeout(1) is there")
}

/// Every way in which a file is named by hand, `FILE` in its place.
const NAMED: [&str; 17] = [
    "validate FILE",
    "fmt FILE",
    "fmt --check FILE",
    "fmt --write FILE",
    "plan FILE",
    "run FILE",
    "--root=ROOT define FILE",
    "--root=ROOT create FILE",
    "--root=ROOT attach-device NAME FILE --config",
    "convert --from=rfc FILE",
    "convert --from=lxc.conf FILE",
    "convert --from=oci FILE",
    "conformance run --filter=none --baseline=FILE",
    "conformance merge FILE",
    "conformance compare FILE FILE",
    "bench compare FILE FILE",
    "bench start --virtual --baseline=FILE",
];

fn made(dir: &Path, kind: &str) -> (PathBuf, Option<std::os::unix::net::UnixListener>) {
    let path = dir.join(kind);
    let mut socket = None;
    match kind {
        "fifo" => nix::unistd::mkfifo(&path, nix::sys::stat::Mode::S_IRWXU).unwrap(),
        "socket" => socket = Some(std::os::unix::net::UnixListener::bind(&path).unwrap()),
        "link" => {
            nix::unistd::mkfifo(&dir.join("meant"), nix::sys::stat::Mode::S_IRWXU).unwrap();
            symlink("meant", &path).unwrap();
        }
        device => return (device.into(), None),
    }
    (path, socket)
}

#[rstest]
#[case("fifo", "it is a FIFO")]
#[case("link", "it is a FIFO")]
#[case("socket", "it is a socket")]
#[case("/dev/tty", "it is a device")]
#[case("/dev/zero", "it is a device")]
#[case("/proc/kmsg", "it lies on a file system of the kernel's own")]
fn what_is_named_by_hand_keeps_nobody_waiting(#[case] kind: &str, #[case] why: &str) {
    let case = Case::new();
    let (path, _socket) = made(case.dir.path(), kind);
    let root = case.dir.path().join("state").display().to_string();
    let file = path.display().to_string();
    let put = |word: &str| word.replace("FILE", &file).replace("ROOT", &root).replace("NAME", &case.name);
    let words = |line: &str| line.split(' ').map(put).map(OsString::from).collect::<Vec<_>>();
    let mut define = words("--root=ROOT define");
    define.push(case.domain("<init>/bin/true</init>", "").into());
    assert_eq!(bounded(&define).status.code(), Some(0));
    for line in NAMED {
        let output = bounded(&words(line));
        let said = text(&output.stderr);
        assert!(output.status.code().is_some_and(|code| ![0, 124, 137].contains(&code)), "{line}: {said}");
        assert!(said.contains(why), "{line}: {said}");
    }
}

/// What a caller hands over is what he wants to be read: by `-`, and by each name that shells give a descriptor.
#[rstest]
#[case::dash("cat FILE | BD validate -")]
#[case::stdin("cat FILE | BD validate /dev/stdin")]
#[case::substitution("BD validate <(cat FILE)")]
#[case::number("cat FILE | BD validate /proc/self/fd/0")]
#[case::named("mkfifo f; cat FILE >f & BD validate - <f")]
#[case::named_by_number("mkfifo f; cat FILE >f & BD validate /dev/fd/3 3<f")]
#[case::file("BD validate /dev/fd/7 7<FILE")]
#[case::two("BD validate <(cat FILE) <(cat FILE)")]
#[case::plan("BD plan --on v2 <(cat FILE)")]
#[case::convert("BD convert --from=lxc.conf <(echo lxc.rootfs.path = /srv) --name a")]
fn a_pipe_that_is_handed_over_is_read(#[case] script: &str) {
    let case = Case::new();
    let file = case.domain("<init>/bin/true</init>", "");
    let script = script.replace("BD", BROWNDOG).replace("FILE", &file.display().to_string());
    let mut command = Command::new("timeout");
    command.args(["-s", "KILL", "60", "bash", "-c", &script]).current_dir(case.dir.path());
    let output = command.stdin(Stdio::null()).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
}

/// Killed also where the test fails.
struct Waiting(std::process::Child);

impl Drop for Waiting {
    fn drop(&mut self) {
        // It may have ended.
        let _killed = self.0.kill();
        let _status = self.0.wait();
    }
}

/// A pipe from which nothing comes is waited for, as it was asked; a signal ends that.
#[rstest]
#[case(nix::sys::signal::Signal::SIGINT)]
#[case(nix::sys::signal::Signal::SIGTERM)]
fn waiting_for_a_pipe_ends_with_a_signal(
    #[values("validate", "plan", "run")] verb: &str,
    #[values("-", "/dev/stdin")] name: &str,
    #[case] signal: nix::sys::signal::Signal,
) {
    use std::os::unix::process::ExitStatusExt;
    let mut command = Command::new(BROWNDOG);
    command.args([verb, name]).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
    let mut child = Waiting(command.spawn().unwrap());
    let pid = child.0.id();
    // Asleep: in read(2). A signal that comes before ends it as well.
    let asleep = || std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap().contains(") S ");
    for _ in 0..500 {
        if asleep() {
            break;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    nix::sys::signal::kill(nix::unistd::Pid::from_raw(pid as i32), signal).unwrap();
    let ended = (0..500).find_map(|_| {
        let status = child.0.try_wait().unwrap();
        status.or_else(|| {
            std::thread::sleep(Duration::from_millis(10));
            None
        })
    });
    assert_eq!(ended.expect("it ends").signal(), Some(signal as i32));
}

/// The new text of a file is put in its place by its name: what is no file would be lost.
#[test]
fn what_is_no_file_is_not_replaced_by_one() {
    let case = Case::new();
    let config = case.dir.path().join("config");
    std::fs::write(&config, "lxc.rootfs.path = /srv\n").unwrap();
    for kind in ["fifo", "socket", "link"] {
        let (path, _socket) = made(case.dir.path(), kind);
        let mut words: Vec<OsString> =
            ["convert", "--from=lxc.conf", "--name=a", "--output"].iter().map(OsString::from).collect();
        words.extend([path.as_os_str(), config.as_os_str()].map(OsStr::to_owned));
        let output = bounded(&words);
        let said = text(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{said}");
        assert!(said.contains("it is no regular file"), "{said}");
        assert!(!std::fs::metadata(&path).unwrap().file_type().is_file());
        assert!(std::fs::symlink_metadata(&path).unwrap().file_type().is_symlink() == (kind == "link"));
    }
    assert!(std::fs::metadata(case.dir.path().join("fifo")).unwrap().file_type().is_fifo());
}
