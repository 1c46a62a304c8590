//! OCI's own conformance suite against a registry with mutable repositories.

use bulla_tests::programs::{hermetic, target_directory};
use bulla_tests::{Registry, Transcript, skip};

/// The versions of the specification: the one in force, and the one to come, which has all of it and
/// more.
const VERSIONS: [&str; 2] = ["1.1", "dev"];

#[test]
fn passes_whole_and_skips_nothing() {
    // `scripts/setup` builds it there.
    let suite = target_directory().join("tools/oci-conformance/conformance");
    if !suite.is_file() {
        skip("OCI's conformance suite, because it is not in the target directory");
        return;
    }
    for version in VERSIONS {
        let folder = tempfile::tempdir().unwrap();
        let arguments = ["--mutable", "conformance/*"];
        let registry = Registry::serve_with(&folder.path().join("data"), folder.path(), &arguments);
        let token = registry.create_token("push,pull", "conformance/*");
        let mut command = hermetic(&suite, folder.path());
        command
            .current_dir(folder.path())
            .env("OCI_VERSION", version)
            .env("OCI_REGISTRY", registry.address())
            .env("OCI_TLS", "disabled")
            .env("OCI_REPO1", "conformance/one")
            .env("OCI_REPO2", "conformance/two")
            .env("OCI_USERNAME", "any")
            .env("OCI_PASSWORD", token)
            .env("OCI_RESULTS_DIR", folder.path().join("results"));
        let run = Transcript::of(&mut command).done();
        assert_eq!(count(&run, "Skip"), Some(0), "{run}");
        assert_eq!(count(&run, "FAIL"), Some(0), "{run}");
        assert!(
            count(&run, "Pass").is_some_and(|passed| passed > 100),
            "{run}"
        );
    }
}

/// Returns how many of its tests ended so, from lines such as `  Pass......:   512`.
fn count(run: &Transcript, status: &str) -> Option<u32> {
    run.stdout.lines().find_map(|line| {
        let rest = line.trim().strip_prefix(status)?;
        rest.trim_start_matches('.')
            .strip_prefix(':')?
            .trim()
            .parse()
            .ok()
    })
}
