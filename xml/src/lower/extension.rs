//! Elements of browndog's own namespace.

use std::collections::HashMap;
use std::net::IpAddr;

use super::{Context, Draft, integer, number, owned};
use crate::codes::Code;
use crate::covers::is_hidden;
use crate::domain::{Filesystem, FilesystemSource, Origin, RamOptions, Sourced};
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

/// How it is told that something is said of a file system that is not there.
struct Nowhere {
    path: &'static str,
    /// Before the target.
    message: &'static str,
    help: &'static str,
}

impl Draft {
    /// Marks the file systems that may be left out.
    pub(super) fn mark_optional(&mut self, report: &mut Report) {
        let nowhere = Nowhere {
            path: "/domain/optional/@target",
            message: "no <filesystem type='mount'> but the root has the target",
            help: "name the <target dir> of the file system that may be missing",
        };
        let said = std::mem::take(&mut self.optional).into_iter().map(|target| (target.origin, target));
        let fits = |filesystem: &Filesystem| {
            matches!(filesystem.source, FilesystemSource::Host(_))
                && !without_slash(&filesystem.target).is_empty()
        };
        self.apply(report, said, &nowhere, fits, |filesystem, origin| {
            filesystem.optional = Some(Box::new(origin));
        });
    }

    /// Gives the file systems in memory their modes.
    pub(super) fn give_ram_modes(&mut self, report: &mut Report) {
        let nowhere = Nowhere {
            path: "/domain/ram/@target",
            message: "no <filesystem type='ram'> has the target",
            help: "name the <target dir> of a file system in memory",
        };
        let said = std::mem::take(&mut self.rams).into_iter();
        let said = said.map(|(target, mode, half)| (RamOptions { mode, half }, target));
        let fits = |filesystem: &Filesystem| matches!(filesystem.source, FilesystemSource::Ram { .. });
        self.apply(report, said, &nowhere, fits, |filesystem, wanted| {
            if let FilesystemSource::Ram { options, .. } = &mut filesystem.source {
                *options = Some(Box::new(wanted));
            }
        });
    }

    /// Applies what is said beside file systems to the first that fits and has the target.
    fn apply<T>(
        &mut self,
        report: &mut Report,
        said: impl ExactSizeIterator<Item = (T, Sourced<AbsPath>)>,
        nowhere: &Nowhere,
        fits: impl Fn(&Filesystem) -> bool,
        apply: impl Fn(&mut Filesystem, T),
    ) {
        if said.len() == 0 {
            return;
        }
        // A file system that is wrong itself is not there to be found.
        let hurt = report.errors().any(|error| error.path.starts_with("/domain/devices"));
        let mut places = HashMap::new();
        for (index, filesystem) in self.filesystems.iter().enumerate().filter(|(_, it)| fits(it)) {
            let _first = places.entry(without_slash(&filesystem.target).to_owned()).or_insert(index);
        }
        for (what, target) in said {
            match (places.get(without_slash(&target)), target.origin) {
                (Some(&index), _) => apply(&mut self.filesystems[index], what),
                (None, Origin::Xml(span)) if !hurt => {
                    let message = format!("{} {}", nowhere.message, quoted(target.value.as_str()));
                    let fault = Diagnostic::error(Code::Incomplete, span, message).path(nowhere.path);
                    report.push(fault.help(nowhere.help));
                }
                (None, _) => {}
            }
        }
    }
}

fn without_slash(target: &Sourced<AbsPath>) -> &str {
    target.value.as_str().trim_end_matches('/')
}

fn limit(text: &str) -> Result<u64, ValueError> {
    if text == "unlimited" { Ok(u64::MAX) } else { number(text) }
}
