//! Blobs that arrive in pieces, not at all, or for ever.

use bulla_registry_client::{ClientError, Ranged};
use bulla_schemas::Digest;
use bulla_schemas::outcome::{FailureKind, Outcome as _};

use crate::server::{Reply, Request, Server, content, descriptor, project};

/// The bytes that a request asks for, and the `Content-Range` of a true answer.
fn part<'a>(request: &Request, blob: &'a [u8]) -> (&'a [u8], String) {
    let range = request.header("range").unwrap().strip_prefix("bytes=");
    let (first, last) = range.unwrap().split_once('-').unwrap();
    let (first, last): (usize, usize) = (first.parse().unwrap(), last.parse().unwrap());
    let header = format!("bytes {first}-{last}/{}", blob.len());
    (&blob[first..=last], header)
}

async fn blob_range(
    server: &Server,
    blob: &[u8],
    range: std::ops::Range<u64>,
) -> Result<Ranged, ClientError> {
    let client = server.client();
    client
        .blob_range(&project(), &descriptor(blob), range)
        .await
}

#[tokio::test]
async fn resumes_where_the_connection_dropped() {
    let blob = content(100_000);
    let sent = blob.clone();
    let server = Server::start(move |earlier, request| {
        let length = sent.len().to_string();
        if earlier == 0 {
            return Reply::new(200, &[("content-length", &length)], &sent[..30_000]);
        }
        let (bytes, range) = part(request, &sent);
        if earlier == 1 {
            let length = bytes.len().to_string();
            let headers = [("content-range", &*range), ("content-length", &length)];
            return Reply::new(206, &headers, &bytes[..30_000]);
        }
        Reply::new(206, &[("content-range", &range)], bytes)
    })
    .await;
    let received = server.client().blob(&project(), &descriptor(&blob)).await;
    assert_eq!(received.unwrap(), blob);
    let requests = server.requests();
    let ranges: Vec<_> = requests
        .iter()
        .map(|request| request.header("range"))
        .collect();
    assert_eq!(
        ranges,
        [None, Some("bytes=30000-99999"), Some("bytes=60000-99999")]
    );
}

#[tokio::test]
async fn goes_on_from_an_offset_on_a_registry_without_ranges() {
    let blob = content(50_000);
    let sent = blob.clone();
    let server = Server::start(move |_, _| Reply::new(200, &[], &sent)).await;
    let (client, descriptor) = (server.client(), descriptor(&blob));
    let stream = client.blob_stream(&project(), &descriptor, 20_000).await;
    let rest = stream.unwrap().read_to_end().await.unwrap();
    assert_eq!(rest, blob[20_000..]);
}

#[tokio::test]
async fn a_whole_blob_in_place_of_a_part_is_taken_as_the_whole() {
    let blob = content(50_000);
    for status in [200, 400, 416, 501] {
        let sent = blob.clone();
        let server = Server::start(move |_, request| match request.header("range") {
            Some(_) if status != 200 => Reply::new(status, &[], b""),
            _ => Reply::new(200, &[], &sent),
        })
        .await;
        let answer = blob_range(&server, &blob, 10..20);
        let Ranged::Whole(stream) = answer.await.unwrap() else {
            panic!("{status} is not a part");
        };
        assert_eq!(stream.read_to_end().await.unwrap(), blob);
    }
}

#[tokio::test]
async fn a_part_is_the_part_that_was_asked_for() {
    let blob = content(50_000);
    let sent = blob.clone();
    let server = Server::start(move |_, request| {
        let (bytes, range) = part(request, &sent);
        Reply::new(206, &[("content-range", &range)], bytes)
    })
    .await;
    let answer = blob_range(&server, &blob, 100..300);
    let Ranged::Part(stream) = answer.await.unwrap() else {
        panic!("the registry has ranges");
    };
    assert_eq!(stream.position(), 100);
    assert_eq!(stream.read_to_end().await.unwrap(), blob[100..300]);
}

#[tokio::test]
async fn refuses_another_part_than_was_asked_for() {
    let blob = content(1000);
    for range in ["bytes 0-199/1000", "bytes 100-299/999", "bytes 100-", ""] {
        let server =
            Server::start(move |_, _| Reply::new(206, &[("content-range", range)], &[0; 200]))
                .await;
        let answer = blob_range(&server, &blob, 100..300);
        let error = answer.await.unwrap_err();
        assert!(
            matches!(error, ClientError::Range { .. }),
            "{range}: {error}"
        );
        assert_eq!(error.kind(), FailureKind::Refused);
    }
}

#[tokio::test]
async fn an_endless_body_ends_at_the_announced_size() {
    let blob = content(300_000);
    let sent = blob.clone();
    let server = Server::start(move |_, _| {
        // No length at all: the end of the connection would end the body.
        Reply::new(200, &[("transfer-encoding", "identity")], &sent).endless()
    })
    .await;
    let received = server.client().blob(&project(), &descriptor(&blob)).await;
    assert_eq!(received.unwrap(), blob);
}

#[tokio::test]
async fn refuses_a_blob_of_another_size() {
    let server = Server::start(|_, _| Reply::new(200, &[], &[0; 1001])).await;
    let wanted = descriptor(&content(1000));
    let error = server.client().blob(&project(), &wanted).await.unwrap_err();
    assert!(
        matches!(
            error,
            ClientError::Size {
                expected: 1000,
                found: 1001,
                ..
            }
        ),
        "{error}"
    );
}

#[tokio::test]
async fn gives_up_on_a_connection_that_always_drops() {
    let blob = content(1000);
    let sent = blob.clone();
    let server = Server::start(move |earlier, _| match earlier {
        0 => Reply::new(200, &[("content-length", "1000")], &sent[..10]),
        _ => Reply::cut_after(0),
    })
    .await;
    let error = server.client().blob(&project(), &descriptor(&blob)).await;
    assert_eq!(error.unwrap_err().kind(), FailureKind::Temporary);
    assert_eq!(server.requests().len(), 5);
}

#[tokio::test]
async fn tries_again_when_the_registry_is_busy() {
    let server = Server::start(|earlier, _| match earlier {
        0 => Reply::new(503, &[], b""),
        1 => Reply::new(429, &[("retry-after", "1")], b""),
        _ => Reply::new(200, &[], b"{}"),
    })
    .await;
    let blob = descriptor(b"{}");
    assert_eq!(
        server.client().blob(&project(), &blob).await.unwrap(),
        b"{}"
    );
}

#[tokio::test]
async fn an_empty_blob_needs_no_request() {
    let server = Server::start(|_, _| Reply::cut_after(0)).await;
    let empty = descriptor(b"");
    assert_eq!(server.client().blob(&project(), &empty).await.unwrap(), b"");
}

#[tokio::test]
async fn a_manifest_has_its_largest_size() {
    let server =
        Server::start(|_, _| Reply::new(200, &[("transfer-encoding", "identity")], b"{").endless())
            .await;
    let hash = descriptor(b"").digest;
    let error = server
        .client()
        .manifest(&project(), &hash)
        .await
        .unwrap_err();
    assert!(matches!(error, ClientError::TooLarge { .. }), "{error}");
}

#[tokio::test]
async fn a_bundle_is_there_when_all_of_it_is_and_else_it_is_said_what_is_missing() {
    const MANIFEST: &[u8] =
        include_bytes!("../../../../schemas/tests/cases/valid/manifest/a_bundle.json")
            .trim_ascii_end();
    const PAYLOAD: &str = "d988a4a21cfacb44cfc0076290c6cc50473d4928d5caabed4fa2cd1c5ddfd0c3";
    const REMOVED: &[u8] = br#"{"errors":[{"code":"MANIFEST_UNKNOWN","message":"removed at noon",
        "detail":{"hint":"publish it again"}}]}"#;
    let said = [
        ("nothing", None),
        (
            PAYLOAD,
            Some(("not its payload sha256:d988", "`bulla publish`")),
        ),
        ("/manifests/", Some(("removed at noon", "publish it again"))),
    ];
    for (missing, expected) in said {
        let server = Server::start(move |_, request| {
            if request.target.contains(missing) {
                let is_head = request.method == "HEAD";
                return Reply::new(404, &[], if is_head { b"" } else { REMOVED });
            }
            let is_head = request.method == "HEAD";
            Reply::new(200, &[], if is_head { b"" } else { MANIFEST })
        })
        .await;
        let client = server.client();
        let (project, hash) = (project(), Digest::of(MANIFEST));
        let found = client.find_missing(&project, &hash).await.unwrap();
        let found = found.map(|found| (found.to_string(), found.hint()));
        match (&found, expected) {
            (Some((found, hint)), Some((what, to_do))) => {
                assert!(
                    found.contains(what) && hint.contains(to_do),
                    "{found}: {hint}"
                );
            }
            _ => assert!(
                found.is_none() && expected.is_none(),
                "{missing}: {found:?}"
            ),
        }
    }
}
