//! Blobs that are put together from frames that a project has and those that a client sends.

use bulla_registry::{Scope, Settings};
use bulla_schemas::Digest;
use bulla_schemas::api::{BlobFrame, BlobFrames, MissingFrames};
use futures_util::future::join_all;
use reqwest::{Method, Response, StatusCode};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::{REPOSITORY, assert_served, frame, packed, path_of};
use crate::support::{Registry, assert_oci_error, header};

/// Frames by their names.
pub(crate) fn list(names: &[u64]) -> BlobFrames {
    let frames = names.iter().map(|name| {
        let bytes = frame(*name);
        BlobFrame {
            digest: Digest::of(&bytes),
            size: bytes.len() as u64,
        }
    });
    BlobFrames {
        frames: frames.collect(),
    }
}

async fn ask_as(registry: &Registry, token: &str, project: &str, names: &[u64]) -> Response {
    let path = format!("/v2/{project}/_bulla/frames");
    let request = registry.plain(Method::POST, &path).bearer_auth(token);
    request.json(&list(names)).send().await.unwrap()
}

pub(crate) async fn missing(registry: &Registry, project: &str, names: &[u64]) -> Vec<usize> {
    let response = ask_as(registry, &registry.token, project, names).await;
    assert_eq!(response.status(), StatusCode::OK);
    response.json::<MissingFrames>().await.unwrap().missing
}

/// Sends bytes as an upload and returns its id.
pub(crate) async fn upload(registry: &Registry, project: &str, bytes: Vec<u8>) -> String {
    let begun = registry
        .post(&format!("/v2/{project}/blobs/uploads/"))
        .await;
    let location = header(&begun, "location").to_owned();
    let request = registry.request(Method::PATCH, &location).body(bytes);
    let status = request.send().await.unwrap().status();
    assert_eq!(status, StatusCode::ACCEPTED);
    location.rsplit('/').next().unwrap().to_owned()
}

pub(crate) async fn assemble(
    registry: &Registry,
    project: &str,
    digest: Digest,
    upload: &str,
    frames: &BlobFrames,
) -> Response {
    let path = format!("/v2/{project}/_bulla/frames?digest={digest}&upload={upload}");
    let request = registry.request(Method::PUT, &path).json(frames);
    request.send().await.unwrap()
}

fn frames(names: &[u64]) -> (Vec<u8>, Digest) {
    let content = super::frames(names);
    let digest = Digest::of(&content);
    (content, digest)
}

#[tokio::test]
async fn an_upload_ends_in_one_blob_however_many_ask_for_one() {
    let registry = Registry::start().await;
    for round in 0..12 {
        let first = 100 + 10 * round;
        let lists = [[first, first + 1, first + 2], [first, first + 1, first]];
        let sent = super::frames(&[first, first + 1, first + 2]);
        let id = upload(&registry, REPOSITORY, sent).await;
        let ends = lists.map(|names| {
            let (registry, id) = (&registry, &id);
            async move {
                let (content, digest) = frames(&names);
                let ended = assemble(registry, REPOSITORY, digest, id, &list(&names)).await;
                (ended.status() == StatusCode::CREATED).then_some(content)
            }
        });
        let stored = join_all(ends).await.into_iter().flatten();
        let stored: Vec<Vec<u8>> = stored.collect();
        assert_eq!(stored.len(), 1, "round {round}");
        assert_served(&registry, &stored[0]).await;
    }
    registry.stop().await;
}

#[tokio::test]
async fn a_client_sends_what_is_missing() {
    let registry = Registry::start().await;
    let first = super::frames(&[1, 2, 3, 4]);
    let names = [5, 1, 2, 6, 4, 5];
    assert_eq!(
        missing(&registry, REPOSITORY, &names).await,
        [0, 1, 2, 3, 4, 5]
    );
    registry.push_blob(REPOSITORY, &first).await;
    assert_eq!(missing(&registry, REPOSITORY, &names).await, [0, 3, 5]);
    let (content, digest) = frames(&names);
    let sent = super::frames(&[5, 6, 5]);
    let id = upload(&registry, REPOSITORY, sent).await;
    let response = assemble(&registry, REPOSITORY, digest, &id, &list(&names)).await;
    assert_eq!(response.status(), StatusCode::CREATED);
    assert_eq!(header(&response, "location"), path_of(&content));
    assert_eq!(
        header(&response, "docker-content-digest"),
        digest.to_string()
    );
    assert_served(&registry, &content).await;
    assert_eq!(
        packed(&registry),
        first.len() + super::frames(&[5, 6]).len()
    );
    let again = assemble(&registry, REPOSITORY, digest, &id, &list(&names)).await;
    assert_eq!(again.status(), StatusCode::CREATED, "the answer was lost");
    // Nothing at all is missing.
    let names = [6, 1];
    assert_eq!(missing(&registry, REPOSITORY, &names).await, [0; 0]);
    let (content, digest) = frames(&names);
    let id = upload(&registry, REPOSITORY, Vec::new()).await;
    let response = assemble(&registry, REPOSITORY, digest, &id, &list(&names)).await;
    assert_eq!(response.status(), StatusCode::CREATED);
    assert_served(&registry, &content).await;
    registry.stop().await;
}

#[tokio::test]
async fn frames_of_other_projects_are_never_told_of_and_never_given_away() {
    let registry = Registry::start().await;
    let secret = super::frames(&[1, 2, 3]);
    registry.push_blob(REPOSITORY, &secret).await;
    let thief = "thief/tool";
    registry.push_blob(thief, &super::frames(&[7, 8])).await;
    assert_eq!(missing(&registry, thief, &[1, 2, 3, 7]).await, [0, 1, 2]);
    for names in [&[1, 2, 3][..], &[7, 2], &[8, 7, 3]] {
        let (content, digest) = frames(names);
        let id = upload(&registry, thief, frame(8)).await;
        let response = assemble(&registry, thief, digest, &id, &list(names)).await;
        assert_oci_error(response, StatusCode::NOT_FOUND, "BLOB_UNKNOWN").await;
        let path = path_of(&content).replace(REPOSITORY, thief);
        assert_eq!(registry.get(&path).await.status(), StatusCode::NOT_FOUND);
    }
    // Who sends a frame has it, and it is not stored twice.
    let before = packed(&registry);
    let (_, digest) = frames(&[7, 2]);
    let id = upload(&registry, thief, frame(2)).await;
    let response = assemble(&registry, thief, digest, &id, &list(&[7, 2])).await;
    assert_eq!(response.status(), StatusCode::CREATED);
    assert_eq!(packed(&registry), before);
    registry.stop().await;
}

#[tokio::test]
async fn a_second_size_of_a_frame_does_not_reach_what_follows_it_in_its_pack() {
    let registry = Registry::start().await;
    let secret = frame(2);
    registry
        .push_blob(REPOSITORY, &super::frames(&[1, 2, 3]))
        .await;
    // Frame 1 of the thief lies in the pack of the other project, before the secret.
    let thief = "thief/tool";
    registry.push_blob(thief, &super::frames(&[1, 8])).await;
    for reach in [1, secret.len()] {
        let content = [&super::frames(&[1, 8, 1])[..], &secret[..reach]].concat();
        let mut list = list(&[1, 8, 1]);
        list.frames[2].size += reach as u64;
        let id = upload(&registry, thief, Vec::new()).await;
        let digest = Digest::of(&content);
        let response = assemble(&registry, thief, digest, &id, &list).await;
        assert_oci_error(response, StatusCode::NOT_FOUND, "BLOB_UNKNOWN").await;
        let path = path_of(&content).replace(REPOSITORY, thief);
        assert_eq!(registry.get(&path).await.status(), StatusCode::NOT_FOUND);
        // The refusal of another digest does not say that of the bytes either.
        let id = upload(&registry, thief, Vec::new()).await;
        let guess = Digest::of(b"a guess");
        let response = assemble(&registry, thief, guess, &id, &list).await;
        let said = response.text().await.unwrap();
        assert!(!said.contains(&digest.hex()), "{said}");
    }
    registry.stop().await;
}

#[tokio::test]
async fn it_needs_the_right_to_push_and_to_read() {
    let registry = Registry::start().await;
    let push = registry.token(&[Scope::Push], &["*"]).await;
    let pull = registry.token(&[Scope::Pull], &["*"]).await;
    let other = registry
        .token(&[Scope::Pull, Scope::Push], &["other/*"])
        .await;
    for token in [push, pull, other] {
        let refused = ask_as(&registry, &token, REPOSITORY, &[1, 2]).await;
        assert_oci_error(refused, StatusCode::FORBIDDEN, "DENIED").await;
    }
    let path = format!("/v2/{REPOSITORY}/_bulla/frames");
    let request = registry.plain(Method::POST, &path).json(&list(&[1, 2]));
    let refused = request.send().await.unwrap();
    assert_oci_error(refused, StatusCode::UNAUTHORIZED, "UNAUTHORIZED").await;
    let refused = registry.get(&path).await;
    assert_eq!(header(&refused, "allow"), "POST, PUT");
    assert_eq!(refused.status(), StatusCode::METHOD_NOT_ALLOWED);
    registry.stop().await;
}

#[tokio::test]
async fn what_is_mounted_counts_and_so_does_what_was_reindexed() {
    let registry = Registry::start().await;
    let content = super::frames(&[1, 2, 3]);
    let digest = registry.push_blob(REPOSITORY, &content).await;
    let mount = format!("/v2/acme/other/blobs/uploads/?mount={digest}&from={REPOSITORY}");
    assert_eq!(registry.post(&mount).await.status(), StatusCode::CREATED);
    assert_eq!(missing(&registry, "acme/other", &[3, 4]).await, [1]);
    let data = registry.stop().await;
    data.reindex().await;
    let registry = Registry::start_in(data, Settings::default()).await;
    for project in [REPOSITORY, "acme/other"] {
        assert_eq!(missing(&registry, project, &[3, 4]).await, [1], "{project}");
    }
    assert_eq!(missing(&registry, "acme/third", &[3, 4]).await, [0, 1]);
    registry.stop().await;
}

#[tokio::test]
async fn lists_that_are_wrong_store_nothing() {
    let registry = Registry::start().await;
    registry
        .push_blob(REPOSITORY, &super::frames(&[1, 2, 3]))
        .await;
    let before = packed(&registry);
    let right = list(&[1, 2, 4]);
    let (content, digest) = frames(&[1, 2, 4]);
    let with = |change: &dyn Fn(&mut Vec<BlobFrame>)| {
        let mut list = right.clone();
        change(&mut list.frames);
        list
    };
    let bad = StatusCode::BAD_REQUEST;
    let unknown = StatusCode::NOT_FOUND;
    let large = StatusCode::PAYLOAD_TOO_LARGE;
    for (what, list, status) in [
        (
            "a known frame is shorter",
            with(&|list| list[1].size -= 1),
            unknown,
        ),
        (
            "a known frame is longer",
            with(&|list| list[2].size += 1),
            unknown,
        ),
        (
            "a sent frame is longer",
            with(&|list| list[2].size += 1),
            unknown,
        ),
        (
            "a frame is twice there, with two sizes",
            with(&|list| {
                list.push(BlobFrame {
                    size: 1000,
                    ..list[0]
                });
            }),
            unknown,
        ),
        ("another order", with(&|list| list.swap(0, 1)), bad),
        ("one is left out", with(&|list| list.truncate(2)), bad),
        ("no frames", with(&Vec::clear), bad),
        (
            "one frame again and again",
            with(&|list| *list = vec![list[0]; 3000]),
            bad,
        ),
        (
            "tiny frames",
            with(&|list| list.iter_mut().for_each(|frame| frame.size = 9)),
            bad,
        ),
        (
            "sizes that overflow",
            with(&|list| list.iter_mut().for_each(|frame| frame.size = u64::MAX)),
            large,
        ),
    ] {
        let id = upload(&registry, REPOSITORY, frame(4)).await;
        let response = assemble(&registry, REPOSITORY, digest, &id, &list).await;
        assert_eq!(response.status(), status, "{what}");
        let stored = registry.head(&path_of(&content)).await.status();
        assert_eq!(stored, StatusCode::NOT_FOUND, "{what}");
        assert_eq!(packed(&registry), before, "{what}");
    }
    let path = format!("/v2/{REPOSITORY}/_bulla/frames");
    for body in ["", "[]", "{\"frames\": [{\"digest\": \"x\", \"size\": 1}]}"] {
        let request = registry.request(Method::POST, &path).body(body);
        assert_eq!(request.send().await.unwrap().status(), bad, "{body}");
    }
    let request = registry
        .request(Method::POST, &path)
        .body(vec![b' '; (4 << 20) + 1]);
    assert_eq!(request.send().await.unwrap().status(), large);
    let gone = "6ba7b810-9dad-41d1-80b4-00c04fd430c8";
    let response = assemble(&registry, REPOSITORY, digest, gone, &right).await;
    assert_oci_error(response, unknown, "BLOB_UPLOAD_UNKNOWN").await;
    registry.stop().await;
}

#[tokio::test]
async fn a_frame_that_is_damaged_is_not_used() {
    let registry = Registry::start_over_files(Settings::default()).await;
    registry
        .push_blob(REPOSITORY, &super::frames(&[1, 2, 3]))
        .await;
    for pack in std::fs::read_dir(registry.data.path().join("packs")).unwrap() {
        let pack = pack.unwrap().path();
        let mut damaged = std::fs::read(&pack).unwrap();
        damaged[100] ^= 1;
        std::fs::write(&pack, &damaged).unwrap();
    }
    let (content, digest) = frames(&[1, 2, 4]);
    let id = upload(&registry, REPOSITORY, frame(4)).await;
    let response = assemble(&registry, REPOSITORY, digest, &id, &list(&[1, 2, 4])).await;
    assert_oci_error(response, StatusCode::NOT_FOUND, "BLOB_UNKNOWN").await;
    registry.push_blob(REPOSITORY, &content).await;
    assert_served(&registry, &content).await;
    registry.stop().await;
}

/// Sends a request of which only so many bytes of the body arrive.
async fn send_part(registry: &Registry, method: &str, path: &str, body: &[u8], sent: usize) {
    let address = registry.url.strip_prefix("http://").unwrap();
    let mut stream = TcpStream::connect(address).await.unwrap();
    let head = format!(
        "{method} {path} HTTP/1.1\r\nhost: {address}\r\nauthorization: Bearer {}\r\n\
         content-length: {}\r\n\r\n",
        registry.token,
        body.len()
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    stream.write_all(&body[..sent]).await.unwrap();
    stream.shutdown().await.unwrap();
    // Until the registry has seen the end and answered or closed.
    let _ = stream.read_to_end(&mut Vec::new()).await;
}

#[tokio::test]
async fn a_push_that_dies_at_any_byte_leaves_nothing_wrong() {
    let registry = Registry::start().await;
    registry
        .push_blob(REPOSITORY, &super::frames(&[1, 2, 3]))
        .await;
    let before = packed(&registry);
    let names = [1, 4, 2, 5];
    let (content, digest) = frames(&names);
    let sent = super::frames(&[4, 5]);
    let body = serde_json::to_vec(&list(&names)).unwrap();
    // In the midst of the missing frames, and between two of them.
    for arrived in [0, 1, frame(4).len() - 1, frame(4).len(), sent.len() - 1] {
        let id = upload(&registry, REPOSITORY, Vec::new()).await;
        let path = format!("/v2/{REPOSITORY}/blobs/uploads/{id}");
        send_part(&registry, "PATCH", &path, &sent, arrived).await;
        let response = assemble(&registry, REPOSITORY, digest, &id, &list(&names)).await;
        assert_oci_error(response, StatusCode::NOT_FOUND, "BLOB_UNKNOWN").await;
    }
    // In the midst of the list.
    let id = upload(&registry, REPOSITORY, sent.clone()).await;
    let path = format!("/v2/{REPOSITORY}/_bulla/frames?digest={digest}&upload={id}");
    for arrived in [0, 1, body.len() / 2, body.len() - 1] {
        send_part(&registry, "PUT", &path, &body, arrived).await;
        let status = registry.head(&path_of(&content)).await.status();
        assert_eq!(status, StatusCode::NOT_FOUND, "{arrived}");
    }
    assert_eq!(packed(&registry), before);
    // The upload is still there.
    let response = assemble(&registry, REPOSITORY, digest, &id, &list(&names)).await;
    assert_eq!(response.status(), StatusCode::CREATED);
    assert_served(&registry, &content).await;
    assert_eq!(packed(&registry), before + sent.len());
    registry.stop().await;
}

#[tokio::test]
async fn clients_that_send_the_same_frames_at_once_store_them_once() {
    let registry = Registry::start().await;
    registry
        .push_blob(REPOSITORY, &super::frames(&[1, 2, 3]))
        .await;
    let before = packed(&registry);
    // Two send the same blob, and two another one with the same new frame.
    let pushes = [[1, 4, 2], [1, 4, 2], [4, 3, 1], [4, 3, 1]];
    let contents = pushes.iter().map(async |names| {
        let (content, digest) = frames(names);
        let id = upload(&registry, REPOSITORY, frame(4)).await;
        let response = assemble(&registry, REPOSITORY, digest, &id, &list(names)).await;
        assert_eq!(response.status(), StatusCode::CREATED);
        content
    });
    for content in join_all(contents).await {
        assert_served(&registry, &content).await;
    }
    assert_eq!(packed(&registry), before + frame(4).len());
    registry.stop().await;
}

#[tokio::test]
async fn bytes_that_were_sent_and_are_not_named_are_not_stored() {
    let registry = Registry::start().await;
    registry
        .push_blob(REPOSITORY, &super::frames(&[1, 2, 3]))
        .await;
    let before = packed(&registry);
    let names = [4, 1];
    let (content, digest) = frames(&names);
    // Others before, between and after, and one that is there already.
    let id = upload(&registry, REPOSITORY, super::frames(&[9, 4, 2, 8])).await;
    let response = assemble(&registry, REPOSITORY, digest, &id, &list(&names)).await;
    assert_eq!(response.status(), StatusCode::CREATED);
    assert_served(&registry, &content).await;
    assert_eq!(packed(&registry), before + frame(4).len());
    assert_eq!(missing(&registry, REPOSITORY, &[8, 9, 4]).await, [0, 1]);
    registry.stop().await;
}
