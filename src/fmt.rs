//! `fmt`: documents in their canonical form.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use browndog_xml::source::Source;
use browndog_xml::visible::visible;
use clap::Args;

use crate::document::{expanded, open};
use crate::exit::Status;
use crate::out::{coloured_errors, complain, note_drawn, printing_document};
use crate::replace::replace;

/// Print documents in their canonical form: what libvirt's `dumpxml --inactive` prints, with comments kept.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  browndog fmt guest.xml                            the form of one document, on standard output
  browndog fmt --write domains                      every .xml file below a directory, in place
  browndog fmt --check domains                      which are not in their form? for CI
  generate | browndog fmt -

A file is replaced whole or not at all. One that is invalid is not touched.

Exit status: 0 done, 1 some are invalid, or (--check) not in their form, 2 some could not be read or
written, or usage.")]
pub(crate) struct Fmt {
    /// Documents; `-` is standard input, a directory all .xml files below it.
    #[arg(required = true)]
    files: Vec<PathBuf>,
    /// Change nothing; name the files that are not in their form.
    #[arg(long, conflicts_with = "write")]
    check: bool,
    /// Write the form into the file, where it is not there already.
    #[arg(long)]
    write: bool,
}

impl Fmt {
    pub(crate) fn perform(self) -> Status {
        if self.write && self.files.iter().any(|file| file.as_os_str() == OsStr::new("-")) {
            complain("standard input cannot be written to", Some("leave --write out"));
            return Status::USAGE;
        }
        let (files, mut status) = expanded(&self.files);
        let mut text = String::new();
        for file in &files {
            status = status.worse(self.one(file, &mut text));
        }
        printing_document(text.as_bytes(), status)
    }

    fn one(&self, file: &Path, text: &mut String) -> Status {
        let source = match open(file) {
            Ok(source) => source,
            Err(message) => {
                complain(&message, None);
                return Status::USAGE;
            }
        };
        let form = match browndog_xml::fmt::format(&source) {
            Ok(form) => form,
            Err(report) => {
                note_drawn(report.render_human(&source, coloured_errors()).trim_end());
                return Status::FAILED;
            }
        };
        if self.check {
            return check(&source, &form, text);
        }
        if self.write {
            return write(file, &source, &form);
        }
        text.push_str(&form);
        Status::DONE
    }
}

fn check(source: &Source, form: &str, text: &mut String) -> Status {
    if source.text() == form {
        return Status::DONE;
    }
    let same = |(old, new): &(&str, &str)| old == new;
    let line = source.text().lines().zip(form.lines()).take_while(same).count() + 1;
    text.push_str(&format!("{}:{line}: not in its canonical form\n", visible(source.name())));
    Status::FAILED
}

fn write(file: &Path, source: &Source, form: &str) -> Status {
    if source.text() == form {
        return Status::DONE;
    }
    match replace(file, form.as_bytes()) {
        Ok(()) => Status::DONE,
        Err(error) => {
            complain(&format!("cannot write {}: {error}", file.display()), Some("it is as it was"));
            Status::USAGE
        }
    }
}
