//! Block devices and images: what is on them, mounted without a place.

use std::ffi::CStr;

use browndog_xml::domain::{Filesystem, FilesystemSource};

use super::build::Builder;
use super::mounts::{ATTR_NODEV, ATTR_NOSUID, ATTR_RDONLY, DETACHED};
use super::step::{HostStep, Slot, c_string};
use crate::survey::superblock::Contents;
use crate::survey::{Kind, Purpose};

/// What a damaged file system may do to the machine: the superblock of ext2, ext3 and ext4 can ask for a panic
/// (`mke2fs -e panic`). Others that know such an option do not take it from the superblock (btrfs, f2fs, jfs, nilfs2,
/// vfat), xfs has none: it shuts down.
fn careful(fstype: &str) -> &'static [(&'static CStr, &'static CStr)] {
    match fstype {
        "ext2" | "ext3" | "ext4" => &[(c"errors", c"remount-ro")],
        _ => &[],
    }
}

/// The file system of a device or an image, as a detached tree.
pub(super) fn mount(b: &mut Builder<'_>, purpose: Purpose, filesystem: &Filesystem, into: Slot) {
    let Some(found) = b.survey.get(purpose) else { return };
    let (path, origin, kind, contents) = (found.path.clone(), found.origin, found.kind, found.contents);
    let Some(source) = b.source(purpose) else { return };
    let image = matches!(filesystem.source, FilesystemSource::Image { .. });
    let refuse = |b: &mut Builder<'_>, why: &str, help: &str| {
        b.problem(origin, format!("{path} cannot be mounted: {why}"), help);
    };
    match (kind, image) {
        (Ok(Kind::File), true) | (Ok(Kind::Block(_)), false) => {}
        // Said already.
        (Err(_), _) => return,
        (_, true) => {
            return refuse(b, "it is not a file", "type='file' takes an image; type='mount' a directory");
        }
        (_, false) => {
            return refuse(
                b,
                "it is not a block device",
                "type='block' takes a device; type='file' an image",
            );
        }
    }
    if b.host.rootless {
        return refuse(
            b,
            "only root of the machine may mount devices",
            "start as root, or unpack it into a directory",
        );
    }
    let fstype = match contents {
        Some(Contents::Filesystem(name)) => name,
        Some(Contents::Other(what)) => return refuse(b, what, "name what holds a file system"),
        Some(Contents::Unknown) => {
            return refuse(b, "no file system is found on it", "make one (mkfs(8)), or correct the path");
        }
        None => return refuse(b, "it cannot be read", "look at its permissions"),
    };
    let target = filesystem.target.value.as_str();
    let readonly = filesystem.readonly.is_some();
    let mut device = source;
    if image {
        device = b.slot(["loop device of ", &path].concat());
        let step = HostStep::AttachLoop { image: source, readonly, into: device };
        let why = "goes with its last user: nothing is left even where everything is killed";
        b.host_step(("attach-loop", target), step, origin, why);
    }
    let asked = filesystem.readonly.unwrap_or(origin);
    // Programs of a whole system's own become another user's by their mode (su, sudo): its root keeps that.
    let whole = target.trim_end_matches('/').is_empty();
    let attrs = ATTR_NODEV | if whole { 0 } else { ATTR_NOSUID } | if readonly { ATTR_RDONLY } else { 0 };
    let options = careful(fstype);
    let step = HostStep::MountDevice { device, fstype: c_string(fstype), readonly, options, attrs, into };
    b.host_step(("mount-device", target), step, asked, DETACHED);
    b.note(
        origin,
        format!("{path} is read by the kernel itself ({fstype}): whoever wrote it gives input to the kernel"),
        "mount only what you would trust a program of root's with; unpack anything else into a directory",
    );
}
