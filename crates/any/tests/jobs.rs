//! Jobs on arrays of any dtype: parts, descriptions, normalization, checksums, appending.

use std::path::{Path, PathBuf};

use rowmill_any::{
    AnySource, Axes, Error, Normalization, Picks, Quartiles, Request, Scalar, Statistic,
    Statistics, append, checksums, describe, fit, normalize_in_place, normalized_dtype,
    store_checksums, verify,
};
use rowmill_core::{
    Array, ArrayMut, Complex, CreateOptions, DType, Element, Error as FileError, Format, RawSpec,
    Sidecar, SliceSource, ViewError, bf16, f16, open,
};
use rowmill_exec::{Checkpoint, Engine, Error as JobError, InPlace, Normalize};
use tempfile::TempDir;

fn engine() -> Engine {
    Engine::builder().workers(2).build().expect("two workers")
}

fn source<'a, T: rowmill_any::AnyElement>(values: &'a [T], dims: &[usize]) -> AnySource<'a> {
    AnySource::new(SliceSource::new(values, dims).expect("matching shape"))
}

fn dir() -> TempDir {
    tempfile::tempdir().expect("a directory")
}

fn write<T: Element>(dir: &TempDir, name: &str, dims: &[usize], values: &[T]) -> PathBuf {
    let path = dir.path().join(name);
    let mut array = ArrayMut::<T>::create(&path, dims).expect("a new array");
    array.write_rows(0, values).expect("matching shape");
    array.close().expect("written");
    path
}

fn values<T: Element>(path: &Path) -> Vec<T> {
    Array::<T>::open(path).expect("written").as_slice().expect("native").to_vec()
}

/// All elements, in descending order.
fn elements(x: &AnySource<'_>) -> Vec<Scalar> {
    let request = Request::new(Statistics(vec![Statistic::TopK(64)]));
    request.reduce(&engine(), x).expect("an answer").columns()[0].list(0)
}

#[test]
fn parts_of_several_files() {
    let dir = dir();
    let a = write(&dir, "a.npy", &[2, 3], &[1_i16, 2, 3, 4, 5, 6]);
    let b = write(&dir, "b.npy", &[1, 3], &[7_i16, 8, 9]);
    let arrays = [open(&a).expect("opens"), open(&b).expect("exists")];
    let all = || AnySource::concat(&arrays).expect("one array");
    assert_eq!((all().shape().dims(), all().is_in_place()), (&[3, 3][..], false));
    assert!(AnySource::concat(&arrays[..1]).expect("one array").is_in_place());
    let same = all().part(&Picks::new()).expect("everything");
    assert_eq!(same.shape().dims(), [3, 3]);
    let part = all().part(&Picks::new().rows(1..3).columns([2, 0])).expect("inside");
    assert_eq!((part.dtype(), part.shape().dims()), (DType::I16, &[2, 2][..]));
    assert_eq!(elements(&part), [9, 7, 6, 4].map(Scalar::Signed));
    let corner = all().part(&Picks::new().axes([2..3, 1..2])).expect("inside");
    assert_eq!(elements(&corner), [Scalar::Signed(8)]);
    let outside = all().part(&Picks::new().rows(3..4)).expect_err("no such row");
    assert!(matches!(outside, FileError::View(ViewError::PartRange { .. })), "{outside}");
    assert!(matches!(AnySource::concat(&[]), Err(FileError::View(ViewError::NothingToConcat))));
    let other = open(write(&dir, "c.npy", &[1, 3], &[0_u8; 3])).expect("opens");
    let mixed = AnySource::concat(&[arrays[0].clone(), other]).expect_err("two dtypes");
    assert!(mixed.to_string().contains("c.npy"), "{mixed}");
}

#[test]
fn descriptions_of_every_dtype() {
    macro_rules! described {
        ($($t:ty),*) => {$(
            let values = [0_u8, 1, 2, 9].map(|n| <$t>::from(n));
            let found = describe(&engine(), &source(&values, &[2, 2]), Quartiles::Exact);
            let answer = found.expect("real numbers").answer;
            let of = |name: &str| answer.column(name).expect("a column").values().clone();
            let numbers = |name: &str| [0, 1].map(|cell| of(name).get(cell).to_f64());
            assert_eq!((numbers("min"), numbers("max")), ([0.0, 1.0], [2.0, 9.0]));
            assert_eq!((numbers("zeros"), numbers("mean")), ([1.0, 0.0], [1.0, 5.0]));
            assert_eq!((numbers("q25"), numbers("median")), ([0.5, 3.0], [1.0, 5.0]));
        )*};
    }
    described!(i16, i32, i64, u8, u16, u32, u64, f16, bf16, f32, f64);
    let found = describe(&engine(), &source(&[true, false], &[2]), Quartiles::Sampled);
    let found = found.expect("bools are numbers");
    assert_eq!(found.answer.column("zeros").expect("a column").scalar(0), Scalar::Unsigned(1));
    let complex = [Complex::new(1.0_f32, 0.0)];
    let complex = source(&complex, &[1]);
    let found = describe(&engine(), &complex, Quartiles::Sampled);
    assert!(matches!(found, Err(Error::Unordered { dtype: DType::C64, .. })), "{found:?}");
}

#[test]
fn a_description_names_its_sample() {
    let numbers: Vec<f32> = (0..300_000_u32).map(|i| (i * 7919 % 300_000) as f32).collect();
    let x = source(&numbers, &[300_000, 1]);
    let sampled = describe(&engine(), &x, Quartiles::Sampled).expect("an answer");
    assert_eq!(sampled.axes, Axes::Columns);
    assert_eq!(
        (sampled.quartile_sample_size, sampled.histogram_sample_size),
        (Some(75_000), Some(75_000))
    );
    let bins = &sampled.histograms[0].as_ref().expect("numbers").counts;
    assert_eq!((bins.len(), bins.iter().sum::<u64>()), (20, 75_000));
    let exact = describe(&engine(), &x, Quartiles::Exact).expect("an answer");
    assert_eq!((exact.quartile_sample_size, exact.histogram_sample_size), (None, Some(75_000)));
    assert_eq!(exact.answer.column("median").map(|c| c.scalar(0)), Some(149_999.5.into()));
    let names: Vec<&str> = exact.answer.columns().iter().map(|column| column.name()).collect();
    assert_eq!(names.join(" "), "count nan inf zeros sum mean std var min q25 median q75 max");
    let wide = describe(&engine(), &source(&[3_i8; 4002], &[2, 2001]), Quartiles::Sampled);
    let wide = wide.expect("an answer");
    assert_eq!((&wide.axes, wide.answer.dims()), (&Axes::All, &[][..]));
    let none = describe(&engine(), &source::<f64>(&[], &[0, 2]), Quartiles::Exact);
    let none = none.expect("an answer");
    assert_eq!(none.histograms, [None, None]);
    assert_eq!(none.answer.column("max").map(|c| c.scalar(1)), Some(Scalar::Missing));
}

#[test]
fn overflowing_sums_are_described_in_float64() {
    let values = [1, i64::MAX, 2, i64::MAX];
    let found = describe(&engine(), &source(&values, &[2, 2]), Quartiles::Sampled);
    let found = found.expect("an answer");
    let overflow = found.overflow.expect("too large");
    assert_eq!((overflow.exact, overflow.result_type), (i128::from(i64::MAX) * 2, "i64"));
    assert_eq!(found.answer.column("sum").map(|c| c.scalar(0)), Some(Scalar::Float(3.0)));
    assert_eq!(found.answer.column("min").map(|c| c.scalar(0)), Some(Scalar::Float(1.0)));
}

#[test]
fn normalized_copies() {
    let dir = dir();
    let engine = engine();
    let file = write(&dir, "u.npy", &[2, 2], &[1_u8, 5, 3, 5]);
    let (path, back) = (dir.path().join("z.npy"), dir.path().join("x.npy"));
    let x = source(&[1_u8, 5, 3, 5], &[2, 2]);
    let options = CreateOptions::new().format(Format::Npy).overwrite(true);
    let copy = |job: Normalization<'_>, x: &AnySource<'_>, path: &Path| {
        job.write(&engine, x, path, &options).map_err(Box::new)
    };
    let z_score = Normalization::new(Normalize::z_score());
    assert_eq!(copy(z_score, &x, &path).expect("written"), DType::F64);
    assert_eq!(values::<f64>(&path), [-1.0, 0.0, 1.0, 0.0]);
    let checkpoint = Checkpoint::at(dir.path().join("job.ck"));
    let halves = z_score.output_dtype(DType::F16).checkpoint(&checkpoint);
    assert!(copy(halves, &x, &path).is_err(), "memory has no identity to resume by");
    let file = open(file).expect("opens");
    assert_eq!(copy(halves, &AnySource::from_array(&file), &path).expect("written"), DType::F16);
    assert_eq!(values::<f16>(&path)[0].to_f32(), -1.0);
    let fitted = fit(&engine, &x, Normalize::z_score()).expect("a fit");
    let z = source(&[-1.0_f32, 1.0], &[1, 2]);
    let inverse = Normalization::inverse(&fitted);
    assert_eq!(copy(inverse, &z, &back).expect("written"), DType::F32);
    assert_eq!(values::<f32>(&back), [1.0, 6.0]);
    let none = copy(z_score.output_dtype(DType::I32), &x, &path).expect_err("no float");
    assert!(matches!(*none, Error::OutputDType { dtype: DType::I32 }), "{none}");
    let complex = [Complex::new(1.0_f64, 0.0)];
    let complex = source(&complex, &[1]);
    let none = copy(z_score, &complex, &path).expect_err("no order");
    assert!(matches!(*none, Error::Unordered { dtype: DType::C128, .. }), "{none}");
    assert!(fit(&engine, &complex, Normalize::z_score()).is_err());
    assert_eq!(values::<f16>(&path).len(), 4, "a failed job replaces nothing");
    assert_eq!(normalized_dtype(DType::Bf16), Some(DType::F32));
}

#[test]
fn normalized_in_place() {
    let dir = dir();
    let path = dir.path().join("x.dat");
    std::fs::write(&path, [1.0_f32, 3.0].map(f32::to_le_bytes).concat()).expect("a file");
    let spec = RawSpec::new(DType::F32, rowmill_core::Shape::new([2]).expect("small"));
    let run = || {
        let done = normalize_in_place(&engine(), &path, Some(&spec), Normalize::z_score());
        done.expect("floats")
    };
    let done = run();
    assert_eq!((done.outcome, done.meta.shape.dims()), (InPlace::Changed, &[2][..]));
    assert_eq!(run().outcome, InPlace::AlreadyDone);
    let whole = write(&dir, "i.npy", &[2], &[1_i64, 2]);
    let refused = normalize_in_place(&engine(), &whole, None, Normalize::z_score());
    let refused = refused.expect_err("integers");
    assert!(matches!(refused, Error::InPlaceDType { dtype: DType::I64, .. }), "{refused}");
}

#[test]
fn checksums_keep_the_rest_of_the_sidecar() {
    let dir = dir();
    let file = write(&dir, "x.npy", &[3], &[Complex::new(1.0_f32, 2.0); 3]);
    let array = open(&file).expect("opens");
    let x = AnySource::from_array(&array);
    let sums = checksums(&engine(), &x).expect("read");
    store_checksums(&file, array.meta(), sums).expect("written");
    let sidecar = Sidecar::beside(&file).expect("read").expect("a sidecar");
    let kept = sidecar.checksums.expect("kept");
    assert_eq!(verify(&engine(), &x, &kept).expect("read"), []);
    let other = [Complex::new(1.0_f32, 2.0); 2];
    let other = source(&other, &[2]);
    let damaged = verify(&engine(), &other, &kept).expect("still one run");
    assert_eq!((damaged.len(), &damaged[0]), (1, &(0..2)));
}

#[test]
fn all_rows_are_appended_or_none() {
    let dir = dir();
    let file = write(&dir, "x.npy", &[1, 2], &[1_i8, 2]);
    let more = write(&dir, "more.npy", &[2, 2], &[3_i8, 4, 5, 6]);
    let other = write(&dir, "other.npy", &[2, 2], &[3_u8, 4, 5, 6]);
    let wrong = append(&file, &[&more, &other]).expect_err("another dtype");
    let is_dtype = matches!(
        &wrong,
        Error::Job(JobError::File(FileError::DTypeMismatch { path, .. })) if *path == other
    );
    assert!(is_dtype, "{wrong}");
    assert_eq!(values::<i8>(&file), [1, 2]);
    let itself = append(&file, &[&more, &file]).expect_err("the same file");
    assert!(matches!(&itself, Error::AppendToItself { path } if *path == file), "{itself}");
    assert_eq!(values::<i8>(&file), [1, 2]);
    let appended = append(&file, &[&more, &more]).expect("equal row shapes");
    assert_eq!((appended.rows, appended.meta.shape.dims()), (4, &[5, 2][..]));
    assert_eq!(values::<i8>(&file), [1, 2, 3, 4, 5, 6, 3, 4, 5, 6]);
}
