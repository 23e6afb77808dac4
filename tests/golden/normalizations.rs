//! All normalizations: method, axis, options, dtypes. Outputs are hashed, element by element.

use rowmill::file::ByteOrder;
use rowmill::normalize::{FloatElement, NormalizeAxis};
use rowmill::reduce::NormOrder;
use rowmill::view::TileBuffer;
use rowmill::{Array, ArrayMut, Engine, Normalize, Source, bf16, f16};

use crate::answer::{hash, refusal};
use crate::book::{Answers, Book, insert};
use crate::input::{AnySource, Inputs, Real};
use crate::ways::agreed;

const METHODS: [&str; 9] = [
    "zscore",
    "zscore not centred",
    "minmax 0 1",
    "minmax -2 3",
    "maxabs",
    "robust",
    "robust not centred",
    "l1",
    "l2",
];

fn how(method: &str, axis: &str) -> Normalize {
    let how = match method {
        "zscore" => Normalize::z_score(),
        "zscore not centred" => Normalize::z_score().centred(false),
        "minmax 0 1" => Normalize::min_max(),
        "minmax -2 3" => Normalize::min_max_to(-2.0, 3.0),
        "maxabs" => Normalize::max_abs(),
        "robust" => Normalize::robust(),
        "robust not centred" => Normalize::robust().centred(false),
        "l1" => Normalize::norm(NormOrder::L1),
        "l2" => Normalize::norm(NormOrder::L2),
        other => panic!("{other} is no method"),
    };
    how.axis(match axis {
        "all" => NormalizeAxis::All,
        "columns" => NormalizeAxis::Columns,
        "rows" => NormalizeAxis::Rows,
        other => panic!("{other} is no axis"),
    })
}

/// The shape of an array file and the hash of its elements, with all NaN alike.
pub(crate) fn output<U: Real>(path: &std::path::Path) -> String {
    let array = Array::<U>::open(path).expect("an output");
    let rows = array.shape().rows();
    let mut buffer = TileBuffer::new();
    let elements = array.rows(0..rows, &mut buffer).expect("all rows");
    let mut bytes = Vec::new();
    for &x in elements {
        let is_nan = x.partial_cmp(&x).is_none();
        if is_nan { bytes.push(b'n') } else { x.put(ByteOrder::Little, &mut bytes) }
    }
    format!("{}, XXH3 {}", array.shape(), hash(&bytes))
}

type Written = rowmill::Result<()>;

fn outcome_text<U: Real>(path: &std::path::Path, written: &Written) -> String {
    match written {
        Ok(()) => output::<U>(path),
        Err(error) => refusal(error),
    }
}

/// Fits one array and applies the fit to another: the JSON of the fit, the copy, and its inverse.
fn by_fit<T, U>(
    engine: &Engine,
    x: &AnySource<'_, T>,
    how: Normalize,
    path: &std::path::Path,
) -> String
where
    T: Real,
    U: Real + FloatElement,
{
    let fitted = match engine.fit(x, how) {
        Ok(fitted) => fitted,
        Err(error) => return refusal(&error),
    };
    let json = hash(fitted.to_json().as_bytes());
    let copy = engine.normalize_by(x, &fitted).overwrite(true).write_npy_as::<U>(path);
    let copy = outcome_text::<U>(path, &copy);
    let copy_array: AnySource<'_, U> = Box::new(Array::<U>::open(path).expect("just written"));
    let back_path = path.with_extension("back.npy");
    let inverse = engine.denormalize(&copy_array, &fitted).overwrite(true);
    let inverse = inverse.write_npy_as::<U>(&back_path);
    format!("JSON {json}, there {copy}, back {}", outcome_text::<U>(&back_path, &inverse))
}

fn normalize<T, U>(answers: &mut Answers, dtype: &'static str, to: &str, values: &[&'static str])
where
    T: Real,
    U: Real + FloatElement,
{
    let inputs = Inputs::<T>::new(dtype);
    let path = inputs.folder().join("out.npy");
    for (i, method) in METHODS.into_iter().enumerate() {
        for (j, axis) in ["all", "columns", "rows"].into_iter().enumerate() {
            // Only "wide" rows need a read of their own.
            for (k, shape) in ["edges", "blocks", "wide"].into_iter().enumerate() {
                let large = ["f32", "f64", "i16"].contains(&dtype) && (i + j + k).is_multiple_of(3);
                if shape != "edges" && !large {
                    continue;
                }
                let values = values[(i + j + k) % values.len()];
                let input = inputs.get(shape, values);
                let name = format!("{method}, {axis}, {dtype} to {to}, {shape} {values}");
                let (answer, way) = agreed(&name, |way| {
                    let x = input.source(way.layout);
                    let job = way.engine.normalize(&x, how(method, axis));
                    outcome_text::<U>(&path, &job.overwrite(true).write_npy_as::<U>(&path))
                });
                insert(answers, name, answer, way);
                if shape == "edges" && !["l1", "l2"].contains(&method) && axis != "rows" {
                    let name =
                        format!("{method}, {axis}, {dtype} to {to}, {shape} {values}, by a fit");
                    let (answer, way) = agreed(&name, |way| {
                        let x = input.source(way.layout);
                        by_fit::<T, U>(way.engine, &x, how(method, axis), &path)
                    });
                    insert(answers, name, answer, way);
                }
            }
        }
    }
}

/// In place, which writes the same bytes as a copy.
fn in_place(answers: &mut Answers) {
    let inputs = Inputs::<f32>::new("f32");
    let input = inputs.get("edges", "nan");
    for method in METHODS {
        for axis in ["all", "columns", "rows"] {
            let name = format!("{method}, {axis}, f32 in place, edges nan");
            let path = inputs.folder().join(format!("{method} {axis}.npy"));
            let (answer, way) = agreed(&name, |way| {
                let _ = std::fs::remove_file(&path);
                let mut x = ArrayMut::<f32>::create(&path, &input.dims[..]).expect("enough space");
                x.write_rows(0, &input.values).expect("matching shape");
                x.close().expect("closed");
                let mut x = ArrayMut::<f32>::open_to_finish(&path).expect("an array");
                let done = way.engine.normalize_in_place(&mut x, how(method, axis)).map(drop);
                drop(x);
                outcome_text::<f32>(&path, &done)
            });
            insert(answers, name, answer, way);
        }
    }
}

#[test]
fn normalizations() {
    let mut answers = Answers::new();
    let floats = &["plain", "nan", "special", "small", "offset"];
    normalize::<f32, f32>(&mut answers, "f32", "f32", floats);
    normalize::<f64, f64>(&mut answers, "f64", "f64", floats);
    normalize::<f16, f16>(&mut answers, "f16", "f16", floats);
    normalize::<bf16, f32>(&mut answers, "bf16", "f32", floats);
    normalize::<i16, f64>(&mut answers, "i16", "f64", &["any", "small", "extreme"]);
    normalize::<u8, f32>(&mut answers, "u8", "f32", &["any", "small", "extreme"]);
    in_place(&mut answers);
    Book::new("normalizations.tsv", "Normalized arrays").check(&answers);
}
