//! What a monitor takes over at a command's word: it will remove it as its owner, so it takes only what a start of
//! this domain can have made.

use std::fs;
use std::path::{Path, PathBuf};

use browndog_runtime::host::{Cgroups, Host};
use browndog_runtime::net;
use browndog_runtime::plan::{GROUP_SUFFIX, group_domain};
use browndog_xml::domain::FilesystemSource;

use crate::error::{LifeError, Result};
use crate::layout::Layout;
use crate::record::{Group, Made, Record, is_plain};

/// As many things as a domain may have made while it runs.
const MADE_MAX: usize = 4096;
/// As many links as a start may have made.
const LINKS_MAX: usize = 1024;

/// Whether it can be the domain's of this record.
///
/// # Errors
/// Says why not.
pub(crate) fn check(layout: &Layout, record: &Record, made: &Made, group: Option<&Group>) -> Result<()> {
    let not = |what: String| LifeError::refused(format!("{what}: not this domain's to remove"), "");
    if record.made.len() >= MADE_MAX {
        return Err(not(format!("{} things are made for it already", record.made.len())));
    }
    let instance = record.monitor.map(crate::process::ProcessId::instance).unwrap_or_default();
    let fits = match made {
        Made::Group { path, shared } => {
            let own = [&group_domain(&record.name), ".", &instance, GROUP_SUFFIX].concat();
            match (relative(path), shared) {
                (Some(path), true) => group.is_none() && is_around(&path, record),
                (Some(below), false) => {
                    group.is_none_or(|group| group.path == *path)
                        && below.iter().any(|part| part.to_str() == Some(&own))
                }
                (None, _) => false,
            }
        }
        Made::Link { name, number } => {
            group.is_none()
                && net::number_of(name).is_ok_and(|found| found == *number)
                && is_link(name, &instance)
        }
        Made::Target { root, path, .. } => group.is_none() && is_plain(path) && is_root(layout, record, root),
    };
    if fits { Ok(()) } else { Err(not(format!("{made:?}"))) }
}

/// The path of a group in its hierarchy.
fn relative(path: &Path) -> Option<PathBuf> {
    let roots: Vec<String> = match Host::probe().cgroups {
        Cgroups::V2 { root, .. } => vec![root],
        Cgroups::V1 { controllers, unified } => {
            controllers.into_iter().map(|(_, path)| path).chain(unified).collect()
        }
        Cgroups::None { .. } => Vec::new(),
    };
    let below = roots.iter().find_map(|root| path.strip_prefix(root).ok())?;
    (is_plain(path) && !below.as_os_str().is_empty()).then(|| below.to_owned())
}

/// The partition that the domain's group is in, in another hierarchy.
fn is_around(below: &Path, record: &Record) -> bool {
    let groups = record.groups.iter().filter_map(|group| relative(&group.path));
    groups.into_iter().any(|group| group != below && group.starts_with(below))
}

/// A host's end of the start's own name; or of a name that the document gives, of a pair whose other end is
/// in another network.
fn is_link(name: &str, instance: &str) -> bool {
    if (0..LINKS_MAX).any(|index| net::host_end(instance, index) == name) {
        return true;
    }
    let length = net::host_end(instance, 0).len();
    if name.starts_with(net::HOST_END_PREFIX) && name.len() == length {
        // Another start's.
        return false;
    }
    let dir = Path::new("/sys/class/net").join(name);
    let read = |file: &str| fs::read_to_string(dir.join(file)).unwrap_or_default();
    let is_virtual = fs::read_link(&dir).is_ok_and(|to| to.to_string_lossy().contains("/virtual/net/"));
    is_virtual && read("iflink").trim() != read("ifindex").trim() && !read("uevent").contains("DEVTYPE=")
}

/// A directory that the domain's document has as its root.
fn is_root(layout: &Layout, record: &Record, root: &Path) -> bool {
    let known =
        record.made.iter().any(|made| matches!(made, Made::Target { root: known, .. } if known == root));
    known
        || crate::tune::live_document(layout, &record.name).is_ok_and(|document| {
            let mut roots = document.domain.filesystems.iter().filter(|it| it.target.value.as_str() == "/");
            match roots.next().map(|it| &it.source) {
                Some(FilesystemSource::Host(path)) => Path::new(path.value.as_str()) == root,
                Some(_) => false,
                // Without one it is the host's tree.
                None => root == Path::new("/"),
            }
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case::relative("tmp/x", false)]
    #[case::up("/srv/../etc", false)]
    #[case::plain("/srv/data", true)]
    fn a_path_that_goes_up_is_none(#[case] path: &str, #[case] plain: bool) {
        assert_eq!(is_plain(Path::new(path)), plain);
    }

    #[test]
    fn what_no_start_of_the_domain_makes_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let layout = Layout::new(Some(dir.path())).unwrap();
        let mut record = Record::starting("web", "u");
        record.monitor = Some(crate::process::ProcessId::own());
        let refused = |made: &Made, group: Option<&Group>| check(&layout, &record, made, group).is_err();
        let path = |path: &str| Path::new(path).to_owned();
        for group in ["/", "/tmp", "/sys/fs/cgroup", "/sys/fs/cgroup/memory/db.1-2.browndog"] {
            assert!(refused(&Made::Group { path: path(group), shared: false }, None), "{group}");
        }
        let lo = net::number_of("lo").unwrap();
        assert!(refused(&Made::Link { name: "lo".to_owned(), number: lo }, None));
        assert!(refused(&Made::Link { name: net::host_end("1-2", 0), number: 7 }, None));
        assert!(refused(&Made::Target { root: path("/"), path: path("/etc"), inode: None }, None));
        let own = format!("web.{}{GROUP_SUFFIX}", record.monitor.unwrap().instance());
        let outside = Made::Group { path: Path::new("/tmp").join(&own), shared: false };
        assert!(refused(&outside, None));
        let stranger = Group { controller: "memory".to_owned(), path: path("/tmp") };
        let inside = Made::Group { path: Path::new("/sys/fs/cgroup/memory").join(&own), shared: false };
        assert!(refused(&inside, Some(&stranger)));
    }
}
