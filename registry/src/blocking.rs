//! File operations run where they may block.

/// Runs file operations on a thread that may block, inside the caller's span.
pub(crate) async fn blocking<T: Send + 'static>(run: impl FnOnce() -> T + Send + 'static) -> T {
    let span = tracing::Span::current();
    match tokio::task::spawn_blocking(move || span.in_scope(run)).await {
        Ok(value) => value,
        Err(error) => match error.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            // Cancelled: the runtime is ending, and the caller with it.
            Err(_) => std::future::pending().await,
        },
    }
}
