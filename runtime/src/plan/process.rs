//! The process: session, terminal, environment, and exec.

use browndog_xml::domain::{Origin, Sourced};
use nix::libc;

use super::build::Builder;
use super::identity::find_user;
use super::step::{ChildStep, HostStep, c_string};
use crate::survey::Purpose;
use crate::sys::StringArray;

const CONSOLE: Origin = Origin::Default("the caller's terminal becomes the container's console");
const CLEAN: Origin = Origin::Default("nothing of the caller passes into the container");
const TIED: Origin = Origin::Default("a container started in the foreground ends with its launcher");

/// PATH where neither the document nor libvirt's contract says otherwise.
pub const PATH_DEFAULT: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// Opens a pseudo-terminal for the first console, where the caller has one.
pub(super) fn open_consoles(b: &mut Builder<'_>) {
    for console in &b.domain.consoles {
        if let Some(tty) = &console.tty {
            b.note(
                tty.origin,
                format!("the console is a new terminal, not {}", tty.value),
                "the host's terminals are not handed to containers; use the terminal you start from",
            );
        }
    }
    if !b.request.terminal {
        return;
    }
    let owner = mapped_root(b);
    for index in 0..=b.request.more_consoles {
        let slot = b.slot(terminal_name(index));
        let origin = b.domain.consoles.get(index).map_or(CONSOLE, |console| console.origin);
        let why = "a terminal of its own: the caller's cannot be reached through it";
        let id = if index == 0 { "open-console".to_owned() } else { format!("open-console:{index}") };
        b.host_step(id, HostStep::OpenConsole { index, slot, owner }, origin, why);
    }
}

/// The slot of a console's terminal.
pub(super) fn terminal_name(index: usize) -> String {
    if index == 0 { TERMINAL.to_owned() } else { format!("{TERMINAL} {index}") }
}

/// Root of the container as the host sees it, where that is somebody else.
fn mapped_root(b: &Builder<'_>) -> Option<(u32, u32)> {
    let idmap = b.domain.idmap.as_ref()?;
    let root = |ranges: &[Sourced<browndog_xml::domain::IdRange>]| {
        ranges.iter().find(|range| range.value.start == 0).map(|range| range.value.target)
    };
    Some((root(&idmap.uid)?, root(&idmap.gid)?))
}

const TERMINAL: &str = "console terminal";

/// A session of its own, and its terminal.
pub(super) fn session(b: &mut Builder<'_>) {
    b.child(
        "new-session",
        ChildStep::NewSession,
        CLEAN,
        "no signal or terminal of the caller's session reaches it",
    );
    if let Some(terminal) = b.find_slot(TERMINAL).or_else(|| b.source(Purpose::Terminal)) {
        let origin = b.domain.consoles.first().map_or(CONSOLE, |console| console.origin);
        let why = "a session without a terminal may take one";
        b.child("take-terminal", ChildStep::TakeTerminal { terminal }, origin, why);
    }
    let persona = b.domain.personality32.map_or(0, |_| PER_LINUX32);
    if b.host.context.personality != persona as i64 {
        let origin = b.domain.personality32.unwrap_or(CLEAN);
        let why = "before exec, which keeps it";
        b.child("set-personality", ChildStep::SetPersonality { persona }, origin, why);
    }
    let dir = &b.domain.init.dir;
    let step = ChildStep::ChangeDir { path: c_string(dir.value.as_str()) };
    b.child("change-dir", step, dir.origin, "in the new root, before the user may be unable to");
}

/// personality(2): `uname -m` says i686.
const PER_LINUX32: u64 = 0x0008;

/// Ends with the launcher; signals and descriptors clean.
pub(super) fn tie(b: &mut Builder<'_>, tied: bool) {
    if tied {
        let why = "after the ids, which clear it; then a look whether the launcher is gone already";
        b.child("tie-to-launcher", ChildStep::TieToLauncher, TIED, why);
    }
    let why = "handlers and masks of the launcher mean nothing in the container";
    b.child("reset-signals", ChildStep::ResetSignals, CLEAN, why);
    // CLOSE_RANGE_CLOEXEC since 5.11; before, plainly closed.
    let flags = if b.host.at_least(5, 11) { libc::CLOSE_RANGE_CLOEXEC } else { 0 };
    let why = "last, when no step needs a descriptor any more";
    b.child("close-fds", ChildStep::CloseFds { flags }, CLEAN, why);
}

fn command(b: &Builder<'_>) -> (Vec<String>, Origin) {
    if let Some(command) = &b.request.command {
        return (command.clone(), Origin::Default("the command line names the program"));
    }
    let first = &b.domain.init.commands[0];
    let mut argv = vec![first.program.value.clone()];
    argv.extend(first.args.iter().map(|arg| arg.value.clone()));
    (argv, first.program.origin)
}

/// libvirt's contract (`container`, `container_uuid`, `LIBVIRT_LXC_*`), then the document, then the
/// caller; later wins.
fn environment(b: &Builder<'_>) -> Vec<(String, String)> {
    let domain = b.domain;
    let home = domain.init.user.as_ref().and_then(|account| {
        let passwd = b.survey.passwd.as_deref().unwrap_or_default();
        Some(find_user(passwd, &account.value)?.home)
    });
    let mut env: Vec<(String, String)> = Vec::new();
    let mut set = |name: &str, value: &str| {
        env.retain(|(have, _)| have != name);
        env.push((name.to_owned(), value.to_owned()));
    };
    set("PATH", PATH_DEFAULT);
    set("TERM", "linux");
    set("container", "lxc-libvirt");
    set("HOME", home.as_deref().unwrap_or(if domain.init.user.is_some() { "/" } else { "/root" }));
    if let Some(uuid) = &domain.uuid {
        set("container_uuid", &uuid.value.to_string());
        set("LIBVIRT_LXC_UUID", &uuid.value.to_string());
    }
    set("LIBVIRT_LXC_NAME", domain.name.value.as_str());
    if let Some(Sourced { value, .. }) = &domain.init.cmdline {
        set("LIBVIRT_LXC_CMDLINE", value);
    }
    for Sourced { value: (name, value), .. } in &domain.init.env {
        set(name, value);
    }
    for (name, value) in &b.request.env {
        set(name, value);
    }
    env
}

/// execve.
pub(super) fn exec(b: &mut Builder<'_>) {
    if b.domain.init.commands.len() > 1 && b.request.command.is_none() {
        let origin = b.domain.init.commands[1].program.origin;
        b.problem(origin, "not supported: more than one application", "keep one <application>");
    }
    let (argv, origin) = command(b);
    let env = environment(b);
    let program = argv[0].clone();
    let paths = if program.contains('/') {
        vec![c_string(&program)]
    } else {
        let path = env.iter().find(|(name, _)| name == "PATH").map_or(PATH_DEFAULT, |(_, value)| value);
        path.split(':').map(|dir| c_string(&format!("{dir}/{program}"))).collect()
    };
    let step = ChildStep::Exec {
        paths,
        argv: StringArray::new(argv.iter().map(|arg| c_string(arg)).collect()),
        env: StringArray::new(env.iter().map(|(name, value)| c_string(&format!("{name}={value}"))).collect()),
    };
    b.child(
        "exec",
        step,
        origin,
        "everything is in place; nothing of browndog runs in the container from here on",
    );
}
