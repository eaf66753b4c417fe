//! What a document rightly asks for and cannot have: said before anything is done, never dropped.

use std::collections::HashSet;

use browndog_xml::domain::{DiskSource, SeclabelKind};

use super::build::Builder;

/// Everything that no step can be planned for.
pub(super) fn refuse(b: &mut Builder<'_>) {
    for reason in &b.domain.unsupported {
        b.problem(reason.origin, reason.value.as_str(), "remove the element, or use what the message names");
    }
    for label in &b.domain.seclabels {
        if label.kind != SeclabelKind::None {
            let message = "a security label is not set: neither SELinux nor AppArmor is driven here";
            let help = "write <seclabel type='none'/>: capabilities, the system call filter and the namespaces confine \
                        the container without one";
            b.problem(label.origin, message, help);
        }
    }
    for disk in &b.domain.disks {
        if let DiskSource::Image(file) = &disk.source {
            let message =
                format!("{} cannot be given as a disk: an image has no device node of its own", file.value);
            let help = "mount it with <filesystem type='file'>, or attach it to a loop device (losetup(8)) and give that \
                        with <disk type='block'>";
            b.problem(file.origin, message, help);
        }
    }
    duplicates(b);
}

/// The later mount would hide the earlier one: nobody means that.
fn duplicates(b: &mut Builder<'_>) {
    if b.domain.filesystems.len() < 2 {
        return;
    }
    let mut seen = HashSet::new();
    for filesystem in &b.domain.filesystems {
        let target = filesystem.target.value.as_str();
        let key = target.trim_end_matches('/');
        if !seen.insert(key) {
            let message =
                format!("{target} is the target of two file systems: the later would hide the earlier");
            b.problem(filesystem.target.origin, message, "remove one of them");
        }
    }
}
