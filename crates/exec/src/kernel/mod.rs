//! The kernels, one file each, and the frame that they share ([`frame`]).
//!
//! Sums, squares and ranges are each a [`Statistic`]: the parts it needs accumulated in lanes, and
//! its value of a cell. All others are each a [`Kernel`]: the state of a cell, how elements are
//! folded into it, how two states merge, and the value. The frame adds axis, mask and NaN policy:
//! [`Reduction`].

mod arg;
pub(crate) mod blocks;
mod complex;
mod counts;
mod covariance;
mod distinct;
mod exact;
pub(crate) mod float;
pub(crate) mod frame;
mod higher_moments;
pub(crate) mod histogram;
pub(crate) mod key;
pub(crate) mod loops;
mod mean;
pub(crate) mod min_max;
mod moments;
pub(crate) mod norm;
pub(crate) mod numeric;
mod product;
mod ptp;
pub(crate) mod quantile;
pub(crate) mod reduce;
mod sample;
pub(crate) mod select;
#[cfg(test)]
mod states;
mod stats;
mod sum;
mod top_k;
mod totals;
mod truth;
mod weighted_mean;

pub use arg::{ArgMax, ArgMin, ArgMinMax, Extrema, Extremum};
pub use complex::{ComplexMeanVar, Complexed, Positional};
pub use counts::{Counts, Tally};
pub use covariance::{Covariance, CovarianceMatrix};
pub use distinct::Distinct;
pub use exact::{ExactMean, ExactSum};
pub use float::FloatElement;
pub use frame::axis::{All, AnyAxis, Axes, Axis, Columns, Rows, Values};
pub use frame::{CellPlace, Each, Kernel, Over, Reduction, Room, Selected};
pub(crate) use frame::{Statistic, Valued};
pub use higher_moments::{Kurtosis, Skewness};
pub use histogram::{Histogram, HistogramCounts};
pub use mean::Mean;
pub use min_max::{MinMax, ValueRange};
pub use moments::{MeanVar, Moments};
pub use norm::{Norm, NormOrder};
pub use numeric::Numeric;
pub use product::Product;
pub use ptp::Ptp;
pub use quantile::ApproxQuantiles;
pub use reduce::{Answer, Answers, Block, Reduce, Reducer, Shared, State, Then, Tried};
pub use sample::Sample;
pub use select::{
    ArrayMask, ColumnName, CompareMask, CompareOp, Condition, ConditionMask, Mask, NanPolicy,
    ParseThresholdError, Selector, Term, Threshold, Unmasked, ValueMask,
};
pub use stats::{Stats, Summary};
pub use sum::Sum;
pub use top_k::TopK;
pub use totals::{CellTotals, Totals};
pub use truth::{AllTrue, AnyTrue};
pub use weighted_mean::{Weighted, WeightedMean};
