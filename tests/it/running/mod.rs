//! Jobs run: chunks, workers, other people's threads, sources and streams.

mod engine;
mod guests;
mod rows;
mod sources;
mod stream;
