//! What a container with an id map may do, beside one without: no more by default, and what a whole system gets.
#![allow(unused_results, reason = "commands are built in steps")]

mod support;

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use rstest::rstest;
use support::life::Life;
use support::{BROWNDOG, Case, browndog, merged_usr, root, run, text};

const MAP: &str = "<idmap><uid start='0' target='700000' count='65536'/>\
    <gid start='0' target='700000' count='65536'/></idmap>";
const ADMIN: &str =
    "<features><capabilities policy='default'><sys_admin state='on'/></capabilities></features>";

/// A script on the host's tree, with these elements before `<os>` and at the end of the domain.
fn on_host_tree(case: &Case, script: &str, before: &str, own: &str) -> PathBuf {
    let file = case.script(&script.replace('&', "&amp;").replace('<', "&lt;"));
    rewritten(&file, before, own)
}

fn rewritten(file: &Path, before: &str, own: &str) -> PathBuf {
    let whole = fs::read_to_string(file).unwrap();
    let whole = whole
        .replace("<domain type='lxc'>", "<domain type='lxc' xmlns:browndog='urn:browndog:domain:1'>")
        .replacen("<os>", &format!("{before}<os>"), 1)
        .replace("</domain>", &format!("{own}</domain>"));
    let whole = if before.contains("<features>") {
        whole
            .replace("<features><privnet/></features>", "")
            .replace("<features><cap", "<features><privnet/><cap")
    } else {
        whole
    };
    fs::write(file, whole).unwrap();
    file.to_owned()
}

/// Whether python3 is there, which knows how to make every kind of socket.
fn python() -> bool {
    let there = Command::new("python3").arg("--version").output().is_ok_and(|output| output.status.success());
    if !there {
        eprintln!("skipped: needs python3");
    }
    there
}

/// What root of a container may unmount is what it has mounted itself, and nothing that lies over the host's.
const UNCOVER: &str = "[ $(cut -d' ' -f5 /proc/self/mountinfo | grep -cx /) = 1 ] || echo another root
before=$(cat /proc/self/mountinfo | wc -l)
for at in /proc/keys /proc/sys /proc/sysrq-trigger /sys/firmware /proc /sys /dev/pts /dev / ; do
  busybox umount $at 2>/dev/null && echo uncovered $at
  busybox umount -l $at 2>/dev/null && echo uncovered $at lazily
done
[ $before = $(cat /proc/self/mountinfo | wc -l) ] || echo some are gone
busybox mount -t proc proc /mnt 2>/dev/null && ls /mnt/sys >/dev/null && echo a whole procfs
busybox mount --bind / /mnt 2>/dev/null && echo without what is mounted below
busybox mount -o bind /proc /mnt 2>/dev/null && echo a procfs without covers
busybox mount -o remount,bind,rw /proc/sys 2>/dev/null && echo writable
busybox unshare -m busybox umount -l /proc 2>/dev/null && echo uncovered in a namespace
ls -d /proc/[0-9]* | wc -l
busybox mount -t tmpfs own /mnt && touch /mnt/a && busybox umount /mnt && echo its own";

#[rstest]
#[case::hosts_tree(false)]
#[case::own_tree(true)]
fn root_of_a_container_with_an_id_map_uncovers_nothing(#[case] own: bool) {
    if !root() || !merged_usr() {
        return;
    }
    let case = Case::new();
    let own_elements = "<browndog:seccomp profile='none'/>";
    let file = if own {
        let file = case.on_root(UNCOVER, "", "");
        rewritten(&file, &format!("{MAP}{ADMIN}"), own_elements)
    } else {
        on_host_tree(&case, UNCOVER, &format!("{MAP}{ADMIN}"), own_elements)
    };
    let output = run(&file);
    let said = text(&output.stdout);
    if text(&output.stderr).contains("cannot be translated") {
        eprintln!("skipped: {}", text(&output.stderr));
        return;
    }
    let (processes, rest) = said.split_once('\n').unwrap_or_default();
    assert!(processes.trim().parse::<u32>().is_ok_and(|count| count <= 3), "{said}{}", text(&output.stderr));
    assert_eq!(rest, "its own\n", "{said}{}", text(&output.stderr));
    assert_eq!(case.cgroups(), [] as [PathBuf; 0]);
}

#[test]
fn a_terminal_keeps_its_name_in_a_container_with_an_id_map() {
    if !root() || !Path::new("/usr/bin/script").exists() {
        eprintln!("skipped: needs root and script(1)");
        return;
    }
    let case = Case::new();
    let file = on_host_tree(
        &case,
        "echo it is $(tty), $(readlink /proc/self/fd/0); echo said > /dev/console",
        MAP,
        "",
    );
    let command = format!("{BROWNDOG} run {}", file.display());
    let output = Command::new("script").args(["-qec", &command, "/dev/null"]).stdin(Stdio::null()).output();
    let said = text(&output.unwrap().stdout).replace('\r', "");
    // The end of script(1)'s own input may be echoed anywhere between the lines.
    assert!(said.contains("it is /dev/pts/0, /dev/pts/0\n") && said.contains("said\n"), "{said}");
}

#[test]
fn an_id_map_gives_no_capability_that_other_containers_have_not() {
    if !root() {
        return;
    }
    let case = Case::new();
    let look =
        "grep -E '^Cap(Eff|Bnd|Prm)' /proc/self/status; unshare -U true 2>/dev/null && echo users; true";
    let plain = run(&on_host_tree(&case, look, "", ""));
    let mapped = run(&on_host_tree(&case, look, MAP, ""));
    assert!(text(&plain.stdout).contains("CapEff"), "{}", text(&plain.stderr));
    assert!(!text(&plain.stdout).contains("users"), "{}", text(&plain.stdout));
    assert_eq!(text(&mapped.stdout), text(&plain.stdout), "{}", text(&mapped.stderr));
}

#[test]
fn a_whole_system_mounts_and_is_told_what_that_opens() {
    if !root() {
        return;
    }
    let case = Case::new();
    let script = "busybox mount -t tmpfs own /mnt && busybox unshare -m true && echo mounts; \
                  busybox unshare -U true 2>/dev/null && echo users; \
                  python3 -c 'import ctypes; c = ctypes.CDLL(None, use_errno=True)
for n in (321, 298, 323, 304, 312): print(n, c.syscall(n, 0, 0, 0, 0, 0), ctypes.get_errno())' 2>/dev/null; true";
    let output = run(&on_host_tree(&case, script, MAP, "<browndog:system/>"));
    let (said, errors) = (text(&output.stdout), text(&output.stderr));
    assert!(said.starts_with("mounts\n") && !said.contains("users"), "{said}{errors}");
    assert!(errors.contains("taken as a whole system") && errors.contains("domain.xml"), "{errors}");
    let refused = said.lines().skip(1).filter(|line| line.ends_with("-1 1")).count();
    assert!(refused == 5 || !cfg!(target_arch = "x86_64") || !python(), "{said}{errors}");
    // The name of an init is enough, for documents that know no such element.
    let file = case.domain("<init>/sbin/init</init>", "");
    let plan = browndog(&["plan".as_ref(), rewritten(&file, MAP, "").as_os_str()]);
    let said = text(&plan.stdout) + &text(&plan.stderr);
    assert!(said.contains("its init has the name of one"), "{said}");
    let file = case.domain("<init>/sbin/init</init>", "");
    let plan =
        browndog(&["plan".as_ref(), rewritten(&file, MAP, "<browndog:system state='off'/>").as_os_str()]);
    let said = text(&plan.stdout) + &text(&plan.stderr);
    assert!(!said.contains("taken as a whole system") && said.contains("seccomp"), "{said}");
    assert!(said.contains("and may not mount"), "{said}");
}

/// Each family by its number, and what becomes of a socket of it: its errno, 0 for one.
const SOCKETS: &str = "python3 -c 'import ctypes
c = ctypes.CDLL(None, use_errno=True)
for family in (1, 2, 10, 16, 17, 38, 40, 15, 29, 44, 99):
    ctypes.set_errno(0)
    fd = c.socket(family, 3 if family in (16, 17) else 2 if family < 38 else 5, 0)
    print(family, ctypes.get_errno() if fd < 0 else 0)
pair = (ctypes.c_int * 2)()
ctypes.set_errno(0)
print(\"pair\", c.socketpair(1, 1, 0, pair), c.socketpair(40, 1, 0, pair), ctypes.get_errno())'";

#[rstest]
#[case::default("", "", "17 97")]
#[case::with_an_id_map(MAP, "", "17 97")]
#[case::named("", "<browndog:socket family='packet'/>", "17 1")]
#[case::net_raw(
    "<features><capabilities policy='default'><net_raw state='on'/></capabilities></features>",
    "",
    "17 0"
)]
fn only_sockets_of_some_families_can_be_made(#[case] before: &str, #[case] own: &str, #[case] packet: &str) {
    if !root() || !python() {
        return;
    }
    let case = Case::new();
    let output = run(&on_host_tree(&case, SOCKETS, before, own));
    let said = text(&output.stdout);
    let lines: Vec<&str> = said.lines().collect();
    for wanted in ["1 0", "2 0", "10 0", "16 0", packet, "38 97", "40 97", "15 97", "29 97", "44 97", "99 97"]
    {
        // A machine without IPv6 has none in a container either.
        let absent = wanted == "10 0" && !Path::new("/proc/net/if_inet6").exists();
        assert!(absent || lines.contains(&wanted), "{wanted}: {said}{}", text(&output.stderr));
    }
    assert!(lines.contains(&"pair 0 -1 97"), "{said}{}", text(&output.stderr));
}

/// A container that takes all it can get of what the kernel counts for each user.
#[test]
fn what_is_counted_for_each_user_is_counted_for_the_containers_own() {
    if !root() || !python() {
        return;
    }
    let case = Case::new();
    let script = "python3 -c 'import ctypes, resource, sys
resource.setrlimit(resource.RLIMIT_NOFILE, (4096, 4096))
c, count = ctypes.CDLL(None), 0
while count < 4000 and c.inotify_init() >= 0: count += 1
print(count, flush=True)
sys.stdin.read()'";
    let limits = "<browndog:rlimit name='nofile' soft='4096' hard='4096'/>";
    let file = on_host_tree(&case, script, MAP, limits);
    let mut child = Command::new(BROWNDOG)
        .arg("run")
        .arg(&file)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let own = nix::sys::inotify::Inotify::init(nix::sys::inotify::InitFlags::empty()).map(drop);
    drop(child.stdin.take());
    let mut errors = String::new();
    child.stderr.take().unwrap().read_to_string(&mut errors).unwrap();
    child.wait().unwrap();
    assert!(line.trim().parse::<u32>().is_ok_and(|count| count > 0), "{line}{errors}");
    assert_eq!(own, Ok(()), "the container has {line} instances, and root of the host none");
}

fn mapped_volume(case: &Case, mode: u32, more: &str) -> PathBuf {
    let above = case.dir.path().join("above");
    let volume = above.join("volume");
    fs::create_dir_all(&volume).unwrap();
    fs::set_permissions(&above, fs::Permissions::from_mode(mode)).unwrap();
    let devices = format!(
        "<filesystem type='mount'><source dir='{}'/><target dir='/data'/>{more}</filesystem>",
        volume.display()
    );
    case.on_root("grep ' /data ' /proc/self/mountinfo", MAP, &devices)
}

#[rstest]
#[case::open(0o755, "", true, true)]
#[case::closed(0o700, "", false, true)]
#[case::readonly(0o755, "<readonly/>", false, false)]
fn a_tree_in_which_the_container_can_make_programs_of_the_hosts_root_is_named(
    #[case] mode: u32,
    #[case] more: &str,
    #[case] told: bool,
    #[case] nosuid: bool,
) {
    if !root() || !merged_usr() {
        return;
    }
    let case = Case::new();
    let output = run(&mapped_volume(&case, mode, more));
    let (said, errors) = (text(&output.stdout), text(&output.stderr));
    if errors.contains("cannot be translated") {
        eprintln!("skipped: {errors}");
        return;
    }
    let volume = format!("what the container writes in {}", case.dir.path().join("above/volume").display());
    assert_eq!(errors.contains(&volume), told, "{errors}");
    assert_eq!(said.contains("nosuid"), nosuid, "{said}{errors}");
}

#[test]
fn a_map_onto_root_of_the_host_is_refused_with_its_line() {
    let case = Case::new();
    let map = "<idmap><uid start='0' target='100000' count='10'/><uid start='10' target='0' count='1'/>\
        <gid start='0' target='100000' count='10'/></idmap>";
    let file = case.on_root("true", map, "");
    for verb in ["validate", "plan", "run"] {
        let output = browndog(&[verb.as_ref(), file.as_os_str()]);
        let said = text(&output.stdout) + &text(&output.stderr);
        assert!(
            !output.status.success() && said.contains("BD0406") && said.contains("domain.xml:4"),
            "{said}"
        );
    }
}

/// A node of such a container is a mount that is locked to all others: nobody can unmount it.
#[test]
fn a_node_that_the_document_names_can_be_taken_away_again() {
    if !root() || !Path::new("/dev/fuse").exists() {
        eprintln!("skipped: needs root and /dev/fuse");
        return;
    }
    let life = Life::new();
    let fuse = "<hostdev mode='capabilities' type='misc'><source><char>/dev/fuse</char></source></hostdev>";
    let file = life.case.domain("<init>/bin/sleep</init><initarg>600</initarg>", fuse);
    let device = life.case.dir.path().join("device.xml");
    fs::write(&device, fuse).unwrap();
    life.ok(&["create", rewritten(&file, MAP, "").to_str().unwrap()]);
    let look = ["exec", life.name(), "--", "stat", "-c", "%F", "/dev/fuse"];
    assert_eq!(life.ok(&look), "character special file\n");
    life.ok(&["detach-device", life.name(), device.to_str().unwrap()]);
    assert!(life.fails(1, &look).contains("No such file"));
    life.ok(&["destroy", life.name()]);
}
