//! What each client does, and what it holds the registry to.

use std::time::Duration;

use bulla_schemas::Digest;

use super::http::{Answer, Http};
use super::ledger::{Ledger, Pushed};
use crate::{Server, World};

const REPOSITORY: &str = "mirror/load";
const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const OCTETS: &str = "application/octet-stream";
/// Frames of blobs that are cut: few different ones, so that most are there already.
const FRAME_SIZE: usize = 48 * 1024;
const FRAMES: u64 = 60;

/// A client that speaks HTTP itself.
pub(super) struct Client<'a> {
    number: u64,
    round: u64,
    http: Http,
    random: fastrand::Rng,
    ledger: &'a Ledger,
}

impl<'a> Client<'a> {
    pub(super) fn new(number: u64, address: &str, token: &str, ledger: &'a Ledger) -> Self {
        Self {
            number,
            round: 0,
            http: Http::new(address, token),
            random: fastrand::Rng::with_seed(number),
            ledger,
        }
    }

    /// Does one thing.
    pub(super) fn work(&mut self) {
        self.round += 1;
        let choice = self.random.u64(..);
        let done = match self.number % 8 {
            0..=2 => self.push(),
            7 => self.delta(choice),
            _ => self.pull(choice),
        };
        if done.is_none() {
            self.ledger.count(|figures| figures.repeated += 1);
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    /// Pushes a blob and a manifest with a tag. Both count once the manifest is acknowledged.
    fn push(&mut self) -> Option<()> {
        let seed = self.number << 32 | self.round;
        let blob = content(seed);
        let digest = Digest::of(&blob).to_string();
        let path = format!("/v2/{REPOSITORY}/blobs/uploads/?digest={digest}");
        self.expect("POST", &path, OCTETS, &blob, &[201])?;
        let empty = "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a";
        let path = format!("/v2/{REPOSITORY}/blobs/uploads/?digest={empty}");
        self.expect("POST", &path, OCTETS, b"{}", &[201])?;
        let size = blob.len();
        let manifest = format!(
            r#"{{"schemaVersion":2,"mediaType":"{MANIFEST}","artifactType":"application/vnd.example","config":{{"mediaType":"application/vnd.oci.empty.v1+json","digest":"{empty}","size":2}},"layers":[{{"mediaType":"{OCTETS}","digest":"{digest}","size":{size}}}]}}"#
        );
        // Between a kill and the next start, `gc` may take a blob that no manifest names yet.
        let path = format!("/v2/{REPOSITORY}/manifests/t{seed}");
        let answer = self.expect("PUT", &path, MANIFEST, manifest.as_bytes(), &[201, 404])?;
        if answer.status == 201 {
            self.ledger.push(Pushed {
                seed,
                blob: digest,
                manifest,
            });
        }
        Some(())
    }

    /// Pulls something that was acknowledged.
    fn pull(&mut self, choice: u64) -> Option<()> {
        let pushed = self.ledger.pushed(choice)?;
        if choice.is_multiple_of(2) {
            self.pull_blob(&pushed)
        } else {
            self.pull_manifest(&pushed)
        }
    }

    fn pull_blob(&mut self, pushed: &Pushed) -> Option<()> {
        let path = format!("/v2/{REPOSITORY}/blobs/{}", pushed.blob);
        let answer = self.expect("GET", &path, OCTETS, b"", &[200])?;
        assert!(answer.body == content(pushed.seed), "{path}: other bytes");
        self.ledger.count(|figures| figures.pulled += 1);
        Some(())
    }

    fn pull_manifest(&mut self, pushed: &Pushed) -> Option<()> {
        let path = format!("/v2/{REPOSITORY}/manifests/t{}", pushed.seed);
        let answer = self.expect("GET", &path, OCTETS, b"", &[200])?;
        assert!(
            answer.body == pushed.manifest.as_bytes(),
            "{path}: other bytes"
        );
        self.ledger.count(|figures| figures.pulled += 1);
        Some(())
    }

    /// Fetches the delta between the last two releases of a project.
    fn delta(&mut self, choice: u64) -> Option<()> {
        let (project, have, want) = self.ledger.two_releases(choice)?;
        let body = format!(r#"{{"have":"{have}","want":"{want}"}}"#);
        let path = format!("/v2/{project}/_bulla/delta");
        let answer = self.expect("POST", &path, "application/json", body.as_bytes(), &[200])?;
        self.ledger.delta((have, want), Digest::of(&answer.body));
        Some(())
    }

    /// Asks, and has the registry answer as expected. A connection that breaks, and a registry that
    /// has too much to do, is nothing: then it is asked again.
    fn expect(
        &mut self,
        method: &str,
        path: &str,
        media_type: &str,
        body: &[u8],
        expected: &[u16],
    ) -> Option<Answer> {
        let answer = self.http.ask(method, path, media_type, body).ok()?;
        if [429, 503].contains(&answer.status) {
            return None;
        }
        let said = String::from_utf8_lossy(&answer.body);
        let status = answer.status;
        assert!(
            expected.contains(&status),
            "{method} {path}: {status} {said}"
        );
        Some(answer)
    }

    /// Pulls all that was acknowledged.
    pub(super) fn check_pushed(&mut self) {
        for pushed in self.ledger.all_pushed() {
            self.pull_blob(&pushed).expect("the registry answers");
            self.pull_manifest(&pushed).expect("the registry answers");
        }
    }

    /// Returns what was promoted in a project, the newest first.
    pub(super) fn history(&mut self, project: &str) -> Vec<String> {
        let (mut hashes, mut after) = (Vec::new(), String::new());
        loop {
            let path = format!("/api/v1/projects/{project}/history?limit=100{after}");
            let answer = self.expect("GET", &path, OCTETS, b"", &[200]);
            let answer = answer.expect("the registry answers");
            let page: serde_json::Value = serde_json::from_slice(&answer.body).expect("JSON");
            let items = page["items"].as_array().expect("a list");
            let items = items.iter().filter_map(|item| item["hash"].as_str());
            hashes.extend(items.map(ToOwned::to_owned));
            match page["next"].as_str() {
                Some(next) => after = format!("&after={next}"),
                None => return hashes,
            }
        }
    }
}

/// Installs what is promoted.
pub(super) fn install(ledger: &Ledger, project: &str, server: &Server) {
    if ledger.promoted(project).is_empty() {
        return std::thread::sleep(Duration::from_millis(100));
    }
    let installed = server.install(project, "prod");
    ledger.count(|figures| match installed.status {
        Some(0) => figures.installed += 1,
        _ => figures.repeated += 1,
    });
}

/// Runs `gc` beside the server.
pub(super) fn collect(world: &World, ledger: &Ledger) {
    world.registry.keep(&["gc", "--grace", "1h"]).done();
    ledger.count(|figures| figures.collected += 1);
    std::thread::sleep(Duration::from_millis(500));
}

/// What is pushed under a seed: noise of two kilobytes, or some frames.
fn content(seed: u64) -> Vec<u8> {
    let mut random = fastrand::Rng::with_seed(seed);
    if random.bool() {
        return noise(&mut random, 2048);
    }
    let mut bytes = Vec::new();
    for _ in 0..random.usize(2..6) {
        let mut frame = fastrand::Rng::with_seed(random.u64(..FRAMES));
        let noise = noise(&mut frame, FRAME_SIZE);
        bytes.extend(zstd::bulk::compress(&noise, 1).expect("noise is compressed"));
    }
    bytes
}

fn noise(random: &mut fastrand::Rng, size: usize) -> Vec<u8> {
    let mut bytes = vec![0; size];
    random.fill(&mut bytes);
    bytes
}
