//! What several commands write in the same way.

/// Cuts a commit id for a table.
pub(super) fn short_revision(revision: &str) -> String {
    revision.chars().take(12).collect()
}

/// Counts files in words.
pub(super) fn files(count: u64) -> String {
    match count {
        1 => "1 file".to_owned(),
        count => format!("{count} files"),
    }
}
