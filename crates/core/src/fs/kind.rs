//! The kinds of files that rowmill distinguishes.

use std::fmt;

/// The kind of a file: one that rowmill writes, or another that may exist at its path.
///
/// A file is replaced only by one of its own kind, and only on request
/// ([`Outputs`](crate::Outputs)).
///
/// ```
/// use rowmill_core::{ArrayMut, Kind};
/// # let dir = tempfile::tempdir()?;
/// let path = dir.path().join("x.npy");
/// assert_eq!(Kind::of(&path), None);
/// ArrayMut::<f32>::create(&path, [4, 2])?.close()?;
/// assert_eq!(Kind::of(&path), Some(Kind::Npy));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Kind {
    /// A `.npy` file.
    Npy,
    /// A raw array with a sidecar of rowmill's own form.
    Raw,
    /// A sidecar of rowmill, also while its array is being replaced.
    Sidecar,
    /// A sidecar made by hand or by another program.
    Handmade,
    /// A partial.
    Partial,
    /// A fitted normalization.
    Fit,
    /// The result of `tune-chunks`.
    Profile,
    /// A checkpoint.
    Checkpoint,
    /// The journal of an in-place job.
    Journal,
    /// An HTML page of rowmill: it has [`PAGE_MARK`](Self::PAGE_MARK).
    Page,
    /// Charts of rowmill: they have [`CHART_MARK`](Self::CHART_MARK).
    Chart,
    /// JSON of another program.
    Json,
    /// An HTML page of another program.
    OtherPage,
    /// An SVG image of another program.
    OtherChart,
    /// A text file.
    Text,
    /// An empty file.
    Empty,
    /// Any other file. As the kind of an output: bytes without a mark.
    Plain,
    /// A folder.
    Folder,
    /// A dangling link.
    DeadLink,
    /// A pipe, a device, a socket, or an unreadable file.
    Special,
}

impl Kind {
    /// The element that marks an HTML page as rowmill's, within the first 4096 bytes.
    pub const PAGE_MARK: &str = "<meta name=\"generator\" content=\"rowmill\">";

    /// The element that marks an SVG file as rowmill's, within the first 4096 bytes.
    pub const CHART_MARK: &str = "<metadata>generator: rowmill</metadata>";

    /// Whether a file of this kind may replace one of the other.
    pub(crate) fn replaces(self, found: Self) -> bool {
        match self {
            Self::Npy | Self::Raw => matches!(found, Self::Npy | Self::Raw),
            Self::Plain => matches!(
                found,
                Self::Plain
                    | Self::Empty
                    | Self::Text
                    | Self::Json
                    | Self::OtherPage
                    | Self::OtherChart
            ),
            _ => self == found,
        }
    }

    /// Whether a file of the same kind is replaced without a request, because it is kept up to
    /// date.
    pub(crate) const fn is_kept(self) -> bool {
        matches!(self, Self::Checkpoint | Self::Sidecar)
    }

    pub(crate) const fn is_array(self) -> bool {
        matches!(self, Self::Npy | Self::Raw)
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Npy => "a numpy array",
            Self::Raw => "a raw array with a sidecar",
            Self::Sidecar => "a sidecar of rowmill",
            Self::Handmade => "a hand-made sidecar",
            Self::Partial => "a partial of rowmill",
            Self::Fit => "a fitted normalization of rowmill",
            Self::Profile => "a profile of tune-chunks",
            Self::Checkpoint => "a checkpoint of rowmill",
            Self::Journal => "a journal of rowmill",
            Self::Page => "a page of rowmill",
            Self::Chart => "a chart of rowmill",
            Self::Json => "a JSON file of another program",
            Self::OtherPage => "a web page of another program",
            Self::OtherChart => "an SVG picture of another program",
            Self::Text => "a text file",
            Self::Empty => "an empty file",
            Self::Plain => "a file without a known mark",
            Self::Folder => "a folder",
            Self::DeadLink => "a link to nothing",
            Self::Special => "a pipe, a device or a file that cannot be read",
        })
    }
}
