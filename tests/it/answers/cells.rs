//! Answers with many cells that no two blocks share are assembled in place, by all workers. Bits
//! and errors equal those of merged partials.

use crate::common::oracle::bits;
use crate::common::value::{Kind, Total, Value};
use crate::common::{Rng, engine, two_workers};
use rowmill::engine::Isa;
use rowmill::reduce::{Answers, Reduce, Reducer, Tried};
use rowmill::select::CompareOp;
use rowmill::view::SliceSource;
use rowmill::{
    ChunkSize, Element, Error, Mask, Mean, MinMax, Moments, NanPolicy, Source, Stats, Sum,
};

/// The same reduction through merged states only: if a failure at the end is the answer, the answer
/// is not assembled in place.
struct ByPartials<R>(Tried<R>);

impl<T: Element, R: Reduce<T>> Reduce<T> for ByPartials<R> {
    type Output = R::Output;

    fn reducers<'a>(&'a self, nan: NanPolicy, to: &mut Vec<Box<dyn Reducer<T> + 'a>>) {
        self.0.reducers(nan, to);
    }
    fn output(&self, answers: &mut Answers) -> R::Output {
        self.0.output(answers).expect("an answer")
    }
}

/// Compares all bits of a reduction, assembled both ways and with different settings.
macro_rules! check {
    ($x:expr, $kernel:expr, |$value:ident| $bits:expr) => {
        let expected = two_workers().reduce($x, ByPartials(Tried($kernel))).expect("an answer");
        for (workers, chunk) in
            [(1, ChunkSize::Auto), (2, ChunkSize::Rows(1)), (8, ChunkSize::Bytes(64 << 10))]
        {
            let got = engine(workers, chunk, Isa::detect()).reduce($x, $kernel).expect("an answer");
            assert_eq!(got.dims(), expected.dims());
            for (i, ($value, b)) in got.iter().zip(&expected).enumerate() {
                let found = $bits;
                let $value = b;
                assert_eq!(found, $bits, "cell {i} of {}, {workers} {chunk}", $x.shape());
            }
        }
    };
}

fn every_kernel<T: Value>(dims: [usize; 2]) {
    let len = dims[0] * dims[1];
    let mut values = T::many(len, Kind::Any, len as u64);
    let mut rng = Rng::new(5);
    for _ in 0..9 {
        values[rng.below(len)] = T::near(f64::NAN);
    }
    let x = &SliceSource::new(&values, dims).expect("matching shape");
    let some = Mask::compare(CompareOp::Gt, 0.25);
    macro_rules! along {
        ($axis:ident) => {
            check!(x, Sum::$axis(), |v| bits(v.float()));
            check!(x, Mean::$axis().masked(some), |v| bits(*v));
            check!(x, Moments::$axis().nan(NanPolicy::Skip), |v| [
                v.count,
                bits(v.mean),
                bits(v.var)
            ]);
            check!(x, MinMax::$axis(), |v| [bits(v.min.float()), bits(v.max.float())]);
            check!(x, Stats::$axis().masked(some), |v| {
                let range = [v.min, v.max].map(|x| x.map_or(1, |x| bits(x.float())));
                (v.count, v.nan, bits(v.sum.float()), bits(v.mean), bits(v.var), range)
            });
        };
    }
    along!(per_row);
    along!(per_column);
}

#[test]
fn narrow_rows() {
    every_kernel::<f32>([140_001, 3]);
    every_kernel::<f64>([70_001, 9]);
    every_kernel::<i16>([140_001, 1]);
}

#[test]
fn few_rows() {
    every_kernel::<f32>([8, 70_001]);
    every_kernel::<f64>([5, 70_001]);
}

#[test]
fn tuple_members_are_independent() {
    let values = f32::many(3 * 70_001, Kind::Any, 1);
    let x = SliceSource::new(&values, [70_001, 3]).expect("matching shape");
    let engine = two_workers();
    // The columns are few, so they are merged; the others are not.
    let all = (Mean::per_row(), Sum::per_column(), (Stats::per_row(), Sum::all()), Sum::per_row());
    let (means, columns, (stats, sum), sums) = engine.reduce(&x, all).expect("answers");
    let alone = engine.reduce(&x, Sum::per_column()).expect("three sums");
    assert!(columns.iter().zip(&alone).all(|(a, b)| bits(*a) == bits(*b)));
    assert_eq!(bits(sum), bits(engine.reduce(&x, &Sum::all()).expect("a sum")));
    for ((mean, stats), sum) in means.iter().zip(&stats).zip(&sums) {
        assert_eq!((bits(*mean), bits(*sum)), (bits(stats.mean), bits(stats.sum)));
    }
}

#[test]
fn the_first_cell_without_an_answer_is_named() {
    let rows = 300_001;
    let values = vec![1_i64; rows * 2];
    let x = SliceSource::new(&values, [rows, 2]).expect("matching shape");
    let mut keep = vec![true; rows];
    keep[299_999] = false;
    keep[140_003] = false;
    let mask = SliceSource::new(&keep, [rows]).expect("as many as there are rows");
    for workers in [1, 2, 8] {
        let engine = engine(workers, ChunkSize::Rows(1), Isa::detect());
        let failed = engine.reduce(&x, MinMax::per_row().masked(Mask::array(&mask)));
        assert!(matches!(failed, Err(Error::NoElements { cell: 140_003, .. })), "{failed:?}");
    }
    let mut values = values;
    values[2 * 140_003] = i64::MAX;
    let x = SliceSource::new(&values, [rows, 2]).expect("matching shape");
    let failed = two_workers().reduce(&x, Sum::per_row());
    assert!(matches!(failed, Err(Error::SumOverflow { .. })), "{failed:?}");
}
