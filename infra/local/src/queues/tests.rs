//! A queue: visibility, groups, duplicates, dead letters.

use super::*;
use dynoxide::Database;

fn queue(name: &'static str) -> (Queue, LocalClock) {
    let clock = LocalClock::frozen(Timestamp::UNIX_EPOCH);
    let spec = QueueSpec { name, visibility_seconds: 30, max_receives: 2 };
    (Queue::open(spec, Documents::open(Database::memory().unwrap()).unwrap(), clock.clone()).unwrap(), clock)
}

fn ids(messages: &[Message]) -> Vec<u32> {
    messages.iter().map(|message| message.id.parse().unwrap()).collect()
}

fn send(queue: &Queue, body: &str, group: &str) {
    queue.send(body.into(), Some(group.into()), None).unwrap();
}

// R6
#[test]
fn a_received_message_is_hidden_then_returns_then_becomes_a_dead_letter() {
    let (queue, clock) = queue("plain");
    send(&queue, "a", "");
    assert_eq!(ids(&queue.receive(10, false).unwrap()), [1]);
    assert!(queue.receive(10, false).unwrap().is_empty(), "hidden");
    clock.advance(SignedDuration::from_secs(30));
    let again = queue.receive(10, false).unwrap();
    assert_eq!((ids(&again), again[0].receives), (vec![1], 2));
    clock.advance(SignedDuration::from_secs(30));
    assert!(queue.receive(10, false).unwrap().is_empty(), "dead");
    assert_eq!(queue.depth(), Depth { name: "plain", depth: 0, in_flight: 0, dead: 1 });
    assert_eq!(queue.redrive().unwrap(), 1);
    assert_eq!(queue.depth().dead, 0);
    assert_eq!(queue.receive(10, false).unwrap()[0].receives, 1);
}

#[test]
fn a_deleted_message_is_not_received_again() {
    let (queue, clock) = queue("plain");
    send(&queue, "a", "");
    queue.delete(&queue.receive(1, false).unwrap()[0].id).unwrap();
    clock.advance(SignedDuration::from_secs(60));
    assert!(queue.receive(1, false).unwrap().is_empty() && !queue.has_work());
}

// D7
#[test]
fn only_the_current_receiver_can_change_the_visibility_of_a_message() {
    let (queue, clock) = queue("plain");
    send(&queue, "a", "");
    let change = |handle: &str, seconds| queue.change_visibility(handle, seconds).unwrap();
    let first = queue.receive(1, false).unwrap()[0].receipt_handle();
    for seconds in [-1, 12 * 3600 + 1] {
        assert_eq!(change(&first, seconds), Err(VisibilityError::InvalidParameterValue), "{seconds}");
    }
    assert_eq!(change("9-1", 10), Err(VisibilityError::ReceiptHandleIsInvalid));
    assert_eq!(change(&first, 900), Ok(()));
    clock.advance(SignedDuration::from_secs(899));
    assert!(queue.receive(1, false).unwrap().is_empty(), "longer than the queue's own visibility");
    clock.advance(SignedDuration::from_secs(1));
    assert_eq!(change(&first, 900), Err(VisibilityError::MessageNotInflight));
    let second = queue.receive(1, false).unwrap()[0].receipt_handle();
    assert_eq!(change(&first, 900), Err(VisibilityError::ReceiptHandleIsInvalid), "it was received again");
    assert_eq!(change(&second, 0), Ok(()));
    assert!(queue.receive(1, false).unwrap().is_empty(), "a dead letter after its last receive");
    assert_eq!(queue.depth().dead, 1);
    assert_eq!(change(&second, 0), Err(VisibilityError::ReceiptHandleIsInvalid));
}

// D7, R6
#[test]
fn a_fifo_group_waits_as_long_as_its_first_message() {
    let (queue, clock) = queue("orders.fifo");
    for (body, group) in [("a1", "a"), ("a2", "a"), ("b1", "b")] {
        send(&queue, body, group);
    }
    let received = queue.receive(2, false).unwrap();
    for (message, seconds) in received.iter().zip([600, 5]) {
        queue.change_visibility(&message.receipt_handle(), seconds).unwrap().unwrap();
    }
    clock.advance(SignedDuration::from_secs(5));
    assert_eq!(ids(&queue.receive(10, false).unwrap()), [3], "a2 is ready and waits for a1");
    clock.advance(SignedDuration::from_secs(595));
    assert_eq!(ids(&queue.receive(10, false).unwrap())[..2], [1, 2]);
}

// R6
#[test]
fn a_fifo_group_waits_for_its_first_message_and_the_others_go_on() {
    let (queue, clock) = queue("orders.fifo");
    for (body, group) in [("a1", "a"), ("a2", "a"), ("b1", "b")] {
        send(&queue, body, group);
    }
    assert_eq!(ids(&queue.receive(1, false).unwrap()), [1]);
    assert_eq!(ids(&queue.receive(10, false).unwrap()), [3], "a2 waits for a1");
    clock.advance(SignedDuration::from_secs(30));
    assert_eq!(ids(&queue.receive(10, false).unwrap()), [1, 2, 3], "in one batch they stand in order");
}

#[test]
fn a_fifo_queue_takes_the_same_message_once_in_five_minutes() {
    let (queue, clock) = queue("orders.fifo");
    let send = || queue.send("a".into(), Some("g".into()), Some("same".into())).unwrap();
    send();
    send();
    assert_eq!(queue.depth().depth, 1);
    clock.advance(SignedDuration::from_mins(5));
    send();
    assert_eq!(queue.depth().depth, 2);
}

// E16
#[test]
fn a_receive_reads_no_more_messages_however_many_wait() {
    for name in ["plain", "orders.fifo"] {
        let (queue, _) = queue(name);
        for n in 0..1000 {
            send(&queue, "a", &n.to_string());
        }
        for n in 0..90 {
            let received = queue.receive(10, false).unwrap();
            assert_eq!(received.len(), 10);
            if n % 2 == 0 {
                received.iter().for_each(|message| queue.delete(&message.id).unwrap());
            }
        }
        // Ten and the next one, of a thousand that wait or are hidden.
        assert_eq!(queue.held().reads, 90 * 11, "{name}");
        assert_eq!(queue.receive(1, true).unwrap().len(), 1);
        assert_eq!(queue.held().reads, 90 * 11 + 2, "{name}");
    }
}

#[test]
fn a_dead_letter_does_not_count_among_the_received() {
    let (queue, clock) = queue("plain");
    for body in ["a", "b"] {
        send(&queue, body, "");
    }
    for _ in 0..2 {
        assert_eq!(ids(&queue.receive(1, false).unwrap()), [1]);
        clock.advance(SignedDuration::from_secs(30));
    }
    assert_eq!(ids(&queue.receive(1, false).unwrap()), [2]);
    assert_eq!(queue.depth(), Depth { name: "plain", depth: 0, in_flight: 1, dead: 1 });
    assert!(queue.next_return().is_some());
}

#[test]
fn a_queue_that_is_opened_again_holds_its_messages_and_gives_new_ids() {
    let documents = Documents::open(Database::memory().unwrap()).unwrap();
    let open = || Queue::open(QUEUES[0], documents.clone(), LocalClock::frozen(Timestamp::UNIX_EPOCH)).unwrap();
    send(&open(), "a", "");
    let again = open();
    send(&again, "b", "");
    assert_eq!(ids(&again.receive(10, false).unwrap()), [1, 2]);
}
