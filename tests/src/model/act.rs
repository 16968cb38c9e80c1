//! What can happen, each drawn at random: what people, admins and cards do, what time does, and what goes wrong.

use proptest::collection::vec;
use proptest::prelude::*;
use std::fmt;
use tollgate_local::faults::{Kind, Service};

/// The names of those who take part; the first one is also the admin, who never leaves.
pub const NAMES: [&str; 3] = ["ann", "bob", "cleo"];
/// The plans that are for sale, by their codes.
pub const PLANS: [&str; 4] = ["pro", "team", "yearly", "tried"];
/// What the stand-in's cards do.
const CARDS: [(Card, &str); 4] = [
    (Card::Pays, "4242424242424242"),
    (Card::FailsLater, "4000000000000341"),
    (Card::AsksLater, "4000002760003184"),
    (Card::Declined, "4000000000000002"),
];
/// So far one step of the clock goes, in seconds: from a moment to more than a month.
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
/// So long a preview is thought over, in seconds; an hour is as long as it holds.
const THOUGHTS: [i64; 4] = [60, 1_800, 3_600, 3_601];
const MODES: [&str; 5] = ["normal", "hold", "reverse", "duplicate", "drop"];
const OUTCOMES: [&str; 3] = ["paid", "failed", "action_required"];
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
}

impl Card {
    pub fn number(self) -> &'static str {
        CARDS.iter().find(|(card, _)| *card == self).map_or("", |(_, number)| number)
    }
}

/// One of the people, by a number that is taken modulo how many there are.
pub type Who = usize;

/// One act. Numbers that choose among what is there at that time are taken modulo how much there is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Act {
    Subscribe {
        who: Who,
        plan: &'static str,
    },
    Pay {
        newest: usize,
        card: Card,
    },
    /// A checkout made at Stripe itself beside any other, and paid.
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
    /// Another plan at the price that its preview said, so many seconds before.
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
    /// In Stripe's dashboard a discount is given for so many months.
    Discount {
        who: Who,
        percent: u32,
        months: u32,
    },
    /// In Stripe's dashboard the collection of payments is paused in this way; `None` ends the pause.
    PauseCollection {
        who: Who,
        behavior: Option<&'static str>,
    },
    /// In Stripe's dashboard the plan of the period after next is set.
    Schedule {
        who: Who,
        plan: &'static str,
    },
    /// Another application makes something in the same Stripe account, of a shape that nobody here knows.
    Foreign {
        kind: &'static str,
    },
    /// Stripe refuses all refunds for good, until nothing fails any more.
    RefuseRefunds,
    /// Somebody deletes the account, and comes again with another address and the same cards.
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
    /// The process dies as by `kill -9` and is started again on the same folder.
    Restart,
}

/// Who takes part in what.
#[derive(Debug, Clone, PartialEq)]
pub struct Sequence {
    pub people: usize,
    pub acts: Vec<Act>,
}

impl Sequence {
    pub fn name(&self, who: Who) -> &'static str {
        NAMES[who % self.people]
    }
}

/// So many acts a sequence has.
const LENGTH: std::ops::RangeInclusive<usize> = 30..=60;

pub fn sequences() -> impl Strategy<Value = Sequence> {
    (1..=NAMES.len(), vec(act(), LENGTH)).prop_map(|(people, acts)| Sequence { people, acts })
}

fn one_of<T: Copy + fmt::Debug + 'static>(all: &'static [T]) -> impl Strategy<Value = T> + Clone {
    prop::sample::select(all)
}

fn card() -> impl Strategy<Value = Card> + Clone {
    prop_oneof![4 => Just(Card::Pays), 2 => Just(Card::FailsLater), 2 => Just(Card::AsksLater), 1 => Just(Card::Declined)]
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        20 => bought(),
        14 => kept(),
        9 => at_stripe(),
        10 => one_of(&STEPS).prop_map(|(seconds, words)| Act::Clock { seconds, words }),
        8 => delivered(),
        8 => disturbed(),
        10 => Just(Act::Drain),
    ]
}

/// What brings money in.
fn bought() -> impl Strategy<Value = Act> {
    let who = 0..NAMES.len();
    prop_oneof![
        8 => (who.clone(), one_of(&PLANS)).prop_map(|(who, plan)| Act::Subscribe { who, plan }),
        8 => (0..3_usize, card()).prop_map(|(newest, card)| Act::Pay { newest, card }),
        2 => (who.clone(), one_of(&PLANS), card()).prop_map(|(who, plan, card)| Act::PaySecond { who, plan, card }),
        3 => (who, card()).prop_map(|(who, card)| Act::PayInvoice { who, card }),
    ]
}

/// What becomes of what was bought.
fn kept() -> impl Strategy<Value = Act> {
    let who = 0..NAMES.len();
    prop_oneof![
        4 => who.clone().prop_map(|who| Act::Cancel { who }),
        3 => who.clone().prop_map(|who| Act::Resume { who }),
        1 => (who.clone(), one_of(&PLANS)).prop_map(|(who, plan)| Act::Preview { who, plan }),
        4 => (who.clone(), one_of(&PLANS)).prop_map(|(who, plan)| Act::Upgrade { who, plan }),
        4 => (who.clone(), one_of(&PLANS), one_of(&THOUGHTS))
            .prop_map(|(who, plan, seconds)| Act::UpgradeAsPreviewed { who, plan, seconds }),
        3 => (who.clone(), one_of(&BUTTONS), card())
            .prop_map(|(who, button, card)| Act::Portal { who, button, card }),
        1 => who.clone().prop_map(|who| Act::Deactivate { who }),
        2 => who.prop_map(|who| Act::Delete { who }),
        1 => (one_of(&PLANS), 1..6_u32).prop_map(|(plan, tier)| Act::SetTier { plan, tier }),
        1 => (one_of(&PLANS), 5..60_u32).prop_map(|(plan, cents)| Act::SetPrice { plan, cents: cents * 100 }),
    ]
}

fn at_stripe() -> impl Strategy<Value = Act> {
    let who = 0..NAMES.len();
    prop_oneof![
        6 => (who.clone(), one_of(&OUTCOMES)).prop_map(|(who, outcome)| Act::Renew { who, outcome }),
        2 => who.clone().prop_map(|who| Act::End { who }),
        3 => (who.clone(), 0..3_usize, any::<bool>())
            .prop_map(|(who, newest, is_whole)| Act::Refund { who, newest, is_whole }),
        2 => (who.clone(), 0..3_usize).prop_map(|(who, newest)| Act::Dispute { who, newest }),
        2 => (0..3_usize, any::<bool>()).prop_map(|(newest, is_won)| Act::CloseDispute { newest, is_won }),
        2 => (who.clone(), 1..5_u32).prop_map(|(who, quantity)| Act::Quantity { who, quantity }),
        2 => (who.clone(), one_of(&PERCENTS), 1..4_u32)
            .prop_map(|(who, percent, months)| Act::Discount { who, percent, months }),
        1 => (who.clone(), one_of(&BEHAVIORS)).prop_map(|(who, behavior)| Act::PauseCollection { who, behavior }),
        1 => (who, one_of(&PLANS)).prop_map(|(who, plan)| Act::Schedule { who, plan }),
        2 => one_of(&KINDS).prop_map(|kind| Act::Foreign { kind }),
        1 => Just(Act::RefuseRefunds),
    ]
}

fn delivered() -> impl Strategy<Value = Act> {
    prop_oneof![
        5 => one_of(&MODES).prop_map(|mode| Act::Deliver { mode }),
        3 => (0..20_usize).prop_map(|newest| Act::Resend { newest }),
        3 => one_of(&SCHEDULES).prop_map(|schedule| Act::Run { schedule }),
    ]
}

fn disturbed() -> impl Strategy<Value = Act> {
    let service = prop_oneof![
        3 => Just(Service::Stripe), 3 => Just(Service::Dynamodb), 1 => Just(Service::Sqs)
    ];
    let kinds =
        [Kind::Throttle, Kind::Error, Kind::Hang, Kind::LostResponse, Kind::StopBefore, Kind::StopAfter].to_vec();
    prop_oneof![
        6 => (service, prop::sample::select(kinds), 0..8_u32, 1..5_u32)
            .prop_map(|(service, kind, after, times)| Act::Fault { service, kind, after, times }),
        3 => Just(Act::NoFaults),
        1 => Just(Act::Restart),
    ]
}

/// An act in words, in a sequence that says who is meant.
pub struct Told<'a>(pub &'a Sequence, pub Act);

impl fmt::Display for Told<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = |who: Who| self.0.name(who);
        match self.1 {
            Act::Subscribe { who, plan } => write!(f, "{} subscribes to {plan}", name(who)),
            Act::Pay { newest, card } => write!(f, "checkout {newest} from the newest is paid with {card:?}"),
            Act::PaySecond { who, plan, card } => {
                write!(f, "{} pays another checkout of {plan} at Stripe with {card:?}", name(who))
            }
            Act::Cancel { who } => write!(f, "{} cancels", name(who)),
            Act::Resume { who } => write!(f, "{} resumes", name(who)),
            Act::Preview { who, plan } => write!(f, "{} previews {plan}", name(who)),
            Act::Upgrade { who, plan } => write!(f, "{} changes to {plan}", name(who)),
            Act::UpgradeAsPreviewed { who, plan, seconds } => {
                write!(f, "{} previews {plan} and changes to it after {seconds} s", name(who))
            }
            Act::Portal { who, button, card } => write!(f, "{} presses {button} ({card:?}) in the portal", name(who)),
            Act::PayInvoice { who, card } => write!(f, "{} pays an open invoice with {card:?}", name(who)),
            Act::Deactivate { who } => write!(f, "{} closes the account", name(who)),
            Act::SetTier { plan, tier } => write!(f, "{plan} gets tier {tier}"),
            Act::SetPrice { plan, cents } => write!(f, "{plan} gets the price {cents}"),
            Act::Clock { words, .. } => write!(f, "{words} later"),
            Act::Renew { who, outcome } => write!(f, "{} is renewed: {outcome}", name(who)),
            Act::End { who } => write!(f, "{} is ended at Stripe", name(who)),
            Act::Refund { who, newest, is_whole } => {
                let what = if is_whole { "all" } else { "a part" };
                write!(f, "{} gets {what} of payment {newest} from the newest back", name(who))
            }
            Act::Dispute { who, newest } => write!(f, "{} disputes payment {newest} from the newest", name(who)),
            Act::CloseDispute { newest, is_won } => {
                let how = if is_won { "won" } else { "lost" };
                write!(f, "dispute {newest} from the newest is {how}")
            }
            Act::Quantity { who, quantity } => write!(f, "{} gets the quantity {quantity}", name(who)),
            Act::Discount { who, percent, months } => {
                write!(f, "{} gets a discount of {percent} % for {months} months", name(who))
            }
            Act::PauseCollection { who, behavior } => {
                write!(f, "the collection of {}: {}", name(who), behavior.unwrap_or("not paused"))
            }
            Act::Schedule { who, plan } => write!(f, "{} is scheduled for {plan} at Stripe", name(who)),
            Act::Foreign { kind } => write!(f, "another application makes a {kind}"),
            Act::RefuseRefunds => write!(f, "Stripe refuses all refunds"),
            Act::Delete { who } => write!(f, "{} deletes the account and comes again", name(who)),
            Act::Deliver { mode } => write!(f, "deliveries: {mode}"),
            Act::Resend { newest } => write!(f, "event {newest} from the newest is sent again"),
            Act::Fault { service, kind, after, times } => {
                write!(f, "after {after} calls {service:?} fails {times} times by {kind:?}")
            }
            Act::NoFaults => write!(f, "nothing fails any more"),
            Act::Run { schedule } => write!(f, "the schedule {schedule} runs"),
            Act::Drain => write!(f, "everything under way arrives"),
            Act::Restart => write!(f, "the process dies and is started again"),
        }
    }
}
