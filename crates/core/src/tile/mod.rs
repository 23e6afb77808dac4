//! Elements in memory: the tiles lent to workers, the decoding of other layouts, and the assembly
//! of answers.

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
