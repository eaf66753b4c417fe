//! Whose the container's processes and files are: id maps, translated trees, users by name, and plain
//! accounts with and without subordinate ids.
#![allow(unused_results, reason = "commands are built in steps")]

mod support;

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use rstest::rstest;
use support::{Case, as_plain_user, browndog, merged_usr, root, run, text};

const MAP: &str = "<idmap><uid start='0' target='700000' count='1000'/>\
    <uid start='5000' target='705000' count='10'/><gid start='0' target='700000' count='1000'/></idmap>";

fn volume(case: &Case, more: &str) -> String {
    let dir = case.dir.path().join("volume");
    fs::create_dir_all(&dir).unwrap();
    fs::write(dir.join("of-root"), "").unwrap();
    format!(
        "<filesystem type='mount'><source dir='{}'/><target dir='/data'/>{more}</filesystem>",
        dir.display()
    )
}

/// Whether trees of this machine's temporary directory can be translated; says so where they cannot.
fn translates(output: &Output) -> bool {
    let cannot = text(&output.stderr).contains("cannot be translated");
    if cannot {
        eprintln!("skipped: {}", text(&output.stderr));
    }
    !cannot
}

#[test]
fn a_tree_keeps_its_owners_inside_and_on_disk_whatever_the_map() {
    if !root() || !merged_usr() {
        return;
    }
    let case = Case::new();
    let script = "cat /proc/self/uid_map; stat -c %u /data/of-root; touch /data/new; chown 5003:7 /data/new; \
                  stat -c %u:%g /data/new; touch /made; ls -d /usr";
    let file = case.on_root(script, MAP, &volume(&case, ""));
    let output = run(&file);
    if !translates(&output) {
        return;
    }
    let words: Vec<String> = text(&output.stdout).split_whitespace().map(str::to_owned).collect();
    let expected =
        ["0", "700000", "1000", "5000", "705000", "10", "0", "5003:7", "/usr"].map(str::to_owned).to_vec();
    assert_eq!(words, expected, "{}", text(&output.stderr));
    let owner = |path: &str| {
        let meta = fs::metadata(case.dir.path().join(path)).unwrap();
        (meta.uid(), meta.gid())
    };
    assert_eq!(owner("volume/of-root"), (0, 0), "nobody changes owners");
    assert_eq!(owner("volume/new"), (5003, 7), "the owner on disk is the owner inside");
    assert_eq!(owner("root/made"), (0, 0));
    assert_eq!(owner("root"), (0, 0));
}

#[test]
fn root_of_the_container_cannot_lift_read_only() {
    if !root() || !merged_usr() {
        return;
    }
    let case = Case::new();
    let script = "mount -o remount,rw,bind /data && echo lifted; \
                  touch /data/new || echo refused; mount -o remount,dev,bind / && echo dev; true";
    let output = run(&case.on_root(script, MAP, &volume(&case, "<readonly/>")));
    if !translates(&output) {
        return;
    }
    let said = text(&output.stdout);
    assert!(said.contains("refused") && !said.contains("lifted"), "{said}{}", text(&output.stderr));
    assert!(!said.contains("dev"), "{said}");
    assert!(!case.dir.path().join("volume/new").exists());
}

#[test]
fn a_tree_that_is_shifted_already_is_left_as_it_is() {
    if !root() || !merged_usr() {
        return;
    }
    let case = Case::new();
    let file = case.on_root("stat -c %u /data /data/mine", MAP, &volume(&case, ""));
    let dir = case.dir.path().join("volume");
    fs::write(dir.join("mine"), "").unwrap();
    for path in [dir.clone(), dir.join("mine")] {
        std::os::unix::fs::chown(path, Some(700_000), Some(700_000)).unwrap();
    }
    let output = run(&file);
    if !translates(&output) {
        return;
    }
    assert_eq!(text(&output.stdout), "0\n0\n", "{}", text(&output.stderr));
    assert!(text(&output.stderr).contains("taken as shifted already"), "{}", text(&output.stderr));
}

#[rstest]
#[case::overlap(
    "<uid start='0' target='1000' count='10'/><uid start='5' target='9000' count='10'/>",
    "overlap"
)]
#[case::overlap_outside(
    "<uid start='0' target='1000' count='10'/><uid start='50' target='1005' count='10'/>",
    "overlap"
)]
#[case::zero("<uid start='0' target='1000' count='0'/>", "no ids")]
#[case::beyond("<uid start='0' target='4294967290' count='10'/>", "beyond the last id")]
#[case::no_root("<uid start='1' target='1000' count='10'/>", "begins at 0")]
fn a_map_that_the_kernel_would_refuse_is_refused_with_its_line(#[case] uids: &str, #[case] why: &str) {
    let case = Case::new();
    let map = format!("<idmap>{uids}<gid start='0' target='1000' count='10'/></idmap>");
    let output = browndog(&["plan".as_ref(), case.on_root("true", &map, "").as_os_str()]);
    let said = text(&output.stderr) + &text(&output.stdout);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains(why) && said.contains("domain.xml:4"), "{said}");
}

#[rstest]
#[case::name("worker", "worker", "uid=33 gid=44 groups=44,50,60")]
#[case::number("+33", "+7", "uid=33 gid=7 groups=7,50,60")]
#[case::number_that_is_a_name("9", "worker", "uid=9 gid=44")]
fn the_init_runs_as_the_user_that_the_container_knows(
    #[case] user: &str,
    #[case] group: &str,
    #[case] ids: &str,
) {
    if !root() || !merged_usr() {
        return;
    }
    let case = Case::new();
    let etc = case.root_tree().join("etc");
    fs::write(etc.join("passwd"), "root:x:0:0::/:/bin/sh\nworker:x:33:44::/home/w:/bin/sh\n9:x:33:1::/:\n")
        .unwrap();
    fs::write(etc.join("group"), "worker:x:44:\nlogs:x:50:worker\ntapes:x:60:root,worker\n").unwrap();
    let script = "set -- $(sed -n s/^Uid://p /proc/self/status) $(sed -n s/^Gid://p /proc/self/status); \
        echo uid=$1 gid=$5 all=$2$3$4$6$7$8; sed -n s/^Groups://p /proc/self/status; \
        sed -n s/^CapEff://p /proc/self/status; echo $HOME";
    let file = case.on_root(script, "", "");
    let with_user = fs::read_to_string(&file)
        .unwrap()
        .replace("</os>", &format!("<inituser>{user}</inituser><initgroup>{group}</initgroup></os>"));
    fs::write(&file, with_user).unwrap();
    let output = run(&file);
    let said = text(&output.stdout);
    let wanted = ids.split(" groups=").next().unwrap();
    assert!(said.contains(wanted), "{said}{}", text(&output.stderr));
    assert!(said.contains("0000000000000000"), "no capability for a plain user: {said}");
    for group in ids.split(" groups=").nth(1).unwrap_or("").split(',').filter(|id| !id.is_empty()).skip(1) {
        assert!(said.lines().nth(1).unwrap().split_whitespace().any(|have| have == group), "{group}: {said}");
    }
}

#[test]
fn a_user_that_the_container_does_not_know_is_refused_with_its_line() {
    let case = Case::new();
    let file =
        case.domain("<init>/bin/true</init><inituser>nobody-here</inituser><initgroup>+0</initgroup>", "");
    let output = browndog(&["plan".as_ref(), file.as_os_str()]);
    let said = text(&output.stderr) + &text(&output.stdout);
    assert!(said.contains("no such user") && said.contains("domain.xml:4"), "{said}");
}

const ACCOUNT: u32 = 4_242;

/// The command as a plain account of its own, which has the subordinate ids 800000 to 865535 where asked
/// for: in a mount namespace with account files of its own, so that this machine's are not touched.
fn account(case: &Case, subordinate: bool) -> Option<Command> {
    let plain = as_plain_user(case)?;
    if !root() || (subordinate && !Path::new("/usr/bin/newuidmap").exists()) {
        eprintln!("skipped: needs root and newuidmap(1) of the package uidmap");
        return None;
    }
    let dir = case.dir.path();
    fs::write(
        dir.join("passwd"),
        format!("root:x:0:0::/root:/bin/sh\nann:x:{ACCOUNT}:{ACCOUNT}::/:/bin/sh\n"),
    )
    .unwrap();
    fs::write(dir.join("sub"), if subordinate { "ann:800000:65536\n" } else { "" }).unwrap();
    let bind =
        |from: &str, to: &str| format!("touch {to} 2>/dev/null; mount --bind {}/{from} {to}", dir.display());
    // A missing file of this machine is bound over as well: on a tmpfs nothing of it would be made.
    if !Path::new("/etc/subuid").exists() || !Path::new("/etc/subgid").exists() {
        eprintln!("skipped: this machine has no /etc/subuid and /etc/subgid");
        return None;
    }
    let script = format!(
        "{} && {} && {} && exec setpriv --reuid {ACCOUNT} --regid {ACCOUNT} --clear-groups \"$@\"",
        bind("passwd", "/etc/passwd"),
        bind("sub", "/etc/subuid"),
        bind("sub", "/etc/subgid")
    );
    let mut command = Command::new("unshare");
    command.args(["--mount", "sh", "-c", &script, "sh"]).arg(plain.get_program()).current_dir("/");
    command.stdin(Stdio::null()).process_group(0);
    Some(command)
}

/// The binary as an account that no file of this machine knows.
fn stranger(case: &Case) -> Option<Command> {
    let plain = as_plain_user(case)?;
    if !root() {
        return None;
    }
    let mut command = Command::new(plain.get_program());
    command.uid(1_234_567).gid(1_234_567).current_dir("/").stdin(Stdio::null());
    Some(command)
}

#[test]
fn an_account_that_no_file_knows_is_root_of_one_id() {
    let case = Case::new();
    let Some(mut user) = stranger(&case) else { return };
    let output = user.arg("run").arg(plain_document(&case, "cat /proc/self/uid_map", "")).output().unwrap();
    let words: Vec<String> = text(&output.stdout).split_whitespace().map(str::to_owned).collect();
    assert_eq!(words, ["0", "1234567", "1"], "{}", text(&output.stderr));
}

#[rstest]
#[case::with_a_network_of_its_own("<features><privnet/></features>")]
#[case::with_the_hosts_network("")]
fn a_plain_users_container_sees_no_group_of_the_host(#[case] network: &str) {
    let case = Case::new();
    let Some(mut user) = stranger(&case) else { return };
    let file = plain_document(&case, "ls -A /sys/fs/cgroup | wc -l", "");
    let whole = fs::read_to_string(&file).unwrap();
    fs::write(&file, whole.replace("<features><privnet/></features>", network)).unwrap();
    let output = user.arg("run").arg(&file).output().unwrap();
    assert_eq!(text(&output.stdout), "0\n", "{}", text(&output.stderr));
}

fn plain_document(case: &Case, script: &str, rest: &str) -> std::path::PathBuf {
    let file = case.script(script);
    let whole = fs::read_to_string(&file).unwrap().replace("  <os>", &format!("{rest}<os>"));
    fs::write(&file, whole).unwrap();
    file
}

#[test]
fn an_account_without_subordinate_ids_is_root_of_one_id() {
    let case = Case::new();
    let Some(mut user) = account(&case, false) else { return };
    let file = plain_document(&case, "cat /proc/self/uid_map; id -u", "");
    let output = user.arg("run").arg(file).output().unwrap();
    let words: Vec<String> = text(&output.stdout).split_whitespace().map(str::to_owned).collect();
    assert_eq!(words, ["0", "4242", "1", "0"], "{}", text(&output.stderr));
}

#[test]
fn an_account_with_subordinate_ids_has_them_all() {
    let case = Case::new();
    let Some(mut user) = account(&case, true) else { return };
    let script = "cat /proc/self/uid_map; cat /proc/self/setgroups; touch /dev/shm/f; chown 1000:5 /dev/shm/f; \
                  stat -c %u:%g /dev/shm/f";
    let output = user.arg("run").arg(plain_document(&case, script, "")).output().unwrap();
    let words: Vec<String> = text(&output.stdout).split_whitespace().map(str::to_owned).collect();
    let expected = ["0", "4242", "1", "1", "800000", "65536", "allow", "1000:5"];
    assert_eq!(words, expected, "{}", text(&output.stderr));
}

#[test]
fn an_account_maps_its_own_subordinate_ids_and_no_others() {
    let case = Case::new();
    let Some(mut user) = account(&case, true) else { return };
    let map = |target: u32| {
        format!(
            "<idmap><uid start='0' target='{target}' count='1000'/><gid start='0' target='{target}' count='1000'/></idmap>"
        )
    };
    let file = plain_document(&case, "cat /proc/self/uid_map; id -u", &map(800_100));
    let output = user.arg("run").arg(&file).output().unwrap();
    let words: Vec<String> = text(&output.stdout).split_whitespace().map(str::to_owned).collect();
    // As the container sees it: the namespace above it is the launcher's, where 800100 is 101.
    assert_eq!(words, ["0", "101", "1000", "0"], "{}", text(&output.stderr));
    let Some(mut user) = account(&case, true) else { return };
    let file = plain_document(&case, "true", &map(100));
    let output = user.arg("run").arg(&file).output().unwrap();
    assert_eq!(output.status.code(), Some(125));
    assert!(text(&output.stderr).contains("are not the caller's"), "{}", text(&output.stderr));
}

#[test]
fn a_plan_of_a_plain_account_is_what_it_runs() {
    let case = Case::new();
    for subordinate in [false, true] {
        let file = plain_document(&case, "true", "");
        let Some(mut user) = account(&case, subordinate) else { return };
        let planned = user.args(["plan", "--format", "json"]).arg(&file).output().unwrap();
        let Some(mut user) = account(&case, subordinate) else { return };
        let traced = user.args(["run", "--trace"]).arg(&file).output().unwrap();
        assert_eq!(traced.status.code(), Some(0), "{}", text(&traced.stderr));
        let plan: serde_json::Value = serde_json::from_slice(&planned.stdout).unwrap();
        let steps = plan["steps"].as_array().unwrap().iter();
        let planned: Vec<(String, String)> = steps
            .map(|step| (step["stage"].as_str().unwrap().to_owned(), step["id"].as_str().unwrap().to_owned()))
            .filter(|(stage, id)| (stage == "host" || stage == "child") && id != "exec")
            .collect();
        let stderr = text(&traced.stderr);
        let words = stderr.lines().filter_map(|line| {
            let mut words = line.split_whitespace();
            Some((words.next()?.to_owned(), words.next()?.to_owned()))
        });
        let run: Vec<(String, String)> =
            words.filter(|(stage, _)| stage == "host" || stage == "child").collect();
        assert_eq!(run, planned);
    }
}

/// Whoever has no controller has no limit: a change is refused, not reported as made.
#[rstest]
#[case::setmem(&["setmem", "NAME", "20MiB"])]
#[case::hard_limit(&["memtune", "NAME", "--hard-limit", "20MiB"])]
#[case::soft_limit(&["memtune", "NAME", "--soft-limit", "20MiB"])]
#[case::shares(&["schedinfo", "NAME", "--cpu-shares", "512"])]
#[case::pids(&["pids", "NAME", "--limit", "9"])]
fn a_plain_users_change_of_a_limit_that_nobody_sets_is_refused(#[case] verb: &[&str]) {
    let case = Case::new();
    let state = case.dir.path().join("state");
    fs::create_dir(&state).unwrap();
    std::os::unix::fs::chown(&state, Some(65_534), Some(65_534)).unwrap();
    let file = case.script("while :; do sleep 1; done");
    let root = state.join("own").display().to_string();
    let browndog = |words: &[&str]| {
        let mut command = as_plain_user(&case)?;
        Some(command.args(["--root", &root]).args(words).output().unwrap())
    };
    let Some(defined) = browndog(&["define", file.to_str().unwrap()]) else { return };
    assert_eq!(defined.status.code(), Some(0), "{}", text(&defined.stderr));
    let started = browndog(&["start", &case.name]).unwrap();
    assert_eq!(started.status.code(), Some(0), "{}", text(&started.stderr));
    let verb: Vec<&str> = verb.iter().map(|word| if *word == "NAME" { &*case.name } else { word }).collect();
    let changed = browndog(&verb).unwrap();
    let info = browndog(&["memtune", &case.name, "--format", "json"]).unwrap();
    browndog(&["destroy", &case.name]);
    if case.cgroups().is_empty() {
        assert_eq!(changed.status.code(), Some(1), "{}", text(&changed.stdout));
        assert!(!text(&info.stdout).contains("20480"), "{}", text(&info.stdout));
    }
}
