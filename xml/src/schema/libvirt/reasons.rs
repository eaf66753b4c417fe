//! Why something that libvirt knows has no effect here, or cannot be had.

pub(super) const PRESENT: &str = "what a start needs has to be there";
pub(super) const NODE: &str =
    "a disk of a container is a node of the host's device, with the host's caches and queues";
pub(super) const CLOCK: &str = "a container has the host's clocks";
pub(super) const NOTHING: &str = "nothing in a container depends on it";
pub(super) const MACHINE: &str = "it is part of a virtual machine, a container has none";
pub(super) const KERNEL: &str = "the kernel is the host's and runs already";
pub(super) const BUS: &str = "a container has no bus to put devices on";
pub(super) const ALIAS: &str = "aliases are for libvirt's own use";
pub(super) const BOOT: &str = "nothing boots from a device in a container";
pub(super) const CPU: &str = "a container runs on the host's CPUs as they are";
pub(super) const VIRTIO: &str = "there is no virtio in a container";
pub(super) const TRAFFIC: &str = "browndog leaves a link's timing to the kernel";
pub(super) const FILTER: &str =
    "browndog filters no traffic, and a container without its filter is open: filter at its bridge";
pub(super) const VLAN: &str = "browndog tags no frames, and without its tag the container is in another network: name a bridge of that VLAN";
pub(super) const FLOOR: &str =
    "it is a share of a whole network's bandwidth, and links are bounded one by one";
pub(super) const SWITCH: &str = "browndog does not program switches";
pub(super) const HOSTFS: &str = "files are shared as the host has them";
pub(super) const OUTPUT: &str = "it is output of libvirt";
pub(super) const PTY: &str = "the terminals of a container are its consoles";
pub(super) const SCREEN: &str = "a container has no screen";
pub(super) const INPUT: &str = "a container has no keyboard or mouse, and libvirt's driver refuses them";
pub(super) const NO_LINK: &str = "there is no such link into a container";
pub(super) const NO_BUS: &str = "a container has no bus to give it on";
pub(super) const USERNET: &str = "there is no such link into a container: the interface is not made";
pub(super) const CIPHER: &str = "it is for a volume that is to be made, and libvirt's driver refuses it";
pub(super) const OTHER: &str = "it is for another driver of libvirt";
