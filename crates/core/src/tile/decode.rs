//! The loops that decode: bytes swapped, columns transposed to rows. They move bytes in vectors of
//! sixteen and compute nothing.
//!
//! Columns are transposed a square at a time, in registers: as many columns as a vector has
//! elements, the halves of which are interleaved log2(columns) times.
//!
//! ```text
//!   a0 a1 a2 a3      a0 c0 a1 c1      a0 b0 c0 d0
//!   b0 b1 b2 b3  ->  a2 c2 a3 c3  ->  a1 b1 c1 d1
//!   c0 c1 c2 c3      b0 d0 b1 d1      a2 b2 c2 d2
//!   d0 d1 d2 d3      b2 d2 b3 d3      a3 b3 c3 d3
//! ```

use super::prefetch::prefetch;

/// The bytes that are moved at a time: a register of every machine.
const PART: usize = 16;

/// The bytes of a cache line.
const LINE: usize = 64;

/// Some elements.
type Part = [u8; PART];

/// The most columns that are transposed side by side: a cache line of bytes.
pub(crate) const MOST_COLUMNS: usize = LINE;

/// The number of columns of this element size that are transposed side by side: a cache line of
/// each row, so that each line is written at once.
pub(crate) const fn side_by_side(size: usize) -> usize {
    LINE / size
}

/// Evaluates an expression with `$SIZE` as the element size and `$N` as the elements per vector.
macro_rules! with_size {
    ($size:expr, $SIZE:ident, $N:ident => $body:expr) => {
        match $size {
            1 => with_size!(@ $SIZE 1, $N 16, $body),
            2 => with_size!(@ $SIZE 2, $N 8, $body),
            4 => with_size!(@ $SIZE 4, $N 4, $body),
            8 => with_size!(@ $SIZE 8, $N 2, $body),
            16 => with_size!(@ $SIZE 16, $N 1, $body),
            size => unreachable!("no element has {size} bytes"),
        }
    };
    (@ $SIZE:ident $size:literal, $N:ident $n:literal, $body:expr) => {{
        const $SIZE: usize = $size;
        #[allow(dead_code, reason = "not every loop needs it")]
        const $N: usize = $n;
        $body
    }};
}

/// Copies elements of `size` bytes with their bytes swapped.
///
/// # Panics
/// If the lengths differ.
pub(crate) fn swap_from(from: &[u8], to: &mut [u8], size: usize) {
    assert_eq!(from.len(), to.len(), "as many bytes as there is room for");
    with_size!(size, SIZE, N => {
        let (parts, rest) = from.as_chunks::<PART>();
        let (to_parts, to_rest) = to.as_chunks_mut::<PART>();
        for (to, from) in to_parts.iter_mut().zip(parts) {
            *to = part::swap::<SIZE>(*from);
        }
        to_rest.copy_from_slice(rest);
        to_rest.chunks_exact_mut(SIZE).for_each(<[u8]>::reverse);
    });
}

/// Swaps the bytes of each element of `size` bytes.
pub(crate) fn swap(elements: &mut [u8], size: usize) {
    with_size!(size, SIZE, N => {
        let (parts, rest) = elements.as_chunks_mut::<PART>();
        for part in parts {
            *part = part::swap::<SIZE>(*part);
        }
        rest.chunks_exact_mut(SIZE).for_each(<[u8]>::reverse);
    });
}

/// Columns to be transposed to rows.
#[derive(Debug)]
pub(crate) struct Columns<'a> {
    /// The elements of each column; the same number of bytes in each.
    pub(crate) lines: &'a [&'a [u8]],
    /// The lines that follow, which are prefetched meanwhile; may be empty.
    pub(crate) next: &'a [&'a [u8]],
    /// The bytes of an element.
    pub(crate) size: usize,
    /// Whether the bytes of each element are swapped.
    pub(crate) swap: bool,
}

impl Columns<'_> {
    /// Writes element `r` of all columns, side by side, to `to[r * stride..]`.
    ///
    /// # Panics
    /// If columns differ in length or `to` is too short.
    pub(crate) fn turn(&self, to: &mut [u8], stride: usize) {
        with_size!(self.size, SIZE, N => match self.swap {
            false => turn::<SIZE, N, false>(self, to, stride),
            true => turn::<SIZE, N, true>(self, to, stride),
        });
    }
}

// Not inlined: constants from the caller do not help, and the loop is large.
#[inline(never)]
fn turn<const SIZE: usize, const N: usize, const SWAP: bool>(
    columns: &Columns<'_>,
    to: &mut [u8],
    stride: usize,
) {
    let Columns { lines, next, .. } = *columns;
    let Some(len) = lines.first().map(|line| line.len()) else { return };
    let (rows, width) = (len / SIZE, lines.len());
    if rows < N || width < N {
        return one_by_one::<SIZE, SWAP>(lines, to, stride);
    }
    for square in 0..rows.div_ceil(N) {
        // The last rows, and below the last columns, are transposed together with some before them.
        let row = (square * N).min(rows - N);
        let at = row * SIZE;
        if at.is_multiple_of(LINE) {
            for line in next {
                prefetch(line.as_ptr().wrapping_add(at));
            }
        }
        for column in (0..width).step_by(N) {
            let column = column.min(width - N);
            let lines: &[&[u8]; N] = lines[column..].first_chunk().expect("N columns are left");
            let parts = lines.map(|line| *line[at..].first_chunk().expect("N rows are left"));
            for (r, part) in columns_to_rows::<SIZE, N>(parts).into_iter().enumerate() {
                let part = if SWAP { part::swap::<SIZE>(part) } else { part };
                let to = &mut to[(row + r) * stride + column * SIZE..];
                *to.first_chunk_mut().expect("a row has N columns") = part;
            }
        }
    }
}

/// Fewer columns, or fewer rows, than make a square.
fn one_by_one<const SIZE: usize, const SWAP: bool>(lines: &[&[u8]], to: &mut [u8], stride: usize) {
    for (column, line) in lines.iter().enumerate() {
        for (row, from) in line.as_chunks::<SIZE>().0.iter().enumerate() {
            let to = &mut to[row * stride + column * SIZE..][..SIZE];
            to.copy_from_slice(from);
            if SWAP {
                to.reverse();
            }
        }
    }
}

/// Transposes a square: vectors of as many columns as a vector has elements.
#[inline(always)]
fn columns_to_rows<const SIZE: usize, const N: usize>(mut parts: [Part; N]) -> [Part; N] {
    const { assert!(SIZE * N == PART) };
    for _ in 0..N.ilog2() {
        parts = std::array::from_fn(|i| {
            let (a, b) = (parts[i / 2], parts[N / 2 + i / 2]);
            if i % 2 == 0 { part::low::<SIZE>(a, b) } else { part::high::<SIZE>(a, b) }
        });
    }
    parts
}

/// Vector operations that every x86-64 has.
#[cfg(target_arch = "x86_64")]
mod part {
    use std::arch::x86_64::{
        __m128i, _mm_or_si128, _mm_shufflehi_epi16, _mm_shufflelo_epi16, _mm_slli_epi16,
        _mm_srli_epi16, _mm_unpackhi_epi8, _mm_unpackhi_epi16, _mm_unpackhi_epi32,
        _mm_unpackhi_epi64, _mm_unpacklo_epi8, _mm_unpacklo_epi16, _mm_unpacklo_epi32,
        _mm_unpacklo_epi64,
    };

    use bytemuck::must_cast;

    use super::Part;

    // SAFETY of all intrinsics below: they ask for SSE2, which is part of x86-64, compute on values
    // and touch no memory. Reason: the compiler moves such parts through memory, a byte at a time.

    macro_rules! unpack {
        ($a:expr, $b:expr, $by1:ident, $by2:ident, $by4:ident, $by8:ident) => {{
            let (a, b): (__m128i, __m128i) = (must_cast($a), must_cast($b));
            must_cast(match SIZE {
                // SAFETY: see above.
                1 => unsafe { $by1(a, b) },
                // SAFETY: see above.
                2 => unsafe { $by2(a, b) },
                // SAFETY: see above.
                4 => unsafe { $by4(a, b) },
                // SAFETY: see above.
                _ => unsafe { $by8(a, b) },
            })
        }};
    }

    /// The elements of the first halves of `a` and `b`, interleaved.
    #[inline(always)]
    pub(super) fn low<const SIZE: usize>(a: Part, b: Part) -> Part {
        unpack!(a, b, _mm_unpacklo_epi8, _mm_unpacklo_epi16, _mm_unpacklo_epi32, _mm_unpacklo_epi64)
    }

    /// The elements of the second halves, interleaved.
    #[inline(always)]
    pub(super) fn high<const SIZE: usize>(a: Part, b: Part) -> Part {
        unpack!(a, b, _mm_unpackhi_epi8, _mm_unpackhi_epi16, _mm_unpackhi_epi32, _mm_unpackhi_epi64)
    }

    /// Shuffles pairs of bytes, each half in the same way.
    #[inline(always)]
    fn pairs<const ORDER: i32>(part: __m128i) -> __m128i {
        // SAFETY: see above.
        let part = unsafe { _mm_shufflelo_epi16::<ORDER>(part) };
        // SAFETY: see above.
        unsafe { _mm_shufflehi_epi16::<ORDER>(part) }
    }

    /// Swaps the bytes of each element: first its pairs of bytes, then the bytes of each pair.
    #[inline(always)]
    pub(super) fn swap<const SIZE: usize>(part: Part) -> Part {
        let pairs = match SIZE {
            1 => return part,
            2 => must_cast(part),
            4 => pairs::<0b10_11_00_01>(must_cast(part)),
            _ => pairs::<0b00_01_10_11>(must_cast(part)),
        };
        // SAFETY: see above.
        let up = unsafe { _mm_slli_epi16::<8>(pairs) };
        // SAFETY: see above.
        let down = unsafe { _mm_srli_epi16::<8>(pairs) };
        // SAFETY: see above.
        must_cast(unsafe { _mm_or_si128(up, down) })
    }
}

/// Vector operations in plain Rust.
#[cfg(not(target_arch = "x86_64"))]
mod part {
    use super::{PART, Part};

    #[inline(always)]
    fn interleave<const SIZE: usize>(a: Part, b: Part, from: usize) -> Part {
        std::array::from_fn(|i| {
            let at = from + i / SIZE / 2 * SIZE + i % SIZE;
            if (i / SIZE) % 2 == 0 { a[at] } else { b[at] }
        })
    }

    /// The elements of the first halves of `a` and `b`, interleaved.
    #[inline(always)]
    pub(super) fn low<const SIZE: usize>(a: Part, b: Part) -> Part {
        interleave::<SIZE>(a, b, 0)
    }

    /// The elements of the second halves, interleaved.
    #[inline(always)]
    pub(super) fn high<const SIZE: usize>(a: Part, b: Part) -> Part {
        interleave::<SIZE>(a, b, PART / 2)
    }

    /// Swaps the bytes of each element.
    #[inline(always)]
    pub(super) fn swap<const SIZE: usize>(part: Part) -> Part {
        std::array::from_fn(|i| part[i / SIZE * SIZE + (SIZE - 1 - i % SIZE)])
    }
}

#[cfg(test)]
mod tests;
