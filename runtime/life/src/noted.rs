//! What was attached to a domain while it runs, by what it is known again: a file beside the record, of one init
//! alone. After a reboot of the domain the kernel has made everything anew.

use std::path::PathBuf;

use browndog_runtime::exec::noted::Noted;
use serde::{Deserialize, Serialize};

use crate::atomic::{self, Keep};
use crate::error::{LifeError, Result};
use crate::files;
use crate::layout::Layout;
use crate::process::{ProcessId, boot_id};
use crate::record::Record;

/// The format of the file; one of another format is not used.
const VERSION: u64 = 1;

#[derive(Debug, Serialize, Deserialize)]
struct File {
    version: u64,
    boot: String,
    init: ProcessId,
    noted: Noted,
}

pub(crate) fn path(layout: &Layout, name: &str) -> PathBuf {
    layout.domain(name).join("attached.json")
}

/// What was noted for the init of this record; nothing where there is no file of its, or one that says nothing.
///
/// # Errors
/// A file that cannot be read.
pub fn read(layout: &Layout, record: &Record) -> Result<Noted> {
    let path = path(layout, &record.name);
    let text = match files::read(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Noted::default()),
        Err(error) => return Err(LifeError::file("read", &path, error)),
    };
    let file = serde_json::from_slice::<File>(&text).ok();
    let file = file.filter(|file| file.version == VERSION && file.boot == boot_id());
    Ok(file.filter(|file| Some(file.init) == record.init).map(|file| file.noted).unwrap_or_default())
}

/// Notes it; the caller holds the domain's lock.
///
/// # Errors
/// The I/O error, with the path of the file that it is about.
pub fn write(layout: &Layout, record: &Record, noted: Noted) -> Result<()> {
    let Some(init) = record.init else { return Ok(()) };
    let file = File { version: VERSION, boot: boot_id().to_owned(), init, noted };
    let mut text = serde_json::to_vec(&file).unwrap_or_default();
    text.push(b'\n');
    atomic::write(&path(layout, &record.name), &text, Keep::Boot)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use browndog_runtime::exec::noted::NotedLink;

    use super::*;

    #[test]
    fn notes_are_of_one_init_and_one_boot() {
        let dir = tempfile::tempdir().unwrap();
        let layout = Layout::new(Some(dir.path())).unwrap();
        crate::layout::make_dir(&layout.domain("web")).unwrap();
        let init = ProcessId { pid: 7, start: 9 };
        let record = Record { init: Some(init), ..Record::starting("web", "u") };
        assert_eq!(read(&layout, &record).unwrap(), Noted::default());
        let links = vec![NotedLink { name: "eth0".into(), index: 3 }];
        let noted = Noted { links, ..Noted::default() };
        write(&layout, &record, noted.clone()).unwrap();
        assert_eq!(read(&layout, &record).unwrap(), noted);
        let later = Record { init: Some(ProcessId { start: 10, ..init }), ..record.clone() };
        assert_eq!(read(&layout, &later).unwrap(), Noted::default());
        let text = fs::read_to_string(path(&layout, "web")).unwrap();
        for other in [
            text.replace("\"version\":1", "\"version\":2"),
            text.replace(boot_id(), "another"),
            "{".to_owned(),
        ] {
            assert_ne!(other, text);
            fs::write(path(&layout, "web"), other).unwrap();
            assert_eq!(read(&layout, &record).unwrap(), Noted::default());
        }
    }
}
