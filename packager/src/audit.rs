//! What each key signed and what came of it: every entry of the verified log, read one by one and
//! judged again on the way.

mod csv;
mod error;
mod files;
mod keys;
mod policies;
mod question;
mod signer;

use std::collections::BTreeMap;

use bulla_registry_client::{Client, FollowError, LogReader};
use bulla_schemas::report::{AuditEntry, AuditedRelease, EntryKind};
use bulla_schemas::{ChannelName, Digest, ProjectName};
use bulla_trust::replay::Examined;
use bulla_trust::{Head, LogState, ReplayError, Statement, Verdict};

pub use csv::{HEADER as CSV_HEADER, row as csv_row};
pub use error::AuditError;
pub use files::export;
pub use keys::{keys_of, owner_of};
pub use policies::versions;
pub use question::{Begins, Question, Since, require_sense};
use signer::signer;

/// What is left at the end of the log of what was asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Traces {
    /// How many entries were asked for.
    pub entries: u64,
    /// Releases that stand in effective statements, and that nobody has revoked.
    pub releases: BTreeMap<ProjectName, Vec<Digest>>,
    /// Channels that a promotion among them moved last.
    pub heads: Vec<Head>,
    /// Policies that took effect.
    pub policies: Vec<u64>,
    /// Whether the log goes as far as the entries that were asked for.
    pub begins: Begins,
}

/// Reads the entries of the log that `state` has verified, and gives those that are asked for to
/// `each` with their bytes, one by one, in their order. What is given was checked against the log's
/// root.
pub async fn audit<E>(
    client: &Client,
    state: &LogState,
    question: &Question,
    mut each: impl FnMut(&AuditEntry, &[u8]) -> Result<(), E>,
) -> Result<Traces, E>
where
    E: From<FollowError> + From<ReplayError>,
{
    let reader = LogReader::open(client, state).await?;
    let mut replayed = LogState::default();
    let mut traces = Traces::default();
    reader
        .read(0..state.size(), |_, bytes| {
            let examined = replayed.examine(bytes)?;
            let entry = entry(state, &examined);
            traces.begins.see(question.since, &entry);
            if traces.begins == Begins::Found && question.asks_for(&entry) {
                traces.add(state, &entry);
                each(&entry, bytes)?;
            }
            Ok::<(), E>(())
        })
        .await?;
    Ok(traces)
}

impl Traces {
    fn add(&mut self, state: &LogState, entry: &AuditEntry) {
        self.entries += 1;
        if !entry.effective {
            return;
        }
        match (entry.kind, &entry.project) {
            (EntryKind::Policy, _) => self.policies.extend(entry.version),
            (EntryKind::Release, Some(project)) => {
                let hashes = self.releases.entry(project.clone()).or_default();
                for release in &entry.releases {
                    if release.revoked.is_none() && !hashes.contains(&release.hash) {
                        hashes.push(release.hash);
                    }
                }
            }
            (EntryKind::Promotion, Some(project)) => {
                let channel = entry.channel.as_ref();
                let head = channel.and_then(|channel| state.head(project, channel));
                self.heads
                    .extend(head.filter(|head| head.entry == entry.entry).cloned());
            }
            _ => {}
        }
    }
}

/// Says what an entry says, with what is so at the end of the log.
fn entry(state: &LogState, examined: &Examined) -> AuditEntry {
    let mut entry = AuditEntry {
        entry: examined.index,
        kind: EntryKind::Unknown,
        project: None,
        channel: None,
        action: None,
        severity: None,
        version: None,
        releases: Vec::new(),
        signers: examined.signatures.iter().map(signer).collect(),
        effective: examined.verdict.is_effective(),
        because: match &examined.verdict {
            Verdict::Effective => None,
            Verdict::Inert(reason) => Some(reason.to_string()),
        },
        reason: None,
        issued_at: None,
    };
    match &examined.statement {
        None => {}
        Some(Statement::Policy(policy)) => {
            entry.kind = EntryKind::Policy;
            entry.version = Some(policy.version);
        }
        Some(Statement::Release(release)) => {
            let [subject] = &release.subject;
            entry.kind = EntryKind::Release;
            entry.releases = vec![audited(state, &subject.name, subject.digest.sha256)];
            entry.project = Some(subject.name.clone());
            entry.issued_at = Some(release.predicate.run_details.metadata.finished_on);
        }
        Some(Statement::Promotion(promotion)) => {
            let (predicate, [subject]) = (&promotion.predicate, &promotion.subject);
            entry.kind = EntryKind::Promotion;
            entry.releases = vec![audited(state, &subject.name, subject.digest.sha256)];
            entry.project = Some(predicate.project.clone());
            entry.channel = Some(predicate.channel.clone());
            entry.action = Some(predicate.action);
            entry.reason = Some(predicate.reason.clone());
            entry.issued_at = Some(predicate.issued_at);
        }
        Some(Statement::Revocation(revocation)) => {
            let (predicate, subjects) = (&revocation.predicate, &revocation.subject);
            let subjects = subjects.iter();
            entry.kind = EntryKind::Revocation;
            entry.project = revocation.subject.first().map(|one| one.name.clone());
            entry.releases = subjects
                .map(|one| audited(state, &one.name, one.digest.sha256))
                .collect();
            entry.severity = Some(predicate.severity);
            entry.reason = Some(predicate.reason.clone());
            entry.issued_at = Some(predicate.issued_at);
        }
    }
    entry
}

fn audited(state: &LogState, project: &ProjectName, hash: Digest) -> AuditedRelease {
    let heads = state.channels(project).filter(|head| head.hash == hash);
    AuditedRelease {
        hash,
        heads: heads
            .map(|head| head.channel.clone())
            .collect::<Vec<ChannelName>>(),
        revoked: state.revocation(project, &hash),
    }
}

#[cfg(test)]
mod tests {
    use bulla_schemas::Timestamp;
    use bulla_schemas::outcome::Outcome as _;
    use bulla_schemas::report::SignatureStanding;
    use bulla_schemas::statement::Severity;
    use bulla_trust::policy::Owner;
    use bulla_trust::testing::{Organisation, key, name, project};

    use super::*;

    fn entries(acme: &Organisation) -> Vec<AuditEntry> {
        let mut replayed = LogState::default();
        let examined = acme
            .entries
            .iter()
            .map(|bytes| replayed.examine(bytes).unwrap());
        examined.map(|one| entry(&acme.state, &one)).collect()
    }

    #[test]
    fn an_entry_is_told_with_what_is_so_now() {
        let mut acme = Organisation::new();
        let hash = acme.publish(&project(), "a");
        acme.promote("dev", hash, &["alice"]);
        acme.revoke(hash, Severity::Warn, "bob");
        acme.append_promotion(&acme.draft("prod", hash), &["mallory"]);
        let entries = entries(&acme);
        let kinds: Vec<EntryKind> = entries.iter().map(|one| one.kind).collect();
        assert_eq!(
            kinds,
            [
                EntryKind::Policy,
                EntryKind::Release,
                EntryKind::Promotion,
                EntryKind::Revocation,
                EntryKind::Promotion
            ]
        );
        for about in &entries[1..] {
            assert_eq!(about.releases[0].heads, [name("dev")]);
            assert_eq!(about.releases[0].revoked, Some(Severity::Warn));
        }
        let last = &entries[4];
        assert_eq!(last.signers[0].signature, SignatureStanding::UnknownKey);
        assert!(!last.effective && last.because.as_ref().unwrap().contains("threshold"));

        let mut traces = Traces::default();
        let question = Question {
            keys: Some([key("alice").public_key().fingerprint()].into()),
            ..Question::default()
        };
        let of_alice = entries.iter().filter(|one| question.asks_for(one));
        of_alice.for_each(|one| traces.add(&acme.state, one));
        assert_eq!(traces.heads[0].channel, name("dev"));
        assert!(traces.releases.is_empty());
        assert_eq!(traces.policies, [1]);
    }

    #[test]
    fn a_question_that_nothing_can_answer_is_refused() {
        let mut acme = Organisation::new();
        acme.publish(&project(), "a");
        let now = Timestamp::from_seconds(4_000_000_000).unwrap();
        let (past, future) = (
            Timestamp::EPOCH,
            Timestamp::from_seconds(4_000_000_001).unwrap(),
        );
        let judged = |keys: Option<&str>, since: Since| {
            let question = Question {
                keys: keys.map(|key| [key.to_owned()].into()),
                project: None,
                since,
            };
            let mut traces = Traces::default();
            for entry in entries(&acme) {
                traces.begins.see(since, &entry);
                if traces.begins == Begins::Found && question.asks_for(&entry) {
                    traces.add(&acme.state, &entry);
                }
            }
            require_sense(
                &acme.state,
                &question,
                (traces.entries, &traces.begins),
                now,
            )
        };
        let alice = key("alice").public_key().fingerprint();
        judged(Some(&alice), Since::Entry(0)).unwrap();
        judged(Some(&alice), Since::Entry(2)).unwrap();
        judged(None, Since::Time(past)).unwrap();
        let error = judged(Some("SHA256:nobody"), Since::Entry(0)).unwrap_err();
        assert!(
            error.hint().unwrap().contains(&format!("alice {alice}")),
            "{error:?}"
        );
        let error = judged(None, Since::Entry(3)).unwrap_err();
        assert!(error.to_string().contains("2 entries"), "{error}");
        let error = judged(None, Since::Time(future)).unwrap_err();
        assert!(error.to_string().contains("future"), "{error}");
        assert!(error.hint().unwrap().contains("entry 1"), "{error:?}");
    }

    #[test]
    fn a_key_is_known_by_who_had_it_last() {
        let mut acme = Organisation::new();
        let old = key("alice").public_key().fingerprint();
        assert_eq!(
            owner_of(&acme.state, &old),
            Some((Owner::Person(name("alice")), true))
        );
        let mut next = acme.state.policy().unwrap().clone();
        next.people[0].keys = vec![key("new").public_key().to_openssh()];
        let next = bulla_trust::statement::policy_after(&acme.state, next);
        assert!(acme.adopt(next, &["alice", "new", "bob"]).is_effective());
        assert_eq!(
            owner_of(&acme.state, &old),
            Some((Owner::Person(name("alice")), false))
        );
        assert_eq!(owner_of(&acme.state, "SHA256:nobody"), None);
        assert_eq!(keys_of(&acme.state, &name("alice")).unwrap().len(), 2);
        let error = keys_of(&acme.state, &name("nobody")).unwrap_err();
        assert!(error.to_string().contains("`nobody`"));
    }
}
