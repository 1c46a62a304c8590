//! Repositories behind `git http-backend`, with and without a password.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use base64::Engine as _;
use tempfile::TempDir;
use tokio::runtime::Runtime;

use crate::checkout::{GitRepository, contents, program, refusal, resolve, resolved, run, spec};

const ACCOUNT: &str = "ada:secret";

/// What every request is answered from.
struct Site {
    root: PathBuf,
    /// The `Authorization` header to ask for.
    authorization: Option<String>,
    /// How many requests there were.
    requests: AtomicUsize,
    /// How many of them were asked for an account.
    refused: AtomicUsize,
}

/// A server on a free port, gone when dropped.
pub(crate) struct GitServer {
    pub(crate) url: String,
    site: Arc<Site>,
    root: TempDir,
    _runtime: Runtime,
}

impl GitServer {
    /// Serves bare clones of `repositories` by their names.
    pub(crate) fn start(repositories: &[(&str, &Path)], account: Option<&str>) -> Self {
        let root = TempDir::new().unwrap();
        for (name, work) in repositories {
            let bare = root.path().join(format!("{name}.git"));
            run(program("git", root.path())
                .args(["clone", "-q", "--bare"])
                .args([*work, &bare]));
            run(program("git", &bare).current_dir(&bare).args([
                "config",
                "uploadpack.allowFilter",
                "true",
            ]));
        }
        let site = Arc::new(Site {
            root: root.path().to_owned(),
            authorization: account.map(|account| {
                let encoded = base64::engine::general_purpose::STANDARD.encode(account);
                format!("Basic {encoded}")
            }),
            requests: AtomicUsize::new(0),
            refused: AtomicUsize::new(0),
        });
        let runtime = Runtime::new().unwrap();
        let listener = runtime
            .block_on(tokio::net::TcpListener::bind("127.0.0.1:0"))
            .unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let router = Router::new().fallback(answer).with_state(Arc::clone(&site));
        runtime.spawn(async move { axum::serve(listener, router).await });
        Self {
            url,
            site,
            root,
            _runtime: runtime,
        }
    }

    /// Returns how many requests there were.
    fn requests(&self) -> usize {
        self.site.requests.load(Ordering::SeqCst)
    }

    /// Returns how many requests were asked for an account.
    pub(crate) fn refused(&self) -> usize {
        self.site.refused.load(Ordering::SeqCst)
    }

    /// Clones `name` without its submodules.
    fn clone_of(&self, name: &str, home: &Path) -> PathBuf {
        let directory = home.join(format!("clone-of-{name}"));
        run(program("git", home)
            .args(["clone", "-q"])
            .arg(format!("{}/{name}.git", self.url))
            .arg(&directory));
        directory
    }
}

async fn answer(State(site): State<Arc<Site>>, request: Request) -> Response {
    site.requests.fetch_add(1, Ordering::SeqCst);
    let (parts, body) = request.into_parts();
    let header = |name: &str| {
        let value = parts
            .headers
            .get(name)
            .and_then(|value| value.to_str().ok());
        value.unwrap_or_default().to_owned()
    };
    if site
        .authorization
        .as_ref()
        .is_some_and(|expected| header("authorization") != *expected)
    {
        site.refused.fetch_add(1, Ordering::SeqCst);
        let ask = [("www-authenticate", "Basic realm=\"git\"")];
        return (StatusCode::UNAUTHORIZED, ask, "").into_response();
    }
    let body: Bytes = axum::body::to_bytes(body, 1 << 24).await.unwrap();
    let mut command = program("git", &site.root);
    command
        .arg("http-backend")
        .env("GIT_PROJECT_ROOT", &site.root)
        .env("GIT_HTTP_EXPORT_ALL", "1")
        .env("REQUEST_METHOD", parts.method.as_str())
        .env("PATH_INFO", parts.uri.path())
        .env("QUERY_STRING", parts.uri.query().unwrap_or_default())
        .env("CONTENT_TYPE", header("content-type"))
        .env("HTTP_CONTENT_ENCODING", header("content-encoding"))
        .env("GIT_PROTOCOL", header("git-protocol"))
        .env("REMOTE_ADDR", "127.0.0.1");
    tokio::task::spawn_blocking(move || said(command, &body))
        .await
        .unwrap()
}

/// Runs a CGI program and reads what it says.
fn said(mut command: Command, body: &[u8]) -> Response {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    // It need not read all of it.
    let _ = input.write_all(body);
    drop(input);
    let output = child.wait_with_output().unwrap().stdout;
    let end = output
        .windows(4)
        .position(|window| window == b"\r\n\r\n")
        .unwrap();
    let mut response = Response::builder();
    for line in String::from_utf8(output[..end].to_vec()).unwrap().lines() {
        let (name, value) = line.split_once(": ").unwrap();
        response = match name {
            "Status" => response.status(&value[..3]),
            _ => response.header(name, value),
        };
    }
    response.body(output[end + 4..].to_vec().into()).unwrap()
}

/// `main` has `lib/other` at `../other.git`, which has `inner` at `./../inner.git`.
struct Nested {
    inner: GitRepository,
    other: GitRepository,
    main: GitRepository,
}

impl Nested {
    fn new() -> Self {
        let inner = GitRepository::new();
        inner.write("inner", "inner\n");
        inner.commit("inner");
        let other = GitRepository::with_files();
        mount(&other, &inner, "inner", "./../inner.git");
        let main = GitRepository::with_files();
        mount(&main, &other, "lib/other", "../other.git");
        // Neither is the tip of a branch any more.
        inner.write("inner", "newer\n");
        inner.commit("newer");
        other.write("README", "newer\n");
        other.commit("newer");
        Self { inner, other, main }
    }

    fn serve(&self, account: Option<&str>) -> GitServer {
        let (inner, other, main) = (self.inner.work(), self.other.work(), self.main.work());
        GitServer::start(
            &[("inner", &inner), ("other", &other), ("main", &main)],
            account,
        )
    }
}

/// Records the commit of `other` at `path` with the given URL.
fn mount(repository: &GitRepository, other: &GitRepository, path: &str, url: &str) {
    let commit = other.git(&["rev-parse", "HEAD"]);
    let entry = format!("[submodule \"{path}\"]\n\tpath = {path}\n\turl = {url}\n");
    repository.write(".gitmodules", entry);
    repository.git(&["add", "-A"]);
    repository.git(&[
        "update-index",
        "--add",
        "--cacheinfo",
        &format!("160000,{commit},{path}"),
    ]);
    repository.git(&["commit", "-q", "-m", "submodule"]);
}

#[test]
fn a_clone_and_its_submodules_come_from_a_server() {
    let site = Nested::new();
    let server = site.serve(None);
    let clone = server.clone_of("main", site.main.home());
    let found = resolved(&clone);
    assert_eq!(found["lib/other/inner/inner"].1, "inner\\n");
    assert_eq!(found["lib/other/README"].1, "hello\\n");
    // Nothing of it stays in the clone.
    assert!(!clone.join(".git/modules").exists());

    drop(server);
    let error = refusal(resolve(&spec(&clone)));
    assert!(error.to_string().contains("lib/other"), "{error}");
}

/// Packs with a home that has the given configuration.
fn pack(checkout: &Path, configuration: &str) -> std::process::Output {
    let home = TempDir::new().unwrap();
    pack_command(checkout, home.path(), configuration)
        .output()
        .unwrap()
}

fn pack_command(checkout: &Path, home: &Path, configuration: &str) -> Command {
    std::fs::write(home.join(".gitconfig"), configuration).unwrap();
    let mut command = program(env!("CARGO_BIN_EXE_bulla"), home);
    command.env_remove("GIT_CONFIG_GLOBAL");
    command.args(["pack", "--"]).arg(checkout);
    command
}

#[test]
fn the_users_credentials_are_used_and_nobody_is_asked() {
    let site = Nested::new();
    let open = site.serve(None);
    let clone = open.clone_of("main", site.main.home());
    let locked = site.serve(Some(ACCOUNT));
    let url = format!("{}/main.git", locked.url);
    site.main
        .git_in(&clone, &["config", "remote.origin.url", &url]);

    let output = pack(&clone, "");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success());
    assert!(
        said.contains("lib/other") && said.contains("git submodule update"),
        "{said}"
    );

    let helper =
        "[credential]\n\thelper = \"!f() { echo username=ada; echo password=secret; }; f\"\n";
    let output = pack(&clone, helper);
    assert!(output.status.success(), "{output:?}");
}

#[test]
fn a_server_that_gives_out_only_whole_branches_is_asked_for_them() {
    let site = Nested::new();
    let server = site.serve(None);
    let clone = server.clone_of("main", site.main.home());
    // In the first protocol, only what a branch points to can be asked for.
    let output = pack(&clone, "[protocol]\n\tversion = 0\n");
    assert!(output.status.success(), "{output:?}");
}

#[test]
fn a_partial_clone_is_not_filled_in_passing() {
    let repository = GitRepository::with_files();
    repository.write("large", "x".repeat(2000));
    repository.commit("large");
    let work = repository.work();
    let server = GitServer::start(&[("main", &work)], None);
    let url = format!("{}/main.git", server.url);
    let clone = repository.home().join("partial");
    let to = clone.to_str().unwrap();
    let filter = "--filter=blob:limit=1k";
    repository.git(&["clone", "-q", filter, "--no-checkout", &url, to]);
    let mut named = spec(&clone);
    named.revision = Some("HEAD".to_owned());
    let lacks_it = |said: &str| {
        let large = repository.git(&["rev-parse", "HEAD:large"]);
        assert!(said.contains(&format!("{large}: large")), "{said}");
    };
    // The server is there and would give it; neither bulla nor its `git` asks.
    let asked = server.requests();
    lacks_it(&refusal(resolve(&named)).to_string());
    named.revision = Some("HEAD^{/large}".to_owned());
    lacks_it(&refusal(resolve(&named)).to_string());
    assert_eq!(server.requests(), asked);

    repository.git_in(&clone, &["fetch", "-q", "--refetch", "--no-filter"]);
    drop(server);
    assert_eq!(contents(&resolve(&named).unwrap())["large"].1.len(), 2000);
}

#[test]
fn the_users_own_ssh_is_used() {
    let site = Nested::new();
    let server = site.serve(None);
    // What `git` would run on the other machine is run on this one.
    let ssh = server.root.path().join("ssh");
    let used = server.root.path().join("used");
    let script = format!(
        "#!/bin/sh\ntouch {}\nfor command; do :; done\nexec sh -c \"$command\"\n",
        used.display()
    );
    std::fs::write(&ssh, script).unwrap();
    crate::checkout::make_executable(&ssh);
    let clone = server.clone_of("main", site.main.home());
    let url = format!("ssh://host{}/main.git", server.root.path().display());
    site.main
        .git_in(&clone, &["config", "remote.origin.url", &url]);
    let setting = format!("[core]\n\tsshCommand = {}\n", ssh.display());
    let variables = [("GIT_SSH", &ssh), ("GIT_SSH_COMMAND", &ssh)];
    for (variable, setting) in [
        (Some(variables[0]), ""),
        (Some(variables[1]), ""),
        (None, setting.as_str()),
    ] {
        let mut command = pack_command(&clone, site.main.home(), setting);
        command.envs(variable);
        // Some have this in their environment.
        command.env("GIT_DEFAULT_REF_FORMAT", "reftable");
        let output = command.output().unwrap();
        assert!(output.status.success(), "{variable:?} {output:?}");
        std::fs::remove_file(&used).unwrap();
    }
}
