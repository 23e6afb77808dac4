//! [`Fitted`]: the statistics of a normalization, as a value.

use crate::error::FITTED_VERSION;
use crate::error::FittedError;
use crate::kernel::float::Scaling;
use std::path::Path;

use rowmill_core::{Kind, Outputs, Role, Shape, Source};
use serde::{Deserialize, Serialize};

use crate::engine::Engine;
use crate::error::Result;
use crate::job::NormalizeMethod;
use crate::job::normalize::fit::{Found, NOTHING, Whole};
use crate::job::normalize::{Normalize, NormalizeAxis};
use crate::kernel::{MeanVar, Numeric};

const FORMAT: &str = "rowmill normalization";

/// The statistics that a normalization found in an array. They normalize other arrays with the same
/// columns ([`Engine::normalize_by`]) and restore normalized ones ([`Engine::denormalize`]). Made
/// by [`Engine::fit`], updated with new rows by [`Engine::fit_more`], saved as JSON.
///
/// The JSON holds the statistics of each column as plain numbers, exact to the last bit. NaN is
/// null, and infinities are text.
#[derive(Clone, Debug, PartialEq)]
pub struct Fitted {
    how: Normalize,
    row_dims: Vec<usize>,
    pub(super) found: Vec<Found>,
}

#[derive(Serialize, Deserialize)]
struct Json {
    format: String,
    version: u64,
    #[serde(flatten)]
    how: Normalize,
    row_shape: Vec<usize>,
    /// The moments, if they were fitted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    count: Vec<u64>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    mean: Vec<Float>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    var: Vec<Float>,
    /// The median, if quantiles were fitted; the range then holds the quantiles.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    median: Vec<Float>,
    /// The range, if it was fitted; a norm is stored as the maximum.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    min: Vec<Float>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    max: Vec<Float>,
}

/// A float as JSON: NaN is null, infinities are texts.
#[derive(Clone, Copy, Serialize, Deserialize)]
#[serde(untagged)]
enum Float {
    Finite(f64),
    Infinite(Infinite),
    NaN(()),
}

#[derive(Clone, Copy, Serialize, Deserialize)]
enum Infinite {
    #[serde(rename = "Infinity")]
    Positive,
    #[serde(rename = "-Infinity")]
    Negative,
}

impl From<f64> for Float {
    fn from(x: f64) -> Self {
        match x {
            f64::INFINITY => Self::Infinite(Infinite::Positive),
            f64::NEG_INFINITY => Self::Infinite(Infinite::Negative),
            x if x.is_nan() => Self::NaN(()),
            x => Self::Finite(x),
        }
    }
}

impl From<Float> for f64 {
    fn from(x: Float) -> Self {
        match x {
            Float::Finite(x) => x,
            Float::Infinite(Infinite::Positive) => Self::INFINITY,
            Float::Infinite(Infinite::Negative) => Self::NEG_INFINITY,
            Float::NaN(()) => Self::NAN,
        }
    }
}

impl Fitted {
    /// The normalization that was fitted.
    pub fn how(&self) -> Normalize {
        self.how
    }

    /// The shape of a row of the fitted array, and of arrays that it applies to.
    #[must_use]
    pub fn row_dims(&self) -> &[usize] {
        &self.row_dims
    }

    /// As JSON, on several lines.
    ///
    /// # Panics
    /// Never: all its values have a JSON form.
    #[must_use]
    pub fn to_json(&self) -> String {
        let floats = |of: fn(&Found) -> f64| self.found.iter().map(|f| of(f).into()).collect();
        let moments = self.how.method == NormalizeMethod::ZScore;
        let robust = matches!(self.how.method, NormalizeMethod::Robust { .. });
        let json = Json {
            format: FORMAT.to_owned(),
            version: FITTED_VERSION,
            how: self.how,
            row_shape: self.row_dims.clone(),
            count: self.found.iter().filter(|_| moments).map(|f| f.moments.count).collect(),
            mean: if moments { floats(|f| f.moments.mean) } else { Vec::new() },
            median: if robust { floats(|f| f.moments.mean) } else { Vec::new() },
            var: if moments { floats(|f| f.moments.var) } else { Vec::new() },
            min: if moments { Vec::new() } else { floats(|f| f.min) },
            max: if moments { Vec::new() } else { floats(|f| f.max) },
        };
        serde_json::to_string_pretty(&json).expect("strings and numbers")
    }

    /// Writes the JSON to a file, as one of the outputs of a call. A file with the same contents is
    /// left alone, so that a killed job can be repeated.
    ///
    /// ```
    /// use rowmill_core::{Outputs, SliceSource};
    /// use rowmill_exec::{Engine, Normalize};
    /// # let dir = tempfile::tempdir().unwrap();
    /// let x = SliceSource::new(&[1.0_f32, 5.0, 3.0, 5.0], [2, 2]).unwrap();
    /// let fitted = Engine::new()?.fit(&x, Normalize::z_score())?;
    /// fitted.save(dir.path().join("z.json"), &Outputs::new())?;
    /// # Ok::<(), rowmill_exec::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::File`](crate::Error::File), also if another file
    /// [exists](rowmill_core::Error::Exists) at this path.
    pub fn save(&self, path: impl AsRef<Path>, outputs: &Outputs) -> Result<()> {
        let text = self.to_json() + "\n";
        Ok(outputs.save_once(Role::Fit, Kind::Fit, path, text.as_bytes())?)
    }

    /// Parses the JSON of a fitted normalization.
    ///
    /// # Errors
    /// [`FittedError::Unreadable`] and [`FittedError::Version`].
    pub fn from_json(text: &str) -> Result<Self> {
        let unreadable = |what: String| FittedError::Unreadable { what };
        let value: serde_json::Value =
            serde_json::from_str(text).map_err(|e| unreadable(e.to_string()))?;
        if value.get("format").and_then(serde_json::Value::as_str) != Some(FORMAT) {
            return Err(unreadable(format!("\"format\" is not {FORMAT:?}")).into());
        }
        match value.get("version").and_then(serde_json::Value::as_u64) {
            Some(found) if found != FITTED_VERSION => {
                return Err(FittedError::Version { found }.into());
            }
            _ => {}
        }
        let json: Json = serde_json::from_value(value).map_err(|e| unreadable(e.to_string()))?;
        let cells = match json.how.axis {
            NormalizeAxis::All => Some(1),
            NormalizeAxis::Columns => {
                json.row_shape.iter().try_fold(1, |n: usize, &d| n.checked_mul(d))
            }
            NormalizeAxis::Rows => return Err(FittedError::PerRow.into()),
        };
        let found: Vec<Found> = if json.how.method == NormalizeMethod::ZScore {
            let moments = json.count.iter().zip(&json.mean).zip(&json.var);
            let moments = moments.map(|((&count, &mean), &var)| MeanVar {
                count,
                mean: mean.into(),
                var: var.into(),
            });
            moments.map(|moments| Found { moments, ..NOTHING }).collect()
        } else {
            let range = json.min.iter().zip(&json.max);
            let found =
                range.map(|(&min, &max)| Found { min: min.into(), max: max.into(), ..NOTHING });
            let mut found: Vec<Found> = found.collect();
            if matches!(json.how.method, NormalizeMethod::Robust { .. }) {
                found.truncate(json.median.len());
            }
            for (found, &median) in found.iter_mut().zip(&json.median) {
                found.moments.mean = median.into();
            }
            found
        };
        if let Some(i) = found.iter().position(|found| !found.is_valid()) {
            let what = format!("no elements can have the statistics of column {i}");
            return Err(unreadable(what).into());
        }
        if Some(found.len()) != cells {
            let what = format!("it has the statistics of {} columns, not of all", found.len());
            return Err(unreadable(what).into());
        }
        Ok(Self { how: json.how, row_dims: json.row_shape, found })
    }

    pub(super) fn scalings_for(&self, shape: &Shape) -> Result<Vec<Scaling>> {
        if self.how.axis == NormalizeAxis::Columns && self.row_dims != shape.row_dims() {
            let (expected, found) = (self.row_dims.clone(), shape.row_dims().to_vec());
            return Err(FittedError::RowShape { expected, found }.into());
        }
        Ok(self.found.iter().map(|&found| self.how.scaling(found)).collect())
    }

    pub(super) fn check_inverse(&self) -> Result<()> {
        if self.how.target().can_be_inverted() {
            return Ok(());
        }
        Err(FittedError::NoInverse.into())
    }
}

impl Found {
    /// Whether these can be the statistics of an array: a count beyond the address space would
    /// overflow when new rows are added.
    fn is_valid(&self) -> bool {
        let MeanVar { count, var, .. } = self.moments;
        let in_order = self.min <= self.max || self.min.is_nan() || self.max.is_nan();
        isize::try_from(count).is_ok() && (var >= 0.0 || var.is_nan()) && in_order
    }
}

/// The statistics of two runs of rows combined.
fn merge(a: Found, b: Found) -> Found {
    // NaN means that there are no values.
    let lower = |a: f64, b: f64| if b < a || a.is_nan() { b } else { a };
    let higher = |a: f64, b: f64| if b > a || a.is_nan() { b } else { a };
    let (x, y) = (a.moments, b.moments);
    let moments = match (x.count, y.count) {
        (0, _) => y,
        (_, 0) => x,
        // Chan, Golub and LeVeque (1983).
        (n, m) => {
            let (n, m) = (n as f64, m as f64);
            let (all, delta) = (n + m, y.mean - x.mean);
            let mean = x.mean + delta * (m / all);
            let var = (x.var * n + y.var * m + delta * delta * (n * m / all)) / all;
            MeanVar { count: x.count + y.count, mean, var }
        }
    };
    Found { moments, min: lower(a.min, b.min), max: higher(a.max, b.max) }
}

impl Engine {
    /// Computes the statistics that a normalization needs, in one read.
    ///
    /// # Errors
    /// As [`reduce`](Self::reduce); [`FittedError::PerRow`] for a per-row normalization, whose
    /// statistics hold for no other array.
    pub fn fit<T: Numeric, S: Source<T>>(&self, source: &S, how: Normalize) -> Result<Fitted> {
        if how.axis == NormalizeAxis::Rows {
            return Err(FittedError::PerRow.into());
        }
        let found = how.find(&mut Whole { engine: self, source, keep: None })?;
        Ok(Fitted { how, row_dims: source.shape().row_dims().to_vec(), found })
    }

    /// The fit with new rows added: only these are read. Ranges are exactly those of all rows.
    /// Means and variances agree with a single fit up to rounding, not to the bit. (For that see
    /// [`partial_after`](Self::partial_after).)
    ///
    /// ```
    /// use rowmill_core::SliceSource;
    /// use rowmill_exec::{Engine, Normalize};
    /// let monday = SliceSource::new(&[1.0_f32, 2.0], [2, 1]).unwrap();
    /// let tuesday = SliceSource::new(&[6.0_f32], [1, 1]).unwrap();
    /// let both = SliceSource::new(&[1.0_f32, 2.0, 6.0], [3, 1]).unwrap();
    /// let engine = Engine::new()?;
    /// let fitted = engine.fit(&monday, Normalize::max_abs())?;
    /// assert_eq!(engine.fit_more(&tuesday, &fitted)?, engine.fit(&both, Normalize::max_abs())?);
    /// # Ok::<(), rowmill_exec::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`fit`](Self::fit); [`FittedError::RowShape`] for rows of another shape,
    /// [`FittedError::NoUpdate`] for robust normalizations and norms.
    pub fn fit_more<T: Numeric, S: Source<T>>(&self, rows: &S, fitted: &Fitted) -> Result<Fitted> {
        fitted.scalings_for(rows.shape())?;
        if matches!(fitted.how.method, NormalizeMethod::Robust { .. } | NormalizeMethod::Norm(_)) {
            return Err(FittedError::NoUpdate.into());
        }
        let new = self.fit(rows, fitted.how)?.found;
        let found = fitted.found.iter().zip(new).map(|(&a, b)| merge(a, b)).collect();
        Ok(Fitted { found, ..fitted.clone() })
    }
}
