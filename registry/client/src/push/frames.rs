//! A blob of which only the frames are sent that its repository does not have.
//!
//! ```text
//! HEAD blob ──found──▶ nothing is read
//!   └ POST _bulla/frames {all} ▶ missing ▶ POST uploads/ ▶ PATCH the missing ▶ PUT _bulla/frames {all}
//!       └ refused, as any other registry does: the whole blob is pushed
//! ```

use std::io::{self, Read};
use std::vec;

use bulla_schemas::ProjectName;
use bulla_schemas::api::{BlobFrame, BlobFrames, MissingFrames};
use bulla_schemas::manifest::Descriptor;
use reqwest::header::{CONTENT_LENGTH, CONTENT_TYPE};
use reqwest::{Method, RequestBuilder};
use url::Url;

use super::Pushed;
use super::upload::{Upload, send, unreadable};
use crate::client::Client;
use crate::error::ClientError;

/// Most bytes of an answer that says which frames are missing.
const ANSWER_LIMIT: u64 = 1 << 20;

impl Client {
    /// Stores a blob unless the registry has it, as [`Client::push_blob`] does, and sends only the
    /// frames that the repository does not have, where the registry can put a blob together. `cut`
    /// gives the blob's frames, and is asked once and only where the blob is missing: it has to read
    /// all of it.
    pub async fn push_frames(
        &self,
        project: &ProjectName,
        descriptor: &Descriptor,
        cut: impl FnOnce() -> io::Result<Vec<BlobFrame>>,
        open: impl Fn() -> io::Result<Box<dyn Read + Send>>,
    ) -> Result<Pushed, ClientError> {
        if self.blob_exists(project, descriptor).await? {
            return Ok(Pushed::Present);
        }
        let frames = cut().map_err(|source| unreadable(self.url(), source))?;
        let frames = BlobFrames { frames };
        // Whatever keeps the registry from saying it, the whole blob can do without, or says it
        // again.
        if let Ok(Some(missing)) = self.missing(project, descriptor, &frames).await {
            let sent = missing.size;
            match self
                .put_together(project, descriptor, &frames, missing, &open)
                .await
            {
                Ok(()) => return Ok(Pushed::Frames { sent }),
                Err(error @ ClientError::Content { .. }) => return Err(error),
                // The answer may be what was lost.
                Err(_) => {
                    if self.blob_exists(project, descriptor).await? {
                        return Ok(Pushed::Frames { sent });
                    }
                }
            }
        }
        self.send_blob(project, descriptor, open).await?;
        Ok(Pushed::Sent)
    }

    /// Asks which frames are missing; `None` where that is all there is.
    async fn missing(
        &self,
        project: &ProjectName,
        descriptor: &Descriptor,
        frames: &BlobFrames,
    ) -> Result<Option<Missing>, ClientError> {
        if frames.frames.is_empty() {
            return Ok(None);
        }
        let request = self.request_of(Method::POST, &self.frames_url(project), frames);
        let answer = self.send(request).await?;
        let expected = "which frames are missing";
        let answer: MissingFrames = self.read_json(answer, ANSWER_LIMIT, expected).await?;
        let missing = Missing::new(frames, &answer.missing);
        Ok(Some(missing).filter(|missing| missing.size != descriptor.size))
    }

    /// Sends the missing frames and has the blob put together.
    async fn put_together(
        &self,
        project: &ProjectName,
        descriptor: &Descriptor,
        frames: &BlobFrames,
        missing: Missing,
        open: &impl Fn() -> io::Result<Box<dyn Read + Send>>,
    ) -> Result<(), ClientError> {
        let location = Upload::new(self, project, descriptor).begin().await?;
        let size = missing.size;
        if size > 0 {
            let reader = open().map_err(|source| unreadable(&location, source))?;
            let reader = Box::new(missing.of(reader));
            let request = self.request(Method::PATCH, &location);
            let request = request.header(CONTENT_TYPE, "application/octet-stream");
            let request = request.header(CONTENT_LENGTH, size);
            send(self, request, &location, reader, 0..size).await?;
        }
        let mut url = self.frames_url(project);
        let id = location.path_segments().and_then(Iterator::last);
        url.query_pairs_mut()
            .append_pair("digest", &descriptor.digest.to_string())
            .append_pair("upload", id.unwrap_or_default());
        // The registry reads all of the blob before it answers.
        let request = self.request_of(Method::PUT, &url, frames);
        self.send_body(request).await?;
        Ok(())
    }

    fn frames_url(&self, project: &ProjectName) -> Url {
        self.at_repository(project, &["_bulla", "frames"])
    }

    fn request_of(&self, method: Method, url: &Url, frames: &BlobFrames) -> RequestBuilder {
        let body = serde_json::to_vec(frames).unwrap_or_default();
        let request = self.request(method, url).body(body);
        request.header(CONTENT_TYPE, "application/json")
    }
}

/// Which bytes of a blob are missing.
struct Missing {
    size: u64,
    /// How many bytes are passed over, and how many taken then.
    steps: Vec<(u64, u64)>,
}

impl Missing {
    fn new(frames: &BlobFrames, positions: &[usize]) -> Self {
        let mut steps = Vec::new();
        let (mut size, mut skip) = (0, 0);
        let mut positions = positions.iter().peekable();
        for (position, frame) in frames.frames.iter().enumerate() {
            if positions.next_if_eq(&&position).is_some() {
                steps.push((skip, frame.size));
                size += frame.size;
                skip = 0;
            } else {
                skip += frame.size;
            }
        }
        Self { size, steps }
    }

    fn of(self, reader: Box<dyn Read + Send>) -> MissingReader {
        MissingReader {
            reader,
            steps: self.steps.into_iter(),
            left: 0,
        }
    }
}

/// Reads the missing bytes of a blob.
struct MissingReader {
    reader: Box<dyn Read + Send>,
    steps: vec::IntoIter<(u64, u64)>,
    /// How many bytes are left to be taken now.
    left: u64,
}

impl Read for MissingReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.left == 0 {
            let Some((skip, take)) = self.steps.next() else {
                return Ok(0);
            };
            io::copy(&mut (&mut self.reader).take(skip), &mut io::sink())?;
            self.left = take;
        }
        let read = (&mut self.reader).take(self.left).read(buffer)?;
        self.left -= read as u64;
        Ok(read)
    }
}
