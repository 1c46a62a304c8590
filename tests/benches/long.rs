//! A registry with a log of any length. A tenth of the entries are releases, in ten projects; the
//! others promote each of them through nine channels. Nothing of the releases is stored: the log
//! alone counts.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

use bulla_schemas::Digest;
use bulla_schemas::log::Anchor;
use bulla_tests::Registry;
use bulla_trust::Checkpoint;
use bulla_trust::merkle::{Peaks, leaf_hash};
use bulla_trust::testing::{LongLog, ORIGIN, log_key};
use bulla_trust::tile::{FULL, TileKind, TilePath, encode_entries, encode_hashes, parent_hash};
use reqwest::{Client, Method, StatusCode};

const PROJECTS: usize = 10;

/// A registry and what its log can go on with.
pub(crate) struct LongRegistry {
    pub(crate) registry: Registry,
    log: LongLog,
    token: String,
}

impl LongRegistry {
    /// Makes so many entries; nothing serves them yet.
    pub(crate) fn at_rest(folder: &Path, size: usize) -> Self {
        let data = folder.join("registry");
        let registry = Registry::at_rest(&data, folder);
        let init = ["create", "--init", "--scope", "pull,push"];
        let token = registry.token(&init).done().last_line().to_owned();
        fs::write(data.join("log-key.pem"), log_key().to_pem()).expect("the key is written");
        let begun = Instant::now();
        let mut log = LongLog::new(PROJECTS);
        write(&data.join("log"), &mut log, size);
        let seconds = begun.elapsed().as_secs_f64();
        eprintln!("made {size} entries in {seconds:.1} s");
        Self {
            registry,
            log,
            token,
        }
    }

    /// Starts it, and returns once it answers.
    pub(crate) fn serve(&mut self) {
        let arguments = ["--anonymous-read", "--most-entries", "1000000"];
        self.registry.start_again_with(&arguments);
    }

    /// Returns where it keeps what the log leads to.
    pub(crate) fn kept(&self) -> PathBuf {
        self.registry.data().join("log/state")
    }

    /// Returns the anchor of the first entry.
    pub(crate) fn anchor(&self) -> Anchor {
        Anchor {
            origin: ORIGIN.to_owned(),
            position: self.log.founded().position(),
        }
    }

    /// Appends an entry to one of its first projects.
    pub(crate) async fn append(&mut self, client: &Client, project: usize) {
        let entry = self.log.back_and_forth(project);
        let url = format!("{}/log/entries", self.registry.url());
        let request = client.request(Method::POST, url).bearer_auth(&self.token);
        let answer = request.body(entry).send().await.expect("an answer");
        let status = answer.status();
        let text = answer.text().await.expect("a body");
        assert_eq!(status, StatusCode::CREATED, "{text}");
    }
}

/// The width of a tile, which is at most full.
fn width(length: usize) -> u16 {
    u16::try_from(length).expect("a tile")
}

/// Writes a log as its registry has it.
fn write(folder: &Path, log: &mut LongLog, size: usize) {
    let put = |tile: TilePath, content: Vec<u8>| {
        let path = folder.join(tile.to_string());
        let parent = path.parent().expect("a tile lies in a folder");
        fs::create_dir_all(parent).expect("a folder of tiles");
        fs::write(path, content).expect("a tile is written");
    };
    let (full, mut peaks, mut hashes) = (usize::from(FULL), Peaks::default(), Vec::new());
    let mut made = 0;
    while made < size {
        let entries: Vec<_> = log.by_ref().take(full.min(size - made)).collect();
        let leaves: Vec<Digest> = entries.iter().map(|entry| leaf_hash(entry)).collect();
        for leaf in &leaves {
            peaks.push(*leaf);
        }
        let (index, width) = ((made / full) as u64, width(entries.len()));
        let tile = |kind| TilePath { kind, index, width };
        let bundle = encode_entries(&entries).expect("entries fit into a bundle");
        put(tile(TileKind::Entries), bundle);
        made += entries.len();
        hashes.extend(leaves);
    }
    for level in 0.. {
        let mut parents = Vec::new();
        for (index, tile) in hashes.chunks(full).enumerate() {
            let (index, width) = (index as u64, width(tile.len()));
            let kind = TileKind::Hashes { level };
            put(TilePath { kind, index, width }, encode_hashes(tile));
            if tile.len() == full {
                parents.push(parent_hash(tile));
            }
        }
        if parents.is_empty() {
            break;
        }
        hashes = parents;
    }
    let checkpoint = Checkpoint {
        origin: ORIGIN.to_owned(),
        size: size as u64,
        root: peaks.root(),
    };
    let signed = checkpoint.sign(&log_key()).expect("a good origin");
    fs::write(folder.join("checkpoint"), signed.to_bytes()).expect("a checkpoint is written");
}
