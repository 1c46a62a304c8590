//! `bulla-installer install [PROJECT|FILE] [--channel CHANNEL] [HASH]`

mod followed;
pub(super) mod sentence;
mod wish;

use std::path::PathBuf;
use std::process::ExitCode;
use std::str::FromStr;

use bulla_schemas::name::NameError;
use bulla_schemas::{ChannelName, DigestPrefix, ProjectName};
use bulla_terminal::{Failure, stderr, stdout};
use clap::{ArgGroup, Args, ValueEnum};

use self::wish::{Source, Wish};
use super::clock;
use super::hooks::HookArguments;
use super::host::Host;
use super::person::{PersonArguments, reason};
use super::registries::supplies;
use super::token::TokenArguments;
use crate::config::Link;
use crate::fetch::Supply;
use crate::operation::AtOnce;

/// Make the release that a channel points to live
///
/// Nothing is switched before everything is fetched, checked and durable. The last line on stdout
/// is the hash that is live, the last one on stderr begins with `changed` or `unchanged`, and
/// `--json` says the same to programs. A bundle file gets all the checks that a registry gets, and no
/// network is used.
#[derive(Debug, Args)]
#[command(group = ArgGroup::new("word").multiple(true))]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
pub(super) struct Arguments {
    /// The project, or a bundle file (`*.bulla`) of `bulla export`; without it all projects that the
    /// host file follows, one after the other
    #[arg(value_name = "PROJECT|FILE")]
    subject: Option<Subject>,
    /// The channel to follow; without it the one of the host file, else the one that this server
    /// followed so far
    #[arg(long, requires = "subject")]
    channel: Option<ChannelName>,
    /// The release that the channel is expected to point to
    hash: Option<DigestPrefix>,
    /// Install HASH although the channel has moved on since
    #[arg(long, requires = "hash")]
    pin_old: bool,
    /// How unchanged files are taken from releases on this disk
    /// [default: `link` of the host file, else auto]
    #[arg(long, value_enum)]
    link: Option<LinkArgument>,
    /// How many releases stay on this disk, the live one and the one before in any case [default:
    /// `keep.count` of the host file, else 5]
    #[arg(long, value_name = "N")]
    keep: Option<usize>,
    /// Leave the channel that this server followed so far
    #[arg(long, requires = "subject")]
    switch_channel: bool,
    /// Leave a live tree that was edited, although the host file says `drift = "block"`
    #[arg(long)]
    over_edits: bool,
    /// End a hold or a pin of the project
    #[arg(long)]
    release_hold: bool,
    /// Go on at once, whatever wave this server is in and outside of its maintenance windows; the
    /// history says who did that
    #[arg(long, group = "word")]
    now: bool,
    /// Go on although witnesses have not vouched for the log for longer than the channel takes; the
    /// history says who did that
    #[arg(long, group = "word")]
    allow_stale: bool,
    /// Why, for the history
    #[arg(long, short = 'm', value_name = "TEXT", value_parser = reason, requires = "word")]
    reason: Option<String>,
    /// Say which release would be live, and change nothing
    #[arg(long)]
    dry_run: bool,
    /// Print errors and the hash only
    #[arg(short, long)]
    quiet: bool,
    /// Write JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    token: TokenArguments,
    #[command(flatten)]
    hooks: HookArguments,
    #[command(flatten)]
    person: PersonArguments,
}

/// What to install from. A bundle file is known by the end of its name.
#[derive(Debug, Clone)]
enum Subject {
    Project(ProjectName),
    File(PathBuf),
}

impl FromStr for Subject {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        // The name of no project begins so.
        let is_path = text.starts_with(['.', '/']);
        if is_path || std::path::Path::new(text).extension() == Some("bulla".as_ref()) {
            return Ok(Self::File(text.into()));
        }
        text.parse().map(Self::Project)
    }
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum LinkArgument {
    /// Reflink where the file system can, else copy
    Auto,
    /// Reflink, or fail
    Clone,
    /// Copy
    Copy,
    /// Hard link; an edit in place then reaches every release that shares the file
    Hard,
}

impl From<LinkArgument> for Link {
    fn from(argument: LinkArgument) -> Self {
        match argument {
            LinkArgument::Auto => Self::Auto,
            LinkArgument::Clone => Self::Clone,
            LinkArgument::Copy => Self::Copy,
            LinkArgument::Hard => Self::Hard,
        }
    }
}

impl Arguments {
    pub(super) fn run(self, host: &Host) -> Result<ExitCode, Failure> {
        let mut log = host.log("install")?;
        if let Some(loss) = log.loss(host.server()) {
            stderr::warn(loss);
        }
        let person = AtOnce {
            by: self.person.name(),
            reason: self.reason,
        };
        let wish = Wish {
            channel: self.channel,
            hash: self.hash,
            pin_old: self.pin_old,
            switch_channel: self.switch_channel,
            over_edits: self.over_edits,
            link: self.link.map(Into::into),
            keep: self.keep,
            release_hold: self.release_hold,
            at_once: self.now.then(|| person.clone()),
            allow_stale: self.allow_stale.then_some(person),
            hook: self.hooks.hook,
            dry_run: self.dry_run,
            quiet: self.quiet,
            now: clock::now(),
        };
        let (supplies, project) = match self.subject {
            Some(Subject::File(path)) => {
                let (supply, project) = Supply::file(&path)?;
                (vec![supply], Some(project))
            }
            Some(Subject::Project(project)) => (supplies(&log, host, self.token)?, Some(project)),
            None => (supplies(&log, host, self.token)?, None),
        };
        let mut source = Source {
            host,
            log: &mut log,
            supplies: &supplies,
        };
        match project {
            Some(project) => one(&mut source, &project, &wish, self.json),
            None => followed::all(&mut source, &wish, self.json),
        }
    }
}

fn one(
    source: &mut Source<'_>,
    project: &ProjectName,
    wish: &Wish,
    json: bool,
) -> Result<ExitCode, Failure> {
    let (report, sentence) = wish.bring(source, project)?;
    if json {
        stdout::json(&report)?;
    }
    wish.say(&report, &sentence);
    let is_live = report.waiting.is_none() || report.from.is_some();
    if !json && is_live {
        stdout::line(report.hash)?;
    }
    Ok(ExitCode::SUCCESS)
}
