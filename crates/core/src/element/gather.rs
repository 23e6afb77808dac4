//! Permuting the axes of elements, box by box.

use std::ops::Range;

use super::Element;
use super::boxes::{Side, boxes, copy, pieces};
use crate::error::Result;

/// A run of indices, in C order, of the leading axes of a row, and for each of them a run of the
/// trailing ones.
pub(crate) type Runs = (usize, Range<usize>, Range<usize>);

/// Passes some elements of some rows to a function, with the stride between rows.
pub(crate) type Read<'a, T> =
    &'a mut dyn FnMut(Range<usize>, Range<usize>, &mut dyn FnMut(&[T], usize)) -> Result<()>;

/// Reorders some elements of some rows. Compiled once per element type by [`Element::gather`],
/// whatever the source.
pub(crate) fn gather<T: Element>(
    (dims, strides): (&[usize], &[usize]),
    rows: &Range<usize>,
    (split, lead, trail): Runs,
    values: &mut [T],
    most: usize,
    read: Read<'_, T>,
) -> Result<()> {
    let (before, after) = dims.split_at(split);
    let (step, width) = (after.iter().product::<usize>(), trail.len());
    let of_row = lead.len() * width;
    boxes(before, lead.clone(), &mut |l, lead_sides| {
        boxes(after, trail.clone(), &mut |t, trail_sides| {
            let (mut place, mut first) = (l * step + t, 0);
            for (&dim, &stride) in dims.iter().zip(strides).rev() {
                first += place % dim * stride;
                place /= dim;
            }
            let lead_sides = lead_sides.iter().map(|&(len, to)| (len, to * width));
            let sides = lead_sides.chain(trail_sides.iter().copied()).zip(strides);
            let side = |((len, to), &from)| Side { len, from, to };
            let mut sides: Vec<Side> = sides.map(side).filter(|side: &Side| side.len > 1).collect();
            sides.sort_unstable_by_key(|side| std::cmp::Reverse(side.from));
            let to = (l - lead.start) * width + t - trail.start;
            pieces(&sides, first, to, most, &mut |sides, first, to| {
                let span = 1 + sides.iter().map(|s| (s.len - 1) * s.from).sum::<usize>();
                let some = (most / span).clamp(1, rows.len());
                for row in rows.clone().step_by(some) {
                    let next = row..rows.end.min(row + some);
                    let values = &mut values[to + (row - rows.start) * of_row..];
                    read(next.clone(), first..first + span, &mut |from, stride| {
                        let mut all = vec![Side { len: next.len(), from: stride, to: of_row }];
                        all.extend_from_slice(sides);
                        copy(&mut all, from, values);
                    })?;
                }
                Ok(())
            })
        })
    })
}
