//! What the program says on stderr, and how its lines look.

use std::io::IsTerminal as _;

use tracing_subscriber::EnvFilter;

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub(super) enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// For programs: one JSON object a line.
    Json,
}

impl LogFormat {
    /// Begins to log. What is logged `BULLA_LOG` says, as `info` or `bulla_registry=debug`.
    pub(super) fn log_to_stderr(self) {
        let filter = EnvFilter::try_from_env("BULLA_LOG");
        let lines = tracing_subscriber::fmt()
            .with_env_filter(filter.unwrap_or_else(|_| EnvFilter::new("info")))
            .with_writer(std::io::stderr)
            .with_ansi(std::io::stderr().is_terminal())
            .with_target(false);
        match self {
            Self::Text => lines.init(),
            Self::Json => lines
                .json()
                .flatten_event(true)
                .with_span_list(false)
                .init(),
        }
    }
}
