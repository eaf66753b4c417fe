//! What `run` refuses is known before: `validate` warns of what no machine can start, `plan` and `validate --run` find
//! what this one cannot, and whatever they let through starts.
#![allow(unused_results, reason = "commands are built in steps")]

mod support;

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use rstest::rstest;
use support::{Case, browndog, merged_usr, root, run, text};

/// Of a document with this in `<devices>`, and with that behind them.
fn document(case: &Case, os: &str, devices: &str, rest: &str) -> std::path::PathBuf {
    case.file(&format!(
        "<domain type='lxc' xmlns:browndog='urn:browndog:domain:1'>\n  <name>{}</name>\n  <memory unit='MiB'>64</memory>\n  \
         <os>{os}<init>/bin/true</init></os>\n  <features><privnet/></features>\n  \
         <devices>{devices}</devices>\n{rest}\n</domain>\n",
        case.name
    ))
}

fn arguments<'a>(verb: &'a [&'a str], file: &'a Path) -> Vec<&'a std::ffi::OsStr> {
    verb.iter().map(std::ffi::OsStr::new).chain([file.as_os_str()]).collect()
}

const TYPE: &str = "<type>exe</type>";

#[rstest]
#[case::apparmor("", "<seclabel type='static' model='apparmor'><label>unconfined</label></seclabel>", 7)]
#[case::selinux("", "<seclabel type='dynamic' model='selinux'/>", 7)]
#[case::of_the_machine("", "<browndog:sysctl name='vm.swappiness' value='1'/>", 7)]
#[case::of_the_document("", "<browndog:sysctl name='kernel.hostname' value='x'/>", 7)]
#[case::on_proc("<filesystem type='mount'><source dir='/tmp'/><target dir='/./proc/'/></filesystem>", "", 6)]
#[case::on_dev("<filesystem type='ram'><source usage='64'/><target dir='//dev'/></filesystem>", "", 6)]
#[case::terminals(
    "<filesystem type='mount'><source dir='/tmp'/><target dir='/dev/pts/x'/></filesystem>",
    "",
    6
)]
#[case::empty_root("<filesystem type='ram'><source usage='64'/><target dir='/'/></filesystem>", "", 6)]
#[case::root_inside("<filesystem type='bind'><source dir='/a'/><target dir='/'/></filesystem>", "", 6)]
#[case::over_a_mask(
    "<filesystem type='ram'><source usage='64'/><target dir='/sys/module'/></filesystem>",
    "<browndog:mask path='/sys/module/kernel'/>",
    6
)]
#[case::image("<disk type='file' device='disk'><source file='/x'/><target dev='sda'/></disk>", "", 6)]
#[case::link("<interface type='user'/>", "", 6)]
fn what_no_machine_starts_is_a_warning_with_its_line(
    #[case] devices: &str,
    #[case] rest: &str,
    #[case] line: u32,
) {
    let case = Case::new();
    let file = document(&case, TYPE, devices, rest);
    let validated = browndog(&arguments(&["validate"], &file));
    let said = text(&validated.stdout);
    assert_eq!(validated.status.code(), Some(0), "{said}");
    let (_, warning) = said.split_once("warning[BD0502]: ").unwrap_or_else(|| panic!("no warning: {said}"));
    let (message, place) = warning.split_once('\n').unwrap();
    assert!(place.lines().next().unwrap().contains(&format!("domain.xml:{line}:")), "{said}");
    for verb in [&["validate", "--run"][..], &["plan"], &["plan", "--on", "v2"], &["run"]] {
        let output = browndog(&arguments(verb, &file));
        let said = text(&output.stdout) + &text(&output.stderr);
        let refused = if verb == ["run"] { 125 } else { 1 };
        assert_eq!(output.status.code(), Some(refused), "{verb:?}: {said}");
        assert!(
            said.lines().any(|line| line.starts_with("error") && line.contains(message)),
            "{verb:?}: {said}"
        );
    }
}

/// Parameters that are the container's own, a place below /dev, a label that is none: nothing is refused.
#[test]
fn what_can_be_had_is_no_refusal() {
    let case = Case::new();
    let devices = "<filesystem type='ram'><source usage='64'/><target dir='/dev/shm'/></filesystem>";
    let rest = "<seclabel type='none'/><browndog:sysctl name='net.ipv4.ip_forward' value='1'/>\
                <browndog:sysctl name='user.max_pid_namespaces' value='7'/>";
    let validated = browndog(&arguments(&["validate"], &document(&case, TYPE, devices, rest)));
    assert_eq!(text(&validated.stdout), "1 valid, 0 invalid\n");
}

/// One that the kernel does not run, the machine's own, and on x86_64 the one that a personality makes of it.
#[test]
fn another_architecture_is_refused_and_the_machines_own_is_not() {
    let own = std::env::consts::ARCH;
    let other = if own == "s390x" { "x86_64" } else { "s390x" };
    let case = Case::new();
    let plan = |arch: &str| {
        let os = format!("<type arch='{arch}'>exe</type>");
        let output = browndog(&arguments(&["plan"], &document(&case, &os, "", "")));
        (output.status.code(), text(&output.stdout))
    };
    let (status, said) = plan(other);
    assert_eq!(status, Some(1), "{said}");
    assert!(
        said.contains(&format!("runs no container of {other}")) && said.contains("domain.xml:4:"),
        "{said}"
    );
    assert!(!plan(own).1.contains("runs no container of"));
    if own == "x86_64" {
        let (_, said) = plan("i686");
        assert!(said.contains("set-personality") && !said.contains("runs no container of"), "{said}");
    }
}

/// What is missing in the container: the plan of a document, and that of a start that fails.
#[rstest]
#[case::program("<init>/usr/bin/no-such-program</init>", "", "the container has no /usr/bin/no-such-program")]
#[case::directory_as_program("<init>/tmp</init>", "", "/tmp is no program in the container")]
#[case::interpreter("<init>/tmp/script</init>", "", "/tmp/script needs /no/such/shell to run")]
#[case::working_directory(
    "<init>/bin/sh</init><initdir>/no-such</initdir>",
    "",
    "the container has no directory /no-such"
)]
#[case::copied(
    "<init>/bin/sh</init>",
    "<filesystem type='bind'><source dir='/no-such'/><target dir='/mnt'/></filesystem>",
    "there is no /no-such in the container"
)]
#[case::in_what_is_read_only(
    "<init>/bin/sh</init>",
    "<filesystem type='mount'><source dir='/tmp'/><target dir='/usr/no-such/place'/></filesystem>",
    "there is no /usr/no-such/place in what is mounted read-only on /usr"
)]
#[case::in_sysfs(
    "<init>/bin/sh</init>",
    "<filesystem type='mount'><source dir='/tmp'/><target dir='/sys/fs/no-such'/></filesystem>",
    "there is no /sys/fs/no-such"
)]
#[case::in_procfs(
    "<init>/bin/sh</init>",
    "<filesystem type='mount'><source dir='/tmp'/><target dir='/proc/no-such'/></filesystem>",
    "there is no /proc/no-such"
)]
#[case::a_directory_on_a_file(
    "<init>/bin/sh</init>",
    "<filesystem type='mount'><source dir='/tmp'/><target dir='/proc/uptime'/></filesystem>",
    "a directory cannot be mounted on /proc/uptime"
)]
#[case::by_a_link_of_the_kernels(
    "<init>/bin/sh</init>",
    "<filesystem type='mount'><source dir='/tmp'/><target dir='/proc/mounts'/></filesystem>",
    "/proc/mounts is reached by a link"
)]
fn what_a_start_would_fail_of_is_no_plan_that_can_be_run(
    #[case] os: &str,
    #[case] devices: &str,
    #[case] why: &str,
) {
    if !root() || !merged_usr() {
        return;
    }
    let case = Case::new();
    let tree = case.root_tree();
    fs::write(tree.join("tmp/script"), "#!/no/such/shell\n").unwrap();
    fs::set_permissions(tree.join("tmp/script"), std::os::unix::fs::PermissionsExt::from_mode(0o755))
        .unwrap();
    let mounts = format!(
        "<filesystem type='mount'><source dir='{}'/><target dir='/'/></filesystem>\
         <filesystem type='mount'><source dir='/usr'/><target dir='/usr'/><readonly/></filesystem>{devices}",
        tree.display()
    );
    let document = fs::read_to_string(document(&case, TYPE, &mounts, "")).unwrap();
    let file = case.file(&document.replace("<init>/bin/true</init>", os));
    for verb in [&["plan"][..], &["validate", "--run"]] {
        let output = browndog(&arguments(verb, &file));
        let said = text(&output.stdout) + &text(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{verb:?}: {said}");
        assert!(said.lines().any(|line| line.starts_with("error") && line.contains(why)), "{verb:?}: {said}");
    }
    // As it comes, and not because of the plan: the start fails.
    assert!(run(&file).status.code().is_some_and(|code| code >= 125));
}

/// Links into what other file systems cover, places that only the container has, and what a file system in memory
/// will hold: nothing of it is refused, and it starts.
#[test]
fn what_cannot_be_told_from_outside_is_left_to_the_start() {
    if !root() || !merged_usr() {
        return;
    }
    let case = Case::new();
    let tree = case.root_tree();
    // In the tree itself /usr is empty: /bin/sh is there only when the document's file system is.
    symlink("/usr/share", tree.join("mnt/link")).unwrap();
    let file = case.on_root(
        "true",
        "",
        "<filesystem type='ram'><source usage='64'/><target dir='/data'/></filesystem>\
         <filesystem type='mount'><source dir='/tmp'/><target dir='/data/deep/er'/></filesystem>\
         <filesystem type='bind'><source dir='/mnt/link'/><target dir='/tmp'/></filesystem>\
         <filesystem type='bind'><source dir='/data/deep'/><target dir='/mnt'/></filesystem>",
    );
    let planned = browndog(&arguments(&["plan"], &file));
    let said = text(&planned.stdout) + &text(&planned.stderr);
    assert_eq!(planned.status.code(), Some(0), "{}", said.split("error").skip(1).collect::<String>());
    let started = run(&file);
    assert_eq!(started.status.code(), Some(0), "{}", text(&started.stderr));
}
