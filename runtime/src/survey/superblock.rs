//! What is on a block device or in an image: the file system by its magic number, or what else it is.
//!
//! A table and no library: a file system that the kernel is asked to mount by the wrong name refuses by
//! itself, so all this has to do is name it.

use std::fs::File;
use std::os::unix::fs::FileExt;

/// What was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Contents {
    /// A file system, by the kernel's name.
    Filesystem(&'static str),
    /// Something that has to be opened first.
    Other(&'static str),
    /// Nothing that the table knows.
    Unknown,
}

use Contents::{Filesystem, Other};

/// Offset, magic number, meaning; the first that fits.
const MAGIC: &[(u64, &[u8], Contents)] = &[
    (0, b"XFSB", Filesystem("xfs")),
    (0, b"hsqs", Filesystem("squashfs")),
    (0, &[0x45, 0x3d, 0xcd, 0x28], Filesystem("cramfs")),
    (0, b"-rom1fs-", Filesystem("romfs")),
    (0, b"LUKS\xba\xbe", Other("an encrypted volume: open it with cryptsetup(8) and name the mapped device")),
    (0, b"QFI\xfb", Other("a qcow2 image: only raw images can be mounted (qemu-img convert -O raw)")),
    (0, b"KDMV", Other("a VMDK image: only raw images can be mounted (qemu-img convert -O raw)")),
    (0, &[0x1f, 0x8b], Other("compressed with gzip: unpack it first")),
    (0, &[0xfd, b'7', b'z', b'X', b'Z'], Other("compressed with xz: unpack it first")),
    (0, &[0x28, 0xb5, 0x2f, 0xfd], Other("compressed with zstd: unpack it first")),
    (3, b"NTFS    ", Filesystem("ntfs3")),
    (3, b"EXFAT   ", Filesystem("exfat")),
    (54, b"FAT", Filesystem("vfat")),
    (82, b"FAT32", Filesystem("vfat")),
    (1024, &[0xe2, 0xe1, 0xf5, 0xe0], Filesystem("erofs")),
    (1024, &[0x10, 0x20, 0xf5, 0xf2], Filesystem("f2fs")),
    // Also for what ext2 and ext3 wrote.
    (1080, &[0x53, 0xef], Filesystem("ext4")),
    (65_600, b"_BHRfS_M", Filesystem("btrfs")),
    (32_769, b"CD001", Filesystem("iso9660")),
    (512, b"LABELONE", Other("a volume of LVM: activate it and name the logical volume")),
    (512, b"EFI PART", Other("a partition table: name a partition (losetup --partscan for an image)")),
    (4086, b"SWAPSPACE2", Other("swap space")),
    (510, &[0x55, 0xaa], Other("a partition table: name a partition (losetup --partscan for an image)")),
];

/// Looks at what `file` holds.
///
/// # Errors
/// The error of the first read; a short file is no error.
pub fn look(file: &File) -> std::io::Result<Contents> {
    for (offset, magic, contents) in MAGIC {
        let mut bytes = [0_u8; 16];
        let bytes = &mut bytes[..magic.len()];
        match file.read_exact_at(bytes, *offset) {
            Ok(()) if bytes == *magic => return Ok(*contents),
            Ok(()) => {}
            Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => {}
            Err(error) => return Err(error),
        }
    }
    Ok(Contents::Unknown)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    fn image(offset: u64, magic: &[u8]) -> File {
        let file = tempfile::tempfile().expect("a file");
        file.set_len(1 << 20).expect("a size");
        file.write_all_at(magic, offset).expect("a magic number");
        file
    }

    #[test]
    fn every_row_of_the_table_is_found_at_its_place() {
        for (offset, magic, contents) in MAGIC {
            assert_eq!(look(&image(*offset, magic)).expect("readable"), *contents, "{offset} {magic:?}");
        }
    }

    #[rstest]
    #[case::empty(0)]
    #[case::short(7)]
    #[case::zeroes(1 << 20)]
    fn what_holds_nothing_is_unknown(#[case] length: u64) {
        let file = tempfile::tempfile().expect("a file");
        file.set_len(length).expect("a size");
        assert_eq!(look(&file).expect("readable"), Contents::Unknown);
    }
}
