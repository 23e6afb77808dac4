//! Reductions as the engine sees them: objects that are called once per block, whatever they
//! compute.
//!
//! ```text
//!   Sum::all(), (Mean::per_column(), TopK::largest(3)?.all()), ...   Reduce: typed, a thin shell
//!        |  reducers()                              ^  output()
//!        v                                          |
//!   [dyn Reducer, dyn Reducer]  --engine, tree-->  [Answer, Answer]     compiled once
//! ```

mod block;
mod reducer;
mod wrapped;

use rowmill_core::Element;

use crate::kernel::NanPolicy;
pub use block::Block;
pub(crate) use reducer::decoded;
pub use reducer::{Answer, Reducer, Shared, State};
pub use wrapped::{Then, Tried};

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
    /// If there is none or it has another type: a reduction takes the answers of its own reducers,
    /// in order.
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

    /// Adds its reducers; `nan` applies to reductions without a NaN policy.
    fn reducers<'a>(&'a self, nan: NanPolicy, to: &mut Vec<Box<dyn Reducer<T> + 'a>>);

    /// Takes as many answers as it added reducers.
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
