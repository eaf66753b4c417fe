//! What the tables say of a row is what becomes of it: acted on, without effect, refused.
//!
//! Each row of a document is blanked out, or says something else, and the plans are compared. What
//! changes no plan is listed, and the list is read before it is accepted.

#[allow(dead_code)]
#[path = "../../xml/tests/support/rows.rs"]
mod rows;
#[allow(dead_code)]
#[path = "../../xml/tests/support/scan.rs"]
mod scan;

use std::fmt::Write as _;

use browndog_runtime::host::Host;
use browndog_runtime::plan::{Plan, Request, plan};
use browndog_runtime::survey::Survey;
use browndog_xml::covers::{COVERS, is_hidden};
use browndog_xml::domain::Domain;
use browndog_xml::report::{Code, Report};
use browndog_xml::schema::Support;
use browndog_xml::source::Source;

fn read(text: &str) -> (Option<Domain>, Report) {
    let reading = browndog_xml::read(&Source::new("row.xml", text));
    (reading.domain, reading.report)
}

/// What a start does, on version 2 and version 1 of control groups: everything but where it was asked for.
fn start(domain: &Domain) -> String {
    let mut out = String::new();
    for host in [Host::fixture_v2(), Host::fixture_hybrid()] {
        let survey = Survey::assume(domain, host.rootless || domain.idmap.is_some());
        let request = Request { instance: "1-2".to_owned(), ..Request::default() };
        let Plan { before, clone, attend, child, problems, notes, .. } =
            plan(domain, &host, &survey, &request);
        let said = problems.iter().chain(&notes).map(|it| it.message.as_str()).collect::<Vec<_>>();
        let host_steps: Vec<_> = before.iter().chain(&attend).map(|it| (&it.id, &it.step)).collect();
        let child_steps: Vec<_> = child.iter().map(|it| (&it.id, &it.step)).collect();
        writeln!(out, "{host_steps:?} {:?} {child_steps:?} {said:?}", clone.step).expect("a string grows");
    }
    // Where the strings are in memory is another place each time.
    let mut parts = out.split("pointers: [");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |text, part| text + part.split_once(']').map_or(part, |(_, rest)| rest))
}

/// `text` without the row, and with other values in its place, as far as they are documents.
fn changed(text: &str, row: &rows::Row, others: &[String]) -> Vec<Domain> {
    let Some((whole, value)) = rows::places(text, row).into_iter().next() else { return Vec::new() };
    let blank = text[whole.clone()].replace(|character| character != '\n', " ");
    let mut texts = vec![format!("{}{blank}{}", &text[..whole.start], &text[whole.end..])];
    for other in others.iter().filter(|other| **other != text[value.clone()]) {
        texts.push(format!("{}{other}{}", &text[..value.start], &text[value.end..]));
    }
    texts.iter().filter_map(|text| read(text).0).collect()
}

/// How far the row's effect is seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Seen {
    /// No two documents differ in this row alone.
    Nowhere,
    /// What was read is the same, and a warning says so or stops the start.
    ButSaid,
    /// What was read is the same.
    Not,
    /// What was read differs, a start does not.
    InTheDomain,
    /// A start differs.
    InThePlan,
}

fn look(row: &rows::Row) -> Seen {
    let documents: Vec<String> = rows::documents(row).take(12).collect();
    let values =
        |text: &String| rows::places(text, row).first().map(|(_, value)| text[value.clone()].to_owned());
    let mut others: Vec<String> = documents.iter().filter_map(values).collect();
    others.sort();
    others.dedup();
    others.truncate(4);
    let mut best = Seen::Nowhere;
    for text in &documents {
        let (Some(domain), report) = read(text) else { continue };
        let whole = rows::places(text, row).first().map_or(0..0, |(whole, _)| whole.clone());
        let said = !domain.unsupported.is_empty()
            || report.warnings().any(|warning| whole.contains(&(warning.span.start as usize)));
        for other in changed(text, row, &others) {
            let seen = if start(&domain) != start(&other) {
                return Seen::InThePlan;
            } else if domain != other {
                Seen::InTheDomain
            } else if said {
                Seen::ButSaid
            } else {
                Seen::Not
            };
            best = best.max(seen);
        }
    }
    best
}

#[test]
fn what_is_acted_on_changes_the_start() {
    let mut lists = [const { Vec::<String>::new() }; 3];
    let mut in_plans = 0;
    for (row, support) in rows::marks() {
        if support != Support::ActedOn {
            continue;
        }
        match look(&row) {
            Seen::InThePlan => in_plans += 1,
            Seen::ButSaid => {}
            Seen::Nowhere => lists[0].push(row.to_string()),
            Seen::Not => lists[1].push(row.to_string()),
            Seen::InTheDomain => lists[2].push(row.to_string()),
        }
    }
    let [nowhere, not, in_domains] = lists.map(|list| list.join("\n"));
    println!("{in_plans} rows change a start");
    // Each line is a row whose effect is elsewhere: read why before it is accepted.
    insta::assert_snapshot!(format!(
        "{in_plans} rows change a start.\n\nThe same to browndog/life or a report, not to a start:\n{in_domains}\n\n\
         Nothing differs:\n{not}\n\nNo two documents differ in the row alone:\n{nowhere}"
    ));
}

#[test]
fn what_is_ignored_changes_nothing_and_is_said_to() {
    let (mut looked_at, mut wrong) = (0, Vec::new());
    for (row, support) in rows::marks() {
        let Support::Ignored(_) = support else { continue };
        let Some((text, domain, report)) = rows::documents(&row).find_map(|text| {
            let (domain, report) = read(&text);
            Some((text, domain?, report))
        }) else {
            continue;
        };
        looked_at += 1;
        if !report.warnings().any(|warning| matches!(warning.code, Code::Ignored | Code::CannotStart)) {
            wrong.push(format!("{row}: nothing is said"));
        }
        if changed(&text, &row, &[]).iter().any(|other| start(other) != start(&domain)) {
            wrong.push(format!("{row}: it has an effect"));
        }
    }
    println!("{looked_at} rows without effect");
    assert!(looked_at > 100, "{looked_at}");
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn what_cannot_be_had_is_refused_or_stops_the_start() {
    let (mut looked_at, mut wrong) = (0, Vec::new());
    for (row, support) in rows::marks() {
        for text in rows::documents(&row) {
            let (domain, report) = read(&text);
            if rows::places(&text, &row).is_empty() && !matches!(support, Support::Refused(_)) {
                continue;
            }
            let right = match (support, &domain) {
                (Support::Refused(_), domain) => {
                    domain.is_none() && report.errors().any(|error| error.code == Code::Refused)
                }
                (Support::CannotStart(_), Some(domain)) => !domain.unsupported.is_empty(),
                _ => continue,
            };
            looked_at += 1;
            if !right {
                wrong.push(format!("{row}\n{text}"));
            }
            break;
        }
    }
    assert!(looked_at > 20, "{looked_at}");
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// What a bundle of a plain domain asks another runtime for is what a start of it does.
#[test]
fn a_default_bundle_hides_and_keeps_what_a_start_does() {
    let text = "<domain type='lxc'><name>plain</name><memory>65536</memory><os><type>exe</type><init>/init</init></os><devices><filesystem type='mount'><source dir='/srv/root'/><target dir='/'/></filesystem></devices></domain>";
    let bundle = browndog_xml::convert::to_oci(&Source::new("plain.xml", text)).text.expect("it is a bundle");
    let config: serde_json::Value = serde_json::from_str(&bundle).expect("it is JSON");
    let list = |pointer: &str| -> Vec<String> {
        let list = config.pointer(pointer).and_then(serde_json::Value::as_array).expect("it is a list");
        let mut list: Vec<String> = list.iter().filter_map(|it| it.as_str().map(str::to_owned)).collect();
        list.sort();
        list
    };
    let (domain, _) = read(text);
    let domain = domain.expect("it is valid");
    let host = Host { covers: COVERS.to_vec(), ..Host::fixture_v2() };
    let survey = Survey::assume(&domain, false);
    let plan = plan(&domain, &host, &survey, &Request { instance: "1-2".to_owned(), ..Request::default() });
    let mut covered: Vec<String> =
        plan.child.iter().filter_map(|it| it.id.strip_prefix("cover:").map(str::to_owned)).collect();
    covered.sort();
    let (hidden, readonly): (Vec<String>, Vec<String>) =
        covered.into_iter().partition(|path| is_hidden(path));
    assert_eq!(list("/linux/maskedPaths"), hidden);
    assert_eq!(list("/linux/readonlyPaths"), readonly);
    let kept = list("/process/capabilities/bounding");
    assert!(!kept.contains(&"CAP_NET_RAW".to_owned()) && !kept.contains(&"CAP_SYS_ADMIN".to_owned()));
    let mut default: Vec<String> = browndog_xml::value::Capability::DEFAULT
        .iter()
        .map(|capability| format!("CAP_{}", capability.name().to_uppercase()))
        .collect();
    default.sort();
    assert_eq!(kept, default);
}
