//! Files that a converted file names: read only where the user has said, and only if they are files.
//!
//! Who writes a configuration for another to convert must not read with that one's eyes, nor keep him waiting.

use std::ffi::OsStr;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Component, Path, PathBuf};

use browndog_runtime::foreign::{self, Unread};
use browndog_xml::source::Source;
use nix::dir::Dir;
use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::sys::stat::{Mode, SFlag, fstat};

/// Where lxc's package keeps what nearly every configuration includes.
const PACKAGE: &str = "/usr/share/lxc/config";

/// A file that is included is not read further (bytes).
const FILE_MAX: u64 = 1 << 20;

/// Most names of a directory that are looked at.
const NAMES_MAX: usize = 4096;

/// The directories whose files may be included.
#[derive(Debug)]
pub(crate) struct Places {
    places: Vec<Place>,
    /// What relative paths are relative to.
    base: PathBuf,
    /// Where absolute ones are looked up, in the place of the root.
    root: Option<OwnedFd>,
}

#[derive(Debug)]
struct Place {
    /// Its path, as it was given and without links.
    paths: [PathBuf; 2],
    dir: OwnedFd,
}

impl Places {
    /// The directory of `file`, what `more` names, and lxc's own.
    pub(crate) fn new(file: &Path, more: &[PathBuf], root: Option<&Path>) -> Result<Self, String> {
        let current = std::env::current_dir().unwrap_or_else(|_| "/".into());
        let above = file.parent().filter(|_| file.as_os_str() != OsStr::new("-"));
        let base = current.join(above.unwrap_or(Path::new("")));
        let place = |path: &Path| -> std::io::Result<Place> {
            let real = path.canonicalize()?;
            let dir = foreign::look(&real)?;
            if !is(&dir, SFlag::S_IFDIR) {
                return Err(Errno::ENOTDIR.into());
            }
            Ok(Place { paths: [path.to_owned(), real], dir })
        };
        let mut places: Vec<Place> = place(&base).into_iter().collect();
        let asked = |path: &Path| {
            let path = current.join(path);
            place(&path).map_err(|error| format!("cannot read {}: {error}", path.display()))
        };
        for path in more {
            places.push(asked(path)?);
        }
        places.extend(place(Path::new(PACKAGE)));
        let root = root.map(asked).transpose()?.map(|place| place.dir);
        Ok(Self { places, base, root })
    }

    /// The file behind a path, or the `*.conf` files of the directory behind it.
    pub(crate) fn read(&self, path: &str) -> Result<Vec<Source>, String> {
        let (path, named) = (self.base.join(path), path);
        let (place, rest) = match (&self.root, named.strip_prefix('/')) {
            (Some(root), Some(rest)) => (root.as_fd(), PathBuf::from(rest.trim_start_matches('/'))),
            _ => {
                let (place, rest) = self.place_of(&path).ok_or_else(|| outside(named))?;
                (place.dir.as_fd(), rest)
            }
        };
        let found = foreign::look_beneath(place, &rest);
        let found = found
            .map_err(|errno| if errno == Errno::EXDEV { outside(named) } else { cannot(named, errno) })?;
        if !is(&found, SFlag::S_IFDIR) {
            return Ok(vec![self::read(&found, named)?]);
        }
        let mut names = Vec::new();
        let link = format!("/proc/self/fd/{}", found.as_raw_fd());
        let dir = Dir::open(link.as_str(), OFlag::O_DIRECTORY | OFlag::O_RDONLY, Mode::empty());
        for entry in dir.map_err(|errno| cannot(named, errno))?.iter().take(NAMES_MAX) {
            let entry = entry.map_err(|errno| cannot(named, errno))?;
            let name = PathBuf::from(OsStr::from_bytes(entry.file_name().to_bytes()));
            names.extend(Some(name).filter(|name| name.extension() == Some(OsStr::new("conf"))));
        }
        names.sort_unstable();
        let mut files = Vec::new();
        for name in names {
            let shown = Path::new(named).join(&name).to_string_lossy().into_owned();
            let found = foreign::look_beneath(place, &rest.join(&name));
            let found =
                found.map_err(
                    |errno| if errno == Errno::EXDEV { outside(&shown) } else { cannot(&shown, errno) },
                )?;
            files.push(self::read(&found, &shown)?);
        }
        Ok(files)
    }

    fn place_of(&self, path: &Path) -> Option<(&Place, PathBuf)> {
        // A part `..` is for the kernel to judge, which does not follow it out of the place.
        let of = |place: &'_ Place| {
            let rest = place.paths.iter().find_map(|dir| path.strip_prefix(dir).ok())?;
            Some(rest.components().filter(|part| *part != Component::CurDir).collect::<PathBuf>())
        };
        self.places.iter().find_map(|place| Some((place, of(place)?)))
    }
}

fn is(fd: &OwnedFd, kind: SFlag) -> bool {
    fstat(fd).is_ok_and(|stat| SFlag::from_bits_truncate(stat.st_mode) & SFlag::S_IFMT == kind)
}

fn read(found: &OwnedFd, name: &str) -> Result<Source, String> {
    let bytes =
        foreign::read(found.as_fd(), FILE_MAX + 1).map_err(|why| format!("cannot read {name}: {why}"))?;
    if bytes.len() as u64 > FILE_MAX {
        return Err(format!("{name} is larger than {FILE_MAX} bytes"));
    }
    Ok(Source::from_bytes(name, bytes))
}

fn cannot(path: &str, errno: Errno) -> String {
    format!("cannot read {path}: {}", Unread::Errno(errno))
}

/// Whether it is there is not said.
fn outside(path: &str) -> String {
    format!(
        "{path} is not below the directory of the file, and is not read; --include-from DIR allows another"
    )
}
