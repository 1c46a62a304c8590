//! Logs of a thousand entries, a hundred thousand and a million: how long a registry takes to start over
//! them, what it holds, and what questions and appends cost, as ratios to the shortest.
//!
//! A tenth of the entries are releases, in ten projects; the others promote each of them through nine
//! channels. Nothing of the releases is stored: the log alone counts here.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use bulla_schemas::Digest;
use bulla_tests::Registry;
use bulla_trust::Checkpoint;
use bulla_trust::merkle::{Peaks, leaf_hash};
use bulla_trust::testing::{LongLog, ORIGIN, log_key};
use bulla_trust::tile::{FULL, TileKind, TilePath, encode_entries, encode_hashes, parent_hash};
use reqwest::{Client, Method, StatusCode};

use crate::report;

const SIZES: [usize; 3] = [1_000, 100_000, 1_000_000];
const PROJECTS: usize = 10;
/// How often each question is asked, and how much is appended.
const QUESTIONS: usize = 500;
const APPENDS: usize = 300;

/// What was measured over one log.
struct Measured {
    size: usize,
    answers: Vec<Duration>,
    append: Duration,
}

/// Measures logs of these sizes that are shorter than `most`, and one of that.
pub(crate) fn all(most: Option<usize>) {
    let most = most.unwrap_or(SIZES[2]);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    report::fact("load of the machine", load.trim());
    let mut first: Option<Measured> = None;
    let mut sizes: Vec<usize> = SIZES.into_iter().filter(|size| *size < most).collect();
    sizes.push(most);
    for size in sizes {
        let measured = runtime.block_on(measure(size));
        let beside = first.get_or_insert_with(|| Measured {
            answers: measured.answers.clone(),
            ..measured
        });
        for ((path, _), (ours, theirs)) in questions()
            .iter()
            .zip(measured.answers.iter().zip(&beside.answers))
        {
            say(&format!("p99 {path}"), measured.size, *ours, *theirs);
        }
        say(
            "p99 POST /log/entries",
            measured.size,
            measured.append,
            beside.append,
        );
    }
}

fn say(what: &str, size: usize, ours: Duration, beside: Duration) {
    let ratio = ours.as_secs_f64() / beside.as_secs_f64();
    let ours = ours.as_secs_f64() * 1e3;
    report::fact(
        &format!("{size} entries"),
        &format!("{what}: {ours:.2} ms, ratio {ratio:.2}"),
    );
}

async fn measure(size: usize) -> Measured {
    let folder = tempfile::tempdir().expect("a folder");
    let (data, home) = (folder.path().join("registry"), folder.path());
    let mut registry = Registry::at_rest(&data, home);
    let init = ["create", "--init", "--scope", "pull,push"];
    let token = registry.token(&init).done().last_line().to_owned();
    fs::write(data.join("log-key.pem"), log_key().to_pem()).expect("the key is written");
    let begun = Instant::now();
    let mut log = LongLog::new(PROJECTS);
    write(&data.join("log"), &mut log, size);
    eprintln!(
        "made {size} entries in {:.1} s",
        begun.elapsed().as_secs_f64()
    );

    let arguments = ["--anonymous-read", "--most-entries", "1000000"];
    let begun = Instant::now();
    registry.start_again_with(&arguments);
    let line = |name: &str, what: &str| {
        report::fact(&format!("{size} entries"), &format!("{name}: {what}"));
    };
    let replayed = begun.elapsed();
    line(
        "start, all replayed",
        &format!("{:.2} s", replayed.as_secs_f64()),
    );
    // What the log leads to is written beside the requests.
    while size >= 1_000 && !data.join("log/state").exists() {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    registry.stop();
    let begun = Instant::now();
    registry.start_again_with(&arguments);
    line(
        "start, from what is kept",
        &format!("{:.2} s", begun.elapsed().as_secs_f64()),
    );
    line("memory", &format!("{} MB", registry.memory() / 1_000_000));
    if let Ok(kept) = fs::metadata(data.join("log/state")) {
        line("kept state", &format!("{} MB", kept.len() / 1_000_000));
    }

    let client = Client::new();
    let mut answers = Vec::new();
    for (path, expected) in questions() {
        let url = format!("{}{path}", registry.url());
        let mut times = Vec::new();
        for _ in 0..QUESTIONS {
            let begun = Instant::now();
            let answer = client.get(&url).send().await.expect("an answer");
            assert_eq!(answer.status(), expected, "{path}");
            answer.bytes().await.expect("a body");
            times.push(begun.elapsed());
        }
        answers.push(p99(times));
    }
    let mut times = Vec::new();
    for number in 0..APPENDS {
        let entry = log.back_and_forth(number % 3);
        let request = client.request(Method::POST, format!("{}/log/entries", registry.url()));
        let begun = Instant::now();
        let sent = request.bearer_auth(&token).body(entry).send().await;
        let answer = sent.expect("an answer");
        let status = answer.status();
        let text = answer.text().await.expect("a body");
        assert_eq!(status, StatusCode::CREATED, "{text}");
        times.push(begun.elapsed());
    }
    line(
        "memory after that",
        &format!("{} MB", registry.memory() / 1_000_000),
    );
    registry.kill();
    let begun = Instant::now();
    registry.start_again_with(&arguments);
    line(
        "start, after a crash",
        &format!("{:.2} s", begun.elapsed().as_secs_f64()),
    );
    registry.stop();
    Measured {
        size,
        answers,
        append: p99(times),
    }
}

/// What is asked, of the first project where it is of one.
fn questions() -> Vec<(&'static str, StatusCode)> {
    vec![
        ("/api/v1/log", StatusCode::OK),
        ("/api/v1/projects", StatusCode::OK),
        ("/api/v1/projects/acme%2Fproject-0/channels", StatusCode::OK),
        (
            "/api/v1/projects/acme%2Fproject-0/releases?limit=10",
            StatusCode::OK,
        ),
        (
            "/api/v1/projects/acme%2Fproject-0/releases?limit=10&after=600",
            StatusCode::OK,
        ),
        (
            "/api/v1/projects/acme%2Fproject-0/history?limit=10",
            StatusCode::OK,
        ),
        (
            "/api/v1/projects/acme%2Fproject-0/history?limit=10&after=600",
            StatusCode::OK,
        ),
        ("/api/v1/projects/acme%2Fproject-0/where", StatusCode::OK),
        ("/api/v1/hosts", StatusCode::OK),
        ("/log/checkpoint", StatusCode::OK),
        ("/log/tile/0/000", StatusCode::OK),
        ("/log/tile/entries/000", StatusCode::OK),
        (
            "/v2/acme/project-0/manifests/stage-0",
            StatusCode::NOT_FOUND,
        ),
        ("/healthz", StatusCode::OK),
        ("/readyz", StatusCode::OK),
    ]
}

/// Writes a log as its registry has it.
/// The width of a tile, which is at most full.
fn width(length: usize) -> u16 {
    u16::try_from(length).expect("a tile")
}

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

/// Returns the time below which 99 of 100 are.
fn p99(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times[times.len() * 99 / 100]
}
