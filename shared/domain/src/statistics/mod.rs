//! The statistics: totals of the current state, and one row for each day since the first deploy. A schedule counts
//! them, `GET /admin/stats` returns them.

mod counting;
mod figures;
mod movements;
#[cfg(test)]
mod tests;

pub use counting::{Counting, Window};
pub use figures::{
    ByCurrency, Churn, DEFAULT_DAYS, Day, DayRow, Funnel, MAX_DAYS, MIN_DAYS, Movements, PlanFigures, Statistics,
    Totals, UserCounts, date_of,
};
