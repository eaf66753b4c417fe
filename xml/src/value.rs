//! Checked values, one newtype each.

use std::ops::RangeInclusive;

macro_rules! text_newtype {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(pub(crate) String);
        impl $name {
            /// The text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }
        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

text_newtype! {
    /// A domain's name.
    DomainName
}
text_newtype! {
    /// An absolute path.
    AbsPath
}
text_newtype! {
    /// A host name (RFC 1123).
    Hostname
}
text_newtype! {
    /// A network interface's name: 1 to 15 bytes.
    InterfaceName
}

/// A set of small numbers: CPUs or NUMA nodes.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct IdSet(pub(crate) Vec<RangeInclusive<u32>>);

/// An Ethernet address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct MacAddr(pub [u8; 6]);

/// A capability, by the kernel's number (linux/capability.h).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Capability(pub u8);
#[allow(missing_docs)]
impl Capability {
    pub const ALL: &[Capability] = &[];
    pub fn name(self) -> &'static str {
        ""
    }
}
