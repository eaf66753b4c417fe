//! Another program in a container that runs: the plan of `exec`. It joins what the init has, is confined
//! as the init is, and then is just another process of the container.

use browndog_xml::domain::{Domain, Origin};
use nix::libc;

use super::build::Builder;
use super::step::{ChildStep, HostStep};
use super::{Plan, Request, confine, context, environment, identity, process};
use crate::host::Host;
use crate::survey::{Purpose, Survey};

/// What the caller knows of the container that runs.
#[derive(Clone, Debug, Default)]
pub struct Target {
    /// CLONE_NEW* kinds of namespaces that the init does not share with the caller.
    pub kinds: i32,
    /// The init's group of version 2, absolute.
    pub unified: Option<String>,
    /// Its groups of version 1, absolute.
    pub groups: Vec<(&'static str, String)>,
    /// Ends with the caller.
    pub tied: bool,
}

const ASKED: Origin = Origin::Default("the command line asks for a program in a container that runs");

/// Plans a program in the container of `domain`, whose init `survey` holds.
///
/// The domain's `<os>` is the caller's to change: what runs, as whom, where.
pub fn enter(domain: &Domain, host: &Host, survey: &Survey, request: &Request, target: &Target) -> Plan {
    let mut b = Builder::new(domain, host, survey, request);
    groups(&mut b, target);
    context::reset_entered(&mut b);
    namespaces(&mut b, target);
    environment::limits(&mut b);
    process::session(&mut b);
    process::settle(&mut b);
    confine::filter_first(&mut b);
    confine::drop_bounding(&mut b);
    identity::set_ids(&mut b);
    confine::set_capabilities(&mut b);
    process::tie(&mut b, target.tied);
    confine::filter(&mut b);
    process::exec(&mut b);
    b.finish_entered()
}

fn groups(b: &mut Builder<'_>, target: &Target) {
    let why = "the limits of the container hold for whatever joins it, before it does any work";
    if let Some(path) = &target.unified {
        let slot = b.slot(["cgroup ", path].concat());
        let step = HostStep::OpenCgroup { path: path.clone(), slot, directory: true };
        b.host_step("open-cgroup:unified", step, ASKED, why);
        b.clone_into(slot);
    }
    for (controller, path) in &target.groups {
        let slot = b.slot(["tasks of ", controller].concat());
        let step = HostStep::OpenCgroup { path: format!("{path}/tasks"), slot, directory: false };
        b.host_step(("open-cgroup", controller), step, ASKED, why);
        let step = ChildStep::JoinCgroup { tasks: slot, controller };
        b.child(("join-cgroup", controller), step, ASKED, why);
    }
}

/// The user namespace of a plain caller has to be joined by the launcher: without it, it may join none.
fn namespaces(b: &mut Builder<'_>, target: &Target) {
    let Some(of) = b.source(Purpose::Init) else { return };
    let why = "no process of the container may look into this one, which is of the host until it executes";
    b.host_step("hide", HostStep::Hide, ASKED, why);
    let user = target.kinds & libc::CLONE_NEWUSER;
    let by_launcher = libc::CLONE_NEWPID | if b.host.rootless { user } else { 0 };
    let kinds = target.kinds & by_launcher;
    if kinds != 0 {
        let why = "a PID namespace is entered by being born in it";
        b.host_step("enter-namespaces", HostStep::EnterNamespaces { of, kinds }, ASKED, why);
    }
    let kind = target.kinds & !by_launcher;
    if kind != 0 {
        let why = "all at once, so that none is entered with the rights over another";
        b.child("join-namespaces", ChildStep::JoinNamespace { slot: of, kind }, ASKED, why);
    }
    if user != 0 {
        let why = "the caller has no name in a user namespace that is not its own";
        b.child("become-root", ChildStep::BecomeRoot, ASKED, why);
    }
    if let Some(root) = b.source(Purpose::Root) {
        b.set_root(root);
        let why = "the init's root, which may be deeper than its mount namespace's";
        b.child("enter-root", ChildStep::EnterRoot, ASKED, why);
    }
}

#[cfg(test)]
mod tests {
    use browndog_xml::source::Source;

    use super::*;
    use crate::plan::laws;
    use crate::survey::{Found, Kind};

    fn planned(host: &Host, target: &Target) -> Plan {
        let text = "<domain type='lxc'><name>web</name><memory>65536</memory><os><type>exe</type>\
            <init>/bin/sh</init></os><devices><console type='pty'/></devices></domain>";
        let domain = browndog_xml::read(&Source::new("test", text)).domain.expect("it is valid");
        let mut survey = Survey::default();
        for purpose in
            [Purpose::Root, Purpose::Init, Purpose::Stream(0), Purpose::Stream(1), Purpose::Stream(2)]
        {
            survey.found.push(Found {
                purpose,
                path: "here".to_owned(),
                origin: ASKED,
                kind: Ok(Kind::Other),
                owner: None,
                below: Vec::new(),
                contents: None,
                fd: None,
            });
        }
        enter(&domain, host, &survey, &Request::default(), target)
    }

    fn ids(plan: &Plan) -> Vec<&str> {
        let host = plan.before.iter().map(|entry| entry.id.as_ref());
        host.chain(plan.child.iter().map(|entry| entry.id.as_ref())).collect()
    }

    const KINDS: i32 = libc::CLONE_NEWPID | libc::CLONE_NEWNS | libc::CLONE_NEWIPC;

    #[test]
    fn the_plan_of_exec_keeps_every_law() {
        let target = Target {
            kinds: KINDS,
            unified: Some("/g".into()),
            groups: vec![("memory", "/m".into())],
            tied: true,
        };
        for host in [Host::fixture_v2(), Host::fixture_hybrid(), Host::fixture_5_10()] {
            let plan = planned(&host, &target);
            assert_eq!(laws::broken(&plan), Vec::<String>::new());
            assert!(!plan.clone.step.share_memory, "its memory would be the launcher's");
            assert_eq!(plan.clone.step.namespaces, 0);
        }
    }

    #[test]
    fn a_program_is_confined_as_the_init_is() {
        let plan = planned(&Host::fixture_v2(), &Target { kinds: KINDS, tied: true, ..Target::default() });
        let ids = ids(&plan);
        for step in ["hide", "drop-bounding", "set-capabilities", "no-new-privs", "seccomp", "close-fds"] {
            assert!(ids.contains(&step), "no {step} in {ids:?}");
        }
    }

    #[test]
    fn a_plain_caller_joins_the_user_namespace_first() {
        let target = Target { kinds: KINDS | libc::CLONE_NEWUSER, tied: true, ..Target::default() };
        let plan = planned(&Host::fixture_rootless(), &target);
        let kinds = plan.before.iter().find_map(|entry| match entry.step {
            HostStep::EnterNamespaces { kinds, .. } => Some(kinds),
            _ => None,
        });
        assert_eq!(kinds, Some(libc::CLONE_NEWUSER | libc::CLONE_NEWPID));
    }

    #[test]
    fn a_detached_program_is_not_tied_to_the_command() {
        let plan = planned(&Host::fixture_v2(), &Target { kinds: KINDS, ..Target::default() });
        assert!(!ids(&plan).contains(&"tie-to-launcher"));
    }
}
