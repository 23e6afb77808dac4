//! [`AnyArray`]: an array whose dtype is known at run time.

use std::path::Path;
use std::sync::Arc;

use crate::array::array::Inner;
use crate::array::{Array, OpenOptions};
use crate::dtype::DType;
use crate::dtype_table;
use crate::element::Element;
use crate::error::Result;
use crate::format::Meta;
use crate::map::Backend;
use crate::shape::Shape;

macro_rules! any_array {
    (numeric { $($number:ident: $n:ty,)* } complex { $($pair:ident: $c:ty,)* }) => {
        /// An array open for reading whose dtype is known at run time.
        /// [`match_array!`](crate::match_array) turns it into an [`Array`].
        #[derive(Clone, Debug)]
        #[allow(missing_docs, reason = "one variant for each dtype, named as in `DType`")]
        pub enum AnyArray {
            $($number(Array<$n>),)*
            $($pair(Array<$c>),)*
        }

        impl AnyArray {
            fn typed(inner: Arc<Inner>) -> Result<Self> {
                Ok(match inner.meta.dtype {
                    $(DType::$number => Self::$number(Array::typed(inner)?),)*
                    $(DType::$pair => Self::$pair(Array::typed(inner)?),)*
                })
            }
        }
    };
}
dtype_table!(any_array);

/// Evaluates an expression for an [`AnyArray`] with the array inside, whatever its type.
///
/// ```
/// use rowmill_core::{AnyArray, match_array};
/// fn rows(x: &AnyArray) -> usize {
///     match_array!(x, x => x.shape().rows())
/// }
/// ```
///
/// A second expression, if given, handles complex numbers separately:
///
/// ```
/// use rowmill_core::{AnyArray, match_array};
/// fn is_ordered(x: &AnyArray) -> bool {
///     match_array!(x, _x => true; complex _x => false)
/// }
/// ```
#[macro_export]
macro_rules! match_array {
    ($any:expr, $x:ident => $body:expr) => {
        $crate::match_array!($any, $x => $body; complex $x => $body)
    };
    ($any:expr, $x:ident => $body:expr; complex $z:ident => $other:expr) => {
        $crate::dtype_table! {
            [$crate::match_array_arms] ($any, $x => $body; complex $z => $other)
        }
    };
}

/// [`match_array!`] with the table of dtypes: an arm for each.
#[doc(hidden)]
#[macro_export]
macro_rules! match_array_arms {
    (
        ($any:expr, $x:ident => $body:expr; complex $z:ident => $other:expr)
        numeric { $($number:ident: $n:ty,)* } complex { $($pair:ident: $c:ty,)* }
    ) => {
        match $any {
            $($crate::AnyArray::$number($x) => $body,)*
            $($crate::AnyArray::$pair($z) => $other,)*
        }
    };
}

impl AnyArray {
    pub(crate) fn open_with(path: &Path, options: &OpenOptions) -> Result<Self> {
        Self::typed(Inner::open(path, options)?)
    }

    /// The array, if this is its type.
    #[must_use]
    pub fn downcast<T: Element>(&self) -> Option<&Array<T>> {
        match_array!(self, x => (x as &dyn std::any::Any).downcast_ref())
    }

    /// The metadata.
    #[must_use]
    pub fn meta(&self) -> &Meta {
        match_array!(self, x => x.meta())
    }

    /// The shape.
    #[must_use]
    pub fn shape(&self) -> &Shape {
        &self.meta().shape
    }

    /// The element type.
    #[must_use]
    pub fn dtype(&self) -> DType {
        self.meta().dtype
    }

    /// The file.
    #[must_use]
    pub fn path(&self) -> &Path {
        match_array!(self, x => x.path())
    }

    /// The backend that reads the bytes: as [`Array::backend`].
    #[must_use]
    pub fn backend(&self) -> Backend {
        match_array!(self, x => x.backend())
    }

    /// Whether a writer has the file open: as [`Array::is_being_written`].
    ///
    /// # Errors
    /// [`Error::Io`](crate::Error::Io) if the system does not tell.
    pub fn is_being_written(&self) -> Result<bool> {
        match_array!(self, x => x.is_being_written())
    }
}

/// Opens an array file of any dtype.
///
/// # Errors
/// See [`OpenOptions::open_any`].
pub fn open(path: impl AsRef<Path>) -> Result<AnyArray> {
    OpenOptions::new().open_any(path)
}
