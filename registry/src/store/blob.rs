//! Content that is open for reading, whole or put together from frames.

use std::io::{self, Read, Seek as _, SeekFrom};
use std::ops::Range;
use std::vec;

use futures_util::stream::{self, StreamExt as _, TryStreamExt as _};

use super::keys;
use super::recipe::{Recipe, Span};
use crate::blocking::blocking;
use crate::frames::Place;
use crate::objects::{Object, ObjectStream, Objects};

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

    /// Reads `length` bytes from `first` on as a stream.
    pub(crate) fn stream(self, first: u64, length: u64) -> io::Result<ObjectStream> {
        let Frames {
            objects, recipe, ..
        } = match self.source {
            Source::Whole(object) => return object.stream(first, length),
            Source::Frames(frames) => frames,
        };
        let spans = stream::iter(recipe.spans(first, length));
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
