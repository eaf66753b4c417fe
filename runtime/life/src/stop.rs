//! Stopping: the container is asked in a way it understands, or everything is killed.
//!
//! **The rule** for `auto`: an init that reads requests from a FIFO `/run/initctl` (or `/dev/initctl`) of its
//! own gets one; systemd gets its own signals (SIGRTMIN+3 to halt, SIGRTMIN+5 to reboot); these are whole systems,
//! which stop what they have begun. Of any other container every process gets SIGTERM ([`asking`]).
//!
//! [`asking`]: browndog_runtime::exec::asking

use std::fs::File;
use std::io::Write;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::fcntl::{OFlag, OpenHow, ResolveFlag, openat2};
use nix::libc;

use crate::domains::{self, View};
use crate::error::{LifeError, Result};
use crate::groups::wait_until;
use crate::layout::Layout;
use crate::lock::{self, Lock};
use crate::monitor::place;
use crate::process::ProcessId;
use crate::protocol::{self, Connection, Heard, Mode, Reply, Request};
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

/// Asks an init `pid` that is a whole system's, and says how; `None` where it is none, and everybody in the
/// container is to be asked.
///
/// # Errors
/// `mode` names a way that this init does not have, or that it does not take now.
pub fn ask(
    pid: i32,
    wish: Wish,
    mode: Mode,
    send: impl Fn(i32) -> std::result::Result<(), Errno>,
) -> Result<Option<String>> {
    if mode != Mode::Signal {
        let written = initctl(pid).map(|fifo| write_initctl(fifo, wish));
        match (written, mode) {
            (Some(Ok(())), _) => return Ok(Some("by a request in its initctl".to_owned())),
            (Some(Err(error)), Mode::Initctl) => return Err(error),
            (None, Mode::Initctl) => {
                return Err(LifeError::refused(
                    "the container's init reads no initctl: there is no such FIFO of its own",
                    "use --mode signal, or 'browndog destroy'",
                ));
            }
            // One that is full, or broken: there are other ways.
            _ => {}
        }
    }
    if !is_systemd(pid) {
        return Ok(None);
    }
    // systemd(1), SIGNALS.
    let (offset, how) = match wish {
        Wish::Poweroff => (3, "by systemd's SIGRTMIN+3"),
        Wish::Reboot => (5, "by systemd's SIGRTMIN+5"),
    };
    match send(SYSTEMD_SIGRTMIN + offset) {
        // ESRCH: it has ended meanwhile.
        Ok(()) | Err(Errno::ESRCH) => Ok(Some(how.to_owned())),
        Err(errno) => Err(LifeError::call("signal the init", errno)),
    }
}

/// SIGRTMIN as systemd has it: glibc's, and not that of the C library that we are linked with (musl's is 35).
const SYSTEMD_SIGRTMIN: i32 = 34;

fn is_systemd(pid: i32) -> bool {
    std::fs::read_to_string(format!("/proc/{pid}/comm")).is_ok_and(|comm| comm.trim() == "systemd")
}

/// Where a System V init reads requests.
const INITCTL: [&str; 2] = ["run/initctl", "dev/initctl"];

/// The init's FIFO, open for writing: one that the init itself has open, and that is not the host's own.
fn initctl(pid: i32) -> Option<File> {
    let root = File::open(format!("/proc/{pid}/root")).ok()?;
    INITCTL.iter().find_map(|path| {
        // Beneath the container's root, whatever links it has put there. Looked at before it is opened: opening
        // something else may wait, or have an effect.
        let flags = OFlag::O_PATH | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
        let resolve = ResolveFlag::RESOLVE_IN_ROOT | ResolveFlag::RESOLVE_NO_MAGICLINKS;
        let held: OwnedFd = openat2(&root, *path, OpenHow::new().flags(flags).resolve(resolve)).ok()?;
        let held = File::from(held);
        let meta = held.metadata().ok()?;
        let hosts = std::fs::metadata(Path::new("/").join(path)).ok();
        let is_hosts = hosts.is_some_and(|host| (host.dev(), host.ino()) == (meta.dev(), meta.ino()));
        if !meta.file_type().is_fifo() || is_hosts || !has_open(pid, meta.ino()) {
            return None;
        }
        // O_NONBLOCK: ENXIO without a reader, EAGAIN where it is full.
        let flags = OFlag::O_WRONLY | OFlag::O_NONBLOCK | OFlag::O_CLOEXEC | OFlag::O_NOCTTY;
        let own = format!("/proc/self/fd/{}", held.as_raw_fd());
        nix::fcntl::open(own.as_str(), flags, nix::sys::stat::Mode::empty()).ok().map(File::from)
    })
}

/// Whether the process has a file of this number open, by what /proc says of its descriptors: to look at one
/// itself may wait for whoever serves it.
fn has_open(pid: i32, number: u64) -> bool {
    let entries = std::fs::read_dir(format!("/proc/{pid}/fdinfo")).into_iter().flatten().flatten();
    entries.into_iter().any(|entry| {
        let text = std::fs::read_to_string(entry.path()).unwrap_or_default();
        let found = text.lines().find_map(|line| line.strip_prefix("ino:")?.trim().parse().ok());
        found == Some(number)
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
    /// It was started again, as its document says, and its new init runs.
    Restarted {
        /// How it was asked.
        how: String,
    },
    /// It was to start again, and does not run.
    Failed {
        /// How it was asked.
        how: String,
        /// Why it could not be started, where it could not.
        why: Option<String>,
        /// How its new init ended, where it began.
        exit: Option<Exit>,
    },
    /// It has not ended, or not started again.
    Still {
        /// How it was asked.
        how: String,
        /// What it is doing.
        phase: Phase,
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
    let within_ms = u64::try_from(within.as_millis()).unwrap_or(u64::MAX);
    let request = match wish {
        Wish::Poweroff => Request::Shutdown { mode, within_ms },
        Wish::Reboot => Request::Reboot { mode, within_ms },
    };
    let (how, connection) = protocol::ask(layout, name, &request)?;
    if within.is_zero() {
        return Ok(Stopped::Asked { how });
    }
    let until = Instant::now() + within;
    let mut why = None;
    loop {
        let rest = until.saturating_duration_since(Instant::now());
        let heard =
            connection.reply(Some(rest)).map_err(|errno| LifeError::call("wait for the monitor", errno))?;
        return Ok(match heard {
            Heard::Reply(Reply::Failed { what, .. }) => {
                why = Some(what);
                continue;
            }
            Heard::Reply(Reply::Ended { record }) => {
                gone(layout, name);
                if why.is_some() {
                    Stopped::Failed { how, why, exit: None }
                } else {
                    Stopped::Ended { how, exit: record.exit }
                }
            }
            Heard::Reply(Reply::Restarted) => came_up(layout, name, how, &connection)?,
            Heard::Reply(_) => continue,
            Heard::Nothing => Stopped::Still { how, phase: domains::view(layout, name)?.phase },
            Heard::End => Stopped::Ended { how, exit: None },
        });
    }
}

/// How long a new init is looked at: one that cannot begin its work ends at once.
const MOMENT: Duration = Duration::from_millis(300);

/// It was started again: whether it runs.
fn came_up(layout: &Layout, name: &str, how: String, connection: &Connection) -> Result<Stopped> {
    let heard =
        connection.reply(Some(MOMENT)).map_err(|errno| LifeError::call("wait for the monitor", errno))?;
    if let Heard::Reply(Reply::Ended { record }) = heard {
        gone(layout, name);
        return Ok(Stopped::Failed { how, why: None, exit: record.exit });
    }
    let view = domains::view(layout, name)?;
    let record = view.record.as_ref();
    // Elsewhere its number and start time say nothing: its monitor lives, and says that it runs.
    let lives = |record: &Record| !record.is_seen() || record.init.is_some_and(ProcessId::lives);
    if record.is_some_and(lives) && matches!(view.phase, Phase::Running | Phase::Paused) {
        return Ok(Stopped::Restarted { how });
    }
    Ok(Stopped::Failed { how, why: None, exit: record.and_then(|record| record.exit) })
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
    let gone = || crate::liveness::of(layout, name, record.as_ref()) != crate::liveness::Life::Alive;
    if !wait_until(KILL_WITHIN, gone) {
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
            (sent.get(), how.unwrap().unwrap())
        };
        // kill -l on a machine with systemd.
        assert_eq!(sent(Wish::Poweroff), (37, "by systemd's SIGRTMIN+3".to_owned()));
        assert_eq!(sent(Wish::Reboot), (39, "by systemd's SIGRTMIN+5".to_owned()));
        init.kill().unwrap();
        let _status = init.wait().unwrap();
    }

    #[test]
    fn an_init_that_is_no_system_is_asked_with_everybody_else() {
        let asked = ask(std::process::id() as i32, Wish::Poweroff, Mode::Auto, |_| Err(Errno::EPERM));
        assert_eq!(asked.unwrap(), None);
    }

    #[test]
    fn a_full_fifo_takes_no_request_and_nobody_waits_for_it() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("fifo");
        nix::unistd::mkfifo(&path, nix::sys::stat::Mode::S_IRWXU).unwrap();
        let mut filled =
            OpenOptions::new().read(true).write(true).custom_flags(libc::O_NONBLOCK).open(&path).unwrap();
        while filled.write(&[0; 4096]).is_ok() {}
        let writer = OpenOptions::new().write(true).custom_flags(libc::O_NONBLOCK).open(&path).unwrap();
        assert!(write_initctl(writer, Wish::Poweroff).is_err());
    }
}
