//! What today's producers write, and libvirt's driver takes though its schema does not.

use browndog_xml::explain::Code;
use browndog_xml::report::Severity;
use browndog_xml::source::Source;
use browndog_xml::{Reading, read};
use rstest::rstest;

fn reading(os: &str, rest: &str) -> (Source, Reading) {
    let text = format!(
        "<domain type='lxc'><name>demo</name><memory>65536</memory>\
         <os><type>exe</type><init>/sbin/init</init>{os}</os>{rest}</domain>"
    );
    let source = Source::new("demo.xml", text);
    let reading = read(&source);
    (source, reading)
}

#[rstest]
#[case::cmdline("<cmdline>console=tty0 console=ttyS0</cmdline>", "cmdline")]
#[case::boot("<boot dev='hd'/><boot dev='network'/>", "boot")]
#[case::kernel("<kernel>/boot/vmlinuz</kernel>", "kernel")]
#[case::loader("<loader readonly='yes' type='pflash'>/usr/share/code.fd</loader>", "loader")]
#[case::nvram("<nvram template='/usr/share/vars.fd'>/var/lib/vars.fd</nvram>", "nvram")]
#[case::smbios("<smbios mode='sysinfo'/>", "smbios")]
#[case::bootmenu("<bootmenu enable='yes' timeout='3000'/>", "bootmenu")]
#[case::varstore("<varstore path='/var/lib/vars.json'/>", "varstore")]
#[case::acpi("<acpi><table type='slic'>/sys/firmware/acpi/tables/SLIC</table></acpi>", "acpi")]
fn what_only_a_machine_starts_with_is_taken_and_warned_of(#[case] os: &str, #[case] name: &str) {
    let (source, reading) = reading(os, "");
    let shown = reading.report.render_human(&source, false);
    assert!(reading.domain.is_some(), "{shown}");
    let first = &reading.report.diagnostics[0];
    assert_eq!((first.code, first.severity), (Code::Ignored, Severity::Warning), "{shown}");
    assert!(first.message.contains(&format!("<{name}>")) && !shown.contains("remove"), "{shown}");
}

#[test]
fn devices_in_two_parts_are_those_of_one() {
    let first = "<filesystem type='mount'><source dir='/srv/a'/><target dir='/'/></filesystem>";
    let second = "<filesystem type='mount'><source dir='/srv/b'/><target dir='/mnt'/></filesystem><console type='pty'/>";
    let (source, parts) = reading("", &format!("<devices>{first}</devices><devices>{second}</devices>"));
    let shown = parts.report.render_human(&source, false);
    let domain = parts.domain.expect("libvirt's driver takes it");
    assert_eq!((domain.filesystems.len(), domain.consoles.len()), (2, 1), "{shown}");
    let said: Vec<Code> = parts.report.diagnostics.iter().map(|it| it.code).collect();
    assert_eq!(said, [Code::Suspicious]);
    assert!(shown.contains("put what both hold into one <devices>") && !shown.contains("remove"), "{shown}");
    // The written form is one, and the same domain.
    let form = browndog_xml::fmt::format(&source).expect("a valid document has a form");
    assert_eq!(form.matches("<devices>").count(), 1, "{form}");
    let whole = reading("", &format!("<devices>{first}{second}</devices>"));
    assert_eq!(form, browndog_xml::fmt::format(&whole.0).expect("a valid document has a form"));
}

#[test]
fn what_is_written_twice_elsewhere_is_told_how_it_becomes_one() {
    let (source, twice) =
        reading("", "<features><privnet/></features><features><capabilities policy='allow'/></features>");
    assert!(twice.domain.is_none());
    let shown = twice.report.render_human(&source, false);
    assert!(shown.contains("put what both hold into one <features>"), "{shown}");
}

#[test]
fn what_the_driver_refuses_stays_refused() {
    for (os, rest) in [
        ("<smbios mode='own'/>", ""),
        ("", "<vcpus><vcpu id='0' enabled='yes'/></vcpus>"),
        ("", "<maxMemory slots='2' unit='GiB'>4</maxMemory>"),
        (
            "",
            "<devices><disk type='block'><driver type='raw' discard_no_unref='on'/><source dev='/dev/sda'/>\
              <target dev='vda'/></disk></devices>",
        ),
    ] {
        let (source, reading) = reading(os, rest);
        assert!(reading.domain.is_none(), "{}", source.text());
    }
}
