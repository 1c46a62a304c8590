//! What the command line asks for, and bringing one project there.

use std::num::NonZeroUsize;

use bulla_schemas::report::server::InstallReport;
use bulla_schemas::{ChannelName, DigestPrefix, ProjectName, Timestamp};
use bulla_terminal::{Failure, stderr};

use super::sentence;
use crate::cli::host::Host;
use crate::cli::terminal::Terminal;
use crate::config::Link;
use crate::fetch::{FollowedLog, Supply};
use crate::live::{HookSettings, Unproved};
use crate::operation::{
    AtOnce, InstallRequest, LockedSite, Opening, Outcome, install_from, preview_from,
};
use crate::state::history::History;

/// Where releases come from.
pub(super) struct Source<'a> {
    pub(super) host: &'a Host,
    pub(super) log: &'a mut FollowedLog,
    pub(super) supplies: &'a [Supply],
}

/// What the command line asks for; the host file says the rest.
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
pub(super) struct Wish {
    pub(super) channel: Option<ChannelName>,
    pub(super) hash: Option<DigestPrefix>,
    pub(super) pin_old: bool,
    pub(super) switch_channel: bool,
    pub(super) over_edits: bool,
    pub(super) release_hold: bool,
    /// Who does not want to wait for waves and windows.
    pub(super) at_once: Option<AtOnce>,
    /// Who takes a log that witnesses have not vouched for lately.
    pub(super) allow_stale: Option<AtOnce>,
    /// The hook that started this command.
    pub(super) hook: Option<String>,
    pub(super) link: Option<Link>,
    pub(super) keep: Option<usize>,
    pub(super) dry_run: bool,
    pub(super) quiet: bool,
    pub(super) now: Timestamp,
}

impl Wish {
    /// Makes the release of a project live, or says what would be done.
    pub(super) fn bring(
        &self,
        source: &mut Source<'_>,
        project: &ProjectName,
    ) -> Result<(InstallReport, String), Failure> {
        let server = source.host.server();
        let (log, supplies) = (&mut *source.log, source.supplies);
        let request = self.request(source.host, project)?;
        let channel = request.channel.clone();
        let terminal = Terminal::unless(self.quiet, "install", server);
        let (hash, from, changed, stays, sentence) = if self.dry_run {
            let found = preview_from(server, project, log, supplies, &request, &terminal);
            terminal.finish();
            let found = found?;
            let sentence = sentence::would(project, &channel, &found);
            let stays = (found.hold, found.waiting);
            (found.hash, found.from, !found.is_done, stays, sentence)
        } else {
            let opening = Opening {
                command: "install",
                settings: &request.hooks,
                unproved: Unproved::Prove,
                now: request.now,
            };
            let site = LockedSite::open(server, project, opening, &terminal)?;
            let installed = install_from(&site, server, log, supplies, &request, &terminal);
            terminal.finish();
            let installed = installed?;
            let sentence = sentence::did(project, &channel, &installed);
            let (changed, stays) = match installed.outcome {
                Outcome::AlreadyLive => (false, (None, None)),
                Outcome::Held(hold) => (false, (Some(*hold), None)),
                Outcome::Waiting(waiting) => (false, (None, Some(*waiting))),
                Outcome::OnDisk | Outcome::Written { .. } => (true, (None, installed.meanwhile)),
            };
            (installed.hash, installed.from, changed, stays, sentence)
        };
        let (hold, waiting) = stays;
        let report = InstallReport {
            project: project.clone(),
            channel,
            hash,
            from,
            changed,
            hold,
            waiting,
            dry_run: self.dry_run,
        };
        Ok((report, sentence))
    }

    /// Says on stderr whether anything changed.
    pub(super) fn say(&self, report: &InstallReport, sentence: &str) {
        if !self.quiet {
            let changed = if report.changed {
                "changed"
            } else {
                "unchanged"
            };
            stderr::say(format_args!("{changed}: {sentence}"));
        }
    }

    fn request(&self, host: &Host, project: &ProjectName) -> Result<InstallRequest, Failure> {
        let mut config = host.project(project);
        config.link = self.link.unwrap_or(config.link);
        config.keep.count = self.keep.unwrap_or(config.keep.count);
        let said = self.channel.clone().or_else(|| config.channel.clone());
        let channel = match said {
            Some(channel) => channel,
            None => followed_so_far(host, project)?,
        };
        Ok(InstallRequest {
            channel,
            hash: self.hash.clone(),
            pin_old: self.pin_old,
            switch_channel: self.switch_channel,
            over_edits: self.over_edits,
            release_hold: self.release_hold,
            at_once: self.at_once.clone(),
            allow_stale: self.allow_stale.clone(),
            hooks: HookSettings {
                inside: self.hook.clone(),
                ..HookSettings::of(&config)
            },
            config,
            threads: std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN),
            now: self.now,
        })
    }
}

/// Returns the channel that earlier installs followed.
fn followed_so_far(host: &Host, project: &ProjectName) -> Result<ChannelName, Failure> {
    let site = host.server().site(project);
    let history = History::read(&site.history())?;
    history.channel().cloned().ok_or_else(|| {
        Failure::usage(format_args!("no channel of `{project}` is followed here")).with_hint(
            format!(
                "`bulla-installer follow {project} --channel CHANNEL`, or name it with --channel"
            ),
        )
    })
}
