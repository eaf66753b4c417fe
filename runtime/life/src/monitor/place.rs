//! A monitor's own control group: whoever started it may go, with its session, its service and its
//! limits, without the monitor and so without the domain.

use std::fs;
use std::path::{Path, PathBuf};

use browndog_runtime::host::{Cgroups, Host};

/// The group of all monitors, in each hierarchy; it goes with the last of them.
pub const GROUP: &str = "browndog.monitors";

/// The hierarchy by which systemd tracks processes on version 1.
const SYSTEMD: &str = "/sys/fs/cgroup/systemd";

fn hierarchies() -> Vec<PathBuf> {
    let mut roots: Vec<PathBuf> = match Host::probe().cgroups {
        Cgroups::V2 { root, .. } => vec![root.into()],
        Cgroups::V1 { controllers, unified } => {
            controllers.into_iter().map(|(_, path)| path.into()).chain(unified.map(Into::into)).collect()
        }
        Cgroups::None { .. } => return Vec::new(),
    };
    if Path::new(SYSTEMD).join("cgroup.procs").exists() {
        roots.push(SYSTEMD.into());
    }
    roots
}

/// Moves this process there, and returns from where. Best effort: where it is not possible (a plain user, a
/// container), the monitor stays with whoever started it, as any process does.
pub fn move_away() -> Vec<PathBuf> {
    let mut roots = hierarchies();
    roots.retain(|root| {
        let group = root.join(GROUP);
        // Another monitor, the last one, may just be taking it away: once more, then.
        (0..3).any(|_| enter(root, &group))
    });
    roots
}

fn enter(root: &Path, group: &Path) -> bool {
    // There already, or not to be had: then the write fails.
    crate::disregard(fs::create_dir(group));
    for file in ["cpuset.cpus", "cpuset.mems"] {
        // Version 1 lets no process into a group without processors; elsewhere there is no such file.
        if let Ok(value) = fs::read_to_string(root.join(file)) {
            crate::disregard(fs::write(group.join(file), value.trim()));
        }
    }
    fs::write(group.join("cgroup.procs"), std::process::id().to_string()).is_ok()
}

/// The last monitor takes the group away, and has to leave it for that. After everything else: a move takes
/// the kernel longer than all the rest of an end, and nobody waits for it. `roots` are those of [`move_away`]:
/// what a plain user has is found by the group that it is in.
pub fn leave(roots: &[PathBuf]) {
    let own = std::process::id().to_string();
    for root in roots {
        let group = root.join(GROUP);
        let alone = fs::read_to_string(group.join("cgroup.procs")).is_ok_and(|procs| procs.trim() == own);
        if alone && fs::write(root.join("cgroup.procs"), &own).is_ok() {
            // Another monitor has just come: then it is that one's.
            crate::disregard(fs::remove_dir(&group));
        }
    }
}

/// Takes it away where the last monitor was killed.
pub fn sweep() {
    for root in hierarchies() {
        // Others are in it, or it was never made.
        crate::disregard(fs::remove_dir(root.join(GROUP)));
    }
}
