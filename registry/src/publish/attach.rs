//! Release statements as OCI referrers, so that `cosign` and `oras` find them: one manifest per
//! signature, in the Sigstore bundle layout (cosign's `BUNDLE_SPEC.md`), about the bundle.
//!
//! The log is what counts. A missing referrer costs convenience and nothing else.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bulla_files::FileError;
use bulla_schemas::envelope::{Envelope, Signature};
use bulla_schemas::manifest::{CREATED, Descriptor};
use bulla_schemas::statement::{RELEASE_TYPE, ReleaseStatement};
use bulla_schemas::{Digest, media_type};
use bulla_trust::envelope::EnvelopeSignature;
use bulla_trust::{CheckedPolicy, PublicKey, SignedEnvelope};
use serde::Serialize;

use super::changes::Adding;
use super::{Catalog, PublishError};
use crate::blocking::blocking;
use crate::database::{IndexedManifest, ManifestRow};
use crate::oci::digest::OciDigest;

const EMPTY_CONFIG: &[u8] = b"{}";

/// `sha256(SubjectPublicKeyInfo)` is how Sigstore names a key; this stands before the 32 bytes of
/// an Ed25519 one (RFC 8410 §4).
const SPKI_PREFIX: [u8; 12] = [
    0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00,
];

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SigstoreBundle {
    media_type: &'static str,
    verification_material: VerificationMaterial,
    dsse_envelope: Envelope,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct VerificationMaterial {
    public_key: PublicKeyHint,
    tlog_entries: [(); 0],
    timestamp_verification_data: Timestamps,
}

#[derive(Serialize)]
struct PublicKeyHint {
    hint: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Timestamps {
    rfc3161_timestamps: [(); 0],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Referrer {
    schema_version: u32,
    media_type: &'static str,
    artifact_type: &'static str,
    config: Descriptor,
    layers: [Descriptor; 1],
    subject: Descriptor,
    annotations: BTreeMap<String, String>,
}

impl Catalog {
    /// Attaches a release statement to its bundle. Doing it again changes nothing.
    pub(super) async fn attach(
        &self,
        adding: &Adding<'_>,
        policy: Option<&CheckedPolicy>,
        envelope: &SignedEnvelope,
        statement: &ReleaseStatement,
    ) -> Result<(), PublishError> {
        let subject = &statement.subject[0];
        let (project, hash) = (&subject.name, subject.digest.sha256);
        let Some(bundle) = self.database.manifest(project, &hash.into()).await? else {
            return Ok(());
        };
        let subject = descriptor(&bundle.media_type, hash, bundle.size);
        for signature in envelope.signatures() {
            let key = policy
                .and_then(|policy| policy.key(&signature.key_id))
                .map(|(_, key)| key);
            let layer = json(&sigstore_bundle(envelope, signature, key));
            let finished_on = &statement.predicate.run_details.metadata.finished_on;
            let referrer = referrer(subject.clone(), &layer, finished_on.to_string());
            let manifest = json(&referrer);
            let parts = [&referrer.config, &referrer.layers[0]];
            let indexed = IndexedManifest {
                row: ManifestRow {
                    digest: Digest::of(&manifest).into(),
                    media_type: media_type::OCI_MANIFEST.to_owned(),
                    size: manifest.len() as u64,
                    artifact_type: Some(media_type::SIGSTORE_BUNDLE.to_owned()),
                    subject: Some(hash.into()),
                },
                annotations: text(&referrer.annotations),
                parts: parts.map(|part| OciDigest::from(part.digest)).to_vec(),
            };
            let digest = &indexed.row.digest;
            let known = self.database.manifest(project, digest).await?;
            // It may have been damaged and moved away since.
            if known.is_some() && self.is_stored(&indexed).await? {
                continue;
            }
            let _content = self.keep_content().await?;
            for content in [EMPTY_CONFIG.to_vec(), layer] {
                let (blobs, digest) = (self.blobs.clone(), Digest::of(&content).into());
                let stored = OciDigest::clone(&digest);
                blocking(move || blobs.put(&stored, &content)).await?;
                self.add_blob(adding, project, &digest).await?;
            }
            self.add_manifest(adding, project, manifest, &indexed)
                .await?;
        }
        Ok(())
    }

    /// Tells whether a manifest and all its parts are stored.
    async fn is_stored(&self, manifest: &IndexedManifest) -> Result<bool, PublishError> {
        let (blobs, mut digests) = (self.blobs.clone(), manifest.parts.clone());
        digests.push(manifest.row.digest.clone());
        let looked = blocking(move || {
            for digest in digests {
                if blobs.size(&digest)?.is_none() {
                    return Ok(false);
                }
            }
            Ok::<_, FileError>(true)
        });
        Ok(looked.await?)
    }
}

fn referrer(subject: Descriptor, layer: &[u8], finished_on: String) -> Referrer {
    let annotations = [
        ("dev.sigstore.bundle.content", "dsse-envelope".to_owned()),
        ("dev.sigstore.bundle.predicateType", RELEASE_TYPE.to_owned()),
        (CREATED, finished_on),
    ]
    .map(|(name, value)| (name.to_owned(), value));
    Referrer {
        schema_version: 2,
        media_type: media_type::OCI_MANIFEST,
        artifact_type: media_type::SIGSTORE_BUNDLE,
        config: describe(media_type::OCI_EMPTY, EMPTY_CONFIG),
        layers: [describe(media_type::SIGSTORE_BUNDLE, layer)],
        subject,
        annotations: annotations.into_iter().collect(),
    }
}

fn sigstore_bundle(
    envelope: &SignedEnvelope,
    signature: &EnvelopeSignature,
    key: Option<&PublicKey>,
) -> SigstoreBundle {
    let hint = key.map_or_else(
        || signature.key_id.clone(),
        |key| {
            let spki = [&SPKI_PREFIX[..], key.as_bytes()].concat();
            STANDARD.encode(Digest::of(&spki).as_bytes())
        },
    );
    SigstoreBundle {
        media_type: media_type::SIGSTORE_BUNDLE,
        verification_material: VerificationMaterial {
            public_key: PublicKeyHint { hint },
            tlog_entries: [],
            timestamp_verification_data: Timestamps {
                rfc3161_timestamps: [],
            },
        },
        // Sigstore's verifiers take exactly one signature.
        dsse_envelope: Envelope {
            payload: STANDARD.encode(envelope.payload()),
            payload_type: envelope.payload_type().to_owned(),
            signatures: vec![Signature {
                keyid: signature.key_id.clone(),
                sig: STANDARD.encode(&signature.signature),
            }],
        },
    }
}

fn descriptor(media_type: &str, digest: Digest, size: u64) -> Descriptor {
    Descriptor {
        media_type: media_type.to_owned(),
        digest,
        size,
        annotations: BTreeMap::new(),
    }
}

fn describe(media_type: &str, content: &[u8]) -> Descriptor {
    descriptor(media_type, Digest::of(content), content.len() as u64)
}

fn json(value: &impl Serialize) -> Vec<u8> {
    text(value).into_bytes()
}

#[expect(clippy::expect_used, reason = "serialising these types cannot fail")]
fn text(value: &impl Serialize) -> String {
    serde_json::to_string(value).expect("maps have keys of text")
}
