//! `bulla show`: everything about one release.

use std::fmt::Write as _;

use bulla_schemas::ChannelName;
use bulla_schemas::manifest::Descriptor;
use bulla_schemas::release::Source;
use bulla_schemas::report::ReleaseReport;
use bulla_schemas::statement::{Build, Severity};
use bulla_terminal::{Failure, bytes, count, escape, stdout};
use bulla_trust::Revocation;
use clap::Args;

use super::changes::names;
use super::session::Session;
use crate::resolve::ReleaseName;
use crate::{contents, report};

/// Show what a release is made of, who built it, and where it is
#[derive(Debug, Args)]
pub(super) struct ShowArguments {
    /// A hash, a channel for its head, a revision or a label
    #[arg(value_name = "RELEASE")]
    release: ReleaseName,
    /// Print as JSON
    #[arg(long)]
    json: bool,
}

pub(super) async fn run(session: &Session, arguments: &ShowArguments) -> Result<(), Failure> {
    let client = session.client()?;
    let log = session.log(&client).await?;
    let state = log.state();
    let (project, hash) = session.find(state, &arguments.release)?;
    let bundle = contents::fetch(&client, &project, hash).await?;
    let report = report::release(state, &project, &bundle)?;
    if arguments.json {
        Ok(stdout::json(&report)?)
    } else {
        let revocations = state.revocations(&project);
        let about = revocations.filter(|one| one.hashes.contains(&hash));
        Ok(stdout::write(&describe(&report, about))?)
    }
}

fn describe<'a>(
    shown: &ReleaseReport,
    revocations: impl Iterator<Item = &'a Revocation>,
) -> String {
    let mut text = format!("{} of {}\n", shown.summary.hash, shown.project);
    let mut field = |name: &str, value: &str| {
        let _ = writeln!(text, "  {name:<10} {}", escape(value));
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
            "{}, {}",
            count(document.files, "file", "files"),
            bytes(document.bytes)
        ),
    );
    field(
        "bundle",
        &format!("{}, {}", bytes(shown.summary.size), document.codec),
    );
    let blob = |blob: &Descriptor| format!("{}, {}", bytes(blob.size), blob.digest);
    field("payload", &blob(shown.manifest.payload()));
    field("index", &blob(shown.manifest.index()));
    for path in &document.install.persist {
        field("persistent", path.as_str());
    }
    let channels: Vec<_> = shown
        .summary
        .channels
        .iter()
        .map(ChannelName::as_str)
        .collect();
    match channels.as_slice() {
        [] => field("channels", "none points to it"),
        channels => field("channels", &channels.join(", ")),
    }
    for revocation in revocations {
        let what = match revocation.severity {
            Severity::Block => "must not be activated",
            Severity::Warn => "activated with a warning",
        };
        let (by, reason) = (names(&revocation.people), &revocation.reason);
        let when = revocation.issued_at;
        field("revoked", &format!("{what}, by {by}, {when}: {reason}"));
    }
    match shown.summary.reproduced_by.as_slice() {
        [] => field("built by", &names(&shown.summary.built_by)),
        others => field(
            "built by",
            &format!(
                "{}, reproduced by {}",
                names(&shown.summary.built_by),
                names(others)
            ),
        ),
    }
    for statement in &shown.statements {
        let title = format!(
            "{} signed by {}, entry {} of the log",
            statement.finished_on,
            names(&statement.builders),
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
