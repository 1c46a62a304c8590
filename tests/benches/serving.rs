//! What the registry serves and takes, beside docker-registry and nginx, which get the same bytes over
//! plain HTTP on loopback. nginx serves files and takes none.

use std::fmt::Write as _;
use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use bulla_schemas::Digest;
use bulla_tests::programs::{find_tool, hermetic, is_installed};
use bulla_tests::{Registry, World};

use crate::measure::{self, Cost};
use crate::report;

const REPOSITORY: &str = "mirror/tool";
/// How long one round of requests goes on.
const ROUND: &str = "4s";
/// A blob of frames like those of a payload: 200 MB of noise, a fourth of a MiB each.
const FRAMES: usize = 800;
const FRAME_SIZE: usize = 256 * 1024;

const MANIFEST_TYPE: &str = "application/vnd.oci.image.manifest.v1+json";
/// A manifest of the smallest artifact there is.
const MANIFEST: &str = r#"{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","artifactType":"application/vnd.example","config":{"mediaType":"application/vnd.oci.empty.v1+json","digest":"sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a","size":2},"layers":[]}"#;

/// A server that has what the registry has.
struct Serving {
    name: &'static str,
    url: String,
    /// The header of a token, in a file, because a command line is for everybody to read.
    header: Option<PathBuf>,
    process: Option<Child>,
}

impl Drop for Serving {
    fn drop(&mut self) {
        if let Some(process) = &mut self.process {
            // It may have ended by itself.
            let _ = process.kill();
            let _ = process.wait();
        }
    }
}

/// All of it.
pub(crate) fn all(runs: usize) {
    if !is_installed("wrk") {
        eprintln!("skip: serving, because wrk is not installed (Debian: wrk)");
        return;
    }
    let world = World::new();
    let files = world.path("served");
    fs::create_dir(&files).expect("a directory");
    let contents = Contents::new(&files);
    let header = world.path("header");
    // Like the others, without a line in a log for each request.
    let registry = Registry::serve_quietly(&world.path("serving"), &world.home());
    let token = registry.create_token("push,pull", "*");
    fs::write(&header, format!("Authorization: Bearer {token}")).expect("a file");
    let ours = Serving {
        name: "bulla-registry",
        url: registry.url().to_owned(),
        header: Some(header),
        process: None,
    };
    let registries: Vec<_> = std::iter::once(ours)
        .chain(docker_registry(&world))
        .collect();
    for registry in &registries {
        contents.push(registry, &world.home());
    }
    let nginx = nginx(&world, &files);
    let all: Vec<_> = registries.iter().chain(&nginx).collect();

    let blob = |name: &'static str| {
        let digest = contents.digest(name);
        move |server: &Serving| match server.name {
            "nginx" => format!("{}/{name}", server.url),
            _ => format!("{}/v2/{REPOSITORY}/blobs/{digest}", server.url),
        }
    };
    let tag = |server: &Serving| match server.name {
        "nginx" => format!("{}/manifest", server.url),
        _ => format!("{}/v2/{REPOSITORY}/manifests/latest", server.url),
    };
    requests("GET 64 KiB, 16 at once", &all, 16, runs, blob("small"));
    requests("GET 1 MiB, 64 at once", &all, 64, runs, blob("middle"));
    requests("manifest by tag, 64 at once", &all, 64, runs, tag);
    download(&world, &all, runs, blob("frames"));
    push(&world, &registries, runs);
    let memory = registry.most_memory() / 1_000_000;
    report::fact("memory of the registry", &format!("{memory} MB after that"));
}

/// What all of them serve, as files.
struct Contents<'a> {
    directory: &'a Path,
}

impl<'a> Contents<'a> {
    fn new(directory: &'a Path) -> Self {
        let write = |name: &str, bytes: &[u8]| {
            fs::write(directory.join(name), bytes).expect("a file");
        };
        write("small", &noise(1, 64 * 1024));
        write("middle", &noise(2, 1024 * 1024));
        write("frames", &frames(3));
        write("config", b"{}");
        write("manifest", MANIFEST.as_bytes());
        Self { directory }
    }

    fn digest(&self, name: &str) -> String {
        digest(&fs::read(self.directory.join(name)).expect("a file"))
    }

    fn push(&self, registry: &Serving, home: &Path) {
        for name in ["small", "middle", "frames", "config"] {
            push_blob(registry, home, &self.directory.join(name));
        }
        let mut curl = curl(registry, home);
        curl.args(["-T", "manifest", "-H"])
            .arg(format!("Content-Type: {MANIFEST_TYPE}"))
            .arg(format!("{}/v2/{REPOSITORY}/manifests/latest", registry.url));
        measure::run(curl.current_dir(self.directory));
    }
}

/// Requests a second, each as the median of rounds that take turns.
fn requests(
    name: &str,
    servers: &[&Serving],
    connections: u32,
    runs: usize,
    url: impl Fn(&Serving) -> String,
) {
    let mut rates = vec![Vec::new(); servers.len()];
    for _ in 0..runs {
        for (server, rates) in servers.iter().zip(&mut rates) {
            rates.push(rate(&url(server), connections));
        }
    }
    let rates: Vec<_> = rates.into_iter().map(median).collect();
    let ours = rates[0];
    let mut line = format!("{ours:.0}/s");
    for (server, theirs) in servers.iter().zip(&rates).skip(1) {
        let ratio = ours / theirs;
        let _ = write!(line, ", {} {theirs:.0}/s ({ratio:.2} x)", server.name);
    }
    report::fact(name, &line);
}

/// Has `wrk` ask for as long as a round is.
fn rate(url: &str, connections: u32) -> f64 {
    let connections = format!("-c{connections}");
    let said = Command::new("wrk")
        .args(["-t2", &connections, "-d", ROUND])
        // docker-registry answers 404 to who does not ask for the type of a manifest.
        .args(["-H", &format!("Accept: {MANIFEST_TYPE}"), url])
        .output()
        .expect("wrk is installed");
    let said = String::from_utf8_lossy(&said.stdout).into_owned();
    assert!(!said.contains("Non-2xx"), "{url}:\n{said}");
    let rate = said
        .lines()
        .find_map(|line| line.trim().strip_prefix("Requests/sec:"));
    let rate = rate.and_then(|rate| rate.trim().parse().ok());
    rate.unwrap_or_else(|| panic!("{url}:\n{said}"))
}

fn median(mut rates: Vec<f64>) -> f64 {
    rates.sort_unstable_by(f64::total_cmp);
    rates[rates.len() / 2]
}

/// One client that fetches 200 MB of frames.
fn download(world: &World, servers: &[&Serving], runs: usize, url: impl Fn(&Serving) -> String) {
    let mut costs = vec![Vec::new(); servers.len()];
    for _ in 0..runs {
        for (server, costs) in servers.iter().zip(&mut costs) {
            let mut curl = hermetic("curl", &world.home());
            costs.push(measure::run(curl.args(["-s", "-f", &url(server)])));
        }
    }
    beside("GET 200 MB of frames", servers.iter().copied(), costs);
}

/// One client that pushes 200 MB which nobody has. Ours is durable when it is answered.
fn push(world: &World, registries: &[Serving], runs: usize) {
    let mut costs = vec![Vec::new(); registries.len()];
    for run in 0..runs {
        let file = world.path("pushed");
        fs::write(&file, frames(100 + run as u64)).expect("a file");
        for (registry, costs) in registries.iter().zip(&mut costs) {
            costs.push(push_blob(registry, &world.home(), &file));
        }
    }
    beside("push of 200 MB of frames", registries.iter(), costs);
}

fn beside<'a>(name: &str, servers: impl Iterator<Item = &'a Serving>, costs: Vec<Vec<Cost>>) {
    let mut costs = costs.into_iter().map(measure::median);
    let mut servers = servers.map(|server| server.name);
    let ours = costs.next().expect("ours is the first");
    servers.next();
    let mut name = name;
    for (server, theirs) in servers.zip(costs) {
        report::ratio(name, ours, server, theirs);
        name = "";
    }
}

/// Pushes a blob as any client does: a session, then all of it.
fn push_blob(registry: &Serving, home: &Path, file: &Path) -> Cost {
    let digest = digest(&fs::read(file).expect("a file"));
    let mut begin = curl(registry, home);
    begin
        .args(["-X", "POST", "-w", "%header{location}", "-d", ""])
        .arg(format!("{}/v2/{REPOSITORY}/blobs/uploads/", registry.url));
    let location = begin.output().expect("curl is installed");
    let location = String::from_utf8_lossy(&location.stdout).into_owned();
    let location = match location.strip_prefix('/') {
        Some(path) => format!("{}/{path}", registry.url),
        None => location,
    };
    let separator = if location.contains('?') { '&' } else { '?' };
    let mut put = curl(registry, home);
    put.args(["-H", "Content-Type: application/octet-stream", "-T"])
        .arg(file)
        .arg(format!("{location}{separator}digest={digest}"));
    measure::run(&mut put)
}

fn curl(registry: &Serving, home: &Path) -> Command {
    let mut curl = hermetic("curl", home);
    curl.args(["-s", "-S", "-f"]);
    if let Some(header) = &registry.header {
        curl.arg("-H").arg(format!("@{}", header.display()));
    }
    curl
}

/// Debian's docker-registry, the reference of the protocol.
fn docker_registry(world: &World) -> Option<Serving> {
    let Some(program) = find_tool("docker-registry", "usr/bin") else {
        eprintln!("skip: docker-registry, because it is not installed (Debian: docker-registry)");
        return None;
    };
    let port = free_port();
    let file = world.path("docker-registry.yml");
    let configuration = format!(
        "version: 0.1\nlog:\n  level: error\n  accesslog:\n    disabled: true\n\
         storage:\n  filesystem:\n    rootdirectory: {}\nhttp:\n  addr: 127.0.0.1:{port}\n",
        world.path("docker-registry").display()
    );
    fs::write(&file, configuration).expect("a file");
    let mut command = hermetic(program, &world.home());
    Some(start(
        "docker-registry",
        port,
        command.arg("serve").arg(file),
    ))
}

/// nginx with the files, as its documentation recommends to serve files.
fn nginx(world: &World, files: &Path) -> Option<Serving> {
    let Some(program) = find_tool("nginx", "usr/sbin") else {
        eprintln!("skip: nginx, because it is not installed (Debian: nginx)");
        return None;
    };
    let port = free_port();
    let home = world.path("nginx");
    fs::create_dir(&home).expect("a directory");
    let temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .map(|name| format!("{name}_temp_path {};\n", home.join(name).display()));
    let user = if rustix::process::geteuid().is_root() {
        "user root;\n"
    } else {
        ""
    };
    let configuration = format!(
        "daemon off;\n{user}worker_processes auto;\npid {home}/nginx.pid;\nevents {{}}\n\
         http {{\n{temporary}access_log off;\nsendfile on;\ntcp_nopush on;\n\
         keepalive_requests 1000000;\nserver {{\nlisten 127.0.0.1:{port};\nroot {files};\n}}\n}}\n",
        home = home.display(),
        temporary = temporary.concat(),
        files = files.display(),
    );
    let file = home.join("nginx.conf");
    fs::write(&file, configuration).expect("a file");
    let mut command = hermetic(program, &world.home());
    command.arg("-e").arg(home.join("error.log"));
    command.arg("-p").arg(&home).arg("-c").arg(file);
    Some(start("nginx", port, &mut command))
}

fn start(name: &'static str, port: u16, command: &mut Command) -> Serving {
    let process = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn();
    let process = process.expect("the program starts");
    let serving = Serving {
        name,
        url: format!("http://127.0.0.1:{port}"),
        header: None,
        process: Some(process),
    };
    let started = Instant::now();
    while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
        assert!(
            started.elapsed() < Duration::from_mins(1),
            "{name} does not listen"
        );
        std::thread::sleep(Duration::from_millis(10));
    }
    serving
}

fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("an address").port()
}

/// Frames that zstd cannot make smaller.
fn frames(seed: u64) -> Vec<u8> {
    let frame = |index| {
        let noise = noise(seed * FRAMES as u64 + index, FRAME_SIZE);
        zstd::bulk::compress(&noise, 1).expect("noise is compressed")
    };
    (0..FRAMES as u64).flat_map(frame).collect()
}

fn noise(seed: u64, size: usize) -> Vec<u8> {
    let mut random = fastrand::Rng::with_seed(seed);
    let mut bytes = vec![0; size];
    random.fill(&mut bytes);
    bytes
}

fn digest(bytes: &[u8]) -> String {
    Digest::of(bytes).to_string()
}
