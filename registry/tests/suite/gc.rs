//! `bulla-registry gc`, beside a registry that runs. Its clock stands days before the one of the
//! program, so that everything in it is old.

mod damage;

use std::path::Path;

use bulla_schemas::media_type;
use bulla_schemas::report::{FsckReport, GcReport, UsageReport};
use bulla_schemas::{Digest, Timestamp, api::MissingFrames};
use bulla_trust::testing::Organisation;
use reqwest::{Method, StatusCode};
use serde_json::json;

use crate::program::run;
use crate::support::{BILLING, Registry, blob, bundle_of, bundle_of_noise};

/// All but what is needed.
const ALL: &[&str] = &["--keep-unpromoted", "1d", "--grace", "2h"];

fn gc(data: &Path, arguments: &[&str]) -> GcReport {
    let output = run(&[&["gc", "--json"], ALL, arguments].concat(), data);
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{said}");
    serde_json::from_slice(&output.stdout).unwrap()
}

fn du(data: &Path) -> UsageReport {
    let output = run(&["du", "--json"], data);
    serde_json::from_slice(&output.stdout).unwrap()
}

#[track_caller]
fn assert_sound(data: &Path) {
    let output = run(&["fsck", "--json"], data);
    let report: FsckReport = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report.damages, [], "{output:?}");
}

fn is_kept(report: &GcReport, hash: Digest) -> bool {
    let release = report.releases.iter().find(|one| one.hash == hash);
    release.unwrap_or_else(|| panic!("{report:#?}")).kept
}

/// A registry with four releases: the second was the head of `prod` and the third is, and nobody
/// promoted the others.
async fn four_releases() -> (Registry, Organisation, Vec<Digest>) {
    publish_four(Registry::start().await).await
}

async fn publish_four(registry: Registry) -> (Registry, Organisation, Vec<Digest>) {
    let mut organisation = Organisation::new();
    registry.append_all(&organisation.entries).await;
    let mut hashes = Vec::new();
    for content in ["one", "two", "three", "four"] {
        let bundle = bundle_of_noise(BILLING, content);
        registry.publish(&mut organisation, &bundle).await;
        hashes.push(bundle.hash());
    }
    for hash in &hashes[1..3] {
        assert!(
            organisation
                .promote("prod", *hash, &["alice"])
                .is_effective()
        );
        registry.append(organisation.entries.last().unwrap()).await;
    }
    (registry, organisation, hashes)
}

async fn status(registry: &Registry, hash: Digest) -> StatusCode {
    let path = format!("/v2/{BILLING}/manifests/{hash}");
    let client = registry.plain(Method::GET, &path);
    let token = registry.token(&[bulla_registry::Scope::Pull], &["*"]).await;
    client.bearer_auth(token).send().await.unwrap().status()
}

// R4: what was live anywhere stays. R23: what nobody needs goes.
#[tokio::test]
async fn what_was_never_promoted_goes_and_the_rest_stays_as_it_was() {
    let (registry, _, hashes) = four_releases().await;
    let data = registry.data.path();
    let before = du(data);
    let dry = gc(data, &["--dry-run"]);
    assert!(dry.dry_run && dry.freed > 0);
    let kept = [false, true, true, false];
    for (hash, kept) in hashes.iter().zip(kept) {
        assert_eq!(is_kept(&dry, *hash), kept, "{dry:#?}");
    }
    assert_eq!(du(data), before, "it has only looked");
    assert_eq!(status(&registry, hashes[0]).await, StatusCode::OK);

    let report = gc(data, &[]);
    assert_eq!(report.releases, dry.releases);
    assert_eq!((report.blobs, report.manifests), (dry.blobs, dry.manifests));
    assert_sound(data);
    let after = du(data);
    // Recipes that name other packs may be longer or shorter.
    assert!(
        before.real.abs_diff(after.real + report.freed) < 2000,
        "{report:#?}"
    );
    for (hash, kept) in hashes.iter().zip(kept) {
        let expected = if kept {
            StatusCode::OK
        } else {
            StatusCode::NOT_FOUND
        };
        assert_eq!(status(&registry, *hash).await, expected);
    }
    for content in ["two", "three"] {
        let bundle = bundle_of_noise(BILLING, content);
        for position in 0..4 {
            let content = blob(&bundle, position);
            let path = format!("/v2/{BILLING}/blobs/{}", Digest::of(&content));
            assert_eq!(registry.get(&path).await.bytes().await.unwrap(), content);
        }
    }
    // It is done.
    let again = gc(data, &[]);
    assert_eq!((again.freed, again.blobs), (0, 0), "{again:#?}");
    // What went can come back.
    let one = bundle_of_noise(BILLING, "one");
    registry.push_bundle(BILLING, &one).await;
    assert_eq!(status(&registry, hashes[0]).await, StatusCode::OK);
    assert_sound(data);
    let data = registry.stop().await;
    assert!(run(&["reindex"], data.path()).status.success());
}

#[tokio::test]
async fn a_dry_run_says_why_each_release_stays_or_goes() {
    let (registry, ..) = four_releases().await;
    let output = run(&[&["gc", "--dry-run"], ALL].concat(), registry.data.path());
    let table = String::from_utf8(output.stdout).unwrap();
    for why in [
        "head of prod",
        "was the head of prod",
        "never promoted; last asked for",
    ] {
        assert!(table.contains(why), "{table}");
    }
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("would remove 2 releases, "), "{said}");
    registry.stop().await;
}

#[tokio::test]
async fn a_release_that_was_removed_is_missed_with_the_reason() {
    let (registry, _, hashes) = four_releases().await;
    gc(registry.data.path(), &[]);
    let path = format!("/v2/{BILLING}/manifests/{}", hashes[0]);
    let answer = registry.get(&path).await;
    assert_eq!(answer.status(), StatusCode::NOT_FOUND);
    let text = answer.text().await.unwrap();
    for part in [
        "was removed by `bulla-registry gc`",
        "never promoted",
        "publish",
    ] {
        assert!(text.contains(part), "{text}");
    }
    registry.stop().await;
}

#[tokio::test]
async fn what_is_new_tagged_on_a_host_or_asked_for_stays() {
    let (registry, _, hashes) = four_releases().await;
    let data = registry.data.path();
    let four = bundle_of_noise(BILLING, "four");
    let tagged = registry
        .push_manifest(
            BILLING,
            "v4",
            media_type::OCI_MANIFEST,
            four.manifest_bytes(),
        )
        .await;
    assert_eq!(tagged.status(), StatusCode::CREATED);
    assert!(is_kept(&gc(data, &["--dry-run"]), hashes[3]));
    let token = registry.host_token("web1", &[BILLING]).await;
    let report = json!({
        "observedAt": "2026-11-18T06:39:49Z", "interval": "1m", "installer": "1",
        "system": "Debian", "logSize": 1,
        "projects": [{
            "project": BILLING, "channel": "prod", "live": hashes[0], "standing": "behind",
        }],
    });
    let request = registry.plain(Method::POST, "/api/v1/hosts/web1/report");
    let sent = request
        .bearer_auth(token)
        .json(&report)
        .send()
        .await
        .unwrap();
    let status = sent.status();
    assert!(status.is_success(), "{}", sent.text().await.unwrap());
    let kept = gc(data, &[]);
    assert!(hashes.iter().all(|hash| is_kept(&kept, *hash)), "{kept:#?}");
    registry.stop().await;
}

#[tokio::test]
async fn a_push_in_progress_finds_what_it_was_told_is_there() {
    let (registry, _, hashes) = four_releases().await;
    let data = registry.data.path();
    // The registry's clock comes to the present: what is asked for now is asked for lately.
    let now = jiff_now();
    registry.hands.move_by(now - 1_795_000_000);
    let one = bundle_of_noise(BILLING, "one");
    let parts: Vec<Vec<u8>> = (0..4).map(|position| blob(&one, position)).collect();
    for content in &parts {
        let path = format!("/v2/{BILLING}/blobs/{}", Digest::of(content));
        assert_eq!(registry.head(&path).await.status(), StatusCode::OK);
    }
    // The same of frames, of the release that goes.
    let four = blob(&bundle_of_noise(BILLING, "four"), 1);
    let frames = bulla_bundle::cut_frames(&four[..]).unwrap();
    let list = bulla_schemas::api::BlobFrames { frames };
    let path = format!("/v2/{BILLING}/_bulla/frames");
    let asked = registry.request(Method::POST, &path).json(&list).send();
    let missing: MissingFrames = asked.await.unwrap().json().await.unwrap();
    assert_eq!(missing.missing, [0_usize; 0]);

    let report = gc(data, &[]);
    assert!(
        !is_kept(&report, hashes[0]),
        "its manifest was not asked for"
    );
    assert!(!is_kept(&report, hashes[3]));
    assert_sound(data);
    let pushed = registry
        .push_manifest(
            BILLING,
            &hashes[0].to_string(),
            media_type::OCI_MANIFEST,
            one.manifest_bytes(),
        )
        .await;
    assert_eq!(pushed.status(), StatusCode::CREATED);
    let begun = registry
        .post(&format!("/v2/{BILLING}/blobs/uploads/"))
        .await;
    let upload = crate::support::header(&begun, "docker-upload-uuid").to_owned();
    let digest = Digest::of(&four);
    let path = format!("/v2/{BILLING}/_bulla/frames?digest={digest}&upload={upload}");
    let put = registry.request(Method::PUT, &path).json(&list).send();
    assert_eq!(put.await.unwrap().status(), StatusCode::CREATED);
    let path = format!("/v2/{BILLING}/blobs/{digest}");
    assert_eq!(registry.get(&path).await.bytes().await.unwrap(), four);
    registry.stop().await;
}

#[expect(clippy::disallowed_methods, reason = "as the program sees it")]
fn jiff_now() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    i64::try_from(since.unwrap().as_secs()).unwrap()
}

#[tokio::test]
async fn pushes_and_reads_go_on_while_it_runs_again_and_again() {
    let (registry, _, hashes) = four_releases().await;
    let data = registry.data.path().to_owned();
    let now = jiff_now();
    registry.hands.move_by(now - 1_795_000_000);
    let rounds = tokio::task::spawn_blocking(move || {
        for _ in 0..5 {
            gc(&data, &[]);
        }
    });
    let three = blob(&bundle_of_noise(BILLING, "three"), 1);
    let path = format!("/v2/{BILLING}/blobs/{}", Digest::of(&three));
    let mut pushed = Vec::new();
    while !rounds.is_finished() {
        let content = format!("release {}", pushed.len() % 7);
        let bundle = bundle_of_noise(BILLING, &content);
        let response = registry.push_bundle(BILLING, &bundle).await;
        assert_eq!(response.status(), StatusCode::CREATED);
        pushed.push(bundle.hash());
        assert_eq!(registry.get(&path).await.bytes().await.unwrap(), three);
    }
    rounds.await.unwrap();
    for hash in pushed.iter().chain(&hashes[1..3]) {
        assert_eq!(status(&registry, *hash).await, StatusCode::OK);
    }
    assert_sound(registry.data.path());
    registry.stop().await;
}

#[tokio::test]
async fn without_an_hour_of_grace_the_registry_must_be_stopped() {
    let (registry, _, hashes) = four_releases().await;
    let grace = ["gc", "--grace", "1m", "--keep-unpromoted", "1d"];
    let refused = run(&grace, registry.data.path());
    assert_eq!(refused.status.code(), Some(4));
    let said = String::from_utf8(refused.stderr).unwrap();
    assert!(said.contains("is in use by"), "{said}");
    let data = registry.stop().await;
    assert!(run(&grace, data.path()).status.success());
    let hex = hashes[0].hex();
    let manifest = data.path().join("blobs/sha256").join(&hex[..2]).join(&hex);
    assert!(!manifest.exists());
}

#[tokio::test]
async fn content_that_another_project_has_stays_there() {
    let (registry, ..) = four_releases().await;
    let other = bundle_of("acme/tool", "five");
    registry.push_bundle("acme/tool", &other).await;
    let tag = registry
        .push_manifest(
            "acme/tool",
            "v1",
            media_type::OCI_MANIFEST,
            other.manifest_bytes(),
        )
        .await;
    assert_eq!(tag.status(), StatusCode::CREATED);
    let shared = blob(&other, 0);
    let digest = registry.push_blob(BILLING, &shared).await;
    gc(registry.data.path(), &[]);
    let path = |project: &str| format!("/v2/{project}/blobs/{digest}");
    assert_eq!(
        registry.head(&path(BILLING)).await.status(),
        StatusCode::NOT_FOUND
    );
    let served = registry
        .get(&path("acme/tool"))
        .await
        .bytes()
        .await
        .unwrap();
    assert_eq!(served, shared);
    assert_sound(registry.data.path());
    registry.stop().await;
}

#[tokio::test]
async fn only_so_many_heads_stay_where_that_is_asked_for() {
    let (registry, mut organisation, hashes) = four_releases().await;
    assert!(
        organisation
            .promote("prod", hashes[3], &["alice"])
            .is_effective()
    );
    registry.append(organisation.entries.last().unwrap()).await;
    let data = registry.data.path();
    let two = gc(data, &["--keep-heads", "2", "--dry-run"]);
    let kept: Vec<bool> = hashes.iter().map(|hash| is_kept(&two, *hash)).collect();
    assert_eq!(kept, [false, false, true, true]);
    let long = gc(data, &["--keep-promoted", "36500d", "--dry-run"]);
    let kept: Vec<bool> = hashes.iter().map(|hash| is_kept(&long, *hash)).collect();
    assert_eq!(kept, [false, true, true, true]);
    let one = gc(data, &["--keep-heads", "1"]);
    let kept: Vec<bool> = hashes.iter().map(|hash| is_kept(&one, *hash)).collect();
    assert_eq!(kept, [false, false, false, true]);
    assert_sound(data);
    assert_eq!(status(&registry, hashes[3]).await, StatusCode::OK);
    registry.stop().await;
}

#[tokio::test]
async fn what_is_published_again_has_its_statements_at_once() {
    let (registry, _, hashes) = four_releases().await;
    let path = format!("/v2/{BILLING}/referrers/{}", hashes[0]);
    let before: serde_json::Value = registry.json(&path).await;
    assert_eq!(before["manifests"].as_array().unwrap().len(), 1);
    gc(registry.data.path(), &[]);
    let removed: serde_json::Value = registry.json(&path).await;
    assert_eq!(removed["manifests"], json!([]));
    registry
        .push_bundle(BILLING, &bundle_of_noise(BILLING, "one"))
        .await;
    assert_eq!(registry.json::<serde_json::Value>(&path).await, before);
    registry.stop().await;
}

// A promotion to what is gone would leave every server without a release.
#[tokio::test]
async fn what_was_removed_cannot_be_promoted_until_it_is_here_again() {
    let (registry, mut organisation, hashes) = four_releases().await;
    let removed = gc(registry.data.path(), &[]);
    assert!(!is_kept(&removed, hashes[0]));
    let promoted = organisation.promote("dev", hashes[0], &["alice"]);
    assert!(promoted.is_effective());
    let promotion = organisation.entries.last().unwrap();
    let refused = registry.append(promotion).await;
    assert_eq!(refused.status(), StatusCode::UNPROCESSABLE_ENTITY);
    registry
        .push_bundle(BILLING, &bundle_of_noise(BILLING, "one"))
        .await;
    let taken = registry.append(promotion).await;
    assert!(taken.status().is_success());
    registry.stop().await;
}

// A clock that is years behind.
#[tokio::test]
async fn a_wrong_clock_of_a_signer_does_not_shorten_what_is_kept() {
    let (registry, mut organisation, hashes) = four_releases().await;
    let promoted = organisation.promote("dev", hashes[0], &["alice"]);
    assert!(promoted.is_effective());
    let mut next = organisation.draft("dev", hashes[3]);
    next.predicate.issued_at = Timestamp::from_seconds(1_500_000_000).unwrap();
    let promoted = organisation.append_promotion(&next, &["alice"]);
    assert!(promoted.is_effective());
    for promotion in &organisation.entries[organisation.entries.len() - 2..] {
        assert!(registry.append(promotion).await.status().is_success());
    }
    let days = (jiff_now() - 1_795_000_000) / 86_400 + 1;
    let period = format!("{days}d");
    let arguments = ["--keep-heads", "1", "--keep-promoted", &period, "--dry-run"];
    let report = gc(registry.data.path(), &arguments);
    // It was the head of `dev` until the other one came.
    assert!(is_kept(&report, hashes[0]), "{report:#?}");
    registry.stop().await;
}

#[tokio::test]
async fn what_was_live_on_a_host_before_stays_however_often_it_has_reported_since() {
    let (registry, _, hashes) = four_releases().await;
    let data = registry.data.path();
    let token = registry.host_token("web1", &[BILLING]).await;
    let report = async |live: Option<Digest>, drift: u32| {
        let mut project = json!({
            "project": BILLING, "channel": "prod", "standing": "behind", "drift": drift,
        });
        if let Some(live) = live {
            project["live"] = json!(live);
        }
        let report = json!({
            "observedAt": "2026-11-18T06:39:49Z", "interval": "1m", "installer": "1",
            "system": "Debian", "logSize": 1, "projects": [project],
        });
        let request = registry.plain(Method::POST, "/api/v1/hosts/web1/report");
        let sent = request
            .bearer_auth(&token)
            .json(&report)
            .send()
            .await
            .unwrap();
        let status = sent.status();
        assert!(status.is_success(), "{}", sent.text().await.unwrap());
    };
    report(Some(hashes[0]), 0).await;
    report(None, 0).await;
    report(Some(hashes[3]), 0).await;
    for number in 1..120 {
        report(Some(hashes[3]), number).await;
    }
    report(None, 0).await;
    let kept = gc(data, &["--dry-run"]);
    assert!(is_kept(&kept, hashes[0]), "{kept:#?}");
    assert!(is_kept(&kept, hashes[3]), "{kept:#?}");
    registry.stop().await;
}

#[tokio::test]
async fn that_something_was_removed_is_remembered_as_long_as_the_log_names_it() {
    let (registry, _, hashes) = four_releases().await;
    let data = registry.data.path();
    // One that nobody has signed.
    let other = bundle_of("acme/tool", "five");
    registry.push_bundle("acme/tool", &other).await;
    gc(data, &[]);
    let removed = |project: &str, hash: Digest| {
        let folder = data.join("repositories").join(project);
        folder.join("_removed/sha256").join(hash.hex())
    };
    let (named, unnamed) = (
        removed(BILLING, hashes[0]),
        removed("acme/tool", other.hash()),
    );
    gc(data, &[]);
    for record in [&named, &unnamed] {
        let text = std::fs::read_to_string(record).unwrap();
        assert!(text.contains("reason"), "{text}");
        // Years ago.
        let mut text: serde_json::Value = serde_json::from_str(&text).unwrap();
        text["at"] = json!("2019-01-01T00:00:00Z");
        std::fs::write(record, text.to_string()).unwrap();
    }
    gc(data, &["--dry-run"]);
    assert!(named.exists() && unnamed.exists());
    gc(data, &[]);
    assert!(named.exists() && !unnamed.exists());
    registry.stop().await;
}

#[tokio::test]
async fn the_first_rule_that_names_a_project_says_what_is_kept_of_it() {
    let (registry, mut organisation, hashes) = four_releases().await;
    let promoted = organisation.promote("prod", hashes[3], &["alice"]);
    assert!(promoted.is_effective());
    registry.append(organisation.entries.last().unwrap()).await;
    let other = bundle_of("shop/web", "five");
    registry.push_bundle("shop/web", &other).await;
    let data = registry.data.path();
    let file = data.join("rules.toml");
    let rules = file.to_str().unwrap();
    let text = "[[rule]]\nprojects = [\"acme/*\"]\nkeep-heads = 2\nkeep-unpromoted = \"1d\"\n";
    std::fs::write(
        &file,
        format!("{text}[defaults]\nkeep-unpromoted = \"36500d\"\n"),
    )
    .unwrap();
    let command = ["gc", "--grace", "2h", "--rules", rules];
    let output = run(&[&command[..], &["--dry-run", "--json"]].concat(), data);
    let dry: GcReport = serde_json::from_slice(&output.stdout).unwrap();
    let kept: Vec<bool> = hashes.iter().map(|hash| is_kept(&dry, *hash)).collect();
    assert_eq!(kept, [false, false, true, true], "{dry:#?}");
    assert!(is_kept(&dry, other.hash()));
    for release in &dry.releases {
        let is_default = release.project.as_str() == "shop/web";
        let expected = if is_default { "defaults" } else { "acme/*" };
        assert_eq!(release.rule.as_deref(), Some(expected));
    }
    let table = run(&[&command[..], &["--dry-run"]].concat(), data).stdout;
    let table = String::from_utf8(table).unwrap();
    assert!(
        table.contains("RULE") && table.contains("acme/*"),
        "{table}"
    );
    assert!(run(&command, data).status.success());
    assert_eq!(status(&registry, hashes[1]).await, StatusCode::NOT_FOUND);
    assert_eq!(status(&registry, hashes[2]).await, StatusCode::OK);
    // Nothing is removed by rules that somebody has mistyped, or beside others.
    std::fs::write(&file, text.replace("heads", "head")).unwrap();
    let refused = run(&command, data);
    assert_eq!(refused.status.code(), Some(2));
    let said = String::from_utf8(refused.stderr).unwrap();
    assert!(
        said.contains("rules.toml` line 3, column 1: unknown field `keep-head`"),
        "{said}"
    );
    let both = run(&[&command[..], &["--keep-heads", "1"]].concat(), data);
    assert_eq!(both.status.code(), Some(2));
    let missing = run(&["gc", "--rules", "/nowhere.toml"], data);
    assert_eq!(missing.status.code(), Some(2));
    registry.stop().await;
}
