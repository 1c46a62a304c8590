//! The second implementation: `tests/oracle/replay.py` must say the same of every log.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bulla_trust::testing::{describe, random_log, sign_as};
use bulla_trust::{LogState, ReplayError, replay};
use serde_json::{Value, json};

/// How many random logs are compared, and how long each is. `scripts/oracle` asks for more.
const LOGS: u64 = 24;
/// Seeds of logs of which the two once said something else.
const FOUND: [u64; 1] = [
    // A channel went on, after a pause, with what was not urgent.
    10_608,
];
const LENGTH: usize = 80;
/// How many logs one run of the second implementation is given.
const AT_ONCE: usize = 500;

/// The seeds of the random logs.
#[expect(clippy::disallowed_methods, reason = "how a person asks for more")]
fn seeds() -> std::ops::Range<u64> {
    let number = |name, usual| match std::env::var(name) {
        Ok(text) => text.parse().expect("a number of logs"),
        Err(_) => usual,
    };
    let first = number("BULLA_ORACLE_SEED", 0);
    first..first + number("BULLA_ORACLE_LOGS", LOGS)
}

/// A random log of a seed: most are short beyond the usual number, since what is wrong shows early.
fn log_of(seed: u64) -> Vec<Vec<u8>> {
    let length = if seed < LOGS || seed.is_multiple_of(50) {
        LENGTH
    } else {
        LENGTH / 4
    };
    random_log(seed, length).entries
}

fn oracle() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/oracle/replay.py")
}

/// Returns what the second implementation says of each log; `None` when it cannot run here.
fn ask_python(logs: &[Vec<Vec<u8>>]) -> Option<Vec<Value>> {
    // The second is Debian's, for which the set-up installs the package.
    let found = ["python3", "/usr/bin/python3"].into_iter().find(|python| {
        let import = Command::new(python)
            .args(["-c", "import cryptography"])
            .output();
        import.is_ok_and(|output| output.status.success())
    });
    let Some(program) = found else {
        // Not `eprintln`, which the test harness swallows.
        let skipped = b"skip: the second replay needs python3 and its package `cryptography`\n";
        std::io::stderr().write_all(skipped).expect("stderr");
        return None;
    };
    let mut python = Command::new(program)
        .arg(oracle())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("python3 starts");
    let input: String = logs
        .iter()
        .map(|log| {
            let entries: Vec<String> = log.iter().map(|entry| STANDARD.encode(entry)).collect();
            json!(entries).to_string() + "\n"
        })
        .collect();
    let mut stdin = python.stdin.take().expect("a pipe");
    let writer = std::thread::spawn(move || stdin.write_all(input.as_bytes()));
    let output = python.wait_with_output().expect("python3 ends");
    writer.join().expect("no panic").expect("python3 reads");
    assert!(output.status.success());
    let text = String::from_utf8(output.stdout).expect("UTF-8");
    let parse = |line| serde_json::from_str(line).expect("a line of JSON");
    Some(text.lines().map(parse).collect())
}

#[test]
fn two_implementations_agree_on_random_logs() {
    let seeds: Vec<u64> = FOUND.into_iter().chain(seeds()).collect();
    for seeds in seeds.chunks(AT_ONCE) {
        let logs: Vec<_> = seeds.iter().map(|seed| log_of(*seed)).collect();
        let Some(answers) = ask_python(&logs) else {
            return;
        };
        assert_eq!(answers.len(), logs.len());
        for ((seed, log), answer) in seeds.iter().zip(&logs).zip(&answers) {
            compare(*seed, log, answer);
        }
    }
}

fn compare(seed: u64, log: &[Vec<u8>], answer: &Value) {
    let entries = log.iter().map(Vec::as_slice);
    let (state, verdicts) = replay(LogState::default(), entries).expect("a log");
    let here = describe(&state, &verdicts);
    if here["effective"] != answer["effective"] {
        let flags = answer["effective"].as_str().expect("flags").bytes();
        let (at, _) = verdicts
            .iter()
            .zip(flags)
            .enumerate()
            .find(|(_, (verdict, flag))| verdict.is_effective() != (*flag == b'+'))
            .expect("a difference");
        panic!(
            "log {seed}, entry {at}: {:?} here, not so in the second replay\n{}",
            verdicts[at],
            String::from_utf8_lossy(&log[at])
        );
    }
    assert_eq!(here, *answer, "log {seed}");
}

#[test]
fn the_second_implementation_knows_the_golden_logs() {
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    let (mut logs, mut expected) = (Vec::new(), Vec::<Value>::new());
    for file in fs::read_dir(golden).unwrap() {
        let path = file.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "log") {
            let text = fs::read(&path).unwrap();
            let lines = text
                .strip_suffix(b"\n")
                .unwrap()
                .split(|byte| *byte == b'\n');
            logs.push(lines.map(<[u8]>::to_vec).collect());
            let state = fs::read(path.with_extension("json")).unwrap();
            expected.push(serde_json::from_slice(&state).unwrap());
        }
    }
    if let Some(answers) = ask_python(&logs) {
        assert_eq!(answers, expected);
    }
}

#[test]
fn both_stop_at_a_later_policy_that_the_root_signed() {
    let mut log = random_log(1, 5).entries;
    let later = "application/vnd.bulla.policy.v2+json";
    log.push(sign_as(&["alice"], later, b"{}"));
    log.push(sign_as(&["alice", "bob"], later, b"{}"));
    let entries = log.iter().map(Vec::as_slice);
    assert!(matches!(
        replay(LogState::default(), entries),
        Err(ReplayError::LaterPolicy { entry: 6, .. })
    ));
    if let Some(answers) = ask_python(&[log]) {
        assert_eq!(answers, [json!({ "halted": 6 })]);
    }
}

#[test]
fn random_logs_are_not_all_refusals() {
    let (mut effective, mut inert) = (0, 0);
    let mut promotions = 0;
    for seed in 0..10 {
        let acme = random_log(seed, LENGTH);
        let entries = acme.entries.iter().map(Vec::as_slice);
        let (state, verdicts) = replay(LogState::default(), entries).unwrap();
        effective += verdicts.iter().filter(|v| v.is_effective()).count();
        inert += verdicts.iter().filter(|v| !v.is_effective()).count();
        promotions += state
            .projects()
            .map(|project| state.promotions(project).count())
            .sum::<usize>();
    }
    assert!(
        effective > 200 && inert > 200 && promotions > 50,
        "{effective} {inert} {promotions}"
    );
}
