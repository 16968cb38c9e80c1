//! Guards for endpoints of a product that is built on Tollgate: each is an argument of the handler. They verify the access
//! token by the published keys and read the user's gate, so that a sign-out or a change of plan counts at the next request.
//!
//! ```no_run
//! use axum::{Router, routing::get};
//! use tollgate_guard::{Feature, Guard, Quota, RequireFeature, RequireTier};
//!
//! /// The name `exports`, in a plan's features and in its limits.
//! struct Exports;
//!
//! impl Feature for Exports {
//!     const NAME: &'static str = "exports";
//! }
//!
//! async fn for_teams(RequireTier(user): RequireTier<2>) -> String {
//!     format!("{} has tier 2 or more", user.id)
//! }
//!
//! async fn with_a_switch(RequireFeature(user, _): RequireFeature<Exports>) -> String {
//!     format!("the plan of {} has \"exports\": true", user.id)
//! }
//!
//! async fn metered(quota: Quota<Exports>) -> String {
//!     format!("use {} of {} until {}", quota.used, quota.limit, quota.resets_at)
//! }
//!
//! fn router(guard: Guard) -> Router {
//!     Router::new()
//!         .route("/teams", get(for_teams))
//!         .route("/switch", get(with_a_switch))
//!         .route("/metered", get(metered))
//!         .with_state(guard)
//! }
//! ```

mod error;
mod feature;
mod free_plan;
mod guard;
mod quota;
mod setup;
mod token_keys;

pub use error::GuardError;
pub use feature::{Feature, RequireFeature};
pub use free_plan::FreePlan;
pub use guard::{ActiveUser, ActiveUserWith, Admin, Guard, OwnStore, RequireTier};
pub use quota::Quota;
pub use setup::RequestTime;
pub use token_keys::{PublishedKeys, TokenKeys};
