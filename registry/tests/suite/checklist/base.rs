//! 1 to 7: ping, tokens, errors, names.

use std::time::Duration;

use bulla_registry::{Settings, UploadLimits};
use bulla_schemas::Digest;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE};
use reqwest::redirect::Policy;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use super::{MANIFEST, OTHER, Oci, REPOSITORY, blob, manifest, uploads};
use crate::support::{Registry, assert_oci_error, header};

/// Every code that OCI Distribution 1.1 knows.
const CODES: [&str; 14] = [
    "BLOB_UNKNOWN",
    "BLOB_UPLOAD_INVALID",
    "BLOB_UPLOAD_UNKNOWN",
    "DIGEST_INVALID",
    "MANIFEST_BLOB_UNKNOWN",
    "MANIFEST_INVALID",
    "MANIFEST_UNKNOWN",
    "NAME_INVALID",
    "NAME_UNKNOWN",
    "SIZE_INVALID",
    "UNAUTHORIZED",
    "DENIED",
    "UNSUPPORTED",
    "TOOMANYREQUESTS",
];

#[tokio::test]
async fn b01_ping_is_200_and_asks_for_a_token() {
    let oci = Oci::start();
    assert_eq!(oci.get("/v2/").await.status(), StatusCode::OK);
    let asked = oci.plain(Method::GET, "/v2/").send().await.unwrap();
    assert!(asked.headers().contains_key("www-authenticate"));
    assert_oci_error(asked, StatusCode::UNAUTHORIZED, "UNAUTHORIZED").await;
}

#[tokio::test]
async fn b02_basic_and_bearer_both_work() {
    let oci = Oci::start();
    let token = &oci.token;
    let host = oci.host().to_owned();
    for (method, path, scope) in [
        (Method::GET, "/v2/".to_owned(), None),
        (
            Method::GET,
            manifest("v1"),
            Some("repository:acme/tool:pull"),
        ),
        (
            Method::POST,
            uploads(REPOSITORY),
            Some("repository:acme/tool:pull,push"),
        ),
        (
            Method::DELETE,
            manifest("v1"),
            Some("repository:acme/tool:delete"),
        ),
        (
            Method::GET,
            "/v2/_catalog".to_owned(),
            Some("registry:catalog:*"),
        ),
    ] {
        let asked = oci.plain(method, &path).send().await.unwrap();
        assert_eq!(asked.status(), StatusCode::UNAUTHORIZED, "{path}");
        let challenges = asked.headers().get_all("www-authenticate").iter();
        let challenges: Vec<_> = challenges.map(|one| one.to_str().unwrap()).collect();
        let scope = scope.map_or_else(String::new, |scope| format!(",scope=\"{scope}\""));
        assert_eq!(
            challenges,
            [
                "Basic realm=\"bulla\", charset=\"UTF-8\"",
                format!("Bearer realm=\"http://{host}/v2/token\",service=\"{host}\"{scope}")
                    .as_str(),
            ]
        );
    }
    let query = format!("/v2/token?service={host}&scope=repository:acme/tool:pull,push");
    let given = oci
        .plain(Method::GET, &query)
        .basic_auth("any", Some(token));
    let form = |fields: &str| {
        let request = oci.plain(Method::POST, "/v2/token");
        let request = request.header(CONTENT_TYPE, "application/x-www-form-urlencoded");
        request.body(fields.to_owned())
    };
    let password = form(&format!(
        "grant_type=password&service={host}&client_id=x&username=any&password={token}"
    ));
    let refresh = form(&format!("grant_type=refresh_token&refresh_token={token}"));
    for request in [given, password, refresh] {
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(header(&response, "cache-control"), "no-store");
        let body: Value = response.json().await.unwrap();
        assert_eq!(
            (&body["token"], &body["access_token"]),
            (&json!(token), &json!(token))
        );
        assert_eq!(body["expires_in"], 3600);
        assert!(body["issued_at"].as_str().unwrap().ends_with('Z'));
    }
    let short = oci.token(&["--scope", "pull", "--expires", "10m"]);
    let given = oci
        .plain(Method::GET, "/v2/token")
        .basic_auth("any", Some(short));
    let body: Value = given.send().await.unwrap().json().await.unwrap();
    let left = body["expires_in"].as_i64().unwrap();
    assert!((1..=600).contains(&left), "{left}");
    for refused in [
        oci.plain(Method::GET, "/v2/token"),
        oci.plain(Method::GET, "/v2/token")
            .basic_auth("any", Some("wrong")),
        form("grant_type=password&username=any&password=wrong"),
        form("grant_type=password&username=any"),
        form("grant_type=refresh_token&refresh_token=wrong"),
    ] {
        let response = refused.send().await.unwrap();
        assert_oci_error(response, StatusCode::UNAUTHORIZED, "UNAUTHORIZED").await;
    }
    let response = form("grant_type=authorization_code&code=x")
        .send()
        .await
        .unwrap();
    assert_oci_error(response, StatusCode::BAD_REQUEST, "UNSUPPORTED").await;
    let response = form(&"x".repeat(17 * 1024)).send().await.unwrap();
    assert_oci_error(response, StatusCode::PAYLOAD_TOO_LARGE, "SIZE_INVALID").await;
}

#[tokio::test]
#[expect(clippy::too_many_lines, reason = "a table of what is refused")]
async fn b03_every_refusal_is_an_error_of_ocis_form() {
    let oci = Oci::start();
    let image = oci.image("layer", json!({})).await;
    let unknown = Digest::of(b"unknown").to_string();
    let location = oci.begin().await;
    let with = |key: &str, value: Value| {
        let mut image = image.clone();
        image[key] = value;
        image.to_string()
    };
    let missing = json!([{ "mediaType": "x/y", "digest": unknown, "size": 1 }]);
    let digest = |digest: &str| format!("{}?digest={digest}", uploads(REPOSITORY));
    let name = |name: &str| format!("/v2/{name}/tags/list");
    let mut refused = Vec::new();
    let mut refuse = |method, path: String, body: String, status: u16, code| {
        refused.push((method, path, body, status, code));
    };
    let none = String::new;
    let (get, put, post, patch) = (&Method::GET, &Method::PUT, &Method::POST, &Method::PATCH);
    for bad in [
        "sha256:",
        "sha256:baddigeststring",
        "sha512:00",
        "md5:d41d8cd98f00b204e9800998ecf8427e",
        &unknown.to_uppercase(),
        &unknown[..70],
        &format!("{unknown}0"),
        "sha256%3A",
        "%00",
    ] {
        refuse(get, blob(bad), none(), 400, "DIGEST_INVALID");
        refuse(post, digest(bad), none(), 400, "DIGEST_INVALID");
        let referrers = format!("/v2/{REPOSITORY}/referrers/{bad}");
        refuse(get, referrers, none(), 400, "DIGEST_INVALID");
        if bad.contains(':') {
            refuse(get, manifest(bad), none(), 400, "DIGEST_INVALID");
            refuse(put, manifest(bad), image.to_string(), 400, "DIGEST_INVALID");
        }
    }
    refuse(
        put,
        format!("{location}?digest="),
        none(),
        400,
        "DIGEST_INVALID",
    );
    refuse(put, location.clone(), none(), 400, "DIGEST_INVALID");
    for bad in [
        "UPPER",
        "a__-b",
        "a..b",
        "-a",
        "a-",
        "a//b",
        "a%00b",
        "é",
        &"x".repeat(300),
    ] {
        refuse(get, name(bad), none(), 400, "NAME_INVALID");
        refuse(post, uploads(bad), none(), 400, "NAME_INVALID");
    }
    for bad in ["-v1", ".v1", "v%2B1", &"x".repeat(129)] {
        refuse(
            put,
            manifest(bad),
            image.to_string(),
            400,
            "MANIFEST_INVALID",
        );
    }
    for bad in [
        "{".to_owned(),
        none(),
        "[]".to_owned(),
        "null".to_owned(),
        with("schemaVersion", json!(1)),
        with("layers", json!({})),
        with("mediaType", json!("text/html")),
        with(
            "config",
            json!({ "mediaType": "x/y", "digest": "x", "size": 1 }),
        ),
        with("manifests", json!([])),
        "[".repeat(100_000),
    ] {
        refuse(put, manifest("v1"), bad, 400, "MANIFEST_INVALID");
    }
    refuse(
        put,
        manifest("v1"),
        with("layers", missing),
        400,
        "MANIFEST_BLOB_UNKNOWN",
    );
    refuse(
        put,
        manifest(&unknown),
        image.to_string(),
        400,
        "DIGEST_INVALID",
    );
    refuse(get, manifest(&unknown), none(), 404, "MANIFEST_UNKNOWN");
    refuse(get, manifest("unknown"), none(), 404, "MANIFEST_UNKNOWN");
    refuse(get, blob(&unknown), none(), 404, "BLOB_UNKNOWN");
    refuse(get, name("never/pushed"), none(), 404, "NAME_UNKNOWN");
    refuse(
        get,
        "/v2/acme/tool/nothing".to_owned(),
        none(),
        404,
        "NAME_UNKNOWN",
    );
    let gone = format!(
        "{}00000000-0000-0000-0000-000000000000",
        uploads(REPOSITORY)
    );
    refuse(patch, gone, none(), 404, "BLOB_UPLOAD_UNKNOWN");
    refuse(
        get,
        format!("{}?n=x", name(REPOSITORY)),
        none(),
        400,
        "UNSUPPORTED",
    );
    refuse(
        get,
        format!("{}?n=-1", name(REPOSITORY)),
        none(),
        400,
        "UNSUPPORTED",
    );
    refuse(put, name(REPOSITORY), none(), 405, "UNSUPPORTED");
    refuse(put, "/v2/_catalog".to_owned(), none(), 405, "UNSUPPORTED");
    for (method, path, body, status, code) in refused {
        let shown = body.chars().take(60).collect::<String>();
        let request = oci.request(method.clone(), &path).body(body);
        let response = request.header(CONTENT_TYPE, MANIFEST).send().await.unwrap();
        assert_eq!(response.status(), status, "{method} {path} {shown}");
        assert_eq!(
            header(&response, "content-type"),
            "application/json",
            "{path}"
        );
        let body: Value = response.json().await.unwrap();
        let error = &body["errors"][0];
        assert_eq!(error["code"], code, "{method} {path} {shown}");
        assert!(CODES.contains(&code));
        assert!(!error["message"].as_str().unwrap().is_empty(), "{body}");
    }
    let credentials = oci
        .plain(Method::GET, "/v2/")
        .header(AUTHORIZATION, "Bearer x");
    let refused = credentials.send().await.unwrap();
    assert_oci_error(refused, StatusCode::UNAUTHORIZED, "UNAUTHORIZED").await;
}

#[tokio::test]
async fn b04_too_many_requests_say_when_to_come_again() {
    let registry = Registry::start_with(Settings {
        uploads: UploadLimits {
            most_of_token: 1,
            ..UploadLimits::default()
        },
        ..Settings::default()
    })
    .await;
    let begun = registry.post(&uploads(REPOSITORY)).await;
    let location = header(&begun, "location").to_owned();
    let sent = registry.request(Method::PATCH, &location).body("x");
    assert_eq!(sent.send().await.unwrap().status(), StatusCode::ACCEPTED);
    let refused = registry.post(&uploads(REPOSITORY)).await;
    let seconds: u64 = header(&refused, "retry-after").parse().unwrap();
    assert!(Duration::from_secs(seconds) < Duration::from_hours(1));
    assert_oci_error(refused, StatusCode::TOO_MANY_REQUESTS, "TOOMANYREQUESTS").await;
    registry.stop().await;
}

#[tokio::test]
async fn b05_warnings_have_the_form_that_clients_show() {
    let oci = Oci::start();
    let digest = oci.push("v1", "layer", json!({})).await;
    for path in [
        "/v2/".to_owned(),
        manifest("v1"),
        manifest(&digest),
        manifest("unknown"),
        format!("/v2/{REPOSITORY}/tags/list"),
        format!("/v2/{REPOSITORY}/referrers/{digest}"),
    ] {
        let answer = oci.get(&path).await;
        let warnings: Vec<_> = answer.headers().get_all("warning").iter().collect();
        let length: usize = warnings.iter().map(|warning| warning.len()).sum();
        assert!(length <= 4096, "{path}");
        for warning in warnings {
            let warning = warning.to_str().unwrap();
            assert!(
                warning.starts_with("299 - \"") && warning.ends_with('"'),
                "{warning}"
            );
        }
    }
}

#[tokio::test]
async fn b06_names_and_tags_are_those_of_the_specification() {
    let oci = Oci::start();
    for name in [
        "a",
        "a/b/c/d/e",
        "a.b_c__d-e---f/0",
        "blobs/uploads",
        "tags/list",
        &"x".repeat(128),
    ] {
        let begun = oci.post(&uploads(name)).await;
        assert_eq!(begun.status(), StatusCode::ACCEPTED, "{name}");
    }
    let image = oci.image("layer", json!({})).await;
    for tag in ["v1", "_x", "A.b-C_d", "0", &"x".repeat(128)] {
        assert_eq!(
            oci.put(tag, &image).await.status(),
            StatusCode::CREATED,
            "{tag}"
        );
        let head = oci.head(&manifest(tag)).await;
        assert_eq!(head.status(), StatusCode::OK, "{tag}");
    }
}

#[tokio::test]
async fn b07_nothing_leads_a_client_to_another_host() {
    let oci = Oci::start();
    let digest = oci.push("v1", "layer", json!({})).await;
    let layer = Digest::of(b"layer").to_string();
    let client = reqwest::Client::builder().redirect(Policy::none());
    let client = client.build().unwrap();
    for path in [manifest("v1"), manifest(&digest), blob(&layer)] {
        let url = format!("{}{path}", oci.program.url);
        let answer = client
            .get(url)
            .bearer_auth(&oci.token)
            .send()
            .await
            .unwrap();
        assert_eq!(answer.status(), StatusCode::OK, "{path}");
    }
    for location in [
        header(&oci.post(&uploads(OTHER)).await, "location"),
        header(
            &oci.put("v1", &oci.image("layer", json!({})).await).await,
            "location",
        ),
    ] {
        assert!(location.starts_with("/v2/acme/"), "{location}");
    }
}
