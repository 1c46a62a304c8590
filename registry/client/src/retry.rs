//! Which requests are sent again, how often and after how long.
//!
//! Only what may happen twice is sent twice: reads, uploads under a digest. An append is sent
//! again only when the registry cannot have acted on it.

use std::future::Future;
use std::time::Duration;

use backon::{ExponentialBuilder, Retryable};

use crate::client::Client;
use crate::error::ClientError;
use crate::patience::Patience;

/// How often a request is sent again.
pub(crate) const TIMES: usize = 4;

/// The waits between attempts: 0.2, 0.4, 0.8 and 1.6 seconds, with jitter.
pub(crate) const fn waits() -> ExponentialBuilder {
    ExponentialBuilder::new()
        .with_min_delay(Duration::from_millis(200))
        .with_max_delay(Duration::from_secs(5))
        .with_max_times(TIMES)
        .with_jitter()
}

/// Repeats what may happen twice while its failure is temporary. Silence is not repeated: it has
/// been waited through already.
pub(crate) async fn repeat<T, F, A>(client: &Client, action: A) -> Result<T, ClientError>
where
    F: Future<Output = Result<T, ClientError>>,
    A: FnMut() -> F,
{
    repeat_while(client, action, |error| {
        error.is_temporary() && !error.is_silence()
    })
    .await
}

/// Repeats what must not happen twice while it has certainly not happened.
pub(crate) async fn repeat_unsent<T, F, A>(client: &Client, action: A) -> Result<T, ClientError>
where
    F: Future<Output = Result<T, ClientError>>,
    A: FnMut() -> F,
{
    repeat_while(client, action, ClientError::is_unsent).await
}

async fn repeat_while<T, F, A>(
    client: &Client,
    action: A,
    may_repeat: impl FnMut(&ClientError) -> bool,
) -> Result<T, ClientError>
where
    F: Future<Output = Result<T, ClientError>>,
    A: FnMut() -> F,
{
    let adjust = |error: &ClientError, wait| wait_as_asked(error, wait, client.patience());
    let repeated = action.retry(waits()).when(may_repeat).adjust(adjust);
    client.told_of_silence(repeated).await
}

/// Waits as long as the registry asks, but not longer than there is patience. `None` ends the
/// attempts.
pub(crate) fn wait_as_asked(
    error: &ClientError,
    wait: Option<Duration>,
    patience: Patience,
) -> Option<Duration> {
    let asked = match error {
        ClientError::Answer(answer) => answer.retry_after,
        _ => None,
    };
    wait.map(|wait| wait.max(asked.unwrap_or_default()))
        .filter(|wait| *wait <= patience.pause())
}
