//! Blobs of many zstd frames: each frame is stored once, however and in whatever blob it comes, and
//! every blob is read as it was pushed.

pub(crate) mod missing;

use std::io::Write as _;

use bulla_registry::Settings;
use bulla_schemas::Digest;
use reqwest::header::{CONTENT_RANGE, RANGE};
use reqwest::{Body, Method, StatusCode};
use sha2::{Digest as _, Sha512};
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;

use crate::disk::SmallDisk;
use crate::support::{BILLING, Data, Registry, bundle_of_noise, bytes_in, header};

pub(crate) const REPOSITORY: &str = "acme/tool";

/// Bytes that cannot be compressed, the same for the same name.
pub(crate) fn noise(name: u64, length: usize) -> Vec<u8> {
    let mut state = name.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let mut bytes = Vec::with_capacity(length);
    while bytes.len() < length {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend(state.to_le_bytes());
    }
    bytes.truncate(length);
    bytes
}

/// A frame as libzstd writes it, of about 40 kB.
pub(crate) fn frame(name: u64) -> Vec<u8> {
    let mut encoder = zstd::Encoder::new(Vec::new(), 3).unwrap();
    encoder.include_checksum(name.is_multiple_of(2)).unwrap();
    let length = 40_000 + usize::try_from(name % 1000).unwrap();
    encoder.write_all(&noise(name, length)).unwrap();
    encoder.finish().unwrap()
}

pub(crate) fn frames(names: &[u64]) -> Vec<u8> {
    names.iter().flat_map(|name| frame(*name)).collect()
}

pub(crate) fn path_of(content: &[u8]) -> String {
    format!("/v2/{REPOSITORY}/blobs/{}", Digest::of(content))
}

pub(crate) async fn assert_served(registry: &Registry, content: &[u8]) {
    let path = path_of(content);
    let head = registry.head(&path).await;
    assert_eq!(head.status(), StatusCode::OK);
    assert_eq!(header(&head, "content-length"), content.len().to_string());
    let served = registry.get(&path).await.bytes().await.unwrap();
    assert!(served == content, "other bytes");
}

pub(crate) fn packed(registry: &Registry) -> usize {
    registry.data.stored_bytes("packs")
}

fn whole(registry: &Registry) -> usize {
    registry.data.stored_bytes("blobs")
}

#[tokio::test]
async fn a_push_stores_the_frames_that_are_new() {
    let registry = Registry::start().await;
    let (first, second) = (frames(&[1, 2, 3, 4]), frames(&[1, 5, 3, 4, 5]));
    registry.push_blob(REPOSITORY, &first).await;
    assert_eq!(packed(&registry), first.len());
    registry.push_blob(REPOSITORY, &second).await;
    let both = first.len() + frame(5).len();
    assert_eq!(packed(&registry), both);
    // Nothing of its own at all.
    let third = frames(&[4, 5]);
    registry.push_blob(REPOSITORY, &third).await;
    assert_eq!(packed(&registry), both);
    assert_eq!(whole(&registry), 0);
    for content in [&first, &second, &third] {
        assert_served(&registry, content).await;
    }
    registry.stop().await;
}

#[tokio::test]
async fn every_way_to_push_stores_the_same() {
    let registry = Registry::start().await;
    let content = frames(&[1, 2, 3]);
    let digest = Digest::of(&content);
    registry.push_blob(REPOSITORY, &content).await;
    let uploads = format!("/v2/{REPOSITORY}/blobs/uploads/");
    for piece in [content.len(), 65_536, 4_099] {
        let location = registry.post(&uploads).await;
        let location = header(&location, "location").to_owned();
        let mut first = 0;
        let (last, before) = {
            let pieces: Vec<&[u8]> = content.chunks(piece).collect();
            let (last, before) = pieces.split_last().unwrap();
            (*last, before.to_vec())
        };
        for chunk in before {
            let range = format!("{first}-{}", first + chunk.len() - 1);
            first += chunk.len();
            let request = registry.request(Method::PATCH, &location);
            let request = request.header(CONTENT_RANGE, range);
            let response = request.body(chunk.to_vec()).send().await.unwrap();
            assert_eq!(response.status(), StatusCode::ACCEPTED);
        }
        let request = registry.request(Method::PUT, &format!("{location}?digest={digest}"));
        let response = request.body(last.to_vec()).send().await.unwrap();
        assert_eq!(response.status(), StatusCode::CREATED, "{piece}");
        assert_eq!(packed(&registry), content.len(), "{piece}");
    }
    let stream = content
        .chunks(10_007)
        .map(|chunk| Ok::<_, std::io::Error>(chunk.to_vec()));
    let stream = futures_util::stream::iter(stream.collect::<Vec<_>>());
    let request = registry.request(Method::POST, &format!("{uploads}?digest={digest}"));
    let response = request
        .body(Body::wrap_stream(stream))
        .send()
        .await
        .unwrap();
    assert_eq!(response.status(), StatusCode::CREATED);
    assert_eq!(packed(&registry), content.len());
    assert_served(&registry, &content).await;
    registry.stop().await;
}

#[tokio::test]
async fn content_may_be_named_by_its_sha512() {
    let registry = Registry::start().await;
    let content = frames(&[1, 2, 3]);
    registry.push_blob(REPOSITORY, &content).await;
    let digest = const_hex::encode(Sha512::digest(&content));
    let path = format!("/v2/{REPOSITORY}/blobs/uploads/?digest=sha512:{digest}");
    let request = registry.request(Method::POST, &path).body(content.clone());
    assert_eq!(request.send().await.unwrap().status(), StatusCode::CREATED);
    assert_eq!(packed(&registry), content.len());
    let path = format!("/v2/{REPOSITORY}/blobs/sha512:{digest}");
    assert!(registry.get(&path).await.bytes().await.unwrap() == content);
    registry.stop().await;
}

#[tokio::test]
async fn ranges_go_over_the_edges_of_frames_and_packs() {
    let registry = Registry::start().await;
    registry.push_blob(REPOSITORY, &frames(&[2, 3])).await;
    let content = frames(&[1, 2, 3, 4]);
    registry.push_blob(REPOSITORY, &content).await;
    let one = frame(1).len();
    let last = content.len() - 1;
    for (first, end) in [
        (0, 0),
        (one - 1, one),
        (one, one),
        (10, last - 10),
        (one + 7, one + 100_000),
        (last, last),
        (0, last),
    ] {
        let request = registry.request(Method::GET, &path_of(&content));
        let request = request.header(RANGE, format!("bytes={first}-{end}"));
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), StatusCode::PARTIAL_CONTENT);
        let range = format!("bytes {first}-{end}/{}", content.len());
        assert_eq!(header(&response, "content-range"), range);
        let served = response.bytes().await.unwrap();
        assert!(served == content[first..=end], "{range}");
    }
    registry.stop().await;
}

#[tokio::test]
async fn what_gains_nothing_by_being_cut_is_one_file() {
    let registry = Registry::start().await;
    let text = noise(1, 300_000);
    let tiny = [&0x184D_2A50_u32.to_le_bytes()[..], &[0; 4]].concat();
    let mut size = 0;
    for content in [
        text,
        frame(1),
        tiny.repeat(100_000),
        zstd::encode_all(&noise(2, 200_000)[..], 3).unwrap(),
        zstd::encode_all(&b"small"[..], 3).unwrap().repeat(5),
    ] {
        registry.push_blob(REPOSITORY, &content).await;
        size += content.len();
        assert_eq!(whole(&registry), size);
        assert_served(&registry, &content).await;
    }
    for folder in ["packs", "recipes"] {
        assert_eq!(registry.data.stored_bytes(folder), 0, "{folder}");
    }
    registry.stop().await;
}

#[tokio::test]
async fn frames_that_lie_are_served_as_they_came() {
    let registry = Registry::start().await;
    let good = frames(&[1, 2]);
    let endless = [
        &0x184D_2A5F_u32.to_le_bytes()[..],
        &[255; 4],
        b"not so many",
    ]
    .concat();
    let reserved_block = [&0xFD2F_B528_u32.to_le_bytes()[..], &[0x20, 1, 7, 0, 0]].concat();
    let reserved_bit = [&0xFD2F_B528_u32.to_le_bytes()[..], &[0xFF; 30]].concat();
    let tiny = [&0x184D_2A50_u32.to_le_bytes()[..], &[1, 0, 0, 0, 9]].concat();
    for (what, lie) in [
        ("a skippable frame that is shorter", endless),
        ("a block of no type", reserved_block),
        ("a header of a later format", reserved_bit),
        ("a frame that is cut off", frame(3)[..20_000].to_vec()),
        ("a header that is cut off", frame(3)[..5].to_vec()),
        ("a frame of one byte", tiny),
        ("text", noise(7, 70_000)),
    ] {
        for content in [[&good[..], &lie].concat(), [&lie[..], &good].concat()] {
            registry.push_blob(REPOSITORY, &content).await;
            let served = registry.get(&path_of(&content)).await.bytes().await;
            assert!(served.unwrap() == content, "{what}");
        }
    }
    registry.stop().await;
}

#[tokio::test]
async fn pushes_at_once_store_every_frame_once() {
    let registry = Registry::start().await;
    let contents = [
        frames(&[1, 2, 3, 4, 5]),
        frames(&[1, 2, 3, 4, 5]),
        frames(&[6, 2, 3, 4]),
        frames(&[4, 3, 7]),
    ];
    let [one, two, three, four] = &contents;
    tokio::join!(
        registry.push_blob(REPOSITORY, one),
        registry.push_blob("acme/other", two),
        registry.push_blob(REPOSITORY, three),
        registry.push_blob(REPOSITORY, four),
    );
    assert_eq!(packed(&registry), frames(&[1, 2, 3, 4, 5, 6, 7]).len());
    for content in [one, three, four] {
        assert_served(&registry, content).await;
    }
    let other = format!("/v2/acme/other/blobs/{}", Digest::of(two));
    assert!(registry.get(&other).await.bytes().await.unwrap() == *two);
    let path = path_of(three).replace(REPOSITORY, "acme/other");
    let hidden = registry.get(&path).await;
    assert_eq!(
        hidden.status(),
        StatusCode::NOT_FOUND,
        "frames give no access"
    );
    registry.stop().await;
}

#[tokio::test]
async fn on_a_full_disk_a_push_is_refused_and_leaves_nothing() {
    let data = tempfile::tempdir().unwrap();
    let Some(disk) = SmallDisk::mount(data.path(), 32 << 20) else {
        return;
    };
    let registry = Registry::start_in(Data::of_files(data), Settings::default()).await;
    let names: Vec<u64> = (0..50).collect();
    let first = frames(&names);
    registry.push_blob(REPOSITORY, &first).await;
    let second = frames(&names.iter().map(|name| name + 25).collect::<Vec<_>>());
    // There is room for all of it, but not beside the pack of what is new.
    let space = rustix::fs::statvfs(registry.data.path()).unwrap();
    let free = usize::try_from(space.f_bavail * space.f_frsize).unwrap();
    let reserve = 4 << 20;
    let filler = registry.data.path().join("filler");
    let left = reserve + second.len() + 400_000;
    std::fs::write(&filler, vec![7; free - left]).unwrap();
    let push = async || {
        let path = format!(
            "/v2/{REPOSITORY}/blobs/uploads/?digest={}",
            Digest::of(&second)
        );
        let request = registry.request(Method::POST, &path).body(second.clone());
        request.send().await.unwrap().status()
    };
    assert_eq!(push().await, StatusCode::INSUFFICIENT_STORAGE);
    assert_eq!(bytes_in(&registry.data.path().join("uploads")), 0);
    assert_eq!(packed(&registry), first.len());
    assert_served(&registry, &first).await;
    std::fs::remove_file(&filler).unwrap();
    assert_eq!(push().await, StatusCode::CREATED);
    assert_served(&registry, &second).await;
    let data = registry.stop().await;
    drop(disk);
    drop(data);
}

#[tokio::test]
async fn what_a_client_has_sent_is_stored_also_when_it_goes_away() {
    let registry = Registry::start().await;
    let content = frames(&[1, 2, 3]);
    let host = registry.url.strip_prefix("http://").unwrap();
    let path = format!(
        "/v2/{REPOSITORY}/blobs/uploads/?digest={}",
        Digest::of(&content)
    );
    let head = format!(
        "POST {path} HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {}\r\n\
         Content-Length: {}\r\n\r\n",
        registry.token,
        content.len()
    );
    let mut connection = TcpStream::connect(host).await.unwrap();
    connection.write_all(head.as_bytes()).await.unwrap();
    connection.write_all(&content).await.unwrap();
    drop(connection);
    while registry.head(&path_of(&content)).await.status() != StatusCode::OK {
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    assert_served(&registry, &content).await;
    assert_eq!(bytes_in(&registry.data.path().join("uploads")), 0);
    registry.stop().await;
}

#[tokio::test]
async fn one_changed_line_of_a_bundle_costs_its_frames() {
    let registry = Registry::start().await;
    let first = bundle_of_noise(BILLING, "one");
    let second = bundle_of_noise(BILLING, "two");
    let mut sizes = Vec::new();
    for bundle in [&first, &second] {
        let response = registry.push_bundle(BILLING, bundle).await;
        assert_eq!(
            response.status(),
            StatusCode::CREATED,
            "admitted from parts"
        );
        sizes.push(registry.data.stored_bytes(""));
    }
    let payloads = [&first, &second].map(|bundle| bundle.manifest().payload());
    let (payload, grown) = (payloads[1].size, sizes[1] - sizes[0]);
    assert!(payload > 6 << 20, "{payload}");
    // The file is small, but a frame may have 2 MiB.
    assert!(grown < 5 << 19, "{grown}");
    for payload in payloads {
        let path = format!("/v2/{BILLING}/blobs/{}", payload.digest);
        let served = registry.get(&path).await.bytes().await.unwrap();
        assert_eq!(Digest::of(&served), payload.digest);
    }
    registry.stop().await;
}

#[tokio::test]
async fn whole_files_of_an_earlier_program_are_served_and_frames_of_new_blobs_shared() {
    let registry = Registry::start_over_files(Settings::default()).await;
    let old = frames(&[1, 2, 3]);
    registry.push_blob(REPOSITORY, &old).await;
    let data = registry.stop().await;
    // As the program before this one left it.
    let hex = Digest::of(&old).hex();
    let folder = data.path().join("blobs/sha256").join(&hex[..2]);
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join(&hex), &old).unwrap();
    for folder in ["packs", "recipes"] {
        std::fs::remove_dir_all(data.path().join(folder)).unwrap();
    }
    for file in ["registry.db", "registry.db-wal", "registry.db-shm"] {
        let _ = std::fs::remove_file(data.path().join(file));
    }
    let registry = Registry::start_in(data, Settings::default()).await;
    assert_served(&registry, &old).await;
    let new = frames(&[1, 2, 4]);
    registry.push_blob(REPOSITORY, &new).await;
    assert_eq!(packed(&registry), new.len());
    let newer = frames(&[1, 4]);
    registry.push_blob(REPOSITORY, &newer).await;
    assert_eq!(packed(&registry), new.len());
    for content in [&old, &new, &newer] {
        assert_served(&registry, content).await;
    }
    registry.stop().await;
}
