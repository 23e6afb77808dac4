//! [`Tile`]: the elements that a source lends, and the buffer that it may need for that.

use std::ops::Range;

use crate::element::Element;
use crate::shape::Shape;

/// A rectangle of elements: some rows, and the same run of elements of each.
///
/// Rows are `stride` elements apart. If there are no gaps between them, the tile is one slice:
/// [`as_slice`](Self::as_slice).
#[derive(Debug)]
pub struct Tile<'a, T> {
    data: &'a [T],
    rows: usize,
    cols: usize,
    stride: usize,
}

impl<T> Clone for Tile<'_, T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Tile<'_, T> {}

impl<'a, T> Tile<'a, T> {
    /// A tile of `rows` rows of `cols` elements that start `stride` elements apart in `data`.
    ///
    /// # Panics
    /// If `data` ends before the last row does, or `stride < cols`.
    #[must_use]
    pub fn new(data: &'a [T], rows: usize, cols: usize, stride: usize) -> Self {
        assert!(stride >= cols, "rows of {cols} elements overlap at a stride of {stride}");
        let needed = if rows == 0 || cols == 0 { 0 } else { (rows - 1) * stride + cols };
        assert!(data.len() >= needed, "a tile needs {needed} elements, got {}", data.len());
        Self { data: &data[..needed], rows, cols, stride }
    }

    /// The number of rows.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// The number of elements of each row.
    #[must_use]
    pub fn cols(&self) -> usize {
        self.cols
    }

    /// The number of elements.
    #[must_use]
    pub fn len(&self) -> usize {
        self.rows * self.cols
    }

    /// Whether there are no elements.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Row `i` of the tile.
    ///
    /// # Panics
    /// If `i` is not below [`rows`](Self::rows).
    #[must_use]
    #[inline]
    pub fn row(&self, i: usize) -> &'a [T] {
        assert!(i < self.rows, "row {i} of a tile of {} rows", self.rows);
        if self.cols == 0 { &[] } else { &self.data[i * self.stride..][..self.cols] }
    }

    /// An iterator over the rows.
    pub fn iter_rows(&self) -> impl ExactSizeIterator<Item = &'a [T]> + use<'a, T> {
        let tile = *self;
        (0..tile.rows).map(move |i| tile.row(i))
    }

    /// Rows `range` of the tile.
    ///
    /// # Panics
    /// If the range is not within the tile.
    #[must_use]
    pub fn sub_rows(&self, range: Range<usize>) -> Self {
        assert!(range.start <= range.end && range.end <= self.rows, "{range:?} of {}", self.rows);
        let rows = range.len();
        let data = if rows == 0 || self.cols == 0 {
            &[]
        } else {
            &self.data[range.start * self.stride..][..(rows - 1) * self.stride + self.cols]
        };
        Self { data, rows, ..*self }
    }

    /// The elements from the first to the last, including gaps between rows, and the stride.
    #[must_use]
    pub fn parts(&self) -> (&'a [T], usize) {
        (self.data, self.stride)
    }

    /// All elements as one slice, if there are no gaps between rows.
    #[must_use]
    #[inline]
    pub fn as_slice(&self) -> Option<&'a [T]> {
        (self.stride == self.cols || self.rows <= 1).then_some(self.data)
    }

    /// The longest slices that make up the tile in order: one if it is contiguous, else its rows.
    pub fn slices(&self) -> impl Iterator<Item = &'a [T]> + use<'a, T> {
        let whole = self.as_slice();
        let rows = if whole.is_some() { 0 } else { self.rows };
        let tile = *self;
        whole.into_iter().chain((0..rows).map(move |i| tile.row(i)))
    }
}

/// A worker's own memory for elements that cannot be lent in place. Reused from tile to tile.
#[derive(Debug)]
pub struct TileBuffer<T: Element> {
    pub(crate) stored: Vec<T::Stored>,
    pub(crate) values: Vec<T>,
    /// The buffer of the source that this one reads from.
    inner: Option<Box<Self>>,
    below_ceiling: bool,
}

impl<T: Element> TileBuffer<T> {
    /// An empty buffer; it grows to the largest tile that passes through it.
    #[must_use]
    pub const fn new() -> Self {
        Self { stored: Vec::new(), values: Vec::new(), inner: None, below_ceiling: false }
    }

    /// The buffer of a reader that stays below a memory ceiling, or not. With a ceiling the reader
    /// [releases](crate::Source::release) what it reads; sources then map only the tile itself if
    /// possible, and may be slower. Default: no ceiling.
    ///
    /// ```
    /// let buffer = rowmill_core::TileBuffer::<f32>::new().below_ceiling(true);
    /// assert!(buffer.is_below_ceiling());
    /// ```
    #[must_use]
    pub const fn below_ceiling(mut self, below: bool) -> Self {
        self.below_ceiling = below;
        self
    }

    /// Sets the same on an existing buffer.
    pub const fn set_below_ceiling(&mut self, below: bool) {
        self.below_ceiling = below;
    }

    /// Whether its reader stays below a memory ceiling.
    #[must_use]
    pub const fn is_below_ceiling(&self) -> bool {
        self.below_ceiling
    }

    /// Scratch memory for `len` elements that a view assembles, with arbitrary contents, and the
    /// buffer for the underlying source.
    pub fn nested(&mut self, len: usize) -> (&mut [T], &mut Self) {
        self.values.resize(len, T::default());
        let inner = self.inner.get_or_insert_default();
        inner.below_ceiling = self.below_ceiling;
        (&mut self.values, inner)
    }

    /// Scratch memory for `len` elements that a source computes, with arbitrary contents.
    ///
    /// ```
    /// use rowmill_core::TileBuffer;
    /// let mut buffer = TileBuffer::<f32>::new();
    /// buffer.room(3).fill(1.5);
    /// assert_eq!(buffer.room(2), [1.5, 1.5]);
    /// ```
    pub fn room(&mut self, len: usize) -> &mut [T] {
        self.values.resize(len, T::default());
        &mut self.values
    }

    /// The elements in `stored`, in place if the type allows it.
    pub(crate) fn loaded(&mut self) -> &[T] {
        match T::view(&self.stored) {
            Some(values) => values,
            None => {
                self.values.clear();
                self.values.extend(self.stored.iter().map(|&s| T::load(s)));
                &self.values
            }
        }
    }
}

impl<T: Element> Default for TileBuffer<T> {
    fn default() -> Self {
        Self::new()
    }
}

/// The tile of these rows and columns in a contiguous C-order array.
pub(crate) fn tile_in<'a, T>(
    data: &'a [T],
    shape: &Shape,
    rows: Range<usize>,
    cols: Range<usize>,
) -> Tile<'a, T> {
    let row_len = shape.row_len();
    if rows.is_empty() || cols.is_empty() {
        return Tile::new(&[], rows.len(), cols.len(), cols.len());
    }
    let start = rows.start * row_len + cols.start;
    Tile::new(&data[start..], rows.len(), cols.len(), row_len)
}
