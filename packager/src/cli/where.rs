//! `bulla where`: which server has which release, as the servers say.

use std::cmp::Ordering;
use std::io::{self, IsTerminal as _};

use bulla_registry_client::Client;
use bulla_schemas::api::{Deployment, DeploymentState, HostSummary};
use bulla_schemas::escape::escape;
use bulla_schemas::{ChannelName, ProjectName, Timestamp, line};
use bulla_terminal::{Failure, Table, count, stderr, stdout};
use clap::Args;

use super::environment;
use super::session::Session;
use crate::resolve::ResolveError;

/// Most characters of a sentence of a server's that a terminal shows.
const NOTE: usize = 240;

/// How much of what servers say is shown.
#[derive(Clone, Copy)]
enum Shown {
    /// As much as fits a terminal, a server in a row.
    OnTerminal { now: Timestamp },
    /// All of it, for what reads the table from a pipe.
    Whole,
}

/// Show which server has which release, whether it is current, and why not
///
/// Servers report this to the registry, unsigned: `bulla status` shows from the verified
/// log what should be there. A server is `current`, `behind`, `waiting` for its wave or window, `held`
/// by a person, `drifted` when
/// its files were changed, `failed`, `revoked` when its release was, or `silent` when it should have
/// reported and has not.
#[derive(Debug, Args)]
pub(super) struct WhereArguments {
    /// Only this project
    // Under another name than the option of every command, which it would replace.
    #[arg(value_name = "PROJECT")]
    only: Option<ProjectName>,
    /// List as JSON
    #[arg(long)]
    json: bool,
}

pub(super) async fn run(session: &Session, arguments: &WhereArguments) -> Result<(), Failure> {
    let project = match (&arguments.only, session.named_project()) {
        (Some(one), Some(other)) if one != other => {
            let message = format_args!("the project is {one}, and --project is {other}");
            return Err(Failure::usage(message));
        }
        (one, other) => one.as_ref().or(other),
    };
    let client = session.client()?;
    let mut hosts = None;
    let mut deployments: Vec<Deployment> = if let Some(project) = project {
        match client.deployments(project).await {
            Err(error) if error.is_not_found() => return Err(unknown(&client, project).await),
            deployments => deployments?,
        }
    } else {
        let hosts = hosts.insert(client.hosts().await?).iter();
        hosts.flat_map(|host| host.deployments.clone()).collect()
    };
    deployments.sort_by(order);
    if arguments.json {
        return Ok(stdout::json(&deployments)?);
    }
    if deployments.is_empty() {
        stderr::say(match project {
            Some(project) => format!("no server has reported about {project} yet"),
            None => "no server has reported yet".to_owned(),
        });
        if let Ok(info) = client.log_info().await
            && let Some(origin) = info.mirror_of
        {
            stderr::note(format_args!(
                "this registry is a mirror: servers report to {}",
                escape(&origin)
            ));
        }
        return Ok(());
    }
    let shown = if io::stdout().is_terminal() {
        Shown::OnTerminal {
            now: environment::now(),
        }
    } else {
        Shown::Whole
    };
    table(&deployments, shown).print()?;
    if let Some(ahead) = ahead(&client, hosts).await {
        stderr::warn(ahead);
    }
    Ok(())
}

/// Says which server knows more of the log than the registry has: what that has lost, it shows as if
/// it had never been. A registry that cannot tell has been asked for the list all the same.
async fn ahead(client: &Client, hosts: Option<Vec<HostSummary>>) -> Option<String> {
    let hosts = match hosts {
        Some(hosts) => hosts,
        None => client.hosts().await.ok()?,
    };
    let host = hosts.iter().max_by_key(|host| host.report.log_size)?;
    // Asked after the hosts: it only grows.
    let (known, here) = (host.report.log_size, client.log_info().await.ok()?.size);
    (known > here).then(|| {
        format!(
            "{} knows {} of the log, and this registry has {here}: it was restored from an older \
             backup, or another registry has more",
            host.host,
            count(known, "entry", "entries"),
        )
    })
}

/// Says of a project that the registry does not know what every list says.
async fn unknown(client: &Client, project: &ProjectName) -> Failure {
    let known = client.projects().await.unwrap_or_default().into_iter();
    let error = ResolveError::UnknownProject {
        project: project.clone(),
        known: known.map(|project| project.project).collect(),
    };
    error.into()
}

/// By project, channel and host.
fn order(one: &Deployment, other: &Deployment) -> Ordering {
    fn key(item: &Deployment) -> (&ProjectName, Option<&ChannelName>, &str) {
        let report = &item.report;
        (&report.project, report.channel.as_ref(), item.host.as_str())
    }
    key(one).cmp(&key(other))
}

fn table(deployments: &[Deployment], shown: Shown) -> Table {
    let is_whole = matches!(shown, Shown::Whole);
    let one = deployments.first().map(|item| &item.report.project);
    let has_projects = deployments
        .iter()
        .any(|item| Some(&item.report.project) != one);
    let is_silent = deployments.iter().any(|item| item.silent_since.is_some());
    let mut header = vec!["CHANNEL", "HOST", "STATE", "HASH"];
    if is_whole || has_projects {
        header.insert(0, "PROJECT");
    }
    header.push(if is_whole { "SINCE" } else { "FOR" });
    if is_silent {
        header.push(if is_whole { "SILENT SINCE" } else { "SILENT" });
    }
    let has_waves = deployments.iter().any(|item| !item.report.wave.is_first());
    if has_waves {
        header.push("WAVE");
    }
    header.push("NOTE");
    let mut table = Table::new(&header).wrap(&["NOTE"]);
    let time = |time: Option<Timestamp>| match (time, shown) {
        (None, _) => String::new(),
        (Some(time), Shown::OnTerminal { now }) => age(time, now),
        (Some(time), Shown::Whole) => time.to_string(),
    };
    for item in deployments {
        let report = &item.report;
        let mut row = Vec::new();
        if is_whole || has_projects {
            row.push(report.project.to_string());
        }
        row.extend([
            report
                .channel
                .as_ref()
                .map_or_else(String::new, ChannelName::to_string),
            item.host.to_string(),
            item.state.to_string(),
            report
                .live
                .map_or_else(|| "-".to_owned(), |hash| hash.short()),
            time(report.activated_at),
        ]);
        if is_silent {
            row.push(time(item.silent_since));
        }
        if has_waves {
            row.push(report.wave.to_string());
        }
        row.push(note(item, (!is_whole).then_some(NOTE)));
        table.row(row);
    }
    table
}

/// Says how long ago something was, in the largest unit of which that is one or more.
fn age(time: Timestamp, now: Timestamp) -> String {
    let seconds = now.as_seconds().saturating_sub(time.as_seconds()).max(0);
    let units = [(86_400, "d"), (3_600, "h"), (60, "m"), (1, "s")];
    let fits = units.into_iter().find(|(unit, _)| seconds >= *unit);
    let (unit, name) = fits.unwrap_or((1, "s"));
    format!("{}{name}", seconds / unit)
}

/// Says why a project is not current where it is not, and what else people should know, in a line.
fn note(item: &Deployment, longest: Option<usize>) -> String {
    let report = &item.report;
    let shortened = |text: &str| shortened(text, longest);
    let mut parts = Vec::new();
    if let Some(error) = &report.last_error {
        parts.push(shortened(error.message.as_str()));
    }
    if let Some(drained) = &report.drained {
        let reason = drained.reason.as_ref();
        let reason = reason.map(|reason| format!(": {}", shortened(reason.as_str())));
        parts.push(format!(
            "may be out of its load balancer since {}{}",
            drained.since,
            reason.unwrap_or_default()
        ));
    }
    if let Some(hold) = &report.hold {
        let by = hold.by.as_ref().map(|by| format!(" by {}", by.as_str()));
        let reason = hold.reason.as_ref();
        let reason = reason.map(|reason| format!(": {}", shortened(reason.as_str())));
        parts.push(format!(
            "held{}{}",
            by.unwrap_or_default(),
            reason.unwrap_or_default()
        ));
    }
    if let (DeploymentState::Waiting, Some(waiting)) = (item.state, &report.waiting) {
        parts.push(shortened(waiting.reason.as_str()));
    }
    if let Some(paths @ 1..) = report.drift {
        parts.push(count(paths, "path differs", "paths differ"));
    }
    if let (DeploymentState::Behind, Some(head)) = (item.state, item.head) {
        parts.push(format!("expected {}", head.short()));
    }
    parts.join("; ")
}

/// Returns a text in one line, and only the beginning of one that is too long.
fn shortened(text: &str, longest: Option<usize>) -> String {
    match longest {
        Some(longest) => line::shortened(text, longest),
        None => line::in_one(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn deployment(report: &str) -> Deployment {
        let text = format!(
            r#"{{"host":"web1","state":"current","receivedAt":"2026-11-28T06:00:00Z",
            "report":{{"project":"acme/billing","standing":"up-to-date",{report}}}}}"#
        );
        serde_json::from_str(&text).unwrap()
    }

    #[test]
    fn a_server_that_may_be_out_of_its_load_balancer_is_noted_although_it_is_current() {
        let drained = r#""drained":{"since":"2026-11-28T05:00:00Z","reason":"no answer"}"#;
        assert_eq!(
            note(&deployment(drained), None),
            "may be out of its load balancer since 2026-11-28T05:00:00Z: no answer"
        );
        let drained = r#""drained":{"since":"2026-11-28T05:00:00Z"}"#;
        assert_eq!(
            note(&deployment(drained), Some(NOTE)),
            "may be out of its load balancer since 2026-11-28T05:00:00Z"
        );
    }

    #[test]
    fn an_age_is_told_in_its_largest_unit() {
        let now = Timestamp::from_seconds(1_000_000).unwrap();
        for (seconds, expected) in [
            (-5, "0s"),
            (0, "0s"),
            (59, "59s"),
            (60, "1m"),
            (3_599, "59m"),
            (86_399, "23h"),
            (200_000, "2d"),
        ] {
            let time = Timestamp::from_seconds(1_000_000 - seconds).unwrap();
            assert_eq!(age(time, now), expected, "{seconds}");
        }
    }

    #[test]
    fn only_a_terminal_gets_less_than_all_that_a_server_says() {
        let message = format!(
            "the hook `activate` ended with status 7; {}",
            "ä".repeat(900)
        );
        let error = format!(
            r#""lastError":{{"kind":"failed","message":"{message}","at":"2026-11-28T05:00:00Z"}}"#
        );
        let item = deployment(&error);
        assert_eq!(note(&item, None), message);
        let shown = note(&item, Some(NOTE));
        assert!(shown.starts_with("the hook `activate` ended with status 7; "));
        assert_eq!(shown.chars().count(), NOTE + 1);
    }
}
