//! Reductions behind one type per output, so that different ones fit in one list.

use rowmill::reduce::{Answers, Reduce, Reducer, Then, Tried};
use rowmill::{Element, NanPolicy, Result};

/// A reduction with output `O`.
pub struct Erased<'a, T, O>(Box<dyn Reduce<T, Output = O> + 'a>);

impl<'a, T: Element, O: 'a> Erased<'a, T, O> {
    pub fn new<R>(reduction: R, list: impl Fn(R::Output) -> O + Sync + 'a) -> Self
    where
        R: Reduce<T> + 'a,
    {
        Self(Box::new(Then(reduction, list)))
    }
}

impl<'a, T: Element, O: 'a> Erased<'a, T, Result<O>> {
    /// Erases a reduction that may fail when it is finished. Its failure becomes its output, and
    /// does not affect the others.
    pub fn tried<R>(reduction: R, list: impl Fn(R::Output) -> O + Sync + 'a) -> Self
    where
        R: Reduce<T> + 'a,
    {
        Self::new(Tried(reduction), move |output: Result<R::Output>| output.map(&list))
    }
}

impl<T: Element, O> Reduce<T> for Erased<'_, T, O> {
    type Output = O;

    fn reducers<'a>(&'a self, nan: NanPolicy, to: &mut Vec<Box<dyn Reducer<T> + 'a>>) {
        self.0.reducers(nan, to);
    }
    fn output(&self, answers: &mut Answers) -> O {
        self.0.output(answers)
    }
}
