//! Inputs of jobs: files, opened as the arguments say, as one array or a part of it.

mod open;
mod select;

use std::path::PathBuf;

use rowmill::{AnyArray, Array, DType, Error, FileError, Outputs, Role, Shape};
use rowmill_any::{AnySource, Axes, Picks, Selection};

use crate::args::{InputsArgs, PartArgs, ReadArgs};
use crate::failure::Failure;
use crate::note;
use crate::table::{clean, human_bytes, human_rate, human_time};
use open::{all_files, with_field};

impl InputsArgs {
    pub(crate) fn open(&self) -> Result<Input, Failure> {
        Input::open(&self.files, &self.part, &self.reading)
    }
}

/// The input of a job: a file, many that are one array, or a part of either.
pub(crate) struct Input {
    pub(crate) files: Vec<PathBuf>,
    arrays: Vec<AnyArray>,
    /// The part that was asked for.
    part: PartArgs,
    /// The part as indices of the whole.
    picks: Picks,
    /// The shape of the whole.
    whole: Shape,
    /// The shape of the part.
    pub(crate) shape: Shape,
    /// The names of the columns of the part, if the first file gives names.
    pub(crate) columns: Option<Vec<String>>,
}

impl Input {
    pub(crate) fn open(
        files: &[PathBuf],
        part: &PartArgs,
        reading: &ReadArgs,
    ) -> Result<Self, Failure> {
        let files = all_files(files)?;
        let arrays: Result<Vec<_>, _> = files.iter().map(|file| reading.open_one(file)).collect();
        let arrays = arrays?;
        let first = arrays[0].meta();
        let mut columns = first.columns.clone();
        for (array, file) in arrays.iter().zip(&files) {
            if array.meta().columns != columns {
                note(format_args!(
                    "rowmill: warning: {} names its columns otherwise than {}; the names of the latter \
                     are used",
                    clean(&file.display().to_string()),
                    clean(&files[0].display().to_string()),
                ));
                break;
            }
        }
        let all = AnySource::concat(&arrays)?;
        let whole = all.shape().clone();
        let picks = part.picks(&whole, columns.as_deref())?;
        let shape = all.part(&picks).map_err(usage)?.shape().clone();
        if let Some(names) = &columns
            && !part.is_all()
        {
            columns = part.names(names, &whole)?;
        }
        Ok(Self { files, arrays, part: part.clone(), picks, whole, shape, columns })
    }

    /// Registers the files that are read.
    pub(crate) fn register(&self, outputs: &mut Outputs) {
        for file in &self.files {
            outputs.read(Role::Input, with_field(file).0);
        }
    }

    /// The dtype of the first file: all others hold the same.
    pub(crate) fn dtype(&self) -> DType {
        self.arrays[0].dtype()
    }

    /// The names of the columns of the whole.
    fn names(&self) -> Option<&[String]> {
        self.arrays[0].meta().columns.as_deref()
    }

    /// The bytes of the part.
    pub(crate) fn byte_len(&self) -> usize {
        self.shape.len().saturating_mul(self.dtype().size())
    }

    /// The array that the job reads.
    pub(crate) fn source(&self) -> Result<AnySource<'static>, Failure> {
        AnySource::concat(&self.arrays)?.part(&self.picks).map_err(usage)
    }

    /// The rows that the job reads, with all their columns.
    fn whole_rows(&self) -> Result<AnySource<'static>, Failure> {
        let rows = self.part.row_picks(&self.whole)?;
        AnySource::concat(&self.arrays)?.part(&rows).map_err(usage)
    }

    /// How it is named in notes: `weather.npy: float32 (26115, 9), 940.1 kB`.
    pub(crate) fn describe(&self) -> String {
        let name = clean(&self.files[0].display().to_string()).into_owned();
        let name = match self.files.len() {
            1 => name,
            n => format!("{name} and {} more", n - 1),
        };
        let part = if self.part.is_all() { "" } else { " in part" };
        let bytes = human_bytes(self.byte_len() as u64);
        format!("{name}{part}: {} {}, {bytes}", self.dtype(), self.shape)
    }

    /// A mask is one of the whole; of a part, the same part of it counts.
    fn part_of_mask(&self, mask: Array<bool>) -> Result<Selection<'static>, Failure> {
        if self.part.is_all() {
            return Ok(Selection::mask(mask));
        }
        let shape = mask.shape();
        if shape == &self.whole {
            return Ok(Selection::mask(self.picks.apply(mask).map_err(usage)?));
        }
        if shape.row_len() != 1 || shape.rows() != self.whole.rows() {
            let (found, array) = (shape.clone(), self.whole.clone());
            return Err(Error::MaskShape { found, array }.into());
        }
        let rows = self.part.row_picks(shape)?;
        Ok(Selection::mask(rows.apply(mask).map_err(usage)?))
    }

    /// The failure of a job on it, with advice that knows of the files.
    pub(crate) fn failure(&self, error: rowmill_any::Error) -> Failure {
        self.failure_over(&Axes::All, error)
    }

    /// The same of a request over these axes: rows of a view are no rows of the files.
    pub(crate) fn failure_over(&self, axes: &Axes, error: rowmill_any::Error) -> Failure {
        use rowmill_any::Error as Request;
        match (axes, error) {
            (Axes::Listed(_), Request::Job(Error::NanFound { .. })) => Failure::Found(
                "there is a NaN; --nan skip leaves NaN out, --axis rows --nan error says where it is"
                    .to_owned(),
            ),
            (_, Request::Job(error)) => {
                let hint = self.locate(&error);
                Failure::from(error).or_hint(hint)
            }
            (_, Request::SelectionAxes { what, instead }) => {
                let flag = if what.starts_with("a mask") { "--mask" } else { "--where" };
                let what = what.trim_start_matches("a mask ").trim_start_matches("a condition ");
                Failure::Usage(format!(
                    "{flag} {what} goes with --axis all, columns or rows; of a list of axes {instead}"
                ))
            }
            (_, wrong) => wrong.into(),
        }
    }

    /// In which file a row is, of many.
    fn locate(&self, error: &Error) -> Option<String> {
        let Error::NanFound { row, .. } = *error else { return None };
        if self.files.len() == 1 || !self.part.is_all() {
            return None;
        }
        let mut row = row;
        for (file, array) in self.files.iter().zip(&self.arrays) {
            let rows = array.shape().rows();
            if row < rows {
                let file = file.display().to_string();
                return Some(format!(
                    "that is row {row} of {}; --nan skip leaves NaN out",
                    clean(&file)
                ));
            }
            row -= rows;
        }
        None
    }
}

/// A part that is not there is wrong usage, not a failed job.
fn usage(error: FileError) -> Failure {
    Failure::Usage(error.to_string())
}

/// For notes: how long it took, and how fast that was.
pub(crate) fn describe_speed(bytes: u64, seconds: f64) -> String {
    if bytes == 0 {
        return human_time(seconds);
    }
    format!("{} ({})", human_time(seconds), human_rate(bytes, seconds))
}
