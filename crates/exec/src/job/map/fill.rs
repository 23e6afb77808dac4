//! Outputs that are filled chunk by chunk, from any kind of source.

use std::any::Any;
use std::ops::Range;

use rowmill_core::{Element, Source, TileBuffer};

use super::Map;
use super::chunk::{Unit, each_run};
use crate::engine::OWN;
use crate::engine::input::{Input, Typed};
use crate::error::Result;

/// An output that is filled chunk by chunk.
pub(crate) trait Fill<U>: Sync {
    /// The array that it is computed from.
    fn input(&self) -> &dyn Input;
    /// The shape of one row of output.
    fn row_dims(&self) -> Vec<usize>;
    /// Whether a chunk may be part of a row.
    fn within_rows(&self) -> bool;
    /// The memory of one worker.
    fn worker(&self, releases: bool) -> Box<dyn Any>;
    /// Computes items of the output.
    fn fill(
        &self,
        worker: &mut dyn Any,
        items: Range<usize>,
        unit: Unit,
        out: &mut [U],
    ) -> Result<()>;
}

/// An output that a map computes from a source.
pub(crate) struct Mapped<'a, T, U> {
    input: Typed<'a, T>,
    kernel: &'a dyn Map<T, U>,
}

impl<'a, T: Element, U: Element> Mapped<'a, T, U> {
    pub(crate) fn new(source: &'a dyn Source<T>, kernel: &'a dyn Map<T, U>) -> Self {
        Self { input: Typed(source), kernel }
    }
}

impl<T: Element, U: Element> Fill<U> for Mapped<'_, T, U> {
    fn input(&self) -> &dyn Input {
        &self.input
    }

    fn row_dims(&self) -> Vec<usize> {
        self.kernel.row_dims(self.input.shape().row_dims())
    }

    fn within_rows(&self) -> bool {
        self.kernel.within_rows()
    }

    fn worker(&self, releases: bool) -> Box<dyn Any> {
        Box::new(TileBuffer::<T>::new().below_ceiling(releases))
    }

    fn fill(
        &self,
        worker: &mut dyn Any,
        items: Range<usize>,
        unit: Unit,
        out: &mut [U],
    ) -> Result<()> {
        let buffer = worker.downcast_mut().expect(OWN);
        let filled = each_run(self.input.0, items.clone(), unit, buffer, |input, first| {
            match unit {
                Unit::Rows => self.kernel.map(&input, out),
                // One output element per input element.
                Unit::Elements => {
                    let at = first - items.start;
                    self.kernel.map(&input, &mut out[at..at + input.as_slice().len()])
                }
            }
        });
        // Output computed from bytes past the end of a truncated file is invalid, and so is a
        // kernel's error.
        self.input.check()?;
        filled.map(drop)
    }
}
