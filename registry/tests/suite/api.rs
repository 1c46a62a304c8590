//! `/api/v1/` and `/dl/`.

use bulla_registry::Scope;
use bulla_schemas::ChannelName;
use bulla_schemas::api::{
    ChangeKind, Diff, ErrorCode, Page, ProjectSummary, Promotion, ReleaseDetail, ReleaseSummary,
};
use bulla_schemas::statement::{Action, Severity};
use bulla_trust::testing::Organisation;
use reqwest::{Method, StatusCode};
use serde_json::Value;

use crate::support::{BILLING, Registry, blob, bundle, error, header};

const API: &str = "/api/v1/projects/acme%2Fbilling";

/// Two releases; `dev` went to the first, the second, and back.
async fn registry_with_history() -> (Registry, Organisation) {
    let registry = Registry::start().await;
    let mut organisation = Organisation::new();
    registry.append_all(&organisation.entries).await;
    let (one, two) = (bundle("one"), bundle("two"));
    registry.publish(&mut organisation, &one).await;
    registry.publish(&mut organisation, &two).await;
    let before = organisation.entries.len();
    assert!(
        organisation
            .promote("dev", one.hash(), &["alice"])
            .is_effective()
    );
    assert!(
        organisation
            .promote("dev", two.hash(), &["bob"])
            .is_effective()
    );
    assert!(
        organisation
            .promote("dev", one.hash(), &["alice"])
            .is_effective()
    );
    assert!(
        organisation
            .promote("prod", one.hash(), &["carol"])
            .is_effective()
    );
    assert!(
        organisation
            .revoke(two.hash(), Severity::Block, "alice")
            .is_effective()
    );
    registry.append_all(&organisation.entries[before..]).await;
    (registry, organisation)
}

#[tokio::test]
async fn lists_projects_channels_releases_and_history() {
    let (registry, _) = registry_with_history().await;
    let (one, two) = (bundle("one").hash(), bundle("two").hash());
    let projects: Page<ProjectSummary> = registry.json("/api/v1/projects").await;
    assert_eq!(projects.items.len(), 1);
    assert_eq!(projects.items[0].project.as_str(), BILLING);
    assert_eq!(projects.items[0].releases, 2);
    let channels: Page<Promotion> = registry.json(&format!("{API}/channels")).await;
    assert_eq!(channels.items, projects.items[0].channels);
    let heads: Vec<_> = channels
        .items
        .iter()
        .map(|c| (c.channel.as_str(), c.hash, c.seq))
        .collect();
    assert_eq!(heads, [("dev", one, 3), ("prod", one, 1)]);

    let releases: Page<ReleaseSummary> = registry.json(&format!("{API}/releases")).await;
    let hashes: Vec<_> = releases.items.iter().map(|r| (r.hash, r.revoked)).collect();
    assert_eq!(
        hashes,
        [(two, Some(Severity::Block)), (one, None)],
        "newest first"
    );
    assert_eq!(releases.items[1].size, bundle("one").total_size());
    assert_eq!(releases.items[1].built_by[0].as_str(), "ci");

    let history: Page<Promotion> = registry.json(&format!("{API}/history?channel=dev")).await;
    let actions: Vec<_> = history
        .items
        .iter()
        .map(|h| (h.seq, h.action, h.hash))
        .collect();
    assert_eq!(
        actions,
        [
            (3, Action::Rollback, one),
            (2, Action::Promote, two),
            (1, Action::Promote, one)
        ]
    );
    let all: Page<Promotion> = registry.json(&format!("{API}/history")).await;
    assert_eq!(all.items.len(), 4);

    // The slash in the name may stand as it is.
    for path in [
        "channels".to_owned(),
        "history?channel=dev".to_owned(),
        "where".to_owned(),
        "releases?limit=1".to_owned(),
        format!("releases/{two}"),
        "diff/dev/prod".to_owned(),
    ] {
        let plain = format!("/api/v1/projects/{BILLING}/{path}");
        let plain: Value = registry.json(&plain).await;
        let encoded: Value = registry.json(&format!("{API}/{path}")).await;
        assert_eq!(plain, encoded, "{path}");
    }
    let unknown = format!("/api/v1/projects/{BILLING}/unknown");
    assert_eq!(registry.get(&unknown).await.status(), StatusCode::NOT_FOUND);
    registry.stop().await;
}

#[tokio::test]
async fn pages_follow_each_other() {
    let (registry, _) = registry_with_history().await;
    let mut seen = Vec::new();
    let mut path = format!("{API}/history?limit=3");
    loop {
        let page: Page<Promotion> = registry.json(&path).await;
        seen.extend(page.items.iter().map(|item| item.entry));
        match page.next {
            Some(next) => path = format!("{API}/history?limit=3&after={next}"),
            None => break,
        }
    }
    assert_eq!(seen, [6, 5, 4, 3]);
    let page: Page<ReleaseSummary> = registry.json(&format!("{API}/releases?limit=1")).await;
    let next = page.next.unwrap();
    let rest: Page<ReleaseSummary> = registry
        .json(&format!("{API}/releases?limit=1&after={next}"))
        .await;
    assert_eq!(rest.items[0].hash, bundle("one").hash());
    assert_eq!(rest.next, None);
    let channels: Page<Promotion> = registry.json(&format!("{API}/channels?after=dev")).await;
    assert_eq!(channels.items.len(), 1);
    for bad in [
        "history?after=x",
        "history?limit=x",
        "history?channel=UPPER",
    ] {
        let response = registry.get(&format!("{API}/{bad}")).await;
        assert_eq!(response.status(), StatusCode::BAD_REQUEST, "{bad}");
        assert_eq!(error(response).await.error, ErrorCode::Malformed);
    }
    registry.stop().await;
}

#[tokio::test]
async fn shows_a_release_by_a_part_of_its_hash() {
    let (registry, _) = registry_with_history().await;
    let one = bundle("one");
    let hex = one.hash().hex();
    for name in [hex[..8].to_owned(), hex.clone(), format!("sha256:{hex}")] {
        let detail: ReleaseDetail = registry.json(&format!("{API}/releases/{name}")).await;
        assert_eq!(detail.summary.hash, one.hash());
        assert_eq!(detail.document, *one.release());
        let channels: Vec<_> = detail
            .summary
            .channels
            .iter()
            .map(ChannelName::as_str)
            .collect();
        assert_eq!(channels, ["dev", "prod"]);
    }
    for (name, status, code) in [
        ("00000000", StatusCode::NOT_FOUND, ErrorCode::NotFound),
        ("abc", StatusCode::BAD_REQUEST, ErrorCode::Malformed),
    ] {
        let response = registry.get(&format!("{API}/releases/{name}")).await;
        assert_eq!(response.status(), status);
        assert_eq!(error(response).await.error, code);
    }
    let unknown = registry
        .get("/api/v1/projects/acme%2Fnothing/releases")
        .await;
    assert_eq!(error(unknown).await.error, ErrorCode::NotFound);
    registry.stop().await;
}

#[tokio::test]
async fn compares_hashes_and_channels() {
    let (registry, _) = registry_with_history().await;
    let (one, two) = (bundle("one").hash(), bundle("two").hash());
    let path = format!("{API}/diff/dev/{}", &two.hex()[..8]);
    let diff: Diff = registry.json(&path).await;
    assert_eq!((diff.from, diff.to), (one, two));
    let changes: Vec<_> = diff
        .changes
        .iter()
        .map(|c| (c.path.as_str(), c.change))
        .collect();
    assert_eq!(changes, [("bin/app", ChangeKind::Changed)]);
    let same: Diff = registry.json(&format!("{API}/diff/dev/prod")).await;
    assert!(same.changes.is_empty());
    let response = registry.get(&format!("{API}/diff/dev/nowhere")).await;
    assert_eq!(error(response).await.error, ErrorCode::NotFound);
    registry.stop().await;
}

#[tokio::test]
async fn shows_only_projects_that_the_token_is_for() {
    let (registry, _) = registry_with_history().await;
    let token = registry.token(&[Scope::Pull], &["other/*"]).await;
    let get = async |path: &str| {
        let request = registry.plain(Method::GET, path).bearer_auth(&token);
        request.send().await.unwrap()
    };
    let projects: Page<ProjectSummary> = get("/api/v1/projects").await.json().await.unwrap();
    assert!(projects.items.is_empty());
    let response = get(&format!("{API}/releases")).await;
    assert_eq!(error(response).await.error, ErrorCode::Forbidden);
    registry.stop().await;
}

#[tokio::test]
async fn gives_the_payload_to_a_person() {
    let (registry, _) = registry_with_history().await;
    let one = bundle("one");
    let hex = one.hash().hex();
    let path = format!("/dl/{BILLING}/{}.tar.zst", &hex[..12]);
    let response = registry.get(&path).await;
    assert_eq!(response.status(), StatusCode::OK);
    let payload = one.manifest().payload().digest;
    assert_eq!(header(&response, "etag"), format!("\"{payload}\""));
    assert_eq!(
        header(&response, "content-disposition"),
        format!(
            "attachment; filename=\"acme-billing-{}.tar.zst\"",
            &hex[..12]
        )
    );
    assert_eq!(response.bytes().await.unwrap(), blob(&one, 1));
    let ranged = registry
        .request(Method::GET, &path)
        .header("range", "bytes=0-3");
    let ranged = ranged.send().await.unwrap();
    assert_eq!(ranged.status(), StatusCode::PARTIAL_CONTENT);
    assert_eq!(ranged.bytes().await.unwrap(), [0x28, 0xb5, 0x2f, 0xfd][..]);
    for path in [
        "/dl/x",
        "/dl/acme/billing/x",
        "/dl/acme/billing/00000000.tar.zst",
    ] {
        let response = registry.get(path).await;
        assert_eq!(response.status(), StatusCode::NOT_FOUND, "{path}");
    }
    registry.stop().await;
}
