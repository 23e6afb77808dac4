//! Parts of arrays, as values.

use rowmill_core::{Element, Part, Pick, Result, Source};

/// A part of an array, as a value: some rows, some columns, a box, or everything. See
/// [`AnySource::part`](crate::AnySource::part).
///
/// ```
/// use rowmill_any::Picks;
/// use rowmill_core::{Slice, SliceSource, Source};
/// let picks = Picks::new().rows(1..3).columns([3, 0]);
/// let data: Vec<i32> = (0..20).collect();
/// let x = SliceSource::new(&data, [5, 4]).unwrap();
/// assert_eq!(picks.apply(&x)?.shape().dims(), [2, 2]);
/// let picks = Picks::new().axes(["::-2".parse::<Slice>()?, "1:".parse()?]);
/// assert_eq!(picks.apply(&x)?.shape().dims(), [3, 3]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default)]
#[must_use = "picks do nothing until they are taken of an array"]
pub struct Picks {
    rows: Option<Pick>,
    columns: Option<Pick>,
    axes: Vec<Pick>,
}

impl Picks {
    /// Picks everything.
    pub fn new() -> Self {
        Self::default()
    }

    /// Picks these rows. Default: all.
    pub fn rows(mut self, pick: impl Into<Pick>) -> Self {
        self.rows = Some(pick.into());
        self
    }

    /// Picks these elements of each row, counted within the row. The part then has two axes.
    /// Default: all.
    pub fn columns(mut self, pick: impl Into<Pick>) -> Self {
        self.columns = Some(pick.into());
        self
    }

    /// Picks this box: one choice for each axis, outermost first, within the picked rows and
    /// columns. Default: everything.
    pub fn axes<P: Into<Pick>>(mut self, picks: impl IntoIterator<Item = P>) -> Self {
        self.axes = picks.into_iter().map(Into::into).collect();
        self
    }

    /// Whether everything is picked.
    #[must_use]
    pub fn is_all(&self) -> bool {
        self.rows.is_none() && self.columns.is_none() && self.axes.is_empty()
    }

    /// The part of a source whose type is known.
    ///
    /// # Errors
    /// Returns the errors of [`Part::rows`], [`Part::columns`] and [`Part::slices`].
    pub fn apply<T: Element, S: Source<T>>(&self, source: S) -> Result<Part<S>> {
        let mut part = Part::new(source);
        if let Some(rows) = &self.rows {
            part = part.rows(rows.clone())?;
        }
        if let Some(columns) = &self.columns {
            part = part.columns(columns.clone())?;
        }
        part.slices(self.axes.iter().cloned())
    }
}
