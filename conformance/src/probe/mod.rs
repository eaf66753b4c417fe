//! The probe: the same binary as the container's init. It tries things and prints what happened.
//!
//! `browndog probe --facts pid,mount [--param NAME=VALUE…] [--hold] [--out FILE]` prints one line of
//! facts; with `--hold` it then waits for a line on standard input, so that the harness can look at
//! the container from outside. Other first words are small commands.

pub mod act;
pub(crate) mod cgroup;
pub(crate) mod claims;
mod context;
mod devices;
mod escape;
mod filter;
mod given;
mod identity;
pub mod ipc;
mod kernelfs;
pub mod launch;
pub(crate) mod mounts;
pub(crate) mod netlink;
mod network;
mod place;
mod process;
pub(crate) mod procfs;
mod siege;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io::{BufRead, Write};

use crate::facts::Facts;

/// Precedes the facts on standard output.
pub const FACTS: &str = "BROWNDOG-FACTS ";
/// The fact that says of which run the facts are: the token of its canaries.
const RUN: &str = "probe.run";

/// The facts among lines of output, where there are any of this run.
pub(crate) fn told(output: &str, token: &str) -> Option<Facts> {
    let line = output.lines().find_map(|l| l.strip_prefix(FACTS))?;
    read(line, token).ok()
}

/// The facts of a line, or why they are none. Who plays an old line again is found out.
pub(crate) fn read(line: &str, token: &str) -> Result<Facts, String> {
    let mut facts: Facts =
        serde_json::from_str(line).map_err(|e| format!("its facts cannot be read: {e}"))?;
    match facts.0.remove(RUN) {
        Some(run) if run == token => Ok(facts),
        _ => Err("its facts are of another run".into()),
    }
}

/// Says that the probe now waits for a line on standard input.
pub const HOLD: &str = "BROWNDOG-HOLD";
/// File name of the probe inside containers.
pub const NAME: &str = "browndog-probe";

/// What the harness tells the probe: the things it is to look for.
#[derive(Debug, Default)]
pub struct Params {
    named: BTreeMap<String, String>,
    /// All that the program was started with.
    arguments: Vec<OsString>,
}

impl Params {
    /// A parameter's text.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.named.get(name).map(String::as_str)
    }
    /// A parameter that is a number.
    pub fn number(&self, name: &str) -> Option<i64> {
        self.text(name)?.parse().ok()
    }
}

/// An area of facts and what gathers them.
type Gatherer = fn(&Params, &mut Facts);

/// All areas in the order in which they are gathered: those that disturb come last.
const AREAS: [(&str, Gatherer); 37] = [
    // The first word is what was there before anything was done.
    ("place", place::place),
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
    ("made", devices::made),
    ("uts", ipc::uts),
    ("ipc", ipc::ipc),
    ("keys", ipc::keys),
    ("time", ipc::time),
    ("net", network::net),
    ("uevent", network::uevent),
    ("terminal", claims::terminal),
    ("cgroup", cgroup::cgroup),
    ("nested", cgroup::nested),
    ("forks", cgroup::forks),
    ("cpus", cgroup::cpus),
    ("spin", cgroup::spin),
    ("hog", cgroup::hog),
    ("setuid", identity::setuid_program),
    ("caps", identity::caps),
    ("kernelfs", kernelfs::kernelfs),
    ("given", given::given),
    ("odd", given::odd),
    ("staged", given::staged),
    ("monitors", siege::monitors),
    ("under", siege::under),
    ("tries", tries),
];

/// Everything that would change the process where it works, so the last.
fn tries(params: &Params, facts: &mut Facts) {
    mounts::attempts(params, facts);
    escape::escapes(params, facts);
    claims::claims(facts);
    filter::seccomp(params, facts);
}

pub(crate) use identity::close;
pub(crate) use network::reach;

/// Opens a socket and closes it again.
pub(crate) fn socket(family: i32, kind: i32, protocol: i32) -> nix::Result<i64> {
    identity::nix_socket(family, kind, protocol)
}

static SIGPIPE_IGNORED: std::sync::OnceLock<bool> = std::sync::OnceLock::new();

/// Takes down whether SIGPIPE was ignored when the program began, which it cannot tell any more once it ignores
/// the signal itself. A program that begins with Rust's own start code never knew.
pub fn started_with(sigpipe_ignored: bool) {
    // It begins once.
    let _new = SIGPIPE_IGNORED.set(sigpipe_ignored).is_ok();
}

/// Lives as the probe, where a program that was started with `arguments` is one; its exit status.
pub fn other_life(arguments: &[OsString]) -> Option<i32> {
    let name = arguments.first().and_then(|program| std::path::Path::new(program).file_name());
    let named = name.is_some_and(|n| n == NAME || n == "setuid-probe");
    if !named && arguments.get(1).is_none_or(|word| word != "probe") {
        return None;
    }
    Some(main(arguments, if named { 1 } else { 2 }))
}

/// Runs the probe with the arguments from the one at `first`, and gives the exit status.
fn main(arguments: &[OsString], first: usize) -> i32 {
    let words = arguments.iter().skip(first).map(|word| word.to_string_lossy().into_owned());
    let words: Vec<String> = words.collect();
    match words.first().map(String::as_str) {
        Some("launch") => launch::main(&words[1..]),
        Some("libvirt") => crate::runtimes::libvirt::session::main(&words[1..]),
        Some("redirect") => crate::runtimes::libvirt::session::redirect(&words[1..]),
        Some("--facts") => report(arguments, &words),
        // As the interpreter of a script: the kernel puts the script's path behind its word.
        Some("script") => report(arguments, words.get(2..).unwrap_or_default()),
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

fn report(arguments: &[OsString], words: &[String]) -> i32 {
    let mut areas = Vec::new();
    let mut params = Params { arguments: arguments.to_vec(), ..Params::default() };
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
                let _earlier = params.named.insert(name.to_owned(), text.to_owned());
            }
            "--hold" => hold = true,
            "--out" => out = Some(value()),
            other => return usage(&format!("unknown word {other:?}")),
        }
    }
    let mut facts = Facts::default();
    // Facts of another run are told by it.
    if let Some(token) = params.text("token") {
        facts.set(RUN, token);
    }
    let exposed = exposed(&params, |kind| crate::host::namespace("self", kind));
    for area in &areas {
        let known = AREAS.iter().find(|(name, _)| name == area);
        let Some((_, gather)) = known else { return usage(&format!("unknown area {area:?}")) };
        if !exposed.is_empty() && !HARMLESS.contains(&area.as_str()) {
            // The checks that want these facts become errors, and this is their reason.
            facts.set(
                format!("probe.not_tried.{area}"),
                format!("shared with the host: {}", exposed.join(" ")),
            );
            continue;
        }
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

/// Areas that only look.
const HARMLESS: [&str; 6] = ["fd", "ctx", "pid", "mount", "kernelfs", "odd"];

/// Namespaces that are, or may be, still the host's. Attempts that change the machine where they work
/// are made only where there are none, or in a guest, which is thrown away. Who cannot tell must not
/// try: neither a missing parameter nor an unreadable link is taken for isolation.
fn exposed(params: &Params, own: impl Fn(&str) -> Option<String>) -> Vec<&'static str> {
    if params.text("lab").is_some() {
        return Vec::new();
    }
    let separate = |kind: &str| {
        let host = params.text(&format!("host_{kind}")).filter(|name| !name.is_empty());
        host.zip(own(kind)).is_some_and(|(host, own)| host != own)
    };
    crate::canary::GUARDED.into_iter().filter(|kind| !separate(kind)).collect()
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::canary::GUARDED;

    fn params(pairs: &[(&str, &str)]) -> Params {
        let named = pairs.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
        Params { named, arguments: Vec::new() }
    }

    fn all_of_the_host() -> Params {
        let named = GUARDED.iter().map(|k| (format!("host_{k}"), format!("{k}:[1]"))).collect();
        Params { named, arguments: Vec::new() }
    }

    #[test]
    fn nothing_is_tried_by_who_was_not_told_which_namespaces_are_the_hosts() {
        assert_eq!(exposed(&params(&[]), |k| Some(format!("{k}:[2]"))), GUARDED);
    }

    #[test]
    fn nothing_is_tried_where_the_own_namespaces_cannot_be_read() {
        assert_eq!(exposed(&all_of_the_host(), |_| None), GUARDED);
    }

    #[test]
    fn one_namespace_shared_with_the_host_is_enough_to_try_nothing() {
        for shared in GUARDED {
            let own = |k: &str| Some(if k == shared { format!("{k}:[1]") } else { format!("{k}:[2]") });
            assert_eq!(exposed(&all_of_the_host(), own), [shared]);
        }
    }

    #[test]
    fn everything_is_tried_in_namespaces_of_ones_own_and_in_a_guest() {
        assert!(exposed(&all_of_the_host(), |k| Some(format!("{k}:[2]"))).is_empty());
        assert!(exposed(&params(&[("lab", "1")]), |_| None).is_empty());
    }
}
