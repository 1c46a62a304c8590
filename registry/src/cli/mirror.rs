//! `bulla-registry mirror`: another registry's content and log, kept and served here.

use std::path::PathBuf;
use std::sync::Arc;

use bulla_registry_client::{Client, registry_url};
use bulla_schemas::log::Anchor;
use bulla_schemas::outcome::FailureKind;
use bulla_schemas::report::MirrorReport;
use bulla_terminal::{Bar, Failure, bytes, count, stderr, stdout};

use super::data::clock;
use super::registry_token::RegistryToken;
use super::serving::{Ready, Serving};
use crate::app::App;
use crate::app::mirror::Origin;
use crate::data::DataDirectory;
use crate::data::mirror::MirrorNote;
use crate::pattern::ProjectPattern;

/// How much of what is missing is named; of all, it is said how many.
const MOST_NAMED: usize = 20;

/// Keep a copy of another registry that follows it, and serve it
///
/// The log is verified as servers verify it, and content by its digests. Nothing can be pushed to a
/// mirror, and it has no key. It listens once it has the origin's log for the first time; from then on
/// it serves what it has, whatever becomes of the origin.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// The registry to mirror; a mirror may be mirrored too
    url: String,
    /// The data directory of the mirror; created if missing
    #[arg(long, value_name = "DIR", env = "BULLA_DATA")]
    data: PathBuf,
    /// The projects whose content is mirrored, such as `acme/*`; all when not given. The log is always
    /// mirrored whole
    #[arg(long, value_name = "PATTERN", value_delimiter = ',')]
    project: Vec<ProjectPattern>,
    #[command(flatten)]
    token: RegistryToken,
    /// Where the registry's log is trusted from, as `bulla anchor` prints it
    #[arg(long, value_name = "ORIGIN+SIZE+ROOT", env = "BULLA_ANCHOR")]
    anchor: Option<Anchor>,
    /// Trust whatever log the registry shows the first time, and only that log from then on
    #[arg(long, conflicts_with = "anchor")]
    trust_first_use: bool,
    /// Take over what the registry has, and end: for timers, and for a disk that is carried
    #[arg(long)]
    once: bool,
    /// Print a JSON document
    #[arg(long, requires = "once")]
    json: bool,
    #[command(flatten)]
    pub(super) serving: Serving,
}

pub(super) async fn run(arguments: Arguments) -> Result<(), Failure> {
    let url = registry_url(&arguments.url)?;
    let client = Client::new(url.clone(), arguments.token.read()?)?;
    DataDirectory::require_mirror_or_empty(&arguments.data)?;
    let mut ready = arguments.serving.prepare()?;
    let projects = without_covered(arguments.project);
    let note = MirrorNote {
        origin: url.to_string(),
        projects: projects.iter().map(ToString::to_string).collect(),
    };
    let app = App::open_mirror(&arguments.data, note, ready.settings(), clock()).await?;
    let origin = Origin {
        client,
        projects,
        anchor: arguments.anchor,
        trusts_first_use: arguments.trust_first_use,
    };
    if arguments.once {
        let done = take_over(&app, &mut ready, &origin).await;
        app.close().await;
        return show(&done?, arguments.json);
    }
    if app.is_without_log() {
        let done = take_over(&app, &mut ready, &origin).await;
        if done.is_err() {
            app.close().await;
        }
        stderr::say(sentence(&done?));
    }
    let following = tokio::spawn(Arc::clone(&app).follow(origin));
    let served = ready.serve(app).await;
    following.abort();
    served
}

/// Leaves out patterns that name nothing that another one does not name.
fn without_covered(patterns: Vec<ProjectPattern>) -> Vec<ProjectPattern> {
    let mut kept: Vec<ProjectPattern> = Vec::new();
    for pattern in patterns {
        if !kept.iter().any(|known| known.covers(&pattern)) {
            kept.retain(|known| !pattern.covers(known));
            kept.push(pattern);
        }
    }
    kept
}

/// Takes over what the origin has; a signal ends it.
async fn take_over(app: &App, ready: &mut Ready, origin: &Origin) -> Result<MirrorReport, Failure> {
    let bar = Bar::new("mirror");
    let once = app.mirror_once(origin, &bar);
    let done = ready.unless_stopped(once).await;
    bar.finish();
    let done = done.ok_or_else(|| {
        let message = "stopped before everything was taken over";
        Failure::new(FailureKind::Temporary, message)
            .with_hint("run it again: it goes on from there")
    })?;
    Ok(done?)
}

fn show(report: &MirrorReport, is_json: bool) -> Result<(), Failure> {
    if is_json {
        stdout::json(report)?;
    }
    let missing = &report.missing;
    for missing in missing.iter().take(MOST_NAMED) {
        let (project, content) = (&missing.project, &missing.content);
        stderr::warn(format_args!("{project}: {content}: {}", missing.why));
    }
    let taken = sentence(report);
    if missing.is_empty() {
        if !is_json {
            stderr::say(taken);
        }
        return Ok(());
    }
    let left = count(missing.len() as u64, "thing is", "things are");
    let failed = format!("{taken}; {left} not mirrored");
    Err(Failure::new(FailureKind::Failed, failed)
        .with_hint("what the origin has later, the next run takes over"))
}

fn sentence(report: &MirrorReport) -> String {
    format!(
        "mirrors {}: {} of the log, {} of them new; {} new, {} received",
        report.origin,
        count(report.entries, "entry", "entries"),
        report.new_entries,
        count(report.manifests, "manifest", "manifests"),
        bytes(report.received),
    )
}
