//! What tests of the store share: a store over every kind of objects, and blobs of a few frames.

use std::io::Read as _;

use bulla_files::FileError;
use bulla_schemas::Digest;
use bytes::Bytes;
use tempfile::TempDir;
use uuid::Uuid;

use super::blobs::BlobStore;
use super::space::Disk;
use super::upload::Upload;
use crate::frames::Places;
use crate::objects::Objects;
use crate::oci::digest::OciDigest;

/// A store, and a folder for uploads.
pub(super) struct World {
    pub(super) store: BlobStore,
    pub(super) objects: Objects,
    folder: TempDir,
    uploads: u8,
}

/// Runs a test over every kind of objects.
pub(super) fn in_every_world(test: impl Fn(&mut World)) {
    for in_memory in [false, true] {
        let folder = tempfile::tempdir().unwrap();
        let objects = if in_memory {
            Objects::in_memory()
        } else {
            Objects::new(folder.path().to_owned())
        };
        let disk = Disk::new(folder.path().to_owned());
        test(&mut World {
            store: BlobStore::new(objects.clone(), disk),
            objects,
            folder,
            uploads: 0,
        });
    }
}

impl World {
    pub(super) fn upload(&mut self, content: &[u8]) -> (Upload, OciDigest) {
        self.uploads += 1;
        let id = Uuid::from_bytes([self.uploads; 16]);
        let mut upload = Upload::create(self.folder.path(), id).unwrap();
        upload.append(&[Bytes::copy_from_slice(content)]).unwrap();
        let digest = OciDigest::from(Digest::of(content));
        upload.check(&digest).unwrap();
        (upload, digest)
    }

    pub(super) fn push(&mut self, content: &[u8], indexed: &Places) -> (OciDigest, Places) {
        let (mut upload, digest) = self.upload(content);
        let frames = upload.frames();
        let found = self.store.find_frames(&digest, &frames, indexed).unwrap();
        let stored = found.stored;
        let recipe = self
            .store
            .pack(&mut upload, &digest, &frames, stored)
            .unwrap()
            .unwrap();
        (digest, recipe.places())
    }

    pub(super) fn read(&self, digest: &OciDigest) -> Vec<u8> {
        let mut blob = self.store.open(digest).unwrap().unwrap();
        let mut content = Vec::new();
        blob.read_to_end(&mut content).unwrap();
        assert_eq!(blob.read(&mut [0]).unwrap(), 0, "the end stays the end");
        content
    }

    /// How many bytes all packs have.
    pub(super) fn packed(&self) -> u64 {
        let mut sum = 0;
        let add = &mut |key: &str| {
            sum += self.objects.size(key)?.unwrap();
            Ok::<_, FileError>(())
        };
        self.objects.list("packs/", add).unwrap();
        sum
    }

    pub(super) fn overwrite(&self, key: &str, content: &[u8]) {
        self.objects.replace(key, content).unwrap();
    }
}

/// A frame of this length with content of its own.
pub(super) fn bytes_of(name: u8, length: u32) -> Vec<u8> {
    let mut bytes = 0x184D_2A50_u32.to_le_bytes().to_vec();
    bytes.extend((length - 8).to_le_bytes());
    bytes.resize(length as usize, name);
    bytes
}

pub(super) fn content(frames: &[(u8, u32)]) -> Vec<u8> {
    let frames = frames.iter().map(|(name, length)| bytes_of(*name, *length));
    frames.collect::<Vec<_>>().concat()
}

pub(super) const FIRST: [(u8, u32); 4] = [(1, 30_000), (2, 40_000), (3, 20_000), (4, 35_000)];
/// With a frame in place of the second one, one twice, and two in another order.
pub(super) const SECOND: [(u8, u32); 5] = [
    (1, 30_000),
    (5, 50_000),
    (4, 35_000),
    (3, 20_000),
    (5, 50_000),
];
