//! What the caller gave: whether descriptors 0, 1 and 2 can be made more than they are, and whether volumes with
//! odd names are what their names say.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::os::fd::AsRawFd;
use std::os::unix::fs::{FileTypeExt, MetadataExt, OpenOptionsExt};

use super::Params;
use super::identity::errno_of;
use crate::facts::{Facts, spell};

/// What the probe writes where it may not.
pub(crate) const OVERWRITTEN: &str = "overwritten by the container";

pub(super) fn given(params: &Params, facts: &mut Facts) {
    let secret = params.text("secret").unwrap_or_default();
    for number in 0..3 {
        let path = format!("/proc/self/fd/{number}");
        let name = |what: &str| format!("given.{number}.{what}");
        let kind = fs::metadata(&path)
            .map_or_else(|e| spell::<()>(Err(errno_of(e))), |m| kind(&path, &m).to_owned());
        facts.set(name("kind"), kind.clone());
        let anew = |write: bool| {
            File::options().read(!write).append(write).custom_flags(libc::O_NONBLOCK).open(&path)
        };
        match kind.as_str() {
            "file" => {
                let written = anew(true).and_then(|mut f| f.write_all(OVERWRITTEN.as_bytes()));
                facts.attempt_io(name("written"), written);
                let mut text = String::new();
                let read = anew(false).and_then(|mut f| f.read_to_string(&mut text));
                let told = read.is_ok() && !secret.is_empty() && text.contains(secret);
                // Standard input is there to be read; the others are not.
                facts.set(name("read_back"), number > 0 && told);
            }
            "directory" => facts.set(name("leads_out"), leads_out(number, params)),
            _ => {}
        }
    }
    if let Some(content) = params.text("content") {
        let mut text = String::new();
        let read = std::io::stdin().lock().read_to_string(&mut text).map_err(errno_of);
        facts.set(
            "given.stdin_passed",
            if read.is_ok() && text == content { "ok".into() } else { spell(read) },
        );
    }
}

fn kind(path: &str, meta: &fs::Metadata) -> &'static str {
    let kind = meta.file_type();
    if kind.is_fifo() {
        "pipe"
    } else if kind.is_socket() {
        "socket"
    } else if kind.is_dir() {
        "directory"
    } else if kind.is_file() {
        if super::kernelfs::is_kernels(path, false) { "file of the kernel" } else { "file" }
    } else {
        "device"
    }
}

/// What can be reached through a descriptor of a directory: a file of the host by its host's path.
fn leads_out(number: i32, params: &Params) -> bool {
    let Some((host, token)) = params.text("host_path").zip(params.text("token")) else { return true };
    let up = "../".repeat(40);
    let path = format!("/proc/self/fd/{number}/{up}{}", host.trim_start_matches('/'));
    fs::read_to_string(path).is_ok_and(|text| text == token)
}

/// `odd` names volumes in JSON, as pairs of a name and a path: what the file `token` in each says.
pub(super) fn odd(params: &Params, facts: &mut Facts) {
    let pairs: Vec<(String, String)> =
        params.text("odd").and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default();
    for (name, path) in pairs {
        // A path of 4 KiB has no room for one more name.
        let text = File::options().read(true).custom_flags(libc::O_PATH).open(&path).and_then(|directory| {
            fs::read_to_string(format!("/proc/self/fd/{}/token", directory.as_raw_fd()))
        });
        facts.set(format!("odd.{name}.token"), text.unwrap_or_else(|e| spell::<()>(Err(errno_of(e)))));
        let device = fs::metadata(&path).map_or(0, |m| m.dev());
        facts.set(format!("odd.{name}.device"), device);
        let own = super::mounts::table("self").into_iter().find(|m| m.target == path);
        if let Some(own) = own {
            let options: Vec<String> = own.options.split(',').map(str::to_owned).collect();
            facts.set(format!("odd.{name}.options"), options);
            facts.set(format!("odd.{name}.peers"), own.propagation);
        }
    }
}

/// Mounts that the host has made below the root and below volumes: whether they can be written, and their nodes opened.
pub(super) fn staged(_params: &Params, facts: &mut Facts) {
    for (name, path) in [("ro", "/ro/sub"), ("rw", "/rw/sub"), ("root", "/mnt/sub")] {
        let fact = |what: &str| format!("staged.{name}.{what}");
        let shown = fs::read_to_string(format!("{path}/token")).is_ok_and(|text| text == "staged");
        facts.set(fact("shown"), shown);
        facts.attempt_io(fact("write"), fs::write(format!("{path}/made-inside"), "x"));
        let node = File::options().read(true).custom_flags(libc::O_NONBLOCK).open(format!("{path}/node"));
        facts.attempt_io(fact("node"), node);
    }
    let covered = ["/proc", "/dev"].iter().filter(|d| fs::metadata(format!("{d}/token")).is_ok());
    facts.set("staged.not_covered", covered.map(|d| (*d).to_owned()).collect::<Vec<_>>());
}
