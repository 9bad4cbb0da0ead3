//! Finds passwords in addresses.

use std::{ops::Range, sync::LazyLock};

use regex::Regex;

use super::compiled;

/// `scheme://` and what may belong to the address. Passwords are often written
/// without the escapes that they need there.
static ADDRESS: LazyLock<Regex> =
    LazyLock::new(|| compiled(r#"(?i)\b[a-z][a-z0-9+.-]*:\\?/\\?/([^\s"<>`]+)"#));

/// `user:password@tcp(host:3306)`, as drivers of Go have it.
static WITHOUT_SCHEME: LazyLock<Regex> = LazyLock::new(|| compiled(r"[\w.%+-]+:\S+@(?:tcp|udp|unix)?\("));

/// The part before the `@` of each address that has one.
pub(super) fn find(text: &str) -> Vec<Range<usize>> {
    let with_scheme = ADDRESS.captures_iter(text).filter_map(|found| {
        let rest = found.get(1)?;
        let length = user_info(rest.as_str())?;
        Some(rest.start()..rest.start() + length)
    });
    let without = WITHOUT_SCHEME.find_iter(text).filter_map(|found| {
        let length = found.as_str().rfind('@')?;
        Some(found.start()..found.start() + length)
    });
    with_scheme.chain(without).collect()
}

/// How long the user and the password are, of what follows the `://`. A `/`, `?`, `#` or `@` may belong to
/// the password, so it ends at the last `@`; but an `@` behind a plain host and its port belongs to the path.
fn user_info(rest: &str) -> Option<usize> {
    let authority = &rest[..rest.find(['/', '?', '#', '\\']).unwrap_or(rest.len())];
    let last = rest.rfind('@')?;
    if authority.contains('@') {
        return Some(last);
    }
    let (_, port) = authority.split_once(':')?;
    let is_port = !port.is_empty() && port.len() <= 5 && port.bytes().all(|b| b.is_ascii_digit());
    // `/@scope/package` is a path everywhere, and no password ends in a slash.
    let begins_a_piece = rest[..last].ends_with('/');
    (!(is_port && begins_a_piece)).then_some(last)
}
