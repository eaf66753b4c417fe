//! `validate`: is this XML right?

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use browndog_runtime::launch::prepare;
use browndog_runtime::plan::Request;
use browndog_xml::domain::Domain;
use browndog_xml::report::{Report, github, sarif};
use browndog_xml::schema::{BadVersion, NEWEST, OLDEST, Version};
use browndog_xml::source::Source;
use browndog_xml::visible::visible_json;
use clap::{Args, ValueEnum};

use crate::document::{expanded, open_into};
use crate::exit::Status;
use crate::out::{coloured, complain, printing_as_is};

/// Check documents: every error at once, each with line, column, reason and fix.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  browndog validate domains                         every .xml file below a directory
  generate | browndog validate --format json -      standard input
  browndog validate --deny ignored guest.xml        what has no effect is an error too
  browndog validate --run guest.xml                 what `run` would refuse here is an error too
  browndog validate --libvirt 9.0 guest.xml         for hosts with an old libvirt
  browndog validate --format github domains         annotations in a GitHub workflow
  browndog validate --format sarif . > out.sarif    for code scanning

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
    /// Take for an error also what `run` refuses on this machine: look at what the document names, as `plan` does.
    #[arg(long)]
    run: bool,
    /// Everything has to be known to this libvirt (9.0 to 12.8): what came later is an error.
    #[arg(long, value_name = "VERSION", value_parser = known_libvirt)]
    libvirt: Option<Version>,
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
    /// SARIF 2.1.0, for code scanning and editors.
    Sarif,
    /// Workflow commands, which GitHub shows beside the lines.
    Github,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Deny {
    /// Elements and attributes that have no effect on a container.
    Ignored,
}

/// A version that the tables can tell apart from others.
fn known_libvirt(text: &str) -> Result<Version, String> {
    let version: Version = text.parse().map_err(|error: BadVersion| error.to_string())?;
    if (OLDEST..=NEWEST).contains(&version) {
        return Ok(version);
    }
    Err(format!("browndog knows libvirt {OLDEST} to {NEWEST}"))
}

/// What became of one document.
struct Looked {
    status: Status,
    text: String,
    /// Where the form is one for all documents.
    kept: Option<(Source, Report)>,
}

impl Validate {
    pub(crate) fn perform(self, root: Option<&Path>) -> Status {
        let (files, mut status) = expanded(&self.files);
        let mut looked = self.look_at(&files, root);
        let kept: Vec<_> = looked.iter_mut().filter_map(|one| one.kept.take()).collect();
        let texts: Vec<&str> =
            looked.iter().map(|one| one.text.as_str()).filter(|text| !text.is_empty()).collect();
        status = looked.iter().fold(status, |worst, one| worst.worse(one.status));
        let text = match self.format {
            Format::Human => format!("{}{}", texts.concat(), summary(&looked)),
            Format::Json => visible_json(&format!("[{}]\n", texts.join(",\n"))).into_owned(),
            Format::Jsonl => {
                visible_json(&texts.iter().map(|line| format!("{line}\n")).collect::<String>()).into_owned()
            }
            Format::Sarif => visible_json(&format!("{:#}\n", sarif(&kept))).into_owned(),
            Format::Github => texts.concat(),
        };
        printing_as_is(&text, status)
    }

    fn look_at(&self, files: &[PathBuf], root: Option<&Path>) -> Vec<Looked> {
        // Asked once: the answer is the terminal's, not a document's.
        let colour = self.format == Format::Human && coloured();
        let cpus = || std::thread::available_parallelism().map_or(1, usize::from);
        let jobs = self.jobs.map_or_else(cpus, usize::from).min(files.len());
        if jobs <= 1 {
            let mut memory = Vec::new();
            return files.iter().map(|file| self.look(file, root, colour, &mut memory)).collect();
        }
        let next = AtomicUsize::new(0);
        let done: Mutex<Vec<(usize, Looked)>> = Mutex::new(Vec::with_capacity(files.len()));
        std::thread::scope(|scope| {
            for _ in 0..jobs {
                let _worker = scope.spawn(|| {
                    let (mut memory, mut mine) = (Vec::new(), Vec::new());
                    while let Some((index, file)) = numbered(files, next.fetch_add(1, Ordering::Relaxed)) {
                        mine.push((index, self.look(file, root, colour, &mut memory)));
                    }
                    done.lock().unwrap_or_else(PoisonError::into_inner).extend(mine);
                });
            }
        });
        let mut done = done.into_inner().unwrap_or_else(PoisonError::into_inner);
        done.sort_unstable_by_key(|(index, _)| *index);
        done.into_iter().map(|(_, looked)| looked).collect()
    }

    fn look(&self, file: &Path, root: Option<&Path>, colour: bool, memory: &mut Vec<u8>) -> Looked {
        match open_into(file, std::mem::take(memory)) {
            Ok(source) => self.check(source, root, colour, memory),
            Err(message) => {
                complain(&message, None);
                Looked { status: Status::USAGE, text: String::new(), kept: None }
            }
        }
    }

    fn check(&self, source: Source, root: Option<&Path>, colour: bool, memory: &mut Vec<u8>) -> Looked {
        let reading = browndog_xml::read_for(&source, self.libvirt);
        let mut report: Report = reading.report;
        if let Some(domain) = reading.domain.filter(|_| self.run) {
            try_here(&domain, root, &mut report);
        }
        if self.deny.contains(&Deny::Ignored) {
            report.deny_ignored();
        }
        let status = if report.has_errors() { Status::FAILED } else { Status::DONE };
        let text = match self.format {
            Format::Human => report.render_human(&source, colour),
            Format::Json | Format::Jsonl => report.to_json(&source).to_string(),
            Format::Github => github(&source, &report),
            Format::Sarif => String::new(),
        };
        if self.format == Format::Sarif {
            return Looked { status, text, kept: Some((source, report)) };
        }
        *memory = source.into_bytes();
        Looked { status, text, kept: None }
    }
}

/// Adds what a start would be refused for on this machine. Nothing is changed.
fn try_here(domain: &Domain, root: Option<&Path>, report: &mut Report) {
    let (peers, state) = (crate::life::peers(root, domain), crate::life::state(root));
    let request = Request { peers, state, ..Request::default() };
    let mut prepared = prepare(domain, &request);
    prepared.look_ahead(domain, &request);
    let problems = prepared.plan.problems.into_iter();
    report.refuse(domain, problems.map(|problem| (problem.origin, problem.message, problem.help)));
}

fn numbered(files: &[PathBuf], index: usize) -> Option<(usize, &Path)> {
    files.get(index).map(|file| (index, file.as_path()))
}

/// The closing line for people.
fn summary(looked: &[Looked]) -> String {
    let invalid = looked.iter().filter(|one| one.status == Status::FAILED).count();
    let valid = looked.iter().filter(|one| one.status == Status::DONE).count();
    format!("{valid} valid, {invalid} invalid\n")
}
