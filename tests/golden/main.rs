//! The golden corpus: answers as bits, recorded once and compared with every later version.
//!
//! `case.rs` states the questions in plain words, `input.rs` creates the arrays, `ways.rs` the
//! engines, and `book.rs` reads and writes the recorded answers. `ask*.rs`, `normalizations.rs`,
//! `partials.rs` and `written.rs` call the engine. If the API changes, only these change, while
//! names, inputs and answers stay. CONTRIBUTING.md ("Golden corpus") explains how to record.

#[path = "../common/mod.rs"]
mod common;

mod answer;
mod ask;
mod ask_complex;
mod ask_resumable;
mod book;
mod case;
mod input;
mod normalizations;
mod partials;
mod reductions;
mod ways;
mod written;
