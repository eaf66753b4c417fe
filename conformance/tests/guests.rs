//! Guests that do not end as they should: a panic, a hang and a time that is over are told apart, and
//! what came before them is not lost.

use std::path::Path;
use std::time::Duration;

use browndog_conformance::vm::job::{BINARY_PATH, Command, Ended, Message};
use browndog_conformance::vm::kernel::Kernel;
use browndog_conformance::vm::qemu::End;
use browndog_conformance::vm::{GuestFile, Lab, LabError, pack};

const BINARY: &str = env!("CARGO_BIN_EXE_browndog-conformance");

/// The kernel of most tests, where this machine can have and boot one.
fn kernel(lab: &Lab) -> Option<Kernel> {
    if !Path::new("/usr/bin/qemu-system-x86_64").exists() {
        eprintln!("skipped: qemu-system-x86_64 is not installed");
        return None;
    }
    lab.kernel("6.12").map_err(|error| eprintln!("skipped: no kernel: {error}")).ok()
}

fn end(lab: &Lab, kernel: &Kernel, files: &[GuestFile], commands: &[Command]) -> (Vec<Message>, End) {
    let mut heard = Vec::new();
    let outcome = lab.run_watched(kernel, Path::new(BINARY), files, commands, &mut |m| heard.push(m.clone()));
    match outcome {
        Ok(_) => (heard, End::Done),
        Err(LabError::Guest { end, .. }) => (heard, end),
        Err(other) => panic!("{other}"),
    }
}

fn probe(words: &[&str]) -> Command {
    Command::new([&[BINARY_PATH, "probe"], words].concat())
}

#[test]
fn vm_that_finds_no_init_panics() {
    let lab = Lab { append: "rdinit=/does-not-exist".into(), ..Lab::default() };
    let Some(kernel) = kernel(&lab) else { return };
    let (_, end) = end(&lab, &kernel, &[], &[]);
    assert!(matches!(&end, End::Panic(line) if line.contains("panic")), "{end:?}");
}

#[test]
fn vm_that_panics_in_its_second_command_has_the_first_ones_result() {
    let lab = Lab::default();
    let Some(kernel) = kernel(&lab) else { return };
    let Ok(shell) = pack::program(Path::new("/bin/sh")) else {
        eprintln!("skipped: there is no /bin/sh");
        return;
    };
    let commands = [
        probe(&["exit", "7"]),
        Command::new(["/usr/bin/sh", "-c", "echo c > /proc/sysrq-trigger; read -r never < /dev/ttyS0"]),
    ];
    let (heard, end) = end(&lab, &kernel, &shell, &commands);
    assert!(matches!(&end, End::Panic(line) if line.contains("sysrq")), "{end:?}");
    let results: Vec<&Ended> =
        heard.iter().filter_map(|m| if let Message::Result(r) = m { Some(&r.ended) } else { None }).collect();
    assert_eq!(results, [&Ended::Exit(7)]);
}

#[test]
fn vm_that_says_nothing_hangs() {
    // Its processor is never started.
    let lab = Lab { extra: vec!["-S".into()], silence: Duration::from_secs(2), ..Lab::default() };
    let Some(kernel) = kernel(&lab) else { return };
    assert_eq!(end(&lab, &kernel, &[], &[]).1, End::Hang(Duration::from_secs(2)));
}

#[test]
fn vm_that_beats_and_does_not_end_runs_out_of_time() {
    let lab = Lab { timeout: Duration::from_secs(120), ..Lab::default() };
    let Some(kernel) = kernel(&lab) else { return };
    let (heard, end) = end(&lab, &kernel, &[], &[probe(&["sleep", "600"])]);
    assert_eq!(end, End::Timeout);
    assert!(heard.iter().any(|m| matches!(m, Message::Beat(_))), "{heard:?}");
}

#[test]
fn vm_boots_a_kernel_given_by_its_path() {
    let lab = Lab::default();
    let Some(known) = kernel(&lab) else { return };
    let path = known.image.to_string_lossy().into_owned();
    let kernel = lab.kernel(&path).expect("a file");
    let report = lab.run(&kernel, Path::new(BINARY), &[], &[probe(&["exit", "7"])]).expect("it boots");
    assert_eq!(report.results[0].ended, Ended::Exit(7));
    assert_eq!(report.release, known.release);
}

#[test]
fn vm_ends_at_the_command_that_says_so_and_each_finds_the_machine_to_itself() {
    let lab = Lab { until: Some(75), alone: true, ..Lab::default() };
    let Some(kernel) = kernel(&lab) else { return };
    let commands = [probe(&["exit", "1"]), probe(&["exit", "75"]), probe(&["exit", "2"])];
    let report = lab.run(&kernel, Path::new(BINARY), &[], &commands).expect("it boots");
    let ends: Vec<&Ended> = report.results.iter().map(|r| &r.ended).collect();
    assert_eq!(ends, [&Ended::Exit(1), &Ended::Exit(75)]);
}
