//! Kernels over everything, per column and per row, on native arrays of each dtype and shape.

use rowmill_core::{Array, DType, SliceSource};

use super::{Bench, COLUMNS, Line, in_place};
use crate::Result;
use crate::files::{Layout, Subject};
use crate::measure::Timed;
use crate::scan::{Axis, Kernel, Scan};

/// A line to be measured.
struct Item {
    name: String,
    dims: Dims,
    scan: Scan,
    target: f64,
}

/// The shape that the elements of a file are taken as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Dims {
    /// This many columns.
    Columns(usize),
    /// This many rows.
    Rows(usize),
    /// One axis.
    Flat,
}

/// The most cells of a result: for more, only the start of the array is measured.
const MOST_CELLS: usize = 1 << 25;

impl Dims {
    /// The shape of at most `len` elements for a scan along this axis.
    fn of(self, len: usize, axis: Axis) -> Vec<usize> {
        let mut dims = match self {
            Self::Columns(columns) => vec![len / columns, columns],
            Self::Rows(rows) => vec![rows, len / rows],
            Self::Flat => vec![len],
        };
        match (axis, dims.as_mut_slice()) {
            (Axis::Rows, [rows, ..]) => *rows = MOST_CELLS.min(*rows),
            (Axis::Columns, [_, columns]) => *columns = MOST_CELLS.min(*columns),
            _ => {}
        }
        dims
    }
}

/// Adds the lines of one dtype.
pub(super) fn add<T: Subject>(bench: &mut Bench<'_>) -> Result<()> {
    let mut items = items(T::DTYPE, T::MIDDLE);
    items.retain(|item| bench.wants(&item.name));
    if items.is_empty() {
        return Ok(());
    }
    if T::DTYPE == DType::F32 {
        let x = bench.native()?;
        return measure(bench, &x, items);
    }
    let dims = Bench::dims::<T>(bench.options.size);
    let file = bench.make::<T>(dims, Layout::Native)?;
    measure(bench, &Array::<T>::open(file.path())?, items)
}

fn measure<T: Subject>(bench: &mut Bench<'_>, x: &Array<T>, items: Vec<Item>) -> Result<()> {
    let (all, _) = in_place(x)?;
    for Item { name, dims, scan, target } in items {
        let dims = dims.of(all.len(), scan.axis);
        let elements = &all[..dims.iter().product()];
        let Ok(x) = SliceSource::new(elements, dims) else { continue };
        let bytes = T::bytes(elements);
        let engine = &bench.engine;
        let job = Timed::new(&name, || scan.run(engine, &x));
        let [limit, job] = bench.time(&mut [bench.read_limit(vec![bytes]), job])?;
        bench.add(Line::ratio(name, bytes.len(), target, &limit, job));
    }
    Ok(())
}

/// The lines of a dtype.
fn items(dtype: DType, middle: f64) -> Vec<Item> {
    use Kernel::{Mean, MinMax, Moments, Stats, Sum};
    let name = dtype.rust_name();
    let mut items = Vec::new();
    let mut add = |dims: Dims, scan: Scan, target| {
        let shape = match dims {
            Dims::Columns(COLUMNS) => String::new(),
            Dims::Columns(1) => ", 1 column".to_owned(),
            Dims::Columns(columns) => format!(", {columns} columns"),
            Dims::Rows(rows) => format!(", {rows} rows"),
            Dims::Flat => ", one axis".to_owned(),
        };
        items.push(Item { name: format!("{scan} {name}{shape}"), dims, scan, target });
    };
    let usual = Dims::Columns(COLUMNS);
    if dtype == DType::F16 {
        add(usual, Scan::new(Sum, Axis::All), 0.5);
        return items;
    }
    for kernel in [Sum, Mean, Kernel::MaskedSum { above: middle }, MinMax] {
        add(usual, Scan::new(kernel, Axis::All), 0.95);
    }
    if !dtype.is_float() {
        return items;
    }
    add(usual, Scan::new(Stats, Axis::All), 0.8);
    add(usual, Scan::new(Kernel::ExactSum, Axis::All), 0.7);
    for axis in [Axis::Columns, Axis::Rows] {
        for (kernel, target) in [(Mean, 0.9), (Sum, 0.9), (Moments, 0.8)] {
            add(usual, Scan::new(kernel, axis), target);
        }
    }
    if dtype != DType::F32 {
        return items;
    }
    for columns in [1, 3, 8, 9, 100_000] {
        for axis in [Axis::Columns, Axis::Rows] {
            for (kernel, target) in [(Mean, 0.9), (Moments, 0.8)] {
                add(Dims::Columns(columns), Scan::new(kernel, axis), target);
            }
        }
    }
    for dims in [Dims::Rows(8), Dims::Flat] {
        add(dims, Scan::new(Sum, Axis::All), 0.85);
        add(dims, Scan::new(Mean, Axis::Columns), 0.85);
    }
    // Their means per column are above.
    for columns in [8, 1] {
        add(Dims::Columns(columns), Scan::new(Sum, Axis::All), 0.85);
    }
    items
}

#[cfg(test)]
mod tests {
    use super::super::UNIT;
    use super::*;

    #[test]
    fn every_shape_uses_every_element() {
        for item in items(DType::F32, 0.5) {
            let dims = item.dims.of(UNIT, item.scan.axis);
            assert_eq!(dims.iter().product::<usize>(), UNIT, "{}", item.name);
        }
    }

    #[test]
    fn results_are_bounded() {
        let len = 100 * MOST_CELLS;
        assert_eq!(Dims::Columns(1).of(len, Axis::Rows), [MOST_CELLS, 1]);
        assert_eq!(Dims::Rows(8).of(len, Axis::Columns), [8, MOST_CELLS]);
        assert_eq!(Dims::Columns(1).of(len, Axis::Columns), [len, 1]);
        assert_eq!(Dims::Flat.of(len, Axis::Columns), [len]);
    }

    #[test]
    fn names_are_unique_and_fit_the_table() {
        let mut names: Vec<_> = [DType::F32, DType::F64, DType::I64, DType::U8, DType::F16]
            .into_iter()
            .flat_map(|dtype| items(dtype, 1_073_741_824.0))
            .map(|item| item.name)
            .collect();
        let count = names.len();
        assert!(names.iter().all(|name| name.len() <= 42), "{names:#?}");
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), count);
    }
}
