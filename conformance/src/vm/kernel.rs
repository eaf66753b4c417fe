//! Kernels to boot: by series out of Debian's archive, installed on this machine, or a file.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde::{Deserialize, Serialize};

use super::archive::{Apt, newest};
use super::{LabError, make_directory, read_file, unpack, write_file};

/// Debian's flavour without drivers for real hardware: small, and boots fast.
const FLAVOUR: &str = "cloud-amd64";

/// A kernel ready to boot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kernel {
    /// What the user asked for: a series, `local`, or a path.
    pub asked: String,
    /// `uname -r` as it will be.
    pub release: String,
    /// The package it came from.
    pub package: Option<String>,
    /// An uncompressed image where it could be extracted, else the packed one.
    pub image: PathBuf,
    /// The directory below which its modules lie.
    pub modules: Option<PathBuf>,
    /// SHA-256 of the image, to notice a damaged cache.
    pub checksum: String,
}

/// Finds the kernel named by a user.
pub fn resolve(asked: &str, cache: &Path) -> Result<Kernel, LabError> {
    if asked.contains('/') {
        return from_file(asked, Path::new(asked), None);
    }
    if asked == "local" || asked.starts_with("local-") {
        return installed(asked, cache);
    }
    let numeric = asked.split('.').all(|part| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit()));
    if !numeric || !asked.contains('.') {
        return Err(LabError::KernelName(asked.to_owned()));
    }
    if let Some(kernel) = cached(asked, cache) {
        return Ok(kernel);
    }
    // Runs side by side want the same kernel: one fetches it, the others find it in the cache.
    let _lock = lock(cache)?;
    cached(asked, cache).map_or_else(|| download(asked, cache), Ok)
}

/// Held while the cache is filled; released when it is dropped.
fn lock(cache: &Path) -> Result<fs::File, LabError> {
    make_directory(cache)?;
    let path = cache.join("lock");
    let io = |what| {
        let path = path.clone();
        move |source| LabError::Io { what, path, source }
    };
    let file = fs::File::create(&path).map_err(io("create"))?;
    file.lock().map_err(io("lock"))?;
    Ok(file)
}

/// The newest kernel of this machine's `/boot`.
fn installed(asked: &str, cache: &Path) -> Result<Kernel, LabError> {
    let wanted = asked.strip_prefix("local").unwrap_or_default();
    let mut images: Vec<PathBuf> = fs::read_dir("/boot")
        .map(|entries| entries.flatten().map(|e| e.path()).collect())
        .unwrap_or_default();
    images.retain(|p| {
        p.file_name().is_some_and(|n| n.to_string_lossy().starts_with(&format!("vmlinuz{wanted}")))
    });
    images.sort();
    let image = images.pop().ok_or_else(|| LabError::NoKernel {
        asked: asked.to_owned(),
        hint: "no vmlinuz in /boot: install a linux-image package, or give a series such as 6.12".into(),
    })?;
    let mut kernel = from_file(asked, &image, Some(Path::new("/lib/modules")))?;
    let place = cache.join("kernels").join(format!("local-{}", kernel.release));
    make_directory(&place)?;
    let plain = place.join("vmlinux");
    if let Ok(elf) = unpack::vmlinux(&read_file(&image)?) {
        write_file(&plain, &elf)?;
        kernel.checksum = checksum(&elf);
        kernel.image = plain;
    }
    Ok(kernel)
}

fn from_file(asked: &str, image: &Path, modules: Option<&Path>) -> Result<Kernel, LabError> {
    let bytes = read_file(image)?;
    let release = release_of(&bytes).unwrap_or_else(|| "unknown".into());
    let modules = modules.map(|m| m.join(&release)).filter(|m| m.is_dir());
    Ok(Kernel {
        asked: asked.to_owned(),
        release,
        package: None,
        image: image.to_owned(),
        modules,
        checksum: checksum(&bytes),
    })
}

/// `kernel_version` of the boot header: an offset to a text whose first word is the release.
fn release_of(image: &[u8]) -> Option<String> {
    if image.get(0x202..0x206) == Some(b"HdrS") {
        let at = usize::from(u16::from_le_bytes(image.get(0x20e..0x210)?.try_into().ok()?)) + 0x200;
        let text = image.get(at..)?;
        let end = text.iter().position(|b| *b == b' ' || *b == 0)?;
        return Some(String::from_utf8_lossy(&text[..end]).into_owned());
    }
    let banner = b"Linux version ";
    let at = image.windows(banner.len()).position(|w| w == banner)? + banner.len();
    let end = image[at..].iter().position(|b| *b == b' ')?;
    Some(String::from_utf8_lossy(&image[at..at + end]).into_owned())
}

/// The record of an earlier download, if its image still has the checksum it was stored with.
fn cached(series: &str, cache: &Path) -> Option<Kernel> {
    let record = cache.join("kernels").join(format!("{series}.json"));
    let kernel: Kernel = serde_json::from_slice(&fs::read(record).ok()?).ok()?;
    let bytes = fs::read(&kernel.image).ok()?;
    (checksum(&bytes) == kernel.checksum).then_some(kernel)
}

fn download(series: &str, cache: &Path) -> Result<Kernel, LabError> {
    let apt = Apt::open(&cache.join("apt"))?;
    let names = apt.names("linux-")?;
    let Some(package) = newest(&names, series, FLAVOUR) else {
        return Err(LabError::NoKernel {
            asked: series.to_owned(),
            hint: format!(
                "the archive has no linux-image-{series}.*-{FLAVOUR}; known: {}",
                known_series(&names)
            ),
        });
    };
    let kernels = cache.join("kernels");
    make_directory(&kernels)?;
    let work = tempfile::Builder::new()
        .prefix(".download-")
        .tempdir_in(&kernels)
        .map_err(|source| LabError::Io { what: "make a directory in", path: kernels.clone(), source })?;
    let tree = work.path().join("tree");
    let mut packages = vec![package.to_owned()];
    // Since 7.x the image package carries the kernel alone.
    packages.extend(package.strip_prefix("linux-binary-").map(|rest| format!("linux-modules-{rest}")));
    for name in packages.iter().filter(|n| names.contains(n)) {
        let file = apt.download(name, work.path())?;
        extract(&file, &tree)?;
    }
    let mut kernel = adopt(series, package, &tree)?;
    let place = kernels.join(package);
    if place.exists() {
        fs::remove_dir_all(&place).map_err(|source| LabError::Io {
            what: "remove",
            path: place.clone(),
            source,
        })?;
    }
    fs::rename(&tree, &place).map_err(|source| LabError::Io {
        what: "move into",
        path: place.clone(),
        source,
    })?;
    kernel.image = place.join("vmlinux");
    kernel.modules = kernel.modules.map(|m| place.join(m));
    let record = serde_json::to_vec_pretty(&kernel).map_err(|e| LabError::Protocol(e.to_string()))?;
    write_file(&kernels.join(format!("{series}.json")), &record)?;
    Ok(kernel)
}

fn known_series(names: &[String]) -> String {
    let series = names.iter().filter(|n| n.ends_with(FLAVOUR)).filter_map(|n| {
        let rest = n.strip_prefix("linux-image-").or_else(|| n.strip_prefix("linux-binary-"))?;
        let mut parts = rest.split('.');
        let (major, minor) = (parts.next()?, parts.next()?);
        (major.parse::<u32>().is_ok() && minor.parse::<u32>().is_ok()).then(|| format!("{major}.{minor}"))
    });
    series.collect::<std::collections::BTreeSet<_>>().into_iter().collect::<Vec<_>>().join(" ")
}

fn extract(package: &Path, tree: &Path) -> Result<(), LabError> {
    let output = Command::new("dpkg-deb")
        .arg("-x")
        .args([package, tree])
        .output()
        .map_err(|source| LabError::MissingTool { tool: "dpkg-deb".into(), package: "dpkg", source })?;
    if output.status.success() {
        return Ok(());
    }
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    Err(LabError::Tool { what: format!("dpkg-deb -x {}", package.display()), output: text })
}

/// Looks at an unpacked package: where the image is, what it is called, and unpacks it further.
fn adopt(series: &str, package: &str, tree: &Path) -> Result<Kernel, LabError> {
    let all: Vec<PathBuf> = walk(tree);
    let image =
        all.iter().find(|p| p.file_name().is_some_and(|n| n.to_string_lossy().starts_with("vmlinuz")));
    let image = image.ok_or_else(|| LabError::NoKernel {
        asked: series.to_owned(),
        hint: format!("{package} holds no vmlinuz"),
    })?;
    let bytes = read_file(image)?;
    let release = release_of(&bytes).unwrap_or_else(|| package.to_owned());
    let plain = unpack::vmlinux(&bytes).unwrap_or(bytes);
    write_file(&tree.join("vmlinux"), &plain)?;
    let modules = ["usr/lib/modules", "lib/modules"].map(|d| Path::new(d).join(&release));
    Ok(Kernel {
        asked: series.to_owned(),
        release,
        package: Some(package.to_owned()),
        image: tree.join("vmlinux"),
        modules: modules.into_iter().find(|m| tree.join(m).is_dir()),
        checksum: checksum(&plain),
    })
}

/// All regular files below a directory.
pub(super) fn walk(top: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut open = vec![top.to_owned()];
    while let Some(directory) = open.pop() {
        for entry in fs::read_dir(&directory).into_iter().flatten().flatten() {
            match entry.file_type() {
                Ok(kind) if kind.is_dir() => open.push(entry.path()),
                Ok(kind) if kind.is_file() => found.push(entry.path()),
                _ => {}
            }
        }
    }
    found
}

/// A named module's file bytes, and those of what it depends on, in loading order.
pub fn modules(kernel: &Kernel, wanted: &[&str]) -> Result<Vec<(String, Vec<u8>)>, LabError> {
    let Some(top) = &kernel.modules else { return Ok(Vec::new()) };
    let by_name: BTreeMap<String, PathBuf> = walk(top)
        .into_iter()
        .filter_map(|path| {
            let file = path.file_name()?.to_string_lossy().into_owned();
            let stem = file.split_once(".ko")?.0.replace('-', "_");
            Some((stem, path))
        })
        .collect();
    let mut loaded: Vec<(String, Vec<u8>)> = Vec::new();
    for name in wanted {
        add_module(name, &by_name, &mut loaded)?;
    }
    Ok(loaded)
}

/// A module that is not there is built in, or this kernel has none: the guest shows which.
fn add_module(
    name: &str,
    by_name: &BTreeMap<String, PathBuf>,
    loaded: &mut Vec<(String, Vec<u8>)>,
) -> Result<(), LabError> {
    let Some(path) = by_name.get(name) else { return Ok(()) };
    if loaded.iter().any(|(done, _)| done == name) {
        return Ok(());
    }
    let bytes = unpack::decompress(&read_file(path)?).map_err(|e| LabError::Protocol(e.to_string()))?;
    for first in unpack::depends(&bytes) {
        add_module(&first, by_name, loaded)?;
    }
    loaded.push((name.to_owned(), bytes));
    Ok(())
}

/// SHA-256. It finds damage of the disk, not an adversary: who can write the cache can write the
/// record too; apt has verified the archive's signature at download.
fn checksum(bytes: &[u8]) -> String {
    use sha2::Digest;
    sha2::Sha256::digest(bytes).iter().map(|b| format!("{b:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[rstest::rstest]
    #[case("6")]
    #[case("newest")]
    #[case("6.")]
    #[case("")]
    fn a_name_that_is_no_series_is_refused(#[case] asked: &str) {
        let cache = tempfile::tempdir().expect("temp");
        assert!(matches!(resolve(asked, cache.path()), Err(LabError::KernelName(_))));
    }

    #[test]
    fn a_missing_file_is_named() {
        let cache = tempfile::tempdir().expect("temp");
        let error = resolve("/nowhere/vmlinuz", cache.path()).expect_err("missing");
        assert!(error.to_string().contains("/nowhere/vmlinuz"), "{error}");
    }

    #[test]
    fn a_damaged_cache_entry_is_not_used() {
        let cache = tempfile::tempdir().expect("temp");
        let image = cache.path().join("vmlinux");
        fs::write(&image, b"one").expect("write");
        fs::create_dir(cache.path().join("kernels")).expect("mkdir");
        let kernel = Kernel {
            asked: "6.1".into(),
            release: "6.1.0".into(),
            package: None,
            image: image.clone(),
            modules: None,
            checksum: checksum(b"one"),
        };
        let record = serde_json::to_vec(&kernel).expect("json");
        fs::write(cache.path().join("kernels/6.1.json"), record).expect("write");
        assert_eq!(cached("6.1", cache.path()), Some(kernel));
        fs::write(&image, b"two").expect("write");
        assert_eq!(cached("6.1", cache.path()), None);
    }
}
