//! A role that lacks one permission: a request is answered with 503, a schedule fails, a message waits, and the log names
//! function, action and resource. With the permission back, a retry completes the operation, once.

use futures_util::{StreamExt, stream};
use serde_json::json;
use std::collections::BTreeSet;
use std::sync::Arc;
use tollgate_local::permissions::Permission;
use tollgate_tests::app::TestApp;
use tollgate_tests::denials::scenes::scenes;
use tollgate_tests::denials::{Denied, Rehearsal, Scene, Use, When, rehearse};
use tollgate_tests::operations::scenarios;
use tollgate_tests::roles::{GRANTS, as_in_the_template, used_by_lambda, without};
use tollgate_tests::{apart, logs, panic_text};

/// The number of concurrent stacks.
const AT_ONCE: usize = 3;

/// Permissions without which an operation goes on, because it would do so if the service did not answer.
const TOLERATED: [(&str, &str, &str); 3] = [
    // Without the secret of the operator's own proxy the gateway's client counts (S8).
    ("admin", "secretsmanager:GetSecretValue", "secret/edge"),
    ("auth", "secretsmanager:GetSecretValue", "secret/edge"),
    ("billing", "secretsmanager:GetSecretValue", "secret/edge"),
];

/// Permissions of calls that no scene makes: the tests below make them.
const OTHERS: [(&str, &str, &str); 2] =
    [("admin", "s3:GetObject", "bucket/reports"), ("authorizer", "dynamodb:GetItem", "table/gate")];

fn permission(action: &str, resource: &str) -> Permission {
    Permission { action: action.to_owned(), resource: resource.to_owned() }
}

fn is_in(list: &[(&str, &str, &str)], function: &str, permission: &Permission) -> bool {
    list.contains(&(function, &permission.action, &permission.resource))
}

/// The permissions of the functions' own calls, by the template; without those that Lambda itself uses.
fn permissions() -> BTreeSet<(&'static str, &'static Permission)> {
    let by_lambda = used_by_lambda();
    let is_own = |function: &str, permission: &Permission| {
        by_lambda.get(function).is_none_or(|used| used.iter().all(|access| access.permission != *permission))
    };
    let all = GRANTS
        .iter()
        .flat_map(|(function, grants)| grants.iter().map(move |grant| (function.as_str(), &grant.permission)));
    all.filter(|(function, permission)| is_own(function, permission)).collect()
}

/// The first operation that uses a permission, if possible while its client waits.
fn user_of(
    rehearsals: &[Arc<Rehearsal>],
    (function, permission): (&str, &Permission),
) -> Option<(Arc<Rehearsal>, Use, When)> {
    let at = |when: When| {
        rehearsals.iter().find_map(|rehearsal| {
            let is_it = |used: &Use| used.function == function && used.permission == *permission;
            let (used, _) = rehearsal.uses.iter().find(|(used, at)| *at == when && is_it(used))?;
            Some((Arc::clone(rehearsal), used.clone(), when))
        })
    };
    at(When::Answering).or_else(|| at(When::Afterwards))
}

/// What a client or a caller sees of a denied call.
fn check_answer(rehearsal: &Rehearsal, used: &Use, when: When, denied: &Denied) -> Result<(), String> {
    let (answer, status) = (&denied.answer, denied.answer.status.as_u16());
    let is_right = match when {
        _ if is_in(&TOLERATED, used.function, &used.permission) => denied.is_same,
        When::Afterwards => denied.is_same,
        When::Answering if rehearsal.is_schedule() => status == 500,
        When::Answering => {
            let header = |name: &str| answer.headers.get(name).and_then(|value| value.to_str().ok());
            status == 503
                && answer.body["code"] == "unavailable"
                && header("content-type") == Some("application/problem+json")
                && header("retry-after").is_some()
        }
    };
    if is_right { Ok(()) } else { Err(format!("answered {status}: {}", answer.text)) }
}

/// Whether an error or a warning of the log names the function, the action and the resource.
fn is_logged(log: &str, used: &Use) -> bool {
    let Permission { action, resource } = &used.permission;
    let (kind, name) = resource.split_once('/').unwrap_or((resource, ""));
    let resource = match kind {
        "table" => format!(":table/tollgate-{name} "),
        "bucket" => format!("arn:aws:s3:::{name}/"),
        "secret" => format!("resource: {name} "),
        "queue" => format!(":{name} "),
        identity => format!(":{identity}/"),
    };
    let is_it = |line: &str| {
        !line.contains(r#""level":"INFO""#)
            && line.contains(&format!("assumed-role/tollgate-{0}/tollgate-{0}", used.function))
            && line.to_lowercase().contains(&action.to_lowercase())
            && line.contains(&resource)
    };
    log.lines().filter(|line| line.contains("is not authorized to perform")).any(is_it)
}

#[tokio::test(flavor = "multi_thread")]
async fn each_missing_permission_is_a_503_a_failed_run_or_a_waiting_message() {
    let chosen = scenarios().into_iter().filter(|scenario| scenario.is_denied).map(Scene::from);
    let all = stream::iter(chosen.chain(scenes())).map(async |scene| {
        let name = scene.name;
        let rehearsed = apart(move || rehearse(scene)).await;
        rehearsed.unwrap_or_else(|panic| panic!("{name}: {}", panic_text(panic)))
    });
    let rehearsals: Vec<_> = all.buffered(AT_ONCE).flat_map(stream::iter).map(Arc::new).collect().await;
    let (mut wrong, mut work) = (Vec::new(), Vec::new());
    for (function, permission) in permissions() {
        match user_of(&rehearsals, (function, permission)) {
            Some(used) => work.push(used),
            None if is_in(&OTHERS, function, permission) => {}
            None => {
                wrong.push(format!("no operation needs {function}: {} on {}", permission.action, permission.resource))
            }
        }
    }
    let runs = stream::iter(work).map(async |(rehearsal, used, when)| {
        let (here, missing) = (Arc::clone(&rehearsal), used.clone());
        let run = apart(move || async move { here.run_without(&missing, when).await }).await;
        let denied = run.unwrap_or_else(|panic| Err(panic_text(panic)));
        let checked = denied.and_then(|denied| check_answer(&rehearsal, &used, when, &denied));
        (used.clone(), checked.map_err(|error| format!("without {used}: {}\n  {error}", rehearsal.name())))
    });
    let done: Vec<_> = runs.buffer_unordered(AT_ONCE).collect().await;
    let log = logs::text();
    for (used, checked) in done {
        wrong.extend(checked.err());
        if !is_logged(&log, &used) {
            wrong.push(format!("without {used}: the log does not name it"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(log.contains(":identity/(address)"), "SES names the recipient, the log does not");
}

#[tokio::test]
async fn an_authorizer_without_its_permission_fails_and_refuses_no_token() {
    let app = TestApp::start().await;
    let (_, ann) = app.person("ann").await;
    let gate = permission("dynamodb:GetItem", "table/gate");
    app.stack.fault_injector().enforce_roles(without("authorizer", &gate));
    let event = json!({"identitySource": [format!("Bearer {}", ann.access)]});
    let error = app.stack.invoke("authorizer", event.clone()).await.unwrap_err();
    assert!(error.contains("dynamodb:GetItem on resource") && error.contains("table/tollgate-gate"), "{error}");
    assert!(is_logged(&logs::text(), &Use { function: "authorizer", permission: gate }));
    app.stack.fault_injector().enforce_roles(as_in_the_template());
    assert_eq!(app.stack.invoke("authorizer", event).await.unwrap()["isAuthorized"], true);
}

/// `admin` signs the address of a file, which needs no call: S3 decides when a browser opens it.
#[tokio::test]
async fn a_download_without_its_permission_is_denied_by_s3() {
    let app = TestApp::start().await;
    let (_, admin) = app.person("admin").await;
    app.make_admins(&[&admin]).await;
    let report = json!({"sql": "SELECT count(*) FROM users", "format": "csv"});
    let id = app.post_as(&admin, "/admin/reports", report).await.expect(202).body["id"].clone();
    app.drain().await;
    let read = app.get_as(&admin, &format!("/admin/reports/{}", id.as_str().unwrap())).await.expect(200).body;
    let url = read["download_url"].as_str().unwrap();
    let object = permission("s3:GetObject", "bucket/reports");
    app.stack.fault_injector().enforce_roles(without("admin", &object));
    let denied = reqwest::get(url).await.unwrap();
    assert_eq!(denied.status(), 403);
    assert!(denied.text().await.unwrap().contains("<Code>AccessDenied</Code>"));
    app.stack.fault_injector().enforce_roles(as_in_the_template());
    assert_eq!(reqwest::get(url).await.unwrap().status(), 200);
}
