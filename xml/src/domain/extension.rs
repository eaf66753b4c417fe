//! What neither dialect can say: the elements of browndog's own namespace.

use super::Sourced;
use crate::value::{AbsPath, SocketFamily};

/// `xmlns:browndog` elements.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Extension {
    /// `<browndog:seccomp profile='default|none'>`: `Some(false)` asks for none.
    pub seccomp: Option<Sourced<bool>>,
    /// `<browndog:socket family>`: families of sockets beside those of every container.
    pub families: Vec<Sourced<SocketFamily>>,
    /// `<browndog:system state>`: whether the init is a whole system's; told by its name without.
    pub system: Option<Sourced<bool>>,
    /// `<browndog:no_new_privs state>`: `false` lets set-user-ID programs and file capabilities act.
    pub no_new_privs: Option<Sourced<bool>>,
    /// `<browndog:init state>`: whether browndog's own process 1 stands around the init.
    pub init: Option<Sourced<bool>>,
    /// `<browndog:umask mask>`: of the init; 022 without.
    pub umask: Option<Sourced<u32>>,
    /// `<browndog:group id>`: supplementary groups, in the place of those of the container's group file.
    pub groups: Vec<Sourced<u32>>,
    /// `<browndog:rlimit name soft hard>`: name as in getrlimit(2) without `RLIMIT_`, lower case.
    pub rlimits: Vec<Sourced<(String, u64, u64)>>,
    /// `<browndog:sysctl name value>`: dotted name below the container's own namespaces.
    pub sysctls: Vec<Sourced<(String, String)>>,
    /// `<browndog:mask path>`: covered, beside the default list.
    pub masks: Vec<Sourced<AbsPath>>,
    /// `<browndog:time>`: own time namespace with these offsets in seconds (monotonic, boottime).
    pub time: Option<Sourced<(i64, i64)>>,
}
