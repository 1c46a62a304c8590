//! Edge cases of Ed25519 that others have collected, and our answer to each. A log that replays
//! everywhere to the same state allows no other: see `vectors/README.md`.

use bulla_trust::PublicKey;
use serde::Deserialize;
use serde::de::DeserializeOwned;

fn read<T: DeserializeOwned>(text: &str) -> T {
    serde_json::from_str(text).expect("test vectors")
}

fn bytes(hex: &str) -> Vec<u8> {
    let pairs = (0..hex.len()).step_by(2).map(|at| &hex[at..at + 2]);
    pairs
        .map(|pair| u8::from_str_radix(pair, 16).expect("hexadecimal digits"))
        .collect()
}

/// Tells whether a signature counts: the key may stand in a policy, and the signature is right.
fn counts(key: &str, message: &[u8], signature: &str) -> bool {
    let key: [u8; 32] = bytes(key).try_into().expect("32 bytes");
    let key = PublicKey::from_bytes(&key);
    key.is_ok_and(|key| key.verify_raw(message, &bytes(signature)))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Wycheproof {
    number_of_tests: usize,
    test_groups: Vec<Group>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Group {
    public_key: Key,
    tests: Vec<Test>,
}

#[derive(Deserialize)]
struct Key {
    pk: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Test {
    tc_id: u32,
    comment: String,
    msg: String,
    sig: String,
    result: String,
}

#[test]
fn wycheproof_agrees_on_every_signature() {
    let file: Wycheproof = read(include_str!("vectors/wycheproof_ed25519.json"));
    let (mut tests, mut wrong) = (0, Vec::new());
    for group in &file.test_groups {
        for test in &group.tests {
            tests += 1;
            let answer = counts(&group.public_key.pk, &bytes(&test.msg), &test.sig);
            if answer != (test.result == "valid") {
                wrong.push((test.tc_id, &test.comment));
            }
        }
    }
    assert_eq!(tests, file.number_of_tests);
    assert!(wrong.is_empty(), "{wrong:?}");
}

#[derive(Deserialize)]
struct Vector {
    number: u32,
    key: String,
    sig: String,
    msg: String,
    flags: Vec<String>,
}

/// Libraries differ on all of these. Points with a part of small order count, where the equation holds
/// without the cofactor; points that are of small order or have a second encoding never do.
///
/// A22: such a signature has one answer.
#[test]
fn what_other_libraries_differ_on_has_one_answer() {
    const REFUSED: [&str; 5] = [
        "low_order_A",
        "low_order_R",
        "low_order_residue",
        "non_canonical_A",
        "non_canonical_R",
    ];
    let vectors: Vec<Vector> = read(include_str!("vectors/cctv_ed25519.json"));
    let mut accepted = 0;
    for vector in &vectors {
        let flags = vector.flags.iter();
        let expected = !flags.clone().any(|flag| REFUSED.contains(&flag.as_str()));
        let answer = counts(&vector.key, vector.msg.as_bytes(), &vector.sig);
        assert_eq!(answer, expected, "{} {:?}", vector.number, vector.flags);
        accepted += u32::from(answer);
    }
    let all = vectors.iter().flat_map(|vector| &vector.flags);
    let all: Vec<&String> = all.collect();
    assert!(REFUSED.iter().all(|flag| all.iter().any(|one| one == flag)));
    assert!(accepted > 0 && accepted < vectors.len().try_into().unwrap());
}
