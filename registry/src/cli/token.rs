//! `bulla-registry token`: makes, lists and revokes tokens, also while the registry runs.

use anyhow::bail;
use bulla_schemas::Timestamp;
use bulla_schemas::escape::escape;
use comfy_table::Table;
use comfy_table::presets::NOTHING;
use secrecy::ExposeSecret as _;
use serde_json::json;

use super::{Data, clock, print, say};
use crate::access::tokens::Tokens;
use crate::access::{Access, ProjectPattern, Scope};
use crate::database::TokenRow;
use crate::error::RegistryError;

/// Make, list and revoke tokens
#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// Make a token; the last line on stdout is the token, shown this once
    Create {
        #[command(flatten)]
        data: Data,
        /// What it may do: `pull`, `push`, `report`, `admin`
        #[arg(long, value_name = "SCOPES", value_delimiter = ',', required = true)]
        scope: Vec<Scope>,
        /// The projects it is for, such as `acme/*`; all when not given
        #[arg(long, value_name = "PATTERN", value_delimiter = ',')]
        project: Vec<ProjectPattern>,
        /// What to call it in lists
        #[arg(long, default_value = "")]
        name: String,
        /// When it ends, such as `90d` or `12h`; never when not given
        #[arg(long, value_name = "PERIOD", value_parser = seconds)]
        expires: Option<i64>,
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

pub(super) async fn run(command: Command) -> anyhow::Result<()> {
    match command {
        Command::Create {
            data,
            mut scope,
            mut project,
            name,
            expires,
        } => {
            scope.sort_unstable();
            scope.dedup();
            if project.is_empty() {
                project.push(ProjectPattern::all());
            }
            let access = Access {
                scopes: scope,
                projects: project,
            };
            create(&data, &name, &access, expires).await
        }
        Command::List { data, json } => list(&data, json).await,
        Command::Revoke { data, id } => revoke(&data, &id).await,
    }
}

async fn create(
    data: &Data,
    name: &str,
    access: &Access,
    lifetime: Option<i64>,
) -> anyhow::Result<()> {
    let tokens = open(data).await?;
    let (secret, row) = tokens.create(name, access, lifetime).await?;
    tokens.close().await;
    say(&format!("token {} for {}\n", row.id, row.projects));
    print(secret.expose_secret());
    Ok(())
}

async fn list(data: &Data, as_json: bool) -> anyhow::Result<()> {
    let tokens = open(data).await?.list().await?;
    if as_json {
        let tokens: Vec<_> = tokens.iter().map(describe).collect();
        print(&serde_json::to_string_pretty(&tokens)?);
        return Ok(());
    }
    let mut table = Table::new();
    table.load_style(NOTHING).set_header([
        "ID",
        "NAME",
        "SCOPES",
        "PROJECTS",
        "CREATED",
        "EXPIRES",
        "LAST USED",
        "REVOKED",
    ]);
    let time = |time: Option<Timestamp>| time.map_or_else(String::new, |time| time.to_string());
    for token in &tokens {
        table.add_row([
            token.id.clone(),
            escape(&token.name),
            token.scopes.clone(),
            token.projects.clone(),
            token.created_at.to_string(),
            time(token.expires_at),
            time(token.last_used_at),
            time(token.revoked_at),
        ]);
    }
    print(&table.trim_fmt());
    Ok(())
}

async fn revoke(data: &Data, id: &str) -> anyhow::Result<()> {
    if open(data).await?.revoke(id).await? {
        say(&format!("token {id} is revoked\n"));
        Ok(())
    } else {
        bail!("there is no token `{}`", escape(id));
    }
}

fn describe(token: &TokenRow) -> serde_json::Value {
    json!({
        "id": token.id,
        "name": token.name,
        "scopes": token.scopes.split(',').collect::<Vec<_>>(),
        "projects": token.projects.split(',').collect::<Vec<_>>(),
        "createdAt": token.created_at,
        "expiresAt": token.expires_at,
        "lastUsedAt": token.last_used_at,
        "revokedAt": token.revoked_at,
    })
}

async fn open(data: &Data) -> Result<Tokens, RegistryError> {
    Tokens::open(&data.directory, clock()).await
}

/// Reads `90d`, `12h`, `30m` or `45s` as seconds.
fn seconds(text: &str) -> Result<i64, String> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at(digits);
    let unit = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3600,
        "d" => 86_400,
        _ => return Err("expected a number and `d`, `h`, `m` or `s`".to_owned()),
    };
    number
        .parse::<i64>()
        .ok()
        .and_then(|number| number.checked_mul(unit))
        .filter(|seconds| (1..=100 * 366 * 86_400).contains(seconds))
        .ok_or_else(|| "expected a period between a second and a hundred years".to_owned())
}

#[cfg(test)]
mod tests {
    use super::seconds;

    #[test]
    fn reads_periods() {
        assert_eq!(seconds("90d"), Ok(7_776_000));
        assert_eq!(seconds("12h"), Ok(43_200));
        for wrong in ["", "d", "0d", "-1d", "1w", "99999999999999d", "1.5h"] {
            assert!(seconds(wrong).is_err(), "{wrong}");
        }
    }
}
