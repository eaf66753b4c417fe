//! The device policy that the base holds ready: used by whom it is meant for, and by nobody else.

mod common;

use std::ffi::CString;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::path::Path;

use browndog_runtime::exec::{self, Ended, Options, Running};
use browndog_runtime::host::{Cgroups, Host};
use browndog_runtime::plan::step::{HostStep, Slot};
use browndog_runtime::plan::{Plan, Request, device_policy, laws, mutate, plan};
use browndog_runtime::survey::{Found, Kind, Purpose, Survey};
use browndog_runtime::{base, sys};
use browndog_xml::domain::Origin;
use nix::libc;

const DEVICE: &str =
    "<hostdev mode='capabilities' type='misc'><source><char>/dev/kmsg</char></source></hostdev>";
const MKNOD: &str =
    "<features><privnet/><capabilities policy='default'><mknod state='on'/></capabilities></features>";

fn c_string(path: &str) -> CString {
    CString::new(path).expect("no NUL")
}

/// The plan on a machine whose base holds `policy`.
fn planned(xml: &str, host: &Host, policy: Vec<u64>) -> Plan {
    let domain = common::domain(xml);
    let mut survey = Survey::assume(&domain, host.rootless);
    survey.found.push(Found {
        purpose: Purpose::Policy,
        path: base::POLICY.to_owned(),
        origin: Origin::Default("a test"),
        kind: Ok(Kind::Other),
        owner: None,
        below: Vec::new(),
        contents: None,
        fd: None,
    });
    survey.policy = policy;
    let plan = plan(&domain, host, &survey, &Request::default());
    assert_eq!(laws::broken(&plan), Vec::<String>::new());
    plan
}

/// The group, and what of its device policy is ready.
fn limited(plan: &Plan) -> (&str, Option<Slot>) {
    let found = plan.before.iter().find_map(|entry| match &entry.step {
        HostStep::LimitDevices { path, ready, .. } => Some((path.as_str(), *ready)),
        _ => None,
    });
    found.expect("the step is there")
}

#[test]
fn a_policy_that_is_ready_is_attached_where_it_is_the_same() {
    let (v2, ready) = (Host::fixture_v2(), device_policy::common_program());
    let usual = common::document("", "", "");
    let with = planned(&usual, &v2, ready.clone());
    let slot = limited(&with).1.expect("it is used");
    assert_eq!(with.slots[usize::from(slot.0)], format!("device policy {}", base::POLICY));
    let shown = with.to_string();
    assert!(
        shown.contains("BPF_CGROUP_DEVICE, <device policy /run/browndog-base/policies/devices>: c 1:3 rwm")
    );
    for xml in [common::document("", "", DEVICE), common::document(MKNOD, "", "")] {
        let own = planned(&xml, &v2, ready.clone());
        assert_eq!(limited(&own).1, None, "{own}");
        assert!(own.to_string().contains(" instructions: "), "{own}");
    }
    // What another version has pinned, or somebody else.
    let mut other = ready.clone();
    other[3] ^= 1 << 32;
    for other in [other, ready[..ready.len() - 1].to_vec(), Vec::new()] {
        assert_eq!(limited(&planned(&usual, &v2, other)).1, None);
    }
    // Version 1 has a list.
    assert_eq!(limited(&planned(&usual, &Host::fixture_hybrid(), ready)).1, None);
}

#[test]
fn a_weakened_policy_is_loaded() {
    let xml = common::document("", "", "");
    let whole = planned(&xml, &Host::fixture_v2(), device_policy::common_program());
    let mut weakened = 0;
    for mutation in mutate::all(&whole) {
        if mutation.to_string().starts_with("weaken:limit-devices:") {
            let mut plan = whole.clone();
            assert!(mutate::apply(&mut plan, &mutation), "{mutation}");
            assert_eq!(limited(&plan).1, None, "{mutation}");
            weakened += 1;
        }
    }
    assert!(weakened > 0);
}

/// The number that the kernel gave a program.
fn id(program: &OwnedFd) -> String {
    let text =
        std::fs::read_to_string(format!("/proc/self/fdinfo/{}", program.as_raw_fd())).expect("it is open");
    text.lines().find_map(|line| line.strip_prefix("prog_id:")).expect("a program").trim().to_owned()
}

/// Waits for the nodes, which the launcher makes; ends with 0 where memory (1:1) is refused and null (1:3) opens.
const SCRIPT: &str = "until test -e /dev/go; do sleep 0.05; done; : &lt; /dev/n || exit 3; (: &lt; /dev/m) 2> /dev/null &amp;&amp; exit 4; exit 0";

/// A container that runs, and the programs on its group.
fn started(host: &Host, devices: &str) -> (Running, Vec<String>) {
    let xml = common::scripted("<features><privnet/></features>", "", devices, SCRIPT);
    let (plan, survey) = common::to_start(&common::domain(&xml), host);
    let running = exec::start(&plan, host, survey, &Options::default()).expect("it starts");
    let group = sys::open(&c_string(limited(&plan).0), libc::O_PATH).expect("its group");
    let programs = sys::device_policies(group.as_fd()).expect("its policy").iter().map(id).collect();
    (running, programs)
}

fn ended(mut running: Running) -> Ended {
    use nix::sys::stat::{Mode, SFlag, makedev, mknod};
    // Nobody is asked here what he may make: nodes that open by themselves, in a tree that has such.
    let made = [("n", SFlag::S_IFCHR, 3), ("m", SFlag::S_IFCHR, 1), ("go", SFlag::S_IFREG, 0)].map(
        |(name, kind, minor)| {
            let path = format!("/proc/{}/root/dev/{name}", running.pid);
            mknod(path.as_str(), kind, Mode::from_bits_truncate(0o600), makedev(1, minor))
        },
    );
    if made.iter().any(Result::is_err) {
        running.signal(libc::SIGKILL).expect("it ends");
    }
    let ended = running.wait().expect("it ends");
    assert_eq!(running.clean_up(), Vec::<String>::new());
    assert_eq!(made, [Ok(()); 3]);
    ended
}

/// A machine on which the device policy is a program, with a `/run` of the thread's own.
fn host() -> Option<Host> {
    let mut host = Host::probe();
    match &mut host.cgroups {
        Cgroups::V2 { .. } => {}
        Cgroups::V1 { controllers, unified: Some(_) } => controllers.retain(|(name, _)| name != "devices"),
        _ => {
            eprintln!("skipped: no control groups of version 2 here");
            return None;
        }
    }
    if !std::fs::read_to_string("/proc/filesystems").is_ok_and(|list| list.contains("\tbpf\n")) {
        eprintln!("skipped: no bpf file system here");
        return None;
    }
    sys::mount(Some(c"run"), c"/run", Some(c"tmpfs"), 0, None).expect("an empty /run");
    Some(host)
}

fn mounts() -> String {
    std::fs::read_to_string("/proc/thread-self/mountinfo").expect("mounts")
}

#[test]
fn a_container_has_the_pinned_policy_and_one_with_a_device_has_its_own() {
    let Some(_right) = common::start_right() else { return };
    let Some(host) = host() else { return };
    let before = mounts();
    let (running, programs) = started(&host, "");
    assert_eq!((ended(running), programs.len()), (Ended::Exited(0), 1));
    base::make().expect("the base is made");
    let (pinned, instructions) = base::policy().expect("its policy is pinned");
    let pinned = id(&pinned);
    // Both are there at once, and then gone: neither takes the other's along.
    let with = started(&host, "");
    let own = started(&host, DEVICE);
    let again = started(&host, "");
    base::remove().expect("the base is removed");
    let without = started(&host, "");
    let ends = [with.0, own.0, again.0, without.0].map(ended);
    assert_eq!(instructions, device_policy::common_program());
    assert!([with.1, again.1].iter().all(|programs| *programs == [pinned.as_str()]));
    for program in [programs, own.1, without.1] {
        assert!(program.len() == 1 && program[0] != pinned, "{program:?}, not {pinned}");
    }
    assert_eq!(ends, [Ended::Exited(0); 4]);
    assert_eq!(mounts(), before);
    assert!(!Path::new("/run/browndog-base").exists());
}

#[test]
fn a_base_without_the_policy_or_with_another_gets_it() {
    let Some(_right) = common::start_right() else { return };
    let Some(_host) = host() else { return };
    let before = mounts();
    base::make().expect("the base is made");
    let first = base::policy().expect("its policy is pinned").0;
    base::make().expect("a second call finds it");
    let same = base::policy().expect("it is still there").0;
    // As an older version has made it, which knew of no policy.
    let policies = Path::new(base::POLICY).parent().expect("a directory");
    sys::umount2(&c_string(&policies.to_string_lossy()), libc::MNT_DETACH).expect("it is mounted");
    std::fs::remove_dir(policies).expect("it is a directory");
    let older = base::open().is_some() && !base::has_policy();
    base::make().expect("the policy is added");
    let added = base::has_policy();
    // As another version has made it, whose policy is another one.
    std::fs::remove_file(base::POLICY).expect("it is a file");
    let other = device_policy::program(&[]);
    let other = sys::load_device_policy(&other).expect("a program");
    sys::pin_program(other.as_fd(), &c_string(base::POLICY)).expect("it is pinned");
    let another = !base::has_policy();
    base::make().expect("the policy is replaced");
    let replaced = base::has_policy();
    base::remove().expect("the base is removed");
    base::remove().expect("a second call has nothing to do");
    assert_eq!(id(&first), id(&same));
    assert_eq!([older, added, another, replaced], [true; 4]);
    assert_eq!(mounts(), before);
    assert!(base::policy().is_none() && !Path::new("/run/browndog-base").exists());
}
