//! Namespaces of others: `<lxc:namespace>` joins instead of making (setns(2)).

use browndog_xml::domain::Origin;

use super::build::Builder;
use super::step::HostStep;
use crate::survey::Purpose;
pub use crate::survey::share::Peer;
use crate::survey::share::{shared, whose};

/// Joins what is shared, last of what the launcher does: the child is born in it.
///
/// Not by the child: in a user namespace of its own it has no right to enter what belongs to another.
pub(super) fn join(b: &mut Builder<'_>) {
    for (kind, word, target) in shared(b.domain) {
        let (reason, help) = match b.source(Purpose::Shared(kind)) {
            _ if b.host.rootless => (
                "only root of the machine may join it",
                "start as root: a plain user's container has no right over namespaces that exist already",
            ),
            Some(of) => {
                let why = "last on the host: what the launcher clones from here on is born there";
                b.sharing(("share", word), HostStep::Share { of, kind }, target.origin, why);
                continue;
            }
            None => {
                let refused = b.survey.not_shared.iter().find(|refusal| refusal.kind == kind);
                refused.map_or(("nobody has looked for it", ""), |why| (&why.reason, &why.help))
            }
        };
        let message = format!("the {word} namespace of {} cannot be shared: {reason}", whose(&target.value));
        b.problem(target.origin, message, help);
    }
    if let Some(target) = b.domain.share.net.as_ref().filter(|_| b.wants_links()) {
        let message = "the network is another's: no interface of this document can be put into it";
        let help = "give the interfaces to the domain that has the namespace, or remove <lxc:sharenet>";
        b.problem(target.origin, message, help);
    }
    if !b.network_namespace && b.domain.share.net.is_none() {
        let help = "add <features><privnet/></features> for a network of its own";
        b.note(SHARED, "the container shares the host's network", help);
    }
}

const SHARED: Origin =
    Origin::Default("libvirt's rule: without <interface> and without <privnet/> the network is the host's");
