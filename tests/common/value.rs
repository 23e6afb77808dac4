//! Element types for the tests.

use rowmill::{Numeric, bf16, f16};

use super::Rng;

/// The distribution of random elements.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A few small whole numbers, often equal; all sums are exact.
    Small,
    /// Integers: all bit patterns. Floats: many magnitudes, all finite.
    Any,
    /// Like `Any`, mixed with NaN, infinities, zeros of both signs and subnormals.
    Special,
}

/// A sum type.
pub trait Total: Copy + PartialEq + std::fmt::Debug {
    /// The integer sum, if it is one.
    fn integer(self) -> Option<i128>;
    fn float(self) -> f64;
}

impl Total for i64 {
    fn integer(self) -> Option<i128> {
        Some(self.into())
    }
    fn float(self) -> f64 {
        self as f64
    }
}

impl Total for u64 {
    fn integer(self) -> Option<i128> {
        Some(self.into())
    }
    fn float(self) -> f64 {
        self as f64
    }
}

impl Total for f64 {
    fn integer(self) -> Option<i128> {
        None
    }
    fn float(self) -> f64 {
        self
    }
}

/// An element type.
pub trait Value: Numeric<Sum: Total> {
    /// The exact value of an integer or bool; `None` for floats.
    fn integer(self) -> Option<i128>;
    /// The value as a float: exact for floats, rounded for integers.
    fn float(self) -> f64;
    fn random(kind: Kind, rng: &mut Rng) -> Self;
    /// The nearest element to a number.
    fn near(value: f64) -> Self;
    /// The range of integer sums.
    const SUMS: (i128, i128);

    fn many(len: usize, kind: Kind, seed: u64) -> Vec<Self> {
        let mut rng = Rng::new(seed);
        (0..len).map(|_| Self::random(kind, &mut rng)).collect()
    }
}

macro_rules! integers {
    ($($t:ty: $sum:ty;)*) => {$(
        impl Value for $t {
            const SUMS: (i128, i128) = (<$sum>::MIN as i128, <$sum>::MAX as i128);
            fn integer(self) -> Option<i128> {
                Some(self.into())
            }
            fn float(self) -> f64 {
                i128::from(self) as f64
            }
            fn random(kind: Kind, rng: &mut Rng) -> Self {
                match kind {
                    Kind::Small => rng.below(10) as Self,
                    Kind::Any => (rng.bits() as Self) >> rng.below(<$t>::BITS as usize),
                    Kind::Special => match rng.below(4) {
                        0 => <$t>::MIN,
                        1 => <$t>::MAX,
                        2 => <$t>::MAX - 1,
                        _ => rng.bits() as Self,
                    },
                }
            }
            fn near(value: f64) -> Self {
                value.round() as Self
            }
        }
    )*};
}
integers! {
    i8: i64;
    i16: i64;
    i32: i64;
    i64: i64;
    u8: u64;
    u16: u64;
    u32: u64;
    u64: u64;
}

impl Value for bool {
    const SUMS: (i128, i128) = (0, i64::MAX as i128);
    fn integer(self) -> Option<i128> {
        Some(self.into())
    }
    fn float(self) -> f64 {
        f64::from(u8::from(self))
    }
    fn random(_: Kind, rng: &mut Rng) -> Self {
        rng.below(3) == 0
    }
    fn near(value: f64) -> Self {
        value != 0.0
    }
}

/// A float: most have a magnitude near one, some are far larger or smaller (within `2^±reach`).
fn float(kind: Kind, reach: usize, tiny: f64, rng: &mut Rng) -> f64 {
    let plain = |rng: &mut Rng| {
        let size = rng.below(2 * reach + 1) as i32 - reach as i32;
        rng.normal() * 2.0_f64.powi(if rng.below(4) == 0 { size } else { 0 })
    };
    match kind {
        Kind::Small => rng.below(10) as f64,
        Kind::Any => plain(rng),
        Kind::Special => match rng.below(40) {
            0 => f64::NAN,
            1 => f64::INFINITY,
            2 => f64::NEG_INFINITY,
            3 => -0.0,
            4 => 0.0,
            5 => tiny,
            6 => -tiny,
            _ => plain(rng),
        },
    }
}

macro_rules! floats {
    ($($t:ty: $reach:literal, $tiny:expr, |$x:ident| $near:expr;)*) => {$(
        impl Value for $t {
            const SUMS: (i128, i128) = (0, 0);
            fn integer(self) -> Option<i128> {
                None
            }
            fn float(self) -> f64 {
                self.into()
            }
            fn random(kind: Kind, rng: &mut Rng) -> Self {
                Self::near(float(kind, $reach, $tiny, rng))
            }
            fn near($x: f64) -> Self {
                $near
            }
        }
    )*};
}
floats! {
    f16: 8, f64::from(f16::MIN_POSITIVE_SUBNORMAL), |x| Self::from_f64(x);
    bf16: 40, f64::from(bf16::from_bits(1)), |x| Self::from_f64(x);
    f32: 40, f64::from(f32::from_bits(1)), |x| x as Self;
    f64: 100, f64::from_bits(1), |x| x;
}
