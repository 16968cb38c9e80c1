//! The sweep of unverified accounts concurrent with a verification, or another change of the account: exactly one of
//! them takes effect.

use super::race::{Ended, Race, RaceSetup, Racer, race};
use crate::app::{Answer, PASSWORD, Session, TestApp, World};
use crate::browser::{Browser, verified_account};
use crate::request::Request;
use futures_util::FutureExt;
use serde_json::json;

const EMAIL: &str = "ann@example.com";
const WEEK: i64 = 7 * 86_400;

pub const RACES: &[Race] = &[
    race!(WithoutPlans, "verification by link ∥ sweep of accounts", link),
    race!(WithoutPlans, "verification by code ∥ sweep of accounts", code),
    race!(WithoutPlans, "sign-in by code ∥ sweep of accounts", login_code),
    race!(WithoutPlans, "new password ∥ sweep of accounts", new_password),
    race!(WithoutPlans, "callback of the owner ∥ sweep of accounts", callback),
    race!(WithoutPlans, "login ∥ sweep of accounts", login),
    race!(WithoutPlans, "register of the address ∥ sweep of accounts", register_address),
    race!(WithoutPlans, "register of the name ∥ sweep of accounts", register_name),
    race!(WithoutPlans, "sweep ∥ sweep of accounts", sweep_sweep),
];

/// Ann registered a week ago and did not verify; earlier accounts are swept.
async fn unverified(app: &TestApp) {
    app.advance(2 * WEEK);
    app.sweep("accounts").await.expect(200);
    app.register("ann").await.expect(202);
    app.advance(WEEK);
}

/// A setup of a request and the sweep, whose check is an async block over `app`, the answer, and how many accounts went.
macro_rules! during_sweep {
    ($request:expr, |$app:ident, $answer:ident, $gone:ident| $check:expr) => {
        RaceSetup {
            racers: vec![Racer::Request($request), Racer::Sweep("accounts")],
            check: Box::new(async move |$app: &TestApp, ended: Ended| {
                let [$answer, swept] = <[Answer; 2]>::try_from(ended.answers).unwrap();
                let $gone = swept.body["handled"].as_u64().unwrap();
                $check
            }),
        }
    };
}

/// Checks that no data of an account is left, and its name and address are free.
async fn is_gone(app: &TestApp) {
    app.login(EMAIL, PASSWORD).await.refused(401, "invalid_credentials");
    for table in ["identity", "credentials", "gate"] {
        assert!(app.table(table).await.is_empty(), "{table}");
    }
    app.register("ann").await.expect(202);
    assert_eq!(app.table("credentials").await.len(), 1);
}

/// The verification succeeded and the account remains, or it was refused with this code and the account is removed.
async fn one_won(app: &TestApp, answer: &Answer, gone: u64, refused: (u16, &str)) -> bool {
    if answer.status == 200 {
        assert_eq!(gone, 0);
        return true;
    }
    assert_eq!((answer.status.as_u16(), answer.body["code"].as_str(), gone), (refused.0, Some(refused.1), 1));
    is_gone(app).await;
    false
}

// S23
async fn link(app: &TestApp) -> RaceSetup {
    unverified(app).await;
    app.post("/request/verify", json!({"email": EMAIL})).await.expect(202);
    let token = app.link_token(EMAIL, "verify").await;
    during_sweep!(Request::post("/verify", json!({"token": token})), |app, answer, gone| {
        if one_won(app, &answer, gone, (400, "invalid_token")).await {
            app.login(EMAIL, PASSWORD).await.expect(200);
        }
    })
}

// S23
async fn code(app: &TestApp) -> RaceSetup {
    unverified(app).await;
    app.post("/request/verify", json!({"email": EMAIL})).await.expect(202);
    let code = app.code(EMAIL, "verify").await;
    during_sweep!(Request::post("/verify", json!({"email": EMAIL, "code": code})), |app, answer, gone| {
        if one_won(app, &answer, gone, (400, "invalid_token")).await {
            app.login(EMAIL, PASSWORD).await.expect(200);
        }
    })
}

// S23
async fn login_code(app: &TestApp) -> RaceSetup {
    unverified(app).await;
    app.post("/request/login-code", json!({"email": EMAIL})).await.expect(202);
    let code = app.code(EMAIL, "login_code").await;
    during_sweep!(Request::post("/login/code", json!({"email": EMAIL, "code": code})), |app, answer, gone| {
        if one_won(app, &answer, gone, (401, "invalid_code")).await {
            app.get_as(&Session::of(&answer), "/me").await.expect(200);
        }
    })
}

// S23
async fn new_password(app: &TestApp) -> RaceSetup {
    unverified(app).await;
    app.post("/forget-password", json!({"email": EMAIL})).await.expect(202);
    let token = app.link_token(EMAIL, "reset").await;
    let password = "another horse staple";
    during_sweep!(Request::post("/new-password", json!({"token": token, "password": password})), |app, answer, gone| {
        if one_won(app, &answer, gone, (400, "invalid_token")).await {
            app.login(EMAIL, password).await.expect(200);
        }
    })
}

// S23
async fn callback(app: &TestApp) -> RaceSetup {
    unverified(app).await;
    let subject = verified_account(app, "google", EMAIL).await;
    let browser = Browser::new(app);
    let back = browser.consent("google", &subject, "").await;
    during_sweep!(Request::get_in(&browser, &back), |app, answer, gone| {
        // The owner can sign in, to the old account or to a new one; the password is not valid in either case.
        answer.expect(200);
        assert!(gone <= 1);
        app.login(EMAIL, PASSWORD).await.refused(401, "invalid_credentials");
        Browser::new(app).sign_in("google", &subject).await.expect(200);
        assert_eq!(app.table("gate").await.len(), 1);
    })
}

async fn login(app: &TestApp) -> RaceSetup {
    unverified(app).await;
    let request = Request::post("/login", json!({"email": EMAIL, "password": PASSWORD}));
    during_sweep!(request, |app, answer, gone| {
        assert!(matches!(answer.status.as_u16(), 401 | 403), "{}", answer.text);
        assert_eq!(gone, 1);
        is_gone(app).await;
    })
}

async fn register_address(app: &TestApp) -> RaceSetup {
    unverified(app).await;
    let request = Request::post("/register", json!({"email": EMAIL, "username": "other", "password": PASSWORD}));
    during_sweep!(request, |app, answer, gone| {
        answer.expect(202);
        assert_eq!(gone, 1);
        // It signed in to the old account, or created a new one.
        let accounts = app.table("gate").await.len();
        assert!(accounts <= 1);
        assert_eq!(app.table("credentials").await.len(), accounts);
        assert_eq!(app.table("identity").await.len(), 3 * accounts);
    })
}

async fn register_name(app: &TestApp) -> RaceSetup {
    unverified(app).await;
    let body = json!({"email": "bob@example.com", "username": "ann", "password": PASSWORD});
    during_sweep!(Request::post("/register", body), |app, answer, gone| {
        assert!(matches!(answer.status.as_u16(), 202 | 409), "{}", answer.text);
        assert_eq!(gone, 1);
        let accounts = usize::from(answer.status == 202);
        assert_eq!(app.table("identity").await.len(), 3 * accounts);
        assert_eq!(app.table("credentials").await.len(), accounts);
    })
}

// R13
async fn sweep_sweep(app: &TestApp) -> RaceSetup {
    unverified(app).await;
    let went_once = async |app: &TestApp, ended: Ended| {
        let gone: u64 = ended.answers.iter().map(|swept| swept.body["handled"].as_u64().unwrap()).sum();
        assert_eq!(gone, 1);
        let deleted = app.actions().await.into_iter().filter(|action| action == "user.deleted");
        assert_eq!(deleted.count(), 1);
        is_gone(app).await;
    };
    RaceSetup { racers: vec![Racer::Sweep("accounts"), Racer::Sweep("accounts")], check: Box::new(went_once) }
}
