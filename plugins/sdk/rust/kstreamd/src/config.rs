use crate::json::Json;

/// A node's `config:`. The schema has been checked before; the errors here are for what it leaves open.
#[derive(Debug)]
pub struct Config(Json);

impl Config {
    /// Reads the text that [`crate::Processor::create`] gets.
    pub fn parse(text: &str) -> Result<Self, String> {
        let config = Json::parse(text)?;
        if !matches!(config, Json::Object(_)) {
            return Err("the configuration is no object".to_string());
        }
        Ok(Config(config))
    }

    /// A field as it is; null counts as missing.
    pub fn get(&self, name: &str) -> Option<&Json> {
        self.0.get(name).filter(|value| **value != Json::Null)
    }

    fn required<T>(name: &str, found: Option<T>) -> Result<T, String> {
        found.ok_or_else(|| format!("'{name}' is missing"))
    }

    fn text_of(&self, name: &str) -> Result<Option<&str>, String> {
        match self.get(name) {
            Some(value) if value.as_str().is_none() => Err(format!("'{name}' must be a text, not {value}")),
            found => Ok(found.and_then(Json::as_str)),
        }
    }

    /// A text that must be there.
    pub fn text(&self, name: &str) -> Result<&str, String> {
        Self::required(name, self.text_of(name)?)
    }

    /// A text, or what stands for a missing one.
    pub fn text_or<'s>(&'s self, name: &str, missing: &'s str) -> Result<&'s str, String> {
        Ok(self.text_of(name)?.unwrap_or(missing))
    }

    fn integer_of(&self, name: &str) -> Result<Option<i64>, String> {
        match self.get(name) {
            Some(value) if value.as_i64().is_none() => Err(format!("'{name}' must be an integer, not {value}")),
            found => Ok(found.and_then(Json::as_i64)),
        }
    }

    /// An integer that must be there.
    pub fn integer(&self, name: &str) -> Result<i64, String> {
        Self::required(name, self.integer_of(name)?)
    }

    /// An integer, or what stands for a missing one.
    pub fn integer_or(&self, name: &str, missing: i64) -> Result<i64, String> {
        Ok(self.integer_of(name)?.unwrap_or(missing))
    }

    /// A duration such as "250ms", "30s", "5m", "2h" or "7d" that must be there, in ms.
    pub fn duration_ms(&self, name: &str) -> Result<i64, String> {
        duration_ms(self.text(name)?).map_err(|why| format!("'{name}' {why}"))
    }
}

/// A duration as topologies write it, in ms.
pub fn duration_ms(text: &str) -> Result<i64, String> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at(digits);
    let factor = match unit {
        "ms" => Some(1),
        "s" => Some(1_000),
        "m" => Some(60_000),
        "h" => Some(3_600_000),
        "d" => Some(86_400_000),
        _ => None,
    };
    let read = number.parse::<i64>().ok().zip(factor).and_then(|(number, factor)| number.checked_mul(factor));
    read.ok_or_else(|| format!("is no duration: '{text}' (write 250ms, 30s, 5m, 2h or 7d)"))
}
