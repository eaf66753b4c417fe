//! Every way in which what is asked for is wrong: the exact exit status, the exact code, nothing left behind.
#![allow(unused_results, reason = "commands are built in steps")]

mod support;

use std::fs;
use std::path::Path;
use std::process::Command;

use rstest::rstest;
use support::{BROWNDOG, Case, as_plain_user, browndog, root, run, text};

#[rstest]
#[case::empty("", "BD0003")]
#[case::not_xml("hello world\n", "BD0003")]
#[case::cut_off("<domain type='lxc'><name>x", "BD0005")]
#[case::wrong_root("<network><name>x</name></network>", "BD0100")]
#[case::kvm("<domain type='kvm'><name>x</name></domain>", "BD0101")]
#[case::doctype("<!DOCTYPE domain [<!ENTITY a 'b'>]><domain type='lxc'/>", "BD0013")]
fn a_document_that_is_none_is_refused_with(#[case] document: &str, #[case] code: &str) {
    let case = Case::new();
    refused_with(&case.file(document), code);
}

#[rstest]
#[case::unknown_element("<init>/bin/true</init><inti>x</inti>", "", "BD0200")]
#[case::missing_init("", "", "BD0400")]
#[case::relative_path(
    "<init>/bin/true</init>",
    "<filesystem type='mount'><source dir='srv'/><target dir='/mnt'/></filesystem>",
    "BD0304"
)]
#[case::unknown_attribute("<init>/bin/true</init>", "<console tipe='pty'/>", "BD0202")]
#[case::missing_target(
    "<init>/bin/true</init>",
    "<filesystem type='mount'><source dir='/usr'/></filesystem>",
    "BD0204"
)]
fn a_domain_that_is_wrong_is_refused_with(#[case] os: &str, #[case] devices: &str, #[case] code: &str) {
    let case = Case::new();
    refused_with(&case.domain(os, devices), code);
    assert_eq!(case.cgroups(), [] as [&Path; 0]);
}

/// `validate` says 1, `run` says 125, both with the code; nothing runs.
fn refused_with(file: &Path, code: &str) {
    let checked = browndog(&["validate".as_ref(), file.as_os_str()]);
    assert_eq!(checked.status.code(), Some(1), "{}", text(&checked.stdout));
    let needle = format!("[{code}]");
    assert!(text(&checked.stdout).contains(&needle), "no {needle} in\n{}", text(&checked.stdout));
    let started = run(file);
    assert_eq!(started.status.code(), Some(125), "{}", text(&started.stderr));
    assert!(text(&started.stderr).contains(&needle), "no {needle} in\n{}", text(&started.stderr));
    assert_eq!(text(&started.stdout), "");
}

#[rstest]
#[case::absent("absent.xml", "no such file")]
#[case::directory(".", "it is a directory")]
fn an_unreadable_file_is_125_for_run(#[case] name: &str, #[case] words: &str) {
    let case = Case::new();
    let output = run(&case.dir.path().join(name));
    assert_eq!(output.status.code(), Some(125));
    assert!(text(&output.stderr).contains(words), "{}", text(&output.stderr));
}

#[test]
fn an_unreadable_file_is_2_for_validate_and_the_others_are_still_checked() {
    let case = Case::new();
    let good = case.script("true");
    let output =
        browndog(&["validate".as_ref(), case.dir.path().join("absent.xml").as_os_str(), good.as_os_str()]);
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stdout).contains("1 valid, 0 invalid"), "{}", text(&output.stdout));
}

#[test]
fn a_file_without_permission_is_2_for_validate() {
    let case = Case::new();
    let file = case.script("true");
    let Some(mut user) = as_plain_user(&case) else { return };
    fs::set_permissions(&file, std::os::unix::fs::PermissionsExt::from_mode(0o000)).unwrap();
    let output = user.arg("validate").arg(&file).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains("permission denied"), "{}", text(&output.stderr));
}

#[test]
fn a_missing_source_directory_is_125_with_the_line_that_asked_for_it() {
    let case = Case::new();
    let file = case.domain(
        "<init>/bin/true</init>",
        "<filesystem type='mount'><source dir='/no/such'/><target dir='/mnt'/></filesystem>",
    );
    let output = run(&file);
    assert_eq!(output.status.code(), Some(125));
    let said = text(&output.stderr);
    assert!(said.contains("/no/such") && said.contains("domain.xml:6:"), "{said}");
    assert_eq!(case.cgroups(), [] as [&Path; 0]);
}

#[rstest]
#[case::not_there("<init>/no/such</init>", 127)]
#[case::no_program("<init>/etc/passwd</init>", 126)]
fn an_init_that_cannot_run_leaves_nothing_behind(#[case] os: &str, #[case] status: i32) {
    if !root() {
        return;
    }
    let case = Case::new();
    let output = run(&case.domain(os, ""));
    assert_eq!(output.status.code(), Some(status), "{}", text(&output.stderr));
    assert_eq!(case.cgroups(), [] as [&Path; 0]);
}

#[test]
fn a_limit_without_privilege_is_125_and_says_why() {
    let case = Case::new();
    let file = case.file(
        "<domain type='lxc'><name>x</name><memory>65536</memory><os><type>exe</type><init>/bin/true</init></os>\
         <cputune><quota>25000</quota></cputune><features><privnet/></features></domain>",
    );
    let Some(mut user) = as_plain_user(&case) else { return };
    let output = user.arg("run").arg(&file).output().unwrap();
    assert_eq!(output.status.code(), Some(125));
    let said = text(&output.stderr);
    assert!(said.contains("control groups of the host belong to root"), "{said}");
}

#[rstest]
#[case::run(&["run"], 125)]
#[case::run_unknown_option(&["run", "--frobnicate", "x.xml"], 125)]
#[case::validate(&["validate"], 2)]
#[case::no_verb(&[], 2)]
#[case::unknown_verb(&["frobnicate"], 2)]
#[case::unknown_code(&["explain", "BD9999"], 2)]
fn a_usage_error_has_its_own_status(#[case] arguments: &[&str], #[case] status: i32) {
    assert_eq!(browndog(arguments).status.code(), Some(status));
}

/// Mounts and links are compared in namespaces of the test's own, where nobody else changes any.
#[rstest]
#[case::good("<init>/bin/true</init>", "", 0)]
#[case::no_program("<init>/no/such</init>", "", 127)]
#[case::no_source(
    "<init>/bin/true</init>",
    "<filesystem type='mount'><source dir='/no/such'/><target dir='/mnt'/></filesystem>",
    125
)]
#[case::target_is_a_file(
    "<init>/bin/true</init>",
    "<filesystem type='mount'><source dir='/usr'/><target dir='/etc/passwd'/></filesystem>",
    125
)]
fn mounts_links_and_groups_are_as_before(#[case] os: &str, #[case] devices: &str, #[case] status: i32) {
    if !root() {
        return;
    }
    let case = Case::new();
    let file = case.domain(os, devices);
    let script = "cat /proc/self/mountinfo /proc/net/dev > $2/before; $0 run $1; status=$?; \
                  cat /proc/self/mountinfo /proc/net/dev > $2/after; cmp $2/before $2/after || exit 99; exit $status";
    let output = Command::new("unshare")
        .args(["--mount", "--net", "--propagation", "private", "sh", "-c", script, BROWNDOG])
        .arg(&file)
        .arg(case.dir.path())
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(status), "{}{}", text(&output.stdout), text(&output.stderr));
    assert_eq!(case.cgroups(), [] as [&Path; 0]);
}

/// What a kernel has cannot be told from a /proc of processes alone: nothing is left open by not being seen.
#[test]
fn a_proc_that_hides_the_kernel_starts_nothing() {
    if !root() {
        return;
    }
    let case = Case::new();
    let file = case.domain("<init>/bin/true</init>", "");
    let script = "mount -t proc -o subset=pid proc /proc && exec $0 run $1";
    let output = Command::new("unshare")
        .args(["--mount", "--pid", "--fork", "--propagation", "private", "sh", "-c", script, BROWNDOG])
        .arg(&file)
        .output()
        .unwrap();
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(125), "{said}");
    assert!(said.contains("cannot tell which interfaces the kernel has"), "{said}");
}
