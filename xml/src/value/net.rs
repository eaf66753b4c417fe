//! Network addresses.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr};

use super::{ValueError, quoted};
use crate::codes::Code;

/// An Ethernet address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct MacAddr([u8; 6]);

impl MacAddr {
    /// The address of these bytes, as it is.
    pub const fn new(bytes: [u8; 6]) -> Self {
        Self(bytes)
    }

    /// `XX:XX:XX:XX:XX:XX`, of one card (the group bit is not set).
    pub fn parse(text: &str) -> Result<Self, ValueError> {
        if text.is_empty() {
            return Err(super::text::empty());
        }
        let mut bytes = [0; 6];
        let form = text.len() == 17
            && text.as_bytes().chunks(3).zip(&mut bytes).all(|(pair, byte)| {
                let digit = |at: usize| (pair[at] as char).to_digit(16);
                match (digit(0), digit(1), pair.get(2)) {
                    (Some(high), Some(low), None | Some(b':')) => {
                        *byte = (high * 16 + low) as u8;
                        true
                    }
                    _ => false,
                }
            });
        if !form {
            return Err(ValueError::new(
                Code::BadMac,
                format!("{} is not an Ethernet address", quoted(text)),
            )
            .help("write six pairs of hexadecimal digits: 52:54:00:12:34:56"));
        }
        if bytes[0] & 1 == 1 {
            return Err(ValueError::new(Code::BadMac, format!("{} is a group address", quoted(text)))
                .help("the second digit has to be even: only such addresses belong to one card"));
        }
        if bytes == [0; 6] {
            return Err(ValueError::new(Code::BadMac, format!("{} is no card's address", quoted(text)))
                .help("leave <mac> out, and one is made"));
        }
        Ok(Self(bytes))
    }

    /// The six bytes.
    pub const fn bytes(self) -> [u8; 6] {
        self.0
    }
}

impl fmt::Display for MacAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, e, g] = self.0;
        write!(f, "{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{g:02x}")
    }
}

impl std::str::FromStr for MacAddr {
    type Err = ValueError;
    fn from_str(text: &str) -> Result<Self, ValueError> {
        Self::parse(text)
    }
}

/// A dotted quad without leading zeroes, or an IPv6 address without zone.
pub(crate) fn parse_ip(text: &str) -> Result<IpAddr, ValueError> {
    if text.is_empty() {
        return Err(super::text::empty().help("write an IPv4 or IPv6 address"));
    }
    text.parse().map_err(|_| {
        let error = ValueError::new(Code::BadIp, format!("{} is not an IP address", quoted(text)));
        if text.contains('/') {
            error.help("the prefix length has its own attribute: prefix='24'")
        } else if text.contains('%') {
            error.help("an address here has no zone: leave '%' and what follows out")
        } else {
            error.help("write 192.0.2.1 or 2001:db8::1")
        }
    })
}

/// A dotted netmask whose ones stand together.
pub(crate) fn parse_netmask(text: &str) -> Result<u8, ValueError> {
    if text.is_empty() {
        return Err(super::text::empty().help("write a netmask such as 255.255.255.0"));
    }
    let error = |message: String| {
        ValueError::new(Code::BadNetmask, message).help("write a netmask such as 255.255.255.0")
    };
    let mask: Ipv4Addr = text.parse().map_err(|_| error(format!("{} is not a netmask", quoted(text))))?;
    prefix_of_netmask(mask)
        .ok_or_else(|| error(format!("{mask} is not a netmask: its ones are not together")))
}

/// How many ones `mask` begins with, if nothing but zeroes follows.
pub fn prefix_of_netmask(mask: Ipv4Addr) -> Option<u8> {
    let bits = mask.to_bits();
    (bits.leading_ones() + bits.trailing_zeros() >= 32).then_some(bits.leading_ones() as u8)
}
