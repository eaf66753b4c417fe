//! Whether a state directory can be believed: as sshd_config(5), StrictModes.
//!
//! What is in it names processes and groups to be killed and files to be written. So it has to be the caller's own,
//! and nobody else may be able to change it, or to put another one in its place: at no level up to `/`.

use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use crate::error::{LifeError, Result};

/// A directory everybody may write to, in which nobody removes or renames what is another's (inode(7)).
const STICKY: u32 = 0o1000;
/// Written by the group or by others.
const WRITTEN: u32 = 0o022;
/// The user that owners who have no number in a user namespace are shown as (user_namespaces(7)).
const UNMAPPED: u32 = 65534;

/// `path` without links, as far as it is there.
pub fn resolved(path: &Path) -> PathBuf {
    let there = path.ancestors().find_map(|above| Some((above, above.canonicalize().ok()?)));
    match there {
        Some((above, real)) => match path.strip_prefix(above) {
            Ok(rest) if rest.as_os_str().is_empty() => real,
            Ok(rest) => real.join(rest),
            Err(_) => path.to_owned(),
        },
        None => path.to_owned(),
    }
}

/// Who may own what.
#[derive(Clone, Copy, Debug)]
struct Caller {
    uid: u32,
    /// Whether owners may be hidden by a user namespace.
    mapped: bool,
}

impl Caller {
    fn own() -> Self {
        let map = std::fs::read_to_string("/proc/self/uid_map").unwrap_or_default();
        let whole = map.split_ascii_whitespace().eq(["0", "0", "4294967295"]);
        Self { uid: nix::unistd::geteuid().as_raw(), mapped: !whole && !map.is_empty() }
    }

    /// Root can do anything anyway.
    fn trusts(self, uid: u32) -> bool {
        uid == self.uid || uid == 0 || (self.mapped && uid == UNMAPPED)
    }
}

/// Demands that `path`, where it is there, is the caller's own, and that nobody else can change it or exchange it
/// from a directory above it. `path` is [`resolved`].
///
/// # Errors
/// Says whose it is, or who may write where, and the way out.
pub fn demand(path: &Path) -> Result<()> {
    judge(path, Caller::own(), |path| path.symlink_metadata().ok())
}

/// Demands that `path`, where it is there, is the caller's own directory, and that nobody else can write to it.
///
/// # Errors
/// Says whose it is, or who may write to it, and the way out.
pub fn demand_closed(path: &Path) -> Result<()> {
    let found = path.symlink_metadata().ok();
    found.map_or(Ok(()), |found| {
        own_directory(path, &found, Caller::own())?;
        if found.mode() & WRITTEN == 0 { Ok(()) } else { Err(written_by_others(path, &found)) }
    })
}

fn written_by_others(path: &Path, found: &Metadata) -> LifeError {
    LifeError::refused(
        format!("others may write to the state in {} (mode {:04o})", path.display(), found.mode() & 0o7777),
        format!("look what is in it, then chmod go-w {}; or use another --root DIR", path.display()),
    )
}

fn judge(path: &Path, caller: Caller, look: impl Fn(&Path) -> Option<Metadata>) -> Result<()> {
    if let Some(own) = look(path) {
        own_directory(path, &own, caller)?;
    }
    for (below, level) in path.ancestors().zip(path.ancestors().skip(1)) {
        // What is not there is made by this command, for its user alone; what cannot be looked at is not changed.
        let Some(found) = look(level) else { continue };
        if !caller.trusts(found.uid()) {
            return Err(LifeError::refused(
                format!(
                    "{} cannot hold this user's state: {} belongs to user {}, who can exchange what is in it",
                    path.display(),
                    level.display(),
                    found.uid()
                ),
                "keep state in a directory of your own with --root DIR, or do this as that user",
            ));
        }
        if found.mode() & WRITTEN == 0 {
            continue;
        }
        // /tmp: nobody else can exchange what is the caller's own there.
        let closed = |mode: u32| mode & WRITTEN == 0 || mode & STICKY != 0;
        let kept = found.mode() & STICKY != 0
            && look(below).is_none_or(|below| caller.trusts(below.uid()) && closed(below.mode()));
        if !kept {
            return Err(LifeError::refused(
                format!(
                    "{} cannot hold this user's state: others may write to {} (mode {:04o})",
                    path.display(),
                    level.display(),
                    found.mode() & 0o7777
                ),
                format!("chmod go-w {}, or keep state elsewhere with --root DIR", level.display()),
            ));
        }
    }
    Ok(())
}

fn own_directory(path: &Path, found: &Metadata, caller: Caller) -> Result<()> {
    if found.uid() != caller.uid {
        return Err(LifeError::refused(
            format!(
                "the state in {} belongs to user {}, and this is user {}",
                path.display(),
                found.uid(),
                caller.uid
            ),
            "do this as that user, or keep state of your own elsewhere with --root DIR",
        ));
    }
    if !found.is_dir() {
        return Err(LifeError::refused(
            format!("{} is no directory", path.display()),
            "keep state in a directory with --root DIR",
        ));
    }
    // What is in a sticky one is looked at by itself: nobody else can exchange it.
    if found.mode() & WRITTEN != 0 && found.mode() & STICKY == 0 {
        return Err(written_by_others(path, found));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::fs::{self, Permissions};
    use std::os::unix::fs::PermissionsExt;

    use rstest::rstest;

    use super::*;

    /// `/…/above/state`, with these modes.
    fn tree(above: u32, state: Option<u32>) -> (tempfile::TempDir, PathBuf) {
        let dir = tempfile::tempdir().unwrap();
        let level = dir.path().canonicalize().unwrap().join("above");
        fs::create_dir(&level).unwrap();
        let path = level.join("state");
        if let Some(mode) = state {
            fs::create_dir(&path).unwrap();
            fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
        }
        fs::set_permissions(&level, Permissions::from_mode(above)).unwrap();
        (dir, path)
    }

    #[rstest]
    #[case::own(0o755, Some(0o700), true)]
    #[case::readable(0o755, Some(0o755), true)]
    #[case::to_be_made(0o700, None, true)]
    #[case::to_be_made_in_a_sticky_one(0o1777, None, true)]
    #[case::sticky_above(0o1777, Some(0o700), true)]
    #[case::sticky_above_and_open(0o1777, Some(0o777), false)]
    #[case::sticky_in_a_sticky_one(0o1777, Some(0o1777), true)]
    #[case::group_writes(0o755, Some(0o770), false)]
    #[case::others_write(0o755, Some(0o702), false)]
    #[case::sticky_itself(0o755, Some(0o1777), true)]
    #[case::group_writes_above(0o775, Some(0o700), false)]
    #[case::others_write_above(0o757, None, false)]
    fn state_is_the_callers_alone(#[case] above: u32, #[case] state: Option<u32>, #[case] good: bool) {
        let (_dir, path) = tree(above, state);
        let judged = demand(&path);
        assert_eq!(judged.is_ok(), good, "{judged:?}");
    }

    #[test]
    fn state_of_another_user_is_refused_at_any_level() {
        let (_dir, path) = tree(0o755, Some(0o700));
        let own = Caller::own();
        let look = |path: &Path| path.symlink_metadata().ok();
        let other = Caller { uid: own.uid + 1, mapped: false };
        let said = judge(&path, other, look).unwrap_err();
        assert!(said.to_string().contains("belongs to user"), "{said}");
        assert!(said.hint().unwrap().contains("--root"));
        if own.uid == 0 {
            // The directory itself is root's; the one above it a user's, who can exchange it.
            std::os::unix::fs::chown(path.parent().unwrap(), Some(12345), None).unwrap();
            let said = demand(&path).unwrap_err().to_string();
            assert!(said.contains("belongs to user 12345"), "{said}");
        }
    }

    #[test]
    fn links_are_resolved_as_far_as_there_is_something() {
        let dir = tempfile::tempdir().unwrap();
        let real = dir.path().canonicalize().unwrap();
        fs::create_dir(real.join("there")).unwrap();
        std::os::unix::fs::symlink("there", real.join("link")).unwrap();
        assert_eq!(resolved(&real.join("link/not/yet")), real.join("there/not/yet"));
        assert_eq!(resolved(&real.join("link")), real.join("there"));
    }
}
