//! Names and words that came with a later libvirt: later than one that was asked for, or than any known one.

use super::{Checker, Mode, Sink};
use crate::codes::Code;
use crate::nearest::nearest;
use crate::report::Diagnostic;
use crate::schema::{self, Attribute, Element, NEWEST, Namespace, Version};
use crate::source::Span;
use crate::value::ValueError;

impl<S: Sink> Checker<'_, S> {
    /// Which libvirt was the first to have it, where that is later than the one asked for.
    fn too_new(&self, since: Option<Version>) -> Option<(Version, Version)> {
        let (asked, since) = (self.asked?, since?);
        // What stands inside of something too new was said with it.
        let around = self.frames.iter().any(|frame| match frame.mode {
            Mode::Row(element, _) => element.since.is_some_and(|since| since > asked),
            _ => false,
        });
        (since > asked && !around).then_some((asked, since))
    }

    /// Says that an element that is about to be opened is too new.
    #[cold]
    pub(super) fn newer_element(&mut self, since: Option<Version>, name: Span) {
        let Some((asked, since)) = self.too_new(since) else { return };
        let name_text = self.name(name).to_owned();
        let span = Span { start: name.start - 1, end: name.end };
        let message = format!("libvirt {asked} has no <{name_text}>: it came with libvirt {since}");
        let path = self.path_of_child(&name_text);
        self.push(Diagnostic::error(Code::TooNew, span, message).path(path));
    }

    /// Says that an attribute of the innermost element, or its value, is too new.
    #[cold]
    pub(super) fn newer_attribute(&mut self, element: &Element, row: &Attribute, value: &str, span: Span) {
        let (since, what) = match (row.since, row.since_of(value)) {
            (None, Some(since)) => {
                (since, format!("{} of @{} of <{}>", crate::value::quoted(value), row.name, element.name))
            }
            (Some(since), _) => (since, format!("@{} of <{}>", row.name, element.name)),
            (None, None) => return,
        };
        let Some((asked, since)) = self.too_new(Some(since)) else { return };
        let message = format!("libvirt {asked} has no {what}: it came with libvirt {since}");
        let path = format!("{}/@{}", self.path(), row.name);
        self.push(Diagnostic::error(Code::TooNew, span, message).path(path));
    }

    /// Says that the text of the innermost element is too new.
    #[cold]
    pub(super) fn newer_text(&mut self, element: &Element, text: &str, span: Span) {
        let Some((asked, since)) = self.too_new(element.since_of(text)) else { return };
        let shown = crate::value::quoted(text);
        let message =
            format!("libvirt {asked} has no {shown} in <{}>: it came with libvirt {since}", element.name);
        self.push(Diagnostic::error(Code::TooNew, span, message));
    }

    /// Whether what stands in `parent` is libvirt's to name.
    fn is_libvirts(&self, parent: &Element) -> bool {
        let root = self.frames.first().map(|frame| frame.mode);
        let lxc =
            matches!(root, Some(Mode::Row(root, _)) if std::ptr::eq(root, &raw const schema::lxc::DOMAIN));
        lxc && matches!(parent.namespace, Namespace::None | Namespace::Lxc)
    }

    /// What to add to the advice about a name or word that no row has, where a later libvirt may have it.
    pub(super) fn maybe_newer(&self, parent: &Element, name: &str) -> Option<String> {
        let looks = name.len() >= 3
            && name.starts_with(|first: char| first.is_ascii_lowercase())
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'));
        (looks && self.is_libvirts(parent))
            .then(|| format!("if a libvirt after {NEWEST} has it, it is newer than browndog knows"))
    }

    /// The complaint about a word that is none of its row's, with the same addition.
    pub(super) fn maybe_newer_word(&self, element: &Element, word: &str, error: ValueError) -> ValueError {
        let typo = error.help.as_ref().is_some_and(|help| help.starts_with("did you mean"));
        if error.code != Code::NotAChoice || typo {
            return error;
        }
        let newer = self.maybe_newer(element, word);
        ValueError { help: joined(error.help, newer), ..error }
    }
}

/// The name that was probably meant. A known name with a whole word before or behind it is another name.
pub(super) fn meant<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    nearest(name, known).filter(|near| {
        let rest = name.strip_suffix(near).or_else(|| name.strip_prefix(near));
        rest.is_none_or(|rest| rest.len() < 2)
    })
}

/// Advice and what may be added to it.
pub(super) fn joined(help: Option<String>, added: Option<String>) -> Option<String> {
    match (help, added) {
        (Some(help), Some(added)) => Some(format!("{help}; {added}")),
        (help, added) => help.or(added),
    }
}
