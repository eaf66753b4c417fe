//! Every plan obeys the ordering table and the laws, whatever the document and the machine.
//!
//! Documents are put together from parts that a plan decides on; machines are the named fixtures.

mod common;

use browndog_runtime::host::Host;
use browndog_runtime::plan::{laws, mutate};
use browndog_runtime::survey::Survey;
use browndog_xml::source::Source;
use proptest::prelude::*;

fn hosts() -> impl Strategy<Value = Host> {
    prop_oneof![
        Just(Host::fixture_v2()),
        Just(Host::fixture_hybrid()),
        Just(Host::fixture_rootless()),
        Just(Host::fixture_5_10()),
    ]
}

/// Each part is there or not; the parts are those that make a plan differ.
fn documents() -> impl Strategy<Value = String> {
    let filesystems = prop::collection::vec(
        prop_oneof![
            Just("<filesystem type='mount'><source dir='/usr'/><target dir='/mnt'/></filesystem>"),
            Just("<filesystem type='mount'><source dir='/usr'/><target dir='/opt'/><readonly/></filesystem>"),
            Just("<filesystem type='ram'><source usage='1024'/><target dir='/tmp'/></filesystem>"),
            Just("<filesystem type='bind'><source dir='/usr'/><target dir='/srv'/></filesystem>"),
            Just("<filesystem type='mount'><source dir='/'/><target dir='/'/></filesystem>"),
            Just("<filesystem type='mount'><source dir='/'/><target dir='/'/><readonly/></filesystem>"),
        ],
        0..4,
    )
    .prop_map(|mut list| {
        // A target named twice is refused by the reader.
        list.sort_by_key(|text| text.split("target").nth(1).map(str::to_owned));
        list.dedup_by_key(|text| text.split("target dir='").nth(1).and_then(|rest| rest.split('\'').next()));
        list.concat()
    });
    let features = prop_oneof![Just(""), Just("<features><privnet/></features>"),];
    let lxc = (features, filesystems)
        .prop_map(|(features, filesystems)| common::document(features, "", &filesystems));
    prop_oneof![9 => lxc, 1 => Just(common::networked())]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn every_plan_obeys_every_law(xml in documents(), host in hosts()) {
        let plan = common::plan_for(&common::domain(&xml), &host);
        prop_assert_eq!(laws::broken(&plan), Vec::<String>::new());
    }

    #[test]
    fn every_listed_mutation_changes_the_plan(xml in documents(), host in hosts()) {
        let plan = common::plan_for(&common::domain(&xml), &host);
        for mutation in mutate::all(&plan) {
            let mut mutated = plan.clone();
            prop_assert!(mutate::apply(&mut mutated, &mutation), "{}", mutation);
            prop_assert_eq!(mutate::Mutation::parse(&mutation.to_string()), Some(mutation));
        }
    }

    #[test]
    fn the_same_document_gives_the_same_plan(xml in documents(), host in hosts()) {
        let domain = common::domain(&xml);
        let print = || common::plan_for(&domain, &host).to_string();
        prop_assert_eq!(print(), print());
    }
}

#[test]
fn a_swapped_pair_of_an_ordering_row_is_found() {
    let domain = common::domain(&common::document("", "", ""));
    let mut plan = common::plan_for(&domain, &Host::fixture_v2());
    let at = |plan: &browndog_runtime::plan::Plan, id: &str| {
        plan.child.iter().position(|entry| entry.id == id).expect("the step is in the plan")
    };
    let (pivot, detach) = (at(&plan, "pivot"), at(&plan, "detach-old-root"));
    plan.child.swap(pivot, detach);
    let broken = laws::broken(&plan);
    assert!(broken.iter().any(|law| law.contains("pivot must stand before detach-old-root")), "{broken:?}");
}

/// The faults that the laws are there for, each seeded: none goes by unseen.
#[rstest::rstest]
#[case::marked_only("weaken:close-fds:marked", "may lead to a descriptor")]
#[case::left_open("skip:close-fds", "may lead to a descriptor")]
#[case::any_directory("weaken:change-dir:magic-links", "change-dir may lead to")]
#[case::any_program("weaken:exec:magic-links", "exec may lead to")]
#[case::descriptors("weaken:descriptors:open", "may lead to a descriptor")]
#[case::by_path("weaken:places:by-path", "follows whatever is at its path")]
#[case::mount_by_path("weaken:mount:/proc:by-path", "mount:/proc follows whatever")]
#[case::cover_by_path("weaken:cover:/proc/keys:by-path", "cover:/proc/keys follows whatever")]
#[case::nothing_held("skip:hold:/dev/null", "before it is filled")]
#[case::no_procfs("skip:mount:/proc", "before it is filled")]
fn a_plan_that_breaks_a_law_of_ours_is_found(#[case] fault: &str, #[case] law: &str) {
    let devices = "<filesystem type='mount'><source dir='/usr'/><target dir='/mnt'/></filesystem>";
    let domain = common::domain(&common::document("<features><privnet/></features>", "", devices));
    for host in [Host::fixture_v2(), Host::fixture_hybrid(), Host::fixture_5_10()] {
        let mut plan = common::plan_for(&domain, &host);
        let fault = mutate::Mutation::parse(fault).expect("a fault");
        assert!(mutate::apply(&mut plan, &fault), "{fault}");
        let broken = laws::broken(&plan);
        assert!(broken.iter().any(|found| found.contains(law)), "{fault}: {broken:?}");
    }
}

#[test]
fn what_is_covered_after_the_documents_mounts_is_found() {
    let devices = "<filesystem type='mount'><source dir='/usr'/><target dir='/mnt'/></filesystem>";
    let sysctl =
        "<browndog:sysctl xmlns:browndog='urn:browndog:domain:1' name='kernel.msgmax' value='9000'/>";
    let domain = common::domain(&common::document("", sysctl, devices));
    for id in ["cover:/proc/keys", "hold:/dev/null", "sysctl:kernel.msgmax"] {
        let mut plan = common::plan_for(&domain, &Host::fixture_v2());
        let at = |plan: &browndog_runtime::plan::Plan, id: &str| {
            plan.child.iter().position(|entry| entry.id == id).expect("the step is in the plan")
        };
        let step = plan.child.remove(at(&plan, id));
        let after = at(&plan, "attach:/mnt") + 1;
        plan.child.insert(after, step);
        let broken = laws::broken(&plan);
        assert!(
            broken.iter().any(|law| law.contains("follows a path of the document's")),
            "{id}: {broken:?}"
        );
    }
}

/// The documents of the repository and of what fuzzing found, also made from its bytes.
#[test]
fn plans_of_all_documents_break_no_law_on_any_machine() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut seen = 0;
    for directory in
        ["domains", "xml/tests/accept", "fuzz/regressions", "fuzz/seeds/xml_generated", "fuzz/seeds/plan"]
    {
        let Ok(entries) = std::fs::read_dir(root.join(directory)) else { continue };
        for entry in entries {
            let path = entry.expect("a directory lists its entries").path();
            let Ok(bytes) = std::fs::read(&path) else { continue };
            let made = browndog_xml::generate::Generator::new(&bytes).of_host(&laws::THERE).acceptable();
            let documents =
                [Source::from_bytes("document.xml", bytes.clone()), Source::new("made.xml", made)];
            for source in documents {
                let Some(domain) = browndog_xml::read(&source).domain else { continue };
                assert_eq!(laws::broken_anywhere(&domain), Vec::<String>::new(), "{}", path.display());
                seen += 1;
            }
        }
    }
    assert!(seen > 20, "{seen}");
}

/// A copy that is made by a path before something is hidden shows it.
#[test]
fn what_hides_after_a_path_is_followed_is_found() {
    let devices = "<filesystem type='mount'><source dir='/usr'/><target dir='/mnt'/></filesystem>\
                   <filesystem type='bind'><source dir='/mnt'/><target dir='/srv'/></filesystem>";
    let mask = "<browndog:mask xmlns:browndog='urn:browndog:domain:1' path='/mnt/share'/>";
    let domain = common::domain(&common::document("", mask, devices));
    let host = Host::fixture_v2();
    let mut survey = Survey::look(&domain, host.rootless, false);
    let state = std::fs::canonicalize("/usr/share").expect("it is there").display().to_string();
    survey.look_for_state(&domain, &[state]);
    // The same directory serves as state, so that both ways of hiding are in one plan.
    let hidden = survey.state.clone();
    for with_state in [true, false] {
        survey.state = if with_state { hidden.clone() } else { Vec::new() };
        let id = if with_state { "hide-state:/mnt/share" } else { "mask:/mnt/share" };
        let whole = browndog_runtime::plan::plan(&domain, &host, &survey, &common::request());
        assert!(whole.problems.is_empty(), "{:?}", whole.problems);
        assert_eq!(laws::broken(&whole), [""; 0], "{id}");
        let at = |plan: &browndog_runtime::plan::Plan, id: &str| {
            plan.child.iter().position(|entry| entry.id == id).expect("the step is in the plan")
        };
        let mut plan = whole.clone();
        let step = plan.child.remove(at(&plan, id));
        let after = at(&plan, "clone-tree:/srv") + 1;
        plan.child.insert(after, step);
        let broken = laws::broken(&plan);
        assert!(broken.iter().any(|law| law.contains("which follows a path")), "{id}: {broken:?}");
        // By its name, also where it stood.
        let mut plan = whole.clone();
        let at = at(&plan, id);
        if let browndog_runtime::plan::step::ChildStep::Attach { target, .. }
        | browndog_runtime::plan::step::ChildStep::MountNew { target, .. } = &mut plan.child[at].step
        {
            *target = browndog_runtime::plan::step::Beneath::new("/mnt/share");
        }
        let broken = laws::broken(&plan);
        assert!(broken.iter().any(|law| law.contains("hides by its name")), "{id}: {broken:?}");
    }
}
