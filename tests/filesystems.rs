//! What a document mounts: every type, read-only to the bottom, in its order, never out of the root, and
//! nothing left behind.
#![allow(unused_results, reason = "commands are built in steps")]

mod support;

use std::fs;
use std::os::unix::fs::{FileTypeExt, MetadataExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use rstest::rstest;
use support::{BROWNDOG, Case, browndog, merged_usr, root, run, text};

/// An ext4 image with a file in it; `None` where this machine can make or attach none.
fn image(case: &Case) -> Option<PathBuf> {
    let (path, tree) = (case.dir.path().join("disk.img"), case.dir.path().join("content"));
    fs::create_dir_all(&tree).unwrap();
    fs::write(tree.join("hello"), "from the image\n").unwrap();
    let made = Command::new("mkfs.ext4").args(["-q", "-d"]).arg(&tree).arg(&path).arg("2M").output();
    if !made.is_ok_and(|output| output.status.success()) || !Path::new("/dev/loop-control").exists() {
        eprintln!("skipped: needs mkfs.ext4(8) and loop devices");
        return None;
    }
    Some(path)
}

/// Loop devices over this case's files.
fn loops(case: &Case) -> Vec<String> {
    let dir = case.dir.path().to_string_lossy().into_owned();
    let devices = fs::read_dir("/sys/block").unwrap().flatten();
    let backing = devices.filter_map(|entry| fs::read_to_string(entry.path().join("loop/backing_file")).ok());
    backing.filter(|file| file.contains(&dir)).collect()
}

fn settled(case: &Case) -> Vec<String> {
    // The kernel clears a device after its last user has gone, on a queue of its own.
    for _ in 0..100 {
        if loops(case).is_empty() {
            return Vec::new();
        }
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    loops(case)
}

#[rstest]
#[case::writable("", "from the image\nwritten\n")]
#[case::readonly("<readonly/>", "from the image\nrefused\n")]
fn an_image_is_mounted_and_its_loop_device_goes_with_the_container(#[case] more: &str, #[case] said: &str) {
    if !root() || !merged_usr() {
        return;
    }
    let case = Case::new();
    let Some(image) = image(&case) else { return };
    let before = fs::read(&image).unwrap();
    let device = format!(
        "<filesystem type='file'><driver type='loop' format='raw'/><source file='{}'/><target dir='/mnt'/>{more}</filesystem>",
        image.display()
    );
    let script = "cat /mnt/hello; (echo x > /mnt/new) 2>/dev/null && echo written || echo refused";
    let output = run(&case.on_root(script, "", &device));
    assert_eq!(text(&output.stdout), said, "{}", text(&output.stderr));
    assert_eq!(settled(&case), Vec::<String>::new());
    if !more.is_empty() {
        assert!(before == fs::read(&image).unwrap(), "a read-only image is never written");
    }
}

/// Its superblock asks for a panic of the machine where the file system is found to be damaged.
#[test]
fn an_image_can_neither_panic_the_machine_nor_bring_users_and_devices_and_the_plan_says_what_it_is() {
    if !root() || !merged_usr() {
        return;
    }
    let case = Case::new();
    let Some(image) = image(&case) else { return };
    let tuned = Command::new("tune2fs").args(["-e", "panic"]).arg(&image).output();
    if !tuned.is_ok_and(|output| output.status.success()) {
        eprintln!("skipped: needs tune2fs(8)");
        return;
    }
    let device = format!(
        "<filesystem type='file'><driver type='loop' format='raw'/><source file='{}'/><target dir='/mnt'/></filesystem>",
        image.display()
    );
    let output = run(&case.on_root("grep ' /mnt ' /proc/mounts", "", &device));
    let said = text(&output.stdout);
    for option in ["errors=remount-ro", "nosuid", "nodev"] {
        assert!(said.contains(option), "{option}: {said}");
    }
    assert!(text(&output.stderr).contains("gives input to the kernel"), "{}", text(&output.stderr));
    assert_eq!(settled(&case), Vec::<String>::new());
}

#[test]
fn a_container_stands_on_an_image_with_an_id_map() {
    if !root() || !merged_usr() {
        return;
    }
    let case = Case::new();
    let tree = case.dir.path().join("content");
    fs::create_dir_all(tree.join("usr")).unwrap();
    for link in ["bin", "lib", "lib64"] {
        symlink(format!("usr/{link}"), tree.join(link)).unwrap();
    }
    let Some(image) = image(&case) else { return };
    let map = "<idmap><uid start='0' target='700000' count='1000'/><gid start='0' target='700000' count='1000'/></idmap>";
    let file =
        case.on_root("stat -c %u /hello; touch /made; stat -c %u /made; ls -d /proc/1 /sys/kernel", map, "");
    let whole = fs::read_to_string(&file).unwrap();
    let root_line = whole.lines().find(|line| line.contains("target dir='/'/")).unwrap().to_owned();
    let on_image =
        format!("<filesystem type='file'><source file='{}'/><target dir='/'/></filesystem>", image.display());
    fs::write(&file, whole.replace(&root_line, &on_image)).unwrap();
    let output = run(&file);
    if text(&output.stderr).contains("cannot be translated") {
        eprintln!("skipped: {}", text(&output.stderr));
        return;
    }
    assert_eq!(text(&output.stdout), "0\n0\n/proc/1\n/sys/kernel\n", "{}", text(&output.stderr));
    assert_eq!(settled(&case), Vec::<String>::new());
}

#[test]
fn a_block_device_is_mounted() {
    if !root() || !merged_usr() {
        return;
    }
    let case = Case::new();
    let Some(image) = image(&case) else { return };
    let attached = Command::new("losetup").args(["--find", "--show"]).arg(&image).output().unwrap();
    let device = text(&attached.stdout).trim().to_owned();
    assert!(attached.status.success(), "{}", text(&attached.stderr));
    let xml = format!("<filesystem type='block'><source dev='{device}'/><target dir='/mnt'/></filesystem>");
    let output = run(&case.on_root("cat /mnt/hello", "", &xml));
    // The device is the test's: it stays until the test takes it away.
    let detached = Command::new("losetup").args(["--detach", &device]).status().unwrap();
    assert!(detached.success());
    assert_eq!(text(&output.stdout), "from the image\n", "{}", text(&output.stderr));
    assert_eq!(settled(&case), Vec::<String>::new());
}

#[test]
fn a_killed_launcher_leaves_no_loop_device() {
    if !root() || !merged_usr() {
        return;
    }
    let case = Case::new();
    let Some(image) = image(&case) else { return };
    let device = format!(
        "<filesystem type='file'><source file='{}'/><target dir='/mnt'/></filesystem>",
        image.display()
    );
    let file = case.on_root("echo up > /tmp/up; exec sleep 600", "", &device);
    let mut child = Command::new(BROWNDOG).arg("run").arg(&file).stdin(Stdio::null()).spawn().unwrap();
    let up = case.dir.path().join("root/tmp/up");
    for _ in 0..500 {
        if up.exists() {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    assert_eq!(loops(&case).len(), 1, "it runs on its loop device");
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(settled(&case), Vec::<String>::new());
    for group in case.cgroups() {
        // Left by the killed launcher, and this test's to remove.
        for _ in 0..100 {
            if fs::remove_dir(&group).is_ok() || !group.exists() {
                break;
            }
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
    }
}

#[rstest]
#[case::nothing(vec![0_u8; 4096], "no file system is found on it")]
#[case::qcow2(b"QFI\xfb rest".to_vec(), "a qcow2 image")]
#[case::luks(b"LUKS\xba\xbe rest".to_vec(), "an encrypted volume")]
fn an_image_without_a_file_system_is_refused_with_what_it_is(#[case] bytes: Vec<u8>, #[case] what: &str) {
    if !root() {
        return;
    }
    let case = Case::new();
    let image = case.dir.path().join("disk.img");
    fs::write(&image, bytes).unwrap();
    let device = format!(
        "<filesystem type='file'><source file='{}'/><target dir='/mnt'/></filesystem>",
        image.display()
    );
    let output = browndog(&["plan".as_ref(), case.domain("<init>/bin/true</init>", &device).as_os_str()]);
    let said = text(&output.stderr) + &text(&output.stdout);
    assert!(
        output.status.code() == Some(1) && said.contains(what) && said.contains("domain.xml:6"),
        "{said}"
    );
}

#[rstest]
#[case::template(
    "<filesystem type='template'><source name='x'/><target dir='/mnt'/></filesystem>",
    "'template'"
)]
#[case::volume(
    "<filesystem type='volume'><source pool='p' volume='v'/><target dir='/mnt'/></filesystem>",
    "'volume'"
)]
#[case::qcow2(
    "<filesystem type='file'><driver type='nbd' format='qcow2'/><source file='/x'/><target dir='/mnt'/></filesystem>",
    "only raw images"
)]
#[case::twice(
    "<filesystem><source dir='/usr'/><target dir='/mnt'/></filesystem>\
     <filesystem><source dir='/etc'/><target dir='/mnt/'/></filesystem>",
    "the target of two file systems"
)]
#[case::ram_root(
    "<filesystem type='ram'><source usage='1'/><target dir='/'/></filesystem>",
    "it would be empty"
)]
#[case::disk_image(
    "<disk type='file'><source file='/x'/><target dev='vda'/></disk>",
    "an image has no device node of its own"
)]
#[case::disk_of_a_directory(
    "<disk type='block'><source dev='/usr'/><target dev='vda'/></disk>",
    "/usr is not a block device"
)]
#[case::usb(
    "<hostdev mode='subsystem' type='usb'><source><vendor id='0xfff0'/><product id='0x0001'/></source></hostdev>",
    "USB device fff0:0001"
)]
fn what_cannot_be_had_is_refused_with_its_reason_and_line(#[case] devices: &str, #[case] reason: &str) {
    let case = Case::new();
    let output = browndog(&["plan".as_ref(), case.domain("<init>/bin/true</init>", devices).as_os_str()]);
    let said = text(&output.stderr) + &text(&output.stdout);
    assert!(
        output.status.code() == Some(1) && said.contains(reason) && said.contains("domain.xml:6"),
        "{said}"
    );
}

#[test]
fn read_only_reaches_the_mounts_below_and_order_nests() {
    if !root() || !merged_usr() {
        return;
    }
    let case = Case::new();
    let volume = case.dir.path().join("volume");
    fs::create_dir_all(volume.join("below")).unwrap();
    fs::create_dir_all(case.dir.path().join("other")).unwrap();
    let dir = case.dir.path().display();
    // A mount below the volume, in a mount namespace of the test's own.
    let devices = format!(
        "<filesystem><source dir='{dir}/volume'/><target dir='/data'/><readonly/></filesystem>\
         <filesystem type='ram'><source usage='64'/><target dir='/mnt'/></filesystem>\
         <filesystem><source dir='{dir}/other'/><target dir='/mnt/deep/er'/></filesystem>\
         <filesystem type='bind'><source dir='/mnt/deep'/><target dir='/tmp/again'/><readonly/></filesystem>"
    );
    let script = "for d in /data /data/below /tmp/again /tmp/again/er; do \
                  touch $d/x 2>/dev/null && echo $d is writable; done; touch /mnt/deep/er/y && echo deep";
    let file = case.on_root(script, "", &devices);
    let script = format!("mount -t tmpfs below {dir}/volume/below && exec \"$@\"");
    let output = Command::new("unshare")
        .args(["--mount", "sh", "-c", &script, "sh", BROWNDOG, "run"])
        .arg(&file)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    assert_eq!(text(&output.stdout), "deep\n", "{}", text(&output.stderr));
    assert!(case.dir.path().join("other/y").exists());
}

/// A root whose links lead to a directory of the host, and what must not happen to it.
#[rstest]
#[case::absolute("mnt/in/er", "/mnt/in/er", None)]
#[case::relative("data", "/data/deep", Some("../../../../.."))]
#[case::proc_itself("proc", "/mnt", None)]
#[case::dev_itself("dev", "/mnt", None)]
fn a_link_in_the_root_leads_nowhere_but_into_the_root(
    #[case] link: &str,
    #[case] target: &str,
    #[case] up: Option<&str>,
) {
    if !root() || !merged_usr() {
        return;
    }
    let case = Case::new();
    let prey = case.dir.path().join("prey");
    fs::create_dir(&prey).unwrap();
    let tree = case.root_tree();
    let place = tree.join(link);
    fs::create_dir_all(place.parent().unwrap()).unwrap();
    crate::support::remove_if_there(&place);
    let value = format!("{}{}", up.unwrap_or_default(), prey.display());
    symlink(&value, &place).unwrap();
    let devices = format!("<filesystem type='ram'><source usage='64'/><target dir='{target}'/></filesystem>");
    let output = run(&case.on_root("echo started; touch /dev/shm/x", "", &devices));
    assert_eq!(fs::read_dir(&prey).unwrap().count(), 0, "{}", text(&output.stderr));
    // Inside the root the link means a path of the root, which is made or refused there.
    let said = text(&output.stdout) + &text(&output.stderr);
    assert!(said.contains("started") || said.contains("error: "), "{said}");
}

#[test]
fn a_declared_device_opens_and_no_other() {
    if !root() || !merged_usr() {
        return;
    }
    let case = Case::new();
    let Some(image) = image(&case) else { return };
    let attached = Command::new("losetup").args(["--find", "--show"]).arg(&image).output().unwrap();
    let device = text(&attached.stdout).trim().to_owned();
    let node = fs::metadata(&device).unwrap();
    assert!(node.file_type().is_block_device());
    let (major, minor) = (nix_major(node.rdev()), nix_minor(node.rdev()));
    let devices = format!(
        "<disk type='block'><source dev='{device}'/><target dev='vdb'/><readonly/></disk>\
         <hostdev mode='capabilities' type='misc'><source><char>/dev/kmsg</char></source></hostdev>"
    );
    let script = format!(
        "dd if=/dev/vdb of=/dev/null bs=512 count=1 2>/dev/null && echo read; \
         (true > /dev/vdb) 2>/dev/null || echo not written; test -c /dev/kmsg && echo char; \
         mknod /dev/again b {major} {minor} 2>/dev/null && echo made; \
         mknod /dev/mem2 c 1 1 2>/dev/null || echo no memory; true < /dev/null && echo null; ls /dev"
    );
    let file = case.on_root(&script, "", &devices);
    let with_mknod = fs::read_to_string(&file).unwrap().replace(
        "<privnet/>",
        "<privnet/><capabilities policy='default'><mknod state='off'/></capabilities>",
    );
    fs::write(&file, with_mknod).unwrap();
    let output = run(&file);
    let detached = Command::new("losetup").args(["--detach", &device]).status().unwrap();
    assert!(detached.success());
    let said = text(&output.stdout);
    for line in ["read\n", "not written\n", "char\n", "no memory\n", "null\n", "vdb\n"] {
        assert!(said.contains(line), "{line}: {said}{}", text(&output.stderr));
    }
}

#[test]
fn a_node_in_the_root_opens_only_where_it_is_declared() {
    if !root() || !merged_usr() {
        return;
    }
    let case = Case::new();
    let file = case.on_root(
        "mknod /tmp/mem c 1 1; mknod /tmp/null c 1 3; \
         for n in mem null; do (true < /tmp/$n) 2>/dev/null && echo $n opens || echo $n refused; done",
        "",
        "<filesystem type='ram'><source usage='64'/><target dir='/tmp'/></filesystem>",
    );
    let with_mknod = fs::read_to_string(&file)
        .unwrap()
        .replace(
            "<privnet/>",
            "<privnet/><capabilities policy='default'><mknod state='on'/><sys_admin state='on'/></capabilities>",
        )
        .replace("mknod /tmp/mem", "mount -o remount,dev /tmp; mknod /tmp/mem");
    fs::write(&file, with_mknod).unwrap();
    let output = run(&file);
    assert_eq!(text(&output.stdout), "mem refused\nnull opens\n", "{}", text(&output.stderr));
}

fn nix_major(device: u64) -> u64 {
    device >> 8 & 0xfff
}

fn nix_minor(device: u64) -> u64 {
    device & 0xff | device >> 12 & 0xfff00
}

/// Names in the case's root directory that are missing before a start.
fn mount_points(case: &Case) -> Vec<&'static str> {
    let root = case.dir.path().join("root");
    ["proc", "sys", "dev"].into_iter().filter(|name| root.join(name).exists()).collect()
}

/// A container on the case's root directory that runs until its launcher is told.
fn on_root_in_background(case: &Case, script: &str) -> std::process::Child {
    let file = case.on_root(script, "", "");
    let mut child = Command::new(BROWNDOG);
    child.arg("run").arg(&file).stdin(Stdio::null()).stdout(Stdio::piped());
    let mut child = child.spawn().unwrap();
    let mut ready = [0_u8; 6];
    std::io::Read::read_exact(child.stdout.as_mut().unwrap(), &mut ready).unwrap();
    assert_eq!(&ready, b"ready\n");
    child
}

#[test]
fn the_last_container_on_a_root_removes_the_mount_points_and_no_other() {
    if !root() || !merged_usr() {
        return;
    }
    let (case, wait) = (Case::new(), "echo ready; while ! [ -e /tmp/go ]; do sleep 0.05; done;");
    let mut first = on_root_in_background(&case, wait);
    assert_eq!(mount_points(&case), ["proc", "sys", "dev"]);
    let look = "ls -d /proc/1 /dev/null /sys/kernel";
    let second =
        on_root_in_background(&case, &format!("{wait} while ! [ -e /tmp/on ]; do sleep 0.05; done; {look}"));
    let tmp = case.dir.path().join("root/tmp");
    fs::write(tmp.join("go"), "").unwrap();
    assert!(first.wait().unwrap().success());
    assert_eq!(mount_points(&case), ["proc", "sys", "dev"], "another stands on them");
    fs::write(tmp.join("on"), "").unwrap();
    let output = second.wait_with_output().unwrap();
    assert_eq!(text(&output.stdout), "/dev/null\n/proc/1\n/sys/kernel\n");
    assert_eq!(mount_points(&case), [""; 0]);
}

#[test]
fn mount_points_of_a_killed_launcher_go_with_the_next_container() {
    if !root() || !merged_usr() {
        return;
    }
    let case = Case::new();
    let mut killed = on_root_in_background(&case, "echo ready; sleep 100");
    killed.kill().unwrap();
    killed.wait().unwrap();
    assert_eq!(mount_points(&case), ["proc", "sys", "dev"]);
    // What was there before, and looks different, stays.
    fs::create_dir(case.dir.path().join("root/new")).unwrap();
    let file = case.on_root(
        "true",
        "",
        "<filesystem type='ram'><source usage='64'/><target dir='/new'/></filesystem>",
    );
    assert_eq!(run(&file).status.code(), Some(0));
    assert_eq!(mount_points(&case), [""; 0]);
    assert!(case.dir.path().join("root/new").exists());
}
