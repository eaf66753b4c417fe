//! The probe: the same binary as the container's init. It tries things and prints what happened.
//!
//! `browndog probe --facts pid,mount [--param NAME=VALUE…] [--hold] [--out FILE]` prints one line of
//! facts; with `--hold` it then waits for a line on standard input, so that the harness can look at
//! the container from outside. Other first words are small commands.

pub mod act;
mod cgroup;
mod context;
mod devices;
mod escape;
mod filter;
mod identity;
pub mod ipc;
pub mod launch;
pub(crate) mod mounts;
pub(crate) mod netlink;
mod network;
mod process;
mod procfs;

use std::collections::BTreeMap;
use std::io::{BufRead, Write};

use crate::facts::Facts;

/// Precedes the facts on standard output.
pub const FACTS: &str = "BROWNDOG-FACTS ";
/// Says that the probe now waits for a line on standard input.
pub const HOLD: &str = "BROWNDOG-HOLD";
/// File name of the probe inside containers.
pub const NAME: &str = "browndog-probe";

/// What the harness tells the probe: the things it is to look for.
#[derive(Debug, Default)]
pub struct Params(BTreeMap<String, String>);

impl Params {
    /// A parameter's text.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }
    /// A parameter that is a number.
    pub fn number(&self, name: &str) -> Option<i64> {
        self.text(name)?.parse().ok()
    }
}

/// An area of facts and what gathers them.
type Gatherer = fn(&Params, &mut Facts);

/// All areas in the order in which they are gathered: those that disturb come last.
const AREAS: [(&str, Gatherer); 27] = [
    // The first word is what was there before anything was done.
    ("fd", context::fd),
    ("ctx", context::ctx),
    ("pid", process::pid),
    ("user", identity::user),
    ("mount", mounts::list),
    ("root", mounts::writes),
    ("volumes", mounts::volumes),
    ("proc", procfs::surface),
    ("sysctl", procfs::sysctl),
    ("sys", procfs::sys),
    ("dev", devices::list),
    ("mknod", devices::make),
    ("sweep", devices::sweep),
    ("uts", ipc::uts),
    ("ipc", ipc::ipc),
    ("keys", ipc::keys),
    ("time", ipc::time),
    ("net", network::net),
    ("uevent", network::uevent),
    ("cgroup", cgroup::cgroup),
    ("forks", cgroup::forks),
    ("cpus", cgroup::cpus),
    ("spin", cgroup::spin),
    ("hog", cgroup::hog),
    ("setuid", identity::setuid_program),
    ("caps", identity::caps),
    ("tries", tries),
];

/// Everything that would change the process where it works, so the last.
fn tries(params: &Params, facts: &mut Facts) {
    mounts::attempts(params, facts);
    escape::escapes(params, facts);
    filter::seccomp(params, facts);
}

/// Was this process started as the probe?
pub fn wanted() -> bool {
    let mut words = std::env::args_os();
    let program = words.next().unwrap_or_default();
    std::path::Path::new(&program).file_name().is_some_and(|n| n == NAME || n == "setuid-probe")
}

/// Runs the probe with the words after `probe`, and gives the exit status.
pub fn main<I: IntoIterator<Item = String>>(words: I) -> i32 {
    let words: Vec<String> = words.into_iter().collect();
    match words.first().map(String::as_str) {
        Some("launch") => launch::main(&words[1..]),
        Some("--facts") => report(&words),
        Some(_) => act::main(&words),
        None => usage("nothing to do"),
    }
}

fn usage(why: &str) -> i32 {
    eprintln!(
        "browndog probe: {why}; try --facts AREA,… with AREA one of: {}",
        AREAS.map(|(n, _)| n).join(" ")
    );
    2
}

fn report(words: &[String]) -> i32 {
    let mut areas = Vec::new();
    let mut params = Params::default();
    let (mut hold, mut out) = (false, None);
    let mut words = words.iter();
    while let Some(word) = words.next() {
        let mut value = || words.next().cloned().unwrap_or_default();
        match word.as_str() {
            "--facts" => areas = value().split(',').map(str::to_owned).collect(),
            "--param" => {
                let pair = value();
                let Some((name, text)) = pair.split_once('=') else {
                    return usage("--param wants NAME=VALUE");
                };
                let _earlier = params.0.insert(name.to_owned(), text.to_owned());
            }
            "--hold" => hold = true,
            "--out" => out = Some(value()),
            other => return usage(&format!("unknown word {other:?}")),
        }
    }
    let mut facts = Facts::default();
    for area in &areas {
        let known = AREAS.iter().find(|(name, _)| name == area);
        let Some((_, gather)) = known else { return usage(&format!("unknown area {area:?}")) };
        gather(&params, &mut facts);
    }
    match publish(&facts, out.as_deref(), hold) {
        Ok(()) => 0,
        Err(error) => {
            eprintln!("browndog probe: the facts cannot be printed: {error}");
            3
        }
    }
}

fn publish(facts: &Facts, out: Option<&str>, hold: bool) -> std::io::Result<()> {
    let line = format!("{FACTS}{}\n", serde_json::to_string(facts)?);
    if let Some(path) = out {
        std::fs::write(path, &line)?;
    }
    let mut stdout = std::io::stdout().lock();
    stdout.write_all(line.as_bytes())?;
    if hold {
        stdout.write_all(format!("{HOLD}\n").as_bytes())?;
    }
    stdout.flush()?;
    if hold {
        let mut word = String::new();
        let _length = std::io::stdin().lock().read_line(&mut word)?;
    }
    Ok(())
}
