//! Every document of the corpus that is valid has a whole plan on every kind of machine, without any
//! privilege.
//!
//! `BROWNDOG_CORPUS` names the corpus; without it `../shared/corpus` beside the checkout is tried; without
//! both the samples alone are planned.

mod common;

use std::path::{Path, PathBuf};

use browndog_runtime::host::Host;
use browndog_runtime::plan::step::ChildStep;
use browndog_runtime::plan::{Plan, Request, laws, plan};
use browndog_runtime::survey::Survey;
use browndog_xml::domain::Origin;
use browndog_xml::source::Source;

fn documents() -> Vec<PathBuf> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let corpus =
        std::env::var_os("BROWNDOG_CORPUS").map_or_else(|| here.join("../../shared/corpus"), PathBuf::from);
    if !corpus.exists() {
        eprintln!("skipped the corpus: BROWNDOG_CORPUS is not set, ../shared/corpus is not there");
    }
    let mut found = Vec::new();
    let mut dirs = vec![corpus, here.join("../domains")];
    while let Some(dir) = dirs.pop() {
        for entry in std::fs::read_dir(dir).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.is_dir() {
                dirs.push(path);
            } else if path.extension().is_some_and(|extension| extension == "xml") {
                found.push(path);
            }
        }
    }
    assert!(!found.is_empty(), "at least the samples are there");
    found
}

fn complete(plan: &Plan, file: &Path) {
    let said = |origin: &Origin| match origin {
        Origin::Xml(span) => span.start < span.end,
        Origin::Default(reason) => !reason.is_empty(),
    };
    let host = plan.before.iter().chain(&plan.attend).map(|entry| (&entry.id, &entry.origin, entry.why));
    let child = plan.child.iter().map(|entry| (&entry.id, &entry.origin, entry.why));
    for (id, origin, why) in host.chain(child) {
        assert!(said(origin) && !why.is_empty(), "{}: {id} says neither who nor why", file.display());
    }
    // A plan that names a step which cannot be done is refused, and still printed to its end.
    assert_eq!(laws::broken(plan), Vec::<String>::new(), "{}", file.display());
    let text = plan.to_string();
    assert_eq!(text.lines().count(), plan.before.len() + plan.attend.len() + plan.child.len() + 1);
    assert!(matches!(
        plan.child.last().map(|entry| &entry.step),
        Some(ChildStep::Exec { .. } | ChildStep::ExecBuiltInInit { .. })
    ));
    for problem in plan.problems.iter().chain(&plan.notes) {
        assert!(
            said(&problem.origin) && !problem.message.is_empty() && !problem.help.is_empty(),
            "{problem:?}"
        );
    }
}

#[test]
fn every_valid_document_has_a_whole_plan_on_every_machine() {
    let hosts = [
        Host::fixture_v2(),
        Host::fixture_hybrid(),
        Host::fixture_rootless(),
        Host::fixture_5_10(),
        Host::probe(),
    ];
    let mut planned = 0;
    for file in documents() {
        // What is no text at all is no valid document.
        let Ok(text) = std::fs::read_to_string(&file) else { continue };
        let Some(domain) = browndog_xml::read(&Source::new("test.xml", text)).domain else { continue };
        planned += 1;
        for host in &hosts {
            let bind_nodes = host.rootless || domain.idmap.is_some();
            let request = Request { instance: "PID-START".to_owned(), ..Request::default() };
            let mut seen = Survey::look(&domain, bind_nodes, false);
            seen.open_shared(&domain, &[]);
            for survey in [Survey::assume(&domain, bind_nodes), seen] {
                complete(&plan(&domain, host, &survey, &request), &file);
            }
        }
    }
    println!("{planned} documents planned on {} machines", hosts.len());
    assert!(planned >= 9, "the samples at least");
}
