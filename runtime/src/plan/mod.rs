//! The start as one value: what is done, in which order, asked for by which line, and why there.
//!
//! [`plan`] reads from top to bottom like a manual page. It does no I/O: what it needs to know of the
//! machine is in [`Host`], what it needs to know of the sources is in [`Survey`].

mod build;
mod cgroup;
mod classic;
mod confine;
mod console;
mod contents;
pub mod context;
mod cover;
pub mod device_policy;
mod devices;
pub mod enter;
pub(crate) mod environment;
mod host_step;
mod identity;
mod idmapped;
mod kinds;
pub mod laws;
mod mounts;
pub mod mutate;
mod net_sysctls;
mod network;
pub mod order;
mod print;
mod process;
mod refuse;
pub mod seccomp;
pub mod share;
pub mod step;
mod weaken;

use std::borrow::Cow;
use std::ffi::OsString;

use browndog_xml::domain::{Domain, Origin};

use crate::host::Host;
pub use crate::problem::Problem;
use crate::survey::Survey;
use build::Builder;
pub use cgroup::{GROUP_SUFFIX, group_domain, io_weight, weight_of_shares};
pub(crate) use process::wants_init;
use step::{ChildStep, HostStep, Slot};

/// A step, its stable name, who asked for it, and why it stands where it stands.
#[derive(Clone, Debug)]
pub struct Entry<S> {
    /// Stable name: `mount-proc`, `attach:/etc`.
    pub id: Cow<'static, str>,
    /// What is done.
    pub step: S,
    /// The line or the default that asked for it.
    pub origin: Origin,
    /// Why, and why here.
    pub why: &'static str,
}

/// `clone3(flags)`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CloneStep {
    /// CLONE_NEW* flags.
    pub namespaces: u64,
    /// CLONE_INTO_CGROUP, with the slot of the group's directory.
    pub into_cgroup: Option<Slot>,
    /// CLONE_VM | CLONE_VFORK: nothing is copied; possible where the child need not wait for us.
    pub share_memory: bool,
    /// The effective user of the launcher for this call: whose the user namespace is, and for whom what is counted
    /// for each user counts.
    pub owner: Option<u32>,
}

/// What a caller asks for beside the document.
#[derive(Clone, Debug, Default)]
pub struct Request {
    /// Runs instead of the document's init.
    pub command: Option<Vec<OsString>>,
    /// Variables added to the environment (`NAME`, `value`).
    pub env: Vec<(String, String)>,
    /// The built-in PID 1 runs the command as its child.
    pub init: bool,
    /// The console is a terminal of its own; without, the caller's descriptors 0, 1 and 2 are kept.
    pub terminal: bool,
    /// Further consoles, beside the first.
    pub more_consoles: usize,
    /// The running domains whose namespaces the document shares.
    pub peers: Vec<share::Peer>,
    /// Directories of the host with the state of browndog's own, beside the usual one: not for containers to see.
    pub state: Vec<String>,
    /// A suffix that no other start on this host uses at the same time: `PID-START`.
    pub instance: String,
}

/// The start of one domain.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The domain's name.
    pub domain: String,
    /// On the host, before the clone.
    pub before: Vec<Entry<HostStep>>,
    /// The clone.
    pub clone: Entry<CloneStep>,
    /// On the host, while the child waits.
    pub attend: Vec<Entry<HostStep>>,
    /// In the child, up to exec.
    pub child: Vec<Entry<ChildStep>>,
    /// Names of the slots.
    pub slots: Vec<Cow<'static, str>>,
    /// The slot in which the root directory is kept.
    pub root: Slot,
    /// The slots in which the mounts of [`step::Kernel::ALL`] are held from the moment they are made.
    pub kernel: [Slot; 3],
    /// cgroup directories, deepest last; removed after the end, deepest first.
    pub cgroups: Vec<String>,
    /// The v2 group with `cgroup.kill`, where there is one.
    pub kill_group: Option<String>,
    /// What cannot be done; a plan with problems is printed, never run.
    pub problems: Vec<Problem>,
    /// What the user should know.
    pub notes: Vec<Problem>,
    /// What who reads the plan should know, and is no news at every start.
    pub remarks: Vec<Problem>,
}

/// Plans the start of `domain` on `host`, with the sources that `survey` found.
pub fn plan(domain: &Domain, host: &Host, survey: &Survey, request: &Request) -> Plan {
    let mut b = Builder::new(domain, host, survey, request);
    refuse::refuse(&mut b);
    // On the host: the group with its limits, and what the child will mount, opened and restricted.
    cgroup::place(&mut b);
    mounts::prepare(&mut b);
    console::say_where(&mut b);
    process::prepare_program(&mut b);
    // In the child: into the groups and namespaces, out of the host's mounts.
    cgroup::join(&mut b);
    identity::enter_user_namespace(&mut b);
    share::join(&mut b);
    mounts::root(&mut b);
    // The kernel's own file systems, before the old root goes: mounting them needs the host's in view.
    mounts::kernel_filesystems(&mut b);
    context::reset(&mut b);
    context::time(&mut b);
    devices::populate(&mut b);
    // While nothing of the document's is mounted: what is written and covered is the kernel's own.
    environment::sysctls(&mut b);
    cover::cover(&mut b);
    cgroup::show(&mut b);
    // What the document mounts, in its order, each with what it hides in it, and a read-only root.
    let masks = mounts::filesystems(&mut b);
    environment::resolver(&mut b);
    cover::mask(&mut b, &masks, cover::Moment::Last);
    cover::say(&mut b);
    mounts::seal_root(&mut b);
    mounts::leave_host(&mut b);
    // Names, links and limits that need privilege.
    environment::hostname(&mut b);
    network::configure(&mut b);
    environment::limits(&mut b);
    // The process: session, terminal, no descriptor of the host any more, confinement from the outside in, and exec.
    process::session(&mut b);
    process::settle(&mut b);
    confine::say_no_system(&mut b);
    confine::filter_first(&mut b);
    confine::drop_bounding(&mut b);
    identity::set_ids(&mut b);
    confine::set_capabilities(&mut b);
    process::tie(&mut b, true);
    confine::filter(&mut b);
    process::exec(&mut b);
    b.finish()
}
