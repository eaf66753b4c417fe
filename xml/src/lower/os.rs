//! `<os>`: what runs.

use super::{Context, Draft, owned};
use crate::codes::Code;
use crate::domain::{Account, Command, Sourced};
use crate::report::Diagnostic;
use crate::tree::NodeId;
use crate::value::{AbsPath, parse_account, quoted};

/// Everything about the first process but its command.
#[derive(Debug, Default)]
pub(crate) struct InitDraft {
    pub(crate) env: Vec<Sourced<(String, String)>>,
    pub(crate) dir: Option<Sourced<AbsPath>>,
    pub(crate) user: Option<Sourced<Account>>,
    pub(crate) group: Option<Sourced<Account>>,
    /// Where `<init>` belongs, if `<os>` has none.
    pub(crate) gap: Option<crate::source::Span>,
}

pub(super) fn lower(draft: &mut Draft, context: &mut Context<'_, '_>, node: NodeId) {
    draft.has_program = true;
    let mut program = None;
    let mut args = Vec::new();
    for child in context.view.children(node) {
        match context.view.name(child) {
            "type" => {
                draft.arch = context.attribute(child, "arch", owned);
                let small = draft.arch.as_ref().filter(|arch| arch.value == "i686");
                draft.personality32 = small.map(|arch| arch.origin);
            }
            "init" => program = context.text(child, owned),
            "initarg" => args.extend(context.text(child, owned)),
            "initenv" => {
                let name = context.view.attribute(child, "name").map_or("", |(name, _)| name);
                let span = context.view.span(child);
                if let Some(first) =
                    draft.whole.seen.get_or_insert_default().insert(("initenv", name.to_owned()), span)
                {
                    let message =
                        format!("this value of {} has no effect: a later one replaces it", quoted(name));
                    let warning = Diagnostic::warning(Code::Ignored, first, message);
                    context.report.push(warning.label(span, "the later one"));
                }
                draft.init.env.extend(context.text(child, |value| Ok((name.to_owned(), value.to_owned()))));
            }
            "initdir" => draft.init.dir = context.text(child, AbsPath::parse),
            "inituser" => draft.init.user = context.text(child, parse_account),
            "initgroup" => draft.init.group = context.text(child, parse_account),
            _ => {}
        }
    }
    let one = |name| context.view.child(node, name);
    // As written: one that is no account is a fault of its own.
    if let (Some(written), None) | (None, Some(written)) = (one("inituser"), one("initgroup")) {
        let (missing, after) = match context.view.name(written) {
            "inituser" => ("initgroup", Some(written)),
            _ => ("inituser", context.before(node, written)),
        };
        let message = format!("<{}> needs an <{missing}> beside it", context.view.name(written));
        let fault = Diagnostic::error(Code::Incomplete, context.gap(node, after), message);
        let fault = fault.label(context.view.span(written), "this one");
        let path = format!("/domain/os/{missing}");
        context.report.push(fault.path(path).help("libvirt's format has both or neither"));
    }
    match program {
        Some(program) => draft.commands.push(Command { program, args }),
        None => {
            draft.has_program = false;
            draft.init.gap = Some(context.gap(node, context.view.child(node, "type")));
        }
    }
}
