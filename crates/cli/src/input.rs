//! Opening what is read, as the arguments say.

use std::path::{Path, PathBuf};

use rowmill::{
    AnyArray, Array, ByteOrder, ChunkSize, Concat, DType, Element, Engine, Error, FileError, Meta,
    OpenOptions, Outputs, RawSpec, Role, Shape, Source, match_array,
};
use rowmill_any::{AnySource, Axes, Selection};

use crate::args::{EngineArgs, InputArgs, InputsArgs, PartArgs, RawArgs, ReadArgs, SelectArgs};
use crate::condition::Pointed;
use crate::failure::Failure;
use crate::note;
use crate::progress::Bar;
use crate::report::{Reports, Took};
use crate::table::{clean, human_bytes, human_rate, human_time};

impl ReadArgs {
    fn open_one(&self, file: &Path) -> Result<AnyArray, Failure> {
        let (file, field) = &with_field(file);
        let mut options = self.options();
        if let Some(field) = field {
            options = options.field(field);
        }
        let spec = self.raw.spec()?;
        if let Some(spec) = &spec {
            options = options.spec(spec.clone());
        }
        let array = options.open_any(file).map_err(|error| {
            let hint = spec.as_ref().and_then(|spec| length_hint(&error, spec));
            Failure::from(error).or_hint(hint)
        })?;
        warn_if_written(file, array.is_being_written().unwrap_or(false));
        Ok(array)
    }

    /// What holds for every file that is read.
    fn options(&self) -> OpenOptions {
        OpenOptions::new().backend(self.backend.into()).while_written(self.while_written.into())
    }
}

impl InputArgs {
    pub(crate) fn open(&self) -> Result<AnyArray, Failure> {
        self.reading.open_one(&self.file)
    }

    /// The file, or what a pattern finds, of which a part may be meant.
    pub(crate) fn open_part(&self, part: &PartArgs) -> Result<Input, Failure> {
        Input::open(std::slice::from_ref(&self.file), part, &self.reading)
    }

    /// Refuses a field of a structured file, where whole files are meant.
    pub(crate) fn refuse_field(&self, why: &str) -> Result<(), Failure> {
        match with_field(&self.file).1 {
            Some(field) => Err(Failure::Usage(format!(
                "{why}; a field ([{}]) can be read by info, describe, stats, sum, mean, quantiles and normalize",
                clean(&field)
            ))),
            None => Ok(()),
        }
    }

    /// The dtype of the file, also of one that an interrupted job left partly changed.
    pub(crate) fn describe_unfinished(&self, spec: Option<&RawSpec>) -> Result<DType, Failure> {
        Ok(Meta::read(&self.file, spec)?.dtype)
    }

    /// How the array is named in notes: `weather.npy: float32 (26115, 9), 940.1 kB`.
    pub(crate) fn describe(&self, x: &AnyArray) -> String {
        let name = self.file.display().to_string();
        let bytes = human_bytes(x.meta().byte_len() as u64);
        format!("{}: {} {}, {bytes}", clean(&name), x.dtype(), x.shape())
    }
}

impl InputsArgs {
    pub(crate) fn open(&self) -> Result<Input, Failure> {
        Input::open(&self.files, &self.part, &self.reading)
    }
}

/// What a job works on: a file, many that are one array, or a part of either.
pub(crate) struct Input {
    pub(crate) files: Vec<PathBuf>,
    arrays: Vec<AnyArray>,
    part: PartArgs,
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
        let whole = match_array!(&arrays[0], x => whole_shape(x, &arrays))?;
        let all =
            Self { files, arrays, part: part.clone(), shape: whole.clone(), whole, columns: None };
        let shape = match_array!(all.first(), x => {
            all.source_with(x, columns.as_deref())?.shape().clone()
        });
        if let Some(names) = &columns
            && !part.is_all()
        {
            columns = part.names(names, &all.whole)?;
        }
        Ok(Self { shape, columns, ..all })
    }

    /// Registers the files that are read.
    pub(crate) fn register(&self, outputs: &mut Outputs) {
        for file in &self.files {
            outputs.read(Role::Input, with_field(file).0);
        }
    }

    /// The first file: all others hold the same dtype.
    pub(crate) fn first(&self) -> &AnyArray {
        &self.arrays[0]
    }

    pub(crate) fn dtype(&self) -> DType {
        self.first().dtype()
    }

    /// The bytes of the part.
    pub(crate) fn byte_len(&self) -> usize {
        self.shape.len().saturating_mul(self.dtype().size())
    }

    /// What the job reads.
    pub(crate) fn source(&self) -> Result<AnySource<'_>, Failure> {
        match_array!(self.first(), x => Ok(AnySource::new(self.typed_source(x)?)))
    }

    /// The same, of the dtype of the first file.
    pub(crate) fn typed_source<T: Element>(
        &self,
        first: &Array<T>,
    ) -> Result<Readable<'_, T>, Failure> {
        self.source_with(first, self.arrays[0].meta().columns.as_deref())
    }

    /// The rows that the job reads, with all their columns.
    fn whole_rows(&self) -> Result<AnySource<'_>, Failure> {
        match_array!(self.first(), x => Ok(AnySource::new(self.rows_of(x)?)))
    }

    fn rows_of<T: Element>(&self, first: &Array<T>) -> Result<Readable<'_, T>, Failure> {
        let all = self.all_of(first)?;
        Ok(if self.part.is_all() { all } else { Box::new(self.part.of_rows(all)?) })
    }

    fn source_with<T: Element>(
        &self,
        first: &Array<T>,
        names: Option<&[String]>,
    ) -> Result<Readable<'_, T>, Failure> {
        let all = self.all_of(first)?;
        Ok(if self.part.is_all() { all } else { Box::new(self.part.of(all, names)?) })
    }

    /// All files as one.
    fn all_of<T: Element>(&self, first: &Array<T>) -> Result<Readable<'_, T>, Failure> {
        match self.arrays.len() {
            1 => Ok(Box::new(first.clone())),
            _ => Ok(Box::new(Concat::<Array<T>>::of_any(&self.arrays)?)),
        }
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
    fn part_of_mask(&self, mask: Array<bool>) -> Result<Readable<'static, bool>, Failure> {
        if self.part.is_all() {
            return Ok(Box::new(mask));
        }
        let mask: Readable<'_, bool> = Box::new(mask);
        if mask.shape() == &self.whole {
            return Ok(Box::new(self.part.of(mask, self.arrays[0].meta().columns.as_deref())?));
        }
        let per_row = mask.shape().row_len() == 1 && mask.shape().rows() == self.whole.rows();
        if !per_row {
            let (found, array) = (mask.shape().clone(), self.whole.clone());
            return Err(Error::MaskShape { found, array }.into());
        }
        Ok(Box::new(self.part.of_rows(mask)?))
    }

    /// What ended a job on it, with advice that knows of the files.
    pub(crate) fn failure(&self, error: Error) -> Failure {
        let hint = self.locate(&error);
        Failure::from(error).or_hint(hint)
    }

    /// The same of a request over these axes: rows of a view are no rows of the files.
    pub(crate) fn failure_over(&self, axes: &Axes, error: rowmill_any::Error) -> Failure {
        use rowmill_any::Error as Request;
        match (axes, error) {
            (Axes::Listed(_), Request::Job(Error::NanFound { .. })) => Failure::Found(
                "there is a NaN; --nan skip leaves NaN out, --axis rows --nan error says where it is"
                    .to_owned(),
            ),
            (_, Request::Job(error)) => self.failure(error),
            (_, Request::SelectionAxes { what, instead }) => {
                let flag = if what.starts_with("a mask") { "--mask" } else { "--where" };
                let what = what.trim_start_matches("a mask ").trim_start_matches("a condition ");
                Failure::Usage(format!(
                    "{flag} {what} goes with --axis all, columns or rows; of a list of axes {instead}"
                ))
            }
            (_, wrong) => Failure::Usage(wrong.to_string()),
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

/// Whatever a job reads: compiled once for all that it can be.
pub(crate) type Readable<'a, T> = Box<dyn Source<T> + 'a>;

fn whole_shape<T: Element>(_: &Array<T>, arrays: &[AnyArray]) -> Result<Shape, FileError> {
    Ok(Concat::<Array<T>>::of_any(arrays)?.shape().clone())
}

/// A file and, behind it in brackets, one field of it: `x.npy[temp]`. A file of that very name is that
/// file; brackets behind anything but a `.npy` file are part of a pattern.
pub(crate) fn with_field(file: &Path) -> (PathBuf, Option<String>) {
    let whole = || (file.to_owned(), None);
    if file.exists() {
        return whole();
    }
    let split = file.to_str().and_then(|text| text.strip_suffix(']')?.rsplit_once('['));
    let Some((path, field)) = split else { return whole() };
    let path = PathBuf::from(path);
    let is_npy = path.extension().is_some_and(|e| e.eq_ignore_ascii_case("npy"));
    if is_npy || path.is_file() { (path, Some(field.to_owned())) } else { whole() }
}

/// The files that the arguments mean: patterns are replaced by what they find.
fn all_files(given: &[PathBuf]) -> Result<Vec<PathBuf>, Failure> {
    let mut files = Vec::new();
    for file in given {
        let (path, field) = with_field(file);
        let pattern = path.to_str().filter(|text| text.contains(['*', '?', '[']));
        match (pattern.filter(|_| !path.exists()), field) {
            (Some(pattern), None) => files.extend(rowmill::files_like(pattern)?),
            (Some(pattern), Some(field)) => {
                let of_each = |found: PathBuf| {
                    let mut name = found.into_os_string();
                    name.push(format!("[{field}]"));
                    name.into()
                };
                files.extend(rowmill::files_like(pattern)?.into_iter().map(of_each));
            }
            (None, _) => files.push(file.clone()),
        }
    }
    Ok(files)
}

fn warn_if_written(file: &Path, is_being_written: bool) {
    if is_being_written {
        let name = file.display().to_string();
        note(format_args!(
            "rowmill: warning: {} is being written by someone else; if it changes meanwhile, this \
             fails",
            clean(&name)
        ));
    }
}

impl RawArgs {
    pub(crate) fn spec(&self) -> Result<Option<RawSpec>, Failure> {
        let (Some(dtype), Some(shape)) = (self.dtype, &self.shape) else { return Ok(None) };
        let said = self.byte_order.map(ByteOrder::from);
        if let (Some(in_dtype), Some(said)) = (dtype.byte_order, said)
            && in_dtype != said
        {
            let descr = dtype.dtype.descr(in_dtype);
            let message = format!("--dtype {descr} and --byte-order contradict each other");
            return Err(Failure::Usage(message));
        }
        let byte_order = said.or(dtype.byte_order).unwrap_or(ByteOrder::NATIVE);
        let spec = RawSpec::new(dtype.dtype, shape.clone()).byte_order(byte_order);
        let spec = spec.offset(self.offset.unwrap_or(0));
        Ok(Some(spec.order(self.order.map(Into::into).unwrap_or_default())))
    }
}

/// What the length of a raw file would fit, when it does not fit what was said.
fn length_hint(error: &FileError, spec: &RawSpec) -> Option<String> {
    let (FileError::Truncated { found, .. } | FileError::TrailingBytes { found, .. }) = error
    else {
        return None;
    };
    let data = found.checked_sub(spec.offset)?;
    // Of an array without rows, a row may be longer than anything.
    let row_bytes = spec.shape.row_len().checked_mul(spec.dtype.size())? as u64;
    if row_bytes == 0 || !data.is_multiple_of(row_bytes) {
        return None;
    }
    let mut dims = spec.shape.dims().to_vec();
    *dims.first_mut()? = usize::try_from(data / row_bytes).ok()?;
    let fits = Shape::new(dims).ok()?;
    Some(format!("its length would fit the shape {fits} of {}", spec.dtype))
}

impl SelectArgs {
    /// The elements of this input that take part.
    pub(crate) fn open<'a>(
        &self,
        reading: &ReadArgs,
        input: &'a Input,
    ) -> Result<Selection<'a>, Failure> {
        if let Some(condition) = &self.condition {
            let names = input.arrays[0].meta().columns.as_deref().unwrap_or_default();
            let selection = Selection::condition(condition.clone(), names, input.whole_rows()?);
            return selection.map_err(|error| Failure::Usage(Pointed(error).to_string()));
        }
        let Some(path) = &self.mask else { return Ok(Selection::All) };
        let mask: Array<bool> = reading.options().open(path).map_err(|error| {
            let wrong = matches!(error, FileError::DTypeMismatch { .. });
            let hint = "a mask has to hold bool; in NumPy: np.save(path, mask.astype(bool))";
            Failure::from(error).or_hint(wrong.then(|| hint.to_owned()))
        })?;
        warn_if_written(path, mask.is_being_written().unwrap_or(false));
        input.part_of_mask(mask).map(Selection::mask)
    }

    /// Registers the files that are read.
    pub(crate) fn register(&self, outputs: &mut Outputs) {
        if let Some(mask) = &self.mask {
            outputs.read(Role::Mask, mask);
        }
    }

    /// For notes: what is selected, if not everything.
    pub(crate) fn describe(&self) -> String {
        match (&self.condition, &self.mask) {
            (Some(condition), _) => format!(" where {condition}"),
            (_, Some(mask)) => format!(" masked by {}", clean(&mask.display().to_string())),
            _ => String::new(),
        }
    }
}

/// An engine, and who listens to it.
pub(crate) struct Running {
    pub(crate) engine: Engine,
    bar: Bar,
    reports: Reports,
}

impl Running {
    /// All jobs are done: the bar goes. Gives what they took, if that was asked for.
    pub(crate) fn finish(self) -> Option<Took> {
        drop(self.bar);
        self.reports.tell()
    }
}

impl EngineArgs {
    /// An engine, the progress bar that it moves, and the reports of its jobs.
    pub(crate) fn build(&self, file: &Path) -> Result<Running, Failure> {
        let mut builder = Engine::builder();
        let auto = self.chunk == ChunkSize::Auto;
        if !auto {
            builder = builder.chunk(self.chunk);
        }
        if let Some(workers) = self.workers {
            builder = builder.workers(workers as usize);
        }
        // What was asked for is not tuned: a profile is of all settings together.
        if auto && self.workers.is_none() && !self.no_profile {
            builder = builder.tuned_for(file);
        }
        if let Some(ceiling) = self.memory_ceiling {
            builder = builder.memory_ceiling(ceiling.bytes);
        }
        let (bar, reports) = (Bar::new(!self.no_progress), Reports::new(self.report));
        match reports.collect(bar.watch(builder)).build() {
            Ok(engine) => {
                if let Some(profile) = engine.profile() {
                    note(format_args!("tuned: {profile}; --no-profile does without"));
                }
                Ok(Running { engine, bar, reports })
            }
            Err(error @ Error::BadOption { .. }) => Err(Failure::Usage(error.to_string())),
            Err(error) => Err(error.into()),
        }
    }
}

/// For notes: how long it took, and how fast that was.
pub(crate) fn describe_speed(bytes: u64, seconds: f64) -> String {
    if bytes == 0 {
        return human_time(seconds);
    }
    format!("{} ({})", human_time(seconds), human_rate(bytes, seconds))
}

#[cfg(test)]
mod tests {
    use rowmill::DType;

    use super::*;

    #[test]
    fn a_length_that_fits_another_number_of_rows() {
        let spec = RawSpec::new(DType::F32, Shape::new([1000, 64]).expect("small")).offset(10);
        let error = |found| FileError::Truncated { path: "x".into(), expected: 256_010, found };
        let hint = |found| length_hint(&error(found), &spec);
        let expected = "its length would fit the shape (999, 64) of float32";
        assert_eq!(hint(10 + 999 * 256).as_deref(), Some(expected));
        assert_eq!(hint(10 + 999 * 256 + 1), None);
        assert_eq!(hint(9), None);
        let wide = Shape::new([0, usize::MAX / 4]).expect("no elements");
        assert_eq!(length_hint(&error(8), &RawSpec::new(DType::F64, wide)), None);
        let scalar = RawSpec::new(DType::F32, Shape::new([]).expect("small"));
        assert_eq!(length_hint(&error(8), &scalar), None);
    }
}
