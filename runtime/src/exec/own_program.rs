//! Whether a program of the container is, by a link, this program's own file on the host.
//!
//! Between clone and exec: nothing here allocates, unless it says so.

use std::ffi::CStr;

use nix::libc;

use super::beneath::Fd;
use crate::sys;
use crate::sys::identity::{Identity, identity};

/// As many interpreters of interpreters as the kernel goes through (execve(2)).
const DEPTH: usize = 5;

/// As much of a first line as the kernel looks at (BINPRM_BUF_SIZE).
const LINE: usize = 256;

/// Whether executing `path` executes `own`: by a link, or as the interpreter that its first line names.
pub(super) fn leads_to(path: &CStr, own: Identity) -> bool {
    let mut line = [0_u8; LINE + 1];
    let mut names = [0_u8; LINE + 1];
    let mut path = path;
    for _ in 0..=DEPTH {
        if identity(path) == Ok(own) {
            return true;
        }
        if !read_line(path, &mut line) {
            return false;
        }
        let Some(name) = interpreter(&line) else { return false };
        names[..name.len()].copy_from_slice(name);
        names[name.len()] = 0;
        match CStr::from_bytes_until_nul(&names) {
            // Copied above: the buffer of the line is read into again.
            Ok(name) => path = name,
            Err(_) => return false,
        }
    }
    false
}

/// Whether process `pid` executes `own`. Of one that has ended already, or may not be looked into, nothing is
/// known. Not for the child: it allocates.
///
/// CLONE_VFORK lets the parent go on a moment before the child gives up the memory that both share, and with it
/// this program: that moment is waited for. It is short, and ends with the new program or with the child.
pub(super) fn runs_in(pid: i32, own: Identity) -> bool {
    let exe = crate::plan::step::c_string(&format!("/proc/{pid}/exe"));
    while identity(&exe) == Ok(own) {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"));
        if !stat.is_ok_and(|stat| !has_executed(&stat)) {
            // What it executes after it has executed is what counts.
            return identity(&exe) == Ok(own);
        }
        std::thread::yield_now();
    }
    false
}

/// PF_FORKNOEXEC (linux/sched.h): set by clone, and cleared by execve once the new memory is there.
const FORKED_ONLY: u64 = 0x40;

/// By its line in /proc/PID/stat, whose ninth field are the flags (proc_pid_stat(5)).
fn has_executed(stat: &str) -> bool {
    let flags = stat.rsplit_once(')').and_then(|(_, rest)| rest.split_whitespace().nth(6));
    flags.and_then(|flags| flags.parse::<u64>().ok()).is_some_and(|flags| flags & FORKED_ONLY == 0)
}

fn read_line(path: &CStr, line: &mut [u8; LINE + 1]) -> bool {
    // A FIFO or a device in its place must not stop the start; what cannot be read is no script.
    let flags = libc::O_RDONLY | libc::O_NONBLOCK | libc::O_NOCTTY;
    let Ok(file) = sys::openat2(libc::AT_FDCWD, path, flags, 0, 0).map(Fd) else { return false };
    *line = [0; LINE + 1];
    sys::read(file.0, &mut line[..LINE]).is_ok()
}

/// The path behind `#!`.
fn interpreter(line: &[u8]) -> Option<&[u8]> {
    let rest = line.strip_prefix(b"#!")?;
    let start = rest.iter().position(|byte| *byte != b' ' && *byte != b'\t')?;
    let rest = &rest[start..];
    let end = rest.iter().position(|byte| matches!(byte, b' ' | b'\t' | b'\n' | 0)).unwrap_or(rest.len());
    (end > 0).then(|| &rest[..end])
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;
    use std::ffi::CString;
    use std::os::unix::fs::symlink;

    #[rstest]
    #[case::usual("#!/bin/sh\n", Some("/bin/sh"))]
    #[case::blanks("#! \t/bin/sh -e\n", Some("/bin/sh"))]
    #[case::no_end("#!/x", Some("/x"))]
    #[case::nothing("#!\n", None)]
    #[case::program("\x7fELF", None)]
    #[case::empty("", None)]
    fn an_interpreter_is_what_the_first_line_names(#[case] line: &str, #[case] name: Option<&str>) {
        assert_eq!(interpreter(line.as_bytes()), name.map(str::as_bytes));
    }

    #[test]
    fn a_child_that_has_not_executed_yet_is_told_from_one_that_has() {
        let stat = |flags: u32| format!("7 (a ) name) R 1 7 7 0 -1 {flags} 84 0 0 0");
        assert!(has_executed(&stat(0x40_0000)));
        assert!(!has_executed(&stat(0x40_0040)));
        assert!(!has_executed("7 (cut"));
        assert!(has_executed(&std::fs::read_to_string("/proc/self/stat").expect("it is there")));
    }

    #[test]
    fn a_link_and_a_script_lead_to_the_program() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = |name: &str| dir.path().join(name);
        let c_path = |name: &str| CString::new(path(name).to_str().expect("UTF-8")).expect("no NUL");
        symlink("/proc/self/exe", path("link")).expect("a link");
        std::fs::write(path("script"), format!("#! {}\n", path("link").display())).expect("a script");
        std::fs::write(path("second"), format!("#!{} x\n", path("script").display())).expect("a script");
        std::fs::write(path("other"), "#!/bin/sh\n").expect("a script");
        let own = identity(c"/proc/self/exe").expect("it is there");
        for name in ["link", "script", "second"] {
            assert!(leads_to(&c_path(name), own), "{name}");
        }
        for name in ["other", "missing"] {
            assert!(!leads_to(&c_path(name), own), "{name}");
        }
    }
}
