//! `exec`: a program joins a domain that runs, is confined as its init is, and brings nothing of the host.
#![allow(unused_results, reason = "commands are built in steps")]

mod support;

use std::fs;
use std::io::Write;
use std::os::fd::AsRawFd;
use std::process::{Command, Stdio};

use rstest::rstest;
use support::life::{Life, kill};
use support::{root, text};

/// A domain that sleeps.
fn sleeping() -> Option<Life> {
    if !root() {
        return None;
    }
    let life = Life::new();
    life.define("while :; do sleep 1; done");
    life.ok(&["start", life.name()]);
    Some(life)
}

fn sh(life: &Life, script: &str) -> String {
    life.ok(&["exec", life.name(), "--", "/bin/sh", "-c", script])
}

#[rstest]
#[case::zero("exit 0", 0)]
#[case::seven("exit 7", 7)]
#[case::killed("kill -TERM $$", 143)]
#[case::interrupted("kill -INT $$", 130)]
#[case::hung_up("kill -HUP $$", 129)]
#[case::plain_status_of_an_interrupt("exit 130", 130)]
#[case::real_time_signal("kill -40 $$; sleep 1", 168)]
#[case::last_signal("kill -64 $$; sleep 1", 192)]
fn the_status_of_exec_is_the_programs(#[case] script: &str, #[case] status: i32) {
    let Some(life) = sleeping() else { return };
    life.fails(status, &["exec", life.name(), "--", "/bin/sh", "-c", script]);
}

#[test]
fn a_program_that_is_not_there_or_cannot_be_executed_has_a_shells_status() {
    let Some(life) = sleeping() else { return };
    let said = life.fails(127, &["exec", life.name(), "--", "/no/such/program"]);
    assert!(said.contains("no such program in the container"), "{said}");
    life.fails(126, &["exec", life.name(), "--", "/etc/passwd"]);
    life.fails(125, &["exec", "no-such-domain-here", "--", "true"]);
}

#[test]
fn it_is_in_every_namespace_and_group_of_the_init() {
    let Some(life) = sleeping() else { return };
    let ns = "for n in mnt pid ipc uts net cgroup; do readlink /proc/self/ns/$n; done";
    let inside = sh(&life, ns);
    let of_init = sh(&life, &ns.replace("self", "1"));
    assert_eq!(inside, of_init);
    assert_eq!(sh(&life, "cat /proc/self/cgroup"), sh(&life, "cat /proc/1/cgroup"));
    let mut sleeper = life.command(&["exec", life.name(), "--", "sleep", "100"]).spawn().unwrap();
    life.wait_for("its process in the group", || {
        let groups = life.case.cgroups();
        groups.iter().all(|group| {
            fs::read_to_string(group.join("cgroup.procs")).is_ok_and(|procs| {
                procs.lines().any(|pid| {
                    fs::read_to_string(format!("/proc/{pid}/cmdline"))
                        .is_ok_and(|line| line == "sleep\x00100\0")
                })
            })
        })
    });
    sleeper.kill().unwrap();
    sleeper.wait().unwrap();
}

#[test]
fn it_is_confined_as_the_init_is() {
    let Some(life) = sleeping() else { return };
    let look =
        |who: &str| sh(&life, &format!("grep -E '^(Cap|NoNewPrivs|Seccomp:|Groups)' /proc/{who}/status"));
    assert_eq!(look("self"), look("1"));
}

#[test]
fn nothing_of_the_caller_passes_but_three_pipes() {
    let Some(life) = sleeping() else { return };
    let file = life.case.dir.path().join("of-the-host");
    fs::write(&file, "mine").unwrap();
    let mut command = life.command(&[
        "exec",
        life.name(),
        "--",
        "/bin/sh",
        "-c",
        "for f in 0 1 2; do readlink /proc/self/fd/$f; done; ls /proc/self/fd; env",
    ]);
    command.env("SECRET", "of-the-caller").stdin(fs::File::open(&file).unwrap());
    let said = text(&command.output().unwrap().stdout);
    assert_eq!(said.lines().filter(|line| line.starts_with("pipe:")).count(), 3, "{said}");
    assert!(!said.contains("of-the-host") && !said.contains("SECRET"), "{said}");
    // ls has its own descriptor of the directory, number 3.
    assert!(!said.lines().any(|line| line == "4"), "{said}");
}

#[test]
fn input_and_output_go_through() {
    let Some(life) = sleeping() else { return };
    let mut child = life.command(&["exec", life.name(), "--", "cat"]);
    let mut child = child.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let sent = "a line\n".repeat(50_000);
    let mut stdin = child.stdin.take().unwrap();
    let writer = {
        let sent = sent.clone();
        std::thread::spawn(move || stdin.write_all(sent.as_bytes()).unwrap())
    };
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap();
    assert!(text(&output.stdout) == sent, "{} of {} bytes came back", output.stdout.len(), sent.len());
}

#[test]
fn user_directory_and_environment_are_the_callers_to_choose() {
    let Some(life) = sleeping() else { return };
    let arguments = ["exec", "--user", "nobody", "--cwd", "/usr", "--env", "COLOUR=brown", life.name(), "--"];
    let mut arguments = arguments.to_vec();
    arguments.extend(["/bin/sh", "-c", "id -u; pwd; echo $COLOUR; grep CapEff /proc/self/status"]);
    let said = life.ok(&arguments);
    assert_eq!(said, "65534\n/usr\nbrown\nCapEff:\t0000000000000000\n");
    let said = life.fails(125, &["exec", "--user", "nobody-here", life.name(), "--", "id"]);
    assert!(said.contains("no such user"), "{said}");
}

#[test]
fn a_terminal_is_the_containers_own() {
    let Some(life) = sleeping() else { return };
    let said = life.ok(&["exec", "--tty", life.name(), "--", "tty"]);
    assert!(said.starts_with("/dev/pts/"), "{said}");
}

/// Opened by the host's root, it would be nobody's in a container with an id map.
#[rstest]
#[case::plain("", &[], "0")]
#[case::mapped(MAP, &[], "0")]
#[case::user("", &["--user", "nobody"], "65534")]
fn a_terminal_is_whose_the_program_is(#[case] map: &str, #[case] user: &[&str], #[case] owner: &str) {
    if !root() {
        return;
    }
    let life = Life::new();
    life.define_with("while :; do sleep 1; done", map);
    life.ok(&["start", life.name()]);
    let mut arguments = vec!["exec", "--tty"];
    arguments.extend(user);
    let script = "stat -c %u $(tty); (: >$(tty)) && echo opened";
    arguments.extend([life.name(), "--", "/bin/sh", "-c", script]);
    assert_eq!(life.ok(&arguments).replace('\r', ""), format!("{owner}\nopened\n"));
}

const MAP: &str = "<idmap><uid start='0' target='700000' count='1000'/><gid start='0' target='700000' count='1000'/></idmap>";

#[test]
fn a_detached_program_goes_on_by_itself() {
    let Some(life) = sleeping() else { return };
    let pid: i32 = life.ok(&["exec", "--detach", life.name(), "--", "sleep", "100"]).trim().parse().unwrap();
    // The kernel lets those who wait for an exec go on before it shows the new name.
    life.wait_for("its name", || {
        fs::read_to_string(format!("/proc/{pid}/comm")).unwrap().starts_with("sleep")
    });
    life.ok(&["destroy", life.name()]);
    life.wait_for("its end", || !std::path::Path::new(&format!("/proc/{pid}/root")).join("proc").exists());
}

#[test]
fn a_signal_to_the_command_reaches_the_program_and_its_death_ends_it() {
    let Some(life) = sleeping() else { return };
    let script = "trap 'exit 5' TERM; echo ready; while :; do sleep 0.1; done";
    for (signal, status) in [("-TERM", Some(5)), ("-KILL", None)] {
        let mut command = life.command(&["exec", life.name(), "--", "/bin/sh", "-c", script]);
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut ready = [0_u8; 6];
        std::io::Read::read_exact(child.stdout.as_mut().unwrap(), &mut ready).unwrap();
        kill(child.id() as i32, signal);
        assert_eq!(child.wait().unwrap().code(), status);
        life.wait_for("the program's end", || {
            !sh(&life, "cat /proc/[0-9]*/cmdline 2>/dev/null; true").contains("echo ready;")
        });
    }
}

#[test]
fn neither_command_nor_monitor_can_be_written_through_proc() {
    let Some(life) = sleeping() else { return };
    let mut child = life.command(&["exec", life.name(), "--", "sleep", "100"]).spawn().unwrap();
    life.wait_for("the program", || {
        sh(&life, "cat /proc/[0-9]*/comm 2>/dev/null; true").matches("sleep").count() >= 2
    });
    for pid in [child.id() as i32, life.monitor()] {
        // "Text file busy" would go away with the process; a read-only mount does not.
        let program = fs::File::open(format!("/proc/{pid}/exe")).unwrap();
        let flags = browndog_runtime::sys::mount_flags(program.as_raw_fd()).unwrap();
        assert_eq!(flags & 1, 1, "ST_RDONLY of process {pid}");
    }
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn a_paused_or_stopped_domain_is_not_entered() {
    let Some(life) = sleeping() else { return };
    life.ok(&["suspend", life.name()]);
    let said = life.fails(125, &["exec", life.name(), "--", "true"]);
    assert!(said.contains("it is paused") && said.contains("browndog resume"), "{said}");
    life.ok(&["destroy", life.name()]);
    assert!(life.fails(125, &["exec", life.name(), "--", "true"]).contains("shut off"));
}

/// A container with account files of its own, in which somebody has put traps.
fn with_accounts() -> Option<Life> {
    if !root() || !support::merged_usr() {
        return None;
    }
    let life = Life::new();
    let tree = life.case.root_tree();
    let passwd = "root:x:0:0::/root:/bin/sh\nsvc:x:33:34::/:/bin/sh\n1000:x:0:0::/root:/bin/sh\n\
                  evil:x:4294967295:0::/:/bin/sh\nodd:x:7:4294967295::/:/bin/sh\n";
    fs::write(tree.join("etc/passwd"), passwd).unwrap();
    fs::write(tree.join("etc/group"), "root:x:0:1000\nsvc:x:34:\n1000:x:0:\nevil:x:4294967295:svc\n")
        .unwrap();
    let file = life.case.on_root("while :; do sleep 1; done", "", "");
    life.ok(&["define", file.to_str().unwrap()]);
    life.ok(&["start", life.name()]);
    Some(life)
}

#[rstest]
#[case::number(&["-u", "1000"], "1000:0:0")]
#[case::number_with_a_plus(&["-u", "+1000"], "1000:0:0")]
#[case::name(&["-u", "svc"], "33:34:34")]
#[case::number_of_a_name(&["-u", "33"], "33:34:34")]
#[case::both(&["-u", "33:35"], "33:35:35")]
#[case::both_by_name(&["-u", "svc:root"], "33:0:0")]
#[case::group(&["-u", "33", "-g", "1000"], "33:1000:1000")]
fn a_number_is_a_number_whatever_the_containers_files_say(#[case] who: &[&str], #[case] ids: &str) {
    let Some(life) = with_accounts() else { return };
    let words = ["--", "sh", "-c", "echo $(id -u):$(id -g):$(id -G)"];
    let said = life.ok(&[&["exec"], who, &[life.name()], &words[..]].concat());
    assert_eq!(said.trim(), ids);
}

#[rstest]
fn the_id_that_means_unchanged_is_refused(
    #[values("4294967295", "+4294967295", "4294967296", "evil", "odd", "33:4294967295", "0:evil")] who: &str,
) {
    let Some(life) = with_accounts() else { return };
    life.fails(125, &["exec", "-u", who, life.name(), "--", "id"]);
}

/// What stands in the place of an account file, made in the container's root, and whether numbers are still understood.
#[rstest]
#[case::fifo("mkfifo $F")]
#[case::link_out("ln -s ../../../../../../etc/passwd $F")]
#[case::link_of_procfs("ln -s /proc/self/root/etc/passwd $F")]
#[case::link_to_itself("ln -s passwd $F")]
#[case::log_of_the_kernel("ln -s /proc/kmsg $F")]
#[case::terminal("ln -s /dev/console $F")]
#[case::device("mknod $F c 1 5")]
#[case::directory("mkdir $F")]
#[case::socket("python3 -c 'import socket, sys; socket.socket(socket.AF_UNIX).bind(sys.argv[1])' $F")]
#[case::huge("truncate -s 1T $F")]
#[case::one_line("head -c 3000000 /dev/zero | tr '\\0' x > $F")]
#[case::many_lines("yes 'svc:x:33:34::/:/bin/sh' | head -c 8000000 > $F")]
fn account_files_of_any_kind_are_neither_waited_for_nor_followed(
    #[case] make: &str,
    #[values("passwd", "group")] file: &str,
    #[values(&["-u", "svc"], &["-u", "+33"], &["-u", "0:svc"])] who: &[&str],
) {
    let Some(life) = with_accounts() else { return };
    let path = life.case.dir.path().join("root/etc").join(file);
    fs::remove_file(&path).unwrap();
    let make = make.replace("passwd", file);
    let made = Command::new("sh").args(["-c", &make]).env("F", &path).status().unwrap();
    assert!(made.success());
    let words = ["--", "sh", "-c", "echo $(id -u):$(id -g)"];
    let mut command = Command::new("timeout");
    let output = command.args(["-s", "KILL", "60", support::BROWNDOG, "--root"]).arg(life.root());
    let output = output.arg("exec").args(who).arg(life.name()).args(words).stdin(Stdio::null()).output();
    let output = output.unwrap();
    let said = text(&output.stderr);
    match output.status.code() {
        // The first line of many is one of it.
        Some(0) => assert!(text(&output.stdout).starts_with(['0', '3']), "{}", text(&output.stdout)),
        Some(125) => assert!(said.contains(&format!("/etc/{file}")) || said.contains("no such"), "{said}"),
        other => panic!("{other:?}: {said}"),
    }
    if who[1] == "svc" && file == "passwd" {
        assert!(output.status.code() == Some(125) || make.starts_with("yes"), "{said}");
    }
}

#[test]
fn what_exec_says_is_about_exec() {
    let Some(life) = sleeping() else { return };
    let said = life.fails(125, &["exec", "--cwd", "rel", life.name(), "--", "true"]);
    assert!(said.contains("absolute path") && !said.contains("ValueError"), "{said}");
    for words in [&["--cwd", "/no/such"][..], &["-u", "nobody-here"], &[]] {
        let program = if words.is_empty() { "/no/such/program" } else { "true" };
        let output = life.run(&[&["exec"], words, &[life.name(), "--", program]].concat());
        let said = text(&output.stderr);
        assert_ne!(output.status.code(), Some(0));
        assert!(!said.contains("<init") && !said.contains("was not started"), "{said}");
    }
    let said = life.fails(125, &["exec", "-u", "1:2", "-g", "3", life.name(), "--", "true"]);
    assert!(said.contains("--group"), "{said}");
}

/// An argument is bytes, whatever they mean.
#[test]
fn an_argument_that_is_no_text_arrives_as_it_is() {
    use std::os::unix::ffi::OsStrExt;
    let Some(life) = sleeping() else { return };
    let mut command = life.command(&["exec", life.name(), "--", "/bin/sh", "-c", "printf %s \"$1\"", "sh"]);
    let output = command.arg(std::ffi::OsStr::from_bytes(b"a\xff\xfez")).output().unwrap();
    assert_eq!(output.stdout, b"a\xff\xfez", "{}", text(&output.stderr));
}
