//! The covariance of the columns.

use rowmill_core::Shape;
use serde::{Deserialize, Serialize};

use super::frame::room::Room;
use super::frame::{CellPlace, Each, Kernel, Lanes, Reduction, Selected};
use super::loops::Loops;
use super::{All, Numeric};
use crate::engine::grid::Grid;
use crate::error::{Error, Result};
use rowmill_lanes::arch::{Job, Simd};
use rowmill_lanes::fold::Cell;
use rowmill_lanes::lanes::{Lane, N};

/// The covariance and the correlation of every two columns (numpy's `cov` and `corrcoef` with
/// `rowvar=False`).
///
/// If any element of a row is left out by a mask or by [`NanPolicy::Skip`](crate::NanPolicy::Skip),
/// the whole row is. Blocks are centred about their own means and merged by the pairwise formula of
/// Chan, Golub and LeVeque (1983), in `f64`.
///
/// A partial of `p` columns takes `4 p (p + 3)` bytes, and the number of partials alive is workers
/// times the logarithm of the number of blocks. At the limit of 1024 columns each takes about 4
/// MiB.
///
/// ```
/// use rowmill_core::SliceSource;
/// use rowmill_exec::{Covariance, Engine};
/// let x = SliceSource::new(&[0.0_f32, 2.0, 1.0, 1.0, 2.0, 0.0], [3, 2]).unwrap();
/// let found = Engine::new()?.reduce(&x, Covariance::columns().ddof(1))?;
/// assert_eq!((found.get(0, 0), found.get(0, 1)), (1.0, -1.0));
/// assert_eq!(found.correlation()[1], -1.0);
/// # Ok::<(), rowmill_exec::Error>(())
/// ```
///
/// # Errors
/// The job fails with [`Error::BadOption`] for arrays of more than 1024 columns.
#[derive(Clone, Copy, Debug)]
pub struct Covariance {
    ddof: u64,
}

/// The most columns.
const MOST_COLUMNS: usize = 1024;

impl Covariance {
    /// The covariance over all elements. [`masked`](Reduction::masked) keeps the rows that the mask
    /// keeps whole. Under [`NanPolicy::Propagate`](crate::NanPolicy::Propagate), the default, every
    /// entry that involves a column with a NaN is NaN.
    pub fn columns() -> Reduction<Each<Self>, All> {
        Reduction::new(Each(Self { ddof: 0 }), All)
    }
}

impl<M> Reduction<Each<Covariance>, All, M> {
    /// Delta degrees of freedom: sums are divided by `count - ddof`, and the result is NaN if that
    /// is not positive. Default: 0, the population covariance; numpy's `cov` has 1.
    pub fn ddof(mut self, ddof: u64) -> Self {
        self.kernel.0.ddof = ddof;
        self
    }
}

/// The result of [`Covariance`].
#[derive(Clone, Debug, PartialEq)]
pub struct CovarianceMatrix {
    /// Rows that took part.
    pub count: u64,
    /// The mean of each column.
    pub mean: Vec<f64>,
    /// The covariances in row-major order: square, symmetric, the variances on the diagonal.
    pub values: Vec<f64>,
}

impl CovarianceMatrix {
    /// The number of columns of the array, which is the order of the matrix.
    #[must_use]
    pub fn columns(&self) -> usize {
        self.mean.len()
    }

    /// The covariance of two columns.
    ///
    /// # Panics
    /// If a column does not exist.
    #[must_use]
    pub fn get(&self, a: usize, b: usize) -> f64 {
        assert!(a < self.columns() && b < self.columns(), "{a}, {b} of {}", self.columns());
        self.values[a * self.columns() + b]
    }

    /// The correlations (Pearson's) in row-major order: 1 on the diagonal, at most 1 elsewhere. NaN
    /// if a column is constant.
    #[must_use]
    pub fn correlation(&self) -> Vec<f64> {
        let p = self.columns();
        let deviation: Vec<f64> = (0..p).map(|i| self.values[i * p + i].sqrt()).collect();
        let entry = |i: usize, j: usize| {
            let ratio = self.values[i * p + j] / deviation[i] / deviation[j];
            if deviation[i] == 0.0 || deviation[j] == 0.0 || ratio.is_nan() {
                f64::NAN
            } else if i == j {
                1.0
            } else {
                ratio.clamp(-1.0, 1.0)
            }
        };
        (0..p * p).map(|i| entry(i / p, i % p)).collect()
    }
}

/// Means, and sums of products of deviations from them.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct CoMoments {
    count: u64,
    mean: Vec<f64>,
    /// The upper triangle in row-major order.
    products: Vec<f64>,
}

const fn triangle(columns: usize) -> usize {
    columns * (columns + 1) / 2
}

/// Products of the columns of centred rows, `stride` apart: the upper triangle.
struct Products<'a> {
    centred: &'a [f64],
    columns: usize,
    stride: usize,
    to: &'a mut [f64],
}

/// Columns that are multiplied with a vector of others at a time.
const COLUMNS_AT_ONCE: usize = 4;

impl Job for Products<'_> {
    type Output = ();

    #[inline(always)]
    fn run(self, simd: impl Simd) {
        let Self { centred, columns, stride, to } = self;
        for i in (0..columns).step_by(COLUMNS_AT_ONCE) {
            let mine = COLUMNS_AT_ONCE.min(columns - i);
            // The vectors that the first of these columns contributes to.
            for j in (i / N * N..columns).step_by(N) {
                let mut sums = [[0.0; N]; COLUMNS_AT_ONCE];
                for row in centred.chunks_exact(stride) {
                    let Some(vector) = row[j..].first_chunk::<N>() else { continue };
                    let Some(factors) = row[i..].first_chunk::<COLUMNS_AT_ONCE>() else { continue };
                    for k in 0..COLUMNS_AT_ONCE {
                        sums[k] = simd.add(sums[k], simd.mul([factors[k]; N], *vector));
                    }
                }
                for (k, sums) in sums.iter().enumerate().take(mine) {
                    for (l, &sum) in sums.iter().enumerate() {
                        let (a, b) = (i + k, j + l);
                        if b >= a && b < columns {
                            to[triangle(columns) - triangle(columns - a) + b - a] = sum;
                        }
                    }
                }
            }
        }
    }
}

impl CoMoments {
    pub(super) fn of_block<L: Lane>(lanes: &Lanes<'_, L>) -> Self {
        let tile = &lanes.tile;
        let columns = tile.cols();
        // Padding behind the last column, for whole vectors.
        let stride = columns.next_multiple_of(N) + N;
        let mut centred = lanes.scratch.take::<f64>(tile.rows() * stride);
        let mut rows = 0;
        for (i, row) in tile.iter_rows().enumerate() {
            if lanes.keep.is_some_and(|keep| keep[i * columns..][..columns].contains(&0)) {
                continue;
            }
            let to = &mut centred[rows * stride..][..stride];
            to.fill(0.0);
            for (to, x) in to.iter_mut().zip(row) {
                *to = x.to_f64();
            }
            rows += 1;
        }
        let centred = &mut centred[..rows * stride];
        let (n, mut mean) = (rows as f64, vec![0.0; columns]);
        // A second pass removes the rounding error of the first mean.
        for _ in 0..2 {
            let mut sum = vec![0.0; columns];
            for row in centred.chunks_exact(stride) {
                for (sum, x) in sum.iter_mut().zip(row) {
                    *sum += x;
                }
            }
            for (sum, mean) in sum.iter_mut().zip(&mut mean) {
                *sum /= n.max(1.0);
                *mean += *sum;
            }
            for row in centred.chunks_exact_mut(stride) {
                for (x, off) in row.iter_mut().zip(&sum) {
                    *x -= off;
                }
            }
        }
        let mut products = vec![0.0; triangle(columns)];
        lanes.isa.run(Products { centred, columns, stride, to: &mut products });
        Self { count: rows as u64, mean, products }
    }

    /// Whether this can be the state of the rows of this room.
    fn is_valid<T: Numeric>(&self, columns: usize, room: &Room<'_>) -> bool {
        let Self { count, mean, products } = self;
        if mean.len() != columns || products.len() != triangle(columns) || !room.counts_rows(*count)
        {
            return false;
        }
        let most = Lane::to_f64(T::LEAST).abs().max(Lane::to_f64(T::MOST).abs());
        let finite = |x: &f64| x.is_finite();
        let variances = (0..columns).map(|i| products[triangle(columns) - triangle(columns - i)]);
        mean.iter().all(|mean| !mean.is_finite() || mean.abs() <= 2.0 * most)
            && (T::Lane::FLOAT || mean.iter().chain(products).all(finite))
            && variances.into_iter().all(|squares| squares >= 0.0 || squares.is_nan())
            && (*count > 0 || mean.iter().chain(products).all(|&x| x == 0.0))
    }

    fn join(&mut self, next: Self) {
        if self.count == 0 || next.count == 0 {
            if self.count == 0 {
                *self = next;
            }
            return;
        }
        let (a, b) = (self.count as f64, next.count as f64);
        let weight = a * b / (a + b);
        let deltas: Vec<f64> = next.mean.iter().zip(&self.mean).map(|(b, a)| b - a).collect();
        let mut start = 0;
        for i in 0..deltas.len() {
            let len = deltas.len() - i;
            let mine = &mut self.products[start..start + len];
            let others = &next.products[start..start + len];
            let factor = deltas[i] * weight;
            for ((mine, other), delta) in mine.iter_mut().zip(others).zip(&deltas[i..]) {
                *mine += other + factor * delta;
            }
            start += len;
        }
        for (mean, delta) in self.mean.iter_mut().zip(&deltas) {
            *mean += delta * (b / (a + b));
        }
        self.count += next.count;
    }
}

impl<T: Numeric> Kernel<T> for Covariance {
    /// `None` until a block is added: the number of columns is unknown before.
    type State = Option<CoMoments>;
    type Value = CovarianceMatrix;

    fn check(&self, shape: &Shape, _: &Grid, _: Cell) -> Result<()> {
        if shape.row_len() > MOST_COLUMNS {
            return Err(Error::BadOption {
                knob: "the array of a covariance",
                value: format!("of {} columns", shape.row_len()),
                expected: "expected at most 1024; take some of the columns at a time",
            });
        }
        Ok(())
    }

    fn new_state(&self) -> Option<CoMoments> {
        None
    }

    fn fold(&self, cells: &mut [Option<CoMoments>], selected: &Selected<'_, T>) -> Result<()> {
        // Rows this short are never cut into tiles.
        cells[0] = Some(T::Lane::co_moments(&selected.lanes));
        Ok(())
    }

    fn merge(&self, state: &mut Option<CoMoments>, next: Option<CoMoments>) {
        match (state, next) {
            (Some(state), Some(next)) => state.join(next),
            (state @ None, next) => *state = next,
            (Some(_), None) => {}
        }
    }

    fn is_valid(&self, state: &Option<CoMoments>, room: &Room<'_>) -> bool {
        let p = room.row_len();
        p <= MOST_COLUMNS && state.as_ref().is_some_and(|found| found.is_valid::<T>(p, room))
    }

    fn value(&self, state: &Option<CoMoments>, at: &CellPlace<'_>) -> Result<CovarianceMatrix> {
        let p = at.shape.row_len();
        let empty = || CoMoments { count: 0, mean: vec![0.0; p], products: vec![0.0; triangle(p)] };
        let CoMoments { count, mut mean, products } = state.clone().unwrap_or_else(empty);
        if count == 0 {
            mean.fill(f64::NAN);
        }
        let freedom = if count > self.ddof { (count - self.ddof) as f64 } else { f64::NAN };
        let mut values = vec![0.0; p * p];
        let mut upper = products.into_iter();
        for i in 0..p {
            for (j, product) in (i..p).zip(&mut upper) {
                values[i * p + j] = product / freedom;
                values[j * p + i] = product / freedom;
            }
        }
        Ok(CovarianceMatrix { count, mean, values })
    }

    fn describe(&self) -> Option<String> {
        Some(format!("covariance, ddof {}", self.ddof))
    }
}
