//! `bulla show`: everything about one release.

use std::fmt::Write as _;

use bulla_bundle::VerifiedBundle;
use bulla_schemas::manifest::{Descriptor, Manifest};
use bulla_schemas::release::{ReleaseDocument, Source};
use bulla_schemas::statement::{Build, Severity};
use bulla_schemas::{ChannelName, Digest, Name, ProjectName, Timestamp};
use bulla_trust::{LogState, Release, ReleaseRecord};
use clap::Args;
use serde::Serialize;

use super::failure::Failure;
use super::output;
use super::session::Session;
use crate::contents;
use crate::resolve::ReleaseName;

/// Shows what a release is made of, who built it, and where it is.
#[derive(Debug, Args)]
pub(super) struct ShowArguments {
    /// A hash, or a channel for its head.
    #[arg(value_name = "HASH")]
    release: ReleaseName,
    /// Shows it as JSON.
    #[arg(long)]
    json: bool,
}

/// A release, as `--json` shows it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Shown {
    project: ProjectName,
    hash: Digest,
    /// Bytes of the manifest and all blobs it names.
    size: u64,
    /// The bytes that the hash is of, as a document.
    manifest: Manifest,
    document: ReleaseDocument,
    /// The channels that point to it.
    channels: Vec<ChannelName>,
    #[serde(skip_serializing_if = "Option::is_none")]
    revoked: Option<Severity>,
    /// Who said so first.
    built_by: Vec<Name>,
    /// Who made the same again and said so.
    reproduced_by: Vec<Name>,
    /// What builders said about it, in the order of the log.
    statements: Vec<StatementShown>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct StatementShown {
    entry: u64,
    builders: Vec<Name>,
    source: String,
    #[serde(rename = "ref")]
    reference: String,
    revision: String,
    label: String,
    dirty: bool,
    /// How the recipe's build ran.
    build: Build,
    finished_on: Timestamp,
}

pub(super) async fn run(session: &Session, arguments: &ShowArguments) -> Result<(), Failure> {
    let client = session.client()?;
    let log = session.log(&client).await?;
    let state = log.state();
    let (project, hash) = session.find(state, &arguments.release)?;
    let bundle = contents::fetch(&client, &project, hash).await?;
    let shown = gather(state, project, &bundle);
    if arguments.json {
        output::json(&shown)
    } else {
        output::write(&describe(&shown))
    }
}

fn gather(state: &LogState, project: ProjectName, bundle: &VerifiedBundle) -> Shown {
    let hash = bundle.hash();
    let release = state.release(&project, &hash);
    let records = release.into_iter().flat_map(|release| &release.statements);
    let heads = state.channels(&project).filter(|head| head.hash == hash);
    Shown {
        size: release.map_or(0, |release| release.record().size),
        channels: heads.map(|head| head.channel.clone()).collect(),
        revoked: state.revocation(&project, &hash),
        built_by: release.map_or_else(Vec::new, built_by),
        reproduced_by: release.map_or_else(Vec::new, reproduced_by),
        statements: records.map(statement).collect(),
        manifest: bundle.manifest().clone(),
        document: bundle.release().clone(),
        project,
        hash,
    }
}

fn built_by(release: &Release) -> Vec<Name> {
    release.record().builders.clone()
}

/// Whoever says of a clean checkout what the first one said, and is not that one.
fn reproduced_by(release: &Release) -> Vec<Name> {
    let first = release.record();
    let clean = release.statements.iter().filter(|record| !record.dirty);
    let mut names: Vec<Name> = Vec::new();
    for name in clean.flat_map(|record| &record.builders) {
        if !first.builders.contains(name) && !names.contains(name) {
            names.push(name.clone());
        }
    }
    names
}

fn statement(record: &ReleaseRecord) -> StatementShown {
    StatementShown {
        entry: record.entry,
        builders: record.builders.clone(),
        source: record.source.clone(),
        reference: record.reference.clone(),
        revision: record.revision.clone(),
        label: record.label.clone(),
        dirty: record.dirty,
        build: record.build,
        finished_on: record.finished_on,
    }
}

fn describe(shown: &Shown) -> String {
    let mut text = format!("{} of {}\n", shown.hash, shown.project);
    let mut field = |name: &str, value: &str| {
        let _ = writeln!(text, "  {name:<10} {}", output::text(value));
    };
    let document = &shown.document;
    match &document.source {
        Source::Git { revision, tree, .. } => {
            field("revision", &format!("git {revision}"));
            field("tree", tree);
        }
        Source::Svn {
            revision,
            uuid,
            path,
            ..
        } => {
            field("revision", &format!("svn r{revision} of {uuid}"));
            field("path", &format!("/{path}"));
        }
    }
    field("committed", &document.source.committed().to_string());
    field(
        "content",
        &format!(
            "{} files, {}",
            document.files,
            output::bytes(document.bytes)
        ),
    );
    field(
        "bundle",
        &format!("{}, {}", output::bytes(shown.size), document.codec),
    );
    let blob = |blob: &Descriptor| format!("{}, {}", output::bytes(blob.size), blob.digest);
    field("payload", &blob(shown.manifest.payload()));
    field("index", &blob(shown.manifest.index()));
    for path in &document.install.persist {
        field("persistent", path.as_str());
    }
    let channels: Vec<_> = shown.channels.iter().map(ChannelName::as_str).collect();
    match channels.as_slice() {
        [] => field("channels", "none points to it"),
        channels => field("channels", &channels.join(", ")),
    }
    match shown.revoked {
        Some(Severity::Block) => field("revoked", "must not be activated"),
        Some(Severity::Warn) => field("revoked", "activated with a warning"),
        None => {}
    }
    match shown.reproduced_by.as_slice() {
        [] => field("built by", &output::names(&shown.built_by)),
        others => field(
            "built by",
            &format!(
                "{}, reproduced by {}",
                output::names(&shown.built_by),
                output::names(others)
            ),
        ),
    }
    for statement in &shown.statements {
        let title = format!(
            "{} signed by {}, entry {} of the log",
            statement.finished_on,
            output::names(&statement.builders),
            statement.entry
        );
        field("released", &title);
        field("  source", &statement.source);
        field("  ref", &statement.reference);
        if !statement.label.is_empty() {
            field("  label", &statement.label);
        }
        match statement.build {
            Build::None => {}
            Build::Sandbox => field("  build", "in a sandbox"),
            Build::NoSandbox => field("  build", "without a sandbox"),
        }
        if statement.dirty {
            field("  dirty", "packed with changes that are in no revision");
        }
    }
    text
}
