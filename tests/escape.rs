//! Hostile images, volumes and containers: whatever links they bring, nothing of the host is reached by a start or by `exec`.
//!
//! What could be reached is this test's own: a directory beside the container's root, and files that are opened and not
//! written.
#![allow(unused_results, reason = "commands are built in steps")]

mod support;

use std::fs;
use std::io::Read;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::process::{Command, Output};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use rstest::rstest;
use rustix::fs::{CWD, RenameFlags, renameat_with};
use support::life::Life;
use support::{Case, merged_usr, root, text};

/// Whose container it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Profile {
    Default,
    IdMap,
    Rootless,
}

const MAP: &str = "<idmap><uid start='0' target='100000' count='65536'/><gid start='0' target='100000' count='65536'/></idmap>";

/// A case whose root directory lies beside what belongs to the host: `secret`, and `tool`, which says so when executed.
struct Trap {
    case: Case,
    profile: Profile,
}

impl Trap {
    fn new(profile: Profile) -> Option<Self> {
        if !root() || !merged_usr() {
            return None;
        }
        let case = Case::new();
        let tree = case.root_tree();
        fs::write(case.dir.path().join("secret"), "HOST SECRET").unwrap();
        support::install_script(&case.dir.path().join("tool"), "#!/bin/sh\necho HOST TOOL\n");
        if profile == Profile::Rootless {
            let owner = ["-R", "65534:65534"].map(std::ffi::OsStr::new);
            let given = Command::new("chown").args(owner).arg(case.dir.path()).status().unwrap();
            assert!(given.success());
            for dir in ["proc", "sys", "dev"] {
                fs::create_dir(tree.join(dir)).unwrap();
            }
        }
        Some(Self { case, profile })
    }

    fn tree(&self) -> std::path::PathBuf {
        self.case.dir.path().join("root")
    }

    /// Runs a script, with more in `<os>` and `<devices>`; `None` where this machine has no plain users' containers.
    fn run(&self, script: &str, replaced: (&str, &str), devices: &str) -> Option<Output> {
        let rest = if self.profile == Profile::IdMap { MAP } else { "" };
        let file = self.case.on_root(script, rest, devices);
        let document = fs::read_to_string(&file).unwrap();
        fs::write(&file, document.replace(replaced.0, replaced.1)).unwrap();
        let arguments = ["run".as_ref(), file.as_os_str()];
        match self.profile {
            Profile::Rootless => Some(support::as_plain_user(&self.case)?.args(arguments).output().unwrap()),
            _ => Some(support::browndog(&arguments)),
        }
    }

    fn assert_untouched(&self, what: &str, output: &Output) {
        let said = text(&output.stdout) + &text(&output.stderr);
        assert!(!said.contains("HOST"), "{what}: {said}");
        assert!(!self.case.dir.path().join("written").exists(), "{what}: {said}");
    }
}

/// Links to what a process has open, runs, or stands in, by each name that procfs has for it; N is a descriptor.
const WAYS: [&str; 6] = [
    "/proc/self/fd/N",
    "/proc/thread-self/fd/N",
    "/dev/fd/N",
    "/proc/1/fd/N",
    "/proc/self/task/1/fd/N",
    "/proc/self/map_files/../fd/N",
];

/// Puts a link in the image: through two others, so that no check of the last one alone is enough.
fn link(tree: &Path, at: &str, target: &str) {
    for name in [at, &format!("{at}.2"), &format!("{at}.3")] {
        support::remove_if_there(&tree.join(name));
    }
    symlink(format!("/{at}.2"), tree.join(at)).unwrap();
    symlink(format!("{at}.3"), tree.join(format!("{at}.2"))).unwrap();
    symlink(target, tree.join(format!("{at}.3"))).unwrap();
}

#[rstest]
fn no_working_directory_is_the_hosts(
    #[values(Profile::Default, Profile::IdMap, Profile::Rootless)] profile: Profile,
) {
    let Some(trap) = Trap::new(profile) else { return };
    let script = "cat secret ../secret ../../secret; echo x > written; echo x > ../written";
    let fds = (0..16).map(|fd| fd.to_string());
    let ways = WAYS.iter().flat_map(|way| fds.clone().map(|fd| way.replace('N', &fd)));
    // Each way with one number after the other, and each number by the first way.
    let some = ways.enumerate().filter(|(at, _)| *at < 16 || at % 5 == 0).map(|(_, way)| way);
    for way in
        some.chain(["/proc/self/root/proc/self/fd/3", "/proc/self/cwd/proc/self/fd/5"].map(str::to_owned))
    {
        link(&trap.tree(), "work", &way);
        let Some(output) = trap.run(script, ("</os>", "<initdir>/work</initdir></os>"), "") else { return };
        trap.assert_untouched(&way, &output);
        assert!(text(&output.stderr).contains("change-dir"), "{way}: {}", text(&output.stderr));
    }
}

#[rstest]
fn no_init_and_no_interpreter_is_the_hosts(
    #[values(Profile::Default, Profile::IdMap, Profile::Rootless)] profile: Profile,
    #[values("", "#!/tool.link x\n")] script: &str,
) {
    let Some(trap) = Trap::new(profile) else { return };
    for fd in 3..16 {
        for up in ["../tool", "../../tool"] {
            link(&trap.tree(), "tool.link", &format!("/proc/self/fd/{fd}/{up}"));
            let init = if script.is_empty() { "/tool.link" } else { "/init" };
            support::install_script(&trap.tree().join("init"), script);
            let init = format!("<init>{init}</init>");
            let Some(output) = trap.run("exit 0", ("<init>/bin/sh</init>", &init), "") else { return };
            trap.assert_untouched(&format!("{fd} {up}"), &output);
            assert!(matches!(output.status.code(), Some(126 | 127)), "{output:?}");
        }
    }
}

/// The links of procfs are refused also where they would lead to nothing of the host's.
#[rstest]
#[case::own_program("/proc/self/exe")]
#[case::the_first("/proc/1/exe")]
#[case::by_the_root("/proc/self/root/bin/true")]
fn a_link_of_procfs_is_no_program(#[case] target: &str) {
    let Some(trap) = Trap::new(Profile::Default) else { return };
    link(&trap.tree(), "tool.link", target);
    let init = ("<init>/bin/sh</init>", "<init>/tool.link</init>");
    let output = trap.run("exit 0", init, "").unwrap();
    assert_eq!(output.status.code(), Some(126), "{output:?}");
    assert!(text(&output.stderr).contains("ELOOP"), "{output:?}");
}

/// What means one directory when procfs is mounted, and another when it is covered.
#[rstest]
#[case::proc("proc")]
#[case::sys("sys")]
#[case::dev("dev")]
fn a_root_whose_kernel_directory_is_a_link_is_refused(#[case] name: &str) {
    let Some(trap) = Trap::new(Profile::Default) else { return };
    fs::create_dir_all(trap.tree().join("x/P")).unwrap();
    fs::create_dir_all(trap.tree().join("P")).unwrap();
    support::remove_if_there(&trap.tree().join(name));
    symlink("/x/P", trap.tree().join(name)).unwrap();
    let output = trap.run("echo STARTED", ("", ""), "").unwrap();
    let said = text(&output.stderr);
    assert!(
        said.contains(&format!("/{name} of the root file system must be an ordinary directory")),
        "{said}"
    );
    assert!(said.contains("domain.xml:8:"), "{said}");
    assert_eq!(text(&output.stdout), "");
}

fn volume(source: &Path, target: &str, more: &str) -> String {
    let source = source.display();
    format!("<filesystem type='mount'><source dir='{source}'/><target dir='{target}'/>{more}</filesystem>")
}

/// A volume on a link of the image: onto the kernel's file systems, below them, and by way of another volume.
#[rstest]
#[case::dev("/dev", "/data")]
#[case::below_dev("/dev/shm", "/data")]
#[case::proc("/proc", "/data")]
#[case::settings("/proc/sys/net/ipv4", "/data")]
#[case::sys("/sys/fs", "/data")]
#[case::groups("/sys/fs/cgroup", "/data")]
#[case::on_the_way("/dev", "/data/shm")]
#[case::up_again("/dev/shm/../pts", "/data")]
fn a_volume_is_not_led_onto_the_kernels_file_systems(#[case] target: &str, #[case] named: &str) {
    let Some(trap) = Trap::new(Profile::Default) else { return };
    let dir = trap.case.dir.path().join("volume");
    fs::create_dir(&dir).unwrap();
    symlink("/proc/sys/kernel/core_pattern", dir.join("null")).unwrap();
    link(&trap.tree(), "data.link", target);
    fs::remove_dir(trap.tree().join("data")).unwrap();
    symlink("/data.link", trap.tree().join("data")).unwrap();
    for directory in ["proc/sys/net/ipv4", "sys/fs/cgroup", "dev/shm", "dev/pts"] {
        fs::create_dir_all(trap.tree().join(directory)).unwrap();
    }
    for more in ["", "<readonly/>"] {
        let output = trap.run("echo STARTED", ("", ""), &volume(&dir, named, more)).unwrap();
        let said = text(&output.stderr);
        assert_eq!(text(&output.stdout), "", "{said}");
        assert!(said.contains(&format!("attach:{named}")) && said.contains("EXDEV"), "{said}");
        assert!(said.contains("domain.xml:") && said.contains("/proc, /sys or /dev"), "{said}");
    }
}

/// A source inside of the container is a path of the image's as well.
#[test]
fn a_bind_of_the_image_does_not_uncover_the_kernels_file_systems() {
    let Some(trap) = Trap::new(Profile::Default) else { return };
    let bind = |source: &str| {
        format!("<filesystem type='bind'><source dir='{source}'/><target dir='/mnt'/></filesystem>")
    };
    link(&trap.tree(), "source", "/proc/sys");
    let output = trap.run("echo STARTED", ("", ""), &bind("/source")).unwrap();
    let said = text(&output.stderr);
    assert!(text(&output.stdout).is_empty() && said.contains("EXDEV"), "{said}");
    // The whole root, and procfs by its name, with their covers.
    for (source, proc) in [("/", "/mnt/proc"), ("/proc", "/mnt")] {
        let script = format!(
            "(: > {proc}/sys/kernel/core_pattern) 2>/dev/null && echo ESCAPED; [ -c {proc}/keys ] || echo KEYS; \
             [ -e {proc}/self/status ] && echo seen"
        );
        let output = trap.run(&script, ("", ""), &bind(source)).unwrap();
        assert_eq!(text(&output.stdout), "seen\n", "{source}: {}", text(&output.stderr));
    }
}

/// Links that stay among the container's own files are followed, onto a volume too.
#[test]
fn a_link_among_the_containers_own_files_is_followed() {
    let Some(trap) = Trap::new(Profile::Default) else { return };
    let (tree, dir) = (trap.tree(), trap.case.dir.path().join("volume"));
    for dir in [&dir, &tree.join("data")] {
        fs::create_dir_all(dir.join("deep")).unwrap();
        fs::write(dir.join("file"), "of the volume").unwrap();
    }
    fs::create_dir_all(tree.join("var")).unwrap();
    fs::create_dir(tree.join("run")).unwrap();
    symlink("../run", tree.join("var/run")).unwrap();
    symlink("../data/deep", tree.join("var/deep")).unwrap();
    symlink("../data/file", tree.join("var/file")).unwrap();
    let devices = [
        volume(&dir, "/data", ""),
        volume(&dir, "/var/run", ""),
        volume(&dir, "/var/deep", ""),
        volume(&dir.join("file"), "/var/file", "<readonly/>"),
    ];
    let script = "cat /run/file /data/deep/file; (: > /data/file) 2>/dev/null || echo ' read-only'";
    let output = trap.run(script, ("", ""), &devices.concat()).unwrap();
    assert_eq!(text(&output.stdout), "of the volumeof the volume read-only\n", "{}", text(&output.stderr));
}

/// Opens the settings of every procfs that the container can see, and writes nothing.
const SETTINGS: &str = "for p in $(grep ' - proc ' /proc/self/mountinfo | cut -d ' ' -f 5); do \
    for f in kernel sys/kernel; do dd if=/dev/null of=$p/$f/core_pattern conv=nocreat,notrunc 2>/dev/null \
    && echo ESCAPED; done; done; echo STARTED";

/// Somebody owns the root's directory and exchanges what is in it, while containers are started there.
#[rstest]
#[case::proc("proc", "P")]
#[case::dev("dev", "D")]
#[case::volume("data", "proc")]
fn an_exchange_beside_a_hundred_starts_gives_nothing(#[case] one: &str, #[case] other: &str) {
    let Some(trap) = Trap::new(Profile::Default) else { return };
    let tree = trap.tree();
    for dir in ["proc", "sys", "dev", "D", "P/sys/kernel"] {
        fs::create_dir_all(tree.join(dir)).unwrap();
    }
    let (stop, exchanges) = (AtomicBool::new(false), AtomicU64::new(0));
    let names = [one, other].map(|name| tree.join(name));
    let started = std::thread::scope(|scope| {
        scope.spawn(|| {
            while !stop.load(Ordering::Relaxed) {
                if renameat_with(CWD, &names[0], CWD, &names[1], RenameFlags::EXCHANGE).is_ok() {
                    exchanges.fetch_add(1, Ordering::Relaxed);
                }
            }
        });
        let devices = volume(&trap.case.dir.path().join("root/etc"), "/data", "");
        let outputs: Vec<Output> =
            (0..100).map(|_| trap.run(SETTINGS, ("", ""), &devices).unwrap()).collect();
        stop.store(true, Ordering::Relaxed);
        outputs
    });
    for output in &started {
        assert!(!text(&output.stdout).contains("ESCAPED"), "{output:?}");
    }
    let there = started.iter().filter(|output| text(&output.stdout).contains("STARTED")).count();
    assert!(exchanges.into_inner() > 100);
    println!("{there} of 100 started");
}

/// The kernel cannot tell where `..` leads while anything is renamed: it is asked again.
#[test]
fn renames_elsewhere_do_not_make_starts_fail() {
    let Some(trap) = Trap::new(Profile::Default) else { return };
    let tree = trap.tree();
    fs::create_dir_all(tree.join("var")).unwrap();
    fs::create_dir(tree.join("run")).unwrap();
    symlink("../run", tree.join("var/run")).unwrap();
    let elsewhere = tempfile::tempdir().unwrap();
    let [a, b] = ["a", "b"].map(|name| elsewhere.path().join(name));
    fs::create_dir(&a).unwrap();
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !stop.load(Ordering::Relaxed) {
                fs::rename(&a, &b).expect("it is there");
                fs::rename(&b, &a).expect("it is there");
            }
        });
        let devices = volume(&trap.case.dir.path().join("root/etc"), "/var/run", "");
        let outputs: Vec<Output> = (0..40).map(|_| trap.run("exit 0", ("", ""), &devices).unwrap()).collect();
        stop.store(true, Ordering::Relaxed);
        for output in outputs {
            assert!(output.status.success(), "{output:?}");
        }
    });
}

/// A container that was compromised after its start waits for the administrator's `exec`.
#[test]
fn exec_into_a_hostile_container_reaches_nothing_of_the_host() {
    let Some(trap) = Trap::new(Profile::Default) else { return };
    let (tree, dir) = (trap.tree(), trap.case.dir.path().to_path_buf());
    let file = trap.case.on_root("while :; do sleep 1; done", "", "");
    let life = Life { case: trap.case };
    life.ok(&["define", file.to_str().unwrap()]);
    life.ok(&["start", life.name()]);
    let up = "../".repeat(12);
    let tool = dir.join("tool").display().to_string();
    for fd in 3..20 {
        link(&tree, "tool.link", &format!("/proc/self/fd/{fd}/{up}{tool}"));
        link(&tree, "work", &format!("/proc/self/fd/{fd}"));
        support::install_script(&tree.join("script"), "#!/tool.link\n");
        for program in ["/tool.link", "/script"] {
            let output = life.run(&["exec", life.name(), "--", program]);
            let said = text(&output.stdout) + &text(&output.stderr);
            assert!(matches!(output.status.code(), Some(126 | 127)), "{fd}: {said}");
            assert!(!said.contains("HOST"), "{fd}: {said}");
        }
        // By PATH, and where it is executed.
        let output = life.run(&["exec", "-e", "PATH=/", life.name(), "--", "tool.link"]);
        assert!(!text(&output.stdout).contains("HOST"), "{output:?}");
        let output = life.run(&["exec", "--cwd", "/work", life.name(), "--", "/bin/sh", "-c", "pwd; ls"]);
        assert!(!output.status.success(), "{fd}: {output:?}");
    }
    life.ok(&["destroy", life.name()]);
    life.ok(&["undefine", life.name()]);
}

const USER: &str = "<inituser>65534</inituser><initgroup>65534</initgroup></os>";

/// The program is executed by a user who may not read it: it is looked at before.
#[rstest]
#[case::script("#!/proc/self/exe --version\n", None)]
#[case::of_the_containers_own("#!/bin/sh\necho STARTED\n", None)]
#[case::interpreter("", Some("#!/shell\necho STARTED\n"))]
fn a_program_that_may_not_be_read_is_looked_at_or_refused(#[case] init: &str, #[case] by: Option<&str>) {
    let Some(trap) = Trap::new(Profile::Default) else { return };
    let tree = trap.tree();
    // A program is executed, a script is not: its interpreter could not read it.
    if let Some(script) = by {
        fs::copy("/bin/sh", tree.join("shell")).unwrap();
        support::install_script(&tree.join("init"), script);
        fs::set_permissions(tree.join("shell"), fs::Permissions::from_mode(0o111)).unwrap();
    } else {
        support::install_script(&tree.join("init"), init);
        fs::set_permissions(tree.join("init"), fs::Permissions::from_mode(0o111)).unwrap();
    }
    let file = trap.case.on_root("echo STARTED", "", "");
    let document = fs::read_to_string(&file).unwrap().replace("</os>", USER);
    fs::write(&file, document.replace("<init>/bin/sh</init>", "<init>/init</init>")).unwrap();
    let output = support::browndog(&["run".as_ref(), file.as_os_str()]);
    let said = text(&output.stderr);
    if by.is_some() {
        assert_eq!((text(&output.stdout).as_str(), output.status.code()), ("STARTED\n", Some(0)), "{said}");
    } else {
        assert_eq!((text(&output.stdout).as_str(), output.status.code()), ("", Some(126)), "{said}");
        assert!(said.contains("EACCES") && said.contains("may not be read"), "{said}");
    }
}

/// Nor by one whose headers lead to this program; what they say of class and byte order the kernel does not read.
#[rstest]
#[case::said_rightly(2, 1)]
#[case::said_wrongly(0, 0)]
#[case::of_the_other_order(1, 2)]
fn no_loader_is_the_hosts(#[case] class: u8, #[case] order: u8, #[values(0o755, 0o111)] mode: u32) {
    let Some(trap) = Trap::new(Profile::Default) else { return };
    if cfg!(not(target_pointer_width = "64")) {
        eprintln!("skipped: the program is made for 64 bits");
        return;
    }
    let mut program = vec![0_u8; 64];
    program[..7].copy_from_slice(&[0x7f, b'E', b'L', b'F', class, order, 1]);
    let shell = fs::read("/bin/sh").unwrap();
    program[16..20].copy_from_slice(&shell[16..20]);
    for (at, value) in [(32, 64_u16), (52, 64), (54, 56), (56, 1)] {
        program[at..at + 2].copy_from_slice(&value.to_ne_bytes());
    }
    let path = b"/proc/self/exe\0";
    for number in [3 | 4 << 32, 120, 0, 0, path.len() as u64, path.len() as u64, 1] {
        program.extend(number.to_ne_bytes());
    }
    program.extend(path);
    let tool = trap.tree().join("tool.elf");
    fs::write(&tool, program).unwrap();
    fs::set_permissions(&tool, fs::Permissions::from_mode(mode)).unwrap();
    let init = "<init>/tool.elf</init>";
    let user = if mode == 0o111 { USER } else { "</os>" };
    let file = trap.case.on_root("exit 0", "", "");
    let document = fs::read_to_string(&file).unwrap();
    fs::write(&file, document.replace("<init>/bin/sh</init>", init).replace("</os>", user)).unwrap();
    let output = support::browndog(&["run".as_ref(), file.as_os_str()]);
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(126), "{output:?}");
    assert!(said.contains(if mode == 0o111 { "EACCES" } else { "ELOOP" }), "{said}");
    assert!(said.contains("exec"), "{said}");
}

/// Somebody holds a lease on the program: reading it would wait, and so it was once not looked at.
#[test]
fn a_lease_on_the_program_does_not_keep_it_from_being_looked_at() {
    let Some(trap) = Trap::new(Profile::Default) else { return };
    let program = trap.tree().join("init");
    let init = ("<init>/bin/sh</init>", "<init>/init</init>");
    for (script, released) in [("#!/proc/self/exe --version\n", true), ("#!/bin/sh\n", false)] {
        support::install_script(&program, script);
        let mut holder = Command::new("python3");
        holder.arg("-c").arg(LEASE).arg(&program).arg(if released { "0.1" } else { "20" });
        let holder = holder.stdout(std::process::Stdio::piped()).stdin(std::process::Stdio::piped()).spawn();
        let Ok(mut holder) = holder else {
            eprintln!("skipped: there is no python3");
            return;
        };
        let mut line = [0; 5];
        let leased = holder.stdout.as_mut().unwrap().read_exact(&mut line);
        let output = leased.map(|()| trap.run("exit 0", init, "").unwrap());
        holder.kill().unwrap();
        holder.wait().unwrap();
        let Ok(output) = output else {
            eprintln!("skipped: this file system has no leases");
            return;
        };
        let said = text(&output.stderr);
        assert_eq!(output.status.code(), Some(126), "{output:?}");
        assert!(said.contains(if released { "ELOOP" } else { "EAGAIN" }), "{said}");
        assert!(released || said.contains("holds a lease"), "{said}");
    }
}

/// Takes a lease, and gives it up a while after somebody has asked for the file.
const LEASE: &str = "import fcntl, os, signal, sys, time
signal.signal(signal.SIGIO, lambda *_: None)
file = os.open(sys.argv[1], os.O_RDWR)
fcntl.fcntl(file, fcntl.F_SETLEASE, fcntl.F_WRLCK)
os.write(1, b'held\\n')
while fcntl.fcntl(file, fcntl.F_GETLEASE) == fcntl.F_WRLCK:
    time.sleep(0.01)
time.sleep(float(sys.argv[2]))
fcntl.fcntl(file, fcntl.F_SETLEASE, fcntl.F_UNLCK)
os.close(file)
time.sleep(60)
";
