//! The tables beside a grammar of libvirt's: what either has and the other has not.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::rc::Rc;

use browndog_xml::schema::{Attribute, Content, Element, Namespace, Version, lxc};
use browndog_xml::value::Value;

use crate::grammar::{Facts, Grammar, Pattern, choice, given, takes, words};

/// A row, or a word of its value: its identity, and how it is written.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Fact {
    row: usize,
    attribute: Option<&'static str>,
    word: Option<&'static str>,
}

/// What the grammar has of the tables' rows.
#[derive(Debug)]
pub struct Known {
    /// Where the row stands, nearest to the root.
    pub place: String,
    /// Whether the grammar has it in any of its places.
    pub known: bool,
    /// Which libvirt was the first to have it, by the tables.
    pub since: Option<Version>,
}

/// The outcome of a comparison.
#[derive(Debug, Default)]
pub struct Comparison {
    /// What the grammar has and no row says.
    pub unknown: BTreeSet<String>,
    /// Every row, and every word of a value.
    pub rows: BTreeMap<Fact, Known>,
    done: HashSet<(usize, Vec<usize>)>,
    /// What the rows around the one that is looked at are as old as.
    around: Vec<Option<Version>>,
}

/// Holds the tables of `<domain type='lxc'>` against `grammar`.
pub fn compare(grammar: &Grammar) -> Comparison {
    let mut comparison = Comparison::default();
    let start = grammar.expanded(grammar.start.as_ref().expect("the grammar has a start"));
    let facts = Facts::of(&start);
    let domain = &facts.elements[&(String::new(), "domain".to_owned())];
    comparison.element(grammar, &lxc::DOMAIN, domain, "/domain");
    comparison
}

fn address(element: &'static Element) -> usize {
    std::ptr::from_ref(element).addr()
}

fn uri(namespace: Namespace) -> String {
    match namespace {
        Namespace::None => String::new(),
        Namespace::Lxc => Namespace::LXC_URI.to_owned(),
        Namespace::Browndog => Namespace::BROWNDOG_URI.to_owned(),
        Namespace::Foreign(driver) => format!("http://libvirt.org/schemas/domain/{driver}/1.0"),
    }
}

impl Comparison {
    fn element(&mut self, grammar: &Grammar, row: &'static Element, contents: &[Rc<Pattern>], path: &str) {
        let mut identities: Vec<usize> = contents.iter().map(|it| Rc::as_ptr(it).addr()).collect();
        identities.sort_unstable();
        if !self.done.insert((address(row), identities)) {
            return;
        }
        let content = choice(contents.iter().map(|it| grammar.expanded(it)).collect());
        let content = match path {
            // Which driver it is for is settled.
            "/domain" => given(&content, "type", Some("lxc")),
            "/domain/os" => self.of_a_container(grammar, row, &content, path),
            _ => content,
        };
        self.row(grammar, row, &content, path, &[]);
    }

    /// What `<os>` holds where `<type>` is exe. Of the other kinds the names have to be known, no more.
    fn of_a_container(
        &mut self,
        grammar: &Grammar,
        row: &'static Element,
        content: &Rc<Pattern>,
        path: &str,
    ) -> Rc<Pattern> {
        let Pattern::Choice(kinds) = &**content else { return content.clone() };
        let exe = |kind: &&Rc<Pattern>| {
            let facts = Facts::of(kind);
            let types = facts.elements.get(&(String::new(), "type".to_owned()));
            types
                .into_iter()
                .flatten()
                .any(|content| Facts::of(&grammar.expanded(content)).text.iter().any(|it| takes(it, "exe")))
        };
        let facts = Facts::of(content);
        for (_, name) in facts.elements.keys() {
            match row.children().iter().find(|child| child.element.name == name) {
                None => drop(self.unknown.insert(format!("{path}/{name}"))),
                Some(child) => self.note(child.element, None, None, &format!("{path}/{name}"), true),
            }
        }
        for name in facts.attributes.keys() {
            match row.attributes.iter().find(|it| it.name == name) {
                None => drop(self.unknown.insert(format!("{path}/@{name}"))),
                Some(it) => {
                    self.note(row, Some(it), None, &format!("{path}/@{name}"), true);
                    self.note_words(
                        row,
                        Some(it),
                        it.value,
                        &format!("{path}/@{name}"),
                        facts.attributes.get(name),
                    );
                }
            }
        }
        choice(kinds.iter().filter(exe).cloned().collect())
    }

    fn row(
        &mut self,
        grammar: &Grammar,
        row: &'static Element,
        content: &Rc<Pattern>,
        path: &str,
        settled: &[&str],
    ) {
        let known = !matches!(**content, Pattern::NotAllowed);
        self.note(row, None, None, path, known);
        self.around.push(row.since.max(self.around.last().copied().flatten()));
        match row.content {
            Content::Foreign => {}
            Content::Variants(variants) => {
                let facts = Facts::of(content);
                let mut spelt = Vec::new();
                for value in facts.attributes.get(variants.attribute).into_iter().flatten() {
                    words(value, &mut spelt);
                }
                let name = variants.attribute;
                for word in spelt {
                    if !variants.rows.iter().any(|(words, _)| words.contains(&word.as_str())) {
                        let _new = self.unknown.insert(format!("{path}/@{name}='{word}'"));
                    }
                }
                for (words, row) in variants.rows {
                    for word in *words {
                        let mut ways = vec![given(content, name, Some(word))];
                        if variants.absent == Some(word) {
                            ways.push(given(content, name, None));
                        }
                        let settled: Vec<&str> = settled.iter().copied().chain([name]).collect();
                        let path = format!("{path}({word})");
                        let chosen = choice(ways);
                        let known = !matches!(*chosen, Pattern::NotAllowed);
                        self.around.push(row.since.max(self.around.last().copied().flatten()));
                        if let Some(attribute) = row.attributes.iter().find(|it| it.name == name) {
                            self.note(row, Some(attribute), Some(word), &format!("{path}/@{name}"), known);
                            self.note(row, Some(attribute), None, &format!("{path}/@{name}"), known);
                        }
                        let _shown = self.around.pop();
                        self.row(grammar, row, &chosen, &path, &settled);
                    }
                }
            }
            _ => self.plain(grammar, row, &Facts::of(content), path, settled),
        }
        let _shown = self.around.pop();
    }

    fn plain(
        &mut self,
        grammar: &Grammar,
        row: &'static Element,
        facts: &Facts,
        path: &str,
        settled: &[&str],
    ) {
        for (name, values) in &facts.attributes {
            match row.attributes.iter().find(|it| it.name == name) {
                None => drop(self.unknown.insert(format!("{path}/@{name}"))),
                Some(attribute) => self.words(values, attribute.value, &format!("{path}/@{name}")),
            }
        }
        for attribute in row.attributes.iter().filter(|it| !settled.contains(&it.name)) {
            let place = format!("{path}/@{}", attribute.name);
            let values = facts.attributes.get(attribute.name);
            self.note(row, Some(attribute), None, &place, values.is_some());
            self.note_words(row, Some(attribute), attribute.value, &place, values);
        }
        if let Content::Text(value) | Content::Either(value, _) = row.content {
            self.words(&facts.text, value, path);
            self.note_words(row, None, value, path, Some(&facts.text));
        } else if !facts.text.is_empty() && !facts.text.iter().all(|it| takes(it, "")) {
            let _new = self.unknown.insert(format!("{path}: text"));
        }
        for ((space, name), contents) in &facts.elements {
            let child = row
                .children()
                .iter()
                .find(|child| child.element.name == name && uri(child.element.namespace) == *space);
            let path = format!("{path}/{name}");
            match child {
                None => drop(self.unknown.insert(path)),
                Some(child) => self.element(grammar, child.element, contents, &path),
            }
        }
        for child in row.children().iter().map(|child| child.element) {
            let key = (uri(child.namespace), child.name.to_owned());
            if !facts.elements.contains_key(&key) {
                self.note(child, None, None, &format!("{path}/{}", child.name), false);
            }
        }
    }

    /// The words of a value that the row's type does not take.
    fn words(&mut self, values: &[Rc<Pattern>], value: Value, path: &str) {
        let mut spelt = Vec::new();
        values.iter().for_each(|it| words(it, &mut spelt));
        for word in spelt.into_iter().filter(|word| value.check(word).is_err()) {
            let _new = self.unknown.insert(format!("{path}='{word}'"));
        }
    }

    fn note_words(
        &mut self,
        row: &'static Element,
        attribute: Option<&'static Attribute>,
        value: Value,
        place: &str,
        theirs: Option<&Vec<Rc<Pattern>>>,
    ) {
        for word in spelt(value) {
            let known = theirs.is_some_and(|values| values.iter().any(|it| takes(it, word)));
            self.note(row, attribute, Some(word), place, known);
        }
    }

    fn note(
        &mut self,
        row: &'static Element,
        attribute: Option<&'static Attribute>,
        word: Option<&'static str>,
        place: &str,
        known: bool,
    ) {
        if matches!(row.namespace, Namespace::Browndog) {
            return;
        }
        let fact = Fact { row: address(row), attribute: attribute.map(|it| it.name), word };
        let since = match (attribute, word) {
            (None, None) => row.since,
            (Some(attribute), None) => attribute.since,
            (Some(attribute), Some(word)) => attribute.since_of(word),
            (None, Some(word)) => row.since_of(word),
        };
        let since = since.max(self.around.last().copied().flatten());
        let place = word.map_or_else(|| place.to_owned(), |word| format!("{place}='{word}'"));
        let entry = self.rows.entry(fact).or_insert(Known { place, known, since });
        entry.known |= known;
        entry.since = entry.since.min(since);
    }
}

/// The words that a value type spells out.
fn spelt(value: Value) -> Vec<&'static str> {
    match value {
        Value::Choice(words) => words.to_vec(),
        Value::OneOf(types) => types.iter().flat_map(|it| spelt(*it)).collect(),
        _ => Vec::new(),
    }
}
