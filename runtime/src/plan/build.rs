//! What the planning functions add to.

use std::borrow::Cow;
use std::collections::HashSet;

use browndog_xml::domain::{Domain, Origin};
use nix::libc;

use super::step::{ChildStep, HostStep, Kernel, Slot};
use super::{CloneStep, Entry, Plan, Problem, Request};
use crate::host::Host;
use crate::survey::{Purpose, Survey};
use crate::sys::STEPS_MAX;

/// A name of a step or a slot: a word, what has been composed, or a verb and what it is about. Most starts show
/// none of them, so what is made of two parts is copied once, not formatted.
pub(super) trait Name {
    fn name(self) -> Cow<'static, str>;
}

impl Name for &'static str {
    fn name(self) -> Cow<'static, str> {
        Cow::Borrowed(self)
    }
}

impl Name for Cow<'static, str> {
    fn name(self) -> Self {
        self
    }
}

impl Name for String {
    fn name(self) -> Cow<'static, str> {
        Cow::Owned(self)
    }
}

impl<S: AsRef<str>> Name for (&str, S) {
    fn name(self) -> Cow<'static, str> {
        Cow::Owned([self.0, ":", self.1.as_ref()].concat())
    }
}

/// So many steps are gone through sooner than noted; most starts have no more.
const FEW: usize = 256;

/// A plan in the making, with what it is made from.
pub(super) struct Builder<'a> {
    pub domain: &'a Domain,
    pub host: &'a Host,
    pub survey: &'a Survey,
    pub request: &'a Request,
    /// Whether the container gets a user namespace of its own.
    pub user_namespace: bool,
    /// Whether the container gets a network namespace of its own.
    pub network_namespace: bool,
    /// Whether trees reach the child over the stage, and who asked for the id map.
    pub staged: Option<Origin>,
    /// What is done on the stage before the clone.
    pub on_stage: Vec<Entry<HostStep>>,
    /// The namespaces that the launcher joins for the clone.
    shares: Vec<Entry<HostStep>>,
    plan: Plan,
    /// Whether the empty directory of the covers stands where the first of them is.
    pub empty_stands: bool,
    /// Slots with a name of the compiler's. A document makes none of them more, so that one is found at once.
    named: Vec<(&'static str, Slot)>,
    /// The detached tree of each file system of the document, where there is one.
    trees: Vec<Option<Slot>>,
    /// The names of so many steps of the child, the first.
    taken: (usize, HashSet<String>),
}

impl<'a> Builder<'a> {
    pub fn new(domain: &'a Domain, host: &'a Host, survey: &'a Survey, request: &'a Request) -> Self {
        let mut slots = Vec::with_capacity(32);
        slots.extend(survey.found.iter().map(|found| slot_name(found.purpose, &found.path)));
        let network_namespace = browndog_xml::refusals::own_network(domain);
        let user_namespace = domain.idmap.is_some();
        let clone = Entry {
            id: Cow::Borrowed("clone"),
            step: CloneStep { namespaces: 0, into_cgroup: None, share_memory: false, owner: None },
            origin: domain.origin.origin,
            why: "one call makes every namespace, so that none is ever shared with the host by accident",
        };
        let plan = Plan {
            domain: domain.name.value.as_str().to_owned(),
            before: Vec::with_capacity(16),
            clone,
            attend: Vec::new(),
            // As many as there usually are: growing copies what is there from page to page.
            child: Vec::with_capacity(128),
            slots,
            root: Slot(u16::MAX),
            kernel: [Slot(u16::MAX); 3],
            cgroups: Vec::new(),
            kill_group: None,
            problems: Vec::new(),
            notes: Vec::new(),
            remarks: Vec::new(),
        };
        let mut builder = Self {
            domain,
            host,
            survey,
            request,
            user_namespace,
            network_namespace,
            staged: None,
            on_stage: Vec::new(),
            shares: Vec::new(),
            plan,
            empty_stands: false,
            named: Vec::with_capacity(32),
            trees: Vec::new(),
            taken: (0, HashSet::default()),
        };
        builder.report_missing_sources();
        builder
    }

    fn report_missing_sources(&mut self) {
        for found in self.survey.found.iter() {
            if let Err(errno) = found.kind {
                if let Some(origin) = self.left_out(found.purpose) {
                    let message = format!("{} is not on this host, and is left out", found.path);
                    self.note(origin, message, "the document says that it may be missing");
                    continue;
                }
                self.problem(
                    found.origin,
                    format!("cannot open {}: {} ({errno})", found.path, errno.desc()),
                    "create it on this host, or correct the path",
                );
            }
        }
    }

    /// Who has said that a file system is left out, where its source is not there.
    pub fn left_out(&self, purpose: Purpose) -> Option<Origin> {
        let Purpose::Filesystem(index) = purpose else { return None };
        let missing =
            self.survey.get(purpose).is_some_and(|found| found.kind == Err(nix::errno::Errno::ENOENT));
        self.domain.filesystems[index].optional.as_deref().copied().filter(|_| missing)
    }

    /// A new slot.
    pub fn slot(&mut self, name: impl Name) -> Slot {
        let (name, slot) = (name.name(), Slot(self.plan.slots.len() as u16));
        if let Cow::Borrowed(name) = name {
            self.named.push((name, slot));
        }
        self.plan.slots.push(name);
        slot
    }

    /// A new slot for the detached tree of `filesystems[index]`.
    pub fn new_tree(&mut self, index: usize) -> Slot {
        let slot = self.slot(format!("tree of filesystem {}", index + 1));
        if self.trees.len() <= index {
            self.trees.resize(index + 1, None);
        }
        self.trees[index] = Some(slot);
        slot
    }

    /// That slot, where there is one.
    pub fn tree(&self, index: usize) -> Option<Slot> {
        self.trees.get(index).copied().flatten()
    }

    /// The slot of a surveyed source.
    pub fn source(&self, purpose: Purpose) -> Option<Slot> {
        self.survey.index(purpose).map(|index| Slot(index as u16))
    }

    pub fn host_step(&mut self, id: impl Name, step: HostStep, origin: Origin, why: &'static str) {
        self.plan.before.push(Entry { id: id.name(), step, origin, why });
    }

    pub fn sharing(&mut self, id: impl Name, step: HostStep, origin: Origin, why: &'static str) {
        self.shares.push(Entry { id: id.name(), step, origin, why });
    }

    pub fn attend(&mut self, id: impl Name, step: HostStep, origin: Origin, why: &'static str) {
        self.plan.attend.push(Entry { id: id.name(), step, origin, why });
    }

    pub fn child(&mut self, id: impl Name, step: ChildStep, origin: Origin, why: &'static str) {
        self.plan.child.push(Entry { id: id.name(), step, origin, why });
    }

    pub fn problem(&mut self, origin: Origin, message: impl Into<String>, help: impl Into<String>) {
        self.plan.problems.push(Problem { origin, message: message.into(), help: help.into() });
    }

    pub fn note(&mut self, origin: Origin, message: impl Into<String>, help: impl Into<String>) {
        self.plan.notes.push(Problem { origin, message: message.into(), help: help.into() });
    }

    pub fn clone_as(&mut self, owner: u32) {
        self.plan.clone.step.owner = Some(owner);
    }

    pub fn remark(&mut self, origin: Origin, message: impl Into<String>, help: impl Into<String>) {
        self.plan.remarks.push(Problem { origin, message: message.into(), help: help.into() });
    }

    pub fn clone_into(&mut self, slot: Slot) {
        self.plan.clone.step.into_cgroup = Some(slot);
    }

    pub fn owns_cgroup(&mut self, path: String) {
        self.plan.cgroups.push(path);
    }

    pub fn kills_with(&mut self, group: String) {
        self.plan.kill_group = Some(group);
    }

    /// The base mount namespace, where this host has one that the container may start from.
    ///
    /// Not in a user namespace: there the kernel makes a /proc only where one is in view already, and
    /// the base has none. Not on the host's own tree, which is copied whole in any case.
    pub fn base(&self) -> Option<Slot> {
        let possible = !self.user_namespace && !self.host.rootless && !self.shares_root();
        if possible { self.source(Purpose::Base) } else { None }
    }

    /// Whether the container stands on the host's own tree.
    pub fn shares_root(&self) -> bool {
        self.survey.get(Purpose::Root).is_none_or(|found| found.path.trim_end_matches('/').is_empty())
    }

    /// Where steps of the child have made something already.
    pub fn made(&self) -> HashSet<String> {
        let at = |entry: &Entry<ChildStep>| Some(entry.id.split_once(':')?.1.to_owned());
        self.plan.child.iter().filter_map(at).collect()
    }

    /// Whether there are more steps already than a start may have.
    pub fn is_too_long(&self) -> bool {
        self.plan.child.len() > STEPS_MAX
    }

    /// A name that no step of the child has: a document may mount onto what every container mounts.
    pub fn own_name(&mut self, verb: &str, target: &str) -> String {
        let name = (verb, target).name().into_owned();
        let child = &self.plan.child;
        let taken = if child.len() <= FEW {
            child.iter().any(|entry| entry.id == name)
        } else {
            let (noted, names) = &mut self.taken;
            names.extend(child[*noted..].iter().map(|entry| entry.id.clone().into_owned()));
            *noted = child.len();
            names.contains(&name)
        };
        if taken { format!("{name} (of the document)") } else { name }
    }

    /// The slot of this name, which is one of the compiler's.
    pub fn find_slot(&self, name: &str) -> Option<Slot> {
        self.named.iter().find(|(named, _)| *named == name).map(|(_, slot)| *slot)
    }

    /// The slot that holds the container's root directory.
    pub fn source_root(&self) -> Slot {
        self.plan.root
    }

    /// A mount of the kernel's is held in `slot` from its step on.
    pub fn set_kernel(&mut self, kernel: Kernel, slot: Slot) {
        self.plan.kernel[kernel as usize] = slot;
    }

    pub fn set_root(&mut self, root: Slot) {
        self.plan.root = root;
    }

    /// Whether the child has to wait for the launcher: id maps, or interfaces to move.
    pub fn needs_attendance(&self) -> bool {
        self.user_namespace || self.network_needs_launcher()
    }

    /// Whether interfaces are made or moved by the launcher.
    pub fn network_needs_launcher(&self) -> bool {
        self.network_namespace && self.wants_links()
    }

    /// Whether the document names interfaces.
    pub fn wants_links(&self) -> bool {
        has_links(self.domain)
    }

    /// A plan that joins a container instead of making one: nothing is cloned anew, and no memory is
    /// shared with a process that the container's can see.
    pub fn finish_entered(mut self) -> Plan {
        self.plan.clone.step.namespaces = 0;
        self.plan.clone.step.share_memory = false;
        self.plan.clone.why = "a process of its own, born in the namespaces that the launcher has entered";
        self.plan
    }

    pub fn finish(mut self) -> Plan {
        if let Some(origin) = self.domain.idmap.as_ref().map(|idmap| idmap.origin) {
            let why = "last on the host, where the sources are: the child's table is copied from the stage";
            self.host_step("enter-stage", HostStep::EnterStage, origin, why);
            let on_stage = std::mem::take(&mut self.on_stage);
            self.plan.before.extend(on_stage);
        }
        self.plan.before.append(&mut self.shares);
        if self.needs_attendance() {
            let why = "the id maps are written and the interfaces are there: the child may go on";
            self.attend("go", HostStep::Go, Origin::Default(why), why);
            super::idmapped::lock_on_host(&mut self);
        }
        if self.is_too_long() {
            let message = format!("a start of {} steps: the most are {STEPS_MAX}", self.plan.child.len());
            self.problem(self.domain.origin.origin, message, "name fewer file systems");
        }
        let mut namespaces = libc::CLONE_NEWNS | libc::CLONE_NEWPID | libc::CLONE_NEWCGROUP;
        if self.domain.share.ipc.is_none() {
            namespaces |= libc::CLONE_NEWIPC;
        }
        if self.domain.share.uts.is_none() {
            namespaces |= libc::CLONE_NEWUTS;
        }
        if self.network_namespace {
            namespaces |= libc::CLONE_NEWNET;
        }
        if self.user_namespace {
            namespaces |= libc::CLONE_NEWUSER;
        }
        if self.base().is_some() {
            namespaces &= !libc::CLONE_NEWNS;
        }
        // Groups of version 1 are joined in the child: their roots are only then what it should see.
        if self.plan.child.iter().any(|entry| matches!(entry.step, ChildStep::UnshareCgroup)) {
            namespaces &= !libc::CLONE_NEWCGROUP;
        }
        self.plan.clone.step.namespaces = namespaces as u64;
        self.plan.clone.step.share_memory = !self.needs_attendance();
        self.plan
    }
}

fn has_links(domain: &Domain) -> bool {
    use browndog_xml::domain::HostdevKind;
    let moved = || domain.hostdevs.iter().any(|hostdev| matches!(hostdev.kind, HostdevKind::Net { .. }));
    !domain.interfaces.is_empty() || moved()
}

fn slot_name(purpose: Purpose, path: &str) -> Cow<'static, str> {
    let of = |what: &str| [what, " ", path].concat();
    Cow::Owned(match purpose {
        Purpose::Root => of("root source"),
        Purpose::Filesystem(_) => of("source"),
        Purpose::Device(_) | Purpose::Node(_) => of("node"),
        Purpose::Tty(_) | Purpose::Terminal => of("terminal"),
        Purpose::Program => return Cow::Borrowed("program"),
        Purpose::Stream(number) => format!("terminal stream {number}"),
        Purpose::Init => of("init"),
        Purpose::Base => of("base"),
        Purpose::Policy => of("device policy"),
        Purpose::Shared(_) => of("namespace of"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A hundred of these are what a start writes into new pages.
    #[test]
    fn a_step_of_the_child_is_small() {
        let (step, entry) = (size_of::<ChildStep>(), size_of::<Entry<ChildStep>>());
        assert!(step <= 80 && entry <= 136, "{step}, {entry}");
    }

    #[test]
    fn a_name_of_two_parts_is_the_verb_and_what_it_is_about() {
        assert_eq!(("attach", "/etc").name(), "attach:/etc");
        assert!(matches!("exec".name(), Cow::Borrowed("exec")));
    }
}
