//! Reductions as the engine sees them: objects that are called once a block, whatever they compute.
//!
//! ```text
//!   Sum::all(), (Mean::per_column(), TopK::largest(3)?.all()), ...      Reduce: typed, a thin shell
//!        |  reducers()                              ^  output()
//!        v                                          |
//!   [dyn Reducer, dyn Reducer]  --engine, tree-->  [Answer, Answer]     compiled once
//! ```

use std::any::Any;
use std::fmt;
use std::ops::Range;

use rowmill_core::{Element, Outputs, Shape, Tile};
use serde::de::DeserializeOwned;

use crate::grid::{Bounds, Grid};
use crate::scratch::Scratch;
use crate::{NanPolicy, Result};
use rowmill_lanes::arch::Isa;

/// One block of an array: some rows, or of long rows a run of their elements.
///
/// The bounds of blocks depend on the shape and the dtype alone, never on workers or chunks, and
/// are an implementation detail otherwise: a kernel has to accept any.
#[derive(Debug)]
pub struct Block<'a, T> {
    tile: Tile<'a, T>,
    bounds: Bounds,
    row_len: usize,
    isa: Isa,
    scratch: &'a Scratch,
    lets_go: bool,
}

impl<'a, T> Block<'a, T> {
    pub(crate) fn new(
        tile: Tile<'a, T>,
        bounds: Bounds,
        row_len: usize,
        isa: Isa,
        scratch: &'a Scratch,
    ) -> Self {
        Self { tile, bounds, row_len, isa, scratch, lets_go: false }
    }

    /// Whether what a kernel reads beside the block, like a mask, has to be let go afterwards.
    pub(crate) fn lets_go(self, lets_go: bool) -> Self {
        Self { lets_go, ..self }
    }

    pub(crate) fn has_to_let_go(&self) -> bool {
        self.lets_go
    }

    /// Some rows of the block.
    pub(crate) fn sub_rows(&self, range: Range<usize>) -> Self {
        let first = self.bounds.rows.start;
        let rows = first + range.start..first + range.end;
        let bounds = Bounds { rows, cols: self.bounds.cols.clone(), ..self.bounds };
        Self { tile: self.tile.sub_rows(range), bounds, ..*self }
    }

    /// The elements.
    #[must_use]
    pub fn tile(&self) -> Tile<'a, T> {
        self.tile
    }

    /// The rows of the array that the block holds.
    #[must_use]
    pub fn rows(&self) -> Range<usize> {
        self.bounds.rows.clone()
    }

    /// The elements of each row that the block holds, in C order within the row.
    #[must_use]
    pub fn cols(&self) -> Range<usize> {
        self.bounds.cols.clone()
    }

    /// The number of elements of a whole row of the array.
    #[must_use]
    pub fn row_len(&self) -> usize {
        self.row_len
    }

    /// The elements as slices, in order: one if they follow each other, else one a row.
    pub fn slices(&self) -> impl Iterator<Item = &'a [T]> + use<'a, T> {
        self.tile.slices()
    }

    /// The instruction set that the job runs on.
    #[must_use]
    pub fn isa(&self) -> Isa {
        self.isa
    }

    pub(crate) fn bounds(&self) -> &Bounds {
        &self.bounds
    }

    pub(crate) fn scratch(&self) -> &'a Scratch {
        self.scratch
    }
}

/// What the workers of a job share for a kernel: where its answer is put together, when no two blocks
/// contribute to the same cell. Then partials stay empty, and nothing is merged or copied.
#[derive(Default)]
pub struct Shared(Option<Box<dyn Any + Send + Sync>>);

impl Shared {
    pub(crate) fn new(shared: impl Any + Send + Sync) -> Self {
        Self(Some(Box::new(shared)))
    }

    /// Whether there is such a place.
    pub(crate) fn is_some(&self) -> bool {
        self.0.is_some()
    }

    pub(crate) fn get<S: Any>(&self) -> Option<&S> {
        self.0.as_ref()?.downcast_ref()
    }

    pub(crate) fn into_inner<S: Any>(self) -> Option<S> {
        self.0?.downcast().ok().map(|shared| *shared)
    }
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared").field("is_some", &self.0.is_some()).finish()
    }
}

/// The value that bytes stand for, all of them.
pub(crate) fn decoded<P: DeserializeOwned>(bytes: &[u8]) -> Option<P> {
    match postcard::take_from_bytes(bytes) {
        Ok((value, [])) => Some(value),
        _ => None,
    }
}

/// The mergeable state of one reduction over a run of blocks. Its reducer knows what is in it.
pub type State = Box<dyn Any + Send>;

/// The answer of one reducer. Its reduction knows the type.
pub type Answer = Box<dyn Any + Send>;

/// A downcast of what this reducer made itself.
pub(crate) const OWN: &str = "a state that this reducer made";

/// One reduction of a job, without types but that of the elements: what the engine, the merge tree,
/// checkpoints and partials work with. Called once a block.
///
/// Made by the frame that all kernels share; implement [`Kernel`](crate::Kernel) for a reduction of
/// your own.
pub trait Reducer<T: Element>: Sync {
    /// Refuses arrays that the reduction cannot work on, before anything is read.
    ///
    /// # Errors
    /// Whatever the reduction has against the shape.
    fn check(&self, shape: &Shape) -> Result<()> {
        let _ = shape;
        Ok(())
    }

    /// The place where workers put the answer together, when no two blocks contribute to the same cell.
    ///
    /// # Errors
    /// [`Error::TooManyCells`](crate::Error::TooManyCells).
    fn share(&self, shape: &Shape, grid: &Grid) -> Result<Shared> {
        let _ = (shape, grid);
        Ok(Shared::default())
    }

    /// The state of a block; `None` when everything went to `shared`.
    ///
    /// # Errors
    /// Ends the job.
    fn fold(&self, shared: &Shared, block: &Block<'_, T>) -> Result<Option<State>>;

    /// Takes the state of the blocks that follow into `state`.
    fn merge(&self, state: &mut State, next: State);

    /// The answer for an array of this shape. `None` stands for the state of no blocks.
    ///
    /// # Errors
    /// When there is no answer: [`Error::NoElements`](crate::Error::NoElements),
    /// [`Error::SumOverflow`](crate::Error::SumOverflow).
    fn finish(&self, shared: Shared, state: Option<State>, shape: &Shape) -> Result<Answer>;

    /// Checks that everything read beside the array, like a mask, is still what was opened.
    ///
    /// # Errors
    /// When it is not.
    fn verify(&self) -> Result<()> {
        Ok(())
    }

    /// What is computed: name and options, equal for equal reductions only. `None` where that cannot be
    /// said because a closure takes part; a checkpoint then needs a [label](crate::Checkpoint::label).
    fn describe(&self) -> Option<String> {
        None
    }

    /// Registers the files that are read beside the array, so that no output replaces one.
    fn register(&self, outputs: &mut Outputs) {
        let _ = outputs;
    }

    /// The same as [`describe`](Self::describe) without the selection: enough to finish a state,
    /// whichever elements went into it.
    fn describe_kernel(&self) -> Option<String> {
        self.describe()
    }

    /// A state as bytes.
    ///
    /// # Errors
    /// [`Error::Unsaved`](crate::Error::Unsaved) for a state that has no form as bytes.
    fn save(&self, state: &State) -> Result<Vec<u8>>;

    /// The state that bytes stand for, of some blocks of an array of this shape. `None` for bytes that
    /// cannot be one: they come from a file, and may be anything.
    fn load(&self, bytes: &[u8], shape: &Shape, blocks: Range<usize>) -> Option<State>;
}

/// The answers of a job, in the order of its reducers.
#[derive(Debug)]
pub struct Answers(std::vec::IntoIter<Answer>);

impl Answers {
    pub(crate) fn new(answers: Vec<Answer>) -> Self {
        Self(answers.into_iter())
    }

    /// The next answer.
    ///
    /// # Panics
    /// When it is of another type, or when there is none: a reduction takes the answers of its own
    /// reducers, in their order.
    pub fn take<V: 'static>(&mut self) -> V {
        let answer = self.0.next().and_then(|answer| answer.downcast().ok());
        *answer.expect("each reduction takes the answers of its own reducers")
    }
}

/// A reduction, or a tuple of reductions that share one read: what [`Engine::reduce`] takes.
///
/// Kernels of this crate make one with `all()`, `per_column()`, `per_row()` or `over(axes)`:
/// `Sum::all()`. A reduction of your own is a [`Kernel`](crate::Kernel), and gets axes, masks, NaN
/// policy, fusion, checkpoints and partials from the frame.
///
/// [`Engine::reduce`]: crate::Engine::reduce
///
/// ```
/// use rowmill_core::SliceSource;
/// use rowmill_exec::{Engine, Mean, Sum};
/// let x = SliceSource::new(&[0.0_f32, 1.5, 0.0, 2.0], [2, 2]).unwrap();
/// let (sum, mean) = Engine::new()?.reduce(&x, (Sum::all(), Mean::per_column()))?;
/// assert_eq!((sum, &mean[..]), (3.5, &[0.0, 1.75][..]));
/// # Ok::<(), rowmill_exec::Error>(())
/// ```
pub trait Reduce<T: Element>: Sync {
    /// The answer.
    type Output;

    /// Adds what the engine runs; `nan` is for reductions that say nothing of NaN themselves.
    #[doc(hidden)]
    fn reducers<'a>(&'a self, nan: NanPolicy, to: &mut Vec<Box<dyn Reducer<T> + 'a>>);

    /// Takes as many answers as reducers were added.
    #[doc(hidden)]
    fn output(&self, answers: &mut Answers) -> Self::Output;
}

impl<T: Element, R: Reduce<T> + ?Sized> Reduce<T> for &R {
    type Output = R::Output;

    fn reducers<'a>(&'a self, nan: NanPolicy, to: &mut Vec<Box<dyn Reducer<T> + 'a>>) {
        (**self).reducers(nan, to);
    }
    fn output(&self, answers: &mut Answers) -> Self::Output {
        (**self).output(answers)
    }
}

/// A list of reductions of one kind is a reduction.
impl<T: Element, R: Reduce<T>> Reduce<T> for [R] {
    type Output = Vec<R::Output>;

    fn reducers<'a>(&'a self, nan: NanPolicy, to: &mut Vec<Box<dyn Reducer<T> + 'a>>) {
        self.iter().for_each(|reduction| reduction.reducers(nan, to));
    }
    fn output(&self, answers: &mut Answers) -> Self::Output {
        self.iter().map(|reduction| reduction.output(answers)).collect()
    }
}

impl<T: Element, R: Reduce<T>> Reduce<T> for Vec<R> {
    type Output = Vec<R::Output>;

    fn reducers<'a>(&'a self, nan: NanPolicy, to: &mut Vec<Box<dyn Reducer<T> + 'a>>) {
        self[..].reducers(nan, to);
    }
    fn output(&self, answers: &mut Answers) -> Self::Output {
        self[..].output(answers)
    }
}

impl<T: Element, R: Reduce<T> + ?Sized> Reduce<T> for Box<R> {
    type Output = R::Output;

    fn reducers<'a>(&'a self, nan: NanPolicy, to: &mut Vec<Box<dyn Reducer<T> + 'a>>) {
        (**self).reducers(nan, to);
    }
    fn output(&self, answers: &mut Answers) -> Self::Output {
        (**self).output(answers)
    }
}

/// A reduction and what becomes of its answer: so that different reductions have one type of answer, and
/// can stand in one list.
///
/// ```
/// use rowmill_core::SliceSource;
/// use rowmill_exec::{Engine, Mean, MinMax, Range, Reduce, Then};
/// let x = SliceSource::new(&[1.0_f32, 2.0, 6.0], [3]).unwrap();
/// let list: Vec<Box<dyn Reduce<f32, Output = String>>> = vec![
///     Box::new(Then(Mean::all(), |mean: f64| format!("mean {mean}"))),
///     Box::new(Then(MinMax::all(), |range: Range<f32>| format!("max {}", range.max))),
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

/// A reduction whose failure at the end is its answer, so that it spoils no other of the same read.
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
        // Each of them is taken, also behind one that failed.
        let all: Vec<Result<Answer>> = own.iter().map(|_| answers.take()).collect();
        let all: Vec<Answer> = all.into_iter().collect::<Result<_>>()?;
        Ok(self.0.output(&mut Answers::new(all)))
    }
}

/// A reducer whose answer is what `finish` gives, failure included.
struct Caught<'a, T>(Box<dyn Reducer<T> + 'a>);

impl<T: Element> Reducer<T> for Caught<'_, T> {
    fn check(&self, shape: &Shape) -> Result<()> {
        self.0.check(shape)
    }
    fn share(&self, _: &Shape, _: &Grid) -> Result<Shared> {
        // Cells that are put together in place fail at their block, before the end.
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

macro_rules! tuples {
    ($($($name:ident $index:tt),+;)*) => {$(
        impl<T: Element, $($name: Reduce<T>),+> Reduce<T> for ($($name,)+) {
            type Output = ($($name::Output,)+);

            fn reducers<'a>(&'a self, nan: NanPolicy, to: &mut Vec<Box<dyn Reducer<T> + 'a>>) {
                $(self.$index.reducers(nan, to);)+
            }
            fn output(&self, answers: &mut Answers) -> Self::Output {
                ($(self.$index.output(answers),)+)
            }
        }
    )*};
}
tuples! {
    A 0;
    A 0, B 1;
    A 0, B 1, C 2;
    A 0, B 1, C 2, D 3;
    A 0, B 1, C 2, D 3, E 4;
    A 0, B 1, C 2, D 3, E 4, F 5;
    A 0, B 1, C 2, D 3, E 4, F 5, G 6;
    A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7;
}
