//! Files generated from the tables are as the tables are. `BROWNDOG_RENEW=1` writes them.

use std::path::Path;

use browndog_xml::schema::export;

fn fresh(path: &str, text: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    if std::env::var_os("BROWNDOG_RENEW").is_some() {
        std::fs::write(&path, text).expect("the generated file can be written");
    }
    let stored = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(stored == text, "{} is stale: run this test with BROWNDOG_RENEW=1", path.display());
}

#[test]
fn the_relax_ng_grammar_is_fresh() {
    fresh("domain.rng", &export::relaxng());
}

#[test]
fn the_reference_is_fresh() {
    fresh("REFERENCE.md", &export::markdown());
}

#[test]
fn the_json_form_is_fresh() {
    let text = serde_json::to_string_pretty(&export::json()).expect("JSON can be written");
    fresh("schema.json", &(text + "\n"));
}

#[test]
fn the_dictionary_is_fresh() {
    fresh("../fuzz/xml.dict", &export::dictionary());
}
