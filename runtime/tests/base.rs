//! A start from the pinned base namespace: same container, no copy of the host's mounts.

mod common;

use browndog_runtime::exec::{self, Ended, Options};
use browndog_runtime::host::Host;
use browndog_runtime::plan::plan;
use browndog_runtime::survey::Survey;
use browndog_runtime::{base, launch};

/// Takes the base away again, also after a failing assertion; leaves one that was there before.
struct Base(bool);

impl Base {
    fn pinned() -> Self {
        let had = base::open().is_some();
        base::make().expect("the base is pinned");
        Self(had)
    }
}

impl Drop for Base {
    fn drop(&mut self) {
        if !self.0 {
            base::remove().expect("the base is removed");
        }
    }
}

fn mounts_of(xml: &str) -> Vec<String> {
    let domain = common::domain(xml);
    let host = Host::probe();
    let survey = Survey::look(&domain, false, false);
    let plan = plan(&domain, &host, &survey, &common::request());
    assert_eq!(browndog_runtime::plan::laws::broken(&plan), Vec::<String>::new());
    let mut running = exec::start(&plan, &host, survey, &Options::default()).expect("it starts");
    let text = std::fs::read_to_string(format!("/proc/{}/mountinfo", running.pid)).expect("its mounts");
    running.signal(nix::libc::SIGKILL).expect("it ends");
    assert_eq!(running.wait(), Ok(Ended::Killed(nix::libc::SIGKILL)));
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
    let copied = if base::open().is_some() { Vec::new() } else { mounts_of(&xml) };
    let from_base = {
        let _base = Base::pinned();
        mounts_of(&xml)
    };
    std::fs::remove_dir_all(&root).expect("the root directory is removed");
    assert!(from_base.iter().any(|mount| mount.starts_with("/ /proc ")), "{from_base:#?}");
    if !copied.is_empty() {
        // The base itself differs, and the name of the group, which is another one at each start.
        let shown = |mounts: &[String]| -> Vec<String> {
            let mounts = mounts.iter().filter(|mount| !mount.contains(" /run/browndog-base"));
            mounts.map(|mount| mount.rsplit(".browndog ").next().unwrap_or_default().to_owned()).collect()
        };
        assert_eq!(shown(&from_base), shown(&copied));
    }
    assert!(launch::instance().contains('-'));
}

#[test]
fn the_base_is_made_once_and_removed_without_a_trace() {
    let Some(_right) = common::start_right() else { return };
    if base::open().is_some() {
        eprintln!("skipped: this host has a base namespace in use");
        return;
    }
    let before = std::fs::read_to_string("/proc/self/mountinfo").expect("mounts");
    base::make().expect("the base is pinned");
    base::make().expect("a second call finds it");
    base::remove().expect("the base is removed");
    base::remove().expect("a second call has nothing to do");
    assert_eq!(std::fs::read_to_string("/proc/self/mountinfo").expect("mounts"), before);
}
