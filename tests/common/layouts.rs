//! The same values in memory and in files of every layout, behind one type.

use std::ops::Range;
use std::path::Path;

use rowmill::file::{Backend, ByteOrder, Order, RawSpec};
use rowmill::view::{SliceSource, Tile, TileBuffer};
use rowmill::{Array, FileError, OpenOptions, Shape, Source};

use super::value::Value;
use super::{encode, write_npy};

/// A source with its type erased, so that kernels are compiled once for all layouts.
pub struct AnySource<'a, T> {
    pub name: &'static str,
    source: Box<dyn Source<T> + 'a>,
}

impl<'a, T: Value> AnySource<'a, T> {
    pub fn new(name: &'static str, source: impl Source<T> + 'a) -> Self {
        Self { name, source: Box::new(source) }
    }
}

impl<T: Value> Source<T> for AnySource<'_, T> {
    fn shape(&self) -> &Shape {
        self.source.shape()
    }
    fn tile<'a>(
        &'a self,
        rows: Range<usize>,
        cols: Range<usize>,
        buffer: &'a mut TileBuffer<T>,
    ) -> Result<Tile<'a, T>, FileError> {
        self.source.tile(rows, cols, buffer)
    }
    fn rows_at_a_time(&self) -> usize {
        self.source.rows_at_a_time()
    }
    fn verify(&self) -> Result<(), FileError> {
        self.source.verify()
    }
    fn release(&self, rows: Range<usize>, cols: Range<usize>) {
        self.source.release(rows, cols);
    }
    fn stored(&self, rows: Range<usize>, cols: Range<usize>) -> Option<Tile<'_, T::Stored>> {
        self.source.stored(rows, cols)
    }
    fn in_place(&self) -> Option<&[T]> {
        self.source.in_place()
    }
    fn read_rows(
        &self,
        rows: Range<usize>,
        to: &mut [T],
        buffer: &mut TileBuffer<T>,
    ) -> Result<(), FileError> {
        self.source.read_rows(rows, to, buffer)
    }
    fn is_cached(&self, row: usize) -> bool {
        self.source.is_cached(row)
    }
    fn prefetch(&self, rows: Range<usize>) {
        self.source.prefetch(rows);
    }
    fn rows<'a>(
        &'a self,
        rows: Range<usize>,
        buffer: &'a mut TileBuffer<T>,
    ) -> Result<&'a [T], FileError> {
        self.source.rows(rows, buffer)
    }
}

/// The values in memory, and in files in `folder`: mapped and positioned, in both byte orders and
/// both memory orders, and misaligned.
pub fn every_layout<'a, T: Value>(
    folder: &Path,
    values: &'a [T],
    dims: &[usize],
) -> Vec<AnySource<'a, T>> {
    let slice = SliceSource::new(values, dims).expect("matching shape");
    let mut sources = vec![AnySource::new("in memory", slice)];
    let files = [
        ("plain.npy", Order::C, ByteOrder::NATIVE),
        ("big.npy", Order::C, ByteOrder::Big),
        ("fortran.npy", Order::F, ByteOrder::NATIVE),
        ("fortran-big.npy", Order::F, ByteOrder::Big),
    ];
    let backends = [Backend::Mapped, Backend::Positioned];
    for (name, order, byte_order) in files {
        let path = folder.join(name);
        write_npy(&path, values, dims, order, byte_order);
        for backend in backends {
            let array: Array<T> = OpenOptions::new().backend(backend).open(&path).expect(name);
            sources.push(AnySource::new(name, array));
        }
    }
    let path = folder.join("misaligned.dat");
    let mut bytes = vec![0xff; 3];
    bytes.extend(encode(values, dims, Order::C, ByteOrder::NATIVE));
    std::fs::write(&path, bytes).expect("written");
    let spec = RawSpec::new(T::DTYPE, Shape::new(dims).expect("a shape")).offset(3);
    for backend in backends {
        let options = OpenOptions::new().backend(backend).spec(spec.clone());
        let array: Array<T> = options.open(&path).expect("misaligned.dat");
        sources.push(AnySource::new("misaligned.dat", array));
    }
    sources
}
