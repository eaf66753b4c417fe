//! Links that are made again and again, on bridges and devices of any MTU, and devices that come home; settings of an
//! own network.

mod common;

use std::process::{Child, Command, Stdio};
use std::time::Duration;

use browndog_runtime::exec::Ended;
use browndog_xml::domain::Domain;
use common::network::{inside, ip, ip_in, right, said, start, try_start};
use common::{HostState, until};
use rstest::rstest;

const PRIVATE: &str = "<features><privnet/></features>";

/// A domain that sleeps until it is dropped.
fn sleeping(devices: &str) -> Domain {
    common::domain(&common::scripted(PRIVATE, "", devices, "exec sleep 600"))
}

/// A process in a network namespace of its own, ended when dropped.
struct Apart(Child);

impl Apart {
    fn new() -> Self {
        let child = Command::new("unshare").args(["--net", "sleep", "600"]).stdin(Stdio::null()).spawn();
        let apart = Self(child.expect("unshare(1)"));
        let own = std::fs::read_link("/proc/thread-self/ns/net").expect("a namespace");
        let theirs = format!("/proc/{}/ns/net", apart.0.id());
        let there = until(|| std::fs::read_link(&theirs), |net| net.as_ref().is_ok_and(|net| *net != own));
        assert!(there.is_ok_and(|net| net != own), "it has a network of its own");
        apart
    }

    fn pid(&self) -> u32 {
        self.0.id()
    }
}

impl Drop for Apart {
    fn drop(&mut self) {
        let _killed = self.0.kill();
        let _ended = self.0.wait();
    }
}

fn direct(mode: &str, mac: &str) -> String {
    format!("<interface type='direct'><source dev='up0' mode='{mode}'/>{mac}</interface>")
}

const MAC: &str = "<mac address='52:54:00:0a:0b:0c'/>";

#[rstest]
#[case::bridge("bridge", MAC)]
#[case::vepa("vepa", MAC)]
#[case::passthrough("passthrough", "")]
#[case::passthrough_with_an_address("passthrough", MAC)]
fn a_macvlan_is_made_again_right_after_its_end_a_hundred_times(#[case] mode: &str, #[case] mac: &str) {
    let Some(_right) = right() else { return };
    let _made = ip("link add up0 type veth peer name up1");
    let _up = ip("link set up0 up");
    let before = (HostState::now(), ip("-o link show up0"));
    let domain = sleeping(&direct(mode, mac));
    for turn in 0..100 {
        let running = try_start(&domain).unwrap_or_else(|error| panic!("start {turn}: {}", said(&error)));
        if !mac.is_empty() && turn == 0 {
            assert!(ip_in(&running, "-o link show eth0").contains("52:54:00:0a:0b:0c"));
        }
        assert_eq!(running.clean_up(), Vec::<String>::new());
    }
    assert_eq!((HostState::now(), ip("-o link show up0")), before);
}

#[test]
fn a_macvlan_that_was_renamed_inside_goes_and_another_link_of_its_name_stays() {
    let Some(_right) = right() else { return };
    let _made = ip("link add up0 type veth peer name up1");
    let _up = ip("link set up0 up");
    let domain = sleeping(&direct("passthrough", ""));
    let running = start(&domain);
    let _down = ip_in(&running, "link set eth0 down");
    let _renamed = ip_in(&running, "link set eth0 name other");
    let _new = ip_in(&running, "link add eth0 type bridge");
    assert_eq!(running.clean_up(), Vec::<String>::new());
    // One that the container has deleted is nothing to complain of.
    let running = start(&domain);
    let _gone = ip_in(&running, "link del eth0");
    assert_eq!(running.clean_up(), Vec::<String>::new());
}

#[rstest]
#[case::address("bridge", "bridge")]
#[case::passed_through("passthrough", "bridge")]
#[case::to_be_passed_through("bridge", "passthrough")]
fn a_start_waits_for_what_is_about_to_go_and_not_for_ever(#[case] there: &str, #[case] mode: &str) {
    let Some(_right) = right() else { return };
    let _made = ip("link add up0 type veth peer name up1");
    let _up = ip("link set up0 up");
    let apart = Apart::new();
    let mode_of = if there == "passthrough" { "passthru" } else { there };
    let _made = ip(&format!(
        "link add link up0 name held address 52:54:00:0a:0b:0c netns {} type macvlan mode {mode_of}",
        apart.pid()
    ));
    let _up = inside(apart.pid(), "link set held up");
    let domain = sleeping(&direct(mode, MAC));
    let error = said(&try_start(&domain).expect_err("it stays"));
    assert!(error.contains("add-interface:eth0") && error.contains("3 s"), "{error}");
    let soon = std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(500));
        inside(apart.pid(), "link del held")
    });
    drop(start(&domain));
    let _gone = soon.join().expect("it was deleted");
}

#[test]
fn a_port_of_a_bridge_is_not_waited_for() {
    let Some(_right) = right() else { return };
    let _made = ip("link add br0 type bridge");
    let _made = ip("link add up0 type veth peer name up1");
    let _port = ip("link set up0 master br0");
    let error = said(&try_start(&sleeping(&direct("bridge", MAC))).expect_err("it is a bridge's"));
    assert!(error.contains("EBUSY") && error.contains("a bridge's port"), "{error}");
}

#[rstest]
#[case::small(1400, None, 1400)]
#[case::usual(1500, None, 1500)]
#[case::jumbo(9000, None, 9000)]
#[case::written_smaller(9000, Some(1400), 1400)]
#[case::written_larger(1400, Some(9000), 9000)]
fn a_link_has_the_mtu_of_its_bridge_and_the_bridge_keeps_it(
    #[case] bridge: u32,
    #[case] written: Option<u32>,
    #[case] expected: u32,
) {
    let Some(_right) = right() else { return };
    // As bridges usually get theirs: from a port.
    let _made = ip("link add br0 type bridge");
    let _made = ip(&format!("link add up0 mtu {bridge} type veth peer name up1"));
    let _port = ip("link set up0 master br0 up");
    let _up = ip("link set br0 up");
    let has = |text: &str, mtu: u32| text.contains(&format!(" mtu {mtu} "));
    assert!(has(&ip("-o link show br0"), bridge), "{}", ip("-o link show br0"));
    let mtu = written.map(|mtu| format!("<mtu size='{mtu}'/>")).unwrap_or_default();
    let domain = sleeping(&format!(
        "<interface type='bridge'><source bridge='br0'/><target dev='end0'/>{mtu}</interface>"
    ));
    let running = start(&domain);
    assert!(has(&ip_in(&running, "-o link show eth0"), expected), "{}", ip_in(&running, "-o link show eth0"));
    assert!(has(&ip("-o link show end0"), bridge), "{}", ip("-o link show end0"));
    assert!(has(&ip("-o link show br0"), bridge), "{}", ip("-o link show br0"));
    drop(running);
    assert!(has(&ip("-o link show br0"), bridge), "{}", ip("-o link show br0"));
}

#[test]
fn an_empty_bridge_keeps_its_mtu() {
    let Some(_right) = right() else { return };
    let _made = ip("link add br0 type bridge");
    let domain = sleeping("<interface type='bridge'><source bridge='br0'/><mtu size='9000'/></interface>");
    let running = start(&domain);
    assert!(ip("-o link show br0").contains(" mtu 1500 "));
    drop(running);
}

#[rstest]
#[case::loopback("lo", "", "carries no Ethernet")]
#[case::mtu("up0", "<mtu size='9000'/>", "more than the 1500 of up0")]
fn a_macvlan_that_the_kernel_would_refuse_is_refused_before(
    #[case] dev: &str,
    #[case] more: &str,
    #[case] why: &str,
) {
    let Some(_right) = right() else { return };
    let _made = ip("link add up0 type veth peer name up1");
    let devices = format!("<interface type='direct'><source dev='{dev}' mode='bridge'/>{more}</interface>");
    let error = said(&try_start(&sleeping(&devices)).expect_err("it is refused"));
    assert!(error.contains(why), "{error}");
}

#[test]
fn an_address_that_nobody_wrote_is_the_same_at_every_start() {
    let Some(_right) = right() else { return };
    let mut domain = sleeping("<interface type='ethernet'/><interface type='ethernet'/>");
    let other = common::domain(
        &common::document(PRIVATE, "", "")
            .replace("<name>", "<uuid>c7a5fdbd-edaf-9455-926a-d65c16db1809</uuid><name>"),
    );
    domain.uuid = other.uuid;
    let addresses = || {
        let running = start(&domain);
        let shown = ["eth0", "eth1"].map(|name| ip_in(&running, &format!("-o link show {name}")));
        shown.map(|text| text.split("link/ether ").nth(1).unwrap_or("").get(..17).unwrap_or("").to_owned())
    };
    let first = addresses();
    assert_eq!(first, addresses());
    assert!(first.iter().all(|mac| mac.starts_with("52:54:00:")) && first[0] != first[1], "{first:?}");
}

#[test]
fn a_gateway_outside_of_the_links_network_is_answered_with_the_way_to_it() {
    let Some(_right) = right() else { return };
    let link = |peer: &str| {
        sleeping(&format!(
            "<interface type='ethernet'><ip address='192.0.2.2' prefix='32'{peer}/>\
             <route address='0.0.0.0' gateway='192.0.2.1'/></interface>"
        ))
    };
    let error = said(&try_start(&link("")).expect_err("no way to the gateway"));
    assert!(error.contains("ENETUNREACH") && error.contains("peer='GATEWAY'"), "{error}");
    let running = start(&link(" peer='192.0.2.1'"));
    assert!(ip_in(&running, "route").contains("default via 192.0.2.1 dev eth0"));
}

fn taking(device: &str) -> Domain {
    sleeping(&format!(
        "<hostdev mode='capabilities' type='net'><source><interface>{device}</interface></source></hostdev>"
    ))
}

#[test]
fn a_device_whose_name_was_taken_comes_back_under_another_and_says_which() {
    let Some(_right) = right() else { return };
    let _made = ip("link add nic0 type veth peer name nic1");
    let _up = ip("link set nic0 up");
    let running = start(&taking("nic0"));
    let _down = ip_in(&running, "link set nic0 down");
    let _renamed = ip_in(&running, "link set nic0 name wan0");
    let _taken = ip("link add nic0 type bridge");
    let _taken = ip("link add nic0-1 type bridge");
    let left = running.clean_up();
    assert_eq!(left.len(), 1, "{left:?}");
    assert!(left[0].contains("nic0 came back as nic0-2"), "{left:?}");
    assert!(ip("-o link show nic0-2").contains("nic0-2@nic1"));
    assert!(ip("-o link show nic0-2").contains(",UP"), "it is up again");
}

#[test]
fn a_device_that_is_named_by_another_name_of_its_own_comes_back_under_its_own() {
    let Some(_right) = right() else { return };
    let _made = ip("link add nic0 type veth peer name nic1");
    let _named = ip("link property add dev nic0 altname another-name");
    let before = HostState::now();
    let running = start(&taking("another-name"));
    assert!(ip_in(&running, "-o link show nic0").contains("nic0@"));
    assert_eq!(running.clean_up(), Vec::<String>::new());
    assert_eq!(HostState::now(), before);
    assert!(ip("-o link show another-name").contains("nic0@nic1"), "it keeps its other names");
}

#[test]
fn names_that_root_inside_gives_do_not_keep_a_device_away() {
    let Some(_right) = right() else { return };
    let _made = ip("link add nic0 type veth peer name nic1");
    let before = HostState::now();
    let running = start(&taking("nic0"));
    let _down = ip_in(&running, "link set nic0 down");
    let _renamed = ip_in(&running, "link set nic0 name wan0");
    // Its own name is another link's in there, and the names that it has are others' on the host.
    let _taken = ip_in(&running, "link add nic0 type bridge");
    let _named = ip_in(&running, "link property add dev wan0 altname nic1");
    assert_eq!(running.clean_up(), Vec::<String>::new());
    assert_eq!(HostState::now(), before);
    let running = start(&taking("nic0"));
    let _down = ip_in(&running, "link set nic0 down");
    let _renamed = ip_in(&running, "link set nic0 name wan0");
    let _named = ip_in(&running, "link property add dev wan0 altname nic0");
    assert_eq!(running.clean_up(), Vec::<String>::new());
    assert_eq!(HostState::now(), before);
}

/// The status of a script in a container with a network of its own and these features.
fn status_of(features: &str, rest: &str, script: &str) -> Result<Ended, nix::errno::Errno> {
    let script = script.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    start(&common::domain(&common::scripted(features, rest, "", &script))).wait()
}

const NET_ADMIN: &str =
    "<features><privnet/><capabilities policy='default'><net_admin state='on'/></capabilities></features>";
const ALLOW: &str = "<features><privnet/><capabilities policy='allow'/></features>";
const IDMAP: &str = "<idmap><uid start='0' target='100000' count='65536'/><gid start='0' target='100000' count='65536'/></idmap>";

#[rstest]
#[case::added(NET_ADMIN, "")]
#[case::allowed(ALLOW, "")]
#[case::mapped(NET_ADMIN, IDMAP)]
fn settings_of_an_own_network_are_written_by_who_may_and_nothing_else_is(
    #[case] features: &str,
    #[case] rest: &str,
) {
    let Some(_right) = right() else { return };
    let host = std::fs::read_to_string("/proc/sys/net/ipv4/ip_forward").expect("a setting");
    let script = "echo 1 > /proc/sys/net/ipv4/ip_forward || exit 2
        test $(cat /proc/sys/net/ipv4/ip_forward) = 1 || exit 3
        echo 1 > /proc/sys/net/ipv6/conf/all/forwarding || exit 4
        for file in $(find /proc/sys -path /proc/sys/net -prune -o -type f -print); do
          if ( : >> $file ) 2> /dev/null; then echo $file; exit 5; fi
        done
        test ! -w /proc/sys/kernel/core_pattern || exit 6";
    assert_eq!(status_of(features, rest, script), Ok(Ended::Exited(0)));
    assert_eq!(std::fs::read_to_string("/proc/sys/net/ipv4/ip_forward").expect("a setting"), host);
}

#[test]
fn settings_of_a_network_stay_read_only_without_the_right_to_change_it() {
    let Some(_right) = right() else { return };
    let script = "if ( echo 1 > /proc/sys/net/ipv4/ip_forward ) 2> /dev/null; then exit 2; fi";
    assert_eq!(status_of(PRIVATE, "", script), Ok(Ended::Exited(0)));
    let shared = NET_ADMIN.replace("<privnet/>", "");
    assert_eq!(status_of(&shared, "", script), Ok(Ended::Exited(0)), "the host's network");
}
