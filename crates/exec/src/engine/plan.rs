//! The chunk plan: which blocks, or which elements, a worker takes at a time. It changes speed
//! only.

use std::fmt;
use std::ops::Range;
use std::str::FromStr;

use crate::engine::grid::Grid;

/// How much of an array a worker takes at a time. Reductions round it up to whole blocks (about 512
/// KiB); the answer is the same for every size.
///
/// ```
/// use rowmill_exec::ChunkSize;
/// assert_eq!("4MiB".parse(), Ok(ChunkSize::Bytes(4 << 20)));
/// assert_eq!("1000rows".parse(), Ok(ChunkSize::Rows(1000)));
/// assert_eq!("auto".parse(), Ok(ChunkSize::Auto));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum ChunkSize {
    /// About 4 MiB, less for small arrays so that every worker has something to do.
    #[default]
    Auto,
    /// This many bytes.
    Bytes(usize),
    /// This many rows.
    Rows(usize),
}

/// A text that is not a chunk size.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not a chunk size; expected bytes (64K, 4MiB), rows (1000rows) or auto")]
pub struct ParseChunkSizeError {
    /// The text.
    pub text: String,
}

impl FromStr for ChunkSize {
    type Err = ParseChunkSizeError;

    /// `auto`, `1000rows`, or bytes with a binary unit: `K`, `KiB`, `M`, `MiB`, `G`, `GiB`.
    fn from_str(text: &str) -> Result<Self, ParseChunkSizeError> {
        let error = || ParseChunkSizeError { text: text.to_owned() };
        let lower = text.trim().to_ascii_lowercase();
        if lower == "auto" {
            return Ok(Self::Auto);
        }
        let digits = lower.bytes().take_while(u8::is_ascii_digit).count();
        let number: usize = lower[..digits].parse().map_err(|_| error())?;
        let shift = match lower[digits..].trim() {
            "rows" | "row" => {
                return if number == 0 { Err(error()) } else { Ok(Self::Rows(number)) };
            }
            "" | "b" => 0,
            "k" | "kb" | "kib" => 10,
            "m" | "mb" | "mib" => 20,
            "g" | "gb" | "gib" => 30,
            _ => return Err(error()),
        };
        let bytes = number.checked_mul(1 << shift).filter(|&b| b > 0).ok_or_else(error)?;
        Ok(Self::Bytes(bytes))
    }
}

impl fmt::Display for ChunkSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Auto => write!(f, "auto"),
            Self::Rows(n) => write!(f, "{n}rows"),
            Self::Bytes(b) if b.is_multiple_of(1 << 20) => write!(f, "{}MiB", b >> 20),
            Self::Bytes(b) if b.is_multiple_of(1 << 10) => write!(f, "{}KiB", b >> 10),
            Self::Bytes(b) => write!(f, "{b}B"),
        }
    }
}

/// The default chunk: large enough that taking one costs nothing, small enough that workers finish
/// at about the same time.
const AUTO_BYTES: usize = 4 << 20;

/// The fewest elements of a chunk of a map that may cut rows.
const LEAST_ELEMENTS: usize = 16 << 10;

/// The fewest chunks per worker, if the array is large enough.
const CHUNKS_PER_WORKER: usize = 8;

/// Runs of equal length over `0..len`; the last is shorter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Plan {
    len: usize,
    step: usize,
}

impl Plan {
    /// Chunks of blocks, for a reduction.
    pub(crate) fn blocks(grid: &Grid, size: ChunkSize, workers: usize) -> Self {
        let step = match size {
            ChunkSize::Rows(rows) => {
                rows.div_ceil(grid.band_rows()).saturating_mul(grid.tiles().max(1))
            }
            ChunkSize::Bytes(bytes) => bytes.div_ceil(grid.block_bytes()),
            ChunkSize::Auto => {
                // A power of two, so that the partial of a chunk is one node of the tree.
                let fair = grid.len() / (workers * CHUNKS_PER_WORKER);
                let most = AUTO_BYTES / grid.block_bytes();
                prev_power_of_two(fair.min(most))
            }
        };
        Self { len: grid.len(), step: step.max(1) }
    }

    /// Chunks of whole rows, for a map or a stream.
    pub(crate) fn rows(rows: usize, row_bytes: usize, size: ChunkSize, workers: usize) -> Self {
        let row_bytes = row_bytes.max(1);
        let step = match size {
            ChunkSize::Rows(rows) => rows,
            ChunkSize::Bytes(bytes) => bytes / row_bytes,
            ChunkSize::Auto => {
                let fair = rows / (workers * CHUNKS_PER_WORKER);
                // Not so few that the overhead of a chunk shows.
                fair.max((64 << 10) / row_bytes).min(AUTO_BYTES / row_bytes)
            }
        };
        Self { len: rows, step: step.max(1) }
    }

    /// Chunks of elements, for a map that may cut rows: whole rows as long as they fit a chunk.
    pub(crate) fn elements(
        len: usize,
        size: usize,
        chunk: ChunkSize,
        row_len: usize,
        workers: usize,
    ) -> Self {
        let row_bytes = row_len.saturating_mul(size);
        let wanted = match chunk {
            ChunkSize::Auto => AUTO_BYTES,
            ChunkSize::Bytes(bytes) => bytes,
            ChunkSize::Rows(rows) => rows.saturating_mul(row_bytes),
        };
        if row_bytes <= wanted {
            let rows = Self::rows(len / row_len.max(1), row_bytes, chunk, workers);
            let step = rows.step.max(LEAST_ELEMENTS / row_len.max(1)).max(1);
            return Self { len, step: step.saturating_mul(row_len).max(1) };
        }
        Self { len, step: (wanted / size).max(LEAST_ELEMENTS) }
    }

    /// The same plan with chunks of at least `least` items.
    pub(crate) fn coarser(self, least: usize) -> Self {
        Self { step: self.step.max(least), ..self }
    }

    /// The same plan with chunks of at most `most` items, and at least one.
    pub(crate) fn finer(self, most: usize) -> Self {
        Self { step: self.step.min(most.max(1)), ..self }
    }

    /// The number of items that all chunks cover.
    pub(crate) fn items(&self) -> usize {
        self.len
    }

    /// The number of chunks.
    pub(crate) fn len(&self) -> usize {
        self.len.div_ceil(self.step)
    }

    /// The items that chunk `index` covers.
    pub(crate) fn chunk(&self, index: usize) -> Range<usize> {
        let start = index * self.step;
        start..self.len.min(start.saturating_add(self.step))
    }

    /// The chunks that overlap a range.
    pub(crate) fn meeting(&self, range: Range<usize>) -> Range<usize> {
        let end = range.end.min(self.len).div_ceil(self.step);
        (range.start / self.step).min(end)..end
    }

    /// The length of the longest chunk.
    #[cfg(test)]
    pub(crate) fn step(&self) -> usize {
        self.step
    }
}

fn prev_power_of_two(n: usize) -> usize {
    if n == 0 { 1 } else { 1 << n.ilog2() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunk_sizes_in_every_spelling() {
        let good = [
            ("auto", ChunkSize::Auto),
            ("64K", ChunkSize::Bytes(64 << 10)),
            ("4MiB", ChunkSize::Bytes(4 << 20)),
            ("1g", ChunkSize::Bytes(1 << 30)),
            ("123", ChunkSize::Bytes(123)),
            ("1row", ChunkSize::Rows(1)),
            ("1000rows", ChunkSize::Rows(1000)),
        ];
        for (text, size) in good {
            assert_eq!(text.parse(), Ok(size), "{text}");
            assert_eq!(size.to_string().parse(), Ok(size), "{text}");
        }
        for text in ["", "0", "0rows", "x", "-1", "4 parsecs", "1.5MiB", "99999999999999999999"] {
            assert!(text.parse::<ChunkSize>().is_err(), "{text}");
        }
    }

    #[test]
    fn plans_of_blocks() {
        let grid = Grid::new(1_000_000, 1024, 4); // blocks of 128 rows, 512 KiB
        let step = |size, workers| Plan::blocks(&grid, size, workers).step();
        assert_eq!(step(ChunkSize::Auto, 2), 8);
        assert_eq!(step(ChunkSize::Auto, 1000), 1);
        assert_eq!(step(ChunkSize::Rows(1), 2), 1);
        assert_eq!(step(ChunkSize::Rows(129), 2), 2);
        assert_eq!(step(ChunkSize::Bytes(1), 2), 1);
        assert_eq!(step(ChunkSize::Bytes(1 << 20), 2), 2);
        assert_eq!(step(ChunkSize::Rows(usize::MAX), 2), usize::MAX.div_ceil(128));
        let wide = Grid::new(8, 1 << 20, 4);
        assert_eq!(Plan::blocks(&wide, ChunkSize::Auto, 2).len(), 16);
        let empty = Grid::new(0, 5, 4);
        assert_eq!(Plan::blocks(&empty, ChunkSize::Auto, 2).len(), 0);
    }

    #[test]
    fn plans_of_rows() {
        let rows = |n, bytes, size| Plan::rows(n, bytes, size, 2);
        assert_eq!(rows(1_000_000, 4096, ChunkSize::Auto).step(), 1024);
        assert_eq!(rows(100, 4096, ChunkSize::Auto).step(), 16);
        assert_eq!(rows(10, 1 << 30, ChunkSize::Auto).step(), 1);
        assert_eq!(rows(10, 4, ChunkSize::Rows(3)).len(), 4);
        assert_eq!(rows(10, 4, ChunkSize::Rows(3)).chunk(3), 9..10);
        assert_eq!(rows(0, 4, ChunkSize::Rows(3)).len(), 0);
    }

    #[test]
    fn plans_of_elements() {
        let elements = |len, row_len, size| Plan::elements(len, 4, size, row_len, 2);
        // whole rows
        assert_eq!(elements(1_024_000_000, 1024, ChunkSize::Auto).step(), 1024 * 1024);
        assert_eq!(elements(1000, 10, ChunkSize::Rows(7)).step(), 16380);
        assert_eq!(elements(1 << 20, 1024, ChunkSize::Rows(17)).step(), 17 * 1024);
        // rows longer than a chunk are cut
        assert_eq!(elements(8 << 30, 1 << 30, ChunkSize::Auto).step(), 1 << 20);
        assert_eq!(elements(1 << 30, 1 << 20, ChunkSize::Bytes(16)).step(), 16 << 10);
    }
}
