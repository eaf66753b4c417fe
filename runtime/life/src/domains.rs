//! All domains: which there are, which one is meant, and how each is.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use crate::error::{LifeError, Result};
use crate::layout::Layout;
use crate::liveness::{self, Life};
use crate::process::boot_id;
use crate::record::{self, Found, Phase, Record};
use crate::{definitions, frozen};

/// How a domain is.
#[derive(Clone, Debug)]
pub struct View {
    /// Its name.
    pub name: String,
    /// Whether it is defined.
    pub persistent: bool,
    /// What it is doing.
    pub phase: Phase,
    /// Its record, where it runs or ran.
    pub record: Option<Record>,
    /// Its monitor is gone, or its record cannot be read: the next command that may change it cleans up.
    pub stale: Option<String>,
    /// Whether its monitor lives cannot be said, and why: it is shown as recorded and left alone.
    pub doubt: Option<String>,
}

impl View {
    /// virsh's id, while it runs: the number of its init.
    pub fn id(&self) -> Option<i32> {
        let record = self.record.as_ref().filter(|_| self.phase.is_active())?;
        record.init.map(|init| init.pid)
    }
}

/// Names of the entries of a directory; none where there is no directory.
///
/// # Errors
/// A directory that cannot be read.
pub fn entries(dir: &Path) -> Result<Vec<String>> {
    let read = match fs::read_dir(dir) {
        Ok(read) => read,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(LifeError::file("read the directory", dir, error)),
    };
    let mut names = Vec::new();
    for entry in read {
        let entry = entry.map_err(|error| LifeError::file("read the directory", dir, error))?;
        names.extend(entry.file_name().into_string());
    }
    Ok(names)
}

/// Names of all domains, sorted: defined ones, and those that run or ran.
///
/// # Errors
/// A directory that cannot be read.
pub fn names(layout: &Layout) -> Result<Vec<String>> {
    let mut names = definitions::names(layout)?;
    names.extend(entries(&layout.domains())?);
    names.sort();
    names.dedup();
    Ok(names)
}

/// How a domain is, without changing anything.
///
/// # Errors
/// A record of another version, or one that cannot be read.
pub fn view(layout: &Layout, name: &str) -> Result<View> {
    look(layout, name, definitions::exists(layout, name), true)
}

/// How each domain is, by name: the directories say which are defined, and which run or ran.
///
/// # Errors
/// A directory that cannot be read.
pub fn views(layout: &Layout) -> Result<Vec<(String, Result<View>)>> {
    let mut all: BTreeMap<String, (bool, bool)> =
        definitions::names(layout)?.into_iter().map(|name| (name, (true, false))).collect();
    for name in entries(&layout.domains())? {
        all.entry(name).or_default().1 = true;
    }
    let view = |(name, (defined, ran)): (String, (bool, bool))| {
        let view = look(layout, &name, defined, ran);
        (name, view)
    };
    Ok(all.into_iter().map(view).collect())
}

/// Why the files of a domain are not as they should be: its start was killed before it had a record.
const CUT_OFF: &str = "a start that was cut off";

/// `ran`: whether it has a directory.
fn look(layout: &Layout, name: &str, persistent: bool, ran: bool) -> Result<View> {
    let found = if ran { record::read(layout, name)? } else { Found::Nothing };
    let view =
        |phase, record, stale| View { name: name.to_owned(), persistent, phase, record, stale, doubt: None };
    let life = |record: Option<&Record>| liveness::of(layout, name, record);
    Ok(match found {
        Found::Nothing if !ran => view(Phase::ShutOff, None, None),
        Found::Nothing => match life(None) {
            Life::Alive => view(Phase::Starting, None, None),
            Life::Dead => {
                let stale = layout.domain(name).exists().then(|| CUT_OFF.to_owned());
                view(Phase::ShutOff, None, stale)
            }
            Life::Unknown(why) => View { doubt: Some(why), ..view(Phase::Starting, None, None) },
        },
        Found::Damaged(why) => {
            let stale = Some(format!("its record is damaged: {why}"));
            match life(None) {
                Life::Alive => view(Phase::Running, None, stale),
                Life::Dead => view(Phase::ShutOff, None, stale),
                Life::Unknown(why) => View { doubt: Some(why), ..view(Phase::Running, None, stale) },
            }
        }
        Found::Record(record) if !record.phase.is_active() => {
            // What another start has begun beside it has no record yet.
            let cut_off = layout.socket(name).exists() && matches!(life(None), Life::Dead);
            view(record.phase, Some(*record), cut_off.then(|| CUT_OFF.to_owned()))
        }
        Found::Record(record) => match life(Some(&record)) {
            Life::Alive => view(frozen::phase(&record), Some(*record), None),
            Life::Dead if of_other_boot(&record) => {
                view(Phase::ShutOff, Some(*record), Some("it ran before this machine was started".to_owned()))
            }
            Life::Dead => view(Phase::Crashed, Some(*record), Some("its monitor was killed".to_owned())),
            Life::Unknown(why) => {
                View { doubt: Some(why), ..view(frozen::phase(&record), Some(*record), None) }
            }
        },
    })
}

/// Whether a record is of an earlier boot, where that can be said.
pub(crate) fn of_other_boot(record: &Record) -> bool {
    !boot_id().is_empty() && record.boot != boot_id()
}

/// Whether `argument` can be the beginning of a uuid: long enough not to be a slip.
fn is_uuid_prefix(argument: &str) -> bool {
    argument.len() >= 4 && argument.chars().all(|c| c.is_ascii_hexdigit() || c == '-')
}

/// The domain that `argument` names: a name, the id of one that runs, a uuid, or the beginning of one.
///
/// # Errors
/// There is none (the nearest name is offered), or more than one.
pub fn find(layout: &Layout, argument: &str) -> Result<String> {
    // A name may not hold a slash, so that no argument leads out of our directories.
    let is_name = !argument.is_empty() && !argument.contains('/') && argument != "." && argument != "..";
    if is_name && (definitions::exists(layout, argument) || layout.domain(argument).is_dir()) {
        return Ok(argument.to_owned());
    }
    if let Ok(id) = argument.parse::<i32>()
        && let Some(name) = with_id(layout, id)?
    {
        return Ok(name);
    }
    if is_uuid_prefix(argument) {
        let wanted = argument.to_ascii_lowercase();
        let plain = wanted.replace('-', "");
        let mut matches = all_uuids(layout)?;
        matches.retain(|(uuid, _)| uuid.starts_with(&wanted) || uuid.replace('-', "").starts_with(&plain));
        match matches.as_slice() {
            [] => {}
            [(_, name)] => return Ok(name.clone()),
            _ => {
                let matches = matches.iter().map(|(uuid, name)| format!("{uuid} ({name})")).collect();
                return Err(LifeError::Ambiguous { argument: argument.to_owned(), matches });
            }
        }
    }
    let nearest = nearest(argument, &names(layout)?);
    Err(LifeError::Unknown { argument: argument.to_owned(), nearest })
}

/// The domain that runs under this id.
fn with_id(layout: &Layout, id: i32) -> Result<Option<String>> {
    for name in entries(&layout.domains())? {
        let has =
            |record: &Record| record.phase.is_active() && record.init.is_some_and(|init| init.pid == id);
        if matches!(record::read(layout, &name), Ok(Found::Record(record)) if has(&record)) {
            return Ok(Some(name));
        }
    }
    Ok(None)
}

fn all_uuids(layout: &Layout) -> Result<Vec<(String, String)>> {
    let mut all = definitions::uuids(layout)?;
    for name in entries(&layout.domains())? {
        if let Ok(Found::Record(record)) = record::read(layout, &name) {
            all.push((record.uuid, name));
        }
    }
    all.sort();
    all.dedup();
    Ok(all)
}

/// The name that `argument` was probably meant to be.
fn nearest(argument: &str, names: &[String]) -> Option<String> {
    let allowed = (argument.chars().count() / 3).clamp(1, 3);
    names
        .iter()
        .map(|name| (strsim::damerau_levenshtein(&argument.to_lowercase(), &name.to_lowercase()), name))
        .filter(|&(distance, name)| distance <= allowed && distance < name.len())
        .min_by_key(|&(distance, _)| distance)
        .map(|(_, name)| name.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: &str = "11112222-0000-4000-8000-000000000001";
    const B: &str = "11112222-0000-4000-8000-000000000002";

    fn two() -> (tempfile::TempDir, Layout) {
        let dir = tempfile::tempdir().unwrap();
        let layout = Layout::new(Some(dir.path())).unwrap();
        for (name, uuid) in [("web", A), ("mail", B)] {
            let mut record = Record::starting(name, uuid);
            record.phase = Phase::ShutOff;
            crate::layout::make_dir(&layout.domain(name)).unwrap();
            record.save(&layout).unwrap();
        }
        (dir, layout)
    }

    #[test]
    fn a_domain_is_found_by_name_uuid_and_beginning_of_a_uuid() {
        let (_dir, layout) = two();
        assert_eq!(find(&layout, "web").unwrap(), "web");
        assert_eq!(find(&layout, B).unwrap(), "mail");
        assert_eq!(find(&layout, &B.replace('-', "")).unwrap(), "mail");
        assert_eq!(find(&layout, &A[..36]).unwrap(), "web");
        let Err(LifeError::Ambiguous { matches, .. }) = find(&layout, "1111") else { panic!("found") };
        assert_eq!(matches, [format!("{A} (web)"), format!("{B} (mail)")]);
    }

    #[test]
    fn a_domain_that_runs_is_found_by_its_id() {
        let (_dir, layout) = two();
        let mut record = Record::starting("web", A);
        record.init = Some(crate::process::ProcessId { pid: 4242, start: 1 });
        record.save(&layout).unwrap();
        assert_eq!(find(&layout, "4242").unwrap(), "web");
        assert!(find(&layout, "4243").is_err());
    }

    #[test]
    fn a_miss_offers_the_nearest_name() {
        let (_dir, layout) = two();
        let error = find(&layout, "wbe").unwrap_err();
        assert_eq!(error.hint().as_deref(), Some("did you mean 'web'?"));
        assert!(find(&layout, "../domains/web").is_err());
        assert!(find(&layout, "nothing-like-it").unwrap_err().hint().unwrap().contains("list --all"));
    }

    #[test]
    fn a_record_of_an_earlier_boot_is_stale() {
        let (_dir, layout) = two();
        let mut record = Record::starting("web", A);
        record.phase = Phase::Running;
        record.boot = "another".to_owned();
        record.save(&layout).unwrap();
        let view = view(&layout, "web").unwrap();
        assert_eq!(view.phase, Phase::ShutOff);
        assert_eq!(view.stale.as_deref(), Some("it ran before this machine was started"));
    }

    #[test]
    fn what_a_start_has_left_beside_an_older_record_is_stale() {
        let (_dir, layout) = two();
        let mut record = Record::starting("web", A);
        record.phase = Phase::ShutOff;
        record.save(&layout).unwrap();
        let stale = || view(&layout, "web").unwrap().stale;
        assert_eq!(stale(), None);
        let _socket = std::os::unix::net::UnixListener::bind(layout.socket("web")).unwrap();
        assert_eq!(stale().as_deref(), Some("a start that was cut off"));
    }
}
