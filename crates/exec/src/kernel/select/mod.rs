//! The selection of elements: masks, conditions, the treatment of NaN.

mod condition;
mod mask;
mod nan;

pub use self::condition::{ColumnName, Condition, ConditionMask, Term};
pub use self::mask::{
    ArrayMask, CompareMask, CompareOp, Mask, ParseThresholdError, Selector, Threshold, Unmasked,
    ValueMask,
};
pub use self::nan::NanPolicy;
