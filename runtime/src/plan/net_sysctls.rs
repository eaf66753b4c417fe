//! `/proc/sys/net` of a network namespace of the container's own: it is that namespace's, and may be written by who may
//! change the network.

use browndog_xml::domain::Origin;

use super::build::Builder;
use super::step::{Beneath, ChildStep, Slot};
use crate::path::beneath;

const OWN: Origin = Origin::Default("the network is the container's own, and so are its settings");

const SLOT: &str = "settings of the network";

/// CAP_NET_ADMIN (linux/capability.h).
const NET_ADMIN: u64 = 1 << 12;

/// Takes a copy of the directory while nothing covers it. Only where the network namespace was made for this container:
/// what procfs shows there is always the reader's own network (`net_ctl_header_lookup`), so one that is shared is not
/// the container's to set. And only with CAP_NET_ADMIN: the kernel lets root of a machine write without it.
pub(super) fn take(b: &mut Builder<'_>) -> Option<Slot> {
    let may = super::confine::kept(b) & b.host.bounding & NET_ADMIN != 0;
    if !b.network_namespace || !may {
        return None;
    }
    let into = b.slot(SLOT);
    let source = beneath!("proc/sys", "net").within();
    let why = "of the container's own procfs, before what is around it becomes read-only";
    b.child("clone-net-sysctls", ChildStep::CloneTree { source, into }, OWN, why);
    Some(into)
}

/// Puts it on the copy of `/proc/sys` that has been made read-only, which slot `cover` holds.
pub(super) fn show(b: &mut Builder<'_>, network: Slot, cover: &str) {
    let Some(cover) = b.find_slot(cover) else { return };
    let target = Beneath::on_tree(cover, "/proc/sys", "net");
    let why = "everything else below /proc/sys stays read-only";
    b.child("show-net-sysctls", ChildStep::Attach { tree: network, target }, OWN, why);
}
