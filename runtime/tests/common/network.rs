//! What tests of links share: containers that are started, and iproute2 outside and inside of them.

use std::process::Command;
use std::sync::MutexGuard;

use browndog_runtime::error::StartError;
use browndog_runtime::exec::{self, Options, Running};
use browndog_runtime::host::Host;
use browndog_xml::domain::Domain;

/// The right to start containers, where iproute2 can look at them.
pub fn right() -> Option<MutexGuard<'static, ()>> {
    let right = super::start_right()?;
    if Command::new("ip").arg("-V").output().is_err() {
        eprintln!("skipped: iproute2 is not installed");
        return None;
    }
    Some(right)
}

/// Starts the container of a domain on this machine.
pub fn try_start(domain: &Domain) -> Result<Running, StartError> {
    let host = Host::probe();
    let (plan, survey) = super::to_start(domain, &host);
    exec::start(&plan, &host, survey, &Options::default())
}

/// The same of one that has to start.
pub fn start(domain: &Domain) -> Running {
    try_start(domain).unwrap_or_else(|error| panic!("{}", said(&error)))
}

/// The error with what was refused, and with the help.
pub fn said(error: &StartError) -> String {
    match error {
        StartError::Refused(problems) => {
            problems.iter().map(|problem| format!("{}; ", problem.message)).collect()
        }
        StartError::Step(step) => format!("{step} {:?}", step.hint),
        other => other.to_string(),
    }
}

/// What a program that has to succeed says.
pub fn run(program: &str, args: &[&str]) -> String {
    let output = Command::new(program).args(args).output().expect("the program is there");
    assert!(output.status.success(), "{program} {args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("text")
}

/// `ip` on the test's own host.
pub fn ip(args: &str) -> String {
    run("ip", &args.split(' ').collect::<Vec<_>>())
}

/// `ip` in the network namespace of a process.
pub fn inside(pid: u32, args: &str) -> String {
    let pid = pid.to_string();
    let mut words = vec!["-t", pid.as_str(), "-n", "ip"];
    words.extend(args.split(' '));
    run("nsenter", &words)
}

/// `ip` in the network namespace of the container.
pub fn ip_in(running: &Running, args: &str) -> String {
    inside(running.pid.cast_unsigned(), args)
}
