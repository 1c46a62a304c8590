//! The witness's own address: `POST /add-checkpoint`, and nothing else. Whoever asks takes little: few
//! connections at once, small requests, and little time.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::post;
use bulla_registry_client::{Client, judge_newest};
use bulla_schemas::Timestamp;
use bulla_trust::Pin;
use bulla_trust::witness::{ADD_CHECKPOINT, MAX_REQUEST_SIZE, SIZE_TYPE};
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpListener;
use tokio::sync::{Mutex, Semaphore};
use tokio::time::{Instant, sleep, timeout};

use super::asked::NotCosigned;
use super::error::WitnessError;
use super::replaying::Witness;

/// Most connections at once; others wait.
const MOST_CONNECTIONS: usize = 64;
/// How long a request's head may take, and a connection, which is for one request: who is slow keeps
/// others waiting.
const HEAD: Duration = Duration::from_secs(5);
const CONNECTION: Duration = Duration::from_secs(15);
/// How long a policy that names other keys of the log may be unknown here.
const LEARN: Duration = Duration::from_secs(10);

/// What answers.
struct Asked {
    witness: Mutex<Witness>,
    client: Client,
    /// When the log was last read for its keys.
    learned: Mutex<Option<Instant>>,
    now: fn() -> Timestamp,
    tell: fn(&str),
}

/// Answers for as long as the process runs. `tell` hears of what the log was answered.
pub async fn serve(
    listener: TcpListener,
    witness: Witness,
    client: Client,
    now: fn() -> Timestamp,
    tell: fn(&str),
) -> Infallible {
    let asked = Arc::new(Asked {
        witness: Mutex::new(witness),
        client,
        learned: Mutex::new(None),
        now,
        tell,
    });
    let router = Router::new()
        .route(&format!("/{ADD_CHECKPOINT}"), post(add_checkpoint))
        .layer(DefaultBodyLimit::max(MAX_REQUEST_SIZE))
        .with_state(asked);
    let places = Arc::new(Semaphore::new(MOST_CONNECTIONS));
    loop {
        let place = Arc::clone(&places).acquire_owned().await;
        let stream = match listener.accept().await {
            Ok((stream, _)) => stream,
            Err(error) => {
                tell(&format!("a connection was not taken: {error}"));
                sleep(Duration::from_millis(100)).await;
                continue;
            }
        };
        let service = TowerToHyperService::new(router.clone());
        tokio::spawn(async move {
            let connection = http1::Builder::new()
                .timer(TokioTimer::new())
                .keep_alive(false)
                .header_read_timeout(HEAD)
                .serve_connection(TokioIo::new(stream), service);
            // Whatever ends it is the client's.
            let _ = timeout(CONNECTION, connection).await;
            drop(place);
        });
    }
}

async fn add_checkpoint(State(asked): State<Arc<Asked>>, request: Bytes) -> Response {
    let mut answer = asked.answer(&request).await;
    if matches!(answer, Err(NotCosigned::Unsigned)) && asked.learn().await {
        answer = asked.answer(&request).await;
    }
    match answer {
        Ok(line) => {
            (asked.tell)("cosigned what the log asked for");
            ([(header::CONTENT_TYPE, "text/plain; charset=utf-8")], line).into_response()
        }
        Err(refused) => {
            // What strangers send is not worth a line.
            if refused.is_of_the_log() {
                (asked.tell)(&format!("not cosigned: {refused}"));
            }
            refusal(&refused)
        }
    }
}

impl Asked {
    async fn answer(&self, request: &[u8]) -> Result<String, NotCosigned> {
        self.witness.lock().await.answer(request, (self.now)())
    }

    /// Reads the log again where a policy may have brought another key, now and then. Others are answered
    /// meanwhile.
    async fn learn(&self) -> bool {
        {
            let mut learned = self.learned.lock().await;
            if learned.is_some_and(|last| last.elapsed() < LEARN) {
                return false;
            }
            *learned = Some(Instant::now());
        }
        self.look().await.unwrap_or_else(|error| {
            (self.tell)(&format!("the log cannot be read: {error}"));
            false
        })
    }

    async fn look(&self) -> Result<bool, WitnessError> {
        let (state, known) = {
            let witness = self.witness.lock().await;
            (Arc::clone(&witness.state), witness.memory.known())
        };
        let newest = self.client.cosignatures().await?.newest.into_bytes();
        // It begins by the replay of the log, so something is known.
        let pin = known.as_ref().map_or(Pin::Remembered, Pin::Anchor);
        let judged = judge_newest(&self.client, &state, pin, &newest).await;
        self.witness.lock().await.learn(judged, &newest)
    }
}

/// The statuses of C2SP tlog-witness.
fn refusal(refused: &NotCosigned) -> Response {
    let status = match refused {
        NotCosigned::Malformed | NotCosigned::Backwards => StatusCode::BAD_REQUEST,
        NotCosigned::OtherLog { .. } => StatusCode::NOT_FOUND,
        NotCosigned::Unsigned => StatusCode::FORBIDDEN,
        NotCosigned::OtherSize { size } | NotCosigned::OtherTree { size } => {
            let size_type = [(header::CONTENT_TYPE, SIZE_TYPE)];
            return (StatusCode::CONFLICT, size_type, format!("{size}\n")).into_response();
        }
        NotCosigned::Inconsistent => StatusCode::UNPROCESSABLE_ENTITY,
        NotCosigned::Witness(_) => StatusCode::INTERNAL_SERVER_ERROR,
    };
    (status, format!("{refused}\n")).into_response()
}

#[cfg(test)]
mod tests {
    use bulla_trust::Checkpoint;
    use bulla_trust::testing::{Organisation, key, log_key, time};

    use super::super::memory::Memory;
    use super::*;

    #[tokio::test]
    async fn others_are_answered_while_a_registry_is_silent() {
        let acme = Organisation::new();
        let folder = tempfile::tempdir().unwrap();
        let mut memory = Memory::open(&folder.path().join("state")).unwrap();
        let (checkpoint, note) = Checkpoint::parse(&acme.checkpoint_at(1, &log_key())).unwrap();
        memory.remember(&checkpoint, &note).unwrap();
        let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", silent.local_addr().unwrap());
        let asked = Arc::new(Asked {
            witness: Mutex::new(Witness::new(key("office"), memory)),
            client: Client::new(url.parse().unwrap(), None).unwrap(),
            learned: Mutex::new(None),
            now: || time(7),
            tell: |_| {},
        });
        let learner = Arc::clone(&asked);
        let learning = tokio::spawn(async move { learner.learn().await });
        let connection = silent.accept().await.unwrap();
        assert!(asked.witness.try_lock().is_ok());
        assert!(!asked.learn().await, "the log is read once at a time");
        assert!(!learning.is_finished());
        learning.abort();
        drop(connection);
    }
}
