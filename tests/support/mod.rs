//! What the tests of the command line share: documents, the binary, and a look at what is left behind.
#![allow(
    dead_code,
    unused_results,
    reason = "each test file uses what it needs; commands are built in steps"
)]

pub mod apart;
pub mod life;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

/// The binary under test.
pub const BROWNDOG: &str = env!("CARGO_BIN_EXE_browndog");

/// A directory for one test, and a domain name that no other test and no other run has.
pub struct Case {
    pub dir: tempfile::TempDir,
    pub name: String,
}

impl Case {
    pub fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        // Plain users read what root's tests write, whatever whoever runs them has.
        nix::sys::stat::umask(nix::sys::stat::Mode::from_bits_truncate(0o022));
        let dir = tempfile::tempdir().unwrap();
        fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o755)).unwrap();
        // So many digits that no name is a part of another.
        Self { dir, name: format!("bdtest-{}-{count:04}", std::process::id()) }
    }

    /// Writes a document.
    pub fn file(&self, text: &str) -> PathBuf {
        let path = self.dir.path().join("domain.xml");
        fs::write(&path, text).unwrap();
        path
    }

    /// A domain with these parts of `<os>` and `<devices>`.
    pub fn domain(&self, os: &str, devices: &str) -> PathBuf {
        self.file(&format!(
            "<domain type='lxc'>\n  <name>{}</name>\n  <memory unit='MiB'>64</memory>\n  \
             <os><type>exe</type>{os}</os>\n  <features><privnet/></features>\n  \
             <devices>{devices}<console type='pty'/></devices>\n</domain>\n",
            self.name
        ))
    }

    /// A domain whose init is this shell script.
    pub fn script(&self, script: &str) -> PathBuf {
        self.domain(&format!("<init>/bin/sh</init><initarg>-c</initarg><initarg>{script}</initarg>"), "")
    }

    /// A root directory of its own: this machine's programs are below `/usr`, which the document mounts.
    pub fn root_tree(&self) -> PathBuf {
        let root = self.dir.path().join("root");
        for dir in ["usr", "etc", "tmp", "mnt", "data"] {
            fs::create_dir_all(root.join(dir)).unwrap();
        }
        for link in ["bin", "sbin", "lib", "lib32", "lib64"] {
            let here = Path::new("/").join(link);
            if let Ok(value) = fs::read_link(&here) {
                std::os::unix::fs::symlink(value, root.join(link)).unwrap();
            }
        }
        root
    }

    /// A domain on [`Case::root_tree`] whose init is this script; `rest` stands before `<os>`.
    pub fn on_root(&self, script: &str, rest: &str, devices: &str) -> PathBuf {
        let root = self.dir.path().join("root");
        if !root.exists() {
            self.root_tree();
        }
        let root = root.display();
        let script = script.replace('&', "&amp;").replace('<', "&lt;");
        self.file(&format!(
            "<domain type='lxc'>\n  <name>{}</name>\n  <memory unit='MiB'>64</memory>\n{rest}\n  \
             <os><type>exe</type><init>/bin/sh</init><initarg>-c</initarg>\
             <initarg>{script}</initarg></os>\n  <features><privnet/></features>\n  <devices>\n\
             <filesystem type='mount'><source dir='{root}'/><target dir='/'/></filesystem>\n\
             <filesystem type='mount'><source dir='/usr'/><target dir='/usr'/><readonly/></filesystem>\n\
             {devices}\n<console type='pty'/></devices>\n</domain>\n",
            self.name
        ))
    }

    /// Control groups that carry this case's name.
    pub fn cgroups(&self) -> Vec<PathBuf> {
        let mut found = Vec::new();
        directories_with(Path::new("/sys/fs/cgroup"), &self.name, 4, &mut found);
        found
    }
}

pub fn directories_with(dir: &Path, name: &str, depth: usize, found: &mut Vec<PathBuf>) {
    // A group of somebody else may go while we look.
    let Ok(entries) = fs::read_dir(dir) else { return };
    for entry in entries.flatten().filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir())) {
        let path = entry.path();
        if path.to_string_lossy().contains(name) {
            found.push(path.clone());
        }
        if depth > 0 {
            directories_with(&path, name, depth - 1, found);
        }
    }
}

/// Runs browndog with these arguments and nothing on standard input.
pub fn browndog<S: AsRef<std::ffi::OsStr>>(arguments: &[S]) -> Output {
    Command::new(BROWNDOG).args(arguments).stdin(Stdio::null()).output().unwrap()
}

pub fn run(file: &Path) -> Output {
    browndog(&["run".as_ref(), file.as_os_str()])
}

pub fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Whether containers can be started as root here.
pub fn root() -> bool {
    let root = fs::metadata("/proc/self").is_ok_and(|me| std::os::unix::fs::MetadataExt::uid(&me) == 0);
    if !root {
        eprintln!("skipped: starting containers with limits needs root");
    }
    root
}

/// Copies a program. Not in this process: what another test spawns meanwhile would hold the file open for
/// writing until it executes, and nobody could execute the copy (ETXTBSY of execve(2)).
pub fn install(from: &Path, to: &Path) {
    let output = Command::new("install").args(["-m", "755"]).args([from, to]).output().unwrap();
    assert!(output.status.success(), "{}: {}", to.display(), text(&output.stderr));
}

/// A program that is a script.
pub fn install_script(path: &Path, script: &str) {
    let source = path.with_extension("source");
    fs::write(&source, script).unwrap();
    install(&source, path);
    fs::remove_file(source).unwrap();
}

/// A copy of the binary that a plain user can reach, and the command that runs it as one.
pub fn as_plain_user(case: &Case) -> Option<Command> {
    use std::os::unix::process::CommandExt;
    let copy = case.dir.path().join("browndog");
    install(Path::new(BROWNDOG), &copy);
    let mut command = Command::new(copy);
    command.stdin(Stdio::null());
    if root_quietly() {
        command.uid(65_534).gid(65_534).current_dir("/");
    }
    let most = fs::read_to_string("/proc/sys/user/max_user_namespaces").unwrap_or_default();
    let forbidden = fs::read_to_string("/proc/sys/kernel/unprivileged_userns_clone").unwrap_or_default();
    let confined =
        fs::read_to_string("/proc/sys/kernel/apparmor_restrict_unprivileged_userns").unwrap_or_default();
    if most.trim() == "0" || forbidden.trim() == "0" || confined.trim() == "1" {
        eprintln!("skipped: this machine forbids user namespaces to plain users");
        return None;
    }
    Some(command)
}

/// Removes a file, a link or an empty directory that may not be there.
pub fn remove_if_there(path: &Path) {
    match path.symlink_metadata() {
        // A link is removed itself, wherever it leads.
        Ok(found) if found.is_dir() => fs::remove_dir(path).unwrap(),
        Ok(_) => fs::remove_file(path).unwrap(),
        Err(_) => {}
    }
}

/// Whether this machine's programs are all below `/usr`, as [`Case::root_tree`] needs it.
pub fn merged_usr() -> bool {
    let merged = fs::read_link("/bin").is_ok();
    if !merged {
        eprintln!("skipped: /bin of this machine is no link to /usr/bin");
    }
    merged
}

fn root_quietly() -> bool {
    fs::metadata("/proc/self").is_ok_and(|me| std::os::unix::fs::MetadataExt::uid(&me) == 0)
}
