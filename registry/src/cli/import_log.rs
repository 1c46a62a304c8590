//! `bulla-registry import-log`: the log from a copy that somebody kept.

use std::path::PathBuf;

use bulla_schemas::outcome::FailureKind;
use bulla_terminal::{Failure, count, stderr};

use super::data::{Data, clock};
use crate::blocking::blocking;
use crate::data::DataDirectory;
use crate::error::RegistryError;
use crate::log::{LogError, LogFiles};

/// Take in a copy of this registry's log that has come further; the registry must not be running
///
/// The copy is a folder of `bulla log fetch`, or `log/` of a mirror or a backup. It is replayed, and must
/// go on from what is here and end with a checkpoint that this registry's key signed, so a copy of
/// another log or of another history is refused, and one to which somebody has added. Do this with
/// the copy that has come furthest, before anything is appended: what a registry appends that was
/// restored from something older is another history, which servers refuse.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// The folder with the copy
    #[arg(value_name = "DIR")]
    copy: PathBuf,
    #[command(flatten)]
    data: Data,
}

pub(super) async fn run(arguments: Arguments) -> Result<(), Failure> {
    let data = DataDirectory::open(arguments.data.damaged()?)?;
    let _nobody_else = data.lock("bulla-registry import-log", clock().now())?;
    let copy = arguments.copy;
    let imported = blocking(move || {
        let Some(log) =
            LogFiles::new(copy).copy_signed(&LogFiles::new(data.log()), &data.log_key())?
        else {
            return Ok(None);
        };
        let size = log.size();
        log.publish()?;
        Ok::<_, LogError>(Some(size))
    });
    match imported.await.map_err(RegistryError::from)? {
        None => Err(Failure::new(
            FailureKind::Failed,
            "there is no log in the folder that was named",
        )),
        Some(size) => {
            stderr::say(format_args!(
                "the log has {}; `reindex` brings into the index what is here of its releases, and what \
                 is not here is to be published again",
                count(size, "entry", "entries")
            ));
            Ok(())
        }
    }
}
