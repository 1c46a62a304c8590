//! Logs of a thousand entries, a hundred thousand and a million: how long a registry takes to start over
//! them, what it holds, and what questions and appends cost, as ratios to the shortest.
//!
//! A tenth of the entries are releases, in ten projects; the others promote each of them through nine
//! channels. Nothing of the releases is stored: the log alone counts here.

use std::fs;
use std::time::{Duration, Instant};

use reqwest::{Client, StatusCode};

use crate::long::LongRegistry;
use crate::report;

const SIZES: [usize; 3] = [1_000, 100_000, 1_000_000];
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
    let mut long = LongRegistry::at_rest(folder.path(), size);
    let begun = Instant::now();
    long.serve();
    let line = |name: &str, what: &str| {
        report::fact(&format!("{size} entries"), &format!("{name}: {what}"));
    };
    let replayed = begun.elapsed();
    line(
        "start, all replayed",
        &format!("{:.2} s", replayed.as_secs_f64()),
    );
    // What the log leads to is written beside the requests.
    while size >= 1_000 && !long.kept().exists() {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    long.registry.stop();
    let begun = Instant::now();
    long.serve();
    line(
        "start, from what is kept",
        &format!("{:.2} s", begun.elapsed().as_secs_f64()),
    );
    line(
        "memory",
        &format!("{} MB", long.registry.most_memory() / 1_000_000),
    );
    if let Ok(kept) = fs::metadata(long.kept()) {
        line("kept state", &format!("{} MB", kept.len() / 1_000_000));
    }

    let client = Client::new();
    let mut answers = Vec::new();
    for (path, expected) in questions() {
        let url = format!("{}{path}", long.registry.url());
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
        let begun = Instant::now();
        long.append(&client, number % 3).await;
        times.push(begun.elapsed());
    }
    line(
        "memory after that",
        &format!("{} MB", long.registry.most_memory() / 1_000_000),
    );
    long.registry.kill();
    let begun = Instant::now();
    long.serve();
    line(
        "start, after a crash",
        &format!("{:.2} s", begun.elapsed().as_secs_f64()),
    );
    long.registry.stop();
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

/// Returns the time below which 99 of 100 are.
fn p99(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times[times.len() * 99 / 100]
}
