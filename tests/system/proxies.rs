//! `docs/registry.md`: a registry behind nginx and Caddy as documented there, for people, images,
//! large blobs, watches and servers; and one that speaks TLS itself.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{BufRead as _, BufReader, Read as _};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use bulla_tests::programs::{Program, find_tool, hermetic, is_installed};
use bulla_tests::{Registry, Server, Transcript, World, skip};
use serde_json::json;
use sha2::{Digest as _, Sha256};

const PROJECT: &str = "acme/billing";
/// A blob that no proxy keeps in memory, and that is larger than what they take by default.
const LARGE: u64 = 300 << 20;

/// A world whose registry has a proxy in front of it.
struct Scene {
    world: World,
    home: PathBuf,
    port: u16,
}

/// A program that serves, stopped when dropped.
struct Running(Child);

impl Scene {
    fn new() -> Self {
        let world = World::new();
        let home = world.path("proxy");
        fs::create_dir(&home).unwrap();
        let free = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = free.local_addr().unwrap().port();
        Self { world, home, port }
    }

    fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Returns what the document says in `language`, for this registry.
    fn documented(&self, language: &str) -> String {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/registry.md");
        let document = fs::read_to_string(file).unwrap();
        let (_, rest) = document
            .split_once(&format!("```{language}\n"))
            .expect("the configuration");
        let (snippet, _) = rest.split_once("```").expect("its end");
        snippet.replace("127.0.0.1:5000", self.world.registry.address())
    }

    fn start(&self, command: &mut Command) -> Running {
        let child = command.stdout(Stdio::null()).spawn().unwrap();
        let mut running = Running(child);
        let end = Instant::now() + Duration::from_mins(1);
        while TcpStream::connect(("127.0.0.1", self.port)).is_err() {
            assert_eq!(running.0.try_wait().unwrap(), None, "{command:?} ended");
            assert!(Instant::now() < end, "{command:?} does not listen");
            std::thread::sleep(Duration::from_millis(20));
        }
        running
    }

    fn curl(&self, arguments: &[&str]) -> Transcript {
        let mut curl = hermetic("curl", &self.world.home());
        curl.args(["--silent", "--show-error", "--fail", "--header"]);
        curl.arg(format!("Authorization: Bearer {}", self.world.token));
        Transcript::of(curl.args(arguments)).done()
    }

    /// Does all that people, tools and servers do with a registry.
    fn is_a_registry(&mut self) {
        self.takes_and_gives_a_large_blob();
        self.takes_and_gives_an_image();
        self.tells_who_watches_and_installs();
    }

    fn takes_and_gives_a_large_blob(&self) {
        let path = self.home.join("large");
        File::create(&path).unwrap().set_len(LARGE).unwrap();
        let digest = format!("sha256:{}", digest_of(&path));
        let url = format!("{}/v2/acme/large/blobs", self.url());
        let begun = self.curl(&["-X", "POST", "-D", "-", &format!("{url}/uploads/")]);
        let location = begun.stdout.lines().find_map(|line| {
            let (name, value) = line.split_once(": ")?;
            name.eq_ignore_ascii_case("location")
                .then(|| value.trim().to_owned())
        });
        let location = location.expect("where the upload goes");
        let location = match location.strip_prefix('/') {
            Some(path) => format!("{}/{path}", self.url()),
            None => location,
        };
        let put = format!("{location}?digest={}", digest.replace(':', "%3A"));
        self.curl(&["-T", path.to_str().unwrap(), &put]);
        let pulled = self.home.join("pulled");
        self.curl(&["-o", pulled.to_str().unwrap(), &format!("{url}/{digest}")]);
        assert_eq!(format!("sha256:{}", digest_of(&pulled)), digest);
        let part = self.curl(&[
            "-r",
            "0-9",
            "-D",
            "-",
            "-o",
            "/dev/null",
            &format!("{url}/{digest}"),
        ]);
        assert!(part.stdout.contains(" 206"), "{part}");
    }

    fn takes_and_gives_an_image(&self) {
        if !is_installed("skopeo") {
            return skip("images through a proxy, because skopeo is not installed");
        }
        let (image, pulled) = (self.home.join("image"), self.home.join("pulled-image"));
        write_image(&image);
        let copy = |from: &str, to: &str| {
            let credentials = format!("any:{}", self.world.token);
            let mut skopeo = hermetic("skopeo", &self.world.home());
            skopeo.args(["copy", "--preserve-digests", "--src-tls-verify=false"]);
            skopeo.args(["--dest-tls-verify=false", from, to]);
            let side = if to.starts_with("docker") {
                "--dest-creds"
            } else {
                "--src-creds"
            };
            Transcript::of(skopeo.args([side, &credentials])).done();
        };
        let address = self.url().replace("http://", "docker://");
        let (from, to) = (
            format!("oci:{}:v1", image.display()),
            format!("oci:{}:v1", pulled.display()),
        );
        copy(&from, &format!("{address}/mirror/image:v1"));
        copy(&format!("{address}/mirror/image:v1"), &to);
        let blobs = |layout: &Path| {
            let entries = fs::read_dir(layout.join("blobs/sha256")).unwrap();
            entries
                .map(|entry| entry.unwrap().file_name())
                .collect::<BTreeSet<_>>()
        };
        assert_eq!(blobs(&pulled), blobs(&image));
    }

    /// An event comes through while the connection stays open, and what a server installs is right.
    fn tells_who_watches_and_installs(&mut self) {
        let url = format!("{}/api/v1/watch?size=0", self.url());
        let mut curl = hermetic("curl", &self.world.home());
        curl.args(["--silent", "--no-buffer", "--max-time", "120", &url]);
        let mut watch = Running(curl.stdout(Stdio::piped()).spawn().unwrap());
        let mut lines = BufReader::new(watch.0.stdout.take().unwrap()).lines();
        let mut next_event = || {
            let event =
                lines.find(|line| line.as_ref().is_ok_and(|line| line == "event: checkpoint"));
            assert!(event.is_some(), "no event came");
        };
        next_event();
        let mut checkout = self.world.git("acme/other");
        checkout.write("page.txt", "two\n");
        checkout.commit("Another page");
        self.world.release(&checkout.path, "acme/other");
        next_event();
        let server = self.world.server_at("web1", &self.url());
        server.install("acme/other", "prod").done();
        let page = server.project("acme/other").join("current/page.txt");
        assert_eq!(fs::read_to_string(page).unwrap(), "two\n");
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = rustix::process::kill_process(
            rustix::process::Pid::from_child(&self.0),
            rustix::process::Signal::TERM,
        );
        let _ = self.0.wait();
    }
}

/// Writes an image of one layer as an OCI layout, with the tag `v1`.
fn write_image(layout: &Path) {
    fs::create_dir_all(layout.join("blobs/sha256")).unwrap();
    let write = |kind: &str, content: &[u8]| {
        let path = layout.join("blob");
        fs::write(&path, content).unwrap();
        let digest = digest_of(&path);
        fs::rename(&path, layout.join("blobs/sha256").join(&digest)).unwrap();
        json!({
            "mediaType": format!("application/vnd.oci.image.{kind}"),
            "digest": format!("sha256:{digest}"),
            "size": content.len(),
        })
    };
    let layer = write("layer.v1.tar", &vec![7; 5 << 20]);
    let config = json!({
        "architecture": "amd64",
        "os": "linux",
        "rootfs": { "type": "layers", "diff_ids": [layer["digest"]] },
    });
    let manifest = json!({
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": write("config.v1+json", config.to_string().as_bytes()),
        "layers": [layer],
    });
    let mut manifest = write("manifest.v1+json", manifest.to_string().as_bytes());
    manifest["annotations"] = json!({ "org.opencontainers.image.ref.name": "v1" });
    let index = json!({ "schemaVersion": 2, "manifests": [manifest] });
    fs::write(layout.join("index.json"), index.to_string()).unwrap();
    fs::write(
        layout.join("oci-layout"),
        r#"{"imageLayoutVersion":"1.0.0"}"#,
    )
    .unwrap();
}

fn digest_of(path: &Path) -> String {
    let (mut file, mut hash) = (File::open(path).unwrap(), Sha256::new());
    let mut piece = vec![0; 1 << 20];
    while let count @ 1.. = file.read(&mut piece).unwrap() {
        hash.update(&piece[..count]);
    }
    let mut text = String::new();
    for byte in hash.finalize() {
        let _ = write!(text, "{byte:02x}");
    }
    text
}

#[test]
fn nginx_passes_everything_on_as_documented() {
    let Some(program) = find_tool("nginx", "usr/sbin") else {
        return skip("a registry behind nginx, because it is not installed");
    };
    let mut scene = Scene::new();
    let temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .map(|name| format!("{name}_temp_path {};\n", scene.home.join(name).display()));
    let user = if rustix::process::geteuid().is_root() {
        "user root;\n"
    } else {
        ""
    };
    let configuration = format!(
        "daemon off;\n{user}pid {home}/nginx.pid;\nevents {{}}\nhttp {{\n{temporary}\
         access_log off;\nserver {{\nlisten 127.0.0.1:{port};\n{documented}}}\n}}\n",
        home = scene.home.display(),
        temporary = temporary.concat(),
        port = scene.port,
        documented = scene.documented("nginx"),
    );
    let file = scene.home.join("nginx.conf");
    fs::write(&file, configuration).unwrap();
    let mut command = hermetic(program, &scene.home);
    command.arg("-e").arg(scene.home.join("error.log"));
    command.arg("-p").arg(&scene.home).arg("-c").arg(file);
    let _running = scene.start(&mut command);
    scene.is_a_registry();
}

#[test]
fn caddy_passes_everything_on_as_documented() {
    let Some(program) = find_tool("caddy", "usr/bin") else {
        return skip("a registry behind Caddy, because it is not installed");
    };
    let mut scene = Scene::new();
    let site = format!("http://127.0.0.1:{}", scene.port);
    let documented = scene
        .documented("caddy")
        .replace("registry.example.com", &site);
    let file = scene.home.join("Caddyfile");
    fs::write(&file, format!("{{\n\tadmin off\n}}\n{documented}")).unwrap();
    let mut command = hermetic(program, &scene.home);
    command
        .args(["run", "--adapter", "caddyfile", "--config"])
        .arg(file);
    command.stderr(File::create(scene.home.join("caddy.log")).unwrap());
    let _running = scene.start(&mut command);
    scene.is_a_registry();
}

/// Makes an authority and a certificate that it signed for 127.0.0.1: `root.pem`, `server.pem` and
/// `server.key`.
fn make_certificate(world: &World, folder: &Path) {
    let make = |name: &str, more: &[&str]| {
        let mut openssl = hermetic("openssl", &world.home());
        openssl.current_dir(folder);
        openssl.args([
            "req", "-x509", "-newkey", "ec", "-nodes", "-days", "2", "-pkeyopt",
        ]);
        openssl.args(["ec_paramgen_curve:P-256", "-subj", &format!("/CN={name}")]);
        openssl.args([
            "-keyout",
            &format!("{name}.key"),
            "-out",
            &format!("{name}.pem"),
        ]);
        Transcript::of(openssl.args(more)).done();
    };
    make("root", &["-addext", "basicConstraints=critical,CA:TRUE"]);
    let (signer, names) = (
        ["-CA", "root.pem", "-CAkey", "root.key"],
        "subjectAltName=IP:127.0.0.1",
    );
    let extensions = [
        "-addext",
        names,
        "-addext",
        "basicConstraints=critical,CA:FALSE",
    ];
    make("server", &[signer, extensions].concat());
}

#[test]
fn a_server_installs_over_tls_where_it_knows_the_authority_and_not_elsewhere() {
    if !is_installed("openssl") {
        return skip("TLS with a private authority, because openssl is not installed");
    }
    let mut scene = Scene::new();
    let mut checkout = scene.world.git(PROJECT);
    checkout.write("page.txt", "one\n");
    checkout.commit("A page");
    scene.world.release(&checkout.path, PROJECT);
    make_certificate(&scene.world, &scene.home);
    scene.world.registry.stop();
    let path = |name: &str| scene.home.join(name).display().to_string();
    let tls = [
        "--tls-certificate",
        &path("server.pem"),
        "--tls-key",
        &path("server.key"),
    ];
    let arguments = [&["--anonymous-read"], &tls[..]].concat();
    let (data, home) = (scene.world.registry.data(), scene.world.home());
    let registry = Registry::serve_with(data, &home, &arguments);
    let url = registry.url();
    let server = Server::new(&scene.world.path("servers/web1"), &home);
    let enroll = ["enroll", url, &scene.world.anchor];
    let refused = server.run(&enroll);
    assert_ne!(refused.status, Some(0), "{refused}");
    let trusting = |arguments: &[&str]| {
        let mut command = server.command(Program::Installer, arguments);
        Transcript::of(command.env("SSL_CERT_FILE", path("root.pem"))).done()
    };
    trusting(&enroll);
    trusting(&["install", PROJECT, "--channel", "prod"]);
    let page = server.project(PROJECT).join("current/page.txt");
    assert_eq!(fs::read_to_string(page).unwrap(), "one\n");
}
