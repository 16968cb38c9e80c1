//! The product of `functions/example` without its guard: the same router and conventions, and no token is verified.

use axum::routing::get;
use axum::{Json, Router};
use lambda_http::{Error, run};
use serde_json::json;
use tollgate_http::Conventions;
use tollgate_platform::{Clock, Env, Origins, telemetry};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    telemetry::init();
    let conventions = Conventions { origins: Origins::from_env(&Env::process())?, clock: Clock::system(), proxy: None };
    let routes = Router::new().route("/example/me", get(async || Json(json!({"user_id": "usr_"}))));
    run(conventions.serve(routes)).await
}
