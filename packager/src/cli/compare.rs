//! `bulla compare`: whether two signed checkpoints of a log can both be true.

use std::path::{Path, PathBuf};

use bulla_registry_client::{Client, LogFollower, registry_url};
use bulla_schemas::outcome::FailureKind;
use bulla_terminal::{Failure, stderr, stdout};
use bulla_trust::{LogState, VerifierKey};
use clap::Args;

use super::session::Session;
use crate::forks::{self, MOST_BYTES, Standing, View};

/// Tell whether signed checkpoints of a log can all be true
///
/// Takes files that servers, witnesses and colleagues kept, and registries by their address. With one
/// checkpoint, it is compared with the log that this machine has verified. Two that cannot both be
/// true are proof of a fork: they are written into a file, and the exit status is 3.
#[derive(Debug, Args)]
pub(super) struct CompareArguments {
    /// Files with checkpoints, or addresses of registries
    #[arg(value_name = "FILE|URL", required = true)]
    places: Vec<String>,
    /// The log's key, as a policy names it; by default those of the log that this machine has verified
    #[arg(long = "log-key", value_name = "NAME+ID+KEY")]
    log_keys: Vec<VerifierKey>,
    /// Where proof of a fork is written; an existing file is not overwritten
    #[arg(long, value_name = "FILE", default_value = "fork.proof")]
    proof: PathBuf,
}

pub(super) async fn run(session: &Session, arguments: &CompareArguments) -> Result<(), Failure> {
    let mut views = Vec::new();
    let mut clients = Vec::new();
    for place in &arguments.places {
        if place.contains("://") {
            let client = Client::new(registry_url(place)?, None)?;
            let shown = client.cosignatures().await?;
            views.extend(forks::read(place, shown.newest.as_bytes())?);
            clients.push(client);
        } else {
            views.extend(forks::read(place, &read(Path::new(place))?)?);
        }
    }
    // Who names no registry has none to remember the log of.
    let known = match session.registry() {
        Ok(_) => session.remembered_log()?,
        Err(_) => None,
    };
    let state = known.as_ref().map(LogFollower::state);
    if let (1, Some(log)) = (views.len(), &known)
        && let Some(note) = log.checkpoint()
    {
        views.extend(forks::read("what this machine has verified", &note)?);
    }
    let keys = log_keys(arguments, state)?;
    views
        .iter()
        .try_for_each(|view| forks::require_signed(view, &keys))?;
    if let Ok(client) = session.client() {
        clients.push(client);
    }
    let [first, others @ ..] = views.as_slice() else {
        return Err(Failure::usage("there is no checkpoint to compare"));
    };
    if others.is_empty() {
        return Err(Failure::usage("one checkpoint is nothing to compare")
            .with_hint("name another one, or a registry whose log this machine has verified"));
    }
    for (at, one) in views.iter().enumerate() {
        for other in &views[at + 1..] {
            match standing(state, &clients, one, other).await? {
                Standing::Fork => return Err(fork(&arguments.proof, one, other)?),
                Standing::Same => stderr::say(format_args!(
                    "{} and {}: the same {} entries",
                    one.place, other.place, one.checkpoint.size
                )),
                Standing::Continues => {
                    let (a, b) = if one.checkpoint.size < other.checkpoint.size {
                        (one, other)
                    } else {
                        (other, one)
                    };
                    stderr::say(format_args!(
                        "{} of {} entries goes on from {} of {}",
                        b.place, b.checkpoint.size, a.place, a.checkpoint.size
                    ));
                }
            }
        }
    }
    Ok(stdout::line(&first.checkpoint.origin)?)
}

/// Finds out how two checkpoints stand to each other: from themselves, from what is verified here, or
/// from the hashes that one of the registries serves.
async fn standing(
    state: Option<&LogState>,
    clients: &[Client],
    one: &View,
    other: &View,
) -> Result<Standing, Failure> {
    if let Some(standing) = forks::at_once(one, other)? {
        return Ok(standing);
    }
    if let Some(standing) = state.and_then(|state| forks::by_state(state, one, other)) {
        return Ok(standing);
    }
    let mut worst = None;
    for client in clients {
        match forks::by_tiles(client, one, other).await {
            Ok(standing) => return Ok(standing),
            Err(error) => worst = Some(error),
        }
    }
    Err(worst.map_or_else(
        || {
            Failure::new(
                FailureKind::Failed,
                "the checkpoints alone do not say whether one goes on from the other",
            )
            .with_hint("name a registry or mirror of the log with --registry")
        },
        Failure::from,
    ))
}

fn log_keys(
    arguments: &CompareArguments,
    state: Option<&LogState>,
) -> Result<Vec<VerifierKey>, Failure> {
    let mut keys = arguments.log_keys.clone();
    let known = state.into_iter().flat_map(LogState::policies);
    keys.extend(known.flat_map(|version| version.checked.log_keys().to_vec()));
    if keys.is_empty() {
        return Err(
            Failure::usage("nothing says which key signs the log").with_hint(
                "give --log-key with the line of `bulla policy show`, or name a registry whose log \
                 this machine has verified",
            ),
        );
    }
    Ok(keys)
}

/// Writes the proof of a fork down, and says what it is.
fn fork(path: &Path, one: &View, other: &View) -> Result<Failure, Failure> {
    let proof = forks::proof(&[one, other]);
    let is_new = bulla_files::write_once(path, &proof)?;
    for line in String::from_utf8_lossy(&proof).lines() {
        stderr::say(line);
    }
    let message = format!(
        "FORK: {} of {} entries and {} of {} entries cannot both be true, and the log signed both",
        one.place, one.checkpoint.size, other.place, other.checkpoint.size
    );
    let hint = if is_new {
        format!(
            "both are in `{}`: whoever has the log's key in a policy can check them; install and promote \
             nothing before it is known who showed which to whom",
            path.display()
        )
    } else {
        format!(
            "`{}` exists and is not overwritten, so this proof is written nowhere: name another file with \
             --proof",
            path.display()
        )
    };
    Ok(Failure::new(FailureKind::Refused, message).with_hint(hint))
}

fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    let found = bulla_files::read_up_to(path, MOST_BYTES)?;
    found.ok_or_else(|| {
        let message = format!("`{}` does not exist", path.display());
        Failure::new(FailureKind::Failed, message)
    })
}
