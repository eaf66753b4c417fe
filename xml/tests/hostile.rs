//! What nobody writes by accident: bounded, with a coded error, never a panic.
//!
//! Wall times are not asserted here; `benches/validate.rs` shows that time is linear in size.

use browndog_xml::limits;
use browndog_xml::report::Code;
use browndog_xml::source::Source;
use browndog_xml::{fmt, laws, read};

const HEAD: &str =
    "<domain type='lxc'><name>a</name><memory>65536</memory><os><type>exe</type><init>/init</init></os>";

fn domain(rest: &str) -> String {
    format!("{HEAD}{rest}</domain>")
}

/// The codes of the errors, checked against what every report keeps to.
fn codes(bytes: impl Into<Vec<u8>>) -> Vec<Code> {
    let source = Source::from_bytes("hostile.xml", bytes.into());
    let reading = read(&source);
    laws::sound(&source, &reading);
    assert!(reading.report.diagnostics.len() <= limits::DIAGNOSTICS, "reports are bounded");
    let shown = reading.report.render_human(&source, false);
    assert!(
        shown.len() < 4096 * (reading.report.diagnostics.len() + 1),
        "messages are bounded: {}",
        shown.len()
    );
    assert_eq!(fmt::format(&source).is_ok(), reading.domain.is_some(), "what is valid has a form");
    reading.report.errors().map(|error| error.code).collect()
}

fn first(bytes: impl Into<Vec<u8>>) -> Option<Code> {
    codes(bytes).first().copied()
}

#[test]
fn a_bomb_of_entities_is_one_refused_declaration() {
    let mut bomb = String::from("<!DOCTYPE domain [<!ENTITY a 'ha'>");
    for (name, of) in ["b", "c", "d", "e", "f", "g", "h"].iter().zip(["a", "b", "c", "d", "e", "f", "g"]) {
        bomb.push_str(&format!("<!ENTITY {name} '{}'>", format!("&{of};").repeat(10)));
    }
    bomb.push_str("]>");
    assert_eq!(first(bomb + &domain("<title>&h;</title>")), Some(Code::Doctype));
}

#[test]
fn an_external_entity_is_never_opened() {
    for declaration in [
        "<!DOCTYPE domain SYSTEM 'file:///etc/passwd'>",
        "<!DOCTYPE domain PUBLIC 'a' 'http://192.0.2.1/x.dtd'>",
        "<!DOCTYPE domain [<!ENTITY x SYSTEM '/etc/passwd'>]>",
        "<!DOCTYPE domain [<!ENTITY % p SYSTEM 'x'> %p;]>",
    ] {
        assert_eq!(first(declaration.to_owned() + &domain("<title>&x;</title>")), Some(Code::Doctype));
    }
}

#[test]
fn an_unfinished_declaration_takes_the_rest_with_it() {
    for start in ["<!DOCTYPE domain [", "<!DOCTYPE '", "<!DOCTYPE domain [<!-- "] {
        assert_eq!(codes(format!("{start}{}", domain(""))), [Code::Doctype], "{start}");
    }
}

#[test]
fn a_million_levels_stop_at_the_bound() {
    let deep = "<x>".repeat(1_000_000);
    assert!(codes(deep.clone()).contains(&Code::NotADomain));
    assert!(codes(domain(&format!("<metadata>{deep}"))).contains(&Code::Limit));
    assert!(codes(domain(&deep)).contains(&Code::Limit));
    assert!(!codes(domain(&"</x>".repeat(1_000_000))).is_empty());
    let legal = limits::DEPTH - 3;
    let nested = format!("<metadata>{}{}</metadata>", "<x>".repeat(legal), "</x>".repeat(legal));
    assert_eq!(codes(domain(&nested)), []);
}

#[test]
fn a_million_attributes_stop_at_the_bound() {
    let many: String = (0..1_000_000).map(|number| format!(" a{number}='1'")).collect();
    assert!(codes(format!("<domain{many}/>")).contains(&Code::MissingAttribute));
    assert!(codes(domain(&format!("<metadata><x{many}/></metadata>"))).contains(&Code::Limit));
    let same = " a='1'".repeat(1_000_000);
    assert!(codes(domain(&format!("<metadata><x{same}/></metadata>"))).contains(&Code::DuplicateAttribute));
    let declared: String = (0..100_000).map(|number| format!(" xmlns:p{number}='urn:{number}'")).collect();
    assert!(codes(domain(&format!("<metadata{declared}/>"))).contains(&Code::Limit));
}

#[test]
fn a_value_of_many_megabytes_is_a_value() {
    let long = "x".repeat(16 << 20);
    assert_eq!(codes(domain(&format!("<description>{long}</description>"))), []);
    let fault = codes(domain(&format!("<on_crash>{long}</on_crash>")));
    assert_eq!(fault, [Code::NotAChoice]);
    assert_eq!(codes(domain(&format!("<vcpu cpuset='{long}'>1</vcpu>"))), [Code::BadIdSet]);
    assert!(codes(domain(&format!("<vcpu cpuset='{long}"))).contains(&Code::BadAttribute));
    assert!(codes(domain(&format!("<{long}/>"))).contains(&Code::Limit));
}

#[test]
fn a_document_beyond_the_bound_is_not_read() {
    // One byte too many, without a document of half a gigabyte in every run of the tests.
    let long = limits::DOCUMENT_BYTES + 1;
    assert_eq!(codes(vec![b' '; long]), [Code::Limit]);
}

#[test]
fn other_encodings_are_named() {
    let utf16: Vec<u8> = domain("").encode_utf16().flat_map(u16::to_le_bytes).collect();
    assert_eq!(codes(utf16.clone()), [Code::NotUtf8]);
    assert_eq!(codes([&[0xFF, 0xFE][..], &utf16].concat()), [Code::NotUtf8]);
    let utf32: Vec<u8> = domain("").chars().flat_map(|it| u32::from(it).to_le_bytes()).collect();
    assert_eq!(codes([&[0xFF, 0xFE, 0, 0][..], &utf32].concat()), [Code::NotUtf8]);
    assert_eq!(codes(domain("<title>\u{e9}</title>").replace('\u{e9}', "?").into_bytes()), []);
    for broken in [&b"\xE9"[..], b"\xC0\xAF", b"\xED\xA0\x80", b"\xF5\x80\x80\x80", b"\x80"] {
        let bytes = [HEAD.as_bytes(), b"<title>", broken, b"</title></domain>"].concat();
        assert_eq!(codes(bytes), [Code::NotUtf8], "{broken:?}");
    }
    assert_eq!(codes(format!("\u{FEFF}{}", domain(""))), []);
}

#[test]
fn characters_that_xml_does_not_have_are_refused_everywhere() {
    for character in ['\0', '\u{1}', '\u{8}', '\u{1f}', '\u{FFFE}', '\u{FFFF}'] {
        for place in [
            "<title>#</title>",
            "<metadata><x>#</x></metadata>",
            "<!-- # -->",
            "<metadata><x y='#'/></metadata>",
        ] {
            let text = domain(&place.replace('#', &character.to_string()));
            assert_eq!(first(text), Some(Code::IllegalCharacter), "{character:?} in {place}");
        }
    }
}

#[test]
fn namespaces_cannot_hide_an_element() {
    let lxc = "http://libvirt.org/schemas/domain/lxc/1.0";
    for (text, code) in [
        (domain("").replace("<domain", "<domain xmlns='urn:x'"), Code::NotADomain),
        (
            domain("").replace("<domain", "<domain xmlns='http://libvirt.org/schemas/domain/lxc/1.0'"),
            Code::NotADomain,
        ),
        (domain("<title xmlns='urn:x'>t</title>"), Code::UnknownElement),
        (domain("<a:title xmlns:a='urn:x'>t</a:title>"), Code::UnknownElement),
        (domain("<a:b/>"), Code::BadNamespace),
        (domain("<title xmlns:xmlns='urn:x'>t</title>"), Code::BadNamespace),
        (domain("<title xmlns:xml='urn:x'>t</title>"), Code::BadNamespace),
        (domain("<title xmlns:a=''>t</title>"), Code::BadNamespace),
        // The prefix is libvirt's, its meaning is not.
        (domain("<lxc:namespace xmlns:lxc='urn:x'/>"), Code::UnknownElement),
        (
            domain(&format!("<n:namespace xmlns:n='{lxc}'><sharenet type='pid' value='1'/></n:namespace>")),
            Code::UnknownElement,
        ),
    ] {
        let found = codes(text.clone());
        let misplaced = code == Code::UnknownElement && found.first() == Some(&Code::MisplacedElement);
        assert!(found.first() == Some(&code) || misplaced, "{text}: {found:?}");
    }
    // Another prefix with the right meaning.
    let good = format!("<n:namespace xmlns:n='{lxc}'><n:sharenet type='pid' value='1'/></n:namespace>");
    assert_eq!(codes(domain(&good)), []);
}

#[test]
fn comments_and_instructions_change_nothing_in_any_position() {
    let text = "<domain type='lxc'>#<name>a#b</name>#<memory>65#536</memory>#<os>#<type>ex#e</type>#<init>/in#it</init>#</os>#</domain>#";
    for inserted in ["<!-- c -->", "<?p i?>", "<!---->", "<!--<x>&y;-->"] {
        let source = Source::new("everywhere.xml", text.replace('#', inserted));
        let reading = read(&source);
        let domain =
            reading.domain.unwrap_or_else(|| panic!("{}", reading.report.render_human(&source, false)));
        assert_eq!(domain.name.value.as_str(), "ab");
        assert_eq!(domain.init.commands[0].program.value, "/init");
    }
    let source = Source::new("cdata.xml", text.replace("#b", "<![CDATA[b]]>").replace('#', ""));
    assert_eq!(
        read(&source).domain.map(|domain| domain.name.value.as_str().to_owned()),
        Some("ab".to_owned())
    );
    assert_eq!(codes(text.replacen('#', "<![CDATA[x]]>", 1).replace('#', "")), [Code::StrayText]);
}
