//! `bulla policy edit`: the whole policy in an editor.

use std::path::{Path, PathBuf};

use bulla_schemas::outcome::with_causes;
use bulla_terminal::{Failure, prompt, stderr};
use bulla_trust::LogState;
use clap::Args;

use super::super::editor::TypedText;
use super::super::moving::require_answer;
use super::super::session::Session;
use super::{ChangeArguments, change};
use crate::policy::{self, Change, Rules, rules};

/// Change the policy in your editor ($VISUAL, else $EDITOR, else vi)
///
/// The text is TOML. When you save it and leave the editor, what comes and goes is shown in words; you
/// are asked, and it is signed. A text with an error is opened again. What you typed is kept in a file
/// until it is in effect.
#[derive(Debug, Args)]
pub(in super::super) struct EditArguments {
    /// Take this text instead of opening an editor; `bulla policy show --toml` prints one
    #[arg(long, value_name = "FILE")]
    file: Option<PathBuf>,
    #[command(flatten)]
    change: ChangeArguments,
}

pub(in super::super) async fn run(
    session: &Session,
    arguments: &EditArguments,
) -> Result<(), Failure> {
    let client = session.client()?;
    let change_arguments = &arguments.change;
    let is_answered = change_arguments.yes || change_arguments.dry_run;
    require_answer(is_answered, "changing the policy")?;
    let log = session.log(&client).await?;
    let state = log.state();
    if !change_arguments.dry_run {
        // Who may not is told before they type.
        let key = session.personal_key(change_arguments.ssh_key.as_deref())?;
        policy::check_signer(state, &key)?;
    }
    let current = Rules::of(policy::in_effect(state)?);
    let (rules, file) = match &arguments.file {
        Some(path) => (Rules::parse(&read(path)?)?, None),
        None => match type_in(state, &current)? {
            Some((rules, file)) => (rules, Some(file)),
            None => return Ok(()),
        },
    };
    if rules == current {
        stderr::say("nothing changed, and nothing was signed");
        return file.map_or(Ok(()), TypedText::remove);
    }
    let done = change(session, change_arguments, &Change::Replace(rules)).await;
    match (done, file) {
        (done, None) => done,
        (Ok(()), Some(file)) if !change_arguments.dry_run => file.remove(),
        (done, Some(file)) => {
            say_kept(&file);
            done
        }
    }
}

fn read(path: &Path) -> Result<String, Failure> {
    let bytes = bulla_files::read_up_to(path, rules::MAX_LEN)?;
    let bytes = bytes.ok_or_else(|| {
        Failure::usage(format_args!(
            "expected the text of a policy in `{}`, found no file",
            path.display()
        ))
    })?;
    String::from_utf8(bytes)
        .map_err(|_| Failure::usage(format_args!("`{}` is not a text in UTF-8", path.display())))
}

/// Has a person type until the text is a policy that can be put in effect; `None` when they leave it
/// empty.
fn type_in(state: &LogState, current: &Rules) -> Result<Option<(Rules, TypedText)>, Failure> {
    let file = TypedText::begin("policy", &current.to_text())?;
    let mut before = None;
    loop {
        let left = file.edit().and_then(|()| read(file.path()));
        let left = match left {
            Ok(left) => left,
            Err(failure) => {
                say_kept(&file);
                return Err(failure);
            }
        };
        let typed = without_errors(&left);
        if typed
            .lines()
            .all(|line| line.trim().is_empty() || line.starts_with('#'))
        {
            stderr::say("the text is empty: nothing was done");
            file.remove()?;
            return Ok(None);
        }
        // With the lines that say the error before, which are comments: lines are counted as they stand.
        let judge = |text: &str| judge(state, current, text);
        let failure = match judge(&left) {
            Ok(rules) => return Ok(Some((rules, file))),
            Err(failure) => failure,
        };
        // Leaving it as it is after an error is how one gives up.
        if !prompt::can_ask() || before.as_ref() == Some(&typed) {
            say_kept(&file);
            return Err(failure);
        }
        file.write(&with_error(&typed, failure, judge))?;
        before = Some(typed);
    }
}

fn judge(state: &LogState, current: &Rules, text: &str) -> Result<Rules, Failure> {
    let rules = Rules::parse(text)?;
    if rules != *current {
        policy::next(state, &Change::Replace(rules.clone()))?;
    }
    Ok(rules)
}

fn say_kept(file: &TypedText) {
    let path = file.path().display();
    stderr::say(format_args!(
        "what you typed is kept in `{path}`; `bulla policy edit --file {path}` goes on with it"
    ));
}

/// What begins the lines that say an error, which are taken out again.
const MARK: &str = "#! ";

/// Writes an error above a text. The lines that it names are counted with its own.
fn with_error(
    text: &str,
    failure: Failure,
    judge: impl Fn(&str) -> Result<Rules, Failure>,
) -> String {
    let above = "\n".repeat(marks(&failure).lines().count());
    let failure = judge(&(above + text)).err().unwrap_or(failure);
    marks(&failure) + text
}

fn marks(failure: &Failure) -> String {
    let error = with_causes(failure.error());
    let first = "This cannot be put in effect; leave it as it is to give up.";
    let mut marks = String::new();
    for line in [first]
        .into_iter()
        .chain(error.lines())
        .chain(failure.hint())
    {
        marks.extend([MARK, line, "\n"]);
    }
    marks
}

fn without_errors(text: &str) -> String {
    let lines = text.split_inclusive('\n');
    lines.filter(|line| !line.starts_with(MARK)).collect()
}

#[cfg(test)]
mod tests {
    use bulla_trust::testing::Organisation;

    use super::*;

    #[test]
    fn an_error_names_the_line_that_is_wrong_as_it_stands_below_the_error() {
        let acme = Organisation::new();
        let current = Rules::of(acme.state.policy().unwrap());
        let judge = |text: &str| judge(&acme.state, &current, text);
        let text = current.to_text();
        for (from, to) in [("threshold = ", "treshold = "), ("refs = ", "ref = ")] {
            let wrong = text.replacen(from, to, 1);
            let shown = with_error(&wrong, judge(&wrong).unwrap_err(), judge);
            let at = shown.lines().position(|line| line.starts_with(to)).unwrap() + 1;
            assert!(shown.contains(&format!("line {at}, column 1")), "{shown}");
            // What is left as it is says the same line.
            let left = with_causes(judge(&shown).unwrap_err().error());
            assert!(left.contains(&format!("line {at}, column 1")), "{left}");
            assert_eq!(without_errors(&shown), wrong);
        }
    }
}
