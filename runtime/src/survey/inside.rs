//! Paths of the container, opened before it is there: in the file system of the document that they will be in.

use std::borrow::Cow;
use std::os::fd::{AsRawFd, OwnedFd};

use browndog_xml::domain::{Domain, FilesystemSource};
use nix::errno::Errno;
use nix::libc;

use super::covering::Targets;
use super::{Purpose, Survey, is_below, kind_of};
use crate::path::{Beneath, RESOLVE_IN_ROOT, c_string};
use crate::sys;

/// So many copies of copies inside a container are followed, as many as the kernel follows links.
const COPIES: usize = crate::beneath::LINKS;

impl Survey {
    pub(super) fn open_beneath(&self, purpose: Purpose, path: &str, flags: i32) -> Result<OwnedFd, Errno> {
        self.open_resolving(purpose, path, flags, RESOLVE_IN_ROOT)
    }

    fn open_resolving(
        &self,
        purpose: Purpose,
        path: &str,
        flags: i32,
        resolve: u64,
    ) -> Result<OwnedFd, Errno> {
        let found = self.get(purpose).ok_or(Errno::ENOENT)?;
        let fd = found.fd.as_ref().ok_or(Errno::ENOENT)?;
        let beneath = Beneath::new(path);
        sys::openat2(fd.as_raw_fd(), beneath.as_c_str(), flags, 0, resolve).map(sys::adopt)
    }

    /// Opens a path as the container will see it: in the filesystem of the document that covers it, else
    /// in the root.
    pub(super) fn open_inside(
        &self,
        domain: &Domain,
        targets: &Targets<'_>,
        path: &str,
        flags: i32,
    ) -> Result<OwnedFd, Errno> {
        self.open_among(domain, targets, path, flags, RESOLVE_IN_ROOT)
    }

    fn open_among(
        &self,
        domain: &Domain,
        targets: &Targets<'_>,
        path: &str,
        flags: i32,
        resolve: u64,
    ) -> Result<OwnedFd, Errno> {
        let (mut path, mut end) = (Cow::Borrowed(path), usize::MAX);
        for _ in 0..COPIES {
            let Some(index) = targets.covering_before(&path, end) else {
                return self.open_resolving(Purpose::Root, &path, flags, resolve);
            };
            let filesystem = &domain.filesystems[index];
            let rest = &path[filesystem.target.value.as_str().trim_end_matches('/').len()..];
            let FilesystemSource::Container(source) = &filesystem.source else {
                return self.open_resolving(Purpose::Filesystem(index), rest, flags, resolve);
            };
            // A copy of what is there when its turn comes.
            path = Cow::Owned([source.value.as_str().trim_end_matches('/'), rest].concat());
            end = index;
        }
        Err(Errno::ELOOP)
    }

    pub(super) fn look_at_masks(&mut self, domain: &Domain) {
        if domain.extension.masks.is_empty() {
            return;
        }
        let targets = Targets::new(&domain.filesystems);
        for mask in &domain.extension.masks {
            let path = mask.value.as_str();
            let opened = if is_below(path, "/proc") || is_below(path, "/sys") {
                // The container's own instances have what the host's have.
                sys::openat2(libc::AT_FDCWD, &c_string(path), libc::O_PATH, 0, libc::RESOLVE_NO_SYMLINKS)
                    .map(sys::adopt)
            } else {
                self.open_inside(domain, &targets, path, libc::O_PATH)
            };
            let kind = opened.and_then(|fd| kind_of(&fd));
            let literal = RESOLVE_IN_ROOT | libc::RESOLVE_NO_SYMLINKS;
            let linked =
                kind.is_ok() && self.open_among(domain, &targets, path, libc::O_PATH, literal).is_err();
            self.linked_masks.push(linked && Beneath::new(path).kernel().is_none());
            self.masks.push(kind);
        }
    }
}
