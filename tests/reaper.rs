//! `--init` of the verbs that start in the background: orphans are waited for, by the small process 1.
#![allow(unused_results, reason = "commands are built in steps")]

mod support;

use rstest::rstest;
use support::life::Life;
use support::root;

/// Never waits for anybody.
const DEAF: &str = "exec sleep 1000";

const OFF: &str = "<browndog:init xmlns:browndog='urn:browndog:domain:1' state='off'/>";

/// Leaves orphans behind and says how many of the container's processes are zombies once they have ended.
fn zombies(life: &Life) -> usize {
    for _ in 0..5 {
        life.ok(&["exec", life.name(), "--", "sh", "-c", "sleep 0.1 & exit 0"]);
    }
    let states = || life.ok(&["exec", life.name(), "--", "sh", "-c", "cat /proc/[0-9]*/stat; true"]);
    // The init's own sleep stays.
    life.wait_for("the ends", || states().lines().filter(|stat| stat.contains("(sleep) S")).count() <= 1);
    states().lines().filter(|stat| stat.contains(") Z ")).count()
}

#[rstest]
#[case::as_it_is("", &["start", "NAME"], 5)]
#[case::start("", &["start", "--init", "NAME"], 0)]
#[case::start_against_the_definition(OFF, &["start", "NAME", "--init"], 0)]
#[case::create("", &["create", "--init", "FILE"], 0)]
fn orphans_are_waited_for(#[case] more: &str, #[case] verb: &[&str], #[case] left: usize) {
    if !root() {
        return;
    }
    let life = Life::new();
    let file = life.case.script(DEAF);
    let document = std::fs::read_to_string(&file).unwrap().replace("<os>", &format!("{more}<os>"));
    std::fs::write(&file, document).unwrap();
    let file = file.to_str().unwrap();
    let defined = verb[0] == "start";
    if defined {
        life.ok(&["define", file]);
    }
    let words = verb.iter().map(|word| match *word {
        "NAME" => life.name(),
        "FILE" => file,
        word => word,
    });
    life.ok(&words.collect::<Vec<_>>());
    assert_eq!(zombies(&life), left);
    let says = |text: String| text.contains("<browndog:init state='on'/>");
    assert_eq!(says(life.ok(&["dumpxml", life.name()])), left == 0);
    if defined {
        // One start's, not the definition's.
        assert!(!says(life.ok(&["dumpxml", "--inactive", life.name()])));
        life.ok(&["destroy", life.name()]);
        life.ok(&["start", life.name()]);
        life.wait_for_program("sleep");
    }
    life.ok(&["destroy", life.name()]);
    life.assert_gone();
}

#[test]
fn a_restart_has_what_the_start_had() {
    if !root() {
        return;
    }
    let life = Life::new();
    life.define_with("trap 'exit 0' TERM; while :; do sleep 0.1; done", "<on_reboot>restart</on_reboot>");
    life.ok(&["start", "--init", life.name()]);
    life.wait_for_program("browndog-init");
    life.ok(&["setmem", life.name(), "48MiB"]);
    life.ok(&["reboot", "--timeout", "60", life.name()]);
    life.wait_for_program("browndog-init");
    life.ok(&["shutdown", "--timeout", "60", life.name()]);
    life.assert_gone();
}
