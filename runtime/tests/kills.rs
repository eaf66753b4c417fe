//! The launcher killed before each step: the container never runs or goes with it, and nothing stays that
//! the kernel could have taken away.

mod common;

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use browndog_runtime::exec::{self, Options};
use browndog_runtime::host::Host;
use browndog_runtime::net::pin;
use browndog_runtime::plan::{Plan, plan};
use browndog_runtime::survey::Survey;
use browndog_xml::domain::Domain;
use common::HostState;

/// How long a busy machine may take for anything.
const PATIENCE: Duration = Duration::from_secs(120);

const HOLD: &str = "BROWNDOG_TEST_HOLD";
const DOCUMENT: &str = "BROWNDOG_TEST_DOCUMENT";

/// One whose child shares the launcher's memory, and one that waits for id maps and the stage. Both would
/// run for ten minutes.
fn own_documents() -> Vec<String> {
    let map = "<idmap><uid start='0' target='700000' count='1000'/><gid start='0' target='700000' count='1000'/></idmap>";
    let volume = "<filesystem type='mount'><source dir='/usr'/><target dir='/mnt'/><readonly/></filesystem>";
    let with = |map: &&str| {
        common::document("<features><privnet/></features>", map, volume)
            .replace("/bin/true", "/bin/sleep")
            .replace("</init>", "</init><initarg>600</initarg>")
    };
    let mut all: Vec<String> = ["", map].iter().map(with).collect();
    // The kernel would destroy the device with the container's network.
    all.extend(common::linked().map(|document| document.replace("/bin/true", "/bin/cat")));
    all
}

/// These, and the samples of the repository that this machine can run.
fn documents() -> Vec<String> {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("../domains");
    let mut samples: Vec<_> =
        std::fs::read_dir(dir).expect("the samples").flatten().map(|it| it.path()).collect();
    samples.sort();
    let samples = samples.iter().map(|file| std::fs::read_to_string(file).expect("a sample"));
    let mut all = own_documents();
    all.extend(samples.filter(|document| {
        let problems = planned(&common::domain(document)).2.problems;
        if !problems.is_empty() {
            eprintln!("not a sample: this machine cannot run it: {problems:?}");
        }
        problems.is_empty()
    }));
    all
}

fn planned(domain: &Domain) -> (Host, Survey, Plan) {
    let host = Host::probe();
    let survey = Survey::look(domain, domain.idmap.is_some(), false);
    let plan = plan(domain, &host, &survey, &common::request());
    (host, survey, plan)
}

/// What the launchers of this file run: this program, with this test.
#[test]
fn a_launcher_that_is_held() {
    let (Ok(hold), Ok(document)) = (std::env::var(HOLD), std::env::var(DOCUMENT)) else { return };
    let (side, at) = hold.split_once(':').expect("SIDE:STEP");
    let at = at.parse().expect("a number");
    let options = match side {
        "child" => Options { child_hold: Some(at), ..Options::default() },
        _ => Options { host_hold: Some(at), ..Options::default() },
    };
    let (host, survey, plan) = planned(&common::domain(&document));
    let _running = exec::start(&plan, &host, survey, &options).expect("held before it ends");
    panic!("not held at {hold}");
}

fn launch(document: &str, hold: &str) -> Child {
    Command::new(std::env::current_exe().expect("this program"))
        .args(["--exact", "a_launcher_that_is_held", "--nocapture"])
        .env(HOLD, hold)
        .env(DOCUMENT, document)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("a launcher")
}

/// Groups of that launcher.
fn groups(launcher: u32) -> Vec<std::path::PathBuf> {
    let mut found = Vec::new();
    let mut dirs = vec![Path::new("/sys/fs/cgroup").to_owned()];
    while let Some(dir) = dirs.pop() {
        for entry in std::fs::read_dir(dir).into_iter().flatten().flatten() {
            if !entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                continue;
            }
            let ours = entry.path().to_string_lossy().contains(&format!(".{launcher}-"));
            if ours {
                found.push(entry.path());
            }
            if ours || entry.path().components().count() < 6 {
                dirs.push(entry.path());
            }
        }
    }
    found.sort_by_key(|path| std::cmp::Reverse(path.components().count()));
    found
}

/// Whether every process of the groups is gone, within a while.
fn emptied(groups: &[std::path::PathBuf]) -> bool {
    let deadline = Instant::now() + PATIENCE;
    let procs =
        |group: &std::path::PathBuf| std::fs::read_to_string(group.join("cgroup.procs")).unwrap_or_default();
    while groups.iter().any(|group| !procs(group).is_empty()) {
        if Instant::now() > deadline {
            return false;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    true
}

fn kill_at(document: &str, hold: &str, before: &HostState) {
    let mut launcher = launch(document, hold);
    let mut output = BufReader::new(launcher.stdout.take().expect("piped"));
    let mut line = String::new();
    while !line.contains("held") {
        line.clear();
        let read = output.read_line(&mut line).expect("readable");
        assert!(read > 0, "{hold}: the launcher ended: {:?}", launcher.wait_with_output());
    }
    launcher.kill().expect("killed");
    let _status = launcher.wait().expect("waited for");
    let left = groups(launcher.id());
    let gone = emptied(&left);
    // What a later command takes away, as it does what is left of every dead launcher.
    let mut stubborn = Vec::new();
    for group in &left {
        let deadline = Instant::now() + PATIENCE;
        while let Err(error) = std::fs::remove_dir(group) {
            if Instant::now() > deadline {
                stubborn.push(format!("{}: {error}", group.display()));
                break;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }
    assert!(gone, "{hold}: a process of the container outlived its launcher");
    assert_eq!(stubborn, Vec::<String>::new(), "{hold}");
    for instance in pin::instances() {
        if instance.starts_with(&format!("{}-", launcher.id())) {
            let _devices = pin::give_back(&instance).unwrap_or_else(|why| panic!("{hold}: {why}"));
        }
    }
    // The kernel takes a container's network away on a queue of its own.
    let deadline = Instant::now() + PATIENCE;
    while &HostState::now() != before && Instant::now() < deadline {
        std::thread::sleep(Duration::from_millis(5));
    }
    assert_eq!(&HostState::now(), before, "{hold}");
}

#[test]
fn a_killed_launcher_takes_its_container_along_at_every_step() {
    let Some(_right) = common::start_right() else { return };
    // At each step of the first document that has it, and at every third of those that were seen before.
    let (mut seen, mut turn, mut kills) = (std::collections::HashSet::new(), 0, 0);
    for document in documents() {
        let (_, _, plan) = planned(&common::domain(&document));
        let before = HostState::now();
        let host = plan.before.iter().chain(&plan.attend).map(|entry| entry.id.as_ref());
        let host: Vec<String> = host.map(|id| format!("host {id}")).collect();
        // Before it becomes the program it is ours, tied to the launcher by the one pipe that it keeps.
        let last = plan.child.iter().position(|entry| entry.id == "exec").expect("in every plan");
        let child: Vec<String> =
            plan.child[..=last].iter().map(|entry| format!("child {}", entry.id)).collect();
        for (at, step) in host.into_iter().enumerate().chain(child.into_iter().enumerate()) {
            turn += 1;
            let side = step.split(' ').next().unwrap_or_default().to_owned();
            if seen.insert(step) || turn % 3 == 0 {
                kills += 1;
                kill_at(&document, &format!("{side}:{at}"), &before);
            }
        }
    }
    println!("{kills} kills at {} steps", seen.len());
}
