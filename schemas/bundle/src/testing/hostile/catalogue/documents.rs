//! Manifests and release documents that do not belong together, or not to their blobs.

use bulla_schemas::Digest;
use bulla_schemas::manifest::{Manifest, TITLE};
use bulla_schemas::release::ReleaseDocument;

use super::attack::{Attack, CaughtBy, attack, file, replace};
use crate::testing::hostile::{Forge, Served};

pub(super) fn attacks() -> Vec<Attack> {
    let mut attacks = served();
    attacks.extend(manifests());
    attacks.extend(releases());
    attacks
}

/// Other bytes under the right digest.
fn served() -> Vec<Attack> {
    let served = |name, change: fn(&mut Served)| {
        attack(name, CaughtBy::Verify, Forge::default().served(change))
    };
    vec![
        served("other-manifest", |served| {
            served.manifest = Forge::new(vec![file("a")]).build().served.manifest;
        }),
        served("other-release-document", |served| served.release[10] ^= 1),
        served("short-release-document", |served| {
            served.release.pop();
        }),
        served("other-frame-table", |served| {
            let end = served.frames.len() - 1;
            served.frames[end] ^= 1;
        }),
        served("other-index", |served| {
            let end = served.index.len() - 1;
            served.index[end] ^= 1;
        }),
        served("short-index", |served| {
            served.index.pop();
        }),
        served("manifest-too-large", |served| {
            served.manifest.resize(5 * 1024 * 1024, b' ');
        }),
    ]
}

fn manifests() -> Vec<Attack> {
    let text = |name, change: fn(&mut String)| {
        attack(
            name,
            CaughtBy::Verify,
            Forge::default().manifest_text(change),
        )
    };
    let manifest = |name, change: fn(&mut Manifest)| {
        attack(name, CaughtBy::Verify, Forge::default().manifest(change))
    };
    vec![
        text("non-canonical-manifest", |text| text.push('\n')),
        text("extra-layer", |text| {
            let start = text.find("\"layers\":[").expect("layers") + "\"layers\":[".len();
            let end = text[start..].find("},{").expect("three layers") + start + 2;
            let layer = text[start..end].to_owned();
            text.insert_str(start, &layer);
        }),
        text("unknown-field-in-manifest", |text| {
            replace(text, "\"layers\":", "\"subject\":null,\"layers\":");
        }),
        text("data-in-descriptor", |text| {
            replace(text, "\"size\":", "\"data\":\"e30=\",\"size\":");
        }),
        manifest("other-artifact-type", |manifest| {
            "application/vnd.example".clone_into(&mut manifest.artifact_type);
        }),
        manifest("gzip-payload", |manifest| {
            let gzip = "application/vnd.oci.image.layer.v1.tar+gzip";
            gzip.clone_into(&mut manifest.layers[0].media_type);
        }),
        manifest("swapped-layers", |manifest| manifest.layers.swap(0, 1)),
        manifest("title-with-path", |manifest| {
            let title = "../../etc/cron.d/owned".to_owned();
            manifest.layers[0]
                .annotations
                .insert(TITLE.to_owned(), title);
        }),
        manifest("annotation-of-ones-own", |manifest| {
            let (key, value) = ("built-by".to_owned(), "mallory".to_owned());
            manifest.annotations.insert(key, value);
        }),
        manifest("release-document-too-large", |manifest| {
            manifest.config.size = 2 * ReleaseDocument::MAX_LEN;
        }),
        attack(
            "manifest-names-other-payload",
            CaughtBy::PayloadCheck,
            Forge::default().manifest(|manifest| {
                manifest.layers[0].digest = Digest::of(b"other");
            }),
        ),
    ]
}

fn releases() -> Vec<Attack> {
    let text = |name, change: fn(&mut String)| {
        attack(
            name,
            CaughtBy::Verify,
            Forge::default().release_text(change),
        )
    };
    let release = |name, change: fn(&mut ReleaseDocument)| {
        attack(name, CaughtBy::Verify, Forge::default().release(change))
    };
    vec![
        text("unknown-field-in-release-document", |text| {
            replace(text, "{\"format\":1", "{\"format\":1,\"label\":\"v1\"");
        }),
        text("revision-with-path", |text| {
            replace(text, &"7fd1".repeat(10), "../../etc/cron.d/owned");
        }),
        release("other-format", |release| release.format = 2),
        release("wrong-index-digest", |release| {
            release.index.digest = Digest::of(b"other");
        }),
        release("wrong-number-of-files", |release| release.files += 1),
        release("wrong-number-of-bytes", |release| release.bytes += 1),
        attack(
            "index-of-another-tar",
            CaughtBy::Verify,
            Forge::default()
                .index(|index| replace(index, "\"s\":9,", "\"s\":900,"))
                .release(|release| release.bytes += 891),
        ),
    ]
}
