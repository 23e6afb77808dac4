//! Skewness and kurtosis.

use serde::{Deserialize, Serialize};

use super::frame::room::Room;
use super::frame::{CellPlace, Each, Selected, kernel_constructors};
use super::loops::Loops;
use super::{Kernel, Numeric, Reduction};
use crate::error::Result;
use rowmill_lanes::arch::{Isa, Job, Simd};
use rowmill_lanes::lanes::{Lane, N};

/// The skewness `m3 / m2^1.5`, from the population's central moments `m2` and `m3`: scipy's
/// `stats.skew`.
///
/// A block is centred about its own mean, and blocks are merged by the formulas of Pébay ("Formulas
/// for robust, one-pass parallel computation of covariances and arbitrary-order statistical
/// moments", Sandia report SAND2008-6212, 2008). NaN for an empty selection, for constants, and if
/// there is an infinity.
///
/// ```
/// use rowmill_core::SliceSource;
/// use rowmill_exec::{Engine, Skewness};
/// let x = SliceSource::new(&[2_u8, 8, 0, 4, 1, 9, 9, 0], [8]).unwrap();
/// let engine = Engine::new()?;
/// let (biased, unbiased) = engine.reduce(&x, (Skewness::all(), Skewness::all().unbiased()))?;
/// assert!((biased - 0.265_055_412_269_857_3).abs() < 1e-15);
/// assert!(unbiased > biased);
/// # Ok::<(), rowmill_exec::Error>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Skewness {
    unbiased: bool,
}

/// The excess kurtosis `m4 / m2^2 - 3` (Fisher's, 0 for a normal distribution), from the
/// population's central moments: scipy's `stats.kurtosis`. As [`Skewness`].
///
/// ```
/// use rowmill_core::SliceSource;
/// use rowmill_exec::{Engine, Kurtosis};
/// let x = SliceSource::new(&[1.0, 2.0, 3.0, 4.0, 5.0], [5]).unwrap();
/// let engine = Engine::new()?;
/// assert!((engine.reduce(&x, Kurtosis::all())? + 1.3).abs() < 1e-15);
/// assert!((engine.reduce(&x, Kurtosis::all().pearson())? - 1.7).abs() < 1e-15);
/// # Ok::<(), rowmill_exec::Error>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Kurtosis {
    unbiased: bool,
    pearson: bool,
}

kernel_constructors!(Skewness, Self { unbiased: false });
kernel_constructors!(Kurtosis, Self { unbiased: false, pearson: false });

impl<A, M> Reduction<Each<Skewness>, A, M> {
    /// Corrects the bias of a sample (`bias=False` of scipy) if there are more than two elements.
    /// Default: no correction.
    pub fn unbiased(mut self) -> Self {
        self.kernel.0.unbiased = true;
        self
    }
}

impl<A, M> Reduction<Each<Kurtosis>, A, M> {
    /// Corrects the bias of a sample (`bias=False` of scipy) if there are more than three elements.
    /// Default: no correction.
    pub fn unbiased(mut self) -> Self {
        self.kernel.0.unbiased = true;
        self
    }

    /// Pearson's definition, 3 for a normal distribution (`fisher=False` of scipy). Default:
    /// Fisher's.
    pub fn pearson(mut self) -> Self {
        self.kernel.0.pearson = true;
        self
    }
}

/// The number of elements, their mean, and the sums of powers of deviations from it.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Central {
    count: u64,
    mean: f64,
    m2: f64,
    m3: f64,
    m4: f64,
}

impl Central {
    const NEW: Self = Self { count: 0, mean: 0.0, m2: 0.0, m3: 0.0, m4: 0.0 };

    /// The state of some elements.
    fn of(values: &[f64], isa: Isa) -> Self {
        if values.is_empty() { Self::NEW } else { isa.run(TwoTrips { values }) }
    }

    /// Moves sums taken about `mean` to `mean + shift`, where `shift` is the mean deviation.
    fn shifted(self, shift: f64) -> Self {
        let Self { count, mean, m2, m3, m4 } = self;
        let (n, square) = (count as f64, shift * shift);
        Self {
            count,
            mean: mean + shift,
            m2: m2 - n * square,
            m3: m3 - 3.0 * shift * m2 + 2.0 * n * square * shift,
            m4: m4 - 4.0 * shift * m3 + 6.0 * square * m2 - 3.0 * n * square * square,
        }
    }

    /// Pébay's equations 2.1 and 3.1 for the powers 2 to 4.
    fn joined(a: Self, b: Self) -> Self {
        if a.count == 0 || b.count == 0 {
            return if a.count == 0 { b } else { a };
        }
        let (na, nb) = (a.count as f64, b.count as f64);
        let n = na + nb;
        let delta = b.mean - a.mean;
        let (part, square) = (delta / n, delta * delta);
        let m2 = a.m2 + b.m2 + square * (na * nb / n);
        let m3 = a.m3
            + b.m3
            + delta * square * (na * nb * (na - nb) / (n * n))
            + 3.0 * part * (na * b.m2 - nb * a.m2);
        let m4 = a.m4
            + b.m4
            + square * square * (na * nb / n * ((na * na - na * nb + nb * nb) / (n * n)))
            + 6.0 * part * part * (na * na * b.m2 + nb * nb * a.m2)
            + 4.0 * part * (na * b.m3 - nb * a.m3);
        Self { count: a.count + b.count, mean: a.mean + part * nb, m2, m3, m4 }
    }

    fn is_valid<T: Numeric>(&self, room: &Room<'_>) -> bool {
        let &Self { count, mean, m2, m3, m4 } = self;
        if count == 0 {
            return [mean, m2, m3, m4] == [0.0; 4];
        }
        let most = Lane::to_f64(T::LEAST).abs().max(Lane::to_f64(T::MOST).abs());
        let all_finite = [mean, m2, m3, m4].into_iter().all(f64::is_finite);
        // About the rounded mean of equal elements, squares differ from zero by rounding only.
        let noise = count as f64 * (f64::EPSILON * mean).powi(2);
        room.counts(count)
            && (T::Lane::FLOAT || all_finite)
            && (!mean.is_finite() || mean.abs() <= 2.0 * most)
            && (!m2.is_finite() || m2 >= -noise)
    }

    /// Whether the spread is only rounding error (the test of `scipy.stats.skew`).
    fn is_constant(&self) -> bool {
        let noise = f64::EPSILON * self.mean;
        self.m2 / self.count as f64 <= noise * noise
    }

    fn skewness(&self, unbiased: bool) -> f64 {
        if self.count == 0 || self.is_constant() {
            return f64::NAN;
        }
        let n = self.count as f64;
        let m2 = self.m2 / n;
        let biased = self.m3 / n / (m2 * m2.sqrt());
        if unbiased && self.count > 2 {
            ((n - 1.0) * n).sqrt() / (n - 2.0) * biased
        } else {
            biased
        }
    }

    /// Fisher's definition.
    fn kurtosis(&self, unbiased: bool) -> f64 {
        if self.count == 0 || self.is_constant() {
            return f64::NAN;
        }
        let n = self.count as f64;
        let m2 = self.m2 / n;
        let ratio = self.m4 / n / (m2 * m2);
        if unbiased && self.count > 3 {
            ((n * n - 1.0) * ratio - 3.0 * (n - 1.0) * (n - 1.0)) / ((n - 2.0) * (n - 3.0))
        } else {
            ratio - 3.0
        }
    }
}

/// The moments of some elements, in two passes.
struct TwoTrips<'a> {
    values: &'a [f64],
}

/// Vectors that are accumulated in parallel.
const WAYS: usize = 2;

#[inline(always)]
fn across(lanes: [[f64; N]; WAYS]) -> f64 {
    lanes.into_iter().flatten().sum()
}

impl Job for TwoTrips<'_> {
    type Output = Central;

    #[inline(always)]
    fn run(self, simd: impl Simd) -> Central {
        let n = self.values.len() as f64;
        let (vectors, rest) = self.values.as_chunks::<N>();
        let (pairs, odd) = vectors.as_chunks::<WAYS>();
        let mut sum = [[0.0; N]; WAYS];
        for pair in pairs {
            for k in 0..WAYS {
                sum[k] = simd.add(sum[k], pair[k]);
            }
        }
        let left = || odd.iter().flatten().chain(rest).copied();
        let mean = (across(sum) + left().sum::<f64>()) / n;
        let (mut d1, mut d2) = ([[0.0; N]; WAYS], [[0.0; N]; WAYS]);
        let (mut d3, mut d4) = (d1, d2);
        for pair in pairs {
            for k in 0..WAYS {
                let d = simd.sub(pair[k], [mean; N]);
                let square = simd.mul(d, d);
                d1[k] = simd.add(d1[k], d);
                d2[k] = simd.add(d2[k], square);
                d3[k] = simd.add(d3[k], simd.mul(square, d));
                d4[k] = simd.add(d4[k], simd.mul(square, square));
            }
        }
        let (mut off, mut m2, mut m3, mut m4) = (across(d1), across(d2), across(d3), across(d4));
        for x in left() {
            let d = x - mean;
            let square = d * d;
            off += d;
            m2 += square;
            m3 += square * d;
            m4 += square * square;
        }
        // Corrects for the rounding error of the mean.
        Central { count: self.values.len() as u64, mean, m2, m3, m4 }.shifted(off / n)
    }
}

macro_rules! kernel {
    ($kernel:ty, |$me:ident, $central:ident| $name:expr, $value:expr) => {
        impl<T: Numeric> Kernel<T> for $kernel {
            type Value = f64;
            type State = Central;

            fn new_state(&self) -> Central {
                Central::NEW
            }
            fn fold(&self, cells: &mut [Central], selected: &Selected<'_, T>) -> Result<()> {
                let isa = selected.lanes.isa;
                T::Lane::gathered(&selected.lanes, &mut |cell, values| {
                    cells[cell] = Central::of(values, isa);
                });
                Ok(())
            }
            fn merge(&self, state: &mut Central, next: Central) {
                *state = Central::joined(*state, next);
            }
            fn is_valid(&self, state: &Central, room: &Room<'_>) -> bool {
                state.is_valid::<T>(room)
            }
            fn value(&self, $central: &Central, _: &CellPlace<'_>) -> Result<f64> {
                let $me = self;
                Ok($value)
            }
            fn describe(&self) -> Option<String> {
                let $me = self;
                Some($name)
            }
        }
    };
}
kernel!(
    Skewness,
    |me, central| format!("skewness, unbiased {}", me.unbiased),
    central.skewness(me.unbiased)
);
kernel!(
    Kurtosis,
    |me, central| format!("kurtosis, unbiased {}, pearson {}", me.unbiased, me.pearson),
    central.kurtosis(me.unbiased) + if me.pearson { 3.0 } else { 0.0 }
);
