//! Arrays other than native float32 in C order: a mask beside it, foreign byte order, odd offsets,
//! Fortran order.

use rowmill_core::Array;
use rowmill_exec::{Mask, Sum};

use super::{Bench, Line, in_place};
use crate::Result;
use crate::files::Layout;
use crate::measure::Timed;
use crate::scan::{Axis, Kernel, Scan};

const MASKED: &str = "sum f32 masked by a bool array";

/// These are compared with the sum of a native file, not with the bare read.
const DECODED: [(&str, Layout); 3] = [
    ("sum f32 big-endian, of native", Layout::Foreign),
    ("sum f32 misaligned, of native", Layout::Raw { offset: 129 }),
    ("sum f32 Fortran order, of native", Layout::Fortran),
];

/// Adds the lines.
pub(super) fn add(bench: &mut Bench<'_>) -> Result<()> {
    if bench.wants(MASKED) {
        masked(bench)?;
    }
    for (name, layout) in DECODED {
        if bench.wants(name) {
            decoded(bench, name, layout)?;
        }
    }
    Ok(())
}

fn masked(bench: &mut Bench<'_>) -> Result<()> {
    let x = bench.native()?;
    let (elements, bytes) = in_place(&x)?;
    let dims = Bench::dims::<f32>(size_of_val(elements));
    let file = bench.make::<bool>(dims, Layout::Raw { offset: 0 })?;
    let mask = file.open_raw::<bool>()?;
    let mask_bytes = file.open_raw::<u8>()?;
    let (_, mask_bytes) = in_place(&mask_bytes)?;
    let job = Timed::new(MASKED, || {
        bench.engine.reduce(&x, Sum::all().masked(Mask::array(&mask)))?;
        Ok(())
    });
    let limit = bench.read_limit(vec![bytes, mask_bytes]);
    let [limit, job] = bench.time(&mut [limit, job])?;
    bench.add(Line::ratio(MASKED, bytes.len() + mask_bytes.len(), 0.9, &limit, job));
    Ok(())
}

fn decoded(bench: &mut Bench<'_>, name: &str, layout: Layout) -> Result<()> {
    let native = bench.native()?;
    let (elements, bytes) = in_place(&native)?;
    let dims = Bench::dims::<f32>(size_of_val(elements));
    let file = bench.make::<f32>(dims, layout)?;
    let x = match layout {
        Layout::Raw { .. } => file.open_raw::<f32>()?,
        _ => Array::open(file.path())?,
    };
    let sum = Scan::new(Kernel::Sum, Axis::All);
    let engine = &bench.engine;
    let [yardstick, job] = bench.time(&mut [
        Timed::new("sum f32", || sum.run(engine, &native)),
        Timed::new(name, || sum.run(engine, &x)),
    ])?;
    bench.add(Line::ratio(name, bytes.len(), 0.6, &yardstick, job));
    Ok(())
}
