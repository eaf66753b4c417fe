//! The verbs on documents: `fmt`, `schema`, and the forms of `validate`.
#![allow(unused_results, reason = "commands are built in steps")]

mod support;

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;
use std::process::Output;

use rstest::rstest;
use serde_json::Value;
use support::{Case, as_plain_user, browndog, text};

const LOOSE: &str = "<domain type='lxc'><memory>65536</memory><!-- why --><name>a</name>\
    <os><type>exe</type><init>/init</init></os></domain>";

fn fmt(option: Option<&str>, file: &Path) -> Output {
    let mut arguments = vec!["fmt".as_ref()];
    arguments.extend(option.map(std::ffi::OsStr::new));
    arguments.push(file.as_os_str());
    browndog(&arguments)
}

#[test]
fn fmt_prints_the_form_and_touches_nothing() {
    let case = Case::new();
    let file = case.file(LOOSE);
    let output = fmt(None, &file);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let form = text(&output.stdout);
    assert!(form.contains("  <!-- why -->\n  <name>a</name>\n"), "{form}");
    assert_eq!(fs::read_to_string(&file).unwrap(), LOOSE);
}

#[test]
fn fmt_writes_once_keeps_the_mode_and_then_has_nothing_to_check() {
    let case = Case::new();
    let file = case.file(LOOSE);
    fs::set_permissions(&file, fs::Permissions::from_mode(0o640)).unwrap();
    let before = fmt(Some("--check"), &file);
    assert_eq!(before.status.code(), Some(1));
    assert!(text(&before.stdout).contains("domain.xml:1: not in its canonical form"));
    assert_eq!(fmt(Some("--write"), &file).status.code(), Some(0));
    let metadata = fs::metadata(&file).unwrap();
    assert_eq!(metadata.mode() & 0o7777, 0o640);
    assert_eq!(fmt(Some("--check"), &file).status.code(), Some(0));
    assert_eq!(fmt(Some("--write"), &file).status.code(), Some(0));
    let again = fs::metadata(&file).unwrap();
    assert_eq!(again.ino(), metadata.ino(), "a file in its form is not written");
    let left: Vec<_> = fs::read_dir(case.dir.path()).unwrap().collect();
    assert_eq!(left.len(), 1, "{left:?}");
}

#[test]
fn fmt_writes_through_a_symbolic_link() {
    let case = Case::new();
    let file = case.file(LOOSE);
    let link = case.dir.path().join("link.xml");
    std::os::unix::fs::symlink(&file, &link).unwrap();
    assert_eq!(fmt(Some("--write"), &link).status.code(), Some(0));
    assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    assert!(fs::read_to_string(&file).unwrap().starts_with("<domain type='lxc'>\n"));
}

#[rstest]
#[case::invalid("<domain type='lxc'><nam/></domain>")]
#[case::empty("")]
#[case::not_xml("\u{0}\u{1}")]
fn fmt_leaves_a_file_that_is_invalid_as_it_is(#[case] document: &str) {
    let case = Case::new();
    let file = case.file(document);
    let output = fmt(Some("--write"), &file);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("error[BD"), "{}", text(&output.stderr));
    assert_eq!(fs::read_to_string(&file).unwrap(), document);
}

#[rstest]
#[case::the_file(0o444, 0o777)]
#[case::its_directory(0o666, 0o555)]
fn fmt_loses_nothing_where_it_may_not_write(#[case] file_mode: u32, #[case] directory_mode: u32) {
    let case = Case::new();
    let Some(mut user) = as_plain_user(&case) else { return };
    let directory = case.dir.path().join("closed");
    fs::create_dir(&directory).unwrap();
    let file = directory.join("domain.xml");
    fs::write(&file, LOOSE).unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(file_mode)).unwrap();
    fs::set_permissions(&directory, fs::Permissions::from_mode(directory_mode)).unwrap();
    let output = user.args(["fmt", "--write"]).arg(&file).output().unwrap();
    fs::set_permissions(&directory, fs::Permissions::from_mode(0o755)).unwrap();
    assert_eq!(output.status.code(), Some(2), "{}", text(&output.stderr));
    let said = text(&output.stderr);
    assert!(said.contains("cannot write") && said.contains("it is as it was"), "{said}");
    assert_eq!(fs::read_to_string(&file).unwrap(), LOOSE);
    assert_eq!(fs::read_dir(&directory).unwrap().count(), 1);
}

#[test]
fn fmt_reports_what_cannot_be_read_and_still_does_the_rest() {
    let case = Case::new();
    let file = case.file(LOOSE);
    let absent = case.dir.path().join("absent.xml");
    let output = browndog(&["fmt".as_ref(), absent.as_os_str(), file.as_os_str()]);
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains("no such file"), "{}", text(&output.stderr));
    assert!(text(&output.stdout).starts_with("<domain"), "{}", text(&output.stdout));
}

#[test]
fn a_directory_without_documents_is_2_and_named() {
    let case = Case::new();
    for verb in ["fmt", "validate"] {
        let output = browndog(&[verb.as_ref(), case.dir.path().as_os_str()]);
        assert_eq!(output.status.code(), Some(2), "{verb}");
        assert!(text(&output.stderr).contains("no .xml file below"), "{}", text(&output.stderr));
    }
}

#[test]
fn a_directory_is_every_document_below_it() {
    let case = Case::new();
    case.file(LOOSE);
    fs::create_dir_all(case.dir.path().join("a/b")).unwrap();
    fs::write(case.dir.path().join("a/b/deep.xml"), "<domain type='lxc'/>").unwrap();
    fs::write(case.dir.path().join("a/no.txt"), "no document").unwrap();
    let output = browndog(&["validate".as_ref(), "--jobs=2".as_ref(), case.dir.path().as_os_str()]);
    assert_eq!(output.status.code(), Some(1));
    let said = text(&output.stdout);
    assert!(said.contains("1 valid, 1 invalid") && said.contains("deep.xml:1:"), "{said}");
}

#[rstest]
#[case::fmt_stdin_write(&["fmt", "--write", "-"])]
#[case::fmt_check_and_write(&["fmt", "--write", "--check", "x.xml"])]
#[case::fmt_nothing(&["fmt"])]
#[case::schema_unknown(&["schema", "--format=dtd"])]
#[case::validate_unknown(&["validate", "--format=toml", "x.xml"])]
#[case::validate_no_jobs(&["validate", "--jobs=0", "x.xml"])]
#[case::convert_to_itself(&["convert", "--from=lxc", "--to=lxc", "Cargo.toml"])]
#[case::convert_in_one_step(&["convert", "--from=oci", "--to=oci", "Cargo.toml"])]
#[case::convert_without_from(&["convert", "x"])]
#[case::explain_both(&["explain", "--list", "BD0001"])]
fn a_usage_error_is_2(#[case] arguments: &[&str]) {
    assert_eq!(browndog(arguments).status.code(), Some(2));
}

#[rstest]
#[case::rng("rng", "xml/domain.rng")]
#[case::md("md", "xml/REFERENCE.md")]
#[case::json("json", "xml/schema.json")]
#[case::dict("dict", "fuzz/xml.dict")]
fn schema_prints_what_is_checked_in(#[case] format: &str, #[case] file: &str) {
    let output = browndog(&["schema", "--format", format]);
    assert_eq!(output.status.code(), Some(0));
    let stored = fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join(file)).unwrap();
    assert!(output.stdout == stored, "schema --format {format} is not {file}");
}

#[test]
fn sarif_is_one_document_for_all_files() {
    let case = Case::new();
    let file = case.file("<domain type='lxc'><nam>x</nam></domain>");
    let output =
        browndog(&["validate".as_ref(), "--format=sarif".as_ref(), file.as_os_str(), file.as_os_str()]);
    assert_eq!(output.status.code(), Some(1));
    let sarif: Value = serde_json::from_slice(&output.stdout).unwrap();
    let results = sarif["runs"][0]["results"].as_array().unwrap();
    assert!(results.len() >= 2 && results.iter().any(|result| result["ruleId"] == "BD0200"), "{results:#?}");
}

#[test]
fn github_has_a_command_for_each_finding() {
    let case = Case::new();
    let file = case.file("<domain type='lxc'>\n<name>100%, a: b</name><nam>x</nam></domain>");
    let output = browndog(&["validate".as_ref(), "--format=github".as_ref(), file.as_os_str()]);
    let said = text(&output.stdout);
    assert!(said.lines().all(|line| line.starts_with("::error file=")), "{said}");
    assert!(said.contains(",line=2,") && said.contains("title=BD0200::"), "{said}");
}

fn convert(arguments: &[&str], file: &Path) -> Output {
    let mut words: Vec<&std::ffi::OsStr> = vec!["convert".as_ref()];
    words.extend(arguments.iter().map(std::ffi::OsStr::new));
    words.push(file.as_os_str());
    browndog(&words)
}

const CONFIG: &str = "lxc.rootfs.path = /srv/root\nlxc.include = EXTRA\nlxc.hook.start = /bin/true\n";

#[test]
fn an_lxc_configuration_is_named_after_its_directory_and_includes_a_directory() {
    let case = Case::new();
    let home = case.dir.path().join("web");
    let extra = home.join("extra");
    fs::create_dir_all(&extra).unwrap();
    fs::write(extra.join("a.conf"), "lxc.cgroup2.memory.max = 64M\n").unwrap();
    fs::write(extra.join("b.txt"), "not read").unwrap();
    let config = home.join("config");
    fs::write(&config, CONFIG.replace("EXTRA", extra.to_str().unwrap())).unwrap();
    let output = convert(&["--from=lxc.conf"], &config);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let document = text(&output.stdout);
    assert!(document.contains("<name>web</name>") && document.contains(">65536</memory>"), "{document}");
    let said = text(&output.stderr);
    assert!(said.contains("warning[BD0600]") && said.contains("config:3:1"), "{said}");
    let checked = browndog(&["validate".as_ref(), case.file(&document).as_os_str()]);
    assert_eq!(checked.status.code(), Some(0), "{}", text(&checked.stdout));
}

#[test]
fn a_loss_that_is_denied_writes_nothing() {
    let case = Case::new();
    let config = case.dir.path().join("x.conf");
    fs::write(&config, "lxc.uts.name = x\nlxc.cgroup2.memory.max = 64M\nlxc.hook.start = /bin/true\n")
        .unwrap();
    let target = case.dir.path().join("x.xml");
    let output = format!("--output={}", target.display());
    let denied = convert(&["--from=lxc.conf", "--deny=lost", &output], &config);
    assert_eq!(denied.status.code(), Some(1), "{}", text(&denied.stderr));
    assert!(!target.exists());
    let taken = convert(&["--from=lxc.conf", &output], &config);
    assert_eq!(taken.status.code(), Some(0), "{}", text(&taken.stderr));
    assert!(fs::read_to_string(&target).unwrap().starts_with("<domain type='lxc'"));
    assert_eq!(fs::read_dir(case.dir.path()).unwrap().count(), 2);
}

#[test]
fn the_dialect_of_2008_is_converted_and_the_other_one_is_not() {
    let case = Case::new();
    let old = case.file("<domain type='linuxcontainer'><name>a</name><application>/init</application><memory>65536</memory></domain>");
    let output = convert(&["--from=rfc", "--to=lxc"], &old);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    assert!(text(&output.stdout).contains("<init>/init</init>"));
    let new = case.file(LOOSE);
    let output = convert(&["--from=rfc"], &new);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("is of the dialect lxc"), "{}", text(&output.stderr));
}

#[rstest]
#[case::absent("absent", "--from=rfc", None, 2)]
#[case::empty("empty", "--from=rfc", Some(""), 1)]
#[case::not_a_configuration("config.txt", "--from=lxc.conf", Some("hello\n"), 1)]
#[case::binary("config.txt", "--from=lxc.conf", Some("lxc.uts.name = a\0b\n"), 1)]
fn what_cannot_be_converted_says_so(
    #[case] name: &str,
    #[case] from: &str,
    #[case] content: Option<&str>,
    #[case] status: i32,
) {
    let case = Case::new();
    let file = case.dir.path().join(name);
    if let Some(content) = content {
        fs::write(&file, content).unwrap();
    }
    let output = convert(&[from], &file);
    assert_eq!(output.status.code(), Some(status), "{}", text(&output.stderr));
    assert!(output.stdout.is_empty() && text(&output.stderr).contains("error"), "{}", text(&output.stderr));
}

#[test]
fn a_domain_becomes_a_bundle_and_a_bundle_a_domain() {
    let case = Case::new();
    let file = case.domain(
        "<init>/bin/true</init>",
        "<filesystem type='mount'><source dir='/srv/root'/><target dir='/'/></filesystem>",
    );
    let bundle = case.dir.path().join("bundle");
    fs::create_dir(&bundle).unwrap();
    let output = format!("--output={}/config.json", bundle.display());
    let made = convert(&["--from=lxc", "--to=oci", &output], &file);
    assert_eq!(made.status.code(), Some(0), "{}", text(&made.stderr));
    let back = convert(&["--from=oci"], &bundle);
    assert_eq!(back.status.code(), Some(0), "{}", text(&back.stderr));
    let document = text(&back.stdout);
    assert!(document.contains(&case.name) && document.contains("<source dir='/srv/root'/>"), "{document}");
}

/// What was converted runs: runc is the judge.
#[test]
fn a_bundle_made_from_a_domain_runs() {
    let busybox = Path::new("/bin/busybox");
    let runc = std::process::Command::new("runc").arg("--version").output();
    if !support::root() || !busybox.exists() || runc.is_err() {
        eprintln!("skipped: this needs root, /bin/busybox (busybox-static) and runc");
        return;
    }
    let case = Case::new();
    let root = case.dir.path().join("root");
    fs::create_dir_all(root.join("bin")).unwrap();
    for directory in ["proc", "sys", "dev"] {
        fs::create_dir(root.join(directory)).unwrap();
    }
    fs::copy(busybox, root.join("bin/sh")).unwrap();
    let file = case.file(&format!(
        "<domain type='lxc'><name>{}</name><memory unit='MiB'>64</memory><os><type>exe</type><init>/bin/sh</init>\
         <initarg>-c</initarg><initarg>echo \"$GREETING $LIBVIRT_LXC_NAME $(cat /proc/sys/kernel/hostname) $$\"; exit 7</initarg>\
         <initenv name='GREETING'>hello</initenv></os><features><privnet/></features><devices><filesystem type='mount'>\
         <source dir='{}'/><target dir='/'/><readonly/></filesystem></devices></domain>",
        case.name,
        root.display()
    ));
    let config = convert(&["--from=lxc", "--to=oci"], &file);
    assert_eq!(config.status.code(), Some(0), "{}", text(&config.stderr));
    fs::write(case.dir.path().join("config.json"), &config.stdout).unwrap();
    let state = case.dir.path().join("state");
    let ran = std::process::Command::new("runc")
        .arg("--root")
        .arg(&state)
        .args(["run", "--bundle"])
        .arg(case.dir.path())
        .arg(&case.name)
        .stdin(std::process::Stdio::null())
        .output()
        .unwrap();
    assert_eq!(ran.status.code(), Some(7), "{}", text(&ran.stderr));
    assert_eq!(text(&ran.stdout).trim(), format!("hello {0} {0} 1", case.name));
}
