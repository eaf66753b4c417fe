//! A path means what stands there when its step comes: also where several steps use one descriptor.

mod common;

use std::fs;
use std::path::{Path, PathBuf};

use browndog_runtime::exec::{self, Ended, Options};
use browndog_runtime::host::{Cgroups, Cover, Host};
use browndog_runtime::plan::laws;
use browndog_runtime::plan::step::ChildStep;

/// A directory of this test's that goes away with it.
struct Work(PathBuf);

impl Work {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("browndog-{name}-{}", std::process::id()));
        fs::create_dir_all(&path).expect("a directory");
        Self(path)
    }
}

impl Drop for Work {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir_all(&self.0) {
            eprintln!("{}: {error}", self.0.display());
        }
    }
}

/// How a shell ends in a container on the host's tree, with these devices.
fn ended(script: &str, devices: &str) -> Ended {
    ended_with("<privnet/>", "", script, devices)
}

fn ended_with(features: &str, rest: &str, script: &str, devices: &str) -> Ended {
    let xml = common::scripted(&format!("<features>{features}</features>"), rest, devices, script);
    let host = Host::probe();
    let (plan, survey) = common::to_start(&common::domain(&xml), &host);
    let mut running = exec::start(&plan, &host, survey, &Options::default()).expect("it starts");
    let ended = running.wait().expect("it ends");
    assert_eq!(running.clean_up(), Vec::<String>::new());
    ended
}

fn mounted(dir: &Path, target: &str) -> String {
    format!("<filesystem type='mount'><source dir='{}'/><target dir='{target}'/></filesystem>", dir.display())
}

#[test]
fn every_interface_that_this_kernel_has_is_covered() {
    let Some(_right) = common::start_right() else { return };
    let mut script = String::from("exec 2> /dev/null; ");
    for (number, (path, cover)) in Host::probe().covers.iter().enumerate() {
        let failed = format!("exit {}; ", number + 10);
        script += &match cover {
            Cover::HideFile => format!("[ -c {path} ] || {failed}"),
            Cover::HideDirectory => {
                format!("[ -d {path} ] || {failed}[ -z \"$(ls -A {path})\" ] || {failed}")
            }
            Cover::ReadOnly => {
                format!("grep -q \"^[^ ]* {path} proc ro,nosuid,nodev,noexec\" /proc/mounts || {failed}")
            }
        };
    }
    assert_eq!(
        ended(&script, ""),
        Ended::Exited(0),
        "10 and more: the number of the cover that is not there"
    );
}

/// Its covers stay copies of a tmpfs.
const MAP: &str = "<idmap><uid start='0' target='700000' count='1000'/><gid start='0' target='700000' count='1000'/></idmap>";

/// By nobody: not where the cover is as it was put there, and not by root who may mount and has made it writable.
#[rstest::rstest]
#[case::as_it_is("<privnet/>", "", "")]
#[case::in_the_hosts_network("", "", "")]
#[case::made_writable(
    "<privnet/><capabilities policy='allow'/>",
    "",
    "mount -o remount,bind,rw $d || exit 3; "
)]
#[case::of_a_tmpfs("<privnet/>", MAP, "")]
fn nothing_can_be_made_in_a_directory_that_hides_another(
    #[case] features: &str,
    #[case] rest: &str,
    #[case] first: &str,
) {
    let Some(_right) = common::start_right() else { return };
    let covers = Host::probe().covers;
    let hidden = covers.iter().filter(|(_, cover)| *cover == Cover::HideDirectory).map(|(path, _)| *path);
    let hidden: Vec<&str> = hidden.collect();
    assert!(!hidden.is_empty(), "this kernel has none");
    let script = format!(
        "exec 2> /dev/null; for d in {}; do \
         grep -q \"^[^ ]* $d [^ ]* ro,nosuid,nodev,noexec\" /proc/mounts || exit 4; \
         {first}mkdir $d/new &amp;&amp; exit 5; (: > $d/new) &amp;&amp; exit 6; ln -s . $d/new &amp;&amp; exit 7; \
         [ $(stat -c %a $d) = 555 ] || exit 8; [ -z \"$(ls -A $d)\" ] || exit 9; ls $d || exit 10; done; exit 0",
        hidden.join(" ")
    );
    assert_eq!(ended_with(features, rest, &script, ""), Ended::Exited(0));
}

/// The kernel's empty directory serves the first cover, or a mask where there is none; elsewhere a tmpfs does.
#[rstest::rstest]
#[case::version_2(Host::fixture_v2(), "", true)]
#[case::hybrid(Host::fixture_hybrid(), "", true)]
#[case::without_mount_setattr(Host::fixture_5_10(), "", true)]
#[case::a_mask_alone(Host { covers: vec![("/proc/keys", Cover::HideFile)], ..Host::fixture_v2() }, "", true)]
#[case::rootless(Host::fixture_rootless(), "", false)]
#[case::without_groups(
    Host { cgroups: Cgroups::None { reason: "not in this kernel".to_owned() }, ..Host::fixture_v2() }, "", false
)]
#[case::with_an_id_map(Host::fixture_v2(), MAP, true)]
fn the_first_empty_directory_is_the_kernels_or_a_tmpfs(
    #[case] host: Host,
    #[case] idmap: &str,
    #[case] kernels: bool,
) {
    let mask = "<browndog:mask xmlns:browndog='urn:browndog:domain:1' path='/usr/share'/>";
    let rest = format!("{idmap}{mask}");
    let domain = common::domain(&common::document("<features><privnet/></features>", &rest, ""));
    let plan = common::plan_for(&domain, &host);
    assert_eq!(laws::broken(&plan), Vec::<String>::new());
    let first = if host.covers.len() == 1 { "mask:/usr/share" } else { "cover:/proc/acpi" };
    let step = |id: &str| plan.child.iter().find(|entry| entry.id == id).map(|entry| &entry.step);
    match (step("clone-empty:/sys/fs/cgroup"), step(first)) {
        (Some(ChildStep::CloneTree { into, .. }), Some(ChildStep::Attach { tree, .. })) => {
            assert!(kernels && into == tree);
        }
        (None, Some(ChildStep::MountNew { fstype, .. })) => assert!(!kernels && *fstype == c"tmpfs"),
        other => panic!("{other:?}"),
    }
    assert!(matches!(step("mask:/usr/share"), Some(ChildStep::Attach { .. })));
}

/// What a start with these devices is refused for, before anything is changed.
fn refused(rest: &str, devices: &str) -> String {
    let plan = common::plan_for(&common::domain(&common::document("", rest, devices)), &Host::fixture_v2());
    plan.problems.iter().map(|problem| problem.message.as_str()).collect()
}

const MASK: &str = "<browndog:mask xmlns:browndog='urn:browndog:domain:1' path='/proc/fs/jbd2'/>";

/// The kernel's file systems are the runtime's to mount, and what has to be hidden is the kernel's.
#[rstest::rstest]
#[case::proc("/proc", "", true)]
#[case::sys("//sys/./", "", true)]
#[case::dev("/dev/", "", true)]
#[case::in_the_way_of_a_mask("/proc/fs", MASK, true)]
#[case::beside_a_mask("/proc/irq", MASK, false)]
#[case::a_file_of_proc("/proc/cpuinfo", "", false)]
#[case::shared_memory("/dev/shm", "", false)]
fn a_mount_of_the_documents_stands_below_the_kernels_and_not_on_them(
    #[case] target: &str,
    #[case] rest: &str,
    #[case] is_refused: bool,
) {
    let said = refused(rest, &mounted(Path::new("/usr"), target));
    assert_eq!(
        said.contains("nothing can be mounted on") || said.contains("in the way of the mask"),
        is_refused
    );
}

/// As lxcfs does it, and as devices in directories of their own need it.
#[test]
fn what_is_mounted_below_the_kernels_file_systems_is_there() {
    let Some(_right) = common::start_right() else { return };
    let work = Work::new("below");
    fs::write(work.0.join("cpuinfo"), "of the document").expect("a file");
    fs::create_dir(work.0.join("net")).expect("a directory");
    fs::write(work.0.join("net/mark"), "").expect("a file");
    let devices = mounted(&work.0.join("cpuinfo"), "/proc/cpuinfo")
        + &mounted(&work.0.join("net"), "/dev/net/of/document");
    let script = "[ \"$(cat /proc/cpuinfo)\" = 'of the document' ] || exit 3; \
                  [ -e /dev/net/of/document/mark ] || exit 4; exit 0";
    assert_eq!(ended(script, &devices), Ended::Exited(0));
    assert!(!Path::new("/dev/net/of").exists());
}

/// What is bound first stands on the way to what is bound second.
#[test]
fn a_source_in_the_container_is_looked_up_anew_after_every_mount() {
    let Some(_right) = common::start_right() else { return };
    let work = Work::new("binds");
    fs::create_dir_all(work.0.join("a/a/a")).expect("directories");
    fs::write(work.0.join("a/a/a/deep"), "").expect("a file");
    let bind = |target: &str| {
        format!("<filesystem type='bind'><source dir='/mnt/a/a'/><target dir='{target}'/></filesystem>")
    };
    let devices = format!("{}{}{}", mounted(&work.0, "/mnt"), bind("/mnt/a"), bind("/srv"));
    assert_eq!(ended("[ -e /srv/deep ] || exit 3; exit 0", &devices), Ended::Exited(0));
}
