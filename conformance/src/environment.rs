//! What a kernel may lack, declared: a probe that meets a missing feature is believed only if the
//! table says that this kernel has not got it.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Major and minor number of a kernel.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct KernelVersion(pub u32, pub u32);

impl KernelVersion {
    /// Reads `6.12.117+deb13-cloud-amd64` and the like.
    pub fn parse(release: &str) -> Self {
        let mut numbers = release.split(|c: char| !c.is_ascii_digit()).map(|n| n.parse().unwrap_or(0));
        Self(numbers.next().unwrap_or(0), numbers.next().unwrap_or(0))
    }
    /// The running kernel's.
    pub fn running() -> Self {
        nix::sys::utsname::uname().map_or(Self(0, 0), |name| Self::parse(&name.release().to_string_lossy()))
    }
}

impl fmt::Display for KernelVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.0, self.1)
    }
}

/// A feature, and the first kernel that has it.
#[derive(Clone, Copy, Debug)]
pub struct Feature {
    /// Name used in facts.
    pub name: &'static str,
    /// First kernel.
    pub since: KernelVersion,
    /// May be compiled out, or be absent on a machine: then its absence is believed on any kernel.
    pub optional: bool,
}

const fn feature(name: &'static str, major: u32, minor: u32, optional: bool) -> Feature {
    Feature { name, since: KernelVersion(major, minor), optional }
}

/// Everything a probe may report as missing.
pub const FEATURES: [Feature; 29] = [
    feature("cgroup.kill", 5, 14, false),
    feature("mount_setattr", 5, 12, false),
    feature("idmapped mounts", 5, 12, true),
    feature("time namespace", 5, 6, true),
    feature("time namespace that exec enters", 6, 3, false),
    feature("clone3", 5, 3, false),
    feature("clone into cgroup", 5, 7, false),
    feature("statmount", 6, 8, false),
    feature("listmount", 6, 8, false),
    feature("per-namespace pid_max", 6, 14, false),
    feature("nsfs mount iteration", 6, 12, false),
    feature("memory.peak", 5, 19, true),
    feature("pidfd_open", 5, 3, false),
    feature("close_range", 5, 9, false),
    feature("openat2", 5, 6, false),
    feature("MDWE", 6, 3, false),
    feature("io_uring", 5, 1, true),
    feature("landlock", 5, 13, true),
    feature("cgroup v1 memory", 2, 6, true),
    feature("cgroup v1 cpuset", 2, 6, true),
    feature("swap accounting", 4, 5, true),
    feature("binfmt_misc", 2, 1, true),
    feature("AppArmor", 2, 6, true),
    feature("user namespaces", 3, 8, true),
    feature("vsock", 3, 9, true),
    feature("x32", 3, 4, true),
    feature("i386 emulation", 2, 6, true),
    feature("memory policies", 2, 6, true),
    feature("filters that can be read", 4, 4, true),
];

/// Why a missing feature is to be believed, or why it is not.
pub fn believe(name: &str, kernel: KernelVersion) -> Result<String, String> {
    match FEATURES.iter().find(|f| f.name == name) {
        None => Err(format!("the probe reports {name:?} as missing, which is not in the table of features")),
        Some(f) if kernel < f.since => Ok(format!("kernel {kernel} has no {name}; it came with {}", f.since)),
        Some(f) if f.optional => Ok(format!("this kernel ({kernel}) was built without {name}")),
        Some(f) => Err(format!(
            "kernel {kernel} should have {name} (since {}), but the probe found it missing",
            f.since
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[rstest::rstest]
    #[case("statmount", KernelVersion(6, 1), true)]
    #[case("statmount", KernelVersion(6, 12), false)]
    #[case("time namespace", KernelVersion(6, 12), true)]
    #[case("time namespace that exec enters", KernelVersion(5, 10), true)]
    #[case("time namespace that exec enters", KernelVersion(6, 3), false)]
    #[case("no such thing", KernelVersion(6, 12), false)]
    fn a_missing_feature_is_believed_only_where_the_table_says_so(
        #[case] name: &str,
        #[case] kernel: KernelVersion,
        #[case] believed: bool,
    ) {
        assert_eq!(believe(name, kernel).is_ok(), believed);
    }

    #[test]
    fn releases_are_read_by_their_first_two_numbers() {
        assert_eq!(KernelVersion::parse("6.12.117+deb13-cloud-amd64"), KernelVersion(6, 12));
        assert_eq!(KernelVersion::parse("7.3-rc1"), KernelVersion(7, 3));
    }
}
