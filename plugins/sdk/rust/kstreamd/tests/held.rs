//! Records that are finished later, by other threads.
use std::sync::mpsc::{channel, Sender};
use std::thread::JoinHandle;

use kstreamd::testing::Task;
use kstreamd::{Context, Error, Held, OwnedValue, Processor, Record, Setup, Value};

/// Hands records to a thread, which does what they say.
struct Later {
    to_thread: Option<Sender<Held>>,
    thread: Option<JoinHandle<()>>,
}

fn work(held: Held) {
    let said = match &held.record().value {
        OwnedValue::String(text) => text.clone(),
        other => format!("{other:?}"),
    };
    match said.as_str() {
        "fail" => drop(held.fail("asked to fail")),
        "discard" => drop(held.discard("asked_to")),
        "forget" => drop(held),
        "nothing" => drop(held.complete(&[])),
        "two" => {
            let record = held.record().clone();
            let copy = Record::new(record.key.get(), record.value.get(), 1);
            held.complete(&[copy, copy.with_timestamp(2)]);
        }
        text => drop(held.complete_with_value(Value::String(&text.to_uppercase()))),
    }
}

impl Processor for Later {
    const NAME: &'static str = "later";
    const DESCRIPTION: &'static str = "works elsewhere";
    const MAX_IN_FLIGHT: u32 = 3;

    fn create(config: &str, _: &mut Setup<'_>) -> Result<Self, String> {
        if config == "{}" {
            let (to_thread, from_task) = channel::<Held>();
            let thread = std::thread::spawn(move || from_task.into_iter().for_each(work));
            return Ok(Later { to_thread: Some(to_thread), thread: Some(thread) });
        }
        Ok(Later { to_thread: None, thread: None })
    }

    fn process(&mut self, record: &Record<'_>, context: &mut Context<'_>) -> Result<(), Error> {
        let held = match record.value().as_str() {
            Some("copy") => context.hold(&record.with_timestamp(0))?,
            Some("forward") => return context.forward(record),
            _ => context.hold(record)?,
        };
        match &self.to_thread {
            Some(thread) => thread.send(held).map_err(|_| Error::fatal("the thread is gone")),
            None => {
                work(held);
                Ok(())
            }
        }
    }
}

impl Drop for Later {
    fn drop(&mut self) {
        self.to_thread = None; // ends the thread
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn text(key: &'static str, value: &'static str) -> Record<'static> {
    Record::new(Value::String(key), Value::String(value), 5)
}

fn values(task: &mut Task<Later>) -> Vec<(OwnedValue, i64)> {
    task.take_output().into_iter().map(|record| (record.value, record.timestamp)).collect()
}

#[test]
fn records_come_back_from_another_thread_in_order_of_their_key() {
    let mut task = Task::<Later>::new("{}").unwrap();
    let batch: Vec<_> = ["a", "b", "c", "d", "e", "f", "g"].into_iter().map(|value| text("k", value)).collect();
    task.process(&batch).unwrap();
    task.finish().unwrap();
    let expected: Vec<_> = ["A", "B", "C", "D", "E", "F", "G"].into_iter().map(|v| (OwnedValue::from(v), 5)).collect();
    assert_eq!(values(&mut task), expected);
}

#[test]
fn failures_drops_and_several_outputs() {
    let mut task = Task::<Later>::new("{}").unwrap();
    let batch: Vec<_> =
        ["fail", "discard", "two", "nothing", "forget"].into_iter().map(|value| text("k", value)).collect();
    let _ = task.process(&batch);
    let _ = task.finish();
    assert_eq!(values(&mut task), [("two".into(), 1), ("two".into(), 2)]);
    assert_eq!(task.dropped("asked_to"), 1);
    assert_eq!(task.held(), 0);
    let forgotten = "the processor let go of the record that it held without finishing it";
    assert_eq!(task.errors(), ["asked to fail", forgotten]);
}

#[test]
fn completes_from_within_process() {
    let mut task = Task::<Later>::new(r#"{"thread": false}"#).unwrap();
    task.process(&[text("k", "now")]).unwrap();
    task.finish().unwrap();
    assert_eq!(values(&mut task), [("NOW".into(), 5)]);
}

#[test]
fn what_is_not_of_the_batch_cannot_be_held_and_nothing_is_forwarded() {
    let mut task = Task::<Later>::new("{}").unwrap();
    assert_eq!(task.process(&[text("k", "copy")]).unwrap_err(), "it holds a record that is not of the batch at hand");
    let mut task = Task::<Later>::new("{}").unwrap();
    assert!(task.process(&[text("k", "forward")]).unwrap_err().contains("does not forward during process"));
}

#[test]
fn what_is_held_at_the_end_is_let_go_without_a_failure() {
    let (sender, receiver) = channel::<Held>();
    struct Keeps(Sender<Held>);
    thread_local!(static TO: std::cell::RefCell<Option<Sender<Held>>> = std::cell::RefCell::new(None));
    TO.with(|to| *to.borrow_mut() = Some(sender));
    impl Processor for Keeps {
        const NAME: &'static str = "keeps";
        const DESCRIPTION: &'static str = "keeps what it gets";
        const MAX_IN_FLIGHT: u32 = 10;
        fn create(_: &str, _: &mut Setup<'_>) -> Result<Self, String> {
            TO.with(|to| to.borrow_mut().take()).map(Keeps).ok_or_else(|| "once".to_string())
        }
        fn process(&mut self, record: &Record<'_>, context: &mut Context<'_>) -> Result<(), Error> {
            self.0.send(context.hold(record)?).map_err(|_| Error::fatal("nobody listens"))
        }
    }
    let mut task = Task::<Keeps>::new("{}").unwrap();
    task.process(&[text("k", "kept"), text("k", "too")]).unwrap();
    assert_eq!(task.held(), 2);
    drop(task);
    let late = receiver.recv().unwrap();
    assert_eq!(late.record().value, "kept".into());
    assert!(!late.complete(&[]), "nobody waits for it any more");
    drop(receiver.recv().unwrap());
}
