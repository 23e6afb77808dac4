//! Answers as text: all their bits, or a hash of them.

use rowmill::reduce::Values;
use rowmill::{Complex, Error};
use twox_hash::XxHash3_64;

pub(crate) use crate::common::number::Number;

/// The bits of a float. All NaN are alike, because IEEE 754 leaves their sign and payload open.
fn bits(x: f64) -> u64 {
    if x.is_nan() { 0x7ff8_0000_0000_0000 } else { x.to_bits() }
}

impl Number {
    /// An integer in decimal, a float as `x` and the sixteen digits of its bits.
    fn text(self) -> String {
        match self {
            Self::Integer(x) => x.to_string(),
            Self::Float(x) if x.is_nan() => "nan".to_owned(),
            Self::Float(x) => format!("x{:016x}", bits(x)),
        }
    }

    /// Appends a tag, and the number in little-endian order.
    fn hash_into(self, bytes: &mut Vec<u8>) {
        match self {
            Self::Integer(x) => {
                bytes.push(b'i');
                bytes.extend(x.to_le_bytes());
            }
            Self::Float(x) => {
                bytes.push(b'f');
                bytes.extend(bits(x).to_le_bytes());
            }
        }
    }
}

/// XXH3, 64 bits, seed 0.
pub(crate) fn hash(bytes: &[u8]) -> String {
    format!("{:016x}", XxHash3_64::oneshot(bytes))
}

/// The numbers of all cells in C order, and the shape of the result.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    dims: Vec<usize>,
    numbers: Vec<Number>,
}

/// Answers with more numbers than this are hashed.
const MAX_NUMBERS: usize = 6;

impl Answer {
    pub(crate) fn new(dims: Vec<usize>, numbers: Vec<Number>) -> Self {
        Self { dims, numbers }
    }

    /// The cells of a result, each converted to numbers.
    pub(crate) fn cells<V>(values: Values<V>, numbers: impl Fn(V) -> Vec<Number>) -> Self {
        let dims = values.dims().to_vec();
        Self::new(dims, values.into_iter().flat_map(numbers).collect())
    }

    fn text(&self) -> String {
        let dims: Vec<String> = self.dims.iter().map(usize::to_string).collect();
        let dims = dims.join(",");
        if self.numbers.len() <= MAX_NUMBERS {
            let numbers: Vec<String> = self.numbers.iter().map(|n| n.text()).collect();
            return format!("({dims}) {}", numbers.join(" "));
        }
        let mut bytes = Vec::new();
        self.numbers.iter().for_each(|number| number.hash_into(&mut bytes));
        format!("({dims}) {} numbers, XXH3 {}", self.numbers.len(), hash(&bytes))
    }
}

pub(crate) fn float(x: f64) -> Vec<Number> {
    vec![x.into()]
}

pub(crate) fn complex(x: Complex<f64>) -> Vec<Number> {
    vec![x.re.into(), x.im.into()]
}

/// An answer or a refusal. The kind and the fields of an error are recorded; its wording belongs to
/// the corpus of the command line.
pub(crate) fn text(answer: &Result<Answer, Error>) -> String {
    match answer {
        Ok(answer) => answer.text(),
        Err(error) => refusal(error),
    }
}

/// The kind of an error, and its fields.
pub(crate) fn refusal(error: &Error) -> String {
    match error {
        Error::NanFound { row, element } => format!("error: NaN at row {row}, element {element}"),
        Error::SumOverflow { exact, .. } => format!("error: overflow of the sum {exact}"),
        Error::ProductOverflow { .. } => "error: overflow of a product".to_owned(),
        Error::NoElements { cell, .. } => format!("error: no elements in cell {cell}"),
        Error::TooManyDistinct { cell, .. } => format!("error: too many distinct in cell {cell}"),
        Error::MaskShape { .. } => "error: the mask does not fit".to_owned(),
        Error::WeightsShape { .. } => "error: the weights do not fit".to_owned(),
        Error::BadOption { knob, .. } => format!("error: bad option, {knob}"),
        Error::Condition(_) => "error: bad condition".to_owned(),
        Error::Fitted(_) => "error: the fit does not go with it".to_owned(),
        other => panic!("an error that no case is about: {other}"),
    }
}
