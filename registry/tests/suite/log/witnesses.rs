//! Witnesses: servers are shown what enough of them cosigned, and people and witnesses the newest.

use bulla_registry::Settings;
use bulla_schemas::api::{Appended, CosignatureReceipt, Cosignatures, ErrorCode};
use bulla_schemas::log::LogPosition;
use bulla_schemas::policy::Policy;
use bulla_trust::Checkpoint;
use bulla_trust::testing::{Organisation, cosign, policy, witness_line};
use reqwest::{Method, Response, StatusCode};

use crate::support::{Registry, bundle, error};

/// The registry's clock stands at the tests' second 0.
const NOW: u32 = 0;

fn witnessed_by(names: &[&str], quorum: u32) -> Organisation {
    Organisation::with_policy(|policy| name_witnesses(policy, names, quorum))
}

fn name_witnesses(policy: &mut Policy, names: &[&str], quorum: u32) {
    policy.witnesses.keys = names.iter().map(|name| witness_line(name)).collect();
    policy.witnesses.quorum = quorum;
}

async fn start(organisation: &Organisation) -> Registry {
    let registry = Registry::start().await;
    registry.append_all(&organisation.entries).await;
    registry
}

async fn grow(registry: &Registry, organisation: &mut Organisation, content: &str) {
    registry.publish(organisation, &bundle(content)).await;
}

async fn hand_in(registry: &Registry, note: Vec<u8>) -> Response {
    let request = registry.request(Method::POST, "/log/cosignatures");
    request.body(note).send().await.unwrap()
}

/// Cosigns a checkpoint as a witness does, and returns what becomes of it.
async fn witness(registry: &Registry, note: &str, name: &str, second: u32) -> CosignatureReceipt {
    let response = hand_in(registry, cosign(note.as_bytes(), name, second)).await;
    let status = response.status();
    let text = response.text().await.unwrap();
    assert_eq!(status, StatusCode::OK, "{text}");
    serde_json::from_str(&text).unwrap()
}

async fn all(registry: &Registry) -> Cosignatures {
    registry.json("/log/cosignatures").await
}

/// How many entries the checkpoint has that servers are shown.
async fn shown(registry: &Registry) -> u64 {
    let note = registry.get("/log/checkpoint").await.bytes().await.unwrap();
    Checkpoint::parse(&note).unwrap().0.size
}

fn size(note: &str) -> u64 {
    Checkpoint::parse(note.as_bytes()).unwrap().0.size
}

#[tokio::test]
async fn servers_are_shown_what_is_cosigned_and_people_the_newest() {
    let mut organisation = witnessed_by(&["office"], 1);
    let registry = start(&organisation).await;
    let first = all(&registry).await;
    assert_eq!(size(&first.newest), 1);
    let receipt = witness(&registry, &first.newest, "office", NOW).await;
    assert_eq!((receipt.cosigned, receipt.quorum), (1, 1));
    assert_eq!(receipt.witnessed, Some(1));

    grow(&registry, &mut organisation, "one").await;
    assert_eq!(shown(&registry).await, 1);
    let waiting = all(&registry).await;
    assert_eq!((size(&waiting.witnessed), size(&waiting.newest)), (1, 2));
    assert!(
        waiting.waiting.is_empty(),
        "nobody has cosigned anything of it"
    );
    witness(&registry, &waiting.newest, "office", NOW + 5).await;
    assert_eq!(shown(&registry).await, 2);
    let note = registry.get("/log/checkpoint").await.text().await.unwrap();
    assert!(note.contains("— office "), "{note}");

    // Without a token that may push, and after a restart.
    let data = registry.stop().await;
    let registry = Registry::start_in(data, Settings::default()).await;
    assert_eq!(
        registry.get("/log/checkpoint").await.text().await.unwrap(),
        note
    );
    grow(&registry, &mut organisation, "two").await;
    assert_eq!(shown(&registry).await, 2);
    let data = registry.stop().await;
    let registry = Registry::start_in(data, Settings::default()).await;
    assert_eq!(shown(&registry).await, 2);
    let newest = all(&registry).await.newest;
    let reader = registry.token(&[bulla_registry::Scope::Pull], &["*"]).await;
    let request = registry.plain(Method::POST, "/log/cosignatures");
    let note = cosign(newest.as_bytes(), "office", NOW);
    let sent = request.bearer_auth(reader).body(note).send().await.unwrap();
    assert_eq!(sent.status(), StatusCode::OK);
    assert_eq!(shown(&registry).await, 3);
    registry.stop().await;
}

#[tokio::test]
async fn the_same_checkpoint_is_cosigned_again_with_a_newer_time() {
    let organisation = witnessed_by(&["office", "cloud"], 1);
    let registry = start(&organisation).await;
    let newest = all(&registry).await.newest;
    witness(&registry, &newest, "office", NOW).await;
    let once = registry.get("/log/checkpoint").await.text().await.unwrap();
    witness(&registry, &newest, "office", NOW + 60).await;
    let twice = registry.get("/log/checkpoint").await.text().await.unwrap();
    assert_ne!(once, twice);
    // One that comes late takes nothing back.
    witness(&registry, &newest, "office", NOW + 30).await;
    let late = registry.get("/log/checkpoint").await.text().await.unwrap();
    assert_eq!(late, twice);
    let receipt = witness(&registry, &newest, "cloud", NOW).await;
    assert_eq!(receipt.cosigned, 2);
    registry.stop().await;
}

#[tokio::test]
async fn witnesses_that_come_at_different_times_meet_at_one_size() {
    let mut organisation = witnessed_by(&["office", "cloud", "lab"], 2);
    let registry = start(&organisation).await;
    let newest = all(&registry).await.newest;
    witness(&registry, &newest, "office", NOW).await;
    grow(&registry, &mut organisation, "one").await;
    let found = all(&registry).await;
    assert_eq!(
        found.waiting.iter().map(|n| size(n)).collect::<Vec<_>>(),
        [1]
    );
    let receipt = witness(&registry, &found.waiting[0], "cloud", NOW).await;
    assert_eq!((receipt.cosigned, receipt.witnessed), (2, Some(1)));
    witness(&registry, &found.newest, "cloud", NOW).await;
    grow(&registry, &mut organisation, "two").await;
    let found = all(&registry).await;
    assert_eq!(size(&found.waiting[0]), 2);
    let receipt = witness(&registry, &found.waiting[0], "office", NOW).await;
    assert_eq!(receipt.witnessed, Some(2));
    assert_eq!(shown(&registry).await, 2);
    let late = hand_in(&registry, cosign(newest.as_bytes(), "lab", NOW)).await;
    assert_eq!(late.status(), StatusCode::UNPROCESSABLE_ENTITY);
    registry.stop().await;
}

#[tokio::test]
async fn strangers_other_logs_and_times_far_ahead_are_refused() {
    let mut organisation = witnessed_by(&["office"], 1);
    let registry = start(&organisation).await;
    let newest = all(&registry).await.newest;
    grow(&registry, &mut organisation, "one").await;
    let other = witnessed_by(&["office", "other"], 1).checkpoint();
    let unsigned = {
        let (checkpoint, _) = Checkpoint::parse(newest.as_bytes()).unwrap();
        let note = bulla_trust::SignedNote::new(checkpoint.text()).unwrap();
        [
            note.to_bytes(),
            b"\xe2\x80\x94 office AAAAAAAAAAAA\n".to_vec(),
        ]
        .concat()
    };
    let ahead = bulla_trust::witness::MOST_AHEAD.cast_unsigned() + 1;
    let ahead = NOW + u32::try_from(ahead).unwrap();
    for (note, sentence) in [
        (cosign(newest.as_bytes(), "mallory", NOW), "no cosignature"),
        (newest.clone().into_bytes(), "no cosignature"),
        (cosign(&other, "office", NOW), "not one of this log"),
        (unsigned, "not one of this log"),
        (cosign(newest.as_bytes(), "office", ahead), "seconds ahead"),
    ] {
        let refused = hand_in(&registry, note).await;
        assert_eq!(refused.status(), StatusCode::UNPROCESSABLE_ENTITY);
        let said = error(refused).await;
        assert_eq!(said.error, ErrorCode::Ineffective);
        assert!(said.message.contains(sentence), "{said:?}");
    }
    let torn = hand_in(&registry, b"torn".to_vec()).await;
    assert_eq!(torn.status(), StatusCode::BAD_REQUEST);
    let endless = hand_in(&registry, vec![b'x'; 70_000]).await;
    assert_eq!(endless.status(), StatusCode::PAYLOAD_TOO_LARGE);
    // Signatures of strangers beside the right one are left out.
    let both = cosign(&cosign(newest.as_bytes(), "mallory", NOW), "office", NOW);
    assert_eq!(hand_in(&registry, both).await.status(), StatusCode::OK);
    let note = registry.get("/log/checkpoint").await.text().await.unwrap();
    assert!(
        note.contains("— office ") && !note.contains("mallory"),
        "{note}"
    );
    registry.stop().await;
}

#[tokio::test]
async fn witnesses_change_by_the_word_of_both() {
    let mut organisation = witnessed_by(&["office"], 1);
    let registry = start(&organisation).await;
    let newest = all(&registry).await.newest;
    witness(&registry, &newest, "office", NOW).await;
    let mut next = policy();
    name_witnesses(&mut next, &["cloud"], 1);
    assert!(organisation.adopt(next, &["alice", "bob"]).is_effective());
    registry.append_all(&organisation.entries[1..]).await;
    let newest = all(&registry).await.newest;
    let receipt = witness(&registry, &newest, "cloud", NOW).await;
    assert_eq!(
        receipt.witnessed,
        Some(1),
        "servers still ask for the office, too"
    );
    let receipt = witness(&registry, &newest, "office", NOW).await;
    assert_eq!(receipt.witnessed, Some(2));
    let note = registry.get("/log/checkpoint").await.text().await.unwrap();
    assert!(
        note.contains("— office ") && note.contains("— cloud "),
        "{note}"
    );
    registry.stop().await;
}

#[tokio::test]
async fn a_policy_without_witnesses_holds_nothing_back() {
    let mut organisation = Organisation::new();
    let registry = start(&organisation).await;
    grow(&registry, &mut organisation, "one").await;
    assert_eq!(shown(&registry).await, 2);
    let mut next = policy();
    name_witnesses(&mut next, &["office"], 1);
    assert!(organisation.adopt(next, &["alice", "bob"]).is_effective());
    registry.append_all(&organisation.entries[2..]).await;
    assert_eq!(
        shown(&registry).await,
        2,
        "the new witness has said nothing"
    );
    // Also when it stops before the witness has come.
    let data = registry.stop().await;
    let registry = Registry::start_in(data, Settings::default()).await;
    assert_eq!(shown(&registry).await, 2);
    let newest = all(&registry).await.newest;
    witness(&registry, &newest, "office", NOW).await;
    assert_eq!(shown(&registry).await, 3);
    registry.stop().await;
}

#[tokio::test]
async fn a_watch_tells_servers_of_what_they_may_have() {
    let mut organisation = witnessed_by(&["office"], 1);
    let registry = start(&organisation).await;
    let newest = all(&registry).await.newest;
    witness(&registry, &newest, "office", NOW).await;
    grow(&registry, &mut organisation, "one").await;
    let nothing = registry.get("/api/v1/watch?size=1&wait=0").await;
    assert_eq!(nothing.status(), StatusCode::NO_CONTENT);
    let position: LogPosition = registry
        .json("/api/v1/watch?size=1&wait=9&newest=true")
        .await;
    assert_eq!(position, organisation.state.position());
    let newest = all(&registry).await.newest;
    let waiting = registry.json::<LogPosition>("/api/v1/watch?size=1&wait=30");
    let (position, _) = tokio::join!(waiting, witness(&registry, &newest, "office", NOW));
    assert_eq!(position, organisation.state.position());
    registry.stop().await;
}

#[tokio::test]
async fn nothing_is_cosigned_before_there_is_a_policy() {
    let registry = Registry::start().await;
    let organisation = witnessed_by(&["office"], 1);
    let early = registry.get("/log/cosignatures").await;
    assert_eq!(early.status(), StatusCode::NOT_FOUND);
    let note = cosign(&organisation.checkpoint(), "office", NOW);
    let early = hand_in(&registry, note).await;
    assert_eq!(early.status(), StatusCode::NOT_FOUND);
    let appended: Appended = registry.append_all(&organisation.entries).await;
    assert_eq!(appended.size, 1);
    registry.stop().await;
}
