//! The base: what an administrator has made once so that starts need not make it.
//!
//! The base mount namespace: one empty, read-only directory, made once and pinned.
//!
//! A container that starts from it costs the same whether the host has ten mounts or ten thousand:
//! CLONE_NEWNS copies the table of mounts it starts from, and this one has a single entry. What the
//! container needs of the host is handed over as detached trees. It is pinned by a bind mount of its
//! descriptor (ioctl_nsfs(2), mount_namespaces(7)), which is a mount of the host: so it is made on
//! request, by [`make`], and taken away by [`remove`].
//!
//! The device policy of most containers, loaded and pinned (BPF_OBJ_PIN in bpf(2)): a kernel checks and compiles
//! such a program anew at each start otherwise. Its groups share it; nothing in it is about one of them.

use std::fs;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::path::Path;

use nix::errno::Errno;
use nix::libc;

use crate::device_policy;
use crate::path::c_string;
use crate::sys;

/// A small tmpfs of ours that does not propagate: a mount namespace cannot be pinned where it would.
const DIR: &str = "/run/browndog-base";

/// Where it is pinned.
pub const PATH: &str = "/run/browndog-base/ns";

/// A bpf file system beside it, and where the device policy is pinned in that.
const POLICIES: &str = "/run/browndog-base/policies";

/// Where the device policy is pinned.
pub const POLICY: &str = "/run/browndog-base/policies/devices";

const FLAGS: u64 = libc::MS_NOSUID | libc::MS_NODEV | libc::MS_NOEXEC;

/// The pinned namespace, where there is one.
pub fn open() -> Option<OwnedFd> {
    let fd = sys::open(&c_string(PATH), libc::O_RDONLY).ok()?;
    sys::paths::is_namespace(&fd).then_some(fd)
}

/// The pinned device policy, where there is one, and its instructions as the kernel has them.
pub fn policy() -> Option<(OwnedFd, Vec<u64>)> {
    let program = sys::pinned_program(&c_string(POLICY)).ok()?;
    let mut instructions = [0; INSTRUCTIONS_MAX];
    let count = sys::device_policy_instructions(program.as_fd(), &mut instructions).ok()?;
    Some((program, instructions[..count].to_vec()))
}

/// The policy of most containers has half as many; a longer one is none of ours.
const INSTRUCTIONS_MAX: usize = 64;

/// Whether the policy is pinned that most containers have, as this version makes it.
pub fn has_policy() -> bool {
    policy().is_some_and(|(_, instructions)| instructions == device_policy::common_program())
}

/// Makes the namespace and pins it, and the device policy; nothing where they are there already.
///
/// # Errors
/// What was tried and the errno: it needs CAP_SYS_ADMIN.
pub fn make() -> Result<(), (&'static str, Errno)> {
    if open().is_none() {
        make_namespace()?;
    }
    // An offer: a kernel without such programs has the namespace all the same. `has_policy` says.
    if !has_policy() && pin_policy().is_err() {
        remove_policy();
    }
    Ok(())
}

fn pin_policy() -> Result<(), Errno> {
    let program = sys::load_device_policy(&device_policy::common_program())?;
    // That of another version, or what an interrupted call has left.
    remove_policy();
    fs::create_dir(POLICIES).map_err(crate::errno_of)?;
    let dir = c_string(POLICIES);
    sys::mount(Some(c"browndog-policies"), &dir, Some(c"bpf"), FLAGS, Some(c"mode=0700"))?;
    sys::pin_program(program.as_fd(), &c_string(POLICY))
}

/// Whichever of both is there.
fn remove_policy() {
    crate::disregard(sys::umount2(&c_string(POLICIES), libc::MNT_DETACH));
    crate::disregard(fs::remove_dir(POLICIES));
}

fn make_namespace() -> Result<(), (&'static str, Errno)> {
    let io = |what| move |error: std::io::Error| (what, crate::errno_of(error));
    fs::create_dir_all(DIR).map_err(io("create the directory"))?;
    let dir = c_string(DIR);
    // The root, what is pinned, and room for one more: a security module's labels are counted as well.
    let options = Some(c"size=4k,nr_inodes=4,mode=0700");
    sys::mount(Some(c"browndog-base"), &dir, Some(c"tmpfs"), FLAGS, options)
        .map_err(|e| ("mount a tmpfs", e))?;
    let made = sys::mount(None, &dir, None, libc::MS_PRIVATE, None)
        .map_err(|e| ("make the mount private", e))
        .and_then(|()| fs::File::create(PATH).map(drop).map_err(io("create the mount point")))
        .and_then(|()| pin_one());
    if made.is_err() {
        crate::disregard(remove());
    }
    made
}

fn pin_one() -> Result<(), (&'static str, Errno)> {
    // The kernel refuses to pin a namespace that is not younger than the one it is pinned in, and
    // numbers them from batches of each CPU: a fresh one may look older. Another try gets another number.
    let mut last = Errno::EINVAL;
    for _ in 0..TRIES {
        match make_one() {
            Ok(()) => return Ok(()),
            Err((_, Errno::EINVAL)) => last = Errno::EINVAL,
            Err(error) => return Err(error),
        }
    }
    Err(("pin the namespace", last))
}

const TRIES: u32 = 5000;

/// The helper makes its own namespace and waits; its namespace is bound from outside.
fn make_one() -> Result<(), (&'static str, Errno)> {
    let (ready_read, ready_write) =
        nix::unistd::pipe2(nix::fcntl::OFlag::O_CLOEXEC).map_err(|e| ("pipe2", e))?;
    let (done_read, done_write) =
        nix::unistd::pipe2(nix::fcntl::OFlag::O_CLOEXEC).map_err(|e| ("pipe2", e))?;
    let helper =
        Helper { ready: ready_write.as_raw_fd(), done: done_read.as_raw_fd(), keep: done_write.as_raw_fd() };
    let stack = sys::ChildMemory::borrowed().map_err(|e| ("mmap", e))?;
    let mut args = sys::CloneArgs::default();
    args.exit_signal = libc::SIGCHLD as u64;
    let pid = sys::clone3(&mut args, &stack, run_helper, &helper).map_err(|e| ("clone3", e))?;
    drop(ready_write);
    let mut byte = [0_u8];
    let ready = sys::read(ready_read.as_raw_fd(), &mut byte);
    let made = match (ready, byte[0]) {
        (Ok(1), 0) => pin(pid),
        (Ok(1), errno) => Err(("make an empty mount namespace", Errno::from_raw(errno.into()))),
        _ => Err(("make an empty mount namespace", Errno::ECHILD)),
    };
    drop(done_write);
    crate::disregard(nix::sys::wait::waitpid(nix::unistd::Pid::from_raw(pid), None));
    made
}

fn pin(pid: i32) -> Result<(), (&'static str, Errno)> {
    let source = c_string(&format!("/proc/{pid}/ns/mnt"));
    sys::mount(Some(&source), &c_string(PATH), None, libc::MS_BIND, None)
        .map_err(|e| ("pin the namespace", e))
}

struct Helper {
    ready: i32,
    done: i32,
    keep: i32,
}

extern "C" fn run_helper(helper: &Helper) -> ! {
    // The launcher's end, so that its death ends the helper; a failure leaves it open until then.
    crate::disregard(sys::close(helper.keep));
    let code = empty_namespace().err().map_or(0, |errno| errno as u8);
    crate::disregard(sys::write(helper.ready, &[code]));
    let mut byte = [0_u8];
    crate::disregard(sys::read(helper.done, &mut byte));
    sys::exit_now(0)
}

/// A namespace whose root is an empty read-only tmpfs, with nothing beneath it.
fn empty_namespace() -> Result<(), Errno> {
    sys::unshare(libc::CLONE_NEWNS).map(drop)?;
    sys::mount(None, c"/", None, libc::MS_REC | libc::MS_PRIVATE, None)?;
    sys::mount(Some(c"base"), c"/run", Some(c"tmpfs"), FLAGS, Some(c"size=4k,nr_inodes=2,mode=0555"))?;
    sys::chdir(c"/run")?;
    sys::mount(None, c".", None, libc::MS_REMOUNT | libc::MS_RDONLY | FLAGS, None)?;
    sys::pivot_root(c".", c".")?;
    sys::umount2(c".", libc::MNT_DETACH)
}

/// Takes the pins away; containers that started from it are not touched.
///
/// # Errors
/// What was tried and the errno.
pub fn remove() -> Result<(), (&'static str, Errno)> {
    if !Path::new(DIR).exists() {
        return Ok(());
    }
    // The pinned namespace and the bpf file system are mounts on this mount, and go with it.
    match sys::umount2(&c_string(DIR), libc::MNT_DETACH) {
        Ok(()) | Err(Errno::EINVAL) => {}
        Err(errno) => return Err(("unmount the namespace", errno)),
    }
    fs::remove_dir(DIR).map_err(|error| ("remove the directory", crate::errno_of(error)))
}
