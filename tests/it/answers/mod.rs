//! Answers are right, and the same bits whatever the split.

mod accuracy;
mod axes;
mod cells;
mod determinism;
mod differential;
mod empty;
mod normalize;
mod quantiles;
mod reductions;
mod statistics;
