//! `browndog conformance mutants`.

use std::path::PathBuf;

use super::run::How;
use super::{Mutant, of_plans, run_all, table};
use crate::command::SelectionArgs;
use crate::run::{Options, RunError, end_in_order};
use crate::vm::Lab;

/// Memory of each guest: the same as for a run of the suite.
const MEMORY_MIB: u32 = 3072;

/// Options of `conformance mutants`.
#[derive(Clone, Debug, clap::Args)]
#[allow(clippy::struct_excessive_bools)] // Switches of a command line.
pub struct MutantArgs {
    /// Kernel to boot.
    #[arg(long, value_name = "SERIES", default_value = super::KERNEL)]
    pub vm: String,
    /// Only mutants whose word contains one of these.
    #[arg(long, value_name = "TEXT", value_delimiter = ',')]
    pub only: Vec<String>,
    /// Which checks; --shard takes a part of the mutants.
    #[command(flatten)]
    pub selection: SelectionArgs,
    /// Guests side by side at most.
    #[arg(long, value_name = "N")]
    pub jobs: Option<usize>,
    /// Only so many, spread over the list.
    #[arg(long, value_name = "N")]
    pub sample: Option<usize>,
    /// Play every scene of a mutant, also after the first that caught it.
    #[arg(long)]
    pub all: bool,
    /// Only the first N scenes of each: those that most likely see it.
    #[arg(long, value_name = "N")]
    pub first: Option<usize>,
    /// Print the list of mutants and stop.
    #[arg(long)]
    pub list: bool,
    /// Keep the results in this file as they come.
    #[arg(long, value_name = "PATH")]
    pub results: Option<PathBuf>,
    /// Go on with what the file of results has.
    #[arg(long, requires = "results")]
    pub resume: bool,
    /// With --resume: what an earlier build of browndog caught need not be run again.
    #[arg(long, requires = "resume")]
    pub any_build: bool,
    /// Begin no further guest after so many minutes; --resume goes on.
    #[arg(long, value_name = "N")]
    pub minutes: Option<u64>,
    /// Also write the page.
    #[arg(long, value_name = "PATH", num_args = 0..=1, default_missing_value = "conformance/MUTANTS.md")]
    pub report: Option<PathBuf>,
    /// Compare a page with the list of mutants, and stop.
    #[arg(long, value_name = "PATH", num_args = 0..=1, default_missing_value = "conformance/MUTANTS.md")]
    pub compare: Option<PathBuf>,
    /// The browndog binary to test, where it is not this one.
    #[arg(long, value_name = "PATH")]
    pub binary: Option<PathBuf>,
}

/// Obeys; the exit status: 0 none survived, 1 one did or was not run, 2 it could not be done.
pub fn main(args: &MutantArgs) -> Result<i32, RunError> {
    let mut options = Options {
        kernels: vec![args.vm.clone()],
        selection: args.selection.selection(),
        jobs: args.jobs,
        lab: Lab { memory_mib: MEMORY_MIB, cpus: Lab::TO_TELL_APART, ..Lab::default() },
        ..Options::default()
    };
    let shard = options.selection.shard.take();
    if let Some(binary) = &args.binary {
        options.binary.clone_from(binary);
    }
    end_in_order().map_err(|errno| RunError::Io { what: "blocking signals".into(), source: errno.into() })?;
    let every = of_plans(&options)?;
    if let Some(path) = &args.compare {
        return compare(path, &every);
    }
    let chosen = choose(args, every, shard);
    if args.list {
        for mutant in &chosen {
            println!("{:<56} {}", mutant.word, mutant.scenes.join(" "));
        }
        println!("{} mutants", chosen.len());
        return Ok(0);
    }
    let how = How {
        all: args.all,
        results: args.results.clone(),
        resume: args.resume,
        any_build: args.any_build,
        most: args.minutes.map(|minutes| std::time::Duration::from_secs(minutes * 60)),
    };
    let fates = run_all(&options, &chosen, &how, &|fate| eprintln!("{}", table::line(fate)))?;
    for fate in &fates {
        println!("{}", table::line(fate));
    }
    println!("{}", table::sum_line(&fates));
    let missing = chosen.len() - fates.len();
    if missing > 0 {
        println!("{missing} more were not run; --resume goes on");
    }
    if let Some(path) = &args.report {
        std::fs::write(path, table::page(&chosen, &fates, &args.vm))
            .map_err(|source| RunError::Io { what: format!("writing {}", path.display()), source })?;
    }
    for fate in fates.iter().filter(|f| f.seen_after_all()) {
        println!("{} is listed as equivalent, and was noticed", fate.mutant.word);
    }
    Ok(i32::from(missing > 0 || fates.iter().any(|f| f.survived() || f.seen_after_all())))
}

fn choose(args: &MutantArgs, every: Vec<Mutant>, shard: Option<(usize, usize)>) -> Vec<Mutant> {
    let wanted =
        |m: &Mutant| args.only.is_empty() || args.only.iter().any(|text| m.word.contains(text.as_str()));
    let mut chosen: Vec<Mutant> = every.into_iter().filter(wanted).collect();
    if let Some((part, parts)) = shard {
        // Every so many-th: neighbours are of a kind, and take alike.
        chosen = chosen.into_iter().skip(part - 1).step_by(parts).collect();
    }
    if let Some(most) = args.first {
        chosen.iter_mut().for_each(|mutant| mutant.scenes.truncate(most.max(1)));
    }
    if let Some(most) = args.sample {
        let step = chosen.len().div_ceil(most.max(1)).max(1);
        chosen = chosen.into_iter().step_by(step).collect();
    }
    chosen
}

fn compare(path: &std::path::Path, every: &[Mutant]) -> Result<i32, RunError> {
    let text = std::fs::read_to_string(path)
        .map_err(|source| RunError::Io { what: format!("reading {}", path.display()), source })?;
    let stale = table::stale(&text, every.iter().map(|m| m.word.as_str()));
    stale.iter().for_each(|line| println!("{line}"));
    println!("{}: {} mutants, {} differences", path.display(), every.len(), stale.len());
    Ok(i32::from(!stale.is_empty()))
}
