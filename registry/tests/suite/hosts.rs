//! Hosts: what they report, who may, and what follows from it.

use bulla_registry::{Hosts, Scope, Settings};
use bulla_schemas::api::{
    CallerInfo, Deployment, DeploymentState, ErrorCode, HostDetail, HostSummary, Page,
};
use bulla_schemas::{Digest, Timestamp};
use bulla_trust::testing::Organisation;
use reqwest::{Method, Response, StatusCode};
use serde_json::{Value, json};

use crate::support::{BILLING, Registry, bundle, error};

pub(crate) const WHERE: &str = "/api/v1/projects/acme%2Fbilling/where";

/// A registry in which `prod` of the project went from the first release to the second.
pub(crate) async fn registry_with_releases(settings: Settings) -> (Registry, [Digest; 2]) {
    let registry = Registry::start_with(settings).await;
    let mut organisation = Organisation::new();
    registry.append_all(&organisation.entries).await;
    let (one, two) = (bundle("one"), bundle("two"));
    registry.publish(&mut organisation, &one).await;
    registry.publish(&mut organisation, &two).await;
    let before = organisation.entries.len();
    for hash in [one.hash(), two.hash()] {
        let promoted = organisation.promote("prod", hash, &["carol"]);
        assert!(promoted.is_effective());
    }
    registry.append_all(&organisation.entries[before..]).await;
    (registry, [one.hash(), two.hash()])
}

/// A report about some projects.
pub(crate) fn report(projects: &[Value]) -> Value {
    json!({
        "observedAt": "2026-11-28T06:39:49Z",
        "interval": "1m",
        "installer": "0.1.0",
        "system": "Debian GNU/Linux 13",
        "logSize": 5,
        "projects": projects,
    })
}

/// What a host says of the project when `live` is live.
pub(crate) fn billing(live: Digest) -> Value {
    json!({
        "project": BILLING,
        "channel": "prod",
        "live": live,
        "activatedAt": "2026-11-28T06:00:00Z",
        "standing": "up-to-date",
    })
}

fn with(mut project: Value, field: &str, value: Value) -> Value {
    project[field] = value;
    project
}

pub(crate) async fn send(registry: &Registry, token: &str, host: &str, body: &Value) -> Response {
    let path = format!("/api/v1/hosts/{host}/report");
    let request = registry.plain(Method::POST, &path).bearer_auth(token);
    request.json(body).send().await.unwrap()
}

/// Has a host report, which must be taken.
pub(crate) async fn say(registry: &Registry, host: &str, body: &Value) {
    let token = registry.host_token(host, &["*"]).await;
    let response = send(registry, &token, host, body).await;
    assert_eq!(response.status(), StatusCode::NO_CONTENT, "{host}");
}

#[tokio::test]
async fn the_state_of_a_host_follows_from_its_report_and_the_log() {
    let (registry, [one, two]) = registry_with_releases(Settings::default()).await;
    let hold = json!({ "hash": one, "since": "2026-11-28T06:00:00Z", "by": "alice" });
    let failed = json!({ "kind": "rolled-back", "message": "503", "at": "2026-11-28T06:00:00Z" });
    let expected = [
        ("behind", billing(one), DeploymentState::Behind),
        ("current", billing(two), DeploymentState::Current),
        (
            "drifted",
            with(billing(two), "drift", json!(3)),
            DeploymentState::Drifted,
        ),
        (
            "failed",
            with(billing(one), "lastError", failed),
            DeploymentState::Failed,
        ),
        (
            "held",
            with(billing(one), "hold", hold),
            DeploymentState::Held,
        ),
        (
            "unknown",
            with(billing(one), "channel", json!("never-promoted")),
            DeploymentState::Unknown,
        ),
    ];
    for (host, project, _) in &expected {
        say(&registry, host, &report(std::slice::from_ref(project))).await;
    }
    let page: Page<Deployment> = registry.json(WHERE).await;
    let found: Vec<_> = page
        .items
        .iter()
        .map(|item| (item.host.as_str(), item.state))
        .collect();
    let states: Vec<_> = expected.iter().map(|(host, _, s)| (*host, *s)).collect();
    assert_eq!(found, states);
    assert_eq!(page.items[0].head, Some(two));
    assert_eq!(page.items[0].report.live, Some(one));

    // The same through the lists of hosts, and by itself.
    let hosts: Page<HostSummary> = registry.json("/api/v1/hosts").await;
    let deployments: Vec<_> = hosts.items.iter().flat_map(|h| &h.deployments).collect();
    assert_eq!(deployments, page.items.iter().collect::<Vec<_>>());
    let host: HostDetail = registry.json("/api/v1/hosts/behind").await;
    assert_eq!(host.summary, hosts.items[0]);
    assert_eq!(host.history.items.len(), 1);
    registry.stop().await;
}

#[tokio::test]
async fn a_revoked_release_is_told_where_it_is_live() {
    let registry = Registry::start().await;
    let mut organisation = Organisation::new();
    registry.append_all(&organisation.entries).await;
    let one = bundle("one");
    registry.publish(&mut organisation, &one).await;
    let before = organisation.entries.len();
    let severity = bulla_schemas::statement::Severity::Block;
    organisation.promote("prod", one.hash(), &["carol"]);
    organisation.revoke(one.hash(), severity, "alice");
    registry.append_all(&organisation.entries[before..]).await;
    say(&registry, "web1", &report(&[billing(one.hash())])).await;
    let page: Page<Deployment> = registry.json(WHERE).await;
    assert_eq!(page.items[0].state, DeploymentState::Revoked);
    registry.stop().await;
}

#[tokio::test]
async fn a_host_that_has_not_reported_for_three_intervals_is_silent() {
    // R22: one dead host fails or misses the deployment.
    let (registry, [_, two]) = registry_with_releases(Settings::default()).await;
    say(&registry, "web1", &report(&[billing(two)])).await;
    registry.hands.move_by(180);
    let page: Page<Deployment> = registry.json(WHERE).await;
    assert_eq!(page.items[0].state, DeploymentState::Current);
    registry.hands.move_by(1);
    let page: Page<Deployment> = registry.json(WHERE).await;
    assert_eq!(page.items[0].state, DeploymentState::Silent);
    let heard = Timestamp::from_seconds(1_795_000_000).unwrap();
    assert_eq!(page.items[0].silent_since, Some(heard));
    let hosts: Page<HostSummary> = registry.json("/api/v1/hosts").await;
    assert_eq!(hosts.items[0].silent_since, Some(heard));
    say(&registry, "web1", &report(&[billing(two)])).await;
    let page: Page<Deployment> = registry.json(WHERE).await;
    assert_eq!(page.items[0].state, DeploymentState::Current);
    registry.stop().await;
}

#[tokio::test]
async fn a_token_reports_for_its_own_host_and_projects_only() {
    let (registry, [one, _]) = registry_with_releases(Settings::default()).await;
    let body = report(&[billing(one)]);
    let bound = registry.host_token("web1", &["acme/*"]).await;
    let unbound = registry.token(&[Scope::Report, Scope::Admin], &["*"]).await;
    for (token, host, expected) in [
        (&bound, "web1", StatusCode::NO_CONTENT),
        (&bound, "web2", StatusCode::FORBIDDEN),
        (&unbound, "web1", StatusCode::FORBIDDEN),
        (&registry.token, "web1", StatusCode::FORBIDDEN),
        (&bound, "WEB1", StatusCode::BAD_REQUEST),
    ] {
        let response = send(&registry, token, host, &body).await;
        assert_eq!(response.status(), expected, "{host}");
    }
    let anonymous = registry.plain(Method::POST, "/api/v1/hosts/web1/report");
    let anonymous = anonymous.json(&body).send().await.unwrap();
    assert_eq!(anonymous.status(), StatusCode::UNAUTHORIZED);
    let caller = registry.plain(Method::GET, "/api/v1/caller");
    let caller = caller.bearer_auth(&bound).send().await.unwrap();
    let caller: CallerInfo = caller.json().await.unwrap();
    assert_eq!(caller.host.unwrap().as_str(), "web1");
    // It says what it saw, and reads nothing.
    let read = registry.plain(Method::GET, WHERE).bearer_auth(&bound);
    assert_eq!(read.send().await.unwrap().status(), StatusCode::FORBIDDEN);
    registry.stop().await;
}

#[tokio::test]
async fn of_a_report_only_what_the_token_is_not_for_is_left_out() {
    let (registry, [one, _]) = registry_with_releases(Settings::default()).await;
    let other = json!({ "project": "other/tool", "standing": "up-to-date" });
    let body = report(&[billing(one), other]);
    for (projects, left_out, taken) in [
        (["acme/*", "x"], json!(["other/tool"]), vec![BILLING]),
        (["x", "y"], json!([BILLING, "other/tool"]), vec![]),
    ] {
        let token = registry.host_token("web1", &projects).await;
        let response = send(&registry, &token, "web1", &body).await;
        assert_eq!(response.status(), StatusCode::OK);
        let receipt: Value = response.json().await.unwrap();
        assert_eq!(receipt, json!({ "leftOut": left_out }));
        let host: HostDetail = registry.json("/api/v1/hosts/web1").await;
        let deployments = host.summary.deployments.iter();
        let found: Vec<_> = deployments
            .map(|item| item.report.project.as_str())
            .collect();
        assert_eq!(found, taken);
    }
    registry.stop().await;
}

#[tokio::test]
async fn who_may_not_read_a_project_does_not_see_where_it_is() {
    let (registry, [one, _]) = registry_with_releases(Settings::default()).await;
    let tools = json!({ "project": "tools", "standing": "not-installed" });
    say(&registry, "web1", &report(&[billing(one), tools])).await;
    say(&registry, "web2", &report(&[billing(one)])).await;
    let token = registry.token(&[Scope::Pull], &["tools"]).await;
    let get = async |path: &str| {
        let request = registry.plain(Method::GET, path).bearer_auth(&token);
        request.send().await.unwrap()
    };
    assert_eq!(get(WHERE).await.status(), StatusCode::FORBIDDEN);
    let page: Page<HostSummary> = get("/api/v1/hosts").await.json().await.unwrap();
    let seen: Vec<_> = page
        .items
        .iter()
        .flat_map(|host| &host.deployments)
        .map(|item| (item.host.as_str(), item.report.project.as_str()))
        .collect();
    assert_eq!(seen, [("web1", "tools")]);
    let host: HostDetail = get("/api/v1/hosts/web1").await.json().await.unwrap();
    let changes = host.history.items.iter();
    let projects: Vec<_> = changes.map(|c| c.report.project.as_str()).collect();
    assert_eq!(projects, ["tools"]);
    assert_eq!(
        get("/api/v1/hosts/web2").await.status(),
        StatusCode::NOT_FOUND
    );
    assert_eq!(
        get("/api/v1/hosts/web3").await.status(),
        StatusCode::NOT_FOUND
    );
    registry.stop().await;
}

#[tokio::test]
async fn refuses_reports_that_are_too_large_or_make_no_sense() {
    let (registry, [one, _]) = registry_with_releases(Settings::default()).await;
    let token = registry.host_token("web1", &["*"]).await;
    let many: Vec<_> = (0..1001)
        .map(|number| json!({ "project": format!("p{number}"), "standing": "unknown" }))
        .collect();
    let long = "x".repeat(256 * 1024);
    let large = with(billing(one), "channel", json!(long));
    for (body, expected, said) in [
        (report(&many), 400, "at most 1000 projects, found 1001"),
        (
            report(&[billing(one), billing(one)]),
            400,
            "found `acme/billing` twice",
        ),
        (json!({}), 400, "missing field"),
        (report(&[large]), 413, "at most 262144 bytes"),
    ] {
        let response = send(&registry, &token, "web1", &body).await;
        assert_eq!(response.status(), expected);
        let body = error(response).await;
        assert!(body.message.contains(said), "{}", body.message);
    }
    let hosts: Page<HostSummary> = registry.json("/api/v1/hosts").await;
    assert!(hosts.items.is_empty());
    registry.stop().await;
}

#[tokio::test]
async fn text_of_a_host_is_cut_and_fields_of_newer_hosts_are_skipped() {
    let (registry, [one, _]) = registry_with_releases(Settings::default()).await;
    let message = "\u{1b}[2Jü".repeat(1000);
    let error = json!({ "kind": "failed", "message": message, "at": "2026-11-28T06:00:00Z" });
    let project = with(billing(one), "lastError", error);
    let drained = json!({ "since": "2026-11-28T05:00:00Z", "reason": message });
    let project = with(project, "drained", drained);
    let project = with(project, "ofANewerVersion", json!([1, 2]));
    say(&registry, "web1", &report(&[project])).await;
    let page: Page<Deployment> = registry.json(WHERE).await;
    let error = page.items[0].report.last_error.as_ref().unwrap();
    assert_eq!(error.message.as_str().chars().count(), 1000);
    let drained = page.items[0].report.drained.as_ref().unwrap();
    assert_eq!(drained.since.to_string(), "2026-11-28T05:00:00Z");
    let reason = drained.reason.as_ref().unwrap();
    assert_eq!(reason.as_str().chars().count(), 500);
    registry.stop().await;
}

#[tokio::test]
async fn the_last_hundred_reports_that_differ_are_kept() {
    let (registry, [one, two]) = registry_with_releases(Settings {
        most_reports: 1000,
        ..Settings::default()
    })
    .await;
    let token = registry.host_token("web1", &["*"]).await;
    let mut expected = Vec::new();
    for number in 0..102_u64 {
        let project = with(billing(one), "drift", json!(number));
        let body = report(std::slice::from_ref(&project));
        // The first ones come twice, which is no change.
        for _ in 0..if number < 3 { 2 } else { 1 } {
            let response = send(&registry, &token, "web1", &body).await;
            assert_eq!(response.status(), StatusCode::NO_CONTENT);
        }
        expected.push(Some(number));
    }
    let other = json!({ "project": "tools", "live": two, "standing": "up-to-date" });
    send(&registry, &token, "web1", &report(&[other])).await;
    expected.reverse();
    expected.truncate(100);

    let mut found = Vec::new();
    let mut path = "/api/v1/hosts/web1?project=acme/billing&limit=30".to_owned();
    loop {
        let detail: HostDetail = registry.json(&path).await;
        // The host speaks only of the other one now.
        assert_eq!(detail.summary.deployments.len(), 1);
        let items = detail.history.items.iter();
        found.extend(items.map(|change| change.report.drift));
        let Some(next) = detail.history.next else {
            break;
        };
        path = format!("/api/v1/hosts/web1?project=acme/billing&limit=30&after={next}");
    }
    assert_eq!(found, expected);
    let all: HostDetail = registry.json("/api/v1/hosts/web1?limit=1").await;
    assert_eq!(all.history.items[0].report.project.as_str(), "tools");
    assert_eq!(all.history.items[0].number, 103);
    let gone: Page<Deployment> = registry.json(WHERE).await;
    assert!(gone.items.is_empty());
    registry.stop().await;
}

#[tokio::test]
async fn a_new_host_beyond_the_limit_waits_until_one_is_long_gone_or_forgotten() {
    let (registry, [one, _]) = registry_with_releases(Settings {
        most_hosts: 2,
        ..Settings::default()
    })
    .await;
    let body = report(&[billing(one)]);
    say(&registry, "web1", &body).await;
    say(&registry, "web2", &body).await;
    let token = registry.host_token("web3", &["*"]).await;
    let response = send(&registry, &token, "web3", &body).await;
    assert_eq!(response.status(), StatusCode::TOO_MANY_REQUESTS);
    let body_of = error(response).await;
    assert_eq!(body_of.error, ErrorCode::TooManyRequests);
    assert!(body_of.hint.unwrap().contains("host remove"));
    // Those that are known still report.
    say(&registry, "web2", &body).await;

    let clock = bulla_registry::Clock::new(|| Timestamp::EPOCH);
    let hosts = Hosts::open(registry.data.path(), &clock).await.unwrap();
    assert!(hosts.remove(&"web2".parse().unwrap()).await.unwrap());
    assert!(!hosts.remove(&"web2".parse().unwrap()).await.unwrap());
    let response = send(&registry, &token, "web3", &body).await;
    assert_eq!(response.status(), StatusCode::NO_CONTENT);

    registry.hands.move_by(90 * 86_400 + 1);
    say(&registry, "web1", &body).await;
    say(&registry, "web4", &body).await;
    let page: Page<HostSummary> = registry.json("/api/v1/hosts").await;
    let names: Vec<_> = page.items.iter().map(|host| host.host.as_str()).collect();
    assert_eq!(names, ["web1", "web4"], "web3 was silent for longest");
    registry.stop().await;
}

#[tokio::test]
async fn a_token_sends_so_many_reports_in_an_hour() {
    let (registry, [one, _]) = registry_with_releases(Settings {
        most_reports: 2,
        ..Settings::default()
    })
    .await;
    let token = registry.host_token("web1", &["*"]).await;
    let body = report(&[billing(one)]);
    for expected in [204, 204, 429] {
        let response = send(&registry, &token, "web1", &body).await;
        assert_eq!(response.status(), expected);
    }
    let response = send(&registry, &token, "web1", &body).await;
    assert_eq!(response.headers()["retry-after"], "3600");
    registry.hands.move_by(3600);
    let response = send(&registry, &token, "web1", &body).await;
    assert_eq!(response.status(), StatusCode::NO_CONTENT);
    registry.stop().await;
}

#[tokio::test]
async fn pages_of_hosts_follow_each_other() {
    let (registry, [one, _]) = registry_with_releases(Settings::default()).await;
    for number in 1..=5 {
        let body = report(&[billing(one)]);
        say(&registry, &format!("web{number}"), &body).await;
    }
    for list in ["/api/v1/hosts", WHERE] {
        let (mut seen, mut after) = (Vec::new(), String::new());
        loop {
            let page: Page<Value> = registry.json(&format!("{list}?limit=2{after}")).await;
            assert!(page.items.len() <= 2);
            let names = page.items.iter().map(|item| item["host"].clone());
            seen.extend(names);
            let Some(next) = page.next else {
                break;
            };
            after = format!("&after={next}");
        }
        assert_eq!(seen, ["web1", "web2", "web3", "web4", "web5"], "{list}");
    }
    registry.stop().await;
}

#[tokio::test]
async fn a_page_of_hosts_with_much_to_say_ends_early() {
    let (registry, [_, _]) = registry_with_releases(Settings::default()).await;
    let error = json!({
        "kind": "failed", "message": "x".repeat(1000), "at": "2026-11-28T06:00:00Z",
    });
    let projects: Vec<_> = (0..200)
        .map(|number| {
            json!({ "project": format!("p{number}"), "standing": "unknown", "lastError": error })
        })
        .collect();
    for host in ["web1", "web2", "web3", "web4"] {
        say(&registry, host, &report(&projects)).await;
    }
    let first: Page<HostSummary> = registry.json("/api/v1/hosts").await;
    assert!(first.items.len() < 4);
    let next = format!("/api/v1/hosts?after={}", first.next.unwrap());
    let second: Page<HostSummary> = registry.json(&next).await;
    assert_eq!(first.items.len() + second.items.len(), 4);
    registry.stop().await;
}
