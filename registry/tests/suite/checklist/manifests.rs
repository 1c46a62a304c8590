//! 44 to 58: manifests.

use bulla_schemas::{Digest, media_type};
use reqwest::header::{ACCEPT, CONTENT_TYPE};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use super::{
    INDEX, MANIFEST, Oci, REPOSITORY, assert_created, digest_of, index_of, manifest, sha512,
};
use crate::support::{assert_oci_error, header};

/// Longest manifest that is taken.
const LIMIT: usize = 4 * 1024 * 1024;

#[tokio::test]
async fn b44_a_manifest_is_pushed_by_digest_and_by_tag() {
    let oci = Oci::start();
    let image = oci.image("layer", json!({})).await;
    let digest = digest_of(&image);
    for reference in [digest.as_str(), "v1"] {
        let pushed = oci.put(reference, &image).await;
        assert_created(&pushed);
        assert_eq!(header(&pushed, "docker-content-digest"), digest);
        let request = oci.request(Method::GET, header(&pushed, "location"));
        let stored = request.header(ACCEPT, INDEX).header(ACCEPT, MANIFEST);
        let stored = stored.send().await.unwrap();
        assert_eq!(header(&stored, "content-type"), MANIFEST);
        assert_eq!(
            header(&stored, "content-length"),
            image.to_string().len().to_string()
        );
        assert_eq!(stored.text().await.unwrap(), image.to_string());
    }
}

#[tokio::test]
async fn b45_a_manifest_stays_byte_for_byte_what_was_pushed() {
    let oci = Oci::start();
    let image = oci
        .image("layer", json!({ "unknown": [1, null, 2.50] }))
        .await;
    // Neither compact nor sorted, and with a line at its end.
    let bytes = format!("{image:#}\n\n");
    let digest = Digest::of(bytes.as_bytes()).to_string();
    assert_created(&oci.put_bytes(&digest, MANIFEST, bytes.clone()).await);
    assert_eq!(
        oci.get(&manifest(&digest)).await.text().await.unwrap(),
        bytes
    );
}

#[tokio::test]
async fn b46_the_media_type_is_the_one_that_was_pushed_and_nothing_else() {
    let oci = Oci::start();
    for (tag, media_type) in [("oci", MANIFEST), ("docker", media_type::DOCKER_MANIFEST)] {
        let image = oci.image("layer", json!({ "mediaType": media_type })).await;
        assert_created(&oci.put(tag, &image).await);
        for answer in [
            oci.get(&manifest(tag)).await,
            oci.head(&manifest(tag)).await,
        ] {
            assert_eq!(header(&answer, "content-type"), media_type);
        }
    }
    // With a charset, and with nothing, as some clients send it.
    let image = oci.image("layer", json!({})).await.to_string();
    let with_charset = format!("{MANIFEST}; charset=utf-8");
    assert_created(&oci.put_bytes("charset", &with_charset, image.clone()).await);
    let silent = oci.request(Method::PUT, &manifest("silent")).body(image);
    assert_created(&silent.send().await.unwrap());
    for tag in ["charset", "silent"] {
        let answer = oci.get(&manifest(tag)).await;
        assert_eq!(header(&answer, "content-type"), MANIFEST, "{tag}");
    }
}

#[tokio::test]
async fn b47_a_manifest_that_is_not_its_digest_is_refused() {
    let oci = Oci::start();
    let image = oci.image("layer", json!({})).await;
    for digest in [digest_of(&image), sha512(image.to_string().as_bytes())] {
        let refused = oci.put_bytes(&digest, MANIFEST, format!("{image}  ")).await;
        assert_oci_error(refused, StatusCode::BAD_REQUEST, "DIGEST_INVALID").await;
        let head = oci.head(&manifest(&digest)).await;
        assert_eq!(head.status(), StatusCode::NOT_FOUND);
    }
}

#[tokio::test]
async fn b48_a_bad_digest_names_no_manifest() {
    let oci = Oci::start();
    let image = oci.image("layer", json!({})).await;
    let put = oci.put("sha256:baddigeststring", &image).await;
    let path = manifest("sha256:baddigeststring");
    for refused in [put, oci.get(&path).await, oci.delete(&path).await] {
        assert_oci_error(refused, StatusCode::BAD_REQUEST, "DIGEST_INVALID").await;
    }
}

#[tokio::test]
async fn b49_a_manifest_has_up_to_four_mebibytes() {
    let oci = Oci::start();
    let annotations =
        (0..390).map(|n| (format!("large-annotation-{n}"), "A".repeat(10_000).into()));
    let annotations: serde_json::Map<_, _> = annotations.collect();
    let large = oci
        .image("layer", json!({ "annotations": annotations }))
        .await;
    assert!(large.to_string().len() > 3_900_000);
    let pushed = oci.put("large", &large).await;
    oci.assert_stored(pushed, large.to_string().as_bytes())
        .await;
    let mut largest = large.to_string();
    largest.push_str(&" ".repeat(LIMIT - largest.len()));
    assert_created(&oci.put_bytes("largest", MANIFEST, largest.clone()).await);
    let refused = oci.put_bytes("larger", MANIFEST, largest + " ").await;
    assert_oci_error(refused, StatusCode::PAYLOAD_TOO_LARGE, "SIZE_INVALID").await;
}

#[tokio::test]
async fn b50_every_shape_that_the_image_specification_allows_is_taken() {
    let oci = Oci::start();
    let image = oci.image("layer", json!({})).await;
    let empty = oci.image("layer", json!({ "layers": [] })).await;
    let about = json!({ "mediaType": MANIFEST, "digest": digest_of(&image), "size": 7 });
    let artifact = oci.image(
        "layer",
        json!({
            "artifactType": "application/vnd.example.v1",
            "config": {
                "mediaType": media_type::OCI_EMPTY,
                "digest": Digest::of(b"{}"),
                "size": 2,
                "data": "e30=",
            },
            "subject": about,
        }),
    );
    let artifact = artifact.await;
    let mut unknown = image.clone();
    unknown["config"]["mediaType"] = "application/vnd.example.config+json".into();
    unknown["layers"][0]["mediaType"] = "text/x-anything".into();
    let two = index_of(&[&image, &artifact], json!({}));
    let nested = index_of(&[&two, &image], json!({}));
    let of_artifacts = index_of(
        &[&artifact],
        json!({ "artifactType": "application/vnd.example.v1", "subject": about }),
    );
    let nothing = index_of(&[], json!({}));
    let all = [
        image,
        empty,
        artifact,
        unknown,
        two,
        nested,
        of_artifacts,
        nothing,
    ];
    for (number, shape) in all.iter().enumerate() {
        for reference in [digest_of(shape), format!("shape-{number}")] {
            let pushed = oci.put(&reference, shape).await;
            oci.assert_stored(pushed, shape.to_string().as_bytes())
                .await;
        }
    }
}

#[tokio::test]
async fn b51_layers_that_lie_elsewhere_need_not_be_there() {
    let oci = Oci::start();
    let mut image = oci.image("layer", json!({})).await;
    let nondistributable = "application/vnd.oci.image.layer.nondistributable.v1.tar";
    let more = [
        json!({ "mediaType": nondistributable, "digest": Digest::of(b"1"), "size": 1 }),
        json!({
            "mediaType": format!("{nondistributable}+gzip"),
            "digest": Digest::of(b"2"),
            "size": 123_456,
            "urls": ["https://store.example.com/blob"],
        }),
        json!({
            "mediaType": "application/vnd.oci.image.layer.v1.tar",
            "digest": Digest::of(b"3"),
            "size": 5,
            "urls": ["https://store.example.com/other"],
        }),
    ];
    image["layers"].as_array_mut().unwrap().extend(more);
    assert_created(&oci.put("v1", &image).await);
}

#[tokio::test]
async fn b52_the_subject_may_be_missing() {
    let oci = Oci::start();
    let subject = json!({ "mediaType": MANIFEST, "digest": Digest::of(b"later"), "size": 123 });
    let image = oci.image("layer", json!({ "subject": subject })).await;
    assert_created(&oci.put("v1", &image).await);
}

#[tokio::test]
async fn b53_other_parts_may_not_be_missing() {
    let oci = Oci::start();
    let image = oci.image("layer", json!({})).await;
    let missing = json!({ "mediaType": MANIFEST, "digest": Digest::of(b"never"), "size": 1 });
    let mut without_layer = image.clone();
    without_layer["layers"][0] = missing.clone();
    let mut without_config = image.clone();
    without_config["config"] = missing;
    let without_manifest = index_of(&[&image], json!({}));
    for part in [without_layer, without_config, without_manifest] {
        let refused = oci.put("v1", &part).await;
        assert_oci_error(refused, StatusCode::BAD_REQUEST, "MANIFEST_BLOB_UNKNOWN").await;
    }
}

#[tokio::test]
async fn b54_a_push_with_a_subject_says_which() {
    let oci = Oci::start();
    let image = oci.image("layer", json!({})).await;
    assert_created(&oci.put("v1", &image).await);
    for digest in [digest_of(&image), sha512(b"missing")] {
        let about = json!({ "subject": { "mediaType": MANIFEST, "digest": digest, "size": 9 } });
        for referrer in [
            oci.image("signature", about.clone()).await,
            index_of(&[&image], about),
        ] {
            for reference in [digest_of(&referrer), "signature".to_owned()] {
                let pushed = oci.put(&reference, &referrer).await;
                assert_created(&pushed);
                assert_eq!(header(&pushed, "oci-subject"), digest);
            }
        }
    }
    let pushed = oci.put("v1", &image).await;
    assert!(!pushed.headers().contains_key("oci-subject"));
}

#[tokio::test]
async fn b55_head_of_a_manifest_has_its_headers_and_no_body() {
    let oci = Oci::start();
    let image = oci.image("layer", json!({})).await;
    let digest = digest_of(&image);
    assert_created(&oci.put("v1", &image).await);
    for reference in [digest.as_str(), "v1"] {
        let head = oci.head(&manifest(reference)).await;
        assert_eq!(head.status(), StatusCode::OK);
        assert_eq!(header(&head, "content-type"), MANIFEST);
        assert_eq!(
            header(&head, "content-length"),
            image.to_string().len().to_string()
        );
        assert_eq!(header(&head, "docker-content-digest"), digest);
        assert!(head.bytes().await.unwrap().is_empty());
    }
    for reference in ["unknown", &Digest::of(b"unknown").to_string()] {
        let head = oci.head(&manifest(reference)).await;
        assert_eq!(head.status(), StatusCode::NOT_FOUND);
        assert!(head.bytes().await.unwrap().is_empty());
    }
}

#[tokio::test]
async fn b56_whatever_a_client_accepts_the_manifest_comes_as_it_is() {
    let oci = Oci::start();
    let image = oci.image("layer", json!({})).await;
    assert_created(&oci.put("v1", &image).await);
    let docker = media_type::DOCKER_MANIFEST;
    for accepted in [
        &[][..],
        &["*/*"],
        &[INDEX, MANIFEST],
        &[MANIFEST, INDEX],
        &[docker],
        &["application/json, text/html;q=0.5"],
    ] {
        let mut request = oci.request(Method::GET, &manifest("v1"));
        for media_type in accepted {
            request = request.header(ACCEPT, *media_type);
        }
        let answer = request.send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::OK, "{accepted:?}");
        assert_eq!(header(&answer, "content-type"), MANIFEST);
        assert_eq!(answer.text().await.unwrap(), image.to_string());
    }
}

/// Pushes a manifest by its digest and with tags, and returns the `OCI-Tag` headers.
async fn put_with_tags(
    oci: &Oci,
    digest: &str,
    query: &str,
    image: &Value,
) -> (StatusCode, Vec<String>) {
    let path = format!("{}?{query}", manifest(digest));
    let request = oci
        .request(Method::PUT, &path)
        .header(CONTENT_TYPE, MANIFEST);
    let pushed = request.body(image.to_string()).send().await.unwrap();
    let tags = pushed.headers().get_all("oci-tag").iter();
    let tags = tags.map(|tag| tag.to_str().unwrap().to_owned()).collect();
    (pushed.status(), tags)
}

#[tokio::test]
async fn b57_a_manifest_is_pushed_by_its_digest_with_tags() {
    let oci = Oci::start();
    let image = oci.image("layer", json!({})).await;
    let digest = digest_of(&image);
    let tags: Vec<_> = (0..12).map(|number| format!("tag-{number}")).collect();
    let query = |tags: &[String]| {
        let tags: Vec<_> = tags.iter().map(|tag| format!("tag={tag}")).collect();
        tags.join("&")
    };
    let twice = format!("{}&tag=tag-0&other=x", query(&tags));
    let pushed = put_with_tags(&oci, &digest, &twice, &image).await;
    assert_eq!(pushed, (StatusCode::CREATED, tags.clone()));
    for tag in &tags {
        let head = oci.head(&manifest(tag)).await;
        assert_eq!(header(&head, "docker-content-digest"), digest);
    }
    let many: Vec<_> = (0..33).map(|number| format!("many-{number}")).collect();
    for (reference, query, status) in [
        (digest.as_str(), "tag=fine&tag=-wrong".to_owned(), 400),
        (digest.as_str(), "tag=fine&tag=".to_owned(), 400),
        (digest.as_str(), query(&many), 414),
        ("v1", "tag=fine".to_owned(), 400),
    ] {
        let refused = put_with_tags(&oci, reference, &query, &image).await;
        assert_eq!(refused, (StatusCode::from_u16(status).unwrap(), Vec::new()));
    }
    for tag in ["fine", "v1", "many-0"] {
        assert_eq!(
            oci.head(&manifest(tag)).await.status(),
            StatusCode::NOT_FOUND
        );
    }

    // A tag that must not move does not move this way either, and no other one is set.
    let oci = Oci::start_with(&["--mutable", "other/*"]);
    let path = |reference: &str| format!("/v2/kept/tool/manifests/{reference}");
    for content in [&b"{}"[..], b"layer"] {
        oci.push_blob("kept/tool", content).await;
    }
    let other = oci
        .image("layer", json!({ "annotations": { "other": "one" } }))
        .await;
    for (reference, manifest, status) in [
        (digest.clone() + "?tag=v1", &image, 201),
        (digest.clone() + "?tag=v1&tag=v2", &image, 201),
        (digest_of(&other) + "?tag=v3&tag=v1", &other, 403),
    ] {
        let request = oci.request(Method::PUT, &path(&reference));
        let request = request.header(CONTENT_TYPE, MANIFEST);
        let pushed = request.body(manifest.to_string()).send().await.unwrap();
        assert_eq!(pushed.status(), status, "{reference}");
    }
    let digest_of_other = digest_of(&other);
    for reference in ["v3", &digest_of_other] {
        let head = oci.head(&path(reference)).await;
        assert_eq!(head.status(), StatusCode::NOT_FOUND, "{reference}");
    }
}

#[tokio::test]
async fn b58_a_tag_of_a_sha512_says_the_sha512() {
    let oci = Oci::start();
    let image = oci.image("layer", json!({})).await;
    let digest = sha512(image.to_string().as_bytes());
    let pushed = put_with_tags(&oci, &digest, "tag=a&tag=b", &image).await;
    assert_eq!(pushed.1, ["a", "b"]);
    let oci = oci.reindexed();
    for tag in ["a", "b", &digest] {
        for answer in [
            oci.head(&manifest(tag)).await,
            oci.get(&manifest(tag)).await,
        ] {
            assert_eq!(answer.status(), StatusCode::OK);
            assert_eq!(header(&answer, "docker-content-digest"), digest);
        }
    }
    // What was not pushed under its sha256 is not there under it.
    let sha256 = manifest(&digest_of(&image));
    assert_eq!(oci.head(&sha256).await.status(), StatusCode::NOT_FOUND);
    let list = oci.json(&format!("/v2/{REPOSITORY}/tags/list")).await;
    assert_eq!(list["tags"], json!(["a", "b"]));
}
