//! [`Condition`]: selects elements by their value and by the columns of their row.

mod mask;
mod parse;
#[cfg(test)]
mod tests;
mod unknown;

use std::fmt;
use std::ops::Not;

use crate::error::ParseConditionError;
pub use mask::ConditionMask;
use rowmill_core::{Element, Source};

use crate::kernel::{CompareMask, CompareOp, Mask, Threshold};

/// A predicate on elements: comparisons of an element's value, or of the columns of its row, with
/// numbers, combined by *and*, *or* and *not*. It is the syntax of `rowmill --where`.
///
/// | text | means |
/// |---|---|
/// | `x > 0.5`, `0.5 < x`, `0 < x <= 1` | the value of the element; the operators are `>` `>=` `<` `<=` `==` (or `=`) `!=` |
/// | `temp > 50`, `"wind gust" > 50`, `[3] > 50` | the column of this name, or number from 0, in the same row |
/// | `isnan(x)`, `not isnan(temp)` | NaN; a comparison with NaN is false, except for `!=` |
/// | `a and b`, `a or b`, `not a`, `(a)` | as in Python |
///
/// Numbers are those of [`Threshold`], infinities included. For floats a number is first rounded to
/// the element type, as in numpy. Columns are counted within a row in C order, whatever its axes.
///
/// ```
/// use rowmill_core::SliceSource;
/// use rowmill_exec::{Condition, Engine, Sum};
/// let x = SliceSource::new(&[0.25_f32, 7.0, 0.75, 8.0, 1.0, 9.0], [3, 2]).unwrap();
/// let condition: Condition = "0.5 < x and not [1] > 8".parse().unwrap();
/// let same = Condition::value().gt(0.5).and(!Condition::column(1).gt(8));
/// assert_eq!(condition, same);
/// assert_eq!(condition.to_string(), "x > 0.5 and not [1] > 8");
/// let kept = Sum::all().masked(condition.on(&x));
/// assert_eq!(Engine::new()?.reduce(&x, kept)?, 7.0 + 0.75 + 8.0);
/// # Ok::<(), rowmill_exec::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Condition {
    root: Node,
    /// The source text, for error messages.
    text: Option<String>,
}

/// Conditions are equal if they have the same structure.
impl PartialEq for Condition {
    fn eq(&self, other: &Self) -> bool {
        self.root == other.root
    }
}

#[derive(Clone, Debug, PartialEq)]
enum Node {
    Compare(Term, CompareOp, Threshold),
    IsNan(Term),
    Not(Box<Node>),
    /// True if all are.
    All(Vec<Node>),
    /// True if any is.
    Any(Vec<Node>),
}

/// A term of a comparison: the value of an element, or a column of its row. Made by
/// [`Condition::value`] and [`Condition::column`].
///
/// ```
/// use rowmill_exec::Condition;
/// let condition = Condition::column("temp").gt(50).or(Condition::column(5).is_nan());
/// assert_eq!(condition.to_string(), "temp > 50 or isnan([5])");
/// ```
#[derive(Clone, Debug)]
#[must_use = "a term is no condition yet: compare it with something"]
pub struct Term {
    /// None: the value.
    column: Option<ColumnName>,
    /// The byte offset in the text.
    at: usize,
}

impl PartialEq for Term {
    fn eq(&self, other: &Self) -> bool {
        self.column == other.column
    }
}

/// A column of an array, by its number from 0 or its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ColumnName {
    /// The number of the column, within a row in C order.
    Index(usize),
    /// Its name, as in the sidecar.
    Name(String),
}

impl From<usize> for ColumnName {
    fn from(index: usize) -> Self {
        Self::Index(index)
    }
}

impl From<&str> for ColumnName {
    fn from(name: &str) -> Self {
        Self::Name(name.to_owned())
    }
}

impl From<String> for ColumnName {
    fn from(name: String) -> Self {
        Self::Name(name)
    }
}

macro_rules! comparisons {
    ($($name:ident $op:ident $symbol:literal;)*) => {$(
        #[doc = concat!("`", $symbol, "` a number.")]
        pub fn $name(self, number: impl Into<Threshold>) -> Condition {
            Condition::of(Node::Compare(self, CompareOp::$op, number.into()))
        }
    )*};
}

impl Term {
    comparisons! {
        gt Gt ">"; ge Ge ">="; lt Lt "<"; le Le "<="; eq Eq "=="; ne Ne "!=";
    }

    /// Whether it is NaN.
    pub fn is_nan(self) -> Condition {
        Condition::of(Node::IsNan(self))
    }
}

impl Condition {
    fn of(root: Node) -> Self {
        Self { root, text: None }
    }

    /// The value of the element, `x` in texts.
    pub const fn value() -> Term {
        Term { column: None, at: 0 }
    }

    /// A column of the row that the element is in.
    pub fn column(column: impl Into<ColumnName>) -> Term {
        Term { column: Some(column.into()), at: 0 }
    }

    /// True if both are.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        let mut all = match self.root {
            Node::All(nodes) => nodes,
            node => vec![node],
        };
        match other.root {
            Node::All(nodes) => all.extend(nodes),
            node => all.push(node),
        }
        Self::of(Node::All(all))
    }

    /// True if either is.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        let mut any = match self.root {
            Node::Any(nodes) => nodes,
            node => vec![node],
        };
        match other.root {
            Node::Any(nodes) => any.extend(nodes),
            node => any.push(node),
        }
        Self::of(Node::Any(any))
    }

    /// The same condition with column numbers instead of names. `names` are the names of all
    /// columns, empty if they have none, and `columns` is their number.
    ///
    /// ```
    /// use rowmill_exec::Condition;
    /// let condition: Condition = "temp > 50".parse().unwrap();
    /// let names = ["date".to_owned(), "temp".to_owned()];
    /// let resolved = condition.clone().resolve(&names, 2).unwrap();
    /// assert_eq!(resolved, Condition::column(1).gt(50));
    /// let error = condition.resolve(&names[..1], 1).unwrap_err();
    /// assert!(error.message().contains("the columns are date"));
    /// ```
    ///
    /// # Errors
    /// If a column does not exist; the error has its offset in the text.
    pub fn resolve(
        mut self,
        names: &[String],
        columns: usize,
    ) -> Result<Self, ParseConditionError> {
        let shown = self.text.clone().unwrap_or_else(|| self.to_string());
        let mut wrong = None;
        self.root.each_term(&mut |term| {
            let Some(column) = &mut term.column else { return };
            let found = match column {
                ColumnName::Index(i) => Some(*i).filter(|&i| i < columns),
                ColumnName::Name(name) => names.iter().position(|n| n == name),
            };
            match found {
                Some(i) => *column = ColumnName::Index(i),
                None if wrong.is_none() => {
                    wrong = Some((term.at, unknown::unknown(column, names, columns)));
                }
                None => {}
            }
        });
        match wrong {
            None => Ok(self),
            Some((at, message)) => Err(ParseConditionError::new(shown, at, message)),
        }
    }

    /// Whether columns are used by name.
    fn has_names(&self) -> bool {
        self.any_column(|column| matches!(column, ColumnName::Name(_)))
    }

    fn any_column(&self, is: impl Fn(&ColumnName) -> bool) -> bool {
        let mut any = false;
        self.root.clone().each_term(&mut |term| any |= term.column.as_ref().is_some_and(&is));
        any
    }

    /// Whether columns are used, and not the element's value alone.
    #[must_use]
    pub fn has_columns(&self) -> bool {
        self.any_column(|_| true)
    }

    /// The mask of the condition, if it is a single comparison of the value: that is the fastest.
    #[must_use]
    pub fn compare(&self) -> Option<CompareMask> {
        match &self.root {
            Node::Compare(term, op, threshold) if term.column.is_none() => {
                Some(Mask::compare(*op, *threshold))
            }
            _ => None,
        }
    }

    /// The mask that keeps the elements for which the condition is true. Columns are those of
    /// `source`, the array itself or one with the same rows; names are those of the source, for an
    /// array file those in its sidecar. An unknown name is an error of the job.
    ///
    /// ```
    /// use rowmill_core::{Array, ArrayMut, CreateOptions};
    /// use rowmill_exec::{Condition, Engine, Sum};
    /// # let dir = tempfile::tempdir()?;
    /// # let path = dir.path().join("weather.npy");
    /// let mut x: ArrayMut<f32> =
    ///     CreateOptions::new().columns(["temp", "wind"]).create(&path, [2, 2])?;
    /// x.write_rows(0, &[20.0, 3.0, 60.0, 5.0])?;
    /// x.close()?;
    ///
    /// let x = Array::<f32>::open(&path)?;
    /// let warm: Condition = "temp > 50".parse()?;
    /// assert_eq!(Engine::new()?.reduce(&x, Sum::all().masked(warm.on(&x)))?, 65.0);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn on<'a, T: Element, S: Source<T>>(&'a self, source: &'a S) -> ConditionMask<'a, T, S> {
        ConditionMask::new(self, source)
    }
}

impl From<CompareMask> for Condition {
    fn from(mask: CompareMask) -> Self {
        Self::of(Node::Compare(Self::value(), mask.op, mask.threshold))
    }
}

impl Not for Condition {
    type Output = Self;

    fn not(self) -> Self {
        Self::of(Node::Not(Box::new(self.root)))
    }
}

impl Node {
    fn each_term(&mut self, f: &mut impl FnMut(&mut Term)) {
        match self {
            Self::Compare(term, ..) | Self::IsNan(term) => f(term),
            Self::Not(node) => node.each_term(f),
            Self::All(nodes) | Self::Any(nodes) => nodes.iter_mut().for_each(|n| n.each_term(f)),
        }
    }

    /// Parenthesized if it binds less tightly than its context.
    fn write_within(&self, f: &mut fmt::Formatter<'_>, binds: u8) -> fmt::Result {
        let own = match self {
            Self::Any(_) => 0,
            Self::All(_) => 1,
            Self::Not(_) => 2,
            Self::Compare(..) | Self::IsNan(_) => 3,
        };
        if own < binds { write!(f, "({self})") } else { write!(f, "{self}") }
    }
}

impl fmt::Display for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let joined = |nodes: &[Self], word: &str, binds, f: &mut fmt::Formatter<'_>| {
            for (i, node) in nodes.iter().enumerate() {
                if i > 0 {
                    write!(f, " {word} ")?;
                }
                node.write_within(f, binds)?;
            }
            Ok(())
        };
        match self {
            Self::Compare(term, op, threshold) => {
                let symbol = parse::symbol(*op);
                match threshold {
                    Threshold::Integer(i) => write!(f, "{term} {symbol} {i}"),
                    Threshold::Float(t) => write!(f, "{term} {symbol} {t:?}"),
                }
            }
            Self::IsNan(term) => write!(f, "isnan({term})"),
            Self::Not(node) => {
                f.write_str("not ")?;
                node.write_within(f, 2)
            }
            Self::All(nodes) => joined(nodes, "and", 2, f),
            Self::Any(nodes) => joined(nodes, "or", 1, f),
        }
    }
}

impl fmt::Display for Term {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.column {
            None => f.write_str("x"),
            Some(column) => write!(f, "{column}"),
        }
    }
}

impl fmt::Display for ColumnName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Index(i) => write!(f, "[{i}]"),
            Self::Name(name) if parse::is_plain_name(name) => f.write_str(name),
            Self::Name(name) => {
                write!(f, "\"{}\"", name.replace('\\', "\\\\").replace('"', "\\\""))
            }
        }
    }
}

impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.root)
    }
}
