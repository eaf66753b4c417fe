//! File systems that the host has mounted below the root and below volumes before the start.

use std::fs;
use std::path::{Path, PathBuf};

use nix::mount::{MntFlags, MsFlags, mount, umount2};
use nix::sys::stat::{Mode, SFlag, makedev, mknod};

use crate::facts::Facts;
use crate::spec::{Spec, Volume};
use crate::stage::{Doing, SceneError, Stage};

use super::tried::start;

/// A memory file system of the host; dropping it takes it away.
struct Mounted(PathBuf);

impl Mounted {
    fn at(path: PathBuf) -> Result<Self, SceneError> {
        fs::create_dir_all(&path).doing("making a mount point")?;
        mount(Some("none"), &path, Some("tmpfs"), MsFlags::empty(), None::<&str>)
            .map_err(std::io::Error::from)
            .doing("mounting below the root")?;
        Ok(Self(path))
    }
}
impl Drop for Mounted {
    fn drop(&mut self) {
        if let Err(errno) = umount2(&self.0, MntFlags::MNT_DETACH) {
            eprintln!("browndog conformance: {}: {errno}", self.0.display());
        }
    }
}

/// Devices that no container has business with, and whose opening does nothing: FUSE, tun, loop control, random.
const NODES: [(u64, u64); 4] = [(10, 229), (10, 200), (10, 237), (10, 183)];

/// The first of them that can be opened out here: what is refused inside has to be there.
pub(super) fn opened_outside(place: &Path) -> Result<Option<(u64, u64)>, SceneError> {
    let path = place.join("node");
    for (major, minor) in NODES {
        node(&path, (major, minor))?;
        let opened = fs::File::open(&path).is_ok();
        fs::remove_file(&path).doing("removing a node")?;
        if opened {
            return Ok(Some((major, minor)));
        }
    }
    Ok(None)
}

pub(super) fn node(path: &Path, (major, minor): (u64, u64)) -> Result<(), SceneError> {
    mknod(path, SFlag::S_IFCHR, Mode::S_IRUSR | Mode::S_IWUSR, makedev(major, minor))
        .map_err(std::io::Error::from)
        .doing("making a node")
}

/// A file, and a node.
fn fill(directory: &Path, number: Option<(u64, u64)>) -> Result<(), SceneError> {
    fs::write(directory.join("token"), "staged").doing("filling a mount")?;
    number.map_or(Ok(()), |number| node(&directory.join("node"), number))
}

pub(super) fn staged(stage: &mut Stage<'_>) -> Result<Facts, SceneError> {
    let mut facts = Facts::default();
    let (place, id) = stage.place("staged")?;
    let root = place.join("root");
    let mut spec = Spec::plain(&id, root.clone(), stage.probe_argv("kernelfs,staged", false));
    let mut held = Vec::new();
    let number = opened_outside(&place)?;
    for name in ["ro", "rw"] {
        let source = place.join(name);
        fs::create_dir_all(&source).doing("making a volume")?;
        fs::create_dir_all(root.join(name)).doing("making a mount point")?;
        held.push(Mounted::at(source.join("sub"))?);
        fill(&source.join("sub"), number)?;
        spec.volumes.push(Volume { source, target: format!("/{name}"), readonly: name == "ro" });
    }
    held.push(Mounted::at(root.join("mnt/sub"))?);
    fill(&root.join("mnt/sub"), number)?;
    for name in ["proc", "sys", "dev"] {
        held.push(Mounted::at(root.join(name))?);
        fs::write(root.join(name).join("token"), "staged").doing("filling a mount")?;
    }
    let tried = start(stage, &spec, &place)?;
    tried.note(&mut facts, "staged");
    let told = number.map(|(major, minor)| format!("{major}:{minor}"));
    facts.set("host.staged.node", told.unwrap_or_default());
    facts.absorb(tried.seen.unwrap_or_default());
    drop(held);
    Ok(facts)
}
