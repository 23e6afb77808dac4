//! The loops of kernels over lanes, each compiled once per lane, with this crate.
//!
//! A generic function is compiled again by every crate that calls it, for every element type; a
//! method of a lane is not. So kernels whose loops are more than a few lines have them here by
//! name.

use super::arg::{self, Best, Largest, Smallest};
use super::covariance::CoMoments;
use super::distinct::{self, Seen};
use super::exact::{self, ExactTotal};
use super::float::{self, Floats, Rescale};
use super::frame::Lanes;
use super::histogram::{self, Bins, Histogram};
use super::key::Key;
use super::norm::{self, Magnitudes, NormOrder};
use super::product::{self, Factors};
use super::quantile::{self, Ranges, Search, Table};
use super::top_k::{self, Ranks, TopK};
use super::truth;

/// A lane, and the loops of kernels over it: each folds the elements of a block into its cells.
pub trait Loops: Key {
    /// Passes the selected elements of each cell to `f`, as consecutive doubles.
    fn gathered(lanes: &Lanes<'_, Self>, f: &mut dyn FnMut(usize, &[f64]));

    /// The quantiles of a cell that a search found.
    fn found(search: &Search<'_>, cell: usize) -> Vec<f64>;

    /// Products.
    fn product(lanes: &Lanes<'_, Self>, cells: &mut [Factors]);
    /// Norms.
    fn norm(lanes: &Lanes<'_, Self>, cells: &mut [Magnitudes], order: NormOrder);
    /// Whether any is true.
    fn any_true(lanes: &Lanes<'_, Self>, cells: &mut [bool]);
    /// Whether all are true.
    fn all_true(lanes: &Lanes<'_, Self>, cells: &mut [bool]);
    /// The first smallest element.
    fn arg_min(lanes: &Lanes<'_, Self>, cells: &mut [Best<Self>]);
    /// The first largest element.
    fn arg_max(lanes: &Lanes<'_, Self>, cells: &mut [Best<Self>]);
    /// Both.
    fn arg_both(lanes: &Lanes<'_, Self>, cells: &mut [(Best<Self>, Best<Self>)]);
    /// The best elements.
    fn top_k(lanes: &Lanes<'_, Self>, cells: &mut [Ranks], top: TopK);
    /// The distinct elements, up to a limit.
    fn distinct(lanes: &Lanes<'_, Self>, cells: &mut [Seen], limit: usize);
    /// Counts of bins.
    fn histogram(lanes: &Lanes<'_, Self>, cells: &mut [Bins], of: &Histogram);
    /// Means of columns, and products of their deviations.
    fn co_moments(lanes: &Lanes<'_, Self>) -> CoMoments;
    /// Exact sums.
    fn exact_total(lanes: &Lanes<'_, Self>, cells: &mut [ExactTotal]);
    /// Quantiles of whole rows.
    fn row_quantiles(lanes: &Lanes<'_, Self>, cells: &mut [Vec<f64>], at: &[f64]);
    /// Counts of ranges of keys, or the elements in them.
    fn count(lanes: &Lanes<'_, Self>, ranges: &Ranges, table: &mut Table);
    /// Normalized elements, or their inverse.
    fn rescale(x: &[Self], out: Floats<'_>, how: Rescale<'_>);
}

macro_rules! loops {
    ($($lane:ty)*) => {$(
        impl Loops for $lane {
            fn gathered(lanes: &Lanes<'_, Self>, f: &mut dyn FnMut(usize, &[f64])) {
                lanes.gathered(f);
            }
            fn found(search: &Search<'_>, cell: usize) -> Vec<f64> {
                search.values::<Self>(cell)
            }
            fn product(lanes: &Lanes<'_, Self>, cells: &mut [Factors]) {
                product::fold(lanes, cells);
            }
            fn norm(lanes: &Lanes<'_, Self>, cells: &mut [Magnitudes], order: NormOrder) {
                norm::fold(lanes, cells, order);
            }
            fn any_true(lanes: &Lanes<'_, Self>, cells: &mut [bool]) {
                truth::any_true(lanes, cells);
            }
            fn all_true(lanes: &Lanes<'_, Self>, cells: &mut [bool]) {
                truth::all_true(lanes, cells);
            }
            fn arg_min(lanes: &Lanes<'_, Self>, cells: &mut [Best<Self>]) {
                arg::fold::<_, Smallest>(lanes, cells);
            }
            fn arg_max(lanes: &Lanes<'_, Self>, cells: &mut [Best<Self>]) {
                arg::fold::<_, Largest>(lanes, cells);
            }
            fn arg_both(lanes: &Lanes<'_, Self>, cells: &mut [(Best<Self>, Best<Self>)]) {
                arg::fold_both(lanes, cells);
            }
            fn top_k(lanes: &Lanes<'_, Self>, cells: &mut [Ranks], top: TopK) {
                top_k::fold(lanes, cells, top);
            }
            fn distinct(lanes: &Lanes<'_, Self>, cells: &mut [Seen], limit: usize) {
                distinct::fold(lanes, cells, limit);
            }
            fn histogram(lanes: &Lanes<'_, Self>, cells: &mut [Bins], of: &Histogram) {
                histogram::fold(lanes, cells, of);
            }
            fn co_moments(lanes: &Lanes<'_, Self>) -> CoMoments {
                CoMoments::of_block(lanes)
            }
            fn exact_total(lanes: &Lanes<'_, Self>, cells: &mut [ExactTotal]) {
                exact::fold(lanes, cells);
            }
            fn row_quantiles(lanes: &Lanes<'_, Self>, cells: &mut [Vec<f64>], at: &[f64]) {
                quantile::of_rows(lanes, cells, at);
            }
            fn count(lanes: &Lanes<'_, Self>, ranges: &Ranges, table: &mut Table) {
                quantile::count(lanes, ranges, table);
            }
            fn rescale(x: &[Self], out: Floats<'_>, how: Rescale<'_>) {
                float::rescale(x, out, how);
            }
        }
    )*};
}
loops!(i32 i64 u32 u64 f32 f64);
