//! [`ViewError`]: elements, parts and axes that an array does not have, and arrays that do not go
//! together.

use crate::shape::{Shape, ShapeError};

/// Why an array has no such view: an element, a part, an order or a set of axes, or several arrays
/// as one.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ViewError {
    /// Dimensions that make no shape.
    #[error("these dimensions make no shape: {source}")]
    Shape {
        /// The reason.
        source: ShapeError,
    },
    /// A slice with more or fewer elements than its shape.
    #[error("shape {shape} has {} elements, the slice has {found}; give the shape of the slice", shape.len())]
    ElementCount {
        /// The shape given.
        shape: Shape,
        /// The elements of the slice.
        found: usize,
    },
    /// A part of an array was asked for that it does not have.
    #[error(
        "{what} {asked} was asked for, of an array of shape {shape} that has {len} there; indices are \
         below {len}, ranges end at {len} at most and have a step of 1 or more"
    )]
    PartRange {
        /// The name of the indices: `row`, `column`, `axis 2, index`.
        what: String,
        /// The indices asked for.
        asked: String,
        /// How many indices there are.
        len: usize,
        /// The shape of the array.
        shape: Shape,
    },
    /// A part was asked for that has more axes than the array.
    #[error("something was asked for of {asked} axes, an array of shape {shape} has {}", shape.ndim())]
    PartAxes {
        /// Axes asked for.
        asked: usize,
        /// The shape of the array.
        shape: Shape,
    },
    /// Indices were repeated so often that the part has more elements than can be counted.
    #[error("the part asked for is too large: {source}")]
    PartTooLarge {
        /// The shape that it would have.
        source: ShapeError,
    },
    /// An axis was asked for that the array does not have.
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
    /// The same axis was asked for twice.
    #[error(
        "axis {axis} was asked for twice in {axes:?}; name each once (negative ones count from the end)"
    )]
    AxisTwice {
        /// The axis, counted from 0.
        axis: usize,
        /// All that were asked for.
        axes: Vec<isize>,
    },
    /// An order of axes was asked for that is none, or takes axis 0 from its place.
    #[error(
        "{order:?} is no order for the axes of an array of shape {shape}; name each of its axes once, \
         axis 0 first"
    )]
    AxisOrder {
        /// The order asked for.
        order: Vec<usize>,
        /// The shape of the array.
        shape: Shape,
    },
    /// No array at all was to be taken as one.
    #[error("there is no array to begin with; name at least one")]
    NothingToConcat,
    /// Arrays that were to be taken as one, and differ.
    #[error(
        "{what} has {found}, {first} has {expected}: arrays that are taken as one need the same dtype \
         and the same shape of rows; leave out what differs, or convert it"
    )]
    NotOneArray {
        /// The one that differs.
        what: String,
        /// The first one.
        first: String,
        /// The dtype, shape of rows or length of the first one.
        expected: String,
        /// That of the other.
        found: String,
    },
    /// A pattern of file names that finds nothing.
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
    /// An index that is not inside the array, or has the wrong number of axes.
    #[error("the index {index:?} is not inside an array of shape {shape}")]
    Index {
        /// The index.
        index: Vec<usize>,
        /// The shape of the array.
        shape: Shape,
    },
}
