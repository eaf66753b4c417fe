//! A RELAX NG grammar in XML form as a value, to be asked what may stand where.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::Path;
use std::rc::Rc;

/// What may stand in one place.
#[derive(Debug)]
pub enum Pattern {
    NotAllowed,
    Empty,
    /// Any text, or data of a type that is not looked at.
    Text,
    /// Text of the form of this regular expression.
    Form(String),
    /// This text.
    Word(String),
    /// An attribute of this name, or of any.
    Attribute(Option<String>, Rc<Pattern>),
    /// An element of this name, or of any, and its namespace.
    Element(Option<String>, String, Rc<Pattern>),
    Choice(Vec<Rc<Pattern>>),
    /// All of them, in whatever order.
    Group(Vec<Rc<Pattern>>),
    Ref(String),
}

/// Named patterns, and where a document begins.
#[derive(Debug, Default)]
pub struct Grammar {
    defines: HashMap<String, Rc<Pattern>>,
    pub start: Option<Rc<Pattern>>,
    read: HashSet<std::path::PathBuf>,
}

/// An element of the grammar's file.
#[derive(Debug, Default)]
struct Node {
    name: String,
    attributes: BTreeMap<String, String>,
    text: String,
    children: Vec<Node>,
}

impl Grammar {
    /// Reads a grammar and what it includes.
    pub fn read(path: &Path) -> Self {
        let mut grammar = Self::default();
        grammar.include(path, &[]);
        grammar
    }

    /// Reads a grammar that includes nothing.
    pub fn parse(text: &str) -> Self {
        let mut grammar = Self::default();
        let root = parse(text);
        grammar.take(&root, Path::new("."), &HashSet::new());
        grammar
    }

    fn include(&mut self, path: &Path, overriding: &[Node]) {
        if self.read.insert(path.to_owned()) {
            let text =
                std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            let root = parse(&text);
            let replaced = overriding.iter().filter_map(|it| it.attributes.get("name").cloned()).collect();
            self.take(&root, path.parent().expect("a file is in a directory"), &replaced);
        }
        for node in overriding {
            self.component(node, Path::new("."), &HashSet::new());
        }
    }

    fn take(&mut self, root: &Node, base: &Path, replaced: &HashSet<String>) {
        for node in &root.children {
            self.component(node, base, replaced);
        }
    }

    fn component(&mut self, node: &Node, base: &Path, replaced: &HashSet<String>) {
        match node.name.as_str() {
            "start" => self.start = Some(group(&node.children)),
            "div" => self.take(node, base, replaced),
            "include" => self.include(&base.join(&node.attributes["href"]), &node.children),
            "define" => {
                let name = node.attributes["name"].clone();
                if replaced.contains(&name) {
                    return;
                }
                let new = group(&node.children);
                let combined = match self.defines.get(&name) {
                    Some(old) if node.attributes.get("combine").is_some_and(|how| how == "interleave") => {
                        Rc::new(Pattern::Group(vec![old.clone(), new]))
                    }
                    Some(old) => Rc::new(Pattern::Choice(vec![old.clone(), new])),
                    None => new,
                };
                let _old = self.defines.insert(name, combined);
            }
            _ => {}
        }
    }

    /// The pattern without references, but for those inside of elements.
    pub fn expanded(&self, pattern: &Rc<Pattern>) -> Rc<Pattern> {
        let all = |list: &[Rc<Pattern>]| list.iter().map(|it| self.expanded(it)).collect::<Vec<_>>();
        match &**pattern {
            Pattern::Ref(name) => {
                let defined = self.defines.get(name);
                defined.map_or_else(|| panic!("the grammar has no '{name}'"), |it| self.expanded(it))
            }
            Pattern::Choice(list) => choice(all(list)),
            Pattern::Group(list) => grouped(all(list)),
            Pattern::Attribute(name, value) => {
                Rc::new(Pattern::Attribute(name.clone(), self.expanded(value)))
            }
            _ => pattern.clone(),
        }
    }
}

/// One of these.
pub fn choice(list: Vec<Rc<Pattern>>) -> Rc<Pattern> {
    let mut list: Vec<_> = list.into_iter().filter(|it| !matches!(**it, Pattern::NotAllowed)).collect();
    match list.len() {
        0 => Rc::new(Pattern::NotAllowed),
        1 => list.remove(0),
        _ => Rc::new(Pattern::Choice(list)),
    }
}

fn grouped(list: Vec<Rc<Pattern>>) -> Rc<Pattern> {
    if list.iter().any(|it| matches!(**it, Pattern::NotAllowed)) {
        return Rc::new(Pattern::NotAllowed);
    }
    Rc::new(Pattern::Group(list))
}

/// What is left of a pattern when the attribute `name` says `word`; `None`: when it is not written.
pub fn given(pattern: &Rc<Pattern>, name: &str, word: Option<&str>) -> Rc<Pattern> {
    match (&**pattern, word) {
        (Pattern::Attribute(Some(known), _), None) if known == name => Rc::new(Pattern::NotAllowed),
        (Pattern::Attribute(Some(known), value), Some(word)) if known == name && takes(value, word) => {
            Rc::new(Pattern::Empty)
        }
        (Pattern::Choice(list), _) => choice(list.iter().map(|it| given(it, name, word)).collect()),
        (Pattern::Group(list), None) => grouped(list.iter().map(|it| given(it, name, word)).collect()),
        (Pattern::Group(list), Some(_)) => {
            let ways = (0..list.len()).map(|at| {
                let mut list = list.clone();
                list[at] = given(&list[at], name, word);
                grouped(list)
            });
            choice(ways.collect())
        }
        (_, None) => pattern.clone(),
        (_, Some(_)) => Rc::new(Pattern::NotAllowed),
    }
}

/// Whether a value may be this word.
pub fn takes(value: &Pattern, word: &str) -> bool {
    match value {
        Pattern::Text => true,
        Pattern::Empty => word.is_empty(),
        Pattern::Word(known) => known == word,
        Pattern::Form(form) => {
            regex_lite::Regex::new(&format!("^(?:{form})$")).map_or(true, |form| form.is_match(word))
        }
        Pattern::Choice(list) | Pattern::Group(list) => list.iter().any(|it| takes(it, word)),
        _ => false,
    }
}

/// What stands in one place, whatever the conditions.
#[derive(Debug, Default)]
pub struct Facts {
    pub attributes: BTreeMap<String, Vec<Rc<Pattern>>>,
    /// By namespace and name.
    pub elements: BTreeMap<(String, String), Vec<Rc<Pattern>>>,
    /// Text of the element itself.
    pub text: Vec<Rc<Pattern>>,
}

impl Facts {
    /// The facts of a pattern without references.
    pub fn of(pattern: &Rc<Pattern>) -> Self {
        let mut facts = Self::default();
        facts.gather(pattern);
        facts
    }

    fn gather(&mut self, pattern: &Rc<Pattern>) {
        match &**pattern {
            Pattern::Choice(list) | Pattern::Group(list) => list.iter().for_each(|it| self.gather(it)),
            Pattern::Attribute(Some(name), value) => {
                self.attributes.entry(name.clone()).or_default().push(value.clone());
            }
            Pattern::Element(Some(name), space, content) => {
                let known = self.elements.entry((space.clone(), name.clone())).or_default();
                if !known.iter().any(|it| Rc::ptr_eq(it, content)) {
                    known.push(content.clone());
                }
            }
            Pattern::Text | Pattern::Form(_) | Pattern::Word(_) => self.text.push(pattern.clone()),
            _ => {}
        }
    }
}

/// The words that a value spells out.
pub fn words(value: &Pattern, found: &mut Vec<String>) {
    match value {
        Pattern::Word(word) => found.push(word.clone()),
        Pattern::Choice(list) | Pattern::Group(list) => list.iter().for_each(|it| words(it, found)),
        _ => {}
    }
}

fn group(nodes: &[Node]) -> Rc<Pattern> {
    let mut list: Vec<_> = nodes.iter().filter_map(pattern).collect();
    if list.len() == 1 { list.remove(0) } else { Rc::new(Pattern::Group(list)) }
}

fn pattern(node: &Node) -> Option<Rc<Pattern>> {
    let inner = || node.children.iter().filter_map(pattern).collect::<Vec<_>>();
    let any = |name: &str| node.children.iter().any(|it| it.name == name);
    let named = || if any("anyName") || any("nsName") { None } else { Some(node.attributes["name"].clone()) };
    Some(Rc::new(match node.name.as_str() {
        "notAllowed" => Pattern::NotAllowed,
        "empty" => Pattern::Empty,
        "text" | "list" => Pattern::Text,
        "value" => Pattern::Word(node.text.clone()),
        "data" => {
            let form =
                node.children.iter().find(|it| it.attributes.get("name").is_some_and(|it| it == "pattern"));
            form.map_or(Pattern::Text, |form| Pattern::Form(form.text.clone()))
        }
        "attribute" if inner().is_empty() => Pattern::Attribute(named(), Rc::new(Pattern::Text)),
        "attribute" => Pattern::Attribute(named(), group(&node.children)),
        "element" => {
            let space = node.attributes.get("ns").cloned().unwrap_or_default();
            Pattern::Element(named(), space, group(&node.children))
        }
        "choice" => Pattern::Choice(inner()),
        "optional" | "zeroOrMore" => Pattern::Choice(vec![Rc::new(Pattern::Empty), group(&node.children)]),
        "group" | "interleave" | "oneOrMore" | "mixed" => Pattern::Group(inner()),
        "ref" => Pattern::Ref(node.attributes["name"].clone()),
        _ => return None,
    }))
}

/// A namespace holds for everything below what declares it.
fn inherit(node: &mut Node, space: &str) {
    let space = node.attributes.entry("ns".to_owned()).or_insert_with(|| space.to_owned()).clone();
    node.children.iter_mut().for_each(|child| inherit(child, &space));
}

fn parse(text: &str) -> Node {
    let document = roxmltree::Document::parse(text).expect("the grammar is well-formed");
    let mut root = node(document.root_element());
    inherit(&mut root, "");
    root
}

fn node(element: roxmltree::Node<'_, '_>) -> Node {
    Node {
        name: element.tag_name().name().to_owned(),
        attributes: element.attributes().map(|it| (it.name().to_owned(), it.value().to_owned())).collect(),
        text: element.text().unwrap_or_default().to_owned(),
        children: element.children().filter(roxmltree::Node::is_element).map(node).collect(),
    }
}
