//! Both dialects, from their documents to the typed domain, and what the RFC's own texts are told.

use std::net::IpAddr;

use browndog_xml::domain::{Dialect, Domain, FilesystemSource, InterfaceKind};
use browndog_xml::source::Source;
use browndog_xml::{Reading, read};

fn reading(name: &str) -> (Source, Reading) {
    let path = format!("{}/tests/{name}", env!("CARGO_MANIFEST_DIR"));
    let source = Source::from_bytes(name, std::fs::read(path).expect("the test file is there"));
    let reading = read(&source);
    (source, reading)
}

fn accepted(text: &str) -> Domain {
    let source = Source::new("test.xml", text);
    let reading = read(&source);
    match reading.domain {
        Some(domain) => domain,
        None => panic!("refused:\n{}", reading.report.render_human(&source, false)),
    }
}

#[test]
fn the_seed_names_the_unclosed_elements_and_each_empty_value() {
    let (source, reading) = reading("data/seed.xml");
    assert!(reading.domain.is_none());
    insta::assert_snapshot!(reading.report.render_human(&source, false));
}

#[test]
fn the_original_mail_is_told_its_stray_end_tag_and_nothing_else() {
    let (source, reading) = reading("data/original.xml");
    assert!(reading.domain.is_none());
    insta::assert_snapshot!(reading.report.render_human(&source, false));
}

#[test]
fn the_repaired_original_becomes_a_domain() {
    let (source, reading) = reading("accept/rfc-original-repaired.xml");
    let domain = reading.domain.unwrap_or_else(|| panic!("{}", reading.report.render_human(&source, false)));
    assert_eq!(domain.dialect, Dialect::LinuxContainer);
    assert_eq!(domain.name.value.as_str(), "Container123");
    assert_eq!(domain.hostname.value.as_str(), "browndog");
    assert_eq!(domain.memory.limit.as_ref().map(|limit| limit.value), Some(64 << 20));
    assert_eq!(domain.cpu.shares.as_ref().map(|shares| shares.value), Some(40));
    assert_eq!(domain.init.commands[0].program.value, "dbserver");
    let mounts: Vec<_> = domain
        .filesystems
        .iter()
        .map(|mount| match &mount.source {
            FilesystemSource::Host(source) => format!("{} on {}", source.value, mount.target.value),
            other => panic!("a mount of the RFC is of the host, not {other:?}"),
        })
        .collect();
    assert_eq!(mounts, ["/root/container/etc on /etc", "/root/container/var on /var"]);
    assert!(domain.private_network.is_some());
    let [interface] = &domain.interfaces[..] else { panic!("one interface") };
    assert_eq!(interface.kind, InterfaceKind::Rfc);
    assert_eq!(interface.addresses[0].prefix, 24);
    assert_eq!(interface.routes[0].gateway, IpAddr::from([192, 168, 1, 1]));
    assert_eq!(domain.nameservers[0].value, IpAddr::from([192, 168, 1, 1]));
    assert_eq!(domain.consoles[0].tty.as_ref().map(|tty| tty.value.as_str()), Some("/dev/pts/4"));
}

#[test]
fn the_core_of_the_lxc_dialect_becomes_a_domain() {
    let domain = accepted(
        "<domain type='lxc'><name>-we_b 1</name><memory unit='MiB'>64</memory><vcpu>2</vcpu>
           <os><type>exe</type><init>/bin/sh</init><initarg>-c</initarg><initarg>id</initarg></os>
           <features><privnet/></features>
           <devices>
             <filesystem type='mount'><source dir='/srv/root'/><target dir='/'/><readonly/></filesystem>
             <filesystem type='bind'><source dir='/a'/><target dir='/b'/></filesystem>
             <filesystem type='ram'><source usage='1' units='MiB'/><target dir='/tmp'/></filesystem>
             <console type='pty'/>
           </devices></domain>",
    );
    assert_eq!(domain.hostname.value.as_str(), "web1");
    assert_eq!(domain.memory.limit.as_ref().map(|limit| limit.value), Some(64 << 20));
    assert_eq!(domain.cpu.count.value, 2);
    assert_eq!(domain.init.commands[0].args.len(), 2);
    assert!(domain.private_network.is_some());
    assert!(domain.filesystems[0].readonly.is_some());
    assert!(
        matches!(&domain.filesystems[2].source, FilesystemSource::Ram { bytes, .. } if bytes.value == 1 << 20)
    );
    assert_eq!(domain.consoles.len(), 1);
}

#[test]
fn a_name_without_letter_or_digit_needs_a_hostname() {
    let text = |extra: &str| {
        format!(
            "<domain type='lxc' xmlns:b='urn:browndog:domain:1'><name>_</name><memory>65536</memory>
             <os><type>exe</type><init>/init</init></os>{extra}</domain>"
        )
    };
    let source = Source::new("test.xml", text(""));
    let report = read(&source).report;
    assert_eq!(report.errors().map(|it| it.code.to_string()).collect::<Vec<_>>(), ["BD0401"]);
    assert_eq!(
        accepted(&text("<b:hostname>box.example</b:hostname>")).hostname.value.as_str(),
        "box.example"
    );
}
