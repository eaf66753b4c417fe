//! Devices attached to a container that runs: what the plan of one document has and the plan of the other
//! has not, done in the container that is there.

use std::os::fd::{AsRawFd, OwnedFd};
use std::sync::atomic::Ordering;

use nix::errno::Errno;
use nix::libc;

use super::inside::{self, Inside, Worker, inside};
use super::noted::{Noted, NotedLink, NotedMount};
use super::undo::{self, Undo};
use super::{Launcher, Options, devices};
use crate::error::{FailedStep, StartError, hint_of};
use crate::host::Host;
use crate::net::{self, Link, LinkKind};
use crate::plan::device_policy::Rule;
use crate::plan::step::{ChildStep, HostStep};
use crate::plan::{Entry, Plan, Problem};
use crate::survey::Survey;
use crate::sys;

/// A container that runs, held by descriptors.
#[derive(Debug)]
pub struct Container {
    /// Its init, as the host sees it.
    pub pid: i32,
    /// The same, held.
    pub pidfd: OwnedFd,
    /// Its root directory.
    pub root: OwnedFd,
    /// Its root, user and group, as the host sees them.
    pub owner: (u32, u32),
    /// The processes in its groups, as the host sees them.
    pub processes: Vec<i32>,
    /// Whether its root may mount: then it may have put what it was given anywhere.
    pub may_mount: bool,
}

/// What was made, undone when dropped, unless it is kept.
#[derive(Debug)]
pub struct Attached {
    container: Container,
    inside: Vec<Inside>,
    policy: Option<Policy>,
    outside: Undo,
    /// Links that have no end on the host to be taken away by.
    links: Vec<(NotedLink, Link)>,
}

/// A device policy that took the place of another.
#[derive(Debug)]
pub(super) struct Policy {
    group: String,
    old: Vec<Rule>,
    new: Vec<Rule>,
    programs: Option<[Vec<u64>; 2]>,
}

impl Policy {
    pub(super) fn set(&self) -> Result<(), Errno> {
        let program = self.programs.as_ref().map(|[_, new]| new.as_slice());
        devices::change(&self.group, &self.old, &self.new, program)
    }

    pub(super) fn reset(&self) -> Result<(), Errno> {
        let program = self.programs.as_ref().map(|[old, _]| old.as_slice());
        devices::change(&self.group, &self.new, &self.old, program)
    }
}

/// Attaches what `after` has and `before` has not. `survey` is the one that `after` was made from.
///
/// # Errors
/// What cannot be had by a container that runs, or the step that failed; then nothing has changed.
pub fn attach(
    before: &Plan,
    after: &Plan,
    host: &Host,
    survey: Survey,
    container: Container,
) -> Result<Attached, StartError> {
    check(before, after)?;
    let options = Options::default();
    let mut launcher = Launcher::new(after, host, survey, &options);
    let root = usize::from(after.root.0);
    launcher.slots[root].store(container.root.as_raw_fd(), Ordering::Relaxed);
    let mut attached =
        Attached { container, inside: Vec::new(), policy: None, outside: Undo::default(), links: Vec::new() };
    for entry in fresh(&before.before, &after.before) {
        launcher.perform("host", entry)?;
    }
    if let Some((entry, policy)) = policy(before, after) {
        policy.set().map_err(|errno| failed(after, "host", entry, after.host_call(&entry.step), errno))?;
        attached.policy = Some(policy);
    }
    // Nobody waits for a word in a container that runs.
    let waits = |entry: &&Entry<ChildStep>| matches!(entry.step, ChildStep::AwaitGo);
    let fresh_inside: Vec<_> = fresh(&before.child, &after.child).filter(|entry| !waits(entry)).collect();
    if !fresh_inside.is_empty() {
        launcher.work_inside(&mut attached, &fresh_inside)?;
    }
    for entry in fresh(&before.attend, &after.attend) {
        let done = match &entry.step {
            HostStep::AddInterface(link) => attached.add(link),
            HostStep::LimitInterface(limit) => limit.set(),
            _ => Ok(()),
        };
        done.map_err(|errno| failed(after, "attend", entry, after.host_call(&entry.step), errno))?;
    }
    attached.outside.adopt(&mut launcher.undo);
    Ok(attached)
}

impl Attached {
    fn add(&mut self, link: &Link) -> Result<(), Errno> {
        let pid = self.container.pid;
        // One that the container has made itself is not taken away where this fails.
        if net::is_inside(&link.guest_name, pid)? {
            return Err(Errno::EEXIST);
        }
        let (mut left, mut made) = (Vec::new(), None);
        let added = net::add_noting(link, pid, &mut left, &mut made);
        if let Some(index) = made {
            self.links.push((NotedLink { name: link.guest_name.clone(), index }, link.clone()));
        }
        left.into_iter().for_each(|left| self.outside.push(undo::Made::Link(left)));
        added
    }

    /// Everything stays: it ends with the container, but for the names of [`Attached::links`].
    pub fn keep(mut self) {
        self.inside.clear();
        self.links.clear();
        self.policy = None;
        self.outside.forget();
    }

    /// By what it is known again.
    pub fn noted(&self) -> Noted {
        let mounts = self.inside.iter().filter_map(|made| match made {
            Inside::Mounted(mounted) => {
                Some(NotedMount { target: mounted.target.shown(), mount: mounted.id })
            }
            Inside::Made(_) => None,
        });
        let links = self.links.iter().map(|(noted, _)| noted.clone());
        Noted { mounts: mounts.collect(), links: links.collect() }
    }

    /// Names of the links that have an end on the host.
    pub fn links(&self) -> Vec<String> {
        self.outside.links().into_iter().map(str::to_owned).collect()
    }
}

impl Drop for Attached {
    fn drop(&mut self) {
        let Self { container, inside: made, policy, links, .. } = self;
        for (noted, link) in links.iter() {
            let LinkKind::Macvlan { parent, .. } = &link.kind else { continue };
            let removed = net::remove_numbered(parent, noted.index, container.pid);
            if removed != Ok(true) {
                eprintln!("browndog: the link {} could not be taken away again", noted.name);
            }
        }
        let left = if made.is_empty() { Ok(None) } else { undo_all(container, made) };
        let policy = policy.as_ref().and_then(|policy| policy.reset().err());
        for errno in left.err().into_iter().chain(left.ok().flatten()).chain(policy) {
            eprintln!("browndog: not everything of the device could be taken away again: {}", errno.desc());
        }
    }
}

/// Takes away what was made inside; returns why not everything.
fn undo_all(container: &Container, made: &[Inside]) -> Result<Option<Errno>, Errno> {
    inside(container, |site| {
        let mut why = None;
        for made in made.iter().rev() {
            why = inside::undo(site, made).err().or(why);
        }
        Ok(why)
    })
}

/// Steps of `after` that `before` has not, by name: names are of what they are about.
pub fn fresh<'a, S>(before: &'a [Entry<S>], after: &'a [Entry<S>]) -> impl Iterator<Item = &'a Entry<S>> {
    after.iter().filter(|entry| !before.iter().any(|old| old.id == entry.id))
}

/// Whether everything that is new can be done while the container runs.
fn check(before: &Plan, after: &Plan) -> Result<(), StartError> {
    let mut problems: Vec<Problem> =
        after.problems.iter().filter(|problem| !before.problems.contains(problem)).cloned().collect();
    let mut refuse = |origin, message: String| {
        let help = "use --config, and start the domain again".to_owned();
        problems.push(Problem { origin, message, help });
    };
    let of_a_start = |id: &str| format!("{id} is a step of a start");
    let attend =
        fresh(&before.attend, &after.attend).find(|entry| matches!(entry.step, HostStep::AddInterface(_)));
    let made = before.clone.step.namespaces;
    let missing = after.clone.step.namespaces & !made & libc::CLONE_NEWNET as u64 != 0;
    if let Some(entry) = attend.filter(|_| missing) {
        let message =
            "the container was started with the host's network: it has none of its own to attach to";
        refuse(entry.origin, message.to_owned());
        return Err(StartError::Refused(problems));
    }
    for entry in fresh(&before.attend, &after.attend) {
        match &entry.step {
            HostStep::AddInterface(link) if matches!(link.kind, LinkKind::Moved { .. }) => {
                let message = "a device of the host moves into a container when that starts, and only then";
                refuse(entry.origin, message.to_owned());
            }
            // The pin is of a device that moves, which is said of that one.
            HostStep::AddInterface(_)
            | HostStep::LimitInterface(_)
            | HostStep::PinNetwork { .. }
            | HostStep::Go
            | HostStep::AwaitMounts
            | HostStep::LockMounts
            | HostStep::GoOn => {}
            HostStep::MapTree { .. }
            | HostStep::ShowTree { .. }
            | HostStep::EnterStage
            | HostStep::LeaveStage => {
                refuse(entry.origin, LIFTED.to_owned());
            }
            _ => refuse(entry.origin, of_a_start(&entry.id)),
        }
    }
    for entry in fresh(&before.before, &after.before) {
        let can = matches!(
            entry.step,
            HostStep::CloneTree { .. }
                | HostStep::Restrict { .. }
                | HostStep::AttachLoop { .. }
                | HostStep::MountDevice { .. }
                | HostStep::MakeTarget { .. }
        );
        if !can {
            refuse(entry.origin, of_a_start(&entry.id));
        }
    }
    for entry in fresh(&before.child, &after.child) {
        let can = matches!(
            entry.step,
            ChildStep::MakeTarget { .. }
                | ChildStep::MakeNode { .. }
                | ChildStep::CloneTree { .. }
                | ChildStep::Restrict { .. }
                | ChildStep::Attach { .. }
                | ChildStep::Sever { .. }
                | ChildStep::MountNew { .. }
                | ChildStep::SetAttr { .. }
                | ChildStep::Remount { .. }
                | ChildStep::Verify { .. }
                | ChildStep::AwaitGo
        );
        if entry.id.starts_with("hide-state:") {
            let message = "the source holds the state of browndog's own, which only a start can hide";
            refuse(entry.origin, message.to_owned());
        } else if !can && !entry.id.starts_with("clone-hidden:") {
            refuse(entry.origin, of_a_start(&entry.id));
        }
    }
    problems.dedup_by(|a, b| a.message == b.message);
    if problems.is_empty() { Ok(()) } else { Err(StartError::Refused(problems)) }
}

const LIFTED: &str = "root of a container with an id map could lift the restrictions of a file system that is \
attached while it runs: the kernel locks them only at a start (mount_namespaces(7))";

/// The device policy, where it changes.
pub(super) fn policy<'a>(before: &Plan, after: &'a Plan) -> Option<(&'a Entry<HostStep>, Policy)> {
    after.before.iter().find_map(|entry| {
        let HostStep::LimitDevices { path, rules, program, .. } = &entry.step else { return None };
        let (old, old_program) = before.before.iter().find_map(|entry| match &entry.step {
            HostStep::LimitDevices { path: old, rules, program, .. } if old == path => Some((rules, program)),
            _ => None,
        })?;
        let programs = old_program.clone().zip(program.clone()).map(|(old, new)| [old, new]);
        let changed = old != rules;
        changed
            .then(|| (entry, Policy { group: path.clone(), old: old.clone(), new: rules.clone(), programs }))
    })
}

pub(super) fn failed<S>(
    plan: &Plan,
    stage: &'static str,
    entry: &Entry<S>,
    call: String,
    errno: Errno,
) -> StartError {
    let count = match stage {
        "child" => plan.child.len(),
        _ => plan.before.len() + plan.attend.len(),
    };
    let ids = plan.before.iter().map(|entry| &entry.id).chain(plan.attend.iter().map(|entry| &entry.id));
    let at = match stage {
        "child" => plan.child.iter().position(|other| other.id == entry.id),
        _ => ids.into_iter().position(|id| *id == entry.id),
    };
    StartError::Step(Box::new(FailedStep {
        stage,
        number: (at.unwrap_or(0) + 1, count),
        id: entry.id.to_string(),
        call,
        origin: entry.origin,
        errno,
        hint: hint(errno).or_else(|| hint_of(&entry.id, errno)),
    }))
}

fn hint(errno: Errno) -> Option<String> {
    let text = match errno {
        Errno::EBUSY => {
            "a program in the container uses it, or something is mounted below it: end that first"
        }
        Errno::ESTALE => {
            "the container has put something else in its place, or a link that leads onto its root, /proc, /sys or /dev"
        }
        _ => return None,
    };
    Some(text.to_owned())
}

impl Launcher<'_> {
    fn work_inside(
        &mut self,
        attached: &mut Attached,
        entries: &[&Entry<ChildStep>],
    ) -> Result<(), StartError> {
        let (plan, slots) = (self.plan, &self.slots);
        let Attached { container, inside: made, .. } = attached;
        let mut at = 0;
        let done = inside(container, |site| {
            let mut worker = Worker { site, slots, made };
            entries.iter().enumerate().try_for_each(|(index, entry)| {
                at = index;
                worker.perform(&entry.step)
            })
        });
        // What the child's steps have opened is this process's, since it shares the table.
        for entry in entries {
            if let ChildStep::CloneTree { into, .. } | ChildStep::MountNew { into: Some(into), .. } =
                &entry.step
            {
                let fd = self.slots[usize::from(into.0)].swap(-1, Ordering::Relaxed);
                if fd >= 0 {
                    self.owned.push(sys::adopt(fd));
                }
            }
        }
        done.map_err(|errno| {
            let entry = entries[at];
            failed(plan, "child", entry, plan.child_call(&entry.step), errno)
        })
    }
}
