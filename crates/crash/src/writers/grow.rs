//! Rows appended to an array, and rows that a policy makes durable.

use std::path::Path;

use rowmill::{Appender, Array, CreateOptions, FlushPolicy};

use super::rows::{batches, look_at_rows};
use crate::Result;
use crate::element::{COLS, OLD, element};
use crate::state::{Files, Found, Golden, differences};
use crate::writer::{Place, Writer};

const NEW: u64 = 6;

/// The rows before anything is appended, if there are this many at the end.
fn old_rows(rows: usize) -> usize {
    rows / 8
}

fn value(rows: usize, index: usize) -> u64 {
    element(if index < old_rows(rows) * COLS { OLD } else { NEW }, index)
}

/// `Appender::append_rows` and `commit`, batch by batch; resumes where an earlier run ended.
#[derive(Debug)]
pub(super) struct Append;

impl Writer for Append {
    fn name(&self) -> &'static str {
        "append"
    }

    fn needs_old(&self) -> bool {
        true
    }

    fn notes(&self) -> &'static [&'static str] {
        &[".out.npy.rowmill-append"]
    }

    fn resumes(&self) -> bool {
        true
    }

    fn write(&self, dir: &Path, input: &Path, durable: &mut dyn FnMut(usize)) -> Result<()> {
        let rows = Array::<u64>::open(input)?.shape().rows();
        let path = dir.join("out.npy");
        let mut next = Array::<u64>::open(&path)?.shape().rows();
        let mut x = Appender::<u64>::open(&path)?;
        for batch in batches(rows).filter(|batch| batch.end > old_rows(rows)) {
            let from = next.max(batch.start);
            let values: Vec<u64> =
                (from * COLS..batch.end.max(from) * COLS).map(|i| value(rows, i)).collect();
            if !values.is_empty() {
                x.append_rows(&values)?;
                x.commit()?;
                next = batch.end;
                durable(next);
            }
        }
        Ok(x.close()?)
    }

    fn look(
        &self,
        place: &Place<'_>,
        golden: &Golden,
        now: &Files,
        durable: Option<usize>,
    ) -> Found {
        // Whatever lies behind them, opening the array finds the rows of some commit.
        let found = Array::<u64>::open(place.dir.join("out.npy"));
        let rows = Array::<u64>::open(place.input).map_or(0, |input| input.shape().rows());
        let x = match found {
            Ok(x) => x,
            Err(e) => return Found::lost(format!("{e}; {}", differences(now, golden))),
        };
        let there = x.shape().rows();
        if there < old_rows(rows).max(durable.unwrap_or(0)) {
            return Found::lost(format!("{there} rows are there, {durable:?} were durable"));
        }
        let right = x
            .as_slice()
            .is_some_and(|all| all.iter().enumerate().all(|(i, &found)| found == value(rows, i)));
        if right { Found::Rows } else { Found::lost(format!("of {there} rows some are wrong")) }
    }
}

/// `FlushPolicy::AtMost`: rows are reported as `durable_rows` says, without a flush.
#[derive(Debug)]
pub(super) struct Policy;

impl Writer for Policy {
    fn name(&self) -> &'static str {
        "policy"
    }

    fn write(&self, dir: &Path, input: &Path, durable: &mut dyn FnMut(usize)) -> Result<()> {
        let rows = Array::<u64>::open(input)?.shape().rows();
        let options = CreateOptions::new()
            .overwrite(true)
            .flush_policy(FlushPolicy::AtMost(rows.div_ceil(8)));
        let mut x = options.create::<u64>(dir.join("out.npy"), [rows, COLS])?;
        durable(0);
        for batch in batches(rows) {
            let values: Vec<u64> =
                (batch.start * COLS..batch.end * COLS).map(|i| element(NEW, i)).collect();
            x.write_rows(batch.start, &values)?;
            durable(x.durable_rows());
        }
        Ok(x.close()?)
    }

    fn look(&self, _: &Place<'_>, golden: &Golden, now: &Files, durable: Option<usize>) -> Found {
        look_at_rows(golden, now, durable)
    }
}
