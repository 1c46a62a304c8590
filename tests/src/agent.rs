//! `Agent`: the installer's agent as a process of its own, ended when it is dropped.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::Server;
use crate::programs::Program;

/// How long anything may take before a test gives up; what is expected takes less than a second.
const PATIENCE: Duration = Duration::from_mins(2);

/// A running agent.
#[derive(Debug)]
pub struct Agent {
    child: Child,
    spoken: PathBuf,
}

impl Agent {
    /// Starts an agent on a server that follows what its host file says.
    pub fn start(server: &Server, host_file: &Path) -> Self {
        Self::start_with(server, Program::Installer, host_file, &[])
    }

    /// Starts one with more of an environment.
    pub fn start_with(
        server: &Server,
        program: Program,
        host_file: &Path,
        environment: &[(&str, &str)],
    ) -> Self {
        let spoken = host_file.with_extension("spoken");
        let said = File::options().create(true).append(true).open(&spoken);
        let child = server
            .command(program, &["agent"])
            .arg("--config")
            .arg(host_file)
            .envs(environment.iter().copied())
            .stdout(Stdio::null())
            .stderr(said.expect("a file for what the agent says"))
            .spawn()
            .expect("an agent");
        Self { child, spoken }
    }

    /// Returns what agents of this host file have said so far.
    pub fn spoken(&self) -> String {
        std::fs::read_to_string(&self.spoken).unwrap_or_default()
    }

    /// Sends a signal.
    pub fn signal(&self, signal: Signal) {
        let id = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw);
        kill_process(id.expect("a process"), signal).expect("a signal");
    }

    /// Waits for its end, and returns the exit status.
    #[track_caller]
    pub fn ended(&mut self) -> Option<i32> {
        let mut status = None;
        self.wait_for("the agent's end", |agent| {
            status = agent.child.try_wait().expect("a child");
            status.is_some()
        });
        status.and_then(|status| status.code())
    }

    /// Waits until something is so.
    #[track_caller]
    pub fn wait_for(&mut self, what: &str, mut is_so: impl FnMut(&mut Self) -> bool) {
        let begun = Instant::now();
        while !is_so(self) {
            assert!(
                begun.elapsed() < PATIENCE,
                "waited in vain for {what}; the agent said:\n{}",
                self.spoken()
            );
            sleep(Duration::from_millis(20));
        }
    }

    /// Waits until a release is live.
    #[track_caller]
    pub fn wait_until_live(&mut self, server: &Server, project: &str, hash: &str) {
        let what = format!("{hash} of {project}");
        self.wait_for(&what, |_| server.live(project).as_deref() == Some(hash));
    }

    /// Waits until the agent has said something.
    #[track_caller]
    pub fn wait_until_said(&mut self, words: &str) {
        self.wait_for(words, |agent| agent.spoken().contains(words));
    }

    /// Returns the memory that it uses for itself, in bytes; the program's text is not counted.
    pub fn memory(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()));
        let status = status.expect("the agent's status");
        let line = status
            .lines()
            .find_map(|line| line.strip_prefix("RssAnon:"));
        let kilobytes = line.expect("a size").trim().trim_end_matches(" kB").parse();
        1024 * kilobytes.unwrap_or(0)
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
