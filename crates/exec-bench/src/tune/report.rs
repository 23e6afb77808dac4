//! What `tune-chunks` prints.

use std::fmt;

use rowmill_core::Backend;
use rowmill_exec::ChunkSize;
use serde::Serialize;
use serde::ser::SerializeStruct;

use super::{Found, Setting, Tried};
use crate::machine::Machine;
use crate::measure::spread;

/// What was found for one file.
#[derive(Clone, Debug)]
pub struct Report {
    /// The file.
    pub file: String,
    /// Its dtype.
    pub dtype: String,
    /// Its shape.
    pub shape: Vec<usize>,
    /// Bytes of elements.
    pub bytes: u64,
    /// The machine.
    pub machine: Machine,
    /// The job that was run.
    pub job: &'static str,
    /// The time that it was allowed to take, in seconds.
    pub budget: f64,
    /// Everything that was tried, and the pick.
    pub found: Found<Setting>,
}

impl Serialize for Report {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct One<'a> {
            setting: &'a Setting,
            seconds: &'a [f64],
        }
        let one = |t: &'_ Tried<Setting>| (t.setting, t.seconds.clone());
        let tried: Vec<(Setting, Vec<f64>)> = self.found.tried.iter().map(one).collect();
        let tried: Vec<One<'_>> =
            tried.iter().map(|(setting, seconds)| One { setting, seconds }).collect();
        let mut s = serializer.serialize_struct("Report", 11)?;
        s.serialize_field("file", &self.file)?;
        s.serialize_field("dtype", &self.dtype)?;
        s.serialize_field("shape", &self.shape)?;
        s.serialize_field("bytes", &self.bytes)?;
        s.serialize_field("machine", &self.machine)?;
        s.serialize_field("job", self.job)?;
        s.serialize_field("budget", &self.budget)?;
        s.serialize_field("tried", &tried)?;
        s.serialize_field("best", &self.found.best)?;
        s.serialize_field("gains", &self.found.gains)?;
        s.serialize_field("sure", &self.found.sure)?;
        s.end()
    }
}

impl Report {
    /// Every sample, as JSON.
    #[must_use]
    pub fn to_json(&self) -> String {
        serde_json::to_string_pretty(self).unwrap_or_default()
    }
}

/// Characters of the longest bar.
const BAR: usize = 30;

impl fmt::Display for Report {
    /// The curve: one line for each setting, by backend and workers, chunks rising.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let gb = self.bytes as f64 / 1e9;
        writeln!(f, "{}  {} {:?}  {gb:.2} GB, {}", self.file, self.dtype, self.shape, self.job)?;
        writeln!(f, "{}", self.machine)?;
        writeln!(f, "\n{:28} {:>4} {:>9} {:>7} {:>7}", "", "runs", "median s", "GB/s", "spread")?;
        let key = |t: &&Tried<Setting>| {
            let Setting { chunk, workers, backend } = t.setting;
            let size = if let ChunkSize::Bytes(bytes) = chunk { bytes } else { 0 };
            (backend == Backend::Positioned, workers, size)
        };
        let mut tried: Vec<&Tried<Setting>> = self.found.tried.iter().collect();
        tried.sort_by_key(key);
        let fastest = tried.iter().map(|t| t.median()).fold(f64::INFINITY, f64::min);
        for t in tried {
            let median = t.median();
            let filled = (fastest / median * BAR as f64).round() as usize;
            let mark = if Some(t.setting) == self.found.best {
                " <- fastest"
            } else if t.setting.chunk == ChunkSize::Auto {
                " <- default"
            } else {
                ""
            };
            writeln!(
                f,
                "{:28} {:4} {median:9.4} {:7.2} {:6.1}%  {}{mark}",
                t.setting,
                t.seconds.len(),
                gb / median,
                spread(&t.seconds) * 100.0,
                "#".repeat(filled.min(BAR)),
            )?;
        }
        let (gain, turns) = (self.found.gain(), self.found.gains.len());
        match self.found.best {
            Some(best) if self.found.sure => writeln!(
                f,
                "\n{best} is {gain:.3} times as fast as the default, in the median of {turns} turns, beyond noise"
            ),
            Some(best) => writeln!(
                f,
                "\nthe default stays: {best} was {gain:.3} times as fast in the median of {turns} turns, \
                 which is within noise or a trifle"
            ),
            None => writeln!(f, "\nnothing but the default was tried"),
        }
    }
}
