//! What is mounted where, as `/proc/<pid>/mountinfo` tells (proc(5)).
//!
//! One directory has a path in each mount namespace, and several where it is mounted more than
//! once. A [`Location`] is what these paths have in common: the file system, and the path in it.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::{Path, PathBuf};

const DELETED: &[u8] = b"//deleted";

/// Where a directory or a file lies, whatever is mounted where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Location {
    device: String,
    path: PathBuf,
}

impl Location {
    /// Returns the location of a path below this one.
    pub(crate) fn join(&self, rest: &Path) -> Self {
        Self {
            device: self.device.clone(),
            path: join(&self.path, rest),
        }
    }

    /// Returns the path that leads from `above` to here, when this lies at or below it.
    pub(crate) fn below(&self, above: &Self) -> Option<&Path> {
        if self.device == above.device {
            self.path.strip_prefix(&above.path).ok()
        } else {
            None
        }
    }

    /// Tells whether both lie on the same file system.
    pub(crate) fn is_beside(&self, other: &Self) -> bool {
        self.device == other.device
    }
}

/// One line of the table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Mount {
    id: u64,
    parent: u64,
    /// What is mounted.
    pub(crate) root: Location,
    /// On which path.
    pub(crate) point: PathBuf,
    kind: String,
    source: String,
    /// The directories that an overlay shows, as it was told.
    pub(crate) layers: Vec<PathBuf>,
}

impl Mount {
    /// Names what is mounted, for a person.
    pub(crate) fn name(&self) -> String {
        let Self { kind, source, .. } = self;
        if self.root.path == Path::new("/") {
            format!("`{source}` ({kind})")
        } else {
            format!("`{}` of `{source}` ({kind})", self.root.path.display())
        }
    }
}

/// A path under which a mount namespace shows a location, or a part of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct View {
    point: PathBuf,
    shows: Location,
}

impl View {
    /// Returns the location of a path, when it lies in this view.
    pub(crate) fn locate(&self, path: &Path) -> Option<Location> {
        // Most paths lie elsewhere, and to compare bytes is faster than to compare parts.
        let [whole, point] = [path, &self.point].map(|path| path.as_os_str().as_bytes());
        if !whole.starts_with(point) {
            return None;
        }
        let rest = path.strip_prefix(&self.point).ok()?;
        Some(self.shows.join(rest))
    }
}

/// What is mounted in one mount namespace.
#[derive(Debug, Default)]
pub(crate) struct Mounts(Vec<Mount>);

impl Mounts {
    /// Reads the table of a process, whose root directory is `root`.
    pub(crate) fn read(process: &Path, root: &Path) -> io::Result<Self> {
        Ok(Self::parse(&fs::read(process.join("mountinfo"))?, root))
    }

    /// Reads the text of a table.
    pub(crate) fn parse(table: &[u8], root: &Path) -> Self {
        let lines = table.split(|byte| *byte == b'\n');
        Self(lines.filter_map(|line| parse_line(line, root)).collect())
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Mount> {
        self.0.iter()
    }

    /// Returns where a path lies that has no links in it.
    pub(crate) fn locate(&self, path: &Path) -> Option<Location> {
        let mut best: Option<(&Mount, &Path)> = None;
        for mount in &self.0 {
            // Of several on one path, the last one covers the others.
            if let Ok(rest) = path.strip_prefix(&mount.point)
                && best
                    .is_none_or(|(_, best)| rest.components().count() <= best.components().count())
            {
                best = Some((mount, rest));
            }
        }
        best.map(|(mount, rest)| mount.root.join(rest))
    }

    /// Returns the location of the directory or file that a mount covers.
    pub(crate) fn covered_by(&self, mount: &Mount) -> Option<Location> {
        let above = self.0.iter().find(|above| above.id == mount.parent)?;
        let rest = mount.point.strip_prefix(&above.point).ok()?;
        Some(above.root.join(rest))
    }

    /// Returns the paths that show a location, or a part of it.
    pub(crate) fn views(&self, location: &Location) -> Vec<View> {
        self.0
            .iter()
            .filter_map(|mount| {
                let (point, shows) = match location.below(&mount.root) {
                    Some(rest) => (join(&mount.point, rest), location),
                    None if mount.root.below(location).is_some() => {
                        (mount.point.clone(), &mount.root)
                    }
                    None => return None,
                };
                Some(View {
                    point,
                    shows: shows.clone(),
                })
            })
            .collect()
    }
}

/// Returns what this process sees mounted below a directory, as paths from there.
pub(crate) fn below(directory: &Path) -> Vec<PathBuf> {
    let Ok(directory) = fs::canonicalize(directory) else {
        return Vec::new();
    };
    Mounts::read(Path::new("/proc/self"), Path::new("/"))
        .unwrap_or_default()
        .iter()
        .filter_map(|mount| mount.point.strip_prefix(&directory).ok())
        .filter(|point| !point.as_os_str().is_empty())
        .map(Path::to_owned)
        .collect()
}

/// `36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - ext4 /dev/root rw`
fn parse_line(line: &[u8], root: &Path) -> Option<Mount> {
    let mut fields = line.split(|byte| *byte == b' ');
    let mut next = || fields.next();
    let number = |field: &[u8]| std::str::from_utf8(field).ok()?.parse().ok();
    let text = |field: &[u8]| String::from_utf8_lossy(&unescape(field)).into_owned();
    let (id, parent) = (number(next()?)?, number(next()?)?);
    let device = text(next()?);
    let mut mounted = unescape(next()?);
    // A directory that was removed after it was mounted.
    if mounted.ends_with(DELETED) {
        mounted.truncate(mounted.len() - DELETED.len());
    }
    let point = PathBuf::from(OsString::from_vec(unescape(next()?)));
    let mut rest = fields.skip_while(|field| *field != b"-").skip(1);
    Some(Mount {
        id,
        parent,
        root: Location {
            device,
            path: OsString::from_vec(mounted).into(),
        },
        point: join(root, point.strip_prefix("/").ok()?),
        kind: text(rest.next()?),
        source: text(rest.next()?),
        layers: rest.next().map(layers).unwrap_or_default(),
    })
}

/// `rw,lowerdir=/a:/b\\:c,upperdir=/d,workdir=/e`
fn layers(options: &[u8]) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for option in options.split(|byte| *byte == b',') {
        let mut parts = option.splitn(2, |byte| *byte == b'=');
        let (Some(name), Some(value)) = (parts.next(), parts.next()) else {
            continue;
        };
        let value = unescape(value);
        match name {
            b"lowerdir" => found.extend(split_layers(&value)),
            b"lowerdir+" | b"datadir+" | b"upperdir" | b"workdir" => found.push(value),
            _ => {}
        }
    }
    let paths = found
        .into_iter()
        .map(|path| OsString::from_vec(path).into());
    // A relative path is from a directory that nobody knows any more.
    paths.filter(|path: &PathBuf| path.is_absolute()).collect()
}

/// Splits at colons that have no backslash before them.
fn split_layers(value: &[u8]) -> Vec<Vec<u8>> {
    let mut layers = vec![Vec::new()];
    let mut bytes = value.iter().copied();
    while let Some(byte) = bytes.next() {
        let byte = match byte {
            b':' => {
                layers.push(Vec::new());
                continue;
            }
            b'\\' => bytes.next().unwrap_or(byte),
            byte => byte,
        };
        if let Some(layer) = layers.last_mut() {
            layer.push(byte);
        }
    }
    layers
}

/// Spaces, tabs, line feeds and backslashes are written as three octal digits.
fn unescape(field: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(field.len());
    let mut rest = field;
    while let Some((&first, after)) = rest.split_first() {
        let escaped = (first == b'\\')
            .then(|| std::str::from_utf8(after.get(..3)?).ok())
            .flatten()
            .and_then(|digits| u8::from_str_radix(digits, 8).ok());
        bytes.push(escaped.unwrap_or(first));
        rest = if escaped.is_some() {
            &after[3..]
        } else {
            after
        };
    }
    bytes
}

/// Joins without a slash at the end.
fn join(path: &Path, rest: &Path) -> PathBuf {
    if rest.as_os_str().is_empty() {
        path.to_owned()
    } else {
        path.join(rest)
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use std::process::Command;

    use super::*;

    /// A directory or a file that is mounted on another one, until this is dropped.
    pub(crate) struct BindMount(PathBuf);

    impl BindMount {
        pub(crate) fn new(what: &Path, point: &Path) -> Option<Self> {
            let mounted = rustix::process::geteuid().is_root()
                && Command::new("mount")
                    .arg("--bind")
                    .args([what, point])
                    .status()
                    .is_ok_and(|status| status.success());
            if !mounted {
                eprintln!("skip: nothing is mounted, because this is not root or may not mount");
            }
            mounted.then(|| Self(point.to_owned()))
        }
    }

    impl Drop for BindMount {
        fn drop(&mut self) {
            let _ = Command::new("umount").arg(&self.0).status();
        }
    }

    /// A server whose root is on its own disk, and a container that runs one release of it.
    const SERVER: &[u8] = br"22 1 8:1 / / rw - ext4 /dev/sda1 rw
30 22 8:17 / /srv rw,noatime shared:7 master:1 - ext4 /dev/sdb1 rw
31 30 8:1 /home/ann/my\040files /srv/shop/releases/aa/uploads rw - ext4 /dev/sda1 rw
32 30 0:41 / /srv/shop/releases/aa/cache rw - tmpfs tmpfs rw
";
    const CONTAINER: &[u8] = br"90 80 0:52 / / rw - overlay overlay rw
91 90 8:17 /shop/releases/bb /app ro - ext4 /dev/sdb1 rw
92 91 0:60 / /app/tmp rw - tmpfs tmpfs rw
";

    fn location(device: &str, path: &str) -> Location {
        Location {
            device: device.to_owned(),
            path: path.into(),
        }
    }

    #[test]
    fn locates_paths_by_the_mount_that_they_lie_on() {
        let mounts = Mounts::parse(SERVER, Path::new("/"));
        let locate = |path: &str| mounts.locate(Path::new(path)).unwrap();
        assert_eq!(locate("/srv"), location("8:17", "/"));
        assert_eq!(
            locate("/srv/shop/releases"),
            location("8:17", "/shop/releases")
        );
        assert_eq!(locate("/srvice"), location("8:1", "/srvice"));
        assert_eq!(
            locate("/srv/shop/releases/aa/uploads/x"),
            location("8:1", "/home/ann/my files/x")
        );
    }

    #[test]
    fn a_mount_names_what_it_covers_and_what_is_seen_instead() {
        let mounts = Mounts::parse(SERVER, Path::new("/"));
        let tree = location("8:17", "/shop/releases/aa");
        let found: Vec<_> = mounts
            .iter()
            .filter_map(|mount| {
                let covered = mounts.covered_by(mount)?;
                let path = covered.below(&tree)?.to_owned();
                Some((path, mount.name()))
            })
            .collect();
        assert_eq!(
            found,
            [
                (
                    "uploads".into(),
                    "`/home/ann/my files` of `/dev/sda1` (ext4)".to_owned()
                ),
                ("cache".into(), "`tmpfs` (tmpfs)".to_owned()),
            ]
        );
    }

    #[test]
    fn a_container_shows_a_part_of_the_project_under_its_own_path() {
        let mounts = Mounts::parse(CONTAINER, Path::new("/"));
        let project = location("8:17", "/shop");
        let tree = location("8:17", "/shop/releases/bb");
        let views = mounts.views(&project);
        assert_eq!(views.len(), 1);
        let path = Path::new("/app/bin/run");
        assert_eq!(
            views[0].locate(path),
            Some(location("8:17", "/shop/releases/bb/bin/run"))
        );
        assert_eq!(views[0].locate(Path::new("/apply")), None);
        // What is mounted in the container covers a directory of the release.
        let covered = mounts.covered_by(&mounts.0[2]).unwrap();
        assert_eq!(covered.below(&tree), Some(Path::new("tmp")));
    }

    #[test]
    fn an_overlay_names_its_layers() {
        let table = br"40 22 0:60 / /merged rw - overlay o rw,lowerdir=/srv/a\134:b:/srv/c\054d::/srv/e,upperdir=/up\040per,workdir=/work
41 22 0:61 / /other rw - overlay o rw,lowerdir+=/srv/f:g,lowerdir=relative,redirect_dir=/no
";
        let mounts = Mounts::parse(table, Path::new("/"));
        let layers = |position: usize| &mounts.0[position].layers[..];
        let paths = |names: &[&str]| names.iter().map(PathBuf::from).collect::<Vec<_>>();
        assert_eq!(
            layers(0),
            paths(&["/srv/a:b", "/srv/c,d", "/srv/e", "/up per", "/work"])
        );
        assert_eq!(layers(1), paths(&["/srv/f:g"]));
    }

    #[test]
    fn the_paths_of_a_changed_root_begin_there() {
        let mounts = Mounts::parse(CONTAINER, Path::new("/jail"));
        assert_eq!(mounts.0[1].point, Path::new("/jail/app"));
        assert_eq!(mounts.0[0].point, Path::new("/jail"));
    }

    #[test]
    fn what_is_not_a_line_of_the_table_is_passed_over() {
        let table = br"22 1 8:1 / / rw
x y z
23 22 8:1 /gone//deleted /mnt rw - ext4 /dev/sda1 rw
\9 \";
        let mounts = Mounts::parse(table, Path::new("/"));
        assert_eq!(mounts.0.len(), 1);
        assert_eq!(mounts.0[0].root, location("8:1", "/gone"));
    }
}
