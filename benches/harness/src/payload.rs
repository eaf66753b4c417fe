//! The container that everybody starts: an empty tree whose `/bin/true` is a dozen instructions.
//!
//! A payload of a few hundred bytes keeps its own cost, the same for all, out of the comparison.

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

/// exit_group(0) and nothing else.
#[cfg(target_arch = "x86_64")]
const CODE: [u8; 12] = [
    0xb8, 0xe7, 0, 0, 0, // mov eax, 231
    0x31, 0xff, // xor edi, edi
    0x0f, 0x05, // syscall
    0x0f, 0x0b, 0x90, // ud2; nop
];
#[cfg(target_arch = "x86_64")]
const MACHINE: u16 = 62;

/// exit_group(0) and nothing else.
#[cfg(target_arch = "aarch64")]
const CODE: [u8; 12] = [
    0xc8, 0x0b, 0x80, 0xd2, // mov x8, 94
    0, 0, 0x80, 0xd2, // mov x0, 0
    0x01, 0, 0, 0xd4, // svc 0
];
#[cfg(target_arch = "aarch64")]
const MACHINE: u16 = 183;

const LOAD_ADDRESS: u64 = 0x40_0000;
const HEADERS: u64 = 64 + 56;

/// The bytes of the smallest honest executable: an ELF header, one program header, the code.
pub fn executable(code: &[u8]) -> Vec<u8> {
    let size = HEADERS + code.len() as u64;
    let mut elf = vec![0x7f, b'E', b'L', b'F', 2, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    let halves = |elf: &mut Vec<u8>, values: &[u16]| values.iter().for_each(|v| elf.extend(v.to_le_bytes()));
    let words = |elf: &mut Vec<u8>, values: &[u32]| values.iter().for_each(|v| elf.extend(v.to_le_bytes()));
    let longs = |elf: &mut Vec<u8>, values: &[u64]| values.iter().for_each(|v| elf.extend(v.to_le_bytes()));
    halves(&mut elf, &[2, MACHINE]); // ET_EXEC
    words(&mut elf, &[1]);
    longs(&mut elf, &[LOAD_ADDRESS + HEADERS, 64, 0]); // entry, program headers, no sections
    words(&mut elf, &[0]);
    halves(&mut elf, &[64, 56, 1, 0, 0, 0]);
    words(&mut elf, &[1, 5]); // PT_LOAD, readable and executable
    longs(&mut elf, &[0, LOAD_ADDRESS, LOAD_ADDRESS, size, size, 0x1000]);
    elf.extend(code);
    elf
}

/// pause(2) for ever: a container that runs and costs nothing.
#[cfg(target_arch = "x86_64")]
const PAUSE: [u8; 12] = [
    0xb8, 34, 0, 0, 0, // mov eax, 34
    0x0f, 0x05, // syscall
    0xeb, 0xf7, // jmp to the beginning
    0x90, 0x90, 0x90, // nop
];

/// ppoll(NULL, 0, NULL, NULL) for ever.
#[cfg(target_arch = "aarch64")]
const PAUSE: [u8; 28] = [
    0, 0, 0x80, 0xd2, // mov x0, 0
    1, 0, 0x80, 0xd2, // mov x1, 0
    2, 0, 0x80, 0xd2, // mov x2, 0
    3, 0, 0x80, 0xd2, // mov x3, 0
    0x28, 0x09, 0x80, 0xd2, // mov x8, 73
    1, 0, 0, 0xd4, // svc 0
    0xfa, 0xff, 0xff, 0x17, // b to the beginning
];

/// Makes the tree below `root`, which exists.
pub fn make_tree(root: &Path) -> io::Result<()> {
    for dir in ["bin", "dev", "proc", "sys", "tmp", "run", "etc", "usr", "var"] {
        fs::create_dir(root.join(dir))?;
    }
    for (name, code) in [("bin/true", &CODE[..]), ("bin/pause", &PAUSE[..])] {
        let payload = root.join(name);
        fs::write(&payload, executable(code))?;
        fs::set_permissions(&payload, fs::Permissions::from_mode(0o755))?;
    }
    // systemd-nspawn takes a directory for a system only with this file.
    fs::write(root.join("etc/os-release"), "ID=payload\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_payload_runs_and_exits_with_zero() {
        let dir = tempfile::tempdir().unwrap();
        make_tree(dir.path()).unwrap();
        let status = std::process::Command::new(dir.path().join("bin/true")).status().unwrap();
        assert!(status.success());
    }
}
