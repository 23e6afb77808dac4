//! Checksums of arrays of any dtype.

use std::ops::Range;
use std::path::Path;

use rowmill_core::{Checksums, Format, Meta, Sidecar};
use rowmill_exec::Engine;

use crate::Result;
use crate::source::{AnySource, match_source};

/// Computes the checksums of an array, one per about a megabyte of rows: see [`Engine::checksums`].
///
/// ```
/// use rowmill_any::{AnySource, checksums, verify};
/// use rowmill_core::SliceSource;
/// use rowmill_exec::Engine;
/// let engine = Engine::new()?;
/// let [x, damaged] = [[1_u16, 2, 3], [1, 2, 4]];
/// let x = AnySource::new(SliceSource::new(&x, [3]).unwrap());
/// let damaged = AnySource::new(SliceSource::new(&damaged, [3]).unwrap());
/// let sums = checksums(&engine, &x)?;
/// assert!(verify(&engine, &x, &sums)?.is_empty());
/// assert_eq!(verify(&engine, &damaged, &sums)?, [0..3]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// Returns the errors of [`Engine::checksums`].
pub fn checksums(engine: &Engine, source: &AnySource<'_>) -> Result<Checksums> {
    let rows = Checksums::rows_each(source.shape(), source.dtype().size());
    let sums = match_source!(
        source,
        x => engine.checksums(x, rows);
        complex x => engine.checksums(x, rows)
    );
    Ok(sums?)
}

/// Finds the rows that changed since these checksums were made, with adjacent runs joined: see
/// [`Engine::verify`].
///
/// # Errors
/// Returns the errors of [`Engine::verify`].
pub fn verify(
    engine: &Engine,
    source: &AnySource<'_>,
    expected: &Checksums,
) -> Result<Vec<Range<usize>>> {
    let damaged = match_source!(
        source,
        x => engine.verify(x, expected);
        complex x => engine.verify(x, expected)
    );
    Ok(damaged?)
}

/// Stores checksums in the sidecar of an array file, and keeps what the sidecar already says. A raw
/// file with a hand-made sidecar, or without one, gets a sidecar of our own.
///
/// # Errors
/// Returns the errors of [`Sidecar::beside`] and [`Sidecar::write`].
pub fn store_checksums(file: impl AsRef<Path>, meta: &Meta, sums: Checksums) -> Result<()> {
    let file = file.as_ref();
    let mut sidecar = match (Sidecar::beside(file)?, meta.format) {
        (Some(sidecar), _) => sidecar,
        (None, Format::Npy) => Sidecar::default(),
        (None, _) => Sidecar::for_meta(meta),
    };
    sidecar.checksums = Some(sums);
    Ok(sidecar.write(file)?)
}
