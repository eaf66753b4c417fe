//! `<interface>`: the kinds that only an emulator can give.

use super::interface::TRUST;
use super::interface_parts::parts;
use super::{interface_source as source, reasons};
use crate::schema::{Element, Support, element, maybe, once, required};
use crate::value::Value;

macro_rules! emulated {
    ([$($word:literal),*], [$($source:expr)?], $doc:literal) => {
        Element {
            attributes: &[required("type", Value::Choice(&[$($word),*])), TRUST],
            content: parts![$($source)?],
            support: Support::CannotStart(reasons::NO_LINK),
            doc: $doc,
            ..element("interface")
        }
    };
}

pub(super) static VHOSTUSER: Element =
    emulated!(["vhostuser"], [maybe(&source::VHOSTUSER)], "a card that another process drives by a socket");
pub(super) static USER: Element =
    emulated!(["user"], [maybe(&source::USER)], "a network that a program of the user's imitates");
pub(super) static INTERNAL: Element =
    emulated!(["internal"], [once(&source::INTERNAL)], "a network that only guests are in");
pub(super) static MCAST: Element =
    emulated!(["mcast", "client"], [once(&source::TUNNEL)], "a tunnel to a multicast group, or to a server");
pub(super) static UDP: Element = emulated!(["udp"], [once(&source::UDP)], "a tunnel of UDP packets");
pub(super) static SERVER: Element =
    emulated!(["server"], [once(&source::SERVER)], "the end of a tunnel that waits for the other");
pub(super) static VDPA: Element =
    emulated!(["vdpa"], [once(&source::VDPA)], "a vDPA device of the host as a card");
pub(super) static NULL: Element = emulated!(["null"], [], "a card that is connected to nothing");
pub(super) static VDS: Element = emulated!(["vds"], [once(&source::VDS)], "a port of VMware's switch");
