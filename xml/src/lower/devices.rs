//! `<devices>`.

use super::{Context, Draft};
use crate::domain::{Console, Filesystem, FilesystemSource};
use crate::tree::NodeId;
use crate::value::AbsPath;

pub(super) fn lower(draft: &mut Draft, context: &mut Context<'_, '_>, node: NodeId) {
    match context.view.name(node) {
        "filesystem" => draft.filesystems.extend(filesystem(context, node)),
        "console" => draft.consoles.push(Console { origin: context.origin(node), tty: None }),
        _ => {}
    }
}

fn filesystem(context: &mut Context<'_, '_>, node: NodeId) -> Option<Filesystem> {
    let kind = context.view.attribute(node, "type").map_or("mount", |(kind, _)| kind);
    let source = context.view.child(node, "source")?;
    let target = context.view.child(node, "target")?;
    let readonly = context.view.child(node, "readonly").map(|readonly| context.origin(readonly));
    let mut path = |name| context.attribute(source, name, AbsPath::parse);
    let source = match kind {
        "mount" => FilesystemSource::Host(path("dir")?),
        "bind" => FilesystemSource::Container(path("dir")?),
        "block" => FilesystemSource::Block(path("dev")?),
        "file" => FilesystemSource::Image { file: path("file")? },
        "ram" => {
            let units = context.view.attribute(source, "units").map(|(units, _)| units);
            let bytes = context.attribute(source, "usage", |usage| crate::value::parse_size(usage, units))?;
            FilesystemSource::Ram { bytes }
        }
        _ => return None,
    };
    let target = context.attribute(target, "dir", AbsPath::parse)?;
    Some(Filesystem { origin: context.origin(node), source, target, readonly })
}
