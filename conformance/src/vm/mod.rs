//! Throw-away machines: any kernel, one static binary as init, results as data.

pub mod archive;
pub mod cpio;
pub mod init;
pub mod job;
pub mod kernel;
pub mod pack;
pub mod qemu;
pub mod unpack;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::Duration;

use job::{BINARY_PATH, CgroupLayout, Command, CommandResult, JOB_PATH, Job, Message};
use kernel::Kernel;
use qemu::{Accelerator, End, Machine};

/// Modules that checks and tests use where the kernel has them as modules: a guest has no modprobe(8).
const MODULES: [&str; 18] = [
    "veth",
    "bridge",
    "macvlan",
    "dummy",
    "overlay",
    "loop",
    "tun",
    "binfmt_misc",
    "vxlan",
    "sch_tbf",
    "sch_ingress",
    "cls_u32",
    "act_police",
    // Families of sockets that a container has no business with.
    "vsock",
    "vsock_loopback",
    "af_alg",
    "algif_hash",
    "af_key",
];

/// Why a guest could not be run.
#[derive(Debug, thiserror::Error)]
pub enum LabError {
    /// A program is not installed.
    #[error("{tool} cannot be started: {source}; it is in the package {package}")]
    MissingTool {
        /// Program.
        tool: String,
        /// Debian package.
        package: &'static str,
        /// The kernel's answer.
        source: io::Error,
    },
    /// A program failed.
    #[error("{what} failed: {output}")]
    Tool {
        /// Command.
        what: String,
        /// What it printed.
        output: String,
    },
    /// apt knows no Debian mirror.
    #[error(
        "kernels by series come from Debian's archive, and apt on this machine has no source that ends in \
         /debian; use --kernel PATH"
    )]
    NoArchive,
    /// Not a series, not a path.
    #[error("{0:?} names no kernel: give a series such as 6.12, the word local, or a path with a slash")]
    KernelName(String),
    /// Nothing fits.
    #[error("no kernel for {asked:?}: {hint}")]
    NoKernel {
        /// What was asked for.
        asked: String,
        /// What there is instead.
        hint: String,
    },
    /// A file operation failed.
    #[error("cannot {what} {path}: {source}")]
    Io {
        /// Verb.
        what: &'static str,
        /// Object.
        path: PathBuf,
        /// The kernel's answer.
        source: io::Error,
    },
    /// The guest spoke gibberish.
    #[error("the guest's answer cannot be read: {0}")]
    Protocol(String),
    /// The guest did not do its job.
    #[error("the guest with kernel {release} {}", describe(.end))]
    Guest {
        /// Kernel.
        release: String,
        /// How it ended.
        end: End,
        /// Its console.
        console: String,
    },
}

fn describe(end: &End) -> String {
    match end {
        End::Done => "ended well".into(),
        End::Panic(line) => format!("panicked: {line}"),
        End::Interrupted => "was ended, since the run was interrupted".into(),
        End::Timeout => "did not finish in time".into(),
        End::Hang(silence) => format!("hangs: it has said nothing for {} s", silence.as_secs()),
        End::Failed(why) => format!("failed: {why}"),
    }
}

/// The place where guests are made.
#[derive(Clone, Debug)]
pub struct Lab {
    /// Downloaded kernels.
    pub cache: PathBuf,
    /// Memory of each guest.
    pub memory_mib: u32,
    /// Processors of each guest.
    pub cpus: u32,
    /// Control groups in each guest.
    pub cgroups: CgroupLayout,
    /// Time limit of each guest.
    pub timeout: Duration,
    /// Images of disks for each guest.
    pub disks: Vec<PathBuf>,
    /// Added to QEMU's command line.
    pub extra: Vec<String>,
    /// Added to the kernel's command line.
    pub append: String,
    /// Whether the guest's clock counts instructions, for figures that repeat.
    pub virtual_time: bool,
    /// The command that exits with this status is the last one.
    pub until: Option<i32>,
    /// After each command whatever still runs is killed.
    pub alone: bool,
    /// A guest beats every two seconds; one that says nothing for so long hangs. The busier this machine
    /// may be, the longer it has to be.
    pub silence: Duration,
}

/// A file for the guest.
#[derive(Clone, Debug)]
pub struct GuestFile {
    /// Where it goes.
    pub path: String,
    /// Permission bits.
    pub mode: u32,
    /// What is in it.
    pub content: Vec<u8>,
}

/// What came back from a guest.
#[derive(Clone, Debug)]
pub struct GuestReport {
    /// `uname -r` of the guest.
    pub release: String,
    /// What of the set-up could not be done.
    pub notes: Vec<String>,
    /// One result for each command, in order.
    pub results: Vec<CommandResult>,
    /// Its console.
    pub console: String,
    /// Spawn to exit.
    pub wall: Duration,
    /// What executed it.
    pub accelerator: Accelerator,
}

impl Default for Lab {
    fn default() -> Self {
        Self {
            cache: default_cache(),
            memory_mib: 512,
            cpus: 1,
            cgroups: CgroupLayout::V2,
            // The whole suite, translated, on a machine that is busy: what hangs is found by its silence.
            timeout: Duration::from_secs(3600),
            disks: Vec::new(),
            extra: Vec::new(),
            append: String::new(),
            virtual_time: false,
            until: None,
            alone: false,
            silence: Duration::from_secs(240),
        }
    }
}

/// `$XDG_CACHE_HOME/browndog`, else `~/.cache/browndog`.
pub fn default_cache() -> PathBuf {
    let home = || std::env::var_os("HOME").map(|h| PathBuf::from(h).join(".cache"));
    let base =
        std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from).filter(|p| p.is_absolute()).or_else(home);
    base.unwrap_or_else(std::env::temp_dir).join("browndog")
}

impl Lab {
    /// Processors of a guest in which the suite plays: with one, nobody can be bound to fewer than there are.
    pub const TO_TELL_APART: u32 = 2;

    /// Finds a kernel by series (`6.12`), `local`, or path, and downloads it where that is needed.
    pub fn kernel(&self, asked: &str) -> Result<Kernel, LabError> {
        kernel::resolve(asked, &self.cache)
    }

    /// Boots `kernel` with `binary` as its init, does the commands, and hands back what they printed.
    pub fn run(
        &self,
        kernel: &Kernel,
        binary: &Path,
        files: &[GuestFile],
        commands: &[Command],
    ) -> Result<GuestReport, LabError> {
        self.run_watched(kernel, binary, files, commands, &mut |_| {})
    }

    /// The same; `watch` is told each message as it comes, which is all that is left of a guest that is lost.
    pub fn run_watched(
        &self,
        kernel: &Kernel,
        binary: &Path,
        files: &[GuestFile],
        commands: &[Command],
        watch: &mut dyn FnMut(&Message),
    ) -> Result<GuestReport, LabError> {
        let work = tempfile::Builder::new()
            .prefix("browndog-vm-")
            .tempdir()
            .map_err(|source| LabError::Io { what: "make", path: std::env::temp_dir(), source })?;
        let initrd = work.path().join("initrd");
        write_file(&initrd, &self.initramfs(kernel, binary, files, commands)?)?;
        let accelerator = match self.virtual_time {
            true => Accelerator::Virtual,
            false => accelerator(&kernel.image, &initrd, work.path())?,
        };
        let machine = Machine {
            kernel: &kernel.image,
            initrd: &initrd,
            memory_mib: self.memory_mib,
            cpus: self.cpus,
            accelerator,
            append: &self.append,
            disks: &self.disks,
            extra: &self.extra,
            timeout: self.timeout,
            silence: self.silence,
        };
        let outcome = qemu::boot(&machine, work.path(), watch)?;
        report(kernel, outcome, accelerator)
    }

    /// How many guests fit beside each other in this machine's free memory and processors.
    pub fn side_by_side(&self) -> usize {
        let free_mib = fs::read_to_string("/proc/meminfo").ok().and_then(|text| {
            let line = text.lines().find(|l| l.starts_with("MemAvailable:"))?.to_owned();
            line.split_whitespace().nth(1)?.parse::<u64>().ok().map(|kib| kib / 1024)
        });
        let processors = std::thread::available_parallelism().map_or(1, usize::from);
        fitting(free_mib.unwrap_or(1024), self.memory_mib, processors)
    }

    fn initramfs(
        &self,
        kernel: &Kernel,
        binary: &Path,
        files: &[GuestFile],
        commands: &[Command],
    ) -> Result<Vec<u8>, LabError> {
        let mut archive = cpio::Archive::default();
        for directory in
            ["dev", "proc", "sys", "run", "tmp", "newroot", "root", "etc", "var", "var/tmp", "usr", "usr/bin"]
        {
            archive.directory(directory, 0o755);
        }
        archive.directory("browndog", 0o755);
        for (link, target) in [("bin", "usr/bin"), ("sbin", "usr/bin"), ("usr/sbin", "bin")] {
            archive.link(link, target);
        }
        archive.link("init", BINARY_PATH);
        archive.character("dev/console", 0o600, 5, 1);
        archive.character("dev/null", 0o666, 1, 3);
        archive.file(BINARY_PATH, 0o755, &read_file(binary)?);
        archive.file(
            "etc/passwd",
            0o644,
            b"root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534::/:/bin/sh\n",
        );
        archive.file("etc/group", 0o644, b"root:x:0:\ntty:x:5:\nnogroup:x:65534:\n");
        archive.file("etc/subuid", 0o644, b"root:100000:655360\n");
        archive.file("etc/subgid", 0o644, b"root:100000:655360\n");
        let mut job = Job {
            cgroups: self.cgroups,
            commands: commands.to_vec(),
            until: self.until,
            alone: self.alone,
            ..Job::default()
        };
        let modules =
            if self.disks.is_empty() { MODULES.to_vec() } else { [&MODULES[..], &["virtio_blk"]].concat() };
        for (name, bytes) in kernel::modules(kernel, &modules)? {
            let path = format!("browndog/{name}.ko");
            archive.file(&path, 0o644, &bytes);
            job.modules.push(format!("/{path}"));
        }
        let mut made = std::collections::BTreeSet::new();
        for file in files {
            for parent in parents(&file.path) {
                if made.insert(parent.clone()) {
                    archive.directory(&parent, 0o755);
                }
            }
            archive.file(&file.path, file.mode, &file.content);
        }
        let text = serde_json::to_vec(&job).map_err(|e| LabError::Protocol(e.to_string()))?;
        archive.file(JOB_PATH, 0o644, &text);
        Ok(archive.finish())
    }
}

/// How many guests of this much memory fit beside each other: one always, more only within both bounds.
fn fitting(free_mib: u64, guest_mib: u32, processors: usize) -> usize {
    // QEMU itself needs about as much again as a quarter of a small guest.
    let each = u64::from(guest_mib) * 5 / 4;
    let by_memory = usize::try_from(free_mib / each.max(1)).unwrap_or(1);
    by_memory.min(processors).max(1)
}

/// The directories above a path, topmost first; those the skeleton links elsewhere are left alone.
fn parents(path: &str) -> Vec<String> {
    let parts: Vec<&str> = path.trim_matches('/').split('/').collect();
    let all = (1..parts.len()).map(|n| parts[..n].join("/"));
    all.filter(|p| !["bin", "sbin", "usr/sbin"].contains(&p.as_str())).collect()
}

fn report(
    kernel: &Kernel,
    outcome: qemu::Outcome,
    accelerator: Accelerator,
) -> Result<GuestReport, LabError> {
    if outcome.end != End::Done {
        return Err(LabError::Guest {
            release: kernel.release.clone(),
            end: outcome.end,
            console: outcome.console,
        });
    }
    let mut report = GuestReport {
        release: kernel.release.clone(),
        notes: Vec::new(),
        results: Vec::new(),
        console: outcome.console,
        wall: outcome.wall,
        accelerator,
    };
    for message in outcome.messages {
        match message {
            Message::Hello { release, notes } => {
                report.release = release;
                report.notes = notes;
            }
            Message::Result(result) => report.results.push(result),
            Message::Beat(_) | Message::Done | Message::Failed(_) => {}
        }
    }
    Ok(report)
}

/// KVM if a guest really starts with it, which a device node alone does not promise; tried once.
fn accelerator(kernel: &Path, initrd: &Path, work: &Path) -> Result<Accelerator, LabError> {
    static FOUND: OnceLock<Accelerator> = OnceLock::new();
    if let Some(known) = FOUND.get() {
        return Ok(*known);
    }
    let usable = fs::OpenOptions::new().read(true).write(true).open("/dev/kvm").is_ok() && {
        let machine = Machine {
            kernel,
            initrd,
            memory_mib: 256,
            cpus: 1,
            accelerator: Accelerator::Kvm,
            append: "rdinit=/does-not-exist",
            disks: &[],
            extra: &[],
            timeout: Duration::from_secs(10),
            silence: Duration::from_secs(10),
        };
        // Without an init the kernel panics: that it gets so far is the proof.
        matches!(qemu::boot(&machine, work, &mut |_| {})?.end, End::Panic(_))
    };
    Ok(*FOUND.get_or_init(|| if usable { Accelerator::Kvm } else { Accelerator::Tcg }))
}

pub(crate) fn read_file(path: &Path) -> Result<Vec<u8>, LabError> {
    fs::read(path).map_err(|source| LabError::Io { what: "read", path: path.to_owned(), source })
}

pub(crate) fn write_file(path: &Path, content: &[u8]) -> Result<(), LabError> {
    fs::write(path, content).map_err(|source| LabError::Io { what: "write", path: path.to_owned(), source })
}

pub(crate) fn make_directory(path: &Path) -> Result<(), LabError> {
    fs::create_dir_all(path).map_err(|source| LabError::Io { what: "make", path: path.to_owned(), source })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[rstest::rstest]
    #[case::processors(16_000, 512, 2, 2)]
    #[case::memory(1_400, 512, 8, 2)]
    #[case::one_always(100, 768, 8, 1)]
    fn guests_side_by_side_stay_within_memory_and_processors(
        #[case] free_mib: u64,
        #[case] guest_mib: u32,
        #[case] processors: usize,
        #[case] expected: usize,
    ) {
        assert_eq!(fitting(free_mib, guest_mib, processors), expected);
    }
}
