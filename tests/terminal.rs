//! The console: a terminal of the container's own, relayed without loss, without spinning, and left as it
//! was found.
#![allow(unused_results, reason = "commands are built in steps")]

mod support;

use std::io::{Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use nix::pty::{Winsize, openpty};
use nix::sys::signal::{Signal, kill};
use nix::sys::termios::{LocalFlags, tcgetattr};
use nix::unistd::Pid;
use rstest::rstest;
use support::life::{Life, PATIENCE};
use support::{BROWNDOG, Case, root, text};

const SIZE: Winsize = Winsize { ws_row: 33, ws_col: 77, ws_xpixel: 0, ws_ypixel: 0 };

/// A terminal as a user has one: what is written to `screen` was typed, what is read from it was shown.
struct Terminal {
    screen: std::fs::File,
    line: OwnedFd,
}

impl Terminal {
    fn new() -> Self {
        let pair = openpty(&SIZE, None).unwrap();
        Self { screen: pair.master.into(), line: pair.slave }
    }

    fn side(&self) -> Stdio {
        self.line.try_clone().unwrap().into()
    }

    /// Reads until `wanted` is on the screen; what is there.
    fn until(&mut self, wanted: &str) -> String {
        self.until_all(&[wanted])
    }

    /// Until all of these are.
    fn until_all(&mut self, wanted: &[&str]) -> String {
        let mut shown = Vec::new();
        let deadline = Instant::now() + PATIENCE;
        while !wanted.iter().all(|word| text(&shown).contains(word)) {
            assert!(Instant::now() < deadline, "{wanted:?} is not in {:?}", text(&shown));
            let mut ready = [nix::poll::PollFd::new(self.screen.as_fd(), nix::poll::PollFlags::POLLIN)];
            if nix::poll::poll(&mut ready, 100_u16).unwrap() > 0 {
                let mut bytes = [0; 4096];
                let count = self.screen.read(&mut bytes).unwrap();
                shown.extend_from_slice(&bytes[..count]);
            }
        }
        text(&shown)
    }

    /// Line editing, echo and signals are on: the mode of a terminal that nobody has made raw.
    fn is_cooked(&self) -> bool {
        let flags = tcgetattr(&self.line).unwrap().local_flags;
        flags.contains(LocalFlags::ICANON | LocalFlags::ECHO | LocalFlags::ISIG)
    }
}

fn on_terminal(case: &Case, terminal: &Terminal, os: &str, devices: &str) -> Child {
    let file = case.domain(os, devices);
    let mut command = Command::new(BROWNDOG);
    command.arg("run").arg(file).stdin(terminal.side()).stdout(terminal.side()).stderr(terminal.side());
    command.spawn().unwrap()
}

fn shell(script: &str) -> String {
    format!("<init>/bin/sh</init><initarg>-c</initarg><initarg>{script}</initarg>")
}

fn wait(child: &mut Child) -> Option<i32> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(status) = child.try_wait().unwrap() {
            return status.code();
        }
        assert!(Instant::now() < deadline, "it does not end");
        std::thread::sleep(Duration::from_millis(10));
    }
}

fn signal(child: &Child, signal: Signal) {
    kill(Pid::from_raw(child.id().cast_signed()), signal).unwrap();
}

/// Processor time in clock ticks (proc_pid_stat(5), fields 14 and 15).
fn ticks(child: &Child) -> u64 {
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", child.id())).unwrap();
    let fields = stat.rsplit_once(')').unwrap().1;
    fields.split_ascii_whitespace().skip(11).take(2).map(|ticks| ticks.parse::<u64>().unwrap()).sum()
}

#[test]
fn the_init_has_a_controlling_terminal_with_a_name_and_the_callers_size() {
    if !root() {
        return;
    }
    let (case, mut terminal) = (Case::new(), Terminal::new());
    let script = "readlink /proc/self/fd/0; stty size; echo controlling > /dev/tty; \
                  echo by name > /dev/console; echo first > /dev/tty1; ls /dev/pts; echo END";
    let mut child = on_terminal(&case, &terminal, &shell(script), "");
    let shown = terminal.until("END\r\n");
    for line in ["/dev/pts/0", "33 77", "controlling", "by name", "first"] {
        assert!(shown.lines().any(|shown| shown == line), "{line}: {shown}");
    }
    assert!(shown.contains("0\r\nptmx\r\nEND") || shown.contains("0  ptmx\r\nEND"), "no other: {shown}");
    assert_eq!(wait(&mut child), Some(0));
    assert!(terminal.is_cooked());
}

#[test]
fn a_new_size_of_the_window_is_the_consoles_and_told_to_the_init() {
    if !root() {
        return;
    }
    let (case, mut terminal) = (Case::new(), Terminal::new());
    let script = "trap 'stty size; exit 4' WINCH; echo READY; while :; do sleep 0.05; done";
    let mut child = on_terminal(&case, &terminal, &shell(script), "");
    terminal.until("READY");
    let resize = Command::new("stty").args(["rows", "12", "cols", "34"]).stdin(terminal.side()).status();
    assert!(resize.unwrap().success());
    // Its terminal is not its controlling one here, so the kernel does not tell it.
    signal(&child, Signal::SIGWINCH);
    terminal.until("12 34");
    assert_eq!(wait(&mut child), Some(4));
}

#[test]
fn a_new_size_of_the_window_reaches_a_domain_in_the_background_by_its_console() {
    if !root() {
        return;
    }
    let (life, mut terminal) = (Life::new(), Terminal::new());
    life.define("trap 'stty size' WINCH; echo READY; while :; do sleep 0.05; done");
    life.ok(&["start", life.name()]);
    // Else the first size would be told to a shell that has no handler yet.
    life.wait_for_words("READY");
    let mut command = life.command(&["console", life.name()]);
    command.stdin(terminal.side()).stdout(terminal.side()).stderr(terminal.side());
    let mut child = command.spawn().unwrap();
    terminal.until("33 77");
    let resize = Command::new("stty").args(["rows", "12", "cols", "34"]).stdin(terminal.side()).status();
    assert!(resize.unwrap().success());
    signal(&child, Signal::SIGWINCH);
    terminal.until("12 34");
    terminal.screen.write_all(b"\x1d").unwrap();
    assert_eq!(wait(&mut child), Some(0));
    assert!(terminal.is_cooked());
    assert_eq!(life.state(), "running");
}

#[test]
fn top_shows_the_domains_until_a_key_ends_it() {
    if !root() {
        return;
    }
    let (life, mut terminal) = (Life::new(), Terminal::new());
    life.define("while :; do sleep 1; done");
    life.ok(&["start", life.name()]);
    let mut command = life.command(&["top"]);
    command.stdin(terminal.side()).stdout(terminal.side()).stderr(terminal.side());
    let mut child = command.spawn().unwrap();
    terminal.until_all(&[life.name(), "1 running, q to leave", "64"]);
    assert!(!terminal.is_cooked());
    terminal.screen.write_all(b"q").unwrap();
    assert_eq!(wait(&mut child), Some(0));
    assert!(terminal.is_cooked());
}

#[test]
fn what_is_typed_arrives_and_what_ends_lines_of_the_terminal_is_not_the_launchers() {
    if !root() {
        return;
    }
    let (case, mut terminal) = (Case::new(), Terminal::new());
    let script = "trap 'echo interrupted; exit 9' INT; echo READY; read line; echo got $line; \
                  echo AGAIN; while :; do sleep 0.05; done";
    let mut child = on_terminal(&case, &terminal, &shell(script), "");
    terminal.until("READY");
    terminal.screen.write_all(b"hello\r").unwrap();
    terminal.until("AGAIN");
    // ^C goes through the raw terminal to the container's, which makes the signal of it.
    terminal.screen.write_all(b"\x03").unwrap();
    terminal.until("interrupted");
    assert_eq!(wait(&mut child), Some(9));
}

#[rstest]
#[case::exits("exit 3", None, 3)]
#[case::is_killed("echo READY; exec sleep 600", Some(Signal::SIGTERM), 137)]
#[case::is_asked("sleep 600 &amp; echo READY; wait; exit 5", Some(Signal::SIGTERM), 5)]
#[case::is_interrupted("echo READY; while :; do sleep 0.05; done", Some(Signal::SIGINT), 130)]
fn the_callers_terminal_is_as_before_however_the_container_ends(
    #[case] script: &str,
    #[case] by: Option<Signal>,
    #[case] status: i32,
) {
    if !root() {
        return;
    }
    let (case, mut terminal) = (Case::new(), Terminal::new());
    let mut child = on_terminal(&case, &terminal, &shell(script), "");
    if let Some(by) = by {
        terminal.until("READY");
        assert!(!terminal.is_cooked());
        signal(&child, by);
    }
    assert_eq!(wait(&mut child), Some(status));
    assert!(terminal.is_cooked());
}

/// Standard input of the launcher.
fn nothing() -> Stdio {
    Stdio::null()
}

fn closed() -> Stdio {
    let (read, write) = std::io::pipe().unwrap();
    drop(write);
    read.into()
}

#[rstest]
#[case::without(false)]
#[case::with_a_terminal(true)]
fn a_mebibyte_written_just_before_the_end_arrives_whole(
    #[case] tty: bool,
    #[values(nothing, closed)] input: fn() -> Stdio,
) {
    if !root() {
        return;
    }
    let case = Case::new();
    let file = case.script("head -c 1048576 /dev/zero | tr '\\000' x; exit 6");
    let mut command = Command::new(BROWNDOG);
    command.arg("run").args(tty.then_some("--tty")).arg(file).stdin(input());
    let output = command.output().unwrap();
    assert_eq!(output.status.code(), Some(6), "{}", text(&output.stderr));
    assert_eq!(output.stdout.len(), 1 << 20);
}

#[test]
fn a_pipeline_talks_to_a_terminal_and_its_end_is_the_end_of_input() {
    if !root() {
        return;
    }
    let case = Case::new();
    let file = case.script("stty -echo; echo READY; cat; tty");
    let mut command = Command::new(BROWNDOG);
    command.args(["run", "--tty"]).arg(file).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut output = child.stdout.take().unwrap();
    let mut ready = [0; 7];
    output.read_exact(&mut ready).unwrap();
    child.stdin.take().unwrap().write_all(b"one\ntwo\n").unwrap();
    let mut rest = String::new();
    output.read_to_string(&mut rest).unwrap();
    assert_eq!(rest, "one\r\ntwo\r\n/dev/pts/0\r\n");
    assert_eq!(wait(&mut child), Some(0));
}

#[test]
fn without_a_terminal_the_init_has_the_callers_pipes() {
    if !root() {
        return;
    }
    let case = Case::new();
    let file = case
        .script("cat; test -t 1 || echo no terminal; echo wrong >&amp;2; test -e /dev/console || echo none");
    let mut command = Command::new(BROWNDOG);
    command.arg("run").arg(file).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(b"in\0\xff\n").unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.stdout, b"in\0\xff\nno terminal\nnone\n");
    assert!(text(&output.stderr).ends_with("wrong\n"));
}

#[rstest]
#[case::nobody_reads("exec yes")]
#[case::nobody_has_it_open("exec sleep 600 &lt;/dev/null >/dev/null 2>&amp;1")]
fn a_console_that_nothing_passes_through_costs_no_processor_time(#[case] script: &str) {
    if !root() {
        return;
    }
    let case = Case::new();
    let file = case.script(script);
    let mut command = Command::new(BROWNDOG);
    command.args(["run", "--tty"]).arg(file).stdin(Stdio::null()).stdout(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let deadline = Instant::now() + PATIENCE;
    while case.cgroups().is_empty() && Instant::now() < deadline {
        std::thread::sleep(Duration::from_millis(20));
    }
    // The start, and what fills the pipes, is over once it rests; a busy machine may take long for it.
    let spent_in = |time| {
        let before = ticks(&child);
        std::thread::sleep(time);
        ticks(&child) - before
    };
    std::thread::sleep(Duration::from_millis(700));
    while spent_in(Duration::from_millis(500)) > 5 && Instant::now() < deadline {}
    let spent = spent_in(Duration::from_millis(1500));
    signal(&child, Signal::SIGTERM);
    // What has been written is passed on first, so somebody has to want it, or to say that nobody does.
    signal(&child, Signal::SIGTERM);
    drop(child.stdout.take());
    assert_eq!(wait(&mut child), Some(137));
    assert!(spent < 30, "{spent} ticks of 150");
}

#[test]
fn every_console_is_a_terminal_with_the_names_libvirt_promises() {
    if !root() {
        return;
    }
    let (case, mut terminal) = (Case::new(), Terminal::new());
    let script = "echo [$container_ttys]; for n in 1 2 3; do readlink /dev/tty$n; \
                  echo to $n > /dev/tty$n || echo cannot $n; done; echo END";
    let more = "<console type='pty'/><console type='pty'/>";
    let mut child = on_terminal(&case, &terminal, &shell(script), more);
    let shown = terminal.until("END\r\n");
    assert!(shown.contains("[pts/1 pts/2]"), "{shown}");
    for name in ["pts/0", "pts/1", "pts/2", "to 1"] {
        assert!(shown.lines().any(|line| line == name), "{name}: {shown}");
    }
    assert!(!shown.contains("cannot") && !shown.contains("to 2\r"), "{shown}");
    assert_eq!(wait(&mut child), Some(0));
}

#[test]
fn the_terminal_is_the_users_who_gets_it_also_under_an_idmap() {
    if !root() {
        return;
    }
    let (case, mut terminal) = (Case::new(), Terminal::new());
    let script = "stat -c 'owner %u %g' /dev/console; (: &lt;/dev/pts/0) &amp;&amp; echo opened; echo END";
    let user = format!("{}<inituser>+33</inituser><initgroup>+33</initgroup>", shell(script));
    let mut child = on_terminal(&case, &terminal, &user, "");
    let shown = terminal.until("END\r\n");
    assert!(shown.contains("owner 33 5\r\nopened"), "{shown}");
    assert_eq!(wait(&mut child), Some(0));
    let file = case.domain(&shell(script), "");
    let xml = std::fs::read_to_string(&file).unwrap();
    let map = "<idmap><uid start='0' target='100000' count='65536'/><gid start='0' target='100000' count='65536'/></idmap>";
    std::fs::write(&file, xml.replace("<os>", &format!("{map}<os>"))).unwrap();
    let mut command = Command::new(BROWNDOG);
    command.arg("run").arg(file).stdin(terminal.side()).stdout(terminal.side()).stderr(terminal.side());
    let mut child = command.spawn().unwrap();
    let shown = terminal.until("END\r\n");
    assert!(shown.contains("owner 0 5\r\nopened"), "{shown}");
    assert_eq!(wait(&mut child), Some(0));
}

/// A document of the RFC whose console is on `tty`.
fn rfc(case: &Case, tty: &str, script: &str) -> std::path::PathBuf {
    let file = case.dir.path().join("init.sh");
    support::install_script(&file, &format!("#!/bin/sh\n{script}\n"));
    case.file(&format!(
        "<domain type='linuxcontainer'><name>{}</name><application>{}</application>\
         <console tty='{tty}'/></domain>",
        case.name,
        file.display()
    ))
}

#[test]
fn the_terminal_that_the_rfc_names_is_the_other_end_of_the_console() {
    if !root() {
        return;
    }
    let (case, mut terminal) = (Case::new(), Terminal::new());
    let name = nix::unistd::ttyname(&terminal.line).unwrap();
    let file = rfc(&case, &name.to_string_lossy(), "tty; read line; echo got $line");
    let mut command = Command::new(BROWNDOG);
    command.arg("run").arg(file).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let mut child = command.spawn().unwrap();
    terminal.until("/dev/pts/0");
    terminal.screen.write_all(b"typed\r").unwrap();
    terminal.until("got typed");
    assert_eq!(wait(&mut child), Some(0));
    assert!(terminal.is_cooked());
}

#[test]
fn what_is_no_terminal_is_said_not_to_be_used() {
    if !root() {
        return;
    }
    let case = Case::new();
    for (tty, reason) in [("/dev/null", "it is no terminal"), ("/dev/pts/987654", "ENOENT")] {
        let output = support::run(&rfc(&case, tty, "echo here"));
        assert_eq!(text(&output.stdout), "here\n");
        assert!(text(&output.stderr).contains(reason), "{}", text(&output.stderr));
    }
}

/// Opening is what arms a watchdog and rewinds a tape.
#[test]
fn what_is_no_terminal_is_not_opened() {
    use nix::sys::inotify::{AddWatchFlags, InitFlags, Inotify};
    if !root() {
        return;
    }
    let case = Case::new();
    let path = case.dir.path().join("file");
    std::fs::write(&path, "").unwrap();
    let watch = Inotify::init(InitFlags::IN_NONBLOCK).unwrap();
    watch.add_watch(&path, AddWatchFlags::IN_OPEN).unwrap();
    let output = support::run(&rfc(&case, &path.display().to_string(), "echo here"));
    assert!(text(&output.stderr).contains("it is no terminal"), "{}", text(&output.stderr));
    assert_eq!(watch.read_events().map(|events| events.len()), Err(nix::errno::Errno::EAGAIN));
}

#[test]
fn the_key_that_leaves_is_pressed_three_times_and_less_goes_to_the_program() {
    if !root() {
        return;
    }
    let (case, mut terminal) = (Case::new(), Terminal::new());
    // Deaf to every key and every signal that can be ignored.
    let script = "trap '' INT QUIT TERM HUP; stty raw -echo; echo READY; head -c 2 | od -An -tx1; \
                  while :; do sleep 0.05; done";
    let mut child = on_terminal(&case, &terminal, &shell(script), "");
    terminal.until("READY");
    terminal.screen.write_all(b"\x1d\x1d").unwrap();
    terminal.until("1d 1d");
    terminal.screen.write_all(b"x\x1d\x1d\x1d").unwrap();
    assert_eq!(wait(&mut child), Some(137));
    assert!(terminal.is_cooked());
    assert_eq!(case.cgroups(), [] as [&std::path::Path; 0]);
}

/// A shell with job control: `browndog run … &`. Its terminal is its own, and the command's group is another.
#[rstest]
#[case::run("run", "", 0)]
#[case::run_with_a_terminal("run --tty", "", 0)]
#[case::exec("", "exec", 0)]
#[case::exec_with_a_terminal("", "exec --tty", 0)]
fn in_the_background_of_a_shell_nothing_is_stopped(
    #[case] run: &str,
    #[case] exec: &str,
    #[case] status: i32,
) {
    if !root() {
        return;
    }
    let (case, life, terminal) = (Case::new(), Life::new(), Terminal::new());
    let command = if run.is_empty() {
        life.define("sleep 600");
        life.ok(&["start", life.name()]);
        format!("--root {} {exec} {} -- sh -c 'cat; echo DONE'", life.root().display(), life.name())
    } else {
        format!("{run} {}", case.script("cat; echo DONE").display())
    };
    let script = format!("set -m; {BROWNDOG} {command} & wait $!; echo \"status $?\"; jobs");
    let mut shell = Command::new("setsid");
    shell.args(["--ctty", "--wait", "bash", "-c", &script]);
    shell.stdin(terminal.side()).stdout(terminal.side()).stderr(terminal.side());
    let (mut terminal, mut child) = (terminal, shell.spawn().unwrap());
    let shown = terminal.until(&format!("status {status}"));
    assert!(shown.contains("DONE") && shown.contains("in the background of this terminal"), "{shown}");
    assert!(!shown.contains("Stopped"), "{shown}");
    assert_eq!(wait(&mut child), Some(0));
    assert!(terminal.is_cooked());
}

/// nohup ignores SIGHUP, a shell without job control SIGINT and SIGQUIT for what it starts with `&`.
#[rstest]
#[case::hang_up("HUP", Signal::SIGHUP)]
#[case::interrupt("INT", Signal::SIGINT)]
#[case::quit("QUIT", Signal::SIGQUIT)]
#[case::terminate("TERM", Signal::SIGTERM)]
fn a_signal_that_is_ignored_at_the_start_stays_ignored_and_is_not_passed_on(
    #[case] name: &str,
    #[case] ignored: Signal,
    #[values(false, true)] exec: bool,
) {
    if !root() {
        return;
    }
    let (case, life) = (Case::new(), Life::new());
    let script = format!("trap 'echo came; exit 9' {name}; echo READY; sleep 1 & wait; sleep 0.5; echo END");
    let arguments = if exec {
        life.define("sleep 600");
        life.ok(&["start", life.name()]);
        format!("--root {} exec {} -- sh -c \"{script}\"", life.root().display(), life.name())
    } else {
        format!("run {}", case.script(&script.replace('&', "&amp;")).display())
    };
    let mut shell = Command::new("sh");
    shell.arg("-c").arg(format!("trap '' {name}; exec {BROWNDOG} {arguments}"));
    let mut child = shell.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().unwrap();
    let mut output = child.stdout.take().unwrap();
    let mut ready = [0; 6];
    output.read_exact(&mut ready).unwrap();
    for _ in 0..3 {
        signal(&child, ignored);
    }
    let mut rest = String::new();
    output.read_to_string(&mut rest).unwrap();
    assert_eq!((rest.as_str(), wait(&mut child)), ("END\n", Some(0)));
}

/// The kernel keeps `kernel.pty.reserve` terminals for instances of the host's own mount namespace.
#[test]
fn a_container_has_its_own_bound_of_terminals_and_not_the_hosts_reserve() {
    if !root() {
        return;
    }
    if Command::new("python3").arg("-c").arg("pass").status().is_err() {
        eprintln!("skipped: there is no python3 to open terminals with");
        return;
    }
    let (case, mut terminal) = (Case::new(), Terminal::new());
    let program = "import os,resource,sys
hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
held = []
try:
    while True: held.append(os.open('/dev/ptmx', os.O_RDWR | os.O_NOCTTY))
except OSError as error: print('OPENED', len(held) + 1, error.errno)
";
    let path = case.dir.path().join("program.py");
    std::fs::write(&path, program).unwrap();
    let script = format!("grep -w devpts /proc/mounts; python3 {}", path.display());
    let mut child = on_terminal(&case, &terminal, &shell(&script), "");
    let shown = terminal.until_all(&["OPENED", "28\r\n"]);
    // Its console is one of them. ENOSPC, unless others have more of this machine's open than it leaves.
    assert!(shown.contains("max=1024") && shown.contains("OPENED 1024 28"), "{shown}");
    assert_eq!(wait(&mut child), Some(0));
}
