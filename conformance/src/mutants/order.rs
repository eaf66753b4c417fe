//! In which order scenes are played against a mutant: first where its step is looked at, then what is cheap.

/// The scene whose checks never fail: times are told, not judged.
pub(super) const NEVER_FAILS: &str = "latency";

/// Parts of a mutant's word, and the scene in which what they name shows.
const SHOWS_IN: [(&str, &str); 17] = [
    ("tie-to-launcher", "orphaned"),
    ("id-map", "strict"),
    ("-uid", "nonroot"),
    ("-gid", "nonroot"),
    ("set-limit:", "declared"),
    ("skip:sysctl", "declared"),
    ("hostname", "declared"),
    ("change-dir", "declared"),
    ("-time", "shifted"),
    ("memory", "limits"),
    ("pids", "limits"),
    ("cpu", "limits"),
    ("devices", "opened"),
    ("keyring", "opened"),
    ("weaken:make-cgroup", "plain"),
    ("seal-root", "readonly"),
    ("take-streams", "traffic"),
];

/// Cheap scenes first, and those that see most.
const ORDER: [&str; 19] = [
    "plain", "nonroot", "strict", "readonly", "declared", "shifted", "volumes", "opened", "orphaned",
    "limits", "ends", "peers", "cannot", "accounts", "parallel", "images", "devices", "traffic", "starved",
];

/// Sorts scenes so that the first most likely catches the mutant.
pub(super) fn by_likelihood(word: &str, scenes: &mut [String]) {
    let hints: Vec<&str> = SHOWS_IN.iter().filter(|(part, _)| word.contains(part)).map(|(_, s)| *s).collect();
    let place = |scene: &String| ORDER.iter().position(|s| s == scene).unwrap_or(ORDER.len());
    scenes.sort_by_key(|scene| (!hints.contains(&scene.as_str()), place(scene)));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_scene_named_here_exists() {
        let known = |name: &str| crate::scenes::SCENES.iter().any(|s| s.name == name);
        for name in ORDER.iter().chain(SHOWS_IN.iter().map(|(_, s)| s)).chain([&NEVER_FAILS]) {
            assert!(known(name), "{name}");
        }
    }

    #[test]
    fn the_scene_that_looks_at_the_step_comes_first() {
        let mut scenes = ["plain", "ends", "orphaned"].map(str::to_owned);
        by_likelihood("skip:tie-to-launcher", &mut scenes);
        assert_eq!(scenes, ["orphaned", "plain", "ends"]);
        by_likelihood("skip:seccomp", &mut scenes);
        assert_eq!(scenes, ["plain", "orphaned", "ends"]);
    }
}
