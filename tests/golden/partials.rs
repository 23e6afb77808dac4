//! Partials, checkpoints, and reductions whose answers are assembled in place.

use std::path::Path;
use std::sync::atomic::AtomicUsize;
use std::time::Duration;

use rowmill::reduce::{NormOrder, Reduce, Values};
use rowmill::{
    ArgMin, Checkpoint, ChunkSize, Element, Engine, Error, Mean, MinMax, Norm, Partial, Result,
    Source, Stats, Sum,
};

use crate::answer::{Answer, Number, float, hash, text};
use crate::ask::{extremum, summary};
use crate::ask_resumable::{KERNELS, Resumable, complex_sum, kernel};
use crate::book::{Answers, Book, insert};
use crate::input::{AnySource, Failing, Inputs, Real, TestElement};
use crate::ways::agreed;

/// The shape for the partials of a kernel: several blocks, with few columns if the partial of a
/// column is large.
fn shape_of<T>(name: &str) -> &'static str {
    let large = ["covariance", "approx-quantiles, columns", "histogram uniform, columns"];
    match (name.contains("columns") && !large.contains(&name), size_of::<T>()) {
        (true, _) => "blocks",
        (false, 0..4) => "longer",
        (false, _) => "long",
    }
}

/// Three partials of the blocks of an array: the first block, the middle ones, the last.
pub(crate) fn in_parts<T: Element>(
    engine: &Engine,
    x: &AnySource<'_, T>,
    kernel: &Resumable<T>,
) -> Result<Vec<Partial>> {
    let (rows, step) = (x.shape().rows(), Partial::step::<T>(x.shape()));
    let (first, last) = (step.min(rows), rows / step * step);
    let parts = [0..first, first..last.max(first), last.max(first)..rows];
    let parts = parts.into_iter().filter(|part| !part.is_empty());
    parts.map(|part| engine.partial(x, kernel, part)).collect()
}

/// The answer of partials sent as JSON, merged from the last to the first, and finished.
pub(crate) fn merged<T: Element>(sent: &[String], kernel: &Resumable<T>) -> Result<Answer> {
    let mut parts = sent.iter().rev().map(|json| Partial::from_json(json));
    let first = parts.next().expect("a part")?;
    parts.try_fold(first, |merged, part| merged.merge(part?))?.finish::<T, _>(kernel)
}

/// Leaves the checkpoint of a job that failed after two reads.
pub(crate) fn stop<T: Element>(x: &AnySource<'_, T>, kernel: &Resumable<T>, path: &Path) {
    let rows = ChunkSize::Rows(Partial::step::<T>(x.shape()));
    let engine = Engine::builder().workers(1).chunk(rows).build().expect("an engine");
    let failing = Failing { source: x, left: AtomicUsize::new(2) };
    let stopped = engine.on(&failing).checkpoint(&checkpoint(path)).reduce(kernel);
    assert!(matches!(stopped, Err(Error::File(_))), "it had to fail in the middle");
}

pub(crate) fn checkpoint(path: &Path) -> Checkpoint {
    Checkpoint::at(path).every(Duration::ZERO)
}

/// Resumes a stopped job, and returns the remaining reads.
pub(crate) fn resume<T: Element>(
    engine: &Engine,
    x: &AnySource<'_, T>,
    kernel: &Resumable<T>,
    path: &Path,
) -> (Result<Answer>, usize) {
    let failing = Failing { source: x, left: AtomicUsize::new(usize::MAX) };
    let answer = engine.on(&failing).checkpoint(&checkpoint(path)).reduce(kernel);
    (answer, usize::MAX - failing.left.into_inner())
}

fn record_partials<T: TestElement>(
    answers: &mut Answers,
    inputs: &Inputs<T>,
    (dtype, name, values): (&str, &str, &'static str),
    kernel: &Resumable<T>,
) {
    let shape = shape_of::<T>(name);
    let input = inputs.get(shape, values);
    let path = inputs.folder().join("checkpoint");
    let of = format!("{name}, {dtype} {shape} {values}");
    // Both come from the same partials, and must equal the answer of a single job.
    let (found, way) = agreed(&of, |way| {
        let x = input.source(way.layout);
        let parts = in_parts(way.engine, &x, kernel).expect("partials");
        let sent: Vec<String> = parts.iter().map(Partial::to_json).collect();
        let answer = text(&merged(&sent, kernel));
        assert_eq!(answer, text(&way.engine.reduce(&x, kernel)), "{of}, by {}", way.describe());
        let (parts, json) = (sent.len(), sent.concat());
        let json = format!("{parts} parts, {} bytes, XXH3 {}", json.len(), hash(json.as_bytes()));
        format!("{answer}\n{json}")
    });
    let (expected, json) = found.split_once('\n').expect("two lines");
    insert(answers, format!("{of}, partials merged"), expected.to_owned(), way.clone());
    insert(answers, format!("{of}, JSON of the partials"), json.to_owned(), way);
    let name = format!("{of}, checkpoint after two reads");
    let (bytes, way) = agreed(&name, |way| {
        let x = input.source(way.layout);
        stop(&x, kernel, &path);
        let bytes = std::fs::read(&path).expect("a checkpoint");
        let (answer, _) = resume(way.engine, &x, kernel, &path);
        assert_eq!(text(&answer), expected, "{name}, resumed by {}", way.describe());
        format!("{} bytes, XXH3 {}", bytes.len(), hash(&bytes))
    });
    insert(answers, name, bytes, way);
}

fn real<T: Real>(answers: &mut Answers, dtype: &'static str, values: &'static str) {
    let inputs = Inputs::<T>::new(dtype);
    for name in KERNELS {
        record_partials(
            answers,
            &inputs,
            (dtype, name, values),
            &kernel(name).expect("good options"),
        );
    }
}

#[test]
fn partials_and_checkpoints() {
    let mut answers = Answers::new();
    real::<f64>(&mut answers, "f64", "plain");
    real::<i16>(&mut answers, "i16", "small");
    let inputs = Inputs::new("c128");
    record_partials(&mut answers, &inputs, ("c128", "sum, columns", "plain"), &complex_sum());
    Book::new("partials.tsv", "Partials and checkpoints").check(&answers);
}

/// Cells that no two blocks share are written to the answer directly.
#[test]
fn answers_assembled_in_place() {
    let mut answers = Answers::new();
    let inputs = Inputs::<f32>::new("f32");
    macro_rules! ask {
        ($name:literal, $kernel:expr, $numbers:expr) => {
            for (shape, values) in
                [("long", "nan"), ("wide", "plain"), ("blocks", "special"), ("edges", "offset")]
            {
                let name = format!("{}, f32 {shape} {values}", $name);
                let input = inputs.get(shape, values);
                let (answer, way) = agreed(&name, |way| {
                    let x = input.source(way.layout);
                    text(&in_place(way.engine, &x, $kernel, $numbers))
                });
                insert(&mut answers, name, answer, way);
            }
        };
    }
    ask!("sum, rows", Sum::per_row(), float);
    ask!("mean, columns", Mean::per_column(), float);
    ask!("stats, rows", Stats::per_row(), summary);
    ask!("stats, columns", Stats::per_column(), summary);
    ask!("minmax, rows", MinMax::per_row(), |range| vec![range.min.number(), range.max.number()]);
    ask!("argmin, rows", ArgMin::per_row(), extremum);
    ask!("norm l1, rows", Norm::per_row().order(NormOrder::L1), float);
    ask!("exact sum, columns", Sum::per_column().exact(), float);
    Book::new("in_place.tsv", "Answers that are made in place").check(&answers);
}

fn in_place<V, R>(
    engine: &Engine,
    x: &AnySource<'_, f32>,
    kernel: R,
    numbers: impl Fn(V) -> Vec<Number>,
) -> Result<Answer>
where
    R: Reduce<f32, Output = Values<V>>,
{
    Ok(Answer::cells(engine.reduce(x, kernel)?, numbers))
}
