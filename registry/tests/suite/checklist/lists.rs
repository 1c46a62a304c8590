//! 59 to 70: tags, referrers, deleting.

use bulla_schemas::Digest;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use super::{
    INDEX, MANIFEST, OTHER, Oci, REPOSITORY, assert_created, blob, digest_of, index_of, manifest,
    next, sha512, uploads,
};
use crate::support::{assert_oci_error, header};

fn tags(query: &str) -> String {
    format!("/v2/{REPOSITORY}/tags/list{query}")
}

fn referrers(digest: &str) -> String {
    format!("/v2/{REPOSITORY}/referrers/{digest}")
}

#[tokio::test]
async fn b59_a_repository_that_was_never_pushed_to_has_no_list_of_tags() {
    let oci = Oci::start();
    let response = oci.get(&tags("")).await;
    assert_oci_error(response, StatusCode::NOT_FOUND, "NAME_UNKNOWN").await;
}

#[tokio::test]
async fn b60_tags_are_listed_in_the_order_of_their_bytes_and_in_pages() {
    let oci = Oci::start();
    let image = oci.image("layer", json!({})).await;
    for tag in ["b", "a", "C", "_x", "1.0"] {
        assert_created(&oci.put(tag, &image).await);
    }
    let list = async |query: &str| {
        let response = oci.get(&tags(query)).await;
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(header(&response, "content-type"), "application/json");
        let next = next(&response);
        let body: Value = response.json().await.unwrap();
        assert_eq!(body["name"], REPOSITORY);
        (body["tags"].clone(), next)
    };
    assert_eq!(list("").await, (json!(["1.0", "C", "_x", "a", "b"]), None));
    assert_eq!(list("?last=C").await, (json!(["_x", "a", "b"]), None));
    assert_eq!(list("?last=D").await, (json!(["_x", "a", "b"]), None));
    assert_eq!(list("?n=0").await, (json!([]), None));
    let mut seen = Vec::new();
    let mut page = Some(tags("?n=2"));
    while let Some(path) = page {
        let (found, next) = list(path.strip_prefix(&tags("")).unwrap()).await;
        assert!(found.as_array().unwrap().len() <= 2);
        seen.extend(found.as_array().unwrap().clone());
        page = next;
    }
    assert_eq!(seen, ["1.0", "C", "_x", "a", "b"]);
}

#[tokio::test]
async fn b61_referrers_of_what_is_not_there_are_an_empty_index() {
    let oci = Oci::start();
    for digest in [Digest::of(b"unknown").to_string(), sha512(b"unknown")] {
        let response = oci.get(&referrers(&digest)).await;
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(header(&response, "content-type"), INDEX);
        let index: Value = response.json().await.unwrap();
        let expected = json!({ "schemaVersion": 2, "mediaType": INDEX, "manifests": [] });
        assert_eq!(index, expected);
    }
}

/// Pushes manifests of all kinds about a subject, and returns them as they are to be listed.
async fn push_referrers(oci: &Oci, subject: &str) -> Vec<Value> {
    let about = json!({ "mediaType": MANIFEST, "digest": subject, "size": 1 });
    let annotations = json!({ "org.example.a": "1", "org.example.b": "ä" });
    let artifact = oci.image(
        "artifact",
        json!({
            "artifactType": "application/vnd.example.v1",
            "annotations": annotations,
            "subject": about,
        }),
    );
    let artifact = artifact.await;
    let image = oci.image("image", json!({ "subject": about })).await;
    let of_type = json!({ "artifactType": "application/vnd.example.v2", "subject": about });
    let index = index_of(&[], of_type);
    let plain = index_of(&[], json!({ "subject": about }));
    let listed = |manifest: &Value, kind: Option<&str>| {
        let mut listed = json!({
            "mediaType": manifest["mediaType"],
            "digest": digest_of(manifest),
            "size": manifest.to_string().len(),
        });
        if let Some(kind) = kind {
            listed["artifactType"] = kind.into();
        }
        if let Some(annotations) = manifest.get("annotations") {
            listed["annotations"] = annotations.clone();
        }
        listed
    };
    let mut expected = vec![
        listed(&artifact, Some("application/vnd.example.v1")),
        listed(&image, Some("application/vnd.oci.image.config.v1+json")),
        listed(&index, Some("application/vnd.example.v2")),
        listed(&plain, None),
    ];
    for manifest in [artifact, image, index, plain] {
        assert_created(&oci.put(&digest_of(&manifest), &manifest).await);
    }
    expected.sort_by_key(|manifest| manifest["digest"].to_string());
    expected
}

#[tokio::test]
async fn b62_referrers_say_type_size_and_all_annotations() {
    let oci = Oci::start();
    let subject = oci.push("v1", "layer", json!({})).await;
    let expected = push_referrers(&oci, &subject).await;
    let index = oci.json(&referrers(&subject)).await;
    assert_eq!(index["manifests"], json!(expected));
    let other = oci.get(&format!("/v2/{OTHER}/referrers/{subject}")).await;
    assert_eq!(other.json::<Value>().await.unwrap()["manifests"], json!([]));
}

#[tokio::test]
async fn b63_referrers_are_filtered_by_their_type() {
    let oci = Oci::start();
    let subject = oci.push("v1", "layer", json!({})).await;
    let expected = push_referrers(&oci, &subject).await;
    for kind in [
        "application/vnd.example.v1",
        "application/vnd.oci.image.config.v1+json",
        "application/vnd.example.unknown",
    ] {
        let query = kind.replace('+', "%2B");
        let path = format!("{}?artifactType={query}", referrers(&subject));
        let response = oci.get(&path).await;
        assert_eq!(header(&response, "oci-filters-applied"), "artifactType");
        let index: Value = response.json().await.unwrap();
        let expected: Vec<_> = expected
            .iter()
            .filter(|manifest| manifest["artifactType"] == kind)
            .collect();
        assert_eq!(index["manifests"], json!(expected), "{kind}");
    }
    let all = oci.get(&referrers(&subject)).await;
    assert!(!all.headers().contains_key("oci-filters-applied"));
}

#[tokio::test]
async fn b64_referrers_come_in_pages_and_never_of_a_bad_digest() {
    let oci = Oci::start();
    for bad in ["sha256:x", "latest", "md5:00"] {
        let response = oci.get(&referrers(bad)).await;
        assert_oci_error(response, StatusCode::BAD_REQUEST, "DIGEST_INVALID").await;
    }
    let subject = Digest::of(b"subject").to_string();
    let about = json!({ "mediaType": MANIFEST, "digest": subject, "size": 1 });
    let mut pushed = Vec::new();
    for number in 0..4 {
        let long = json!({ "n": number.to_string(), "long": "x".repeat(200_000) });
        let index = index_of(&[], json!({ "subject": about, "annotations": long }));
        assert_created(&oci.put(&digest_of(&index), &index).await);
        pushed.push(digest_of(&index));
    }
    pushed.sort_unstable();
    let (mut listed, mut pages) = (Vec::new(), 0);
    let mut page = Some(referrers(&subject));
    while let Some(path) = page {
        let response = oci.get(&path).await;
        page = next(&response);
        let index: Value = response.json().await.unwrap();
        for manifest in index["manifests"].as_array().unwrap() {
            listed.push(manifest["digest"].as_str().unwrap().to_owned());
        }
        pages += 1;
    }
    assert_eq!(listed, pushed);
    assert!(pages > 1);
}

#[tokio::test]
async fn b65_what_clients_without_the_interface_pushed_is_listed() {
    let oci = Oci::start();
    let subject = oci.push("v1", "layer", json!({})).await;
    let about = json!({ "mediaType": MANIFEST, "digest": subject, "size": 1 });
    let signature = oci.image("signature", json!({ "subject": about })).await;
    assert_created(&oci.put(&digest_of(&signature), &signature).await);
    // The tag in which they keep a list of their own.
    let fallback = index_of(&[&signature], json!({}));
    let tag = subject.replace(':', "-");
    assert_created(&oci.put(&tag, &fallback).await);
    let index = oci.json(&referrers(&subject)).await;
    assert_eq!(index["manifests"][0]["digest"], digest_of(&signature));
    assert_eq!(index["manifests"].as_array().unwrap().len(), 1);
    let oci = oci.reindexed();
    assert_eq!(oci.json(&referrers(&subject)).await, index);
}

#[tokio::test]
async fn b66_a_tag_is_deleted_and_its_manifest_stays() {
    let oci = Oci::start();
    let digest = oci.push("v1", "layer", json!({})).await;
    oci.push("v2", "layer", json!({})).await;
    assert_eq!(
        oci.delete(&manifest("v1")).await.status(),
        StatusCode::ACCEPTED
    );
    assert_eq!(
        oci.head(&manifest("v1")).await.status(),
        StatusCode::NOT_FOUND
    );
    for reference in [digest.as_str(), "v2"] {
        assert_eq!(
            oci.head(&manifest(reference)).await.status(),
            StatusCode::OK
        );
    }
    assert_eq!(oci.json(&tags("")).await["tags"], json!(["v2"]));
    let again = oci.delete(&manifest("v1")).await;
    assert_oci_error(again, StatusCode::NOT_FOUND, "MANIFEST_UNKNOWN").await;
}

#[tokio::test]
async fn b67_a_manifest_is_deleted_with_its_tags_and_is_no_referrer_any_more() {
    let oci = Oci::start();
    let subject = oci.push("v1", "layer", json!({})).await;
    let about = json!({ "mediaType": MANIFEST, "digest": subject, "size": 1 });
    let signature = oci
        .push("signature", "signature", json!({ "subject": about }))
        .await;
    let deleted = oci.delete(&manifest(&signature)).await;
    assert_eq!(deleted.status(), StatusCode::ACCEPTED);
    for reference in [signature.as_str(), "signature"] {
        let head = oci.head(&manifest(reference)).await;
        assert_eq!(head.status(), StatusCode::NOT_FOUND);
    }
    assert_eq!(oci.json(&tags("")).await["tags"], json!(["v1"]));
    assert_eq!(oci.json(&referrers(&subject)).await["manifests"], json!([]));
    let again = oci.delete(&manifest(&signature)).await;
    assert_oci_error(again, StatusCode::NOT_FOUND, "MANIFEST_UNKNOWN").await;
}

#[tokio::test]
async fn b68_a_blob_is_deleted_from_its_repository() {
    let oci = Oci::start();
    for content in [b"blob".to_vec(), vec![7; 300_000]] {
        let digest = oci.push_blob(REPOSITORY, &content).await;
        oci.push_blob(OTHER, &content).await;
        let deleted = oci.delete(&blob(&digest)).await;
        assert_eq!(deleted.status(), StatusCode::ACCEPTED);
        assert_eq!(
            oci.head(&blob(&digest)).await.status(),
            StatusCode::NOT_FOUND
        );
        let again = oci.delete(&blob(&digest)).await;
        assert_oci_error(again, StatusCode::NOT_FOUND, "BLOB_UNKNOWN").await;
        let other = oci.head(&format!("/v2/{OTHER}/blobs/{digest}")).await;
        assert_eq!(other.status(), StatusCode::OK);
    }
    // Where the operator does not let anything be deleted.
    let digest = oci.push_blob("kept/tool", b"kept").await;
    let refused = oci.delete(&format!("/v2/kept/tool/blobs/{digest}")).await;
    assert_oci_error(refused, StatusCode::METHOD_NOT_ALLOWED, "UNSUPPORTED").await;
}

#[tokio::test]
async fn b69_all_of_a_repository_is_deleted_from_the_tags_down() {
    let oci = Oci::start();
    let one = oci.image("one", json!({})).await;
    let two = oci.image("two", json!({})).await;
    let index = index_of(&[&one, &two], json!({}));
    let all = [one, two, index];
    for manifest in &all {
        assert_created(&oci.put(&digest_of(manifest), manifest).await);
    }
    assert_created(&oci.put("all", &all[2]).await);
    let mut paths = vec![manifest("all")];
    paths.extend(all.iter().rev().map(|one| manifest(&digest_of(one))));
    let blobs = [&b"one"[..], b"two", b"{}"].map(|content| Digest::of(content).to_string());
    paths.extend(blobs.iter().map(|digest| blob(digest)));
    for path in &paths {
        assert_eq!(
            oci.delete(path).await.status(),
            StatusCode::ACCEPTED,
            "{path}"
        );
    }
    let oci = oci.reindexed();
    for path in &paths {
        assert_eq!(
            oci.head(path).await.status(),
            StatusCode::NOT_FOUND,
            "{path}"
        );
    }
    let gone = oci.get(&tags("")).await;
    assert_oci_error(gone, StatusCode::NOT_FOUND, "NAME_UNKNOWN").await;
}

#[tokio::test]
async fn b70_a_client_that_takes_it_for_a_proxy_is_answered_as_any_other() {
    let oci = Oci::start();
    let digest = oci.push("v1", "layer", json!({})).await;
    for path in [
        manifest("v1"),
        manifest(&digest),
        blob(&Digest::of(b"layer").to_string()),
        tags(""),
        referrers(&digest),
    ] {
        let plain = oci.get(&path).await.bytes().await.unwrap();
        let request = oci.request(Method::GET, &format!("{path}?ns=docker.io"));
        let answer = request.header("oci-namespace", "docker.io").send().await;
        let answer = answer.unwrap();
        assert_eq!(answer.status(), StatusCode::OK, "{path}");
        assert_eq!(answer.bytes().await.unwrap(), plain, "{path}");
    }
}

/// Not one of the seventy: OCI only reserves the path.
#[tokio::test]
async fn the_catalog_names_repositories_to_those_who_administer_them() {
    let oci = Oci::start();
    let all = ["acme/a", "acme/b-c", "acme/b/c", "other/z", "zed"];
    for name in all {
        oci.push_blob(name, b"x").await;
    }
    // Begun is not pushed.
    oci.post(&uploads("acme/begun")).await;
    let admin = oci.token(&["--scope", "admin"]);
    let of_acme = oci.token(&["--scope", "admin", "--project", "acme/*,zed"]);
    let list = async |token: &str, path: &str| {
        let request = oci.plain(Method::GET, path).bearer_auth(token);
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), StatusCode::OK, "{path}");
        let next = next(&response);
        let body: Value = response.json().await.unwrap();
        (body["repositories"].clone(), next)
    };
    assert_eq!(list(&admin, "/v2/_catalog").await, (json!(all), None));
    let mine = json!(["acme/a", "acme/b-c", "acme/b/c", "zed"]);
    assert_eq!(list(&of_acme, "/v2/_catalog").await, (mine.clone(), None));
    assert_eq!(list(&admin, "/v2/_catalog?n=0").await, (json!([]), None));
    let mut seen = Vec::new();
    let mut page = Some("/v2/_catalog?n=3".to_owned());
    while let Some(path) = page {
        let (found, next) = list(&of_acme, &path).await;
        assert!(found.as_array().unwrap().len() <= 3);
        seen.extend(found.as_array().unwrap().clone());
        page = next;
    }
    assert_eq!(json!(seen), mine);
    let digest = Digest::of(b"x");
    oci.delete(&format!("/v2/acme/a/blobs/{digest}")).await;
    let (left, _) = list(&admin, "/v2/_catalog").await;
    assert_eq!(left, json!(&all[1..]));
    for (method, path, status) in [
        (Method::GET, "/v2/_catalog?n=x", 400),
        (Method::DELETE, "/v2/_catalog", 405),
    ] {
        let request = oci.plain(method, path).bearer_auth(&admin);
        assert_eq!(request.send().await.unwrap().status(), status, "{path}");
    }
    let refused = oci.get("/v2/_catalog").await;
    assert_oci_error(refused, StatusCode::FORBIDDEN, "DENIED").await;
    let unknown = oci.plain(Method::GET, "/v2/_catalog").send().await.unwrap();
    assert_oci_error(unknown, StatusCode::UNAUTHORIZED, "UNAUTHORIZED").await;
}
