//! `docs/server.md`: its configurations of nginx and Apache serve a live tree, and nothing else.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use bulla_tests::programs::{hermetic, target_directory};
use bulla_tests::{GitCheckout, Server, Transcript, World, skip};

const PROJECT: &str = "acme/billing";
const APACHE: &str = "/usr/sbin/apache2";
const APACHE_MODULES: &str = "/usr/lib/apache2/modules";

#[test]
fn nginx_serves_the_live_tree_as_documented() {
    let Some(program) = nginx() else {
        return skip("nginx as documented, because it is not installed");
    };
    let mut site = Site::new();
    let mut command = site.nginx(program);
    site.is_served_by(&mut command);
}

#[test]
fn nginx_serves_one_release_or_the_other_through_a_thousand_switches() {
    // R6: the switch is not atomic.
    let Some(program) = nginx() else {
        return skip("a thousand switches, because nginx is not installed");
    };
    let mut site = Site::new();
    let pages = ["one\n", "two\n"].map(|line| line.repeat(10_000));
    let releases = pages.clone().map(|page| {
        site.checkout.write("page.txt", &page);
        site.checkout.commit("A long page");
        let hash = site.world.release(&site.checkout.path, PROJECT);
        site.server.install(PROJECT, "prod").done();
        hash
    });
    let mut command = site.nginx(program);
    let web = WebServer::start(&mut command, site.port);
    let is_over = AtomicBool::new(false);
    let answers = std::thread::scope(|scope| {
        let clients: Vec<_> = (0..3)
            .map(|_| scope.spawn(|| ask_until(&is_over, web.port, "/page.txt", &pages)))
            .collect();
        for switch in 0..SWITCHES {
            let hash = &releases[switch % 2];
            let rollback = ["rollback", PROJECT, hash, "-m", "once more"];
            site.server.run(&rollback).done();
        }
        is_over.store(true, Ordering::SeqCst);
        clients
            .into_iter()
            .map(|client| client.join().unwrap())
            .fold([0, 0], |all, seen| [all[0] + seen[0], all[1] + seen[1]])
    });
    assert!(
        answers.iter().all(|seen| *seen > SWITCHES / 2),
        "both releases were served: {answers:?}"
    );
}

/// How often a release is switched while clients ask.
const SWITCHES: usize = 1_000;

/// Asks for a page again and again, and counts how often each of `pages` came. Anything else is a
/// failure.
fn ask_until(is_over: &AtomicBool, port: u16, path: &str, pages: &[String; 2]) -> [usize; 2] {
    let mut seen = [0; 2];
    let mut connection = None;
    while !is_over.load(Ordering::SeqCst) {
        let mut stream = connection
            .take()
            .unwrap_or_else(|| BufReader::new(TcpStream::connect(("127.0.0.1", port)).unwrap()));
        write!(stream.get_mut(), "GET {path} HTTP/1.1\r\nHost: web\r\n\r\n").unwrap();
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            assert_ne!(stream.read_line(&mut head).unwrap(), 0, "{head:?}");
        }
        let head = head.to_lowercase();
        assert!(head.starts_with("http/1.1 200 "), "{head}");
        let (_, length) = head.split_once("content-length: ").expect("a length");
        let length = length.lines().next().unwrap().parse().unwrap();
        let mut body = vec![0; length];
        stream.read_exact(&mut body).unwrap();
        let page = pages.iter().position(|page| page.as_bytes() == body);
        seen[page.expect("the page of one release")] += 1;
        if head.contains("connection: keep-alive") {
            connection = Some(stream);
        }
        // The switches are to come between the answers, and not wait for them.
        std::thread::sleep(Duration::from_millis(2));
    }
    seen
}

#[test]
fn apache_serves_the_live_tree_as_documented() {
    if !Path::new(APACHE).exists() {
        return skip("Apache as documented, because it is not installed");
    }
    let mut site = Site::new();
    let load = ["mpm_event", "authz_core", "dir"]
        .map(|name| format!("LoadModule {name}_module {APACHE_MODULES}/mod_{name}.so\n"));
    // It refuses to serve as root.
    let user = if is_root() {
        "User nobody\nGroup nogroup\n"
    } else {
        ""
    };
    let configuration = format!(
        "{load}{user}ServerName 127.0.0.1\nListen 127.0.0.1:{port}\nPidFile {home}/apache.pid\n\
         ErrorLog {home}/error.log\nDefaultRuntimeDir {home}\n{documented}",
        load = load.concat(),
        port = site.port,
        home = site.home.display(),
        documented = site.documented("apache"),
    );
    let file = site.write_configuration(&configuration);
    let mut command = hermetic(APACHE, &site.home);
    command.arg("-DFOREGROUND").arg("-f").arg(file);
    site.is_served_by(&mut command);
}

/// Returns the program where a package puts it, or where `scripts/setup` unpacked it.
fn nginx() -> Option<PathBuf> {
    [
        PathBuf::from("/usr/sbin/nginx"),
        target_directory().join("tools/nginx/usr/sbin/nginx"),
    ]
    .into_iter()
    .find(|path| path.exists())
}

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// A project on a server, some of it public, and a place for a web server's own files.
struct Site {
    world: World,
    checkout: GitCheckout,
    server: Server,
    home: PathBuf,
    port: u16,
}

impl Site {
    fn new() -> Self {
        let world = World::new();
        let mut checkout = world.git(PROJECT);
        checkout.write(".env", "PASSWORD=secret\n");
        checkout.write("deep/.well/known.txt", "hidden\n");
        checkout.write("page.txt", "one\n");
        checkout.commit("What is public, and what is not");
        world.release(&checkout.path, PROJECT);
        let server = world.server("web1");
        server.install(PROJECT, "prod").done();
        let home = world.path("web");
        std::fs::create_dir(&home).unwrap();
        // A web server has a user of its own, who must reach the tree.
        let everyone = std::fs::Permissions::from_mode(0o755);
        std::fs::set_permissions(world.path(""), everyone).unwrap();
        let free = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = free.local_addr().unwrap().port();
        Self {
            world,
            checkout,
            server,
            home,
            port,
        }
    }

    /// Returns what the document says in `language`, for this project.
    fn documented(&self, language: &str) -> String {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/server.md");
        let document = std::fs::read_to_string(file).unwrap();
        let fence = format!("```{language}\n");
        let (_, rest) = document.split_once(&fence).expect("the configuration");
        let (snippet, _) = rest.split_once("```").expect("its end");
        let project = self.server.project(PROJECT);
        snippet.replace("/srv/acme/billing", project.to_str().unwrap())
    }

    /// Returns an nginx that serves this site as documented.
    fn nginx(&self, program: PathBuf) -> Command {
        let temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
            .map(|name| format!("{name}_temp_path {};\n", self.home.join(name).display()));
        // As root it would give its workers to a user who may not enter the home of the test.
        let user = if is_root() { "user root;\n" } else { "" };
        let configuration = format!(
            "daemon off;\n{user}pid {home}/nginx.pid;\nevents {{}}\nhttp {{\n{temporary}\
             access_log off;\nserver {{\nlisten 127.0.0.1:{port};\n{documented}}}\n}}\n",
            home = self.home.display(),
            temporary = temporary.concat(),
            port = self.port,
            documented = self.documented("nginx"),
        );
        let file = self.write_configuration(&configuration);
        let mut command = hermetic(program, &self.home);
        command.arg("-e").arg(self.home.join("error.log"));
        command.arg("-p").arg(&self.home).arg("-c").arg(file);
        command
    }

    fn write_configuration(&self, configuration: &str) -> PathBuf {
        let file = self.home.join("configuration");
        std::fs::write(&file, configuration).unwrap();
        file
    }

    /// Asks for what is public, for what is not, and for the next release after its switch.
    fn is_served_by(&mut self, program: &mut Command) {
        let web = WebServer::start(program, self.port);
        assert_eq!(web.get("/page.txt"), ("200".to_owned(), "one\n".to_owned()));
        assert_eq!(web.status("/public/index.html"), "200");
        assert_eq!(web.status("/start.html"), "200", "a link in the release");
        for hidden in ["/.env", "/deep/.well/known.txt"] {
            assert_eq!(web.status(hidden), "403", "{hidden}");
        }
        for outside in ["/current/page.txt", "/releases/"] {
            assert_eq!(web.status(outside), "404", "{outside}");
        }
        assert_eq!(web.status("/../persist/"), "400");

        self.checkout.write("page.txt", "two\n");
        self.checkout.commit("Another page");
        self.world.release(&self.checkout.path, PROJECT);
        self.server.install(PROJECT, "prod").done();
        assert_eq!(web.get("/page.txt").1, "two\n");
        self.server.run(&["rollback", PROJECT, "-m", "no"]).done();
        assert_eq!(web.get("/page.txt").1, "one\n");
    }
}

/// A web server on loopback, stopped when dropped.
struct WebServer {
    child: Child,
    port: u16,
}

impl WebServer {
    fn start(program: &mut Command, port: u16) -> Self {
        let child = program.stdout(Stdio::null()).spawn().unwrap();
        let mut web = Self { child, port };
        let end = Instant::now() + Duration::from_secs(30);
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            let ended = web.child.try_wait().unwrap();
            assert_eq!(ended, None, "{program:?} ended");
            assert!(Instant::now() < end, "{program:?} does not listen");
            std::thread::sleep(Duration::from_millis(20));
        }
        web
    }

    /// Returns the status and the body.
    fn get(&self, path: &str) -> (String, String) {
        let url = format!("http://127.0.0.1:{}{path}", self.port);
        let mut curl = hermetic("curl", Path::new("/"));
        curl.args(["-s", "-S", "--path-as-is", "-w", "\n%{http_code}", &url]);
        let answer = Transcript::of(&mut curl).done().stdout;
        let (body, status) = answer.rsplit_once('\n').unwrap();
        (status.to_owned(), body.to_owned())
    }

    fn status(&self, path: &str) -> String {
        self.get(path).0
    }
}

impl Drop for WebServer {
    fn drop(&mut self) {
        let _ = rustix::process::kill_process(
            rustix::process::Pid::from_child(&self.child),
            rustix::process::Signal::TERM,
        );
        let _ = self.child.wait();
    }
}
