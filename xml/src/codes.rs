//! The stable codes of diagnostics. A number is never given to another meaning.

use std::fmt;

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $number:literal,)*) => {
        /// The stable code of a kind of diagnostic.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[repr(u16)]
        pub enum Code {
            $($(#[$doc])* $name = $number,)*
        }
        impl Code {
            /// Every code, by number.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];
        }
    };
}

codes! {
    /// The bytes are not UTF-8.
    NotUtf8 = 1,
    /// A character that XML does not allow.
    IllegalCharacter = 2,
    /// No root element.
    NoRoot = 3,
    /// A tag that is not one.
    BadTag = 4,
    /// An element that is never closed.
    Unclosed = 5,
    /// An end tag that closes nothing, or something else.
    StrayEndTag = 6,
    /// An attribute that is not NAME='VALUE'.
    BadAttribute = 7,
    /// The same attribute twice.
    DuplicateAttribute = 8,
    /// An `&` that begins no reference.
    BadReference = 9,
    /// A comment that is not one.
    BadComment = 10,
    /// `]]>` outside CDATA, or CDATA that never ends.
    BadCdata = 11,
    /// A processing instruction or XML declaration that is not one, or not there.
    BadInstruction = 12,
    /// A document type declaration.
    Doctype = 13,
    /// Something beside the root element.
    OutsideRoot = 14,
    /// A namespace prefix that is not declared, or declared as what it cannot be.
    BadNamespace = 15,
    /// A bound of the reader.
    Limit = 16,

    /// The root is not `<domain>`.
    NotADomain = 100,
    /// A domain of another driver.
    OtherDriver = 101,

    /// An element that nothing is known of.
    UnknownElement = 200,
    /// An element that belongs elsewhere.
    MisplacedElement = 201,
    /// An attribute that nothing is known of.
    UnknownAttribute = 202,
    /// An element once too often.
    DuplicateElement = 203,
    /// An element that has to be there.
    MissingElement = 204,
    /// An attribute that has to be there.
    MissingAttribute = 205,
    /// Text where only elements may be.
    StrayText = 206,
    /// An element where only text may be.
    ElementInText = 207,
    /// A known element, attribute or value that cannot be had here.
    Refused = 208,
    /// What the libvirt that was asked for does not know yet.
    TooNew = 209,

    /// No value where one is needed.
    EmptyValue = 300,
    /// Not one of the words.
    NotAChoice = 301,
    /// Not a number.
    NotANumber = 302,
    /// A number out of its range.
    OutOfRange = 303,
    /// Not a path that can be used.
    BadPath = 304,
    /// Not a domain's name.
    BadName = 305,
    /// Not a UUID.
    BadUuid = 306,
    /// Not a unit of memory.
    BadUnit = 307,
    /// Not a set of numbers.
    BadIdSet = 308,
    /// Not an Ethernet address.
    BadMac = 309,
    /// Not an IP address.
    BadIp = 310,
    /// Not a netmask.
    BadNetmask = 311,
    /// Not a host name.
    BadHostname = 312,
    /// Not an interface name.
    BadInterfaceName = 313,
    /// Not a user or group.
    BadAccount = 314,
    /// Not TARGET = SOURCE.
    BadMountPair = 315,
    /// Not of the form that is needed.
    BadForm = 316,
    /// An IP address that no link can have.
    UnusableIp = 317,

    /// Nothing to run.
    NothingToRun = 400,
    /// No host name can be made of the name.
    NoHostname = 401,
    /// Two file systems on one target.
    TargetTwice = 402,
    /// An id map that cannot be written.
    BadIdMap = 403,
    /// Values that contradict each other.
    Contradiction = 404,
    /// What this kind of thing needs is not there.
    Incomplete = 405,
    /// An id map onto root of the host.
    MapsHostRoot = 406,

    /// Legal, and without effect.
    Ignored = 500,
    /// Probably not what was meant.
    Suspicious = 501,
    /// Legal, but browndog cannot start it.
    CannotStart = 502,

    /// A conversion: what the target has no words for.
    NotCarried = 600,
    /// A conversion: what the target says otherwise.
    CarriedOtherwise = 601,
    /// A conversion: a setting that does not exist.
    UnknownKey = 602,
    /// A conversion: the source is not what it claims to be.
    BadSource = 603,
}

impl Code {
    /// The number behind `BD`.
    pub const fn number(self) -> u16 {
        self as u16
    }
    /// The code written `BD0007` or `7`.
    pub fn parse(text: &str) -> Option<Self> {
        let digits = text.strip_prefix("BD").or_else(|| text.strip_prefix("bd")).unwrap_or(text);
        let number: u16 = digits.parse().ok()?;
        Self::ALL.iter().copied().find(|code| code.number() == number)
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "BD{:04}", self.number())
    }
}
