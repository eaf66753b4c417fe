//! The switches, parsed without allocating: the command line is part of what is measured.

use std::ffi::CStr;

use crate::sys::{self, Arguments};

/// Printed after a mistake.
pub const USAGE: &str = "\
usage: browndog-floor ROOT [SWITCH…]
  ROOT               directory that becomes / and has bin/true
  cgroup=DIR         make a cgroup below this cgroup v2 directory
  -PART              leave out: net cgroup lo dev uts ipc pid cgroupns sysfs proc shm mqueue devpts mount
  fork               copy the memory instead of borrowing it (no CLONE_VM, CLONE_VFORK)
  procs              join the cgroup by a write instead of CLONE_INTO_CGROUP
  newapi             fsopen, fsmount and move_mount instead of mount
  harden             capabilities, no_new_privs, masked paths, seccomp
  prepared=DIR       take the base mount namespace and /dev of `make` (see below) instead of making them
  base=DIR           of these only the base mount namespace
  devtree=DIR        of these only /dev
  loop=N             N starts in one process; prints step, minimum and median in ns
  make=DIR           make an empty base mount namespace and a /dev in DIR
  remove=DIR         remove them
or: browndog-floor weigh COMMAND [ARGUMENT…]
                     run it from a process this small; prints the peak of its memory in KiB
";

/// What the process does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// One start.
    Start,
    /// This many starts, each step timed.
    Loop(usize),
    /// Make the prepared directory.
    Prepare,
    /// Remove the prepared directory.
    Remove,
    /// Run another command and say how much memory it had.
    Weigh(sys::Words),
}

/// A mechanism that can be left out; the value is its bit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum Part {
    /// Network namespace.
    Net = 1,
    /// Own cgroup.
    Cgroup = 1 << 1,
    /// Loopback up.
    Lo = 1 << 2,
    /// A /dev with nodes.
    Dev = 1 << 3,
    /// UTS namespace and hostname.
    Uts = 1 << 4,
    /// IPC namespace.
    Ipc = 1 << 5,
    /// PID namespace.
    Pid = 1 << 6,
    /// Cgroup namespace.
    CgroupNs = 1 << 7,
    /// /sys.
    Sysfs = 1 << 8,
    /// /proc.
    Proc = 1 << 9,
    /// /dev/shm.
    Shm = 1 << 10,
    /// /dev/mqueue.
    Mqueue = 1 << 11,
    /// /dev/pts.
    Devpts = 1 << 12,
    /// Mount namespace, and with it every mount.
    Mount = 1 << 13,
}

const PARTS: [(&[u8], Part); 14] = [
    (b"-net", Part::Net),
    (b"-cgroup", Part::Cgroup),
    (b"-lo", Part::Lo),
    (b"-dev", Part::Dev),
    (b"-uts", Part::Uts),
    (b"-ipc", Part::Ipc),
    (b"-pid", Part::Pid),
    (b"-cgroupns", Part::CgroupNs),
    (b"-sysfs", Part::Sysfs),
    (b"-proc", Part::Proc),
    (b"-shm", Part::Shm),
    (b"-mqueue", Part::Mqueue),
    (b"-devpts", Part::Devpts),
    (b"-mount", Part::Mount),
];

/// One start's shape.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// What the process does.
    pub mode: Mode,
    /// The directory that becomes `/`.
    pub root: &'static CStr,
    /// The cgroup v2 directory to make ours in.
    pub cgroup: &'static CStr,
    /// Where the prepared things are: for the base namespace and for /dev.
    pub base: Option<&'static CStr>,
    /// Where the prepared /dev is.
    pub devtree: Option<&'static CStr>,
    /// Copy memory like fork.
    pub fork: bool,
    /// Join the cgroup by writing to cgroup.procs.
    pub procs: bool,
    /// The mount API with file descriptors.
    pub newapi: bool,
    /// Restrict the payload.
    pub harden: bool,
    without: u32,
}

impl Options {
    /// Whether this part is wanted.
    pub fn has(&self, part: Part) -> bool {
        self.without & part as u32 == 0
    }

    /// Reads the command line; the word that cannot be used is the error.
    pub fn parse(mut arguments: Arguments) -> Result<Self, &'static [u8]> {
        let mut options = Self {
            mode: Mode::Start,
            root: c"",
            cgroup: c"/sys/fs/cgroup",
            base: None,
            devtree: None,
            fork: false,
            procs: false,
            newapi: false,
            harden: false,
            without: 0,
        };
        while let Some(argument) = arguments.next() {
            if argument == c"weigh" && options.root.is_empty() {
                options.mode = Mode::Weigh(arguments.rest().ok_or(&b"weigh"[..])?);
                return Ok(options);
            }
            options.take(argument)?;
        }
        let prepares = matches!(options.mode, Mode::Prepare | Mode::Remove);
        if options.root.is_empty() && !prepares {
            return Err(b"no ROOT");
        }
        if !options.has(Part::Mount) {
            let mounts = [Part::Dev, Part::Sysfs, Part::Proc, Part::Shm, Part::Mqueue, Part::Devpts];
            options.without |= mounts.iter().fold(0, |bits, &part| bits | part as u32);
        }
        if !options.has(Part::Dev) {
            options.without |= Part::Shm as u32 | Part::Mqueue as u32 | Part::Devpts as u32;
        }
        Ok(options)
    }

    fn take(&mut self, argument: &'static CStr) -> Result<(), &'static [u8]> {
        let word = argument.to_bytes();
        if let Some((_, part)) = PARTS.iter().find(|(name, _)| *name == word) {
            self.without |= *part as u32;
        } else if let Some(dir) = value(argument, b"cgroup=") {
            self.cgroup = dir;
        } else if let Some(dir) = value(argument, b"prepared=") {
            self.base = Some(dir);
            self.devtree = Some(dir);
        } else if let Some(dir) = value(argument, b"base=") {
            self.base = Some(dir);
        } else if let Some(dir) = value(argument, b"devtree=") {
            self.devtree = Some(dir);
        } else if let Some(dir) = value(argument, b"make=") {
            (self.mode, self.base) = (Mode::Prepare, Some(dir));
        } else if let Some(dir) = value(argument, b"remove=") {
            (self.mode, self.base) = (Mode::Remove, Some(dir));
        } else if let Some(number) = value(argument, b"loop=") {
            let rounds = number.to_str().ok().and_then(|text| text.parse().ok()).filter(|&n| n > 0);
            self.mode = Mode::Loop(rounds.ok_or(word)?);
        } else {
            match word {
                b"fork" => self.fork = true,
                b"procs" => self.procs = true,
                b"newapi" => self.newapi = true,
                b"harden" => self.harden = true,
                _ if word.starts_with(b"-") || !self.root.is_empty() => return Err(word),
                _ => self.root = argument,
            }
        }
        Ok(())
    }
}

/// What follows `key` in `argument`, still terminated.
fn value(argument: &'static CStr, key: &[u8]) -> Option<&'static CStr> {
    let rest = argument.to_bytes_with_nul().strip_prefix(key)?;
    CStr::from_bytes_with_nul(rest).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_is_left_out_by_its_name() {
        let options = Options::parse(Arguments::of(&[c"/r", c"-net", c"fork"])).unwrap();
        assert!(!options.has(Part::Net) && options.has(Part::Pid) && options.fork);
    }

    #[test]
    fn without_a_mount_namespace_nothing_is_mounted() {
        let options = Options::parse(Arguments::of(&[c"/r", c"-mount"])).unwrap();
        assert!(!options.has(Part::Proc) && !options.has(Part::Devpts));
    }

    #[test]
    fn an_unknown_switch_is_refused_by_name() {
        assert_eq!(Options::parse(Arguments::of(&[c"/r", c"-nett"])).unwrap_err(), b"-nett");
    }
}
