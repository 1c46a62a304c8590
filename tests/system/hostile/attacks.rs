//! The attacks, by the stage at which they lie.

use super::forge::{Entry, Forge, compress, sum};

/// A forged bundle and the words in which it is refused.
pub(crate) struct Attack {
    pub(crate) name: &'static str,
    pub(crate) reason: &'static str,
    pub(crate) forge: Forge,
}

const fn in_the_tree(
    name: &'static str,
    reason: &'static str,
    entries: fn(&mut Vec<Entry>),
) -> Attack {
    let forge = Forge {
        entries,
        ..Forge::HONEST
    };
    Attack {
        name,
        reason,
        forge,
    }
}

const fn in_the_tar(name: &'static str, reason: &'static str, tar: fn(&mut Vec<u8>)) -> Attack {
    let forge = Forge {
        tar,
        ..Forge::HONEST
    };
    Attack {
        name,
        reason,
        forge,
    }
}

const fn in_the_index(
    name: &'static str,
    reason: &'static str,
    index: fn(String) -> String,
) -> Attack {
    let forge = Forge {
        index,
        ..Forge::HONEST
    };
    Attack {
        name,
        reason,
        forge,
    }
}

const fn in_the_frame(
    name: &'static str,
    reason: &'static str,
    frame: fn(Vec<u8>) -> Vec<u8>,
) -> Attack {
    let forge = Forge {
        frame,
        ..Forge::HONEST
    };
    Attack {
        name,
        reason,
        forge,
    }
}

const fn in_the_frame_table(
    name: &'static str,
    reason: &'static str,
    frame_table: fn(String) -> String,
) -> Attack {
    let forge = Forge {
        frame_table,
        ..Forge::HONEST
    };
    Attack {
        name,
        reason,
        forge,
    }
}

const fn in_the_release(
    name: &'static str,
    reason: &'static str,
    release: fn(String) -> String,
) -> Attack {
    let forge = Forge {
        release,
        ..Forge::HONEST
    };
    Attack {
        name,
        reason,
        forge,
    }
}

const fn in_the_manifest(
    name: &'static str,
    reason: &'static str,
    manifest: fn(String) -> String,
) -> Attack {
    let forge = Forge {
        manifest,
        ..Forge::HONEST
    };
    Attack {
        name,
        reason,
        forge,
    }
}

/// Every attack. The second word is a part of what the installer says.
pub(crate) const ATTACKS: &[Attack] = &[
    // Paths and links.
    in_the_tree("absolute_path", "the path is absolute", |entries| {
        entries.insert(0, Entry::file("/etc/bulla-was-here", b"x"));
    }),
    in_the_tree(
        "parent_directory",
        "the path has a part \"..\"",
        |entries| {
            entries.insert(0, Entry::file("../bulla-was-here", b"x"));
        },
    ),
    in_the_tree("dot", "the path has a part \".\"", |entries| {
        entries.insert(0, Entry::file("./readme", b"x"));
    }),
    in_the_tree("empty_part", "the path has a part \"\"", |entries| {
        entries.insert(1, Entry::file("bin//app", b"x"));
    }),
    in_the_tree("control_character", "has a control character", |entries| {
        entries.push(Entry::file("readme\u{1b}[2J", b"x"));
    }),
    in_the_tree(
        "endless_name",
        "a part of the path is 256 bytes long",
        |entries| {
            // The header would not hold it: only the index says it.
            entries.push(Entry::file("z", b"x"));
            entries[4].path = "z".repeat(90);
        },
    )
    .with_index(|index| index.replace(&"z".repeat(90), &"z".repeat(256))),
    in_the_tree("link_out_of_the_tree", "\"../../outside\"", |entries| {
        entries[2] = Entry::link("bin/run", "../../outside");
    }),
    in_the_tree("absolute_link", "\"/etc/passwd\"", |entries| {
        entries[2] = Entry::link("bin/run", "/etc/passwd");
    }),
    in_the_tree(
        "link_bent_by_another_link",
        "`..` after a name",
        |entries| {
            entries[2] = Entry::link("bin/run", "sub/../../../outside");
        },
    ),
    in_the_tree(
        "file_through_a_link",
        "which is not a directory",
        |entries| {
            entries.push(Entry::link("x", "bin"));
            entries.push(Entry::file("x/app", b"through the link"));
        },
    ),
    in_the_tree(
        "file_in_no_directory",
        "lies in a directory that is not",
        |entries| {
            entries.push(Entry::file("sub/readme", b"x"));
        },
    ),
    in_the_tree("duplicate", "stands twice", |entries| {
        entries.push(Entry::file("readme", b"other\n"));
    }),
    in_the_tree("unsorted", "must be sorted", |entries| entries.swap(0, 3)),
    in_the_tree("no_entries", "a frame with 0 bytes of content", Vec::clear),
    in_the_tree(
        "the_installers_own_file",
        "is reserved for the installer",
        |entries| {
            entries.insert(0, Entry::file(".bulla-release", b"promoted by alice"));
        },
    ),
    // Headers of the tar that say other things than the index.
    in_the_tar("device", "typeflag", |tar| {
        header(tar, |app| app[156] = b'3');
    }),
    in_the_tar("hard_link", "linkname", |tar| {
        header(tar, |app| app[157..163].copy_from_slice(b"readme"));
    }),
    in_the_tar("set_id", "mode", |tar| {
        header(tar, |app| app[100..107].copy_from_slice(b"0004755"));
    }),
    in_the_tar("owner", "uid", |tar| {
        header(tar, |app| app[108..115].copy_from_slice(b"0001750"));
    }),
    in_the_tar("time", "mtime", |tar| {
        header(tar, |app| app[136..147].copy_from_slice(b"17000000000"));
    }),
    in_the_tar("another_name", "name", |tar| {
        header(tar, |app| app[..7].copy_from_slice(b"bin/sh\0"));
    }),
    in_the_tar("bytes_behind_the_content", "hides bytes", |tar| {
        tar[2 * 512 + 100] = b'x';
    }),
    in_the_tar("other_content", "the payload has", |tar| tar[2 * 512] ^= 1),
    in_the_tar("no_end", "does not end with two blocks of zeros", |tar| {
        *tar.last_mut().unwrap() = 1;
    }),
    in_the_tar("pax_size_lie", "the index describes one of", |tar| {
        let mut lie = Entry::file("././@PaxHeader", b"13 size=9999\n");
        lie.flag = b'x';
        let mut record = lie.header().to_vec();
        record.extend_from_slice(&lie.content);
        record.resize(1024, 0);
        tar.splice(512..512, record);
    }),
    // Frames.
    in_the_frame(
        "truncated_frame",
        "frame 0 of the payload is refused",
        |frame| frame[..frame.len() - 10].to_vec(),
    ),
    in_the_frame("frame_bomb", "it says that it has 67108864", |_| {
        compress(&vec![0; 64 << 20])
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
    Attack {
        name: "frame_table_bomb",
        reason: "the frame table may have at most",
        forge: Forge {
            frame_table_blob: |_| compress(&vec![b'\n'; 512 << 20]),
            ..Forge::HONEST
        },
    },
    // The index.
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
        forge: Forge {
            release: |release| release.replace("acme/billing", "acme/other"),
            manifest: |manifest| manifest.replace("billing-", "other-"),
            ..Forge::HONEST
        },
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
];

impl Attack {
    const fn with_index(self, index: fn(String) -> String) -> Self {
        Self {
            forge: Forge {
                index,
                ..self.forge
            },
            ..self
        }
    }
}

/// Changes the header of `bin/app`, which stands in the second block, and sums it up again.
fn header(tar: &mut [u8], change: fn(&mut [u8])) {
    let app = &mut tar[512..1024];
    change(app);
    sum(app);
}

/// Replaces the number behind the first `key`.
fn change_number(text: &str, key: &str, number: u64) -> String {
    let (before, after) = text.split_once(key).unwrap();
    let rest = after.trim_start_matches(|c: char| c.is_ascii_digit());
    format!("{before}{key}{number}{rest}")
}
