//! Steps of a start that can be done again, for a container that runs.

use nix::errno::Errno;

use super::{cgroup, devices};
use crate::plan::step::HostStep;

/// Performs a step on control groups; `None` for any other step, which only a start can do.
pub fn perform(step: &HostStep, page_size: u64) -> Option<Result<(), Errno>> {
    Some(match step {
        HostStep::MakeCgroup { path, .. } => std::fs::create_dir(path).map_err(crate::errno_of),
        HostStep::SetCgroup { path, value, check } => cgroup::set(path, value, *check, page_size),
        HostStep::InheritCpuset { parent, path } => cgroup::inherit_cpuset(parent, path),
        HostStep::LimitDevices { path, rules, program: None, .. } => devices::write_list(path, rules),
        _ => return None,
    })
}

/// Removes a group with the groups below it; a partition stays while others use it, and where an
/// administrator made it.
///
/// # Errors
/// Says what could not be removed.
pub fn remove_group(path: &str, shared: bool) -> Result<(), String> {
    cgroup::remove(path, shared, None)
}
