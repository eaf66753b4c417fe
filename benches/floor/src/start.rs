//! One start and its end, in the order of the plan.

use std::ffi::{CStr, c_int};
use std::sync::atomic::{AtomicU64, Ordering};

use libc::{MS_BIND, MS_NODEV, MS_NOEXEC, MS_NOSUID, MS_PRIVATE, MS_RDONLY, MS_REC};

use crate::harden;
use crate::options::{Options, Part};
use crate::sys::{self, Errno};

/// The steps, in order; the value is the slot of its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(usize)]
pub enum Step {
    /// Nothing done yet.
    Begin,
    /// mkdir of the cgroup, and open.
    Cgroup,
    /// Detached trees of what was prepared, and the base mount namespace.
    Tree,
    /// clone3, until the child runs.
    Clone,
    /// The cgroup joined by a write.
    Join,
    /// No mount event leaves or enters.
    Private,
    /// The root directory becomes a mount.
    Root,
    /// /proc.
    Proc,
    /// /dev.
    Dev,
    /// Nodes and links of /dev.
    Nodes,
    /// /dev/pts.
    Devpts,
    /// /dev/shm.
    Shm,
    /// /dev/mqueue.
    Mqueue,
    /// /sys.
    Sysfs,
    /// pivot_root.
    Pivot,
    /// The old root goes.
    Detach,
    /// Host name.
    Hostname,
    /// Loopback up.
    Lo,
    /// Masks, capabilities, filter.
    Harden,
    /// execve, the payload, its exit and the end of its namespaces.
    Exec,
    /// rmdir of the cgroup.
    Remove,
}

/// Names of the steps, by slot.
pub const STEPS: [&str; 21] = [
    "begin",
    "cgroup mkdir, open",
    "trees, base namespace",
    "clone3",
    "join cgroup.procs",
    "make / private",
    "bind the root",
    "mount /proc",
    "mount /dev",
    "nodes and links of /dev",
    "mount /dev/pts",
    "mount /dev/shm",
    "mount /dev/mqueue",
    "mount /sys",
    "pivot_root",
    "detach the old root",
    "sethostname",
    "lo up",
    "harden",
    "exec, payload, exit",
    "cgroup rmdir",
];

/// A step that failed, and why.
#[derive(Clone, Copy, Debug)]
pub struct Failed(pub Step, pub Errno);

impl Failed {
    /// Says so on standard error, without allocating.
    pub fn say(&self) {
        let mut digits = [0; 10];
        let name = STEPS[self.0 as usize].as_bytes();
        sys::say(&[b"browndog-floor: ", name, b": errno ", decimal(self.1 as u32, &mut digits), b"\n"]);
    }
}

/// `number` as text.
pub fn decimal(mut number: u32, digits: &mut [u8; 10]) -> &[u8] {
    let mut at = digits.len();
    loop {
        at -= 1;
        digits[at] = b'0' + (number % 10) as u8;
        number /= 10;
        if number == 0 {
            return &digits[at..];
        }
    }
}

/// What a start needs, opened once.
pub struct Start<'a> {
    options: &'a Options,
    times: Option<&'static [AtomicU64; 64]>,
    cgroups: c_int,
    base: c_int,
    home: c_int,
    trees: [c_int; 2],
}

/// One start; returns the payload's exit status.
pub fn once(options: &Options) -> Result<i32, Failed> {
    Start::open(options, None)?.run()
}

impl<'a> Start<'a> {
    /// Opens the directory for cgroups and what was prepared.
    pub fn open(options: &'a Options, times: Option<&'static [AtomicU64; 64]>) -> Result<Self, Failed> {
        let mut start = Self { options, times, cgroups: -1, base: -1, home: -1, trees: [-1; 2] };
        if options.has(Part::Cgroup) {
            start.cgroups =
                sys::open(options.cgroup, libc::O_PATH | libc::O_DIRECTORY).map_err(at(Step::Cgroup))?;
        }
        if let Some(dir) = options.base {
            let prepared = sys::open(dir, libc::O_PATH | libc::O_DIRECTORY).map_err(at(Step::Tree))?;
            start.base = sys::open_at(prepared, c"base", libc::O_RDONLY).map_err(at(Step::Tree))?;
            sys::close(prepared).map_err(at(Step::Tree))?;
            start.home = sys::open(c"/proc/self/ns/mnt", libc::O_RDONLY).map_err(at(Step::Tree))?;
        }
        Ok(start)
    }

    /// The start, the wait and the end.
    pub fn run(&mut self) -> Result<i32, Failed> {
        self.mark(Step::Begin);
        let mut name = [0; 32];
        let name = cgroup_name(&mut name);
        let cgroup = self.make_cgroup(name)?;
        self.clone_trees()?;
        let flags = self.flags();
        let into = cgroup.filter(|_| !self.options.procs);
        let (_pid, pidfd) = sys::clone3(flags, into, child, self).map_err(at(Step::Clone))?;
        let status = sys::wait(pidfd).map_err(at(Step::Exec))?;
        self.mark(Step::Exec);
        sys::close(pidfd).map_err(at(Step::Exec))?;
        self.drop_trees()?;
        if let Some(cgroup) = cgroup {
            sys::close(cgroup).map_err(at(Step::Remove))?;
            sys::rmdir_at(self.cgroups, name).map_err(at(Step::Remove))?;
            self.mark(Step::Remove);
        }
        Ok(status)
    }

    fn mark(&self, step: Step) {
        if let Some(times) = self.times {
            times[step as usize].store(sys::now(), Ordering::Relaxed);
        }
    }

    fn flags(&self) -> u64 {
        let wanted = [
            (Part::Net, libc::CLONE_NEWNET),
            (Part::Uts, libc::CLONE_NEWUTS),
            (Part::Ipc, libc::CLONE_NEWIPC),
            (Part::Pid, libc::CLONE_NEWPID),
            (Part::CgroupNs, libc::CLONE_NEWCGROUP),
            (Part::Mount, libc::CLONE_NEWNS),
        ];
        let borrow = if self.options.fork { 0 } else { libc::CLONE_VM | libc::CLONE_VFORK };
        let kinds = wanted.iter().filter(|(part, _)| self.options.has(*part));
        kinds.fold(borrow as u64, |flags, (_, flag)| flags | *flag as u64)
    }

    fn make_cgroup(&self, name: &CStr) -> Result<Option<c_int>, Failed> {
        if !self.options.has(Part::Cgroup) {
            return Ok(None);
        }
        sys::mkdir_at(self.cgroups, name).map_err(at(Step::Cgroup))?;
        let flags = libc::O_DIRECTORY | libc::O_PATH;
        let cgroup = sys::open_at(self.cgroups, name, flags).map_err(at(Step::Cgroup))?;
        self.mark(Step::Cgroup);
        Ok(Some(cgroup))
    }

    /// Detached copies are made where the mounts are, then the base namespace is entered: what the
    /// clone copies is then one mount, however many the host has.
    fn clone_trees(&mut self) -> Result<(), Failed> {
        let failed = at(Step::Tree);
        if self.base >= 0 {
            self.trees[0] = sys::clone_tree(self.options.root).map_err(failed)?;
        }
        if let Some(dir) = self.options.devtree {
            let mut path = [0; 512];
            self.trees[1] = sys::clone_tree(join(dir, c"/dev", &mut path)).map_err(failed)?;
        }
        if self.base >= 0 {
            sys::setns(self.base, libc::CLONE_NEWNS).map_err(failed)?;
        }
        if self.trees != [-1; 2] {
            self.mark(Step::Tree);
        }
        Ok(())
    }

    fn drop_trees(&mut self) -> Result<(), Failed> {
        for tree in self.trees.iter_mut().filter(|tree| **tree >= 0) {
            sys::close(*tree).map_err(at(Step::Tree))?;
            *tree = -1;
        }
        if self.base >= 0 && self.times.is_some() {
            sys::setns(self.home, libc::CLONE_NEWNS).map_err(at(Step::Tree))?;
        }
        Ok(())
    }

    fn become_container(&self) -> Result<(), Failed> {
        self.mark(Step::Clone);
        if self.options.procs && self.options.has(Part::Cgroup) {
            self.join_cgroup().map_err(at(Step::Join))?;
            self.mark(Step::Join);
        }
        sys::umask(0);
        if self.base >= 0 {
            self.enter_tree().map_err(at(Step::Root))?;
        } else if self.options.has(Part::Mount) {
            sys::mount(c"none", c"/", c"", MS_REC | MS_PRIVATE, c"").map_err(at(Step::Private))?;
            self.mark(Step::Private);
            sys::mount(self.options.root, self.options.root, c"", MS_BIND | MS_REC, c"")
                .map_err(at(Step::Root))?;
        }
        if self.base < 0 {
            sys::chdir(self.options.root).map_err(at(Step::Root))?;
        }
        self.mark(Step::Root);
        self.mounts()?;
        self.leave_host()?;
        self.settle()
    }

    fn join_cgroup(&self) -> Result<(), Errno> {
        let mut name = [0; 32];
        // The parent's pid named the cgroup; inside a new pid namespace ours is 1 and its unknown, but
        // "0" means the writer, and the directory is the only one we made.
        let name = cgroup_name(&mut name);
        let dir = sys::open_at(self.cgroups, name, libc::O_PATH | libc::O_DIRECTORY)?;
        let procs = sys::open_at(dir, c"cgroup.procs", libc::O_WRONLY)?;
        sys::write(procs, b"0")?;
        sys::close(procs)?;
        sys::close(dir)
    }

    fn enter_tree(&self) -> Result<(), Errno> {
        sys::attach(self.trees[0], c"/")?;
        sys::fchdir(self.trees[0])?;
        sys::chroot(c".")
    }

    fn mounts(&self) -> Result<(), Failed> {
        let inert = MS_NOSUID | MS_NOEXEC | MS_NODEV;
        if self.options.has(Part::Proc) {
            self.mount(Step::Proc, c"proc", c"proc", inert, &[])?;
        }
        if self.options.has(Part::Dev) {
            if self.trees[1] >= 0 {
                sys::attach(self.trees[1], c"dev").map_err(at(Step::Dev))?;
                self.mark(Step::Dev);
            } else {
                self.mount(
                    Step::Dev,
                    c"tmpfs",
                    c"dev",
                    MS_NOSUID | MS_NOEXEC,
                    &[(c"mode", c"755"), (c"size", c"65536")],
                )?;
                sys::chdir(c"dev")
                    .and_then(|()| populate_dev())
                    .and_then(|()| sys::chdir(c".."))
                    .map_err(at(Step::Nodes))?;
                self.mark(Step::Nodes);
            }
        }
        if self.options.has(Part::Devpts) {
            let options = [(c"mode", c"0620"), (c"ptmxmode", c"0666"), (c"gid", c"5")];
            self.mount(Step::Devpts, c"devpts", c"dev/pts", MS_NOSUID | MS_NOEXEC, &options)?;
        }
        if self.options.has(Part::Shm) {
            self.mount(Step::Shm, c"tmpfs", c"dev/shm", inert, &[(c"mode", c"1777"), (c"size", c"64m")])?;
        }
        if self.options.has(Part::Mqueue) {
            self.mount(Step::Mqueue, c"mqueue", c"dev/mqueue", inert, &[])?;
        }
        if self.options.has(Part::Sysfs) {
            self.mount(Step::Sysfs, c"sysfs", c"sys", inert | MS_RDONLY, &[])?;
        }
        Ok(())
    }

    fn mount(
        &self,
        step: Step,
        kind: &CStr,
        target: &CStr,
        flags: u64,
        options: &[(&CStr, &CStr)],
    ) -> Result<(), Failed> {
        let done = if self.options.newapi {
            // The attribute bits of the new calls equal the old flags for these four.
            sys::make_mount(kind, options, flags).and_then(|tree| {
                sys::attach(tree, target)?;
                sys::close(tree)
            })
        } else {
            let mut data = [0; 128];
            sys::mount(kind, target, kind, flags, comma_joined(options, &mut data))
        };
        done.map_err(at(step))?;
        self.mark(step);
        Ok(())
    }

    fn leave_host(&self) -> Result<(), Failed> {
        if self.base >= 0 {
            return Ok(());
        }
        if !self.options.has(Part::Mount) {
            return sys::chroot(c".").map_err(at(Step::Pivot));
        }
        sys::pivot_root(c".", c".").map_err(at(Step::Pivot))?;
        self.mark(Step::Pivot);
        sys::detach(c".").map_err(at(Step::Detach))?;
        self.mark(Step::Detach);
        Ok(())
    }

    fn settle(&self) -> Result<(), Failed> {
        if self.options.has(Part::Uts) {
            sys::sethostname(b"floor").map_err(at(Step::Hostname))?;
            self.mark(Step::Hostname);
        }
        if self.options.has(Part::Net) && self.options.has(Part::Lo) {
            sys::loopback_up().map_err(at(Step::Lo))?;
            self.mark(Step::Lo);
        }
        if self.options.harden {
            harden::confine(self.options.has(Part::Proc)).map_err(at(Step::Harden))?;
            self.mark(Step::Harden);
        }
        Ok(())
    }
}

/// The new process: becomes the container, then the payload.
extern "C" fn child(start: &Start<'_>) -> ! {
    let failed =
        start.become_container().err().unwrap_or_else(|| Failed(Step::Exec, sys::execve(c"/bin/true")));
    failed.say();
    sys::exit(125)
}

/// Six nodes, five links, three directories, in the working directory.
pub fn populate_dev() -> Result<(), Errno> {
    let nodes = [
        (c"null", 1, 3),
        (c"zero", 1, 5),
        (c"full", 1, 7),
        (c"random", 1, 8),
        (c"urandom", 1, 9),
        (c"tty", 5, 0),
    ];
    for (name, major, minor) in nodes {
        sys::character_node(name, major, minor)?;
    }
    let links = [
        (c"/proc/self/fd", c"fd"),
        (c"/proc/self/fd/0", c"stdin"),
        (c"/proc/self/fd/1", c"stdout"),
        (c"/proc/self/fd/2", c"stderr"),
        (c"pts/ptmx", c"ptmx"),
    ];
    for (to, name) in links {
        sys::symlink(to, name)?;
    }
    [c"pts", c"shm", c"mqueue"].into_iter().try_for_each(|name| sys::mkdir_at(libc::AT_FDCWD, name))
}

/// The error of `step`.
pub fn at(step: Step) -> impl Fn(Errno) -> Failed + Copy {
    move |errno| Failed(step, errno)
}

/// `floor-PID`, with the pid of the process that starts the container.
fn cgroup_name(buffer: &mut [u8; 32]) -> &CStr {
    static PID: AtomicU64 = AtomicU64::new(0);
    if PID.load(Ordering::Relaxed) == 0 {
        PID.store(sys::getpid() as u64, Ordering::Relaxed);
    }
    let mut digits = [0; 10];
    let digits = decimal(PID.load(Ordering::Relaxed) as u32, &mut digits);
    buffer[..6].copy_from_slice(b"floor-");
    buffer[6..6 + digits.len()].copy_from_slice(digits);
    CStr::from_bytes_until_nul(buffer).unwrap_or_default()
}

/// `directory` followed by `rest`; empty where that is too long, which no call accepts.
pub fn join<'b>(directory: &CStr, rest: &CStr, buffer: &'b mut [u8; 512]) -> &'b CStr {
    let (first, second) = (directory.to_bytes(), rest.to_bytes());
    buffer[0] = 0;
    if first.len() + second.len() < buffer.len() {
        buffer[..first.len()].copy_from_slice(first);
        buffer[first.len()..first.len() + second.len()].copy_from_slice(second);
        buffer[first.len() + second.len()] = 0;
    }
    CStr::from_bytes_until_nul(buffer).unwrap_or_default()
}

/// `key=value,…` for mount(2).
fn comma_joined<'b>(options: &[(&CStr, &CStr)], buffer: &'b mut [u8; 128]) -> &'b CStr {
    let mut at = 0;
    for (index, (key, value)) in options.iter().enumerate() {
        for part in [if index == 0 { &b""[..] } else { b"," }, key.to_bytes(), b"=", value.to_bytes()] {
            buffer[at..at + part.len()].copy_from_slice(part);
            at += part.len();
        }
    }
    CStr::from_bytes_until_nul(buffer).unwrap_or_default()
}
