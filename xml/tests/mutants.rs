//! One fault in a right document: the report names that place and nothing else.
//!
//! What is expected comes from the mutation, not from the checker: the line of the first byte that
//! differs, and the element or attribute that was changed. The mutants are made at every place of
//! every document in `tests/accept`.

mod support;

use std::collections::BTreeMap;

use browndog_xml::read;
use browndog_xml::source::Source;
use support::mutator::{Expect, Mutant, mutants};

/// How often a class was right.
#[derive(Default)]
struct Count {
    all: u32,
    line: u32,
    name: u32,
    /// More than one error for one fault.
    cascades: u32,
}

fn judge(mutant: &Mutant, counts: &mut BTreeMap<&'static str, Count>, wrong: &mut Vec<String>) {
    let source = Source::new("mutant.xml", mutant.text.clone());
    let reading = read(&source);
    let errors: Vec<_> = reading.report.errors().collect();
    let shown = |what: &str| {
        let said = errors.first().map(|it| {
            format!("{} {}:{} {}", it.code, source.position(it.span.start).line, it.path, it.message)
        });
        format!("{what}: {} {} line {}: {said:?}", mutant.class, mutant.note, mutant.line)
    };
    let Some(first) = errors.first() else {
        assert!(mutant.expect != Expect::Error, "{} is accepted:\n{}", shown("verdict"), mutant.text);
        return;
    };
    assert!(mutant.expect != Expect::Right, "{} is refused:\n{}", shown("verdict"), mutant.text);
    let count = counts.entry(mutant.class).or_default();
    count.all += 1;
    if source.position(first.span.start).line == mutant.line {
        count.line += 1;
    } else {
        wrong.push(shown("line"));
    }
    let last = first.path.rsplit(['/', '@']).next().unwrap_or_default();
    let bare = last.split('[').next().unwrap_or_default();
    let named = |name: &String| {
        name == bare
            || first.message.contains(&format!("<{name}>"))
            || first.message.contains(&format!("'{name}'"))
    };
    if mutant.names.iter().any(named) {
        count.name += 1;
    } else {
        wrong.push(shown("name"));
    }
    if errors.len() > 1 {
        count.cascades += 1;
        let second = &errors[1];
        wrong.push(format!("{}, then {} {} {}", shown("cascade"), second.code, second.path, second.message));
    }
}

#[test]
fn one_fault_is_one_error_at_its_place() {
    let mut counts = BTreeMap::new();
    let mut wrong = Vec::new();
    for (name, text) in support::accepted() {
        let source = Source::new(name.clone(), text.clone());
        let reading = read(&source);
        assert!(reading.domain.is_some(), "{}", reading.report.render_human(&source, false));
        for mutant in mutants(&text) {
            judge(&mutant, &mut counts, &mut wrong);
        }
    }
    for line in wrong.iter().take(400) {
        println!("{line}");
    }
    let mut total = Count::default();
    for (class, count) in &counts {
        println!(
            "{class}: {} refused, line {}, name {}, cascades {}",
            count.all, count.line, count.name, count.cascades
        );
        total.all += count.all;
        total.line += count.line;
        total.name += count.name;
        total.cascades += count.cascades;
    }
    println!(
        "all: {} refused, line {}, name {}, cascades {}",
        total.all, total.line, total.name, total.cascades
    );
    assert!(total.all > 2000, "there are mutants: {}", total.all);
    let share = |part: u32| f64::from(part) / f64::from(total.all);
    assert!(share(total.line) >= 0.99, "lines: {}", share(total.line));
    assert!(share(total.name) >= 0.99, "names: {}", share(total.name));
    assert!(share(total.cascades) <= 0.01, "cascades: {}", share(total.cascades));
}
