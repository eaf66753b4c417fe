//! Names, paths and identifiers.

use std::fmt;

use uuid::Uuid;

use super::ValueError;
use crate::codes::Code;
use crate::limits::QUOTED_BYTES;
use crate::visible::is_hidden;

/// A blank that looks like any other and is none: in a value it is a fault that has to be seen.
const NO_BREAK: char = '\u{A0}';

/// `text` in quotes, cut to what a message can carry, control characters made visible.
pub(crate) fn quoted(text: &str) -> String {
    let mut out = String::from("'");
    let cut = text.floor_char_boundary(QUOTED_BYTES);
    for character in text[..cut].chars() {
        if is_hidden(character) || character == NO_BREAK {
            out.extend(character.escape_default());
        } else {
            out.push(character);
        }
    }
    out.push_str(if cut < text.len() { "…'" } else { "'" });
    out
}

#[cold]
pub(super) fn empty() -> ValueError {
    ValueError::new(Code::EmptyValue, "the value is empty")
}

macro_rules! text_newtype {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(smol_str::SmolStr);
        impl $name {
            /// A checked value of this text.
            pub fn parse(text: &str) -> Result<Self, ValueError> {
                Self::check(text)?;
                Ok(Self(text.into()))
            }
            /// The text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }
        impl std::str::FromStr for $name {
            type Err = ValueError;
            fn from_str(text: &str) -> Result<Self, ValueError> {
                Self::parse(text)
            }
        }
    };
}

text_newtype! {
    /// A domain's name: a file name of at most 251 bytes (`NAME.xml` has to fit) that no tool
    /// misreads: no `/`, no control or invisible character, not `.` or `..`, not blank.
    DomainName
}
text_newtype! {
    /// An absolute path.
    AbsPath
}
text_newtype! {
    /// A host name (RFC 1123): labels of letters, digits and inner dashes, at most 64 bytes
    /// (`HOST_NAME_MAX`).
    Hostname
}
text_newtype! {
    /// A network interface's name: 1 to 15 bytes, no `/`, no white space, not `.` or `..`.
    InterfaceName
}

impl DomainName {
    /// Longest name in bytes: file names end at 255, and `.xml` follows the name.
    const MAX: usize = 251;

    /// Whether `text` is a domain's name.
    pub fn check(text: &str) -> Result<(), ValueError> {
        if text.is_empty() {
            return Err(empty());
        }
        if text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
            && text.len() <= Self::MAX
        {
            return Ok(());
        }
        let fault = if text.len() > Self::MAX {
            format!("the name is {} bytes long", text.len())
        } else if text.contains('/') {
            format!("the name {} contains '/'", quoted(text))
        } else if text == "." || text == ".." {
            format!("the name {} is a directory", quoted(text))
        } else if text.chars().any(|character| is_hidden(character) || character == NO_BREAK) {
            format!("the name {} contains a control or invisible character", quoted(text))
        } else if text.starts_with(char::is_whitespace) || text.ends_with(char::is_whitespace) {
            format!("the name {} begins or ends with white space", quoted(text))
        } else {
            return Ok(());
        };
        Err(ValueError::new(Code::BadName, fault)
            .help("a name is also a file name: at most 251 bytes, printable, without '/' and outer blanks"))
    }
}

impl AbsPath {
    /// Whether `text` is an absolute path.
    pub fn check(text: &str) -> Result<(), ValueError> {
        if text.starts_with('/') && !text.bytes().any(|byte| matches!(byte, 0 | b'\n')) {
            return Ok(());
        }
        Err(path_error(text))
    }
}

#[cold]
fn path_error(text: &str) -> ValueError {
    if text.is_empty() {
        return empty().help("write an absolute path");
    }
    let error = ValueError::new(Code::BadPath, format!("{} is not an absolute path", quoted(text)));
    match text {
        _ if text.starts_with('/') => {
            ValueError::new(Code::BadPath, format!("the path {} contains a line break", quoted(text)))
        }
        _ if text.starts_with(char::is_whitespace) && text.trim_start().starts_with('/') => {
            error.help("remove the white space before the path")
        }
        _ if text.starts_with("file://") => error.help("write the path without 'file://'"),
        _ if text.starts_with("dir:/") => error.help("write the path without lxc's 'dir:' prefix"),
        _ => error.help("a path begins with '/': what it would be relative to is not defined"),
    }
}

pub(super) fn check_file_path(text: &str) -> Result<(), ValueError> {
    AbsPath::check(text)?;
    if text.len() < 2 {
        return Err(ValueError::new(Code::BadPath, "'/' is a directory, a file is needed"));
    }
    Ok(())
}

impl Hostname {
    /// Whether `text` is a host name.
    pub fn check(text: &str) -> Result<(), ValueError> {
        if text.is_empty() {
            return Err(empty());
        }
        let label = |label: &str| {
            !label.is_empty()
                && label.len() <= 63
                && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
                && !label.starts_with('-')
                && !label.ends_with('-')
        };
        if text.len() <= 64 && text.split('.').all(label) {
            return Ok(());
        }
        Err(ValueError::new(Code::BadHostname, format!("{} is not a host name", quoted(text)))
            .help("a host name is at most 64 letters, digits, dashes and dots; no label begins or ends with a dash (RFC 1123)"))
    }

    /// The host name libvirt derives from a domain's name: letters, digits and dashes kept, one
    /// leading dash cut, the kernel's 64 bytes at most. `None` where nothing remains.
    pub fn from_domain_name(name: &str) -> Option<Self> {
        let legal = |character: &char| character.is_ascii_alphanumeric() || *character == '-';
        let kept: String = name.chars().filter(legal).take(65).collect();
        let mut kept = kept.strip_prefix('-').unwrap_or(&kept).to_owned();
        kept.truncate(64);
        (!kept.is_empty()).then(|| Self(kept.into()))
    }
}

impl InterfaceName {
    /// Whether `text` is an interface's name (`dev_valid_name` in the kernel).
    pub fn check(text: &str) -> Result<(), ValueError> {
        let bad = |byte: u8| byte == b'/' || byte == b':' || byte.is_ascii_whitespace() || byte == 0;
        match text {
            "" => Err(empty()),
            "." | ".." => {
                Err(ValueError::new(Code::BadInterfaceName, format!("{} names no interface", quoted(text))))
            }
            _ if text.len() > 15 => Err(ValueError::new(
                Code::BadInterfaceName,
                format!("the interface name {} is {} bytes long", quoted(text), text.len()),
            )
            .help("the kernel allows 15 bytes")),
            _ if text.bytes().any(bad) => Err(ValueError::new(
                Code::BadInterfaceName,
                format!("{} is not an interface name", quoted(text)),
            )
            .help("the kernel refuses '/', ':' and white space in it")),
            _ => Ok(()),
        }
    }
}

/// 32 hexadecimal digits, or groups of 8, 4, 4, 4 and 12 of them with dashes between.
pub(crate) fn parse_uuid(text: &str) -> Result<Uuid, ValueError> {
    let dashed = text.len() == 36;
    if let (true, Ok(uuid)) = (dashed || text.len() == 32, Uuid::try_parse(text)) {
        return Ok(uuid);
    }
    if text.is_empty() {
        return Err(empty().help("leave <uuid> out to have one made"));
    }
    Err(ValueError::new(Code::BadUuid, format!("{} is not a UUID", quoted(text)))
        .help("write 32 hexadecimal digits, as they are or in groups of 8-4-4-4-12"))
}

/// `TARGET = SOURCE`, split at the first ` = `; both absolute, neither with `=` or a line break.
pub(crate) fn split_mount_pair(text: &str) -> Result<(&str, &str), ValueError> {
    let text = text.trim();
    let error = |message: String| {
        ValueError::new(Code::BadMountPair, message)
            .help("write TARGET = SOURCE: the path in the container, ' = ', the path on the host")
    };
    if text.is_empty() {
        return Err(empty());
    }
    let Some((target, source)) = text.split_once(" = ") else {
        return Err(error(format!("{} is not of the form TARGET = SOURCE", quoted(text))));
    };
    let (target, source) = (target.trim(), source.trim());
    for path in [target, source] {
        if path.contains(['=', '\n']) {
            return Err(error(format!("the path {} contains '=' or a line break", quoted(path))));
        }
        AbsPath::check(path)?;
    }
    Ok((target, source))
}
