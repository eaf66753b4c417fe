//! From a domain to a running container, in one call each for planning and starting.

use browndog_xml::domain::Domain;

use crate::error::StartError;
use crate::exec::{self, Options, Running, rootless};
use crate::host::Host;
use crate::plan::mutate::{self, Mutation};
use crate::plan::{Plan, Request, plan};
use crate::survey::Survey;

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
    let host = Host::probe_for(domain);
    let bind_nodes = host.rootless || domain.idmap.is_some();
    let several = request.command.is_none() && domain.init.commands.len() > 1;
    let mut survey = Survey::look(domain, bind_nodes, request.init || several);
    survey.open_shared(domain, &request.peers);
    let plan = plan(domain, &host, &survey, request);
    Prepared { plan, host, survey }
}

impl Prepared {
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
        Ok(false) => Ok(()),
        Ok(true) => rootless::enter(),
        Err(errno) => Err(StartError::Launcher { what: "capget", errno }),
    }
}

/// A name that no other start of this boot has: this process's id and its start time in clock ticks.
pub fn instance() -> String {
    request().instance
}

/// A request with a name that no other start has, and with what this process does with signals; for a start
/// by a process that does nothing else with them meanwhile.
pub fn request() -> Request {
    // A command of 64 bytes at most (proc_task_name), and 34 numbers of twenty digits.
    let stat = crate::beginning_of::<1024>("/proc/self/stat").unwrap_or_default();
    let (start, changed_signals) = read_stat(&stat);
    let instance = [&std::process::id().to_string(), "-", start.unwrap_or("0")].concat();
    Request { instance, changed_signals, ..Request::default() }
}

/// Of proc_pid_stat(5): the start time, and the signals of 1 to 31 that are ignored or handled.
///
/// No signals where other threads may change that at any time; none as well where SIGPIPE is not ignored,
/// which the command and every program of Rust's does first of all: who says so may not know (gVisor says 0).
fn read_stat(stat: &str) -> (Option<&str>, Option<u32>) {
    // The command, the second field, may have any character in it.
    let Some((_, rest)) = stat.rsplit_once(')') else { return (None, None) };
    let mut fields = rest.split_ascii_whitespace();
    let threads = fields.nth(20 - 3);
    let start = fields.nth(22 - 21);
    let ignored = fields.nth(33 - 23).and_then(|field| field.parse::<u32>().ok());
    let handled = fields.next().and_then(|field| field.parse::<u32>().ok());
    let changed = match (threads, ignored, handled, fields.next()) {
        // A field more, or the last of them might be cut off.
        (Some("1"), Some(ignored), Some(handled), Some(_)) if ignored & PIPE != 0 => Some(ignored | handled),
        _ => None,
    };
    (start, changed)
}

const PIPE: u32 = 1 << (nix::libc::SIGPIPE - 1);

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

#[cfg(test)]
mod tests {
    use super::*;

    /// As Linux 6.1 writes it, of a process with this many threads.
    fn stat(threads: u32, ignored: u64, handled: u32) -> String {
        format!(
            "7 (a) S 9 (b) S 1 7 7 0 -1 4194560 99 0 0 0 0 0 0 0 20 0 {threads} 0 4711 4096000 210 \
             18446744073709551615 1 1 0 0 0 0 0 {ignored} {handled} 0 0 0 17 0 0 0 0 0 0 0 0 0 0 0 0 0 0\n"
        )
    }

    #[rstest::rstest]
    #[case::the_command(1, 4096, 0, Some(4096))]
    #[case::a_careless_caller_and_a_handler(1, 4097, 1 << 30, Some(4097 | 1 << 30))]
    #[case::another_thread_may_change_it(2, 4096, 0, None)]
    #[case::a_kernel_that_does_not_say(1, 0, 0, None)]
    #[case::no_set_of_31_signals(1, 4096 | 1 << 32, 0, None)]
    fn changed_signals_are_known_or_all_are_reset(
        #[case] threads: u32,
        #[case] ignored: u64,
        #[case] handled: u32,
        #[case] changed: Option<u32>,
    ) {
        assert_eq!(read_stat(&stat(threads, ignored, handled)), (Some("4711"), changed));
    }

    #[test]
    fn what_is_cut_off_is_not_known() {
        let whole = stat(1, 4096, 16384);
        let (before, _) = whole.split_once("84 0 0 0 17").unwrap();
        assert_eq!(read_stat(before), (Some("4711"), None));
        assert_eq!(read_stat(""), (None, None));
    }
}
