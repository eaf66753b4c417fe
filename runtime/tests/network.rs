//! The links of running containers, seen by iproute2 from outside and by the kernel's tables.

mod common;

use std::collections::HashSet;
use std::process::Command;

use browndog_runtime::exec;
use browndog_xml::domain::{
    Address, Bandwidth, Domain, Hostdev, HostdevKind, Interface, InterfaceKind, MacvlanMode, Origin, Route,
    Sourced,
};
use browndog_xml::value::{InterfaceName, MacAddr};
use common::network::{ip, ip_in, right, run, said, start, try_start};
use common::{HostState, until};
use rstest::rstest;

const TEST: Origin = Origin::Default("a test");

fn sourced<T>(value: T) -> Sourced<T> {
    Sourced { value, origin: TEST }
}

fn name(text: &str) -> Sourced<InterfaceName> {
    sourced(InterfaceName::parse(text).expect("a name"))
}

fn address(text: &str, prefix: u8) -> Address {
    Address { origin: TEST, address: text.parse().expect("an address"), prefix, peer: None }
}

fn route(destination: &str, prefix: u8, gateway: &str, metric: Option<u32>) -> Route {
    let parse = |text: &str| text.parse().expect("an address");
    Route { origin: TEST, destination: parse(destination), prefix, gateway: parse(gateway), metric }
}

fn interface(kind: InterfaceKind) -> Interface {
    Interface {
        origin: TEST,
        kind,
        mac: None,
        host_name: None,
        guest_name: None,
        addresses: Vec::new(),
        routes: Vec::new(),
        link_up: sourced(true),
        mtu: None,
        port_isolated: None,
        inbound: None,
        outbound: None,
    }
}

fn ethernet() -> Interface {
    interface(InterfaceKind::Ethernet { host_addresses: Vec::new(), host_routes: Vec::new() })
}

fn bridge(bridge: &str) -> Interface {
    interface(InterfaceKind::Bridge(name(bridge)))
}

/// A domain that sleeps until it is dropped.
fn domain(interfaces: Vec<Interface>) -> Domain {
    let xml = common::document("<features><privnet/></features>", "", "")
        .replace("/bin/true", "/bin/sleep")
        .replace("</init>", "</init><initarg>600</initarg>");
    Domain { interfaces, ..common::domain(&xml) }
}

fn moved(device: &str, addresses: Vec<Address>, routes: Vec<Route>) -> Hostdev {
    Hostdev { origin: TEST, kind: HostdevKind::Net { interface: name(device), addresses, routes } }
}

fn try_ip(args: &str) -> bool {
    Command::new("ip").args(args.split(' ')).output().is_ok_and(|output| output.status.success())
}

#[test]
fn a_bridged_interface_is_named_addressed_routed_and_joined() {
    let Some(_right) = right() else { return };
    let _made = ip("link add br0 type bridge");
    let _up = ip("link set br0 up");
    let before = HostState::now();
    let mut lan = bridge("br0");
    lan.mac = Some(sourced(MacAddr::parse("52:54:00:12:34:56").expect("a MAC")));
    lan.guest_name = Some(name("lan0"));
    lan.addresses = vec![address("10.9.0.2", 24), address("fd09::2", 64)];
    lan.routes = vec![
        route("0.0.0.0", 0, "10.9.0.1", None),
        route("10.10.0.0", 16, "10.9.0.3", Some(77)),
        route("::", 0, "fd09::1", None),
    ];
    lan.mtu = Some(sourced(1400));
    lan.port_isolated = Some(sourced(true));
    let running = start(&domain(vec![lan]));
    // The kernel tells of a carrier on a queue of its own.
    let link = until(|| ip_in(&running, "-o link show lan0"), |link| link.contains("state UP"));
    assert!(link.contains("mtu 1400") && link.contains("state UP"), "{link}");
    assert!(link.contains("link/ether 52:54:00:12:34:56"), "{link}");
    let addresses = ip_in(&running, "-o addr show lan0");
    assert!(addresses.contains("inet 10.9.0.2/24 brd 10.9.0.255"), "{addresses}");
    assert!(addresses.contains("inet6 fd09::2/64 scope global"), "{addresses}");
    let routes = ip_in(&running, "route");
    assert!(routes.contains("default via 10.9.0.1 dev lan0"), "{routes}");
    assert!(
        routes.contains("10.10.0.0/16 via 10.9.0.3 dev lan0") && routes.contains("metric 77"),
        "{routes}"
    );
    assert!(ip_in(&running, "-6 route").contains("default via fd09::1 dev lan0"));
    assert!(ip_in(&running, "-o link show lo").contains("LOOPBACK,UP"));
    let port = ip("-d -o link show type veth");
    // Its MTU is the bridge's, which would take the smallest of its ports.
    assert!(
        port.contains("master br0") && port.contains("isolated on") && port.contains("mtu 1500"),
        "{port}"
    );
    assert_eq!(running.clean_up(), Vec::<String>::new());
    assert_eq!(HostState::now(), before);
}

#[test]
fn an_ethernet_interface_addresses_both_ends_and_packets_pass() {
    let Some(_right) = right() else { return };
    let before = HostState::now();
    let mut point = interface(InterfaceKind::Ethernet {
        host_addresses: vec![Address {
            peer: Some("10.8.0.2".parse().expect("an address")),
            ..address("10.8.0.1", 32)
        }],
        host_routes: vec![route("10.99.0.0", 24, "10.8.0.2", Some(5))],
    });
    point.host_name = Some(name("tohost"));
    point.addresses =
        vec![Address { peer: Some("10.8.0.1".parse().expect("an address")), ..address("10.8.0.2", 32) }];
    let running = start(&domain(vec![point]));
    assert!(ip("-o addr show tohost").contains("inet 10.8.0.1 peer 10.8.0.2/32"));
    assert!(ip("route").contains("10.99.0.0/24 via 10.8.0.2 dev tohost"), "{}", ip("route"));
    assert!(ip_in(&running, "-o addr show eth0").contains("inet 10.8.0.2 peer 10.8.0.1/32"));
    drop(answered("10.8.0.1:0", "10.8.0.2:9"));
    drop(running);
    assert_eq!(HostState::now(), before);
}

/// Bytes per second, and bytes of a burst.
fn bandwidth(average: u64, peak: Option<u64>, burst: Option<u64>) -> Option<Bandwidth> {
    Some(Bandwidth { origin: TEST, average, peak, burst })
}

/// A link between 10.8.0.1 on the host, `tohost`, and 10.8.0.2 inside.
fn point_to_point() -> Interface {
    let end = |address_: &str, peer: &str| Address {
        peer: Some(peer.parse().expect("an address")),
        ..address(address_, 32)
    };
    let host_addresses = vec![end("10.8.0.1", "10.8.0.2")];
    Interface {
        host_name: Some(name("tohost")),
        addresses: vec![end("10.8.0.2", "10.8.0.1")],
        ..interface(InterfaceKind::Ethernet { host_addresses, host_routes: Vec::new() })
    }
}

/// What tc(8) says, as JSON.
fn tc(args: &str) -> serde_json::Value {
    let said = run("tc", &args.split(' ').collect::<Vec<_>>());
    serde_json::from_str(&said).unwrap_or_else(|error| panic!("{error}: {said}"))
}

/// A socket of the address `from` that an answer from `to` came to: a datagram to a closed port comes back as an
/// error. As long as the kernel has not told the carrier, which it does on a queue of its own, links lose them.
fn answered(from: &str, to: &str) -> std::net::UdpSocket {
    use std::io::ErrorKind::ConnectionRefused;
    let socket = std::net::UdpSocket::bind(from).expect("an address");
    socket.set_read_timeout(Some(std::time::Duration::from_secs(1))).expect("a timeout");
    socket.connect(to).expect("a route");
    let ask = || {
        let sent = socket.send(b"x");
        sent.and_then(|_| socket.recv(&mut [0; 8])).expect_err("the port is closed").kind()
    };
    assert_eq!(until(ask, |answer| *answer == ConnectionRefused), ConnectionRefused);
    socket
}

/// Sends 400 datagrams of 1400 bytes from `from` to `to`, after one that an answer came to.
fn flood(from: &str, to: &str) {
    let socket = answered(from, to);
    for _ in 0..400 {
        // What the other end answers, or a full queue, is an error of the next call.
        ignore(socket.send(&[0; 1400]));
    }
}

fn ignore<T>(_: T) {}

#[test]
fn what_a_container_gets_is_shaped_at_the_hosts_end() {
    let Some(_right) = right() else { return };
    let before = HostState::now();
    let slow = Interface { inbound: bandwidth(1_000, Some(2_000), Some(70_000)), ..point_to_point() };
    let running = start(&domain(vec![slow]));
    let shown = tc("-j -s qdisc show dev tohost");
    let bucket = &shown[0];
    assert_eq!((&bucket["kind"], &bucket["root"]), (&"tbf".into(), &true.into()), "{shown}");
    let options = &bucket["options"];
    assert_eq!(options["rate"], 1_000, "{shown}");
    let words = run("tc", &["qdisc", "show", "dev", "tohost"]);
    assert!(words.contains("rate 8Kbit") && words.contains("peakrate 16Kbit"), "{words}");
    // As tc(8) works it out from the time that the kernel says it takes.
    let burst = options["burst"].as_u64().expect("a number");
    assert!(burst.abs_diff(70_000) < 100, "{shown}");
    assert!(tc("-j qdisc show dev tohost ingress").as_array().is_some_and(Vec::is_empty), "only one way");
    flood("10.8.0.1:0", "10.8.0.2:9");
    let shown = tc("-j -s qdisc show dev tohost");
    let number = |name: &str| shown[0][name].as_u64().expect("a number");
    assert!(number("drops") > 0 && number("overlimits") > 0, "{shown}");
    assert!(number("bytes") < 400 * 1_400 / 2, "{shown}");
    drop(running);
    assert_eq!(HostState::now(), before);
}

/// The kernel tells rates of more than 32 bits in another way.
#[test]
fn a_bound_of_many_gigabytes_a_second_is_read_back_as_it_was_set() {
    let Some(_right) = right() else { return };
    let wide = Interface { inbound: bandwidth(1 << 33, Some(1 << 34), None), ..point_to_point() };
    let _running = start(&domain(vec![wide]));
    let shown = tc("-j qdisc show dev tohost");
    assert_eq!(shown[0]["options"]["rate"], 1_u64 << 33, "{shown}");
}

/// Whether this kernel has what drops what a container sends too much of.
fn has_policer() -> bool {
    let tc = |args: &str| Command::new("tc").args(args.split(' ')).output();
    let _made = tc("qdisc add dev lo ingress").expect("tc(8)");
    let filter = "filter add dev lo parent ffff: protocol all u32 match u32 0 0 police rate 1mbps burst 1mb drop flowid :1";
    let made = tc(filter).is_ok_and(|output| output.status.success());
    let _gone = tc("qdisc del dev lo ingress").expect("tc(8)");
    made
}

#[test]
fn what_a_container_sends_is_policed_at_the_hosts_end_or_the_start_is_refused() {
    let Some(_right) = right() else { return };
    let before = HostState::now();
    let slow = Interface { outbound: bandwidth(1_000, Some(2_000), Some(70_000)), ..point_to_point() };
    let started = try_start(&domain(vec![slow]));
    if !has_policer() {
        let error = said(&started.expect_err("nothing bounds it"));
        assert!(error.contains("limit-outbound:eth0") && error.contains("ENOENT"), "{error}");
        assert_eq!(HostState::now(), before);
        eprintln!("skipped: this kernel has no act_police, so only the refusal was seen");
        return;
    }
    let running = started.unwrap_or_else(|error| panic!("{}", said(&error)));
    let filters = run("tc", &["-s", "filter", "show", "dev", "tohost", "ingress"]);
    assert!(filters.contains("rate 8Kbit") && filters.contains("peakrate 16Kbit"), "{filters}");
    assert!(filters.contains("action drop"), "{filters}");
    let pid = running.pid.to_string();
    let there = std::fs::File::open(format!("/proc/{pid}/ns/net")).expect("its network");
    let sender = std::thread::spawn(move || {
        use std::os::fd::AsRawFd;
        let entered = browndog_runtime::sys::setns(there.as_raw_fd(), nix::libc::CLONE_NEWNET);
        assert_eq!(entered, Ok(0));
        flood("10.8.0.2:0", "10.8.0.1:9");
    });
    sender.join().expect("it has sent");
    let filters = run("tc", &["-s", "filter", "show", "dev", "tohost", "ingress"]);
    let dropped =
        filters.split("dropped ").nth(1).and_then(|rest| rest.split(',').next()?.parse::<u32>().ok());
    assert!(dropped.is_some_and(|dropped| dropped > 100), "{filters}");
    drop(running);
    assert_eq!(HostState::now(), before);
}

#[rstest]
#[case(MacvlanMode::Vepa, "vepa")]
#[case(MacvlanMode::Private, "private")]
#[case(MacvlanMode::Bridge, "bridge")]
#[case(MacvlanMode::Passthrough, "passthru")]
fn a_direct_interface_is_a_macvlan_of_its_mode(#[case] mode: MacvlanMode, #[case] shown: &str) {
    let Some(_right) = right() else { return };
    let _made = ip("link add up0 type veth peer name up1");
    let _up = ip("link set up0 up");
    let before = HostState::now();
    let mut lan = interface(InterfaceKind::Direct { dev: name("up0"), mode: sourced(mode) });
    lan.addresses = vec![address("10.7.0.2", 24)];
    let running = start(&domain(vec![lan]));
    let link = ip_in(&running, "-d -o link show eth0");
    assert!(link.contains(&format!("macvlan mode {shown}")), "{link}");
    assert!(ip_in(&running, "-o addr show eth0").contains("inet 10.7.0.2/24"));
    assert!(!try_ip("link show eth0"), "nothing of a macvlan is on the host");
    drop(running);
    assert_eq!(HostState::now(), before);
}

#[test]
fn a_device_of_the_host_moves_in_and_comes_back_also_when_renamed_inside() {
    let Some(_right) = right() else { return };
    let _made = ip("link add nic0 type veth peer name nic1");
    let _up = ip("link set nic0 up");
    let before = HostState::now();
    let mut domain = domain(Vec::new());
    domain.hostdevs =
        vec![moved("nic0", vec![address("10.6.0.2", 24)], vec![route("0.0.0.0", 0, "10.6.0.1", None)])];
    let _up = ip("link set nic1 up");
    let running = start(&domain);
    assert!(!try_ip("link show nic0"), "it is not on the host");
    assert!(ip_in(&running, "-o addr show nic0").contains("inet 10.6.0.2/24"));
    assert!(ip_in(&running, "route").contains("default via 10.6.0.1 dev nic0"));
    let _down = ip_in(&running, "link set nic0 down");
    let _renamed = ip_in(&running, "link set nic0 name other");
    drop(running);
    assert_eq!(HostState::now(), before);
    assert!(ip("-o link show nic0").contains(",UP"), "it is up again");
}

#[test]
fn a_device_comes_back_from_a_container_that_ends_by_itself_and_from_a_failed_start() {
    let Some(_right) = right() else { return };
    let _made = ip("link add nic0 type veth peer name nic1");
    let before = HostState::now();
    let mut domain = domain(Vec::new());
    domain.hostdevs = vec![moved("nic0", Vec::new(), Vec::new())];
    domain.init.commands[0].args[0].value = "0".to_owned();
    let mut running = start(&domain);
    assert_eq!(running.wait(), Ok(exec::Ended::Exited(0)));
    assert_eq!(running.clean_up(), Vec::<String>::new());
    assert_eq!(HostState::now(), before);
    domain.hostdevs = vec![moved("nic0", Vec::new(), vec![route("10.0.0.0", 8, "192.0.2.1", None)])];
    let error = said(&try_start(&domain).expect_err("no such gateway"));
    assert!(error.contains("move-interface:nic0") && error.contains("ENETUNREACH"), "{error}");
    assert_eq!(HostState::now(), before);
}

#[test]
fn a_link_that_is_to_be_down_is_down() {
    let Some(_right) = right() else { return };
    let mut link = ethernet();
    link.link_up = sourced(false);
    let running = start(&domain(vec![link]));
    assert!(!ip_in(&running, "-o link show eth0").contains(",UP"));
}

#[test]
fn unnamed_interfaces_are_counted_past_the_names_that_are_taken() {
    let Some(_right) = right() else { return };
    let named = Interface { guest_name: Some(name("eth0")), ..ethernet() };
    let before = HostState::now();
    let running = start(&domain(vec![ethernet(), named, ethernet()]));
    let links = ip_in(&running, "-o link");
    for name in ["eth0", "eth1", "eth2"] {
        assert!(links.contains(&format!(": {name}@")), "{links}");
    }
    drop(running);
    assert_eq!(HostState::now(), before);
}

#[test]
fn a_start_that_fails_half_way_through_a_link_leaves_none() {
    let Some(_right) = right() else { return };
    let before = HostState::now();
    let mut unreachable = ethernet();
    unreachable.routes = vec![route("0.0.0.0", 0, "192.0.2.1", None)];
    let error = said(&try_start(&domain(vec![ethernet(), unreachable])).expect_err("no such gateway"));
    assert!(error.contains("add-interface:eth1") && error.contains("ENETUNREACH"), "{error}");
    assert_eq!(HostState::now(), before);
}

#[rstest]
#[case::bridge(bridge("nobridge0"), "this host has no bridge nobridge0")]
#[case::no_bridge(bridge("lo"), "lo is not a bridge")]
#[case::device(
    interface(InterfaceKind::Direct { dev: name("nodev0"), mode: sourced(MacvlanMode::Bridge) }),
    "this host has no network device nodev0"
)]
#[case::network(interface(InterfaceKind::Network(sourced("nonet".to_owned()))), "no network 'nonet' can be used")]
#[case::taken(Interface { host_name: Some(name("lo")), ..ethernet() }, "the host has a link lo already")]
#[case::loopback(Interface { guest_name: Some(name("lo")), ..ethernet() }, "two links of the container have the name lo")]
#[case::isolated(
    Interface { port_isolated: Some(sourced(true)), ..ethernet() },
    "only a port of a bridge can be isolated"
)]
#[case::bandwidth(
    Interface {
        inbound: bandwidth(1_000, None, None),
        ..interface(InterfaceKind::Direct { dev: name("lo"), mode: sourced(MacvlanMode::Bridge) })
    },
    "a macvlan has no end on the host"
)]
#[case::burst(Interface { outbound: bandwidth(1_000, None, Some(1 << 20)), ..ethernet() }, "takes 1048 s")]
fn what_the_host_has_not_is_refused_before_the_clone(#[case] interface: Interface, #[case] reason: &str) {
    let Some(_right) = right() else { return };
    let error = said(&try_start(&domain(vec![interface])).expect_err("it is refused"));
    assert!(error.contains(reason), "{error}");
}

#[test]
fn a_network_of_a_bridges_name_is_that_bridge() {
    let Some(_right) = right() else { return };
    let _made = ip("link add browndognet type bridge");
    let running = start(&domain(vec![interface(InterfaceKind::Network(sourced("browndognet".to_owned())))]));
    assert!(ip("-o link show type veth").contains("master browndognet"));
    drop(running);
}

#[test]
fn a_name_that_libvirt_would_make_anew_is_made_anew() {
    let Some(_right) = right() else { return };
    let running = start(&domain(vec![Interface { host_name: Some(name("vnet7")), ..ethernet() }]));
    assert!(!try_ip("link show vnet7"));
    drop(running);
}

/// How many starts this process can have under way at once, a hundred at most: each holds what it looked at open.
fn many() -> usize {
    use nix::sys::resource::{Resource, getrlimit, setrlimit};
    const EACH: u64 = 100;
    let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE).expect("a limit");
    // More where that is allowed; what there is stays otherwise.
    let raised = setrlimit(Resource::RLIMIT_NOFILE, hard.min(100 * EACH).max(soft), hard);
    assert_eq!(raised, Ok(()));
    let (soft, _) = getrlimit(Resource::RLIMIT_NOFILE).expect("a limit");
    usize::try_from(soft / EACH).map_or(100, |many| many.clamp(1, 100))
}

#[test]
fn a_hundred_parallel_starts_have_a_hundred_different_host_ends_and_leave_none() {
    let Some(_right) = right() else { return };
    let _made = ip("link add br0 type bridge");
    let before = HostState::now();
    let home = std::fs::File::open("/proc/thread-self/ns/net").expect("proc");
    let many = many();
    let names: Vec<String> = std::thread::scope(|scope| {
        let starts: Vec<_> = (0..many)
            .map(|_| {
                scope.spawn(|| {
                    use std::os::fd::AsRawFd;
                    let entered = browndog_runtime::sys::setns(home.as_raw_fd(), nix::libc::CLONE_NEWNET);
                    assert_eq!(entered, Ok(0));
                    let running = start(&domain(vec![bridge("br0")]));
                    let link = ip_in(&running, "-o link show eth0");
                    let peer = link.split("eth0@if").nth(1).and_then(|rest| rest.split(':').next());
                    let index = peer.expect("the number of the other end").to_owned();
                    drop(running);
                    index
                })
            })
            .collect();
        starts.into_iter().map(|start| start.join().expect("a start")).collect()
    });
    let different: HashSet<&String> = names.iter().collect();
    assert_eq!(different.len(), many);
    assert_eq!(HostState::now(), before);
}
