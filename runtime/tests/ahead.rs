//! A network namespace that was begun before there was a plan: the container's where the plan makes one, nobody's
//! where it does not.

mod common;

use browndog_runtime::exec::{self, Ended, Options};
use browndog_runtime::host::Host;
use browndog_runtime::net::ahead::Ahead;
use browndog_runtime::plan::plan;
use browndog_runtime::survey::Survey;
use nix::libc;

fn network_of(task: &str) -> String {
    let link = std::fs::read_link(format!("/proc/{task}/ns/net")).expect("procfs");
    link.to_string_lossy().into_owned()
}

/// The networks of this thread before, of the container, and of this thread after.
fn networks(planned: bool) -> Option<[String; 3]> {
    let xml = common::document("<features><privnet/></features>", "", "")
        .replace("/bin/true", "/bin/sleep")
        .replace("</init>", "</init><initarg>600</initarg>");
    let domain = common::domain(&xml);
    let Some(ahead) = Ahead::of(&domain) else {
        eprintln!("skipped: this machine has one processor");
        return None;
    };
    let host = Host::probe();
    let mut survey = Survey::look(&domain, false, false);
    survey.network_ahead = Some(ahead);
    let mut plan = plan(&domain, &host, &survey, &common::request());
    if !planned {
        plan.clone.step.namespaces &= !(libc::CLONE_NEWNET as u64);
    }
    let before = network_of("thread-self");
    let mut running = exec::start(&plan, &host, survey, &Options::default()).expect("it starts");
    let inside = network_of(&running.pid.to_string());
    running.signal(libc::SIGKILL).expect("it ends");
    assert_eq!(running.wait(), Ok(Ended::Killed(libc::SIGKILL)));
    assert_eq!(running.clean_up(), Vec::<String>::new());
    Some([before, inside, network_of("thread-self")])
}

#[test]
fn the_container_is_in_it_and_the_launcher_is_not() {
    let Some(_right) = common::start_right() else { return };
    let Some([before, inside, after]) = networks(true) else { return };
    assert_ne!(inside, before);
    assert_eq!(after, before);
}

#[test]
fn a_plan_without_one_takes_none() {
    let Some(_right) = common::start_right() else { return };
    let Some([before, inside, after]) = networks(false) else { return };
    assert_eq!([&inside, &after], [&before, &before]);
}
