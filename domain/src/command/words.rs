//! The prefix and the special characters that the parser knows.

/// Stands in a line for whatever in it is not plain text: code, a link, what an HTML
/// element holds. No word with it is one of ours.
pub const NOT_TEXT: char = '\u{FFFC}';
/// Stands in a line for what decorates its text and is no text itself: where emphasis begins or ends, a
/// picture, an HTML tag. No word with it is one of ours, but it may be meant to be.
pub const MARKUP: char = '\u{FDD2}';

/// The word that every command begins with.
pub(super) const PREFIX: &str = "/preview";
/// Characters that nobody sees. Pages and chats leave them around what is copied from there.
pub(super) const INVISIBLE: [char; 8] = [
    '\u{AD}', '\u{200B}', '\u{200C}', '\u{200D}', '\u{200E}', '\u{200F}', '\u{2060}', '\u{FEFF}',
];
