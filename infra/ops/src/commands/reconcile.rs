//! `reconcile`: runs the comparison with Stripe of the schedule of this name. It has no time limit, and a run that was
//! cut short, here or in AWS, continues after its last page.

use crate::arguments::Write;
use crate::confirm::confirm;
use crate::outcome::{Failure, Outcome};
use crate::progress::Bar;
use crate::target::Target;
use crate::trail::record;
use serde_json::json;
use std::time::Duration;
use tollgate_platform::{Env, Outbound};
use tollgate_store::Store;
use tollgate_sweeper::{Config, Schedule, State, handle};

const PAUSE: Duration = Duration::from_millis(500);

pub async fn run(target: &Target, write: Write) -> Result<Outcome, Failure> {
    confirm(target, write, "Repairing what differs from Stripe")?;
    let (store, gateway) = (target.store(), target.stripe().await?);
    gateway.check_key().await?;
    let before = store.reconciliation().await?;
    let pages = before.run.as_ref().map_or(0, |run| before.pages.iter().filter(|page| page.run == run.id).count());
    if write.dry_run {
        let text = match pages {
            0 => "a new run would begin".to_owned(),
            pages => format!("the run of {pages} pages so far would be continued"),
        };
        return Ok(Outcome::done(text, json!({"dry_run": true, "pages": pages, "failed": before.failed})));
    }
    record(target, "reconcile", json!({"resumed_after_pages": pages})).await?;
    let env = settings(target).await?;
    let state = State::new(Config::from_env(&env)?, &target.sdk, Outbound::system(), target.clock.clone());
    let bar = Bar::new("pages of Stripe's lists, repaired");
    let swept = tokio::select! {
        swept = Box::pin(handle(Schedule::Reconcile, &state)) => swept?,
        failed = show(&store, &bar) => return Err(failed),
    };
    drop(bar);
    target.announce_write().await?;
    let text = match swept.handled {
        0 => "nothing differs from Stripe".to_owned(),
        handled => format!("{handled} users or plans were repaired"),
    };
    Ok(Outcome::done(text, json!({"repaired": swept.handled, "resumed_after_pages": pages})))
}

/// The settings of the function, so that the same rules apply here.
async fn settings(target: &Target) -> Result<Env, Failure> {
    target.settings("sweeper").await
}

/// Shows how many pages were read, and of those that differ how many were repaired. Ends only with an error.
async fn show(store: &Store, bar: &Bar) -> Failure {
    loop {
        tokio::time::sleep(PAUSE).await;
        match store.reconciliation().await {
            Ok(now) => {
                let repaired = now.pages.iter().filter(|page| page.differing.is_empty() || page.is_repaired).count();
                let number = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
                bar.set(number(repaired), number(now.pages.len()));
            }
            Err(error) => return Failure::partly("tables_unavailable", error, "run the same command again"),
        }
    }
}
