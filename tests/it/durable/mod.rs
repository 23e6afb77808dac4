//! Files: read as NumPy wrote them, written whole or not at all, resumed after a kill.

mod files;
mod in_place;
mod inputs_stay;
mod numpy_fixtures;
mod outputs;
mod resume;
