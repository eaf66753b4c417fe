//! The same run in guests: one for each kernel, as many side by side as fit.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Mutex;

use crate::run::{Cell, Event, Options, RunError, RunReport};
use crate::runtimes::{self, Runtime};
use crate::vm::job::{BINARY_PATH, Command, Ended};
use crate::vm::{GuestFile, Lab};

/// The same run in one guest for each kernel, as many side by side as fit.
pub(crate) fn all(options: &Options, watch: &(dyn Fn(&Event<'_>) + Sync)) -> Result<Vec<Cell>, RunError> {
    let lab = Lab { cgroups: options.cgroups, ..options.lab.clone() };
    // One after the other: they share the cache.
    let kernels = options.kernels.iter().map(|k| lab.kernel(k)).collect::<Result<Vec<_>, _>>()?;
    let width = options.jobs.unwrap_or_else(|| lab.side_by_side()).clamp(1, kernels.len().max(1));
    let next = Mutex::new(kernels.iter().enumerate());
    let done: Mutex<BTreeMap<usize, Result<Vec<Cell>, RunError>>> = Mutex::new(BTreeMap::new());
    std::thread::scope(|scope| {
        for _ in 0..width {
            let _worker = scope.spawn(|| {
                loop {
                    let Some((at, kernel)) = next.lock().ok().and_then(|mut n| n.next()) else { return };
                    watch(&Event::Guest { release: &kernel.release });
                    let cells = one(options, &lab, kernel);
                    if let Ok(mut done) = done.lock() {
                        let _earlier = done.insert(at, cells);
                    }
                }
            });
        }
    });
    let done = done.into_inner().map_err(|_| RunError::NoReport {
        release: "any".into(),
        reason: "a worker of the harness panicked".into(),
    })?;
    let mut cells = Vec::new();
    for (at, result) in done {
        cells.extend(crate::lost::or_cells(options, &kernels, at, result)?);
    }
    Ok(cells)
}

fn one(options: &Options, lab: &Lab, kernel: &crate::vm::kernel::Kernel) -> Result<Vec<Cell>, RunError> {
    let mut files = Vec::new();
    let mut words: Vec<String> =
        [BINARY_PATH, "conformance", "run", "--format", "json"].map(str::to_owned).to_vec();
    for name in &options.runtimes {
        // Null and browndog are the binary that every guest has.
        if ["null", "browndog"].contains(&name.as_str()) {
            words.extend(["--runtime".to_owned(), name.clone()]);
            continue;
        }
        // The edit of a bundle is made in there.
        let (whose, edit) = name.split_once(runtimes::edit::MARK).unwrap_or((name, ""));
        if !edit.is_empty() {
            let _known = runtimes::edit::Edit::read(edit).map_err(runtimes::RuntimeError::BadEdit)?;
        }
        let runtime = runtimes::by_name(whose, &options.binary)?;
        packed(runtime.as_ref(), &mut files)?;
        match runtimes::command_of(name) {
            // The program lies elsewhere in the guest.
            Some(command) => {
                let program =
                    runtime.program().file_name().unwrap_or_default().to_string_lossy().into_owned();
                let all = std::iter::once(format!("/usr/bin/{program}"))
                    .chain(command.split_whitespace().skip(1).map(str::to_owned));
                words.extend(["--runtime-cmd".to_owned(), all.collect::<Vec<_>>().join(" ")]);
            }
            None => words.extend(["--runtime".to_owned(), name.clone()]),
        }
    }
    words.extend(options.selection.words());
    words.extend(["--patience".to_owned(), options.patience.to_string()]);
    if !options.scenes.is_empty() {
        words.extend(["--scene".to_owned(), options.scenes.join(",")]);
    }
    let mut command = Command::new(words);
    command.timeout_s = lab.timeout.as_secs().saturating_sub(30).max(30);
    let report = lab.run(kernel, &options.binary, &files, &[command])?;
    let no_report = |reason: String| RunError::NoReport { release: report.release.clone(), reason };
    let result = report.results.first().ok_or_else(|| no_report("no result came back".into()))?;
    let inner: RunReport = serde_json::from_str(&result.stdout).map_err(|error| {
        let how = match &result.ended {
            Ended::Exit(code) => format!("exit status {code}"),
            other => format!("{other:?}"),
        };
        no_report(format!("{error}; {how}; {}", result.stderr.trim()))
    })?;
    let accelerator = format!("{:?}", report.accelerator).to_lowercase();
    Ok(inner.cells.into_iter().map(|cell| Cell { place: format!("vm/{accelerator}"), ..cell }).collect())
}

/// A runtime's programs with their libraries, each file once.
fn packed(runtime: &dyn Runtime, files: &mut Vec<GuestFile>) -> Result<(), RunError> {
    let mut programs: Vec<PathBuf> = vec![runtime.program().to_owned()];
    programs.extend(runtime.companions());
    for program in programs {
        for file in crate::vm::pack::program(&program)? {
            if !files.iter().any(|f| f.path == file.path) {
                files.push(file);
            }
        }
    }
    for file in runtime.files().iter().filter(|f| f.is_file()) {
        let path = file.to_string_lossy().trim_start_matches('/').to_owned();
        files.push(GuestFile { path, mode: 0o644, content: crate::vm::read_file(file)? });
    }
    for directory in runtime.directories() {
        let path = format!("{}/.keep", directory.to_string_lossy().trim_start_matches('/'));
        files.push(GuestFile { path, mode: 0o644, content: Vec::new() });
    }
    Ok(())
}
