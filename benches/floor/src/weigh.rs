//! Another command's peak memory and page faults, asked from a process so small that it does not show in the answer.

use crate::start::{Failed, Step, at, decimal};
use crate::sys::{self, Words};

/// Runs the command, prints `peak_kib N` and `faults N`, returns its exit status.
pub fn run(words: Words) -> Result<i32, Failed> {
    let (_pid, pidfd) = sys::clone3(0, None, become_command, &words).map_err(at(Step::Clone))?;
    let (status, peak, faults) = sys::wait_usage(pidfd).map_err(at(Step::Exec))?;
    for (name, value) in [(&b"peak_kib "[..], peak), (b"faults ", faults)] {
        let mut digits = [0; 10];
        for part in [name, decimal(value, &mut digits), b"\n"] {
            sys::write(1, part).map_err(at(Step::Exec))?;
        }
    }
    Ok(status)
}

extern "C" fn become_command(words: &Words) -> ! {
    Failed(Step::Exec, sys::exec_words(*words)).say();
    sys::exit(127)
}
