//! All reductions against NumPy, SciPy and exact rational arithmetic: the cases recorded by
//! `tests/fixtures/differential.py`, and fresh ones if Python has NumPy and SciPy.

mod bounds;
mod corpus;
mod erased;
mod kernels;
#[path = "../../../crates/core/tests/common/skipped.rs"]
mod skipped;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::SystemTime;

use crate::common::two_workers;
use crate::common::value::Value;
use corpus::{Case, Corpus, Masking};
use erased::{Answer, AnySource, Number};
use kernels::{Question, ask, ask_c64, ask_c128, automatic, quantiles};
use rowmill::select::{Selector, Unmasked};
use rowmill::view::{SliceSource, TileBuffer};
use rowmill::{AnyArray, Array, DType, Element, Engine, Error, Mask, Result, Source};
use skipped::skip;

/// All reductions, each of which must occur.
const REDUCTIONS: [&str; 29] = [
    "all",
    "any",
    "argmax",
    "argmin",
    "correlation",
    "count",
    "covariance",
    "distinct",
    "exact_mean",
    "exact_sum",
    "histogram",
    "histogram_auto",
    "histogram_uniform",
    "kurtosis",
    "max",
    "mean",
    "min",
    "norm_l1",
    "norm_l2",
    "norm_max",
    "product",
    "ptp",
    "quantiles",
    "skewness",
    "std",
    "sum",
    "top_k",
    "var",
    "weighted_mean",
];

/// The outcome of the cases of a reduction.
#[derive(Debug, Default)]
struct Seen {
    checked: usize,
    /// The largest error, as a fraction of its bound.
    most: f64,
}

struct Checker<'a> {
    engine: Engine,
    corpus: &'a Corpus,
}

impl Checker<'_> {
    fn path(&self, name: &str) -> PathBuf {
        self.corpus.folder.join(format!("{name}.npy"))
    }

    fn array<T: Element>(&self, name: &str) -> Array<T> {
        Array::open(self.path(name)).unwrap_or_else(|e| panic!("{e}"))
    }

    /// A mask in the order of the reduced axes, in memory, because other tests compile that kind of
    /// mask.
    fn mask(&self, case: &Case, name: &str) -> Vec<bool> {
        let over = case.over(self.array::<bool>(name));
        let rows = 0..Source::<bool>::shape(over.view()).rows();
        Source::<bool>::rows(over.view(), rows, &mut TileBuffer::new()).expect("all rows").to_vec()
    }

    /// The engine's answer for real numbers.
    fn real<T>(&self, case: &Case, x: &Array<T>) -> Result<Answer>
    where
        T: Value<Sum: Into<Number>>,
    {
        let over = case.over(x);
        let weights = case.weights().map(|name| case.over(self.array::<f64>(name)));
        let weights =
            weights.as_ref().map(|weights| -> AnySource<'_, f64> { Box::new(weights.view()) });
        let (x, weights): (&AnySource<'_, T>, _) =
            (&(Box::new(over.view()) as _), weights.as_ref());
        let (axes, engine) = (over.axes(), &self.engine);
        match case.mask() {
            Masking::Nothing => every(engine, &Question { case, axes, x, weights, mask: Unmasked }),
            Masking::Compare(op, threshold) => {
                let mask = Mask::compare(op, threshold);
                every(engine, &Question { case, axes, x, weights, mask })
            }
            Masking::Array(name) => {
                let mask = self.mask(case, name);
                let mask = SliceSource::new(&mask, x.shape().dims()).expect("matching shape");
                let mask = Mask::array(&mask);
                every(engine, &Question { case, axes, x, weights, mask })
            }
        }
    }

    /// The engine's answer.
    fn answer(&self, case: &Case, x: &AnyArray) -> Result<Answer> {
        macro_rules! complex {
            ($x:expr, $ask:ident) => {{
                let over = case.over($x);
                let (axes, weights) = (over.axes(), None);
                let x: &AnySource<'_, _> = &(Box::new(over.view()) as _);
                match case.mask() {
                    Masking::Array(name) => {
                        let mask = self.mask(case, name);
                        let mask =
                            SliceSource::new(&mask, x.shape().dims()).expect("matching shape");
                        let mask = Mask::array(&mask);
                        $ask(&self.engine, &Question { case, axes, x, weights, mask })
                    }
                    _ => $ask(&self.engine, &Question { case, axes, x, weights, mask: Unmasked }),
                }
            }};
        }
        match x {
            AnyArray::I64(x) => self.real(case, x),
            AnyArray::F64(x) => self.real(case, x),
            AnyArray::Bool(x) => self.real(case, x),
            AnyArray::U8(x) => self.real(case, x),
            AnyArray::U64(x) => self.real(case, x),
            AnyArray::F16(x) => self.real(case, x),
            AnyArray::F32(x) => self.real(case, x),
            AnyArray::I8(x) => self.real(case, x),
            AnyArray::I16(x) => self.real(case, x),
            AnyArray::I32(x) => self.real(case, x),
            AnyArray::U16(x) => self.real(case, x),
            AnyArray::U32(x) => self.real(case, x),
            AnyArray::C64(x) => complex!(x, ask_c64),
            AnyArray::C128(x) => complex!(x, ask_c128),
            AnyArray::Bf16(_) => panic!("NumPy has no bfloat16"),
        }
    }
}

fn every<T, M>(engine: &Engine, question: &Question<'_, T, M>) -> Result<Answer>
where
    T: Value<Sum: Into<Number>>,
    M: Selector<T> + Copy,
{
    match question.case.reduction() {
        "quantiles" => quantiles(engine, question),
        "histogram_auto" => automatic(engine, question.x),
        _ => ask(engine, question),
    }
}

/// The largest error of an answer, or a description of a wrong one.
fn compare(case: &Case, x: &AnyArray, got: Result<Answer>) -> Result<f64, String> {
    let (got, expected) = match (got, case.error(), case.expected()) {
        (Err(Error::SumOverflow { .. } | Error::ProductOverflow { .. }), Some("overflow"), _)
        | (Err(Error::NoElements { .. }), Some("empty"), _) => return Ok(0.0),
        (Ok(got), None, Some(expected)) => (got, expected),
        (got, _, _) => return Err(format!("{got:?}")),
    };
    if got.dims != case.dims() || got.cells.len() != expected.len() {
        return Err(format!("shape {:?}, {got:?}", got.dims));
    }
    let mut most = 0.0;
    for (i, (cell, expected)) in got.cells.iter().zip(&expected).enumerate() {
        if cell.len() != expected.len() {
            return Err(format!("cell {i} is {cell:?}"));
        }
        for (j, (&number, &expected)) in cell.iter().zip(expected).enumerate() {
            let off = bounds::off(case, x, (i, j), number, expected);
            if off > 1.0 {
                return Err(format!(
                    "cell {i} is {cell:?}, {off:.2} times as far from {expected:?} as it may be"
                ));
            }
            most = off.max(most);
        }
    }
    Ok(most)
}

/// Checks all cases in a folder.
fn check(folder: &Path) -> BTreeMap<String, Seen> {
    let corpus = &Corpus::read(folder);
    let checker = Checker { engine: two_workers(), corpus };
    let mut seen: BTreeMap<String, Seen> = BTreeMap::new();
    let mut wrong = Vec::new();
    for case in &corpus.cases {
        let x = rowmill::open(checker.path(case.array())).unwrap_or_else(|e| panic!("{e}"));
        let class = match x.dtype() {
            DType::F64 | DType::C128 => " f64",
            dtype if dtype.is_float() || dtype == DType::C64 => " narrow",
            _ => "",
        };
        let seen = seen.entry(format!("{}{class}", case.reduction())).or_default();
        seen.checked += 1;
        match compare(case, &x, checker.answer(case, &x)) {
            Ok(off) => seen.most = off.max(seen.most),
            Err(found) => wrong.push(format!("{case}\n    {found}")),
        }
    }
    for (what, Seen { checked, most }) in &seen {
        eprintln!("{what:24} {checked:5} checked, off by {most:.3} of the bound");
    }
    assert!(
        wrong.is_empty(),
        "{} of {} cases:\n{}",
        wrong.len(),
        corpus.cases.len(),
        wrong.join("\n")
    );
    seen
}

fn all_seen(seen: &BTreeMap<String, Seen>) {
    for reduction in REDUCTIONS {
        let of = seen.iter().filter(|(what, _)| what.split(' ').next() == Some(reduction));
        let checked: usize = of.map(|(_, seen)| seen.checked).sum();
        assert!(checked > 5, "{reduction} was checked {checked} times");
    }
}

#[test]
fn recorded_cases() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/differential");
    all_seen(&check(&folder));
}

/// The interpreter named by `ROWMILL_PYTHON`, or `python3`; `None` without NumPy and SciPy.
fn python() -> Option<OsString> {
    let python = std::env::var_os("ROWMILL_PYTHON").unwrap_or_else(|| "python3".into());
    let tried = Command::new(&python).args(["-c", "import numpy, scipy"]).output().ok()?;
    tried.status.success().then_some(python)
}

#[test]
fn fresh_cases() {
    let Some(python) = python() else {
        return skip(
            "no Python with NumPy and SciPy, so no fresh cases were checked; set ROWMILL_PYTHON to its path",
        );
    };
    // The seed of an earlier failure, to reproduce it.
    let seed = std::env::var("ROWMILL_SEED").ok().map(|seed| seed.parse().expect("a number"));
    let clock = || SystemTime::UNIX_EPOCH.elapsed().expect("after 1970").as_secs();
    let seed: u64 = seed.unwrap_or_else(clock);
    eprintln!("ROWMILL_SEED={seed}");
    let folder = tempfile::tempdir().expect("a folder");
    let fresh = folder.path().join("fresh");
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/differential.py");
    let made = Command::new(python)
        .arg(script)
        .args(["--seed", &seed.to_string(), "--out"])
        .arg(&fresh)
        .output()
        .expect("it ran before");
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let seen = check(&fresh);
    all_seen(&seen);
}
