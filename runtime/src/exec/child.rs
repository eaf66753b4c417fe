//! The child, from clone to exec: it performs the steps in their order, and decides nothing.
//!
//! It may share the launcher's memory, and it may be the copy of one thread of a program with many: so
//! nothing here allocates, locks, panics or unwinds. A test allocator holds it to that.

use std::ffi::CStr;
use std::os::fd::RawFd;
use std::sync::atomic::{AtomicI32, Ordering};

use nix::errno::Errno;
use nix::libc;

use super::{consoles, place, program};
use crate::beneath::Fd;
use crate::path::beneath;
use crate::plan::Plan;
use crate::plan::context::Reset;
use crate::plan::step::{Beneath, ChildStep, Kernel, Place, Slot};
use crate::sys::identity::Identity;
use crate::sys::{self, Progress};

/// What the child is given.
#[derive(Debug)]
pub(crate) struct Context<'a> {
    pub plan: &'a Plan,
    /// The descriptor table: one number for each slot, -1 while it is empty.
    pub slots: &'a [AtomicI32],
    pub progress: &'a Progress,
    /// Readable when the launcher is ready; -1 where nobody waits.
    pub go: RawFd,
    /// The launcher's end of it, closed by a child that has its own copy of the table.
    pub go_write: RawFd,
    /// Hangs up when the launcher ends.
    pub life: RawFd,
    /// The launcher's end of it.
    pub life_write: RawFd,
    /// Closes when the child executes, and takes before what it has mounted; -1 where nobody waits for that.
    pub started: RawFd,
    /// The child's end of the socket over which consoles go to the launcher; -1 where there are none.
    pub consoles: RawFd,
    /// The terminal whose size the first console gets.
    pub window: RawFd,
    /// Whether each step's time is noted.
    pub trace: bool,
    /// Before this step the child waits until the launcher is gone.
    pub hold: Option<usize>,
    /// The program that this process is so far: it is not the container's to execute.
    pub own: Option<Identity>,
    /// A failure to be played: this step fails with this errno.
    pub fault: Option<(usize, Errno)>,
}

/// Exit status of a child that could not become the init.
pub(crate) const NOT_STARTED: i32 = 125;

/// The child's first and only function.
pub(crate) extern "C" fn enter(context: &Context<'_>) -> ! {
    // The child has a copy of every descriptor: the ends of the launcher must be the launcher's alone, or
    // its death would not be noticed. A failing close means that there is nothing to close.
    for fd in [context.go_write, context.life_write].into_iter().filter(|fd| *fd >= 0) {
        crate::disregard(sys::close(fd));
    }
    // Modes are what the steps say, whatever mask the caller has; a step sets the container's own.
    crate::disregard(sys::umask(0));
    for (index, entry) in context.plan.child.iter().enumerate() {
        context.progress.step.store(index as u32, Ordering::Release);
        if context.hold == Some(index) {
            crate::disregard(sys::write(1, super::HELD));
            crate::disregard(sys::wait_for_hang_up(context.life));
        }
        let done = match context.fault {
            Some((at, errno)) if at == index => Err(errno),
            _ => perform(&entry.step, context),
        };
        if let Err(errno) = done {
            context.progress.errno.store(errno as i32, Ordering::Release);
            sys::exit_now(NOT_STARTED);
        }
        if context.trace
            && let Some(stamp) = context.progress.stamps.get(index)
        {
            stamp.store(sys::monotonic_ns(), Ordering::Release);
        }
    }
    sys::exit_now(NOT_STARTED)
}

impl Context<'_> {
    pub(super) fn fd(&self, slot: Slot) -> RawFd {
        self.slots.get(usize::from(slot.0)).map_or(-1, |fd| fd.load(Ordering::Relaxed))
    }

    fn fill(&self, slot: Slot, fd: RawFd) {
        if let Some(place) = self.slots.get(usize::from(slot.0)) {
            place.store(fd, Ordering::Relaxed);
        }
    }

    fn looking(&self, resolve: u64, early: bool) -> program::Looking<'_> {
        program::Looking { resolve, own: self.own, noted: self.progress, early }
    }

    pub(super) fn root(&self) -> RawFd {
        self.fd(self.plan.root)
    }
}

const EMPTY: &CStr = c"";
const HERE: &CStr = c".";

/// OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE | AT_EMPTY_PATH (open_tree(2)).
pub(crate) const CLONE_TREE: u32 = 1 | libc::O_CLOEXEC as u32 | 0x8000 | libc::AT_EMPTY_PATH as u32;
/// AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT: of a name, what stands there.
const ITSELF: u32 = (libc::AT_SYMLINK_NOFOLLOW | libc::AT_NO_AUTOMOUNT) as u32;
/// MOVE_MOUNT_F_EMPTY_PATH (move_mount(2)).
const FROM_FD: u32 = 0x4;
/// MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH.
const FROM_FD_TO_FD: u32 = 0x4 | 0x40;
/// AT_EMPTY_PATH | AT_RECURSIVE (mount_setattr(2)).
pub(crate) const TREE: u32 = libc::AT_EMPTY_PATH as u32 | 0x8000;

/// Steps that make and attach.
pub(super) fn perform(step: &ChildStep, context: &Context<'_>) -> Result<(), Errno> {
    match step {
        ChildStep::CloneTree { source, into } => {
            let from = context.place(source)?;
            context.fill(*into, sys::open_tree(from.fd, from.name, CLONE_TREE | ITSELF)?);
            Ok(())
        }
        ChildStep::CloneHeld { source, into } => {
            context.fill(*into, sys::open_tree(context.fd(*source), EMPTY, CLONE_TREE)?);
            Ok(())
        }
        ChildStep::Hold { target, device, into } => hold(context, target, *device, *into),
        ChildStep::Restrict { tree, attr } => sys::mount_setattr(context.fd(*tree), EMPTY, TREE, attr),
        ChildStep::MakeDir { target, mode } => sys::mkdirat(context.dir(target)?.fd, target.name(), *mode),
        ChildStep::MakeNode { target, mode, device } => {
            sys::mknodat(context.dir(target)?.fd, target.name(), *mode, *device)
        }
        ChildStep::MakeLink { value, target } => {
            sys::symlinkat(value, context.dir(target)?.fd, target.name())
        }
        ChildStep::Attach { tree, target } => {
            let tree = context.fd(*tree);
            if target.place() == Place::On(Kernel::Sys) && !sys::is_sysfs(tree)? {
                return Err(Errno::EMEDIUMTYPE);
            }
            attach(context, tree, target)
        }
        ChildStep::MountNew { fstype, target, flags, data, into: Some(into) } => {
            let tree = place::detached(fstype, *flags, data.as_deref())?;
            attach(context, tree, target)?;
            context.fill(*into, tree);
            Ok(())
        }
        ChildStep::MountNew { fstype, target, flags, data, into: None } => {
            let at = context.mount_point(target)?;
            sys::fchdir(at.fd).map(drop)?;
            let onto = if at.name.is_empty() { HERE } else { at.name };
            sys::mount(Some(fstype), onto, Some(fstype), *flags, data.as_deref())
        }
        other => perform_mount(other, context),
    }
}

fn attach(context: &Context<'_>, tree: RawFd, target: &Beneath) -> Result<(), Errno> {
    // MOVE_MOUNT_T_SYMLINKS is not given: a name that is a link is covered itself.
    let at = context.mount_point(target)?;
    sys::move_mount(tree, EMPTY, at.fd, at.name, FROM_FD_TO_FD)
}

/// What a place has to be is asked of what is open, and that stays open.
fn hold(context: &Context<'_>, target: &Beneath, device: Option<u64>, into: Slot) -> Result<(), Errno> {
    let at = context.open(target)?;
    let found = sys::identity::look(at.fd)?;
    if device.is_some_and(|device| (found.kind, found.number) != (libc::S_IFCHR, device)) {
        return Err(Errno::ENODEV);
    }
    context.fill(into, at.keep()?);
    Ok(())
}

fn perform_mount(step: &ChildStep, context: &Context<'_>) -> Result<(), Errno> {
    match step {
        ChildStep::JoinCgroup { tasks, .. } => sys::write(context.fd(*tasks), b"0").map(drop),
        ChildStep::UnshareCgroup => sys::unshare(libc::CLONE_NEWCGROUP).map(drop),
        ChildStep::AwaitGo => await_go(context),
        ChildStep::AskToLock => ask_to_lock(context),
        ChildStep::BecomeRoot => {
            sys::setresgid(0, 0, 0).map(drop)?;
            sys::setresuid(0, 0, 0).map(drop)
        }
        ChildStep::JoinNamespace { slot, kind } => sys::setns(context.fd(*slot), *kind).map(drop),
        ChildStep::EnterBase { base } => {
            sys::setns(context.fd(*base), libc::CLONE_NEWNS).map(drop)?;
            sys::unshare(libc::CLONE_NEWNS).map(drop)
        }
        ChildStep::MakeSlave => sys::mount(None, c"/", None, libc::MS_REC | libc::MS_SLAVE, None),
        ChildStep::MakePrivate => sys::mount(None, c"/", None, libc::MS_REC | libc::MS_PRIVATE, None),
        ChildStep::Sever { target } => {
            let at = context.open(target)?;
            on_mount(context, at.fd, |path| {
                sys::mount(None, path, None, libc::MS_REC | libc::MS_PRIVATE, None)
            })
        }
        ChildStep::CloneHostTree { path, into } => {
            context.fill(*into, sys::open_tree(libc::AT_FDCWD, path, CLONE_TREE)?);
            Ok(())
        }
        ChildStep::AttachRoot { tree } => {
            sys::move_mount(context.fd(*tree), EMPTY, libc::AT_FDCWD, c"/", FROM_FD)
        }
        ChildStep::DetachBelow { target } => detach_below(context, target),
        ChildStep::MakeTarget { target, kind } => context.make(target, *kind),
        ChildStep::SetAttr { target, attr, recursive } => {
            let at = context.open(target)?;
            let flags = if *recursive { TREE } else { libc::AT_EMPTY_PATH as u32 };
            sys::mount_setattr(at.fd, EMPTY, flags, attr)
        }
        ChildStep::Remount { target, flags } => {
            let at = context.open(target)?;
            let flags = *flags | kept_flags(at.fd)?;
            on_mount(context, at.fd, |path| {
                sys::mount(None, path, None, libc::MS_REMOUNT | libc::MS_BIND | flags, None)
            })
        }
        ChildStep::Verify { target, flags } => {
            let at = context.open(target)?;
            let have = sys::mount_flags(at.fd)?;
            // Not an errno of the kernel: the error message names the step, which says what it means.
            if have & flags == *flags { Ok(()) } else { Err(Errno::ENOTRECOVERABLE) }
        }
        ChildStep::WriteFile { target, contents } => write_file(context, target, contents),
        other => perform_process(other, context),
    }
}

/// mount(2) takes a path: `.` for a directory, and for a file the one of its descriptor in the container's own procfs.
fn on_mount(
    context: &Context<'_>,
    at: RawFd,
    call: impl FnOnce(&CStr) -> Result<(), Errno>,
) -> Result<(), Errno> {
    match sys::fchdir(at) {
        Ok(_) => return call(HERE),
        Err(Errno::ENOTDIR) => {}
        Err(errno) => return Err(errno),
    }
    sys::fchdir(context.kernel(Kernel::Proc).ok_or(Errno::EBADF)?).map(drop)?;
    const PREFIX: &[u8] = b"self/fd/";
    let mut path = [0_u8; 32];
    path[..PREFIX.len()].copy_from_slice(PREFIX);
    let (mut digits, mut rest) = ([0_u8; 10], at.unsigned_abs());
    let mut first = digits.len();
    while first > 0 && (rest > 0 || first == digits.len()) {
        first -= 1;
        digits[first] = b'0' + (rest % 10) as u8;
        rest /= 10;
    }
    let end = PREFIX.len() + digits.len() - first;
    path[PREFIX.len()..end].copy_from_slice(&digits[first..]);
    call(CStr::from_bytes_with_nul(&path[..=end]).map_err(|_| Errno::EINVAL)?)
}

/// What a mount has already and MS_REMOUNT would take away: ST_* and MS_* are the same bits for these.
pub(super) fn kept_flags(mount: RawFd) -> Result<u64, Errno> {
    const KEPT: u64 = libc::MS_RDONLY
        | libc::MS_NOSUID
        | libc::MS_NODEV
        | libc::MS_NOEXEC
        | libc::MS_NOATIME
        | libc::MS_NODIRATIME;
    Ok(sys::mount_flags(mount)? & KEPT)
}

fn perform_process(step: &ChildStep, context: &Context<'_>) -> Result<(), Errno> {
    match step {
        ChildStep::EnterRoot => {
            sys::fchdir(context.root()).map(drop)?;
            sys::chroot(HERE)
        }
        ChildStep::Pivot => {
            sys::fchdir(context.root()).map(drop)?;
            sys::pivot_root(HERE, HERE)
        }
        ChildStep::DetachUnlocked => sys::umount2(HERE, libc::MNT_DETACH),
        ChildStep::DetachOldRoot => {
            sys::umount2(HERE, libc::MNT_DETACH)?;
            sys::chdir(c"/")
        }
        ChildStep::SetHostname { name } => sys::sethostname(name),
        ChildStep::LoopbackUp => sys::loopback_up(),
        ChildStep::SetLimit { resource, soft, hard, .. } => sys::setrlimit(*resource, *soft, *hard),
        ChildStep::SetMemoryPolicy { mode, nodes, .. } => sys::memory::set_mempolicy(*mode, nodes),
        ChildStep::Reset(reset) => reset_context(context, *reset),
        ChildStep::UnshareTime => sys::unshare(CLONE_NEWTIME).map(drop),
        ChildStep::NewSession => sys::setsid().map(drop),
        ChildStep::TakeTerminal { terminal } => {
            let terminal = context.fd(*terminal);
            sys::set_controlling_terminal(terminal)?;
            (0..3).try_for_each(|fd| sys::dup3(terminal, fd, 0).map(drop))
        }
        ChildStep::OpenConsole { pts, index, owner, slot } => {
            context.fill(*slot, consoles::open(context, *pts, *index, *owner)?);
            Ok(())
        }
        ChildStep::TakeStreams { streams } => (0..3).zip(streams).try_for_each(|(fd, slot)| match slot {
            Some(slot) => sys::dup3(context.fd(*slot), fd, 0).map(drop),
            None => Ok(()),
        }),
        ChildStep::SetPersonality { persona } => sys::personality(*persona).map(drop),
        ChildStep::SetUmask { mask } => sys::umask(*mask).map(drop),
        ChildStep::ChangeDir { path, resolve } => change_dir(path, *resolve),
        ChildStep::DropBounding { keep, last } => drop_bounding(*keep, *last),
        ChildStep::SetGroups { groups } => sys::setgroups(groups),
        ChildStep::SetGid { gid } => sys::setresgid(*gid, *gid, *gid).map(drop),
        ChildStep::SetUid { uid } => sys::setresuid(*uid, *uid, *uid).map(drop),
        ChildStep::ClearAmbient => {
            sys::prctl(libc::PR_CAP_AMBIENT, libc::PR_CAP_AMBIENT_CLEAR_ALL as u64, 0, 0, 0).map(drop)
        }
        ChildStep::SetCapabilities { sets } => sys::capset(*sets),
        ChildStep::NoNewPrivs => sys::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0).map(drop),
        ChildStep::Seccomp { program, .. } => sys::seccomp_filter(program),
        ChildStep::TieToLauncher => tie_to_launcher(context),
        ChildStep::ResetSignals => {
            sys::reset_signals(u64::MAX)?;
            sys::set_signal_mask(0).map(drop)
        }
        ChildStep::CloseFds { flags, keep } => close_others(context, *keep, *flags),
        ChildStep::LookAtProgram { paths, resolve } => {
            let looking = context.looking(*resolve, true);
            // Who may read less looks again before exec, and fails there.
            paths.iter().for_each(|path| crate::disregard(looking.look(path)));
            Ok(())
        }
        ChildStep::Exec { paths, resolve, argv, env } => Err(exec(context, *resolve, paths, argv, env)),
        ChildStep::ExecBuiltInInit { program, argv, env } => {
            Err(sys::execveat(context.fd(*program), argv, env))
        }
        // Every other step is performed by `perform` or `perform_mount`.
        _ => Err(Errno::ENOSYS),
    }
}

fn await_go(context: &Context<'_>) -> Result<(), Errno> {
    let mut byte = [0_u8];
    match sys::read(context.go, &mut byte)? {
        1 => Ok(()),
        // The launcher failed or died: it has said why, and there is nothing to start.
        _ => Err(Errno::ECANCELED),
    }
}

/// Says which mount the tree is that the launcher is to lock, and waits until it has done so.
fn ask_to_lock(context: &Context<'_>) -> Result<(), Errno> {
    let mount = sys::identity::mount_of(context.root())?.to_ne_bytes();
    match sys::write(context.started, &mount)? {
        8 => await_go(context),
        _ => Err(Errno::EPIPE),
    }
}

/// CLONE_NEWTIME (unshare(2)).
const CLONE_NEWTIME: i32 = 0x80;

fn reset_context(context: &Context<'_>, reset: Reset) -> Result<(), Errno> {
    use sys::context as state;
    match reset {
        Reset::Affinity => state::all_processors(),
        Reset::Nice => state::setpriority(0).map(drop),
        Reset::Scheduler => state::sched_other(),
        Reset::IoPriority => state::ioprio_reset().map(drop),
        Reset::TimerSlack => {
            sys::prctl(libc::PR_SET_TIMERSLACK, crate::host::TIMER_SLACK_NS as u64, 0, 0, 0).map(drop)
        }
        Reset::Securebits => sys::prctl(libc::PR_SET_SECUREBITS, 0, 0, 0, 0).map(drop),
        Reset::HugePages => sys::prctl(libc::PR_SET_THP_DISABLE, 0, 0, 0, 0).map(drop),
        Reset::MergedMemory => sys::prctl(libc::PR_SET_MEMORY_MERGE, 0, 0, 0, 0).map(drop),
        Reset::MemoryPolicy => sys::memory::set_mempolicy(libc::MPOL_DEFAULT, &sys::memory::Nodes::default()),
        Reset::OomScore => {
            const FILE: Beneath = beneath!("proc/self", "oom_score_adj").within();
            match context.open_to_write(&FILE).and_then(|file| sys::write(file.0, b"0")) {
                // A floor under it is the machine's decision.
                Ok(_) | Err(Errno::EACCES) => Ok(()),
                Err(errno) => Err(errno),
            }
        }
        Reset::Keyring => state::new_session_keyring(),
    }
}

/// As many instances as may be stacked on one mount point of a host.
const STACKED_MAX: usize = 64;

fn detach_below(context: &Context<'_>, target: &Beneath) -> Result<(), Errno> {
    for _ in 0..STACKED_MAX {
        sys::fchdir(context.open(target)?.fd).map(drop)?;
        match sys::umount2(HERE, libc::MNT_DETACH) {
            Ok(()) => {}
            // Nothing is mounted here any more.
            Err(Errno::EINVAL) => return Ok(()),
            Err(errno) => return Err(errno),
        }
    }
    Err(Errno::ELOOP)
}

fn write_file(context: &Context<'_>, target: &Beneath, contents: &[u8]) -> Result<(), Errno> {
    let file = context.open_to_write(target)?;
    if target.place() != Place::Loose && !sys::is_procfs(file.0)? {
        return Err(Errno::EMEDIUMTYPE);
    }
    let written = sys::write(file.0, contents)?;
    if written == contents.len() { Ok(()) } else { Err(Errno::ENOSPC) }
}

/// Into a directory of the container's, which is looked at before and after.
fn change_dir(path: &CStr, resolve: u64) -> Result<(), Errno> {
    let flags = libc::O_PATH | libc::O_DIRECTORY;
    let dir = Fd(sys::openat2(libc::AT_FDCWD, path, flags, 0, resolve)?);
    sys::fchdir(dir.0).map(drop)?;
    if resolve == 0 || sys::paths::is_inside()? { Ok(()) } else { Err(Errno::EXDEV) }
}

/// Closes everything but the standard streams, the pipes to the launcher, and the program in `keep`.
fn close_others(context: &Context<'_>, keep: Option<Slot>, flags: u32) -> Result<(), Errno> {
    let program = keep.map_or(-1, |slot| context.fd(slot));
    let mut kept = [context.life, context.started, program];
    kept.sort_unstable();
    let mut first = 3;
    for fd in kept.into_iter().filter(|fd| *fd >= 3) {
        let fd = fd.unsigned_abs();
        if first < fd {
            sys::close_range(first, fd - 1, flags).map(drop)?;
        }
        first = fd + 1;
    }
    sys::close_range(first, u32::MAX, flags).map(drop)
}

fn drop_bounding(keep: u64, last: u8) -> Result<(), Errno> {
    for capability in 0..=last.min(63) {
        if keep & (1 << capability) == 0 {
            sys::prctl(libc::PR_CAPBSET_DROP, capability.into(), 0, 0, 0).map(drop)?;
        }
    }
    Ok(())
}

fn tie_to_launcher(context: &Context<'_>) -> Result<(), Errno> {
    sys::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL as u64, 0, 0, 0).map(drop)?;
    if context.life >= 0 && sys::hung_up(context.life)? {
        // The launcher was killed before the call above could tie the child to it.
        sys::exit_now(NOT_STARTED);
    }
    Ok(())
}

fn exec(
    context: &Context<'_>,
    resolve: u64,
    paths: &[std::ffi::CString],
    argv: &sys::StringArray,
    env: &sys::StringArray,
) -> Errno {
    let mut worst = Errno::ENOENT;
    for path in paths {
        let errno = match context.looking(resolve, false).look(path) {
            Ok(identity) => {
                context.progress.will_execute(identity);
                sys::execve(path, argv, env)
            }
            Err(errno) => errno,
        };
        // A name looked up in PATH: the next directory may have it (execvp(3)).
        if errno != Errno::ENOENT && errno != Errno::ENOTDIR {
            worst = errno;
            if errno != Errno::EACCES {
                break;
            }
        }
    }
    worst
}
