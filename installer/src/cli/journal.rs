//! What the agent says, in the journal of systemd: with fields, by which `journalctl` finds it.
//!
//! | field | |
//! |---|---|
//! | `BULLA_EVENT` | `installed`, `failed`, `waiting`, `note` or `agent` |
//! | `BULLA_PROJECT`, `BULLA_CHANNEL` | what it is about |
//! | `BULLA_HASH`, `BULLA_PREVIOUS` | the release, and the one that was live before |
//! | `PRIORITY` | 6 for what was done, 4 for a warning, 3 for an error |

use bulla_schemas::escape::escape;
use log::Record;
use systemd_journal_logger::{JournalLog, connected_to_journal};

use crate::agent::{Level, Message};

/// The journal, to which systemd connected this process.
pub(super) struct Journal(JournalLog);

impl Journal {
    /// Opens it where stderr leads there too.
    pub(super) fn open() -> Option<Self> {
        let log = connected_to_journal().then(JournalLog::empty)?.ok()?;
        let name = env!("CARGO_PKG_NAME").to_owned();
        Some(Self(log.with_syslog_identifier(name)))
    }

    /// Keeps a message, with the sentence that people read. Tells whether that worked.
    pub(super) fn keep(&self, message: &Message<'_>, sentence: &str) -> bool {
        let level = match message.level {
            Level::Done => log::Level::Debug,
            Level::Warning => log::Level::Warn,
            Level::Error => log::Level::Error,
        };
        let about = message.about;
        let hash = |hash: bulla_schemas::Digest| hash.to_string();
        let fields = [
            ("BULLA_EVENT", Some(message.topic.name().to_owned())),
            (
                "BULLA_PROJECT",
                about.map(|about| about.project.to_string()),
            ),
            (
                "BULLA_CHANNEL",
                about.and_then(|about| about.channel.map(ToString::to_string)),
            ),
            ("BULLA_HASH", about.and_then(|about| about.hash.map(hash))),
            (
                "BULLA_PREVIOUS",
                about.and_then(|about| about.previous.map(hash)),
            ),
        ];
        let fields: Vec<(&str, String)> = fields
            .into_iter()
            .filter_map(|(name, value)| Some((name, value?)))
            .collect();
        let sentence = escape(sentence);
        let kept = self.0.journal_send(
            &Record::builder()
                .level(level)
                .target("bulla")
                .args(format_args!("{sentence}"))
                .key_values(&fields)
                .build(),
        );
        kept.is_ok()
    }
}
