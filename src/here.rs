//! What a conversion asks of this machine: looked at, never opened.

use std::fs;
use std::os::fd::AsFd;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::Path;

use browndog_runtime::foreign;
use browndog_xml::convert::{Node, Seen};

/// Most nodes of a directory that are given, and how deep they are looked for.
const NODES: usize = 64;
const DEPTH: usize = 3;

/// What a path of the host is.
pub(crate) fn look(path: &str) -> Seen {
    let Ok(found) = fs::metadata(path) else {
        return match fs::symlink_metadata(path) {
            // Or a link to nothing.
            Ok(_) => Seen::Missing,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Seen::Missing,
            Err(_) => Seen::Unknown,
        };
    };
    let kind = found.file_type();
    if kind.is_char_device() || kind.is_block_device() {
        return Seen::Node(Node { path: path.to_owned(), block: kind.is_block_device() });
    }
    if !kind.is_dir() {
        return Seen::Other;
    }
    // Elsewhere a directory is mounted, whatever is in it.
    let mut nodes = Vec::new();
    if path.starts_with("/dev/") {
        nodes_in(Path::new(path), DEPTH, &mut nodes);
        nodes.sort_by(|one: &Node, other| one.path.cmp(&other.path));
    }
    Seen::Directory(nodes)
}

/// Links are another name of what they lead to, and are left out.
fn nodes_in(dir: &Path, depth: usize, nodes: &mut Vec<Node>) {
    for entry in fs::read_dir(dir).into_iter().flatten().flatten() {
        let Ok(kind) = entry.file_type() else { continue };
        let path = entry.path();
        if kind.is_dir() && depth > 1 {
            nodes_in(&path, depth - 1, nodes);
        } else if (kind.is_char_device() || kind.is_block_device())
            && nodes.len() < NODES
            && let Some(path) = path.to_str()
        {
            nodes.push(Node { path: path.to_owned(), block: kind.is_block_device() });
        }
    }
}

/// Where PATH finds a program in a root directory of the host, without a step out of it.
pub(crate) fn program(root: &str, name: &str, path: &str) -> Option<String> {
    if name.contains('/') {
        return None;
    }
    let root = foreign::look(Path::new(root)).ok()?;
    let absolute = path.split(':').filter(|dir| dir.starts_with('/'));
    absolute.map(|dir| [dir.trim_end_matches('/'), "/", name].concat()).find(|program| {
        let found = foreign::look_in_root(root.as_fd(), Path::new(program));
        let found = found.ok().and_then(|found| fs::File::from(found).metadata().ok());
        found.is_some_and(|found| found.is_file() && found.mode() & 0o111 != 0)
    })
}
