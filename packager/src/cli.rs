//! The command line of `bulla`: flags become values, one library call follows, and the result is
//! printed.

mod anchor;
mod approve;
mod arguments;
mod audit;
mod builder;
mod bundle_file;
mod changes;
mod channel;
mod check;
mod compare;
mod diff;
mod doctor;
mod editor;
mod enter;
mod environment;
mod examples;
mod export;
mod history;
mod identify;
mod import;
mod init;
mod key;
mod length;
mod log;
mod log_key;
mod moving;
mod options;
mod pack;
mod packing;
mod pause;
mod pending;
mod person;
mod policies;
mod policy;
mod preview;
mod promote;
mod proposed;
mod publish;
mod publishing;
mod releases;
mod reproduce;
mod revoke;
mod rollback;
mod session;
mod show;
mod signers;
mod signing;
mod source;
mod status;
mod waiting;
mod wave;
mod r#where;
mod witness;

use std::ffi::OsString;
use std::process::ExitCode;

use bulla_terminal::{Failure, help};

use self::arguments::{Arguments, Command};
use self::examples::EXAMPLES;
use self::key::KeyCommand;
use self::session::Session;

/// Runs one command and returns the exit status of `bulla_schemas::outcome`.
pub fn main(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let arguments: Vec<_> = arguments.into_iter().collect();
    if let Some(file) = enter::requested(&arguments) {
        return bulla_terminal::finish_with(enter::run(file));
    }
    match help::parse(EXAMPLES, arguments) {
        Ok(arguments) => bulla_terminal::finish_with(run(arguments)),
        Err(status) => status,
    }
}

fn run(arguments: Arguments) -> Result<ExitCode, Failure> {
    let Arguments { options, command } = arguments;
    let session = || Session::new(options.clone());
    let done = match command {
        Command::Identify(arguments) => {
            return wait(identify::run(&session()?, &arguments));
        }
        Command::Key(arguments) => match arguments.command {
            KeyCommand::Generate(arguments) => key::generate(&arguments),
            KeyCommand::Add(arguments) => wait(key::add(&session()?, &arguments)),
            KeyCommand::Remove(arguments) => wait(key::remove(&session()?, &arguments)),
            KeyCommand::Rotate(arguments) => wait(key::rotate(&session()?, &arguments)),
        },
        Command::Policy(arguments) => wait(policies::run(&session()?, &arguments)),
        Command::Log(arguments) => wait(log::run(&session()?, &arguments)),
        Command::LogKey(arguments) => wait(log_key::run(&session()?, &arguments)),
        Command::Person(arguments) => wait(person::run(&session()?, &arguments)),
        Command::Builder(arguments) => wait(builder::run(&session()?, &arguments)),
        Command::Channel(arguments) => wait(channel::run(&session()?, &arguments)),
        Command::Init(arguments) => wait(init::run(&session()?, &arguments)),
        Command::Pack(arguments) => pack::run(&session()?, &arguments),
        Command::Check(arguments) => check::run(&session()?, &arguments),
        Command::Publish(arguments) => wait(publish::run(&session()?, &arguments)),
        Command::Reproduce(arguments) => wait(reproduce::run(&session()?, &arguments)),
        Command::Promote(arguments) => wait(promote::run(&session()?, &arguments)),
        Command::Rollback(arguments) => wait(rollback::run(&session()?, &arguments)),
        Command::Wave(arguments) => wait(wave::run(&session()?, &arguments)),
        Command::Pause(arguments) => wait(pause::pause(&session()?, &arguments)),
        Command::Resume(arguments) => wait(pause::resume(&session()?, &arguments)),
        Command::Pending(arguments) => wait(pending::list(&session()?, &arguments)),
        Command::Approve(arguments) => wait(approve::run(&session()?, &arguments)),
        Command::Withdraw(arguments) => wait(pending::withdraw(&session()?, &arguments)),
        Command::Revoke(arguments) => wait(revoke::run(&session()?, &arguments)),
        Command::Status(arguments) => wait(status::run(&session()?, &arguments)),
        Command::Where(arguments) => wait(r#where::run(&session()?, &arguments)),
        Command::Releases(arguments) => wait(releases::run(&session()?, &arguments)),
        Command::Show(arguments) => wait(show::run(&session()?, &arguments)),
        Command::Diff(arguments) => wait(diff::run(&session()?, &arguments)),
        Command::Export(arguments) => wait(export::run(&session()?, &arguments)),
        Command::Import(arguments) => wait(import::run(&session()?, &arguments)),
        Command::Audit(arguments) => wait(audit::run(&session()?, &arguments)),
        Command::History(arguments) => wait(history::run(&session()?, &arguments)),
        Command::Anchor(arguments) => wait(anchor::run(&session()?, &arguments)),
        Command::Compare(arguments) => wait(compare::run(&session()?, &arguments)),
        Command::Witness(arguments) => wait(witness::run(&session, &arguments)),
        Command::Doctor(arguments) => wait(doctor::run(options, &arguments)),
        Command::Completions(arguments) => arguments.run::<Arguments>(EXAMPLES),
        Command::ManPages(arguments) => arguments.run::<Arguments>(EXAMPLES),
    };
    done.map(|()| ExitCode::SUCCESS)
}

/// Runs what talks to a registry. One thread does: packing has its own.
fn wait<T>(work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::io("cannot prepare for the network", error))?
        .block_on(work)
}
