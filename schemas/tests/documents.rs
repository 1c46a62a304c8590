//! Every document that crosses a boundary: its JSON Schema in `schemas/json/` is generated from
//! its type, and the cases in `tests/cases/` hold for both.

#![expect(clippy::unwrap_used, reason = "what cannot be read fails the test")]

mod cases;
mod generated;
mod openapi;

use bulla_schemas::api::{
    Appended, BlobFrames, CallerInfo, DeltaRequest, Deployment, Diff, ErrorBody, HostDetail,
    HostReport, HostSummary, LogInfo, MissingFrames, Page, ProjectSummary, Promotion, Proposal,
    ReleaseDetail, ReleaseSummary,
};
use bulla_schemas::delta::DeltaHeader;
use bulla_schemas::envelope::Envelope;
use bulla_schemas::frames::{FrameRecord, FrameTableHeader};
use bulla_schemas::index::IndexEntry;
use bulla_schemas::log::{Anchor, LogPosition};
use bulla_schemas::manifest::Manifest;
use bulla_schemas::policy::Policy;
use bulla_schemas::recipe::Recipe;
use bulla_schemas::release::ReleaseDocument;
use bulla_schemas::report::server::{
    Activation, ConfigReport, InstallReport, ProjectInstall, ProjectStatus, SetAside, Verification,
};
use bulla_schemas::report::{
    ApprovedReport, AuditEntry, BackupReport, CheckReport, EarlierHead, Finding, FsckReport,
    GcReport, IdentifyReport, MirrorReport, PendingReport, PolicyVersionReport, ProposalReport,
    ReleaseReport, ReproduceReport, RestoreReport, RevocationReport, TokenReport, UsageReport,
    WaveReport,
};
use bulla_schemas::statement::{PromotionStatement, ReleaseStatement, RevocationStatement};
use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// A kind of document.
struct Document {
    /// The stem of its schema's file and the folder of its cases.
    name: &'static str,
    /// One line for people.
    title: &'static str,
    /// How files of it end.
    extension: &'static str,
    /// Makes the schema from the type.
    schema: fn() -> Value,
    /// Reads a text as the programs do and writes it again.
    read: fn(&str) -> Result<RoundTrip, String>,
}

/// A text that was read: as the schema sees it, and what its type writes.
struct RoundTrip {
    read: Value,
    written: Value,
}

const DOCUMENTS: &[Document] = &[
    Document {
        name: "recipe",
        title: "The recipe of a release, bulla.toml, as JSON",
        extension: "toml",
        schema: schema_of::<Recipe>,
        read: read_recipe,
    },
    Document {
        read: |text| canonical(text, ReleaseDocument::from_bytes, ReleaseDocument::to_bytes),
        ..json::<ReleaseDocument>(
            "release-document",
            "The release document, a bundle's config",
        )
    },
    Document {
        read: |text| canonical(text, Manifest::from_bytes, Manifest::to_bytes),
        ..json::<Manifest>("manifest", "The OCI image manifest of a bundle")
    },
    Document {
        name: "index-entry",
        title: "One line of a bundle's index",
        extension: "json",
        schema: schema_of::<IndexEntry>,
        read: |text| canonical(text, IndexEntry::from_line, index_line),
    },
    json::<FrameTableHeader>("frame-table-header", "The first line of a frame table"),
    json::<FrameRecord>("frame-record", "A line of a frame table after the first"),
    json::<DeltaHeader>("delta-header", "The first line of a delta"),
    json::<Envelope>("envelope", "A payload and the signatures over it (DSSE)"),
    json::<ReleaseStatement>(
        "release-statement",
        "A builder's statement: this bundle from this revision",
    ),
    json::<PromotionStatement>(
        "promotion-statement",
        "People's statement: this channel points to this bundle",
    ),
    json::<RevocationStatement>(
        "revocation-statement",
        "People's statement: never activate these bundles again",
    ),
    json::<Policy>("policy", "Who may do what"),
    json::<Anchor>("anchor", "The line that a server's trust starts from"),
    json::<CallerInfo>("caller-info", "Answer of GET /api/v1/caller"),
    json::<LogInfo>("log-info", "Answer of GET /api/v1/log"),
    json::<LogPosition>(
        "log-position",
        "Answer of GET /api/v1/watch, and the data of its events",
    ),
    json::<HostReport>("host-report", "Body of POST /api/v1/hosts/{host}/report"),
    json::<Page<HostSummary>>("host-page", "Answer of GET /api/v1/hosts"),
    json::<HostDetail>("host-detail", "Answer of GET /api/v1/hosts/{host}"),
    json::<Page<Deployment>>(
        "deployment-page",
        "Answer of GET /api/v1/projects/{project}/where",
    ),
    json::<BlobFrames>(
        "blob-frames",
        "Body of POST and PUT /v2/{project}/_bulla/frames",
    ),
    json::<MissingFrames>(
        "missing-frames",
        "Answer of POST /v2/{project}/_bulla/frames",
    ),
    json::<DeltaRequest>("delta-request", "Body of POST /v2/{project}/_bulla/delta"),
    json::<Appended>("appended", "Answer of POST /log/entries"),
    json::<Page<Proposal>>("proposal-page", "Answer of GET /api/v1/proposals"),
    json::<Proposal>(
        "proposal",
        "Answer of POST /api/v1/proposals, and of GET /api/v1/proposals/{id}",
    ),
    json::<Page<ProjectSummary>>("project-page", "Answer of GET /api/v1/projects"),
    json::<Page<ReleaseSummary>>(
        "release-page",
        "Answer of GET /api/v1/projects/{project}/releases",
    ),
    json::<ReleaseDetail>(
        "release-detail",
        "Answer of GET /api/v1/projects/{project}/releases/{hash}",
    ),
    json::<Page<Promotion>>(
        "channel-page",
        "Answer of GET /api/v1/projects/{project}/channels",
    ),
    json::<Page<Promotion>>(
        "history-page",
        "Answer of GET /api/v1/projects/{project}/history",
    ),
    json::<Diff>(
        "diff",
        "Answer of GET /api/v1/projects/{project}/diff/{from}/{to}, and of bulla diff --json",
    ),
    json::<ErrorBody>("error-body", "Every error of /log and /api"),
    json::<Vec<ProjectSummary>>("bulla-status", "Output of bulla status --json"),
    json::<Vec<ReleaseSummary>>("bulla-releases", "Output of bulla releases --json"),
    json::<Vec<Deployment>>("bulla-where", "Output of bulla where --json"),
    json::<WaveReport>("bulla-wave", "Output of bulla wave --json"),
    json::<Vec<Promotion>>("bulla-history", "Output of bulla history --json"),
    json::<Vec<AuditEntry>>("bulla-audit", "Output of bulla audit --json"),
    json::<Vec<PolicyVersionReport>>(
        "bulla-policy-history",
        "Output of bulla policy history --json",
    ),
    json::<ReleaseReport>("bulla-show", "Output of bulla show --json"),
    json::<ProposalReport>(
        "bulla-promote",
        "Output of bulla promote --json, and of rollback, pause and resume",
    ),
    json::<Vec<PendingReport>>("bulla-pending", "Output of bulla pending --json"),
    json::<ApprovedReport>("bulla-approve", "Output of bulla approve --json"),
    json::<RevocationReport>("bulla-revoke", "Output of bulla revoke --json"),
    json::<Vec<EarlierHead>>(
        "bulla-rollback-list",
        "Output of bulla rollback --list --json",
    ),
    json::<IdentifyReport>("bulla-identify", "Output of bulla identify --json"),
    json::<CheckReport>("bulla-check", "Output of bulla check --json"),
    json::<ReproduceReport>("bulla-reproduce", "Output of bulla reproduce --json"),
    json::<Vec<Finding>>("bulla-doctor", "Output of bulla doctor --json"),
    json::<Vec<Finding>>(
        "bulla-installer-doctor",
        "Output of bulla-installer doctor --json",
    ),
    json::<Vec<Verification>>(
        "bulla-installer-verify-all",
        "Output of bulla-installer verify --json",
    ),
    json::<Vec<TokenReport>>(
        "bulla-registry-token-list",
        "Output of bulla-registry token list --json",
    ),
    json::<UsageReport>("bulla-registry-du", "Output of bulla-registry du --json"),
    json::<FsckReport>(
        "bulla-registry-fsck",
        "Output of bulla-registry fsck --json",
    ),
    json::<BackupReport>(
        "bulla-registry-backup",
        "Output of bulla-registry backup --json",
    ),
    json::<RestoreReport>(
        "bulla-registry-restore",
        "Output of bulla-registry restore --json",
    ),
    json::<MirrorReport>(
        "bulla-registry-mirror",
        "Output of bulla-registry mirror --once --json",
    ),
    json::<GcReport>("bulla-registry-gc", "Output of bulla-registry gc --json"),
    json::<InstallReport>(
        "bulla-installer-install",
        "Output of bulla-installer install PROJECT --json",
    ),
    json::<Vec<ProjectInstall>>(
        "bulla-installer-install-followed",
        "Output of bulla-installer install --json, without a project",
    ),
    json::<ConfigReport>(
        "bulla-installer-config",
        "Output of bulla-installer config show --json",
    ),
    json::<Vec<ProjectStatus>>(
        "bulla-installer-status",
        "Output of bulla-installer status --json",
    ),
    json::<Verification>(
        "bulla-installer-verify",
        "Output of bulla-installer verify --json",
    ),
    json::<Vec<Activation>>(
        "bulla-installer-history",
        "Output of bulla-installer history --json",
    ),
    json::<Vec<SetAside>>(
        "bulla-installer-set-aside",
        "Output of bulla-installer set-aside list --json",
    ),
];

const fn json<T: JsonSchema + Serialize + DeserializeOwned>(
    name: &'static str,
    title: &'static str,
) -> Document {
    Document {
        name,
        title,
        extension: "json",
        schema: schema_of::<T>,
        read: read_json::<T>,
    }
}

fn schema_of<T: JsonSchema>() -> Value {
    SchemaSettings::draft2020_12()
        .into_generator()
        .into_root_schema_for::<T>()
        .to_value()
}

fn read_json<T: Serialize + DeserializeOwned>(text: &str) -> Result<RoundTrip, String> {
    let document: T = serde_json::from_str(text).map_err(|error| error.to_string())?;
    Ok(RoundTrip {
        read: serde_json::from_str(text).expect("it was JSON a moment ago"),
        written: serde_json::to_value(document).expect("it is made of JSON's parts"),
    })
}

/// Reads a document that has one possible text.
fn canonical<T, E: std::error::Error>(
    text: &str,
    read: fn(&[u8]) -> Result<T, E>,
    write: fn(&T) -> Vec<u8>,
) -> Result<RoundTrip, String> {
    let line = text.strip_suffix('\n').unwrap_or(text);
    let document = read(line.as_bytes()).map_err(|error| with_causes(&error))?;
    assert_eq!(String::from_utf8_lossy(&write(&document)), line);
    let value: Value = serde_json::from_str(line).expect("it was JSON a moment ago");
    Ok(RoundTrip {
        written: value.clone(),
        read: value,
    })
}

fn index_line(entry: &IndexEntry) -> Vec<u8> {
    let mut line = Vec::new();
    entry.write_line(&mut line);
    line.pop();
    line
}

/// Reads a recipe. What it leaves out is filled in, so it is compared with itself written and
/// read once more.
fn read_recipe(text: &str) -> Result<RoundTrip, String> {
    let recipe: Recipe = toml::from_str(text).map_err(|error| error.to_string())?;
    recipe
        .install()
        .validate()
        .map_err(|error| error.to_string())?;
    let written = toml::to_string(&recipe).expect("a recipe is made of TOML's parts");
    let again: Recipe = toml::from_str(&written).expect("what a recipe writes is a recipe");
    assert_eq!(recipe, again);
    let value: Value = toml::from_str(text).expect("it was TOML a moment ago");
    Ok(RoundTrip {
        written: value.clone(),
        read: value,
    })
}

fn with_causes(error: &dyn std::error::Error) -> String {
    std::iter::successors(Some(error), |error| error.source())
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join(": ")
}
