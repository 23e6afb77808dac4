//! Decoding against loops that move one byte after another.

use proptest::prelude::*;

use crate::array::{Array, OpenOptions};
use crate::dtype::{ByteOrder, DType};
use crate::element::Element;
use crate::format::RawSpec;
use crate::map::Backend;
use crate::shape::{Order, Shape};
use crate::tile::TileBuffer;
use crate::view::Source;
use half::f16;

/// Bytes without a pattern; zeros among them.
fn noise(len: usize) -> Vec<u8> {
    let mut state = 7_u32;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8
    };
    (0..len)
        .map(|_| {
            let byte = next();
            if byte < 60 { 0 } else { byte }
        })
        .collect()
}

/// One element: `bytes` in the order of the file.
fn bytes_of(bytes: &[u8], order: ByteOrder) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    if order != ByteOrder::NATIVE {
        bytes.reverse();
    }
    bytes
}

#[derive(Clone, Debug)]
struct Case {
    dims: Vec<usize>,
    offset: usize,
    order: Order,
    byte_order: ByteOrder,
    backend: Backend,
    /// The start and the end of the tile, in thousandths.
    tile: [usize; 4],
}

fn cases() -> impl Strategy<Value = Case> {
    let dims = prop_oneof![
        (0_usize..200, 0_usize..150).prop_map(|(r, c)| vec![r, c]),
        (1_usize..140, 1_usize..9, 1_usize..20).prop_map(|(a, b, c)| vec![a, b, c]),
        (60_usize..70, 60_usize..70).prop_map(|(r, c)| vec![r, c]),
        (0_usize..3000, 1_usize..5).prop_map(|(r, c)| vec![r, c]),
    ];
    let order = prop_oneof![Just(Order::C), Just(Order::F), Just(Order::F)];
    let byte_order = prop_oneof![Just(ByteOrder::Little), Just(ByteOrder::Big)];
    let backend = prop_oneof![Just(Backend::Mapped), Just(Backend::Positioned)];
    let tile =
        prop_oneof![Just([0, 1000, 0, 1000]), [0_usize..=1000, 0..=1000, 0..=1000, 0..=1000]];
    (dims, 0_usize..70, order, byte_order, backend, tile).prop_map(
        |(dims, offset, order, byte_order, backend, tile)| Case {
            dims,
            offset,
            order,
            byte_order,
            backend,
            tile,
        },
    )
}

fn check<T: Element>(case: &Case) {
    let Case { dims, offset, order, byte_order, backend, tile } = case;
    let size = size_of::<T>();
    let (rows, row_len) = (dims[0], dims[1..].iter().product::<usize>());
    let file = noise(offset + rows * row_len * size);
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("x.dat");
    std::fs::write(&path, &file).expect("written");
    let shape = Shape::new(dims.clone()).expect("small");
    let spec = RawSpec::new(T::DTYPE, shape).offset(*offset as u64);
    let spec = spec.order(*order).byte_order(*byte_order);
    let x: Array<T> = OpenOptions::new().backend(*backend).spec(spec).open(&path).expect("opened");

    let range = |a: usize, b: usize, len: usize| a.min(b) * len / 1000..a.max(b) * len / 1000;
    let (some, part) = (range(tile[0], tile[1], rows), range(tile[2], tile[3], row_len));
    let mut expected = Vec::new();
    for r in some.clone() {
        for c in part.clone() {
            // The indices of this element, then its position in the file.
            let mut index = vec![r];
            let mut rest = c;
            for axis in 1..dims.len() {
                let below: usize = dims[axis + 1..].iter().product();
                index.push(rest / below);
                rest %= below;
            }
            let axes: Vec<usize> = match order {
                Order::C => (0..dims.len()).collect(),
                Order::F => (0..dims.len()).rev().collect(),
            };
            let at = axes.into_iter().fold(0, |at, axis| at * dims[axis] + index[axis]);
            let bytes = bytes_of(&file[offset + at * size..][..size], *byte_order);
            match T::DTYPE {
                DType::Bool => expected.push(u8::from(bytes[0] != 0)),
                _ => expected.extend(bytes),
            }
        }
    }
    let mut buffer = TileBuffer::new();
    // Earlier contents of the buffer do not show.
    x.tile(0..rows, 0..row_len, &mut buffer).expect("everything");
    let got = x.tile(some.clone(), part.clone(), &mut buffer).expect("a tile");
    assert_eq!((got.rows(), got.cols()), (some.len(), part.len()));
    let got: Vec<u8> = got.iter_rows().flat_map(T::bytes).copied().collect();
    assert!(got == expected, "{} {case:?}", T::DTYPE);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn tiles_agree_with_a_plain_loop(case in cases()) {
        check::<bool>(&case);
        check::<u8>(&case);
        check::<i16>(&case);
        check::<f16>(&case);
        check::<f32>(&case);
        check::<u32>(&case);
        check::<f64>(&case);
        check::<i64>(&case);
    }
}

/// Every number of rows and of columns up to more than a tile of the widest line.
#[test]
fn every_tail() {
    for n in 0..70 {
        for (rows, cols) in [(n, 67), (67, n), (n, 16), (16, n), (129, n), (n, 3), (n, 9)] {
            for byte_order in [ByteOrder::Little, ByteOrder::Big] {
                let case = Case {
                    dims: vec![rows, cols],
                    offset: 3,
                    order: Order::F,
                    byte_order,
                    backend: Backend::Mapped,
                    tile: [0, 1000, 0, 1000],
                };
                check::<u8>(&case);
                check::<u16>(&case);
                check::<f32>(&case);
                check::<f64>(&case);
            }
        }
    }
}
