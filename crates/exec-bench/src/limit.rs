//! The yardstick: the fastest read of memory that we know how to write, and nothing else.

use std::hint::black_box;
use std::sync::atomic::{AtomicUsize, Ordering};

use rowmill_exec::{Isa, Job, Simd, prefetch};

/// What a thread takes at a time.
const CHUNK: usize = 4 << 20;

/// What is read by eight streams at a time.
const BLOCK: usize = 512 << 10;

/// How far ahead each stream is fetched, in bytes.
const AHEAD: usize = 1 << 10;

/// One cache line.
type Line = [u64; 8];

/// Reads every byte once on `threads` threads; gives something that depends on all of them.
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
            let chunk = &bytes[start..bytes.len().min(start + CHUNK)];
            for block in chunk.chunks(BLOCK) {
                seen ^= isa.run(Read(block));
            }
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
        let words: &[u64] = bytemuck::try_cast_slice(self.0).unwrap_or(&[]);
        let (lines, _) = words.as_chunks::<8>();
        let n = lines.len() / 8;
        let s: [&[Line]; 8] = std::array::from_fn(|k| &lines[k * n..(k + 1) * n]);
        let mut seen = [0_u64; 8];
        for i in 0..n {
            for s in &s {
                prefetch(s.as_ptr().wrapping_add(i + AHEAD / size_of::<Line>()));
            }
            for j in 0..8 {
                seen[j] ^= s[0][i][j]
                    ^ s[1][i][j]
                    ^ s[2][i][j]
                    ^ s[3][i][j]
                    ^ s[4][i][j]
                    ^ s[5][i][j]
                    ^ s[6][i][j]
                    ^ s[7][i][j];
            }
        }
        black_box(seen).into_iter().fold(0, |a, b| a ^ b)
    }
}
