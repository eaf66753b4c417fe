//! Scenes of one container that reports what it sees and tries.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use nix::sys::stat::{Mode, SFlag, makedev, mknod};

use crate::facts::Facts;
use crate::spec::{Capabilities, Spec, Volume};
use crate::stage::{Doing, SceneError, Stage};

/// Everything that can be asked of one container without disturbing it.
const EVERYTHING: &str =
    "fd,ctx,pid,user,mount,proc,sysctl,sys,dev,mknod,uts,ipc,keys,time,net,cgroup,cpus,caps,tries";

/// Environment that the document declares.
const ENVIRONMENT: (&str, &str) = ("BROWNDOG_DECLARED", "a value with spaces, 'quotes' & <signs>");

fn spec(stage: &Stage<'_>, scene: &str, areas: &str) -> Result<(std::path::PathBuf, Spec), SceneError> {
    let (place, name) = stage.place(scene)?;
    let mut spec = Spec::plain(&name, place.join("root"), stage.probe_argv(areas, true));
    spec.env.push((ENVIRONMENT.0.into(), ENVIRONMENT.1.into()));
    Ok((place, spec))
}

pub(super) fn plain(stage: &mut Stage<'_>) -> Result<Facts, SceneError> {
    let (place, spec) = spec(stage, "plain", EVERYTHING)?;
    let root = fs::metadata(place.join("root")).doing("looking at the root directory")?;
    let before = tree(&place.join("root"));
    let mut facts = stage.observe(&spec, &place)?;
    facts.set("host.root_device", root.dev());
    facts.set("host.root_inode", root.ino());
    facts.set("spec.name", spec.name.clone());
    facts.set("spec.argc", spec.argv.len());
    crate::host::families(&mut facts);
    // The caller has this key; where it has not, the check has nothing to stand on.
    facts.set("host.key_in_user_keyring", crate::probe::ipc::key_in(-4).is_ok());
    let after = tree(&place.join("root"));
    let made: Vec<String> = after.into_iter().filter(|l| !before.contains(l)).collect();
    facts.set("host.root_changes", made);
    Ok(facts)
}

/// A line for every inode: kind, mode, owner, path.
pub(super) fn tree(top: &Path) -> Vec<String> {
    let mut lines = Vec::new();
    let mut open = vec![top.to_owned()];
    while let Some(directory) = open.pop() {
        for entry in fs::read_dir(&directory).into_iter().flatten().flatten() {
            let path = entry.path();
            let Ok(meta) = fs::symlink_metadata(&path) else { continue };
            lines.push(format!("{:o} {}:{} {}", meta.mode(), meta.uid(), meta.gid(), path.display()));
            if meta.is_dir() {
                open.push(path);
            }
        }
    }
    lines.sort();
    lines
}

pub(super) fn nonroot(stage: &mut Stage<'_>) -> Result<Facts, SceneError> {
    let (place, mut spec) = spec(stage, "nonroot", "fd,ctx,user,dev,setuid,caps,tries")?;
    let program = place.join("root/setuid-probe");
    let _length = fs::copy(&stage.binary, &program).doing("copying the probe")?;
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o4755);
    fs::set_permissions(&program, mode).doing("making a setuid program")?;
    spec.user = Some((1000, 1000));
    spec.directory = Some("/home/user".into());
    stage.observe(&spec, &place)
}

pub(super) fn strict(stage: &mut Stage<'_>) -> Result<Facts, SceneError> {
    let (place, mut spec) = spec(stage, "strict", EVERYTHING)?;
    spec.idmap = Some(100_000);
    // A map alone may come with every capability in the namespace; this profile is the reduced set.
    spec.capabilities = Capabilities::Only(crate::runtimes::oci::DEFAULT.to_vec());
    spec.hostname = Some("strict-host".into());
    let data = place.join("volume");
    fs::create_dir_all(&data).doing("making a volume")?;
    std::os::unix::fs::chown(&data, Some(100_000), Some(100_000)).doing("giving the volume away")?;
    stage_root_to(&place.join("root"), 100_000)?;
    spec.volumes.push(Volume { source: data.clone(), target: "/data".into(), readonly: false });
    let inside = std::cell::RefCell::new(String::new());
    let mut facts = stage.observe_with(&spec, &place, &|_, pid| {
        let made = fs::metadata(format!("/proc/{pid}/root/tmp/made-inside"));
        *inside.borrow_mut() = made.map_or_else(|e| e.to_string(), |m| m.uid().to_string());
    })?;
    facts.set("host.made_inside_owner", inside.into_inner());
    Ok(facts)
}

/// Runtimes without id-mapped mounts need the tree to belong to the mapped ids.
pub(super) fn stage_root_to(root: &Path, base: u32) -> Result<(), SceneError> {
    // The probe is one file under many names, of which only this one changes hands.
    let probe = root.join(crate::probe::NAME);
    let own = root.join("own-probe");
    let _length = fs::copy(&probe, &own).doing("copying the probe")?;
    fs::rename(&own, &probe).doing("replacing the probe")?;
    let mut open = vec![root.to_owned()];
    while let Some(path) = open.pop() {
        std::os::unix::fs::lchown(&path, Some(base), Some(base))
            .doing("giving the root to the mapped ids")?;
        if fs::symlink_metadata(&path).is_ok_and(|m| m.is_dir()) {
            open.extend(fs::read_dir(&path).into_iter().flatten().flatten().map(|e| e.path()));
        }
    }
    Ok(())
}

pub(super) fn readonly(stage: &mut Stage<'_>) -> Result<Facts, SceneError> {
    let (place, mut spec) = spec(stage, "readonly", "mount,root,dev")?;
    spec.readonly_root = true;
    let before = tree(&place.join("root"));
    let mut facts = stage.observe(&spec, &place)?;
    let after = tree(&place.join("root"));
    facts.set("host.root_changes", after.into_iter().filter(|l| !before.contains(l)).collect::<Vec<_>>());
    Ok(facts)
}

pub(super) fn volumes(stage: &mut Stage<'_>) -> Result<Facts, SceneError> {
    let (place, mut spec) = spec(stage, "volumes", "mount,volumes")?;
    for name in ["ro", "rw"] {
        let source = place.join(name);
        fs::create_dir_all(source.join("sub")).doing("making a volume")?;
        fs::write(source.join("token"), "volume").doing("filling a volume")?;
        fs::create_dir_all(place.join("root").join(name)).doing("making a mount point")?;
        spec.volumes.push(Volume { source, target: format!("/{name}"), readonly: name == "ro" });
    }
    fs::create_dir_all(place.join("root/ram")).doing("making a mount point")?;
    let copied = fs::copy(&stage.binary, place.join("rw/probe-copy")).doing("copying the probe")?;
    let number = super::staged::opened_outside(&place)?;
    if let Some(number) = number {
        super::staged::node(&place.join("rw/node"), number)?;
    }
    spec.ram.push(("/ram".into(), 4 << 20));
    let mut facts = stage.observe_with(&spec, &place, &|facts, _| {
        // A mount that the host makes below a volume's source, while the container runs.
        let below = place.join("rw/sub");
        let mounted = nix::mount::mount(
            Some("none"),
            &below,
            Some("tmpfs"),
            nix::mount::MsFlags::empty(),
            None::<&str>,
        );
        facts.attempt("host.mount_below_volume", mounted);
    })?;
    let below = place.join("rw/sub");
    if let Err(errno) = nix::mount::umount2(&below, nix::mount::MntFlags::MNT_DETACH) {
        eprintln!("browndog conformance: {}: {errno}", below.display());
    }
    facts.set("host.volume_file", place.join("rw/made-inside").exists());
    facts.set(
        "host.readonly_volume_untouched",
        !place.join("ro/made-inside").exists() && place.join("ro/token").exists(),
    );
    facts.set("host.copied_bytes", copied);
    facts.set("host.node", number.map(|(major, minor)| format!("{major}:{minor}")).unwrap_or_default());
    Ok(facts)
}

pub(super) fn devices(stage: &mut Stage<'_>) -> Result<Facts, SceneError> {
    let (place, spec) = spec(stage, "devices", "sweep")?;
    let made = nodes(&place)?;
    let mut facts = stage.observe(&spec, &place)?;
    facts.set("host.nodes_made", made);
    Ok(facts)
}

/// With fewer locks: what the filter and the capabilities stop as well is left to the others.
pub(super) fn opened(stage: &mut Stage<'_>) -> Result<Facts, SceneError> {
    let (place, mut spec) = spec(stage, "opened", "keys,made")?;
    spec.filter = false;
    spec.capabilities = Capabilities::With(vec!["mknod"]);
    // The image's nodes only say which numbers to try.
    let _made = nodes(&place)?;
    let mut facts = stage.observe(&spec, &place)?;
    // The caller has the key in its session; where it has not, the check has nothing to stand on.
    if crate::probe::ipc::key_in_session().is_ok() {
        facts.set("host.key_in_session", true);
    }
    Ok(facts)
}

/// Nodes for every device number of the machine in the image; how many.
fn nodes(place: &Path) -> Result<u32, SceneError> {
    let nodes = place.join("root/nodes");
    fs::create_dir_all(&nodes).doing("making a directory for nodes")?;
    let mut made = 0;
    for (letter, major, minor) in numbers() {
        // Opening a watchdog starts it, and closing it does not stop it. Closing a serial line waits for what it
        // has not sent, and one of a guest's carries the results.
        if major == 10 && minor == 130 || letter == 'c' && major == 4 && minor >= 64 {
            continue;
        }
        let kind = if letter == 'c' { SFlag::S_IFCHR } else { SFlag::S_IFBLK };
        let path = nodes.join(format!("{letter}-{major}-{minor}"));
        if mknod(&path, kind, Mode::from_bits_truncate(0o666), makedev(major, minor)).is_ok() {
            let open = std::os::unix::fs::PermissionsExt::from_mode(0o666);
            fs::set_permissions(&path, open).doing("opening a node's mode")?;
            made += 1;
        }
    }
    Ok(made)
}

/// Every device the machine has, and the first two numbers of every driver.
fn numbers() -> std::collections::BTreeSet<(char, u64, u64)> {
    let mut all = std::collections::BTreeSet::new();
    for (letter, directory) in [('c', "/sys/dev/char"), ('b', "/sys/dev/block")] {
        for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            if let Some((major, minor)) = name.split_once(':')
                && let (Ok(major), Ok(minor)) = (major.parse(), minor.parse())
            {
                let _new = all.insert((letter, major, minor));
            }
        }
    }
    let mut letter = 'c';
    for line in fs::read_to_string("/proc/devices").unwrap_or_default().lines() {
        match line.trim() {
            "Block devices:" => letter = 'b',
            other => {
                if let Some(major) = other.split_whitespace().next().and_then(|m| m.parse().ok()) {
                    all.extend([(letter, major, 0), (letter, major, 1)]);
                }
            }
        }
    }
    all
}
