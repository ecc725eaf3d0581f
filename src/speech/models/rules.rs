//! Patterns to replies: a language model for menus, tests and demonstrations, which answers at once and always the same.
//!
//! ```
//! use roomtone::speech::models::Rules;
//! let rules = Rules::parse(r#"
//!     otherwise = "I can tell you the opening hours."
//!     [[rule]]
//!     when = ["opening hours", "when * open"]
//!     say = "We are open from nine to five."
//!     [[rule]]
//!     when = ["my name is *"]
//!     say = "Hello, {1}."
//! "#).unwrap();
//! assert_eq!(rules.answer("So, when do you open?"), "We are open from nine to five.");
//! assert_eq!(rules.answer("My name is Ada Lovelace."), "Hello, Ada Lovelace.");
//! assert_eq!(rules.answer("Sing!"), "I can tell you the opening hours.");
//! ```

use std::sync::Arc;

use async_trait::async_trait;
use serde::Deserialize;

use crate::conversation::{EngineError, LanguageModel, Prompt, TextSink};

/// The rules, the first that fits counts.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Rules {
    /// What is said where no rule fits.
    pub otherwise: String,
    /// The rules.
    pub rule: Vec<Rule>,
}

/// One of them.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// What is said to it, without regard to case and signs: words that follow each other, anywhere; `*` stands for any words
    /// between, and at the end for all that follow.
    pub when: Vec<String>,
    /// What it says; `{1}` is what the first `*` stood for.
    pub say: String,
}

/// Why there are no rules.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RuleError {
    /// The text is none.
    #[error("{0}")]
    Shape(String),
    /// A pattern says nothing.
    #[error("rule {rule}: a pattern without words fits everything; `otherwise` is for that")]
    Empty {
        /// Which, from 1 on.
        rule: usize,
    },
}

impl Rules {
    /// Reads them.
    ///
    /// # Errors
    /// [`RuleError`] with the line or the rule.
    pub fn parse(text: &str) -> Result<Rules, RuleError> {
        let rules: Rules =
            toml::from_str(text).map_err(|error| RuleError::Shape(error.to_string().trim().to_owned()))?;
        rules.check()?;
        Ok(rules)
    }

    /// Whether each pattern says something.
    ///
    /// # Errors
    /// [`RuleError::Empty`].
    pub fn check(&self) -> Result<(), RuleError> {
        let is_empty = |pattern: &String| !tokens(pattern).iter().any(|token| token.plain != "*");
        let empty = self.rule.iter().position(|rule| rule.when.is_empty() || rule.when.iter().any(is_empty));
        empty.map_or(Ok(()), |at| Err(RuleError::Empty { rule: at + 1 }))
    }

    /// What is said to this.
    pub fn answer(&self, said: &str) -> String {
        let said = tokens(said);
        for rule in &self.rule {
            for pattern in &rule.when {
                if let Some(found) = find(&tokens(pattern), &said) {
                    return filled(&rule.say, &found);
                }
            }
        }
        self.otherwise.clone()
    }
}

#[async_trait]
impl LanguageModel for Rules {
    fn name(&self) -> Arc<str> {
        "rules".into()
    }

    fn most_at_once(&self) -> usize {
        usize::MAX
    }

    async fn complete(&self, prompt: &Prompt, text: &mut TextSink) -> Result<(), EngineError> {
        text.push(&self.answer(&prompt.turn.text)).await
    }
}

/// A word as it is written, and as it is compared.
struct Token {
    written: String,
    plain: String,
}

fn tokens(text: &str) -> Vec<Token> {
    let token = |word: &str| {
        let written = word.trim_matches(|c: char| !c.is_alphanumeric() && c != '*').to_owned();
        let plain: String =
            written.chars().filter(|c| c.is_alphanumeric() || *c == '*').flat_map(char::to_lowercase).collect();
        Token { written, plain }
    };
    // Whether two words are joined by a hyphen is the engine's taste.
    text.split(|c: char| c.is_whitespace() || c == '-').map(token).filter(|token| !token.plain.is_empty()).collect()
}

/// What each `*` stood for, if the pattern is found anywhere.
fn find(pattern: &[Token], said: &[Token]) -> Option<Vec<String>> {
    let starts_open = pattern.first().is_some_and(|token| token.plain == "*");
    let places = if starts_open { 0..1 } else { 0..said.len() };
    places.into_iter().find_map(|at| matched(pattern, &said[at.min(said.len())..]))
}

fn matched(pattern: &[Token], said: &[Token]) -> Option<Vec<String>> {
    let Some((first, rest)) = pattern.split_first() else { return Some(Vec::new()) };
    if first.plain != "*" {
        let (word, behind) = said.split_first()?;
        return if word.plain == first.plain { matched(rest, behind) } else { None };
    }
    let text = |words: &[Token]| words.iter().map(|word| word.written.as_str()).collect::<Vec<_>>().join(" ");
    if rest.is_empty() {
        return Some(vec![text(said)]);
    }
    (0..=said.len()).find_map(|n| {
        let mut found = matched(rest, &said[n..])?;
        found.insert(0, text(&said[..n]));
        Some(found)
    })
}

fn filled(say: &str, found: &[String]) -> String {
    let fill = |text: String, (n, words): (usize, &String)| text.replace(&format!("{{{}}}", n + 1), words);
    found.iter().enumerate().fold(say.to_owned(), fill)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_find_words_in_their_order_and_nothing_else() {
        let fits = |pattern: &str, said: &str| find(&tokens(pattern), &tokens(said));
        assert_eq!(fits("go forward", "Please go forward, now"), Some(vec![]));
        assert_eq!(fits("ill disposed man", "An ill-disposed man."), Some(vec![]));
        assert_eq!(fits("go forward", "Forward, go!"), None);
        assert_eq!(fits("go forward", "going forward"), None);
        assert_eq!(fits("* of *", "The queen of hearts"), Some(vec!["The queen".into(), "hearts".into()]));
        assert_eq!(fits("when * open", "when open"), Some(vec![String::new()]));
        assert!(Rules::parse("[[rule]]\nwhen = [\"*\"]\nsay = \"x\"").is_err());
        assert!(Rules::parse("[[rule]]\nwhen = []\nsay = \"x\"").is_err());
    }

    #[test]
    fn many_stars_take_no_time_to_speak_of() {
        let pattern = "a * b * c * d * e";
        assert_eq!(find(&tokens(pattern), &tokens(&"a b c d ".repeat(40))), None);
    }
}
