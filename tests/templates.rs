//! The templates for other people's pipelines: their commands, as they stand in the files, on this machine.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

mod support;

/// A directory with `browndog` on its path, and what a pipeline would have of its own.
struct Pipeline {
    place: tempfile::TempDir,
}

impl Pipeline {
    fn new() -> Self {
        let place = tempfile::tempdir().expect("a directory");
        let bin = place.path().join("bin");
        fs::create_dir(&bin).expect("a directory");
        symlink(env!("CARGO_BIN_EXE_browndog"), bin.join("browndog")).expect("a link");
        // The test runs as root already.
        support::install_script(&bin.join("sudo"), "#!/bin/sh\nexec \"$@\"\n");
        fs::create_dir(place.path().join("work")).expect("a directory");
        Self { place }
    }
    fn work(&self) -> PathBuf {
        self.place.path().join("work")
    }
    /// Runs a script as the pipeline's shell would: it ends at the first command that fails.
    fn run(&self, script: &str, env: &[(String, String)]) -> String {
        let path = format!(
            "{}:{}",
            self.place.path().join("bin").display(),
            std::env::var("PATH").unwrap_or_default()
        );
        let output = Command::new("bash")
            .args(["-e", "-c", script])
            .current_dir(self.work())
            .envs(env.iter().cloned())
            .env("PATH", path)
            .env("OPTIONS", "--area pid,uts,ipc")
            .output()
            .expect("bash runs");
        let said =
            format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success(), "{script}\n{}: {said}", output.status);
        said
    }
    /// The merged report holds what one run over the same selection does, and each file is there.
    fn merged(&self) {
        let report = fs::read_to_string(self.work().join("conformance.json")).expect("a merged report");
        let report: browndog_conformance::RunReport = serde_json::from_str(&report).expect("a report");
        assert_eq!(report.cells.len(), 1);
        let ids: Vec<&str> = report.cells[0].results.iter().map(|r| r.id.as_str()).collect();
        let all = browndog_conformance::checks::all();
        let areas = ["pid", "uts", "ipc"];
        let expected: Vec<&str> = all.iter().filter(|c| areas.contains(&c.area())).map(|c| c.id).collect();
        assert_eq!(ids, expected);
        for file in ["conformance.xml", "conformance.html"] {
            assert!(self.work().join(file).metadata().is_ok_and(|m| m.len() > 1000), "{file}");
        }
    }
}

fn documents(name: &str) -> Vec<Value> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("ci/templates").join(name);
    let text = fs::read_to_string(&path).expect("a template");
    text.split("\n---\n")
        .map(|part| serde_saphyr::from_str(part).unwrap_or_else(|e| panic!("{name}: {e}")))
        .collect()
}

fn text<'a>(value: &'a Value, pointer: &str) -> &'a str {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_else(|| panic!("no text at {pointer}"))
}

fn variables(value: &Value) -> Vec<(String, String)> {
    let pairs = value.as_object().expect("variables").iter();
    pairs.map(|(name, value)| (name.clone(), value.as_str().unwrap_or_default().to_owned())).collect()
}

fn root() -> bool {
    let root = nix::unistd::geteuid().is_root();
    if !root {
        eprintln!("skipped: starting containers for the suite needs root");
    }
    root
}

#[test]
fn github_actions_shards_and_merges() {
    let all = documents("github-actions.yml");
    let shards =
        all[0].pointer("/jobs/shard/strategy/matrix/shard").and_then(Value::as_array).expect("a matrix");
    let steps = |job: &str| -> Vec<Value> {
        all[0].pointer(&format!("/jobs/{job}/steps")).and_then(Value::as_array).expect("steps").clone()
    };
    let script =
        |job: &str| steps(job).into_iter().find(|s| s.get("run").is_some()).expect("a step that runs");
    assert!(
        text(&script("shard"), "/run").contains(&format!("/{}\"", shards.len())),
        "the matrix has as many shards"
    );
    assert_eq!(text(&all[0], "/jobs/report/needs"), "shard");
    if !root() {
        return;
    }
    let pipeline = Pipeline::new();
    let step = script("shard");
    for shard in shards {
        let mut env = variables(&all[0]["env"]);
        let own = variables(&step["env"]).into_iter();
        env.extend(own.map(|(name, value)| (name, value.replace("${{ matrix.shard }}", &shard.to_string()))));
        let _said = pipeline.run(text(&step, "/run"), &env);
    }
    let _said = pipeline.run(text(&script("report"), "/run"), &[]);
    pipeline.merged();
}

#[test]
fn gitlab_shards_and_merges() {
    let all = documents("gitlab-ci.yml");
    let parts = all[0].pointer("/conformance/parallel").and_then(Value::as_u64).expect("a number");
    assert_eq!(text(&all[0], "/report/artifacts/reports/junit"), "conformance.xml");
    if !root() {
        return;
    }
    let pipeline = Pipeline::new();
    for part in 1..=parts {
        let mut env = variables(&all[0]["variables"]);
        env.push(("CI_NODE_INDEX".into(), part.to_string()));
        env.push(("CI_NODE_TOTAL".into(), parts.to_string()));
        let _said = pipeline.run(text(&all[0], "/conformance/script/0"), &env);
    }
    let _said = pipeline.run(text(&all[0], "/report/script/0"), &[]);
    pipeline.merged();
}

#[test]
fn kubernetes_shards_and_merges() {
    let all = documents("kubernetes.yml");
    let container = "/spec/template/spec/containers/0";
    let env = |job: &Value, pipeline: &Pipeline| -> Vec<(String, String)> {
        let list =
            job.pointer(&format!("{container}/env")).and_then(Value::as_array).expect("variables").clone();
        let value = |v: &Value| match text(v, "/name") {
            "REPORTS" => pipeline.work().display().to_string(),
            _ => text(v, "/value").to_owned(),
        };
        list.iter().map(|v| (text(v, "/name").to_owned(), value(v))).collect()
    };
    let pipeline = Pipeline::new();
    let completions = all[0].pointer("/spec/completions").and_then(Value::as_u64).expect("a number");
    for job in &all {
        assert!(env(job, &pipeline).contains(&("SHARDS".to_owned(), completions.to_string())));
    }
    assert_eq!(text(&all[0], "/spec/completionMode"), "Indexed");
    if !root() {
        return;
    }
    for index in 0..completions {
        let mut env = env(&all[0], &pipeline);
        env.push(("JOB_COMPLETION_INDEX".into(), index.to_string()));
        let _said = pipeline.run(text(&all[0], &format!("{container}/args/0")), &env);
    }
    let _said = pipeline.run(text(&all[1], &format!("{container}/args/0")), &env(&all[1], &pipeline));
    pipeline.merged();
}
