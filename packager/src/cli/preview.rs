//! What a promotion changes, for people and as `--json`.

use bulla_schemas::api::{Change, ChangeKind, InstallChanges, NameChanges};
use bulla_schemas::install::Command;
use bulla_schemas::statement::Build;
use bulla_schemas::{ChannelName, Digest, ProjectName};
use bulla_trust::Head;
use serde::Serialize;

use super::output;
use crate::drop::{Dropped, Loss};
use crate::preview::Preview;
use crate::promote::Prepared;
use crate::proposal::Proposal;

/// Most paths that are named; `bulla diff` names all.
const MOST_PATHS: usize = 10;

/// A promotion, as `--json` shows it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Shown {
    project: ProjectName,
    channel: ChannelName,
    hash: Digest,
    /// Absent when the registry does not give what is needed, or nothing changes.
    #[serde(skip_serializing_if = "Option::is_none")]
    preview: Option<Preview>,
    /// Why there is no preview.
    #[serde(skip_serializing_if = "Option::is_none")]
    not_compared: Option<String>,
    /// Whether the release contains what is live: `yes`, `no` or `unknown`.
    contains_live: &'static str,
    /// What is live and not in the release; the live release when that is unknown.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    dropped: Vec<Dropped>,
    /// How many git commits, promoted or not, are live and not in the release.
    #[serde(skip_serializing_if = "Option::is_none")]
    dropped_commits: Option<usize>,
    /// Why it is unknown.
    #[serde(skip_serializing_if = "Option::is_none")]
    unknown_because: Option<String>,
    /// The entry of the log that points the channel to the release; absent when nothing was signed.
    #[serde(skip_serializing_if = "Option::is_none")]
    entry: Option<u64>,
}

impl Shown {
    /// Takes what was found out.
    pub(super) fn new(proposal: &Proposal, prepared: &Prepared) -> Self {
        let mut shown = Self::empty(proposal);
        match &prepared.preview {
            Ok(preview) => shown.preview = Some(preview.clone()),
            Err(error) => shown.not_compared = Some(error.to_string()),
        }
        match &prepared.loss {
            Loss::Nothing => {}
            Loss::Revisions { dropped, commits } => {
                shown.contains_live = "no";
                shown.dropped.clone_from(dropped);
                shown.dropped_commits = *commits;
            }
            Loss::Unknown { live, reason } => {
                shown.contains_live = "unknown";
                shown.dropped = vec![(**live).clone()];
                shown.unknown_because = Some(reason.to_string());
            }
        }
        shown
    }

    /// The channel points to the release already.
    pub(super) fn standing(proposal: &Proposal, head: &Head) -> Self {
        let mut shown = Self::empty(proposal);
        shown.promoted(head);
        shown
    }

    fn empty(proposal: &Proposal) -> Self {
        Self {
            project: proposal.project.clone(),
            channel: proposal.channel.clone(),
            hash: proposal.hash,
            preview: None,
            not_compared: None,
            contains_live: "yes",
            dropped: Vec::new(),
            dropped_commits: None,
            unknown_because: None,
            entry: None,
        }
    }

    /// The log shows it.
    pub(super) fn promoted(&mut self, head: &Head) {
        self.entry = Some(head.entry);
    }

    /// Says it to a person; `takes_out` is the word for what is live and goes.
    pub(super) fn say(&self, takes_out: &str) {
        match (&self.preview, &self.not_compared) {
            (Some(preview), _) => {
                self.say_what(preview);
                say_files(preview);
                say_install(&preview.install);
            }
            (None, why) => output::say(format_args!(
                "{} {}: -> {}, not compared: {}",
                self.project,
                self.channel,
                self.hash.short(),
                output::text(why.as_deref().unwrap_or_default())
            )),
        }
        match self.contains_live {
            "no" => {
                output::say(format_args!("  {takes_out}:"));
                self.dropped.iter().for_each(say_line);
                if let Some(commits) = self.dropped_commits
                    && commits > self.dropped.len()
                {
                    output::say(format_args!("    {commits} commits in all"));
                }
            }
            "unknown" => {
                let why = self.unknown_because.as_deref().unwrap_or_default();
                output::say(format_args!(
                    "  may take out, unknown: {}",
                    output::text(why)
                ));
                for dropped in &self.dropped {
                    say_line(dropped);
                }
            }
            _ => {}
        }
    }

    fn say_what(&self, preview: &Preview) {
        let from = preview
            .from
            .map_or_else(|| "nothing yet".to_owned(), |hash| hash.short());
        let reproduced = match preview.reproduced_by.as_slice() {
            [] => String::new(),
            names => format!(", reproduced by {}", output::names(names)),
        };
        output::say(format_args!(
            "{} {}: {from} -> {} ({}), built by {}{reproduced}",
            self.project,
            self.channel,
            self.hash.short(),
            preview.revision,
            output::names(&preview.built_by),
        ));
        if preview.build == Build::NoSandbox {
            output::say("  warning: it was built without a sandbox");
        }
    }
}

fn say_line(dropped: &Dropped) {
    output::say(format_args!("    {}", output::text(&dropped.to_string())));
}

fn say_files(preview: &Preview) {
    let totals = &preview.totals;
    output::say(format_args!(
        "  files: {} added, {} removed, {} changed; {} -> {}",
        totals.added,
        totals.removed,
        totals.paths() - totals.added - totals.removed,
        output::bytes(totals.bytes_before),
        output::bytes(totals.bytes_after)
    ));
    // The first release is all new.
    if preview.from.is_none() {
        return;
    }
    for change in preview.changes.iter().take(MOST_PATHS) {
        output::say(format_args!("    {}", line(change)));
    }
    if let Some(more) = preview.changes.len().checked_sub(MOST_PATHS)
        && let Some(from) = preview.from
        && more > 0
    {
        output::say(format_args!(
            "    and {more} more: bulla diff {} {}",
            from.short(),
            preview.to.short()
        ));
    }
}

/// Writes one difference as `+ path (size)`.
fn line(change: &Change) -> String {
    let path = output::text(change.path.as_str());
    let sizes = [&change.before, &change.after].map(|side| side.as_ref().and_then(|s| s.size));
    let sizes: Vec<_> = sizes.into_iter().flatten().map(output::bytes).collect();
    let sizes = match sizes.as_slice() {
        [] => String::new(),
        sizes => format!(" ({})", sizes.join(" -> ")),
    };
    match change.change {
        ChangeKind::Added => format!("+ {path}{sizes}"),
        ChangeKind::Removed => format!("- {path}{sizes}"),
        ChangeKind::Changed => format!("~ {path}{sizes}"),
        ChangeKind::Mode => format!("~ {path} (executable bit)"),
        ChangeKind::Link => format!("~ {path} (link)"),
        ChangeKind::Kind => format!("~ {path} (another kind of entry)"),
    }
}

fn say_install(install: &InstallChanges) {
    for change in &install.hooks {
        let command = |command: &Option<Command>| {
            let words = command.as_ref().map(Command::arguments);
            words.map_or_else(|| "none".to_owned(), |words| output::text(&words.join(" ")))
        };
        output::say(format_args!(
            "  hook {}: {} -> {}",
            change.hook,
            command(&change.before),
            command(&change.after)
        ));
    }
    say_names("persistent path", "", &install.persist);
    say_names(
        "environment",
        ", which must be set on the servers",
        &install.environment,
    );
    if let Some(health) = &install.health {
        let what = match (&health.before, &health.after) {
            (None, _) => "new",
            (_, None) => "no longer checked",
            _ => "changed",
        };
        output::say(format_args!("  health checks: {what}"));
    }
}

fn say_names<T: AsRef<str>>(what: &str, note: &str, names: &NameChanges<T>) {
    for name in &names.added {
        output::say(format_args!(
            "  {what}: + {}{note}",
            output::text(name.as_ref())
        ));
    }
    for name in &names.removed {
        output::say(format_args!("  {what}: - {}", output::text(name.as_ref())));
    }
}
