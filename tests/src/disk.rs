//! `Disk`: a file system whose power can be cut. It lies in a file on an xfs, because xfs copies a
//! file as it is at one instant; what lives only in the memory of the machine is not in the copy.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::skip;

/// What a disk is formatted with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileSystem {
    /// ext4
    Ext4,
    /// xfs
    Xfs,
}

impl FileSystem {
    /// The program that makes one, and its size and that of the xfs that has the file.
    const fn format(self) -> (&'static str, &'static str, &'static str) {
        match self {
            Self::Ext4 => ("mkfs.ext4", "160M", "640M"),
            // No xfs is smaller than 300 MB.
            Self::Xfs => ("mkfs.xfs", "320M", "960M"),
        }
    }
}

/// A disk whose copies are made at one instant.
pub struct Disk {
    mounted: PathBuf,
    image: PathBuf,
    kind: FileSystem,
    // In the order in which they are unmounted.
    _inner: Mount,
    _outer: Mount,
}

impl Disk {
    /// Makes an empty disk below `folder`, or says why there is none.
    pub fn new(folder: &Path, kind: FileSystem) -> Option<Self> {
        let (outer, mounted) = (folder.join("outer"), folder.join("mounted"));
        let outer_image = folder.join("outer.img");
        let image = outer.join("inner.img");
        std::fs::create_dir_all(folder).expect("the folder of a disk");
        let format = |image: &Path, size: &str, program: &str, directory: &Path| {
            run(Command::new("truncate").args(["-s", size]).arg(image))?;
            run(Command::new(program).arg("-q").arg(image))?;
            Mount::new(image, directory, "loop")
        };
        let (program, size, outer_size) = kind.format();
        let made = format(&outer_image, outer_size, "mkfs.xfs", &outer)
            .and_then(|outer| Ok((format(&image, size, program, &mounted)?, outer)));
        match made {
            Ok((inner, outer)) => Some(Self {
                mounted,
                image,
                kind,
                _inner: inner,
                _outer: outer,
            }),
            Err(why) => {
                skip(&format!(
                    "no power is cut, because no disk can be made: {why}"
                ));
                None
            }
        }
    }

    /// Returns where it is mounted.
    pub fn path(&self) -> &Path {
        &self.mounted
    }

    /// Cuts its power: copies what is on it, and returns the copy.
    pub fn cut(&self, number: usize) -> PathBuf {
        let copy = self.image.with_file_name(format!("cut-{number}.img"));
        let mut command = Command::new("cp");
        command.arg("--reflink=always").arg(&self.image).arg(&copy);
        run(&mut command).expect("xfs copies a file at once");
        copy
    }

    /// Mounts such a copy.
    #[track_caller]
    pub fn mount(&self, copy: &Path) -> Mount {
        let options = match self.kind {
            FileSystem::Ext4 => "loop",
            // A copy has the id of the disk, which is mounted too.
            FileSystem::Xfs => "loop,nouuid",
        };
        let mounted = Mount::new(copy, &copy.with_extension("mounted"), options);
        mounted.unwrap_or_else(|why| panic!("a disk whose power was cut: {why}"))
    }
}

/// A file system in a file, until it is dropped.
pub struct Mount(PathBuf);

/// A disk that is read-only from its first error on, as most are mounted.
pub struct FailingDisk {
    image: PathBuf,
    /// Where the kernel takes errors for it.
    trigger: PathBuf,
    mount: Option<Mount>,
}

impl FailingDisk {
    /// Makes an empty one below `folder`, or says why there is none.
    pub fn new(folder: &Path) -> Option<Self> {
        let (image, directory) = (folder.join("failing.img"), folder.join("failing"));
        let made = run(Command::new("truncate").args(["-s", "64M"]).arg(&image))
            .and_then(|()| run(Command::new("mkfs.ext4").arg("-q").arg(&image)))
            .and_then(|()| Mount::new(&image, &directory, "loop,errors=remount-ro"))
            .and_then(|mount| Ok((trigger(&directory)?, mount)));
        match made {
            Ok((trigger, mount)) => Some(Self {
                image,
                trigger,
                mount: Some(mount),
            }),
            Err(why) => {
                skip(&format!("no disk fails, because none can be made: {why}"));
                None
            }
        }
    }

    /// Returns where it is mounted.
    #[track_caller]
    pub fn path(&self) -> &Path {
        self.mount.as_ref().expect("a disk that is mounted").path()
    }

    /// Has it fail: nothing is written on it from now on.
    pub fn fail(&self) {
        std::fs::write(&self.trigger, "1").expect("the kernel takes an error");
    }

    /// Checks it and mounts it again, as an operator would.
    pub fn mend(&mut self) {
        let directory = self.path().to_owned();
        self.mount = None;
        // It ends with 1 where there was something to mend.
        let _ = run(Command::new("e2fsck").args(["-p", "-f"]).arg(&self.image));
        let mounted = Mount::new(&self.image, &directory, "loop,errors=remount-ro");
        self.mount = Some(mounted.unwrap_or_else(|why| panic!("a disk that was mended: {why}")));
    }
}

/// Returns where the kernel takes errors for an ext4.
fn trigger(directory: &Path) -> Result<PathBuf, String> {
    let mut find = Command::new("findmnt");
    find.args(["-n", "-o", "SOURCE"]).arg(directory);
    let found = find.output().map_err(|error| format!("findmnt: {error}"))?;
    let device = String::from_utf8_lossy(&found.stdout).into_owned();
    let name = device.trim().trim_start_matches("/dev/");
    let trigger = Path::new("/sys/fs/ext4")
        .join(name)
        .join("trigger_fs_error");
    match trigger.try_exists() {
        Ok(true) => Ok(trigger),
        _ => Err(format!("`{}` is not there", trigger.display())),
    }
}

impl Mount {
    fn new(image: &Path, directory: &Path, options: &str) -> Result<Self, String> {
        std::fs::create_dir_all(directory).expect("a folder to mount at");
        let mut command = Command::new("mount");
        run(command.args(["-o", options]).arg(image).arg(directory))?;
        Ok(Self(directory.to_owned()))
    }

    /// Returns where it is mounted.
    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        // Nobody is left who could be told.
        let _ = run(Command::new("umount").arg(&self.0));
    }
}

fn run(command: &mut Command) -> Result<(), String> {
    let name = command.get_program().to_string_lossy().into_owned();
    let output = command
        .output()
        .map_err(|error| format!("{name}: {error}"))?;
    if output.status.success() {
        Ok(())
    } else {
        let said = String::from_utf8_lossy(&output.stderr);
        Err(format!("{name}: {}", said.trim()))
    }
}
