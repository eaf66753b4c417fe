//! A hostile container is entered: its program, directory and interpreter are links, its pipes are full, it is
//! frozen, and its init stops (SIGSTOP) every process that enters.

use std::fs;
use std::io::Write;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use crate::facts::Facts;
use crate::probe::NAME;
use crate::runtimes::Verb;
use crate::snapshot::Snapshot;
use crate::spec::Spec;
use crate::stage::{Doing, SceneError, Stage};

use super::astray::{INSIDE, Played, doors, outwards};
use super::background::{Background, PROBE};
use super::tried::HARSH;

/// A container of the plain profile whose init obeys one of the probe's commands, in the background.
fn obeying<'a, 'b>(
    stage: &'a Stage<'b>,
    scene: &str,
    words: &[&str],
) -> Result<Background<'a, 'b>, SceneError> {
    let (place, spec) = super::life::obeying(stage, scene, words)?;
    for directory in ["srv/sys", "alt", "dev/net"] {
        fs::create_dir_all(place.join("root").join(directory)).doing("making a directory")?;
    }
    Background::start(stage, spec, &place)
}

pub(super) fn entered(stage: &mut Stage<'_>) -> Result<Facts, SceneError> {
    let stage = &*stage;
    let mut facts = Facts::default();
    let before = Snapshot::take();
    {
        let container = obeying(stage, "entered", &["sleep", "600"])?;
        for way in ["program", "interpreter", "directory"] {
            led(stage, &container, way, &mut facts)?;
        }
        for code in [0, 7, 129, 130, 137] {
            facts.set(format!("entered.exit.{code}"), container.command(&["exit", &code.to_string()])?);
        }
        full_pipes(&container, &mut facts)?;
        detached(stage, &container, &mut facts)?;
        paused(&container, &mut facts)?;
    }
    {
        let container = obeying(stage, "entered", &["stopper"])?;
        let verb = Verb::Exec(vec![PROBE.into(), "true".into()]);
        let mut became = String::new();
        // Whether the signal comes before the program is there is chance.
        for _ in 0..5 {
            became = container.ends(&verb)?;
            if became.contains("SIGTERM") {
                break;
            }
        }
        facts.set("entered.stopped.exec", became);
    }
    stage.leaks(&before, "bdc-", &mut facts);
    Ok(facts)
}

/// Programs, interpreters and directories that are links, one after the other.
fn led(
    stage: &Stage<'_>,
    container: &Background<'_, '_>,
    way: &str,
    facts: &mut Facts,
) -> Result<(), SceneError> {
    let root = container.place.join("root");
    let victim = container.place.join("victim");
    fs::write(&victim, "untouched").doing("writing a victim")?;
    let sbin = root.join("sbin");
    fs::create_dir_all(&sbin).doing("making a directory")?;
    let script = root.join("script");
    fs::write(&script, format!("#!/sbin/{NAME} script\n")).doing("writing a script")?;
    fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).doing("making it executable")?;
    let at = if way == "directory" { root.join("work") } else { sbin.join(NAME) };
    let mut argv = stage.probe_argv("place", false);
    argv.extend(["--param".to_owned(), format!("victim={}", victim.display())]);
    match way {
        "program" => argv[0] = format!("/sbin/{NAME}"),
        "interpreter" => argv[0] = "/script".into(),
        _ => {}
    }
    let verb = if way == "directory" { Verb::ExecAt("/work".into(), argv) } else { Verb::Exec(argv) };
    let play = |link: &Path| -> Result<Played, SceneError> {
        symlink(link, &at).doing("setting a link")?;
        let tried = container.exec(&verb);
        fs::remove_file(&at).doing("removing a link")?;
        let untouched = fs::read_to_string(&victim).is_ok_and(|text| text == "untouched");
        Ok(Played { tried: tried?, untouched })
    };
    let control = play(Path::new(if way == "directory" { "/home/user" } else { INSIDE }))?;
    let name = |what: &str| format!("entered.{way}.{what}");
    facts.set(name("control"), if control.inside() { "inside".to_owned() } else { control.told() });
    let links: Vec<PathBuf> = doors().into_iter().map(PathBuf::from).collect();
    let links = if way == "directory" { links } else { outwards(&stage.work.join(NAME), links) };
    super::astray::tell(facts, &name, &links, play)
}

/// More than a pipe holds is given to a program that first says more than a pipe holds.
fn full_pipes(container: &Background<'_, '_>, facts: &mut Facts) -> Result<(), SceneError> {
    const GIVEN: usize = 2 << 20;
    let words = [PROBE, "pour", "1048576"].map(str::to_owned).to_vec();
    let mut running = container.spawn(&Verb::Exec(words))?;
    let input = running.take_stdin();
    let _detached = std::thread::spawn(move || {
        // Whoever is killed takes no more.
        let _taken = input.map(|mut pipe| pipe.write_all(&vec![b'y'; GIVEN]).is_ok());
    });
    let read = match running.line("READ ", HARSH) {
        Ok(number) => number,
        Err(SceneError::Hang(_)) => "it hangs".into(),
        Err(error) => error.to_string(),
    };
    facts.set("entered.pipes.given", GIVEN.to_string());
    facts.set("entered.pipes.read", read);
    Ok(())
}

/// The container's /dev/null is a link to a file of the kernel when a program is started that nobody waits for.
fn detached(stage: &Stage<'_>, container: &Background<'_, '_>, facts: &mut Facts) -> Result<(), SceneError> {
    facts.set("entered.detached.link_made", container.command(&["relink", "/dev/null", "/proc/version"])?);
    let out = "/var/tmp/detached";
    let mut words = stage.probe_argv("given", false);
    words.extend(["--out", out].map(str::to_owned));
    let became = match container.ends(&Verb::ExecDetached(words)) {
        Err(SceneError::NotApplicable(reason)) => {
            facts.set("entered.detached.became", serde_json::json!({ "not_applicable": reason }));
            return Ok(());
        }
        became => became?,
    };
    facts.set("entered.detached.became", became.clone());
    let file = container.place.join("root").join(out.trim_start_matches('/'));
    let begun = std::time::Instant::now();
    let seen = loop {
        let seen = crate::probe::told(&fs::read_to_string(&file).unwrap_or_default(), &stage.canary.token);
        if seen.is_some() {
            break seen;
        }
        if became == "refused" || begun.elapsed() > HARSH {
            break None;
        }
        std::thread::sleep(std::time::Duration::from_millis(5));
    };
    let kinds = (0..3).filter_map(|n| Some(seen.as_ref()?.text(&format!("given.{n}.kind"))?.to_owned()));
    facts.set("entered.detached.kinds", kinds.collect::<Vec<_>>());
    Ok(())
}

/// Frozen by who runs it.
fn paused(container: &Background<'_, '_>, facts: &mut Facts) -> Result<(), SceneError> {
    let pause = container.verb(&Verb::Pause)?;
    facts.set("entered.paused.pause", pause.status.code().unwrap_or(-1));
    let verb = Verb::Exec(vec![PROBE.into(), "true".into()]);
    facts.set("entered.paused.exec", container.ends(&verb)?);
    facts.set("entered.paused.resume", container.verb(&Verb::Resume)?.status.code().unwrap_or(-1));
    Ok(())
}

/// Devices come and go while the container moves what their targets' names mean.
pub(super) fn attached(stage: &mut Stage<'_>) -> Result<Facts, SceneError> {
    let stage = &*stage;
    let mut facts = Facts::default();
    let (place, mut spec) = super::life::obeying(stage, "attached", &["sleep", "600"])?;
    let root = place.join("root");
    for directory in ["srv/sys", "alt/sys", "data"] {
        fs::create_dir_all(root.join(directory)).doing("making a directory")?;
    }
    let volume = place.join("volume");
    fs::create_dir(&volume).doing("making a volume")?;
    let target = "/data".to_owned();
    spec.volumes.push(crate::spec::Volume { source: volume.clone(), target, readonly: false });
    let asked = Verb::Attach(PathBuf::new());
    if stage.runtime.verb(&asked, &spec.name, &place).is_none() {
        stage.planned(&spec, &place)?;
        let why = format!("{} attaches nothing to a container that runs", stage.runtime.name());
        return Err(SceneError::NotApplicable(why));
    }
    let container = Background::start(stage, spec, &place)?;
    let ram = device(
        &place,
        "ram",
        "<filesystem type='ram'><source usage='1024'/><target dir='/srv/sys'/></filesystem>",
    )?;
    let status = |verb: &Verb| container.verb(verb).map(|f| f.status.code().unwrap_or(-1));
    let before = covers(&container)?;
    facts.set("attached.covers", before.len());
    facts.set("attached.plain.attach", status(&Verb::Attach(ram.clone()))?);
    facts.set("attached.plain.detach", status(&Verb::Detach(ram.clone()))?);
    // The names above the target mean something else by the time it is taken away.
    facts.set("attached.led.attach", status(&Verb::Attach(ram.clone()))?);
    facts.set("attached.led.redirect", container.command(&["mislead", "/srv", "/proc"])?);
    facts.set("attached.led.detach", status(&Verb::Detach(ram))?);
    facts.set("attached.led.covers_lost", lost(&before, &covers(&container)?));
    node(&container, &volume, &mut facts)?;
    drop(container);
    looped(stage, &mut facts)?;
    Ok(facts)
}

fn device(place: &Path, name: &str, text: &str) -> Result<PathBuf, SceneError> {
    let file = place.join(format!("{name}.xml"));
    fs::write(&file, text).doing("describing a device")?;
    Ok(file)
}

/// A node whose directory in /dev is the container's link to its volume.
fn node(container: &Background<'_, '_>, volume: &Path, facts: &mut Facts) -> Result<(), SceneError> {
    const NODE: &str = "/dev/net/tun";
    if !Path::new(NODE).exists() {
        let why = serde_json::json!({ "not_applicable": format!("this machine has no {NODE}") });
        facts.set("attached.node.made_on_volume", why);
        return Ok(());
    }
    let text =
        format!("<hostdev mode='capabilities' type='misc'><source><char>{NODE}</char></source></hostdev>");
    let file = device(&container.place, "node", &text)?;
    facts.set("attached.node.link", container.command(&["relink", "/dev/net", "/data"])?);
    let attach = container.verb(&Verb::Attach(file.clone()))?;
    facts.set("attached.node.attach", attach.status.code().unwrap_or(-1));
    let made: Vec<String> = super::plain::tree(volume);
    facts.set("attached.node.made_on_volume", made);
    let _detached = container.verb(&Verb::Detach(file))?;
    Ok(())
}

/// Rounds beside an exchange of a directory and a link to /proc, in a container of their own.
fn looped(stage: &Stage<'_>, facts: &mut Facts) -> Result<(), SceneError> {
    const ROUNDS: usize = 40;
    let container = obeying(stage, "looped", &["sleep", "600"])?;
    let root = container.place.join("root");
    fs::create_dir_all(root.join("opt/sys")).doing("making a directory")?;
    symlink("/proc", root.join("opt.link")).doing("setting a link")?;
    let ram = device(
        &container.place,
        "looped",
        "<filesystem type='ram'><source usage='1024'/><target dir='/opt/sys'/></filesystem>",
    )?;
    let before = covers(&container)?;
    let words = [PROBE, "swap", "/opt", "/opt.link"].map(str::to_owned).to_vec();
    let started = container.verb(&Verb::ExecDetached(words))?;
    facts.set("attached.looped.swapping", started.status.code().unwrap_or(-1));
    let (mut rounds, mut taken) = (0, 0);
    let mut hung = Vec::new();
    for _ in 0..ROUNDS {
        for verb in [Verb::Attach(ram.clone()), Verb::Detach(ram.clone())] {
            let became = container.ends(&verb)?;
            if became.contains("SIGTERM") {
                hung.push(format!("{verb:?}: {became}"));
            }
            taken += usize::from(became == "done" && matches!(verb, Verb::Detach(_)));
        }
        rounds += 1;
    }
    facts.set("attached.looped.covers", before.len());
    facts.set("attached.looped.rounds", rounds);
    facts.set("attached.looped.taken", taken);
    facts.set("attached.looped.hung", hung);
    facts.set("attached.looped.covers_lost", lost(&before, &covers(&container)?));
    Ok(())
}

/// What lies over parts of /proc and /sys of a container that runs.
fn covers(container: &Background<'_, '_>) -> Result<Vec<String>, SceneError> {
    let all = container.facts("mount")?.list("mount.targets");
    Ok(all.into_iter().filter(|t| t.starts_with("/proc/") || t.starts_with("/sys")).collect())
}

fn lost(before: &[String], after: &[String]) -> Vec<String> {
    before.iter().filter(|c| !after.contains(c)).cloned().collect()
}

/// A second container on the host's own tree, read-only, looks for the sockets and the state of the runtime.
pub(super) fn monitored(stage: &mut Stage<'_>) -> Result<Facts, SceneError> {
    let stage = &*stage;
    let mut facts = Facts::default();
    let (place, name) = stage.place("monitored")?;
    let state = place.join("state");
    let mut argv = stage.probe_argv("mount,monitors", false);
    argv[0] = stage.work.join(NAME).to_string_lossy().into_owned();
    argv.extend(["--param".to_owned(), format!("state={}", state.display())]);
    let mut inside = Spec::plain(&format!("{name}.inside"), "/".into(), argv);
    inside.readonly_root = true;
    if stage.runtime.name() != "browndog" {
        let why = "an OCI bundle or a root of the host's own tree has no monitor that listens";
        return Err(SceneError::NotApplicable(why.into()));
    }
    stage.planned(&inside, &place)?;
    let sleeper = vec![PROBE.to_owned(), "sleep".into(), "600".into()];
    let victim = Background::start(stage, Spec::plain(&name, place.join("root"), sleeper), &place)?;
    facts.set("monitored.before", victim.command(&["exit", "7"])?);
    let tried = super::tried::start(stage, &inside, &place)?;
    tried.note(&mut facts, "monitored.inside");
    let sockets = sockets(&state);
    facts.set("monitored.sockets_outside", sockets);
    for what in ["found", "answered", "said"] {
        facts.set(format!("monitored.{what}"), tried.list(&format!("monitors.{what}")));
    }
    facts.set("monitored.targets", tried.list("mount.targets"));
    facts.set("monitored.after", victim.command(&["exit", "7"]).unwrap_or(-2));
    Ok(facts)
}

/// How many sockets there are below a directory.
fn sockets(top: &Path) -> usize {
    super::plain::tree(top).iter().filter(|line| line.starts_with("14")).count()
}
