//! What a server fetches for a release that differs in one line from the one that it has.

use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use bulla_tests::{Meter, World, write};

const PROJECT: &str = "acme/billing";
const FILES: u32 = 150;
const FILE_SIZE: usize = 20_000;

/// Three megabytes that compress as source code does; one line of them is `line`.
fn write_project(root: &Path, line: &str) {
    for file in 0..FILES {
        let mut noise = u64::from(file) + 1;
        let mut text = String::new();
        while text.len() < FILE_SIZE {
            noise = noise
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            let (name, value) = (noise >> 54, noise >> 40 & 0xfff);
            writeln!(text, "    let value_{name} = invoice.total({value});").unwrap();
        }
        if file == 77 {
            text.insert_str(FILE_SIZE / 2, &format!("\n// {line}\n"));
        }
        write(root, &format!("src/module_{file:03}.rs"), text);
    }
}

#[test]
fn an_update_by_one_line_fetches_less_than_two_kilobytes() {
    let world = World::new();
    let mut checkout = world.git(PROJECT);
    let meter = Meter::before(world.registry.address());
    let server = world.server_at("updated", &meter.url());
    let mut release = |line: &str| {
        write_project(&checkout.path, line);
        checkout.commit(line);
        let hash = world.release(&checkout.path, PROJECT);
        meter.clear();
        let said = server.install(PROJECT, "prod").done();
        assert_eq!(said.last_line(), hash);
        server.run(&["verify", PROJECT]).done();
        let answers = meter.answers("/v2/");
        let size: u64 = answers.iter().map(|answer| answer.size).sum();
        (answers.len(), size, said)
    };
    let (_, all, _) = release("one");
    assert!(all > 100_000, "{all}");
    for line in ["two", "three"] {
        let (requests, size, said) = release(line);
        assert_eq!(requests, 1, "{said}");
        assert!(size < 2000, "{size}");
        assert!(said.stderr.contains(" downloaded"), "{said}");
    }

    // A person edits the file beside the next change: that piece is fetched, and nothing breaks.
    let current = server.project(PROJECT).join("current");
    let neighbour = current.join("src/module_076.rs");
    fs::set_permissions(&neighbour, fs::Permissions::from_mode(0o644)).unwrap();
    fs::write(&neighbour, "// emptied by hand\n").unwrap();
    let (requests, size, said) = release("four");
    assert_eq!(requests, 2, "{said}");
    assert!(size > 2000 && size < all / 2, "{size} of {all}");
}
