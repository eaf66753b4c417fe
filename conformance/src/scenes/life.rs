//! Scenes about how containers end, and what they leave when they end badly.

use std::io::Write;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;

use crate::facts::Facts;
use crate::probe::NAME;
use crate::runtimes::Verb;
use crate::snapshot::Snapshot;
use crate::spec::Spec;
use crate::stage::{Doing, Finished, PATIENCE, SceneError, Stage};

/// What happens at once has happened by then, also on a busy machine.
const AT_ONCE: Duration = Duration::from_secs(20);

/// A container of the plain profile that obeys one of the probe's commands.
pub(super) fn obeying(
    stage: &Stage<'_>,
    scene: &str,
    words: &[&str],
) -> Result<(std::path::PathBuf, Spec), SceneError> {
    let (place, name) = stage.place(scene)?;
    let mut argv = vec![format!("/{NAME}")];
    argv.extend(words.iter().map(|w| (*w).to_owned()));
    Ok((place.clone(), Spec::plain(&name, place.join("root"), argv)))
}

fn run(stage: &Stage<'_>, scene: &str, words: &[&str]) -> Result<Finished, SceneError> {
    let (place, spec) = obeying(stage, scene, words)?;
    stage.start(&spec, &place)?.finish(PATIENCE)
}

fn code(finished: &Finished) -> i32 {
    use std::os::unix::process::ExitStatusExt;
    finished.status.code().unwrap_or_else(|| 1000 + finished.status.signal().unwrap_or(0))
}

pub(super) fn ends(stage: &mut Stage<'_>) -> Result<Facts, SceneError> {
    let mut facts = Facts::default();
    let before = Snapshot::take();
    for wanted in [0, 1, 2, 42, 77, 125, 126, 127, 128, 129, 130, 137, 200, 255] {
        let finished = run(stage, "exit", &["exit", &wanted.to_string()])?;
        facts.set(format!("life.exit.{wanted}"), code(&finished));
    }
    let aborted = run(stage, "abort", &["abort"])?;
    facts.set("life.abort", code(&aborted));
    let shielded = run(stage, "shield", &["shield"])?;
    facts.set("life.shield", code(&shielded));
    facts.set("life.shield_says", shielded.stdout.trim());
    let all_killed = run(stage, "killall", &["killall"])?;
    facts.set("life.killall", code(&all_killed));
    stage.canary.noticed(&mut facts);
    killed_from_outside(stage, &mut facts)?;
    forwarded(stage, &mut facts)?;
    stage.leaks(&before, "bdc-", &mut facts);
    Ok(facts)
}

fn killed_from_outside(stage: &Stage<'_>, facts: &mut Facts) -> Result<(), SceneError> {
    let (place, spec) = obeying(stage, "killed", &["ready", "sleep", "60"])?;
    let mut running = stage.start(&spec, &place)?;
    let _said = running.line("READY", PATIENCE)?;
    let init = running
        .init()
        .ok_or_else(|| SceneError::NotStarted("its init cannot be found from outside".into()))?;
    let pid = nix::unistd::Pid::from_raw(init.cast_signed());
    nix::sys::signal::kill(pid, Signal::SIGKILL).map_err(std::io::Error::from).doing("killing the init")?;
    facts.set("life.killed", code(&running.finish(PATIENCE)?));
    Ok(())
}

/// Signals to the foreground command reach the payload, which says which one it was.
fn forwarded(stage: &Stage<'_>, facts: &mut Facts) -> Result<(), SceneError> {
    for signal in [Signal::SIGTERM, Signal::SIGINT, Signal::SIGQUIT] {
        let (place, spec) = obeying(stage, "forward", &["trap"])?;
        let mut running = stage.start(&spec, &place)?;
        let _said = running.line("READY", PATIENCE)?;
        running.signal(signal).map_err(std::io::Error::from).doing("signalling the runtime")?;
        let heard = running.line("SIGNAL ", AT_ONCE).unwrap_or_else(|e| e.to_string());
        facts.set(format!("life.forwarded.{signal}"), heard);
        // What did not hear it is ended by its init, so that the runtime cleans up after it.
        if let Some(init) = running.probe_now() {
            let _gone =
                nix::sys::signal::kill(nix::unistd::Pid::from_raw(init.cast_signed()), Signal::SIGKILL)
                    .is_ok();
        }
        let _ended = running.finish(PATIENCE)?;
        destroy(stage, &spec, &place);
    }
    Ok(())
}

/// Forced removal, where the runtime has a command for it; what it says does not matter here.
pub(super) fn destroy(stage: &Stage<'_>, spec: &Spec, place: &std::path::Path) {
    let _asked = stage.verb(&Verb::Destroy, &spec.name, place).is_ok();
}

/// Programs that cannot be executed.
pub(super) fn cannot(stage: &mut Stage<'_>) -> Result<Facts, SceneError> {
    let mut facts = Facts::default();
    let before = Snapshot::take();
    facts.set("life.cannot_control", run(stage, "cannot", &["say", "ran"])?.stdout.trim());
    for (name, program) in [
        ("missing", "/no/such/program"),
        ("directory", "/etc"),
        ("not_executable", "/etc/passwd"),
        ("bad_format", "/etc/garbage"),
        ("missing_interpreter", "/etc/script"),
    ] {
        let (place, mut spec) = obeying(stage, "cannot", &[])?;
        let etc = place.join("root/etc");
        std::fs::write(etc.join("garbage"), "\u{7f}neither\n").doing("writing garbage")?;
        std::fs::write(etc.join("script"), "#!/no/such/interpreter\n").doing("writing a script")?;
        for file in ["garbage", "script"] {
            let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
            std::fs::set_permissions(etc.join(file), mode).doing("making it executable")?;
        }
        spec.argv = vec![program.to_owned()];
        let begun = Instant::now();
        let finished = stage.start(&spec, &place)?.finish(PATIENCE)?;
        facts.set(format!("life.cannot.{name}"), code(&finished));
        facts.set(
            format!("life.cannot_says.{name}"),
            finished.stderr.trim().chars().take(200).collect::<String>(),
        );
        facts.set(format!("life.cannot_ms.{name}"), u64::try_from(begun.elapsed().as_millis()).unwrap_or(0));
    }
    stage.leaks(&before, "bdc-", &mut facts);
    Ok(facts)
}

/// The runtime's process is killed while the container runs.
pub(super) fn orphaned(stage: &mut Stage<'_>) -> Result<Facts, SceneError> {
    let mut facts = Facts::default();
    let before = Snapshot::take();
    let (place, spec) = obeying(stage, "orphaned", &["ready", "sleep", "60"])?;
    let mut running = stage.start(&spec, &place)?;
    let _said = running.line("READY", PATIENCE)?;
    let init = running
        .init()
        .ok_or_else(|| SceneError::NotStarted("its init cannot be found from outside".into()))?;
    running.kill();
    let _ended = running.finish(PATIENCE)?;
    facts.set("life.init_after_launcher", if goes(init) { "gone" } else { "still there" });
    destroy(stage, &spec, &place);
    stage.leaks(&before, "bdc-", &mut facts);
    // Once more under the same name: nothing of the first may be in the way.
    let (place, mut again) = obeying(stage, "orphaned", &["exit", "7"])?;
    again.name.clone_from(&spec.name);
    facts.set("life.after_orphan", code(&stage.start(&again, &place)?.finish(PATIENCE)?));
    Ok(facts)
}

/// Whether the probe with this process id goes of its own accord; what is tied to another goes at once.
fn goes(pid: u32) -> bool {
    let deadline = Instant::now() + AT_ONCE;
    while crate::host::is_probe(pid) && !crate::host::is_dead(pid) {
        if Instant::now() > deadline {
            return false;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    true
}

/// The runtime's process is killed at twenty moments of the start.
pub(super) fn killed_early(stage: &mut Stage<'_>) -> Result<Facts, SceneError> {
    let mut facts = Facts::default();
    let before = Snapshot::take();
    let mut reached = 0;
    for step in 0..20_u64 {
        let (place, spec) = obeying(stage, "early", &["sleep", "30"])?;
        let mut running = stage.start(&spec, &place)?;
        std::thread::sleep(Duration::from_micros(step * step * 150));
        running.kill();
        let finished = running.finish(PATIENCE)?;
        reached += usize::from(code(&finished) == 1009);
        destroy(stage, &spec, &place);
    }
    facts.set("fault.killed_in_time", reached);
    stage.leaks(&before, "bdc-", &mut facts);
    let clean = run(stage, "early", &["exit", "7"])?;
    facts.set("fault.next_start", code(&clean));
    Ok(facts)
}

/// Descriptors that are enough for any start: the control.
const ENOUGH: u64 = 1024;

/// The runtime gets fewer descriptors than it wants.
pub(super) fn starved(stage: &mut Stage<'_>) -> Result<Facts, SceneError> {
    let mut facts = Facts::default();
    let before = Snapshot::take();
    let mut odd = Vec::new();
    for limit in [4, 6, 8, 10, 12, 16, 24, 32, 64, ENOUGH] {
        let (place, spec) = obeying(stage, "starved", &["exit", "7"])?;
        stage.planned(&spec, &place)?;
        let mut call = stage.runtime.prepare(&spec, &place)?;
        let words = ["probe".to_owned(), "limited".to_owned(), limit.to_string()];
        let mut argv: Vec<std::ffi::OsString> = vec![stage.binary.clone().into_os_string()];
        argv.extend(words.iter().map(Into::into));
        argv.append(&mut call.argv);
        call.argv = argv;
        let finished = stage.spawn(&call, "--clean")?.finish(PATIENCE);
        if limit == ENOUGH {
            facts.set("fault.starved_control", finished.as_ref().map_or(-1, code));
        }
        match finished.map(|f| code(&f)) {
            Ok(1..=255) => {}
            Ok(other) => odd.push(format!("limit {limit}: status {other}")),
            Err(error) => odd.push(format!("limit {limit}: {error}")),
        }
        destroy(stage, &spec, &place);
    }
    facts.set("fault.starved_oddly", odd);
    stage.leaks(&before, "bdc-", &mut facts);
    Ok(facts)
}

/// Bytes, arguments and many starts.
pub(super) fn traffic(stage: &mut Stage<'_>) -> Result<Facts, SceneError> {
    let mut facts = Facts::default();
    let (place, spec) = obeying(stage, "cat", &["cat"])?;
    let mut running = stage.start(&spec, &place)?;
    // Every byte value, and no line ends that a reader by lines would need.
    let payload: Vec<u8> = (0..1_usize << 20).map(|n| (n.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    let sum = crate::probe::act::checksum(&payload);
    running.feed(payload).doing("writing to the container")?;
    let finished = running.finish(PATIENCE)?;
    facts.set("console.sum_in", format!("{} {sum:016x}", 1 << 20));
    facts.set("console.sum_out", finished.stdout.trim());
    let flood = run(stage, "flood", &["flood", "1048576"])?;
    facts.set("console.flood_bytes", flood.stdout.len());
    let (place, mut spec) = obeying(stage, "empty", &["args"])?;
    spec.argv.extend(["".to_owned(), "x".to_owned()]);
    match stage.start(&spec, &place) {
        Ok(running) => facts.set("ctx.empty_argument", running.finish(PATIENCE)?.stdout.trim()),
        Err(SceneError::NotApplicable(reason)) => {
            facts.set("ctx.empty_argument", serde_json::json!({ "not_applicable": reason }));
        }
        Err(error) => return Err(error),
    }
    let odd = ["two\nlines", "tab\there", "ünï", "&<>\"'", "--", " lead", "$(x) `y` *"];
    let (place, mut spec) = obeying(stage, "args", &["args"])?;
    spec.argv.extend(odd.iter().map(|w| (*w).to_owned()));
    let finished = stage.start(&spec, &place)?.finish(PATIENCE)?;
    facts.set("ctx.odd_arguments_sent", odd.map(str::to_owned).to_vec());
    let heard: serde_json::Value = serde_json::from_str(finished.stdout.trim()).unwrap_or_default();
    facts.set("ctx.odd_arguments", heard);
    let (place, mut spec) = obeying(stage, "long", &["args"])?;
    spec.argv.push("x".repeat(100_000));
    let finished = stage.start(&spec, &place)?.finish(PATIENCE)?;
    facts.set("ctx.long_argument", finished.stdout.trim().len());
    let mut wrong = Vec::new();
    for number in 0..20 {
        let finished = run(stage, "short", &["exit", &number.to_string()])?;
        if code(&finished) != number {
            wrong.push(format!("exit {number} gave {}", code(&finished)));
        }
    }
    facts.set("life.short_wrong", wrong);
    same_name(stage, &mut facts)?;
    Ok(facts)
}

fn same_name(stage: &Stage<'_>, facts: &mut Facts) -> Result<(), SceneError> {
    let (place, spec) = obeying(stage, "again", &["exit", "7"])?;
    let mut wrong = Vec::new();
    for round in 0..10 {
        let finished = stage.start(&spec, &place)?.finish(PATIENCE)?;
        if code(&finished) != 7 {
            wrong.push(format!("round {round}: {} {}", code(&finished), finished.stderr.trim()));
        }
    }
    facts.set("life.same_name_wrong", wrong);
    Ok(())
}

impl crate::stage::Running {
    /// Writes to the container's standard input and closes it.
    fn feed(&mut self, bytes: Vec<u8>) -> std::io::Result<()> {
        let Some(mut stdin) = self.take_stdin() else { return Ok(()) };
        stdin.write_all(&bytes)
    }
}
