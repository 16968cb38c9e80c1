//! Reports and the assistant.

use super::users::admin_and_ann;
use super::{Case, Operation, Read, case, of_admins, scenario};
use crate::app::{Session, TestApp};
use crate::request::Request;
use serde_json::{Value, json};

pub fn operations() -> Vec<Operation> {
    vec![
        of_admins("POST /admin/reports", 202)
            .body(json!({"sql": "SELECT 1", "format": "preview"}))
            .scenario(scenario!("POST /admin/reports", request_report).measured(202))
            .scenario(scenario!("a report with its rows", preview).afterwards().denied())
            .scenario(scenario!("a report with its file", csv).with_plans().afterwards().denied()),
        of_admins("GET /admin/reports", 200).read(Read::of("/admin/reports")),
        of_admins("GET /admin/reports/{id}", 404)
            .at("/admin/reports/rep_{none}")
            .read(Read::of("/admin/reports/{report}")),
        of_admins("GET /admin/reports/schema", 200).read(Read::of("/admin/reports/schema")),
        of_admins("GET /admin/reports/gallery", 200).read(Read::of("/admin/reports/gallery")),
        of_admins("POST /admin/ai/ask", 200)
            .body(json!({"question": "How many users are there?"}))
            .limited()
            .scenario(scenario!("POST /admin/ai/ask", ask).measured(200).denied()),
    ]
}

fn report(admin: &Session, format: &str) -> Request {
    let body = json!({"sql": "SELECT count(*) AS users FROM users", "format": format});
    Request::post_as(admin, "/admin/reports", body)
}

/// The newest report, after all work is done.
async fn newest_report(app: &TestApp, admin: &Session) -> Value {
    app.drain().await;
    let listed = app.get_as(admin, "/admin/reports").await.expect(200).body;
    let path = format!("/admin/reports/{}", listed["items"][0]["id"].as_str().unwrap());
    app.get_as(admin, &path).await.expect(200).body
}

async fn request_report(app: &TestApp) -> Case {
    let (admin, _) = admin_and_ann(app).await;
    case!(report(&admin, "preview"), |app| {
        assert_eq!(newest_report(app, &admin).await["rows"], json!([[2]]));
    })
}

async fn preview(app: &TestApp) -> Case {
    let (admin, _) = admin_and_ann(app).await;
    case!(report(&admin, "preview"), |app| {
        let done = newest_report(app, &admin).await;
        assert_eq!((&done["status"], &done["rows"]), (&json!("succeeded"), &json!([[2]])));
    })
}

async fn csv(app: &TestApp) -> Case {
    let (admin, _) = admin_and_ann(app).await;
    case!(report(&admin, "csv"), |app| {
        let done = newest_report(app, &admin).await;
        let file = reqwest::get(done["download_url"].as_str().unwrap()).await.unwrap();
        assert_eq!(file.text().await.unwrap(), "users\r\n2\r\n");
    })
}

async fn ask(app: &TestApp) -> Case {
    let (admin, _) = admin_and_ann(app).await;
    case!(Request::post_as(&admin, "/admin/ai/ask", json!({"question": "How many users are there?"})), |app| {
        assert!(app.get("/_local/ai").await.expect(200).body["items"][0]["messages"].is_array());
    })
}
