//! Content that is open for reading, whole or put together from frames.

use std::io::{self, Read, Seek as _, SeekFrom};
use std::ops::Range;
use std::vec;

use bytes::Bytes;
use futures_util::stream::{self, StreamExt as _, TryStreamExt as _};

use super::keys;
use super::recipe::{self, Portion, Recipe, Span};
use crate::blocking::blocking;
use crate::frames::Place;
use crate::objects::{Object, ObjectStream, Objects};
use crate::oci::digest::OciDigest;

/// Most bytes that are hashed before any of them is sent, which is some milliseconds of work for
/// however few that a client asks for. Frames of bundles have at most some 2 MiB.
const MOST_CHECKED: u64 = 8 << 20;

/// Content that is open for reading.
#[derive(Debug)]
pub(crate) struct Blob {
    size: u64,
    source: Source,
}

#[derive(Debug)]
enum Source {
    Whole(Object),
    Frames(Frames),
    /// In memory, and known to be what its digest says.
    Held(Bytes),
}

/// Packs are opened one after the other: a blob may lie in many.
#[derive(Debug)]
struct Frames {
    located: Located,
    /// What a reader has not come to yet, once it has begun.
    spans: Option<vec::IntoIter<Span>>,
    /// Where it is.
    open: Option<io::Take<Object>>,
    /// How many bytes it has read.
    read: u64,
}

/// A blob of frames, and where they lie. A pack that is not there may have been written again
/// meanwhile, and then the recipe says where its frames lie now.
#[derive(Debug)]
struct Located {
    objects: Objects,
    digest: OciDigest,
    recipe: Recipe,
}

/// The pieces of a part of a blob that are still to come.
struct Rest<P> {
    located: Located,
    ahead: vec::IntoIter<P>,
    /// Where in the blob the next one begins, and where the last one ends.
    bytes: Range<u64>,
}

/// Bytes of a blob that lie beside each other in one pack.
trait Piece: Sized + Send + 'static {
    /// Returns the pieces of a part of a blob, in their order.
    fn of(recipe: &Recipe, first: u64, length: u64) -> Vec<Self>;

    /// Opens the pack, which must hold all of the bytes.
    fn open_pack(&self, objects: &Objects) -> io::Result<Object>;

    /// Where in the pack the bytes begin.
    fn offset(&self) -> u64;

    /// How many bytes there are.
    fn length(&self) -> u64;
}

impl Blob {
    pub(super) fn whole(object: Object) -> Self {
        Self {
            size: object.size(),
            source: Source::Whole(object),
        }
    }

    pub(super) fn frames(objects: Objects, digest: OciDigest, recipe: Recipe) -> Self {
        Self {
            size: recipe.size(),
            source: Source::Frames(Frames {
                located: Located {
                    objects,
                    digest,
                    recipe,
                },
                spans: None,
                open: None,
                read: 0,
            }),
        }
    }

    pub(super) fn held(bytes: Bytes) -> Self {
        Self {
            size: bytes.len() as u64,
            source: Source::Held(bytes),
        }
    }

    /// Returns the size in bytes.
    pub(crate) fn size(&self) -> u64 {
        self.size
    }

    /// Returns all bytes where they are in memory and known to be right.
    pub(crate) fn in_memory(&self) -> Option<&Bytes> {
        match &self.source {
            Source::Held(bytes) => Some(bytes),
            Source::Whole(_) | Source::Frames(_) => None,
        }
    }

    /// Tells whether it is one object.
    pub(super) fn is_whole(&self) -> bool {
        matches!(self.source, Source::Whole(_))
    }

    /// Reads some bytes into memory; the caller has bounded how many.
    pub(crate) fn read_part(&mut self, part: &Range<u64>) -> io::Result<Vec<u8>> {
        let length = part.end.saturating_sub(part.start);
        let mut bytes = Vec::with_capacity(usize::try_from(length).unwrap_or(0));
        match &mut self.source {
            Source::Whole(object) => {
                object.seek(SeekFrom::Start(part.start))?;
                object.take(length).read_to_end(&mut bytes)?;
            }
            Source::Frames(Frames { located, .. }) => loop {
                match located.read(part.start, length, &mut bytes) {
                    Err(error) if located.has_moved(&error)? => bytes.clear(),
                    read => break read?,
                }
            },
            Source::Held(held) => bytes.extend_from_slice(sliced(held, part.start, length)),
        }
        if bytes.len() as u64 == length {
            Ok(bytes)
        } else {
            Err(io::ErrorKind::UnexpectedEof.into())
        }
    }

    /// Reads all bytes as a stream.
    pub(crate) fn stream(self) -> io::Result<ObjectStream> {
        let Frames { located, .. } = match self.source {
            Source::Whole(object) => return object.stream(0, self.size),
            Source::Held(bytes) => return Ok(stream::iter([Ok(bytes)]).boxed()),
            Source::Frames(frames) => frames,
        };
        Ok(Rest::<Span>::new(located, 0..self.size).stream())
    }

    /// Reads `length` bytes from `first` on as a stream. Every frame of which there are some is
    /// compared with its digest before they come, and content that is stored whole with `digest`:
    /// a part tells its reader nothing of that. What is larger than [`MOST_CHECKED`] comes as it is.
    pub(crate) fn part(self, digest: OciDigest, first: u64, length: u64) -> ObjectStream {
        let Frames { located, .. } = match self.source {
            Source::Whole(mut object) => {
                let checked = async move {
                    let check = move || {
                        check(&mut object, self.size, &digest)?;
                        Ok::<_, io::Error>(object)
                    };
                    blocking(check).await?.stream(first, length)
                };
                return stream::once(checked).try_flatten().boxed();
            }
            Source::Held(bytes) => {
                let part = bytes.slice_ref(sliced(&bytes, first, length));
                return stream::iter([Ok(part)]).boxed();
            }
            Source::Frames(frames) => frames,
        };
        Rest::<Portion>::new(located, first..first.saturating_add(length)).stream()
    }
}

impl Read for Blob {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match &mut self.source {
            Source::Whole(object) => object.read(buffer),
            Source::Frames(frames) => frames.read(self.size, buffer),
            Source::Held(rest) => {
                let count = rest.len().min(buffer.len());
                buffer[..count].copy_from_slice(&rest.split_to(count));
                Ok(count)
            }
        }
    }
}

impl Frames {
    fn read(&mut self, size: u64, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            if let Some(open) = &mut self.open {
                let read = open.read(buffer)?;
                if read > 0 || buffer.is_empty() {
                    self.read += read as u64;
                    return Ok(read);
                }
            }
            let (located, rest) = (&mut self.located, size.saturating_sub(self.read));
            let spans = || located.recipe.spans(self.read, rest).into_iter();
            let Some(span) = self.spans.get_or_insert_with(spans).next() else {
                return Ok(0);
            };
            match span.open(&located.objects) {
                Err(error) if located.has_moved(&error)? => self.spans = None,
                opened => self.open = Some(opened?),
            }
        }
    }
}

impl Located {
    fn read(&self, first: u64, length: u64, bytes: &mut Vec<u8>) -> io::Result<()> {
        for span in self.recipe.spans(first, length) {
            span.open(&self.objects)?.read_to_end(bytes)?;
        }
        Ok(())
    }

    /// Tells whether frames lie elsewhere by now, where a pack was missing.
    fn has_moved(&mut self, error: &io::Error) -> io::Result<bool> {
        if error.kind() != io::ErrorKind::NotFound {
            return Ok(false);
        }
        let key = keys::recipe(&self.digest);
        let text = self.objects.read(&key, recipe::MAX_LEN);
        let again = text.map_err(io::Error::other)?;
        match again.and_then(|text| Recipe::from_bytes(&text)) {
            Some(again) if again != self.recipe => {
                self.recipe = again;
                Ok(true)
            }
            _ => Ok(false),
        }
    }
}

impl<P: Piece> Rest<P> {
    fn new(located: Located, bytes: Range<u64>) -> Self {
        let ahead = P::of(&located.recipe, bytes.start, bytes.end - bytes.start);
        Self {
            located,
            ahead: ahead.into_iter(),
            bytes,
        }
    }

    /// Opens the pack of the next piece.
    fn next(&mut self) -> io::Result<Option<(Object, P)>> {
        loop {
            let Some(piece) = self.ahead.next() else {
                return Ok(None);
            };
            match piece.open_pack(&self.located.objects) {
                Err(error) if self.located.has_moved(&error)? => {
                    let length = self.bytes.end - self.bytes.start;
                    let again = P::of(&self.located.recipe, self.bytes.start, length);
                    self.ahead = again.into_iter();
                }
                opened => {
                    self.bytes.start += piece.length();
                    return Ok(Some((opened?, piece)));
                }
            }
        }
    }

    fn stream(self) -> ObjectStream {
        let pieces = stream::try_unfold(self, |mut rest| async move {
            let opened = blocking(move || Ok::<_, io::Error>((rest.next()?, rest)));
            let (opened, rest) = opened.await?;
            let Some((pack, piece)) = opened else {
                return Ok::<_, io::Error>(None);
            };
            let bytes = pack.stream(piece.offset(), piece.length())?;
            Ok(Some((bytes, rest)))
        });
        pieces.try_flatten().boxed()
    }
}

impl Piece for Span {
    fn of(recipe: &Recipe, first: u64, length: u64) -> Vec<Self> {
        recipe.spans(first, length)
    }

    fn open_pack(&self, objects: &Objects) -> io::Result<Object> {
        let Place { pack, offset } = &self.place;
        let object = objects.get(&keys::pack(*pack)).map_err(io::Error::other)?;
        let wrong = |kind, what| io::Error::new(kind, format!("pack {pack} {what}"));
        let object = object.ok_or_else(|| wrong(io::ErrorKind::NotFound, "is missing"))?;
        if object.size() < offset.saturating_add(self.length) {
            return Err(wrong(io::ErrorKind::UnexpectedEof, "is too short"));
        }
        Ok(object)
    }

    fn offset(&self) -> u64 {
        self.place.offset
    }

    fn length(&self) -> u64 {
        self.length
    }
}

impl Piece for Portion {
    fn of(recipe: &Recipe, first: u64, length: u64) -> Vec<Self> {
        recipe.portions(first, length)
    }

    /// Compares the frames with their digests, too.
    fn open_pack(&self, objects: &Objects) -> io::Result<Object> {
        let mut pack = self.span.open_pack(objects)?;
        pack.seek(SeekFrom::Start(self.span.place.offset))?;
        // A frame that is too large to be checked is a portion of its own, so nothing is skipped.
        for frame in &self.frames {
            check(&mut pack, frame.size, &frame.digest.into())?;
        }
        Ok(pack)
    }

    fn offset(&self) -> u64 {
        self.span.place.offset + self.skip
    }

    fn length(&self) -> u64 {
        self.length
    }
}

impl Span {
    /// Opens the bytes for reading.
    pub(super) fn open(&self, objects: &Objects) -> io::Result<io::Take<Object>> {
        let mut pack = self.open_pack(objects)?;
        pack.seek(SeekFrom::Start(self.place.offset))?;
        Ok(pack.take(self.length))
    }
}

/// Returns those bytes of a part that there are.
fn sliced(bytes: &Bytes, first: u64, length: u64) -> &[u8] {
    let end = |at: u64| usize::try_from(at).unwrap_or(usize::MAX).min(bytes.len());
    &bytes[end(first)..end(first.saturating_add(length))]
}

/// Compares the next `size` bytes with their digest, unless they are too many.
fn check(object: &mut Object, size: u64, expected: &OciDigest) -> io::Result<()> {
    if size > MOST_CHECKED {
        return Ok(());
    }
    let found = OciDigest::read(expected.algorithm(), &mut object.take(size))?;
    if found == *expected {
        return Ok(());
    }
    let message = format!("expected bytes with digest {expected}, found {found}");
    Err(io::Error::new(io::ErrorKind::InvalidData, message))
}

#[cfg(test)]
mod tests {
    use bulla_schemas::Digest;
    use futures_util::TryStreamExt as _;
    use tokio::runtime::Runtime;

    use super::super::world::{FIRST, SECOND, World, bytes_of, content, in_every_world};
    use super::*;
    use crate::frames::Places;

    #[test]
    fn a_stream_is_exactly_the_range() {
        let runtime = Runtime::new().unwrap();
        in_every_world(|world| {
            let (_, places) = world.push(&content(&FIRST), &Places::new());
            let second = content(&SECOND);
            let (digest, _) = world.push(&second, &places);
            let edges = [
                0, 1, 29_999, 30_000, 30_001, 80_000, 134_999, 184_999, 185_000,
            ];
            for first in edges {
                for end in edges.into_iter().filter(|end| first <= *end) {
                    let blob = world.store.open(&digest).unwrap().unwrap();
                    let read = runtime.block_on(async {
                        let (first, length) = (first as u64, (end - first) as u64);
                        let part = blob.part(digest.clone(), first, length);
                        part.try_collect::<Vec<_>>().await
                    });
                    assert_eq!(read.unwrap().concat(), second[first..end], "{first}-{end}");
                }
            }
            let blob = world.store.open(&digest).unwrap().unwrap();
            let read = runtime.block_on(async { blob.stream()?.try_collect::<Vec<_>>().await });
            assert_eq!(read.unwrap().concat(), second);
        });
    }

    #[test]
    fn a_part_ends_before_the_first_frame_that_is_damaged() {
        let runtime = Runtime::new().unwrap();
        in_every_world(|world| {
            let first = content(&FIRST);
            let (digest, places) = world.push(&first, &Places::new());
            let place = places[&Digest::of(&bytes_of(2, 40_000))];
            let mut damaged = first.clone();
            damaged[usize::try_from(place.offset).unwrap() + 10] ^= 1;
            world.overwrite(&keys::pack(place.pack), &damaged);
            // The damaged byte is not among those asked for, but its frame is.
            for (begin, end, is_right) in [
                (60_000, 60_001, false),
                (30_000, 30_001, false),
                (29_999, 30_001, false),
                (0, 30_000, true),
                (70_000, 125_000, true),
            ] {
                let blob = world.store.open(&digest).unwrap().unwrap();
                let length = (end - begin) as u64;
                let part = blob.part(digest.clone(), begin as u64, length);
                let read = runtime.block_on(part.try_collect::<Vec<_>>());
                assert_eq!(read.is_ok(), is_right, "{begin}-{end}: {read:?}");
                assert!(read.is_err() || read.unwrap().concat() == first[begin..end]);
            }
        });
    }

    #[test]
    fn a_part_of_damaged_content_that_is_stored_whole_is_not_read() {
        let runtime = Runtime::new().unwrap();
        in_every_world(|world| {
            let content = bytes_of(1, 30_000);
            let (mut upload, digest) = world.upload(&content);
            world.store.adopt(&mut upload, &digest).unwrap();
            let part = |world: &World| {
                let blob = world.store.open(&digest).unwrap().unwrap();
                let part = blob.part(digest.clone(), 100, 50);
                runtime.block_on(part.try_collect::<Vec<_>>())
            };
            assert_eq!(part(world).unwrap().concat(), content[100..150]);
            world.overwrite(&keys::content(&digest), &bytes_of(2, 30_000));
            assert!(part(world).is_err());
        });
    }
}
