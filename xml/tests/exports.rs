//! The grammar made from the tables takes whatever the checker takes; xmllint says so.

use std::path::{Path, PathBuf};
use std::process::Command;

use browndog_xml::generate::Generator;
use browndog_xml::read;
use browndog_xml::source::Source;

fn documents() -> Vec<(String, String)> {
    let mut found = Vec::new();
    let own = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/accept");
    let named = std::env::var_os("BROWNDOG_CORPUS").map(PathBuf::from);
    let corpus = named.unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/corpus"));
    for directory in [own, corpus.join("accept"), corpus.join("rfc2008")] {
        let Ok(entries) = std::fs::read_dir(&directory) else { continue };
        for entry in entries {
            let path = entry.expect("a directory lists its entries").path();
            let Ok(text) = std::fs::read_to_string(&path) else { continue };
            found.push((path.display().to_string(), text));
        }
    }
    let mut seed = 0x2545_F491_4F6C_DD1D_u64;
    for number in 0..150 {
        let bytes: Vec<u8> = (0..1500)
            .map(|_| {
                seed ^= seed << 13;
                seed ^= seed >> 7;
                seed ^= seed << 17;
                seed as u8
            })
            .collect();
        found.push((format!("generated {number}"), Generator::new(&bytes).document()));
    }
    found
}

#[test]
fn what_the_checker_takes_the_grammar_takes() {
    if Command::new("xmllint").arg("--version").output().is_err() {
        eprintln!("skipped: xmllint is not installed (libxml2-utils)");
        return;
    }
    let directory = std::env::temp_dir().join(format!("browndog-exports-{}", std::process::id()));
    std::fs::create_dir_all(&directory).expect("a temporary directory can be made");
    let mut files = Vec::new();
    for (name, text) in documents() {
        if read(&Source::new(name.clone(), text.clone())).domain.is_none() {
            continue;
        }
        let path = directory.join(format!("{}.xml", files.len()));
        std::fs::write(&path, text).expect("a temporary file can be written");
        files.push((name, path));
    }
    assert!(files.len() > 1, "there are documents");
    let grammar = Path::new(env!("CARGO_MANIFEST_DIR")).join("domain.rng");
    let output = Command::new("xmllint")
        .args(["--noout", "--relaxng"])
        .arg(grammar)
        .args(files.iter().map(|(_, path)| path))
        .output()
        .expect("xmllint runs");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    let refused: Vec<&str> = files
        .iter()
        .filter(|(_, path)| !said.contains(&format!("{} validates\n", path.display())))
        .map(|(name, _)| name.as_str())
        .collect();
    std::fs::remove_dir_all(&directory).expect("the temporary directory can be removed");
    let relevant: Vec<&str> = said.lines().filter(|line| line.contains("error")).take(5).collect();
    assert!(refused.is_empty(), "{} of {} refused: {refused:?}\n{relevant:#?}", refused.len(), files.len());
}
