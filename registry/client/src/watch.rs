//! `Watch`: waits until a registry says that its log has grown.
//!
//! ```text
//! events     one answer that goes on: told at once                    /api/v1/watch?size=
//! long poll  where something on the way holds events back             /api/v1/watch?size=&wait=
//! polling    where nothing waits: an old registry, a mirror of files  /log/checkpoint
//! ```
//!
//! What is said is a hint that decides nothing: who is told fetches the log and verifies it. A hint
//! that turns out wrong costs a pause that grows, so that a registry that lies costs as much as
//! polling does.

mod events;

#[cfg(feature = "testing")]
pub use self::events::fuzz::events;

use std::time::Duration;

use bulla_schemas::log::LogPosition;
use reqwest::Method;
use reqwest::header::ACCEPT;
use tokio::time::{Instant, sleep, timeout};
use url::Url;

use self::events::{Broken, Events};
use crate::client::Client;
use crate::error::ClientError;

/// How long events may take to begin; later, something on the way holds them back.
const BEGIN: Duration = Duration::from_secs(15);
/// How long one answer is asked to wait, and how much longer it may take.
const WAIT: Duration = Duration::from_secs(50);
const WAIT_SLACK: Duration = Duration::from_secs(9);
/// A stream of events or a wait that ends sooner was cut off.
const SHORT: Duration = Duration::from_secs(20);
/// How often in a row that is put up with.
const MOST_SHORT: u32 = 3;
/// After how long a better way is tried again.
const TRY_AGAIN: Duration = Duration::from_mins(15);
/// The first pause after a hint that was wrong or a request that failed; it doubles up to the
/// interval of polling.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
/// Most bytes of an answer that is a size.
const POSITION_LIMIT: u64 = 4096;

/// Waits until a registry says that its log has grown.
#[derive(Debug)]
pub struct Watch {
    client: Client,
    /// Whether entries count that witnesses have not cosigned.
    newest: bool,
    /// How often polling asks, on average.
    interval: Duration,
    way: Way,
    /// When the way was chosen, where it is not the best one.
    since: Instant,
    /// How often in a row an answer was cut off.
    short: u32,
    /// The size that was last asked about.
    asked: Option<u64>,
    /// How long to wait when that is asked about again.
    pause: Duration,
}

/// How the registry is asked.
#[derive(Debug)]
enum Way {
    /// Events, and the stream of them once it has begun.
    Events(Option<Box<Events>>),
    LongPoll,
    Polling,
}

/// What came of one attempt.
enum Attempt {
    /// The log is said to have this size.
    Grown(u64),
    /// Nothing yet; it can be asked again.
    Nothing,
    /// This way does not work here.
    Useless,
}

impl Client {
    /// Prepares to wait for the log to grow; `interval` is how often it is looked at where nothing
    /// tells of growth.
    pub fn watch(&self, interval: Duration) -> Watch {
        Watch {
            client: self.clone(),
            newest: false,
            interval,
            way: Way::Events(None),
            since: Instant::now(),
            short: 0,
            asked: None,
            pause: Duration::ZERO,
        }
    }
}

impl Watch {
    /// Also counts entries that witnesses have not cosigned.
    #[must_use]
    pub fn of_newest(self) -> Self {
        Self {
            newest: true,
            ..self
        }
    }

    /// Waits until the registry says that its log is larger than `size`, and returns the size that
    /// it says. An error tells why it could not be asked.
    ///
    /// May be called in a loop, whatever it returned: asked about the same size again, it waits
    /// first, longer each time, up to the interval.
    pub async fn beyond(&mut self, size: u64) -> Result<u64, ClientError> {
        self.calm_down(size).await;
        loop {
            self.try_better_way();
            let attempt = match &self.way {
                Way::Events(_) => self.wait_for_event(size).await,
                Way::LongPoll => self.wait_for_answer(size).await,
                Way::Polling => self.poll(size).await,
            };
            match attempt {
                Ok(Attempt::Grown(grown)) => {
                    self.short = 0;
                    return Ok(grown);
                }
                Ok(Attempt::Nothing) => {}
                Ok(Attempt::Useless) => self.take_next_way(),
                Err(error) => {
                    self.forget_events();
                    return Err(error);
                }
            }
        }
    }

    /// Waits when the last answer about this size led nowhere.
    async fn calm_down(&mut self, size: u64) {
        if self.asked.replace(size) == Some(size) {
            let longest = self.interval.max(FIRST_PAUSE);
            self.pause = (self.pause * 2).clamp(FIRST_PAUSE, longest);
            sleep(jittered(self.pause)).await;
        } else {
            self.pause = Duration::ZERO;
        }
    }

    async fn wait_for_event(&mut self, size: u64) -> Result<Attempt, ClientError> {
        let Way::Events(events) = &mut self.way else {
            return Ok(Attempt::Useless);
        };
        let stream = match events {
            Some(stream) => stream,
            None => match timeout(BEGIN, begin(&self.client, size, self.newest)).await {
                Ok(Ok(stream)) => events.insert(Box::new(stream)),
                Ok(Err(error)) => return sort(error),
                Err(_) => return Ok(Attempt::Useless),
            },
        };
        match stream.beyond(size).await {
            Ok(grown) => return Ok(Attempt::Grown(grown)),
            Err(Broken::Hostile) => return Ok(Attempt::Useless),
            Err(Broken::Ended) => {}
        }
        // Registries end streams now and then; all clients of one that restarts come back at once.
        if stream.age() >= SHORT {
            self.short = 0;
        } else {
            self.short += 1;
        }
        *events = None;
        if self.short >= MOST_SHORT {
            return Ok(Attempt::Useless);
        }
        sleep(jittered(FIRST_PAUSE * 2_u32.pow(self.short))).await;
        Ok(Attempt::Nothing)
    }

    async fn wait_for_answer(&mut self, size: u64) -> Result<Attempt, ClientError> {
        let begun = Instant::now();
        let answer = timeout(
            WAIT + WAIT_SLACK,
            one_answer(&self.client, size, self.newest),
        )
        .await;
        match answer {
            Ok(Ok(Some(position))) if position.size > size => Ok(Attempt::Grown(position.size)),
            Ok(Ok(None)) if begun.elapsed() >= SHORT => Ok(Attempt::Nothing),
            Ok(Err(error)) => sort(error),
            // It does not wait, or for something else.
            Ok(Ok(_)) | Err(_) => Ok(Attempt::Useless),
        }
    }

    async fn poll(&mut self, size: u64) -> Result<Attempt, ClientError> {
        let note = if self.newest {
            self.client.cosignatures().await?.newest.into_bytes()
        } else {
            self.client.checkpoint().await?
        };
        match said_size(&note) {
            Some(said) if said > size => Ok(Attempt::Grown(said)),
            _ => {
                sleep(jittered(self.interval)).await;
                Ok(Attempt::Nothing)
            }
        }
    }

    /// Goes back to events after a while: a proxy may have been mended.
    fn try_better_way(&mut self) {
        if !matches!(self.way, Way::Events(_)) && self.since.elapsed() >= TRY_AGAIN {
            self.way = Way::Events(None);
            self.short = 0;
        }
    }

    fn take_next_way(&mut self) {
        self.way = match self.way {
            Way::Events(_) => Way::LongPoll,
            Way::LongPoll | Way::Polling => Way::Polling,
        };
        self.since = Instant::now();
    }

    fn forget_events(&mut self) {
        if let Way::Events(events) = &mut self.way {
            *events = None;
        }
    }
}

fn url(client: &Client, size: u64, newest: bool) -> Url {
    let mut url = client.at(["api", "v1", "watch"]);
    url.query_pairs_mut().append_pair("size", &size.to_string());
    if newest {
        url.query_pairs_mut().append_pair("newest", "true");
    }
    url
}

/// Begins a stream of events, and waits for the first of it.
async fn begin(client: &Client, size: u64, newest: bool) -> Result<Events, ClientError> {
    let url = url(client, size, newest);
    let request = client.request(Method::GET, &url);
    let request = request.header(ACCEPT, "text/event-stream");
    let response = client.send_body(request).await?;
    Events::begin(response).await
}

/// Asks for one answer, which comes when the log is larger, or when the time is over.
async fn one_answer(
    client: &Client,
    size: u64,
    newest: bool,
) -> Result<Option<LogPosition>, ClientError> {
    let mut url = url(client, size, newest);
    url.query_pairs_mut()
        .append_pair("wait", &WAIT.as_secs().to_string());
    let response = client.send_body(client.request(Method::GET, &url)).await?;
    if response.status() == reqwest::StatusCode::NO_CONTENT {
        return Ok(None);
    }
    let position = client
        .read_json(response, POSITION_LIMIT, "how far a log has come")
        .await;
    position.map(Some)
}

/// Tells whether another way may work where one failed.
fn sort(error: ClientError) -> Result<Attempt, ClientError> {
    match &error {
        // No way leads to a registry that is away, or that does not let one in.
        ClientError::Unreachable { .. } => Err(error),
        ClientError::Answer(answer) if matches!(answer.status, 401 | 403) => Err(error),
        _ => Ok(Attempt::Useless),
    }
}

/// Returns the size in a checkpoint, its second line; not verified.
fn said_size(note: &[u8]) -> Option<u64> {
    let line = note.split(|byte| *byte == b'\n').nth(1)?;
    std::str::from_utf8(line).ok()?.parse().ok()
}

/// Returns between a half and one and a half of a time, so that clients do not come together.
pub fn jittered(time: Duration) -> Duration {
    time.mul_f64(0.5 + fastrand::f64())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_size_of_a_checkpoint() {
        assert_eq!(said_size(b"example/log\n812\nroot\n\n- sig\n"), Some(812));
        for wrong in [
            "",
            "812",
            "a\n",
            "a\n-1\n",
            "a\nx\n",
            "a\n99999999999999999999\n",
        ] {
            assert_eq!(said_size(wrong.as_bytes()), None, "{wrong:?}");
        }
    }
}
