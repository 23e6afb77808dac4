//! All reductions, over all dtypes, axes, masks and NaN policies.
//!
//! Each reduction is asked over each of the named axes and some sets of axes, for small arrays and
//! arrays of many blocks. Values, mask and NaN policy are drawn by the hash of the rest, so that a
//! new case leaves the others unchanged.

use rowmill::{Complex, DType, Engine, Result, bf16, f16};
use twox_hash::XxHash3_64;

use crate::answer::{Answer, text};
use crate::ask::ask;
use crate::ask_complex::{self, ComplexElement};
use crate::book::{Answers, Book, insert};
use crate::case::{Case, KERNELS, MASKED_KERNELS, MASKS};
use crate::input::{Input, Inputs, Real, TestElement};
use crate::ways::agreed;

/// The choices for the cases of a dtype.
struct Dtype {
    name: &'static str,
    kernels: &'static [&'static str],
    masks: &'static [&'static str],
    values: &'static [&'static str],
    nan: &'static [&'static str],
    /// Whether all kernels are asked about many blocks, or one in four.
    large: bool,
    /// Whether to include arrays without rows, columns or axes.
    empty: bool,
    full: bool,
}

impl Dtype {
    fn of(dtype: DType, full: bool) -> Self {
        let name = match dtype {
            DType::Bool => "bool",
            DType::I8 => "i8",
            DType::I16 => "i16",
            DType::I32 => "i32",
            DType::I64 => "i64",
            DType::U8 => "u8",
            DType::U16 => "u16",
            DType::U32 => "u32",
            DType::U64 => "u64",
            DType::F16 => "f16",
            DType::Bf16 => "bf16",
            DType::F32 => "f32",
            DType::F64 => "f64",
            DType::C64 => "c64",
            DType::C128 => "c128",
            other => panic!("{other} has no words of its own here"),
        };
        let complex = matches!(dtype, DType::C64 | DType::C128);
        let values: &[_] = match dtype {
            DType::Bool => &["any"],
            _ if complex || dtype.is_float() => &["plain", "nan", "special", "small", "offset"],
            _ => &["any", "small", "extreme"],
        };
        let floats = complex || dtype.is_float();
        Self {
            name,
            kernels: if complex { &ask_complex::KERNELS } else { &KERNELS },
            masks: if complex { &["none", "elements", "rows"] } else { &MASKS },
            values,
            nan: if floats { &["propagate", "skip", "error", "skip"] } else { &["propagate"] },
            large: ["f32", "f64", "i16", "c64"].contains(&name),
            empty: ["f32", "i32", "c128"].contains(&name),
            full: full || complex,
        }
    }

    /// An item of the list, chosen by the words.
    fn draw(&self, list: &[&'static str], words: &[&str]) -> &'static str {
        let seed = format!("{} {}", self.name, words.join(" "));
        list[(XxHash3_64::oneshot(seed.as_bytes()) >> 20) as usize % list.len()]
    }

    /// The case of a reduction over some axes of an array of some shape.
    fn case(&self, kernel: &'static str, over: &'static str, shape: &'static str) -> Case {
        let words = |what| [what, kernel, over, shape];
        let named = ["all", "columns", "rows"].contains(&over);
        let about_rows = |mask: &str| mask == "rows" || mask.contains('[');
        let masks = self.masks.iter().copied();
        let masks: Vec<_> = masks.filter(|mask| named || !about_rows(mask)).collect();
        let masked = self.full || MASKED_KERNELS.contains(&kernel);
        let mask = if masked { self.draw(&masks, &words("mask")) } else { "none" };
        let (values, nan) =
            (self.draw(self.values, &words("values")), self.draw(self.nan, &words("nan")));
        Case { kernel, over, nan, mask, dtype: self.name, shape, values }
    }

    fn cases(&self) -> Vec<Case> {
        let mut cases = Vec::new();
        for &kernel in self.kernels {
            let of_columns = ["covariance", "correlation"].contains(&kernel);
            let named: &[_] = if of_columns { &["all"] } else { &["all", "columns", "rows"] };
            for &over in named {
                let small = self.draw(&["tiny", "vector", "cube"], &[kernel, over, "small"]);
                let large = self.draw(&["blocks", "long", "wide"], &[kernel, over, "large"]);
                let take_large =
                    self.large || self.draw(&["", "", "", "y"], &[kernel, over]) == "y";
                let wide = of_columns && large == "wide";
                let shapes =
                    [Some(small), Some("edges"), Some(large).filter(|_| take_large && !wide)];
                let empty = ["scalar", "no-rows", "no-columns"].into_iter().filter(|_| self.empty);
                for shape in shapes.into_iter().flatten().chain(empty) {
                    cases.push(self.case(kernel, over, shape));
                }
            }
            if of_columns {
                continue;
            }
            const SETS: [&str; 7] =
                ["0,2", "1", "-1 keepdims", "0,1 keepdims", "2,1", "all keepdims", "0,-1 keepdims"];
            let small = self.draw(&SETS, &[kernel, "small set"]);
            cases.push(self.case(kernel, small, "cube"));
            if self.large {
                let large = self.draw(&SETS, &[kernel, "large set"]);
                cases.push(self.case(kernel, large, "blocks-cube"));
            }
        }
        cases
    }

    fn answers<T: TestElement>(
        &self,
        ask: impl Fn(&Case, &Input<T>, &Engine, &str) -> Result<Answer>,
    ) -> Answers {
        let inputs = Inputs::<T>::new(self.name);
        let mut answers = Answers::new();
        for case in self.cases() {
            let input = inputs.get(case.shape, case.values);
            let name = case.to_string();
            let answer = |way: &crate::ways::Way| text(&ask(&case, &input, way.engine, way.layout));
            let (answer, way) = agreed(&name, answer);
            insert(&mut answers, name, answer, way);
        }
        answers
    }
}

fn real<T: Real>(answers: &mut Answers) {
    // The others have few kernels with masks.
    let full = T::DTYPE == DType::F32;
    answers.extend(Dtype::of(T::DTYPE, full).answers::<T>(ask::<T>));
}

fn complex<T: ComplexElement>(answers: &mut Answers) {
    answers.extend(Dtype::of(T::DTYPE, true).answers::<T>(T::ask));
}

macro_rules! books {
    ($($name:ident: $title:literal, $($kind:ident::<$($t:tt),+>),+;)*) => {$(
        #[test]
        fn $name() {
            let mut answers = Answers::new();
            $($kind::<$($t),+>(&mut answers);)+
            Book::new(concat!(stringify!($name), ".tsv"), $title).check(&answers);
        }
    )*};
}
type C64 = Complex<f32>;
type C128 = Complex<f64>;
books! {
    reductions_of_f32: "Reductions of f32", real::<f32>;
    reductions_of_f64: "Reductions of f64", real::<f64>;
    reductions_of_i16: "Reductions of i16", real::<i16>;
    reductions_of_halves: "Reductions of f16 and bf16", real::<f16>, real::<bf16>;
    reductions_of_signed: "Reductions of i8, i32 and i64",
        real::<i8>, real::<i32>, real::<i64>;
    reductions_of_unsigned: "Reductions of bool, u8, u16, u32 and u64",
        real::<bool>, real::<u8>, real::<u16>, real::<u32>,
        real::<u64>;
    reductions_of_complex: "Reductions of c64 and c128", complex::<C64>, complex::<C128>;
}
