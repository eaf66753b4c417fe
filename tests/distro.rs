//! Whole systems: Debian with systemd and Debian with OpenRC reach their login prompts, in a virtual machine with
//! control groups of version 2 under an id map, where what is typed there ends them or starts them anew, and on this
//! machine, whatever groups it has, with and without a map.
//! The trees are made by `ci/distro`; without them this is skipped.
#![allow(unused_results, reason = "commands are built in steps")]

mod support;

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use rstest::rstest;
use support::life::Life;
use support::{BROWNDOG, Case, root, text};

/// The image with the trees, where `ci/distro` says that there is one: it takes minutes.
fn trees() -> Option<PathBuf> {
    let place = std::env::var_os("BROWNDOG_DISTRO").map(PathBuf::from)?;
    Some(place.join("trees.ext4")).filter(|image| image.exists())
}

fn document(name: &str) -> String {
    format!(
        "<domain type='lxc'><name>{name}</name><memory unit='MiB'>256</memory>
         <os><type>exe</type><init>/sbin/init</init></os>
         <idmap><uid start='0' target='700000' count='65536'/><gid start='0' target='700000' count='65536'/></idmap>
         <features><privnet/></features><on_reboot>restart</on_reboot>
         <devices><filesystem type='mount'><source dir='/trees/{name}'/><target dir='/'/></filesystem>
         <console type='pty'/><console type='pty'/></devices></domain>"
    )
}

/// In the guest. `said`: what the console has to have said, so many times, before the script goes on.
const GUEST: &str = r#"
export PATH=/usr/bin
/bin/busybox --install -s /usr/bin
mkdir /trees
mount -t ext4 /dev/vda /trees || exit 1
say() { echo; echo "== $*"; }
said() {
  n=0
  until [ "$(grep -c "$3" /var/log/browndog/$1.log)" -ge "$2" ]; do
    n=$((n + 1))
    if [ $n -gt 300 ]; then say "$1 never said $3"; browndog info $1; browndog logs $1 | tail -n 60; exit 1; fi
    sleep 1
  done
}
types() { echo "$2" | browndog console $1 > /dev/null; }
# A getty throws away what was typed before it had said all that it says.
enters() {
  before=$(grep -c "root@$1:" /var/log/browndog/$1.log)
  n=0
  until [ "$(grep -c "root@$1:" /var/log/browndog/$1.log)" -gt "$before" ]; do
    n=$((n + 1))
    if [ $n -gt 30 ]; then say "nobody could log into $1"; browndog logs $1 | tail -n 60; exit 1; fi
    types $1 root
    sleep 5
  done
}
ends() {
  timeout 120 browndog wait $1
  if [ $? = 143 ]; then say "$1 does not end"; browndog logs $1 | tail -n 60; exit 1; fi
  browndog info $1
  browndog list --all
}

say systemd boots
browndog define /systemd.xml
browndog start systemd || exit 1
said systemd 1 'systemd login:'
browndog exec systemd -- systemctl is-system-running --wait
browndog exec systemd -- systemctl --failed --no-legend
browndog exec systemd -- cat /proc/1/cgroup /sys/fs/cgroup/cgroup.controllers
browndog exec systemd -- stat -c '%U %G %a %F' /dev/console /dev/pts/1
browndog exec systemd -- systemctl is-active container-getty@1.service
say somebody logs in
enters systemd
types systemd 'echo I am $(id -un) at $(tty); cat /proc/self/uid_map; reboot'
say reboot from inside
said systemd 2 'systemd login:'
say shutdown from outside
browndog shutdown --mode signal systemd
ends systemd
say poweroff from inside
browndog start systemd
said systemd 3 'systemd login:'
enters systemd
types systemd poweroff
ends systemd
browndog logs systemd | tail -n 3
say openrc boots
browndog define /openrc.xml
browndog start openrc || exit 1
said openrc 1 'login:'
enters openrc
types openrc 'echo I am $(id -un) at $(tty); rc-status -r; reboot'
said openrc 2 'login:'
browndog logs openrc | grep -E 'I am|OpenRC|^default'
say openrc ends
enters openrc
types openrc poweroff
ends openrc
say events
browndog events --past --no-follow
browndog logs systemd | grep -E 'I am|700000'
find /sys/fs/cgroup -name '*.browndog'
say over
"#;

fn section<'a>(said: &'a str, name: &str) -> &'a str {
    let rest = said.split_once(&format!("== {name}\n")).map_or("", |(_, rest)| rest);
    rest.split("\n== ").next().unwrap_or_default()
}

#[test]
fn whole_systems_boot_to_their_login_prompts_reboot_and_end() {
    let Some(image) = trees() else {
        eprintln!("skipped: ci/distro makes the trees, as root, and runs this");
        return;
    };
    if !std::path::Path::new("/bin/busybox").exists() {
        eprintln!("skipped: needs /bin/busybox (package busybox-static)");
        return;
    }
    let case = Case::new();
    let mut command = Command::new(BROWNDOG);
    command.args(["conformance", "vm", "--kernel", "6.12", "--memory", "1024", "--timeout", "1500"]);
    command.args(["--program", "/bin/busybox", "--disk"]).arg(image);
    for (name, content) in [
        ("systemd.xml", document("systemd")),
        ("openrc.xml", document("openrc")),
        ("guest.sh", GUEST.to_owned()),
    ] {
        let path = case.dir.path().join(name);
        fs::write(&path, content).unwrap();
        command.args(["--file", &format!("{}:/{name}", path.display())]);
    }
    let output =
        command.args(["--", "/bin/busybox", "sh", "/guest.sh"]).stdin(Stdio::null()).output().unwrap();
    let (said, errors) = (text(&output.stdout).replace('\r', ""), text(&output.stderr));
    if !said.contains("== ") {
        eprintln!("skipped: no guest with kernel 6.12: {errors}");
        return;
    }
    let has = |name: &str, wanted: &str| {
        assert!(section(&said, name).contains(wanted), "{name}: no {wanted} in\n{said}{errors}");
    };
    assert!(said.contains("\n== over"), "{said}{errors}");
    has("systemd boots", "\nrunning\n0::/init.scope\n");
    has("systemd boots", "cpuset cpu io memory pids");
    has("systemd boots", "root tty 620 character special file\nroot tty 620 character special file\nactive");
    has("events", "I am root at /dev/console");
    has("events", "0     700000      65536");
    has("shutdown from outside", "systemd's SIGRTMIN+3");
    has("shutdown from outside", "Reason:         shutdown");
    has("poweroff from inside", "Reason:         shutdown");
    has("poweroff from inside", "Powering off.");
    has("openrc boots", "I am root at /dev/pts/0");
    has("openrc ends", "Reason:         shutdown");
    let events = section(&said, "events");
    let count = |word: &str| events.matches(word).count();
    assert_eq!(
        (count("'systemd': started"), count("'openrc': started")),
        (3, 2),
        "one start for each reboot\n{said}"
    );
    assert!(!events.contains(".browndog"), "no group stays\n{said}");
}

const MAP: &str = "<idmap><uid start='0' target='700000' count='65536'/><gid start='0' target='700000' count='65536'/></idmap>\
                   <features><privnet/></features>";
const ADMIN: &str =
    "<features><privnet/><capabilities policy='default'><sys_admin state='on'/></capabilities></features>";
const PLAIN: &str = "<features><privnet/></features>";

/// A domain on a copy of one of the trees.
fn whole_system(tree: &str, rights: &str) -> Option<Life> {
    let trees = trees().map(|image| image.with_file_name("trees").join(tree)).filter(|tree| tree.is_dir());
    let Some(trees) = trees.filter(|_| root()) else {
        eprintln!("skipped: ci/distro makes the trees, as root, and runs this");
        return None;
    };
    let life = Life::new();
    let copy = life.case.dir.path().join("tree");
    assert!(Command::new("cp").arg("-a").arg(trees).arg(&copy).status().unwrap().success());
    let file = life.case.file(&format!(
        "<domain type='lxc'><name>{}</name><memory unit='MiB'>256</memory>
         <os><type>exe</type><init>/sbin/init</init></os>{rights}<on_reboot>restart</on_reboot>
         <devices><filesystem type='mount'><source dir='{}'/><target dir='/'/></filesystem>
         <console type='pty'/><console type='pty'/></devices></domain>",
        life.name(),
        copy.display()
    ));
    life.ok(&["define", file.to_str().unwrap()]);
    Some(life)
}

#[rstest]
#[case::systemd_with_a_map("systemd", MAP)]
#[case::systemd_without("systemd", ADMIN)]
#[case::openrc_with_a_map("openrc", MAP)]
#[case::openrc_without("openrc", PLAIN)]
fn a_whole_system_comes_up_on_this_machine(#[case] tree: &str, #[case] rights: &str) {
    let Some(life) = whole_system(tree, rights) else { return };
    let started = life.run(&["start", life.name()]);
    let notes = text(&started.stderr);
    if notes.contains("cannot be translated") {
        eprintln!("skipped: {notes}");
        return;
    }
    assert_eq!(started.status.code(), Some(0), "{notes}");
    assert_eq!(notes.contains("may not mount anything"), rights == PLAIN, "{notes}");
    let prompts = || life.ok(&["logs", life.name()]).matches("login:").count();
    life.wait_for("the login prompt", || prompts() >= 1);
    let inside = |words: &[&str]| {
        let output = life.command(&["exec", life.name(), "--"]).args(words).output().unwrap();
        (text(&output.stdout) + &text(&output.stderr)).trim().to_owned()
    };
    let up = || match tree {
        "systemd" => {
            let state = inside(&["systemctl", "is-system-running", "--wait"]);
            assert_eq!(state, "running", "{}", inside(&["systemctl", "--failed"]));
        }
        _ => assert_eq!(inside(&["rc-status", "-r"]), "default"),
    };
    up();
    inside(&["sh", "-c", "echo kept > /root/file"]);
    if rights != PLAIN {
        let before = prompts();
        life.ok(&["reboot", "--timeout", "100", life.name()]);
        assert_eq!(life.info()["restarts"], 1);
        life.wait_for("the login prompt", || prompts() > before);
        up();
        life.ok(&["shutdown", "--timeout", "100", life.name()]);
        assert_eq!((life.state().as_str(), life.info()["reason"].as_str()), ("shut off", Some("shutdown")));
        life.ok(&["start", life.name()]);
    }
    let file = || fs::read_to_string(life.case.dir.path().join("tree/root/file")).unwrap();
    assert_eq!(file(), "kept\n");
    life.ok(&["shutdown", "--timeout", "60", "--then-destroy", life.name()]);
    life.assert_gone();
}

#[test]
fn a_systemd_without_the_right_to_mount_is_told_apart_by_a_note() {
    let Some(life) = whole_system("systemd", PLAIN) else { return };
    let notes = text(&life.run(&["start", life.name()]).stderr);
    assert!(notes.contains("may not mount anything") && notes.contains("add an <idmap>"), "{notes}");
    life.wait_for("its end", || life.state() == "crashed");
    assert!(life.ok(&["logs", life.name()]).contains("Failed to mount"));
    life.assert_gone();
}
