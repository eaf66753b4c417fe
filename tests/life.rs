//! A domain's life: it starts once, its end is recorded, and nothing of it is left, whoever is killed.
#![allow(unused_results, reason = "commands are built in steps")]

mod support;

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use rstest::rstest;
use support::life::{Life, PATIENCE, kill, wait_for_end};
use support::{root, text};

/// Says `ready` once it can be asked to end.
const SLEEP: &str = "trap 'exit 7' TERM; echo ready; while :; do sleep 1; done";
const DEAF: &str = "trap '' TERM; while :; do sleep 1; done";

#[test]
fn a_domain_is_defined_started_seen_and_shut_down() {
    if !root() {
        return;
    }
    let life = Life::new();
    life.define(SLEEP);
    assert_eq!(life.state(), "shut off");
    life.ok(&["start", life.name()]);
    assert_eq!(life.state(), "running");
    life.wait_for_words("ready");
    assert!(life.ok(&["list"]).contains(life.name()));
    let uuid = life.info()["uuid"].as_str().unwrap().to_owned();
    assert_eq!(life.ok(&["domname", &uuid[..13]]).trim(), life.name());
    assert_eq!(life.ok(&["domname", life.ok(&["domid", life.name()]).trim()]).trim(), life.name());
    let said = life.ok(&["shutdown", life.name()]);
    assert!(said.contains("by SIGTERM, status 7"), "{said}");
    assert_eq!((life.state().as_str(), life.info()["exit_code"].as_i64()), ("shut off", Some(7)));
    assert_eq!(life.run(&["wait", life.name()]).status.code(), Some(7));
    life.assert_gone();
    life.ok(&["undefine", life.name()]);
    assert_eq!(life.ok(&["list", "--all", "--name"]), "");
}

#[test]
fn of_a_hundred_starts_one_wins_and_the_others_say_why() {
    if !root() {
        return;
    }
    let life = Life::new();
    life.define(SLEEP);
    let start =
        || life.command(&["start", life.name()]).stderr(std::process::Stdio::piped()).spawn().unwrap();
    let starts: Vec<_> = (0..100).map(|_| start()).collect();
    let outputs: Vec<_> = starts.into_iter().map(|start| start.wait_with_output().unwrap()).collect();
    let (won, lost): (Vec<_>, Vec<_>) = outputs.iter().partition(|output| output.status.success());
    assert_eq!((won.len(), lost.len()), (1, 99));
    for output in lost {
        let said = text(&output.stderr);
        assert!(said.contains("already running") || said.contains("being worked on"), "{said}");
    }
    assert_eq!(life.state(), "running");
}

#[test]
fn a_domain_goes_down_with_its_monitor_and_the_next_command_says_so() {
    if !root() {
        return;
    }
    let life = Life::new();
    life.define(SLEEP);
    life.ok(&["start", life.name()]);
    let init = life.info()["id"].as_i64().unwrap();
    kill(life.monitor(), "-KILL");
    life.wait_for("the init's end", || !PathBuf::from(format!("/proc/{init}/stat")).exists());
    let output = life.run(&["start", life.name()]);
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{said}");
    // What it left may have been removed by the start of another test's domain, which looks for strays.
    assert!(said.contains("was killed and"), "{said}");
    life.ok(&["destroy", life.name()]);
    life.assert_gone();
}

#[test]
fn an_init_that_unties_itself_is_ended_by_the_next_command() {
    if !root() || !PathBuf::from("/usr/bin/setpriv").exists() {
        eprintln!("skipped: needs root and setpriv");
        return;
    }
    let mut outlived = false;
    // The start of another test's domain ends it as well, where it comes first: then once more.
    for _ in 0..20 {
        let life = Life::new();
        // A change of user clears the signal that ties it to its monitor (prctl(2), PR_SET_PDEATHSIG).
        life.define("exec setpriv --reuid 1 --clear-groups /bin/sh -c 'while :; do sleep 1; done'");
        life.ok(&["start", life.name()]);
        let init = life.info()["id"].as_i64().unwrap();
        let uid = format!("/proc/{init}/status");
        life.wait_for("another user", || {
            fs::read_to_string(&uid).is_ok_and(|text| text.contains("Uid:\t1\t1"))
        });
        let monitor = life.monitor();
        kill(monitor, "-KILL");
        wait_for_end(monitor);
        std::thread::sleep(Duration::from_millis(200));
        outlived = PathBuf::from(format!("/proc/{init}")).exists();
        // Who only looks says it and changes nothing.
        let said = text(&life.run(&["list"]).stderr);
        assert!(said.contains("its monitor was killed"), "{said}");
        assert_eq!(PathBuf::from(format!("/proc/{init}")).exists(), outlived);
        let said = text(&life.run(&["destroy", life.name()]).stderr);
        assert!(said.contains("was killed and"), "{said}");
        life.wait_for("its end", || !PathBuf::from(format!("/proc/{init}")).exists());
        life.assert_gone();
        if outlived {
            break;
        }
    }
    assert!(outlived, "it is tied after all: nothing is tested");
}

#[test]
fn a_monitor_that_does_not_answer_is_killed_by_destroy() {
    if !root() {
        return;
    }
    let life = Life::new();
    life.define(SLEEP);
    life.ok(&["start", life.name()]);
    // A stopped monitor's domain goes on; destroy must not depend on an answer.
    let monitor = life.monitor();
    kill(monitor, "-STOP");
    let said = life.ok(&["destroy", life.name()]);
    assert!(said.contains("did not answer"), "{said}");
    life.assert_gone();
}

#[rstest]
#[case::running(false)]
#[case::paused(true)]
fn destroy_ends_it_and_may_be_repeated(#[case] paused: bool) {
    if !root() {
        return;
    }
    let life = Life::new();
    life.define("sleep 1000 &amp; sleep 1000 &amp; trap '' TERM; while :; do sleep 1; done");
    life.ok(&["start", life.name()]);
    if paused {
        life.ok(&["suspend", life.name()]);
        assert_eq!(life.state(), "paused");
    }
    assert!(life.ok(&["destroy", life.name()]).contains("signal 9"));
    life.assert_gone();
    assert!(life.ok(&["destroy", life.name()]).contains("does not run"));
    life.ok(&["start", life.name()]);
}

#[test]
fn a_paused_domain_stands_still_and_goes_on() {
    if !root() {
        return;
    }
    let life = Life::new();
    life.define("while :; do echo tick; sleep 0.02; done");
    life.ok(&["start", life.name()]);
    life.wait_for("a tick", || life.ok(&["logs", life.name()]).contains("tick"));
    life.ok(&["suspend", life.name()]);
    life.ok(&["suspend", life.name()]);
    // What it said before is on its way for a moment.
    life.wait_for_silence();
    let before = life.ok(&["logs", life.name()]).len();
    life.ok(&["resume", life.name()]);
    life.wait_for("more ticks", || life.ok(&["logs", life.name()]).len() > before);
}

#[test]
fn shutdown_of_a_container_that_ignores_sigterm_is_bounded_and_reported() {
    if !root() {
        return;
    }
    let life = Life::new();
    life.define(DEAF);
    life.ok(&["start", life.name()]);
    life.wait_for("the trap", || {
        let status = fs::read_to_string(format!("/proc/{}/status", life.info()["id"])).unwrap_or_default();
        status.lines().any(|line| line.starts_with("SigIgn:") && !line.ends_with("0000000000000000"))
    });
    let said = life.fails(1, &["shutdown", "--timeout", "1", life.name()]);
    assert!(said.contains("still runs after 1 s") && said.contains("browndog destroy"), "{said}");
    assert_eq!(life.state(), "in shutdown");
    life.ok(&["shutdown", "--timeout", "1", "--then-destroy", life.name()]);
    life.assert_gone();
}

#[test]
fn an_init_without_a_handler_is_ended_by_shutdown_and_it_says_how() {
    if !root() {
        return;
    }
    let life = Life::new();
    life.define("exec sleep 1000");
    life.ok(&["start", life.name()]);
    life.wait_for_program("sleep");
    assert!(life.ok(&["shutdown", life.name()]).contains("no handler for SIGTERM"));
}

#[test]
fn on_reboot_starts_it_again_and_on_crash_with_a_pause() {
    if !root() {
        return;
    }
    let life = Life::new();
    life.define_with(SLEEP, "<on_reboot>restart</on_reboot><on_crash>restart</on_crash>");
    life.ok(&["start", life.name()]);
    life.wait_for_words("ready");
    let first = life.info();
    let said = life.ok(&["reboot", life.name()]);
    assert!(said.contains("runs again"), "{said}");
    let second = life.info();
    assert_eq!((second["monitor"].clone(), second["restarts"].as_i64()), (first["monitor"].clone(), Some(1)));
    assert_ne!(second["id"], first["id"]);
    // A crash soon after: the second restart waits.
    kill(second["id"].as_i64().unwrap() as i32, "-KILL");
    let told = || life.ok(&["events", "--past", "--no-follow", "--event", "lifecycle"]);
    life.wait_for("restarting", || told().contains("in 1000 ms"));
    life.wait_for("running again", || life.state() == "running");
    assert_eq!(life.info()["restarts"], 2);
    life.ok(&["destroy", life.name()]);
    life.assert_gone();
}

#[rstest]
#[case::poweroff_destroy("exit 0", "<on_poweroff>destroy</on_poweroff>", "shut off", "shutdown", 0)]
#[case::crash_destroy("exit 3", "<on_crash>destroy</on_crash>", "crashed", "crashed", 3)]
#[case::crash_preserve("exit 3", "<on_crash>preserve</on_crash>", "crashed", "crashed", 3)]
fn an_end_is_recorded(
    #[case] script: &str,
    #[case] more: &str,
    #[case] state: &str,
    #[case] reason: &str,
    #[case] code: i32,
) {
    if !root() {
        return;
    }
    let life = Life::new();
    life.define_with(script, more);
    life.ok(&["start", life.name()]);
    assert_eq!(life.run(&["wait", "--timeout", "120", life.name()]).status.code(), Some(code));
    let info = life.info();
    assert_eq!((info["state"].as_str(), info["reason"].as_str()), (Some(state), Some(reason)));
    assert_eq!(info["exit_code"].as_i64(), Some(code.into()));
    life.assert_gone();
}

#[test]
fn a_created_domain_is_forgotten_when_it_ends() {
    if !root() {
        return;
    }
    let life = Life::new();
    let file = life.case.script("sleep 0.3; exit 4");
    life.ok(&["create", file.to_str().unwrap()]);
    assert_eq!(life.run(&["wait", "--timeout", "120", life.name()]).status.code(), Some(4));
    life.fails(1, &["state", life.name()]);
    life.assert_gone();
}

#[test]
fn a_domain_that_was_undefined_while_it_ran_goes_on_and_is_then_forgotten() {
    if !root() {
        return;
    }
    let life = Life::new();
    life.define(SLEEP);
    life.ok(&["start", life.name()]);
    life.ok(&["undefine", life.name()]);
    assert_eq!(life.state(), "running");
    life.ok(&["destroy", life.name()]);
    assert_eq!(life.ok(&["list", "--all", "--name"]), "");
}

#[test]
fn a_start_that_fails_says_which_line_and_leaves_nothing() {
    if !root() {
        return;
    }
    let life = Life::new();
    let file = life.case.domain("<init>/no/such/program</init>", "");
    life.ok(&["define", file.to_str().unwrap()]);
    let said = life.fails(1, &["start", life.name()]);
    assert!(said.contains("no such program in the container") && said.contains("<init>"), "{said}");
    assert_eq!(life.state(), "shut off");
    life.assert_gone();
}

#[test]
fn a_damaged_record_is_moved_aside_and_said() {
    if !root() {
        return;
    }
    let life = Life::new();
    life.define(SLEEP);
    life.ok(&["start", life.name()]);
    let record = life.root().join("run/domains").join(life.name()).join("record.json");
    fs::write(&record, "{\"version\": 1, \"na").unwrap();
    // Its monitor lives and knows better.
    let output = life.run(&["list"]);
    assert!(text(&output.stderr).contains("is damaged"), "{}", text(&output.stderr));
    assert_eq!(life.state(), "running");
    let output = life.run(&["start", life.name()]);
    assert!(!output.status.success());
    assert_eq!(life.state(), "running");
    assert!(fs::read_to_string(&record).unwrap().contains(life.name()), "it was written again");
    fs::write(&record, "rubbish").unwrap();
    kill_monitor_of(&life);
    let said = text(&life.run(&["start", life.name()]).stderr);
    assert!(said.contains("was damaged"), "{said}");
    assert_eq!(fs::read_dir(life.root().join("run/damaged")).unwrap().count(), 2);
    life.ok(&["destroy", life.name()]);
    life.assert_gone();
}

/// By the group's name, which says who started it.
fn kill_monitor_of(life: &Life) {
    let group = life.case.cgroups().remove(0);
    let name = group.file_name().unwrap().to_string_lossy().into_owned();
    let instance = name.strip_suffix(".browndog").unwrap().rsplit('.').next().unwrap().to_owned();
    let monitor = instance.split('-').next().unwrap().parse().unwrap();
    kill(monitor, "-KILL");
    wait_for_end(monitor);
}

#[test]
fn a_record_of_another_version_is_refused() {
    let life = Life::new();
    life.define(SLEEP);
    let dir = life.root().join("run/domains").join(life.name());
    fs::create_dir_all(&dir).unwrap();
    fs::write(dir.join("record.json"), "{\"version\": 9}").unwrap();
    let said = life.fails(1, &["start", life.name()]);
    assert!(said.contains("another version") && said.contains("format 9"), "{said}");
    assert!(dir.join("record.json").exists());
    fs::remove_dir_all(&dir).unwrap();
}

#[test]
fn an_unknown_domain_is_answered_with_the_nearest_name() {
    let life = Life::new();
    life.define("exit 0");
    let almost = life.name().replacen("bdtest", "bdtset", 1);
    let said = life.fails(1, &["start", &almost]);
    assert!(said.contains(&format!("did you mean '{}'?", life.name())), "{said}");
}

#[test]
fn a_state_directory_that_cannot_be_made_is_named() {
    let life = Life::new();
    fs::write(life.root(), "a file where a directory should be").unwrap();
    let said = life.fails(1, &["define", life.case.script("exit 0").to_str().unwrap()]);
    assert!(said.contains("/state is no directory") && said.contains("--root DIR"), "{said}");
    fs::remove_file(life.root()).unwrap();
}

#[test]
fn autostart_starts_what_is_marked() {
    if !root() {
        return;
    }
    let life = Life::new();
    life.define(SLEEP);
    life.ok(&["autostart", "--all"]);
    assert_eq!(life.state(), "shut off");
    life.ok(&["autostart", life.name()]);
    life.ok(&["autostart", "--all"]);
    assert_eq!(life.state(), "running");
    life.ok(&["autostart", "--disable", life.name()]);
    assert_eq!(life.info()["autostart"], false);
}

#[test]
fn events_tell_the_life_in_order() {
    if !root() {
        return;
    }
    let life = Life::new();
    life.define(SLEEP);
    for verb in ["start", "suspend", "resume", "destroy", "undefine"] {
        life.ok(&[verb, life.name()]);
    }
    let lines = life.ok(&["events", "--past", "--no-follow", "--format", "jsonl"]);
    let what: Vec<String> = lines
        .lines()
        .map(|line| {
            serde_json::from_str::<serde_json::Value>(line).unwrap()["what"].as_str().unwrap().to_owned()
        })
        .collect();
    assert_eq!(what, ["defined", "started", "suspended", "resumed", "stopped", "undefined"]);
}

#[test]
fn wait_for_running_ends_when_it_runs_and_after_its_timeout() {
    if !root() {
        return;
    }
    let life = Life::new();
    life.define(SLEEP);
    let waiting =
        life.command(&["wait", "--for", "running", "--timeout", "120", life.name()]).spawn().unwrap();
    life.ok(&["start", life.name()]);
    assert_eq!(waiting.wait_with_output().unwrap().status.code(), Some(0));
    let began = Instant::now();
    life.fails(124, &["wait", "--for", "stopped", "--timeout", "1", life.name()]);
    assert!(began.elapsed() >= Duration::from_secs(1));
}

#[test]
fn a_process_killed_for_want_of_memory_is_an_event() {
    if !root() {
        return;
    }
    let life = Life::new();
    // A tail of a line without an end holds it all.
    life.define("tail /dev/zero; sleep 1; exit 3");
    life.ok(&["start", life.name()]);
    life.wait_for("the event", || {
        life.ok(&["events", "--past", "--no-follow", "--event", "oom"]).contains("killed")
    });
}

#[test]
fn a_fork_bomb_stays_inside_and_is_destroyed() {
    if !root() {
        return;
    }
    let life = Life::new();
    // The init itself forks once only: a shell that cannot fork ends.
    life.define("bomb() { bomb | bomb; }; bomb &amp; while :; do wait; done");
    // From its first instruction on: thousands of shells would meet the memory limit before this one.
    life.ok(&["pids", life.name(), "--config", "--limit", "100"]);
    life.ok(&["start", life.name()]);
    std::thread::sleep(Duration::from_millis(500));
    let stats: serde_json::Value = serde_json::from_str(&life.ok(&["stats", "--format", "json"])).unwrap();
    assert!(stats[0]["pids"]["current"].as_u64().unwrap() <= 100, "{stats}");
    life.ok(&["destroy", life.name()]);
    life.assert_gone();
}

#[test]
fn a_full_state_directory_is_named_and_nothing_of_a_domain_is_lost() {
    if !root() {
        return;
    }
    let life = Life::new();
    life.define(SLEEP);
    let (state, file) = (life.root(), life.case.dir.path().join("domain.xml"));
    // In a mount namespace of its own, which goes with it, and the file system with that.
    let script = "mount -t tmpfs -o size=64k none $1 || exit 90; fill() { dd if=/dev/zero of=$1/fill bs=4k 2>/dev/null; }
        fill $1; $0 --root $1 define $2 && exit 91; ls $1/definitions | grep . && exit 92
        rm $1/fill; $0 --root $1 define $2 || exit 93; fill $1
        $0 --root $1 start $3 && exit 94; $0 --root $1 list --all
        rm $1/fill; $0 --root $1 start $3 || exit 95; fill $1; $0 --root $1 destroy $3 || exit 96; rm $1/fill
        $0 --root $1 state $3; $0 --root $1 dumpxml $3";
    let mut command = Command::new("unshare");
    command.args(["--mount", "--propagation", "private", "sh", "-c", script, support::BROWNDOG]);
    let output = command.arg(&state).arg(&file).arg(life.name()).stdin(Stdio::null()).output().unwrap();
    let (shown, said) = (text(&output.stdout), text(&output.stderr));
    assert_eq!(output.status.code(), Some(0), "{shown}{said}");
    assert!(
        said.matches("no space left on device").count() >= 2 && said.contains("free some space"),
        "{said}"
    );
    assert!(
        shown.contains("shut off") && shown.contains(&format!("<name>{}</name>", life.name())),
        "{shown}"
    );
    life.assert_gone();
}

#[test]
fn a_state_directory_that_may_not_be_written_is_named_with_a_way_out() {
    let life = Life::new();
    let Some(mut user) = support::as_plain_user(&life.case) else { return };
    let file = life.case.script("exit 0");
    let dir = life.case.dir.path().join("of-root");
    fs::create_dir(&dir).unwrap();
    fs::set_permissions(&dir, std::os::unix::fs::PermissionsExt::from_mode(0o555)).unwrap();
    let output = user.arg("--root").arg(&dir).arg("define").arg(file).output().unwrap();
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(
        said.contains("of-root") && said.contains("belongs to user 0") && said.contains("--root DIR"),
        "{said}"
    );
}

/// Processor time in clock ticks, and how often it has given up the processor.
fn work_of(pid: i32) -> (u64, u64) {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let fields = stat.rsplit_once(')').unwrap().1.split_ascii_whitespace().skip(11).take(2);
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let switches = status.lines().find_map(|line| line.strip_prefix("voluntary_ctxt_switches:")).unwrap();
    (fields.map(|ticks| ticks.parse::<u64>().unwrap()).sum(), switches.trim().parse().unwrap())
}

#[test]
fn an_idle_monitor_sleeps() {
    if !root() {
        return;
    }
    let life = Life::new();
    life.define("exec sleep 1000");
    life.ok(&["start", life.name()]);
    life.wait_for_program("sleep");
    let monitor = life.monitor();
    // Its own last steps after the start are over when two looks are the same.
    life.wait_for("quiet", || {
        let before = work_of(monitor);
        std::thread::sleep(Duration::from_millis(300));
        work_of(monitor) == before
    });
    let before = work_of(monitor);
    std::thread::sleep(Duration::from_secs(3));
    assert_eq!(work_of(monitor), before, "it has woken up while nothing happened");
}

#[test]
fn a_console_that_is_hung_up_costs_nothing_and_works_again() {
    if !root() || !PathBuf::from("/usr/bin/perl").exists() {
        eprintln!("skipped: needs root and perl");
        return;
    }
    let life = Life::new();
    // vhangup(2), as a getty does before it opens its line anew.
    let script = "trap '' HUP; echo before; sleep 1; perl -e 'syscall(153) == 0 or print \"cannot\"'; \
                  sleep 1; exec &lt;/dev/console &gt;/dev/console 2&gt;&amp;1; echo after; while :; do sleep 1; done";
    let file = life.case.script(script);
    let all = "<privnet/><capabilities policy='allow'/>";
    fs::write(&file, fs::read_to_string(&file).unwrap().replace("<privnet/>", all)).unwrap();
    life.ok(&["define", file.to_str().unwrap()]);
    life.ok(&["start", life.name()]);
    let monitor = life.monitor();
    life.wait_for("its first word", || life.ok(&["logs", life.name()]).contains("before"));
    let before = work_of(monitor).0;
    std::thread::sleep(Duration::from_secs(1));
    let ticks = work_of(monitor).0 - before;
    life.wait_for("its last word", || life.ok(&["logs", life.name()]).contains("after"));
    assert!(!life.ok(&["logs", life.name()]).contains("cannot"), "it could not hang up: nothing is tested");
    assert!(ticks < 20, "{ticks} ticks of 100");
}

#[test]
fn a_plain_user_has_domains_too() {
    let life = Life::new();
    let Some(user) = support::as_plain_user(&life.case) else { return };
    let home = life.case.dir.path().join("home");
    fs::create_dir(&home).unwrap();
    let file = life.case.script(SLEEP);
    let root = MetadataExt::uid(&fs::metadata("/proc/self").unwrap()) == 0;
    if root {
        std::os::unix::fs::chown(&home, Some(65_534), Some(65_534)).unwrap();
    }
    let run = |arguments: &[&str]| {
        let mut command = Command::new(user.get_program());
        command.args(arguments).env("XDG_RUNTIME_DIR", &home).env("HOME", &home).current_dir("/");
        if root {
            command.uid(65_534).gid(65_534);
        }
        let output = command.stdin(Stdio::null()).output().unwrap();
        (output.status.code(), text(&output.stdout), text(&output.stderr))
    };
    assert_eq!(run(&["define", file.to_str().unwrap()]).0, Some(0));
    let started = run(&["start", life.name()]);
    assert_eq!(started.0, Some(0), "{}", started.2);
    let entered = run(&["exec", life.name(), "--", "/bin/sh", "-c", "id -u; echo $$ >&2; exit 4"]);
    assert_eq!((entered.0, entered.1.as_str()), (Some(4), "0\n"), "{}", entered.2);
    life.wait_for("its handler", || run(&["logs", life.name()]).1.contains("ready"));
    let refused = run(&["suspend", life.name()]);
    assert!(
        refused.2.contains("no control group that can be frozen") && refused.2.contains("systemd-run --user"),
        "{}",
        refused.2
    );
    let stopped = run(&["shutdown", life.name()]);
    assert!(stopped.1.contains("status 7"), "{}{}", stopped.1, stopped.2);
}

/// The group of version 2 that a plain user was given, as systemd gives one to each login.
struct Delegated(PathBuf);

impl Delegated {
    fn new(name: &str) -> Option<Self> {
        let roots = ["/sys/fs/cgroup/unified", "/sys/fs/cgroup"].map(PathBuf::from);
        let root = roots
            .into_iter()
            .find(|root| root.join("cgroup.procs").exists() && root.join("cgroup.controllers").exists())?;
        let group = root.join(format!("delegated-{name}"));
        fs::create_dir(&group).unwrap();
        for path in [group.clone(), group.join("cgroup.procs"), group.join("cgroup.subtree_control")] {
            std::os::unix::fs::chown(path, Some(65_534), Some(65_534)).unwrap();
        }
        Some(Self(group))
    }
}

impl Drop for Delegated {
    fn drop(&mut self) {
        // A monitor that is about to end may be in it yet.
        let deadline = Instant::now() + PATIENCE;
        while self.0.exists() && Instant::now() < deadline {
            for child in fs::read_dir(&self.0).unwrap().flatten().filter(|entry| entry.path().is_dir()) {
                fs::write(child.path().join("cgroup.kill"), "1").ok();
                fs::remove_dir(child.path()).ok();
            }
            fs::remove_dir(&self.0).ok();
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

#[test]
fn a_plain_user_suspends_in_a_group_of_its_own() {
    if !root() {
        return;
    }
    let life = Life::new();
    let Some(user) = support::as_plain_user(&life.case) else { return };
    let Some(group) = Delegated::new(life.name()) else {
        eprintln!("skipped: this machine has no control groups of version 2");
        return;
    };
    let home = life.case.dir.path().join("home");
    fs::create_dir(&home).unwrap();
    std::os::unix::fs::chown(&home, Some(65_534), Some(65_534)).unwrap();
    let file = life.case.script("while :; do echo tick; sleep 0.02; done");
    let run = |arguments: &[&str]| {
        // Into the group as root, then down to the user, as a login does.
        let script =
            "echo $$ > $0/cgroup.procs && exec setpriv --reuid 65534 --regid 65534 --clear-groups \"$@\"";
        let mut command = Command::new("sh");
        command.args(["-c", script]).arg(&group.0).arg(user.get_program()).args(arguments);
        command.env("XDG_RUNTIME_DIR", &home).env("HOME", &home).current_dir("/");
        let output = command.stdin(Stdio::null()).output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{arguments:?}: {}", text(&output.stderr));
        text(&output.stdout)
    };
    run(&["create", file.to_str().unwrap()]);
    life.wait_for("a tick", || run(&["logs", life.name()]).contains("tick"));
    run(&["suspend", life.name()]);
    let said = || run(&["logs", life.name()]).len();
    // What it said before is on its way for a moment.
    life.wait_for("silence", || {
        let before = said();
        std::thread::sleep(Duration::from_millis(300));
        said() == before
    });
    let before = said();
    run(&["resume", life.name()]);
    life.wait_for("more ticks", || run(&["logs", life.name()]).len() > before);
    assert_eq!(run(&["exec", life.name(), "--", "cat", "/proc/self/cgroup"]).lines().last(), Some("0::/"));
    // A login of its own, whose group is root's: a program from there would be outside the limits.
    let mut stranger = Command::new(user.get_program());
    stranger.args(["exec", life.name(), "--", "true"]).uid(65_534).gid(65_534).current_dir("/");
    let refused = stranger.env("XDG_RUNTIME_DIR", &home).env("HOME", &home).output().unwrap();
    assert_eq!(refused.status.code(), Some(125));
    let said = text(&refused.stderr);
    assert!(said.contains("not in its control group") && said.contains("systemd-run --user"), "{said}");
    run(&["destroy", life.name()]);
    life.wait_for("only the group that was handed over", || life.case.cgroups().len() == 1);
}
