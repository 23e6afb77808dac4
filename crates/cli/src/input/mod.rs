//! The inputs of jobs: files opened as one array, or a part of it.

mod open;
mod select;

use std::path::PathBuf;

use rowmill::durable::{Outputs, Role};
use rowmill::{AnyArray, Array, DType, Error, FileError, Shape};
use rowmill_any::{AnySource, Axes, Picks, Selection};

use crate::args::{InputsArgs, ReadArgs};
use crate::failure::Failure;
use crate::note;
use crate::part::PartArgs;
use crate::table::{human_bytes, human_rate, human_time, printable};
use open::{expand_patterns, split_field};

impl InputsArgs {
    pub(crate) fn open(&self) -> Result<Input, Failure> {
        Input::open(&self.files, &self.part, &self.reading)
    }
}

/// The input of a job: a file, several files as one array, or a part of either.
pub(crate) struct Input {
    pub(crate) files: Vec<PathBuf>,
    arrays: Vec<AnyArray>,
    /// The requested part.
    part: PartArgs,
    /// The requested part, as indices into the whole.
    picks: Picks,
    /// The shape of the whole.
    full_shape: Shape,
    /// The shape of the part.
    pub(crate) shape: Shape,
    /// The column names of the part, if the first file has any.
    pub(crate) columns: Option<Vec<String>>,
}

impl Input {
    pub(crate) fn open(
        files: &[PathBuf],
        part: &PartArgs,
        reading: &ReadArgs,
    ) -> Result<Self, Failure> {
        let files = expand_patterns(files)?;
        let arrays: Result<Vec<_>, _> = files.iter().map(|file| reading.open_one(file)).collect();
        let arrays = arrays?;
        let first = arrays[0].meta();
        let mut columns = first.columns.clone();
        for (array, file) in arrays.iter().zip(&files) {
            if array.meta().columns != columns {
                note(format_args!(
                    "rowmill: warning: {} names its columns otherwise than {}; the names of the latter \
                     are used",
                    printable(&file.display().to_string()),
                    printable(&files[0].display().to_string()),
                ));
                break;
            }
        }
        let all = AnySource::concat(&arrays)?;
        let full_shape = all.shape().clone();
        let picks = part.picks(&full_shape, columns.as_deref())?;
        let shape = all.part(&picks).map_err(usage_error)?.shape().clone();
        if let Some(names) = &columns
            && !part.is_all()
        {
            columns = part.names(names, &full_shape)?;
        }
        Ok(Self { files, arrays, part: part.clone(), picks, full_shape, shape, columns })
    }

    /// Registers the input files.
    pub(crate) fn register(&self, outputs: &mut Outputs) {
        for file in &self.files {
            outputs.read(Role::Input, split_field(file).0);
        }
    }

    /// The dtype of the first file; all files have the same.
    pub(crate) fn dtype(&self) -> DType {
        self.arrays[0].dtype()
    }

    /// The column names of the whole.
    fn names(&self) -> Option<&[String]> {
        self.arrays[0].meta().columns.as_deref()
    }

    /// The size of the part in bytes.
    pub(crate) fn byte_len(&self) -> usize {
        self.shape.len().saturating_mul(self.dtype().size())
    }

    /// The array that the job reads.
    pub(crate) fn source(&self) -> Result<AnySource<'static>, Failure> {
        AnySource::concat(&self.arrays)?.part(&self.picks).map_err(usage_error)
    }

    /// The rows that the job reads, with all of their columns.
    fn whole_rows(&self) -> Result<AnySource<'static>, Failure> {
        let rows = self.part.row_picks(&self.full_shape)?;
        AnySource::concat(&self.arrays)?.part(&rows).map_err(usage_error)
    }

    /// The input as named in notes: `weather.npy: float32 (26115, 9), 940.1 kB`.
    pub(crate) fn describe(&self) -> String {
        let name = printable(&self.files[0].display().to_string()).into_owned();
        let name = match self.files.len() {
            1 => name,
            n => format!("{name} and {} more", n - 1),
        };
        let part = if self.part.is_all() { "" } else { " in part" };
        let bytes = human_bytes(self.byte_len() as u64);
        format!("{name}{part}: {} {}, {bytes}", self.dtype(), self.shape)
    }

    /// The selection by a mask. The mask covers the whole array; the same part of it is used.
    fn part_of_mask(&self, mask: Array<bool>) -> Result<Selection<'static>, Failure> {
        if self.part.is_all() {
            return Ok(Selection::mask(mask));
        }
        let shape = mask.shape();
        if shape == &self.full_shape {
            return Ok(Selection::mask(self.picks.apply(mask).map_err(usage_error)?));
        }
        if shape.row_len() != 1 || shape.rows() != self.full_shape.rows() {
            let (found, array) = (shape.clone(), self.full_shape.clone());
            return Err(Error::MaskShape { found, array }.into());
        }
        let rows = self.part.row_picks(shape)?;
        Ok(Selection::mask(rows.apply(mask).map_err(usage_error)?))
    }

    /// The failure of a job on this input, with a hint that mentions the files.
    pub(crate) fn failure(&self, error: rowmill_any::Error) -> Failure {
        self.failure_for_axes(&Axes::All, error)
    }

    /// The failure of a request over these axes; rows of a view are not rows of the files.
    pub(crate) fn failure_for_axes(&self, axes: &Axes, error: rowmill_any::Error) -> Failure {
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

    /// A hint that locates the row of an error in one of several files.
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
                    printable(&file)
                ));
            }
            row -= rows;
        }
        None
    }
}

/// A part that does not exist is wrong usage, not a failed job.
fn usage_error(error: FileError) -> Failure {
    Failure::Usage(error.to_string())
}

/// The time and the speed, for notes.
pub(crate) fn describe_speed(bytes: u64, seconds: f64) -> String {
    if bytes == 0 {
        return human_time(seconds);
    }
    format!("{} ({})", human_time(seconds), human_rate(bytes, seconds))
}
