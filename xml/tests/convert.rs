//! Conversions: what is carried, and every word about what is not.

use std::path::Path;

use browndog_xml::convert::{Converted, from_lxc_conf, from_oci, from_xml, to_oci};
use browndog_xml::domain::{InterfaceKind, Origin};
use browndog_xml::source::Source;
use browndog_xml::{laws, read};
use rstest::rstest;

fn nothing(path: &str) -> Result<Vec<Source>, String> {
    Err(format!("there is no {path}"))
}

fn file(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/convert").join(name);
    std::fs::read_to_string(path).expect("the test file is there")
}

/// The document and, a line each, what was said.
fn shown(converted: &Converted) -> String {
    let mut out = converted.text.clone().unwrap_or_default();
    for (source, report) in &converted.reports {
        for it in &report.diagnostics {
            let line = source.position(it.span.start).line;
            out.push_str(&format!("{} {}:{line}: {}\n", it.code, source.name(), it.message));
        }
    }
    out
}

fn conf(text: &str) -> Converted {
    from_lxc_conf(&Source::new("config", text), Some("demo"), &nothing)
}

#[test]
fn a_configuration_of_lxc_3() {
    insta::assert_snapshot!(shown(&from_lxc_conf(
        &Source::new("config", file("web-v3.conf")),
        None,
        &nothing
    )));
}

#[test]
fn a_configuration_of_lxc_2() {
    let fstab = "# comment\n/usr/share/old usr/share/old none bind,ro 0 0\n\nbad line\n";
    let include = |path: &str| match path {
        "/var/lib/lxc/old/fstab" => Ok(vec![Source::new("fstab", fstab.replace("bad line\n", ""))]),
        _ => Err(format!("there is no {path}")),
    };
    insta::assert_snapshot!(shown(&from_lxc_conf(
        &Source::new("config", file("old-v2.conf")),
        Some("old"),
        &include
    )));
    let include = |_: &str| Ok(vec![Source::new("fstab", fstab)]);
    let broken = from_lxc_conf(&Source::new("config", file("old-v2.conf")), Some("old"), &include);
    assert!(shown(&broken).contains("BD0603 fstab:4:"), "{}", shown(&broken));
}

#[test]
fn ids_are_read_container_first() {
    let domain = conf("lxc.idmap = u 0 100000 1000\nlxc.idmap = u 1000 1000 1\nlxc.idmap = b 5000 300000 2\nlxc.idmap = g 0 100000 1000")
        .domain
        .expect("it is valid");
    let map = domain.idmap.expect("there is a map");
    let uid: Vec<_> = map.uid.iter().map(|it| (it.value.start, it.value.target, it.value.count)).collect();
    assert_eq!(uid, [(0, 100_000, 1000), (1000, 1000, 1), (5000, 300_000, 2)]);
    assert_eq!(map.gid.len(), 2);
}

#[rstest]
#[case::no_network("", true, 0)]
#[case::empty("lxc.net.0.type = empty", true, 0)]
#[case::hosts("lxc.net.0.type = none", false, 0)]
#[case::none_and_one("lxc.net.0.type = none\nlxc.net.1.type = veth\nlxc.net.1.link = br0", true, 1)]
#[case::kept("lxc.namespace.keep = net", false, 0)]
#[case::joined("lxc.namespace.share.net = 42", false, 0)]
#[case::cleared("lxc.net.0.type = none\nlxc.net =", true, 0)]
fn the_network_is_private_as_with_lxc(#[case] text: &str, #[case] private: bool, #[case] interfaces: usize) {
    let converted = conf(text);
    let domain = converted.domain.as_ref().unwrap_or_else(|| panic!("{}", shown(&converted)));
    assert_eq!(domain.private_network.is_some(), private);
    assert_eq!(domain.interfaces.len(), interfaces);
}

#[rstest]
#[case::no_equals("lxc.uts.name web", 603, 1)]
#[case::misspelt("\nlxc.rootfs.pth = dir:/x", 602, 2)]
#[case::root_that_cannot_be("lxc.rootfs.path = overlay:/a:/b", 603, 1)]
#[case::short_id_map("lxc.idmap = u 0 100000", 603, 1)]
#[case::overlapping_ids("lxc.idmap = b 0 100000 10\nlxc.idmap = b 5 200000 10", 403, 2)]
#[case::relative_root("lxc.rootfs.path = srv/root", 304, 1)]
#[case::bad_mac("lxc.net.0.type = veth\nlxc.net.0.hwaddr = 52:54", 309, 2)]
#[case::bad_address("lxc.net.0.type = veth\nlxc.net.0.ipv4.address = 10.0.0.300/8", 310, 2)]
#[case::both_caps("lxc.cap.keep = chown\nlxc.cap.drop = kill", 603, 2)]
#[case::unknown_cap("lxc.cap.drop = sys_modul", 603, 1)]
#[case::memory_words("lxc.cgroup2.memory.max = lots", 603, 1)]
#[case::include("lxc.include = /etc/absent.conf", 603, 1)]
#[case::no_type("lxc.net.0.link = br0", 603, 1)]
#[case::init("lxc.init.cmd = sbin/init", 304, 1)]
#[case::zero_weight("lxc.cgroup2.cpu.weight = 0", 603, 1)]
fn a_setting_that_is_wrong_is_an_error_at_its_line(#[case] text: &str, #[case] code: u16, #[case] line: u32) {
    let converted = conf(text);
    assert!(converted.text.is_none(), "{}", shown(&converted));
    let (source, report) = &converted.reports[0];
    let found: Vec<_> =
        report.errors().map(|it| (it.code.number(), source.position(it.span.start).line)).collect();
    assert!(found.contains(&(code, line)), "{found:?}\n{}", shown(&converted));
}

/// A line per key of both versions, each with a value that is not its default: it shows in the
/// document, or it is named.
#[test]
fn no_key_is_lost_in_silence() {
    let base = conf("lxc.cgroup2.memory.max = 1G").text.expect("the base is valid");
    let mut seen = 0;
    for line in file("every-key.conf").lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        let text = format!("lxc.cgroup2.memory.max = 1G\n{}", line.replace(" ; ", "\n"));
        let converted = conf(&text);
        let named = converted.reports.iter().any(|(source, report)| {
            report.diagnostics.iter().any(|it| source.position(it.span.start).line == 2)
        });
        let carried = converted.text.as_ref().is_some_and(|text| *text != base);
        assert!(named || carried, "{line}\n{}", shown(&converted));
        assert!(!converted.has_errors(), "{line}\n{}", shown(&converted));
        seen += 1;
    }
    assert!(seen > 80, "{seen}");
}

#[test]
fn what_is_taken_back_is_gone_and_what_is_said_twice_holds_once() {
    let converted = conf(
        "lxc.environment = A=1\nlxc.environment =\nlxc.environment = B=2\nlxc.uts.name = one\nlxc.uts.name = two\n\
         lxc.net.0.type = veth\nlxc.net.0.mtu = 1400\nlxc.net.0.mtu = 1300",
    );
    let domain = converted.domain.as_ref().unwrap_or_else(|| panic!("{}", shown(&converted)));
    assert_eq!(domain.init.env.len(), 1);
    assert_eq!(domain.hostname.value.as_str(), "two");
    assert_eq!(domain.interfaces[0].mtu.as_ref().map(|mtu| mtu.value), Some(1300));
}

/// What a configuration includes is shown by its name and line alone, unless it is one of lxc's files.
#[rstest]
#[case::accounts("root:$6$salt$hash:19000:0:99999:7:::\n")]
#[case::key("-----BEGIN KEY-----\nhash==\n-----END KEY-----\n")]
#[case::other_settings("password = hash\n")]
#[case::later("lxc.uts.name = a\nthe hash\n")]
#[case::bytes("\u{FFFD}hash\n")]
fn what_is_included_is_not_quoted(#[case] text: &str) {
    let include = |_: &str| Ok(vec![Source::new("secret", text)]);
    for key in ["lxc.include", "lxc.mount.fstab", "lxc.mount"] {
        let converted =
            from_lxc_conf(&Source::new("config", format!("{key} = secret\n")), Some("a"), &include);
        assert!(converted.text.is_none(), "{key}");
        let drawn: String =
            converted.reports.iter().map(|(source, report)| report.render_human(source, false)).collect();
        assert!(drawn.contains("secret:") && !drawn.contains("hash"), "{key}\n{drawn}");
        assert!(!shown(&converted).contains("hash"), "{}", shown(&converted));
    }
}

#[test]
fn a_file_with_very_many_includes_reads_few() {
    let count = std::cell::Cell::new(0);
    let include = |_: &str| {
        count.set(count.get() + 1);
        Ok(vec![Source::new("x", "")])
    };
    let text = "lxc.include = x\n".repeat(9000) + &"lxc.mount.fstab = x\n".repeat(9000);
    let converted = from_lxc_conf(&Source::new("config", text), Some("a"), &include);
    assert!(converted.text.is_none() && count.get() <= 64, "{}", count.get());
}

#[test]
fn an_include_is_read_where_it_stands_and_a_circle_ends() {
    let include = |path: &str| match path {
        "common" => Ok(vec![Source::new("common", "lxc.cap.drop = sys_module\nlxc.tty.dir = lxc\n")]),
        _ => Ok(vec![Source::new("circle", "lxc.include = circle\n")]),
    };
    let read = |text: &str| from_lxc_conf(&Source::new("config", text), Some("demo"), &include);
    let converted = read("lxc.include = common\n");
    assert!(shown(&converted).contains("BD0600 common:2: lxc.tty.dir"), "{}", shown(&converted));
    assert!(converted.text.is_some_and(|text| text.contains("<sys_module state='off'/>")));
    let circle = read("lxc.include = circle\n");
    assert!(circle.text.is_none() && shown(&circle).contains("files are included"));
}

#[rstest]
#[case::wrapped(include_str!("accept/rfc-original-repaired.xml"))]
#[case::bare(include_str!("convert/rfc-bare.xml"))]
#[case::elements(include_str!("convert/rfc-elements.xml"))]
fn the_2008_dialect_becomes_the_same_domain(#[case] text: &str) {
    let source = Source::new("rfc.xml", text);
    let before = read(&source).domain.expect("the sample is valid");
    let converted = from_xml(&source);
    let after = converted.domain.as_ref().unwrap_or_else(|| panic!("{}", shown(&converted)));
    laws::written(&source);
    assert_eq!(after.name, before.name);
    assert_eq!(after.uuid, before.uuid);
    assert_eq!(after.hostname, before.hostname);
    if before.memory.limit.is_some() {
        assert_eq!(after.memory, before.memory);
    }
    assert_eq!(after.cpu, before.cpu);
    assert_eq!(after.filesystems, before.filesystems);
    assert_eq!(after.nameservers, before.nameservers);
    assert_eq!(after.private_network.is_some(), before.private_network.is_some());
    for (after, before) in after.interfaces.iter().zip(&before.interfaces) {
        assert!(matches!(after.kind, InterfaceKind::Ethernet { .. }));
        assert_eq!((&after.addresses, &after.routes), (&before.addresses, &before.routes));
    }
}

#[test]
fn what_the_lxc_dialect_cannot_say_of_the_2008_one_is_named() {
    insta::assert_snapshot!(shown(&from_xml(&Source::new("rfc.xml", file("rfc-bare.xml")))));
}

#[test]
fn a_comment_stands_before_what_it_stood_before() {
    insta::assert_snapshot!(shown(&from_xml(&Source::new("rfc.xml", file("rfc-elements.xml")))));
}

#[test]
fn an_invalid_document_is_not_converted() {
    let converted = from_xml(&Source::new("rfc.xml", "<domain type='linuxcontainer'><nam/></domain>"));
    assert!(converted.text.is_none() && converted.has_errors());
}

#[test]
fn every_part_knows_where_it_was_written() {
    let domain =
        conf("lxc.uts.name = web\nlxc.net.0.type = veth\nlxc.net.0.link = br0").domain.expect("it is valid");
    assert!(matches!(domain.name.origin, Origin::Xml(_)));
}

fn oci(text: &str) -> Converted {
    from_oci(&Source::new("config.json", text), "/srv/bundle", None)
}

#[test]
fn a_bundle_of_an_engine() {
    insta::assert_snapshot!(shown(&oci(&file("engine.json"))));
}

#[test]
fn a_domain_as_a_bundle() {
    let source = Source::new("domain.xml", file("full.xml"));
    insta::assert_snapshot!(shown(&to_oci(&source)));
}

#[test]
fn a_bundle_made_from_a_domain_makes_the_same_domain_but_for_what_was_named() {
    let text = file("plain.xml");
    let source = Source::new("domain.xml", text);
    let before = read(&source).domain.expect("it is valid");
    let bundle = to_oci(&source);
    let config = bundle.text.clone().unwrap_or_else(|| panic!("{}", shown(&bundle)));
    let after = oci(&config);
    let domain = after.domain.as_ref().unwrap_or_else(|| panic!("{}", shown(&after)));
    assert_eq!(
        (&domain.name, &domain.uuid, &domain.title, &domain.hostname),
        (&before.name, &before.uuid, &before.title, &before.hostname)
    );
    assert_eq!((&domain.memory.limit, &domain.pids), (&before.memory.limit, &before.pids));
    assert_eq!((&domain.cpu.shares, &domain.cpu.quota_us), (&before.cpu.shares, &before.cpu.quota_us));
    assert_eq!((&domain.idmap, &domain.filesystems), (&before.idmap, &before.filesystems));
    assert_eq!(
        (&domain.partition, &domain.extension.rlimits),
        (&before.partition, &before.extension.rlimits)
    );
    assert_eq!(domain.init.commands, before.init.commands);
    assert_eq!(domain.private_network.is_some(), before.private_network.is_some());
}

#[rstest]
#[case::not_json("{", "/", 1)]
#[case::not_an_object("[1]", "/", 1)]
#[case::no_version("{\n\"root\": {\"path\": \"r\"}, \"process\": {\"args\": [\"/i\"]}}", "/ociVersion", 1)]
#[case::no_root("{\"ociVersion\": \"1.0.2\", \"process\": {\"args\": [\"/i\"]}}", "/root/path", 1)]
#[case::nothing_to_run(
    "{\"ociVersion\": \"1.0.2\", \"root\": {\"path\": \"r\"},\n\"process\": {\"args\": []}}",
    "/process/args",
    2
)]
#[case::number_for_text(
    "{\"ociVersion\": \"1.0.2\", \"hostname\": 5,\n\"root\": {\"path\": 5}, \"process\": {\"args\": [\"/i\"]}}",
    "/root/path",
    2
)]
#[case::namespace_of_nobody(
    "{\"ociVersion\": \"1.0.2\", \"root\": {\"path\": \"r\"}, \"process\": {\"args\": [\"/i\"]},\n \"linux\": {\"namespaces\": [{\"type\": \"network\", \"path\": \"/x\"}]}}",
    "/linux/namespaces/0",
    2
)]
fn a_bundle_that_is_wrong_is_an_error_at_its_place(
    #[case] text: &str,
    #[case] path: &str,
    #[case] line: u32,
) {
    let converted = oci(text);
    assert!(converted.text.is_none(), "{}", shown(&converted));
    let (source, report) = &converted.reports[0];
    let found: Vec<_> =
        report.errors().map(|it| (it.path.as_str(), source.position(it.span.start).line)).collect();
    assert!(found.contains(&(path, line)), "{found:?}\n{}", shown(&converted));
}

/// Any member that nobody knows is named, wherever it stands.
#[test]
fn no_member_of_a_bundle_is_lost_in_silence() {
    let text = file("engine.json");
    let whole: serde_json::Value = serde_json::from_str(&text).expect("the sample is JSON");
    let mut pointers = Vec::new();
    fn objects(value: &serde_json::Value, pointer: String, found: &mut Vec<String>) {
        match value {
            serde_json::Value::Object(members) => {
                for (name, member) in members {
                    objects(
                        member,
                        format!("{pointer}/{}", name.replace('~', "~0").replace('/', "~1")),
                        found,
                    );
                }
                found.push(pointer);
            }
            serde_json::Value::Array(entries) => {
                for (index, entry) in entries.iter().enumerate() {
                    objects(entry, format!("{pointer}/{index}"), found);
                }
            }
            _ => {}
        }
    }
    objects(&whole, String::new(), &mut pointers);
    let said = |value: &serde_json::Value| shown(&oci(&value.to_string()));
    let before = said(&whole);
    assert!(pointers.len() > 30);
    for pointer in pointers {
        let mut changed = whole.clone();
        let Some(serde_json::Value::Object(members)) = changed.pointer_mut(&pointer) else { continue };
        drop(members.insert("neverHeardOf".into(), 1.into()));
        let after = said(&changed);
        // Below a value that is named as a whole, it is named with it.
        let named_whole = before.contains(&format!(": {pointer}: "))
            || before.lines().any(|line| {
                let above = |at: &str| !at.is_empty() && pointer.starts_with(at);
                line.starts_with("BD06") && line.split(": ").nth(1).is_some_and(above)
            });
        assert!(after.contains("neverHeardOf") || named_whole, "{pointer}\n{after}");
    }
}
