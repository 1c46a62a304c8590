//! The files in `schemas/json/` are what the types say. `UPDATE_SCHEMAS=1` rewrites them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

use super::{DOCUMENTS, Document, openapi};

#[test]
fn the_schemas_in_the_folder_are_those_of_the_types() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("json");
    let generated: BTreeMap<PathBuf, String> = DOCUMENTS
        .iter()
        .map(|document| {
            (
                folder.join(format!("{}.schema.json", document.name)),
                text(&schema(document)),
            )
        })
        .chain([(folder.join("openapi.json"), text(&openapi::document()))])
        .collect();
    #[expect(clippy::disallowed_methods, reason = "how a person asks for new files")]
    let update = std::env::var_os("UPDATE_SCHEMAS").is_some();
    if update {
        for (path, text) in &generated {
            std::fs::write(path, text).unwrap();
        }
    }
    let found: BTreeMap<PathBuf, String> = std::fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .map(|path| (path.clone(), std::fs::read_to_string(path).unwrap()))
        .collect();
    for (path, text) in &generated {
        assert_eq!(
            found.get(path),
            Some(text),
            "{} is stale; `make schemas` writes it anew",
            path.display()
        );
    }
    let unknown: Vec<_> = found
        .keys()
        .filter(|path| !generated.contains_key(*path))
        .collect();
    assert!(
        unknown.is_empty(),
        "no document has these schemas: {unknown:?}"
    );
}

#[test]
fn every_schema_is_one_by_its_own_meta_schema() {
    for document in DOCUMENTS {
        let schema = schema(document);
        assert!(jsonschema::meta::is_valid(&schema), "{}", document.name);
    }
}

/// Returns the schema with its name and title, keys sorted and descriptions in plain words.
pub(crate) fn schema(document: &Document) -> Value {
    let Value::Object(generated) = (document.schema)() else {
        panic!("the schema of {} is not an object", document.name);
    };
    let mut schema = Map::new();
    let name = document.name;
    for (key, value) in [
        ("$schema", "https://json-schema.org/draft/2020-12/schema"),
        ("$id", &format!("urn:bulla:schema:{name}")),
        ("title", document.title),
    ] {
        schema.insert(key.to_owned(), Value::from(value));
    }
    for (key, value) in generated {
        schema.entry(key).or_insert(value);
    }
    tidy(Value::Object(schema))
}

/// Sorts keys whatever map `serde_json` was built with, and takes the links of doc comments out.
pub(crate) fn tidy(value: Value) -> Value {
    match value {
        Value::Object(fields) => {
            let sorted: BTreeMap<String, Value> = fields
                .into_iter()
                .map(|(key, value)| match value {
                    Value::String(text) if key == "description" => {
                        (key, Value::String(without_links(&text)))
                    }
                    value => (key, tidy(value)),
                })
                .collect();
            Value::Object(sorted.into_iter().collect())
        }
        Value::Array(items) => Value::Array(items.into_iter().map(tidy).collect()),
        other => other,
    }
}

/// Turns ``[`name`](crate::path)`` and ``[`name`]`` into `` `name` ``.
fn without_links(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, link)) = rest.split_once("[`") {
        let (name, after) = link.split_once("`]").expect("a link ends");
        plain.extend([before, "`", name, "`"]);
        rest = match after.strip_prefix('(') {
            Some(target) => target.split_once(')').map_or("", |(_, after)| after),
            None => after,
        };
    }
    plain.push_str(rest);
    plain
}

fn text(value: &Value) -> String {
    let mut text = serde_json::to_string_pretty(value).unwrap();
    text.push('\n');
    text
}
