//! The fuzz targets: one for each parser of what comes over a network or with a bundle. Each takes
//! any bytes, and panics where something does not hold that must hold of whatever is read: that it
//! is written again as the same bytes, that two readers agree, that it costs no memory beyond its
//! limit.
//!
//! libFuzzer runs them (`fuzz.rs`), and so does a test of the workspace on the stable compiler, over
//! the seeds and changes of them (`tests/system/fuzz.rs`).

mod bundle;
mod seeds;
mod trust;
mod words;

/// A parser, what must hold of it, and what it reads when all is well.
pub struct Target {
    /// What it is called: in `regressions/`, too.
    pub name: &'static str,
    /// Panics where something does not hold.
    pub run: fn(&[u8]),
    /// What is changed to find that.
    pub seeds: fn() -> Vec<Vec<u8>>,
    /// How many changed seeds the test of the workspace tries.
    pub rounds: u32,
}

/// What is cheap is tried more often.
const CHEAP: u32 = 20_000;
const USUAL: u32 = 4_000;
const DEAR: u32 = 300;

/// Every target.
pub const TARGETS: &[Target] = &[
    // What clients send to a registry.
    target(
        "request-heads",
        bulla_registry::testing::request_heads,
        seeds::requests,
        CHEAP,
    ),
    target(
        "request-headers",
        bulla_registry::testing::request_headers,
        seeds::headers,
        CHEAP,
    ),
    target(
        "reference",
        bulla_registry::testing::reference,
        seeds::references,
        CHEAP,
    ),
    target("path", bulla_registry::testing::path, seeds::paths, CHEAP),
    target(
        "query",
        bulla_registry::testing::query,
        seeds::queries,
        CHEAP,
    ),
    target(
        "range",
        bulla_registry::testing::range,
        seeds::ranges,
        CHEAP,
    ),
    target(
        "oci-manifest",
        bulla_registry::testing::manifest,
        seeds::oci_manifests,
        USUAL,
    ),
    target(
        "frame-list",
        bulla_registry::testing::frame_list,
        seeds::frame_lists,
        USUAL,
    ),
    target(
        "stored-recipe",
        bulla_registry::testing::recipe,
        seeds::stored_recipes,
        USUAL,
    ),
    target("report", words::report, seeds::reports, USUAL),
    target("blob", bundle::blob, seeds::blobs, DEAR),
    // What a registry sends to its clients.
    target(
        "events",
        bulla_registry_client::testing::events,
        seeds::events,
        CHEAP,
    ),
    target("answer", words::answer, seeds::answers, USUAL),
    target("word", words::word, seeds::words, CHEAP),
    // The log.
    target("json", trust::json, seeds::statements, USUAL),
    target("envelope", trust::envelope, seeds::envelopes, USUAL),
    target("statement", trust::statement, seeds::statements, DEAR),
    target("policy", trust::policy, seeds::policies, USUAL),
    target("checkpoint", trust::checkpoint, seeds::checkpoints, CHEAP),
    target(
        "add-checkpoint",
        trust::add_checkpoint,
        seeds::add_checkpoints,
        CHEAP,
    ),
    target("tile-path", trust::tile_path, seeds::tile_paths, CHEAP),
    target("tile", trust::tile, seeds::tiles, USUAL),
    target(
        "ssh-signature",
        trust::ssh_signature,
        seeds::ssh_signatures,
        USUAL,
    ),
    target("key", trust::key, seeds::keys, USUAL),
    target("log-state", trust::log_state, seeds::log_states, USUAL),
    // Bundles.
    target("manifest", bundle::manifest, seeds::manifests, USUAL),
    target(
        "release-document",
        bundle::release_document,
        seeds::release_documents,
        USUAL,
    ),
    target("index-line", bundle::index_line, seeds::index_lines, CHEAP),
    target("index", bundle::index, seeds::indexes, DEAR),
    target(
        "frame-table",
        bundle::frame_table,
        seeds::frame_tables,
        DEAR,
    ),
    target("frame", bundle::frame, seeds::frames, DEAR),
    target("tar", bundle::tar, seeds::tars, DEAR),
    target("delta", bundle::delta, seeds::deltas, DEAR),
    target(
        "bundle-file",
        bundle::bundle_file,
        seeds::bundle_files,
        DEAR,
    ),
];

const fn target(
    name: &'static str,
    run: fn(&[u8]),
    seeds: fn() -> Vec<Vec<u8>>,
    rounds: u32,
) -> Target {
    Target {
        name,
        run,
        seeds,
        rounds,
    }
}

/// Finds a target by its name.
pub fn find(name: &str) -> Option<&'static Target> {
    TARGETS.iter().find(|target| target.name == name)
}
