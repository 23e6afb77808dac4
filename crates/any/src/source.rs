//! Arrays of any dtype, and selections of their elements.

use rowmill_core::{
    AnyArray, Array, Concat, DType, Element, Error as FileError, Shape, Source, ViewError,
    dtype_table, match_array,
};
use rowmill_exec::{CompareMask, Condition};

use crate::part::Picks;
use crate::{Error, Result};

macro_rules! any_source {
    (numeric { $($number:ident: $n:ty,)* } complex { $($pair:ident: $c:ty,)* }) => {
        /// A source of elements of any dtype: an array file, a view, several files as one.
        ///
        /// ```
        /// use rowmill_any::AnySource;
        /// use rowmill_core::{DType, SliceSource};
        /// let x = AnySource::new(SliceSource::new(&[1_u8, 2, 3], [3]).unwrap());
        /// assert_eq!((x.dtype(), x.shape().dims()), (DType::U8, &[3][..]));
        /// ```
        #[allow(missing_docs, reason = "one variant for each dtype, named as in `DType`")]
        pub enum AnySource<'a> {
            $($number(Box<dyn Source<$n> + 'a>),)*
            $($pair(Box<dyn Source<$c> + 'a>),)*
        }

        $(element!($number: $n);)*
        $(element!($pair: $c);)*

        /// Evaluates one expression for a source of real numbers, another for complex numbers.
        macro_rules! match_source {
            ($any:expr, $x:ident => $of_numbers:expr; complex $z:ident => $of_complex:expr) => {
                match $any {
                    $($crate::AnySource::$number($x) => $of_numbers,)*
                    $($crate::AnySource::$pair($z) => $of_complex,)*
                }
            };
        }
        pub(crate) use match_source;
    };
}

macro_rules! element {
    ($variant:ident: $t:ty) => {
        impl AnyElement for $t {
            fn into_any<'a>(source: Box<dyn Source<Self> + 'a>) -> AnySource<'a> {
                AnySource::$variant(source)
            }
            fn downcast<'s, 'a>(any: &'s AnySource<'a>) -> Option<&'s (dyn Source<Self> + 'a)> {
                match any {
                    AnySource::$variant(source) => Some(&**source),
                    _ => None,
                }
            }
        }
    };
}

/// An element type that [`AnySource`] has a variant for: every [`Element`].
pub trait AnyElement: Element {
    /// Wraps a source of this type.
    fn into_any<'a>(source: Box<dyn Source<Self> + 'a>) -> AnySource<'a>;

    /// The source, if it has this type.
    fn downcast<'s, 'a>(any: &'s AnySource<'a>) -> Option<&'s (dyn Source<Self> + 'a)>;
}

dtype_table!(any_source);

impl std::fmt::Debug for AnySource<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AnySource")
            .field("dtype", &self.dtype())
            .field("shape", self.shape())
            .finish()
    }
}

impl<'a> AnySource<'a> {
    /// Erases the type of a source.
    pub fn new<T: AnyElement>(source: impl Source<T> + 'a) -> Self {
        T::into_any(Box::new(source))
    }

    /// The source of an opened array.
    #[must_use]
    pub fn from_array(array: &AnyArray) -> AnySource<'static> {
        match_array!(array, x => AnySource::new(x.clone()))
    }

    /// Concatenates opened arrays along axis 0. See [`Concat`].
    ///
    /// ```
    /// use rowmill_any::{AnySource, Picks};
    /// # use rowmill_core::ArrayMut;
    /// # let dir = tempfile::tempdir()?;
    /// # let path = dir.path().join("x.npy");
    /// # ArrayMut::<f32>::create(&path, [2, 3])?.close()?;
    /// let arrays = [rowmill_core::open(&path)?, rowmill_core::open(&path)?];
    /// let x = AnySource::concat(&arrays)?;
    /// assert_eq!(x.shape().dims(), [4, 3]);
    /// let x = x.part(&Picks::new().rows(1..4).columns(2))?;
    /// assert_eq!(x.shape().dims(), [3, 1]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// Returns the errors of [`Concat::of_any`].
    pub fn concat(arrays: &[AnyArray]) -> Result<AnySource<'static>, FileError> {
        fn concat_typed<T: AnyElement>(
            _: &Array<T>,
            arrays: &[AnyArray],
        ) -> Result<AnySource<'static>, FileError> {
            Ok(AnySource::new(Concat::<Array<T>>::of_any(arrays)?))
        }
        match arrays {
            [] => Err(ViewError::NothingToConcat.into()),
            [only] => Ok(Self::from_array(only)),
            [first, ..] => match_array!(first, x => concat_typed(x, arrays)),
        }
    }

    /// A part of the source; nothing else is read. Picking everything returns the source itself.
    ///
    /// # Errors
    /// Returns the errors of [`Picks::apply`].
    pub fn part(self, picks: &Picks) -> Result<Self, FileError> {
        if picks.is_all() {
            return Ok(self);
        }
        match_source!(
            self,
            x => Ok(AnySource::new(picks.apply(x)?));
            complex x => Ok(AnySource::new(picks.apply(x)?))
        )
    }

    /// Whether all elements are lent in place, from memory or a mapped file, in C order.
    #[must_use]
    pub fn is_in_place(&self) -> bool {
        match_source!(self, x => x.in_place().is_some(); complex x => x.in_place().is_some())
    }

    /// The shape.
    #[must_use]
    pub fn shape(&self) -> &Shape {
        match_source!(self, x => x.shape(); complex x => x.shape())
    }

    /// The dtype.
    #[must_use]
    pub fn dtype(&self) -> DType {
        fn dtype_of<T: Element>(_: &dyn Source<T>) -> DType {
            T::DTYPE
        }
        match_source!(self, x => dtype_of(&**x); complex x => dtype_of(&**x))
    }
}

/// The elements that take part.
#[derive(Debug, Default)]
#[non_exhaustive]
pub enum Selection<'a> {
    /// All of them.
    #[default]
    All,
    /// Those for which a comparison with a number holds.
    Compare(CompareMask),
    /// Those for which a condition holds. Its columns are resolved, and refer to the rows of a
    /// source of the same dtype.
    Condition(Condition, AnySource<'a>),
    /// Those for which a bool array is true: one of the same shape, or one entry per row.
    Mask(BoolSource<'a>),
}

/// A bool array.
pub struct BoolSource<'a>(pub(crate) Box<dyn Source<bool> + 'a>);

impl std::fmt::Debug for BoolSource<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("BoolSource").field(self.0.shape()).finish()
    }
}

impl<'a> Selection<'a> {
    /// Selects by a bool array.
    pub fn mask(mask: impl Source<bool> + 'a) -> Self {
        Self::Mask(BoolSource(Box::new(mask)))
    }

    /// Selects by a condition on elements and on columns. The columns are those of `rows`: a source
    /// with the dtype and the rows of the array, and all of its columns.
    ///
    /// # Errors
    /// Returns an error if the condition names a column that does not exist.
    pub fn condition(
        condition: Condition,
        names: &[String],
        rows: AnySource<'a>,
    ) -> Result<Self, rowmill_exec::ParseConditionError> {
        if let Some(compare) = condition.compare() {
            return Ok(Self::Compare(compare));
        }
        let condition = condition.resolve(names, rows.shape().row_len())?;
        Ok(Self::Condition(condition, rows))
    }
}

/// The error for a selection that supports named axes only.
pub(crate) fn unsupported_axes(what: &'static str, instead: &'static str) -> Error {
    Error::SelectionAxes { what, instead }
}
