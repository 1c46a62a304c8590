//! The log: envelopes, statements, checkpoints, tiles and keys.

use std::sync::OnceLock;

use bulla_schemas::media_type::{IN_TOTO, POLICY};
use bulla_schemas::policy::Policy;
use bulla_trust::sshsig::SshSignature;
use bulla_trust::statement::to_payload;
use bulla_trust::testing::{Organisation, sign_as, sign_as_builder};
use bulla_trust::tile::{
    TilePath, decode_entries, decode_hashes, encode_entries, encode_hashes, split_entries,
};
use bulla_trust::witness::{AddCheckpoint, MOST_HASHES};
use bulla_trust::{
    Admitted, CheckedPolicy, Checkpoint, LogState, PublicKey, SignedEnvelope, SignedNote,
    Statement, Submission, VerifierKey,
};
use serde_json::Value;

/// The strict profile is a part of JSON: whoever reads it otherwise reads the same.
pub fn json(bytes: &[u8]) {
    if let Ok(strict) = bulla_trust::json::parse(bytes) {
        let usual: Value = serde_json::from_slice(bytes).expect("the strict profile is JSON");
        assert_eq!(strict, usual);
    }
}

/// An envelope has one text.
pub fn envelope(bytes: &[u8]) {
    if let Ok(envelope) = SignedEnvelope::from_bytes(bytes) {
        assert_eq!(envelope.to_bytes(), bytes);
    }
    agree(bytes);
}

/// A statement says what its JSON says; signed, the registry admits it where it has an effect for
/// everybody who replays the log.
pub fn statement(bytes: &[u8]) {
    for payload_type in [IN_TOTO, POLICY] {
        let Ok(statement) = Statement::parse(payload_type, bytes) else {
            continue;
        };
        let usual: Value = serde_json::from_slice(bytes).expect("a statement is JSON");
        let written = match &statement {
            Statement::Policy(policy) => to_payload(policy),
            Statement::Release(release) => to_payload(release),
            Statement::Promotion(promotion) => to_payload(promotion),
            Statement::Revocation(revocation) => to_payload(revocation),
        };
        let written: Value = serde_json::from_slice(&written).expect("a statement is JSON");
        assert_eq!(written, usual);
        assert_eq!(statement.payload_type(), payload_type);
        agree(&sign_as(&["alice", "bob"], payload_type, bytes));
        if payload_type == IN_TOTO {
            agree(&sign_as_builder("ci", bytes));
        }
    }
}

/// What the registry makes of an entry is what its readers make of it.
fn agree(entry: &[u8]) {
    static STATE: OnceLock<LogState> = OnceLock::new();
    let state = STATE.get_or_init(|| Organisation::live().0.enrolled());
    let judged = state.judge(entry);
    let Ok(submission) = Submission::from_bytes(entry) else {
        let is_effective = judged.is_ok_and(|verdict| verdict.is_effective());
        assert!(!is_effective, "an effect of what cannot be submitted");
        return;
    };
    assert_eq!(submission.bytes(), entry);
    let mut registry = state.clone();
    match registry.admit(&submission) {
        Ok(Admitted::New { entry: number }) => {
            let verdict = judged.expect("what was admitted does not end the log");
            assert!(verdict.is_effective(), "{verdict:?}");
            assert_eq!((number, registry.size()), (state.size(), state.size() + 1));
            let entries = [entry];
            let (replayed, _) = bulla_trust::replay(state.clone(), entries).expect("a log");
            assert!(replayed == registry, "the same log says two things");
        }
        Ok(Admitted::Known { entry }) => {
            assert!(entry < state.size(), "an entry of the log");
            assert!(registry == *state, "nothing was appended");
        }
        Err(_) => assert!(registry == *state, "a refusal changes nothing"),
    }
}

/// A policy that is checked is read again as the same.
pub fn policy(bytes: &[u8]) {
    let Ok(policy) = serde_json::from_slice::<Policy>(bytes) else {
        return;
    };
    let written = to_payload(&policy);
    assert_eq!(serde_json::from_slice(&written).ok(), Some(policy.clone()));
    if let Ok(checked) = CheckedPolicy::new(policy) {
        for key in checked.log_keys().iter().chain(checked.witness_keys()) {
            assert_eq!(key.to_string().parse().ok().as_ref(), Some(key));
        }
    }
}

/// A note and a checkpoint have one text.
pub fn checkpoint(bytes: &[u8]) {
    if let Ok(note) = SignedNote::from_bytes(bytes) {
        assert_eq!(note.to_bytes(), bytes);
    }
    if let Ok((checkpoint, note)) = Checkpoint::parse(bytes) {
        assert_eq!(note.to_bytes(), bytes);
        assert_eq!(checkpoint.text(), note.text());
    }
}

/// What a witness is asked has one text, and few hashes.
pub fn add_checkpoint(bytes: &[u8]) {
    if let Some(request) = AddCheckpoint::from_bytes(bytes) {
        assert_eq!(request.to_bytes(), bytes);
        assert!(request.proof.len() <= MOST_HASHES);
    }
}

/// The path of a tile is one of few for a log that has it.
pub fn tile_path(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    if let Ok(path) = text.parse::<TilePath>() {
        assert_eq!(path.to_string(), text);
        assert!(path.full().is_full());
    }
}

/// Entries and hashes: the first two bytes are how many there should be.
pub fn tile(bytes: &[u8]) {
    let Some((width, tile)) = bytes.split_first_chunk() else {
        return;
    };
    let width = u16::from_le_bytes(*width);
    if let Ok(entries) = decode_entries(tile, width) {
        assert_eq!(entries.len(), usize::from(width));
        assert_eq!(encode_entries(&entries).ok().as_deref(), Some(tile));
        assert_eq!(split_entries(tile, width).ok(), {
            let entries = entries.iter().map(Vec::as_slice);
            Some(entries.collect::<Vec<_>>())
        });
    }
    if let Some(hashes) = decode_hashes(tile, width) {
        assert_eq!(hashes.len(), usize::from(width));
        assert_eq!(encode_hashes(&hashes), tile);
    }
}

/// A signature of SSH, as bytes and in its armour.
pub fn ssh_signature(bytes: &[u8]) {
    if let Ok(signature) = SshSignature::from_blob(bytes) {
        assert_eq!(signature.to_blob(), bytes);
    }
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    if let Ok(signature) = SshSignature::from_armour(text) {
        let again = SshSignature::from_armour(&signature.to_armour());
        let again = again.expect("an armour is read again");
        assert_eq!(again.to_blob(), signature.to_blob());
    }
}

/// Keys of people, builders, logs and witnesses.
pub fn key(bytes: &[u8]) {
    if let Ok(key) = PublicKey::from_blob(bytes) {
        assert_eq!(key.to_blob(), bytes);
    }
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    if let Ok(key) = text.parse::<PublicKey>() {
        assert_eq!(key.to_openssh().parse().ok(), Some(key));
    }
    if let Ok(key) = text.parse::<VerifierKey>() {
        assert_eq!(key.to_string(), text);
    }
}

/// What a server remembers of a log.
pub fn log_state(bytes: &[u8]) {
    if let Ok(state) = LogState::from_bytes(bytes) {
        assert!(LogState::from_bytes(&state.to_bytes()).is_ok_and(|again| again == state));
        let _ = state.root();
    }
}
