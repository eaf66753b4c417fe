//! What the launcher does while the child waits: id maps, interfaces, and the word to go on.

use std::os::fd::{AsRawFd, OwnedFd, RawFd};

use nix::errno::Errno;

use super::Launcher;
use super::child::TREE;
use super::stage::Stage;
use super::undo::Made;
use crate::errno_of;
use crate::error::StartError;
use crate::idmap::map_text;
use crate::net::Left;
use crate::plan::step::{HostStep, c_string};
use crate::sys;

impl Launcher<'_> {
    pub(super) fn attend(&mut self, pid: i32, go: &OwnedFd) -> Result<(), StartError> {
        let plan = self.plan;
        for entry in &plan.attend {
            let mut left = Vec::new();
            let done = self
                .perform_by("attend", entry, |launcher| launcher.attend_one(&entry.step, pid, go, &mut left));
            left.into_iter().for_each(|left| self.undo.push(Made::Link(left)));
            done?;
        }
        Ok(())
    }

    fn attend_one(
        &mut self,
        step: &HostStep,
        pid: i32,
        go: &OwnedFd,
        left: &mut Vec<Left>,
    ) -> Result<(), Errno> {
        match step {
            HostStep::WriteIdMaps { uid, gid } => {
                write_proc(pid, "uid_map", &map_text(uid))?;
                write_proc(pid, "gid_map", &map_text(gid))
            }
            HostStep::ResetOomScore => match write_proc(pid, "oom_score_adj", "0") {
                // A floor under it is the machine's decision.
                Err(Errno::EACCES) => Ok(()),
                done => done,
            },
            HostStep::MapTree { tree } => map_tree(self.fd(*tree), pid),
            HostStep::ShowTree { tree, at, kind } => Stage::show(self.fd(*tree), at, *kind),
            HostStep::LeaveStage => self.stage.as_mut().map_or(Ok(()), |stage| stage.leave_with(pid)),
            HostStep::AwaitMounts => {
                self.mounted = await_mounts(self.said.as_ref())?;
                Ok(())
            }
            HostStep::LockMounts => {
                let stage = self.stage.as_mut().ok_or(Errno::ENOENT)?;
                let locked = stage.lock(self.mounted);
                // Also after a failure: nothing more is done on the stage.
                self.stage = None;
                locked
            }
            HostStep::AddInterface(link) => crate::net::add(link, pid, left),
            HostStep::LimitInterface(limit) => limit.set(),
            HostStep::PinNetwork { instance } => {
                let hold = crate::net::pin::make(&crate::net::pin::path_of(instance), pid);
                let (hold, made) = match hold {
                    Ok(hold) => (Some(hold), Ok(())),
                    Err(errno) => (None, Err(errno)),
                };
                left.push(Left::Pinned { instance: instance.clone(), _hold: hold });
                made
            }
            HostStep::Go | HostStep::GoOn => match sys::write(go.as_raw_fd(), b"g")? {
                1 => Ok(()),
                _ => Err(Errno::EPIPE),
            },
            _ => Err(Errno::ENOSYS),
        }
    }
}

/// The number of the mount that the child's tree is.
fn await_mounts(said: Option<&OwnedFd>) -> Result<u64, Errno> {
    let said = said.ok_or(Errno::EPIPE)?;
    let mut number = [0; 8];
    loop {
        match sys::read(said.as_raw_fd(), &mut number) {
            Ok(8) => return Ok(u64::from_ne_bytes(number)),
            Err(Errno::EINTR) => {}
            // It has ended, or runs already without having asked.
            Ok(_) => return Err(Errno::ECHILD),
            Err(errno) => return Err(errno),
        }
    }
}

/// MOUNT_ATTR_IDMAP (mount_setattr(2)).
const ATTR_IDMAP: u64 = 0x0010_0000;

fn map_tree(tree: RawFd, pid: i32) -> Result<(), Errno> {
    let path = c_string(&format!("/proc/{pid}/ns/user"));
    let namespace = sys::open(&path, nix::libc::O_RDONLY)?;
    let userns_fd = namespace.as_raw_fd() as u64;
    let attr = sys::MountAttr { attr_set: ATTR_IDMAP, userns_fd, ..sys::MountAttr::default() };
    sys::mount_setattr(tree, c"", TREE, &attr)
}

fn write_proc(pid: i32, file: &str, text: &str) -> Result<(), Errno> {
    use std::io::Write;
    let path = format!("/proc/{pid}/{file}");
    let mut file = std::fs::OpenOptions::new().write(true).open(path).map_err(errno_of)?;
    file.write_all(text.as_bytes()).map_err(errno_of)
}
