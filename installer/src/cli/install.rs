//! `bulla-installer install [PROJECT|FILE] [--channel CHANNEL] [HASH]`

mod followed;
mod sentence;
mod wish;

use std::path::PathBuf;
use std::process::ExitCode;
use std::str::FromStr;

use bulla_schemas::name::NameError;
use bulla_schemas::{ChannelName, DigestPrefix, ProjectName};
use bulla_terminal::{Failure, stderr, stdout};
use clap::{Args, ValueEnum};

use self::wish::{Source, Wish};
use super::clock;
use super::hints::complete;
use super::host::Host;
use super::token::{TokenArguments, read_file};
use crate::config::Link;
use crate::fetch::{FollowedLog, Supply};
use crate::site::Server;
use crate::state::with_causes;

/// Make the release that a channel points to live
///
/// Nothing is switched before everything is fetched, checked and durable. The last line on stdout
/// is the hash that is live, the last one on stderr begins with `changed` or `unchanged`, and
/// `--json` says the same to programs. A bundle file gets all the checks that a registry gets, and no
/// network is used.
#[derive(Debug, Args)]
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
        if std::path::Path::new(text).extension() == Some("bulla".as_ref()) {
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
        let mut log = FollowedLog::open(host.server(), host.config())?;
        if let Some(loss) = log.loss(host.server()) {
            stderr::warn(loss);
        }
        let wish = Wish {
            channel: self.channel,
            hash: self.hash,
            pin_old: self.pin_old,
            switch_channel: self.switch_channel,
            over_edits: self.over_edits,
            link: self.link.map(Into::into),
            keep: self.keep,
            dry_run: self.dry_run,
            quiet: self.quiet,
            now: clock::now(),
        };
        let (supplies, project) = match self.subject {
            Some(Subject::File(path)) => {
                let (supply, project) = Supply::file(&path)?;
                (vec![supply], Some(project))
            }
            Some(Subject::Project(project)) => (registries(&log, host, self.token)?, Some(project)),
            None => (registries(&log, host, self.token)?, None),
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
    if !json {
        stdout::line(report.hash)?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Returns the registries that serve the log. A token that the command was given is shown to the
/// first; the others have their own in the host file. One that cannot be asked is passed over, as
/// long as another one can.
fn registries(
    log: &FollowedLog,
    host: &Host,
    token: TokenArguments,
) -> Result<Vec<Supply>, Failure> {
    let mut first = Some(token);
    let (mut supplies, mut failed) = (Vec::new(), Vec::new());
    for registry in log.registries() {
        let token = match (first.take(), &registry.token_file) {
            (Some(token), _) => token.read(|| remembered_token(log, host.server())),
            (None, Some(path)) => read_file(path).map(Some),
            (None, None) => Ok(None),
        };
        let supply = token.and_then(|token| Ok(Supply::registry(registry.url.clone(), token)?));
        match supply {
            Ok(supply) => supplies.push(supply.on_silence(|sentence| stderr::say(sentence))),
            Err(failure) => failed.push((&registry.url, failure)),
        }
    }
    if supplies.is_empty()
        && let Some((_, failure)) = failed.pop()
    {
        return Err(failure);
    }
    for (url, failure) in failed {
        let problem = with_causes(failure.error());
        stderr::warn(format_args!("{url} is not asked: {problem}"));
    }
    Ok(supplies)
}

/// Returns the file that enrolment named for the registry's token. Many registries can be read
/// without one.
fn remembered_token(log: &FollowedLog, server: &Server) -> Option<PathBuf> {
    match log.token_file(server) {
        Ok(path) => path,
        Err(error) => {
            let problem = with_causes(&error);
            let url = log.registries().first().map(|first| first.url.as_str());
            let command = format!(
                "`bulla-installer enroll {} ANCHOR --token-file FILE` writes it again",
                url.unwrap_or("URL")
            );
            let command = complete(&command, server);
            stderr::warn(format_args!("{problem}; {command}"));
            None
        }
    }
}
