//! From checked elements to the typed [`Domain`].
//!
//! Both dialects end in the same [`Draft`]: an element at a time, then the rules that need the
//! whole, then the defaults.

mod cachetune;
mod capabilities;
mod chardev;
mod cpu;
mod devices;
mod driver;
mod extension;
mod finish;
mod interface;
mod link_address;
mod lxc;
mod machine;
mod nic;
mod os;
mod resources;
mod rfc;

use std::collections::HashMap;
use std::ops::RangeInclusive;

use uuid::Uuid;

use crate::check::Sink;
use crate::codes::Code;
use crate::domain::{
    Blkio, Capabilities, ClockDevice, Command, Console, Dialect, Disk, Domain, Extension, Filesystem,
    Hostdev, IdMap, Interface, LifecycleAction, Memory, Numa, Origin, Seclabel, Share, Sourced,
};
use crate::report::{Diagnostic, Report};
use crate::source::Span;
use crate::tree::{NodeId, View};
use crate::value::{AbsPath, DomainName, Hostname, IdSet, ValueError};

/// What was said so far.
#[derive(Debug, Default)]
pub(crate) struct Draft {
    pub(crate) dialect: Option<Dialect>,
    pub(crate) root: Span,
    pub(crate) name: Option<Sourced<DomainName>>,
    pub(crate) uuid: Option<Sourced<Uuid>>,
    pub(crate) title: Option<Sourced<String>>,
    pub(crate) description: Option<Sourced<String>>,
    pub(crate) hostname: Option<Sourced<Hostname>>,
    pub(crate) memory: Memory,
    pub(crate) vcpus: Option<Sourced<u32>>,
    pub(crate) cpuset: Option<Sourced<IdSet>>,
    pub(crate) shares: Option<Sourced<u64>>,
    pub(crate) period_us: Option<Sourced<u64>>,
    pub(crate) quota_us: Option<Sourced<i64>>,
    pub(crate) numa: Option<Numa>,
    pub(crate) has_numa_cells: bool,
    /// The sum of the cells, where they have sizes.
    pub(crate) numa_memory: Option<Sourced<u64>>,
    pub(crate) memnode: Option<Span>,
    pub(crate) blkio: Blkio,
    pub(crate) pids: Option<Sourced<u64>>,
    pub(crate) partition: Option<Sourced<AbsPath>>,
    pub(crate) idmap: Option<IdMap>,
    pub(crate) commands: Vec<Command>,
    /// Whether `<os>` or an `<application>` was there, right or wrong.
    pub(crate) has_program: bool,
    pub(crate) init: os::InitDraft,
    pub(crate) arch: Option<Sourced<String>>,
    pub(crate) personality32: Option<Origin>,
    pub(crate) private_network: Option<Origin>,
    pub(crate) capabilities: Option<Capabilities>,
    pub(crate) filesystems: Vec<Filesystem>,
    pub(crate) interfaces: Vec<Interface>,
    pub(crate) hostdevs: Vec<Hostdev>,
    pub(crate) disks: Vec<Disk>,
    pub(crate) consoles: Vec<Console>,
    pub(crate) nameservers: Vec<Sourced<std::net::IpAddr>>,
    pub(crate) share: Share,
    pub(crate) clock_devices: Vec<Sourced<ClockDevice>>,
    pub(crate) on_poweroff: Option<Sourced<LifecycleAction>>,
    pub(crate) on_reboot: Option<Sourced<LifecycleAction>>,
    pub(crate) on_crash: Option<Sourced<LifecycleAction>>,
    pub(crate) seclabels: Vec<Seclabel>,
    pub(crate) extension: Extension,
    /// What is said of file systems in memory beside themselves.
    pub(crate) rams: Vec<Ram>,
    /// Targets of file systems that may be left out.
    pub(crate) optional: Vec<Sourced<AbsPath>>,
    pub(crate) unsupported: Vec<Sourced<String>>,
    pub(crate) whole: Whole,
}

/// What is said of a file system in memory: its target, its mode, and who asks for no size.
type Ram = (Sourced<AbsPath>, Option<Sourced<u32>>, Option<Origin>);

/// What has to fit together although nothing is made of it.
#[derive(Debug, Default)]
pub(crate) struct Whole {
    /// Things that may stand there once: their kind, their key, the first one's place.
    /// Made when the first is seen: the keys of a map's hashes are a system call.
    pub(crate) seen: Option<HashMap<(&'static str, String), Span>>,
    /// CPUs that are spoken of, by number.
    pub(crate) vcpus: Vec<(u64, Span)>,
    pub(crate) iothreads: u64,
    pub(crate) iothread_ids: Vec<u64>,
    pub(crate) iothread_refs: Vec<(RangeInclusive<u64>, Span)>,
    pub(crate) graphics: Option<Span>,
    pub(crate) video: bool,
    pub(crate) redirected: Option<Span>,
    pub(crate) usb: bool,
    /// The first number of a controller that may be free, by kind.
    pub(crate) controllers: Option<HashMap<String, u64>>,
}

impl Draft {
    /// Without `<memory>` libvirt takes the sum of the NUMA cells.
    fn imply_memory(&mut self, report: &mut Report) {
        let (None, Some(sum)) = (&self.memory.maximum, self.numa_memory.take()) else { return };
        if let Origin::Xml(span) = sum.origin {
            let message =
                format!("there is no <memory>: the sum of these cells is taken, {} KiB", sum.value / 1024);
            let warning = Diagnostic::warning(Code::Suspicious, span, message).path("/domain/cpu/numa");
            report.push(warning.help("write it as <memory>; the cells have no other effect on a container"));
        }
        self.memory.maximum = Some(sum);
    }

    /// Notes that a start is to be refused, and says so.
    #[cold]
    pub(crate) fn cannot_start(&mut self, context: &mut Context<'_, '_>, span: Span, why: String) {
        context.report.push(Diagnostic::warning(Code::CannotStart, span, why.clone()));
        self.unsupported.push(Sourced::xml(why, span));
    }

    /// The same, of the second of two things that cannot both be had.
    #[cold]
    pub(crate) fn cannot_start_twice(
        &mut self,
        context: &mut Context<'_, '_>,
        (first, second): (Span, Span),
        why: String,
    ) {
        let warning = Diagnostic::warning(Code::CannotStart, second, why.clone());
        context.report.push(warning.label(first, "first one"));
        self.unsupported.push(Sourced::xml(why, second));
    }
}

/// The [`Sink`] that drafts a domain.
#[derive(Debug, Default)]
pub(crate) struct Lowering {
    /// Boxed: it passes through several hands.
    draft: Box<Draft>,
}

impl Sink for Lowering {
    fn implies(&self, name: &str) -> bool {
        name == "memory" && self.draft.numa_memory.is_some()
    }

    fn begin(&mut self, dialect: Dialect, view: View<'_>, root: NodeId) {
        self.draft.dialect = Some(dialect);
        self.draft.root = view.span(root);
    }

    fn unit(&mut self, view: View<'_>, unit: NodeId, report: &mut Report) {
        let context = Context { view, report };
        match self.draft.dialect {
            Some(Dialect::Lxc) => lxc::unit(&mut self.draft, context, unit),
            Some(Dialect::LinuxContainer) => rfc::unit(&mut self.draft, context, unit),
            None => {}
        }
    }
}

impl Lowering {
    /// The dialect the root names.
    pub(crate) fn dialect(&self) -> Option<Dialect> {
        self.draft.dialect
    }

    /// Applies the rules for the whole, then the defaults. `None` if there is an error.
    pub(crate) fn finish(mut self, report: &mut Report) -> Option<Domain> {
        let _dialect = self.draft.dialect?;
        self.draft.imply_memory(report);
        self.draft.give_ram_modes(report);
        self.draft.mark_optional(report);
        crate::rules::check(&self.draft, report);
        // Where the report is full, an error takes a warning's place: the number says nothing.
        report.sort();
        if report.has_errors() {
            return None;
        }
        let domain = finish::finish(self.draft)?;
        crate::refusals::warn(&domain, report);
        Some(domain)
    }
}

/// A checked document, and where findings about it go.
pub(crate) struct Context<'a, 'r> {
    pub(crate) view: View<'a>,
    pub(crate) report: &'r mut Report,
}

impl<'a> Context<'a, '_> {
    /// The text of an element as the value it was checked to be.
    pub(crate) fn text<T>(
        &mut self,
        node: NodeId,
        parse: impl FnOnce(&'a str) -> Result<T, ValueError>,
    ) -> Option<Sourced<T>> {
        let span = self.view.text_span(node);
        let parsed = parse(self.view.text(node));
        self.keep(parsed, span)
    }

    /// An attribute as the value it was checked to be; `None` where it is not written.
    pub(crate) fn attribute<T>(
        &mut self,
        node: NodeId,
        name: &str,
        parse: impl FnOnce(&'a str) -> Result<T, ValueError>,
    ) -> Option<Sourced<T>> {
        let (value, span) = self.view.attribute(node, name)?;
        self.keep(parse(value), span)
    }

    fn keep<T>(&mut self, parsed: Result<T, ValueError>, span: Span) -> Option<Sourced<T>> {
        match parsed {
            Ok(value) => Some(Sourced::xml(value, span)),
            Err(error) => {
                let mut fault = Diagnostic::error(error.code, span, error.message);
                fault.help = error.help.map(Into::into);
                self.report.push(fault);
                None
            }
        }
    }

    /// A number that the table has bounded.
    pub(crate) fn number(&mut self, node: NodeId) -> Option<Sourced<u64>> {
        self.text(node, number)
    }

    /// A size: the text is the number, `@unit` its unit. In bytes.
    pub(crate) fn size(&mut self, node: NodeId) -> Option<Sourced<u64>> {
        let unit = self.view.attribute(node, "unit").map(|(unit, _)| unit);
        self.text(node, |text| crate::value::parse_size(text, unit).map(whole_kib))
    }

    /// The place for something missing in `node`: behind `after`, or behind the start tag.
    pub(crate) fn gap(&self, node: NodeId, after: Option<NodeId>) -> Span {
        let from = self.view.end(node, after);
        let text = self.view.source;
        let at = from + crate::check::line_after(&text.as_bytes()[from..]);
        Span::new(at, text.ceil_char_boundary(at + 1).min(text.len()))
    }

    /// The child of `node` in front of `child`.
    pub(crate) fn before(&self, node: NodeId, child: NodeId) -> Option<NodeId> {
        self.view.children(node).take_while(|&other| other != child).last()
    }

    /// Where an element is, as an origin.
    pub(crate) fn origin(&self, node: NodeId) -> Origin {
        Origin::Xml(self.view.span(node))
    }
}

/// libvirt counts memory in KiB, and rounds up.
pub(crate) const fn whole_kib(bytes: u64) -> u64 {
    bytes.div_ceil(1024) * 1024
}

pub(crate) fn number(text: &str) -> Result<u64, ValueError> {
    crate::value::parse_u64(text).ok_or_else(|| not_a_number(text))
}

pub(crate) fn integer(text: &str) -> Result<i64, ValueError> {
    crate::value::parse_i64(text).ok_or_else(|| not_a_number(text))
}

#[cold]
fn not_a_number(text: &str) -> ValueError {
    ValueError::new(Code::NotANumber, format!("{} is not a decimal number", crate::value::quoted(text)))
}

pub(crate) fn owned(text: &str) -> Result<String, ValueError> {
    Ok(text.to_owned())
}
