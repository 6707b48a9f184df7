//! A small file system of its own, which a test can fill. Knows no house.

use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::process::Command;

/// A directory on a small file system of its own, for as long as this lives.
pub struct Small(std::path::PathBuf);

impl Small {
    /// None where one may not mount.
    pub fn mounted(at: &Path) -> Option<Self> {
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", "size=16m", "tmpfs"]).arg(at);
        mount.output().ok()?.status.success().then(|| Self(at.to_path_buf()))
    }
}

impl Drop for Small {
    fn drop(&mut self) {
        drop(Command::new("umount").arg("-l").arg(&self.0).status());
    }
}

/// Takes all room there is.
pub fn fill(file: &Path) {
    let mut file = File::create(file).expect("a file for ballast");
    for size in [1 << 20, 4096, 1] {
        while file.write_all(&vec![1; size]).is_ok() {}
    }
}
