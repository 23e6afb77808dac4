//! The arrays of the tests: every element follows from its index and a generation.

use std::path::{Path, PathBuf};

use rowmill::CreateOptions;
use rowmill::durable::StagedArray;
use twox_hash::XxHash3_64;

use crate::Result;

/// The elements of a row of inputs and outputs: 512 bytes, a sector of a disk.
pub(crate) const COLS: usize = 64;

/// The generations that the old files and the input hold.
pub(crate) const OLD: u64 = 1;
const INPUT: u64 = 2;

/// The element at an index of a generation; never zero, which is what a hole holds.
pub(crate) fn element(generation: u64, index: usize) -> u64 {
    XxHash3_64::oneshot_with_seed(generation, &index.to_le_bytes()) | 1
}

/// Fills an array with a generation.
pub(crate) fn fill(mut array: StagedArray<u64>, generation: u64) -> Result<StagedArray<u64>> {
    for (i, to) in array.as_mut_slice()?.iter_mut().enumerate() {
        *to = element(generation, i);
    }
    Ok(array)
}

/// Writes the array that writers read.
pub(crate) fn make_input(directory: &Path, bytes: usize) -> Result<PathBuf> {
    let path = directory.join(format!("input-{bytes}.npy"));
    let rows = bytes / (8 * COLS);
    fill(CreateOptions::new().overwrite(true).stage(&path, [rows, COLS])?, INPUT)?.publish()?;
    Ok(path)
}
