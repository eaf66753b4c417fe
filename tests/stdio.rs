//! Standard input, output and error of `run`: what a container could open anew with more rights stays outside.
#![allow(unused_results, reason = "commands are built in steps")]

mod support;

use std::fs::{self, File, OpenOptions};
use std::io::{Read, Write};
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use nix::pty::openpty;
use nix::sys::signal::{Signal, kill};
use nix::sys::stat::Mode;
use nix::unistd::{Pid, mkfifo};
use rstest::rstest;
use support::life::{Life, PATIENCE};
use support::{BROWNDOG, Case, root, text};

/// `run` of a document whose init is this script.
fn command(case: &Case, script: &str) -> Command {
    let mut command = Command::new(BROWNDOG);
    command.arg("run").arg(case.script(&script.replace('&', "&amp;").replace('<', "&lt;")));
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

fn said(output: &Output) -> String {
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    text(&output.stdout)
}

fn ends(child: &mut Child) -> Option<i32> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(status) = child.try_wait().unwrap() {
            return status.code();
        }
        if Instant::now() > deadline {
            child.kill().unwrap();
            panic!("it does not end");
        }
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// What a caller may have as its standard input.
enum Given {
    ReadOnlyFile,
    File,
    Directory,
    Fifo,
    Terminal,
    Memory,
    Pipe,
    Socket,
    Null,
    Zero,
}

impl Given {
    fn open(&self, dir: &Path) -> OwnedFd {
        let path = dir.join("given");
        let both = |path: &Path| OpenOptions::new().read(true).write(true).open(path).unwrap().into();
        match self {
            Self::ReadOnlyFile => {
                fs::write(&path, "whole\n").unwrap();
                File::open(&path).unwrap().into()
            }
            Self::File => {
                fs::write(&path, "whole\n").unwrap();
                both(&path)
            }
            Self::Directory => File::open(dir).unwrap().into(),
            Self::Fifo => {
                mkfifo(&path, Mode::S_IRWXU).unwrap();
                both(&path)
            }
            Self::Terminal => openpty(None, None).unwrap().slave,
            Self::Memory => {
                nix::sys::memfd::memfd_create(c"given", nix::sys::memfd::MFdFlags::empty()).unwrap()
            }
            Self::Pipe => nix::unistd::pipe().unwrap().0,
            Self::Socket => UnixStream::pair().unwrap().0.into(),
            Self::Null => both(Path::new("/dev/null")),
            Self::Zero => both(Path::new("/dev/zero")),
        }
    }
}

#[rstest]
#[case::file(Given::ReadOnlyFile, false)]
#[case::file_for_both(Given::File, false)]
#[case::directory(Given::Directory, false)]
#[case::fifo(Given::Fifo, false)]
#[case::terminal(Given::Terminal, false)]
#[case::memory(Given::Memory, false)]
#[case::pipe(Given::Pipe, true)]
#[case::socket(Given::Socket, true)]
#[case::null(Given::Null, true)]
#[case::zero(Given::Zero, true)]
fn what_can_be_opened_anew_with_more_rights_is_a_pipe_inside(#[case] given: Given, #[case] passes: bool) {
    if !root() {
        return;
    }
    for fd in 0..3 {
        let case = Case::new();
        let file = given.open(case.dir.path());
        let outside = fs::read_link(format!("/proc/self/fd/{}", file.as_raw_fd())).unwrap();
        let side = Stdio::from(file.try_clone().unwrap());
        // The answer goes by another descriptor than the one that is looked at.
        let (answer, to) = if fd == 1 { ("error", 2) } else { ("output", 1) };
        let mut command = command(&case, &format!("(readlink /proc/1/fd/{fd} >&{to}); true"));
        match fd {
            0 => command.stdin(side),
            1 => command.stdout(side),
            _ => command.stderr(side),
        };
        let output = command.output().unwrap();
        let inside = text(if answer == "error" { &output.stderr } else { &output.stdout });
        let inside = PathBuf::from(inside.trim_end());
        if passes {
            assert_eq!(inside, outside, "{fd}");
        } else {
            assert!(inside.to_string_lossy().starts_with("pipe:"), "{fd} is {}", inside.display());
        }
    }
}

#[test]
fn a_file_that_is_open_to_be_read_cannot_be_written() {
    if !root() {
        return;
    }
    let case = Case::new();
    let path = case.dir.path().join("given");
    fs::write(&path, "whole\n").unwrap();
    let mut command =
        command(&case, "exec 9<>/proc/self/fd/0; echo broken >&9; chmod 777 /proc/self/fd/0; true");
    command.stdin(File::open(&path).unwrap()).output().unwrap();
    assert_eq!(fs::read_to_string(&path).unwrap(), "whole\n");
    let mode = std::os::unix::fs::PermissionsExt::mode(&fs::metadata(&path).unwrap().permissions());
    assert_eq!(mode & 0o777, 0o600 | mode & 0o044);
}

/// As in `run a.xml < /dev/null | tee log` at a terminal: standard error is where the user types.
#[test]
fn what_is_typed_at_the_terminal_of_standard_error_is_not_the_containers_to_read() {
    if !root() {
        return;
    }
    let (case, pair) = (Case::new(), openpty(None, None).unwrap());
    let script = "stty -echo <&2 && echo changed; (head -1 <&2; echo came) & sleep 1; kill $!; echo END";
    let mut command = command(&case, script);
    let mut child = command.stderr(Stdio::from(pair.slave.try_clone().unwrap())).spawn().unwrap();
    File::from(pair.master.try_clone().unwrap()).write_all(b"secret\n").unwrap();
    let mut output = String::new();
    child.stdout.take().unwrap().read_to_string(&mut output).unwrap();
    assert_eq!(ends(&mut child), Some(0));
    assert!(!output.contains("secret") && !output.contains("changed"), "{output}");
}

#[test]
fn bytes_pass_whole_and_in_order_between_files() {
    if !root() {
        return;
    }
    let case = Case::new();
    let (from, to) = (case.dir.path().join("from"), case.dir.path().join("to"));
    let bytes: Vec<u8> = (0..1_000_000_u32).map(|n| (n * 7 / 3) as u8).collect();
    fs::write(&from, &bytes).unwrap();
    let mut cat = command(&case, "cat");
    cat.stdin(File::open(&from).unwrap()).stdout(File::create(&to).unwrap());
    assert_eq!(cat.status().unwrap().code(), Some(0));
    assert!(fs::read(&to).unwrap() == bytes);
    // One file as both is written to in the order in which the container wrote.
    let both = OpenOptions::new().append(true).open(&to).unwrap();
    both.set_len(0).unwrap();
    let mut turns = command(&case, "for n in 1 2 3 4 5; do echo o$n; echo e$n >&2; done");
    turns.stdout(both.try_clone().unwrap()).stderr(both);
    assert_eq!(turns.status().unwrap().code(), Some(0));
    assert_eq!(fs::read_to_string(&to).unwrap(), "o1\ne1\no2\ne2\no3\ne3\no4\ne4\no5\ne5\n");
}

#[rstest]
#[case::nothing("true", "one\ntwo\nthree\n")]
#[case::a_line("read -r line", "two\nthree\n")]
#[case::everything("cat", "")]
fn what_the_container_has_not_read_of_a_file_is_still_the_callers(#[case] script: &str, #[case] rest: &str) {
    if !root() {
        return;
    }
    let case = Case::new();
    let path = case.dir.path().join("list");
    fs::write(&path, "one\ntwo\nthree\n").unwrap();
    let mut list = File::open(&path).unwrap();
    let mut command = command(&case, script);
    assert_eq!(command.stdin(list.try_clone().unwrap()).output().unwrap().status.code(), Some(0));
    let mut left = String::new();
    list.read_to_string(&mut left).unwrap();
    assert_eq!(left, rest);
}

#[test]
fn pass_stdio_passes_everything() {
    if !root() {
        return;
    }
    let case = Case::new();
    let path = case.dir.path().join("given");
    fs::write(&path, "whole\n").unwrap();
    let file = case.script("readlink /proc/self/fd/0");
    let mut command = Command::new(BROWNDOG);
    command.args(["run", "--pass-stdio"]).arg(file).stdin(File::open(&path).unwrap());
    assert_eq!(said(&command.output().unwrap()).trim_end(), path.display().to_string());
}

/// A shell that has its commands from a pipe would execute what a container writes into it.
#[test]
fn an_input_that_the_calling_process_reads_from_too_is_noted() {
    if !root() {
        return;
    }
    let case = Case::new();
    let file = case.script("true");
    let mut shell = Command::new("sh");
    shell.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut shell = shell.spawn().unwrap();
    let commands = format!("{BROWNDOG} run {}; :\n", file.display());
    shell.stdin.take().unwrap().write_all(commands.as_bytes()).unwrap();
    let noted = text(&shell.wait_with_output().unwrap().stderr);
    assert!(noted.contains("standard input is a pipe that the calling process reads from too"), "{noted}");
}

/// Nobody reads what the container writes: it waits, and everybody else is heard.
#[rstest]
#[case::run(false)]
#[case::exec(true)]
fn a_relay_whose_reader_rests_hears_signals(#[case] exec: bool) {
    if !root() {
        return;
    }
    let (case, life) = (Case::new(), Life::new());
    let script = "cat /dev/zero";
    // A FIFO is relayed, and nobody reads from this one.
    let path = case.dir.path().join("fifo");
    mkfifo(&path, Mode::S_IRWXU).unwrap();
    let fifo = OpenOptions::new().read(true).write(true).open(&path).unwrap();
    let mut command = command(&case, script);
    if exec {
        life.define("sleep 600");
        life.ok(&["start", life.name()]);
        command = life.command(&["exec", life.name(), "--", "sh", "-c", script]);
    }
    let mut child = command.stdin(Stdio::piped()).stdout(fifo).stderr(Stdio::null()).spawn().unwrap();
    // More input than anybody takes.
    let mut input = child.stdin.take().unwrap();
    let feeder = std::thread::spawn(move || input.write_all(&vec![0; 1 << 20]).is_err());
    std::thread::sleep(Duration::from_millis(700));
    for _ in 0..3 {
        if child.try_wait().unwrap().is_none() {
            kill(Pid::from_raw(child.id().cast_signed()), Signal::SIGTERM).unwrap();
            std::thread::sleep(Duration::from_millis(200));
        }
    }
    assert!(matches!(ends(&mut child), Some(137 | 143)));
    assert!(feeder.join().unwrap(), "nobody has read all of it");
}

#[test]
fn an_output_that_takes_no_more_is_said_and_the_container_learns_of_it() {
    if !root() {
        return;
    }
    if !Path::new("/dev/full").exists() {
        eprintln!("skipped: there is no /dev/full");
        return;
    }
    let case = Case::new();
    let to = File::create(case.dir.path().join("to")).unwrap();
    // A hundred blocks of 512 bytes are less than it writes.
    let file = case.script("head -c 1000000 /dev/zero; echo $? &gt;&amp;2");
    let mut shell = Command::new("sh");
    shell.arg("-c").arg(format!("ulimit -f 100; exec {BROWNDOG} run {}", file.display()));
    let output = shell.stdin(Stdio::null()).stdout(to).stderr(Stdio::piped()).output().unwrap();
    let noted = text(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{noted}");
    assert!(noted.contains("standard output took no more"), "{noted}");
    assert!(!noted.contains("\n0\n"), "head has failed: {noted}");
}

/// What would be killed by the caller's limits is the monitor, and with it the domain.
#[test]
fn limits_of_the_caller_are_not_the_monitors() {
    if !root() {
        return;
    }
    let life = Life::new();
    life.define("head -c 400000 /dev/zero | tr '\\000' x; echo; ulimit -f; echo SAID; sleep 600");
    let mut shell = Command::new("sh");
    let start =
        format!("ulimit -f 200; exec {BROWNDOG} --root {} start {}", life.root().display(), life.name());
    let output = shell.arg("-c").arg(start).stdin(Stdio::null()).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    // Either lifted, or said, and then the log ends early; nobody is killed in any case.
    let limits = fs::read_to_string(format!("/proc/{}/limits", life.monitor())).unwrap();
    let lifted = limits.lines().any(|line| line.starts_with("Max file size") && line.contains("unlimited"));
    if lifted {
        life.wait_for_words("SAID");
        assert!(life.ok(&["logs", life.name()]).contains("\n200"), "the container has the caller's limit");
    } else {
        let said = text(&output.stderr) + &text(&output.stdout);
        assert!(said.contains("hard limit of 102400 bytes a file"), "{said}");
        std::thread::sleep(Duration::from_secs(1));
    }
    assert_eq!(life.state(), "running");
}

/// A container on the host's tree may connect to every socket that it can name.
#[test]
fn monitors_are_out_of_reach_where_the_container_has_the_hosts_tree() {
    if !root() {
        return;
    }
    let (case, life) = (Case::new(), Life::new());
    life.define("sleep 600");
    life.ok(&["start", life.name()]);
    let run = life.root().join("run");
    assert!(fs::read_dir(&run).unwrap().count() > 0);
    let file = case.script(&format!("ls -A {}; echo END", run.display()));
    let mut command = Command::new(BROWNDOG);
    command.arg("--root").arg(life.root()).arg("run").arg(&file).stdin(Stdio::null());
    let output = command.output().unwrap();
    assert_eq!(said(&output), "END\n");
    let plan = Command::new(BROWNDOG).arg("plan").arg(&file).output().unwrap();
    assert!(said(&plan).contains("can be reached by their sockets"), "{}", said(&plan));
    // Root of a container with an id map is nobody there.
    let map =
        "<idmap><uid start='0' target='700000' count='9'/><gid start='0' target='700000' count='9'/></idmap>";
    let mapped = fs::read_to_string(&file).unwrap().replace("<os>", &format!("{map}<os>"));
    fs::write(&file, mapped.replace("; echo END", " || echo END")).unwrap();
    let mut command = Command::new(BROWNDOG);
    command.arg("--root").arg(life.root()).arg("run").arg(&file).stdin(Stdio::null());
    assert_eq!(said(&command.output().unwrap()), "END\n");
    // Also where a part of it is mounted elsewhere.
    let tree = format!(
        "<filesystem type='mount'><source dir='{}'/><target dir='/mnt'/></filesystem>",
        life.root().display()
    );
    let shell = "<init>/bin/sh</init><initarg>-c</initarg><initarg>ls -A /mnt/run; echo END</initarg>";
    let file = case.domain(shell, &tree);
    let mut command = Command::new(BROWNDOG);
    command.arg("--root").arg(life.root()).arg("run").arg(&file).stdin(Stdio::null());
    assert_eq!(said(&command.output().unwrap()), "END\n");
}

/// Whatever it writes, and however: `yes` fills its terminal as fast as it is emptied.
#[test]
fn a_container_cannot_make_its_monitor_work_all_the_time() {
    if !root() {
        return;
    }
    let life = Life::new();
    life.define("yes &amp; exec yes");
    life.ok(&["start", life.name()]);
    // Reads so far: proc_pid_io(5).
    let reads = || {
        let io = fs::read_to_string(format!("/proc/{}/io", life.monitor())).unwrap();
        io.lines().find_map(|line| line.strip_prefix("syscr: ")).unwrap().parse::<u64>().unwrap()
    };
    std::thread::sleep(Duration::from_millis(300));
    let (begun, before) = (Instant::now(), reads());
    std::thread::sleep(Duration::from_secs(1));
    let came = reads() - before;
    let most = 16 * (u64::try_from(begun.elapsed().as_millis()).unwrap() / 10 + 2);
    assert!(came > 100 && came <= most, "{came} reads, at most {most}");
}
