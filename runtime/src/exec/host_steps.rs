//! The launcher's steps before the clone.

use std::ffi::CString;
use std::fs::File;
use std::os::fd::{AsRawFd, OwnedFd};

use nix::errno::Errno;
use nix::libc;
use nix::sys::stat::fstat;

use super::child::{CLONE_TREE, TREE};
use super::undo::Made;
use super::{Launcher, Timing, block, cgroup, devices};
use crate::beneath::{self, Making};
use crate::error::StartError;
use crate::path::RESOLVE_IN_ROOT;
use crate::plan::Entry;
use crate::plan::context::Own;
use crate::plan::step::{Beneath, HostStep, Slot, TargetKind, c_string};
use crate::{errno_of, sys, targets};

/// MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC (mount_setattr(2)).
const NO_SUID_DEV_EXEC: u32 = 0x2 | 0x4 | 0x8;

impl Launcher<'_> {
    pub(super) fn perform(&mut self, stage: &'static str, entry: &Entry<HostStep>) -> Result<(), StartError> {
        self.perform_by(stage, entry, |launcher| launcher.perform_host(&entry.step))
    }

    /// Performs a step of the launcher's by `call`, unless it is to fail or to be held; notes its time.
    pub(super) fn perform_by(
        &mut self,
        stage: &'static str,
        entry: &Entry<HostStep>,
        call: impl FnOnce(&mut Self) -> Result<(), Errno>,
    ) -> Result<(), StartError> {
        let at = self.performed;
        self.performed += 1;
        if self.options.host_hold == Some(at) {
            super::hold();
        }
        let started = self.options.trace.then(sys::monotonic_ns);
        let done = match self.options.host_fault {
            Some((fault, errno)) if fault == at => Err(Errno::from_raw(errno)),
            _ => call(self),
        };
        if let Err(errno) = done {
            let call = self.plan.host_call(&entry.step);
            return Err(self.failed(stage, entry, call, at, errno));
        }
        if let Some(started) = started {
            let ns = sys::monotonic_ns() - started;
            self.timings.push(Timing { stage, id: entry.id.to_string(), ns });
        }
        Ok(())
    }

    fn perform_host(&mut self, step: &HostStep) -> Result<(), Errno> {
        match step {
            HostStep::MakeCgroup { path, shared } => self.make_cgroup(path, *shared),
            HostStep::SetCgroup { path, value, check } => {
                cgroup::set(path, value, *check, self.host.page_size)
            }
            HostStep::InheritCpuset { parent, path } => cgroup::inherit_cpuset(parent, path),
            HostStep::DelegateCgroup { path, uid, gid } => cgroup::delegate(path, *uid, *gid),
            HostStep::OpenCgroup { path, slot, directory } => {
                let fd = match self.group.take() {
                    Some((held, group)) if *directory && held == *path => group,
                    _ => {
                        let flags =
                            if *directory { libc::O_PATH | libc::O_DIRECTORY } else { libc::O_WRONLY };
                        sys::open(&c_string(path), flags)?
                    }
                };
                self.fill(*slot, fd);
                Ok(())
            }
            HostStep::CloneTree { source, into } => {
                let tree = sys::open_tree(self.fd(*source), c"", CLONE_TREE)?;
                self.fill(*into, sys::adopt(tree));
                Ok(())
            }
            HostStep::AttachLoop { image, readonly, into } => {
                let device = block::attach_loop(self.fd(*image), *readonly)?;
                self.fill(*into, device);
                Ok(())
            }
            HostStep::MountDevice { device, fstype, readonly, options, attrs, into } => {
                let tree = block::mount(self.fd(*device), fstype, *readonly, options, *attrs)?;
                self.fill(*into, tree);
                Ok(())
            }
            HostStep::LimitDevices { path, rules, program, ready } => match program {
                Some(program) => {
                    let group = devices::attach_policy(path, program, ready.map(|ready| self.fd(ready)))?;
                    self.group = Some((path.clone(), group));
                    Ok(())
                }
                None => devices::write_list(path, rules),
            },
            HostStep::Restrict { tree, attr } => sys::mount_setattr(self.fd(*tree), c"", TREE, attr),
            HostStep::MakeTarget { root, target, kind } => self.make_target(*root, target, *kind),
            HostStep::MakeFileTree { contents, into } => {
                let tree = file_tree(contents.as_bytes())?;
                self.fill(*into, tree);
                Ok(())
            }
            HostStep::SealProgram { source, into } => self.seal_program(*source, *into),
            HostStep::ResetOwn(own) => reset_own(*own),
            HostStep::Hide => sys::prctl(libc::PR_SET_DUMPABLE, 0, 0, 0, 0).map(drop),
            HostStep::EnterNamespaces { of, kinds } => sys::setns(self.fd(*of), *kinds).map(drop),
            HostStep::Share { of, kind } => {
                let of = self.fd(*of);
                self.visit.enter(of, *kind)
            }
            HostStep::ShowTree { tree, at, kind } => super::stage::Stage::show(self.fd(*tree), at, *kind),
            HostStep::RestrictShown { at, flags } => super::stage::Stage::restrict(at, *flags),
            HostStep::EnterStage => {
                self.stage = Some(super::stage::Stage::enter()?);
                Ok(())
            }
            // These need the child: see `attend`.
            HostStep::MapTree { .. }
            | HostStep::ResetOomScore
            | HostStep::LeaveStage
            | HostStep::AwaitMounts
            | HostStep::LockMounts
            | HostStep::GoOn
            | HostStep::WriteIdMaps { .. }
            | HostStep::AddInterface(_)
            | HostStep::LimitInterface(_)
            | HostStep::PinNetwork { .. }
            | HostStep::Go => Err(Errno::ENOSYS),
        }
    }

    /// What an earlier start has made, and could not remove, is this one's to remove as well.
    fn make_target(&mut self, root: Slot, target: &Beneath, kind: TargetKind) -> Result<(), Errno> {
        let fd = self.fd(root);
        let path = target.as_c_str().to_bytes();
        let mut made: Vec<Vec<u8>> = Vec::new();
        let how = Making { resolve: RESOLVE_IN_ROOT, kind, mark: targets::MARK };
        let note = |path: &[u8]| made.push(path.to_vec());
        let done = beneath::make(fd, target.as_c_str(), how, |_| Ok(()), note);
        let ends = (1..=path.len()).filter(|&end| end == path.len() || path[end] == b'/');
        let mut all: Vec<&[u8]> = ends.map(|end| &path[..end]).collect();
        // What a link leads to that was not there when the plan was made.
        all.extend(made.iter().map(Vec::as_slice).filter(|made| !path.starts_with(made)));
        for end in all {
            let prefix = CString::new(end).map_err(|_| Errno::EINVAL)?;
            let ours = made.iter().any(|made| made == end) || {
                let found = sys::openat2(fd, &prefix, libc::O_PATH, 0, RESOLVE_IN_ROOT).map(sys::adopt);
                found.and_then(fstat).is_ok_and(|found| targets::is_ours(&found))
            };
            if ours {
                let root = sys::adopt(sys::openat2(fd, c".", libc::O_PATH | libc::O_DIRECTORY, 0, 0)?);
                self.undo.push(Made::Target { root, path: prefix });
            }
        }
        done
    }

    fn seal_program(&mut self, source: Slot, into: Slot) -> Result<(), Errno> {
        let program = File::open(format!("/proc/self/fd/{}", self.fd(source))).map_err(errno_of)?;
        self.fill(into, sealed_copy(program)?);
        Ok(())
    }
}

fn reset_own(own: Own) -> Result<(), Errno> {
    match std::fs::write(own.file(), own.value()).map_err(errno_of) {
        // A floor under it is the machine's decision.
        Err(Errno::EACCES) if own == Own::OomScore => Ok(()),
        done => done,
    }
}

/// A copy of a program in memory that nobody can change (memfd_create(2)).
///
/// # Errors
/// The errno of the call that failed.
pub fn sealed_copy(mut program: File) -> Result<OwnedFd, Errno> {
    use nix::fcntl::{FcntlArg, SealFlag, fcntl};
    use nix::sys::memfd::{MFdFlags, memfd_create};
    let copy = memfd_create(c"browndog", MFdFlags::MFD_CLOEXEC | MFdFlags::MFD_ALLOW_SEALING)?;
    let mut copy = File::from(copy);
    crate::disregard(std::io::copy(&mut program, &mut copy).map_err(errno_of)?);
    let seals =
        SealFlag::F_SEAL_SEAL | SealFlag::F_SEAL_SHRINK | SealFlag::F_SEAL_GROW | SealFlag::F_SEAL_WRITE;
    crate::disregard(fcntl(&copy, FcntlArg::F_ADD_SEALS(seals))?);
    Ok(copy.into())
}

/// A read-only file on a tmpfs that nobody else has: what a container's own file is covered with.
fn file_tree(contents: &[u8]) -> Result<OwnedFd, Errno> {
    let options = [(c"size", c"64k"), (c"nr_inodes", c"4"), (c"mode", c"0755")];
    let mount = sys::detached_mount(c"tmpfs", &options, NO_SUID_DEV_EXEC)?;
    let flags = libc::O_WRONLY | libc::O_CREAT | libc::O_EXCL;
    let file = sys::adopt(sys::openat2(mount.as_raw_fd(), c"file", flags, 0o644, 0)?);
    if sys::write(file.as_raw_fd(), contents)? != contents.len() {
        return Err(Errno::ENOSPC);
    }
    nix::sys::stat::fchmod(&file, nix::sys::stat::Mode::from_bits_truncate(0o644))?;
    let tree =
        sys::open_tree(mount.as_raw_fd(), c"file", CLONE_TREE & !(libc::AT_EMPTY_PATH as u32 | 0x8000))?;
    let tree = sys::adopt(tree);
    Ok(tree)
}
