//! What the runtime's tests share.
#![allow(dead_code)]

pub mod network;

use std::collections::BTreeSet;

use browndog_runtime::host::Host;
use browndog_runtime::plan::{Plan, Request, laws, plan};
use browndog_runtime::survey::Survey;
use browndog_xml::domain::Domain;
use browndog_xml::source::Source;
use nix::errno::Errno;

/// The domain of a document that has no error.
pub fn domain(xml: &str) -> Domain {
    let source = Source::new("test.xml", xml);
    let reading = browndog_xml::read(&source);
    reading.domain.unwrap_or_else(|| panic!("{}", reading.report.render_human(&source, false)))
}

/// An lxc document around `devices` and what else is given.
pub fn document(features: &str, rest: &str, devices: &str) -> String {
    format!(
        "<domain type='lxc'><name>test</name><memory unit='MiB'>64</memory>{rest}\
         <os><type>exe</type><init>/bin/true</init></os>{features}\
         <devices><console type='pty'/>{devices}</devices></domain>"
    )
}

/// The same with a script of the shell for its init.
pub fn scripted(features: &str, rest: &str, devices: &str, script: &str) -> String {
    document(features, rest, devices).replace(
        "<init>/bin/true</init>",
        &format!("<init>/bin/sh</init><initarg>-c</initarg><initarg>{script}</initarg>"),
    )
}

/// A document of the RFC's dialect with a network: its start needs the launcher's attendance.
pub fn networked() -> String {
    "<domain type='linuxcontainer'><name>test</name><application>/bin/true</application>\
     <network hostname='browndog'><ip address='192.168.1.110' netmask='255.255.255.0'/>\
     <gateway address='192.168.1.1'/><nameserver>192.168.1.1</nameserver></network>\
     <cpushare>40</cpushare><memory>65536</memory></domain>"
        .to_owned()
}

/// One whose links are bounded, and which takes a device of the host's, in the network of this thread.
pub fn linked() -> Option<String> {
    let ip = |args: &str| std::process::Command::new("ip").args(args.split(' ')).output();
    if ip("link add nic0 type veth peer name nic1").is_err() {
        eprintln!("not with links: iproute2 is not installed");
        return None;
    }
    let devices = "<interface type='ethernet'><bandwidth><inbound average='100'/></bandwidth></interface>\
                   <hostdev mode='capabilities' type='net'><source><interface>nic0</interface></source></hostdev>";
    Some(document("", "", devices))
}

/// A start of this process: unique on this host. The suffix keeps it from a command that cleans up after
/// dead launchers, which may run on this machine at any time.
pub fn request() -> Request {
    use std::sync::atomic::{AtomicU32, Ordering};
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let next = NEXT.fetch_add(1, Ordering::Relaxed);
    Request { instance: format!("{}-{next}", browndog_runtime::launch::instance()), ..Request::default() }
}

/// A plan for `host`, with the sources of this machine.
pub fn plan_for(domain: &Domain, host: &Host) -> Plan {
    let bind_nodes = host.rootless || domain.idmap.is_some();
    let survey = Survey::look(domain, bind_nodes, false);
    let request = Request { instance: "1-2".to_owned(), ..Request::default() };
    plan(domain, host, &survey, &request)
}

/// What a start of `domain` on this machine takes: a plan that breaks no law, and the sources that it names.
pub fn to_start(domain: &Domain, host: &Host) -> (Plan, Survey) {
    let survey = Survey::look(domain, host.rootless || domain.idmap.is_some(), false);
    let plan = plan(domain, host, &survey, &request());
    assert_eq!(laws::broken(&plan), Vec::<String>::new());
    (plan, survey)
}

/// The right to start containers, one test of a process at a time: the host is compared before and
/// after. `None`, with the reason said, where none can be started.
///
/// The test's thread gets a network and a mount namespace of its own: that is the containers' host, on which
/// nobody else makes links or mounts meanwhile.
pub fn start_right() -> Option<std::sync::MutexGuard<'static, ()>> {
    static ONE: std::sync::Mutex<()> = std::sync::Mutex::new(());
    if nix::unistd::geteuid().is_root() {
        let right = ONE.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let own = nix::libc::CLONE_NEWNET | nix::libc::CLONE_NEWNS;
        let _zero = browndog_runtime::sys::unshare(own).expect("root may unshare");
        let private = nix::libc::MS_REC | nix::libc::MS_PRIVATE;
        browndog_runtime::sys::mount(None, c"/", None, private, None).expect("nothing comes in or goes out");
        let_others_go();
        return Some(right);
    }
    eprintln!("skipped: starting containers with control groups needs root");
    None
}

/// Looks until it is so, or two minutes are over; what was seen last.
pub fn until<T>(look: impl Fn() -> T, so: impl Fn(&T) -> bool) -> T {
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(120);
    loop {
        let seen = look();
        if so(&seen) || std::time::Instant::now() > deadline {
            return seen;
        }
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
}

/// What others had mounted for a while when this thread's mount namespace was made would go with its mount point.
fn let_others_go() {
    let temporary = std::env::temp_dir().join("");
    let places = [temporary.to_string_lossy().into_owned(), "/run/browndog-".to_owned()];
    let table = std::fs::read_to_string("/proc/thread-self/mountinfo").unwrap_or_default();
    for target in table.lines().rev().filter_map(|line| line.split(' ').nth(4)) {
        if places.iter().any(|place| target.starts_with(place)) {
            let target = std::ffi::CString::new(target).expect("no NUL");
            let gone = browndog_runtime::sys::umount2(&target, nix::libc::MNT_DETACH);
            // With its mount point, or with the mount below it.
            assert!(matches!(gone, Ok(()) | Err(Errno::EINVAL | Errno::ENOENT)), "{target:?}: {gone:?}");
        }
    }
}

/// What a start must leave as it was: mounts, groups, links, loop devices, pinned networks.
#[derive(Debug, PartialEq, Eq)]
pub struct HostState {
    mounts: String,
    groups: BTreeSet<String>,
    links: BTreeSet<String>,
    loops: Vec<String>,
    pins: Vec<String>,
}

/// Children and descriptors of this process.
pub fn process_state() -> (String, usize) {
    let children = std::fs::read_to_string("/proc/thread-self/children").unwrap_or_default();
    (children, std::fs::read_dir("/proc/self/fd").map_or(0, Iterator::count))
}

/// The directory of this process's files, which a loop device of a test stands on.
pub fn work() -> std::path::PathBuf {
    std::env::temp_dir().join(format!("browndog-work-{}", std::process::id()))
}

/// Images of this process behind loop devices. The kernel takes a device away on a queue of its own.
fn loops() -> Vec<String> {
    let look = || -> Vec<String> {
        let work = work().to_string_lossy().into_owned();
        let devices = std::fs::read_dir("/sys/block").into_iter().flatten().flatten();
        let backing = devices
            .filter_map(|device| std::fs::read_to_string(device.path().join("loop/backing_file")).ok());
        backing.filter(|file| file.contains(&work)).collect()
    };
    for _ in 0..4000 {
        if look().is_empty() {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    look()
}

impl HostState {
    /// As it is now. Only what carries this process's instance is looked at among groups, and only the
    /// thread's own links and mounts, so that others may start containers at the same time.
    pub fn now() -> Self {
        let mark = format!(".{}-", std::process::id());
        let mut groups = BTreeSet::new();
        collect_groups("/sys/fs/cgroup", 2, &mark, &mut groups);
        // Of the thread's own network namespace, which nobody else changes.
        let table = std::fs::read_to_string("/proc/thread-self/net/dev").unwrap_or_default();
        let links =
            table.lines().filter_map(|line| Some(line.split_once(':')?.0.trim().to_owned())).collect();
        let mounts = std::fs::read_to_string("/proc/thread-self/mountinfo").unwrap_or_default();
        let own = format!("{}-", std::process::id());
        let mut pins = browndog_runtime::net::pin::instances();
        pins.retain(|instance| instance.starts_with(&own));
        Self { mounts, groups, links, loops: loops(), pins }
    }
}

fn collect_groups(dir: &str, depth: u32, mark: &str, into: &mut BTreeSet<String>) {
    let Ok(entries) = std::fs::read_dir(dir) else { return };
    for entry in entries.flatten() {
        let path = entry.path().to_string_lossy().into_owned();
        if entry.file_name().to_string_lossy().contains(mark) {
            let _new = into.insert(path.clone());
        }
        if depth > 0 && entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            collect_groups(&path, depth - 1, mark, into);
        }
    }
}
