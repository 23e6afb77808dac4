//! Maps made from functions of an element or a row.

use rowmill_core::Element;

use super::{Chunk, Map};
use crate::error::Result;

/// A map that applies a function to each element.
///
/// ```
/// use rowmill_core::{Array, SliceSource};
/// use rowmill_exec::{Engine, map_elements};
/// # let dir = tempfile::tempdir().unwrap();
/// # let path = dir.path().join("twice.npy");
/// let x = SliceSource::new(&[1_i32, 2, 3, 4], [2, 2]).unwrap();
/// Engine::new()?.map(&x, map_elements(|v: i32| f64::from(v) * 2.0)).write_npy(&path)?;
/// assert_eq!(Array::<f64>::open(&path)?.as_slice(), Some(&[2.0, 4.0, 6.0, 8.0][..]));
/// # Ok::<(), rowmill_exec::Error>(())
/// ```
pub fn map_elements<T, U, F: Fn(T) -> U + Sync>(function: F) -> Elements<F> {
    Elements(function)
}

/// See [`map_elements`].
#[derive(Clone, Copy, Debug)]
pub struct Elements<F>(F);

impl<T: Element, U: Element, F: Fn(T) -> U + Sync> Map<T, U> for Elements<F> {
    fn within_rows(&self) -> bool {
        true
    }

    fn map(&self, input: &Chunk<'_, T>, output: &mut [U]) -> Result<()> {
        for (to, &from) in output.iter_mut().zip(input.as_slice()) {
            *to = (self.0)(from);
        }
        Ok(())
    }
}

/// A map from each row to a row of `row_dims`.
///
/// ```
/// use rowmill_core::{Array, SliceSource};
/// use rowmill_exec::{Engine, map_rows};
/// # let dir = tempfile::tempdir().unwrap();
/// # let path = dir.path().join("ends.npy");
/// let x = SliceSource::new(&[1_u8, 2, 3, 4, 5, 6], [2, 3]).unwrap();
/// let ends = map_rows([2], |row: &[u8], out: &mut [u8]| {
///     out[0] = row[0];
///     out[1] = row[2];
/// });
/// Engine::new()?.map(&x, ends).write_npy(&path)?;
/// assert_eq!(Array::<u8>::open(&path)?.as_slice(), Some(&[1, 3, 4, 6][..]));
/// # Ok::<(), rowmill_exec::Error>(())
/// ```
pub fn map_rows<T, U, F>(row_dims: impl Into<Vec<usize>>, function: F) -> RowMap<F>
where
    F: Fn(&[T], &mut [U]) + Sync,
{
    RowMap { row_dims: row_dims.into(), function }
}

/// See [`map_rows`].
#[derive(Clone, Debug)]
pub struct RowMap<F> {
    row_dims: Vec<usize>,
    function: F,
}

impl<T: Element, U: Element, F: Fn(&[T], &mut [U]) + Sync> Map<T, U> for RowMap<F> {
    fn row_dims(&self, _: &[usize]) -> Vec<usize> {
        self.row_dims.clone()
    }

    fn map(&self, input: &Chunk<'_, T>, output: &mut [U]) -> Result<()> {
        let width = output.len() / input.rows().len().max(1);
        for (i, from) in input.iter_rows().enumerate() {
            (self.function)(from, &mut output[i * width..(i + 1) * width]);
        }
        Ok(())
    }
}
