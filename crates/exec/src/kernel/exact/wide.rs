//! The superaccumulator: a fixed-point number with room for every `f64`.

use super::digits::Digits;

/// Chunks of a [`Wide`]: 32 bits apart from 2^-1074 up to 2^1166; elements reach up to 2^1024.
pub(super) const CHUNKS: usize = 70;

/// Additions to a chunk before its carry is propagated: each is below 2^53.
const MOST_PENDING: u32 = 1000;

/// An exact sum of floats: chunk `i` counts units of `2^(32 i - 1074)`.
#[derive(Clone, Debug)]
pub struct Wide {
    chunks: [i64; CHUNKS],
    /// Additions since the last carry.
    pending: u32,
    nan: bool,
    above: bool,
    below: bool,
}

const MANTISSA: u64 = (1 << 52) - 1;

impl Wide {
    pub(super) const fn new() -> Self {
        Self { chunks: [0; CHUNKS], pending: 0, nan: false, above: false, below: false }
    }

    /// Adds a float.
    #[inline(always)]
    pub(super) fn add(&mut self, x: f64) {
        let bits = x.to_bits();
        let exponent = (bits >> 52 & 0x7ff) as usize;
        let mut mantissa = bits & MANTISSA;
        if exponent == 0x7ff {
            return self.add_special(x);
        }
        // Subnormal numbers have the exponent of the smallest normal ones.
        let shift = exponent.max(1) - 1;
        mantissa |= u64::from(exponent != 0) << 52;
        let (chunk, within) = (shift / 32, shift % 32);
        let low = (mantissa << within) & 0xffff_ffff;
        let high = mantissa >> (32 - within);
        // Negates if the sign bit is set.
        let sign = bits.cast_signed() >> 63;
        self.chunks[chunk] += (low.cast_signed() ^ sign) - sign;
        self.chunks[chunk + 1] += (high.cast_signed() ^ sign) - sign;
        self.pending += 1;
        if self.pending >= MOST_PENDING {
            self.carry();
        }
    }

    #[cold]
    fn add_special(&mut self, x: f64) {
        self.nan |= x.is_nan();
        self.above |= x == f64::INFINITY;
        self.below |= x == f64::NEG_INFINITY;
    }

    /// Leaves 32 bits in every chunk but the last.
    #[cold]
    fn carry(&mut self) {
        carry(&mut self.chunks);
        self.pending = 0;
    }

    /// Returns the sum and resets it.
    pub(super) fn take(&mut self) -> Digits {
        let done = std::mem::replace(self, Self::new());
        Digits::of(done.chunks, 0).with_special(done.nan, done.above, done.below)
    }
}

/// Carries the bits beyond 32 of each chunk to the next. The last has room for any sum of fewer
/// than 2^63 floats.
pub(super) fn carry(chunks: &mut [i64]) {
    for i in 0..chunks.len() - 1 {
        let over = chunks[i] >> 32;
        chunks[i] &= 0xffff_ffff;
        chunks[i + 1] += over;
    }
}
