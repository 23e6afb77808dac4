//! Cases in plain words. The words are the names in the corpus: they outlive any API.

use std::fmt;

use rowmill::NanPolicy;

/// A question about an array.
#[derive(Clone, Debug)]
pub(crate) struct Case {
    /// The reduction, followed by its options.
    pub(crate) kernel: &'static str,
    pub(crate) over: &'static str,
    pub(crate) nan: &'static str,
    pub(crate) mask: &'static str,
    pub(crate) dtype: &'static str,
    pub(crate) shape: &'static str,
    pub(crate) values: &'static str,
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { kernel, over, nan, mask, dtype, shape, values } = self;
        write!(f, "{kernel}, {over}, ")?;
        if *nan != "propagate" {
            write!(f, "nan {nan}, ")?;
        }
        if *mask != "none" {
            write!(f, "mask {mask}, ")?;
        }
        write!(f, "{dtype} {shape} {values}")
    }
}

impl Case {
    pub(crate) fn nan(&self) -> NanPolicy {
        match self.nan {
            "propagate" => NanPolicy::Propagate,
            "skip" => NanPolicy::Skip,
            "error" => NanPolicy::Error,
            other => panic!("{other:?} is no NaN policy"),
        }
    }

    /// The reduced axes, and whether they are kept with length 1.
    pub(crate) fn axes(&self, ndim: usize) -> (Vec<isize>, bool) {
        let ndim = ndim as isize;
        let (over, keepdims) = match self.over.strip_suffix(" keepdims") {
            Some(over) => (over, true),
            None => (self.over, false),
        };
        let axes = match over {
            "all" => (0..ndim).collect(),
            "columns" => (0..ndim.min(1)).collect(),
            "rows" => (1..ndim).collect(),
            listed => listed.split(',').map(|axis| axis.parse().expect("an axis")).collect(),
        };
        (axes, keepdims)
    }

    /// Whether the kernel has this option.
    pub(crate) fn has(&self, option: &str) -> bool {
        self.kernel.split(' ').any(|word| word == option)
    }
}

/// The reductions of real numbers over any axes and under any mask.
pub(crate) const KERNELS: [&str; 33] = [
    "sum",
    "mean",
    "minmax",
    "moments",
    "moments ddof-1",
    "counts",
    "stats",
    "ptp",
    "argmin",
    "argmax",
    "argminmax",
    "product",
    "norm l1",
    "norm l2",
    "norm max",
    "any",
    "all",
    "weighted-mean",
    "skewness",
    "skewness unbiased",
    "kurtosis",
    "kurtosis pearson unbiased",
    "histogram uniform",
    "histogram edges",
    "top 3 largest",
    "top 3 smallest",
    "distinct",
    "approx-quantiles",
    "exact sum",
    "exact mean",
    "quantiles",
    "covariance",
    "correlation",
];

/// The reductions compiled for every mask, whatever the dtype: one for each frame, and for each way
/// that a mask is decided.
pub(crate) const MASKED_KERNELS: [&str; 4] = ["sum", "stats", "argmin", "exact mean"];

pub(crate) const MASKS: [&str; 8] = [
    "none",
    "x > 0.25",
    "elements",
    "where x > -1 and x < 3 or isnan(x)",
    "x != 2",
    "rows",
    "where [0] > 0.25",
    "x <= 1000",
];
