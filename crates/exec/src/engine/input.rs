//! The input of a job whose code is independent of the element type.

use std::ops::Range;

use rowmill_core::{DType, Element, Identity, Outputs, Role, Shape, Source};

use crate::error::Result;

/// A source without its element type: the checks, file identities and releases of a job are
/// compiled once for all element types.
pub(crate) trait Input: Sync {
    fn shape(&self) -> &Shape;
    fn dtype(&self) -> DType;
    fn rows_at_a_time(&self) -> usize;
    /// Registers the files that are read, so that no output replaces one.
    fn register(&self, outputs: &mut Outputs);
    fn identity(&self) -> Option<Identity>;
    fn check(&self) -> Result<()>;
    fn verify(&self) -> Result<()>;
    fn release(&self, rows: Range<usize>, cols: Range<usize>);
}

/// The input for a source of elements `T`.
pub(crate) struct Typed<'a, T>(pub(crate) &'a dyn Source<T>);

impl<T: Element> Input for Typed<'_, T> {
    fn shape(&self) -> &Shape {
        self.0.shape()
    }
    fn dtype(&self) -> DType {
        T::DTYPE
    }
    fn rows_at_a_time(&self) -> usize {
        self.0.rows_at_a_time()
    }
    fn register(&self, outputs: &mut Outputs) {
        outputs.read_source(Role::Input, self.0);
    }
    fn identity(&self) -> Option<Identity> {
        self.0.identity()
    }
    fn check(&self) -> Result<()> {
        Ok(self.0.check()?)
    }
    fn verify(&self) -> Result<()> {
        Ok(self.0.verify()?)
    }
    fn release(&self, rows: Range<usize>, cols: Range<usize>) {
        self.0.release(rows, cols);
    }
}
