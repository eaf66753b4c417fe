//! `validate` and `explain`: is this XML right, and what does that code mean.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::{fs, io};

use browndog_xml::explain::{all, explain};
use browndog_xml::report::Report;
use browndog_xml::source::Source;
use clap::{Args, ValueEnum};

use crate::document::open;
use crate::exit::Status;
use crate::out::{coloured, complain, note, printing};

/// Check documents: every error at once, each with line, column, reason and fix.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  browndog validate domains                         every .xml file below a directory
  generate | browndog validate --format json -      standard input
  browndog validate --deny ignored guest.xml        what has no effect is an error too

Exit status: 0 all valid, 1 some invalid, 2 some could not be read, or usage.")]
pub(crate) struct Validate {
    /// Documents; `-` is standard input, a directory all .xml files below it.
    #[arg(required = true)]
    files: Vec<PathBuf>,
    /// How to print what was found.
    #[arg(long, value_enum, default_value_t = Format::Human)]
    format: Format,
    /// Take this kind of warning for an error.
    #[arg(long, value_enum)]
    deny: Vec<Deny>,
    /// Documents looked at side by side; as many as there are CPUs without.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    jobs: Option<u16>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// With the lines of the document.
    Human,
    /// One JSON array with an object per document.
    Json,
    /// One object per line.
    Jsonl,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Deny {
    /// Elements and attributes that have no effect on a container.
    Ignored,
}

/// What became of one document.
struct Looked {
    status: Status,
    text: String,
}

impl Validate {
    pub(crate) fn perform(self) -> Status {
        let (files, mut status) = self.expanded();
        let looked = self.look_at(&files);
        let texts: Vec<&str> =
            looked.iter().map(|one| one.text.as_str()).filter(|text| !text.is_empty()).collect();
        status = looked.iter().fold(status, |worst, one| worst.worse(one.status));
        let text = match self.format {
            Format::Human => format!("{}{}", texts.concat(), summary(&looked)),
            Format::Json => format!("[{}]\n", texts.join(",\n")),
            Format::Jsonl => texts.iter().map(|line| format!("{line}\n")).collect(),
        };
        printing(|out| out.write_all(text.as_bytes()).map(|()| status))
    }

    /// The files named, and those below the directories named.
    fn expanded(&self) -> (Vec<PathBuf>, Status) {
        let (mut files, mut status) = (Vec::new(), Status::DONE);
        for path in &self.files {
            let before = files.len();
            if !path.is_dir() {
                files.push(path.clone());
            } else if let Err(error) = below(path, &mut files) {
                complain(&format!("cannot read {}: {error}", path.display()), None);
                status = Status::USAGE;
            } else if files.len() == before {
                complain(&format!("no .xml file below {}", path.display()), None);
                status = Status::USAGE;
            }
        }
        (files, status)
    }

    fn look_at(&self, files: &[PathBuf]) -> Vec<Looked> {
        let cpus = || std::thread::available_parallelism().map_or(1, usize::from);
        let jobs = self.jobs.map_or_else(cpus, usize::from).min(files.len());
        if jobs <= 1 {
            return files.iter().map(|file| self.look(file)).collect();
        }
        let next = AtomicUsize::new(0);
        let done: Mutex<Vec<(usize, Looked)>> = Mutex::new(Vec::with_capacity(files.len()));
        std::thread::scope(|scope| {
            for _ in 0..jobs {
                let _worker = scope.spawn(|| {
                    while let Some((index, file)) = numbered(files, next.fetch_add(1, Ordering::Relaxed)) {
                        let looked = self.look(file);
                        done.lock().unwrap_or_else(PoisonError::into_inner).push((index, looked));
                    }
                });
            }
        });
        let mut done = done.into_inner().unwrap_or_else(PoisonError::into_inner);
        done.sort_unstable_by_key(|(index, _)| *index);
        done.into_iter().map(|(_, looked)| looked).collect()
    }

    fn look(&self, file: &Path) -> Looked {
        match open(file) {
            Ok(source) => self.check(&source),
            Err(message) => {
                complain(&message, None);
                Looked { status: Status::USAGE, text: String::new() }
            }
        }
    }

    fn check(&self, source: &Source) -> Looked {
        let mut report: Report = browndog_xml::read(source).report;
        if self.deny.contains(&Deny::Ignored) {
            report.deny_ignored();
        }
        let status = if report.has_errors() { Status::FAILED } else { Status::DONE };
        let text = match self.format {
            Format::Human => report.render_human(source, coloured()),
            Format::Json | Format::Jsonl => report.to_json(source).to_string(),
        };
        Looked { status, text }
    }
}

fn numbered(files: &[PathBuf], index: usize) -> Option<(usize, &Path)> {
    files.get(index).map(|file| (index, file.as_path()))
}

fn below(dir: &Path, found: &mut Vec<PathBuf>) -> io::Result<()> {
    let mut entries: Vec<_> = fs::read_dir(dir)?.collect::<io::Result<_>>()?;
    entries.sort_unstable_by_key(fs::DirEntry::file_name);
    for entry in entries {
        let path = entry.path();
        // A link to a directory could lead back here.
        if entry.file_type()?.is_dir() {
            below(&path, found)?;
        } else if path.extension().is_some_and(|extension| extension == "xml") {
            found.push(path);
        }
    }
    Ok(())
}

/// The closing line for people.
fn summary(looked: &[Looked]) -> String {
    let invalid = looked.iter().filter(|one| one.status == Status::FAILED).count();
    let valid = looked.iter().filter(|one| one.status == Status::DONE).count();
    format!("{valid} valid, {invalid} invalid\n")
}

/// Explain a diagnostic code: cause, an example of the fault, and of its repair.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  browndog explain BD0005
  browndog explain                                  all codes, a line each

Exit status: 0 explained, 2 no such code.")]
pub(crate) struct Explain {
    /// The code, such as BD0005; all of them without.
    code: Option<String>,
}

impl Explain {
    pub(crate) fn perform(self) -> Status {
        let Some(code) = self.code else {
            let lines: String = all().iter().map(|one| format!("{}  {}\n", one.code, one.title)).collect();
            return printing(|out| out.write_all(lines.as_bytes()).map(|()| Status::DONE));
        };
        let Some(explanation) = explain(&code) else {
            complain(&format!("there is no code {code:?}"), None);
            note("  hint: `browndog explain` lists them");
            return Status::USAGE;
        };
        printing(|out| write!(out, "{explanation}").map(|()| Status::DONE))
    }
}
