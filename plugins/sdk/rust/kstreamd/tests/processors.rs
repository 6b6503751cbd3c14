//! The edge between a processor and its host, through the C functions: what is forwarded, what fails and how.
use kstreamd::testing::Task;
use kstreamd::{
    Clock, Context, Error, Header, OwnedValue, Processor, Record, Schedule, Setup, StoreKind, StoreNeed, Value,
    Version, VersionRange, LATEST,
};

fn text(key: &'static str, value: &'static str, timestamp: i64) -> Record<'static> {
    Record::new(Value::String(key), Value::String(value), timestamp)
}

fn values<P: Processor>(task: &mut Task<P>) -> Vec<String> {
    let text = |value: OwnedValue| match value {
        OwnedValue::String(text) => text,
        other => panic!("no text: {other:?}"),
    };
    task.take_output().into_iter().map(|record| text(record.value)).collect()
}

/// Does what the value of a record says.
struct Obedient;

impl Processor for Obedient {
    const NAME: &'static str = "obedient";
    const DESCRIPTION: &'static str = "does what the value says";
    const OUTPUTS: &'static [&'static str] = &["main", "side"];

    fn create(config: &str, setup: &mut Setup<'_>) -> Result<Self, String> {
        let config = kstreamd::Config::parse(config)?;
        match config.text_or("create", "well")? {
            "badly" => Err("it does not want to".to_string()),
            "panic" => panic!("in create"),
            "output" => setup.output("nowhere").map(|_| Obedient).map_err(String::from),
            _ => Ok(Obedient),
        }
    }

    fn process(&mut self, record: &Record<'_>, context: &mut Context<'_>) -> Result<(), Error> {
        match record.value().as_str().unwrap_or("") {
            "drop" => context.drop("asked_to"),
            "fail" => return Err(Error::record("asked to fail")),
            "fatal" => return Err(Error::fatal("asked to end")),
            "panic" => panic!("asked to {}", "panic"),
            "time" => {
                let told = format!("{} at {}", context.stream_time(), record.origin().map_or(-1, |o| o.offset()));
                context.forward(&record.with_value(Value::String(&told)))?;
            }
            "number" => {
                "x".parse::<i64>()?;
            }
            "swallow" => drop(context.forward_to(kstreamd::Output::nth(9), record)),
            "reason" => context.drop("No Reason"),
            "side" => {
                let side = context.output("side")?;
                context.forward_to(side, record)?;
            }
            "headers" => {
                let name = String::from("trace");
                let mut headers = record.headers().to_vec();
                headers.push(Header::new(&name, Some(b"new")));
                headers.push(Header::new("empty", None));
                context.forward(&record.with_headers(&headers))?;
            }
            other => {
                let temporary = format!("{other}!");
                context.forward(&record.with_value(Value::String(&temporary)))?;
            }
        }
        Ok(())
    }
}

#[test]
fn forwards_a_batch_whose_texts_are_gone_by_then() {
    let mut task = Task::<Obedient>::new("{}").unwrap();
    task.process(&[text("a", "one", 1), text("b", "two", 2), text("c", "three", 3)]).unwrap();
    assert_eq!(values(&mut task), ["one!", "two!", "three!"]);
}

#[test]
fn keeps_key_timestamp_and_headers() {
    let mut task = Task::<Obedient>::new("{}").unwrap();
    let headers = [Header::new("trace", Some(b"old"))];
    let record = text("k", "headers", 7).with_headers(&headers);
    task.process(&[record, record]).unwrap();
    let out = task.take_output();
    assert_eq!(out.len(), 2);
    assert_eq!((&out[1].key, out[1].timestamp), (&OwnedValue::from("k"), 7));
    let expected = [("trace", Some(b"old".to_vec())), ("trace", Some(b"new".to_vec())), ("empty", None)];
    assert_eq!(out[1].headers, expected.map(|(name, value)| (name.to_string(), value)));
}

#[test]
fn goes_on_behind_records_that_fail_or_panic() {
    let mut task = Task::<Obedient>::new("{}").unwrap();
    let batch =
        [text("a", "1", 0), text("a", "fail", 0), text("a", "panic", 0), text("a", "number", 0), text("a", "2", 0)];
    assert!(task.process(&batch).is_err());
    assert_eq!(values(&mut task), ["1!", "2!"]);
    assert_eq!(task.errors(), ["asked to fail", "panicked: asked to panic", "invalid digit found in string"]);
}

#[test]
fn a_fatal_error_is_no_error_of_the_record() {
    let mut task = Task::<Obedient>::new("{}").unwrap();
    assert_eq!(task.process(&[text("a", "fatal", 0)]).unwrap_err(), "asked to end");
    assert!(task.errors().is_empty());
}

#[test]
fn a_status_of_the_host_that_is_swallowed_still_counts() {
    let mut task = Task::<Obedient>::new("{}").unwrap();
    assert_eq!(task.process(&[text("a", "swallow", 0)]).unwrap_err(), "there is no output 9");
}

#[test]
fn counts_drops_and_refuses_a_reason_that_is_none() {
    let mut task = Task::<Obedient>::new("{}").unwrap();
    assert!(task.process(&[text("a", "drop", 0), text("a", "reason", 0), text("a", "drop", 0)]).is_err());
    assert_eq!(task.dropped("asked_to"), 2);
    assert!(task.errors()[0].contains("'No Reason' is no reason to drop"), "{:?}", task.errors());
}

#[test]
fn stream_time_is_that_of_the_record() {
    let mut task = Task::<Obedient>::new("{}").unwrap();
    task.process(&[text("a", "time", 5), text("a", "time", 3), text("a", "time", 9)]).unwrap();
    task.process(&[text("a", "time", 1)]).unwrap();
    assert_eq!(values(&mut task), ["5 at 0", "5 at 1", "9 at 2", "9 at 3"]);
}

#[test]
fn outputs_have_names() {
    let mut task = Task::<Obedient>::new("{}").unwrap();
    task.process(&[text("a", "side", 0), text("a", "x", 0)]).unwrap();
    assert_eq!(task.take_output_of("side").len(), 1);
    assert_eq!(task.take_output_of("main").len(), 1);
    assert_eq!(task.take_output_of("main").len(), 0);
}

#[test]
fn create_says_why_it_fails() {
    let why = |config| Task::<Obedient>::new(config).err().unwrap();
    assert_eq!(why(r#"{"create": "badly"}"#), "it does not want to");
    assert_eq!(why(r#"{"create": "panic"}"#), "panicked: in create");
    assert_eq!(why(r#"{"create": "output"}"#), "there is no output 'nowhere'; there are: main, side");
    assert_eq!(why(r#"{"create": 1}"#), "'create' must be a text, not 1");
    assert!(why("[]").contains("no object"));
}

/// A processor of batches, which may forget to say where it is.
struct Batches {
    says: bool,
}

impl Processor for Batches {
    const NAME: &'static str = "batches";
    const DESCRIPTION: &'static str = "fails at the third record";

    fn create(config: &str, _: &mut Setup<'_>) -> Result<Self, String> {
        Ok(Batches { says: config != "{}" })
    }

    fn process(&mut self, _: &Record<'_>, _: &mut Context<'_>) -> Result<(), Error> {
        unreachable!("process_batch is there")
    }

    fn process_batch(&mut self, records: &[Record<'_>], context: &mut Context<'_>) -> Result<(), Error> {
        for (index, record) in records.iter().enumerate() {
            if self.says {
                context.processing(index);
            }
            if record.value() == Value::String("bad") {
                return Err(Error::record("this one"));
            }
            context.forward(record)?;
        }
        Ok(())
    }
}

#[test]
fn a_processor_of_batches_names_the_record() {
    let batch = [text("a", "1", 0), text("a", "bad", 0), text("a", "2", 0)];
    let mut task = Task::<Batches>::new(r#"{"says": true}"#).unwrap();
    assert_eq!(task.process(&batch).unwrap_err(), "this one");
    assert_eq!(values(&mut task), ["1", "2"]);

    let mut task = Task::<Batches>::new("{}").unwrap();
    let why = task.process(&batch).unwrap_err();
    assert!(why.contains("without saying at which record (Context::processing): this one"), "{why}");
}

/// Counts in a store, and tells the counts on a schedule.
struct Counter {
    every: Option<Schedule>,
    seen: kstreamd::Metric,
}

impl Processor for Counter {
    const NAME: &'static str = "counter";
    const DESCRIPTION: &'static str = "counts by key";
    const STORES: &'static [StoreNeed] = &[
        StoreNeed { purpose: "counts", kind: StoreKind::KeyValue },
        StoreNeed { purpose: "windows", kind: StoreKind::Window },
        StoreNeed { purpose: "sessions", kind: StoreKind::Session },
    ];

    fn create(_: &str, setup: &mut Setup<'_>) -> Result<Self, String> {
        Ok(Counter { every: None, seen: setup.counter("seen", "records seen")? })
    }

    fn init(&mut self, context: &mut Context<'_>) -> Result<(), Error> {
        self.every = Some(context.schedule(Clock::StreamTime, 100, Some(100))?);
        context.schedule(Clock::WallClock, 1000, None)?;
        let past = context.schedule(Clock::WallClock, 10, Some(7))?;
        context.cancel(past);
        Ok(())
    }

    fn process(&mut self, record: &Record<'_>, context: &mut Context<'_>) -> Result<(), Error> {
        self.seen.record(1.0);
        let mut counts = context.key_value(0);
        match record.value().as_str() {
            Some("panic") => counts.range(Value::Null, Value::Null, false, |_| panic!("in a visitor"))?,
            Some("window") => drop(context.window(0).get(record.key(), 0)?),
            _ => {
                let before = counts.get(record.key())?.and_then(|row| row.value.as_i64()).unwrap_or(0);
                counts.put(record.key(), Value::Int64(before + 1), record.timestamp())?;
            }
        }
        Ok(())
    }

    fn punctuate(&mut self, schedule: Schedule, timestamp: i64, context: &mut Context<'_>) -> Result<(), Error> {
        if Some(schedule) != self.every {
            context.cancel(schedule);
            return context.forward(&Record::new(Value::Null, Value::String("wall clock"), timestamp));
        }
        let mut told = Vec::new();
        context.key_value(0).range(Value::Null, Value::Null, true, |row| {
            told.push(format!("{}={}", row.key.as_str().unwrap_or("?"), row.value.as_i64().unwrap_or(0)));
            told.len() < 2
        })?;
        context.forward(&Record::new(Value::Null, Value::String(&told.join(" ")), timestamp))
    }
}

#[test]
fn punctuates_behind_the_record_that_moved_stream_time() {
    let mut task = Task::<Counter>::new("{}").unwrap();
    task.process(&[text("a", "", 1), text("a", "", 99), text("b", "", 100), text("c", "", 150), text("c", "", 420)])
        .unwrap();
    let out = task.take_output();
    let shown: Vec<_> = out.iter().map(|r| (r.value.clone(), r.timestamp)).collect();
    assert_eq!(shown, [("b=1 a=2".into(), 100), ("c=2 b=1".into(), 420)]);
    assert_eq!(task.stored(0, Value::String("a")), Some((OwnedValue::Int64(2), 99)));
    assert_eq!(task.rows(0), 3);
    assert_eq!(task.recorded("seen").len(), 5);
}

#[test]
fn a_schedule_on_the_wall_clock_can_end_itself() {
    let mut task = Task::<Counter>::new("{}").unwrap();
    task.advance_wall_clock(999).unwrap();
    assert!(task.take_output().is_empty());
    task.advance_wall_clock(1).unwrap();
    assert_eq!(values(&mut task), ["wall clock"]);
    task.advance_wall_clock(5000).unwrap();
    assert!(task.take_output().is_empty());
}

#[test]
fn a_panic_in_a_visitor_is_an_error_of_the_record() {
    let mut task = Task::<Counter>::new("{}").unwrap();
    task.process(&[text("a", "", 1), text("b", "", 1)]).unwrap();
    assert_eq!(task.process(&[text("a", "panic", 1)]).unwrap_err(), "panicked: in a visitor");
}

#[test]
fn a_store_of_another_kind_ends_the_processor() {
    let mut task = Task::<Counter>::new("{}").unwrap();
    let why = task.process(&[text("a", "window", 1)]).unwrap_err();
    assert_eq!(why, "the node has no store 0 of the kind Window");
}

#[test]
fn values_of_all_kinds_pass_and_compare() {
    for value in [
        Value::Null,
        Value::Bool(true),
        Value::Int32(-1),
        Value::Int64(i64::MIN),
        Value::Float64(0.5),
        Value::String(""),
        Value::String("ü"),
        Value::Bytes(b"\xff\0"),
        Value::Json("{}"),
    ] {
        let mut task = Task::<Batches>::new(r#"{"says": true}"#).unwrap();
        let record = Record::new(value, value, 0);
        task.process(&[record, record]).unwrap();
        let out = task.take_output();
        assert_eq!((out[1].key.get(), out[1].value.get()), (value, value));
    }
}

/// Puts prices, and tells what was valid when.
struct Prices;

impl Processor for Prices {
    const NAME: &'static str = "prices";
    const DESCRIPTION: &'static str = "keeps what prices were";
    const STORES: &'static [StoreNeed] = &[StoreNeed { purpose: "prices", kind: StoreKind::Versioned }];

    fn create(_: &str, _: &mut Setup<'_>) -> Result<Self, String> {
        Ok(Prices)
    }

    fn process(&mut self, record: &Record<'_>, context: &mut Context<'_>) -> Result<(), Error> {
        let key = record.key();
        let mut store = context.versioned(0);
        let price = |price, timestamp| (key, Value::Int64(price), timestamp);
        let ends =
            store.put_many(&[price(1, 10), price(3, 30), price(2, 20), (Value::String("kk"), Value::Int64(9), 5)])?;
        let as_of =
            |found: Option<Version<'_>>| found.map(|version| (version.value.as_i64(), version.from, version.to));
        let mut told = vec![
            format!("{ends:?}"),
            format!("{:?}", as_of(store.get(key, LATEST)?)),
            format!("{:?}", as_of(store.get(key, 25)?)),
            format!("{:?}", as_of(store.get(key, 9)?)),
            format!("{:?}", store.delete_many(&[(key, 24)])?.pop().and_then(as_of)),
        ];
        store.scan(&[VersionRange { key, from: 15, to: LATEST }], true, |range, version| {
            told.push(format!("{range}: {:?}", as_of(Some(version))));
            true
        })?;
        context.forward(&Record::new(key, Value::String(&told.join("; ")), 0))
    }
}

#[test]
fn versions_are_put_found_deleted_and_shown() {
    let mut task = Task::<Prices>::new("{}").unwrap();
    task.process(&[text("k", "", 0)]).unwrap();
    assert_eq!(
        values(&mut task),
        [format!(
            "[Some({LATEST}), Some({LATEST}), Some(30), Some({LATEST})]; Some((Some(3), 30, {LATEST})); \
             Some((Some(2), 20, 30)); None; Some((Some(2), 20, 30)); 0: Some((Some(3), 30, {LATEST})); \
             0: Some((Some(2), 20, 24)); 0: Some((Some(1), 10, 20))"
        )]
    );
}
