//! A `kill -9` at every failpoint of a deletion: what was to go is there whole or gone, no upkeep brings
//! back what the index has forgotten, and the same deletion completes.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use bulla_schemas::Digest;
use bulla_tests::World;

use super::failpoints;

const LIST: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../registry/src/failpoint.rs");
const MIRROR: &str = "mirror/image";
const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";

/// Sends a request, and returns the status of the answer; nothing where the registry dies meanwhile.
fn send(world: &World, token: &str, request: &str, head: &str, body: &str) -> Option<u16> {
    let address = world.registry.address();
    let mut connection = TcpStream::connect(address).unwrap();
    let text = format!(
        "{request} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\nAuthorization: Bearer {token}\r\n\
         {head}Content-Length: {}\r\n\r\n{body}",
        body.len()
    );
    connection.write_all(text.as_bytes()).unwrap();
    let mut answer = Vec::new();
    let _ = connection.read_to_end(&mut answer);
    let answer = String::from_utf8_lossy(&answer);
    answer.strip_prefix("HTTP/1.1 ")?.get(..3)?.parse().ok()
}

/// An image of which nothing else names anything: its path, and that of a blob that it does not name.
fn push(world: &World, token: &str, number: usize) -> (String, String) {
    let blob = |content: &str| {
        let digest = Digest::of(content.as_bytes());
        let request = format!("POST /v2/{MIRROR}/blobs/uploads/?digest={digest}");
        assert_eq!(send(world, token, &request, "", content), Some(201));
        let size = content.len();
        let descriptor = format!(
            r#"{{"mediaType":"application/octet-stream","digest":"{digest}","size":{size}}}"#
        );
        (digest, descriptor)
    };
    let (_, config) = blob("{}");
    let (_, layer) = blob(&format!("layer {number}"));
    let (alone, _) = blob(&format!("alone {number}"));
    let manifest = format!(
        r#"{{"schemaVersion":2,"mediaType":"{MANIFEST}","config":{config},"layers":[{layer}]}}"#
    );
    let path = format!("/v2/{MIRROR}/manifests/{}", Digest::of(manifest.as_bytes()));
    let head = format!("Content-Type: {MANIFEST}\r\n");
    let put = format!("PUT {path}?tag=v{number}");
    assert_eq!(send(world, token, &put, &head, &manifest), Some(201));
    (path, format!("/v2/{MIRROR}/blobs/{alone}"))
}

#[test]
fn at_every_failpoint_of_a_deletion_it_is_there_whole_or_gone_for_good() {
    let mut world = World::new();
    let token = world.registry.create_token("pull,push", "mirror/*");
    let mutable = ["--anonymous-read", "--mutable", "mirror/*"];
    world.registry.stop();
    world.registry.start_again_with(&mutable);
    let mut failpoints = failpoints(LIST);
    failpoints.retain(|name| name.starts_with("delete::"));
    assert!(failpoints.len() >= 4, "{failpoints:?}");
    for (number, failpoint) in failpoints.iter().enumerate() {
        let (manifest, blob) = push(&world, &token, number);
        let path = if failpoint.contains("blob") {
            blob
        } else {
            manifest
        };
        world.registry.stop();
        world.registry.start_dying_with(failpoint, &mutable);
        let answered = send(&world, &token, &format!("DELETE {path}"), "", "");
        assert_eq!(answered, None, "{failpoint}");
        world.registry.wait_killed();
        let is_forgotten = failpoint.ends_with("forgotten");
        let status = |world: &World| send(world, &token, &format!("HEAD {path}"), "", "");
        let expected = Some(if is_forgotten { 404 } else { 200 });
        world.registry.start_again_with(&mutable);
        assert_eq!(status(&world), expected, "{failpoint}");
        for upkeep in [&["fsck", "--repair"][..], &["gc"], &["fsck"]] {
            world.registry.keep(upkeep).done();
            assert_eq!(status(&world), expected, "{failpoint}: {upkeep:?}");
        }
        world.registry.stop();
        world.registry.reindex().done();
        world.registry.start_again_with(&mutable);
        assert_eq!(status(&world), expected, "{failpoint}");
        // What is there can be deleted again, and so can what is left of the record.
        let again = send(&world, &token, &format!("DELETE {path}"), "", "");
        assert_eq!(again, Some(202), "{failpoint}");
        assert_eq!(status(&world), Some(404), "{failpoint}");
        world.registry.keep(&["fsck"]).done();
    }
}
