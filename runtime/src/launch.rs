//! From a domain to a running container, in one call each for planning and starting.

use browndog_xml::domain::Domain;

use crate::error::StartError;
use crate::exec::streams::Ends;
use crate::exec::{self, Options, Running, rootless};
use crate::host::Host;
use crate::plan::mutate::{self, Mutation};
use crate::plan::{Plan, Request, plan, wants_init};
use crate::survey::Survey;
use crate::sys;

/// A plan with what it was made from, ready to start.
#[derive(Debug)]
pub struct Prepared {
    /// The plan.
    pub plan: Plan,
    /// The machine.
    pub host: Host,
    /// The sources, open.
    pub survey: Survey,
}

/// Looks at this machine and plans; changes nothing and needs no privilege.
pub fn prepare(domain: &Domain, request: &Request) -> Prepared {
    prepare_with(domain, request, [None, None, None])
}

/// The same; the init gets `streams` as 0, 1 and 2, where there is one, and the caller's elsewhere.
pub fn prepare_with(domain: &Domain, request: &Request, streams: Ends) -> Prepared {
    let host = Host::probe_for(domain);
    let bind_nodes = host.rootless || !host.makes_nodes || domain.idmap.is_some();
    let mut survey = Survey::look(domain, bind_nodes, wants_init(domain, request));
    survey.open_shared(domain, &request.peers);
    survey.look_for_state(domain, &request.state);
    survey.add_streams(streams);
    let plan = plan(domain, &host, &survey, request);
    Prepared { plan, host, survey }
}

impl Prepared {
    /// Looks also at what a start would find out only when its step comes: what is missing in the root file system,
    /// or led to by who may not.
    pub fn look_ahead(&mut self, domain: &Domain, request: &Request) {
        self.plan.notes.extend(self.survey.exposed());
        crate::survey::add_foreseen(
            &mut self.plan.problems,
            self.survey.foreseen(domain, request.command.is_none()),
        );
    }

    /// Starts the container.
    ///
    /// # Errors
    /// Says what could not be done; nothing is left behind.
    pub fn start(self, options: &Options) -> Result<Running, StartError> {
        exec::start(&self.plan, &self.host, self.survey, options)
    }
}

/// Becomes root of a user namespace where the caller has no privilege; before [`prepare`], while the
/// process has one thread.
///
/// # Errors
/// Says which call the kernel refused.
pub fn gain_privilege() -> Result<(), StartError> {
    match rootless::needed() {
        Ok(false) => {
            rootless::own_mounts();
            Ok(())
        }
        Ok(true) => rootless::enter(),
        Err(errno) => Err(StartError::Launcher { what: "capget", errno }),
    }
}

/// A name that no other process has for a start of this boot: this process's id and a moment at which it is
/// there, in clock ticks since boot. A later process of that id has begun after it (proc_pid_stat(5)).
pub fn instance() -> String {
    [&std::process::id().to_string(), "-", &(sys::boottime_ns() / TICK_NS).to_string()].concat()
}

/// USER_HZ is 100 on every architecture that we build for (asm/param.h).
const TICK_NS: u64 = 10_000_000;

/// Ends the name of a start that stays in the foreground: it has no record, and its groups are nobody's state.
pub const FOREGROUND: &str = "-run";

/// A request with such a name, of a start in the foreground.
pub fn request() -> Request {
    Request { instance: instance() + FOREGROUND, ..Request::default() }
}

/// The variable that asks for a seeded fault.
pub const MUTATE: &str = "BROWNDOG_MUTATE";

/// Written by the init of a throw-away machine: the machine's boot id.
const LAB_MARK: &str = "/run/browndog-lab";

/// Precedes a fault for a suite of many starts, of which not every one has the step.
const WHERE_IT_IS: &str = "where-it-is:";

/// Seeds the fault that [`MUTATE`] asks for into `plan`.
///
/// # Errors
/// Refuses outside a throw-away machine, and where the plan has no such step, unless the fault is to be
/// seeded only where it is.
pub fn apply_mutation(plan: &mut Plan) -> Result<(), StartError> {
    let Some(text) = std::env::var_os(MUTATE) else { return Ok(()) };
    let refuse = |message: String| Err(StartError::Mutation(message));
    let text = text.to_string_lossy();
    if !in_lab() {
        return refuse(format!("{MUTATE} is honoured only in a throw-away virtual machine"));
    }
    let word = text.strip_prefix(WHERE_IT_IS);
    match Mutation::parse(word.unwrap_or(&text)) {
        None => {
            refuse(format!("{MUTATE}={text}: expected skip:STEP, drop-flag:STEP:FLAG or weaken:STEP:HOW"))
        }
        Some(mutation) if mutate::apply(plan, &mutation) || word.is_some() => Ok(()),
        Some(mutation) => refuse(format!("{MUTATE}={mutation}: this plan has no such step or flag")),
    }
}

fn in_lab() -> bool {
    let mark = std::fs::read_to_string(LAB_MARK).unwrap_or_default();
    let boot = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
    !mark.trim().is_empty() && mark.trim() == boot.trim()
}
