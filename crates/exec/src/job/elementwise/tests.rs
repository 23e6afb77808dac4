use half::f16;
use rowmill_core::{Error as FileError, SliceSource, TileBuffer};

use super::*;
use crate::engine::Engine;
use crate::error::Error;
use crate::job::map_elements;
use crate::kernel::{Stats, Sum};

fn engine() -> Engine {
    Engine::builder().workers(2).build().expect("two workers")
}

#[test]
fn each_function_of_each_element() {
    let values: Vec<f32> = (0..5003).map(|i| (i as f32 - 2000.0) / 100.0).collect();
    let odd = [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, 0.0, -0.0];
    let values = [&values[..], &odd].concat();
    let x = SliceSource::new(&values, [values.len()]).expect("one axis");
    let new = Elementwise::new;
    type Case = (Elementwise, fn(f64) -> f64);
    let cases: [Case; 9] = [
        (new(), |x| x),
        (new().affine(3.0, -1.0), |x| x * 3.0 - 1.0),
        (new().clip(-1.0, 2.0), |x| if x.is_nan() { x } else { x.clamp(-1.0, 2.0) }),
        (new().abs().sqrt(), |x| x.abs().sqrt()),
        (new().ln(), libm::log),
        (new().exp(), libm::exp),
        (new().power(2.5), |x| libm::pow(x, 2.5)),
        (new().keep_where(CompareOp::Ge, 1.0, -7.0), |x| if x >= 1.0 { x } else { -7.0 }),
        (new().affine(2.0, 0.0).abs().ln().clip(0.0, 1.0), |x| {
            let y = libm::log((x * 2.0).abs());
            if y.is_nan() { y } else { y.clamp(0.0, 1.0) }
        }),
    ];
    for (chain, expected) in cases {
        let computed = chain.of(&x);
        let mut buffer = TileBuffer::new();
        let tile = computed.tile(0..values.len(), 0..1, &mut buffer).expect("inside");
        for (i, (&found, &x)) in tile.as_slice().expect("whole").iter().zip(&values).enumerate() {
            let expected = expected(f64::from(x));
            let same = found.to_bits() == expected.to_bits() || found.is_nan() && expected.is_nan();
            assert!(same, "{chain}: element {i}, {x}: {found} for {expected}");
        }
    }
}

#[test]
fn any_job_gives_the_bits_of_the_computed_array() {
    let values: Vec<i16> = (0..40_000).map(|i| (i * 31 % 7001) as i16 - 100).collect();
    let chain = Elementwise::new().affine(0.1, 0.0).clip(-5.0, 400.0).abs().sqrt();
    let computed: Vec<f32> = values
        .iter()
        .map(|&x| (f64::from(x) * 0.1 + 0.0).clamp(-5.0, 400.0).abs().sqrt() as f32)
        .collect();
    for dims in [[5000, 8], [4, 10_000]] {
        let x = SliceSource::new(&values, dims).expect("as long");
        let expected = SliceSource::new(&computed, dims).expect("as long");
        let engine = engine();
        let job = (Stats::per_column(), Sum::per_row());
        let found = engine.reduce(&chain.of(&x).cast::<f32>(Cast::Checked), job);
        let expected = engine.reduce(&expected, job);
        assert_eq!(
            format!("{:?}", found.expect("floats")),
            format!("{:?}", expected.expect("floats"))
        );
    }
}

#[test]
fn casts_that_lose_nothing_and_casts_that_do() {
    let values = [
        [0.0, 1.9, -1.9, 127.0, 127.9, -128.0],
        [-128.9, 128.0, -129.0, 1e300, f64::NEG_INFINITY, f64::NAN],
    ];
    let x = SliceSource::new(values.as_flattened(), [2, 6]).expect("two rows");
    let chain = Elementwise::new();
    let dir = tempfile::tempdir().expect("a place for files");
    let path = dir.path().join("y.npy");
    let small = chain.of(&x).cast::<i8>(Cast::Saturating);
    engine().map(&small, map_elements(|v: i8| v)).write_npy(&path).expect("room");
    let y = rowmill_core::Array::<i8>::open(&path).expect("written");
    assert_eq!(y.as_slice(), Some(&[0, 1, -1, 127, 127, -128, -128, 127, -128, 127, -128, 0][..]));
    let error = engine().reduce(&chain.of(&x).cast::<i8>(Cast::Checked), Sum::all());
    let Err(Error::File(FileError::Narrowing { row, element, value, .. })) = error else {
        panic!("{error:?}")
    };
    assert_eq!((row, element, value), (1, 1, 128.0));
    assert_eq!(u64::cast_from(18_446_744_073_709_551_615.0), (u64::MAX, false));
    assert_eq!(i64::cast_from(-9_223_372_036_854_775_808.0), (i64::MIN, true));
    assert_eq!(u8::cast_from(-0.9), (0, true));
    assert_eq!(f32::cast_from(1e300), (f32::INFINITY, false));
    assert_eq!(f32::cast_from(f64::INFINITY), (f32::INFINITY, true));
    assert!(f16::cast_from(65_519.0).1 && !f16::cast_from(65_520.0).1);
}
