//! What a document opens and an outer container closes: no_new_privs, process 1, and containers in containers.
#![allow(unused_results, reason = "commands are built in steps")]

mod support;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use rstest::rstest;
use support::life::Life;
use support::{BROWNDOG, Case, merged_usr, root, text};

const MAP: &str = "<idmap><uid start='0' target='100000' count='65536'/><gid start='0' target='100000' count='65536'/></idmap>";
/// The limit of [`Case::domain`].
const MEMORY: &str = "<memory unit='MiB'>64</memory>";
/// No limit, as libvirt writes it.
const UNLIMITED: &str = "<memory>9007199254740991</memory>";
const EXTENSION: &str = "<domain type='lxc' xmlns:browndog='urn:browndog:domain:1'>";

fn busybox() -> Option<&'static Path> {
    let found = ["/bin/busybox", "/usr/bin/busybox"].map(Path::new).into_iter().find(|path| path.exists());
    if found.is_none() {
        eprintln!("skipped: this machine has no busybox");
    }
    found
}

/// Whether a line is these words; an error quotes the document, in which they are as well.
fn says(said: &str, words: &str) -> bool {
    said.lines().any(|line| line.trim() == words)
}

/// Runs the case's document with this in its text instead of that.
fn run_replaced(file: &Path, replaced: &[(&str, &str)]) -> Output {
    let mut document = fs::read_to_string(file).unwrap();
    for (from, to) in replaced {
        assert!(document.contains(from), "{document}");
        document = document.replace(from, to);
    }
    fs::write(file, document).unwrap();
    support::run(file)
}

/// A root with accounts, and a set-user-ID su that needs no password.
fn root_with_su(case: &Case) -> Option<PathBuf> {
    let busybox = busybox()?;
    let tree = case.root_tree();
    fs::write(tree.join("etc/passwd"), "root::0:0::/:/bin/sh\nworker:x:33:44::/:/bin/sh\n").unwrap();
    fs::write(tree.join("etc/group"), "root:x:0:\nworker:x:44:\n").unwrap();
    let su = tree.join("data/su");
    support::install(busybox, &su);
    fs::set_permissions(&su, fs::Permissions::from_mode(0o4755)).unwrap();
    Some(tree)
}

const SU: &str = "/data/su root -c 'echo is $(id -u)'; grep -E 'NoNewPrivs|Seccomp:' /proc/self/status";

#[rstest]
#[case::by_default("", "", false, "2")]
#[case::asked_for("<browndog:no_new_privs state='on'/>", "", false, "2")]
#[case::lifted("<browndog:no_new_privs state='off'/>", "", true, "2")]
#[case::lifted_with_a_map("<browndog:no_new_privs state='off'/>", MAP, true, "2")]
#[case::lifted_without_a_filter(
    "<browndog:no_new_privs state='off'/><browndog:seccomp profile='none'/>",
    "",
    true,
    "0"
)]
#[case::without_a_filter("<browndog:seccomp profile='none'/>", "", false, "0")]
fn su_works_where_the_document_says_so_and_nowhere_else(
    #[case] own: &str,
    #[case] map: &str,
    #[case] works: bool,
    #[case] filter: &str,
) {
    if !root() || !merged_usr() {
        return;
    }
    let case = Case::new();
    if root_with_su(&case).is_none() {
        return;
    }
    let file = case.on_root(SU, &format!("{map}{own}"), "");
    let user = "<inituser>worker</inituser><initgroup>worker</initgroup></os>";
    let output = run_replaced(&file, &[("<domain type='lxc'>", EXTENSION), ("</os>", user)]);
    let said = text(&output.stdout) + &text(&output.stderr);
    assert_eq!(said.contains("is 0"), works, "{said}");
    assert!(said.contains(if works { "NoNewPrivs:\t0" } else { "NoNewPrivs:\t1" }), "{said}");
    assert!(said.contains(&format!("Seccomp:\t{filter}")), "{said}");
}

/// `exec` is confined as the init is, also where programs may gain privilege; and process 1 is asked for by the document.
#[test]
fn a_definition_has_a_process_1_of_browndogs_and_exec_gains_what_the_init_does() {
    if !root() || busybox().is_none() {
        return;
    }
    let life = Life::new();
    let document = fs::read_to_string(life.case.script("sleep 1000")).unwrap();
    let own = format!("{EXTENSION}<browndog:no_new_privs state='off'/><browndog:init state='on'/>");
    let file = life.case.file(&document.replace("<domain type='lxc'>", &own));
    life.ok(&["define", file.to_str().unwrap()]);
    life.ok(&["start", life.name()]);
    let inside = |script: &str| life.ok(&["exec", life.name(), "--", "/bin/sh", "-c", script]);
    for who in ["self", "1"] {
        let status = inside(&format!("grep -E '^(NoNewPrivs|Seccomp:)' /proc/{who}/status"));
        assert!(status.contains("NoNewPrivs:\t0") && status.contains("Seccomp:\t2"), "{who}: {status}");
    }
    for _ in 0..5 {
        inside("sleep 0.05 & exit 0");
    }
    life.wait_for("orphans to be waited for", || {
        !inside("cat /proc/[0-9]*/stat 2>/dev/null; true").contains("(sleep) Z")
    });
    assert_ne!(inside("cat /proc/1/comm").trim(), "sh");
}

/// browndog in one of its own containers, whose filter refuses keyctl(2) as that of other runtimes does.
#[rstest]
#[case::idmap(MAP, "something covers parts of /proc here (an outer container does)")]
#[case::mounting("", "the inner one runs")]
fn a_container_starts_in_a_container_or_says_what_forbids_it(#[case] map: &str, #[case] expected: &str) {
    if !root() || busybox().is_none() {
        return;
    }
    let (outer, inner) = (Case::new(), Case::new());
    let program = outer.dir.path().join("browndog");
    support::install(Path::new(BROWNDOG), &program);
    let document = inner.script("echo the inner one runs");
    // Of the controllers of version 1 nothing is in view in there.
    let text_of = fs::read_to_string(&document).unwrap();
    fs::write(&document, text_of.replace(MEMORY, UNLIMITED)).unwrap();
    let script = format!("{} run {} 2>&amp;1", program.display(), document.display());
    let file = outer.script(&script);
    let features = "<features><privnet/><capabilities policy='default'><sys_admin state='on'/><bpf state='on'/><net_admin state='on'/></capabilities></features>";
    let map = format!("{map}\n  <os>");
    let output = run_replaced(&file, &[("<features><privnet/></features>", features), ("<os>", &map)]);
    let said = text(&output.stdout) + &text(&output.stderr);
    assert!(said.contains(expected) && said.contains("keyctl"), "{said}");
}

/// Root of a user namespace in a mount namespace that is not its own: sources cannot be cloned there.
#[test]
fn a_container_starts_in_a_bare_user_namespace() {
    if !merged_usr() {
        return;
    }
    let case = Case::new();
    let tree = case.root_tree();
    for dir in ["proc", "sys", "dev"] {
        fs::create_dir(tree.join(dir)).unwrap();
    }
    let file = case.on_root("echo it runs", "", "");
    let unshared = |program: &str| {
        let mut command = Command::new("unshare");
        command.args(["--user", "--map-root-user", program]).stdin(Stdio::null());
        command
    };
    if !unshared("true").status().is_ok_and(|status| status.success()) {
        return eprintln!("skipped: no user namespace can be made here by unshare(1)");
    }
    let output = unshared(BROWNDOG).arg("run").arg(&file).output().unwrap();
    let said = text(&output.stdout) + &text(&output.stderr);
    assert!(says(&said, "it runs"), "{said}");
}

/// Without CAP_MKNOD the nodes of /dev are the host's.
#[test]
fn a_container_starts_where_no_node_can_be_made() {
    if !root() {
        return;
    }
    let case = Case::new();
    let file = case.script("echo gone > /dev/null; head -c 2 /dev/zero | wc -c; echo it runs");
    let output = Command::new("setpriv")
        .args(["--bounding-set=-mknod", "--inh-caps=-mknod", BROWNDOG, "run"])
        .arg(&file)
        .stdin(Stdio::null())
        .output();
    let Ok(output) = output else { return eprintln!("skipped: this machine has no setpriv(1)") };
    let said = text(&output.stdout) + &text(&output.stderr);
    assert!(says(&said, "it runs"), "{said}");
}

/// Where control groups are read-only, what asks for no limit starts, and what asks is told who forbids it.
#[rstest]
#[case::a_limit(true)]
#[case::no_limit(false)]
fn read_only_groups_are_said(#[case] limit: bool) {
    if !root() {
        return;
    }
    let case = Case::new();
    let file = case.script("echo it runs");
    if !limit {
        let document = fs::read_to_string(&file).unwrap();
        fs::write(&file, document.replace(MEMORY, UNLIMITED)).unwrap();
    }
    let script = "for m in $(awk '$5 ~ \"^/sys/fs/cgroup\" {print $5}' /proc/self/mountinfo); do \
                  mount -o remount,bind,ro $m || exit 99; done; exec \"$@\"";
    let output = Command::new("unshare")
        .args(["--mount", "sh", "-c", script, "sh", BROWNDOG, "run"])
        .arg(&file)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    if output.status.code() == Some(99) {
        return eprintln!("skipped: control groups cannot be mounted read-only here");
    }
    let said = text(&output.stdout) + &text(&output.stderr);
    assert_eq!(says(&said, "it runs"), !limit, "{said}");
    assert!(said.contains("mounted read-only here") && !said.contains("EROFS"), "{said}");
}
