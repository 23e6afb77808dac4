//! The scale of a chart.

/// A linear scale from zero, or a logarithmic one for values that differ too much.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Scale {
    /// From zero to `to`, with a tick every `step`.
    Linear {
        /// The end.
        to: f64,
        /// Between two ticks.
        step: f64,
    },
    /// From and to these powers of ten.
    Log {
        /// The start.
        from: i32,
        /// The end.
        to: i32,
    },
}

/// Values that differ by more than this factor are shown on a logarithmic scale: the smallest bar
/// would be a twentieth of the longest.
const LARGE: f64 = 20.0;

impl Scale {
    /// The scale for these values; values that are not positive are ignored.
    #[must_use]
    pub fn over(values: &[f64]) -> Self {
        let known = || values.iter().copied().filter(|v| v.is_finite() && *v > 0.0);
        let (low, high) = known().fold((f64::INFINITY, 0.0), |(l, h), v| (v.min(l), v.max(h)));
        if high == 0.0 {
            return Self::Linear { to: 1.0, step: 0.5 };
        }
        if high / low > LARGE {
            let to = high.log10().ceil() as i32;
            // The shortest bar has a length, too.
            let from = (low.log10() - 0.1).floor() as i32;
            return Self::Log { from, to };
        }
        let power = 10_f64.powf((high / 4.0).log10().floor());
        let steps = [1.0, 2.0, 5.0, 10.0].map(|s| s * power);
        let step = steps.into_iter().find(|s| s * 4.5 >= high).unwrap_or(10.0 * power);
        Self::Linear { to: (high / step).ceil() * step, step }
    }

    /// The position of a value: 0 at the start, 1 at the end.
    #[must_use]
    pub fn place(self, value: f64) -> f64 {
        let place = match self {
            Self::Linear { to, .. } => value / to,
            Self::Log { from, to } => (value.log10() - f64::from(from)) / f64::from(to - from),
        };
        if place.is_nan() { 0.0 } else { place.clamp(0.0, 1.0) }
    }

    /// The values that are marked.
    #[must_use]
    pub fn ticks(self) -> Vec<f64> {
        match self {
            Self::Linear { to, step } => {
                (0..=(to / step).round() as usize).map(|i| i as f64 * step).collect()
            }
            Self::Log { from, to } => (from..=to).map(|power| 10_f64.powi(power)).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scales_fit_their_values() {
        for (values, scale) in [
            (&[3.0, 7.5][..], Scale::Linear { to: 8.0, step: 2.0 }),
            (&[40.0, 44.0], Scale::Linear { to: 50.0, step: 10.0 }),
            (&[0.1, 0.02], Scale::Linear { to: 0.12, step: 0.05 }),
            (&[0.05, 44.0], Scale::Log { from: -2, to: 2 }),
            (&[0.1, 10.0], Scale::Log { from: -2, to: 1 }),
            (&[], Scale::Linear { to: 1.0, step: 0.5 }),
            (&[f64::NAN, 0.0], Scale::Linear { to: 1.0, step: 0.5 }),
        ] {
            let found = Scale::over(values);
            match (found, scale) {
                (Scale::Linear { step, .. }, Scale::Linear { step: expected, .. }) => {
                    assert!((step - expected).abs() < 1e-9, "{values:?}: {found:?}");
                }
                _ => assert_eq!(found, scale, "{values:?}"),
            }
            let ticks = found.ticks();
            assert!((2..=6).contains(&ticks.len()), "{ticks:?}");
            assert!((found.place(*ticks.last().expect("some")) - 1.0).abs() < 1e-9);
            for &value in values.iter().filter(|v| v.is_finite() && **v > 0.0) {
                let place = found.place(value);
                assert!(place > 0.0 && place <= 1.0, "{value} at {place} of {found:?}");
            }
        }
    }

    #[test]
    fn places_never_leave_the_chart() {
        let log = Scale::Log { from: 0, to: 2 };
        assert_eq!(
            [1.0, 10.0, 100.0, 1e6, 0.0, -1.0].map(|v| log.place(v)),
            [0.0, 0.5, 1.0, 1.0, 0.0, 0.0]
        );
        assert_eq!(Scale::Linear { to: 4.0, step: 1.0 }.place(f64::NAN), 0.0);
    }
}
