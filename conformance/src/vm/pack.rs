//! A program of this machine for a guest: its file and the shared libraries it is linked to.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::{GuestFile, LabError, read_file};

/// The program below `/usr/bin`, and its libraries where it looks for them.
pub fn program(path: &Path) -> Result<Vec<GuestFile>, LabError> {
    let name = path.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
    let mut files =
        vec![GuestFile { path: format!("usr/bin/{name}"), mode: 0o755, content: read_file(path)? }];
    for library in libraries(path) {
        let content = read_file(&library)?;
        let place = library.to_string_lossy().trim_start_matches('/').to_owned();
        files.push(GuestFile { path: place, mode: 0o755, content });
    }
    Ok(files)
}

/// What `ldd` lists; nothing for a static program, for which it fails.
fn libraries(path: &Path) -> Vec<PathBuf> {
    let Ok(output) = Command::new("ldd").arg(path).output() else { return Vec::new() };
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    text.lines()
        .filter_map(|line| line.split_whitespace().find(|w| w.starts_with('/')).map(PathBuf::from))
        .collect()
}
