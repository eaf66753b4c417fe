//! What conversions carry acts in the container: the elements that libvirt has no word for, and configurations of other
//! runtimes, started.
#![allow(unused_results, reason = "commands are built in steps")]

mod support;

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use support::{Case, browndog, merged_usr, root, run, text};

fn document(case: &Case, script: &str, devices: &str, own: &str) -> std::path::PathBuf {
    let file = case.on_root(script, "", devices);
    let text = fs::read_to_string(&file).unwrap();
    let text =
        text.replace("<domain type='lxc'>", "<domain type='lxc' xmlns:browndog='urn:browndog:domain:1'>");
    case.file(&text.replace("</domain>", &format!("{own}</domain>")))
}

#[test]
fn what_libvirt_has_no_word_for_acts() {
    if !root() || !merged_usr() {
        return;
    }
    let case = Case::new();
    let script = "umask; grep Groups /proc/self/status; ls /data /mnt; grep -c size= /proc/mounts; \
                  stat -f -c %b /tmp; grep MemTotal /proc/meminfo";
    let file = document(
        &case,
        script,
        "<filesystem type='mount'><source dir='/no-such-source'/><target dir='/data/x'/></filesystem>\
         <filesystem type='ram'><source usage='4'/><target dir='/tmp'/></filesystem>",
        "<browndog:optional target='/data/x'/><browndog:umask mask='077'/><browndog:group id='7'/>\
         <browndog:group id='9'/><browndog:ram target='/tmp' size='half'/>",
    );
    let output = run(&file);
    let said = text(&output.stdout);
    assert_eq!(output.status.code(), Some(0), "{said}{}", text(&output.stderr));
    assert!(
        said.starts_with("0077\r\nGroups:\t7 9 \r\n") || said.starts_with("0077\nGroups:\t7 9 \n"),
        "{said}"
    );
    assert!(text(&output.stderr).contains("/no-such-source is not on this host, and is left out"));
    let number = |line: &str| line.split_whitespace().find_map(|word| word.parse::<u64>().ok()).unwrap();
    let lines: Vec<&str> = said.lines().collect();
    let (blocks, memory) = (number(lines[lines.len() - 2]), number(lines[lines.len() - 1]));
    // Half of the memory, in pages of 4 KiB or more; 4 KiB would be one.
    assert!(blocks > memory / 4096, "{said}");
}

#[test]
fn a_mask_below_what_is_left_out_is_refused() {
    if !root() || !merged_usr() {
        return;
    }
    let case = Case::new();
    let file = document(
        &case,
        "true",
        "<filesystem type='mount'><source dir='/no-such-source'/><target dir='/data'/></filesystem>",
        "<browndog:optional target='/data'/><browndog:mask path='/data/secret'/>",
    );
    let output = run(&file);
    assert_eq!(output.status.code(), Some(125));
    assert!(
        text(&output.stderr).contains("so would be the mask of /data/secret"),
        "{}",
        text(&output.stderr)
    );
}

/// What both runtimes have to agree on, a line each.
const FACTS: &str = "umask; hostname; grep -E '^(Uid|Gid|Groups|NoNewPrivs)' /proc/self/status; cat /proc/self/limits | \
                     grep -i 'open files'; ls -d /opt /data; stat -c %a /scratch; echo $COLOUR; pwd; stat -c %t:%T /dev/fuse";

/// A busybox root for a container of lxc and for one of ours.
fn busybox(case: &Case) -> Option<std::path::PathBuf> {
    let here = ["/bin/busybox", "/usr/bin/busybox"].into_iter().find(|path| Path::new(path).exists());
    let Some(here) = here else {
        eprintln!("skipped: there is no busybox");
        return None;
    };
    let tree = case.dir.path().join("tree");
    for dir in ["bin", "dev", "proc", "sys", "tmp", "scratch", "data", "opt", "etc"] {
        fs::create_dir_all(tree.join(dir)).unwrap();
    }
    support::install(Path::new(here), &tree.join("bin/busybox"));
    for name in ["sh", "hostname", "grep", "ls", "stat", "cat"] {
        std::os::unix::fs::symlink("busybox", tree.join("bin").join(name)).unwrap();
    }
    Some(tree)
}

/// A configuration as they are written, by lxc-start and as what `convert` makes of it.
#[test]
fn a_converted_configuration_of_lxc_gives_the_facts_that_lxc_gives() {
    if !root() {
        return;
    }
    let case = Case::new();
    let Some(tree) = busybox(&case) else { return };
    let facts = case.dir.path().join("tree/facts");
    fs::write(&facts, FACTS).unwrap();
    let fuse = Path::new("/dev/fuse").exists();
    let config = format!(
        "lxc.uts.name = {name}\nlxc.rootfs.path = {tree}\nlxc.net.0.type = empty\nlxc.init.cmd = /bin/sh /facts\n\
         lxc.apparmor.profile = unconfined\nlxc.no_new_privs = 0\nlxc.environment = COLOUR=dark red\n\
         lxc.prlimit.nofile = 100:200\nlxc.prlimit =\nlxc.prlimit.nofile = 300:400\nlxc.init.cwd = /data\n\
         lxc.mount.auto = proc:mixed sys:ro\nlxc.console.path = none\nlxc.mount.entry = /no-such-source opt none bind,optional,create=dir 0 0\n\
         lxc.mount.entry = tmpfs scratch tmpfs rw,mode=0750 0 0\n{node}",
        name = case.name,
        tree = tree.display(),
        node = if fuse {
            "lxc.mount.entry = /dev/fuse dev/fuse none bind,optional,create=file 0 0\n"
        } else {
            ""
        },
    );
    // Of a container's directory, as lxc has it.
    let dir = case.dir.path().join(&case.name);
    fs::create_dir(&dir).unwrap();
    fs::write(dir.join("config"), &config).unwrap();
    let converted = browndog(&["convert".as_ref(), "--from".as_ref(), "lxc.conf".as_ref(), dir.as_os_str()]);
    let said = text(&converted.stderr);
    assert_eq!(converted.status.code(), Some(0), "{said}");
    assert!(!said.contains("BD0502"), "{said}");
    let ours = run(&case.file(&text(&converted.stdout)));
    let inside = text(&ours.stdout).replace('\r', "");
    assert_eq!(ours.status.code(), Some(0), "{inside}{}", text(&ours.stderr));
    let lines: Vec<&str> = inside.lines().collect();
    for wanted in [&*case.name, "NoNewPrivs:\t0", "/data", "/opt", "750", "dark red"] {
        assert!(lines.contains(&wanted), "{wanted}: {inside}");
    }
    assert!(!fuse || inside.ends_with("a:e5\n"), "{inside}");
    let mut lxc = Command::new("lxc-start");
    lxc.args(["--foreground", "--name", &case.name, "--lxcpath"]).arg(case.dir.path());
    let theirs = lxc.stdin(Stdio::null()).output();
    let Ok(theirs) = theirs.map_err(|_| eprintln!("skipped: there is no lxc-start to compare with")) else {
        return;
    };
    let outside = text(&theirs.stdout).replace('\r', "");
    if !theirs.status.success() || outside.is_empty() {
        return eprintln!("skipped: lxc-start starts nothing here: {}", text(&theirs.stderr));
    }
    // What lxc takes from its caller is not said in its configuration.
    let own = |text: &str| -> Vec<String> {
        text.lines().filter(|line| !line.starts_with("Groups")).map(str::to_owned).collect()
    };
    assert_eq!(own(&inside), own(&outside));
}
