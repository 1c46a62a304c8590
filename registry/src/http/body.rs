//! Request bodies: bounded in size, and in the time that a client may take.

use std::time::Duration;

use axum::body::Body;
use axum::extract::Request;
use axum::http::HeaderMap;
use axum::http::header::CONTENT_LENGTH;
use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt as _;
use tokio::time::{Instant, timeout_at};

use crate::app::App;
use crate::budget::Share;
use crate::http::caller::Caller;
use crate::http::problem::Problem;
use crate::settings::Pace;

/// A body that is being read.
pub(crate) struct Incoming {
    body: Body,
    pace: Pace,
    /// When the window under way ends.
    end: Instant,
    /// Bytes that came in it.
    arrived: u64,
}

impl Incoming {
    /// Begins to read a body.
    pub(crate) fn new(body: Body, pace: Pace) -> Self {
        Self {
            body,
            pace,
            end: Instant::now() + pace.window,
            arrived: 0,
        }
    }

    /// Waits for the next bytes; nothing at the end.
    pub(crate) async fn next(&mut self) -> Result<Option<Bytes>, Problem> {
        loop {
            let Ok(frame) = timeout_at(self.end, self.body.frame()).await else {
                self.next_window()?;
                continue;
            };
            match frame {
                None => return Ok(None),
                Some(Err(error)) => return Err(Problem::BodyBroken(error.into())),
                // Trailers are skipped.
                Some(Ok(frame)) => {
                    if let Ok(data) = frame.into_data() {
                        self.arrived += data.len() as u64;
                        return Ok(Some(data));
                    }
                }
            }
        }
    }

    async fn read_all(mut self, limit: u64) -> Result<Bytes, Problem> {
        let mut whole = BytesMut::new();
        while let Some(data) = self.next().await? {
            if (whole.len() + data.len()) as u64 > limit {
                return Err(Problem::TooLarge { limit });
            }
            whole.extend_from_slice(&data);
        }
        Ok(whole.freeze())
    }

    /// Begins another window, unless too little came in the one that ended.
    fn next_window(&mut self) -> Result<(), Problem> {
        let Pace { window, least } = self.pace;
        if self.arrived < least {
            return Err(Problem::BodySlow {
                least,
                seconds: window.max(Duration::from_secs(1)).as_secs(),
            });
        }
        self.end = Instant::now() + window;
        self.arrived = 0;
        Ok(())
    }
}

/// Reads the whole body of a request, at most `limit` bytes. They are in memory, and count as the
/// caller's, until the share is dropped.
pub(crate) async fn read_all(
    app: &App,
    caller: &Caller,
    request: Request,
    limit: u64,
) -> Result<(Bytes, Share), Problem> {
    let size = announced_length(request.headers()).unwrap_or(limit);
    if size > limit {
        return Err(Problem::TooLarge { limit });
    }
    let share = app.budget.take(&caller.account(), size);
    let share = share.ok_or(Problem::TooManyRequests)?;
    let body = Incoming::new(request.into_body(), app.settings.pace);
    Ok((body.read_all(limit).await?, share))
}

/// Returns the announced length of a body.
pub(crate) fn announced_length(headers: &HeaderMap) -> Option<u64> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}
