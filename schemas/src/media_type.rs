//! The media types of a bundle's parts and of statements. None has a parameter: registries
//! refuse them.

/// An OCI image manifest, the form of every bundle.
pub const OCI_MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
/// An OCI image index.
pub const OCI_INDEX: &str = "application/vnd.oci.image.index.v1+json";
/// An image manifest in Docker's form (schema 2), which clients still push.
pub const DOCKER_MANIFEST: &str = "application/vnd.docker.distribution.manifest.v2+json";
/// Docker's form of an index, a manifest list.
pub const DOCKER_LIST: &str = "application/vnd.docker.distribution.manifest.list.v2+json";
/// The empty JSON object that stands where an artifact has no config.
pub const OCI_EMPTY: &str = "application/vnd.oci.empty.v1+json";
/// `artifactType` of a bundle's manifest.
pub const BUNDLE: &str = "application/vnd.bulla.bundle.v1";
/// The release document, the manifest's config.
pub const RELEASE: &str = "application/vnd.bulla.release.v1+json";
/// The payload, layer 0: the canonical tar in independent zstd frames.
pub const PAYLOAD: &str = "application/vnd.oci.image.layer.v1.tar+zstd";
/// The index, layer 1: one JSON line per entry of the tar.
pub const INDEX: &str = "application/vnd.bulla.index.v1+zstd";
/// The frame table, layer 2: one JSON line per frame of the payload and the index.
pub const FRAMES: &str = "application/vnd.bulla.frames.v1+zstd";
/// A delta, which turns one bundle of a project into another.
pub const DELTA: &str = "application/vnd.bulla.delta.v1";
/// `payloadType` of an envelope that carries an in-toto statement.
pub const IN_TOTO: &str = "application/vnd.in-toto+json";
/// `payloadType` of an envelope that carries a policy.
pub const POLICY: &str = "application/vnd.bulla.policy.v1+json";
/// A Sigstore bundle, the form in which release statements hang on a manifest.
pub const SIGSTORE_BUNDLE: &str = "application/vnd.dev.sigstore.bundle.v0.3+json";
