//! The file format of a partial.

use std::path::Path;

use clap::ValueEnum;
use rowmill::durable::{Kind, Outputs, Role};
use rowmill::{FileError, Partial};
use rowmill_any::{Request, Statistics};
use serde::{Deserialize, Serialize};

use super::super::stats;
use crate::failure::Failure;
use crate::table::printable;
use crate::values::{Axis, Nan};

/// The file: a partial, and the settings needed to finish and print it.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct PartialFile {
    /// The files that the partial was computed from.
    files: Vec<String>,
    axis: String,
    nan: String,
    /// The requested statistics; `None` for those of `rowmill stats`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    statistics: Option<String>,
    /// The names of the columns, if they have any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    columns: Option<Vec<String>>,
    partial: serde_json::Value,
}

/// The parsed contents of the file.
pub(super) struct SavedPartial {
    pub(super) files: Vec<String>,
    pub(super) axis: Axis,
    pub(super) nan: Nan,
    /// The requested statistics; `None` for those of `rowmill stats`.
    pub(super) statistics: Option<Statistics>,
    pub(super) columns: Option<Vec<String>>,
    pub(super) partial: Partial,
}

impl SavedPartial {
    pub(super) fn read(path: &Path) -> Result<Self, Failure> {
        let io = |source| FileError::Io { action: "read", path: path.to_owned(), source };
        if !std::fs::metadata(path).map_err(io)?.is_file() {
            return Err(FileError::NotRegular { path: path.to_owned() }.into());
        }
        let text = std::fs::read_to_string(path).map_err(io)?;
        Self::parse(&text).map_err(|what| {
            let name = path.display().to_string();
            Failure::Found(format!("{}: {what}", printable(&name)))
        })
    }

    fn parse(text: &str) -> Result<Self, String> {
        let no_partial = |e: &dyn std::fmt::Display| {
            format!("no partial of `rowmill partial`, or a part of one ({e}); make it again")
        };
        let saved: PartialFile = serde_json::from_str(text).map_err(|e| no_partial(&e))?;
        let value = |name: &str, e: String| no_partial(&format!("{name}: {e}"));
        Ok(Self {
            axis: Axis::from_str(&saved.axis, false).map_err(|e| value("axis", e))?,
            nan: Nan::from_str(&saved.nan, false).map_err(|e| value("nan", e))?,
            statistics: match saved.statistics.as_deref().map(str::parse).transpose() {
                Ok(statistics) => statistics,
                Err(e) => return Err(no_partial(&e)),
            },
            files: saved.files,
            columns: saved.columns,
            partial: Partial::from_json(&saved.partial.to_string()).map_err(|e| e.to_string())?,
        })
    }

    pub(super) fn write(&self, path: &Path, outputs: &Outputs) -> Result<(), Failure> {
        let name = |value: &dyn Fn() -> Option<clap::builder::PossibleValue>| {
            value().map(|v| v.get_name().to_owned()).unwrap_or_default()
        };
        let saved = PartialFile {
            files: self.files.clone(),
            axis: self.axis.name().to_owned(),
            nan: name(&|| self.nan.to_possible_value()),
            statistics: self.statistics.as_ref().map(ToString::to_string),
            columns: self.columns.clone(),
            partial: serde_json::from_str(&self.partial.to_json()).expect("JSON of our own"),
        };
        let text = serde_json::to_string_pretty(&saved).expect("texts and numbers") + "\n";
        Ok(outputs.save(Role::Partial, Kind::Partial, path, text.as_bytes())?)
    }
}

impl SavedPartial {
    pub(super) fn merge(self, next: Self, first: &Path, path: &Path) -> Result<Self, Failure> {
        let failure = |what: String| {
            let names = [first, path].map(|path| path.display().to_string());
            Failure::Found(format!(
                "{} with {}: {what}",
                printable(&names[0]),
                printable(&names[1])
            ))
        };
        if self.statistics != next.statistics {
            let [first_list, next_list] = [&self, &next].map(Self::statistics_text);
            return Err(failure(format!(
                "they are of other statistics: {first_list}, and {next_list}"
            )));
        }
        let partial = self.partial.merge(next.partial).map_err(|e| failure(e.to_string()))?;
        let mut files = self.files;
        files.extend(
            next.files.into_iter().filter(|file| !files.contains(file)).collect::<Vec<_>>(),
        );
        Ok(Self { files, partial, columns: self.columns.or(next.columns), ..self })
    }

    /// The statistics as a text.
    pub(super) fn statistics_text(&self) -> String {
        match &self.statistics {
            Some(statistics) => statistics.to_string(),
            None => "those of `rowmill stats`".to_owned(),
        }
    }

    /// The request that this partial answers, without the selection.
    pub(super) fn request(&self, ddof: u64) -> Request<'static> {
        request(self.statistics.as_ref(), self.axis, self.nan, ddof)
    }
}

/// The request for the statistics of a partial, without the selection.
pub(super) fn request(
    statistics: Option<&Statistics>,
    axis: Axis,
    nan: Nan,
    ddof: u64,
) -> Request<'static> {
    let statistics = statistics.cloned().unwrap_or_else(|| Statistics(stats::statistics(ddof)));
    Request::new(statistics).axes(axis.into()).nan(nan.into())
}
