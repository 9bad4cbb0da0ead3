//! Finds values that are secret because of the name in front of them.

use std::{ops::Range, sync::LazyLock};

use regex::Regex;

use super::compiled;

/// `NAME=`, `name: `, `"name": `, `'name' => `, `\"name\":`, and the word before it, for `API key: `.
static ASSIGNMENT: LazyLock<Regex> = LazyLock::new(|| {
    compiled(r#"((?:[A-Za-z]+[ ])?[A-Za-z_][\w.-]*)(?:\\*["'`\]])?[ \t]*(?::=|=>|[=:])[ \t]*"#)
});
/// `--name value`
static FLAG: LazyLock<Regex> = LazyLock::new(|| compiled(r"(?:^|[\s\['(])--?([A-Za-z][\w-]*)[ \t]+"));
/// `name: NAME` and, next to it, `value: …`, as Kubernetes has it.
static PAIR: LazyLock<Regex> = LazyLock::new(|| {
    compiled(r#"(?i)\bname\\*["']?\s*[:=]\s*\\*["']?([\w.-]+)\\*["']?[\s,]*\\*["']?value\\*["']?\s*[:=]\s*"#)
});
/// `<name>value`
static ELEMENT: LazyLock<Regex> = LazyLock::new(|| compiled(r"<([A-Za-z][\w.:-]*)>"));
/// `('Cookie', 'value')`
static HEADER_PAIR: LazyLock<Regex> =
    LazyLock::new(|| compiled(r#"(?i)["'](?:set-cookie|cookie|(?:proxy-)?authorization)["']\s*,\s*"#));
/// `IDENTIFIED BY 'value'`
static STATEMENT: LazyLock<Regex> =
    LazyLock::new(|| compiled(r#"(?i)\b(?:identified by|password)[ \t]+(["'])"#));
/// `-u user:value`; numbers are those of a user and a group.
static USER_OPTION: LazyLock<Regex> =
    LazyLock::new(|| compiled(r"(?:^|\s)(?:-u|--user)[ \t=]+([^\s:]*[^\s:\d][^\s:]*:\S)"));

/// Words that make a name a secret's, wherever they stand in it.
#[rustfmt::skip]
const SECRET_WORDS: [&str; 27] = [
    "auth", "authorization", "bearer", "cookie", "cookies", "cred", "creds", "credential",
    "credentials", "jwt", "otp", "pass", "passcode", "passphrase", "passwd", "password", "pw",
    "pwd", "salt", "secret", "secrets", "sig", "signature", "sid", "token", "tokens", "totp",
];
/// The same, of words that are written together: `dbpassword`.
#[rustfmt::skip]
const SECRET_PARTS: [&str; 9] = [
    "apikey", "authtoken", "credential", "passphrase", "passwd", "password", "secret", "sessid",
    "token",
];
/// Whose keys are secret, if key and owner are two words in a text, or written together.
#[rustfmt::skip]
const KEY_OWNERS: [&str; 27] = [
    "access", "account", "admin", "api", "app", "auth", "client", "consumer", "deploy", "enc",
    "encryption", "hmac", "integration", "license", "master", "private", "secret", "service",
    "session", "shared", "signing", "ssh", "storage", "subscription", "tls", "webhook", "write",
];
/// Keys that are none, in names such as `PRIMARY_KEY`.
#[rustfmt::skip]
const HARMLESS_KEYS: [&str; 16] = [
    "cache", "composite", "config", "duplicate", "foreign", "idempotency", "index", "object",
    "partition", "primary", "public", "route", "routing", "sort", "translation", "unique",
];
/// Last words of names that tell where a secret is, how long, or what is wrong with it, but not
/// the secret; and of files in a stack trace.
#[rustfmt::skip]
const ABOUT_IT: [&str; 50] = [
    "algorithm", "count", "dir", "endpoint", "expiration", "expires", "expiry", "file",
    "filename", "length", "name", "path", "policy", "size", "ttl", "type", "uri", "url",
    "version", "controller", "error", "exception", "expired", "failed", "failure", "filter",
    "handler", "invalid", "manager", "missing", "provider", "required", "service", "validator",
    "cs", "ex", "go", "html", "java", "js", "json", "kt", "php", "py", "rb", "rs", "toml", "ts",
    "yaml", "yml",
];
/// Values that stand for none.
#[rustfmt::skip]
const NO_VALUES: [&str; 9] = [
    "", "false", "nil", "no", "none", "null", "true", "undefined", "yes",
];

/// The values of secret names.
pub(super) fn find(text: &str) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    for assignment in ASSIGNMENT.captures_iter(text) {
        let start = assignment.get_match().end();
        // `token::Kind` is a path, `token == x` a comparison.
        let goes_on = text[start..].starts_with([':', '=']);
        if !goes_on && is_secret(&assignment[1]) {
            found.push(value(text, start, is_header(&assignment[1])));
        }
    }
    for flag in FLAG.captures_iter(text) {
        let start = flag.get_match().end();
        if is_secret(&flag[1]) && !text[start..].starts_with('-') {
            found.push(value(text, start, false));
        }
    }
    for pair in PAIR.captures_iter(text) {
        if is_secret(&pair[1]) {
            found.push(value(text, pair.get_match().end(), false));
        }
    }
    for element in ELEMENT.captures_iter(text) {
        if is_secret(&element[1]) {
            let start = element.get_match().end();
            let length = text[start..].find(['<', '\n']);
            found.push(start..length.map_or(text.len(), |length| start + length));
        }
    }
    for pair in HEADER_PAIR.find_iter(text) {
        found.push(value(text, pair.end(), true));
    }
    let credentials = STATEMENT.captures_iter(text).chain(USER_OPTION.captures_iter(text));
    for credential in credentials.filter_map(|found| found.get(1)) {
        found.push(value(text, credential.start(), false));
    }
    found
}

/// Is it the name of a secret?
fn is_secret(name: &str) -> bool {
    // `the password`: the word before counts only in `API key`.
    let (before, name) = name.rsplit_once(' ').unwrap_or(("", name));
    let words = words(name);
    let Some(last) = words.last().map(String::as_str) else {
        return false;
    };
    if words.len() == 1 && last == "key" {
        return KEY_OWNERS.contains(&before.to_ascii_lowercase().as_str());
    }
    if before.eq_ignore_ascii_case("unexpected") {
        // What parsers say of a text.
        return false;
    }
    let is_secret_key =
        |word: &str| word.strip_suffix("key").is_some_and(|owner| KEY_OWNERS.contains(&owner));
    let ends_in_pass = |word: &str| {
        word.strip_suffix("pass").is_some_and(|whose| {
            ["admin", "db", "ftp", "ldap", "mail", "mysql", "pg", "redis", "root", "smtp", "user"]
                .contains(&whose)
        })
    };
    let is_key =
        last == "key" && words.len() > 1 && !HARMLESS_KEYS.contains(&words[words.len() - 2].as_str());
    let is_secret_word = |word: &String| {
        SECRET_WORDS.contains(&word.as_str())
            || SECRET_PARTS.iter().any(|part| word.contains(part))
            || word.ends_with("pwd")
            || is_secret_key(word)
            || ends_in_pass(word)
    };
    let has_key = words.iter().any(|word| word == "key")
        && words.iter().any(|word| KEY_OWNERS.contains(&word.as_str()));
    !ABOUT_IT.contains(&last) && (is_key || has_key || words.iter().any(is_secret_word))
}

/// A header's value goes on to the end of its line.
fn is_header(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    name.ends_with("cookie") || name.ends_with("authorization")
}

/// In lower case: `smtpPass`, `SMTP_PASS` and `smtp.pass` are two words each.
fn words(name: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut previous = '_';
    for character in name.chars() {
        let begins = character.is_ascii_uppercase() && previous.is_ascii_lowercase();
        if begins || !character.is_ascii_alphabetic() {
            words.push(String::new());
        }
        if character.is_ascii_alphabetic()
            && let Some(word) = words.last_mut()
        {
            word.push(character.to_ascii_lowercase());
        }
        previous = character;
    }
    words.retain(|word| !word.is_empty());
    words
}

/// Where the value is that begins here: what is quoted or in brackets, to its end; else everything up to
/// the next space, or to the end of the line.
fn value(text: &str, start: usize, whole_line: bool) -> Range<usize> {
    let rest = &text[start..];
    let line = &rest[..rest.find('\n').unwrap_or(rest.len())];
    let backslashes = line.len() - line.trim_start_matches('\\').len();
    let first = line[backslashes..].chars().next();
    let length = match first {
        Some(quote @ ('"' | '\'' | '`')) => quoted(line, backslashes, quote),
        Some('[' | '{' | '(') if backslashes == 0 => bracketed(line),
        Some('|' | '>') if is_block_header(line) => line.len() + indented(&rest[line.len()..]),
        _ if whole_line => line.len(),
        _ => line.find(char::is_whitespace).unwrap_or(line.len()),
    };
    let around = |c: char| "\\\"'`,;.()[]{}<>".contains(c);
    let is_none = NO_VALUES.contains(&rest[..length].trim_matches(around).to_ascii_lowercase().as_str());
    start..start + if is_none { 0 } else { length }
}

/// Up to the same quote with as many backslashes before it, or to the end of the line.
fn quoted(line: &str, backslashes: usize, quote: char) -> usize {
    let opening = backslashes + quote.len_utf8();
    let mut run = 0;
    for (index, character) in line[opening..].char_indices() {
        if character == '\\' {
            run += 1;
            continue;
        }
        if character == quote && run == backslashes {
            return opening + index + quote.len_utf8();
        }
        run = 0;
    }
    line.len()
}

/// Up to the bracket that closes the first one, or to the end of the line.
fn bracketed(line: &str) -> usize {
    let mut depth = 0_usize;
    for (index, character) in line.char_indices() {
        match character {
            '[' | '{' | '(' => depth += 1,
            ']' | '}' | ')' => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth == 0 {
            return index + character.len_utf8();
        }
    }
    line.len()
}

/// YAML's `|` and `>-`, with nothing behind them.
fn is_block_header(line: &str) -> bool {
    line[1..]
        .trim_end()
        .bytes()
        .all(|b| b.is_ascii_digit() || matches!(b, b'+' | b'-'))
}

/// The lines that are indented, or empty.
fn indented(rest: &str) -> usize {
    let lines = rest.split_inclusive('\n').skip(1);
    let block = lines.take_while(|line| line.starts_with([' ', '\t', '\n']));
    let first = usize::from(rest.starts_with('\n'));
    first + block.map(str::len).sum::<usize>()
}
