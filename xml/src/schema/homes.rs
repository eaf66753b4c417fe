//! Where an element of a name may stand, for help texts.

use std::collections::{HashMap, HashSet};
use std::sync::LazyLock;

use super::{Content, Element, Namespace, lxc, rfc};

/// By namespace and name, the elements that may hold one, nearest to the root first.
type Homes = HashMap<(Namespace, &'static str), Vec<&'static str>>;

/// Where the rows of both dialects may stand; looked up as often as a document has faults.
static HOMES: LazyLock<[Homes; 2]> = LazyLock::new(|| {
    [&lxc::DOMAIN, &rfc::DOMAIN].map(|root| {
        let mut homes = Homes::new();
        walk(root, &mut |parent| {
            for child in parent.children() {
                let known = homes.entry((child.element.namespace, child.element.name)).or_default();
                if !known.contains(&parent.name) {
                    known.push(parent.name);
                }
            }
        });
        homes
    })
});

/// The elements that may hold one called `name`, as `<devices>`; at most three.
pub(crate) fn homes(namespace: Namespace, name: &str) -> Vec<String> {
    let found = HOMES.iter().find_map(|homes| homes.get(&(namespace, name)));
    found.into_iter().flatten().take(3).map(|name| format!("<{name}>")).collect()
}

/// Visits every row that can be reached from `root`, nearest first, each once.
pub fn walk(root: &'static Element, visit: &mut dyn FnMut(&'static Element)) {
    let mut queue = vec![root];
    let mut known = HashSet::from([std::ptr::from_ref(root)]);
    let mut at = 0;
    while let Some(&element) = queue.get(at) {
        at += 1;
        visit(element);
        let children = element.children().iter().map(|child| child.element);
        let variants = match element.content {
            Content::Variants(variants) => variants.rows,
            _ => &[],
        };
        for next in children.chain(variants.iter().map(|(_, row)| *row)) {
            if known.insert(std::ptr::from_ref(next)) {
                queue.push(next);
            }
        }
    }
}
