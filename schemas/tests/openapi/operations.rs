//! The table of the operations, in reading order.

use bulla_schemas::api::{
    Appended, BlobFrames, CallerInfo, CosignatureReceipt, Cosignatures, DeltaRequest, Deployment,
    Diff, HostDetail, HostReport, HostSummary, LogInfo, MissingFrames, Page, ProjectSummary,
    Promotion, Proposal, ReleaseDetail, ReleaseSummary, ReportReceipt,
};
use bulla_schemas::envelope::Envelope;
use bulla_schemas::log::LogPosition;
use bulla_schemas::{ChannelName, Digest, HostName, ProjectName, media_type};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde_json::{Map, Value};

use super::{Answer, Caller, Content, Operation, Parameter, SchemaOf, json, of};

pub(super) fn operations() -> Vec<Operation> {
    let parts = [
        probes_and_log(),
        registry(),
        proposals(),
        projects(),
        hosts_and_downloads(),
        bundles(),
    ];
    parts.into_iter().flatten().collect()
}

fn probes_and_log() -> Vec<Operation> {
    vec![
        get("/healthz", "alive", "Tells whether the process is alive")
            .for_anybody()
            .answers(200, "It is.", [text_body()]),
        get(
            "/readyz",
            "ready",
            "Tells whether it can answer and has room for uploads",
        )
        .for_anybody()
        .answers(200, "It can, and has.", [text_body()]),
        get(
            "/log/checkpoint",
            "checkpoint",
            "The checkpoint of the log that servers go by (C2SP tlog-checkpoint)",
        )
        .answers(200, "The checkpoint.", [text_body()])
        .refused(&[404]),
        get(
            "/log/tile/{path}",
            "tile",
            "A file of the log's tree or of its entries (C2SP tlog-tiles)",
        )
        .takes([path(
            "path",
            "Level and number, such as `0/x001/234.p/56`.",
            tile,
        )])
        .answers(200, "The tile.", [binary("application/octet-stream")])
        .refused(&[404]),
        post("/log/entries", "append", "Appends an envelope to the log")
            .takes([query(
                "content",
                "`later` for an entry that the log had before it was lost: the bundle need not be here. For \
                 tokens with `admin` for all projects.",
                text,
            )])
            .reads(json::<Envelope>())
            .answers(
                201,
                "A published checkpoint covers it.",
                [json::<Appended>()],
            )
            .refused(&[404, 422]),
        get(
            "/log/cosignatures",
            "cosignatures",
            "The checkpoints of the log, with what witnesses said of them",
        )
        .answers(200, "The checkpoints.", [json::<Cosignatures>()])
        .refused(&[404]),
        post(
            "/log/cosignatures",
            "cosign",
            "Takes the cosignature of a witness (C2SP tlog-cosignature)",
        )
        .reads(text_body())
        .answers(200, "It is kept.", [json::<CosignatureReceipt>()])
        .refused(&[404, 422]),
    ]
}

fn registry() -> Vec<Operation> {
    vec![
        get("/api/v1/openapi.json", "openapi", "This document")
            .for_anybody()
            .shows::<Map<String, Value>>(),
        get("/api/v1/caller", "caller", "What the caller's token allows")
            .for_known()
            .shows::<CallerInfo>(),
        get(
            "/api/v1/log",
            "log",
            "How far the log has come, and which key signs it",
        )
        .shows::<LogInfo>(),
        get("/api/v1/watch", "watch", "Waits until the log has grown")
            .takes([
                query(
                    "size",
                    "The size that the caller knows, 0 where nothing is given.",
                    number,
                ),
                query(
                    "newest",
                    "`true` also counts entries that witnesses have not cosigned yet.",
                    boolean,
                ),
                query(
                    "wait",
                    "For how many seconds one answer waits, at most 60; without it, \
                    the answer is a stream of events.",
                    number,
                ),
            ])
            .answers(
                200,
                "The log is larger: once, or as events.",
                [json::<LogPosition>(), events()],
            )
            .answers(204, "The log is not larger, and the time is over.", []),
    ]
}

fn proposals() -> Vec<Operation> {
    let id = || path("id", "The sha256 of its payload.", of::<Digest>);
    vec![
        get(
            "/api/v1/proposals",
            "proposals",
            "The statements that wait for signatures and that the caller may read, by their ids",
        )
        .takes([after(), limit()])
        .shows::<Page<Proposal>>(),
        post(
            "/api/v1/proposals",
            "propose",
            "Keeps an envelope that lacks nothing but signatures, adds its signatures to those that are \
             here, and appends it to the log once they are enough",
        )
        .takes([query(
            "expires",
            "For how many seconds a new one is kept, 60 to 2592000; 604800 where nothing is given.",
            number,
        )])
        .reads(json::<Envelope>())
        .answers(200, "As it stands now.", [json::<Proposal>()])
        .refused(&[404, 422]),
        get(
            "/api/v1/proposals/{id}",
            "proposal",
            "A statement that waits for signatures",
        )
        .takes([id()])
        .shows::<Proposal>()
        .refused(&[404]),
        delete(
            "/api/v1/proposals/{id}",
            "withdraw",
            "Forgets it: for the token that it came with, and for admin",
        )
        .takes([id()])
        .answers(204, "It is forgotten.", [])
        .refused(&[404]),
    ]
}

fn projects() -> Vec<Operation> {
    vec![
        get(
            "/api/v1/projects",
            "projects",
            "The projects that the caller may read, by name",
        )
        .takes([after(), limit()])
        .shows::<Page<ProjectSummary>>(),
        get(
            "/api/v1/projects/{project}/releases",
            "releases",
            "A project's releases, newest first",
        )
        .takes([project(), before(), limit()])
        .shows::<Page<ReleaseSummary>>()
        .refused(&[404]),
        get(
            "/api/v1/projects/{project}/releases/{hash}",
            "release",
            "A release",
        )
        .takes([
            project(),
            path("hash", "Its hash, or 8 or more of its digits.", hash),
        ])
        .shows::<ReleaseDetail>()
        .refused(&[404, 409]),
        get(
            "/api/v1/projects/{project}/channels",
            "channels",
            "A project's channels, by name",
        )
        .takes([project(), after(), limit()])
        .shows::<Page<Promotion>>()
        .refused(&[404]),
        get(
            "/api/v1/projects/{project}/history",
            "history",
            "A project's promotions, newest first",
        )
        .takes([project(), before(), limit()])
        .takes([query(
            "channel",
            "Only those of this channel.",
            of::<ChannelName>,
        )])
        .shows::<Page<Promotion>>()
        .refused(&[404]),
        get(
            "/api/v1/projects/{project}/where",
            "where",
            "The hosts that reported about a project, by name",
        )
        .takes([project(), after(), limit()])
        .shows::<Page<Deployment>>()
        .refused(&[404]),
        get(
            "/api/v1/projects/{project}/diff/{from}/{to}",
            "diff",
            "The paths in which two releases differ",
        )
        .takes([project(), after(), limit()])
        .takes(["from", "to"].map(|name| {
            path(
                name,
                "A channel, or a hash or 8 or more of its digits.",
                release,
            )
        }))
        .shows::<Diff>()
        .refused(&[404, 409]),
    ]
}

fn hosts_and_downloads() -> Vec<Operation> {
    vec![
        get(
            "/api/v1/hosts",
            "hosts",
            "The hosts of which the caller may read a project, by name",
        )
        .takes([after(), limit()])
        .shows::<Page<HostSummary>>(),
        get(
            "/api/v1/hosts/{host}",
            "host",
            "A host, and what it said before, newest first",
        )
        .takes([host(), before(), limit()])
        .takes([query(
            "project",
            "Only what it said of this project.",
            of::<ProjectName>,
        )])
        .shows::<HostDetail>()
        .refused(&[404]),
        post(
            "/api/v1/hosts/{host}/report",
            "report",
            "Takes in what a host says of itself",
        )
        .takes([host()])
        .reads(json::<HostReport>())
        .answers(
            200,
            "Taken in, without the projects that the token is not for.",
            [json::<ReportReceipt>()],
        )
        .answers(204, "Taken in.", []),
        get(
            "/dl/{path}",
            "download",
            "The files of a release as a tar, compressed with zstd",
        )
        .takes([path(
            "path",
            "The project, a slash, a hash or 8 or more of its digits, and `.tar.zst`.",
            download,
        )])
        .answers(200, "All of it.", [binary("application/zstd")])
        .answers(
            206,
            "The `Range` that was asked for.",
            [binary("application/zstd")],
        )
        .answers(304, "What `If-None-Match` names.", [])
        .refused(&[404, 409, 416]),
    ]
}

fn bundles() -> Vec<Operation> {
    vec![
        post(
            FRAMES,
            "missingFrames",
            "Which frames of a blob the project does not have",
        )
        .takes([project()])
        .reads(json::<BlobFrames>())
        .shows::<MissingFrames>(),
        put(
            FRAMES,
            "assemble",
            "Puts a blob together from frames that are there and those of an upload",
        )
        .takes([project()])
        .takes([needed("digest", "The digest of the blob.", of::<Digest>)])
        .takes([needed(
            "upload",
            "The upload that has the missing frames.",
            text,
        )])
        .reads(json::<BlobFrames>())
        .answers(201, "It is stored.", [])
        .refused(&[404]),
        post(DELTA, "delta", "A delta that turns one bundle into another")
            .takes([project()])
            .reads(json::<DeltaRequest>())
            .answers(200, "The delta.", [binary(media_type::DELTA)])
            .refused(&[404, 422]),
        put(
            DELTA,
            "takeDelta",
            "Stores the blobs of a bundle to which a delta leads",
        )
        .takes([project()])
        .takes([needed("have", "The bundle that is there.", of::<Digest>)])
        .takes([needed(
            "want",
            "The bundle that the delta leads to.",
            of::<Digest>,
        )])
        .reads(binary(media_type::DELTA))
        .answers(201, "They are stored.", [])
        .refused(&[404, 422]),
    ]
}

const FRAMES: &str = "/v2/{project}/_bulla/frames";
const DELTA: &str = "/v2/{project}/_bulla/delta";

fn get(path: &'static str, id: &'static str, summary: &'static str) -> Operation {
    operation("get", path, id, summary)
}

fn post(path: &'static str, id: &'static str, summary: &'static str) -> Operation {
    operation("post", path, id, summary)
}

fn put(path: &'static str, id: &'static str, summary: &'static str) -> Operation {
    operation("put", path, id, summary)
}

fn delete(path: &'static str, id: &'static str, summary: &'static str) -> Operation {
    operation("delete", path, id, summary)
}

fn operation(
    method: &'static str,
    path: &'static str,
    id: &'static str,
    summary: &'static str,
) -> Operation {
    Operation {
        id,
        method,
        path,
        summary,
        caller: Caller::Allowed,
        parameters: Vec::new(),
        body: None,
        answers: Vec::new(),
        refusals: &[],
    }
}

impl Operation {
    fn for_anybody(self) -> Self {
        let caller = Caller::Anybody;
        Self { caller, ..self }
    }

    fn for_known(self) -> Self {
        let caller = Caller::Known;
        Self { caller, ..self }
    }

    fn takes<const N: usize>(mut self, parameters: [Parameter; N]) -> Self {
        self.parameters.extend(parameters);
        self
    }

    fn reads(self, body: Content) -> Self {
        let body = Some(body);
        Self { body, ..self }
    }

    fn answers<const N: usize>(
        mut self,
        status: u16,
        description: &'static str,
        contents: [Content; N],
    ) -> Self {
        self.answers.push(Answer {
            status,
            description,
            contents: contents.into(),
        });
        self
    }

    fn shows<T: JsonSchema>(self) -> Self {
        self.answers(200, "What was asked for.", [json::<T>()])
    }

    fn refused(self, refusals: &'static [u16]) -> Self {
        Self { refusals, ..self }
    }
}

fn project() -> Parameter {
    path("project", "The project.", of::<ProjectName>)
}

fn host() -> Parameter {
    path("host", "The host.", of::<HostName>)
}

fn after() -> Parameter {
    query("after", "The `next` of the page before.", text)
}

/// Like `after`, in lists that are not ordered by names.
fn before() -> Parameter {
    query("after", "The `next` of the page before.", number)
}

fn limit() -> Parameter {
    query(
        "limit",
        "How many items to show at most; 100 where nothing is given.",
        number,
    )
}

fn path(name: &'static str, description: &'static str, schema: SchemaOf) -> Parameter {
    Parameter {
        place: "path",
        name,
        description,
        is_required: true,
        schema,
    }
}

fn query(name: &'static str, description: &'static str, schema: SchemaOf) -> Parameter {
    Parameter {
        place: "query",
        name,
        description,
        is_required: false,
        schema,
    }
}

fn needed(name: &'static str, description: &'static str, schema: SchemaOf) -> Parameter {
    let is_required = true;
    Parameter {
        is_required,
        ..query(name, description, schema)
    }
}

fn text_body() -> Content {
    Content {
        media_type: "text/plain; charset=utf-8",
        schema: text,
    }
}

fn events() -> Content {
    Content {
        media_type: "text/event-stream",
        schema: text,
    }
}

/// Bytes, of which OpenAPI 3.1 says no more than their media type.
fn binary(media_type: &'static str) -> Content {
    Content {
        media_type,
        schema: |_| json_schema!({}),
    }
}

fn text(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "string" })
}

fn number(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "integer", "format": "uint64", "minimum": 0, "maximum": u64::MAX })
}

fn boolean(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "boolean" })
}

fn hash(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "string", "pattern": "^(sha256:)?[0-9a-f]{8,64}$" })
}

fn release(generator: &mut SchemaGenerator) -> Schema {
    let channel = generator.subschema_for::<ChannelName>();
    let hash = hash(generator);
    json_schema!({ "anyOf": [channel, hash] })
}

fn tile(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "string",
        "pattern": "^([0-9]|[1-5][0-9]|6[0-3]|entries)/(x[0-9]{3}/)*[0-9]{3}(\\.p/[1-9][0-9]{0,2})?$",
    })
}

fn download(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "string",
        "pattern": "^[a-z0-9._/-]+/(sha256:)?[0-9a-f]{8,64}\\.tar\\.zst$",
    })
}
