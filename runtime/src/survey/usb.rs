//! USB devices of the host, by what sysfs says of them (`/sys/bus/usb/devices`).

use std::fs;
use std::path::Path;

use nix::errno::Errno;

/// Which device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// By what it is.
    Id {
        /// Vendor.
        vendor: u16,
        /// Product.
        product: u16,
    },
    /// By where it is plugged in.
    Address {
        /// Bus.
        bus: u32,
        /// Device on the bus.
        device: u32,
    },
}

impl std::fmt::Display for Wanted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Id { vendor, product } => write!(f, "USB device {vendor:04x}:{product:04x}"),
            Self::Address { bus, device } => write!(f, "USB device {device} of bus {bus}"),
        }
    }
}

/// Where the host has the devices' files.
pub const SYSFS: &str = "/sys/bus/usb/devices";

/// The device's node below `/dev/bus/usb`.
///
/// # Errors
/// ENODEV where there is none, ENOTUNIQ where several are of this make and nobody says which.
pub fn find(sysfs: &Path, wanted: Wanted) -> Result<String, Errno> {
    let entries = fs::read_dir(sysfs).map_err(|_| Errno::ENODEV)?;
    let mut found = Vec::new();
    for entry in entries.flatten() {
        let read = |file: &str| fs::read_to_string(entry.path().join(file)).ok();
        let decimal = |file: &str| read(file)?.trim().parse::<u32>().ok();
        let hexadecimal = |file: &str| u16::from_str_radix(read(file)?.trim(), 16).ok();
        // Interfaces of a device stand beside it, without a number of their own.
        let (Some(bus), Some(device)) = (decimal("busnum"), decimal("devnum")) else { continue };
        let fits = match wanted {
            Wanted::Address { bus: b, device: d } => (b, d) == (bus, device),
            Wanted::Id { vendor, product } => {
                (hexadecimal("idVendor"), hexadecimal("idProduct")) == (Some(vendor), Some(product))
            }
        };
        if fits {
            found.push(format!("/dev/bus/usb/{bus:03}/{device:03}"));
        }
    }
    match found.len() {
        0 => Err(Errno::ENODEV),
        1 => Ok(found.remove(0)),
        _ => Err(Errno::ENOTUNIQ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    /// Two mice of the same make, a disk, a root hub, and an interface of the disk.
    fn tree() -> tempfile::TempDir {
        let dir = tempfile::tempdir().expect("a directory");
        let device = |name: &str, files: &[(&str, &str)]| {
            let path = dir.path().join(name);
            fs::create_dir(&path).expect("a directory");
            for (file, value) in files {
                fs::write(path.join(file), format!("{value}\n")).expect("a file");
            }
        };
        device("usb1", &[("busnum", "1"), ("devnum", "1"), ("idVendor", "1d6b"), ("idProduct", "0002")]);
        device("1-1", &[("busnum", "1"), ("devnum", "4"), ("idVendor", "046d"), ("idProduct", "c077")]);
        device("2-1", &[("busnum", "2"), ("devnum", "12"), ("idVendor", "046d"), ("idProduct", "c077")]);
        device("1-2", &[("busnum", "1"), ("devnum", "5"), ("idVendor", "0781"), ("idProduct", "5581")]);
        device("1-2:1.0", &[("bInterfaceClass", "08")]);
        dir
    }

    #[rstest]
    #[case(Wanted::Id { vendor: 0x0781, product: 0x5581 }, Ok("/dev/bus/usb/001/005"))]
    #[case(Wanted::Address { bus: 2, device: 12 }, Ok("/dev/bus/usb/002/012"))]
    #[case(Wanted::Id { vendor: 0x046d, product: 0xc077 }, Err(Errno::ENOTUNIQ))]
    #[case(Wanted::Id { vendor: 0x046d, product: 1 }, Err(Errno::ENODEV))]
    #[case(Wanted::Address { bus: 9, device: 9 }, Err(Errno::ENODEV))]
    fn a_device_is_found_by_make_and_by_place(#[case] wanted: Wanted, #[case] node: Result<&str, Errno>) {
        assert_eq!(find(tree().path(), wanted), node.map(str::to_owned));
    }

    #[test]
    fn a_machine_without_usb_has_no_device() {
        let dir = tempfile::tempdir().expect("a directory");
        let wanted = Wanted::Address { bus: 1, device: 1 };
        assert_eq!(find(&dir.path().join("none"), wanted), Err(Errno::ENODEV));
    }
}
