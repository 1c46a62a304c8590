//! `bulla-installer install PROJECT|FILE --channel CHANNEL [HASH]`

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::process::ExitCode;
use std::str::FromStr;

use bulla_schemas::name::NameError;
use bulla_schemas::report::server::InstallReport;
use bulla_schemas::{ChannelName, DigestPrefix, ProjectName};
use bulla_terminal::{Failure, bytes, stderr, stdout};
use clap::{Args, ValueEnum};

use super::clock;
use super::hints::complete;
use super::terminal::Terminal;
use super::token::TokenArguments;
use crate::fetch::{FollowedLog, Supply};
use crate::operation::{InstallRequest, Installed, LockedSite, Outcome, Preview, install, preview};
use crate::site::Server;
use crate::state::with_causes;
use crate::tree::Link;

/// Make the release that a channel points to live
///
/// Nothing is switched before everything is fetched, checked and durable. The last line on stdout
/// is the hash that is live, the last one on stderr begins with `changed` or `unchanged`, and
/// `--json` says the same to programs. A bundle file gets all the checks that a registry gets, and no
/// network is used.
#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
pub(super) struct Arguments {
    /// The project, or a bundle file (`*.bulla`) of `bulla export`
    #[arg(value_name = "PROJECT|FILE")]
    subject: Subject,
    /// The channel to follow
    #[arg(long)]
    channel: ChannelName,
    /// The release that the channel is expected to point to
    hash: Option<DigestPrefix>,
    /// Install HASH although the channel has moved on since
    #[arg(long, requires = "hash")]
    pin_old: bool,
    /// How unchanged files are taken from releases on this disk
    #[arg(long, value_enum, default_value = "auto")]
    link: LinkArgument,
    /// How many releases stay on this disk, the live one and the one before in any case
    #[arg(long, value_name = "N", default_value = "5")]
    keep: usize,
    /// Leave the channel that this server followed so far
    #[arg(long)]
    switch_channel: bool,
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
    pub(super) fn run(self, server: &Server) -> Result<ExitCode, Failure> {
        let mut log = FollowedLog::open(server)?;
        if let Some(loss) = log.loss(server) {
            stderr::warn(loss);
        }
        let (supply, project) = match self.subject {
            Subject::Project(project) => {
                let token = self.token.read(|| remembered_token(&log, server))?;
                let supply = Supply::registry(log.url().clone(), token)?;
                let supply = supply.on_silence(|sentence| stderr::say(sentence));
                (supply, project)
            }
            Subject::File(path) => Supply::file(&path)?,
        };
        let request = InstallRequest {
            channel: self.channel,
            hash: self.hash,
            pin_old: self.pin_old,
            switch_channel: self.switch_channel,
            link: self.link.into(),
            keep: self.keep,
            threads: std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN),
            now: clock::now(),
        };
        let (hash, from, changed, sentence) = if self.dry_run {
            log.sync(server, &supply, request.now)?;
            let found = preview(server, &project, log.state(), &supply, &request)?;
            let sentence = would(&project, &request, &found);
            (found.hash, found.from, !found.is_done, sentence)
        } else {
            let terminal = Terminal::unless(self.quiet, "install", server);
            let site = LockedSite::open(server, &project, "install", request.now, &terminal)?;
            log.sync(server, &supply, request.now)?;
            let result = install(&site, log.state(), &supply, &request, &terminal);
            terminal.finish();
            let installed = result?;
            let sentence = sentence(&project, &request, &installed);
            let changed = match installed.outcome {
                Outcome::AlreadyLive => false,
                Outcome::OnDisk | Outcome::Written { .. } => true,
            };
            (installed.hash, installed.from, changed, sentence)
        };
        let report = InstallReport {
            project,
            channel: request.channel,
            hash,
            from,
            changed,
            dry_run: self.dry_run,
        };
        if self.json {
            stdout::json(&report)?;
        }
        if !self.quiet {
            let changed = if report.changed {
                "changed"
            } else {
                "unchanged"
            };
            stderr::say(format_args!("{changed}: {sentence}"));
        }
        if !self.json {
            stdout::line(report.hash)?;
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// Returns the file that enrolment named for the registry's token. Many registries can be read
/// without one.
fn remembered_token(log: &FollowedLog, server: &Server) -> Option<PathBuf> {
    match log.token_file(server) {
        Ok(path) => path,
        Err(error) => {
            let problem = with_causes(&error);
            let command = format!(
                "`bulla-installer enroll {} ANCHOR --token-file FILE` writes it again",
                log.url()
            );
            let command = complete(&command, server);
            stderr::warn(format_args!("{problem}; {command}"));
            None
        }
    }
}

/// Says what would be done.
fn would(project: &ProjectName, request: &InstallRequest, found: &Preview) -> String {
    let hash = found.hash.short();
    let place = format!("{project} {}", request.channel);
    match found.from {
        Some(_) if found.is_done => format!("{place}: {hash} is live already"),
        Some(from) if from == found.hash => format!(
            "{place}: {hash} is live, but its tree was changed and would be written again; nothing \
             was done"
        ),
        Some(from) => format!("{place}: {} -> {hash}, nothing was done", from.short()),
        None => format!("{place}: {hash}, nothing was done"),
    }
}

/// Says what was done: `acme/billing prod: 8d10... -> 9f2c..., 3 files, 2.1 kB`.
fn sentence(project: &ProjectName, request: &InstallRequest, installed: &Installed) -> String {
    let hash = installed.hash.short();
    let place = format!("{project} {}", request.channel);
    let from = match installed.from {
        Some(from) if from != installed.hash => format!("{} -> {hash}", from.short()),
        _ => hash.clone(),
    };
    match &installed.outcome {
        Outcome::AlreadyLive => format!("{place}: {hash} is live already"),
        Outcome::OnDisk => format!("{place}: {from}, was on this disk"),
        Outcome::Written {
            files,
            in_place,
            shared: [cloned, copied, linked],
            downloaded,
            resumed,
        } => {
            let ways = [
                (*in_place, "kept in place"),
                (*cloned, "cloned"),
                (*copied, "copied"),
                (*linked, "hard-linked"),
            ];
            let mut parts = vec![super::text::files(*files)];
            for (count, way) in ways.into_iter().filter(|(count, _)| *count > 0) {
                parts.push(format!("{count} {way}"));
            }
            parts.push(format!("{} downloaded", bytes(*downloaded)));
            if *resumed > 0 {
                parts.push(format!("{} were here already", bytes(*resumed)));
            }
            format!("{place}: {from}, {}", parts.join(", "))
        }
    }
}
