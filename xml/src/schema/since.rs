//! Which libvirt was the first to have something.

use std::fmt;
use std::str::FromStr;

use super::{Attribute, Element};

/// A release of libvirt: its first two numbers, which tell what its schema holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Version(pub u16, pub u16);

/// The libvirt that rows without a version are as old as, or older than.
pub const OLDEST: Version = Version(9, 0);
/// The newest libvirt that the tables were held against.
pub const NEWEST: Version = Version(12, 8);

/// Words of a value that came later than what they are a value of.
pub type Newer = &'static [(Version, &'static [&'static str])];

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.0, self.1)
    }
}

/// Not a version of libvirt's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BadVersion;

impl fmt::Display for BadVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a version is written 9.0, 11.3 or 12.8.0")
    }
}
impl std::error::Error for BadVersion {}

impl FromStr for Version {
    type Err = BadVersion;
    fn from_str(text: &str) -> Result<Self, BadVersion> {
        let mut parts = text.split('.');
        let mut number = || parts.next().map(str::parse::<u16>);
        match (number(), number(), number(), number()) {
            (Some(Ok(major)), Some(Ok(minor)), None | Some(Ok(_)), None) => Ok(Self(major, minor)),
            _ => Err(BadVersion),
        }
    }
}

/// An attribute that this libvirt was the first to have.
pub const fn since(version: Version, attribute: Attribute) -> Attribute {
    Attribute { since: Some(version), ..attribute }
}

/// An attribute with words that came later than itself.
pub const fn with_newer(newer: Newer, attribute: Attribute) -> Attribute {
    Attribute { newer, ..attribute }
}

fn word_since(newer: Newer, word: &str) -> Option<Version> {
    newer.iter().find(|(_, words)| words.contains(&word)).map(|(version, _)| *version)
}

impl Attribute {
    /// Which libvirt was the first to take this word here, where that is newer than [`OLDEST`].
    pub fn since_of(&self, word: &str) -> Option<Version> {
        word_since(self.newer, word).or(self.since)
    }
}

impl Element {
    /// Which libvirt was the first to take this word as its text, where that is newer than [`OLDEST`].
    pub fn since_of(&self, word: &str) -> Option<Version> {
        word_since(self.newer, word).or(self.since)
    }
}
