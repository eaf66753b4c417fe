//! Elements of browndog's own namespace.

use super::{Context, Draft, integer, number, owned};
use crate::codes::Code;
use crate::domain::Sourced;
use crate::report::Diagnostic;
use crate::tree::NodeId;
use crate::value::{AbsPath, Hostname, ValueError, parse_ip};

pub(super) fn lower(draft: &mut Draft, context: &mut Context<'_, '_>, node: NodeId) {
    let span = context.view.span(node);
    match context.view.name(node) {
        "hostname" => draft.hostname = context.text(node, Hostname::parse),
        "seccomp" => {
            draft.extension.seccomp = context.attribute(node, "profile", |profile| Ok(profile == "default"))
        }
        "rlimit" => {
            let name = context.attribute(node, "name", owned).map_or_else(String::new, |name| name.value);
            let soft = context.attribute(node, "soft", limit).map_or(0, |soft| soft.value);
            let hard = context.attribute(node, "hard", limit).map_or(0, |hard| hard.value);
            if soft > hard {
                let message = format!("the soft limit of {name} is above the hard one");
                context.report.push(Diagnostic::error(Code::Contradiction, span, message));
            }
            draft.extension.rlimits.push(Sourced::xml((name, soft, hard), span));
        }
        "sysctl" => {
            let name = context.attribute(node, "name", owned).map_or_else(String::new, |name| name.value);
            let value = context.attribute(node, "value", owned).map_or_else(String::new, |value| value.value);
            draft.extension.sysctls.push(Sourced::xml((name, value), span));
        }
        "mask" => draft.extension.masks.extend(context.attribute(node, "path", AbsPath::parse)),
        "time" => {
            let mut seconds =
                |name| context.attribute(node, name, integer).map_or(0, |seconds| seconds.value);
            let offsets = (seconds("monotonic"), seconds("boottime"));
            draft.extension.time = Some(Sourced::xml(offsets, span));
        }
        "pids" => draft.pids = context.attribute(node, "limit", number),
        "nameserver" => draft.nameservers.extend(context.attribute(node, "address", parse_ip)),
        _ => {}
    }
}

fn limit(text: &str) -> Result<u64, ValueError> {
    if text == "unlimited" { Ok(u64::MAX) } else { number(text) }
}
