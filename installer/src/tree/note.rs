//! `releases/<hash>.json`: which release a tree is, for people and for the application itself. It
//! lies beside the tree, because web servers serve what is in it.

use std::fmt::Write as _;
use std::fs;
use std::io::{ErrorKind, Write as _};

use bulla_bundle::VerifiedBundle;
use bulla_files::{Draft, Readers};
use bulla_schemas::path::RELEASE_FILE;
use bulla_schemas::{ChannelName, Digest, Name, ProjectName, Timestamp};
use rustix::fs::{AtFlags, CWD, Mode, OFlags, openat, unlinkat};
use rustix::io::Errno;
use serde::{Deserialize, Serialize};

use super::error::TreeError;
use super::{place, releases, remove};
use crate::platform::directory::{open_below, open_top};
use crate::platform::files::{self, Attempt as _, FileError};
use crate::site::Site;
use crate::state::StateError;
use crate::state::history::PromotionRecord;

/// What `releases/<hash>.json` says. It decides nothing; where the history is lost, it says what was
/// installed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ReleaseNote {
    /// The project.
    pub project: ProjectName,
    /// The release.
    pub hash: Digest,
    /// The revision that it was packed from.
    pub revision: String,
    /// The channel that it was installed from.
    pub channel: ChannelName,
    /// Who promoted it.
    pub promoted_by: Vec<Name>,
    /// When, as they say.
    pub promoted_at: Timestamp,
    /// Why, in their words.
    pub reason: String,
    /// When this tree was written, by this server's clock.
    pub installed_at: Timestamp,
}

impl ReleaseNote {
    pub(crate) fn new(
        bundle: &VerifiedBundle,
        promotion: &PromotionRecord,
        now: Timestamp,
    ) -> Self {
        let release = bundle.release();
        Self {
            project: release.project.clone(),
            hash: bundle.hash(),
            revision: release.source.revision().to_owned(),
            channel: promotion.channel.clone(),
            promoted_by: promotion.people.clone(),
            promoted_at: promotion.issued_at,
            reason: promotion.reason.clone(),
            installed_at: now,
        }
    }
}

/// Reads the note of a tree; `None` when there is none that can be understood.
pub(crate) fn read(site: &Site, hash: &Digest) -> Option<ReleaseNote> {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let file = openat(CWD, site.note(hash), flags, Mode::empty()).ok()?;
    parse(file.into(), hash)
}

fn parse(file: fs::File, hash: &Digest) -> Option<ReleaseNote> {
    let metadata = file.metadata().ok()?;
    if !metadata.is_file() || metadata.len() > MOST {
        return None;
    }
    let note: ReleaseNote = serde_json::from_reader(file).ok()?;
    (note.hash == *hash).then_some(note)
}

/// Writes the note of a tree.
pub(crate) fn write(site: &Site, note: &ReleaseNote) -> Result<(), TreeError> {
    Ok(draft(site, note)?.put()?)
}

/// Writes the note of a tree that is not in its place yet.
pub(crate) fn draft(site: &Site, note: &ReleaseNote) -> Result<Draft, TreeError> {
    let text = serde_json::to_string_pretty(note).map_err(StateError::Unwritable)?;
    let path = site.note(&note.hash);
    let mut draft = Draft::begin(&path, Readers::Umask)?;
    writeln!(draft.file(), "{}", escape(&text)).attempt("write", &path)?;
    Ok(draft)
}

/// Escapes what a page or a terminal that shows the text could take for more than text. In JSON,
/// these characters are only in strings.
fn escape(json: &str) -> String {
    let mut escaped = String::with_capacity(json.len());
    for c in json.chars() {
        let is_plain = c == '\n' || (' '..='~').contains(&c);
        if is_plain && !matches!(c, '<' | '>' | '&' | '\'') {
            escaped.push(c);
        } else {
            for unit in c.encode_utf16(&mut [0; 2]) {
                let _ = write!(escaped, "\\u{unit:04x}");
            }
        }
    }
    escaped
}

/// Moves the notes out of trees that an earlier version wrote them into, and removes those of trees
/// that are gone.
pub(crate) fn tidy(site: &Site) -> Result<(), TreeError> {
    let trees = releases::on_disk(site)?;
    for hash in &trees {
        move_out(site, hash)?;
    }
    let entries = match fs::read_dir(site.releases()) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        entries => entries.attempt("list", site.releases())?,
    };
    for entry in entries {
        let name = entry.attempt("list", site.releases())?.file_name();
        let name = name.to_str().and_then(|name| name.strip_suffix(".json"));
        if let Some(hash) = name.and_then(|hex| Digest::from_hex(hex).ok())
            && !trees.contains(&hash)
        {
            files::remove(&site.note(&hash))?;
        }
    }
    Ok(())
}

fn move_out(site: &Site, hash: &Digest) -> Result<(), TreeError> {
    let (tree, inside) = (site.tree(hash), site.tree(hash).join(RELEASE_FILE));
    // Nothing of ours crosses a mount, and what cannot be opened is left as it is.
    let opened = open_top(&site.releases()).and_then(|top| open_below(&top, hash.hex().as_str()));
    let Ok(directory) = opened else {
        return Ok(());
    };
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let file = match openat(&directory, RELEASE_FILE, flags, Mode::empty()) {
        Ok(file) => fs::File::from(file),
        Err(Errno::NOENT | Errno::LOOP) => return Ok(()),
        Err(error) => return Ok(Err(std::io::Error::from(error)).attempt("open", &inside)?),
    };
    let metadata = file.metadata().attempt("look at", &inside)?;
    if !metadata.is_file() {
        return Ok(());
    }
    // A person's file of that name is theirs.
    let Some(note) = parse(file, hash) else {
        return Ok(());
    };
    if !site.note(hash).exists() {
        write(site, &note)?;
    }
    remove::make_movable(&tree)?;
    let removed: Result<(), FileError> = unlinkat(&directory, RELEASE_FILE, AtFlags::empty())
        .map_err(std::io::Error::from)
        .attempt("remove", &inside);
    // A tree of another user keeps its mode.
    let _ = place::close_top(&tree);
    Ok(removed?)
}

/// Most bytes of a note.
const MOST: u64 = 64 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_is_text_wherever_it_is_shown() {
        let reason = "<script>alert('x')</script> \u{202e}& \u{1b}[2J ü\u{1f600}\"";
        let json = serde_json::to_string(reason).unwrap();
        let escaped = escape(&json);
        assert!(escaped.is_ascii());
        for c in ['<', '>', '&', '\'', '\u{1b}'] {
            assert!(!escaped.contains(c), "{escaped}");
        }
        assert_eq!(serde_json::from_str::<String>(&escaped).unwrap(), reason);
    }
}
