//! What libxml2 says of a document's markup.

use std::path::Path;
use std::process::{Command, Stdio};

/// Whether libxml2 finds each of these documents well-formed, by its namespaces as well; `None` where
/// there is no xmllint.
pub fn xmllint(documents: &[&[u8]]) -> Option<Vec<bool>> {
    if Command::new("xmllint").arg("--version").stderr(Stdio::null()).status().is_err() {
        return None;
    }
    let directory = tempfile::tempdir().expect("a directory can be made");
    let name = |number: usize| format!("{number}.xml");
    for (number, bytes) in documents.iter().enumerate() {
        std::fs::write(directory.path().join(name(number)), bytes).expect("a file can be written");
    }
    let mut good = vec![true; documents.len()];
    let numbers: Vec<usize> = (0..documents.len()).collect();
    for part in numbers.chunks(200) {
        said_of(directory.path(), &part.iter().map(|&number| name(number)).collect::<Vec<_>>(), &mut good);
    }
    Some(good)
}

/// Marks the files that libxml2 has an error for: `NUMBER.xml:LINE: parser error : …`. That a namespace's
/// name is no URI is an error for libxml2 and none of well-formedness.
fn said_of(directory: &Path, names: &[String], good: &mut [bool]) {
    let output = Command::new("xmllint")
        .args(["--noout", "--nonet"])
        .args(names)
        .current_dir(directory)
        .output()
        .expect("xmllint ran before");
    for line in String::from_utf8_lossy(&output.stderr).lines() {
        let Some((number, rest)) = line.split_once(".xml:") else { continue };
        let Ok(number) = number.parse::<usize>() else { continue };
        let Some((_, kind)) = rest.split_once(": ") else { continue };
        if kind.starts_with("parser error")
            || kind.starts_with("namespace error") && !kind.contains("is not a valid URI")
        {
            good[number] = false;
        }
    }
}
