//! On a host whose mounts propagate (every machine that systemd booted) nothing mounted for a container
//! appears on the host, and nothing mounted on the host later appears in the container.

mod common;

use std::path::Path;

use browndog_runtime::exec::{self, Ended, Options};
use browndog_runtime::host::Host;
use browndog_runtime::sys;
use nix::libc;

/// Every mount of the thread's own mount namespace is shared, as systemd has it.
fn shared_host() {
    sys::mount(None, c"/", None, libc::MS_REC | libc::MS_SHARED, None).expect("shared");
}

/// A root, and beside it a directory that the container gets as /data, with a mount point in it.
fn tree(work: &Path) -> String {
    for dir in ["root/bin", "root/data", "volume/later"] {
        std::fs::create_dir_all(work.join(dir)).expect("a directory");
    }
    let program = std::env::current_exe().expect("this program");
    let _bytes = std::fs::copy(program, work.join("root/bin/sleeper")).expect("a program");
    std::fs::write(work.join("root/sleep"), "").expect("a file");
    let work = work.display();
    let xml = common::document(
        "<features><privnet/></features>",
        "",
        &format!(
            "<filesystem type='mount'><source dir='{work}/root'/><target dir='/'/></filesystem>\
             <filesystem type='mount'><source dir='{work}/volume'/><target dir='/data'/></filesystem>"
        ),
    );
    xml.replace("/bin/true", "/bin/sleeper")
        .replace("</init>", "</init><initarg>--exact</initarg><initarg>sleeps_in_a_container</initarg>")
}

/// What the containers of this file run: this program, with this test.
#[test]
fn sleeps_in_a_container() {
    if Path::new("/sleep").exists() {
        std::thread::sleep(std::time::Duration::from_secs(60));
    }
}

fn mounts(pid: &str) -> Vec<String> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/mountinfo")).expect("a mount table");
    text.lines().map(str::to_owned).collect()
}

#[test]
fn shared_mounts_of_the_host_are_no_way_in_or_out() {
    let Some(_right) = common::start_right() else { return };
    let work = std::env::temp_dir().join(format!("browndog-propagation-{}", std::process::id()));
    let domain = common::domain(&tree(&work));
    shared_host();
    let host = Host::probe();
    let (plan, survey) = common::to_start(&domain, &host);
    let before = mounts("thread-self");
    let mut running = exec::start(&plan, &host, survey, &Options::default()).expect("it starts");
    let during = mounts("thread-self");
    let pid = running.pid.to_string();
    let inside = mounts(&pid);

    // What is mounted on the host from now on stays there.
    let later = work.join("volume/later");
    let target = std::ffi::CString::new(later.to_str().expect("UTF-8")).expect("no NUL");
    sys::mount(Some(c"later"), &target, Some(c"tmpfs"), 0, None).expect("a mount of the host");
    let inside_later = mounts(&pid);
    sys::umount2(&target, 0).expect("unmounted");

    running.signal(libc::SIGKILL).expect("it ends");
    assert_eq!(running.wait(), Ok(Ended::Killed(libc::SIGKILL)));
    assert_eq!(running.clean_up(), Vec::<String>::new());
    let after = mounts("thread-self");
    std::fs::remove_dir_all(&work).expect("the directory is removed");

    assert_eq!(during, before, "a mount of the container reached the host");
    assert_eq!(after, before, "something of the container stayed on the host");
    assert_eq!(inside_later, inside, "a mount of the host reached the container");
    let peers: Vec<&String> =
        inside.iter().filter(|line| line.contains(" shared:") || line.contains(" master:")).collect();
    assert_eq!(peers, Vec::<&String>::new(), "mounts of the container have peers");
}
