//! File systems in a file, whose file is none: a pipe, a file of the kernel.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use nix::sys::inotify::{AddWatchFlags, InitFlags, Inotify};

use crate::facts::Facts;
use crate::spec::Spec;
use crate::stage::{Doing, SceneError, Stage};

use super::tried::start;

/// What waits in the pipe for whoever reads it.
const WAITING: &[u8] = b"what waits in the pipe";
/// Files of the kernel whose reading does nothing.
const HARMLESS: [&str; 2] = ["/sys/kernel/uevent_seqnum", "/proc/sys/kernel/ostype"];

pub(super) fn sources(stage: &mut Stage<'_>) -> Result<Facts, SceneError> {
    let mut facts = Facts::default();
    let (place, id) = stage.place("sources")?;
    // Without a source, to show that the rest starts.
    let plain = Spec::plain(&id, place.join("root"), stage.probe_argv("kernelfs", false));
    let mut asked = plain.clone();
    asked.image = Some((place.join("image"), "/data".into()));
    if let Some(reason) = stage.runtime.cannot(&asked) {
        stage.planned(&plain, &place)?;
        return Err(SceneError::NotApplicable(reason));
    }
    // Faults are taken from a plan that has the image: one that is not mounted is no refusal.
    fs::write(place.join("image"), [0; 4096]).doing("making a file for an image")?;
    stage.planned(&asked, &place)?;
    facts.set("sources.none.became", start(stage, &plain, &place)?.word());
    let fifo = place.join("fifo");
    nix::unistd::mkfifo(&fifo, nix::sys::stat::Mode::S_IRWXU)
        .map_err(std::io::Error::from)
        .doing("making a pipe")?;
    // Without a writer a reader waits for ever; with one it takes what is there.
    one(stage, &mut facts, "empty_pipe", &fifo)?;
    let mut pipe = File::options()
        .read(true)
        .write(true)
        .custom_flags(libc::O_NONBLOCK)
        .open(&fifo)
        .doing("opening the pipe")?;
    pipe.write_all(WAITING).doing("filling the pipe")?;
    one(stage, &mut facts, "full_pipe", &fifo)?;
    let mut left = vec![0; 4 * WAITING.len()];
    let length = pipe.read(&mut left).unwrap_or(0);
    facts.set("sources.full_pipe.unread", &left[..length] == WAITING);
    for (name, path) in [("sysfs", HARMLESS[0]), ("procfs", HARMLESS[1])] {
        one(stage, &mut facts, name, Path::new(path))?;
    }
    Ok(facts)
}

/// One start with this for an image; whether somebody read it.
fn one(stage: &Stage<'_>, facts: &mut Facts, name: &str, source: &Path) -> Result<(), SceneError> {
    let (place, id) = stage.place("sources")?;
    let mut spec = Spec::plain(&id, place.join("root"), stage.probe_argv("kernelfs", false));
    spec.image = Some((PathBuf::from(source), "/data".into()));
    let watch = watching(source);
    let tried = start(stage, &spec, &place)?;
    let read = watch.as_ref().is_ok_and(was_read);
    tried.note(facts, &format!("sources.{name}"));
    facts.set(format!("sources.{name}.read"), read);
    // That reading is noticed is seen by doing it.
    if !name.ends_with("pipe") {
        let own = watching(source);
        let _text = fs::read(source).doing("reading it for a control")?;
        facts.set(format!("sources.{name}.reading_is_noticed"), own.as_ref().is_ok_and(was_read));
    }
    Ok(())
}

fn watching(path: &Path) -> nix::Result<Inotify> {
    let watch = Inotify::init(InitFlags::IN_CLOEXEC | InitFlags::IN_NONBLOCK)?;
    let _number = watch.add_watch(path, AddWatchFlags::IN_ACCESS)?;
    Ok(watch)
}

fn was_read(watch: &Inotify) -> bool {
    watch.read_events().is_ok_and(|events| !events.is_empty())
}
