//! The running domains whose namespaces a document shares.

use std::collections::BTreeSet;
use std::sync::Arc;

use browndog_runtime::survey::share::{Peer, shared};
use browndog_xml::domain::{Domain, ShareTarget};

use crate::domains;
use crate::layout::Layout;

/// Each domain that `domain` names in `<lxc:namespace>`: held by its init, or why that is not possible.
pub fn named_in(layout: &Layout, domain: &Domain) -> Vec<Peer> {
    let name = |target: &ShareTarget| match target {
        ShareTarget::Name(name) => Some(name.clone()),
        ShareTarget::Pid(_) | ShareTarget::NetNs(_) => None,
    };
    let names: BTreeSet<String> = shared(domain).filter_map(|(_, _, target)| name(&target.value)).collect();
    names.into_iter().map(|name| Peer { init: init_of(layout, &name), name }).collect()
}

fn init_of(layout: &Layout, name: &str) -> Result<Arc<std::os::fd::OwnedFd>, String> {
    let found = domains::find(layout, name).and_then(|found| domains::view(layout, &found));
    let view = found.map_err(|error| error.to_string())?;
    let init = view.record.filter(|_| view.phase.is_active()).and_then(|record| record.init);
    match init.and_then(crate::process::ProcessId::open) {
        Some(held) => Ok(Arc::new(held)),
        None => Err(format!("it is {}", view.phase.word())),
    }
}
