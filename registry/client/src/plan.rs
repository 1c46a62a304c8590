//! Which parts of a blob to ask for: spans that lie close together become one request.

use std::ops::Range;

/// Most requests for one blob; beyond, the whole is fetched.
pub const MAX_RUNS: usize = 4096;

/// How to fetch what is missing of a blob.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Plan {
    /// One request for the whole blob.
    Whole,
    /// One request for each run, in order.
    Runs(Vec<Range<u64>>),
}

/// Plans how to fetch `spans` (sorted, not overlapping) of a blob of `size` bytes. Gaps of up to
/// `gap` bytes are fetched too: that is cheaper than another request. When the runs are nearly the
/// whole blob, or too many, the plan is the whole.
pub fn plan(spans: impl IntoIterator<Item = Range<u64>>, size: u64, gap: u64) -> Plan {
    let runs = runs(spans, gap);
    let bytes: u64 = runs.iter().map(|run| run.end - run.start).sum();
    // Seven tenths, without overflow.
    if bytes > size / 10 * 7 || runs.len() > MAX_RUNS {
        Plan::Whole
    } else {
        Plan::Runs(runs)
    }
}

/// Joins spans (sorted, not overlapping) whose gap is at most `gap` bytes.
pub fn runs(spans: impl IntoIterator<Item = Range<u64>>, gap: u64) -> Vec<Range<u64>> {
    let mut runs: Vec<Range<u64>> = Vec::new();
    for span in spans {
        match runs.last_mut() {
            Some(last) if span.start <= last.end.saturating_add(gap) => {
                last.end = last.end.max(span.end);
            }
            _ => runs.push(span),
        }
    }
    runs
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn joins_spans_over_small_gaps_only() {
        assert_eq!(runs([0..10, 10..20, 25..30, 36..40], 5), [0..30, 36..40]);
        assert_eq!(runs([], 5), []);
    }

    #[test]
    fn fetches_the_whole_when_the_parts_are_nearly_that() {
        assert_eq!(plan([0..40, 50..90], 100, 0), Plan::Whole);
        let parts = [0..30, 50..80];
        assert_eq!(plan(parts.clone(), 100, 0), Plan::Runs(parts.to_vec()));
        let scattered = (0..10_000).map(|n| n * 1000..n * 1000 + 1);
        assert_eq!(plan(scattered, 10_000_000, 0), Plan::Whole);
    }

    proptest! {
        #[test]
        fn runs_cover_every_span_in_order(
            steps in prop::collection::vec((0_u64..50, 1_u64..50), 0..40),
            gap in 0_u64..60,
        ) {
            let mut end = 0;
            let spans: Vec<_> = steps
                .iter()
                .map(|(skip, length)| {
                    let start = end + skip;
                    end = start + length;
                    start..end
                })
                .collect();
            let runs = runs(spans.clone(), gap);
            for span in &spans {
                prop_assert!(runs.iter().any(|run| run.start <= span.start && span.end <= run.end));
            }
            for pair in runs.windows(2) {
                prop_assert!(pair[0].end + gap < pair[1].start);
            }
        }
    }
}
