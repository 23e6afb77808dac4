//! Any reduction behind one type, and its answer as numbers: so that the engine is compiled once for each
//! dtype, and not for every kernel, axis and mask as well.

use std::any::Any;

use rowmill::{Block, Element, Reduce, Result, Shape, Source};

/// Any array.
pub(super) type AnySource<'a, T> = Box<dyn Source<T> + 'a>;

/// A number of an answer.
#[derive(Clone, Copy, Debug)]
pub(super) enum Number {
    Integer(i128),
    Float(f64),
}

impl From<bool> for Number {
    fn from(value: bool) -> Self {
        Self::Integer(value.into())
    }
}

impl From<i64> for Number {
    fn from(value: i64) -> Self {
        Self::Integer(value.into())
    }
}

impl From<u64> for Number {
    fn from(value: u64) -> Self {
        Self::Integer(value.into())
    }
}

impl From<f64> for Number {
    fn from(value: f64) -> Self {
        Self::Float(value)
    }
}

/// The numbers of each cell of a result, and its shape.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) cells: Vec<Vec<Number>>,
    pub(super) dims: Vec<usize>,
}

trait Kernel<T: Element>: Sync {
    fn check(&self, shape: &Shape) -> Result<()>;
    fn identity(&self) -> Box<dyn Any + Send>;
    fn accumulate(&self, partial: &mut dyn Any, block: &Block<'_, T>) -> Result<()>;
    fn merge(&self, partial: &mut dyn Any, next: Box<dyn Any + Send>);
    fn finish(&self, partial: Box<dyn Any + Send>, shape: &Shape) -> Result<Answer>;
    fn verify(&self) -> Result<()>;
}

/// A reduction, and what makes numbers of its output.
struct Listed<R, F> {
    reduction: R,
    list: F,
}

const OWN: &str = "a partial of the same kernel";

impl<T, R, F> Kernel<T> for Listed<R, F>
where
    T: Element,
    R: Reduce<T, Partial: 'static>,
    F: Fn(R::Output) -> Answer + Sync,
{
    fn check(&self, shape: &Shape) -> Result<()> {
        self.reduction.check(shape)
    }
    fn identity(&self) -> Box<dyn Any + Send> {
        Box::new(self.reduction.identity())
    }
    fn accumulate(&self, partial: &mut dyn Any, block: &Block<'_, T>) -> Result<()> {
        self.reduction.accumulate(partial.downcast_mut().expect(OWN), block)
    }
    fn merge(&self, partial: &mut dyn Any, next: Box<dyn Any + Send>) {
        self.reduction.merge(partial.downcast_mut().expect(OWN), *next.downcast().expect(OWN));
    }
    fn finish(&self, partial: Box<dyn Any + Send>, shape: &Shape) -> Result<Answer> {
        self.reduction.finish(*partial.downcast().expect(OWN), shape).map(&self.list)
    }
    fn verify(&self) -> Result<()> {
        self.reduction.verify()
    }
}

/// Any reduction.
pub(super) struct Erased<'a, T>(Box<dyn Kernel<T> + 'a>);

impl<'a, T: Element> Erased<'a, T> {
    pub(super) fn new<R>(reduction: R, list: impl Fn(R::Output) -> Answer + Sync + 'a) -> Self
    where
        R: Reduce<T, Partial: 'static> + 'a,
    {
        Self(Box::new(Listed { reduction, list }))
    }
}

impl<T: Element> Reduce<T> for Erased<'_, T> {
    type Partial = Box<dyn Any + Send>;
    type Output = Answer;

    fn check(&self, shape: &Shape) -> Result<()> {
        self.0.check(shape)
    }
    fn identity(&self) -> Self::Partial {
        self.0.identity()
    }
    fn accumulate(&self, partial: &mut Self::Partial, block: &Block<'_, T>) -> Result<()> {
        self.0.accumulate(partial.as_mut(), block)
    }
    fn merge(&self, partial: &mut Self::Partial, next: Self::Partial) {
        self.0.merge(partial.as_mut(), next);
    }
    fn finish(&self, partial: Self::Partial, shape: &Shape) -> Result<Answer> {
        self.0.finish(partial, shape)
    }
    fn verify(&self) -> Result<()> {
        self.0.verify()
    }
}
