//! What nobody has taken: the proof that nothing is left out in silence.

use std::collections::HashSet;

use serde_json::Value;

use crate::convert::is_below;
use crate::convert::json::escaped;

/// Pointers to what was carried, or is so anyway.
#[derive(Default)]
pub(super) struct Taken {
    pointers: HashSet<String>,
    /// What is above them, the whole text left out.
    above: HashSet<String>,
}

impl Taken {
    pub(super) fn take(&mut self, pointer: impl Into<String>) {
        let pointer = pointer.into();
        let mut part = pointer.as_str();
        while let Some((above, _)) = part.rsplit_once('/').filter(|(above, _)| !above.is_empty()) {
            // What is above one that is there is there.
            if self.above.contains(above) || !self.above.insert(above.to_owned()) {
                break;
            }
            part = above;
        }
        // Taken twice is taken.
        let _new = self.pointers.insert(pointer);
    }

    /// The outermost values that were not taken, by pointer, in the order of the keys.
    pub(super) fn leftover(&self, value: &Value) -> Vec<String> {
        let mut found = Vec::new();
        self.walk(value, String::new(), &mut found);
        found
    }

    fn walk(&self, value: &Value, pointer: String, found: &mut Vec<String>) {
        if self.pointers.contains(&pointer) {
            return;
        }
        let below = format!("{pointer}/");
        let some = pointer.is_empty() || self.above.contains(&pointer);
        match value {
            Value::Object(members) if some => {
                for (key, member) in members {
                    self.walk(member, format!("{below}{}", escaped(key)), found);
                }
            }
            Value::Array(entries) if some => {
                for (index, entry) in entries.iter().enumerate() {
                    self.walk(entry, format!("{below}{index}"), found);
                }
            }
            Value::Object(members) if members.is_empty() => {}
            Value::Array(entries) if entries.is_empty() => {}
            _ => found.push(pointer),
        }
    }
}

/// Why a value is not carried: by the pointer it begins with, `*` for an index.
const REASONS: &[(&str, &str)] = &[
    ("/annotations", "it is for other programs"),
    ("/domainname", "there is no NIS domain name"),
    ("/hooks", "no program of the host runs when a container starts or ends"),
    ("/process/capabilities", "the first process has one set of capabilities"),
    ("/process/oomScoreAdj", "it is not set in a container's document"),
    ("/linux/seccomp", "a filter of one's own cannot be named: the default filter holds"),
    ("/linux/intelRdt", "caches and memory bandwidth are not divided"),
    ("/linux/resources/devices", "a device is given by its node: <hostdev>"),
    ("/linux/resources/unified", "files of the control group are not written by their names"),
    ("/linux/resources/hugepageLimits", "there is no word for it"),
    ("/linux/resources/network", "traffic is not classified"),
    ("/linux/readonlyPaths", "a path of the kernel cannot be made read-only, only covered: <browndog:mask>"),
    ("/linux/namespaces", "a container has namespaces of its own of this kind"),
    ("/linux/mountLabel", "the label of files is not chosen"),
    ("/vm", "it is for virtual machines"),
    ("/solaris", "it is for another system"),
    ("/windows", "it is for another system"),
    ("/zos", "it is for another system"),
    ("/freebsd", "it is for another system"),
];

/// Why the value at this pointer is not carried.
pub(super) fn reason(pointer: &str) -> &'static str {
    REASONS
        .iter()
        .find(|(prefix, _)| is_below(pointer, prefix))
        .map_or("the lxc dialect has no word for it", |(_, why)| why)
}
