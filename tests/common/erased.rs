//! Any reduction behind one type for each answer: so that the engine is compiled once for each dtype, and not
//! for every kernel, axis and mask as well.

use std::any::Any;

use rowmill::{Block, Element, Reduce, Result, Shape};

trait Kernel<T: Element, O>: Sync {
    fn check(&self, shape: &Shape) -> Result<()>;
    fn identity(&self) -> Box<dyn Any + Send>;
    fn accumulate(&self, partial: &mut dyn Any, block: &Block<'_, T>) -> Result<()>;
    fn merge(&self, partial: &mut dyn Any, next: Box<dyn Any + Send>);
    fn finish(&self, partial: Box<dyn Any + Send>, shape: &Shape) -> Result<O>;
    fn verify(&self) -> Result<()>;
}

/// A reduction, and what its output becomes.
struct Listed<R, F> {
    reduction: R,
    list: F,
}

const OWN: &str = "a partial of the same kernel";

impl<T, O, R, F> Kernel<T, O> for Listed<R, F>
where
    T: Element,
    R: Reduce<T, Partial: 'static>,
    F: Fn(R::Output) -> O + Sync,
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
    fn finish(&self, partial: Box<dyn Any + Send>, shape: &Shape) -> Result<O> {
        self.reduction.finish(*partial.downcast().expect(OWN), shape).map(&self.list)
    }
    fn verify(&self) -> Result<()> {
        self.reduction.verify()
    }
}

/// Any reduction that ends with an `O`.
pub struct Erased<'a, T, O>(Box<dyn Kernel<T, O> + 'a>);

impl<'a, T: Element, O> Erased<'a, T, O> {
    pub fn new<R>(reduction: R, list: impl Fn(R::Output) -> O + Sync + 'a) -> Self
    where
        R: Reduce<T, Partial: 'static> + 'a,
    {
        Self(Box::new(Listed { reduction, list }))
    }
}

impl<'a, T: Element, O> Erased<'a, T, Result<O>> {
    /// Of a reduction whose failure at the end is its answer, so that it spoils no other.
    pub fn tried<R>(reduction: R, list: impl Fn(R::Output) -> O + Sync + 'a) -> Self
    where
        R: Reduce<T, Partial: 'static> + 'a,
    {
        Self::new(Tried(reduction), move |output: Result<R::Output>| output.map(&list))
    }
}

impl<T: Element, O: Send> Reduce<T> for Erased<'_, T, O> {
    type Partial = Box<dyn Any + Send>;
    type Output = O;

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
    fn finish(&self, partial: Self::Partial, shape: &Shape) -> Result<O> {
        self.0.finish(partial, shape)
    }
    fn verify(&self) -> Result<()> {
        self.0.verify()
    }
}

/// A reduction whose failure at the end is its result.
struct Tried<R>(R);

impl<T: Element, R: Reduce<T>> Reduce<T> for Tried<R> {
    type Partial = R::Partial;
    type Output = Result<R::Output>;

    fn check(&self, shape: &Shape) -> Result<()> {
        self.0.check(shape)
    }
    fn identity(&self) -> R::Partial {
        self.0.identity()
    }
    fn accumulate(&self, partial: &mut R::Partial, block: &Block<'_, T>) -> Result<()> {
        self.0.accumulate(partial, block)
    }
    fn merge(&self, partial: &mut R::Partial, next: R::Partial) {
        self.0.merge(partial, next);
    }
    fn finish(&self, partial: R::Partial, shape: &Shape) -> Result<Self::Output> {
        Ok(self.0.finish(partial, shape))
    }
    fn verify(&self) -> Result<()> {
        self.0.verify()
    }
}
