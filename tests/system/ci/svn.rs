//! `svn-post-commit`: a real hook of a real repository.

use std::os::unix::fs::PermissionsExt;

use bulla_tests::programs::search_path;
use bulla_tests::{SvnCheckout, Transcript, World, write};

use super::{PROJECT, file};

struct Scene {
    world: World,
    checkout: SvnCheckout,
}

fn scene() -> Scene {
    let world = World::new();
    let checkout = world.svn(PROJECT);
    let hook = checkout.repository.join("hooks/post-commit");
    std::fs::copy(file("svn-post-commit"), &hook).unwrap();
    std::fs::set_permissions(&hook, PermissionsExt::from_mode(0o755)).unwrap();
    let scene = Scene { world, checkout };
    scene.configure(&scene.world.token);
    scene
}

impl Scene {
    fn configure(&self, token: &str) {
        let Self { world, checkout } = self;
        let settings = [
            ("PATH", search_path()),
            ("HOME", world.home().display().to_string()),
            ("BULLA_REGISTRY", world.registry.url().to_owned()),
            ("BULLA_TOKEN", token.to_owned()),
            ("BULLA_KEY", world.builder_key().display().to_string()),
        ];
        let lines = settings.map(|(name, value)| format!("export {name}='{value}'\n"));
        std::fs::write(checkout.repository.join("conf/bulla"), lines.concat()).unwrap();
    }

    /// What the log has, the newest first.
    fn releases(&self) -> Vec<(String, String, String)> {
        let url = format!(
            "{}/api/v1/projects/{}/releases",
            self.world.registry.url(),
            PROJECT.replace('/', "%2F")
        );
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let page: serde_json::Value = runtime.block_on(async {
            let text = reqwest::get(url).await.unwrap().text().await.unwrap();
            serde_json::from_str(&text).unwrap()
        });
        let items = page["items"].as_array().unwrap();
        let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
        items
            .iter()
            .map(|item| {
                (
                    text(&item["hash"]),
                    text(&item["ref"]),
                    text(&item["label"]),
                )
            })
            .collect()
    }
}

#[test]
fn a_commit_is_a_release_when_svn_returns() {
    let scene = scene();
    scene.checkout.commit_change("two");
    let packed = scene
        .world
        .bulla(&["pack", scene.checkout.path.to_str().unwrap()])
        .done();
    let releases = scene.releases();
    assert_eq!(releases.len(), 1);
    assert_eq!(releases[0].0, packed.last_line());
    assert_eq!(releases[0].1, "trunk");
}

#[test]
fn a_tag_and_a_branch_are_releases_and_a_removed_one_is_none() {
    let scene = scene();
    let url = scene.checkout.url();
    let trunk = format!("{url}/trunk");
    // A name with a space and one outside ASCII, which the hook must not split or escape.
    let branch = format!("{url}/branches/größe und mehr");
    let svn = |arguments: &[&str]| scene.checkout.svn(arguments);
    svn(&[
        "copy",
        "-q",
        "-m",
        "1.4",
        &trunk,
        &format!("{url}/tags/1.4"),
    ]);
    svn(&["copy", "-q", "--parents", "-m", "A branch", &trunk, &branch]);
    let references: Vec<_> = scene.releases().into_iter().map(|found| found.1).collect();
    assert_eq!(references, ["branches/größe und mehr", "tags/1.4"]);
    assert_eq!(scene.releases()[1].2, "1.4");

    svn(&["remove", "-q", "-m", "Done", &branch]);
    svn(&[
        "mkdir",
        "-q",
        "-m",
        "Nothing to release",
        &format!("{url}/tags/empty"),
    ]);
    assert_eq!(scene.releases().len(), 2);
}

#[test]
fn names_that_mean_something_in_a_url_are_only_names() {
    let scene = scene();
    let url = scene.checkout.url();
    // `100%25 #1?x @2` in the URL: a name with `%`, a fragment, a query and a peg revision in it.
    let branch = format!("{url}/branches/100%25 #1?x @2@");
    let trunk = format!("{url}/trunk");
    let copy = ["copy", "-q", "--parents", "-m", "A branch", &trunk, &branch];
    scene.checkout.svn(&copy);
    let releases = scene.releases();
    assert_eq!(releases.len(), 1, "{releases:?}");
    assert_eq!(releases[0].1, "branches/100% #1?x @2");
    // The statement names all of it, so that the release can be made again.
    let again = scene
        .world
        .bulla(&["reproduce", &releases[0].0, "--project", PROJECT]);
    assert_eq!(again.done().stdout, "identical\n");
}

#[test]
fn directories_in_trunk_may_be_called_as_branches_and_tags_are() {
    let scene = scene();
    let paths = [
        "tags/new/page.html",
        "trunk/page.html",
        "branches/page.html",
    ];
    for (before, path) in paths.into_iter().enumerate() {
        scene.checkout.write(path, "<h1>new</h1>\n");
        scene.checkout.commit("A directory");
        let releases = scene.releases();
        assert_eq!(releases.len(), before + 1, "{path}: {releases:?}");
        assert_eq!(releases[0].1, "trunk", "{path}");
    }
}

#[test]
fn one_branch_that_cannot_be_published_does_not_keep_another_from_it() {
    let scene = scene();
    let url = scene.checkout.url();
    let trunk = format!("{url}/trunk");
    for branch in ["bad", "good"] {
        let to = format!("{url}/branches/{branch}");
        let copy = ["copy", "-q", "--parents", "-m", branch, &trunk, &to];
        scene.checkout.svn(&copy);
    }
    let before = scene.releases().len();
    let all = scene.world.path("all");
    scene
        .checkout
        .svn(&["checkout", "-q", &url, all.to_str().unwrap()]);
    write(&all, "branches/bad/bulla.toml", "[bundle]\ncolour = 1\n");
    write(&all, "branches/good/public/index.html", "<h1>two</h1>\n");
    let committed = scene
        .checkout
        .svn(&["commit", "-m", "both", all.to_str().unwrap()])
        .to_string();
    assert!(committed.contains("post-commit hook failed"), "{committed}");
    assert!(committed.contains("colour"), "{committed}");
    let releases = scene.releases();
    assert_eq!(releases.len(), before + 1, "{releases:?}");
    assert_eq!(releases[0].1, "branches/good");
}

#[test]
fn a_commit_stands_when_publishing_fails_and_whoever_committed_is_told() {
    let scene = scene();
    scene.configure("bulla_expired");
    scene.checkout.write("public/index.html", "<h1>two</h1>\n");
    let committed = scene.checkout.svn(&["commit", "-m", "two"]);
    let said = committed.to_string();
    assert!(said.contains("Committed revision 3"), "{said}");
    assert!(said.contains("post-commit hook failed"), "{said}");
    assert!(said.contains("error: "), "{said}");
    assert!(!said.contains("bulla_expired"), "{said}");

    // By hand, as the page says.
    scene.configure(&scene.world.token);
    let hook = scene.checkout.repository.join("hooks/post-commit");
    Transcript::of(
        std::process::Command::new(hook)
            .env_clear()
            .arg(&scene.checkout.repository)
            .arg("3"),
    )
    .done();
    assert_eq!(scene.releases().len(), 1);
}
