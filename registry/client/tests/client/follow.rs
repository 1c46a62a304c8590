//! A followed log that grows, and registries that show another one than before.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex};

use bulla_registry_client::{FollowError, LogDirectory, LogFollower, fetch_unverified};
use bulla_schemas::Digest;
use bulla_schemas::outcome::{FailureKind, Outcome as _};
use bulla_trust::merkle::leaf_hash;
use bulla_trust::testing::{self, Organisation};
use bulla_trust::tile::{TileKind, TilePath, encode_hashes};
use bulla_trust::{Checkpoint, LogError, SigningKey};

use crate::server::{Reply, Server};

type Files = BTreeMap<String, Vec<u8>>;

/// A registry that serves whatever log it was last given.
struct LogServer {
    server: Server,
    files: Arc<Mutex<Files>>,
}

impl LogServer {
    async fn start(organisation: &Organisation) -> Self {
        let files = Arc::new(Mutex::new(organisation.files()));
        let shown = Arc::clone(&files);
        let server = Server::start(move |_, request| {
            let path = request.target.strip_prefix("/log/").unwrap();
            match shown.lock().unwrap().get(path) {
                Some(file) => Reply::new(200, &[], file),
                None => Reply::new(404, &[], b""),
            }
        })
        .await;
        Self { server, files }
    }

    fn show(&self, organisation: &Organisation) {
        *self.files.lock().unwrap() = organisation.files();
    }

    fn show_checkpoint(&self, checkpoint: Vec<u8>) {
        let mut files = self.files.lock().unwrap();
        files.insert("checkpoint".to_owned(), checkpoint);
    }
}

/// An organisation whose log has some entries.
fn organisation(releases: usize) -> Organisation {
    let mut organisation = Organisation::new();
    grow(&mut organisation, 0..releases);
    organisation
}

fn grow(organisation: &mut Organisation, releases: std::ops::Range<usize>) {
    for release in releases {
        organisation.publish(&testing::project(), &format!("release {release}"));
    }
}

fn files_of(directory: &Path) -> BTreeMap<String, Vec<u8>> {
    let entries = std::fs::read_dir(directory).unwrap();
    let read = entries.map(|entry| {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        (name, std::fs::read(&path).unwrap())
    });
    read.collect()
}

fn reason(error: FollowError) -> LogError {
    match error {
        FollowError::Refused { source, .. } => *source,
        other => panic!("the log is refused, not: {other}"),
    }
}

#[tokio::test]
async fn remembers_what_it_verified_and_takes_in_what_is_new() {
    let mut organisation = organisation(300);
    let server = LogServer::start(&organisation).await;
    let client = server.server.client();
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("log");

    assert!(LogFollower::open(&path).unwrap().is_none());
    let anchor = Some(organisation.anchor());
    let log = LogFollower::enroll(&path, &client, anchor).await.unwrap();
    assert_eq!(*log.state(), organisation.state);

    grow(&mut organisation, 300..600);
    server.show(&organisation);
    let mut log = LogFollower::open(&path).unwrap().unwrap();
    assert_eq!(log.state().size(), 301);
    assert_eq!(*log.sync(&client).await.unwrap(), organisation.state);
    let log = LogFollower::open(&path).unwrap().unwrap();
    assert_eq!(*log.state(), organisation.state);
    assert_eq!(log.origin(), testing::ORIGIN);
}

#[tokio::test]
async fn reads_a_partial_bundle_from_the_full_one_that_replaced_it() {
    let mut organisation = organisation(200);
    let server = LogServer::start(&organisation).await;
    let old_checkpoint = organisation.checkpoint();
    let anchor = organisation.anchor();
    grow(&mut organisation, 200..300);
    server.show(&organisation);
    server.show_checkpoint(old_checkpoint);
    let directory = tempfile::tempdir().unwrap();
    let client = server.server.client();
    let log = LogFollower::enroll(directory.path(), &client, Some(anchor)).await;
    assert_eq!(log.unwrap().state().size(), 201);
    let lines = server.server.lines();
    assert!(
        lines.contains(&"GET /log/tile/entries/000".to_owned()),
        "{lines:?}"
    );
}

/// Enrolls with an honest log, shows another one, and returns why it is refused. What is
/// remembered must be what it was.
async fn refused(honest: &Organisation, show: impl FnOnce(&LogServer)) -> LogError {
    let server = LogServer::start(honest).await;
    let client = server.server.client();
    let directory = tempfile::tempdir().unwrap();
    let anchor = Some(honest.anchor());
    let log = LogFollower::enroll(directory.path(), &client, anchor).await;
    let before = files_of(directory.path());
    show(&server);
    let error = log.unwrap().sync(&client).await.unwrap_err();
    assert_eq!(error.kind(), FailureKind::Refused);
    let mut after = files_of(directory.path());
    after.retain(|name, _| !name.starts_with("fork-"));
    assert_eq!(after, before);
    let log = LogFollower::open(directory.path()).unwrap().unwrap();
    assert_eq!(*log.state(), honest.state);
    reason(error)
}

#[tokio::test]
async fn refuses_a_log_that_shrank() {
    let reason = refused(&organisation(5), |server| server.show(&organisation(4))).await;
    assert!(
        matches!(
            reason,
            LogError::Shrunk {
                remembered: 6,
                offered: 5
            }
        ),
        "{reason}"
    );
}

#[tokio::test]
async fn refuses_a_log_of_the_same_size_with_another_history() {
    let mut forked = organisation(4);
    forked.publish(&testing::project(), "another");
    let reason = refused(&organisation(5), |server| server.show(&forked)).await;
    assert!(matches!(reason, LogError::Fork { size: 6, .. }), "{reason}");
}

#[tokio::test]
async fn refuses_a_longer_log_with_another_history() {
    let mut forked = organisation(4);
    forked.publish(&testing::project(), "another");
    grow(&mut forked, 5..9);
    let reason = refused(&organisation(5), |server| server.show(&forked)).await;
    assert!(matches!(reason, LogError::RootMismatch { .. }), "{reason}");
}

#[tokio::test]
async fn refuses_a_log_of_another_name() {
    let reason = refused(&organisation(5), |server| {
        let note = String::from_utf8(server.files.lock().unwrap()["checkpoint"].clone()).unwrap();
        let note = note.replace(testing::ORIGIN, "releases.evil.example/bulla");
        server.show_checkpoint(note.into_bytes());
    })
    .await;
    assert!(matches!(reason, LogError::WrongOrigin { .. }), "{reason}");
}

#[tokio::test]
async fn refuses_a_checkpoint_of_another_key() {
    let honest = organisation(5);
    let mut longer = honest.clone();
    grow(&mut longer, 5..8);
    let reason = refused(&honest, |server| {
        server.show(&longer);
        server.show_checkpoint(longer.checkpoint_at(9, &testing::key("mallory")));
    })
    .await;
    assert!(matches!(reason, LogError::BadSignature { .. }), "{reason}");
}

#[tokio::test]
async fn refuses_a_dropped_entry() {
    let honest = organisation(5);
    let mut longer = honest.clone();
    grow(&mut longer, 5..8);
    let mut dropped = longer.clone();
    dropped.entries.remove(6);
    let reason = refused(&honest, |server| {
        server.show(&dropped);
        server.show_checkpoint(longer.checkpoint_at(8, &testing::log_key()));
    })
    .await;
    assert!(matches!(reason, LogError::RootMismatch { .. }), "{reason}");
}

#[tokio::test]
async fn a_log_that_is_not_the_anchors_is_not_enrolled() {
    let server = LogServer::start(&organisation(5)).await;
    let mut other = organisation(3);
    other.publish(&testing::project(), "another");
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("log");
    let client = server.server.client();
    let error = LogFollower::enroll(&path, &client, Some(other.anchor())).await;
    let error = error.unwrap_err();
    assert_eq!(error.kind(), FailureKind::Refused);
    assert!(matches!(reason(error), LogError::AnchorMismatch { .. }));
    assert!(LogFollower::open(&path).unwrap().is_none());
}

#[tokio::test]
async fn an_anchor_of_another_history_does_not_fit_what_is_remembered() {
    let honest = organisation(5);
    let server = LogServer::start(&honest).await;
    let directory = tempfile::tempdir().unwrap();
    let log = LogFollower::enroll(directory.path(), &server.server.client(), None).await;
    let log = log.unwrap();
    assert!(log.check_anchor(&honest.anchor()).is_ok());
    assert!(log.check_anchor(&organisation(2).anchor()).is_ok());
    let mut other = organisation(3);
    other.publish(&testing::project(), "another");
    let error = log.check_anchor(&other.anchor()).unwrap_err();
    assert_eq!(error.kind(), FailureKind::Refused);
}

#[tokio::test]
async fn two_processes_do_not_forget_each_others_progress() {
    let mut organisation = organisation(5);
    let server = LogServer::start(&organisation).await;
    let client = server.server.client();
    let directory = tempfile::tempdir().unwrap();
    let mut first = LogFollower::enroll(directory.path(), &client, None)
        .await
        .unwrap();
    let old = organisation.clone();
    grow(&mut organisation, 5..9);
    server.show(&organisation);
    let mut second = LogFollower::open(directory.path()).unwrap().unwrap();
    second.sync(&client).await.unwrap();
    server.show(&old);
    let error = first.sync(&client).await.unwrap_err();
    assert!(matches!(
        reason(error),
        LogError::Shrunk { remembered: 10, .. }
    ));
}

#[tokio::test]
async fn a_directory_follows_one_log() {
    let server = LogServer::start(&organisation(1)).await;
    let client = server.server.client();
    let directory = tempfile::tempdir().unwrap();
    LogFollower::enroll(directory.path(), &client, None)
        .await
        .unwrap();
    let error = LogFollower::enroll(directory.path(), &client, None).await;
    assert!(matches!(error, Err(FollowError::Enrolled { .. })));
}

#[tokio::test]
async fn a_damaged_state_is_named() {
    let server = LogServer::start(&organisation(1)).await;
    let directory = tempfile::tempdir().unwrap();
    let client = server.server.client();
    LogFollower::enroll(directory.path(), &client, None)
        .await
        .unwrap();
    std::fs::write(directory.path().join("state"), b"{").unwrap();
    let error = LogFollower::open(directory.path()).unwrap_err();
    assert!(matches!(error, FollowError::Damaged { .. }), "{error}");
}

#[tokio::test]
async fn a_look_at_an_unknown_log_still_needs_a_valid_one() {
    let honest = organisation(3);
    let server = LogServer::start(&honest).await;
    let client = server.server.client();
    assert_eq!(fetch_unverified(&client).await.unwrap(), honest.state);
    server.show_checkpoint(honest.checkpoint_at(4, &testing::key("mallory")));
    assert!(fetch_unverified(&client).await.is_err());
}

/// Shows a log of junk after an honest beginning: `junk` more entries of `size` bytes, under a
/// checkpoint of `key`. The bundles are made as they are asked for.
async fn show_junk(honest: &Organisation, junk: u64, size: usize, key: &SigningKey) -> Server {
    let checkpoint = Checkpoint {
        origin: testing::ORIGIN.to_owned(),
        size: honest.state.size() + junk,
        root: Digest::of(b"a root of junk"),
    };
    let checkpoint = checkpoint.sign(key).unwrap().to_bytes();
    let entries = honest.entries.clone();
    Server::start(move |_, request| {
        let path = request.target.strip_prefix("/log/").unwrap();
        let Ok(tile) = path.parse::<TilePath>() else {
            return Reply::new(200, &[], &checkpoint);
        };
        if let TileKind::Hashes { .. } = tile.kind {
            let leaves = entries.iter().map(|entry| leaf_hash(entry));
            let leaves = leaves.chain(std::iter::repeat(leaf_hash(b"junk")));
            let hashes: Vec<_> = leaves.take(tile.width.into()).collect();
            return Reply::new(200, &[], &encode_hashes(&hashes));
        }
        let mut bundle = Vec::new();
        for number in tile.start()..tile.start() + u64::from(tile.width) {
            let number = usize::try_from(number).unwrap();
            let junk = vec![b'x'; size];
            let entry = entries.get(number).unwrap_or(&junk);
            bundle.extend_from_slice(&u16::try_from(entry.len()).unwrap().to_be_bytes());
            bundle.extend_from_slice(entry);
        }
        Reply::new(200, &[], &bundle)
    })
    .await
}

/// Enrolls honestly, then synchronises with a liar, and returns why that is refused and how many
/// entry bundles it took.
async fn lied_to(junk: u64, size: usize, key: &SigningKey) -> (FollowError, usize) {
    let honest = organisation(5);
    let server = LogServer::start(&honest).await;
    let directory = tempfile::tempdir().unwrap();
    let client = server.server.client();
    let log = LogFollower::enroll(directory.path(), &client, Some(honest.anchor())).await;
    let before = files_of(directory.path());
    let liar = show_junk(&honest, junk, size, key).await;
    let error = log.unwrap().sync(&liar.client()).await.unwrap_err();
    assert_eq!(error.kind(), FailureKind::Refused);
    assert_eq!(files_of(directory.path()), before);
    (error, liar.lines().len() - 1)
}

#[tokio::test]
async fn an_endless_log_under_the_key_of_a_stranger_costs_little() {
    let stranger = testing::key("mallory");
    let (error, bundles) = lied_to(1 << 40, 0, &stranger).await;
    assert!(matches!(reason(error), LogError::BadSignature { .. }));
    assert!(bundles <= 40, "{bundles}");
    let (error, bundles) = lied_to(1 << 40, 32_768, &stranger).await;
    assert!(matches!(reason(error), LogError::BadSignature { .. }));
    assert!(bundles <= 12, "{bundles}");
}

#[tokio::test]
async fn an_endless_log_without_effect_ends() {
    let (error, bundles) = lied_to(1 << 40, 0, &testing::log_key()).await;
    let error = reason(error);
    assert!(matches!(error, LogError::Inert { .. }), "{error}");
    assert!(bundles <= 300, "{bundles}");
}

#[tokio::test]
async fn an_entry_that_is_larger_than_an_envelope_is_refused_as_it_arrives() {
    let (error, bundles) = lied_to(100, 32_769, &testing::log_key()).await;
    assert!(matches!(error, FollowError::Client(_)), "{error}");
    // Once beside others, and once alone.
    assert_eq!(bundles, 2);
}

#[tokio::test]
async fn a_log_of_another_history_ends_before_its_entries() {
    let mut other = organisation(3);
    other.publish(&testing::project(), "another");
    let anchor = other.anchor();
    let liar = show_junk(&organisation(5), 1 << 40, 0, &testing::log_key()).await;
    let directory = tempfile::tempdir().unwrap();
    let error = LogFollower::enroll(directory.path(), &liar.client(), Some(anchor)).await;
    assert!(matches!(
        reason(error.unwrap_err()),
        LogError::AnchorMismatch { size: 5, .. }
    ));
    assert_eq!(liar.lines(), ["GET /log/checkpoint", "GET /log/tile/0/000"]);
}

/// An organisation with a long log, and a registry that serves its files but for a lie.
async fn serves_lies(
    honest: &Organisation,
    lie: impl Fn(&str, &[u8]) -> Vec<u8> + Send + Sync + 'static,
) -> Server {
    let files = honest.files();
    Server::start(move |_, request| {
        let path = request.target.strip_prefix("/log/").unwrap();
        match files.get(path) {
            Some(file) => Reply::new(200, &[], &lie(path, file)),
            None => Reply::new(404, &[], b""),
        }
    })
    .await
}

#[tokio::test]
async fn entries_that_are_not_under_the_anchor_end_with_their_bundle() {
    let honest = organisation(1500);
    let other = {
        let mut other = Organisation::new();
        other.publish(&testing::project(), "another");
        grow(&mut other, 1..1500);
        other.files()
    };
    // True hashes, and the entries of a log of its own making.
    let liar = serves_lies(&honest, move |path, file| match other.get(path) {
        Some(own) if path.starts_with("tile/entries/") => own.clone(),
        _ => file.to_vec(),
    })
    .await;
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("log");
    let error = LogFollower::enroll(&path, &liar.client(), Some(honest.anchor())).await;
    let error = reason(error.unwrap_err());
    assert!(
        matches!(error, LogError::NotAnchored { from: 0, to: 256 }),
        "{error}"
    );
    // Side by side with the first one, three more were asked for, and no other.
    let bundles = liar.lines();
    let bundles = bundles.iter().filter(|line| line.contains("/entries/"));
    assert!(bundles.count() <= 4, "{:?}", liar.lines());
    assert!(LogFollower::open(&path).unwrap().is_none());
}

#[tokio::test]
async fn hashes_that_are_not_under_the_anchor_are_refused_before_any_entry() {
    let honest = organisation(600);
    for level in ["tile/0/", "tile/1/"] {
        let liar = serves_lies(&honest, move |path, file| {
            let mut file = file.to_vec();
            if path.starts_with(level) {
                file[7] ^= 1;
            }
            file
        })
        .await;
        let directory = tempfile::tempdir().unwrap();
        let anchor = Some(honest.anchor());
        let error = LogFollower::enroll(directory.path(), &liar.client(), anchor).await;
        let error = reason(error.unwrap_err());
        assert!(matches!(error, LogError::AnchorMismatch { .. }), "{error}");
        let entries = liar.lines();
        let entries = entries.iter().filter(|line| line.contains("/entries/"));
        assert_eq!(entries.count(), 0);
    }
}

#[tokio::test]
async fn an_old_anchor_is_found_in_a_log_that_has_grown() {
    for (old, new) in [(3, 9), (200, 300), (255, 600), (300, 1100)] {
        let mut organisation = organisation(old);
        let anchor = organisation.anchor();
        grow(&mut organisation, old..new);
        let server = LogServer::start(&organisation).await;
        let directory = tempfile::tempdir().unwrap();
        let client = server.server.client();
        let log = LogFollower::enroll(directory.path(), &client, Some(anchor)).await;
        assert_eq!(*log.unwrap().state(), organisation.state, "{old}");
    }
}

#[tokio::test]
async fn a_log_that_ends_before_the_anchor_is_refused_before_any_entry() {
    let honest = organisation(5);
    let server = LogServer::start(&organisation(4)).await;
    let directory = tempfile::tempdir().unwrap();
    let client = server.server.client();
    let error = LogFollower::enroll(directory.path(), &client, Some(honest.anchor())).await;
    let error = reason(error.unwrap_err());
    assert!(matches!(error, LogError::BehindAnchor { .. }), "{error}");
    assert_eq!(server.server.lines(), ["GET /log/checkpoint"]);
}

#[tokio::test]
async fn who_reads_the_log_already_is_named_to_whom_waits_for_it() {
    let directory = tempfile::tempdir().unwrap();
    let server = LogServer::start(&Organisation::new()).await;
    let path = directory.path().join("lock");
    let held = bulla_files::Lock::take(&path, "agent", None, |_| unreachable!()).unwrap();
    // Lets go once it was named.
    let (held, said) = (Mutex::new(Some(held)), Arc::new(Mutex::new(Vec::new())));
    let heard = Arc::clone(&said);
    let tell = move |sentence: &str| {
        heard.lock().unwrap().push(sentence.to_owned());
        drop(held.lock().unwrap().take());
    };
    let directory = LogDirectory::from(directory.path()).on_wait(tell);
    let client = server.server.client();
    LogFollower::enroll(directory, &client, None).await.unwrap();
    let process = std::process::id();
    assert_eq!(
        *said.lock().unwrap(),
        [format!(
            "waiting for `agent`, process {process}, which is reading the log"
        )]
    );
}

/// The checkpoint of an organisation's log as a witness cosigned it.
fn cosigned(organisation: &Organisation) -> Vec<u8> {
    testing::cosign(&organisation.checkpoint(), "office", 0)
}

/// An organisation whose servers ask for a witness.
fn witnessed() -> Organisation {
    Organisation::with_policy(|policy| {
        policy.witnesses.keys = vec![testing::witness_line("office")];
        policy.witnesses.quorum = 1;
    })
}

#[tokio::test]
async fn people_read_further_than_witnesses_have_cosigned() {
    let mut organisation = witnessed();
    let server = LogServer::start(&organisation).await;
    server.show_checkpoint(cosigned(&organisation));
    let client = server.server.client();
    let [people, servers] = [(); 2].map(|()| tempfile::tempdir().unwrap());
    let newest = || LogDirectory::from(people.path()).of_newest();
    let anchor = organisation.anchor();
    let log = LogFollower::enroll(servers.path(), &client, Some(anchor.clone())).await;
    let mut by_servers = log.unwrap();
    let log = LogFollower::enroll(newest(), &client, Some(anchor)).await;
    let mut by_people = log.unwrap();
    assert_eq!(by_people.witnessed(), None, "nothing waits");

    let witnessed = String::from_utf8(cosigned(&organisation)).unwrap();
    grow(&mut organisation, 0..2);
    server.show(&organisation);
    server.show_checkpoint(witnessed.clone().into_bytes());
    let newest_note = String::from_utf8(organisation.checkpoint()).unwrap();
    let all = serde_json::json!({
        "witnessed": witnessed, "waiting": [], "newest": newest_note,
    });
    let show_all = |all: &serde_json::Value| {
        let mut files = server.files.lock().unwrap();
        files.insert("cosignatures".to_owned(), all.to_string().into_bytes());
    };
    show_all(&all);
    assert_eq!(by_servers.sync(&client).await.unwrap().size(), 1);
    assert_eq!(by_people.sync(&client).await.unwrap().size(), 3);
    assert_eq!(by_people.witnessed(), Some(1));

    // A registry that shows servers another history is found out by people.
    let mut forked = self::witnessed();
    forked.publish(&testing::project(), "another");
    let other = String::from_utf8(cosigned(&forked)).unwrap();
    show_all(&serde_json::json!({
        "witnessed": other, "waiting": [], "newest": newest_note,
    }));
    let error = by_people.sync(&client).await.unwrap_err();
    let said = error.hint().unwrap();
    assert!(matches!(reason(error), LogError::Fork { size: 2, .. }));
    let mut kept = files_of(people.path());
    kept.retain(|name, _| name.starts_with("fork-2-"));
    let (name, kept) = kept.pop_first().unwrap();
    assert!(said.contains(&name), "{said}");
    assert_eq!(kept, [newest_note, other].concat().into_bytes());
}

#[tokio::test]
async fn newer_cosignatures_of_the_same_checkpoint_are_remembered() {
    let organisation = witnessed();
    let server = LogServer::start(&organisation).await;
    server.show_checkpoint(cosigned(&organisation));
    let client = server.server.client();
    let directory = tempfile::tempdir().unwrap();
    let anchor = Some(organisation.anchor());
    let log = LogFollower::enroll(directory.path(), &client, anchor).await;
    let mut log = log.unwrap();
    let newer = testing::cosign(&organisation.checkpoint(), "office", 60);
    server.show_checkpoint(newer.clone());
    log.sync(&client).await.unwrap();
    assert_eq!(log.checkpoint().unwrap(), newer);
    // One that is older is not.
    server.show_checkpoint(cosigned(&organisation));
    log.sync(&client).await.unwrap();
    assert_eq!(
        LogFollower::read_checkpoint(directory.path()).unwrap(),
        newer
    );
}

#[tokio::test]
async fn both_checkpoints_of_a_fork_are_kept_and_forgeries_are_not() {
    let organisation = organisation(5);
    let mut other = self::organisation(4);
    other.publish(&testing::project(), "another");
    for (key, is_kept) in [
        (testing::log_key(), true),
        (SigningKey::from_seed(&[7; 32]), false),
    ] {
        let server = LogServer::start(&organisation).await;
        let client = server.server.client();
        let directory = tempfile::tempdir().unwrap();
        let anchor = Some(organisation.anchor());
        let log = LogFollower::enroll(directory.path(), &client, anchor).await;
        server.show(&other);
        let shown = other.checkpoint_at(other.entries.len(), &key);
        server.show_checkpoint(shown.clone());
        let error = log.unwrap().sync(&client).await.unwrap_err();
        assert_eq!(error.kind(), FailureKind::Refused);
        let mut kept = files_of(directory.path());
        kept.retain(|name, _| name.starts_with("fork-"));
        let expected = [organisation.checkpoint(), shown].concat();
        assert_eq!(kept.into_values().next(), is_kept.then_some(expected));
    }
}
