//! [`Condition`]: a comparison of the value of an element with a number, from a text.

use std::fmt;
use std::str::FromStr;

use super::{CompareMask, CompareOp, Mask, Threshold};

/// A comparison of `x`, the value of an element, with a number: `x > 0.5`, or the other way round,
/// `0.5 < x`. It is what `rowmill --where` takes.
///
/// The operators are `>`, `>=`, `<`, `<=`, `==` (or `=`) and `!=`; the numbers are those of
/// [`Threshold`], infinities included. There is no NaN: no comparison with it is true.
///
/// ```
/// use rowmill_core::SliceSource;
/// use rowmill_exec::{Condition, Engine, Sum};
/// let x = SliceSource::new(&[0.25_f32, 0.75, 1.0], [3]).unwrap();
/// let condition: Condition = "0.5 < x".parse().unwrap();
/// assert_eq!(condition.to_string(), "x > 0.5");
/// assert_eq!(Engine::new()?.reduce(&x, Sum::all().masked(condition.mask()))?, 1.75);
/// # Ok::<(), rowmill_exec::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Condition {
    op: CompareOp,
    threshold: Threshold,
}

impl Condition {
    /// The mask that keeps the elements for which it is true.
    #[must_use]
    pub fn mask(&self) -> CompareMask {
        Mask::compare(self.op, self.threshold)
    }
}

impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let symbol = OPERATORS.iter().find(|(_, op)| *op == self.op).map_or("?", |(s, _)| s);
        match self.threshold {
            Threshold::Integer(i) => write!(f, "x {symbol} {i}"),
            Threshold::Float(t) => write!(f, "x {symbol} {t:?}"),
        }
    }
}

/// What is no condition, why, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not a condition: {message} (at byte {at})")]
pub struct ParseConditionError {
    text: String,
    at: usize,
    message: String,
}

impl ParseConditionError {
    /// What was given.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Where it is wrong, in bytes from the start of the text; on a boundary of characters.
    #[must_use]
    pub fn at(&self) -> usize {
        self.at
    }

    /// What was expected there and what was found.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }
}

/// Longer ones first, and of two spellings the usual one first.
const OPERATORS: [(&str, CompareOp); 7] = [
    (">=", CompareOp::Ge),
    ("<=", CompareOp::Le),
    ("==", CompareOp::Eq),
    ("!=", CompareOp::Ne),
    (">", CompareOp::Gt),
    ("<", CompareOp::Lt),
    ("=", CompareOp::Eq),
];

/// `a op b` as `b op' a`.
fn mirrored(op: CompareOp) -> CompareOp {
    match op {
        CompareOp::Gt => CompareOp::Lt,
        CompareOp::Ge => CompareOp::Le,
        CompareOp::Lt => CompareOp::Gt,
        CompareOp::Le => CompareOp::Ge,
        CompareOp::Eq | CompareOp::Ne => op,
    }
}

#[derive(Clone, Copy)]
enum Operand {
    X,
    Number(Threshold),
}

struct Parser<'a> {
    text: &'a str,
    at: usize,
}

impl FromStr for Condition {
    type Err = ParseConditionError;

    fn from_str(text: &str) -> Result<Self, ParseConditionError> {
        let mut parser = Parser { text, at: 0 };
        let left = parser.operand("x or a number")?;
        let op = parser.operator()?;
        let wanted = if matches!(left, Operand::X) { "a number" } else { "x" };
        parser.skip_space();
        let second = parser.at;
        let right = parser.operand(wanted)?;
        let condition = match (left, right) {
            (Operand::X, Operand::Number(threshold)) => Self { op, threshold },
            (Operand::Number(threshold), Operand::X) => Self { op: mirrored(op), threshold },
            (Operand::X, Operand::X) => {
                return Err(parser.error(second, "expected a number, found x on both sides"));
            }
            (Operand::Number(_), Operand::Number(_)) => {
                return Err(parser.error(second, "expected x, found numbers on both sides"));
            }
        };
        parser.skip_space();
        if parser.rest().is_empty() {
            return Ok(condition);
        }
        let message = "expected the end: one comparison is all that can be said here; a mask file \
                       (--mask) can say more";
        Err(parser.error(parser.at, message))
    }
}

impl<'a> Parser<'a> {
    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    fn skip_space(&mut self) {
        self.at = self.text.len() - self.rest().trim_start().len();
    }

    fn error(&self, at: usize, message: impl Into<String>) -> ParseConditionError {
        ParseConditionError { text: self.text.to_owned(), at, message: message.into() }
    }

    /// What is found, in words.
    fn found(&self) -> String {
        self.rest().chars().next().map_or("the end".to_owned(), |c| format!("{c:?}"))
    }

    fn operator(&mut self) -> Result<CompareOp, ParseConditionError> {
        self.skip_space();
        let found = OPERATORS.iter().find(|(symbol, _)| self.rest().starts_with(symbol));
        let Some((symbol, op)) = found else {
            let message = format!("expected > >= < <= == or !=, found {}", self.found());
            return Err(self.error(self.at, message));
        };
        self.at += symbol.len();
        Ok(*op)
    }

    fn operand(&mut self, wanted: &str) -> Result<Operand, ParseConditionError> {
        self.skip_space();
        let start = self.at;
        let word = self.word();
        self.at += word.len();
        let error = |message: String| Err(self.error(start, message));
        match word {
            "" => {
                self.at = start;
                Err(self.error(start, format!("expected {wanted}, found {}", self.found())))
            }
            "x" => Ok(Operand::X),
            _ => match number(word) {
                Number::Is(threshold) => Ok(Operand::Number(threshold)),
                Number::Nan => {
                    error("no comparison with NaN is true; --nan skip leaves NaN out".to_owned())
                }
                Number::TooLarge => {
                    error(format!("{word} is too large for a float64; write inf if it is meant"))
                }
                Number::Not if word.starts_with(|c: char| c.is_alphabetic() || c == '_') => error(
                    format!("unknown name {word:?}; the only one is x, the value of an element"),
                ),
                Number::Not => error(format!("{word:?} is not a number")),
            },
        }
    }

    /// A run of characters that may be a name or a number; signs belong to it at its start and in
    /// an exponent.
    fn word(&self) -> &'a str {
        let rest = self.rest();
        let mut previous = None;
        let numeric = rest.starts_with(|c: char| c.is_ascii_digit() || "+-.".contains(c));
        for (i, c) in rest.char_indices() {
            let sign = matches!(c, '+' | '-');
            let exponent = numeric && matches!(previous, Some('e' | 'E'));
            let belongs = c.is_alphanumeric()
                || matches!(c, '.' | '_')
                || (sign && (previous.is_none() || exponent));
            if !belongs {
                return &rest[..i];
            }
            previous = Some(c);
        }
        rest
    }
}

enum Number {
    Is(Threshold),
    Nan,
    TooLarge,
    Not,
}

fn number(word: &str) -> Number {
    match word.parse::<Threshold>() {
        Err(_) => Number::Not,
        Ok(Threshold::Float(f)) if f.is_nan() => Number::Nan,
        Ok(Threshold::Float(f))
            if f.is_infinite() && word.contains(|c: char| c.is_ascii_digit()) =>
        {
            Number::TooLarge
        }
        Ok(threshold) => Number::Is(threshold),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn float(op: CompareOp, t: f64) -> Condition {
        Condition { op, threshold: Threshold::Float(t) }
    }

    fn integer(op: CompareOp, t: i128) -> Condition {
        Condition { op, threshold: Threshold::Integer(t) }
    }

    #[test]
    fn every_spelling() {
        use CompareOp::{Eq, Ge, Gt, Le, Lt, Ne};
        let cases = [
            ("x > 0.5", float(Gt, 0.5)),
            ("x>0.5", float(Gt, 0.5)),
            ("  x\t>=\n1e-3 ", float(Ge, 1e-3)),
            ("x<-2", integer(Lt, -2)),
            ("x <= +7", integer(Le, 7)),
            ("x == 3", integer(Eq, 3)),
            ("x = 3", integer(Eq, 3)),
            ("x!=0", integer(Ne, 0)),
            ("0.5 < x", float(Gt, 0.5)),
            ("0.5<x", float(Gt, 0.5)),
            ("-1 <= x", integer(Ge, -1)),
            ("1e+2>x", float(Lt, 100.0)),
            ("1E-2 >= x", float(Le, 0.01)),
            ("3 != x", integer(Ne, 3)),
            ("x < inf", float(Lt, f64::INFINITY)),
            ("-inf < x", float(Gt, f64::NEG_INFINITY)),
            ("x > .5", float(Gt, 0.5)),
            ("x > 5.", float(Gt, 5.0)),
            ("x > 18446744073709551615", integer(Gt, u64::MAX.into())),
        ];
        for (text, expected) in cases {
            assert_eq!(text.parse::<Condition>().as_ref(), Ok(&expected), "{text}");
        }
    }

    #[test]
    fn what_is_wrong_is_pointed_at() {
        let cases = [
            ("", 0, "expected x or a number, found the end"),
            ("  ", 2, "expected x or a number, found the end"),
            ("x", 1, "expected > >= < <= == or !=, found the end"),
            ("x >", 3, "expected a number, found the end"),
            ("5 <", 3, "expected x, found the end"),
            ("x > x", 4, "found x on both sides"),
            ("1 < 2", 4, "found numbers on both sides"),
            ("x > foo", 4, "unknown name \"foo\""),
            ("temp > 5", 0, "unknown name \"temp\""),
            ("x > 1.2.3", 4, "\"1.2.3\" is not a number"),
            ("x > -", 4, "\"-\" is not a number"),
            ("x > nan", 4, "no comparison with NaN"),
            ("x > 1e999", 4, "too large"),
            ("x & 1", 2, "found '&'"),
            ("x >> 1", 3, "found '>'"),
            ("x <> 1", 3, "found '>'"),
            ("x > 1 and x < 2", 6, "expected the end"),
            ("0 < x < 1", 6, "expected the end"),
            ("x > 5 %", 6, "expected the end"),
            ("(x > 5)", 0, "found '('"),
            ("é > 5", 0, "unknown name"),
            ("x > ½", 4, "is not a number"),
        ];
        for (text, at, message) in cases {
            let error = text.parse::<Condition>().expect_err(text);
            assert_eq!(error.at, at, "{text}: {}", error.message);
            assert!(error.message.contains(message), "{text}: {}", error.message);
        }
    }

    proptest! {
        #[test]
        fn no_text_panics(text in "\\PC*") {
            if let Err(error) = text.parse::<Condition>() {
                let _ = error.to_string();
            }
        }

        #[test]
        fn nothing_close_to_a_condition_panics(text in "[x0-9.eEinf+<>=! \u{a0}é-]{0,12}") {
            match text.parse::<Condition>() {
                Ok(condition) => prop_assert_eq!(condition.to_string().parse(), Ok(condition)),
                Err(error) => prop_assert!(text.is_char_boundary(error.at())),
            }
        }

        #[test]
        fn numbers_keep_their_bits(t in any::<f64>().prop_filter("NaN", |t| !t.is_nan())) {
            let condition = format!("x>={t:?}").parse::<Condition>().expect("a number");
            let Threshold::Float(parsed) = condition.threshold else { panic!("{t:?} has a point") };
            prop_assert_eq!(parsed.to_bits(), t.to_bits());
        }
    }
}
