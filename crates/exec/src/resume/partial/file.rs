//! The JSON of a partial.
//!
//! Everything but the states is readable by people and other programs; the states are hexadecimal
//! bytes, in the format of checkpoints. The checksum covers the canonical bytes of all of it, so
//! that the JSON may be reformatted in transit.

use std::collections::BTreeMap;

use rowmill_core::Checksums;
use serde::{Deserialize, Serialize};

use super::{Partial, PartialError, blocks_of};
use crate::error::Result;

/// The version that is written, and the only one that is read: that of the meaning of partials.
use crate::error::CHECKPOINT_VERSION;

const FORMAT: &str = "rowmill partial";

#[derive(Serialize, Deserialize)]
struct Json {
    format: String,
    version: u64,
    job: String,
    /// The job without its selection, which is all that finishing needs.
    reduction: String,
    dtype: String,
    /// The shape of a row.
    row_shape: Vec<usize>,
    /// The number of rows of the array, if its last row is covered.
    array_rows: Option<usize>,
    /// The covered rows. For readers: the nodes imply them.
    rows: Vec<(usize, usize)>,
    nodes: Vec<JsonNode>,
    xxh3: String,
}

#[derive(Serialize, Deserialize)]
struct JsonNode {
    /// The first block.
    block: usize,
    /// The number of blocks, as a power of two.
    level: u32,
    state: String,
}

impl Partial {
    /// The partial as JSON, on several lines.
    ///
    /// # Panics
    /// Never: all its values have a JSON form.
    #[must_use]
    pub fn to_json(&self) -> String {
        let node = |(&(block, level), state): (&(usize, u32), &Vec<u8>)| JsonNode {
            block,
            level,
            state: to_hex(state),
        };
        let json = Json {
            format: FORMAT.to_owned(),
            version: u64::from(CHECKPOINT_VERSION),
            job: self.job.clone(),
            reduction: self.kernels.clone(),
            dtype: self.dtype.name().to_owned(),
            row_shape: self.row_dims.clone(),
            array_rows: self.end,
            rows: self.rows().into_iter().map(|rows| (rows.start, rows.end)).collect(),
            nodes: self.nodes.iter().map(node).collect(),
            xxh3: format!("{:016x}", self.checksum()),
        };
        serde_json::to_string_pretty(&json).expect("strings and numbers")
    }

    /// Parses the JSON of a partial.
    ///
    /// # Errors
    /// [`PartialError::Unreadable`], [`PartialError::Version`] and [`PartialError::Damaged`]. Never
    /// panics, and allocates no more than a small multiple of the text.
    pub fn from_json(text: &str) -> Result<Self> {
        let unreadable = |what: String| PartialError::Unreadable { what };
        let value: serde_json::Value =
            serde_json::from_str(text).map_err(|e| unreadable(e.to_string()))?;
        if value.get("format").and_then(serde_json::Value::as_str) != Some(FORMAT) {
            return Err(unreadable(format!("\"format\" is not {FORMAT:?}")).into());
        }
        match value.get("version").and_then(serde_json::Value::as_u64) {
            Some(found) if found != u64::from(CHECKPOINT_VERSION) => {
                return Err(PartialError::Version { expected: CHECKPOINT_VERSION, found }.into());
            }
            _ => {}
        }
        let json: Json = serde_json::from_value(value).map_err(|e| unreadable(e.to_string()))?;
        let dtype = json.dtype.parse().map_err(|e| unreadable(format!("{e}")))?;
        let mut nodes = BTreeMap::new();
        for JsonNode { block, level, state } in json.nodes {
            let bytes =
                from_hex(&state).ok_or_else(|| unreadable("a state is not hexadecimal".into()))?;
            if blocks_of(block, level).is_none() {
                return Err(unreadable(format!("there is no node of {level} at {block}")).into());
            }
            if nodes.insert((block, level), bytes).is_some() {
                return Err(unreadable(format!("block {block} is in two of its nodes")).into());
            }
        }
        let (row_dims, end) = (json.row_shape, json.array_rows);
        let partial = Self { job: json.job, kernels: json.reduction, dtype, row_dims, end, nodes };
        if json.xxh3 != format!("{:016x}", partial.checksum()) {
            return Err(PartialError::Damaged.into());
        }
        if !partial.is_of_one_tree() {
            let what = "its nodes overlap, or lie outside of its array";
            return Err(unreadable(what.into()).into());
        }
        Ok(partial)
    }

    fn checksum(&self) -> u64 {
        let Self { job, kernels, dtype, row_dims, end, nodes } = self;
        let nodes: Vec<_> = nodes.iter().collect();
        let canonical = (CHECKPOINT_VERSION, job, kernels, dtype.name(), row_dims, end, nodes);
        Checksums::of(&postcard::to_stdvec(&canonical).expect("texts, numbers and bytes"))
    }
}

fn to_hex(bytes: &[u8]) -> String {
    let digit = |d: u8| char::from_digit(d.into(), 16).unwrap_or('0');
    bytes.iter().flat_map(|b| [digit(b >> 4), digit(b & 15)]).collect()
}

fn from_hex(text: &str) -> Option<Vec<u8>> {
    let digit = |c: u8| char::from(c).to_digit(16).map(|d| d as u8);
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    let byte = |[high, low]: &[u8; 2]| Some(digit(*high)? << 4 | digit(*low)?);
    rest.is_empty().then(|| pairs.iter().map(byte).collect())?
}
