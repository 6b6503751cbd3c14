//! Counts the records of each key, and passes every so many of them with the count.
#![forbid(unsafe_code)]

use kstreamd::{Config, Context, Error, Processor, Record, Setup, StoreKind, StoreNeed, Value};

/// One instance per node and task.
struct ExampleNameProcessor {
    every: i64,
}

/// Store 0: key -> how many records of it came (int64).
const SEEN: u32 = 0;

impl Processor for ExampleNameProcessor {
    const NAME: &'static str = "example_name";
    const DESCRIPTION: &'static str = "passes every so many records of a key, with its count";
    const CONFIG_SCHEMA: Option<&'static str> = Some(
        r#"{
  "type": "object",
  "additionalProperties": false,
  "properties": {
    "every": {"type": "integer", "minimum": 1, "description": "which records of a key pass; default 1, all of them"}
  }
}"#,
    );
    const STORES: &'static [StoreNeed] =
        &[StoreNeed { purpose: "records seen of each key", kind: StoreKind::KeyValue }];

    fn create(config: &str, _: &mut Setup<'_>) -> Result<Self, String> {
        let every = Config::parse(config)?.integer_or("every", 1)?;
        if every < 1 {
            return Err("'every' must be 1 or more".to_string());
        }
        Ok(ExampleNameProcessor { every })
    }

    fn process(&mut self, record: &Record<'_>, context: &mut Context<'_>) -> Result<(), Error> {
        if record.key().is_null() {
            context.drop("null_key");
            return Ok(());
        }
        let text =
            record.value().as_str().ok_or_else(|| Error::record("takes texts: say `value: string` at the source"))?;
        let mut seen = context.key_value(SEEN);
        let count = seen.get(record.key())?.and_then(|row| row.value.as_i64()).unwrap_or(0) + 1;
        seen.put(record.key(), Value::Int64(count), record.timestamp())?;
        if count % self.every != 0 {
            return Ok(());
        }
        context.forward(&record.with_value(Value::String(&format!("{text} #{count}"))))
    }
}

kstreamd::plugin!("example_name", env!("CARGO_PKG_VERSION"), [ExampleNameProcessor]);

/// The processor alone, on a task in miniature: no daemon, no files.
#[cfg(test)]
mod tests {
    use super::*;
    use kstreamd::testing::Task;

    fn record<'a>(key: &'a str, value: &'a str) -> Record<'a> {
        Record::new(Value::String(key), Value::String(value), 1000)
    }

    #[test]
    fn passes_every_second_record_of_a_key() {
        let mut task = Task::<ExampleNameProcessor>::new(r#"{"every": 2}"#).unwrap();
        task.process(&[record("a", "one"), record("b", "one"), record("a", "two")]).unwrap();
        let out = task.take_output();
        assert_eq!(out.len(), 1);
        assert_eq!((&out[0].key, &out[0].value, out[0].timestamp), (&"a".into(), &"two #2".into(), 1000));
        assert_eq!(task.rows(0), 2);
    }

    #[test]
    fn drops_what_has_no_key() {
        let mut task = Task::<ExampleNameProcessor>::new("{}").unwrap();
        task.process(&[record("a", "one").with_key(Value::Null)]).unwrap();
        assert_eq!(task.dropped("null_key"), 1);
        assert!(task.take_output().is_empty());
    }

    #[test]
    fn refuses_what_it_cannot_do() {
        assert_eq!(Task::<ExampleNameProcessor>::new(r#"{"every": 0}"#).err().unwrap(), "'every' must be 1 or more");
    }
}
