//! What holds for every log, whatever stands in it.

use bulla_schemas::Digest;
use bulla_trust::accept::{Pin, accept};
use bulla_trust::merkle::{
    Peaks, consistency_proof, inclusion_proof, leaf_hash, tree_hash, verify_consistency,
    verify_inclusion,
};
use bulla_trust::sshsig::SshSignature;
use bulla_trust::testing::{Organisation, armoured, project, random_log};
use bulla_trust::tile::{TilePath, decode_entries, encode_entries};
use bulla_trust::{Checkpoint, LogState, PublicKey, SignedEnvelope, VerifierKey, json, replay};
use proptest::prelude::*;

fn entries(organisation: &Organisation) -> impl Iterator<Item = &[u8]> {
    organisation.entries.iter().map(Vec::as_slice)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn a_log_gives_one_state_however_it_is_cut(seed: u64, cut in 1..50_usize) {
        let acme = random_log(seed, 50);
        let (whole, _) = replay(LogState::default(), entries(&acme)).unwrap();
        prop_assert_eq!(&whole, &acme.state);
        let (first, _) = replay(LogState::default(), entries(&acme).take(cut)).unwrap();
        let first = LogState::from_bytes(&first.to_bytes()).unwrap();
        let (second, _) = replay(first, entries(&acme).skip(cut)).unwrap();
        prop_assert_eq!(&second, &whole);
    }

    #[test]
    fn a_snapshot_is_the_state(seed: u64) {
        let state = random_log(seed, 60).state;
        prop_assert_eq!(LogState::from_bytes(&state.to_bytes()), Ok(state));
    }

    #[test]
    fn inert_entries_change_nothing_but_the_tree(seed: u64) {
        let acme = random_log(seed, 60);
        let mut state = LogState::default();
        for entry in entries(&acme) {
            let judged = state.judge(entry).unwrap();
            let (next, verdicts) = replay(state.clone(), [entry]).unwrap();
            prop_assert_eq!(&verdicts[0], &judged);
            if !judged.is_effective() {
                prop_assert_eq!(next.policy_payload(), state.policy_payload());
                prop_assert_eq!(
                    next.promotions(&project()).count(),
                    state.promotions(&project()).count()
                );
                prop_assert!(next.projects().eq(state.projects()));
            }
            prop_assert_eq!(next.size(), state.size() + 1);
            state = next;
        }
    }

    #[test]
    fn every_older_state_is_brought_up_to_date(seed: u64, known in 1..30_usize) {
        let acme = random_log(seed, 30);
        let (older, _) = replay(LogState::default(), entries(&acme).take(known)).unwrap();
        // A random policy may have taken the log key away; these tests never replace it.
        let next = accept(&older, Pin::Remembered, &acme.checkpoint(), &acme.entries[known..]);
        prop_assert_eq!(next.as_ref(), Ok(&acme.state));
        if known < 29 {
            let mut damaged = acme.entries[known..].to_vec();
            damaged.swap(0, 1);
            let swapped = accept(&older, Pin::Remembered, &acme.checkpoint(), &damaged);
            prop_assert!(swapped.is_err() || damaged == acme.entries[known..]);
        }
    }

    #[test]
    fn arbitrary_bytes_are_inert(junk: Vec<u8>) {
        let verdict = Organisation::new().state.judge(&junk).unwrap();
        prop_assert!(!verdict.is_effective());
    }

    #[test]
    fn a_changed_byte_of_an_effective_entry_is_inert(at: prop::sample::Index, bit in 0..8_u8) {
        let mut acme = Organisation::new();
        acme.publish(&project(), "x");
        let mut entry = acme.entries.pop().unwrap();
        let at = at.index(entry.len());
        entry[at] ^= 1 << bit;
        let before = Organisation::new();
        prop_assert!(!before.state.judge(&entry).unwrap().is_effective());
    }

    #[test]
    fn an_envelope_has_one_encoding(seed: u64) {
        let acme = random_log(seed, 12);
        for entry in &acme.entries {
            if let Ok(envelope) = SignedEnvelope::from_bytes(entry) {
                prop_assert_eq!(&envelope.to_bytes(), entry);
            }
        }
    }

    #[test]
    fn proofs_hold_for_the_folded_root(size in 1..400_usize, a: prop::sample::Index, b: prop::sample::Index) {
        let leaves: Vec<Digest> = (0..size).map(|n| leaf_hash(&n.to_be_bytes())).collect();
        let mut peaks = Peaks::default();
        for leaf in &leaves {
            peaks.push(*leaf);
        }
        let root = tree_hash(&leaves);
        prop_assert_eq!(peaks.root(), root);
        let index = a.index(size);
        let proof = inclusion_proof(&leaves, index).unwrap();
        prop_assert!(verify_inclusion(leaves[index], index as u64, size as u64, &root, &proof));
        let old = b.index(size) + 1;
        let proof = consistency_proof(&leaves, old).unwrap();
        let old_root = tree_hash(&leaves[..old]);
        prop_assert!(verify_consistency(old as u64, &old_root, size as u64, &root, &proof));
    }

    #[test]
    fn tiles_cover_every_growth(from in 0..3000_u64, more in 0..3000_u64) {
        let to = from + more;
        let covered: u64 = TilePath::entries(0, to, to).map(|tile| u64::from(tile.width)).sum();
        prop_assert_eq!(covered, to);
        for tile in TilePath::grown(from, to) {
            prop_assert_eq!(tile.to_string().parse(), Ok(tile));
        }
    }

    #[test]
    fn a_bundle_gives_back_its_entries(entries in prop::collection::vec(any::<Vec<u8>>(), 0..256)) {
        let bundle = encode_entries(&entries).unwrap();
        let width = u16::try_from(entries.len()).unwrap();
        prop_assert_eq!(decode_entries(&bundle, width), Ok(entries));
    }

    #[test]
    fn no_reader_panics(bytes: Vec<u8>, width: u16) {
        let text = String::from_utf8_lossy(&bytes);
        let _ = (SshSignature::from_blob(&bytes), SshSignature::from_armour(&text));
        let _ = (PublicKey::from_blob(&bytes), text.parse::<PublicKey>());
        let _ = (Checkpoint::parse(&bytes), text.parse::<VerifierKey>());
        let _ = (decode_entries(&bytes, width), text.parse::<TilePath>());
        let _ = (json::parse(&bytes), LogState::from_bytes(&bytes));
    }

    #[test]
    fn an_ssh_signature_with_a_changed_byte_does_not_verify(at: prop::sample::Index, bit in 0..8_u8) {
        let signature = SshSignature::from_armour(&armoured("alice", b"message")).unwrap();
        let mut blob = signature.to_blob();
        let at = at.index(blob.len());
        blob[at] ^= 1 << bit;
        let verified = SshSignature::from_blob(&blob)
            .is_ok_and(|changed| changed.verify(signature.key(), b"message").is_ok());
        prop_assert!(!verified);
    }

    #[test]
    fn damaged_snapshots_are_noticed(at: prop::sample::Index, bit in 0..8_u8) {
        let mut bytes = random_log(7, 20).state.to_bytes();
        let at = at.index(bytes.len());
        bytes[at] ^= 1 << bit;
        prop_assert!(LogState::from_bytes(&bytes).is_err());
        bytes.truncate(at);
        prop_assert!(LogState::from_bytes(&bytes).is_err());
    }
}
