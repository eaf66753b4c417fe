//! A monitor obeys its owner: nobody from inside a container, however it gets at the socket; and nobody who can
//! talk to it keeps it from its work.
#![allow(unused_results, reason = "commands are built in steps")]

mod support;

use std::fs;
use std::os::fd::{AsRawFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use nix::sys::socket::{AddressFamily, MsgFlags, SockFlag, SockType, UnixAddr, connect, recv, send, socket};
use rstest::rstest;
use support::life::Life;
use support::{root, text};

const SLEEP: &str = "trap 'exit 0' TERM; echo ready; while :; do sleep 0.2; done";

fn running(script: &str) -> Option<Life> {
    if !root() {
        return None;
    }
    let life = Life::new();
    life.define(script);
    life.ok(&["start", life.name()]);
    Some(life)
}

fn socket_of(life: &Life) -> PathBuf {
    life.root().join("run/domains").join(life.name()).join("socket")
}

fn connected(path: &Path) -> OwnedFd {
    let fd = socket(AddressFamily::Unix, SockType::SeqPacket, SockFlag::SOCK_CLOEXEC, None).unwrap();
    connect(fd.as_raw_fd(), &UnixAddr::new(path).unwrap()).unwrap();
    fd
}

fn said(fd: &OwnedFd) -> String {
    let mut buffer = [0; 65_536];
    let count = recv(fd.as_raw_fd(), &mut buffer, MsgFlags::empty()).unwrap();
    text(&buffer[..count])
}

/// What a process inside says to a monitor, and prints of the answer.
const INSIDE: &str = r#"
import socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
s.settimeout(20)
try:
    s.connect(sys.argv[1])
except FileNotFoundError:
    print("answer: there is no such socket")
    sys.exit()
try:
    s.send(sys.argv[2].encode())
except OSError:
    pass
try:
    print("answer", s.recv(65536).decode())
except OSError as error:
    print("answer", error)
"#;

#[rstest]
#[case::destroy(r#"{"op":"destroy"}"#)]
#[case::console(r#"{"op":"attach","console":0,"force":true}"#)]
#[case::link(r#"{"op":"own","made":{"link":{"name":"lo","number":1}},"group":null}"#)]
#[case::group(r#"{"op":"own","made":{"group":{"path":"/tmp","shared":false}},"group":{"controller":"x","path":"/tmp"}}"#)]
fn nobody_in_a_container_commands_a_monitor(#[case] request: &str, #[values(true, false)] own: bool) {
    if !Path::new("/usr/bin/python3").exists() {
        eprintln!("skipped: python3 is not installed");
        return;
    }
    let Some(victim) = running(SLEEP) else { return };
    let attacker = Life::new();
    let target = socket_of(if own { &attacker } else { &victim });
    let script = victim.case.dir.path().join("inside.py");
    fs::write(&script, INSIDE).unwrap();
    let tree = "<filesystem type='mount'><source dir='/'/><target dir='/'/><readonly/></filesystem>";
    let file = attacker.case.domain("<init>/bin/sleep</init><initarg>1000</initarg>", tree);
    attacker.ok(&["define", file.to_str().unwrap()]);
    attacker.ok(&["start", attacker.name()]);
    let (script, target) = (script.to_str().unwrap(), target.to_str().unwrap());
    let answer = attacker.ok(&["exec", attacker.name(), "--", "python3", script, target, request]);
    // The state that the container was started from is covered; of another the sockets can be reached.
    let expected = if own { "there is no such socket" } else { "does not obey" };
    assert!(answer.contains(expected), "{answer}");
    assert_eq!((victim.state().as_str(), attacker.state().as_str()), ("running", "running"));
    let told = if own { &attacker } else { &victim };
    if !own {
        let events = told.ok(&["events", "--past", "--no-follow"]);
        assert!(events.contains("refused") && events.contains("is in a container"), "{events}");
    }
    // Its own commands are obeyed as before.
    told.ok(&["suspend", told.name()]);
    told.ok(&["resume", told.name()]);
}

#[test]
fn a_monitor_takes_over_nothing_that_no_start_of_its_domain_makes() {
    let Some(life) = running(SLEEP) else { return };
    let dir = life.case.dir.path().join("theirs/empty");
    fs::create_dir_all(&dir).unwrap();
    let theirs = dir.parent().unwrap().display().to_string();
    for made in [
        format!(r#"{{"group":{{"path":"{theirs}","shared":false}}}}"#),
        r#"{"link":{"name":"lo","number":1}}"#.to_owned(),
        r#"{"target":{"root":"/","path":"/usr/../etc"}}"#.to_owned(),
        format!(r#"{{"target":{{"root":"{theirs}","path":"/empty"}}}}"#),
    ] {
        let fd = connected(&socket_of(&life));
        let request = format!(r#"{{"op":"own","made":{made},"group":null}}"#);
        send(fd.as_raw_fd(), request.as_bytes(), MsgFlags::empty()).unwrap();
        let answer = said(&fd);
        assert!(answer.contains("failed") && answer.contains("not this domain's"), "{answer}");
    }
    life.ok(&["destroy", life.name()]);
    assert!(dir.exists());
}

#[rstest]
#[case::garbage(b"\xff\xfe{{{".to_vec(), "not understood")]
#[case::half(br#"{"op":"suspe"#.to_vec(), "not understood")]
#[case::unknown(br#"{"op":"explode"}"#.to_vec(), "not understood")]
#[case::deep(vec![b'['; 4096], "not understood")]
#[case::long(vec![b'x'; 4097], "more than 4096 bytes")]
#[case::huge(vec![b'{'; 100_000], "more than 4096 bytes")]
fn what_is_no_request_is_answered_so_and_nothing_stops(#[case] packet: Vec<u8>, #[case] answer: &str) {
    let Some(life) = running(SLEEP) else { return };
    let fd = connected(&socket_of(&life));
    send(fd.as_raw_fd(), &packet, MsgFlags::empty()).unwrap();
    let heard = said(&fd);
    assert!(heard.contains(answer), "{heard}");
    life.ok(&["suspend", life.name()]);
    life.ok(&["resume", life.name()]);
}

#[test]
fn who_sits_there_or_never_reads_keeps_the_owner_from_nothing() {
    let Some(life) = running(SLEEP) else { return };
    let silent: Vec<OwnedFd> = (0..200).map(|_| connected(&socket_of(&life))).collect();
    life.ok(&["suspend", life.name()]);
    life.ok(&["resume", life.name()]);
    // One that asks without end and never reads an answer.
    let deaf = connected(&socket_of(&life));
    let wait = br#"{"op":"wait"}"#;
    let until = Instant::now() + Duration::from_secs(60);
    while send(deaf.as_raw_fd(), wait, MsgFlags::MSG_NOSIGNAL).is_ok() {
        assert!(Instant::now() < until, "it is asked for ever");
    }
    life.ok(&["suspend", life.name()]);
    life.ok(&["resume", life.name()]);
    drop(silent);
    assert!(life.ok(&["shutdown", "--timeout", "60", life.name()]).contains("shut down"));
}

#[test]
fn what_a_container_writes_costs_its_monitor_a_share_of_a_processor_and_no_more() {
    let Some(life) = running("while :; do cat /usr/bin/env | head -c 65536 | tr -c x y; done") else {
        return;
    };
    let stat = || {
        let text = fs::read_to_string(format!("/proc/{}/stat", life.monitor())).unwrap();
        let fields: Vec<u64> = text.split(' ').map(|word| word.parse().unwrap_or(0)).collect();
        fields[13] + fields[14]
    };
    life.wait_for("output", || !life.ok(&["logs", life.name()]).is_empty());
    let (before, began) = (stat(), Instant::now());
    std::thread::sleep(Duration::from_secs(3));
    // Clock ticks are a hundredth of a second.
    let (spent, took) = (stat() - before, began.elapsed().as_millis() as u64 / 10);
    assert!(spent > 0 && spent * 100 < took * 25, "{spent} of {took} ticks");
    life.ok(&["destroy", life.name()]);
}
