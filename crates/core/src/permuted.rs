//! Axes of a row in another order.

use std::ops::Range;

use crate::source::check_ranges;
use crate::{Element, Error, Identity, Result, Shape, Source, Tile, TileBuffer};

/// Elements that are asked for at a time of a source that has to decode them.
const RUN: usize = 1 << 16;

/// Pieces that are read before they are let go of together: each may have the pages around it mapped.
const READS: usize = 64;

/// An array whose axes come in another order, axis 0 first as before: numpy's `transpose`. Made by
/// [`Source::permute_axes`].
///
/// Each row keeps its elements and has them in another order, so that what is read at a time stays
/// together. Nothing is copied when it is made: whoever works on it puts a block at a time in order, in
/// the worker's own buffer.
///
/// ```
/// use rowmill_core::{SliceSource, Source, TileBuffer};
/// let data: Vec<i32> = (0..12).collect();
/// let x = SliceSource::new(&data, [2, 2, 3]).unwrap();
/// let swapped = x.permute_axes(&[0, 2, 1])?;
/// assert_eq!(swapped.shape().dims(), [2, 3, 2]);
/// assert_eq!(Source::rows(&swapped, 0..1, &mut TileBuffer::new())?, [0, 3, 1, 4, 2, 5]);
/// # Ok::<(), rowmill_core::Error>(())
/// ```
#[derive(Clone, Debug)]
#[must_use = "permuted axes are read by a job"]
pub struct Permuted<S> {
    source: S,
    shape: Shape,
    /// Of each axis of the result but the first, how far apart its elements are in a row of the source;
    /// nothing where the order of elements is that of the source.
    strides: Option<Vec<usize>>,
    order: Vec<usize>,
}

/// An axis of a box: its length, and how far apart its elements are where they are read from and where
/// they go.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Side {
    len: usize,
    from: usize,
    to: usize,
}

impl<S> Permuted<S> {
    /// The axes of an array in this order.
    ///
    /// # Errors
    /// [`Error::AxisOrder`] unless each axis is named once, axis 0 first.
    pub fn new<T: Element>(source: S, order: &[usize]) -> Result<Self>
    where
        S: Source<T>,
    {
        let shape = source.shape();
        let dims = shape.dims();
        let mut sorted = order.to_vec();
        sorted.sort_unstable();
        if !sorted.iter().copied().eq(0..dims.len()) || order.first().is_some_and(|&axis| axis != 0)
        {
            return Err(Error::AxisOrder { order: order.to_vec(), shape: shape.clone() });
        }
        let permuted: Vec<usize> = order.iter().map(|&axis| dims[axis]).collect();
        let mut strides = vec![1; dims.len()];
        for axis in (1..dims.len().saturating_sub(1)).rev() {
            strides[axis] = strides[axis + 1] * dims[axis + 1];
        }
        // Where axes of one element stand does not matter.
        let real = order.iter().filter(|&&axis| axis > 0 && dims[axis] != 1);
        let same = real.is_sorted();
        let strides = order.iter().skip(1).map(|&axis| strides[axis]).collect();
        let shape = Shape::new(permuted).map_err(|source| Error::PartTooLarge { source })?;
        Ok(Self { source, shape, strides: (!same).then_some(strides), order: order.to_vec() })
    }

    /// Puts some elements of some rows in order: of the first `split` axes of a row a run of indices in C
    /// order, `lead`, and for each of them a run of the others, `trail`.
    fn gather<T: Element>(
        &self,
        strides: &[usize],
        rows: &Range<usize>,
        (split, lead, trail): (usize, Range<usize>, Range<usize>),
        values: &mut [T],
        most: usize,
        mut read: impl FnMut(Range<usize>, Range<usize>, &mut dyn FnMut(&[T], usize)) -> Result<()>,
    ) -> Result<()> {
        let dims = self.shape.row_dims();
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
                let mut sides: Vec<Side> =
                    sides.map(side).filter(|side: &Side| side.len > 1).collect();
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

    /// The same from where elements are lent in place, or by asking for them; `below` a memory ceiling what
    /// was asked for is let go of at once.
    fn gather_from<T: Element>(
        &self,
        strides: &[usize],
        rows: &Range<usize>,
        what: (usize, Range<usize>, Range<usize>),
        values: &mut [T],
        inner: &mut TileBuffer<T>,
        below: bool,
    ) -> Result<()>
    where
        S: Source<T>,
    {
        if let Some(all) = self.source.in_place().filter(|_| !below) {
            let row_len = self.shape.row_len();
            return self.gather(strides, rows, what, values, usize::MAX, |rows, run, to| {
                to(&all[rows.start * row_len + run.start..], row_len);
                Ok(())
            });
        }
        if !below {
            return self.gather(strides, rows, what, values, RUN, |rows, run, to| {
                let (from, stride) = self.source.tile(rows, run, inner)?.parts();
                to(from, stride);
                Ok(())
            });
        }
        let mut read: Option<(Range<usize>, Range<usize>)> = None;
        let mut reads = 0;
        let let_go = |read: &mut Option<(Range<usize>, Range<usize>)>| {
            if let Some((rows, run)) = read.take() {
                self.source.release(rows, run);
            }
        };
        self.gather(strides, rows, what, values, RUN, |rows, run, to| {
            let tile = self.source.tile_below_ceiling(rows.clone(), run.clone(), inner)?;
            let (from, stride) = tile.parts();
            to(from, stride);
            let hull = |a: Range<usize>, b: Range<usize>| a.start.min(b.start)..a.end.max(b.end);
            read = Some(match read.take() {
                None => (rows, run),
                Some((before, earlier)) => (hull(before, rows), hull(earlier, run)),
            });
            reads += 1;
            if reads % READS == 0 {
                let_go(&mut read);
            }
            Ok(())
        })?;
        let_go(&mut read);
        Ok(())
    }

    fn lend<'a, T: Element>(
        &'a self,
        strides: &[usize],
        rows: Range<usize>,
        cols: Range<usize>,
        buffer: &'a mut TileBuffer<T>,
        below: bool,
    ) -> Result<Tile<'a, T>>
    where
        S: Source<T>,
    {
        check_ranges(&self.shape, &rows, &cols)?;
        let (n, width) = (rows.len(), cols.len());
        if n == 0 || width == 0 {
            return Ok(Tile::new(&[], n, width, width));
        }
        let (values, inner) = buffer.nested(n * width);
        self.gather_from(strides, &rows, (0, 0..1, cols), values, inner, below)?;
        Ok(Tile::new(values, n, width, width))
    }
}

/// Hands the boxes that make up a run of elements of an array of these dimensions to `each`: where the
/// box begins, and of each axis how many indices it has and how far apart they are in C order.
fn boxes(
    dims: &[usize],
    run: Range<usize>,
    each: &mut impl FnMut(usize, &[(usize, usize)]) -> Result<()>,
) -> Result<()> {
    if dims.is_empty() {
        return if run.is_empty() { Ok(()) } else { each(0, &[]) };
    }
    let mut steps = vec![1; dims.len()];
    for axis in (0..dims.len() - 1).rev() {
        steps[axis] = steps[axis + 1] * dims[axis + 1];
    }
    let mut start = run.start;
    while start < run.end {
        // The widest whole steps that begin here and end before the end of the run and of their axis.
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

/// Cuts a box, its sides in the order of the source, into those that are worth reading from their first
/// element to their last: of at most `most` elements there, a quarter of them wanted.
fn pieces(
    sides: &[Side],
    first: usize,
    to: usize,
    most: usize,
    each: &mut impl FnMut(&[Side], usize, usize) -> Result<()>,
) -> Result<()> {
    let span = 1 + sides.iter().map(|s| (s.len - 1) * s.from).sum::<usize>();
    let wanted: usize = sides.iter().map(|s| s.len).product();
    match sides.split_first() {
        Some((side, rest)) if most != usize::MAX && (span > most || wanted < span / 4) => {
            if rest.is_empty() && side.from == 1 {
                // A run of elements that follow each other, too long for one piece.
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

/// Copies a box. Its two innermost sides are those along which elements follow each other: where they are
/// read from, and where they go.
fn copy<T: Copy + Default>(sides: &mut Vec<Side>, from: &[T], to: &mut [T]) {
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

/// Elements that are read and written together where elements change between rows and columns: cache lines,
/// each of which is read or written once, however far apart they are.
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

impl<T: Element, S: Source<T>> Source<T> for Permuted<S> {
    fn shape(&self) -> &Shape {
        &self.shape
    }

    fn tile<'a>(
        &'a self,
        rows: Range<usize>,
        cols: Range<usize>,
        buffer: &'a mut TileBuffer<T>,
    ) -> Result<Tile<'a, T>> {
        match &self.strides {
            None => self.source.tile(rows, cols, buffer),
            Some(strides) => self.lend(strides, rows, cols, buffer, false),
        }
    }

    fn tile_below_ceiling<'a>(
        &'a self,
        rows: Range<usize>,
        cols: Range<usize>,
        buffer: &'a mut TileBuffer<T>,
    ) -> Result<Tile<'a, T>> {
        match &self.strides {
            None => self.source.tile_below_ceiling(rows, cols, buffer),
            Some(strides) => self.lend(strides, rows, cols, buffer, true),
        }
    }

    fn rows<'a>(&'a self, rows: Range<usize>, buffer: &'a mut TileBuffer<T>) -> Result<&'a [T]> {
        if self.strides.is_none() {
            return self.source.rows(rows, buffer);
        }
        let tile = self.tile(rows, 0..self.shape.row_len(), buffer)?;
        Ok(tile.as_slice().expect("gathered without gaps"))
    }

    fn rows_below_ceiling<'a>(
        &'a self,
        rows: Range<usize>,
        buffer: &'a mut TileBuffer<T>,
    ) -> Result<&'a [T]> {
        if self.strides.is_none() {
            return self.source.rows_below_ceiling(rows, buffer);
        }
        let tile = self.tile_below_ceiling(rows, 0..self.shape.row_len(), buffer)?;
        Ok(tile.as_slice().expect("gathered without gaps"))
    }

    fn read_runs(
        &self,
        row: usize,
        (first, step): (Range<usize>, usize),
        to: &mut [T],
        buffer: &mut TileBuffer<T>,
        below: bool,
    ) -> Result<()> {
        let Some(strides) = &self.strides else {
            return self.source.read_runs(row, (first, step), to, buffer, below);
        };
        let dims = self.shape.row_dims();
        let (mut split, mut whole) = (dims.len(), 1);
        while whole < step && split > 0 {
            split -= 1;
            whole *= dims[split];
        }
        assert_eq!(whole, step, "runs begin where an axis does");
        let (lead, start) = (first.start / step, first.start % step);
        let lead = lead..lead + to.len() / first.len();
        let what = (split, lead, start..start + first.len());
        self.gather_from(strides, &(row..row + 1), what, to, buffer.nested(0).1, below)
    }

    fn rows_at_a_time(&self) -> usize {
        self.source.rows_at_a_time()
    }

    fn check(&self) -> Result<()> {
        self.source.check()
    }

    fn verify(&self) -> Result<()> {
        self.source.verify()
    }

    /// That of the source, with the order of the axes.
    fn identity(&self) -> Option<Identity> {
        Some(
            self.source.identity()?.of_part(
                format!("permuted {:?} of {}", self.order, self.source.shape()).as_bytes(),
            ),
        )
    }

    fn release(&self, rows: Range<usize>, cols: Range<usize>) {
        // What was put in order below a ceiling has been let go of already.
        if self.strides.is_none() {
            self.source.release(rows, cols);
        }
    }

    fn stored(&self, rows: Range<usize>, cols: Range<usize>) -> Option<Tile<'_, T::Stored>> {
        if self.strides.is_some() {
            return None;
        }
        self.source.stored(rows, cols)
    }

    fn in_place(&self) -> Option<&[T]> {
        if self.strides.is_some() { None } else { self.source.in_place() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{SliceSource, TileBuffer};

    /// A source that lends nothing in place, and counts the elements that it was asked for.
    struct Decoded<'a>(SliceSource<'a, u32>, std::sync::atomic::AtomicUsize);

    impl Source<u32> for Decoded<'_> {
        fn shape(&self) -> &Shape {
            self.0.shape()
        }
        fn tile<'a>(
            &'a self,
            rows: Range<usize>,
            cols: Range<usize>,
            buffer: &'a mut TileBuffer<u32>,
        ) -> Result<Tile<'a, u32>> {
            self.1.fetch_add(rows.len() * cols.len(), std::sync::atomic::Ordering::Relaxed);
            self.0.tile(rows, cols, buffer)
        }
    }

    /// All elements, by the definition of a transposition.
    fn expected(data: &[u32], dims: &[usize], order: &[usize]) -> Vec<u32> {
        let permuted: Vec<usize> = order.iter().map(|&axis| dims[axis]).collect();
        let mut all = Vec::new();
        for place in 0..data.len() {
            let (mut rest, mut index) = (place, vec![0; dims.len()]);
            for axis in (0..dims.len()).rev() {
                index[order[axis]] = rest % permuted[axis];
                rest /= permuted[axis];
            }
            all.push(data[index.iter().zip(dims).fold(0, |at, (i, dim)| at * dim + i)]);
        }
        all
    }

    #[test]
    fn every_order_of_axes_and_every_tile() {
        let shapes: [&[usize]; 7] = [
            &[3, 4],
            &[2, 3, 4],
            &[3, 1, 5],
            &[2, 3, 2, 4],
            &[1, 2, 1, 3, 2],
            &[2, 300, 7],
            &[0, 2, 3],
        ];
        for dims in shapes {
            let data: Vec<u32> = (0..dims.iter().product::<usize>() as u32).collect();
            let mut orders = vec![vec![0]];
            for axis in 1..dims.len() {
                let with = |order: Vec<usize>| {
                    (1..=order.len()).map(move |at| {
                        let mut order = order.clone();
                        order.insert(at, axis);
                        order
                    })
                };
                orders = orders.into_iter().flat_map(with).collect();
            }
            for order in orders {
                let all = expected(&data, dims, &order);
                let place = SliceSource::new(&data, dims).expect("as many");
                let decoded = Decoded(place.clone(), Default::default());
                let (a, b) = (place.permute_axes(&order), decoded.permute_axes(&order));
                let (a, b) = (a.expect("an order"), b.expect("an order"));
                let (rows, len) = (a.shape().rows(), a.shape().row_len());
                let step = if len > 100 { 97 } else { 1 };
                for row in 0..=rows {
                    for (start, end) in (0..=len)
                        .step_by(step)
                        .flat_map(|s| (s..=len).step_by(step).map(move |e| (s, e)))
                    {
                        let mut buffers = (TileBuffer::new(), TileBuffer::new());
                        let x = a.tile(row..rows, start..end, &mut buffers.0).expect("inside");
                        let y = b.tile(row..rows, start..end, &mut buffers.1).expect("inside");
                        for (i, (x, y)) in x.iter_rows().zip(y.iter_rows()).enumerate() {
                            let expected = &all[(row + i) * len..][start..end];
                            assert_eq!((x, y), (expected, expected), "{dims:?} {order:?}");
                        }
                    }
                }
            }
        }
    }

    /// The first axes as one: runs of elements of rows that lie beside each other in the source.
    #[test]
    fn merged_rows_of_permuted_axes() {
        let dims = [2, 5, 21, 4];
        let data: Vec<u32> = (0..dims.iter().product::<usize>() as u32).collect();
        let place = SliceSource::new(&data, dims).expect("as many");
        let decoded = Decoded(place.clone(), Default::default());
        for order in [[0, 1, 2, 3], [0, 2, 1, 3], [0, 3, 1, 2], [0, 3, 2, 1], [0, 1, 3, 2]] {
            let all = expected(&data, &dims, &order);
            let (a, b) = (place.permute_axes(&order), decoded.permute_axes(&order));
            let (a, b) = (a.expect("an order"), b.expect("an order"));
            for axes in 1..=4 {
                let (a, b) = (a.merge_axes(axes).expect("axes"), b.merge_axes(axes).expect("axes"));
                let (rows, len) = (a.shape().rows(), a.shape().row_len());
                for (start, end) in
                    [(0, rows), (1, rows - 1), (rows / 3, rows / 2), (rows - 1, rows)]
                {
                    for (first, last) in
                        [(0, len), (len / 3, len), (0, len.div_ceil(2)), (len - 1, len)]
                    {
                        let mut buffers = (TileBuffer::new(), TileBuffer::new(), TileBuffer::new());
                        let (rows, cols) = (start..end, first..last);
                        let x = a.tile(rows.clone(), cols.clone(), &mut buffers.0).expect("inside");
                        let y = b.tile(rows.clone(), cols.clone(), &mut buffers.1).expect("inside");
                        let z = b.tile_below_ceiling(rows, cols, &mut buffers.2).expect("inside");
                        for i in start..end {
                            let expected = &all[i * len..][first..last];
                            for tile in [&x, &y, &z] {
                                assert_eq!(tile.row(i - start), expected, "{order:?} {axes}");
                            }
                        }
                    }
                }
            }
        }
    }

    /// A part has gaps between its rows, and rows without gaps can be asked for all the same.
    #[test]
    fn rows_of_a_part_whose_axes_stay() {
        let data: Vec<u32> = (0..12).collect();
        let x = SliceSource::new(&data, [3, 4]).expect("12");
        let part = x.part().columns(0..2).expect("columns");
        let same = part.permute_axes(&[0, 1]).expect("an order");
        let mut buffer = TileBuffer::new();
        assert_eq!(same.rows(0..2, &mut buffer).expect("rows"), [0, 1, 4, 5]);
        assert_eq!(same.rows_below_ceiling(1..2, &mut buffer).expect("rows"), [4, 5]);
        let mut rows = [0; 4];
        same.read_rows(1..3, &mut rows, &mut buffer).expect("rows");
        assert_eq!(rows, [4, 5, 8, 9]);
    }

    #[test]
    fn what_is_far_apart_is_not_read_between() {
        let data: Vec<u32> = (0..4 * 1000 * 100).collect();
        let x = SliceSource::new(&data, [4, 1000, 100]).expect("as many");
        let x = Decoded(x, Default::default());
        let y = x.permute_axes(&[0, 2, 1]).expect("an order");
        // One column of 1000 in each of two rows.
        y.tile(1..3, 5000..6000, &mut TileBuffer::new()).expect("inside");
        assert_eq!(x.1.load(std::sync::atomic::Ordering::Relaxed), 2000);
    }

    #[test]
    fn bad_orders_are_refused() {
        let data = [0_u32; 6];
        let x = SliceSource::new(&data, [1, 2, 3]).expect("6");
        for order in [&[0, 1][..], &[0, 1, 1], &[0, 1, 3], &[1, 0, 2], &[], &[0, 1, 2, 3]] {
            let error = x.permute_axes(order).expect_err("no order").to_string();
            assert!(error.contains("each of its axes once"), "{error}");
        }
        let y = x.permute_axes(&[0, 2, 1]).expect("an order");
        assert!(y.tile(0..2, 0..6, &mut TileBuffer::new()).is_err());
        let scalar = SliceSource::new(&data[..1], []).expect("1");
        assert_eq!(scalar.permute_axes(&[]).expect("none").shape().ndim(), 0);
    }
}
