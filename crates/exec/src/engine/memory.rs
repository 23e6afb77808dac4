//! Facts about the machine and the process: memory, page faults, the processor. Only Linux reports
//! them; elsewhere they are unknown.
//!
//! Public for this project's own measuring tools: not part of the interface.

use std::fs;
use std::path::{Path, PathBuf};

/// The memory of the machine or the limit of the process, whichever is less; `None` if it is
/// unknown.
#[must_use]
pub fn available() -> Option<u64> {
    within_groups(of_machine("MemTotal:"))
}

/// The memory that can be used without swapping once the page cache is dropped; `None` if it is
/// unknown.
#[must_use]
pub fn free() -> Option<u64> {
    within_groups(of_machine("MemAvailable:"))
}

/// The processor's name, if it is known.
#[must_use]
pub fn cpu() -> Option<String> {
    let info = fs::read_to_string("/proc/cpuinfo").ok()?;
    let line = info.lines().find_map(|line| line.strip_prefix("model name"))?;
    Some(line.split_once(':')?.1.trim().to_owned())
}

/// A number of `/proc/meminfo`, in bytes.
fn of_machine(key: &str) -> Option<u64> {
    kib(&fs::read_to_string("/proc/meminfo").ok()?, key)
}

fn within_groups(machine: Option<u64>) -> Option<u64> {
    let groups = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    [machine, cgroup_limit(Path::new("/sys/fs/cgroup"), &groups)].into_iter().flatten().min()
}

/// The smallest limit of the control groups that the process is in. `groups` is the text of
/// `/proc/self/cgroup`: lines `0::/a/b` (version 2), `4:memory:/a/b` (version 1).
fn cgroup_limit(root: &Path, groups: &str) -> Option<u64> {
    let mut least: Option<u64> = None;
    for line in groups.lines() {
        let mut fields = line.splitn(3, ':');
        let (_, Some(controllers), Some(path)) = (fields.next(), fields.next(), fields.next())
        else {
            continue;
        };
        let (base, file): (PathBuf, _) = if controllers.is_empty() {
            (root.to_owned(), "memory.max")
        } else if controllers.split(',').any(|c| c == "memory") {
            (root.join("memory"), "memory.limit_in_bytes")
        } else {
            continue;
        };
        // The limits of all parent groups apply as well.
        let own = base.join(path.trim_start_matches('/'));
        for group in own.ancestors().take_while(|g| g.starts_with(&base)) {
            let limit = fs::read_to_string(group.join(file)).ok();
            // `max`, or anything but a number, means no limit.
            if let Some(limit) = limit.and_then(|text| text.trim().parse().ok()) {
                least = Some(least.map_or(limit, |l: u64| l.min(limit)));
            }
        }
    }
    least
}

/// The number behind `key` in a text of lines like `MemTotal:  16 kB`, in bytes.
fn kib(text: &str, key: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(key))?;
    line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()?.checked_mul(1024)
}

/// Resident bytes of the process; `None` if the system does not report them.
pub(crate) fn resident() -> Option<u64> {
    kib(&fs::read_to_string("/proc/self/status").ok()?, "VmRSS:")
}

/// The memory and page faults of the process so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Bytes resident now: private memory and pages of mapped files.
    pub resident: u64,
    /// The peak since the process began or since [`Usage::watch_peak`].
    pub peak: u64,
    /// Page faults that waited for a disk.
    pub major_faults: u64,
    /// Page faults that did not wait for a disk.
    pub minor_faults: u64,
}

impl Usage {
    /// The current figures; `None` if the system does not report them (only Linux does).
    #[must_use]
    pub fn now() -> Option<Self> {
        let status = fs::read_to_string("/proc/self/status").ok()?;
        let (minor_faults, major_faults) = faults(&fs::read_to_string("/proc/self/stat").ok()?)?;
        let (resident, peak) = (kib(&status, "VmRSS:")?, kib(&status, "VmHWM:")?);
        Some(Self { resident, peak, major_faults, minor_faults })
    }

    /// The current figures, with the peak reset. If the process may not reset it, the peak stays
    /// that of the whole process.
    #[must_use]
    pub fn watch_peak() -> Option<Self> {
        let _ = fs::write("/proc/self/clear_refs", "5");
        Self::now()
    }
}

/// Minor and major faults, the 10th and 12th field of `/proc/self/stat`. The second is a name in
/// parentheses that can hold anything.
fn faults(stat: &str) -> Option<(u64, u64)> {
    let mut fields = stat.rsplit_once(')')?.1.split_ascii_whitespace().skip(7);
    let minor = fields.next()?.parse().ok()?;
    Some((minor, fields.nth(1)?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_of_the_kernel() {
        assert_eq!(kib("MemFree: 3 kB\nMemTotal:   24 kB\n", "MemTotal:"), Some(24 << 10));
        assert_eq!(kib("MemTotal: lots", "MemTotal:"), None);
        let stat = "7 (a) b) S 1 7 7 0 -1 4194560 123 0 45 0 1 2 0 0 20";
        assert_eq!(faults(stat), Some((123, 45)));
        assert_eq!(faults("7 (sh) S 1"), None);
    }

    #[test]
    fn the_smallest_group_limits() {
        let root = tempfile::tempdir().expect("a place for files");
        let leaf = root.path().join("a/b");
        fs::create_dir_all(&leaf).expect("made");
        fs::create_dir_all(root.path().join("memory/c")).expect("made");
        fs::write(leaf.join("memory.max"), "max\n").expect("written");
        assert_eq!(cgroup_limit(root.path(), "0::/a/b\n"), None);
        fs::write(root.path().join("a/memory.max"), "5000\n").expect("written");
        assert_eq!(cgroup_limit(root.path(), "0::/a/b\n"), Some(5000));
        fs::write(leaf.join("memory.max"), "7000\n").expect("written");
        assert_eq!(cgroup_limit(root.path(), "0::/a/b\n"), Some(5000));
        fs::write(root.path().join("memory/c/memory.limit_in_bytes"), "600").expect("written");
        let both = "5:cpu,memory:/c\n1:pids:/c\n0::/a/b\nnonsense\n";
        assert_eq!(cgroup_limit(root.path(), both), Some(600));
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn this_process_uses_memory() {
        let usage = Usage::now().expect("Linux tells");
        assert!(usage.resident > 0 && usage.peak >= usage.resident && usage.minor_faults > 0);
        let (all, free) = (available().expect("Linux tells"), free().expect("Linux tells"));
        assert!(all > usage.resident && free <= all);
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn memory_that_is_used_shows() {
        let before = Usage::watch_peak().expect("Linux tells");
        let used = std::hint::black_box(vec![1_u8; 32 << 20]);
        let after = Usage::now().expect("Linux tells");
        let faults = (before.minor_faults, after.minor_faults);
        assert!(faults.0 < faults.1 && after.peak >= 32 << 20, "{before:?} {after:?}");
        drop(used);
    }
}
