//! A program of a container that turns out to be this program's own file does not go on.

mod common;

use std::fs;
use std::os::unix::fs::PermissionsExt;

use browndog_runtime::error::StartError;
use browndog_runtime::exec::{self, Options};
use browndog_runtime::host::Host;
use browndog_runtime::plan::plan;
use browndog_runtime::survey::Survey;
use common::HostState;
use nix::errno::Errno;

const WAIT: &str = "BROWNDOG_TEST_WAIT";

/// What the container's init would be: this program, with this test.
#[test]
fn one_that_waits() {
    if std::env::var_os(WAIT).is_some() {
        std::thread::sleep(std::time::Duration::from_secs(600));
    }
}

/// The child cannot see where it leads: it may execute it, and not read it.
#[test]
fn a_script_that_cannot_be_read_and_leads_to_the_launcher_does_not_go_on() {
    let Some(_right) = common::start_right() else { return };
    let before = (HostState::now(), common::process_state());
    let dir = tempfile::tempdir().expect("a directory");
    fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o755)).expect("everybody may go there");
    let script = dir.path().join("init");
    fs::write(&script, "#!/proc/self/exe one_that_waits\n").expect("a script");
    fs::set_permissions(&script, fs::Permissions::from_mode(0o111)).expect("everybody may execute it");
    let os = format!(
        "<init>{}</init><initenv name='{WAIT}'>1</initenv><inituser>+65534</inituser><initgroup>+65534</initgroup>",
        script.display()
    );
    let domain = common::domain(&common::document("", "", "").replace("<init>/bin/true</init>", &os));
    let host = Host::probe();
    let survey = Survey::look(&domain, false, false);
    let plan = plan(&domain, &host, &survey, &common::request());
    match exec::start(&plan, &host, survey, &Options::default()) {
        Err(StartError::Step(step)) => assert_eq!((step.id.as_str(), step.errno), ("exec", Errno::EACCES)),
        Err(other) => panic!("{other:?}"),
        Ok(_) => panic!("the launcher's own file runs in the container"),
    }
    drop(dir);
    assert_eq!((HostState::now(), common::process_state()), before);
}

/// vfork(2) returns before the child has its new program: where the launcher has the processor next, it sees
/// itself there, and must not take that for what runs.
#[test]
fn a_launcher_that_shares_one_processor_with_its_child_takes_nobody_for_itself() {
    let Some(_right) = common::start_right() else { return };
    let before = (HostState::now(), common::process_state());
    let this = nix::unistd::Pid::from_raw(0);
    let all = nix::sched::sched_getaffinity(this).expect("this thread's processors");
    let first = (0..nix::sched::CpuSet::count()).find(|&number| all.is_set(number) == Ok(true));
    let mut one = nix::sched::CpuSet::new();
    one.set(first.expect("there is one")).expect("its number");
    nix::sched::sched_setaffinity(this, &one).expect("the first processor alone");
    let domain = common::domain(&common::document("", "", ""));
    for round in 0..50 {
        let host = Host::probe();
        let survey = Survey::look(&domain, false, false);
        let plan = plan(&domain, &host, &survey, &common::request());
        let started = exec::start(&plan, &host, survey, &Options::default());
        let mut running = started.unwrap_or_else(|error| panic!("start {round}: {error}"));
        assert_eq!(running.wait(), Ok(exec::Ended::Exited(0)));
    }
    nix::sched::sched_setaffinity(this, &all).expect("as before");
    assert_eq!((HostState::now(), common::process_state()), before);
}
