//! What others do to a domain, and what ended it, is told as it is; what strangers hold or build stops nobody.
#![allow(unused_results, reason = "commands are built in steps")]

mod support;

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use support::life::Life;
use support::{root, text};

#[test]
fn an_end_for_want_of_memory_is_told_by_who_is_asked() {
    if !root() {
        return;
    }
    let life = Life::new();
    let file = life.case.script("exec tail /dev/zero");
    let small = fs::read_to_string(&file).unwrap();
    let at = small.find("<memory").unwrap();
    let end = at + small[at..].find("</memory>").unwrap();
    fs::write(&file, [&small[..at], "<memory unit='MiB'>8", &small[end..]].concat()).unwrap();
    let output = life.run(&["run", file.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(137));
    assert!(
        text(&output.stderr).contains("out of memory: the kernel killed 1 process"),
        "{}",
        text(&output.stderr)
    );
    life.ok(&["define", file.to_str().unwrap()]);
    life.ok(&["start", life.name()]);
    life.run(&["wait", "--timeout", "60", life.name()]);
    life.wait_for("its end", || life.state() == "crashed");
    for arguments in [&["info", life.name()][..], &["state", "--reason", life.name()]] {
        let said = life.ok(arguments);
        assert!(said.contains("crashed: out of memory, 1 process killed at its limit"), "{said}");
    }
    let list = life.ok(&["list", "--all"]);
    assert!(list.contains("crashed (memory)"), "{list}");
    assert_eq!(life.info()["oom_kills"], 1);
}

#[test]
fn one_that_others_froze_is_paused() {
    if !root() {
        return;
    }
    let life = Life::new();
    life.define("while :; do sleep 1; done");
    life.ok(&["start", life.name()]);
    let freezer = |group: &PathBuf| group.join("cgroup.freeze").exists().then(|| group.join("cgroup.freeze"));
    let Some(freeze) = life.case.cgroups().iter().find_map(freezer) else {
        eprintln!("skipped: no hierarchy of version 2");
        return;
    };
    fs::write(&freeze, "1").unwrap();
    life.wait_for("it to be paused", || life.state() == "paused");
    assert!(life.ok(&["list"]).contains("paused"));
    assert!(life.fails(125, &["exec", life.name(), "--", "/bin/true"]).contains("it is paused"));
    fs::write(&freeze, "0").unwrap();
    life.wait_for("it to go on", || life.state() == "running");
}

#[test]
fn groups_nested_deeper_than_a_path_is_long_are_bounded_and_go_with_their_domain() {
    if !root() {
        return;
    }
    let life = Life::new();
    let map = "<idmap><uid start='0' target='700000' count='65536'/><gid start='0' target='700000' count='65536'/></idmap>";
    let name = "n".repeat(200);
    let script = format!(
        "cd -P /sys/fs/cgroup; i=0; while [ $i -lt 100 ] &amp;&amp; mkdir {name} &amp;&amp; cd -P {name}; do i=$((i+1)); done; echo made $i; \
         while :; do sleep 1; done"
    );
    life.define_with(&script, map);
    let started = life.run(&["start", life.name()]);
    if !started.status.success() {
        eprintln!("skipped: no id maps here: {}", text(&started.stderr));
        return;
    }
    life.wait_for_words("made ");
    let said = life.ok(&["logs", life.name()]);
    let made: usize = said.split("made ").nth(1).unwrap().trim().parse().unwrap();
    // More than 4096 bytes of names, and no more than the limit.
    assert!((21..32).contains(&made), "{said}");
    life.ok(&["destroy", life.name()]);
    life.assert_gone();
}

/// A lock that a plain user takes (flock(1)), given back when dropped.
struct Stranger(std::process::Child);

impl Stranger {
    fn locks(path: &str) -> Option<Self> {
        let mut command = Command::new("setpriv");
        command.args([
            "--reuid",
            "12345",
            "--regid",
            "12345",
            "--clear-groups",
            "flock",
            "--no-fork",
            "--nonblock",
            path,
        ]);
        let child = command.args(["sh", "-c", "echo has it; exec sleep 600"]).stdout(Stdio::piped()).spawn();
        let mut child = child.ok()?;
        let mut said = [0; 6];
        let read = std::io::Read::read_exact(child.stdout.as_mut().unwrap(), &mut said);
        read.is_ok().then_some(Self(child))
    }
}

impl Drop for Stranger {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

#[test]
fn a_lock_of_a_stranger_stops_no_start() {
    if !root() {
        return;
    }
    let life = Life::new();
    let tree = life.case.root_tree();
    // Mount points are missing, so that they are made.
    for name in ["proc", "sys", "dev"] {
        fs::remove_dir(tree.join(name)).ok();
    }
    let open = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    fs::set_permissions(life.case.dir.path(), open).unwrap();
    let _tree = Stranger::locks(tree.to_str().unwrap());
    let groups = ["/sys/fs/cgroup", "/sys/fs/cgroup/memory", "/sys/fs/cgroup/unified", "/sys/fs/cgroup/pids"];
    let groups: Vec<Option<Stranger>> = groups.into_iter().map(Stranger::locks).collect();
    if groups.iter().all(Option::is_none) {
        eprintln!("skipped: no setpriv or flock");
        return;
    }
    let file = life.case.on_root("exit 7", "", "");
    let partition = format!("<resource><partition>/told-{}</partition></resource><os>", life.name());
    let document = fs::read_to_string(&file).unwrap().replace("<os>", &partition);
    fs::write(&file, document).unwrap();
    // Where it waits, this ends it: with another status.
    let mut run = Command::new("timeout");
    run.args(["60", support::BROWNDOG, "run", file.to_str().unwrap()]).stdin(Stdio::null());
    let output = run.output().unwrap();
    assert_eq!(output.status.code(), Some(7), "{}", text(&output.stderr));
    assert_eq!(life.case.cgroups(), Vec::<PathBuf>::new());
}
