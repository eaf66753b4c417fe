//! `lxc.container.conf(5)`, with the keys of versions 2 and 3, as the `lxc` dialect.
//!
//! Every key is a row of a table: carried, held anyway, or lost for a reason that is told.

mod build;
mod cgroup;
mod keys;
mod mounts;
mod net;
mod parse;
mod proxmox;

pub use parse::Include;

use build::Build;
use keys::Use;
use parse::Line;

use super::{Converted, Findings, Surroundings};
use crate::nearest::nearest;
use crate::report::{Code, Diagnostic};
use crate::source::Source;
use crate::value::quoted;

/// The container of this configuration file. Its name is `name`, else what the file says.
pub fn from_lxc_conf(source: &Source, name: Option<&str>, include: Include<'_>) -> Converted {
    from_lxc_conf_on(source, name, &Surroundings { include, ..Surroundings::none() })
}

/// The same, with a look at the machine that it is for.
pub fn from_lxc_conf_on(source: &Source, name: Option<&str>, surroundings: &Surroundings<'_>) -> Converted {
    let mut findings = Findings::of(source);
    if let Some(place) = proxmox::recognised(source) {
        findings.wrong(place, "lxc.conf", proxmox::WHAT, proxmox::HELP);
        return Converted { text: None, domain: None, reports: findings.sorted() };
    }
    let (lines, comments) = parse::read(&mut findings, surroundings);
    let mut build = Build::new(findings, *surroundings);
    let mut lines = effective(lines);
    // Targets of mounts are told from the path of the root, wherever in the file that stands.
    lines.sort_by_key(|line| line.key != "lxc.rootfs.path");
    for line in lines {
        match keys::row_of(&line.key) {
            Some(row) => match row.usage {
                Use::Scalar(carry) | Use::List(carry) => carry(&mut build, &line),
                Use::Held => {}
                Use::Lost(why) => build.lost(&line, why),
            },
            None => unknown(&mut build, &line),
        }
    }
    build.finish(name, comments)
}

/// What holds: an empty value takes back what was said before, a second one replaces the first.
fn effective(lines: Vec<Line>) -> Vec<Line> {
    let mut kept: Vec<Line> = Vec::with_capacity(lines.len());
    for line in lines {
        let row = keys::row_of(&line.key);
        if line.value.is_empty() && (row.is_some() || keys::is_group(&line.key)) {
            let below = format!("{}.", line.key);
            kept.retain(|earlier| earlier.key != line.key && !earlier.key.starts_with(&below));
            continue;
        }
        if row.is_some_and(|row| !adds_up(row, &line.key)) {
            kept.retain(|earlier| earlier.key != line.key);
        }
        kept.push(line);
    }
    kept
}

/// Whether several settings of this key hold side by side.
fn adds_up(row: &keys::Row, key: &str) -> bool {
    match row.usage {
        Use::Scalar(_) => false,
        _ if key.starts_with("lxc.cgroup") => key.contains(".devices."),
        _ if key.starts_with("lxc.net.") => {
            ["address", "route", "tagged.id"].iter().any(|list| key.ends_with(list))
        }
        _ => true,
    }
}

fn unknown(build: &mut Build<'_>, line: &Line) {
    let shown = quoted(&line.written);
    if !line.written.starts_with("lxc.") {
        return build.lost(line, &format!("{shown} is no key of lxc, which passes over it"));
    }
    let message = format!("there is no key {shown}");
    let mut fault =
        Diagnostic::error(Code::UnknownKey, line.key_place.span, message).path(line.written.clone());
    if let Some(near) = nearest(&line.key, keys::names()) {
        fault = fault.help(format!("did you mean '{near}'?"));
    } else if let Some(near) = keys::near_group(&line.key) {
        fault = fault.help(format!("did you mean '{near}'?"));
    }
    build.findings.push(line.key_place, fault);
}
