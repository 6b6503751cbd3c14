//! The rate_limit plugin: see README.md.
#![forbid(unsafe_code)]

use kstreamd::json::object;
use kstreamd::{
    Clock, Config, Context, Error, Output, OwnedValue, Problems, Processor, Record, Schedule, Setup, StoreKind,
    StoreNeed, Value,
};

const PASSED: Output = Output::nth(0);
const REPORT: Output = Output::nth(1);
const WINDOWS: u32 = 0;
const CLOSED_AT_ONCE: usize = 1000;

/// The row of a key: its latest window, and how many records of it came. 16 bytes, big-endian.
#[derive(Clone, Copy)]
struct Window {
    start: i64,
    records: u64,
}

impl Window {
    fn read(value: Value<'_>) -> Result<Self, Error> {
        let bytes = match value {
            Value::Bytes(bytes) => <[u8; 16]>::try_from(bytes).ok(),
            _ => None,
        };
        let bytes = bytes.ok_or_else(|| {
            Error::fatal("the store holds no windows: give it `value: bytes` and keep it for this node")
        })?;
        let number = u128::from_be_bytes(bytes);
        Ok(Window { start: (number >> 64) as i64, records: number as u64 })
    }

    fn write(&self) -> [u8; 16] {
        (u128::from(self.start as u64) << 64 | u128::from(self.records)).to_be_bytes()
    }
}

struct RateLimit {
    limit: u64,
    per: i64,
}

impl RateLimit {
    fn configured(config: &str) -> Result<Self, String> {
        let config = Config::parse(config)?;
        let limit = u64::try_from(config.integer("limit")?).map_err(|_| "'limit' must not be negative")?;
        let per = config.duration_ms("per")?;
        if per < 1 {
            return Err("'per' must be longer than nothing".to_string());
        }
        Ok(RateLimit { limit, per })
    }

    /// Begins the window that a record belongs to, unless the key is already at that one or, for a late record, past it.
    fn window_at(&self, timestamp: i64, known: Option<Window>) -> Window {
        let start = timestamp.saturating_sub(timestamp.rem_euclid(self.per));
        match known {
            Some(window) if window.start >= start => window,
            _ => Window { start, records: 0 },
        }
    }

    /// Tells how many records of a window were over the limit, if any.
    fn report(&self, key: Value<'_>, window: Window, timestamp: i64, context: &mut Context<'_>) -> Result<(), Error> {
        if window.records <= self.limit {
            return Ok(());
        }
        let over = i64::try_from(window.records - self.limit).unwrap_or(i64::MAX);
        let told = object([
            ("from", window.start.into()),
            ("limited", over.into()),
            ("to", (window.start.saturating_add(self.per)).into()),
        ]);
        context.forward_to(REPORT, &Record::new(key, Value::Json(&told.to_string()), timestamp))
    }
}

impl Processor for RateLimit {
    const NAME: &'static str = "rate_limit";
    const DESCRIPTION: &'static str =
        "passes at most so many records of a key per window, and reports those it kept back";
    const CONFIG_SCHEMA: Option<&'static str> = Some(
        r#"{
  "type": "object",
  "additionalProperties": false,
  "required": ["limit", "per"],
  "properties": {
    "limit": {"type": "integer", "minimum": 0, "description": "records of a key that pass in a window"},
    "per": {"type": "string", "pattern": "^[0-9]+(ms|s|m|h|d)$", "description": "the window's length, such as 1m"}
  }
}"#,
    );
    const OUTPUTS: &'static [&'static str] = &["passed", "report"];
    const STORES: &'static [StoreNeed] =
        &[StoreNeed { purpose: "the latest window of each key", kind: StoreKind::KeyValue }];

    fn check(config: &str, problems: &mut Problems) {
        if let Err(why) = Self::configured(config) {
            problems.error("", why, "say for example `limit: 10` and `per: 1m`");
        }
    }

    fn create(config: &str, _: &mut Setup<'_>) -> Result<Self, String> {
        Self::configured(config)
    }

    fn init(&mut self, context: &mut Context<'_>) -> Result<(), Error> {
        context.schedule(Clock::StreamTime, self.per, Some(self.per))?;
        Ok(())
    }

    fn process(&mut self, record: &Record<'_>, context: &mut Context<'_>) -> Result<(), Error> {
        if record.key().is_null() {
            context.drop("null_key");
            return Ok(());
        }
        let known = match context.key_value(WINDOWS).get(record.key())? {
            Some(row) => Some(Window::read(row.value)?),
            None => None,
        };
        let mut window = self.window_at(record.timestamp(), known);
        if let Some(old) = known.filter(|old| old.start != window.start) {
            self.report(record.key(), old, record.timestamp(), context)?;
        }
        window.records += 1;
        context.key_value(WINDOWS).put(record.key(), Value::Bytes(&window.write()), record.timestamp())?;
        if window.records > self.limit {
            context.drop("rate_limited");
            return Ok(());
        }
        context.forward_to(PASSED, record)
    }

    /// Closes the windows that stream time has left, some at a time.
    fn punctuate(&mut self, _: Schedule, stream_time: i64, context: &mut Context<'_>) -> Result<(), Error> {
        let mut closed: Vec<(OwnedValue, Window)> = Vec::new();
        let mut broken = None;
        context.key_value(WINDOWS).range(Value::Null, Value::Null, false, |row| {
            match (Window::read(row.value), OwnedValue::copy_of(&row.key)) {
                (Ok(window), Some(key)) if window.start.saturating_add(self.per) <= stream_time => {
                    closed.push((key, window))
                }
                (Err(why), _) => broken = Some(why),
                _ => {}
            }
            closed.len() < CLOSED_AT_ONCE
        })?;
        if let Some(why) = broken {
            return Err(why);
        }
        for (key, window) in &closed {
            self.report(key.get(), *window, stream_time, context)?;
        }
        let keys: Vec<Value<'_>> = closed.iter().map(|(key, _)| key.get()).collect();
        context.key_value(WINDOWS).delete(&keys)?;
        Ok(())
    }
}

kstreamd::plugin!("rate_limit", env!("CARGO_PKG_VERSION"), [RateLimit]);

#[cfg(test)]
mod tests {
    use super::*;
    use kstreamd::testing::Task;

    fn record(key: &'static str, value: &'static str, timestamp: i64) -> Record<'static> {
        Record::new(Value::String(key), Value::String(value), timestamp)
    }

    fn two_per_second() -> Task<RateLimit> {
        Task::new(r#"{"limit": 2, "per": "1s"}"#).unwrap()
    }

    #[test]
    fn passes_so_many_of_each_key() {
        let mut task = two_per_second();
        task.process(&[record("a", "1", 0), record("a", "2", 1), record("b", "1", 2), record("a", "3", 999)]).unwrap();
        let passed = task.take_output_of("passed");
        let passed: Vec<_> = passed.iter().map(|r| (r.key.get(), r.value.get())).collect();
        let texts = [("a", "1"), ("a", "2"), ("b", "1")];
        assert_eq!(passed, texts.map(|(key, value)| (Value::String(key), Value::String(value))));
        assert_eq!(task.dropped("rate_limited"), 1);
    }

    #[test]
    fn begins_anew_in_the_next_window_and_reports_the_last() {
        let mut task = two_per_second();
        task.process(&[record("a", "1", 0), record("a", "2", 0), record("a", "3", 0), record("a", "4", 0)]).unwrap();
        task.process(&[record("a", "5", 1500)]).unwrap();
        assert_eq!(task.take_output_of("passed").len(), 3);
        let report = task.take_output_of("report");
        assert_eq!(report.len(), 1);
        assert_eq!(report[0].value, OwnedValue::Json(r#"{"from":0,"limited":2,"to":1000}"#.to_string()));
    }

    #[test]
    fn closes_windows_of_keys_that_stay_away() {
        let mut task = two_per_second();
        task.process(&[record("a", "1", 0), record("a", "2", 0), record("a", "3", 0), record("b", "1", 1)]).unwrap();
        assert_eq!(task.rows(0), 2);
        task.process(&[record("c", "1", 1000)]).unwrap();
        assert_eq!(task.rows(0), 1);
        assert_eq!(task.take_output_of("report").len(), 1);
    }

    #[test]
    fn a_late_record_counts_in_the_window_its_key_is_at() {
        let mut task = two_per_second();
        task.process(&[record("a", "1", 5000), record("a", "2", 10), record("a", "3", 20)]).unwrap();
        assert_eq!(task.take_output_of("passed").len(), 2);
        assert_eq!(task.dropped("rate_limited"), 1);
    }

    #[test]
    fn a_store_with_something_else_in_it_stops_the_topology() {
        let mut task = two_per_second();
        task.put(0, Value::String("a"), Value::Int64(1), 0);
        assert!(task.process(&[record("a", "1", 0)]).unwrap_err().contains("the store holds no windows"));
        assert!(task.errors().is_empty());
    }

    #[test]
    fn a_configuration_is_checked() {
        let why = |config| Task::<RateLimit>::new(config).err().unwrap();
        assert_eq!(why(r#"{"limit": -1, "per": "1s"}"#), "'limit' must not be negative");
        assert_eq!(why(r#"{"limit": 1, "per": "0s"}"#), "'per' must be longer than nothing");
        assert_eq!(why(r#"{"limit": 1}"#), "'per' is missing");
        let problems = Task::<RateLimit>::check(r#"{"limit": 1, "per": "soon"}"#);
        assert!(problems[0].1.contains("'per' is no duration: 'soon'"));
    }
}
