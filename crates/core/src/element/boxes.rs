//! Boxes of elements: how a run of a permuted row is cut into boxes, and how they are copied.

use std::ops::Range;

use crate::error::Result;

/// An axis of a box: its length, and its strides at the source and at the destination.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Side {
    pub(super) len: usize,
    pub(super) from: usize,
    pub(super) to: usize,
}

/// Receives a box: its start, and the count and stride of indices along each axis.
type EachBox<'a> = &'a mut dyn FnMut(usize, &[(usize, usize)]) -> Result<()>;

/// Receives a piece of a box: its sides, and the offsets of its first element in source and
/// destination.
type EachPiece<'a> = &'a mut dyn FnMut(&[Side], usize, usize) -> Result<()>;

/// Passes the boxes that make up a run of elements of an array of these dimensions to `each`: the
/// start of each box, and the count and stride in C order along each axis.
pub(super) fn boxes(dims: &[usize], run: Range<usize>, each: EachBox<'_>) -> Result<()> {
    if dims.is_empty() {
        return if run.is_empty() { Ok(()) } else { each(0, &[]) };
    }
    let mut steps = vec![1; dims.len()];
    for axis in (0..dims.len() - 1).rev() {
        steps[axis] = steps[axis + 1] * dims[axis + 1];
    }
    let mut start = run.start;
    while start < run.end {
        // The widest whole steps that begin here and end before the end of the run and of their
        // axis.
        let fits =
            |&axis: &usize| start.is_multiple_of(steps[axis]) && run.end - start >= steps[axis];
        let axis = (0..dims.len()).find(fits).expect("the last axis has steps of one element");
        let index = start / steps[axis] % dims[axis];
        let count = ((run.end - start) / steps[axis]).min(dims[axis] - index);
        let sides: Vec<(usize, usize)> = (0..dims.len())
            .map(|a| match a.cmp(&axis) {
                std::cmp::Ordering::Less => (1, steps[a]),
                std::cmp::Ordering::Equal => (count, steps[a]),
                std::cmp::Ordering::Greater => (dims[a], steps[a]),
            })
            .collect();
        each(start, &sides)?;
        start += count * steps[axis];
    }
    Ok(())
}

/// Cuts a box, its sides in source order, into pieces that are worth reading as one span: at most
/// `most` elements from first to last, a quarter of them wanted.
pub(super) fn pieces(
    sides: &[Side],
    first: usize,
    to: usize,
    most: usize,
    each: EachPiece<'_>,
) -> Result<()> {
    let span = 1 + sides.iter().map(|s| (s.len - 1) * s.from).sum::<usize>();
    let wanted: usize = sides.iter().map(|s| s.len).product();
    match sides.split_first() {
        Some((side, rest)) if most != usize::MAX && (span > most || wanted < span / 4) => {
            if rest.is_empty() && side.from == 1 {
                // A contiguous run that is too long for one piece.
                for start in (0..side.len).step_by(most) {
                    let part = Side { len: (side.len - start).min(most), ..*side };
                    each(&[part], first + start, to + start * side.to)?;
                }
                return Ok(());
            }
            for i in 0..side.len {
                pieces(rest, first + i * side.from, to + i * side.to, most, each)?;
            }
            Ok(())
        }
        _ => each(sides, first, to),
    }
}

/// Copies a box. Its two innermost sides are those with stride 1: one at the source, one at the
/// destination.
pub(super) fn copy<T: Copy + Default>(sides: &mut Vec<Side>, from: &[T], to: &mut [T]) {
    sides.retain(|side| side.len > 1);
    sides.sort_unstable_by_key(|side| std::cmp::Reverse(side.to));
    let across = (0..sides.len()).min_by_key(|&i| sides[i].from);
    if let Some(across) = across.filter(|&i| i + 1 < sides.len()) {
        // Next to last: read along, written across.
        let side = sides.remove(across);
        sides.insert(sides.len() - 1, side);
    }
    copy_sides(sides, from, to);
}

/// The side of the squares in which rows and columns are exchanged: cache lines, each of which is
/// read or written once, however far apart they are.
const SQUARE: usize = 16;

fn transpose<T: Copy + Default>(along: Side, across: Side, from: &[T], to: &mut [T]) {
    for first in (0..across.len).step_by(SQUARE) {
        for start in (0..along.len).step_by(SQUARE) {
            let (n, m) = ((across.len - first).min(SQUARE), (along.len - start).min(SQUARE));
            let from = &from[first * across.from + start..];
            let to = &mut to[start * along.to + first..];
            if (n, m) != (SQUARE, SQUARE) {
                for i in 0..m {
                    copy_run(Side { len: n, ..across }, &from[i..], &mut to[i * along.to..]);
                }
                continue;
            }
            let mut square = [[T::default(); SQUARE]; SQUARE];
            for (i, row) in square.iter_mut().enumerate() {
                row.copy_from_slice(&from[i * across.from..][..SQUARE]);
            }
            for i in 0..SQUARE {
                let column = &mut to[i * along.to..][..SQUARE];
                for j in 0..SQUARE {
                    column[j] = square[j][i];
                }
            }
        }
    }
}

fn copy_sides<T: Copy + Default>(sides: &[Side], from: &[T], to: &mut [T]) {
    match *sides {
        [] => to[0] = from[0],
        [Side { len, from: 1, to: 1 }] => to[..len].copy_from_slice(&from[..len]),
        [side] => copy_run(side, from, to),
        [along @ Side { from: 1, .. }, across @ Side { to: 1, .. }] => {
            transpose(along, across, from, to);
        }
        [outer, ref rest @ ..] => {
            for i in 0..outer.len {
                copy_sides(rest, &from[i * outer.from..], &mut to[i * outer.to..]);
            }
        }
    }
}

fn copy_run<T: Copy>(side: Side, from: &[T], to: &mut [T]) {
    let from = from.iter().step_by(side.from.max(1));
    for (to, from) in to.iter_mut().step_by(side.to.max(1)).zip(from).take(side.len) {
        *to = *from;
    }
}
