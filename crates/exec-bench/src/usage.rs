//! What the process has used so far, as far as the system tells (only Linux does).

use std::fs;

/// Page faults and memory of the process.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Usage {
    /// Page faults that did not wait for a disk, since the process began.
    pub(crate) minor: u64,
    /// Page faults that did.
    pub(crate) major: u64,
    /// The most bytes that were resident since [`Usage::begin`].
    pub(crate) peak: u64,
}

impl Usage {
    /// As of now, and begins to watch the peak anew.
    pub(crate) fn begin() -> Option<Self> {
        // Refused where processes may not look at themselves: the peak is then that of the process.
        let _ = fs::write("/proc/self/clear_refs", "5");
        Self::now()
    }

    pub(crate) fn now() -> Option<Self> {
        let stat = fs::read_to_string("/proc/self/stat").ok()?;
        // The second field is a name in parentheses that can hold anything.
        let mut fields = stat.rsplit_once(')')?.1.split_ascii_whitespace().skip(7);
        let minor = fields.next()?.parse().ok()?;
        let major = fields.nth(1)?.parse().ok()?;
        let status = fs::read_to_string("/proc/self/status").ok()?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
        let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
        Some(Self { minor, major, peak: kib << 10 })
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn memory_that_is_used_shows() {
        let before = Usage::begin().expect("Linux tells");
        let used = std::hint::black_box(vec![1_u8; 32 << 20]);
        let after = Usage::now().expect("Linux tells");
        assert!(after.minor > before.minor && after.peak >= 32 << 20, "{before:?} {after:?}");
        drop(used);
    }
}
