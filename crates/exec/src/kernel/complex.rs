//! Reductions of complex numbers: each is two, one of the real and one of the imaginary halves.

use std::fmt::Debug;
use std::ops::Range;

use rowmill_core::{Complex, Outputs, Shape, Source, Tile};
use serde::{Deserialize, Serialize};

use super::pieces::Pieces;
use super::{
    ArrayMask, Axis, Counts, Mean, Moments, NanPolicy, Numeric, Reduction, Selector, Statistic,
    Sum, Tally, Unmasked,
};
use crate::Result;
use crate::reduce::{Block, Reduce};
use crate::resume::{Resume, decoded};
use rowmill_lanes::fold::Cells;

/// What a statistic makes of complex numbers, of which the halves are of type `F`.
///
/// | statistic | gives |
/// |---|---|
/// | [`Sum`], [`Mean`] | a complex `f64` |
/// | [`Moments`] | a complex mean and a real variance, the mean of \|x - mean\|² |
/// | [`Counts`] | as of real numbers; an element is NaN if either half is, else infinite if either is |
///
/// There is no [`MinMax`](crate::MinMax) and no [`Stats`](crate::Stats): complex numbers have no order.
///
/// Under [`NanPolicy::Propagate`] a NaN in one half makes that half of the result NaN, as in numpy. The
/// other policies are about elements: skipped, both halves are.
///
/// ```
/// use rowmill_core::{Complex, SliceSource};
/// use rowmill_exec::{Engine, Mean, Moments, Sum};
/// let data = [Complex::new(1.0_f32, 2.0), Complex::new(3.0, -4.0)];
/// let x = SliceSource::new(&data, [2]).unwrap();
/// let (sum, moments) = Engine::new()?.reduce(&x, (Sum::all(), Moments::all()))?;
/// assert_eq!(sum, Complex::new(4.0, -2.0));
/// assert_eq!((moments.mean, moments.var), (Complex::new(2.0, -1.0), 10.0));
/// # Ok::<(), rowmill_exec::Error>(())
/// ```
pub trait Complexed<F: Numeric>: Statistic<F> + Copy {
    /// The value of one cell.
    type Complex: Copy + Send + Sync + 'static;

    /// The value of the values of both halves.
    #[doc(hidden)]
    fn join(re: Self::Value, im: Self::Value) -> Self::Complex;

    /// Whether elements with a NaN are NaN in both halves, whatever the policy.
    #[doc(hidden)]
    const BY_ELEMENT: bool = false;
}

impl<F: Numeric<Sum = f64>> Complexed<F> for Sum {
    type Complex = Complex<f64>;

    fn join(re: f64, im: f64) -> Complex<f64> {
        Complex::new(re, im)
    }
}

impl<F: Numeric> Complexed<F> for Mean {
    type Complex = Complex<f64>;

    fn join(re: f64, im: f64) -> Complex<f64> {
        Complex::new(re, im)
    }
}

/// What [`Moments`] gives of complex numbers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ComplexMeanVar {
    /// Elements that took part.
    pub count: u64,
    /// Their mean; NaN when there is none.
    pub mean: Complex<f64>,
    /// Their variance, which is real: that of the real halves plus that of the imaginary halves.
    pub var: f64,
}

impl ComplexMeanVar {
    /// The standard deviation.
    #[must_use]
    pub fn std(&self) -> f64 {
        self.var.sqrt()
    }
}

impl<F: Numeric> Complexed<F> for Moments {
    type Complex = ComplexMeanVar;

    fn join(re: Self::Value, im: Self::Value) -> ComplexMeanVar {
        let mean = Complex::new(re.mean, im.mean);
        ComplexMeanVar { count: re.count, mean, var: re.var + im.var }
    }
}

impl<F: Numeric> Complexed<F> for Counts {
    type Complex = Tally;
    const BY_ELEMENT: bool = true;

    // Infinities are in the real halves by now, and both halves have the NaN.
    fn join(re: Tally, _: Tally) -> Tally {
        re
    }
}

/// A mask that decides by position, not by value: none at all, or an array. Complex numbers do not
/// compare.
pub trait Positional<F: Numeric>: Selector<F> {}

impl<F: Numeric> Positional<F> for Unmasked {}
impl<F: Numeric, S: Source<bool>> Positional<F> for ArrayMask<'_, S> {}

/// The partials of both halves.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(bound = "")]
pub struct Halves<F: Numeric> {
    re: Pieces<Cells<F::Lane>>,
    im: Pieces<Cells<F::Lane>>,
}

/// A half of complex numbers that is a lane itself.
trait Half: Numeric<Lane = Self> + bytemuck::Pod {
    const NAN: Self;
    fn is_nan(self) -> bool;
    fn is_infinite(self) -> bool;
}

macro_rules! halves {
    ($($t:ty)*) => {$(
        impl Half for $t {
            const NAN: Self = <$t>::NAN;
            #[inline]
            fn is_nan(self) -> bool {
                <$t>::is_nan(self)
            }
            #[inline]
            fn is_infinite(self) -> bool {
                <$t>::is_infinite(self)
            }
        }

        impl<S, A, M> Reduce<Complex<$t>> for Reduction<S, A, M>
        where
            S: Complexed<$t>,
            A: Axis,
            M: Positional<$t>,
        {
            type Partial = Halves<$t>;
            type Output = A::Output<S::Complex>;

            fn check(&self, shape: &Shape) -> Result<()> {
                Reduce::<$t>::check(self, shape)
            }
            fn identity(&self) -> Halves<$t> {
                Halves { re: Reduce::<$t>::identity(self), im: Reduce::<$t>::identity(self) }
            }
            fn accumulate(
                &self,
                partial: &mut Halves<$t>,
                block: &Block<'_, Complex<$t>>,
            ) -> Result<()> {
                let by_element = S::BY_ELEMENT || self.nan != NanPolicy::Propagate;
                with_halves(block, by_element, S::BY_ELEMENT, |re, im| {
                    self.accumulate(&mut partial.re, re)?;
                    self.accumulate(&mut partial.im, im)
                })
            }
            fn merge(&self, partial: &mut Halves<$t>, next: Halves<$t>) {
                Reduce::<$t>::merge(self, &mut partial.re, next.re);
                Reduce::<$t>::merge(self, &mut partial.im, next.im);
            }
            fn verify(&self) -> Result<()> {
                Reduce::<$t>::verify(self)
            }
            fn register(&self, outputs: &mut Outputs) {
                Reduce::<$t>::register(self, outputs);
            }
            fn finish(&self, partial: Halves<$t>, shape: &Shape) -> Result<Self::Output> {
                let (re, dims) = A::into_values(Reduce::<$t>::finish(self, partial.re, shape)?);
                let (im, _) = A::into_values(Reduce::<$t>::finish(self, partial.im, shape)?);
                let joined = re.into_iter().zip(im).map(|(re, im)| S::join(re, im)).collect();
                Ok(self.axis.output(joined, dims))
            }
        }

        impl<S, A, M> Resume<Complex<$t>> for Reduction<S, A, M>
        where
            S: Complexed<$t> + Debug,
            A: Axis,
            M: Positional<$t>,
        {
            fn describe(&self) -> Option<String> {
                Resume::<$t>::describe(self)
            }
            fn save(&self, partial: &Halves<$t>) -> Vec<u8> {
                postcard::to_stdvec(partial).unwrap_or_default()
            }
            fn load(
                &self,
                bytes: &[u8],
                shape: &Shape,
                blocks: Range<usize>,
            ) -> Option<Halves<$t>> {
                let halves: Halves<$t> = decoded(bytes)?;
                let size = size_of::<Complex<$t>>();
                let fits = |pieces| self.fits::<$t>(pieces, shape, size, blocks.clone());
                // Both halves are of the same elements.
                let agree = |(re, im): (&(_, Cells<$t>), &(_, Cells<$t>))| re.1.counts_agree(&im.1);
                (fits(&halves.re)
                    && fits(&halves.im)
                    && halves.re.0.iter().zip(&halves.im.0).all(agree))
                .then_some(halves)
            }
        }
    )*};
}
halves!(f32 f64);

/// Hands a block to `f` as the blocks of its halves.
///
/// By element, what is NaN in one half is NaN in both. For counting, what is infinite in one half is
/// so in the real one.
fn with_halves<F: Half, R>(
    block: &Block<'_, Complex<F>>,
    by_element: bool,
    counting: bool,
    f: impl FnOnce(&Block<'_, F>, &Block<'_, F>) -> R,
) -> R {
    let (tile, scratch) = (block.tile(), block.scratch());
    let (mut re, mut im) = (scratch.take::<F>(tile.len()), scratch.take::<F>(tile.len()));
    let halves = re.iter_mut().zip(im.iter_mut());
    for ((re, im), x) in halves.zip(tile.slices().flatten()) {
        (*re, *im) = (x.re, x.im);
    }
    if by_element {
        for (re, im) in re.iter_mut().zip(im.iter_mut()) {
            if re.is_nan() || im.is_nan() {
                (*re, *im) = (F::NAN, F::NAN);
            } else if counting && im.is_infinite() {
                *re = *im;
            }
        }
    }
    let half = |elements| {
        let tile = Tile::new(elements, tile.rows(), tile.cols(), tile.cols());
        Block::new(tile, block.bounds().clone(), block.row_len(), block.isa(), scratch)
            .lets_go(block.has_to_let_go())
    };
    f(&half(&re), &half(&im))
}
