//! Looking changes nothing and waits for nothing: whatever a document, a configuration or an image names, it is
//! judged before it is opened; and what is said of it is bounded and steers no terminal.
#![allow(unused_results, reason = "commands are built in steps")]

mod support;

use std::ffi::OsStr;
use std::fs;
use std::os::fd::AsRawFd;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use rstest::rstest;
use support::{BROWNDOG, Case, browndog, root, text};

/// Runs with an end: 124 where something is waited for.
fn bounded<S: AsRef<OsStr>>(words: &[S]) -> Output {
    let mut command = Command::new("timeout");
    command.args(["-s", "KILL", "30", BROWNDOG]).args(words);
    command.stdin(Stdio::null()).output().expect("timeout(1) is there")
}

fn image(case: &Case, path: &Path, kind: &str) -> std::path::PathBuf {
    let attribute = if kind == "block" { "dev" } else { "file" };
    case.domain(
        "<init>/bin/true</init>",
        &format!(
            "\n<filesystem type='{kind}'><source {attribute}='{}'/><target dir='/mnt'/></filesystem>",
            path.display()
        ),
    )
}

fn fifo(path: &Path) {
    nix::unistd::mkfifo(path, nix::sys::stat::Mode::S_IRWXU).unwrap();
}

#[rstest]
fn what_is_no_image_is_refused_with_its_line_and_not_opened(
    #[values("plan", "run")] verb: &str,
    #[values("fifo", "socket", "/usr", "/dev/zero", "/dev/tty", "/sys/kernel/uevent_seqnum", "/proc/kmsg")]
    name: &str,
    #[values("file", "block")] kind: &str,
) {
    let case = Case::new();
    let path = case.dir.path().join(name);
    let _socket = match name {
        "fifo" => {
            fifo(&path);
            None
        }
        "socket" => Some(std::os::unix::net::UnixListener::bind(&path).unwrap()),
        _ => None,
    };
    let file = image(&case, &path, kind);
    let trace = case.dir.path().join("trace");
    let traced = Command::new("timeout")
        .args([
            "-s",
            "KILL",
            "60",
            "strace",
            "-f",
            "-y",
            "-e",
            "trace=open,openat,openat2,read,pread64",
            "-o",
        ])
        .arg(&trace)
        .args([BROWNDOG, verb])
        .arg(&file)
        .stdin(Stdio::null())
        .output();
    let output = match traced {
        Ok(output) if trace.exists() && !text(&output.stderr).contains("ptrace(") => output,
        _ => {
            eprintln!("without strace: only the answer is looked at");
            bounded(&[OsStr::new(verb), file.as_os_str()])
        }
    };
    let said = [text(&output.stdout), text(&output.stderr)].concat();
    assert_eq!(output.status.code(), Some(if verb == "plan" { 1 } else { 125 }), "{said}");
    assert!(said.contains(&format!("{} cannot be mounted", path.display())), "{said}");
    assert!(said.contains(&format!("{}:7:", file.display())), "{said}");
    if let Ok(trace) = fs::read_to_string(&trace) {
        let meant = format!("\"{}\"", path.display());
        let opened = |line: &&str| line.contains(&meant) && !line.contains("O_PATH");
        assert_eq!(trace.lines().find(opened), None);
        let shown = format!("<{}>", path.display());
        assert_eq!(trace.lines().find(|line| line.contains("read") && line.contains(&shown)), None);
    }
}

#[test]
fn an_image_is_known_by_what_it_holds() {
    let case = Case::new();
    let path = case.dir.path().join("image");
    // An XFS by its magic number.
    fs::write(&path, [b"XFSB".as_slice(), &[0; 4096]].concat()).unwrap();
    let output = browndog(&["plan".as_ref(), image(&case, &path, "file").as_os_str()]);
    let said = text(&output.stdout);
    if root() {
        assert!(said.contains("xfs"), "{said}");
    } else {
        assert!(said.contains("only root of the machine may mount devices"), "{said}");
    }
}

fn convert(config: &Path, more: &[&str]) -> Output {
    let mut words = vec![OsStr::new("convert"), OsStr::new("--from=lxc.conf")];
    words.extend(more.iter().map(OsStr::new));
    words.push(config.as_os_str());
    bounded(&words)
}

#[rstest]
#[case::elsewhere("OUT/other.conf", "not below the directory")]
#[case::up("../out/other.conf", "not below the directory")]
#[case::link("link.conf", "not below the directory")]
#[case::fifo("fifo.conf", "no regular file")]
#[case::device("/dev/zero", "not below the directory")]
#[case::kernel_log("/proc/kmsg", "not below the directory")]
#[case::absent("absent.conf", "ENOENT")]
#[case::large("large.conf", "larger than")]
#[case::directory_with_a_fifo("dir", "no regular file")]
fn what_a_configuration_includes_stays_below_it(#[case] named: &str, #[case] why: &str) {
    let case = Case::new();
    let (home, out) = (case.dir.path().join("home"), case.dir.path().join("out"));
    fs::create_dir_all(home.join("dir")).unwrap();
    fs::create_dir(&out).unwrap();
    fs::write(out.join("other.conf"), "lxc.uts.name = secret\n").unwrap();
    std::os::unix::fs::symlink(out.join("other.conf"), home.join("link.conf")).unwrap();
    fifo(&home.join("fifo.conf"));
    fifo(&home.join("dir/a.conf"));
    fs::write(home.join("large.conf"), "#".repeat((1 << 20) + 1)).unwrap();
    let config = home.join("config");
    let named = named.replace("OUT", &out.display().to_string());
    for key in ["lxc.include", "lxc.mount.fstab"] {
        fs::write(&config, format!("lxc.rootfs.path = /srv\n{key} = {named}\n")).unwrap();
        let output = convert(&config, &[]);
        let said = text(&output.stderr);
        assert_eq!((output.status.code(), text(&output.stdout).as_str()), (Some(1), ""), "{said}");
        assert!(said.contains(why) && said.contains("config:2:1") && !said.contains("secret"), "{said}");
    }
}

#[test]
fn an_include_is_read_from_where_the_user_says() {
    let case = Case::new();
    let (home, out) = (case.dir.path().join("home"), case.dir.path().join("out"));
    fs::create_dir(&home).unwrap();
    fs::create_dir(&out).unwrap();
    fs::write(out.join("other.conf"), "lxc.uts.name = other\n").unwrap();
    let config = home.join("config");
    fs::write(&config, format!("lxc.rootfs.path = /srv\nlxc.include = {}/other.conf\n", out.display()))
        .unwrap();
    let from = format!("--include-from={}", out.display());
    let output = convert(&config, &[&from, "--name=x"]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    assert!(text(&output.stdout).contains("<browndog:hostname>other"), "{}", text(&output.stdout));
}

#[test]
fn a_directory_of_documents_keeps_nobody_waiting() {
    let case = Case::new();
    fifo(&case.dir.path().join("a.xml"));
    let output = bounded(&[OsStr::new("validate"), case.dir.path().as_os_str()]);
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("a.xml is no regular file"), "{said}");
    // What was found below a bundle's directory likewise.
    let bundle = case.dir.path().join("bundle");
    fs::create_dir(&bundle).unwrap();
    fifo(&bundle.join("config.json"));
    let output = bounded(&[OsStr::new("convert"), OsStr::new("--from=oci"), bundle.as_os_str()]);
    assert!(text(&output.stderr).contains("config.json: it is no regular file"), "{}", text(&output.stderr));
    // A pipe that somebody names is what he wants to be read.
    let reader = Command::new("bash")
        .args(["-c", "echo '<domain/>' | \"$0\" validate /dev/stdin", BROWNDOG])
        .output()
        .unwrap();
    assert_eq!(reader.status.code(), Some(1), "{}", text(&reader.stderr));
}

/// Eight thousand devices that are not there, on one line of half a megabyte.
#[test]
fn what_is_said_of_very_many_problems_is_little() {
    let case = Case::new();
    let device = |it: usize| {
        format!(
            "<hostdev mode='capabilities' type='misc'><source><char>/dev/absent{it}</char></source></hostdev>"
        )
    };
    let file = case.domain("<init>/bin/true</init>", &(0..8000).map(device).collect::<String>());
    for (verb, status) in [("plan", 1), ("run", 125)] {
        let output = bounded(&[OsStr::new(verb), file.as_os_str()]);
        assert_eq!(output.status.code(), Some(status));
        let said = [text(&output.stdout), text(&output.stderr)].concat();
        let shown =
            said.lines().filter(|line| line.contains("/dev/absent") && line.starts_with("error")).count();
        assert_eq!(shown, 100, "{verb}");
        assert!(said.contains("and 7900 more"), "{verb}");
        // The steps of a plan are as many as they are; what is said of each problem is a few lines.
        let problems: usize =
            said.split_inclusive('\n').skip_while(|line| !line.starts_with("error")).map(str::len).sum();
        assert!(problems < 100 * 1000, "{verb}: {problems} bytes");
    }
}

/// Controls, also those of 8 bits, and what turns a line around.
const HOSTILE: &str = "\u{9b}31m\u{202e}\u{2066}\u{feff}\u{200f}\u{85}\u{2028}";

fn is_safe(said: &[u8]) -> bool {
    let said = String::from_utf8_lossy(said);
    said.chars().all(|it| it == '\n' || !browndog_xml::visible::is_hidden(it))
}

#[rstest]
#[case(&["validate"])]
#[case(&["validate", "--format=json"])]
#[case(&["validate", "--format=jsonl"])]
#[case(&["validate", "--format=sarif"])]
#[case(&["validate", "--format=github"])]
#[case(&["plan"])]
#[case(&["plan", "--why"])]
#[case(&["plan", "--format=json"])]
#[case(&["run"])]
#[case(&["--root=ROOT", "create"])]
#[case(&["convert", "--from=lxc.conf"])]
#[case(&["convert", "--from=oci"])]
#[case(&["convert", "--from=rfc"])]
#[case(&["fmt", "--check"])]
fn no_verb_prints_what_steers_a_terminal(#[case] words: &[&str]) {
    let case = Case::new();
    let state = case.dir.path().join("state");
    let words: Vec<String> =
        words.iter().map(|word| word.replace("ROOT", &state.display().to_string())).collect();
    let path = case.dir.path().join(format!("{HOSTILE}.xml"));
    for document in [
        // Refused by the checker, with the line; by the plan, with the path; and not at all.
        format!("<domain type='lxc'><name>a{HOSTILE}b</name><{HOSTILE}/><title>{HOSTILE}</title></domain>"),
        format!(
            "<domain type='lxc'><name>{}</name><title>{HOSTILE}</title><memory>65536</memory><os><type>exe</type>\
             <init>/bin/true</init></os><devices><!--{HOSTILE}--><filesystem type='mount'>\
             <source dir='/absent{HOSTILE}'/><target dir='/mnt{HOSTILE}'/></filesystem></devices></domain>",
            case.name
        ),
        format!(
            "lxc.rootfs.path = {HOSTILE}\nlxc.{HOSTILE} = 1\nlxc.mount.entry = {HOSTILE}\nlxc.include = {HOSTILE}\n"
        ),
        format!(
            "{{\"ociVersion\": \"{HOSTILE}\", \"{HOSTILE}\": 1, \"mounts\": [{{\"destination\": \"/{HOSTILE}\", \
             \"type\": \"{HOSTILE}\"}}]}}"
        ),
    ] {
        fs::write(&path, document).unwrap();
        let mut all: Vec<&OsStr> = words.iter().map(OsStr::new).collect();
        all.push(path.as_os_str());
        let output = bounded(&all);
        assert!(is_safe(&output.stderr), "{}", text(&output.stderr).escape_debug());
        let document = words.iter().any(|word| word == "convert") && output.status.success();
        assert!(document || is_safe(&output.stdout), "{}", text(&output.stdout).escape_debug());
    }
}

/// What `words` print on a terminal.
fn on_a_terminal(words: &[&OsStr]) -> Vec<u8> {
    let pty = nix::pty::openpty(None, None).unwrap();
    let mut child = Command::new(BROWNDOG)
        .args(words)
        .env("TERM", "xterm")
        .env_remove("NO_COLOR")
        .stdin(Stdio::null())
        .stdout(pty.slave.try_clone().unwrap())
        .stderr(pty.slave)
        .spawn()
        .unwrap();
    let mut said = Vec::new();
    let mut piece = [0; 4096];
    // EIO where the last one that had it open is gone.
    while let Ok(count) = nix::unistd::read(&pty.master, &mut piece) {
        said.extend_from_slice(&piece[..count]);
        if count == 0 {
            break;
        }
    }
    child.wait().unwrap();
    assert!(pty.master.as_raw_fd() >= 0);
    said
}

#[test]
fn a_log_is_printed_as_it_is_but_not_on_a_terminal() {
    let case = Case::new();
    let state = case.dir.path().join("state");
    let log = state.join("log");
    fs::create_dir_all(&log).unwrap();
    let root = format!("--root={}", state.display());
    // Where logs are is for the program to say: the one it makes is written over.
    let words = [OsStr::new(&root), OsStr::new("logs"), OsStr::new(&case.name)];
    let said = b"a\x1b]0;title\x07b\r\n\xc2\x9b31m\xff\n";
    for name in [format!("{}.log", case.name), format!("{}.console0.log", case.name)] {
        fs::write(log.join(&name), said).unwrap();
        fs::create_dir_all(state.join("log/domains")).unwrap();
    }
    let piped = browndog(&words);
    if piped.status.code() != Some(0) {
        panic!("{}", text(&piped.stderr));
    }
    assert_eq!(piped.stdout, said);
    let shown = on_a_terminal(&words);
    assert_eq!(text(&shown), "a\\u{1b}]0;title\\u{7}b\r\n\\u{9b}31m\\xff\r\n");
    let raw = on_a_terminal(&[&words[..], &[OsStr::new("--raw")]].concat());
    assert!(raw.windows(4).any(|piece| piece == b"\x1b]0;"), "{raw:?}");
}
