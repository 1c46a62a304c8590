//! The log's key changes: a policy names the next one, and everybody goes on.

use std::fs;
use std::path::Path;

use bulla_registry::Settings;
use bulla_schemas::api::{ErrorCode, LogInfo};
use bulla_schemas::media_type::IN_TOTO;
use bulla_schemas::statement::Severity;
use bulla_trust::statement::to_payload;
use bulla_trust::testing::{Organisation, key, log_key, log_verifier, policy, sign_as};
use bulla_trust::{Pin, SigningKey, accept};
use reqwest::StatusCode;

use super::follow;
use crate::support::{Registry, bundle, error};

fn make_next(data: &Path) -> SigningKey {
    let next = key("next log key");
    fs::write(data.join("log-key-next.pem"), next.to_pem()).unwrap();
    next
}

fn rotated(organisation: &mut Organisation, keys: &[&SigningKey]) -> Vec<u8> {
    let mut next = policy();
    next.log_keys = keys.iter().map(|key| log_verifier(key)).collect();
    assert!(organisation.adopt(next, &["alice", "bob"]).is_effective());
    organisation.entries.last().unwrap().clone()
}

#[tokio::test]
async fn the_registry_signs_with_the_next_key_from_the_policy_on_that_names_it() {
    for keeps in [false, true] {
        let registry = Registry::start().await;
        let mut organisation = Organisation::new();
        registry.append_all(&organisation.entries).await;
        let known = follow(&registry).await;
        let next = make_next(registry.data.path());
        // Made, and not named yet.
        registry.publish(&mut organisation, &bundle("one")).await;
        follow(&registry).await;
        let old = log_key();
        let keys = if keeps {
            vec![&old, &next]
        } else {
            vec![&next]
        };
        let entry = rotated(&mut organisation, &keys);
        registry.append_all(&[entry]).await;
        assert_eq!(follow(&registry).await, organisation.state);
        // A reader that knew the log before goes on.
        let note = registry.get("/log/checkpoint").await.bytes().await.unwrap();
        let grown = accept(&known, Pin::Remembered, &note, &organisation.entries[1..]);
        assert_eq!(grown.unwrap(), organisation.state);
        let info: LogInfo = registry.json("/api/v1/log").await;
        let data = registry.stop().await;
        let kept = fs::read_to_string(data.path().join("log-key.pem")).unwrap();
        assert_eq!(kept, *next.to_pem());
        assert!(!data.path().join("log-key-next.pem").exists());
        let registry = Registry::start_in(data, Settings::default()).await;
        registry.publish(&mut organisation, &bundle("two")).await;
        assert_eq!(follow(&registry).await, organisation.state);
        let again: LogInfo = registry.json("/api/v1/log").await;
        assert_eq!(again.log_key, info.log_key);
        registry.stop().await;
    }
}

#[tokio::test]
async fn a_rotation_that_a_crash_cut_short_is_finished_at_the_next_start() {
    let registry = Registry::start().await;
    let mut organisation = Organisation::new();
    registry.append_all(&organisation.entries).await;
    let next = make_next(registry.data.path());
    let entry = rotated(&mut organisation, &[&next]);
    registry.append_all(&[entry]).await;
    let data = registry.stop().await;
    // As before the file was renamed.
    fs::write(data.path().join("log-key.pem"), log_key().to_pem()).unwrap();
    make_next(data.path());
    let registry = Registry::start_in(data, Settings::default()).await;
    registry.publish(&mut organisation, &bundle("one")).await;
    assert_eq!(follow(&registry).await, organisation.state);
    // As before the checkpoint was published.
    let data = registry.stop().await;
    fs::write(data.path().join("log-key.pem"), log_key().to_pem()).unwrap();
    make_next(data.path());
    let before = organisation.checkpoint_at(1, &log_key());
    fs::write(data.path().join("log/checkpoint"), before).unwrap();
    let registry = Registry::start_in(data, Settings::default()).await;
    assert_eq!(follow(&registry).await, organisation.state);
    registry.stop().await;
}

#[tokio::test]
async fn a_policy_that_names_no_key_of_the_registry_is_refused() {
    let registry = Registry::start().await;
    let mut organisation = Organisation::new();
    registry.append_all(&organisation.entries).await;
    let stranger = key("stranger");
    let entry = rotated(&mut organisation, &[&stranger]);
    let refused = registry.append(&entry).await;
    assert_eq!(refused.status(), StatusCode::UNPROCESSABLE_ENTITY);
    let said = error(refused).await;
    assert_eq!(said.error, ErrorCode::Ineffective);
    assert!(
        said.message.contains("lack the key of this registry"),
        "{said:?}"
    );
    registry.stop().await;
}

#[tokio::test]
async fn a_registry_that_lost_its_key_is_read_and_appends_only_the_policy_that_names_the_next_one()
{
    let registry = Registry::start().await;
    let mut organisation = Organisation::new();
    registry.append_all(&organisation.entries).await;
    let one = bundle("one");
    registry.publish(&mut organisation, &one).await;
    let known = follow(&registry).await;
    let data = registry.stop().await;
    fs::remove_file(data.path().join("log-key.pem")).unwrap();
    let next = make_next(data.path());
    let registry = Registry::start_in(data, Settings::default()).await;
    assert_eq!(follow(&registry).await, known);
    let revocation = organisation.draft_revocation(one.hash(), Severity::Block);
    let revocation = sign_as(&["alice"], IN_TOTO, &to_payload(&revocation));
    let stranger = rotated(&mut organisation.clone(), &[&key("stranger")]);
    let sentence = "appends nothing before a policy names the next one";
    for entry in [&revocation, &stranger] {
        let refused = registry.append(entry).await;
        assert_eq!(refused.status(), StatusCode::UNPROCESSABLE_ENTITY);
        let said = error(refused).await;
        assert!(said.message.contains(sentence), "{said:?}");
        assert!(!said.message.contains("log-key.pem"), "{said:?}");
    }
    // What is in the log already is told as ever.
    registry.append_all(&organisation.entries[1..]).await;
    let entry = rotated(&mut organisation, &[&next]);
    registry.append_all(&[entry]).await;
    assert_eq!(follow(&registry).await, organisation.state);
    let note = registry.get("/log/checkpoint").await.bytes().await.unwrap();
    let grown = accept(&known, Pin::Remembered, &note, &organisation.entries[2..]);
    assert_eq!(grown.unwrap(), organisation.state);
    let data = registry.stop().await;
    let kept = fs::read_to_string(data.path().join("log-key.pem")).unwrap();
    assert_eq!(kept, *next.to_pem());
    let registry = Registry::start_in(data, Settings::default()).await;
    registry.publish(&mut organisation, &bundle("two")).await;
    assert_eq!(follow(&registry).await, organisation.state);
    registry.stop().await;
}
