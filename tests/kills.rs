//! Whoever is killed, whenever: nothing that was defined is lost, and nothing is left behind.
//!
//! `BROWNDOG_KILLS` says how many kills (30 without), `BROWNDOG_SEED` which.
#![allow(unused_results, reason = "commands are built in steps")]

mod support;

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

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
    let mounts = || fs::read_to_string("/proc/self/mounts").unwrap().lines().count();
    let mounts_before = mounts();
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
    assert_eq!(mounts(), mounts_before);
    assert_eq!(files(&life.root().join("run/locks")), Vec::<String>::new());
    assert_eq!(files(&life.root().join("definitions")), [format!("{}.xml", life.name())]);
    eprintln!("{kills} kills: nothing lost, nothing left");
}

/// A group that is of no partition, and one in a partition that the start made.
#[rstest::rstest]
#[case("")]
#[case("<resource><partition>/bdtest-killed</partition></resource>")]
fn destroy_takes_away_what_a_killed_run_left(#[case] resource: &str) {
    if !root() {
        return;
    }
    let life = Life::new();
    let file = life.case.script("echo up; sleep 100");
    let document = fs::read_to_string(&file).unwrap().replace("<os>", &format!("{resource}<os>"));
    fs::write(&file, document).unwrap();
    let mut command = life.command(&["run", &file.to_string_lossy()]);
    let mut launcher = command.stdout(std::process::Stdio::piped()).spawn().unwrap();
    let mut said = [0; 2];
    std::io::Read::read_exact(&mut launcher.stdout.take().unwrap(), &mut said).unwrap();
    // Not of a killed launcher: nothing is taken from one that lives.
    life.fails(1, &["destroy", life.name()]);
    assert!(!life.case.cgroups().is_empty());
    launcher.kill().unwrap();
    launcher.wait().unwrap();
    assert!(!life.case.cgroups().is_empty(), "nothing is left even without a removal: then why test it");
    life.ok(&["destroy", life.name()]);
    assert_eq!(life.case.cgroups(), [] as [&Path; 0]);
    life.fails(1, &["destroy", life.name()]);
    let partition = Path::new("/sys/fs/cgroup/bdtest-killed");
    if partition.exists() {
        fs::remove_dir(partition).unwrap();
    }
}
