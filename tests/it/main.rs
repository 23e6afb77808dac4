//! The engine from outside, in one binary: what tests have in common is compiled once.
//!
//! Tests that need a process of their own, to count its memory or to own its signals, are beside
//! this folder.

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
mod oracle;
mod outputs;
mod quantiles;
mod reductions;
mod resume;
mod rows;
mod sources;
mod stream;
