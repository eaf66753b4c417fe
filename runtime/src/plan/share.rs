//! Namespaces of others: `<lxc:namespace>` joins instead of making (setns(2)).

use browndog_xml::domain::{Domain, Origin, ShareTarget, Sourced};
use nix::libc;

use super::build::Builder;
use super::step::HostStep;
use crate::survey::Purpose;

/// A running domain that the document names, as the caller knows it: a pidfd of its init, or why there is
/// none.
#[derive(Clone, Debug)]
pub struct Peer {
    /// Its name.
    pub name: String,
    /// Its init.
    pub init: Result<std::sync::Arc<std::os::fd::OwnedFd>, String>,
}

/// What the document shares: the kind, its word in messages, and whose.
pub fn shared(domain: &Domain) -> impl Iterator<Item = (i32, &'static str, &Sourced<ShareTarget>)> {
    let share = &domain.share;
    let all = [
        (libc::CLONE_NEWNET, "net", &share.net),
        (libc::CLONE_NEWIPC, "ipc", &share.ipc),
        (libc::CLONE_NEWUTS, "uts", &share.uts),
    ];
    all.into_iter().filter_map(|(kind, word, target)| Some((kind, word, target.as_ref()?)))
}

/// Who has the namespace, in words.
pub(crate) fn whose(target: &ShareTarget) -> String {
    match target {
        ShareTarget::Name(name) => format!("domain '{name}'"),
        ShareTarget::Pid(pid) => format!("process {pid}"),
        ShareTarget::NetNs(name) => format!("/run/netns/{name}"),
    }
}

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
