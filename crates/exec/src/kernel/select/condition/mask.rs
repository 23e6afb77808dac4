//! [`ConditionMask`]: a condition evaluated for every element of a block.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;
use std::ops::Range;

use rowmill_core::{Element, Outputs, Role, Shape, Source, TileBuffer};

use super::{ColumnName, Condition, Node, Term};
use crate::error::{Error, Result};
use crate::kernel::Numeric;
use crate::kernel::frame::TileFold;
use crate::kernel::select::mask::{Select, Take, interval};
use rowmill_lanes::fold::Selection;
use rowmill_lanes::lanes::Lane;

/// See [`Condition::on`].
pub struct ConditionMask<'a, T, S> {
    condition: Cow<'a, Condition>,
    source: &'a S,
    element: PhantomData<fn() -> T>,
}

impl<T, S> Clone for ConditionMask<'_, T, S> {
    fn clone(&self) -> Self {
        Self { condition: self.condition.clone(), ..*self }
    }
}

impl<T, S> fmt::Debug for ConditionMask<'_, T, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConditionMask").field("condition", &self.condition).finish_non_exhaustive()
    }
}

/// Decisions per row or per element: one if true, else zero.
enum Decided {
    Rows(Vec<u8>),
    Elements(Vec<u8>),
}

impl<'a, T: Element, S: Source<T>> ConditionMask<'a, T, S> {
    pub(super) fn new(condition: &'a Condition, source: &'a S) -> Self {
        let columns = source.shape().row_len();
        // A missing column is reported when the job starts.
        let condition = match source.column_names().filter(|_| condition.has_names()) {
            Some(names) => condition
                .clone()
                .resolve(&names, columns)
                .map_or(Cow::Borrowed(condition), Cow::Owned),
            None => Cow::Borrowed(condition),
        };
        Self { condition, source, element: PhantomData }
    }
}

impl<T: Numeric, S: Source<T>> ConditionMask<'_, T, S> {
    /// Evaluates the condition for each element of a block.
    fn decide(&self, fold: &TileFold<'_, T>, keep: &mut [u8]) -> Result<()> {
        match self.node(&self.condition.root, fold)? {
            Decided::Elements(decided) => keep.copy_from_slice(&decided),
            Decided::Rows(decided) => spread(&decided, keep),
        }
        if fold.releases() {
            let rows = fold.place().0.rows.clone();
            self.condition.root.clone().each_term(&mut |term| {
                if let Some(ColumnName::Index(col)) = term.column {
                    self.source.release(rows.clone(), col..col + 1);
                }
            });
        }
        Ok(())
    }

    fn node(&self, node: &Node, fold: &TileFold<'_, T>) -> Result<Decided> {
        match node {
            Node::Compare(term, op, threshold) => {
                let interval = interval::<T>(*op, *threshold);
                self.term(term, fold, &move |x| interval.contains(x))
            }
            Node::IsNan(term) => self.term(term, fold, &|x: T::Lane| x.is_nan()),
            Node::Not(node) => {
                let mut decided = self.node(node, fold)?;
                let (Decided::Rows(bytes) | Decided::Elements(bytes)) = &mut decided;
                bytes.iter_mut().for_each(|byte| *byte ^= 1);
                Ok(decided)
            }
            Node::All(nodes) => self.combine(nodes, fold, true),
            Node::Any(nodes) => self.combine(nodes, fold, false),
        }
    }

    fn combine(&self, nodes: &[Node], fold: &TileFold<'_, T>, both: bool) -> Result<Decided> {
        let mut all: Option<Decided> = None;
        for node in nodes {
            let next = self.node(node, fold)?;
            all = Some(match all {
                None => next,
                Some(before) => joined(before, next, both),
            });
        }
        // Lists are never empty: neither the parser nor the methods make an empty one.
        Ok(all.unwrap_or_else(|| Decided::Rows(vec![1; fold.place().0.rows.len()])))
    }

    fn term(
        &self,
        term: &Term,
        fold: &TileFold<'_, T>,
        predicate: &impl Fn(T::Lane) -> bool,
    ) -> Result<Decided> {
        let bounds = fold.place().0;
        let rows = bounds.rows.clone();
        let Some(column) = &term.column else {
            let mut keep = vec![0; rows.len() * bounds.cols.len()];
            fold.decide_by(&mut keep, predicate);
            return Ok(Decided::Elements(keep));
        };
        let ColumnName::Index(col) = *column else { return Err(self.unresolved(term)) };
        self.column(rows, col, fold, predicate).map(Decided::Rows)
    }

    fn column(
        &self,
        rows: Range<usize>,
        col: usize,
        fold: &TileFold<'_, T>,
        predicate: &impl Fn(T::Lane) -> bool,
    ) -> Result<Vec<u8>> {
        let buffer = &mut TileBuffer::new().below_ceiling(fold.releases());
        let tile = self.source.tile(rows, col..col + 1, buffer)?;
        let decided = T::with_lanes(tile, fold.isa(), fold.scratch(), |lanes| {
            lanes.iter_rows().map(|row| u8::from(predicate(row[0]))).collect()
        });
        // Decisions from bytes past the end of a truncated file are invalid.
        self.source.check()?;
        Ok(decided)
    }

    fn unresolved(&self, term: &Term) -> Error {
        let columns = self.source.shape().row_len();
        let names = super::unknown::unknown(
            term.column.as_ref().unwrap_or(&ColumnName::Index(0)),
            &self.source.column_names().unwrap_or_default(),
            columns,
        );
        let text = self.condition.text.clone().unwrap_or_else(|| self.condition.to_string());
        Error::Condition(super::ParseConditionError::new(text, term.at, names))
    }
}

/// Spreads the decision of each row to all its elements.
fn spread(rows: &[u8], elements: &mut [u8]) {
    let cols = elements.len() / rows.len().max(1);
    for (to, &from) in elements.chunks_mut(cols.max(1)).zip(rows) {
        to.fill(from);
    }
}

/// Combines two decisions: true if both are, or if either is.
fn joined(a: Decided, b: Decided, both: bool) -> Decided {
    match both {
        true => joined_by(a, b, |a, b| a & b),
        false => joined_by(a, b, |a, b| a | b),
    }
}

fn joined_by(a: Decided, b: Decided, join: impl Fn(u8, u8) -> u8) -> Decided {
    let each = |mut a: Vec<u8>, b: &[u8]| {
        a.iter_mut().zip(b).for_each(|(a, &b)| *a = join(*a, b));
        a
    };
    match (a, b) {
        (Decided::Rows(a), Decided::Rows(b)) => Decided::Rows(each(a, &b)),
        (Decided::Elements(a), Decided::Elements(b)) => Decided::Elements(each(a, &b)),
        (Decided::Elements(mut elements), Decided::Rows(rows))
        | (Decided::Rows(rows), Decided::Elements(mut elements)) => {
            let cols = elements.len() / rows.len().max(1);
            for (elements, &row) in elements.chunks_mut(cols.max(1)).zip(&rows) {
                elements.iter_mut().for_each(|e| *e = join(*e, row));
            }
            Decided::Elements(elements)
        }
    }
}

impl<T: Numeric, S: Source<T>> Select<T> for ConditionMask<'_, T, S> {
    fn check(&self, shape: &Shape) -> Result<()> {
        let found = self.source.shape();
        if found.rows() != shape.rows() {
            return Err(Error::MaskShape { found: found.clone(), array: shape.clone() });
        }
        let mut wrong = None;
        self.condition.root.clone().each_term(&mut |term| {
            let exists = match term.column {
                None => true,
                Some(ColumnName::Index(i)) => i < found.row_len(),
                Some(ColumnName::Name(_)) => false,
            };
            if !exists && wrong.is_none() {
                wrong = Some(self.unresolved(term));
            }
        });
        wrong.map_or(Ok(()), Err)
    }

    fn select(&self, fold: &TileFold<'_, T>, f: Take<'_, T>) -> Result<()> {
        if let Some(compare) = self.condition.compare() {
            return compare.select(fold, f);
        }
        let mut keep = fold.scratch().take::<u8>(fold.len());
        self.decide(fold, &mut keep)?;
        f(Selection::Kept(&keep))
    }

    fn fixed(&self) -> Option<Selection<'static, T::Lane>> {
        self.condition.compare().and_then(|compare| Select::<T>::fixed(&compare))
    }

    fn describe(&self) -> Option<String> {
        let columns = if self.condition.has_columns() {
            format!(" in {}", self.source.identity()?.signature())
        } else {
            String::new()
        };
        Some(format!("{}{columns}", self.condition))
    }

    fn verify(&self) -> Result<()> {
        Ok(self.source.verify()?)
    }

    fn register(&self, outputs: &mut Outputs) {
        // Usually the input itself, which then has both roles.
        outputs.read_source(Role::Condition, &self.source);
    }
}
