//! `bulla-registry log-key`: the lines by which policies name the keys of this registry's log.

use bulla_terminal::{Failure, stderr, stdout};

use super::data::Data;
use crate::blocking::blocking;
use crate::data::DataDirectory;
use crate::error::on;
use crate::log::{KeyLine, LogFiles};
use crate::store::space::Disk;

/// Show the line by which a policy names the log's key, or make the next key
///
/// The registry may run meanwhile. It signs with the next key as soon as a policy names that (`bulla
/// log-key rotate`), and the one before is gone then. Where the log's key is lost, the registry can be
/// served with the next one alone, and appends nothing before that policy.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// Show the line of the key that is to follow; it is made where there is none yet
    #[arg(long)]
    next: bool,
    #[command(flatten)]
    data: Data,
}

pub(super) async fn run(arguments: Arguments) -> Result<(), Failure> {
    let root = arguments.data.damaged()?;
    DataDirectory::require_no_mirror(root)?;
    let data = DataDirectory::open(root)?;
    let disk = Disk::new(data.root().to_owned());
    let which = if arguments.next {
        KeyLine::Next
    } else {
        KeyLine::Current
    };
    let read = blocking(move || {
        let origin = LogFiles::new(data.log()).origin()?;
        let path = data.log_key();
        origin.map(|origin| which.read(&path, &origin)).transpose()
    });
    let line = read.await.map_err(on(&disk))?;
    let Some(line) = line else {
        let message = "the log has no name before its first policy";
        return Err(Failure::usage(message).with_hint(
            "`bulla init` makes the first policy; the log of a registry that was lost comes with \
             `bulla-registry import-log`",
        ));
    };
    if arguments.next {
        stderr::say(format_args!(
            "the registry signs with it when a policy names it: `bulla log-key rotate '{line}'`"
        ));
    }
    Ok(stdout::line(line)?)
}
