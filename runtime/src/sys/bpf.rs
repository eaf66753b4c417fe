//! Device policies of control groups, version 2 (bpf(2), BPF_PROG_TYPE_CGROUP_DEVICE).

use std::ffi::CStr;
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd, RawFd};

use nix::errno::Errno;
use nix::libc;

use super::{Result, check, owned};

const PROG_LOAD: i32 = 5;
const OBJ_PIN: i32 = 6;
const OBJ_GET: i32 = 7;
const PROG_ATTACH: i32 = 8;
const PROG_DETACH: i32 = 9;
const PROG_GET_NEXT_ID: i32 = 11;
const PROG_GET_FD_BY_ID: i32 = 13;
const OBJ_GET_INFO_BY_FD: i32 = 15;
const PROG_QUERY: i32 = 16;
const PROG_TYPE_CGROUP_DEVICE: u32 = 15;
const ATTACH_CGROUP_DEVICE: u32 = 6;
const ALLOW_MULTI: u32 = 2;

/// The part of `union bpf_attr` that BPF_PROG_LOAD needs.
#[repr(C)]
struct Load {
    kind: u32,
    count: u32,
    instructions: u64,
    license: u64,
    log_level: u32,
    log_size: u32,
    log_buffer: u64,
    kernel_version: u32,
    flags: u32,
}

/// Likewise for BPF_PROG_ATTACH.
#[repr(C)]
struct Attach {
    target: u32,
    program: u32,
    kind: u32,
    flags: u32,
}

/// Likewise for BPF_OBJ_PIN and BPF_OBJ_GET.
#[repr(C)]
struct Pin {
    path: u64,
    program: u32,
    flags: u32,
}

/// Likewise for BPF_OBJ_GET_INFO_BY_FD.
#[repr(C)]
struct Ask {
    program: u32,
    size: u32,
    info: u64,
}

/// The beginning of `struct bpf_prog_info`: the kernel writes no more than it is told there is room for.
#[repr(C)]
#[derive(Default)]
struct Info {
    kind: u32,
    id: u32,
    tag: [u8; 8],
    machine_code_size: u32,
    size: u32,
    machine_code: u64,
    instructions: u64,
}

/// All of it for BPF_PROG_QUERY: some kernels write the last field back whatever size they are told (6.18 does).
#[repr(C)]
#[derive(Default)]
struct Query {
    target: u32,
    kind: u32,
    query_flags: u32,
    attach_flags: u32,
    ids: u64,
    count: u32,
    pad: u32,
    program_attach_flags: u64,
    link_ids: u64,
    link_attach_flags: u64,
    revision: u64,
}

fn bpf<T>(command: i32, attributes: &mut T) -> Result<libc::c_long> {
    // SAFETY: each structure above, and three numbers for BPF_PROG_GET_FD_BY_ID and BPF_PROG_GET_NEXT_ID, is a
    // prefix of bpf_attr for its command, of the size that is passed, and lives through the call with what its
    // pointers name.
    check(unsafe { libc::syscall(libc::SYS_bpf, command, std::ptr::from_mut(attributes), size_of::<T>()) })
}

/// Whether the caller has CAP_SYS_ADMIN in the initial user namespace: to nobody else the kernel tells which
/// programs there are (`bpf_obj_get_next_id`, kernel/bpf/syscall.c). A filter around the caller, and a kernel
/// without bpf(2), say no.
pub fn administers_machine() -> bool {
    // After the last number but one that may be asked for there is none: ENOENT.
    bpf(PROG_GET_NEXT_ID, &mut [i32::MAX as u32 - 1, 0, 0]) == Err(Errno::ENOENT)
}

/// Loads a device policy: `struct bpf_insn`s as numbers.
pub fn load_device_policy(program: &[u64]) -> Result<OwnedFd> {
    let mut load = Load {
        kind: PROG_TYPE_CGROUP_DEVICE,
        count: program.len() as u32,
        instructions: program.as_ptr() as u64,
        license: c"MIT OR Apache-2.0".as_ptr() as u64,
        log_level: 0,
        log_size: 0,
        log_buffer: 0,
        kernel_version: 0,
        flags: 0,
    };
    owned(bpf(PROG_LOAD, &mut load)?)
}

/// Pins a program at a path of a bpf file system: it stays loaded as long as that file.
pub fn pin_program(program: BorrowedFd<'_>, path: &CStr) -> Result<()> {
    let mut pin = Pin { path: path.as_ptr() as u64, program: program.as_raw_fd() as u32, flags: 0 };
    bpf(OBJ_PIN, &mut pin).map(drop)
}

/// What is pinned there.
pub fn pinned_program(path: &CStr) -> Result<OwnedFd> {
    owned(bpf(OBJ_GET, &mut Pin { path: path.as_ptr() as u64, program: 0, flags: 0 })?)
}

/// How many instructions a device policy has, which are put into `instructions`: as the kernel has them, who may
/// have changed some of those that were loaded.
///
/// # Errors
/// EINVAL where it is another kind of program, ENOSPC where it has more than there is room for.
pub fn device_policy_instructions(program: BorrowedFd<'_>, instructions: &mut [u64]) -> Result<usize> {
    let mut info = Info {
        size: size_of_val(instructions) as u32,
        instructions: instructions.as_mut_ptr() as u64,
        ..Info::default()
    };
    let mut ask = Ask {
        program: program.as_raw_fd() as u32,
        size: size_of::<Info>() as u32,
        info: std::ptr::from_mut(&mut info) as u64,
    };
    bpf(OBJ_GET_INFO_BY_FD, &mut ask).map(drop)?;
    if info.kind != PROG_TYPE_CGROUP_DEVICE {
        return Err(Errno::EINVAL);
    }
    let count = info.size as usize / size_of::<u64>();
    if count > instructions.len() { Err(Errno::ENOSPC) } else { Ok(count) }
}

/// Attaches it to the group whose directory is open; it stays until the group goes.
pub fn attach_device_policy(group: BorrowedFd<'_>, program: RawFd) -> Result<()> {
    change(PROG_ATTACH, group, program, ALLOW_MULTI)
}

fn change(command: i32, group: BorrowedFd<'_>, program: RawFd, flags: u32) -> Result<()> {
    let mut attach = Attach {
        target: group.as_raw_fd() as u32,
        program: program as u32,
        kind: ATTACH_CGROUP_DEVICE,
        flags,
    };
    bpf(command, &mut attach).map(drop)
}

/// How many policies are attached to the group itself.
pub fn count_device_policies(group: BorrowedFd<'_>) -> Result<u32> {
    query(group, &mut []).map(|count| count as u32)
}

/// The policies that are attached to the group itself.
///
/// # Errors
/// ENOSPC where there are more than `POLICIES_MAX`.
pub fn device_policies(group: BorrowedFd<'_>) -> Result<Vec<OwnedFd>> {
    let mut ids = [0_u32; POLICIES_MAX];
    let count = query(group, &mut ids)?;
    ids[..count.min(POLICIES_MAX)].iter().map(|id| owned(bpf(PROG_GET_FD_BY_ID, &mut [*id, 0, 0])?)).collect()
}

/// As many policies as a group is expected to have.
pub const POLICIES_MAX: usize = 16;

/// Takes a policy off the group whose directory is open.
pub fn detach_device_policy(group: BorrowedFd<'_>, program: BorrowedFd<'_>) -> Result<()> {
    change(PROG_DETACH, group, program.as_raw_fd(), 0)
}

/// How many policies there are, and the numbers of as many as `ids` has room for.
fn query(group: BorrowedFd<'_>, ids: &mut [u32]) -> Result<usize> {
    let mut query = Query {
        target: group.as_raw_fd() as u32,
        kind: ATTACH_CGROUP_DEVICE,
        ids: if ids.is_empty() { 0 } else { ids.as_mut_ptr() as u64 },
        count: ids.len() as u32,
        ..Query::default()
    };
    bpf(PROG_QUERY, &mut query).map(|_| query.count as usize)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A shorter one was written past its end: the frame behind it was the launcher's.
    #[test]
    fn a_query_has_room_for_all_that_a_kernel_writes_back() {
        assert_eq!(std::mem::offset_of!(Query, revision), 56);
        assert_eq!(size_of::<Query>(), 64);
    }

    #[test]
    fn the_beginning_of_what_the_kernel_tells_of_a_program_is_laid_out_as_it_is() {
        assert_eq!(std::mem::offset_of!(Info, size), 20);
        assert_eq!(std::mem::offset_of!(Info, instructions), 32);
        assert_eq!(size_of::<Info>(), 40);
    }
}
