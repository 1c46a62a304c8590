//! A disk that fails under a registry that serves, and is read-only from then on.

use std::path::Path;

use bulla_schemas::Digest;
use bulla_tests::programs::hermetic;
use bulla_tests::{FailingDisk, Registry, Transcript, World};
use serde_json::json;

/// Asks with curl, and returns the status and what came.
fn ask(home: &Path, token: &str, arguments: &[&str]) -> (String, String) {
    let mut curl = hermetic("curl", home);
    curl.args(["-s", "-w", "\n%{http_code}", "-H"])
        .arg(format!("Authorization: Bearer {token}"))
        .args(arguments);
    let said = Transcript::of(&mut curl).done().stdout.clone();
    let (body, status) = said.rsplit_once('\n').unwrap();
    (status.to_owned(), body.to_owned())
}

#[test]
fn a_registry_whose_disk_turns_read_only_says_so_and_loses_nothing() {
    let world = World::new();
    let Some(mut disk) = FailingDisk::new(&world.path(".")) else {
        return;
    };
    let mut registry = Registry::serve(&disk.path().join("registry"), &world.home());
    let token = registry.create_token("pull,push", "*");
    let url = registry.url().to_owned();
    let ask = |arguments: &[&str]| ask(&world.home(), &token, arguments);
    let blob = |content: &str| {
        let digest = Digest::of(content.as_bytes());
        let uploads = format!("{url}/v2/acme/tool/blobs/uploads/?digest={digest}");
        ask(&["-d", content, &uploads])
    };
    let read = format!("{url}/v2/acme/tool/blobs/{}", Digest::of(b"before"));
    let ready = format!("{url}/readyz");
    assert_eq!(blob("before").0, "201");
    assert_eq!(ask(&[&ready]).0, "200");

    disk.fail();
    let (status, said) = ask(&[&ready]);
    assert_eq!(status, "503", "{said}");
    assert!(said.contains("the registry's disk is read-only"), "{said}");
    assert!(said.contains("must mount its disk read-write"), "{said}");
    let (status, said) = blob("meanwhile");
    assert_eq!(status, "507", "{said}");
    assert!(said.contains("the registry's disk is read-only"), "{said}");
    let config = json!({
        "mediaType": "application/vnd.oci.empty.v1+json", "digest": Digest::of(b"before"), "size": 6,
    });
    let manifest = json!({ "schemaVersion": 2, "config": config, "layers": [] }).to_string();
    let tag = format!("{url}/v2/acme/tool/manifests/v1");
    let media_type = "Content-Type: application/vnd.oci.image.manifest.v1+json";
    let put = ["-X", "PUT", "-H", media_type, "-d", &manifest, &tag];
    let (status, said) = ask(&put);
    assert_eq!(status, "507", "{said}");
    assert_eq!(ask(&[&read]), ("200".to_owned(), "before".to_owned()));

    registry.stop();
    disk.mend();
    registry.keep(&["fsck"]).done();
    registry.start_again();
    assert_eq!(ask(&[&ready]).0, "200");
    assert_eq!(ask(&[&read]), ("200".to_owned(), "before".to_owned()));
    assert_eq!(blob("meanwhile").0, "201");
    assert_eq!(ask(&put).0, "201");
}
