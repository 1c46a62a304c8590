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
use bulla_registry_client::Client;
use bulla_schemas::Timestamp;
use bulla_trust::witness::{ADD_CHECKPOINT, MAX_REQUEST_SIZE, SIZE_TYPE};
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpListener;
use tokio::sync::{Mutex, Semaphore};
use tokio::time::{Instant, sleep, timeout};

use super::asked::NotCosigned;
use super::replaying::{Beginning, Witness};

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

    /// Reads the log again where a policy may have brought another key, now and then.
    async fn learn(&self) -> bool {
        let mut learned = self.learned.lock().await;
        if learned.is_some_and(|last| last.elapsed() < LEARN) {
            return false;
        }
        *learned = Some(Instant::now());
        let mut witness = self.witness.lock().await;
        match witness.look(&self.client, Beginning::Nothing).await {
            Ok(_) => true,
            Err(error) => {
                (self.tell)(&format!("the log cannot be read: {error}"));
                false
            }
        }
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
