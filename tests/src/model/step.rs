//! The random steps: actions of users and admins, payments, time, and faults.

use proptest::collection::vec;
use proptest::prelude::*;
use std::fmt;
use tollgate_local::faults::Kind;
use tollgate_local::service::Service;

/// The names of the users; the first one is also the admin, who never closes the account.
pub const NAMES: [&str; 3] = ["ann", "bob", "cleo"];
/// The codes of the plans that are for sale.
pub const PLANS: [&str; 4] = ["pro", "team", "yearly", "tried"];
/// The outcomes of the fake's cards.
const CARDS: [(Card, &str); 6] = [
    (Card::Pays, "4242424242424242"),
    (Card::FailsLater, "4000000000000341"),
    (Card::AsksLater, "4000002760003184"),
    (Card::Declined, "4000000000000002"),
    (Card::Debits, "6200000000000005"),
    (Card::DebitFails, "6200000000000047"),
];
/// The advances of the clock, in seconds: from a second to more than a month.
const STEPS: [(i64, &str); 8] = [
    (1, "a second"),
    (60, "a minute"),
    (3_600, "an hour"),
    (86_400, "a day"),
    (3 * 86_400, "three days"),
    (8 * 86_400, "eight days"),
    (25 * 86_400, "twenty-five days"),
    (32 * 86_400, "thirty-two days"),
];
/// The seconds between a preview and the change; a preview is valid for an hour.
const THOUGHTS: [i64; 4] = [60, 1_800, 3_600, 3_601];
const MODES: [&str; 5] = ["normal", "hold", "reverse", "duplicate", "drop"];
const OUTCOMES: [&str; 5] = ["paid", "failed", "action_required", "processing", "processing_fails"];
const SCHEDULES: [&str; 4] = ["expiry", "reconcile", "reminders", "outbox"];
const PERCENTS: [u32; 4] = [10, 25, 33, 100];
const BEHAVIORS: [Option<&str>; 3] = [None, Some("void"), Some("keep_as_draft")];
const KINDS: [&str; 7] = ["product", "price", "customer", "subscription", "invoice", "charge", "refund"];
const BUTTONS: [&str; 3] = ["cancel", "resume", "card"];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Card {
    Pays,
    FailsLater,
    AsksLater,
    Declined,
    /// A bank account, whose debits are in progress for a day.
    Debits,
    /// A bank account, whose debits fail after eight days.
    DebitFails,
}

impl Card {
    /// Whether it is a bank account, whose payments take days.
    pub const fn is_debit(self) -> bool {
        matches!(self, Self::Debits | Self::DebitFails)
    }

    pub fn number(self) -> &'static str {
        CARDS.iter().find(|(card, _)| *card == self).map_or("", |(_, number)| number)
    }
}

/// A user, by a number that is taken modulo the number of users.
pub type Who = usize;

/// One step. Numbers that choose among existing objects are taken modulo their count.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Step {
    Subscribe {
        who: Who,
        plan: &'static str,
    },
    Pay {
        newest: usize,
        card: Card,
    },
    /// A checkout that is created at Stripe itself beside any other, and paid.
    PaySecond {
        who: Who,
        plan: &'static str,
        card: Card,
    },
    Cancel {
        who: Who,
    },
    Resume {
        who: Who,
    },
    Preview {
        who: Who,
        plan: &'static str,
    },
    Upgrade {
        who: Who,
        plan: &'static str,
    },
    /// Another plan at the price of its preview, this number of seconds later.
    UpgradeAsPreviewed {
        who: Who,
        plan: &'static str,
        seconds: i64,
    },
    Portal {
        who: Who,
        button: &'static str,
        card: Card,
    },
    PayInvoice {
        who: Who,
        card: Card,
    },
    Deactivate {
        who: Who,
    },
    SetTier {
        plan: &'static str,
        tier: u32,
    },
    SetPrice {
        plan: &'static str,
        cents: u32,
    },
    Clock {
        seconds: i64,
        words: &'static str,
    },
    Renew {
        who: Who,
        outcome: &'static str,
    },
    End {
        who: Who,
    },
    Refund {
        who: Who,
        newest: usize,
        is_whole: bool,
    },
    Dispute {
        who: Who,
        newest: usize,
    },
    /// The bank decides an open dispute.
    CloseDispute {
        newest: usize,
        is_won: bool,
    },
    /// In Stripe's dashboard the quantity changes.
    Quantity {
        who: Who,
        quantity: u32,
    },
    /// In Stripe's dashboard a discount is added for this number of months.
    Discount {
        who: Who,
        percent: u32,
        months: u32,
    },
    /// In Stripe's dashboard the collection of payments is paused with this behavior; `None` ends the pause.
    PauseCollection {
        who: Who,
        behavior: Option<&'static str>,
    },
    /// In Stripe's dashboard the plan of the period after the next one is set.
    Schedule {
        who: Who,
        plan: &'static str,
    },
    /// Another application creates an object of an unknown shape in the same Stripe account.
    Foreign {
        kind: &'static str,
    },
    /// Stripe refuses all refunds permanently, until all faults end.
    RefuseRefunds,
    /// A user deletes the account and registers again with another address and the same cards.
    Delete {
        who: Who,
    },
    Deliver {
        mode: &'static str,
    },
    Resend {
        newest: usize,
    },
    Fault {
        service: Service,
        kind: Kind,
        after: u32,
        times: u32,
    },
    NoFaults,
    Run {
        schedule: &'static str,
    },
    Drain,
    /// The process is killed as by `kill -9` and restarted on the same folder.
    Restart,
}

/// The users and the steps.
#[derive(Debug, Clone, PartialEq)]
pub struct Sequence {
    pub people: usize,
    pub steps: Vec<Step>,
}

impl Sequence {
    pub fn name(&self, who: Who) -> &'static str {
        NAMES[who % self.people]
    }
}

/// The number of steps of a sequence.
const LENGTH: std::ops::RangeInclusive<usize> = 30..=60;

pub fn sequences() -> impl Strategy<Value = Sequence> {
    (1..=NAMES.len(), vec(step(), LENGTH)).prop_map(|(people, steps)| Sequence { people, steps })
}

fn one_of<T: Copy + fmt::Debug + 'static>(all: &'static [T]) -> impl Strategy<Value = T> + Clone {
    prop::sample::select(all)
}

fn card() -> impl Strategy<Value = Card> + Clone {
    prop_oneof![4 => Just(Card::Pays), 2 => Just(Card::FailsLater), 2 => Just(Card::AsksLater), 1 => Just(Card::Declined),
        1 => Just(Card::Debits), 1 => Just(Card::DebitFails)]
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        20 => bought(),
        14 => changes(),
        16 => at_stripe(),
        10 => one_of(&STEPS).prop_map(|(seconds, words)| Step::Clock { seconds, words }),
        8 => delivered(),
        8 => disturbed(),
        10 => Just(Step::Drain),
    ]
}

/// Steps with payments.
fn bought() -> impl Strategy<Value = Step> {
    let who = 0..NAMES.len();
    prop_oneof![
        8 => (who.clone(), one_of(&PLANS)).prop_map(|(who, plan)| Step::Subscribe { who, plan }),
        8 => (0..3_usize, card()).prop_map(|(newest, card)| Step::Pay { newest, card }),
        4 => (who.clone(), one_of(&PLANS), card()).prop_map(|(who, plan, card)| Step::PaySecond { who, plan, card }),
        5 => (who, card()).prop_map(|(who, card)| Step::PayInvoice { who, card }),
    ]
}

/// Changes of subscriptions.
fn changes() -> impl Strategy<Value = Step> {
    let who = 0..NAMES.len();
    prop_oneof![
        4 => who.clone().prop_map(|who| Step::Cancel { who }),
        3 => who.clone().prop_map(|who| Step::Resume { who }),
        1 => (who.clone(), one_of(&PLANS)).prop_map(|(who, plan)| Step::Preview { who, plan }),
        4 => (who.clone(), one_of(&PLANS)).prop_map(|(who, plan)| Step::Upgrade { who, plan }),
        4 => (who.clone(), one_of(&PLANS), one_of(&THOUGHTS))
            .prop_map(|(who, plan, seconds)| Step::UpgradeAsPreviewed { who, plan, seconds }),
        3 => (who.clone(), one_of(&BUTTONS), card())
            .prop_map(|(who, button, card)| Step::Portal { who, button, card }),
        1 => who.clone().prop_map(|who| Step::Deactivate { who }),
        2 => who.prop_map(|who| Step::Delete { who }),
        1 => (one_of(&PLANS), 1..6_u32).prop_map(|(plan, tier)| Step::SetTier { plan, tier }),
        1 => (one_of(&PLANS), 5..60_u32).prop_map(|(plan, cents)| Step::SetPrice { plan, cents: cents * 100 }),
    ]
}

fn at_stripe() -> impl Strategy<Value = Step> {
    let who = 0..NAMES.len();
    prop_oneof![
        6 => (who.clone(), one_of(&OUTCOMES)).prop_map(|(who, outcome)| Step::Renew { who, outcome }),
        2 => who.clone().prop_map(|who| Step::End { who }),
        3 => (who.clone(), 0..3_usize, any::<bool>())
            .prop_map(|(who, newest, is_whole)| Step::Refund { who, newest, is_whole }),
        3 => (who.clone(), 0..3_usize).prop_map(|(who, newest)| Step::Dispute { who, newest }),
        6 => (0..3_usize, any::<bool>()).prop_map(|(newest, is_won)| Step::CloseDispute { newest, is_won }),
        2 => (who.clone(), 1..5_u32).prop_map(|(who, quantity)| Step::Quantity { who, quantity }),
        4 => (who.clone(), one_of(&PERCENTS), 1..4_u32)
            .prop_map(|(who, percent, months)| Step::Discount { who, percent, months }),
        1 => (who.clone(), one_of(&BEHAVIORS)).prop_map(|(who, behavior)| Step::PauseCollection { who, behavior }),
        1 => (who, one_of(&PLANS)).prop_map(|(who, plan)| Step::Schedule { who, plan }),
        2 => one_of(&KINDS).prop_map(|kind| Step::Foreign { kind }),
        1 => Just(Step::RefuseRefunds),
    ]
}

fn delivered() -> impl Strategy<Value = Step> {
    prop_oneof![
        5 => one_of(&MODES).prop_map(|mode| Step::Deliver { mode }),
        3 => (0..20_usize).prop_map(|newest| Step::Resend { newest }),
        3 => one_of(&SCHEDULES).prop_map(|schedule| Step::Run { schedule }),
    ]
}

fn disturbed() -> impl Strategy<Value = Step> {
    let service = prop_oneof![
        3 => Just(Service::Stripe), 3 => Just(Service::Dynamodb), 1 => Just(Service::Sqs)
    ];
    let kinds =
        [Kind::Throttle, Kind::Error, Kind::Hang, Kind::LostResponse, Kind::StopBefore, Kind::StopAfter].to_vec();
    prop_oneof![
        6 => (service, prop::sample::select(kinds), 0..8_u32, 1..5_u32)
            .prop_map(|(service, kind, after, times)| Step::Fault { service, kind, after, times }),
        3 => Just(Step::NoFaults),
        1 => Just(Step::Restart),
    ]
}

/// The text of a step, with the names of its sequence.
pub struct Description<'a>(pub &'a Sequence, pub Step);

impl fmt::Display for Description<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = |who: Who| self.0.name(who);
        match self.1 {
            Step::Subscribe { who, plan } => write!(f, "{} subscribes to {plan}", name(who)),
            Step::Pay { newest, card } => write!(f, "checkout {newest} from the newest is paid with {card:?}"),
            Step::PaySecond { who, plan, card } => {
                write!(f, "{} pays another checkout of {plan} at Stripe with {card:?}", name(who))
            }
            Step::Cancel { who } => write!(f, "{} cancels", name(who)),
            Step::Resume { who } => write!(f, "{} resumes", name(who)),
            Step::Preview { who, plan } => write!(f, "{} previews {plan}", name(who)),
            Step::Upgrade { who, plan } => write!(f, "{} changes to {plan}", name(who)),
            Step::UpgradeAsPreviewed { who, plan, seconds } => {
                write!(f, "{} previews {plan} and changes to it after {seconds} s", name(who))
            }
            Step::Portal { who, button, card } => write!(f, "{} presses {button} ({card:?}) in the portal", name(who)),
            Step::PayInvoice { who, card } => write!(f, "{} pays an open invoice with {card:?}", name(who)),
            Step::Deactivate { who } => write!(f, "{} closes the account", name(who)),
            Step::SetTier { plan, tier } => write!(f, "{plan} gets tier {tier}"),
            Step::SetPrice { plan, cents } => write!(f, "{plan} gets the price {cents}"),
            Step::Clock { words, .. } => write!(f, "{words} later"),
            Step::Renew { who, outcome } => write!(f, "{} is renewed: {outcome}", name(who)),
            Step::End { who } => write!(f, "{} is ended at Stripe", name(who)),
            Step::Refund { who, newest, is_whole } => {
                let what = if is_whole { "all" } else { "a part" };
                write!(f, "{} gets {what} of payment {newest} from the newest back", name(who))
            }
            Step::Dispute { who, newest } => write!(f, "{} disputes payment {newest} from the newest", name(who)),
            Step::CloseDispute { newest, is_won } => {
                let how = if is_won { "won" } else { "lost" };
                write!(f, "dispute {newest} from the newest is {how}")
            }
            Step::Quantity { who, quantity } => write!(f, "{} gets the quantity {quantity}", name(who)),
            Step::Discount { who, percent, months } => {
                write!(f, "{} gets a discount of {percent} % for {months} months", name(who))
            }
            Step::PauseCollection { who, behavior } => {
                write!(f, "the collection of {}: {}", name(who), behavior.unwrap_or("not paused"))
            }
            Step::Schedule { who, plan } => write!(f, "{} is scheduled for {plan} at Stripe", name(who)),
            Step::Foreign { kind } => write!(f, "another application makes a {kind}"),
            Step::RefuseRefunds => write!(f, "Stripe refuses all refunds"),
            Step::Delete { who } => write!(f, "{} deletes the account and comes again", name(who)),
            Step::Deliver { mode } => write!(f, "deliveries: {mode}"),
            Step::Resend { newest } => write!(f, "event {newest} from the newest is sent again"),
            Step::Fault { service, kind, after, times } => {
                write!(f, "after {after} calls {service:?} fails {times} times by {kind:?}")
            }
            Step::NoFaults => write!(f, "all faults end"),
            Step::Run { schedule } => write!(f, "the schedule {schedule} runs"),
            Step::Drain => write!(f, "all messages arrive"),
            Step::Restart => write!(f, "the process is killed and restarted"),
        }
    }
}
