//! Elements of browndog's own namespace.

use std::net::IpAddr;

use super::{Context, Draft, integer, number, owned};
use crate::codes::Code;
use crate::covers::is_hidden;
use crate::domain::{FilesystemSource, Origin, RamOptions, Sourced};
use crate::report::{Diagnostic, Report};
use crate::source::Span;
use crate::tree::NodeId;
use crate::value::{AbsPath, Hostname, SocketFamily, ValueError, parse_ip, quoted};

pub(super) fn lower(draft: &mut Draft, context: &mut Context<'_, '_>, node: NodeId) {
    let span = context.view.span(node);
    match context.view.name(node) {
        "hostname" => draft.hostname = context.text(node, Hostname::parse),
        "seccomp" => {
            draft.extension.seccomp = context.attribute(node, "profile", |profile| Ok(profile == "default"))
        }
        "socket" => {
            let parse = |name: &str| {
                SocketFamily::parse(name).ok_or_else(|| ValueError::new(Code::NotAChoice, "is no family"))
            };
            let family = context.attribute(node, "family", parse);
            if let Some(family) = &family {
                let why = "the family is allowed already";
                let _said = draft.idle_twice(context, "socket", family.value.name(), span, why);
            }
            draft.extension.families.extend(family);
        }
        "system" => {
            let state = context.attribute(node, "state", |state| Ok(state == "on"));
            let on = state.is_none_or(|state| state.value);
            draft.extension.system = Some(Sourced::xml(on, span));
        }
        "no_new_privs" => draft.extension.no_new_privs = Some(state(context, node, span)),
        "init" => draft.extension.init = Some(state(context, node, span)),
        "ram" => {
            let target = context.attribute(node, "target", AbsPath::parse);
            let mode = context.attribute(node, "mode", mode);
            let half = context.view.attribute(node, "size").map(|(_, span)| Origin::Xml(span));
            if let Some(target) = target {
                let key = target.value.as_str().trim_end_matches('/').to_owned();
                draft.unique(context, "ram", &key, span, format!("<ram> of {key} is there twice"));
                draft.rams.push((target, mode, half));
            }
        }
        "optional" => {
            if let Some(target) = context.attribute(node, "target", AbsPath::parse) {
                let key = target.value.as_str().trim_end_matches('/');
                let _said = draft.idle_twice(context, "optional", key, span, "it is optional already");
                draft.optional.push(target);
            }
        }
        "umask" => draft.extension.umask = context.attribute(node, "mask", mode),
        "group" => {
            let id = context.attribute(node, "id", number);
            let id = id.map(|id| Sourced { value: id.value as u32, origin: id.origin });
            if let Some(id) = &id {
                let why = "the group is given already";
                let _said = draft.idle_twice(context, "group", &id.value.to_string(), span, why);
            }
            draft.extension.groups.extend(id);
        }
        "rlimit" => {
            let name = context.attribute(node, "name", owned).map_or_else(String::new, |name| name.value);
            let soft = context.attribute(node, "soft", limit).map_or(0, |soft| soft.value);
            let hard = context.attribute(node, "hard", limit).map_or(0, |hard| hard.value);
            if soft > hard {
                let message = format!("the soft limit of {name} is above the hard one");
                context.report.push(Diagnostic::error(Code::Contradiction, span, message));
            }
            draft.unique(context, "rlimit", &name, span, format!("the limit {name} is set twice"));
            draft.extension.rlimits.push(Sourced::xml((name, soft, hard), span));
        }
        "sysctl" => {
            let name = context.attribute(node, "name", owned).map_or_else(String::new, |name| name.value);
            let value = context.attribute(node, "value", owned).map_or_else(String::new, |value| value.value);
            draft.unique(context, "sysctl", &name, span, format!("the parameter {name} is set twice"));
            draft.extension.sysctls.push(Sourced::xml((name, value), span));
        }
        "mask" => {
            let mask = context.attribute(node, "path", AbsPath::parse);
            if let Some(path) = mask.as_ref().filter(|path| is_hidden(path.value.as_str())) {
                let message = format!("{} is covered in every container: this has no effect", path.value);
                context.report.push(Diagnostic::warning(Code::Ignored, span, message));
            } else if let Some(path) = &mask {
                let _said = draft.idle_twice(
                    context,
                    "mask",
                    path.value.as_str(),
                    span,
                    "the path is covered already",
                );
            }
            draft.extension.masks.extend(mask);
        }
        "time" => {
            let mut seconds =
                |name| context.attribute(node, name, integer).map_or(0, |seconds| seconds.value);
            let offsets = (seconds("monotonic"), seconds("boottime"));
            draft.extension.time = Some(Sourced::xml(offsets, span));
        }
        "pids" => draft.pids = context.attribute(node, "limit", number),
        "nameserver" => {
            let server = context.attribute(node, "address", parse_ip);
            draft.nameserver(context, server, span);
        }
        _ => {}
    }
}

/// How many name servers a resolver asks: MAXNS of resolv.conf(5), and of musl.
const ASKED: usize = 3;

impl Draft {
    /// Adds a name server, or says that nobody will ask it.
    pub(super) fn nameserver(
        &mut self,
        context: &mut Context<'_, '_>,
        server: Option<Sourced<IpAddr>>,
        span: Span,
    ) {
        let Some(server) = server else { return };
        let address = server.value.to_string();
        let twice = self.idle_twice(context, "nameserver", &address, span, "this server is asked already");
        if !twice && self.nameservers.len() == ASKED {
            let message = format!("resolvers ask {ASKED} servers: this one has no effect");
            context.report.push(Diagnostic::warning(Code::Ignored, span, message));
        }
        self.nameservers.push(server);
    }

    /// Says that the second thing of a kind with this key has no effect.
    pub(super) fn idle_twice(
        &mut self,
        context: &mut Context<'_, '_>,
        kind: &'static str,
        key: &str,
        span: Span,
        why: &str,
    ) -> bool {
        let first = *self.whole.seen.get_or_insert_default().entry((kind, key.to_owned())).or_insert(span);
        if first != span {
            let message = format!("the second <{kind}> of {} has no effect: {why}", quoted(key));
            context.report.push(Diagnostic::warning(Code::Ignored, span, message).label(first, "first one"));
        }
        first != span
    }
}

/// `@state`, which is on where it is not said.
fn state(context: &mut Context<'_, '_>, node: NodeId, span: Span) -> Sourced<bool> {
    let state = context.attribute(node, "state", |state| Ok(state == "on"));
    Sourced::xml(state.is_none_or(|state| state.value), span)
}

/// A mode in octal digits.
fn mode(text: &str) -> Result<u32, ValueError> {
    u32::from_str_radix(text, 8).map_err(|_| ValueError::new(Code::NotANumber, "is no mode"))
}

impl Draft {
    /// Marks the file systems that may be left out.
    pub(super) fn mark_optional(&mut self, report: &mut Report) {
        let hurt = report.errors().any(|error| error.path.starts_with("/domain/devices"));
        for target in std::mem::take(&mut self.optional) {
            let found = self.filesystems.iter_mut().find(|filesystem| {
                let one = filesystem.target.value.as_str().trim_end_matches('/');
                matches!(filesystem.source, FilesystemSource::Host(_))
                    && !one.is_empty()
                    && one == target.value.as_str().trim_end_matches('/')
            });
            match (found, target.origin) {
                (Some(filesystem), origin) => filesystem.optional = Some(Box::new(origin)),
                (None, Origin::Xml(span)) if !hurt => {
                    let target = quoted(target.value.as_str());
                    let message =
                        format!("no <filesystem type='mount'> but the root has the target {target}");
                    let fault = Diagnostic::error(Code::Incomplete, span, message);
                    let fault = fault.path("/domain/optional/@target");
                    report.push(fault.help("name the <target dir> of the file system that may be missing"));
                }
                (None, _) => {}
            }
        }
    }

    /// Gives the file systems in memory their modes.
    pub(super) fn give_ram_modes(&mut self, report: &mut Report) {
        let same = |one: &str, other: &str| one.trim_end_matches('/') == other.trim_end_matches('/');
        let hurt = report.errors().any(|error| error.path.starts_with("/domain/devices"));
        for (target, wanted, unbounded) in std::mem::take(&mut self.rams) {
            let found = self.filesystems.iter_mut().find_map(|filesystem| match &mut filesystem.source {
                FilesystemSource::Ram { options, .. }
                    if same(filesystem.target.value.as_str(), target.value.as_str()) =>
                {
                    Some(options)
                }
                _ => None,
            });
            match (found, target.origin) {
                (Some(options), _) => *options = Some(Box::new(RamOptions { mode: wanted, half: unbounded })),
                (None, Origin::Xml(span)) if !hurt => {
                    let message = format!(
                        "no <filesystem type='ram'> has the target {}",
                        quoted(target.value.as_str())
                    );
                    let fault =
                        Diagnostic::error(Code::Incomplete, span, message).path("/domain/ram/@target");
                    report.push(fault.help("name the <target dir> of a file system in memory"));
                }
                // A file system that is wrong itself is not there to be found.
                (None, _) => {}
            }
        }
    }
}

fn limit(text: &str) -> Result<u64, ValueError> {
    if text == "unlimited" { Ok(u64::MAX) } else { number(text) }
}
