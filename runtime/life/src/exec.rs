//! Another program in a domain that runs: joined by a plan of its own, confined as the init is.
//!
//! The container's processes cannot reach the host through it: it has no descriptor of the host (pipes or
//! a terminal of the container's own), nobody may look into it before it executes, and this program's own
//! file is executed from a read-only mount first ([`crate::program`]).

use std::fs::File;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;
use std::sync::Arc;

use browndog_runtime::error::{StartError, Tried};
use browndog_runtime::exec::attach::Container;
use browndog_runtime::exec::relay::{self, catch_signals};
use browndog_runtime::exec::streams::Streams;
use browndog_runtime::exec::{self, Ended, Options, Running};
use browndog_runtime::host::{CONTROLLERS, Cgroups, Host};
use browndog_runtime::path::RESOLVE_IN_ROOT;
use browndog_runtime::plan::enter::{Target, enter};
use browndog_runtime::plan::step::{Beneath, ChildStep};
use browndog_runtime::plan::{Plan, Request};
use browndog_runtime::survey::{Found, Kind, Purpose, Survey};
use browndog_runtime::sys::terminal;
use browndog_runtime::{errno_of, sys};
use browndog_xml::domain::{Account, Domain, Origin, Sourced};
use browndog_xml::source::Source;
use browndog_xml::value::AbsPath;
use nix::errno::Errno;
use nix::libc;
use nix::sys::statfs::{DEVPTS_SUPER_MAGIC, fstatfs};

use crate::edit::Document;
use crate::error::{LifeError, Result};
use crate::layout::Layout;
use crate::process::ProcessId;
use crate::record::{Phase, Record, UNIFIED};
use crate::{domains, frozen, null, stop};

/// What is to be run.
#[derive(Clone, Debug, Default)]
pub struct Command {
    /// Program and arguments; a program without a slash is looked for in PATH.
    pub words: Vec<std::ffi::OsString>,
    /// Variables added to the environment.
    pub env: Vec<(String, String)>,
    /// Where; the init's directory without.
    pub directory: Option<String>,
    /// As whom, by name or number; root of the container without.
    pub user: Option<String>,
    /// Its group.
    pub group: Option<String>,
    /// How it is connected.
    pub connection: Connection,
}

/// How a program is connected to the caller.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Connection {
    /// By pipes.
    #[default]
    Streams,
    /// By a terminal of the container's own.
    Terminal,
    /// Not at all: it goes on by itself.
    Detached,
}

/// What became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Executed {
    /// It has ended.
    Ended {
        /// How.
        ended: Ended,
        /// What the caller should know of it, a sentence each.
        remarks: Vec<String>,
    },
    /// It goes on; its process as the host sees it.
    Detached(i32),
}

const ASKED: Origin = Origin::Default("the command line asks for it");

/// Runs `command` in the domain and waits for it, unless it is detached.
///
/// # Errors
/// The domain does not run, or what the plan's steps say.
pub fn execute(layout: &Layout, name: &str, command: &Command) -> Result<Executed> {
    let (record, init) = running(layout, name)?;
    let document = document(layout, name)?;
    let failed = |error: &StartError| LifeError::Start {
        rendered: in_words_of_exec(error.render_as(Tried::EXECUTE, name, &document.source)),
        code: error.exit_code(),
    };
    let domain = domain_for(&document.domain, command)?;
    let held = Held::new(init).map_err(|errno| match errno {
        Errno::ESRCH if !record.is_seen() => LifeError::refused(
            format!(
                "cannot execute in '{name}': its processes cannot be told from here, where the PID or the time \
                 namespace is another than its monitor's"
            ),
            "use browndog where its owner is, not in a container",
        ),
        errno => LifeError::call(format!("look at the init of '{name}'"), errno),
    })?;
    let host = held.host();
    let kinds = held.kinds;
    let map = held.map("uid_map");
    let (survey, ends) = held.survey(command, &domain)?;
    let request =
        Request { command: Some(command.words.clone()), env: command.env.clone(), ..Request::default() };
    let unified = unified(&record, init, &host)?;
    frozen::refuse(&record, unified.as_deref(), "execute in")?;
    let target = Target {
        kinds,
        unified,
        groups: groups_v1(&record),
        tied: command.connection != Connection::Detached,
    };
    let plan: Plan = enter(&domain, &host, &survey, &request, &target);
    hand_over(&survey, &plan, &map, &host)?;
    let launcher = |what| move |errno| failed(&StartError::Launcher { what, errno });
    let signals = match command.connection {
        Connection::Detached => None,
        _ => Some(Arc::new(catch_signals().map_err(launcher("signalfd"))?)),
    };
    let options = Options { signals: signals.clone(), ..Options::default() };
    let mut running = exec::start(&plan, &host, survey, &options).map_err(|error| failed(&error))?;
    let ended = match (ends, signals) {
        (Ends::Streams(streams), Some(signals)) => streams.attend(&mut running, &signals),
        (Ends::Terminal(master), Some(signals)) => {
            running.console = Some(master);
            relay::attend(&mut running, &signals)
        }
        _ => return Ok(Executed::Detached(running.detach())),
    };
    let remarks = std::mem::take(&mut running.remarks);
    finish(running);
    ended.map(|ended| Executed::Ended { ended, remarks }).map_err(launcher("poll"))
}

/// The help of a start's steps for who gives a command and no document.
fn in_words_of_exec(rendered: String) -> String {
    rendered.replace("; correct <init>, or the root file system", "; see what PATH is inside").replace(
        "<initdir> names no directory of the container",
        "the working directory is no directory of the container: give another with --cwd",
    )
}

/// The terminal belongs to whom the program runs as, as a login's does: it was opened by the host's root,
/// who is nobody in a container with an id map.
fn hand_over(survey: &Survey, plan: &Plan, map: &[[u32; 3]], host: &Host) -> Result<()> {
    let terminal = survey.get(Purpose::Terminal).and_then(|found| found.fd.as_ref());
    let user = plan.child.iter().find_map(|entry| match entry.step {
        ChildStep::SetUid { uid } => Some(uid),
        _ => None,
    });
    let Some(terminal) = terminal.filter(|_| !host.rootless) else { return Ok(()) };
    let user = user.unwrap_or(0);
    // One that is not in the map fails at its own step, and says so.
    let Some(owner) = outside(map, user) else { return Ok(()) };
    nix::unistd::fchown(terminal, Some(owner.into()), None)
        .map_err(|errno| LifeError::call("hand the terminal over", errno))
}

/// An id of the container as the host sees it.
fn outside(map: &[[u32; 3]], id: u32) -> Option<u32> {
    let holds = |[inside, _, count]: &&[u32; 3]| id >= *inside && id - inside < *count;
    map.iter().find(holds).map(|[inside, outside, _]| outside + (id - inside))
}

fn finish(running: Running) {
    // An entered program has made nothing on the host.
    crate::disregard(running.clean_up());
}

fn running(layout: &Layout, name: &str) -> Result<(Record, ProcessId)> {
    let view = domains::view(layout, name)?;
    // Frozen by others than 'suspend': that is said by the group.
    if let Some(record) = view.record.as_ref().filter(|record| record.phase == Phase::Running) {
        frozen::refuse(record, None, "execute in")?;
    }
    match (view.phase, view.record.as_ref().and_then(|record| record.init)) {
        (Phase::Running | Phase::InShutdown, Some(init)) => view
            .record
            .clone()
            .map(|record| (record, init))
            .ok_or_else(|| stop::not_running(&view, "execute in")),
        (Phase::Paused, _) => Err(LifeError::State {
            name: name.to_owned(),
            verb: "execute in",
            state: view.phase.word().to_owned(),
            help: format!("let it go on with 'browndog resume {name}'"),
        }),
        _ => Err(stop::not_running(&view, "execute in")),
    }
}

fn document(layout: &Layout, name: &str) -> Result<Document> {
    let path = layout.live(name);
    let bytes = crate::files::read(&path).map_err(|error| LifeError::file("read", &path, error))?;
    Document::read(&Source::from_bytes(layout.definition(name).to_string_lossy(), bytes))
}

/// The domain with the command's user and directory in the place of its init's.
fn domain_for(domain: &Domain, command: &Command) -> Result<Domain> {
    let mut domain = domain.clone();
    let account = |text: &str| {
        let value = Account::parse(text).map_err(|error| {
            LifeError::refused(error.to_string(), error.help.unwrap_or_else(|| "name an account".to_owned()))
        })?;
        Ok::<_, LifeError>(Sourced { value, origin: ASKED })
    };
    // An init that gives up root does so for good; a command of the host's root may be root inside.
    // Process 1 is there already.
    domain.extension.init = None;
    let (user, group) = match command.user.as_deref().map(|user| (user, user.split_once(':'))) {
        None => (None, None),
        Some((user, None)) => (Some(user), None),
        Some((_, Some((user, group)))) if command.group.is_none() => (Some(user), Some(group)),
        Some((user, Some(_))) => {
            let what = format!("--user {user} names a group, and so does --group");
            return Err(LifeError::refused(what, "leave one of them out"));
        }
    };
    domain.init.user = user.map(account).transpose()?;
    domain.init.group = group.or(command.group.as_deref()).map(account).transpose()?;
    if let Some(directory) = &command.directory {
        let value = AbsPath::parse(directory).map_err(|error| {
            LifeError::refused(format!("the working directory: {error}"), "give an absolute path")
        })?;
        domain.init.dir = Sourced { value, origin: ASKED };
    }
    Ok(domain)
}

/// The container's init, held so that no other process can be taken for it.
pub(crate) struct Held {
    pidfd: OwnedFd,
    root: OwnedFd,
    pid: i32,
    kinds: i32,
}

/// Namespaces by the name of their file in /proc/PID/ns (namespaces(7)).
const NAMESPACES: [(&str, i32); 8] = [
    ("user", libc::CLONE_NEWUSER),
    ("mnt", libc::CLONE_NEWNS),
    ("pid", libc::CLONE_NEWPID),
    ("ipc", libc::CLONE_NEWIPC),
    ("uts", libc::CLONE_NEWUTS),
    ("net", libc::CLONE_NEWNET),
    ("cgroup", libc::CLONE_NEWCGROUP),
    ("time", CLONE_NEWTIME),
];

/// CAP_SYS_ADMIN of capabilities(7).
const CAP_SYS_ADMIN: u32 = 21;

/// CLONE_NEWTIME of linux/sched.h.
const CLONE_NEWTIME: i32 = 0x80;

impl Held {
    pub(crate) fn new(init: ProcessId) -> std::result::Result<Self, Errno> {
        let pidfd = init.open().ok_or(Errno::ESRCH)?;
        let pid = init.pid;
        let mut kinds = 0;
        for (name, kind) in NAMESPACES {
            let inode =
                |who: &str| std::fs::metadata(format!("/proc/{who}/ns/{name}")).map(|meta| meta.ino());
            // A kernel without such namespaces has no such file.
            let Ok(own) = inode("self") else { continue };
            if inode(&pid.to_string()).map_err(errno_of)? != own {
                kinds |= kind;
            }
        }
        let root = File::open(format!("/proc/{pid}/root")).map_err(errno_of)?;
        // Looked at again: everything above was of this init.
        if !init.lives() {
            return Err(Errno::ESRCH);
        }
        Ok(Self { pidfd, root: root.into(), pid, kinds })
    }

    /// Itself as the runtime takes it, with the processes in its groups.
    pub(crate) fn into_container(self, processes: Vec<i32>) -> Container {
        let root = |map: &str| outside(&self.map(map), 0).unwrap_or(0);
        let owner = (root("uid_map"), root("gid_map"));
        let may_mount = self.kinds & libc::CLONE_NEWUSER != 0 || self.may_ever(CAP_SYS_ADMIN);
        Container { pid: self.pid, pidfd: self.pidfd, root: self.root, owner, processes, may_mount }
    }

    /// Whether a process of the container can have this capability (proc_pid_status(5), `CapBnd`); who cannot be
    /// looked at can.
    fn may_ever(&self, capability: u32) -> bool {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.pid)).unwrap_or_default();
        let set = status.lines().find_map(|line| line.strip_prefix("CapBnd:"));
        let set = set.and_then(|set| u64::from_str_radix(set.trim(), 16).ok());
        set.is_none_or(|set| set >> capability & 1 == 1)
    }

    /// This machine, as the program will find it: in the container's user namespace.
    fn host(&self) -> Host {
        let mut host = Host::probe();
        if host.rootless {
            (host.uid_map, host.gid_map) = (self.map("uid_map"), self.map("gid_map"));
        }
        host
    }

    fn map(&self, file: &str) -> Vec<[u32; 3]> {
        let text = std::fs::read_to_string(format!("/proc/{}/{file}", self.pid)).unwrap_or_default();
        parse_map(&text)
    }

    /// What the plan's first slots hold, and the caller's ends.
    fn survey(self, command: &Command, domain: &Domain) -> Result<(Survey, Ends)> {
        let mut survey = Survey::default();
        // A FIFO, a device or a file of the kernel's own in their place would be a trap: they are looked at first.
        survey.read_accounts(domain, |path| self.open(path, libc::O_PATH));
        let mut found = Vec::new();
        let mut add = |purpose, path: &str, fd: OwnedFd| {
            let kind = Ok(Kind::Other);
            let (path, owner, contents, fd) = (path.to_owned(), None, None, Some(fd));
            found.push(Found { purpose, path, origin: ASKED, kind, owner, below: Vec::new(), contents, fd });
        };
        let ends = match command.connection {
            Connection::Terminal => {
                let (master, peer) = self.terminal()?;
                add(Purpose::Terminal, "/dev/pts", peer);
                Ends::Terminal(master)
            }
            Connection::Streams => {
                let pipes = Streams::new().map_err(|errno| LifeError::call("make pipes", errno))?;
                for (number, fd) in pipes.1.into_iter().enumerate() {
                    add(Purpose::Stream(number), "pipe", fd);
                }
                Ends::Streams(pipes.0)
            }
            Connection::Detached => {
                let null = null::open().map_err(|errno| LifeError::call("make a null device", errno))?;
                for number in 0..3 {
                    let fd = null.try_clone().map_err(errno_of);
                    let fd = fd.map_err(|errno| LifeError::call("make a null device", errno))?;
                    add(Purpose::Stream(number), "/dev/null", fd);
                }
                Ends::None
            }
        };
        add(Purpose::Root, "/", self.root);
        add(Purpose::Init, &self.pid.to_string(), self.pidfd);
        survey.found = found.into_iter().collect();
        Ok((survey, ends))
    }

    /// Opens a file of the container's, wherever its links lead, beneath its root.
    fn open(&self, path: &str, flags: i32) -> std::result::Result<OwnedFd, Errno> {
        let beneath = Beneath::new(path);
        sys::openat2(self.root.as_raw_fd(), beneath.as_c_str(), flags, 0, RESOLVE_IN_ROOT).map(sys::adopt)
    }

    /// A terminal of the container's own instance, so that it has a name there. What stands in its place is looked at
    /// before it is opened: to open a device, or a FIFO, may do something.
    fn terminal(&self) -> Result<(OwnedFd, OwnedFd)> {
        let failed = |errno| LifeError::call("open a terminal of the container's /dev/pts", errno);
        let beneath = Beneath::new("/dev/pts/ptmx");
        let resolve = RESOLVE_IN_ROOT | libc::RESOLVE_NO_SYMLINKS;
        let (root, flags) = (self.root.as_raw_fd(), libc::O_PATH | libc::O_NOFOLLOW);
        let found =
            sys::openat2(root, beneath.as_c_str(), flags, 0, resolve).map(sys::adopt).map_err(failed)?;
        if !is_multiplexer(&found).map_err(failed)? {
            return Err(LifeError::refused(
                "the container's /dev/pts/ptmx is no terminal multiplexer of its own",
                "run without a terminal: 'browndog exec --no-tty'",
            ));
        }
        let path = format!("/proc/self/fd/{}", found.as_raw_fd());
        let mut options = std::fs::OpenOptions::new();
        let options = options.read(true).write(true).custom_flags(libc::O_NOCTTY);
        let master = OwnedFd::from(options.open(path).map_err(|error| failed(errno_of(error)))?);
        terminal::unlock(master.as_fd()).map_err(failed)?;
        // Its other side without going through any path.
        let peer = sys::open_pty_peer(master.as_fd()).map_err(failed)?;
        Ok((master, peer))
    }
}

/// Whether it is the multiplexer of an instance of terminals that is not the host's (pts(4): c 5:2).
fn is_multiplexer(found: &OwnedFd) -> std::result::Result<bool, Errno> {
    let stat = nix::sys::stat::fstat(found)?;
    let character = stat.st_mode & libc::S_IFMT == libc::S_IFCHR && stat.st_rdev == libc::makedev(5, 2);
    let hosts = nix::sys::stat::stat("/dev/pts").is_ok_and(|hosts| hosts.st_dev == stat.st_dev);
    Ok(character && !hosts && fstatfs(found)?.filesystem_type() == DEVPTS_SUPER_MAGIC)
}

/// `inside outside count` lines (user_namespaces(7)).
fn parse_map(text: &str) -> Vec<[u32; 3]> {
    let line = |line: &str| {
        let mut numbers = line.split_ascii_whitespace().map(|number| number.parse().ok());
        Some([numbers.next()??, numbers.next()??, numbers.next()??])
    };
    text.lines().filter_map(line).collect()
}

/// The caller's side of the connection.
enum Ends {
    Streams(Streams),
    Terminal(OwnedFd),
    None,
}

/// The init's own group of version 2: a system inside has moved it into one of its own.
///
/// # Errors
/// The kernel lets a plain user move nothing between groups that root keeps apart, such as those of two
/// logins: a program that the container's limits do not hold would be a way out of them, since the
/// container's own processes may look into it and change it.
fn unified(record: &Record, init: ProcessId, host: &Host) -> Result<Option<String>> {
    let Some(group) = record.unified() else { return Ok(None) };
    let root = match &host.cgroups {
        Cgroups::V2 { root, .. } => Some(root),
        Cgroups::V1 { unified, .. } => unified.as_ref(),
        Cgroups::None { .. } => None,
    };
    // Without root, that is the group of the caller's, if that was handed over.
    if host.rootless && root.is_none_or(|own| !may_move(Path::new(own), group)) {
        return Err(LifeError::refused(
            format!(
                "a program from this login would be in '{0}' but not in its control group: neither its limits \
                 nor 'suspend' would hold it",
                record.name
            ),
            format!(
                "run it in the login that started '{0}', or where the groups are yours: systemd-run --user \
                 --scope browndog exec {0}",
                record.name
            ),
        ));
    }
    let Some(root) = root else { return Ok(None) };
    let text = std::fs::read_to_string(format!("/proc/{}/cgroup", init.pid)).unwrap_or_default();
    let own = text.lines().find_map(|line| line.strip_prefix("0::"));
    let path = own.map(|own| format!("{}{own}", root.trim_end_matches('/')));
    // What the file says is relative to our own namespace; a path that is not of the domain is not used.
    let inside = path.filter(|path| Path::new(path).starts_with(group) && !path.contains("/../"));
    Ok(Some(inside.unwrap_or_else(|| group.to_string_lossy().into_owned())))
}

/// Whether a process of the group `from` may be put into `to`: that takes the right to write to
/// `cgroup.procs` of the group that both are in (cgroup-v2.rst, delegation containment).
fn may_move(from: &Path, to: &Path) -> bool {
    let common = from.ancestors().find(|above| to.starts_with(above));
    let procs = common.map(|common| common.join("cgroup.procs"));
    procs.is_some_and(|procs| nix::unistd::eaccess(&procs, nix::unistd::AccessFlags::W_OK).is_ok())
}

fn groups_v1(record: &Record) -> Vec<(&'static str, String)> {
    let known = |name: &str| CONTROLLERS.iter().find(|known| **known == name).copied();
    let v1 = record.groups.iter().filter(|group| group.controller != UNIFIED);
    v1.filter_map(|group| Some((known(&group.controller)?, group.path.to_string_lossy().into_owned())))
        .collect()
}
