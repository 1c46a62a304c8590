//! A file for the textfile collector of Prometheus' `node_exporter`, replaced as a whole.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;

use bulla_files::{Draft, Readers};
use bulla_schemas::Timestamp;

use crate::operation::{ProjectStatus, Standing};
use crate::platform::files::{Attempt as _, FileError};

/// One measured thing: its name, what it means, and its value for a project.
type Gauge = (
    &'static str,
    &'static str,
    fn(&ProjectStatus) -> Option<i64>,
);

const GAUGES: [Gauge; 8] = [
    (
        "bulla_behind",
        "Whether another release than the channel's head is live, and nothing keeps the head back.",
        |status| Some(i64::from(status.standing == Standing::Behind)),
    ),
    (
        "bulla_waiting",
        "Whether the head waits for a wave or window, or for people who paused the channel.",
        |status| Some(i64::from(status.standing == Standing::Waiting)),
    ),
    (
        "bulla_failed",
        "Whether the channel's head, or what is live, failed here.",
        |status| Some(i64::from(status.standing == Standing::Failed)),
    ),
    (
        "bulla_held",
        "Whether a person holds the server on a release.",
        |status| Some(i64::from(status.hold.is_some())),
    ),
    (
        "bulla_drained",
        "Whether the server may be out of its load balancer.",
        |status| Some(i64::from(status.drained.is_some())),
    ),
    (
        "bulla_drifted_paths",
        "Paths of the live tree that are not as released.",
        |status| {
            let differences = status.differences.as_ref()?;
            i64::try_from(differences.len()).ok()
        },
    ),
    (
        "bulla_activated_timestamp_seconds",
        "When the live release was activated.",
        |status| status.activated_at.map(Timestamp::as_seconds),
    ),
    (
        "bulla_set_aside_trees",
        "Trees that were changed by hand and are kept.",
        |status| i64::try_from(status.set_aside.len()).ok(),
    ),
];

/// Writes what is so on this server.
pub(super) fn write(
    path: &Path,
    projects: &[ProjectStatus],
    log_size: u64,
    synced_at: Option<Timestamp>,
) -> Result<(), FileError> {
    let mut draft = Draft::begin(path, Readers::Umask)?;
    let text = text(projects, log_size, synced_at);
    draft
        .file()
        .write_all(text.as_bytes())
        .attempt("write", path)?;
    draft.put()
}

fn text(projects: &[ProjectStatus], log_size: u64, synced_at: Option<Timestamp>) -> String {
    let mut text = String::new();
    header(&mut text, "bulla_live_info", "The release that is live.");
    for status in projects {
        if let Some(live) = status.live {
            let channel = status
                .channel
                .as_ref()
                .map_or("", |channel| channel.as_str());
            let (project, channel) = (escaped(status.project.as_str()), escaped(channel));
            let labels = format!("project=\"{project}\",channel=\"{channel}\",hash=\"{live}\"");
            let _ = writeln!(text, "bulla_live_info{{{labels}}} 1");
        }
    }
    for (name, meaning, value) in GAUGES {
        header(&mut text, name, meaning);
        for status in projects {
            if let Some(value) = value(status) {
                let project = escaped(status.project.as_str());
                let _ = writeln!(text, "{name}{{project=\"{project}\"}} {value}");
            }
        }
    }
    header(
        &mut text,
        "bulla_log_entries",
        "Entries of the verified log.",
    );
    let _ = writeln!(text, "bulla_log_entries {log_size}");
    if let Some(synced_at) = synced_at {
        let name = "bulla_log_read_timestamp_seconds";
        header(
            &mut text,
            name,
            "When the log was last read from a registry.",
        );
        let _ = writeln!(text, "{name} {}", synced_at.as_seconds());
    }
    text
}

fn header(text: &mut String, name: &str, meaning: &str) {
    let _ = writeln!(text, "# HELP {name} {meaning}\n# TYPE {name} gauge");
}

/// A label's value (Prometheus, "Text-based format").
fn escaped(value: &str) -> String {
    value
        .replace('\\', r"\\")
        .replace('"', "\\\"")
        .replace('\n', r"\n")
}
