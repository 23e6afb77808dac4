//! Histograms over the range of the elements, in two reads.

use rowmill_core::Source;

use crate::engine::Engine;
use crate::error::Result;
use crate::kernel::histogram::MOST_BINS;
use crate::kernel::min_max::MaybeMinMax;
use crate::kernel::{All, Counts, Histogram, HistogramCounts, NanPolicy, Numeric, Reduction};

/// The number of bins of a histogram whose range comes from the data: for [`Engine::histogram`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum BinCount {
    /// This many bins of equal width.
    Fixed(usize),
    /// numpy's `'auto'` (as of 2.4): the narrower of the bin widths of Sturges and of Freedman and
    /// Diaconis. The latter is bounded below: it gives at most `2 √n` bins for `n` elements.
    /// Integers have a width of at least 1. At most a million bins.
    Auto,
}

impl Engine {
    /// The histogram of all elements from the smallest to the largest. NaN are counted separately.
    /// Takes two reads; [`BinCount::Auto`] adds those of [`quantiles`](Self::quantiles). An empty
    /// array has edges from 0 to 1, as in numpy.
    ///
    /// ```
    /// use rowmill_core::SliceSource;
    /// use rowmill_exec::{BinCount, Engine};
    /// let x = SliceSource::new(&[1_u8, 2, 2, 3, 9], [5]).unwrap();
    /// let found = Engine::new()?.histogram(&x, BinCount::Fixed(4))?;
    /// assert_eq!(found.edges[..], [1.0, 3.0, 5.0, 7.0, 9.0]);
    /// assert_eq!(found.counts, [3, 1, 0, 1]);
    /// # Ok::<(), rowmill_exec::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`reduce`](Self::reduce); [`Error::BadOption`](crate::Error::BadOption) for zero bins or
    /// more than a million, or if an infinity among the elements leaves no finite range.
    pub fn histogram<T: Numeric>(
        &self,
        source: &impl Source<T>,
        bins: BinCount,
    ) -> Result<HistogramCounts> {
        let skip = NanPolicy::Skip;
        let range = Reduction::new(MaybeMinMax, All).nan(skip);
        let (range, tally) = self.reduce(source, (range, Counts::all().nan(skip)))?;
        let (low, high) = range.map_or((0.0, 1.0), |r| (r.min.to_f64(), r.max.to_f64()));
        let bins = match bins {
            BinCount::Fixed(bins) => bins,
            BinCount::Auto if tally.count == 0 || !(high - low).is_finite() => 1,
            BinCount::Auto => self.auto_bins(source, low, high, tally.count)?,
        };
        let histogram = Histogram::uniform(bins, low, high)?;
        self.reduce(source, histogram.all())
    }

    fn auto_bins<T: Numeric>(
        &self,
        source: &impl Source<T>,
        low: f64,
        high: f64,
        count: u64,
    ) -> Result<usize> {
        let quartiles = self.quantiles(source, &[0.25, 0.75]).nan(NanPolicy::Skip).all()?;
        let n = count as f64;
        let freedman_diaconis = 2.0 * (quartiles[1] - quartiles[0]) * n.powf(-1.0 / 3.0);
        let sturges = (high - low) / (n.log2() + 1.0);
        let square_root = (high - low) / n.sqrt();
        let width = freedman_diaconis.max(square_root / 2.0).min(sturges);
        let width = if T::DTYPE.is_float() { width } else { width.max(1.0) };
        let bins = ((high - low) / width).ceil();
        Ok(if bins >= 1.0 { (bins as usize).min(MOST_BINS) } else { 1 })
    }
}
