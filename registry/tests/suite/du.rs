//! `bulla-registry du`, beside a registry that runs.

use std::fs::File;
use std::path::Path;
use std::time::{Duration, SystemTime};

use bulla_schemas::report::UsageReport;
use reqwest::StatusCode;

use crate::program::run;
use crate::support::{BILLING, Registry, bundle_of_noise};

const TOOL: &str = "acme/tool";
/// A frame of these bundles, of which three are most of 6 MB, and all that is small.
const FRAME: u64 = 2_200_000;

/// How many bytes the files below a folder have.
fn bytes_in(folder: &Path) -> u64 {
    let entries = std::fs::read_dir(folder).unwrap();
    let size = |entry: std::io::Result<std::fs::DirEntry>| {
        let path = entry.unwrap().path();
        if path.is_dir() {
            return bytes_in(&path);
        }
        path.metadata().unwrap().len()
    };
    entries.map(size).sum()
}

fn du(data: &Path, arguments: &[&str]) -> UsageReport {
    let command = [&["du", "--json"], arguments].concat();
    let output = run(&command, data);
    assert!(output.status.success(), "{output:?}");
    serde_json::from_slice(&output.stdout).unwrap()
}

/// A registry with two releases of a project that differ in a file, and one of another project with
/// nearly the same files.
async fn three_releases() -> Registry {
    let registry = Registry::start().await;
    for (project, content) in [(BILLING, "one"), (BILLING, "two"), (TOOL, "three")] {
        let bundle = bundle_of_noise(project, content);
        let pushed = registry.push_bundle(project, &bundle).await;
        assert_eq!(pushed.status(), StatusCode::CREATED);
    }
    registry
}

#[tokio::test]
async fn what_several_need_is_stored_once_and_counted_for_each() {
    let registry = three_releases().await;
    let data = registry.data.path();
    let report = du(data, &[]);
    let [billing, tool] = report.projects.as_slice() else {
        panic!("{report:?}");
    };
    assert_eq!(billing.project.as_str(), BILLING);
    assert!(
        billing.apparent > 12_000_000 && billing.real < 6_400_000 + FRAME,
        "{report:?}"
    );
    assert!(
        tool.apparent > 6_000_000 && tool.alone < FRAME,
        "{report:?}"
    );
    assert_eq!(report.apparent, billing.apparent + tool.apparent);
    let folders = ["blobs", "packs", "recipes"];
    let stored: u64 = folders
        .map(|folder| bytes_in(&data.join(folder)))
        .iter()
        .sum();
    assert_eq!((report.real, report.unused), (stored, 0));
    assert_eq!(report.real, billing.real + tool.alone);
    assert_eq!(report.real, tool.real + billing.alone);

    let report = du(data, &[BILLING]);
    assert_eq!(report.projects.len(), 1);
    let releases = report.projects[0].releases.as_ref().unwrap();
    assert_eq!(releases.len(), 2);
    for release in releases {
        assert!(
            release.apparent > 6_000_000 && release.real > 6_000_000,
            "{release:?}"
        );
        assert!(release.alone > 0 && release.alone < FRAME, "{release:?}");
    }
    registry.stop().await;
}

#[tokio::test]
async fn frames_are_grouped_by_when_they_were_stored_and_what_no_blob_needs_is_told() {
    let registry = three_releases().await;
    let data = registry.data.path();
    let groups = |report: &UsageReport| {
        let counts = report.frames.iter().map(|age| (age.days, age.count > 0));
        counts
            .filter(|(_, any)| *any)
            .map(|(days, _)| days)
            .collect::<Vec<_>>()
    };
    let report = du(data, &[]);
    assert_eq!(groups(&report), [Some(1)]);
    let mut ages = [10, 400, 2].into_iter().cycle();
    for pack in std::fs::read_dir(data.join("packs")).unwrap() {
        let file = File::options()
            .write(true)
            .open(pack.unwrap().path())
            .unwrap();
        let days = Duration::from_hours(24) * ages.next().unwrap();
        #[expect(
            clippy::disallowed_methods,
            reason = "as old as files on a real disk are"
        )]
        file.set_modified(SystemTime::now() - days).unwrap();
    }
    std::fs::write(
        data.join("packs/6ba7b810-9dad-41d1-80b4-00c04fd430c8"),
        [0; 999],
    )
    .unwrap();
    let later = du(data, &[]);
    assert_eq!(groups(&later), [Some(7), Some(30), None]);
    assert_eq!(later.unused, 999);
    let sum = |report: &UsageReport| report.frames.iter().map(|age| age.real).sum::<u64>();
    assert_eq!(sum(&later), sum(&report));
    registry.stop().await;
}

#[tokio::test]
async fn its_tables_fit_80_columns_and_a_project_that_is_not_there_is_refused() {
    let registry = three_releases().await;
    let data = registry.data.path();
    for arguments in [&["du"][..], &["du", BILLING]] {
        let output = run(arguments, data);
        assert!(output.status.success());
        let table = String::from_utf8(output.stdout).unwrap();
        assert!(table.lines().count() > 2, "{table}");
        assert!(
            table.lines().all(|line| line.chars().count() <= 80),
            "{table}"
        );
    }
    let output = run(&["du", "acme/other"], data);
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(
        String::from_utf8(output.stderr).unwrap(),
        "error: there is no project `acme/other` here\n\
         hint: `bulla-registry du` shows all projects\n"
    );
    registry.stop().await;
}
