//! Sources whose path others can lead elsewhere.
//!
//! A start opens each source once and mounts what it has found; but what it finds is chosen by whoever may write
//! to a directory on the way. That costs a call for each part of each path, so only `plan` looks.

use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::{Purpose, Survey};
use crate::problem::Problem;

impl Survey {
    /// A note for each source of the document whose path goes through a directory that another user can write:
    /// neither root nor the caller.
    pub fn exposed(&self) -> Vec<Problem> {
        let named = |purpose| {
            matches!(purpose, Purpose::Root | Purpose::Filesystem(_) | Purpose::Device(_) | Purpose::Tty(_))
        };
        let own = nix::unistd::geteuid().as_raw();
        let note = |found: &super::Found| {
            let (dir, who) = exposed(Path::new(&found.path), own)?;
            Some(Problem {
                origin: found.origin,
                message: format!(
                    "{} is reached through {}, which {who} can change: what is mounted is then for them to choose",
                    found.path,
                    dir.display()
                ),
                help: "keep it where only root can write, or start the domain as the user it belongs to"
                    .to_owned(),
            })
        };
        self.found
            .iter()
            .filter(|found| named(found.purpose) && found.fd.is_some())
            .filter_map(note)
            .collect()
    }
}

/// The first directory on the way to `path` in which another than root and `own` can exchange what comes next,
/// and who that is. Links are followed: what they lead through is on the way as well.
fn exposed(path: &Path, own: u32) -> Option<(PathBuf, String)> {
    let real = path.canonicalize().ok()?;
    [path, &real].into_iter().find_map(|path| {
        let way: Vec<&Path> = path.ancestors().collect();
        way.windows(2).rev().find_map(|pair| {
            let [child, dir] = pair else { return None };
            let who = writer(&dir.metadata().ok()?, &child.symlink_metadata().ok()?, own)?;
            Some((dir.to_path_buf(), who))
        })
    })
}

/// Who can exchange `child` in `dir` (unlink(2), rename(2)).
fn writer(dir: &Metadata, child: &Metadata, own: u32) -> Option<String> {
    let trusted = |uid: u32| uid == 0 || uid == own;
    if !trusted(dir.uid()) {
        return Some(format!("user {}", dir.uid()));
    }
    // With the sticky bit only the owners of directory and child can.
    if dir.mode() & 0o1000 != 0 {
        return (!trusted(child.uid()) && dir.mode() & 0o022 != 0).then(|| format!("user {}", child.uid()));
    }
    if dir.mode() & 0o002 != 0 {
        return Some("every user".to_owned());
    }
    (dir.mode() & 0o020 != 0 && dir.gid() != 0).then(|| format!("group {}", dir.gid()))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt, chown, symlink};

    use super::*;

    #[test]
    fn a_directory_of_somebody_elses_on_the_way_is_found() {
        let own = nix::unistd::geteuid().as_raw();
        let top = tempfile::tempdir().expect("a directory");
        let at = |name: &str| top.path().join(name);
        for name in ["own/root", "open/root", "sticky/root", "shared/root"] {
            std::fs::create_dir_all(at(name)).expect("a directory");
        }
        let mode = |name: &str, mode| {
            std::fs::set_permissions(at(name), std::fs::Permissions::from_mode(mode)).expect("ours")
        };
        mode("open", 0o777);
        mode("sticky", 0o1777);
        symlink(at("open/root"), at("link")).expect("a link");
        let found = |name: &str| exposed(&at(name), own);
        assert_eq!(found("own/root"), None);
        assert_eq!(found("sticky/root"), None);
        assert_eq!(found("open"), None);
        assert_eq!(found("open/root"), Some((at("open"), "every user".to_owned())));
        assert_eq!(found("link").map(|(dir, _)| dir), at("open").canonicalize().ok());
        assert_eq!(found("absent"), None);
        if own != 0 {
            return eprintln!("skipped: only root can give a directory away");
        }
        mode("shared", 0o775);
        chown(at("shared"), None, Some(4242)).expect("root can");
        assert_eq!(found("shared/root"), Some((at("shared"), "group 4242".to_owned())));
        chown(at("own"), Some(4242), None).expect("root can");
        assert_eq!(found("own/root"), Some((at("own"), "user 4242".to_owned())));
        chown(at("sticky/root"), Some(4242), None).expect("root can");
        assert_eq!(found("sticky/root"), Some((at("sticky"), "user 4242".to_owned())));
    }
}
