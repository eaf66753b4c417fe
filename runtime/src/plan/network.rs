//! The network namespace: its own loopback, and the links the document names.

use browndog_xml::domain::{HostdevKind, Origin, ShareTarget};

use super::build::Builder;
use super::step::{ChildStep, HostStep};
use crate::net;

const PRIVATE: Origin = Origin::Default("a network namespace starts with its loopback down");

/// Says aloud when the host's network is shared.
pub(super) fn share(b: &mut Builder<'_>) {
    for (what, target) in
        [("net", &b.domain.share.net), ("ipc", &b.domain.share.ipc), ("uts", &b.domain.share.uts)]
    {
        if let Some(target) = target {
            let who = match &target.value {
                ShareTarget::Name(name) => format!("domain {name}"),
                ShareTarget::Pid(pid) => format!("process {pid}"),
                ShareTarget::NetNs(name) => format!("/run/netns/{name}"),
            };
            let message = format!("not supported: sharing the {what} namespace of {who}");
            b.problem(target.origin, message, "remove the element");
        }
    }
    if !b.network_namespace && b.domain.share.net.is_none() {
        b.note(
            SHARED,
            "the container shares the host's network",
            "add <features><privnet/></features> for a network of its own",
        );
    }
}

const SHARED: Origin =
    Origin::Default("libvirt's rule: without <interface> and without <privnet/> the network is the host's");

/// Links and loopback.
pub(super) fn configure(b: &mut Builder<'_>) {
    if !b.network_namespace {
        return;
    }
    let origin = b.domain.private_network.unwrap_or(PRIVATE);
    b.child(
        "loopback-up",
        ChildStep::LoopbackUp,
        origin,
        "in its own network namespace; needs CAP_NET_ADMIN over it",
    );
    let count = b.domain.interfaces.len();
    let mut unnamed = 0;
    for index in 0..count {
        let interface = &b.domain.interfaces[index];
        match net::Link::plan(interface, &mut unnamed, &b.request.instance, index) {
            Ok(link) => {
                let id = format!("add-interface:{}", link.guest_name);
                let why = "while the child waits: the link is there, named and addressed, before init runs";
                b.attend(id, HostStep::AddInterface(Box::new(link)), interface.origin, why);
            }
            Err((message, help)) => b.problem(interface.origin, message, help),
        }
        if b.host.rootless {
            b.problem(
                b.domain.interfaces[index].origin,
                "an interface cannot be made without root",
                "start as root, or use <privnet/> for a loopback only",
            );
        }
    }
    for hostdev in &b.domain.hostdevs {
        if matches!(hostdev.kind, HostdevKind::Net { .. }) {
            b.problem(hostdev.origin, "not supported: hostdev type='net'", "use <interface type='direct'>");
        }
    }
}
