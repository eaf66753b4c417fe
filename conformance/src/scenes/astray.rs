//! Links of the image, or of a volume, in the way of the init: its directory, its program, its interpreter.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use crate::facts::Facts;
use crate::probe::NAME;
use crate::snapshot::Snapshot;
use crate::spec::{Spec, Volume};
use crate::stage::{Doing, SceneError, Stage};

use super::tried::{Tried, start};

/// What the link stands in the way of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    Directory,
    DirectoryOnVolume,
    Program,
    Interpreter,
}

impl Way {
    const ALL: [Self; 4] = [Self::Directory, Self::DirectoryOnVolume, Self::Program, Self::Interpreter];

    const fn name(self) -> &'static str {
        match self {
            Self::Directory => "directory",
            Self::DirectoryOnVolume => "directory_on_volume",
            Self::Program => "program",
            Self::Interpreter => "interpreter",
        }
    }
    const fn is_directory(self) -> bool {
        matches!(self, Self::Directory | Self::DirectoryOnVolume)
    }
}

/// Places that lead out where a runtime has something open, or where it resolves the path too early.
pub(super) fn doors() -> Vec<String> {
    let numbers = (3..=20).map(|n| format!("/proc/self/fd/{n}"));
    let others = ["/proc/thread-self/fd/3", "/dev/fd/5", "/proc/1/root", "/proc/1/cwd", "/proc/self/cwd"];
    numbers.chain(others.map(str::to_owned)).collect()
}

/// The same doors on the way to the host's copy of the program, and the program that starts it all.
pub(super) fn outwards(host: &Path, doors: Vec<PathBuf>) -> Vec<PathBuf> {
    let inside = host.strip_prefix("/").unwrap_or(host);
    let up = "../../../../../../../../../../../..";
    let through = doors.into_iter().map(|door| door.join(up).join(inside));
    through.chain(["/proc/self/exe", "/proc/1/exe"].map(PathBuf::from)).collect()
}

/// Plays every link, and takes down what led outside, what hung, and what said nothing.
pub(super) fn tell(
    facts: &mut Facts,
    name: &dyn Fn(&str) -> String,
    links: &[PathBuf],
    mut play: impl FnMut(&Path) -> Result<Played, SceneError>,
) -> Result<(), SceneError> {
    let (mut outside, mut hung, mut silent, mut touched) = (vec![], vec![], vec![], vec![]);
    for link in links {
        let played = play(link)?;
        let said = format!("{}: {}", link.display(), played.told());
        if !played.untouched {
            touched.push(said.clone());
        }
        match played.tried.word() {
            "hangs" => hung.push(said),
            "ran" if !played.inside() => outside.push(said),
            "ran" | "refused" => {}
            _ => silent.push(said),
        }
    }
    facts.set(name("tried"), links.len());
    for (what, list) in
        [("outside", outside), ("hung", hung), ("silent", silent), ("host_files_touched", touched)]
    {
        facts.set(name(what), list);
    }
    Ok(())
}

pub(super) fn astray(stage: &mut Stage<'_>) -> Result<Facts, SceneError> {
    let mut facts = Facts::default();
    let before = Snapshot::take();
    for way in Way::ALL {
        // A link within the image is an image's good right, and shows that the rest of the recipe starts.
        let name = |what: &str| format!("astray.{}.{what}", way.name());
        let control = play(stage, way, control_of(way), None);
        let control = match control {
            // Of a runtime that has words for the others; where faults are planned it ends the scene.
            Err(SceneError::NotApplicable(reason)) if way != Way::Directory => {
                facts.set(name("control"), serde_json::json!({ "not_applicable": reason }));
                continue;
            }
            control => control?,
        };
        facts.set(name("control"), if control.inside() { "inside".to_owned() } else { control.told() });
        let links: Vec<PathBuf> = doors().into_iter().map(PathBuf::from).collect();
        let links = if way.is_directory() { links } else { outwards(&stage.work.join(NAME), links) };
        tell(&mut facts, &name, &links, |link| play(stage, way, link, None))?;
    }
    stage.leaks(&before, "bdc-", &mut facts);
    Ok(facts)
}

/// The probe's own place in the image.
pub(super) const INSIDE: &str = "/browndog-probe";

/// One start with one link.
pub(super) struct Played {
    /// What became of it.
    pub(super) tried: Tried,
    /// The host's file is as it was.
    pub(super) untouched: bool,
}

impl Played {
    /// Directory and program lie on mounts of the container, and nothing leads further up than its root.
    pub(super) fn inside(&self) -> bool {
        let Some(seen) = &self.tried.seen else { return false };
        let on_own = ["place.cwd_mounted", "place.exe_mounted"].iter().all(|n| seen.text(n) == Some("yes"));
        let reachable = seen.text("place.cwd").is_some_and(|cwd| cwd.starts_with('/'));
        let top = seen.get("place.top_is_root") == Some(&true.into());
        on_own && reachable && top && seen.get("place.host_file_read") == Some(&false.into())
    }

    pub(super) fn told(&self) -> String {
        let Some(seen) = &self.tried.seen else {
            return format!("{} {}", self.tried.word(), self.tried.says);
        };
        let text = |name: &str| seen.text(name).unwrap_or("?").to_owned();
        format!(
            "directory {} (on a mount of its own: {}), program {} ({}), a file of the host read: {}, written: {}",
            text("place.cwd"),
            text("place.cwd_mounted"),
            text("place.exe"),
            text("place.exe_mounted"),
            seen.get("place.host_file_read").is_some_and(|v| v == true),
            text("place.host_file_written"),
        )
    }
}

fn play(stage: &Stage<'_>, way: Way, link: &Path, user: Option<u32>) -> Result<Played, SceneError> {
    let (place, id) = stage.place("astray")?;
    let (root, victim) = (place.join("root"), place.join("victim"));
    fs::write(&victim, "untouched").doing("writing a victim")?;
    let mut argv = stage.probe_argv("place", false);
    argv.extend(["--param".to_owned(), format!("victim={}", victim.display())]);
    let mut spec = Spec::plain(&id, root.clone(), argv);
    spec.rootless = user;
    let set = |path: PathBuf| symlink(link, path).doing("setting a link");
    match way {
        Way::Directory => {
            set(root.join("work"))?;
            spec.directory = Some("/work".into());
        }
        Way::DirectoryOnVolume => {
            let source = place.join("volume");
            fs::create_dir(&source).doing("making a volume")?;
            set(source.join("work"))?;
            spec.volumes.push(Volume { source, target: "/data".into(), readonly: false });
            spec.directory = Some("/data/work".into());
        }
        Way::Program | Way::Interpreter => {
            fs::create_dir(root.join("sbin")).doing("making a directory")?;
            set(root.join("sbin").join(NAME))?;
            let program = format!("/sbin/{NAME}");
            if way == Way::Program {
                spec.argv[0] = program;
            } else {
                let script = root.join("script");
                fs::write(&script, format!("#!{program} script\n")).doing("writing a script")?;
                fs::set_permissions(&script, fs::Permissions::from_mode(0o755))
                    .doing("making it executable")?;
                spec.argv[0] = "/script".into();
            }
        }
    }
    let tried = start(stage, &spec, &place)?;
    let untouched = fs::read_to_string(&victim).is_ok_and(|text| text == "untouched");
    fs::remove_dir_all(&root).doing("removing the root")?;
    Ok(Played { tried, untouched })
}

/// What an image may well link to.
fn control_of(way: Way) -> &'static Path {
    Path::new(if way.is_directory() { "/home/user" } else { INSIDE })
}

/// The same by a plain user, who has files of its own to lose.
pub(super) fn rootless(stage: &mut Stage<'_>) -> Result<Facts, SceneError> {
    let user = Some(crate::probe::launch::PLAIN_USER);
    let mut facts = Facts::default();
    let before = Snapshot::take();
    for way in [Way::Directory, Way::Program] {
        let name = |what: &str| format!("rootless.{}.{what}", way.name());
        let control = play(stage, way, control_of(way), user)?;
        facts.set(name("control"), if control.inside() { "inside".to_owned() } else { control.told() });
        let links: Vec<PathBuf> = doors().into_iter().map(PathBuf::from).collect();
        let links = if way.is_directory() { links } else { outwards(&stage.work.join(NAME), links) };
        tell(&mut facts, &name, &links, |link| play(stage, way, link, user))?;
    }
    let (place, id) = stage.place("rootless")?;
    let mut spec = Spec::plain(&id, place.join("root"), stage.probe_argv("kernelfs,user", false));
    spec.rootless = user;
    let tried = start(stage, &spec, &place)?;
    tried.note(&mut facts, "rootless.plain");
    facts.absorb(tried.seen.unwrap_or_default());
    stage.leaks(&before, "bdc-", &mut facts);
    Ok(facts)
}
