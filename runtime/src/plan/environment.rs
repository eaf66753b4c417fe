//! Names and limits of the machine that the container believes itself to be.

use browndog_xml::domain::{NumaMode, Origin};
use browndog_xml::refusals;
use nix::libc;

use super::build::Builder;
use super::context;
use super::devices::attach_file;
use super::step::{Beneath, ChildStep, HostStep, c_string};
use crate::host::LIMITS;

/// `sethostname`.
pub(super) fn hostname(b: &mut Builder<'_>) {
    if b.domain.share.uts.is_some() {
        return;
    }
    let hostname = &b.domain.hostname;
    let step = ChildStep::SetHostname { name: c_string(hostname.value.as_str()) };
    b.child("set-hostname", step, hostname.origin, "in its own UTS namespace; needs CAP_SYS_ADMIN over it");
}

/// The name servers of the document, as `/etc/resolv.conf`.
pub(super) fn resolver(b: &mut Builder<'_>) {
    let Some(first) = b.domain.nameservers.first() else { return };
    let origin = first.origin;
    let contents: String =
        b.domain.nameservers.iter().map(|server| format!("nameserver {}\n", server.value)).collect();
    let into = b.slot("tree of /etc/resolv.conf");
    let why = "on a file system of its own: the container's own file is not touched";
    b.host_step("make-file:/etc/resolv.conf", HostStep::MakeFileTree { contents, into }, origin, why);
    attach_file(
        b,
        into,
        "/etc/resolv.conf",
        origin,
        "after the document's file systems, which may bring /etc",
    );
}

/// Resource limits and sysctls of the extension, and the umask.
pub(super) fn limits(b: &mut Builder<'_>) {
    for limit in &b.domain.extension.rlimits {
        let (name, soft, hard) = &limit.value;
        let Some((name, resource)) = LIMITS.iter().find(|(known, _)| known == name) else {
            b.problem(limit.origin, format!("getrlimit(2) knows no limit {name}"), "see getrlimit(2)");
            continue;
        };
        let step = ChildStep::SetLimit { resource: *resource, name, soft: *soft, hard: *hard };
        b.child(("set-limit", name), step, limit.origin, "while the process may still raise it");
    }
    for (name, resource) in LIMITS {
        let asked = b.domain.extension.rlimits.iter().any(|limit| limit.value.0 == name);
        let Some((soft, hard)) = context::default_limit(b, name).filter(|_| !asked) else { continue };
        let step = ChildStep::SetLimit { resource, name, soft, hard };
        let origin = Origin::Default("soft limits are the kernel's, hard limits the caller's");
        b.child(("set-limit", name), step, origin, "the caller's own wish is not the container's");
    }
    memory_policy(b);
    let default = Origin::Default("files are made readable to all and writable to their owner");
    let umask = b.domain.extension.umask.as_ref();
    let (mask, origin) = umask.map_or((0o022, default), |umask| (umask.value, umask.origin));
    b.child("set-umask", ChildStep::SetUmask { mask }, origin, "the caller's mask is not the container's");
}

/// Nodes that are preferred or taken in turn; those that alone are allowed are the cpuset's.
fn memory_policy(b: &mut Builder<'_>) {
    let Some(numa) = &b.domain.numa else { return };
    let (mode, name) = match numa.mode.value {
        NumaMode::Preferred => (libc::MPOL_PREFERRED, "MPOL_PREFERRED"),
        NumaMode::Interleave => (libc::MPOL_INTERLEAVE, "MPOL_INTERLEAVE"),
        NumaMode::Strict | NumaMode::Restrictive => return,
    };
    let Some(wanted) = &numa.nodes else { return };
    let mut nodes = Box::<crate::sys::memory::Nodes>::default();
    // What is beyond is not online, which has been said.
    for node in wanted.value.iter() {
        if let Some(word) = nodes.get_mut(node as usize / 64) {
            *word |= 1 << (node % 64);
        }
    }
    let step = ChildStep::SetMemoryPolicy { mode, name, nodes };
    let why = "after the group is entered, which says what may be asked for; exec and children keep it";
    b.child("set-memory-policy", step, numa.mode.origin, why);
}

/// The document's sysctls, beneath the container's own `/proc/sys`.
pub(super) fn sysctls(b: &mut Builder<'_>) {
    for sysctl in &b.domain.extension.sysctls {
        let (name, value) = &sysctl.value;
        if refusals::machine_wide(b.domain, name, true).is_some() {
            // Said already.
            continue;
        }
        if let Some(reason) = refusals::machine_wide(b.domain, name, b.user_namespace) {
            b.problem(sysctl.origin, format!("{name} cannot be set: {reason}"), refusals::NAMESPACED);
            continue;
        }
        let target = format!("/proc/sys/{}", name.replace('.', "/"));
        let step = ChildStep::WriteFile {
            target: Beneath::new(&target).within(),
            contents: value.clone().into_bytes(),
        };
        let why = "while /proc is the kernel's own and writable: before its covers, and before any mount of the document's";
        b.child(("sysctl", name), step, sysctl.origin, why);
    }
}
