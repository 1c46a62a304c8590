//! Moving a channel while the registry, the network or a colleague gets in the way: only the
//! verified log tells what happened.
#![expect(clippy::unwrap_used, reason = "a step that fails is a test that fails")]

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::routing::{get, post};
use bulla_packager::promote::{PromoteError, append};
use bulla_packager::proposal::Proposal;
use bulla_registry_client::{Client, LogFollower};
use bulla_schemas::outcome::{FailureKind, Outcome as _};
use bulla_schemas::statement::{PromotionStatement, Severity, Waves};
use bulla_schemas::{Digest, media_type};
use bulla_trust::testing::{self, Organisation, name, project};
use bulla_trust::{SignedEnvelope, statement};
use tempfile::TempDir;
use tokio::task::JoinHandle;

/// What the registry does with an appended envelope.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Behaviour {
    /// Appends it and says so.
    Honest,
    /// Appends it, and its answer is lost.
    LosesAnswer,
    /// Says that it appended it, and does not.
    Lies,
    /// Appends another person's promotion first and refuses this one.
    Overtaken,
    /// Appends that the release is revoked first, and refuses this one.
    Revokes,
    /// Appends another policy first, by which only bob may, and refuses this one.
    Protects,
    /// Appends nothing and is busy for ever.
    Down,
}

type Shared = Arc<(Behaviour, Mutex<Organisation>)>;

/// A registry with a log, and somebody who follows it.
struct World {
    organisation: Organisation,
    client: Client,
    log: LogFollower,
    proposal: Proposal,
    server: JoinHandle<()>,
    _directory: TempDir,
}

impl Drop for World {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn world(behaviour: Behaviour) -> World {
    world_with(behaviour, |_| ()).await
}

/// The same, after more was done.
async fn world_with(behaviour: Behaviour, before: impl FnOnce(&mut Organisation)) -> World {
    let mut organisation = Organisation::new();
    let first = organisation.publish(&project(), "first");
    let hash = organisation.publish(&project(), "second");
    organisation.promote("prod", first, &["alice"]);
    before(&mut organisation);
    let shared: Shared = Arc::new((behaviour, Mutex::new(organisation.clone())));
    let router = Router::new()
        .route("/log/entries", post(append_entry))
        .route("/log/{*path}", get(log_file))
        .with_state(shared);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let server = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    let client = Client::new(url.parse().unwrap(), None).unwrap();
    let directory = tempfile::tempdir().unwrap();
    let log = LogFollower::enroll(directory.path(), &client, None)
        .await
        .unwrap();
    World {
        organisation,
        client,
        log,
        proposal: Proposal {
            project: project(),
            channel: name("prod"),
            hash,
            reason: "because".to_owned(),
            issued_at: testing::time(0),
            waves: None,
            urgent: None,
        },
        server,
        _directory: directory,
    }
}

async fn log_file(
    State(shared): State<Shared>,
    Path(path): Path<String>,
) -> Result<Bytes, StatusCode> {
    let files = shared.1.lock().unwrap().files();
    let file = files.get(&path).ok_or(StatusCode::NOT_FOUND)?;
    Ok(file.clone().into())
}

async fn append_entry(State(shared): State<Shared>, body: Bytes) -> (StatusCode, String) {
    let (behaviour, organisation) = &*shared;
    let mut organisation = organisation.lock().unwrap();
    match behaviour {
        Behaviour::Down => return (StatusCode::INTERNAL_SERVER_ERROR, String::new()),
        Behaviour::Lies => {}
        Behaviour::Overtaken => {
            let state = &organisation.state;
            let head = state.head(&project(), &name("prod")).unwrap();
            let mut faster = match head.rollout.waves {
                Some(_) => widening(&organisation, 2),
                None => organisation.draft("prod", Digest::of(b"second")),
            };
            "faster".clone_into(&mut faster.predicate.reason);
            let verdict = organisation.append_promotion(&faster, &["bob"]);
            assert!(verdict.is_effective(), "{verdict:?}");
        }
        Behaviour::Revokes => {
            let revoked = organisation.revoke(Digest::of(b"second"), Severity::Block, "bob");
            assert!(revoked.is_effective());
        }
        Behaviour::Protects => {
            let mut policy = organisation.state.policy().unwrap().clone();
            let prod = policy
                .channels
                .iter_mut()
                .find(|rule| rule.channel == "prod");
            prod.unwrap().people = vec!["bob".to_owned()];
            assert!(organisation.adopt(policy, &["bob", "carol"]).is_effective());
        }
        Behaviour::Honest | Behaviour::LosesAnswer => {
            assert!(organisation.append(body.to_vec()).is_effective());
        }
    }
    match behaviour {
        Behaviour::LosesAnswer => (StatusCode::BAD_GATEWAY, String::new()),
        Behaviour::Overtaken | Behaviour::Revokes | Behaviour::Protects => {
            let body = r#"{"error":"ineffective","message":"seq 2 is taken","requestId":"1"}"#;
            (StatusCode::UNPROCESSABLE_ENTITY, body.to_owned())
        }
        _ => (StatusCode::CREATED, r#"{"index":4,"size":5}"#.to_owned()),
    }
}

async fn promote(world: &mut World) -> Result<bulla_trust::Head, PromoteError> {
    let draft = world.organisation.draft("prod", world.proposal.hash);
    let payload = statement::to_payload(&draft);
    let entry = testing::sign_as(&["alice"], media_type::IN_TOTO, &payload);
    let envelope = SignedEnvelope::from_bytes(&entry).unwrap();
    append(&world.client, &mut world.log, &world.proposal, &envelope).await
}

#[tokio::test]
async fn the_head_is_the_one_that_the_verified_log_shows() {
    let mut world = world(Behaviour::Honest).await;
    let head = promote(&mut world).await.unwrap();
    assert_eq!(
        (head.hash, head.seq, head.entry),
        (world.proposal.hash, 2, 4)
    );
}

#[tokio::test]
async fn a_lost_answer_is_no_failure_when_the_log_has_the_promotion() {
    let mut world = world(Behaviour::LosesAnswer).await;
    assert_eq!(promote(&mut world).await.unwrap().hash, world.proposal.hash);
}

#[tokio::test]
async fn an_answer_without_an_entry_is_not_believed() {
    let mut world = world(Behaviour::Lies).await;
    let error = promote(&mut world).await.unwrap_err();
    assert!(matches!(error, PromoteError::NotIncluded), "{error}");
    assert_eq!(error.kind(), FailureKind::Temporary);
}

#[tokio::test]
async fn whoever_was_faster_is_named() {
    let mut world = world(Behaviour::Overtaken).await;
    let error = promote(&mut world).await.unwrap_err();
    assert_eq!(error.kind(), FailureKind::Temporary);
    let text = error.to_string();
    assert!(text.starts_with("bob moved `prod`"), "{text}");
    assert!(text.ends_with("meanwhile: faster"), "{text}");
}

#[tokio::test]
async fn a_release_that_is_revoked_while_a_person_decides_is_said_so_in_words() {
    let mut world = world(Behaviour::Revokes).await;
    let error = promote(&mut world).await.unwrap_err();
    assert_eq!(error.kind(), FailureKind::Refused);
    let text = error.to_string();
    assert!(text.starts_with("bob revoked sha256:"), "{text}");
    assert!(text.ends_with("meanwhile: broken"), "{text}");
    assert!(error.hint().unwrap().contains("promote another release"));
}

#[tokio::test]
async fn a_policy_that_comes_into_effect_while_a_person_decides_is_said_so_in_words() {
    let mut world = world(Behaviour::Protects).await;
    let error = promote(&mut world).await.unwrap_err();
    assert_eq!(error.kind(), FailureKind::Temporary);
    let text = error.to_string();
    assert!(text.contains("version 2 is entry 4"), "{text}");
    assert!(error.hint().unwrap().contains("bulla policy show"));
}

fn widening(organisation: &Organisation, up_to: u64) -> PromotionStatement {
    let state = &organisation.state;
    let (up_to, why) = (up_to.try_into().unwrap(), "on".to_owned());
    statement::widen(
        state,
        &project(),
        &name("prod"),
        up_to,
        why,
        testing::time(0),
    )
    .unwrap()
}

#[tokio::test]
async fn of_two_who_let_a_wave_go_at_once_the_second_learns_who_was_faster() {
    let mut world = world_with(Behaviour::Overtaken, |organisation| {
        let mut promotion = organisation.draft("prod", Digest::of(b"second"));
        promotion.predicate.waves = Some(Waves::Manual);
        let verdict = organisation.append_promotion(&promotion, &["alice"]);
        assert!(verdict.is_effective(), "{verdict:?}");
    })
    .await;
    let payload = statement::to_payload(&widening(&world.organisation, 2));
    let entry = testing::sign_as(&["alice"], media_type::IN_TOTO, &payload);
    let envelope = SignedEnvelope::from_bytes(&entry).unwrap();
    let appended = append(&world.client, &mut world.log, &world.proposal, &envelope).await;
    let error = appended.unwrap_err();
    assert_eq!(error.kind(), FailureKind::Temporary);
    let text = error.to_string();
    assert_eq!(
        text,
        "bob let the waves of `prod` of acme/billing up to 2 go meanwhile: faster"
    );
    assert!(error.hint().unwrap().contains("bulla wave prod"));
}

#[tokio::test]
async fn a_registry_that_fails_is_what_is_reported() {
    let mut world = world(Behaviour::Down).await;
    let error = promote(&mut world).await.unwrap_err();
    assert!(matches!(error, PromoteError::Client(_)), "{error}");
    assert_eq!(error.kind(), FailureKind::Temporary);
}
