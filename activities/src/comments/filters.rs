//! The filters of the templates, which give safe Markdown. What is inserted without a filter is escaped.
#![allow(
    unreachable_pub,
    reason = "the macro's items are public, whatever the function is"
)]

use std::fmt::Display;

use askama::{Result, Values, filter_fn, filters::Safe};
use domain::Login;
use jiff::Timestamp;

use super::markdown::{self, Markdown};

/// Longest name of foreign origin, in characters: an image's may be long.
const NAME_MAX: usize = 500;
/// Longest word of a comment that is quoted, in characters.
const WORD_MAX: usize = 60;
/// Longest text of foreign origin, in characters.
const TEXT_MAX: usize = 2_000;
/// The same where a reply may hold a dozen of them.
const REMARK_MAX: usize = 500;
/// Longest log, in characters. GitHub takes 65,536 for a whole comment.
const LOG_MAX: usize = 20_000;

/// A name as code.
#[filter_fn]
pub(super) fn name(text: impl Display, _: &dyn Values) -> Result<Safe<Markdown>> {
    Ok(Safe(markdown::code(&text.to_string(), NAME_MAX)))
}

/// A short text that somebody typed, as code.
#[filter_fn]
pub(super) fn word(text: impl Display, _: &dyn Values) -> Result<Safe<Markdown>> {
    Ok(Safe(markdown::code(&text.to_string(), WORD_MAX)))
}

/// An explanation, with its `backticks` as code.
#[filter_fn]
pub(super) fn text(text: impl Display, _: &dyn Values) -> Result<Safe<Markdown>> {
    Ok(Safe(markdown::sentence(&text.to_string(), TEXT_MAX)))
}

/// A shorter one.
#[filter_fn]
pub(super) fn remark(text: impl Display, _: &dyn Values) -> Result<Safe<Markdown>> {
    Ok(Safe(markdown::sentence(&text.to_string(), REMARK_MAX)))
}

/// The last lines of a log, as a block.
#[filter_fn]
pub(super) fn log(text: impl Display, _: &dyn Values) -> Result<Safe<Markdown>> {
    Ok(Safe(markdown::block(&text.to_string(), LOG_MAX)))
}

/// An address as a link to itself.
#[filter_fn]
pub(super) fn address(text: impl Display, _: &dyn Values) -> Result<Safe<Markdown>> {
    Ok(Safe(markdown::address(&text.to_string(), NAME_MAX)))
}

/// A person, who is notified.
#[filter_fn]
pub(super) fn mention(login: &Login, _: &dyn Values) -> Result<Safe<Markdown>> {
    Ok(Safe(markdown::mention(login)))
}

/// A time, absolute and with its zone: the readers of one comment sit in many.
#[filter_fn]
pub(super) fn time(moment: &Timestamp, _: &dyn Values) -> Result<String> {
    Ok(moment.strftime("%Y-%m-%d %H:%M UTC").to_string())
}
