//! The engine from outside, in one binary, so that shared code is compiled only once.
//!
//! Tests that need their own process, to count its memory or to own its signals, are beside this
//! folder.

#[path = "../common/mod.rs"]
mod common;

mod accuracy;
mod axes;
mod cells;
mod determinism;
mod differential;
mod empty;
mod engine;
mod files;
mod guests;
mod in_place;
mod inputs_stay;
mod normalize;
mod numpy_fixtures;
mod outputs;
mod quantiles;
mod reductions;
mod resume;
mod rows;
mod sources;
mod statistics;
mod stream;
