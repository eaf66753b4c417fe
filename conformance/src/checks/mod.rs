//! The catalogue: one area per file.

mod astray;
mod beside;
mod context;
mod devices;
mod entered;
mod escape;
mod exchange;
mod given;
mod hostile;
mod ipc;
mod life;
mod limits;
mod mapped;
mod mount;
mod network;
mod options;
mod pid;
mod procfs;
mod seccomp;
mod sources;
mod strict;
mod swept;
mod twofold;
mod user;

use crate::requirement::Check;

/// All checks in the order of the catalogue.
pub fn all() -> Vec<Check> {
    [
        pid::CHECKS,
        mount::CHECKS,
        swept::CHECKS,
        procfs::CHECKS,
        devices::CHECKS,
        ipc::CHECKS,
        network::CHECKS,
        user::CHECKS,
        seccomp::CHECKS,
        context::CHECKS,
        escape::CHECKS,
        options::CHECKS,
        strict::CHECKS,
        limits::CHECKS,
        life::CHECKS,
        hostile::CHECKS,
        astray::CHECKS,
        twofold::CHECKS,
        given::CHECKS,
        mapped::CHECKS,
        exchange::CHECKS,
        sources::CHECKS,
        entered::CHECKS,
        beside::CHECKS,
    ]
    .concat()
}

/// The check of this id.
pub fn find(id: &str) -> Option<Check> {
    all().into_iter().find(|c| c.id == id)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_id_is_an_area_two_digits_and_at_most_a_letter_and_occurs_once() {
        let mut seen = BTreeSet::new();
        for check in all() {
            let (_, rest) = check.id.split_once('-').unwrap_or_else(|| panic!("{} has no dash", check.id));
            let digits = rest.get(..2).is_some_and(|d| d.bytes().all(|b| b.is_ascii_digit()));
            let letter =
                rest.get(2..).is_some_and(|l| l.len() <= 1 && l.bytes().all(|b| b.is_ascii_lowercase()));
            assert!(digits && letter, "{}", check.id);
            assert!(seen.insert(check.id), "{} occurs twice", check.id);
        }
    }

    #[test]
    fn every_requirement_is_a_sentence_with_a_source_and_a_scene() {
        for check in all() {
            assert!(check.requirement.ends_with('.'), "{}", check.id);
            assert!(!check.source.is_empty(), "{}", check.id);
            assert!(
                crate::scenes::SCENES.iter().any(|s| s.name == check.scene),
                "{}: {}",
                check.id,
                check.scene
            );
        }
    }

    #[test]
    fn every_scene_has_checks() {
        for scene in crate::scenes::SCENES {
            assert!(all().iter().any(|c| c.scene == scene.name), "nothing looks at scene {}", scene.name);
        }
    }

    #[test]
    fn no_check_passes_without_facts() {
        let nothing = crate::facts::Facts::default();
        for check in all() {
            let verdict = check.judged(&nothing, crate::environment::KernelVersion(6, 12));
            assert_ne!(verdict.status, crate::judge::Status::Pass, "{} passes on nothing", check.id);
        }
    }
}
