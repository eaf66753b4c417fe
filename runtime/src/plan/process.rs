//! The process: session, terminal, environment, and exec.

use std::borrow::Cow;
use std::ffi::{CString, OsStr, OsString};
use std::os::unix::ffi::OsStrExt;

use browndog_xml::domain::{Origin, Sourced};
use nix::libc;

use super::build::Builder;
use super::console::{TERMINAL, further, streams};
use super::identity::find_user;
use super::mounts::{ATTR_NODEV, ATTR_NOSUID, ATTR_RDONLY};
use super::step::{ChildStep, HostStep, c_bytes, c_owned, c_string};
use crate::survey::Purpose;
use crate::sys::{MountAttr, StringArray};

const CLEAN: Origin = Origin::Default("nothing of the caller passes into the container");
const TIED: Origin = Origin::Default("a container started in the foreground ends with its launcher");

/// PATH where neither the document nor libvirt's contract says otherwise.
pub const PATH_DEFAULT: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// A session of its own, and its terminal.
pub(super) fn session(b: &mut Builder<'_>) {
    b.child(
        "new-session",
        ChildStep::NewSession,
        CLEAN,
        "no signal or terminal of the caller's session reaches it",
    );
    let console = b.find_slot(TERMINAL);
    if let Some(terminal) = console.filter(|_| is_system(b)) {
        let origin = b.domain.init.commands[0].program.origin;
        let why = "an init of a whole system gives its terminals to the sessions that it starts";
        b.child("take-streams", ChildStep::TakeStreams { streams: [Some(terminal); 3] }, origin, why);
    } else if let Some(terminal) = console.or_else(|| b.source(Purpose::Terminal)) {
        let origin = b.domain.consoles.first().map_or(CLEAN, |console| console.origin);
        let why = "a session without a terminal may take one";
        b.child("take-terminal", ChildStep::TakeTerminal { terminal }, origin, why);
    } else {
        streams(b);
    }
    let persona = b.domain.personality32.map_or(0, |_| PER_LINUX32);
    if b.host.context.personality != persona as i64 {
        let origin = b.domain.personality32.unwrap_or(CLEAN);
        let why = "before exec, which keeps it";
        b.child("set-personality", ChildStep::SetPersonality { persona }, origin, why);
    }
}

/// Nothing of the host is left open; only then is a path of the container's followed.
///
/// A link of the image, or of a process inside, may lead to any descriptor of this process (`/proc/self/fd/N`), and by
/// it to the host: what is closed cannot be reached, whatever the kernel makes of a path. No step needs one any more
/// but the pipes to the launcher, which are no way to anything, and the built-in init's program, which is executed by
/// its descriptor: a file alone, on a read-only mount of its own or sealed in memory, from which no path goes on.
pub(super) fn settle(b: &mut Builder<'_>) {
    let keep = b.find_slot(PROGRAM);
    let why = "before any path of the container's is followed: a link may lead to what is open";
    b.child("close-fds", ChildStep::CloseFds { flags: 0, keep }, CLEAN, why);
    let dir = &b.domain.init.dir;
    let step = ChildStep::ChangeDir { path: c_string(dir.value.as_str()), resolve: IN_ROOT };
    b.child("change-dir", step, dir.origin, "in the new root, before the user may be unable to");
    look(b);
}

/// CAP_DAC_OVERRIDE (capabilities(7)).
const CAP_DAC_OVERRIDE: u64 = 1 << 1;

/// Of a program that may be executed and not read, only somebody with more rights can say what it leads to.
fn look(b: &mut Builder<'_>) {
    let has = b.user_namespace || b.host.bounding & CAP_DAC_OVERRIDE != 0;
    let reads_all = b.domain.init.user.is_none() && has && super::confine::kept(b) & CAP_DAC_OVERRIDE != 0;
    if reads_all || built_in(b) {
        return;
    }
    let (commands, origin) = commands(b);
    let paths = paths(&commands[0][0], &environment(b));
    let step = ChildStep::LookAtProgram { paths, resolve: libc::RESOLVE_NO_MAGICLINKS };
    b.child(
        "look-at-program",
        step,
        origin,
        "while it may be read: its user may be allowed to execute it only",
    );
}

/// The working directory is looked up from the root, which is the current one then.
const IN_ROOT: u64 = libc::RESOLVE_IN_ROOT | libc::RESOLVE_NO_MAGICLINKS;

/// personality(2): `uname -m` says i686.
const PER_LINUX32: u64 = 0x0008;

/// Ends with the launcher; signals clean.
pub(super) fn tie(b: &mut Builder<'_>, tied: bool) {
    if tied {
        let why = "after the ids, which clear it; then a look whether the launcher is gone already";
        b.child("tie-to-launcher", ChildStep::TieToLauncher, TIED, why);
    }
    let why = "handlers and masks of the launcher mean nothing in the container";
    // Handlers too, although exec resets them: until then they would run in the child, once nothing is blocked.
    b.child("reset-signals", ChildStep::ResetSignals, CLEAN, why);
}

/// What runs: the caller's command, or the document's.
fn commands(b: &Builder<'_>) -> (Vec<Vec<OsString>>, Origin) {
    if let Some(command) = &b.request.command {
        return (vec![command.clone()], Origin::Default("the command line names the program"));
    }
    let words = |command: &browndog_xml::domain::Command| {
        let arguments = command.args.iter().map(|arg| OsString::from(&arg.value));
        std::iter::once(OsString::from(&command.program.value)).chain(arguments).collect()
    };
    let commands = &b.domain.init.commands;
    (commands.iter().map(words).collect(), commands[0].program.origin)
}

/// Programs that are the init of a whole system, by their name: to them the kernel gives a console, and no
/// controlling terminal, which none of the sessions that they start could then have.
const SYSTEMS: [&str; 4] = browndog_xml::system::INITS;

pub(super) fn is_system(b: &Builder<'_>) -> bool {
    let asked = b.request.command.as_ref().and_then(|command| command.first());
    let program = asked.map_or(OsStr::new(&b.domain.init.commands[0].program.value), OsString::as_os_str);
    let name = program.as_bytes().rsplit(|byte| *byte == b'/').next().unwrap_or_default();
    !built_in(b) && SYSTEMS.iter().any(|system| system.as_bytes() == name)
}

/// Whether process 1 is browndog's: for several applications, or asked for.
fn built_in(b: &Builder<'_>) -> bool {
    wants_init(b.domain, b.request)
}

/// The same, before there is a plan.
pub(crate) fn wants_init(domain: &browndog_xml::domain::Domain, request: &super::Request) -> bool {
    let asked = domain.extension.init.as_ref().is_some_and(|init| init.value);
    request.init || asked || (request.command.is_none() && domain.init.commands.len() > 1)
}

const PROGRAM: &str = "sealed program";

/// The program of the built-in process 1, out of the container's reach: what runs in there can open it by
/// `/proc/1/exe`, and must not be able to write to it.
pub(super) fn prepare_program(b: &mut Builder<'_>) {
    if !built_in(b) {
        return;
    }
    let Some(source) = b.source(Purpose::Program) else { return };
    let into = b.slot(PROGRAM);
    if b.host.at_least(5, 12) && !b.survey.program_apart {
        let step = HostStep::CloneTree { source, into };
        b.host_step("clone-tree:program", step, SEVERAL, "a mount of its own, which can be restricted");
        let attr = MountAttr {
            attr_set: ATTR_RDONLY | ATTR_NOSUID | ATTR_NODEV,
            propagation: libc::MS_PRIVATE,
            ..MountAttr::default()
        };
        let step = HostStep::Restrict { tree: into, attr };
        b.host_step("restrict:program", step, SEVERAL, "who opens /proc/1/exe to write gets EROFS");
    } else {
        let why = "where no mount of it can be had and restricted: a copy in memory that nobody can change";
        b.host_step("seal-program", HostStep::SealProgram { source, into }, SEVERAL, why);
    }
}

const SEVERAL: Origin = Origin::Default("several applications need a process 1 that waits for them");

/// libvirt's contract (`container`, `container_uuid`, `LIBVIRT_LXC_*`), then the document, then the
/// caller; later wins.
///
/// Where libvirt's documentation and its driver differ, programs were written to what the driver does:
/// `container` is `lxc-libvirt` (the documentation has `libvirt-lxc`; systemd knows the former only).
/// Where the driver is poorer than its documentation, both are served: `PATH` has every directory of
/// either (`/bin:/sbin`, `/bin:/usr/bin`), and `HOME` is the user's own rather than `/`. `<initenv>`
/// replaces any of them.
fn environment<'a>(b: &Builder<'a>) -> Vec<(&'a str, Cow<'a, str>)> {
    let (domain, request) = (b.domain, b.request);
    let home = domain.init.user.as_ref().and_then(|account| {
        let passwd = b.survey.passwd.as_deref().unwrap_or_default();
        Some(find_user(passwd, &account.value)?.home)
    });
    let mut env: Vec<(&str, Cow<'_, str>)> = Vec::with_capacity(16);
    let mut set = |name, value| {
        env.retain(|(have, _)| *have != name);
        env.push((name, value));
    };
    set("PATH", PATH_DEFAULT.into());
    set("TERM", "linux".into());
    set("container", "lxc-libvirt".into());
    let home = home.map(Cow::Owned);
    set("HOME", home.unwrap_or(if domain.init.user.is_some() { "/" } else { "/root" }.into()));
    let uuid = domain.uuid.as_ref().map(|uuid| uuid.value.to_string());
    if let Some(uuid) = uuid {
        set("container_uuid", uuid.clone().into());
        set("LIBVIRT_LXC_UUID", uuid.into());
    }
    if let Some(names) = further(b) {
        set("container_ttys", names.into());
    }
    set("LIBVIRT_LXC_NAME", domain.name.value.as_str().into());
    for Sourced { value: (name, value), .. } in &domain.init.env {
        set(name, value.into());
    }
    for (name, value) in &request.env {
        set(name, value.into());
    }
    env
}

/// Where a program may be: at its path, or in the directories of PATH.
fn paths(program: &OsStr, env: &[(&str, Cow<'_, str>)]) -> Vec<CString> {
    let program = program.as_bytes();
    if program.contains(&b'/') {
        return vec![c_bytes(program)];
    }
    let path = env.iter().find(|(name, _)| *name == "PATH").map_or(PATH_DEFAULT, |(_, value)| value);
    path.split(':').map(|dir| c_bytes(&[dir.as_bytes(), b"/", program].concat())).collect()
}

/// execve.
pub(super) fn exec(b: &mut Builder<'_>) {
    let (commands, origin) = commands(b);
    let env = environment(b);
    let variable = |(name, value): &(&str, Cow<'_, str>)| c_owned([*name, "=", value.as_ref()].concat());
    let array = |words: Vec<CString>| Box::new(StringArray::new(words));
    let variables = array(env.iter().map(variable).collect());
    let words = |words: &[OsString]| array(words.iter().map(|word| c_bytes(word.as_bytes())).collect());
    if built_in(b) {
        // Without the program there is a problem already: it is a source like any other.
        let Some(program) = b.find_slot(PROGRAM) else { return };
        let argv = words(&crate::pid1::pack(&commands));
        let why = "everything is in place; a small process 1 starts the applications and waits for them";
        b.child("exec", ChildStep::ExecBuiltInInit { program, argv, env: variables }, origin, why);
        return;
    }
    let argv = &commands[0];
    let paths = paths(&argv[0], &env);
    // By its path, not by a descriptor of what was looked at: a script would get `/dev/fd/N` for its name, and the kernel
    // before 6.14 would call the process by the number. Nothing of the host can be reached by then in any case.
    let resolve = libc::RESOLVE_NO_MAGICLINKS;
    let step = ChildStep::Exec { paths, resolve, argv: words(argv), env: variables };
    let why = "everything is in place; nothing of browndog runs in the container from here on";
    b.child("exec", step, origin, why);
}
