//! Timing several jobs against each other in one run.

use std::time::Instant;

/// The times of one job, in seconds.
#[derive(Clone, Debug, Default, serde::Serialize)]
pub struct Samples {
    /// What was timed.
    pub name: String,
    /// One entry for each run, in order, without the warm-up.
    pub seconds: Vec<f64>,
}

impl Samples {
    /// The median.
    #[must_use]
    pub fn median(&self) -> f64 {
        let mut sorted = self.seconds.clone();
        sorted.sort_by(f64::total_cmp);
        match sorted.as_slice() {
            [] => f64::NAN,
            s if s.len() % 2 == 1 => s[s.len() / 2],
            s => f64::midpoint(s[s.len() / 2 - 1], s[s.len() / 2]),
        }
    }

    /// The fastest run.
    #[must_use]
    pub fn best(&self) -> f64 {
        self.seconds.iter().copied().fold(f64::INFINITY, f64::min)
    }

    /// The distance between the quartiles, as a part of the median.
    #[must_use]
    pub fn spread(&self) -> f64 {
        let mut sorted = self.seconds.clone();
        sorted.sort_by(f64::total_cmp);
        if sorted.len() < 2 {
            return 0.0;
        }
        let at = |q: f64| sorted[((sorted.len() - 1) as f64 * q).round() as usize];
        (at(0.75) - at(0.25)) / self.median()
    }
}

/// A job to be timed.
pub type Timed<'a> = (String, Box<dyn FnMut() + 'a>);

/// Times jobs in turns: a warm-up of each, then `runs` rounds in which each runs once, so that a
/// disturbance hits all alike.
pub fn interleaved(jobs: &mut [Timed<'_>], runs: usize) -> Vec<Samples> {
    let mut samples: Vec<Samples> =
        jobs.iter().map(|(name, _)| Samples { name: name.clone(), seconds: Vec::new() }).collect();
    for round in 0..=runs {
        for ((_, job), samples) in jobs.iter_mut().zip(&mut samples) {
            let start = Instant::now();
            job();
            if round > 0 {
                samples.seconds.push(start.elapsed().as_secs_f64());
            }
        }
    }
    samples
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn medians_of_few_and_many() {
        let of = |seconds: &[f64]| Samples { name: String::new(), seconds: seconds.to_vec() };
        assert_eq!(of(&[3.0, 1.0, 2.0]).median(), 2.0);
        assert_eq!(of(&[4.0, 1.0, 2.0, 3.0]).median(), 2.5);
        assert!(of(&[]).median().is_nan());
        assert_eq!(of(&[3.0, 1.0]).best(), 1.0);
        assert_eq!(of(&[1.0, 1.0, 1.0]).spread(), 0.0);
    }

    #[test]
    fn each_job_runs_once_a_round_after_a_warm_up() {
        let order = std::cell::RefCell::new(Vec::new());
        let mut jobs: Vec<Timed<'_>> = vec![
            ("a".to_owned(), Box::new(|| order.borrow_mut().push('a'))),
            ("b".to_owned(), Box::new(|| order.borrow_mut().push('b'))),
        ];
        let samples = interleaved(&mut jobs, 2);
        drop(jobs);
        assert_eq!(order.into_inner(), ['a', 'b', 'a', 'b', 'a', 'b']);
        assert_eq!(samples[0].seconds.len(), 2);
    }
}
