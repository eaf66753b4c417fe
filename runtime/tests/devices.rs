//! A device that is not declared does not open, whoever made the node and whichever version of control
//! groups holds the policy.

mod common;

use browndog_runtime::exec::{self, Ended, Options};
use browndog_runtime::host::{Cgroups, Host};

/// Ends with 0 where memory (1:1) is refused and null (1:3) opens.
const SCRIPT: &str = "mknod /dev/m c 1 1; mknod /dev/n c 1 3; : &lt; /dev/n || exit 3; (: &lt; /dev/m) 2> /dev/null &amp;&amp; exit 4; exit 0";

fn ended(host: &Host) -> Ended {
    let features =
        "<features><privnet/><capabilities policy='default'><mknod state='on'/></capabilities></features>";
    let domain = common::domain(&common::scripted(features, "", "", SCRIPT));
    let (plan, survey) = common::to_start(&domain, host);
    assert!(plan.before.iter().any(|entry| entry.id == "limit-devices"), "{plan}");
    let mut running = exec::start(&plan, host, survey, &Options::default()).expect("it starts");
    let ended = running.wait().expect("it ends");
    assert_eq!(running.clean_up(), Vec::<String>::new());
    ended
}

#[test]
fn the_policy_of_this_machine_holds() {
    let Some(_right) = common::start_right() else { return };
    let host = Host::probe();
    if matches!(&host.cgroups, Cgroups::None { .. }) {
        eprintln!("skipped: no control groups here");
        return;
    }
    assert_eq!(ended(&host), Ended::Exited(0));
}

#[test]
fn the_program_of_version_2_holds_on_a_hybrid_machine() {
    let Some(_right) = common::start_right() else { return };
    let mut host = Host::probe();
    let Cgroups::V1 { controllers, unified: Some(_) } = &mut host.cgroups else {
        eprintln!("skipped: this is not a hybrid machine");
        return;
    };
    controllers.retain(|(name, _)| name != "devices");
    assert_eq!(ended(&host), Ended::Exited(0));
}
