//! Where a process is: its directory and its program, and whether the mounts that they lie on are its own.

use std::fs;
use std::io::Write;
use std::os::fd::AsRawFd;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;

use super::Params;
use crate::facts::Facts;
use crate::sys::{Arg, attempt};

/// `STATX_MNT_ID`, and where `stx_mnt_id` lies in `struct statx` (statx(2), since 5.8).
const MNT_ID: u32 = 0x1000;
const MNT_ID_AT: usize = 144;

/// More levels than any path here has.
const CLIMB_MAX: usize = 64;

pub(super) fn place(params: &Params, facts: &mut Facts) {
    facts.set("place.cwd", directory());
    facts.set("place.cwd_mounted", mounted("."));
    facts.set("place.exe_mounted", mounted("/proc/self/exe"));
    let exe = fs::read_link("/proc/self/exe").map_or_else(|e| e.to_string(), |p| p.display().to_string());
    facts.set("place.exe", exe);
    climb(params, facts);
}

/// The kernel's own answer: it begins with `(unreachable)` where the directory is outside the root.
fn directory() -> String {
    let mut bytes = [0_u8; 4096];
    match attempt(libc::SYS_getcwd, &mut [Arg::Out(&mut bytes), Arg::Int(4096)]) {
        Ok(length) => {
            let text = &bytes[..usize::try_from(length).unwrap_or(0).saturating_sub(1)];
            String::from_utf8_lossy(text).into_owned()
        }
        Err(errno) => format!("{errno:?}"),
    }
}

/// The number of the mount that a path lies on.
pub(super) fn mount_of(path: &str) -> Result<u64, nix::errno::Errno> {
    let name = std::ffi::CString::new(path).map_err(|_| nix::errno::Errno::EINVAL)?;
    let mut answer = [0_u8; 256];
    let _zero = attempt(
        libc::SYS_statx,
        &mut [
            Arg::Int(libc::AT_FDCWD),
            Arg::In(name.as_bytes_with_nul()),
            Arg::Int(0),
            Arg::Int(MNT_ID.cast_signed()),
            Arg::Out(&mut answer),
        ],
    )?;
    let word = |at: usize| answer.get(at..at + 8).and_then(|b| b.try_into().ok()).map(u64::from_ne_bytes);
    let mask = u32::from_ne_bytes([answer[0], answer[1], answer[2], answer[3]]);
    if mask & MNT_ID == 0 {
        return Err(nix::errno::Errno::ENOSYS);
    }
    word(MNT_ID_AT).ok_or(nix::errno::Errno::EIO)
}

/// `yes` or `no`: the mount is one of those that this process is shown; or why that cannot be told.
fn mounted(path: &str) -> String {
    let number = match mount_of(path) {
        Ok(number) => number.to_string(),
        Err(errno) => return format!("{errno:?}"),
    };
    let Ok(table) = fs::read_to_string("/proc/self/mountinfo") else { return "no mountinfo".into() };
    let own = table.lines().any(|line| line.split(' ').next() == Some(number.as_str()));
    if own { "yes" } else { "no" }.into()
}

/// As far up as `..` leads from the working directory, and what can be read and written from there.
fn climb(params: &Params, facts: &mut Facts) {
    let path = |file: &fs::File| format!("/proc/self/fd/{}", file.as_raw_fd());
    let open = |name: &str| fs::File::options().read(true).custom_flags(libc::O_PATH).open(name);
    let same = |a: &fs::Metadata, b: &fs::Metadata| (a.dev(), a.ino()) == (b.dev(), b.ino());
    let reached = (|| -> std::io::Result<(fs::File, bool)> {
        let mut here = open(".")?;
        for _ in 0..CLIMB_MAX {
            let up = open(&format!("{}/..", path(&here)))?;
            if same(&up.metadata()?, &here.metadata()?) {
                break;
            }
            here = up;
        }
        let root = same(&here.metadata()?, &fs::metadata("/")?);
        Ok((here, root))
    })();
    let Ok((top, is_root)) = reached else {
        return facts.set("place.top_is_root", "it cannot be climbed");
    };
    facts.set("place.top_is_root", is_root);
    let below = |host: &str| Path::new(&path(&top)).join(host.trim_start_matches('/'));
    if let Some(host) = params.text("host_path") {
        let wanted = params.text("token").unwrap_or_default();
        let read = fs::read_to_string(below(host)).is_ok_and(|text| text == wanted);
        facts.set("place.host_file_read", read);
    }
    if let Some(victim) = params.text("victim") {
        let written = fs::File::options().append(true).open(below(victim));
        facts.attempt_io("place.host_file_written", written.and_then(|mut f| f.write_all(b"written")));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_of_ones_own_lies_on_a_mount_of_ones_own() {
        assert_eq!(mounted("/"), "yes");
        assert!(directory().starts_with('/'), "{}", directory());
    }

    #[test]
    fn what_is_no_mount_of_ones_own_is_told() {
        // A pipe lies on a mount that no mount table shows.
        let (reader, _writer) = std::io::pipe().expect("a pipe");
        assert_eq!(mounted(&format!("/proc/self/fd/{}", reader.as_raw_fd())), "no");
    }
}
