//! Mounts: the calls of Linux 5.2 and later, and the classic ones.

use std::ffi::{CStr, c_char, c_int, c_long};
use std::os::fd::{AsRawFd, OwnedFd, RawFd};

use nix::libc;
use nix::sys::statfs::{FsType, PROC_SUPER_MAGIC, SYSFS_MAGIC};

use super::{Result, check, owned};

/// `open_tree(dir, path, flags)`: open_tree(2). `dir` may be `AT_FDCWD`.
pub fn open_tree(dir: RawFd, path: &CStr, flags: u32) -> Result<RawFd> {
    // SAFETY: `path` is a C string that lives through the call.
    check(unsafe { libc::syscall(libc::SYS_open_tree, dir, path.as_ptr(), flags) }).map(|fd| fd as RawFd)
}

/// `move_mount(from_dir, from, to_dir, to, flags)`: move_mount(2).
pub fn move_mount(from_dir: RawFd, from: &CStr, to_dir: RawFd, to: &CStr, flags: u32) -> Result<()> {
    // SAFETY: both strings live through the call.
    check(unsafe { libc::syscall(libc::SYS_move_mount, from_dir, from.as_ptr(), to_dir, to.as_ptr(), flags) })
        .map(drop)
}

/// `struct mount_attr` of mount_setattr(2).
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MountAttr {
    /// MOUNT_ATTR_* to set.
    pub attr_set: u64,
    /// MOUNT_ATTR_* to clear.
    pub attr_clr: u64,
    /// MS_PRIVATE, MS_SLAVE, MS_SHARED or nothing.
    pub propagation: u64,
    /// With MOUNT_ATTR_IDMAP: a user namespace.
    pub userns_fd: u64,
}

/// `mount_setattr(dir, path, flags, attr)`: mount_setattr(2).
pub fn mount_setattr(dir: RawFd, path: &CStr, flags: u32, attr: &MountAttr) -> Result<()> {
    // SAFETY: `path` and `attr` live through the call; the size is that of the structure.
    check(unsafe {
        libc::syscall(
            libc::SYS_mount_setattr,
            dir,
            path.as_ptr(),
            flags,
            std::ptr::from_ref(attr),
            size_of::<MountAttr>(),
        )
    })
    .map(drop)
}

/// `mount(source, target, fstype, flags, data)`: mount(2).
pub fn mount(
    source: Option<&CStr>,
    target: &CStr,
    fstype: Option<&CStr>,
    flags: u64,
    data: Option<&CStr>,
) -> Result<()> {
    let pointer = |text: Option<&CStr>| text.map_or(std::ptr::null(), CStr::as_ptr);
    // SAFETY: each pointer is null where mount(2) allows it, or a C string that lives through the call.
    check(unsafe {
        libc::syscall(
            libc::SYS_mount,
            pointer(source),
            target.as_ptr(),
            pointer(fstype),
            flags,
            pointer(data),
        )
    })
    .map(drop)
}

/// Whether `fd` stands on a procfs (fstatfs(2), `f_type`): nobody but the kernel makes names in one.
pub fn is_procfs(fd: RawFd) -> Result<bool> {
    file_system(fd).map(|found| found == PROC_SUPER_MAGIC)
}

/// Whether `fd` stands on a sysfs.
pub fn is_sysfs(fd: RawFd) -> Result<bool> {
    file_system(fd).map(|found| found == SYSFS_MAGIC)
}

fn file_system(fd: RawFd) -> Result<FsType> {
    let mut buffer = std::mem::MaybeUninit::<libc::statfs>::zeroed();
    // SAFETY: `buffer` has room for one statfs, which the call fills.
    let ret = unsafe { libc::fstatfs(fd, buffer.as_mut_ptr()) };
    let _zero: c_long = check(ret.into())?;
    // SAFETY: every bit pattern is a statfs; it was zeroed, then filled.
    let found = unsafe { buffer.assume_init() };
    Ok(FsType(found.f_type))
}

/// `umount2(target, flags)`: umount(2).
pub fn umount2(target: &CStr, flags: c_int) -> Result<()> {
    // SAFETY: the string lives through the call.
    check(unsafe { libc::syscall(libc::SYS_umount2, target.as_ptr(), flags) }).map(drop)
}

/// `pivot_root(new, old)`: pivot_root(2).
pub fn pivot_root(new: &CStr, old: &CStr) -> Result<()> {
    // SAFETY: both strings live through the call.
    check(unsafe { libc::syscall(libc::SYS_pivot_root, new.as_ptr(), old.as_ptr()) }).map(drop)
}

/// `fsopen(fstype)`, `fsconfig(CREATE)`, `fsmount(attrs)`: a detached mount of a file system without a
/// source (fsopen(2)). `options` are pairs of key and value, which is empty for a flag.
pub fn detached_mount(fstype: &CStr, options: &[(&CStr, &CStr)], attrs: u32) -> Result<OwnedFd> {
    const FSOPEN_CLOEXEC: u32 = 1;
    const FSCONFIG_SET_FLAG: u32 = 0;
    const FSCONFIG_SET_STRING: u32 = 1;
    const FSCONFIG_CMD_CREATE: u32 = 6;
    const FSMOUNT_CLOEXEC: u32 = 1;
    // SAFETY: the string lives through the call.
    let context = owned(unsafe { libc::syscall(libc::SYS_fsopen, fstype.as_ptr(), FSOPEN_CLOEXEC) })?;
    let fd = context.as_raw_fd();
    for (key, value) in options {
        let (command, value) = match value.is_empty() {
            true => (FSCONFIG_SET_FLAG, std::ptr::null()),
            false => (FSCONFIG_SET_STRING, value.as_ptr()),
        };
        // SAFETY: the key, and the value where it is not null, live through the call.
        let ret = unsafe { libc::syscall(libc::SYS_fsconfig, fd, command, key.as_ptr(), value, 0) };
        let _zero: c_long = check(ret)?;
    }
    let none: *const c_char = std::ptr::null();
    // SAFETY: FSCONFIG_CMD_CREATE takes no key and no value.
    let _zero: c_long =
        check(unsafe { libc::syscall(libc::SYS_fsconfig, fd, FSCONFIG_CMD_CREATE, none, none, 0) })?;
    // SAFETY: fsmount takes numbers.
    owned(unsafe { libc::syscall(libc::SYS_fsmount, fd, FSMOUNT_CLOEXEC, attrs) })
}

/// The same for the file system of a block device: `source` is its path, `attrs` are MOUNT_ATTR_*. The
/// superblock is read-only too where `readonly` asks for it, so that the device is never written.
pub fn mount_device(
    fstype: &CStr,
    source: &CStr,
    readonly: bool,
    options: &[(&CStr, &CStr)],
    attrs: u32,
) -> Result<OwnedFd> {
    const FSCONFIG_SET_FLAG: u32 = 0;
    const FSCONFIG_SET_STRING: u32 = 1;
    const FSCONFIG_CMD_CREATE: u32 = 6;
    // SAFETY: the string lives through the call.
    let context = owned(unsafe { libc::syscall(libc::SYS_fsopen, fstype.as_ptr(), 1) })?;
    let none: *const c_char = std::ptr::null();
    let configure = |command: u32, key: *const c_char, value: *const c_char| -> Result<()> {
        // SAFETY: key and value are null where the command takes none, or strings that live through the
        // call.
        check(unsafe { libc::syscall(libc::SYS_fsconfig, context.as_raw_fd(), command, key, value, 0) })
            .map(drop)
    };
    configure(FSCONFIG_SET_STRING, c"source".as_ptr(), source.as_ptr())?;
    for (key, value) in options {
        configure(FSCONFIG_SET_STRING, key.as_ptr(), value.as_ptr())?;
    }
    if readonly {
        configure(FSCONFIG_SET_FLAG, c"ro".as_ptr(), none)?;
    }
    configure(FSCONFIG_CMD_CREATE, none, none)?;
    // SAFETY: fsmount takes numbers.
    owned(unsafe { libc::syscall(libc::SYS_fsmount, context.as_raw_fd(), 1, attrs) })
}
