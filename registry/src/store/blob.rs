//! Content that is open for reading, whole or put together from frames.

use std::io::{self, Read, Seek as _, SeekFrom};
use std::ops::Range;
use std::vec;

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

/// The portions of a part that are still to come.
struct Portions {
    located: Located,
    ahead: vec::IntoIter<Portion>,
    /// Where in the blob the next one begins, and where the last one ends.
    rest: Range<u64>,
}

/// The spans of a whole blob that are still to come.
struct Spans {
    located: Located,
    ahead: vec::IntoIter<Span>,
    rest: Range<u64>,
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

    /// Returns the size in bytes.
    pub(crate) fn size(&self) -> u64 {
        self.size
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
            Source::Frames(frames) => frames,
        };
        let spans = Spans {
            ahead: located.recipe.spans(0, self.size).into_iter(),
            located,
            rest: 0..self.size,
        };
        let packs = stream::try_unfold(spans, |mut spans| async move {
            let opened = blocking(move || Ok::<_, io::Error>((spans.next()?, spans)));
            let (opened, spans) = opened.await?;
            let Some((pack, span)) = opened else {
                return Ok::<_, io::Error>(None);
            };
            let bytes = pack.stream(span.place.offset, span.length)?;
            Ok(Some((bytes, spans)))
        });
        Ok(packs.try_flatten().boxed())
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
            Source::Frames(frames) => frames,
        };
        let portions = Portions {
            ahead: located.recipe.portions(first, length).into_iter(),
            located,
            rest: first..first.saturating_add(length),
        };
        let packs = stream::try_unfold(portions, |mut portions| async move {
            let checked = blocking(move || Ok::<_, io::Error>((portions.next()?, portions)));
            let (checked, portions) = checked.await?;
            let Some((pack, portion)) = checked else {
                return Ok::<_, io::Error>(None);
            };
            let first = portion.span.place.offset + portion.skip;
            let bytes = pack.stream(first, portion.length)?;
            Ok(Some((bytes, portions)))
        });
        packs.try_flatten().boxed()
    }
}

impl Read for Blob {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match &mut self.source {
            Source::Whole(object) => object.read(buffer),
            Source::Frames(frames) => frames.read(self.size, buffer),
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

impl Spans {
    /// Opens the next pack.
    fn next(&mut self) -> io::Result<Option<(Object, Span)>> {
        loop {
            let Some(span) = self.ahead.next() else {
                return Ok(None);
            };
            match span.pack(&self.located.objects) {
                Err(error) if self.located.has_moved(&error)? => {
                    let length = self.rest.end - self.rest.start;
                    let spans = self.located.recipe.spans(self.rest.start, length);
                    self.ahead = spans.into_iter();
                }
                opened => {
                    self.rest.start += span.length;
                    return Ok(Some((opened?, span)));
                }
            }
        }
    }
}

impl Portions {
    /// Opens the next pack, and compares the frames with their digests.
    fn next(&mut self) -> io::Result<Option<(Object, Portion)>> {
        loop {
            let Some(portion) = self.ahead.next() else {
                return Ok(None);
            };
            match portion.checked(&self.located.objects) {
                Err(error) if self.located.has_moved(&error)? => {
                    let length = self.rest.end - self.rest.start;
                    let portions = self.located.recipe.portions(self.rest.start, length);
                    self.ahead = portions.into_iter();
                }
                opened => {
                    self.rest.start += portion.length;
                    return Ok(Some((opened?, portion)));
                }
            }
        }
    }
}

impl Span {
    /// Opens the bytes for reading.
    pub(super) fn open(&self, objects: &Objects) -> io::Result<io::Take<Object>> {
        let mut pack = self.pack(objects)?;
        pack.seek(SeekFrom::Start(self.place.offset))?;
        Ok(pack.take(self.length))
    }

    /// Opens the pack, which must hold all of the bytes.
    fn pack(&self, objects: &Objects) -> io::Result<Object> {
        let Place { pack, offset } = &self.place;
        let object = objects.get(&keys::pack(*pack)).map_err(io::Error::other)?;
        let wrong = |kind, what| io::Error::new(kind, format!("pack {pack} {what}"));
        let object = object.ok_or_else(|| wrong(io::ErrorKind::NotFound, "is missing"))?;
        if object.size() < offset.saturating_add(self.length) {
            return Err(wrong(io::ErrorKind::UnexpectedEof, "is too short"));
        }
        Ok(object)
    }
}

impl Portion {
    /// Opens the pack, and compares the frames with their digests.
    fn checked(&self, objects: &Objects) -> io::Result<Object> {
        let mut pack = self.span.pack(objects)?;
        pack.seek(SeekFrom::Start(self.span.place.offset))?;
        // A frame that is too large to be checked is a portion of its own, so nothing is skipped.
        for frame in &self.frames {
            check(&mut pack, frame.size, &frame.digest.into())?;
        }
        Ok(pack)
    }
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
            let (upload, digest) = world.upload(&content);
            world.store.adopt(&upload, &digest).unwrap();
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
