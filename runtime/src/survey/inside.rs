//! Paths of the container, opened before it is there: in the file system of the document that they will be in.

use std::os::fd::{AsRawFd, OwnedFd};

use browndog_xml::domain::{Domain, Filesystem, FilesystemSource};
use nix::errno::Errno;
use nix::libc;

use super::{Purpose, Survey, is_below, is_root, kind_of};
use crate::path::{Beneath, RESOLVE_IN_ROOT, c_string};
use crate::sys;

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
    pub(super) fn open_inside(&self, domain: &Domain, path: &str, flags: i32) -> Result<OwnedFd, Errno> {
        self.open_among(&domain.filesystems, path, flags, RESOLVE_IN_ROOT)
    }

    fn open_among(
        &self,
        filesystems: &[Filesystem],
        path: &str,
        flags: i32,
        resolve: u64,
    ) -> Result<OwnedFd, Errno> {
        let Some(index) = covering(filesystems, path) else {
            return self.open_resolving(Purpose::Root, path, flags, resolve);
        };
        let filesystem = &filesystems[index];
        let rest = &path[filesystem.target.value.as_str().trim_end_matches('/').len()..];
        match &filesystem.source {
            // A copy of what is there when its turn comes.
            FilesystemSource::Container(source) => {
                let source = [source.value.as_str().trim_end_matches('/'), rest].concat();
                self.open_among(&filesystems[..index], &source, flags, resolve)
            }
            _ => self.open_resolving(Purpose::Filesystem(index), rest, flags, resolve),
        }
    }

    pub(super) fn look_at_masks(&mut self, domain: &Domain) {
        for mask in &domain.extension.masks {
            let path = mask.value.as_str();
            let opened = if is_below(path, "/proc") || is_below(path, "/sys") {
                // The container's own instances have what the host's have.
                sys::openat2(libc::AT_FDCWD, &c_string(path), libc::O_PATH, 0, libc::RESOLVE_NO_SYMLINKS)
                    .map(sys::adopt)
            } else {
                self.open_inside(domain, path, libc::O_PATH)
            };
            let kind = opened.and_then(|fd| kind_of(&fd));
            let literal = RESOLVE_IN_ROOT | libc::RESOLVE_NO_SYMLINKS;
            let linked =
                kind.is_ok() && self.open_among(&domain.filesystems, path, libc::O_PATH, literal).is_err();
            self.linked_masks.push(linked && Beneath::new(path).kernel().is_none());
            self.masks.push(kind);
        }
    }
}

/// The file system of the document, none of which is the root, that a path of the container is in when all are mounted,
/// by their names: a later one lies on an earlier one.
pub fn covering(filesystems: &[Filesystem], path: &str) -> Option<usize> {
    let holds =
        |filesystem: &Filesystem| !is_root(filesystem) && is_below(path, filesystem.target.value.as_str());
    filesystems.iter().rposition(holds)
}
