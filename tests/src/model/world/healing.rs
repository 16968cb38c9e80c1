//! The end of a run: every failure is over, all work is done, and the world is compared with what is expected.

use super::*;

impl World {
    /// Delivers and repairs everything, and compares the stored state with Stripe's.
    pub async fn heal_and_compare(&mut self) -> Vec<String> {
        let mut wrong = Differences::default();
        if !self.memory.was_disturbed {
            self.app.drain().await;
            let dead = self.app.stack.dead_letters();
            wrong.hold(dead == 0, || format!("{dead} dead letters though nothing failed"));
        }
        if let Err(error) = self.heal().await {
            wrong.0.push(error);
            return wrong.0;
        }
        let plans = match self.plans().await {
            Ok(plans) => plans,
            Err(error) => return vec![error],
        };
        let mut expected = Expected::read(&self.app, plans).await;
        self.memory.history.see_all(&expected);
        let users: Vec<_> = self.memory.people.iter().map(Person::id).collect();
        let stored = Stored::all(&self.app, &users).await;
        stored::known_failures(&mut wrong, &mut expected, &stored);
        let entries = rows(&self.app, "audit").await;
        for (who, stored) in stored.iter().enumerate() {
            let name = self.memory.people[who].email.clone();
            let mut own = Differences::default();
            self.compare(&mut own, who, &expected, stored, &entries).await;
            wrong.0.extend(own.0.into_iter().map(|difference| format!("{name}: {difference}")));
        }
        for user in &self.memory.gone {
            stored::deleted(&mut wrong, user, &expected);
        }
        for (kind, is_reached) in expected.results().into_iter().chain(stored::results(&stored)) {
            if is_reached {
                self.memory.reach(kind);
            }
        }
        for row in rows(&self.app, "outbox").await.iter().filter(|row| waits(row)) {
            wrong.0.push(format!("a message waits: {row}"));
        }
        if wrong.0.is_empty() {
            self.go_on(&mut wrong, &expected).await;
        }
        wrong.0
    }

    async fn heal(&mut self) -> Result<(), String> {
        self.stop_failing().await;
        self.dashboard("delivery", json!({"mode": "normal"})).await?;
        self.memory.is_reported = true;
        for _ in 0..3 {
            self.by_the_world(Step::Drain).await?;
            if self.app.stack.dead_letters() == 0 {
                break;
            }
            self.by_the_world(Step::Clock { seconds: CLAIMS_LAPSE_SECONDS, words: "" }).await?;
            for queue in QUEUES {
                self.app.send(Method::POST, &format!("/_local/queues/{queue}/redrive"), &[], None).await.expect(200);
            }
        }
        // A comparison that a fault interrupted is finished first: the next one finds what came after its start.
        let interrupted = self.memory.was_disturbed.then_some("reconcile");
        for schedule in interrupted.into_iter().chain(SCHEDULES) {
            self.by_the_world(Step::Run { schedule }).await?;
            self.by_the_world(Step::Drain).await?;
        }
        let queues = self.app.get("/_local/queues").await.expect(200).body["items"].clone();
        let is_empty = |queue: &Value| ["depth", "in_flight", "dead"].iter().all(|field| queue[field] == 0);
        let all_empty = queues.as_array().is_some_and(|queues| queues.iter().all(is_empty));
        if all_empty { Ok(()) } else { Err(format!("the queues are not empty: {queues}")) }
    }

    async fn compare(
        &mut self,
        wrong: &mut Differences,
        who: Who,
        expected: &Expected,
        stored: &Stored,
        entries: &[Value],
    ) {
        let (user, email) = (self.person(who).id().to_owned(), self.person(who).email.clone());
        stored::subscriptions(wrong, &user, expected, stored);
        stored::given_back(wrong, &user, expected, stored, &self.memory.ended);
        stored::payments(wrong, &user, expected, stored);
        stored::gate(wrong, &user, expected, stored);
        stored::copy(wrong, &user, stored);
        stored::checkouts(wrong, &user, expected, &self.app).await;
        let mails = self.app.get(&format!("/_local/emails?to={email}")).await.expect(200).body["items"].clone();
        let mails = mails.as_array().cloned().unwrap_or_default();
        let Memory { history, ended, doubles, .. } = &self.memory;
        reports::mails(wrong, (&user, &mails), expected, stored, (history, ended), *doubles);
        reports::changes(wrong, &mails, entries, stored, *doubles);
        reports::audit(wrong, entries, stored);
        if self.person(who).is_closed {
            stored::closed(wrong, &user, expected);
        } else if let Err(error) = self.compare_answers(wrong, who, expected, stored).await {
            wrong.0.push(error);
        }
    }

    /// Compares the API's answers.
    async fn compare_answers(
        &mut self,
        wrong: &mut Differences,
        who: Who,
        expected: &Expected,
        stored: &Stored,
    ) -> Result<(), String> {
        let user = self.person(who).id().to_owned();
        let me = self.ask(who, (Method::GET, "/me"), Value::Null, &[200]).await?.body;
        let tier = stored::access(expected, stored, &user).map_or(json!(0), |(tier, _, _)| tier);
        wrong.same("tier of /me", &me["tier"], &tier);
        let mine = self.ask(who, (Method::GET, "/billing/subscriptions/me"), Value::Null, &[200, 404]).await?;
        let shown = stored::shown(expected, stored, &user);
        if mine.status == 404 {
            wrong.hold(shown.is_empty(), || format!("no_subscription, and Stripe has {shown:?}"));
        } else {
            let here = stored::as_shown(&mine.body);
            wrong.hold(shown.contains(&here), || format!("{here} is shown, right is {}", Value::from(shown)));
        }
        let payments = "/billing/payments/me?limit=100";
        let payments = self.ask(who, (Method::GET, payments), Value::Null, &[200]).await?.body["items"].clone();
        let fields = ["id", "amount_cents", "refunded_cents", "currency", "status"];
        let mut here: Vec<_> = payments.as_array().unwrap().iter().map(|p| fields.map(|f| p[f].to_string())).collect();
        let mut there: Vec<_> = stored.payments.iter().map(|p| fields.map(|f| p[f].to_string())).collect();
        here.sort();
        there.sort();
        wrong.hold(here == there, || format!("{here:?} are listed, {there:?} are kept"));
        Ok(())
    }

    /// Checks that no user is blocked: a user without a subscription can start one, a subscriber cannot start another.
    async fn go_on(&mut self, wrong: &mut Differences, expected: &Expected) {
        for who in 0..self.memory.people.len() {
            if self.person(who).is_closed {
                continue;
            }
            let all = expected.of(self.person(who).id(), &expected.subscriptions);
            let has_one = all.into_iter().any(|found| is_live(found) || expected.is_first_debit(found));
            let wanted = if has_one { 409 } else { 201 };
            let body = json!({"plan_code": PLANS[0]});
            if let Err(error) = self.post(who, "/billing/subscriptions/subscribe", body, &[wanted]).await {
                wrong.0.push(format!("in the end {error}"));
            }
        }
        if let Err(error) = self.by_the_world(Step::Drain).await {
            wrong.0.push(error);
        }
    }
}
