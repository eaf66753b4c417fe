//! `console` and `logs`: what is said is kept, one at a time is attached, and nobody is waited for.
#![allow(unused_results, reason = "commands are built in steps")]

mod support;

use std::io::Write;
use std::process::{Child, Stdio};

use support::life::Life;
use support::{root, text};

const ECHO: &str = "stty -echo; echo before; while read line; do echo got $line; done";

fn echoing() -> Option<Life> {
    if !root() {
        return None;
    }
    let life = Life::new();
    life.define(ECHO);
    life.ok(&["start", life.name()]);
    life.wait_for("its first words", || life.ok(&["logs", life.name()]).contains("before"));
    Some(life)
}

fn attach(life: &Life, more: &[&str]) -> Child {
    let mut arguments = vec!["console"];
    arguments.extend(more);
    arguments.push(life.name());
    let mut command = life.command(&arguments);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

fn attached(life: &Life) -> usize {
    let past = life.ok(&["events", "--past", "--no-follow", "--event", "console", "--format", "jsonl"]);
    past.lines().filter(|line| line.contains("attached") && !line.contains("detached")).count()
}

#[test]
fn what_was_said_before_is_shown_and_what_is_typed_arrives() {
    let Some(life) = echoing() else { return };
    let mut console = attach(&life, &[]);
    let mut stdin = console.stdin.take().unwrap();
    stdin.write_all(b"one\n").unwrap();
    life.wait_for("an answer", || life.ok(&["logs", life.name()]).contains("got one"));
    // ^] leaves, and what follows it is not typed.
    stdin.write_all(b"two\n\x1dthree\n").unwrap();
    let output = console.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    let shown = text(&output.stdout);
    assert!(shown.contains("before") && shown.contains("got one"), "{shown}");
    life.wait_for("the second answer", || life.ok(&["logs", life.name()]).contains("got two"));
    assert!(!life.ok(&["logs", life.name()]).contains("three"));
    assert_eq!(life.state(), "running");
}

#[test]
fn one_has_a_console_until_another_takes_it() {
    let Some(life) = echoing() else { return };
    let first = attach(&life, &[]);
    life.wait_for("the first", || attached(&life) == 1);
    let refused = attach(&life, &[]).wait_with_output().unwrap();
    let said = text(&refused.stderr);
    assert_eq!(refused.status.code(), Some(1));
    assert!(said.contains("is in use by process") && said.contains("--force"), "{said}");
    let mut second = attach(&life, &["--force"]);
    life.wait_for("the second", || attached(&life) == 2);
    let output = first.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("was taken"), "{}", text(&output.stderr));
    second.stdin.take().unwrap().write_all(b"\x1d").unwrap();
    assert_eq!(second.wait().unwrap().code(), Some(0));
}

#[test]
fn a_reader_that_never_reads_stops_neither_container_nor_monitor() {
    if !root() {
        return;
    }
    let life = Life::new();
    life.define(
        "while :; do echo 0123456789012345678901234567890123456789012345678901234567890123456789; done",
    );
    life.ok(&["start", life.name()]);
    let mut lazy = attach(&life, &[]);
    life.wait_for("it to be attached", || attached(&life) == 1);
    // Far more than pipe and socket hold: the log goes round, so the container is not held up.
    let old = life.root().join("log/old").join(format!("{}.log", life.name()));
    life.wait_for("a full log", || old.exists());
    assert_eq!(life.state(), "running");
    life.ok(&["destroy", life.name()]);
    lazy.kill().unwrap();
    lazy.wait().unwrap();
    life.assert_gone();
}

#[test]
fn every_console_has_its_own_device_and_log() {
    if !root() {
        return;
    }
    let life = Life::new();
    let script = "echo on the first > /dev/console; echo on the second > /dev/tty2; sleep 100";
    let os = format!(
        "<init>/bin/sh</init><initarg>-c</initarg><initarg>{}</initarg>",
        script.replace('>', "&gt;")
    );
    let file = life.case.domain(&os, "<console type='pty'/>");
    life.ok(&["create", file.to_str().unwrap()]);
    life.wait_for("both", || {
        life.ok(&["logs", life.name()]).contains("on the first")
            && life.ok(&["logs", "--devname", "console1", life.name()]).contains("on the second")
    });
    let said = life.fails(1, &["console", "--devname", "console2", life.name()]);
    assert!(said.contains("has no console2"), "{said}");
}

#[test]
fn logs_follow_until_the_end() {
    if !root() {
        return;
    }
    let life = Life::new();
    life.define("for i in 1 2 3; do echo line $i; sleep 0.2; done");
    life.ok(&["start", life.name()]);
    let said = life.ok(&["logs", "--follow", life.name()]);
    assert_eq!(said.replace('\r', ""), "line 1\nline 2\nline 3\n");
    assert_eq!(life.ok(&["logs", "--lines", "1", life.name()]).trim(), "line 3");
}

#[test]
fn the_end_of_the_domain_ends_the_console_with_its_status() {
    if !root() {
        return;
    }
    let life = Life::new();
    life.define("read line; exit 6");
    life.ok(&["start", life.name()]);
    let mut console = attach(&life, &[]);
    let mut stdin = console.stdin.take().unwrap();
    stdin.write_all(b"go\n").unwrap();
    let output = console.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(6), "{}", text(&output.stderr));
    drop(stdin);
}
