//! Pushing blobs: asked for first, streamed in one request, resumed where the registry can.
//!
//! ```text
//! HEAD blob ──found──▶ nothing to do
//!   └ POST uploads/ ▶ Location ▶ PUT all bytes ▶ 201
//!                        ▲             └ broken: GET Location ▶ Range: 0-k ▶ PUT the rest
//!                        └──────────── upload lost: begin again
//! ```
//!
//! Of blobs of frames only those are sent that the repository lacks, where the registry is one of
//! ours: see [`frames`].

mod frames;
mod upload;

use std::io::{self, Read};

use backon::BackoffBuilder;
use bulla_schemas::ProjectName;
use bulla_schemas::manifest::Descriptor;

use self::upload::Upload;
use crate::client::Client;
use crate::error::ClientError;
use crate::retry;

/// How a blob came to lie in the registry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pushed {
    /// It was there already.
    Present,
    /// It was sent.
    Sent,
    /// The registry put it together from frames that it had and those that were sent.
    Frames {
        /// Bytes of the frames that were sent.
        sent: u64,
    },
}

impl Client {
    /// Stores a blob unless the registry has it. `open` gives the blob's bytes from the first on,
    /// once per attempt; exactly `descriptor.size` of them are read, off the async threads.
    pub async fn push_blob(
        &self,
        project: &ProjectName,
        descriptor: &Descriptor,
        open: impl Fn() -> io::Result<Box<dyn Read + Send>>,
    ) -> Result<Pushed, ClientError> {
        if self.blob_exists(project, descriptor).await? {
            return Ok(Pushed::Present);
        }
        self.send_blob(project, descriptor, open).await?;
        Ok(Pushed::Sent)
    }

    /// Sends a blob that the registry does not have.
    async fn send_blob(
        &self,
        project: &ProjectName,
        descriptor: &Descriptor,
        open: impl Fn() -> io::Result<Box<dyn Read + Send>>,
    ) -> Result<(), ClientError> {
        let mut upload = Upload::new(self, project, descriptor);
        let mut waits = retry::waits().build();
        loop {
            let Err(error) = upload.attempt(&open).await else {
                return Ok(());
            };
            let wait = waits.next().filter(|_| error.is_temporary());
            let Some(wait) = retry::wait_as_asked(&error, wait, self.patience()) else {
                return Err(error);
            };
            tokio::time::sleep(wait).await;
            // The answer may be what was lost.
            if self.blob_exists(project, descriptor).await? {
                return Ok(());
            }
        }
    }
}
