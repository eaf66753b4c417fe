//! What a caller hands over: descriptors 0, 1 and 2 that are files and directories, and volumes with odd names.

use std::fs::{self, File};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use crate::facts::Facts;
use crate::snapshot::Snapshot;
use crate::spec::{Spec, Volume};
use crate::stage::{Doing, SceneError, Stage};

use super::callers::{writing, written};
use super::tried::{HARSH, start};

const CONTENT: &str = "what the caller lets it read\n";
const SECRET: &str = "what the log held before";

/// Files and a directory as standard input, output and error.
pub(super) fn descriptors(stage: &mut Stage<'_>) -> Result<Facts, SceneError> {
    let mut facts = Facts::default();
    let (place, mut spec) = writing(stage, "given", "given")?;
    for pair in [format!("secret={SECRET}"), format!("content={CONTENT}")] {
        spec.argv.extend(["--param".to_owned(), pair]);
    }
    let (input, output, error) = (place.join("input"), place.join("output"), place.join("error"));
    fs::write(&input, CONTENT).doing("writing the input")?;
    for log in [&output, &error] {
        fs::write(log, format!("{SECRET}\n")).doing("writing a log")?;
    }
    let append =
        |path: &Path| File::options().append(true).open(path).map(OwnedFd::from).doing("opening a log");
    let read = File::open(&input).map(OwnedFd::from).doing("opening the input")?;
    let _good = run(stage, &spec, &place, [read, append(&output)?, append(&error)?])?;
    facts.absorb(written(stage, &place, &fs::read_to_string(&error).unwrap_or_default())?);
    facts.set("host.given.input_unchanged", fs::read_to_string(&input).is_ok_and(|t| t == CONTENT));
    let log = fs::read_to_string(&output).unwrap_or_default();
    facts.set("host.given.output_kept", log.starts_with(SECRET));
    facts.set("host.given.output_passed", log.contains(crate::probe::FACTS));

    let (place, mut spec) = writing(stage, "given", "given")?;
    spec.env.push(("BROWNDOG_NOTHING".into(), "1".into()));
    let quiet = |write: bool| {
        File::options()
            .read(!write)
            .write(write)
            .open("/dev/null")
            .map(OwnedFd::from)
            .doing("opening /dev/null")
    };
    let directory = File::open(&place).map(OwnedFd::from).doing("opening a directory")?;
    let status = run(stage, &spec, &place, [directory, quiet(true)?, quiet(true)?])?;
    let ran = written(stage, &place, "");
    facts.set(
        "given.directory.became",
        if ran.is_ok() {
            "ran"
        } else if status {
            "silent"
        } else {
            "refused"
        },
    );
    if let Ok(seen) = ran {
        facts.set("given.directory.kind", seen.text("given.0.kind").unwrap_or_default());
        facts.set("given.directory.leads_out", seen.get("given.0.leads_out") == Some(&true.into()));
    }
    Ok(facts)
}

/// Runs it with these descriptors; whether its status is 0.
fn run(stage: &Stage<'_>, spec: &Spec, place: &Path, fds: [OwnedFd; 3]) -> Result<bool, SceneError> {
    let call = stage.prepared(spec, place)?;
    let [input, output, error] = fds.map(Stdio::from);
    let mut child = stage
        .launcher(&call, "--dirty")
        .stdin(input)
        .stdout(output)
        .stderr(error)
        .spawn()
        .doing("starting the launcher")?;
    let deadline = Instant::now() + HARSH;
    loop {
        if let Some(status) = child.try_wait().doing("waiting for the runtime")? {
            return Ok(status.success());
        }
        if Instant::now() > deadline || crate::run::interrupted() {
            // One that ended in between is gone as well.
            drop(child.kill());
            drop(child.wait());
            return Err(SceneError::Hang("it did not end with files as its descriptors".into()));
        }
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// Longest path of the kernel, without the byte that ends it.
const PATH_MAX: usize = 4095;

/// Names that tables and command lines are easily wrong about, and what a wrong reading of each would find.
const ODD: [(&str, &str, &str); 7] = [
    ("blank", "a b", "a"),
    ("newline", "c\nd", "c"),
    ("tab", "e\tf", "e"),
    ("backslash", "g\\h", "g"),
    ("escape", "i\\040j", "i j"),
    ("quote", "k'l\"m", "k"),
    ("colon_and_comma", "n:o,p=q", "n"),
];

/// Volumes whose sources and targets have odd names: each is mounted there and nowhere else, or refused.
pub(super) fn odd(stage: &mut Stage<'_>) -> Result<Facts, SceneError> {
    let mut facts = Facts::default();
    let before = Snapshot::take();
    for (name, odd, decoy) in [("plain", "plain", "other")].into_iter().chain(ODD) {
        let (place, id) = stage.place("odd")?;
        let sources = place.join("sources");
        for (directory, token) in [(odd, "wanted"), (decoy, "decoy")] {
            let source = sources.join(directory);
            fs::create_dir_all(&source).doing("making a volume")?;
            fs::write(source.join("token"), token).doing("filling a volume")?;
        }
        one(stage, &mut facts, name, (&place, &id), (sources.join(odd), format!("/srv/{odd}")))?;
    }
    for (name, deep_source) in [("long_source", true), ("long_target", false)] {
        let (place, id) = stage.place("odd")?;
        let source = if deep_source { deep(&place.join("s"), PATH_MAX)? } else { place.join("s") };
        fs::create_dir_all(&source).doing("making a volume")?;
        token_in(&source)?;
        // As long as the host's path of it may be, for runtimes that go by that.
        let room = PATH_MAX - place.join("root").as_os_str().len();
        let target = if deep_source { "/srv/x".to_owned() } else { long("/srv", room) };
        one(stage, &mut facts, name, (&place, &id), (source, target))?;
    }
    stage.leaks(&before, "bdc-", &mut facts);
    Ok(facts)
}

/// A path of exactly so many bytes that begins with `top`.
fn long(top: &str, length: usize) -> String {
    let mut path = top.to_owned();
    while path.len() < length {
        let left = length - path.len() - 1;
        // One more slash may be left over, and a name of nothing is none.
        let take = if left > 201 { 200 } else { left };
        if take == 0 {
            break;
        }
        path.push('/');
        path.push_str(&"d".repeat(take));
    }
    path
}

/// Makes a directory whose path has exactly so many bytes.
fn deep(top: &Path, length: usize) -> Result<PathBuf, SceneError> {
    let path = PathBuf::from(long(&top.to_string_lossy(), length));
    fs::create_dir_all(&path).doing("making a long path")?;
    Ok(path)
}

/// A path that is as long as may be has no room for one more name.
fn token_in(directory: &Path) -> Result<(), SceneError> {
    use std::os::fd::AsRawFd;
    let held = File::open(directory).doing("opening a volume")?;
    fs::write(format!("/proc/self/fd/{}/token", held.as_raw_fd()), "wanted").doing("filling a volume")
}

fn one(
    stage: &Stage<'_>,
    facts: &mut Facts,
    name: &str,
    (place, id): (&Path, &str),
    (source, target): (PathBuf, String),
) -> Result<(), SceneError> {
    let root = place.join("root");
    let mut argv = stage.probe_argv("odd", false);
    let asked = serde_json::json!([[name, target]]);
    argv.extend(["--param".to_owned(), format!("odd={asked}")]);
    let mut spec = Spec::plain(id, root.clone(), argv);
    spec.volumes.push(Volume { source, target: target.clone(), readonly: false });
    let tried = match start(stage, &spec, place) {
        Err(SceneError::NotApplicable(reason)) if name != "plain" => {
            for what in ["became", "token", "says"] {
                let why = serde_json::json!({ "not_applicable": reason });
                facts.set(format!("odd.{name}.{what}"), why);
            }
            return Ok(());
        }
        tried => tried?,
    };
    tried.note(facts, &format!("odd.{name}"));
    let token = tried.seen.as_ref().and_then(|s| s.text(&format!("odd.{name}.token")).map(str::to_owned));
    facts.set(format!("odd.{name}.token"), token.unwrap_or_default());
    for what in ["options", "peers"] {
        facts.set(format!("odd.{name}.{what}"), tried.list(&format!("odd.{name}.{what}")));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[rstest::rstest]
    #[case("/srv", 4095)]
    #[case("/tmp/a/b", 206)]
    #[case("/tmp/a/b", 210)]
    fn a_long_path_has_its_length_and_no_name_that_is_too_long(#[case] top: &str, #[case] length: usize) {
        let path = long(top, length);
        assert_eq!(path.len(), length, "{path}");
        assert!(path.split('/').all(|name| name.len() <= 255) && !path.ends_with('/'));
    }
}
