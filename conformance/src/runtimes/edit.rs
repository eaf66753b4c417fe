//! Edits of a bundle: an unchanged OCI runtime is given a recipe with one thing wrong, so that a check can be seen
//! to fail on a real container. A runtime with an edit is named `runc~WORD`.

use serde_json::{Value, json};

/// Between a runtime's name and an edit.
pub const MARK: char = '~';

/// What is bound where nobody asked for it, by a word: the source, and the target.
const ADDED: [(&str, &str, &str); 6] = [
    ("sysctls", "/proc/sys", "/run/psys"),
    ("kernel", "/sys/kernel", "/run/kernel"),
    ("terminals", "/dev/pts", "/run/pts"),
    ("shared-memory", "/dev/shm", "/tmp/shm"),
    ("etc", "/etc", "/mnt/etc"),
    ("null", "/dev/null", "/run/null"),
];

/// One edit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edit {
    kind: String,
    rest: String,
}

/// The words before the colon, each with an example.
pub const KINDS: [(&str, &str); 19] = [
    ("drop-namespace", "pid"),
    ("drop-mount", "/proc"),
    ("add-mount", "sysctls"),
    ("drop-option", "/dev/shm nosuid"),
    ("add-option", "/ro rw"),
    ("unmask", "/proc/kcore"),
    ("unprotect", "/proc/sys"),
    ("keep", "CAP_SYS_ADMIN"),
    ("inherit", "CAP_KILL"),
    ("ambient", "CAP_KILL"),
    ("allow", "unshare"),
    ("propagation", "shared"),
    ("device", "10 229"),
    ("group", "4242"),
    ("variable", "SECRET=1"),
    ("ids", "0"),
    ("map", "65536"),
    ("set", "/process/cwd \"/tmp\""),
    ("without", "/linux/seccomp"),
];

impl Edit {
    /// Reads `KIND:REST`.
    pub fn read(word: &str) -> Result<Self, String> {
        let (kind, rest) = word.split_once(':').unwrap_or((word, ""));
        let known = KINDS.iter().any(|(name, _)| *name == kind);
        let added = kind != "add-mount" || ADDED.iter().any(|(name, ..)| *name == rest);
        if known && added && !rest.is_empty() {
            return Ok(Self { kind: kind.to_owned(), rest: rest.to_owned() });
        }
        let all: Vec<String> = KINDS.iter().map(|(name, example)| format!("{name}:{example}")).collect();
        Err(format!("{word:?} is no edit of a bundle; such are {}", all.join(", ")))
    }

    /// Changes the bundle; whether there was anything to change.
    pub fn apply(&self, bundle: &mut Value) -> bool {
        let rest = self.rest.as_str();
        let (first, second) = rest.split_once(' ').unwrap_or((rest, ""));
        match self.kind.as_str() {
            "drop-namespace" => retain(&mut bundle["linux"]["namespaces"], |n| n["type"] != rest),
            "drop-mount" => retain(&mut bundle["mounts"], |m| m["destination"] != rest),
            "add-mount" => ADDED.iter().find(|(name, ..)| *name == rest).is_some_and(|(_, from, to)| {
                let options = json!(["rbind", "rw"]);
                let mount = json!({ "destination": to, "type": "bind", "source": from, "options": options });
                push(&mut bundle["mounts"], mount)
            }),
            "drop-option" => options(bundle, first, |all| retain(all, |o| *o != second)),
            "add-option" => options(bundle, first, |all| push(all, second.into())),
            "unmask" => retain(&mut bundle["linux"]["maskedPaths"], |p| *p != rest),
            "unprotect" => retain(&mut bundle["linux"]["readonlyPaths"], |p| *p != rest),
            "keep" => sets(bundle, &["bounding", "effective", "permitted"], rest),
            "inherit" => sets(bundle, &["inheritable"], rest),
            "ambient" => sets(bundle, &["inheritable", "ambient"], rest),
            "allow" => allow(bundle, rest),
            "propagation" => put(bundle, "/linux/rootfsPropagation", rest.into()),
            "device" => {
                let numbers: Vec<i64> = rest.split(' ').filter_map(|n| n.parse().ok()).collect();
                let rule = json!({ "allow": true, "type": "c", "major": numbers.first(), "minor": numbers.get(1),
                    "access": "rwm" });
                push(&mut bundle["linux"]["resources"]["devices"], rule)
            }
            "group" => {
                push(&mut bundle["process"]["user"]["additionalGids"], json!(rest.parse::<u32>().ok()))
            }
            "variable" => push(&mut bundle["process"]["env"], rest.into()),
            "ids" => {
                let id = json!(rest.parse::<u32>().ok());
                put(bundle, "/process/user/uid", id.clone()) | put(bundle, "/process/user/gid", id)
            }
            "map" => {
                let base = json!(rest.parse::<u32>().ok());
                put(bundle, "/linux/uidMappings/0/hostID", base.clone())
                    | put(bundle, "/linux/gidMappings/0/hostID", base)
            }
            "set" => serde_json::from_str(second).is_ok_and(|value| put(bundle, first, value)),
            _ => without(bundle, rest),
        }
    }
}

fn retain(list: &mut Value, keep: impl Fn(&Value) -> bool) -> bool {
    let Some(list) = list.as_array_mut() else { return false };
    let before = list.len();
    list.retain(keep);
    list.len() < before
}

fn push(list: &mut Value, value: Value) -> bool {
    list.as_array_mut().map(|list| list.push(value)).is_some()
}

fn put(bundle: &mut Value, pointer: &str, value: Value) -> bool {
    bundle.pointer_mut(pointer).is_some_and(|place| std::mem::replace(place, value) != *place)
}

fn without(bundle: &mut Value, pointer: &str) -> bool {
    let Some((parent, name)) = pointer.rsplit_once('/') else { return false };
    let parent = bundle.pointer_mut(parent).and_then(Value::as_object_mut);
    parent.is_some_and(|parent| parent.remove(name).is_some())
}

/// The options of the mount at a target.
fn options(bundle: &mut Value, target: &str, change: impl Fn(&mut Value) -> bool) -> bool {
    let Some(mounts) = bundle["mounts"].as_array_mut() else { return false };
    let Some(mount) = mounts.iter_mut().find(|m| m["destination"] == target) else { return false };
    change(&mut mount["options"])
}

fn sets(bundle: &mut Value, names: &[&str], capability: &str) -> bool {
    let all = &mut bundle["process"]["capabilities"];
    names.iter().fold(false, |changed, name| {
        let there = all[name].as_array().is_some_and(|set| set.iter().any(|c| c == capability));
        (!there && push(&mut all[name], capability.into())) | changed
    })
}

/// Takes a system call out of every rule of the filter.
fn allow(bundle: &mut Value, call: &str) -> bool {
    let Some(rules) = bundle["linux"]["seccomp"]["syscalls"].as_array_mut() else { return false };
    let changed =
        rules.iter_mut().fold(false, |changed, rule| retain(&mut rule["names"], |n| *n != call) | changed);
    rules.retain(|rule| rule["names"].as_array().is_some_and(|names| !names.is_empty()));
    changed
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::{Spec, Volume};

    fn bundle() -> Value {
        let mut spec = Spec::plain("t", "/srv/root".into(), vec!["/x".into()]);
        spec.volumes.push(Volume { source: "/v".into(), target: "/ro".into(), readonly: true });
        spec.idmap = Some(100_000);
        let mut bundle = super::super::oci::config(&spec);
        bundle["linux"]["rootfsPropagation"] = "rprivate".into();
        bundle
    }

    #[test]
    fn every_kind_of_edit_changes_the_bundle_and_nothing_twice() {
        for (kind, example) in KINDS {
            let edit = Edit::read(&format!("{kind}:{example}")).expect("an edit");
            // Root is what the plain recipe runs as.
            if kind == "ids" {
                continue;
            }
            let (before, mut after) = (bundle(), bundle());
            assert!(edit.apply(&mut after), "{kind}");
            assert_ne!(before, after, "{kind}");
            if ["drop", "un", "allow", "without"].iter().any(|begin| kind.starts_with(begin)) {
                assert!(!edit.apply(&mut after), "{kind} a second time");
            }
        }
    }

    #[rstest::rstest]
    #[case("drop")]
    #[case("keep:")]
    #[case("add-mount:nothing")]
    fn what_is_no_edit_is_said_with_those_that_are(#[case] word: &str) {
        assert!(Edit::read(word).expect_err("no edit").contains("drop-namespace:pid"));
    }

    #[test]
    fn what_is_not_there_is_not_changed() {
        let mut unchanged = bundle();
        for word in
            ["drop-mount:/nowhere", "drop-option:/proc nothing", "without:/linux/nothing", "allow:getpid"]
        {
            assert!(!Edit::read(word).expect("an edit").apply(&mut unchanged), "{word}");
        }
        assert_eq!(unchanged, bundle());
    }
}
