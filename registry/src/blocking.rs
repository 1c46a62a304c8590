//! File operations run where they may block, and what must not stop halfway runs to its end.

use tokio::task::JoinError;
use tracing::Instrument as _;

/// Runs file operations on a thread that may block, inside the caller's span.
pub(crate) async fn blocking<T: Send + 'static>(run: impl FnOnce() -> T + Send + 'static) -> T {
    let span = tracing::Span::current();
    joined(tokio::task::spawn_blocking(move || span.in_scope(run)).await).await
}

/// Runs a task to its end, inside the caller's span, also when the client that the caller answers
/// goes away meanwhile.
pub(crate) async fn to_the_end<T: Send + 'static>(
    task: impl Future<Output = T> + Send + 'static,
) -> T {
    joined(tokio::spawn(task.in_current_span()).await).await
}

/// Returns what a task has made, or goes on with its panic.
pub(crate) async fn joined<T>(result: Result<T, JoinError>) -> T {
    match result {
        Ok(value) => value,
        Err(error) => match error.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            // Cancelled: the runtime is ending, and the caller with it.
            Err(_) => std::future::pending().await,
        },
    }
}
