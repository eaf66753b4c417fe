//! What is true of every plan, whatever the document.

use std::collections::HashSet;

use browndog_xml::domain::Domain;
use nix::libc;

use super::step::{ChildStep, HostStep, Place, Slot};
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
    a_filter_is_taken(plan, &mut broken);
    if plan.child.len() > STEPS_MAX && plan.problems.is_empty() {
        broken.push(format!("{} steps are more than the {STEPS_MAX} that can be reported", plan.child.len()));
    }
    if !matches!(
        plan.child.last().map(|entry| &entry.step),
        Some(ChildStep::Exec { .. } | ChildStep::ExecBuiltInInit { .. })
    ) {
        broken.push("the last step must be exec".to_owned());
    }
    if plan.problems.is_empty() {
        no_place_is_named_twice(plan, &mut broken);
        what_hides_follows_its_tree(plan, &mut broken);
    }
    nothing_of_the_host_is_open_beside_a_path(plan, &mut broken);
    nothing_unlocked_is_used_after_the_lock(plan, &mut broken);
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
        let built_in_init = super::wants_init(domain, &Request::default());
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
        let (mut uses, fills) = child_slots(&entry.step);
        match entry.step.path().map(super::step::Beneath::place) {
            Some(Place::Tree(tree)) => uses.push(tree),
            Some(Place::Below(kernel) | Place::Within(kernel)) => uses.push(plan.kernel[kernel as usize]),
            Some(Place::On(_) | Place::Root | Place::Loose) | None => {}
        }
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
        | HostStep::ResetOwn(_)
        | HostStep::MakeCgroup { .. }
        | HostStep::SetCgroup { .. }
        | HostStep::EnterStage
        | HostStep::RestrictShown { .. }
        | HostStep::LeaveStage
        | HostStep::AwaitMounts
        | HostStep::LockMounts
        | HostStep::GoOn
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
        ChildStep::CloneHostTree { into, .. }
        | ChildStep::CloneTree { into, .. }
        | ChildStep::Hold { into, .. }
        | ChildStep::MountNew { into: Some(into), .. } => (vec![], vec![*into]),
        ChildStep::CloneHeld { source, into } => (vec![*source], vec![*into]),
        ChildStep::CloseFds { keep, .. } => (keep.iter().copied().collect(), vec![]),
        ChildStep::AttachRoot { tree }
        | ChildStep::Restrict { tree, .. }
        | ChildStep::Attach { tree, .. } => (vec![*tree], vec![]),
        ChildStep::EnterBase { base } => (vec![*base], vec![]),
        ChildStep::TakeStreams { streams } => (streams.iter().flatten().copied().collect(), vec![]),
        ChildStep::OpenConsole { slot, .. } => (vec![], vec![*slot]),
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
    let answers = plan.attend.iter().filter(|entry| matches!(entry.step, HostStep::GoOn)).count();
    let asks = plan.child.iter().filter(|entry| matches!(entry.step, ChildStep::AskToLock)).count();
    let mapped = plan.clone.step.namespaces & libc::CLONE_NEWUSER as u64 != 0;
    let detached = plan.child.iter().filter(|entry| matches!(entry.step, ChildStep::DetachUnlocked)).count();
    if detached != asks {
        broken.push(format!("{asks} trees are locked and {detached} detached that were not"));
    }
    if answers != asks || asks != usize::from(mapped) {
        broken
            .push(format!("{asks} asks to lock the mounts and {answers} answers, user namespace: {mapped}"));
    }
    if waits > 0 && plan.clone.step.share_memory {
        broken.push("a child that shares memory suspends the launcher it waits for".to_owned());
    }
}

/// The kernel takes a filter from who has set no_new_privs, and from CAP_SYS_ADMIN, which is there until the first
/// privilege goes.
fn a_filter_is_taken(plan: &Plan, broken: &mut Vec<String>) {
    let mut taken = true;
    for entry in &plan.child {
        match &entry.step {
            ChildStep::NoNewPrivs => taken = true,
            ChildStep::DropBounding { .. } | ChildStep::SetUid { .. } | ChildStep::SetCapabilities { .. } => {
                taken = false;
            }
            ChildStep::Seccomp { .. } if !taken => {
                broken.push(format!(
                    "{} would be refused: neither no_new_privs nor CAP_SYS_ADMIN is there",
                    entry.id
                ));
            }
            _ => {}
        }
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

/// The kernel's file systems are held from the moment they are made, and every step that means one, or a place below it,
/// begins there; what was attached is meant by its descriptor too. What covers them is there before the first path of the
/// document's is followed.
fn no_place_is_named_twice(plan: &Plan, broken: &mut Vec<String>) {
    let mut of_document = None;
    let mut named: HashSet<String> = HashSet::new();
    for entry in &plan.child {
        let Some(path) = entry.step.path() else { continue };
        let first = path.as_c_str().to_bytes().split(|byte| *byte == b'/').next();
        match path.place() {
            Place::Loose => broken.push(format!("{} follows whatever is at its path", entry.id)),
            Place::Root
                if matches!(first, Some(b"proc" | b"sys" | b"dev")) && !path.shown().contains("/..") =>
            {
                broken.push(format!("{} names a place of the kernel's by its path", entry.id));
            }
            Place::Root => {
                of_document = of_document.or(Some(&entry.id));
                let again = match &entry.step {
                    ChildStep::MakeTarget { .. } | ChildStep::CloneTree { .. } => false,
                    _ => !named.insert(path.shown()),
                };
                if again {
                    broken.push(format!("{} names {} again", entry.id, path.shown()));
                }
            }
            Place::On(_) | Place::Below(_) | Place::Within(_) | Place::Tree(_) => {}
        }
        let early =
            ["cover:", "clone-cover:", "hold:", "sysctl:"].iter().any(|verb| entry.id.starts_with(verb));
        if let (true, Some(other)) = (early, of_document) {
            broken.push(format!("{} stands after {other}, which follows a path of the document's", entry.id));
        }
    }
}

/// What is hidden in a tree is hidden before any path of the image's or of a volume's is followed, and so is in every
/// copy that is made by one; what is hidden by its name comes where nothing is copied.
fn what_hides_follows_its_tree(plan: &Plan, broken: &mut Vec<String>) {
    let follows = |step: &ChildStep| step.path().is_some_and(|path| path.place() == Place::Root);
    let copies = |step: &ChildStep| matches!(step, ChildStep::CloneTree { source, .. } if source.place() == Place::Root);
    let copy = plan.child.iter().find(|entry| copies(&entry.step));
    for (at, entry) in plan.child.iter().enumerate() {
        let Some(path) = entry.step.path().filter(|_| is_hiding(&entry.id)) else { continue };
        let Place::Tree(hidden_in) = path.place() else {
            if let Some(copy) = copy.filter(|_| path.place() == Place::Root) {
                broken.push(format!("{} may show what {} hides by its name", copy.id, entry.id));
            }
            continue;
        };
        let stands = plan.child[..at].iter().rposition(|other| match &other.step {
            ChildStep::AttachRoot { tree } | ChildStep::Attach { tree, .. } => *tree == hidden_in,
            ChildStep::MountNew { into, .. } => *into == Some(hidden_in),
            _ => false,
        });
        match stands {
            None => broken.push(format!("{} is in a tree that is not attached", entry.id)),
            Some(stands) => {
                let between = &plan.child[stands + 1..at];
                if let Some(other) = between.iter().find(|other| follows(&other.step)) {
                    broken.push(format!("{} stands after {}, which follows a path", entry.id, other.id));
                }
            }
        }
    }
}

fn is_hiding(id: &str) -> bool {
    id.starts_with("mask:") || id.starts_with("hide-state:")
}

/// What was held before the mounts were locked is of the tree that is detached: from then on only the locked one is meant.
fn nothing_unlocked_is_used_after_the_lock(plan: &Plan, broken: &mut Vec<String>) {
    let after = plan.child.iter().skip_while(|entry| !matches!(entry.step, ChildStep::AskToLock));
    for entry in after {
        if let Some(path) = entry.step.path()
            && path.place() != Place::Tree(plan.root)
        {
            broken.push(format!("{} names a place of the tree before it was locked", entry.id));
        }
    }
}

/// Descriptors are closed, not marked, before the first path of the container's is followed; what stays is the program of
/// the built-in init, which is executed by its descriptor.
fn nothing_of_the_host_is_open_beside_a_path(plan: &Plan, broken: &mut Vec<String>) {
    let program = plan.child.iter().find_map(|entry| match entry.step {
        ChildStep::ExecBuiltInInit { program, .. } => Some(program),
        _ => None,
    });
    let mut closed = false;
    for entry in &plan.child {
        match &entry.step {
            ChildStep::CloseFds { flags, keep } => {
                closed = *flags == 0;
                if *keep != program {
                    broken.push(format!("{} keeps {keep:?}, and {program:?} is executed", entry.id));
                }
            }
            ChildStep::ChangeDir { resolve, .. }
            | ChildStep::LookAtProgram { resolve, .. }
            | ChildStep::Exec { resolve, .. }
                if !closed || resolve & libc::RESOLVE_NO_MAGICLINKS == 0 =>
            {
                broken.push(format!("{} may lead to a descriptor of the host's", entry.id));
            }
            step if closed => {
                let (uses, _) = child_slots(step);
                if uses.iter().any(|slot| Some(*slot) != program) {
                    broken.push(format!("{} uses a descriptor that is closed", entry.id));
                }
            }
            _ => {}
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
            (
                ChildStep::AttachRoot { tree: attached } | ChildStep::Attach { tree: attached, .. },
                ChildStep::Sever { target },
            ) => *attached == tree && target.place() == Place::Tree(tree) && target.rest().is_empty(),
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
