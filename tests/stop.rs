//! A stop asks everybody in a container and gives them their time, whatever its process 1 does.
#![allow(unused_results, reason = "commands are built in steps")]

mod support;

use std::fs;
use std::io::Read;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rstest::rstest;
use support::life::{Life, kill};
use support::{BROWNDOG, Case, root, text};

/// Writes what it has when it is asked to end, which takes a while.
const SERVICE: &str = "sh -c 'trap \"sleep 0.4; echo saved > /data/saved; exit 0\" TERM INT; \
                       echo ready; while :; do sleep 0.1; done'";

/// What process 1 does beside it.
const INITS: [&str; 5] = [
    "SERVICE; echo end",
    "sleep 0.1; SERVICE; exec true",
    "SERVICE & while :; do sleep 1; done",
    "trap 'exit 0' TERM INT; SERVICE & wait",
    "(setsid SERVICE &); trap 'exit 0' TERM INT; while :; do sleep 1; done",
];

fn saved(case: &Case) -> PathBuf {
    case.dir.path().join("root/data/saved")
}

fn document(case: &Case, init: usize) -> PathBuf {
    case.on_root(&INITS[init].replace("SERVICE", SERVICE), "<on_reboot>restart</on_reboot>", "")
}

fn serving(init: usize) -> Option<Life> {
    if !root() || !support::merged_usr() {
        return None;
    }
    let life = Life::new();
    let file = document(&life.case, init);
    life.ok(&["define", file.to_str().unwrap()]);
    life.ok(&["start", life.name()]);
    life.wait_for_words("ready");
    Some(life)
}

#[rstest]
fn a_service_is_asked_by_shutdown_whatever_its_init_does(#[values(0, 1, 2, 3, 4)] init: usize) {
    let Some(life) = serving(init) else { return };
    let said = life.ok(&["shutdown", "--timeout", "60", life.name()]);
    assert!(said.contains("SIGTERM"), "{said}");
    assert_eq!(fs::read_to_string(saved(&life.case)).unwrap(), "saved\n");
    life.assert_gone();
}

#[rstest]
#[case::reboot(&["reboot", "--timeout", "60", "NAME"])]
#[case::then_destroy(&["shutdown", "--timeout", "60", "--then-destroy", "NAME"])]
#[case::all(&["shutdown", "--timeout", "60", "--all"])]
#[case::gracefully(&["destroy", "--graceful", "NAME"])]
fn a_service_is_asked_by_every_verb_that_stops(#[case] verb: &[&str], #[values(0, 3)] init: usize) {
    let Some(life) = serving(init) else { return };
    let verb: Vec<&str> = verb.iter().map(|word| if *word == "NAME" { life.name() } else { word }).collect();
    life.ok(&verb);
    assert_eq!(fs::read_to_string(saved(&life.case)).unwrap(), "saved\n");
}

#[test]
fn a_service_is_asked_by_a_sigterm_to_the_monitor_and_when_it_is_frozen() {
    let Some(life) = serving(0) else { return };
    kill(life.monitor(), "-TERM");
    life.wait_for("its end", || life.state() == "shut off");
    assert_eq!(fs::read_to_string(saved(&life.case)).unwrap(), "saved\n");
    let Some(life) = serving(0) else { return };
    life.ok(&["suspend", life.name()]);
    life.ok(&["shutdown", "--timeout", "60", life.name()]);
    assert_eq!(fs::read_to_string(saved(&life.case)).unwrap(), "saved\n");
}

/// A container in the foreground that has said that it is ready.
fn in_the_foreground(file: &std::path::Path) -> Child {
    let mut run = Command::new(BROWNDOG);
    let mut run = run.arg("run").arg(file).stdin(Stdio::null()).stdout(Stdio::piped()).spawn().unwrap();
    let mut said = [0; 6];
    run.stdout.as_mut().unwrap().read_exact(&mut said).unwrap();
    assert_eq!(&said, b"ready\n");
    run
}

#[rstest]
fn a_service_is_asked_by_a_signal_to_run(
    #[values(0, 1, 2, 3, 4)] init: usize,
    #[values("-TERM", "-INT")] signal: &str,
) {
    // What a shell begins in the background ignores the keyboard's signals.
    if !root() || !support::merged_usr() || (signal == "-INT" && init >= 2) {
        return;
    }
    let case = Case::new();
    let mut run = in_the_foreground(&document(&case, init));
    kill(run.id() as i32, signal);
    run.wait().unwrap();
    assert_eq!(fs::read_to_string(saved(&case)).unwrap(), "saved\n");
    assert_eq!(case.cgroups(), Vec::<PathBuf>::new());
}

#[test]
fn a_second_signal_to_run_kills_and_the_same_one_sent_twice_does_not() {
    if !root() || !support::merged_usr() {
        return;
    }
    let case = Case::new();
    let mut run = in_the_foreground(&document(&case, 0));
    kill(run.id() as i32, "-TERM");
    kill(run.id() as i32, "-TERM");
    assert_eq!(run.wait().unwrap().code(), Some(0));
    assert_eq!(fs::read_to_string(saved(&case)).unwrap(), "saved\n");
    let deaf = "trap '' TERM; echo ready; while :; do sleep 1; done";
    let mut run = in_the_foreground(&case.on_root(deaf, "", ""));
    kill(run.id() as i32, "-TERM");
    std::thread::sleep(Duration::from_millis(500));
    assert!(run.try_wait().unwrap().is_none());
    kill(run.id() as i32, "-TERM");
    assert_eq!(run.wait().unwrap().code(), Some(137));
}

/// A shell that has work to do after its server has ended, all of it by itself.
const WRITES_DOWN: &str =
    "SERVICE; i=0; while [ $i -lt 1500000 ]; do i=$((i + 1)); done; echo $i > /data/after";

#[test]
fn an_init_without_a_handler_does_its_own_work_after_the_others() {
    if !root() || !support::merged_usr() {
        return;
    }
    let after = |case: &Case| fs::read_to_string(case.dir.path().join("root/data/after")).unwrap_or_default();
    let script = WRITES_DOWN.replace("SERVICE", SERVICE);
    let life = Life::new();
    let file = life.case.on_root(&script, "", "");
    life.ok(&["define", file.to_str().unwrap()]);
    life.ok(&["start", life.name()]);
    life.wait_for_words("ready");
    life.ok(&["shutdown", "--timeout", "300", life.name()]);
    assert_eq!(after(&life.case), "1500000\n");
    // One that does nothing is not waited for.
    let idle = SERVICE.to_owned() + "; read line";
    let case = Case::new();
    let mut run = in_the_foreground(&case.on_root(&idle, "", ""));
    kill(run.id() as i32, "-TERM");
    run.wait().unwrap();
    assert_eq!(fs::read_to_string(saved(&case)).unwrap(), "saved\n");
}

#[test]
fn a_full_fifo_in_the_place_of_initctl_keeps_nobody_from_being_destroyed() {
    if !root() || !support::merged_usr() {
        return;
    }
    let life = Life::new();
    let script = "mkdir -p /run; mkfifo /run/initctl; exec 9<>/run/initctl; head -c 65536 /dev/zero >&9; \
                  trap '' TERM; echo ready; while :; do sleep 1; done";
    let file = life.case.on_root(script, "", "");
    life.ok(&["define", file.to_str().unwrap()]);
    life.ok(&["start", life.name()]);
    life.wait_for_words("ready");
    let said = life.fails(1, &["shutdown", "--mode", "initctl", life.name()]);
    assert!(said.contains("initctl"), "{said}");
    assert_eq!(life.state(), "running");
    life.ok(&["shutdown", "--mode", "initctl", "--timeout", "1", "--then-destroy", life.name()]);
    life.ok(&["start", life.name()]);
    life.wait_for_words("ready");
    let said = life.fails(1, &["shutdown", "--timeout", "1", life.name()]);
    assert!(said.contains("by SIGTERM"), "{said}");
    life.ok(&["shutdown", "--timeout", "1", "--then-destroy", life.name()]);
    life.assert_gone();
}

/// The line of a unit that stops the domains, as its service manager runs it, on this test's state.
fn stop_line(life: &Life, unit: &str) -> String {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("runtime/life/units").join(unit);
    let unit = fs::read_to_string(path).unwrap();
    let own = format!("{BROWNDOG} --root {}", life.root().display());
    let line = match unit.lines().find_map(|line| line.strip_prefix("ExecStop=")) {
        Some(line) => line.to_owned(),
        None => unit.lines().find(|line| line.contains("shutdown")).unwrap().to_owned(),
    };
    line.replace("/usr/local/bin/browndog", &own).replace("\"$browndog\"", &own)
}

#[rstest]
#[case::systemd("browndog.service")]
#[case::openrc("browndog.openrc")]
fn a_unit_stops_every_domain_whatever_its_name(#[case] unit: &str) {
    if !root() {
        return;
    }
    let life = Life::new();
    let names = ["bob's", "a b", "--all", "-n 1", "$(id)", "ünï", "web"];
    for name in names {
        life.define("trap 'exit 0' TERM; while :; do sleep 0.2; done");
        life.ok(&["rename", "--", life.name(), name]);
        life.ok(&["start", "--", name]);
    }
    // Its first word is the name of a domain that another one's is not.
    let output = Command::new("sh").args(["-c", &stop_line(&life, unit)]).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    assert_eq!(life.ok(&["list", "--name"]).trim(), "");
    assert_eq!(life.ok(&["list", "--all", "--name"]).trim().lines().count(), names.len());
}

#[test]
fn a_reboot_says_what_came_up() {
    if !root() || !support::merged_usr() {
        return;
    }
    let life = Life::new();
    let script = "[ -e /data/twice ] && exit 3; [ -e /data/once ] && touch /data/twice; touch /data/once; \
                  trap 'exit 0' TERM; echo ready; while :; do sleep 0.1; done";
    let more = life.case.dir.path().join("more");
    fs::create_dir(&more).unwrap();
    let volume = format!(
        "<filesystem type='mount'><source dir='{}'/><target dir='/mnt'/></filesystem>",
        more.display()
    );
    let file = life.case.on_root(script, "<on_reboot>restart</on_reboot>", &volume);
    life.ok(&["define", file.to_str().unwrap()]);
    life.ok(&["start", life.name()]);
    life.wait_for_words("ready");
    assert!(life.ok(&["reboot", life.name()]).contains("runs again"));
    life.wait_for("both marks", || life.case.dir.path().join("root/data/twice").exists());
    let said = life.fails(1, &["reboot", "--timeout", "60", life.name()]);
    assert!(said.contains("does not run, status 3"), "{said}");
    assert_ne!(life.state(), "running");
    fs::remove_file(life.case.dir.path().join("root/data/twice")).unwrap();
    fs::remove_file(life.case.dir.path().join("root/data/once")).unwrap();
    life.ok(&["start", life.name()]);
    life.wait_for("its mark", || life.case.dir.path().join("root/data/once").exists());
    fs::remove_dir(&more).unwrap();
    let said = life.fails(1, &["reboot", "--timeout", "60", life.name()]);
    assert!(said.contains("could not be started again") && said.contains("No such file"), "{said}");
    life.assert_gone();
}
