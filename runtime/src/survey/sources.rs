//! What was looked up, found again by what it is for.

use std::ops::{Deref, DerefMut};

use super::{Found, Purpose};

/// Sources in the order in which they were looked up. A document may name thousands of file systems and devices:
/// where each of those is, is noted, so that nobody looks through all of them for one.
#[derive(Debug, Default)]
pub struct Sources {
    all: Vec<Found>,
    filesystems: Vec<Option<usize>>,
    devices: Vec<Option<usize>>,
}

impl Sources {
    /// Adds one.
    pub fn push(&mut self, found: Found) {
        let at = self.all.len();
        let noted = match found.purpose {
            Purpose::Filesystem(index) => Some((&mut self.filesystems, index)),
            Purpose::Device(index) => Some((&mut self.devices, index)),
            _ => None,
        };
        if let Some((noted, index)) = noted {
            if noted.len() <= index {
                noted.resize(index + 1, None);
            }
            noted[index] = Some(at);
        }
        self.all.push(found);
    }

    /// The place of what was opened for `purpose`.
    pub fn index(&self, purpose: Purpose) -> Option<usize> {
        match purpose {
            Purpose::Filesystem(index) => self.filesystems.get(index).copied().flatten(),
            Purpose::Device(index) => self.devices.get(index).copied().flatten(),
            _ => self.all.iter().position(|found| found.purpose == purpose),
        }
    }
}

impl Extend<Found> for Sources {
    fn extend<T: IntoIterator<Item = Found>>(&mut self, more: T) {
        more.into_iter().for_each(|found| self.push(found));
    }
}

impl FromIterator<Found> for Sources {
    fn from_iter<T: IntoIterator<Item = Found>>(all: T) -> Self {
        let mut sources = Self::default();
        sources.extend(all);
        sources
    }
}

impl IntoIterator for Sources {
    type Item = Found;
    type IntoIter = std::vec::IntoIter<Found>;

    fn into_iter(self) -> Self::IntoIter {
        self.all.into_iter()
    }
}

impl Deref for Sources {
    type Target = [Found];

    fn deref(&self) -> &Self::Target {
        &self.all
    }
}

impl DerefMut for Sources {
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut self.all
    }
}
