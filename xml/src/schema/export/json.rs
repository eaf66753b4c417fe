//! The tables as JSON, for editors and generators.

use serde_json::{Value, json as object};

use super::markdown::describe;
use super::{name_of, named_rows, uri};
use crate::schema::{Content, Support};

/// All rows by name, and the two roots.
pub fn json() -> Value {
    let rows = named_rows();
    let mut elements = serde_json::Map::new();
    for (element, name) in &rows {
        let attributes: Vec<Value> = element
            .attributes
            .iter()
            .map(|attribute| {
                object!({
                    "name": attribute.name,
                    "required": attribute.required,
                    "value": describe(attribute.value),
                    "words": words(attribute.value),
                    "support": support(attribute.support),
                })
            })
            .collect();
        let children: Vec<Value> = element
            .children()
            .iter()
            .map(|child| {
                object!({
                    "element": name_of(&rows, child.element),
                    "required": child.occurs.is_required(),
                    "repeats": child.occurs.may_repeat(),
                })
            })
            .collect();
        let mut row = object!({
            "name": element.name,
            "namespace": uri(element.namespace),
            "doc": element.doc,
            "support": support(element.support),
            "attributes": attributes,
            "children": children,
        });
        match element.content {
            Content::Text(value) | Content::Either(value, _) => {
                row["text"] = object!(describe(value));
                row["words"] = words(value);
            }
            Content::Foreign => row["foreign"] = object!(true),
            Content::Variants(variants) => {
                let choices = variants
                    .rows
                    .iter()
                    .map(|(values, row)| object!({ "values": values, "element": name_of(&rows, row) }));
                row["variants"] = object!({
                    "attribute": variants.attribute, "absent": variants.absent, "rows": choices.collect::<Vec<_>>(),
                });
            }
            Content::Empty | Content::Children(_) => {}
        }
        if elements.insert(name.clone(), row).is_some() {
            continue;
        }
    }
    object!({ "roots": ["domain", "domain.2"], "elements": elements })
}

fn words(value: crate::value::Value) -> Value {
    match value {
        crate::value::Value::Choice(words) => object!(words),
        _ => Value::Null,
    }
}

fn support(support: Support) -> Value {
    match support {
        Support::ActedOn => object!("acted on"),
        Support::Ignored(reason) => object!({ "ignored": reason }),
        Support::Refused(reason) => object!({ "refused": reason }),
        Support::CannotStart(reason) => object!({ "cannot start": reason }),
    }
}
