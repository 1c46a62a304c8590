//! `bulla-registry token`: creates, lists and revokes tokens, also while the registry runs.

use std::io::{self, Write as _};
use std::path::Path;

use bulla_schemas::outcome::FailureKind;
use bulla_schemas::report::TokenReport;
use bulla_schemas::{HostName, Timestamp};
use bulla_terminal::{Failure, Table, stderr, stdout};
use secrecy::ExposeSecret as _;

use super::data::{Data, clock, require_log_key};
use crate::access::tokens::Tokens;
use crate::access::{Access, Scope};
use crate::data::DataDirectory;
use crate::database::TokenRow;
use crate::error::RegistryError;
use crate::pattern::ProjectPattern;
use crate::period::seconds;

/// Create, list and revoke tokens
#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// Create a token; the last line on stdout is the token, shown this once
    Create {
        #[command(flatten)]
        data: Data,
        /// What it may do: `pull`, `push`, `report`, `admin`
        #[arg(long, value_name = "SCOPES", value_delimiter = ',', required = true)]
        scope: Vec<Scope>,
        /// The projects it is for, such as `acme/*`; all when not given
        #[arg(long, value_name = "PATTERN", value_delimiter = ',')]
        project: Vec<ProjectPattern>,
        /// The host whose reports it may send; `report` needs one
        #[arg(long)]
        host: Option<HostName>,
        /// What to call it in lists
        #[arg(long, default_value = "")]
        name: String,
        /// When it ends, such as `90d` or `12h`; never when not given
        #[arg(long, value_name = "PERIOD", value_parser = seconds)]
        expires: Option<i64>,
        /// Make a registry in the data directory if there is none yet
        #[arg(long)]
        init: bool,
    },
    /// List all tokens, without their secrets
    List {
        #[command(flatten)]
        data: Data,
        /// Print a JSON array
        #[arg(long)]
        json: bool,
    },
    /// Revoke a token; it is refused from the next request on
    Revoke {
        #[command(flatten)]
        data: Data,
        /// The id that `token list` shows
        id: String,
    },
}

pub(super) async fn run(command: Command) -> Result<(), Failure> {
    match command {
        Command::Create {
            data,
            mut scope,
            mut project,
            host,
            name,
            expires,
            init,
        } => {
            scope.sort_unstable();
            scope.dedup();
            if project.is_empty() {
                project.push(ProjectPattern::all());
            }
            check_host(&scope, host.as_ref())?;
            let access = Access {
                scopes: scope,
                projects: project,
                host,
            };
            let directory = if init {
                DataDirectory::require_whole_or_empty(&data.directory)?;
                require_log_key(&data.directory)?;
                &data.directory
            } else {
                data.existing()?
            };
            create(directory, &name, &access, expires).await
        }
        Command::List { data, json } => list(&data, json).await,
        Command::Revoke { data, id } => revoke(&data, &id).await,
    }
}

/// A token that names no host could send no report, and one that may send none needs no host.
fn check_host(scopes: &[Scope], host: Option<&HostName>) -> Result<(), Failure> {
    match host {
        None if scopes.contains(&Scope::Report) => {
            Err(Failure::usage("a token for reports is for one host")
                .with_hint("name the host with --host"))
        }
        Some(host) if !scopes.contains(&Scope::Report) => Err(Failure::usage(format_args!(
            "the token is for the host {host}, and not for its reports"
        ))
        .with_hint("add `report` to --scope, or leave out --host")),
        _ => Ok(()),
    }
}

async fn create(
    directory: &Path,
    name: &str,
    access: &Access,
    lifetime: Option<i64>,
) -> Result<(), Failure> {
    let tokens = Tokens::open(directory, clock()).await?;
    let (secret, row) = tokens.create(name, access, lifetime).await?;
    // Not `stdout::line`: here a reader that goes away loses what cannot be had again.
    let shown = writeln!(io::stdout(), "{}", secret.expose_secret());
    if shown.is_err() {
        tokens.revoke(&row.id).await?;
    }
    tokens.close().await;
    shown.map_err(|error| {
        let what = format_args!("cannot show the token {}, which is revoked again", row.id);
        Failure::io(what, error).with_hint("run the command again with an output that takes it")
    })?;
    stderr::say(format_args!("token {} for {}", row.id, row.projects));
    if access.has(Scope::Pull) && !access.is_for_all_projects() {
        stderr::note(
            "whoever has it reads the whole log: the names, sources, people and reasons of all projects; \
             those that must not know of each other get a registry each",
        );
    }
    Ok(())
}

async fn list(data: &Data, as_json: bool) -> Result<(), Failure> {
    let tokens = open(data).await?.list().await?;
    if as_json {
        let tokens: Vec<TokenReport> = tokens.into_iter().map(describe).collect();
        return Ok(stdout::json(&tokens)?);
    }
    let mut table = Table::new(&[
        "ID",
        "NAME",
        "SCOPES",
        "PROJECTS",
        "HOST",
        "CREATED",
        "EXPIRES",
        "LAST USED",
        "REVOKED",
    ])
    .wrap(&["NAME", "PROJECTS"]);
    let time = |time: Option<Timestamp>| time.map_or_else(String::new, |time| time.to_string());
    for token in &tokens {
        table.row([
            token.id.clone(),
            token.name.clone(),
            token.scopes.clone(),
            token.projects.clone(),
            token
                .host
                .as_ref()
                .map_or_else(String::new, HostName::to_string),
            token.created_at.to_string(),
            time(token.expires_at),
            time(token.last_used_at),
            time(token.revoked_at),
        ]);
    }
    Ok(table.print()?)
}

async fn revoke(data: &Data, id: &str) -> Result<(), Failure> {
    if open(data).await?.revoke(id).await? {
        stderr::say(format_args!("token {id} is revoked"));
        Ok(())
    } else {
        let failure = Failure::new(
            FailureKind::Failed,
            format_args!("there is no token `{id}`"),
        );
        Err(failure.with_hint("`bulla-registry token list` shows all tokens with their ids"))
    }
}

fn describe(token: TokenRow) -> TokenReport {
    let list = |text: &str| text.split(',').map(str::to_owned).collect();
    TokenReport {
        scopes: list(&token.scopes),
        projects: list(&token.projects),
        id: token.id,
        host: token.host,
        name: Some(token.name).filter(|name| !name.is_empty()),
        created_at: token.created_at,
        expires_at: token.expires_at,
        last_used_at: token.last_used_at,
        revoked_at: token.revoked_at,
    }
}

async fn open(data: &Data) -> Result<Tokens, RegistryError> {
    Tokens::open(data.existing()?, clock()).await
}
