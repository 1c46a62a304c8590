//! Projects that are built, in each sandbox that the machine can make.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use bulla_bundle::Limits;
use bulla_packager::build::{self, BuildError, BuildOptions, Listener, Surroundings, Tools};
use bulla_packager::pack::PackOptions;
use bulla_packager::recipe;
use bulla_packager::source::{self, Checkout};

use crate::checkout::{GitRepository, contents, skip, spec};

/// Where the machine has a program.
pub(crate) fn find(name: &str) -> Option<PathBuf> {
    let path = std::env::vars_os()
        .find(|(variable, _)| variable == "PATH")?
        .1;
    let mut found = std::env::split_paths(&path).map(|directory| directory.join(name));
    found.find(|program| program.is_file())
}

/// A build in whichever sandbox works.
pub(crate) fn options() -> BuildOptions {
    BuildOptions {
        program: env!("CARGO_BIN_EXE_bulla").into(),
        tools: Tools {
            bubblewrap: find("bwrap"),
            unshare: find("unshare"),
        },
        no_sandbox: false,
        spool: std::env::temp_dir(),
        reserve: 0,
        logs: std::env::temp_dir().join("bulla-test-builds"),
        surroundings: Surroundings::usual(),
        listener: Listener::new(|_| ()),
    }
}

/// How to pack what is built like this.
pub(crate) fn pack_options(build: BuildOptions) -> PackOptions {
    PackOptions {
        threads: std::num::NonZeroUsize::MIN,
        spool: std::env::temp_dir(),
        limits: Limits::default(),
        cache: None,
        build,
    }
}

/// One set of options for each kind of sandbox that can be made here.
pub(crate) fn sandboxes() -> Vec<BuildOptions> {
    let mut sandboxes = Vec::new();
    for name in ["bwrap", "unshare"] {
        let Some(program) = find(name) else {
            skip(&format!(
                "builds in a sandbox of `{name}`, because it is not installed"
            ));
            continue;
        };
        let tools = match name {
            "bwrap" => Tools {
                bubblewrap: Some(program),
                unshare: None,
            },
            _ => Tools {
                bubblewrap: None,
                unshare: Some(program),
            },
        };
        let options = BuildOptions { tools, ..options() };
        match Project::new("touch out")
            .with_outputs("out")
            .build(&options)
        {
            Err(BuildError::NoSandbox { reasons }) => skip(&format!(
                "builds in a sandbox of `{name}`, which cannot be made here: {reasons:?}"
            )),
            _ => sandboxes.push(options),
        }
    }
    sandboxes
}

/// Each kind of sandbox, and none.
pub(crate) fn everywhere() -> Vec<BuildOptions> {
    let mut all = sandboxes();
    all.push(BuildOptions {
        no_sandbox: true,
        ..options()
    });
    all
}

/// A git repository with a build.
pub(crate) struct Project {
    pub(crate) repository: GitRepository,
    script: String,
    outputs: &'static str,
    more: String,
}

impl Project {
    /// A project whose build is a script of `sh`, and whose outputs are in `out/`.
    pub(crate) fn new(script: &str) -> Self {
        Self {
            repository: GitRepository::new(),
            script: script.to_owned(),
            outputs: "out/",
            more: String::new(),
        }
    }

    pub(crate) fn with_outputs(mut self, outputs: &'static str) -> Self {
        self.outputs = outputs;
        self
    }

    /// Adds lines to `[build]`, or sections after it.
    pub(crate) fn with(mut self, more: &str) -> Self {
        self.more.push_str(more);
        self.more.push('\n');
        self
    }

    pub(crate) fn recipe(&self) -> String {
        format!(
            "[bundle]\nproject = \"acme/calc\"\n[build]\ncommand = [\"sh\", \"-ec\", '''{}''']\noutputs = [\"{}\"]\n{}",
            self.script, self.outputs, self.more
        )
    }

    pub(crate) fn commit(&self) {
        self.repository.write("bulla.toml", self.recipe());
        self.repository.commit("a build");
    }

    /// Commits and builds.
    pub(crate) fn build(&self, options: &BuildOptions) -> Result<Checkout, BuildError> {
        self.commit();
        let checkout = source::open(&spec(&self.repository.work())).unwrap();
        let recipe = recipe::load(&checkout).unwrap();
        build::build(checkout, &recipe.recipe, &Limits::default(), options)
    }

    /// Returns `bulla pack` of what was committed, in this kind of sandbox. What it says on stderr
    /// can be read.
    pub(crate) fn pack_command(&self, options: &BuildOptions) -> Command {
        let programs = self.repository.home().join("programs");
        let _ = std::fs::remove_dir_all(&programs);
        std::fs::create_dir(&programs).unwrap();
        let tools = &options.tools;
        if !options.no_sandbox {
            for tool in [&tools.bubblewrap, &tools.unshare].into_iter().flatten() {
                let name = programs.join(tool.file_name().unwrap());
                std::os::unix::fs::symlink(tool, name).unwrap();
            }
        }
        // Whoever runs the tests in the background of a shell lets them ignore SIGINT.
        let mut command = Command::new("/usr/bin/env");
        command
            .args(["--default-signal".as_ref(), options.program.as_os_str()])
            .args(["pack", "--fresh"])
            .args(options.no_sandbox.then_some("--no-sandbox"))
            .arg(self.repository.work())
            .env("PATH", programs)
            .env("HOME", self.repository.home())
            .stdout(Stdio::null())
            .stderr(Stdio::piped());
        command
    }

    /// Returns what a build made, path by path.
    #[track_caller]
    pub(crate) fn outputs(&self, options: &BuildOptions) -> BTreeMap<String, String> {
        let built = self
            .build(options)
            .unwrap_or_else(|error| panic!("{error}"));
        let contents = contents(&built).into_iter();
        contents
            .map(|(path, (_, content))| (path, content.replace("\\n", "\n")))
            .collect()
    }

    /// Returns the error of a build that must fail.
    #[track_caller]
    pub(crate) fn failure(&self, options: &BuildOptions) -> BuildError {
        match self.build(options) {
            Ok(checkout) => panic!("built {:?}", contents(&checkout)),
            Err(error) => error,
        }
    }
}

/// What a script says about the place that it runs in.
#[track_caller]
pub(crate) fn report(options: &BuildOptions, script: &str) -> String {
    let script = format!("mkdir out; {{ {script}\n}} > out/report 2>&1");
    Project::new(&script).outputs(options)["out/report"]
        .trim_end()
        .to_owned()
}

/// Whether no process with this word in its command line runs on. What was told to end may take
/// the kernel a moment.
pub(crate) fn has_ended(word: &str) -> bool {
    let runs = || {
        std::fs::read_dir("/proc").unwrap().flatten().any(|entry| {
            let line = std::fs::read(entry.path().join("cmdline")).unwrap_or_default();
            String::from_utf8_lossy(&line).contains(word)
        })
    };
    (0..100).any(|_| {
        let ended = !runs();
        if !ended {
            std::thread::sleep(std::time::Duration::from_millis(50));
        }
        ended
    })
}
