//! Limits change while a domain runs, in its definition, or both; the kernel is asked what it keeps.
#![allow(unused_results, reason = "commands are built in steps")]

mod support;

use rstest::rstest;
use serde_json::{Value, json};
use support::life::Life;
use support::root;

fn sleeping() -> Option<Life> {
    if !root() {
        return None;
    }
    let life = Life::new();
    life.define("while :; do sleep 1; done");
    life.ok(&["start", life.name()]);
    Some(life)
}

fn settings(life: &Life, verb: &str, scope: &str) -> Value {
    let text = life.ok(&[verb, life.name(), scope, "--format", "json"]);
    serde_json::from_str(&text).unwrap()
}

#[rstest]
#[case::memory(&["setmem", "NAME", "32MiB"], "memtune", "hard_limit", json!(32_768))]
#[case::soft(&["memtune", "NAME", "--soft-limit", "16MiB"], "memtune", "soft_limit", json!(16_384))]
#[case::shares(&["schedinfo", "NAME", "--cpu-shares", "512"], "schedinfo", "cpu_shares", json!(512))]
#[case::quota(&["schedinfo", "NAME", "--set", "vcpu_quota=50000"], "schedinfo", "vcpu_quota", json!(50_000))]
#[case::pids(&["pids", "NAME", "--limit", "77"], "pids", "limit", json!(77))]
#[case::cpus(&["cpuset", "NAME", "--cpus", "0"], "cpuset", "cpus", json!("0"))]
fn a_limit_is_changed_where_it_was_asked_and_read_back(
    #[case] command: &[&str],
    #[case] verb: &str,
    #[case] key: &str,
    #[case] value: Value,
) {
    let Some(life) = sleeping() else { return };
    let command: Vec<&str> =
        command.iter().map(|word| if *word == "NAME" { life.name() } else { word }).collect();
    life.ok(&command);
    let live = settings(&life, verb, "--live");
    assert_eq!(live["settings"][key], value);
    assert!(!live["kernel"].as_object().unwrap().is_empty(), "{live}");
    assert_ne!(settings(&life, verb, "--config")["settings"][key], value);
    // In the definition: it holds from the next start on.
    let mut config = command.clone();
    config.push("--config");
    life.ok(&config);
    assert_eq!(settings(&life, verb, "--config")["settings"][key], value);
    life.ok(&["destroy", life.name()]);
    life.ok(&["start", life.name()]);
    assert_eq!(settings(&life, verb, "--live")["settings"][key], value);
    life.ok(&["destroy", life.name()]);
    life.assert_gone();
}

#[test]
fn what_a_start_would_refuse_is_refused_and_nothing_changes() {
    let Some(life) = sleeping() else { return };
    let said = life.fails(1, &["cpuset", life.name(), "--cpus", "0-4000"]);
    assert!(said.contains("this machine has no CPU"), "{said}");
    let said = life.fails(1, &["setmem", life.name(), "1GiB"]);
    assert!(said.contains("more than the domain's maximum"), "{said}");
    let said = life.fails(1, &["pids", life.name(), "--limit", "0"]);
    assert!(said.contains("limit"), "{said}");
    assert_eq!(settings(&life, "memtune", "--live")["settings"]["hard_limit"], 65_536);
    life.fails(2, &["setmem", life.name(), "lots"]);
}

#[test]
fn a_limit_below_what_is_held_is_refused() {
    let Some(life) = sleeping() else { return };
    let said = life.fails(1, &["setmem", life.name(), "4KiB"]);
    assert!(said.contains("the kernel would kill them"), "{said}");
    assert_eq!(life.state(), "running");
}

#[test]
fn a_domain_that_does_not_run_is_changed_in_its_definition() {
    if !root() {
        return;
    }
    let life = Life::new();
    life.define("exit 0");
    life.ok(&["memtune", life.name(), "--hard-limit", "16MiB"]);
    assert_eq!(settings(&life, "memtune", "--config")["settings"]["hard_limit"], 16_384);
    assert!(life.fails(1, &["memtune", life.name(), "--hard-limit", "8MiB", "--live"]).contains("shut off"));
    life.ok(&["memtune", life.name(), "--hard-limit", "-1"]);
    assert_eq!(settings(&life, "memtune", "--config")["settings"]["hard_limit"], 65_536);
}

#[test]
fn stats_say_what_a_domain_uses() {
    let Some(life) = sleeping() else { return };
    let all: Value = serde_json::from_str(&life.ok(&["stats", "--format", "json"])).unwrap();
    let stats = &all[0];
    assert_eq!(stats["name"], life.name());
    assert!(stats["memory"]["current"].as_u64().unwrap() > 0, "{stats}");
    assert_eq!(stats["memory"]["limit"], 64 << 20);
    assert!(stats["pids"]["current"].as_u64().unwrap() >= 1, "{stats}");
    assert!(stats["interfaces"]["lo"].is_object(), "{stats}");
    assert!(life.ok(&["stats", life.name()]).contains("  memory.limit=67108864"));
    assert!(life.ok(&["top"]).contains(life.name()));
    life.ok(&["destroy", life.name()]);
    life.fails(1, &["stats", life.name()]);
}
