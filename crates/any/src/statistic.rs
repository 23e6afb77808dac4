//! Statistics by name, with their options.

use std::fmt;
use std::str::FromStr;

use rowmill_exec::NormOrder;

/// A statistic and its options.
///
/// | text | gives |
/// |---|---|
/// | `count` `nan` `inf` | the number of elements that take part, NaN, infinities |
/// | `sum` `mean` `prod` `ptp` | as in numpy; exact for integers |
/// | `sum(exact)` `mean(exact)` | rounded only once, despite cancellation |
/// | `var` `std` `var(1)` | variance and standard deviation, with delta degrees of freedom |
/// | `min` `max` `argmin` `argmax` | the extremes and their indices |
/// | `skew` `kurtosis` `skew(unbiased)` | as in scipy |
/// | `norm` `norm(1)` `norm(max)` | the Euclidean norm, sum of magnitudes, largest magnitude |
/// | `any` `all` | whether any, or every, element is nonzero |
/// | `distinct` | the number of distinct elements |
/// | `top_k(10)` `bottom_k(10)` | the largest, or smallest, elements |
/// | `median` `quantile(0.25,0.75)` | exact, numpy's `linear` method, in a few reads |
/// | `approx_quantile(0.5)` | within a relative error of 0.1 %, in the same read as the others |
/// | `histogram(20)` `histogram(20,0,1)` | counts of equal-width bins, optionally over an interval |
/// | `cov` `corr` `cov(1)` | for each pair of columns |
///
/// ```
/// use rowmill_any::Statistic;
/// let statistic: Statistic = "quantile(0.5, 0.99)".parse()?;
/// assert_eq!(statistic, Statistic::Quantile(vec![0.5, 0.99]));
/// assert_eq!(statistic.to_string(), "quantile(0.5,0.99)");
/// assert!("maximum".parse::<Statistic>().unwrap_err().to_string().contains("did you mean max"));
/// # Ok::<(), rowmill_any::ParseStatisticError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Statistic {
    /// The number of elements that take part.
    Count,
    /// The number of NaN among the selected elements.
    Nan,
    /// The number of infinities among the selected elements.
    Inf,
    /// The sum.
    Sum,
    /// The correctly rounded sum.
    ExactSum,
    /// The mean.
    Mean,
    /// The correctly rounded mean.
    ExactMean,
    /// The variance, and its delta degrees of freedom.
    Var(u64),
    /// The standard deviation, and its delta degrees of freedom.
    Std(u64),
    /// The smallest element.
    Min,
    /// The largest element.
    Max,
    /// The largest element minus the smallest.
    Ptp,
    /// The index of the first smallest element.
    ArgMin,
    /// The index of the first largest element.
    ArgMax,
    /// The product.
    Prod,
    /// The skewness, and whether to correct for sample bias.
    Skew(bool),
    /// The excess kurtosis, and whether to correct for sample bias.
    Kurtosis(bool),
    /// The norm.
    Norm(NormOrder),
    /// Whether any element is nonzero.
    Any,
    /// Whether every element is nonzero.
    All,
    /// The number of distinct elements.
    Distinct,
    /// The `k` largest elements.
    TopK(usize),
    /// The `k` smallest elements.
    BottomK(usize),
    /// Exact quantiles.
    Quantile(Vec<f64>),
    /// Quantiles within a relative error of 0.1 %.
    ApproxQuantile(Vec<f64>),
    /// The counts of equal-width bins: how many bins, and the interval if it is not that of the
    /// elements.
    Histogram(usize, Option<(f64, f64)>),
    /// The covariance of each pair of columns, and its delta degrees of freedom.
    Cov(u64),
    /// The correlation of each pair of columns.
    Corr,
}

/// The relative error of [`Statistic::ApproxQuantile`].
pub(crate) const RELATIVE_ERROR: f64 = 1e-3;

/// The error for a text that names no statistic.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is no statistic: {expected}")]
pub struct ParseStatisticError {
    /// The text.
    pub text: String,
    /// The mistake, and the expected form.
    pub expected: String,
}

/// All names, for messages.
const NAMES: &str = "count, nan, inf, sum, mean, var, std, min, max, ptp, argmin, argmax, prod, skew, \
    kurtosis, norm, any, all, distinct, top_k(K), bottom_k(K), median, quantile(Q,...), \
    approx_quantile(Q,...), histogram(BINS), cov, corr";

/// Common aliases, and the name used here.
const ALIASES: [(&str, &str); 17] = [
    ("average", "mean"),
    ("avg", "mean"),
    ("maximum", "max"),
    ("minimum", "min"),
    ("amax", "max"),
    ("amin", "min"),
    ("stddev", "std"),
    ("variance", "var"),
    ("product", "prod"),
    ("range", "ptp"),
    ("skewness", "skew"),
    ("kurt", "kurtosis"),
    ("unique", "distinct"),
    ("nunique", "distinct"),
    ("percentile", "quantile"),
    ("hist", "histogram"),
    ("corrcoef", "corr"),
];

impl FromStr for Statistic {
    type Err = ParseStatisticError;

    fn from_str(text: &str) -> Result<Self, ParseStatisticError> {
        let text = text.trim();
        let error = |expected: String| ParseStatisticError { text: text.to_owned(), expected };
        let (name, options) = match text.split_once('(') {
            None => (text, Vec::new()),
            Some((name, rest)) => {
                let inside = rest.strip_suffix(')');
                let inside = inside.ok_or_else(|| error("a bracket is not closed".to_owned()))?;
                (name.trim_end(), inside.split(',').map(str::trim).collect())
            }
        };
        let options = Options { text, name, given: options };
        match name {
            "count" => options.none(Self::Count),
            "nan" => options.none(Self::Nan),
            "inf" => options.none(Self::Inf),
            "sum" => options.flag("exact").map(|on| if on { Self::ExactSum } else { Self::Sum }),
            "mean" => options.flag("exact").map(|on| if on { Self::ExactMean } else { Self::Mean }),
            "var" => options.ddof().map(Self::Var),
            "std" => options.ddof().map(Self::Std),
            "min" => options.none(Self::Min),
            "max" => options.none(Self::Max),
            "ptp" => options.none(Self::Ptp),
            "argmin" => options.none(Self::ArgMin),
            "argmax" => options.none(Self::ArgMax),
            "prod" => options.none(Self::Prod),
            "skew" => options.flag("unbiased").map(Self::Skew),
            "kurtosis" => options.flag("unbiased").map(Self::Kurtosis),
            "norm" => options.order().map(Self::Norm),
            "any" => options.none(Self::Any),
            "all" => options.none(Self::All),
            "distinct" => options.none(Self::Distinct),
            "top_k" => options.count("how many, such as top_k(10)").map(Self::TopK),
            "bottom_k" => options.count("how many, such as bottom_k(10)").map(Self::BottomK),
            "median" => options.none(Self::Quantile(vec![0.5])),
            "quantile" => options.fractions().map(Self::Quantile),
            "approx_quantile" => options.fractions().map(Self::ApproxQuantile),
            "histogram" => options.histogram(),
            "cov" => options.ddof().map(Self::Cov),
            "corr" => options.none(Self::Corr),
            unknown => Err(error(match ALIASES.iter().find(|(alias, _)| *alias == unknown) {
                Some((_, name)) => format!("did you mean {name}? There are {NAMES}"),
                None => format!("there are {NAMES}"),
            })),
        }
    }
}

/// The bracketed options after a name.
struct Options<'a> {
    text: &'a str,
    name: &'a str,
    given: Vec<&'a str>,
}

type Parsed<T> = Result<T, ParseStatisticError>;

impl Options<'_> {
    fn error<T>(&self, expected: impl Into<String>) -> Parsed<T> {
        Err(ParseStatisticError { text: self.text.to_owned(), expected: expected.into() })
    }

    fn none<T>(&self, statistic: T) -> Parsed<T> {
        if self.given.is_empty() {
            return Ok(statistic);
        }
        self.error(format!("{} takes no options", self.name))
    }

    fn flag(&self, word: &str) -> Parsed<bool> {
        match self.given.as_slice() {
            [] => Ok(false),
            [given] if *given == word => Ok(true),
            _ => self.error(format!("expected {} or {}({word})", self.name, self.name)),
        }
    }

    fn ddof(&self) -> Parsed<u64> {
        match self.given.as_slice() {
            [] => Ok(0),
            [one] if one.parse::<u64>().is_ok() => Ok(one.parse().unwrap_or_default()),
            _ => self.error(format!(
                "expected the delta degrees of freedom from 0 on, such as {}(1)",
                self.name
            )),
        }
    }

    fn order(&self) -> Parsed<NormOrder> {
        match self.given.as_slice() {
            [] | ["2"] => Ok(NormOrder::L2),
            ["1"] => Ok(NormOrder::L1),
            ["max" | "inf"] => Ok(NormOrder::Max),
            _ => self.error("expected norm, norm(1), norm(2) or norm(max)"),
        }
    }

    fn count(&self, what: &str) -> Parsed<usize> {
        match self.given.as_slice() {
            [one] if one.parse::<usize>().is_ok_and(|k| k > 0) => {
                Ok(one.parse().unwrap_or_default())
            }
            _ => self.error(format!("expected {what}")),
        }
    }

    fn fractions(&self) -> Parsed<Vec<f64>> {
        let fraction = |text: &&str| text.parse().ok().filter(|q| (0.0..=1.0).contains(q));
        match self.given.iter().map(fraction).collect::<Option<Vec<f64>>>() {
            Some(at) if !at.is_empty() => Ok(at),
            _ => self.error(format!("expected numbers from 0 to 1, such as {}(0.5)", self.name)),
        }
    }

    fn histogram(&self) -> Parsed<Statistic> {
        let expected =
            "expected histogram(BINS) or histogram(BINS,LOW,HIGH), such as histogram(20,0,1)";
        let bins = |text: &str| text.parse::<usize>().ok().filter(|&bins| bins > 0);
        let number = |text: &str| text.parse::<f64>().ok().filter(|x| x.is_finite());
        let parsed = match self.given.as_slice() {
            [count] => bins(count).map(|count| Statistic::Histogram(count, None)),
            [count, low, high] => match (bins(count), number(low), number(high)) {
                (Some(count), Some(low), Some(high)) if low < high => {
                    Some(Statistic::Histogram(count, Some((low, high))))
                }
                _ => None,
            },
            _ => None,
        };
        parsed.map_or_else(|| self.error(expected), Ok)
    }
}

/// Writes the text that parses back, without spaces.
impl fmt::Display for Statistic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let list = |at: &[f64]| at.iter().map(f64::to_string).collect::<Vec<_>>().join(",");
        let with_ddof = |f: &mut fmt::Formatter<'_>, name: &str, ddof: u64| match ddof {
            0 => f.write_str(name),
            ddof => write!(f, "{name}({ddof})"),
        };
        match self {
            Self::Count => f.write_str("count"),
            Self::Nan => f.write_str("nan"),
            Self::Inf => f.write_str("inf"),
            Self::Sum => f.write_str("sum"),
            Self::ExactSum => f.write_str("sum(exact)"),
            Self::Mean => f.write_str("mean"),
            Self::ExactMean => f.write_str("mean(exact)"),
            Self::Var(ddof) => with_ddof(f, "var", *ddof),
            Self::Std(ddof) => with_ddof(f, "std", *ddof),
            Self::Min => f.write_str("min"),
            Self::Max => f.write_str("max"),
            Self::Ptp => f.write_str("ptp"),
            Self::ArgMin => f.write_str("argmin"),
            Self::ArgMax => f.write_str("argmax"),
            Self::Prod => f.write_str("prod"),
            Self::Skew(false) => f.write_str("skew"),
            Self::Skew(true) => f.write_str("skew(unbiased)"),
            Self::Kurtosis(false) => f.write_str("kurtosis"),
            Self::Kurtosis(true) => f.write_str("kurtosis(unbiased)"),
            Self::Norm(NormOrder::L2) => f.write_str("norm"),
            Self::Norm(order) => write!(f, "norm({order})"),
            Self::Any => f.write_str("any"),
            Self::All => f.write_str("all"),
            Self::Distinct => f.write_str("distinct"),
            Self::TopK(k) => write!(f, "top_k({k})"),
            Self::BottomK(k) => write!(f, "bottom_k({k})"),
            Self::Quantile(at) if at == &[0.5] => f.write_str("median"),
            Self::Quantile(at) => write!(f, "quantile({})", list(at)),
            Self::ApproxQuantile(at) => write!(f, "approx_quantile({})", list(at)),
            Self::Histogram(bins, None) => write!(f, "histogram({bins})"),
            Self::Histogram(bins, Some((low, high))) => write!(f, "histogram({bins},{low},{high})"),
            Self::Cov(ddof) => with_ddof(f, "cov", *ddof),
            Self::Corr => f.write_str("corr"),
        }
    }
}

/// A comma-separated list of statistics: `min,max,quantile(0.5,0.99)`.
#[derive(Clone, Debug, PartialEq)]
pub struct Statistics(pub Vec<Statistic>);

impl FromStr for Statistics {
    type Err = ParseStatisticError;

    fn from_str(text: &str) -> Result<Self, ParseStatisticError> {
        let (mut depth, mut start, mut list) = (0_u32, 0, Vec::new());
        for (at, c) in text.char_indices() {
            match c {
                '(' => depth += 1,
                ')' => depth = depth.saturating_sub(1),
                ',' if depth == 0 => {
                    list.push(text[start..at].parse()?);
                    start = at + 1;
                }
                _ => {}
            }
        }
        list.push(text[start..].parse()?);
        Ok(Self(list))
    }
}

impl Statistics {
    /// The name of each statistic, with its options.
    #[must_use]
    pub fn names(&self) -> Vec<String> {
        self.0.iter().map(Statistic::to_string).collect()
    }
}

impl fmt::Display for Statistics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.names().join(","))
    }
}
