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
    let write = |name: &str, text: &str| {
        let path = case.dir.path().join(name);
        fs::write(&path, text).unwrap();
        format!("{}:/{name}", path.display())
    };
    let mknod = "<capabilities policy='default'><mknod state='on'/></capabilities>";
    let map = "<idmap><uid start='0' target='700000' count='1000'/><gid start='0' target='700000' count='1000'/></idmap>";
    let files = [
        write("plain.xml", &document("plain", "", mknod)),
        write("mapped.xml", &document("mapped", map, "")),
        write("guest.sh", GUEST),
    ];
    let mut command = Command::new(BROWNDOG);
    command.args(["conformance", "vm", "--kernel", kernel, "--timeout", "300", "--program", "/bin/busybox"]);
    for file in &files {
        command.args(["--file", file]);
    }
    let output =
        command.args(["--", "/bin/busybox", "sh", "/guest.sh"]).stdin(Stdio::null()).output().unwrap();
    let said = text(&output.stdout);
    if !said.contains("mapped ") {
        eprintln!("skipped: no guest with kernel {kernel}: {}", text(&output.stderr));
        return None;
    }
    Some(format!(
        "{said}{}",
        text(&output.stderr).lines().filter(|line| line.contains("rror")).collect::<String>()
    ))
}

#[test]
fn an_old_kernel_gives_the_same_container() {
    let there = Path::new("/bin/busybox").exists()
        && Command::new("qemu-system-x86_64")
            .arg("--version")
            .output()
            .is_ok_and(|output| output.status.success());
    if !there {
        eprintln!("skipped: needs qemu-system-x86_64 and /bin/busybox");
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
