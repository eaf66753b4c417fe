//! libvirt's network definitions: which bridge or device a network's name stands for
//! (<https://libvirt.org/formatnetwork.html>).

use std::os::fd::AsFd;
use std::path::Path;

use browndog_xml::domain::MacvlanMode;
use nix::errno::Errno;
use quick_xml::events::{BytesStart, Event};

use crate::foreign::{self, Unread};

/// What a network stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Network {
    /// A bridge: one of libvirt's own (`virbr0`), or one of the host's.
    Bridge {
        /// Its name.
        bridge: String,
        /// `<port isolated='yes'/>` of the network.
        isolated: bool,
    },
    /// A device, reached through macvlan.
    Direct {
        /// Its name.
        dev: String,
        /// `<forward mode>`.
        mode: MacvlanMode,
    },
}

/// Where libvirt keeps the networks that are active, and those that are defined.
const DIRECTORIES: [&str; 2] = ["/run/libvirt/network", "/etc/libvirt/qemu/networks"];

/// A definition larger than this is none (bytes).
const DEFINITION_MAX: u64 = 1 << 20;

/// Finds the network of this name; the reason, where there is none that can be used.
pub fn find(name: &str) -> Result<Network, String> {
    if name.contains('/') || name.starts_with('.') {
        return Err(format!("'{name}' is no name of a network"));
    }
    for directory in DIRECTORIES {
        let path = format!("{directory}/{name}.xml");
        let found = foreign::look(Path::new(&path)).map_err(Unread::Errno);
        match found.and_then(|found| foreign::read_text(found.as_fd(), DEFINITION_MAX)) {
            Ok(text) => return read(&text).map_err(|reason| format!("{path}: {reason}")),
            Err(Unread::Errno(Errno::ENOENT)) => {}
            Err(why) => return Err(format!("{path}: {why}")),
        }
    }
    Err(format!("neither {} nor a bridge of that name is there", DIRECTORIES.join(" nor ")))
}

/// Reads a definition, or the status file around one.
pub fn read(text: &str) -> Result<Network, String> {
    let mut definition = Definition::default();
    let mut reader = quick_xml::Reader::from_str(text);
    loop {
        match reader.read_event() {
            Ok(Event::Start(tag) | Event::Empty(tag)) => definition.take(&tag),
            Ok(Event::Eof) => return definition.network(),
            Ok(_) => {}
            Err(error) => return Err(format!("is not well-formed: {error}")),
        }
    }
}

#[derive(Debug, Default)]
struct Definition {
    bridge: Option<String>,
    forward: Option<String>,
    dev: Option<String>,
    isolated: bool,
    switch: Option<String>,
}

impl Definition {
    fn take(&mut self, tag: &BytesStart<'_>) {
        match tag.name().as_ref() {
            "bridge" => self.bridge = attribute(tag, "name").or(self.bridge.take()),
            "forward" => {
                self.forward = Some(attribute(tag, "mode").unwrap_or_else(|| "nat".to_owned()));
                self.dev = attribute(tag, "dev").or(self.dev.take());
            }
            "interface" if self.dev.is_none() => self.dev = attribute(tag, "dev"),
            "port" => self.isolated |= attribute(tag, "isolated").as_deref() == Some("yes"),
            "virtualport" => self.switch = attribute(tag, "type").or(self.switch.take()),
            _ => {}
        }
    }

    fn network(self) -> Result<Network, String> {
        if let Some(switch) = self.switch {
            return Err(format!("its virtualport type='{switch}' is not supported"));
        }
        let mode = self.forward.as_deref().unwrap_or("isolated");
        if let Some(bridge) = self.bridge {
            return Ok(Network::Bridge { bridge, isolated: self.isolated });
        }
        let mode = match mode {
            "bridge" => MacvlanMode::Bridge,
            "private" => MacvlanMode::Private,
            "vepa" => MacvlanMode::Vepa,
            "passthrough" => MacvlanMode::Passthrough,
            other => return Err(format!("it has forward mode='{other}' and no bridge")),
        };
        match self.dev {
            Some(dev) => Ok(Network::Direct { dev, mode }),
            None => Err("it names neither a bridge nor a device".to_owned()),
        }
    }
}

fn attribute(tag: &BytesStart<'_>, name: &str) -> Option<String> {
    let attribute = tag.try_get_attribute(name).ok()??;
    Some(attribute.value.into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case::nat("<network><name>d</name><forward mode='nat'/><bridge name='virbr0' stp='on'/></network>", Ok(Network::Bridge { bridge: "virbr0".into(), isolated: false }))]
    #[case::status("<networkstatus><class_id/><network><bridge name='virbr1'/><port isolated='yes'/></network></networkstatus>", Ok(Network::Bridge { bridge: "virbr1".into(), isolated: true }))]
    #[case::direct("<network><forward mode='vepa'><interface dev='eno1'/><interface dev='eno2'/></forward></network>", Ok(Network::Direct { dev: "eno1".into(), mode: MacvlanMode::Vepa }))]
    #[case::hostdev("<network><forward mode='hostdev'/></network>", Err("it has forward mode='hostdev' and no bridge".to_owned()))]
    #[case::switch("<network><bridge name='ovs'/><virtualport type='openvswitch'/></network>", Err("its virtualport type='openvswitch' is not supported".to_owned()))]
    fn a_definition_names_its_bridge_or_device(#[case] text: &str, #[case] network: Result<Network, String>) {
        assert_eq!(read(text), network);
    }

    #[test]
    fn a_name_with_a_slash_opens_no_file() {
        assert_eq!(find("../../shadow").unwrap_err(), "'../../shadow' is no name of a network");
    }
}
