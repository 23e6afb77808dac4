//! The machine that figures are from: without it they say nothing.

use std::fmt;

use rowmill_exec::Isa;
use serde::Serialize;

/// What a figure has to be recorded with.
#[derive(Clone, Debug, Serialize)]
pub struct Machine {
    /// The processor.
    pub cpu: String,
    /// The cores that this process may use.
    pub cores: usize,
    /// Bytes of memory, as far as it is known.
    pub memory: Option<u64>,
    /// The operating system's version.
    pub os: String,
    /// The instruction set that is used.
    pub isa: &'static str,
}

impl Machine {
    /// This machine, with the fastest instruction set that it has.
    #[must_use]
    pub fn this() -> Self {
        let os = std::fs::read_to_string("/proc/sys/kernel/osrelease").ok();
        Self {
            cpu: line_of("/proc/cpuinfo", "model name").unwrap_or_else(|| "unknown".to_owned()),
            cores: std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
            memory: memory("MemTotal"),
            os: os.map_or_else(
                || std::env::consts::OS.to_owned(),
                |release| format!("{} {}", std::env::consts::OS, release.trim()),
            ),
            isa: Isa::detect().name(),
        }
    }
}

impl fmt::Display for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { cpu, cores, isa, os, .. } = self;
        write!(f, "{cpu}, {cores} cores, {isa}, {os}")
    }
}

/// The bytes of memory that can be used without swapping, as far as it is known.
#[must_use]
pub fn available_memory() -> Option<u64> {
    memory("MemAvailable")
}

fn memory(key: &str) -> Option<u64> {
    let line = line_of("/proc/meminfo", key)?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kib.checked_mul(1 << 10)
}

/// What stands after the colon in the first line that starts with `key`.
fn line_of(file: &str, key: &str) -> Option<String> {
    let text = std::fs::read_to_string(file).ok()?;
    let line = text.lines().find(|l| l.starts_with(key))?;
    Some(line.split_once(':')?.1.trim().to_owned())
}
