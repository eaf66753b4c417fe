//! Checked values: a grammar, a parse and a display each.

mod account;
mod capability;
mod family;
mod idset;
mod net;
mod number;
mod pattern;
mod size;
mod text;

pub use capability::Capability;
pub use family::SocketFamily;
pub use idset::IdSet;
pub use net::{MacAddr, prefix_of_netmask};
pub use pattern::Pattern;
pub use size::{bytes_in_unit, parse_size};
pub use text::{AbsPath, DomainName, Hostname, InterfaceName};

/// The mode of the top directory of a file system in memory: tmpfs's own, and libvirt's.
pub const RAM_MODE: u32 = 0o1777;

pub(crate) use account::parse_account;
pub(crate) use net::parse_ip;
pub(crate) use number::{parse_i64, parse_u64};
pub(crate) use text::{parse_uuid, quoted};

use crate::codes::Code;

/// The type of an attribute's value or of an element's text.
#[derive(Clone, Copy, Debug)]
pub enum Value {
    /// Any text, also none.
    Text,
    /// Any text, but some.
    NonEmpty,
    /// One of these words.
    Choice(&'static [&'static str]),
    /// No text.
    Empty,
    /// What any of these types allows.
    OneOf(&'static [Value]),
    /// A decimal number without sign, in these bounds.
    Unsigned(u64, u64),
    /// A decimal number, in these bounds.
    Integer(i64, i64),
    /// A text of this form.
    Pattern(&'static Pattern),
    /// A domain's name.
    DomainName,
    /// A UUID, with or without dashes.
    Uuid,
    /// An absolute path.
    AbsPath,
    /// An absolute path that names something below the root.
    AbsFilePath,
    /// A unit of memory: `KiB`, `MB` and so on.
    Unit,
    /// A set of small numbers: `0-3,5,^2`.
    IdSet,
    /// The address of one Ethernet card.
    MacAddr,
    /// An IPv4 or IPv6 address.
    Ip,
    /// An IPv4 netmask in dotted form.
    Netmask,
    /// A host name (RFC 1123).
    Hostname,
    /// The name of a network interface in the container or on the host.
    InterfaceName,
    /// A user or group: a name or `+N`.
    Account,
    /// `TARGET = SOURCE`, as the RFC wrote mounts.
    MountPair,
}

/// Why a text is not a value of its type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ValueError {
    /// The stable code.
    pub code: Code,
    /// What is wrong, to follow the value: `'x' is not …`.
    pub message: String,
    /// What to write instead.
    pub help: Option<String>,
}

impl ValueError {
    pub(crate) fn new(code: Code, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), help: None }
    }
    pub(crate) fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }
}

impl std::fmt::Display for ValueError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.message)
    }
}
impl std::error::Error for ValueError {}

impl Value {
    /// Whether `text` is such a value.
    pub fn check(&self, text: &str) -> Result<(), ValueError> {
        match *self {
            Self::Text => Ok(()),
            Self::NonEmpty if text.is_empty() => Err(text::empty()),
            Self::NonEmpty => Ok(()),
            Self::Choice(words) => check_choice(words, text),
            Self::Empty if text.is_empty() => Ok(()),
            Self::Empty => {
                Err(ValueError::new(Code::BadForm, format!("{} stands where nothing may be", quoted(text))))
            }
            Self::OneOf(types) => check_one_of(types, text),
            Self::Unsigned(low, high) => number::check_unsigned(text, low, high),
            Self::Integer(low, high) => number::check_integer(text, low, high),
            Self::Pattern(pattern) => pattern.check(text),
            Self::DomainName => DomainName::check(text),
            Self::Uuid => parse_uuid(text).map(drop),
            Self::AbsPath => AbsPath::check(text),
            Self::AbsFilePath => text::check_file_path(text),
            Self::Unit => size::check_unit(text),
            Self::IdSet => IdSet::parse(text).map(drop),
            Self::MacAddr => MacAddr::parse(text).map(drop),
            Self::Ip => parse_ip(text).map(drop),
            Self::Netmask => net::parse_netmask(text).map(drop),
            Self::Hostname => Hostname::check(text),
            Self::InterfaceName => InterfaceName::check(text),
            Self::Account => parse_account(text).map(drop),
            Self::MountPair => text::split_mount_pair(text).map(drop),
        }
    }
}

pub(crate) use net::parse_netmask;
pub(crate) use text::split_mount_pair;

fn check_choice(words: &[&str], text: &str) -> Result<(), ValueError> {
    if words.contains(&text) {
        return Ok(());
    }
    Err(choice_error(words, text))
}

#[cold]
fn choice_error(words: &[&str], text: &str) -> ValueError {
    let message = if text.is_empty() {
        "the value is empty".to_owned()
    } else {
        format!("{} is not one of the values allowed here", quoted(text))
    };
    let near = crate::nearest::nearest(text, words.iter().copied());
    let list = match words {
        [only] => format!("the only value is '{only}'"),
        _ if words.len() <= 16 => format!("the values are {}", words.join(", ")),
        _ => format!("there are {} values, from {} to {}", words.len(), words[0], words[words.len() - 1]),
    };
    let help = near.map_or_else(|| list.clone(), |near| format!("did you mean '{near}'? {list}"));
    let code = if text.is_empty() { Code::EmptyValue } else { Code::NotAChoice };
    ValueError::new(code, message).help(help)
}

/// The first type that the text is of, else the complaint of the first type.
fn check_one_of(types: &[Value], text: &str) -> Result<(), ValueError> {
    let mut complaint = Ok(());
    for value in types {
        match value.check(text) {
            Ok(()) => return Ok(()),
            Err(error) if complaint.is_ok() => complaint = Err(error),
            Err(_) => {}
        }
    }
    complaint
}
