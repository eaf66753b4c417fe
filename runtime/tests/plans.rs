//! The plans of the sample domains, whole: a change of the start shows as a change of these files.

mod common;

use browndog_runtime::host::Host;
use browndog_runtime::plan::{Request, laws, plan};
use browndog_runtime::survey::Survey;
use rstest::rstest;

/// The plan of `domains/NAME.xml`, with sources that are all there.
fn planned(name: &str, host: &Host) -> String {
    let path = format!("{}/../domains/{name}.xml", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(&path).expect("a sample domain");
    let domain = common::domain(&text);
    let survey = Survey::assume(&domain, host.rootless || domain.idmap.is_some());
    let request = Request { instance: "PID-START".to_owned(), ..Request::default() };
    let plan = plan(&domain, host, &survey, &request);
    assert_eq!(laws::broken(&plan), Vec::<String>::new());
    let said = |list: &[browndog_runtime::plan::Problem], word: &str| -> String {
        list.iter().map(|problem| format!("{word}: {} ({})\n", problem.message, problem.help)).collect()
    };
    format!("{plan}{}{}", said(&plan.notes, "note"), said(&plan.problems, "problem"))
}

#[rstest]
#[case::hello_on_v2("hello", Host::fixture_v2())]
#[case::hello_on_hybrid("hello", Host::fixture_hybrid())]
#[case::hello_without_root("hello", Host::fixture_rootless())]
#[case::hello_on_5_10("hello", Host::fixture_5_10())]
#[case::browndog_on_v2("browndog", Host::fixture_v2())]
#[case::browndog_on_hybrid("browndog", Host::fixture_hybrid())]
fn plan_of(#[case] name: &str, #[case] host: Host) {
    let context = rstest_name();
    insta::assert_snapshot!(context, planned(name, &host));
}

/// `plan_of::case_1_hello_on_v2` becomes `hello_on_v2`.
fn rstest_name() -> String {
    let thread = std::thread::current();
    let name = thread.name().unwrap_or_default().rsplit("::").next().unwrap_or_default().to_owned();
    name.splitn(3, '_').nth(2).unwrap_or_default().to_owned()
}
