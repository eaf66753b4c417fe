//! Binds of what is in the host's /dev: a node that is mounted opens nothing, since device nodes work only where a
//! container is given them.

use super::element::{Element, Place};
use super::mounting::filesystem;
use super::surroundings::{Node, Seen, Surroundings};
use super::{Fate, Findings, is_below};
use crate::value::quoted;

/// Names below /dev that every container has of its own, with the device that they are.
pub(super) const OWN: [&str; 9] = [
    "/dev/null",
    "/dev/zero",
    "/dev/full",
    "/dev/random",
    "/dev/urandom",
    "/dev/tty",
    "/dev/console",
    "/dev/ptmx",
    "/dev/pts",
];

/// Directories of /dev that hold no nodes, and what else is no device there.
const WITHOUT_NODES: [&str; 4] = ["/dev/shm", "/dev/mqueue", "/dev/hugepages", "/dev/log"];

/// Directories of /dev that hold nodes, for who cannot look.
const WITH_NODES: [&str; 8] =
    ["/dev/net", "/dev/dri", "/dev/snd", "/dev/input", "/dev/mapper", "/dev/vfio", "/dev/bus", "/dev/disk"];

/// A bind mount that is asked for.
pub(super) struct Bind<'a> {
    pub(super) source: &'a str,
    pub(super) target: &'a str,
    /// Nothing is to be done where the source is not there.
    pub(super) optional: bool,
    /// A file is to be made as the mount point, so it is not of a directory.
    pub(super) file: bool,
    pub(super) place: Place,
    pub(super) key: &'a str,
}

/// What becomes of a bind.
pub(super) enum Bound {
    /// A file system of the document.
    Mounted(Element),
    /// A mask in the place of its target.
    Masked(Element),
    /// Nodes; none where every container has them anyway, or where it is left out, which is said.
    Given(Vec<Element>),
}

/// What a bind becomes.
pub(super) fn bind(bind: &Bind<'_>, surroundings: &Surroundings<'_>, findings: &mut Findings) -> Bound {
    let Bind { source, target, place, key, .. } = *bind;
    let source = if source.len() > 1 { source.trim_end_matches('/') } else { source };
    let mut said =
        |fate: Fate, what: String| findings.say(fate, place, key, format!("{key}: {target}: {what}"));
    let mounted = || Bound::Mounted(filesystem("mount", "dir", source, target, place));
    let seen = (surroundings.look)(source);
    if !is_below(source, "/dev") || source == "/dev" || WITHOUT_NODES.iter().any(|dir| is_below(source, dir))
    {
        return mounted();
    }
    if OWN.contains(&source) && source == target {
        return Bound::Given(Vec::new());
    }
    if source == "/dev/null" && !is_below(target, "/dev") {
        return Bound::Masked(Element::new("browndog:mask").with("path", target).at(place));
    }
    let elsewhere = |node: &str, wanted: &str| {
        format!("the node {node} is given where the host has it, and not as {}", quoted(wanted))
    };
    if bind.optional && matches!(seen, Seen::Missing) {
        let what = format!("{source} is not on this host, and is optional: it is left out");
        said(Fate::Lost, what);
        return Bound::Given(Vec::new());
    }
    match seen {
        Seen::Node(node) => {
            if node.path != target {
                said(Fate::Otherwise, elsewhere(&node.path, target));
            }
            Bound::Given(vec![given(&node, place)])
        }
        Seen::Directory(nodes) if !nodes.is_empty() => {
            said(Fate::Otherwise, "of the directory the nodes are given that are in it now".to_owned());
            Bound::Given(nodes.iter().map(|node| given(node, place)).collect())
        }
        Seen::Directory(_) | Seen::Other => mounted(),
        Seen::Missing | Seen::Unknown if !bind.file && WITH_NODES.contains(&source) => {
            let what = format!("the nodes in {source} are not known here: name each with <hostdev>");
            said(Fate::Lost, what);
            Bound::Given(Vec::new())
        }
        Seen::Missing | Seen::Unknown => {
            if source != target {
                said(Fate::Otherwise, elsewhere(source, target));
            }
            let node = Node { path: source.to_owned(), block: false };
            Bound::Given(vec![given(&node, place)])
        }
    }
}

/// A node of the host.
fn given(node: &Node, place: Place) -> Element {
    let (kind, element) = if node.block { ("storage", "block") } else { ("misc", "char") };
    let source = Element::new("source").holding(Element::text(element, &node.path).at(place));
    let hostdev = Element::new("hostdev").with("mode", "capabilities").with("type", kind);
    hostdev.holding(source).at(place)
}
