//! Limits changed while a domain runs, or in its definition.
//!
//! A change is a change of the document. Of one that runs, the plans of the old and the new document are
//! compared, and the writes to control groups that differ are done, each read back: whatever a start
//! understands and refuses, a change does too.

use std::fs;
use std::path::Path;

use browndog_runtime::exec::live;
use browndog_runtime::host::Host;
use browndog_runtime::launch::prepare;
use browndog_runtime::plan::step::HostStep;
use browndog_runtime::plan::{Entry, Plan, Request as StartRequest};
use browndog_xml::domain::{Domain, Sourced};
use browndog_xml::source::Source;
use nix::errno::Errno;

use crate::edit::Document;
use crate::error::{LifeError, Result};
use crate::kept::Kept;
use crate::layout::Layout;
use crate::lock::Lock;
use crate::process::ProcessId;
use crate::protocol::{self, Request};
use crate::record::{Group, Made, Record, UNIFIED};
use crate::{definitions, domains, events, groups, stop};

/// What a change is made to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Scope {
    /// The domain as it runs.
    pub live: bool,
    /// Its definition.
    pub config: bool,
}

impl Scope {
    /// virsh's rule: what is not said is the domain as it runs, or its definition where it does not.
    ///
    /// # Errors
    /// It does not run, or is not defined.
    pub fn settle(self, view: &domains::View, verb: &'static str) -> Result<Self> {
        let active = view.phase.is_active();
        let scope = if self == Self::default() { Self { live: active, config: !active } } else { self };
        if scope.live && !active {
            return Err(stop::not_running(view, verb));
        }
        if scope.config && !view.persistent {
            return Err(LifeError::refused(
                format!("'{}' has no definition to be changed", view.name),
                "define it first, or use --live",
            ));
        }
        Ok(scope)
    }
}

/// The documents that `scope` names.
#[derive(Debug)]
pub struct Documents {
    /// What it runs by.
    pub live: Option<Document>,
    /// Its definition.
    pub config: Option<Document>,
}

/// Reads the documents that `scope` names.
///
/// # Errors
/// A file that cannot be read, or is invalid.
pub fn documents(layout: &Layout, name: &str, scope: Scope) -> Result<Documents> {
    let live = scope.live.then(|| live_document(layout, name)).transpose()?;
    let config = scope.config.then(|| definitions::read(layout, name)).transpose()?;
    Ok(Documents { live, config })
}

/// The document that a domain runs by.
///
/// # Errors
/// It cannot be read.
pub fn live_document(layout: &Layout, name: &str) -> Result<Document> {
    let path = layout.live(name);
    let bytes = crate::files::read(&path).map_err(|error| LifeError::file("read", &path, error))?;
    Document::read(&Source::from_bytes(path.to_string_lossy(), bytes))
}

/// Changes a domain by `change`, in everything that `scope` names, or in nothing: it is recorded before it is made.
///
/// # Errors
/// The new document is invalid, asks for what this machine cannot do, or cannot be recorded; what could not be put
/// back of a change that failed is said.
pub fn change(
    layout: &Layout,
    name: &str,
    verb: &'static str,
    scope: Scope,
    change: impl Fn(&Document) -> Result<Document>,
) -> Result<()> {
    let lock = Lock::take(layout, name, verb)?;
    let view = domains::view(layout, name)?;
    let scope = scope.settle(&view, verb)?;
    let documents = documents(layout, name, scope)?;
    // Both are made before either is applied: a mistake is found before anything has changed.
    let config = documents.config.as_ref().map(&change).transpose()?;
    let live = documents.live.as_ref().map(&change).transpose()?;
    let kept = Kept::prepare(layout, name, live.as_ref(), config.as_ref())?;
    if let (Some(old), Some(new)) = (&documents.live, &live) {
        let record = view.record.as_ref().ok_or_else(|| stop::not_running(&view, verb))?;
        apply(layout, record, old, new)?;
        kept.commit().map_err(|error| undone(layout, record, new, old, error))?;
    } else {
        kept.commit()?;
    }
    drop(lock);
    let what = if scope.live { "live" } else { "config" };
    events::note(layout, name, "tune", what, verb);
    Ok(())
}

/// The plan that the domain of this record would be started by from `document`, with its own groups.
fn plan_of(record: &Record, document: &Document) -> Result<(Plan, Host)> {
    let prepared = prepare(&document.domain, &request_of(record));
    Ok((prepared.plan, prepared.host))
}

/// What the domain of this record was started with, as far as names on the host depend on it.
pub(crate) fn request_of(record: &Record) -> StartRequest {
    let instance = record.monitor.map(ProcessId::instance).unwrap_or_default();
    StartRequest { instance, ..StartRequest::default() }
}

fn apply(layout: &Layout, record: &Record, old: &Document, new: &Document) -> Result<()> {
    let (before, _) = plan_of(record, old)?;
    let (after, host) = plan_of(record, new)?;
    if let Some(problem) = after.problems.iter().find(|problem| !before.problems.contains(problem)) {
        return Err(LifeError::refused(problem.message.clone(), problem.help.clone()));
    }
    guard_memory(record, new)?;
    guard_controllers(old, new, &after)?;
    set(layout, record, &before, &after, &host).map_err(|error| undone(layout, record, new, old, error))
}

/// Puts back what was set on the way from `old` to `new`, and says where that fails too.
fn undone(layout: &Layout, record: &Record, new: &Document, old: &Document, error: LifeError) -> LifeError {
    let put_back = || {
        // One that was put in its place already.
        crate::disregard(Kept::prepare(layout, &record.name, Some(old), None).and_then(Kept::commit));
        let (before, _) = plan_of(record, new)?;
        let (after, host) = plan_of(record, old)?;
        set(layout, record, &before, &after, &host)
    };
    let help = error.hint().unwrap_or_default();
    match put_back() {
        Ok(()) => LifeError::refused(format!("nothing was changed: {error}"), help),
        Err(other) => {
            let what = format!("{error}; and what was changed before could not be put back: {other}");
            LifeError::refused(what, help)
        }
    }
}

/// Does what the plan `after` has and `before` has not.
fn set(layout: &Layout, record: &Record, before: &Plan, after: &Plan, host: &Host) -> Result<()> {
    let same = |a: &HostStep, b: &HostStep| format!("{a:?}") == format!("{b:?}");
    let is_new = |entry: &&Entry<HostStep>| {
        entry.id.starts_with("enable-controllers")
            || !before.before.iter().any(|old| same(&old.step, &entry.step))
    };
    let is_group = |entry: &&Entry<HostStep>| {
        matches!(
            entry.step,
            HostStep::MakeCgroup { .. } | HostStep::SetCgroup { .. } | HostStep::InheritCpuset { .. }
        )
    };
    let mut steps: Vec<&Entry<HostStep>> = after.before.iter().filter(is_group).filter(is_new).collect();
    let lifted = lifted(before, after);
    steps.extend(&lifted);
    let mut made = Vec::new();
    perform(layout, record, &mut steps, host, &mut made)?;
    for group in made {
        move_into(record, &group)?;
    }
    Ok(())
}

/// Files of which the new document says nothing any more, and what they say without a limit.
fn lifted(before: &Plan, after: &Plan) -> Vec<Entry<HostStep>> {
    const NONE: [(&str, &str); 13] = [
        ("memory.max", "max"),
        ("memory.high", "max"),
        ("memory.swap.max", "max"),
        ("memory.memsw.limit_in_bytes", "-1"),
        ("memory.limit_in_bytes", "-1"),
        ("memory.soft_limit_in_bytes", "-1"),
        ("cpu.max", "max 100000"),
        ("cpu.cfs_quota_us", "-1"),
        ("cpu.cfs_period_us", "100000"),
        ("cpu.shares", "1024"),
        ("cpu.weight", "100"),
        ("blkio.bfq.weight", "100"),
        ("io.weight", "100"),
    ];
    let path_of = |entry: &Entry<HostStep>| match &entry.step {
        HostStep::SetCgroup { path, .. } => Some(path.clone()),
        _ => None,
    };
    let kept: Vec<String> = after.before.iter().filter_map(path_of).collect();
    let mut lifted = Vec::new();
    for entry in &before.before {
        let Some(path) = path_of(entry).filter(|path| !kept.contains(path)) else { continue };
        let file = Path::new(&path).file_name().unwrap_or_default().to_string_lossy().into_owned();
        if let Some((_, none)) = NONE.iter().find(|(name, _)| *name == file) {
            let check = browndog_runtime::plan::step::ReadBack::None;
            let step = HostStep::SetCgroup { path, value: (*none).to_owned(), check };
            lifted.push(Entry { step, ..entry.clone() });
        }
    }
    lifted
}

/// Does the steps; those that fail are tried again behind the others, once: version 1 wants memory and
/// swap lowered and raised in different orders.
fn perform(
    layout: &Layout,
    record: &Record,
    steps: &mut Vec<&Entry<HostStep>>,
    host: &Host,
    made: &mut Vec<Group>,
) -> Result<()> {
    for last in [false, true] {
        let mut failed = Vec::new();
        for entry in steps.drain(..) {
            if let HostStep::MakeCgroup { path, shared } = &entry.step {
                if Path::new(path).exists() {
                    continue;
                }
                let group = announce(layout, record, path, *shared)?;
                made.extend(group);
            }
            match live::perform(&entry.step, host.page_size) {
                None | Some(Ok(())) => {}
                Some(Err(Errno::EEXIST)) if matches!(entry.step, HostStep::MakeCgroup { .. }) => {}
                Some(Err(errno)) if last => return Err(refused(entry, errno)),
                Some(Err(_)) => failed.push(entry),
            }
        }
        *steps = failed;
    }
    Ok(())
}

fn refused(entry: &Entry<HostStep>, errno: Errno) -> LifeError {
    let what = match &entry.step {
        HostStep::SetCgroup { path, value, .. } => format!("write '{value}' to {path}"),
        HostStep::MakeCgroup { path, .. } => format!("make {path}"),
        _ => entry.id.to_string(),
    };
    match errno {
        Errno::EBUSY => LifeError::refused(
            format!("cannot {what}: more than that is in use, and cannot be given back"),
            "free memory in the domain first",
        ),
        Errno::ERANGE => LifeError::refused(format!("cannot {what}: the kernel keeps another value"), ""),
        errno => LifeError::call(what, errno),
    }
}

/// A group that a start of the new document would have: the monitor is told first, so that it goes with
/// the domain whatever happens.
fn announce(layout: &Layout, record: &Record, path: &str, shared: bool) -> Result<Option<Group>> {
    let made = Made::Group { path: path.into(), shared };
    let controller = Path::new(path).strip_prefix("/sys/fs/cgroup").ok().and_then(|rest| rest.iter().next());
    // A partition is others' as well: its processes are not the domain's.
    let controller = controller.filter(|_| !shared);
    let group =
        controller.map(|name| Group { controller: name.to_string_lossy().into_owned(), path: path.into() });
    let own = Request::Own { made, group: group.clone() };
    protocol::ask(layout, &record.name, &own).map(drop)?;
    Ok(group)
}

/// Every process of the domain enters a group of version 1 that was just made; again until none is left
/// outside, since they go on meanwhile.
fn move_into(record: &Record, group: &Group) -> Result<()> {
    let from = record.unified().map(Path::to_owned);
    let from = from
        .or_else(|| record.groups.iter().find(|known| known.controller != UNIFIED).map(|g| g.path.clone()));
    let Some(from) = from else { return Ok(()) };
    let procs = group.path.join("cgroup.procs");
    for _ in 0..ROUNDS {
        let inside = groups::processes(&group.path);
        let outside: Vec<i32> =
            groups::processes(&from).into_iter().filter(|pid| !inside.contains(pid)).collect();
        if outside.is_empty() {
            return Ok(());
        }
        for pid in outside {
            match fs::write(&procs, pid.to_string()) {
                Ok(()) => {}
                // It has ended meanwhile.
                Err(error) if error.raw_os_error() == Some(nix::libc::ESRCH) => {}
                Err(error) => return Err(LifeError::file("write", &procs, error)),
            }
        }
    }
    Err(LifeError::refused(
        format!("processes of '{}' are made faster than they can be moved", record.name),
        "suspend it first: 'browndog suspend'",
    ))
}

const ROUNDS: usize = 100;

/// What a document limits, by controller, as text to be compared; empty where it limits nothing.
fn limits(domain: &Domain) -> [(&'static str, String); 5] {
    let number = |limit: &Option<Sourced<u64>>| limit.as_ref().map(|limit| limit.value);
    let text = |values: &[Option<String>]| values.iter().flatten().cloned().collect::<Vec<_>>().join(" ");
    let numbers = |values: &[(&str, Option<u64>)]| {
        text(
            &values
                .iter()
                .map(|(name, value)| value.map(|value| format!("{name}={value}")))
                .collect::<Vec<_>>(),
        )
    };
    let (memory, cpu, blkio) = (&domain.memory, &domain.cpu, &domain.blkio);
    let limit = number(&memory.limit).or(number(&memory.memory_and_swap));
    let quota = cpu.quota_us.as_ref().map(|quota| format!("quota={}", quota.value));
    let weight = |weight: &Option<Sourced<u16>>| weight.as_ref().map(|weight| u64::from(weight.value));
    let mut io = vec![numbers(&[("weight", weight(&blkio.weight))])];
    for device in &blkio.devices {
        let bounds =
            [&device.read_bytes_sec, &device.write_bytes_sec, &device.read_iops_sec, &device.write_iops_sec];
        let bounds = bounds.map(|bound| number(bound).filter(|bound| *bound > 0));
        if bounds.iter().any(Option::is_some) || device.weight.is_some() {
            io.push(format!("{} {:?} {bounds:?}", device.path.value, weight(&device.weight)));
        }
    }
    [
        ("memory", numbers(&[("limit", limit), ("soft", number(&memory.soft))])),
        ("cpu", text(&[Some(numbers(&[("shares", number(&cpu.shares))])), quota])),
        ("cpuset", text(&[cpu.cpuset.as_ref().map(|cpus| cpus.value.to_string())])),
        ("pids", domain.pids.value.to_string()),
        ("io", io.join(" ")),
    ]
}

/// A limit that was changed and that no step sets: this domain has no controller for it. Its start has noted that
/// of what the document asks for; a change would be reported as made.
fn guard_controllers(old: &Document, new: &Document, after: &Plan) -> Result<()> {
    let sets = |controller: &str| {
        after.before.iter().any(|entry| match &entry.step {
            HostStep::SetCgroup { path, .. } if !entry.id.starts_with("enable-controllers") => {
                let file = Path::new(path).file_name().unwrap_or_default().to_string_lossy();
                let of = file.split('.').next().unwrap_or_default();
                of == controller || (controller == "io" && of == "blkio")
            }
            _ => false,
        })
    };
    for ((controller, before), (_, wanted)) in limits(&old.domain).into_iter().zip(limits(&new.domain)) {
        if before != wanted && !wanted.trim().is_empty() && !sets(controller) {
            return Err(LifeError::refused(
                format!(
                    "this domain runs without the control group controller {controller}: nothing was changed"
                ),
                "start it as root, or in a group that is handed over with this controller (systemd-run --user --scope \
                 -p Delegate=yes browndog start NAME); --config changes its definition",
            ));
        }
    }
    Ok(())
}

/// A limit below what programs hold is not one that they would be told of: the kernel would kill.
fn guard_memory(record: &Record, new: &Document) -> Result<()> {
    let Some(limit) = &new.domain.memory.limit else { return Ok(()) };
    let held = crate::stats::read(record).memory.anonymous.unwrap_or(0);
    if held > limit.value {
        return Err(LifeError::refused(
            format!("its programs hold {} KiB: with less, the kernel would kill them", held / 1024),
            "free memory in the domain first, or stop it and use --config",
        ));
    }
    Ok(())
}

/// What the kernel says now of the files that the domain's limits are in: name and value.
///
/// # Errors
/// The document cannot be planned.
pub fn kernel(record: &Record, document: &Document) -> Result<Vec<(String, String)>> {
    let (plan, _) = plan_of(record, document)?;
    let mut values = Vec::new();
    for entry in &plan.before {
        let HostStep::SetCgroup { path, .. } = &entry.step else { continue };
        if entry.id.starts_with("enable-controllers") {
            continue;
        }
        let file = Path::new(path).file_name().unwrap_or_default().to_string_lossy().into_owned();
        if let Ok(text) = fs::read_to_string(path) {
            values.push((file, text.trim().replace('\n', "; ")));
        }
    }
    values.dedup();
    Ok(values)
}
