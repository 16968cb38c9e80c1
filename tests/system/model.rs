//! Random sequences of the billing model: some here, more in `enumerate`, an hour of them in `tests/model/run.sh`.

use std::time::Duration;
use tollgate_tests::model;

/// The first seeds, which are the same each time.
const SEEDS: std::ops::Range<u64> = 0..2;

// R1, R2, R3, R4, R8, R11, R13, R16
#[test]
fn random_sequences_of_steps_and_faults_end_in_the_state_of_stripe() {
    for seed in SEEDS {
        let report = model::play(seed, Duration::from_secs(60));
        assert!(report.failure.is_none(), "{}", report.failure.unwrap_or_default());
        assert!(report.steps > 0, "seed {seed} did nothing");
    }
}
