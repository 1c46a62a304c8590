//! Power cuts of a registry: its disk is copied at random instants while releases and images are
//! pushed, channels move, garbage goes, everything is read again and backed up. Each copy is served
//! again.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, RwLock};
use std::thread::sleep;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bulla_schemas::{Digest, media_type};
use bulla_tests::{Disk, FileSystem, GitCheckout, Program, Registry, Server, Transcript, World};
use bulla_tests::{Tree, programs::hermetic};
use reqwest::StatusCode;
use reqwest::header::CONTENT_TYPE;
use serde_json::{Value, json};
use tokio::runtime::Runtime;

/// R16: power loss corrupts the store silently.
const PROJECT: &str = "acme/billing";
/// Whose images are pushed as any client does it.
const IMAGES: &str = "acme/images";
/// How many times the power is cut.
const CUTS: usize = 10;

#[test]
fn after_a_power_cut_on_ext4_a_registry_has_all_that_it_has_acknowledged() {
    cut_the_power(FileSystem::Ext4);
}

#[test]
fn after_a_power_cut_on_xfs_a_registry_has_all_that_it_has_acknowledged() {
    cut_the_power(FileSystem::Xfs);
}

fn cut_the_power(kind: FileSystem) {
    let folder = tempfile::tempdir().unwrap();
    let Some(disk) = Disk::new(folder.path(), kind) else {
        return;
    };
    let mut world = World::new();
    let registry = Registry::serve(&disk.path().join("registry"), &world.home());
    let init = world.init(&registry, &["dev", "prod"]);
    init.last_line().clone_into(&mut world.anchor);
    world.token = registry.create_token("push,pull", "*");
    let work = Work {
        client: Client::of(&registry, &world.token),
        checkout: Mutex::new(world.git(PROJECT)),
        registry: RwLock::new(registry),
        backup: disk.path().join("backup"),
        said: Mutex::default(),
        is_over: AtomicBool::new(false),
        world,
    };
    // Whenever the power goes, there is a backup that was made whole.
    work.back_up();
    let cuts: Vec<Cut> = std::thread::scope(|scope| {
        for task in [Work::publish, Work::push, Work::read, Work::keep] {
            let work = &work;
            scope.spawn(move || {
                let _over = Over(&work.is_over);
                while !work.is_over.load(Ordering::SeqCst) {
                    task(work);
                }
            });
        }
        let _over = Over(&work.is_over);
        let cuts = (0..CUTS).map(|number| {
            sleep(Duration::from_millis(fastrand::u64(100..2_000)));
            let said = work.said.lock().unwrap().clone();
            let image = disk.cut(number);
            let collected = work.said.lock().unwrap().collected;
            Cut {
                image,
                said,
                collected,
            }
        });
        cuts.collect()
    });
    let Work {
        registry, world, ..
    } = work;
    registry.into_inner().unwrap().stop();
    for cut in &cuts {
        cut.assert_survives(&disk, &world);
    }
    let last = &cuts[CUTS - 1].said;
    let done = [last.releases.len(), last.images.len()];
    assert!(!done.contains(&0), "too little was done: {done:?}");
}

/// Ends the work of all when one of them ends, also by a panic.
struct Over<'a>(&'a AtomicBool);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

/// What goes on while the power is cut.
struct Work {
    world: World,
    client: Client,
    checkout: Mutex<GitCheckout>,
    /// Who writes may stop it.
    registry: RwLock<Registry>,
    backup: PathBuf,
    said: Mutex<Said>,
    is_over: AtomicBool,
}

/// What the registry has acknowledged.
#[derive(Clone, Default)]
struct Said {
    releases: Vec<Release>,
    images: Vec<Image>,
    /// The last checkpoint that was served, as an anchor.
    anchor: Option<String>,
    /// How often garbage was collected, or begun to be.
    collected: usize,
}

#[derive(Clone)]
struct Release {
    hash: String,
    tree: Tree,
    /// `collected` as it was before the release was published.
    collected: usize,
    was_promoted: bool,
}

/// An image with a tag, which garbage collection leaves alone.
#[derive(Clone)]
struct Image {
    tag: String,
    manifest: Vec<u8>,
    layer: Vec<u8>,
}

impl Work {
    /// Publishes a release, whose frames or delta are sent, and mostly promotes it.
    fn publish(&self) {
        let registry = self.registry.read().unwrap();
        let mut checkout = self.checkout.lock().unwrap();
        let number = fastrand::u32(..);
        checkout.write("public/new.txt", format!("{number}\n").repeat(2_000));
        checkout.commit_change(&number.to_string());
        let collected = self.said.lock().unwrap().collected;
        let mut publish = self.world.publish_command(&checkout.path);
        publish.env("BULLA_REGISTRY", registry.url());
        let hash = Transcript::of(&mut publish).done().last_line().to_owned();
        let tree = Tree::read(&checkout.path).without(".git");
        self.said.lock().unwrap().releases.push(Release {
            hash: hash.clone(),
            tree,
            collected,
            was_promoted: false,
        });
        if fastrand::u8(..3) > 0 {
            let mut promote = self.world.promote_command(PROJECT, &hash, "prod");
            Transcript::of(promote.env("BULLA_REGISTRY", registry.url())).done();
            let mut said = self.said.lock().unwrap();
            said.releases.last_mut().unwrap().was_promoted = true;
        }
    }

    /// Pushes an image whole: one layer that is stored as it is, or one of frames.
    fn push(&self) {
        let registry = self.registry.read().unwrap();
        let tag = format!("v{}", fastrand::u64(..));
        let size = fastrand::usize(100..300_000);
        let noise = std::iter::repeat_with(|| fastrand::u8(..));
        let mut layer: Vec<u8> = noise.take(size).collect();
        if fastrand::bool() {
            // A skippable frame (RFC 8878 §3.1.2).
            let head = [0x184D_2A50_u32, u32::try_from(size).unwrap()];
            layer.splice(..0, head.iter().flat_map(|word| word.to_le_bytes()));
        }
        let manifest = json!({
            "schemaVersion": 2,
            "mediaType": media_type::OCI_MANIFEST,
            "artifactType": "application/vnd.example.v1",
            "config": descriptor(media_type::OCI_EMPTY, b"{}"),
            "layers": [descriptor("application/octet-stream", &layer)],
        });
        let manifest = manifest.to_string().into_bytes();
        self.client.push(b"{}", &layer, &tag, &manifest);
        let image = Image {
            tag,
            manifest,
            layer,
        };
        self.said.lock().unwrap().images.push(image);
        drop(registry);
        sleep(Duration::from_millis(50));
    }

    /// Reads the checkpoint, as every server does.
    fn read(&self) {
        let registry = self.registry.read().unwrap();
        let (status, note) = self.client.get("/log/checkpoint");
        assert_eq!(status, StatusCode::OK);
        self.said.lock().unwrap().anchor = Some(anchor(&note));
        drop(registry);
        sleep(Duration::from_millis(20));
    }

    fn back_up(&self) {
        let registry = self.registry.read().unwrap();
        let backup = self.backup.to_str().unwrap();
        registry.keep(&["backup", backup]).done();
    }

    /// Keeps the registry: beside its work, and once in a while with nobody else.
    fn keep(&self) {
        let registry = self.registry.read().unwrap();
        match fastrand::u8(..3) {
            0 => drop(registry.keep(&["fsck", "--repair"]).done()),
            1 => {
                drop(registry);
                self.back_up();
            }
            _ => {
                drop(registry);
                let mut registry = self.registry.write().unwrap();
                registry.stop();
                self.said.lock().unwrap().collected += 1;
                let gc = ["gc", "--grace", "1s", "--keep-unpromoted", "1s"];
                registry.keep(&gc).done();
                registry.start_again();
            }
        }
    }
}

/// A copy of the disk.
struct Cut {
    image: PathBuf,
    /// What had been acknowledged before.
    said: Said,
    /// How often garbage collection had begun after.
    collected: usize,
}

impl Cut {
    fn assert_survives(&self, disk: &Disk, world: &World) {
        let mounted = disk.mount(&self.image);
        let data = mounted.path().join("registry");
        let registry = Registry::serve(&data, &world.home());
        let client = Client::of(&registry, &world.token);
        for image in &self.said.images {
            client.assert_has(image);
        }
        self.assert_has_releases(&client);
        // The log that was served is the beginning of this one.
        let server = Server::new(&mounted.path().join("server"), &world.home());
        let anchor = self.said.anchor.as_ref().unwrap_or(&world.anchor);
        server.run(&["enroll", registry.url(), anchor]).done();
        self.assert_installs(&server);
        // What a push that was not acknowledged had recorded, the start has indexed.
        registry.keep(&["fsck"]).done();
        assert_restores(mounted.path(), world);
    }

    /// Whatever was published is there, unless nobody promoted it and garbage was collected since.
    fn assert_has_releases(&self, client: &Client) {
        for release in &self.said.releases {
            if release.was_promoted || release.collected == self.collected {
                client.assert_has_release(&release.hash);
            }
        }
    }

    /// The channel points to the release that was promoted last, or to a later one.
    fn assert_installs(&self, server: &Server) {
        let releases = &self.said.releases;
        let Some(last) = releases.iter().rfind(|release| release.was_promoted) else {
            return;
        };
        server.install(PROJECT, "prod").done();
        let live = server.live(PROJECT).unwrap();
        if live == last.hash {
            assert_eq!(server.live_tree(PROJECT), last.tree);
        } else {
            let earlier = releases.iter().filter(|release| release.was_promoted);
            let mut earlier = earlier.map(|release| &release.hash);
            assert!(earlier.all(|hash| *hash != live), "{live} is live again");
        }
    }
}

/// A backup is a registry at every instant, also while the next one is made.
fn assert_restores(mounted: &Path, world: &World) {
    let (backup, restored) = (mounted.join("backup"), mounted.join("restored"));
    let mut restore = hermetic(Program::Registry.path(), &world.home());
    restore
        .arg("restore")
        .arg(backup)
        .arg("--data")
        .arg(restored);
    Transcript::of(&mut restore).done();
}

/// A client of OCI Distribution.
struct Client {
    runtime: Runtime,
    http: reqwest::Client,
    url: String,
    token: String,
}

impl Client {
    fn of(registry: &Registry, token: &str) -> Self {
        Self {
            runtime: Runtime::new().unwrap(),
            http: reqwest::Client::new(),
            url: registry.url().to_owned(),
            token: token.to_owned(),
        }
    }

    fn get(&self, path: &str) -> (StatusCode, Vec<u8>) {
        let request = self.http.get(format!("{}{path}", self.url));
        self.send(request)
    }

    fn send(&self, request: reqwest::RequestBuilder) -> (StatusCode, Vec<u8>) {
        self.runtime.block_on(async {
            let answer = request.bearer_auth(&self.token).send().await.unwrap();
            let status = answer.status();
            (status, answer.bytes().await.unwrap().to_vec())
        })
    }

    fn push(&self, config: &[u8], layer: &[u8], tag: &str, manifest: &[u8]) {
        let base = format!("{}/v2/{IMAGES}", self.url);
        for blob in [config, layer] {
            let url = format!("{base}/blobs/uploads/?digest={}", Digest::of(blob));
            let (status, said) = self.send(self.http.post(url).body(blob.to_vec()));
            assert_eq!(status, StatusCode::CREATED, "{said:?}");
        }
        let request = self.http.put(format!("{base}/manifests/{tag}"));
        let request = request.header(CONTENT_TYPE, media_type::OCI_MANIFEST);
        let (status, said) = self.send(request.body(manifest.to_vec()));
        assert_eq!(status, StatusCode::CREATED, "{said:?}");
    }

    fn assert_has(&self, image: &Image) {
        let base = format!("/v2/{IMAGES}");
        let tagged = format!("{base}/manifests/{}", image.tag);
        let layer = format!("{base}/blobs/{}", Digest::of(&image.layer));
        for (path, expected) in [(tagged, &image.manifest), (layer, &image.layer)] {
            let (status, found) = self.get(&path);
            assert_eq!(status, StatusCode::OK, "{path}");
            assert!(found == *expected, "{path} has other bytes");
        }
    }

    fn assert_has_release(&self, hash: &str) {
        let base = format!("/v2/{PROJECT}");
        let (status, manifest) = self.get(&format!("{base}/manifests/{hash}"));
        assert_eq!(status, StatusCode::OK, "{hash}");
        assert_eq!(Digest::of(&manifest).to_string(), hash);
        let manifest: Value = serde_json::from_slice(&manifest).unwrap();
        let layers = manifest["layers"].as_array().unwrap().iter();
        for blob in layers.chain([&manifest["config"]]) {
            let digest = blob["digest"].as_str().unwrap();
            let (status, found) = self.get(&format!("{base}/blobs/{digest}"));
            assert_eq!(status, StatusCode::OK, "{digest} of {hash}");
            assert_eq!(Digest::of(&found).to_string(), digest);
        }
    }
}

fn descriptor(media_type: &str, content: &[u8]) -> Value {
    let digest = Digest::of(content);
    json!({ "mediaType": media_type, "digest": digest, "size": content.len() })
}

/// Returns what a checkpoint says as an anchor.
fn anchor(note: &[u8]) -> String {
    let note = String::from_utf8(note.to_vec()).unwrap();
    let lines: Vec<&str> = note.lines().collect();
    let root = STANDARD.decode(lines[2]).unwrap();
    let root = Digest::from_bytes(root.try_into().unwrap());
    format!("{}+{}+{}", lines[0], lines[1], root.hex())
}
