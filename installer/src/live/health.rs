//! Health: what must hold after a switch before a release counts as good.
//!
//! After `settle`, all checks run in rounds, one a second and at least five in a window, the last
//! one at its end. Until they all hold for the first time they may fail: a service may take the
//! whole window to start. From then on three rounds in a row that fail end the watch, and the last
//! round must hold in any case. So what starts and dies again does not pass, and one lost request
//! does not matter.

mod error;
mod http;

use std::io;
use std::net::{TcpStream, ToSocketAddrs as _};
use std::thread::sleep;
use std::time::{Duration, Instant};

use bulla_schemas::install::{Command, Health};

use self::http::Http;
use super::broken::Broken;
use crate::platform::child::{self, Output, PATH, Program};

pub use error::CheckError;

/// The longest time between two rounds, and the shortest.
const BETWEEN: Duration = Duration::from_secs(1);
const SHORTEST: Duration = Duration::from_millis(20);
/// How long one check may take.
const CHECK: Duration = Duration::from_secs(10);
/// The same at the end of a window.
const LAST_CHECK: Duration = Duration::from_secs(1);
/// How many rounds in a row may fail after one held.
const FAILURES: usize = 3;

/// The health checks of a release.
#[derive(Debug)]
pub(crate) struct Checks {
    http: Option<Http>,
    tcp: Option<String>,
    unit: Option<String>,
    command: Option<Command>,
    settle: Duration,
    window: Duration,
}

/// Runs the command of the checks within a time.
pub(crate) type RunCommand<'a> = &'a dyn Fn(Duration) -> Result<(), Broken>;

impl Checks {
    /// Takes what a release asks for, as far as it can be checked at all.
    pub(crate) fn new(health: &Health) -> Result<Self, CheckError> {
        let is_address = |address: &&String| {
            let port = address
                .rsplit_once(':')
                .map(|(_, port)| port.parse::<u16>());
            !matches!(port, Some(Ok(_)))
        };
        if let Some(address) = health.tcp.as_ref().filter(is_address) {
            return Err(CheckError::Tcp {
                address: address.clone(),
            });
        }
        let is_no_unit = |unit: &&String| {
            let is_allowed = |c: char| c.is_ascii_alphanumeric() || ":-_.\\@".contains(c);
            unit.is_empty() || unit.starts_with('-') || !unit.chars().all(is_allowed)
        };
        if let Some(unit) = health.systemd.as_ref().filter(is_no_unit) {
            return Err(CheckError::Unit { unit: unit.clone() });
        }
        Ok(Self {
            http: health.http.as_ref().map(Http::new).transpose()?,
            tcp: health.tcp.clone(),
            unit: health.systemd.clone(),
            command: health.command.clone(),
            settle: health.settle.as_duration(),
            window: health.window.as_duration(),
        })
    }

    pub(crate) const fn command(&self) -> Option<&Command> {
        self.command.as_ref()
    }

    /// Watches a release that was made live. Returns why it is not healthy.
    pub(crate) fn watch(&self, run: RunCommand<'_>) -> Result<(), Broken> {
        sleep(self.settle);
        let end = Instant::now() + self.window;
        let between = (self.window / 5).clamp(SHORTEST, BETWEEN);
        let (mut has_held, mut failures) = (false, 0);
        loop {
            let left = end.saturating_duration_since(Instant::now());
            let round = self.round(left.clamp(LAST_CHECK, CHECK), run);
            if round.is_ok() {
                (has_held, failures) = (true, 0);
            } else {
                failures += 1;
            }
            let left = end.saturating_duration_since(Instant::now());
            match round {
                Err(Broken { reason, output }) if has_held && failures >= FAILURES => {
                    let reason = format!("it was healthy and then was not: {reason}");
                    return Err(Broken { reason, output });
                }
                round if left.is_zero() => return round,
                _ => sleep(between.min(left)),
            }
        }
    }

    /// Looks whether a release that has been live is healthy; a check that fails is made three
    /// times before it is believed.
    pub(crate) fn look(&self, run: RunCommand<'_>) -> Result<(), Broken> {
        let mut round = self.round(CHECK, run);
        for _ in 1..FAILURES {
            if round.is_ok() {
                break;
            }
            sleep((self.window / 5).clamp(SHORTEST, BETWEEN));
            round = self.round(CHECK, run);
        }
        round
    }

    /// Makes every check once. Returns why the first one fails.
    fn round(&self, longest: Duration, run: RunCommand<'_>) -> Result<(), Broken> {
        if let Some(unit) = &self.unit {
            check_unit(unit, longest)?;
        }
        if let Some(address) = &self.tcp {
            check_tcp(address, longest)?;
        }
        if let Some(http) = &self.http {
            http.check(longest)?;
        }
        if self.command.is_some() {
            run(longest)?;
        }
        Ok(())
    }
}

fn check_unit(unit: &str, longest: Duration) -> Result<(), String> {
    let broken =
        |why: &dyn std::fmt::Display| format!("the systemd unit `{unit}` is not active: {why}");
    let path = child::find("systemctl").ok_or_else(|| broken(&"`systemctl` is not installed"))?;
    let arguments = ["is-active", "--", unit].map(str::to_owned);
    let environment = [("PATH", PATH), ("LANG", "C.UTF-8")];
    let environment = environment.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let mut output = Output::default();
    let program = Program {
        path: &path,
        arguments: &arguments,
        directory: "/".as_ref(),
        environment: Some(&environment.into()),
        user: None,
        timeout: longest,
    };
    match child::run(&program, &mut output) {
        Ok(ended) if ended.is_success() => Ok(()),
        Ok(_) => {
            let text = output.text();
            let said = text.lines().next().and_then(|line| line.split_once("| "));
            Err(broken(
                &said.map_or("`systemctl` says nothing", |(_, said)| said),
            ))
        }
        Err(error) => Err(broken(&error)),
    }
}

fn check_tcp(address: &str, longest: Duration) -> Result<(), String> {
    let broken = |why: &io::Error| format!("`{address}` accepts no connection: {why}");
    let mut last = io::Error::new(io::ErrorKind::NotFound, "it has no address");
    for address in address.to_socket_addrs().map_err(|error| broken(&error))? {
        match TcpStream::connect_timeout(&address, longest) {
            Ok(_) => return Ok(()),
            Err(error) => last = error,
        }
    }
    Err(broken(&last))
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::net::TcpListener;

    use super::*;

    fn checks(json: &str) -> Result<Checks, CheckError> {
        Checks::new(&serde_json::from_str(json).unwrap())
    }

    fn no() -> Broken {
        "no".to_owned().into()
    }

    /// Watches a command whose rounds end as a script says; its last word goes on.
    fn watch(script: &[bool]) -> (Result<(), Broken>, usize) {
        let checks = checks(r#"{"command":["true"],"settle":"0s","window":"200ms"}"#).unwrap();
        let round = Cell::new(0);
        let run = |_| {
            let now = script.get(round.get()).or(script.last()).copied().unwrap();
            round.set(round.get() + 1);
            if now { Ok(()) } else { Err(no()) }
        };
        (checks.watch(&run), round.get())
    }

    #[test]
    fn what_comes_to_hold_and_holds_to_the_end_is_healthy() {
        for script in [
            &[true][..],
            &[false, true],
            &[false, false, false, true],
            &[true, false, false, true],
        ] {
            let (watched, rounds) = watch(script);
            assert_eq!(watched, Ok(()), "{script:?}");
            assert!(rounds >= 4, "{script:?}: {rounds}");
        }
    }

    #[test]
    fn what_never_holds_or_stops_holding_is_not() {
        assert_eq!(watch(&[false]).0, Err(no()));
        let (watched, rounds) = watch(&[true, false]);
        assert_eq!(rounds, 4);
        assert!(
            watched
                .unwrap_err()
                .reason
                .contains("was healthy and then was not")
        );
    }

    #[test]
    fn the_last_round_counts() {
        let checks = checks(r#"{"command":["true"],"settle":"0s","window":"0s"}"#).unwrap();
        assert_eq!(checks.watch(&|_| Ok(())), Ok(()));
        assert!(checks.watch(&|_| Err(no())).is_err());
    }

    #[test]
    fn a_port_accepts_a_connection_or_says_why_not() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        check_tcp(&address, CHECK).unwrap();
        drop(listener);
        let why = check_tcp(&address, CHECK).unwrap_err();
        assert!(why.contains(&address) && why.contains("refused"), "{why}");
    }

    #[test]
    fn checks_that_cannot_be_made_are_named() {
        for json in [
            r#"{"tcp":"127.0.0.1"}"#,
            r#"{"tcp":"127.0.0.1:http"}"#,
            r#"{"systemd":"--user"}"#,
            r#"{"systemd":"a unit"}"#,
            r#"{"http":{"url":"ftp://127.0.0.1/"}}"#,
            r#"{"http":{"url":"not a url"}}"#,
            r#"{"http":{"url":"http://127.0.0.1/","headers":{"a b":"c"}}}"#,
        ] {
            assert!(checks(json).is_err(), "{json}");
        }
        checks(r#"{"tcp":"[::1]:80","systemd":"app@1.service"}"#).unwrap();
    }
}
