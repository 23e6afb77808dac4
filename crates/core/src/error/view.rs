//! [`ViewError`]: elements, parts and axes that do not exist, and arrays that cannot be combined.

use crate::shape::{Shape, ShapeError};

/// Why an array has no such view: an element, a part, an order or a set of axes, or several arrays
/// as one.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ViewError {
    /// Dimensions that are not a valid shape.
    #[error("these dimensions are not a valid shape: {source}")]
    Shape {
        /// The reason.
        source: ShapeError,
    },
    /// A slice whose length differs from that of its shape.
    #[error("shape {shape} has {} elements, the slice has {found}; give the shape of the slice", shape.len())]
    ElementCount {
        /// The shape.
        shape: Shape,
        /// The length of the slice.
        found: usize,
    },
    /// A part outside the array.
    #[error(
        "cannot take {what} {asked} of an array of shape {shape}, which has {len} there; indices \
         are below {len}, ranges end at {len} at most and have a step of 1 or more"
    )]
    PartRange {
        /// The name of the indices: `row`, `column`, `axis 2, index`.
        what: String,
        /// The requested indices.
        asked: String,
        /// How many indices there are.
        len: usize,
        /// The shape of the array.
        shape: Shape,
    },
    /// A part with more axes than the array.
    #[error("{asked} axes were given, but an array of shape {shape} has {}", shape.ndim())]
    PartAxes {
        /// The number of requested axes.
        asked: usize,
        /// The shape of the array.
        shape: Shape,
    },
    /// Repeated indices give the part more elements than can be counted.
    #[error("the part asked for is too large: {source}")]
    PartTooLarge {
        /// The shape that it would have.
        source: ShapeError,
    },
    /// An axis that the array does not have.
    #[error(
        "axis {axis} was asked for, an array of shape {shape} has {}; axes count from 0, negative ones \
         from the end", shape.ndim()
    )]
    AxisRange {
        /// The axis.
        axis: isize,
        /// The shape of the array.
        shape: Shape,
    },
    /// A repeated axis.
    #[error(
        "axis {axis} was asked for twice in {axes:?}; name each once (negative ones count from the end)"
    )]
    AxisTwice {
        /// The axis, counted from 0.
        axis: usize,
        /// All requested axes.
        axes: Vec<isize>,
    },
    /// An order of axes that is not a permutation, or moves axis 0.
    #[error(
        "{order:?} is not an order of the axes of an array of shape {shape}; name each of its axes \
         once, axis 0 first"
    )]
    AxisOrder {
        /// The requested order.
        order: Vec<usize>,
        /// The shape of the array.
        shape: Shape,
    },
    /// No arrays to concatenate.
    #[error("there are no arrays to concatenate; name at least one")]
    NothingToConcat,
    /// Arrays that differ and cannot be concatenated.
    #[error(
        "{what} has {found}, {first} has {expected}: arrays can be concatenated only with the \
         same dtype and the same row shape; leave out those that differ, or convert them"
    )]
    NotOneArray {
        /// The one that differs.
        what: String,
        /// The first one.
        first: String,
        /// The dtype, shape of rows or length of the first one.
        expected: String,
        /// The same of the other.
        found: String,
    },
    /// An invalid pattern of file names, or one without matches.
    #[error(
        "cannot open the files {pattern:?}: {reason}; a pattern is a path with * for any characters, ? \
         for one, [abc] for one of some"
    )]
    Pattern {
        /// The pattern.
        pattern: String,
        /// The flaw of the pattern.
        reason: String,
    },
    /// An index outside the array, or with the wrong number of axes.
    #[error("the index {index:?} is outside an array of shape {shape}")]
    Index {
        /// The index.
        index: Vec<usize>,
        /// The shape of the array.
        shape: Shape,
    },
}
