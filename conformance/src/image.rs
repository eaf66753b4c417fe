//! Root file systems for containers under test: one static binary and what a program expects around it.

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use crate::probe::NAME;

/// Makes a root below `root` with `binary` as the probe.
pub fn build(root: &Path, binary: &Path) -> io::Result<()> {
    for directory in [
        "dev",
        "proc",
        "sys",
        "tmp",
        "run",
        "root",
        "etc",
        "bin",
        "usr/bin",
        "var/tmp",
        "mnt",
        "data",
        "home/user",
    ] {
        fs::create_dir_all(root.join(directory))?;
    }
    for (directory, mode) in [("", 0o755), ("tmp", 0o1777), ("var/tmp", 0o1777), ("data", 0o755)] {
        fs::set_permissions(root.join(directory), fs::Permissions::from_mode(mode))?;
    }
    let probe = root.join(NAME);
    // One file under many names: a hundred copies would fill the memory of a guest.
    if fs::hard_link(binary, &probe).is_err() {
        let _length = fs::copy(binary, &probe)?;
        fs::set_permissions(&probe, fs::Permissions::from_mode(0o755))?;
    }
    fs::write(
        root.join("etc/passwd"),
        "root:x:0:0:root:/root:/bin/sh\nuser:x:1000:1000::/home/user:/bin/sh\nnobody:x:65534:65534::/:/bin/sh\n",
    )?;
    fs::write(root.join("etc/group"), "root:x:0:\ntty:x:5:\nuser:x:1000:\nnogroup:x:65534:\n")?;
    fs::write(root.join("etc/hostname"), "image\n")
}
