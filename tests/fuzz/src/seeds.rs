//! What each target begins with: the golden files of the formats, the valid documents of the schemas,
//! and what an organisation and a forge of the tests make.

use std::io::Cursor;
use std::path::{Path, PathBuf};

use bulla_bundle::testing::hostile::{Forge, catalogue};
use bulla_bundle::write_bundle_file;
use bulla_schemas::Digest;
use bulla_schemas::api::{BlobFrame, BlobFrames};
use bulla_schemas::statement::Severity;
use bulla_trust::LogState;
use bulla_trust::statement::to_payload;
use bulla_trust::testing::{
    Organisation, armoured, key, log_key, log_verifier, policy, project, release,
};
use bulla_trust::witness::{AddCheckpoint, MOST_HASHES};

use super::bundle::{World, honest_tar};

/// The folder of the formats, from that of the tests or of the fuzz targets.
fn schemas() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut above = here.ancestors().map(|folder| folder.join("schemas"));
    above.find(|folder| folder.is_dir()).expect("the formats")
}

/// The files of a folder whose path has this in it.
fn files(folder: &str, part: &str) -> Vec<Vec<u8>> {
    let mut found = Vec::new();
    let mut folders = vec![schemas().join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).expect("a folder of seeds") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.to_string_lossy().contains(part) {
                found.push(path);
            }
        }
    }
    assert!(!found.is_empty(), "no seeds are called `{part}`");
    found.sort();
    let read = |path: &PathBuf| std::fs::read(path).expect("a seed");
    found.iter().map(read).collect()
}

/// Documents that the schemas allow.
fn cases(name: &str) -> Vec<Vec<u8>> {
    files("tests/cases", &format!("/valid/{name}/"))
}

fn texts(texts: &[&str]) -> Vec<Vec<u8>> {
    texts.iter().map(|text| text.as_bytes().to_vec()).collect()
}

fn lines(text: &[u8]) -> Vec<Vec<u8>> {
    let lines = text.split(|byte| *byte == b'\n');
    lines
        .filter(|line| !line.is_empty())
        .map(<[u8]>::to_vec)
        .collect()
}

/// Puts bytes before each seed, for a target that begins with numbers.
fn after(head: &[u8], seeds: Vec<Vec<u8>>) -> Vec<Vec<u8>> {
    let with_head = |seed: Vec<u8>| [head, &seed].concat();
    seeds.into_iter().map(with_head).collect()
}

pub(crate) fn requests() -> Vec<Vec<u8>> {
    let get = "GET /v2/ HTTP/1.1\r\nHost: a\r\n\r\n";
    let post = "POST /log/entries HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nbody";
    let both = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n\
                0\r\n\r\n";
    let all = texts(&[get, post, both, &format!("{get}{post}{both}")]);
    [after(&[7], all.clone()), after(&[200], all)].concat()
}

pub(crate) fn headers() -> Vec<Vec<u8>> {
    texts(&[
        "Host: localhost:5000\r\nAuthorization: Bearer bulla_abc\r\nContent-Length: 17\r\n\r\n",
        "Host: a\r\nAuthorization: Basic YnVsbGE6c2VjcmV0\r\nTransfer-Encoding: chunked\r\n\r\n",
        "Host: a\r\nX-Forwarded-For: 203.0.113.9, [2001:db8::1]:80, 10.0.0.2\r\n\r\n",
        "Host: a\r\nForwarded: for=203.0.113.9;proto=http, For=\"[2001:db8::1]:4711\"\r\n\r\n",
        "Content-Length: 3\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
    ])
}

pub(crate) fn references() -> Vec<Vec<u8>> {
    let digest = Digest::of(b"content").to_string();
    texts(&[
        "latest",
        "v1.0_a-b",
        &digest,
        &format!("sha512:{}", "0a".repeat(64)),
    ])
}

pub(crate) fn paths() -> Vec<Vec<u8>> {
    let digest = Digest::of(b"content");
    texts(&[
        &format!("acme/billing/blobs/{digest}"),
        "acme/billing/blobs/uploads/",
        "a/blobs/uploads/6fa1a2b0-0000-4000-8000-000000000000",
        "a/b/c/_bulla/frames",
        "a/_bulla/delta",
        "blobs/manifests/latest",
        &format!("a/referrers/{digest}"),
        "a/tags/list/tags/list",
        "/api/v1/projects/acme/billing/diff/dev/history",
        "/api/v1/projects/acme/search/releases/where",
    ])
}

pub(crate) fn queries() -> Vec<Vec<u8>> {
    let digest = Digest::of(b"content");
    texts(&[
        "after=acme%2Fbilling&limit=20",
        "after=17",
        &format!("have={digest}&want={digest}"),
        &format!("digest={digest}&mount={digest}&from=acme/billing&n=5&last=v1"),
    ])
}

pub(crate) fn ranges() -> Vec<Vec<u8>> {
    let headers = texts(&[
        "bytes=500-1499",
        "bytes=500-",
        "bytes=-500",
        "bytes=0-1,4-5",
        "0-1023",
        "bytes 0-9/10",
        "bytes 0-9/*",
    ]);
    after(&2048_u64.to_le_bytes(), headers)
}

pub(crate) fn oci_manifests() -> Vec<Vec<u8>> {
    let digest = Digest::of(b"{}");
    let descriptor = format!(
        r#"{{"mediaType":"application/vnd.oci.empty.v1+json","digest":"{digest}","size":2,"data":"e30="}}"#
    );
    let oci = "application/vnd.oci.image";
    let manifest = format!(
        r#"{{"schemaVersion":2,"mediaType":"{oci}.manifest.v1+json","artifactType":"a/b","config":{descriptor},"layers":[{descriptor}],"subject":{descriptor},"annotations":{{"a":"b"}}}}"#
    );
    let index = format!(
        r#"{{"schemaVersion":2,"mediaType":"{oci}.index.v1+json","manifests":[{descriptor}]}}"#
    );
    [texts(&[&manifest, &index]), manifests()].concat()
}

pub(crate) fn frame_lists() -> Vec<Vec<u8>> {
    let frame = |number: u64| BlobFrame {
        digest: Digest::of(&number.to_le_bytes()),
        size: 40_000 + number,
    };
    let list = BlobFrames {
        frames: [1, 2, 3, 2].map(frame).to_vec(),
    };
    let list = serde_json::to_vec(&list).expect("a list of frames");
    [cases("blob-frames"), vec![list]].concat()
}

pub(crate) fn stored_recipes() -> Vec<Vec<u8>> {
    let digest = Digest::of(b"frame");
    let [one, two] = ["01", "02"].map(|byte| {
        let [four, two] = [4, 2].map(|times| byte.repeat(times));
        format!("\"{four}-{two}-{two}-{two}-{}\"", byte.repeat(6))
    });
    texts(&[
        &format!(r#"{{"packs":[{one}],"frames":[["{digest}",5,0,0],["{digest}",7,0,5]]}}"#),
        &format!(
            r#"{{"packs":[{one},{two}],"frames":[["{digest}",40000,1,70],["{digest}",0,0,5],["{digest}",1,0,5]]}}"#
        ),
    ])
}

pub(crate) fn reports() -> Vec<Vec<u8>> {
    cases("host-report")
}

pub(crate) fn blobs() -> Vec<Vec<u8>> {
    let served = Forge::default().build().served;
    let skippable = [
        &0x184D_2A50_u32.to_le_bytes()[..],
        &5_u32.to_le_bytes(),
        b"12345",
    ];
    let blobs = vec![
        served.payload,
        served.index,
        served.frames,
        skippable.concat(),
    ];
    after(&100_u16.to_le_bytes(), blobs)
}

pub(crate) fn events() -> Vec<Vec<u8>> {
    let root = "0".repeat(64);
    let data = format!("event: checkpoint\nid: 3\ndata: {{\"size\":3,\"root\":\"{root}\"}}\n\n");
    let text = format!(": watching\n\n{data}:\n\n{}", data.replace('3', "7"));
    let seeds = texts(&[&text, &text.replace('\n', "\r\n")]);
    after(&[10], seeds)
}

pub(crate) fn answers() -> Vec<Vec<u8>> {
    let names = [
        "appended",
        "blob-frames",
        "caller-info",
        "diff",
        "error-body",
        "host-detail",
        "host-page",
        "log-info",
        "log-position",
        "missing-frames",
        "project-page",
        "release-detail",
        "release-page",
    ];
    names.into_iter().flat_map(cases).collect()
}

pub(crate) fn words() -> Vec<Vec<u8>> {
    let digest = Digest::of(b"content");
    texts(&[
        "acme/billing",
        "prod",
        "web1.example.com",
        "public/größe.txt",
        &digest.to_string(),
        &digest.hex()[..12],
        &format!("releases.example/test+17+{}", digest.hex()),
        "zstd-1.5.7/5",
        "2026-11-22T22:40:00Z",
        "90d",
        "1-3",
        "2",
    ])
}

/// Golden logs.
fn entries() -> Vec<Vec<u8>> {
    let logs = files("trust/tests/golden", ".log");
    logs.iter().flat_map(|log| lines(log)).collect()
}

pub(crate) fn envelopes() -> Vec<Vec<u8>> {
    let live = Organisation::live().0.entries;
    let golden = entries().into_iter().step_by(7);
    live.into_iter()
        .chain(golden)
        .chain(cases("envelope"))
        .collect()
}

pub(crate) fn statements() -> Vec<Vec<u8>> {
    let (organisation, old, new) = Organisation::live();
    let severity = Severity::Block;
    let mut release = release(&project(), new);
    release.subject[0].annotations.size = 5;
    let made = vec![
        to_payload(&organisation.draft("prod", new)),
        to_payload(&organisation.draft_revocation(old, severity)),
        to_payload(&release),
        to_payload(&policy()),
    ];
    let kinds = [
        "promotion-statement",
        "release-statement",
        "revocation-statement",
    ];
    let cases = kinds.into_iter().flat_map(cases);
    let live = (0..organisation.entries.len())
        .map(|entry| organisation.envelope(entry).payload().to_vec());
    made.into_iter().chain(cases).chain(live).collect()
}

pub(crate) fn policies() -> Vec<Vec<u8>> {
    [vec![to_payload(&policy())], cases("policy")].concat()
}

pub(crate) fn checkpoints() -> Vec<Vec<u8>> {
    let organisation = Organisation::live().0;
    vec![
        organisation.checkpoint(),
        organisation.checkpoint_at(1, &log_key()),
    ]
}

pub(crate) fn add_checkpoints() -> Vec<Vec<u8>> {
    let checkpoint = Organisation::live().0.checkpoint();
    let request = |old_size, hashes| {
        let proof = vec![Digest::of(b"a hash"); hashes];
        let checkpoint = checkpoint.clone();
        let request = AddCheckpoint {
            old_size,
            proof,
            checkpoint,
        };
        request.to_bytes()
    };
    vec![request(0, 0), request(3, 2), request(1 << 40, MOST_HASHES)]
}

pub(crate) fn tile_paths() -> Vec<Vec<u8>> {
    texts(&[
        "tile/0/000",
        "tile/0/x001/234.p/56",
        "tile/entries/x001/x234/067",
        "tile/63/255.p/1",
    ])
}

pub(crate) fn tiles() -> Vec<Vec<u8>> {
    let organisation = Organisation::live().0;
    let width = u16::try_from(organisation.entries.len()).expect("a short log");
    let files = organisation.files().into_iter();
    let tiles = files.filter(|(path, _)| path.starts_with("tile/"));
    after(&width.to_le_bytes(), tiles.map(|(_, tile)| tile).collect())
}

pub(crate) fn ssh_signatures() -> Vec<Vec<u8>> {
    let armoured = armoured("alice", b"a message");
    let envelope = Organisation::live().0.envelope(0);
    let blobs = envelope.signatures().iter();
    let blobs = blobs.map(|signature| signature.signature.clone());
    blobs.chain([armoured.into_bytes()]).collect()
}

pub(crate) fn keys() -> Vec<Vec<u8>> {
    let key = key("alice").public_key();
    vec![
        key.to_blob(),
        key.to_openssh().into_bytes(),
        format!("{} alice@example.com", key.to_openssh()).into_bytes(),
        log_verifier(&log_key()).into_bytes(),
    ]
}

pub(crate) fn log_states() -> Vec<Vec<u8>> {
    let organisation = Organisation::live().0;
    vec![
        organisation.enrolled().to_bytes(),
        LogState::default().to_bytes(),
    ]
}

pub(crate) fn manifests() -> Vec<Vec<u8>> {
    let golden = files("bundle/tests/golden", "manifest.json");
    [vec![Forge::default().build().served.manifest], golden].concat()
}

pub(crate) fn release_documents() -> Vec<Vec<u8>> {
    let golden = files("bundle/tests/golden", "release.json");
    let made = vec![Forge::default().build().served.release];
    [made, golden, cases("release-document")].concat()
}

pub(crate) fn index_lines() -> Vec<Vec<u8>> {
    cases("index-entry")
        .into_iter()
        .chain(indexes().iter().flat_map(|index| lines(index)))
        .collect()
}

pub(crate) fn indexes() -> Vec<Vec<u8>> {
    changed(|forge, see| forge.index(move |text| see(text)))
}

pub(crate) fn frame_tables() -> Vec<Vec<u8>> {
    changed(|forge, see| forge.table(move |text| see(text)))
}

pub(crate) fn frames() -> Vec<Vec<u8>> {
    let served = Forge::default().build().served;
    vec![served.index, served.frames]
}

pub(crate) fn tars() -> Vec<Vec<u8>> {
    vec![honest_tar()]
}

/// What a forge shows of an honest bundle on the way.
fn changed(watch: impl FnOnce(Forge, Box<dyn Fn(&str)>) -> Forge) -> Vec<Vec<u8>> {
    let (sender, receiver) = std::sync::mpsc::channel();
    let see = move |text: &str| {
        // It is received below.
        let _ = sender.send(text.as_bytes().to_vec());
    };
    watch(Forge::default(), Box::new(see)).build();
    receiver.try_iter().collect()
}

pub(crate) fn deltas() -> Vec<Vec<u8>> {
    vec![World::get().seed()]
}

/// Bundle files: an honest one, and one for each attack that can be written as one.
pub(crate) fn bundle_files() -> Vec<Vec<u8>> {
    let honest = Forge::default().build();
    let attacks = catalogue().into_iter().map(|attack| attack.bundle);
    let written = std::iter::once(honest).chain(attacks).filter_map(|bundle| {
        let mut file = Cursor::new(Vec::new());
        let manifest = &bundle.served.manifest;
        let written = write_bundle_file(&mut file, manifest, &bundle, None);
        written.ok().map(|()| file.into_inner())
    });
    written.take(12).collect()
}
