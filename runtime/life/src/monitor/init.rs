//! The start of the domain's init by its monitor, and what is known of it before and after.

use std::path::PathBuf;

use browndog_runtime::error::{Kind, StartError, render_problems};
use browndog_runtime::exec::{Options, Running};
use browndog_runtime::launch::{Prepared, apply_mutation, prepare};
use browndog_runtime::plan::step::{ChildStep, HostStep};
use browndog_runtime::plan::{Entry, Plan, Request};
use browndog_runtime::survey::Survey;
use browndog_xml::domain::Lifecycle;

use crate::edit::Document;
use crate::error::{LifeError, Result};
use crate::layout::Layout;
use crate::process::ProcessId;
use crate::record::{Group, Made, Phase, Record, UNIFIED};

/// A domain that runs.
#[derive(Debug)]
pub struct Started {
    /// The container.
    pub running: Running,
    /// What happens when it ends.
    pub lifecycle: Lifecycle,
    /// What the runtime notes.
    pub notes: String,
}

/// Starts the domain of `document` and keeps `record` true: before anything is made, it says what will be.
///
/// # Errors
/// The runtime's message; nothing is left.
pub fn start(layout: &Layout, record: &mut Record, document: &Document) -> Result<Started> {
    let domain = &document.domain;
    let failed = |error: &StartError| LifeError::Start {
        rendered: error.render(document.name(), &document.source),
        code: error.exit_code(),
    };
    let consoles = domain.consoles.len().max(1);
    let own = ProcessId::own();
    let request = Request {
        terminal: true,
        more_consoles: consoles - 1,
        peers: crate::peers::named_in(layout, domain),
        instance: own.instance(),
        state: layout.state(),
        ..Request::default()
    };
    layout.make_before(domain, true)?;
    let mut prepared = prepare(domain, &request);
    apply_mutation(&mut prepared.plan).map_err(|error| failed(&error))?;
    let notes = render_problems(Kind::Note, &prepared.plan.notes, &document.source);
    record.phase = Phase::Starting;
    record.consoles = consoles;
    record.monitor = Some(own);
    record.init = None;
    record.groups = groups(&prepared.plan);
    record.made = made(&prepared.plan.before, &prepared.survey);
    record.save(layout)?;
    let running = start_prepared(prepared).map_err(|error| failed(&error))?;
    record.phase = Phase::Running;
    record.init = ProcessId::of(running.pid);
    record.started = Some(crate::time::now_ms());
    record.ended = None;
    record.exit = None;
    record.save(layout)?;
    Ok(Started { running, lifecycle: domain.lifecycle.clone(), notes })
}

fn start_prepared(prepared: Prepared) -> std::result::Result<Running, StartError> {
    prepared.start(&Options::default())
}

/// The groups that the domain's processes are in.
fn groups(plan: &Plan) -> Vec<Group> {
    let mut groups = Vec::new();
    for entry in &plan.before {
        let HostStep::OpenCgroup { path, slot, directory } = &entry.step else { continue };
        let controller = plan.child.iter().find_map(|entry| match &entry.step {
            ChildStep::JoinCgroup { tasks, controller } if tasks == slot => Some((*controller).to_owned()),
            _ => None,
        });
        let path = PathBuf::from(path);
        match controller {
            Some(controller) => {
                let path = path.parent().map_or(path.clone(), PathBuf::from);
                groups.push(Group { controller, path });
            }
            // The group with the limits, which may be around the one that is entered.
            None if *directory => {
                let path = plan.kill_group.as_ref().map_or(path, PathBuf::from);
                groups.push(Group { controller: UNIFIED.to_owned(), path });
            }
            None => {}
        }
    }
    groups
}

/// Everything that these steps make on the host and that does not end with the container.
pub(crate) fn made<'a>(steps: impl IntoIterator<Item = &'a Entry<HostStep>>, survey: &Survey) -> Vec<Made> {
    let mut made = Vec::new();
    for entry in steps {
        match &entry.step {
            HostStep::MakeCgroup { path, shared } => {
                made.push(Made::Group { path: path.into(), shared: *shared });
            }
            HostStep::MakeTarget { root, target, .. } => {
                let Some(root) = survey.found.get(usize::from(root.0)) else { continue };
                // Directories above it that are missing are made with it.
                let target = PathBuf::from(target.shown());
                let below = |path: &std::path::Path| {
                    path.strip_prefix("/").is_ok_and(|path| !path.as_os_str().is_empty())
                };
                let mut paths: Vec<PathBuf> =
                    target.ancestors().filter(|path| below(path)).map(PathBuf::from).collect();
                paths.reverse();
                let inode = root.fd.as_ref().and_then(|fd| nix::sys::stat::fstat(fd).ok());
                let inode = inode.map(|found| (found.st_dev, found.st_ino));
                // Where it is now, without the links that led there.
                let root = std::fs::canonicalize(&root.path).unwrap_or_else(|_| PathBuf::from(&root.path));
                made.extend(paths.into_iter().map(|path| Made::Target { root: root.clone(), path, inode }));
            }
            _ => {}
        }
    }
    made
}
