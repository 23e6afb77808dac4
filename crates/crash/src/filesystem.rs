//! Filesystems of our own: in files, in memory, read-only. The namespace that they are mounted in
//! ends with `.ci/crash.sh`; here they are unmounted as soon as they are not needed.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::child::tool;
use crate::{Failure, Result};

/// A filesystem in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Ext4,
    Xfs,
}

impl Kind {
    pub(crate) const ALL: [Self; 2] = [Self::Ext4, Self::Xfs];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Ext4 => "ext4",
            Self::Xfs => "xfs",
        }
    }

    /// The smallest size of such a filesystem.
    fn least(self) -> u64 {
        match self {
            Self::Ext4 => 0,
            Self::Xfs => 320 << 20,
        }
    }
}

/// A filesystem that is mounted as long as this lives.
#[derive(Debug)]
pub(crate) struct Mounted {
    at: PathBuf,
    /// The file that it is in, if it is in one.
    image: Option<PathBuf>,
}

impl Mounted {
    /// Makes a filesystem in a file of `bytes`, and mounts it.
    pub(crate) fn image(work: &Path, kind: Kind, bytes: u64) -> Result<Self> {
        let image = work.join(format!("{}.image", kind.name()));
        let file = File::create(&image).map_err(Failure::io("create", &image))?;
        file.set_len(bytes.max(kind.least())).map_err(Failure::io("make room for", &image))?;
        let path = image.as_os_str();
        match kind {
            Kind::Ext4 => tool("mkfs.ext4", ["-q".as_ref(), "-F".as_ref(), path])?,
            Kind::Xfs => tool("mkfs.xfs", ["-q".as_ref(), "-f".as_ref(), path])?,
        };
        let at = mount_point(work, kind.name())?;
        let mounted = Self { at, image: Some(image) };
        mounted.mount()?;
        Ok(mounted)
    }

    /// A filesystem in memory, of `bytes` at most.
    pub(crate) fn memory(work: &Path, bytes: u64) -> Result<Self> {
        let at = mount_point(work, "tmpfs")?;
        let size = format!("size={bytes}");
        tool(
            "mount",
            ["-t", "tmpfs", "-o", &size, "tmpfs"]
                .map(AsRef::as_ref)
                .iter()
                .copied()
                .chain([at.as_os_str()]),
        )?;
        Ok(Self { at, image: None })
    }

    /// A directory, mounted a second time, read-only.
    pub(crate) fn read_only(work: &Path, directory: &Path) -> Result<Self> {
        let at = mount_point(work, "read-only")?;
        tool("mount", ["--bind".as_ref(), directory.as_os_str(), at.as_os_str()])?;
        let mounted = Self { at, image: None };
        let how = ["-o", "remount,bind,ro"].map(AsRef::as_ref);
        tool("mount", how.into_iter().chain([mounted.at.as_os_str()]))?;
        Ok(mounted)
    }

    /// Its mount point.
    pub(crate) fn at(&self) -> &Path {
        &self.at
    }

    fn mount(&self) -> Result<()> {
        let Some(image) = &self.image else { return Ok(()) };
        // The loop device ends with the mount.
        let how = ["-o", "loop"].map(AsRef::as_ref);
        tool("mount", how.into_iter().chain([image.as_os_str(), self.at.as_os_str()]))?;
        Ok(())
    }

    fn unmount(&self) -> Result<()> {
        let mut tries = 0;
        loop {
            match tool("umount", [&self.at]) {
                Ok(_) => return Ok(()),
                // Files that a killed process had open are released a moment later.
                Err(_) if tries < 100 => std::thread::sleep(Duration::from_millis(20)),
                Err(failure) => return Err(failure),
            }
            tries += 1;
        }
    }

    /// Cuts the power: nothing reaches the disk any more, the log of the filesystem included, and
    /// nothing can be read. [`recover`](Self::recover) is the next start.
    pub(crate) fn cut_power(&self) -> Result<()> {
        // `shutdown` is the ioctl XFS_IOC_GOINGDOWN without flushing the log, which is ext4's too.
        let what = ["-x", "-c", "shutdown"].map(AsRef::as_ref);
        tool("xfs_io", what.into_iter().chain([self.at.as_os_str()])).map(drop)
    }

    /// Mounts it again, which replays the log.
    pub(crate) fn recover(&self) -> Result<()> {
        self.unmount()?;
        self.mount()
    }

    /// Makes everything durable that was written so far.
    pub(crate) fn settle(&self) -> Result<()> {
        tool("sync", ["-f".as_ref(), self.at.as_os_str()]).map(drop)
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        // If it fails, the mount ends with the namespace, and the script removes the file.
        let _ = self.unmount();
        if let Some(image) = &self.image {
            let _ = fs::remove_file(image);
        }
    }
}

fn mount_point(work: &Path, name: &str) -> Result<PathBuf> {
    let at = work.join(format!("{name}.mount"));
    fs::create_dir_all(&at).map_err(Failure::io("create", &at))?;
    Ok(at)
}

/// Removes everything in a directory but what a filesystem itself put there.
pub(crate) fn empty(directory: &Path) -> Result<()> {
    let list = fs::read_dir(directory).map_err(Failure::io("list", directory))?;
    for entry in list {
        let path = entry.map_err(Failure::io("list", directory))?.path();
        if path.is_file() {
            fs::remove_file(&path).map_err(Failure::io("remove", &path))?;
        }
    }
    Ok(())
}
