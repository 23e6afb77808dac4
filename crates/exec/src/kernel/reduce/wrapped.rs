//! Wrappers of a reduction: [`Then`] maps its answer, [`Tried`] turns it into a result.

use std::ops::Range;

use rowmill_core::{Element, Outputs, Shape};

use super::{Answer, Answers, Block, Reduce, Reducer, Shared, State};
use crate::engine::grid::Grid;
use crate::error::Result;
use crate::kernel::NanPolicy;

/// A reduction with a function of its answer, so that different reductions can have one answer type
/// and be in one list.
///
/// ```
/// use rowmill_core::SliceSource;
/// use rowmill_exec::{Engine, Mean, MinMax, Reduce, Then, ValueRange};
/// let x = SliceSource::new(&[1.0_f32, 2.0, 6.0], [3]).unwrap();
/// let list: Vec<Box<dyn Reduce<f32, Output = String>>> = vec![
///     Box::new(Then(Mean::all(), |mean: f64| format!("mean {mean}"))),
///     Box::new(Then(MinMax::all(), |range: ValueRange<f32>| format!("max {}", range.max))),
/// ];
/// assert_eq!(Engine::new()?.reduce(&x, list)?, ["mean 3", "max 6"]);
/// # Ok::<(), rowmill_exec::Error>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Then<R, F>(
    /// The reduction.
    pub R,
    /// Called with its answer.
    pub F,
);

impl<T, R, O, F> Reduce<T> for Then<R, F>
where
    T: Element,
    R: Reduce<T>,
    F: Fn(R::Output) -> O + Sync,
{
    type Output = O;

    fn reducers<'a>(&'a self, nan: NanPolicy, to: &mut Vec<Box<dyn Reducer<T> + 'a>>) {
        self.0.reducers(nan, to);
    }
    fn output(&self, answers: &mut Answers) -> O {
        (self.1)(self.0.output(answers))
    }
}

/// A reduction that returns its failure at the end as its answer, so that it does not fail the
/// others of the same read.
///
/// ```
/// use rowmill_core::SliceSource;
/// use rowmill_exec::{Engine, MinMax, Sum, Tried};
/// let x = SliceSource::<f32>::new(&[], [0]).unwrap();
/// let (range, sum) = Engine::new()?.reduce(&x, (Tried(MinMax::all()), Sum::all()))?;
/// assert!(range.is_err());
/// assert_eq!(sum, 0.0);
/// # Ok::<(), rowmill_exec::Error>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Tried<R>(
    /// The reduction.
    pub R,
);

impl<T: Element, R: Reduce<T>> Reduce<T> for Tried<R> {
    type Output = Result<R::Output>;

    fn reducers<'a>(&'a self, nan: NanPolicy, to: &mut Vec<Box<dyn Reducer<T> + 'a>>) {
        let first = to.len();
        self.0.reducers(nan, to);
        let own: Vec<_> = to.drain(first..).collect();
        to.extend(own.into_iter().map(|reducer| Box::new(Caught(reducer)) as Box<_>));
    }

    fn output(&self, answers: &mut Answers) -> Result<R::Output> {
        let mut own = Vec::new();
        self.0.reducers(NanPolicy::default(), &mut own);
        // Takes the answer of each, even after a failure.
        let all: Vec<Result<Answer>> = own.iter().map(|_| answers.take()).collect();
        let all: Vec<Answer> = all.into_iter().collect::<Result<_>>()?;
        Ok(self.0.output(&mut Answers::new(all)))
    }
}

/// A reducer whose answer is the result of `finish`, failure included.
struct Caught<'a, T>(Box<dyn Reducer<T> + 'a>);

impl<T: Element> Reducer<T> for Caught<'_, T> {
    fn check(&self, shape: &Shape) -> Result<()> {
        self.0.check(shape)
    }
    fn share(&self, _: &Shape, _: &Grid) -> Result<Shared> {
        // Cells that are assembled in place fail at their block, before the end.
        Ok(Shared::default())
    }
    fn fold(&self, shared: &Shared, block: &Block<'_, T>) -> Result<Option<State>> {
        self.0.fold(shared, block)
    }
    fn merge(&self, state: &mut State, next: State) {
        self.0.merge(state, next);
    }
    fn finish(&self, shared: Shared, state: Option<State>, shape: &Shape) -> Result<Answer> {
        Ok(Box::new(self.0.finish(shared, state, shape)))
    }
    fn verify(&self) -> Result<()> {
        self.0.verify()
    }
    fn describe(&self) -> Option<String> {
        self.0.describe()
    }
    fn register(&self, outputs: &mut Outputs) {
        self.0.register(outputs);
    }
    fn describe_kernel(&self) -> Option<String> {
        self.0.describe_kernel()
    }
    fn save(&self, state: &State) -> Result<Vec<u8>> {
        self.0.save(state)
    }
    fn load(&self, bytes: &[u8], shape: &Shape, blocks: Range<usize>) -> Option<State> {
        self.0.load(bytes, shape, blocks)
    }
}
