//! Interfaces over the lives of a domain: their addresses, the devices that they stand on, and what comes back.
#![allow(unused_results, reason = "commands are built in steps")]

mod support;

use std::fs;
use std::process::Stdio;

use support::apart::Apart;
use support::text;

const SLEEP: &str = "while :; do sleep 1; done";

impl Apart {
    /// A document with these devices, on a root directory of its own; `rest` is added.
    fn file(&self, script: &str, rest: &str, devices: &str) -> String {
        let file = self.life.case.on_root(script, rest, "");
        let whole = fs::read_to_string(&file).unwrap().replace("</devices>", &format!("{devices}</devices>"));
        fs::write(&file, whole).unwrap();
        file.to_str().unwrap().to_owned()
    }

    fn address(&self) -> String {
        self.ok(&["exec", self.name(), "--", "/bin/cat", "/sys/class/net/eth0/address"]).trim().to_owned()
    }
}

const BRIDGED: &str = "<interface type='bridge'><source bridge='br0'/></interface>";

#[test]
fn an_address_that_was_made_is_kept_and_shown() {
    let Some(apart) = Apart::new() else { return };
    apart.ip("link add br0 type bridge");
    let file = apart.file(SLEEP, "<on_reboot>restart</on_reboot>", BRIDGED);
    apart.ok(&["define", &file]);
    let document = apart.ok(&["dumpxml", apart.name()]);
    let made = document.split("<mac address='").nth(1).expect("an address").get(..17).unwrap().to_owned();
    assert!(made.starts_with("52:54:00:"), "{made}");
    for _ in 0..2 {
        apart.ok(&["start", apart.name()]);
        assert_eq!(apart.address(), made);
        let shown = format!("<mac address='{made}'/>");
        for arguments in [&["dumpxml", apart.name()][..], &["dumpxml", "--inactive", apart.name()]] {
            assert!(apart.ok(arguments).contains(&shown), "{arguments:?}");
        }
        apart.ok(&["reboot", apart.name()]);
        assert_eq!(apart.address(), made);
        apart.ok(&["destroy", apart.name()]);
    }
    apart.ok(&["undefine", apart.name()]);
    // Of one that is not defined it is the same as long as it lives.
    apart.ok(&["create", &file]);
    let first = apart.address();
    assert!(apart.ok(&["dumpxml", apart.name()]).contains(&format!("<mac address='{first}'/>")));
    apart.ok(&["reboot", apart.name()]);
    assert_eq!(apart.address(), first);
}

#[test]
fn an_attached_interface_keeps_its_address_when_others_go() {
    let Some(apart) = Apart::new() else { return };
    apart.ip("link add br0 type bridge");
    let file = apart.file(SLEEP, "<on_reboot>restart</on_reboot>", BRIDGED);
    apart.ok(&["define", &file]);
    apart.ok(&["start", apart.name()]);
    let device = apart.life.case.dir.path().join("device.xml");
    fs::write(&device, BRIDGED).unwrap();
    let device = device.to_str().unwrap();
    apart.ok(&["attach-device", apart.name(), device, "--live", "--config"]);
    let addresses = |arguments: &[&str]| -> Vec<String> {
        let shown = apart.ok(arguments);
        let parts = shown.split("<mac address='").skip(1);
        parts.map(|part| part[..17].to_owned()).collect()
    };
    let live = addresses(&["dumpxml", apart.name()]);
    assert!(live.len() == 2 && live[0] != live[1], "{live:?}");
    assert_eq!(addresses(&["dumpxml", "--inactive", apart.name()]), live);
    fs::write(device, BRIDGED.replace("</interface>", &format!("<mac address='{}'/></interface>", live[0])))
        .unwrap();
    apart.ok(&["detach-device", apart.name(), device, "--live"]);
    apart.ok(&["reboot", apart.name()]);
    let shown = apart.ok(&["exec", apart.name(), "--", "/bin/sh", "-c", "cat /sys/class/net/eth*/address"]);
    assert_eq!(shown.trim(), live[1]);
}

#[test]
fn a_macvlan_with_an_address_comes_up_again_after_every_reboot_and_crash() {
    let Some(apart) = Apart::new() else { return };
    apart.ip("link add up0 type veth peer name up1");
    apart.ip("link set up0 up");
    let direct = "<interface type='direct'><source dev='up0' mode='passthrough'/></interface>";
    for devices in [
        direct.replace("passthrough", "bridge").replace("</i", "<mac address='52:54:00:0a:0b:0c'/></i"),
        direct.to_owned(),
    ] {
        let rest = "<on_reboot>restart</on_reboot><on_crash>restart</on_crash>";
        apart.ok(&["define", &apart.file(SLEEP, rest, &devices)]);
        apart.ok(&["start", apart.name()]);
        for _ in 0..5 {
            let restarts = apart.life.info()["restarts"].as_u64().unwrap();
            apart.ok(&["reboot", apart.name()]);
            assert_eq!(apart.life.info()["restarts"], restarts + 1);
            apart.address();
        }
        for _ in 0..10 {
            apart.ok(&["destroy", apart.name()]);
            apart.ok(&["start", apart.name()]);
        }
        apart.ok(&["destroy", apart.name()]);
        apart.ok(&["undefine", apart.name()]);
    }
}

#[test]
fn run_fails_where_a_device_comes_back_under_another_name() {
    let Some(apart) = Apart::new() else { return };
    apart.ip("link add nic0 type veth peer name nic1");
    let moved =
        "<hostdev mode='capabilities' type='net'><source><interface>nic0</interface></source></hostdev>";
    let file = apart.file("echo ready; read line", "", moved);
    let mut command = apart.inside(support::BROWNDOG);
    command.arg("--root").arg(apart.life.root()).args(["run", &file]);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut running = command.spawn().unwrap();
    let mut ready = [0; 6];
    std::io::Read::read_exact(running.stdout.as_mut().unwrap(), &mut ready).unwrap();
    apart.ip("link add nic0 type bridge");
    drop(running.stdin.take());
    let output = running.wait_with_output().unwrap();
    let said = text(&output.stderr);
    assert!(said.contains("nic0 came back as nic0-1"), "{said}");
    assert!(apart.ip("-o link show nic0-1").contains("nic0-1@nic1"));
    // The init ended with the status of read at the end of input: 1 stays what it is.
    assert_eq!(output.status.code(), Some(1));
    apart.ip("link del nic0");
    apart.ip("link set nic0-1 name nic0");
    let file = apart.file("echo ready; read line; exit 0", "", moved);
    let mut command = apart.inside(support::BROWNDOG);
    command.arg("--root").arg(apart.life.root()).args(["run", &file]);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut running = command.spawn().unwrap();
    std::io::Read::read_exact(running.stdout.as_mut().unwrap(), &mut ready).unwrap();
    apart.ip("link add nic0 type bridge");
    drop(running.stdin.take());
    assert_eq!(running.wait_with_output().unwrap().status.code(), Some(125));
}
