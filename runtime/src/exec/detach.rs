//! Devices of a container that runs, taken away: what was attached is known by what it is, not by where a path
//! of the container's leads by now.

use std::os::fd::{AsRawFd, OwnedFd};

use nix::errno::Errno;
use nix::libc;
use nix::sys::stat::fstat;

use super::attach::{Container, failed, fresh, policy};
use super::inside::{detach_now, inside};
use super::noted::{Noted, NotedLink, NotedMount};
use super::site::{Site, kernel_place, look};
use super::unmount::{self, Expected};
use crate::error::StartError;
use crate::net::{self, Link, LinkKind};
use crate::plan::step::{Beneath, ChildStep, HostStep, TargetKind};
use crate::plan::{Entry, Plan, Problem};
use crate::survey::Survey;
use crate::sys::{self, mount_id::standing};

/// What became of it.
#[derive(Debug, Default)]
pub struct Detached {
    /// What was not as it had been left, a sentence each.
    pub said: Vec<String>,
    /// Why the container may have the use of it yet, and until when.
    pub stays: Option<String>,
    /// What is gone of what was noted.
    pub gone: Noted,
}

/// Detaches what `before` has and `after` has not. `survey` is the one that `before` was made from, `noted` what
/// was noted when devices were attached to this very container.
///
/// # Errors
/// The step that failed: something that is in use stays.
pub fn detach(
    before: &Plan,
    after: &Plan,
    survey: &Survey,
    container: &Container,
    noted: &Noted,
) -> Result<Detached, StartError> {
    let mut done = Detached::default();
    if let Some(entry) = fresh(&after.child, &before.child).find(|entry| entry.id.starts_with("hide-state:"))
    {
        let message = "the state of browndog's own is hidden in it: the one does not go without the other";
        let help = "use --config, and start the domain again".to_owned();
        let problem = Problem { origin: entry.origin, message: message.to_owned(), help };
        return Err(StartError::Refused(vec![problem]));
    }
    for entry in fresh(&after.attend, &before.attend) {
        let HostStep::AddInterface(link) = &entry.step else { continue };
        detach_link(before, entry, link, container, noted, &mut done)?;
    }
    // Whatever the container has done to a node: what it leads to is closed first.
    let changed = policy(before, after);
    if let Some((entry, policy)) = &changed {
        policy.set().map_err(|errno| failed(before, "host", entry, before.host_call(&entry.step), errno))?;
    }
    let work = Work { before, after, survey, container, noted };
    let gone: Vec<_> = fresh(&after.child, &before.child).collect();
    for entry in gone.into_iter().rev() {
        let taken = inside(container, |site| Ok(work.take_away(site, &entry.step, &mut done)));
        let taken = match (taken.unwrap_or_else(|errno| Err(errno.into())), &entry.step) {
            (Err(refusal), ChildStep::Attach { target, .. })
                if refusal.errno == Errno::EINVAL && is_in_dev(&entry.step) =>
            {
                unlink_locked(container, target).map_err(Refusal::from)
            }
            (taken, _) => taken,
        };
        let Err(refusal) = taken else { continue };
        if let Some((_, policy)) = changed.as_ref().filter(|_| !is_in_dev(&entry.step)) {
            // It stays, and so does what it may do.
            crate::disregard(policy.reset());
        }
        let mut error = failed(before, "child", entry, undo_call(&entry.step), refusal.errno);
        if let (StartError::Step(step), Some(help)) = (&mut error, refusal.help) {
            step.hint = Some(help);
        }
        return Err(error);
    }
    Ok(done)
}

/// Why something is not taken away.
#[derive(Debug)]
pub(super) struct Refusal {
    pub errno: Errno,
    pub help: Option<String>,
}

impl From<Errno> for Refusal {
    fn from(errno: Errno) -> Self {
        Self { errno, help: None }
    }
}

fn detach_link(
    before: &Plan,
    entry: &Entry<HostStep>,
    link: &Link,
    container: &Container,
    noted: &Noted,
    done: &mut Detached,
) -> Result<(), StartError> {
    let call = format!("RTM_DELLINK({})", link.guest_name);
    let index = noted.link(&link.guest_name);
    let removed = match &link.kind {
        // Either end takes the other with it, and the name on the host is not the container's to change.
        LinkKind::Veth(end) => {
            net::number_of(&end.name).and_then(|number| net::remove_if(&end.name, number)).or_else(absent)
        }
        LinkKind::Macvlan { parent, .. } => {
            let alone = before.attend.iter().filter(|other| is_on(&other.step, parent)).count() == 1;
            net::remove_macvlan(parent, index, &link.guest_name, alone, container.pid)
        }
        LinkKind::Moved { .. } => Err(Errno::EOPNOTSUPP),
    };
    match removed {
        Ok(true) => {}
        Ok(false) if matches!(link.kind, LinkKind::Veth(_)) => {
            done.said.push(format!("the container had removed {} itself", link.guest_name));
        }
        Ok(false) => {
            let mut error = failed(before, "attend", entry, call, Errno::ENODEV);
            if let StartError::Step(step) = &mut error {
                step.hint = Some(format!(
                    "{} is not in the container's network any more: root inside has removed it, or has moved it into \
                     a network namespace of its own, where it stays in use; only a restart of the domain ends that for \
                     certain",
                    link.guest_name
                ));
            }
            return Err(error);
        }
        Err(errno) => return Err(failed(before, "attend", entry, call, errno)),
    }
    done.gone.links.push(NotedLink { name: link.guest_name.clone(), index: index.unwrap_or(0) });
    Ok(())
}

fn absent(errno: Errno) -> Result<bool, Errno> {
    if errno == Errno::ENODEV { Ok(false) } else { Err(errno) }
}

fn is_on(step: &HostStep, wanted: &str) -> bool {
    let HostStep::AddInterface(link) = step else { return false };
    matches!(&link.kind, LinkKind::Macvlan { parent, .. } if parent == wanted)
}

struct Work<'a> {
    before: &'a Plan,
    after: &'a Plan,
    survey: &'a Survey,
    container: &'a Container,
    noted: &'a Noted,
}

impl Work<'_> {
    /// The opposite of a step of the child.
    fn take_away(&self, site: &Site<'_>, step: &ChildStep, done: &mut Detached) -> Result<(), Refusal> {
        match step {
            ChildStep::Attach { target, .. } if kernel_place(target) == Some("dev") => {
                self.uncover_node(site, target, done)
            }
            ChildStep::Attach { target, .. } | ChildStep::MountNew { target, .. } => {
                self.unmount(site, target, done)
            }
            ChildStep::MakeNode { target, mode, device } => {
                remove_node(site, target, *mode, *device, done).map_err(Refusal::from)
            }
            ChildStep::MakeTarget { target, kind: TargetKind::File } => {
                remove_file(site, target).map_err(Refusal::from)
            }
            // A directory may have been there before, and holds no more than a name; the others have changed
            // what the steps above take away.
            _ => Ok(()),
        }
    }

    fn unmount(&self, site: &Site<'_>, target: &Beneath, done: &mut Detached) -> Result<(), Refusal> {
        let shown = target.shown();
        let expected = match self.noted.mount(&shown) {
            Some(mount) => Expected::Noted(*mount),
            None => Expected::Started { source: source_of(self.before, self.survey, target) },
        };
        let meant: Vec<String> =
            self.after.child.iter().filter_map(|entry| mount_point(&entry.step)).collect();
        let found = unmount::unmount(site, target, &expected, self.container, &meant)?;
        if let Some(at) = &found.moved {
            done.said.push(format!("the container had moved {shown} to {at}"));
        }
        if found.was_gone {
            done.said.push(format!("the container had unmounted {shown} itself"));
        }
        done.stays = found.stays;
        if let Some(mount) = self.noted.mount(&shown) {
            done.gone.mounts.push(NotedMount { target: shown, mount: *mount });
        }
        Ok(())
    }

    /// A node of the host's that is shown on a file of the container's `/dev`. Who has it open keeps it open, as
    /// with a node of the container's own; so it goes at once.
    fn uncover_node(&self, site: &Site<'_>, target: &Beneath, done: &mut Detached) -> Result<(), Refusal> {
        let shown = target.shown();
        let at = match site.in_dev(target, None).and_then(|parent| parent.open()) {
            Ok(at) => at,
            Err(Errno::ENOENT | Errno::ESTALE | Errno::ELOOP | Errno::ENOTDIR) => {
                done.said.push(gone_node(&shown));
                return Ok(());
            }
            Err(errno) => return Err(errno.into()),
        };
        let found = standing(at.as_raw_fd())?;
        let ours = match (self.noted.mount(&shown), source_of(self.before, self.survey, target)) {
            (Some(mount), _) => mount.is(&found.mount),
            (None, Some(source)) => identity(source)? == identity(&at)?,
            (None, None) => false,
        };
        if let Some(mount) = self.noted.mount(&shown) {
            done.gone.mounts.push(NotedMount { target: shown.clone(), mount: *mount });
        }
        if !ours || !found.is_root {
            done.said.push(gone_node(&shown));
            return Ok(());
        }
        detach_now(site, &at).map_err(Refusal::from)
    }
}

fn gone_node(shown: &str) -> String {
    format!(
        "the container had removed {shown} or put something else there; the device is closed to it all the same"
    )
}

fn remove_node(
    site: &Site<'_>,
    target: &Beneath,
    mode: u32,
    device: u64,
    done: &mut Detached,
) -> Result<(), Errno> {
    let found =
        site.in_dev(target, None).and_then(|parent| look(&parent.dir, &parent.name).map(|it| (parent, it)));
    match found {
        Ok((parent, stat))
            if stat.st_mode & libc::S_IFMT == mode & libc::S_IFMT && stat.st_rdev == device =>
        {
            sys::unlinkat(parent.dir.as_raw_fd(), &parent.name, 0)
        }
        Ok(_) | Err(Errno::ENOENT | Errno::ESTALE | Errno::EXDEV) => {
            done.said.push(gone_node(&target.shown()));
            Ok(())
        }
        Err(errno) => Err(errno),
    }
}

/// The empty file that something was mounted on.
fn remove_file(site: &Site<'_>, target: &Beneath) -> Result<(), Errno> {
    let parent = match kernel_place(target) {
        Some("dev") => site.in_dev(target, None),
        _ => site.parent_of(&target.shown()),
    };
    let found = parent.and_then(|parent| look(&parent.dir, &parent.name).map(|stat| (parent, stat)));
    match found {
        Ok((parent, stat)) if stat.st_mode & libc::S_IFMT == libc::S_IFREG && stat.st_size == 0 => {
            sys::unlinkat(parent.dir.as_raw_fd(), &parent.name, 0)
        }
        // The container's own doing.
        _ => Ok(()),
    }
}

fn is_in_dev(step: &ChildStep) -> bool {
    match step {
        ChildStep::MakeNode { .. } => true,
        ChildStep::Attach { target, .. } | ChildStep::MakeTarget { target, .. } => {
            kernel_place(target) == Some("dev")
        }
        _ => false,
    }
}

fn mount_point(step: &ChildStep) -> Option<String> {
    match step {
        ChildStep::Attach { target, .. } | ChildStep::MountNew { target, .. } => Some(target.shown()),
        _ => None,
    }
}

/// A node of a container with an id map is a mount that is locked to all others. Nobody unmounts it, but it goes
/// with its mount point, which is a file of the container's own `/dev` and removed from without (unlink(2)).
fn unlink_locked(container: &Container, target: &Beneath) -> Result<(), Errno> {
    let parent = inside(container, |site| {
        let parent = site.in_dev(target, None)?;
        let found = fstat(&parent.open()?)?.st_mode & libc::S_IFMT;
        // A directory has what is in it: it stays until the container ends.
        if matches!(found, libc::S_IFCHR | libc::S_IFBLK) { Ok(parent) } else { Err(Errno::EINVAL) }
    })?;
    sys::unlinkat(parent.dir.as_raw_fd(), &parent.name, 0)
}

fn undo_call(step: &ChildStep) -> String {
    match step {
        ChildStep::Attach { target, .. } | ChildStep::MountNew { target, .. } => {
            format!("umount2({})", target.shown())
        }
        ChildStep::MakeNode { target, .. } | ChildStep::MakeTarget { target, .. } => {
            format!("unlinkat({})", target.shown())
        }
        _ => String::new(),
    }
}

/// The surveyed source of what was attached at `target`, where that is a file or directory of the host's.
fn source_of<'a>(plan: &Plan, survey: &'a Survey, target: &Beneath) -> Option<&'a OwnedFd> {
    let id = format!("clone-tree:{}", target.shown());
    let entry = plan.before.iter().find(|entry| entry.id == id)?;
    let HostStep::CloneTree { source, .. } = &entry.step else { return None };
    survey.found.get(usize::from(source.0))?.fd.as_ref()
}

pub(super) fn identity(fd: &OwnedFd) -> Result<(u64, u64), Errno> {
    let stat = fstat(fd)?;
    Ok((stat.st_dev, stat.st_ino))
}
