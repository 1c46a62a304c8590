//! `bulla audit`: what each key signed, and what came of it.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::PathBuf;
use std::str::FromStr;

use bulla_registry_client::Client;
use bulla_schemas::line::{few, list};
use bulla_schemas::report::{AuditEntry, EntryKind};
use bulla_schemas::statement::Severity;
use bulla_schemas::{Digest, Name, ProjectName, Timestamp};
use bulla_terminal::{Failure, count, stderr, stdout};
use bulla_trust::LogState;
use bulla_trust::policy::Owner;
use clap::Args;

use super::environment;
use super::key::NamedKey;
use super::session::Session;
use super::signers::signer;
use crate::audit::{self, Begins, Question, Since, Traces};
use crate::revoke::{MOST, Revoking};

/// Most servers that are named.
const MOST_SERVERS: usize = 5;
/// Output is written in pieces of about so many bytes.
const PIECE: usize = 64 * 1024;

/// Show what each key signed, and what came of it, in the order of the log
///
/// Every entry of the verified log is read and judged again, also those without effect. The order is
/// proven; the times are what the signers say. With --key or --person it ends with what is left of what
/// that key signed: releases that nobody has revoked, channels that it moved last, and what to type.
#[derive(Debug, Args)]
pub(super) struct AuditArguments {
    /// Only what was signed with this key: its fingerprint (`SHA256:...`) or the file with the public key
    #[arg(long, value_name = "KEY", conflicts_with = "person")]
    key: Option<NamedKey>,
    /// Only what was signed with a key that this person or builder ever had
    #[arg(long, value_name = "NAME")]
    person: Option<Name>,
    /// Only from this entry on, or from the first entry whose signer says this time or a later one
    /// (`2026-11-30` or `2026-11-30T16:00:00Z`)
    #[arg(long, value_name = "INDEX|DATE")]
    since: Option<Beginning>,
    /// List as JSON
    #[arg(long, conflicts_with = "csv")]
    json: bool,
    /// List as CSV, for spreadsheets
    #[arg(long)]
    csv: bool,
    /// Write each entry into this directory, too, as files that `ssh-keygen -Y verify` and
    /// `openssl pkeyutl -verify` take
    #[arg(long, value_name = "DIR")]
    export: Option<PathBuf>,
}

/// Where to begin, as it is typed.
#[derive(Debug, Clone, Copy)]
struct Beginning(Since);

impl FromStr for Beginning {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if let Ok(entry) = text.parse() {
            return Ok(Self(Since::Entry(entry)));
        }
        let midnight = format!("{text}T00:00:00Z");
        let time = text.parse::<Timestamp>().or_else(|_| midnight.parse());
        time.map(|time| Self(Since::Time(time))).map_err(|_| {
            "expected the index of an entry, a date such as `2026-11-30`, or a time in UTC such as \
             `2026-11-30T16:00:00Z`"
                .to_owned()
        })
    }
}

/// How entries are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Text,
    Json,
    Csv,
}

pub(super) async fn run(session: &Session, arguments: &AuditArguments) -> Result<(), Failure> {
    let client = session.client()?;
    let fingerprint = arguments.key.as_ref().map(NamedKey::fingerprint);
    let fingerprint = fingerprint.transpose()?;
    let log = session.log(&client).await?;
    let state = log.state();
    let keys = match (&fingerprint, &arguments.person) {
        (Some(fingerprint), _) => Some(BTreeSet::from([fingerprint.clone()])),
        (None, Some(name)) => Some(audit::keys_of(state, name)?),
        (None, None) => None,
    };
    let question = Question {
        keys,
        project: session.named_project().cloned(),
        since: arguments
            .since
            .map(|beginning| beginning.0)
            .unwrap_or_default(),
    };
    let form = match (arguments.json, arguments.csv) {
        (true, _) => Form::Json,
        (_, true) => Form::Csv,
        _ => Form::Text,
    };
    let mut output = Output::begin(form);
    let traces = audit::audit(&client, state, &question, |entry, bytes| {
        if let Some(directory) = &arguments.export {
            audit::export(directory, entry, bytes)?;
        }
        output.put(entry)
    })
    .await?;
    let found = (traces.entries, &traces.begins);
    audit::require_sense(state, &question, found, environment::now())?;
    output.end()?;
    match (&question.keys, &traces.begins) {
        (Some(keys), _) => say_traces(&client, state, keys, &traces).await,
        (None, Begins::Never { newest }) => say_late(newest.as_ref()),
        (None, _) if traces.entries == 0 => stderr::say("no entry of the log is asked for"),
        (None, _) => {}
    }
    Ok(())
}

/// Says that no entry is as new as those that are asked for.
fn say_late(newest: Option<&(u64, Timestamp)>) {
    match newest {
        Some((entry, time)) => stderr::say(format_args!(
            "no entry of the log says so late a time: the latest is that of entry {entry}, {time}"
        )),
        None => stderr::say("no entry of the log says a time"),
    }
}

/// What is written of an audit, piece by piece: a log may have any length.
struct Output {
    form: Form,
    piece: String,
    is_first: bool,
}

impl Output {
    fn begin(form: Form) -> Self {
        let mut output = Self {
            form,
            piece: String::new(),
            is_first: true,
        };
        match form {
            Form::Json => output.piece.push('['),
            Form::Csv => output.piece = format!("{}\r\n", audit::CSV_HEADER),
            Form::Text => {}
        }
        output
    }

    fn put(&mut self, entry: &AuditEntry) -> Result<(), Failure> {
        match self.form {
            Form::Json => {
                let text = serde_json::to_string(entry)
                    .map_err(|error| Failure::io("cannot write JSON", error.into()))?;
                self.piece
                    .push_str(if self.is_first { "\n" } else { ",\n" });
                self.piece
                    .push_str(&bulla_schemas::escape::escape_json(&text));
            }
            Form::Csv => {
                let _ = write!(self.piece, "{}\r\n", audit::csv_row(entry));
            }
            Form::Text => self.piece.push_str(&describe(entry)),
        }
        self.is_first = false;
        if self.piece.len() >= PIECE {
            stdout::write(&std::mem::take(&mut self.piece))?;
        }
        Ok(())
    }

    fn end(mut self) -> Result<(), Failure> {
        match (self.form, self.is_first) {
            (Form::Json, true) => self.piece.push_str("]\n"),
            (Form::Json, false) => self.piece.push_str("\n]\n"),
            _ => {}
        }
        Ok(stdout::write(&self.piece)?)
    }
}

/// Writes an entry as a paragraph.
fn describe(entry: &AuditEntry) -> String {
    let mut text = stdout::folded(&format!("{:>6}  ", entry.entry), what(entry));
    let mut line = |words: &str| text.push_str(&stdout::folded("        ", words));
    let signers = list(entry.signers.iter().map(signer));
    let when = entry
        .issued_at
        .map_or_else(String::new, |time| format!(", who says {time}"));
    if signers.is_empty() {
        line("signed by nobody");
    } else {
        line(&format!("signed by {signers}{when}"));
    }
    if let Some(because) = &entry.because {
        line(&format!("no effect: {because}"));
    }
    if let Some(reason) = &entry.reason {
        line(&format!("reason: {reason}"));
    }
    for release in &entry.releases {
        let mut now = Vec::new();
        if !release.heads.is_empty() {
            now.push(format!("head of {}", list(&release.heads)));
        }
        match release.revoked {
            Some(Severity::Block) => now.push("revoked".to_owned()),
            Some(Severity::Warn) => now.push("warned of".to_owned()),
            None => {}
        }
        if !now.is_empty() {
            line(&format!(
                "{} is now {}",
                release.hash.short(),
                now.join(", ")
            ));
        }
    }
    text
}

fn what(entry: &AuditEntry) -> String {
    let hashes = list(entry.releases.iter().map(|one| one.hash.short()));
    let project = entry
        .project
        .as_ref()
        .map_or("?", |project| project.as_str());
    let channel = entry
        .channel
        .as_ref()
        .map_or("?", |channel| channel.as_str());
    match (entry.kind, entry.action, entry.version) {
        (EntryKind::Policy, _, version) => format!("policy {}", version.unwrap_or_default()),
        (EntryKind::Release, ..) => format!("release of {project}: {hashes}"),
        (EntryKind::Promotion, Some(action), _) => {
            format!("{action} of {project} on {channel}: {hashes}")
        }
        (EntryKind::Revocation, ..) => format!("revocation in {project}: {hashes}"),
        _ => "nothing that this program knows".to_owned(),
    }
}

/// Says what is left of what keys signed, and what to type where one of them leaked.
async fn say_traces(client: &Client, state: &LogState, keys: &BTreeSet<String>, traces: &Traces) {
    for key in keys {
        stderr::say(match audit::owner_of(state, key) {
            Some((Owner::Person(name), true)) => format!(
                "{key} is {name}'s and counts; `bulla key rotate {name} NEW.pub --from {key}` puts \
                 another one in its place, `bulla key remove {name} {key}` takes it out"
            ),
            Some((Owner::Builder(name), true)) => format!(
                "{key} is the builder {name}'s and counts; `bulla key rotate {name} NEW.pub` puts \
                 another one in its place, `bulla builder remove {name}` takes it out"
            ),
            Some((owner, false)) => {
                format!("{key} was {}'s and counts no more", owner.name())
            }
            None => {
                format!("no policy of the log ever named {key}, so nothing counts that it signed")
            }
        });
    }
    if traces.entries == 0 {
        stderr::say("nothing of what is asked for is signed with it");
        return;
    }
    for version in &traces.policies {
        stderr::say(format_args!(
            "signed policy {version}: `bulla policy history` shows what that changed"
        ));
    }
    for head in &traces.heads {
        stderr::say(format_args!(
            "moved `{}` of {} last, to {}: `bulla rollback {} --project {} -m TEXT` goes back, where \
             that is wrong",
            head.channel,
            head.project,
            head.hash.short(),
            head.channel,
            head.project
        ));
    }
    let left: usize = traces.releases.values().map(Vec::len).sum();
    if left == 0 {
        return;
    }
    stderr::say(format_args!(
        "{} made with it and not revoked:",
        count(left as u64, "release", "releases")
    ));
    for (project, hashes) in &traces.releases {
        for hashes in hashes.chunks(MOST) {
            say_releases(client, state, project, hashes).await;
        }
    }
}

/// Says where releases are and how they are revoked.
async fn say_releases(client: &Client, state: &LogState, project: &ProjectName, hashes: &[Digest]) {
    let revoking = Revoking {
        project: project.clone(),
        hashes: hashes.to_vec(),
        severity: Severity::Block,
        reason: String::new(),
        issued_at: environment::now(),
    };
    let report = revoking.report(client, state).await;
    for release in &report.releases {
        let mut place = match release.heads.as_slice() {
            [] => "no channel points to it".to_owned(),
            heads => format!("head of {}", list(heads)),
        };
        if !release.live_on.is_empty() {
            let servers = few(&release.live_on, MOST_SERVERS, ", ", ", and");
            let _ = write!(place, ", live on {servers}");
        }
        stderr::say(format_args!(
            "  {project} {}: {place}",
            release.hash.short()
        ));
    }
    if let Some(why) = &report.not_asked {
        stderr::say(format_args!(
            "  on which servers they are live is not known: {why}"
        ));
    }
    let hashes: Vec<String> = hashes.iter().map(Digest::short).collect();
    stderr::say(format_args!(
        "  bulla revoke {} --project {project} -m 'made with a key that leaked'",
        hashes.join(" ")
    ));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_beginning_is_an_index_or_a_time() {
        let since = |text: &str| Beginning::from_str(text).map(|beginning| beginning.0);
        assert_eq!(since("12"), Ok(Since::Entry(12)));
        let time = |text: &str| Ok(Since::Time(text.parse().unwrap()));
        assert_eq!(since("2026-11-30"), time("2026-11-30T00:00:00Z"));
        assert_eq!(since("2026-11-30T16:00:00Z"), time("2026-11-30T16:00:00Z"));
        for wrong in ["", "yesterday", "2026-13-01", "-1"] {
            assert!(since(wrong).unwrap_err().contains("2026-11-30"), "{wrong}");
        }
    }
}
