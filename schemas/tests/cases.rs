//! `cases/valid/<document>/<rule>` is read, written again the same, and fits the schema;
//! `cases/invalid/<document>/<rule>` is refused for the reason in the `.reason` beside it.

use std::path::{Path, PathBuf};

use bulla_schemas::{ChannelName, ProjectName, Timestamp};
use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::{DOCUMENTS, Document, generated, schema_of};

#[test]
fn every_valid_case_round_trips_and_fits_its_schema() {
    for document in DOCUMENTS {
        let schema = jsonschema::validator_for(&generated::schema(document)).unwrap();
        let cases = cases("valid", document);
        assert!(!cases.is_empty(), "{} has no valid case", document.name);
        for case in cases {
            let name = case.display();
            let round_trip = (document.read)(&read(&case))
                .unwrap_or_else(|error| panic!("{name} is refused: {error}"));
            assert_eq!(round_trip.read, round_trip.written, "{name}");
            let errors: Vec<String> = schema
                .iter_errors(&round_trip.read)
                .map(|error| format!("{}: {error}", error.instance_path()))
                .collect();
            assert!(
                errors.is_empty(),
                "{name} does not fit its schema: {errors:?}"
            );
        }
    }
}

#[test]
fn every_invalid_case_is_refused_for_its_reason() {
    for document in DOCUMENTS {
        let cases = cases("invalid", document);
        assert!(!cases.is_empty(), "{} has no invalid case", document.name);
        for case in cases {
            let name = case.display();
            let reason = read(&case.with_extension("reason"));
            match (document.read)(&read(&case)) {
                Ok(_) => panic!("{name} is accepted"),
                Err(error) => assert!(
                    error.contains(reason.trim_end()),
                    "{name}: expected {reason:?}, found {error:?}"
                ),
            }
        }
    }
}

#[test]
fn the_schemas_of_names_and_times_take_what_their_types_take() {
    let long = |bytes| format!("acme/{}", "a".repeat(bytes - "acme/".len()));
    agree::<ProjectName>("acme/current2", "acme/current");
    agree::<ProjectName>("releases.acme/tool", "acme/releases/tool");
    agree::<ProjectName>(&long(128), &long(129));
    agree::<ChannelName>("9f2c81a", "9f2c81aa");
    agree::<ChannelName>("9f2c81aag", &"9f2c81aa".repeat(8));
    agree::<Timestamp>("2026-12-31T23:59:59Z", "2026-13-31T23:59:59Z");
    agree::<Timestamp>("2026-01-01T00:00:00Z", "2026-01-00T00:00:00Z");
    agree::<Timestamp>("2026-11-22T22:40:00Z", "2026-11-22T24:40:00Z");
}

fn agree<T: JsonSchema + DeserializeOwned>(valid: &str, invalid: &str) {
    let schema = jsonschema::validator_for(&schema_of::<T>()).unwrap();
    for (text, is_valid) in [(valid, true), (invalid, false)] {
        let value = Value::from(text);
        assert_eq!(schema.is_valid(&value), is_valid, "{text}");
        let read = serde_json::from_value::<T>(value);
        assert_eq!(read.is_ok(), is_valid, "{text}");
    }
}

#[test]
fn every_case_belongs_to_a_document() {
    for kind in ["valid", "invalid"] {
        for entry in std::fs::read_dir(root().join(kind)).unwrap() {
            let name = entry.unwrap().file_name();
            assert!(
                DOCUMENTS.iter().any(|document| name == document.name),
                "{kind}/{} is the folder of no document",
                name.display()
            );
        }
    }
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases")
}

fn cases(kind: &str, document: &Document) -> Vec<PathBuf> {
    let folder = root().join(kind).join(document.name);
    let mut cases: Vec<PathBuf> = std::fs::read_dir(&folder)
        .unwrap_or_else(|error| panic!("{}: {error}", folder.display()))
        .map(|entry| entry.unwrap().path())
        .filter(|path| {
            path.extension()
                .is_some_and(|end| end == document.extension)
        })
        .collect();
    cases.sort();
    cases
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}
