//! After a crash: what a killed monitor, an interrupted start or an earlier boot has left is recognised,
//! removed, and said.
//!
//! A domain goes down with its monitor: the kernel kills its init when the monitor dies (prctl(2),
//! PR_SET_PDEATHSIG). An init that has changed its user id is not killed by that; so the groups are killed
//! here as well.

use std::fs;
use std::path::{Path, PathBuf};

use browndog_runtime::host::{Cgroups, Host};
use browndog_runtime::net::pin;
use browndog_runtime::plan::{GROUP_SUFFIX, group_domain};

use crate::error::Result;
use crate::layout::Layout;
use crate::lock::{self, Lock};
use crate::process::{Seen, boot_id};
use crate::record::{self, Exit, Found, Made, Phase, Record};
use crate::{definitions, domains, events, groups};

/// Brings the files of a domain in line with what is so; the caller holds the domain's lock. Returns what
/// it found and did, a sentence each.
///
/// # Errors
/// A record of another version; files that cannot be changed.
pub fn reconcile(layout: &Layout, lock: &Lock, name: &str) -> Result<Vec<String>> {
    // The lock is what makes the look and the removal one.
    let _held = lock;
    for dir in [layout.definitions.clone(), layout.domain(name)] {
        crate::atomic::sweep(&dir);
    }
    let alive = lock::is_held(&layout.alive(name));
    let mut said = Vec::new();
    let record = match record::read(layout, name)? {
        Found::Damaged(why) => {
            let to = record::move_aside(layout, name)?;
            said.push(format!("the record of '{name}' was damaged ({why}) and is now {}", to.display()));
            if alive {
                // The monitor knows better than the file.
                crate::protocol::ask(layout, name, &crate::protocol::Request::Rewrite).map(drop)?;
                return Ok(said);
            }
            None
        }
        Found::Record(record) => Some(*record),
        Found::Nothing => None,
    };
    if alive {
        return Ok(said);
    }
    match record {
        Some(record) if !record.phase.is_active() => {}
        Some(record) => said.extend(bury(layout, record)?),
        None => {
            if layout.domain(name).exists() {
                sweep(Some(name), &mut said);
                remove_domain_dir(layout, name)?;
            }
        }
    }
    Ok(said)
}

/// The end of a domain that nobody recorded.
fn bury(layout: &Layout, mut record: Record) -> Result<Vec<String>> {
    let name = record.name.clone();
    let this_boot = record.boot == boot_id();
    let mut said = Vec::new();
    if this_boot {
        groups::kill(&record.groups);
        if let Some(init) = record.init {
            // ESRCH: it went down with its monitor.
            crate::disregard(init.signal(nix::libc::SIGKILL));
            // One that cannot die yet keeps its groups, which is said below.
            crate::disregard(groups::wait_until(std::time::Duration::from_secs(2), || !init.lives()));
        }
        let (removed, left) = groups::remove(&record.made);
        said.push(format!("the monitor of '{name}' was killed and '{name}' went down with it"));
        said.extend(removed.into_iter().map(|what| format!("removed what it left: {what}")));
        said.extend(left);
        give_back(&mut said);
    } else {
        said.push(format!("'{name}' ran before this machine was started; its old state is removed"));
    }
    finish(
        layout,
        &mut record,
        if this_boot { Phase::Crashed } else { Phase::ShutOff },
        "failed",
        None,
        Keep::IfDefined,
    )?;
    Ok(said)
}

/// Whether the record of an ended domain stays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keep {
    /// Only of one that is defined.
    IfDefined,
    /// In any case, for a look (`preserve`).
    Record,
}

/// Records the end of a domain: kept for one that is defined, forgotten with one that is not.
///
/// # Errors
/// Files that cannot be changed.
pub fn finish(
    layout: &Layout,
    record: &mut Record,
    phase: Phase,
    reason: &str,
    exit: Option<Exit>,
    keep: Keep,
) -> Result<()> {
    record.phase = phase;
    reason.clone_into(&mut record.reason);
    record.exit = exit;
    record.ended = Some(crate::time::now_ms());
    record.monitor = None;
    record.init = None;
    record.groups.clear();
    record.made.clear();
    let detail = match exit {
        Some(exit) => format!("{reason}, {}", exit.words()),
        None => reason.to_owned(),
    };
    if keep == Keep::Record || definitions::exists(layout, &record.name) {
        record.save(layout)?;
        for path in [layout.socket(&record.name), layout.live(&record.name)] {
            crate::atomic::remove(&path)?;
        }
    } else {
        remove_domain_dir(layout, &record.name)?;
    }
    let what = if phase == Phase::Crashed { "crashed" } else { "stopped" };
    events::note(layout, &record.name, "lifecycle", what, detail);
    Ok(())
}

/// Forgets that a domain ran.
///
/// # Errors
/// Names the directory.
pub fn remove_domain_dir(layout: &Layout, name: &str) -> Result<()> {
    let dir = layout.domain(name);
    match fs::remove_dir_all(&dir) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(crate::error::LifeError::file("remove", &dir, error))
        }
        _ => Ok(()),
    }
}

/// How each domain is, after those that need it and that nobody works on are reconciled; and what was done.
///
/// # Errors
/// A directory that cannot be read.
pub fn reconciled(layout: &Layout) -> Result<(Vec<Result<domains::View>>, Vec<String>)> {
    let (mut views, mut said) = (Vec::new(), Vec::new());
    for (name, mut view) in domains::views(layout)? {
        if view.as_ref().is_ok_and(|view| view.stale.is_some())
            // Somebody else is at it, or may not: then it is theirs to do and to say.
            && let Ok(lock) = Lock::take_within(layout, &name, "clean-up", std::time::Duration::ZERO)
        {
            said.extend(reconcile(layout, &lock, &name)?);
            if !definitions::exists(layout, &name) && !layout.domain(&name).exists() {
                continue;
            }
            view = domains::view(layout, &name);
        }
        views.push(view);
    }
    if !views.iter().flatten().any(|view| view.phase.is_active()) {
        crate::monitor::place::sweep();
    }
    give_back(&mut said);
    Ok((views, said))
}

/// Removes control groups whose launcher is gone: of `run`, or of a start that left no record. With
/// `name`, only that domain's.
pub fn sweep(name: Option<&str>, said: &mut Vec<String>) {
    crate::monitor::place::sweep();
    strays(name).iter().for_each(|path| remove_stray(path, said));
    give_back(said);
}

/// Gives devices of the host back that are in the network of a container whose launcher is gone.
fn give_back(said: &mut Vec<String>) {
    for instance in pin::instances() {
        if launcher(&instance).is_none_or(|launcher| launcher.lives()) {
            continue;
        }
        match pin::give_back(&instance) {
            Ok(names) => {
                said.extend(names.iter().map(|name| format!("gave the device {name} back to the host")))
            }
            Err(why) => said.push(why),
        }
    }
}

/// The same for groups in which nobody is any more: nothing is killed, what cannot go stays. Says what was
/// given back.
pub fn sweep_empty() -> Vec<String> {
    strays(None).iter().for_each(|path| remove_empty(path));
    let mut said = Vec::new();
    give_back(&mut said);
    said
}

fn remove_empty(path: &Path) {
    for group in domains::entries(path).unwrap_or_default() {
        let inner = path.join(group);
        if inner.is_dir() {
            remove_empty(&inner);
        }
    }
    crate::disregard(fs::remove_dir(path));
}

/// Groups whose launcher is gone.
fn strays(name: Option<&str>) -> Vec<PathBuf> {
    let mut open: Vec<PathBuf> = match Host::probe().cgroups {
        Cgroups::V2 { root, .. } => vec![root.into()],
        Cgroups::V1 { controllers, unified } => {
            controllers.into_iter().map(|(_, path)| path).chain(unified).map(PathBuf::from).collect()
        }
        Cgroups::None { .. } => Vec::new(),
    };
    let mut found = Vec::new();
    while let Some(root) = open.pop() {
        for group in domains::entries(&root).unwrap_or_default() {
            let path = root.join(&group);
            let Some((domain, launcher)) = launcher_of(&group) else {
                // A partition that a start made; an administrator's has no groups without a launcher.
                if browndog_runtime::exec::is_own_partition(&path) {
                    open.push(path);
                }
                continue;
            };
            if name.is_none_or(|name| group_domain(name) == domain) && !launcher.lives() {
                found.push(path);
            }
        }
    }
    found
}

fn remove_stray(path: &Path, said: &mut Vec<String>) {
    let group = record::Group { controller: record::UNIFIED.to_owned(), path: path.to_owned() };
    groups::kill(&[group]);
    let (removed, left) = groups::remove(&[Made::Group { path: path.to_owned(), shared: false }]);
    said.extend(removed.into_iter().map(|what| format!("removed what a killed start left: {what}")));
    said.extend(left);
}

/// `NAME.PID-START.browndog`: the domain and the process that started it.
fn launcher_of(group: &str) -> Option<(&str, Seen)> {
    let (domain, instance) = group.strip_suffix(GROUP_SUFFIX)?.rsplit_once('.')?;
    Some((domain, launcher(instance)?))
}

/// `PID-START`: the process that started it ([`browndog_runtime::launch::instance`]).
fn launcher(instance: &str) -> Option<Seen> {
    let (pid, at) = instance.split_once('-')?;
    Some(Seen { pid: pid.parse().ok()?, at: at.parse().ok()? })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::process::ProcessId;

    #[test]
    fn a_groups_name_says_who_started_it() {
        let (domain, launcher) = launcher_of("web.12-345.browndog").unwrap();
        assert_eq!((domain, launcher), ("web", Seen { pid: 12, at: 345 }));
        assert!(launcher_of("web.12.browndog").is_none());
        assert!(launcher_of("system.slice").is_none());
    }

    #[test]
    fn an_earlier_boot_is_forgotten_and_said() {
        let dir = tempfile::tempdir().unwrap();
        let layout = Layout::new(Some(dir.path())).unwrap();
        crate::layout::make_dir(&layout.domain("web")).unwrap();
        let mut record = Record::starting("web", "u");
        record.phase = Phase::Running;
        record.boot = "another".to_owned();
        // A process of this boot that has the number must not be touched.
        record.init = Some(ProcessId::own());
        record.save(&layout).unwrap();
        let lock = Lock::take(&layout, "web", "test").unwrap();
        let said = reconcile(&layout, &lock, "web").unwrap();
        assert_eq!(said, ["'web' ran before this machine was started; its old state is removed"]);
        assert!(!layout.domain("web").exists());
        assert_eq!(reconcile(&layout, &lock, "web").unwrap(), Vec::<String>::new());
    }
}
