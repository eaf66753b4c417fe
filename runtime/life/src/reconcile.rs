//! After a crash: what a killed monitor, an interrupted start or an earlier boot has left is recognised,
//! removed, and said. By commands that change something, each for the domain that it is about; whoever only
//! looks changes nothing.
//!
//! Nothing beyond the own state is ever killed or moved: a group whose start has a record elsewhere is removed
//! only where nobody holds it and nobody is in it. What cannot be judged ([`crate::liveness`]) is left alone.
//!
//! A domain goes down with its monitor: the kernel kills its init when the monitor dies (prctl(2),
//! PR_SET_PDEATHSIG). An init that has changed its user id is not killed by that; so the groups are killed
//! here as well.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use browndog_runtime::exec::tree::{self, Need};
use browndog_runtime::host::{Cgroups, Host};
use browndog_runtime::launch::FOREGROUND;
use browndog_runtime::net::pin;
use browndog_runtime::plan::{GROUP_SUFFIX, group_domain};

use crate::error::Result;
use crate::layout::Layout;
use crate::liveness::{self, Life};
use crate::lock::Lock;
use crate::process::ProcessView;
use crate::record::{self, Exit, Found, Group, Phase, Record};
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
    let mut said = Vec::new();
    let found = record::read(layout, name)?;
    let record = match &found {
        Found::Record(record) if record.phase.is_active() => Some(&**record),
        _ => None,
    };
    let mut life = Life::Unknown(String::new());
    // One that has just been killed may be on its way out of its group.
    crate::disregard(groups::wait_until(GONE_WITHIN, || {
        life = liveness::of(layout, name, record);
        !matches!(life, Life::Unknown(_))
    }));
    if let Life::Unknown(why) = life {
        said.push(format!("left '{name}' as it is: whether it runs cannot be said ({why})"));
        return Ok(said);
    }
    let alive = life == Life::Alive;
    let record = match found {
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
        // A start that was killed before it had a record leaves them beside the one of the life before.
        Some(record) if !record.phase.is_active() => remove_of_the_living(layout, name)?,
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
    let this_boot = !domains::of_other_boot(&record);
    let mut said = Vec::new();
    if this_boot {
        groups::kill(&record.groups);
        // Where numbers mean what they meant to its monitor.
        let same_view = record.view.is_some() && record.view == ProcessView::own();
        if let Some(init) = record.init.filter(|_| same_view) {
            // ESRCH: it went down with its monitor.
            crate::disregard(init.signal(nix::libc::SIGKILL));
            // One that cannot die yet keeps its groups, which is said below.
            crate::disregard(groups::wait_until(std::time::Duration::from_secs(2), || !init.lives()));
        }
        let (removed, left) = groups::remove(&record.made);
        said.push(format!("the monitor of '{name}' was killed and '{name}' went down with it"));
        said.extend(removed.into_iter().map(|what| format!("removed what it left: {what}")));
        said.extend(left);
        // Its network's pin has the name of this very start.
        if let Some(monitor) = record.monitor {
            give_back(&monitor.instance(), &mut said);
        }
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
        remove_of_the_living(layout, &record.name)?;
        crate::atomic::unreserve(&layout.record(&record.name))?;
    } else {
        remove_domain_dir(layout, &record.name)?;
    }
    let what = if phase == Phase::Crashed { "crashed" } else { "stopped" };
    events::note(layout, &record.name, "lifecycle", what, detail);
    Ok(())
}

/// Removes what only a domain that runs has beside its record.
fn remove_of_the_living(layout: &Layout, name: &str) -> Result<()> {
    for path in [layout.socket(name), layout.live(name)] {
        crate::atomic::remove(&path)?;
    }
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

/// Removes control groups of a `run` whose launcher is gone and in which nobody is, and gives back what it had of the
/// host's network. With `name`, also those of a start in the background that left no record of that domain; then
/// what still runs there of a `run` whose launcher is gone is killed first.
pub fn sweep(name: Option<&str>, said: &mut Vec<String>) {
    crate::monitor::place::sweep();
    for stray in strays(name) {
        match &name {
            Some(_) => stray.end(said),
            None => stray.remove(said),
        }
    }
    give_back_of_runs(said);
}

/// The same of all domains, in which nothing is said of groups.
pub fn sweep_empty() -> Vec<String> {
    strays(None).iter().for_each(|stray| stray.remove(&mut Vec::new()));
    let mut said = Vec::new();
    give_back_of_runs(&mut said);
    said
}

/// Gives devices of the host back that are in the network of a `run` whose launcher is gone. Those of a domain in the
/// background are given back with its record.
fn give_back_of_runs(said: &mut Vec<String>) {
    for instance in pin::instances().iter().filter(|instance| instance.ends_with(FOREGROUND)) {
        give_back(instance, said);
    }
}

fn give_back(instance: &str, said: &mut Vec<String>) {
    match pin::give_back_unheld(instance) {
        Ok(names) => said.extend(names.iter().map(|name| format!("gave the device {name} back to the host"))),
        Err(why) => said.push(why),
    }
}

/// The groups of one start, one in each hierarchy.
#[derive(Debug, Default)]
struct Stray {
    paths: Vec<PathBuf>,
    /// Made by a start in the foreground, which has no record.
    foreground: bool,
}

/// How long processes whose launcher was killed may take to be gone.
const GONE_WITHIN: Duration = Duration::from_secs(2);

impl Stray {
    /// Whether nobody needs any of them: one that is needed, or cannot be judged, speaks for all of the start.
    fn is_unneeded(&self) -> bool {
        self.paths.iter().all(|path| matches!(tree::need(path), Need::Empty(_) | Need::Gone))
    }

    /// Whether its launcher is gone and something runs in them.
    fn is_orphaned(&self) -> bool {
        let needs: Vec<Need> = self.paths.iter().map(|path| tree::need(path)).collect();
        needs.iter().any(|need| matches!(need, Need::Populated))
            && !needs.iter().any(|need| matches!(need, Need::Held | Need::Unknown(_)))
    }

    /// Removes them where nobody needs them.
    fn remove(&self, said: &mut Vec<String>) {
        if !self.is_unneeded() {
            return;
        }
        for path in &self.paths {
            // Somebody may have begun to use it: then it is left, and it is nobody's fault.
            if tree::remove_unneeded(path) == Ok(true) {
                said.push(format!("removed what a killed start left: {}", path.display()));
            }
        }
    }

    /// The same once what is in them is gone: the kernel kills it with its launcher. What that did not reach of a
    /// `run` is killed; anything else is some other state's.
    fn end(&self, said: &mut Vec<String>) {
        // A child that was cloned a moment ago has its launcher's lock until it executes or is killed.
        let is_held = || self.paths.iter().any(|path| matches!(tree::need(path), Need::Held));
        if self.foreground {
            crate::disregard(groups::wait_until(GONE_WITHIN, || !is_held()));
        }
        if self.is_orphaned() {
            if self.foreground {
                let group =
                    |path: &PathBuf| Group { controller: record::UNIFIED.to_owned(), path: path.clone() };
                self.paths.iter().map(group).for_each(|group| groups::kill(&[group]));
            }
            if !groups::wait_until(GONE_WITHIN, || !self.is_orphaned()) {
                let paths: Vec<String> = self.paths.iter().map(|path| path.display().to_string()).collect();
                said.push(format!("left as they are, since processes are in them: {}", paths.join(", ")));
            }
        }
        self.remove(said);
    }
}

/// The groups of starts, by start; whether anybody needs them is asked later. Of those in the background only with
/// `name`: they have a record, in some state.
fn strays(name: Option<&str>) -> Vec<Stray> {
    let mut open: Vec<PathBuf> = match Host::probe().cgroups {
        Cgroups::V2 { root, .. } => vec![root.into()],
        Cgroups::V1 { controllers, unified } => {
            controllers.into_iter().map(|(_, path)| path).chain(unified).map(PathBuf::from).collect()
        }
        Cgroups::None { .. } => Vec::new(),
    };
    let mut found: BTreeMap<String, Stray> = BTreeMap::new();
    while let Some(root) = open.pop() {
        for group in domains::entries(&root).unwrap_or_default() {
            let path = root.join(&group);
            let Some((domain, foreground)) = launched(&group) else {
                // A partition that a start made; an administrator's has no groups without a launcher.
                if browndog_runtime::exec::is_own_partition(&path) {
                    open.push(path);
                }
                continue;
            };
            if name.map_or(foreground, |name| group_domain(name) == domain) {
                let stray = found.entry(group).or_default();
                stray.foreground = foreground;
                stray.paths.push(path);
            }
        }
    }
    found.into_values().collect()
}

/// `NAME.PID-START.browndog`, or `NAME.PID-START-run.browndog`: the domain, and whether it stays in the foreground.
/// The number is not looked at: it is one of its launcher's PID namespace.
fn launched(group: &str) -> Option<(&str, bool)> {
    let (domain, instance) = group.strip_suffix(GROUP_SUFFIX)?.rsplit_once('.')?;
    let (instance, foreground) = match instance.strip_suffix(FOREGROUND) {
        Some(instance) => (instance, true),
        None => (instance, false),
    };
    let (pid, at) = instance.split_once('-')?;
    (pid.parse::<u32>().is_ok() && at.parse::<u64>().is_ok()).then_some((domain, foreground))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::process::ProcessId;

    #[test]
    fn a_groups_name_says_what_was_started() {
        assert_eq!(launched("web.12-345.browndog"), Some(("web", false)));
        assert_eq!(launched("web.12-345-run.browndog"), Some(("web", true)));
        for other in ["web.12.browndog", "system.slice", "web.12-345-7.browndog", "web.12-345"] {
            assert_eq!(launched(other), None, "{other}");
        }
    }

    #[test]
    fn what_cannot_be_judged_is_left_and_said() {
        let dir = tempfile::tempdir().unwrap();
        let layout = Layout::new(Some(dir.path())).unwrap();
        crate::layout::make_dir(&layout.domain("web")).unwrap();
        let mut record = Record::starting("web", "u");
        record.phase = Phase::Running;
        record.init = Some(ProcessId::own());
        record.save(&layout).unwrap();
        let lock = Lock::take(&layout, "web", "test").unwrap();
        let said = reconcile(&layout, &lock, "web").unwrap();
        assert!(said[0].starts_with("left 'web' as it is: whether it runs cannot be said"), "{said:?}");
        let Found::Record(kept) = record::read(&layout, "web").unwrap() else { panic!("no record") };
        assert_eq!(kept.phase, Phase::Running);
    }

    #[test]
    fn a_start_that_was_killed_before_its_record_leaves_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let layout = Layout::new(Some(dir.path())).unwrap();
        crate::layout::make_dir(&layout.domain("web")).unwrap();
        let mut record = Record::starting("web", "u");
        record.phase = Phase::ShutOff;
        record.save(&layout).unwrap();
        fs::write(layout.live("web"), "<domain/>").unwrap();
        let _socket = std::os::unix::net::UnixListener::bind(layout.socket("web")).unwrap();
        let lock = Lock::take(&layout, "web", "test").unwrap();
        assert_eq!(reconcile(&layout, &lock, "web").unwrap(), Vec::<String>::new());
        assert!(!layout.socket("web").exists() && !layout.live("web").exists());
        let Found::Record(kept) = record::read(&layout, "web").unwrap() else { panic!("no record") };
        assert_eq!(kept.phase, Phase::ShutOff);
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
