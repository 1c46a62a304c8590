//! `cases/valid/<document>/<rule>` is read, written again the same, and fits the schema;
//! `cases/invalid/<document>/<rule>` is refused for the reason in the `.reason` beside it.

use std::path::{Path, PathBuf};

use super::{DOCUMENTS, Document, generated};

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
