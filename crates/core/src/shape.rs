//! Shapes: a bounded list of dimensions, seen as rows of elements.

use crate::error::{Error, ViewError};
use std::fmt;
use std::str::FromStr;

use crate::text::clip;

/// The most dimensions an array can have, as in NumPy 2.
pub const MAX_NDIM: usize = 64;

/// The order of the elements of an array in its file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub enum Order {
    /// Row-major: the last axis varies fastest.
    #[default]
    C,
    /// Column-major: the first axis varies fastest.
    F,
}

/// The shape of an array: at most [`MAX_NDIM`] dimensions whose product fits `usize`.
///
/// rowmill sees every array as **rows**: a row is one index of axis 0. A 1-d array has rows of one
/// element, a 0-d array has one row of one element.
///
/// ```
/// use rowmill_core::Shape;
/// let shape = Shape::new([1000, 3, 4])?;
/// assert_eq!((shape.rows(), shape.row_len(), shape.len()), (1000, 12, 12_000));
/// assert_eq!(shape.to_string(), "(1000, 3, 4)");
/// # Ok::<(), rowmill_core::ShapeError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Shape {
    dims: Vec<usize>,
}

impl Shape {
    /// A shape of these dimensions.
    ///
    /// # Errors
    /// [`ShapeError`] for more than [`MAX_NDIM`] dimensions, or if the product of the nonzero
    /// dimensions does not fit `isize` (so that no later arithmetic on it can overflow).
    pub fn new(dims: impl Into<Vec<usize>>) -> Result<Self, ShapeError> {
        let dims = dims.into();
        if dims.len() > MAX_NDIM {
            return Err(ShapeError::TooManyDimensions { found: dims.len() });
        }
        // Zeros are left out: (0, 2^63, 2^63) is empty, but its row would overflow.
        let product = dims.iter().filter(|&&d| d != 0).try_fold(1_usize, |p, &d| p.checked_mul(d));
        match product {
            Some(p) if isize::try_from(p).is_ok() => Ok(Self { dims }),
            _ => Err(ShapeError::TooLarge { dims }),
        }
    }

    /// The dimensions, outermost first.
    #[must_use]
    pub fn dims(&self) -> &[usize] {
        &self.dims
    }

    /// The number of dimensions.
    #[must_use]
    pub fn ndim(&self) -> usize {
        self.dims.len()
    }

    /// The number of rows: the length of axis 0, and 1 for a 0-d array.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.dims.first().copied().unwrap_or(1)
    }

    /// The shape of one row: all axes but 0.
    #[must_use]
    pub fn row_dims(&self) -> &[usize] {
        self.dims.get(1..).unwrap_or(&[])
    }

    /// The number of elements in one row.
    #[must_use]
    pub fn row_len(&self) -> usize {
        self.row_dims().iter().product()
    }

    /// The number of elements.
    #[must_use]
    pub fn len(&self) -> usize {
        self.dims.iter().product()
    }

    /// Whether there are no elements.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.dims.contains(&0)
    }

    /// The normalized axes, in order: negative ones count from the end (numpy's
    /// `normalize_axis_tuple`).
    ///
    /// ```
    /// use rowmill_core::Shape;
    /// let shape = Shape::new([1000, 3, 4])?;
    /// assert_eq!(shape.axes(&[-1, 0])?, [0, 2]);
    /// assert!(shape.axes(&[2, -1]).is_err());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`ViewError::AxisRange`] for an axis that does not exist, [`ViewError::AxisTwice`].
    pub fn axes(&self, axes: &[isize]) -> Result<Vec<usize>, Error> {
        let ndim = self.ndim();
        let mut found = Vec::with_capacity(axes.len());
        for &axis in axes {
            let at =
                if axis < 0 { ndim.checked_add_signed(axis) } else { usize::try_from(axis).ok() };
            match at.filter(|&at| at < ndim) {
                None => return Err(ViewError::AxisRange { axis, shape: self.clone() }.into()),
                Some(at) if found.contains(&at) => {
                    return Err(ViewError::AxisTwice { axis: at, axes: axes.to_vec() }.into());
                }
                Some(at) => found.push(at),
            }
        }
        found.sort_unstable();
        Ok(found)
    }

    /// The number of bytes of all elements of `size` bytes each.
    ///
    /// # Errors
    /// [`ShapeError::TooLarge`] if it does not fit `isize`.
    pub fn byte_len(&self, size: usize) -> Result<usize, ShapeError> {
        let bytes = self.len().checked_mul(size).filter(|&b| isize::try_from(b).is_ok());
        bytes.ok_or_else(|| ShapeError::TooLarge { dims: self.dims.clone() })
    }
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.dims.as_slice() {
            [one] => write!(f, "({one},)"),
            dims => {
                write!(f, "(")?;
                for (i, d) in dims.iter().enumerate() {
                    let comma = if i == 0 { "" } else { ", " };
                    write!(f, "{comma}{d}")?;
                }
                write!(f, ")")
            }
        }
    }
}

/// Accepts `1000,64`, and numpy's output: `(1000, 64)`, `(1000,)`, `()`.
///
/// ```
/// use rowmill_core::Shape;
/// assert_eq!("1000,64".parse(), Shape::new([1000, 64]).map_err(Into::into));
/// ```
impl FromStr for Shape {
    type Err = ParseShapeError;

    fn from_str(text: &str) -> Result<Self, ParseShapeError> {
        let trimmed = text.trim();
        let inner = trimmed.strip_prefix('(').and_then(|t| t.strip_suffix(')'));
        let list = inner.unwrap_or(trimmed).trim();
        if list.is_empty() && inner.is_some() {
            return Ok(Self::new([])?);
        }
        let list = list.strip_suffix(',').unwrap_or(list);
        if list.is_empty() {
            return Err(ParseShapeError::Empty);
        }
        let (mut dims, mut count) = (Vec::new(), 0);
        for dim in list.split(',').map(str::trim) {
            // `parse` alone would accept a sign.
            let digits = dim.bytes().all(|b| b.is_ascii_digit());
            let length = dim.parse().ok().filter(|_| digits);
            count += 1;
            // A long text is parsed to its end, but only as many dimensions as can be used are
            // stored.
            if count <= MAX_NDIM {
                dims.push(length.ok_or_else(|| ParseShapeError::Axis { found: clip(dim) })?);
            }
        }
        if count > MAX_NDIM {
            return Err(ShapeError::TooManyDimensions { found: count }.into());
        }
        Ok(Self::new(dims)?)
    }
}

/// A text that is not a shape.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ParseShapeError {
    /// The text is empty.
    #[error("expected the length of each axis, such as 1000,64")]
    Empty,
    /// One of the parts is not a length.
    #[error("{found:?} is not the length of an axis; expected a list such as 1000,64")]
    Axis {
        /// The part.
        found: String,
    },
    /// The lengths are not a valid shape.
    #[error(transparent)]
    Shape(#[from] ShapeError),
}

/// Why dimensions are not a valid [`Shape`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ShapeError {
    /// More than [`MAX_NDIM`] dimensions.
    #[error("{found} dimensions; at most {MAX_NDIM} are supported")]
    TooManyDimensions {
        /// The number of dimensions.
        found: usize,
    },
    /// The number of elements or bytes does not fit the address space.
    #[error("the shape {dims:?} has more elements than this machine can address")]
    TooLarge {
        /// The dimensions.
        dims: Vec<usize>,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_of_every_rank() {
        let cases: [(&[usize], usize, usize, usize, &str); 6] = [
            (&[], 1, 1, 1, "()"),
            (&[5], 5, 1, 5, "(5,)"),
            (&[5, 3], 5, 3, 15, "(5, 3)"),
            (&[0, 3], 0, 3, 0, "(0, 3)"),
            (&[3, 0], 3, 0, 0, "(3, 0)"),
            (&[2, 3, 4], 2, 12, 24, "(2, 3, 4)"),
        ];
        for (dims, rows, row_len, len, text) in cases {
            let shape = Shape::new(dims).expect("small");
            assert_eq!((shape.rows(), shape.row_len(), shape.len()), (rows, row_len, len));
            assert_eq!(shape.to_string(), text);
            assert_eq!(shape.is_empty(), len == 0);
        }
    }

    #[test]
    fn texts() {
        let good: [(&str, &[usize]); 7] = [
            ("1000,64", &[1000, 64]),
            ("5", &[5]),
            ("(1000, 64)", &[1000, 64]),
            ("(5,)", &[5]),
            ("()", &[]),
            (" 3 , 0 ,2, ", &[3, 0, 2]),
            ("( )", &[]),
        ];
        for (text, dims) in good {
            assert_eq!(text.parse::<Shape>().expect(text).dims(), dims, "{text}");
        }
        for text in ["", ",", "-1", "+1", "1,,2", "1x2", "a", "(1", "(,)", "18446744073709551616"] {
            assert!(text.parse::<Shape>().is_err(), "{text}");
        }
        let ones = "1,".repeat(70_000).parse::<Shape>();
        assert!(matches!(
            ones,
            Err(ParseShapeError::Shape(ShapeError::TooManyDimensions { found: 70_000 }))
        ));
        let long = "9".repeat(70_000).parse::<Shape>().expect_err("too many digits");
        assert!(long.to_string().len() < 150, "{long}");
    }

    #[test]
    fn products_that_overflow_are_refused_even_behind_a_zero() {
        assert!(Shape::new([usize::MAX, 2]).is_err());
        assert!(Shape::new([0, usize::MAX, 2]).is_err());
        assert!(Shape::new([1_usize; 65]).is_err());
        assert!(Shape::new([1_usize; 64]).is_ok());
        let shape = Shape::new([usize::MAX / 4]).expect("fits as elements");
        assert!(shape.byte_len(8).is_err());
    }
}
