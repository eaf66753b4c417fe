//! Memory policy.

use nix::libc;

use super::{Result, check};

/// Node numbers as bits, as many as a kernel can have (CONFIG_NODES_SHIFT of at most 10).
pub type Nodes = [u64; 16];

/// `set_mempolicy(mode, nodes)`: set_mempolicy(2). Kept through exec, and by children.
pub fn set_mempolicy(mode: i32, nodes: &Nodes) -> Result<()> {
    // The kernel reads one bit fewer than it is told.
    let bits = nodes.len() * 64 + 1;
    // SAFETY: the kernel reads `bits` - 1 bits of `nodes`, which has as many and lives through the call.
    check(unsafe { libc::syscall(libc::SYS_set_mempolicy, mode, nodes.as_ptr(), bits) }).map(drop)
}
