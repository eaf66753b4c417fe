//! The null runtime: chroot and exec, with the machine's own /proc, /sys and /dev in the root. It is the
//! control: every isolation check has to fail on it, and one that passes shows nothing.

use std::path::{Path, PathBuf};

use super::{Call, Runtime, RuntimeError, Verb};
use crate::spec::Spec;

/// chroot and exec.
#[derive(Debug)]
pub struct Null {
    /// The binary whose probe does it.
    pub program: PathBuf,
}

impl Runtime for Null {
    fn name(&self) -> &'static str {
        "null"
    }
    fn program(&self) -> &Path {
        &self.program
    }
    fn cannot(&self, spec: &Spec) -> Option<String> {
        let reason = "the null runtime needs a root directory, and mounts nothing else";
        (spec.root.is_none() || spec.image.is_some() || spec.rootless.is_some()).then(|| reason.to_owned())
    }
    fn prepare(&self, spec: &Spec, _place: &Path) -> Result<Call, RuntimeError> {
        let mut call = Call::new([self.program.clone().into_os_string(), "probe".into(), "chroot".into()]);
        call.argv.extend(spec.root.iter().map(|r| r.clone().into_os_string()));
        call.argv.extend(spec.argv.iter().map(Into::into));
        Ok(call)
    }
    fn verb(&self, _verb: &Verb, _name: &str, _place: &Path) -> Option<Call> {
        None
    }
}
