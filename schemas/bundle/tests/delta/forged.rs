//! Deltas that lie, and how far each comes.

use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};

use bulla_bundle::{DeltaError, DeltaPiece};
use bulla_schemas::Digest;
use bulla_schemas::outcome::{FailureKind, Outcome as _};
use proptest::prelude::*;

use super::release::Release;
use super::small_project;
use crate::history::noise;

/// Returns the first frame of a delta.
pub(super) fn documents_frame(delta: &[u8]) -> &[u8] {
    &delta[..zstd::zstd_safe::find_frame_compressed_size(delta).unwrap()]
}

/// A delta between two releases, and what it consists of.
struct Forge {
    have: Release,
    want: Release,
    delta: Vec<u8>,
    header: String,
    documents: Vec<u8>,
    pieces: Vec<u8>,
}

impl Forge {
    /// One file changes and one is new, so that there are pieces of both kinds.
    fn new() -> Self {
        let mut files = small_project();
        let have = Release::of(&files, 1);
        files.insert("src/05/56.txt".to_owned(), b"another\n".to_vec());
        files.insert("src/film".to_owned(), noise(2_000_000, 7));
        Self::of(have, Release::of(&files, 2))
    }

    fn of(have: Release, want: Release) -> Self {
        let delta = have.delta_to(&want);
        let first = documents_frame(&delta);
        let pieces = delta[first.len()..].to_vec();
        let mut text = Vec::new();
        let dictionary = have.documents();
        zstd::Decoder::with_ref_prefix(first, &dictionary)
            .unwrap()
            .read_to_end(&mut text)
            .unwrap();
        let line = text.iter().position(|byte| *byte == b'\n').unwrap();
        Self {
            header: String::from_utf8(text[..line].to_vec()).unwrap(),
            documents: text[line + 1..].to_vec(),
            have,
            want,
            delta,
            pieces,
        }
    }

    /// The same delta with another header, other documents, other pieces.
    fn with(&self, header: &str, documents: &[u8], pieces: &[u8]) -> Vec<u8> {
        let text = [header.as_bytes(), b"\n", documents].concat();
        let mut delta = compress(&text, &self.have.documents());
        delta.extend_from_slice(pieces);
        delta
    }

    fn with_header(&self, from: &str, to: &str) -> Vec<u8> {
        assert!(self.header.contains(from), "{from} in {}", self.header);
        let header = self.header.replacen(from, to, 1);
        self.with(&header, &self.documents, &self.pieces)
    }

    fn refusal(&self, delta: &[u8]) -> DeltaError {
        let error = self.have.read(self.want.parts.hash(), delta).unwrap_err();
        assert_eq!(error.kind(), FailureKind::Refused);
        assert!(error.hint().is_some());
        error
    }

    /// Reads a delta to its last piece, with whatever dictionaries it asks for.
    fn read_whole(&self, delta: &[u8]) -> Result<(), DeltaError> {
        let delta = self.have.read(self.want.parts.hash(), delta)?;
        for received in &delta.pieces {
            let piece = received.piece();
            let dictionary = self.have.contents(piece.part(), piece.from()).concat();
            received.decode(&dictionary)?;
        }
        Ok(())
    }
}

fn compress(content: &[u8], dictionary: &[u8]) -> Vec<u8> {
    let mut encoder = zstd::Encoder::with_ref_prefix(Vec::new(), 3, dictionary).unwrap();
    encoder.window_log(20).unwrap();
    encoder
        .set_pledged_src_size(Some(content.len() as u64))
        .unwrap();
    encoder.write_all(content).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn another_program_can_make_a_delta() {
    let forge = Forge::new();
    let delta = forge.with(&forge.header, &forge.documents, &forge.pieces);
    forge.have.assert_leads_to(&forge.want, &delta);
}

#[test]
fn refuses_a_header_that_lies() {
    let forge = Forge::new();
    let size = |name: &str| {
        let start = forge.header.find(&format!("\"{name}\":")).unwrap() + name.len() + 3;
        let digits = forge.header[start..].find(',').unwrap();
        forge.header[start..start + digits].to_owned()
    };
    let lie = |name: &str, value: &str| {
        let [from, to] = [size(name), value.to_owned()].map(|size| format!("\"{name}\":{size},"));
        forge.refusal(&forge.with_header(&from, &to))
    };
    for name in ["manifest", "release", "frames"] {
        for value in ["0", "1", "18446744073709551615"] {
            let error = lie(name, value);
            assert!(matches!(error, DeltaError::Lengths { .. }), "{error}");
        }
    }
    let error = lie("format", "2");
    assert_eq!(error.to_string(), "the delta has format 2, expected 1");
    let lengths: Vec<u64> = ["manifest", "release"]
        .map(|name| size(name).parse().unwrap())
        .into();
    let moved = forge.header.replacen(
        &format!("\"manifest\":{},\"release\":{}", lengths[0], lengths[1]),
        &format!(
            "\"manifest\":{},\"release\":{}",
            lengths[0] - 1,
            lengths[1] + 1
        ),
        1,
    );
    let error = forge.refusal(&forge.with(&moved, &forge.documents, &forge.pieces));
    assert!(matches!(error, DeltaError::Verify(_)), "{error}");
}

#[test]
fn refuses_a_header_of_another_form() {
    let forge = Forge::new();
    let error = forge.refusal(&forge.with_header("\"format\":1", "\"format\": 1"));
    assert!(matches!(error, DeltaError::NotCanonical), "{error}");
    let error = forge.refusal(&forge.with_header("\"format\":1", "\"x\":1,\"format\":1"));
    assert!(matches!(error, DeltaError::Header(_)), "{error}");
    let error = forge.refusal(&compress(b"no line", &forge.have.documents()));
    assert!(matches!(error, DeltaError::Unterminated), "{error}");
}

#[test]
fn refuses_pieces_that_have_no_place() {
    let forge = Forge::new();
    let first = |list: &str| {
        let start = forge.header.find(&format!("\"{list}\":[{{\"n\":")).unwrap() + list.len() + 9;
        let end = forge.header[start..].find([',', '}']).unwrap();
        (start, forge.header[start..start + end].to_owned())
    };
    for list in ["index", "payload"] {
        let (_, position) = first(list);
        let at = |position: &str| format!("\"{list}\":[{{\"n\":{position}");
        for beyond in ["999", "18446744073709551615"] {
            let delta = forge.with_header(&at(&position), &at(beyond));
            let error = forge.refusal(&delta);
            assert!(matches!(error, DeltaError::NoSuchFrame { .. }), "{error}");
        }
        let twice = format!("\"{list}\":[{{\"n\":{position}}},{{\"n\":{position}");
        let error = forge.refusal(&forge.with_header(&at(&position), &twice));
        assert!(matches!(error, DeltaError::Order { .. }), "{error}");
    }
    let run = forge.header.find("\"f\":[").unwrap();
    let end = forge.header[run..].find(']').unwrap() + run + 1;
    for wrong in ["[0,999]", "[1,1]", "[2,1]", "[18446744073709551615,0]"] {
        let delta = forge.with_header(&forge.header[run..end], &format!("\"f\":{wrong}"));
        let error = forge.refusal(&delta);
        assert!(
            matches!(error, DeltaError::NoSuchDictionary { .. }),
            "{error}"
        );
    }
}

#[test]
fn refuses_a_dictionary_that_is_too_large() {
    let files = BTreeMap::from([("a".to_owned(), noise(6_000_000, 1))]);
    let have = Release::of(&files, 1);
    let want = Release::of(&BTreeMap::from([("a".to_owned(), noise(400_000, 2))]), 2);
    let frames = have.parts.payload_frames().len();
    let forge = Forge::of(have, want);
    let run = forge.header.find("\"payload\":[").unwrap();
    let header = format!(
        "{}\"payload\":[{{\"n\":0,\"f\":[0,{frames}]}}]}}",
        &forge.header[..run]
    );
    let error = forge.refusal(&forge.with(&header, &forge.documents, &forge.pieces));
    assert_eq!(
        error.to_string(),
        format!(
            "expected a dictionary of {} bytes at most for a piece, found 6001664",
            DeltaPiece::DICTIONARY
        )
    );
}

#[test]
fn refuses_a_delta_to_another_release() {
    let forge = Forge::new();
    let error = forge
        .have
        .read(Digest::of(b"another"), &forge.delta)
        .unwrap_err();
    assert!(matches!(error, DeltaError::Verify(_)), "{error}");
    // Read with the wrong bundle, it has the wrong dictionary.
    let error = forge
        .want
        .read(forge.want.parts.hash(), &forge.delta)
        .map(|_| ());
    assert!(error.is_err());
}

#[test]
fn refuses_documents_that_were_changed() {
    let forge = Forge::new();
    for at in [20, forge.documents.len() / 2, forge.documents.len() - 20] {
        let mut documents = forge.documents.clone();
        documents[at] ^= 1;
        let delta = forge.with(&forge.header, &documents, &forge.pieces);
        let error = forge.refusal(&delta);
        let is_seen = matches!(error, DeltaError::Verify(_) | DeltaError::NoFrameTable);
        assert!(is_seen, "{error}");
    }
}

#[test]
fn a_frame_table_of_another_libzstd_is_fetched() {
    use bulla_bundle::{DeltaDocuments, Limits};
    let forge = Forge::new();
    let mut documents = forge.documents.clone();
    let end = documents.len() - 2;
    documents[end] = b' ';
    let delta = forge.with(&forge.header, &documents, &forge.pieces);
    let hash = forge.want.parts.hash();
    let read = || {
        let (have, limits) = (&forge.have.parts, Limits::default());
        let documents = DeltaDocuments::read(delta.clone().into(), have, hash, &limits).unwrap();
        assert!(documents.lacks_frame_table());
        assert_eq!(documents.manifest(), forge.want.parts.manifest());
        documents
    };
    let blob = forge.want.parts.frames_blob().to_vec();
    let delta = read().verify(&forge.have.parts, Some(blob)).unwrap();
    assert!(!delta.pieces.is_empty());
    let error = read().verify(&forge.have.parts, Some(b"other".to_vec()));
    assert!(matches!(error, Err(DeltaError::Verify(_))));
}

#[test]
fn refuses_what_is_cut_short_or_goes_on() {
    let forge = Forge::new();
    let first = documents_frame(&forge.delta).len();
    for length in [0, 1, first - 1, first, first + 1, forge.delta.len() - 1] {
        let error = forge.refusal(&forge.delta[..length]);
        let is_seen = matches!(error, DeltaError::Documents(_) | DeltaError::Truncated);
        assert!(is_seen, "{length}: {error}");
    }
    let more = [&forge.delta[..], b"x"].concat();
    let error = forge.refusal(&more);
    assert!(
        matches!(error, DeltaError::Trailing { found: 1 }),
        "{error}"
    );
}

#[test]
fn refuses_documents_that_say_they_are_endless() {
    let forge = Forge::new();
    // A frame header with a content size of 2^60 bytes, and one empty last block.
    let mut delta = vec![0x28, 0xb5, 0x2f, 0xfd, 0xe0];
    delta.extend((1_u64 << 60).to_le_bytes());
    delta.extend([1, 0, 0]);
    let error = forge.refusal(&delta);
    assert!(matches!(error, DeltaError::Documents(_)), "{error}");
}

#[test]
fn refuses_a_piece_that_is_another_content() {
    let forge = Forge::new();
    let honest = forge
        .have
        .read(forge.want.parts.hash(), &forge.delta)
        .unwrap();
    let received = honest
        .pieces
        .iter()
        .find(|one| !one.piece().from().is_empty());
    let piece = received.unwrap().piece();
    let dictionary = forge.have.contents(piece.part(), piece.from()).concat();
    let size = usize::try_from(piece.frame().record.size).unwrap();
    let rest = {
        let own = zstd::zstd_safe::find_frame_compressed_size(&forge.pieces).unwrap();
        assert_eq!(honest.pieces[0].piece(), piece);
        &forge.pieces[own..]
    };
    // Content of the right size, one byte more, a bomb.
    for content in [vec![0; size], vec![0; size + 1], vec![0; 50_000_000]] {
        let pieces = [&compress(&content, &dictionary)[..], rest].concat();
        let delta = forge.with(&forge.header, &forge.documents, &pieces);
        let error = forge.read_whole(&delta).unwrap_err();
        assert!(matches!(error, DeltaError::Piece { .. }), "{error}");
    }
}

#[test]
fn refuses_a_dictionary_that_someone_edited() {
    let forge = Forge::new();
    let delta = forge
        .have
        .read(forge.want.parts.hash(), &forge.delta)
        .unwrap();
    for received in delta
        .pieces
        .iter()
        .filter(|one| !one.piece().from().is_empty())
    {
        let piece = received.piece();
        let dictionary = forge.have.contents(piece.part(), piece.from()).concat();
        let other: Vec<u8> = dictionary.iter().map(|byte| byte ^ 1).collect();
        let error = received.decode(&other).unwrap_err();
        assert!(matches!(error, DeltaError::Piece { .. }), "{error}");
        let error = received.decode(&dictionary[1..]).unwrap_err();
        assert!(
            matches!(error, DeltaError::DictionarySize { .. }),
            "{error}"
        );
        received.decode(&dictionary).unwrap();
    }
}

#[test]
fn refuses_more_than_the_limit() {
    let forge = Forge::new();
    let delta = [&forge.delta[..], &vec![0; 32 << 20]].concat();
    let error = forge.refusal(&delta);
    assert!(matches!(error, DeltaError::Limit(_)), "{error}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4, ..ProptestConfig::default() })]

    #[test]
    fn whatever_happens_to_a_delta_it_is_read_or_refused(
        seeds in prop::collection::vec((any::<u32>(), any::<u8>(), 0..4_u8), 200),
    ) {
        let forge = Forge::new();
        for (at, byte, how) in seeds {
            let mut delta = forge.delta.clone();
            // Half of them hit the documents and the heads of the first pieces.
            let reach = if how % 2 == 0 { delta.len() } else { delta.len().min(2_000) };
            let at = at as usize % reach;
            match how {
                0 | 1 => delta[at] = byte,
                2 => delta.truncate(at),
                _ => { delta.insert(at, byte); }
            }
            // Frames that came by a delta have the digests that they had without.
            let _ = forge.read_whole(&delta);
        }
    }
}
