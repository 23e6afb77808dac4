//! The engine from outside, in one binary, so that shared code is compiled only once: its answers,
//! how jobs run, what files are left with.
//!
//! Tests that need their own process, to count its memory or to own its signals, are beside this
//! folder.

#[path = "../common/mod.rs"]
mod common;

mod answers;
mod durable;
mod running;
