//! `run`: the init's status is ours, the container is what the document says, the samples do what they say.
#![allow(unused_results, reason = "commands are built in steps")]

mod support;

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use rstest::rstest;
use support::life::PATIENCE;
use support::{BROWNDOG, Case, as_plain_user, browndog, root, run, text};

#[rstest]
#[case::zero("exit 0", 0)]
#[case::seven("exit 7", 7)]
#[case::killed("(kill -9 $$) ; (kill -TERM $$) ; exit 3", 3)]
#[case::child_killed("sh -c 'kill -9 $$$$' ; exit $?", 137)]
fn the_status_of_run_is_the_inits(#[case] script: &str, #[case] status: i32) {
    if !root() {
        return;
    }
    let case = Case::new();
    // `$$$$` is written so that the sample reads like a shell's own `$$`.
    let output = run(&case.script(&script.replace("$$$$", "$$")));
    assert_eq!(output.status.code(), Some(status), "{}", text(&output.stderr));
    assert_eq!(case.cgroups(), [] as [&Path; 0]);
}

#[test]
fn the_init_is_process_1_and_sees_nobody_else() {
    if !root() {
        return;
    }
    let case = Case::new();
    let output = run(&case.script("echo $$; echo /proc/[0-9]*"));
    assert_eq!(text(&output.stdout), "1\n/proc/1\n", "{}", text(&output.stderr));
}

#[test]
fn a_command_after_two_dashes_replaces_the_init() {
    if !root() {
        return;
    }
    let case = Case::new();
    let file = case.script("echo no");
    let output =
        browndog(&["run".as_ref(), file.as_os_str(), "--".as_ref(), "/bin/echo".as_ref(), "yes".as_ref()]);
    assert_eq!(text(&output.stdout), "yes\n", "{}", text(&output.stderr));
}

#[test]
fn env_adds_a_variable() {
    if !root() {
        return;
    }
    let case = Case::new();
    let file = case.script("echo $COLOUR");
    let output = browndog(&["run".as_ref(), "--env=COLOUR=brown".as_ref(), file.as_os_str()]);
    assert_eq!(text(&output.stdout), "brown\n", "{}", text(&output.stderr));
}

#[test]
fn trace_names_the_steps_and_their_time() {
    if !root() {
        return;
    }
    let case = Case::new();
    let file = case.script("true");
    let output = browndog(&["run".as_ref(), "--trace".as_ref(), file.as_os_str()]);
    let said = text(&output.stderr);
    assert!(said.lines().any(|line| line.contains("pivot") && line.ends_with("us")), "{said}");
}

#[test]
fn a_sigterm_to_browndog_ends_the_container() {
    if !root() {
        return;
    }
    let case = Case::new();
    let file = case.script("sleep 100");
    let mut child = Command::new(BROWNDOG).arg("run").arg(&file).stdin(Stdio::null()).spawn().unwrap();
    let deadline = Instant::now() + PATIENCE;
    while case.cgroups().is_empty() && Instant::now() < deadline {
        std::thread::sleep(Duration::from_millis(20));
    }
    let killed = Command::new("kill").arg(child.id().to_string()).status().unwrap();
    assert!(killed.success());
    while child.try_wait().unwrap().is_none() {
        assert!(Instant::now() < deadline, "still there");
        std::thread::sleep(Duration::from_millis(20));
    }
    assert_eq!(case.cgroups(), [] as [&Path; 0]);
}

/// It is kept on the init's processor while it starts it, and for a moment after that.
#[test]
fn who_stays_with_a_container_may_run_where_it_could_before() {
    let processors = |status: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix("Cpus_allowed_list:"));
        line.map(|list| list.trim().to_owned()).expect("every process has this line")
    };
    let own = processors(&std::fs::read_to_string("/proc/self/status").expect("it is there"));
    if !own.contains(['-', ',']) {
        eprintln!("skipped: this process may run on processor {own} only");
        return;
    }
    if !root() {
        return;
    }
    let case = Case::new();
    let file = case.script("echo begun; sleep 100");
    let mut child = Command::new(BROWNDOG)
        .arg("run")
        .arg(&file)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .expect("it can be executed");
    let mut begun = [0; 6];
    std::io::Read::read_exact(&mut child.stdout.take().expect("a pipe"), &mut begun).expect("it begins");
    let deadline = Instant::now() + PATIENCE;
    let status = format!("/proc/{}/status", child.id());
    let now = || processors(&std::fs::read_to_string(&status).expect("it runs"));
    while now() != own && Instant::now() < deadline {
        std::thread::sleep(Duration::from_millis(20));
    }
    let found = now();
    nix::sys::signal::kill(nix::unistd::Pid::from_raw(child.id().cast_signed()), nix::sys::signal::SIGTERM)
        .expect("it is ours");
    let _status = child.wait().expect("it is ours");
    assert_eq!(found, own);
}

/// Every sample in `domains/` and a line that it prints.
#[rstest]
#[case("hello", "Hello. I am process 1 of hello.")]
#[case("browndog", " on /var ")]
#[case("ram", "full, as it should be")]
#[case("bind", "written under /tmp\nwritten under /tmp\n")]
#[case("readonly", "refused, as it should be")]
#[case("privnet", "lo:")]
#[case("idmap", "refused, as it should be")]
#[case("limits", "killed, as it should be")]
#[case("capabilities", "refused, as it should be")]
#[case("service", "service is up, process 1")]
fn the_sample_does_what_it_says(#[case] name: &str, #[case] line: &str) {
    if !root() {
        return;
    }
    let file = sample(name);
    let output = run(&file);
    let printed = text(&output.stdout);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    assert!(printed.contains(line), "{printed}{}", text(&output.stderr));
}

/// Names of the steps, without what a start's own number makes different.
fn steps(words: impl Iterator<Item = (String, String)>) -> Vec<(String, String)> {
    let of_any_start = |id: String| match id.split_once(".browndog") {
        Some((group, below)) => format!("{}{below}", group.rsplit_once('.').map_or(group, |(name, _)| name)),
        None => id,
    };
    let steps =
        words.filter(|(stage, id)| ["host", "attend", "child"].contains(&stage.as_str()) && id != "exec");
    steps.map(|(stage, id)| (stage, of_any_start(id))).collect()
}

#[test]
fn what_is_run_is_what_plan_prints() {
    if !root() {
        return;
    }
    for entry in std::fs::read_dir(sample("hello").parent().unwrap()).unwrap() {
        let file = entry.unwrap().path();
        let planned = browndog(&["plan".as_ref(), "--format".as_ref(), "json".as_ref(), file.as_os_str()]);
        let plan: serde_json::Value = serde_json::from_slice(&planned.stdout).unwrap();
        let word = |step: &serde_json::Value, name: &str| step[name].as_str().unwrap().to_owned();
        let rows = plan["steps"].as_array().unwrap().iter();
        let planned = steps(rows.map(|step| (word(step, "stage"), word(step, "id"))));
        assert!(planned.len() > 40, "{}", file.display());
        let traced = browndog(&["run".as_ref(), "--trace".as_ref(), file.as_os_str()]);
        let said = text(&traced.stderr);
        let lines = said.lines().filter_map(|line| {
            let mut words = line.split_whitespace();
            Some((words.next()?.to_owned(), words.next()?.to_owned()))
        });
        let took = lines.filter(|(stage, _)| ["host", "attend", "child"].contains(&stage.as_str()));
        let run = steps(took);
        assert_eq!(run, planned, "{}", file.display());
    }
}

fn sample(name: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("domains").join(name).with_extension("xml")
}

#[test]
fn every_sample_is_valid_and_on_the_list() {
    let output = browndog(&["validate".as_ref(), sample("hello").parent().unwrap().as_os_str()]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stdout));
    assert!(
        text(&output.stdout).contains("10 valid"),
        "add new samples to the list above: {}",
        text(&output.stdout)
    );
}

#[test]
fn hello_runs_without_privilege() {
    let case = Case::new();
    let Some(mut user) = as_plain_user(&case) else { return };
    let copy = case.dir.path().join("hello.xml");
    std::fs::copy(sample("hello"), &copy).unwrap();
    let output = user.arg("run").arg(&copy).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    assert!(text(&output.stdout).contains("I am process 1 of hello."), "{}", text(&output.stdout));
}
