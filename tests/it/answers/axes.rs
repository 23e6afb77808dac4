//! Reductions over every set of axes: the cells of numpy's `axis=(…)`, their order and shape,
//! whatever the file layout, chunk size and number of workers.

use crate::common::layouts::{AnySource, every_layout};
use crate::common::oracle::{Cell, bits, cells_over};
use crate::common::value::{Kind, Value};
use crate::common::{engine, two_workers};
use rowmill::engine::Isa;
use rowmill::view::SliceSource;
use rowmill::{
    ArgMax, Array, ChunkSize, Error, Mask, Mean, MinMax, Moments, NanPolicy, Over, Source, Sum,
};

/// Every set of axes, sometimes counted from the end.
fn every_set(ndim: usize) -> impl Iterator<Item = (Vec<usize>, Vec<isize>)> {
    (0..1_usize << ndim).map(move |set| {
        let axes: Vec<usize> = (0..ndim).filter(|axis| set >> axis & 1 == 1).collect();
        let from_end = |&axis: &usize| axis as isize - if set % 3 == 1 { ndim as isize } else { 0 };
        let requested = axes.iter().rev().map(from_end).collect();
        (axes, requested)
    })
}

fn check<T: Value>(x: &AnySource<'_, T>, values: &[T]) {
    let dims = x.shape().dims();
    for (axes, requested) in every_set(dims.len()) {
        let at = format!("{} {dims:?} over {requested:?}", x.name);
        let over = Over::new(x, &requested).expect("axes");
        let kept = (0..dims.len()).filter(|axis| !axes.contains(axis));
        assert_eq!(over.dims(), kept.map(|axis| dims[axis]).collect::<Vec<_>>(), "{at}");
        let with_ones = over.clone().keepdims();
        let ones = (0..dims.len()).map(|axis| if axes.contains(&axis) { 1 } else { dims[axis] });
        assert_eq!(with_ones.dims(), ones.collect::<Vec<_>>(), "{at}");
        let kernels = (Sum::over(over.axes()), Moments::over(over.axes()));
        let (sums, moments) = two_workers().reduce(over.view(), kernels).expect(&at);
        assert_eq!(sums.dims(), over.dims(), "{at}");
        let cells = cells_over(dims, &axes);
        assert_eq!(sums.len(), cells.len(), "{at}");
        for (i, cell) in cells.iter().enumerate() {
            let at = format!("cell {i}, {at}");
            let cell = Cell::new(values, cell, &|_, _| true, NanPolicy::Propagate);
            cell.check_sum(sums[i], &at);
            cell.check_moments(moments[i], 0, &at);
        }
        for (workers, chunk) in [(1, ChunkSize::Rows(1)), (5, ChunkSize::Rows(3))] {
            let engine = engine(workers, chunk, Isa::detect());
            let again =
                engine.reduce(with_ones.view(), Moments::over(with_ones.axes())).expect(&at);
            assert_eq!(again.dims(), with_ones.dims(), "{at}");
            for (a, b) in again.iter().zip(&moments) {
                let both = [a, b].map(|m| (m.count, bits(m.mean), bits(m.var)));
                assert_eq!(both[0], both[1], "{at}, {workers} {chunk}");
            }
        }
    }
}

#[test]
fn every_set_of_axes_in_every_layout() {
    let shapes: [&[usize]; 9] = [
        &[],
        &[7],
        &[0, 3],
        &[3, 0, 2],
        &[5, 4],
        &[3, 4, 5],
        &[1, 6, 1, 2],
        &[2, 3, 1, 4],
        &[9, 130, 70],
    ];
    for dims in shapes {
        let folder = tempfile::tempdir().expect("a folder");
        let len = dims.iter().product();
        let values = f32::many(len, Kind::Special, 7);
        for x in every_layout(folder.path(), &values, dims) {
            check(&x, &values);
        }
        let values = i16::many(len, Kind::Any, 8);
        check(
            &AnySource::new("i16", SliceSource::new(&values, dims).expect("matching shape")),
            &values,
        );
    }
}

/// Rows longer than a block, and blocks of many rows.
#[test]
fn long_rows_and_many_rows() {
    for dims in [[2, 700, 300], [3, 5, 40_001], [2000, 3, 100], [2, 5000, 7]] {
        let values = f64::many(dims.iter().product(), Kind::Any, 9);
        check(
            &AnySource::new("f64", SliceSource::new(&values, dims).expect("matching shape")),
            &values,
        );
    }
}

#[test]
fn other_kernels_and_masks_take_axes() -> Result<(), Error> {
    let values: Vec<f32> = (0..120).map(|i| ((i * 37) % 120) as f32).collect();
    let kept: Vec<bool> = values.iter().map(|x| x % 3.0 == 0.0).collect();
    let (x, mask) = (SliceSource::new(&values, [4, 5, 6]), SliceSource::new(&kept, [4, 5, 6]));
    let (x, mask) = (x.expect("120"), mask.expect("120"));
    for axes in [&[0, 2][..], &[1], &[0, 1, 2], &[0, 1], &[2]] {
        let over = Over::new(&x, axes)?;
        let seen = Over::new(&mask, axes)?;
        let masked = Mean::over(over.axes()).masked(Mask::array(seen.view()));
        let kernels = (ArgMax::over(over.axes()), masked, MinMax::over(over.axes()));
        let (arg, mean, range) = two_workers().reduce(over.view(), kernels)?;
        let reduced: Vec<usize> = axes.iter().map(|&axis| axis as usize).collect();
        for (i, cell) in cells_over(&[4, 5, 6], &reduced).into_iter().enumerate() {
            let elements: Vec<f32> = cell.iter().map(|&place| values[place]).collect();
            let most = elements.iter().copied().fold(f32::MIN, f32::max);
            assert_eq!((range[i].max, arg[i].value), (most, most), "{axes:?}");
            assert_eq!(elements[arg[i].index], most, "{axes:?}");
            let kept: Vec<f32> = elements.iter().copied().filter(|x| x % 3.0 == 0.0).collect();
            let expected = f64::from(kept.iter().sum::<f32>()) / kept.len() as f64;
            assert_eq!(bits(mean[i]), bits(expected), "{axes:?}");
        }
        let medians = two_workers().quantiles(over.view(), &[0.5]).over(over.axes())?;
        assert_eq!(medians.dims(), over.dims());
        for (median, cell) in medians.iter().zip(cells_over(&[4, 5, 6], &reduced)) {
            let cell = Cell::new(&values, &cell, &|_, _| true, NanPolicy::Propagate);
            assert_eq!(median[0], cell.quantiles(&[0.5])[0], "{axes:?}");
        }
    }
    Ok(())
}

#[test]
fn bad_axes_are_refused() {
    let values = [0.0_f32; 6];
    let x = SliceSource::new(&values, [2, 3]).expect("6");
    for (axes, expected) in [
        (&[2][..], "axis 2 was asked for, an array of shape (2, 3) has 2"),
        (&[-3], "axis -3 was asked for"),
        (&[1, -1], "axis 1 was asked for twice"),
    ] {
        let error = Over::new(&x, axes).expect_err("no such axes").to_string();
        assert!(error.contains(expected), "{error}");
    }
    // Axes of one array, applied to another.
    let over = Over::new(&x, &[1]).expect("axis 1");
    let other = SliceSource::new(&values, [3, 2]).expect("6");
    let error = two_workers().reduce(&other, Sum::over(over.axes())).expect_err("another shape");
    assert!(error.to_string().contains("a view of shape (2, 3)"), "{error}");
}

/// Sets of axes that have names give the same bits as the names.
#[test]
fn named_axes_give_the_same_bits() -> Result<(), Error> {
    let values = f32::many(3 * 50_000 * 2, Kind::Any, 4);
    let x = SliceSource::new(&values, [3, 50_000, 2]).expect("matching shape");
    let engine = two_workers();
    let moments = |m: &rowmill::reduce::MeanVar| (m.count, bits(m.mean), bits(m.var));
    let over = |axes: &[isize]| -> Result<Vec<_>, Error> {
        let over = Over::new(&x, axes)?;
        let found = engine.reduce(over.view(), Moments::over(over.axes()))?;
        Ok(found.iter().map(moments).collect())
    };
    let all = engine.reduce(&x, Moments::all())?;
    let columns = engine.reduce(&x, Moments::per_column())?;
    let rows = engine.reduce(&x, Moments::per_row())?;
    assert_eq!(over(&[0, 1, 2])?, [moments(&all)]);
    assert!(over(&[0])? == columns.iter().map(moments).collect::<Vec<_>>());
    assert_eq!(over(&[1, 2])?, rows.iter().map(moments).collect::<Vec<_>>());
    Ok(())
}

/// The identity of a view includes the axes, so that a checkpoint never resumes with others.
#[test]
fn views_have_their_own_identities() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("x.npy");
    let values = f32::many(24, Kind::Small, 3);
    let order = rowmill::file::Order::C;
    crate::common::write_npy(&path, &values, &[2, 3, 4], order, rowmill::file::ByteOrder::NATIVE);
    let raw = folder.path().join("x.dat");
    std::fs::copy(&path, &raw).expect("copied");
    let x: Array<f32> = Array::open(&path).expect("a file");
    let identity = |x: &Array<f32>, axes: &[isize]| {
        let over = Over::new(x, axes).expect("axes");
        format!("{:?}", Source::<f32>::identity(over.view()).expect("a file has one"))
    };
    // The same bytes in another shape; its view over axis 1 has the shape of the first one.
    let spec = |dims: [usize; 3]| {
        let shape = rowmill::Shape::new(dims).expect("small");
        let spec = rowmill::file::RawSpec::new(rowmill::DType::F32, shape).offset(128);
        rowmill::OpenOptions::new().spec(spec).open(&raw).expect("a file")
    };
    let (a, b): (Array<f32>, Array<f32>) = (spec([2, 3, 4]), spec([4, 3, 2]));
    assert_ne!(identity(&a, &[1]), identity(&b, &[1]));
    let all = [identity(&x, &[0]), identity(&x, &[1]), identity(&x, &[2])];
    for (i, a) in all.iter().enumerate() {
        assert!(all[i + 1..].iter().all(|b| a != b), "{all:?}");
    }
}
