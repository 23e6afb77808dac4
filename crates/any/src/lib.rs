//! Arrays and jobs known only at run time: any dtype, statistics by name, axes, masks and NaN
//! policy as values, answers as values. This is the one place of [rowmill](https://docs.rs/rowmill)
//! where code is chosen by dtype; the command line builds on it.
//!
//! - [`AnySource`]: an array of any dtype, several files as one, or a part ([`Picks`]) of either.
//! - [`Request`]: statistics by name, over any axes, of a [`Selection`] of elements; partials.
//! - [`describe`](fn@describe): a summary of an unknown array.
//! - [`Normalization`], [`fit`], [`normalize_in_place`]: normalized copies and arrays.
//! - [`append`](fn@append), [`checksums`], [`verify`]: growing files and checking them.
//!
//! ```
//! use rowmill_any::{AnySource, Axes, Request, Scalar};
//! use rowmill_core::SliceSource;
//! use rowmill_exec::Engine;
//! let x = SliceSource::new(&[1_i16, -2, 5, 4, 5, 6], [3, 2]).unwrap();
//! let x = AnySource::new(x);
//! let request = Request::new("max,argmax,quantile(0.5)".parse()?).axes(Axes::Columns);
//! let answer = request.reduce(&Engine::new()?, &x)?;
//! assert_eq!(answer.dims(), [2]);
//! let [max, argmax, median] = &answer.columns()[..] else { unreachable!() };
//! assert_eq!(max.name(), "max");
//! assert_eq!((max.scalar(0), max.scalar(1)), (Scalar::Signed(5), Scalar::Signed(6)));
//! assert_eq!(argmax.scalar(0), Scalar::Signed(1));
//! assert_eq!(median.list(1), [Scalar::Float(4.0)]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

#![forbid(unsafe_code)]

mod answer;
mod append;
mod axes;
mod describe;
mod dispatch;
mod error;
mod integrity;
mod make;
mod nested;
mod normalize;
mod part;
mod request;
mod scalar;
mod source;
mod statistic;

pub use answer::{Answer, Column, Missing};
pub use append::{Appended, append};
pub use axes::{Axes, ParseAxesError};
pub use describe::{Description, Quartiles, SampleHistogram, SumOverflow, describe};
pub use error::{Error, Result};
pub use integrity::{checksums, store_checksums, verify};
pub use nested::Nested;
pub use normalize::{Normalization, NormalizedInPlace, fit, normalize_in_place, normalized_dtype};
pub use part::Picks;
pub use request::Request;
pub use scalar::{Scalar, Scalars, format_complex};
pub use source::{AnyElement, AnySource, Selection};
pub use statistic::{ParseStatisticError, Statistic, Statistics};
