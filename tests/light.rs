//! What a start of the released program takes beside time: page faults and memory, and what it asks the processor.
//! `BROWNDOG_COUNTED` names that program.

use std::path::{Path, PathBuf};
use std::process::Command;

use nix::libc;
use nix::sys::ptrace::{self, Event, Options};
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;
use serde_json::Value;

/// Page faults beyond those of the floor: 82 with what a start uses lying all over the program.
const FAULTS: u64 = 100;

/// KiB of memory, most of them pages of the program.
const PEAK: u64 = 5120;

/// A start of `program` beside the floor, weighed.
fn weighed(program: &Path) -> Value {
    let few = ["--rounds", "1", "--starts", "1", "--warmup", "3", "--only", "floor,browndog"];
    let output = Command::new(program)
        .args(["bench", "start", "--format", "json"])
        .args(few)
        .output()
        .expect("the program can be executed");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{said}");
    serde_json::from_slice(&output.stdout).expect("it prints JSON")
}

#[test]
fn a_start_is_light() {
    let Some(program) = std::env::var_os("BROWNDOG_COUNTED").map(PathBuf::from) else {
        eprintln!("skipped: BROWNDOG_COUNTED names no release build whose memory can be weighed");
        return;
    };
    if !nix::unistd::geteuid().is_root() {
        eprintln!("skipped: a start is weighed as root only");
        return;
    }
    let report = weighed(&program);
    let figure = |name: &str, what: &str| {
        let row = report["subjects"].as_array().and_then(|rows| rows.iter().find(|row| row["name"] == name));
        row.and_then(|row| row[what].as_u64()).unwrap_or_else(|| panic!("no {what} of {name}: {report}"))
    };
    let (faults, floor) = (figure("browndog", "faults"), figure("floor", "faults"));
    let peak = figure("browndog", "peak_kib");
    println!("a start: {faults} page faults, the floor's {floor}; {peak} KiB");
    assert!(
        faults <= floor + FAULTS && peak <= PEAK,
        "{faults} page faults (the floor: {floor}), {peak} KiB"
    );
}

/// CPUID leaves the guest in a virtual machine: some microseconds each. What a crate asks the processor once a
/// process is asked at each start. The C library's start code is not ours, so counted is from our first call on.
#[cfg(target_arch = "x86_64")]
#[test]
fn a_start_asks_the_processor_nothing() {
    const CPUID: i64 = 0xA20F;
    const SYSCALL: i64 = 0x050F;
    let Some(program) = std::env::var_os("BROWNDOG_COUNTED") else {
        eprintln!("skipped: BROWNDOG_COUNTED names no release build to step through");
        return;
    };
    // A shell that stops itself can be seized before it becomes the program.
    let script = "kill -STOP $$; exec \"$0\" run domains/hello.xml -- /bin/true";
    let mut shell = Command::new("/bin/sh");
    let shell = shell.args(["-c", script]).arg(&program).current_dir(env!("CARGO_MANIFEST_DIR"));
    let mut child = shell.stderr(std::process::Stdio::null()).spawn().expect("a shell");
    let pid = Pid::from_raw(child.id().cast_signed());
    let stopped = waitpid(pid, Some(WaitPidFlag::WUNTRACED)).expect("it stops");
    assert!(matches!(stopped, WaitStatus::Stopped(..)), "{stopped:?}");
    ptrace::seize(pid, Options::PTRACE_O_TRACEEXEC | Options::PTRACE_O_EXITKILL).expect("it is a child");
    kill(pid, Signal::SIGCONT).expect("it is there");
    let (mut executed, mut ours, mut asked, mut calls) = (false, false, Vec::new(), 0);
    loop {
        match waitpid(pid, Some(WaitPidFlag::__WALL)).expect("it is a child") {
            WaitStatus::PtraceEvent(_, _, event) => executed |= event == Event::PTRACE_EVENT_EXEC as i32,
            WaitStatus::Stopped(..) => {}
            // Where groups are not to be had, it ends before the clone: all of the planning was seen.
            _ => break,
        }
        if !executed {
            ptrace::cont(pid, None).expect("it is stopped");
            continue;
        }
        let registers = ptrace::getregs(pid).expect("it is stopped");
        let word =
            ptrace::read(pid, registers.rip as ptrace::AddressType).expect("it executes that") & 0xFFFF;
        ours |= word == SYSCALL && registers.rax == libc::SYS_rt_sigaction as u64;
        calls += usize::from(ours && word == SYSCALL);
        if ours && word == CPUID {
            asked.push(registers.rip);
        }
        if word == SYSCALL && registers.rax == libc::SYS_clone3 as u64 {
            // The rest of it clears up what this part has made.
            ptrace::detach(pid, None).expect("it is stopped");
            break;
        }
        ptrace::step(pid, None).expect("it is stopped");
    }
    // An error where it has been waited for above.
    let ended = child.wait().ok();
    assert!(ended.is_none_or(|ended| ended.success()), "{ended:?}");
    assert!(calls > 20, "{calls} system calls: this was no start");
    assert!(asked.is_empty(), "CPUID at {asked:x?}");
}
