//! The fixed tree by which partials are merged.
//!
//! Node `(level, index)` stands for blocks `index << level` up to `(index + 1) << level`. Two
//! siblings become their parent when both are there, whoever adds the second. The pairs depend on
//! the number of blocks alone, so the shape of the tree never depends on how the work was split:
//!
//! ```text
//!  level 2          (2,0)
//!                 /       \
//!  level 1     (1,0)     (1,1)     (1,2)
//!              /   \     /   \     /   \
//!  level 0    0     1   2     3   4     5    6     7 blocks
//! ```
//!
//! At the end the nodes without a sibling (here (2,0), (1,2) and 6) are merged from the right.

use std::collections::BTreeMap;

use parking_lot::Mutex;

/// The partial of some blocks, and its node.
#[derive(Debug)]
pub(crate) struct Node<P> {
    pub(crate) level: u32,
    pub(crate) index: usize,
    pub(crate) partial: P,
}

/// The partials of a run of blocks, merged as far as possible: a worker carries them through a
/// chunk.
#[derive(Debug)]
pub(crate) struct Run<P> {
    nodes: Vec<Node<P>>,
}

impl<P> Run<P> {
    pub(crate) const fn new() -> Self {
        Self { nodes: Vec::new() }
    }

    /// Adds the next block.
    pub(crate) fn push(&mut self, block: usize, partial: P, merge: impl Fn(&mut P, P)) {
        let mut node = Node { level: 0, index: block, partial };
        while node.index % 2 == 1
            && let Some(left) =
                self.nodes.pop_if(|l| (l.level, l.index + 1) == (node.level, node.index))
        {
            node = join(left, node, &merge);
        }
        self.nodes.push(node);
    }
}

fn join<P>(mut left: Node<P>, right: Node<P>, merge: impl Fn(&mut P, P)) -> Node<P> {
    merge(&mut left.partial, right.partial);
    Node { level: left.level + 1, index: left.index / 2, partial: left.partial }
}

/// The partials of all blocks, from all workers.
#[derive(Debug)]
pub(crate) struct Tree<P> {
    nodes: Mutex<BTreeMap<(u32, usize), P>>,
}

impl<P> Tree<P> {
    pub(crate) const fn new() -> Self {
        Self { nodes: Mutex::new(BTreeMap::new()) }
    }

    /// A tree with the nodes of an earlier one.
    pub(crate) fn from_nodes(nodes: Vec<Node<P>>, merge: impl Fn(&mut P, P)) -> Self {
        let tree = Self::new();
        tree.add(Run { nodes }, merge);
        tree
    }

    /// Passes all nodes to `f`, with level and index, except those that a worker is merging.
    pub(crate) fn look<R>(&self, f: impl FnOnce(&BTreeMap<(u32, usize), P>) -> R) -> R {
        f(&self.nodes.lock())
    }

    /// Adds the nodes of a worker's chunk. Merging happens outside the lock.
    pub(crate) fn add(&self, run: Run<P>, merge: impl Fn(&mut P, P)) {
        for mut node in run.nodes {
            loop {
                let mut nodes = self.nodes.lock();
                let Some(sibling) = nodes.remove(&(node.level, node.index ^ 1)) else {
                    nodes.insert((node.level, node.index), node.partial);
                    break;
                };
                drop(nodes);
                let sibling = Node { level: node.level, index: node.index ^ 1, partial: sibling };
                let (left, right) =
                    if node.index % 2 == 0 { (node, sibling) } else { (sibling, node) };
                node = join(left, right, &merge);
            }
        }
    }

    /// The partial of all blocks; `None` if there were none.
    pub(crate) fn finish(self, merge: impl Fn(&mut P, P)) -> Option<P> {
        // The remaining nodes cover falling numbers of blocks, left to right.
        let mut nodes = self.nodes.into_inner().into_iter();
        let (_, mut right) = nodes.next()?;
        for (_, mut left) in nodes {
            merge(&mut left, right);
            right = left;
        }
        Some(right)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Merging writes down the tree.
    fn write(left: &mut String, right: String) {
        *left = format!("({left}{right})");
    }

    fn merged(blocks: usize, chunks: &[std::ops::Range<usize>]) -> Option<String> {
        let tree = Tree::new();
        for chunk in chunks {
            let mut run = Run::new();
            for block in chunk.clone() {
                run.push(block, char::from(b'a' + block as u8).to_string(), write);
            }
            tree.add(run, write);
        }
        let _ = blocks;
        tree.finish(write)
    }

    #[test]
    fn the_tree_is_balanced_over_block_indices() {
        let expected = ["a", "(ab)", "((ab)c)", "((ab)(cd))", "(((ab)(cd))e)", "(((ab)(cd))(ef))"];
        for (n, expected) in (1..).zip(expected) {
            assert_eq!(merged(n, std::slice::from_ref(&(0..n))).as_deref(), Some(expected));
        }
        assert_eq!(
            merged(7, std::slice::from_ref(&(0..7))).as_deref(),
            Some("(((ab)(cd))((ef)g))")
        );
        assert_eq!(merged(0, &[]), None);
    }

    #[test]
    fn any_split_in_any_order_gives_the_same_tree() {
        for n in 1..20 {
            let whole = merged(n, std::slice::from_ref(&(0..n)));
            for step in 1..=n {
                let mut chunks: Vec<_> = (0..n).step_by(step).map(|s| s..n.min(s + step)).collect();
                assert_eq!(merged(n, &chunks), whole);
                chunks.reverse();
                assert_eq!(merged(n, &chunks), whole);
                let turn = n % step % chunks.len();
                chunks.rotate_left(turn);
                assert_eq!(merged(n, &chunks), whole);
            }
        }
    }
}
