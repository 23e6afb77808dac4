//! The job that is tuned for: one step, or a mix of them as a pipeline runs it.

use std::path::Path;

use crate::{Error, Result};

/// One operation on the whole array.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// The sum of everything.
    Sum,
    /// Five statistics per column.
    Stats,
    /// A z-score per column to a new file, which is removed.
    Normalize,
}

impl Step {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Sum, Self::Stats, Self::Normalize];

    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sum => "sum",
            Self::Stats => "stats",
            Self::Normalize => "normalize",
        }
    }

    /// The least number of reads of the array.
    pub(super) const fn reads(self) -> usize {
        if matches!(self, Self::Normalize) { 2 } else { 1 }
    }
}

/// Steps that are run one after the other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Job {
    name: &'static str,
    steps: Vec<Step>,
}

/// The most steps of a job: more would take too long to tune.
const MOST_STEPS: usize = 1000;

impl Job {
    /// One step.
    #[must_use]
    pub fn one(step: Step) -> Self {
        Self { name: step.name(), steps: vec![step] }
    }

    /// A sum and five statistics per column.
    #[must_use]
    pub fn mix() -> Self {
        Self { name: "mix", steps: vec![Step::Sum, Step::Stats] }
    }

    /// Parses a recorded mix: a step on each line, `sum`, `stats` or `normalize`, and its count if
    /// it is not 1, as in `stats 3`. `#` begins a comment.
    ///
    /// ```
    /// use rowmill_exec_bench::tune::{Job, Step};
    /// let job = Job::parse("sum\nstats 2 # per column\n").unwrap();
    /// assert_eq!(job.steps(), [Step::Sum, Step::Stats, Step::Stats]);
    /// assert!(Job::parse("sum\nmedian").is_err());
    /// ```
    ///
    /// # Errors
    /// A message that says what was expected in which line, and what was found.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut steps = Vec::new();
        for (i, line) in text.lines().enumerate() {
            let mut words = line.split('#').next().unwrap_or_default().split_whitespace();
            let Some(name) = words.next() else { continue };
            let step = Step::ALL.into_iter().find(|step| step.name() == name);
            let times = words.next().map_or(Some(1), |times| times.parse().ok());
            let (Some(step), Some(times), None) = (step, times, words.next()) else {
                return Err(format!(
                    "expected sum, stats or normalize and how often, as in \"stats 3\", found \
                     {line:?} in line {}",
                    i + 1
                ));
            };
            if times > MOST_STEPS - steps.len() {
                return Err(format!(
                    "expected at most {MOST_STEPS} steps, found more in line {}",
                    i + 1
                ));
            }
            steps.extend(std::iter::repeat_n(step, times));
        }
        if steps.is_empty() {
            return Err("expected at least one step, such as sum, found none".to_owned());
        }
        Ok(Self { name: "mix", steps })
    }

    /// As [`parse`](Self::parse), from a file.
    ///
    /// # Errors
    /// [`Error::Io`], [`Error::Mix`].
    pub fn read(path: &Path) -> Result<Self> {
        let text = std::fs::read_to_string(path).map_err(Error::io("read", path))?;
        Self::parse(&text).map_err(|reason| Error::Mix { path: path.to_owned(), reason })
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// The steps that are run, in order.
    #[must_use]
    pub fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// Whether a file is written.
    pub(super) fn writes(&self) -> bool {
        self.steps.contains(&Step::Normalize)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mixes_are_lines() {
        let steps = |text| Job::parse(text).map(|job| job.steps.len());
        assert_eq!(steps("sum\n\n# nothing\n normalize 2 \r\nstats"), Ok(4));
        for (text, says) in [
            ("", "at least one step"),
            ("sum 0", "at least one step"),
            ("sum\nmean", "line 2"),
            ("sum x", "\"sum x\" in line 1"),
            ("sum 1 2", "line 1"),
            ("sum -1", "line 1"),
            ("sum 999\nstats 2", "at most 1000"),
            ("sum 99999999999999999999", "line 1"),
        ] {
            let error = Job::parse(text).expect_err(text);
            assert!(error.contains(says), "{text:?}: {error}");
        }
    }
}
