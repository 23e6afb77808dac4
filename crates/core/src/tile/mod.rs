//! Elements in memory: what a worker is lent, how bytes of any layout become it, and where answers
//! are put together.

mod assembly;
pub(crate) mod decode;
mod huge;
pub(crate) mod layout;
mod lent;
mod prefetch;

pub use self::assembly::{Assembly, Unfilled};
pub use self::huge::zeros;
pub(crate) use self::lent::tile_in;
pub use self::lent::{Tile, TileBuffer};
