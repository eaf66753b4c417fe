//! `<devices>` of a container domain, in libvirt's order.

use super::{Content, Element, Support, element, libvirt, many, maybe, text};
use crate::value::Value;

/// The devices.
pub static DEVICES: Element = Element {
    content: Content::Children(&[
        maybe(&EMULATOR),
        many(libvirt::DEVICE_DISK),
        many(libvirt::DEVICE_CONTROLLER),
        many(libvirt::DEVICE_LEASE),
        many(libvirt::DEVICE_FILESYSTEM),
        many(libvirt::DEVICE_INTERFACE),
        many(libvirt::DEVICE_SMARTCARD),
        many(libvirt::DEVICE_SERIAL),
        many(libvirt::DEVICE_PARALLEL),
        many(libvirt::DEVICE_CONSOLE),
        many(libvirt::DEVICE_CHANNEL),
        many(libvirt::DEVICE_INPUT),
        many(libvirt::DEVICE_TPM),
        many(libvirt::DEVICE_GRAPHICS),
        many(libvirt::DEVICE_SOUND),
        many(libvirt::DEVICE_AUDIO),
        many(libvirt::DEVICE_VIDEO),
        many(libvirt::DEVICE_HOSTDEV),
        many(libvirt::DEVICE_REDIRDEV),
        many(libvirt::DEVICE_REDIRFILTER),
        many(libvirt::DEVICE_HUB),
        many(libvirt::DEVICE_WATCHDOG),
        maybe(libvirt::DEVICE_MEMBALLOON),
        many(libvirt::DEVICE_RNG),
        maybe(libvirt::DEVICE_NVRAM),
        many(libvirt::DEVICE_PANIC),
        many(libvirt::DEVICE_SHMEM),
        many(libvirt::DEVICE_MEMORY),
        many(libvirt::DEVICE_IOMMU),
        maybe(libvirt::DEVICE_VSOCK),
        many(libvirt::DEVICE_CRYPTO),
        maybe(libvirt::DEVICE_PSTORE),
    ]),
    doc: "what it is connected to",
    ..element("devices")
};

static EMULATOR: Element = Element {
    support: Support::Ignored("nothing but browndog itself stands behind a container here"),
    doc: "libvirt's container controller",
    ..text("emulator", Value::AbsFilePath)
};
