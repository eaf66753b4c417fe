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

const ERRNOS: [Errno; 3] = [Errno::EPERM, Errno::ENOMEM, Errno::EBUSY];

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
    domains
}

#[test]
fn every_failing_step_is_named_and_leaves_nothing() {
    let Some(_right) = common::start_right() else { return };
    let _work = Work;
    for domain in domains() {
        let host = Host::probe();
        let survey = Survey::look(&domain, domain.idmap.is_some(), false);
        let plan = plan(&domain, &host, &survey, &common::request());
        let before = (HostState::now(), common::process_state());
        for (at, entry) in plan.child.iter().enumerate() {
            let errno = ERRNOS[at % ERRNOS.len()];
            let options = Options { child_fault: Some((at, errno as i32)), ..Options::default() };
            assert_eq!(failed_step(&domain, &options), (entry.id.clone(), errno));
            assert_eq!((HostState::now(), common::process_state()), before, "after a failing {}", entry.id);
        }
        for (at, entry) in plan.before.iter().chain(&plan.attend).enumerate() {
            let errno = ERRNOS[at % ERRNOS.len()];
            let options = Options { host_fault: Some((at, errno as i32)), ..Options::default() };
            let (id, found) = failed_step(&domain, &options);
            // The instance is part of a group's path, not of a step's name.
            assert_eq!((id, found), (entry.id.clone(), errno));
            assert_eq!((HostState::now(), common::process_state()), before, "after a failing {}", entry.id);
        }
    }
}

#[test]
fn a_container_that_ends_leaves_nothing() {
    let Some(_right) = common::start_right() else { return };
    let _work = Work;
    let before = (HostState::now(), common::process_state());
    for domain in domains() {
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

#[test]
fn a_traced_start_names_every_step_up_to_exec_in_the_plans_order() {
    let Some(_right) = common::start_right() else { return };
    let _work = Work;
    for domain in domains() {
        let host = Host::probe();
        let survey = Survey::look(&domain, domain.idmap.is_some(), false);
        let plan = plan(&domain, &host, &survey, &common::request());
        let planned: Vec<String> = plan
            .before
            .iter()
            .map(|entry| entry.id.clone())
            .chain(plan.child.iter().map(|entry| entry.id.clone()).filter(|id| id != "exec"))
            .collect();
        let mut running = exec::start(&plan, &host, survey, &Options { trace: true, ..Options::default() })
            .expect("it starts");
        let traced: Vec<String> = running
            .timings
            .iter()
            .filter(|timing| timing.stage != "attend")
            .map(|timing| timing.id.clone())
            .collect();
        assert_eq!(traced, planned);
        assert_eq!(running.wait(), Ok(exec::Ended::Exited(0)));
    }
}
