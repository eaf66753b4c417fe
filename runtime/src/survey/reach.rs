//! Who of the host's users can reach a source.

use std::os::unix::fs::MetadataExt;

/// Whether others than owner and group may search every directory on the way to `path`, and itself.
pub(super) fn others_reach(path: &str) -> bool {
    // What cannot be told counts as open: it leads to a note.
    let Ok(path) = std::fs::canonicalize(path) else { return true };
    let closed = |path: &std::path::Path| {
        std::fs::metadata(path).is_ok_and(|found| found.is_dir() && found.mode() & 0o001 == 0)
    };
    !path.ancestors().any(closed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_that_is_closed_closes_what_is_below() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().expect("a directory");
        let deep = dir.path().join("a/b");
        std::fs::create_dir_all(&deep).expect("a directory");
        let set =
            |mode| std::fs::set_permissions(dir.path(), PermissionsExt::from_mode(mode)).expect("its own");
        set(0o711);
        let reached = others_reach(deep.to_str().expect("a name of letters"));
        assert_eq!(reached, others_reach("/tmp"), "as far as the directory of temporary ones can be reached");
        set(0o700);
        assert!(!others_reach(deep.to_str().expect("a name of letters")));
    }
}
