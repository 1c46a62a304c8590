//! `bulla-registry log-key`: the lines by which policies name the keys of this registry's log.

use bulla_terminal::{Failure, stderr, stdout};

use super::data::Data;
use crate::blocking::blocking;
use crate::data::DataDirectory;
use crate::error::RegistryError;
use crate::log::{KeyLine, LogFiles};

/// Show the line by which a policy names the log's key, or make the next key
///
/// The registry may run meanwhile. It signs with the next key as soon as a policy names that (`bulla
/// log-key rotate`), and the one before is gone then.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// Show the line of the key that is to follow; it is made where there is none yet
    #[arg(long)]
    next: bool,
    #[command(flatten)]
    data: Data,
}

pub(super) async fn run(arguments: Arguments) -> Result<(), Failure> {
    let data = DataDirectory::open(arguments.data.damaged()?)?;
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
    let line = read.await.map_err(RegistryError::from)?;
    let Some(line) = line else {
        let message = "the log has no name before its first policy";
        return Err(Failure::usage(message).with_hint("`bulla init` makes the first policy"));
    };
    if arguments.next {
        stderr::say(format_args!(
            "the registry signs with it when a policy names it: `bulla log-key rotate '{line}'`"
        ));
    }
    Ok(stdout::line(line)?)
}
