//! Reductions of complex numbers: each is a pair, over the real and over the imaginary halves.

use std::marker::PhantomData;
use std::ops::Range;

use rowmill_core::{Complex, Element, Outputs, Shape, Source, Tile};

use super::frame::axis::Axis;
use super::frame::{Frame, Valued};
use super::{
    ArrayMask, Counts, Mean, Moments, NanPolicy, Numeric, Reduction, Selector, Statistic, Sum,
    Tally, Unmasked, Values,
};
use crate::engine::OWN;
use crate::error::{Error, Result};
use crate::kernel::reduce::{Answer, Answers, Block, Reduce, Reducer, Shared, State, decoded};

/// A statistic of complex numbers, whose halves are of type `F`.
///
/// | statistic | gives |
/// |---|---|
/// | [`Sum`], [`Mean`] | a complex `f64` |
/// | [`Moments`] | a complex mean and a real variance, the mean of \|x - mean\|² |
/// | [`Counts`] | as of real numbers; an element is NaN if either half is, else infinite if either is |
///
/// There is no [`MinMax`](crate::MinMax) and no [`Stats`](crate::Stats): complex numbers are not
/// ordered.
///
/// Under [`NanPolicy::Propagate`] a NaN in one half makes that half of the result NaN, as in numpy.
/// The other policies apply to elements: a skipped element is skipped in both halves.
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

    /// The value from the values of both halves.
    fn join(re: Self::Value, im: Self::Value) -> Self::Complex;

    /// Whether an element with a NaN counts as NaN in both halves, whatever the policy.
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

/// The result of [`Moments`] for complex numbers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ComplexMeanVar {
    /// Elements that took part.
    pub count: u64,
    /// Their mean; NaN if there are none.
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

    // By now infinities are in the real halves, and a NaN is in both.
    fn join(re: Tally, _: Tally) -> Tally {
        re
    }
}

/// A mask that decides by position, not by value: none at all, or an array. Complex numbers are not
/// compared.
pub trait Positional<F: Numeric>: Selector<F> {}

impl<F: Numeric, M: Positional<F> + ?Sized> Positional<F> for &M {}
impl<F: Numeric> Positional<F> for Unmasked {}
impl<F: Numeric, S: Source<bool>> Positional<F> for ArrayMask<'_, S> {}

/// A half of a complex number, which is a lane type itself.
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
            S: Complexed<$t> + Valued<$t, Value = <S as Statistic<$t>>::Value>,
            A: Axis,
            M: Positional<$t>,
        {
            type Output = A::Output<S::Complex>;

            fn reducers<'a>(&'a self, nan: NanPolicy, to: &mut Vec<Box<dyn Reducer<Complex<$t>> + 'a>>) {
                to.push(Box::new(Halves::<_, S> { frame: self.frame::<$t>(nan), of: PhantomData }));
            }
            fn output(&self, answers: &mut Answers) -> Self::Output {
                A::output(answers.take::<Values<S::Complex>>())
            }
        }
    )*};
}
halves!(f32 f64);

/// One reduction of both halves, each in its own state.
struct Halves<'a, F, S> {
    frame: Frame<'a, F>,
    of: PhantomData<fn() -> S>,
}

/// The states of the real and of the imaginary halves.
type Both = (State, State);

impl<F, S> Reducer<Complex<F>> for Halves<'_, F, S>
where
    F: Half,
    Complex<F>: Element,
    S: Complexed<F> + Valued<F, Value = <S as Statistic<F>>::Value>,
{
    fn check(&self, shape: &Shape) -> Result<()> {
        self.frame.check(shape)
    }

    fn fold(&self, _: &Shared, block: &Block<'_, Complex<F>>) -> Result<Option<State>> {
        let by_element = S::BY_ELEMENT || self.frame.selected.nan != NanPolicy::Propagate;
        let nothing = Shared::default();
        let both = with_halves(block, by_element, S::BY_ELEMENT, |re, im| {
            Ok::<_, Error>((self.frame.fold(&nothing, re)?, self.frame.fold(&nothing, im)?))
        })?;
        Ok(match both {
            (Some(re), Some(im)) => Some(Box::new((re, im))),
            _ => None,
        })
    }

    fn merge(&self, state: &mut State, next: State) {
        let both: &mut Both = state.downcast_mut().expect(OWN);
        let next: Both = *next.downcast().expect(OWN);
        self.frame.merge(&mut both.0, next.0);
        self.frame.merge(&mut both.1, next.1);
    }

    fn finish(&self, _: Shared, state: Option<State>, shape: &Shape) -> Result<Answer> {
        let both = state.map(|state| *state.downcast::<Both>().expect(OWN));
        let (re, im) = both.unzip();
        let values = |half| -> Result<Values<<S as Statistic<F>>::Value>> {
            let answer = self.frame.finish(Shared::default(), half, shape)?;
            Ok(*answer.downcast().expect(OWN))
        };
        let (re, im) = (values(re)?, values(im)?);
        let dims = re.dims().to_vec();
        let joined =
            re.into_iter().zip(im).map(|(re, im)| <S as Complexed<F>>::join(re, im)).collect();
        Ok(Box::new(Values::<S::Complex>::new(joined, dims)))
    }

    fn verify(&self) -> Result<()> {
        self.frame.verify()
    }

    fn describe(&self) -> Option<String> {
        self.frame.describe()
    }

    fn describe_kernel(&self) -> Option<String> {
        self.frame.describe_kernel()
    }

    fn register(&self, outputs: &mut Outputs) {
        self.frame.register(outputs);
    }

    fn save(&self, state: &State) -> Result<Vec<u8>> {
        let both: &Both = state.downcast_ref().expect(OWN);
        let both = (self.frame.save(&both.0)?, self.frame.save(&both.1)?);
        postcard::to_stdvec(&both).map_err(|e| Error::Unsaved { what: e.to_string() })
    }

    fn load(&self, bytes: &[u8], shape: &Shape, blocks: Range<usize>) -> Option<State> {
        let (re, im): (Vec<u8>, Vec<u8>) = decoded(bytes)?;
        let size = size_of::<Complex<F>>();
        let half = |bytes: &[u8]| self.frame.load_sized(bytes, (shape, size), blocks.clone());
        let (re, im) = (half(&re)?, half(&im)?);
        // Both halves have the same elements.
        self.frame.counts_agree(&re, &im).then(|| Box::new((re, im)) as State)
    }
}

/// Passes a block to `f` as the blocks of its halves.
///
/// With `by_element`, a NaN in one half is NaN in both. For counting, an infinity in one half moves
/// to the real one.
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
            .releasing(block.releases())
    };
    f(&half(&re), &half(&im))
}
