//! The canonical form: what libvirt's `dumpxml --inactive` prints for the same document.
//!
//! Order comes from the tables, defaults are written out as libvirt writes them. Exceptions, each
//! for a reason: no random values are made (`uuid`, `mac`); comments are kept; what libvirt drops
//! without a word is kept, because it was written; foreign XML in `<metadata>` stays as it is.

mod defaults;
mod item;
mod write;

pub(crate) use item::Item;
pub(crate) use write::write;

use crate::check::{self, Sink};
use crate::domain::Dialect;
use crate::report::{Diagnostic, Report};
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
    fn unit(&mut self, _: View<'_>, _: NodeId, _: &mut Vec<Diagnostic>) {}
}

/// The canonical form of a valid document, or why it has none.
pub fn format(source: &Source) -> Result<String, Report> {
    let reading = crate::read(source);
    if reading.domain.is_none() {
        return Err(reading.report);
    }
    let (keep, tree) = tree_of(source)?;
    let mut root = item::build(View { tree: &tree, source: source.text() }, source);
    if keep.dialect == Some(Dialect::Lxc) {
        defaults::write_out(&mut root);
    }
    Ok(write(&root))
}

fn tree_of(source: &Source) -> Result<(Keep, Tree), Report> {
    let (keep, report, tree) = check::check(source, Keep::default());
    if report.has_errors() || tree.nodes.is_empty() {
        return Err(report);
    }
    Ok((keep, tree))
}
