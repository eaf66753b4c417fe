//! What is mounted on what: judged before the start, from what the survey has seen.

use browndog_xml::domain::{Filesystem, FilesystemSource, Origin};
use nix::errno::Errno;

use super::build::Builder;
use super::step::Beneath;
use crate::survey::targets::{Looked, RESOLV_CONF};
use crate::survey::{Kind, Purpose, has_contents, is_below, is_root};

/// A directory goes onto a directory, a file onto a file, and a device node nowhere.
pub(super) fn judge(b: &mut Builder<'_>, index: usize, filesystem: &Filesystem) {
    let source = b.survey.get(Purpose::Filesystem(index));
    let path = source.map(|found| found.path.clone()).unwrap_or_default();
    let target = &filesystem.target;
    let directory = match (&filesystem.source, source.map(|found| found.kind)) {
        (FilesystemSource::Ram { .. }, _) => true,
        _ if has_contents(filesystem) => true,
        (FilesystemSource::Host(_), Some(Ok(kind))) => match kind {
            Kind::Char(_) | Kind::Block(_) => return refuse_node(b, filesystem, &path, kind),
            kind => kind == Kind::Directory,
        },
        // What cannot be opened is said elsewhere, and what is in the container is seen when its step comes.
        _ => return,
    };
    if directory && holds_nodes(&path) {
        let message = format!("the device nodes in {path} can be opened by nobody in the container");
        b.note(filesystem.origin, message, "<hostdev> gives a node, and the right to open it");
    }
    let place = &target.value;
    match b.survey.targets.get(index) {
        Some(Some(Ok(kind))) if directory != (*kind == Kind::Directory) => {
            let message = if directory {
                format!(
                    "a directory cannot be mounted on {place}, which is no directory in the root file system"
                )
            } else {
                format!(
                    "{path} is no directory and cannot be mounted on {place}, which is one in the root file system"
                )
            };
            let name =
                path.rsplit('/').next().filter(|name| !directory && !name.is_empty()).unwrap_or("NAME");
            let help = if directory {
                "name a directory as the target; what is missing is made".to_owned()
            } else {
                format!(
                    "name a file as the target, as {}/{name}; what is missing is made",
                    place.as_str().trim_end_matches('/')
                )
            };
            b.problem(target.origin, message, help);
        }
        Some(Some(Err(Errno::ENOTDIR))) => {
            let message = format!(
                "on the way to {place} there is something in the root file system that is no directory"
            );
            b.problem(target.origin, message, "name another target, or put a directory in its place");
        }
        _ => {}
    }
}

/// Directories of the host's /dev in which there are no nodes.
const WITHOUT_NODES: [&str; 3] = ["/dev/shm", "/dev/mqueue", "/dev/hugepages"];

fn holds_nodes(path: &str) -> bool {
    is_below(path, "/dev") && !WITHOUT_NODES.iter().any(|dir| is_below(path, dir))
}

/// Every tree is mounted with nodev, and the device policy allows what is declared.
fn refuse_node(b: &mut Builder<'_>, filesystem: &Filesystem, path: &str, kind: Kind) {
    let (word, domain) = if matches!(kind, Kind::Block(_)) { ("block", "storage") } else { ("char", "misc") };
    let message = format!("{path} is a device node: mounted as a file system it could be opened by nobody");
    let hostdev = format!(
        "write <hostdev mode='capabilities' type='{domain}'><source><{word}>{path}</{word}></source></hostdev>, which gives \
         the container the node and the right to open it"
    );
    let help = match word {
        "block" => format!("{hostdev}; or <filesystem type='block'> to mount the file system on it"),
        _ if path == "/dev/null" => {
            format!("to hide a file, write <browndog:mask path='{}'/>", filesystem.target.value)
        }
        _ => hostdev,
    };
    b.problem(filesystem.origin, message, help);
}

/// A target that is a link to nothing: what it leads to is made, and is no place of the kernel's.
pub(super) fn refuse_links(b: &mut Builder<'_>) {
    let survey = b.survey;
    let filesystems =
        b.domain.filesystems.iter().zip(&survey.leads).filter(|(filesystem, _)| !is_root(filesystem));
    let targets: Vec<(Origin, &str, &str)> = filesystems
        .filter_map(|(filesystem, leads)| {
            let target = &filesystem.target;
            Some((target.origin, target.value.as_str(), leads.as_deref()?))
        })
        .collect();
    let servers = b.domain.nameservers.first();
    let resolver = match (&survey.resolver, servers) {
        (Some(Looked { leads: Some(leads), .. }), Some(first)) => {
            Some((first.origin, RESOLV_CONF, leads.as_str()))
        }
        _ => None,
    };
    if let (Some(Looked { kind: Some(Err(errno)), .. }), Some(first)) = (&survey.resolver, servers)
        && !matches!(errno, Errno::ENOENT)
    {
        let message = format!("cannot look at {RESOLV_CONF} in the root file system: {}", errno.desc());
        b.problem(
            first.origin,
            message,
            "look at the directories and links on the way to it, or remove <nameserver>",
        );
    }
    if let (Some(Looked { kind: Some(Ok(Kind::Directory)), .. }), Some(first)) = (&survey.resolver, servers) {
        let message = format!("{RESOLV_CONF} is a directory in the root file system");
        b.problem(first.origin, message, "remove the directory, or <nameserver>");
    }
    for (origin, target, leads) in targets.into_iter().chain(resolver) {
        if let Some(kernel) = Beneath::new(leads).kernel() {
            let message =
                format!("{target} is a link that leads to {leads}, in the container's own {}", kernel.path());
            b.problem(
                origin,
                message,
                "replace the link in the root file system, or name a place that is not the kernel's",
            );
        } else {
            let message =
                format!("{target} is reached by a link to nothing: what it leads to, {leads}, is made");
            b.note(origin, message, "it is removed again after the end; the link stays as it is");
        }
    }
}
