//! The launcher: performs the plan's host steps, clones, attends to the child, waits, and leaves the
//! host as it was found.

pub mod asking;
pub mod attach;
mod attend;
mod begun;
mod block;
mod cgroup;
mod child;
mod consoles;
pub mod detach;
mod devices;
pub mod flow;
mod host_steps;
mod inside;
pub mod live;
pub mod noted;
mod owner;
mod place;
mod program;
pub mod relay;
pub mod rootless;
pub mod signals;
mod site;
mod stage;
pub mod standard;
pub mod streams;
mod table;
pub mod terminal;
pub mod tree;
mod undo;
mod unmount;
mod walk;

use std::os::fd::{AsFd, AsRawFd, OwnedFd, RawFd};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicI32, Ordering};
use std::time::Duration;

use nix::errno::Errno;
use nix::libc;
use nix::sys::signalfd::SignalFd;

pub use crate::ended::{Asked, Ended};
use crate::error::{FailedStep, StartError, hint};
use crate::host::Host;
use crate::plan::step::ChildStep;
use crate::plan::{Entry, Plan};
use crate::survey::Survey;
use crate::sys::context::OneProcessor;
use crate::sys::identity::Identity;
use crate::sys::{self, ChildMemory, CloneArgs, Progress};
pub use cgroup::is_own_partition;
pub use host_steps::sealed_copy;
use undo::Undo;

/// How a plan is executed.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Notes the time at which each step ended.
    pub trace: bool,
    /// A failure to be played: the step of this number of the child (from 0), and the errno.
    pub child_fault: Option<(usize, i32)>,
    /// The same for the launcher's steps, counted through `before` and `attend`.
    pub host_fault: Option<(usize, i32)>,
    /// Before this step of the child (from 0) it says `held` on its standard output and waits until the
    /// launcher is gone: a launcher killed at that moment.
    pub child_hold: Option<usize>,
    /// Before this step of the launcher it says `held` and waits for ever.
    pub host_hold: Option<usize>,
    /// The process does nothing but [`relay::attend`] afterwards, and ends with the container: if that is at once,
    /// the calling thread may be left on one processor.
    pub foreground: bool,
    /// Where the caller's signals are read (signalfd(2)), not blocking: one that asks for the end ends the wait for a
    /// program that enters a container.
    pub signals: Option<Arc<SignalFd>>,
}

/// One step's time.
#[derive(Clone, Debug, serde::Serialize)]
pub struct Timing {
    /// `host`, `clone`, `attend` or `child`.
    pub stage: &'static str,
    /// The step's name.
    pub id: String,
    /// Nanoseconds that it took.
    pub ns: u64,
}

/// A container that runs.
#[derive(Debug)]
pub struct Running {
    /// The init's process id on the host.
    pub pid: i32,
    /// Its pidfd, which whoever undoes the start has as well.
    pub pidfd: Arc<OwnedFd>,
    /// The launcher's side of the console, where the plan opened one.
    pub console: Option<OwnedFd>,
    /// The same of the further consoles.
    pub more_consoles: Vec<OwnedFd>,
    /// The terminal of the host that the document names, to be the other end of the console.
    pub bridge: Option<OwnedFd>,
    /// Whether it is process 1 of a namespace of its own.
    pub is_init: bool,
    /// Times of the steps, where asked for.
    pub timings: Vec<Timing>,
    /// What the caller is to be told after the end.
    pub remarks: Vec<String>,
    /// In the foreground: the launcher is still kept where it started the child.
    stay: Option<OneProcessor>,
    /// The file in which the kernel counts whom it killed at the memory limit.
    oom: Option<String>,
    undo: Undo,
}

/// The launcher's state while it works through a plan.
struct Launcher<'a> {
    plan: &'a Plan,
    host: &'a Host,
    options: &'a Options,
    slots: Vec<AtomicI32>,
    /// The launcher's own descriptors in the slots: a child that shares memory fills slots too, with
    /// numbers of its own table.
    owned: Vec<OwnedFd>,
    /// Held until the child is in its group; released before anything is undone.
    partitions: Vec<crate::locks::Guard>,
    bridge: Option<OwnedFd>,
    /// Where the launcher works for a while; left when dropped, before anything is undone.
    stage: Option<stage::Stage>,
    /// Where the child says what it has mounted: a pipe that hangs up when it executes.
    said: Option<OwnedFd>,
    /// The number of the child's root mount.
    mounted: u64,
    /// Namespaces that it is in for the clone; left when dropped.
    visit: stage::Visit,
    _mask: Mask,
    undo: Undo,
    /// The group whose directory a step has opened, for the one that puts it into a slot.
    group: Option<(String, OwnedFd)>,
    timings: Vec<Timing>,
    performed: usize,
}

/// The caller's file mode mask, back when this is dropped: what is made on the host has the mode that its
/// step says, and root of a container with an id map, who is a stranger there, finds the way to it.
#[derive(Debug)]
struct Mask(u32);

impl Mask {
    fn set() -> Self {
        Self(sys::umask(0o022).map_or(0o022, |mask| mask as u32))
    }
}

impl Drop for Mask {
    fn drop(&mut self) {
        crate::disregard(sys::umask(self.0));
    }
}

/// Starts the container of `plan`. Whatever happens, nothing is left behind: what was made is undone
/// when the returned value, or the error, is dropped.
///
/// # Errors
/// Says which step failed, who asked for it, and why.
pub fn start(plan: &Plan, host: &Host, survey: Survey, options: &Options) -> Result<Running, StartError> {
    if !plan.problems.is_empty() {
        return Err(StartError::Refused(plan.problems.clone()));
    }
    let mut launcher = Launcher::new(plan, host, survey, options);
    for entry in &plan.before {
        launcher.perform("host", entry)?;
    }
    launcher.clone_child()
}

impl<'a> Launcher<'a> {
    fn new(plan: &'a Plan, host: &'a Host, survey: Survey, options: &'a Options) -> Self {
        let slots: Vec<AtomicI32> = plan.slots.iter().map(|_| AtomicI32::new(-1)).collect();
        let mut owned = Vec::new();
        for (slot, found) in slots.iter().zip(survey.found) {
            if let Some(fd) = found.fd {
                slot.store(fd.as_raw_fd(), Ordering::Relaxed);
                owned.push(fd);
            }
        }
        let undo = Undo::new(plan.kill_group.clone(), survey.hold);
        Self {
            plan,
            host,
            options,
            slots,
            owned,
            partitions: Vec::new(),
            bridge: survey.terminal.and_then(Result::ok),
            stage: None,
            said: None,
            mounted: 0,
            visit: stage::Visit::default(),
            _mask: Mask::set(),
            undo,
            group: None,
            timings: Vec::new(),
            performed: 0,
        }
    }

    fn fd(&self, slot: crate::plan::step::Slot) -> RawFd {
        self.slots[usize::from(slot.0)].load(Ordering::Relaxed)
    }

    fn fill(&mut self, slot: crate::plan::step::Slot, fd: OwnedFd) {
        self.slots[usize::from(slot.0)].store(fd.as_raw_fd(), Ordering::Relaxed);
        self.owned.push(fd);
    }

    fn failed<S>(
        &self,
        stage: &'static str,
        entry: &Entry<S>,
        call: String,
        at: usize,
        errno: Errno,
    ) -> StartError {
        let count = match stage {
            "child" => self.plan.child.len(),
            _ => self.plan.before.len() + self.plan.attend.len(),
        };
        StartError::Step(Box::new(FailedStep {
            stage,
            number: (at + 1, count),
            id: entry.id.to_string(),
            call,
            origin: entry.origin,
            errno,
            hint: hint(&entry.id, errno, self.host),
        }))
    }

    fn clone_child(mut self) -> Result<Running, StartError> {
        let launcher = |what| move |errno| StartError::Launcher { what, errno };
        let share_memory = self.plan.clone.step.share_memory;
        let memory = if share_memory { ChildMemory::borrowed() } else { ChildMemory::shared() }
            .map_err(launcher("mmap"))?;
        let (life_read, life_write) = pipe().map_err(launcher("pipe2"))?;
        let go = if self.plan.attend.is_empty() { None } else { Some(pipe().map_err(launcher("pipe2"))?) };
        // Without shared memory clone3 returns at once: the write end closes when the child executes.
        let started = if share_memory { None } else { Some(pipe().map_err(launcher("pipe2"))?) };
        let opens = |entry: &Entry<ChildStep>| matches!(entry.step, ChildStep::OpenConsole { .. });
        let consoles = if self.plan.child.iter().any(opens) {
            Some(consoles::socket().map_err(launcher("socketpair"))?)
        } else {
            None
        };
        let own = sys::identity::identity(c"/proc/self/exe").ok();
        let before = if self.options.trace { sys::monotonic_ns() } else { 0 };
        let cloned = {
            let context = child::Context {
                plan: self.plan,
                slots: &self.slots,
                progress: &memory,
                go: go.as_ref().map_or(-1, |(read, _)| read.as_raw_fd()),
                go_write: go.as_ref().map_or(-1, |(_, write)| write.as_raw_fd()),
                life: life_read.as_raw_fd(),
                life_write: life_write.as_raw_fd(),
                started: started.as_ref().map_or(-1, |(_, write)| write.as_raw_fd()),
                consoles: consoles.as_ref().map_or(-1, |(_, child)| child.as_raw_fd()),
                window: self.bridge.as_ref().map_or(libc::STDIN_FILENO, AsRawFd::as_raw_fd),
                trace: self.options.trace,
                own,
                hold: self.options.child_hold,
                fault: self.options.child_fault.map(|(at, errno)| (at, Errno::from_raw(errno))),
            };
            self.clone3(&memory, &context)
        };
        self.visit = stage::Visit::default();
        let (pid, pidfd, stay) = match cloned {
            Ok(child) => child,
            Err(errno) => {
                let entry = &self.plan.clone;
                let call = self.plan.clone_call(&entry.step);
                return Err(self.failed("clone", entry, call, 0, errno));
            }
        };
        self.undo.keep_alive(life_write);
        self.undo.child(pid, Arc::clone(&pidfd));
        // The child has the only one now, so its end is noticed.
        self.said = started.map(|(read, _write)| read);
        if let Some((read, write)) = go {
            drop(read);
            let attended = self.attend(pid, &write);
            // A child that failed on its own is the cause; that nobody was there to attend to, its effect.
            self.child_failure(&memory)?;
            attended?;
        }
        if let Some(read) = self.said.take() {
            let signals = self.options.signals.as_deref().map(AsFd::as_fd);
            begun::wait_for_exec(&read, pid, &pidfd, signals, || self.undo.child_is_gone())?;
        }
        self.read_timings(&memory, before);
        self.owned.clear();
        self.partitions.clear();
        self.child_failure(&memory)?;
        self.of_the_container(pid, own, memory.program())?;
        let consoles = match consoles {
            Some((launcher_end, _)) => consoles::receive(&launcher_end).map_err(launcher("recvmsg"))?,
            None => Vec::new(),
        };
        let mut consoles = consoles.into_iter();
        Ok(Running {
            pid,
            pidfd,
            console: consoles.next(),
            more_consoles: consoles.collect(),
            bridge: self.bridge.take(),
            is_init: self.plan.clone.step.namespaces & libc::CLONE_NEWPID as u64 != 0,
            timings: std::mem::take(&mut self.timings),
            remarks: Vec::new(),
            stay,
            oom: cgroup::oom_counter(self.plan),
            undo: std::mem::take(&mut self.undo),
        })
    }

    /// What the child says of a step that failed.
    fn child_failure(&self, progress: &Progress) -> Result<(), StartError> {
        let errno = progress.errno.load(Ordering::Acquire);
        if errno == 0 {
            return Ok(());
        }
        let at = progress.step.load(Ordering::Acquire) as usize;
        let entry = &self.plan.child[at.min(self.plan.child.len() - 1)];
        let call = self.plan.child_call(&entry.step);
        Err(self.failed("child", entry, call, at, Errno::from_raw(errno)))
    }

    /// The child has looked at what it was about to execute. Whoever shares its root may have put another link there
    /// since, and a handler of binfmt_misc is looked at by nobody: what runs now is what counts. If
    /// that is this program's file, or one that is reached by a mount of the host's, it does not go on.
    fn of_the_container(&self, pid: i32, own: Option<Identity>, looked: Identity) -> Result<(), StartError> {
        let Some((at, entry)) = self.plan.child.iter().enumerate().next_back() else { return Ok(()) };
        if !matches!(entry.step, ChildStep::Exec { .. }) {
            return Ok(());
        }
        let errno = match program::executed(pid, own) {
            Some(found) if own == Some(found) => Errno::EACCES,
            Some(found) if found != looked && program::is_outside(pid, found.mount) => Errno::EXDEV,
            _ => return Ok(()),
        };
        Err(self.failed("child", entry, self.plan.child_call(&entry.step), at, errno))
    }

    fn clone3(
        &self,
        memory: &ChildMemory,
        context: &child::Context<'_>,
    ) -> Result<(i32, Arc<OwnedFd>, Option<OneProcessor>), Errno> {
        let step = &self.plan.clone.step;
        let mut pidfd: RawFd = -1;
        let mut args = CloneArgs::default();
        args.flags = step.namespaces | libc::CLONE_PIDFD as u64;
        args.pidfd = (&raw mut pidfd) as u64;
        args.exit_signal = libc::SIGCHLD as u64;
        if step.share_memory {
            args.flags |= (libc::CLONE_VM | libc::CLONE_VFORK) as u64;
        }
        if let Some(group) = step.into_cgroup {
            args.flags |= CLONE_INTO_CGROUP;
            args.cgroup = self.fd(group) as u64;
        }
        // A handler of ours that ran in the child would run on memory that both share.
        let mask = sys::set_signal_mask(u64::MAX)?;
        // The launcher sleeps until the child executes: the child may have its processor, with what is in its
        // caches, and no other has to be woken. It frees itself from it by its first steps, and goes to another
        // one when it waits for the host's mounts to go. Where it does not wait, it would stay, and all that the
        // kernel clears up after the init would have to wake another one: it had better be there from the start.
        let waits = !self.plan.child.iter().any(|entry| matches!(entry.step, ChildStep::EnterBase { .. }));
        let stay = if step.share_memory && waits { OneProcessor::stay() } else { None };
        let owner = step.owner.map(owner::As::user).transpose()?;
        let cloned = sys::clone3(&mut args, memory, child::enter, context);
        drop(owner);
        // In the foreground it sleeps again at once, until the end of a container that lives for a moment.
        let stay = stay.filter(|_| self.options.foreground);
        crate::disregard(sys::set_signal_mask(mask)?);
        Ok((cloned?, Arc::new(sys::adopt(pidfd)), stay))
    }

    fn read_timings(&mut self, progress: &Progress, before: u64) {
        if !self.options.trace {
            return;
        }
        let mut last = before;
        for (entry, stamp) in self.plan.child.iter().zip(&progress.stamps) {
            let at = stamp.load(Ordering::Acquire);
            if at != 0 {
                self.timings.push(Timing {
                    stage: "child",
                    id: entry.id.to_string(),
                    ns: at.saturating_sub(last),
                });
                last = at;
            }
        }
    }
}

/// Says that it waits to be killed, and waits.
fn hold() -> ! {
    crate::disregard(sys::write(1, HELD));
    loop {
        std::thread::park();
    }
}

/// What a process says that waits for a kill.
const HELD: &[u8] = b"held\n";

/// CLONE_INTO_CGROUP (clone(2)); not in libc as a 64-bit number.
const CLONE_INTO_CGROUP: u64 = 0x2_0000_0000;

fn pipe() -> Result<(OwnedFd, OwnedFd), Errno> {
    nix::unistd::pipe2(nix::fcntl::OFlag::O_CLOEXEC)
}

impl Running {
    /// Waits until the init has ended.
    ///
    /// # Errors
    /// The errno of waitid(2).
    pub fn wait(&mut self) -> Result<Ended, Errno> {
        let pidfd = self.pidfd.as_raw_fd() as u32;
        loop {
            match sys::wait::waitid(libc::P_PIDFD, pidfd, libc::WEXITED) {
                Ok(Some(waited)) => {
                    return Ok(self.ended(Ended::of(waited.code, waited.status, self.is_init)));
                }
                Ok(None) | Err(Errno::EINTR) => {}
                Err(errno) => return Err(errno),
            }
        }
    }

    fn ended(&mut self, ended: Ended) -> Ended {
        self.undo.child_is_gone();
        ended
    }

    /// Lets it go on by itself; returns its process.
    pub fn detach(mut self) -> i32 {
        self.undo.child_is_gone();
        self.pid
    }

    /// Sends a signal to the init.
    ///
    /// # Errors
    /// The errno of pidfd_send_signal(2).
    pub fn signal(&self, signal: i32) -> Result<(), Errno> {
        sys::pidfd_send_signal(self.pidfd.as_raw_fd(), signal, 0, 0).map(drop)
    }

    /// Asks everybody in the container to end by `signal`, those in `groups` or, where the start made one, in its
    /// own group; see [`asking::Asking::begin`].
    pub fn ask(
        &self,
        signal: i32,
        mut groups: Vec<PathBuf>,
        patience: Duration,
        bounded: bool,
    ) -> asking::Asking {
        if groups.is_empty() {
            groups.extend(self.undo.kill_group().map(PathBuf::from));
        }
        asking::Asking::begin(self.pid, Arc::clone(&self.pidfd), signal, groups, patience, bounded)
    }

    /// How many processes the kernel has killed at the container's memory limit; before [`Running::clean_up`].
    pub fn oom_kills(&self) -> u64 {
        self.oom.as_deref().map_or(0, cgroup::oom_kills)
    }

    /// Removes what the start made on the host; says what could not be removed.
    pub fn clean_up(mut self) -> Vec<String> {
        self.undo.run()
    }
}
