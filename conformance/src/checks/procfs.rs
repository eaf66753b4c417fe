//! The surface of /proc and /sys.

use crate::judge::Judge;
use crate::probe::procfs::{NEIGHBOURS, TABLES};
use crate::requirement::Check;
use crate::requirement::Severity::Isolation;

pub(super) const CHECKS: &[Check] = &[
    Check::new(
        "proc-01",
        Isolation,
        "plain",
        "Masked files and directories give nothing.",
        "OCI runtime specification, maskedPaths",
        |j| {
            j.none("proc.masked_open");
        },
    ),
    Check::new(
        "proc-01b",
        Isolation,
        "plain",
        "Masked and read-only files cannot be opened for writing.",
        "OCI runtime specification, readonlyPaths",
        |j| {
            j.none("proc.covered_writable");
        },
    ),
    Check::new(
        "proc-02",
        Isolation,
        "plain",
        "No file below /proc/bus, fs, irq and sys can be opened for writing.",
        "OCI runtime specification, readonlyPaths",
        |j| {
            j.within("proc.readonly_files./proc/sys", 100.0, 1e6);
            j.none("proc.readonly_writable");
        },
    ),
    Check::new(
        "proc-03",
        Isolation,
        "plain",
        "sysrq-trigger cannot be opened for writing, or is covered by the null device.",
        "proc(5), sysrq-trigger",
        |j| refused_or_null(j, "proc.sysrq_open"),
    ),
    Check::new(
        "proc-03b",
        Isolation,
        "plain",
        "A write into sysrq-trigger is refused, or goes to the null device that covers it.",
        "proc(5), sysrq-trigger",
        |j| refused_or_null(j, "proc.sysrq_write"),
    ),
    Check::new(
        "proc-04",
        Isolation,
        "plain",
        "No machine-wide sysctl can be opened for writing: sweep of the whole tree.",
        "proc_sys(5)",
        |j| {
            j.within("sysctl.tried", 20.0, 1e6);
            j.none("sysctl.machine_wide_opened");
        },
    ),
    Check::new(
        "proc-04b",
        Isolation,
        "plain",
        "A real write into machine-wide sysctls is refused.",
        "proc_sys(5)",
        |j| {
            for key in [
                "kernel/panic",
                "kernel/dmesg_restrict",
                "kernel/randomize_va_space",
                "vm/overcommit_memory",
                "vm/swappiness",
                "fs/file-max",
            ] {
                j.refused(&format!("sysctl.write.{key}"));
            }
        },
    ),
    Check::new(
        "proc-04c",
        Isolation,
        "plain",
        "The host's sysctls are what they were.",
        "proc_sys(5)",
        |j| j.none("leak.sysctls"),
    ),
    Check::new("proc-05", Isolation, "plain", "core_pattern is out of reach.", "core(5)", |j| {
        j.refused("proc.helper./proc/sys/kernel/core_pattern");
        j.refused("esc.core_pattern_write");
    }),
    Check::new(
        "proc-05b",
        Isolation,
        "plain",
        "The keys that name the kernel's helper programs are out of reach.",
        "proc_sys_kernel(5)",
        |j| {
            for path in [
                "/proc/sys/kernel/modprobe",
                "/proc/sys/kernel/poweroff_cmd",
                "/proc/sys/kernel/hotplug",
                "/sys/kernel/uevent_helper",
            ] {
                j.refused(&format!("proc.helper.{path}"));
            }
        },
    ),
    Check::new(
        "proc-05c",
        Isolation,
        "plain",
        "The capabilities of kernel helpers cannot be changed.",
        "Documentation/admin-guide/sysctl/kernel.rst, usermodehelper",
        |j| {
            j.refused("proc.helper./proc/sys/kernel/usermodehelper/bset");
            j.refused("proc.helper./proc/sys/kernel/usermodehelper/inheritable");
        },
    ),
    Check::new(
        "proc-17",
        Isolation,
        "plain",
        "No other file of the kernel's below /proc can be opened for writing: sweep of the whole tree.",
        "Documentation/admin-guide/dynamic-debug-howto.rst; Documentation/arch/x86/mtrr.rst",
        |j| {
            j.within("proc.machine_wide_tried", 20.0, 1e6);
            j.none("proc.machine_wide_opened");
        },
    ),
    Check::new(
        "proc-08",
        Isolation,
        "plain",
        "No file below /sys can be opened for writing: sweep of the whole tree.",
        "sysfs(5)",
        |j| {
            let tried = j.fact("sys.tried").and_then(serde_json::Value::as_i64);
            if tried == Some(0) && j.facts().get("mount./sys.options").is_none() {
                return j.not_applicable("nothing is mounted at /sys");
            }
            j.within("sys.tried", 50.0, 1e7);
            j.none("sys.opened_for_write");
        },
    ),
    Check::new(
        "proc-09",
        Isolation,
        "plain",
        "Kernel helper file systems are absent: debugfs, tracefs, securityfs, bpffs, configfs, pstore, efivarfs, fusectl.",
        "mount(8)",
        |j| {
            j.none("proc.kernel_directories_shown");
            let kinds = j.facts().list("mount.kinds");
            j.note("mount.kinds");
            for kind in [
                "debugfs",
                "tracefs",
                "securityfs",
                "bpf",
                "configfs",
                "pstore",
                "efivarfs",
                "fusectl",
                "binfmt_misc",
            ] {
                j.expect(!kinds.iter().any(|k| k == kind), format!("{kind} is mounted"));
            }
        },
    ),
    Check::new(
        "proc-10",
        Isolation,
        "plain",
        "The kernel log cannot be read by syslog(2).",
        "syslog(2)",
        |j| {
            j.refused("proc.syslog_read");
            j.refused("proc.syslog_read_all");
        },
    ),
    Check::new(
        "proc-10b",
        Isolation,
        "plain",
        "The kernel log's size is not told.",
        "syslog(2), SYSLOG_ACTION_SIZE_BUFFER",
        |j| j.refused("proc.syslog_size"),
    ),
    Check::new(
        "proc-10c",
        Isolation,
        "plain",
        "/proc/kmsg cannot be opened, or is an empty pipe in its place.",
        "proc(5)",
        |j| {
            let pipe = j.fact("proc.kmsg_covered_by_pipe").is_some_and(|v| v == true);
            match pipe {
                true => j.is_not("proc.read.kmsg", "data"),
                false => j.refused("proc.kmsg_open"),
            }
        },
    ),
    Check::new(
        "proc-10d",
        Isolation,
        "plain",
        "/dev/kmsg can be neither read nor written.",
        "kmsg in Documentation/ABI/testing/dev-kmsg",
        |j| {
            j.refused("proc.dev_kmsg_open");
            j.refused("proc.dev_kmsg_write");
        },
    ),
    Check::new(
        "proc-11",
        Isolation,
        "plain",
        "kallsyms shows no kernel address.",
        "proc(5), kptr_restrict",
        |j| j.is("proc.kallsyms_address", ""),
    ),
    Check::new(
        "proc-11b",
        Isolation,
        "plain",
        "/proc/modules shows no kernel address.",
        "proc(5), kptr_restrict",
        |j| j.is("proc.modules_address", ""),
    ),
    Check::new(
        "proc-11f",
        Isolation,
        "plain",
        "The sections of modules below /sys/module show no kernel address.",
        "Documentation/admin-guide/sysctl/kernel.rst, kptr_restrict",
        |j| {
            if j.facts().get("proc.module_sections").and_then(serde_json::Value::as_u64) == Some(0) {
                return j.not_applicable("no module is loaded, or none shows its sections");
            }
            j.is("proc.module_section_address", "");
        },
    ),
    Check::new("proc-11c", Isolation, "plain", "iomem shows no physical address.", "proc(5)", |j| {
        j.is("proc.iomem_addresses", false)
    }),
    Check::new(
        "proc-11d",
        Isolation,
        "plain",
        "pagemap shows no page frame.",
        "Documentation/admin-guide/mm/pagemap.rst",
        |j| j.is("proc.pagemap_frame_shown", false),
    ),
    Check::new("proc-11e", Isolation, "plain", "kcore gives no kernel memory.", "proc(5)", |j| {
        j.is_not("proc.read.kcore", "data");
    }),
    Check::new(
        "proc-01d",
        Isolation,
        "plain",
        "The kernel's tables of pages, slabs and mappings give nothing.",
        "Documentation/admin-guide/mm/pagemap.rst; slabinfo(5); proc(5), vmallocinfo",
        |j| TABLES.iter().for_each(|name| hidden(j, name)),
    ),
    Check::new(
        "proc-01e",
        Isolation,
        "plain",
        "The counts of interrupts, which tell of other tenants' work and of the machine's heat, give nothing.",
        "proc(5), interrupts; GHSA-6fw5-f8r9-fgfm",
        |j| hidden(j, "interrupts"),
    ),
    Check::new(
        "proc-18",
        Isolation,
        "plain",
        "The counts of software interrupts, the state of the page allocator and the owners of keys give nothing.",
        "proc(5): softirqs, pagetypeinfo, key-users",
        |j| {
            let some = |v: &serde_json::Value| v.as_array().is_some_and(|list| !list.is_empty());
            j.there("host.control.neighbours", some, "the kernel has none of them");
            NEIGHBOURS.iter().for_each(|name| hidden(j, name));
        },
    ),
    Check::new(
        "proc-18b",
        Isolation,
        "plain",
        "The slabs and interrupts of the machine are not shown by sysfs.",
        "Documentation/ABI/testing/sysfs-kernel-slab, sysfs-kernel-irq",
        |j| {
            let some = |v: &serde_json::Value| v.as_array().is_some_and(|list| !list.is_empty());
            j.there("host.control.kernel_shown", some, "the kernel has neither directory");
            j.none("sys.kernel_shown");
        },
    ),
    Check::new(
        "proc-12",
        Isolation,
        "plain",
        "No user namespace of the container's own gives a bare procfs or sysfs.",
        "user_namespaces(7)",
        |j| {
            j.refused("seccomp.unshare.user");
            j.refused("mount.try.proc");
            j.refused("mount.try.sysfs");
        },
    ),
    Check::new(
        "proc-16",
        Isolation,
        "plain",
        "root, cwd and exe of every visible process lead inside.",
        "proc(5); CVE-2016-9962",
        |j| j.none("proc.links_outside"),
    ),
];

/// Reading the file below /proc gives no data: it is empty, absent or closed.
fn hidden(j: &mut Judge<'_>, name: &str) {
    let name = format!("proc.read.{name}");
    if let Some(value) = j.fact(&name).and_then(|v| v.as_str()) {
        let nothing = ["empty", "ENOENT", "EACCES", "EPERM"].contains(&value);
        j.expect(nothing, format!("{name} is {value:?}, expected empty, absent or closed"));
    }
}

/// The attempt was refused, or what it was made on is the null device.
fn refused_or_null(j: &mut Judge<'_>, name: &str) {
    match j.fact("proc.sysrq_object").and_then(|v| v.as_str()) {
        Some("c 1:3") => {
            let _answer = j.fact(name);
        }
        _ => j.refused(name),
    }
}
