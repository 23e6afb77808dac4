//! Rows written into an array and flushed, batch by batch.

use std::ops::Range;
use std::path::Path;

use rowmill::{Array, ArrayMut, CreateOptions, FileError};

use crate::element::{COLS, element};
use crate::state::{Files, Found, Golden, differences};
use crate::writer::{Place, Writer};
use crate::{Failure, Result};

/// `ArrayMut::create`, `write_rows` and `flush_rows`; rows are reported when the flush returned.
#[derive(Debug)]
pub(super) struct Rows;

const NEW: u64 = 4;

/// The number of times that rows are written and flushed.
const BATCHES: usize = 16;

impl Writer for Rows {
    fn name(&self) -> &'static str {
        "rows"
    }

    fn write(&self, dir: &Path, input: &Path, durable: &mut dyn FnMut(usize)) -> Result<()> {
        let rows = Array::<u64>::open(input)?.shape().rows();
        let x = CreateOptions::new().overwrite(true);
        let mut x = x.create::<u64>(dir.join("out.npy"), [rows, COLS])?;
        durable(0);
        for batch in batches(rows) {
            let values: Vec<u64> =
                (batch.start * COLS..batch.end * COLS).map(|i| element(NEW, i)).collect();
            x.write_rows(batch.start, &values)?;
            x.flush_rows(batch.clone()).map_err(|first| still_failing(&x, first))?;
            durable(batch.end);
        }
        Ok(x.close()?)
    }

    fn look(&self, _: &Place<'_>, golden: &Golden, now: &Files, durable: Option<usize>) -> Found {
        look_at_rows(golden, now, durable)
    }
}

/// After a failed flush every later one has to fail.
fn still_failing(x: &ArrayMut<u64>, first: FileError) -> Failure {
    match (x.flush(), x.flush_rows(0..1)) {
        (Err(FileError::Poisoned { .. }), Err(FileError::Poisoned { .. })) => first.into(),
        _ => Failure::NotPoisoned { first: first.to_string() },
    }
}

/// Equal parts of the rows.
pub(super) fn batches(rows: usize) -> impl Iterator<Item = Range<usize>> {
    (0..BATCHES).map(move |i| rows * i / BATCHES..rows * (i + 1) / BATCHES)
}

/// Judges a file that is created whole and then filled row by row: its header, every durable row,
/// and in the others each element new or still zero.
pub(super) fn look_at_rows(golden: &Golden, now: &Files, durable: Option<usize>) -> Found {
    let (Some(bytes), Some(new)) = (now.get("out.npy"), golden.new.get("out.npy")) else {
        return Found::lost(differences(now, golden));
    };
    let header = new.len() % (8 * COLS);
    if bytes.len() != new.len() || bytes[..header] != new[..header] {
        return Found::lost(differences(now, golden));
    }
    let pairs = bytes[header..].chunks_exact(8).zip(new[header..].chunks_exact(8));
    let safe = durable.unwrap_or(0);
    for (i, (is, should)) in pairs.enumerate() {
        let row = i / COLS;
        if is != should && row < safe {
            return Found::lost(format!("row {row} is not there, and {safe} rows were durable"));
        }
        if is != should && is != [0; 8] {
            return Found::lost(format!("row {row} holds data that was never written"));
        }
    }
    Found::Rows
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(change: impl FnOnce(&mut Vec<u8>), durable: Option<usize>) -> Found {
        let mut bytes = vec![7; 128];
        bytes.extend((0..4 * COLS).flat_map(|i| element(NEW, i).to_ne_bytes()));
        let files = |bytes: &Vec<u8>| Files::from([("out.npy".to_owned(), bytes.clone())]);
        let golden = Golden::of(Files::new(), files(&bytes));
        change(&mut bytes);
        look_at_rows(&golden, &files(&bytes), durable)
    }

    #[test]
    fn durable_rows_have_to_be_there() {
        let clear_row_2 = |bytes: &mut Vec<u8>| bytes[128 + 2 * 512..128 + 3 * 512].fill(0);
        assert_eq!(with(clear_row_2, Some(2)), Found::Rows);
        assert!(matches!(with(clear_row_2, Some(3)), Found::Lost(_)));
        assert_eq!(with(clear_row_2, None), Found::Rows);
    }

    #[test]
    fn nothing_else_may_be_there() {
        assert!(matches!(with(|bytes| bytes[2000] ^= 1, Some(0)), Found::Lost(_)));
        assert!(matches!(with(|bytes| bytes[5] ^= 1, None), Found::Lost(_)));
        assert!(matches!(with(|bytes| bytes.truncate(2000), None), Found::Lost(_)));
    }

    #[test]
    fn batches_cover_all_rows_once() {
        for rows in [0, 1, 15, 16, 1000] {
            let all: Vec<usize> = batches(rows).flatten().collect();
            assert_eq!(all, (0..rows).collect::<Vec<_>>());
        }
    }
}
