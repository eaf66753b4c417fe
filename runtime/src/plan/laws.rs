//! What is true of every plan, whatever the document.

use std::collections::HashSet;

use browndog_xml::domain::Domain;

use super::step::{ChildStep, HostStep, Slot};
use super::{Plan, Request};
use crate::host::Host;
use crate::survey::Survey;
use crate::sys::STEPS_MAX;

/// Every law that `plan` breaks.
pub fn broken(plan: &Plan) -> Vec<String> {
    let mut broken = super::order::broken(plan);
    if plan.problems.is_empty() {
        // What a problem keeps from being made, or names twice, is used by no start.
        slots_are_filled_before_use(plan, &mut broken);
        names_are_unique(plan, &mut broken);
    }
    barriers_pair(plan, &mut broken);
    if plan.child.len() > STEPS_MAX && plan.problems.is_empty() {
        broken.push(format!("{} steps are more than the {STEPS_MAX} that can be reported", plan.child.len()));
    }
    if !matches!(
        plan.child.last().map(|entry| &entry.step),
        Some(ChildStep::Exec { .. } | ChildStep::ExecBuiltInInit { .. })
    ) {
        broken.push("the last step must be exec".to_owned());
    }
    no_host_path_after_pivot(plan, &mut broken);
    copies_are_no_peers(plan, &mut broken);
    broken
}

/// What stands for a generator's paths of the host: files and directories that are everywhere.
pub const THERE: [&str; 4] = ["/usr", "/etc", "/etc/passwd", "/var"];

/// Every law that a plan of this domain breaks on any of the machines that tests know, with the
/// sources of this one; for fuzzing, and for the tests that replay what it found.
pub fn broken_anywhere(domain: &Domain) -> Vec<String> {
    let mut found = Vec::new();
    for host in [Host::fixture_v2(), Host::fixture_hybrid(), Host::fixture_rootless(), Host::fixture_5_10()] {
        let built_in_init = domain.init.commands.len() > 1;
        let survey = Survey::look(domain, host.rootless || domain.idmap.is_some(), built_in_init);
        let request = Request { instance: "1-2".to_owned(), ..Request::default() };
        let plan = super::plan(domain, &host, &survey, &request);
        assert!(!plan.to_string().is_empty(), "every plan can be shown");
        // One with problems is shown, but nobody executes it.
        if plan.problems.is_empty() {
            found.extend(broken(&plan));
        }
    }
    found
}

fn slots_are_filled_before_use(plan: &Plan, broken: &mut Vec<String>) {
    let surveyed = plan.slots.iter().take_while(|name| is_surveyed(name)).count();
    let mut filled: HashSet<Slot> = (0..surveyed as u16).map(Slot).collect();
    for entry in plan.before.iter().chain(&plan.attend) {
        let (uses, fills) = host_slots(&entry.step);
        for slot in uses {
            if !filled.contains(&slot) {
                broken.push(format!("{} uses slot {} before it is filled", entry.id, slot.0));
            }
        }
        filled.extend(fills);
    }
    for entry in &plan.child {
        let (uses, fills) = child_slots(&entry.step);
        for slot in uses {
            if !filled.contains(&slot) {
                broken.push(format!("{} uses slot {} before it is filled", entry.id, slot.0));
            }
        }
        filled.extend(fills);
    }
}

fn is_surveyed(name: &str) -> bool {
    const PREFIXES: [&str; 9] = [
        "root source ",
        "source ",
        "node ",
        "terminal ",
        "program",
        "base ",
        "device policy ",
        "init ",
        "namespace of ",
    ];
    PREFIXES.iter().any(|prefix| name.starts_with(prefix))
}

fn host_slots(step: &HostStep) -> (Vec<Slot>, Vec<Slot>) {
    match step {
        HostStep::CloneTree { source, into } => (vec![*source], vec![*into]),
        HostStep::SealProgram { source, into } => (vec![*source], vec![*into]),
        HostStep::OpenConsole { pts, slot, .. } => (vec![*pts], vec![*slot]),
        HostStep::MakePts { into, .. } => (vec![], vec![*into]),
        HostStep::AttachLoop { image: source, into, .. }
        | HostStep::MountDevice { device: source, into, .. } => (vec![*source], vec![*into]),
        HostStep::MakeTarget { root, .. } => (vec![*root], vec![]),
        HostStep::Restrict { tree, .. } | HostStep::MapTree { tree } | HostStep::ShowTree { tree, .. } => {
            (vec![*tree], vec![])
        }
        HostStep::OpenCgroup { slot, .. } => (vec![], vec![*slot]),
        HostStep::LimitDevices { ready, .. } => (ready.iter().copied().collect(), vec![]),
        HostStep::MakeFileTree { into, .. } => (vec![], vec![*into]),
        HostStep::Share { of, .. } | HostStep::EnterNamespaces { of, .. } => (vec![*of], vec![]),
        HostStep::Hide
        | HostStep::ResetOomScore
        | HostStep::MakeCgroup { .. }
        | HostStep::SetCgroup { .. }
        | HostStep::EnterStage
        | HostStep::RestrictShown { .. }
        | HostStep::LeaveStage
        | HostStep::InheritCpuset { .. }
        | HostStep::DelegateCgroup { .. }
        | HostStep::WriteIdMaps { .. }
        | HostStep::AddInterface(_)
        | HostStep::PinNetwork { .. }
        | HostStep::LimitInterface(_)
        | HostStep::Go => (vec![], vec![]),
    }
}

fn child_slots(step: &ChildStep) -> (Vec<Slot>, Vec<Slot>) {
    match step {
        ChildStep::JoinCgroup { tasks, .. } => (vec![*tasks], vec![]),
        ChildStep::JoinNamespace { slot, .. } => (vec![*slot], vec![]),
        ChildStep::CloneHostTree { into, .. } | ChildStep::CloneTree { into, .. } => (vec![], vec![*into]),
        ChildStep::AttachRoot { tree }
        | ChildStep::Restrict { tree, .. }
        | ChildStep::Attach { tree, .. } => (vec![*tree], vec![]),
        ChildStep::EnterBase { base } => (vec![*base], vec![]),
        ChildStep::TakeStreams { streams } => (streams.to_vec(), vec![]),
        ChildStep::TakeTerminal { terminal } => (vec![*terminal], vec![]),
        ChildStep::ExecBuiltInInit { program, .. } => (vec![*program], vec![]),
        _ => (vec![], vec![]),
    }
}

fn names_are_unique(plan: &Plan, broken: &mut Vec<String>) {
    let mut seen = HashSet::new();
    let host = plan.before.iter().chain(&plan.attend).map(|entry| ("host", &entry.id));
    for (side, id) in host.chain(plan.child.iter().map(|entry| ("child", &entry.id))) {
        if !seen.insert((side, id)) {
            broken.push(format!("two steps of the {side} have the name {id}"));
        }
    }
}

fn barriers_pair(plan: &Plan, broken: &mut Vec<String>) {
    let goes = plan.attend.iter().filter(|entry| matches!(entry.step, HostStep::Go)).count();
    let waits = plan.child.iter().filter(|entry| matches!(entry.step, ChildStep::AwaitGo)).count();
    if goes != waits || goes > 1 {
        broken.push(format!("{goes} go for {waits} waits"));
    }
    if waits > 0 && plan.clone.step.share_memory {
        broken.push("a child that shares memory suspends the launcher it waits for".to_owned());
    }
}

fn no_host_path_after_pivot(plan: &Plan, broken: &mut Vec<String>) {
    let pivot = plan.child.iter().position(|entry| matches!(entry.step, ChildStep::Pivot));
    for (index, entry) in plan.child.iter().enumerate() {
        let host_path = matches!(entry.step, ChildStep::CloneHostTree { .. } | ChildStep::AttachRoot { .. });
        if host_path && pivot.is_some_and(|pivot| index > pivot) {
            broken.push(format!("{} names a path of the host after the pivot", entry.id));
        }
    }
}

/// A copy of a host's mount is its peer where the host's is shared: it is made private before it is
/// attached, or where it stands before anything else happens.
fn copies_are_no_peers(plan: &Plan, broken: &mut Vec<String>) {
    let private = |tree: Slot| {
        plan.before.iter().any(|entry| match &entry.step {
            HostStep::Restrict { tree: restricted, attr } => *restricted == tree && attr.propagation != 0,
            _ => false,
        })
    };
    let severed = |tree: Slot| {
        plan.child.windows(2).any(|pair| match (&pair[0].step, &pair[1].step) {
            (ChildStep::AttachRoot { tree: attached }, ChildStep::Sever { target }) => {
                *attached == tree && target.shown() == "/"
            }
            (ChildStep::Attach { tree: attached, target }, ChildStep::Sever { target: severed }) => {
                *attached == tree && target == severed
            }
            _ => false,
        })
    };
    // Taken again from the stage, after the child has made its table private.
    let taken = |tree: Slot| {
        plan.child
            .iter()
            .any(|entry| matches!(&entry.step, ChildStep::CloneHostTree { into, .. } if *into == tree))
    };
    for entry in &plan.before {
        if let HostStep::CloneTree { into, .. } = &entry.step
            && !taken(*into)
            && !private(*into)
            && !severed(*into)
        {
            broken.push(format!("{}: the copy stays a peer of the host's mount", entry.id));
        }
    }
}
