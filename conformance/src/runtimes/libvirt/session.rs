//! A daemon of libvirt's for one container, which sees an empty machine and leaves one.
//!
//! `probe libvirt PLACE VIRSH run NAME ROOT` makes a mount namespace with empty directories where libvirt
//! keeps its state, starts `libvirtd` there, starts the domain, and passes the probe's streams on until the
//! container is gone. `probe libvirt PLACE VIRSH virsh WORD…` asks the daemon of a session that runs.
//! `probe redirect PROGRAM ARG…` is the container's side: it opens the pipes and becomes the program.

use std::fs::{self, File, OpenOptions};
use std::io::{Read, Write};
use std::os::fd::AsFd;
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use nix::mount::{MntFlags, MsFlags, mount, umount2};
use nix::sched::{CloneFlags, setns, unshare};
use nix::sys::signal::{SigSet, Signal};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;

use super::PIPES;

/// Where libvirt keeps what it knows, and its socket.
const STATE: [&str; 5] = ["/etc/libvirt", "/run", "/var/cache", "/var/lib", "/var/log"];
/// Longest until the daemon listens.
const LISTENS: Duration = Duration::from_secs(60);
/// Longest until it has forgotten a container that is gone.
const CLEARED: Duration = Duration::from_secs(60);
const TURN: Duration = Duration::from_millis(5);
/// The file with the daemon's process number: its mount namespace has the socket.
const SESSION: &str = "libvirt-session";
/// The file with the groups that were not there before.
const GROUPS: &str = "libvirt-groups";
const SOCKET: &str = "/run/libvirt/libvirt-sock";

/// The words after `libvirt`.
pub fn main(words: &[String]) -> i32 {
    let [place, virsh, what, rest @ ..] = words else {
        eprintln!("browndog probe: libvirt wants PLACE VIRSH run|virsh …");
        return 2;
    };
    let place = Path::new(place);
    let done = match (what.as_str(), rest) {
        ("run", [name, root]) => run(place, virsh, name, Path::new(root)),
        ("virsh", words) => ask(place, virsh, words),
        _ => Err(format!("no such word: {what}")),
    };
    done.unwrap_or_else(|why| {
        eprintln!("browndog probe: libvirt: {why}");
        1
    })
}

/// The container's side: the pipes become the standard streams, and this process the program.
pub fn redirect(words: &[String]) -> i32 {
    let Some((program, arguments)) = words.split_first() else {
        eprintln!("browndog probe: redirect wants a program");
        return 2;
    };
    let open =
        |name: &str, write: bool| OpenOptions::new().read(!write).write(write).open(format!("/{name}"));
    let streams = open(PIPES[0], false).and_then(|i| Ok((i, open(PIPES[1], true)?, open(PIPES[2], true)?)));
    let error = match streams {
        // The originals are closed by exec.
        Ok((input, output, errors)) => {
            let moved = nix::unistd::dup2_stdin(&input)
                .and_then(|()| nix::unistd::dup2_stdout(&output))
                .and_then(|()| nix::unistd::dup2_stderr(&errors));
            moved.map_or_else(Into::into, |()| Command::new(program).args(arguments).exec())
        }
        Err(error) => error,
    };
    eprintln!("browndog probe: {program}: {error}");
    127
}

fn doing<T, E: std::fmt::Display>(what: &str, result: Result<T, E>) -> Result<T, String> {
    result.map_err(|error| format!("{what}: {error}"))
}

/// The private view: nothing of libvirt's is there yet, and of its drivers only the one for containers.
fn hide() -> Result<(), String> {
    doing("a mount namespace", unshare(CloneFlags::CLONE_NEWNS))?;
    let none = None::<&str>;
    doing("making mounts private", mount(none, "/", none, MsFlags::MS_REC | MsFlags::MS_PRIVATE, none))?;
    let (directory, driver) = driver()?;
    let code = doing("reading the driver", fs::read(&driver))?;
    let empty = |at: &Path| {
        let what = format!("hiding {}", at.display());
        doing(&what, mount(Some("libvirt"), at, Some("tmpfs"), MsFlags::empty(), Some("mode=755")))
    };
    empty(&directory)?;
    doing("copying the driver", fs::write(&driver, code))?;
    for at in STATE {
        empty(Path::new(at))?;
    }
    // Where some controllers are version 2 and the rest version 1 the driver starts nothing: it wants to make
    // a directory where it has made none. With version 1 alone it does.
    match umount2("/sys/fs/cgroup/unified", MntFlags::MNT_DETACH) {
        Ok(()) | Err(nix::errno::Errno::ENOENT | nix::errno::Errno::EINVAL) => Ok(()),
        Err(errno) => Err(format!("hiding the second version of control groups: {errno}")),
    }
}

/// The directory of drivers, and the one for containers.
fn driver() -> Result<(PathBuf, PathBuf), String> {
    let mut tops = vec![PathBuf::from("/usr/lib64"), PathBuf::from("/usr/lib")];
    tops.extend(fs::read_dir("/usr/lib").into_iter().flatten().flatten().map(|e| e.path()));
    let directories = tops.into_iter().map(|top| top.join("libvirt/connection-driver"));
    let found =
        directories.map(|d| (d.join("libvirt_driver_lxc.so"), d)).find(|(driver, _)| driver.is_file());
    found.map(|(driver, d)| (d, driver)).ok_or_else(|| "its container driver is not installed".to_owned())
}

fn virsh(virsh: &str, words: &[&str]) -> Command {
    let mut command = Command::new(virsh);
    let _built = command.args(["-q", "-c", "lxc:///"]).args(words).stdin(Stdio::null());
    command
}

/// Asks the daemon of a session that runs.
fn ask(place: &Path, program: &str, words: &[String]) -> Result<i32, String> {
    let session = doing("no session runs", fs::read_to_string(place.join(SESSION)))?;
    let view = doing("the session", File::open(format!("/proc/{}/ns/mnt", session.trim())))?;
    doing("entering the session", setns(view.as_fd(), CloneFlags::CLONE_NEWNS))?;
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    Err(format!("{program}: {}", virsh(program, &words).exec()))
}

fn run(place: &Path, program: &str, name: &str, root: &Path) -> Result<i32, String> {
    // It bears the name of its file, which is the probe's: who looks for the container must not find it.
    doing("a name", nix::sys::prctl::set_name(c"libvirt-session"))?;
    doing("shedding what is the caller's", crate::probe::launch::cleanse())?;
    // A payload that ends before it has read everything is no reason to end.
    doing("ignoring pipes that nobody reads", crate::sys::ignore(libc::SIGPIPE))?;
    let groups = Groups::look();
    doing("writing down the groups", fs::write(place.join(GROUPS), groups.text()))?;
    // Whatever the launcher had blocked or set to be ignored, these end the session in order.
    let mut ending = SigSet::empty();
    ending.add(Signal::SIGTERM);
    ending.add(Signal::SIGINT);
    doing("blocking signals", ending.thread_block())?;
    let signals = doing(
        "waiting for signals",
        SignalFd::with_flags(&ending, SfdFlags::SFD_NONBLOCK | SfdFlags::SFD_CLOEXEC),
    )?;
    hide()?;
    // The driver's processes leave their parent: with this they are found below the session.
    doing("adopting", nix::sys::prctl::set_child_subreaper(true))?;
    let over = Arc::new(AtomicBool::new(false));
    let streams = Streams::open(root, &over)?;
    let mut daemon = start(place)?;
    // Not this process: the daemon may outlive it.
    doing("writing down the session", fs::write(place.join(SESSION), daemon.id().to_string()))?;
    let answer = listening(&mut daemon, place).and_then(|()| {
        let document = place.join("domain.xml");
        let output = doing(program, virsh(program, &["create", &document.to_string_lossy()]).output())?;
        if !output.status.success() {
            let log = fs::read_to_string(format!("/var/log/libvirt/lxc/{name}.log")).unwrap_or_default();
            return Err(format!("{}{log}", String::from_utf8_lossy(&output.stderr)));
        }
        wait(name, program, &signals)?;
        // Until the daemon has cleared away what the container had: it knows it no longer.
        let deadline = Instant::now() + CLEARED;
        while doing(program, virsh(program, &["domstate", name]).output())?.status.success() {
            if Instant::now() > deadline {
                return Err(format!("libvirtd still has {name}, whose controller is gone"));
            }
            std::thread::sleep(TURN);
        }
        Ok(())
    });
    over.store(true, Ordering::Release);
    streams.finish();
    // It has no container any more, what it knew goes with its view, and asked to end it may take for ever.
    doing("ending the daemon", daemon.kill())?;
    let _status = doing("waiting for the daemon", daemon.wait())?;
    groups.clear();
    for name in PIPES {
        // What is in the root of a container that is over came from it.
        let _gone = fs::remove_file(root.join(name)).is_ok();
    }
    answer.map(|()| 0)
}

fn start(place: &Path) -> Result<Child, String> {
    let log = doing("its log", File::create(place.join("libvirtd.log")))?;
    let errors = doing("its log", log.try_clone())?;
    let mut command = Command::new("libvirtd");
    let _built = command.arg("--config").arg(place.join("libvirtd.conf"));
    doing("libvirtd", command.current_dir("/").stdin(Stdio::null()).stdout(log).stderr(errors).spawn())
}

fn listening(daemon: &mut Child, place: &Path) -> Result<(), String> {
    let deadline = Instant::now() + LISTENS;
    while !Path::new(SOCKET).exists() {
        let ended = doing("the daemon", daemon.try_wait())?;
        if ended.is_some() || Instant::now() > deadline {
            let log = fs::read_to_string(place.join("libvirtd.log")).unwrap_or_default();
            return Err(format!("libvirtd does not listen: {}", log.trim()));
        }
        std::thread::sleep(TURN);
    }
    Ok(())
}

/// Until the container's controller is gone; a signal that ends the session destroys the container.
fn wait(name: &str, program: &str, signals: &SignalFd) -> Result<(), String> {
    let file = format!("/run/libvirt/lxc/{name}.pid");
    let controller: Option<i32> = fs::read_to_string(file).ok().and_then(|text| text.trim().parse().ok());
    // One that is gone already has written no number, or taken it away.
    let Some(controller) = controller else { return Ok(()) };
    loop {
        match waitpid(Pid::from_raw(-1), Some(WaitPidFlag::WNOHANG)) {
            Ok(WaitStatus::StillAlive) | Err(nix::errno::Errno::ECHILD) => {}
            Ok(_) => continue,
            Err(errno) => return Err(format!("waiting for the container: {errno}")),
        }
        if !Path::new(&format!("/proc/{controller}")).exists() {
            return Ok(());
        }
        if doing("signals", signals.read_signal())?.is_some() {
            let _said = doing(program, virsh(program, &["destroy", name]).output())?;
        }
        std::thread::sleep(TURN);
    }
}

/// The probe's streams, from and to the harness.
struct Streams(Vec<std::thread::JoinHandle<()>>);

impl Streams {
    fn open(root: &Path, over: &Arc<AtomicBool>) -> Result<Self, String> {
        let input = root.join(PIPES[0]);
        // Opening waits for the probe; if it never comes this thread ends with the process.
        let _detached = std::thread::spawn(move || {
            let Ok(mut pipe) = OpenOptions::new().write(true).open(input) else { return };
            let _copied = std::io::copy(&mut std::io::stdin().lock(), &mut pipe).is_ok();
        });
        let mut threads = Vec::new();
        for name in &PIPES[1..] {
            // With an end to write to, there is no end of file before the container is over.
            let pipe = OpenOptions::new()
                .read(true)
                .write(true)
                .custom_flags(libc::O_NONBLOCK)
                .open(root.join(name));
            let (pipe, over) = (doing(name, pipe)?, Arc::clone(over));
            let errors = *name == PIPES[2];
            threads.push(std::thread::spawn(move || pass(pipe, errors, &over)));
        }
        Ok(Self(threads))
    }

    fn finish(self) {
        for thread in self.0 {
            // One that panicked has said so.
            drop(thread.join());
        }
    }
}

/// Passes on what comes until it is over and nothing is left.
fn pass(mut pipe: File, errors: bool, over: &AtomicBool) {
    let mut buffer = vec![0; 1 << 16];
    loop {
        // Asked before reading: what was written until then is read once more.
        let last = over.load(Ordering::Acquire);
        match pipe.read(&mut buffer) {
            Ok(length @ 1..) => {
                let bytes = &buffer[..length];
                let passed = if errors {
                    std::io::stderr().write_all(bytes)
                } else {
                    let mut out = std::io::stdout().lock();
                    out.write_all(bytes).and_then(|()| out.flush())
                };
                if passed.is_err() {
                    return;
                }
            }
            _ if last => return,
            _ => std::thread::sleep(TURN),
        }
    }
}

/// The group that the driver puts all containers into; it stays when they are gone.
struct Groups(Vec<PathBuf>);

impl Groups {
    /// Those that are not there yet.
    fn look() -> Self {
        let hierarchies = fs::read_dir("/sys/fs/cgroup").into_iter().flatten().flatten();
        let groups = hierarchies.map(|e| e.path()).chain([PathBuf::from("/sys/fs/cgroup")]);
        Self(groups.map(|h| h.join("machine")).filter(|group| !group.exists()).collect())
    }

    fn text(&self) -> String {
        self.0.iter().map(|group| format!("{}\n", group.display())).collect()
    }

    fn clear(self) {
        for group in self.0 {
            // Not there, or another's by now.
            let _gone = fs::remove_dir(group).is_ok();
        }
    }
}

/// What sessions below `work` that were killed would have removed at their end.
pub fn clear_after(work: &Path) {
    for place in fs::read_dir(work).into_iter().flatten().flatten() {
        let text = fs::read_to_string(place.path().join(GROUPS)).unwrap_or_default();
        Groups(text.lines().map(PathBuf::from).collect()).clear();
    }
}
