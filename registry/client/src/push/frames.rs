//! A blob of which only the frames are sent that its repository does not have.
//!
//! ```text
//! POST _bulla/frames {all} ▶ missing ▶ POST uploads/ ▶ PATCH the missing ▶ PUT _bulla/frames {all}
//!   └ refused, as any other registry does: the whole blob is pushed
//! ```

use std::io::{self, Read};
use std::vec;

use bulla_schemas::ProjectName;
use bulla_schemas::api::{BlobFrame, BlobFrames, MissingFrames};
use bulla_schemas::manifest::Descriptor;
use reqwest::Method;
use reqwest::header::{CONTENT_LENGTH, CONTENT_TYPE};
use url::Url;

use super::Pushed;
use super::upload::{Upload, send, unreadable};
use crate::answer;
use crate::client::Client;
use crate::error::ClientError;

/// Most bytes of an answer that says which frames are missing.
const ANSWER_LIMIT: u64 = 1 << 20;

impl Client {
    /// Stores a blob of these frames unless the registry has it, as [`Client::push_blob`] does, and
    /// sends only the frames that the repository does not have, where the registry can put a blob
    /// together.
    pub async fn push_frames(
        &self,
        project: &ProjectName,
        descriptor: &Descriptor,
        frames: Vec<BlobFrame>,
        open: impl Fn() -> io::Result<Box<dyn Read + Send>>,
    ) -> Result<Pushed, ClientError> {
        if frames.is_empty() {
            return self.push_blob(project, descriptor, open).await;
        }
        if self.blob_exists(project, descriptor).await? {
            return Ok(Pushed::Present);
        }
        let frames = BlobFrames { frames };
        match self.send_missing(project, descriptor, &frames, &open).await {
            Ok(Some(sent)) => Ok(Pushed::Frames { sent }),
            Err(error @ ClientError::Content { .. }) => Err(error),
            // Whatever keeps it from that, the whole blob can do without, or says it again.
            Ok(None) | Err(_) => self.push_blob(project, descriptor, open).await,
        }
    }

    /// Sends the missing frames and returns how many bytes they have; nothing where all are
    /// missing.
    async fn send_missing(
        &self,
        project: &ProjectName,
        descriptor: &Descriptor,
        frames: &BlobFrames,
        open: &impl Fn() -> io::Result<Box<dyn Read + Send>>,
    ) -> Result<Option<u64>, ClientError> {
        let parts = ["v2"].into_iter().chain(project.as_str().split('/'));
        let url = self.at(parts.chain(["_bulla", "frames"]));
        let list = |method: Method, url: &Url| {
            let body = serde_json::to_vec(frames).unwrap_or_default();
            let request = self.request(method, url).body(body);
            request.header(CONTENT_TYPE, "application/json")
        };
        let answer = self.send(list(Method::POST, &url)).await?;
        let expected = "which frames are missing";
        let answer: MissingFrames = answer::read_json(answer, ANSWER_LIMIT, expected).await?;
        let missing = Missing::new(frames, &answer.missing);
        if missing.size == descriptor.size {
            return Ok(None);
        }
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
        let mut url = url;
        let id = location.path_segments().and_then(Iterator::last);
        url.query_pairs_mut()
            .append_pair("digest", &descriptor.digest.to_string())
            .append_pair("upload", id.unwrap_or_default());
        // The registry reads all of the blob before it answers.
        self.send_body(list(Method::PUT, &url)).await?;
        Ok(Some(size))
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
