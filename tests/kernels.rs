//! The same container on an old kernel and a new one: what mount_setattr(2) does on the one, classic calls
//! do on the other. In virtual machines, skipped where none can be started.
#![allow(unused_results, reason = "commands are built in steps")]

mod support;

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use support::{BROWNDOG, Case, text};

/// In the guest: a volume with a mount below it, a plain container and one with an id map on a tree that is
/// shifted already, and what each says of its mounts and devices.
const GUEST: &str = r#"
export PATH=/usr/bin
/bin/busybox --install -s /usr/bin
mkdir -p /tree/bin /tree/data /tree/again /data/below
cp /bin/busybox /tree/bin/busybox
ln -s busybox /tree/bin/sh
mount -t tmpfs -o nosuid below /data/below
browndog run /plain.xml
echo plain $?
chown -R 700000:700000 /tree /data
browndog run /mapped.xml
echo mapped $?
"#;

/// In the container.
const LOOK: &str = "busybox mknod /dev/m c 1 1 2>/dev/null; \
    (: &lt; /dev/null) || echo null is refused; (: &lt; /dev/m) 2>/dev/null &amp;&amp; echo memory opens; \
    for d in /data /data/below /again /again/below; do (: > $d/x) 2>/dev/null &amp;&amp; echo $d is writable; \
    busybox mount -o remount,rw,bind $d 2>/dev/null; \
    (: > $d/x) 2>/dev/null &amp;&amp; echo $d is writable afterwards; done; \
    while read source target type options rest; do case $target in /proc/*|/dev/*|/sys/*) ;; *) \
    for o in ro nosuid nodev noexec; do case ,$options, in *,$o,*) echo $target $o;; esac; done;; esac; \
    done &lt; /proc/mounts";

fn document(name: &str, map: &str, capabilities: &str) -> String {
    format!(
        "<domain type='lxc'><name>{name}</name><memory unit='MiB'>64</memory>{map}<os><type>exe</type>\
         <init>/bin/sh</init><initarg>-c</initarg><initarg>{LOOK}</initarg></os>\
         <features><privnet/>{capabilities}</features><devices>\
         <filesystem type='mount'><source dir='/tree'/><target dir='/'/></filesystem>\
         <filesystem type='mount'><source dir='/data'/><target dir='/data'/><readonly/></filesystem>\
         <filesystem type='bind'><source dir='/data'/><target dir='/again'/><readonly/></filesystem>\
         <console type='pty'/></devices></domain>"
    )
}

fn said_by(case: &Case, kernel: &str) -> Option<String> {
    let mknod = "<capabilities policy='default'><mknod state='on'/></capabilities>";
    let map = "<idmap><uid start='0' target='700000' count='1000'/><gid start='0' target='700000' count='1000'/></idmap>";
    let files = [
        ("plain.xml", document("plain", "", mknod)),
        ("mapped.xml", document("mapped", map, "")),
        ("guest.sh", GUEST.to_owned()),
    ];
    guest(case, kernel, &files, "mapped ")
}

/// What `/guest.sh` says in a guest that has these files, with its errors; `None` where it did not come to
/// its `end`.
fn guest(case: &Case, kernel: &str, files: &[(&str, String)], end: &str) -> Option<String> {
    let mut command = Command::new(BROWNDOG);
    command.args(["conformance", "vm", "--kernel", kernel, "--timeout", "300", "--program", "/bin/busybox"]);
    for (name, text) in files {
        let path = case.dir.path().join(name);
        fs::write(&path, text).unwrap();
        command.args(["--file", &format!("{}:/{name}", path.display())]);
    }
    let output =
        command.args(["--", "/bin/busybox", "sh", "/guest.sh"]).stdin(Stdio::null()).output().unwrap();
    let said = text(&output.stdout);
    if !said.contains(end) {
        eprintln!("skipped: no guest with kernel {kernel}: {}", text(&output.stderr));
        return None;
    }
    Some(format!(
        "{said}{}",
        text(&output.stderr).lines().filter(|line| line.contains("rror")).collect::<String>()
    ))
}

fn has_guests() -> bool {
    let there = Path::new("/bin/busybox").exists()
        && Command::new("qemu-system-x86_64")
            .arg("--version")
            .output()
            .is_ok_and(|output| output.status.success());
    if !there {
        eprintln!("skipped: needs qemu-system-x86_64 and /bin/busybox");
    }
    there
}

#[test]
fn an_old_kernel_gives_the_same_container() {
    if !has_guests() {
        return;
    }
    let case = Case::new();
    let (Some(old), Some(new)) = (said_by(&case, "5.10"), said_by(&case, "6.12")) else { return };
    assert!(!new.contains("writable") && !new.contains("opens") && !new.contains("refused"), "{new}");
    for line in
        ["/data ro", "/data/below ro", "/data/below nosuid", "/again ro", "/again/below ro", "/ nodev"]
    {
        assert!(new.contains(line), "{line}: {new}");
    }
    assert!(new.contains("plain 0") && new.contains("mapped 0"), "{new}");
    // The kernels list mounts in different orders.
    let sorted = |text: &str| {
        let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
        lines.sort();
        lines
    };
    assert_eq!(sorted(&old), sorted(&new));
}

/// In the guest: a device's node opens while it is attached, and what came goes again. Its control groups
/// are of version 2, where the policy is a program that takes the place of another.
const DEVICES: &str = r#"
export PATH=/usr/bin
/bin/busybox --install -s /usr/bin
mkdir -p /srv/data /mnt/x
echo here > /srv/data/file
browndog create /domain.xml
inside() { browndog exec guest -- /bin/busybox sh -c "$1" 2>/dev/null; }
inside 'mknod /dev/own c 4 64; mknod /dev/memory c 1 1'
look() {
    inside "(: < /dev/own) && echo $1 node; (: < /dev/null) && echo $1 null; (: < /dev/memory) && echo $1 memory
        cat /mnt/x/file && echo $1 file; (: > /mnt/x/new) && echo $1 writable; ip address | grep -q 10.9.8.7 && echo $1 link"
}
look before
for device in node tree link; do browndog attach-device guest /$device.xml || echo not attached: $device; done
look while
for device in node tree link; do browndog detach-device guest /$device.xml || echo not detached: $device; done
look after
browndog destroy guest
ls -d /sys/fs/cgroup/*.browndog 2>/dev/null
ip link | grep -c 'bd.*mtu'
echo END
"#;

#[test]
fn devices_come_and_go_on_version_2_of_control_groups() {
    if !has_guests() {
        return;
    }
    let case = Case::new();
    let domain = "<domain type='lxc'><name>guest</name><memory unit='MiB'>64</memory><os><type>exe</type>\
        <init>/bin/busybox</init><initarg>sleep</initarg><initarg>1000</initarg></os><features><privnet/>\
        <capabilities policy='default'><mknod state='on'/></capabilities></features>\
        <devices><console type='pty'/></devices></domain>";
    let files = [
        ("domain.xml", domain),
        ("node.xml", "<hostdev mode='capabilities' type='misc'><source><char>/dev/ttyS0</char></source></hostdev>"),
        (
            "tree.xml",
            "<filesystem type='mount'><source dir='/srv/data'/><target dir='/mnt/x'/><readonly/></filesystem>",
        ),
        ("link.xml", "<interface type='ethernet'><ip address='10.9.8.7' prefix='24'/></interface>"),
        ("guest.sh", DEVICES),
    ]
    .map(|(name, text)| (name, text.to_owned()));
    for kernel in ["5.10", "6.12"] {
        let Some(said) = guest(&case, kernel, &files, "END") else { continue };
        let looks: Vec<&str> = said
            .lines()
            .filter(|line| ["before ", "while ", "after "].iter().any(|look| line.starts_with(look)))
            .collect();
        // Where nothing is mounted, the directory is the guest's own, which may be written.
        let expected = [
            "before null",
            "before writable",
            "while node",
            "while null",
            "while file",
            "while link",
            "after null",
            "after writable",
        ];
        assert_eq!(looks, expected, "{kernel}: {said}");
        assert!(!said.contains("not ") && !said.contains(".browndog") && said.contains("\n0\nEND"), "{said}");
    }
}
