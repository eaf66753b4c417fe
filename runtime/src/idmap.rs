//! Id maps: which ids of a user namespace stand for which of the one around it (user_namespaces(7)).
//!
//! A caller without root who has subordinate ids (subuid(5)) gets them all, through newuidmap(1) and newgidmap(1);
//! any other gets its own id alone.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use nix::libc;
use nix::unistd::{getegid, geteuid};

use crate::sys;

/// Lines of an id map: inside, outside, count.
pub type Map = Vec<[u32; 3]>;

/// The maps that [`crate::exec::rootless::enter`] writes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ids {
    /// User ids.
    pub uid: Map,
    /// Group ids.
    pub gid: Map,
}

impl Ids {
    /// The caller's own alone, as root.
    pub(crate) fn own() -> Self {
        Self { uid: vec![[0, geteuid().as_raw(), 1]], gid: vec![[0, getegid().as_raw(), 1]] }
    }

    /// Whether there are subordinate ids.
    pub(crate) fn has_subordinate(&self) -> bool {
        self.uid.len() > 1
    }
}

pub(crate) const NEWUIDMAP: &str = "/usr/bin/newuidmap";
pub(crate) const NEWGIDMAP: &str = "/usr/bin/newgidmap";

/// What the caller may map: itself as 0, then its subordinate ids from 1 on.
pub fn ids() -> Ids {
    let own = Ids::own();
    // Both or neither: programs expect a group where there is a user of the same number.
    let (uid, gid) = (subordinate("/etc/subuid"), subordinate("/etc/subgid"));
    let runs_as_root =
        |path: &str| fs::metadata(path).is_ok_and(|meta| meta.permissions().mode() & 0o4000 != 0);
    // A set-user-ID program gains nothing where no_new_privs is set.
    let gains = sys::prctl(libc::PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == Ok(0);
    let usable = gains && runs_as_root(NEWUIDMAP) && runs_as_root(NEWGIDMAP);
    if !usable || uid.is_empty() || gid.is_empty() {
        return own;
    }
    let with = |own: Map, ranges: Vec<(u32, u32)>| {
        let mut map = own;
        for (outside, count) in ranges {
            let inside = map.last().map_or(0, |last| last[0] + last[2]);
            map.push([inside, outside, count]);
        }
        map
    };
    Ids { uid: with(own.uid, uid), gid: with(own.gid, gid) }
}

fn subordinate(path: &str) -> Vec<(u32, u32)> {
    let uid = geteuid();
    // Not by getpwuid(3): in a static program the C library would load modules that were not made for it.
    let accounts = fs::read_to_string("/etc/passwd").unwrap_or_default();
    let name = name_of(&accounts, uid.as_raw());
    let text = fs::read_to_string(path).unwrap_or_default();
    ranges_of(&text, name, uid.as_raw())
}

/// Lines `NAME:FIRST:COUNT`, by name or by number (subuid(5)).
fn ranges_of(text: &str, name: Option<&str>, uid: u32) -> Vec<(u32, u32)> {
    let number = uid.to_string();
    let lines = text.lines().filter_map(|line| {
        let mut fields = line.split(':');
        let owner = fields.next()?;
        let mine = Some(owner) == name || owner == number;
        let range = (fields.next()?.trim().parse().ok()?, fields.next()?.trim().parse().ok()?);
        mine.then_some(range).filter(|(_, count)| *count > 0)
    });
    lines.take(RANGES_MAX).collect()
}

/// The kernel takes 340 lines; nobody has so many.
const RANGES_MAX: usize = 32;

/// The name of an account (passwd(5)).
fn name_of(accounts: &str, uid: u32) -> Option<&str> {
    accounts.lines().find_map(|line| {
        let (name, rest) = line.split_once(':')?;
        (rest.split(':').nth(1)?.parse() == Ok(uid)).then_some(name)
    })
}

/// `inside outside count` lines (user_namespaces(7)).
pub(crate) fn map_text(lines: &[[u32; 3]]) -> String {
    lines.iter().map(|[inside, outside, count]| format!("{inside} {outside} {count}\n")).collect()
}

/// The maps of the namespace that this process is in.
pub fn current() -> Ids {
    let read = |path: &str| parse_map(&fs::read_to_string(Path::new(path)).unwrap_or_default());
    Ids { uid: read("/proc/self/uid_map"), gid: read("/proc/self/gid_map") }
}

fn parse_map(text: &str) -> Map {
    let line = |line: &str| {
        let mut numbers = line.split_ascii_whitespace().map(str::parse);
        Some([numbers.next()?.ok()?, numbers.next()?.ok()?, numbers.next()?.ok()?])
    };
    text.lines().filter_map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn subordinate_ids_are_found_by_name_and_by_number() {
        let text = "root:100000:65536\nann:200000:65536\nbad\n1000:300000:10\nann:x:1\n1000:7:0\n";
        assert_eq!(ranges_of(text, Some("ann"), 1000), [(200_000, 65_536), (300_000, 10)]);
        assert_eq!(ranges_of(text, None, 5), []);
    }
}
