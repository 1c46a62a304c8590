//! `Container`: a machine of its own with a real systemd, whose root is an overlay over this
//! machine's root.
//!
//! ```text
//! DIRECTORY/            a tmpfs
//!   upper/ work/        what the container changed
//!   root/               the overlay: what it sees as `/`
//! ```
//!
//! It has a network namespace with one link to this machine. Nothing of it outlives the test.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::Transcript;

/// How long a machine may take to boot, and anything on it to happen.
const PATIENCE: Duration = Duration::from_mins(3);

/// What is needed, and the package that has it.
const TOOLS: [(&str, &str); 4] = [
    ("systemd-nspawn", "systemd-container"),
    ("nsenter", "util-linux"),
    ("ip", "iproute2"),
    ("dpkg-deb", "dpkg"),
];

/// A machine that is switched on.
#[derive(Debug)]
pub struct Container {
    name: String,
    directory: PathBuf,
    number: u8,
    nspawn: Option<Child>,
}

impl Container {
    /// Says why no container can be had here; `None` where it can.
    pub fn missing() -> Option<String> {
        if !rustix::process::geteuid().is_root() {
            return Some("only root can boot a container".to_owned());
        }
        let missing = TOOLS.iter().find(|(tool, _)| {
            let mut found = Command::new("sh");
            found.args(["-c", &format!("command -v {tool} >/dev/null")]);
            !found.status().is_ok_and(|status| status.success())
        });
        missing.map(|(tool, package)| format!("`{tool}` is not installed (package {package})"))
    }

    /// Lays out a machine and boots it. Machines of one test have different numbers.
    pub fn boot(directory: &Path, name: &str, number: u8) -> Self {
        let mut container = Self {
            name: format!("bulla-{name}-{}", std::process::id()),
            directory: directory.join(name),
            number,
            nspawn: None,
        };
        container.lay_out();
        container.connect();
        container.switch_on();
        container
    }

    fn lay_out(&self) {
        fs::create_dir_all(&self.directory).expect("a directory");
        let at = |name: &str| self.directory.join(name).display().to_string();
        run(&[
            "mount",
            "-t",
            "tmpfs",
            "tmpfs",
            &self.directory.display().to_string(),
        ]);
        for name in ["upper", "work", "root"] {
            fs::create_dir(self.directory.join(name)).expect("a directory");
        }
        let options = format!("lowerdir=/,upperdir={},workdir={}", at("upper"), at("work"));
        run(&[
            "mount",
            "-t",
            "overlay",
            "overlay",
            "-o",
            &options,
            &at("root"),
        ]);
        // The services and the identity of this machine are not those of the new one.
        for entry in fs::read_dir(self.path("/etc/systemd/system"))
            .expect("units")
            .flatten()
        {
            if entry.path().is_dir() {
                fs::remove_dir_all(entry.path()).expect("wishes of this machine");
            } else {
                fs::remove_file(entry.path()).expect("a unit of this machine");
            }
        }
        // A machine that is itself a container may be told to start no services.
        let _ = fs::remove_file(self.path("/usr/sbin/policy-rc.d"));
        for path in ["/etc/bulla", "/var/lib/bulla", "/srv"] {
            let _ = fs::remove_dir_all(self.path(path));
        }
        fs::create_dir(self.path("/srv")).expect("a directory");
        let identity = format!(
            "{:0>32x}\n",
            u32::from(self.number) << 20 | std::process::id()
        );
        fs::write(self.path("/etc/machine-id"), identity).expect("a machine id");
        fs::write(self.path("/etc/hostname"), format!("web{}\n", self.number)).expect("a name");
    }

    fn connect(&self) {
        let (name, host) = (&self.name, self.link());
        run(&["ip", "netns", "add", name]);
        run(&[
            "ip", "link", "add", &host, "type", "veth", "peer", "name", "eth0", "netns", name,
        ]);
        run(&[
            "ip",
            "addr",
            "add",
            &format!("{}/30", self.host()),
            "dev",
            &host,
        ]);
        run(&["ip", "link", "set", &host, "up"]);
        let inside = format!("{}/30", self.address());
        run(&["ip", "-n", name, "addr", "add", &inside, "dev", "eth0"]);
        run(&["ip", "-n", name, "link", "set", "eth0", "up"]);
        run(&["ip", "-n", name, "link", "set", "lo", "up"]);
    }

    fn link(&self) -> String {
        format!("bulla{}x{}", self.number, std::process::id() % 10_000)
    }

    /// The address of this machine on the link.
    pub fn host(&self) -> String {
        format!("10.213.{}.1", self.number)
    }

    /// The address of the container.
    pub fn address(&self) -> String {
        format!("10.213.{}.2", self.number)
    }

    /// Boots the machine.
    #[track_caller]
    pub fn switch_on(&mut self) {
        assert!(self.nspawn.is_none(), "it is on");
        let log = fs::File::options()
            .create(true)
            .append(true)
            .open(self.directory.join("console"));
        let log = log.expect("a file");
        let nspawn = Command::new("systemd-nspawn")
            .arg("--directory")
            .arg(self.path("/"))
            .args(["--boot", "--register=no", "--keep-unit", "--console=pipe"])
            .args(["--link-journal=no", "--quiet"])
            .arg(format!("--network-namespace-path=/run/netns/{}", self.name))
            .stdin(Stdio::null())
            .stdout(log.try_clone().expect("a file"))
            .stderr(log)
            .spawn();
        self.nspawn = Some(nspawn.expect("systemd-nspawn"));
        self.wait_for("the end of the boot", |container| {
            let state = container
                .command(&["systemctl", "is-system-running"])
                .output();
            let state = state.map(|output| String::from_utf8_lossy(&output.stdout).into_owned());
            matches!(state.as_deref().map(str::trim), Ok("running" | "degraded"))
        });
    }

    /// Cuts the power.
    #[track_caller]
    pub fn cut_power(&mut self) {
        let leader = self.leader().expect("it is on");
        kill_process(Pid::from_raw(leader).expect("a process"), Signal::KILL).expect("a signal");
        let mut nspawn = self.nspawn.take().expect("it is on");
        nspawn.wait().expect("its end");
    }

    /// The first process of the container.
    fn leader(&self) -> Option<i32> {
        let id = self.nspawn.as_ref()?.id();
        let children = fs::read_to_string(format!("/proc/{id}/task/{id}/children")).ok()?;
        children.split_whitespace().next()?.parse().ok()
    }

    /// Returns where a path of the container lies here.
    pub fn path(&self, path: &str) -> PathBuf {
        self.directory
            .join("root")
            .join(path.trim_start_matches('/'))
    }

    /// Writes a file in the container.
    pub fn write(&self, path: &str, text: &str) {
        let path = self.path(path);
        fs::create_dir_all(path.parent().expect("a directory")).expect("a directory");
        fs::write(path, text).expect("a file");
    }

    /// Makes a command that runs in the container, as root.
    pub fn command<A: AsRef<OsStr>>(&self, arguments: &[A]) -> Command {
        let mut command = Command::new("nsenter");
        command
            .arg("--target")
            .arg(self.leader().unwrap_or_default().to_string())
            .args([
                "--mount", "--uts", "--ipc", "--net", "--pid", "--wd=/", "--", "env", "-i",
            ])
            .args([
                "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
                "HOME=/root",
            ])
            .args([
                "LANG=C.UTF-8",
                "DEBIAN_FRONTEND=noninteractive",
                "SYSTEMD_COLORS=0",
            ])
            .args(arguments)
            .stdin(Stdio::null());
        command
    }

    /// Runs a command in the container.
    pub fn run<A: AsRef<OsStr>>(&self, arguments: &[A]) -> Transcript {
        Transcript::of(&mut self.command(arguments))
    }

    /// Returns what a command says that must succeed.
    #[track_caller]
    pub fn ask(&self, arguments: &[&str]) -> String {
        self.run(arguments).done().last_line().to_owned()
    }

    /// Waits until something is so.
    #[track_caller]
    pub fn wait_for(&self, what: &str, mut is_so: impl FnMut(&Self) -> bool) {
        let begun = Instant::now();
        while !is_so(self) {
            if begun.elapsed() > PATIENCE {
                let console = fs::read_to_string(self.directory.join("console"));
                let journal = self
                    .command(&["journalctl", "--no-pager", "--lines=60"])
                    .output();
                let journal = journal.map(|output| output.stdout).unwrap_or_default();
                panic!(
                    "waited in vain for {what}; the console said:\n{}\nthe journal says:\n{}",
                    console.unwrap_or_default(),
                    String::from_utf8_lossy(&journal)
                );
            }
            sleep(Duration::from_millis(100));
        }
    }
}

impl Drop for Container {
    fn drop(&mut self) {
        if self.nspawn.is_some() {
            self.cut_power();
        }
        // What was mounted in it is gone with it.
        for arguments in [
            &[
                "umount",
                "--recursive",
                &self.path("/").display().to_string(),
            ][..],
            &["umount", &self.directory.display().to_string()],
            &["ip", "netns", "delete", &self.name],
        ] {
            let _ = Command::new(arguments[0]).args(&arguments[1..]).status();
        }
    }
}

#[track_caller]
fn run(arguments: &[&str]) {
    Transcript::of(Command::new(arguments[0]).args(&arguments[1..])).done();
}
