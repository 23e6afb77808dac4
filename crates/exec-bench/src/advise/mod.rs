//! Map it, read it or load it? `advise` measures a part of the file and answers.
//!
//! ```text
//!   probe: the file and the machine --> Facts --> decide: a pure function --> Advice
//!                                                                              |
//!                                          check: every choice, measured in full
//! ```

mod check;
mod decide;
mod part;
mod probe;
mod report;
mod scenarios;
mod work;

use std::path::Path;

pub use check::{Measured, check};
pub use decide::{Advice, Facts, Pace, decide};
pub use report::Report;
pub use scenarios::{SCENARIOS, Scenario, ScenarioReport, Scenarios, Size, scenarios};
use serde::Serialize;

use crate::Result;
use crate::machine::Machine;

/// How an array file is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Choice {
    /// Through one mapping.
    Map,
    /// By reads (and writes) at positions.
    Read,
    /// All of it in memory first.
    Load,
}

impl Choice {
    /// All, in the order in which they are preferred where they are equally fast.
    pub const ALL: [Self; 3] = [Self::Map, Self::Read, Self::Load];

    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Map => "map",
            Self::Read => "read",
            Self::Load => "load",
        }
    }
}

/// The work of a pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Pattern {
    /// Every row is read, from the first to the last.
    Sequential,
    /// Some rows are read, picked at random in each pass.
    Random,
    /// Every row is read, in shuffled batches.
    Epochs,
    /// Every row is read, changed and written, and is durable then.
    Rewrite,
}

impl Pattern {
    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sequential => "sequential",
            Self::Random => "random",
            Self::Epochs => "epochs",
            Self::Rewrite => "rewrite",
        }
    }
}

/// The planned work.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Plan {
    /// The work of each pass.
    pub pattern: Pattern,
    /// The number of passes.
    pub passes: usize,
    /// Rows that a pass of [`Pattern::Random`] picks.
    pub picked: usize,
}

/// Measures a part of a file on this machine, and advises how to reach the file. The file stays as
/// it is: [`Pattern::Rewrite`] is tried on a copy of a part, beside it.
///
/// # Errors
/// Those of opening and reading the file, and of writing the copy.
pub fn advise(path: &Path, plan: Plan) -> Result<Report> {
    let (facts, meta) = probe::probe(path, plan)?;
    Ok(Report {
        file: path.display().to_string(),
        dtype: meta.dtype.to_string(),
        shape: meta.shape.dims().to_vec(),
        machine: Machine::this(),
        advice: decide(&facts),
        facts,
        check: None,
        notes: Vec::new(),
    })
}
