//! The same job on larger and larger arrays: the cost of a byte should not depend on the size.

use rowmill_core::{Array, SliceSource};

use super::{Bench, COLUMNS, Line, in_place};
use crate::Result;
use crate::files::Layout;
use crate::measure::Timed;
use crate::scan::{Axis, Kernel, Scan};

/// The smallest size, in bytes: more than caches hold.
const SMALLEST: usize = 64 << 20;

/// The name that all lines begin with; the last line is how flat the others are.
const NAME: &str = "sum f32, sizes";

/// Adds the lines.
pub(super) fn add(bench: &mut Bench<'_>) -> Result<()> {
    let most = bench.options.max_size;
    let sizes: Vec<_> = sizes(most);
    let names: Vec<_> = sizes.iter().map(|size| format!("{NAME}, {} MiB", size >> 20)).collect();
    let flat = format!("{NAME}, lowest by highest");
    if !names.iter().chain([&flat]).any(|name| bench.wants(name)) {
        return Ok(());
    }
    let own = if most > bench.options.size {
        bench.native = None; // not two large files at once
        Some(bench.make::<f32>(Bench::dims::<f32>(most), Layout::Native)?)
    } else {
        None
    };
    let x = match &own {
        Some(file) => Array::open(file.path())?,
        None => bench.native()?,
    };
    let (all, _) = in_place(&x)?;
    let mut ratios = Vec::new();
    for (name, size) in names.into_iter().zip(sizes) {
        let rows = size.min(size_of_val(all)) / size_of::<f32>() / COLUMNS;
        let elements = &all[..rows * COLUMNS];
        let Ok(x) = SliceSource::new(elements, [rows, COLUMNS]) else { continue };
        let bytes = bytemuck::cast_slice(elements);
        let engine = &bench.engine;
        let sum = Timed::new(&name, || Scan::new(Kernel::Sum, Axis::All).run(engine, &x));
        let [limit, job] = bench.time(&mut [bench.read_limit(vec![bytes]), sum])?;
        let line = Line::ratio(name, bytes.len(), None, &limit, job);
        ratios.push(line.figure.value());
        bench.add(line);
    }
    bench.add(Line::flat(flat, 0.9, &ratios));
    Ok(())
}

/// From the smallest size up to `most`, each four times the one before.
fn sizes(most: usize) -> Vec<usize> {
    let next = |size: &usize| size.checked_mul(4);
    let first = SMALLEST.min(most);
    std::iter::successors(Some(first), next).take_while(|&size| size <= most).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_go_up_to_the_largest() {
        let mib = |most: usize| sizes(most << 20).iter().map(|s| s >> 20).collect::<Vec<_>>();
        assert_eq!(mib(4096), [64, 256, 1024, 4096]);
        assert_eq!(mib(5000), [64, 256, 1024, 4096]);
        assert_eq!(mib(8), [8]);
    }
}
