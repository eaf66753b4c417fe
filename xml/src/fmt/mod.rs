//! The canonical form: what libvirt's `dumpxml --inactive` prints for the same document.
//!
//! Order comes from the tables, defaults are written out as libvirt writes them. Exceptions, each
//! for a reason:
//!
//! - No random values are made: `uuid`, `mac`, the ids of virtual ports.
//! - Comments are kept, and with them what libvirt drops as empty or as left over from a run.
//! - What libvirt drops without a word is kept, because it was written. Left out are aliases, the
//!   terminals of consoles and the `vnet` names of interfaces, which libvirt gives anew.
//! - Foreign XML in `<metadata>` stays as it is, also where libvirt drops it (no namespace).
//! - A label keeps its type and model: libvirt's depends on the host's security module.
//! - The parts of a machine are not completed: no controllers, addresses of drives, ports of screens
//!   or memory of cards are made for devices that have no effect in a container.

mod defaults;
mod devices;
mod item;
mod write;

pub(crate) use item::Item;
pub(crate) use write::write;

use crate::check::{self, Sink};
use crate::domain::Dialect;
use crate::report::Report;
use crate::source::Source;
use crate::tree::{NodeId, Tree, View};

/// Keeps the tree, looks at nothing.
#[derive(Default)]
struct Keep {
    dialect: Option<Dialect>,
}

impl Sink for Keep {
    const KEEPS_TREE: bool = true;
    fn begin(&mut self, dialect: Dialect, _: View<'_>, _: NodeId) {
        self.dialect = Some(dialect);
    }
    fn unit(&mut self, _: View<'_>, _: NodeId, _: &mut Report) {}
}

/// The canonical form of a valid document, or why it has none.
pub fn format(source: &Source) -> Result<String, Report> {
    let reading = crate::read(source);
    if reading.domain.is_none() {
        return Err(reading.report);
    }
    let (keep, tree) = tree_of(source)?;
    let (mut root, behind) = item::build(View { tree: &tree, source: source.text() }, source);
    if keep.dialect == Some(Dialect::Lxc) {
        defaults::write_out(&mut root);
    }
    let mut form = write(&root);
    for comment in behind {
        form.push_str(&comment);
        form.push('\n');
    }
    Ok(form)
}

fn tree_of(source: &Source) -> Result<(Keep, Tree), Report> {
    let (keep, report, tree) = check::check(source, Keep::default());
    if report.has_errors() || tree.nodes.is_empty() {
        return Err(report);
    }
    Ok((keep, tree))
}
