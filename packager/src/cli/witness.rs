//! `bulla witness`: cosigns what a registry's log has come to, once or for as long as it runs.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use bulla_registry_client::Client;
use bulla_schemas::outcome::{FailureKind, Outcome as _};
use bulla_schemas::period::Period;
use bulla_schemas::units::count;
use bulla_terminal::{Failure, prompt, stderr, stdout};
use bulla_trust::{SignatureType, SigningKey, VerifierKey};
use clap::{Args, Subcommand};
use tokio::net::TcpListener;
use tokio::time::{sleep, timeout};

use super::environment;
use super::moving::ask;
use super::session::Session;
use crate::key::CiKeyError;
use crate::witness::{Beginning, Cosigned, Memory, Witness, WitnessError, serve};

/// The first pause after a failure; it doubles up to the interval.
const FIRST_PAUSE: Duration = Duration::from_secs(1);

/// Say, with a key and a clock of your own, which history of the log you know
///
/// Replays the log, makes sure that it goes on from what was cosigned before, writes that down, and
/// cosigns the newest checkpoint. Where the policy names the key, servers ask for that, so that nobody
/// shows two of them different histories, or an old one for long. Run it on another computer than the
/// registry's: by a timer, in CI with the state file in a repository, with --daemon, or with --serve.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(super) struct WitnessArguments {
    #[command(subcommand)]
    command: Option<WitnessCommand>,
    #[command(flatten)]
    cosigning: CosigningArguments,
}

#[derive(Debug, Subcommand)]
enum WitnessCommand {
    Init(InitArguments),
}

/// Make the key of a new witness
///
/// Prints the line that names it in the policy, for `bulla policy witness add`.
#[derive(Debug, Args)]
struct InitArguments {
    /// The name of the witness, such as `office.acme.example`; permanent
    #[arg(value_name = "NAME")]
    name: String,
    /// Where the key goes; an existing file is not overwritten
    #[arg(long, value_name = "FILE", default_value = "witness.key")]
    key: PathBuf,
}

#[derive(Debug, Args)]
struct CosigningArguments {
    /// The witness's key
    #[arg(long, value_name = "FILE", default_value = "witness.key")]
    key: PathBuf,
    /// What was cosigned last: must never be lost, nor replaced by an older one
    #[arg(long, value_name = "FILE", default_value = "witness.checkpoint")]
    state: PathBuf,
    /// Begin: this witness has cosigned nothing yet. Takes an anchor, or --trust-first-use; without
    /// the flag a state file that is lost stops the witness
    #[arg(long)]
    begin: bool,
    /// Go on: cosign what is appended as it comes, and the newest checkpoint again at each interval
    #[arg(long)]
    daemon: bool,
    /// Go on, and cosign what the registry hands in at this address (C2SP tlog-witness): `bulla-registry
    /// serve --witness URL` asks there. The first line on stdout is `listening on http://ADDRESS`
    #[arg(long, value_name = "ADDRESS", conflicts_with = "daemon")]
    serve: Option<SocketAddr>,
    /// How often, at least, a daemon cosigns
    #[arg(long, value_name = "TIME", default_value = "10m")]
    interval: Period,
}

pub(super) async fn run(
    session: &dyn Fn() -> Result<Session, Failure>,
    arguments: &WitnessArguments,
) -> Result<(), Failure> {
    match &arguments.command {
        Some(WitnessCommand::Init(arguments)) => init(arguments),
        None => cosign(&session()?, &arguments.cosigning).await,
    }
}

fn init(arguments: &InitArguments) -> Result<(), Failure> {
    let checked = |public| VerifierKey::new(&arguments.name, SignatureType::Cosignature, public);
    // A name that cannot be one leaves no key behind.
    let sample = bulla_trust::SigningKey::from_seed(&[0; 32]).public_key();
    checked(sample).map_err(WitnessError::from)?;
    let public = crate::key::generate(&arguments.key)?;
    let line = checked(public).map_err(WitnessError::from)?;
    stderr::say(format_args!(
        "wrote `{}` (keep it secret); name the witness with `bulla policy witness add '{line}'`",
        arguments.key.display()
    ));
    Ok(stdout::line(line)?)
}

async fn cosign(session: &Session, arguments: &CosigningArguments) -> Result<(), Failure> {
    let key = read_key(&arguments.key)?;
    let client = session.client()?;
    let memory = Memory::open(&arguments.state)?;
    let is_new = memory.known().is_none();
    let mut witness = Witness::new(key, memory);
    let beginning = beginning(session, arguments, is_new)?;
    let looked = witness.look(&client, beginning).await?;
    if is_new && beginning == Beginning::FirstUse {
        let newest = looked
            .newest()
            .map_or_else(String::new, |anchor| anchor.to_string());
        stderr::say(format_args!("trusting what the registry shows: {newest}"));
        if prompt::can_ask() {
            ask("Is that the log?")?;
        }
    }
    say(&witness.cosign(&client, looked, environment::now()).await?);
    if arguments.daemon {
        follow(
            &client,
            &mut witness,
            arguments.interval.as_duration().max(FIRST_PAUSE),
        )
        .await?;
    }
    if let Some(address) = arguments.serve {
        let listener = TcpListener::bind(address).await;
        let bound = listener.and_then(|listener| Ok((listener.local_addr()?, listener)));
        let (address, listener) = bound
            .map_err(|error| Failure::io(format_args!("cannot listen on {address}"), error))?;
        stdout::line(format_args!("listening on http://{address}"))?;
        match serve(listener, witness, client, environment::now, |said| {
            stderr::say(said);
        })
        .await {}
    }
    Ok(())
}

/// Reads the witness's key; where there is none, a witness has to be made first.
fn read_key(path: &Path) -> Result<SigningKey, Failure> {
    crate::key::read(path).map_err(|error| match error {
        CiKeyError::Missing { .. } => Failure::from(error).with_hint(format!(
            "name the file of the witness's key with --key; `bulla witness init NAME --key {}` makes a new \
             witness",
            path.display()
        )),
        error => error.into(),
    })
}

/// What a new witness begins with. An anchor that is always set must not let one begin again that has
/// forgotten what it cosigned.
fn beginning<'a>(
    session: &'a Session,
    arguments: &CosigningArguments,
    is_new: bool,
) -> Result<Beginning<'a>, Failure> {
    if !arguments.begin {
        return Ok(Beginning::Nothing);
    }
    if !is_new {
        let begun = format_args!(
            "`{}` says that the witness has begun",
            arguments.state.display()
        );
        return Err(Failure::usage(begun).with_hint("leave --begin out"));
    }
    match (session.named_anchor(), session.trusts_first_use()) {
        (Some(anchor), _) => Ok(Beginning::Anchor(anchor)),
        (None, true) => Ok(Beginning::FirstUse),
        (None, false) => Err(
            Failure::usage("nothing says which log the witness begins with")
                .with_hint("give --anchor with the output of `bulla anchor`, or --trust-first-use"),
        ),
    }
}

/// Cosigns for ever. Only what may be better later is put up with.
async fn follow(client: &Client, witness: &mut Witness, interval: Duration) -> Result<(), Failure> {
    let mut watch = client.watch(interval).of_newest();
    let mut pause = FIRST_PAUSE;
    loop {
        // Whatever tells of growth, the newest checkpoint is cosigned again in time.
        if let Ok(Err(error)) = timeout(interval, watch.beyond(witness.size())).await {
            stderr::note(format_args!("the registry cannot be watched: {error}"));
            sleep(pause).await;
        }
        match once(client, witness).await {
            Ok(done) => {
                say(&done);
                pause = FIRST_PAUSE;
            }
            Err(error) if error.kind() == FailureKind::Temporary => {
                stderr::note(format_args!("nothing was cosigned: {error}"));
                sleep(pause).await;
                pause = (pause * 2).min(interval.max(FIRST_PAUSE));
            }
            Err(error) => return Err(error.into()),
        }
    }
}

async fn once(client: &Client, witness: &mut Witness) -> Result<Vec<Cosigned>, WitnessError> {
    let looked = witness.look(client, Beginning::Nothing).await?;
    witness.cosign(client, looked, environment::now()).await
}

fn say(done: &[Cosigned]) {
    for cosigned in done {
        let receipt = &cosigned.receipt;
        let standing = if receipt.cosigned >= receipt.quorum {
            "enough witnesses have".to_owned()
        } else {
            let others = receipt.quorum - receipt.cosigned;
            format!(
                "{} still to",
                count(others.into(), "other has", "others have")
            )
        };
        stderr::say(format_args!(
            "{} cosigned {}; {standing}",
            cosigned.name, cosigned.anchor
        ));
    }
}
