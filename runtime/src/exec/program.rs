//! What a container's program is, and what runs once it is executed.
//!
//! The program, and each interpreter that it names, is looked up as the kernel will do it, but without the links of
//! procfs that lead to what a process has open or runs (`/proc/self/fd/3`, `/proc/self/exe`): no program of a container
//! is reached by one. Between clone and exec: nothing here allocates, unless it says so.

use std::ffi::CStr;
use std::os::fd::RawFd;
use std::time::Duration;

use nix::errno::Errno;
use nix::libc;

use crate::beneath::Fd;
use crate::headers::{HEADER, LINE, Layout, Table, interpreter};
use crate::sys::identity::{self, Identity, identity};
use crate::sys::{self, Progress};

/// As many interpreters of interpreters as the kernel goes through (execve(2)).
const DEPTH: usize = 5;

/// How a program is looked at.
pub(super) struct Looking<'a> {
    /// RESOLVE_* of openat2(2).
    pub resolve: u64,
    /// This program, which no container executes.
    pub own: Option<Identity>,
    /// Where a look with the rights to read notes what others may not read, and the last look finds it.
    pub noted: &'a Progress,
    /// Whether it is the look with the rights.
    pub early: bool,
}

impl Looking<'_> {
    /// Which file executing `path` executes in the end: itself, or its last interpreter.
    ///
    /// # Errors
    /// What could not be read is not executed. The errno of openat2(2): ELOOP where a link of procfs is on the way, EAGAIN
    /// where somebody holds a lease on a file and does not give it up. EACCES where it is `own`, no regular file, or may
    /// not be read and was not looked at before; ENOEXEC where its headers name what the kernel does not take.
    pub fn look(&self, path: &CStr) -> Result<Identity, Errno> {
        let mut names = [0_u8; LINE + 1];
        let mut path = path;
        for _ in 0..=DEPTH {
            let (file, found) = self.open(path)?;
            // What may not be read has been looked at before, with all that it names.
            let Some(file) = file else { return Ok(found) };
            let mut start = [0_u8; LINE];
            let _short = read(file.0, &mut start, 0)?;
            let Some(name) = interpreter(&start) else {
                self.loaders(file.0, &start)?;
                self.note(file.0, found)?;
                return Ok(found);
            };
            names[..name.len()].copy_from_slice(name);
            names[name.len()] = 0;
            // Copied: the next file is read into the same place.
            path = CStr::from_bytes_until_nul(&names).map_err(|_| Errno::ENOEXEC)?;
        }
        Err(Errno::ELOOP)
    }

    /// What `path` leads to; open where it may be read.
    fn open(&self, path: &CStr) -> Result<(Option<Fd>, Identity), Errno> {
        // A FIFO or a device in its place must not stop the start.
        let flags = libc::O_RDONLY | libc::O_NONBLOCK | libc::O_NOCTTY;
        let mut opened = sys::openat2(libc::AT_FDCWD, path, flags, 0, self.resolve);
        for _ in 0..TRIES {
            if self.early || opened != Err(Errno::EAGAIN) {
                break;
            }
            // Somebody has a lease on it (fcntl(2)), and is told by this that it is wanted.
            std::thread::sleep(PAUSE);
            opened = sys::openat2(libc::AT_FDCWD, path, flags, 0, self.resolve);
        }
        let readable = opened != Err(Errno::EACCES);
        let file = if readable {
            Fd(opened?)
        } else {
            Fd(sys::openat2(libc::AT_FDCWD, path, libc::O_PATH, 0, self.resolve)?)
        };
        let found = identity::look(file.0)?;
        let program = found.kind == libc::S_IFREG && self.own != Some(found.identity);
        if !program || !(readable || self.noted.was_looked_at(found.identity)) {
            return Err(Errno::EACCES);
        }
        Ok((readable.then_some(file), found.identity))
    }

    /// Of a program that is no script: what the user may not read later is noted. A script that may not be read is nothing
    /// that its interpreter could read, and is not.
    fn note(&self, file: RawFd, found: Identity) -> Result<(), Errno> {
        if self.early && !identity::look(file)?.by_all {
            self.noted.looked_at(found);
        }
        Ok(())
    }

    /// Looks at the loader that the headers of an ELF file name, in whatever layout the kernel may read them.
    fn loaders(&self, file: RawFd, start: &[u8; LINE]) -> Result<(), Errno> {
        let tables = [Layout::Wide, Layout::Narrow].map(|layout| Table::of(layout, start));
        tables.iter().flatten().try_for_each(|table| self.loader(file, table))
    }

    fn loader(&self, file: RawFd, table: &Table) -> Result<(), Errno> {
        let mut header = [0_u8; HEADER];
        let header = header.get_mut(..table.size()).ok_or(Errno::ENOEXEC)?;
        for place in table.headers() {
            read_all(file, header, place)?;
            let Some((offset, length)) = table.loader(header)? else { continue };
            let mut path = [0_u8; libc::PATH_MAX as usize];
            let path = path.get_mut(..length).ok_or(Errno::ENOEXEC)?;
            read_all(file, path, offset)?;
            if path.last() != Some(&0) {
                return Err(Errno::ENOEXEC);
            }
            let path = CStr::from_bytes_until_nul(path).map_err(|_| Errno::ENOEXEC)?;
            // The kernel takes the first, and asks a loader for none of its own: it need not be read.
            let loader = Fd(sys::openat2(libc::AT_FDCWD, path, libc::O_PATH, 0, self.resolve)?);
            let found = identity::look(loader.0)?.identity;
            return if self.own == Some(found) { Err(Errno::EACCES) } else { Ok(()) };
        }
        Ok(())
    }
}

/// A lease is waited for no longer than a second.
const TRIES: usize = 50;
const PAUSE: Duration = Duration::from_millis(20);

/// Reads until the buffer is full or the file ends; returns how much.
fn read(file: RawFd, buffer: &mut [u8], offset: u64) -> Result<usize, Errno> {
    let mut count = 0;
    while let Some(rest) = buffer.get_mut(count..).filter(|rest| !rest.is_empty()) {
        match sys::paths::read_at(file, rest, offset.saturating_add(count as u64)) {
            Ok(0) => break,
            Ok(more) => count += more,
            Err(Errno::EINTR) => {}
            Err(errno) => return Err(errno),
        }
    }
    Ok(count)
}

/// What the headers say must be there.
fn read_all(file: RawFd, buffer: &mut [u8], offset: u64) -> Result<(), Errno> {
    // The kernel reads nothing at a negative offset.
    let there = i64::try_from(offset).is_ok() && read(file, buffer, offset)? == buffer.len();
    if there { Ok(()) } else { Err(Errno::ENOEXEC) }
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

#[cfg(test)]
mod tests {
    use super::*;
    use std::ffi::CString;
    use std::os::unix::fs::symlink;

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
            let noted = sys::ChildMemory::borrowed().expect("memory");
            Looking { resolve, own, noted: &noted, early: false }.look(&path)
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
        let start: &[u8; LINE] = shell[..LINE].try_into().expect("a program");
        let table = Table::of(Layout::Wide, start).or_else(|| Table::of(Layout::Narrow, start));
        let table = table.expect("a program");
        let named = |at: u64| table.loader(&shell[at as usize..][..table.size()]).expect("it runs");
        let Some((offset, length)) = table.headers().find_map(named) else {
            eprintln!("skipped: the shell of this machine has no loader");
            return;
        };
        let offset = offset as usize;
        let link = b"/proc/self/exe\0";
        assert!(length >= link.len());
        let mut changed = shell.clone();
        changed[offset..offset + link.len()].copy_from_slice(link);
        changed[offset + length - 1] = 0;
        let mut lying = changed.clone();
        lying[4..6].fill(0);
        std::fs::write(files.path("lying"), &lying).expect("a file");
        let whole = offset + 1;
        std::fs::write(files.path("cut"), &changed[..whole]).expect("a file");
        std::fs::write(files.path("plain"), &shell).expect("a file");
        std::fs::write(files.path("astray"), &changed).expect("a file");
        assert!(files.look("plain", CHECKED, None).is_ok());
        assert_eq!(files.look("astray", CHECKED, None), Err(Errno::ELOOP));
        assert_eq!(files.look("lying", CHECKED, None), Err(Errno::ELOOP));
        assert_eq!(files.look("cut", CHECKED, None), Err(Errno::ENOEXEC));
    }

    #[test]
    fn a_mount_of_this_process_is_not_outside_of_it() {
        let root = identity(c"/").expect("it is there");
        assert!(!is_outside(std::process::id().cast_signed(), root.mount));
        assert!(is_outside(i32::MAX, root.mount));
        assert!(!is_outside(i32::MAX, u64::MAX));
    }
}
