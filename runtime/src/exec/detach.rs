//! Devices of a container that runs, taken away.

use std::os::fd::{AsRawFd, OwnedFd};

use nix::errno::Errno;
use nix::libc;

use super::attach::{Container, failed, fresh, policy};
use super::beneath;
use super::inside::{inside, unmount};
use crate::error::StartError;
use crate::net::{self, LinkKind};
use crate::plan::Plan;
use crate::plan::step::{Beneath, ChildStep, HostStep};
use crate::survey::{RESOLVE_IN_ROOT, Survey};
use crate::sys;

/// Detaches what `before` has and `after` has not. `survey` is the one that `before` was made from.
///
/// # Errors
/// The step that failed: something that is in use stays.
pub fn detach(before: &Plan, after: &Plan, survey: &Survey, container: &Container) -> Result<(), StartError> {
    for entry in fresh(&after.attend, &before.attend) {
        let HostStep::AddInterface(link) = &entry.step else { continue };
        let call = format!("RTM_DELLINK({})", link.guest_name);
        let removed = match &link.kind {
            // Either end takes the other with it, and the name on the host is not the container's to change.
            LinkKind::Veth(end) => {
                net::number_of(&end.name).and_then(|number| net::remove_if(&end.name, number).map(drop))
            }
            _ => net::remove_inside(&link.guest_name, container.pid),
        };
        match removed {
            // The container has taken it away itself.
            Ok(()) | Err(Errno::ENODEV) => {}
            Err(errno) => return Err(failed(before, "attend", entry, call, errno)),
        }
    }
    let gone: Vec<_> = fresh(&after.child, &before.child).collect();
    for entry in gone.into_iter().rev() {
        let done = inside(container, || take_away(before, survey, container, &entry.step));
        done.and_then(|done| done)
            .map_err(|errno| failed(before, "child", entry, undo_call(&entry.step), errno))?;
    }
    if let Some((entry, policy)) = policy(before, after) {
        policy.set().map_err(|errno| failed(before, "host", entry, before.host_call(&entry.step), errno))?;
    }
    Ok(())
}

/// The opposite of a step of the child.
fn take_away(plan: &Plan, survey: &Survey, container: &Container, step: &ChildStep) -> Result<(), Errno> {
    let root = container.root.as_raw_fd();
    match step {
        ChildStep::Attach { target, .. } => {
            if let Some(source) = source_of(plan, survey, target) {
                let at = sys::openat2(root, target.as_c_str(), libc::O_PATH, 0, RESOLVE_IN_ROOT)?;
                if identity(source)? != identity(&sys::adopt(at))? {
                    return Err(Errno::ESTALE);
                }
            }
            unmount(root, target, 0)
        }
        ChildStep::MountNew { target, .. } => unmount(root, target, 0),
        ChildStep::MakeNode { target, mode, device } => {
            let dir = beneath::open(root, target.dir(), libc::O_DIRECTORY)?;
            match beneath::stat(dir.0, target.name()) {
                Err(Errno::ENOENT) => Ok(()),
                Ok(stat) if stat.st_mode & libc::S_IFMT == mode & libc::S_IFMT && stat.st_rdev == *device => {
                    sys::unlinkat(dir.0, target.name(), 0)
                }
                Ok(_) => Err(Errno::ESTALE),
                Err(errno) => Err(errno),
            }
        }
        ChildStep::MakeTarget { target, .. } => {
            let dir = beneath::open(root, target.dir(), libc::O_DIRECTORY)?;
            let stat = beneath::stat(dir.0, target.name());
            // A directory may have been there before, and holds no more than a name.
            if stat.is_ok_and(|stat| stat.st_mode & libc::S_IFMT == libc::S_IFREG && stat.st_size == 0) {
                return sys::unlinkat(dir.0, target.name(), 0);
            }
            Ok(())
        }
        // The others have changed what the steps above take away.
        _ => Ok(()),
    }
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

fn identity(fd: &OwnedFd) -> Result<(u64, u64), Errno> {
    let stat = nix::sys::stat::fstat(fd)?;
    Ok((stat.st_dev, stat.st_ino))
}
