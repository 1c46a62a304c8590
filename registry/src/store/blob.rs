//! Content that is open for reading, whole or put together from frames.

use std::io::{self, Read, Seek as _, SeekFrom};
use std::ops::Range;
use std::vec;

use futures_util::stream::{self, StreamExt as _, TryStreamExt as _};

use super::keys;
use super::recipe::{Portion, Recipe, Span};
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
    objects: Objects,
    recipe: Recipe,
    /// What a reader has not come to yet, once it has begun.
    spans: Option<vec::IntoIter<Span>>,
    /// Where it is.
    open: Option<io::Take<Object>>,
}

impl Blob {
    pub(super) fn whole(object: Object) -> Self {
        Self {
            size: object.size(),
            source: Source::Whole(object),
        }
    }

    pub(super) fn frames(objects: Objects, recipe: Recipe) -> Self {
        Self {
            size: recipe.size(),
            source: Source::Frames(Frames {
                objects,
                recipe,
                spans: None,
                open: None,
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
            Source::Frames(frames) => {
                for span in frames.recipe.spans(part.start, length) {
                    span.open(&frames.objects)?.read_to_end(&mut bytes)?;
                }
            }
        }
        if bytes.len() as u64 == length {
            Ok(bytes)
        } else {
            Err(io::ErrorKind::UnexpectedEof.into())
        }
    }

    /// Reads all bytes as a stream.
    pub(crate) fn stream(self) -> io::Result<ObjectStream> {
        let Frames {
            objects, recipe, ..
        } = match self.source {
            Source::Whole(object) => return object.stream(0, self.size),
            Source::Frames(frames) => frames,
        };
        let spans = stream::iter(recipe.spans(0, self.size));
        let frames = spans.then(move |span| {
            let objects = objects.clone();
            async move {
                let opened = blocking(move || Ok::<_, io::Error>((span.pack(&objects)?, span)));
                let (pack, span) = opened.await?;
                pack.stream(span.place.offset, span.length)
            }
        });
        Ok(frames.try_flatten().boxed())
    }

    /// Reads `length` bytes from `first` on as a stream. Every frame of which there are some is
    /// compared with its digest before they come, and content that is stored whole with `digest`:
    /// a part tells its reader nothing of that. What is larger than [`MOST_CHECKED`] comes as it is.
    pub(crate) fn part(self, digest: OciDigest, first: u64, length: u64) -> ObjectStream {
        let Frames {
            objects, recipe, ..
        } = match self.source {
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
        let portions = stream::iter(recipe.portions(first, length));
        let portions = portions.then(move |portion| {
            let objects = objects.clone();
            async move {
                let checked =
                    blocking(move || Ok::<_, io::Error>((portion.checked(&objects)?, portion)));
                let (pack, portion) = checked.await?;
                pack.stream(portion.span.place.offset + portion.skip, portion.length)
            }
        });
        portions.try_flatten().boxed()
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
                    return Ok(read);
                }
            }
            let spans = self
                .spans
                .get_or_insert_with(|| self.recipe.spans(0, size).into_iter());
            let Some(span) = spans.next() else {
                return Ok(0);
            };
            self.open = Some(span.open(&self.objects)?);
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
