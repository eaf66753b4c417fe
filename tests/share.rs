//! `<lxc:namespace>`: containers in the namespaces of running domains, of processes, and of `ip netns`.
#![allow(unused_results, reason = "commands are built in steps")]

mod support;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use rstest::rstest;
use support::life::Life;
use support::{BROWNDOG, root, text};

const MAP: &str = "<idmap><uid start='0' target='700000' count='1000'/>\
    <gid start='0' target='700000' count='1000'/></idmap>";
/// What the domain that shares says of its namespaces.
const LOOK: &str = "for ns in net ipc uts pid; do readlink /proc/self/ns/$ns; done; hostname; \
    cat /sys/class/net/lo/operstate; grep -c ' /dev/mqueue ' /proc/mounts; true";

/// A document that shares and says where it is.
fn sharer(life: &Life, share: &str, map: &str) -> PathBuf {
    let path = life.case.dir.path().join("sharer.xml");
    let document = format!(
        "<domain type='lxc' xmlns:lxc='http://libvirt.org/schemas/domain/lxc/1.0'>\
         <name>{}-sharer</name><memory unit='MiB'>64</memory>{map}<os><type>exe</type>\
         <init>/bin/sh</init><initarg>-c</initarg><initarg>{LOOK}</initarg></os>\
         <devices><console type='pty'/></devices><lxc:namespace>{share}</lxc:namespace></domain>",
        life.name()
    );
    fs::write(&path, document).unwrap();
    path
}

fn run(life: &Life, file: &Path) -> Output {
    life.run(&["run", file.to_str().unwrap()])
}

/// The namespaces of a process.
fn namespaces(pid: i64) -> Vec<String> {
    let link = |name| fs::read_link(format!("/proc/{pid}/ns/{name}")).unwrap();
    ["net", "ipc", "uts", "pid"].map(|name| link(name).to_string_lossy().into_owned()).to_vec()
}

#[rstest]
#[case::plain("")]
#[case::with_an_id_map(MAP)]
fn a_domain_shares_what_a_running_domain_has(#[case] map: &str) {
    if !root() {
        return;
    }
    let life = Life::new();
    life.define("exec sleep 600");
    life.ok(&["start", life.name()]);
    let peer = namespaces(life.ok(&["domid", life.name()]).trim().parse().unwrap());
    let by_name = |kind: &str| format!("<lxc:{kind} type='name' value='{}'/>", life.name());
    let share = ["sharenet", "shareipc", "shareuts"].map(by_name).concat();
    let output = run(&life, &sharer(&life, &share, map));
    let said: Vec<String> = text(&output.stdout).lines().map(str::to_owned).collect();
    let errors = text(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{said:?}{errors}");
    assert_eq!(said[..3], peer[..3], "{errors}");
    assert_ne!(said[3], peer[3], "processes are never shared");
    assert_eq!(said[4], life.name(), "the host name is the other's");
    assert_eq!(said[6], if map.is_empty() { "1" } else { "0" }, "who owns the queues mounts them: {errors}");
    life.ok(&["destroy", life.name()]);
    let output = run(&life, &sharer(&life, &share, map));
    assert_eq!(output.status.code(), Some(125));
    assert!(text(&output.stderr).contains("it is shut off"), "{}", text(&output.stderr));
}

/// A process in namespaces of its own, until it is dropped.
struct Elsewhere(Child);

impl Elsewhere {
    fn new(life: &Life) -> Self {
        let ready = life.case.dir.path().join("ready");
        let script = format!("hostname elsewhere; : > {}; exec sleep 600", ready.display());
        let mut command = Command::new("unshare");
        command.args(["--net", "--uts", "--ipc", "sh", "-c", &script]).stdin(Stdio::null());
        let here = Self(command.spawn().unwrap());
        life.wait_for("the other process", || ready.exists());
        here
    }

    fn pid(&self) -> u32 {
        self.0.id()
    }
}

impl Drop for Elsewhere {
    fn drop(&mut self) {
        // It may have ended already.
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

#[test]
fn a_domain_shares_one_namespace_of_a_process_and_makes_the_others() {
    if !root() {
        return;
    }
    let life = Life::new();
    let other = Elsewhere::new(&life);
    let theirs = namespaces(other.pid().into());
    let file = sharer(&life, &format!("<lxc:shareuts type='pid' value='{}'/>", other.pid()), "");
    let planned = life.ok(&["plan", file.to_str().unwrap()]);
    assert!(planned.contains("share:uts"), "{planned}");
    let output = run(&life, &file);
    let said: Vec<String> = text(&output.stdout).lines().map(str::to_owned).collect();
    assert_eq!((said[2].as_str(), said[4].as_str()), (theirs[2].as_str(), "elsewhere"), "{said:?}");
    assert_ne!(said[1], theirs[1], "{said:?}");
    drop(other);
    let output = run(&life, &file);
    let error = text(&output.stderr);
    assert!(output.status.code() == Some(125) && error.contains("ESRCH"), "{error}");
}

#[test]
fn a_domain_shares_a_namespace_that_ip_netns_has_pinned() {
    if !root() || !Path::new("/run").is_dir() {
        return;
    }
    let life = Life::new();
    let file = sharer(&life, "<lxc:sharenet type='netns' value='bdtest'/>", "");
    // In a mount namespace of its own: this machine's /run/netns is not touched.
    let script = format!(
        "mount -t tmpfs none /run && mkdir /run/netns && : > /run/netns/bdtest && \
         unshare --net=/run/netns/bdtest true && stat -Lc 'net:[%i]' /run/netns/bdtest && exec {BROWNDOG} run {}",
        file.display()
    );
    let mut command = Command::new("unshare");
    let output = command.args(["--mount", "sh", "-c", &script]).stdin(Stdio::null()).output().unwrap();
    let said: Vec<String> = text(&output.stdout).lines().map(str::to_owned).collect();
    assert_eq!(output.status.code(), Some(0), "{said:?}{}", text(&output.stderr));
    assert_eq!(said[0], said[1], "{said:?}");
}

#[rstest]
#[case::no_domain("<lxc:shareipc type='name' value='nobody-here'/>", "nobody-here")]
#[case::no_netns("<lxc:sharenet type='netns' value='nobody-here'/>", "ip netns add nobody-here")]
#[case::no_name("<lxc:sharenet type='netns' value='../pid'/>", "it is no name")]
fn what_is_not_there_is_refused_with_its_line(#[case] share: &str, #[case] why: &str) {
    if !root() {
        return;
    }
    let life = Life::new();
    let output = run(&life, &sharer(&life, share, ""));
    let error = text(&output.stderr);
    assert_eq!(output.status.code(), Some(125), "{error}");
    assert!(error.contains(why) && error.contains("sharer.xml:1"), "{error}");
}

#[test]
fn interfaces_cannot_be_put_into_a_network_that_is_another_s() {
    let life = Life::new();
    let file = sharer(&life, "<lxc:sharenet type='pid' value='1'/>", "");
    let with = fs::read_to_string(&file)
        .unwrap()
        .replace("<devices>", "<devices><interface type='bridge'><source bridge='br0'/></interface>");
    fs::write(&file, with).unwrap();
    let output = life.run(&["plan", file.to_str().unwrap()]);
    assert!(
        (text(&output.stdout) + &text(&output.stderr)).contains("the network is another's"),
        "{}{}",
        text(&output.stdout),
        text(&output.stderr)
    );
}
