//! Stopping: the init is asked in a way it understands, or everything is killed.
//!
//! **The rule** for `auto`: an init that reads requests from a FIFO `/run/initctl` (or `/dev/initctl`) of its
//! own gets one; systemd gets its own signals (SIGRTMIN+3 to halt, SIGRTMIN+5 to reboot); any other gets
//! SIGTERM, and where it has no handler for that, SIGKILL: the kernel drops a signal that process 1 of a
//! namespace does not handle, and whoever sends one from outside wants it to have its effect.

use std::fs::File;
use std::io::Write;
use std::os::fd::OwnedFd;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use browndog_runtime::exec::signals::takes;
use nix::errno::Errno;
use nix::fcntl::{OFlag, OpenHow, ResolveFlag, openat2};
use nix::libc;

use crate::domains::{self, View};
use crate::error::{LifeError, Result};
use crate::groups::wait_until;
use crate::layout::Layout;
use crate::lock::{self, Lock};
use crate::monitor::place;
use crate::protocol::{self, Heard, Mode, Reply, Request};
use crate::reconcile;
use crate::record::{Exit, Phase, Record};

/// What the init is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wish {
    /// To stop.
    Poweroff,
    /// To stop and start again.
    Reboot,
}

/// Asks the init `pid` and says how.
///
/// # Errors
/// `mode` names a way that this init does not have.
pub fn ask(
    pid: i32,
    wish: Wish,
    mode: Mode,
    send: impl Fn(i32) -> std::result::Result<(), Errno>,
) -> Result<String> {
    if mode != Mode::Signal {
        if let Some(fifo) = initctl(pid) {
            return write_initctl(fifo, wish).map(|()| "by a request in its initctl".to_owned());
        }
        if mode == Mode::Initctl {
            return Err(LifeError::refused(
                "the container's init reads no initctl: there is no such FIFO of its own",
                "use --mode signal, or 'browndog destroy'",
            ));
        }
    }
    let sent = |signal: i32, how: &str| match send(signal) {
        // ESRCH: it has ended meanwhile.
        Ok(()) | Err(Errno::ESRCH) => Ok(how.to_owned()),
        Err(errno) => Err(LifeError::call("signal the init", errno)),
    };
    if is_systemd(pid) {
        // systemd(1), SIGNALS.
        let (offset, how) = match wish {
            Wish::Poweroff => (3, "by systemd's SIGRTMIN+3"),
            Wish::Reboot => (5, "by systemd's SIGRTMIN+5"),
        };
        return sent(SYSTEMD_SIGRTMIN + offset, how);
    }
    if takes(pid, libc::SIGTERM) {
        return sent(libc::SIGTERM, "by SIGTERM");
    }
    sent(libc::SIGKILL, "by SIGKILL, since its init has no handler for SIGTERM")
}

/// SIGRTMIN as systemd has it: glibc's, and not that of the C library that we are linked with (musl's is 35).
const SYSTEMD_SIGRTMIN: i32 = 34;

fn is_systemd(pid: i32) -> bool {
    std::fs::read_to_string(format!("/proc/{pid}/comm")).is_ok_and(|comm| comm.trim() == "systemd")
}

/// Where a System V init reads requests.
const INITCTL: [&str; 2] = ["run/initctl", "dev/initctl"];

/// The init's FIFO, open for writing: one that somebody reads, and that is not the host's own.
fn initctl(pid: i32) -> Option<File> {
    let root = File::open(format!("/proc/{pid}/root")).ok()?;
    INITCTL.iter().find_map(|path| {
        // Beneath the container's root, whatever links it has put there; O_NONBLOCK: ENXIO without a reader.
        let flags = OFlag::O_WRONLY | OFlag::O_NONBLOCK | OFlag::O_CLOEXEC | OFlag::O_NOCTTY;
        let resolve = ResolveFlag::RESOLVE_IN_ROOT | ResolveFlag::RESOLVE_NO_MAGICLINKS;
        let fd: OwnedFd = openat2(&root, *path, OpenHow::new().flags(flags).resolve(resolve)).ok()?;
        let file = File::from(fd);
        let meta = file.metadata().ok()?;
        let hosts = std::fs::metadata(Path::new("/").join(path)).ok();
        let is_hosts = hosts.is_some_and(|host| (host.dev(), host.ino()) == (meta.dev(), meta.ino()));
        (meta.file_type().is_fifo() && !is_hosts).then_some(file)
    })
}

/// `struct init_request` of initreq.h: magic, command 1 (change the run level), the run level.
fn write_initctl(mut fifo: File, wish: Wish) -> Result<()> {
    const SIZE: usize = 384;
    const MAGIC: i32 = 0x0309_1969;
    let level = if wish == Wish::Poweroff { b'0' } else { b'6' };
    let mut request = [0_u8; SIZE];
    request[..4].copy_from_slice(&MAGIC.to_ne_bytes());
    request[4..8].copy_from_slice(&1_i32.to_ne_bytes());
    request[8..12].copy_from_slice(&i32::from(level).to_ne_bytes());
    fifo.write_all(&request).map_err(|error| LifeError::file("write", &PathBuf::from("initctl"), error))
}

/// What became of a domain that was asked to stop.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stopped {
    /// It did not run.
    WasOff,
    /// It has ended.
    Ended {
        /// How it was asked.
        how: String,
        /// How its init ended.
        exit: Option<Exit>,
    },
    /// It was started again, as its document says.
    Restarted {
        /// How it was asked.
        how: String,
    },
    /// It still runs.
    Still {
        /// How it was asked.
        how: String,
    },
    /// It was asked; nobody waited.
    Asked {
        /// How it was asked.
        how: String,
    },
}

/// Asks a domain to stop or to reboot and waits for as long as `within`.
///
/// # Errors
/// It does not run (a reboot), or its init cannot be asked.
pub fn shutdown(layout: &Layout, name: &str, wish: Wish, mode: Mode, within: Duration) -> Result<Stopped> {
    let view = settled(layout, name)?;
    if !view.phase.is_active() {
        return match wish {
            Wish::Poweroff => Ok(Stopped::WasOff),
            Wish::Reboot => Err(not_running(&view, "reboot")),
        };
    }
    let request = match wish {
        Wish::Poweroff => Request::Shutdown { mode },
        Wish::Reboot => Request::Reboot { mode },
    };
    let (how, connection) = protocol::ask(layout, name, &request)?;
    if within.is_zero() {
        return Ok(Stopped::Asked { how });
    }
    loop {
        let heard = connection.reply(Some(within));
        return match heard.map_err(|errno| LifeError::call("wait for the monitor", errno))? {
            Heard::Reply(Reply::Ended { record }) => {
                gone(layout, name);
                Ok(Stopped::Ended { how, exit: record.exit })
            }
            Heard::Reply(Reply::Restarted) => Ok(Stopped::Restarted { how }),
            Heard::Reply(_) => continue,
            Heard::Nothing => Ok(Stopped::Still { how }),
            Heard::End => Ok(Stopped::Ended { how, exit: None }),
        };
    }
}

/// The error for a domain that has to run and does not.
pub fn not_running(view: &View, verb: &'static str) -> LifeError {
    LifeError::State {
        name: view.name.clone(),
        verb,
        state: view.phase.word().to_owned(),
        help: format!("start it with 'browndog start {}'", view.name),
    }
}

/// The monitor has said that it is over: until it is gone, its lock is held.
fn gone(layout: &Layout, name: &str) {
    // The next start waits again.
    crate::disregard(wait_until(Duration::from_secs(5), || !lock::is_held(&layout.alive(name))));
    place::sweep();
}

/// How a domain is, after what a crash has left is cleaned up; what was done is told with [`reconcile`].
fn settled(layout: &Layout, name: &str) -> Result<View> {
    let view = domains::view(layout, name)?;
    if view.stale.is_none() {
        return Ok(view);
    }
    domains::view(layout, name)
}

/// Kills a domain; one that does not run is done already. Returns how its init ended.
///
/// # Errors
/// The monitor does not let go.
pub fn destroy(layout: &Layout, name: &str) -> Result<Stopped> {
    let view = domains::view(layout, name)?;
    if !view.phase.is_active() {
        // A record that was kept for a look has been looked at.
        if !view.persistent && view.stale.is_none() {
            let _lock = Lock::take(layout, name, "destroy")?;
            reconcile::remove_domain_dir(layout, name)?;
        }
        return Ok(Stopped::WasOff);
    }
    let asked = protocol::ask(layout, name, &Request::Destroy);
    match asked {
        Ok((how, connection)) => {
            let heard = connection.reply(Some(KILL_WITHIN));
            let heard = heard.map_err(|errno| LifeError::call("wait for the monitor", errno))?;
            gone(layout, name);
            match heard {
                Heard::Reply(Reply::Ended { record }) => Ok(Stopped::Ended { how, exit: record.exit }),
                Heard::Nothing => Err(LifeError::refused(
                    format!("'{name}' was killed and has not ended yet"),
                    "a process of it waits for a device in the kernel: look again later",
                )),
                _ => Ok(Stopped::Ended { how, exit: None }),
            }
        }
        Err(error) => destroy_without_monitor(layout, name, view.record, error),
    }
}

/// How long the kernel may take to end killed processes.
const KILL_WITHIN: Duration = Duration::from_secs(20);

/// A monitor that does not answer is killed, and its domain with it.
fn destroy_without_monitor(
    layout: &Layout,
    name: &str,
    record: Option<Record>,
    error: LifeError,
) -> Result<Stopped> {
    let Some(monitor) = record.as_ref().and_then(|record| record.monitor) else { return Err(error) };
    if domains::view(layout, name)?.phase == Phase::ShutOff {
        return Ok(Stopped::WasOff);
    }
    // ESRCH: it has ended meanwhile.
    crate::disregard(monitor.signal(libc::SIGKILL));
    if !wait_until(KILL_WITHIN, || !lock::is_held(&layout.alive(name))) {
        return Err(error);
    }
    let lock = Lock::take(layout, name, "destroy")?;
    crate::disregard(reconcile::reconcile(layout, &lock, name)?);
    Ok(Stopped::Ended { how: "killed with its monitor, which did not answer".to_owned(), exit: None })
}

/// Freezes or thaws a domain.
///
/// # Errors
/// It does not run, or it cannot be frozen.
pub fn freeze(layout: &Layout, name: &str, frozen: bool) -> Result<()> {
    let (verb, request) = if frozen { ("suspend", Request::Suspend) } else { ("resume", Request::Resume) };
    let view = domains::view(layout, name)?;
    if !view.phase.is_active() {
        return Err(not_running(&view, verb));
    }
    protocol::ask(layout, name, &request).map(drop)
}

#[cfg(test)]
mod tests {
    use std::fs::OpenOptions;
    use std::os::unix::fs::OpenOptionsExt;

    use super::*;

    #[test]
    fn a_request_of_init_has_its_documented_shape() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("fifo");
        nix::unistd::mkfifo(&path, nix::sys::stat::Mode::S_IRWXU).unwrap();
        let reader = OpenOptions::new().read(true).custom_flags(libc::O_NONBLOCK).open(&path).unwrap();
        let writer = OpenOptions::new().write(true).open(&path).unwrap();
        write_initctl(writer, Wish::Reboot).unwrap();
        let mut bytes = Vec::new();
        assert_eq!(std::io::Read::read_to_end(&mut { reader }, &mut bytes).unwrap(), 384);
        assert_eq!(bytes[..12], [0x69, 0x19, 0x09, 0x03, 1, 0, 0, 0, b'6', 0, 0, 0]);
    }

    #[test]
    fn an_init_without_a_fifo_of_its_own_cannot_be_asked_by_initctl() {
        let asked = ask(std::process::id() as i32, Wish::Poweroff, Mode::Initctl, |_| Ok(()));
        assert!(asked.unwrap_err().to_string().contains("initctl"));
    }

    #[test]
    fn systemd_gets_the_signals_of_its_own_c_library() {
        use std::os::unix::process::CommandExt;
        let dir = tempfile::tempdir().unwrap();
        let systemd = dir.path().join("systemd");
        let path = std::env::var_os("PATH").unwrap();
        let mut found = std::env::split_paths(&path).map(|dir| dir.join("sleep"));
        std::os::unix::fs::symlink(found.find(|path| path.exists()).unwrap(), &systemd).unwrap();
        let mut init = std::process::Command::new(systemd).arg0("sleep").arg("100").spawn().unwrap();
        // The name changes a moment after the caller is told of the exec.
        let named = || {
            std::thread::sleep(Duration::from_millis(1));
            is_systemd(init.id() as i32)
        };
        assert!((0..5_000).any(|_| named()));
        let sent = |wish| {
            let sent = std::cell::Cell::new(0);
            let how = ask(init.id() as i32, wish, Mode::Signal, |signal| {
                sent.set(signal);
                Ok(())
            });
            (sent.get(), how.unwrap())
        };
        // kill -l on a machine with systemd.
        assert_eq!(sent(Wish::Poweroff), (37, "by systemd's SIGRTMIN+3".to_owned()));
        assert_eq!(sent(Wish::Reboot), (39, "by systemd's SIGRTMIN+5".to_owned()));
        init.kill().unwrap();
        let _status = init.wait().unwrap();
    }

    #[test]
    fn an_init_without_a_handler_gets_the_signal_that_has_an_effect() {
        let mut sleeper = std::process::Command::new("sleep").arg("100").spawn().unwrap();
        let sent = std::cell::Cell::new(0);
        let how = ask(sleeper.id() as i32, Wish::Poweroff, Mode::Signal, |signal| {
            sent.set(signal);
            Ok(())
        });
        assert_eq!(sent.get(), libc::SIGKILL, "{how:?}");
        sleeper.kill().unwrap();
        assert!(sleeper.wait().is_ok());
    }
}
