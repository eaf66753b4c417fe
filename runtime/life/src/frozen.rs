//! Whether a domain stands still, by what the kernel says: others freeze groups too (systemd, a container whose group
//! is handed over to it, an administrator).

use std::path::{Path, PathBuf};

use crate::error::{LifeError, Result};
use crate::groups::keyed;
use crate::record::{Group, Phase, Record};

/// Whether processes in these groups are frozen; `None` where no group has a freezer.
pub fn frozen(groups: &[Group]) -> Option<bool> {
    let known: Vec<bool> = groups.iter().filter_map(|group| state(&group.path)).collect();
    (!known.is_empty()).then(|| known.contains(&true))
}

/// What a running domain is doing, by its record and by the kernel.
pub fn phase(record: &Record) -> Phase {
    match (record.phase, frozen(&record.groups)) {
        (Phase::Running, Some(true)) => Phase::Paused,
        (Phase::Paused, Some(false)) => Phase::Running,
        (phase, _) => phase,
    }
}

/// Whether a group is frozen or about to be, by itself or by one above it; `None` where it has no freezer.
fn state(group: &Path) -> Option<bool> {
    // Version 1 says of a group what holds for it, whoever froze what above it.
    if let Ok(text) = std::fs::read_to_string(group.join("freezer.state")) {
        return Some(text.trim() != "THAWED");
    }
    let frozen = keyed(&group.join("cgroup.events"), "frozen")? == 1;
    Some(frozen || by_whom(group).is_some())
}

/// Whether a group itself is to be frozen, whatever holds for those above it.
fn is_asked(group: &Path) -> bool {
    let says = |file: &str| std::fs::read_to_string(group.join(file)).is_ok_and(|text| text.trim() == "1");
    says("cgroup.freeze") || says("freezer.self_freezing")
}

/// Whether one of these groups itself is to be frozen.
pub(crate) fn is_own(groups: &[Group]) -> bool {
    groups.iter().any(|group| is_asked(&group.path))
}

/// The group that is to be frozen: this one, or the nearest above it. The root of all has no freezer.
fn by_whom(group: &Path) -> Option<PathBuf> {
    group.ancestors().find(|group| is_asked(group)).map(Path::to_owned)
}

/// The group above these that somebody has frozen, and that is not the domain's to thaw.
pub(crate) fn above(groups: &[Group]) -> Option<PathBuf> {
    let above = groups.iter().filter_map(|group| group.path.parent());
    above.into_iter().find_map(by_whom)
}

/// The file by which a group is thawed.
fn file(group: &Path) -> &'static str {
    if group.join("freezer.state").exists() { "freezer.state" } else { "cgroup.freeze" }
}

/// Who is to thaw a group that browndog has not frozen, and how.
pub(crate) fn thaw_by_hand(group: &Path) -> String {
    let file = group.join(file(group)).display().to_string();
    format!("thaw it as it was frozen: 'systemctl thaw', or {} by hand", file.escape_debug())
}

/// Refuses a verb that needs a process in the domain's groups, or in `inner`, the group below them that its init has
/// moved to.
///
/// # Errors
/// Which group is frozen, and what to do.
pub fn refuse(record: &Record, inner: Option<&str>, verb: &'static str) -> Result<()> {
    let own = record.groups.iter().map(|group| group.path.as_path());
    let inner = inner.map(Path::new);
    let Some(group) = inner.into_iter().chain(own).find(|group| state(group) == Some(true)) else {
        return Ok(());
    };
    let at = by_whom(group).unwrap_or_else(|| group.to_owned());
    let theirs = record.unified().is_some_and(|unified| at.starts_with(unified) && at != unified);
    let whose =
        if theirs { "the container has frozen its own control group" } else { "its control group is frozen" };
    let is_own = record.groups.iter().any(|group| group.path == at);
    let help = if is_own {
        format!(
            "browndog has not paused it, but can thaw it: 'browndog resume {0}', or end it with 'browndog destroy {0}'",
            record.name
        )
    } else {
        let thaw = thaw_by_hand(&at);
        format!("browndog has not paused it: {thaw}; or end it with 'browndog destroy {}'", record.name)
    };
    let state = format!("paused: {whose}");
    Err(LifeError::State { name: record.name.clone(), verb, state, help })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    fn group(dir: &Path, frozen: u8, freeze: u8) -> Group {
        fs::create_dir_all(dir).unwrap();
        fs::write(dir.join("cgroup.events"), format!("populated 1\nfrozen {frozen}\n")).unwrap();
        fs::write(dir.join("cgroup.freeze"), format!("{freeze}\n")).unwrap();
        Group { controller: crate::record::UNIFIED.to_owned(), path: dir.to_owned() }
    }

    #[test]
    fn a_group_is_frozen_by_itself_by_one_above_and_while_it_freezes() {
        let dir = tempfile::tempdir().unwrap();
        let above = group(&dir.path().join("a"), 0, 0);
        let below = group(&dir.path().join("a/b"), 0, 0);
        assert_eq!(frozen(std::slice::from_ref(&below)), Some(false));
        drop(group(&above.path, 0, 1));
        assert_eq!(frozen(std::slice::from_ref(&below)), Some(true));
        assert_eq!(by_whom(&below.path), Some(above.path.clone()));
        drop(group(&above.path, 0, 0));
        drop(group(&below.path, 1, 0));
        assert_eq!(frozen(&[below, above]), Some(true));
    }

    #[test]
    fn version_1_says_it_by_its_state_and_other_controllers_say_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let group = Group { controller: "freezer".to_owned(), path: dir.path().to_owned() };
        let groups = [group];
        assert_eq!(frozen(&groups), None);
        for (state, expected) in [("THAWED\n", false), ("FREEZING\n", true), ("FROZEN\n", true)] {
            fs::write(dir.path().join("freezer.state"), state).unwrap();
            assert_eq!(frozen(&groups), Some(expected));
        }
    }

    #[test]
    fn a_refusal_says_whose_doing_it_is() {
        let dir = tempfile::tempdir().unwrap();
        let own = group(&dir.path().join("own"), 0, 0);
        let inner = group(&own.path.join("f"), 1, 1);
        let record = Record { groups: vec![own.clone()], ..Record::starting("web", "u") };
        assert!(refuse(&record, None, "enter").is_ok());
        let error = refuse(&record, inner.path.to_str(), "enter").unwrap_err();
        assert!(error.to_string().contains("the container has frozen its own"), "{error}");
        drop(group(&own.path, 1, 1));
        let error = refuse(&record, None, "enter").unwrap_err();
        assert!(error.hint().unwrap().contains("browndog resume web"), "{error}");
        assert!(!error.to_string().contains("the container has"), "{error}");
        drop(group(&own.path, 0, 0));
        drop(group(dir.path(), 0, 1));
        let error = refuse(&record, None, "enter").unwrap_err();
        let file = dir.path().join("cgroup.freeze");
        assert!(error.hint().unwrap().contains(&file.display().to_string()), "{error}");
    }

    #[test]
    fn what_is_held_above_is_told_from_what_is_the_domains_own() {
        let dir = tempfile::tempdir().unwrap();
        let own = group(&dir.path().join("a/own"), 0, 0);
        let groups = [own.clone()];
        assert_eq!((is_own(&groups), above(&groups)), (false, None));
        drop(group(&own.path, 1, 1));
        assert_eq!((is_own(&groups), above(&groups)), (true, None));
        fs::write(dir.path().join("freezer.self_freezing"), "1\n").unwrap();
        assert_eq!((is_own(&groups), above(&groups)), (true, Some(dir.path().to_owned())));
        drop(group(&own.path, 1, 0));
        assert_eq!((is_own(&groups), above(&groups)), (false, Some(dir.path().to_owned())));
    }
}
