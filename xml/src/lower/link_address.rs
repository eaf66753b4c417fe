//! Which IP addresses an end of a link can have.

use std::net::{IpAddr, Ipv4Addr};

use super::Context;
use super::interface::attribute_span;
use crate::codes::Code;
use crate::report::Diagnostic;
use crate::tree::NodeId;

/// `None`, and said, where no end of a link can have `address`, which attribute `name` gives. `prefix`: the length of
/// the network's prefix, where the network is the address's own.
pub(super) fn check(
    context: &mut Context<'_, '_>,
    node: NodeId,
    name: &str,
    address: IpAddr,
    prefix: Option<u8>,
) -> Option<()> {
    let Some(what) = unusable(address, prefix) else { return Some(()) };
    let span = attribute_span(context, node, name);
    let message = format!("@{name} of <{}>: {address} is {what}", context.view.name(node));
    let help = "write an address that one end of a link can have";
    context.report.push(Diagnostic::error(Code::UnusableIp, span, message).help(help));
    None
}

/// What the address is, where it is none of a link's end. The kernel refuses most of them with EADDRNOTAVAIL or EINVAL,
/// takes 0.0.0.0 without effect (`__inet_insert_ifa`), and takes the broadcast address of a network and 127.0.0.0/8 so
/// that nothing can be sent to them.
fn unusable(address: IpAddr, prefix: Option<u8>) -> Option<&'static str> {
    if address.is_unspecified() {
        return Some("the unspecified address, which stands for none");
    }
    if address.is_multicast() {
        return Some("the address of a group (multicast)");
    }
    if address.is_loopback() {
        return Some("of the loopback device, which every container has");
    }
    match address {
        IpAddr::V4(Ipv4Addr::BROADCAST) => Some("the address of everybody (broadcast)"),
        IpAddr::V4(address) if prefix.is_some_and(|prefix| is_broadcast(address, prefix)) => {
            Some("the broadcast address of its own network")
        }
        _ => None,
    }
}

/// Whether all bits behind the prefix are set. Networks of two addresses or one have no broadcast (RFC 3021).
fn is_broadcast(address: Ipv4Addr, prefix: u8) -> bool {
    let host = u32::MAX.checked_shr(prefix.into()).unwrap_or(0);
    prefix < 31 && address.to_bits() & host == host
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case::unspecified("0.0.0.0", Some(24), false)]
    #[case::unspecified_6("::", Some(64), false)]
    #[case::group("224.0.0.1", None, false)]
    #[case::group_of_an_organisation("239.255.0.1", Some(8), false)]
    #[case::group_6("ff02::1", Some(64), false)]
    #[case::everybody("255.255.255.255", None, false)]
    #[case::loopback("127.0.0.1", Some(8), false)]
    #[case::loopback_6("::1", Some(128), false)]
    #[case::broadcast("10.0.0.255", Some(24), false)]
    #[case::broadcast_of_a_small_network("10.0.0.7", Some(30), false)]
    #[case::no_broadcast_elsewhere("10.0.0.255", Some(16), true)]
    #[case::no_broadcast_of_two("10.0.0.1", Some(31), true)]
    #[case::no_broadcast_of_one("10.0.0.255", Some(32), true)]
    #[case::unknown_network("10.0.0.255", None, true)]
    #[case::everything("10.0.0.1", Some(0), true)]
    #[case::reserved("240.0.0.1", Some(8), true)]
    #[case::link_local("fe80::1", Some(64), true)]
    #[case::any_bits("2001:db8::ffff:ffff:ffff:ffff", Some(64), true)]
    fn an_address_is_of_a_link_or_not(#[case] text: &str, #[case] prefix: Option<u8>, #[case] usable: bool) {
        let address = text.parse().expect("an address");
        assert_eq!(unusable(address, prefix).is_none(), usable);
    }
}
