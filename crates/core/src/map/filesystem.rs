//! The filesystems on which a mapping is risky.

use std::fs::File;

use super::guard;
use crate::map::Backend;

/// The actual backend for [`Backend::Auto`], for this file.
///
/// Positioned reads on network and FUSE filesystems: there a server that disappears or another
/// client that truncates the file causes SIGBUS in a mapping, a page fault is a round trip, and
/// pages may be stale. Also on systems where mappings cannot be guarded against SIGBUS.
pub(super) fn choose(file: &File) -> Backend {
    if guard::AVAILABLE && !is_remote(file) { Backend::Mapped } else { Backend::Positioned }
}

#[cfg(target_os = "linux")]
fn is_remote(file: &File) -> bool {
    // The width of the field differs between machines; the numbers fit 32 bits.
    rustix::fs::fstatfs(file).is_ok_and(|fs| remote_name(fs.f_type as u32).is_some())
}

#[cfg(target_vendor = "apple")]
fn is_remote(file: &File) -> bool {
    rustix::fs::fstatfs(file).is_ok_and(|fs| fs.f_flags & libc::MNT_LOCAL as u32 == 0)
}

#[cfg(not(any(target_os = "linux", target_vendor = "apple")))]
fn is_remote(_: &File) -> bool {
    false
}

/// The name of the network, cluster or FUSE filesystem with this number; `None` for all others,
/// which are taken to be on a local disk. The numbers are those of `linux/magic.h` and of
/// coreutils' `stat`. Overlays count as local: their lower layers are not visible.
#[cfg_attr(not(target_os = "linux"), allow(dead_code, reason = "numbers are Linux's"))]
fn remote_name(magic: u32) -> Option<&'static str> {
    Some(match magic {
        0x0000_6969 => "nfs",
        0x0000_517b => "smb",
        0xff53_4d42 => "cifs",
        0xfe53_4d42 => "smb2",
        0x6573_5546 => "fuse", // sshfs, s3fs, ntfs-3g, virtiofs
        0x0102_1997 => "9p",
        0x00c3_6400 => "ceph",
        0x5346_414f | 0x6b41_4653 => "afs",
        0x7375_7245 => "coda",
        0x0000_564c => "ncp",
        0x0bd0_0bd0 => "lustre",
        0x4750_4653 => "gpfs",
        0x1983_0326 => "beegfs",
        0x0116_1970 => "gfs2",
        0x7461_636f => "ocfs2",
        0x2003_0528 => "orangefs",
        0xaad7_aaea => "panfs",
        0x6163_6673 => "acfs",
        0xbeef_dead => "snfs",
        0x0131_11a8 => "ibrix",
        0x786f_4256 => "vboxsf",
        0xbacb_acbc => "vmhgfs",
        0x7c7c_6673 => "prl_fs",
        // Local, but its pages are too large to be replaced one at a time.
        0x9584_58f6 => "hugetlbfs",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn network_and_fuse_filesystems_are_read() {
        let table = [
            (0x6969, Some("nfs")),
            (0x517b, Some("smb")),
            (0xff53_4d42, Some("cifs")),
            (0xfe53_4d42, Some("smb2")),
            (0x6573_5546, Some("fuse")),
            (0x0102_1997, Some("9p")),
            (0x00c3_6400, Some("ceph")),
            (0x5346_414f, Some("afs")),
            (0x6b41_4653, Some("afs")),
            (0x0bd0_0bd0, Some("lustre")),
            (0x4750_4653, Some("gpfs")),
            (0xef53, None),      // ext2, ext3, ext4
            (0x5846_5342, None), // xfs
            (0x9123_683e, None), // btrfs
            (0x2fc1_2fc1, None), // zfs
            (0xf2f5_2010, None), // f2fs
            (0x0102_1994, None), // tmpfs
            (0x794c_7630, None), // overlayfs
            (0x0000_4d44, None), // vfat
            (0xca45_1a4e, None), // bcachefs
            (0, None),
        ];
        for (magic, name) in table {
            assert_eq!(remote_name(magic), name, "{magic:#x}");
        }
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn the_field_is_read_as_the_table_has_it() {
        // Every Linux has proc, 9fa0. A wrong sign or width would show here.
        let file = File::open("/proc/self/status").expect("there is always one");
        assert_eq!(rustix::fs::fstatfs(&file).expect("it is mounted").f_type as u32, 0x9fa0);
        assert!(!is_remote(&file));
    }
}
