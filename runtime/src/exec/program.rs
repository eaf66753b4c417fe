//! What a container's program is, and what runs once it is executed.
//!
//! The program, and each interpreter that it names, is looked up as the kernel will do it, but without the links of
//! procfs that lead to what a process has open or runs (`/proc/self/fd/3`, `/proc/self/exe`): no program of a container
//! is reached by one. Between clone and exec: nothing here allocates, unless it says so.

use std::ffi::CStr;

use nix::errno::Errno;
use nix::libc;

use super::beneath::Fd;
use crate::sys;
use crate::sys::identity::{self, Identity, identity};

/// As many interpreters of interpreters as the kernel goes through (execve(2)).
const DEPTH: usize = 5;

/// As much of a first line as the kernel looks at (BINPRM_BUF_SIZE).
const LINE: usize = 256;

/// What is read of a file at once: a first line, or the headers of most programs.
const HEAD: usize = 1024;

/// Longest table of program headers that the kernel takes (ELF_MIN_ALIGN).
const TABLE: usize = 4096;

/// Which file executing `path` executes in the end: itself, or its last interpreter.
///
/// # Errors
/// The errno of openat2(2): ELOOP where a link of procfs is on the way. EACCES where it is `own`.
pub(super) fn look(path: &CStr, resolve: u64, own: Option<Identity>) -> Result<Identity, Errno> {
    let mut names = [0_u8; LINE + 1];
    let mut path = path;
    for _ in 0..=DEPTH {
        let (file, readable) = open(path, resolve)?;
        let found = identity::look(file.0)?;
        if own == Some(found.identity) {
            return Err(Errno::EACCES);
        }
        let mut head = [0_u8; HEAD];
        let regular = readable && found.kind == libc::S_IFREG;
        let count = if regular { sys::paths::read_at(file.0, &mut head, 0).unwrap_or(0) } else { 0 };
        let head = head.get(..count).unwrap_or_default();
        let Some(name) = interpreter(head.get(..LINE).unwrap_or(head)) else {
            loader(file.0, head, |path| {
                let (file, _) = open(path, resolve)?;
                let found = identity::look(file.0)?.identity;
                if own == Some(found) { Err(Errno::EACCES) } else { Ok(()) }
            })?;
            return Ok(found.identity);
        };
        names[..name.len()].copy_from_slice(name);
        names[name.len()] = 0;
        // Copied: the next file is read into the same place.
        path = CStr::from_bytes_until_nul(&names).map_err(|_| Errno::ENOEXEC)?;
    }
    Err(Errno::ELOOP)
}

/// To be read, if it may be: a FIFO or a device in its place must not stop the start.
fn open(path: &CStr, resolve: u64) -> Result<(Fd, bool), Errno> {
    let flags = libc::O_RDONLY | libc::O_NONBLOCK | libc::O_NOCTTY;
    match sys::openat2(libc::AT_FDCWD, path, flags, 0, resolve) {
        Ok(fd) => Ok((Fd(fd), true)),
        Err(errno @ (Errno::ENOENT | Errno::ELOOP)) => Err(errno),
        // It may be executed and not read.
        Err(_) => sys::openat2(libc::AT_FDCWD, path, libc::O_PATH, 0, resolve).map(|fd| (Fd(fd), false)),
    }
}

/// Hands over the interpreter that the headers of an ELF file name (elf(5), PT_INTERP), where they name one.
fn loader(
    file: std::os::fd::RawFd,
    head: &[u8],
    check: impl FnOnce(&CStr) -> Result<(), Errno>,
) -> Result<(), Errno> {
    const PT_INTERP: u64 = 3;
    let Some(elf) = Elf::read(head) else { return Ok(()) };
    let mut table = [0_u8; TABLE];
    let table = table.get_mut(..elf.count * elf.size).ok_or(Errno::ENOEXEC)?;
    let there = sys::paths::read_at(file, table, elf.table)?;
    let headers = table.get(..there).unwrap_or_default().chunks_exact(elf.size);
    for header in headers {
        if elf.number(header, 0, 4) != Some(PT_INTERP) {
            continue;
        }
        let [offset, length] = elf.place(header).ok_or(Errno::ENOEXEC)?;
        let mut path = [0_u8; libc::PATH_MAX as usize];
        let path = path.get_mut(..length as usize).ok_or(Errno::ENOEXEC)?;
        let _read = sys::paths::read_at(file, path, offset)?;
        return check(CStr::from_bytes_until_nul(path).map_err(|_| Errno::ENOEXEC)?);
    }
    Ok(())
}

/// Where the program headers of an ELF file of this machine's byte order are.
struct Elf {
    wide: bool,
    table: u64,
    size: usize,
    count: usize,
}

impl Elf {
    fn read(head: &[u8]) -> Option<Self> {
        let wide = match head.get(..6)? {
            [0x7f, b'E', b'L', b'F', 1, 1] => false,
            [0x7f, b'E', b'L', b'F', 2, 1] => true,
            _ => return None,
        };
        let mut elf = Self { wide, table: 0, size: if wide { 56 } else { 32 }, count: 0 };
        let (table, count) = if wide { ((32, 8), 56) } else { ((28, 4), 44) };
        elf.table = elf.number(head, table.0, table.1)?;
        elf.count = elf.number(head, count, 2)? as usize;
        Some(elf)
    }

    /// Offset and length of what a program header is about.
    fn place(&self, header: &[u8]) -> Option<[u64; 2]> {
        let (offset, length, bytes) = if self.wide { (8, 32, 8) } else { (4, 16, 4) };
        Some([self.number(header, offset, bytes)?, self.number(header, length, bytes)?])
    }

    fn number(&self, from: &[u8], at: usize, bytes: usize) -> Option<u64> {
        let digits = from.get(at..at + bytes)?;
        Some(digits.iter().rev().fold(0, |number, digit| number << 8 | u64::from(*digit)))
    }
}

/// What process `pid` executes, once it has executed. Of one that has ended already, or may not be looked into, nothing is
/// known. Not for the child: it allocates.
///
/// CLONE_VFORK lets the parent go on a moment before the child gives up the memory that both share, and with it
/// this program: that moment is waited for. It is short, and ends with the new program or with the child.
pub(super) fn executed(pid: i32, own: Option<Identity>) -> Option<Identity> {
    let exe = crate::plan::step::c_string(&format!("/proc/{pid}/exe"));
    loop {
        let found = identity(&exe).ok()?;
        if own != Some(found) {
            return Some(found);
        }
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"));
        if !stat.is_ok_and(|stat| !has_executed(&stat)) {
            // What it executes after it has executed is what counts.
            return identity(&exe).ok();
        }
        std::thread::yield_now();
    }
}

/// Whether a mount is one of the host's, by which no program of the container `pid` is reached. One that is in neither
/// table is attached nowhere: a file in memory, or a mount of the container's own making.
pub(super) fn is_outside(pid: i32, mount: u64) -> bool {
    let lists = |path: &str| {
        let table = std::fs::read_to_string(path).unwrap_or_default();
        let number = mount.to_string();
        table.lines().any(|line| line.split(' ').next() == Some(number.as_str()))
    };
    !lists(&format!("/proc/{pid}/mountinfo")) && lists("/proc/thread-self/mountinfo")
}

/// PF_FORKNOEXEC (linux/sched.h): set by clone, and cleared by execve once the new memory is there.
const FORKED_ONLY: u64 = 0x40;

/// By its line in /proc/PID/stat, whose ninth field are the flags (proc_pid_stat(5)).
fn has_executed(stat: &str) -> bool {
    let flags = stat.rsplit_once(')').and_then(|(_, rest)| rest.split_whitespace().nth(6));
    flags.and_then(|flags| flags.parse::<u64>().ok()).is_some_and(|flags| flags & FORKED_ONLY == 0)
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

    const CHECKED: u64 = libc::RESOLVE_NO_MAGICLINKS;

    struct Files(tempfile::TempDir);

    impl Files {
        fn new() -> Self {
            let files = Self(tempfile::tempdir().expect("a directory"));
            let (link, script) = (files.path("link"), files.path("script"));
            symlink("/proc/self/exe", &link).expect("a link");
            std::fs::write(&script, format!("#! {}\n", link.display())).expect("a script");
            std::fs::write(files.path("second"), format!("#!{} x\n", script.display())).expect("a script");
            std::fs::write(files.path("other"), "#!/bin/sh\n").expect("a script");
            symlink("/proc/self/fd/0/../x", files.path("open")).expect("a link");
            files
        }

        fn path(&self, name: &str) -> std::path::PathBuf {
            self.0.path().join(name)
        }

        fn look(&self, name: &str, resolve: u64, own: Option<Identity>) -> Result<Identity, Errno> {
            let path = CString::new(self.path(name).to_str().expect("UTF-8")).expect("no NUL");
            look(&path, resolve, own)
        }
    }

    #[test]
    fn a_link_and_a_script_lead_to_the_program() {
        let files = Files::new();
        let own = identity(c"/proc/self/exe").expect("it is there");
        for name in ["link", "script", "second"] {
            assert_eq!(files.look(name, 0, Some(own)), Err(Errno::EACCES), "{name}");
        }
        let shell = identity(c"/bin/sh").expect("it is there");
        assert_eq!(files.look("other", 0, Some(own)), Ok(shell));
        assert_eq!(files.look("missing", 0, Some(own)), Err(Errno::ENOENT));
    }

    #[test]
    fn no_program_and_no_interpreter_is_reached_by_a_link_of_procfs() {
        let files = Files::new();
        for name in ["link", "script", "second", "open"] {
            assert_eq!(files.look(name, CHECKED, None), Err(Errno::ELOOP), "{name}");
        }
        assert!(files.look("other", CHECKED, None).is_ok());
    }

    #[test]
    fn the_loader_of_a_program_is_looked_at_as_well() {
        let files = Files::new();
        let shell = std::fs::read("/bin/sh").expect("a shell");
        let elf = Elf::read(&shell).expect("a program");
        let table = &shell[elf.table as usize..][..elf.count * elf.size];
        let Some(header) = table.chunks_exact(elf.size).find(|header| elf.number(header, 0, 4) == Some(3))
        else {
            eprintln!("skipped: the shell of this machine has no loader");
            return;
        };
        let [offset, length] = elf.place(header).expect("a whole header").map(|number| number as usize);
        let link = b"/proc/self/exe\0";
        assert!(length >= link.len());
        let mut changed = shell.clone();
        changed[offset..offset + link.len()].copy_from_slice(link);
        std::fs::write(files.path("plain"), &shell).expect("a file");
        std::fs::write(files.path("astray"), &changed).expect("a file");
        assert!(files.look("plain", CHECKED, None).is_ok());
        assert_eq!(files.look("astray", CHECKED, None), Err(Errno::ELOOP));
    }

    #[test]
    fn a_mount_of_this_process_is_not_outside_of_it() {
        let root = identity(c"/").expect("it is there");
        assert!(!is_outside(std::process::id().cast_signed(), root.mount));
        assert!(is_outside(i32::MAX, root.mount));
        assert!(!is_outside(i32::MAX, u64::MAX));
    }
}
