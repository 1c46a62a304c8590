//! Random histories over objects in memory: pushes, questions and `gc` at the same time.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use bulla_schemas::api::BlobFrame;
use bulla_schemas::{Digest, ProjectName, Timestamp};
use bulla_trust::LogState;
use proptest::prelude::*;
use serde_json::json;
use tempfile::TempDir;
use tokio::runtime::Runtime;

use super::collect;
use crate::clock::Clock;
use crate::keep::parts::Parts;
use crate::keep::{Kept, Retention, Terms};
use crate::log::Log;
use crate::objects::Objects;
use crate::oci::digest::OciDigest;
use crate::publish::{Catalog, PushedAs, Wanted};
use crate::quota::Quota;
use crate::settings::UploadLimits;
use crate::store::blobs::BlobStore;
use crate::store::repositories::Repositories;
use crate::store::space::Disk;
use crate::store::uploads::Uploads;

const HOUR: i64 = 60 * 60;
const GRACE: i64 = 7 * 24 * HOUR;
/// So many blobs, each of three frames of as many.
const BLOBS: u8 = 6;
const OCI_MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";

#[derive(Debug, Clone, Copy)]
enum Step {
    /// Pushes a blob whole, and a manifest that names it.
    Push(u8),
    /// The same under a tag.
    Tag(u8),
    /// Asks which frames of a blob are missing, and pushes only these half an hour later.
    Frames(u8),
    /// Asks for a blob, and pushes the manifest half an hour later.
    Ask(u8),
    /// So many hours pass.
    Wait(u8),
}

struct World {
    _folder: TempDir,
    parts: Parts,
    catalog: Catalog,
    uploads: Arc<Uploads>,
    seconds: Arc<AtomicI64>,
    project: ProjectName,
    /// When each blob was pushed last; `None` for one that has a tag.
    pushed: BTreeMap<u8, Option<i64>>,
}

fn frames(blob: u8) -> Vec<Vec<u8>> {
    let frame = |name: u8| {
        let length = 30_000 + 1000 * u32::from(name);
        let mut bytes = 0x184D_2A50_u32.to_le_bytes().to_vec();
        bytes.extend((length - 8).to_le_bytes());
        bytes.resize(length as usize, name);
        bytes
    };
    (0..3).map(|more| frame((blob + more) % BLOBS)).collect()
}

fn blob(number: u8) -> Vec<u8> {
    frames(number).concat()
}

fn manifest(number: u8) -> Vec<u8> {
    let descriptor = |content: &[u8]| {
        json!({
            "mediaType": "application/octet-stream",
            "digest": Digest::of(content).to_string(),
            "size": content.len(),
        })
    };
    let document = json!({
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "artifactType": "application/x-test",
        "config": descriptor(b"{}"),
        "layers": [descriptor(&blob(number))],
    });
    document.to_string().into_bytes()
}

impl World {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let seconds = Arc::new(AtomicI64::new(1_795_000_000));
        let hands = Arc::clone(&seconds);
        let clock =
            Clock::new(move || Timestamp::from_seconds(hands.load(Ordering::Relaxed)).unwrap());
        let objects = Objects::in_memory();
        let root = folder.path();
        let parts = Parts::open_over(objects.clone(), root, &clock)
            .await
            .unwrap();
        let log = Log::open(&root.join("log"), &root.join("key"), Quota::new(1)).unwrap();
        let disk = Disk::new(root.to_owned());
        let uploads = Uploads::open(root.join("uploads"), disk.clone(), UploadLimits::default());
        let catalog = Catalog::new(
            BlobStore::new(objects.clone(), disk),
            Repositories::new(objects),
            parts.database.clone(),
            log,
            Vec::new(),
            parts.content.clone(),
            clock,
        );
        Self {
            parts,
            catalog,
            uploads: Arc::new(uploads.unwrap()),
            seconds,
            project: "acme/tool".parse().unwrap(),
            pushed: BTreeMap::new(),
            _folder: folder,
        }
    }

    fn wait(&self, seconds: i64) {
        self.seconds.fetch_add(seconds, Ordering::Relaxed);
    }

    async fn gc(&self) {
        let retention = Retention {
            grace: GRACE,
            kept: Kept::Alike(Terms {
                unpromoted: GRACE,
                ..Terms::default()
            }),
        };
        let state = LogState::default();
        let report = collect(&self.parts, &state, &retention, false)
            .await
            .unwrap();
        assert!(report.skipped.is_empty());
    }

    async fn push_blob(&self, content: Vec<u8>) {
        let digest = OciDigest::from(Digest::of(&content));
        let id = self.uploads.begin("", &self.project).await.unwrap();
        let upload = self.uploads.hold(&self.project, &id).await.unwrap();
        let upload = self
            .uploads
            .append(upload, vec![content.into()])
            .await
            .unwrap();
        let stored = self.catalog.store(&self.project, upload, &digest).await;
        stored.unwrap();
        self.uploads.end(&id);
    }

    async fn push_manifest(&mut self, number: u8, tag: bool) {
        self.push_blob(b"{}".to_vec()).await;
        let bytes = manifest(number);
        let tags = if tag {
            vec![format!("v{number}").parse().unwrap()]
        } else {
            Vec::new()
        };
        let pushed_as = PushedAs { digest: None, tags };
        let pushed = self.catalog.push_manifest(
            "",
            &self.project,
            pushed_as,
            bytes.into(),
            Some(OCI_MANIFEST),
        );
        pushed.await.unwrap();
        let now = self.seconds.load(Ordering::Relaxed);
        let known = self.pushed.entry(number).or_insert(Some(now));
        *known = known.filter(|_| !tag).map(|_| now);
    }

    async fn take(&mut self, step: Step) {
        match step {
            Step::Push(number) | Step::Tag(number) => {
                self.push_blob(blob(number)).await;
                self.push_manifest(number, matches!(step, Step::Tag(_)))
                    .await;
            }
            Step::Frames(number) => self.push_frames(number).await,
            Step::Ask(number) => {
                let digest = OciDigest::from(Digest::of(&blob(number)));
                self.catalog.see(&self.project, &digest).await;
                let is_there = self.catalog.has_blob(&self.project, &digest).await;
                let is_there = is_there.unwrap();
                self.wait(HOUR / 2);
                self.gc().await;
                if is_there {
                    self.push_manifest(number, false).await;
                }
            }
            Step::Wait(hours) => self.wait(HOUR * i64::from(hours)),
        }
    }

    async fn push_frames(&mut self, number: u8) {
        let contents = frames(number);
        let list: Vec<BlobFrame> = contents
            .iter()
            .map(|content| BlobFrame {
                digest: Digest::of(content),
                size: content.len() as u64,
            })
            .collect();
        let missing = self.catalog.missing_frames(&self.project, &list).await;
        let missing = missing.unwrap();
        self.wait(HOUR / 2);
        self.gc().await;
        let sent: Vec<_> = missing
            .iter()
            .map(|at| contents[*at].clone().into())
            .collect();
        let id = self.uploads.begin("", &self.project).await.unwrap();
        let upload = self.uploads.hold(&self.project, &id).await.unwrap();
        let upload = self.uploads.append(upload, sent).await.unwrap();
        let digest = OciDigest::from(Digest::of(&contents.concat()));
        let assembled = self
            .catalog
            .assemble("", &self.project, upload, list, &digest);
        assembled.await.unwrap();
        self.uploads.end(&id);
        self.push_manifest(number, false).await;
    }

    /// What was pushed within the grace period, or has a tag, is there and right.
    async fn check(&self) {
        let now = self.seconds.load(Ordering::Relaxed);
        for (number, pushed) in &self.pushed {
            if pushed.is_some_and(|at| now - at >= GRACE) {
                continue;
            }
            for content in [blob(*number), manifest(*number), b"{}".to_vec()] {
                let digest = OciDigest::from(Digest::of(&content));
                let found = self
                    .catalog
                    .blob(&self.project, &digest, Wanted::Bytes)
                    .await
                    .unwrap();
                let mut read = Vec::new();
                let mut found = found.unwrap_or_else(|| panic!("{number}: {digest} is gone"));
                found.read_to_end(&mut read).unwrap();
                assert!(read == content, "{number}: {digest}");
            }
        }
    }

    fn packed(&self) -> u64 {
        self.parts.blobs.packed().unwrap()
    }
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => (0..BLOBS).prop_map(Step::Push),
        1 => (0..BLOBS).prop_map(Step::Tag),
        3 => (0..BLOBS).prop_map(Step::Frames),
        2 => (0..BLOBS).prop_map(Step::Ask),
        3 => (1..100_u8).prop_map(Step::Wait),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]
    // R23: neither too much nor nothing.
    #[test]
    fn what_was_promised_is_there_and_what_nothing_needs_goes(
        steps in proptest::collection::vec((step(), any::<bool>()), 1..14)
    ) {
        let runtime = Runtime::new().unwrap();
        runtime.block_on(async {
            let mut world = World::new().await;
            for (step, is_gc) in steps {
                if is_gc {
                    world.gc().await;
                }
                world.take(step).await;
                world.check().await;
            }
            world.wait(2 * GRACE);
            world.gc().await;
            world.check().await;
            let tagged = world.pushed.iter().filter(|(_, at)| at.is_none());
            let mut needed = BTreeMap::new();
            for (number, _) in tagged {
                for frame in frames(*number) {
                    needed.insert(Digest::of(&frame), frame.len() as u64);
                }
            }
            let needed: u64 = needed.into_values().sum();
            // Less than a fourth of each pack is not needed.
            let packed = world.packed();
            prop_assert!(packed >= needed && packed * 3 <= needed * 4, "{packed} for {needed}");
            Ok(())
        })?;
    }
}

#[test]
fn pushes_go_on_while_it_sweeps() {
    let runtime = Runtime::new().unwrap();
    runtime.block_on(async {
        let mut world = World::new().await;
        for round in 0..12_u8 {
            for number in 0..BLOBS {
                world.take(Step::Push(number)).await;
            }
            // All of it is old, and half of it is pushed again while it goes.
            world.wait(2 * GRACE);
            let again = (0..BLOBS / 2).map(|number| (number + round) % BLOBS);
            let sweep = world.gc();
            let push = async {
                for number in again.clone() {
                    world.push_blob(blob(number)).await;
                }
            };
            tokio::join!(sweep, push);
            let now = world.seconds.load(Ordering::Relaxed);
            for number in again {
                let digest = OciDigest::from(Digest::of(&blob(number)));
                let found = world
                    .catalog
                    .blob(&world.project, &digest, Wanted::Bytes)
                    .await
                    .unwrap();
                let mut read = Vec::new();
                found.unwrap().read_to_end(&mut read).unwrap();
                assert!(read == blob(number), "round {round}, at {now}");
            }
            world.pushed.clear();
        }
    });
}
