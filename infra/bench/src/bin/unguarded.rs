//! The product of `functions/example` without its guard: the same number of documented routes, the same conventions and a
//! client of DynamoDB, as a product has for its own tables. No token is verified.

use aws_sdk_dynamodb::Client;
use axum::Json;
use lambda_http::{Error, run};
use serde::Serialize;
use tollgate_http::{Conventions, RouterOf, routes};
use tollgate_platform::{Clock, Env, Origins, aws, telemetry};
use utoipa::ToSchema;

#[derive(Serialize, ToSchema)]
struct Caller {
    user_id: String,
}

/// Declares a route that answers everyone.
macro_rules! route {
    ($name:ident, $path:literal) => {
        /// For everyone.
        #[utoipa::path(get, path = $path, operation_id = $path, tag = "Example", responses((status = 200, body = Caller)))]
        async fn $name() -> Json<Caller> {
            Json(Caller { user_id: "usr_".to_owned() })
        }
    };
}
route!(me, "/example/me");
route!(tier, "/example/tier");
route!(feature, "/example/feature");
route!(quota, "/example/quota");

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    telemetry::init();
    let env = Env::process();
    let client = Client::new(&aws::load(&env)?);
    let conventions = Conventions { origins: Origins::from_env(&env)?, clock: Clock::system(), proxy: None };
    let routes = routes![RouterOf::new(&client); me, tier, feature, quota].into_router();
    run(conventions.serve(routes.with_state(client))).await
}
