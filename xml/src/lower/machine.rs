//! What libvirt's driver asks of devices that only a machine has: addresses that fit and are given out once.

use super::driver::refuse;
use super::{Context, Draft, number};
use crate::codes::Code;
use crate::tree::NodeId;
use crate::value::quoted;

/// An attribute of a child.
pub(super) fn part<'a>(
    context: &Context<'a, '_>,
    node: NodeId,
    child: &str,
    attribute: &str,
) -> Option<&'a str> {
    let child = context.view.child(node, child)?;
    context.view.attribute(child, attribute).map(|(text, _)| text)
}

/// A number of an address as libvirt reads it: hexadecimal with `0x`, and 0 where nothing is said.
fn digits(text: Option<&str>) -> u64 {
    let text = text.unwrap_or("0");
    let read = |text: &str, radix| u64::from_str_radix(text, radix).unwrap_or_default();
    text.strip_prefix("0x").map_or_else(|| read(text, 10), |hexadecimal| read(hexadecimal, 16))
}

/// The bus of a disk: what it says, or what its name says.
fn bus<'a>(context: &Context<'a, '_>, target: NodeId, dev: &str) -> &'a str {
    if let Some((bus, _)) = context.view.attribute(target, "bus") {
        return bus;
    }
    match dev.get(..2) {
        Some("hd") => "ide",
        Some("fd") => "fdc",
        Some("sd") => "scsi",
        Some("vd") => "virtio",
        _ => "",
    }
}

/// A disk's address is of its bus, and its own; its secrets stand in one place.
pub(super) fn disk(draft: &mut Draft, context: &mut Context<'_, '_>, node: NodeId) {
    secrets(context, node);
    let view = context.view;
    let (Some(target), Some(address)) = (view.child(node, "target"), view.child(node, "address")) else {
        return;
    };
    let Some((dev, _)) = view.attribute(target, "dev") else { return };
    let bus = bus(context, target, dev);
    let Some((kind, place)) = view.attribute(address, "type") else { return };
    let fits = match bus {
        "ide" | "fdc" | "scsi" | "sata" => kind == "drive",
        // Of the other buses the driver takes any.
        _ => true,
    };
    if !fits {
        let message = format!("a disk on the bus '{bus}' has no address of type {}", quoted(kind));
        refuse(context, Code::Contradiction, place, message);
    } else if kind == "drive" {
        let of = |name| digits(view.attribute(address, name).map(|(text, _)| text));
        let key = format!("{bus}:{}:{}:{}:{}", of("controller"), of("bus"), of("target"), of("unit"));
        let message = format!("another disk on the bus '{bus}' has this address");
        draft.unique(context, "address of a disk", &key, view.span(address), message);
    }
}

fn secrets(context: &mut Context<'_, '_>, node: NodeId) {
    let view = context.view;
    let source = view.child(node, "source");
    let inner = |name| source.and_then(|source| view.child(source, name));
    for name in ["auth", "encryption"] {
        if let (Some(outer), Some(_)) = (view.child(node, name), inner(name)) {
            let message = format!("<{name}> stands in <source> as well: one of the two");
            refuse(context, Code::Contradiction, view.span(outer), message);
        }
    }
    let protocol = source.and_then(|source| view.attribute(source, "protocol")).map(|(protocol, _)| protocol);
    let wanted = match protocol {
        Some("iscsi") => "iscsi",
        Some("rbd") => "ceph",
        _ => return,
    };
    for auth in [view.child(node, "auth"), inner("auth")].into_iter().flatten() {
        let secret = view.child(auth, "secret").and_then(|secret| view.attribute(secret, "type"));
        if let Some((kind, place)) = secret
            && kind != wanted
        {
            let message = format!("the secret of this protocol is of type '{wanted}', not {}", quoted(kind));
            refuse(context, Code::Contradiction, place, message);
        }
    }
}

/// What names a device of the host that only a machine can be given.
pub(super) fn hostdev(context: &Context<'_, '_>, source: NodeId, kind: &str) -> Option<String> {
    let address = |name| part(context, source, "address", name);
    match kind {
        "pci" => {
            let of = |name| digits(address(name));
            Some(format!("{}:{}:{}.{}", of("domain"), of("bus"), of("slot"), of("function")))
        }
        "mdev" => address("uuid").map(str::to_ascii_lowercase),
        "scsi" => {
            let adapter = part(context, source, "adapter", "name")?;
            let of = |name| digits(address(name));
            Some(format!("{adapter}:{}:{}:{}", of("bus"), of("target"), of("unit")))
        }
        _ => None,
    }
}

/// Controllers of a kind have different numbers; who has none gets the first that is free when it is read.
/// Those of USB share one: they are faces of one controller.
pub(super) fn controller(draft: &mut Draft, context: &mut Context<'_, '_>, node: NodeId) {
    let view = context.view;
    let Some((kind, _)) = view.attribute(node, "type").filter(|&(kind, _)| kind != "usb") else { return };
    let key = |index: u64| format!("{kind} {index}");
    let (index, place) = match view.attribute(node, "index") {
        Some((text, place)) => match number(text) {
            Ok(index) => (index, place),
            Err(_) => return,
        },
        None => {
            let free = draft.whole.controllers.get_or_insert_default().entry(kind.to_owned()).or_default();
            let seen = draft.whole.seen.as_ref();
            while seen.is_some_and(|seen| seen.contains_key(&("controller", key(*free)))) {
                *free += 1;
            }
            (*free, view.span(node))
        }
    };
    let message = format!("two controllers of type '{kind}' have the number {index}");
    draft.unique(context, "controller", &key(index), place, message);
}

/// One video device is the first.
pub(super) fn video(draft: &mut Draft, context: &mut Context<'_, '_>, node: NodeId) {
    let view = context.view;
    let Some(model) = view.child(node, "model") else { return };
    if let Some(("yes", place)) = view.attribute(model, "primary") {
        draft.unique(context, "video", "primary", place, "two video devices are primary".to_owned());
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use crate::read;
    use crate::source::Source;

    fn said(devices: &str) -> String {
        let text = format!(
            "<domain type='lxc'>\n<name>a</name><memory>65536</memory><os><type>exe</type><init>/i</init></os>\n\
             <devices>\n{devices}\n</devices>\n</domain>"
        );
        let source = Source::new("machine.xml", text);
        let reading = read(&source);
        let line = |it: &crate::report::Diagnostic| source.position(it.span.start).line;
        reading
            .report
            .errors()
            .map(|it| format!("{} {}", line(it), it.message))
            .collect::<Vec<_>>()
            .join("\n")
    }

    const DISK: &str = "<disk type='file'><source file='/a'/><target dev='";

    #[rstest]
    #[case::by_its_name(
        "sda'/><address type='pci' domain='0' bus='0' slot='4' function='0'/></disk>",
        "4 a disk on the bus 'scsi' has no address of type 'pci'"
    )]
    #[case::by_its_bus(
        "hda' bus='sata'/><address type='pci' domain='0' bus='0' slot='4' function='0'/></disk>",
        "4 a disk on the bus 'sata' has no address of type 'pci'"
    )]
    #[case::right(
        "sda' bus='sata'/><address type='drive' controller='0' bus='0' target='0' unit='0'/></disk>",
        ""
    )]
    #[case::virtio(
        "vda' bus='virtio'/><address type='pci' domain='0' bus='0' slot='4' function='0'/></disk>",
        ""
    )]
    fn the_address_of_a_disk_is_of_its_bus(#[case] rest: &str, #[case] expected: &str) {
        assert_eq!(said(&format!("{DISK}{rest}")), expected);
    }

    #[rstest]
    #[case::same("sda", "0x0", "sdb", "0", "5 another disk on the bus 'scsi' has this address")]
    #[case::other("sda", "0", "sdb", "1", "")]
    #[case::other_bus("sda", "0", "hdb", "0", "")]
    fn no_two_disks_have_one_address(
        #[case] first: &str,
        #[case] one: &str,
        #[case] second: &str,
        #[case] two: &str,
        #[case] expected: &str,
    ) {
        let one = one.trim_start_matches("0x");
        let disk =
            |dev, unit| format!("{DISK}{dev}'/><address type='drive' controller='0' unit='{unit}'/></disk>");
        assert_eq!(said(&format!("{}\n{}", disk(first, one), disk(second, two))), expected);
    }

    const PCI: &str =
        "<hostdev mode='subsystem' type='pci'><source><address domain='0x0000' bus='0x06' slot='";

    #[test]
    fn no_device_of_the_host_is_given_twice() {
        let pci = |slot| format!("{PCI}{slot}' function='0x0'/></source></hostdev>");
        assert_eq!(
            said(&format!("{}\n{}", pci("0x12"), pci("18"))),
            "5 this device of the host is given a second time"
        );
        assert_eq!(said(&format!("{}\n{}", pci("0x12"), pci("0x13"))), "");
    }

    #[rstest]
    #[case::twice(
        "<controller type='pci' index='1' model='pci-bridge'/>\n<controller type='pci' index='1' model='pci-bridge'/>",
        "5 two controllers of type 'pci' have the number 1"
    )]
    #[case::companions(
        "<controller type='usb' index='0' model='ich9-ehci1'/>\n<controller type='usb' index='0' model='ich9-uhci1'><master startport='0'/></controller>",
        ""
    )]
    #[case::implied(
        "<controller type='scsi'/>\n<controller type='scsi' index='0'/>",
        "5 two controllers of type 'scsi' have the number 0"
    )]
    #[case::free(
        "<controller type='scsi' index='0'/>\n<controller type='scsi'/>\n<controller type='scsi'/>",
        ""
    )]
    #[case::kinds("<controller type='usb' index='0'/>\n<controller type='scsi' index='0'/>", "")]
    #[case::primary(
        "<video><model type='vga' primary='yes'/></video>\n<video><model type='vga' primary='yes'/></video>",
        "5 two video devices are primary"
    )]
    #[case::one_primary(
        "<video><model type='vga' primary='yes'/></video>\n<video><model type='qxl'/></video>",
        ""
    )]
    #[case::secret(
        "<disk type='network'><source protocol='rbd' name='a/b'/>\n<auth username='u'><secret type='iscsi' usage='x'/></auth><target dev='vda'/></disk>",
        "5 the secret of this protocol is of type 'ceph', not 'iscsi'"
    )]
    #[case::secrets(
        "<disk type='network'><source protocol='rbd' name='a/b'><auth username='u'><secret type='ceph' usage='x'/></auth></source>\n<auth username='u'><secret type='ceph' usage='x'/></auth><target dev='vda'/></disk>",
        "5 <auth> stands in <source> as well: one of the two"
    )]
    #[case::cipher(
        "<disk type='file'><source file='/a'/><target dev='vda'/><encryption format='luks'><secret type='passphrase' usage='x'/>\n<cipher name='aes' size='256' mode='cbc' hash='sha256'/></encryption></disk>",
        "5 <cipher> is not supported: it is for a volume that is to be made, and libvirt's driver refuses it"
    )]
    fn what_the_driver_refuses_is_refused(#[case] devices: &str, #[case] expected: &str) {
        assert_eq!(said(devices), expected);
    }
}
