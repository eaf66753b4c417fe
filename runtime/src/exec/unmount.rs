//! The very mount that was attached to a container, taken out of its mount namespace.

use std::os::fd::{AsRawFd, OwnedFd};
use std::time::Duration;

use nix::errno::Errno;
use nix::libc;

use super::attach::Container;
use super::detach::{Refusal, identity};
use super::site::{Site, TRIES, kernel_place};
use super::table::{Line, is_below, line_of};
use crate::plan::step::Beneath;
use crate::sys;
use crate::sys::mount_id::{MountId, standing};

/// By what it is known.
#[derive(Debug)]
pub(super) enum Expected<'a> {
    /// It was noted when it was attached.
    Noted(MountId),
    /// It is there since the start: by what it shows, where that is of the host, and by where it is.
    Started { source: Option<&'a OwnedFd> },
}

/// How it went.
#[derive(Debug, Default)]
pub(super) struct Unmounted {
    /// It was gone by then.
    pub was_gone: bool,
    /// Where it was instead.
    pub moved: Option<String>,
    /// Why the container may have it yet.
    pub stays: Option<String>,
}

/// Something that is walked through at that moment is in use for that moment.
const BUSY_TRIES: usize = 20;
const PAUSE: Duration = Duration::from_millis(5);

/// Unmounts what was attached at `target`, unless it is in use. `meant` are the targets of everything else that the
/// document mounts.
pub(super) fn unmount(
    site: &Site<'_>,
    target: &Beneath,
    expected: &Expected<'_>,
    container: &Container,
    meant: &[String],
) -> Result<Unmounted, Refusal> {
    let mount = match expected {
        Expected::Noted(mount) => *mount,
        Expected::Started { source } => since_start(site, target, *source)?,
    };
    let mut done = Unmounted::default();
    let table = site.proc.table()?;
    let Some(line) = line_of(&table, &mount).cloned() else {
        done.was_gone = true;
        done.stays = hidden(container, target);
        return Ok(done);
    };
    if line.point != target.shown() {
        done.moved = Some(line.point.escape_debug().to_string());
    }
    let others = elsewhere(site, &line, container, meant)?;
    if let Some(place) = others.first() {
        return Err(Refusal { errno: Errno::EBUSY, help: Some(also_at(place)) });
    }
    done.was_gone = !take(site, &mount)?;
    done.stays = elsewhere(site, &line, container, meant)?.first().map(|place| also_at(place));
    done.stays = done.stays.or_else(|| hidden(container, target));
    Ok(done)
}

fn also_at(place: &str) -> String {
    format!(
        "the container has it mounted {place} as well: unmount it there, or start the domain again; until then it is usable"
    )
}

fn hidden(container: &Container, target: &Beneath) -> Option<String> {
    container.may_mount.then(|| {
        format!(
            "root of this container may mount, and may hold what was at {} where nobody sees it: only a restart of the \
             domain takes it back for certain",
            target.shown()
        )
    })
}

/// What stands at `target` since the start, if nothing speaks against that.
fn since_start(site: &Site<'_>, target: &Beneath, source: Option<&OwnedFd>) -> Result<MountId, Errno> {
    let at = match site.open_any(target) {
        Err(Errno::ENOENT | Errno::ENOTDIR | Errno::ELOOP) => return Err(Errno::ESTALE),
        other => other?,
    };
    let found = standing(at.as_raw_fd())?;
    let table = site.proc.table()?;
    let line = line_of(&table, &found.mount).ok_or(Errno::ESTALE)?;
    let literal = line.point == target.shown();
    let in_kernels = kernel_place(&Beneath::new(&line.point)).is_some()
        || ["/proc", "/sys", "/dev"].contains(&&*line.point);
    let stacked = table.iter().filter(|other| other.point == line.point).count() > 1;
    let right = match source {
        Some(source) => identity(source)? == identity(&at)?,
        None => !["proc", "sysfs", "cgroup", "cgroup2", "devpts", "mqueue"].contains(&&*line.fstype),
    };
    let ours = found.is_root && right && !stacked && (literal || !in_kernels);
    if ours { Ok(found.mount) } else { Err(Errno::ESTALE) }
}

/// Whether it was there; afterwards it is not.
fn take(site: &Site<'_>, mount: &MountId) -> Result<bool, Errno> {
    let (mut taken, mut busy) = (false, 0);
    for _ in 0..TRIES {
        let table = site.proc.table()?;
        let Some(line) = line_of(&table, mount) else { return Ok(taken) };
        let Ok(parent) = site.parent_of(&line.point) else {
            // Renamed at this moment.
            std::thread::yield_now();
            continue;
        };
        let Ok(found) = parent.open().and_then(|at| standing(at.as_raw_fd())) else {
            std::thread::yield_now();
            continue;
        };
        if !found.mount.is(mount) {
            if found.mount.number == mount.number {
                // The number was given to another mount: ours is gone.
                return Ok(taken);
            }
            std::thread::yield_now();
            continue;
        }
        // Looked at and closed again, since a descriptor of it would be a use of it. Its place cannot be renamed
        // in this namespace while it is mounted there, and if something is mounted on it now, that is taken away
        // and this tried again.
        sys::fchdir(parent.dir.as_raw_fd()).map(drop)?;
        let done = sys::umount2(&parent.name, libc::UMOUNT_NOFOLLOW);
        sys::chdir(c"/")?;
        match done {
            Ok(()) => taken = true,
            Err(Errno::EBUSY) if busy < BUSY_TRIES => {
                busy += 1;
                std::thread::sleep(PAUSE);
            }
            Err(Errno::EINVAL | Errno::ENOENT) => {}
            Err(errno) => return Err(errno),
        }
    }
    Err(Errno::ESTALE)
}

/// Where else the container shows it, beside what the document means.
fn elsewhere(
    site: &Site<'_>,
    line: &Line,
    container: &Container,
    meant: &[String],
) -> Result<Vec<String>, Errno> {
    let is_meant =
        |other: &Line| other.point == "/" || meant.contains(&other.point) || other.number == line.number;
    let here = site.proc.table()?;
    let here = here.iter().filter(|other| other.is_part_of(line) && !is_meant(other));
    // What is part of what is detached goes with it, or keeps it.
    let here = here.filter(|other| !is_below(&other.point, &line.point));
    let mut found: Vec<String> = here.map(|other| format!("at {}", other.point.escape_debug())).collect();
    let own = site.proc.namespace_of(container.pid)?;
    let mut seen = vec![own];
    for pid in &container.processes {
        // It has ended meanwhile.
        let Ok(namespace) = site.proc.namespace_of(*pid) else { continue };
        if seen.contains(&namespace) {
            continue;
        }
        seen.push(namespace);
        let table = site.proc.table_of(*pid).unwrap_or_default();
        let there = table.iter().filter(|other| other.is_part_of(line));
        found.extend(there.map(|other| format!("at {} for process {pid}", other.point.escape_debug())));
    }
    Ok(found)
}
