//! The kernels. Each is a [`Statistic`]: which parts it needs accumulated, and what it makes of a
//! cell. Axis, mask and NaN policy are the same for all: [`Reduction`].

mod axis;
mod complex;
mod condition;
mod counts;
mod mask;
mod mean;
mod min_max;
mod moments;
mod normalize;
mod numeric;
mod reduction;
mod stats;
mod sum;

pub use axis::{All, Axis, Columns, Rows, Values};
pub use complex::{ComplexMeanVar, Complexed, Positional};
pub use condition::{Condition, ParseConditionError};
pub use counts::{Counts, Tally};
pub use mask::{
    ArrayMask, CompareMask, CompareOp, Mask, ParseThresholdError, Selector, Threshold, Unmasked,
    ValueMask,
};
pub use mean::Mean;
pub use min_max::{MinMax, Range};
pub use moments::{MeanVar, Moments};
pub use normalize::{FloatElement, Normalize, NormalizeAxis, NormalizeMethod, Normalizing};
pub use numeric::Numeric;
pub use reduction::{NanPolicy, Reduction, Statistic};
pub use stats::{Stats, Summary};
pub use sum::Sum;
