//! What runs as process 1, with which environment, and how its end is told.
#![allow(unused_results, reason = "commands are built in steps")]

mod support;

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use rstest::rstest;
use support::life::Life;
use support::{BROWNDOG, Case, browndog, root, run, text};

const IDMAP: &str = "<idmap><uid start='0' target='100000' count='65536'/>\
                     <gid start='0' target='100000' count='65536'/></idmap>";

/// A script that can be executed, in the case's directory.
fn program(case: &Case, name: &str, script: &str) -> PathBuf {
    let file = case.dir.path().join(name);
    support::install_script(&file, &format!("#!/bin/sh\n{script}\n"));
    file
}

/// A document with these applications.
fn applications(case: &Case, scripts: &[&str]) -> PathBuf {
    let list: String = scripts
        .iter()
        .enumerate()
        .map(|(index, script)| {
            let file = program(case, &format!("app{index}"), script);
            format!("<application>{}</application>", file.display())
        })
        .collect();
    case.file(&format!(
        "<domain type='linuxcontainer'><name>{}</name><container>{list}</container></domain>",
        case.name
    ))
}

#[test]
fn several_applications_run_and_the_first_ones_status_is_the_containers() {
    if !root() {
        return;
    }
    let case = Case::new();
    let file = applications(
        &case,
        &[
            "echo first $$ $(cat /proc/1/comm); while ! [ -e /dev/shm/ready ]; do sleep 0.05; done; exit 7",
            "trap 'echo second told; exit 0' TERM; : > /dev/shm/ready; while :; do sleep 0.05; done",
            "exit 9",
        ],
    );
    let output = run(&file);
    let said = text(&output.stdout);
    assert_eq!(output.status.code(), Some(7), "{said}{}", text(&output.stderr));
    let first = said.lines().find(|line| line.starts_with("first ")).unwrap();
    assert!(!first.starts_with("first 1 "), "{said}");
    assert!(said.contains("second told"), "{said}");
    assert_eq!(case.cgroups(), [] as [&Path; 0]);
}

#[test]
fn an_application_that_is_not_there_is_named() {
    if !root() {
        return;
    }
    let case = Case::new();
    let file = applications(&case, &["sleep 600", "exit 0"]);
    std::fs::remove_file(case.dir.path().join("app1")).unwrap();
    let output = run(&file);
    assert_eq!(output.status.code(), Some(127));
    assert!(text(&output.stderr).contains("cannot execute"), "{}", text(&output.stderr));
}

#[test]
fn orphans_are_waited_for() {
    if !root() {
        return;
    }
    let case = Case::new();
    // The shell in the middle ends first: its child becomes an orphan, and then a zombie until waited for.
    // Looked at until only process 1 and the script are left, as long as a busy machine may take.
    let script = "for n in 1 2 3; do (sh -c 'sleep 0.1 &amp;'); done; left=; \
                  for turn in $(seq 600); do cat /proc/[0-9]*/status 2>/dev/null >/dev/shm/all; \
                  left=$(grep '^Name:' /dev/shm/all | grep -vc 'cat$'); \
                  [ $left = 2 ] &amp;&amp; break; sleep 0.1; done; echo $left; exit 5";
    let file = case.script(script);
    let output = browndog(&["run".as_ref(), "--init".as_ref(), file.as_os_str()]);
    assert_eq!(output.status.code(), Some(5), "{}", text(&output.stderr));
    assert_eq!(text(&output.stdout), "2\n");
}

/// Starts, waits for `READY` on its output, sends the signal, returns output and status.
fn signalled(arguments: &[&std::ffi::OsStr], signal: &str) -> (String, Option<i32>) {
    use std::io::Read;
    // What the tests themselves ignore (by nohup(1)), a launcher would ignore too.
    let mut command = Command::new("env");
    command.arg("--default-signal").arg(BROWNDOG);
    let mut child = command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).spawn().unwrap();
    let mut output = child.stdout.take().unwrap();
    let mut ready = [0; 6];
    output.read_exact(&mut ready).unwrap();
    let sent = Command::new("kill").args(["-s", signal, &child.id().to_string()]).status().unwrap();
    assert!(sent.success());
    let mut said = String::new();
    output.read_to_string(&mut said).unwrap();
    (said, child.wait().unwrap().code())
}

#[rstest]
#[case("TERM")]
#[case("HUP")]
#[case("USR1")]
fn signals_pass_through_the_built_in_process_1(#[case] signal: &str) {
    if !root() {
        return;
    }
    let case = Case::new();
    let script = format!("trap 'echo told; exit 8' {signal}; echo READY; while :; do sleep 0.05; done");
    let file = case.script(&script);
    let said = signalled(&["run".as_ref(), "--init".as_ref(), file.as_os_str()], signal);
    assert_eq!(said, ("told\n".to_owned(), Some(8)));
    // Without a handler it has its usual effect, on a program that is no process 1.
    let file = case.script("echo READY; exec sleep 600");
    let said = signalled(&["run".as_ref(), "--init".as_ref(), file.as_os_str()], signal);
    let number: i32 = match signal {
        "TERM" => 15,
        "HUP" => 1,
        _ => 10,
    };
    assert_eq!(said, (String::new(), Some(128 + number)));
}

#[test]
fn the_program_of_process_1_cannot_be_written_by_the_container() {
    if !root() {
        return;
    }
    let case = Case::new();
    let before = std::fs::metadata(BROWNDOG).unwrap().modified().unwrap();
    let script = "sleep 0.1; (echo broken >> /proc/1/exe) 2>&amp;1 | grep -o 'Read-only file system\\|Permission denied\\|cannot create'; true";
    let file = case.script(script);
    let output = browndog(&["run".as_ref(), "--init".as_ref(), file.as_os_str()]);
    assert_ne!(text(&output.stdout), "", "{}", text(&output.stderr));
    assert_eq!(std::fs::metadata(BROWNDOG).unwrap().modified().unwrap(), before);
}

/// A program that is a link to whatever executes it would be the launcher's own file, by the host's mount of
/// it: another process of the container could hold that, and write to it when nobody executes it any more.
#[rstest]
#[case::link("", "/evil")]
#[case::script("#!/evil\n", "/script")]
fn the_launchers_own_program_is_no_init(#[case] script: &str, #[case] init: &str) {
    if !root() {
        return;
    }
    let case = Case::new();
    let tree = case.root_tree();
    std::os::unix::fs::symlink("/proc/self/exe", tree.join("evil")).unwrap();
    support::install_script(&tree.join("script"), script);
    let file = case.on_root("exit", "", "");
    let text_of = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, text_of.replace("<init>/bin/sh</init>", &format!("<init>{init}</init>"))).unwrap();
    let output = support::run(&file);
    assert_eq!(output.status.code(), Some(126), "{}", text(&output.stderr));
    assert!(text(&output.stderr).contains("ELOOP"), "{}", text(&output.stderr));
    // What a domain in the background and `exec` execute from is not to be written in any case.
    let life = support::life::Life { case };
    life.ok(&["define", file.to_str().unwrap()]);
    assert!(life.fails(1, &["start", life.name()]).contains("ELOOP"));
    life.assert_gone();
}

#[test]
fn an_init_may_be_a_script() {
    if !root() {
        return;
    }
    let case = Case::new();
    let init = program(&case, "init", "echo $0 $1 as $$; exit 4");
    let os = format!("<init>{}</init><initarg>word</initarg>", init.display());
    let output = run(&case.domain(&os, ""));
    assert_eq!(text(&output.stdout), format!("{} word as 1\n", init.display()));
    assert_eq!(output.status.code(), Some(4));
}

#[test]
fn the_environment_is_libvirts_contract_and_what_the_document_adds() {
    if !root() {
        return;
    }
    let case = Case::new();
    let os = "<init>/usr/bin/env</init><initenv name='COLOUR'>brown</initenv><initenv name='TERM'>vt100</initenv>\
              <initdir>/usr</initdir>";
    let uuid = "8dfd44b3-1e76-d8d3-3515-0a2d98211ea0";
    let with_uuid = |file: &Path, uuid: &str| {
        let xml = std::fs::read_to_string(file).unwrap();
        std::fs::write(file, xml.replace("</name>", &format!("</name>{uuid}"))).unwrap();
    };
    let file = case.domain(os, "");
    with_uuid(&file, &format!("<uuid>{uuid}</uuid>"));
    let said = text(&run(&file).stdout);
    let mut lines: Vec<&str> = said.lines().filter(|line| !line.starts_with("PWD=")).collect();
    lines.sort_unstable();
    let name = format!("LIBVIRT_LXC_NAME={}", case.name);
    let wanted = [
        "COLOUR=brown",
        "HOME=/root",
        &name,
        &format!("LIBVIRT_LXC_UUID={uuid}"),
        "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        "TERM=vt100",
        "container=lxc-libvirt",
        &format!("container_uuid={uuid}"),
    ];
    assert_eq!(lines, wanted);
    // Without a uuid in the document, each run has one of its own.
    let file = case.domain(os, "");
    let own = |said: String| said.lines().find(|line| line.starts_with("container_uuid=")).map(str::to_owned);
    let (first, second) = (own(text(&run(&file).stdout)), own(text(&run(&file).stdout)));
    assert!(first.is_some() && first != second, "{first:?}");
}

#[test]
fn initdir_is_where_the_init_starts() {
    if !root() {
        return;
    }
    let case = Case::new();
    let output = run(&case.domain("<init>/bin/pwd</init><initdir>/usr</initdir>", ""));
    assert_eq!(text(&output.stdout), "/usr\n", "{}", text(&output.stderr));
}

#[test]
fn a_32_bit_architecture_is_what_uname_says() {
    if !root() || std::env::consts::ARCH != "x86_64" {
        return;
    }
    let case = Case::new();
    let file = case.domain("<init>/bin/uname</init><initarg>-m</initarg>", "");
    let xml = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, xml.replace("<type>exe", "<type arch='i686'>exe")).unwrap();
    assert_eq!(text(&run(&file).stdout), "i686\n");
}

#[rstest]
#[case::power_off("poweroff", 0, "powered itself off")]
#[case::reboot("reboot", 129, "asked for its reboot")]
fn a_reboot_or_power_off_from_inside_is_told_as_such(
    #[case] verb: &str,
    #[case] status: i32,
    #[case] said: &str,
) {
    if !root() {
        return;
    }
    if !Path::new("/bin/busybox").exists() {
        eprintln!("skipped: busybox is not installed");
        return;
    }
    let case = Case::new();
    let file = case.script(&format!("/bin/busybox {verb} -f; sleep 600"));
    let xml = std::fs::read_to_string(&file).unwrap();
    let boots = "<capabilities policy='default'><sys_boot state='on'/></capabilities></features>";
    let xml = xml.replace("<os>", &format!("{IDMAP}<os>")).replace("</features>", boots);
    std::fs::write(&file, xml).unwrap();
    let output = run(&file);
    assert_eq!(output.status.code(), Some(status), "{}", text(&output.stderr));
    assert!(text(&output.stderr).contains(said), "{}", text(&output.stderr));
    assert_eq!(case.cgroups(), [] as [&Path; 0]);
}

/// With the built-in process 1: its children's ends are theirs alone, the program's end is the container's.
#[rstest]
#[case::orphan(
    "(sh -c 'sleep 0.2; kill -40 $$; sleep 5' &amp;); sleep 0.6; echo goes on; exit 3",
    3,
    "goes on"
)]
#[case::child("sh -c 'kill -40 $$; sleep 5'; echo status $?", 0, "status 168")]
#[case::program("echo begun; kill -50 $$; sleep 5", 178, "begun")]
#[case::interrupted("echo begun; kill -INT $$; sleep 5", 130, "begun")]
fn behind_the_built_in_init_every_signals_end_is_told(
    #[case] script: &str,
    #[case] status: i32,
    #[case] said: &str,
) {
    if !root() {
        return;
    }
    let case = Case::new();
    let file = case.script(script);
    let output = browndog(&["run".as_ref(), "--init".as_ref(), file.as_os_str()]);
    assert_eq!(output.status.code(), Some(status), "{}", text(&output.stderr));
    assert!(text(&output.stdout).contains(said), "{}", text(&output.stdout));
}

#[test]
fn without_a_capability_nothing_inside_can_reboot() {
    if !root() || !Path::new("/bin/busybox").exists() {
        return;
    }
    let case = Case::new();
    let file = case.script("/bin/busybox poweroff -f 2>/dev/null; echo still here; exit 3");
    let plain = std::fs::read_to_string(&file).unwrap();
    for xml in [plain.clone(), plain.replace("<os>", &format!("{IDMAP}<os>"))] {
        std::fs::write(&file, xml).unwrap();
        let output = run(&file);
        assert_eq!((text(&output.stdout).as_str(), output.status.code()), ("still here\n", Some(3)));
    }
}

#[test]
fn a_process_1_that_blocks_everything_for_a_while_does_not_lose_its_end() {
    if !root() || !std::path::Path::new("/usr/bin/perl").exists() {
        eprintln!("skipped: needs root and perl");
        return;
    }
    let case = Case::new();
    // As a shell does while it waits for its child to execute, which on a busy machine is long.
    let script = "exec perl -MPOSIX -e '$|=1; $s=POSIX::SigSet->new(SIGTERM); sigprocmask(SIG_BLOCK,$s); \
                  print \"READY\"; select(undef,undef,undef,0.5); sigprocmask(SIG_UNBLOCK,$s); sleep 100'";
    let file = case.script(&script.replace('&', "&amp;").replace('>', "&gt;"));
    let mut command = std::process::Command::new(support::BROWNDOG);
    command.arg("run").arg(file).stdin(std::process::Stdio::null()).stdout(std::process::Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut ready = [0; 5];
    std::io::Read::read_exact(child.stdout.as_mut().unwrap(), &mut ready).unwrap();
    support::life::kill(child.id() as i32, "-TERM");
    assert_eq!(child.wait().unwrap().code(), Some(137));
}

#[test]
fn a_process_1_without_a_handler_is_ended_all_the_same() {
    if !root() {
        return;
    }
    let case = Case::new();
    let file = case.script("echo READY; exec sleep 600");
    let said = signalled(&["run".as_ref(), file.as_os_str()], "TERM");
    // Its sleep would have ended with 0.
    assert_eq!(said, (String::new(), Some(137)));
}

/// A tree whose only program is busybox: its init starts a terminal's login and ends by its own commands.
fn busybox_tree(life: &Life) -> Option<std::path::PathBuf> {
    let tree = life.case.dir.path().join("tree");
    for dir in ["bin", "etc", "proc", "sys", "dev"] {
        std::fs::create_dir_all(tree.join(dir)).unwrap();
    }
    std::fs::copy("/bin/busybox", tree.join("bin/busybox")).ok()?;
    for name in ["init", "sh", "getty", "login", "poweroff", "reboot", "echo", "touch"] {
        std::os::unix::fs::symlink("busybox", tree.join("bin").join(name)).unwrap();
    }
    std::os::unix::fs::symlink("bin", tree.join("sbin")).unwrap();
    // Not by a word: getty throws away what was written before it, as far as nobody has read it yet.
    let inittab = "::sysinit:/bin/touch /came-up\nconsole::respawn:/bin/getty -L 0 console linux\n\
                   ::shutdown:/bin/echo the system goes down\n";
    std::fs::write(tree.join("etc/inittab"), inittab).unwrap();
    std::fs::write(tree.join("etc/passwd"), "root::0:0::/:/bin/sh\n").unwrap();
    std::fs::write(tree.join("etc/group"), "root:x:0:\n").unwrap();
    Some(tree)
}

#[test]
fn busybox_as_init_boots_to_its_login_prompt_and_is_shut_down() {
    if !root() {
        return;
    }
    let life = Life::new();
    let Some(tree) = busybox_tree(&life) else {
        eprintln!("skipped: needs /bin/busybox (package busybox-static)");
        return;
    };
    let file = life.case.file(&format!(
        "<domain type='lxc'><name>{}</name><memory unit='MiB'>64</memory>{IDMAP}<os><type>exe</type>\
         <init>/sbin/init</init></os><features><privnet/></features><on_reboot>restart</on_reboot><devices>\
         <filesystem type='mount'><source dir='{}'/><target dir='/'/></filesystem><console type='pty'/></devices></domain>",
        life.name(),
        tree.display()
    ));
    life.ok(&["define", file.to_str().unwrap()]);
    let started = life.run(&["start", life.name()]);
    if text(&started.stderr).contains("cannot be translated") {
        eprintln!("skipped: {}", text(&started.stderr));
        return;
    }
    let said = || life.ok(&["logs", life.name()]).replace('\r', "");
    let types = |line: &str| {
        let mut command = life.command(&["console", life.name()]);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
        std::io::Write::write_all(child.stdin.as_mut().unwrap(), line.as_bytes()).unwrap();
        child.wait_with_output().unwrap();
    };
    let prompt = format!("{} login:", life.name());
    let prompts = || said().matches(&prompt).count();
    for (restarts, verb) in [(0, "reboot"), (1, "poweroff")] {
        life.wait_for("the boot", || life.info()["restarts"] == restarts);
        // At least: a terminal on which nobody logs in for a minute asks again.
        life.wait_for("the login prompt", || prompts() > restarts);
        // login(1) throws away what was typed before it asks; to the shell the name is a word like any other.
        let before = said().matches("# ").count();
        life.wait_for("the shell's prompt", || {
            types("root\n");
            std::thread::sleep(Duration::from_millis(200));
            said().matches("# ").count() > before
        });
        types(&format!("{verb}\n"));
    }
    life.wait_for("its end", || life.state() == "shut off");
    assert!(tree.join("came-up").exists() && said().contains("the system goes down"), "{}", said());
    let info = life.info();
    assert_eq!((info["reason"].as_str(), info["restarts"].as_u64()), (Some("shutdown"), Some(1)), "{info}");
    let before = prompts();
    life.ok(&["start", life.name()]);
    life.wait_for("the login prompt", || prompts() > before);
    life.ok(&["shutdown", life.name()]);
    assert_eq!(life.state(), "shut off");
}
