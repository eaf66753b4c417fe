//! Which parts of a program a command uses, in the order of first use: what `ci/order` makes the linker's
//! order of. MAP is what the linker wrote with `-Map` when it made the program.
//!
//! `order MAP code PROGRAM ARGUMENTS…` goes through the program instruction by instruction (ptrace(2)),
//! children included, and prints the input section of each function that it enters, as a line of a linker
//! script.
//!
//! `order MAP constants LOG CODE` does the same for the constants that the functions of the list CODE load.
//! LOG is of valgrind's lackey: it alone tells what is loaded, and does not know every system call of a start.

use std::collections::{HashMap, HashSet};
use std::error::Error;
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use browndog_runtime::sys::entry::arguments;
use nix::errno::Errno;
use nix::sys::ptrace::{self, Event, Options};
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// How it is called.
const USAGE: &str = "order MAP code PROGRAM ARGUMENTS…, or order MAP constants LOG CODE";

/// An input section: where it is, how long, and what the script calls it.
struct Section {
    start: u64,
    end: u64,
    line: String,
}

/// Sections by address, and those that were used, in order.
struct Used<'a> {
    sections: &'a [Section],
    seen: HashSet<usize>,
    lines: Vec<&'a str>,
}

impl<'a> Used<'a> {
    fn new(sections: &'a [Section]) -> Self {
        Self { sections, seen: HashSet::new(), lines: Vec::new() }
    }

    fn find(&self, address: u64) -> Option<usize> {
        let at = self.sections.partition_point(|section| section.end <= address);
        self.sections.get(at).is_some_and(|section| section.start <= address).then_some(at)
    }

    fn visit(&mut self, address: u64) {
        if let Some(at) = self.find(address)
            && self.seen.insert(at)
        {
            self.lines.push(&self.sections[at].line);
        }
    }

    fn print(self) {
        let mut written = HashSet::new();
        self.lines.into_iter().filter(|line| written.insert(*line)).for_each(|line| println!("{line}"));
    }
}

fn main() -> Result<()> {
    let mut words = arguments().iter().skip(1);
    let mut word = || words.next().ok_or(USAGE);
    let (map, what, file) = (word()?, word()?, PathBuf::from(word()?));
    let map = std::fs::read_to_string(map)?;
    let code = sections(&map, ".text");
    if code.is_empty() {
        return Err("the map has no section of code: it is none of lld's".into());
    }
    if what == "constants" {
        let list = std::fs::read_to_string(word()?)?;
        let constants = sections(&map, ".rodata");
        let mut used = Used::new(&constants);
        loads(&std::fs::read_to_string(file)?, &list.lines().collect(), &code, &mut used)?;
        used.print();
        return Ok(());
    }
    let program = file.canonicalize()?;
    // A shell that stops itself can be seized before it becomes the program.
    let mut shell = Command::new("/bin/sh");
    let shell = shell.args(["-c", "kill -STOP $$; exec \"$@\"", "order"]).arg(&program).args(words);
    let child = shell.stdout(std::io::stderr()).spawn()?;
    let mut used = Used::new(&code);
    trace(Pid::from_raw(child.id().cast_signed()), &program, |address| used.visit(address))?;
    used.print();
    Ok(())
}

/// Visits what the functions in `list` load: lines `I  ADDRESS,SIZE` and ` L ADDRESS,SIZE` of lackey.
fn loads(log: &str, list: &HashSet<&str>, code: &[Section], used: &mut Used<'_>) -> Result<()> {
    let finder = Used::new(code);
    let mut counts = false;
    for line in log.lines() {
        let Some((kind, rest)) = line.split_at_checked(3) else { continue };
        let Some((address, _)) = rest.split_once(',') else { continue };
        match kind {
            "I  " => {
                let at = finder.find(u64::from_str_radix(address, 16)?);
                // Valgrind's processor has other forms of the C library's functions than this one.
                counts = at.is_some_and(|at| {
                    code[at].line.starts_with("*libc.a:") || list.contains(code[at].line.as_str())
                });
            }
            " L " | " M " if counts => used.visit(u64::from_str_radix(address, 16)?),
            _ => {}
        }
    }
    Ok(())
}

/// Steps through `pid` and its children while they are `program`; tells `visit` every instruction.
fn trace(first: Pid, program: &Path, mut visit: impl FnMut(u64)) -> Result<()> {
    let stopped = waitpid(first, Some(WaitPidFlag::WUNTRACED))?;
    debug_assert!(matches!(stopped, WaitStatus::Stopped(..)), "{stopped:?}");
    let children = Options::PTRACE_O_TRACECLONE | Options::PTRACE_O_TRACEFORK | Options::PTRACE_O_TRACEVFORK;
    ptrace::seize(first, children | Options::PTRACE_O_TRACEEXEC | Options::PTRACE_O_EXITKILL)?;
    kill(first, Signal::SIGCONT)?;
    let ours = |pid: Pid| std::fs::read_link(format!("/proc/{pid}/exe")).is_ok_and(|exe| exe == *program);
    let mut stepped = HashMap::new();
    let mut ended = None;
    loop {
        let (pid, signal) = match waitpid(None, Some(WaitPidFlag::__WALL)) {
            // Everybody is gone, also who outlived the command.
            Err(Errno::ECHILD) => break,
            Err(errno) => return Err(errno.into()),
            Ok(status @ (WaitStatus::Exited(pid, _) | WaitStatus::Signaled(pid, ..))) => {
                let _was = stepped.remove(&pid);
                if pid == first {
                    ended = Some(status);
                }
                continue;
            }
            Ok(WaitStatus::PtraceEvent(pid, _, event)) => {
                if event == Event::PTRACE_EVENT_EXEC as i32 && !ours(pid) {
                    // The container's init, or the shell's own children: none of the program.
                    let _was = stepped.remove(&pid);
                    ptrace::detach(pid, None)?;
                    continue;
                }
                if ours(pid) && !stepped.contains_key(&pid) {
                    let _new = stepped.insert(pid, File::open(format!("/proc/{pid}/syscall"))?);
                }
                (pid, None)
            }
            Ok(WaitStatus::Stopped(pid, signal)) => (pid, (signal != Signal::SIGTRAP).then_some(signal)),
            Ok(_) => continue,
        };
        if let Some(file) = stepped.get(&pid) {
            visit(at(file)?);
            ptrace::step(pid, signal)?;
        } else {
            ptrace::cont(pid, signal)?;
        }
    }
    match ended {
        Some(WaitStatus::Exited(_, 0)) => Ok(()),
        other => Err(format!("the program did not end as it should: {other:?}").into()),
    }
}

/// The next instruction of a stopped process: the last word of /proc/PID/syscall (proc(5)), on every architecture.
fn at(file: &File) -> Result<u64> {
    let mut bytes = [0; 256];
    let read = file.read_at(&mut bytes, 0)?;
    let text = std::str::from_utf8(&bytes[..read])?;
    let word = text.split_ascii_whitespace().next_back().and_then(|word| word.strip_prefix("0x"));
    Ok(u64::from_str_radix(word.ok_or("/proc/PID/syscall has no address")?, 16)?)
}

/// Address, end, file and name of the section that a line of the map is about; what the linker merged has
/// no file, and no place of its own.
fn section<'a>(line: &'a str, prefix: &str) -> Option<(u64, u64, &'a str, &'a str)> {
    let mut words = line.split_ascii_whitespace();
    let start = u64::from_str_radix(words.next()?, 16).ok()?;
    let size = u64::from_str_radix(words.nth(1)?, 16).ok()?;
    let (file, name) = words.nth(1)?.strip_suffix(')')?.rsplit_once(":(")?;
    let ours = size > 0 && name.starts_with(prefix) && file != "<internal>";
    ours.then_some((start, start + size, file.rsplit('/').next().unwrap_or(file), name))
}

/// The sections in a map of lld's whose names begin with `prefix`, ascending: address, load address, size,
/// alignment, then, indented, `FILE:(SECTION)`.
fn sections(map: &str, prefix: &str) -> Vec<Section> {
    let found: Vec<_> = map.lines().filter_map(|line| section(line, prefix)).collect();
    let mut alike: HashMap<String, u32> = HashMap::new();
    for (.., name) in &found {
        *alike.entry(without_hash(name)).or_default() += 1;
    }
    let named = |(start, end, file, name)| Section { start, end, line: line(file, name, &alike) };
    let mut all: Vec<Section> = found.into_iter().map(named).collect();
    all.sort_by_key(|section| section.start);
    all
}

/// An input section in the words of a linker script; without what changes from build to build where that
/// leaves it the only one of the name.
fn line(file: &str, name: &str, alike: &HashMap<String, u32>) -> String {
    let short = without_hash(name);
    // Rust names each section for its one function; of the others only the file tells which it is.
    match file.strip_suffix(')').and_then(|file| file.split_once('(')) {
        _ if file.contains(".rcgu.o") && alike.get(&short) == Some(&1) => format!("*({short})"),
        _ if file.contains(".rcgu.o") => format!("*({name})"),
        Some((archive, member)) => format!("*{archive}:{member}({name})"),
        None => format!("*{file}({name})"),
    }
}

/// `_ZN4core3fmt5write17h0123456789abcdefE.llvm.7` as `_ZN4core3fmt5write17h*`, and
/// `_RNvNtCs0123456789a_4core3fmt5write` as `_RNvNtCs*_4core3fmt5write`: what tells crates of one name apart
/// is another with every tool chain (both ways of mangling are in use: the standard library has the newer).
fn without_hash(name: &str) -> String {
    let (name, copy) = name.split_once(".llvm.").map_or((name, ""), |(name, _)| (name, "*"));
    if let Some((name, hash)) = name.rsplit_once("17h")
        && hash.len() == 17
        && hash.ends_with('E')
    {
        return format!("{name}17h*");
    }
    let mut pieces = name.split("Cs");
    let mut text = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        let crate_name = piece.split_once('_').filter(|(id, name)| {
            id.bytes().all(|byte| byte.is_ascii_alphanumeric())
                && name.starts_with(|c: char| c.is_ascii_digit())
        });
        text.push_str("Cs");
        match crate_name {
            Some((_, name)) => text.extend(["*_", name]),
            None => text.push_str(piece),
        }
    }
    text + copy
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sections_of_a_map() {
        let map = "\
             VMA              LMA     Size Align Out     In      Symbol
          201000           201000     1000    16 .text
          201000           201000      1d5    16         /a/crt1.o:(.text)
          201000           201000        0     1                 _start
          201200           201200       20    16         /b/x.x.1-cgu.0.rcgu.o:(.text._ZN1a1b17h0123456789abcdefE)
          201220           201220       30    16         /usr/lib/libc.a(malloc.o):(.text)
          201250           201250       30    16         /c/libstd.rlib(std.rcgu.o):(.text._RNvNtCs1aB_4core3fmtCs_x)
          201280           201280       10    16         /b/x.x.1-cgu.0.rcgu.o:(.text._ZN1a1c17h0123456789abcdefE)
          201290           201290       10    16         /b/x.x.1-cgu.0.rcgu.o:(.text._ZN1a1c17h1123456789abcdefE)
          300000           300000        8     8         /b/x.rcgu.o:(.data.rel.ro..L1)
";
        let found: Vec<_> = sections(map, ".text").into_iter().map(|s| (s.start, s.end, s.line)).collect();
        let expected = [
            (0x201000, 0x2011d5, "*crt1.o(.text)".to_owned()),
            (0x201200, 0x201220, "*(.text._ZN1a1b17h*)".to_owned()),
            (0x201220, 0x201250, "*libc.a:malloc.o(.text)".to_owned()),
            (0x201250, 0x201280, "*(.text._RNvNtCs*_4core3fmtCs_x)".to_owned()),
            (0x201280, 0x201290, "*(.text._ZN1a1c17h0123456789abcdefE)".to_owned()),
            (0x201290, 0x2012a0, "*(.text._ZN1a1c17h1123456789abcdefE)".to_owned()),
        ];
        assert_eq!(found, expected);
        assert_eq!(sections(map, ".rodata").len(), 0);
    }
}
