use super::*;
use crate::tile::TileBuffer;
use crate::view::SliceSource;

/// A source that lends nothing in place, and counts the requested elements.
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

/// The leading axes merged: runs of elements of rows that are adjacent in the source.
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
            for (start, end) in [(0, rows), (1, rows - 1), (rows / 3, rows / 2), (rows - 1, rows)] {
                for (first, last) in
                    [(0, len), (len / 3, len), (0, len.div_ceil(2)), (len - 1, len)]
                {
                    let under = TileBuffer::new().below_ceiling(true);
                    let mut buffers = (TileBuffer::new(), TileBuffer::new(), under);
                    let (rows, cols) = (start..end, first..last);
                    let x = a.tile(rows.clone(), cols.clone(), &mut buffers.0).expect("inside");
                    let y = b.tile(rows.clone(), cols.clone(), &mut buffers.1).expect("inside");
                    let z = b.tile(rows, cols, &mut buffers.2).expect("inside");
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

/// A part has gaps between its rows, and rows without gaps can be requested all the same.
#[test]
fn rows_of_a_part_whose_axes_stay() {
    let data: Vec<u32> = (0..12).collect();
    let x = SliceSource::new(&data, [3, 4]).expect("12");
    let part = x.part().columns(0..2).expect("columns");
    let same = part.permute_axes(&[0, 1]).expect("an order");
    let mut buffer = TileBuffer::new();
    assert_eq!(same.rows(0..2, &mut buffer).expect("rows"), [0, 1, 4, 5]);
    assert_eq!(same.rows(1..2, &mut buffer.below_ceiling(true)).expect("rows"), [4, 5]);
    let mut rows = [0; 4];
    same.read_rows(1..3, &mut rows, &mut TileBuffer::new()).expect("rows");
    assert_eq!(rows, [4, 5, 8, 9]);
}

#[test]
fn gaps_between_distant_elements_are_not_read() {
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
