//! What is lost or damaged here, brought back from another registry by its digests: verified as what a
//! mirror takes over, and stored as its push would be.

use std::collections::{BTreeMap, BTreeSet};
use std::io::ErrorKind;
use std::sync::Arc;

use bulla_bundle::Progress;
use bulla_files::Attempt as _;
use bulla_registry_client::Client;
use bulla_schemas::ProjectName;
use bulla_schemas::outcome::with_causes;

use super::repair::Left;
use crate::blocking::blocking;
use crate::error::RegistryError;
use crate::failpoint::failpoint;
use crate::keep::parts::Parts;
use crate::log::Log;
use crate::mirror::{Failure, Look, Source};
use crate::oci::digest::OciDigest;
use crate::publish::Catalog;
use crate::settings::Settings;
use crate::store::space::Disk;
use crate::store::uploads::Uploads;

/// The manifests of projects that need content, or are it.
pub(super) type Needing = BTreeMap<OciDigest, BTreeSet<(ProjectName, OciDigest)>>;

/// Why content was not brought back, in a sentence each.
pub(super) type NotBrought = BTreeMap<OciDigest, String>;

/// Manifests of projects that were not taken, with the reason in a sentence.
type Failed = BTreeMap<(ProjectName, OciDigest), String>;

/// Fetches the content that is `left`, and takes out what is right now. Says of the rest why it is not.
pub(super) async fn fetch(
    parts: &Parts,
    client: &Client,
    needing: &Needing,
    left: &mut BTreeMap<OciDigest, Left>,
    progress: &(dyn Progress + Send + Sync),
) -> Result<NotBrought, RegistryError> {
    let wanted = left.keys().filter_map(|digest| needing.get(digest));
    let wanted: BTreeSet<_> = wanted.flatten().cloned().collect();
    let failed = take(parts, client, wanted, progress).await?;
    let mut not_brought = NotBrought::new();
    for digest in left.keys().cloned().collect::<Vec<_>>() {
        let (blobs, name) = (parts.blobs.clone(), digest.clone());
        let wrong = blocking(move || blobs.examine(&name, &|_| {})).await?;
        if wrong.is_none() {
            left.remove(&digest);
            continue;
        }
        let by = needing.get(&digest);
        let why = by.into_iter().flatten().find_map(|by| failed.get(by));
        let nobody = || "no manifest says from which content it is".to_owned();
        not_brought.insert(digest, why.cloned().unwrap_or_else(nobody));
    }
    Ok(not_brought)
}

/// Takes manifests with all that they name, and says of each that was not taken why. Each is here whole
/// before the next one is asked for, so whatever ends it, the same command goes on from there.
pub(super) async fn take(
    parts: &Parts,
    client: &Client,
    wanted: BTreeSet<(ProjectName, OciDigest)>,
    progress: &(dyn Progress + Send + Sync),
) -> Result<Failed, RegistryError> {
    let catalog = catalog(parts).await?;
    // Apart from the server's own uploads, which it would take for its own.
    let (folder, disk) = (
        parts.data.fetching(),
        Disk::new(parts.data.root().to_owned()),
    );
    let uploads = Uploads::open(folder, disk, Settings::default().uploads)?;
    let uploads = Arc::new(uploads);
    let source = Source::new(client, &catalog, &uploads, progress);
    let mut failed = Failed::new();
    // Where it does not answer, all else would fail too.
    let mut stopped: Option<String> = None;
    for (project, manifest) in wanted {
        let taken = match &stopped {
            Some(why) => Err(why.clone()),
            None => match source.take_manifest(&project, &manifest, Look::Full).await {
                Ok(_) => Ok(()),
                Err(Failure::Absent) => Err(format!("{} does not have it either", client.url())),
                Err(Failure::Refused(why)) => {
                    Err(format!("{} gave something else: {why}", client.url()))
                }
                Err(Failure::Error(error)) => {
                    let why = format!("it could not be fetched: {}", with_causes(&error));
                    stopped = Some(why.clone());
                    Err(why)
                }
            },
        };
        if let Err(why) = taken {
            failed.insert((project, manifest), why);
        } else {
            failpoint!("fetch::manifest-taken");
        }
    }
    Ok(failed)
}

/// Removes what was received, and what a repair that was killed had received in part.
pub(super) fn clear(parts: &Parts) -> Result<(), RegistryError> {
    let folder = parts.data.fetching();
    match std::fs::remove_dir_all(&folder) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        removed => Ok(removed.attempt("remove", &folder)?),
    }
}

/// Returns what content is published into, beside a server that may run.
async fn catalog(parts: &Parts) -> Result<Catalog, RegistryError> {
    let folder = parts.data.log();
    let log = blocking(move || Log::open_to_read(&folder)).await?;
    Ok(Catalog::new(
        parts.blobs.clone(),
        parts.repositories.clone(),
        parts.database.clone(),
        log,
        Vec::new(),
        parts.content.clone(),
        parts.clock.clone(),
    ))
}
