//! Every attack of the catalogue is refused, where and for the reason that stands here.

use std::collections::BTreeSet;

use bulla_bundle::testing::hostile::{Attack, CaughtBy, catalogue};
use bulla_bundle::{TarError, VerifyError};
use bulla_schemas::outcome::{FailureKind, Outcome as _, report};

/// Each attack by its name, and a part of what a person is told.
#[rustfmt::skip]
const REFUSALS: &[(&str, &str)] = &[
    ("absolute-path", r#"the path is absolute: "/etc/cron.d/owned""#),
    ("parent-part", r#"the path has a part "..": "../owned""#),
    ("parent-part-inside", r#"the path has a part "..": "a/../../owned""#),
    ("dot-part", r#"the path has a part ".": "./owned""#),
    ("empty-part", r#"the path has a part "": "a//owned""#),
    ("empty-path", "the path is empty"),
    ("nul-in-path", r#"the path has a control character: "owned\0.txt""#),
    ("line-feed-in-path", r#"the path has a control character: "owned\n.txt""#),
    ("path-too-long", "the path is 4500 bytes long, at most 4096 are allowed"),
    ("part-too-long", "a part of the path is 256 bytes long, at most 255 are allowed"),
    ("release-file", "`.bulla-release` at the top of a tree is reserved for the installer"),
    ("escaping-link", r#"the link "out" leads out of the tree: "../../etc""#),
    ("absolute-link", r#"the link "out" leads out of the tree: "/etc/passwd""#),
    ("link-bent-by-another", r#"the link "out" has `..` after a name"#),
    ("case-clash", "`Config.php` and `config.php` differ only in case"),
    ("device-name", "`aux.txt` names a device on Windows"),
    ("alternate-stream", "Windows allows no `:` in a name"),
    ("no-entries", "a release needs at least one entry, found none"),
    ("duplicate-path", "the path `a` stands twice in the tree"),
    ("unsorted", "entries must be sorted by the bytes of their paths, found `a` after `b`"),
    ("missing-directory", "`a/b` lies in a directory that is not in the tree"),
    ("file-below-file", "`a/b` lies below `a`, which is not a directory"),
    ("file-through-link", "`a/b` lies below `a`, which is not a directory"),
    ("persistent-path", "`var/uploads` lies in the way of the persistent path `var/uploads`"),
    ("link-for-persistent-directory", "`var` lies in the way of the persistent path `var/uploads`"),
    ("device-entry", "unknown variant `c`"),
    ("hard-link-entry", "unknown variant `h`"),
    ("unknown-field-in-index", "unknown field `uid`"),
    ("set-id-in-index", r#"invalid type: string "u+s", expected a boolean"#),
    ("other-text-for-an-entry", "line 2 of the index is refused\n  not in canonical form"),
    ("index-without-end", "the index does not end with a line feed"),
    ("fields-of-another-kind", "an entry of kind `d` with other fields than its kind has"),
    ("device-header", "the header of `a` in the tar is not the one that its entry implies: `typeflag` differs"),
    ("set-id-header", "the header of `a` in the tar is not the one that its entry implies: `mode` differs"),
    ("owner-header", "the header of `a` in the tar is not the one that its entry implies: `uid` differs"),
    ("time-header", "the header of `a` in the tar is not the one that its entry implies: `mtime` differs"),
    ("hard-link-header", "the header of `a` in the tar is not the one that its entry implies: `typeflag` differs"),
    ("other-name-header", "the header of `a` in the tar is not the one that its entry implies: `name` differs"),
    ("bytes-behind-the-name", "the header of `a` in the tar is not the one that its entry implies: `name` differs"),
    ("prefix-before-a-short-name", "the header of `a` in the tar is not the one that its entry implies: `prefix` differs"),
    ("sparse-header", "the header of `a` in the tar is not the one that its entry implies: `typeflag` differs"),
    ("contiguous-header", "the header of `a` in the tar is not the one that its entry implies: `typeflag` differs"),
    ("old-header", "the header of `a` in the tar is not the one that its entry implies: `magic` differs"),
    ("gnu-header", "the header of `a` in the tar is not the one that its entry implies: `magic` differs"),
    ("base-256-size", "the header of `a` in the tar is not the one that its entry implies: `size` differs"),
    ("size-with-spaces", "the header of `a` in the tar is not the one that its entry implies: `size` differs"),
    ("other-form-of-checksum", "the header of `a` in the tar is not the one that its entry implies: `chksum` differs"),
    ("global-records", "in the tar is not the one that its entry implies: `typeflag` differs"),
    ("records-as-long-name", "in the tar is not the one that its entry implies: `typeflag` differs"),
    ("records-as-long-target", "in the tar is not the one that its entry implies: `typeflag` differs"),
    ("other-record", "in the tar is not the one that its entry implies: `record` differs"),
    ("gnu-long-name", "the tar has 2560 bytes, the index describes one of 1536"),
    ("gnu-long-target", "the tar has 2560 bytes, the index describes one of 1536"),
    ("global-path", "the tar has 2560 bytes, the index describes one of 1536"),
    ("record-before-long-name", "the tar has 3584 bytes, the index describes one of 1536"),
    ("zero-block-between", "the tar has 2048 bytes, the index describes one of 1536"),
    ("pax-size-lie", "the tar has 2560 bytes, the index describes one of 1536"),
    ("pax-path-override", "the tar has 2560 bytes, the index describes one of 1536"),
    ("content-of-another-file", "the index says that `a` is sha256:"),
    ("hidden-in-padding", "the tar hides bytes behind the content of `a.txt`"),
    ("hidden-at-the-end", "the tar does not end with two blocks of zeros"),
    ("entry-behind-the-end", "the tar has 6144 bytes, the index describes one of 4096"),
    ("truncated-frame", "it ends after 0"),
    ("frame-bomb", "expected a frame of 4096 bytes of content, it says that it has 2097152"),
    ("content-size-lie", "the frame cannot be decompressed"),
    ("frame-without-content-size", "expected a zstd frame with a content size"),
    ("frame-with-dictionary", "expected a zstd frame with a content size"),
    ("frame-with-checksum", "expected a zstd frame with a content size"),
    ("second-frame-inside", "expected one frame of"),
    ("skippable-frame-inside", "expected one frame of"),
    ("not-a-frame", "expected a zstd frame with a content size"),
    ("wrong-frame-digest", "frame 0 of the payload is refused\n  expected the compressed bytes to be sha256:"),
    ("swapped-frames", "frame 0 of the payload is refused\n  expected the compressed bytes to be sha256:"),
    ("truncated-payload", "compressed bytes, found 20"),
    ("wrong-content-digest", "expected the content to be sha256:"),
    ("served-bytes-behind-the-payload", "there are bytes behind the payload"),
    ("frame-count-lie", "18446744073709551615 frames of the payload and 1 of the index, found 2 in all"),
    ("frame-table-of-another-format", "the frame table has format 9, expected 1"),
    ("unknown-field-in-frame-table", "unknown field `offset`"),
    ("other-text-for-a-frame", "line 2 of the frame table is not in canonical form"),
    ("frame-table-without-end", "trailing characters"),
    ("tiny-frames", "a frame with 1000 bytes of content cannot come from cutting"),
    ("huge-frame", "a frame with 2201600 bytes of content cannot come from cutting"),
    ("wrong-compressed-sum", "the manifest says that the payload has 208 bytes, its frames have 209"),
    ("wrong-sum", "the payload has 4096 bytes uncompressed, its frames have 4608"),
    ("wrong-index-sum", "the index has 267 bytes uncompressed, its frames have 268"),
    ("wrong-index-frame", "frame 0 of the index is refused\n  expected the compressed bytes to be sha256:"),
    ("missing-seek-table", "the manifest says that the payload has 183 bytes, its frames have 208"),
    ("bytes-behind-the-payload", "the manifest says that the payload has 212 bytes, its frames have 208"),
    ("forged-seek-table", "the payload does not end with the seek table of its frames"),
    ("moved-cut", "frame 0 of the payload ends at 493394 of the tar, where the rule does not cut"),
    ("other-manifest", "expected the manifest to be sha256:"),
    ("other-release-document", "expected the release document to be sha256:"),
    ("short-release-document", "expected the release document to have 454 bytes, found 453"),
    ("other-frame-table", "expected the frame table to be sha256:"),
    ("other-index", "frame 0 of the index is refused\n  expected the compressed bytes to be sha256:"),
    ("short-index", "expected the index to have 185 bytes, found 184"),
    ("manifest-too-large", "the manifest may have at most 4194304 bytes, found 5242880"),
    ("non-canonical-manifest", "the manifest is not in canonical form"),
    ("extra-layer", "the manifest is not a bundle's\n  trailing characters"),
    ("unknown-field-in-manifest", "unknown field `subject`"),
    ("data-in-descriptor", "unknown field `data`"),
    ("other-artifact-type", "expected application/vnd.bulla.bundle.v1 as the manifest's artifactType"),
    ("gzip-payload", r#"found "application/vnd.oci.image.layer.v1.tar+gzip""#),
    ("swapped-layers", r#"found "application/vnd.bulla.index.v1+zstd""#),
    ("title-with-path", "the manifest is not the one that belongs to its release document"),
    ("annotation-of-ones-own", "the manifest is not the one that belongs to its release document"),
    ("release-document-too-large", "the release document may have at most 1048576 bytes, found 2097152"),
    ("manifest-names-other-payload", "expected the payload to be sha256:"),
    ("unknown-field-in-release-document", "unknown field `label`"),
    ("revision-with-path", "the release document's source cannot be one"),
    ("other-format", "the bundle has format 2, this program reads format 1"),
    ("wrong-index-digest", "the release document says that the index is sha256:"),
    ("wrong-number-of-files", "there are 3 files, the index has 2"),
    ("wrong-number-of-bytes", "the files have 20 bytes, the index says 19"),
    ("index-of-another-tar", "the tar has 4096 bytes, the index describes one of 4608"),
    ("too-many-entries", "at most 3 entries are allowed, found 4"),
    ("too-deep", "at most 4 parts are allowed in a path, found 5 in `d/d/d/d/d`"),
    ("index-too-large", "the index may have at most 250 bytes, found 267"),
    ("frame-table-too-large", "the frame table may have at most 350 bytes, found 360"),
    ("file-too-large", "a file may have at most 9 bytes, found 10 in `bin/run`"),
    ("tar-too-large", "the tar may have at most 2048 bytes, found 4096"),
    ("over-ratio", "the tar may be at most 100 times as large as the payload"),
    ("endless-file", "found 18446744073709551615 in `a.txt`"),
];

/// Lets an attack go as far as it comes: where and why it is refused.
fn run(attack: &Attack) -> Result<(), (CaughtBy, VerifyError)> {
    let at = |stage| move |error| (stage, error);
    let bundle = attack.bundle.verify(&attack.limits);
    let bundle = bundle.map_err(at(CaughtBy::Verify))?;
    let decoded = attack.bundle.decode(&bundle);
    decoded.map_err(at(CaughtBy::Decode))?;
    let mut payload = &attack.bundle.served.payload[..];
    bundle.verify_payload(&mut payload).map_err(|error| {
        let stage = match error {
            VerifyError::Tar(TarError::Content { .. }) => CaughtBy::Extract,
            _ => CaughtBy::PayloadCheck,
        };
        (stage, error)
    })
}

#[test]
fn every_attack_is_refused_for_its_own_reason() {
    for attack in catalogue() {
        let name = attack.name;
        let expected = REFUSALS.iter().find(|(known, _)| *known == name);
        let (_, reason) = expected.unwrap_or_else(|| panic!("nothing is expected of {name}"));
        if attack.caught_by == CaughtBy::WindowsNames {
            run(&attack).unwrap_or_else(|(_, error)| panic!("{name}: {error}"));
            let bundle = attack.bundle.verify(&attack.limits).unwrap();
            let problems = bundle.windows_problems();
            assert!(problems[0].to_string().contains(reason), "{name}");
            continue;
        }
        let (stage, error) = run(&attack).expect_err(name);
        let told = report(&error, None);
        assert!(told.contains(reason), "{name}: {told}");
        assert_eq!(stage, attack.caught_by, "{name}: {told}");
        assert_eq!(error.kind(), FailureKind::Refused, "{name}");
    }
}

#[test]
fn every_refusal_belongs_to_one_attack() {
    let attacks: Vec<_> = catalogue().iter().map(|attack| attack.name).collect();
    let names: BTreeSet<_> = attacks.iter().copied().collect();
    assert_eq!(names.len(), attacks.len(), "a name stands twice");
    for (name, _) in REFUSALS {
        assert!(names.contains(name), "no attack is called {name}");
    }
}

#[test]
fn nothing_that_is_refused_shows_control_characters() {
    for attack in catalogue() {
        if let Err((_, error)) = run(&attack) {
            let told = report(&error, error.hint().as_deref());
            let shown = told.chars().all(|c| c == '\n' || !c.is_control());
            assert!(shown, "{}: {told:?}", attack.name);
        }
    }
}
