//! Start tags.

use super::namespaces::Bound;
use super::root::Root;
use super::{Checker, Frame, Mode, Seen, Sink, newer};
use crate::codes::Code;
use crate::events::TagEnd;
use crate::limits;
use crate::nearest::nearest;
use crate::report::Diagnostic;
use crate::schema::{
    Child, Content, Element, Namespace, Occurs, Support, Variants, find_attribute, find_child, homes,
};
use crate::source::Span;
use crate::tree::{Node, NodeId, Text};

impl<S: Sink> Checker<'_, S> {
    /// Takes the start tag whose name was just read.
    pub(super) fn open(&mut self, name: Span) {
        let mut raw = std::mem::take(&mut self.raw);
        let tag_end = self.lexer.attributes(name.start as usize - 1, &mut raw);
        self.raw = raw;
        if tag_end == TagEnd::Missing && self.is_in_text() {
            // A '<' in a text, not an element: the fault is the text's.
            self.take_faults();
            return self.mark_faulty();
        }
        let frame = Frame {
            mode: Mode::Skipped,
            name,
            seen: self.seen.len() as u32,
            bindings: self.namespaces.len(),
            excused: tag_end == TagEnd::Missing,
            quiet: self.frames.last().is_some_and(|parent| parent.quiet),
            index: u16::MAX,
            ordinal: 0,
        };
        self.declare_namespaces();
        let depth = self.frames.len();
        let colon = self.lexer.classes.has_colon();
        let qualified = !colon || self.check_qualified(name);
        if depth == 0 {
            self.open_root(frame);
        } else if qualified {
            self.open_child(frame);
        } else {
            self.mark_faulty();
            self.frames.push(frame);
        }
        if colon {
            self.check_prefixes();
        }
        // Faults of the tag's syntax belong to the element that was just opened.
        self.take_faults();
        if depth >= limits::DEPTH {
            self.too_deep(name);
        }
        let dropped = tag_end == TagEnd::Missing && self.is_empty_by_row();
        if tag_end == TagEnd::Empty || dropped {
            let end = self.lexer.at();
            if dropped {
                self.forgive(name);
            }
            self.pop(end as u32);
        }
    }

    fn is_in_text(&self) -> bool {
        let mode = self.frames.last().map(|frame| frame.mode);
        matches!(mode, Some(Mode::Row(element, _)) if matches!(element.content, Content::Text(_)))
    }

    fn is_empty_by_row(&self) -> bool {
        match self.frames.last().map(|frame| frame.mode) {
            Some(Mode::Row(element, _)) => matches!(element.content, Content::Empty),
            _ => self.frames.len() > 1,
        }
    }

    fn open_root(&mut self, mut frame: Frame) {
        if self.root == Root::Awaited {
            self.root = Root::Open;
            let prefixed = self.lexer.bytes(frame.name).contains(&b':');
            let bound = if prefixed { None } else { self.namespaces.resolve(self.text, "") };
            if bound != Some(Bound::Known(Namespace::None)) {
                let span = Span { start: frame.name.start - 1, end: frame.name.end };
                let fault = Diagnostic::error(
                    Code::NotADomain,
                    span,
                    "the root is of a namespace that is not a domain's",
                );
                let path = format!("/{}", self.name(frame.name));
                self.push(
                    fault
                        .path(path)
                        .help("<domain> stands in no namespace: remove the prefix or the 'xmlns'"),
                );
            } else if let Some((dialect, element)) = self.root_row(frame.name) {
                let node = self.add_node(element, frame.name, 0);
                frame.mode = Mode::Row(element, node);
                self.frames.push(frame);
                self.finish_tag(element, node);
                self.sink.begin(dialect, crate::tree::View { tree: &self.tree, source: self.text }, node);
                return;
            }
        } else {
            let span = Span { start: frame.name.start - 1, end: frame.name.end };
            if self.root == Root::Closed {
                let message =
                    format!("<{}> stands behind the end of the document's element", self.name(frame.name));
                self.push(Diagnostic::error(Code::OutsideRoot, span, message));
            }
            self.root = Root::Missing;
        }
        self.frames.push(frame);
    }

    #[inline]
    fn open_child(&mut self, mut frame: Frame) {
        let parent = self.frames[self.frames.len() - 1];
        let element = match parent.mode {
            Mode::Row(element, _) if !matches!(element.content, Content::Foreign) => element,
            Mode::Skipped => return self.frames.push(frame),
            _ => {
                frame.mode = Mode::Foreign;
                return self.frames.push(frame);
            }
        };
        let (namespace, local) = match self.resolve_name(frame.name) {
            Ok(resolved) => resolved,
            Err(fault) => {
                self.push(fault);
                self.mark_faulty();
                return self.frames.push(frame);
            }
        };
        let Some((index, child)) = find_child(element, namespace, self.lexer.bytes(local)) else {
            if self.ends_before(frame.name) {
                return self.open_child(frame);
            }
            self.unknown_element(element, namespace, frame.name, local);
            frame.seen = self.seen.len() as u32;
            return self.frames.push(frame);
        };
        self.open_known(frame, parent.seen, index, child);
    }

    #[inline]
    fn open_known(&mut self, mut frame: Frame, siblings: u32, index: usize, child: &'static Child) {
        let span = Span { start: frame.name.start - 1, end: frame.name.end };
        let (ordinal, first) = self.count(siblings as usize, index as u16, span);
        frame.seen = self.seen.len() as u32;
        frame.index = index as u16;
        frame.ordinal = ordinal;
        let Some(row) = self.choose_variant(child.element, frame) else { return };
        if self.asked.is_some() {
            self.newer_element(child.element.since.max(row.since), frame.name);
        }
        if ordinal > 1 && !child.occurs.may_repeat() && !self.second_one(child, row, span, first) {
            return self.frames.push(frame);
        }
        if matches!(self.frames.last(), Some(Frame { mode: Mode::Row(parent, _), .. }) if matches!(parent.content, Content::Either(..)))
        {
            self.disown_text();
        }
        self.data.clear();
        let node = self.add_node(row, frame.name, ordinal);
        frame.mode = Mode::Row(row, node);
        let told = frame.quiet;
        frame.quiet |= matches!(row.support, Support::Ignored(_));
        self.frames.push(frame);
        match row.support {
            Support::ActedOn | Support::CannotStart(_) => {}
            Support::Ignored(_) if told => {}
            Support::Ignored(reason) => self.ignored_element(row, span, reason),
            Support::Refused(reason) => {
                self.refused_element(row, span, reason);
                let top = self.frames.len() - 1;
                self.frames[top].mode = Mode::Skipped;
                return self.discard(node);
            }
        }
        self.finish_tag(row, node);
    }

    /// Says that an element stands there once more than the schema has it; and whether it acts all the same.
    #[cold]
    fn second_one(&mut self, child: &Child, row: &Element, span: Span, first: Span) -> bool {
        let name = row.name;
        let path = self.path_of_child(name);
        let message = format!("<{name}> stands here a second time");
        if child.occurs == Occurs::InParts {
            let fault = Diagnostic::warning(
                Code::Suspicious,
                span,
                format!("{message}: both act, as in libvirt's driver, but its schema has one"),
            );
            let help = format!("put what both hold into one <{name}>");
            self.push(fault.label(first, "first one").path(path).help(help));
            return true;
        }
        let fault = Diagnostic::error(Code::DuplicateElement, span, message);
        self.push(fault.label(first, "first one").path(path).help(if row.children().is_empty() {
            "only one is allowed: remove one of them".to_owned()
        } else {
            format!("only one is allowed: put what both hold into one <{name}>")
        }));
        self.mark_faulty();
        false
    }

    fn discard(&mut self, node: NodeId) {
        self.tree.cut(node);
        self.mark_faulty();
    }

    /// Checks the attributes of the element on top and completes its node.
    #[inline]
    fn finish_tag(&mut self, element: &'static Element, node: NodeId) {
        let good = self.check_attributes(element);
        let attributes = self.tree.attributes.len() as u32;
        let open_end = self.lexer.at() as u32;
        let entry = &mut self.tree.nodes[node];
        entry.attributes = attributes - entry.first_attribute;
        entry.open_end = open_end;
        entry.faulty |= !good;
    }

    #[inline]
    fn add_node(&mut self, element: &'static Element, name: Span, ordinal: u32) -> NodeId {
        self.tree.nodes.push(Node {
            element,
            ordinal,
            name: Span { start: name.start - 1, end: name.end },
            open_end: name.end,
            end: name.end,
            first_attribute: self.tree.attributes.len() as u32,
            attributes: 0,
            first_decoded: self.tree.decoded.len() as u32,
            after: 0,
            text: Text::written(Span { start: name.end, end: name.end }),
            faulty: false,
        });
        self.tree.nodes.len() - 1
    }

    /// Counts a child of the open element; gives its number and the place of the first one.
    #[inline]
    fn count(&mut self, siblings: usize, index: u16, span: Span) -> (u32, Span) {
        for seen in &mut self.seen[siblings..] {
            if seen.index == index {
                seen.count += 1;
                return (seen.count, seen.first);
            }
        }
        self.seen.push(Seen { index, count: 1, first: span, end: span.end });
        (1, span)
    }

    /// The row that an attribute chooses. Reports and opens a skipped element where there is none.
    #[inline]
    fn choose_variant(&mut self, element: &'static Element, frame: Frame) -> Option<&'static Element> {
        let mut element = element;
        while let Content::Variants(variants) = element.content {
            element = self.variant(element, variants, frame)?;
        }
        Some(element)
    }

    fn variant(
        &mut self,
        element: &'static Element,
        variants: &'static Variants,
        frame: Frame,
    ) -> Option<&'static Element> {
        let raw =
            self.raw.iter().find(|raw| self.lexer.bytes(raw.name) == variants.attribute.as_bytes()).copied();
        let raw = raw.or_else(|| self.misspelt(variants));
        let written = raw.map(|raw| self.attribute_value(&raw));
        let row =
            |value: &str| variants.rows.iter().find(|(words, _)| words.contains(&value)).map(|(_, row)| *row);
        let chosen = match (&written, variants.absent) {
            (Some(value), _) => row(value),
            (None, Some(absent)) => row(absent),
            (None, None) => None,
        };
        if chosen.is_none() {
            self.frames.push(frame);
            self.no_variant(element, variants, raw, written.as_deref());
        }
        chosen
    }

    /// The attribute that was probably meant to choose, where it is not written.
    fn misspelt(&self, variants: &'static Variants) -> Option<crate::events::RawAttribute> {
        let unknown = |raw: &&crate::events::RawAttribute| {
            let name = self.lexer.bytes(raw.name);
            variants.rows.iter().all(|(_, row)| find_attribute(row, name).is_none())
        };
        let meant = |raw: &&crate::events::RawAttribute| {
            nearest(self.name(raw.name), [variants.attribute].into_iter()).is_some()
        };
        self.raw.iter().filter(unknown).find(meant).copied()
    }

    #[cold]
    fn no_variant(
        &mut self,
        element: &Element,
        variants: &Variants,
        raw: Option<crate::events::RawAttribute>,
        written: Option<&str>,
    ) {
        self.mark_faulty();
        if raw.is_some_and(|raw| raw.faulty) {
            return;
        }
        let words: Vec<&str> = variants.rows.iter().flat_map(|(words, _)| words.iter().copied()).collect();
        let path = format!("{}/@{}", self.path(), variants.attribute);
        let Some(frame) = self.frames.last() else { return };
        let tag = Span { start: frame.name.start - 1, end: frame.name.end };
        let fault = match (raw, written) {
            (Some(raw), Some(value)) => {
                let span = Span { start: raw.name.start, end: raw.value.end + 1 };
                let message = format!(
                    "@{} of <{}>: {}",
                    variants.attribute,
                    element.name,
                    if value.is_empty() {
                        "the value is empty".to_owned()
                    } else {
                        format!("{} is not one of the values allowed here", crate::value::quoted(value))
                    }
                );
                let near = nearest(value, words.iter().copied());
                let code = if value.is_empty() { Code::EmptyValue } else { Code::NotAChoice };
                let fault = Diagnostic::error(code, span, message);
                let list = format!("the values are {}", words.join(", "));
                let newer = self.maybe_newer(element, value);
                fault.help(match near {
                    Some(near) => format!("did you mean '{near}'? {list}"),
                    None => newer::joined(Some(list), newer).unwrap_or_default(),
                })
            }
            _ => Diagnostic::error(
                Code::MissingAttribute,
                tag,
                format!("<{}> has no attribute '{}'", element.name, variants.attribute),
            )
            .help(format!("its values are {}", words.join(", "))),
        };
        self.push(fault.path(path));
    }

    /// The namespace and local name of an element.
    #[inline]
    fn resolve_name(&mut self, name: Span) -> Result<(Namespace, Span), Diagnostic> {
        let bytes = self.lexer.bytes(name);
        if self.namespaces.is_empty() && !bytes.contains(&b':') {
            return Ok((Namespace::None, name));
        }
        let colon = bytes.iter().position(|&byte| byte == b':');
        let (prefix, local) = match colon {
            Some(at) => (name.start as usize..name.start as usize + at, name.start + at as u32 + 1),
            None => (0..0, name.start),
        };
        let prefix = &self.text[prefix];
        let local = Span { start: local, end: name.end };
        let span = Span { start: name.start - 1, end: name.end };
        match self.namespaces.resolve(self.text, prefix) {
            Some(Bound::Known(namespace)) => Ok((namespace, local)),
            Some(Bound::Other) => {
                let message = format!("<{}> is of a foreign namespace", self.name(name));
                Err(Diagnostic::error(Code::UnknownElement, span, message)
                    .path(self.path_of_child(self.name(name)))
                    .help("foreign elements may only stand in <metadata>"))
            }
            None => {
                self.note_prefix(name);
                Err(Diagnostic::error(
                    Code::BadNamespace,
                    span,
                    format!("the prefix '{prefix}' is not declared"),
                )
                .path(self.path_of_child(self.name(name)))
                .help(match prefix {
                    "lxc" => "declare it on <domain>: xmlns:lxc='http://libvirt.org/schemas/domain/lxc/1.0'",
                    "browndog" => "declare it on <domain>: xmlns:browndog='urn:browndog:domain:1'",
                    _ => "declare it on <domain>",
                }))
            }
        }
    }

    #[cold]
    fn too_deep(&mut self, name: Span) {
        let message = format!("elements are nested deeper than {}", limits::DEPTH);
        self.push(Diagnostic::error(Code::Limit, name, message).help("what follows was not read"));
        self.frames.clear();
        self.root = Root::Missing;
        self.lexer.stop();
    }

    #[cold]
    fn ignored_element(&mut self, row: &Element, span: Span, reason: &'static str) {
        self.push(Diagnostic::warning(
            Code::Ignored,
            span,
            format!("<{}> has no effect: {reason}", row.name),
        ));
    }

    #[cold]
    fn refused_element(&mut self, row: &Element, span: Span, reason: &'static str) {
        self.push(Diagnostic::error(
            Code::Refused,
            span,
            format!("<{}> is not supported: {reason}", row.name),
        ));
    }

    #[cold]
    fn unknown_element(&mut self, parent: &'static Element, namespace: Namespace, name: Span, local: Span) {
        self.mark_faulty();
        if self.report.is_full() {
            return self.report.only_count();
        }
        let shown = self.name(name).to_owned();
        let local = self.name(local).to_owned();
        let span = Span { start: name.start - 1, end: name.end };
        let path = self.path_of_child(&shown);
        if matches!(parent.content, Content::Text(_)) {
            let message = format!("<{shown}> stands in <{}>, which holds only text", parent.name);
            self.push(Diagnostic::error(Code::ElementInText, span, message).path(path));
            return;
        }
        let homes = homes(namespace, &local);
        let near = newer::meant(&local, parent.children().iter().map(|child| child.element.name));
        let meant =
            near.and_then(|near| parent.children().iter().position(|child| child.element.name == near));
        if let Some(index) = meant {
            // What was meant is not missing as well.
            let index = index as u16;
            let known = self.frames.last().map_or(0, |frame| frame.seen as usize);
            if !self.seen[known..].iter().any(|seen| seen.index == index) {
                self.seen.push(Seen { index, count: 0, first: span, end: span.end });
            }
        }
        let fault = match (near, homes.is_empty()) {
            (None, false) => Diagnostic::error(
                Code::MisplacedElement,
                span,
                format!("<{shown}> does not belong into <{}>", parent.name),
            )
            .help(format!("it belongs into {}", homes.join(" or "))),
            _ => {
                let fault = Diagnostic::error(
                    Code::UnknownElement,
                    span,
                    format!("there is no element <{shown}> in <{}>", parent.name),
                );
                let names = || parent.children().iter().map(|child| child.element.name).collect::<Vec<_>>();
                let help = match near {
                    Some(near) => Some(format!("did you mean <{near}>?")),
                    None if parent.children().is_empty() => Some(format!("<{}> holds nothing", parent.name)),
                    None if parent.children().len() <= 12 => {
                        Some(format!("<{}> may hold {}", parent.name, names().join(", ")))
                    }
                    None => None,
                };
                let newer = if near.is_none() { self.maybe_newer(parent, &local) } else { None };
                Diagnostic { help: newer::joined(help, newer).map(Into::into), ..fault }
            }
        };
        self.push(fault.path(path));
    }

    /// Notes that the innermost open node is not to be lowered.
    #[cold]
    pub(super) fn mark_faulty(&mut self) {
        let node = self.frames.iter().rev().find_map(|frame| match frame.mode {
            Mode::Row(_, node) => Some(node),
            _ => None,
        });
        if let Some(node) = node.and_then(|node| self.tree.nodes.get_mut(node)) {
            node.faulty = true;
        }
    }
}
