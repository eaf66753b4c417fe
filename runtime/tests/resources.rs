//! Limits of running containers, read back from the groups they are in: on whichever version of control
//! groups this machine has.

mod common;

use browndog_runtime::error::StartError;
use browndog_runtime::exec::{self, Ended, Options, Running};
use browndog_runtime::host::{Cgroups, Host};
use browndog_runtime::plan::plan;
use browndog_runtime::survey::Survey;
use common::HostState;
use rstest::rstest;

/// A domain with these elements that sleeps until it is dropped.
fn sleeper(rest: &str) -> String {
    common::document("<features><privnet/></features>", rest, "")
        .replace("/bin/true", "/bin/sleep")
        .replace("</init>", "</init><initarg>600</initarg>")
}

/// A domain with these elements that runs a script of the shell.
fn script(rest: &str, script: &str) -> String {
    common::scripted("<features><privnet/></features>", rest, "", script)
}

fn try_start(xml: &str) -> Result<Running, StartError> {
    let domain = common::domain(xml);
    let host = Host::probe();
    let survey = Survey::look(&domain, host.rootless || domain.idmap.is_some(), false);
    let plan = plan(&domain, &host, &survey, &common::request());
    exec::start(&plan, &host, survey, &Options::default())
}

fn start(xml: &str) -> Running {
    try_start(xml).unwrap_or_else(|error| panic!("{}", said(&error)))
}

fn said(error: &StartError) -> String {
    match error {
        StartError::Refused(problems) => {
            problems.iter().map(|problem| format!("{} ({}); ", problem.message, problem.help)).collect()
        }
        other => other.to_string(),
    }
}

fn refused(xml: &str) -> String {
    said(&try_start(xml).expect_err("it is refused"))
}

/// Whether this machine has the unified hierarchy alone.
fn v2() -> bool {
    matches!(Host::probe().cgroups, Cgroups::V2 { .. })
}

/// The text of `file` in the group of `controller` in which `running` is; with version 2 of the group
/// above, where the container manages the one it is in.
fn file(running: &Running, controller: &str, file: &str) -> String {
    try_file(running, controller, file).unwrap_or_else(|error| panic!("{error}"))
}

fn try_file(running: &Running, controller: &str, file: &str) -> Result<String, String> {
    let lines = std::fs::read_to_string(format!("/proc/{}/cgroup", running.pid)).expect("proc");
    let path = lines
        .lines()
        .find_map(|line| {
            let mut fields = line.splitn(3, ':').skip(1);
            let (names, path) = (fields.next()?, fields.next()?);
            let mine = if v2() { names.is_empty() } else { names.split(',').any(|name| name == controller) };
            mine.then(|| path.to_owned())
        })
        .unwrap_or_else(|| panic!("{controller} in {lines}"));
    let path = path.trim_end_matches("/container");
    let root = if v2() { String::new() } else { format!("/{controller}") };
    let path = format!("/sys/fs/cgroup{root}{path}/{file}");
    let text = std::fs::read_to_string(&path).map_err(|error| format!("{path}: {error}"))?;
    Ok(text.trim_end().to_owned())
}

const MIB: u64 = 1 << 20;

#[test]
fn memory_soft_limit_and_swap_have_the_meaning_of_the_document_on_each_version() {
    let Some(_right) = common::start_right() else { return };
    let before = HostState::now();
    let running = start(&sleeper(
        "<memtune><hard_limit unit='MiB'>96</hard_limit><soft_limit unit='MiB'>48</soft_limit>\
         <swap_hard_limit unit='MiB'>128</swap_hard_limit></memtune>",
    ));
    let files = if v2() {
        [("memory.max", 96), ("memory.high", 48), ("memory.swap.max", 128 - 96)]
    } else {
        [
            ("memory.limit_in_bytes", 96),
            ("memory.soft_limit_in_bytes", 48),
            ("memory.memsw.limit_in_bytes", 128),
        ]
    };
    for (name, mib) in files {
        assert_eq!(file(&running, "memory", name), (mib * MIB).to_string(), "{name}");
    }
    assert_eq!(running.clean_up(), Vec::<String>::new());
    assert_eq!(HostState::now(), before);
}

#[test]
fn shares_period_and_quota_are_those_of_the_document() {
    let Some(_right) = common::start_right() else { return };
    let running =
        start(&sleeper("<cputune><shares>2048</shares><period>50000</period><quota>25000</quota></cputune>"));
    let files: &[(&str, &str)] = if v2() {
        &[("cpu.weight", "79"), ("cpu.max", "25000 50000")]
    } else {
        &[("cpu.shares", "2048"), ("cpu.cfs_period_us", "50000"), ("cpu.cfs_quota_us", "25000")]
    };
    for (name, value) in files {
        assert_eq!(file(&running, "cpu", name), *value, "{name}");
    }
}

#[rstest]
#[case::cpus("<vcpu cpuset='0'>1</vcpu>")]
#[case::nodes("<numatune><memory mode='strict' nodeset='0'/></numatune>")]
#[case::both("<vcpu cpuset='0'>1</vcpu><numatune><memory mode='restrictive' nodeset='0'/></numatune>")]
fn a_set_of_processors_or_nodes_is_the_containers_own(#[case] rest: &str) {
    let Some(_right) = common::start_right() else { return };
    let before = HostState::now();
    let running = start(&sleeper(rest));
    let status = std::fs::read_to_string(format!("/proc/{}/status", running.pid)).expect("proc");
    let allowed = |name: &str| {
        status.lines().find_map(|line| line.strip_prefix(name)).map(|list| list.trim().to_owned())
    };
    if rest.contains("vcpu") {
        assert_eq!(file(&running, "cpuset", "cpuset.cpus"), "0");
        assert_eq!(allowed("Cpus_allowed_list:").as_deref(), Some("0"));
    }
    if rest.contains("numatune") {
        assert_eq!(file(&running, "cpuset", "cpuset.mems"), "0");
    }
    assert_eq!(allowed("Mems_allowed_list:").as_deref(), Some("0"));
    drop(running);
    assert_eq!(HostState::now(), before);
}

#[rstest]
#[case("preferred", "prefer:0")]
#[case("interleave", "interleave:0")]
fn a_preference_of_nodes_is_the_policy_of_the_process(#[case] mode: &str, #[case] policy: &str) {
    let Some(_right) = common::start_right() else { return };
    let running = start(&sleeper(&format!("<numatune><memory mode='{mode}' nodeset='0'/></numatune>")));
    let Ok(maps) = std::fs::read_to_string(format!("/proc/{}/numa_maps", running.pid)) else {
        eprintln!("skipped: this kernel has no NUMA");
        return;
    };
    assert!(maps.lines().any(|line| line.contains(policy)), "{maps}");
}

#[test]
fn a_processor_that_is_not_there_is_refused_with_what_is() {
    let Some(_right) = common::start_right() else { return };
    let message = refused(&sleeper("<vcpu cpuset='0,4096'>1</vcpu>"));
    assert!(message.contains("no CPU 4096: online are 0"), "{message}");
    let message = refused(&sleeper("<numatune><memory mode='strict' nodeset='900'/></numatune>"));
    assert!(message.contains("no memory node 900"), "{message}");
}

#[test]
fn processes_are_bounded_by_default_and_by_the_extension() {
    let Some(_right) = common::start_right() else { return };
    assert_eq!(file(&start(&sleeper("")), "pids", "pids.max"), "4096");
    let own = "<browndog:pids xmlns:browndog='urn:browndog:domain:1' limit='3'/>";
    let mut running = start(&script(own, "sleep 9 &amp; sleep 9 &amp; sleep 9 &amp; exit 7"));
    // The shell cannot fork a third time, and says 2.
    assert_ne!(running.wait(), Ok(Ended::Exited(7)));
}

/// A disk of this machine, as its path and `MAJOR:MINOR`.
fn disk() -> Option<(String, String)> {
    let disks = std::fs::read_dir("/sys/block").ok()?;
    let found = disks.flatten().find_map(|disk| {
        let name = disk.file_name().to_string_lossy().into_owned();
        let number = std::fs::read_to_string(disk.path().join("dev")).ok()?.trim().to_owned();
        let path = format!("/dev/{name}");
        std::fs::exists(&path).ok()?.then_some((path, number))
    });
    if found.is_none() {
        eprintln!("skipped: this machine has no block device");
    }
    found
}

#[test]
fn a_disk_is_throttled_by_its_number() {
    let Some(_right) = common::start_right() else { return };
    let Some((path, number)) = disk() else { return };
    let running = start(&sleeper(&format!(
        "<blkiotune><device><path>{path}</path><read_bytes_sec>1048576</read_bytes_sec>\
         <write_bytes_sec>0</write_bytes_sec><write_iops_sec>120</write_iops_sec></device></blkiotune>"
    )));
    if v2() {
        let line = format!("{number} rbps=1048576 wbps=max riops=max wiops=120");
        assert_eq!(file(&running, "io", "io.max"), line);
    } else {
        let read = file(&running, "blkio", "blkio.throttle.read_bps_device");
        assert_eq!(read, format!("{number} 1048576"));
        let write = file(&running, "blkio", "blkio.throttle.write_iops_device");
        assert_eq!(write, format!("{number} 120"));
        assert_eq!(file(&running, "blkio", "blkio.throttle.write_bps_device"), "");
    }
}

#[test]
fn a_weight_is_set_or_refused_with_what_is_missing() {
    let Some(_right) = common::start_right() else { return };
    let xml = sleeper("<blkiotune><weight>300</weight></blkiotune>");
    match try_start(&xml) {
        Ok(running) if v2() => {
            let said = ["io.bfq.weight", "io.weight"].map(|name| try_file(&running, "io", name));
            let wanted = ["default 300", "default 2930"];
            assert!(said.iter().zip(wanted).any(|(said, wanted)| said.as_deref() == Ok(wanted)), "{said:?}");
        }
        Ok(running) => assert_eq!(file(&running, "blkio", "blkio.bfq.weight"), "300"),
        Err(error) => assert!(said(&error).contains("neither bfq nor iocost"), "{}", said(&error)),
    }
}

#[test]
fn what_is_no_disk_is_refused_with_the_reason() {
    let Some(_right) = common::start_right() else { return };
    let device = |path: &str| {
        refused(&sleeper(&format!(
            "<blkiotune><device><path>{path}</path><read_iops_sec>9</read_iops_sec></device></blkiotune>"
        )))
    };
    assert!(device("/dev/null").contains("/dev/null is not a block device"));
    assert!(device("/dev/nosuchdisk").contains("cannot open /dev/nosuchdisk"));
}

#[test]
fn a_group_stands_in_its_partition_which_goes_with_the_last_of_them() {
    let Some(_right) = common::start_right() else { return };
    let top = format!("bdpart.{}-", std::process::id());
    let rest = format!("<vcpu cpuset='0'>1</vcpu><resource><partition>/{top}/inner</partition></resource>");
    let before = HostState::now();
    let first = start(&sleeper(&rest));
    let second = start(&sleeper(&rest));
    let groups = std::fs::read_to_string(format!("/proc/{}/cgroup", first.pid)).expect("proc");
    let line = groups.lines().find(|line| line.contains("pids") || line.starts_with("0::")).expect("a group");
    assert!(line.contains(&format!("/{top}/inner/test.")), "{groups}");
    drop(first);
    assert_eq!(file(&second, "pids", "pids.max"), "4096");
    drop(second);
    assert_eq!(HostState::now(), before);
}

#[test]
fn thirty_parallel_starts_in_one_partition_leave_nothing() {
    let Some(_right) = common::start_right() else { return };
    let rest = format!("<resource><partition>/bdmany.{}-</partition></resource>", std::process::id());
    let before = HostState::now();
    std::thread::scope(|scope| {
        for _ in 0..6 {
            let _started = scope.spawn(|| {
                for _ in 0..5 {
                    let mut running = start(&script(&rest, "exit 3"));
                    assert_eq!(running.wait(), Ok(Ended::Exited(3)));
                    assert_eq!(running.clean_up(), Vec::<String>::new());
                }
            });
        }
    });
    assert_eq!(HostState::now(), before);
}

/// What a script says, and how it ended.
fn output(rest: &str, commands: &str) -> (String, Ended) {
    let dir = tempfile::tempdir().expect("a directory");
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o777);
    std::fs::set_permissions(dir.path(), mode).expect("it is ours");
    let share =
        format!("<filesystem><source dir='{}'/><target dir='/tmp'/></filesystem>", dir.path().display());
    let xml = script(rest, &format!("exec >/tmp/said; {commands}"));
    let mut running = start(&xml.replace("<devices>", &format!("<devices>{share}")));
    let ended = running.wait().expect("wait");
    drop(running);
    (std::fs::read_to_string(dir.path().join("said")).expect("what it said"), ended)
}

const IDMAP: &str = "<idmap><uid start='0' target='100000' count='65536'/><gid start='0' target='100000' count='65536'/></idmap>";

#[test]
fn the_container_is_at_the_root_of_the_groups_that_it_sees() {
    let Some(_right) = common::start_right() else { return };
    for rest in ["", IDMAP] {
        let (text, _) = output(rest, "cat /proc/self/cgroup; ls /sys/fs/cgroup");
        let groups: Vec<&str> =
            text.lines().filter(|line| line.contains("::") || line.contains(":/")).collect();
        assert!(groups.contains(&"0::/"), "{text}");
        assert!(text.lines().any(|line| line == "cgroup.procs"), "{text}");
        assert!(!text.contains(".browndog") && !text.contains("memory.numa_stat\ncgroup.max"), "{text}");
    }
}

#[test]
fn a_container_with_its_own_ids_makes_groups_and_hands_controllers_down_but_keeps_its_limits() {
    let Some(_right) = common::start_right() else { return };
    let before = HostState::now();
    let control = if v2() {
        "echo '+pids +memory' > cgroup.subtree_control &amp;&amp; cat one/pids.max"
    } else {
        "echo max"
    };
    let (text, ended) = output(
        IDMAP,
        &format!(
            "cd /sys/fs/cgroup &amp;&amp; mkdir one &amp;&amp; echo 1 > one/cgroup.procs &amp;&amp; {control} &amp;&amp;
             cat /proc/1/cgroup | grep '^0:'; for f in memory.max pids.max; do
             if [ -e $f ]; then (echo max > $f) 2>/dev/null &amp;&amp; echo limit $f written; fi; done; exit 5"
        ),
    );
    assert_eq!(text, "max\n0::/one\n");
    assert_eq!(ended, Ended::Exited(5));
    assert_eq!(HostState::now(), before);
}

#[test]
fn without_ids_of_its_own_the_groups_are_read_only() {
    let Some(_right) = common::start_right() else { return };
    let (text, _) = output("", "mkdir /sys/fs/cgroup/one 2>/dev/null || echo refused");
    assert_eq!(text, "refused\n");
}

#[test]
fn everything_that_a_machine_cannot_do_is_refused_at_its_start() {
    let Some(_right) = common::start_right() else { return };
    let xml = common::document("", "", "<console type='file'><source path='/tmp/x'/></console>");
    let message = refused(&xml);
    assert!(message.contains("cannot be made"), "{message}");
}
