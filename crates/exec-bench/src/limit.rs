//! The yardsticks: the fastest reads and writes that we know, and nothing else.

use std::fs::File;
use std::hint::black_box;
use std::io::{Read as _, Seek, SeekFrom};
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use rowmill_core::CreateOptions;
use rowmill_exec::{Isa, Job, Simd, prefetch};

use crate::{Error, Result};

/// The bytes that a thread takes at a time.
const CHUNK: usize = 4 << 20;

/// Streams that a chunk is read by. Two to four were the fastest of one to sixteen, a fifth faster
/// than eight.
const STREAMS: usize = 4;

/// The prefetch distance of each stream, in bytes.
const AHEAD: usize = 1 << 10;

/// One cache line.
type Line = [u64; 8];

/// Reads every byte once on `threads` threads; returns a number that depends on all of them.
#[must_use]
pub fn read_all(bytes: &[u8], threads: usize, isa: Isa) -> u64 {
    let next = AtomicUsize::new(0);
    let work = || {
        let mut seen = 0;
        loop {
            let start = next.fetch_add(CHUNK, Ordering::Relaxed);
            if start >= bytes.len() {
                return seen;
            }
            seen ^= isa.run(Read(&bytes[start..bytes.len().min(start + CHUNK)]));
        }
    };
    std::thread::scope(|scope| {
        let others: Vec<_> = (1..threads).map(|_| scope.spawn(work)).collect();
        let mine = work();
        others.into_iter().fold(mine, |seen, other| seen ^ other.join().unwrap_or(0))
    })
}

struct Read<'a>(&'a [u8]);

impl Job for Read<'_> {
    type Output = u64;

    #[inline(always)]
    fn run(self, _: impl Simd) -> u64 {
        let (head, words, tail) = bytemuck::pod_align_to::<u8, u64>(self.0);
        let (lines, odd_words) = words.as_chunks::<8>();
        let n = lines.len() / STREAMS;
        let s: [&[Line]; STREAMS] = std::array::from_fn(|k| &lines[k * n..(k + 1) * n]);
        let mut seen = [0_u64; 8];
        for i in 0..n {
            for s in &s {
                prefetch(s.as_ptr().wrapping_add(i + AHEAD / size_of::<Line>()));
            }
            for j in 0..8 {
                seen[j] ^= s[0][i][j] ^ s[1][i][j] ^ s[2][i][j] ^ s[3][i][j];
            }
        }
        // The words and bytes that the streams leave over.
        let words = lines[STREAMS * n..].as_flattened().iter().chain(odd_words).copied();
        let bytes = head.iter().chain(tail).map(|&b| u64::from(b));
        black_box(seen).into_iter().chain(words).chain(bytes).fold(0, |a, b| a ^ b)
    }
}

/// The bytes that a reader asks for at a time.
const PIECE: u64 = 1 << 20;

/// Reads a file once with `readers` threads, each 1 MiB at a time into its own buffer, which can be
/// faster on a disk than a mapping. Returns a number that depends on the bytes.
///
/// # Errors
/// [`Error::Io`].
pub fn pread_all(path: &Path, readers: usize) -> Result<u64> {
    let len = std::fs::metadata(path).map_err(Error::io("inspect", path))?.len();
    let next = AtomicU64::new(0);
    let read = || -> std::io::Result<u64> {
        let mut file = File::open(path)?;
        let mut buffer = vec![0; PIECE as usize];
        let mut seen = 0;
        loop {
            let start = next.fetch_add(PIECE, Ordering::Relaxed);
            if start >= len {
                return Ok(seen);
            }
            let piece = &mut buffer[..PIECE.min(len - start) as usize];
            file.seek(SeekFrom::Start(start))?;
            file.read_exact(piece)?;
            seen ^= u64::from(piece[piece.len() / 2]);
        }
    };
    std::thread::scope(|scope| {
        let all: Vec<_> = (0..readers).map(|_| scope.spawn(read)).collect();
        all.into_iter().try_fold(0, |seen, reader| {
            let panicked = |_| Err(std::io::Error::other("a reader panicked"));
            Ok(seen ^ reader.join().unwrap_or_else(panicked).map_err(Error::io("read", path))?)
        })
    })
}

/// The bytes that a thread fills at a time.
const PART: usize = 8 << 20;

/// The time of [`write_all`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Written {
    /// Filling the mapping.
    pub stores: Duration,
    /// All of it: reserving room, filling, syncing and renaming.
    pub durable: Duration,
}

/// Writes a new `.npy` file of `len` bytes of elements on `threads` threads, replacing one of that
/// name: the room is reserved at once, the mapping filled, each part sent to the disk as soon as it
/// is full, and all of it durable at the end. This is the cost of an output when there is nothing
/// to compute.
///
/// # Errors
/// [`Error::File`] when there is no room, or no permission.
pub fn write_all(path: &Path, len: usize, threads: usize) -> Result<Written> {
    let start = Instant::now();
    let mut staged = CreateOptions::new().overwrite(true).stage::<u8>(path, [len])?;
    let (bytes, write_back) = staged.parts()?;
    let filling = Instant::now();
    let parts = Mutex::new(bytes.chunks_mut(PART).enumerate());
    let take = || parts.lock().map_or(None, |mut parts| parts.next());
    let work = || {
        while let Some((i, part)) = take() {
            let from = (i * PART) as u64;
            part.fill(i as u8 | 1);
            write_back.start(from..from + part.len() as u64);
        }
    };
    std::thread::scope(|scope| {
        for _ in 1..threads {
            scope.spawn(work);
        }
        work();
    });
    let stores = filling.elapsed();
    staged.publish()?;
    Ok(Written { stores, durable: start.elapsed() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_is_read() {
        let mut bytes = vec![0_u8; CHUNK + 8 * 64 * 3 + 64 + 8 + 3];
        for shift in [0, 1, 8] {
            let len = bytes.len();
            let zero = read_all(&bytes[shift..], 1, Isa::detect());
            for at in [shift, shift + 7, shift + 64, CHUNK - 1, CHUNK, CHUNK + 64 * 20, len - 1] {
                bytes[at] = 1;
                assert_ne!(read_all(&bytes[shift..], 2, Isa::detect()), zero, "byte {at}");
                bytes[at] = 0;
            }
        }
    }

    #[test]
    fn what_was_written_is_read() {
        let dir = tempfile::tempdir().expect("a place for files");
        let path = dir.path().join("x.npy");
        let len = PART + 12345;
        let written = write_all(&path, len, 2).expect("room for the file");
        assert!(written.stores <= written.durable);
        let x = rowmill_core::Array::<u8>::open(&path).expect("just written");
        let x = x.as_slice().expect("in place");
        assert_eq!((x.len(), x[0], x[PART - 1], x[PART], x[len - 1]), (len, 1, 1, 1, 1));
        for readers in [1, 3] {
            pread_all(&path, readers).expect("just written");
        }
    }
}
