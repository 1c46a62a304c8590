//! Blobs of which only the frames are sent that the registry lacks.

use std::io::{self, Cursor, Read};

use bulla_registry_client::{ClientError, Pushed};
use bulla_schemas::Digest;
use bulla_schemas::api::{BlobFrame, BlobFrames};

use crate::server::{Reply, Request, Server, content, descriptor, project};

const FRAMES: &str = "/v2/acme/billing/_bulla/frames";
const UPLOAD: &str = "/v2/acme/billing/blobs/uploads/1";

fn frames(blob: &[u8]) -> Vec<BlobFrame> {
    let frame = |bytes: &[u8]| BlobFrame {
        digest: Digest::of(bytes),
        size: bytes.len() as u64,
    };
    blob.chunks(100_000).map(frame).collect()
}

async fn push(server: &Server, blob: &[u8], read: &[u8]) -> Result<Pushed, ClientError> {
    let read = read.to_vec();
    let open =
        move || -> io::Result<Box<dyn Read + Send>> { Ok(Box::new(Cursor::new(read.clone()))) };
    let client = server.client();
    client
        .push_frames(&project(), &descriptor(blob), || Ok(frames(blob)), open)
        .await
}

/// A registry that says which frames are missing.
async fn server(missing: &'static str) -> Server {
    Server::start(move |_, request| {
        let is_frames = request.target.starts_with(FRAMES);
        match request.method.as_str() {
            "HEAD" => Reply::new(404, &[], b""),
            "POST" if is_frames => Reply::new(200, &[], missing.as_bytes()),
            "POST" | "PATCH" => Reply::new(202, &[("location", UPLOAD)], b""),
            _ => Reply::new(201, &[], b""),
        }
    })
    .await
}

fn lines(server: &Server) -> Vec<String> {
    server.requests().iter().map(Request::line).collect()
}

#[tokio::test]
async fn sends_the_missing_frames_and_has_the_blob_put_together() {
    let blob = content(450_000);
    let server = server("{\"missing\": [1, 4]}").await;
    let pushed = push(&server, &blob, &blob).await.unwrap();
    assert_eq!(pushed, Pushed::Frames { sent: 150_000 });
    let digest = descriptor(&blob).digest.hex();
    assert_eq!(
        lines(&server)[1..],
        [
            format!("POST {FRAMES}"),
            "POST /v2/acme/billing/blobs/uploads/".to_owned(),
            format!("PATCH {UPLOAD}"),
            format!("PUT {FRAMES}?digest=sha256%3A{digest}&upload=1"),
        ]
    );
    let requests = server.requests();
    let expected = [&blob[100_000..200_000], &blob[400_000..]].concat();
    assert!(requests[3].body == expected);
    for request in [&requests[1], &requests[4]] {
        let list: BlobFrames = serde_json::from_slice(&request.body).unwrap();
        assert_eq!(list.frames, frames(&blob));
    }
}

#[tokio::test]
async fn sends_nothing_when_no_frame_is_missing() {
    let blob = content(450_000);
    let server = server("{\"missing\": []}").await;
    let pushed = push(&server, &blob, &blob).await.unwrap();
    assert_eq!(pushed, Pushed::Frames { sent: 0 });
    assert!(lines(&server).iter().all(|line| !line.starts_with("PATCH")));
}

#[tokio::test]
async fn sends_the_whole_blob_where_all_is_missing_or_the_answer_is_nonsense() {
    let blob = content(250_000);
    for answer in [
        "{\"missing\": [0, 1, 2]}",
        "{\"missing\": \"all\"}",
        "<html>",
    ] {
        let server = server(answer).await;
        assert_eq!(push(&server, &blob, &blob).await.unwrap(), Pushed::Sent);
        assert!(server.requests().pop().unwrap().body == blob, "{answer}");
    }
}

#[tokio::test]
async fn sends_the_whole_blob_to_a_registry_that_knows_no_frames() {
    let blob = content(250_000);
    for status in [400, 403, 404, 405, 500] {
        let server = Server::start(move |_, request| {
            let is_frames = request.target.starts_with(FRAMES);
            match request.method.as_str() {
                "HEAD" => Reply::new(404, &[], b""),
                "POST" if is_frames => Reply::new(status, &[], b"no"),
                "POST" => Reply::new(202, &[("location", UPLOAD)], b""),
                _ => Reply::new(201, &[], b""),
            }
        })
        .await;
        assert_eq!(push(&server, &blob, &blob).await.unwrap(), Pushed::Sent);
        assert!(server.requests().pop().unwrap().body == blob, "{status}");
    }
}

#[tokio::test]
async fn a_blob_that_is_there_is_not_even_read() {
    let blob = content(450_000);
    let server = Server::start(|_, _| Reply::new(200, &[], b"")).await;
    let client = server.client();
    let cut = || panic!("a blob that is there was cut");
    let open = || panic!("a blob that is there was read");
    let (project, descriptor) = (project(), descriptor(&blob));
    let pushed = client.push_frames(&project, &descriptor, cut, open);
    assert_eq!(pushed.await.unwrap(), Pushed::Present);
    assert_eq!(server.requests().len(), 1);
}

#[tokio::test]
async fn asks_once_whether_the_blob_is_there() {
    let blob = content(250_000);
    for answer in ["{\"missing\": [1]}", "{\"missing\": [0, 1, 2]}", "<html>"] {
        let server = server(answer).await;
        push(&server, &blob, &blob).await.unwrap();
        let asked = lines(&server);
        let asked = asked.iter().filter(|line| line.starts_with("HEAD"));
        assert_eq!(asked.count(), 1, "{answer}");
    }
}

#[tokio::test]
async fn a_lost_answer_is_noticed_because_the_blob_has_been_put_together() {
    let blob = content(250_000);
    let server = Server::start(move |earlier, request| {
        let is_frames = request.target.starts_with(FRAMES);
        match request.method.as_str() {
            "HEAD" if earlier == 0 => Reply::new(404, &[], b""),
            "POST" if is_frames => Reply::new(200, &[], b"{\"missing\": [1]}"),
            "POST" | "PATCH" => Reply::new(202, &[("location", UPLOAD)], b""),
            "HEAD" => Reply::new(200, &[], b""),
            _ => Reply::new(502, &[], b""),
        }
    })
    .await;
    let pushed = push(&server, &blob, &blob).await.unwrap();
    assert_eq!(pushed, Pushed::Frames { sent: 100_000 });
}

#[tokio::test]
async fn sends_the_whole_blob_when_it_cannot_be_put_together() {
    let blob = content(250_000);
    let server = Server::start(move |_, request| {
        let is_frames = request.target.starts_with(FRAMES);
        match request.method.as_str() {
            "HEAD" => Reply::new(404, &[], b""),
            "POST" if is_frames => Reply::new(200, &[], b"{\"missing\": [1]}"),
            "PUT" if is_frames => Reply::new(404, &[], b""),
            "POST" | "PATCH" => Reply::new(202, &[("location", UPLOAD)], b""),
            _ => Reply::new(201, &[], b""),
        }
    })
    .await;
    assert_eq!(push(&server, &blob, &blob).await.unwrap(), Pushed::Sent);
    assert!(server.requests().pop().unwrap().body == blob);
}

#[tokio::test]
async fn says_when_the_content_cannot_be_read() {
    let blob = content(250_000);
    let server = server("{\"missing\": [2]}").await;
    let error = push(&server, &blob, &blob[..220_000]).await.unwrap_err();
    assert!(matches!(error, ClientError::Content { .. }), "{error:?}");
}
