//! Finds credentials by their issuer's own prefix or form.

use std::{ops::Range, sync::LazyLock};

use regex::Regex;

use super::compiled;

/// As their issuers document them. The lengths are lower bounds: issuers make them longer.
const SHAPES: &[&str] = &[
    // GitHub, GitLab
    r"gh[pousr]_[A-Za-z0-9]{16,}",
    r"github_pat_\w{16,}",
    r"gl(?:pat|oas|dt|rt|rtr|cbt|ptt|ft|imt|agent|wt|soat|ffct)-[\w.-]{10,}",
    r"GR1348941[\w-]{20,}",
    // Package registries
    r"npm_[A-Za-z0-9]{16,}",
    r"pypi-[\w-]{16,}",
    r"rubygems_[0-9a-f]{32,}",
    r"dckr_(?:pat|oat)_[\w-]{16,}",
    // Clouds
    r"(?:AKIA|ASIA|ABIA|ACCA|A3T[A-Z0-9])[A-Z0-9]{16}",
    r"AIza[\w-]{30,}",
    r"GOCSPX-[\w-]{16,}",
    r"ya29\.[\w-]{16,}",
    r"1//0[\w-]{20,}",
    r"do[opr]_v1_[0-9a-f]{32,}",
    r"[A-Za-z0-9_~.-]{3}[78]Q~[A-Za-z0-9_~.-]{30,}",
    r"HRKU-[\w-]{16,}",
    r"FlyV1 fm\d_[\w+/=,-]{16,}",
    r"dapi[0-9a-f]{32}",
    r"(?:glc|glsa|pscale_\w+|sbp|sntry[su]|lin_api|hf|tskey|figd|ntn|secret)[_-][A-Za-z0-9_=-]{16,}",
    // Payment, mail, messages
    r"(?:sk|rk|pk)_(?:live|test)_\w{10,}",
    r"whsec_[\w+/=]{16,}",
    r"sq0[a-z]{3}-[\w-]{16,}",
    r"shp(?:at|ca|pa|ss)_[0-9a-fA-F]{16,}",
    r"SG\.[\w-]{16,}\.[\w-]{16,}",
    r"key-[0-9a-f]{32}",
    r"(?:SK|AC)[0-9a-f]{32}",
    r"xox[a-z](?:\.xox[a-z])?-[\w-]{10,}",
    r"xapp-\d-[\w-]{10,}",
    r"\d{8,10}:AA[\w-]{30,}",
    // Language models
    r"sk-[\w-]{16,}",
    // Vault, Doppler, New Relic, Postman, Atlassian
    r"hv[sbr]\.[\w-]{16,}",
    r"dp\.(?:pt|st|ct|sa|scim|audit)\.[\w.-]{16,}",
    r"NRAK-[A-Z0-9]{16,}",
    r"PMAK-[\w-]{16,}",
    r"AT(?:ATT|CTT)3[\w=-]{20,}",
    r"AGE-SECRET-KEY-1[A-Z0-9]{20,}",
    // JSON Web Tokens and the like: two parts or more, of which the first is an object
    r"eyJ[\w-]{8,}(?:\.[\w-]*){1,4}",
];

/// Any of them, of ASCII characters only.
static SHAPE: LazyLock<Regex> = LazyLock::new(|| compiled(&format!(r"(?-u)\b(?:{})", SHAPES.join("|"))));

/// Addresses that are the credential: whoever knows one may post there.
static WEBHOOK: LazyLock<Regex> = LazyLock::new(|| {
    compiled(
        r#"(?i)\b(?:hooks\.slack\.com/(?:services|workflows|triggers)|discord(?:app)?\.com/api/webhooks|[\w.-]*webhook\.office\.com/webhookb2)/([^\s"'<>`]+)"#,
    )
});

/// `Bearer …`, `Basic …`.
static SCHEME: LazyLock<Regex> =
    LazyLock::new(|| compiled(r"(?i)\b(?:bearer|basic|digest)\s+([\w.~+/=:-]{6,})"));

pub(super) fn find(text: &str) -> Vec<Range<usize>> {
    let shapes = SHAPE.find_iter(text).map(|found| found.range());
    let webhooks = WEBHOOK.captures_iter(text).filter_map(|found| Some(found.get(1)?.range()));
    let schemes = SCHEME.captures_iter(text).filter_map(|found| {
        let value = found.get(1)?;
        // "Basic authentication" is a sentence.
        let is_word = value.as_str()[1..].bytes().all(|b| b.is_ascii_lowercase());
        (!is_word).then(|| value.range())
    });
    shapes.chain(webhooks).chain(schemes).collect()
}
