//! Hooks: commands that a release, or this server, wants to be run around a switch. They run from
//! the release's tree, as the user whom the host file names, and whatever they do, the installer
//! comes back.
//!
//! | hook | of the release that | when | its failure |
//! |---|---|---|---|
//! | `prepare` | becomes live | before the switch | nothing is changed |
//! | `deactivate` | is left | before the switch | is said |
//! | `activate` | becomes live | after the switch | the release failed |
//!
//! The server's own `drain` and `undrain` run around all of them, see
//! [`load_balancer`](super::load_balancer).

mod error;
mod program;
mod reason;
mod settings;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use bulla_schemas::Digest;
use bulla_schemas::install::{Command, Hooks, Install};
use bulla_schemas::line::shortened;
use bulla_schemas::period::Period;

use self::reason::ReasonFile;
use super::broken::Broken;
use super::health::Checks;
use crate::config::{self, HookPolicy, LoadBalancer};
use crate::platform::child::{self, Output, PATH, Program, User};
use crate::site::Site;
use crate::state::history::{Activation, ActivationAction};
use crate::state::{bundles, checked, output};

pub use error::HookError;
pub(super) use program::of_release;
pub use settings::HookSettings;

/// How long a command may take where the release does not say.
const TIMEOUT: Duration = Duration::from_mins(5);

/// The hooks of a release.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Hook {
    Prepare,
    Deactivate,
    Activate,
    /// The command of the health checks.
    Health,
    /// The server leaves its load balancer.
    Drain,
    /// It comes back.
    Undrain,
}

impl Hook {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Prepare => "prepare",
            Self::Deactivate => "deactivate",
            Self::Activate => "activate",
            Self::Health => "health",
            Self::Drain => "drain",
            Self::Undrain => "undrain",
        }
    }
}

/// The program of a release that is to become the agent.
#[derive(Debug)]
struct Installer {
    site: Site,
    /// Whether the release that is left carries one, so that this one has lost it.
    is_missed: bool,
}

/// A release on this disk, with what runs for it on this server.
#[derive(Debug, Default)]
pub(crate) struct HookedRelease {
    hash: Option<Digest>,
    tree: PathBuf,
    hooks: Hooks,
    /// Whether the hooks are this server's own, which may run any program of it.
    is_own: bool,
    load_balancer: LoadBalancer,
    pub(crate) health: Option<Checks>,
    /// Where the release's program is to become the agent.
    installer: Option<Installer>,
    /// All of the environment but for the hook's name.
    environment: BTreeMap<String, String>,
    user: Option<User>,
    outputs: Option<(Site, u64)>,
}

impl HookedRelease {
    /// Prepares to run what a release wants, which takes part in an activation. Everything that can
    /// be known to go wrong goes wrong here, before anything is changed.
    pub(crate) fn open(
        site: &Site,
        settings: &HookSettings,
        hash: &Digest,
        activation: &Activation,
    ) -> Result<Self, HookError> {
        let Some(document) = bundles::read_release(site, hash) else {
            return Ok(Self::default());
        };
        let (hooks, environment, user) = ready(settings, &document.install)?;
        let tree = std::path::absolute(site.tree(hash)).unwrap_or_else(|_| site.tree(hash));
        let persist = std::path::absolute(site.persist()).unwrap_or_else(|_| site.persist());
        let health = document.install.health.as_ref();
        let health = health.filter(|_| !settings.skip).map(Checks::new);
        let mut release = Self {
            hash: Some(*hash),
            tree,
            is_own: matches!(settings.policy, HookPolicy::Own(_)),
            hooks,
            load_balancer: balancer(settings),
            health: health.transpose()?,
            installer: tries_program(settings).then(|| Installer {
                site: site.clone(),
                is_missed: misses_program(site, hash, activation),
            }),
            environment,
            user,
            outputs: Some((site.clone(), activation.number)),
        };
        let previous = activation
            .from
            .map_or_else(String::new, |from| from.to_string());
        for (name, value) in [
            ("BULLA_PROJECT", site.project().to_string()),
            ("BULLA_HASH", hash.to_string()),
            ("BULLA_PREVIOUS", previous),
            ("BULLA_CHANNEL", activation.promotion.channel.to_string()),
            ("BULLA_REVISION", document.source.revision().to_owned()),
            ("BULLA_TREE", release.tree.to_string_lossy().into_owned()),
            ("BULLA_PERSIST", persist.to_string_lossy().into_owned()),
        ] {
            release.environment.insert(name.to_owned(), value);
        }
        release.check_programs()?;
        Ok(release)
    }

    /// Tells whether the release wants a hook to be run.
    pub(crate) const fn wants(&self, hook: Hook) -> bool {
        self.command(hook).is_some()
    }

    /// Tells whether anything runs for it.
    pub(crate) fn is_bare(&self) -> bool {
        let is_watched = self.health.is_some() || self.installer.is_some();
        !self.hooks.has_commands() && !is_watched && self.load_balancer.is_empty()
    }

    const fn command(&self, hook: Hook) -> Option<&Command> {
        match hook {
            Hook::Prepare => self.hooks.prepare.as_ref(),
            Hook::Deactivate => self.hooks.deactivate.as_ref(),
            Hook::Activate => self.hooks.activate.as_ref(),
            Hook::Drain => self.load_balancer.drain.as_ref(),
            Hook::Undrain => self.load_balancer.undrain.as_ref(),
            Hook::Health => match &self.health {
                Some(checks) => checks.command(),
                None => None,
            },
        }
    }

    fn check_programs(&self) -> Result<(), HookError> {
        for hook in [
            Hook::Prepare,
            Hook::Activate,
            Hook::Deactivate,
            Hook::Health,
            Hook::Drain,
            Hook::Undrain,
        ] {
            if let Some(command) = self.command(hook) {
                self.program(hook, command)?;
            }
        }
        Ok(())
    }

    fn program(&self, hook: Hook, command: &Command) -> Result<PathBuf, HookError> {
        let name = &command.arguments()[0];
        let is_own = match hook {
            Hook::Drain | Hook::Undrain => true,
            Hook::Health => false,
            Hook::Prepare | Hook::Deactivate | Hook::Activate => self.is_own,
        };
        let caller = || rustix::process::geteuid().as_raw();
        let user = self.user.as_ref().map_or_else(caller, |user| user.uid);
        let found = if is_own {
            program::of_server(name, user)
        } else {
            program::of_release(&self.tree, name).and_then(|found| {
                program::require_safe_for_root(&found, user)?;
                Ok(found)
            })
        };
        found.map_err(|why| HookError::Program {
            hook: hook.name(),
            program: name.clone(),
            why,
        })
    }

    /// Runs a hook, where the release wants it.
    pub(crate) fn run(&self, hook: Hook) -> Result<(), Broken> {
        let timeout = match hook {
            Hook::Drain | Hook::Undrain => self.load_balancer.timeout,
            _ => self.hooks.timeout,
        };
        let timeout = timeout.map_or(TIMEOUT, Period::as_duration);
        match self.command(hook) {
            Some(command) => self.execute(hook, command, timeout),
            None => Ok(()),
        }
    }

    /// Runs one round of the health checks, which may take so long.
    pub(crate) fn check_command(&self, timeout: Duration) -> Result<(), Broken> {
        match self.command(Hook::Health) {
            Some(command) => self.execute(Hook::Health, command, timeout),
            None => Ok(()),
        }
    }

    fn execute(&self, hook: Hook, command: &Command, timeout: Duration) -> Result<(), Broken> {
        let (arguments, name) = (command.arguments(), hook.name());
        let typed = in_a_line(arguments);
        let called = match hook {
            Hook::Health => format!("the health check `{typed}`"),
            _ => format!("the hook `{name}` (`{typed}`)"),
        };
        let broken = |why: String| Broken::from(format!("{called} {why}"));
        let path = self.program(hook, command);
        let path = path.map_err(|error| broken(format!("cannot run: {error}")))?;
        let mut environment = self.environment.clone();
        environment.insert("BULLA_HOOK".to_owned(), name.to_owned());
        let reason = self.reason_file();
        // Empty where there is none: a path such as `/dev/null` could be replaced by a hook of root.
        let into = reason.as_ref().map(ReasonFile::path).unwrap_or_default();
        environment.insert("BULLA_REASON".to_owned(), into.display().to_string());
        let mut output = Output::default();
        let begun = Instant::now();
        let program = Program {
            path: &path,
            arguments: &arguments[1..],
            directory: &self.tree,
            environment: Some(&environment),
            user: self.user.as_ref(),
            timeout,
        };
        let (is_success, ended) = match child::run(&program, &mut output) {
            Ok(ended) => (ended.is_success(), ended.to_string()),
            Err(error) => (false, format!("cannot run: {error}")),
        };
        let (text, took) = (output.text(), begun.elapsed().as_secs_f64());
        let said = reason.filter(|_| !is_success);
        let said = said.and_then(|file| file.read());
        let said = said.map_or_else(String::new, |reason| format!(": {reason}"));
        if hook != Hook::Health || !is_success {
            let called = arguments.join(" ");
            self.keep(&format!(
                "-- {name}: {called}\n{text}-- {name}: {ended}, {took:.1} s{said}\n"
            ));
        }
        if is_success {
            Ok(())
        } else {
            Err(Broken {
                output: end_of(&text),
                ..broken(format!("{ended}{said}"))
            })
        }
    }

    /// Makes the file in which a command may say why it fails. A full disk fails no hook.
    fn reason_file(&self) -> Option<ReasonFile> {
        let (site, _) = self.outputs.as_ref()?;
        ReasonFile::create(site, self.user.as_ref()).ok()
    }

    /// Has the program of the release look whether it could be the agent, where it is to become that.
    pub(crate) fn check_program(&self) -> Result<(), String> {
        let (Some(Installer { site, is_missed }), Some(hash)) = (&self.installer, &self.hash)
        else {
            return Ok(());
        };
        let checked = match super::program::find(&self.tree) {
            Ok(None) if *is_missed => Err(format!(
                "{}, and the release before does",
                super::program::none()
            )),
            // The agent stays what it is, and says so.
            Ok(None) => return Ok(()),
            Ok(Some(path)) => super::program::check(&path, site.arguments()),
            Err(why) => Err(super::program::unfit(&why)),
        };
        // Where this cannot be written, it is not tried, which is said.
        let checked = checked.inspect(|()| drop(checked::write(site, hash)));
        let said = checked.as_ref().map_or_else(String::as_str, |()| "ok");
        self.keep(&format!("-- self-check: {said}\n"));
        checked
    }

    /// Adds to what is kept of the activation.
    pub(crate) fn keep(&self, text: &str) {
        if let Some((site, number)) = &self.outputs {
            output::add(site, *number, text);
        }
    }

    /// Tells whether the release's tree is still there; a hook can remove it.
    pub(crate) fn is_there(&self) -> bool {
        self.hash.is_none() || self.tree.is_dir()
    }
}

/// Checks what a release wants before anything of it is fetched.
pub(crate) fn check(settings: &HookSettings, install: &Install) -> Result<(), HookError> {
    ready(settings, install)?;
    let health = install.health.as_ref().filter(|_| !settings.skip);
    health.map(Checks::new).transpose()?;
    Ok(())
}

/// Tells whether something runs after the switch to a release, which can fail.
pub(crate) fn can_fail(settings: &HookSettings, install: &Install) -> bool {
    let activate = match &settings.policy {
        HookPolicy::Own(hooks) => &hooks.activate,
        HookPolicy::Allow | HookPolicy::Forbid => &install.hooks.activate,
    };
    let has_check = install.health.is_some() || tries_program(settings);
    !settings.skip && (activate.is_some() || has_check)
}

/// Tells whether a release that is installed has no program, and the one that it follows has.
fn misses_program(site: &Site, hash: &Digest, activation: &Activation) -> bool {
    let has_program = |hash: &Digest| !matches!(super::program::find(&site.tree(hash)), Ok(None));
    let left = activation.from.filter(|left| left != hash);
    activation.action == ActivationAction::Install && left.as_ref().is_some_and(has_program)
}

const fn tries_program(settings: &HookSettings) -> bool {
    settings.carries_installer && !settings.skip
}

fn balancer(settings: &HookSettings) -> LoadBalancer {
    if settings.skip {
        LoadBalancer::default()
    } else {
        settings.load_balancer.clone()
    }
}

/// What runs, in which environment and as whom.
type Ready = (Hooks, BTreeMap<String, String>, Option<User>);

fn ready(settings: &HookSettings, install: &Install) -> Result<Ready, HookError> {
    if settings.skip {
        return Ok(Ready::default());
    }
    let health = install.health.as_ref();
    let has_check = health.is_some_and(|health| health.command.is_some());
    let hooks = match &settings.policy {
        HookPolicy::Forbid if install.hooks.has_commands() || has_check => {
            return Err(HookError::Forbidden);
        }
        HookPolicy::Allow | HookPolicy::Forbid => install.hooks.clone(),
        HookPolicy::Own(hooks) => hooks.clone(),
    };
    let has_own = !settings.load_balancer.is_empty();
    let has_commands = hooks.has_commands() || has_check || has_own;
    if !has_commands && install.environment.is_empty() {
        return Ok((hooks, BTreeMap::new(), None));
    }
    let mut environment = match &settings.environment_file {
        Some(path) => config::read_environment(path)?,
        None => BTreeMap::new(),
    };
    let missing: Vec<_> = install
        .environment
        .iter()
        .filter(|name| !environment.contains_key(name.as_str()))
        .cloned()
        .collect();
    if !missing.is_empty() {
        return Err(HookError::MissingEnvironment {
            names: missing,
            file: settings.environment_file.clone(),
        });
    }
    if !has_commands {
        return Ok((hooks, BTreeMap::new(), None));
    }
    let user = user(settings)?;
    for (name, value) in [
        ("PATH", PATH),
        ("HOME", &user.home),
        ("USER", &user.name),
        ("LANG", "C.UTF-8"),
    ] {
        environment
            .entry(name.to_owned())
            .or_insert_with(|| value.to_owned());
    }
    let is_other = user.uid != rustix::process::geteuid().as_raw();
    Ok((hooks, environment, is_other.then_some(user)))
}

/// Returns whom hooks run as. Root runs a release's code only when the host file says so: a release
/// that is installed by root would else be root, whoever may promote it.
fn user(settings: &HookSettings) -> Result<User, HookError> {
    let caller = User::caller();
    let Some(name) = &settings.user else {
        return if caller.uid == 0 {
            Err(HookError::NoUser)
        } else {
            Ok(caller)
        };
    };
    let user = User::find(name.as_str()).ok_or_else(|| HookError::UnknownUser {
        name: name.to_string(),
    })?;
    if caller.uid != 0 && user.uid != caller.uid {
        return Err(HookError::OtherUser {
            name: name.to_string(),
            caller: caller.name,
        });
    }
    Ok(user)
}

/// Returns a command in one line, for a sentence whose end is what matters.
fn in_a_line(arguments: &[String]) -> String {
    const LONGEST: usize = 60;
    shortened(&arguments.join(" "), LONGEST)
}

/// Returns the last lines of an output, as far as they fit into an error.
fn end_of(text: &str) -> Option<String> {
    const LINES: usize = 10;
    const LONGEST: usize = 200;
    let lines: Vec<&str> = text.lines().collect();
    let mut end = String::new();
    for line in &lines[lines.len().saturating_sub(LINES)..] {
        let cut = line.floor_char_boundary(LONGEST.min(line.len()));
        let _ = writeln!(end, "{}", &line[..cut]);
    }
    let end = end.trim_end();
    (!end.is_empty()).then(|| end.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sentence_names_a_script_in_one_line_that_leaves_room_for_what_happened() {
        let command = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
        let script: Vec<String> = command(&["sh", "-c", "set -e\n\nservice app restart\n"]);
        assert_eq!(in_a_line(&script), "sh -c set -e service app restart");
        let long: Vec<String> = command(&["bin/activate", &"ä".repeat(5000)]);
        assert_eq!(in_a_line(&long).chars().count(), 61);
    }

    #[test]
    fn nothing_is_the_end_of_what_was_not_written() {
        assert_eq!(end_of(""), None);
        assert_eq!(
            end_of("out| one\nerr| two\n").unwrap(),
            "out| one\nerr| two"
        );
    }
}
