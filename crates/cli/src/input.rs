//! Opening what is read, as the arguments say.

use std::path::Path;

use rowmill::{
    AnyArray, Array, ByteOrder, ChunkSize, DType, Engine, Error, FileError, Meta, OpenOptions,
    RawSpec, Shape,
};

use crate::args::{EngineArgs, InputArgs, RawArgs, SelectArgs};
use crate::failure::Failure;
use crate::note;
use crate::progress::Bar;
use crate::reduce::Select;
use crate::report::{Reports, Took};
use crate::table::{clean, human_bytes, human_rate, human_time};

impl InputArgs {
    pub(crate) fn open(&self) -> Result<AnyArray, Failure> {
        let mut options = self.options();
        let spec = self.raw.spec()?;
        if let Some(spec) = &spec {
            options = options.spec(spec.clone());
        }
        let array = options.open_any(&self.file).map_err(|error| {
            let hint = spec.as_ref().and_then(|spec| length_hint(&error, spec));
            Failure::from(error).or_hint(hint)
        })?;
        warn_if_written(&self.file, array.is_being_written().unwrap_or(false));
        Ok(array)
    }

    /// What holds for every file that is read.
    fn options(&self) -> OpenOptions {
        OpenOptions::new().backend(self.backend.into()).while_written(self.while_written.into())
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
    pub(crate) fn open(&self, input: &InputArgs) -> Result<Select, Failure> {
        if let Some(condition) = &self.condition {
            return Ok(Select::Compare(condition.mask()));
        }
        let Some(path) = &self.mask else { return Ok(Select::Everything) };
        let mask: Array<bool> = input.options().open(path).map_err(|error| {
            let wrong = matches!(error, FileError::DTypeMismatch { .. });
            let hint = "a mask has to hold bool; in NumPy: np.save(path, mask.astype(bool))";
            Failure::from(error).or_hint(wrong.then(|| hint.to_owned()))
        })?;
        warn_if_written(path, mask.is_being_written().unwrap_or(false));
        Ok(Select::Array(mask))
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
