//! Parts, several files as one, bfloat16 and complex numbers through the engine. The bits equal
//! those for a file with the same elements, or with the same numbers in another dtype.

use std::path::Path;

use crate::common::layouts::{AnySource, every_layout};
use crate::common::oracle::{Axis, cells_along, same};
use crate::common::value::{Kind, Value};
use crate::common::{Rng, encode, engine, two_workers, write_npy};
use rowmill::engine::Isa;
use rowmill::file::{Backend, ByteOrder, Order, RawSpec, npy};
use rowmill::view::{Part, Pick, SliceSource, TileBuffer};
use rowmill::{
    Array, Checkpoint, ChunkSize, Complex, Concat, Counts, DType, Element, Engine, Error,
    FileError, Mask, Mean, MinMax, Moments, NanPolicy, Normalize, OpenOptions, Shape, Source,
    Stats, Sum, bf16, f16,
};

/// The answers of all kernels for a source as text, equal only for equal bits.
fn answers<T: Value>(engine: &Engine, x: &impl Source<T>) -> String {
    let skip = NanPolicy::Skip;
    let kernels = (
        Sum::all(),
        Mean::per_column().nan(skip),
        Moments::per_row().nan(skip),
        Moments::per_column().nan(skip),
        Stats::all().nan(skip),
        Stats::per_row(),
    );
    match engine.reduce(x, kernels) {
        Ok(found) => format!("{found:?}"),
        Err(error) => error.to_string(),
    }
}

/// The answers for the same elements in contiguous memory.
fn answers_of<T: Value>(engine: &Engine, values: &[T], dims: &[usize]) -> String {
    answers(engine, &SliceSource::new(values, dims).expect("matching shape"))
}

/// All elements, read row by row.
fn elements<T: Element>(x: &impl Source<T>) -> Vec<T> {
    let mut buffer = TileBuffer::new();
    (0..x.shape().rows())
        .flat_map(|row| x.rows(row..row + 1, &mut buffer).expect("inside").to_vec())
        .collect()
}

fn part_of<'a, T: Value>(x: &'a AnySource<'_, T>, picks: &[Pick]) -> Part<&'a AnySource<'a, T>> {
    x.part().slices(picks.iter().cloned()).expect("inside")
}

fn parts<T: Value>(dims: &[usize], picks: &[Pick]) {
    let folder = tempfile::tempdir().expect("a folder");
    let values = T::many(dims.iter().product(), Kind::Special, 5);
    let engines = [two_workers(), engine(1, ChunkSize::Rows(1), Isa::BASELINE)];
    let mut expected: Option<String> = None;
    for source in every_layout(folder.path(), &values, dims) {
        let part = part_of(&source, picks);
        let expected = expected
            .get_or_insert_with(|| answers_of(&engines[0], &elements(&part), part.shape().dims()));
        for engine in &engines {
            let found = answers(engine, &part);
            assert_eq!(&found, expected, "{} {dims:?} {picks:?} of {}", T::DTYPE, source.name);
        }
    }
}

#[test]
fn a_part_gives_the_bits_of_a_file_with_the_same_elements() {
    let (dims, wide) = ([3000, 37], [70, 9000]);
    parts::<f32>(&dims, &[(17..2900).into()]);
    parts::<f32>(&dims, &[(17.., 3).into(), (3..20).into()]);
    parts::<f64>(&dims, &[(..).into(), [36, 2, 3, 4, 0].into()]);
    parts::<f64>(&wide, &[(5..69).into(), (13..8999).into()]);
    parts::<f16>(&wide, &[(.., 7).into(), (.., 2).into()]);
    parts::<u8>(&dims, &[(100..2900).into(), (1..36).into()]);
    parts::<bool>(&dims, &[(.., 2).into(), (1..36).into()]);
    parts::<i64>(&[40, 30, 20], &[(1..39).into(), (.., 3).into(), (5..11).into()]);
    for picks in
        [[Pick::from(4..4), (..).into()], [7.into(), 9.into()], [(..).into(), (3..3).into()]]
    {
        parts::<f32>(&dims, &picks);
    }
}

#[test]
fn a_ceiling_changes_no_bit_of_a_part() {
    let folder = tempfile::tempdir().expect("a folder");
    let dims = [3000, 3000];
    let values = f32::many(9_000_000, Kind::Any, 1);
    let path = folder.path().join("x.npy");
    let tight = Engine::builder().workers(2).memory_ceiling(16 << 20).build().expect("an engine");
    for order in [Order::C, Order::F] {
        write_npy(&path, &values, &dims, order, ByteOrder::NATIVE);
        let x = Array::<f32>::open(&path).expect("written");
        for picks in [[Pick::from((.., 2)), (7..2990).into()], [(..).into(), (.., 3).into()]] {
            let part = x.part().slices(picks).expect("inside");
            assert_eq!(answers(&tight, &part), answers(&two_workers(), &part));
            let to = folder.path().join("z.npy");
            let how = Normalize::z_score().per_column();
            tight.normalize(&part, how).overwrite(true).write_npy(&to).expect("written");
            let tight_bytes = std::fs::read(&to).expect("written");
            let alone = elements(&part);
            let alone = SliceSource::new(&alone, part.shape().dims()).expect("matching shape");
            two_workers().normalize(&alone, how).overwrite(true).write_npy(&to).expect("written");
            assert!(tight_bytes == std::fs::read(&to).expect("written"), "{order:?}");
        }
    }
}

#[test]
fn many_files_give_the_bits_of_one() {
    let folder = tempfile::tempdir().expect("a folder");
    let (two, one) = (two_workers(), engine(1, ChunkSize::Rows(999), Isa::BASELINE));
    let values = f64::many(100_003 * 3, Kind::Special, 9);
    let expected = answers_of(&two, &values, &[100_003, 3]);
    // Files end within blocks and at their ends, and some have no rows.
    let block = (512 << 10) / (3 * 8) / 8 * 8;
    for cuts in [vec![1, 2], vec![block, block, 2 * block], vec![50_000], vec![99_999, 100_003]] {
        let ends = cuts.iter().copied().chain([100_003]);
        let mut start = 0;
        let mut arrays = Vec::new();
        for (i, end) in ends.enumerate() {
            let order = if i % 2 == 0 { ByteOrder::Little } else { ByteOrder::Big };
            let path = folder.path().join(format!("{i}.npy"));
            write_npy(&path, &values[start * 3..end * 3], &[end - start, 3], Order::C, order);
            arrays.push(OpenOptions::new().open::<f64>(&path).expect("written"));
            start = end;
        }
        let x = Concat::of_arrays(arrays).expect("one array");
        for engine in [&two, &one] {
            assert_eq!(answers(engine, &x), expected, "{cuts:?}");
        }
        let mut seen = Vec::new();
        two.stream(
            &x,
            |chunk| Ok(chunk.as_slice().to_vec()),
            |_, rows: Vec<f64>| {
                seen.extend(rows);
                std::ops::ControlFlow::Continue(())
            },
        )
        .expect("all chunks");
        assert!(seen.iter().map(|x| x.to_bits()).eq(values.iter().map(|x| x.to_bits())));
    }
}

/// A part, or a concatenation, can serve as a mask.
#[test]
fn masks_of_parts() {
    let engine = two_workers();
    let values = f32::many(5000 * 9, Kind::Any, 2);
    let bools: Vec<bool> = bool::many(5000 * 9, Kind::Any, 3);
    let x = SliceSource::new(&values, [5000, 9]).expect("matching shape");
    let mask = SliceSource::new(&bools, [5000, 9]).expect("matching shape");
    let (rows, columns) = ((10..4990, 3), 2..7);
    let part =
        x.part().rows(rows.clone()).and_then(|p| p.columns(columns.clone())).expect("inside");
    let of_mask = mask.part().rows(rows).and_then(|p| p.columns(columns)).expect("inside");
    let (few, few_bools) = (elements(&part), elements(&of_mask));
    let alone = SliceSource::new(&few, part.shape().dims()).expect("matching shape");
    let alone_mask = SliceSource::new(&few_bools, part.shape().dims()).expect("matching shape");
    let sum = engine.reduce(&part, Sum::per_column().masked(Mask::array(&of_mask))).expect("a sum");
    let expected = engine.reduce(&alone, Sum::per_column().masked(Mask::array(&alone_mask)));
    assert_eq!(sum, expected.expect("a sum"));
    let both = Concat::new([of_mask.clone(), of_mask]).expect("one");
    let twice = Concat::new([part.clone(), part]).expect("one");
    let doubled = engine.reduce(&twice, Counts::all().masked(Mask::array(&both))).expect("counts");
    let kept = few_bools.iter().filter(|&&keep| keep).count() as u64;
    assert_eq!(doubled.count, 2 * kept);
}

#[test]
fn a_checkpoint_of_one_part_is_refused_for_another() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("x.npy");
    let mut values = vec![1.0_f32; 2_000_000];
    values[1_999_999] = f32::NAN;
    write_npy(&path, &values, &[1_000_000, 2], Order::C, ByteOrder::NATIVE);
    let x = Array::<f32>::open(&path).expect("written");
    let checkpoint = Checkpoint::at(folder.path().join("job.ckpt"));
    let run = |rows: std::ops::Range<usize>| {
        let part = x.part().rows(rows).expect("inside");
        let kernel = Sum::all().nan(NanPolicy::Error);
        two_workers().on(&part).checkpoint(&checkpoint).reduce(kernel)
    };
    assert!(matches!(run(10..1_000_000), Err(Error::NanFound { .. })));
    let refused = run(9..999_999).expect_err("another part").to_string();
    assert!(refused.contains("another part"), "{refused}");
    assert!(matches!(run(10..1_000_000), Err(Error::NanFound { .. })));
}

/// Writes a raw file with these bytes, and opens it.
fn raw<T: Element>(path: &Path, bytes: &[u8], spec: &RawSpec, backend: Backend) -> Array<T> {
    std::fs::write(path, bytes).expect("written");
    OpenOptions::new().spec(spec.clone()).backend(backend).open(path).expect("written")
}

#[test]
fn bfloat16_gives_the_bits_of_float32() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("x.dat");
    let engine = two_workers();
    let dims = [1500, 41];
    let halves: Vec<bf16> =
        f32::many(1500 * 41, Kind::Special, 4).into_iter().map(bf16::from_f32).collect();
    let wide: Vec<f32> = halves.iter().map(|x| x.to_f32()).collect();
    let same = SliceSource::new(&wide, dims).expect("matching shape");
    let skip = NanPolicy::Skip;
    let kernels = (Sum::all(), Moments::per_column().nan(skip), Mean::per_row().nan(skip));
    let expected = format!("{:?}", engine.reduce(&same, kernels).expect("answers"));
    let range = engine.reduce(&same, MinMax::all().nan(skip)).expect("a range");
    // The bfloat16 elements are the upper halves of the float32 ones.
    for order in [Order::C, Order::F] {
        for byte_order in [ByteOrder::Little, ByteOrder::Big] {
            let four = encode(&wide, &dims, order, byte_order);
            let upper = if byte_order == ByteOrder::Big { 0..2 } else { 2..4 };
            let bytes: Vec<u8> =
                four.chunks(4).flat_map(|element| element[upper.clone()].to_vec()).collect();
            let spec = RawSpec::new(DType::Bf16, Shape::new(dims).expect("small"));
            let spec = spec.order(order).byte_order(byte_order);
            for backend in [Backend::Mapped, Backend::Positioned] {
                let x: Array<bf16> = raw(&path, &bytes, &spec, backend);
                let found = engine.reduce(&x, kernels).expect("answers");
                assert_eq!(format!("{found:?}"), expected, "{order:?} {byte_order:?}");
                let found = engine.reduce(&x, MinMax::all().nan(skip)).expect("a range");
                assert_eq!((found.min.to_f32(), found.max.to_f32()), (range.min, range.max));
                let above =
                    engine.reduce(&x, Counts::all().masked(Mask::value(|x: bf16| x > bf16::ONE)));
                let count = wide.iter().filter(|&&x| x > 1.0).count() as u64;
                assert_eq!(above.expect("counts").count, count);
            }
        }
    }
}

#[test]
fn bfloat16_is_written_raw_and_never_as_npy() {
    let folder = tempfile::tempdir().expect("a folder");
    let engine = two_workers();
    let values: Vec<bf16> = (0..12).map(|i| bf16::from_f32(i as f32)).collect();
    let x = SliceSource::new(&values, [4, 3]).expect("matching shape");
    let (npy, dat) = (folder.path().join("x.npy"), folder.path().join("x.dat"));
    let map = |path: &Path| {
        engine
            .map(&x, rowmill::map_elements(|x: bf16| x))
            .write(path, &rowmill::CreateOptions::new())
    };
    let refused = map(&npy).expect_err("no code").to_string();
    assert!(refused.contains("bfloat16") && refused.contains("does not end in .npy"), "{refused}");
    assert!(!npy.exists());
    map(&dat).expect("raw");
    let any = rowmill::open(&dat).expect("with a sidecar");
    assert_eq!(
        (any.dtype(), elements(any.downcast::<bf16>().expect("its type"))),
        (DType::Bf16, values.clone())
    );
    // A normalized copy is float32.
    engine.normalize(&x, Normalize::min_max()).overwrite(true).write_npy(&npy).expect("float32");
    assert_eq!(rowmill::open(&npy).expect("written").dtype(), DType::F32);
}

/// Complex numbers of a few magnitudes, optionally with NaN and infinities.
fn complex(n: usize, special: bool, seed: u64) -> Vec<Complex<f64>> {
    let mut rng = Rng::new(seed);
    let mut half = || match rng.below(50) {
        0 if special => f64::NAN,
        1 if special => f64::INFINITY,
        _ => rng.below(2000) as f64 - 1000.0,
    };
    (0..n).map(|_| Complex::new(half(), half())).collect()
}

macro_rules! complex_case {
    ($half:ty, $dtype:ident) => {{
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("x.npy");
        let engines = [two_workers(), engine(1, ChunkSize::Rows(7), Isa::BASELINE)];
        for dims in [&[1][..], &[0, 3], &[20_000], &[700, 33], &[9, 5000], &[30, 4, 5]] {
            let n = dims.iter().product();
            let all = complex(n, true, n as u64);
            let values: Vec<Complex<$half>> =
                all.iter().map(|z| Complex::new(z.re as $half, z.im as $half)).collect();
            let is_nan = |i: &usize| all[*i].re.is_nan() || all[*i].im.is_nan();
            for byte_order in [ByteOrder::Little, ByteOrder::Big] {
                // As real numbers with an additional axis, so that both parts stay adjacent.
                let real: Vec<$half> = values.iter().flat_map(|z| [z.re, z.im]).collect();
                let shape = Shape::new(dims).expect("small");
                let mut bytes = npy::write(DType::$dtype, byte_order, Order::C, &shape);
                bytes.extend(encode(&real, &[real.len()], Order::C, byte_order));
                std::fs::write(&path, bytes).expect("written");
                let x = Array::<Complex<$half>>::open(&path).expect("written");
                for engine in &engines {
                    let skip = NanPolicy::Skip;
                    macro_rules! check {
                        ($axis:ident, $cells:ident, $each:expr) => {
                            let kernels = (
                                Sum::$cells().nan(skip),
                                Mean::$cells().nan(skip),
                                Moments::$cells().nan(skip),
                                Counts::$cells().nan(skip),
                            );
                            let (sums, means, moments, counts) =
                                engine.reduce(&x, kernels).expect("answers");
                            let each = $each;
                            let (sums, means) = (each.0(sums), each.0(means));
                            let (moments, counts) = (each.1(moments), each.2(counts));
                            for (i, cell) in cells_along(dims, Axis::$axis).into_iter().enumerate()
                            {
                                let nan = cell.iter().filter(|i| is_nan(i)).count() as u64;
                                let kept: Vec<_> =
                                    cell.iter().filter(|i| !is_nan(i)).map(|&i| all[i]).collect();
                                let inf = kept.iter().filter(|z| z.is_infinite()).count() as u64;
                                let tally = counts[i];
                                let name = format!("{dims:?} {:?} {i}", Axis::$axis);
                                let expected = (kept.len() as u64, nan, inf);
                                assert_eq!((tally.count, tally.nan, tally.inf), expected, "{name}");
                                // The numbers are integral, so the sums are exact.
                                let sum: Complex<f64> = kept.iter().sum();
                                assert!(
                                    same(sums[i].re, sum.re) && same(sums[i].im, sum.im),
                                    "{name}"
                                );
                                let mean = sum / kept.len() as f64;
                                assert!(
                                    same(means[i].re, mean.re) && same(means[i].im, mean.im),
                                    "{name}"
                                );
                                if inf == 0 && !kept.is_empty() {
                                    let var =
                                        kept.iter().map(|z| (z - mean).norm_sqr()).sum::<f64>();
                                    let var = var / kept.len() as f64;
                                    let found = moments[i].var;
                                    assert!(
                                        (found - var).abs() <= var * 1e-12,
                                        "{name} {found} {var}"
                                    );
                                }
                            }
                        };
                    }
                    check!(All, all, (|v| vec![v], |v| vec![v], |v| vec![v]));
                    check!(
                        Columns,
                        per_column,
                        (
                            |v: rowmill::reduce::Values<_>| v.into_vec(),
                            |v: rowmill::reduce::Values<_>| v.into_vec(),
                            |v: rowmill::reduce::Values<_>| v.into_vec(),
                        )
                    );
                    check!(
                        Rows,
                        per_row,
                        (
                            |v: rowmill::reduce::Values<_>| v.into_vec(),
                            |v: rowmill::reduce::Values<_>| v.into_vec(),
                            |v: rowmill::reduce::Values<_>| v.into_vec(),
                        )
                    );
                }
            }
        }
    }};
}

#[test]
fn complex_numbers_of_float32() {
    complex_case!(f32, C64);
}

#[test]
fn complex_numbers_of_float64() {
    complex_case!(f64, C128);
}

#[test]
fn nan_in_one_part_of_a_complex_number() {
    let engine = two_workers();
    let data = [Complex::new(1.0, f64::NAN), Complex::new(2.0, 3.0)];
    let x = SliceSource::new(&data, [2]).expect("two");
    let (sum, skipped) =
        engine.reduce(&x, (Sum::all(), Sum::all().nan(NanPolicy::Skip))).expect("sums");
    // As in numpy, the other part is a number.
    assert!(sum.re == 3.0 && sum.im.is_nan());
    assert_eq!(skipped, Complex::new(2.0, 3.0));
    let found = engine.reduce(&x, Mean::all().nan(NanPolicy::Error));
    assert!(matches!(found, Err(Error::NanFound { row: 0, element: 0 })));
    let mask = SliceSource::new(&[false, true], [2]).expect("two");
    let masked = engine.reduce(&x, Mean::all().masked(Mask::array(&mask))).expect("a mean");
    assert_eq!(masked, Complex::new(2.0, 3.0));
}

#[test]
fn a_complex_reduction_resumes_from_its_checkpoint() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("x.npy");
    let mut array = rowmill::ArrayMut::<Complex<f32>>::create(&path, [300_000, 4]).expect("new");
    let values: Vec<Complex<f32>> = complex(1_200_000, false, 6)
        .iter()
        .map(|z| Complex::new(z.re as f32, z.im as f32))
        .collect();
    array.write_rows(0, &values).expect("written");
    array.close().expect("written");
    let x = Array::<Complex<f32>>::open(&path).expect("written");
    let kernel = (Moments::per_column(), Sum::all());
    let expected = two_workers().reduce(&x, kernel).expect("answers");
    let checkpoint =
        Checkpoint::at(folder.path().join("job.ckpt")).every(std::time::Duration::ZERO);
    let token = rowmill::CancelToken::new();
    let stop = token.clone();
    let early = Engine::builder()
        .workers(2)
        .chunk(ChunkSize::Bytes(1 << 20))
        .cancel(token)
        .progress(move |progress| {
            if progress.done > 0 {
                stop.cancel();
            }
        })
        .build()
        .expect("an engine");
    // The job is cancelled or completes; both outcomes must agree.
    match early.on(&x).checkpoint(&checkpoint).reduce(kernel) {
        Ok(found) => assert_eq!(found, expected),
        Err(error) => {
            assert!(matches!(error, Error::Cancelled), "{error}");
            let found =
                two_workers().on(&x).checkpoint(&checkpoint).reduce(kernel).expect("the rest");
            assert_eq!(found, expected);
        }
    }
}

#[test]
fn files_of_other_dtypes_are_named() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("z.npy");
    let mut array = rowmill::ArrayMut::<Complex<f64>>::create(&path, [2]).expect("new");
    array.write_rows(0, &[Complex::new(1.0, -1.0), Complex::new(0.5, 0.0)]).expect("two");
    array.close().expect("written");
    let bytes = std::fs::read(&path).expect("written");
    assert!(bytes.windows(6).any(|w| w == b"'<c16'"));
    let wrong = OpenOptions::new().open::<f64>(&path).expect_err("complex");
    assert!(matches!(wrong, FileError::DTypeMismatch { found: DType::C128, .. }), "{wrong}");
}
