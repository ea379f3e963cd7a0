//! A reply as the tests look at it: the raw shape for tests of the protocol, and accessors that read RESP2 and RESP3
//! alike.

use redis::Value;

/// One reply of the server, errors included.
#[derive(Debug, Clone, PartialEq)]
pub enum Reply {
    /// Null of either protocol.
    Nil,
    /// An integer.
    Int(i64),
    /// A bulk or verbatim string.
    Bytes(Vec<u8>),
    /// A simple string.
    Status(String),
    /// An array, set or push.
    Array(Vec<Reply>),
    /// A map of RESP3.
    Map(Vec<(Reply, Reply)>),
    /// A double of RESP3.
    Double(f64),
    /// A boolean of RESP3.
    Bool(bool),
    /// The whole line: code word and text.
    Error(String),
}

impl Reply {
    /// What redis-rs read.
    pub fn from_value(value: Value) -> Self {
        let all = |values: Vec<Value>| values.into_iter().map(Self::from_value).collect();
        match value {
            Value::Nil => Self::Nil,
            Value::Int(number) => Self::Int(number),
            Value::BulkString(bytes) => Self::Bytes(bytes),
            Value::Okay => Self::Status("OK".into()),
            Value::SimpleString(text) => Self::Status(text),
            Value::Array(values) | Value::Set(values) => Self::Array(all(values)),
            Value::Push { data, .. } => Self::Array(all(data)),
            Value::Map(pairs) => {
                Self::Map(pairs.into_iter().map(|(k, v)| (Self::from_value(k), Self::from_value(v))).collect())
            }
            Value::Double(number) => Self::Double(number),
            Value::Boolean(truth) => Self::Bool(truth),
            Value::VerbatimString { text, .. } => Self::Bytes(text.into_bytes()),
            Value::Attribute { data, .. } => Self::from_value(*data),
            Value::ServerError(error) => Self::Error(error_line(error.code(), error.details())),
            other => panic!("a reply of an unexpected kind: {other:?}"),
        }
    }

    /// As [`Self::from_value`]; an error of the server is a reply, one of the connection ends the test.
    pub fn from_result(result: redis::RedisResult<Value>) -> Self {
        match result {
            Ok(value) => Self::from_value(value),
            Err(error) => match error.code() {
                Some(code) => Self::Error(error_line(code, error.detail())),
                None => panic!("the connection failed: {error} ({error:?})"),
            },
        }
    }

    /// The text of an error reply.
    #[track_caller]
    pub fn error(&self) -> &str {
        match self {
            Self::Error(line) => line,
            other => panic!("an error was expected, got {other:?}"),
        }
    }

    /// Whether it is an error.
    pub fn is_error(&self) -> bool {
        matches!(self, Self::Error(_))
    }

    /// Whether it is `OK`.
    pub fn is_ok(&self) -> bool {
        *self == Self::Status("OK".into())
    }

    /// Whether it is null.
    pub fn is_null(&self) -> bool {
        *self == Self::Nil
    }

    /// Asserts `OK`.
    #[track_caller]
    pub fn ok(self) {
        assert_eq!(self, Self::Status("OK".into()));
    }

    /// An integer, or a boolean as one.
    #[track_caller]
    pub fn int(&self) -> i64 {
        match self {
            Self::Int(number) => *number,
            Self::Bool(truth) => i64::from(*truth),
            other => panic!("an integer was expected, got {other:?}"),
        }
    }

    /// A string as text.
    #[track_caller]
    pub fn text(&self) -> String {
        match self {
            Self::Bytes(bytes) => String::from_utf8_lossy(bytes).into_owned(),
            Self::Status(text) => text.clone(),
            other => panic!("text was expected, got {other:?}"),
        }
    }

    /// A string as bytes.
    #[track_caller]
    pub fn bytes(&self) -> &[u8] {
        match self {
            Self::Bytes(bytes) => bytes,
            Self::Status(text) => text.as_bytes(),
            other => panic!("bytes were expected, got {other:?}"),
        }
    }

    /// A number or null: a double of RESP3, its text of RESP2, or an integer.
    #[track_caller]
    pub fn number(&self) -> Option<f64> {
        match self {
            Self::Nil => None,
            Self::Double(number) => Some(*number),
            Self::Int(number) => Some(*number as f64),
            other => Some(other.text().parse().unwrap_or_else(|_| panic!("a number was expected, got {other:?}"))),
        }
    }

    /// A number that must be there.
    #[track_caller]
    pub fn f64(&self) -> f64 {
        self.number().expect("a number was expected, got null")
    }

    /// A boolean, or the integer that stands for it in RESP2.
    #[track_caller]
    pub fn bool(&self) -> bool {
        match self {
            Self::Bool(truth) => *truth,
            Self::Int(0) => false,
            Self::Int(1) => true,
            other => panic!("a boolean was expected, got {other:?}"),
        }
    }

    /// An array's values.
    #[track_caller]
    pub fn array(&self) -> &[Reply] {
        match self {
            Self::Array(values) => values,
            other => panic!("an array was expected, got {other:?}"),
        }
    }

    /// An array of numbers and nulls.
    #[track_caller]
    pub fn numbers(&self) -> Vec<Option<f64>> {
        self.array().iter().map(Self::number).collect()
    }

    /// A map's names and values: a map of RESP3 or its flat form of RESP2.
    #[track_caller]
    pub fn fields(&self) -> Vec<(String, &Reply)> {
        match self {
            Self::Map(pairs) => pairs.iter().map(|(name, value)| (name.text(), value)).collect(),
            Self::Array(flat) => {
                assert!(flat.len().is_multiple_of(2), "a flattened map has an even length: {self:?}");
                flat.chunks(2).map(|pair| (pair[0].text(), &pair[1])).collect()
            }
            other => panic!("a map was expected, got {other:?}"),
        }
    }

    /// A map's names in their order.
    #[track_caller]
    pub fn field_names(&self) -> Vec<String> {
        self.fields().into_iter().map(|(name, _)| name).collect()
    }

    /// Whether a map has this name.
    #[track_caller]
    pub fn has_field(&self, name: &str) -> bool {
        self.fields().iter().any(|(field, _)| field == name)
    }

    /// The value of a map's field, which must be there once.
    #[track_caller]
    pub fn field(&self, name: &str) -> &Reply {
        let fields = self.fields();
        let mut found = fields.iter().filter(|(field, _)| field == name);
        let value = found.next().unwrap_or_else(|| panic!("no field {name} in {self:?}")).1;
        assert!(found.next().is_none(), "field {name} is there twice in {self:?}");
        value
    }
}

fn error_line(code: &str, detail: Option<&str>) -> String {
    detail.map_or_else(|| code.to_owned(), |detail| format!("{code} {detail}"))
}
