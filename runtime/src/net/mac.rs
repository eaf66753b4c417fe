//! Ethernet addresses for links whose document gives none.

use std::collections::HashSet;

use browndog_xml::domain::{Domain, Interface, InterfaceKind, MacvlanMode};
use browndog_xml::value::MacAddr;

/// The prefix of the addresses that libvirt makes (`virDomainNetGenerateMAC`): local, of one card.
const PREFIX: [u8; 3] = [0x52, 0x54, 0x00];

/// The address of each interface of `domain`, in its order: the one that the document gives, else one that follows from
/// `seed` and the interface's place, the same at every start. `None` for a macvlan in passthrough mode, which has its
/// device's.
pub fn of_interfaces(domain: &Domain, seed: &str) -> Vec<Option<MacAddr>> {
    let given = domain.interfaces.iter().filter_map(|interface| interface.mac.as_ref());
    let mut taken: HashSet<MacAddr> = given.map(|mac| mac.value).collect();
    let each = domain.interfaces.iter().enumerate();
    each.map(|(place, interface)| match &interface.mac {
        Some(mac) => Some(mac.value),
        None => is_made(interface).then(|| {
            let mut made = (place..).step_by(PLACES).map(|place| derived(seed, place));
            let free = made.find(|mac| !taken.contains(mac)).unwrap_or_else(|| derived(seed, place));
            let _new = taken.insert(free);
            free
        }),
    })
    .collect()
}

/// More than a document has interfaces.
const PLACES: usize = 1 << 20;

fn is_made(interface: &Interface) -> bool {
    !matches!(&interface.kind, InterfaceKind::Direct { mode, .. } if mode.value == MacvlanMode::Passthrough)
}

/// What addresses of a domain follow from: its uuid, which a definition and a domain in the background have; else the name
/// of this start.
pub fn seed(domain: &Domain, instance: &str) -> String {
    domain.uuid.as_ref().map_or_else(|| instance.to_owned(), |uuid| uuid.value.to_string())
}

fn derived(seed: &str, place: usize) -> MacAddr {
    let [a, b, c] = PREFIX;
    let [x, y, z, ..] = super::spread(seed, place).to_le_bytes();
    MacAddr::new([a, b, c, x, y, z])
}

#[cfg(test)]
mod tests {
    use super::*;
    use browndog_xml::source::Source;

    fn domain(interfaces: &str) -> Domain {
        let text = format!(
            "<domain type='lxc'><name>a</name><memory>65536</memory><os><type>exe</type><init>/bin/true</init></os>\
             <devices>{interfaces}</devices></domain>"
        );
        browndog_xml::read(&Source::new("test", text)).domain.expect("a valid document")
    }

    #[test]
    fn every_interface_has_an_address_of_its_own_and_the_same_again() {
        let one = "<interface type='bridge'><source bridge='br0'/></interface>";
        let domain = domain(&one.repeat(200));
        let made = of_interfaces(&domain, "seed");
        assert_eq!(made, of_interfaces(&domain, "seed"));
        assert_ne!(made, of_interfaces(&domain, "other"));
        let different: HashSet<_> = made.iter().flatten().collect();
        assert_eq!(different.len(), 200);
        assert!(different.iter().all(|mac| mac.to_string().starts_with("52:54:00:")));
    }

    #[test]
    fn a_written_address_stays_and_is_nobody_elses() {
        let first =
            of_interfaces(&domain("<interface type='bridge'><source bridge='br0'/></interface>"), "s");
        let first = first[0].expect("an address");
        let two = domain(&format!(
            "<interface type='bridge'><source bridge='br0'/></interface>\
             <interface type='bridge'><source bridge='br0'/><mac address='{first}'/></interface>"
        ));
        let both = of_interfaces(&two, "s");
        assert_eq!(both[1], Some(first));
        assert!(both[0].is_some_and(|mac| mac != first));
    }

    #[test]
    fn a_device_that_is_passed_through_keeps_its_address() {
        let passed = domain("<interface type='direct'><source dev='e0' mode='passthrough'/></interface>");
        assert_eq!(of_interfaces(&passed, "s"), [None]);
    }
}
