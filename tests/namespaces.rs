//! Unknown is never dead: commands in other PID, time and mount namespaces, on other state, kill, move and remove
//! nothing of what runs; nor does who only looks, where the state is read-only, full, or has lost a file.
#![allow(unused_results, reason = "commands are built in steps")]

mod support;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

use support::life::Life;
use support::{BROWNDOG, root, text};

const SLEEP: &str = "echo up; while :; do sleep 1; done";

/// How often each verb is tried (`BROWNDOG_TRIES`).
fn tries() -> usize {
    std::env::var("BROWNDOG_TRIES").ok().and_then(|text| text.parse().ok()).unwrap_or(10)
}

/// The program in other namespaces, on state of its own.
fn elsewhere(life: &Life, namespaces: &[&str], arguments: &[&str]) -> Output {
    let mut command = Command::new("unshare");
    command.args(namespaces).arg("--fork").arg(BROWNDOG);
    command.arg("--root").arg(life.root()).args(arguments).stdin(Stdio::null());
    command.output().unwrap()
}

/// What may not change: the groups with the init in each, and how the domain is.
fn picture(life: &Life) -> (Vec<PathBuf>, serde_json::Value) {
    let info = life.info();
    let init = info["id"].to_string();
    let groups = life.case.cgroups();
    for group in &groups {
        let procs = fs::read_to_string(group.join("cgroup.procs")).unwrap();
        assert!(procs.lines().any(|pid| pid == init), "{}: {procs}", group.display());
    }
    (groups, serde_json::json!([info["id"], info["state"], info["monitor"]]))
}

/// Whether this machine has these namespaces.
fn can(namespaces: &[&str]) -> bool {
    let done = Command::new("unshare").args(namespaces).args(["--fork", "true"]).status();
    let can = done.is_ok_and(|status| status.success());
    if !can {
        eprintln!("skipped: no unshare {}", namespaces.join(" "));
    }
    can
}

#[test]
fn commands_of_other_namespaces_and_other_state_touch_nothing_that_runs() {
    if !root() {
        return;
    }
    let (victim, other) = (Life::new(), Life::new());
    victim.define(&format!("trap 'exit 0' TERM; {SLEEP}"));
    victim.ok(&["start", victim.name()]);
    other.define("sleep 100");
    // In the foreground, where no record tells of it.
    let foreground = Life::new();
    let file = foreground.case.script(SLEEP);
    let mut run = foreground.command(&["run", file.to_str().unwrap()]);
    let mut run = run.stdout(Stdio::piped()).spawn().unwrap();
    let mut said = [0; 2];
    std::io::Read::read_exact(run.stdout.as_mut().unwrap(), &mut said).unwrap();
    let short = Life::new();
    let short_file = short.case.script("exit 0");
    let before = picture(&victim);
    let (groups, number) = (foreground.case.cgroups(), foreground.case.cgroups().len());
    assert!(number > 0 && !before.0.is_empty());
    let spaces: [&[&str]; 3] = [
        &["--pid", "--mount-proc"],
        &["--pid"],
        &["--time", "--boottime", "100000", "--monotonic", "100000"],
    ];
    for namespaces in spaces.into_iter().filter(|namespaces| can(namespaces)) {
        for round in 0..tries() {
            for arguments in [
                &["list", "--all"][..],
                &["start", other.name()],
                &["destroy", other.name()],
                &["destroy", victim.name()],
                &["destroy", foreground.name()],
                &["run", short_file.to_str().unwrap()],
            ] {
                let output = elsewhere(&other, namespaces, arguments);
                let said = text(&output.stderr);
                // What others of this machine have left may be removed.
                let of_theirs =
                    |line: &&str| line.contains(victim.name()) || line.contains(foreground.name());
                let of_theirs = said.lines().filter(of_theirs);
                let touched: Vec<&str> =
                    of_theirs.filter(|line| !line.contains("there is no domain")).collect();
                assert_eq!(touched, [""; 0], "{namespaces:?} {round} {arguments:?}");
            }
            assert_eq!(picture(&victim), before, "{namespaces:?}, round {round}");
            assert_eq!(foreground.case.cgroups(), groups, "{namespaces:?}, round {round}");
            assert!(run.try_wait().unwrap().is_none(), "{namespaces:?}, round {round}: it was ended");
        }
    }
    // Its own state from another PID namespace: it is known to run, and obeys.
    let output = elsewhere(&victim, &["--pid", "--mount-proc"], &["list", "--name"]);
    assert_eq!(text(&output.stdout).trim(), victim.name());
    let output = elsewhere(&victim, &["--pid", "--mount-proc"], &["start", victim.name()]);
    assert!(text(&output.stderr).contains("already running"), "{}", text(&output.stderr));
    assert_eq!(picture(&victim), before);
    run.kill().unwrap();
    run.wait().unwrap();
    // And what was killed is found, by a lock that nobody holds.
    foreground.wait_for("the end of the killed run's groups", || {
        foreground.run(&["destroy", foreground.name()]);
        foreground.case.cgroups().is_empty()
    });
}

#[test]
fn a_device_stays_with_its_container_whoever_lists_from_another_time_namespace() {
    let time = ["--time", "--boottime", "100000"];
    if !root() || !can(&time) {
        return;
    }
    if Command::new("ip").arg("-V").output().is_err() {
        eprintln!("skipped: iproute2 is not installed");
        return;
    }
    // A machine of its own, as far as the network goes: commands inherit it from this thread.
    assert_eq!(browndog_runtime::sys::unshare(nix::libc::CLONE_NEWNET), Ok(0));
    assert!(
        Command::new("ip")
            .args(["link", "add", "nic0", "type", "veth", "peer", "name", "nic1"])
            .status()
            .unwrap()
            .success()
    );
    let (life, other) = (Life::new(), Life::new());
    let devices =
        "<hostdev mode='capabilities' type='net'><source><interface>nic0</interface></source></hostdev>";
    let file = life.case.domain("<init>/bin/sleep</init><initarg>100</initarg>", devices);
    life.ok(&["define", file.to_str().unwrap()]);
    life.ok(&["start", life.name()]);
    let short = other.case.script("sleep 1.2");
    for arguments in [&["list"][..], &["run", short.to_str().unwrap()], &["start", "nobody"]] {
        let said = text(&elsewhere(&other, &time, arguments).stderr);
        assert!(!said.contains("gave the device"), "{arguments:?}: {said}");
        assert!(life.ok(&["exec", life.name(), "--", "/bin/ls", "/sys/class/net"]).contains("nic0"));
    }
    life.ok(&["destroy", life.name()]);
    assert!(Command::new("ip").args(["link", "show", "nic0"]).status().unwrap().success());
}

/// A shell's script in a mount namespace of its own, in which the state is read-only.
fn read_only(life: &Life, script: &str) -> Output {
    let root = life.root();
    let bind = format!(
        "mount --make-rprivate / && mount --bind {0} {0} && mount -o remount,bind,ro {0} || exit 99; {script}",
        root.display()
    );
    Command::new("unshare").args(["--mount", "sh", "-c", &bind]).output().unwrap()
}

#[test]
fn a_read_only_view_shows_what_runs_as_running_and_changes_nothing() {
    if !root() {
        return;
    }
    let life = Life::new();
    life.define(SLEEP);
    life.ok(&["start", life.name()]);
    let before = picture(&life);
    for verb in ["list", "list --all", "info NAME", "state NAME", "stats NAME", "dumpxml NAME", "logs NAME"] {
        let verb = verb.replace("NAME", life.name());
        let output = read_only(&life, &format!("exec {BROWNDOG} --root {} {verb}", life.root().display()));
        let (out, said) = (text(&output.stdout), text(&output.stderr));
        assert_eq!(output.status.code(), Some(0), "{verb}: {said}");
        assert!(!out.contains("crashed") && !out.contains("shut off"), "{verb}: {out}");
        assert_eq!(said, "", "{verb}");
        assert_eq!(picture(&life), before, "{verb}");
    }
}

#[test]
fn a_file_that_a_cleaner_took_away_kills_nobody() {
    if !root() {
        return;
    }
    let life = Life::new();
    life.define(SLEEP);
    life.ok(&["start", life.name()]);
    let before = picture(&life);
    let dir = life.root().join("run/domains").join(life.name());
    fs::remove_file(dir.join("alive")).unwrap();
    life.ok(&["list", "--all"]);
    assert_eq!(life.state(), "running");
    life.fails(1, &["start", life.name()]);
    assert_eq!(picture(&life), before);
    // Nor without the socket: nothing is left to ask, but its group, which its monitor holds.
    fs::remove_file(dir.join("socket")).unwrap();
    life.ok(&["list", "--all"]);
    life.fails(1, &["start", life.name()]);
    assert_eq!(picture(&life), before);
    // Whoever says so ends it.
    life.ok(&["destroy", life.name()]);
    assert_eq!(life.case.cgroups(), Vec::<PathBuf>::new());
    assert_ne!(life.state(), "running");
}

/// Ends the domain, then takes away the disk that its state is on.
struct Disk<'a>(&'a Life);

impl Drop for Disk<'_> {
    fn drop(&mut self) {
        self.0.run(&["destroy", self.0.name()]);
        Command::new("umount").arg("--lazy").arg(self.0.root()).status().ok();
    }
}

#[test]
fn a_full_disk_hides_nobody_and_a_reboot_comes_up() {
    if !root() {
        return;
    }
    let life = Life::new();
    // Of this thread's own, and of what it starts.
    assert_eq!(browndog_runtime::sys::unshare(nix::libc::CLONE_NEWNS), Ok(0));
    browndog_runtime::sys::mount(None, c"/", None, nix::libc::MS_REC | nix::libc::MS_PRIVATE, None).unwrap();
    fs::create_dir(life.root()).unwrap();
    let disk = std::ffi::CString::new(life.root().to_str().unwrap()).unwrap();
    browndog_runtime::sys::mount(Some(c"none"), &disk, Some(c"tmpfs"), 0, Some(c"size=96k,mode=0700"))
        .unwrap();
    let _disk = Disk(&life);
    life.define(&format!("trap 'exit 0' TERM; {SLEEP}"));
    life.ok(&["start", life.name()]);
    let mut fill = fs::File::create(life.root().join("fill")).unwrap();
    while std::io::Write::write_all(&mut fill, &[0; 512]).is_ok() {}
    let first = life.info()["id"].clone();
    life.ok(&["reboot", life.name()]);
    life.wait_for("another init", || life.info()["id"] != first && life.state() == "running");
    assert!(life.ok(&["list", "--name"]).contains(life.name()));
    let monitor = life.monitor();
    support::life::kill(monitor, "-KILL");
    support::life::wait_for_end(monitor);
    // One that needs cleaning up stands in nobody's way, and is shown.
    life.ok(&["list", "--all"]);
    assert_eq!(life.state(), "crashed");
    life.run(&["destroy", life.name()]);
    life.wait_for("its end", || life.case.cgroups().is_empty());
}

#[test]
fn state_of_another_user_is_neither_believed_nor_written() {
    if !root() {
        return;
    }
    let life = Life::new();
    let (state, precious) = (life.root(), life.case.dir.path().join("precious"));
    fs::write(&precious, "PRECIOUS").unwrap();
    for dir in ["run/locks", "run/domains", "log", "definitions"] {
        fs::create_dir_all(state.join(dir)).unwrap();
    }
    std::os::unix::fs::symlink(&precious, state.join("run/locks").join(life.name())).unwrap();
    std::os::unix::fs::symlink(&precious, state.join("log").join(format!("{}.log", life.name()))).unwrap();
    std::os::unix::fs::symlink(&precious, state.join("run/events")).unwrap();
    let file = life.case.script("echo from the container; exit 0");
    let file = file.to_str().unwrap();
    // Somebody else's.
    let chown =
        |uid: u32| Command::new("chown").args(["-Rh", &uid.to_string()]).arg(&state).status().unwrap();
    assert!(chown(12345).success());
    for arguments in [&["list", "--all"][..], &["create", file], &["events", "--no-follow"]] {
        let said = life.fails(1, arguments);
        assert!(said.contains("belongs to user 12345") && said.contains("--root"), "{said}");
    }
    // One's own, that others may write to.
    assert!(chown(0).success());
    fs::set_permissions(&state, fs::Permissions::from_mode(0o777)).unwrap();
    let said = life.fails(1, &["list", "--all"]);
    assert!(said.contains("others may write to"), "{said}");
    // One's own: links in it are not followed all the same.
    fs::set_permissions(&state, fs::Permissions::from_mode(0o755)).unwrap();
    life.fails(1, &["create", file]);
    fs::remove_file(state.join("run/locks").join(life.name())).unwrap();
    life.run(&["create", file]);
    life.run(&["wait", "--timeout", "60", life.name()]);
    assert_eq!(fs::read_to_string(&precious).unwrap(), "PRECIOUS");
}
