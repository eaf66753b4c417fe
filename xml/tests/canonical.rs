//! The canonical form: idempotent, the same domain, and what libvirt prints.

use std::path::{Path, PathBuf};

use browndog_xml::source::Source;
use browndog_xml::{fmt, laws, read};

fn corpus() -> Option<PathBuf> {
    let named = std::env::var_os("BROWNDOG_CORPUS").map(PathBuf::from);
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/corpus");
    let found = named.or(Some(beside)).filter(|path| path.join("manifest.tsv").is_file());
    if found.is_none() {
        eprintln!("skipped: no corpus (BROWNDOG_CORPUS is not set, ../shared/corpus is not there)");
    }
    found
}

fn formatted(name: &str, text: &str) -> String {
    let source = Source::new(name, text);
    fmt::format(&source)
        .unwrap_or_else(|report| panic!("{name} is refused:\n{}", report.render_human(&source, false)))
}

/// Lines without what libvirt drops (comments) or makes up (uuid, mac).
fn comparable(text: &str, generated: &[&str]) -> Vec<String> {
    let mut rest = text;
    let mut bare = String::new();
    while let Some(at) = rest.find("<!--") {
        bare.push_str(&rest[..at]);
        let end = rest[at..].find("-->").map_or(rest.len(), |end| at + end + 3);
        rest = &rest[end..];
    }
    bare.push_str(rest);
    bare.lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .filter(|line| !generated.iter().any(|name| line.starts_with(&format!("<{name}"))))
        .map(str::to_owned)
        .collect()
}

#[test]
fn the_canonical_form_is_what_libvirt_prints() {
    let Some(corpus) = corpus() else { return };
    let manifest = std::fs::read_to_string(corpus.join("manifest.tsv")).expect("the manifest is readable");
    let (mut same, mut all) = (0, 0);
    for line in manifest.lines().skip(1) {
        let fields: Vec<&str> = line.split('\t').collect();
        let oracle = corpus.join(fields[0].replace(".xml", ".normalised.xml"));
        let (Ok(oracle), Ok(text)) =
            (std::fs::read_to_string(oracle), std::fs::read_to_string(corpus.join(fields[0])))
        else {
            continue;
        };
        if fields[2] != "accept" {
            continue;
        }
        let ours = formatted(fields[0], &text);
        assert_eq!(formatted(fields[0], &ours), ours, "{}: idempotent", fields[0]);
        let generated: Vec<&str> = fields[7].split(' ').filter(|name| !name.is_empty()).collect();
        let (ours, theirs) = (comparable(&ours, &generated), comparable(&oracle, &generated));
        all += 1;
        if ours == theirs {
            same += 1;
            continue;
        }
        let first = ours
            .iter()
            .zip(&theirs)
            .position(|(ours, theirs)| ours != theirs)
            .unwrap_or(ours.len().min(theirs.len()));
        println!(
            "{} (lost: {})\n  ours   {:?}\n  theirs {:?}",
            fields[0],
            fields[8],
            ours.get(first),
            theirs.get(first)
        );
    }
    println!("{same} of {all} are the same");
    assert_eq!(same, all, "every document has libvirt's form");
}

#[test]
fn the_canonical_form_is_the_same_domain() {
    let Some(corpus) = corpus() else { return };
    for directory in ["accept", "rfc2008"] {
        for entry in std::fs::read_dir(corpus.join(directory)).expect("the corpus is readable") {
            let path = entry.expect("a directory lists its entries").path();
            laws::canonical(&std::fs::read(path).expect("a listed file is readable"));
        }
    }
}

#[test]
fn comments_stay_before_what_they_spoke_of() {
    let text = "<!-- top --><domain type='lxc'><os><type>exe</type><!-- run --><init>/init</init></os><!-- big -->\
        <memory unit='MiB'>1</memory><name>a</name><!-- last --></domain>";
    insta::assert_snapshot!(formatted("comments.xml", text));
}

#[test]
fn the_2007_dialect_is_ordered_and_not_extended() {
    let text = std::fs::read_to_string(format!(
        "{}/tests/accept/rfc-original-repaired.xml",
        env!("CARGO_MANIFEST_DIR")
    ))
    .expect("the test file is there");
    insta::assert_snapshot!(formatted("rfc.xml", &text));
    assert!(read(&Source::new("rfc.xml", formatted("rfc.xml", &text))).domain.is_some());
}

#[test]
fn a_prefix_that_the_root_declares_is_still_declared_in_metadata() {
    let text = "<domain type='lxc' xmlns:x='urn:x' xmlns:unused='urn:y'><name>a</name><memory>1</memory>\
        <metadata xmlns:z='urn:z'><x:note x:by='me'><z:it/>one</x:note></metadata><os><type>exe</type><init>/init</init></os></domain>";
    let form = formatted("prefix.xml", text);
    assert!(read(&Source::new("form.xml", form.clone())).domain.is_some(), "{form}");
    assert!(form.contains("xmlns:x='urn:x'"), "{form}");
    assert!(!form.contains("urn:y"), "{form}");
}

#[test]
fn no_comment_is_lost() {
    let own = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/accept");
    let directories = [Some(own), corpus().map(|corpus| corpus.join("accept"))];
    let mut documents = 0;
    for directory in directories.into_iter().flatten() {
        for entry in std::fs::read_dir(directory).expect("the directory is readable") {
            let path = entry.expect("a directory lists its entries").path();
            let source =
                Source::from_bytes("comments", std::fs::read(&path).expect("a listed file is readable"));
            let Ok(form) = fmt::format(&source) else { continue };
            let count = |text: &str| text.matches("<!--").count();
            assert_eq!(count(source.text()), count(&form), "{}\n{form}", path.display());
            documents += 1;
        }
    }
    assert!(documents > 0, "there are documents");
}

#[test]
fn a_cpuset_beside_placement_auto_is_said_to_have_no_effect_and_is_not_written() {
    let xml = "<domain type='lxc'><name>x</name><memory>1024</memory>\
               <vcpu placement='auto' cpuset='1'>2</vcpu>\
               <os><type>exe</type><init>/bin/true</init></os>\
               <devices><console type='pty'/></devices></domain>";
    let source = browndog_xml::source::Source::new("auto.xml", xml);
    let reading = browndog_xml::read(&source);
    assert_eq!(reading.domain.expect("it is valid").cpu.cpuset, None);
    let warned: Vec<String> = reading.report.warnings().map(|it| it.message.to_string()).collect();
    assert!(
        warned.iter().any(|message| message.starts_with("@cpuset of <vcpu> has no effect")),
        "{warned:?}"
    );
    assert!(!browndog_xml::fmt::format(&source).expect("it has a form").contains("cpuset"));
}
