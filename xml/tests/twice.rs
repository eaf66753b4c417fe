//! The same thing twice: refused where both cannot be had, said where one of them has no effect.

use browndog_xml::report::{Code, Severity};
use browndog_xml::source::Source;
use browndog_xml::{laws, read};
use rstest::rstest;

/// The one finding in a document that holds `part`, and the texts of its two places.
fn finding(part: &str) -> (Code, Severity, [String; 2], bool) {
    let (os, rest) = if part.starts_with("<initenv") { (part, "") } else { ("", part) };
    let text = format!(
        "<domain type='lxc' xmlns:browndog='urn:browndog:domain:1'><name>a</name><memory>65536</memory>\
         <os><type>exe</type><init>/init</init>{os}</os>{rest}</domain>"
    );
    let source = Source::new("twice.xml", text);
    let reading = read(&source);
    let shown = reading.report.render_human(&source, false);
    let [only] = &reading.report.diagnostics[..] else { panic!("one finding\n{shown}") };
    let [(first, _)] = &only.labels[..] else { panic!("both places\n{shown}") };
    let slice =
        |span: &browndog_xml::source::Span| source.text()[span.start as usize..span.end as usize].to_owned();
    assert!(first != &only.span, "two places\n{shown}");
    laws::any_bytes(source.text().as_bytes());
    (only.code, only.severity, [slice(first), slice(&only.span)], reading.domain.is_some())
}

#[rstest]
#[case::limit(
    "<browndog:rlimit name='nofile' soft='1' hard='2'/><browndog:rlimit name='nofile' soft='3' hard='4'/>"
)]
#[case::parameter(
    "<browndog:sysctl name='net.core.somaxconn' value='1'/><browndog:sysctl name='net.core.somaxconn' value='1'/>"
)]
#[case::disk(
    "<devices><disk type='block'><source dev='/dev/a'/><target dev='vda'/></disk><disk type='block'><source dev='/dev/b'/><target dev='vda'/></disk></devices>"
)]
#[case::device(
    "<devices><hostdev mode='capabilities' type='misc'><source><char>/dev/a</char></source></hostdev><hostdev mode='capabilities' type='misc'><source><char>/dev/a</char></source></hostdev></devices>"
)]
#[case::label(
    "<seclabel type='static' model='dac'><label>a</label></seclabel><seclabel type='static' model='dac'><label>b</label></seclabel>"
)]
fn is_refused(#[case] part: &str) {
    let (code, severity, _, accepted) = finding(part);
    assert_eq!((code, severity, accepted), (Code::Contradiction, Severity::Error, false));
}

#[rstest]
#[case::variable("<initenv name='A'>1</initenv><initenv name='A'>2</initenv>", "<initenv")]
#[case::mask("<browndog:mask path='/srv/a'/><browndog:mask path='/srv/a'/>", "<browndog:mask")]
#[case::server(
    "<browndog:nameserver address='192.0.2.1'/><browndog:nameserver address='192.0.2.1'/>",
    "<browndog:nameserver"
)]
fn has_no_effect_and_that_is_said(#[case] part: &str, #[case] tag: &str) {
    let (code, severity, places, accepted) = finding(part);
    assert_eq!((code, severity, accepted), (Code::Ignored, Severity::Warning, true));
    assert_eq!(places, [tag, tag]);
}

#[rstest]
#[case::address("<ip address='192.0.2.2' prefix='24'/><ip address='192.0.2.2' prefix='24'/>")]
#[case::route(
    "<ip address='192.0.2.2' prefix='24'/><route address='0.0.0.0' gateway='192.0.2.1'/><route address='0.0.0.0' gateway='192.0.2.3'/>"
)]
fn of_a_link_stops_the_start(#[case] parts: &str) {
    let part = format!("<devices><interface type='ethernet'>{parts}</interface></devices>");
    let (code, severity, _, accepted) = finding(&part);
    assert_eq!((code, severity, accepted), (Code::CannotStart, Severity::Warning, true));
}

#[test]
fn two_mounts_at_one_place_are_said_with_both_places() {
    let mount = |target: &str| {
        format!("<filesystem type='mount'><source dir='/a'/><target dir='{target}'/></filesystem>")
    };
    let part = format!("<devices>{}{}</devices>", mount("/x"), mount("/x/"));
    assert_eq!(finding(&part).0, Code::TargetTwice);
}

#[test]
fn a_fourth_name_server_is_asked_by_nobody() {
    let servers: String =
        (1..=4).map(|it| format!("<browndog:nameserver address='192.0.2.{it}'/>")).collect();
    let text = format!(
        "<domain type='lxc' xmlns:browndog='urn:browndog:domain:1'><name>a</name><memory>65536</memory>\
         <os><type>exe</type><init>/init</init></os>{servers}</domain>"
    );
    let report = read(&Source::new("four.xml", text)).report;
    let codes: Vec<Code> = report.diagnostics.iter().map(|it| it.code).collect();
    assert_eq!(codes, [Code::Ignored]);
}
