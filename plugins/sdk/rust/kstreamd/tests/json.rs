use kstreamd::json::{object, Json};
use kstreamd::{duration_ms, Config};

#[test]
fn reads_and_writes_what_it_read() {
    for text in [
        "null",
        "true",
        "[]",
        "{}",
        "0",
        "-1",
        "9223372036854775807",
        "0.5",
        "1e300",
        r#""a\"b\\c""#,
        r#"{"a":[1,{"b":null}],"c":"ü"}"#,
    ] {
        assert_eq!(Json::parse(text).unwrap().to_string(), text, "{text}");
    }
    assert_eq!(Json::parse(" [ 1 , 2.0 ] ").unwrap(), Json::List(vec![Json::Int(1), Json::Float(2.0)]));
    assert_eq!(Json::parse(r#""\u00fc\ud83d\ude00\n""#).unwrap(), Json::from("ü😀\n"));
    assert_eq!(object([("n", 1.into()), ("t", "x\u{1}".into())]).to_string(), r#"{"n":1,"t":"x\u0001"}"#);
    assert_eq!(Json::parse("9223372036854775808").unwrap().as_i64(), None);
}

#[test]
fn refuses_what_is_no_json() {
    for text in [
        "",
        "nul",
        "[1,]",
        "{\"a\"}",
        "01",
        "1.",
        "-",
        "\"",
        "\"\u{1}\"",
        "\"\\x\"",
        "\"\\ud800\"",
        "\"\\ud800\\u0041\"",
        "1 2",
        "{1:2}",
        "\"\\u12",
    ] {
        assert!(Json::parse(text).unwrap_err().starts_with("no JSON: "), "{text}");
    }
    let deep = "[".repeat(100_000);
    assert!(Json::parse(&deep).unwrap_err().contains("nested too deeply"));
}

#[test]
fn a_configuration_says_what_is_wrong_with_it() {
    let config = Config::parse(r#"{"limit": 3, "per": "1m", "by": null, "odd": "7x"}"#).unwrap();
    assert_eq!(config.integer("limit"), Ok(3));
    assert_eq!(config.duration_ms("per"), Ok(60_000));
    assert_eq!(config.text_or("by", "key"), Ok("key"));
    assert_eq!(config.text("by").unwrap_err(), "'by' is missing");
    assert_eq!(config.integer("per").unwrap_err(), "'per' must be an integer, not \"1m\"");
    assert_eq!(config.duration_ms("odd").unwrap_err(), "'odd' is no duration: '7x' (write 250ms, 30s, 5m, 2h or 7d)");
    assert!(duration_ms("99999999999999999999d").is_err() && duration_ms("106751991168d").is_err());
    assert_eq!(duration_ms("106751991167d"), Ok(106_751_991_167 * 86_400_000));
}
