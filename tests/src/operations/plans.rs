//! Plans.

use super::{Case, Operation, Read, by_caller, case, of_admins, scenario};
use crate::app::{Session, TestApp};
use crate::request::Request;
use serde_json::{Value, json};

pub fn operations() -> Vec<Operation> {
    let new = json!({
        "code": "new", "name": "New", "price_cents": 900, "currency": "eur", "billing_period": "year", "tier": 3,
    });
    vec![
        // The route is public; an invalid bearer token is refused nevertheless.
        by_caller("GET /billing/plans", [200, 401, 200, 200, 200])
            .read(Read::of("/billing/plans"))
            .read(Read::of("/billing/plans").named("GET /billing/plans, again").second()),
        by_caller("GET /billing/plans/{id}", [200, 401, 200, 200, 200]).at("/billing/plans/{plan}"),
        of_admins("POST /billing/plans", 201)
            .body(new)
            .limited()
            .scenario(scenario!("POST /billing/plans", make_plan).with_plans()),
        of_admins("PATCH /billing/plans/{id}", 200)
            .at("/billing/plans/{plan}")
            .body(json!({"name": "Another name"}))
            .scenario(scenario!("PATCH /billing/plans/{id} to another price", change_price).with_plans())
            .scenario(scenario!("PATCH /billing/plans/{id} of a free plan to a price", price_free).with_plans())
            .scenario(scenario!("PATCH /billing/plans/{id} to nothing to pay", make_free).with_plans()),
        of_admins("DELETE /billing/plans/{id}", 204)
            .at("/billing/plans/{plan}")
            .scenario(scenario!("DELETE /billing/plans/{id}", archive_plan).with_plans()),
    ]
}

/// An admin, and the plan with this code as the admin sees it.
pub(super) async fn admin_and_plan(app: &TestApp, code: &str) -> (Session, Value) {
    let (_, admin) = app.person("admin").await;
    app.make_admins(&[&admin]).await;
    let plan = plan_as(app, &admin, code).await;
    (admin, plan)
}

async fn plan_as(app: &TestApp, admin: &Session, code: &str) -> Value {
    let plans = app.get_as(admin, "/billing/plans?archived=true").await.expect(200).body["items"].clone();
    let of_code = |plan: &&Value| plan["code"] == code;
    plans.as_array().unwrap().iter().find(of_code).unwrap_or(&Value::Null).clone()
}

pub(super) fn path_of(plan: &Value) -> String {
    format!("/billing/plans/{}", plan["id"].as_str().unwrap())
}

/// Checks that exactly the price that the plan names can be bought.
async fn sells_at_its_price_alone(app: &TestApp, plan: &Value) {
    let of_plan = app.stripe_list("prices").await.into_iter().filter(|price| price["product"] == plan["id"]);
    let active: Vec<_> = of_plan.filter(|price| price["active"] == true).map(|price| price["id"].clone()).collect();
    let wanted: Vec<_> = Some(&plan["stripe_price_id"]).filter(|id| !id.is_null()).cloned().into_iter().collect();
    assert_eq!(active, wanted);
}

async fn make_plan(app: &TestApp) -> Case {
    let (admin, _) = admin_and_plan(app, "pro").await;
    let plan = json!({
        "code": "gold", "name": "Gold", "price_cents": 9900, "currency": "eur", "billing_period": "year", "tier": 9,
    });
    case!(Request::post_as(&admin, "/billing/plans", plan), |app| {
        let plan = plan_as(app, &admin, "gold").await;
        assert_eq!(plan["is_active"], true);
        sells_at_its_price_alone(app, &plan).await;
    })
}

/// Changes the plan with this code; afterwards it is for sale at its price.
async fn change(app: &TestApp, code: &'static str, to: Value) -> Case {
    let (admin, plan) = admin_and_plan(app, code).await;
    case!(Request::patch_as(&admin, &path_of(&plan), to.clone()), |app| {
        let plan = plan_as(app, &admin, code).await;
        assert_eq!(plan["price_cents"], to["price_cents"]);
        sells_at_its_price_alone(app, &plan).await;
    })
}

async fn change_price(app: &TestApp) -> Case {
    change(app, "pro", json!({"price_cents": 2900})).await
}

async fn price_free(app: &TestApp) -> Case {
    change(app, "free", json!({"price_cents": 100})).await
}

async fn make_free(app: &TestApp) -> Case {
    change(app, "pro", json!({"price_cents": 0})).await
}

async fn archive_plan(app: &TestApp) -> Case {
    let (admin, plan) = admin_and_plan(app, "pro").await;
    case!(Request::delete_as(&admin, &path_of(&plan)), |app| {
        assert_eq!(plan_as(app, &admin, "pro").await["is_active"], false);
    })
}

/// Gives `pro` a trial of 14 days.
pub(super) async fn give_trial(app: &TestApp) {
    let (admin, plan) = admin_and_plan(app, "pro").await;
    Request::patch_as(&admin, &path_of(&plan), json!({"trial_days": 14})).send(app).await.expect(200);
}

/// The number of addresses and cards in the ledger of trials.
pub(super) async fn ledger(app: &TestApp) -> usize {
    let rows = app.table("billing").await;
    rows.iter().filter(|row| row["sk"]["S"] == "TRIAL").count()
}
