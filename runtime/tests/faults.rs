//! Each step made to fail: the start fails, names that step, and leaves the host as it was.

mod common;

use browndog_runtime::error::StartError;
use browndog_runtime::exec::{self, Options};
use browndog_runtime::host::Host;
use browndog_runtime::plan::plan;
use browndog_runtime::survey::Survey;
use browndog_xml::domain::Domain;
use common::HostState;
use nix::errno::Errno;

/// What the kernel may say to a step of this name, as the manual page of its call has it.
fn plausible(id: &str) -> &'static [Errno] {
    use Errno::*;
    match id.split(':').next().unwrap_or_default() {
        "make-cgroup" | "make-partition" | "make-leaf" => &[EACCES, EEXIST, ENOSPC, EROFS, ENOMEM],
        "set-cgroup" | "enable-controllers" | "inherit-cpuset" | "delegate-cgroup" | "limit-devices" => {
            &[EACCES, EBUSY, EINVAL, ENOENT, EOPNOTSUPP, ERANGE]
        }
        "open-cgroup" | "join-cgroup" | "unshare-cgroup" => &[ENOENT, EACCES, EMFILE, EBUSY, ENOSPC],
        "write-id-maps" | "map-tree" => &[EPERM, EINVAL, EACCES, ENOENT],
        "add-interface" | "move-interface" | "pin-network" | "limit-inbound" | "limit-outbound" => {
            &[EPERM, EEXIST, ENODEV, EOPNOTSUPP, ENETUNREACH, EBUSY, ENOBUFS]
        }
        "clone-tree" | "take-tree" | "attach-loop" | "mount-device" | "open-console" => {
            &[EPERM, EMFILE, ENFILE, ENOENT, EINVAL, ENOSPC]
        }
        "restrict" | "seal-root" | "set-attr" => &[EINVAL, EPERM, ENOSYS],
        "mount" | "attach" | "mask" | "cover" | "clone-cover" | "clone-mask" | "attach-root" | "pivot" => {
            &[EPERM, EBUSY, EINVAL, ENOENT, ENODEV, ENOTDIR, ELOOP, ENOMEM]
        }
        "make-target" | "node" | "link" | "write" | "make-dir" => {
            &[EPERM, EEXIST, ENOSPC, EROFS, ENAMETOOLONG]
        }
        "verify" => &[EROFS, ENOENT, EPERM],
        "set-uid" | "set-gid" | "set-groups" | "drop-bounding" | "set-capabilities" => {
            &[EPERM, EINVAL, EAGAIN]
        }
        "seccomp" | "no-new-privs" => &[EINVAL, EACCES, ENOMEM],
        "exec" => &[ENOENT, EACCES, ENOEXEC, E2BIG, ETXTBSY, ELOOP, ENOMEM],
        _ => &[EPERM, ENOMEM, EINVAL, EIO],
    }
}

fn start(domain: &Domain, options: &Options) -> Result<exec::Running, StartError> {
    let host = Host::probe();
    let survey = Survey::look(domain, domain.idmap.is_some(), false);
    let plan = plan(domain, &host, &survey, &common::request());
    exec::start(&plan, &host, survey, options)
}

fn failed_step(domain: &Domain, options: &Options) -> (String, Errno) {
    match start(domain, options) {
        Err(StartError::Step(step)) => (step.id, step.errno),
        Err(other) => panic!("{other:?}"),
        Ok(_) => panic!("a start with a failing step succeeded"),
    }
}

/// Its tree reaches the child over the stage.
const MAP: &str = "<idmap><uid start='0' target='700000' count='1000'/><gid start='0' target='700000' count='1000'/></idmap>";
const VOLUME: &str =
    "<filesystem type='mount'><source dir='/usr'/><target dir='/mnt'/><readonly/></filesystem>";

/// A file system in an image, where this machine can make and attach one.
fn image() -> Option<String> {
    let path = common::work().join("disk.img");
    std::fs::create_dir_all(common::work()).expect("a directory");
    let mut mkfs = std::process::Command::new("mkfs.ext4");
    let made = path.exists()
        || mkfs
            .args(["-q", "-O", "^has_journal"])
            .arg(&path)
            .arg("1M")
            .output()
            .map(|output| output.status)
            .is_ok_and(|status| status.success());
    if !made || !std::path::Path::new("/dev/loop-control").exists() {
        eprintln!("not with an image: needs mkfs.ext4(8) and loop devices");
        return None;
    }
    let path = path.display();
    Some(format!(
        "<filesystem type='file'><source file='{path}'/><target dir='/mnt'/><readonly/></filesystem>"
    ))
}

/// Removes the images when the test ends, however it ends.
struct Work;

impl Drop for Work {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_dir_all(common::work()) {
            eprintln!("{}: {error}", common::work().display());
        }
    }
}

/// A document whose plan has a wait for the launcher, and one whose child shares its memory.
fn domains() -> Vec<Domain> {
    let ram = "<filesystem type='ram'><source usage='64'/><target dir='/mnt'/><readonly/></filesystem>";
    let mut domains = vec![
        common::domain(&common::document("<features><privnet/></features>", "", ram)),
        common::domain(&common::networked()),
        common::domain(&common::document("<features><privnet/></features>", MAP, VOLUME)),
    ];
    domains.extend(image().map(|devices| common::domain(&common::document("", "", &devices))));
    domains.extend(common::linked().map(|document| common::domain(&document)));
    domains
}

/// The samples of the repository, each of which has steps that no other has.
fn samples() -> Vec<Domain> {
    let dir = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../domains");
    let mut files: Vec<_> =
        std::fs::read_dir(dir).expect("the samples").flatten().map(|entry| entry.path()).collect();
    files.retain(|file| file.extension().is_some_and(|extension| extension == "xml"));
    files.sort();
    assert!(files.len() >= 9, "{files:?}");
    files.iter().map(|file| common::domain(&std::fs::read_to_string(file).expect("a sample"))).collect()
}

#[test]
fn every_failing_step_is_named_and_leaves_nothing() {
    let Some(_right) = common::start_right() else { return };
    let _work = Work;
    // A step fails in each way in the first document that has it, and in one way after the other in each sample.
    let (mut seen, mut turn, mut starts) = (std::collections::HashSet::new(), 0, 0);
    let own = domains().into_iter().map(|domain| (false, domain));
    for (is_sample, domain) in own.chain(samples().into_iter().map(|domain| (true, domain))) {
        let host = Host::probe();
        let survey = Survey::look(&domain, domain.idmap.is_some(), false);
        let plan = plan(&domain, &host, &survey, &common::request());
        if !plan.problems.is_empty() {
            eprintln!("not {}: this machine cannot run it", plan.domain);
            continue;
        }
        drop(survey);
        let before = (HostState::now(), common::process_state());
        let host_ids = plan.before.iter().chain(&plan.attend).map(|entry| (false, entry.id.to_string()));
        let child_ids = plan.child.iter().map(|entry| (true, entry.id.to_string()));
        for (at, (in_child, id)) in host_ids.enumerate().chain(child_ids.enumerate()) {
            let all = plausible(&id);
            turn += 1;
            let errnos = match seen.insert((in_child, id.clone())) {
                true => all,
                false if is_sample => &all[turn % all.len()..][..1],
                false => &[],
            };
            for &errno in errnos {
                starts += 1;
                let fault = Some((at, errno as i32));
                let options = if in_child {
                    Options { child_fault: fault, ..Options::default() }
                } else {
                    Options { host_fault: fault, ..Options::default() }
                };
                assert_eq!(failed_step(&domain, &options), (id.clone(), errno));
                let now = (HostState::now(), common::process_state());
                assert_eq!(now, before, "after a failing {id} of {} with {errno}", plan.domain);
            }
        }
    }
    println!("{} steps, {starts} starts that fail", seen.len());
}

#[test]
fn a_container_that_ends_leaves_nothing() {
    let Some(_right) = common::start_right() else { return };
    let _work = Work;
    let domains = domains();
    let before = (HostState::now(), common::process_state());
    for domain in domains {
        let mut running = start(&domain, &Options::default()).expect("it starts");
        assert_eq!(running.wait(), Ok(exec::Ended::Exited(0)));
        assert_eq!(running.clean_up(), Vec::<String>::new());
    }
    assert_eq!((HostState::now(), common::process_state()), before);
}

#[test]
fn a_running_container_that_is_dropped_is_killed_and_removed() {
    let Some(_right) = common::start_right() else { return };
    let _work = Work;
    let before = (HostState::now(), common::process_state());
    let xml = common::document("", "", "")
        .replace("/bin/true", "/bin/sleep")
        .replace("</init>", "</init><initarg>600</initarg>");
    let running = start(&common::domain(&xml), &Options::default()).expect("it starts");
    let pid = running.pid;
    drop(running);
    assert!(!std::path::Path::new(&format!("/proc/{pid}")).exists());
    assert_eq!((HostState::now(), common::process_state()), before);
}

/// Every step that is printed, in the order in which a start does them; exec leaves no trace of itself.
fn trace_of(plan: &browndog_runtime::plan::Plan) -> Vec<(&'static str, String)> {
    let before = plan.before.iter().map(|entry| ("host", entry.id.to_string()));
    let attend = plan.attend.iter().map(|entry| ("attend", entry.id.to_string()));
    let child = plan.child.iter().map(|entry| ("child", entry.id.to_string()));
    before.chain(attend).chain(child.filter(|(_, id)| id != "exec")).collect()
}

#[test]
fn a_traced_start_names_every_step_up_to_exec_in_the_plans_order() {
    let Some(_right) = common::start_right() else { return };
    let _work = Work;
    for domain in domains() {
        let host = Host::probe();
        let survey = Survey::look(&domain, domain.idmap.is_some(), false);
        let plan = plan(&domain, &host, &survey, &common::request());
        let planned = trace_of(&plan);
        let mut running = exec::start(&plan, &host, survey, &Options { trace: true, ..Options::default() })
            .expect("it starts");
        let traced: Vec<(&str, String)> =
            running.timings.iter().map(|timing| (timing.stage, timing.id.clone())).collect();
        assert_eq!(traced, planned);
        assert_eq!(running.wait(), Ok(exec::Ended::Exited(0)));
    }
}
