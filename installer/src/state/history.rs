//! The journal of activations: one JSON line each, append only, what `history` prints and what
//! retention and rollback go by. Never ordered by time.

use std::collections::HashSet;
use std::fs::OpenOptions;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

pub use bulla_schemas::report::server::{
    Activation, ActivationAction, ActivationResult, PromotionRecord,
};
use bulla_schemas::{ChannelName, Digest};

use super::error::StateError;
use crate::platform::files::{self, Attempt as _};

/// All activations of a project on this server, oldest first.
#[derive(Debug, Clone, Default)]
pub(crate) struct History {
    activations: Vec<Activation>,
    /// The lines that cannot be understood, from 1. They stay in the file and stop nothing.
    damaged: Vec<usize>,
    lines: u64,
}

impl History {
    /// Reads the journal; a file that does not exist is an empty one. A last line without its line
    /// feed was being written when the server died, and counts as not written.
    pub(crate) fn read(path: &Path) -> Result<Self, StateError> {
        let bytes = files::read(path)?.unwrap_or_default();
        let mut history = Self::default();
        for (number, line) in (1..).zip(complete(&bytes).split_inclusive(|byte| *byte == b'\n')) {
            history.lines += 1;
            match serde_json::from_slice(line) {
                Ok(activation) => history.activations.push(activation),
                Err(_) => history.damaged.push(number),
            }
        }
        Ok(history)
    }

    /// Names the lines that cannot be understood, when there are some.
    pub(crate) fn damage(&self, path: &Path) -> Option<String> {
        let numbers: Vec<String> = self.damaged.iter().map(ToString::to_string).collect();
        let lines = match numbers.as_slice() {
            [] => return None,
            [line] => format!("line {line}"),
            lines => format!("lines {}", lines.join(", ")),
        };
        Some(format!(
            "`{}` is damaged in {lines}; the rest of it counts, and nothing of it is removed",
            path.display()
        ))
    }

    pub(crate) fn activations(&self) -> &[Activation] {
        &self.activations
    }

    pub(crate) fn last(&self) -> Option<&Activation> {
        self.activations.last()
    }

    /// Returns the channel that the last install followed. A person's rollback goes to a release of
    /// whatever channel, and leaves the server's where it is; so does a return.
    pub(crate) fn channel(&self) -> Option<&ChannelName> {
        let mut all = self.activations.iter().enumerate();
        let installed = all.rfind(|(number, activation)| match activation.action {
            ActivationAction::Return => false,
            ActivationAction::Rollback => !is_local(activation, &self.activations[..*number]),
            _ => true,
        });
        let activation = installed.map(|(_, found)| found).or_else(|| self.last())?;
        Some(&activation.promotion.channel)
    }

    /// Returns the highest number that an activation may have.
    pub(crate) fn last_number(&self) -> u64 {
        let last = self.last().map_or(0, |last| last.number);
        // A line that cannot be understood had a number too.
        last.max(self.lines)
    }

    /// Tells whether an activation of that number is written down.
    pub(crate) fn has(&self, number: u64) -> bool {
        let mut activations = self.activations.iter();
        activations.any(|activation| activation.number == number)
    }

    /// Returns the last activation of a release.
    pub(crate) fn last_of(&self, hash: &Digest) -> Option<&Activation> {
        self.activations
            .iter()
            .rev()
            .find(|activation| activation.hash == *hash)
    }

    /// Tells whether a release failed when it was last made live.
    pub(crate) fn has_failed(&self, hash: &Digest) -> bool {
        self.last_of(hash)
            .is_some_and(|last| last.result == ActivationResult::Failed)
    }

    /// Returns the failure of a release that a promotion, which stands at `entry` in the log, brought
    /// here; `None` once it was made live again and did not fail.
    pub(crate) fn failure_of(&self, hash: &Digest, entry: u64) -> Option<&Activation> {
        let last = self.last_of(hash)?;
        let has_failed = last.result == ActivationResult::Failed;
        (has_failed && entry <= last.promotion.entry).then_some(last)
    }

    /// Returns the log's index of the newest promotion by which a release ever came here.
    pub(crate) fn newest_entry(&self) -> Option<u64> {
        let entries = self.activations.iter();
        entries.map(|activation| activation.promotion.entry).max()
    }

    /// Returns the highest promotion of a channel that was ever installed here.
    pub(crate) fn highest_seq(&self, channel: &ChannelName) -> Option<u64> {
        self.activations
            .iter()
            .filter(|activation| activation.promotion.channel == *channel)
            .map(|activation| activation.promotion.seq)
            .max()
    }

    /// Returns the releases, the last activated first, each once.
    pub(crate) fn latest_first(&self) -> Vec<Digest> {
        let mut seen = HashSet::new();
        self.activations
            .iter()
            .rev()
            .map(|activation| activation.hash)
            .filter(|hash| seen.insert(*hash))
            .collect()
    }

    /// Returns the releases that can be gone back to, the one before the live one first.
    ///
    /// A rollback takes what it left out of the line, so rolling back twice goes two releases
    /// back, never forward to the one that was bad. The same holds for a return, and for a switch
    /// that was not written down. A release that failed is not gone back to.
    pub(crate) fn before_live(&self) -> Vec<Digest> {
        let mut line: Vec<Digest> = Vec::new();
        for activation in &self.activations {
            let goes_back = matches!(
                activation.action,
                ActivationAction::Rollback | ActivationAction::Return | ActivationAction::Recovered
            );
            match line.iter().rposition(|hash| *hash == activation.hash) {
                Some(position) if goes_back => line.truncate(position + 1),
                Some(position) => {
                    line.remove(position);
                    line.push(activation.hash);
                }
                None => line.push(activation.hash),
            }
        }
        line.pop();
        line.retain(|hash| !self.has_failed(hash));
        line.reverse();
        line
    }
}

/// Tells whether a rollback was a person's on this server, after what was activated before. The
/// channel's brings a promotion that is newer than all that came here by that channel.
pub(crate) fn is_local(rollback: &Activation, before: &[Activation]) -> bool {
    let promotion = &rollback.promotion;
    let is_known = |earlier: &Activation| {
        earlier.promotion.channel == promotion.channel && promotion.seq <= earlier.promotion.seq
    };
    // The channel's is installed again after a failure, or after a hold: nobody here did that.
    rollback.by.is_some() && before.iter().any(is_known)
}

/// Appends an activation durably, once: a start after a crash may come here again.
pub(crate) fn append(path: &Path, activation: &Activation) -> Result<(), StateError> {
    let before = files::read(path)?;
    let written = before.as_deref().map_or(&[][..], complete);
    if last(written).is_some_and(|last| last.number >= activation.number) {
        return Ok(());
    }
    let mut file = OpenOptions::new()
        .append(true)
        .create(true)
        .mode(0o600)
        .open(path)
        .attempt("open", path)?;
    file.set_len(written.len() as u64)
        .attempt("cut the unfinished line of", path)?;
    let mut line = serde_json::to_vec(activation).map_err(StateError::Unwritable)?;
    line.push(b'\n');
    file.write_all(&line).attempt("append to", path)?;
    file.sync_all().attempt("make durable", path)?;
    if before.is_none() {
        files::sync_parent(path)?;
    }
    Ok(())
}

/// Returns the last activation of a journal, of which nothing else is read.
fn last(lines: &[u8]) -> Option<Activation> {
    let mut lines = lines.rsplit(|byte| *byte == b'\n');
    lines.find_map(|line| serde_json::from_slice(line).ok())
}

/// Returns the lines that were written to their end.
fn complete(bytes: &[u8]) -> &[u8] {
    let end = bytes.iter().rposition(|byte| *byte == b'\n');
    &bytes[..end.map_or(0, |end| end + 1)]
}

#[cfg(test)]
pub(crate) mod tests {
    use bulla_schemas::Timestamp;
    use bulla_schemas::log::LogPosition;

    use super::*;

    pub(crate) fn activation(number: u64, action: ActivationAction, hash: Digest) -> Activation {
        Activation {
            number,
            action,
            hash,
            from: None,
            revision: "abc".to_owned(),
            activated_at: Timestamp::EPOCH,
            promotion: PromotionRecord {
                channel: "prod".parse().unwrap(),
                seq: number,
                entry: number,
                people: vec!["alice".parse().unwrap()],
                reason: "why not".to_owned(),
                issued_at: Timestamp::EPOCH,
            },
            log: LogPosition {
                size: number + 1,
                root: Digest::of(b"root"),
            },
            by: None,
            reason: None,
            result: ActivationResult::Activated,
            failure: None,
            failed_at: None,
            output: None,
        }
    }

    pub(crate) fn history(steps: &[(ActivationAction, &str)]) -> History {
        History {
            activations: (1..)
                .zip(steps)
                .map(|(number, (action, name))| {
                    activation(number, *action, Digest::of(name.as_bytes()))
                })
                .collect(),
            ..History::default()
        }
    }

    /// The same, in which every activation of some releases failed.
    pub(crate) fn failing(steps: &[(ActivationAction, &str)], failed: &[&str]) -> History {
        let mut history = history(steps);
        for activation in &mut history.activations {
            if failed
                .iter()
                .any(|name| Digest::of(name.as_bytes()) == activation.hash)
            {
                activation.result = ActivationResult::Failed;
            }
        }
        history
    }

    #[test]
    fn rolling_back_twice_goes_two_releases_back() {
        use ActivationAction::{Install, Rollback};
        let of = |names: &[&str]| -> Vec<Digest> {
            names
                .iter()
                .map(|name| Digest::of(name.as_bytes()))
                .collect()
        };
        for (steps, before) in [
            (vec![], vec![]),
            (vec![(Install, "a")], vec![]),
            (vec![(Install, "a"), (Install, "b")], vec!["a"]),
            (
                vec![
                    (Install, "a"),
                    (Install, "b"),
                    (Install, "c"),
                    (Rollback, "b"),
                ],
                vec!["a"],
            ),
            (
                vec![
                    (Install, "a"),
                    (Install, "b"),
                    (Rollback, "a"),
                    (Install, "c"),
                ],
                vec!["a"],
            ),
            (
                vec![(Install, "a"), (Install, "b"), (Install, "a")],
                vec!["b"],
            ),
        ] {
            assert_eq!(history(&steps).before_live(), of(&before), "{steps:?}");
        }
    }

    #[test]
    fn a_rollback_of_the_channel_says_which_is_followed_and_a_persons_does_not() {
        use ActivationAction::{Install, Rollback};
        let of = |action, name: &str, channel: &str, seq| {
            let mut activation = activation(0, action, Digest::of(name.as_bytes()));
            activation.promotion.channel = channel.parse().unwrap();
            activation.promotion.seq = seq;
            activation
        };
        let channel = |activations: &[Activation]| {
            let history = History {
                activations: activations.to_vec(),
                ..History::default()
            };
            history.channel().unwrap().to_string()
        };
        let staging = of(Install, "a", "staging", 9);
        let prod = of(Install, "b", "prod", 1);
        let by_carol = |activation| Activation {
            by: Some("carol".to_owned()),
            ..activation
        };
        let back = by_carol(of(Rollback, "a", "staging", 9));
        assert_eq!(channel(&[staging.clone(), prod, back]), "prod");
        let switched = of(Rollback, "b", "prod", 3);
        assert_eq!(channel(&[staging.clone(), switched.clone()]), "prod");
        assert_eq!(channel(std::slice::from_ref(&switched)), "prod");
        let elsewhere = by_carol(of(Rollback, "a", "staging", 9));
        assert_eq!(
            channel(&[staging, switched.clone(), elsewhere, switched]),
            "prod"
        );
    }

    #[test]
    fn an_unfinished_line_is_cut_and_no_activation_is_written_twice() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("history");
        let first = activation(1, ActivationAction::Install, Digest::of(b"a"));
        let second = activation(2, ActivationAction::Rollback, Digest::of(b"b"));
        append(&path, &first).unwrap();
        append(&path, &first).unwrap();
        let mut torn = std::fs::read(&path).unwrap();
        torn.extend_from_slice(b"{\"number\":2,");
        std::fs::write(&path, torn).unwrap();
        assert_eq!(
            History::read(&path).unwrap().activations(),
            std::slice::from_ref(&first)
        );
        append(&path, &second).unwrap();
        assert_eq!(History::read(&path).unwrap().activations(), [first, second]);
    }

    #[test]
    fn a_damaged_line_is_named_and_kept_and_the_others_count() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("history");
        let first = activation(1, ActivationAction::Install, Digest::of(b"a"));
        append(&path, &first).unwrap();
        for damage in [&b"{}\n"[..], b"\xff\xfe\x00\n"] {
            let mut bytes = std::fs::read(&path).unwrap();
            bytes.extend_from_slice(damage);
            std::fs::write(&path, bytes).unwrap();
        }
        let history = History::read(&path).unwrap();
        assert_eq!(history.activations(), std::slice::from_ref(&first));
        assert!(history.damage(&path).unwrap().contains("lines 2, 3"));
        assert_eq!(history.last_number(), 3);
        let next = activation(4, ActivationAction::Install, first.hash);
        append(&path, &next).unwrap();
        assert_eq!(History::read(&path).unwrap().activations(), [first, next]);
        let bytes = std::fs::read(&path).unwrap();
        assert_eq!(bytes.split(|byte| *byte == b'\n').count(), 5);
    }

    #[test]
    fn a_release_that_failed_is_not_gone_back_to() {
        use ActivationAction::{Install, Return};
        // It was returned from, or stayed live until the next release came.
        for (steps, name) in [
            (
                vec![
                    (Install, "a"),
                    (Install, "b"),
                    (Install, "c"),
                    (Return, "b"),
                ],
                "c",
            ),
            (vec![(Install, "a"), (Install, "b"), (Install, "c")], "b"),
        ] {
            let before = failing(&steps, &[name]).before_live();
            assert_eq!(before, [Digest::of(b"a")], "{steps:?}");
        }
    }

    #[test]
    fn a_promotion_has_failed_until_its_release_works_or_a_newer_one_comes() {
        use ActivationAction::{Install, Return};
        let (one, two) = (Digest::of(b"one"), Digest::of(b"two"));
        let mut history = failing(
            &[(Install, "one"), (Install, "two"), (Return, "one")],
            &["two"],
        );
        assert_eq!(
            history.failure_of(&two, 2).map(|failed| failed.number),
            Some(2)
        );
        assert_eq!(history.failure_of(&two, 3), None);
        assert_eq!(history.failure_of(&one, 1), None);
        let mut again = activation(4, Install, two);
        again.promotion.entry = 2;
        history.activations.push(again);
        assert_eq!(history.failure_of(&two, 2), None);
    }

    #[test]
    fn a_switch_that_was_not_written_down_takes_what_it_left_out_of_the_line() {
        use ActivationAction::{Install, Recovered};
        let steps = [(Install, "a"), (Install, "b"), (Recovered, "a")];
        assert_eq!(history(&steps).before_live(), []);
    }
}
