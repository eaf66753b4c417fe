//! Every code has an explanation whose examples show it.

use browndog_xml::explain::{Code, all, explain, findings};

#[test]
fn every_explained_fault_shows_in_its_bad_example_and_not_in_its_good_one() {
    for explanation in all() {
        let code = explanation.code;
        let deep = format!("{}{}", "<x>".repeat(300), "</x>".repeat(300));
        let bad = explanation.bad.replace("… 300 elements, each in the one before …", &deep);
        let (source, report) = findings(code, &bad);
        let codes: Vec<Code> = report.diagnostics.iter().map(|it| it.code).collect();
        assert!(
            codes.contains(&code),
            "{code}: the bad example gives {codes:?}\n{}",
            report.render_human(&source, false)
        );
        let (source, report) = findings(code, explanation.good);
        assert!(
            !report.has_errors(),
            "{code}: the good example is refused\n{}",
            report.render_human(&source, false)
        );
        assert!(report.diagnostics.iter().all(|it| it.code != code), "{code} shows in its good example");
    }
}

#[test]
fn every_code_is_explained_once() {
    let mut explained: Vec<Code> = all().iter().map(|explanation| explanation.code).collect();
    explained.sort();
    assert_eq!(explained, Code::ALL);
}

#[test]
fn a_code_is_found_with_and_without_its_letters() {
    assert_eq!(explain("BD0200").map(|it| it.code), Some(Code::UnknownElement));
    assert_eq!(explain("200").map(|it| it.code), Some(Code::UnknownElement));
    assert!(explain("BD9999").is_none());
}
