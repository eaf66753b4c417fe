//! libvirt's container driver: the recipe as the domain document that it was made for.
//!
//! The driver belongs to a daemon with state for the whole machine, gives the payload a terminal, and does
//! not tell how it ended. So each container gets a daemon of its own, in a mount namespace that shows it an
//! empty machine ([`session`]), and the probe takes its streams from pipes in its root.

pub mod session;

use std::path::{Path, PathBuf};

use nix::sys::stat::Mode;

use super::{Call, Runtime, RuntimeError, Verb, write};
use crate::probe::NAME;
use crate::spec::Spec;

/// Pipes in the root of a container: what the probe reads, what it writes, and what it complains of.
pub const PIPES: [&str; 3] = ["libvirt-in", "libvirt-out", "libvirt-err"];

/// libvirt's container driver.
#[derive(Debug)]
pub struct Libvirt {
    /// `virsh`; the daemon is `libvirtd` on PATH.
    pub program: PathBuf,
    /// The binary whose probe looks after the daemon.
    pub binary: PathBuf,
}

impl Libvirt {
    fn session(&self, place: &Path, words: &[&str]) -> Call {
        let mut call = Call::new([self.binary.clone().into_os_string(), "probe".into(), "libvirt".into()]);
        call.argv.push(place.to_path_buf().into_os_string());
        call.argv.push(self.program.clone().into_os_string());
        call.argv.extend(words.iter().map(|w| (*w).into()));
        call
    }
}

impl Runtime for Libvirt {
    fn name(&self) -> &'static str {
        "libvirt"
    }
    fn program(&self) -> &Path {
        &self.program
    }
    /// What it has no words for but starts without (a host name, a limit of processes) is left to the checks.
    fn cannot(&self, spec: &Spec) -> Option<String> {
        let needs: [(bool, &str); 9] = [
            (spec.image.is_some(), "this adapter writes no file systems in files"),
            (spec.rootless.is_some(), "libvirt's container driver is started by root alone"),
            (spec.root.is_none(), "the pipes of the probe need a root of its own"),
            (!spec.rlimits.is_empty(), "libvirt's container driver sets no resource limits"),
            (!spec.sysctls.is_empty(), "libvirt's container driver sets no kernel parameters"),
            (spec.time.is_some(), "libvirt's container driver knows no time namespaces"),
            (spec.console, "libvirt hands its console to a terminal, and there is none here"),
            (spec.argv.iter().any(String::is_empty), "a domain document has no empty argument"),
            (spec.argv.first().is_none_or(|a| *a != format!("/{NAME}")), "only the probe finds its pipes"),
        ];
        needs.iter().find(|(it, _)| *it).map(|(_, why)| (*why).to_owned())
    }
    fn prepare(&self, spec: &Spec, place: &Path) -> Result<Call, RuntimeError> {
        let root = spec.root.clone().unwrap_or_else(|| place.join("root"));
        let open = Mode::from_bits_truncate(0o666);
        for name in PIPES {
            let path = root.join(name);
            // Whoever the payload is, it may open them; the mask of the harness is not in the way of chmod.
            let made = nix::unistd::mkfifo(&path, open).and_then(|()| {
                nix::sys::stat::fchmodat(
                    nix::fcntl::AT_FDCWD,
                    &path,
                    open,
                    nix::sys::stat::FchmodatFlags::FollowSymlink,
                )
            });
            // A name is started again where its first start still holds them.
            if let Err(errno) = made
                && errno != nix::errno::Errno::EEXIST
            {
                return Err(RuntimeError::Write { path, source: errno.into() });
            }
        }
        // The driver starts nothing that has no console.
        let mut redirected = Spec { console: true, ..spec.clone() };
        // It writes the environment down without escaping it and then cannot read that: what has been escaped
        // once more comes out right.
        for (_, value) in &mut redirected.env {
            *value = value.replace('&', "&amp;").replace('<', "&lt;");
        }
        redirected.argv.splice(1..1, ["redirect".to_owned(), format!("/{NAME}")]).for_each(drop);
        write(&place.join("domain.xml"), &redirected.xml())?;
        // Nobody but root asks it anything, and no policy kit is asked either.
        write(&place.join("libvirtd.conf"), "auth_unix_ro = \"none\"\nauth_unix_rw = \"none\"\n")?;
        Ok(self.session(place, &["run", &spec.name, &root.to_string_lossy()]))
    }
    fn verb(&self, verb: &Verb, name: &str, place: &Path) -> Option<Call> {
        Some(match verb {
            // It makes and starts in one, in the foreground of the session.
            Verb::Create | Verb::Start => return None,
            Verb::State => self.session(place, &["virsh", "domstate", name]),
            Verb::List => self.session(place, &["virsh", "list", "--all"]),
            Verb::Kill(signal) => self.session(place, &["virsh", "send-process-signal", name, "1", signal]),
            Verb::Pause => self.session(place, &["virsh", "suspend", name]),
            Verb::Resume => self.session(place, &["virsh", "resume", name]),
            Verb::Exec(argv) => {
                let mut words = vec!["virsh", "lxc-enter-namespace", "--noseclabel", name, "--"];
                words.extend(argv.iter().map(String::as_str));
                self.session(place, &words)
            }
            Verb::ExecAt(..)
            | Verb::ExecDetached(_)
            | Verb::Background
            | Verb::Attach(_)
            | Verb::Detach(_) => {
                return None;
            }
            Verb::Destroy => self.session(place, &["virsh", "destroy", name]),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_probe_finds_its_pipes_and_then_is_what_it_would_have_been() {
        let place = tempfile::tempdir().unwrap();
        std::fs::create_dir(place.path().join("root")).unwrap();
        let argv = [format!("/{NAME}"), "--facts".into(), "pid".into()];
        let spec = Spec::plain("bdc-t", place.path().join("root"), argv.to_vec());
        let runtime = Libvirt { program: "/bin/virsh".into(), binary: "/b".into() };
        assert_eq!(runtime.cannot(&spec), None);
        let call = runtime.prepare(&spec, place.path()).unwrap();
        assert_eq!(call.argv[..3], ["/b", "probe", "libvirt"]);
        let document = std::fs::read_to_string(place.path().join("domain.xml")).unwrap();
        let words = format!("<init>/{NAME}</init><initarg>redirect</initarg><initarg>/{NAME}</initarg>");
        assert!(document.contains(&words), "{document}");
        for name in PIPES {
            use std::os::unix::fs::{FileTypeExt, PermissionsExt};
            let found = std::fs::metadata(place.path().join("root").join(name)).unwrap();
            assert!(found.file_type().is_fifo());
            assert_eq!(found.permissions().mode() & 0o777, 0o666);
        }
    }

    #[test]
    fn what_it_has_no_words_for_is_said() {
        let mut spec = Spec::plain("bdc-t", "/r".into(), vec![format!("/{NAME}")]);
        spec.rlimits.push(("core".into(), 0, 0));
        let runtime = Libvirt { program: "/bin/virsh".into(), binary: "/b".into() };
        assert!(runtime.cannot(&spec).unwrap().contains("resource limits"));
    }
}
