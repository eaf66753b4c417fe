//! Where a container would see the state of browndog's own.

use browndog_xml::domain::{Domain, FilesystemSource};
use nix::libc;

use super::{Kind, Survey, is_below, is_root, kind_of, owner_of};

/// Root's, on every machine.
const USUAL: &str = "/run/browndog";

impl Survey {
    /// Finds it in the container, wherever a tree of the host with it is mounted; `more` are directories beside
    /// the usual one.
    pub fn look_for_state(&mut self, domain: &Domain, more: &[String]) {
        let has_root = domain.filesystems.iter().any(is_root);
        let mut trees: Vec<(&str, &str)> = if has_root { Vec::new() } else { vec![("/", "/")] };
        trees.extend(domain.filesystems.iter().filter_map(|filesystem| match &filesystem.source {
            FilesystemSource::Host(path) => Some((path.value.as_str(), filesystem.target.value.as_str())),
            _ => None,
        }));
        for directory in std::iter::once(USUAL).chain(more.iter().map(String::as_str)) {
            for path in trees.iter().filter_map(|(source, target)| inside(directory, source, target)) {
                let Ok(found) = self.open_inside(domain, &path, libc::O_PATH) else { continue };
                let (kind, owner) = (kind_of(&found), owner_of(&found, &path).map_or(0, |owner| owner.uid));
                if kind == Ok(Kind::Directory) && self.state.iter().all(|(known, _)| *known != path) {
                    self.state.push((path, owner));
                }
            }
        }
    }
}

/// The path in the container of what is at `path` on the host, in a tree mounted from `source` to `target`.
fn inside(path: &str, source: &str, target: &str) -> Option<String> {
    let rest = &path[is_below(path, source).then(|| source.trim_end_matches('/').len())?..];
    Some([target.trim_end_matches('/'), rest].concat()).filter(|path| !path.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[rstest::rstest]
    #[case::the_hosts_tree("/", "/", Some("/run/browndog"))]
    #[case::a_part_of_it("/run", "/mnt/run/", Some("/mnt/run/browndog"))]
    #[case::itself("/run/browndog/", "/srv", Some("/srv"))]
    #[case::another("/runs", "/srv", None)]
    #[case::deeper("/run/browndog/domains", "/srv", None)]
    fn it_is_where_its_tree_is(#[case] source: &str, #[case] target: &str, #[case] is: Option<&str>) {
        assert_eq!(inside("/run/browndog", source, target).as_deref(), is);
    }
}
