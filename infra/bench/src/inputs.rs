//! The cost of a request body of up to 64 KiB on the two public routes that hash passwords: registration and sign-in.
//! No body may take much more CPU time than an ordinary one.

use crate::accounts::cpu;
use crate::error::{BenchError, While};
use crate::event::post;
use crate::figures::Limit;
use crate::stage::in_memory;
use serde::Serialize;
use serde_json::{Value, json};
use std::fmt;
use tollgate_local::clock::LocalClock;
use tollgate_local::{Options, Stack};

/// How often each input is sent for one measurement.
const REPEATS: usize = 20;
/// The largest field that the gateway passes to the functions: its limit without the rest of the body.
const LARGE: usize = 64 * 1024 - 200;
const MOST: f64 = 3.0;
const PASSWORD: &str = "correct horse battery staple";

/// The figures of the inputs.
#[derive(Debug, Serialize)]
pub struct Inputs {
    /// By route: the ordinary input first.
    pub routes: Vec<Route>,
}

/// The figures of a route.
#[derive(Debug, Serialize)]
pub struct Route {
    /// Its path.
    pub path: &'static str,
    /// By input.
    pub inputs: Vec<Input>,
}

/// The figures of an input.
#[derive(Debug, Serialize)]
pub struct Input {
    /// The name of the input.
    pub what: String,
    /// The length of its body.
    pub bytes: usize,
    /// The status of the answer.
    pub status: u64,
    /// CPU time of the process for each request.
    pub cpu_ms: f64,
}

impl Inputs {
    /// The limits that the figures must meet.
    pub fn limits(&self) -> Vec<Limit> {
        let of_route = |route: &Route| {
            let (ordinary, others) = route.inputs.split_first()?;
            let most = others.iter().max_by(|one, other| one.cpu_ms.total_cmp(&other.cpu_ms))?;
            let what = format!("{}: {}", route.path, most.what);
            Some(Limit::at_most(what, most.cpu_ms / ordinary.cpu_ms, MOST))
        };
        self.routes.iter().filter_map(of_route).collect()
    }
}

impl fmt::Display for Inputs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "bodies that a stranger sends; CPU time of the process for each")?;
        for route in &self.routes {
            let ordinary = route.inputs.first().map_or(f64::NAN, |input| input.cpu_ms);
            writeln!(f, "{:<44}{:>9}{:>9}{:>10}{:>10}", route.path, "bytes", "status", "CPU ms", "of the 1st")?;
            for Input { what, bytes, status, cpu_ms } in &route.inputs {
                writeln!(f, "  {what:<42}{bytes:>9}{status:>9}{cpu_ms:>10.2}{:>8.2} ×", cpu_ms / ordinary)?;
            }
        }
        Ok(())
    }
}

/// Sends all inputs.
///
/// # Errors
/// When the stack does not start, or a call gets no answer.
pub fn measure() -> Result<Inputs, BenchError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().doing("the runtime")?;
    runtime.block_on(async {
        let env = vec![("RATE_LIMIT_PER_MINUTE".to_owned(), "0".to_owned())];
        let options = Options { env, first_plans: false, ..in_memory(LocalClock::running()) };
        let stack = Stack::start(options).await.doing("the stack")?;
        stack.fault_injector().count_no_calls(); // as the command does
        let routes = vec![
            of_route(&stack, "/register", |n| registration(&format!("user{n}@example.com"), n, PASSWORD)).await?,
            of_route(&stack, "/login", |n| {
                json!({"email": format!("user{n}@example.com"), "password": PASSWORD}).to_string()
            })
            .await?,
        ];
        stack.stop().await;
        Ok(Inputs { routes })
    })
}

async fn of_route(stack: &Stack, path: &'static str, ordinary: impl Fn(usize) -> String) -> Result<Route, BenchError> {
    let mut inputs = vec![measured(stack, path, "an ordinary one", ordinary).await?];
    for (field, what, text) in texts() {
        let body = |n: usize| match field {
            "body" => text.clone(),
            "email" => registration(&text, n, PASSWORD),
            _ => {
                let mut body =
                    json!({"email": format!("x{n}@example.com"), "username": format!("x-{n}"), "password": PASSWORD});
                body[field] = json!(text);
                body.to_string()
            }
        };
        inputs.push(measured(stack, path, &format!("{field}: {what}"), body).await?);
    }
    Ok(Route { path, inputs })
}

fn registration(email: &str, n: usize, password: &str) -> String {
    json!({"email": email, "username": format!("user-{n}"), "password": password}).to_string()
}

async fn measured(stack: &Stack, path: &str, what: &str, body: impl Fn(usize) -> String) -> Result<Input, BenchError> {
    let (mut bytes, mut status) = (0, 0);
    // The mails of the ordinary requests do not count.
    let spent = stack
        .held(async {
            let first = cpu()?;
            for n in 0..REPEATS {
                let body = body(n);
                bytes = body.len();
                let event: Value = serde_json::from_slice(&post(path, body)).doing(what)?;
                let answer = stack.invoke("auth", event).await.doing(what)?;
                status = answer["statusCode"].as_u64().unwrap_or_default();
            }
            Ok::<_, BenchError>(cpu()? - first)
        })
        .await?;
    let cpu_ms = spent.as_secs_f64() * 1e3 / REPEATS as f64;
    Ok(Input { what: what.to_owned(), bytes, status, cpu_ms })
}

/// The inputs: a field and its value, or a whole body.
fn texts() -> Vec<(&'static str, &'static str, String)> {
    let fill = |text: &str| text.repeat(LARGE / text.len());
    let json_fill = |text: &str| format!("{{{}\"email\":\"x@example.com\"}}", fill(text));
    vec![
        ("password", "the longest one that is taken", "p".repeat(1024)),
        ("password", "1,024 characters of four bytes", "\u{1F512}".repeat(1024)),
        ("password", "substitutions, 100 characters", "4@8({[<369!1|70$5+%2".repeat(5)),
        ("password", "substitutions, 64 KiB", fill("4@8({[<369!1|70$5+%2")),
        ("password", "one letter, 64 KiB", fill("a")),
        ("password", "combining marks, 64 KiB", fill("\u{0344}")),
        ("password", "combining marks out of order, 64 KiB", fill("\u{0315}\u{0300}\u{05AE}")),
        ("password", "letters that NFC joins, 64 KiB", fill("e\u{0301}")),
        ("password", "Hangul syllables in parts, 64 KiB", fill("\u{1100}\u{1161}\u{11A8}")),
        ("password", "the user's own name again and again", fill("user-0")),
        ("email", "one letter, 64 KiB", fill("a")),
        ("email", "at signs, 64 KiB", fill("@")),
        ("email", "white space around, 64 KiB", format!("{}x@example.com", fill(" ").split_at(LARGE / 2).0)),
        ("email", "a character that NFKC makes 18 of", fill("\u{FDFA}")),
        ("email", "a domain of such characters", format!("x@{}", fill("\u{FDFA}"))),
        ("email", "a domain of 30,000 labels", format!("x@{}example", fill("a."))),
        ("email", "one label in Punycode", format!("x@xn--{}", fill("a9b"))),
        ("email", "many labels in Punycode", format!("x@{}example", fill("xn--bcher-kva."))),
        ("email", "a domain of combining marks", format!("x@{}.example", fill("\u{0315}\u{0300}"))),
        ("email", "a domain of letters that IDNA maps", format!("x@{}.example", fill("\u{1E9E}"))),
        ("username", "one letter, 64 KiB", fill("a")),
        ("username", "combining marks, 64 KiB", fill("\u{0344}")),
        ("body", "no JSON", fill("x")),
        ("body", "open arrays", fill("[")),
        ("body", "arrays in an unknown field", format!("{{\"x\":{}{}}}", "[".repeat(LARGE / 2), "]".repeat(LARGE / 2))),
        ("body", "many unknown fields", json_fill("\"aa\":1,")),
        ("body", "one field again and again", json_fill("\"email\":\"\",")),
        ("body", "a number of 64 KiB", format!("{{\"email\":{}}}", fill("9"))),
        ("body", "a number with 64 KiB behind the point", format!("{{\"email\":0.{}e9}}", fill("9"))),
        ("body", "escaped characters", format!("{{\"email\":\"{}\"}}", fill("\\u00e9"))),
        ("body", "white space", format!("{}{{}}", fill(" \n"))),
        ("body", "more than 64 KiB", "x".repeat(65 * 1024)),
    ]
}
