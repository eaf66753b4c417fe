//! What is asked about a path or a file on the way to exec, without an allocation.

use std::os::fd::{OwnedFd, RawFd};

use nix::libc;
use nix::sys::statfs::{NSFS_MAGIC, fstatfs};

use super::{Result, check};

/// Whether the current directory is beneath the caller's root: of one that is not, the kernel says `(unreachable)`
/// and where (getcwd(2)).
pub fn is_inside() -> Result<bool> {
    let mut path = [0_u8; libc::PATH_MAX as usize];
    // SAFETY: pointer and length are those of the buffer, which the kernel fills.
    let ret = unsafe { libc::syscall(libc::SYS_getcwd, path.as_mut_ptr(), path.len()) };
    let _length = check(ret)?;
    Ok(path[0] == b'/')
}

/// `pread(fd, buffer, offset)`: pread(2).
pub fn read_at(fd: RawFd, buffer: &mut [u8], offset: u64) -> Result<usize> {
    // SAFETY: pointer and length are those of the slice.
    let ret = unsafe { libc::syscall(libc::SYS_pread64, fd, buffer.as_mut_ptr(), buffer.len(), offset) };
    check(ret).map(|count| count as usize)
}

/// `readlinkat(fd, "", buffer)`: what the link that is open as `fd` says (readlink(2)).
pub fn read_link(fd: RawFd, buffer: &mut [u8]) -> Result<usize> {
    // SAFETY: the string lives through the call; pointer and length are those of the slice.
    let ret =
        unsafe { libc::syscall(libc::SYS_readlinkat, fd, c"".as_ptr(), buffer.as_mut_ptr(), buffer.len()) };
    check(ret).map(|count| count as usize)
}

/// Whether it is a namespace, and not a file that one is to be mounted on.
pub(crate) fn is_namespace(fd: &OwnedFd) -> bool {
    fstatfs(fd).is_ok_and(|stat| stat.filesystem_type() == NSFS_MAGIC)
}

#[cfg(test)]
mod tests {
    use std::os::fd::AsRawFd;

    use super::*;

    #[test]
    fn a_directory_of_this_process_is_inside_and_files_are_read_where_asked() {
        assert_eq!(is_inside(), Ok(true));
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("file");
        std::fs::write(&path, "0123456789").expect("a file");
        let file = std::fs::File::open(&path).expect("it is there");
        let mut buffer = [0; 3];
        assert_eq!(read_at(file.as_raw_fd(), &mut buffer, 4), Ok(3));
        assert_eq!(&buffer, b"456");
    }
}
