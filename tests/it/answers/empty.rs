//! Arrays without elements, however large their shape claims to be. A header of 128 bytes must
//! neither end the process nor keep it busy forever.

use std::ops::ControlFlow;

use crate::common::{names, two_workers, within, write_npy};
use rowmill::file::{ByteOrder, Order};
use rowmill::view::SliceSource;
use rowmill::{Array, Error, Mean, MinMax, Normalize, Stats, Sum, map_rows};

/// Empty shapes with more rows, or more columns, than cells could be allocated for.
const HUGE: [[usize; 2]; 2] = [[1 << 60, 0], [0, 1 << 60]];

fn open(dims: [usize; 2]) -> (tempfile::TempDir, Array<f32>) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("x.npy");
    write_npy::<f32>(&path, &[], &dims, Order::C, ByteOrder::NATIVE);
    let x = Array::open(&path).expect("a good file");
    (folder, x)
}

#[test]
fn reductions_of_huge_empty_shapes() {
    for dims in HUGE {
        let (sum, failures) = within(20, move || {
            let (_folder, x) = open(dims);
            let engine = two_workers();
            let (sum, stats) = engine.reduce(&x, (Sum::all(), Stats::all())).expect("0 and NaN");
            assert_eq!((stats.count, stats.min, stats.mean.is_nan()), (0, None, true));
            let per = if dims[0] == 0 {
                [
                    engine.reduce(&x, Sum::per_column()).map(drop),
                    engine.reduce(&x, Stats::per_column()).map(drop),
                ]
            } else {
                [
                    engine.reduce(&x, Mean::per_row()).map(drop),
                    engine.reduce(&x, MinMax::per_row()).map(drop),
                ]
            };
            (sum, per)
        });
        assert_eq!(sum, 0.0);
        for failure in failures {
            assert!(failure.is_err(), "2^60 cells do not fit any memory");
        }
    }
}

#[test]
fn cells_that_fit_memory_but_have_no_elements() {
    let (_folder, x) = open([2_000_000_000, 0]);
    let refused = two_workers().reduce(&x, Sum::per_row());
    assert!(matches!(refused, Err(Error::TooManyCells { cells: 2_000_000_000 })));
    let (_folder, x) = open([1000, 0]);
    let zeros = two_workers().reduce(&x, Sum::per_row()).expect("few cells");
    assert_eq!(*zeros, [0.0; 1000]);
}

#[test]
fn outputs_and_streams_of_huge_empty_shapes() {
    for dims in HUGE {
        within(20, move || {
            let (folder, x) = open(dims);
            let engine = two_workers();
            let out = folder.path().join("out.npy");
            // The job succeeds or is refused, in finite time, and a failure leaves nothing behind.
            for how in [Normalize::z_score(), Normalize::z_score().per_row()] {
                if engine.normalize(&x, how).overwrite(true).write_npy(&out).is_ok() {
                    assert_eq!(Array::<f32>::open(&out).expect("an output").shape().dims(), dims);
                    std::fs::remove_file(&out).expect("removed");
                }
            }
            assert_eq!(names(folder.path()), ["x.npy"]);
            let mut chunks = 0;
            let consume = |_, ()| {
                chunks += 1;
                if chunks < 100 { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
            };
            engine.stream(&x, |_| Ok(()), consume).expect("a stream that ends early");
        });
    }
}

#[test]
fn empty_rows_count_as_rows() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("out.npy");
    let x = SliceSource::new(&[] as &[f32], [1000, 0]).expect("no values");
    let fives = map_rows([2], |row: &[f32], out: &mut [f32]| out.fill(5.0 + row.len() as f32));
    two_workers().map(&x, fives).overwrite(true).write_npy(&path).expect("an output");
    assert_eq!(Array::<f32>::open(&path).expect("opened").as_slice(), Some(&[5.0; 2000][..]));
    // The same for outputs whose rows have no elements.
    let x = SliceSource::new(&[1.0_f32; 6], [3, 2]).expect("six values");
    let nothing = map_rows([0], |_: &[f32], out: &mut [f32]| assert!(out.is_empty()));
    two_workers().map(&x, nothing).overwrite(true).write_npy(&path).expect("an output");
    assert_eq!(Array::<f32>::open(&path).expect("opened").shape().dims(), [3, 0]);
    let (sums, mean) = (Sum::per_row(), Mean::per_row());
    let x = SliceSource::new(&[] as &[f32], [3, 0]).expect("no values");
    let (sums, mean) = two_workers().reduce(&x, (sums, mean)).expect("zeros");
    assert_eq!(*sums, [0.0; 3]);
    assert!(mean.iter().all(|m| m.is_nan()));
    let least = two_workers().reduce(&x, MinMax::per_row());
    assert!(matches!(least, Err(Error::NoElements { cell: 0, .. })), "{least:?}");
}
