//! A disk of its own for a test, which needs root.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A disk of its own for a test; its content is gone with it.
pub(crate) struct SmallDisk(PathBuf);

impl SmallDisk {
    /// Mounts a disk over a directory, or says why it cannot.
    #[expect(clippy::print_stdout, reason = "a test that is skipped says so")]
    pub(crate) fn mount(path: &Path, bytes: u64) -> Option<Self> {
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o"])
            .arg(format!("size={bytes},mode=0700"))
            .arg("tmpfs")
            .arg(path)
            .output();
        match mounted {
            Ok(output) if output.status.success() => Some(Self(path.to_owned())),
            Ok(output) => {
                let reason = String::from_utf8_lossy(&output.stderr).into_owned();
                println!("skip: a disk of its own, because none can be mounted: {reason}");
                None
            }
            Err(error) => {
                println!("skip: a disk of its own, because none can be mounted: {error}");
                None
            }
        }
    }
}

impl SmallDisk {
    /// Writes until nothing more fits.
    pub(crate) fn fill(&self) {
        let mut file = std::fs::File::create(self.0.join("filler")).unwrap();
        for size in [64 * 1024, 4096, 1] {
            while file.write_all(&vec![7; size]).is_ok() {}
        }
    }

    /// Makes it larger.
    pub(crate) fn grow(&self, bytes: u64) {
        let remount = Command::new("mount")
            .args(["-o", &format!("remount,size={bytes}")])
            .arg(&self.0)
            .status();
        assert!(remount.unwrap().success());
    }

    /// Lets nothing be written.
    pub(crate) fn make_read_only(&self) {
        let remount = Command::new("mount")
            .args(["-o", "remount,ro"])
            .arg(&self.0)
            .status();
        assert!(remount.unwrap().success());
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("--lazy").arg(&self.0).output();
    }
}
