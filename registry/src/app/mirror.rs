//! A mirror: follows its origin, beside the requests that it answers or for one round.

use std::sync::Arc;
use std::time::Duration;

use bulla_bundle::{NoProgress, Progress};
use bulla_registry_client::{Client, jittered};
use bulla_schemas::log::Anchor;
use bulla_schemas::report::MirrorReport;
use tokio::time::{Instant, sleep, timeout};

use super::App;
use crate::error::{RegistryError, on};
use crate::mirror::{Look, Memory, MirrorError, Round, Source};
use crate::pattern::ProjectPattern;

/// How often the origin is asked where nothing tells of growth, on average.
const INTERVAL: Duration = Duration::from_mins(1);
/// The first pause after a failure; it doubles up to the interval.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
/// How often everything is looked at, also what the log says nothing of.
const FULL: Duration = Duration::from_hours(1);

/// Where a mirror's content comes from, and what its log must be.
#[derive(Debug, Clone)]
pub(crate) struct Origin {
    pub(crate) client: Client,
    /// Whose content is mirrored; that of all projects when empty.
    pub(crate) projects: Vec<ProjectPattern>,
    /// A place that the log must pass through.
    pub(crate) anchor: Option<Anchor>,
    /// Whether any log is believed where none is known.
    pub(crate) trusts_first_use: bool,
}

impl App {
    /// Takes over once what the origin has.
    pub(crate) async fn mirror_once(
        &self,
        origin: &Origin,
        progress: &(dyn Progress + Send + Sync),
    ) -> Result<MirrorReport, RegistryError> {
        let mut memory = Memory::default();
        let round = self.round(origin, Look::Full, &mut memory, progress);
        round.await.map_err(on(&self.disk))
    }

    /// Follows the origin for ever. Whatever fails, what is here is served meanwhile.
    pub(crate) async fn follow(self: Arc<Self>, origin: Origin) {
        let mut memory = Memory::default();
        let mut watch = origin.client.watch(INTERVAL);
        let mut looked: Option<Instant> = None;
        let mut pause = FIRST_PAUSE;
        loop {
            let is_due = looked.is_none_or(|looked| looked.elapsed() >= FULL);
            let look = if is_due { Look::Full } else { Look::Quick };
            let round = self.round(&origin, look, &mut memory, &NoProgress);
            let taken = round.await.map_err(on(&self.disk));
            let has_failed = taken.is_err();
            match taken {
                Ok(report) => {
                    looked = is_due.then(Instant::now).or(looked);
                    tell(&report);
                }
                Err(error) => {
                    say_failed(&error);
                    // The watch waits longer each time that it is asked about the same size.
                    sleep(FIRST_PAUSE).await;
                }
            }
            let size = self.catalog.published().state.size();
            let left = match looked {
                _ if has_failed => INTERVAL,
                Some(looked) => FULL.saturating_sub(looked.elapsed()),
                None => FULL,
            };
            match timeout(left, watch.beyond(size)).await {
                Ok(Ok(said)) => {
                    self.mirrored.hear(said);
                    pause = FIRST_PAUSE;
                }
                Ok(Err(error)) => {
                    tracing::debug!(%error, "the origin cannot be watched");
                    sleep(jittered(pause)).await;
                    pause = (pause * 2).min(INTERVAL);
                }
                Err(_) => {}
            }
        }
    }

    async fn round(
        &self,
        origin: &Origin,
        look: Look,
        memory: &mut Memory,
        progress: &(dyn Progress + Send + Sync),
    ) -> Result<MirrorReport, MirrorError> {
        let Some(log) = self.catalog.log.mirrored() else {
            return Err(MirrorError::NoMirror);
        };
        let (client, folder) = (&origin.client, self.data.uploads());
        let round = Round {
            source: Source::new(client, &self.catalog, &self.uploads, progress),
            log,
            projects: &origin.projects,
            anchor: origin.anchor.as_ref(),
            trusts_first_use: origin.trusts_first_use,
            folder: &folder,
            look,
        };
        let report = Box::pin(round.run(memory)).await?;
        self.mirrored.hear(report.entries);
        self.mirrored.succeed(self.clock.now());
        Ok(report)
    }
}

fn say_failed(error: &RegistryError) {
    let error: &(dyn std::error::Error + 'static) = error;
    tracing::warn!(error, "the origin was not followed; what is here is served");
}

/// Says what a round brought.
fn tell(report: &MirrorReport) {
    for missing in &report.missing {
        tracing::warn!(
            project = %missing.project,
            content = missing.content,
            "not mirrored: {}",
            missing.why
        );
    }
    if report.new_entries + report.manifests > 0 {
        tracing::info!(
            entries = report.entries,
            new = report.new_entries,
            manifests = report.manifests,
            bytes = report.received,
            "took over what the origin has"
        );
    }
}
