//! The attacks, by the stage at which they lie.

use std::mem;

use bulla_bundle::testing::hostile::{Forge, ForgedEntry};
use bulla_schemas::Codec;
use bulla_schemas::release::Source;

use super::PROJECT;

/// A forged bundle and the words in which it is refused.
pub(crate) struct Attack {
    pub(crate) name: &'static str,
    pub(crate) reason: &'static str,
    pub(crate) forge: Forge,
}

/// A bundle of the project with these entries, honest so far.
fn forge(entries: Vec<ForgedEntry>) -> Forge {
    let source = Source::Git {
        revision: "7fd1".repeat(10),
        tree: "a1b2".repeat(10),
        committed: "2026-11-22T22:40:00Z".parse().unwrap(),
    };
    Forge::new(entries)
        .project(PROJECT.parse().unwrap())
        .source(source)
        .codec(Codec::current(7).unwrap())
}

fn entries() -> Vec<ForgedEntry> {
    vec![
        ForgedEntry::directory("bin"),
        ForgedEntry::executable("bin/app", b"#!/bin/sh\necho forged\n"),
        ForgedEntry::link("bin/run", "app"),
        ForgedEntry::file("readme", b"forged\n"),
    ]
}

/// A bundle that is installed.
pub(crate) fn honest() -> Forge {
    forge(entries())
}

fn in_the_tree(
    name: &'static str,
    reason: &'static str,
    change: fn(&mut Vec<ForgedEntry>),
) -> Attack {
    let mut entries = entries();
    change(&mut entries);
    Attack {
        name,
        reason,
        forge: forge(entries),
    }
}

/// Changes a field in the header of `bin/app`.
fn in_the_header(
    name: &'static str,
    field: &'static str,
    offset: usize,
    value: &'static [u8],
) -> Attack {
    let mut entries = entries();
    entries[1] = entries[1].clone().with_field(offset, value);
    Attack {
        name,
        reason: field,
        forge: forge(entries),
    }
}

fn in_the_tar(name: &'static str, reason: &'static str, change: fn(&mut Vec<u8>)) -> Attack {
    Attack {
        name,
        reason,
        forge: honest().tar(change),
    }
}

fn in_the_frame(
    name: &'static str,
    reason: &'static str,
    change: fn(Vec<u8>) -> Vec<u8>,
) -> Attack {
    let forge = honest().payload_frames(move |frames| {
        let frame = &mut frames[0];
        frame.compressed = change(mem::take(&mut frame.compressed));
        frame.reseal();
    });
    Attack {
        name,
        reason,
        forge,
    }
}

fn in_the_index(name: &'static str, reason: &'static str, change: fn(String) -> String) -> Attack {
    Attack {
        name,
        reason,
        forge: honest().index(move |text| *text = change(mem::take(text))),
    }
}

fn in_the_frame_table(
    name: &'static str,
    reason: &'static str,
    change: fn(String) -> String,
) -> Attack {
    Attack {
        name,
        reason,
        forge: honest().table(move |text| *text = change(mem::take(text))),
    }
}

fn in_the_release(
    name: &'static str,
    reason: &'static str,
    change: fn(String) -> String,
) -> Attack {
    Attack {
        name,
        reason,
        forge: honest().release_text(move |text| *text = change(mem::take(text))),
    }
}

fn in_the_manifest(
    name: &'static str,
    reason: &'static str,
    change: fn(String) -> String,
) -> Attack {
    Attack {
        name,
        reason,
        forge: honest().manifest_text(move |text| *text = change(mem::take(text))),
    }
}

/// Every attack. The second word is a part of what the installer says.
pub(crate) fn attacks() -> Vec<Attack> {
    let mut attacks = entries_of_the_tree();
    attacks.extend(headers());
    attacks.extend(frames());
    attacks.extend(documents());
    attacks
}

/// Paths and links.
fn entries_of_the_tree() -> Vec<Attack> {
    vec![
        in_the_tree("absolute_path", "the path is absolute", |entries| {
            entries.insert(0, ForgedEntry::file("/etc/bulla-was-here", b"x"));
        }),
        in_the_tree(
            "parent_directory",
            "the path has a part \"..\"",
            |entries| {
                entries.insert(0, ForgedEntry::file("../bulla-was-here", b"x"));
            },
        ),
        in_the_tree("dot", "the path has a part \".\"", |entries| {
            entries.insert(0, ForgedEntry::file("./readme", b"x"));
        }),
        in_the_tree("empty_part", "the path has a part \"\"", |entries| {
            entries.insert(1, ForgedEntry::file("bin//app", b"x"));
        }),
        in_the_tree("control_character", "has a control character", |entries| {
            entries.push(ForgedEntry::file("readme\u{1b}[2J", b"x"));
        }),
        in_the_tree(
            "endless_name",
            "a part of the path is 256 bytes long",
            |entries| {
                // The header would not hold it: only the index says it.
                let mut entry = ForgedEntry::file("z", b"x");
                entry.line = entry.line.replace('z', &"z".repeat(256));
                entries.push(entry);
            },
        ),
        in_the_tree("link_out_of_the_tree", "\"../../outside\"", |entries| {
            entries[2] = ForgedEntry::link("bin/run", "../../outside");
        }),
        in_the_tree("absolute_link", "\"/etc/passwd\"", |entries| {
            entries[2] = ForgedEntry::link("bin/run", "/etc/passwd");
        }),
        in_the_tree(
            "link_bent_by_another_link",
            "`..` after a name",
            |entries| {
                entries[2] = ForgedEntry::link("bin/run", "sub/../../../outside");
            },
        ),
        in_the_tree(
            "file_through_a_link",
            "which is not a directory",
            |entries| {
                entries.push(ForgedEntry::link("x", "bin"));
                entries.push(ForgedEntry::file("x/app", b"through the link"));
            },
        ),
        in_the_tree(
            "file_in_no_directory",
            "lies in a directory that is not",
            |entries| {
                entries.push(ForgedEntry::file("sub/readme", b"x"));
            },
        ),
        in_the_tree("duplicate", "stands twice", |entries| {
            entries.push(ForgedEntry::file("readme", b"other\n"));
        }),
        in_the_tree("unsorted", "must be sorted", |entries| entries.swap(0, 3)),
        in_the_tree(
            "no_entries",
            "a release needs at least one entry",
            Vec::clear,
        ),
        in_the_tree(
            "the_installers_own_file",
            "is reserved for the installer",
            |entries| {
                entries.insert(0, ForgedEntry::file(".bulla-release", b"promoted by alice"));
            },
        ),
    ]
}

/// Headers of the tar that say other things than the index.
fn headers() -> Vec<Attack> {
    vec![
        in_the_header("device", "typeflag", 156, b"3"),
        in_the_header("hard_link", "linkname", 157, b"readme"),
        in_the_header("set_id", "mode", 100, b"0004755"),
        in_the_header("owner", "uid", 108, b"0001750"),
        in_the_header("time", "mtime", 136, b"17000000000"),
        in_the_header("another_name", "name", 0, b"bin/sh\0"),
        in_the_tar("bytes_behind_the_content", "hides bytes", |tar| {
            tar[2 * 512 + 100] = b'x';
        }),
        in_the_tar("other_content", "the payload has", |tar| tar[2 * 512] ^= 1),
        in_the_tar("no_end", "does not end with two blocks of zeros", |tar| {
            *tar.last_mut().unwrap() = 1;
        }),
        in_the_tree("pax_size_lie", "the index describes one of", |entries| {
            entries[1] = entries[1].clone().with_records("13 size=9999\n");
        }),
    ]
}

/// Frames, and the table of them.
fn frames() -> Vec<Attack> {
    vec![
        in_the_frame(
            "truncated_frame",
            "frame 0 of the payload is refused",
            |frame| frame[..frame.len() - 10].to_vec(),
        ),
        in_the_frame("frame_bomb", "it says that it has 67108864", |_| {
            zstd::bulk::compress(&vec![0; 64 << 20], 7).unwrap()
        }),
        in_the_frame("bytes_behind_the_frame", "it ends after", |mut frame| {
            frame.extend_from_slice(b"hidden");
            frame
        }),
        in_the_frame("not_a_frame", "expected a zstd frame", |frame| {
            vec![0; frame.len()]
        }),
        // The frame table.
        in_the_frame_table(
            "frame_that_cutting_cannot_give",
            "cannot come from cutting",
            |table| change_number(&table, "\"u\":", 1 << 40),
        ),
        in_the_frame_table("empty_frame", "a frame with 0 bytes of content", |table| {
            change_number(&table, "\"u\":", 0)
        }),
        in_the_frame_table("wrong_sums", "its frames have", |table| {
            change_number(&table, "\"u\":", 5000)
        }),
        in_the_frame_table(
            "more_frames_than_lines",
            "header says 2 frames of the payload",
            |table| table.replace("\"payload\":1", "\"payload\":2"),
        ),
        in_the_frame_table(
            "frame_table_of_a_later_format",
            "the frame table has format 2",
            |table| table.replace("\"format\":1", "\"format\":2"),
        ),
        in_the_frame_table("unknown_field_of_a_frame", "unknown field `o`", |table| {
            table.replace("{\"c\":", "{\"o\":0,\"c\":")
        }),
        in_the_frame_table(
            "frame_table_bomb",
            "the frame table may have at most",
            |_| "\n".repeat(512 << 20),
        ),
    ]
}

/// The index, the release document and the manifest.
fn documents() -> Vec<Attack> {
    vec![
        in_the_index("unknown_field_of_an_entry", "unknown field `m`", |index| {
            index.replace("\"t\":\"d\"", "\"t\":\"d\",\"m\":511")
        }),
        in_the_index("entry_in_another_form", "not in canonical form", |index| {
            index.replace("{\"p\"", "{ \"p\"")
        }),
        in_the_index(
            "index_without_an_end",
            "does not end with a line feed",
            |index| index.trim_end().to_owned(),
        ),
        in_the_index("huge_file", "a file may have at most", |index| {
            change_number(&index, "\"s\":", 1 << 60)
        }),
        // The release document.
        in_the_release(
            "unknown_field_of_the_release",
            "unknown field `label`",
            |release| release.replacen("{\"format\":1", "{\"format\":1,\"label\":\"1.0\"", 1),
        ),
        in_the_release("later_format", "the bundle has format 2", |release| {
            release.replacen("\"format\":1", "\"format\":2", 1)
        }),
        in_the_release("wrong_number_of_files", "there are 3 files", |release| {
            release.replace("\"files\":2", "\"files\":3")
        }),
        in_the_release(
            "wrong_number_of_bytes",
            "the files have 99 bytes",
            |release| change_number(&release, "\"bytes\":", 99),
        ),
        Attack {
            name: "release_of_another_project",
            reason: "acme/other",
            forge: honest()
                .release_text(|text| *text = text.replace("acme/billing", "acme/other"))
                .manifest_text(|text| *text = text.replace("billing-", "other-")),
        },
        in_the_release(
            "entry_in_the_way_of_a_persistent_path",
            "in the way of",
            |release| {
                release.replace(
                    "\"install\":{}",
                    "\"install\":{\"persist\":[\"readme/uploads\"]}",
                )
            },
        ),
        // The manifest.
        in_the_manifest(
            "unknown_field_of_the_manifest",
            "unknown field `subject`",
            |manifest| {
                manifest.replacen(
                    "{\"schemaVersion\"",
                    "{\"subject\":null,\"schemaVersion\"",
                    1,
                )
            },
        ),
        in_the_manifest(
            "foreign_media_type",
            "as the manifest's layers[1]",
            |manifest| manifest.replace("application/vnd.bulla.index.v1+zstd", "text/html"),
        ),
        in_the_manifest(
            "foreign_title",
            "not the one that belongs to its release",
            |manifest| manifest.replace("billing-7fd1", "../../etc-7fd1"),
        ),
        in_the_manifest(
            "payload_of_another_size",
            "its manifest names",
            |manifest| {
                // The last of the four sizes that is followed by the payload's title.
                let (before, after) = manifest.split_once(".v1.tar+zstd").unwrap();
                format!(
                    "{before}.v1.tar+zstd{}",
                    change_number(after, "\"size\":", 12)
                )
            },
        ),
    ]
}

/// Replaces the number behind the first `key`.
fn change_number(text: &str, key: &str, number: u64) -> String {
    let (before, after) = text.split_once(key).unwrap();
    let rest = after.trim_start_matches(|c: char| c.is_ascii_digit());
    format!("{before}{key}{number}{rest}")
}
