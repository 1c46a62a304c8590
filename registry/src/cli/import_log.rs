//! `bulla-registry import-log`: the log from a copy that somebody kept.

use std::path::PathBuf;

use bulla_schemas::log::Anchor;
use bulla_schemas::outcome::FailureKind;
use bulla_terminal::{Failure, count, stderr};

use super::data::{Data, clock};
use crate::blocking::blocking;
use crate::data::DataDirectory;
use crate::error::on;
use crate::log::{LogError, LogFiles};
use crate::store::space::Disk;

/// Take in a copy of this registry's log that has come further; the registry must not be running
///
/// The copy is a folder of `bulla log fetch`, or `log/` of a mirror or a backup. It is replayed, and must
/// go on from what is here and end with a checkpoint that this registry's key signed, so a copy of
/// another log or of another history is refused, and one to which somebody has added. Where the key is
/// lost, a key of the log's policy must have signed it, and `--anchor` says which log it is. Do this with
/// the copy that has come furthest, before anything is appended: what a registry appends that was
/// restored from something older is another history, which servers refuse.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// The folder with the copy
    #[arg(value_name = "DIR")]
    copy: PathBuf,
    /// A place that the log must pass through, as `bulla anchor` prints it; needed where neither the log's
    /// key nor any of the log is here
    #[arg(long, value_name = "ORIGIN+SIZE+ROOT", env = "BULLA_ANCHOR")]
    anchor: Option<Anchor>,
    #[command(flatten)]
    data: Data,
}

pub(super) async fn run(arguments: Arguments) -> Result<(), Failure> {
    let root = arguments.data.damaged()?;
    DataDirectory::require_no_mirror(root)?;
    let data = DataDirectory::open(root)?;
    let disk = Disk::new(data.root().to_owned());
    let _nobody_else = data.lock("bulla-registry import-log", clock().now())?;
    let (copy, anchor) = (arguments.copy, arguments.anchor);
    let imported = blocking(move || {
        let to = LogFiles::new(data.log());
        let copied = LogFiles::new(copy).copy_signed(&to, &data.log_key(), anchor.as_ref())?;
        let Some(log) = copied else {
            return Ok(None);
        };
        let size = log.size();
        log.publish()?;
        Ok::<_, LogError>(Some(size))
    });
    match imported.await.map_err(on(&disk))? {
        None => Err(Failure::new(
            FailureKind::Failed,
            "there is no log in the folder that was named",
        )),
        Some(size) => {
            stderr::say(format_args!(
                "the log has {}; `reindex` brings into the index what is here of its releases, and `fsck` \
                 names those that are not here",
                count(size, "entry", "entries")
            ));
            Ok(())
        }
    }
}
