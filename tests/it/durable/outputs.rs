//! The outputs of maps: every element once, whatever the dtypes, shapes, workers and chunks.

use std::path::Path;

use crate::common::value::{Kind, Value};
use crate::common::{engine, write_npy};
use rowmill::engine::Isa;
use rowmill::file::{ByteOrder, Order};
use rowmill::map::Chunk;
use rowmill::view::SliceSource;
use rowmill::{
    Array, ChunkSize, Element, Map, Result, Shape, Source, map_elements, map_rows, open,
};

/// Chunk sizes that cut every shape below: small, odd, and the largest possible.
const CHUNKS: [ChunkSize; 5] = [
    ChunkSize::Auto,
    ChunkSize::Rows(1),
    ChunkSize::Rows(13),
    ChunkSize::Bytes(70_001),
    ChunkSize::Rows(usize::MAX),
];

/// Runs `map` with all numbers of workers and all chunk sizes, and checks that each wrote exactly
/// these elements.
fn check<U: Element>(
    name: &str,
    dims: &[usize],
    expected: &[U],
    map: impl Fn(&rowmill::Engine, &Path) -> Result<()>,
) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("out.npy");
    for workers in 1..=8 {
        for chunk in CHUNKS {
            let engine = engine(workers, chunk, Isa::detect());
            map(&engine, &path).expect("an output");
            let out = Array::<U>::open(&path).expect("an array");
            assert_eq!(out.shape().dims(), dims, "{name}");
            let mut buffer = rowmill::view::TileBuffer::new();
            let found = out.rows(0..out.shape().rows(), &mut buffer).expect("all rows");
            // `assert_eq` would print a million elements. Comparing bytes is faster in debug
            // builds.
            if U::bytes(found) != U::bytes(expected) {
                let at = found.iter().zip(expected).position(|(a, b)| a != b);
                panic!("{name}, {workers} workers, {chunk}: {} elements, {at:?}", found.len());
            }
            // The file ends after the elements.
            let len = std::fs::metadata(&path).expect("a file").len();
            assert_eq!(len, out.meta().offset + size_of_val(expected) as u64, "{name}");
        }
    }
}

/// One row, odd row counts around the sizes of a stage and a page, wide rows, and rows longer than
/// a stage.
const SHAPES: [&[usize]; 8] = [
    &[1, 1],
    &[100_003],
    &[33_333, 9],
    &[1021, 331],
    &[257, 3, 43],
    &[3, 70_001],
    &[1, 200_003],
    &[5, 33_000],
];

fn each_shape<T: Value, U: Element>(name: &str, each: fn(T) -> U) {
    for dims in SHAPES {
        let values = T::many(dims.iter().product(), Kind::Any, 7);
        let expected: Vec<U> = values.iter().map(|&v| each(v)).collect();
        let x = SliceSource::new(&values, dims).expect("matching shape");
        let name = format!("{name} {dims:?}");
        check(&name, dims, &expected, |engine, out| {
            engine.map(&x, map_elements(each)).overwrite(true).write_npy(out)
        });
    }
}

#[test]
fn elements_of_one_byte() {
    each_shape("u8 -> u8", |v: u8| v.wrapping_mul(3));
    each_shape("i8 -> bool", |v: i8| v > 0);
}

#[test]
fn wider_and_narrower_elements() {
    each_shape("i16 -> f64", |v: i16| f64::from(v) / 7.0);
    each_shape("f64 -> f32", |v: f64| v as f32);
    each_shape("f32 -> bool", |v: f32| v > 0.0);
}

#[test]
fn rows_grow_and_shrink() {
    let dims = [4099, 37];
    let values = i16::many(4099 * 37, Kind::Any, 3);
    let x = SliceSource::new(&values, dims).expect("matching shape");
    for width in [1, 2, 5, 1000] {
        let row = move |row: &[i16], out: &mut [f64]| {
            for (i, to) in out.iter_mut().enumerate() {
                *to = f64::from(row[i % row.len()]) + i as f64;
            }
        };
        let mut expected = vec![0.0; 4099 * width];
        for (from, to) in values.chunks(37).zip(expected.chunks_mut(width)) {
            row(from, to);
        }
        check(&format!("to {width}"), &[4099, width], &expected, |engine, out| {
            engine.map(&x, map_rows([width], row)).overwrite(true).write_npy(out)
        });
    }
    // Rows longer than a stage, which is computed in the cache.
    let few = SliceSource::new(&values[..37 * 5], [5, 37]).expect("matching shape");
    let long = |row: &[i16], out: &mut [u16]| out.fill(row[0] as u16);
    let expected: Vec<u16> = (0..5).flat_map(|i| vec![values[i * 37] as u16; 70_000]).collect();
    check("long rows", &[5, 70_000], &expected, |engine, out| {
        engine.map(&few, map_rows([70_000], long)).overwrite(true).write_npy(out)
    });
}

#[test]
fn empty_rows() {
    let none = SliceSource::new(&[] as &[i32], [1000, 0]).expect("no values");
    check("(1000, 0)", &[1000, 0], &[] as &[i32], |engine, out| {
        engine.map(&none, map_elements(|v: i32| v)).overwrite(true).write_npy(out)
    });
    check("(1000, 0) -> (1000, 3)", &[1000, 3], &[7_u8; 3000], |engine, out| {
        engine
            .map(&none, map_rows([3], |_: &[i32], out: &mut [u8]| out.fill(7)))
            .overwrite(true)
            .write_npy(out)
    });
    let none = SliceSource::new(&[] as &[i32], [0, 5]).expect("no values");
    check("(0, 5)", &[0, 5], &[] as &[f32], |engine, out| {
        engine.map(&none, map_elements(|v: i32| v as f32)).overwrite(true).write_npy(out)
    });
}

/// Writes every `step`-th element and skips the others. Values left by earlier chunks are never
/// zero.
struct Sparse {
    step: usize,
    within_rows: bool,
}

impl<U: Element + From<bool>> Map<u32, U> for Sparse {
    fn within_rows(&self) -> bool {
        self.within_rows
    }
    fn map(&self, input: &Chunk<'_, u32>, output: &mut [U]) -> Result<()> {
        for (to, &from) in output.iter_mut().zip(input.as_slice()) {
            if (from as usize).is_multiple_of(self.step) {
                *to = U::from(true);
            }
        }
        Ok(())
    }
}

#[test]
fn skipped_elements_are_zero() {
    let values: Vec<u32> = (0..331 * 1021).collect();
    for dims in [vec![331, 1021], vec![331 * 1021], vec![1, 331 * 1021]] {
        let x = SliceSource::new(&values, &dims[..]).expect("matching shape");
        for within_rows in [false, true] {
            for step in [2, 97, usize::MAX] {
                let written = |v: u32| (v as usize).is_multiple_of(step);
                let expected: Vec<f64> =
                    values.iter().map(|&v| f64::from(u8::from(written(v)))).collect();
                check("f64", &dims, &expected, |engine, out| {
                    engine
                        .map::<_, f64, _, _>(&x, Sparse { step, within_rows })
                        .overwrite(true)
                        .write_npy(out)
                });
            }
            let expected: Vec<bool> = values.iter().map(|v| v % 3 == 0).collect();
            check("bool", &dims, &expected, |engine, out| {
                engine
                    .map::<_, bool, _, _>(&x, Sparse { step: 3, within_rows })
                    .overwrite(true)
                    .write_npy(out)
            });
        }
    }
}

#[test]
fn inputs_of_every_layout() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("x.npy");
    for dims in [vec![2003, 113], vec![3, 70_001], vec![101, 7, 31]] {
        let values = f32::many(dims.iter().product(), Kind::Any, 11);
        let expected: Vec<f64> = values.iter().map(|&v| f64::from(v) * 0.5).collect();
        for (order, byte_order) in
            [(Order::C, ByteOrder::Big), (Order::F, ByteOrder::Little), (Order::F, ByteOrder::Big)]
        {
            write_npy(&path, &values, &dims, order, byte_order);
            let x = Array::<f32>::open(&path).expect("just written");
            let name = format!("{order:?} {byte_order:?}");
            check(&name, &dims, &expected, |engine, out| {
                engine
                    .map(&x, map_elements(|v: f32| f64::from(v) * 0.5))
                    .overwrite(true)
                    .write_npy(out)
            });
        }
    }
}

#[test]
fn overflowing_row_counts_are_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let out = folder.path().join("out.npy");
    let x = SliceSource::new(&[1_u8, 2], [2, 1]).expect("two values");
    let engine = engine(2, ChunkSize::Auto, Isa::detect());
    let huge = map_rows([usize::MAX, 3], |_: &[u8], _: &mut [u8]| ());
    assert!(engine.map(&x, huge).overwrite(true).write_npy(&out).is_err());
    assert!(open(&out).is_err() && Shape::new([2, usize::MAX, 3]).is_err());
}
