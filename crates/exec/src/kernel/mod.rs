//! The kernels, one file each, and the frame that they share ([`frame`]).
//!
//! Sums, squares and ranges are each a [`Statistic`]: the parts it needs accumulated in lanes, and
//! its value of a cell. All others are each a [`Kernel`]: the state of a cell, how elements go in,
//! how two states merge, the value. Axis, mask and NaN policy are the frame's: [`Reduction`].

mod arg;
mod complex;
mod condition;
mod counts;
mod covariance;
mod distinct;
mod exact;
pub(crate) mod frame;
mod higher_moments;
mod histogram;
mod key;
mod loops;
mod mask;
mod mean;
mod min_max;
mod moments;
mod norm;
mod normalize;
mod numeric;
mod over;
mod product;
mod ptp;
mod quantile;
mod room;
mod sample;
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
pub use condition::{ColumnName, Condition, ConditionMask, ParseConditionError, Term};
pub use counts::{Counts, Tally};
pub use covariance::{Covariance, CovarianceMatrix};
pub use distinct::Distinct;
pub use exact::{ExactMean, ExactSum};
pub use frame::axis::{All, AnyAxis, Axes, Axis, Columns, Rows, Values};
pub use frame::{
    CellPlace, Cellular, Each, Kernel, NanPolicy, Picked, Reduction, Selected, Statistic, TileFold,
    Valued,
};
pub use higher_moments::{Kurtosis, Skewness};
pub use histogram::{BinCount, Histogram, HistogramCounts};
pub use mask::{
    ArrayMask, CompareMask, CompareOp, Mask, ParseThresholdError, Selector, Threshold, Unmasked,
    ValueMask,
};
pub use mean::Mean;
pub use min_max::{MinMax, Range};
pub use moments::{MeanVar, Moments};
pub use norm::{Norm, NormOrder};
pub use normalize::{
    Fitted, FittedError, FloatElement, Normalize, NormalizeAxis, NormalizeMethod, Normalizing,
};
pub use numeric::Numeric;
pub use over::Over;
pub use product::Product;
pub use ptp::Ptp;
pub use quantile::{ApproxQuantiles, Quantiles};
pub use room::Room;
pub use sample::Sample;
pub use stats::{Stats, Summary};
pub use sum::Sum;
pub use top_k::TopK;
pub use totals::{CellTotals, Totals};
pub use truth::{AllTrue, AnyTrue};
pub use weighted_mean::{Weighted, WeightedMean};
