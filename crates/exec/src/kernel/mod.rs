//! The kernels. Those that are made of sums, squares and ranges are each a [`Statistic`]: which parts it
//! needs accumulated, and what it makes of a cell. The others are each a [`CellKernel`]: what it keeps of
//! a cell, and how. Axis, mask and NaN policy are the same for all: [`Reduction`], [`Folding`].

mod arg;
mod axis;
mod complex;
mod condition;
mod counts;
mod covariance;
mod distinct;
mod exact;
mod folding;
mod higher_moments;
mod histogram;
mod key;
mod mask;
mod mean;
mod min_max;
mod moments;
mod norm;
mod normalize;
mod numeric;
mod over;
mod pieces;
mod product;
mod ptp;
mod quantile;
mod reduction;
mod room;
mod sample;
#[cfg(test)]
mod states;
mod stats;
mod sum;
mod top_k;
mod truth;
mod weighted_mean;

pub use arg::{ArgMax, ArgMin, ArgMinMax, Extrema, Extremum};
pub use axis::{All, Axes, Axis, Columns, Rows, Values};
pub use complex::{ComplexMeanVar, Complexed, Positional};
pub use condition::{ColumnName, Condition, ConditionMask, ParseConditionError, Term};
pub use counts::{Counts, Tally};
pub use covariance::{Covariance, CovarianceMatrix};
pub use distinct::Distinct;
pub use exact::{ExactMean, ExactSum};
pub use folding::{CellKernel, Folding};
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
pub use reduction::{NanPolicy, Reduction, Statistic};
pub use sample::Sample;
pub use stats::{Stats, Summary};
pub use sum::Sum;
pub use top_k::TopK;
pub use truth::{AllTrue, AnyTrue};
pub use weighted_mean::{Weighted, WeightedMean};
