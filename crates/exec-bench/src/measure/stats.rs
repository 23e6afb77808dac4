//! Statistics of a handful of times, and how far they can be trusted.

use std::fmt;

use serde::Serialize;

use super::Samples;

/// The median; NaN for no values.
#[must_use]
pub fn median(values: &[f64]) -> f64 {
    match sorted(values).as_slice() {
        [] => f64::NAN,
        s if s.len() % 2 == 1 => s[s.len() / 2],
        s => f64::midpoint(s[s.len() / 2 - 1], s[s.len() / 2]),
    }
}

/// The quantile at this fraction, by the nearest rank; NaN for no values.
#[must_use]
pub fn quantile(values: &[f64], part: f64) -> f64 {
    let sorted = sorted(values);
    let at = (sorted.len().saturating_sub(1) as f64 * part).round() as usize;
    sorted.get(at).copied().unwrap_or(f64::NAN)
}

/// The distance between the quartiles, as a part of the median; 0 for fewer than two values.
#[must_use]
pub fn spread(values: &[f64]) -> f64 {
    if values.len() < 2 {
        return 0.0;
    }
    (quantile(values, 0.75) - quantile(values, 0.25)) / median(values)
}

fn sorted(values: &[f64]) -> Vec<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted
}

/// The modified z-score beyond which a run is an outlier (Iglewicz and Hoaglin, How to Detect and
/// Handle Outliers, 1993).
const Z_LIMIT: f64 = 3.5;

/// A value that differs from the median by less than this fraction is no outlier, however alike the
/// others are: two of three runs are often equal to a thousandth.
const LEAST_DISTANCE: f64 = 0.1;

/// The positions of outliers among these times; none among fewer than three.
#[must_use]
pub fn outliers(values: &[f64]) -> Vec<usize> {
    let middle = median(values);
    let distances: Vec<f64> = values.iter().map(|v| (v - middle).abs()).collect();
    // For normal values the median distance is 0.6745 and the mean distance 0.7979 deviations.
    let deviation = match median(&distances) / 0.6745 {
        0.0 => distances.iter().sum::<f64>() / values.len() as f64 / 0.7979,
        deviation => deviation,
    };
    let is_far = |&d: &f64| d > Z_LIMIT * deviation && d > LEAST_DISTANCE * middle;
    let positions = distances.iter().enumerate().filter(|(_, d)| is_far(d)).map(|(i, _)| i);
    if values.len() < 3 { Vec::new() } else { positions.collect() }
}

/// A warning about outliers among the runs of each job, with advice; `None` without outliers.
#[must_use]
pub fn outlier_warning<'a>(all: impl IntoIterator<Item = &'a Samples>) -> Option<String> {
    let (mut runs, mut found, mut first) = (0, 0, 0);
    let mut worst: Option<(f64, &str, usize)> = None;
    for samples in all {
        runs += samples.seconds.len();
        for run in outliers(&samples.seconds) {
            found += 1;
            first += usize::from(run == 0);
            let times = samples.seconds[run] / samples.median();
            let far = |times: f64| times.ln().abs();
            if worst.is_none_or(|(other, ..)| far(times) > far(other)) {
                worst = Some((times, &samples.name, run));
            }
        }
    }
    let (times, name, run) = worst?;
    let what_to_do = if first * 2 > found && found > 1 {
        "most of them were the first: something was not warm yet; raise the number of runs"
    } else {
        "something else was running, or the machine slowed down; close other programs and measure \
         again, with more runs"
    };
    Some(format!(
        "{found} of {runs} runs took far longer or shorter than the others of the same thing (the \
         worst: {name}, run {}, {times:.2} times its median): {what_to_do}",
        run + 1
    ))
}

/// The noise of a measurement: how much a job differs from itself.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Noise {
    /// The median difference of two runs in a row, as a fraction.
    pub runs: f64,
    /// The difference of the medians of the two series, as a fraction.
    pub medians: f64,
}

impl Noise {
    /// The noise between two series of the same job that took turns; `None` without pairs.
    #[must_use]
    pub fn of(one: &[f64], other: &[f64]) -> Option<Self> {
        let difference = |a: f64, b: f64| (a - b).abs() / a.min(b);
        let pairs: Vec<f64> = one.iter().zip(other).map(|(&a, &b)| difference(a, b)).collect();
        let medians = difference(median(one), median(other));
        (!pairs.is_empty()).then(|| Self { runs: median(&pairs), medians })
    }
}

impl fmt::Display for Noise {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "noise: the same thing against itself differed by {:.1} % from run to run, by {:.1} % \
             in the median; what is less means nothing",
            self.runs * 100.0,
            self.medians * 100.0
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn medians_and_quantiles() {
        assert_eq!(median(&[3.0, 1.0, 2.0]), 2.0);
        assert_eq!(median(&[4.0, 1.0, 2.0, 3.0]), 2.5);
        assert!(median(&[]).is_nan() && quantile(&[], 0.5).is_nan());
        assert_eq!(
            [0.0, 0.25, 1.0].map(|q| quantile(&[5.0, 1.0, 3.0, 2.0, 4.0], q)),
            [1.0, 2.0, 5.0]
        );
    }

    #[test]
    fn spread_is_the_middle_half() {
        assert_eq!(spread(&[1.0, 1.0, 1.0]), 0.0);
        assert_eq!(spread(&[7.0]), 0.0);
        // The outlier does not count.
        assert_eq!(spread(&[1.0, 2.0, 3.0, 2.0, 99.0]), 0.5);
    }

    #[test]
    fn what_is_far_from_the_others_is_an_outlier() {
        assert_eq!(outliers(&[1.0, 1.01, 0.99, 1.02, 5.0, 0.98]), [4]);
        assert_eq!(outliers(&[0.2, 1.01, 0.99, 1.02, 1.0, 0.98]), [0], "too fast is one as well");
        assert_eq!(outliers(&[1.0, 2.0, 3.0, 4.0, 5.0]), [0; 0], "spread out, but none alone");
        assert_eq!(outliers(&[1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 9.0]), [6], "no median distance");
        assert_eq!(outliers(&[1.0, 1.0001, 1.05]), [0; 0], "too near to speak of");
        assert_eq!(outliers(&[1.0; 9]), [0; 0]);
        assert_eq!(outliers(&[1.0, 9.0]), [0; 0], "which of the two?");
        assert_eq!(outliers(&[]), [0; 0]);
    }

    #[test]
    fn a_warning_names_the_worst_and_says_what_to_do() {
        let of =
            |name: &str, seconds: &[f64]| Samples { name: name.into(), seconds: seconds.into() };
        let quiet = of("sum", &[1.0, 1.01, 0.99, 1.0]);
        assert_eq!(outlier_warning([&quiet]), None);
        let bad = of("mean", &[1.0, 1.01, 0.99, 3.0, 1.0]);
        let text = outlier_warning([&quiet, &bad]).expect("an outlier");
        assert!(text.starts_with("1 of 9 runs"), "{text}");
        assert!(text.contains("mean, run 4, 3.00 times") && text.contains("close other"), "{text}");
        let cold = of("open", &[9.0, 1.01, 0.99, 1.0]);
        let text = outlier_warning([&cold, &cold]).expect("two");
        assert!(text.contains("most of them were the first"), "{text}");
    }

    #[test]
    fn noise_is_the_difference_from_itself() {
        let noise = Noise::of(&[1.0, 2.0, 1.0], &[1.1, 2.0, 1.5]).expect("pairs");
        assert!((noise.runs - 0.1).abs() < 1e-9 && (noise.medians - 0.5).abs() < 1e-9, "{noise:?}");
        assert_eq!(Noise::of(&[1.0, 1.0], &[1.0, 1.0]), Some(Noise { runs: 0.0, medians: 0.0 }));
        assert_eq!(Noise::of(&[], &[1.0]), None);
    }
}
