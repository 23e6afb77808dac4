//! The findings of the tests, counted and printed.

use std::fmt;
use std::path::PathBuf;

use tempfile::TempDir;

use crate::args::Options;
use crate::state::Found;
use crate::{Failure, Result};

/// The rounds of one writer in one test.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    name: String,
    /// Set for a control, a writer that is wrong on purpose: `Some(true)` if it has to lose.
    control: Option<bool>,
    rounds: usize,
    old: usize,
    new: usize,
    rows: usize,
    refused: usize,
    lost: Vec<String>,
}

impl Tally {
    pub(crate) fn new(name: impl Into<String>) -> Self {
        Self { name: name.into(), ..Self::default() }
    }

    /// The rounds of a control, and whether it has to lose in this test.
    pub(crate) fn control(mut self, has_to_lose: Option<bool>) -> Self {
        self.control = has_to_lose;
        self
    }

    pub(crate) fn add(&mut self, found: Found) {
        self.rounds += 1;
        match found {
            Found::Old => self.old += 1,
            Found::New => self.new += 1,
            Found::Rows => self.rows += 1,
            Found::Refused => self.refused += 1,
            Found::Lost(what) => self.lost.push(what),
        }
    }

    fn is_good(&self) -> bool {
        match self.control {
            None => self.lost.is_empty() && self.rounds > 0,
            Some(has_to_lose) => !has_to_lose || !self.lost.is_empty(),
        }
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, rounds, old, new, rows, refused, lost, .. } = self;
        let kept = old + new + rows;
        write!(f, "{name}: {rounds} rounds, {kept} kept ({old} old, {new} new, {rows} rows)")?;
        write!(f, ", {refused} refused, {} lost", lost.len())?;
        match (self.control, self.is_good()) {
            (None, true) => Ok(()),
            (None, false) if *rounds == 0 => write!(f, " FAILED: nothing was tested"),
            (None, false) => write!(f, " FAILED"),
            (Some(true), true) => write!(f, " (a control: it had to lose)"),
            (Some(false), _) => write!(f, " (a control: it may lose)"),
            (Some(true), false) => {
                write!(f, " FAILED: a control that lost nothing, so this test sees nothing")
            }
        }
    }
}

/// The setup of a test: its paths and its number of rounds.
#[derive(Debug)]
pub(crate) struct Bench {
    pub(crate) options: Options,
    pub(crate) rowmill: PathBuf,
    /// The directory for everything that tests make.
    pub(crate) work: PathBuf,
}

impl Bench {
    /// The rounds of a test in its short and in its long form.
    pub(crate) fn rounds(&self, short: usize, long: usize) -> usize {
        if self.options.long { long } else { short }
    }
}

/// The tallies of all tests, printed as they come.
#[derive(Debug, Default)]
pub(crate) struct Summary {
    lines: usize,
    rounds: usize,
    refused: usize,
    lost: usize,
    controls: usize,
    failed: usize,
}

impl Summary {
    /// Runs tests one after the other; returns whether all passed.
    pub(crate) fn of(
        options: &Options,
        tests: &[fn(&Bench, &mut Self) -> Result<()>],
    ) -> Result<bool> {
        let temporary = match &options.work {
            Some(_) => None,
            None => Some(TempDir::new().map_err(Failure::io("make", &std::env::temp_dir()))?),
        };
        let work = match (&options.work, &temporary) {
            (Some(work), _) => work.clone(),
            (None, Some(made)) => made.path().to_owned(),
            (None, None) => std::env::temp_dir(),
        };
        let rowmill = match &options.rowmill {
            Some(path) => path.clone(),
            None => crate::child::this_binary()?.with_file_name("rowmill"),
        };
        let bench = Bench { options: options.clone(), rowmill, work };
        let mut summary = Self::default();
        for test in tests {
            test(&bench, &mut summary)?;
        }
        let Self { lines, rounds, refused, lost, controls, failed } = summary;
        println!(
            "crash tests: {lines} scenarios, {rounds} rounds, {refused} refused, {lost} lost, \
             {controls} controls, {failed} failed (seed {})",
            options.seed
        );
        Ok(failed == 0)
    }

    /// Prints one line, and the losses.
    pub(crate) fn tell(&mut self, tally: &Tally) {
        println!("{tally}");
        // One finding of a control is enough to see what it is about.
        let most = if tally.control.is_some() { 1 } else { 20 };
        for what in tally.lost.iter().take(most) {
            println!("    {what}");
        }
        match tally.control {
            Some(_) => self.controls += 1,
            None => {
                self.lines += 1;
                self.rounds += tally.rounds;
                self.refused += tally.refused;
                self.lost += tally.lost.len();
            }
        }
        self.failed += usize::from(!tally.is_good());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_loss_fails_a_writer_and_passes_a_control() {
        let with = |control, found: Vec<Found>| {
            let mut tally = Tally::new("test").control(control);
            found.into_iter().for_each(|found| tally.add(found));
            let mut summary = Summary::default();
            summary.tell(&tally);
            summary.failed
        };
        let lost = || Found::Lost("half a file".to_owned());
        assert_eq!(with(None, vec![Found::Old, Found::New, Found::Refused, Found::Rows]), 0);
        assert_eq!(with(None, vec![Found::Old, lost()]), 1);
        assert_eq!(with(None, vec![]), 1, "nothing was tested");
        assert_eq!(with(Some(true), vec![Found::Old, lost()]), 0);
        assert_eq!(with(Some(true), vec![Found::Old]), 1);
        assert_eq!(with(Some(false), vec![Found::Old]), 0);
    }
}
