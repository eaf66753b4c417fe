//! Every row has a line of documentation, and the numbered constants of an importer have names.

use std::collections::BTreeSet;

use browndog_xml::schema::{lxc, rfc, walk};

#[test]
fn no_row_is_without_documentation() {
    let (mut bare, mut odd, mut rows) = (BTreeSet::new(), BTreeSet::new(), 0);
    for root in [&lxc::DOMAIN, &rfc::DOMAIN] {
        walk(root, &mut |element| {
            rows += 1;
            let doc = element.doc;
            if doc.is_empty() {
                let _new = bare.insert(element.name);
            }
            // The manual and the advice put it behind a colon, and a full stop behind it.
            if doc.ends_with(['.', ' ', ',']) || doc.contains('\n') || doc.starts_with(' ') {
                let _new = odd.insert((element.name, doc));
            }
        });
    }
    assert!(rows > 700, "the rows were walked: {rows}");
    assert!(bare.is_empty(), "{} without a line: {bare:?}", bare.len());
    assert!(odd.is_empty(), "{odd:?}");
}

#[test]
fn rows_of_one_name_in_one_place_say_what_tells_them_apart() {
    let mut same = BTreeSet::new();
    for root in [&lxc::DOMAIN, &rfc::DOMAIN] {
        walk(root, &mut |element| {
            let browndog_xml::schema::Content::Variants(variants) = element.content else { return };
            let docs: BTreeSet<&str> = variants.rows.iter().map(|(_, row)| row.doc).collect();
            if docs.len() < variants.rows.len() {
                let _new = same.insert(element.name);
            }
        });
    }
    assert!(same.is_empty(), "{same:?}");
}
