//! `schemas/json/openapi.json`: the registry's own HTTP interface (OpenAPI 3.1), made from the table of
//! its operations and from the types of what they take and answer. What is OCI's is in OCI's own
//! specification.

mod operations;

use std::collections::{BTreeMap, BTreeSet};

use bulla_schemas::api::ErrorBody;
use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde_json::{Map, Value, json};

use self::operations::operations;
use crate::generated::tidy;

/// What a client may ask for.
struct Operation {
    /// Its name, for programs that are made from the document.
    id: &'static str,
    method: &'static str,
    path: &'static str,
    /// What it does, in one line.
    summary: &'static str,
    caller: Caller,
    parameters: Vec<Parameter>,
    /// The body that it takes.
    body: Option<Content>,
    answers: Vec<Answer>,
    /// The statuses with which it may be refused, beyond those that its caller and any body may get.
    refusals: &'static [u16],
}

/// Who may ask.
#[derive(Clone, Copy, PartialEq)]
enum Caller {
    /// A token is not looked at.
    Anybody,
    /// A token that is given must be valid.
    Known,
    /// A token must be for it, unless it is reading and the registry lets everybody read.
    Allowed,
}

/// A parameter in the path or the query.
struct Parameter {
    place: &'static str,
    name: &'static str,
    description: &'static str,
    is_required: bool,
    schema: SchemaOf,
}

/// An answer that is no refusal.
struct Answer {
    status: u16,
    description: &'static str,
    contents: Vec<Content>,
}

/// A body of one media type.
struct Content {
    media_type: &'static str,
    schema: SchemaOf,
}

type SchemaOf = fn(&mut SchemaGenerator) -> Schema;

fn json<T: JsonSchema>() -> Content {
    Content {
        media_type: "application/json",
        schema: of::<T>,
    }
}

fn of<T: JsonSchema>(generator: &mut SchemaGenerator) -> Schema {
    generator.subschema_for::<T>()
}

/// Returns the document.
pub(crate) fn document() -> Value {
    let mut generator = SchemaSettings::draft2020_12()
        .with(|settings| settings.definitions_path = "/components/schemas".into())
        .into_generator();
    let mut paths: BTreeMap<&str, Map<String, Value>> = BTreeMap::new();
    for operation in operations() {
        let described = operation.describe(&mut generator);
        let known = paths
            .entry(operation.path)
            .or_default()
            .insert(operation.method.to_owned(), described);
        assert!(known.is_none(), "{} is there twice", operation.id);
    }
    let mut schemas = generator.take_definitions(true);
    schemas.insert("OciErrors".to_owned(), oci_errors());
    tidy(json!({
        "openapi": "3.1.1",
        "info": {
            "title": "Bulla registry",
            "version": "1",
            "summary": "What the registry says of its log, its releases and the hosts that report",
            "description": "A HEAD is answered wherever a GET is. Lists are pages: `after` takes the \
                `next` of the page before. The slash in the name of a project may stand as it is or \
                as `%2F`. What a bundle's blobs and manifests need is OCI Distribution 1.1.",
            "license": { "name": "MIT OR Apache-2.0", "identifier": "MIT OR Apache-2.0" },
        },
        "servers": [{ "url": "/" }],
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": {
                "bearer": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "A token of `bulla-registry token create`.",
                },
                "basic": {
                    "type": "http",
                    "scheme": "basic",
                    "description": "The same token as the password of any name.",
                },
            },
        },
    }))
}

impl Operation {
    fn describe(&self, generator: &mut SchemaGenerator) -> Value {
        let mut described = json!({
            "operationId": self.id,
            "summary": self.summary,
            "responses": self.responses(generator),
        });
        if self.caller != Caller::Anybody {
            // No token is what the empty one stands for.
            described["security"] = json!([{}, { "bearer": [] }, { "basic": [] }]);
        }
        if !self.parameters.is_empty() {
            let parameters = self.parameters.iter();
            described["parameters"] = parameters.map(|one| one.describe(generator)).collect();
        }
        if let Some(body) = &self.body {
            described["requestBody"] = json!({
                "required": true,
                "content": contents(std::slice::from_ref(body), generator),
            });
        }
        described
    }

    fn responses(&self, generator: &mut SchemaGenerator) -> Value {
        let mut responses = Map::new();
        for answer in &self.answers {
            let mut described = json!({ "description": answer.description });
            if !answer.contents.is_empty() {
                described["content"] = contents(&answer.contents, generator);
            }
            responses.insert(answer.status.to_string(), described);
        }
        let error = if self.path.starts_with("/v2/") {
            json!({ "application/json": { "schema": { "$ref": "#/components/schemas/OciErrors" } } })
        } else {
            contents(&[json::<ErrorBody>()], generator)
        };
        let refusals = self.statuses().into_iter().map(|status| {
            let description = refusal(status);
            (
                status.to_string(),
                json!({ "description": description, "content": error }),
            )
        });
        responses.extend(refusals);
        let failed = "The registry failed, has too much to do or no space, or is stopping.";
        responses.insert(
            "5XX".to_owned(),
            json!({ "description": failed, "content": error }),
        );
        Value::Object(responses)
    }

    /// Returns the statuses with which the operation may be refused.
    fn statuses(&self) -> BTreeSet<u16> {
        let by_caller: &[u16] = match self.caller {
            Caller::Anybody => &[],
            Caller::Known => &[401],
            Caller::Allowed => &[401, 403],
        };
        let by_body: &[u16] = if self.body.is_some() {
            &[408, 413, 429]
        } else {
            &[]
        };
        [&[400], by_caller, by_body, self.refusals]
            .concat()
            .into_iter()
            .collect()
    }
}

impl Parameter {
    fn describe(&self, generator: &mut SchemaGenerator) -> Value {
        json!({
            "in": self.place,
            "name": self.name,
            "description": self.description,
            "required": self.is_required,
            "schema": (self.schema)(generator).to_value(),
        })
    }
}

fn contents(contents: &[Content], generator: &mut SchemaGenerator) -> Value {
    let described = contents.iter().map(|content| {
        let schema = (content.schema)(generator).to_value();
        (content.media_type.to_owned(), json!({ "schema": schema }))
    });
    Value::Object(described.collect())
}

const fn refusal(status: u16) -> &'static str {
    match status {
        400 => "The request cannot be understood.",
        401 => "A token is needed, or the one that was given is unknown, expired or revoked.",
        403 => "The token does not allow this.",
        404 => "There is no such thing.",
        408 => "The body comes too slowly.",
        409 => "Several hashes begin with the digits that were given.",
        413 => "The body, or what it names, is too large.",
        416 => "The range is outside the content.",
        422 => "It would have no effect; the message says why.",
        429 => "Too much at once, or too much in an hour; `Retry-After` says when to try again.",
        _ => panic!("say what the status means"),
    }
}

/// The errors below `/v2/` (OCI Distribution 1.1, "Error Codes").
fn oci_errors() -> Value {
    json!({
        "type": "object",
        "description": "Errors in OCI's form.",
        "required": ["errors"],
        "properties": {
            "errors": {
                "type": "array",
                "items": {
                    "type": "object",
                    "required": ["code", "message"],
                    "properties": {
                        "code": { "type": "string", "pattern": "^[A-Z_]+$" },
                        "message": { "type": "string" },
                        "detail": {
                            "type": "object",
                            "required": ["hint"],
                            "properties": { "hint": { "type": "string" } },
                            "additionalProperties": false,
                        },
                    },
                    "additionalProperties": false,
                },
            },
        },
        "additionalProperties": false,
    })
}

#[test]
fn every_schema_that_an_operation_names_is_in_the_document() {
    fn references(value: &Value, found: &mut BTreeSet<String>) {
        match value {
            Value::Object(fields) => {
                if let Some(Value::String(name)) = fields.get("$ref") {
                    found.insert(name.clone());
                }
                fields.values().for_each(|value| references(value, found));
            }
            Value::Array(items) => items.iter().for_each(|value| references(value, found)),
            _ => {}
        }
    }
    let document = document();
    let mut named = BTreeSet::new();
    references(&document, &mut named);
    let schemas = document["components"]["schemas"].as_object().unwrap();
    let known: BTreeSet<_> = schemas
        .keys()
        .map(|name| format!("#/components/schemas/{name}"))
        .collect();
    assert_eq!(named, known);
    for (name, schema) in schemas {
        assert!(jsonschema::meta::is_valid(schema), "{name}");
    }
}
