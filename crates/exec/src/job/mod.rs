//! The jobs of an engine: one file or folder per kind.

pub(crate) mod batches;
mod call;
mod elementwise;
mod gather;
mod histogram;
mod in_place;
mod integrity;
pub(crate) mod map;
mod normalize;
mod partial;
mod quantiles;
mod reduce;
mod rows;
mod shuffle;
mod stream;

pub use self::batches::{Batch, Batches, ShuffledBatches};
pub use self::call::Call;
pub use self::elementwise::{Cast, CastElement, Computed, Elementwise};
pub use self::histogram::BinCount;
pub use self::in_place::InPlace;
pub use self::map::{Chunk, Elements, Map, Mapping, RowMap, map_elements, map_rows};
pub use self::normalize::{Fitted, Normalize, NormalizeAxis, NormalizeMethod, Normalizing};
pub use self::quantiles::Quantiles;
pub use self::rows::{RowOrder, RowSelection};
