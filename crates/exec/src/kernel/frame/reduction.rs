//! A kernel with its axis, mask and NaN policy: the typed shell that users hold.

use super::axis::Axis;
use super::{Cellular, Frame, JobSelection, Valued};
use crate::kernel::reduce::{Answers, Reduce, Reducer};
use crate::kernel::select::NanPolicy;
use crate::kernel::{Numeric, Selector, Unmasked, Values};

/// A kernel over an axis, for the elements that a mask keeps.
///
/// Made by `Sum::all()`, `Mean::per_column()`, `ArgMin::per_row()` and so on. It is a [`Reduce`]
/// and can be part of a tuple.
#[derive(Clone, Copy, Debug)]
#[must_use = "a reduction does nothing until an engine runs it"]
pub struct Reduction<K, A, M = Unmasked> {
    pub(crate) kernel: K,
    pub(crate) axis: A,
    pub(crate) mask: M,
    /// `None`: the policy of the call, which propagates by default.
    pub(crate) nan: Option<NanPolicy>,
}

impl<K, A> Reduction<K, A> {
    pub(crate) fn new(kernel: K, axis: A) -> Self {
        Self { kernel, axis, mask: Unmasked, nan: None }
    }
}

impl<K, A, M> Reduction<K, A, M> {
    /// Reduces only the elements that a [`Mask`](crate::Mask) keeps. Default: all.
    pub fn masked<N>(self, mask: N) -> Reduction<K, A, N> {
        Reduction { kernel: self.kernel, axis: self.axis, mask, nan: self.nan }
    }

    /// The treatment of NaN. Default: [`NanPolicy::Propagate`].
    pub fn nan(mut self, policy: NanPolicy) -> Self {
        self.nan = Some(policy);
        self
    }

    /// The same reduction with another kernel.
    pub(crate) fn with_kernel<L>(self, kernel: L) -> Reduction<L, A, M> {
        Reduction { kernel, axis: self.axis, mask: self.mask, nan: self.nan }
    }

    /// The same with only the kernel's type.
    pub(crate) fn frame<T: Numeric>(&self, nan: NanPolicy) -> Frame<'_, T>
    where
        K: Cellular<T>,
        A: Axis,
        M: Selector<T>,
    {
        let kept = self.axis.kept();
        let selected =
            JobSelection { cell: kept.cell, mask: &self.mask, nan: self.nan.unwrap_or(nan) };
        Frame { kernel: &self.kernel, kept, selected }
    }
}

impl<T, K, A, M> Reduce<T> for Reduction<K, A, M>
where
    T: Numeric,
    K: Valued<T>,
    A: Axis,
    M: Selector<T>,
{
    type Output = A::Output<K::Value>;

    fn reducers<'a>(&'a self, nan: NanPolicy, to: &mut Vec<Box<dyn Reducer<T> + 'a>>) {
        to.push(Box::new(self.frame(nan)));
    }

    fn output(&self, answers: &mut Answers) -> Self::Output {
        A::output(answers.take::<Values<K::Value>>())
    }
}
