//! The places where a test build of the registry ends, in the order in which a publish comes by.

pub(crate) use bulla_files::failpoint;

/// Every place, named after its module.
pub(crate) const POINTS: &[&str] = &[
    "blobs::adopted",
    "catalog::blob-recorded",
    "catalog::blob-indexed",
    "packing::before-pack",
    "packing::pack-stored",
    "packing::recipe-stored",
    "blobs::places-indexed",
    "blobs::frames-indexed",
    "catalog::manifest-stored",
    "catalog::manifest-recorded",
    "catalog::manifest-indexed",
    "tiles::entries-written",
    "sequencer::tiles-written",
    "sequencer::checkpoint-published",
    "sequencer::pruned",
    "statements::attached",
    // What several people sign comes by these.
    "proposals::stored",
    "proposals::completed",
    "proposals::appended",
    // Every start comes by this.
    "connection::tables-changed",
    // A mirror comes by these, and by those of a publish.
    "mirror::content-taken",
    "mirrored::entries-written",
    "mirrored::checkpoint-published",
    // A `fsck --repair --from` comes by this.
    "fetch::manifest-taken",
    // A deletion comes by these.
    "delete::begun",
    "delete::rows-forgotten",
    "delete::blob-begun",
    "delete::blob-forgotten",
    // A `gc` comes by these.
    "gc::removals-recorded",
    "gc::rows-forgotten",
    "gc::records-removed",
    "gc::content-removed",
    "gc::pack-forgotten",
    "gc::pack-written",
    "gc::frames-moved",
    "gc::recipes-placed",
    "gc::old-packs-removed",
    // A `backup`, and up to the records a `restore` too.
    "backup::database-copied",
    "transfer::log-copied",
    "copies::content-taken",
    "copies::records-taken",
    "backup::files-taken",
    "backup::index-settled",
    "backup::database-put",
    "restore::files-copied",
    "restore::database-copied",
    "restore::indexed",
];
