//! Names and words by the libvirt that brought them, and those that no known libvirt has.

use browndog_xml::explain::Code;
use browndog_xml::report::Report;
use browndog_xml::schema::{BadVersion, NEWEST, OLDEST, Version};
use browndog_xml::source::Source;
use browndog_xml::{read, read_for};
use rstest::rstest;

fn domain(inside: &str, os: &str) -> Source {
    let text = format!(
        "<domain type='lxc'><name>demo</name><memory>65536</memory>{inside}\
         <os><type>exe</type><init>/sbin/init</init>{os}</os></domain>"
    );
    Source::new("demo.xml", text)
}

fn too_new(report: &Report) -> Vec<String> {
    report.errors().filter(|it| it.code == Code::TooNew).map(|it| it.message.to_string()).collect()
}

#[rstest]
#[case::element("<hwuuid>d9a1b2c3-0000-4000-8000-000000000001</hwuuid>", "<hwuuid>", "11.7")]
#[case::attribute("<devices><sound model='sb16' streams='2'/></devices>", "@streams of <sound>", "10.4")]
#[case::word("<devices><sound model='virtio'/></devices>", "'virtio' of @model of <sound>", "10.4")]
#[case::text("<on_crash>preserve-running</on_crash>", "'preserve-running' in <on_crash>", "12.6")]
#[case::chosen("<devices><audio id='1' type='pipewire'/></devices>", "<audio>", "9.10")]
#[case::inside(
    "<devices><crypto model='virtio' type='qemu'><backend model='lkcf'/></crypto></devices>",
    "<crypto>",
    "9.1"
)]
fn what_is_too_new_is_said_once_with_the_release_that_brought_it(
    #[case] inside: &str,
    #[case] what: &str,
    #[case] since: &str,
) {
    let source = domain(inside, "");
    assert!(read(&source).domain.is_some(), "{}", read(&source).report.render_human(&source, false));
    let reading = read_for(&source, Some(OLDEST));
    let found = too_new(&reading.report);
    assert_eq!(found, [format!("libvirt 9.0 has no {what}: it came with libvirt {since}")]);
    assert!(reading.domain.is_none());
    let version: Version = since.parse().expect("it is a version");
    assert_eq!(too_new(&read_for(&source, Some(version)).report), [""; 0], "{since} has it");
    let before = if version.1 == 0 { Version(version.0 - 1, 10) } else { Version(version.0, version.1 - 1) };
    assert_eq!(too_new(&read_for(&source, Some(before)).report).len(), 1, "{before} does not have it");
}

#[test]
fn what_every_libvirt_has_is_in_order_for_each() {
    let source = domain("<vcpu>1</vcpu><features><privnet/></features>", "<initarg>a</initarg>");
    for version in [OLDEST, Version(11, 3), NEWEST] {
        assert!(read_for(&source, Some(version)).domain.is_some());
    }
}

#[rstest]
#[case::element("<vmuuid>1</vmuuid>", "")]
#[case::a_word_before_a_newer_one("<vmhwuuid/>", "")]
#[case::in_os("", "<unikernel>/x</unikernel>")]
#[case::attribute("<vcpu hotplug='yes'>1</vcpu>", "")]
#[case::attribute_of_many("<currentMemory slots='4'>1</currentMemory>", "")]
#[case::word("<on_reboot>hibernate</on_reboot>", "")]
#[case::chosen("<devices><interface type='wormhole'/></devices>", "")]
#[case::device("<devices><quantum model='virtio'/></devices>", "")]
fn a_name_that_no_row_has_may_be_newer_and_is_not_told_to_be_another(#[case] inside: &str, #[case] os: &str) {
    let source = domain(inside, os);
    let reading = read(&source);
    let shown = reading.report.render_human(&source, false);
    let helps: Vec<String> =
        reading.report.errors().filter_map(|it| it.help.as_ref().map(ToString::to_string)).collect();
    let newer = format!("if a libvirt after {NEWEST} has it, it is newer than browndog knows");
    assert!(helps.iter().any(|help| help.contains(&newer)), "{shown}");
    assert!(!shown.contains("did you mean") && !shown.contains("remove"), "{shown}");
}

#[rstest]
#[case::typo("<memroy>1</memroy>", "did you mean <memory>?")]
#[case::plural("<uuids>1</uuids>", "did you mean <uuid>?")]
#[case::attribute("<vcpu cpusets='1'>1</vcpu>", "did you mean 'cpuset'?")]
#[case::word("<on_reboot>restrat</on_reboot>", "did you mean 'restart'?")]
fn what_is_probably_a_slip_is_told_as_one(#[case] inside: &str, #[case] help: &str) {
    let source = domain(inside, "");
    let shown = read(&source).report.render_human(&source, false);
    assert!(shown.contains(help) && !shown.contains("newer than browndog"), "{shown}");
}

#[test]
fn a_version_is_two_numbers_or_three() {
    assert_eq!("9.0".parse(), Ok(Version(9, 0)));
    assert_eq!("12.8.0".parse(), Ok(Version(12, 8)));
    for bad in ["", "9", "9.", "9.x", "9.0.0.0", "9.0-1", "-9.0"] {
        assert_eq!(bad.parse::<Version>(), Err(BadVersion), "{bad}");
    }
    assert_eq!(Version(10, 10).to_string(), "10.10");
    assert!(Version(10, 10) > Version(10, 9) && Version(10, 0) > Version(9, 10));
}
