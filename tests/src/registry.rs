//! `Registry`: a `bulla-registry serve` on a port that the machine chose, stopped by its own id.

use std::io::{BufRead, BufReader, Read, Write as _};
use std::net::{TcpListener, TcpStream};
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

use crate::Transcript;
use crate::programs::{Program, hermetic};

/// A registry that serves.
pub struct Registry {
    data: PathBuf,
    home: PathBuf,
    url: String,
    process: Option<Child>,
}

impl Registry {
    /// Starts a registry with its data in `data`, readable by everybody.
    pub fn serve(data: &Path, home: &Path) -> Self {
        Self::serve_with(data, home, &["--anonymous-read"])
    }

    /// Starts a registry that says nothing of single requests.
    pub fn serve_quietly(data: &Path, home: &Path) -> Self {
        let mut command = first(data, home, &["--anonymous-read"]);
        command.env("BULLA_LOG", "warn");
        Self::started(data, home, command)
    }

    /// Starts a registry with other settings.
    pub fn serve_with(data: &Path, home: &Path, arguments: &[&str]) -> Self {
        Self::started(data, home, first(data, home, arguments))
    }

    fn started(data: &Path, home: &Path, mut command: Command) -> Self {
        let (process, url) = start(&mut command);
        Self {
            data: data.to_owned(),
            home: home.to_owned(),
            url,
            process: Some(process),
        }
    }

    /// Returns a registry that has its data in `data` and does not serve. It will serve at a port that
    /// is free now.
    pub fn at_rest(data: &Path, home: &Path) -> Self {
        let free = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr());
        Self {
            data: data.to_owned(),
            home: home.to_owned(),
            url: format!("http://{}", free.expect("a free port")),
            process: None,
        }
    }

    /// Starts a mirror of the registry at `origin` that was begun before, readable by everybody.
    pub fn mirror(origin: &str, data: &Path, home: &Path) -> Self {
        let mut command = hermetic(Program::Registry.path(), home);
        command.args(["mirror", origin, "--anonymous-read", "--data"]);
        command.arg(data).args(["--listen", "127.0.0.1:0"]);
        let (process, url) = start(&mut command);
        Self {
            data: data.to_owned(),
            home: home.to_owned(),
            url,
            process: Some(process),
        }
    }

    /// Returns the address, `http://127.0.0.1:<port>`.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Returns the host and port.
    pub fn address(&self) -> &str {
        self.url.trim_start_matches("http://")
    }

    /// Returns the data directory.
    pub fn data(&self) -> &Path {
        &self.data
    }

    /// Makes a token and returns it.
    pub fn create_token(&self, scope: &str, project: &str) -> String {
        self.token(&["create", "--scope", scope, "--project", project])
            .done()
            .last_line()
            .to_owned()
    }

    /// Runs `bulla-registry token`.
    pub fn token(&self, arguments: &[&str]) -> Transcript {
        Transcript::of(
            hermetic(Program::Registry.path(), &self.home)
                .arg("token")
                .args(&arguments[..1])
                .arg("--data")
                .arg(&self.data)
                .args(&arguments[1..]),
        )
    }

    /// Runs a command of upkeep, such as `gc`.
    pub fn keep(&self, arguments: &[&str]) -> Transcript {
        let mut command = hermetic(Program::Registry.path(), &self.home);
        Transcript::of(command.args(arguments).arg("--data").arg(&self.data))
    }

    /// Runs such a command with a program that kills itself at `failpoint`, and tells whether it came
    /// by.
    pub fn keep_dying(&self, failpoint: &str, arguments: &[&str]) -> bool {
        let mut command = hermetic(Program::FailingRegistry.path(), &self.home);
        command.args(arguments).arg("--data").arg(&self.data);
        command.env("BULLA_FAILPOINT", failpoint);
        let ended = command.output().expect("the registry runs");
        let was_killed = ended.status.signal() == Some(9);
        let said = String::from_utf8_lossy(&ended.stderr);
        assert!(was_killed || ended.status.success(), "{failpoint}: {said}");
        was_killed
    }

    /// Runs `bulla-registry reindex`, for which it must not serve.
    pub fn reindex(&self) -> Transcript {
        let mut command = hermetic(Program::Registry.path(), &self.home);
        Transcript::of(command.arg("reindex").arg("--data").arg(&self.data))
    }

    /// Has a host report, with a token of its own.
    #[track_caller]
    pub fn report(&self, host: &str, report: &str) {
        let token = self.token(&["create", "--scope", "report", "--host", host]);
        let token = token.done().last_line().to_owned();
        let mut connection = TcpStream::connect(self.address()).expect("the registry listens");
        let request = format!(
            "POST /api/v1/hosts/{host}/report HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\
             Authorization: Bearer {token}\r\nContent-Length: {}\r\n\r\n{report}",
            self.address(),
            report.len()
        );
        let sent = connection.write_all(request.as_bytes());
        sent.expect("the registry takes a request");
        let mut answer = String::new();
        let read = connection.read_to_string(&mut answer);
        read.expect("the registry answers");
        assert!(answer.starts_with("HTTP/1.1 204 "), "{answer}");
    }

    /// Asks for a path with a token, and returns the status and the body.
    pub fn get(&self, path: &str, token: &str) -> (u16, String) {
        let mut connection = TcpStream::connect(self.address()).expect("the registry listens");
        let request = format!(
            "GET {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\
             Authorization: Bearer {token}\r\n\r\n",
            self.address()
        );
        let sent = connection.write_all(request.as_bytes());
        sent.expect("the registry takes a request");
        let mut answer = String::new();
        let read = connection.read_to_string(&mut answer);
        read.expect("the registry answers with text");
        let (head, body) = answer.split_once("\r\n\r\n").expect("an answer has a head");
        let status = head.get(9..12).and_then(|status| status.parse().ok());
        (status.expect("an answer has a status"), body.to_owned())
    }

    /// Returns how many bytes of memory the process holds.
    pub fn memory(&self) -> u64 {
        self.memory_of("VmRSS:")
    }

    /// Returns how many bytes of memory the process has held at the most since it was started.
    pub fn most_memory(&self) -> u64 {
        self.memory_of("VmHWM:")
    }

    fn memory_of(&self, field: &str) -> u64 {
        let process = self.process.as_ref().expect("the registry serves");
        let status = std::fs::read_to_string(format!("/proc/{}/status", process.id()));
        let status = status.expect("a process has a status");
        let held = status.lines().find_map(|line| line.strip_prefix(field));
        let held = held.and_then(|held| held.trim().strip_suffix(" kB")?.parse::<u64>().ok());
        held.expect("a number of kilobytes") * 1024
    }

    /// Ends the process as an operator would, and waits for it.
    pub fn stop(&mut self) {
        if let Some(mut process) = self.process.take() {
            let id = i32::try_from(process.id()).ok().and_then(Pid::from_raw);
            if let Some(id) = id {
                // It may have ended by itself; waiting tells.
                let _ = kill_process(id, Signal::TERM);
            }
            process.wait().expect("the registry's end");
        }
    }

    /// Kills the process as a crash would, and waits for it.
    pub fn kill(&mut self) {
        if let Some(mut process) = self.process.take() {
            // It may have ended by itself; waiting tells.
            let _ = process.kill();
            let status = process.wait().expect("the registry's end");
            assert_eq!(status.signal(), Some(9), "{status}");
        }
    }

    /// Serves again, at the same address.
    pub fn start_again(&mut self) {
        self.start_again_with(&["--anonymous-read"]);
    }

    /// Serves again, at the same address, with other settings.
    pub fn start_again_with(&mut self, arguments: &[&str]) {
        let mut command = self.again(Program::Registry, arguments);
        self.process = Some(start(&mut command).0);
    }

    /// Serves again, with a registry that kills itself at `failpoint`.
    pub fn start_dying(&mut self, failpoint: &str) {
        self.start_dying_with(failpoint, &["--anonymous-read"]);
    }

    /// Serves again with other settings, with a registry that kills itself at `failpoint`.
    pub fn start_dying_with(&mut self, failpoint: &str, arguments: &[&str]) {
        let mut command = self.again(Program::FailingRegistry, arguments);
        let (process, _) = start(command.env("BULLA_FAILPOINT", failpoint));
        self.process = Some(process);
    }

    fn again(&self, program: Program, arguments: &[&str]) -> Command {
        assert!(self.process.is_none(), "the registry still serves");
        command(program, &self.data, &self.home, self.address(), arguments)
    }

    /// Waits until the process has been killed: its connections have ended before.
    pub fn wait_killed(&mut self) {
        let mut process = self.process.take().expect("the registry serves");
        let status = process.wait().expect("a child");
        assert_eq!(status.signal(), Some(9), "{status}");
    }

    /// Tells whether the process has been killed. It is gone then, and can be started again.
    pub fn was_killed(&mut self) -> bool {
        let process = self.process.as_mut().expect("the registry serves");
        let Some(status) = process.try_wait().expect("a child") else {
            return false;
        };
        assert_eq!(status.signal(), Some(9), "{status}");
        self.process = None;
        true
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Serves at a port that the machine chooses.
fn first(data: &Path, home: &Path, arguments: &[&str]) -> Command {
    command(Program::Registry, data, home, "127.0.0.1:0", arguments)
}

fn command(
    program: Program,
    data: &Path,
    home: &Path,
    listen: &str,
    arguments: &[&str],
) -> Command {
    let mut command = hermetic(program.path(), home);
    command.arg("serve").arg("--data").arg(data);
    command.args(["--listen", listen]).args(arguments);
    command
}

fn start(command: &mut Command) -> (Child, String) {
    let mut process = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the registry starts");
    let (lines, said) = channel();
    read_lines(
        process.stdout.take().expect("stdout is a pipe"),
        lines.clone(),
    );
    read_lines(process.stderr.take().expect("stderr is a pipe"), lines);
    let url = first_url(&said);
    (process, url)
}

/// Reads to the end, so that the registry never waits for a reader of its log.
fn read_lines(stream: impl Read + Send + 'static, lines: Sender<String>) {
    std::thread::spawn(move || {
        for line in BufReader::new(stream).lines().map_while(Result::ok) {
            // Nobody listens any more once the address is known.
            let _ = lines.send(line);
        }
    });
}

fn first_url(said: &Receiver<String>) -> String {
    let mut lines = Vec::new();
    while let Ok(line) = said.recv_timeout(Duration::from_mins(1)) {
        // An error may name an address, too.
        if let Some(url) = line.strip_prefix("listening on ") {
            return url.to_owned();
        }
        lines.push(line);
    }
    panic!(
        "the registry did not say where it listens:\n{}",
        lines.join("\n")
    )
}
