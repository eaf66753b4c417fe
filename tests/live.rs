//! Verbs on a container that runs, whose processes rename, link, mount, freeze and stop beside them: nothing is gained,
//! and nothing hangs.
#![allow(unused_results, reason = "commands are built in steps")]

mod support;

use std::fs;
use std::io::Read;
use std::path::PathBuf;
use std::process::{Child, Output, Stdio};
use std::time::{Duration, Instant};

use rstest::rstest;
use support::life::{Life, kill};
use support::{merged_usr, root, text};

const SLEEP: &str = "while :; do sleep 1; done";
const MAP: &str = "<idmap><uid start='0' target='700000' count='1000'/><gid start='0' target='700000' count='1000'/></idmap>";

/// A domain that sleeps on a root directory of its own.
fn started(rest: &str, devices: &str) -> Option<Life> {
    if !root() || !merged_usr() {
        return None;
    }
    let life = Life::new();
    let file = life.case.on_root(SLEEP, rest, devices);
    life.ok(&["define", file.to_str().unwrap()]);
    life.ok(&["start", life.name()]);
    Some(life)
}

fn sh(life: &Life, script: &str) -> String {
    let output = life.run(&["exec", life.name(), "--", "/bin/sh", "-c", script]);
    text(&output.stdout) + &text(&output.stderr)
}

fn directory(life: &Life, name: &str) -> PathBuf {
    let dir = life.case.dir.path().join(name);
    fs::create_dir_all(&dir).unwrap();
    dir
}

/// `attach-device` or `detach-device`: status, and what was said.
fn device(life: &Life, verb: &str, device: &str) -> (i32, String) {
    let file = life.case.dir.path().join("device.xml");
    fs::write(&file, device).unwrap();
    let output = life.run(&[verb, life.name(), file.to_str().unwrap()]);
    (output.status.code().unwrap(), text(&output.stdout) + &text(&output.stderr))
}

fn attach(life: &Life, xml: &str) {
    let (status, said) = device(life, "attach-device", xml);
    assert_eq!(status, 0, "{said}");
}

fn detach(life: &Life, xml: &str) -> String {
    let (status, said) = device(life, "detach-device", xml);
    assert_eq!(status, 0, "{said}");
    said
}

fn ram(target: &str) -> String {
    format!("<filesystem type='ram'><source usage='64' units='KiB'/><target dir='{target}'/></filesystem>")
}

fn mount(source: &std::path::Path, target: &str) -> String {
    format!(
        "<filesystem type='mount'><source dir='{}'/><target dir='{target}'/></filesystem>",
        source.display()
    )
}

/// Mount points below the kernel's own file systems: what protects them.
fn covers(life: &Life) -> Vec<String> {
    let table = fs::read_to_string(format!("/proc/{}/mountinfo", life.info()["id"])).unwrap();
    let points = table.lines().filter_map(|line| line.split(' ').nth(4));
    let mut points: Vec<String> =
        points.filter(|point| point.starts_with("/proc")).map(str::to_owned).collect();
    points.sort();
    assert!(points.contains(&"/proc/sys".to_owned()), "{points:?}");
    points
}

fn mounts_at(life: &Life, point: &str) -> usize {
    let table = fs::read_to_string(format!("/proc/{}/mountinfo", life.info()["id"])).unwrap();
    table.lines().filter(|line| line.split(' ').nth(4) == Some(point)).count()
}

#[rstest]
#[case::a_link("mv /srv /srv.old; ln -s /proc /srv")]
#[case::a_link_to_a_link("mv /srv /srv.old; ln -s /proc /other; ln -s other /srv")]
#[case::moved("mv /srv /srv.old")]
fn detach_takes_what_was_attached_and_no_cover(#[case] script: &str) {
    let Some(life) = started("", "") else { return };
    let before = covers(&life);
    let source = directory(&life, "source");
    for xml in [ram("/srv/sys"), mount(&source, "/srv/sys")] {
        attach(&life, &xml);
        sh(&life, script);
        let said = detach(&life, &xml);
        assert!(said.contains("had moved /srv/sys to /srv.old/sys"), "{said}");
        assert_eq!(covers(&life), before);
        assert_eq!(mounts_at(&life, "/srv.old/sys"), 0);
        sh(&life, "rm -rf /srv /other /srv.old");
    }
}

/// A program of the container's that goes on until the domain ends: it exchanges two names without an end.
fn exchange(life: &Life, names: [&str; 2]) {
    let [one, other] = names;
    let call =
        format!("my ($a, $b) = (q({one}), q({other})); while (1) {{ syscall(316, -100, $a, -100, $b, 2) }}");
    life.ok(&["exec", "--detach", life.name(), "--", "perl", "-e", &call]);
    // Until it is seen at work.
    let root = life.case.dir.path().join("root");
    let is_link = || root.join(one.trim_start_matches('/')).is_symlink();
    let first = is_link();
    life.wait_for("the first exchange", || is_link() != first);
}

/// Whether this machine has what plays the container's part.
fn has_perl() -> bool {
    let there = cfg!(target_arch = "x86_64") && PathBuf::from("/usr/bin/perl").exists();
    if !there {
        eprintln!("skipped: needs perl on x86-64, for renameat2(2) from inside");
    }
    there
}

#[test]
fn two_hundred_rounds_beside_an_exchange_take_no_cover() {
    if !has_perl() {
        return;
    }
    let Some(life) = started("", "") else { return };
    let before = covers(&life);
    let source = directory(&life, "source");
    sh(&life, "mkdir -p /srv/sys; ln -s /proc /decoy");
    let xml = mount(&source, "/srv/sys");
    exchange(&life, ["/srv", "/decoy"]);
    let mut rounds = [0, 0];
    for _ in 0..200 {
        let (status, said) = device(&life, "attach-device", &xml);
        if status != 0 {
            // The link was in the place at that moment; nothing has changed.
            assert!(!life.ok(&["dumpxml", life.name()]).contains("/srv/sys"), "{said}");
            continue;
        }
        rounds[0] += 1;
        let (status, said) = device(&life, "detach-device", &xml);
        rounds[1] += usize::from(status == 0);
        assert_eq!(status, 0, "{said}");
        assert_eq!(covers(&life), before, "after {rounds:?} rounds");
    }
    assert!(rounds[0] > 0 && rounds[0] == rounds[1], "{rounds:?}");
    assert_eq!(covers(&life), before);
}

const NODE: &str =
    "<hostdev mode='capabilities' type='misc'><source><char>/dev/net/tun</char></source></hostdev>";

fn has_tun() -> bool {
    let there = PathBuf::from("/dev/net/tun").exists();
    if !there {
        eprintln!("skipped: this machine has no /dev/net/tun");
    }
    there
}

#[test]
fn a_node_is_made_in_the_containers_dev_and_nowhere_else() {
    if !has_tun() {
        return;
    }
    let Some(life) = started("", "") else { return };
    let volume = directory(&life, "volume");
    attach(&life, &mount(&volume, "/data"));
    sh(&life, "ln -s /data /dev/net");
    let (status, said) = device(&life, "attach-device", NODE);
    assert!(status == 1 && said.contains("put something else in its place"), "{said}");
    assert_eq!(fs::read_dir(&volume).unwrap().count(), 0);
    sh(&life, "rm /dev/net");
    attach(&life, NODE);
    assert_eq!(sh(&life, "stat -c %F /dev/net/tun"), "character special file\n");
    detach(&life, NODE);
    assert!(sh(&life, "ls /dev/net/tun").contains("No such file"));
}

#[rstest]
#[case::gone("rm /dev/net/tun")]
#[case::moved("mv /dev/net /dev/other")]
#[case::replaced("rm /dev/net/tun; echo mine >/dev/net/tun")]
#[case::a_link("rm -r /dev/net; ln -s /data /dev/net")]
fn a_node_that_is_not_there_is_detached_and_its_device_closed(#[case] script: &str) {
    if !has_tun() {
        return;
    }
    let grant =
        "<features><privnet/><capabilities policy='default'><mknod state='on'/></capabilities></features>";
    let Some(life) = granted(grant) else { return };
    attach(&life, NODE);
    sh(&life, "mknod /dev/own c 10 200");
    let open = "exec 3<>/dev/own && echo open";
    assert_eq!(sh(&life, open), "open\n");
    sh(&life, script);
    let said = detach(&life, NODE);
    assert!(said.contains("the device is closed to it all the same"), "{said}");
    assert!(!sh(&life, open).contains("open\n"), "the policy stayed");
    assert!(!life.ok(&["dumpxml", life.name()]).contains("/dev/net/tun"));
}

/// The same with other features.
fn granted(features: &str) -> Option<Life> {
    replaced("<features><privnet/></features>", features)
}

/// The same with `new` in the place of `old` in its document.
fn replaced(old: &str, new: &str) -> Option<Life> {
    if !root() || !merged_usr() {
        return None;
    }
    let life = Life::new();
    let file = life.case.on_root(SLEEP, "", "");
    let document = fs::read_to_string(&file).unwrap();
    assert!(document.contains(old), "{document}");
    fs::write(&file, document.replace(old, new)).unwrap();
    life.ok(&["define", file.to_str().unwrap()]);
    life.ok(&["start", life.name()]);
    Some(life)
}

#[test]
fn a_volume_that_root_inside_can_hold_elsewhere_is_not_said_to_be_detached() {
    if !root() || !merged_usr() {
        return;
    }
    let life = Life::new();
    let volume = directory(&life, "volume");
    fs::write(volume.join("file"), "of the host").unwrap();
    let xml = mount(&volume, "/data");
    let grant = "<features><privnet/><capabilities policy='default'><sys_admin state='on'/></capabilities></features>";
    let file = life.case.on_root(SLEEP, "", &xml);
    let document = fs::read_to_string(&file).unwrap();
    fs::write(&file, document.replace("<features><privnet/></features>", grant)).unwrap();
    life.ok(&["create", file.to_str().unwrap()]);
    // Another mount namespace has it as well.
    let hold = ["exec", "--detach", life.name(), "--", "unshare", "--mount", "sleep", "100"];
    life.ok(&hold);
    life.wait_for("the other namespace", || sh(&life, "cat /proc/[0-9]*/comm").matches("sleep").count() >= 2);
    std::thread::sleep(Duration::from_millis(100));
    let (status, said) = device(&life, "detach-device", &xml);
    assert!(status == 1 && said.contains("/data for process"), "{said}");
    assert_eq!(sh(&life, "cat /data/file"), "of the host");
    sh(
        &life,
        "for p in /proc/[0-9]*; do [ \"$(tr '\\0' ' ' <$p/cmdline)\" = 'sleep 100 ' ] && kill -9 ${p#/proc/}; done",
    );
    life.wait_for("its end", || !sh(&life, "cat /proc/[0-9]*/cmdline | tr '\\0' ' '").contains("sleep 100"));
    let (status, said) = device(&life, "detach-device", &xml);
    assert!(status == 0 && said.contains("only a restart") && !said.contains("detached"), "{said}");
    assert!(sh(&life, "cat /data/file").contains("No such file"));
}

#[test]
fn a_detached_programs_null_device_is_not_what_the_container_put_there() {
    let Some(life) = started("", "") else { return };
    sh(&life, "rm /dev/null; ln -s /etc/trap /dev/null; echo trapped >/etc/trap");
    let script =
        "head -c 7 <&0 >/tmp/read; echo word; readlink /proc/self/fd/1 >/tmp/name; chmod 0 /proc/self/fd/0";
    life.ok(&["exec", "--detach", life.name(), "--", "/bin/sh", "-c", &format!("{script}; echo >/tmp/done")]);
    life.wait_for("its end", || sh(&life, "ls /tmp").contains("done"));
    assert_eq!(sh(&life, "cat /tmp/read /etc/trap"), "trapped\n");
    let mode = std::os::unix::fs::PermissionsExt::mode(&fs::metadata("/dev/null").unwrap().permissions());
    assert_eq!(mode & 0o777, 0o666, "the host's own is another");
}

#[test]
fn a_terminal_is_not_what_the_container_put_there() {
    let Some(life) = started(MAP, "") else { return };
    assert!(life.ok(&["exec", "--tty", life.name(), "--", "tty"]).starts_with("/dev/pts/"));
    // To open a FIFO is to wait for its other end.
    let script = "umount /dev/pts && rmdir /dev/pts && mkdir /tmp/d && mkfifo /tmp/d/ptmx && ln -s /tmp/d /dev/pts && echo there";
    let said = sh(&life, script);
    if !said.contains("there") {
        eprintln!("skipped: root of a container with an id map may not unmount: {said}");
        return;
    }
    let (output, _) = output_within(spawn(&life, &["exec", "--tty", life.name(), "--", "tty"]), 60);
    let said = text(&output.stderr);
    assert!(output.status.code() == Some(125) && said.contains("terminal"), "{said}");
}

/// Ends within the time, or is killed and the test fails.
fn output_within(mut child: Child, seconds: u64) -> (Output, Duration) {
    let begun = Instant::now();
    while child.try_wait().unwrap().is_none() {
        if begun.elapsed() > Duration::from_secs(seconds) {
            child.kill().unwrap();
            child.wait().unwrap();
            panic!("it hangs");
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    let took = begun.elapsed();
    (child.wait_with_output().unwrap(), took)
}

fn spawn(life: &Life, arguments: &[&str]) -> Child {
    life.command(arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

/// The init's group of version 2, as the host has it.
fn unified(life: &Life) -> Option<PathBuf> {
    let text = fs::read_to_string(format!("/proc/{}/cgroup", life.info()["id"])).unwrap();
    let own = text.lines().find_map(|line| line.strip_prefix("0::"))?.to_owned();
    let tops = ["/sys/fs/cgroup", "/sys/fs/cgroup/unified"];
    let found = tops.into_iter().map(|top| PathBuf::from(format!("{top}{own}")));
    let found = found.into_iter().find(|group| group.join("cgroup.freeze").exists());
    if found.is_none() {
        eprintln!("skipped: this machine has no freezer of version 2");
    }
    found
}

/// A group that is thawed when the test is over.
struct Frozen(PathBuf);

impl Frozen {
    fn new(group: PathBuf) -> Self {
        fs::write(group.join("cgroup.freeze"), "1").unwrap();
        Self(group)
    }
}

impl Drop for Frozen {
    fn drop(&mut self) {
        fs::write(self.0.join("cgroup.freeze"), "0").ok();
    }
}

#[rstest]
#[case::pipes("--no-tty")]
#[case::terminal("--tty")]
#[case::detached("--detach")]
fn a_domain_that_others_have_frozen_is_not_entered(#[case] how: &str) {
    let Some(life) = started("", "") else { return };
    let Some(group) = unified(&life) else { return };
    let frozen = Frozen::new(group);
    let child = spawn(&life, &["exec", how, life.name(), "--", "/bin/true"]);
    let (output, _) = output_within(child, 60);
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(125), "{said}");
    assert!(said.contains("its control group is frozen") && said.contains("thaw"), "{said}");
    drop(frozen);
    life.ok(&["exec", life.name(), "--", "/bin/true"]);
}

#[test]
fn a_program_that_is_frozen_while_it_runs_is_ended_by_a_signal() {
    let Some(life) = started("", "") else { return };
    let Some(group) = unified(&life) else { return };
    for signal in ["-TERM", "-INT"] {
        let mut child = spawn(
            &life,
            &["exec", life.name(), "--", "/bin/sh", "-c", "trap : TERM INT; echo up; sleep 600"],
        );
        child.stdout.as_mut().unwrap().read_exact(&mut [0; 3]).unwrap();
        let _frozen = Frozen::new(group.clone());
        std::thread::sleep(Duration::from_millis(100));
        kill(child.id() as i32, signal);
        let (output, _) = output_within(child, 60);
        assert_eq!(output.status.code(), Some(137), "{}", text(&output.stderr));
    }
}

#[test]
fn a_program_that_has_stopped_itself_is_ended_by_a_signal() {
    let Some(life) = started("", "") else { return };
    let mut child =
        spawn(&life, &["exec", life.name(), "--", "/bin/sh", "-c", "trap : TERM; echo up; kill -STOP $$"]);
    child.stdout.as_mut().unwrap().read_exact(&mut [0; 3]).unwrap();
    life.wait_for("its stop", || sh(&life, "cat /proc/[0-9]*/stat").contains(" T "));
    kill(child.id() as i32, "-TERM");
    let (output, _) = output_within(child, 60);
    assert_eq!(output.status.code(), Some(137));
}

#[test]
fn a_helper_that_is_stopped_again_and_again_is_given_up() {
    if !has_perl() {
        return;
    }
    let Some(life) = started("", "") else { return };
    // Everything that is not there yet.
    let script = "my %old = map { $_ => 1 } glob q(/proc/[0-9]*); open F, q(>/tmp/on); close F; \
        while (1) { for (glob q(/proc/[0-9]*)) { next if $old{$_}; m{(\\d+)}; kill 19, $1 if $1 != $$ } }";
    life.ok(&["exec", "--detach", life.name(), "--", "perl", "-e", script]);
    life.wait_for("the stopper", || life.case.dir.path().join("root/tmp/on").exists());
    for _ in 0..5 {
        let mut child = spawn(&life, &["exec", life.name(), "--", "/bin/true"]);
        let begun = Instant::now();
        while child.try_wait().unwrap().is_none() && begun.elapsed() < Duration::from_secs(5) {
            std::thread::sleep(Duration::from_millis(20));
        }
        if child.try_wait().unwrap().is_none() {
            // It had begun, and was stopped as the program that it is.
            kill(child.id() as i32, "-TERM");
        }
        let (output, _) = output_within(child, 60);
        let said = text(&output.stderr);
        let code = output.status.code();
        assert!(
            matches!(code, Some(0 | 137 | 143)) || code == Some(125) && said.contains("SIGSTOP"),
            "{code:?} {said}"
        );
    }
}

#[test]
fn neither_unread_input_nor_unread_output_makes_it_hang() {
    let Some(life) = started("", "") else { return };
    let both = "head -c 1000000 /dev/zero; cat >/dev/null";
    let file = life.case.dir.path().join("input");
    fs::write(&file, vec![b'x'; 2_000_000]).unwrap();
    let mut command = life.command(&["exec", life.name(), "--", "/bin/sh", "-c", both]);
    let mut child = command.stdin(fs::File::open(&file).unwrap()).stdout(Stdio::piped()).spawn().unwrap();
    let mut stdout = child.stdout.take().unwrap();
    let reader = std::thread::spawn(move || {
        let mut all = Vec::new();
        stdout.read_to_end(&mut all).unwrap();
        all.len()
    });
    let (output, _) = output_within(child, 60);
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(reader.join().unwrap(), 1_000_000);
    // Nobody reads the input, and nobody the output: a signal still ends it.
    for script in ["sleep 600", "exec cat /dev/zero"] {
        let mut command = life.command(&["exec", life.name(), "--", "/bin/sh", "-c", script]);
        let command = command.stdin(fs::File::open(&file).unwrap()).stdout(Stdio::piped());
        let child = command.spawn().unwrap();
        std::thread::sleep(Duration::from_millis(500));
        kill(child.id() as i32, "-TERM");
        let (output, _) = output_within(child, 60);
        assert_eq!(output.status.code(), Some(143), "{script}");
    }
}

#[test]
fn the_command_line_of_exec_cannot_be_read_from_inside() {
    if !has_perl() {
        return;
    }
    let Some(life) = started("", "") else { return };
    let script = "open O, q(>/tmp/seen); select((select(O), $| = 1)[0]); open F, q(>/tmp/on); close F; \
        while (1) { for (glob q(/proc/[0-9]*/cmdline)) { open C, $_ or next; my $l = <C>; print O qq($l\\n) if $l =~ /SECRET|browndog/ } }";
    life.ok(&["exec", "--detach", life.name(), "--", "perl", "-e", script]);
    let tmp = life.case.dir.path().join("root/tmp");
    life.wait_for("the watcher", || tmp.join("on").exists());
    let mut seen = String::new();
    for _ in 0..200 {
        life.ok(&["exec", "-e", "SECRET=of-the-host", life.name(), "--", "/bin/true"]);
        seen = text(&fs::read(tmp.join("seen")).unwrap());
        if seen.contains("browndog") && seen.len() > 4000 {
            break;
        }
    }
    let lines: Vec<&str> = seen.lines().filter(|line| !line.starts_with("perl")).collect();
    assert!(lines.iter().all(|line| !line.contains("SECRET")), "{lines:?}");
    if lines.is_empty() {
        eprintln!("skipped: the helper was never seen from inside");
    }
}

#[test]
fn a_program_killed_by_a_signal_has_a_shells_status() {
    let Some(life) = started("", "") else { return };
    for (signal, status) in [("HUP", 129), ("INT", 130), ("KILL", 137)] {
        life.fails(status, &["exec", life.name(), "--", "/bin/sh", "-c", &format!("kill -{signal} $$")]);
    }
}

#[test]
fn a_container_whose_dev_is_covered_is_attached_to_or_says_so() {
    let Some(life) = started(MAP, "") else { return };
    let said = sh(&life, "mount -t tmpfs none /dev && echo covered");
    if !said.contains("covered") {
        eprintln!("skipped: root of a container with an id map may not mount: {said}");
        return;
    }
    if has_tun() {
        let (status, said) = device(&life, "attach-device", NODE);
        assert!(status == 1 && said.contains("something else in its place"), "{said}");
    }
}

#[test]
fn pause_and_resume_hold_beside_a_fork_storm() {
    // What has ended is charged to the group for a moment yet: room for that.
    let Some(life) = replaced("<memory unit='MiB'>64</memory>", "<memory unit='MiB'>512</memory>") else {
        return;
    };
    let storm = "f() { while :; do /bin/true & wait; done; }; f & f & f & wait";
    life.ok(&["exec", "--detach", life.name(), "--", "/bin/sh", "-c", storm]);
    for _ in 0..10 {
        life.ok(&["suspend", life.name()]);
        assert_eq!(life.state(), "paused");
        life.ok(&["resume", life.name()]);
        assert_eq!(life.state(), "running");
        let output = life.run(&["exec", life.name(), "--", "/bin/true"]);
        let past = life.ok(&["events", "--past", "--no-follow"]);
        assert!(output.status.success(), "{}{past}", text(&output.stderr));
    }
}
