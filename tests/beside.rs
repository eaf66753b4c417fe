//! Verbs from other PID, time, mount and control group namespaces, on state of their own and on that of others: of the
//! containers beside them no process, no link and no group changes.
//! `BROWNDOG_TRIES`: how often (48 without); ci/services asks for 1000.
#![allow(unused_results, reason = "commands are built in steps")]

mod support;

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use support::apart::Apart;
use support::life::{Life, kill};
use support::{BROWNDOG, directories_with, text};

/// Where verbs are called from: a name, and what unshare(1) makes of it.
const PLACES: [(&str, &[&str]); 7] = [
    ("here", &[]),
    ("another PID namespace", &["--pid", "--fork", "--mount-proc"]),
    ("another PID namespace with the /proc of this one", &["--pid", "--fork"]),
    ("another time namespace", &["--time", "--boottime", "100000", "--monotonic", "1000", "--fork"]),
    ("other PID and time namespaces", &["--pid", "--time", "--boottime", "7000", "--fork", "--mount-proc"]),
    ("a mount namespace without /proc", &["--mount", "sh", "-c", "umount -l /proc; exec \"$0\" \"$@\""]),
    ("other mount and control group namespaces", &["--mount", "--cgroup"]),
];

/// A verb on the state of the containers that stay, or on another.
const VERBS: [(bool, &[&str]); 9] = [
    (false, &["start", "other"]),
    (true, &["list", "--all"]),
    (false, &["run", "FILE"]),
    (false, &["list"]),
    (true, &["info", "NAME"]),
    (false, &["destroy", "other"]),
    (true, &["start", "NAME"]),
    (true, &["state", "NAME"]),
    (false, &["run", "FILE", "--", "/bin/sh", "-c", "exit 3"]),
];

/// What of a container is not to change: its processes, its links, and its groups with who is in them.
fn picture(name: &str, init: i32) -> BTreeMap<String, String> {
    let mut picture = BTreeMap::new();
    let mut groups = Vec::new();
    directories_with(std::path::Path::new("/sys/fs/cgroup"), name, 4, &mut groups);
    for group in groups {
        let members =
            fs::read_to_string(group.join("cgroup.procs")).unwrap_or_else(|error| error.to_string());
        for pid in members.lines() {
            let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
            let start = stat.rsplit(')').next().and_then(|rest| rest.split(' ').nth(20)).unwrap_or("gone");
            picture.insert(format!("process {pid}"), start.to_owned());
        }
        picture.insert(group.display().to_string(), members);
    }
    let links = fs::read_to_string(format!("/proc/{init}/net/dev")).unwrap_or_default();
    let names = links.lines().filter_map(|line| line.split_once(':')).map(|(name, _)| name.trim());
    picture.insert("links".to_owned(), names.collect::<Vec<_>>().join(" "));
    picture
}

#[test]
fn verbs_from_other_namespaces_change_nothing_of_the_containers_beside_them() {
    let Some(apart) = Apart::new() else { return };
    let tries = std::env::var("BROWNDOG_TRIES").ok().and_then(|tries| tries.parse().ok()).unwrap_or(48);
    apart.ip("link add given type veth peer name kept");
    let given =
        "<hostdev mode='capabilities' type='net'><source><interface>given</interface></source></hostdev>";
    let file = apart.life.case.on_root("exec sleep 100000", "", given);
    apart.ok(&["define", file.to_str().unwrap()]);
    apart.ok(&["start", apart.name()]);
    let init = || apart.life.info()["id"].as_i64().unwrap() as i32;
    let first = init();
    // Another one, in the foreground and without a record.
    let alone = Life::new();
    let mut run = Command::new(BROWNDOG);
    run.arg("run").arg(alone.case.script("echo up; exec sleep 100000")).stdin(Stdio::null());
    let mut run = run.stdout(Stdio::piped()).spawn().unwrap();
    let mut up = [0; 3];
    std::io::Read::read_exact(run.stdout.as_mut().unwrap(), &mut up).unwrap();
    let both = || (picture(apart.name(), first), picture(alone.name(), run.id() as i32));
    // Sleeps now, both of them.
    apart.life.wait_for_program("sleep");
    apart.life.wait_for("the other's", || {
        both().1.keys().filter(|key| key.starts_with("process")).count() == 1 && both() == both()
    });
    let before = both();
    assert!(before.0["links"].contains("given"), "{before:?}");

    let caller = Life::new();
    let other = caller.case.script("true");
    let text_of = fs::read_to_string(&other).unwrap();
    let sleeper = caller.case.dir.path().join("other.xml");
    fs::write(&sleeper, text_of.replace(">true<", ">exec sleep 1000<").replace(caller.name(), "other"))
        .unwrap();
    let sleeper = sleeper.to_str().unwrap();
    caller.ok(&["define", sleeper]);
    for turn in 0..tries {
        let (place, unshare) = PLACES[turn % PLACES.len()];
        let (theirs, verb) = VERBS[turn / PLACES.len() % VERBS.len()];
        let root: PathBuf = if theirs { apart.life.root() } else { caller.root() };
        let mut command = apart.inside(if unshare.is_empty() { "env" } else { "unshare" });
        command.args(unshare).arg(BROWNDOG).arg("--root").arg(root);
        command.args(verb.iter().map(|word| match *word {
            "NAME" => apart.name(),
            "FILE" => other.to_str().unwrap(),
            word => word,
        }));
        let output = command.output().unwrap();
        let said = text(&output.stdout) + &text(&output.stderr);
        assert_eq!(
            both(),
            before,
            "try {turn}: {verb:?} from {place} said {:?}: {said}",
            output.status.code()
        );
        assert_eq!(
            (apart.life.state().as_str(), init()),
            ("running", first),
            "try {turn}, {verb:?} from {place}"
        );
    }
    caller.run(&["destroy", "other"]);
    kill(run.id() as i32, "-TERM");
    run.wait().unwrap();
    apart.life.ok(&["destroy", apart.name()]);
    apart.life.assert_gone();
    assert_eq!(alone.case.cgroups(), Vec::<PathBuf>::new());
    assert_eq!(caller.case.cgroups(), Vec::<PathBuf>::new());
}

#[test]
fn what_is_done_from_another_time_namespace_is_told_as_it_is() {
    if !support::root() {
        return;
    }
    let life = Life::new();
    life.define_with("trap 'exit 0' TERM; while :; do sleep 0.1; done", "<on_reboot>restart</on_reboot>");
    life.ok(&["start", life.name()]);
    let elsewhere = |words: &[&str]| {
        let mut command = Command::new("unshare");
        command.args(["--time", "--boottime", "100000", "--fork", BROWNDOG, "--root"]).arg(life.root());
        command.args(words).stdin(Stdio::null()).output().unwrap()
    };
    let output = elsewhere(&["reboot", "--timeout", "60", life.name()]);
    assert!(
        output.status.success() && text(&output.stdout).contains("runs again"),
        "{}",
        text(&output.stderr)
    );
    let output = elsewhere(&["exec", life.name(), "--", "true"]);
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(125), "{said}");
    assert!(said.contains("time namespace") && said.contains("hint: "), "{said}");
    assert_eq!(life.state(), "running");
}
