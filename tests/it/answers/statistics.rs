//! Sums, moments, counts and ranges against the naive oracle: all dtypes, axes, masks and NaN
//! policies.

use crate::common::oracle::case::Case;
use crate::common::value::{Kind, Value};
use crate::common::{Rng, two_workers};
use proptest::prelude::*;
use rowmill::select::{CompareOp, Unmasked};
use rowmill::view::SliceSource;
use rowmill::{Engine, Mask, f16};

const OPS: [CompareOp; 6] =
    [CompareOp::Gt, CompareOp::Ge, CompareOp::Lt, CompareOp::Le, CompareOp::Eq, CompareOp::Ne];

fn compare(op: CompareOp, x: f64, t: f64) -> bool {
    match op {
        CompareOp::Gt => x > t,
        CompareOp::Ge => x >= t,
        CompareOp::Lt => x < t,
        CompareOp::Le => x <= t,
        CompareOp::Eq => x == t,
        CompareOp::Ne => x != t,
    }
}

/// The masks to try.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Masks {
    /// None.
    Unmasked,
    /// One comparison, and bool arrays.
    Some,
    /// All comparisons as well.
    All,
}

fn check<T: Value>(engine: &Engine, values: &[T], dims: &[usize], masks: Masks) {
    let source = &SliceSource::new(values, dims).expect("matching shape");
    let case = |mask: &str, keep: &dyn Fn(usize, T) -> bool, check: &dyn Fn(&Case<'_, T>)| {
        check(&Case {
            engine,
            source,
            values,
            keep,
            name: format!("{} {dims:?} {mask}", T::DTYPE),
        });
    };
    case("unmasked", &|_, _| true, &|case| case.check(|| Unmasked));
    if masks == Masks::Unmasked {
        return;
    }
    let ops = if masks == Masks::All { &OPS[..] } else { &OPS[1..2] };
    for &op in ops {
        let keep = |_, x: T| compare(op, x.float(), 1.0);
        case(&format!("{op:?} 1"), &keep, &|case| case.check(|| Mask::compare(op, 1.0)));
    }
    let mut rng = Rng::new(values.len() as u64);
    let bools: Vec<bool> = values.iter().map(|_| rng.below(3) > 0).collect();
    let mask = SliceSource::new(&bools, dims).expect("the same shape");
    case("array", &|i, _| bools[i], &|case| case.check(|| Mask::array(&mask)));
    let rows = dims.first().copied().unwrap_or(1);
    let row_len: usize = dims.iter().skip(1).product();
    let bools: Vec<bool> = (0..rows).map(|_| rng.below(3) > 0).collect();
    let mask = SliceSource::new(&bools, [rows]).expect("one for each row");
    case("rows", &|i, _| bools[i / row_len], &|case| case.check(|| Mask::array(&mask)));
}

/// Checks a predicate written in Rust.
fn check_predicate<T: Value>() {
    let engine = two_workers();
    let some = T::near(1.0);
    for (kind, dims) in [
        (Kind::Small, vec![9_usize, 64]),
        (Kind::Special, vec![130, 17]),
        (Kind::Any, vec![2, 1000]),
        (Kind::Special, vec![]),
    ] {
        let values = T::many(dims.iter().product(), kind, 11);
        let source = &SliceSource::new(&values, &dims[..]).expect("matching shape");
        let name = format!("{} {dims:?} value", T::DTYPE);
        Case { engine: &engine, source, values: &values, keep: &|_, x: T| x >= some, name }
            .check(|| Mask::value(|x: T| x >= some));
    }
}

#[test]
fn predicates() {
    check_predicate::<bool>();
    check_predicate::<i32>();
    check_predicate::<f16>();
    check_predicate::<f64>();
}

/// Checks shapes of every rank, and small ones around the lanes and the vector groups.
fn small<T: Value>() {
    let engine = two_workers();
    let fixed: [&[usize]; 14] = [
        &[],
        &[0],
        &[1],
        &[0, 3],
        &[3, 0],
        &[0, 0],
        &[2, 0, 3],
        &[70],
        &[1, 1],
        &[5, 3, 2],
        &[2, 1, 3, 4],
        &[513, 1],
        &[1, 513],
        &[17, 9],
    ];
    for (i, dims) in fixed.into_iter().enumerate() {
        let len = dims.iter().product();
        for kind in [Kind::Small, Kind::Any, Kind::Special] {
            let masks = if i % 4 == 1 { Masks::All } else { Masks::Some };
            check(&engine, &T::many(len, kind, i as u64), dims, masks);
        }
    }
    check(&engine, &T::many(64 * 9, Kind::Special, 5), &[64, 9], Masks::All);
}

/// Checks row lengths around lanes (8), groups (64), narrow columns (64) and long rows (512
/// columns), with row counts around the groups.
fn edges<T: Value>() {
    let engine = two_workers();
    for (i, cols) in [1, 7, 8, 9, 15, 31, 63, 64, 65, 127, 129].into_iter().enumerate() {
        for (j, rows) in [1, 2, 7, 8, 9, 63, 65].into_iter().enumerate() {
            let kind = [Kind::Any, Kind::Special][(i + j) % 2];
            let masks = if (i + j) % 3 == 0 { Masks::Some } else { Masks::Unmasked };
            check(&engine, &T::many(rows * cols, kind, 31 * i as u64), &[rows, cols], masks);
        }
    }
    for cols in [511, 512, 513] {
        check(&engine, &T::many(9 * cols, Kind::Any, 1), &[9, cols], Masks::Unmasked);
    }
}

/// Checks blocks (512 KiB), rows just up to and over 16 KiB (tiles of 128 rows of 4 KiB), and one
/// row of many tiles.
fn blocks<T: Value>() {
    let engine = two_workers();
    let size = size_of::<T>();
    let block = (512 << 10) / size;
    // Unoptimized, a part takes longer than everything in a release build.
    let some = |i: usize| !cfg!(debug_assertions) || i == 2;
    for (i, len) in [block - 1, block, 3 * block + 17, block + 1].into_iter().enumerate() {
        if !some(i) {
            continue;
        }
        check(&engine, &T::many(len, Kind::Any, len as u64), &[1, len], Masks::Unmasked);
        if i % 2 == 1 {
            let rows = len / 16;
            check(&engine, &T::many(rows * 16, Kind::Special, 3), &[rows, 16], Masks::Some);
        }
    }
    let whole = (16 << 10) / size;
    let shapes = [(17, whole), (129, whole + 1), (17, whole + 1), (3, 2 * whole + 63)];
    for (rows, cols) in
        shapes.into_iter().enumerate().filter(|(i, _)| some(*i)).map(|(_, shape)| shape)
    {
        check(&engine, &T::many(rows * cols, Kind::Special, 9), &[rows, cols], Masks::Some);
    }
}

macro_rules! dtypes {
    ($($name:ident: $t:ty, $($with_blocks:ident)?;)*) => {$(
        mod $name {
            use super::*;

            #[test]
            fn small_shapes() {
                small::<$t>();
            }
            #[test]
            fn around_the_lanes() {
                edges::<$t>();
            }
            $(
                #[test]
                fn around_the_blocks() {
                    $with_blocks::<$t>();
                }
            )?
        }
    )*};
}
dtypes! {
    bools: bool, blocks;
    i8s: i8, blocks;
    i16s: i16, blocks;
    i32s: i32,;
    i64s: i64, blocks;
    u8s: u8,;
    u16s: u16,;
    u32s: u32, blocks;
    u64s: u64,;
    f16s: f16, blocks;
    f32s: f32, blocks;
    f64s: f64, blocks;
}

fn shape() -> impl Strategy<Value = Vec<usize>> {
    prop_oneof![
        (0..3000_usize).prop_map(|n| vec![n]),
        (0..200_usize, 0..30_usize).prop_map(|(n, m)| vec![n, m]),
        (0..20_usize, 0..300_usize).prop_map(|(n, m)| vec![n, m]),
        (0..12_usize, 0..8_usize, 0..9_usize).prop_map(|(n, m, k)| vec![n, m, k]),
    ]
}

fn kind() -> impl Strategy<Value = Kind> {
    prop_oneof![Just(Kind::Small), Just(Kind::Any), Just(Kind::Special)]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn random_arrays(dims in shape(), kind in kind(), seed: u64) {
        fn one<T: Value>(engine: &Engine, dims: &[usize], kind: Kind, seed: u64) {
            let values = T::many(dims.iter().product(), kind, seed);
            check(engine, &values, dims, Masks::Some);
        }
        let engine = &two_workers();
        one::<f64>(engine, &dims, kind, seed);
        one::<f32>(engine, &dims, kind, seed);
        one::<i64>(engine, &dims, kind, seed);
        match seed % 5 {
            0 => one::<f16>(engine, &dims, kind, seed),
            1 => one::<u64>(engine, &dims, kind, seed),
            2 => one::<i16>(engine, &dims, kind, seed),
            3 => one::<u32>(engine, &dims, kind, seed),
            _ => one::<bool>(engine, &dims, kind, seed),
        }
    }
}
