//! Results as they come, a line each, so that a run can be ended and taken up again.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use super::{Fate, Mutant};
use crate::run::RunError;

/// A file of fates; without a path nothing is kept.
#[derive(Debug)]
pub(super) struct Results {
    path: Option<PathBuf>,
    fates: BTreeMap<String, Fate>,
}

impl Results {
    /// Begins anew, or goes on: then what is in the file is known already.
    pub fn open(path: Option<&Path>, resume: bool) -> Result<Self, RunError> {
        let mut results = Self { path: path.map(Path::to_owned), fates: BTreeMap::new() };
        let Some(path) = path else { return Ok(results) };
        let fail = |what: &str, source| RunError::Io { what: format!("{what} {}", path.display()), source };
        if !resume {
            fs::write(path, "").map_err(|e| fail("writing", e))?;
            return Ok(results);
        }
        let text = match fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
            Err(error) => return Err(fail("reading", error)),
        };
        for (number, line) in text.lines().enumerate() {
            // The last line of a run that was killed may be half a line: that mutant is run again.
            match serde_json::from_str::<Fate>(line) {
                Ok(fate) => drop(results.fates.insert(fate.mutant.word.clone(), fate)),
                Err(_) if number + 1 == text.lines().count() && !text.ends_with('\n') => {}
                Err(error) => {
                    return Err(RunError::BadReport {
                        path: path.to_owned(),
                        reason: format!("line {}: {error}", number + 1),
                    });
                }
            }
        }
        // Half a line would swallow the next one.
        let whole: String =
            results.fates.values().map(|fate| serde_json::json!(fate).to_string() + "\n").collect();
        fs::write(path, whole).map_err(|e| fail("writing", e))?;
        Ok(results)
    }

    /// What is known of a mutant, if this build was asked, or another one had caught it.
    pub fn known(&self, mutant: &Mutant, build: &str, any_build: bool) -> bool {
        let fate = self.fates.get(&mutant.word);
        // One that survived fewer scenes than are to be played is not known yet.
        let whole = |fate: &Fate| fate.noticed() || fate.mutant.scenes.len() >= mutant.scenes.len();
        fate.is_some_and(|fate| fate.build == build && whole(fate) || any_build && fate.noticed())
    }

    /// Adds one.
    pub fn add(&mut self, fate: Fate) -> Result<(), RunError> {
        if let Some(path) = &self.path {
            let line = serde_json::json!(fate).to_string() + "\n";
            let written = fs::OpenOptions::new()
                .append(true)
                .create(true)
                .open(path)
                .and_then(|mut file| file.write_all(line.as_bytes()));
            written.map_err(|source| RunError::Io { what: format!("writing {}", path.display()), source })?;
        }
        let _earlier = self.fates.insert(fate.mutant.word.clone(), fate);
        Ok(())
    }

    /// What is known of these, in their order; those not run yet are left out.
    pub fn of(&self, mutants: &[Mutant]) -> Vec<Fate> {
        mutants.iter().filter_map(|m| self.fates.get(&m.word).cloned()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fate(word: &str, caught: bool) -> Fate {
        let mut fate = Fate::of(&Mutant { word: word.into(), scenes: vec!["plain".into()] });
        fate.build = "one".into();
        if caught {
            fate.caught_by.push("pid-01".into());
        }
        fate
    }

    #[test]
    fn what_was_run_is_known_again_and_half_a_line_is_run_again() {
        let dir = tempfile::tempdir().expect("temp");
        let path = dir.path().join("results");
        let mut results = Results::open(Some(&path), false).expect("open");
        results.add(fate("skip:a", true)).expect("add");
        results.add(fate("skip:b", false)).expect("add");
        let mut text = fs::read_to_string(&path).expect("read");
        text.push_str("{\"mutant\":{\"wor");
        fs::write(&path, &text).expect("write");
        let mut again = Results::open(Some(&path), true).expect("open");
        let [a, b, c] = ["skip:a", "skip:b", "skip:c"].map(|word| fate(word, false).mutant);
        assert!(again.known(&a, "one", false) && again.known(&b, "one", false));
        assert!(!again.known(&c, "one", true));
        // Another build: only a catch is taken over, and only where that is asked for.
        assert!(!again.known(&a, "two", false));
        assert!(again.known(&a, "two", true) && !again.known(&b, "two", true));
        again.add(fate("skip:c", true)).expect("add");
        assert_eq!(Results::open(Some(&path), true).expect("open").of(&[c, a]).len(), 2);
    }

    #[test]
    fn a_damaged_file_is_named_with_its_line() {
        let dir = tempfile::tempdir().expect("temp");
        let path = dir.path().join("results");
        fs::write(&path, "nonsense\n").expect("write");
        let error = Results::open(Some(&path), true).expect_err("no fates");
        assert!(error.to_string().contains("line 1"), "{error}");
    }
}
