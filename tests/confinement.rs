//! What a container's process has of its caller: nothing. What it has of the machine: what the document
//! says.
#![allow(unused_results, reason = "commands are built in steps")]

mod support;

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use rstest::rstest;
use support::life::Life;
use support::{BROWNDOG, Case, browndog, root, run, text};

/// A document with elements of browndog's own.
fn extended(case: &Case, script: &str, elements: &str) -> std::path::PathBuf {
    let script = script.replace('&', "&amp;").replace('<', "&lt;");
    let file = case.script(&script);
    let whole = fs::read_to_string(&file).unwrap();
    let opened =
        whole.replace("<domain type='lxc'>", "<domain type='lxc' xmlns:browndog='urn:browndog:domain:1'>");
    fs::write(&file, opened.replace("</domain>", &format!("{elements}</domain>"))).unwrap();
    file
}

/// browndog from a shell that has done `dirt` to itself.
fn dirty(dirt: &str) -> Command {
    let mut command = Command::new("sh");
    command.args(["-c", &format!("{dirt}\nexec \"$@\""), "sh", BROWNDOG]).stdin(Stdio::null());
    command
}

/// Runs `file` so.
fn run_dirty(dirt: &str, file: &Path) -> std::process::Output {
    dirty(dirt).arg("run").arg(file).output().unwrap()
}

#[rstest]
#[case::nice("renice -n 5 -p $$ >/dev/null", "cut -d' ' -f19 /proc/self/stat", "0")]
#[case::oom("echo 555 > /proc/self/oom_score_adj", "cat /proc/self/oom_score_adj", "0")]
#[case::coredump_filter(
    "echo 0x7f > /proc/self/coredump_filter",
    "cat /proc/self/coredump_filter",
    "00000033"
)]
#[case::affinity("taskset -pc 0 $$ >/dev/null", "nproc", "ALL")]
#[case::files("ulimit -S -n 77", "ulimit -S -n", "1024")]
#[case::core("ulimit -S -c unlimited", "ulimit -S -c", "0")]
#[case::umask("umask 0", "umask", "0022")]
#[case::environment("export SECRET=1", "env | grep -c SECRET || true", "0")]
#[case::personality("set -- setarch -R \"$@\"", "cat /proc/self/personality", "00000000")]
#[case::io_priority("set -- ionice -c 3 \"$@\"", "ionice", "none: prio 0")]
#[case::scheduler("set -- chrt --batch 0 \"$@\"", "chrt -p $$ | head -n 1", "SCHED_OTHER")]
#[case::huge_pages(
    "set -- python3 -c 'import ctypes, os, sys
ctypes.CDLL(None).prctl(41, 1, 0, 0, 0)
os.execvp(sys.argv[1], sys.argv[1:])' \"$@\"",
    "sed -n 's/^THP_enabled:\\t*/THP /p' /proc/self/status",
    "THP 1"
)]
#[case::timer_slack(
    "set -- python3 -c 'import ctypes, os, sys
ctypes.CDLL(None).prctl(29, 1234567, 0, 0, 0)
os.execvp(sys.argv[1], sys.argv[1:])' \"$@\"",
    "cat /proc/self/timerslack_ns",
    "50000"
)]
#[case::secure_bits(
    "set -- python3 -c 'import ctypes, os, sys
ctypes.CDLL(None).prctl(28, 4, 0, 0, 0)
os.execvp(sys.argv[1], sys.argv[1:])' \"$@\"",
    "python3 -c 'import ctypes; print(\"bits\", ctypes.CDLL(None).prctl(27, 0, 0, 0, 0))'",
    "bits 0"
)]
#[case::merged_memory(
    "set -- python3 -c 'import ctypes, os, sys
ctypes.CDLL(None).prctl(67, 1, 0, 0, 0)
os.execvp(sys.argv[1], sys.argv[1:])' \"$@\"",
    "python3 -c 'import ctypes; print(\"merged\", ctypes.CDLL(None).prctl(68, 0, 0, 0, 0) > 0)'",
    "merged False"
)]
#[case::memory_policy(
    "set -- python3 -c 'import ctypes, os, sys
ctypes.CDLL(None).syscall(238, 3, ctypes.byref(ctypes.c_ulong(1)), 64)
os.execvp(sys.argv[1], sys.argv[1:])' \"$@\"",
    "echo of it $(grep -c interleave /proc/self/numa_maps)",
    "of it 0"
)]
#[case::blocked(
    "set -- python3 -c 'import os, signal, sys
signal.pthread_sigmask(signal.SIG_BLOCK, [10, 15, 40])
os.execvp(sys.argv[1], sys.argv[1:])' \"$@\"",
    "sed -n 's/^SigBlk:\\t*/blocked /p' /proc/self/status",
    "blocked 0000000000000000"
)]
#[case::less_nice("renice -n -5 -p $$ >/dev/null", "echo nice $(cut -d' ' -f19 /proc/self/stat)", "nice 0")]
#[case::real_time("set -- chrt --rr 5 \"$@\"", "chrt -p $$ | head -n 1", "SCHED_OTHER")]
#[case::stack("ulimit -S -s 4096", "ulimit -S -s", "8192")]
#[case::descriptor("exec 7</etc/passwd", "ls /proc/self/fd | tr '\\n' ' '", "0 1 2 3 ")]
#[case::ignored("trap '' USR1 TERM", "sed -n 's/^SigIgn:\\t*//p' /proc/1/status", "0000000000000000")]
#[case::ignored_of_all_kinds(
    "set -- python3 -c 'import os, signal, sys
for number in (1, 10, 17, 31, 37, 64): signal.signal(number, signal.SIG_IGN)
os.execvp(sys.argv[1], sys.argv[1:])' \"$@\"",
    "sed -n 's/^SigIgn:\\t*/ignored /p' /proc/1/status",
    "ignored 0000000000000000"
)]
fn the_callers_state_stays_with_the_caller(
    #[case] dirt: &str,
    #[case] look: &str,
    #[case] clean: &str,
    #[values(false, true)] exec: bool,
) {
    if !root() {
        return;
    }
    let case = Case::new();
    let output = if exec {
        let life = Life::new();
        life.define("sleep 600");
        life.ok(&["start", life.name()]);
        let root = life.root();
        let look = look.replace("/proc/1/", "/proc/self/");
        let words =
            ["--root".as_ref(), root.as_os_str(), "exec".as_ref(), life.name().as_ref(), "--".as_ref()];
        dirty(dirt).args(words).args(["sh", "-c", &look]).output().unwrap()
    } else {
        run_dirty(dirt, &extended(&case, look, ""))
    };
    // As many as this process could have, whatever it has been bound to itself.
    let wide = "taskset -pc 0-4095 $$ >/dev/null 2>&1; exec nproc";
    let all = Command::new("sh").args(["-c", wide]).env_remove("OMP_NUM_THREADS").output().unwrap();
    let all = text(&all.stdout);
    let clean = if clean == "ALL" { all.trim() } else { clean };
    let said = text(&output.stdout);
    assert!(said.contains(clean), "{said} is not {clean}: {}", text(&output.stderr));
    assert!(output.status.success(), "{}: {}", output.status, text(&output.stderr));
}

#[test]
fn the_callers_wish_to_be_killed_first_is_not_that_of_a_container_with_an_id_map() {
    if !root() {
        return;
    }
    let case = Case::new();
    let file = case.script("cat /proc/self/oom_score_adj");
    let map =
        "<idmap><uid start='0' target='700000' count='9'/><gid start='0' target='700000' count='9'/></idmap>";
    let whole = fs::read_to_string(&file).unwrap().replace("<os>", &format!("{map}<os>"));
    fs::write(&file, whole).unwrap();
    let output = run_dirty("echo 300 > /proc/self/oom_score_adj", &file);
    assert_eq!(text(&output.stdout), "0\n", "{}", text(&output.stderr));
}

#[test]
fn keys_of_the_callers_session_are_not_found() {
    if !root() || !Path::new("/proc/keys").exists() {
        return;
    }
    // The default filter refuses keyctl(2); without it the session is a new one all the same.
    let case = Case::new();
    let look = "grep -c . /proc/keys; cat /proc/self/status | grep Seccomp:";
    let output = run(&extended(&case, look, "<browndog:seccomp profile='none'/>"));
    assert!(text(&output.stdout).starts_with("0\nSeccomp:\t0"), "{}", text(&output.stdout));
    let plan = browndog(&["plan".as_ref(), extended(&case, "true", "").as_os_str()]);
    assert!(text(&plan.stdout).contains("KEYCTL_JOIN_SESSION_KEYRING"));
}

#[test]
fn a_time_namespace_shifts_the_clocks_inside_only() {
    if !root() {
        return;
    }
    let case = Case::new();
    let file =
        extended(&case, "cut -d. -f1 /proc/uptime", "<browndog:time monotonic='5' boottime='1000000'/>");
    let output = run(&file);
    if text(&output.stderr).contains("a time namespace needs") {
        eprintln!("skipped: {}", text(&output.stderr));
        return;
    }
    let inside: u64 =
        text(&output.stdout).trim().parse().unwrap_or_else(|_| panic!("{}", text(&output.stderr)));
    let uptime = fs::read_to_string("/proc/uptime").unwrap();
    let outside: u64 = uptime.split('.').next().unwrap().parse().unwrap();
    assert!(inside >= 1_000_000 && inside - 1_000_000 <= outside, "{inside} {outside}");
    assert!(outside < inside, "the machine's own clock");
}

#[test]
fn a_mask_hides_a_file_and_a_directory() {
    if !root() {
        return;
    }
    let case = Case::new();
    let masks = "<browndog:mask path='/etc/passwd'/><browndog:mask path='/usr/share'/>\
                 <browndog:mask path='/proc/version'/><browndog:mask path='/proc/sys'/>";
    let look = "cat /etc/passwd /proc/version | wc -c; ls -A /usr/share /proc/sys | grep -v : | grep -c .; \
                umount /etc/passwd 2>/dev/null || echo stays";
    let output = run(&extended(&case, look, masks));
    assert_eq!(text(&output.stdout), "0\n0\nstays\n", "{}", text(&output.stderr));
}

#[rstest]
#[case::own("kernel.shmmni", "77", "77")]
#[case::network("net.ipv4.ip_default_ttl", "33", "33")]
#[case::machine("vm.swappiness", "1", "it is the whole machine's")]
#[case::helper("kernel.core_pattern", "|/bin/x", "it is the whole machine's")]
fn a_kernel_parameter_is_the_containers_own_or_refused(
    #[case] name: &str,
    #[case] value: &str,
    #[case] result: &str,
) {
    if !root() {
        return;
    }
    let case = Case::new();
    let path = format!("/proc/sys/{}", name.replace('.', "/"));
    let before = fs::read_to_string(&path).unwrap_or_default();
    let output = run(&extended(
        &case,
        &format!("cat {path}"),
        &format!("<browndog:sysctl name='{name}' value='{value}'/>"),
    ));
    let said = text(&output.stdout) + &text(&output.stderr);
    assert!(said.contains(result), "{said}");
    assert_eq!(fs::read_to_string(&path).unwrap_or_default(), before, "the machine's own value");
}

#[test]
fn interfaces_of_the_kernel_that_are_not_namespaced_say_nothing() {
    if !root() {
        return;
    }
    let case = Case::new();
    let look = "for f in interrupts kcore keys kpagecgroup kpagecount kpageflags latency_stats sched_debug slabinfo \
                sysrq-trigger timer_list timer_stats vmallocinfo; do \
                [ -e /proc/$f ] && head -c 1 /proc/$f | wc -c; done | sort -u; \
                for d in /proc/acpi /proc/asound /proc/dynamic_debug /proc/scsi /sys/firmware /sys/devices/virtual/powercap; do \
                ls -A $d 2>/dev/null; done; \
                for f in /proc/sys/kernel/core_pattern /proc/sysrq-trigger /proc/irq/default_smp_affinity \
                /sys/kernel/uevent_helper; do (true >> $f) 2>/dev/null && echo $f opens; done; true";
    let output = run(&case.script(&look.replace('&', "&amp;").replace('<', "&lt;")));
    let said = text(&output.stdout);
    // The device behind a cover takes whatever is written, and forgets it.
    let said = said.replace("/proc/sysrq-trigger opens\n", "");
    assert_eq!(said, "0\n", "{}", text(&output.stderr));
}
