//! Real repositories with real commits, made by the programs that people use.

mod git;
mod svn;

pub use git::GitCheckout;
pub use svn::SvnCheckout;

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

/// Writes a file and the folders above it.
pub fn write(root: &Path, path: &str, content: impl AsRef<[u8]>) {
    let file = root.join(path);
    std::fs::create_dir_all(file.parent().expect("a file lies in a folder"))
        .expect("the folders above a file");
    std::fs::write(&file, content)
        .unwrap_or_else(|error| panic!("cannot write `{}`: {error}", file.display()));
}

/// Gives a file the executable bits.
pub fn make_executable(root: &Path, path: &str) {
    std::fs::set_permissions(root.join(path), std::fs::Permissions::from_mode(0o755))
        .expect("a file's mode");
}

/// Writes a recipe and a small application: text, a program, a link, an empty file, a name
/// outside ASCII, and a file that is not text.
pub fn write_application(root: &Path, project: &str) {
    write(
        root,
        "bulla.toml",
        format!("[bundle]\nproject = \"{project}\"\n"),
    );
    write(root, "bin/app", "#!/bin/sh\necho one\n");
    make_executable(root, "bin/app");
    write(root, "public/index.html", "<h1>one</h1>\n");
    write(root, "public/größe.txt", "größe\n");
    write(root, "public/empty", "");
    // 1.5 MB that do not compress, so that the payload has several frames.
    let mut noise = 1_u64;
    let bytes: Vec<u8> = std::iter::repeat_with(|| {
        noise ^= noise << 13;
        noise ^= noise >> 7;
        noise ^= noise << 17;
        noise.to_le_bytes()[0]
    })
    .take(1_500_000)
    .collect();
    write(root, "public/picture.bin", bytes);
    std::os::unix::fs::symlink("public/index.html", root.join("start.html")).expect("a link");
}
