//! Scenes about who starts a container, and about what happens on the host meanwhile.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::path::Path;
use std::process::Stdio;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::sys::termios;

use crate::facts::Facts;
use crate::probe::FACTS;
use crate::spec::Spec;
use crate::stage::{Doing, PATIENCE, SceneError, Stage};

/// The file in the root that the probe writes its facts into where there is no other way out; some runtimes mount a
/// file system of their own at /tmp.
const OUT: &str = "/var/tmp/facts";

/// A container of the plain profile whose probe writes these facts into [`OUT`].
pub(super) fn writing(
    stage: &Stage<'_>,
    scene: &str,
    areas: &str,
) -> Result<(std::path::PathBuf, Spec), SceneError> {
    let (place, name) = stage.place(scene)?;
    let mut argv = stage.probe_argv(areas, false);
    argv.extend(["--out".to_owned(), OUT.to_owned()]);
    Ok((place.clone(), Spec::plain(&name, place.join("root"), argv)))
}

/// What the probe has written, or that it has written nothing, and what the runtime said.
pub(super) fn written(stage: &Stage<'_>, place: &Path, said: &str) -> Result<Facts, SceneError> {
    let file = place.join("root").join(OUT.trim_start_matches('/'));
    let text = fs::read_to_string(file).map_err(|_| SceneError::NotStarted(said.trim().to_owned()))?;
    crate::probe::read(text.trim_start_matches(FACTS), &stage.canary.token).map_err(SceneError::NotStarted)
}

/// A caller without standard input, output and error.
pub(super) fn closed(stage: &mut Stage<'_>) -> Result<Facts, SceneError> {
    let (place, spec) = writing(stage, "closed", "fd")?;
    let finished = stage.start_by(&spec, &place, "--closed")?.finish(PATIENCE)?;
    written(stage, &place, &format!("{}; nobody could hear why", finished.status))
}

/// A caller at a terminal, which the payload must not type on.
pub(super) fn terminal(stage: &mut Stage<'_>) -> Result<Facts, SceneError> {
    let (place, spec) = writing(stage, "terminal", "fd,terminal")?;
    let call = stage.prepared(&spec, &place)?;
    let pty = nix::pty::openpty(None, None).map_err(std::io::Error::from).doing("making a terminal")?;
    let before = modes(&pty.slave);
    let own = crate::probe::claims::which(&format!("/proc/self/fd/{}", pty.slave.as_raw_fd()));
    let line =
        |what: &str| -> Result<Stdio, SceneError> { Ok(Stdio::from(pty.slave.try_clone().doing(what)?)) };
    let mut command = stage.launcher(&call, "--terminal");
    let (input, output, error) = (line("its input")?, line("its output")?, line("its errors")?);
    let mut child =
        command.stdin(input).stdout(output).stderr(error).spawn().doing("starting the launcher")?;
    // The command keeps its ends of the terminal open as long as it lives.
    drop(command);
    let screen = listen(&pty.master)?;
    let deadline = Instant::now() + PATIENCE;
    let status = loop {
        if let Some(status) = child.try_wait().doing("waiting for the runtime")? {
            break status;
        }
        if Instant::now() > deadline || crate::run::interrupted() {
            // One that ended in between is gone as well.
            drop(child.kill());
            drop(child.wait());
            return Err(SceneError::Hang("it did not end at a terminal".into()));
        }
        std::thread::sleep(Duration::from_millis(5));
    };
    let typed = pending(&pty.slave);
    let after = modes(&pty.slave);
    drop(pty.slave);
    let said: String = screen.iter().collect();
    let mut facts = written(stage, &place, &format!("{status}; {said}"))?;
    facts.set("run.runtime", stage.runtime.name());
    facts.set("host.terminal", own);
    facts.set("host.terminal_typed", typed);
    facts.set("host.terminal_modes_before", before);
    facts.set("host.terminal_modes_after", after);
    Ok(facts)
}

/// The settings of a terminal that a program may change, as one line.
fn modes(slave: &OwnedFd) -> String {
    termios::tcgetattr(slave).map_or_else(
        |errno| format!("{errno:?}"),
        |t| format!("{:?} {:?} {:?} {:?}", t.input_flags, t.output_flags, t.control_flags, t.local_flags),
    )
}

/// What can be read from the terminal although nobody typed.
fn pending(slave: &OwnedFd) -> String {
    let own = slave.try_clone().and_then(|fd| {
        let _zero = fcntl(&fd, FcntlArg::F_SETFL(OFlag::O_NONBLOCK))?;
        Ok(File::from(fd))
    });
    let mut bytes = [0_u8; 256];
    match own.and_then(|mut file| file.read(&mut bytes)) {
        Ok(length) => String::from_utf8_lossy(&bytes[..length]).into_owned(),
        Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => String::new(),
        Err(error) => error.to_string(),
    }
}

/// What appears on the screen, so that nobody has to wait for a reader.
fn listen(master: &OwnedFd) -> Result<std::sync::mpsc::Receiver<String>, SceneError> {
    let mut file = File::from(master.as_fd().try_clone_to_owned().doing("listening to the terminal")?);
    let (sender, receiver) = std::sync::mpsc::channel();
    let _detached = std::thread::spawn(move || {
        let mut bytes = [0_u8; 4096];
        // A terminal that nobody has open any more answers with EIO.
        while let Ok(length) = file.read(&mut bytes) {
            if length == 0 || sender.send(String::from_utf8_lossy(&bytes[..length]).into_owned()).is_err() {
                return;
            }
        }
    });
    Ok(receiver)
}

/// A device of the machine says that it has changed while an id-mapped container listens.
pub(super) fn uevents(stage: &mut Stage<'_>) -> Result<Facts, SceneError> {
    const DEVICE: &str = "/sys/devices/virtual/mem/null/uevent";
    let (place, mut spec) = writing(stage, "uevents", "uevent")?;
    spec.idmap = Some(100_000);
    super::plain::stage_root_to(&place.join("root"), 100_000)?;
    let running = stage.start(&spec, &place)?;
    let over = AtomicBool::new(false);
    let (seen, finished) = std::thread::scope(|scope| {
        let said = scope.spawn(|| {
            let mut outcome = Ok(());
            while !over.load(Ordering::Relaxed) && outcome.is_ok() {
                outcome = File::options().write(true).open(DEVICE).and_then(|mut f| f.write_all(b"change"));
                std::thread::sleep(Duration::from_millis(20));
            }
            outcome
        });
        // That the kernel says it at all is seen from here.
        let seen = scope.spawn(|| crate::probe::netlink::uevents(600));
        let finished = running.finish(PATIENCE);
        over.store(true, Ordering::Relaxed);
        let seen = match (said.join(), seen.join()) {
            (Ok(Err(error)), _) => Err(format!("{DEVICE}: {error}")),
            (_, Ok(Ok(seen))) => Ok(seen),
            (_, Ok(Err(errno))) => Err(format!("{errno:?}")),
            _ => Err("a thread of the harness panicked".to_owned()),
        };
        (seen, finished)
    });
    let finished = finished?;
    let mut facts = written(stage, &place, &format!("{}; {}", finished.status, finished.stderr))?;
    match seen {
        Ok(seen) => facts.set("host.uevents_seen", seen),
        Err(why) => facts.set("host.uevents_seen", why),
    }
    Ok(facts)
}
