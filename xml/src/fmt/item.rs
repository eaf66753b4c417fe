//! An element on its way to being written.

use crate::events::{comments, declarations};
use crate::schema::{Content, Element, Namespace, Occurs};
use crate::source::{Source, Span};
use crate::tree::{NodeId, View};
use crate::value::{IdSet, Value, parse_i64, parse_u64};

/// An element, its parts in canonical order.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Item {
    pub(crate) name: String,
    pub(crate) attributes: Vec<(String, String)>,
    pub(crate) text: String,
    /// Markup that is written as it is, instead of text.
    pub(crate) raw: Option<String>,
    pub(crate) children: Vec<Item>,
    /// Comments before it, with their delimiters.
    pub(crate) comments: Vec<String>,
    /// Comments behind its last child.
    pub(crate) trailing: Vec<String>,
    /// Where it stands among its siblings.
    rank: usize,
}

impl Item {
    /// An element with nothing in it.
    pub(crate) fn new(name: &str) -> Self {
        Self { name: name.to_owned(), ..Self::default() }
    }

    /// An element that holds text.
    pub(crate) fn text(name: &str, text: impl Into<String>) -> Self {
        Self { name: name.to_owned(), text: text.into(), ..Self::default() }
    }

    /// The same with an attribute.
    pub(crate) fn with(mut self, name: &str, value: impl Into<String>) -> Self {
        self.attributes.push((name.to_owned(), value.into()));
        self
    }

    /// An attribute's value.
    pub(crate) fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// Sets an attribute; a new one goes to the end.
    pub(crate) fn set(&mut self, name: &str, value: impl Into<String>) {
        match self.attributes.iter_mut().find(|(known, _)| known == name) {
            Some((_, old)) => *old = value.into(),
            None => self.attributes.push((name.to_owned(), value.into())),
        }
    }

    /// Whether it says nothing at all.
    pub(crate) fn is_empty(&self) -> bool {
        let silent = self.attributes.is_empty() && self.text.trim().is_empty() && self.raw.is_none();
        silent && self.children.is_empty() && !self.has_comments()
    }

    /// Whether comments would go with it.
    pub(crate) fn has_comments(&self) -> bool {
        let inside = self.children.iter().any(Self::has_comments);
        inside || !self.comments.is_empty() || !self.trailing.is_empty()
    }

    /// The first child of this name.
    pub(crate) fn child(&mut self, name: &str) -> Option<&mut Self> {
        self.children.iter_mut().find(|child| child.name == name)
    }
}

/// Everything below the root of `view`, in the order of the tables, and the comments behind it.
pub(super) fn build(view: View<'_>, source: &Source) -> (Item, Vec<String>) {
    let comments = comments(source.text());
    let mut builder = Builder { view, comments: &comments, at: 0 };
    let before = builder.take_comments(view.span(0).start);
    let mut root = builder.item(0);
    root.comments = before;
    let namespaces = declared(view);
    root.attributes.extend(namespaces);
    root.trailing.extend(builder.take_comments(view.tree.nodes[0].end));
    let behind = builder.take_comments(u32::MAX);
    (root, behind)
}

/// Prefixes of the namespaces that are used.
fn declared(view: View<'_>) -> Vec<(String, String)> {
    let mut prefixes: Vec<(String, String)> = Vec::new();
    for node in &view.tree.nodes {
        let (prefix, uri) = match node.element.namespace {
            Namespace::None => continue,
            Namespace::Lxc => ("lxc", Namespace::LXC_URI.to_owned()),
            Namespace::Browndog => ("browndog", Namespace::BROWNDOG_URI.to_owned()),
            Namespace::Foreign(driver) => (driver, format!("http://libvirt.org/schemas/domain/{driver}/1.0")),
        };
        let name = format!("xmlns:{prefix}");
        if !prefixes.iter().any(|(known, _)| *known == name) {
            prefixes.push((name, uri));
        }
    }
    prefixes.sort();
    prefixes
}

impl Item {
    /// Makes one of the children of this rank, which are parts of one.
    fn unite(&mut self, rank: usize) {
        let Some(first) = self.children.iter().position(|child| child.rank == rank) else { return };
        while self.children.get(first + 1).is_some_and(|next| next.rank == rank) {
            let next = self.children.remove(first + 1);
            let whole = &mut self.children[first];
            whole.comments.extend(next.comments);
            whole.children.extend(next.children);
            whole.trailing.extend(next.trailing);
            whole.children.sort_by_key(|child| child.rank);
        }
    }
}

struct Builder<'a> {
    view: View<'a>,
    comments: &'a [Span],
    at: usize,
}

impl Builder<'_> {
    /// What this foreign content uses and the tags around it declare: those are written anew.
    fn prefixes_of(&self, node: NodeId, content: &str) -> Vec<(String, String)> {
        let mut declared = declarations(self.view.source, self.view.span(node));
        for (name, uri) in declarations(self.view.source, self.view.span(0)) {
            if !declared.iter().any(|(known, _)| *known == name) {
                declared.push((name, uri));
            }
        }
        declared.into_iter().filter(|(name, _)| uses(content, &name["xmlns:".len()..])).collect()
    }

    fn take_comments(&mut self, before: u32) -> Vec<String> {
        let mut taken = Vec::new();
        while let Some(span) = self.comments.get(self.at).filter(|span| span.start < before) {
            taken.push(self.view.source[span.start as usize..span.end as usize].to_owned());
            self.at += 1;
        }
        taken
    }

    fn item(&mut self, node: NodeId) -> Item {
        let entry = &self.view.tree.nodes[node];
        let row = entry.element;
        let mut item = Item::new(&prefixed(row));
        let mut attributes: Vec<_> = self.view.tree.attributes_of(node).iter().collect();
        let rank = |name: &str| row.attributes.iter().position(|known| known.name == name);
        attributes.sort_by_key(|attribute| rank(attribute.row.name));
        for attribute in attributes {
            item.attributes.push((
                attribute.row.name.to_owned(),
                plain(attribute.row.value, self.view.resolve(attribute.value)),
            ));
        }
        match row.content {
            Content::Foreign => {
                let whole = &self.view.source[entry.open_end as usize..entry.end as usize];
                let end = whole.rfind("</").unwrap_or(0);
                item.raw = Some(whole[..end].to_owned());
                item.attributes.extend(self.prefixes_of(node, &whole[..end]));
                while self.comments.get(self.at).is_some_and(|span| span.start < entry.end) {
                    self.at += 1;
                }
            }
            Content::Text(value) => item.text = plain(value, self.view.text(node)),
            Content::Either(..) | Content::Empty => self.view.text(node).clone_into(&mut item.text),
            Content::Children(_) | Content::Variants(_) => {}
        }
        for child in self.view.children(node) {
            let comments = self.take_comments(self.view.span(child).start);
            let mut lower = self.item(child);
            lower.comments = comments;
            let same = |known: &crate::schema::Child| {
                known.element.name == self.view.name(child)
                    && known.element.namespace == self.view.tree.nodes[child].element.namespace
            };
            lower.rank = row.children().iter().position(same).unwrap_or(usize::MAX);
            item.children.push(lower);
        }
        if !item.children.is_empty() && item.text.trim().is_empty() {
            item.text.clear();
        }
        item.children.sort_by_key(|child| child.rank);
        for (rank, child) in row.children().iter().enumerate() {
            if child.occurs == Occurs::InParts {
                item.unite(rank);
            }
        }
        item.trailing = self.take_comments(self.view.tree.nodes[node].end);
        item
    }
}

/// Whether a name in `content` may have this prefix.
fn uses(content: &str, prefix: &str) -> bool {
    content.match_indices(prefix).any(|(at, _)| content[at + prefix.len()..].starts_with(':'))
}

/// A number without leading zeros; anything else as it was written.
fn plain(value: Value, text: &str) -> String {
    match value {
        Value::Unsigned(..) => parse_u64(text).map_or_else(|| text.to_owned(), |number| number.to_string()),
        Value::Integer(..) => parse_i64(text).map_or_else(|| text.to_owned(), |number| number.to_string()),
        Value::IdSet => IdSet::parse(text).map_or_else(|_| text.to_owned(), |set| set.to_string()),
        Value::OneOf(types) => {
            let first = types.iter().find(|value| value.check(text).is_ok());
            first.map_or_else(|| text.to_owned(), |value| plain(*value, text))
        }
        _ => text.to_owned(),
    }
}

fn prefixed(row: &Element) -> String {
    match row.namespace {
        Namespace::None => row.name.to_owned(),
        Namespace::Lxc => format!("lxc:{}", row.name),
        Namespace::Browndog => format!("browndog:{}", row.name),
        Namespace::Foreign(driver) => format!("{driver}:{}", row.name),
    }
}
