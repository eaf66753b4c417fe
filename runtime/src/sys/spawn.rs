//! Children of the built-in process 1.

use std::os::unix::process::CommandExt;
use std::process::Command;

/// Lets `command` begin with no signal blocked, whatever its parent blocks.
pub fn without_blocked_signals(command: &mut Command) -> &mut Command {
    // SAFETY: between fork and exec the closure makes one system call on two local variables, and neither
    // allocates nor locks.
    unsafe { command.pre_exec(|| Ok(super::set_signal_mask(0).map(drop)?)) }
}
