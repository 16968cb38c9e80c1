//! The choice of the orders to run: of orders with certainly the same result, one (source sets with sleep sets;
//! Abdulla, Aronis, Jonsson, Sagonas, Optimal Dynamic Partial Order Reduction, 2014).
//!
//! A run is a sequence of steps, each of one worker. Where two steps of different workers use the same item, and no
//! step between them forces their order, the run with these steps exchanged is run, too.

use super::footprint::Footprint;
use std::collections::{BTreeMap, BTreeSet};

/// The position in the tree of all interleavings: the steps of the current run, and the remaining choices at each.
#[derive(Debug, Default)]
pub struct Exploration {
    nodes: Vec<Node>,
    /// The number of steps of the current run that have been chosen.
    chosen: usize,
}

/// A step at which a program was chosen.
#[derive(Debug)]
struct Node {
    /// The programs that can run, and the footprint of the next step of each.
    next: BTreeMap<usize, Footprint>,
    taken: usize,
    /// The requested choices, tried ones included.
    requested: BTreeSet<usize>,
    /// The choices that would repeat an earlier run.
    asleep: BTreeSet<usize>,
}

impl Exploration {
    /// The next program to run; `None` if another run has the same result.
    pub fn choose(&mut self, next: BTreeMap<usize, Footprint>) -> Option<usize> {
        if let Some(node) = self.nodes.get_mut(self.chosen) {
            assert!(next.contains_key(&node.taken), "the same choices lead to the same calls");
            // What this run uses: random values (the id of a new session, for example) differ in each run.
            node.next = next;
        } else {
            let asleep = self.nodes.last().map(Node::still_asleep).unwrap_or_default();
            let taken = *next.keys().find(|worker| !asleep.contains(worker))?;
            self.nodes.push(Node { next, taken, requested: BTreeSet::from([taken]), asleep });
        }
        self.chosen += 1;
        Some(self.nodes[self.chosen - 1].taken)
    }

    /// Moves to the next run; `false` after the last one.
    pub fn advance(&mut self) -> bool {
        self.request_swaps();
        self.chosen = 0;
        while let Some(node) = self.nodes.last_mut() {
            node.asleep.insert(node.taken);
            if let Some(other) = node.requested.difference(&node.asleep).next() {
                node.taken = *other;
                return true;
            }
            self.nodes.pop();
        }
        false
    }

    /// Requests at each step the program that must run there so that a later step comes first.
    fn request_swaps(&mut self) {
        // For each step, the earlier steps that had to come first.
        let mut causes: Vec<BTreeSet<usize>> = Vec::new();
        for later in 0..self.nodes.len() {
            let direct: Vec<_> = (0..later).filter(|earlier| self.depend(*earlier, later)).collect();
            let of_direct: BTreeSet<usize> = direct.iter().flat_map(|step| causes[*step].iter().copied()).collect();
            for earlier in direct.iter().copied() {
                let is_race = self.nodes[earlier].taken != self.nodes[later].taken && !of_direct.contains(&earlier);
                if is_race {
                    let free: Vec<_> =
                        (earlier + 1..later).filter(|step| !causes[*step].contains(&earlier)).chain([later]).collect();
                    let begins = |step: &usize| {
                        let own = if *step == later { &of_direct } else { &causes[*step] };
                        let is_direct = |cause: &usize| *step == later && direct.contains(cause);
                        !free.iter().any(|cause| cause < step && (own.contains(cause) || is_direct(cause)))
                    };
                    let first: BTreeSet<_> =
                        free.iter().filter(|step| begins(step)).map(|step| self.nodes[*step].taken).collect();
                    let node = &mut self.nodes[earlier];
                    if node.requested.is_disjoint(&first) {
                        node.requested.extend(first.first());
                    }
                }
            }
            causes.push(direct.into_iter().chain(of_direct).collect());
        }
    }

    /// Whether two steps of the run cannot be exchanged.
    fn depend(&self, earlier: usize, later: usize) -> bool {
        let (one, other) = (&self.nodes[earlier], &self.nodes[later]);
        one.taken == other.taken || !one.step().commutes_with(other.step())
    }
}

impl Node {
    fn step(&self) -> &Footprint {
        &self.next[&self.taken]
    }

    /// The sleep set after the step: the programs that it does not affect.
    fn still_asleep(&self) -> BTreeSet<usize> {
        let sleeps = |worker: &&usize| **worker != self.taken && self.next[worker].commutes_with(self.step());
        self.asleep.iter().filter(sleeps).copied().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// What a step of these programs does to one of several places: reads it, or writes it.
    type Step = (u8, bool);

    /// The order of two steps, each named by its program and position.
    type Relation = BTreeSet<((usize, usize), (usize, usize))>;

    /// The order of the conflicting steps of a run: runs with the same order have the same result.
    fn relation(run: &[(usize, usize, Step)]) -> Relation {
        let mut found = BTreeSet::new();
        for (at, (one, step, (place, writes))) in run.iter().enumerate() {
            for (other, later, (there, too)) in &run[at + 1..] {
                if one != other && place == there && (*writes || *too) {
                    found.insert(((*one, *step), (*other, *later)));
                }
            }
        }
        found
    }

    /// The relations of all runs, and the number of runs that were started.
    fn explored(programs: &[Vec<Step>]) -> (Vec<Relation>, usize) {
        let (mut found, mut begun) = (Vec::new(), 0);
        let mut exploration = Exploration::default();
        loop {
            let mut at = vec![0; programs.len()];
            let mut run = Vec::new();
            begun += 1;
            let is_whole = loop {
                let can_go = (0..programs.len()).filter(|worker| at[*worker] < programs[*worker].len());
                let next: BTreeMap<_, _> = can_go
                    .map(|worker| (worker, programs[worker][at[worker]]))
                    // Like an item with a new id in each run, a place has another name in each.
                    .map(|(w, (p, writes))| (w, Footprint::of_place(begun * 16 + usize::from(p), writes)))
                    .collect();
                if next.is_empty() {
                    break true;
                }
                let Some(worker) = exploration.choose(next) else { break false };
                run.push((worker, at[worker], programs[worker][at[worker]]));
                at[worker] += 1;
            };
            if is_whole {
                found.push(relation(&run));
            }
            if !exploration.advance() {
                return (found, begun);
            }
        }
    }

    /// The same by running every order.
    fn all(
        programs: &[Vec<Step>],
        at: &mut [usize],
        run: &mut Vec<(usize, usize, Step)>,
        found: &mut BTreeSet<Relation>,
    ) {
        let mut is_whole = true;
        for worker in 0..programs.len() {
            if at[worker] < programs[worker].len() {
                is_whole = false;
                run.push((worker, at[worker], programs[worker][at[worker]]));
                at[worker] += 1;
                all(programs, at, run, found);
                at[worker] -= 1;
                run.pop();
            }
        }
        if is_whole {
            found.insert(relation(run));
        }
    }

    proptest! {
        #[test]
        fn every_result_is_reached_once(programs in prop::collection::vec(prop::collection::vec((0_u8..3, any::<bool>()), 0..4), 1..4)) {
            let mut requested = BTreeSet::new();
            all(&programs, &mut vec![0; programs.len()], &mut Vec::new(), &mut requested);
            let (found, _) = explored(&programs);
            prop_assert_eq!(found.len(), requested.len());
            prop_assert_eq!(found.into_iter().collect::<BTreeSet<_>>(), requested);
        }
    }

    #[test]
    fn independent_programs_are_run_once() {
        let (found, begun) = explored(&[vec![(0, true); 5], vec![(1, true); 5], vec![(2, true); 5]]);
        assert_eq!((found.len(), begun), (1, 1));
    }
}
