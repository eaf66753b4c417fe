//! Whoever is killed, whenever: nothing that was defined is lost, and nothing is left behind.
//!
//! `BROWNDOG_KILLS` says how many kills (30 without), `BROWNDOG_SEED` which.
#![allow(unused_results, reason = "commands are built in steps")]

mod support;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use nix::libc;
use support::life::Life;
use support::{root, text};

/// xorshift64*: the same kills for the same seed.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) % bound
    }
}

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok()?.parse().ok()
}

/// Processes whose command line has `what` in it, this test's own excepted.
fn processes_with(what: &str) -> Vec<(i32, String)> {
    let own = std::process::id() as i32;
    let pids = fs::read_dir("/proc").unwrap().flatten();
    let pids =
        pids.filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok()).filter(|&pid| pid != own);
    pids.filter_map(|pid| {
        let line = fs::read(format!("/proc/{pid}/cmdline")).ok()?;
        let line = String::from_utf8_lossy(&line).replace('\0', " ");
        line.contains(what).then_some((pid, line))
    })
    .collect()
}

fn kill_now(pid: i32) {
    // It may have ended by itself meanwhile.
    Command::new("kill").args(["-KILL", &pid.to_string()]).output().unwrap();
}

fn files(dir: &Path) -> Vec<String> {
    let Ok(entries) = fs::read_dir(dir) else { return Vec::new() };
    entries.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
}

#[test]
fn random_kills_lose_nothing_and_leave_nothing() {
    if !root() {
        return;
    }
    let life = Life::new();
    let marker = format!("echo {}", life.name());
    life.define(&format!("trap 'exit 0' TERM; {marker}; while :; do sleep 0.05; done"));
    let definition = life.ok(&["dumpxml", "--inactive", life.name()]);
    let seed = number("BROWNDOG_SEED")
        .unwrap_or_else(|| SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos() as u64 | 1);
    eprintln!("BROWNDOG_SEED={seed}");
    let mut random = Random(seed);
    // A mount namespace of this thread's own, which commands inherit: nobody else mounts anything in it.
    assert_eq!(browndog_runtime::sys::unshare(libc::CLONE_NEWNS), Ok(0));
    browndog_runtime::sys::mount(None, c"/", None, libc::MS_REC | libc::MS_PRIVATE, None).unwrap();
    let mounts = || fs::read_to_string("/proc/thread-self/mounts").unwrap();
    let mounts_before = mounts();
    // What others had mounted by then goes with its mount point.
    let mounted =
        || mounts().lines().filter(|line| !mounts_before.contains(line)).map(str::to_owned).collect();
    let kills = number("BROWNDOG_KILLS").unwrap_or(30);
    for round in 0..kills {
        let verbs: [&[&str]; 6] = [
            &["start", "NAME"],
            &["start", "NAME"],
            &["destroy", "NAME"],
            &["shutdown", "NAME"],
            &["pids", "NAME", "--limit", "60", "--live", "--config"],
            &["exec", "NAME", "--", "/bin/true"],
        ];
        let verb: Vec<&str> = verbs[random.below(6) as usize]
            .iter()
            .map(|word| if *word == "NAME" { life.name() } else { word })
            .collect();
        let mut command = life.command(&verb);
        let mut child =
            command.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null()).spawn().unwrap();
        std::thread::sleep(Duration::from_micros(random.below(40_000)));
        if random.below(2) == 0 {
            kill_now(child.id() as i32);
        } else {
            let root = life.root().to_string_lossy().into_owned();
            let monitors = processes_with(&root);
            monitors
                .iter()
                .filter(|(_, line)| line.starts_with("browndog-monitor"))
                .for_each(|(pid, _)| kill_now(*pid));
        }
        child.wait().unwrap();
        // Whatever was cut off: the next start works, or it runs already.
        let output = life.run(&["start", life.name()]);
        let said = text(&output.stderr);
        assert!(
            output.status.success()
                || said.contains("already running")
                || said.contains("already in shutdown"),
            "round {round} of seed {seed}, after {verb:?}: {said}"
        );
        let output = life.run(&["destroy", life.name()]);
        assert!(output.status.success(), "round {round} of seed {seed}: {}", text(&output.stderr));
        // A domain whose monitor was killed has crashed before it was destroyed.
        let state = life.state();
        assert!(["shut off", "crashed"].contains(&state.as_str()), "round {round} of seed {seed}: {state}");
        life.assert_gone();
    }
    let name = |text: &str| text.lines().filter(|line| !line.contains("browndog:pids")).count();
    assert_eq!(name(&life.ok(&["dumpxml", "--inactive", life.name()])), name(&definition));
    life.wait_for("the last process", || processes_with(&marker).is_empty());
    let mounted: Vec<String> = mounted();
    assert_eq!(mounted, [""; 0]);
    assert_eq!(files(&life.root().join("run/locks")), Vec::<String>::new());
    assert_eq!(files(&life.root().join("definitions")), [format!("{}.xml", life.name())]);
    eprintln!("{kills} kills: nothing lost, nothing left");
}

/// A group that is of no partition, and one in a partition that the start made.
#[rstest::rstest]
#[case(false)]
#[case(true)]
fn destroy_takes_away_what_a_killed_run_left(#[case] partition: bool) {
    if !root() {
        return;
    }
    // The start of another test's domain takes it away as well, where it comes first: then once more.
    let by_destroy = (0..20).any(|_| destroy_finds_what_a_killed_run_left(partition));
    assert!(by_destroy, "nothing is left even without a removal: then why test it");
}

/// Whether there was anything left to be taken away; in any case there is nothing afterwards.
fn destroy_finds_what_a_killed_run_left(partition: bool) -> bool {
    let life = Life::new();
    let file = life.case.script("echo up; sleep 600");
    if partition {
        let of_its_own = format!("<resource><partition>/killed-{}</partition></resource><os>", life.name());
        let document = fs::read_to_string(&file).unwrap().replace("<os>", &of_its_own);
        fs::write(&file, document).unwrap();
    }
    let mut command = life.command(&["run", &file.to_string_lossy()]);
    let mut launcher = command.stdout(std::process::Stdio::piped()).spawn().unwrap();
    let mut said = [0; 2];
    std::io::Read::read_exact(&mut launcher.stdout.take().unwrap(), &mut said).unwrap();
    // Not of a killed launcher: nothing is taken from one that lives.
    life.fails(1, &["destroy", life.name()]);
    assert!(!life.case.cgroups().is_empty());
    launcher.kill().unwrap();
    launcher.wait().unwrap();
    let found = life.run(&["destroy", life.name()]);
    let said = text(&found.stderr);
    assert!(found.status.success() || said.contains("there is no domain"), "{said}");
    let is_its =
        |path: &PathBuf| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(life.name()));
    let left = || life.case.cgroups().into_iter().filter(is_its).collect::<Vec<PathBuf>>();
    if found.status.success() {
        assert_eq!(left(), [] as [&Path; 0]);
    }
    life.wait_for("the end of its groups", || left().is_empty());
    life.fails(1, &["destroy", life.name()]);
    // A partition goes with the last container that ends in it, and this one has not ended by itself.
    life.case.cgroups().iter().for_each(|partition| fs::remove_dir(partition).unwrap());
    found.status.success()
}

/// `ip` in this thread's network namespace.
fn ip(arguments: &str) -> String {
    let output = Command::new("ip").args(arguments.split(' ')).output().unwrap();
    assert!(output.status.success(), "ip {arguments}: {}", text(&output.stderr));
    text(&output.stdout)
}

/// A device of the host's that is made of software: the kernel would destroy it with the container's network.
fn with_device(life: &Life) -> Option<PathBuf> {
    if !root() {
        return None;
    }
    if Command::new("ip").arg("-V").output().is_err() {
        eprintln!("skipped: iproute2 is not installed");
        return None;
    }
    // A machine of its own, as far as the network goes: commands inherit it from this thread.
    let unshared = browndog_runtime::sys::unshare(libc::CLONE_NEWNET);
    assert_eq!(unshared, Ok(0));
    ip("link add nic0 type veth peer name nic1");
    ip("link set nic0 up");
    Some(life.case.domain(
        "<init>/bin/sh</init><initarg>-c</initarg><initarg>echo up; sleep 100</initarg>",
        "<hostdev mode='capabilities' type='net'><source><interface>nic0</interface></source></hostdev>",
    ))
}

/// What a launcher has pinned.
fn pins(launcher: i32) -> Vec<String> {
    let mut pins = files(Path::new("/run/browndog-netns"));
    pins.retain(|pin| pin.starts_with(&format!("{launcher}-")));
    pins
}

#[test]
fn a_device_of_the_host_is_back_after_its_monitor_was_killed() {
    let life = Life::new();
    let Some(file) = with_device(&life) else { return };
    life.ok(&["define", file.to_str().unwrap()]);
    life.ok(&["start", life.name()]);
    let monitor = life.monitor();
    assert_eq!(pins(monitor).len(), 2, "the network, and what is to be given back of it");
    let init = life.info()["id"].as_i64().unwrap();
    let inside = |arguments: &str| {
        let mut command = Command::new("nsenter");
        command.args(["-t", &init.to_string(), "-n", "ip"]).args(arguments.split(' '));
        assert!(command.status().unwrap().success(), "{arguments}");
    };
    // Whatever it is called in there.
    inside("link set nic0 down");
    inside("link set nic0 name other");
    kill_now(monitor);
    life.wait_for("its init", || !Path::new(&format!("/proc/{init}")).exists());
    let output = life.run(&["destroy", life.name()]);
    let said = text(&output.stderr);
    assert!(said.contains("gave the device nic0 back to the host"), "{said}");
    assert!(ip("-o link show nic0").contains(",UP"), "{}", ip("-o link"));
    assert_eq!(pins(monitor), Vec::<String>::new());
    // As good as before.
    life.ok(&["start", life.name()]);
    let monitor = life.monitor();
    life.ok(&["destroy", life.name()]);
    assert!(ip("-o link show nic0").contains(",UP"), "{}", ip("-o link"));
    assert_eq!(pins(monitor), Vec::<String>::new());
}

#[test]
fn a_device_of_the_host_is_back_after_a_run_was_killed() {
    let life = Life::new();
    let Some(file) = with_device(&life) else { return };
    let mut command = life.command(&["run", file.to_str().unwrap()]);
    let mut launcher = command.stdout(std::process::Stdio::piped()).spawn().unwrap();
    let mut said = [0; 2];
    std::io::Read::read_exact(&mut launcher.stdout.take().unwrap(), &mut said).unwrap();
    launcher.kill().unwrap();
    launcher.wait().unwrap();
    let said = text(&life.run(&["destroy", life.name()]).stderr);
    assert!(said.contains("gave the device nic0 back to the host"), "{said}");
    assert!(ip("-o link show nic0").contains(",UP"), "{}", ip("-o link"));
    assert_eq!(pins(launcher.id() as i32), Vec::<String>::new());
}
