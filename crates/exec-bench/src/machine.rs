//! The machine that figures were measured on: without it they mean nothing.

use std::fmt;

use rowmill_exec::{Isa, memory};
use serde::Serialize;

/// The facts about a machine that are recorded with every figure.
#[derive(Clone, Debug, Serialize)]
pub struct Machine {
    /// The processor.
    pub cpu: String,
    /// The cores that this process may use.
    pub cores: usize,
    /// Bytes of memory of the machine, or the limit of the process; `None` if unknown.
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
            cpu: memory::cpu().unwrap_or_else(|| "unknown".to_owned()),
            cores: std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
            memory: memory::available(),
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
