//! Faults that leave a step in its place and make it do less, or something else: what a careless change
//! of the code would do. Only for [`super::mutate`], with its rules.

use std::borrow::Cow;

use nix::libc;

use super::step::{Beneath, ChildStep, HostStep, c_string};
use super::{Plan, device_policy, seccomp};
use crate::sys::StringArray;

/// Every way in which a step of this plan can be weakened: the step's name, and how.
pub(super) fn all(plan: &Plan) -> Vec<(String, String)> {
    let kept = plan.child.iter().find_map(|entry| match &entry.step {
        ChildStep::DropBounding { keep, last } => Some((*keep, *last)),
        _ => None,
    });
    let mut found: Vec<(String, String)> = Vec::new();
    let mut add = |id: &str, how: String| {
        let word = (id.to_owned(), how);
        if !found.contains(&word) {
            found.push(word);
        }
    };
    for entry in plan.before.iter().chain(&plan.attend) {
        for how in HOST_WAYS.iter().filter(|how| host(&mut entry.step.clone(), how)) {
            add(&entry.id, (*how).to_owned());
        }
    }
    for entry in &plan.child {
        for how in CHILD_WAYS.iter().filter(|how| child(&mut entry.step.clone(), how)) {
            add(&entry.id, (*how).to_owned());
        }
        if let ChildStep::Seccomp { lifted, .. } = entry.step {
            for how in seccomp::ways(lifted) {
                add(&entry.id, how);
            }
        }
    }
    for (id, how) in [DESCRIPTORS, PLACES] {
        if apply(&mut plan.clone(), id, how) {
            add(id, how.to_owned());
        }
    }
    if let Some((keep, last)) = kept {
        for number in (0..=last).filter(|number| keep & (1 << number) == 0) {
            add("capabilities", format!("keep-{number}"));
        }
    }
    found
}

const HOST_WAYS: [&str; 8] = ["stays", "tenfold", "root", "shifted", "short", "all", "make", "letters"];
const CHILD_WAYS: [&str; 16] = [
    "other",
    "number",
    "mode",
    "data",
    "inheritable",
    "none",
    "extra",
    "zero",
    "root",
    "soft",
    "hard",
    "tmp",
    "no-random",
    "astray",
    "fewer",
    "caller",
];

/// Weakens every step called `id` in this way; `false` where there is none that can be weakened so.
pub(super) fn apply(plan: &mut Plan, id: &str, how: &str) -> bool {
    let mut done = false;
    for entry in plan.before.iter_mut().chain(&mut plan.attend).filter(|entry| entry.id == id) {
        done |= host(&mut entry.step, how);
    }
    // What may be kept is spread over two steps, which agree.
    let named = |entry: &str| entry == id || id == "capabilities" && CAPABILITIES.contains(&entry);
    for entry in plan.child.iter_mut().filter(|entry| named(&entry.id)) {
        done |= child(&mut entry.step, how);
    }
    done |= match (id, how) {
        DESCRIPTORS => leave_open(plan),
        PLACES => by_path(plan),
        _ => false,
    };
    done
}

/// What is of the host stays open, only marked, while paths of the container are followed, by whatever links are on the
/// way: a fault of three steps, each of which would be enough to stop it.
const DESCRIPTORS: (&str, &str) = ("descriptors", "open");

fn leave_open(plan: &mut Plan) -> bool {
    let mut done = false;
    for entry in &mut plan.child {
        done |= child(&mut entry.step, "marked") | child(&mut entry.step, "magic-links");
    }
    done
}

/// Every place is named by its path again for each step, and what covers the kernel's interfaces comes after what the
/// document mounts.
const PLACES: (&str, &str) = ("places", "by-path");

fn by_path(plan: &mut Plan) -> bool {
    const LATE: [&str; 6] =
        ["sysctl:", "hold:", "clone-cover:", "restrict-cover:", "cover:", "remount-cover:"];
    let mut done = false;
    for entry in &mut plan.child {
        done |= child(&mut entry.step, "by-path");
        done |= child(&mut entry.step, "anything");
    }
    let (late, mut rest): (Vec<_>, Vec<_>) =
        plan.child.drain(..).partition(|entry| LATE.iter().any(|late| entry.id.starts_with(late)));
    let leaves = |step: &ChildStep| matches!(step, ChildStep::Pivot | ChildStep::EnterRoot);
    let at = rest.iter().position(|entry| leaves(&entry.step)).unwrap_or(rest.len());
    drop(rest.splice(at..at, late));
    plan.child = rest;
    done
}

const CAPABILITIES: [&str; 2] = ["drop-bounding", "set-capabilities"];

fn host(step: &mut HostStep, how: &str) -> bool {
    match (step, how) {
        (HostStep::MakeCgroup { shared, .. }, "stays") if !*shared => *shared = true,
        (HostStep::SetCgroup { value, .. }, "tenfold") => {
            let mut words: Vec<String> = value.split(' ').map(str::to_owned).collect();
            let Some(number) = words[0].parse::<u64>().ok() else { return false };
            // Ten times nothing, the first processor, is the same.
            if number == 0 {
                return false;
            }
            words[0] = (number * 10).to_string();
            *value = words.join(" ");
        }
        (HostStep::WriteIdMaps { uid, gid, .. }, "root") => {
            *uid = vec![[0, 0, 65536]];
            *gid = vec![[0, 0, 65536]];
        }
        (HostStep::WriteIdMaps { uid, gid, .. }, "shifted") => {
            uid.iter_mut().chain(gid).for_each(|line| line[1] += 1);
        }
        (HostStep::WriteIdMaps { uid, gid, .. }, "short") => {
            uid.iter_mut().chain(gid).for_each(|line| line[2] = 1);
        }
        (HostStep::LimitDevices { rules, program, ready, .. }, "all" | "make" | "letters") => {
            match how {
                "letters" if rules.iter().all(|rule| rule.access.contains('w')) => return false,
                "letters" => rules.iter_mut().for_each(|rule| rule.access = "rwm"),
                _ => {
                    let access = if how == "all" { "rwm" } else { "m" };
                    let any = |block| device_policy::Rule { block, major: None, minor: None, access };
                    if rules.contains(&any(true)) {
                        return false;
                    }
                    rules.extend([any(false), any(true)]);
                }
            }
            if program.is_some() {
                *program = Some(device_policy::program(rules));
                // The one that is loaded already is as strict as it was.
                *ready = None;
            }
        }
        _ => return false,
    }
    true
}

fn child(step: &mut ChildStep, how: &str) -> bool {
    match (step, how) {
        (ChildStep::SetHostname { name }, "other") => *name = c_string("mutant"),
        (ChildStep::MakeNode { device, .. }, "number") => {
            // full where it is anything else, null where it is full.
            let full = libc::makedev(1, 7);
            *device = if *device == full { libc::makedev(1, 3) } else { full };
        }
        (ChildStep::MakeNode { mode, .. }, "mode") => *mode = *mode & !0o777 | 0o600,
        (ChildStep::MountNew { data, .. }, "data") if data.is_some() => *data = None,
        (ChildStep::DropBounding { keep, .. }, _) => match kept(how) {
            Some(bit) => *keep |= bit,
            None => return false,
        },
        (ChildStep::SetCapabilities { sets }, "inheritable") => sets.inheritable = sets.permitted,
        (ChildStep::SetCapabilities { sets }, "none") => {
            sets.permitted = 0;
            sets.effective = 0;
        }
        (ChildStep::SetCapabilities { sets }, _) => match kept(how) {
            Some(bit) => {
                sets.permitted |= bit;
                sets.effective |= bit;
            }
            None => return false,
        },
        (ChildStep::SetGroups { groups }, "extra") => groups.push(4242),
        (ChildStep::SetUmask { mask }, "zero") => *mask = 0,
        (ChildStep::SetGid { gid }, "root") if *gid != 0 => *gid = 0,
        (ChildStep::SetUid { uid }, "root") if *uid != 0 => *uid = 0,
        (ChildStep::SetLimit { soft, .. }, "soft") => *soft -= 1,
        (ChildStep::SetLimit { hard, .. }, "hard") => *hard += 1,
        (ChildStep::CloseFds { flags, .. }, "marked") if *flags == 0 => *flags = libc::CLOSE_RANGE_CLOEXEC,
        (
            ChildStep::ChangeDir { resolve, .. }
            | ChildStep::LookAtProgram { resolve, .. }
            | ChildStep::Exec { resolve, .. },
            "magic-links",
        ) if *resolve & libc::RESOLVE_NO_MAGICLINKS != 0 => {
            *resolve &= !libc::RESOLVE_NO_MAGICLINKS;
        }
        (step, "by-path") => return step.path_mut().is_some_and(Beneath::loosen),
        (ChildStep::Hold { device, .. }, "anything") => *device = None,
        (ChildStep::ChangeDir { path, .. }, "tmp") => *path = c_string("/tmp"),
        (ChildStep::SetPersonality { persona }, "no-random") => *persona |= ADDR_NO_RANDOMIZE,
        (ChildStep::MakeLink { value, .. }, "astray") => *value = Cow::Borrowed(c"/tmp"),
        (ChildStep::Seccomp { program, .. }, _) => return seccomp::weaken(program, how),
        (ChildStep::Exec { argv, .. }, "fewer") => {
            let mut words = argv.strings().to_vec();
            drop(words.pop());
            **argv = StringArray::new(words);
        }
        (ChildStep::Exec { env, .. }, "caller") => {
            let mut words = env.strings().to_vec();
            words.extend(std::env::vars().map(|(name, value)| c_string(&format!("{name}={value}"))));
            **env = StringArray::new(words);
        }
        (ChildStep::Exec { env, .. }, "none") => **env = StringArray::new(Vec::new()),
        _ => return false,
    }
    true
}

/// personality(2).
const ADDR_NO_RANDOMIZE: u64 = 0x0004_0000;

/// `keep-N`: the bit of capability N.
fn kept(how: &str) -> Option<u64> {
    let number: u32 = how.strip_prefix("keep-")?.parse().ok()?;
    1_u64.checked_shl(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_weakness_changes_its_step_and_an_unknown_one_nothing() {
        let mut step = ChildStep::SetUmask { mask: 0o022 };
        assert!(child(&mut step, "zero") && matches!(step, ChildStep::SetUmask { mask: 0 }));
        assert!(!child(&mut step, "number"));
        let mut step = ChildStep::DropBounding { keep: 1, last: 40 };
        assert!(
            child(&mut step, "keep-21") && matches!(step, ChildStep::DropBounding { keep: 0x20_0001, .. })
        );
        let mut step = HostStep::SetCgroup {
            path: String::new(),
            value: "20000 100000".into(),
            check: super::super::step::ReadBack::None,
        };
        assert!(host(&mut step, "tenfold"));
        assert!(matches!(step, HostStep::SetCgroup { value, .. } if value == "200000 100000"));
    }
}
