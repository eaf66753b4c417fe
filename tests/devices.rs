//! Devices come and go while a domain runs, and with its definition: all of one, or nothing of it.
#![allow(unused_results, reason = "commands are built in steps")]

mod support;

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use rstest::rstest;
use support::apart::Apart;
use support::life::Life;
use support::{merged_usr, root, text};

const SLEEP: &str = "while :; do sleep 1; done";

impl Apart {
    /// A domain that sleeps on a root directory of its own; `rest` is added to its document.
    fn sleeping(rest: &str) -> Option<Self> {
        Self::with("<privnet/>", rest)
    }

    /// The same with these features.
    fn with(features: &str, rest: &str) -> Option<Self> {
        let apart = Self::new()?;
        let file = apart.life.case.on_root(SLEEP, rest, "");
        fs::write(&file, fs::read_to_string(&file).unwrap().replace("<privnet/>", features)).unwrap();
        assert_eq!(apart.run(&["define", file.to_str().unwrap()]).0, 0);
        let (status, said) = apart.run(&["start", apart.name()]);
        assert_eq!(status, 0, "{said}");
        Some(apart)
    }

    fn sh(&self, script: &str) -> String {
        self.run(&["exec", self.name(), "--", "/bin/sh", "-c", script]).1
    }

    /// `attach-device` or `detach-device` of a device that stands here.
    fn device(&self, verb: &str, device: &str, scope: &[&str]) -> (i32, String) {
        let file = self.life.case.dir.path().join("device.xml");
        fs::write(&file, device).unwrap();
        let mut arguments = vec![verb, self.name(), file.to_str().unwrap()];
        arguments.extend(scope);
        self.run(&arguments)
    }

    fn attach(&self, device: &str) -> String {
        let (status, said) = self.device("attach-device", device, &[]);
        assert_eq!(status, 0, "{device}: {said}");
        said
    }

    fn detach(&self, device: &str) -> String {
        let (status, said) = self.device("detach-device", device, &[]);
        assert_eq!(status, 0, "{device}: {said}");
        said
    }

    /// Names of the links of the namespace beside the loopback.
    fn links(&self) -> Vec<String> {
        let links = self.ip("-o link");
        let name = |line: &str| Some(line.split(": ").nth(1)?.split('@').next()?.to_owned());
        links.lines().filter_map(name).filter(|name| name != "lo").collect()
    }

    /// ip(8) in the container's network, as its root could do it by programs of its own.
    fn in_container(&self, arguments: &[&str]) -> String {
        let init = self.life.info()["id"].to_string();
        let output =
            Command::new("nsenter").args(["--net", "--target", &init, "ip"]).args(arguments).output();
        let output = output.unwrap();
        assert!(output.status.success(), "{arguments:?}: {}", text(&output.stderr));
        text(&output.stdout)
    }

    fn directory(&self, name: &str) -> PathBuf {
        let dir = self.life.case.dir.path().join(name);
        fs::create_dir_all(&dir).unwrap();
        dir
    }

    fn record(&self) -> String {
        fs::read_to_string(self.life.root().join("run/domains").join(self.name()).join("record.json"))
            .unwrap()
    }
}

fn filesystem(source: &std::path::Path, target: &str, more: &str) -> String {
    format!(
        "<filesystem type='mount'>\n  <source dir='{}'/>\n  <target dir='{target}'/>{more}\n</filesystem>\n",
        source.display()
    )
}

const ETHERNET: &str = "<?xml version='1.0'?>\n<interface type='ethernet'>\n  <ip address='10.9.8.7' prefix='24'/>\n</interface>\n";
const FUSE: &str =
    "<hostdev mode='capabilities' type='misc'><source><char>/dev/fuse</char></source></hostdev>";

#[test]
fn a_file_system_comes_restricted_and_goes_when_nobody_uses_it() {
    let Some(apart) = Apart::sleeping("") else { return };
    let source = apart.directory("source");
    fs::write(source.join("file"), "of the host").unwrap();
    let device = filesystem(&source, "/new/place", "<readonly/>");
    apart.attach(&device);
    assert_eq!(apart.sh("cat /new/place/file"), "of the host");
    assert!(apart.sh("touch /new/place/more").contains("Read-only file system"));
    let mounts = apart.sh("grep ' /new/place ' /proc/self/mountinfo");
    assert!(mounts.contains("nodev") && !mounts.contains("shared:"), "{mounts}");
    assert!(apart.ok(&["dumpxml", apart.name()]).contains("<target dir='/new/place'/>"));
    assert!(!apart.ok(&["dumpxml", "--inactive", apart.name()]).contains("/new/place"));
    assert!(
        apart
            .device("attach-device", &device, &[])
            .1
            .contains("there is a file system at /new/place already")
    );
    // Not while a program is in it.
    let mut user = apart.inside(support::BROWNDOG);
    user.arg("--root").arg(apart.life.root()).args([
        "exec",
        "--cwd",
        "/new/place",
        apart.name(),
        "--",
        "sleep",
        "100",
    ]);
    let mut user = user.spawn().unwrap();
    apart.life.wait_for("its user", || apart.sh("readlink /proc/[0-9]*/cwd").contains("/new/place"));
    let (status, said) = apart.device("detach-device", &device, &[]);
    assert!(status == 1 && said.contains("a program in the container uses it"), "{said}");
    user.kill().unwrap();
    user.wait().unwrap();
    apart.life.wait_for("its end", || !apart.sh("readlink /proc/[0-9]*/cwd").contains("/new/place"));
    apart.detach(&device);
    assert!(apart.sh("cat /new/place/file").contains("No such file"));
    // Its mount point may be another container's too, and is removed when nobody stands on the root.
    assert!(apart.record().contains("/new/place"), "{}", apart.record());
    apart.ok(&["destroy", apart.name()]);
    assert!(!apart.life.case.dir.path().join("root/new").exists());
}

#[test]
fn a_mount_point_goes_with_the_domain() {
    let Some(apart) = Apart::sleeping("") else { return };
    apart.attach(&filesystem(&apart.directory("source"), "/new/place", ""));
    apart.attach("<filesystem type='ram'><source usage='64' units='KiB'/><target dir='/mnt'/></filesystem>");
    assert!(apart.sh("grep ' /mnt ' /proc/self/mounts").contains("size=64k"));
    assert!(apart.life.case.dir.path().join("root/new/place").exists());
    apart.ok(&["destroy", apart.name()]);
    assert!(!apart.life.case.dir.path().join("root/new").exists());
}

#[test]
fn interfaces_are_named_addressed_and_known_again() {
    let Some(apart) = Apart::sleeping("") else { return };
    apart.attach(ETHERNET);
    apart.attach(&ETHERNET.replace("9.8.7", "9.7.7"));
    let inside = apart.sh("ip -br address; ip -br link");
    assert!(inside.contains("10.9.8.7/24") && inside.contains("10.9.7.7/24"), "{inside}");
    assert_eq!(apart.links().len(), 2);
    // The document of the domain that runs has the names that the kernel has.
    let live = apart.ok(&["dumpxml", apart.name()]);
    for name in apart.links() {
        assert!(live.contains(&format!("<target dev='{name}'/>")), "{name}: {live}");
    }
    let (status, said) = apart.device("detach-device", "<interface type='ethernet'/>", &[]);
    assert!(status == 1 && said.contains("has 2 such interfaces"), "{said}");
    apart.detach("<interface type='ethernet'><guest dev='eth0'/></interface>");
    assert!(!apart.sh("ip -br address").contains("10.9.8.7"));
    assert_eq!(apart.links().len(), 1);
    // A new one takes what is free, and nothing that is not.
    apart.attach(ETHERNET);
    assert_eq!(apart.links().len(), 2);
    apart.ok(&["destroy", apart.name()]);
    assert_eq!(apart.links(), [] as [&str; 0]);
}

const MACVLAN: &str =
    "<interface type='direct'><source dev='up0' mode='bridge'/><guest dev='eth7'/></interface>";

#[test]
fn a_macvlan_is_known_by_its_number_and_never_called_detached_where_it_is_not_found() {
    let Some(apart) = Apart::sleeping("") else { return };
    apart.ip("link add up0 type veth peer name up1");
    apart.attach(MACVLAN);
    apart.in_container(&["link", "set", "eth7", "name", "keep0"]);
    // Another one takes its name.
    apart.in_container(&["link", "add", "eth7", "type", "veth", "peer", "name", "decoy1"]);
    apart.detach(MACVLAN);
    let links = apart.in_container(&["-br", "link"]);
    assert!(!links.contains("keep0") && links.contains("eth7"), "{links}");
    apart.in_container(&["link", "del", "eth7"]);
    apart.attach(MACVLAN);
    let mut nested = apart.inside("unshare").args(["--net", "sleep", "600"]).spawn().unwrap();
    let theirs = format!("/proc/{}/ns/net", nested.id());
    let holders = format!("/proc/{}/ns/net", apart.holder.id());
    apart
        .life
        .wait_for("the namespace", || fs::read_link(&theirs).unwrap() != fs::read_link(&holders).unwrap());
    apart.in_container(&["link", "set", "eth7", "netns", &nested.id().to_string()]);
    let (status, said) = apart.device("detach-device", MACVLAN, &[]);
    nested.kill().unwrap();
    nested.wait().unwrap();
    assert!(status == 1 && said.contains("only a restart of the domain ends that"), "{said}");
    assert!(apart.ok(&["dumpxml", apart.name()]).contains("eth7"), "it is not said to be gone");
}

#[test]
fn a_macvlan_of_the_start_is_known_by_its_kind_and_device() {
    if !root() || !merged_usr() {
        return;
    }
    let Some(apart) = Apart::sleeping("") else { return };
    apart.ip("link add up0 type veth peer name up1");
    assert_eq!(apart.device("attach-device", MACVLAN, &["--config"]).0, 0);
    apart.ok(&["destroy", apart.name()]);
    apart.ok(&["start", apart.name()]);
    apart.in_container(&["link", "set", "eth7", "name", "keep0"]);
    apart.in_container(&["link", "add", "eth7", "type", "veth", "peer", "name", "decoy1"]);
    apart.detach(MACVLAN);
    let links = apart.in_container(&["-br", "link"]);
    assert!(!links.contains("keep0") && links.contains("eth7"), "{links}");
}

#[test]
fn a_moved_device_that_does_not_come_back_is_said() {
    let Some(apart) = Apart::sleeping("") else { return };
    apart.ip("link add nic0 type veth peer name nic1");
    let nic =
        "<hostdev mode='capabilities' type='net'><source><interface>nic0</interface></source></hostdev>";
    assert_eq!(apart.device("attach-device", nic, &["--config"]).0, 0);
    apart.ok(&["destroy", apart.name()]);
    apart.ok(&["start", apart.name()]);
    apart.in_container(&["link", "del", "nic0"]);
    apart.ok(&["destroy", apart.name()]);
    let events = apart.ok(&["events", "--past", "--no-follow"]);
    assert!(events.contains("the host's device nic0 is lost"), "{events}");
}

#[test]
fn an_attached_interface_is_bounded_or_not_attached() {
    let Some(apart) = Apart::sleeping("") else { return };
    if apart.inside("tc").arg("-V").output().is_ok_and(|output| !output.status.success()) {
        eprintln!("skipped: tc(8) of iproute2 is not installed");
        return;
    }
    let bounded = |direction: &str| {
        format!("<interface type='ethernet'><bandwidth><{direction} average='1000'/></bandwidth></interface>")
    };
    apart.attach(&bounded("inbound"));
    let qdiscs = || text(&apart.inside("tc").args(["qdisc", "show"]).output().unwrap().stdout);
    assert!(qdiscs().contains("qdisc tbf") && qdiscs().contains("rate 8Mbit"), "{}", qdiscs());
    let (status, said) = apart.device("attach-device", &bounded("outbound"), &[]);
    if status == 0 {
        assert!(qdiscs().contains("qdisc ingress"), "{}", qdiscs());
        assert_eq!(apart.links().len(), 2);
        apart.detach("<interface type='ethernet'><guest dev='eth1'/></interface>");
    } else {
        // A kernel without a policer: the link was there by then, and is no longer.
        assert!(said.contains("limit-outbound:eth1") && said.contains("act_police"), "{said}");
    }
    assert_eq!(apart.links().len(), 1);
    apart.detach(&bounded("inbound"));
    assert!(!qdiscs().contains("tbf"), "{}", qdiscs());
    assert_eq!(apart.links(), [] as [&str; 0]);
}

#[test]
fn what_is_attached_is_there_after_a_reboot() {
    let Some(apart) = Apart::sleeping("<on_reboot>restart</on_reboot>") else { return };
    let source = apart.directory("source");
    fs::write(source.join("file"), "of the host").unwrap();
    apart.attach(ETHERNET);
    apart.attach(&filesystem(&source, "/new/place", ""));
    let links = apart.links();
    apart.ok(&["reboot", apart.name()]);
    assert!(apart.sh("ip -br address; cat /new/place/file").contains("10.9.8.7/24"));
    assert_eq!(apart.links(), links);
    apart.detach(ETHERNET);
    apart.detach(&filesystem(&source, "/new/place", ""));
    assert_eq!(apart.links(), [] as [&str; 0]);
    apart.ok(&["destroy", apart.name()]);
    assert!(!apart.life.case.dir.path().join("root/new").exists());
}

#[test]
fn a_link_goes_with_a_monitor_that_was_killed() {
    let Some(apart) = Apart::sleeping("") else { return };
    apart.attach(ETHERNET);
    support::life::kill(apart.life.monitor(), "-KILL");
    apart.life.wait_for("the end", || apart.run(&["state", apart.name()]).1.contains("crashed"));
    apart.ok(&["start", apart.name()]);
    assert_eq!(apart.links(), [] as [&str; 0]);
}

#[test]
fn a_node_opens_while_it_is_attached_and_no_longer() {
    if !PathBuf::from("/dev/fuse").exists() {
        eprintln!("skipped: this machine has no /dev/fuse");
        return;
    }
    let Some(apart) =
        Apart::with("<privnet/><capabilities policy='default'><mknod state='on'/></capabilities>", "")
    else {
        return;
    };
    let open = "exec 3</dev/fuse && echo open";
    // One of its own making opens nothing.
    let made = "mknod /dev/own c 10 229; exec 3</dev/own && echo open";
    assert!(!apart.sh(made).contains("open\n"), "{}", apart.sh(made));
    apart.attach(FUSE);
    assert_eq!(apart.sh(open), "open\n");
    assert_eq!(apart.sh("stat -c '%F' /dev/fuse"), "character special file\n");
    let memory = apart.sh("mknod /dev/memory c 1 1; head -c 1 /dev/memory");
    assert!(memory.contains("not permitted"), "{memory}");
    apart.detach(FUSE);
    assert!(apart.sh("ls /dev/fuse").contains("No such file"));
    assert!(!apart.sh("exec 3</dev/own && echo open").contains("open\n"));
}

#[test]
fn what_is_attached_to_the_definition_is_there_at_the_next_start() {
    let Some(apart) = Apart::sleeping("") else { return };
    let source = apart.directory("source");
    fs::write(source.join("file"), "of the host").unwrap();
    let device = filesystem(&source, "/mnt", "");
    let (status, said) = apart.device("attach-device", &device, &["--config"]);
    assert_eq!(status, 0, "{said}");
    assert!(apart.sh("cat /mnt/file").contains("No such file"));
    apart.ok(&["destroy", apart.name()]);
    apart.ok(&["start", apart.name()]);
    assert_eq!(apart.sh("cat /mnt/file"), "of the host");
    let (status, said) = apart.device("detach-device", &device, &["--persistent"]);
    assert_eq!(status, 0, "{said}");
    assert!(apart.sh("cat /mnt/file").contains("No such file"));
    assert!(!apart.ok(&["dumpxml", "--inactive", apart.name()]).contains("/mnt"));
    let (status, said) = apart.device("detach-device", &device, &["--persistent"]);
    assert!(status == 1 && said.contains("has no such filesystem"), "{said}");
}

#[rstest]
#[case::unknown(
    "<interface type='bridge'>\n  <sorce bridge='b'/>\n</interface>",
    "device.xml:2:3",
    "did you mean <source>"
)]
#[case::no_bridge(
    "<interface type='bridge'>\n  <source bridge='nosuchbr0'/>\n</interface>",
    "device.xml:2:11",
    "no bridge nosuchbr0"
)]
#[case::no_source(
    "<filesystem type='mount'>\n<source dir='/no/such/dir'/><target dir='/mnt'/></filesystem>",
    "device.xml:2:9",
    "/no/such/dir"
)]
#[case::no_node(
    "<hostdev mode='capabilities' type='misc'>\n<source><char>/etc/passwd</char></source></hostdev>",
    "device.xml",
    "not a character device"
)]
#[case::moved(
    "<hostdev mode='capabilities' type='net'>\n<source><interface>nosuchdev0</interface></source></hostdev>",
    "device.xml:2",
    "nosuchdev0"
)]
#[case::console("<console type='pty'/>", "", "no device that can be attached")]
#[case::two("<disk/><disk/>", "device.xml:1:8", "a second element")]
#[case::nothing("", "device.xml:1:1", "no device in the document")]
fn what_cannot_be_attached_is_refused_with_its_place(
    #[case] device: &str,
    #[case] place: &str,
    #[case] why: &str,
) {
    let Some(apart) = Apart::sleeping("") else { return };
    let before = (apart.ok(&["dumpxml", apart.name()]), apart.record());
    let (status, said) = apart.device("attach-device", device, &[]);
    assert!(status == 1 && said.contains(place) && said.contains(why), "{said}");
    assert_eq!((apart.ok(&["dumpxml", apart.name()]), apart.record()), before);
}

#[test]
fn a_step_that_fails_undoes_those_before_it() {
    let Some(apart) = Apart::sleeping("") else { return };
    // The second address cannot be had: the link was there by then.
    let twice = "<interface type='ethernet'><ip address='10.9.8.7' prefix='24'/>\
        <ip address='10.9.8.7' prefix='24'/></interface>";
    let (status, said) = apart.device("attach-device", twice, &[]);
    assert!(status == 1, "{said}");
    assert_eq!(apart.links(), [] as [&str; 0]);
    assert!(!apart.sh("ip -br link").contains("eth0"));
    // A directory in the place of a file: nothing is made.
    apart.sh("mkdir -p /tmp/there");
    let file = apart.directory("source").join("file");
    fs::write(&file, "").unwrap();
    let (status, said) = apart.device("attach-device", &filesystem(&file, "/tmp/there", ""), &[]);
    assert!(status == 1 && said.contains("device.xml:3:11") && said.contains("is no directory"), "{said}");
    assert!(!apart.record().contains("there"), "{}", apart.record());
}

#[test]
fn what_the_kernel_does_not_allow_is_refused_with_the_reason() {
    let map = "<idmap><uid start='0' target='700000' count='1000'/><gid start='0' target='700000' count='1000'/></idmap>";
    let Some(apart) = Apart::sleeping(map) else { return };
    let (status, said) =
        apart.device("attach-device", &filesystem(&apart.directory("source"), "/mnt", ""), &[]);
    assert!(status == 1 && said.contains("could lift the restrictions"), "{said}");
    // A node is the host's, shown.
    if PathBuf::from("/dev/fuse").exists() {
        apart.attach(FUSE);
        assert!(apart.sh("stat -c '%F' /dev/fuse").contains("character special file"));
        apart.detach(FUSE);
        assert!(apart.sh("ls /dev/fuse").contains("No such file"));
    }
    drop(apart);
    let life = Life::new();
    // Without <privnet/> the network is the host's, which no link is made in here: it is refused before.
    let file = life.case.script(SLEEP);
    let shared = fs::read_to_string(&file).unwrap().replace("<privnet/>", "");
    fs::write(&file, shared).unwrap();
    life.ok(&["create", file.to_str().unwrap()]);
    let device = life.case.dir.path().join("device.xml");
    fs::write(&device, ETHERNET).unwrap();
    let said = life.fails(1, &["attach-device", life.name(), device.to_str().unwrap()]);
    assert!(said.contains("started with the host's network"), "{said}");
}

#[test]
fn attach_of_a_domain_that_does_not_run_changes_its_definition() {
    let life = Life::new();
    life.define("exit 0");
    let device = life.case.dir.path().join("device.xml");
    fs::write(
        &device,
        "<filesystem type='ram'><source usage='64' units='KiB'/><target dir='/mnt'/></filesystem>",
    )
    .unwrap();
    let device = device.to_str().unwrap();
    let said = life.fails(1, &["attach-device", life.name(), device, "--live"]);
    assert!(said.contains("shut off"), "{said}");
    let said = life.ok(&["attach-device", life.name(), device, "--format", "json"]);
    let value: serde_json::Value = serde_json::from_str(&said).unwrap();
    assert_eq!((value["device"].as_str(), value["config"].as_bool()), (Some("filesystem"), Some(true)));
    assert!(life.ok(&["dumpxml", life.name()]).contains("<target dir='/mnt'/>"));
    life.ok(&["detach-device", life.name(), device]);
    assert!(!life.ok(&["dumpxml", life.name()]).contains("<target dir='/mnt'/>"));
}
