//! Examining: what an entry says, who signed it, and what came of it. For those who read the entries
//! of a log one by one; judged as in every replay.

use std::iter;

use super::ahead::{Content, ReadEntry};
use super::step::step;
use super::verdict::{ReplayError, Verdict};
use super::verified::{Verified, verify};
use crate::envelope::{EnvelopeSignature, SignedEnvelope};
use crate::policy::{CheckedPolicy, Owner};
use crate::state::LogState;
use crate::statement::Statement;

/// An entry that was examined.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Examined {
    /// Its index in the log.
    pub index: u64,
    /// What it says; `None` when that is not a statement that we know.
    pub statement: Option<Statement>,
    /// Its signatures, sorted by key; none of an entry that is not an envelope.
    pub signatures: Vec<ExaminedSignature>,
    /// What it did.
    pub verdict: Verdict,
}

/// A signature of an entry, by the policy in effect there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExaminedSignature {
    /// The fingerprint that the signature names.
    pub key_id: String,
    /// Whose key it is and whether the signature is right; `None` where the policy does not know
    /// the key, so that it counts for nothing.
    pub owner: Option<(Owner, bool)>,
}

impl LogState {
    /// Appends an entry and tells what it says, who signed it, and what it did. An entry that stops
    /// the replay changes nothing.
    pub fn examine(&mut self, entry: &[u8]) -> Result<Examined, ReplayError> {
        let index = self.size();
        let read = ReadEntry::under(self.checked_policy(), entry);
        let verdict = step(self, &read)?;
        let (envelope, statement, mut signatures) = match read.content {
            Ok(Content {
                envelope,
                statement,
                verified,
            }) => {
                let signatures = examined(&envelope, verified);
                (Some(envelope), statement.ok(), signatures)
            }
            Err(_) => (None, None, Vec::new()),
        };
        // What a policy says of keys counts once it is in effect.
        if let (Verdict::Effective, Some(Statement::Policy(_)), Some(envelope)) =
            (&verdict, &statement, &envelope)
        {
            add_owners(&mut signatures, envelope, self.checked_policy());
        }
        Ok(Examined {
            index,
            statement,
            signatures,
            verdict,
        })
    }
}

/// Tells whose signatures an envelope carries by a policy, and whether they are right.
fn signatures_of(
    envelope: &SignedEnvelope,
    policy: Option<&CheckedPolicy>,
) -> Vec<ExaminedSignature> {
    let verified = policy.map_or_else(Vec::new, |policy| verify(policy, envelope));
    examined(envelope, verified)
}

/// Tells the same of signatures that were verified.
fn examined(envelope: &SignedEnvelope, verified: Vec<Option<Verified>>) -> Vec<ExaminedSignature> {
    let verified = verified.into_iter().chain(iter::repeat_with(|| None));
    let signatures = envelope.signatures().iter().zip(verified);
    let examine =
        |(signature, verified): (&EnvelopeSignature, Option<Verified>)| ExaminedSignature {
            key_id: signature.key_id.clone(),
            owner: verified.map(Verified::into_owner),
        };
    signatures.map(examine).collect()
}

/// Tells whose signatures a policy carries: by the one before it, and what that does not know by itself.
pub fn signatures_of_policy(
    envelope: &SignedEnvelope,
    before: Option<&CheckedPolicy>,
    own: &CheckedPolicy,
) -> Vec<ExaminedSignature> {
    let mut signatures = signatures_of(envelope, before);
    add_owners(&mut signatures, envelope, Some(own));
    signatures
}

/// Finds by another policy whose signatures those are that have no owner.
fn add_owners(
    signatures: &mut [ExaminedSignature],
    envelope: &SignedEnvelope,
    policy: Option<&CheckedPolicy>,
) {
    let found = signatures_of(envelope, policy);
    for (signature, found) in signatures.iter_mut().zip(found) {
        signature.owner = signature.owner.take().or(found.owner);
    }
}

#[cfg(test)]
mod tests {
    use bulla_schemas::statement::Severity;

    use super::*;
    use crate::testing::{Organisation, project};

    fn examined(acme: &Organisation) -> Vec<Examined> {
        let mut state = LogState::default();
        let entries = acme.entries.iter();
        let examined = entries.map(|entry| state.examine(entry).unwrap()).collect();
        assert_eq!(state, acme.state);
        examined
    }

    fn names(one: &Examined) -> Vec<(&str, bool)> {
        let owners = one.signatures.iter().filter_map(|one| one.owner.as_ref());
        owners
            .map(|(owner, is_right)| (owner.name().as_str(), *is_right))
            .collect()
    }

    #[test]
    fn every_entry_is_told_with_those_who_signed_it() {
        let mut acme = Organisation::new();
        let hash = acme.publish(&project(), "a");
        acme.promote("dev", hash, &["alice"]);
        acme.revoke(hash, Severity::Block, "alice");
        let examined = examined(&acme);
        assert!(examined.iter().all(|one| one.verdict.is_effective()));
        // The first policy knows those who signed it.
        assert!(names(&examined[0]).contains(&("alice", true)));
        assert_eq!(names(&examined[1]), [("ci", true)]);
        assert_eq!(names(&examined[2]), [("alice", true)]);
        assert!(matches!(
            examined[3].statement,
            Some(Statement::Revocation(_))
        ));
        assert_eq!(examined[3].index, 3);
    }

    #[test]
    fn what_had_no_effect_is_told_too() {
        let mut acme = Organisation::new();
        let hash = acme.publish(&project(), "a");
        acme.append_promotion(&acme.draft("prod", hash), &["mallory"]);
        acme.append(b"no envelope".to_vec());
        let mut forged = acme.envelope(1).to_bytes();
        let text = String::from_utf8(forged.clone()).unwrap();
        // Another signature under the builder's key.
        let at = text.find("\"sig\":\"").unwrap() + 7;
        forged[at] = if forged[at] == b'A' { b'B' } else { b'A' };
        acme.append(forged);
        let examined = examined(&acme);
        let [stranger, nothing, forged] = &examined[2..] else {
            panic!("three more entries");
        };
        assert_eq!(names(stranger), []);
        assert_eq!(stranger.signatures.len(), 1);
        assert!(matches!(stranger.statement, Some(Statement::Promotion(_))));
        assert!(nothing.statement.is_none() && nothing.signatures.is_empty());
        assert_eq!(names(forged), [("ci", false)]);
        assert!(
            [stranger, nothing, forged]
                .iter()
                .all(|one| !one.verdict.is_effective())
        );
    }
}
