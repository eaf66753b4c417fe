//! Where an element of a name may stand, for help texts.

use super::{Content, Element, Namespace, lxc, rfc};

/// The elements that may hold one called `name`, as `<devices>`; at most three.
pub(crate) fn homes(namespace: Namespace, name: &str) -> Vec<String> {
    let mut found = Vec::new();
    for root in [&lxc::DOMAIN, &rfc::DOMAIN] {
        walk(root, &mut |parent| {
            let holds = parent
                .children()
                .iter()
                .any(|child| child.element.name == name && child.element.namespace == namespace);
            let shown = format!("<{}>", parent.name);
            if holds && !found.contains(&shown) {
                found.push(shown);
            }
        });
        if !found.is_empty() {
            break;
        }
    }
    found.truncate(3);
    found
}

/// Visits every row that can be reached from `root`, nearest first, each once.
pub fn walk(root: &'static Element, visit: &mut dyn FnMut(&'static Element)) {
    let mut queue = vec![root];
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
            if !queue.iter().any(|&known| std::ptr::eq(known, next)) {
                queue.push(next);
            }
        }
    }
}
