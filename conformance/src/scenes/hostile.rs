//! Scenes in which the image is an adversary: links, files and pipes where directories are expected.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use crate::facts::Facts;
use crate::snapshot::Snapshot;
use crate::spec::{Spec, Volume};
use crate::stage::{Doing, PATIENCE, SceneError, Stage};

use super::plain::tree;

/// A change to the image: the target directory of the host is what nothing may reach.
type Trap = fn(root: &Path, target: &Path) -> std::io::Result<()>;

fn replace(root: &Path, name: &str, target: &Path) -> std::io::Result<()> {
    let path = root.join(name);
    fs::remove_dir_all(&path)?;
    symlink(target, path)
}

/// Everything between here and the top, and then the target.
fn upwards(target: &Path) -> std::path::PathBuf {
    let inside = target.strip_prefix("/").unwrap_or(target);
    Path::new("../../../../../../../../../..").join(inside)
}

const TRAPS: [(&str, Trap); 12] = [
    // No trap, but the first: what has to be made in an image is part of the plan that faults are taken from.
    ("nothing_there", |root, _| ["proc", "sys", "dev"].iter().try_for_each(|d| fs::remove_dir(root.join(d)))),
    // The control: as engines give it.
    ("none", |_, _| Ok(())),
    ("proc_link", |root, target| replace(root, "proc", target)),
    ("sys_link", |root, target| replace(root, "sys", target)),
    ("dev_link", |root, target| replace(root, "dev", target)),
    ("dev_link_upwards", |root, target| replace(root, "dev", &upwards(target))),
    ("proc_file", |root, _| {
        fs::remove_dir(root.join("proc"))?;
        fs::write(root.join("proc"), "x")
    }),
    ("dev_pts_link", |root, target| symlink(target, root.join("dev/pts"))),
    ("dev_null_link", |root, _| symlink("/proc/sys/kernel/core_pattern", root.join("dev/null"))),
    ("dev_shm_link", |root, target| symlink(target, root.join("dev/shm"))),
    ("volume_link", |root, target| symlink(target, root.join("volume"))),
    ("volume_link_upwards", |root, target| symlink(upwards(target), root.join("volume"))),
];

/// Each trap in turn: the container starts and is whole, or does not start; the host is untouched.
pub(super) fn images(stage: &mut Stage<'_>) -> Result<Facts, SceneError> {
    let mut facts = Facts::default();
    let before = Snapshot::take();
    for (name, trap) in TRAPS {
        let (place, id) = stage.place("trap")?;
        let (root, target, source) = (place.join("root"), place.join("target"), place.join("source"));
        for directory in [&target, &source] {
            fs::create_dir(directory).doing("making a directory")?;
            fs::write(directory.join("token"), "untouched").doing("writing a token")?;
        }
        trap(&root, &target).doing("setting a trap")?;
        let mut spec = Spec::plain(&id, root, stage.probe_argv("mount,proc,dev", false));
        if name.starts_with("volume") {
            spec.volumes.push(Volume { source, target: "/volume".into(), readonly: false });
        }
        let was = tree(&target);
        let finished = stage.start(&spec, &place)?.finish(PATIENCE)?;
        let seen = crate::probe::told(&finished.stdout, &stage.canary.token);
        facts.set(format!("trap.{name}.started"), seen.is_some());
        facts.set(format!("trap.{name}.host_untouched"), tree(&target) == was);
        facts.set(format!("trap.{name}.exit"), finished.status.code().unwrap_or(-1));
        facts.set(format!("trap.{name}.says"), finished.stderr.trim().chars().take(160).collect::<String>());
        if let Some(seen) = seen {
            let real = seen.text("mount./proc.kind") == Some("proc");
            facts.set(format!("trap.{name}.proc_is_real"), real);
            facts.set(format!("trap.{name}.null_is_null"), seen.text("dev.node.null") == Some("c 1:3"));
            facts.set(format!("trap.{name}.masks_hold"), seen.list("proc.masked_open").is_empty());
        }
        super::life::destroy(stage, &spec, &place);
    }
    stage.leaks(&before, "bdc-", &mut facts);
    Ok(facts)
}

/// Account files that want to hang or mislead whoever reads them on the host's side.
pub(super) fn accounts(stage: &mut Stage<'_>) -> Result<Facts, SceneError> {
    let mut facts = Facts::default();
    for (name, set) in [
        (
            "fifo",
            (|path| nix::unistd::mkfifo(path, nix::sys::stat::Mode::S_IRWXU).map_err(Into::into))
                as fn(&Path) -> std::io::Result<()>,
        ),
        ("link", |path| symlink("/dev/zero", path)),
        ("long_line", |path| fs::write(path, "x".repeat(8 << 20))),
        ("missing", |_| Ok(())),
        // The control.
        ("plain", |path| fs::write(path, "root:x:0:0:root:/root:/bin/sh\nuser:x:1000:1000::/:/bin/sh\n")),
    ] {
        let (place, id) = stage.place("accounts")?;
        let root = place.join("root");
        let passwd = root.join("etc/passwd");
        fs::remove_file(&passwd).doing("removing the passwd file")?;
        set(&passwd).doing("replacing the passwd file")?;
        let argv = [format!("/{}", crate::probe::NAME), "say".into(), "ran".into(), "7".into()];
        let mut spec = Spec::plain(&id, root, argv.to_vec());
        spec.user = Some((1000, 1000));
        let ended = stage.start(&spec, &place)?.finish(PATIENCE);
        let word = ended.map_or_else(
            |e| e.to_string(),
            // What it says shows that it ran, also where the runtime does not hand on its status.
            |f| match (f.stdout.trim(), f.status.code()) {
                ("ran", _) => "ran".into(),
                (_, Some(code)) => code.to_string(),
                (_, None) => f.status.to_string(),
            },
        );
        facts.set(format!("trap.passwd_{name}"), word);
        super::life::destroy(stage, &spec, &place);
    }
    facts.set("trap.unreadable", unreadable(stage)?);
    Ok(facts)
}

/// A program that its user may execute and may not read: its exit status.
fn unreadable(stage: &Stage<'_>) -> Result<i32, SceneError> {
    let (place, id) = stage.place("accounts")?;
    let root = place.join("root");
    let program = root.join("closed-probe/browndog-probe");
    fs::create_dir(root.join("closed-probe")).doing("making a directory")?;
    let _length = fs::copy(&stage.binary, &program).doing("copying the probe")?;
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o711);
    fs::set_permissions(&program, mode).doing("closing the program")?;
    let argv = ["/closed-probe/browndog-probe", "exit", "7"].map(str::to_owned);
    let mut spec = Spec::plain(&id, root, argv.to_vec());
    spec.user = Some((1000, 1000));
    let finished = stage.start(&spec, &place)?.finish(PATIENCE)?;
    super::life::destroy(stage, &spec, &place);
    Ok(finished.status.code().unwrap_or(-1))
}
