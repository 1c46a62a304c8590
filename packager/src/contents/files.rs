//! The bytes of chosen files of a release: the frames that hold them are fetched, and no others.
//!
//! Fetched frames lie compressed in a temporary file without a name. Only one decoded frame and
//! the file that is asked for are in memory.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::ops::Range;
use std::path::Path;

use bulla_bundle::{BundleFile, Progress, VerifiedBundle};
use bulla_registry_client::plan::runs;
use bulla_registry_client::{BlobStream, Client, Ranged};
use bulla_schemas::index::EntryKind;
use bulla_schemas::{Digest, EntryPath, ProjectName};
use futures_util::stream::{self, StreamExt as _};

use super::error::ContentsError;

/// How many requests for parts of the payload are under way at once.
const PARALLEL: usize = 4;

/// Files of one release whose bytes are at hand.
pub struct Files<'a> {
    bundle: &'a VerifiedBundle,
    frames: Frames<'a>,
    /// The frame that was decoded last: small files that follow each other share one.
    last: Option<(usize, Vec<u8>)>,
}

enum Frames<'a> {
    Fetched(Fetched),
    File(&'a BundleFile),
}

/// Compressed frames in a temporary file.
struct Fetched {
    file: File,
    /// Where each of them begins in the file, by its position in the payload.
    places: BTreeMap<usize, u64>,
}

impl<'a> Files<'a> {
    /// Takes files from a bundle file.
    pub fn of_bundle_file(file: &'a BundleFile) -> Self {
        Self {
            bundle: file.bundle(),
            frames: Frames::File(file),
            last: None,
        }
    }

    /// Fetches the frames that hold the entries at `positions`. The temporary file lies in
    /// `spool`.
    pub async fn fetch(
        client: &Client,
        project: &ProjectName,
        bundle: &'a VerifiedBundle,
        positions: impl IntoIterator<Item = usize>,
        spool: &Path,
        progress: &dyn Progress,
    ) -> Result<Self, ContentsError> {
        let layout = bundle.layout();
        let mut needed = BTreeMap::new();
        for position in positions {
            for frame in bundle.frames_of(layout[position].content.clone()) {
                needed.insert(frame, 0);
            }
        }
        let spooled = |source| ContentsError::Spool {
            directory: spool.to_owned(),
            source,
        };
        let mut fetched = Fetched {
            file: tempfile::tempfile_in(spool).map_err(spooled)?,
            places: needed,
        };
        let spans = fetched.place(bundle);
        progress.start(Some(spans.iter().map(|span| span.end - span.start).sum()));
        let unfetched = |source| ContentsError::Client {
            hash: bundle.hash(),
            source,
        };
        let payload = bundle.manifest().payload();
        let requests = spans
            .iter()
            .map(|span| client.blob_range(project, payload, span.clone()));
        let mut answers = std::pin::pin!(stream::iter(requests).buffered(PARALLEL));
        let mut spans = &spans[..];
        while let Some(answer) = answers.next().await {
            let (mut stream, taken) = match answer.map_err(unfetched)? {
                Ranged::Part(stream) => (stream, 1),
                // This registry has no ranges: one answer holds all that is still missing.
                Ranged::Whole(stream) => (stream, spans.len()),
            };
            let (now, later) = spans.split_at(taken);
            fetched
                .receive(&mut stream, now, spooled, unfetched, progress)
                .await?;
            spans = later;
            if spans.is_empty() {
                break;
            }
        }
        Ok(Self {
            bundle,
            frames: Frames::Fetched(fetched),
            last: None,
        })
    }

    /// Reads the file at `position` of the entries into memory, and checks its digest. The caller
    /// has looked at its size.
    pub fn read(&mut self, position: usize) -> Result<Vec<u8>, ContentsError> {
        let entry = &self.bundle.entries()[position];
        let EntryKind::File { digest, .. } = &entry.kind else {
            return Ok(Vec::new());
        };
        let span = self.bundle.layout()[position].content.clone();
        let mut content = Vec::new();
        for frame in self.bundle.frames_of(span.clone()) {
            let start = self.bundle.payload_frames()[frame].offset;
            let decoded = self.decode(frame, &entry.path)?;
            let place = |at: u64| {
                usize::try_from(at.saturating_sub(start))
                    .map_or(decoded.len(), |at| at.min(decoded.len()))
            };
            content.extend_from_slice(&decoded[place(span.start)..place(span.end)]);
        }
        let found = Digest::of(&content);
        if found == *digest {
            return Ok(content);
        }
        Err(ContentsError::Content {
            path: entry.path.clone(),
            expected: *digest,
            found,
        })
    }

    fn decode(&mut self, frame: usize, path: &EntryPath) -> Result<&[u8], ContentsError> {
        if self.last.as_ref().is_none_or(|(last, _)| *last != frame) {
            let size = self.bundle.payload_frames()[frame].record.compressed_size;
            let compressed = match &mut self.frames {
                Frames::Fetched(fetched) => fetched.read(frame, size),
                Frames::File(file) => file.read_frame(frame),
            };
            let compressed = compressed.map_err(|source| ContentsError::Read {
                path: path.clone(),
                source,
            })?;
            let decoded = self.bundle.decode_frame(frame, &compressed);
            let decoded = decoded.map_err(|source| ContentsError::Verify {
                hash: self.bundle.hash(),
                source,
            })?;
            self.last = Some((frame, decoded));
        }
        Ok(self.last.as_ref().map_or(&[], |(_, decoded)| decoded))
    }
}

impl Fetched {
    /// Gives every needed frame its place in the file, and returns the spans of the payload that
    /// hold them: frames that follow each other are one span.
    fn place(&mut self, bundle: &VerifiedBundle) -> Vec<Range<u64>> {
        let mut end = 0;
        let mut spans = Vec::with_capacity(self.places.len());
        for (position, place) in &mut self.places {
            let frame = &bundle.payload_frames()[*position];
            *place = end;
            end += frame.record.compressed_size;
            spans.push(frame.span());
        }
        runs(spans, 0)
    }

    /// Appends what a stream holds of `spans`.
    async fn receive(
        &mut self,
        stream: &mut BlobStream,
        spans: &[Range<u64>],
        spooled: impl Fn(io::Error) -> ContentsError,
        unfetched: impl Fn(bulla_registry_client::ClientError) -> ContentsError,
        progress: &dyn Progress,
    ) -> Result<(), ContentsError> {
        let last = spans.last().map_or(0, |span| span.end);
        while stream.position() < last
            && let Some(piece) = stream.next().await.map_err(&unfetched)?
        {
            let end = stream.position();
            let start = end - piece.len() as u64;
            for span in spans {
                let (from, to) = (span.start.max(start), span.end.min(end));
                let (Ok(at), Ok(len)) = (
                    usize::try_from(from.saturating_sub(start)),
                    usize::try_from(to.saturating_sub(from)),
                ) else {
                    continue;
                };
                if len > 0 {
                    self.file
                        .write_all(&piece[at..at + len])
                        .map_err(&spooled)?;
                    progress.advance(len as u64);
                }
            }
        }
        Ok(())
    }

    fn read(&mut self, frame: usize, size: u64) -> io::Result<Vec<u8>> {
        let place = self.places.get(&frame).ok_or(io::ErrorKind::NotFound)?;
        self.file.seek(SeekFrom::Start(*place))?;
        let mut compressed = Vec::new();
        (&mut self.file).take(size).read_to_end(&mut compressed)?;
        Ok(compressed)
    }
}
