//! browndog itself: the recipe as domain XML.

use std::path::{Path, PathBuf};

use super::{Call, Runtime, RuntimeError, Verb, write};
use crate::environment::{KernelVersion, believe};
use crate::spec::Spec;

/// The runtime of this project.
#[derive(Debug)]
pub struct Browndog {
    /// Its binary.
    pub program: PathBuf,
}

impl Browndog {
    fn call(&self, place: &Path, words: &[&str]) -> Call {
        let mut call = Call::new([self.program.clone().into_os_string(), "--root".into()]);
        call.argv.push(place.join("state").into_os_string());
        call.argv.extend(words.iter().map(|w| (*w).into()));
        call
    }
}

impl Runtime for Browndog {
    fn name(&self) -> &'static str {
        "browndog"
    }
    fn program(&self) -> &Path {
        &self.program
    }
    fn cannot(&self, spec: &Spec) -> Option<String> {
        // So has libvirt, which calls it "no data supplied".
        let empty = spec.argv.iter().any(String::is_empty);
        if empty {
            return Some("a domain document has no empty argument".to_owned());
        }
        if spec.memory.is_none()
            && let Ok(why) = believe("cgroup v1 memory", KernelVersion::running())
        {
            return Some(format!("a domain document always limits the memory: {why}"));
        }
        // Believed only of a kernel that is older: on any other a refusal stays an error.
        let shifted = spec.time.is_some();
        shifted.then(|| believe("time namespace that exec enters", KernelVersion::running()).ok()).flatten()
    }
    fn prepare(&self, spec: &Spec, place: &Path) -> Result<Call, RuntimeError> {
        let file = place.join("domain.xml");
        write(&file, &spec.xml())?;
        Ok(self.call(place, &["run", &file.to_string_lossy()]))
    }
    fn verb(&self, verb: &Verb, name: &str, place: &Path) -> Option<Call> {
        let file = place.join("domain.xml");
        Some(match verb {
            // Defining is what comes before starting; there is no state between clone and exec to stop in.
            Verb::Create => self.call(place, &["define", &file.to_string_lossy()]),
            Verb::Start => self.call(place, &["start", name]),
            Verb::State => self.call(place, &["state", name]),
            Verb::List => self.call(place, &["list", "--all"]),
            Verb::Kill(_) => return None,
            Verb::Pause => self.call(place, &["suspend", name]),
            Verb::Resume => self.call(place, &["resume", name]),
            Verb::Exec(argv) => {
                let mut words = vec!["exec", name, "--"];
                words.extend(argv.iter().map(String::as_str));
                self.call(place, &words)
            }
            Verb::ExecAt(directory, argv) => {
                let mut words = vec!["exec", "--cwd", directory, name, "--"];
                words.extend(argv.iter().map(String::as_str));
                self.call(place, &words)
            }
            Verb::ExecDetached(argv) => {
                let mut words = vec!["exec", "--detach", name, "--"];
                words.extend(argv.iter().map(String::as_str));
                self.call(place, &words)
            }
            Verb::Background => self.call(place, &["create", &file.to_string_lossy()]),
            Verb::Attach(device) => self.call(place, &["attach-device", name, &device.to_string_lossy()]),
            Verb::Detach(device) => self.call(place, &["detach-device", name, &device.to_string_lossy()]),
            Verb::Destroy => self.call(place, &["destroy", name]),
        })
    }
}
