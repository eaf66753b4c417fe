//! A start from the pinned base namespace: same container, no copy of the host's mounts.

mod common;

use browndog_runtime::exec::{self, Ended, Options};
use browndog_runtime::host::Host;
use browndog_runtime::{base, launch, sys};
use nix::libc;

/// A `/run` of the thread's own: no other test, and no other run of this one, sees its base.
fn own_run() {
    sys::mount(Some(c"run"), c"/run", Some(c"tmpfs"), 0, None).expect("an empty /run");
}

fn mounts_of(xml: &str) -> Vec<String> {
    let host = Host::probe();
    let (plan, survey) = common::to_start(&common::domain(xml), &host);
    let mut running = exec::start(&plan, &host, survey, &Options::default()).expect("it starts");
    let text = std::fs::read_to_string(format!("/proc/{}/mountinfo", running.pid)).expect("its mounts");
    running.signal(libc::SIGKILL).expect("it ends");
    assert_eq!(running.wait(), Ok(Ended::Killed(libc::SIGKILL)));
    // Mount point, options, type: what a process inside can see; the ids differ from start to start.
    text.lines()
        .map(|line| {
            let fields: Vec<&str> = line.split(' ').collect();
            let dash = fields.iter().position(|field| *field == "-").expect("a separator");
            format!("{} {} {} {}", fields[3], fields[4], fields[5], fields[dash + 1])
        })
        .collect()
}

/// What the containers of this file run: this program, with this test.
#[test]
fn sleeps_in_a_container() {
    if std::path::Path::new("/sleep").exists() {
        std::thread::sleep(std::time::Duration::from_secs(60));
    }
}

#[test]
fn a_container_started_from_the_base_has_the_same_mounts() {
    let Some(_right) = common::start_right() else { return };
    own_run();
    let root = std::env::temp_dir().join(format!("browndog-base-{}", std::process::id()));
    std::fs::create_dir_all(&root).expect("a root directory");
    std::fs::create_dir_all(root.join("bin")).expect("a directory");
    // Static, so that it runs in a root that holds nothing else.
    let program = std::env::current_exe().expect("this program");
    let _bytes = std::fs::copy(program, root.join("bin/sleeper")).expect("a program");
    std::fs::write(root.join("sleep"), "").expect("a file");
    let tree =
        format!("<filesystem type='mount'><source dir='{}'/><target dir='/'/></filesystem>", root.display());
    let xml = common::document("<features><privnet/></features>", "", &tree)
        .replace("/bin/true", "/bin/sleeper")
        .replace("</init>", "</init><initarg>--exact</initarg><initarg>sleeps_in_a_container</initarg>");
    let copied = mounts_of(&xml);
    base::make().expect("the base is pinned");
    let from_base = mounts_of(&xml);
    base::remove().expect("the base is removed");
    std::fs::remove_dir_all(&root).expect("the root directory is removed");
    assert!(from_base.iter().any(|mount| mount.starts_with("/ /proc ")), "{from_base:#?}");
    // The base itself differs, and the name of the group, which is another one at each start.
    let shown = |mounts: &[String]| -> Vec<String> {
        let mounts = mounts.iter().filter(|mount| !mount.contains(" /run/browndog-base"));
        mounts.map(|mount| mount.rsplit(".browndog ").next().unwrap_or_default().to_owned()).collect()
    };
    assert_eq!(shown(&from_base), shown(&copied));
    assert!(launch::instance().contains('-'));
}

#[test]
fn the_base_is_made_once_and_removed_without_a_trace() {
    let Some(_right) = common::start_right() else { return };
    own_run();
    let mounts = || std::fs::read_to_string("/proc/thread-self/mountinfo").expect("mounts");
    let before = mounts();
    base::make().expect("the base is pinned");
    base::make().expect("a second call finds it");
    base::remove().expect("the base is removed");
    base::remove().expect("a second call has nothing to do");
    assert_eq!(mounts(), before);
}
