//! What a start of the released program takes beside time: page faults and memory, which tell whether what
//! it runs still lies side by side (`benches/start.ld`). `BROWNDOG_COUNTED` names that program.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

/// Page faults beyond those of the floor: 26 when the list was made, 60 and more without it.
const FAULTS: u64 = 40;

/// KiB of memory.
const PEAK: u64 = 2048;

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
        "{faults} page faults (the floor: {floor}), {peak} KiB: where benches/start.ld is out of date, ci/order renews it"
    );
}
