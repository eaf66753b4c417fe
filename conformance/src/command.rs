//! The verbs of `browndog conformance`, for the command line to hand on.

use std::path::PathBuf;

use crate::checks;
use crate::mutants;
use crate::outputs::OutputArgs;
use crate::report::{self, Format, render};
use crate::requirement::Severity;
use crate::run::{Event, Options, RunError, RunReport, Selection, end_in_order, run};
use crate::vm::job::{CgroupLayout, Command, Ended};
use crate::vm::{GuestFile, Lab};

/// `browndog conformance VERB`.
#[derive(Debug, clap::Subcommand)]
pub enum Verb {
    /// Runs the checks and reports each verdict with the fact observed.
    Run(RunArgs),
    /// Lists the checks.
    List(ListArgs),
    /// Explains one check: sentence, source, scene.
    Explain {
        /// Id, such as pid-01.
        id: String,
    },
    /// Plays scenes and prints the facts they gather, without judging.
    Facts(FactsArgs),
    /// Prints the faults that browndog's plans for the scenes allow.
    #[command(hide = true)]
    Plans,
    /// Compares two reports (JSON): exit status 1 where something got worse.
    Compare {
        /// The earlier one.
        before: PathBuf,
        /// The later one.
        after: PathBuf,
    },
    /// Makes one report of several (JSON): shards of one run, or several runtimes and kernels.
    Merge(MergeArgs),
    /// Boots a kernel, runs one command there, and hands back its output and status.
    Vm(VmArgs),
    /// Seeds one fault after the other into browndog, in guests, and shows which checks caught it.
    Mutants(mutants::verb::MutantArgs),
    /// Writes the page of what made each check fail, from reports of runtimes with a fault.
    Killers(crate::killers::KillerArgs),
    /// Plays scenes with one fault seeded into browndog, in a guest.
    #[command(hide = true)]
    Mutant(mutants::inside::OneArgs),
}

/// Options of `conformance merge`.
#[derive(Clone, Debug, clap::Args)]
pub struct MergeArgs {
    /// Reports.
    #[arg(required = true)]
    pub reports: Vec<PathBuf>,
    /// Form of the merged report on standard output.
    #[arg(long, value_enum, default_value = "json")]
    pub format: Format,
    /// Where it goes as well.
    #[command(flatten)]
    pub outputs: OutputArgs,
}

/// Options of `conformance facts`.
#[derive(Clone, Debug, clap::Args)]
pub struct FactsArgs {
    /// Runtime.
    #[arg(long, default_value = "browndog")]
    pub runtime: String,
    /// Scenes; all without.
    pub scenes: Vec<String>,
    /// The browndog binary to test, where it is not this one.
    #[arg(long, value_name = "PATH")]
    pub binary: Option<PathBuf>,
}

/// Options of `conformance vm`.
#[derive(Clone, Debug, clap::Args)]
pub struct VmArgs {
    /// Kernel: a series such as 6.12, local, or a path.
    #[arg(long, value_name = "KERNEL", default_value = "6.12")]
    pub kernel: String,
    /// Control group layout of the guest.
    #[arg(long, value_enum, default_value = "v2")]
    pub cgroups: CgroupLayout,
    /// Memory of the guest in MiB.
    #[arg(long, default_value_t = 512, value_name = "MIB")]
    pub memory: u32,
    /// Takes a file along: PATH here, or PATH:PATH there.
    #[arg(long = "file", value_name = "HERE[:THERE]")]
    pub files: Vec<String>,
    /// Takes a program of this machine and its libraries along.
    #[arg(long = "program", value_name = "PATH")]
    pub programs: Vec<PathBuf>,
    /// Gives the guest an image as a disk: /dev/vda, then /dev/vdb; what it writes there is not kept.
    #[arg(long = "disk", value_name = "IMAGE")]
    pub disks: Vec<PathBuf>,
    /// Time limit in seconds.
    #[arg(long, default_value_t = 300, value_name = "S")]
    pub timeout: u64,
    /// The browndog binary to take along, where it is not this one.
    #[arg(long, value_name = "PATH")]
    pub binary: Option<PathBuf>,
    /// Command in the guest; browndog is `browndog` there.
    #[arg(last = true, required = true)]
    pub argv: Vec<String>,
}

/// Options of `conformance run`.
#[derive(Clone, Debug, clap::Args)]
pub struct RunArgs {
    /// Runtime: browndog, runc, crun, youki, bwrap, lxc, libvirt, nspawn, null [default: browndog].
    #[arg(long = "runtime", value_name = "NAME", value_delimiter = ',')]
    pub runtimes: Vec<String>,
    /// Any program that takes the OCI runtimes' commands, with options before them if need be.
    #[arg(long = "runtime-cmd", value_name = "COMMAND")]
    pub commands: Vec<String>,
    /// Boot these kernels (series such as 6.12, or local) and run there.
    #[arg(long = "vm", value_name = "SERIES", value_delimiter = ',')]
    pub vm: Vec<String>,
    /// Boot this kernel image and run there.
    #[arg(long, value_name = "PATH")]
    pub kernel: Vec<PathBuf>,
    /// Control group layout of the guests.
    #[arg(long, value_enum, default_value = "v2")]
    pub cgroups: CgroupLayout,
    /// Memory of each guest in MiB.
    #[arg(long, default_value_t = 3072, value_name = "MIB")]
    pub memory: u32,
    /// Guests side by side at most.
    #[arg(long, value_name = "N")]
    pub jobs: Option<usize>,
    /// Which checks.
    #[command(flatten)]
    pub selection: SelectionArgs,
    /// Form of the report on standard output.
    #[arg(long, value_enum, default_value = "table")]
    pub format: Format,
    /// Where the report goes as well.
    #[command(flatten)]
    pub outputs: OutputArgs,
    /// Fail only on what is worse than in this report (JSON).
    #[arg(long, value_name = "PATH")]
    pub baseline: Option<PathBuf>,
    /// Wait no longer than this for anything a container has to do.
    #[arg(long, value_name = "SECONDS", default_value_t = 60)]
    pub patience: u64,
    /// Play only these scenes.
    #[arg(long = "scene", value_name = "NAME", value_delimiter = ',')]
    pub scenes: Vec<String>,
    /// The browndog binary to test, where it is not this one.
    #[arg(long, value_name = "PATH")]
    pub binary: Option<PathBuf>,
}

/// A form of the list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum ListFormat {
    /// One line for each check that fits.
    Text,
    /// The whole catalogue in Markdown, and what is left out of it.
    Md,
}

/// Options of `conformance list`.
#[derive(Clone, Debug, clap::Args)]
pub struct ListArgs {
    /// As lines, or all of it as the document that is checked in.
    #[arg(long, value_enum, default_value = "text")]
    pub format: ListFormat,
    /// Which checks.
    #[command(flatten)]
    pub selection: SelectionArgs,
}

/// Which checks.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct SelectionArgs {
    /// Ids or beginnings of ids.
    #[arg(long, value_name = "ID", value_delimiter = ',')]
    pub filter: Vec<String>,
    /// Areas: the part of the id before its number.
    #[arg(long, value_name = "AREA", value_delimiter = ',')]
    pub area: Vec<String>,
    /// Severities.
    #[arg(long, value_enum, value_delimiter = ',')]
    pub severity: Vec<Severity>,
    /// The I-th of N parts.
    #[arg(long, value_name = "I/N", value_parser = shard)]
    pub shard: Option<(usize, usize)>,
}

impl SelectionArgs {
    pub(crate) fn selection(&self) -> Selection {
        Selection {
            filters: self.filter.clone(),
            areas: self.area.clone(),
            severities: self.severity.clone(),
            shard: self.shard,
        }
    }
}

/// Reads `2/5`.
fn shard(text: &str) -> Result<(usize, usize), String> {
    Selection::part(text).ok_or_else(|| format!("{text:?} is no part such as 2/5"))
}

/// Obeys; the exit status: 0 good, 1 something failed, 2 it could not be run.
pub fn main(verb: Verb) -> i32 {
    let outcome = match verb {
        Verb::Run(args) => run_verb(&args),
        Verb::List(args) => list(&args),
        Verb::Explain { id } => explain(&id),
        Verb::Compare { before, after } => compare_files(&before, &after),
        Verb::Merge(args) => merge_files(&args),
        Verb::Facts(args) => facts(&args),
        Verb::Plans => crate::run::mutations(&Options::default().binary).map(|words| {
            println!("{}", serde_json::json!(words));
            0
        }),
        Verb::Vm(args) => vm(&args),
        Verb::Mutants(args) => mutants::verb::main(&args),
        Verb::Killers(args) => crate::killers::main(&args),
        Verb::Mutant(args) => mutants::inside::main(&args),
    };
    outcome.unwrap_or_else(|error| {
        eprintln!("browndog conformance: {error}");
        2
    })
}

fn run_verb(args: &RunArgs) -> Result<i32, RunError> {
    let mut options = Options {
        runtimes: runtimes_of(args),
        selection: args.selection.selection(),
        kernels: args.vm.clone(),
        cgroups: args.cgroups,
        jobs: args.jobs,
        scenes: args.scenes.clone(),
        lab: Lab { memory_mib: args.memory, cpus: Lab::TO_TELL_APART, ..Lab::default() },
        patience: args.patience,
        ..Options::default()
    };
    options.kernels.extend(
        args.kernel
            .iter()
            .map(|p| std::path::absolute(p).unwrap_or_else(|_| p.clone()).display().to_string()),
    );
    if let Some(binary) = &args.binary {
        options.binary.clone_from(binary);
    }
    let before = args.baseline.as_deref().map(report::read).transpose()?;
    args.outputs.check()?;
    end_in_order().map_err(|errno| RunError::Io { what: "blocking signals".into(), source: errno.into() })?;
    let report = run(&options, &progress)?;
    args.outputs.write(&report)?;
    print!("{}", render(&report, args.format));
    match before {
        Some(before) => Ok(i32::from(told(&before, &report))),
        None => Ok(i32::from(!report.good())),
    }
}

/// What was named; browndog where nothing was.
fn runtimes_of(args: &RunArgs) -> Vec<String> {
    let commands = args.commands.iter().map(|c| format!("{}{c}", crate::runtimes::COMMAND));
    let all: Vec<String> = args.runtimes.iter().cloned().chain(commands).collect();
    if all.is_empty() { vec!["browndog".into()] } else { all }
}

/// One line that is written over on a terminal, and a plain line for each guest and scene elsewhere.
fn progress(event: &Event<'_>) {
    use std::io::IsTerminal;
    let live = std::io::stderr().is_terminal();
    match event {
        Event::Guest { release } => eprintln!("guest with kernel {release}"),
        Event::Scene { runtime, name, at, of } if live => {
            eprint!("\r\x1b[K{runtime}: scene {at} of {of}, {name}");
            if at == of {
                eprintln!();
            }
        }
        Event::Scene { runtime, name, at, of } => eprintln!("{runtime}: scene {at} of {of}, {name}"),
        Event::Verdict { .. } => {}
    }
}

/// Prints every difference; true where one is a regression.
fn told(before: &RunReport, after: &RunReport) -> bool {
    let differences = report::compare(before, after);
    let word = |s: Option<crate::judge::Status>| s.map_or("absent", crate::judge::Status::word);
    for difference in &differences {
        let mark = if difference.is_regression() { "worse " } else { "better" };
        match difference.ratio {
            Some((old, new)) => println!("{mark} {}: {old:.2} -> {new:.2}", difference.what),
            None => println!(
                "{mark} {}: {} -> {}",
                difference.what,
                word(difference.before),
                word(difference.after)
            ),
        }
    }
    let worse = differences.iter().filter(|d| d.is_regression()).count();
    println!("{} differences, {worse} of them regressions", differences.len());
    worse > 0
}

fn compare_files(before: &std::path::Path, after: &std::path::Path) -> Result<i32, RunError> {
    Ok(i32::from(told(&report::read(before)?, &report::read(after)?)))
}

fn merge_files(args: &MergeArgs) -> Result<i32, RunError> {
    args.outputs.check()?;
    let reports = args.reports.iter().map(|p| report::read(p)).collect::<Result<Vec<_>, _>>()?;
    let merged = report::merge(reports)?;
    args.outputs.write(&merged)?;
    print!("{}", render(&merged, args.format));
    Ok(i32::from(!merged.good()))
}

fn list(args: &ListArgs) -> Result<i32, RunError> {
    if args.format == ListFormat::Md {
        print!("{}", crate::catalogue::markdown());
        return Ok(0);
    }
    for check in args.selection.selection().checks()? {
        println!("{:<12} {:<4} {}", check.id, check.severity.short(), check.requirement);
    }
    Ok(0)
}

fn explain(id: &str) -> Result<i32, RunError> {
    let check = checks::find(id).ok_or_else(|| RunError::NoCheck(format!("{id:?}")))?;
    println!("{}: {}\n", check.id, check.requirement);
    println!("severity  {:?}\nsource    {}\nscene     {}", check.severity, check.source, check.scene);
    if let Some(scene) = crate::scenes::SCENES.iter().find(|s| s.name == check.scene) {
        println!("          {}", scene.about);
    }
    Ok(0)
}

fn facts(args: &FactsArgs) -> Result<i32, RunError> {
    let binary = args.binary.clone().unwrap_or_else(|| Options::default().binary);
    for (name, facts) in crate::run::facts(&args.runtime, &binary, &args.scenes)? {
        match facts {
            Ok(facts) => println!("{}", serde_json::json!({ "scene": name, "facts": facts })),
            Err(why) => println!("{}", serde_json::json!({ "scene": name, "error": why })),
        }
    }
    Ok(0)
}

/// The exit status is the command's, as with a command run here.
fn vm(args: &VmArgs) -> Result<i32, RunError> {
    let lab = Lab {
        cgroups: args.cgroups,
        memory_mib: args.memory,
        timeout: std::time::Duration::from_secs(args.timeout + 30),
        disks: args.disks.clone(),
        ..Lab::default()
    };
    let kernel = lab.kernel(&args.kernel)?;
    let mut files = Vec::new();
    for word in &args.files {
        let (here, there) = word.split_once(':').unwrap_or((word, word));
        let content =
            std::fs::read(here).map_err(|source| RunError::Io { what: format!("reading {here}"), source })?;
        files.push(GuestFile { path: there.to_owned(), mode: 0o755, content });
    }
    for program in &args.programs {
        files.extend(crate::vm::pack::program(program)?);
    }
    let binary = args.binary.clone().unwrap_or_else(|| Options::default().binary);
    let mut command = Command::new(args.argv.clone());
    command.timeout_s = args.timeout;
    let report = lab.run(&kernel, &binary, &files, &[command])?;
    for note in &report.notes {
        eprintln!("guest: {note}");
    }
    let Some(result) = report.results.first() else {
        return Err(RunError::NoReport { release: report.release, reason: "no result came back".into() });
    };
    print!("{}", result.stdout);
    eprint!("{}", result.stderr);
    eprintln!("guest with kernel {} ended after {:.1} s", report.release, report.wall.as_secs_f64());
    Ok(match &result.ended {
        Ended::Exit(code) => *code,
        Ended::Signal(number) => 128 + number,
        Ended::Timeout => 124,
        Ended::NotStarted(why) => {
            eprintln!("browndog conformance: {:?} cannot be started in the guest: {why}", result.argv);
            127
        }
    })
}
