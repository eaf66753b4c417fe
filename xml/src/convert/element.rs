//! A document on its way to being written, whose every part knows what asked for it.

use crate::domain::Origin;
use crate::fmt::Item;
use crate::source::Span;

/// A place in one of the sources that are converted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    pub(super) source: usize,
    pub(super) span: Span,
}

/// An element, and where what it says was said.
#[derive(Clone, Debug, Default)]
pub(super) struct Element {
    pub(super) name: &'static str,
    pub(super) attributes: Vec<(&'static str, String)>,
    pub(super) text: String,
    pub(super) children: Vec<Element>,
    pub(super) place: Option<Place>,
    comments: Vec<String>,
    trailing: Vec<String>,
}

impl Element {
    pub(super) fn new(name: &'static str) -> Self {
        Self { name, ..Self::default() }
    }

    pub(super) fn text(name: &'static str, text: impl ToString) -> Self {
        Self { name, text: text.to_string(), ..Self::default() }
    }

    pub(super) fn with(mut self, name: &'static str, value: impl ToString) -> Self {
        self.attributes.push((name, value.to_string()));
        self
    }

    /// The same with an attribute, where there is a value.
    pub(super) fn with_some(self, name: &'static str, value: Option<impl ToString>) -> Self {
        match value {
            Some(value) => self.with(name, value),
            None => self,
        }
    }

    pub(super) fn holding(mut self, child: Self) -> Self {
        self.children.push(child);
        self
    }

    pub(super) fn at(mut self, place: Place) -> Self {
        self.place = Some(place);
        self
    }

    /// Where a part of a domain was written; what is a default was written nowhere.
    pub(super) fn from(self, origin: Origin) -> Self {
        match origin {
            Origin::Xml(span) => self.at(Place { source: 0, span }),
            Origin::Default(_) => self,
        }
    }

    /// Adds a child, unless nothing is in it.
    pub(super) fn push_filled(&mut self, child: Self) {
        if !child.children.is_empty() || !child.attributes.is_empty() || !child.text.is_empty() {
            self.children.push(child);
        }
    }

    /// How many elements it is, with all below it.
    pub(super) fn count(&self) -> usize {
        1 + self.children.iter().map(Self::count).sum::<usize>()
    }

    /// Where each element was said, in the order of their start tags; what has no place of its own
    /// has that of the element around it.
    pub(super) fn places(&self, outer: Place, out: &mut Vec<Place>) {
        let own = self.place.unwrap_or(outer);
        out.push(own);
        self.children.iter().for_each(|child| child.places(own, out));
    }

    /// Puts each comment before the first element that was written behind it.
    pub(super) fn take_comments(&mut self, comments: Vec<(Span, String)>) {
        for (span, text) in comments {
            let comment = format!("<!--{text}-->");
            match self.first_behind(span.end) {
                Some(place) => self.comment(place, comment),
                None => self.trailing.push(comment),
            }
        }
    }

    /// The earliest place of the first source that begins at `end` or behind it.
    fn first_behind(&self, end: u32) -> Option<Place> {
        let own = self.place.filter(|place| place.source == 0 && place.span.start >= end);
        self.children.iter().filter_map(|child| child.first_behind(end)).chain(own).min()
    }

    /// Gives the comment to the outermost element of that place.
    fn comment(&mut self, place: Place, comment: String) {
        if self.place == Some(place) {
            return self.comments.push(comment);
        }
        if let Some(child) =
            self.children.iter_mut().find(|child| child.first_behind(place.span.start) == Some(place))
        {
            child.comment(place, comment);
        }
    }

    /// As the writer takes it.
    pub(super) fn item(&self) -> Item {
        let mut item = Item::text(self.name, self.text.clone());
        item.attributes =
            self.attributes.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
        item.children = self.children.iter().map(Self::item).collect();
        item.comments.clone_from(&self.comments);
        item.trailing.clone_from(&self.trailing);
        item
    }
}
