//! Reductions that go on after they were killed.

use std::ops::Range;

use rowmill_core::{Element, Outputs, Shape, Source};
use serde::de::DeserializeOwned;

use crate::checkpoint::{Checkpoint, Keeper, Ranges, State, decode, encode};
use crate::engine::Earlier;
use crate::reduce::Reduce;
use crate::tree::Tree;
use crate::{Engine, Result};

/// A reduction whose partials can be kept in a file: those of this crate, and tuples of them.
///
/// ```
/// use rowmill_core::{Element, Shape};
/// use rowmill_exec::{Block, Reduce, Result, Resume};
///
/// /// Counts the elements that are zero.
/// struct CountZeros;
///
/// impl<T: Element> Reduce<T> for CountZeros {
///     # type Partial = u64;
///     # type Output = u64;
///     # fn identity(&self) -> u64 { 0 }
///     # fn accumulate(&self, _: &mut u64, _: &Block<'_, T>) -> Result<()> { Ok(()) }
///     # fn merge(&self, partial: &mut u64, next: u64) { *partial += next; }
///     # fn finish(&self, partial: u64, _: &Shape) -> Result<u64> { Ok(partial) }
///     // ... with `type Partial = u64`
/// }
///
/// impl<T: Element> Resume<T> for CountZeros {
///     fn describe(&self) -> Option<String> {
///         Some("zeros".to_owned())
///     }
///     fn save(&self, partial: &u64) -> Vec<u8> {
///         partial.to_le_bytes().to_vec()
///     }
///     fn load(&self, bytes: &[u8], shape: &Shape, _: std::ops::Range<usize>) -> Option<u64> {
///         // A count that no such array has would overflow when it is merged.
///         let zeros = bytes.try_into().ok().map(u64::from_le_bytes)?;
///         (zeros <= shape.len() as u64).then_some(zeros)
///     }
/// }
/// ```
pub trait Resume<T: Element>: Reduce<T> {
    /// What is computed, in words that differ for reductions that differ. `None` where that cannot be
    /// said, because a closure takes part: the checkpoint then needs a
    /// [label](Checkpoint::label).
    fn describe(&self) -> Option<String>;

    /// A partial as bytes.
    fn save(&self, partial: &Self::Partial) -> Vec<u8>;

    /// The partial that bytes stand for, of some blocks of an array of this shape. `None` for bytes that
    /// cannot be one: they come from a file, and may be anything.
    ///
    /// Kernels of this crate hold every state against what these blocks have room for: counts, positions,
    /// sums and ranges. Do the same: what is given here is merged and finished, and must not overflow.
    fn load(&self, bytes: &[u8], shape: &Shape, blocks: Range<usize>) -> Option<Self::Partial>;
}

impl<T: Element, R: Resume<T>> Resume<T> for &R {
    fn describe(&self) -> Option<String> {
        (**self).describe()
    }
    fn save(&self, partial: &Self::Partial) -> Vec<u8> {
        (**self).save(partial)
    }
    fn load(&self, bytes: &[u8], shape: &Shape, blocks: Range<usize>) -> Option<Self::Partial> {
        (**self).load(bytes, shape, blocks)
    }
}

/// What bytes stand for, all of them.
pub(crate) fn decoded<P: DeserializeOwned>(bytes: &[u8]) -> Option<P> {
    match postcard::take_from_bytes(bytes) {
        Ok((partial, [])) => Some(partial),
        _ => None,
    }
}

macro_rules! tuples {
    ($($($name:ident $index:tt),+;)*) => {$(
        impl<T: Element, $($name: Resume<T>),+> Resume<T> for ($($name,)+) {
            fn describe(&self) -> Option<String> {
                Some([$(self.$index.describe()?),+].join(" and "))
            }
            fn save(&self, partial: &Self::Partial) -> Vec<u8> {
                let parts = [$(self.$index.save(&partial.$index)),+];
                postcard::to_stdvec(&parts[..]).unwrap_or_default()
            }
            fn load(
                &self,
                bytes: &[u8],
                shape: &Shape,
                blocks: Range<usize>,
            ) -> Option<Self::Partial> {
                let parts: Vec<Vec<u8>> = decoded(bytes)?;
                if parts.len() != [$($index),+].len() {
                    return None;
                }
                Some(($(self.$index.load(&parts[$index], shape, blocks.clone())?,)+))
            }
        }
    )*};
}
tuples! {
    A 0;
    A 0, B 1;
    A 0, B 1, C 2;
    A 0, B 1, C 2, D 3;
    A 0, B 1, C 2, D 3, E 4;
    A 0, B 1, C 2, D 3, E 4, F 5;
    A 0, B 1, C 2, D 3, E 4, F 5, G 6;
    A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7;
}

impl Engine {
    /// As [`reduce`](Self::reduce), but what was done is kept in a checkpoint: killed at any point and
    /// run again, the job goes on, and gives the same bits as an uninterrupted one.
    ///
    /// The checkpoint holds partials: little for reductions over everything or per column, as much as
    /// the result per row.
    ///
    /// # Errors
    /// As [`reduce`](Self::reduce); [`Error::Checkpoint`](crate::Error::Checkpoint) for a checkpoint
    /// that is damaged, of another job, or of the input as it was before a change.
    pub fn reduce_resumable<T, S, R>(
        &self,
        source: &S,
        kernel: R,
        checkpoint: &Checkpoint,
    ) -> Result<R::Output>
    where
        T: Element,
        S: Source<T>,
        R: Resume<T>,
    {
        let mut outputs = Outputs::new();
        kernel.register(&mut outputs);
        let mut keeper = Keeper::open(checkpoint, kernel.describe(), source, outputs)?;
        let found = keeper.take_found();
        let output = self.reduce_keeping(source, kernel, &keeper, found)?;
        keeper.remove()?;
        Ok(output)
    }

    /// Reduces, from what was found on.
    pub(crate) fn reduce_keeping<T, S, R>(
        &self,
        source: &S,
        kernel: R,
        keeper: &Keeper<'_>,
        found: Option<State>,
    ) -> Result<R::Output>
    where
        T: Element,
        S: Source<T>,
        R: Resume<T>,
    {
        let shape = source.shape();
        kernel.check(shape)?;
        let nodes = match found {
            None => Vec::new(),
            Some(State::Reduce(nodes)) => {
                let blocks = self.grid::<T>(shape).len();
                let load = |bytes: &[u8], blocks| kernel.load(bytes, shape, blocks);
                let nodes = decode(nodes, blocks, &load);
                nodes.ok_or_else(|| keeper.damaged("its partials do not fit the job"))?
            }
            Some(_) => return Err(keeper.damaged("it is not the checkpoint of a reduction")),
        };
        let mut done = Ranges::default();
        for node in &nodes {
            done.insert(node.index << node.level..(node.index + 1) << node.level);
        }
        let save = |partial: &R::Partial| Ok(kernel.save(partial));
        let state = |tree: &Tree<R::Partial>| {
            tree.look(|nodes| encode(&mut nodes.iter().map(|(&at, p)| (at, p)), &save))
        };
        let earlier = Earlier {
            nodes,
            done,
            after_chunk: &|tree| keeper.save_when_due(|| state(tree)),
            on_failure: &|tree| keeper.save(|| state(tree)),
        };
        self.reduce_from(source, &kernel, Some(earlier))
    }
}
