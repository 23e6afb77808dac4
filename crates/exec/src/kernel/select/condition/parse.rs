//! The parser of conditions.
//!
//! ```text
//!  or          and {"or" and}
//!  and         not {"and" not}
//!  not         {"not"} primary
//!  primary     "(" or ")" | "isnan" "(" term ")" | side op side {op side}
//!  side        term | number          of two neighbours exactly one is a term
//!  term        "x" | name | "\"" any name "\"" | "[" column number "]"
//! ```

use std::str::FromStr;

use super::{ColumnName, CompareOp, Condition, Node, ParseConditionError, Term, Threshold};

/// Longer ones first; of two spellings, the usual one first.
const OPERATORS: [(&str, CompareOp); 7] = [
    (">=", CompareOp::Ge),
    ("<=", CompareOp::Le),
    ("==", CompareOp::Eq),
    ("!=", CompareOp::Ne),
    (">", CompareOp::Gt),
    ("<", CompareOp::Lt),
    ("=", CompareOp::Eq),
];

/// Reserved words.
const WORDS: [&str; 6] = ["x", "and", "or", "not", "isnan", "is"];

/// The deepest nesting of parentheses and *not*, so that no text overflows the stack.
const DEEPEST: usize = 100;

pub(super) fn symbol(op: CompareOp) -> &'static str {
    OPERATORS.iter().find(|(_, o)| *o == op).map_or("?", |(symbol, _)| symbol)
}

/// Whether a name can be written without quotes.
pub(super) fn is_plain_name(name: &str) -> bool {
    let starts = name.starts_with(|c: char| c.is_alphabetic() || c == '_');
    let plain = |c: char| c.is_alphanumeric() || c == '_';
    starts
        && name.chars().all(plain)
        && !WORDS.contains(&name)
        && matches!(number(name), Number::Not)
}

/// `a op b` as `b op' a`.
fn mirrored(op: CompareOp) -> CompareOp {
    match op {
        CompareOp::Gt => CompareOp::Lt,
        CompareOp::Ge => CompareOp::Le,
        CompareOp::Lt => CompareOp::Gt,
        CompareOp::Le => CompareOp::Ge,
        CompareOp::Eq | CompareOp::Ne => op,
    }
}

enum Side {
    Term(Term),
    Number(Threshold),
}

type Result<T> = std::result::Result<T, ParseConditionError>;

struct Parser<'a> {
    text: &'a str,
    at: usize,
    depth: usize,
}

impl FromStr for Condition {
    type Err = ParseConditionError;

    fn from_str(text: &str) -> Result<Self> {
        let mut parser = Parser { text, at: 0, depth: 0 };
        let root = parser.or()?;
        parser.skip_space();
        if parser.rest().is_empty() {
            return Ok(Self { root, text: Some(text.to_owned()) });
        }
        let hint = match parser.rest().as_bytes()[0] {
            b'&' => "write and".to_owned(),
            b'|' => "write or".to_owned(),
            _ => format!("found {}", parser.found()),
        };
        Err(parser.error(parser.at, format!("expected and, or, or the end; {hint}")))
    }
}

impl<'a> Parser<'a> {
    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    fn skip_space(&mut self) {
        self.at = self.text.len() - self.rest().trim_start().len();
    }

    fn error(&self, at: usize, message: impl Into<String>) -> ParseConditionError {
        ParseConditionError::new(self.text.to_owned(), at, message.into())
    }

    /// The next character, described for an error.
    fn found(&self) -> String {
        self.rest().chars().next().map_or("the end".to_owned(), |c| format!("{c:?}"))
    }

    /// Consumes a word if it is next.
    fn take_word(&mut self, word: &str) -> bool {
        self.skip_space();
        let next = self.word() == word;
        if next {
            self.at += word.len();
        }
        next
    }

    fn take(&mut self, symbol: char) -> bool {
        self.skip_space();
        let next = self.rest().starts_with(symbol);
        if next {
            self.at += symbol.len_utf8();
        }
        next
    }

    fn expect(&mut self, symbol: char) -> Result<()> {
        if self.take(symbol) {
            return Ok(());
        }
        Err(self.error(self.at, format!("expected {symbol:?}, found {}", self.found())))
    }

    fn or(&mut self) -> Result<Node> {
        let mut nodes = vec![self.and()?];
        while self.take_word("or") {
            nodes.push(self.and()?);
        }
        Ok(joined(nodes, Node::Any))
    }

    fn and(&mut self) -> Result<Node> {
        let mut nodes = vec![self.not()?];
        while self.take_word("and") {
            nodes.push(self.not()?);
        }
        Ok(joined(nodes, Node::All))
    }

    fn not(&mut self) -> Result<Node> {
        self.skip_space();
        let start = self.at;
        self.depth += 1;
        if self.depth > DEEPEST {
            return Err(self.error(start, format!("more than {DEEPEST} parentheses deep")));
        }
        let node = if self.take_word("not") {
            Node::Not(Box::new(self.not()?))
        } else if self.take('(') {
            let node = self.or()?;
            self.expect(')')?;
            node
        } else if self.take_word("isnan") {
            self.expect('(')?;
            self.skip_space();
            let at = self.at;
            let Side::Term(term) = self.side("x or a column")? else {
                return Err(self.error(at, "expected x or a column, found a number"));
            };
            self.expect(')')?;
            Node::IsNan(term)
        } else {
            self.comparison()?
        };
        self.depth -= 1;
        Ok(node)
    }

    fn comparison(&mut self) -> Result<Node> {
        let mut left = self.side("x, a column or a number")?;
        let mut nodes = Vec::new();
        while let Some(op) = self.operator(nodes.is_empty())? {
            let wanted = if matches!(left, Side::Term(_)) { "a number" } else { "x or a column" };
            self.skip_space();
            let second = self.at;
            let right = self.side(wanted)?;
            nodes.push(match (&left, &right) {
                (Side::Term(term), Side::Number(t)) => Node::Compare(term.clone(), op, *t),
                (Side::Number(t), Side::Term(term)) => {
                    Node::Compare(term.clone(), mirrored(op), *t)
                }
                (Side::Term(a), Side::Term(b)) => {
                    let message = if a == b {
                        format!("expected a number, found {b} on both sides")
                    } else {
                        format!(
                            "expected a number, found {b}; a term can be compared with numbers only"
                        )
                    };
                    return Err(self.error(second, message));
                }
                (Side::Number(_), Side::Number(_)) => {
                    let message = "expected x or a column, found numbers on both sides";
                    return Err(self.error(second, message));
                }
            });
            left = right;
        }
        Ok(joined(nodes, Node::All))
    }

    /// An operator, required or optional.
    fn operator(&mut self, needed: bool) -> Result<Option<CompareOp>> {
        self.skip_space();
        let found = OPERATORS.iter().find(|(symbol, _)| self.rest().starts_with(symbol));
        match found {
            Some((symbol, op)) => {
                self.at += symbol.len();
                Ok(Some(*op))
            }
            None if needed => {
                let message = format!("expected > >= < <= == or !=, found {}", self.found());
                Err(self.error(self.at, message))
            }
            None => Ok(None),
        }
    }

    fn side(&mut self, wanted: &str) -> Result<Side> {
        self.skip_space();
        let start = self.at;
        let term = |column| Ok(Side::Term(Term { column, at: start }));
        if self.take('"') {
            return term(Some(ColumnName::Name(self.quoted(start)?)));
        }
        if self.take('[') {
            self.skip_space();
            let digits = self.word();
            let index = digits.parse().ok().filter(|_| !digits.starts_with('+'));
            let Some(index) = index else {
                let message = "expected the number of a column, counted from 0, such as [3]";
                return Err(self.error(self.at, message));
            };
            self.at += digits.len();
            self.expect(']')?;
            return term(Some(ColumnName::Index(index)));
        }
        let word = self.word();
        self.at += word.len();
        let error = |message: String| Err(self.error(start, message));
        match word {
            "" => {
                self.at = start;
                Err(self.error(start, format!("expected {wanted}, found {}", self.found())))
            }
            "x" => term(None),
            "and" | "or" | "not" | "isnan" | "is" => {
                error(format!("expected {wanted}, found {word}"))
            }
            _ => match number(word) {
                Number::Is(threshold) => Ok(Side::Number(threshold)),
                Number::Nan => error("no comparison with NaN is true; write isnan(x)".to_owned()),
                Number::TooLarge => {
                    error(format!("{word} is too large for a float64; write inf if it is meant"))
                }
                Number::Not if is_plain_name(word) => term(Some(word.into())),
                Number::Not if word.starts_with(|c: char| c.is_alphabetic() || c == '_') => {
                    error(format!("{word:?} is no plain name; put it into double quotes"))
                }
                Number::Not => error(format!("{word:?} is not a number")),
            },
        }
    }

    /// The rest of a name in quotes, which may contain `\"` and `\\`.
    fn quoted(&mut self, start: usize) -> Result<String> {
        let mut name = String::new();
        let mut chars = self.rest().char_indices();
        while let Some((i, c)) = chars.next() {
            match c {
                '"' => {
                    self.at += i + 1;
                    return Ok(name);
                }
                '\\' => match chars.next() {
                    Some((_, c @ ('"' | '\\'))) => name.push(c),
                    _ => {
                        let message = "expected \\\" or \\\\ after a backslash";
                        return Err(self.error(self.at + i, message));
                    }
                },
                c => name.push(c),
            }
        }
        Err(self.error(start, "the name has no closing quote"))
    }

    /// A run of characters that may be a name or a number; it includes signs at its start and in an
    /// exponent.
    fn word(&self) -> &'a str {
        let rest = self.rest();
        let mut previous = None;
        let numeric = rest.starts_with(|c: char| c.is_ascii_digit() || "+-.".contains(c));
        for (i, c) in rest.char_indices() {
            let sign = matches!(c, '+' | '-');
            let exponent = numeric && matches!(previous, Some('e' | 'E'));
            let belongs = c.is_alphanumeric()
                || matches!(c, '.' | '_')
                || (sign && (previous.is_none() || exponent));
            if !belongs {
                return &rest[..i];
            }
            previous = Some(c);
        }
        rest
    }
}

/// A single node, or a list of several; nested lists of the same kind are flattened.
fn joined(nodes: Vec<Node>, list: fn(Vec<Node>) -> Node) -> Node {
    let kind = std::mem::discriminant(&list(Vec::new()));
    let mut all = Vec::new();
    for node in nodes {
        let same = std::mem::discriminant(&node) == kind;
        match node {
            Node::All(inner) | Node::Any(inner) if same => all.extend(inner),
            node => all.push(node),
        }
    }
    match <[Node; 1]>::try_from(all) {
        Ok([only]) => only,
        Err(all) => list(all),
    }
}

enum Number {
    Is(Threshold),
    Nan,
    TooLarge,
    Not,
}

fn number(word: &str) -> Number {
    match word.parse::<Threshold>() {
        Err(_) => Number::Not,
        Ok(Threshold::Float(f)) if f.is_nan() => Number::Nan,
        Ok(Threshold::Float(f))
            if f.is_infinite() && word.contains(|c: char| c.is_ascii_digit()) =>
        {
            Number::TooLarge
        }
        Ok(threshold) => Number::Is(threshold),
    }
}
