//! What can be typed: the commands, and the options that all of them take.

use bulla_terminal::{CompletionsArguments, ManPagesArguments};
use clap::{Parser, Subcommand};

use super::options::Options;
use super::{
    anchor, approve, audit, builder, channel, check, compare, diff, doctor, export, history,
    identify, import, init, key, log, log_key, pack, pause, pending, person, policies, promote,
    publish, releases, reproduce, revoke, rollback, show, status, wave, r#where, witness,
};

/// Pack revisions into bundles, sign and publish them, and move channels
///
/// One hash names a release everywhere. It may be shortened to 8 or more hex digits; `sha256:` in
/// front is optional. The exit status is 0 when all is done, 1 when something failed or a name leads to nothing,
/// 2 when the command line, the recipe or the configuration is wrong whatever there is, 3 when verification or policy refuses, and 4 when the same command may work later.
#[derive(Debug, Parser)]
#[command(name = "bulla", version)]
pub(super) struct Arguments {
    #[command(flatten)]
    pub(super) options: Options,
    #[command(subcommand)]
    pub(super) command: Command,
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    Pack(pack::PackArguments),
    Check(check::CheckArguments),
    Publish(publish::PublishArguments),
    Reproduce(reproduce::ReproduceArguments),
    Promote(promote::PromoteArguments),
    Rollback(rollback::RollbackArguments),
    Wave(wave::WaveArguments),
    Pause(pause::PauseArguments),
    Resume(pause::ResumeArguments),
    Pending(pending::PendingArguments),
    Approve(approve::ApproveArguments),
    Withdraw(pending::WithdrawArguments),
    Revoke(revoke::RevokeArguments),
    Status(status::StatusArguments),
    Where(r#where::WhereArguments),
    Releases(releases::ReleasesArguments),
    Show(show::ShowArguments),
    Diff(diff::DiffArguments),
    History(history::HistoryArguments),
    Audit(audit::AuditArguments),
    Identify(identify::IdentifyArguments),
    Export(export::ExportArguments),
    Import(import::ImportArguments),
    Anchor(anchor::AnchorArguments),
    Init(init::InitArguments),
    Key(key::KeyArguments),
    Policy(policies::PolicyArguments),
    Log(log::LogArguments),
    LogKey(log_key::LogKeyArguments),
    Person(person::PersonArguments),
    Builder(builder::BuilderArguments),
    Channel(channel::ChannelArguments),
    Compare(compare::CompareArguments),
    Witness(witness::WitnessArguments),
    Doctor(doctor::DoctorArguments),
    Completions(CompletionsArguments),
    ManPages(ManPagesArguments),
}
