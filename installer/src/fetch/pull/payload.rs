//! The payload's missing frames: pieces of a delta, and then a few ranges, or one stream when that is
//! nearly everything. What has arrived is written to the spool and announced, so that extraction
//! runs meanwhile.

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::Sender;

use bulla_bundle::{BundleFile, VerifiedBundle};
use bulla_registry_client::plan::{self, Plan};
use bulla_registry_client::{BlobStream, Client, Ranged};
use bulla_schemas::ProjectName;
use bulla_schemas::manifest::Descriptor;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use super::again::Again;
use super::pieces::{Decoded, Decoder};
use super::spool::Spool;
use crate::failpoint::failpoint;
use crate::fetch::error::FetchError;
use crate::fetch::supply::Source;
use crate::tree::extract::Arrived;

/// Bytes between two missing frames that are fetched too: cheaper than another request.
const GAP: u64 = 128 * 1024;
/// Most requests at once.
const CONNECTIONS: usize = 4;

/// A download of frames.
pub(crate) struct Download<'a> {
    pub(crate) source: Source,
    pub(crate) project: ProjectName,
    pub(crate) spool: Spool,
    /// What came before, with the bundle.
    pub(crate) pieces: Option<Decoder<'a>>,
    /// Asks for that, where the bundle was here before.
    pub(crate) again: Option<Again<'a>>,
    /// Told of each frame that has arrived.
    pub(crate) arrivals: Sender<Arrived>,
}

/// What a download took.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Downloaded {
    /// Bytes that came over the network.
    pub(crate) bytes: u64,
    /// Bytes that an earlier, interrupted download had left.
    pub(crate) resumed: u64,
}

impl Downloaded {
    /// Adds what another download took.
    pub(crate) const fn and(self, other: Self) -> Self {
        Self {
            bytes: self.bytes + other.bytes,
            resumed: self.resumed + other.resumed,
        }
    }
}

/// One download's frames and where their bytes go; shared by its connections.
struct Target {
    spool: Spool,
    arrivals: Sender<Arrived>,
    /// Missing frames: position and place in the payload, in order.
    missing: Vec<(usize, Range<u64>)>,
    /// Which of them are announced: a registry that has ranges only now and then sends some twice.
    announced: Vec<AtomicBool>,
}

impl Download<'_> {
    /// Fetches the frames at `wanted` positions. Ends early, without an error, when nobody
    /// listens to arrivals any more.
    pub(crate) async fn fetch(
        mut self,
        bundle: &VerifiedBundle,
        wanted: &[usize],
    ) -> Result<Downloaded, FetchError> {
        let frames = bundle.payload_frames();
        let mut downloaded = Downloaded::default();
        let mut missing = Vec::new();
        for (position, is_there) in wanted.iter().zip(self.spool.has(frames, wanted)) {
            let frame = &frames[*position];
            if is_there {
                downloaded.resumed += frame.record.compressed_size;
                let _ = self.arrivals.send(Arrived::Spooled(*position));
            } else {
                missing.push((*position, frame.span()));
            }
        }
        if let Some(mut pieces) = self.pieces.take() {
            self.decode(&mut pieces, &mut missing)?;
        }
        if let (Some(again), Source::Registry(client)) = (&self.again, &self.source)
            && !missing.is_empty()
        {
            let pieces = again.pieces(client, bundle).await?;
            downloaded.bytes += pieces.size();
            let mut pieces = pieces.decoder(bundle, again.observer);
            self.decode(&mut pieces, &mut missing)?;
        }
        let client = match &self.source {
            Source::Registry(client) => client,
            Source::File(file) => {
                self.copy(file, &missing)?;
                return Ok(downloaded);
            }
        };
        let blob = bundle.manifest().payload().clone();
        let spans = missing.iter().map(|(_, span)| span.clone());
        let plan = plan::plan(spans, blob.size, GAP);
        let target = Arc::new(Target {
            spool: self.spool,
            arrivals: self.arrivals,
            announced: missing.iter().map(|_| AtomicBool::new(false)).collect(),
            missing,
        });
        downloaded.bytes += match plan {
            Plan::Whole => target.fetch_on(client, &self.project, &blob).await?,
            Plan::Runs(runs) => fetch_runs(client, &self.project, &blob, &target, runs).await?,
        };
        Ok(downloaded)
    }
}

impl Download<'_> {
    /// Takes those frames that a delta holds from the missing ones.
    fn decode(
        &self,
        pieces: &mut Decoder<'_>,
        missing: &mut Vec<(usize, Range<u64>)>,
    ) -> Result<(), FetchError> {
        for (position, span) in std::mem::take(missing) {
            let arrived = match pieces.decode(position) {
                None => {
                    missing.push((position, span));
                    continue;
                }
                Some(Decoded::Content(content)) => Arrived::Decoded(position, content),
                Some(Decoded::Frame(frame)) => {
                    self.spool.write(span.start, &frame)?;
                    Arrived::Spooled(position)
                }
            };
            let _ = self.arrivals.send(arrived);
        }
        Ok(())
    }

    /// Takes the frames from a bundle file. What they hold is checked when they are decoded, as if
    /// they had come over the network.
    fn copy(&self, file: &BundleFile, missing: &[(usize, Range<u64>)]) -> Result<(), FetchError> {
        for (position, span) in missing {
            let frame = file.read_frame(*position).map_err(FetchError::ReadFile)?;
            self.spool.write(span.start, &frame)?;
            if self.arrivals.send(Arrived::Spooled(*position)).is_err() {
                break;
            }
        }
        Ok(())
    }
}

async fn fetch_runs(
    client: &Client,
    project: &ProjectName,
    blob: &Descriptor,
    target: &Arc<Target>,
    runs: Vec<Range<u64>>,
) -> Result<u64, FetchError> {
    let connections = Arc::new(Semaphore::new(CONNECTIONS));
    let mut running: JoinSet<Result<Run, FetchError>> = JoinSet::new();
    for run in runs {
        let (client, project, blob) = (client.clone(), project.clone(), blob.clone());
        let (target, connections) = (Arc::clone(target), Arc::clone(&connections));
        running.spawn(async move {
            let _permit = connections.acquire_owned().await;
            match client.blob_range(&project, &blob, run).await? {
                Ranged::Part(stream) => Ok(Run::Part(target.receive(stream, u64::MAX).await?)),
                // Others will find that too: the whole is read once, below.
                Ranged::Whole(_) => Ok(Run::NoRanges),
            }
        });
    }
    let mut bytes = 0;
    while let Some(run) = running.join_next().await {
        match run.map_err(|_| FetchError::ThreadDied)?? {
            Run::Part(part) => bytes += part,
            Run::NoRanges => {
                running.shutdown().await;
                return Ok(bytes + target.fetch_on(client, project, blob).await?);
            }
        }
    }
    Ok(bytes)
}

/// How a request for a part went.
enum Run {
    Part(u64),
    NoRanges,
}

impl Target {
    /// Fetches everything from the first missing frame to the end of the last in one stream.
    async fn fetch_on(
        &self,
        client: &Client,
        project: &ProjectName,
        blob: &Descriptor,
    ) -> Result<u64, FetchError> {
        let (Some((_, first)), Some((_, last))) = (self.missing.first(), self.missing.last())
        else {
            return Ok(0);
        };
        let stream = client.blob_stream(project, blob, first.start).await?;
        self.receive(stream, last.end).await
    }

    /// Writes a stream to the spool until `end`, and announces each missing frame once its last
    /// byte is there.
    async fn receive(&self, mut stream: BlobStream, end: u64) -> Result<u64, FetchError> {
        let from = stream.position();
        let mut next = self.missing.partition_point(|(_, span)| span.start < from);
        while stream.position() < end
            && let Some(piece) = stream.next().await?
        {
            let position = stream.position();
            self.spool.write(position - piece.len() as u64, &piece)?;
            while let Some((frame, span)) = self.missing.get(next)
                && span.end <= position
            {
                if next == self.missing.len() / 2 {
                    failpoint!("pull::half-of-the-payload");
                }
                let is_new = !self.announced[next].swap(true, Ordering::Relaxed);
                if is_new && self.arrivals.send(Arrived::Spooled(*frame)).is_err() {
                    return Ok(position - from);
                }
                next += 1;
            }
        }
        Ok(stream.position() - from)
    }
}
