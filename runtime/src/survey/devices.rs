//! The device nodes that a document names, wherever it names them.

use browndog_xml::domain::{ClockDevice, DiskSource, Domain, HostdevKind, Origin};

use super::usb;

/// A node of the host that the container gets.
#[derive(Clone, Debug)]
pub struct Declared {
    /// Who asked.
    pub origin: Origin,
    /// Where the host has it.
    pub source: Source,
    /// Where the container gets it; where the host has it, without.
    pub target: Option<String>,
    /// What it has to be: a block device, or a character device.
    pub block: bool,
    /// What may be done with it (`rwm`).
    pub access: &'static str,
}

/// How the host's node is found.
#[derive(Clone, Debug)]
pub enum Source {
    /// By its path.
    Path(String),
    /// On the USB bus.
    Usb(usb::Wanted),
}

/// All of them, in a fixed order: a device is known by its place in it.
pub fn declared(domain: &Domain) -> Vec<Declared> {
    let mut list = Vec::new();
    for hostdev in &domain.hostdevs {
        let (origin, source, block) = match &hostdev.kind {
            HostdevKind::Storage(path) => (path.origin, Source::Path(path.value.as_str().to_owned()), true),
            HostdevKind::Misc(path) => (path.origin, Source::Path(path.value.as_str().to_owned()), false),
            HostdevKind::UsbById { vendor, product } => {
                let wanted = usb::Wanted::Id { vendor: vendor.value, product: product.value };
                (hostdev.origin, Source::Usb(wanted), false)
            }
            HostdevKind::UsbByAddress { bus, device } => {
                let wanted = usb::Wanted::Address { bus: bus.value, device: device.value };
                (hostdev.origin, Source::Usb(wanted), false)
            }
            HostdevKind::Net { .. } => continue,
        };
        list.push(Declared { origin, source, target: None, block, access: "rwm" });
    }
    for disk in &domain.disks {
        let DiskSource::Block(path) = &disk.source else { continue };
        let source = Source::Path(path.value.as_str().to_owned());
        let target = Some(format!("/dev/{}", disk.target.value));
        let access = if disk.readonly.is_some() { "rm" } else { "rwm" };
        list.push(Declared { origin: path.origin, source, target, block: true, access });
    }
    for clock in &domain.clock_devices {
        let (path, target) = match clock.value {
            ClockDevice::Rtc => ("/dev/rtc0", "/dev/rtc"),
            ClockDevice::Hpet => ("/dev/hpet", "/dev/hpet"),
        };
        let (source, target) = (Source::Path(path.to_owned()), Some(target.to_owned()));
        list.push(Declared { origin: clock.origin, source, target, block: false, access: "rm" });
    }
    list
}
