//! The recorded cases.

use std::path::{Path, PathBuf};

use rowmill::select::{CompareOp, Threshold};
use rowmill::{Element, NanPolicy, Over, Source};
use serde_json::Value as Json;

use super::erased::Number;

/// A folder written by `tests/fixtures/differential.py`.
pub(super) struct Corpus {
    pub(super) folder: PathBuf,
    pub(super) cases: Vec<Case>,
}

impl Corpus {
    pub(super) fn read(folder: &Path) -> Self {
        let path = folder.join("corpus.json");
        let text = std::fs::read(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        let mut json: Json = serde_json::from_slice(&text).expect("corpus.json is JSON");
        let Json::Array(cases) = json["cases"].take() else { panic!("no list of cases") };
        Self { folder: folder.to_owned(), cases: cases.into_iter().map(Case).collect() }
    }
}

/// An array, a question about it, and the expected answer.
pub(super) struct Case(Json);

impl Case {
    pub(super) fn array(&self) -> &str {
        self.text("array")
    }

    pub(super) fn reduction(&self) -> &str {
        self.text("reduction")
    }

    pub(super) fn text(&self, key: &str) -> &str {
        self.0[key].as_str().unwrap_or_else(|| panic!("{key} of {self}"))
    }

    pub(super) fn integer(&self, key: &str) -> u64 {
        self.0[key].as_u64().unwrap_or_else(|| panic!("{key} of {self}"))
    }

    pub(super) fn flag(&self, key: &str) -> bool {
        self.0[key].as_bool().unwrap_or_else(|| panic!("{key} of {self}"))
    }

    pub(super) fn float(&self, key: &str) -> f64 {
        self.0[key].as_f64().unwrap_or_else(|| panic!("{key} of {self}"))
    }

    pub(super) fn floats(&self, key: &str) -> Vec<f64> {
        list(&self.0[key]).iter().map(|x| x.as_f64().expect("a number")).collect()
    }

    pub(super) fn nan(&self) -> NanPolicy {
        match self.text("nan") {
            "propagate" => NanPolicy::Propagate,
            "skip" => NanPolicy::Skip,
            other => panic!("{other:?} is no NaN policy"),
        }
    }

    /// The file of the weights, if any.
    pub(super) fn weights(&self) -> Option<&str> {
        self.0["weights"].as_str()
    }

    pub(super) fn mask(&self) -> Masking<'_> {
        let mask = &self.0["mask"];
        if mask.is_null() {
            return Masking::Nothing;
        }
        if let Some(file) = mask["array"].as_str() {
            return Masking::Array(file);
        }
        let op = match mask["op"].as_str().expect("a comparison") {
            ">" => CompareOp::Gt,
            ">=" => CompareOp::Ge,
            "<" => CompareOp::Lt,
            "<=" => CompareOp::Le,
            "==" => CompareOp::Eq,
            "!=" => CompareOp::Ne,
            other => panic!("{other:?} is no comparison"),
        };
        Masking::Compare(op, mask["value"].to_string().parse().expect("a number"))
    }

    /// The shape of the result.
    pub(super) fn dims(&self) -> Vec<usize> {
        list(&self.0["shape"]).iter().map(|d| d.as_u64().expect("a length") as usize).collect()
    }

    /// The view of an array in which its axes are reduced.
    pub(super) fn over<T: Element, S: Source<T>>(&self, x: S) -> Over<S> {
        let axes: Vec<isize> = match &self.0["axes"] {
            Json::Array(axes) => {
                axes.iter().map(|a| a.as_i64().expect("an axis") as isize).collect()
            }
            _ => (0..x.shape().ndim() as isize).collect(),
        };
        let over = Over::new(x, &axes).unwrap_or_else(|e| panic!("{e}"));
        if self.flag("keepdims") { over.keepdims() } else { over }
    }

    /// The expected numbers; `None` if an error is expected.
    pub(super) fn expected(&self) -> Option<Vec<Vec<Number>>> {
        Some(self.0.get("expected")?.as_array().expect("cells").iter().map(numbers).collect())
    }

    /// The scale of errors for a number of a cell; zero if none is given.
    pub(super) fn scale(&self, cell: usize, place: usize) -> f64 {
        match &self.0["scale"][cell] {
            Json::Null => 0.0,
            Json::Array(scales) => scales[place].as_f64().expect("a size"),
            scale => scale.as_f64().expect("a size"),
        }
    }

    pub(super) fn error(&self) -> Option<&str> {
        self.0["error"].as_str()
    }
}

impl std::fmt::Display for Case {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

/// The selection of elements.
pub(super) enum Masking<'a> {
    Nothing,
    Compare(CompareOp, Threshold),
    /// A bool file.
    Array(&'a str),
}

fn list(json: &Json) -> &[Json] {
    json.as_array().expect("a list")
}

fn numbers(cell: &Json) -> Vec<Number> {
    match cell {
        Json::Array(numbers) => numbers.iter().map(number).collect(),
        single => vec![number(single)],
    }
}

/// NaN is null, infinities are strings.
fn number(json: &Json) -> Number {
    let integer = json.as_i64().map(i128::from).or_else(|| json.as_u64().map(i128::from));
    match json {
        Json::Null => Number::Float(f64::NAN),
        Json::Bool(truth) => Number::Integer((*truth).into()),
        Json::String(text) => Number::Float(text.parse().expect("inf or -inf")),
        _ => {
            integer.map_or_else(|| Number::Float(json.as_f64().expect("a number")), Number::Integer)
        }
    }
}
