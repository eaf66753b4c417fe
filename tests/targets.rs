//! Mount points that are links to nothing, what does not go onto what, and file systems in memory.
#![allow(unused_results, reason = "commands are built in steps")]

mod support;

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Output;

use rstest::rstest;
use support::{Case, merged_usr, root, run, text};

const MAP: &str = "<idmap><uid start='0' target='100000' count='65536'/><gid start='0' target='100000' count='65536'/></idmap>";

fn said(output: &Output) -> String {
    text(&output.stdout) + &text(&output.stderr)
}

fn with_extension(file: &Path) -> Output {
    let document = fs::read_to_string(file).unwrap();
    let own = "<domain type='lxc' xmlns:browndog='urn:browndog:domain:1'>";
    fs::write(file, document.replace("<domain type='lxc'>", own)).unwrap();
    run(file)
}

/// Every name below a directory, in order.
fn names(dir: &Path) -> Vec<String> {
    let mut found = Vec::new();
    let mut left = vec![dir.to_owned()];
    while let Some(dir) = left.pop() {
        for entry in fs::read_dir(dir).unwrap().flatten() {
            found.push(entry.path().to_string_lossy().into_owned());
            if entry.file_type().unwrap().is_dir() {
                left.push(entry.path());
            }
        }
    }
    found.sort();
    found
}

/// As systemd-resolved leaves it in a tree that was installed and never booted, and its like.
#[rstest]
#[case::relative("../run/systemd/resolve/stub-resolv.conf", "", "")]
#[case::absolute("/run/systemd/resolve/stub-resolv.conf", "", "")]
#[case::with_a_map("../run/systemd/resolve/stub-resolv.conf", MAP, "")]
#[case::above_the_root("../../../../../run/stub", "", "")]
#[case::into_memory(
    "../run/systemd/resolve/stub-resolv.conf",
    "",
    "<filesystem type='ram'><source usage='1' units='MiB'/><target dir='/run'/></filesystem>"
)]
fn a_name_server_is_the_containers_also_behind_a_link_to_nothing(
    #[case] leads: &str,
    #[case] map: &str,
    #[case] devices: &str,
) {
    if !root() || !merged_usr() {
        return;
    }
    let case = Case::new();
    let tree = case.root_tree();
    fs::create_dir(tree.join("run")).unwrap();
    symlink(leads, tree.join("etc/resolv.conf")).unwrap();
    let before = names(&tree);
    let rest = format!("{map}<browndog:nameserver address='192.0.2.53'/>");
    let output = with_extension(&case.on_root("cat /etc/resolv.conf", &rest, devices));
    assert!(said(&output).contains("nameserver 192.0.2.53"), "{}", said(&output));
    assert_eq!(names(&tree), before, "what was made is removed, and the link stays");
}

#[rstest]
#[case::a_file("/data/link", "../mnt/deep/file", "file")]
#[case::a_directory("/data/link", "/mnt/new", "dir")]
#[case::below_a_link("/data/link/below", "/mnt/new", "dir")]
#[case::by_two_links("/data/link", "second", "file")]
fn a_target_that_is_a_link_to_nothing_is_made_where_it_leads(
    #[case] target: &str,
    #[case] leads: &str,
    #[case] kind: &str,
) {
    if !root() || !merged_usr() {
        return;
    }
    let case = Case::new();
    let tree = case.root_tree();
    symlink(leads, tree.join("data/link")).unwrap();
    symlink("../mnt/third", tree.join("data/second")).unwrap();
    let source = case.dir.path().join("source");
    fs::create_dir(&source).unwrap();
    fs::write(source.join("file"), "what is bound").unwrap();
    let (source, look) = match kind {
        "file" => (source.join("file"), target.to_owned()),
        _ => (source, format!("{target}/file")),
    };
    let before = names(&tree);
    let bind = format!(
        "<filesystem type='mount'><source dir='{}'/><target dir='{target}'/></filesystem>",
        source.display()
    );
    let output = run(&case.on_root(&format!("cat {look}"), "", &bind));
    let said = said(&output);
    assert!(said.contains("what is bound") && said.contains("link to nothing"), "{said}");
    assert_eq!(names(&tree), before);
}

/// No link leads a mount point out of the root, or into a file system of the kernel's.
#[rstest]
#[case::kernel("/dev/there", "container's own /dev")]
#[case::proc("/proc/there", "container's own /proc")]
#[case::itself("link", "ELOOP")]
fn a_link_to_nothing_leads_to_no_place_of_the_kernels(#[case] leads: &str, #[case] why: &str) {
    if !root() || !merged_usr() {
        return;
    }
    let case = Case::new();
    let tree = case.root_tree();
    symlink(leads, tree.join("data/link")).unwrap();
    let before = names(&tree);
    let bind = "<filesystem type='mount'><source dir='/usr/bin'/><target dir='/data/link'/></filesystem>";
    let output = run(&case.on_root("echo it ran", "", bind));
    let said = said(&output);
    let why = if why == "ELOOP" { "cannot look at /data/link" } else { why };
    assert!(said.contains(why) && !said.contains("it ran"), "{said}");
    assert_eq!(output.status.code(), Some(125), "{said}");
    assert_eq!(names(&tree), before);
}

#[rstest]
#[case::file_on_directory("/etc/hostname", "/data", "name a file as the target")]
#[case::directory_on_file("/usr/share", "/etc/plain", "name a directory as the target")]
#[case::below_a_file("/usr/share", "/etc/plain/below", "no directory")]
#[case::a_node("/dev/zero", "/data/zero", "<char>/dev/zero</char>")]
#[case::a_node_below_dev("/dev/tty", "/dev/other", "<hostdev")]
#[case::the_null_device("/dev/null", "/etc/plain", "<browndog:mask path='/etc/plain'/>")]
fn what_does_not_go_onto_its_target_is_refused_with_the_way_out(
    #[case] source: &str,
    #[case] target: &str,
    #[case] help: &str,
) {
    if !root() || !merged_usr() {
        return;
    }
    let case = Case::new();
    let tree = case.root_tree();
    fs::write(tree.join("etc/plain"), "").unwrap();
    let source = if source == "/etc/hostname" { tree.join("etc/plain") } else { source.into() };
    let bind = format!(
        "<filesystem type='mount'><source dir='{}'/><target dir='{target}'/></filesystem>",
        source.display()
    );
    let output = run(&case.on_root("echo it ran", "", &bind));
    let said = said(&output);
    assert!(said.contains(help) && said.contains("domain.xml:10") && !said.contains("it ran"), "{said}");
}

#[rstest]
#[case::by_default("", "1777 0 0")]
#[case::asked_for("<browndog:ram target='/tmp' mode='0750'/>", "750 0 0")]
fn a_file_system_in_memory_is_everybodys_unless_the_document_says_otherwise(
    #[case] own: &str,
    #[case] mode: &str,
) {
    if !root() || !merged_usr() {
        return;
    }
    let case = Case::new();
    let ram = "<filesystem type='ram'><source usage='1' units='MiB'/><target dir='/tmp'/></filesystem>";
    let output = with_extension(&case.on_root("stat -c '%a %u %g' /tmp", own, ram));
    assert!(said(&output).contains(mode), "{}", said(&output));
}

/// The last of many accounts is one; of a file that is not read to its end, that is what is said.
#[rstest]
#[case::the_last_of_many(false, "uid is 77")]
#[case::beyond_the_bound(true, "is larger than 64 MiB")]
fn an_account_is_found_in_a_large_file_or_the_bound_is_named(#[case] hole: bool, #[case] wanted: &str) {
    if !root() || !merged_usr() {
        return;
    }
    let case = Case::new();
    let passwd = case.root_tree().join("etc/passwd");
    if hole {
        fs::File::create(&passwd).unwrap().set_len((64 << 20) + 1).unwrap();
    } else {
        let line =
            |number| format!("user{number}:x:{number}:9:somebody of a large directory:/home:/bin/sh\n");
        let many: String = (100_000..450_000).map(line).collect();
        fs::write(&passwd, many + "worker:x:77:77::/:/bin/sh\n").unwrap();
    }
    let file = case.on_root("echo uid is $(sed -n 's/^Uid:.//p' /proc/self/status | cut -f1)", "", "");
    let document = fs::read_to_string(&file).unwrap();
    fs::write(&file, document.replace("</os>", "<inituser>worker</inituser><initgroup>+0</initgroup></os>"))
        .unwrap();
    let output = run(&file);
    assert!(said(&output).contains(wanted), "{}", said(&output));
}
