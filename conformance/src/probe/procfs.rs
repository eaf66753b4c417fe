//! The surface of /proc and /sys: what is masked, what can be written, what leads outside.

use std::fs::{self, OpenOptions};
use std::io::Read;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;

use super::Params;
use super::identity::{errno_of, write_existing};
use super::process::visible;
use crate::facts::{Facts, spell};
use crate::sys::{Arg, attempt};

/// What every default list masks.
const MASKED: [&str; 11] = [
    "/proc/acpi",
    "/proc/asound",
    "/proc/kcore",
    "/proc/keys",
    "/proc/latency_stats",
    "/proc/timer_list",
    "/proc/timer_stats",
    "/proc/sched_debug",
    "/proc/scsi",
    "/sys/firmware",
    "/sys/devices/virtual/powercap",
];
const READONLY: [&str; 5] = ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"];
/// What the kernel tells of its memory, for the machine as a whole.
/// What tells of the work and the keys of everybody on the machine.
pub(crate) const NEIGHBOURS: [&str; 3] = ["key-users", "pagetypeinfo", "softirqs"];
pub(crate) const TABLES: [&str; 5] = ["kpagecount", "kpageflags", "kpagecgroup", "slabinfo", "vmallocinfo"];
/// Everybody may write here on any machine, and gets no more than a notice of pressure when it comes
/// (Documentation/accounting/psi.rst).
const EVERYBODYS: [&str; 4] =
    ["/proc/pressure/cpu", "/proc/pressure/io", "/proc/pressure/irq", "/proc/pressure/memory"];
/// Keys that name a program which the kernel starts, or that register one.
const HELPERS: [&str; 8] = [
    "/proc/sys/kernel/core_pattern",
    "/proc/sys/kernel/modprobe",
    "/proc/sys/kernel/poweroff_cmd",
    "/proc/sys/kernel/hotplug",
    "/sys/kernel/uevent_helper",
    "/proc/sys/fs/binfmt_misc/register",
    "/proc/sys/kernel/usermodehelper/bset",
    "/proc/sys/kernel/usermodehelper/inheritable",
];
/// Kernel file systems that a container has no business with, at their usual places.
const KERNEL_DIRECTORIES: [&str; 9] = [
    "/sys/kernel/debug",
    "/sys/kernel/tracing",
    "/sys/kernel/security",
    "/sys/fs/bpf",
    "/sys/kernel/config",
    "/sys/fs/pstore",
    "/sys/firmware/efi/efivars",
    "/sys/fs/fuse/connections",
    "/proc/sys/fs/binfmt_misc",
];
/// Machine-wide keys: a stated sample beside the sweep, each named in the verdict.
const MACHINE_WIDE: [&str; 10] = [
    "kernel/panic",
    "kernel/sysrq",
    "kernel/dmesg_restrict",
    "kernel/kptr_restrict",
    "kernel/randomize_va_space",
    "vm/overcommit_memory",
    "vm/swappiness",
    "vm/panic_on_oom",
    "fs/file-max",
    "fs/protected_symlinks",
];

pub(super) fn surface(params: &Params, facts: &mut Facts) {
    let mut open = Vec::new();
    for path in MASKED {
        let seen = peek(path);
        facts.set(format!("proc.masked.{path}"), seen.clone());
        if seen == "data" || seen == "entries" {
            open.push(path);
        }
    }
    let mode = fs::metadata("/sys/firmware").map(|m| format!("{:o}", m.mode() & 0o7777));
    facts.set("proc.mode./sys/firmware", mode.unwrap_or_else(|e| spell::<()>(Err(errno_of(e)))));
    facts.set("proc.masked_open", open);
    facts.set("proc.masks_tried", MASKED.len());
    for path in READONLY {
        let flags = nix::sys::statvfs::statvfs(path).map(|s| s.flags());
        let word = flags.map_or_else(
            |errno| spell::<()>(Err(errno)),
            |f| if f.contains(nix::sys::statvfs::FsFlags::ST_RDONLY) { "ro".into() } else { "rw".to_owned() },
        );
        facts.set(format!("proc.writable_mount.{path}"), word);
    }
    let mut writable = Vec::new();
    for path in MASKED.iter().chain(&READONLY) {
        if fs::metadata(path).is_ok_and(|m| m.is_file()) && OpenOptions::new().write(true).open(path).is_ok()
        {
            writable.push(*path);
        }
    }
    facts.set("proc.covered_writable", writable);
    readonly(facts);
    for path in HELPERS {
        let outcome = OpenOptions::new().write(true).open(path).map(drop);
        facts.set(format!("proc.helper.{path}"), spell(outcome.map_err(errno_of)));
    }
    let shown: Vec<&str> = KERNEL_DIRECTORIES
        .into_iter()
        .filter(|d| fs::read_dir(d).is_ok_and(|mut e| e.next().is_some()))
        .collect();
    facts.set("proc.kernel_directories_shown", shown);
    facts.set("proc.sysrq_object", object("/proc/sysrq-trigger"));
    facts.attempt_io("proc.sysrq_open", OpenOptions::new().write(true).open("/proc/sysrq-trigger"));
    if params.text("lab").is_some() {
        facts.attempt_io("proc.sysrq_write", write_existing("/proc/sysrq-trigger", "h"));
    } else {
        facts.set(
            "proc.sysrq_write",
            serde_json::json!({ "not_applicable": "a real write is made in guests only" }),
        );
    }
    machine_wide_files(facts);
    kernel_log(facts);
    addresses(facts);
    links(params, facts);
}

/// `c MAJOR:MINOR` for a character device, `file` for a file, an errno.
pub(super) fn object(path: &str) -> String {
    match fs::metadata(path) {
        Err(error) => spell::<()>(Err(errno_of(error))),
        Ok(meta) if meta.mode() & libc::S_IFMT == libc::S_IFCHR => {
            format!("c {}:{}", nix::sys::stat::major(meta.rdev()), nix::sys::stat::minor(meta.rdev()))
        }
        Ok(_) => "file".into(),
    }
}

/// What reading gives: `data`, `empty`, `entries`, or an errno.
pub(super) fn peek(path: &str) -> String {
    match fs::metadata(path) {
        Err(error) => spell::<()>(Err(errno_of(error))),
        Ok(meta) if meta.is_dir() => match fs::read_dir(path) {
            Ok(mut entries) => if entries.next().is_some() { "entries" } else { "empty" }.to_owned(),
            Err(error) => spell::<()>(Err(errno_of(error))),
        },
        Ok(_) => {
            // The tables of pages are read in words of eight bytes, and in nothing shorter.
            let mut bytes = [0_u8; 64];
            // A pipe that covers a file must not keep the probe waiting.
            let open = OpenOptions::new().read(true).custom_flags(libc::O_NONBLOCK).open(path);
            match open.and_then(|mut f| f.read(&mut bytes)) {
                Ok(0) => "empty".into(),
                Ok(_) => "data".into(),
                Err(error) => spell::<()>(Err(errno_of(error))),
            }
        }
    }
}

fn readonly(facts: &mut Facts) {
    let mut writable = Vec::new();
    for top in READONLY {
        let mut files = Vec::new();
        walk(Path::new(top), 4, &mut files);
        for file in files.iter().filter(|f| !per_namespace(f)) {
            if fs::symlink_metadata(file).is_ok_and(|m| m.mode() & 0o200 != 0)
                && OpenOptions::new().write(true).open(file).is_ok()
                && writable.len() < 40
            {
                writable.push(file.clone());
            }
        }
        facts.set(format!("proc.readonly_files.{top}"), files.len());
    }
    facts.set("proc.readonly_writable", writable);
}

fn walk(top: &Path, depth: usize, found: &mut Vec<String>) {
    if top.is_file() {
        found.push(top.display().to_string());
        return;
    }
    for entry in fs::read_dir(top).into_iter().flatten().flatten() {
        match entry.file_type() {
            Ok(kind) if kind.is_dir() && depth > 0 => walk(&entry.path(), depth - 1, found),
            Ok(kind) if kind.is_file() => found.push(entry.path().display().to_string()),
            _ => {}
        }
    }
}

/// Everything of /proc that belongs neither to a process nor to /proc/sys, which has a sweep of its own.
fn machine_wide_files(facts: &mut Facts) {
    let of_a_process = |name: &str| {
        ["self", "thread-self", "sys", "net", "mounts"].contains(&name)
            || name.bytes().all(|b| b.is_ascii_digit())
    };
    let mut files = Vec::new();
    for entry in fs::read_dir("/proc").into_iter().flatten().flatten() {
        if !of_a_process(&entry.file_name().to_string_lossy()) {
            walk(&entry.path(), 6, &mut files);
        }
    }
    let opens = |file: &&String| {
        // The null device that covers a file takes everything and gives it to nobody.
        let covered = object(file) == "c 1:3";
        // Root may open any file for writing; one that nobody was meant to write takes nothing.
        let meant = fs::symlink_metadata(file).is_ok_and(|m| m.mode() & 0o222 != 0);
        meant
            && !covered
            && !EVERYBODYS.contains(&file.as_str())
            && OpenOptions::new().write(true).open(file).is_ok()
    };
    facts.set("proc.machine_wide_tried", files.len());
    facts.set("proc.machine_wide_opened", files.iter().filter(opens).take(40).cloned().collect::<Vec<_>>());
}

/// Keys that act in a namespace of the container's own.
fn per_namespace(path: &str) -> bool {
    let key = path.trim_start_matches("/proc/sys/");
    [
        "net/",
        "kernel/shm",
        "kernel/msg",
        "kernel/sem",
        "fs/mqueue/",
        "kernel/hostname",
        "kernel/domainname",
        "kernel/auto_msgmni",
        "kernel/ns_last_pid",
        "kernel/pid_max",
        "user/",
    ]
    .iter()
    .any(|p| key.starts_with(p))
}

pub(super) fn sysctl(_params: &Params, facts: &mut Facts) {
    let mut files = Vec::new();
    walk(Path::new("/proc/sys"), 8, &mut files);
    let (mut opened, mut tried) = (Vec::new(), 0);
    for file in files.iter().filter(|f| !per_namespace(f)) {
        tried += 1;
        if OpenOptions::new().write(true).open(file).is_ok() && opened.len() < 40 {
            opened.push(file.clone());
        }
    }
    facts.set("sysctl.tried", tried);
    facts.set("sysctl.machine_wide_opened", opened);
    for key in MACHINE_WIDE {
        let path = format!("/proc/sys/{key}");
        let value = fs::read_to_string(&path).unwrap_or_default();
        facts.set(format!("sysctl.write.{key}"), spell(write_existing(&path, &value).map_err(errno_of)));
    }
    for key in [
        "kernel/shmmax",
        "kernel/msgmax",
        "fs/mqueue/msg_max",
        "net/ipv4/ip_forward",
        "kernel/hostname",
        "net/core/somaxconn",
    ] {
        let value = fs::read_to_string(format!("/proc/sys/{key}")).unwrap_or_default();
        facts.set(format!("sysctl.value.{key}"), value.trim());
    }
}

pub(super) fn sys(_params: &Params, facts: &mut Facts) {
    let mut files = Vec::new();
    walk(Path::new("/sys"), 9, &mut files);
    let mut opened = Vec::new();
    let mut tried = 0;
    for file in files.iter().filter(|f| !f.starts_with("/sys/fs/cgroup/")) {
        tried += 1;
        if OpenOptions::new().write(true).open(file).is_ok() && opened.len() < 40 {
            opened.push(file.clone());
        }
    }
    facts.set("sys.tried", tried);
    facts.set("sys.opened_for_write", opened);
}

fn kernel_log(facts: &mut Facts) {
    let mut buffer = [0_u8; 4096];
    facts.attempt(
        "proc.syslog_read",
        attempt(libc::SYS_syslog, &mut [Arg::Int(2), Arg::Out(&mut buffer), Arg::Int(0)]),
    );
    facts.attempt(
        "proc.syslog_read_all",
        attempt(libc::SYS_syslog, &mut [Arg::Int(3), Arg::Out(&mut buffer), Arg::Int(4096)]),
    );
    facts.attempt("proc.syslog_size", attempt(libc::SYS_syslog, &mut [Arg::Int(10), Arg::Null, Arg::Int(0)]));
    let open = OpenOptions::new().read(true).custom_flags(libc::O_NONBLOCK).open("/proc/kmsg");
    let covered =
        open.as_ref().is_ok_and(|f| f.metadata().is_ok_and(|m| m.mode() & libc::S_IFMT == libc::S_IFIFO));
    facts.set("proc.kmsg_covered_by_pipe", covered);
    facts.attempt_io("proc.kmsg_open", open);
    facts.attempt_io("proc.dev_kmsg_open", fs::File::open("/dev/kmsg"));
    facts.attempt_io("proc.dev_kmsg_write", write_existing("/dev/kmsg", "browndog probe\n"));
}

fn addresses(facts: &mut Facts) {
    let first_nonzero = |path: &str, field: usize| -> String {
        let Ok(text) = fs::read_to_string(path) else { return String::new() };
        let column = text.lines().filter_map(|l| l.split_whitespace().nth(field).map(str::to_owned));
        let mut addresses = column.map(|a| a.trim_start_matches("0x").to_owned());
        addresses
            .find(|a| a.len() >= 8 && a.chars().any(|c| c != '0') && a.chars().all(|c| c.is_ascii_hexdigit()))
            .unwrap_or_default()
    };
    facts.set("proc.kallsyms_address", first_nonzero("/proc/kallsyms", 0));
    facts.set("proc.modules_address", first_nonzero("/proc/modules", 5));
    let sections: Vec<String> = fs::read_dir("/sys/module")
        .into_iter()
        .flatten()
        .flatten()
        .map(|module| format!("{}/sections/.text", module.path().display()))
        .filter(|file| Path::new(file).exists())
        .collect();
    facts.set("proc.module_sections", sections.len());
    let told = sections.iter().map(|file| first_nonzero(file, 0)).find(|address| !address.is_empty());
    facts.set("proc.module_section_address", told.unwrap_or_default());
    for name in TABLES.iter().chain(&["interrupts", "kcore", "kmsg"]) {
        facts.set(format!("proc.read.{name}"), peek(&format!("/proc/{name}")));
    }
    for name in NEIGHBOURS {
        facts.set(format!("proc.read.{name}"), peek(&format!("/proc/{name}")));
    }
    let shown = ["irq", "slab"].map(|name| format!("/sys/kernel/{name}"));
    let shown = shown.into_iter().filter(|d| fs::read_dir(d).is_ok_and(|mut all| all.next().is_some()));
    facts.set("sys.kernel_shown", shown.collect::<Vec<_>>());
    let iomem = fs::read_to_string("/proc/iomem").unwrap_or_default();
    let shown = iomem.lines().any(|l| {
        l.split_once(" : ").is_some_and(|(range, _)| range.chars().any(|c| c.is_ascii_hexdigit() && c != '0'))
    });
    facts.set("proc.iomem_addresses", shown);
    let frame = fs::File::open("/proc/self/pagemap").and_then(|mut f| {
        use std::io::Seek;
        let stack = 0_u8;
        let page = std::ptr::from_ref(&stack).addr() as u64 / 4096;
        let at = f.seek(std::io::SeekFrom::Start(page * 8))?;
        debug_assert_eq!(at, page * 8, "a seek goes where it was asked to");
        let mut word = [0_u8; 8];
        f.read_exact(&mut word)?;
        Ok(u64::from_ne_bytes(word) & ((1 << 55) - 1))
    });
    facts.set("proc.pagemap_frame_shown", frame.is_ok_and(|f| f != 0));
}

/// root, cwd, exe and descriptors of every visible process lead to where our own root leads.
fn links(params: &Params, facts: &mut Facts) {
    let own = fs::metadata("/").map(|m| (m.dev(), m.ino()));
    let mut outside = Vec::new();
    for pid in visible() {
        for link in ["root", "cwd"] {
            let path = format!("/proc/{pid}/{link}");
            let Ok(meta) = fs::metadata(&path) else { continue };
            if link == "root" && own.as_ref().is_ok_and(|o| *o != (meta.dev(), meta.ino())) {
                outside.push(path.clone());
            }
            if link == "cwd"
                && fs::read_link(&path).is_ok_and(|l| l.display().to_string().contains("unreachable"))
            {
                outside.push(path);
            }
        }
        let exe = format!("/proc/{pid}/exe");
        if fs::metadata(&exe).is_ok() {
            let write = OpenOptions::new().write(true).open(&exe).map_err(errno_of);
            let ours = fs::read_link(&exe).is_ok_and(|l| l.ends_with(super::NAME));
            if !ours && write.is_ok() {
                outside.push(exe);
            }
        }
    }
    facts.set("proc.links_outside", outside);
    facts.set(
        "proc.boot_id",
        fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default().trim(),
    );
    if let Some(host_path) = params.text("host_path") {
        facts.attempt_io("proc.host_path_through_root", fs::metadata(format!("/proc/1/root{host_path}")));
        facts.attempt_io("proc.host_path", fs::metadata(host_path));
    }
}
