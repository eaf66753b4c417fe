//! Diagnostics as SARIF 2.1.0, for code-scanning viewers.

use serde_json::{Value, json};

use super::{Diagnostic, Report, Severity};
use crate::explain::{Explanation, all};
use crate::source::{Source, Span};

/// One run over all documents.
pub fn sarif(documents: &[(Source, Report)]) -> Value {
    let rules: Vec<Value> = all().iter().map(rule).collect();
    let results: Vec<Value> = documents
        .iter()
        .flat_map(|(source, report)| report.diagnostics.iter().map(move |it| result(it, source)))
        .collect();
    json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": {
                "name": "browndog",
                "semanticVersion": env!("CARGO_PKG_VERSION"),
                "rules": rules,
            }},
            "columnKind": "unicodeCodePoints",
            "results": results,
        }],
    })
}

fn rule(explanation: &Explanation) -> Value {
    json!({
        "id": explanation.code.to_string(),
        "name": format!("{:?}", explanation.code),
        "shortDescription": { "text": explanation.title },
        "fullDescription": { "text": explanation.cause },
        "help": { "text": explanation.to_string() },
    })
}

fn result(diagnostic: &Diagnostic, source: &Source) -> Value {
    let help = diagnostic.help.as_ref().map_or_else(String::new, |help| format!(" (help: {help})"));
    let level = match diagnostic.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
    };
    let index = all().iter().position(|explanation| explanation.code == diagnostic.code);
    let mut result = json!({
        "ruleId": diagnostic.code.to_string(),
        "level": level,
        "message": { "text": format!("{}{help}", diagnostic.message) },
        "locations": [{
            "physicalLocation": physical(source, diagnostic.span),
            "logicalLocations": [{ "fullyQualifiedName": diagnostic.path, "kind": "element" }],
        }],
    });
    if let Some(index) = index {
        result["ruleIndex"] = json!(index);
    }
    if !diagnostic.labels.is_empty() {
        let related = diagnostic.labels.iter().enumerate().map(|(id, (span, text))| {
            json!({ "id": id, "physicalLocation": physical(source, *span), "message": { "text": text } })
        });
        result["relatedLocations"] = related.collect();
    }
    result
}

fn physical(source: &Source, span: Span) -> Value {
    let (start, end) = (source.position(span.start), source.position(span.end));
    json!({
        "artifactLocation": { "uri": uri(source.name()) },
        "region": {
            "startLine": start.line, "startColumn": start.column,
            "endLine": end.line, "endColumn": end.column,
        },
    })
}

/// The name as a relative reference: what a URI cannot hold is percent-encoded.
fn uri(name: &str) -> String {
    let mut out = String::new();
    for byte in name.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~/!$&'()*+,;=@".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}
