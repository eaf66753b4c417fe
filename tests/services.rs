//! Real servers keep what was written to them: loaded, stopped, started again, data compared.
#![allow(unused_results, reason = "commands are built in steps")]

mod support;

use std::path::Path;
use std::process::Command;

use rstest::rstest;
use support::life::Life;
use support::{root, text};

fn there(program: &str) -> bool {
    let there = Path::new("/usr/bin").join(program).exists();
    if !there {
        eprintln!("skipped: {program} is not installed");
    }
    there
}

/// A server that saves when it is asked to end, and only then, below a shell that has no handler and above one
/// that has; or as process 1 itself.
#[rstest]
#[case::below_a_shell("mkdir -p /tmp; SERVER; echo it has ended")]
#[case::beside_a_trap("trap 'exit 0' TERM; SERVER & wait")]
#[case::alone("exec SERVER")]
fn redis_keeps_what_was_written(#[case] init: &str, #[values(true, false)] idmap: bool) {
    if !root() || !support::merged_usr() || !there("redis-server") || !there("redis-cli") {
        return;
    }
    let life = Life::new();
    let server = "redis-server --port 0 --unixsocket /data/redis.sock --unixsocketperm 777 --dir /data \
                  --save '3600 1' --appendonly no";
    let map = "<idmap><uid start='0' target='700000' count='65536'/><gid start='0' target='700000' count='65536'/></idmap>";
    let file = life.case.on_root(&init.replace("SERVER", server), if idmap { map } else { "" }, "");
    life.ok(&["define", file.to_str().unwrap()]);
    let started = life.run(&["start", life.name()]);
    if idmap && text(&started.stderr).contains("cannot be translated") {
        eprintln!("skipped: {}", text(&started.stderr));
        return;
    }
    assert_eq!(started.status.code(), Some(0), "{}", text(&started.stderr));
    let socket = life.case.dir.path().join("root/data/redis.sock");
    let redis = |words: &[&str]| {
        let output = Command::new("redis-cli").arg("-s").arg(&socket).args(words).output().unwrap();
        text(&output.stdout).trim().to_owned()
    };
    for round in 1..=3 {
        life.wait_for("the server", || redis(&["ping"]) == "PONG");
        assert_eq!(redis(&["dbsize"]), ((round - 1) * 1000).to_string());
        let script =
            "for i = 1, 1000 do redis.call('set', ARGV[1] .. i, string.rep('x', 1000)) end return 'OK'";
        assert_eq!(redis(&["eval", script, "0", &format!("round {round} ")]), "OK");
        life.ok(&["shutdown", "--timeout", "60", life.name()]);
        life.ok(&["start", life.name()]);
    }
    life.wait_for("the server", || redis(&["ping"]) == "PONG");
    assert_eq!(redis(&["dbsize"]), "3000");
    life.ok(&["shutdown", "--timeout", "60", "--then-destroy", life.name()]);
    life.assert_gone();
}
