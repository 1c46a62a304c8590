//! Who may do what.

use bulla_registry::{Scope, Settings};
use bulla_schemas::Digest;
use bulla_schemas::api::ErrorCode;
use reqwest::header::AUTHORIZATION;
use reqwest::{Method, StatusCode};
use secrecy::ExposeSecret as _;
use serde_json::Value;

use crate::support::{Registry, assert_oci_error, error};

async fn status(registry: &Registry, token: &str, method: Method, path: &str) -> StatusCode {
    let request = registry.plain(method, path).bearer_auth(token);
    request.send().await.unwrap().status()
}

#[tokio::test]
async fn refuses_tokens_that_are_none() {
    let registry = Registry::start().await;
    for credentials in [
        "Bearer wrong".to_owned(),
        "Bearer ".to_owned() + &"x".repeat(4000),
        "Basic !!!".to_owned(),
        "Basic bm9jb2xvbg==".to_owned(),
        "Negotiate x".to_owned(),
        "x".to_owned(),
    ] {
        let request = registry.plain(Method::GET, "/v2/");
        let response = request
            .header(AUTHORIZATION, &credentials)
            .send()
            .await
            .unwrap();
        assert_oci_error(response, StatusCode::UNAUTHORIZED, "UNAUTHORIZED").await;
    }
    registry.stop().await;
}

#[tokio::test]
async fn a_token_is_for_its_scopes_and_projects() {
    let registry = Registry::start().await;
    registry.push_blob("acme/tool", b"x").await;
    let blob = format!("/v2/acme/tool/blobs/{}", Digest::of(b"x"));
    let uploads = "/v2/acme/tool/blobs/uploads/";
    let reader = registry.token(&[Scope::Pull], &["acme/*"]).await;
    assert_eq!(status(&registry, &reader, Method::GET, &blob).await, 200);
    assert_eq!(status(&registry, &reader, Method::POST, uploads).await, 403);
    let writer = registry.token(&[Scope::Push], &["acme/tool"]).await;
    assert_eq!(status(&registry, &writer, Method::POST, uploads).await, 202);
    assert_eq!(status(&registry, &writer, Method::GET, &blob).await, 403);
    let elsewhere = "/v2/acme/tools/blobs/uploads/";
    assert_eq!(
        status(&registry, &writer, Method::POST, elsewhere).await,
        403
    );
    let other = registry
        .token(&[Scope::Pull, Scope::Push], &["other/*"])
        .await;
    assert_eq!(status(&registry, &other, Method::GET, &blob).await, 403);
    let mount = format!(
        "/v2/other/tool/blobs/uploads/?mount={}&from=acme/tool",
        Digest::of(b"x")
    );
    let status = status(&registry, &other, Method::POST, &mount).await;
    assert_eq!(status, 202, "what it may not read it cannot mount");
    registry.stop().await;
}

#[tokio::test]
async fn a_revoked_or_expired_token_is_refused_at_once() {
    let registry = Registry::start().await;
    let tokens = registry.tokens().await;
    let access = bulla_registry::Access {
        scopes: vec![Scope::Pull],
        projects: vec!["*".parse().unwrap()],
        host: None,
    };
    let (short, _) = tokens.create("short", &access, Some(60)).await.unwrap();
    let (long, row) = tokens.create("long", &access, None).await.unwrap();
    let ping = async |token: &str| status(&registry, token, Method::GET, "/v2/").await;
    assert_eq!(ping(short.expose_secret()).await, 200);
    assert_eq!(ping(long.expose_secret()).await, 200);
    registry.hands.move_by(60);
    assert_eq!(ping(short.expose_secret()).await, 401);
    assert_eq!(ping(long.expose_secret()).await, 200);
    assert!(tokens.revoke(&row.id).await.unwrap());
    assert_eq!(ping(long.expose_secret()).await, 401);
    assert!(!tokens.revoke("unknown").await.unwrap());

    let rows = tokens.list().await.unwrap();
    let row = rows.iter().find(|token| token.id == row.id).unwrap();
    assert!(row.revoked_at.is_some());
    assert!(row.last_used_at.is_some(), "its use was noted");
    registry.stop().await;
}

/// Starts a registry that everybody may read, and returns the path of a blob there.
async fn open_to_everybody() -> (Registry, String) {
    let registry = Registry::start_with(Settings {
        anonymous_read: true,
        ..Settings::default()
    })
    .await;
    let digest = registry.push_blob("acme/tool", b"x").await;
    let blob = format!("/v2/acme/tool/blobs/{digest}");
    (registry, blob)
}

#[tokio::test]
async fn lets_everybody_read_where_that_is_the_setting() {
    let (registry, blob) = open_to_everybody().await;
    let get = registry.plain(Method::GET, &blob).send().await.unwrap();
    assert_eq!(get.status(), StatusCode::OK);
    let empty = registry.plain(Method::GET, &blob).basic_auth("", Some(""));
    assert_eq!(empty.send().await.unwrap().status(), StatusCode::OK);
    let token = registry
        .plain(Method::GET, "/v2/token")
        .send()
        .await
        .unwrap();
    let body: Value = token.json().await.unwrap();
    let anonymous = body["token"].as_str().unwrap();
    assert_eq!(status(&registry, anonymous, Method::GET, &blob).await, 200);
    let uploads = "/v2/acme/tool/blobs/uploads/";
    assert_eq!(
        status(&registry, anonymous, Method::POST, uploads).await,
        401
    );
    let projects = registry.plain(Method::GET, "/api/v1/projects");
    assert_eq!(projects.send().await.unwrap().status(), StatusCode::OK);
    // Clients only send their token later when the first answer asked for it.
    let ping = registry.plain(Method::GET, "/v2/").send().await.unwrap();
    assert_eq!(ping.status(), StatusCode::UNAUTHORIZED);
    registry.stop().await;
}

#[tokio::test]
async fn a_token_that_is_none_is_refused_also_where_everybody_may_read() {
    let (registry, blob) = open_to_everybody().await;
    let paths = [blob.as_str(), "/v2/", "/v2/token", "/api/v1/projects"];
    let tokens = registry.tokens().await;
    let access = bulla_registry::Access {
        scopes: vec![Scope::Pull],
        projects: vec!["*".parse().unwrap()],
        host: None,
    };
    let (revoked, row) = tokens.create("ci", &access, None).await.unwrap();
    assert!(tokens.revoke(&row.id).await.unwrap());
    for token in ["mistyped", revoked.expose_secret()] {
        for path in paths {
            let found = status(&registry, token, Method::GET, path).await;
            assert_eq!(found, 401, "{path}");
        }
    }
    // Of two, a proxy may have gone by the other one.
    let two = registry.plain(Method::GET, &blob).bearer_auth("anonymous");
    let two = two.bearer_auth("mistyped").send().await.unwrap();
    assert_eq!(two.status(), StatusCode::UNAUTHORIZED);
    registry.stop().await;
}

#[tokio::test]
async fn reading_needs_a_token_where_that_is_the_setting() {
    let registry = Registry::start().await;
    for path in [
        "/log/checkpoint",
        "/log/tile/0/000",
        "/api/v1/log",
        "/api/v1/projects",
        "/api/v1/projects/acme%2Fbilling/releases",
        "/api/v1/projects/acme%2Fbilling/where",
        "/api/v1/hosts",
        "/api/v1/hosts/web1",
        "/api/v1/watch",
        "/dl/acme/billing/00000000.tar.zst",
    ] {
        let response = registry.plain(Method::GET, path).send().await.unwrap();
        assert_eq!(response.status(), StatusCode::UNAUTHORIZED, "{path}");
        let body = error(response).await;
        assert_eq!(body.error, ErrorCode::Unauthorized);
        assert!(body.hint.is_some());
        assert!(!body.request_id.is_empty());
    }
    for path in ["/healthz", "/readyz"] {
        let response = registry.plain(Method::GET, path).send().await.unwrap();
        assert_eq!(response.status(), StatusCode::OK);
    }
    registry.stop().await;
}
