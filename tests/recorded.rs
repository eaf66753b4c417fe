//! What stands still is told by the kernel, and what cannot be recorded is not done.
#![allow(unused_results, reason = "commands are built in steps")]

mod support;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use rstest::rstest;
use support::life::Life;
use support::{root, text};

const COUNTS: &str = "while :; do echo up; sleep 0.05; done";

fn started(more: &str) -> Option<Life> {
    if !root() {
        return None;
    }
    let life = Life::new();
    life.define_with(COUNTS, more);
    life.ok(&["start", life.name()]);
    Some(life)
}

/// Two ways to freeze a group: the file, and what it is told for frozen and for thawed.
const V2: (&str, &str, &str) = ("cgroup.freeze", "1", "0");
const V1: (&str, &str, &str) = ("freezer.state", "FROZEN", "THAWED");

/// The domain's own group with this file; the first is the outermost.
fn own(life: &Life, file: &str) -> Option<PathBuf> {
    let mut groups = life.case.cgroups();
    groups.retain(|group| group.join(file).exists());
    groups.sort_by_key(|group| group.as_os_str().len());
    if groups.is_empty() {
        eprintln!("skipped: this machine has no freezer with {file}");
    }
    groups.into_iter().next()
}

/// A group that is thawed when the test is over.
struct Frozen(PathBuf, &'static str);

impl Frozen {
    fn new(group: &Path, (file, frozen, thawed): (&'static str, &str, &'static str)) -> Self {
        fs::write(group.join(file), frozen).unwrap();
        Self(group.join(file), thawed)
    }
}

impl Drop for Frozen {
    fn drop(&mut self) {
        fs::write(&self.0, self.1).ok();
    }
}

#[rstest]
#[case::version_2(V2)]
#[case::version_1(V1)]
fn resume_thaws_a_domain_that_others_have_frozen(#[case] how: (&'static str, &'static str, &'static str)) {
    let Some(life) = started("") else { return };
    let Some(group) = own(&life, how.0) else { return };
    let _frozen = Frozen::new(&group, how);
    life.wait_for("it to be paused", || life.state() == "paused");
    life.ok(&["resume", life.name()]);
    assert_eq!(life.state(), "running");
    let said = life.ok(&["logs", life.name()]).len();
    life.wait_for("it to go on", || life.ok(&["logs", life.name()]).len() > said);
    // And once more where it was suspended by us as well.
    life.ok(&["suspend", life.name()]);
    let _frozen = Frozen::new(&group, how);
    life.ok(&["resume", life.name()]);
    assert_eq!(life.state(), "running");
}

#[rstest]
#[case::version_2(V2, false)]
#[case::version_1(V1, false)]
#[case::suspended_too(V2, true)]
fn resume_names_the_group_above_that_others_have_frozen(
    #[case] how: (&'static str, &'static str, &'static str),
    #[case] suspended: bool,
) {
    let partition = format!("/bdtest-above-{}-{}{suspended}", std::process::id(), how.0);
    let Some(life) = started(&format!("<resource><partition>{partition}</partition></resource>")) else {
        return;
    };
    let Some(group) = own(&life, how.0) else { return };
    let above = group.parent().unwrap();
    assert!(above.to_string_lossy().contains("bdtest-above"), "{}", above.display());
    if suspended {
        life.ok(&["suspend", life.name()]);
    }
    let frozen = Frozen::new(above, how);
    life.wait_for("it to be paused", || life.state() == "paused");
    let said = life.fails(1, &["resume", life.name()]);
    let file = above.join(how.0).display().to_string();
    assert!(said.contains("not by browndog") && said.contains(&file), "{said}");
    assert_eq!(life.state(), "paused");
    drop(frozen);
    life.wait_for("it to go on", || life.state() == "running");
    life.ok(&["resume", life.name()]);
    life.ok(&["destroy", life.name()]);
    life.assert_gone();
}

#[test]
fn suspend_holds_also_where_others_have_thawed_it() {
    let Some(life) = started("") else { return };
    let Some(group) = own(&life, V2.0) else { return };
    life.ok(&["suspend", life.name()]);
    fs::write(group.join(V2.0), "0").unwrap();
    life.wait_for("it to go on", || life.state() == "running");
    life.ok(&["suspend", life.name()]);
    assert_eq!(life.state(), "paused");
    assert_eq!(fs::read_to_string(group.join(V2.0)).unwrap().trim(), "1");
    // What is asked to stop is thawed first.
    life.ok(&["shutdown", life.name()]);
}

/// Runs a script whose `$0` is the binary, `$1` a state directory of its own mount namespace (`$D`), `$2` a domain's document
/// and `$N` its name.
fn scene(life: &Life, script: &str) -> (String, String) {
    let file = life.case.script("while :; do sleep 1; done");
    let state = life.case.dir.path().join("small");
    fs::create_dir(&state).unwrap();
    let script = format!(
        "B=$0 D=$1 N=$3; mount -t tmpfs -o size=256k,mode=700 none $D || exit 90
        bd() {{ $B --root $D \"$@\"; }}
        trap 'rm -f $D/fill; mount -o remount,bind,rw $D 2>/dev/null; bd destroy $N >/dev/null 2>&1' EXIT
        fill() {{ dd if=/dev/zero of=$D/fill bs=4k 2>/dev/null; }}
        bd define $2 || exit 91; bd start $N || exit 92
        {script}"
    );
    let mut command = Command::new("unshare");
    command.args(["--mount", "--propagation", "private", "sh", "-c", &script, support::BROWNDOG]);
    let output = command.arg(&state).arg(&file).arg(life.name()).stdin(Stdio::null()).output().unwrap();
    let (shown, said) = (text(&output.stdout), text(&output.stderr));
    assert_eq!(output.status.code(), Some(0), "{shown}{said}");
    life.assert_gone();
    (shown, said)
}

#[rstest]
#[case::full("fill")]
#[case::read_only("mount --bind $D $D && mount -o remount,bind,ro $D || exit 93")]
fn a_limit_that_cannot_be_recorded_is_not_changed(#[case] make: &str) {
    if !root() {
        return;
    }
    let life = Life::new();
    let script = format!(
        "before=$(bd memtune $N --live --format json; bd dumpxml $N); {make}
        bd setmem $N 32MiB --live && exit 94
        bd setmem $N 32MiB --config && exit 95
        bd memtune $N --hard-limit 40MiB --live --config && exit 96
        after=$(bd memtune $N --live --format json; bd dumpxml $N)
        test \"$before\" = \"$after\" || {{ echo \"$before\" / \"$after\"; exit 97; }}
        test $(bd state $N) = running || exit 98"
    );
    let (_, said) = scene(&life, &script);
    let named =
        said.matches("no space left on device").count() + said.matches("read-only file system").count();
    assert!(named >= 3, "{said}");
}

#[test]
fn a_full_state_takes_suspend_and_resume_all_the_same() {
    if !root() {
        return;
    }
    let life = Life::new();
    let script = "fill; bd suspend $N || exit 94; test $(bd state $N) = paused || exit 95
        bd resume $N || exit 96; test $(bd state $N) = running || exit 97";
    scene(&life, script);
}

#[test]
fn in_a_read_only_state_neither_is_done_and_both_say_why() {
    if !root() {
        return;
    }
    let life = Life::new();
    let script = "mount --bind $D $D && mount -o remount,bind,ro $D || exit 93
        bd suspend $N && exit 94; test $(bd state $N) = running || exit 95
        mount -o remount,bind,rw $D; bd suspend $N || exit 96; mount -o remount,bind,ro $D || exit 97
        bd resume $N && exit 98; test $(bd state $N) = paused || exit 99
        bd list | grep -q paused || exit 100; bd info $N >/dev/null || exit 101";
    let (_, said) = scene(&life, script);
    assert!(said.matches("nothing was changed").count() >= 2, "{said}");
    assert!(said.contains("read-only file system"), "{said}");
}

#[rstest]
#[case::full("fill", "rm $D/fill")]
#[case::read_only(
    "mount --bind $D $D && mount -o remount,bind,ro $D || exit 93",
    "mount -o remount,bind,rw $D || exit 93; umount $D || exit 93"
)]
fn a_device_stays_as_it_was_where_that_cannot_be_recorded(#[case] make: &str, #[case] unmake: &str) {
    if !root() {
        return;
    }
    let life = Life::new();
    let file = life.case.dir.path().join("device.xml");
    let device = "<filesystem type='ram'><source usage='64' units='KiB'/><target dir='/mnt'/></filesystem>";
    fs::write(&file, device).unwrap();
    let file = file.display();
    let script = format!(
        "there() {{ bd exec $N -- grep -c ' /mnt ' /proc/self/mountinfo; }}
        known() {{ bd dumpxml $N | grep -c \"target dir='/mnt'\"; }}
        {make}; bd attach-device $N {file} && exit 94
        test $(there):$(known) = 0:0 || exit 95
        {unmake}; bd attach-device $N {file} || exit 96; test $(there):$(known) = 1:1 || exit 97
        {make}; bd detach-device $N {file} && exit 98
        test $(there):$(known) = 1:1 || exit 99
        {unmake}; bd detach-device $N {file} || exit 100; test $(there):$(known) = 0:0 || exit 101"
    );
    scene(&life, &script);
}
