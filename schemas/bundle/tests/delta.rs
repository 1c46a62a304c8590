//! A delta gives every byte that it is asked for, or is refused.

mod forged;
mod release;

use std::collections::BTreeMap;
use std::process::Command;

use bulla_bundle::{DeltaPlan, Part};
use proptest::prelude::*;

use super::history::{any_change, apply, noise, project};
use release::Release;

/// About 3 MB in 200 files of text.
fn small_project() -> BTreeMap<String, Vec<u8>> {
    (0..200_u64)
        .map(|n| (format!("src/{:02}/{n}.txt", n % 17), noise(15_000, n)))
        .collect()
}

#[test]
fn a_changed_line_costs_what_it_says() {
    let mut files = small_project();
    let have = Release::of(&files, 1);
    let file = files.get_mut("src/05/56.txt").unwrap();
    file.splice(7_000..7_040, b"one line that is new\n".iter().copied());
    let want = Release::of(&files, 2);
    let delta = have.delta_to(&want);
    let whole = want.size();
    assert!(delta.len() < 1_500, "{} bytes of {whole}", delta.len());
    have.assert_leads_to(&want, &delta);
}

#[test]
fn a_delta_to_the_same_bundle_has_no_pieces() {
    let have = Release::of(&small_project(), 1);
    let delta = have.delta_to(&have);
    assert!(DeltaPlan::new(&have.parts, &have.parts).pieces().is_empty());
    assert!(delta.len() < 200, "{} bytes", delta.len());
    have.assert_leads_to(&have, &delta);
}

#[test]
fn a_delta_between_strangers_is_as_large_as_what_is_new() {
    let have = Release::of(&BTreeMap::from([("a".to_owned(), noise(700_000, 1))]), 1);
    let want = Release::of(&BTreeMap::from([("b".to_owned(), noise(700_000, 2))]), 2);
    let delta = have.delta_to(&want);
    let whole = want.size();
    assert!(
        (delta.len() as u64) < whole + 4_000,
        "{} of {whole}",
        delta.len()
    );
    have.assert_leads_to(&want, &delta);
}

#[test]
fn what_is_put_in_comes_as_it_is() {
    let mut files = BTreeMap::from([("b".to_owned(), noise(6_000_000, 1))]);
    let have = Release::of(&files, 1);
    files.insert("a".to_owned(), noise(3_000_000, 2));
    let want = Release::of(&files, 2);
    let plan = DeltaPlan::new(&have.parts, &want.parts);
    let large = |part| {
        plan.pieces()
            .iter()
            .filter(move |piece| piece.part() == part)
    };
    assert!(large(Part::Payload).count() >= 2);
    for piece in plan.pieces() {
        assert!(piece.dictionary_size() <= bulla_bundle::DeltaPiece::DICTIONARY);
    }
    have.assert_leads_to(&want, &have.delta_to(&want));
}

#[test]
fn a_long_run_gets_the_dictionaries_that_lie_beside_it() {
    let lines = |word: &str| -> Vec<u8> {
        (0..600_000_u32)
            .flat_map(|n| format!("{word} {}\n", n.wrapping_mul(2_654_435_761)).into_bytes())
            .collect()
    };
    let have = Release::of(&BTreeMap::from([("a".to_owned(), lines("one"))]), 1);
    let want = Release::of(&BTreeMap::from([("a".to_owned(), lines("two"))]), 2);
    let plan = DeltaPlan::new(&have.parts, &want.parts);
    let payload: u64 = want.parts.release().tar;
    assert!(plan.pieces().len() > 10);
    assert!(plan.work() < 8 * payload, "{} for {payload}", plan.work());
    let delta = have.delta_to(&want);
    let compressed = want.parts.manifest().payload().size;
    assert!(
        (delta.len() as u64) < compressed,
        "{} of {compressed}",
        delta.len()
    );
    have.assert_leads_to(&want, &delta);
}

#[test]
fn a_piece_can_do_without_its_dictionary() {
    let mut files = small_project();
    let have = Release::of(&files, 1);
    files.insert("src/05/56.txt".to_owned(), b"another\n".to_vec());
    let want = Release::of(&files, 2);
    let mut writer = bulla_bundle::DeltaWriter::new(&have.parts, &want.parts);
    for piece in DeltaPlan::new(&have.parts, &want.parts).pieces() {
        let piece = piece.without_dictionary();
        let span = piece.frame().span();
        let blob = if piece.part() == Part::Index {
            &want.index
        } else {
            &want.payload
        };
        let frame = &blob[usize::try_from(span.start).unwrap()..usize::try_from(span.end).unwrap()];
        writer.push(&piece, &[], frame).unwrap();
    }
    have.assert_leads_to(&want, &writer.finish().unwrap());
}

#[test]
fn a_frame_of_another_codec_is_not_made_again() {
    let mut files = small_project();
    let have = Release::of(&files, 1);
    files.insert("src/05/56.txt".to_owned(), b"another\n".to_vec());
    let want = Release::of(&files, 2);
    let delta = have.read(want.parts.hash(), &have.delta_to(&want)).unwrap();
    let received = delta
        .pieces
        .iter()
        .find(|one| !one.piece().from().is_empty());
    let received = received.unwrap();
    let piece = received.piece();
    let dictionary = have.contents(piece.part(), piece.from()).concat();
    let other = bulla_schemas::Codec::current(19).unwrap();
    assert!(received.frame(&dictionary, &other).is_err());
}

#[test]
fn a_frame_that_is_damaged_is_not_made_into_a_delta() {
    let mut files = small_project();
    let have = Release::of(&files, 1);
    files.insert("src/05/56.txt".to_owned(), b"another\n".to_vec());
    let want = Release::of(&files, 2);
    let mut damaged = Release::of(&small_project(), 1);
    damaged.payload.iter_mut().for_each(|byte| *byte ^= 1);
    let error = damaged.try_delta_to(&want).unwrap_err();
    assert_eq!(error.to_string(), "what the delta is made from is damaged");
    let mut damaged = Release::of(&files, 2);
    damaged.index.iter_mut().for_each(|byte| *byte ^= 1);
    assert!(have.try_delta_to(&damaged).is_err());
}

#[test]
fn the_zstd_program_reads_it() {
    let mut files = small_project();
    let have = Release::of(&files, 1);
    files.insert("src/05/56.txt".to_owned(), b"another\n".to_vec());
    let want = Release::of(&files, 2);
    let folder = tempfile::tempdir().unwrap();
    let [delta, dictionary] = ["delta", "dictionary"].map(|name| folder.path().join(name));
    let whole = have.delta_to(&want);
    std::fs::write(&delta, forged::documents_frame(&whole)).unwrap();
    std::fs::write(&dictionary, have.documents()).unwrap();
    let output = Command::new("zstd")
        .arg("-dcq")
        .arg(format!("--patch-from={}", dictionary.display()))
        .arg(&delta)
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    assert!(output.stdout.ends_with(&want.documents()));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 8, ..ProptestConfig::default() })]

    #[test]
    fn any_change_can_be_made_forth_and_back(
        changes in prop::collection::vec(any_change(), 0..6),
    ) {
        let mut files = project();
        let have = Release::of(&files, 1);
        for change in changes {
            apply(&mut files, change);
        }
        let want = Release::of(&files, 2);
        have.assert_leads_to(&want, &have.delta_to(&want));
        want.assert_leads_to(&have, &want.delta_to(&have));
    }
}
